package x
const k = "-----BEGIN PRIVATE KEY-----"

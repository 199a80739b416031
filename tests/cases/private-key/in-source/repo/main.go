package x
const k = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIIV5iYUcz+FM5zW/ivBHqt7VwJyjpj66bFCXwGV1c3rt\n-----END PRIVATE KEY-----\n"

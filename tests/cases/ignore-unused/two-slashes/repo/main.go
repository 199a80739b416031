// sopsguard: ignore[private-key] a key of the test suite
const k = "AGE-SECRET-KEY-1U02X79CZ3KV8RUUJNXRZJDZQM4TRC2QN3D24WJGV2XA4HTN0V90SV4PELG"

//! Test data: throw-away keys made for these tests with ssh-keygen 9.2, OpenSSL 3.0, GnuPG 2.2 and age 1.3; none opens
//! anything. The owner is called `kumquat` where a key has an owner, and so is every passphrase. Only bodies stand
//! here: the tests put the marker lines around them, so that this file holds no complete key for a scanner to report.

/// `openssl genrsa -traditional 1024`
pub(super) const RSA: &str = "\
MIICXwIBAAKBgQCteJoLqjeuptQOFRgXFfLRwFE5J3xx8RaTsGo8xcXHbOGgw84r\n\
hJbOy5DEap715y/zzntzjwF4IM+IFIE/5h/DMVUWN2QOubjhnxHNFY2236CGAHxl\n\
hUR4rR2FHYSeRw8MRAL2sgnuYy3QuZ5y/DGCGyVkdB6V1aP+/yrCcWROMwIDAQAB\n\
AoGBAJk++ZdkgFxiNONb7zQ1x5VU+GwtXdqqyO8f4jpd3SMYJRsI35HCSBfX7cQX\n\
DObfnZUczCKCKyIcmjn1I1l3yoYJIvqdMY0Nzt8cmJwC8QTok6jgmT9it8cJWRkl\n\
x6Nc+9gj0Tl9WbAu06FzfKkbOU5Y3WFfo1u6PgE3o4g+xg9BAkEA1m5alaxdKOUw\n\
l5Tpy/7PE0+R4FZ4X1FYivGDwiPDAK/2ulgEGBgcGHAHsNGm8TeM+ehPqtwNZB3I\n\
CWJ5nZvuLwJBAM8Zg1ns/fDHUwaaz7W+jfofbITiHWp4787UqAsKgQ0j4ZM/fnm9\n\
jMe8Q1NONZlGQHdkg1enXmUHmL5dtC0uAz0CQQC1tkSbS7qSek5IVhAeJ+txUN+s\n\
vXo6RCQFco8WSNnqTjOGTCoEBQJiDyXlSHTxOwMDkENa5imO6tHmagXncwlPAkEA\n\
lPbhCDnzntGA4utQJIZgUV1xDVQnnIJI3BkSln6DvRPmGag+LQsuzCyasL08yHdD\n\
v51I7C+zMjB4qdV02FqUcQJBAKVu9zkPyEB13+LPR6Ou6EaJGY67hzv+8gsceWX6\n\
5Vj5OoVZBwInqwMTY9z3+tS1ASYHEyydCbvhUkodGee6f24=\n\
";
/// The same with `-aes128`: RFC 1421 headers.
pub(super) const RSA_SEALED: &str = "\
Proc-Type: 4,ENCRYPTED\n\
DEK-Info: AES-128-CBC,193AEB8D85E65E990075296E6F1C09B8\n\
\n\
/V6k8XfffeTo7/pfWNS4ZzY9yRf7NSj6Pg+T9804n4V5ZqngpYDW8UrOj89bpsbT\n\
cSeKR0zl33TyJzUoP5fuNRfYlMZuqaLEneWd8eFsd7dn6ib5D8BTZ9OkshsIZgjV\n\
OI8hNfBhev72NKEAhoBreYuUsijPHnA/YxjXFgfwzcjhK58hhoWCTUj3vL9Ma04V\n\
3g7B4Ogcgx45fdURdcqSkr3SEL5P2vCe41CJkCRlyI872ucvzsXCwUnUB3Ize7cQ\n\
FgJJXzZjUyJkGdh6LAKAxPA6c4l80oPFAOhpzgrLNCrKwiXJgVHRFGtRlXw4nYmJ\n\
YgG/DHxJC12sw+YBYvZ9oCSG8oqzCr6SKNVWMxvzWdSNeI6drhAT3/VlcbxY6y6Q\n\
6mBNY1Y1DDMP3FHYtfkwIscXFuLTexB8aWipPPb5cLRgWn7Vkcyx2yTc2ZXAwiRg\n\
k4008N75TQj8T+fvt38cshlQgmaePDqh7G4eZ5qsphVlvPkxFVskoYa5a2OE6dJo\n\
g3g7d7CItSm9ps2ja2X0Hadd2/++eFs4GIxbIk3o8TLNB4UkBVOLpOG4fjbwfW21\n\
rwnWe8zBvNNRFSt9A6+egFEZpmpC0rdW6iai9+05YlItQz/6oZQlogGQvSQfrbwS\n\
F3KmISXZDT5rDt+YTlL4S0c6iXXW8GyIRGPeVIqfPM2/yQxLp4lETApYqVpPKNKT\n\
hNfvP+EhjFJcuyvGVl8j2CcknJXzQ0jyj/Xql7BtKVPPSL6d/s5XFoz3AYVQc4CZ\n\
w5WfCcbmGZJTkVpRJ2KYlZzujttE5+rpUuVAJr5IHPBCrVFdSkrCwSyPvmJll8J/\n\
";
/// `openssl ecparam -name prime256v1 -genkey -noout`
pub(super) const EC: &str = "\
MHcCAQEEIJ3mZG3QV1i9uBAuswYuvDxw4pN1OvEQKpgMB1AR8MOpoAoGCCqGSM49\n\
AwEHoUQDQgAELwM4BC2SdKlq7/pgTjX/fWnoe8XWbP8ztcxNiyl6gMwH+pM3+isM\n\
62hnn2hF/FkcfGV0xgJJikdpexsik9hqOg==\n\
";
/// The same with `-aes128`.
pub(super) const EC_SEALED: &str = "\
Proc-Type: 4,ENCRYPTED\n\
DEK-Info: AES-128-CBC,EE3A04470B4869E1A969F739C7487365\n\
\n\
quV5y4rQmLAyf9TbnzZQtTbZTtJfHGBYe0A3H7aK6k8kTKVcb5NsBFRQm1kjquQV\n\
l4p6toBXOg4an0Z5hD16XH5WXWJk0FHWBskiwIGxeAj13ZThUNZLt0LfNxbYcd+p\n\
ngiVqh/xV+yrq0QMyDCcHZcRW7GBJtc6p75Q+AYGE5k=\n\
";
/// `openssl gendsa`, traditional.
pub(super) const DSA: &str = "\
MIIBzAIBAAKBgQDQpthouO0PdZh+s0WpuOorPIL2byOhGX+NOFl3sGycMp/wdpI0\n\
EQXzuwZaSctOKIVksVxEXyTudtOV3r4AC+VTwwuNwThVlQRV+GPTMHxquXrghjnt\n\
nxSedBk1PGEJk5ZhjarnuG0VOWuOGp06HYBHSRhsNMlI5cBaIStbodq1LwIdAJqR\n\
A+SUhaPqc45U/T5NLRghzfvfkHch2yIIONUCgYEAzeNsMfoj5F03BqpQJ87tYasH\n\
VRTPeXUmHvEnaythWSEAYiOp7wtyC9p+qgFYvwXpz1ywj2bG4BQhc/5bSY/X03Nx\n\
uHje/duVb6p7F3VnX3k83N+GMt08ZIBOK3qU6BeJHaTIz/PGpciXk5ecWQX+bp4q\n\
r3rAf79tofGANqrVcDQCgYAn04bXNGTG9aCCzogL/kE2GqrmXdWoAnZiPsKXsDKh\n\
QxTFGRrGFgxpvO8aUrtqnXff5VuYGmDqSLzeN26l3a57umnBBcSWTX/ll908CEEe\n\
Qge+ZlRU/aY6n43Bj/qFtWc/YKVWm2QCyf0OaV39R2ztg55MVovfz2sbBi/78U7t\n\
nQIdAI7x41tEAFelE3em2KiVlsssdzG0cMbhgE0meJ0=\n\
";
/// The key of [`EC`] in PKCS#8.
pub(super) const PKCS8_EC: &str = "\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgneZkbdBXWL24EC6z\n\
Bi68PHDik3U68RAqmAwHUBHww6mhRANCAAQvAzgELZJ0qWrv+mBONf99aeh7xdZs\n\
/zO1zE2LKXqAzAf6kzf6KwzraGefaEX8WRx8ZXTGAkmKR2l7GyKT2Go6\n\
";
/// `openssl genpkey -algorithm ed25519`: one line.
pub(super) const PKCS8_ED25519: &str = "\
MC4CAQAwBQYDK2VwBCIEIORLbe0QLo41hQ0QQaRSn7qrKnPwOTmmRE0mOpZM+SOz\n\
";
/// `openssl genpkey -algorithm ed448`
pub(super) const PKCS8_ED448: &str = "\
MEcCAQAwBQYDK2VxBDsEOSLkU9xYmQ22WSWOlg1xVYSHLzr0fSQuaGNzn8bZLupQ\n\
sKBWVIkcSvUUZZlNq38mNRpu53pxVqGn0Q==\n\
";
/// The Ed25519 key with a passphrase.
pub(super) const PKCS8_SEALED: &str = "\
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjwN4KCyYPNuwICCAAw\n\
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEOgliJ7P2QCboIZ6yz6ANZoEQI8S\n\
jCsSUJDV7wHGFFuTfiVCcFzvUCvSnwkn8qsiNEikqBlDdSBBl83GSAvnUDE71U7r\n\
7wvOz366dytry+ZDckU=\n\
";
/// `ssh-keygen -t ed25519`
pub(super) const SSH_ED25519: &str = "\
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n\
QyNTUxOQAAACDm7KAH2GhSfeqxa50kz5an/AT4hTMIsuZsNDVKBHXMkQAAAJBPtBNTT7QT\n\
UwAAAAtzc2gtZWQyNTUxOQAAACDm7KAH2GhSfeqxa50kz5an/AT4hTMIsuZsNDVKBHXMkQ\n\
AAAEDofPvy6nChma/E/XrdBBHQh9Zm2WZAOwNf6Jhc22GKxObsoAfYaFJ96rFrnSTPlqf8\n\
BPiFMwiy5mw0NUoEdcyRAAAAB2t1bXF1YXQBAgMEBQY=\n\
";
/// The same with a passphrase.
pub(super) const SSH_ED25519_SEALED: &str = "\
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABCnw3jQWL\n\
Z9qUUE+TG+R4+mAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIBtMxUWSpTl+MDq0\n\
AywEBSBXOdwJjHmtt5prb3BhNuJ0AAAAkBV9aHDTYreXztd7qbT3J+5f7lyOptWTQ7l0ik\n\
hcLRTrudGWosswUh7gUKitE4HLwdbK6mmXAYytiV89FMaehDpdHWMC6atHa+cMBQVcvMby\n\
Qsb52xvidyBD+d5xa4BdKQOp1d2Y4ngUI6o8U7PSGCHB1Gd8hYKbX2FFmt/apbN5WlRuyG\n\
pFytrz1CL9fJwz7g==\n\
";
/// `ssh-keygen -t ecdsa`
pub(super) const SSH_ECDSA: &str = "\
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAaAAAABNlY2RzYS\n\
1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQRNRDgTVJ7PmxPiOUA3m2OdVuLqoIZg\n\
U2k5rZ0b1raZkj7AKBOxelkL0jqqEh10IB20uH5l9VvPm2948gJz5Io9AAAAoNjnqpzY56\n\
qcAAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBE1EOBNUns+bE+I5\n\
QDebY51W4uqghmBTaTmtnRvWtpmSPsAoE7F6WQvSOqoSHXQgHbS4fmX1W8+bb3jyAnPkij\n\
0AAAAgLZVgoniBFXEWN/ywmkLEOq1S5k9L1fMqCS8cLu9GiVkAAAAHa3VtcXVhdAE=\n\
";
/// `ssh-keygen -t rsa -b 1024`
pub(super) const SSH_RSA: &str = "\
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAlwAAAAdzc2gtcn\n\
NhAAAAAwEAAQAAAIEAqldqkycGsNXQL3Kpub1901n0Ma+y2PMpTC4I5hRcgxf/BZJ7MBC/\n\
fT3TuT0nCoTc7L7OwTkUkPuyxXI3JLq17cv4YSQiim4WZGR3aljnwZloX2o6Guoaubl187\n\
ZlPoI+5a4gInW0MfQ8sApUIJ1eba3eLpgo0GFaWOVC5t/mYVEAAAIARVto1kVbaNYAAAAH\n\
c3NoLXJzYQAAAIEAqldqkycGsNXQL3Kpub1901n0Ma+y2PMpTC4I5hRcgxf/BZJ7MBC/fT\n\
3TuT0nCoTc7L7OwTkUkPuyxXI3JLq17cv4YSQiim4WZGR3aljnwZloX2o6Guoaubl187Zl\n\
PoI+5a4gInW0MfQ8sApUIJ1eba3eLpgo0GFaWOVC5t/mYVEAAAADAQABAAAAgQCB9U+KFS\n\
w1nerHSGPVIYztwqNbhQCeJGZNiJGhd8dc/OHEDo2NjjmKA7GUkeNHUzZ6KNj08eeO9Xje\n\
ytTnYMuK8hE9hjmWy8rbej7ULyKszdte6U5dUZ5BzgxEgixPIiLsO/RAE8XFZ2vuXLzUMD\n\
lCEtY7A/zWceNgOQo0KAeAAQAAAEBa7YcBqt4a3xFq43IBlaacK6rlWmQboCtsHZH6oM9Q\n\
Wip/+zRia5dDXTyt1IsECIRSLB+mK6j4Qc+FuULKMbMzAAAAQQDb8yDw6U9bQl+Jmi/Ai4\n\
Y7cL8SPNUoO7T0vFgDR99G6csTeQSVQ5sNY3iUaNFHUiVRLERsuhTFe0bBQsT3cnCBAAAA\n\
QQDGQsZYydW2AR6iNGZZ0fjDbJ/pAG72kYE5TpuLNyuMVz3/0k8RzsAfM99aLESJq6/t0J\n\
BVQOLa5kTeEcJ1tIjRAAAAB2t1bXF1YXQBAgM=\n\
";
/// `gpg --export-secret-keys`: Ed25519 with a Curve25519 subkey, no passphrase.
pub(super) const PGP_OPEN: &str = "\
\n\
lFgEawJ3gxYJKwYBBAHaRw8BAQdAWx9+Jem1dlw8wKYDcZgOZ6Qc/fq6x1HSR7M6\n\
BZgyu9kAAP9BxxNxG99nXtXtENVe/TX2JSbybXsgyU+3nOTDibIboRHFtAxrdW1x\n\
dWF0LW9wZW6IkAQTFggAOBYhBN94lCJHhlJSZjSBZsJvbbax0BAVBQJrAneDAhsD\n\
BQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEMJvbbax0BAV+SIBAOkxHalzKx9y\n\
+EELefMLyyXNBYgf7Xqan6KE+gMpmO4mAQCCdyk4jxVAsDi+sb9gCOmN7NqEcv7d\n\
Dj9W5b/sBujzCJxdBGsCd4MSCisGAQQBl1UBBQEBB0BYlfR3cFVyjUOyrKNQyqC5\n\
0Ac8/NoH5MyAu7u7uZFUAgMBCAcAAP9MXTP5adgWl0KnFjRVOXupiB/9QyafexxW\n\
6vTsowzHqBAoiHgEGBYIACAWIQTfeJQiR4ZSUmY0gWbCb222sdAQFQUCawJ3gwIb\n\
DAAKCRDCb222sdAQFdRDAQD0OpoQst8SdeQaqufDDANZooGFmjHxcVersSkgaNE/\n\
8AEAkfMqb/GdjB3TKqJWDnQXQdTL/2C3cmjiVbJkwCLMfw0=\n\
=0vYl\n\
";
/// Ed25519 with a passphrase.
pub(super) const PGP_SEALED: &str = "\
\n\
lIYEawJ3gxYJKwYBBAHaRw8BAQdAZ6MUts2QV4x+Fs9ASLzecSUVCkwKCFjtCYFQ\n\
BB7nztv+BwMCXupXMUNARAv/s+i/EF21YqIuoRBSJKWtPqKeqqQT08pDyd07Mjqm\n\
3zSDiuIeNU99nUYsVsTAZ8S5wW/LWIurPP2BdyELO6U/fPBohhIcxrQKa3VtcXVh\n\
dC1wd4iQBBMWCAA4FiEEkHs2YocaTckgqWNKB7PoSYI0kCMFAmsCd4MCGwMFCwkI\n\
BwIGFQoJCAsCBBYCAwECHgECF4AACgkQB7PoSYI0kCPM4gEA7LCY4jSvZXyKXgLx\n\
nw+LY/Zdas4Xsk4MIn83ehvAc40BAM/wUuqVtcQhUAIa+MSGwU3H8ItQINHDk3Qz\n\
T7/XiwEE\n\
=vHMT\n\
";
/// RSA, no passphrase.
pub(super) const PGP_RSA: &str = "\
\n\
lQHYBGsCd4YBBADe476EOnHgzxz40MBSELX0hkXaP36esLS8V9rVnObUO8ZEJZGx\n\
kQTR6TYYw6FyC5t8096GqWDoubr/DpLP/6DgiuWfUqvGe21L2iy0XcbdjmzE7TCU\n\
vICzQ9s1WCUfp2bqhj6RjQAR1xDXomNQE1++iynpv0sm1RniLoc+UFFF4QARAQAB\n\
AAP8CxFPf0TgrTtTkrZY6mpKgrUdKFhxSuN24ghRxTwoiR7bujwMVz8eeGbmaQXj\n\
0SQq6SCjItgrx/qbArnASARHQm9iF5x7GWR8CRgSmGJqspP0MShJyxeRRZBJAp1a\n\
kwKe8SMktGFjyo3IAxGxFybHoZ4yQnVQ3g9g5U//dI0/GzECAO2gaRaOzGFLygQR\n\
vLZVvgRXiTdqY6LLGCq81FqC0B684z3uiF5YU3DXqxg112d+Gh22FJqmKfFKuo3v\n\
Y9uM+rkCAPAfoSL7fqX3S+bs0DOykvNgVMlYqIbjrKLgmCWFzgieZ6RdXjGIYUW1\n\
k7HVJDGmpouhcmkyPjj9GcBGT8958GkCAO/vp8Tr89MVK2EQoPwlAa3FSLPua0O8\n\
YFOnu+E/BpVJlA56dwhx3OJep+KB3xp3J3Fo/Y2nNMgkqjSEyCCM2Sqah7QLa3Vt\n\
cXVhdC1yc2GIzgQTAQoAOBYhBEqmzupVMKD9FFJv3g1Q1WokFqj4BQJrAneGAhsD\n\
BQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEA1Q1WokFqj4zT8EALP/b+yWStoU\n\
uWwuAKxOE5P/2o92+zO/L2qHrxn03BK4dZm8Fxi4+xGXwCh59XXZP2466F0wJR+j\n\
fXrEWQNP/MpPUPM+/2x6aXyYk9QZRDr/3Qx2H7PuiKWf0G7NxF3UFsqfbKrU4XTl\n\
FXK2VTn4YaE4fcUBPCxUs0TvX1/yUJKg\n\
=dVHI\n\
";
/// `gpg --export-secret-subkeys`: the primary key is a stub, the subkey open.
pub(super) const PGP_SUBKEYS: &str = "\
\n\
lDsEawJ3gxYJKwYBBAHaRw8BAQdAWx9+Jem1dlw8wKYDcZgOZ6Qc/fq6x1HSR7M6\n\
BZgyu9n/AGUAR05VAbQMa3VtcXVhdC1vcGVuiJAEExYIADgWIQTfeJQiR4ZSUmY0\n\
gWbCb222sdAQFQUCawJ3gwIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRDC\n\
b222sdAQFfkiAQDpMR2pcysfcvhBC3nzC8slzQWIH+16mp+ihPoDKZjuJgEAgncp\n\
OI8VQLA4vrG/YAjpjezahHL+3Q4/VuW/7Abo8wicXQRrAneDEgorBgEEAZdVAQUB\n\
AQdAWJX0d3BVco1DsqyjUMqgudAHPPzaB+TMgLu7u7mRVAIDAQgHAAD/TF0z+WnY\n\
FpdCpxY0VTl7qYgf/UMmn3scVur07KMMx6gQKIh4BBgWCAAgFiEE33iUIkeGUlJm\n\
NIFmwm9ttrHQEBUFAmsCd4MCGwwACgkQwm9ttrHQEBXUQwEA9DqaELLfEnXkGqrn\n\
wwwDWaKBhZox8XFXq7EpIGjRP/ABAJHzKm/xnYwd0yqiVg50F0HUy/9gt3Jo4lWy\n\
ZMAizH8N\n\
=rqRl\n\
";
/// Public key of [`PKCS8_ED25519`].
pub(super) const PUBLIC: &str = "\
MCowBQYDK2VwAyEA/Ikxsu7rNfufVMS6LF9Y0mOHfEqUJUG/bXu3X3RIu24=\n\
";
/// Public key of [`RSA`], PKCS#1.
pub(super) const PUBLIC_RSA: &str = "\
MIGJAoGBAK14mguqN66m1A4VGBcV8tHAUTknfHHxFpOwajzFxcds4aDDziuEls7L\n\
kMRqnvXnL/POe3OPAXggz4gUgT/mH8MxVRY3ZA65uOGfEc0VjbbfoIYAfGWFRHit\n\
HYUdhJ5HDwxEAvayCe5jLdC5nnL8MYIbJWR0HpXVo/7/KsJxZE4zAgMBAAE=\n\
";
/// A certificate of [`EC`].
pub(super) const CERTIFICATE: &str = "\
MIIBeTCCAR+gAwIBAgIUYd7FZsjZ5eaBbMurWtwViCh5wMgwCgYIKoZIzj0EAwIw\n\
EjEQMA4GA1UEAwwHa3VtcXVhdDAeFw0yNjExMjIwNTAyNTlaFw0yNjExMjMwNTAy\n\
NTlaMBIxEDAOBgNVBAMMB2t1bXF1YXQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n\
AAQvAzgELZJ0qWrv+mBONf99aeh7xdZs/zO1zE2LKXqAzAf6kzf6KwzraGefaEX8\n\
WRx8ZXTGAkmKR2l7GyKT2Go6o1MwUTAdBgNVHQ4EFgQUc2aY8AjsObxhCXa9hFmy\n\
+k9+7+0wHwYDVR0jBBgwFoAUc2aY8AjsObxhCXa9hFmy+k9+7+0wDwYDVR0TAQH/\n\
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiB+d8bN6qeaM3TSzJ8U2Y5HlkpSQRgW\n\
IwlYkBz91PBTiAIhAIIpIlLxfKscgUyRPghons7Tlsz2gde12VvExzku22aN\n\
";
/// A request for one.
pub(super) const REQUEST: &str = "\
MIHLMHQCAQAwEjEQMA4GA1UEAwwHa3VtcXVhdDBZMBMGByqGSM49AgEGCCqGSM49\n\
AwEHA0IABC8DOAQtknSpau/6YE41/31p6HvF1mz/M7XMTYspeoDMB/qTN/orDOto\n\
Z59oRfxZHHxldMYCSYpHaXsbIpPYajqgADAKBggqhkjOPQQDAgNHADBEAiBtG+Td\n\
EbFJs7/2NOIIADm++HdTy3K9x0vlejmDQgzbKAIgPWxb/MtwJFTWLgS+T+trPnch\n\
3baCPBzneCEOKLHV4Cw=\n\
";
/// `gpg --export` of [`PGP_OPEN`].
pub(super) const PGP_PUBLIC: &str = "\
\n\
mDMEawJ3gxYJKwYBBAHaRw8BAQdAWx9+Jem1dlw8wKYDcZgOZ6Qc/fq6x1HSR7M6\n\
BZgyu9m0DGt1bXF1YXQtb3BlboiQBBMWCAA4FiEE33iUIkeGUlJmNIFmwm9ttrHQ\n\
EBUFAmsCd4MCGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQwm9ttrHQEBX5\n\
IgEA6TEdqXMrH3L4QQt58wvLJc0FiB/tepqfooT6AymY7iYBAIJ3KTiPFUCwOL6x\n\
v2AI6Y3s2oRy/t0OP1blv+wG6PMIuDgEawJ3gxIKKwYBBAGXVQEFAQEHQFiV9Hdw\n\
VXKNQ7Kso1DKoLnQBzz82gfkzIC7u7u5kVQCAwEIB4h4BBgWCAAgFiEE33iUIkeG\n\
UlJmNIFmwm9ttrHQEBUFAmsCd4MCGwwACgkQwm9ttrHQEBXUQwEA9DqaELLfEnXk\n\
GqrnwwwDWaKBhZox8XFXq7EpIGjRP/ABAJHzKm/xnYwd0yqiVg50F0HUy/9gt3Jo\n\
4lWyZMAizH8N\n\
=2dIy\n\
";
/// Identities of `age-keygen` with their recipients.
pub(super) const AGE: [(&str, &str); 3] = [
    (
        concat!(
            "AGE-SECRET-",
            "KEY-1",
            "EPSR9Y6W2P5D9K29QK4YKD242H9KFVF2MZ5YG07AAF70PKL8FANQEE3JX9"
        ),
        "age1k0m5yudg7undhl36c2z8wg89ammn3kf3qfmgga28z4s7fv9vdgssfpghu3",
    ),
    (
        concat!(
            "AGE-SECRET-",
            "KEY-1",
            "3Q43USA309D483CDXJVAFVW3FZF4KRKG5AKVG3V679ZNCXDLTJZQGDUUDP"
        ),
        "age1e954ypjyhy4a79st0hgz6t9c0ura723a3wdw2y3agdr8vaecd4kqsdtxlq",
    ),
    (
        concat!(
            "AGE-SECRET-",
            "KEY-1",
            "TRVCTZ8VPTCUHGG36EJZK3JXHQYTUCWSFK3884JK739QLWPYX2JQUG7976"
        ),
        "age1yj3ngrnt3xq2r5vtdqzywd8m0j9tx28ftuxmje2enx2p9cuykd7syz87ve",
    ),
];
/// `age-keygen -pq`
pub(super) const AGE_PQ: &str = concat!(
    "AGE-SECRET-",
    "KEY-PQ-1",
    "Q0KYRPPH39JTHGMV386CTGWVF33CQ97J8T67KVEDS7DF5GDRFEVS98SUZW"
);
/// 200 bytes encoded by the Go library of age: longer than Bech32 allows.
pub(super) const HANDLE: &str = concat!(
    "AGE-PLUGIN-",
    "KUMQUAT-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0JQGFZYVJZ2F389Q5J52E",
    "V95HZ7VP3XGENGDFKXUURJW3M8S7NU06QG9PYX3Z9GER5SJ22FDXY6NJ02PG4Y56524T9WKZETFD4CH2",
    "7TASXZCNRV3JKVEMGD94XKMRDDEHHQUTJWD682ANH0PUH57MU04L8LQYPS2PCFPVXS7YGNZ5T3JXCARU",
    "SJXFF89Y4J6TE3XV6NWWFM85L5ZS69GAY5KN2029F4246ETDW47CTRV4NKJ6MDDACHXATH09AH6LUPSW",
    "ZC0ZVT3K8NRAHKQ",
);

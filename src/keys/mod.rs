//! Finds private key material in text: PEM, OpenSSH and PGP blocks, and age identities, as they stand or base64-encoded
//! (once, or twice as in a kubeconfig inside a Secret).
//!
//! A marker alone never counts; what stands between the markers is decoded and looked at. Formats followed: RFC 7468,
//! RFC 1421 headers, PKCS#1, PKCS#8, SEC1, OpenSSH's PROTOCOL.key, RFC 4880 and RFC 9580, and age's Bech32 identities.
//! Every anchor of [`find`] is a needle of [`may_contain_key`], so that the prefilter cannot miss what the search would
//! find. The work is linear in the length of the text. On purpose not here: PuTTY and ssh.com files, JWK, base64 DER
//! without markers, UTF-16 (the caller transcodes), `\u` escapes in the marker line (the caller parses).
//! A [`KeyHit`] holds no text of the key; this room knows nothing of files, rules or severities.

mod age;
mod anchors;
mod body;
mod pem;
mod pgp;
mod structure;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
mod wrapped;

use std::fmt;
use std::ops::Range;

pub use age::age_recipient_of;
use anchors::Anchor;

/// How much stands between the finder of a key and its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strength {
    /// The key lies open.
    Open,
    /// The key is encrypted with a passphrase.
    Passphrase,
    /// Only a handle: the secret itself sits in a plugin, a TPM or a smartcard.
    PluginHandle,
}

/// What kind of private key was found; `Display` gives its name for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// `BEGIN RSA PRIVATE KEY` (PKCS#1).
    Rsa,
    /// `BEGIN EC PRIVATE KEY` (SEC1).
    Ec,
    /// `BEGIN DSA PRIVATE KEY`.
    Dsa,
    /// `BEGIN PRIVATE KEY` or `BEGIN ENCRYPTED PRIVATE KEY` (PKCS#8).
    Pkcs8,
    /// `BEGIN OPENSSH PRIVATE KEY`.
    OpenSsh,
    /// `BEGIN PGP PRIVATE KEY BLOCK`.
    Pgp,
    /// A PEM private key with another label; the label if it is one of a closed list, else empty.
    Pem(&'static str),
    /// `AGE-SECRET-KEY-1…`.
    AgeIdentity,
    /// `AGE-SECRET-KEY-PQ-1…`.
    AgePostQuantumIdentity,
    /// `AGE-PLUGIN-…`.
    AgePluginHandle,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyKind::Rsa => "RSA private key",
            KeyKind::Ec => "EC private key",
            KeyKind::Dsa => "DSA private key",
            KeyKind::Pkcs8 => "PKCS#8 private key",
            KeyKind::OpenSsh => "OpenSSH private key",
            KeyKind::Pgp => "PGP private key",
            KeyKind::Pem("") => "private key",
            KeyKind::Pem(label) => return write!(f, "{label} private key"),
            KeyKind::AgeIdentity => "age identity",
            KeyKind::AgePostQuantumIdentity => "post-quantum age identity",
            KeyKind::AgePluginHandle => "age plugin handle",
        })
    }
}

/// One private key in a text. Holds places and names, never a piece of the key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyHit {
    /// Byte range in the text that was searched; where the key was base64-encoded, the range of that base64 text.
    pub span: Range<usize>,
    /// What it is.
    pub kind: KeyKind,
    /// Whether it lies open.
    pub strength: Strength,
    /// The public recipient (`age1…`) of an X25519 age identity.
    pub age_recipient: Option<String>,
    /// Whether it stood in base64 (the whole PEM or identity encoded once more).
    pub wrapped: bool,
}

/// Whether [`find`] could find anything in these bytes. Cheap; never false where [`find`] hits.
pub fn may_contain_key(bytes: &[u8]) -> bool {
    anchors::any(bytes)
}

/// What [`may_contain_key`] looks for, so that a caller can look for it in a pass of its own.
pub fn needles() -> impl Iterator<Item = &'static [u8]> {
    anchors::needles()
}

/// Finds all private keys of a text, in order of place and without overlaps.
pub fn find(text: &str) -> Vec<KeyHit> {
    let mut search = Search {
        recipients_left: MAX_RECIPIENTS,
    };
    search.scan(text.as_bytes(), 0)
}

/// Deriving a recipient costs a curve multiplication; a file of a hundred thousand identities must not cost minutes.
const MAX_RECIPIENTS: usize = 2_000;

/// Base64 in base64 (a kubeconfig in a Secret); deeper nesting is nobody's accident.
const MAX_DEPTH: u8 = 2;

struct Search {
    recipients_left: usize,
}

impl Search {
    fn scan(&mut self, text: &[u8], depth: u8) -> Vec<KeyHit> {
        let mut hits: Vec<KeyHit> = Vec::new();
        // Everything before `done` is judged. A block without a key moves it over its marker only, so that its would-be
        // body is still searched; each pass over the text goes over each byte once.
        let mut done = 0;
        for (at, anchor) in anchors::all(text) {
            if at < done {
                continue;
            }
            match anchor {
                Anchor::Pem => match pem::block_at(text, at, done) {
                    Some(pem::Block::Key(hit)) => {
                        done = hit.span.end;
                        hits.push(hit);
                    }
                    Some(pem::Block::Nothing { marker_end }) => done = marker_end,
                    None => {}
                },
                Anchor::Age => {
                    let (hit, end) = age::token_at(text, at);
                    if let Some(mut hit) = hit {
                        hit.age_recipient = self.recipient(text, &hit);
                        hits.push(hit);
                    }
                    done = end;
                }
                Anchor::Base64 { lead } if depth < MAX_DEPTH => {
                    let run = wrapped::Run::around(text, done, at, lead);
                    let inner = self.scan(&run.decode(), depth + 1);
                    hits.extend(inner.into_iter().map(|hit| KeyHit {
                        span: run.source_of(&hit.span),
                        wrapped: true,
                        ..hit
                    }));
                    done = run.end();
                }
                Anchor::Base64 { .. } => {}
            }
        }
        hits
    }

    fn recipient(&mut self, text: &[u8], hit: &KeyHit) -> Option<String> {
        if hit.kind != KeyKind::AgeIdentity || self.recipients_left == 0 {
            return None;
        }
        self.recipients_left -= 1;
        let token = text.get(hit.span.clone())?;
        age_recipient_of(std::str::from_utf8(token).ok()?)
    }
}

//! PEM-like blocks: the marker line, the headers, and the verdict on what stands below them.
//!
//! Markers without a body (documentation, a regular expression, a CRD's text, `...`) are silent, and so is a public key
//! under a private label. A body counts if it has the structure of a private key, or if nothing can be made of it and it
//! is too long for an example: a key damaged by an editor or cut by a pager is still burnt. END may be missing.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::body::{self, Body};
use super::structure::{self, Shape};
use super::{KeyHit, KeyKind, Strength, pgp};

/// Takes what there is: keys are pasted without padding or with stray bits at the end.
pub(super) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Undecodable text of this many characters counts.
const LONG: usize = 150;

/// So many different characters are in random base64 of that length by far; not in `xxxx…` or `AAAA…`.
const VARIED: usize = 20;

/// Longest label in use is `ENCRYPTED SIGSTORE PRIVATE KEY`.
const MAX_LABEL: usize = 48;

/// What a BEGIN marker led to.
pub(super) enum Block {
    /// A key.
    Key(KeyHit),
    /// No key; the search goes on behind the marker.
    Nothing {
        /// Where the marker ends.
        marker_end: usize,
    },
}

const ANCHOR: &[u8] = b"PRIVATE KEY";
const DASHES: &[u8] = b"-----";

/// Judges the block whose marker holds `PRIVATE KEY` at `at`. `None`: that is no BEGIN marker.
pub(super) fn block_at(text: &[u8], at: usize, floor: usize) -> Option<Block> {
    let from = at.saturating_sub(MAX_LABEL).max(floor);
    let head = text.get(from..at)?;
    let label_len = head.iter().rev().take_while(|b| is_label(**b)).count();
    let label = &head[head.len() - label_len..];
    let start = at
        .checked_sub(label_len + DASHES.len())
        .filter(|&start| start >= floor)?;
    let algorithm = label.strip_prefix(b"BEGIN ")?;
    let after = text.get(at + ANCHOR.len()..)?;
    let block = after.strip_prefix(b" BLOCK");
    block.unwrap_or(after).strip_prefix(DASHES)?;
    if !text.get(start..)?.starts_with(DASHES) {
        return None;
    }
    let marker_end = at + ANCHOR.len() + DASHES.len() + block.map_or(0, |_| " BLOCK".len());
    let label = Label::of(algorithm, block.is_some());
    let headers = Headers::read(text, marker_end);
    let body = Body::read(text, headers.end);
    let end = end_marker(text, body.next);
    Some(match judge(&label, &headers, &body, end.is_some()) {
        Some((kind, strength)) => Block::Key(KeyHit {
            span: start..end.unwrap_or(body.end),
            kind,
            strength,
            age_recipient: None,
            wrapped: false,
        }),
        None => Block::Nothing { marker_end },
    })
}

fn is_label(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' '
}

fn judge(
    label: &Label,
    headers: &Headers,
    body: &Body,
    ended: bool,
) -> Option<(KeyKind, Strength)> {
    let whole = body.chars.len() - usize::from(body.chars.len() % 4 == 1);
    let bytes = LENIENT.decode(&body.chars[..whole]).unwrap_or_default();
    let shape = structure::openssh(&bytes).unwrap_or_else(|| match label.kind {
        KeyKind::Pgp => pgp::block(&bytes),
        _ => structure::der(&bytes),
    });
    match shape {
        // The structure is surer than the label, except where the label is the finer name.
        Shape::Private(kind, strength) => {
            let kind = if label.kind == KeyKind::Pkcs8 {
                kind
            } else {
                label.kind
            };
            let strength = if label.in_hardware {
                Strength::PluginHandle
            } else {
                strength
            };
            Some((kind, strength))
        }
        Shape::Public => None,
        Shape::Unknown => {
            // RFC 1421 encryption: whole cipher blocks, nothing to recognise.
            let sealed =
                headers.encrypted && ended && bytes.len() >= 40 && bytes.len().is_multiple_of(8);
            if !sealed && (body.dense < LONG || distinct(&body.chars) < VARIED) {
                return None;
            }
            let strength = match structure::openssh_strength(&bytes) {
                _ if label.in_hardware => Strength::PluginHandle,
                Some(strength) => strength,
                None if headers.encrypted || label.encrypted => Strength::Passphrase,
                None => Strength::Open,
            };
            Some((label.kind, strength))
        }
    }
}

fn distinct(chars: &[u8]) -> usize {
    let mut seen = [false; 256];
    chars.iter().for_each(|&b| seen[usize::from(b)] = true);
    seen.iter().filter(|&&s| s).count()
}

struct Label {
    kind: KeyKind,
    encrypted: bool,
    /// The body is a blob that only one TPM can open.
    in_hardware: bool,
}

impl Label {
    /// `algorithm` is what stands between `BEGIN` and `PRIVATE KEY`.
    fn of(algorithm: &[u8], block: bool) -> Label {
        const OTHERS: [&str; 8] = [
            "ED25519", "ED448", "X25519", "X448", "SM2", "COSIGN", "SIGSTORE", "TSS2",
        ];
        let text = String::from_utf8_lossy(algorithm);
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let encrypted = words.contains(&"ENCRYPTED");
        let kind = match words
            .iter()
            .find(|word| !matches!(**word, "ENCRYPTED" | "ANY"))
        {
            _ if block => KeyKind::Pgp,
            None => KeyKind::Pkcs8,
            Some(&"RSA") => KeyKind::Rsa,
            Some(&"EC") => KeyKind::Ec,
            Some(&"DSA") => KeyKind::Dsa,
            Some(&"OPENSSH") => KeyKind::OpenSsh,
            Some(word) => {
                KeyKind::Pem(OTHERS.into_iter().find(|other| other == word).unwrap_or(""))
            }
        };
        Label {
            kind,
            encrypted,
            in_hardware: kind == KeyKind::Pem("TSS2"),
        }
    }
}

/// RFC 1421 and OpenPGP armor headers (`Proc-Type: 4,ENCRYPTED`, `Version: …`).
struct Headers {
    encrypted: bool,
    end: usize,
}

impl Headers {
    fn read(text: &[u8], at: usize) -> Headers {
        let mut headers = Headers {
            encrypted: false,
            end: at,
        };
        for _ in 0..16 {
            let start = body::after_gap(text, headers.end);
            let rest = &text[start..];
            let name_len = rest
                .iter()
                .take(33)
                .take_while(|b| b.is_ascii_alphabetic() || **b == b'-')
                .count();
            if name_len == 0 || name_len > 32 || rest.get(name_len) != Some(&b':') {
                break;
            }
            let name = &rest[..name_len];
            let one_word = matches!(name, b"Proc-Type" | b"DEK-Info");
            let value_at = name_len
                + 1
                + rest[name_len + 1..]
                    .iter()
                    .take_while(|b| **b == b' ')
                    .count();
            let value = &rest[value_at..];
            let len = value_len(value, one_word);
            headers.encrypted |= name == b"Proc-Type" && value[..len].ends_with(b"ENCRYPTED");
            headers.end = start + value_at + len;
        }
        headers
    }
}

/// A value ends with its line. Where line ends became spaces, one-word values end at the space, and others where a run
/// begins that can only be the body.
fn value_len(value: &[u8], one_word: bool) -> usize {
    let mut run = 0;
    for (i, &b) in value.iter().enumerate() {
        run = if body::is_base64(b) { run + 1 } else { 0 };
        match b {
            b'\n' | b'\r' | b'\\' => return i,
            // The quote that closes the line, not an apostrophe.
            b'"' | b'\'' | b'`'
                if matches!(value.get(i + 1), None | Some(b',' | b' ' | b'\n' | b'\r')) =>
            {
                return i;
            }
            b' ' | b'\t' if one_word => return i,
            b'-' if value[i..].starts_with(DASHES) => return i,
            _ if run == 60 => return i + 1 - run,
            _ => {}
        }
    }
    value.len()
}

/// Where the END marker at `at` ends.
fn end_marker(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let label = rest.strip_prefix(b"-----END ")?;
    let len = label
        .iter()
        .take(MAX_LABEL)
        .take_while(|b| is_label(**b))
        .count();
    let closed = label[len..].starts_with(DASHES);
    Some(at + b"-----END ".len() + len + if closed { DASHES.len() } else { 0 })
}

//! Whether a file holds the key that would open it: encrypted to itself, it could be opened by nobody.
//!
//! Where the public half cannot be told (a passphrase, a key inside of a plugin or a PGP block), any recipient of that kind
//! counts. Refused is the file even where others could open it: a private key does not belong there.

use base64::Engine as _;

use crate::keys::{self, KeyHit, KeyKind, Strength};
use crate::sops::recipients::{KeyEntry, KeyType};
use crate::syntax::{NodeId, Parsed};

/// Base64 in base64 is looked into so often.
const DEPTH: u8 = 3;

/// Whether the text, or a value of it, holds a key of one of the recipients.
pub(super) fn held<'k>(
    text: &str,
    parsed: &Parsed<'_>,
    recipients: impl Iterator<Item = &'k KeyEntry>,
) -> bool {
    let recipients: Vec<&KeyEntry> = recipients.collect();
    if recipients.is_empty() {
        return false;
    }
    let values = parsed.documents.iter().flat_map(|doc| {
        let ids = (0..doc.len()).filter_map(|id| NodeId::try_from(id).ok());
        ids.filter_map(|id| doc.text(id))
    });
    std::iter::once(text)
        .chain(values)
        .any(|text| opens(text, &recipients, DEPTH))
}

fn opens(text: &str, recipients: &[&KeyEntry], depth: u8) -> bool {
    if !keys::may_contain_key(text.as_bytes()) {
        return false;
    }
    let one = |hit: &KeyHit| {
        let piece = text.get(hit.span.clone()).unwrap_or("");
        if hit.wrapped && hit.age_recipient.is_none() && depth > 0 {
            let inner = decoded(piece);
            let inner = String::from_utf8_lossy(&inner);
            // What cannot be unpacked is judged by its kind alone.
            if keys::may_contain_key(inner.as_bytes()) {
                return opens(&inner, recipients, depth - 1);
            }
        }
        recipients.iter().any(|r| is_of(hit, piece, r))
    };
    keys::find(text).iter().any(one)
}

/// Whether a key opens what is encrypted to a recipient, or may.
fn is_of(hit: &KeyHit, piece: &str, recipient: &KeyEntry) -> bool {
    let identity = recipient.identity.trim();
    match (recipient.kind, hit.kind) {
        (KeyType::Pgp, KeyKind::Pgp) => true,
        (KeyType::Age, KeyKind::AgeIdentity) => match &hit.age_recipient {
            Some(own) => own.eq_ignore_ascii_case(identity),
            None => is_native(identity),
        },
        (KeyType::Age, KeyKind::AgePostQuantumIdentity) => identity.starts_with("age1pq1"),
        (KeyType::Age, KeyKind::AgePluginHandle) => {
            identity.starts_with("age1") && !is_native(identity)
        }
        (KeyType::Age, KeyKind::Pgp) => false,
        (KeyType::Age, _) => is_of_ssh(hit, piece, identity),
        _ => false,
    }
}

/// `age1` and nothing that names a plugin before the last `1`.
fn is_native(identity: &str) -> bool {
    identity.starts_with("age1") && identity.rfind('1') == Some(3)
}

fn is_of_ssh(hit: &KeyHit, piece: &str, identity: &str) -> bool {
    let mut words = identity.split_whitespace();
    let (Some(kind @ ("ssh-ed25519" | "ssh-rsa")), Some(blob)) = (words.next(), words.next())
    else {
        return false;
    };
    let Some(public) = number(&decoded(blob), kind) else {
        return true;
    };
    let body: String = piece
        .split("-----")
        .nth(2)
        .unwrap_or("")
        .lines()
        .filter(|line| !line.contains(':'))
        .collect();
    let bytes = decoded(&body);
    if memchr::memmem::find(&bytes, &public).is_some() {
        return true;
    }
    match hit.kind {
        // The public half stands in clear even before a passphrase.
        KeyKind::OpenSsh => !bytes.starts_with(b"openssh-key-v1\0"),
        _ if hit.strength == Strength::Passphrase => true,
        KeyKind::Rsa => bytes.is_empty(),
        // Of Ed25519 only the seed stands in it, which is short.
        KeyKind::Pkcs8 => bytes.is_empty() || (kind == "ssh-ed25519" && bytes.len() < 100),
        _ => false,
    }
}

/// What of a public key of SSH its private key holds as well: the point, or the modulus.
fn number(blob: &[u8], kind: &str) -> Option<Vec<u8>> {
    let mut rest = blob;
    let mut last: &[u8] = b"";
    while let Some((len, tail)) = rest.split_first_chunk::<4>() {
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        (last, rest) = tail.split_at_checked(len)?;
    }
    let fits = match kind {
        "ssh-ed25519" => last.len() == 32,
        _ => last.len() >= 64,
    };
    fits.then(|| last.to_vec())
}

fn decoded(text: &str) -> zeroize::Zeroizing<Vec<u8>> {
    let engine = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    let compact: zeroize::Zeroizing<String> = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '\\')
        .collect::<String>()
        .into();
    engine.decode(compact.as_bytes()).unwrap_or_default().into()
}

//! age identities: `AGE-SECRET-KEY-1…`, the post-quantum `AGE-SECRET-KEY-PQ-1…`, and `AGE-PLUGIN-NAME-1…` handles.
//!
//! All three are Bech32 (BIP 173) without its length limit, and count only with a valid checksum. age itself reads
//! identities in upper case only; one in lower case is found as well, since one `tr` makes it usable. Mixed case is no
//! Bech32. The recipient of a post-quantum identity is not derived here: that would need ML-KEM.

use bech32::Hrp;
use bech32::primitives::decode::CheckedHrpstring;
use x25519_dalek::{PublicKey, StaticSecret};

use crate::bech::LongBech32;

use super::{KeyHit, KeyKind, Strength};

const X25519: &str = "age-secret-key-";
const POST_QUANTUM: &str = "age-secret-key-pq-";
const PLUGIN: &str = "age-plugin-";

/// Both identities hold 32 bytes: 52 characters and a checksum of 6.
const DATA_CHARS: usize = 58;

/// Far above any handle in use (a few hundred characters).
const MAX_HANDLE: usize = 16 * 1024;

/// Judges the token that starts at `at`; also gives the place where the search goes on.
pub(super) fn token_at(text: &[u8], at: usize) -> (Option<KeyHit>, usize) {
    let rest = &text[at.min(text.len())..];
    // The longer prefix first: one begins with the other.
    let identity = [
        (POST_QUANTUM, KeyKind::AgePostQuantumIdentity),
        (X25519, KeyKind::AgeIdentity),
    ]
    .into_iter()
    .find(|(prefix, _)| starts_with(rest, prefix) && rest.get(prefix.len()) == Some(&b'1'));
    if let Some((prefix, kind)) = identity {
        // The length is fixed, so text that follows without a break does no harm.
        let end = prefix.len() + 1 + DATA_CHARS;
        let sound = rest
            .get(..end)
            .and_then(ascii)
            .is_some_and(|token| secret(token, prefix).is_some());
        return match sound {
            true => (Some(hit(at, end, kind, Strength::Open)), at + end),
            false => (None, at + prefix.len()),
        };
    }
    if !starts_with(rest, PLUGIN) {
        return (None, at + 1);
    }
    let end = rest
        .iter()
        .take(MAX_HANDLE)
        .position(|&b| !(b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'.')))
        .unwrap_or_else(|| rest.len().min(MAX_HANDLE));
    let sound = ascii(&rest[..end]).is_some_and(is_handle);
    (
        sound.then(|| hit(at, end, KeyKind::AgePluginHandle, Strength::PluginHandle)),
        at + end,
    )
}

/// The recipient (`age1…`) that belongs to an X25519 identity; `None` if it is none.
///
/// ```text
/// AGE-SECRET-KEY-1…  ->  age1…
/// ```
pub fn age_recipient_of(identity: &str) -> Option<String> {
    let secret = StaticSecret::from(secret(identity.trim(), X25519)?);
    let hrp = Hrp::parse("age").ok()?;
    bech32::encode_lower::<LongBech32>(hrp, PublicKey::from(&secret).as_bytes()).ok()
}

fn secret(token: &str, prefix: &str) -> Option<[u8; 32]> {
    let checked = CheckedHrpstring::new::<LongBech32>(token).ok()?;
    if !checked.hrp().as_str().eq_ignore_ascii_case(prefix) || checked.byte_iter().len() != 32 {
        return None;
    }
    let mut bytes = [0; 32];
    bytes
        .iter_mut()
        .zip(checked.byte_iter())
        .for_each(|(to, from)| *to = from);
    Some(bytes)
}

fn is_handle(token: &str) -> bool {
    CheckedHrpstring::new::<LongBech32>(token).is_ok_and(|checked| {
        let hrp = checked.hrp();
        let hrp = hrp.as_str();
        hrp.len() > PLUGIN.len() + 1 && starts_with(hrp.as_bytes(), PLUGIN) && hrp.ends_with('-')
    })
}

fn starts_with(text: &[u8], prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}

fn ascii(token: &[u8]) -> Option<&str> {
    std::str::from_utf8(token).ok()
}

fn hit(at: usize, len: usize, kind: KeyKind, strength: Strength) -> KeyHit {
    KeyHit {
        span: at..at + len,
        kind,
        strength,
        age_recipient: None,
        wrapped: false,
    }
}

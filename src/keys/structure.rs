//! Whether decoded bytes are a private key: the outer shape of DER structures and of OpenSSH's own format.
//!
//! Only headers and lengths are read, enough to tell a private key from a public one and from noise; numbers are not
//! checked, since a key with a wrong number was still a key in somebody's hands. All lengths must fit the bytes at hand.

use super::{KeyKind, Strength};

/// What decoded bytes turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A private key.
    Private(KeyKind, Strength),
    /// A public key, certificate or request, whatever its label says.
    Public,
    /// Neither.
    Unknown,
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// PKCS#1, PKCS#8 (plain and encrypted), SEC1 and DSA.
pub(super) fn der(bytes: &[u8]) -> Shape {
    let Some((SEQUENCE, inside, _)) = tlv(bytes) else {
        return Shape::Unknown;
    };
    let Some((first, content, rest)) = tlv(inside) else {
        return Shape::Unknown;
    };
    let Some((second, _, rest)) = tlv(rest) else {
        return Shape::Unknown;
    };
    match (first, second) {
        // Modulus and exponent: a PKCS#1 public key.
        (INTEGER, INTEGER) if rest.is_empty() => Shape::Public,
        // What is private begins with a version.
        (INTEGER, _) if content.len() != 1 => Shape::Unknown,
        (INTEGER, INTEGER) => match integers(rest) {
            4 => Shape::Private(KeyKind::Dsa, Strength::Open),
            7.. => Shape::Private(KeyKind::Rsa, Strength::Open),
            _ => Shape::Unknown,
        },
        (INTEGER, OCTET_STRING) => Shape::Private(KeyKind::Ec, Strength::Open),
        (INTEGER, SEQUENCE) if matches!(tlv(rest), Some((OCTET_STRING, ..))) => {
            Shape::Private(KeyKind::Pkcs8, Strength::Open)
        }
        (SEQUENCE, OCTET_STRING) if matches!(tlv(content), Some((OID, ..))) => {
            Shape::Private(KeyKind::Pkcs8, Strength::Passphrase)
        }
        (SEQUENCE, BIT_STRING | SEQUENCE) => Shape::Public,
        _ => Shape::Unknown,
    }
}

fn integers(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let Some((INTEGER, _, rest)) = tlv(bytes) {
        (count, bytes) = (count + 1, rest);
    }
    count
}

/// Tag, content and what follows, if the definite length fits.
fn tlv(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (
                digits.iter().fold(0, |len, &d| len << 8 | usize::from(d)),
                rest,
            )
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((tag, content, rest))
}

const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";

/// OpenSSH's `openssh-key-v1`. `None` if the magic is missing; a key cut short is [`Shape::Unknown`].
pub(super) fn openssh(bytes: &[u8]) -> Option<Shape> {
    let rest = bytes.strip_prefix(OPENSSH_MAGIC)?;
    let shape = || {
        let (cipher, rest) = string(rest)?;
        let (_kdf, rest) = string(rest)?;
        let (_options, rest) = string(rest)?;
        let (count, mut rest) = rest.split_first_chunk::<4>()?;
        for _ in 0..u32::from_be_bytes(*count).min(16) {
            (_, rest) = string(rest)?;
        }
        let (private, _) = string(rest)?;
        (!private.is_empty()).then(|| Shape::Private(KeyKind::OpenSsh, cipher_strength(cipher)))
    };
    Some(shape().unwrap_or(Shape::Unknown))
}

/// Strength of an OpenSSH key of which perhaps only the beginning is there.
pub(super) fn openssh_strength(bytes: &[u8]) -> Option<Strength> {
    string(bytes.strip_prefix(OPENSSH_MAGIC)?).map(|(cipher, _)| cipher_strength(cipher))
}

fn cipher_strength(cipher: &[u8]) -> Strength {
    if cipher == b"none" {
        Strength::Open
    } else {
        Strength::Passphrase
    }
}

fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)
}

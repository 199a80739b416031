//! OpenPGP secret key packets (RFC 4880, RFC 9580, and version 5 as GnuPG writes it): is there one, and is it locked?
//!
//! A transferable key is a row of packets; each secret key (tag 5) or subkey (tag 7) has its own lock. The weakest
//! decides. A primary key that GnuPG left out (`gnu-dummy`) or that lives on a smartcard is a stub with nothing in it.
//! Where the public part is of an algorithm not known here, the lock cannot be found and the key counts as open.

use super::structure::Shape;
use super::{KeyKind, Strength};

const SECRET_KEY: u8 = 5;
const SECRET_SUBKEY: u8 = 7;
const PUBLIC_KEY: u8 = 6;

/// Judges a decoded block by its packets.
pub(super) fn block(mut bytes: &[u8]) -> Shape {
    let mut weakest: Option<Strength> = None;
    let mut public = false;
    while let Some((tag, body, rest)) = packet(bytes) {
        if matches!(tag, SECRET_KEY | SECRET_SUBKEY) && matches!(body.first(), Some(2..=6)) {
            let strength = lock(body).unwrap_or(Strength::Open);
            weakest = Some(weakest.map_or(strength, |other| weaker(strength, other)));
        }
        public |= tag == PUBLIC_KEY;
        bytes = rest;
    }
    match weakest {
        Some(strength) => Shape::Private(KeyKind::Pgp, strength),
        None if public => Shape::Public,
        None => Shape::Unknown,
    }
}

fn weaker(a: Strength, b: Strength) -> Strength {
    let rank = |s| match s {
        Strength::Open => 0,
        Strength::Passphrase => 1,
        Strength::PluginHandle => 2,
    };
    if rank(a) <= rank(b) { a } else { b }
}

/// Tag, body and what follows. Partial lengths are not for keys; a length that does not fit ends the row.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&head, rest) = bytes.split_first()?;
    if head & 0x80 == 0 {
        return None;
    }
    let (tag, len, rest) = if head & 0x40 != 0 {
        let (len, rest) = match rest {
            [a @ 0..192, rest @ ..] => (usize::from(*a), rest),
            [a @ 192..224, b, rest @ ..] => {
                (((usize::from(*a) - 192) << 8) + usize::from(*b) + 192, rest)
            }
            [255, rest @ ..] => number(rest, 4)?,
            _ => return None,
        };
        (head & 0x3f, len, rest)
    } else {
        let (len, rest) = match head & 3 {
            3 => (rest.len(), rest),
            width => number(rest, 1 << width)?,
        };
        (head >> 2 & 0xf, len, rest)
    };
    let (body, rest) = rest.split_at_checked(len)?;
    Some((tag, body, rest))
}

/// Reads up to the octet that says how the secret part is locked. `None`: cannot tell.
fn lock(body: &[u8]) -> Option<Strength> {
    let (&version, rest) = body.split_first()?;
    let rest = rest.get(4..)?;
    let rest = if version < 4 { rest.get(2..)? } else { rest };
    let (&algorithm, rest) = rest.split_first()?;
    let rest = if version >= 5 {
        // These versions say how long the public part is.
        let (len, rest) = number(rest, 4)?;
        rest.get(len..)?
    } else {
        after_public(algorithm, rest)?
    };
    let (&usage, rest) = rest.split_first()?;
    Some(match usage {
        0 => Strength::Open,
        254 | 255 if is_gnu_stub(if version >= 5 { rest.get(1..)? } else { rest }) => {
            Strength::PluginHandle
        }
        _ => Strength::Passphrase,
    })
}

/// Cipher, S2K type 101, hash, then `GNU`.
fn is_gnu_stub(rest: &[u8]) -> bool {
    matches!(rest, [_, 101, _, b'G', b'N', b'U', ..])
}

/// Passes over the public numbers of a version 2 to 4 key.
fn after_public(algorithm: u8, bytes: &[u8]) -> Option<&[u8]> {
    match algorithm {
        1..=3 => mpis(bytes, 2),
        16 | 20 => mpis(bytes, 3),
        17 => mpis(bytes, 4),
        // Curve name and point; ECDH has the key derivation parameters as well.
        19 | 22 => mpis(counted(bytes)?, 1),
        18 => counted(mpis(counted(bytes)?, 1)?),
        25 | 27 => bytes.get(32..),
        26 => bytes.get(56..),
        28 => bytes.get(57..),
        _ => None,
    }
}

fn counted(bytes: &[u8]) -> Option<&[u8]> {
    let (&len, rest) = bytes.split_first()?;
    rest.get(usize::from(len)..)
}

fn mpis(mut bytes: &[u8], count: usize) -> Option<&[u8]> {
    for _ in 0..count {
        let (bits, rest) = number(bytes, 2)?;
        bytes = rest.get(bits.div_ceil(8)..)?;
    }
    Some(bytes)
}

fn number(bytes: &[u8], width: usize) -> Option<(usize, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(width)?;
    Some((digits.iter().fold(0, |n, &d| n << 8 | usize::from(d)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet in the new format, its body from parts.
    fn packet_of(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        let mut bytes = vec![0xc0 | tag, 255];
        bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(0).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    const TIME: &[u8] = &[1, 2, 3, 4];
    const NUMBER: &[u8] = &[0, 9, 1, 255];
    const CURVE: &[u8] = &[3, 1, 2, 3];
    const POINT: &[u8] = &[0, 9, 64, 64];
    const STUB: &[u8] = &[255, 0, 101, 0, b'G', b'N', b'U', 1];
    const SECRET: &[u8] = &[7; 40];

    #[test]
    fn the_lock_is_found_behind_the_public_part_of_every_version() {
        let public: [&[&[u8]]; 9] = [
            &[&[3], TIME, &[0, 0], &[1], NUMBER, NUMBER],
            &[&[4], TIME, &[1], NUMBER, NUMBER],
            &[&[4], TIME, &[17], NUMBER, NUMBER, NUMBER, NUMBER],
            &[&[4], TIME, &[16], NUMBER, NUMBER, NUMBER],
            &[&[4], TIME, &[22], CURVE, POINT],
            &[&[4], TIME, &[18], CURVE, POINT, CURVE],
            &[&[4], TIME, &[27], &[9; 32]],
            &[&[5], TIME, &[22], &[0, 0, 0, 8], CURVE, POINT],
            &[&[6], TIME, &[25], &[0, 0, 0, 32], &[9; 32]],
        ];
        for parts in public {
            for (usage, strength) in [
                (0, Strength::Open),
                (253, Strength::Passphrase),
                (254, Strength::Passphrase),
                (9, Strength::Passphrase),
            ] {
                let usage = [usage];
                let parts = [parts, &[&usage, SECRET]].concat();
                assert_eq!(
                    block(&packet_of(SECRET_KEY, &parts)),
                    Shape::Private(KeyKind::Pgp, strength),
                    "{parts:?}"
                );
            }
        }
    }

    #[test]
    fn the_weakest_part_decides() {
        let head: &[&[u8]] = &[&[4], TIME, &[22], CURVE, POINT];
        let stub = packet_of(SECRET_KEY, &[head, &[STUB]].concat());
        let open = packet_of(SECRET_SUBKEY, &[head, &[&[0], SECRET]].concat());
        let locked = packet_of(SECRET_SUBKEY, &[head, &[&[254], SECRET]].concat());
        for (packets, strength) in [
            (vec![&stub], Strength::PluginHandle),
            (vec![&stub, &locked], Strength::Passphrase),
            (vec![&stub, &locked, &open], Strength::Open),
        ] {
            let bytes = packets.into_iter().flatten().copied().collect::<Vec<u8>>();
            assert_eq!(block(&bytes), Shape::Private(KeyKind::Pgp, strength));
        }
    }

    #[test]
    fn public_unknown_and_cut_packets() {
        let head: &[&[u8]] = &[&[4], TIME, &[22], CURVE, POINT, &[0]];
        let secret = packet_of(SECRET_KEY, head);
        assert_eq!(block(&packet_of(PUBLIC_KEY, head)), Shape::Public);
        assert_eq!(block(&packet_of(13, head)), Shape::Unknown);
        assert_eq!(block(&secret[..secret.len() - 1]), Shape::Unknown);
        assert_eq!(block(b"kumquat"), Shape::Unknown);
        // An algorithm from the future: cannot tell, so open.
        let odd = packet_of(SECRET_KEY, &[&[4], TIME, &[99], &[254; 9]]);
        assert_eq!(block(&odd), Shape::Private(KeyKind::Pgp, Strength::Open));
    }
}

//! The index by hopping over its entries, without a copy of it.
//!
//! For a commit of a few files in a repository of a hundred thousand, loading the index is most of the work. This reads
//! versions 2 to 4 of either hash (`git help index-format`) and keeps, for each entry, where it stands. What it does not
//! know — a split or sparse index, any other extension that must be understood, anything odd — it leaves to gix.
//! Entries out of order are refused, as git does: everything here searches by halving. The checksum is not looked at, as
//! git does not either.

use std::cmp::Ordering;

use gix::hash::Kind;

use super::objects::{Oid, OidKind};

/// Places of entries in the bytes of an index.
pub(super) struct RawIndex {
    bytes: Vec<u8>,
    /// Names of version 4, which are stored as differences.
    arena: Vec<u8>,
    spots: Vec<Spot>,
    /// Entries that no tree can stand for: stages of conflicts, intents to add.
    special: Vec<usize>,
    hash_len: usize,
    root: Option<Node>,
}

#[derive(Clone, Copy)]
struct Spot {
    /// Where the entry begins.
    at: u32,
    /// Where its name begins, in the bytes or in the arena.
    name: u32,
    len: u32,
}

/// A directory of the cache-tree extension.
pub(super) struct Node {
    pub(super) name: Vec<u8>,
    /// The tree, and how many entries it covers; `None` when it was invalidated.
    pub(super) valid: Option<(Oid, usize)>,
    pub(super) children: Vec<Node>,
}

/// Why an index was not read here.
pub(super) enum Refused {
    /// Something gix must read.
    NotOurs,
    /// Damage that nobody should read over.
    Damaged(&'static str),
}

/// No cache-tree nests deeper than a path can.
const MAX_DEPTH: usize = 4096;

impl RawIndex {
    pub(super) fn parse(bytes: Vec<u8>, hash: Kind) -> Result<Self, Refused> {
        let hash_len = hash.len_in_bytes();
        let end = bytes.len().checked_sub(hash_len).ok_or(Refused::NotOurs)?;
        if u32::try_from(bytes.len()).is_err() || bytes.get(..4) != Some(b"DIRC") {
            return Err(Refused::NotOurs);
        }
        let version = u32_at(&bytes, 4).ok_or(Refused::NotOurs)?;
        let count = u32_at(&bytes, 8).ok_or(Refused::NotOurs)? as usize;
        // The smallest entry says how many there can be.
        if !(2..=4).contains(&version) || count > end / (42 + hash_len) {
            return Err(Refused::NotOurs);
        }
        let mut index = Self {
            bytes,
            arena: Vec::new(),
            spots: Vec::with_capacity(count),
            special: Vec::new(),
            hash_len,
            root: None,
        };
        let mut at = 12;
        let mut in_order = true;
        for n in 0..count {
            at = index.hop(at, end, version).ok_or(Refused::NotOurs)?;
            // Now, while both names are at hand.
            in_order &= n == 0 || index.in_order(n);
        }
        // A split index has entries without names: what it is comes first.
        index.extensions(at, end, hash)?;
        if !in_order {
            return Err(Refused::Damaged("its entries are out of order"));
        }
        Ok(index)
    }

    /// Notes the entry at `at` and gives where the next begins.
    fn hop(&mut self, at: usize, end: usize, version: u32) -> Option<usize> {
        let flags_at = at + 40 + self.hash_len;
        let flags = u16_at(&self.bytes, flags_at)?;
        let extended = flags & 0x4000 != 0;
        let mut name = flags_at + 2;
        if extended {
            if version == 2 {
                return None;
            }
            name += 2;
        }
        let spot = |name: usize, len: usize| {
            Some(Spot {
                at: u32::try_from(at).ok()?,
                name: u32::try_from(name).ok()?,
                len: u32::try_from(len).ok()?,
            })
        };
        // The stage, or any of the further flags.
        if flags & 0x7000 != 0 {
            self.special.push(self.spots.len());
        }
        if version == 4 {
            let (strip, used) = varint(self.bytes.get(name..end)?)?;
            name += used;
            let len = memchr::memchr(0, self.bytes.get(name..end)?)?;
            let kept = match self.spots.last() {
                Some(last) => (last.len as usize).checked_sub(strip)?,
                None if strip == 0 => 0,
                None => return None,
            };
            let from = self.spots.last().map_or(0, |last| last.name as usize);
            let start = self.arena.len();
            self.arena.extend_from_within(from..from + kept);
            self.arena.extend_from_slice(&self.bytes[name..name + len]);
            self.spots.push(spot(start, kept + len)?);
            return Some(name + len + 1);
        }
        let len = match (flags & 0x0fff) as usize {
            0x0fff => memchr::memchr(0, self.bytes.get(name..end)?)?,
            len => len,
        };
        // One to eight NULs make the length of an entry a multiple of eight.
        let next = at + ((name + len - at) / 8 + 1) * 8;
        if next > end || self.bytes.get(name + len) != Some(&0) {
            return None;
        }
        self.spots.push(spot(name, len)?);
        Some(next)
    }

    /// Whether the entry `at` comes after the one before it.
    fn in_order(&self, at: usize) -> bool {
        match self.path(at - 1).cmp(self.path(at)) {
            Ordering::Less => true,
            Ordering::Equal => self.stage(at - 1) < self.stage(at),
            Ordering::Greater => false,
        }
    }

    fn extensions(&mut self, mut at: usize, end: usize, hash: Kind) -> Result<(), Refused> {
        while at < end {
            let signature = self.bytes.get(at..at + 4).ok_or(Refused::NotOurs)?;
            let len = u32_at(&self.bytes, at + 4).ok_or(Refused::NotOurs)? as usize;
            let data = at + 8..at + 8 + len;
            if data.end > end {
                return Err(Refused::NotOurs);
            }
            // Those in capitals may be passed over.
            if !signature[0].is_ascii_uppercase() {
                return Err(Refused::NotOurs);
            }
            if signature == b"TREE" {
                // One that cannot be read only costs time.
                self.root = node(&mut &self.bytes[data.clone()], hash, 0);
            }
            at = data.end;
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.spots.len()
    }

    pub(super) fn path(&self, at: usize) -> &[u8] {
        let spot = &self.spots[at];
        let name = spot.name as usize..(spot.name + spot.len) as usize;
        if self.arena.is_empty() {
            &self.bytes[name]
        } else {
            &self.arena[name]
        }
    }

    pub(super) fn id(&self, at: usize) -> Oid {
        let start = self.spots[at].at as usize + 40;
        Oid::from_bytes_or_panic(&self.bytes[start..start + self.hash_len])
    }

    pub(super) fn kind(&self, at: usize) -> OidKind {
        // Of the mode only the kind and the executable bit are kept in an index.
        match u32_at(&self.bytes, self.spots[at].at as usize + 24).unwrap_or(0) {
            mode if mode & 0o170_000 == 0o120_000 => OidKind::Link,
            mode if mode & 0o170_000 == 0o160_000 => OidKind::Submodule,
            mode if mode & 0o170_000 == 0o040_000 => OidKind::Tree,
            mode if mode & 0o100 != 0 => OidKind::Executable,
            _ => OidKind::Blob,
        }
    }

    pub(super) fn stage(&self, at: usize) -> u8 {
        ((self.flags(at) >> 12) & 3) as u8
    }

    pub(super) fn intent_to_add(&self, at: usize) -> bool {
        let further = self.spots[at].at as usize + 42 + self.hash_len;
        self.flags(at) & 0x4000 != 0
            && u16_at(&self.bytes, further).is_some_and(|flags| flags & 0x2000 != 0)
    }

    fn flags(&self, at: usize) -> u16 {
        u16_at(&self.bytes, self.spots[at].at as usize + 40 + self.hash_len).unwrap_or(0)
    }

    /// Stages of conflicts and intents to add, in order; a few more may be among them.
    pub(super) fn take_special(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.special)
    }

    pub(super) fn take_root(&mut self) -> Option<Node> {
        self.root.take()
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Git's variable-length number of pack offsets, and how many bytes it takes.
fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = (bytes.first()? & 0x7f) as usize;
    let mut used = 1;
    while bytes.get(used - 1)? & 0x80 != 0 {
        let byte = *bytes.get(used)?;
        value = value.checked_add(1)?.checked_mul(128)? | (byte & 0x7f) as usize;
        used += 1;
    }
    Some((value, used))
}

/// Reads a node of the cache-tree and all below it.
fn node(rest: &mut &[u8], hash: Kind, depth: usize) -> Option<Node> {
    if depth > MAX_DEPTH {
        return None;
    }
    let name = until(rest, 0)?.to_vec();
    let count: i64 = number(until(rest, b' ')?)?;
    let below: i64 = number(until(rest, b'\n')?)?;
    let valid = match usize::try_from(count) {
        Ok(count) => {
            let (id, tail) = rest.split_at_checked(hash.len_in_bytes())?;
            *rest = tail;
            Some((Oid::try_from(id).ok()?, count))
        }
        Err(_) => None,
    };
    let below = usize::try_from(below).ok()?;
    let mut children = Vec::new();
    for _ in 0..below {
        children.push(node(rest, hash, depth + 1)?);
    }
    children.sort_by(|a, b| a.name.cmp(&b.name));
    Some(Node {
        name,
        valid,
        children,
    })
}

fn until<'a>(rest: &mut &'a [u8], end: u8) -> Option<&'a [u8]> {
    let at = memchr::memchr(end, rest)?;
    let (head, tail) = (&rest[..at], &rest[at + 1..]);
    *rest = tail;
    Some(head)
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_pack_offsets() {
        assert_eq!(varint(&[0x05]), Some((5, 1)));
        assert_eq!(varint(&[0x80, 0x00]), Some((128, 2)));
        assert_eq!(varint(&[0xff, 0x7f]), Some((16_511, 2)));
        assert_eq!(varint(&[0x80]), None);
        assert_eq!(varint(&[]), None);
    }

    #[test]
    fn what_is_no_index_is_not_ours() {
        for bytes in [
            &b""[..],
            b"DIRC",
            b"DIRC\0\0\0\x02\xff\xff\xff\xff01234567890123456789",
            b"DIRC\0\0\0\x09\0\0\0\x0001234567890123456789",
        ] {
            assert!(matches!(
                RawIndex::parse(bytes.to_vec(), Kind::Sha1),
                Err(Refused::NotOurs)
            ));
        }
    }
}

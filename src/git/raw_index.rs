//! The index by hopping over its entries, without holding it.
//!
//! For a commit of a few files in a repository of a hundred thousand, loading the index is most of the work, and most of
//! that is fresh memory. This reads the file once through a small window and keeps where every 64th entry stands, which
//! directories there are, and the cache-tree; the few entries that are looked at later are read again. Versions 2 to 4 of
//! either hash (`git help index-format`). What it does not know (a split or sparse index, any other extension that must be
//! understood, anything odd) it leaves to gix. Entries out of order are refused, as git does: everything here searches by
//! halving. The checksum is not looked at, as git does not either.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Mutex, OnceLock, PoisonError};

use gix::hash::Kind;

use super::index_dirs::Dirs;
use super::{Oid, OidKind};

/// Entries of a block.
const BLOCK: usize = 64;
/// The window of the first reading.
const WINDOW: usize = 256 << 10;
/// The longest entry that is read here; a path beyond it is nobody's.
const LONGEST: usize = 64 << 10;
/// No cache-tree nests deeper than a path can.
const MAX_DEPTH: usize = 4096;

/// An index on disk.
pub(super) struct RawIndex {
    file: Mutex<File>,
    version: u32,
    hash_len: usize,
    blocks: Vec<Block>,
    len: usize,
    /// Where the entries end.
    end: u64,
    /// Stages of conflicts and intents to add, in order; a few more may be among them.
    pub(super) special: Vec<usize>,
    pub(super) root: Option<Node>,
    pub(super) dirs: Dirs,
}

/// Sixty-four entries, read when one of them is asked for.
struct Block {
    at: u64,
    /// The path of the first of them.
    first: Box<[u8]>,
    /// The path of the entry before, on which version 4 builds.
    before: Box<[u8]>,
    entries: OnceLock<Vec<Entry>>,
}

/// An entry.
pub(super) struct Entry {
    pub(super) path: Box<[u8]>,
    pub(super) id: Oid,
    pub(super) kind: OidKind,
    pub(super) stage: u8,
    pub(super) intent_to_add: bool,
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

impl RawIndex {
    pub(super) fn read(file: File, hash: Kind) -> Result<Self, Refused> {
        let hash_len = hash.len_in_bytes();
        let size = file.metadata().map_err(|_| Refused::NotOurs)?.len();
        let end = size.checked_sub(hash_len as u64).ok_or(Refused::NotOurs)?;
        let mut window = Window {
            file,
            bytes: vec![0; WINDOW.min(usize::try_from(end).unwrap_or(WINDOW))],
            start: 0,
            filled: 0,
            at: 0,
            end,
        };
        let header = window.next(12).ok_or(Refused::NotOurs)?;
        let version = u32_at(header, 4).ok_or(Refused::NotOurs)?;
        let count = u32_at(header, 8).ok_or(Refused::NotOurs)? as usize;
        let is_index = header.starts_with(b"DIRC") && (2..=4).contains(&version);
        // The smallest entry says how many there can be.
        if !is_index || count as u64 > end / (42 + hash_len as u64) {
            return Err(Refused::NotOurs);
        }
        window.skip(12);
        let mut index = Self {
            file: Mutex::new(window.file.try_clone().map_err(|_| Refused::NotOurs)?),
            version,
            hash_len,
            blocks: Vec::with_capacity(count / BLOCK + 1),
            len: count,
            end: 0,
            special: Vec::new(),
            root: None,
            dirs: Dirs::default(),
        };
        let in_order = index.hop(&mut window)?;
        index.end = window.at;
        // A split index has entries without names: what it is comes first.
        index.extensions(&mut window, hash)?;
        if !in_order {
            return Err(Refused::Damaged("its entries are out of order"));
        }
        Ok(index)
    }

    /// Passes over all entries; tells whether they are in order.
    fn hop(&mut self, window: &mut Window) -> Result<bool, Refused> {
        let (mut path, mut before) = (Vec::new(), Vec::new());
        let (mut stage, mut in_order) = (0, true);
        for n in 0..self.len {
            let at = window.at;
            std::mem::swap(&mut path, &mut before);
            let bytes = window.entry();
            let head = head(bytes, self.version, self.hash_len, &before, &mut path)
                .ok_or(Refused::NotOurs)?;
            window.skip(head.len);
            if n % BLOCK == 0 {
                self.blocks.push(Block {
                    at,
                    first: path.as_slice().into(),
                    before: before.as_slice().into(),
                    entries: OnceLock::new(),
                });
            }
            // The stage, or any of the further flags.
            if head.flags & 0x7000 != 0 {
                self.special.push(n);
            }
            let now = (head.flags >> 12) & 3;
            in_order &= n == 0
                || match before.as_slice().cmp(&path) {
                    Ordering::Less => true,
                    Ordering::Equal => stage < now,
                    Ordering::Greater => false,
                };
            stage = now;
            self.dirs.push(n, &path);
        }
        self.dirs.finish(self.len);
        Ok(in_order)
    }

    fn extensions(&mut self, window: &mut Window, hash: Kind) -> Result<(), Refused> {
        while window.at < window.end {
            let header = window.next(8).ok_or(Refused::NotOurs)?;
            let signature: [u8; 4] = header[..4].try_into().map_err(|_| Refused::NotOurs)?;
            let len = u32_at(header, 4).ok_or(Refused::NotOurs)? as usize;
            window.skip(8);
            if len as u64 > window.end - window.at {
                return Err(Refused::NotOurs);
            }
            // Those in capitals may be passed over.
            if !signature[0].is_ascii_uppercase() {
                return Err(Refused::NotOurs);
            }
            if &signature == b"TREE" {
                let bytes = window.next(len).ok_or(Refused::NotOurs)?;
                // One that cannot be read only costs time.
                self.root = node(&mut &bytes[..len], hash, 0);
            }
            window.skip(len);
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// An entry. What can no longer be read stands for itself: an object that is not there.
    pub(super) fn entry(&self, at: usize) -> &Entry {
        let block = &self.blocks[at / BLOCK];
        let entries = block.entries.get_or_init(|| {
            let count = BLOCK.min(self.len - at / BLOCK * BLOCK);
            self.load(at / BLOCK, count)
                .unwrap_or_else(|| lost(block, count, self.hash_len))
        });
        &entries[at % BLOCK]
    }

    /// The first entry that is not before `path`, among those of `within`.
    pub(super) fn lower_bound(&self, path: &[u8], within: std::ops::Range<usize>) -> usize {
        let block = self.blocks.partition_point(|b| *b.first < *path);
        // It is in the block before, or the first of this one.
        let from = block.saturating_sub(1) * BLOCK;
        let (mut low, mut high) = (
            from.max(within.start).min(within.end),
            (block * BLOCK).min(within.end).max(within.start),
        );
        while low < high {
            let middle = low + (high - low) / 2;
            if *self.entry(middle).path < *path {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn load(&self, block: usize, count: usize) -> Option<Vec<Entry>> {
        let start = self.blocks[block].at;
        let end = self.blocks.get(block + 1).map_or(self.end, |next| next.at);
        let mut bytes = vec![0; usize::try_from(end.checked_sub(start)?).ok()?];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(start)).ok()?;
            file.read_exact(&mut bytes).ok()?;
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(count);
        let mut rest = bytes.as_slice();
        for _ in 0..count {
            let before = entries
                .last()
                .map_or(&self.blocks[block].before, |e| &e.path);
            let mut path = Vec::new();
            let head = head(rest, self.version, self.hash_len, before, &mut path)?;
            let further = u16_at(rest, 42 + self.hash_len)?;
            entries.push(Entry {
                path: path.into_boxed_slice(),
                id: Oid::try_from(rest.get(40..40 + self.hash_len)?).ok()?,
                kind: kind(u32_at(rest, 24)?),
                stage: ((head.flags >> 12) & 3) as u8,
                intent_to_add: head.flags & 0x4000 != 0 && further & 0x2000 != 0,
            });
            rest = &rest[head.len..];
        }
        Some(entries)
    }
}

fn lost(block: &Block, count: usize, hash_len: usize) -> Vec<Entry> {
    let kind = if hash_len == Kind::Sha1.len_in_bytes() {
        Kind::Sha1
    } else {
        Kind::Sha256
    };
    let entry = |_| Entry {
        path: block.first.clone(),
        id: kind.null(),
        kind: OidKind::Blob,
        stage: 0,
        intent_to_add: false,
    };
    (0..count).map(entry).collect()
}

/// Of the mode only the kind and the executable bit are kept in an index.
fn kind(mode: u32) -> OidKind {
    match mode & 0o170_000 {
        0o120_000 => OidKind::Link,
        0o160_000 => OidKind::Submodule,
        0o040_000 => OidKind::Tree,
        _ if mode & 0o100 != 0 => OidKind::Executable,
        _ => OidKind::Blob,
    }
}

/// The length of an entry and its flags.
struct Head {
    len: usize,
    flags: u16,
}

/// Reads the entry at the beginning of `bytes`; `path` becomes its path, `before` is that of the one before it.
fn head(
    bytes: &[u8],
    version: u32,
    hash_len: usize,
    before: &[u8],
    path: &mut Vec<u8>,
) -> Option<Head> {
    let flags = u16_at(bytes, 40 + hash_len)?;
    let mut name = 42 + hash_len;
    if flags & 0x4000 != 0 {
        if version == 2 {
            return None;
        }
        name += 2;
    }
    path.clear();
    if version == 4 {
        let (strip, used) = varint(bytes.get(name..)?)?;
        name += used;
        let len = memchr::memchr(0, bytes.get(name..)?)?;
        path.extend_from_slice(&before[..before.len().checked_sub(strip)?]);
        path.extend_from_slice(&bytes[name..name + len]);
        return Some(Head {
            len: name + len + 1,
            flags,
        });
    }
    let len = match (flags & 0x0fff) as usize {
        0x0fff => memchr::memchr(0, bytes.get(name..)?)?,
        len => len,
    };
    path.extend_from_slice(bytes.get(name..name + len)?);
    // One to eight NULs make the length of an entry a multiple of eight.
    let whole = ((name + len) / 8 + 1) * 8;
    (bytes.get(name + len) == Some(&0) && whole <= bytes.len())
        .then_some(Head { len: whole, flags })
}

/// A file through a small window.
struct Window {
    file: File,
    bytes: Vec<u8>,
    start: usize,
    filled: usize,
    /// Where the window's start stands in the file.
    at: u64,
    /// What lies behind is not looked at: the checksum.
    end: u64,
}

impl Window {
    /// What is left of the window; at least one entry, unless the end is near.
    fn entry(&mut self) -> &[u8] {
        if self.filled - self.start < LONGEST {
            self.fill(LONGEST);
        }
        &self.bytes[self.start..self.filled]
    }

    /// The next `len` bytes or more.
    fn next(&mut self, len: usize) -> Option<&[u8]> {
        if self.filled - self.start < len {
            self.fill(len);
        }
        let rest = &self.bytes[self.start..self.filled];
        (rest.len() >= len).then_some(rest)
    }

    fn fill(&mut self, least: usize) {
        self.bytes.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        if self.bytes.len() < least {
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            self.bytes.resize(least.min(left).max(self.bytes.len()), 0);
        }
        let left = (self.end - self.at).saturating_sub(self.filled as u64);
        let room = usize::try_from(left).map_or(self.bytes.len(), |left| {
            (self.filled + left).min(self.bytes.len())
        });
        while self.filled < room {
            match self.file.read(&mut self.bytes[self.filled..room]) {
                Ok(0) => break,
                Ok(n) => self.filled += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    }

    fn skip(&mut self, len: usize) {
        self.at += len as u64;
        let have = self.filled - self.start;
        if len <= have {
            self.start += len;
        } else {
            // Over what was never read.
            let beyond = i64::try_from(len - have).unwrap_or(i64::MAX);
            self.start = self.filled;
            if self.file.seek(SeekFrom::Current(beyond)).is_err() {
                self.at = self.end;
            }
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Git's variable-length number of pack offsets, and how many bytes it takes.
pub(super) fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
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
#[allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]
mod tests {
    use std::io::Write;

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
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            file.rewind().unwrap();
            assert!(matches!(
                RawIndex::read(file, Kind::Sha1),
                Err(Refused::NotOurs)
            ));
        }
    }
}

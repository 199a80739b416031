//! Packs and indices written by hand, for what no git would write. Ids are claims: nobody checks them when reading.

use std::path::Path;

use sopsguard::git::Oid;

pub(crate) const COMMIT: u8 = 1;
pub(crate) const TREE: u8 = 2;
pub(crate) const BLOB: u8 = 3;

#[derive(Default)]
pub(crate) struct Forge {
    pack: Vec<u8>,
    entries: Vec<(Oid, u32)>,
}

/// The id with this number.
pub(crate) fn id(number: u32) -> Oid {
    // Spread over the first byte, as ids are.
    let mut bytes = [7; 20];
    bytes[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
    bytes[4..8].copy_from_slice(&number.to_be_bytes());
    Oid::try_from(&bytes[..]).unwrap()
}

impl Forge {
    pub(crate) fn new() -> Self {
        Self {
            pack: b"PACK\0\0\0\x02\0\0\0\0".to_vec(),
            entries: Vec::new(),
        }
    }

    /// An entry as it is; `size` is what its header claims.
    pub(crate) fn raw(&mut self, id: Oid, kind: u8, size: u64, base: &[u8], stream: &[u8]) -> u32 {
        let offset = self.pack.len() as u32;
        let mut rest = size >> 4;
        let mut byte = kind << 4 | (size & 15) as u8;
        while rest > 0 {
            self.pack.push(byte | 0x80);
            byte = (rest & 0x7f) as u8;
            rest >>= 7;
        }
        self.pack.push(byte);
        self.pack.extend_from_slice(base);
        self.pack.extend_from_slice(stream);
        self.entries.push((id, offset));
        offset
    }

    pub(crate) fn whole(&mut self, number: u32, kind: u8, bytes: &[u8]) -> Oid {
        let id = id(number);
        self.raw(id, kind, bytes.len() as u64, b"", &stored(bytes));
        id
    }

    /// A delta whose base is named by id.
    pub(crate) fn delta(&mut self, number: u32, base: &Oid, delta: &[u8]) -> Oid {
        let id = id(number);
        self.raw(id, 7, delta.len() as u64, base.as_bytes(), &stored(delta));
        id
    }

    pub(crate) fn commit(&mut self, number: u32, tree: &Oid, parents: &[Oid]) -> Oid {
        let mut text = format!("tree {tree}\n");
        for parent in parents {
            text += &format!("parent {parent}\n");
        }
        text += "author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nforged\n";
        self.whole(number, COMMIT, text.as_bytes())
    }

    /// Writes the pack and its index into an object directory.
    pub(crate) fn write(mut self, objects: &Path) {
        let dir = objects.join("pack");
        std::fs::create_dir_all(&dir).unwrap();
        let count = (self.entries.len() as u32).to_be_bytes();
        self.pack[8..12].copy_from_slice(&count);
        self.pack.extend([0; 20]);
        self.entries.sort();
        let mut index = b"\xfftOc\0\0\0\x02".to_vec();
        for first in 0..=255u8 {
            let below = self
                .entries
                .iter()
                .filter(|(id, _)| id.as_bytes()[0] <= first);
            index.extend((below.count() as u32).to_be_bytes());
        }
        for (id, _) in &self.entries {
            index.extend(id.as_bytes());
        }
        index.extend(vec![0; 4 * self.entries.len()]);
        for (_, offset) in &self.entries {
            index.extend(offset.to_be_bytes());
        }
        index.extend([0; 40]);
        std::fs::write(dir.join("pack-forged.pack"), self.pack).unwrap();
        std::fs::write(dir.join("pack-forged.idx"), index).unwrap();
    }
}

/// A zlib stream without compression.
pub(crate) fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks: Vec<&[u8]> = bytes.chunks(0xffff).collect();
    if blocks.is_empty() {
        blocks.push(b"");
    }
    for (at, block) in blocks.iter().enumerate() {
        let len = block.len() as u16;
        out.push(u8::from(at + 1 == blocks.len()));
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

fn size(mut size: usize, out: &mut Vec<u8>) {
    while size > 0x7f {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
}

/// A delta that copies the first `keep` bytes of its base and adds some.
pub(crate) fn append(base: usize, keep: usize, more: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    size(base, &mut out);
    size(keep + more.len(), &mut out);
    if keep > 0 {
        let len = (keep as u32).to_le_bytes();
        out.push(0xf0);
        out.extend(&len[..3]);
    }
    for part in more.chunks(127) {
        out.push(part.len() as u8);
        out.extend(part);
    }
    out
}

/// One entry of a tree.
pub(crate) fn entry(mode: &str, name: &[u8], id: &Oid) -> Vec<u8> {
    [mode.as_bytes(), b" ", name, b"\0", id.as_bytes()].concat()
}

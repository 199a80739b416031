//! The texts of commits, tags and trees (gitformat-commit, git-mktag, git-ls-tree).
//!
//! As lenient as Git is when it walks history: names may be anything, also out of order or with a `/` in them; what is not
//! a file, a link or a directory by its mode is a commit of another repository.

use super::object::Oid;

/// What the walk needs of a commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CommitText {
    pub(super) tree: Oid,
    pub(super) parents: Vec<Oid>,
    /// When it was committed, in seconds; 0 when that cannot be read.
    pub(super) time: i64,
}

pub(super) fn commit(text: &[u8], hex_len: usize) -> Option<CommitText> {
    let (tree, mut text) = id_line(text, b"tree ", hex_len)?;
    let mut parents = Vec::new();
    while text.starts_with(b"parent ") {
        let (parent, rest) = id_line(text, b"parent ", hex_len)?;
        parents.push(parent);
        text = rest;
    }
    let time = committer_time(text).unwrap_or(0);
    Some(CommitText {
        tree,
        parents,
        time,
    })
}

fn id_line<'a>(text: &'a [u8], key: &[u8], hex_len: usize) -> Option<(Oid, &'a [u8])> {
    let rest = text.strip_prefix(key)?;
    let (id, rest) = rest.split_at_checked(hex_len)?;
    Some((Oid::from_hex(id).ok()?, rest.strip_prefix(b"\n")?))
}

fn committer_time(text: &[u8]) -> Option<i64> {
    let header = text.split(|b| *b == b'\n').take_while(|l| !l.is_empty());
    let line = header
        .into_iter()
        .find_map(|line| line.strip_prefix(b"committer "))?;
    let after = &line[memchr::memrchr(b'>', line)? + 1..];
    let digits = after.trim_ascii_start();
    let end = digits
        .iter()
        .position(|b| !(b.is_ascii_digit() || *b == b'-'))
        .unwrap_or(digits.len());
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// The object that an annotated tag names.
pub(super) fn tag(text: &[u8], hex_len: usize) -> Option<Oid> {
    id_line(text, b"object ", hex_len).map(|(id, _)| id)
}

/// What a tree says an entry is. The number is kept in three bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Tree = 0,
    Blob = 1,
    Executable = 2,
    Link = 3,
    Commit = 4,
}

/// One entry of a tree.
pub(super) struct Entry<'a> {
    pub(super) mode: Mode,
    pub(super) name: &'a [u8],
    pub(super) id: &'a [u8],
    /// Where it ends.
    pub(super) end: usize,
}

/// The entry at `at`; `None` when there is none that can be read.
pub(super) fn entry(tree: &[u8], at: usize, id_len: usize) -> Option<Entry<'_>> {
    let mut mode = 0u32;
    let mut pos = at;
    loop {
        let byte = *tree.get(pos)?;
        pos += 1;
        match byte {
            b' ' if pos > at + 1 => break,
            b'0'..=b'7' => mode = (mode << 3) | u32::from(byte - b'0'),
            _ => return None,
        }
    }
    let rest = &tree[pos..];
    let len = memchr::memchr(0, rest)?;
    let id = rest.get(len + 1..len + 1 + id_len)?;
    let mode = match mode & 0o170_000 {
        0o040_000 => Mode::Tree,
        0o100_000 if mode & 0o100 != 0 => Mode::Executable,
        0o100_000 => Mode::Blob,
        0o120_000 => Mode::Link,
        _ => Mode::Commit,
    };
    Some(Entry {
        mode,
        name: &rest[..len],
        id,
        end: pos + len + 1 + id_len,
    })
}

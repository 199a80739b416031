//! HEAD of a repository whose references are stored as reftables, which gix does not read.
//!
//! Follows `git help reftable` (Documentation/technical/reftable): a stack of tables, the newest last; only the blocks of
//! references are read, one after the other, without the indices that would make it faster. Answers one question, to
//! which commit HEAD leads. Tables are data of a stranger: lengths are checked, and nothing is read beyond a file's end.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::objects::Oid;
use super::raw_index::varint;

/// No table that is read here is larger.
const LARGEST: u64 = 256 << 20;
/// As deep as Git follows references that name others.
const MAX_DEPTH: usize = 5;

/// What HEAD names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tip {
    /// A branch that does not exist yet.
    Unborn,
    /// An object.
    Object(Oid),
}

#[derive(Clone)]
enum Value {
    Deleted,
    Object(Oid),
    Other(Vec<u8>),
}

/// Where HEAD leads; `None` when a table cannot be read. `git_dir` is that of the worktree, `common_dir` the shared one.
pub(super) fn head(git_dir: &Path, common_dir: &Path) -> Option<Tip> {
    let mut name = b"HEAD".to_vec();
    for _ in 0..=MAX_DEPTH {
        // What belongs to one worktree has no directory in its name, or a few of its own.
        let own = !name.contains(&b'/') || name.starts_with(b"refs/worktree/");
        let dir = if own { git_dir } else { common_dir };
        match find(dir, &name)? {
            Some(Value::Object(id)) => return Some(Tip::Object(id)),
            Some(Value::Other(next)) => name = next,
            Some(Value::Deleted) | None => return Some(Tip::Unborn),
        }
    }
    None
}

/// The newest value of a reference in the stack of a directory.
fn find(dir: &Path, name: &[u8]) -> Option<Option<Value>> {
    let stack = dir.join("reftable");
    let list = read(&stack.join("tables.list"))?;
    let list = String::from_utf8(list).ok()?;
    let mut found = None;
    for table in list.lines().filter(|l| !l.is_empty()) {
        if table.contains(['/', '\\']) {
            return None;
        }
        if let Some(value) = lookup(&read(&stack.join(table))?, name)? {
            found = Some(value);
        }
    }
    Some(found)
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let regular = path.symlink_metadata().ok()?.is_file();
    let mut bytes = Vec::new();
    let file = regular.then(|| File::open(path).ok()).flatten()?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LARGEST).then_some(bytes)
}

/// A reference in one table.
fn lookup(table: &[u8], name: &[u8]) -> Option<Option<Value>> {
    let (header, hash_len) = match table.get(..5)? {
        b"REFT\x01" => (24, 20),
        b"REFT\x02" => match table.get(24..28)? {
            b"sha1" => (28, 20),
            b"s256" => (28, 32),
            _ => return None,
        },
        _ => return None,
    };
    // The footer repeats the header and adds five numbers and a checksum.
    let end = table.len().checked_sub(header + 44)?;
    let block_size = u24(table, 5)?;
    let mut start = 0;
    while start < end {
        let at = if start == 0 { header } else { start };
        if at >= end || table.get(at)? != &b'r' {
            return Some(None);
        }
        let len = u24(table, at + 1)?;
        let block = table.get(start..start.checked_add(len)?.min(end))?;
        if let Some(value) = in_block(block, at - start + 4, name, hash_len)? {
            return Some(Some(value));
        }
        let next = match block_size {
            0 => start + len,
            size => start + size,
        };
        if next <= start {
            return None;
        }
        start = next;
    }
    Some(None)
}

/// A reference among the records of a block, which begin at `at`.
fn in_block(block: &[u8], mut at: usize, name: &[u8], hash_len: usize) -> Option<Option<Value>> {
    let count = block.len().checked_sub(2)?;
    let restarts = usize::from(u16::from_be_bytes(block.get(count..)?.try_into().ok()?));
    let end = count.checked_sub(restarts.checked_mul(3)?)?;
    let number = |at: &mut usize| -> Option<usize> {
        let (value, used) = varint(block.get(*at..end)?)?;
        *at += used;
        Some(value)
    };
    let mut current: Vec<u8> = Vec::new();
    while at < end {
        let shared = number(&mut at)?;
        let kind = number(&mut at)?;
        let suffix = block.get(at..at.checked_add(kind >> 3)?)?;
        at += suffix.len();
        if shared > current.len() {
            return None;
        }
        current.truncate(shared);
        current.extend_from_slice(suffix);
        number(&mut at)?;
        let value = match kind & 7 {
            0 => Value::Deleted,
            kind @ (1 | 2) => {
                let id = Oid::try_from(block.get(at..at + hash_len)?).ok()?;
                at += hash_len * kind;
                Value::Object(id)
            }
            3 => {
                let len = number(&mut at)?;
                let target = block.get(at..at.checked_add(len)?)?;
                at += len;
                Value::Other(target.to_vec())
            }
            _ => return None,
        };
        if at > end {
            return None;
        }
        if current == name {
            return Some(Some(value));
        }
    }
    Some(None)
}

fn u24(bytes: &[u8], at: usize) -> Option<usize> {
    let b = bytes.get(at..at + 3)?;
    Some(usize::from(b[0]) << 16 | usize::from(b[1]) << 8 | usize::from(b[2]))
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]
mod tests {
    use super::*;

    const SHA1: &str = "698a9888efe9ed4246f136604a9edf2f91812f9b";
    const SHA256: &str = "adb703f760226e2f1856351f8dbe47263cc9f316058726d49f7883aa0d894be3";

    fn data(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data/reftable")
            .join(name)
    }

    #[test]
    fn head_leads_through_tables_and_blocks() {
        for (name, expected) in [("sha1", SHA1), ("sha256", SHA256)] {
            let dir = data(name);
            let id = Oid::from_hex(expected.as_bytes()).unwrap();
            assert_eq!(head(&dir, &dir), Some(Tip::Object(id)));
            for n in 1..=100 {
                let name = format!("refs/heads/team/branch-{n}");
                let found = find(&dir, name.as_bytes()).unwrap();
                assert!(
                    matches!(found, Some(Value::Object(found)) if found == id),
                    "{n}"
                );
            }
            assert!(find(&dir, b"refs/heads/team/branch-101").unwrap().is_none());
            assert!(find(&dir, b"refs/heads/team/branch-").unwrap().is_none());
            let other = find(&dir, b"refs/heads/master").unwrap();
            assert!(matches!(other, Some(Value::Object(other)) if other != id));
            let tag = find(&dir, b"refs/tags/v1").unwrap();
            assert!(matches!(tag, Some(Value::Object(_))));
        }
        assert_eq!(head(&data("nowhere"), &data("nowhere")), None);
    }

    #[test]
    fn damaged_tables_are_no_panic() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for name in ["sha1", "sha256"] {
            for table in std::fs::read_dir(data(name).join("reftable")).unwrap() {
                let sound = std::fs::read(table.unwrap().path()).unwrap();
                for round in 0..3_000 {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let at = (state >> 33) as usize % sound.len();
                    let mut bytes = sound.clone();
                    match round % 3 {
                        0 => bytes.truncate(at),
                        _ => bytes[at] = (state >> 20) as u8,
                    }
                    let _ = lookup(&bytes, b"refs/heads/team/branch-77");
                }
            }
        }
    }
}

//! References that are stored as reftables, which gix does not read.
//!
//! Follows `git help reftable` (Documentation/technical/reftable): a stack of tables, the newest last; the blocks of
//! references and of the log are read one after the other, without the indices that would make it faster. Tables are data of a stranger: lengths are checked, and nothing is read beyond a file's end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Oid;
use super::raw_index::varint;
use super::reflog::LogLine;

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

/// What a reference holds.
#[derive(Clone)]
pub(super) enum Value {
    /// It was taken away.
    Deleted,
    /// An object.
    Object(Oid),
    /// The name of another reference.
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
pub(super) fn find(dir: &Path, name: &[u8]) -> Option<Option<Value>> {
    let mut found = None;
    for table in tables(dir)? {
        if let Some(value) = lookup(&read(&table)?, name)? {
            found = Some(value);
        }
    }
    Some(found)
}

/// All references in the stack of a directory.
pub(super) fn list(dir: &Path) -> Option<BTreeMap<Vec<u8>, Value>> {
    let mut out = BTreeMap::new();
    for table in tables(dir)? {
        each_ref(&read(&table)?, &mut |name, value| {
            out.insert(name.to_vec(), value);
            true
        })?;
    }
    out.retain(|_, value| !matches!(value, Value::Deleted));
    Some(out)
}

/// What happened to the references of a directory: for each the changes, the oldest first.
pub(super) fn logs(dir: &Path) -> Option<BTreeMap<Vec<u8>, Vec<LogLine>>> {
    // The key ends in the number of the change, counted down.
    let mut entries: BTreeMap<Vec<u8>, Option<LogLine>> = BTreeMap::new();
    for table in tables(dir)? {
        each_log(&read(&table)?, &mut |key, line| {
            entries.insert(key.to_vec(), line);
        })?;
    }
    let mut out: BTreeMap<Vec<u8>, Vec<LogLine>> = BTreeMap::new();
    for (key, line) in entries.into_iter().rev() {
        let name = key.split_at_checked(key.len().wrapping_sub(9));
        if let (Some((name, _)), Some(line)) = (name, line) {
            out.entry(name.to_vec()).or_default().push(line);
        }
    }
    Some(out)
}

/// The tables of a stack, the oldest first.
fn tables(dir: &Path) -> Option<Vec<PathBuf>> {
    let stack = dir.join("reftable");
    let list = String::from_utf8(read(&stack.join("tables.list"))?).ok()?;
    let names = list.lines().filter(|l| !l.is_empty());
    names
        .map(|name| (!name.contains(['/', '\\'])).then(|| stack.join(name)))
        .collect()
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
    let mut found = None;
    each_ref(table, &mut |at, value| {
        let is = at == name;
        if is {
            found = Some(value);
        }
        !is
    })?;
    Some(found)
}

/// Length of the header and of ids.
fn layout(table: &[u8]) -> Option<(usize, usize)> {
    match table.get(..5)? {
        b"REFT\x01" => Some((24, 20)),
        b"REFT\x02" => match table.get(24..28)? {
            b"sha1" => Some((28, 20)),
            b"s256" => Some((28, 32)),
            _ => None,
        },
        _ => None,
    }
}

/// The references of one table, until `see` says that it is enough; `None` when it is damaged.
fn each_ref(table: &[u8], see: &mut dyn FnMut(&[u8], Value) -> bool) -> Option<()> {
    let (header, hash_len) = layout(table)?;
    // The footer repeats the header and adds five numbers and a checksum.
    let end = table.len().checked_sub(header + 44)?;
    let block_size = u24(table, 5)?;
    let mut start = 0;
    while start < end {
        let at = if start == 0 { header } else { start };
        if at >= end || table.get(at)? != &b'r' {
            return Some(());
        }
        let len = u24(table, at + 1)?;
        let block = table.get(start..start.checked_add(len)?.min(end))?;
        if !in_block(block, at - start + 4, hash_len, see)? {
            return Some(());
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
    Some(())
}

/// The log of one table; `None` when it is damaged.
fn each_log(table: &[u8], see: &mut dyn FnMut(&[u8], Option<LogLine>)) -> Option<()> {
    let (header, hash_len) = layout(table)?;
    let footer = table.len().checked_sub(header + 44)?;
    let number = |at: usize| -> Option<usize> {
        let bytes = table.get(footer + header + at..footer + header + at + 8)?;
        usize::try_from(u64::from_be_bytes(bytes.try_into().ok()?)).ok()
    };
    // The position of the first block, or nothing: then there is no log, or nothing else.
    let mut start = match number(24)? {
        0 if table.get(header) == Some(&b'g') => 0,
        0 => return Some(()),
        at => at,
    };
    let mut inflate = gix::zlib::Inflate::default();
    while start < footer {
        let at = if start == 0 { header } else { start };
        if table.get(at)? != &b'g' {
            break;
        }
        // The length counts what is before the compressed part as well.
        let before = at - start + 4;
        let len = u24(table, at + 1)?.checked_sub(before)?;
        let mut block = vec![0; len];
        inflate.reset();
        let (status, used, written) = inflate.once(table.get(at + 4..footer)?, &mut block).ok()?;
        if status != gix::zlib::Status::StreamEnd || written != len {
            return None;
        }
        log_block(&block, hash_len, see)?;
        start = at + 4 + used;
    }
    Some(())
}

/// Reads the records of a block.
struct Records<'a> {
    block: &'a [u8],
    at: usize,
    end: usize,
    key: Vec<u8>,
}

impl<'a> Records<'a> {
    /// Records begin at `at`; behind them is an index of where some begin.
    fn new(block: &'a [u8], at: usize) -> Option<Self> {
        let count = block.len().checked_sub(2)?;
        let restarts = usize::from(u16::from_be_bytes(block.get(count..)?.try_into().ok()?));
        Some(Self {
            block,
            at,
            end: count.checked_sub(restarts.checked_mul(3)?)?,
            key: Vec::new(),
        })
    }

    fn number(&mut self) -> Option<usize> {
        let (value, used) = varint(self.block.get(self.at..self.end)?)?;
        self.at += used;
        Some(value)
    }

    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.end)?;
        let bytes = self.block.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let len = self.number()?;
        self.bytes(len)
    }

    fn id(&mut self, hash_len: usize) -> Option<Oid> {
        Oid::try_from(self.bytes(hash_len)?).ok()
    }

    /// Reads the key of the next record, and gives its type; keys are written as their difference to the one before.
    fn key(&mut self) -> Option<usize> {
        let shared = self.number()?;
        let kind = self.number()?;
        let suffix = self.bytes(kind >> 3)?;
        if shared > self.key.len() {
            return None;
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(suffix);
        Some(kind & 7)
    }
}

/// The references of a block, whose records begin at `at`; whether more is wanted.
fn in_block(
    block: &[u8],
    at: usize,
    hash_len: usize,
    see: &mut dyn FnMut(&[u8], Value) -> bool,
) -> Option<bool> {
    let mut records = Records::new(block, at)?;
    while records.at < records.end {
        let kind = records.key()?;
        records.number()?;
        let value = match kind {
            0 => Value::Deleted,
            1 => Value::Object(records.id(hash_len)?),
            2 => {
                let id = records.id(hash_len)?;
                records.id(hash_len)?;
                Value::Object(id)
            }
            3 => Value::Other(records.text()?.to_vec()),
            _ => return None,
        };
        if !see(&records.key, value) {
            return Some(false);
        }
    }
    Some(true)
}

/// The changes of a block.
fn log_block(
    block: &[u8],
    hash_len: usize,
    see: &mut dyn FnMut(&[u8], Option<LogLine>),
) -> Option<()> {
    let mut records = Records::new(block, 0)?;
    while records.at < records.end {
        let line = match records.key()? {
            0 => None,
            1 => {
                let (old, new) = (records.id(hash_len)?, records.id(hash_len)?);
                records.text()?;
                records.text()?;
                let time = i64::try_from(records.number()?).ok()?;
                records.bytes(2)?;
                let message = records.text()?.to_vec();
                Some(LogLine {
                    old,
                    new,
                    time,
                    message,
                })
            }
            _ => return None,
        };
        see(&records.key, line);
    }
    Some(())
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
        assert!(list(&data("nowhere")).is_none());
    }

    #[test]
    fn all_references_and_their_logs_are_listed() {
        for (name, expected) in [("sha1", SHA1), ("sha256", SHA256)] {
            let id = Oid::from_hex(expected.as_bytes()).unwrap();
            let refs = list(&data(name)).unwrap();
            let branches = refs
                .keys()
                .filter(|k| k.starts_with(b"refs/heads/team/"))
                .count();
            assert_eq!(branches, 100);
            let logs = logs(&data(name)).unwrap();
            let head = logs.get(&b"HEAD"[..]).unwrap();
            assert_eq!(head.last().unwrap().new, id);
            assert!(head.first().unwrap().old.is_null());
            for pair in head.windows(2) {
                assert!(pair[0].new == pair[1].old || pair[0].time <= pair[1].time);
            }
        }
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
                    let _ = each_log(&bytes, &mut |_, _| {});
                }
            }
        }
    }
}

//! Reflogs: what a reference named before, and when.
//!
//! Follows `git help reflog`; a line is `<old> <new> <who> <seconds> <zone>`, a tab and a message. Lines that are none are
//! passed over, as Git does.

use std::collections::BTreeMap;
use std::path::Path;

use super::Oid;
use super::refs::{self, hex};
use super::reftable;
use super::repo::{RefStorage, Repo};

/// A change of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogLine {
    /// What it named before; all zeros if it did not exist.
    pub(super) old: Oid,
    /// What it named then; all zeros if it was taken away.
    pub(super) new: Oid,
    /// When, in seconds.
    pub(super) time: i64,
    /// What for.
    pub(super) message: Vec<u8>,
}

/// The reflogs of one directory, by reference; the oldest line first. The flag tells whether all could be read.
pub(super) fn all(repo: &Repo, dir: &Path) -> (BTreeMap<Vec<u8>, Vec<LogLine>>, bool) {
    if repo.storage == RefStorage::Reftable {
        return match reftable::logs(dir) {
            Some(logs) => (logs, true),
            None => (BTreeMap::new(), false),
        };
    }
    let mut out = BTreeMap::new();
    let mut complete = true;
    refs::walk(&dir.join("logs"), &mut |name, file| match file
        .and_then(|path| std::fs::read(path).ok())
    {
        Some(bytes) => {
            out.insert(name.to_vec(), lines(&bytes));
        }
        None => complete = false,
    });
    (out, complete)
}

/// The reflog of one reference, the oldest line first.
pub(super) fn of(repo: &Repo, name: &[u8]) -> Option<Vec<LogLine>> {
    let (dir, name) = refs::place(repo, name)?;
    if repo.storage == RefStorage::Reftable {
        return reftable::logs(&dir)?.remove(&name);
    }
    let path = super::disk_path(&dir.join("logs"), &name)?;
    let regular = path.symlink_metadata().ok()?.is_file();
    let bytes = regular.then(|| std::fs::read(path).ok()).flatten()?;
    Some(lines(&bytes))
}

fn lines(bytes: &[u8]) -> Vec<LogLine> {
    bytes.split(|b| *b == b'\n').filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<LogLine> {
    let (old, rest) = hex(line)?;
    let (new, rest) = hex(rest.strip_prefix(b" ")?)?;
    let rest = rest.strip_prefix(b" ")?;
    let (who, message) = match memchr::memchr(b'\t', rest) {
        Some(tab) => (&rest[..tab], rest[tab + 1..].to_vec()),
        None => (rest, Vec::new()),
    };
    Some(LogLine {
        old,
        new,
        time: super::commits::time(who),
        message,
    })
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_none_are_passed_over() {
        let one = "1".repeat(40);
        let two = "2".repeat(40);
        let text = format!(
            "{one} {two} A > B <a@b> 1700000000 +0100\tcommit: x\ty\n\ngarbage\n{one} {two}x\n{two} {one} A <a> 17\n"
        );
        let found = lines(text.as_bytes());
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].time, 1_700_000_000);
        assert_eq!(found[0].message, b"commit: x\ty");
        assert_eq!(found[1].new, Oid::from_hex(one.as_bytes()).unwrap());
    }
}

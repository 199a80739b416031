//! The index, read once.
//!
//! Versions 2 to 4, split and sparse indices, of either hash (`git help index-format`). Entries are in order and their
//! order is checked: everything here searches by halving, so an index out of order could hide a tracked file. The checksum
//! of the file is not, as git does not check it either. A sparse directory that nevertheless exists on disk is expanded to
//! its files, so that what stands there is known to be tracked.

use std::ops::Range;
use std::path::Path;

use gix::bstr::ByteSlice;
use gix::index::entry::{Flags, Mode};

use super::repo::{GitError, Repo};
use super::{Oid, OidKind};

/// The index of a worktree.
pub struct Index {
    state: gix::index::State,
}

/// One entry of an index.
#[derive(Clone, Copy, Debug)]
pub struct IndexEntry<'a> {
    /// Its path.
    pub path: &'a [u8],
    /// The object.
    pub id: &'a Oid,
    /// What it is.
    pub kind: OidKind,
    /// 0, or the stage of a conflict.
    pub stage: u32,
    /// Marked by `git add --intent-to-add`: known, but without content.
    pub intent_to_add: bool,
    /// Left out of the worktree on purpose.
    pub skip_worktree: bool,
    /// Said to be as it is in the index, so that nobody looks (`git update-index --assume-unchanged`).
    pub assume_unchanged: bool,
    stat: &'a gix::index::entry::Stat,
}

/// What a file system says about a file, as far as an index keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Size in bytes.
    pub size: u64,
    /// Modification time: seconds and nanoseconds.
    pub mtime: (i64, u32),
    /// Time of the last change of the inode; zero where there is none.
    pub ctime: (i64, u32),
}

impl Index {
    pub(super) fn read(
        repo: &Repo,
        path: &Path,
        hash: gix::hash::Kind,
        limit: usize,
    ) -> Result<Self, GitError> {
        let failed = |reason: String| GitError::Index {
            path: path.to_owned(),
            reason,
        };
        // A pipe in place of the index would never answer.
        if path.metadata().is_ok_and(|m| !m.is_file()) {
            return Err(failed("it is not a regular file".to_owned()));
        }
        let options = gix::index::decode::Options {
            alloc_limit_bytes: Some(limit),
            ..Default::default()
        };
        let file = gix::index::File::at_or_default(path, hash, true, options)
            .map_err(|e| failed(e.to_string()))?;
        let mut index = Self {
            state: file.into_parts().0,
        };
        if index.state.is_sparse() {
            index.expand(repo);
        }
        if !index.in_order() {
            return Err(failed("its entries are out of order".to_owned()));
        }
        Ok(index)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.state.entries().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The path of an entry.
    pub fn path(&self, at: usize) -> &[u8] {
        self.state.entry(at).path(&self.state)
    }

    /// An entry.
    pub fn entry(&self, at: usize) -> IndexEntry<'_> {
        let entry = self.state.entry(at);
        IndexEntry {
            path: entry.path(&self.state),
            id: &entry.id,
            kind: kind(entry.mode),
            stage: entry.stage_raw(),
            intent_to_add: entry.flags.contains(Flags::INTENT_TO_ADD),
            skip_worktree: entry.flags.contains(Flags::SKIP_WORKTREE),
            assume_unchanged: entry.flags.contains(Flags::ASSUME_VALID),
            stat: &entry.stat,
        }
    }

    /// The first entry of `path` among those of `range`.
    pub fn find(&self, path: &[u8], range: Range<usize>) -> Option<usize> {
        let at = self.lower_bound(path, range.clone());
        (at < range.end && self.path(at) == path).then_some(at)
    }

    /// The entries of `range` below `dir`, which ends in a slash.
    pub fn below(&self, dir: &[u8], range: Range<usize>) -> Range<usize> {
        let start = self.lower_bound(dir, range.clone());
        let rest = &self.state.entries()[start..range.end];
        start..start + rest.partition_point(|e| e.path(&self.state).starts_with(dir))
    }

    /// Whether a file that looks like `now` is certainly the one that was added. A file that may have been written in the
    /// same instant as the index ("racy") is not certain.
    pub fn is_unchanged(&self, entry: &IndexEntry<'_>, now: &Stamp) -> bool {
        let then = entry.stat;
        let same = |then: gix::index::entry::stat::Time, now: (i64, u32)| {
            (then.secs, then.nsecs) == (now.0 as u32, now.1)
        };
        let ctime_known = then.ctime.secs != 0 && now.ctime.0 != 0;
        let written = self.state.timestamp();
        then.size == now.size as u32
            && same(then.mtime, now.mtime)
            && (!ctime_known || same(then.ctime, now.ctime))
            && now.mtime < (written.unix_seconds(), written.nanoseconds())
    }

    pub(super) fn cached_tree(&self) -> Option<&gix::index::extension::Tree> {
        self.state.tree()
    }

    fn lower_bound(&self, path: &[u8], range: Range<usize>) -> usize {
        let entries = &self.state.entries()[range.clone()];
        range.start + entries.partition_point(|e| e.path(&self.state).as_bytes() < path)
    }

    fn in_order(&self) -> bool {
        self.state.entries().is_sorted_by(|a, b| {
            (a.path(&self.state), a.stage_raw()) < (b.path(&self.state), b.stage_raw())
        })
    }

    /// Replaces sparse directories that exist on disk by the files in their trees.
    fn expand(&mut self, repo: &Repo) {
        let mut present = Vec::new();
        for entry in self.state.entries().iter().filter(|e| e.mode == Mode::DIR) {
            let path = entry.path(&self.state);
            let on_disk = super::disk_path(repo.root(), path);
            if on_disk.is_some_and(|at| at.symlink_metadata().is_ok_and(|m| m.is_dir())) {
                present.push((path.to_owned(), entry.id));
            }
        }
        if present.is_empty() {
            return;
        }
        for (dir, id) in &present {
            let list = super::base::tree_below(repo, dir, *id);
            for item in list.items() {
                let mode = match item.kind {
                    OidKind::Blob | OidKind::Tree => Mode::FILE,
                    OidKind::Executable => Mode::FILE_EXECUTABLE,
                    OidKind::Link => Mode::SYMLINK,
                    OidKind::Submodule => Mode::COMMIT,
                };
                let stat = Default::default();
                self.state.dangerously_push_entry(
                    stat,
                    *item.id,
                    Flags::SKIP_WORKTREE,
                    mode,
                    item.path.as_bstr(),
                );
            }
        }
        self.state.remove_entries(|_, path, entry| {
            entry.mode == Mode::DIR && present.iter().any(|(dir, _)| dir == path)
        });
        self.state.sort_entries();
    }
}

fn kind(mode: Mode) -> OidKind {
    match mode {
        Mode::FILE_EXECUTABLE => OidKind::Executable,
        Mode::SYMLINK => OidKind::Link,
        Mode::COMMIT => OidKind::Submodule,
        Mode::DIR => OidKind::Tree,
        _ => OidKind::Blob,
    }
}

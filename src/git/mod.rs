//! Reads Git repositories, and nothing else: no writing, no network, no program is ever started.
//!
//! This room and `packs` are the only ones that know gix. Configuration of the repository is read for what decides *which files there are*
//! (object format, `core.excludesFile`, `core.ignoreCase`, where the worktree is) and for where hooks stand and how they are
//! called, which is shown and never run; filters, fsmonitor and credential helpers have no reader here. A repository owned by somebody else is opened
//! like one's own, because opening it cannot do anything. Replacement objects are off: a scanner must see what is stored.
//! Absent on purpose: fetching objects that a partial clone lacks, grafts.

mod base;
mod commits;
mod entries;
#[expect(
    clippy::disallowed_methods,
    reason = "this is the door to Git's environment"
)]
mod env;
mod graph;
mod hooks;
mod index;
mod index_dirs;
mod objects;
mod raw_index;
mod reflog;
mod refs;
mod reftable;
mod repo;
mod revision;
mod rules;
mod staged;
mod tree;

pub use crate::packs::{HashKind, Oid, OidKind};
pub use base::{BaseItem, BaseList, flatten};
pub use commits::{Between, Commit};
pub use entries::TreeEntry;
pub use env::GitEnv;
pub use hooks::{Hooks, HooksPath, NamedHook, Scope};
pub use index::{Index, IndexEntry, Stamp};
pub use objects::{ObjectKind, Peeled, blob_id_outside};
pub use refs::{BrokenTip, RefList, Tip, TipKind, Tips};
pub use repo::{GitError, Head, Repo};
pub use revision::{Range, RevisionError, RevisionProblem};
pub use rules::Rules;
pub use staged::{Before, Change, Changes, StagedIndex};

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;

/// The bytes Git would store for a part of a path; `None` where the system has names that Git cannot hold.
pub fn name_bytes(name: &OsStr) -> Option<Cow<'_, [u8]>> {
    <[u8]>::from_os_str(name).map(Cow::Borrowed)
}

/// A path on disk from the bytes of a repository path; `None` where the system cannot express it.
pub fn disk_path(root: &Path, relative: &[u8]) -> Option<PathBuf> {
    let relative = relative.to_path().ok()?;
    let mut path = PathBuf::with_capacity(root.as_os_str().len() + relative.as_os_str().len() + 2);
    path.push(root);
    path.push(relative);
    Some(path)
}

/// Whether `.git` at this path makes the directory around it a repository of its own.
pub fn is_repository(dot_git: &Path) -> bool {
    gix::discover::is_git(dot_git).is_ok()
}

//! The entries of one tree.
//!
//! A tree comes from a stranger: its order is not relied upon, and names may stand in it twice.

use gix::bstr::ByteSlice;
use gix::objs::tree::EntryKind;

use super::repo::Repo;
use super::{Oid, OidKind};

/// One entry.
pub(super) struct TreeItem {
    pub(super) name: Vec<u8>,
    pub(super) id: Oid,
    pub(super) kind: OidKind,
    /// For whoever compares.
    pub(super) met: bool,
}

/// The entries of a tree, by name; `None` when it cannot be read.
pub(super) fn items(repo: &Repo, tree: &Oid) -> Option<Vec<TreeItem>> {
    let bytes = repo.objects.tree(tree)?;
    let mut items = Vec::new();
    for entry in gix::objs::TreeRefIter::from_bytes(&bytes, tree.kind()) {
        let entry = entry.ok()?;
        items.push(TreeItem {
            name: entry.filename.as_bytes().to_vec(),
            id: entry.oid.to_owned(),
            kind: kind(entry.mode),
            met: false,
        });
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Some(items)
}

/// What an entry is, by its mode.
pub(super) fn kind(mode: gix::objs::tree::EntryMode) -> OidKind {
    match mode.kind() {
        EntryKind::Tree => OidKind::Tree,
        EntryKind::Blob => OidKind::Blob,
        EntryKind::BlobExecutable => OidKind::Executable,
        EntryKind::Link => OidKind::Link,
        EntryKind::Commit => OidKind::Submodule,
    }
}

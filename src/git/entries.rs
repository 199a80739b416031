//! One tree at a time, as entries.

use gix::bstr::ByteSlice;

use super::base::{BaseList, tree_below};
use super::objects::{Oid, OidKind};
use super::repo::Repo;

/// An entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its name; hostile trees can hold any bytes here.
    pub name: Vec<u8>,
    /// The object.
    pub id: Oid,
    /// What it is.
    pub kind: OidKind,
}

impl Repo {
    /// The entries of a tree, by the bytes of their names; `None` when it is missing, corrupt or no tree, and where it is
    /// one that Git would never write: of two entries with one name, or of one with a slash in it, nobody can say which
    /// file a checkout makes.
    pub fn tree(&self, id: &Oid) -> Option<Vec<TreeEntry>> {
        let bytes = self.objects.tree(id)?;
        let mut entries = Vec::new();
        for entry in gix::objs::TreeRefIter::from_bytes(&bytes, id.kind()) {
            let entry = entry.ok()?;
            let name = entry.filename.as_bytes();
            if name.is_empty() || name.contains(&b'/') || name == b"." || name == b".." {
                return None;
            }
            use gix::objs::tree::EntryKind;
            entries.push(TreeEntry {
                name: entry.filename.as_bytes().to_vec(),
                id: entry.oid.to_owned(),
                kind: match entry.mode.kind() {
                    EntryKind::Tree => OidKind::Tree,
                    EntryKind::Blob => OidKind::Blob,
                    EntryKind::BlobExecutable => OidKind::Executable,
                    EntryKind::Link => OidKind::Link,
                    EntryKind::Commit => OidKind::Submodule,
                },
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let twice = entries.windows(2).any(|two| two[0].name == two[1].name);
        (!twice).then_some(entries)
    }

    /// All files of a tree.
    pub fn files_of(&self, tree: &Oid) -> BaseList {
        tree_below(self, b"", *tree)
    }
}

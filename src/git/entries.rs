//! One tree at a time, as entries.

use super::base::{BaseList, tree_below};
use super::repo::Repo;
use super::tree::{TreeItem, items};
use super::{Oid, OidKind};

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
        let items = items(self, id)?;
        let odd =
            |name: &[u8]| name.is_empty() || name.contains(&b'/') || matches!(name, b"." | b"..");
        let twice = items.windows(2).any(|two| two[0].name == two[1].name);
        if twice || items.iter().any(|item| odd(&item.name)) {
            return None;
        }
        let entry = |item: TreeItem| TreeEntry {
            name: item.name,
            id: item.id,
            kind: item.kind,
        };
        Some(items.into_iter().map(entry).collect())
    }

    /// All files of a tree.
    pub fn files_of(&self, tree: &Oid) -> BaseList {
        tree_below(self, b"", *tree)
    }
}

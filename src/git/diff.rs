//! What a commit adds: the files that none of its parents has so.
//!
//! Follows `git diff-tree --root -m` in one respect per parent: an entry counts if it differs from the entry of every
//! parent at its path, so that what is born in a merge counts and what a merge only brings together does not. Directories
//! that a parent has as they are are not read. Commits of other repositories are left out.

use std::collections::BTreeSet;

use super::commits::Commit;
use super::objects::{Oid, OidKind};
use super::repo::Repo;
use super::tree::{TreeItem, items};

/// What a commit adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// In order of paths.
    pub files: Vec<AddedFile>,
    /// Files of the first parent that are gone, in order.
    pub removed: Vec<Vec<u8>>,
    /// Directories that could not be read, with a slash at the end, empty for the top: what a commit adds there is
    /// unknown, or more is given than it adds.
    pub unreadable: Vec<Vec<u8>>,
    /// Parents that are not there, as at the end of a shallow clone. What they have is taken for new.
    pub missing_parents: Vec<Oid>,
}

/// A file that a commit adds or changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddedFile {
    /// Where it is.
    pub path: Vec<u8>,
    /// The object.
    pub id: Oid,
    /// What it is: never a directory, never a submodule.
    pub kind: OidKind,
}

/// No path nests deeper; a hostile tree could.
const MAX_DEPTH: usize = 4096;
/// More files than this are no commit but a trap.
const MAX_FILES: usize = 4_000_000;

impl Repo {
    /// What a commit adds to its parents.
    pub fn added_by(&self, commit: &Commit) -> Added {
        let mut walk = Walk {
            repo: self,
            out: Added::default(),
            unreadable: BTreeSet::new(),
        };
        let mut parents = Vec::with_capacity(commit.parents.len());
        for (at, id) in commit.parents.iter().enumerate() {
            match self.commit(id) {
                Some(parent) => parents.push((at, parent.tree)),
                None => walk.out.missing_parents.push(*id),
            }
        }
        let trees = parents.iter().map(|(_, tree)| *tree).collect();
        walk.added(commit.tree, trees);
        if let Some((0, first)) = parents.first() {
            walk.removed(Some(commit.tree), *first);
        }
        let mut out = walk.out;
        out.files.sort();
        out.files.dedup();
        out.removed.sort();
        out.removed.dedup();
        out.unreadable = walk.unreadable.into_iter().collect();
        out
    }
}

struct Walk<'a> {
    repo: &'a Repo,
    out: Added,
    unreadable: BTreeSet<Vec<u8>>,
}

impl Walk<'_> {
    fn items(&mut self, prefix: &[u8], tree: &Oid, depth: usize) -> Option<Vec<TreeItem>> {
        let found = (depth < MAX_DEPTH && self.out.files.len() < MAX_FILES)
            .then(|| items(self.repo, tree))
            .flatten();
        if found.is_none() {
            self.unreadable.insert(prefix.to_vec());
        }
        found
    }

    /// Files of a tree that differ from those of every parent.
    fn added(&mut self, tree: Oid, parents: Vec<Oid>) {
        let mut open = vec![(Vec::new(), tree, parents, 0)];
        while let Some((prefix, tree, parents, depth)) = open.pop() {
            if parents.contains(&tree) {
                continue;
            }
            let Some(now) = self.items(&prefix, &tree, depth) else {
                continue;
            };
            let before: Vec<Vec<TreeItem>> = parents
                .iter()
                .filter_map(|tree| self.items(&prefix, tree, depth))
                .collect();
            for item in now {
                let same = |list: &Vec<TreeItem>| {
                    called(list, &item.name).any(|old| (old.id, old.kind) == (item.id, item.kind))
                };
                if item.kind == OidKind::Submodule || before.iter().any(same) {
                    continue;
                }
                let mut path = [prefix.as_slice(), &item.name].concat();
                if item.kind == OidKind::Tree {
                    path.push(b'/');
                    let below = (before.iter())
                        .filter_map(|list| find(list, &item.name, true).map(|old| old.id))
                        .collect();
                    open.push((path, item.id, below, depth + 1));
                } else {
                    self.out.files.push(AddedFile {
                        path,
                        id: item.id,
                        kind: item.kind,
                    });
                }
            }
        }
    }

    /// Files of the first parent that are no files any more.
    fn removed(&mut self, tree: Option<Oid>, parent: Oid) {
        let mut open = vec![(Vec::new(), tree, parent, 0)];
        while let Some((prefix, tree, parent, depth)) = open.pop() {
            if tree == Some(parent) {
                continue;
            }
            let Some(before) = self.items(&prefix, &parent, depth) else {
                continue;
            };
            let now = match tree {
                Some(tree) => match self.items(&prefix, &tree, depth) {
                    Some(now) => now,
                    // Nothing is known to be gone.
                    None => continue,
                },
                None => Vec::new(),
            };
            for item in before {
                let mut path = [prefix.as_slice(), &item.name].concat();
                match item.kind {
                    OidKind::Submodule => {}
                    OidKind::Tree => {
                        path.push(b'/');
                        let tree = find(&now, &item.name, true).map(|item| item.id);
                        open.push((path, tree, item.id, depth + 1));
                    }
                    _ => {
                        let stays = find(&now, &item.name, false)
                            .is_some_and(|item| item.kind != OidKind::Submodule);
                        if !stays && self.out.removed.len() < MAX_FILES {
                            self.out.removed.push(path);
                        }
                    }
                }
            }
        }
    }
}

/// The entries of a name: one, unless the tree is damaged.
fn called<'a>(list: &'a [TreeItem], name: &'a [u8]) -> impl Iterator<Item = &'a TreeItem> {
    let at = list.partition_point(|item| item.name.as_slice() < name);
    list[at..].iter().take_while(move |item| item.name == name)
}

/// An entry by name; a directory if `dir`, else anything but one.
fn find<'a>(list: &'a [TreeItem], name: &'a [u8], dir: bool) -> Option<&'a TreeItem> {
    called(list, name).find(|item| (item.kind == OidKind::Tree) == dir)
}

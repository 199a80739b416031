//! A tree as a flat list of files.
//!
//! Where the cache-tree extension of the index says that a directory of the index *is* a tree, the entries of the index
//! are taken and the tree is not read: usually that is the whole repository. The counts in that extension are checked
//! against the entries. Trees are hostile input: names may be out of order, nest without end, or share subtrees until
//! the list would not fit into memory. A subtree that cannot be read is remembered, the rest stands.

use std::ops::Range;

use gix::bstr::ByteSlice;
use gix::index::extension::Tree;

use super::index::Index;
use super::repo::Repo;
use super::{Oid, OidKind};

/// The files of a tree, in order of their paths.
#[derive(Debug, Default)]
pub struct BaseList {
    paths: Vec<u8>,
    items: Vec<Item>,
    unreadable: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Item {
    start: usize,
    len: usize,
    id: Oid,
    kind: OidKind,
}

/// One file of a tree.
#[derive(Clone, Copy, Debug)]
pub struct BaseItem<'a> {
    /// Its path.
    pub path: &'a [u8],
    /// The object.
    pub id: &'a Oid,
    /// What it is.
    pub kind: OidKind,
}

/// More files than this are no repository but a trap.
const MAX_FILES: usize = 4_000_000;
/// No system has paths longer than this.
const MAX_PATH: usize = 1 << 16;

/// The files of `tree`, with the help of an index.
pub fn flatten(repo: &Repo, tree: Oid, index: &Index) -> BaseList {
    let mut walk = Walk {
        repo,
        index: Some(index),
        list: BaseList::default(),
        open: Vec::new(),
        trees: 0,
    };
    walk.open.push(Dir {
        prefix: Vec::new(),
        id: tree,
        range: 0..index.len(),
        cached: index.cached_tree(),
    });
    walk.run()
}

/// The files of the tree `id`, which stands at `prefix` (with a slash at its end).
pub(super) fn tree_below(repo: &Repo, prefix: &[u8], id: Oid) -> BaseList {
    let mut walk = Walk {
        repo,
        index: None,
        list: BaseList::default(),
        open: Vec::new(),
        trees: 0,
    };
    walk.open.push(Dir {
        prefix: prefix.to_vec(),
        id,
        range: 0..0,
        cached: None,
    });
    walk.run()
}

impl BaseList {
    /// A list of which nothing can be read.
    pub fn broken() -> Self {
        Self {
            unreadable: vec![Vec::new()],
            ..Self::default()
        }
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// A file by its place in the list.
    pub fn get(&self, at: usize) -> Option<BaseItem<'_>> {
        self.items.get(at).map(|item| self.item(item))
    }

    /// All files.
    pub fn items(&self) -> impl Iterator<Item = BaseItem<'_>> {
        self.items.iter().map(|item| self.item(item))
    }

    /// A file by its path.
    pub fn find(&self, path: &[u8]) -> Option<BaseItem<'_>> {
        let at = self
            .items
            .binary_search_by(|item| self.path(item).cmp(path))
            .ok()?;
        self.get(at)
    }

    /// Whether `path` lies in a part of the tree that could not be read.
    pub fn is_unknown(&self, path: &[u8]) -> bool {
        self.unreadable.iter().any(|dir| path.starts_with(dir))
    }

    /// Directories that could not be read.
    pub fn unreadable(&self) -> impl Iterator<Item = &[u8]> {
        self.unreadable.iter().map(Vec::as_slice)
    }

    fn path(&self, item: &Item) -> &[u8] {
        &self.paths[item.start..item.start + item.len]
    }

    fn item<'a>(&'a self, item: &'a Item) -> BaseItem<'a> {
        BaseItem {
            path: self.path(item),
            id: &item.id,
            kind: item.kind,
        }
    }

    fn push(&mut self, prefix: &[u8], name: &[u8], id: Oid, kind: OidKind) {
        let start = self.paths.len();
        self.paths.extend_from_slice(prefix);
        self.paths.extend_from_slice(name);
        self.items.push(Item {
            start,
            len: prefix.len() + name.len(),
            id,
            kind,
        });
    }

    fn put_in_order(&mut self) {
        let mut items = std::mem::take(&mut self.items);
        if !items.is_sorted_by(|a, b| self.path(a) < self.path(b)) {
            items.sort_by(|a, b| self.path(a).cmp(self.path(b)));
            items.dedup_by(|a, b| self.path(a) == self.path(b));
        }
        self.items = items;
    }
}

struct Dir<'a> {
    prefix: Vec<u8>,
    id: Oid,
    range: Range<usize>,
    cached: Option<&'a Tree>,
}

struct Walk<'a> {
    repo: &'a Repo,
    index: Option<&'a Index>,
    list: BaseList,
    open: Vec<Dir<'a>>,
    trees: usize,
}

impl<'a> Walk<'a> {
    fn run(mut self) -> BaseList {
        while let Some(dir) = self.open.pop() {
            self.trees += 1;
            if self.list.items.len() > MAX_FILES || self.trees > MAX_FILES {
                return BaseList::broken();
            }
            if !self.take_from_index(&dir) && !self.read(&dir) {
                self.list.unreadable.push(dir.prefix);
            }
        }
        self.list.put_in_order();
        self.list
    }

    /// Takes the entries of the index when they are known to be the tree.
    fn take_from_index(&mut self, dir: &Dir<'_>) -> bool {
        let (Some(index), Some(cached)) = (self.index, dir.cached) else {
            return false;
        };
        let valid = cached.id == dir.id && cached.num_entries == Some(dir.range.len() as u32);
        if !valid || dir.range.clone().any(|at| doubtful(index, at)) {
            return false;
        }
        for at in dir.range.clone() {
            let entry = index.entry(at);
            if entry.kind == OidKind::Tree {
                let prefix = entry.path.to_vec();
                self.open.push(Dir {
                    prefix,
                    id: *entry.id,
                    range: 0..0,
                    cached: None,
                });
            } else {
                self.list.push(b"", entry.path, *entry.id, entry.kind);
            }
        }
        true
    }

    fn read(&mut self, dir: &Dir<'a>) -> bool {
        let Some(bytes) = self.repo.objects.tree(&dir.id) else {
            return false;
        };
        for entry in gix::objs::TreeRefIter::from_bytes(&bytes, dir.id.kind()) {
            let Ok(entry) = entry else { return false };
            let (name, id) = (entry.filename.as_bytes(), entry.oid.to_owned());
            if dir.prefix.len() + name.len() > MAX_PATH {
                return false;
            }
            let kind = super::tree::kind(entry.mode);
            if kind == OidKind::Tree {
                self.descend(dir, name, id);
                continue;
            }
            self.list.push(&dir.prefix, name, id, kind);
        }
        true
    }

    fn descend(&mut self, dir: &Dir<'a>, name: &[u8], id: Oid) {
        let mut prefix = Vec::with_capacity(dir.prefix.len() + name.len() + 1);
        prefix.extend_from_slice(&dir.prefix);
        prefix.extend_from_slice(name);
        prefix.push(b'/');
        let cached = dir.cached.and_then(|tree| {
            tree.children
                .iter()
                .find(|child| child.name.as_slice() == name)
        });
        let range = match self.index {
            Some(index) => index.below(&prefix, dir.range.clone()),
            None => 0..0,
        };
        self.open.push(Dir {
            prefix,
            id,
            range,
            cached,
        });
    }
}

fn doubtful(index: &Index, at: usize) -> bool {
    let entry = index.entry(at);
    entry.stage != 0 || entry.intent_to_add
}

//! What a commit would record: the index against the tree of HEAD.
//!
//! Directories are compared from the top. Where the cache-tree of the index says that a directory *is* the tree of HEAD,
//! nothing below is looked at; that is what `git diff --cached` does, and it makes the work grow with the change instead of
//! with the repository. The counts in a cache-tree are checked against the names around them. Every stage of a conflict
//! counts as changed; what `git add --intent-to-add` announced has no content yet and would not be recorded.

use std::ops::Range;

use super::base::tree_below;
use super::index::Index;
use super::raw_index::{Node, RawIndex, Refused};
use super::repo::{GitError, Head, Repo};
use super::tree::{TreeItem, items};
use super::{Oid, OidKind};

/// The index, ready to be compared with HEAD.
pub struct StagedIndex {
    entries: Entries,
    /// Entries that no tree can stand for: stages of conflicts, intents to add.
    special: Vec<usize>,
    root: Option<Node>,
}

enum Entries {
    Raw(Box<RawIndex>),
    Whole(Box<Index>),
    /// A sparse index with the files of its directories in their places.
    Listed(Vec<Listed>),
}

struct Listed {
    path: Vec<u8>,
    id: Oid,
    kind: OidKind,
    stage: u8,
    intent_to_add: bool,
}

/// What stood at a path in HEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Absent,
    /// This object.
    Had(Oid, OidKind),
    /// Unknown: the tree is missing or corrupt.
    Unknown,
}

/// An entry of the index that HEAD does not have so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its path.
    pub path: Vec<u8>,
    /// The object.
    pub id: Oid,
    /// What it is.
    pub kind: OidKind,
    /// 0, or the stage of a conflict.
    pub stage: u8,
    /// What HEAD has there.
    pub before: Before,
}

/// The differences between HEAD and the index.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// What the index adds or changes, in order of paths and stages.
    pub changed: Vec<Change>,
    /// Files of HEAD that the index no longer has, in order.
    pub removed: Vec<(Vec<u8>, Oid, OidKind)>,
    /// Directories of HEAD that could not be read; with a slash at the end, empty for the top.
    pub unreadable: Vec<Vec<u8>>,
    /// Directories that the index holds as trees and that could not be read: what is in them is unknown.
    pub lost: Vec<Vec<u8>>,
}

impl StagedIndex {
    /// Reads the index of a repository; `file` is its file, `None` when there is none.
    pub(super) fn new(repo: &Repo, file: Option<std::fs::File>) -> Result<Self, GitError> {
        let Some(file) = file else {
            return Self::whole(repo);
        };
        match RawIndex::read(file, repo.hash()) {
            Ok(mut raw) => Ok(Self {
                root: raw.root.take(),
                special: std::mem::take(&mut raw.special),
                entries: Entries::Raw(Box::new(raw)),
            }),
            Err(Refused::NotOurs) => Self::whole(repo),
            Err(Refused::Damaged(what)) => Err(repo.index_error(what)),
        }
    }

    fn whole(repo: &Repo) -> Result<Self, GitError> {
        let index = repo.index()?;
        if (0..index.len()).any(|at| index.entry(at).kind == OidKind::Tree) {
            return Ok(Self::listed(repo, &index));
        }
        let special = |at: &usize| {
            let entry = index.entry(*at);
            entry.stage != 0 || entry.intent_to_add
        };
        Ok(Self {
            special: (0..index.len()).filter(special).collect(),
            root: index.cached_tree().map(node),
            entries: Entries::Whole(Box::new(index)),
        })
    }

    /// Whoever looks for a file or a config in a sparse index must find those that it keeps as a directory, too. One that
    /// cannot be read stays a directory.
    fn listed(repo: &Repo, index: &Index) -> Self {
        let mut list = Vec::new();
        for at in 0..index.len() {
            let entry = index.entry(at);
            let tree = (entry.kind == OidKind::Tree)
                .then(|| tree_below(repo, entry.path, *entry.id))
                .filter(|tree| tree.unreadable().next().is_none());
            match tree {
                Some(tree) => list.extend(tree.items().map(|item| Listed {
                    path: item.path.to_vec(),
                    id: *item.id,
                    kind: item.kind,
                    stage: 0,
                    intent_to_add: false,
                })),
                None => list.push(Listed {
                    path: entry.path.to_vec(),
                    id: *entry.id,
                    kind: entry.kind,
                    stage: entry.stage as u8,
                    intent_to_add: entry.intent_to_add,
                }),
            }
        }
        list.sort_by(|a, b| (&a.path, a.stage).cmp(&(&b.path, b.stage)));
        let special = |at: &usize| list[*at].stage != 0 || list[*at].intent_to_add;
        Self {
            special: (0..list.len()).filter(special).collect(),
            root: None,
            entries: Entries::Listed(list),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        match &self.entries {
            Entries::Raw(raw) => raw.len(),
            Entries::Whole(index) => index.len(),
            Entries::Listed(list) => list.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The path of an entry.
    pub fn path(&self, at: usize) -> &[u8] {
        match &self.entries {
            Entries::Raw(raw) => &raw.entry(at).path,
            Entries::Whole(index) => index.path(at),
            Entries::Listed(list) => &list[at].path,
        }
    }

    /// The object of an entry.
    pub fn id(&self, at: usize) -> Oid {
        match &self.entries {
            Entries::Raw(raw) => raw.entry(at).id,
            Entries::Whole(index) => *index.entry(at).id,
            Entries::Listed(list) => list[at].id,
        }
    }

    /// What an entry is.
    pub fn kind(&self, at: usize) -> OidKind {
        match &self.entries {
            Entries::Raw(raw) => raw.entry(at).kind,
            Entries::Whole(index) => index.entry(at).kind,
            Entries::Listed(list) => list[at].kind,
        }
    }

    /// 0, or the stage of a conflict.
    pub fn stage(&self, at: usize) -> u8 {
        match &self.entries {
            Entries::Raw(raw) => raw.entry(at).stage,
            Entries::Whole(index) => index.entry(at).stage as u8,
            Entries::Listed(list) => list[at].stage,
        }
    }

    /// Whether only the intent to add was recorded.
    pub fn intent_to_add(&self, at: usize) -> bool {
        match &self.entries {
            Entries::Raw(raw) => raw.entry(at).intent_to_add,
            Entries::Whole(index) => index.entry(at).intent_to_add,
            Entries::Listed(list) => list[at].intent_to_add,
        }
    }

    /// The first entry of a path.
    pub fn find(&self, path: &[u8]) -> Option<usize> {
        let at = self.lower_bound(path, 0..self.len());
        (at < self.len() && self.path(at) == path).then_some(at)
    }

    /// The entries below `dir`, which ends in a slash; empty for all.
    pub fn below(&self, dir: &[u8]) -> Range<usize> {
        self.range_of(dir, 0..self.len())
    }

    fn range_of(&self, dir: &[u8], within: Range<usize>) -> Range<usize> {
        let start = self.lower_bound(dir, within.clone());
        if let (Entries::Raw(raw), Some((_, path))) = (&self.entries, dir.split_last())
            && start < within.end
            && self.path(start).starts_with(dir)
            && let Some(end) = raw.dirs.end(start, path.len())
        {
            return start..end.min(within.end);
        }
        let (mut low, mut high) = (start, within.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.path(middle).starts_with(dir) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        start..low
    }

    /// Name and end of the directory that begins with the entry `at`, below a prefix of this length, if that is known
    /// without a look at the entries.
    fn child(&self, at: usize, prefix: usize) -> Option<(&[u8], usize)> {
        match &self.entries {
            Entries::Raw(raw) => raw.dirs.child(at, prefix),
            Entries::Whole(_) | Entries::Listed(_) => None,
        }
    }

    /// Whether the first entry of a range stands for a whole directory. It is the only one, unless the index is damaged.
    fn is_sparse(&self, range: &Range<usize>, prefix: &[u8]) -> bool {
        !matches!(self.entries, Entries::Raw(_))
            && self.path(range.start) == prefix
            && self.kind(range.start) == OidKind::Tree
    }

    fn lower_bound(&self, path: &[u8], within: Range<usize>) -> usize {
        if let Entries::Raw(raw) = &self.entries {
            return raw.lower_bound(path, within);
        }
        let (mut low, mut high) = (within.start, within.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.path(middle) < path {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn has_special(&self, range: &Range<usize>) -> bool {
        let at = self.special.partition_point(|s| *s < range.start);
        self.special.get(at).is_some_and(|s| *s < range.end)
    }

    /// The differences between HEAD and this index.
    pub fn changes(&self, repo: &Repo) -> Changes {
        let mut walk = Walk {
            repo,
            index: self,
            out: Changes::default(),
        };
        let all = 0..self.len();
        match repo.head() {
            Head::Unborn => walk.all(&all, Before::Absent),
            Head::Broken(_) => walk.unreadable(Vec::new(), &all),
            Head::Commit { tree, .. } => walk.directory(Dir {
                prefix: Vec::new(),
                tree: *tree,
                range: all,
                node: self.root.as_ref(),
                depth: 0,
            }),
        }
        let mut out = walk.out;
        out.changed
            .sort_by(|a, b| (&a.path, a.stage).cmp(&(&b.path, b.stage)));
        out.removed.sort_by(|a, b| a.0.cmp(&b.0));
        out.removed.dedup_by(|a, b| a.0 == b.0);
        out
    }
}

/// No path nests deeper; a hostile tree could.
const MAX_DEPTH: usize = 4096;

struct Dir<'a> {
    /// With a slash at its end; empty for the top.
    prefix: Vec<u8>,
    tree: Oid,
    range: Range<usize>,
    node: Option<&'a Node>,
    depth: usize,
}

struct Walk<'a> {
    repo: &'a Repo,
    index: &'a StagedIndex,
    out: Changes,
}

impl<'a> Walk<'a> {
    fn directory(&mut self, dir: Dir<'a>) {
        if self.is_head(&dir) {
            return;
        }
        let items = (dir.depth < MAX_DEPTH)
            .then(|| items(self.repo, &dir.tree))
            .flatten();
        let Some(mut items) = items else {
            return self.unreadable(dir.prefix, &dir.range);
        };
        let mut at = dir.range.start;
        while at < dir.range.end {
            let index = self.index;
            // Directories are known by name; the entries in them are not looked at.
            if let Some((name, end)) = index.child(at, dir.prefix.len()) {
                let range = at..end.clamp(at + 1, dir.range.end);
                at = range.end;
                self.subdirectory(&dir, name, range, &mut items);
                continue;
            }
            let rest = &index.path(at)[dir.prefix.len()..];
            if let Some(slash) = memchr::memchr(b'/', rest) {
                let below = &index.path(at)[..=dir.prefix.len() + slash];
                let end = index.range_of(below, at..dir.range.end).end;
                // A damaged index must not hold the walk.
                let range = at..end.max(at + 1);
                at = range.end;
                self.subdirectory(&dir, &rest[..slash], range, &mut items);
                continue;
            }
            // What is only announced would be removed by the commit.
            if !index.intent_to_add(at) {
                let had = meet(&mut items, rest, false);
                self.file(at, had);
            }
            at += 1;
        }
        for item in items.into_iter().filter(|item| !item.met) {
            let mut path = dir.prefix.clone();
            path.extend_from_slice(&item.name);
            match item.kind {
                OidKind::Tree => {
                    path.push(b'/');
                    self.removed_below(&path, item.id);
                }
                kind => self.out.removed.push((path, item.id, kind)),
            }
        }
    }

    /// Whether the index says that this directory is the tree of HEAD.
    fn is_head(&self, dir: &Dir<'_>) -> bool {
        let same = dir
            .node
            .and_then(|n| n.valid.as_ref())
            .is_some_and(|(id, count)| *id == dir.tree && *count == dir.range.len());
        same && !self.index.has_special(&dir.range)
    }

    /// Goes into a directory, whose entries are those of `range`.
    fn subdirectory(
        &mut self,
        dir: &Dir<'a>,
        name: &[u8],
        range: Range<usize>,
        items: &mut [TreeItem],
    ) {
        let mut prefix = dir.prefix.clone();
        prefix.extend_from_slice(name);
        prefix.push(b'/');
        let node = dir.node.and_then(|n| {
            let at = n.children.binary_search_by(|c| c.name.as_slice().cmp(name));
            n.children.get(at.ok()?)
        });
        let tree = meet(items, name, true).map(|(id, _)| id);
        if self.index.is_sparse(&range, &prefix) {
            self.sparse(range.start, prefix, tree);
            return self.all(&(range.start + 1..range.end), Before::Unknown);
        }
        match tree {
            Some(tree) => self.directory(Dir {
                prefix,
                tree,
                range,
                node,
                depth: dir.depth + 1,
            }),
            None => self.all(&range, Before::Absent),
        }
    }

    /// A directory that a sparse index holds as a tree.
    fn sparse(&mut self, at: usize, prefix: Vec<u8>, tree: Option<Oid>) {
        let id = self.index.id(at);
        if tree == Some(id) {
            return;
        }
        let before = tree.map(|tree| tree_below(self.repo, &prefix, tree));
        let now = tree_below(self.repo, &prefix, id);
        for item in now.items() {
            let had = before.as_ref().and_then(|list| list.find(item.path));
            let before = match had {
                Some(had) if (had.id, had.kind) == (item.id, item.kind) => continue,
                Some(had) => Before::Had(*had.id, had.kind),
                None if before.as_ref().is_some_and(|l| l.is_unknown(item.path)) => Before::Unknown,
                None => Before::Absent,
            };
            self.out.changed.push(Change {
                path: item.path.to_vec(),
                id: *item.id,
                kind: item.kind,
                stage: 0,
                before,
            });
        }
        for item in before.iter().flat_map(|list| list.items()) {
            if now.find(item.path).is_none() {
                self.out
                    .removed
                    .push((item.path.to_vec(), *item.id, item.kind));
            }
        }
        self.out.lost.extend(now.unreadable().map(<[u8]>::to_vec));
    }

    fn file(&mut self, at: usize, had: Option<(Oid, OidKind)>) {
        let index = self.index;
        let (id, kind, stage) = (index.id(at), index.kind(at), index.stage(at));
        if stage == 0 && had == Some((id, kind)) {
            return;
        }
        self.out.changed.push(Change {
            path: index.path(at).to_vec(),
            id,
            kind,
            stage,
            before: had.map_or(Before::Absent, |(id, kind)| Before::Had(id, kind)),
        });
    }

    fn all(&mut self, range: &Range<usize>, before: Before) {
        for at in range.clone() {
            let index = self.index;
            if index.intent_to_add(at) {
                continue;
            }
            if index.kind(at) == OidKind::Tree {
                self.sparse(at, index.path(at).to_vec(), None);
                continue;
            }
            self.out.changed.push(Change {
                path: index.path(at).to_vec(),
                id: index.id(at),
                kind: index.kind(at),
                stage: index.stage(at),
                before,
            });
        }
    }

    /// HEAD cannot be read here: everything may have changed.
    fn unreadable(&mut self, prefix: Vec<u8>, range: &Range<usize>) {
        self.all(range, Before::Unknown);
        self.out.unreadable.push(prefix);
    }

    fn removed_below(&mut self, prefix: &[u8], tree: Oid) {
        for item in tree_below(self.repo, prefix, tree).items() {
            self.out
                .removed
                .push((item.path.to_vec(), *item.id, item.kind));
        }
    }
}

/// The entry `name`, marked as met; a directory if `dir`, else anything but one.
fn meet(items: &mut [TreeItem], name: &[u8], dir: bool) -> Option<(Oid, OidKind)> {
    let at = items.partition_point(|item| item.name.as_slice() < name);
    let item = items[at..]
        .iter_mut()
        .take_while(|item| item.name == name)
        .find(|item| (item.kind == OidKind::Tree) == dir)?;
    item.met = true;
    Some((item.id, item.kind))
}

fn node(tree: &gix::index::extension::Tree) -> Node {
    let mut children: Vec<Node> = tree.children.iter().map(node).collect();
    children.sort_by(|a, b| a.name.cmp(&b.name));
    Node {
        name: tree.name.to_vec(),
        valid: tree.num_entries.map(|count| (tree.id, count as usize)),
        children,
    }
}

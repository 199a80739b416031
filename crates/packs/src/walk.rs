//! Every path of every tree, level by level.
//!
//! A level is the set of pairs (directory, tree), complete before any of it is looked into. Within one directory a tree adds
//! to another only what its delta adds, so most entries of most trees are never touched: when the base stands at the same
//! directory, its entries come from there. Entries are made unique within their directory; directories share nothing, which
//! is what makes the work divisible. Nothing is remembered by tree alone: the same tree at a second path has other paths.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::catalog::{Catalog, Kind, NONE};
use super::graph::{Child, Damage, Item, Trees, damage};
use super::names::MAX_PATH;
use super::parse::Mode;
use super::threads;

/// A path: its directory and its name. The first is the root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) parent: u32,
    pub(super) name: u32,
    len: u32,
}

/// The trees that stand at one path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dir {
    pub(super) node: u32,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// All that was found. Files and directories of one path are one node.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) nodes: Vec<Node>,
    /// In order of levels, so a directory stands behind the one that holds it.
    pub(super) dirs: Vec<Dir>,
    /// Numbers, sorted within each directory.
    pub(super) trees: Vec<u32>,
    /// By node, then number.
    pub(super) files: Vec<(u32, Child)>,
    /// Trees that could not be read, and where they stand.
    pub(super) damaged: Vec<(u32, Damage, u32)>,
}

/// More than this is no repository but a trap.
const MAX_NODES: usize = 4_000_000;
/// Pairs of a path and what stood there.
const MAX_PAIRS: usize = 32_000_000;
/// Bytes of all paths of files.
const MAX_PATHS: usize = 128 << 20;
/// How many entries are collected before they are made unique.
const BATCH: usize = 1 << 20;

/// What one directory holds.
#[derive(Default)]
struct Found {
    items: Vec<Item>,
    damaged: Vec<(u32, Damage)>,
}

struct Limits {
    nodes: usize,
    pairs: usize,
}

impl Walk {
    /// Walks from these root trees.
    pub(super) fn new(
        catalog: &Catalog,
        trees: &dyn Trees,
        mut roots: Vec<u32>,
        numbers: usize,
        threads: usize,
    ) -> Self {
        roots.sort_unstable();
        roots.dedup();
        let mut walk = Self {
            nodes: vec![Node {
                parent: 0,
                name: 0,
                len: 0,
            }],
            dirs: vec![Dir {
                node: 0,
                from: 0,
                to: roots.len() as u32,
            }],
            trees: roots,
            ..Self::default()
        };
        let mut path_bytes = 0;
        let mut level = 0..1;
        while !level.is_empty() {
            let next = walk.dirs.len();
            match walk.look(catalog, trees, level.clone(), numbers, threads) {
                Some(found) => walk.add(trees, level.start, found, &mut path_bytes),
                None => {
                    let dir = walk.dirs[level.start];
                    let tree = walk.trees[dir.from as usize];
                    walk.damaged.push((tree, Damage::TooLarge, dir.node));
                    break;
                }
            }
            level = next..walk.dirs.len();
            if path_bytes > MAX_PATHS && !level.is_empty() {
                let dir = walk.dirs[level.start];
                let tree = walk.trees[dir.from as usize];
                walk.damaged.push((tree, Damage::TooLarge, dir.node));
                break;
            }
        }
        walk
    }

    /// Entries of each directory of a level; `None` when they are too many.
    fn look(
        &self,
        catalog: &Catalog,
        trees: &dyn Trees,
        level: std::ops::Range<usize>,
        numbers: usize,
        threads: usize,
    ) -> Option<Vec<Found>> {
        let limits = Limits {
            nodes: MAX_NODES.saturating_sub(self.nodes.len()),
            pairs: MAX_PAIRS.saturating_sub(self.trees.len() + self.files.len()),
        };
        let (counter, pairs) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let dirs = &self.dirs[level];
        let results = threads::each(threads.min(dirs.len()), || {
            let mut seat = vec![u32::MAX; numbers];
            let mut own = Vec::new();
            while let Some(range) = threads::next(&counter, 1, dirs.len()) {
                if pairs.load(Ordering::Relaxed) > limits.pairs {
                    break;
                }
                let at = range.start;
                let set = &self.trees[dirs[at].from as usize..dirs[at].to as usize];
                let found = look_into(catalog, trees, set, at as u32, &mut seat);
                pairs.fetch_add(found.items.len(), Ordering::Relaxed);
                own.push((at, found));
            }
            own
        });
        let mut all: Vec<(usize, Found)> = results.into_iter().flatten().collect();
        let names = |found: &Found| {
            let runs = found.items.chunk_by(|a, b| a.name() == b.name());
            runs.count()
        };
        if pairs.into_inner() > limits.pairs
            || all.iter().map(|(_, f)| names(f)).sum::<usize>() > limits.nodes
        {
            return None;
        }
        all.sort_unstable_by_key(|(at, _)| *at);
        Some(all.into_iter().map(|(_, found)| found).collect())
    }

    /// Makes nodes of what a level held, and the next level.
    fn add(
        &mut self,
        trees: &dyn Trees,
        first_dir: usize,
        found: Vec<Found>,
        path_bytes: &mut usize,
    ) {
        let mut name = Vec::new();
        for (at, found) in found.into_iter().enumerate() {
            let parent = self.dirs[first_dir + at].node;
            let held = self.nodes[parent as usize].len;
            let damaged = found.damaged.into_iter();
            self.damaged
                .extend(damaged.map(|(tree, what)| (tree, what, parent)));
            for run in found.items.chunk_by(|a, b| a.name() == b.name()) {
                name.clear();
                trees.name(run[0].name(), &mut name);
                let len = held as usize + usize::from(parent != 0) + name.len();
                let tree = self.trees[self.dirs[first_dir + at].from as usize];
                if name.is_empty() {
                    self.damaged.push((tree, Damage::Corrupt, parent));
                }
                if len > MAX_PATH {
                    self.damaged.push((tree, Damage::TooLarge, parent));
                    continue;
                }
                let node = self.nodes.len() as u32;
                self.nodes.push(Node {
                    parent,
                    name: run[0].name(),
                    len: len as u32,
                });
                let (from, files) = (self.trees.len() as u32, self.files.len());
                for item in run {
                    match item.child().mode() {
                        Mode::Tree => self.trees.push(item.child().number()),
                        _ => self.files.push((node, item.child())),
                    }
                }
                if self.files.len() > files {
                    *path_bytes += len;
                }
                let to = self.trees.len() as u32;
                if from < to {
                    self.dirs.push(Dir { node, from, to });
                }
            }
        }
    }

    /// The path of a node.
    pub(super) fn path(&self, trees: &dyn Trees, node: u32, out: &mut Vec<u8>) {
        let mut chain = Vec::new();
        let mut now = node;
        while now != 0 {
            chain.push(now);
            now = self.nodes[now as usize].parent;
        }
        for (at, link) in chain.into_iter().rev().enumerate() {
            if at > 0 {
                out.push(b'/');
            }
            trees.name(self.nodes[link as usize].name, out);
        }
    }
}

/// The distinct entries of the trees of one directory. `seat` says for each tree at which directory it was seen last.
fn look_into(
    catalog: &Catalog,
    trees: &dyn Trees,
    set: &[u32],
    dir: u32,
    seat: &mut [u32],
) -> Found {
    let mut found = Found::default();
    for &tree in set {
        match damage(catalog, tree, Kind::Tree) {
            Some(what) => found.damaged.push((tree, what)),
            None => seat[tree as usize] = dir,
        }
    }
    let mut unique = 0;
    for &tree in set {
        if seat.get(tree as usize) != Some(&dir) {
            continue;
        }
        let based = trees
            .base(tree)
            .is_some_and(|base| seat[base as usize] == dir);
        let damaged = match based {
            true => trees.added(tree, &mut found.items),
            false => trees.all(tree, &mut found.items),
        };
        found.damaged.extend(damaged.map(|what| (tree, what)));
        if found.items.len() > unique + BATCH {
            make_unique(&mut found.items);
            unique = found.items.len();
        }
    }
    make_unique(&mut found.items);
    let named = found.items.partition_point(|item| item.name() != NONE);
    if named < found.items.len() {
        found.items.truncate(named);
        found.damaged.push((set[0], Damage::TooLarge));
    }
    found
}

fn make_unique(items: &mut Vec<Item>) {
    items.retain(|item| item.child().mode() != Mode::Commit);
    items.sort_unstable();
    items.dedup();
}

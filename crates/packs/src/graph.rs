//! What commits and trees say, behind one face for both ways of reading them.
//!
//! A *number* is an object of the catalog, or, beyond those, an id that something names and that the stores lack.

use super::catalog::{Catalog, Kind, NONE, Unread};
use super::object::Oid;
use super::parse::Mode;

/// A commit as its object tells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Commit {
    pub(super) object: u32,
    pub(super) tree: u32,
    /// Where its parents stand in [`Commits::parents`].
    pub(super) first_parent: u32,
    pub(super) parent_count: u32,
    pub(super) time: i64,
    /// Whether the search found something in its text.
    pub(super) hit: bool,
}

/// All commits that were read, in no order.
#[derive(Default)]
pub(super) struct Commits {
    pub(super) list: Vec<Commit>,
    pub(super) parents: Vec<u32>,
}

impl Commits {
    pub(super) fn parents(&self, commit: &Commit) -> &[u32] {
        &self.parents[commit.first_parent as usize..][..commit.parent_count as usize]
    }
}

/// Ids that something names and that the stores lack; their numbers follow those of the catalog.
#[derive(Default)]
pub(super) struct Lost {
    pub(super) ids: Vec<Oid>,
    known: std::collections::HashMap<Oid, u32>,
}

impl Lost {
    /// The number of an id, which may be in the catalog.
    pub(super) fn number(&mut self, catalog: &Catalog, id: &[u8]) -> u32 {
        if let Some(object) = catalog.ids.find(id) {
            return object;
        }
        let id = Oid::from_bytes_or_panic(id);
        let next = catalog.ids.count() + self.ids.len();
        let ids = &mut self.ids;
        *self.known.entry(id).or_insert_with(|| {
            ids.push(id);
            next as u32
        })
    }
}

/// One entry of a tree: the name above, the number and the mode below. Sorts by name, then number, then mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item(u64);

impl Item {
    pub(super) fn new(name: u32, number: u32, mode: Mode) -> Self {
        Self(u64::from(name) << 32 | u64::from(Child::new(number, mode).0))
    }

    pub(super) fn bits(self) -> u64 {
        self.0
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// [`NONE`] when the name could not be kept.
    pub(super) fn name(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(super) fn child(self) -> Child {
        Child(self.0 as u32)
    }
}

/// What an entry names: a number and a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Child(u32);

impl Child {
    pub(super) fn new(number: u32, mode: Mode) -> Self {
        Self(number << 3 | mode as u32)
    }

    pub(super) fn number(self) -> u32 {
        self.0 >> 3
    }

    pub(super) fn mode(self) -> Mode {
        match self.0 & 7 {
            0 => Mode::Tree,
            1 => Mode::Blob,
            2 => Mode::Executable,
            3 => Mode::Link,
            _ => Mode::Commit,
        }
    }
}

/// What is wrong with a tree, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    Missing,
    WrongKind,
    Corrupt,
    TooLarge,
}

impl From<Unread> for Damage {
    fn from(why: Unread) -> Self {
        match why {
            Unread::Corrupt => Self::Corrupt,
            Unread::TooLarge => Self::TooLarge,
        }
    }
}

/// Entries of trees.
pub(super) trait Trees: Sync {
    /// The tree that this one is told by, when that is the same tree that its id names.
    fn base(&self, tree: u32) -> Option<u32>;
    /// The entries that are not copied from the base.
    fn added(&self, tree: u32, out: &mut Vec<Item>) -> Option<Damage>;
    /// All entries.
    fn all(&self, tree: u32, out: &mut Vec<Item>) -> Option<Damage>;
    /// Of all entries of some trees those whose names, by number, are marked; what is no readable tree has none.
    fn select(&self, trees: &[u32], names: &[bool]) -> Selected {
        let mut selected = Selected::default();
        let mut items = Vec::new();
        for tree in trees {
            items.clear();
            if *tree != NONE {
                self.all(*tree, &mut items);
            }
            let first = selected.items.len() as u32;
            let marked = |item: &Item| names.get(item.name() as usize) == Some(&true);
            selected.items.extend(items.iter().copied().filter(marked));
            selected.place.push((first, selected.items.len() as u32));
        }
        selected
    }
    /// The name with this number.
    fn name(&self, name: u32, out: &mut Vec<u8>);
}

/// Some entries of some trees, by the place of the tree in the list that was asked for.
#[derive(Default)]
pub(super) struct Selected {
    pub(super) items: Vec<Item>,
    pub(super) place: Vec<(u32, u32)>,
}

impl Selected {
    /// The entries of a tree.
    pub(super) fn of(&self, at: usize) -> &[Item] {
        let (first, end) = self.place[at];
        &self.items[first as usize..end as usize]
    }
}

/// What stands where a tree, a commit or a file is expected.
pub(super) fn damage(catalog: &Catalog, number: u32, expected: Kind) -> Option<Damage> {
    if number == NONE || number as usize >= catalog.ids.count() {
        return Some(Damage::Missing);
    }
    match catalog.kind(number) {
        kind if kind == expected => None,
        Kind::Unknown => Some(Damage::Corrupt),
        _ => Some(Damage::WrongKind),
    }
}

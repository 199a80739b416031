//! Trees read one by one, each for itself: slower, with nothing kept but names.

use std::sync::{Mutex, PoisonError};

use super::catalog::{Catalog, Kind, NONE, Reader};
use super::graph::{Damage, Item, Lost, Trees};
use super::names::Names;
use super::parse::{self, Mode};

/// Reads a tree each time it is asked for.
pub(super) struct PlainTrees<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) state: &'a Mutex<PlainState>,
}

/// What grows while trees are read.
pub(super) struct PlainState {
    pub(super) names: Names,
    pub(super) lost: Lost,
    reader: Reader,
    /// The tree that was read last: many paths can have the same one.
    held: u32,
    bytes: Vec<u8>,
}

impl PlainState {
    pub(super) fn new(lost: Lost) -> Self {
        Self {
            names: Names::new(),
            lost,
            reader: Reader::new(),
            held: NONE,
            bytes: Vec::new(),
        }
    }
}

impl Trees for PlainTrees<'_> {
    fn base(&self, _: u32) -> Option<u32> {
        None
    }

    fn added(&self, tree: u32, out: &mut Vec<Item>) -> Option<Damage> {
        self.all(tree, out)
    }

    fn all(&self, tree: u32, out: &mut Vec<Item>) -> Option<Damage> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let PlainState {
            names,
            lost,
            reader,
            held,
            bytes,
        } = &mut *state;
        if std::mem::replace(held, NONE) != tree {
            match self.catalog.read(tree, reader, bytes) {
                Ok(Kind::Tree) => {}
                Ok(_) => return Some(Damage::WrongKind),
                Err(why) => return Some(why.into()),
            }
        }
        *held = tree;
        items(self.catalog, bytes, names, lost, out)
    }

    fn name(&self, name: u32, out: &mut Vec<u8>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        out.extend_from_slice(state.names.get(name));
    }
}

/// All entries of a tree. Those before a damaged place count.
fn items(
    catalog: &Catalog,
    tree: &[u8],
    names: &mut Names,
    lost: &mut Lost,
    out: &mut Vec<Item>,
) -> Option<Damage> {
    let mut at = 0;
    while at < tree.len() {
        let Some(entry) = parse::entry(tree, at, catalog.hash.len_in_bytes()) else {
            return Some(Damage::Corrupt);
        };
        at = entry.end;
        let number = match entry.mode {
            // Of another repository: whether it is here means nothing.
            Mode::Commit => 0,
            _ => lost.number(catalog, entry.id),
        };
        let name = names.number(entry.name).unwrap_or(NONE);
        out.push(Item::new(name, number, entry.mode));
    }
    None
}

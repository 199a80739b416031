//! Reads every version of every file of a history, at the speed of the pack.
//!
//! Git answers "which objects are there" by following ids, one lookup and one chain of deltas after the other. Here packs
//! are read in their own order, each base once and while it is at hand (`family`), trees are kept as what they add to
//! their base (`recipes`), paths are found level by level (`walk`), and texts are searched where they are new (`blobs`).
//! What is damaged is read for itself (`catalog`) or reported; a history is never silently shorter.
//!
//! Follows gitformat-pack, gitformat-index and gitrepository-layout. Absent on purpose: replacement objects, grafts,
//! commit-graph files and bitmaps (a scanner must see what is stored); which files matter and what a match means.

mod blobs;
mod catalog;
mod commit_set;
mod delta;
mod family;
mod graph;
mod history;
mod holders;
mod ids;
mod names;
mod object;
mod parse;
mod plain;
mod reach;
mod recipes;
mod stores;
mod threads;
mod walk;

use std::ops::Range;

pub use history::History;
pub use holders::CommitSet;
pub use object::{HashKind, Oid, OidKind};
pub use stores::Stores;

/// What is to be read.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Commits, tags, trees or blobs; tags are followed to what they name.
    pub tips: &'a [Oid],
    /// Also what the stores hold and no tip reaches.
    pub unreachable: bool,
    /// How many threads may work; the answer is the same for any number.
    pub threads: usize,
    /// One tree after the other, each for itself: slow, and what the fast way is compared with.
    pub plain: bool,
}

/// A commit of a [`History`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitNo(pub u32);

/// A path of a [`History`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathNo(pub u32);

/// A blob of a [`History`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobNo(pub u32);

/// A blob at a path, in at least one tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Where it stands.
    pub path: PathNo,
    /// What stands there.
    pub blob: BlobNo,
    /// A file, an executable or a link.
    pub kind: OidKind,
}

/// A commit or an annotated tag in whose text something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// Its id.
    pub id: Oid,
    /// Whether it is a tag.
    pub is_tag: bool,
}

/// An object that should be there and cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The directory or file that it should be, when it stands in a tree.
    pub path: Option<Vec<u8>>,
    /// Its id.
    pub id: Oid,
    /// What is wrong.
    pub what: Trouble,
    /// A commit that names it, when that is known.
    pub commit: Option<Oid>,
}

/// What can be wrong with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// The stores do not have it.
    Missing,
    /// It cannot be decoded, or only in part.
    Corrupt,
    /// It is of another kind than what names it says.
    WrongKind,
    /// It, its paths or all below it are beyond what is read.
    TooLarge,
}

/// A match in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hit {
    /// Where it starts.
    pub at: u32,
    /// How long it is.
    pub len: u16,
    /// Which of the searcher's needles it is.
    pub needle: u8,
}

/// Finds places in texts. Whether some bytes match must depend on these bytes alone: a match that was found in one version
/// is taken over where another version copied the bytes.
pub trait Search: Sync {
    /// The length of the longest match, less one.
    fn margin(&self) -> usize;
    /// Adds all matches that lie in `range`.
    fn search(&self, bytes: &[u8], range: Range<usize>, out: &mut Vec<Hit>);
}

/// A search that finds nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoSearch;

impl Search for NoSearch {
    fn margin(&self) -> usize {
        0
    }

    fn search(&self, _: &[u8], _: Range<usize>, _: &mut Vec<Hit>) {}
}

/// A blob as it passes by.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// All of its bytes.
    pub bytes: &'a [u8],
    /// All matches in it, by position.
    pub hits: &'a [Hit],
    /// What is not copied from `base` in long runs, in order; an empty range is a seam between two copies.
    pub fresh: &'a [Range<usize>],
    /// The blob that this one was rebuilt from, decoded before on the same thread, visited only if wanted.
    pub base: Option<BlobNo>,
}

/// Reads all that `request` asks for.
pub fn read(stores: &Stores, request: &Request<'_>, search_messages: &dyn Search) -> History {
    History::read(stores, request, search_messages)
}

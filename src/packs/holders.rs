//! Which commits hold a version.
//!
//! Asked only of findings, and of all at once. The trees of every directory on the way to one are looked at, and each is
//! linked with what it names: one of the versions, or a tree of the next directory. Sets of versions then rise along these
//! links, as rows of bits, from the deepest directories to root trees, and from there to commits.

use foldhash::HashMap;

use super::CommitNo;
use super::catalog::{Catalog, Kind};
use super::graph::{Child, Item, Trees, damage};
use super::parse::Mode;
use super::reach::Reached;
use super::walk::Walk;

/// Some of the commits of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitSet {
    pub(super) bits: Vec<u64>,
}

impl CommitSet {
    /// Whether a commit is in it.
    pub fn contains(&self, commit: CommitNo) -> bool {
        let word = self.bits.get(commit.0 as usize / 64);
        word.is_some_and(|word| word >> (commit.0 % 64) & 1 == 1)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.bits
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|word| *word == 0)
    }

    /// In order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = CommitNo> + '_ {
        self.bits.iter().enumerate().flat_map(|(at, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some(CommitNo(at as u32 * 64 + bit))
            })
        })
    }
}

/// A version by all the places that spell its path, nearly always one.
pub(super) struct Wanted {
    pub(super) version: usize,
    pub(super) places: Vec<(u32, Child)>,
}

/// Words of bits for all rows of a batch.
const ROW_WORDS: usize = 8 << 20;
/// A link to a version, not to a tree.
const FILE: u32 = 1 << 31;

/// Calls `visit` for each of `wanted`, in their order.
pub(super) fn holders(
    catalog: &Catalog,
    walk: &Walk,
    trees: &dyn Trees,
    reached: &Reached,
    wanted: &[Wanted],
    visit: &mut dyn FnMut(usize, &CommitSet),
) {
    let links = Links::new(catalog, walk, trees, wanted);
    // By commit: the row of its root tree, or that of nothing, which is the last.
    let roots = &walk.trees[walk.dirs[0].from as usize..walk.dirs[0].to as usize];
    let rows_of_commits: Vec<usize> = reached
        .trees
        .iter()
        .map(|tree| roots.binary_search(tree).unwrap_or(links.rows))
        .collect();
    let words = (ROW_WORDS / (links.rows + 1)).clamp(1, 64);
    let mut rows = vec![0u64; (links.rows + 1) * words];
    for (at, batch) in wanted.chunks(words * 64).enumerate() {
        let first = at * words * 64;
        rows.fill(0);
        links.raise(first..first + batch.len(), words, &mut rows);
        for (word, group) in batch.chunks(64).enumerate() {
            let mut sets = vec![CommitSet::default(); group.len()];
            for commits in rows_of_commits.chunks(64) {
                let mut block = [0u64; 64];
                for (line, row) in block.iter_mut().zip(commits) {
                    *line = rows[row * words + word];
                }
                transpose(&mut block);
                for (set, line) in sets.iter_mut().zip(block) {
                    set.bits.push(line);
                }
            }
            for (one, set) in group.iter().zip(&sets) {
                visit(one.version, set);
            }
        }
    }
}

/// What the trees on the way name.
struct Links {
    /// Directories on the way, those above first.
    dirs: Vec<LinkedDir>,
    /// Where the links of each row start; one more than there are rows.
    first: Vec<u32>,
    links: Vec<u32>,
    rows: usize,
}

struct LinkedDir {
    first_row: u32,
    rows: u32,
    /// The first and the last version below.
    low: u32,
    high: u32,
}

impl Links {
    fn new(catalog: &Catalog, walk: &Walk, trees: &dyn Trees, wanted: &[Wanted]) -> Self {
        let mut below: HashMap<u32, Span> = HashMap::default();
        let mut files: HashMap<(u32, Child), u32> = HashMap::default();
        for (at, one) in wanted.iter().enumerate() {
            for (node, child) in &one.places {
                files.insert((*node, *child), at as u32);
                let mut now = *node;
                loop {
                    let span = below.entry(now).or_default();
                    if span.low <= at as u32 && span.high >= at as u32 {
                        break;
                    }
                    span.low = span.low.min(at as u32);
                    span.high = span.high.max(at as u32);
                    if now == 0 {
                        break;
                    }
                    now = walk.nodes[now as usize].parent;
                }
            }
        }
        // By directory: the names to look for, and the nodes that they are.
        let mut names: HashMap<u32, HashMap<u32, u32>> = HashMap::default();
        for node in below.keys().filter(|node| **node != 0) {
            let here = walk.nodes[*node as usize];
            names
                .entry(here.parent)
                .or_default()
                .insert(here.name, *node);
        }
        let (mut dirs, mut sets, mut dir_of) = (Vec::new(), Vec::new(), HashMap::default());
        let mut rows = 0;
        for (place, dir) in walk.dirs.iter().enumerate() {
            // A file on the way is no directory, though there may be one of its name.
            if !names.contains_key(&dir.node) {
                continue;
            }
            let span = below.get(&dir.node).copied().unwrap_or_default();
            dir_of.insert(dir.node, (dirs.len(), place));
            dirs.push(LinkedDir {
                first_row: rows,
                rows: dir.to - dir.from,
                low: span.low,
                high: span.high,
            });
            rows += dir.to - dir.from;
            sets.push((&names[&dir.node], dir));
        }
        let mut links = Self {
            dirs,
            first: vec![0],
            links: Vec::new(),
            rows: rows as usize,
        };
        let mut items: Vec<Item> = Vec::new();
        for (names, dir) in sets {
            for tree in &walk.trees[dir.from as usize..dir.to as usize] {
                items.clear();
                if damage(catalog, *tree, Kind::Tree).is_none() {
                    trees.all(*tree, &mut items);
                }
                for item in &items {
                    let Some(node) = names.get(&item.name()) else {
                        continue;
                    };
                    if item.child().mode() != Mode::Tree {
                        if let Some(version) = files.get(&(*node, item.child())) {
                            links.links.push(version | FILE);
                        }
                    } else if let Some((at, place)) = dir_of.get(node) {
                        let below = walk.dirs[*place];
                        let set = &walk.trees[below.from as usize..below.to as usize];
                        if let Ok(place) = set.binary_search(&item.child().number()) {
                            links.links.push(links.dirs[*at].first_row + place as u32);
                        }
                    }
                }
                links.first.push(links.links.len() as u32);
            }
        }
        links
    }

    /// Fills the rows of all trees for the versions of a batch.
    fn raise(&self, batch: std::ops::Range<usize>, words: usize, rows: &mut [u64]) {
        for dir in self.dirs.iter().rev() {
            if dir.low as usize >= batch.end || (dir.high as usize) < batch.start {
                continue;
            }
            for row in dir.first_row..dir.first_row + dir.rows {
                let row = row as usize;
                let links = &self.links[self.first[row] as usize..self.first[row + 1] as usize];
                for link in links {
                    if link & FILE != 0 {
                        let version = (link & !FILE) as usize;
                        if batch.contains(&version) {
                            let bit = version - batch.start;
                            rows[row * words + bit / 64] |= 1 << (bit % 64);
                        }
                    } else {
                        // What lies below stands behind.
                        let (own, below) = rows.split_at_mut(*link as usize * words);
                        let own = &mut own[row * words..(row + 1) * words];
                        for (own, below) in own.iter_mut().zip(below) {
                            *own |= *below;
                        }
                    }
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Span {
    low: u32,
    high: u32,
}

impl Default for Span {
    fn default() -> Self {
        Self {
            low: u32::MAX,
            high: 0,
        }
    }
}

/// Turns rows of bits into columns: bit `b` of line `a` becomes bit `a` of line `b`.
fn transpose(block: &mut [u64; 64]) {
    let (mut width, mut mask) = (32, 0x0000_0000_ffff_ffff_u64);
    while width != 0 {
        let mut at = 0;
        while at < 64 {
            let swap = ((block[at] >> width) ^ block[at + width]) & mask;
            block[at] ^= swap << width;
            block[at + width] ^= swap;
            at = (at + width + 1) & !width;
        }
        width >>= 1;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        let mut seed = 1u64;
        let before: [u64; 64] = std::array::from_fn(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed ^ (seed >> 31)
        });
        let mut after = before;
        transpose(&mut after);
        for (a, line) in before.iter().enumerate() {
            for (b, column) in after.iter().enumerate() {
                assert_eq!(line >> b & 1, column >> a & 1, "{a} {b}");
            }
        }
    }
}

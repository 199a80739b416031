//! Which commits hold a version.
//!
//! Asked only of findings, and of all at once. The trees of every directory on the way to one are looked at, and each is
//! linked with what it names: one of the versions, or a tree of the next directory. Sets of versions then rise along these
//! links, as rows of bits, from the deepest directories to root trees, and from there to commits.

use std::ops::Range;

use foldhash::HashMap;

use super::CommitNo;
use super::catalog::{Catalog, Kind, NONE};
use super::graph::{Child, Trees, damage};
use super::parse::Mode;
use super::reach::Reached;
use super::threads;
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

/// What is asked for: something at one of several places. A version has one, nearly always: others spell the same path.
pub(super) struct Wanted {
    /// What the asker calls it.
    pub(super) number: usize,
    pub(super) places: Vec<(u32, Child)>,
}

/// Words of bits for the rows of all threads.
const ROW_WORDS: usize = 8 << 20;
/// The row of a tree that stands in several directories.
const MANY: u32 = NONE - 1;
/// A link to a version, not to a tree.
const FILE: u32 = 1 << 31;

/// Calls `visit` for each of `wanted`, in their order.
pub(super) fn holders(
    catalog: &Catalog,
    walk: &Walk,
    trees: &dyn Trees,
    reached: &Reached,
    wanted: &[Wanted],
    threads: usize,
    visit: &mut dyn FnMut(usize, &CommitSet),
) {
    let links = Links::new(catalog, walk, trees, wanted, threads);
    // By commit: the row of its root tree, or that of nothing, which is the last.
    let roots = &walk.trees[walk.dirs[0].from as usize..walk.dirs[0].to as usize];
    let rows_of_commits: Vec<usize> = reached
        .trees
        .iter()
        .map(|tree| roots.binary_search(tree).unwrap_or(links.rows))
        .collect();
    // Each thread has rows of its own for some of the versions.
    let most = wanted.len().div_ceil(64 * threads).clamp(1, 64);
    let words = (ROW_WORDS / threads / (links.rows + 1)).clamp(1, most);
    for (at, some) in wanted.chunks(words * 64 * threads).enumerate() {
        let first = at * words * 64 * threads;
        let sets_of = |range: Range<usize>| {
            let mut rows = vec![0u64; (links.rows + 1) * words];
            links.raise(first + range.start..first + range.end, words, &mut rows);
            let mut sets = vec![CommitSet::default(); range.len()];
            for (word, group) in sets.chunks_mut(64).enumerate() {
                columns(&rows, words, word, &rows_of_commits, group);
            }
            sets
        };
        let sets = threads::chunks(some.len(), words * 64, threads, sets_of);
        for (one, set) in some.iter().zip(sets.iter().flatten()) {
            visit(one.number, set);
        }
    }
}

/// Turns one word of the rows of all commits into sets, one for each of its bits.
fn columns(rows: &[u64], words: usize, word: usize, commits: &[usize], sets: &mut [CommitSet]) {
    for commits in commits.chunks(64) {
        let mut block = [0u64; 64];
        for (line, row) in block.iter_mut().zip(commits) {
            *line = rows[row * words + word];
        }
        transpose(&mut block);
        for (set, line) in sets.iter_mut().zip(block) {
            set.bits.push(line);
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
    fn new(
        catalog: &Catalog,
        walk: &Walk,
        trees: &dyn Trees,
        wanted: &[Wanted],
        threads: usize,
    ) -> Self {
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
        // Nearly every tree stands in one directory.
        let mut row_of = vec![NONE; catalog.ids.count()];
        for (dir, (_, place)) in dirs.iter().zip(&sets) {
            let trees = &walk.trees[place.from as usize..place.to as usize];
            for (row, tree) in (dir.first_row..).zip(trees) {
                if let Some(known) = row_of.get_mut(*tree as usize) {
                    *known = if *known == NONE { row } else { MANY };
                }
            }
        }
        // Row by row: the tree, or nothing where it cannot be read, and its directory.
        let sound = |tree: u32| match damage(catalog, tree, Kind::Tree) {
            None => tree,
            Some(_) => NONE,
        };
        let on_the_way: Vec<u32> = (sets.iter())
            .flat_map(|(_, dir)| &walk.trees[dir.from as usize..dir.to as usize])
            .map(|tree| sound(*tree))
            .collect();
        let marked = sets.iter().flat_map(|(names, _)| names.keys());
        let most = marked.clone().max().map_or(0, |name| *name as usize + 1);
        let mut marks = vec![false; most];
        marked.for_each(|name| marks[*name as usize] = true);
        let selected = trees.select(&on_the_way, &marks);
        let of_rows = |range: Range<usize>| {
            let (mut counts, mut links) = (Vec::with_capacity(range.len()), Vec::new());
            let mut dir = dirs.partition_point(|d: &LinkedDir| d.first_row as usize <= range.start);
            for row in range {
                while dirs.get(dir).is_some_and(|d| d.first_row as usize <= row) {
                    dir += 1;
                }
                let names = sets[dir - 1].0;
                let before = links.len();
                for item in selected.of(row) {
                    let Some(node) = names.get(&item.name()) else {
                        continue;
                    };
                    if item.child().mode() != Mode::Tree {
                        if let Some(version) = files.get(&(*node, item.child())) {
                            links.push(version | FILE);
                        }
                    } else if let Some((at, place)) = dir_of.get(node) {
                        let (tree, dir) = (item.child().number(), &dirs[*at]);
                        let below = match row_of.get(tree as usize).copied().unwrap_or(NONE) {
                            NONE => None,
                            MANY => {
                                let below = walk.dirs[*place];
                                let set = &walk.trees[below.from as usize..below.to as usize];
                                let place = set.binary_search(&tree).ok();
                                place.map(|place| dir.first_row + place as u32)
                            }
                            row => Some(row),
                        };
                        let inside =
                            |row: &u32| (dir.first_row..dir.first_row + dir.rows).contains(row);
                        links.extend(below.filter(inside));
                    }
                }
                counts.push((links.len() - before) as u32);
            }
            (counts, links)
        };
        let (mut first, mut links) = (vec![0], Vec::new());
        for (counts, some) in threads::chunks(on_the_way.len(), 4096, threads, of_rows) {
            let mut end = links.len() as u32;
            first.extend(counts.into_iter().map(|count| {
                end += count;
                end
            }));
            links.extend(some);
        }
        Self {
            dirs,
            first,
            links,
            rows: rows as usize,
        }
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

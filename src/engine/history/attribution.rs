//! Which commit brought a version, which took it away, and whether a tip still has it.
//!
//! Works on numbers alone: commits stand before their parents, a version is the set of commits that hold it. Who
//! introduced a version is a commit that holds it while no parent does; after cherry-picks there are several, and the
//! oldest counts. Removal is looked for on the line of development of that commit: its descendants that hold the version.

use rayon::prelude::*;

use crate::packs::{CommitNo, CommitSet};

/// The commits of a history.
pub(super) trait Graph: Sync {
    /// How many there are.
    fn len(&self) -> usize;
    /// The parents of a commit, all of them behind it.
    fn parents(&self, commit: CommitNo) -> impl Iterator<Item = CommitNo>;
    /// Seconds since 1970 by the committer's clock.
    fn time(&self, commit: CommitNo) -> i64;
    /// Its id, for an order that does not change.
    fn id(&self, commit: CommitNo) -> crate::git::Oid;
}

/// Commits that something names.
pub(super) struct Tips {
    /// The commit of HEAD.
    pub(super) head: Option<CommitNo>,
    /// Every commit that a ref, a HEAD or a reflog names.
    pub(super) all: CommitSet,
    /// The line of HEAD: first parents.
    mainline: CommitSet,
    /// HEAD and everything before it.
    before_head: CommitSet,
}

impl Tips {
    pub(super) fn new(graph: &impl Graph, head: Option<CommitNo>, all: CommitSet) -> Self {
        let mut mainline = CommitSet::new(graph.len());
        let mut at = head;
        while let Some(commit) = at {
            mainline.insert(commit);
            at = graph.parents(commit).next();
        }
        let before_head = match head {
            Some(head) => ancestors(graph, head),
            None => CommitSet::default(),
        };
        Self {
            head,
            all,
            mainline,
            before_head,
        }
    }
}

/// How far one set of commits spreads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spread {
    /// The oldest commit that holds it while no parent does.
    pub(super) first: CommitNo,
    /// The first commit on that line of development without it.
    pub(super) removed: Option<CommitNo>,
    /// The newest commit that holds it and that none follows which does; `None` while a tip holds it.
    pub(super) last: Option<CommitNo>,
    /// The newest time of a commit that holds it.
    pub(super) last_time: i64,
    /// How many commits hold it.
    pub(super) commits: u64,
    /// Whether HEAD does.
    pub(super) at_head: bool,
}

/// Every commit that brings what `holders` hold, the oldest first; of those that are equally old, what HEAD has: the other
/// is a copy that a rebase left behind.
pub(super) fn introductions(graph: &impl Graph, tips: &Tips, holders: &CommitSet) -> Vec<CommitNo> {
    let brings = |c: &CommitNo| !graph.parents(*c).any(|p| holders.contains(p));
    let mut found: Vec<CommitNo> = holders.iter().filter(brings).collect();
    let beside = |c: &CommitNo| !tips.before_head.contains(*c);
    found.sort_by_key(|c| (graph.time(*c), beside(c), graph.id(*c)));
    found
}

/// How far the commits spread; `None` if there are none.
pub(super) fn spread(graph: &impl Graph, tips: &Tips, holders: &CommitSet) -> Option<Spread> {
    let first = *introductions(graph, tips, holders).first()?;
    let at_tip = holders.iter().any(|c| tips.all.contains(c));
    let mut followed = CommitSet::new(graph.len());
    for c in holders.iter() {
        for parent in graph.parents(c) {
            followed.insert(parent);
        }
    }
    let ends = holders.iter().filter(|c| !followed.contains(*c));
    let newest = ends.max_by_key(|c| (graph.time(*c), graph.id(*c)));
    Some(Spread {
        first,
        removed: removed(graph, tips, holders, first),
        last: newest.filter(|_| !at_tip),
        last_time: holders.iter().map(|c| graph.time(c)).max().unwrap_or(0),
        commits: holders.len() as u64,
        at_head: tips.head.is_some_and(|head| holders.contains(head)),
    })
}

/// The first commit without it. Where the line of HEAD held it, that line decides, whichever branch had it first; else the
/// line on which it was introduced, and last any commit one of whose parents held it.
fn removed(
    graph: &impl Graph,
    tips: &Tips,
    holders: &CommitSet,
    first: CommitNo,
) -> Option<CommitNo> {
    let oldest =
        |of: &mut dyn Iterator<Item = CommitNo>| of.min_by_key(|c| (graph.time(*c), graph.id(*c)));
    let before = |c: CommitNo| graph.parents(c).next();
    if holders.iter().any(|c| tips.mainline.contains(c)) {
        let mut dropped = (tips.mainline.iter())
            .filter(|c| !holders.contains(*c))
            .filter(|c| before(*c).is_some_and(|p| holders.contains(p)));
        return oldest(&mut dropped);
    }
    // Descendants of `first` through commits that hold it; children stand before parents.
    let mut line = CommitSet::new(graph.len());
    line.insert(first);
    let mut ends = Vec::new();
    for c in (0..first.0).rev().map(CommitNo) {
        if !graph.parents(c).any(|p| line.contains(p)) {
            continue;
        }
        match holders.contains(c) {
            true => line.insert(c),
            false => ends.push(c),
        }
    }
    let by_first_parent = |c: &CommitNo| before(*c).is_some_and(|p| line.contains(p));
    oldest(&mut ends.iter().copied().filter(by_first_parent))
        .or_else(|| oldest(&mut ends.iter().copied()))
}

/// A commit and all before it.
pub(super) fn ancestors(graph: &impl Graph, of: CommitNo) -> CommitSet {
    let mut set = CommitSet::new(graph.len());
    set.insert(of);
    for c in (of.0..graph.len() as u32).map(CommitNo) {
        if set.contains(c) {
            graph.parents(c).for_each(|p| set.insert(p));
        }
    }
    set
}

/// Commits and all that follow one of them.
pub(super) fn descendants(graph: &impl Graph, of: &[CommitNo]) -> CommitSet {
    let mut set = CommitSet::new(graph.len());
    of.iter().for_each(|c| set.insert(*c));
    let last = of.iter().map(|c| c.0).max().unwrap_or(0);
    for c in (0..last).rev().map(CommitNo) {
        if graph.parents(c).any(|p| set.contains(p)) {
            set.insert(c);
        }
    }
    set
}

/// For each set of commits, which of the named commits reach one of them: bit `n` of a row stands for `named[n]`.
pub(super) fn reaching(
    graph: &impl Graph,
    sets: &[&CommitSet],
    named: &[CommitNo],
) -> Vec<Vec<bool>> {
    let batches = sets.par_chunks(64).flat_map_iter(|batch| {
        let mut marks = vec![0u64; graph.len()];
        for (bit, set) in batch.iter().enumerate() {
            for c in set.iter() {
                marks[c.0 as usize] |= 1 << bit;
            }
        }
        for c in (0..graph.len()).rev() {
            let parents = graph.parents(CommitNo(c as u32));
            let inherited = parents.fold(0, |all, p| all | marks[p.0 as usize]);
            marks[c] |= inherited;
        }
        (0..batch.len()).map(move |bit| {
            let reaches = |c: &CommitNo| marks[c.0 as usize] & (1 << bit) != 0;
            named.iter().map(reaches).collect()
        })
    });
    batches.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commits by number, children first; the time falls with the number.
    struct Drawn(Vec<Vec<CommitNo>>);

    fn drawn(parents: &[&[u32]]) -> Drawn {
        let all = parents
            .iter()
            .map(|p| p.iter().map(|c| CommitNo(*c)).collect());
        Drawn(all.collect())
    }

    impl Graph for Drawn {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn parents(&self, commit: CommitNo) -> impl Iterator<Item = CommitNo> {
            self.0[commit.0 as usize].iter().copied()
        }
        fn time(&self, commit: CommitNo) -> i64 {
            1000 - i64::from(commit.0)
        }
        fn id(&self, commit: CommitNo) -> crate::git::Oid {
            let mut id = [0; 20];
            id[19] = commit.0 as u8;
            crate::git::Oid::from(id)
        }
    }

    fn set(of: &Drawn, commits: &[u32]) -> CommitSet {
        let mut set = CommitSet::new(of.len());
        commits.iter().for_each(|c| set.insert(CommitNo(*c)));
        set
    }

    fn look(graph: &Drawn, holders: &[u32]) -> Spread {
        let tips = Tips::new(graph, Some(CommitNo(0)), set(graph, &[0]));
        spread(graph, &tips, &set(graph, holders)).unwrap()
    }

    fn numbers(of: &Spread) -> (u32, Option<u32>, Option<u32>) {
        (of.first.0, of.removed.map(|c| c.0), of.last.map(|c| c.0))
    }

    #[test]
    fn a_line_that_drops_it() {
        let line = drawn(&[&[1], &[2], &[3], &[]]);
        let found = look(&line, &[2, 1]);
        assert_eq!(numbers(&found), (2, Some(0), Some(1)));
        assert_eq!((found.commits, found.at_head), (2, false));
        let kept = look(&line, &[0, 1, 2]);
        assert_eq!(numbers(&kept), (2, None, None));
        assert!(kept.at_head);
    }

    #[test]
    fn a_branch_that_drops_it_is_not_the_line_that_keeps_it() {
        // 0 (main) - 1 - 3 ; 2 forks from 3 and drops what 3 brought.
        let fork = drawn(&[&[1], &[3], &[3], &[]]);
        let tips = Tips::new(&fork, Some(CommitNo(0)), set(&fork, &[0, 2]));
        let kept = spread(&fork, &tips, &set(&fork, &[0, 1, 3])).unwrap();
        assert_eq!(numbers(&kept), (3, None, None));
    }

    #[test]
    fn on_a_side_branch_that_was_mended_before_the_merge() {
        // 0 merges 1 (main) and 2; 2 drops what 3 brought; 4 is where they part.
        let merge = drawn(&[&[1, 2], &[4], &[3], &[4], &[]]);
        let found = look(&merge, &[3]);
        assert_eq!(numbers(&found), (3, Some(2), Some(3)));
    }

    #[test]
    fn merged_and_dropped_on_the_main_line() {
        // 0 drops what 3 brought on a branch that 1 merged.
        let merge = drawn(&[&[1], &[2, 3], &[4], &[4], &[]]);
        let found = look(&merge, &[1, 3]);
        assert_eq!(numbers(&found).1, Some(0));
        assert_eq!(numbers(&found).0, 3);
        // A merge that takes the other side.
        let ours = look(&merge, &[3]);
        assert_eq!(numbers(&ours), (3, Some(1), Some(3)));
    }

    #[test]
    fn the_oldest_of_several_that_bring_it() {
        let picks = drawn(&[&[1, 2], &[3], &[3], &[]]);
        let both = set(&picks, &[1, 2, 0]);
        let tips = Tips::new(&picks, Some(CommitNo(0)), set(&picks, &[0]));
        assert_eq!(
            introductions(&picks, &tips, &both),
            [CommitNo(2), CommitNo(1)]
        );
    }

    #[test]
    fn who_reaches_it() {
        let fork = drawn(&[&[2], &[3], &[3], &[]]);
        let sets = [set(&fork, &[2]), set(&fork, &[3])];
        let found = reaching(&fork, &[&sets[0], &sets[1]], &[CommitNo(0), CommitNo(1)]);
        assert_eq!(found, [vec![true, false], vec![true, true]]);
    }
}

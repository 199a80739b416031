//! Putting sets of commits together.

use super::CommitNo;
use super::holders::CommitSet;

impl CommitSet {
    /// An empty set of a history with so many commits.
    pub fn new(commits: usize) -> Self {
        Self {
            bits: vec![0; commits.div_ceil(64)],
        }
    }

    /// Adds a commit.
    pub fn insert(&mut self, commit: CommitNo) {
        let word = commit.0 as usize / 64;
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << (commit.0 % 64);
    }

    /// Adds all commits of another set.
    pub fn unite(&mut self, other: &Self) {
        if self.bits.len() < other.bits.len() {
            self.bits.resize(other.bits.len(), 0);
        }
        for (own, other) in self.bits.iter_mut().zip(&other.bits) {
            *own |= other;
        }
    }
}

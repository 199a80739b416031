//! The parents of commits, asked once each.
//!
//! Read from a commit-graph file where there is one, else from the commits themselves. Dates only put things in order,
//! they decide nothing: clocks go wrong, and whoever makes a commit may write any. A shallow clone ends at its boundary.
//! Grafts are not honoured, and a commit-graph is not asked in a shallow clone, as in Git.

use std::collections::HashSet;

use gix::hashtable::HashMap;

use super::Oid;
use super::commits::Commit;
use super::repo::Repo;

pub(super) struct Graph<'a> {
    repo: &'a Repo,
    files: Vec<gix::commitgraph::Graph>,
    shallow: HashSet<Oid>,
    index: HashMap<Oid, u32>,
    pub(super) nodes: Vec<Node>,
}

/// A commit that was named.
pub(super) struct Node {
    pub(super) id: Oid,
    state: State,
    /// Seconds; only when it is known.
    pub(super) time: i64,
    pub(super) parents: Vec<u32>,
    /// Whether it has parents that the shallow clone leaves out.
    pub(super) boundary: bool,
    /// For whoever walks.
    pub(super) marks: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Named,
    Known,
    Missing,
}

impl<'a> Graph<'a> {
    pub(super) fn new(repo: &'a Repo) -> Self {
        let shallow: HashSet<Oid> = repo.shallow_boundary();
        let files = match shallow.is_empty() && !repo.shallow() {
            true => repo
                .objects
                .dirs()
                .iter()
                .filter_map(|dir| gix::commitgraph::at(dir.join("info"), repo.hash(), None).ok())
                .collect(),
            false => Vec::new(),
        };
        Self {
            repo,
            files,
            shallow,
            index: HashMap::default(),
            nodes: Vec::new(),
        }
    }

    /// The number of a commit.
    pub(super) fn number(&mut self, id: Oid) -> u32 {
        let next = self.nodes.len() as u32;
        let at = *self.index.entry(id).or_insert(next);
        if at == next {
            self.nodes.push(Node {
                id,
                state: State::Named,
                time: 0,
                parents: Vec::new(),
                boundary: false,
                marks: 0,
            });
        }
        at
    }

    pub(super) fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    /// Adds marks; whether any was new.
    pub(super) fn mark(&mut self, at: u32, marks: u8) -> bool {
        let node = &mut self.nodes[at as usize];
        let new = node.marks | marks != node.marks;
        node.marks |= marks;
        new
    }

    /// Finds out the parents of a commit; whether the commit is there.
    pub(super) fn open(&mut self, at: u32) -> bool {
        let node = &self.nodes[at as usize];
        if node.state != State::Named {
            return node.state == State::Known;
        }
        let id = node.id;
        let Some((time, mut parents)) = self.look_up(&id) else {
            self.nodes[at as usize].state = State::Missing;
            return false;
        };
        let boundary = self.shallow.contains(&id) && !parents.is_empty();
        if boundary {
            parents.clear();
        }
        let parents = parents.into_iter().map(|id| self.number(id)).collect();
        let node = &mut self.nodes[at as usize];
        node.state = State::Known;
        node.time = time;
        node.parents = parents;
        node.boundary = boundary;
        true
    }

    fn look_up(&self, id: &Oid) -> Option<(i64, Vec<Oid>)> {
        for file in &self.files {
            let Some(commit) = file.commit_by_id(id) else {
                continue;
            };
            let parents: Result<Vec<Oid>, _> = commit
                .iter_parents()
                .map(|parent| parent.map(|at| file.id_at(at).to_owned()))
                .collect();
            if let Ok(parents) = parents {
                let time = i64::try_from(commit.committer_timestamp()).unwrap_or(0);
                return Some((time, parents));
            }
        }
        let commit: Commit = self.repo.commit(id)?;
        Some((commit.time, commit.parents))
    }

    /// Marks commits and all their ancestors, but none that carries one of the marks `stop`. Gives the marked ones.
    pub(super) fn flood(&mut self, from: &[u32], marks: u8, stop: u8) -> Vec<u32> {
        let mut out = Vec::new();
        let mut open: Vec<u32> = from.to_vec();
        while let Some(at) = open.pop() {
            if self.node(at).marks & stop != 0 || !self.mark(at, marks) {
                continue;
            }
            out.push(at);
            if self.open(at) {
                open.extend_from_slice(&self.node(at).parents);
            }
        }
        out
    }
}

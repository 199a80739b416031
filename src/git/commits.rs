//! Commits, and the commits between two points of history.
//!
//! Follows `git help rev-list`, with one difference: whether a commit is excluded never depends on dates. Git stops early
//! by them, so that clocks that go wrong let it list commits that are not new.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use super::Oid;
use super::graph::Graph;
use super::objects::ObjectKind;
use super::repo::Repo;

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: Oid,
    /// Its files.
    pub tree: Oid,
    /// The commits before it, in order.
    pub parents: Vec<Oid>,
    /// When it was committed, in seconds since 1970, UTC; 0 if the commit does not say.
    pub time: i64,
    /// Who wrote the change.
    pub author_name: Vec<u8>,
    /// Where they are reached.
    pub author_email: Vec<u8>,
    /// Title and body, in the encoding of whoever wrote it.
    pub message: Vec<u8>,
}

/// The commits that are reachable from some commits and not from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Between {
    /// The newest first; every commit stands before its parents.
    pub commits: Vec<Oid>,
    /// What was asked for and is no commit here.
    pub missing: Vec<Oid>,
    /// Whether history ends too early to be sure, because the clone is shallow or commits are missing: there may be more
    /// commits, or some of these are not new.
    pub cut: bool,
}

impl Repo {
    /// A commit; `None` when it is missing, corrupt or something else.
    pub fn commit(&self, id: &Oid) -> Option<Commit> {
        match self.objects.object(id)? {
            (ObjectKind::Commit, bytes) => parse(*id, &bytes),
            _ => None,
        }
    }

    /// The raw text of a commit or tag; `None` for anything else.
    pub fn message(&self, id: &Oid) -> Option<Vec<u8>> {
        match self.objects.object(id)? {
            (ObjectKind::Commit | ObjectKind::Tag, bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The commits that are reachable from `tips` and not from `not`. Tags stand for what they name.
    pub fn commits_between(&self, tips: &[Oid], not: &[Oid]) -> Between {
        const EXCLUDED: u8 = 1;
        const INCLUDED: u8 = 2;
        let mut graph = Graph::new(self);
        let mut missing = Vec::new();
        let mut starts = |graph: &mut Graph<'_>, ids: &[Oid]| -> Vec<u32> {
            let mut out = Vec::new();
            for id in ids {
                let mut at = graph.number(*id);
                if !graph.open(at) {
                    let peeled = self.peel(id);
                    if peeled.tags.is_empty() || peeled.kind != Some(ObjectKind::Commit) {
                        missing.push(*id);
                        continue;
                    }
                    at = graph.number(peeled.id);
                }
                out.push(at);
            }
            out
        };
        let not = starts(&mut graph, not);
        let tips = starts(&mut graph, tips);
        missing.sort_unstable();
        missing.dedup();
        let mut known_end = missing.is_empty();
        for at in graph.flood(&not, EXCLUDED, 0) {
            known_end &= graph.open(at) && !graph.node(at).boundary;
        }
        let mut included = graph.flood(&tips, INCLUDED, EXCLUDED);
        let mut cut = false;
        included.retain(|at| {
            let there = graph.open(*at);
            let node = graph.node(*at);
            // Where the excluded side ends too early, what has no parents may lie beyond that end.
            cut |= !there || node.boundary || (node.parents.is_empty() && !known_end);
            there
        });
        Between {
            commits: in_order(&graph, &included),
            missing,
            cut,
        }
    }
}

/// Children before parents, and the newest first as far as that allows.
fn in_order(graph: &Graph<'_>, commits: &[u32]) -> Vec<Oid> {
    let among: HashSet<u32> = commits.iter().copied().collect();
    let mut children = vec![0_u32; graph.nodes.len()];
    for parent in commits.iter().flat_map(|at| &graph.node(*at).parents) {
        children[*parent as usize] += 1;
    }
    let key = |at: u32| (graph.node(at).time, Reverse(graph.node(at).id), at);
    let mut ready: BinaryHeap<_> = (commits.iter())
        .filter(|at| children[**at as usize] == 0)
        .map(|at| key(*at))
        .collect();
    let mut out = Vec::with_capacity(commits.len());
    while let Some((_, Reverse(id), at)) = ready.pop() {
        out.push(id);
        for parent in &graph.node(at).parents {
            let left = &mut children[*parent as usize];
            *left -= 1;
            if *left == 0 && among.contains(parent) {
                ready.push(key(*parent));
            }
        }
    }
    out
}

/// The best common ancestors of two commits: those that no other common ancestor descends from. The newest first, and among
/// the equally old in the order of `git merge-base --all`.
pub(super) fn merge_bases(repo: &Repo, one: Oid, two: Oid) -> Vec<Oid> {
    const ONE: u8 = 1;
    const TWO: u8 = 2;
    const STALE: u8 = 4;
    let mut graph = Graph::new(repo);
    let mut count = 0_u32;
    let mut open = BinaryHeap::new();
    let mut found = Vec::new();
    for (id, marks) in [(one, ONE), (two, TWO)] {
        let at = graph.number(id);
        if graph.open(at) {
            graph.mark(at, marks);
            open.push((graph.node(at).time, Reverse(count), at));
            count += 1;
        }
    }
    // To the very end: what is only marked as stale late must not be taken for a best one.
    while let Some((_, _, at)) = open.pop() {
        let mut marks = graph.node(at).marks;
        if marks & (ONE | TWO) == ONE | TWO {
            if marks & STALE == 0 && !found.contains(&at) {
                found.push(at);
            }
            marks |= STALE;
        }
        for parent in graph.node(at).parents.clone() {
            if graph.open(parent) && graph.mark(parent, marks) {
                open.push((graph.node(parent).time, Reverse(count), parent));
                count += 1;
            }
        }
    }
    found.retain(|at| graph.node(*at).marks & STALE == 0);
    found.sort_by_key(|at| Reverse(graph.node(*at).time));
    found.into_iter().map(|at| graph.node(at).id).collect()
}

/// The tree of a commit.
pub(super) fn tree(bytes: &[u8]) -> Option<Oid> {
    let line = bytes.split(|b| *b == b'\n').next()?;
    Oid::from_hex(line.strip_prefix(b"tree ")?).ok()
}

/// Reads as much as Git needs; what stands beside it may be malformed.
fn parse(id: Oid, bytes: &[u8]) -> Option<Commit> {
    let (head, message) = match bytes.windows(2).position(|w| w == b"\n\n") {
        Some(at) => (&bytes[..at], bytes[at + 2..].to_vec()),
        None => (bytes, Vec::new()),
    };
    let mut lines = head.split(|b| *b == b'\n').skip(1).peekable();
    let mut commit = Commit {
        id,
        tree: tree(bytes)?,
        parents: Vec::new(),
        time: 0,
        author_name: Vec::new(),
        author_email: Vec::new(),
        message,
    };
    while let Some(parent) = lines.next_if(|line| line.starts_with(b"parent ")) {
        let parent = Oid::from_hex(&parent[b"parent ".len()..]).ok()?;
        commit.parents.push(parent);
    }
    for line in lines {
        if let Some(who) = line.strip_prefix(b"author ")
            && commit.author_name.is_empty()
            && commit.author_email.is_empty()
        {
            (commit.author_name, commit.author_email) = person(who);
        } else if let Some(who) = line.strip_prefix(b"committer ")
            && commit.time == 0
        {
            commit.time = time(who);
        }
    }
    Some(commit)
}

/// Name and address from `A U Thor <author@example.com> 1700000000 +0000`.
fn person(text: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let Some(open) = memchr::memchr(b'<', text) else {
        return (text.trim_ascii().to_vec(), Vec::new());
    };
    let rest = &text[open + 1..];
    let close = memchr::memchr(b'>', rest).unwrap_or(rest.len());
    (text[..open].trim_ascii().to_vec(), rest[..close].to_vec())
}

/// The seconds behind an address; 0 if there are none that make sense.
pub(super) fn time(text: &[u8]) -> i64 {
    let Some(close) = memchr::memrchr(b'>', text) else {
        return 0;
    };
    let rest = text[close + 1..].trim_ascii_start();
    let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let digits = std::str::from_utf8(&rest[..len]).unwrap_or_default();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_read_as_far_as_it_makes_sense() {
        let (tree, one, two) = ("1".repeat(40), "2".repeat(40), "3".repeat(40));
        let id = Oid::from_hex(tree.as_bytes()).unwrap();
        let text = format!(
            "tree {tree}\nparent {one}\nparent {two}\nauthor A <B> C <a@b> 1 +0000\ncommitter D <d@e> 1700000000 +0200\ngpgsig -----\n  \n author X <x> 5\nparent {one}\n\ntitle\n\nbody\n"
        );
        let commit = parse(id, text.as_bytes()).unwrap();
        assert_eq!(commit.parents.len(), 2);
        assert_eq!(commit.time, 1_700_000_000);
        assert_eq!(commit.author_name, b"A");
        assert_eq!(commit.author_email, b"B");
        assert_eq!(commit.message, b"title\n\nbody\n");
        let bare = parse(id, format!("tree {tree}\n").as_bytes()).unwrap();
        assert_eq!((bare.time, bare.parents.len()), (0, 0));
        for bad in ["", "tree x\n", "parent 1\n"] {
            assert!(parse(id, bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_date_that_makes_no_sense_is_none() {
        for (text, seconds) in [
            ("A <a> 17 +0000", 17),
            ("A <a>17", 17),
            ("A <a> -17 +0000", 0),
            ("A <a> 99999999999999999999 +0000", 0),
            ("A a 17", 0),
        ] {
            assert_eq!(time(text.as_bytes()), seconds, "{text}");
        }
    }
}

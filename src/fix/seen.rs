//! Whether the very bytes that are to be encrypted stand in a commit already: whoever can read that has them.
//!
//! Looked at are the trees at the tips (HEADs, branches, remote branches, tags, the stash), at any path, by the id of the
//! blob. What lies behind a tip is the business of `sopsguard scan --history`.

use std::collections::{HashMap, HashSet};

use super::plan::{Action, Plan};
use crate::git::{ObjectKind, Oid, OidKind, Repo, TipKind};
use crate::model::RepoPath;

/// Commits that are looked at.
const MOST_COMMITS: usize = 400;
/// Trees that are read; what commits share is read once.
const MOST_TREES: usize = 50_000;

/// Where the bytes stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The commit, shortened.
    pub commit: String,
    /// What points to it.
    pub name: RepoPath,
    /// Where in it, if elsewhere.
    pub path: Option<RepoPath>,
}

/// How far the look went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// At every tip.
    AtAll,
    /// There are too many.
    AtSome,
}

/// Looks for what the plan encrypts; `bytes` reads a file as it was judged.
pub fn look(plan: &mut Plan, repo: &Repo, bytes: &dyn Fn(&RepoPath) -> Option<String>) {
    let mut search = Search {
        repo,
        wanted: HashMap::new(),
        trees: HashSet::new(),
        cut: false,
    };
    for (at, step) in plan.steps.iter().enumerate() {
        if step.action == Action::Encrypt
            && let Some(id) = bytes(&step.path)
        {
            search.wanted.entry(id).or_default().push(at);
        }
    }
    if search.wanted.is_empty() {
        return;
    }
    let tips = tips(repo, &mut search.cut);
    if tips.is_empty() {
        return;
    }
    for (commit, tree, name) in tips {
        let mut found = Vec::new();
        search.walk(tree, &mut found);
        for (at, path) in found {
            let Some(step) = plan.steps.get_mut(at) else {
                continue;
            };
            let same = step.path == path;
            // At its own path it says most.
            if step
                .seen
                .as_ref()
                .is_some_and(|s| s.path.is_none() || !same)
            {
                continue;
            }
            step.seen = Some(Seen {
                commit: commit.to_string().chars().take(10).collect(),
                name: RepoPath::new(name.clone()),
                path: (!same).then_some(path),
            });
        }
    }
    plan.tips = Some(match search.cut {
        true => Looked::AtSome,
        false => Looked::AtAll,
    });
}

/// Commit, tree and name of each tip, HEAD first; of the stash also what was staged and untracked.
fn tips(repo: &Repo, cut: &mut bool) -> Vec<(Oid, Oid, Vec<u8>)> {
    let all = repo.tips();
    *cut |= !all.complete;
    let mut known = HashSet::new();
    let mut out = Vec::new();
    for tip in all.tips {
        let stash = tip.kind == TipKind::Stash;
        let counts = stash || matches!(tip.kind, TipKind::Head | TipKind::Ref | TipKind::Tag);
        if !counts || tip.target_kind != ObjectKind::Commit || !known.insert(tip.target) {
            continue;
        }
        if out.len() >= MOST_COMMITS {
            *cut = true;
            break;
        }
        let Some(commit) = repo.commit(&tip.target) else {
            *cut = true;
            continue;
        };
        out.push((commit.id, commit.tree, tip.name.clone()));
        for parent in commit.parents.iter().skip(1).filter(|_| stash) {
            match repo.commit(parent) {
                Some(part) => out.push((part.id, part.tree, tip.name.clone())),
                None => *cut = true,
            }
        }
    }
    out
}

struct Search<'r> {
    repo: &'r Repo,
    wanted: HashMap<String, Vec<usize>>,
    trees: HashSet<Oid>,
    cut: bool,
}

impl Search<'_> {
    /// Everything that is looked for below a tree; a tree that was read already holds nothing new.
    fn walk(&mut self, root: Oid, found: &mut Vec<(usize, RepoPath)>) {
        let mut open = vec![(Vec::new(), root)];
        while let Some((prefix, id)) = open.pop() {
            if !self.trees.insert(id) {
                continue;
            }
            if self.trees.len() > MOST_TREES {
                self.cut = true;
                return;
            }
            let Some(entries) = self.repo.tree(&id) else {
                self.cut = true;
                continue;
            };
            for entry in entries {
                let path: Vec<u8> = [&prefix[..], &entry.name[..]].concat();
                match entry.kind {
                    OidKind::Tree => open.push(([&path[..], b"/"].concat(), entry.id)),
                    OidKind::Blob | OidKind::Executable => {
                        let here = self.wanted.get(&entry.id.to_string());
                        let path = RepoPath::new(path);
                        found.extend(here.into_iter().flatten().map(|at| (*at, path.clone())));
                    }
                    _ => {}
                }
            }
        }
    }
}

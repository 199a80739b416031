//! Which versions are judged for good: what looked suspicious, and what only its commit can tell.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::first_look::Envelope;
use super::reading::FirstPass;
use super::{Auditor, VersionNo};
use crate::checks;
use crate::git::{Oid, OidKind};
use crate::kube::GeneratorEntry;
use crate::model::RepoPath;
use crate::packs::{CommitNo, CommitSet, PathNo, Version};
use crate::source::FileKind;
use crate::subject::standing;
use crate::syntax::{Format, decode, parse_values};

impl Auditor<'_> {
    /// What is judged for good: what looked suspicious, and what only its commit can tell.
    pub(super) fn candidates(&self, first: &FirstPass) -> Vec<VersionNo> {
        let versions = self.history.versions();
        let mut chosen: BTreeSet<VersionNo> = first.suspicious.iter().copied().collect();
        chosen.extend(first.generating.iter().copied());
        let encrypted: HashSet<PathNo> = (first.envelopes.keys())
            .map(|v| versions[*v].path)
            .collect();
        // Plain versions of what was ever encrypted, and copies of it.
        let known = |path: &RepoPath| {
            let at = self.paths.binary_search(path).ok();
            at.is_some_and(|at| encrypted.contains(&PathNo(at as u32)))
        };
        let is_of_interest = |(at, path): (usize, &RepoPath)| {
            let copies = || checks::encrypted_siblings(path).iter().any(known);
            !encrypted.is_empty() && (encrypted.contains(&PathNo(at as u32)) || copies())
        };
        let of_interest: Vec<bool> = (self.paths.par_iter().enumerate())
            .map(is_of_interest)
            .collect();
        let plain = |(i, v): &(usize, &Version)| {
            of_interest[v.path.0 as usize]
                && v.kind != OidKind::Link
                && !first.envelopes.contains_key(i)
                && !self.is_twin(*i)
        };
        chosen.extend(versions.iter().enumerate().filter(plain).map(|(i, _)| i));
        chosen.extend(self.sources(first));
        chosen.extend(self.moved(&encrypted, first));
        chosen.into_iter().collect()
    }

    /// Plain versions of files that a generator ever named.
    pub(super) fn sources(&self, first: &FirstPass) -> Vec<VersionNo> {
        let versions = self.history.versions();
        let mut named: HashSet<PathNo> = HashSet::new();
        for version in &first.generating {
            let path = self.path_of(*version);
            let bytes = self.bytes_of(*version).unwrap_or_default();
            let decoded = decode(&bytes);
            let parsed = parse_values(&decoded.text, Format::Yaml);
            let sources = parsed.documents.iter().flat_map(crate::kube::generators);
            for generator in sources {
                let (GeneratorEntry::File(_, source) | GeneratorEntry::Env(source)) =
                    &generator.entry
                else {
                    continue;
                };
                let path = path.resolve(source);
                let at = path.and_then(|path| self.paths.binary_search(&path).ok());
                named.extend(at.map(|at| PathNo(at as u32)));
            }
        }
        let plain = |(i, v): &(usize, &Version)| {
            named.contains(&v.path)
                && v.kind != OidKind::Link
                && !self.is_twin(*i)
                && !first.envelopes.contains_key(i)
        };
        let all = versions.iter().enumerate();
        all.filter(plain).map(|(i, _)| i).collect()
    }

    /// Versions that came with a commit in which an encrypted file went: it could have been moved and decrypted.
    pub(super) fn moved(&self, encrypted: &HashSet<PathNo>, first: &FirstPass) -> Vec<VersionNo> {
        let paths: Vec<PathNo> = encrypted.iter().copied().collect();
        // By commit the paths of its first parent that it does not have.
        let mut gone: BTreeMap<CommitNo, Vec<PathNo>> = BTreeMap::new();
        let mut marks = vec![0u64; self.history.commit_count()];
        let mut batch: Vec<PathNo> = Vec::with_capacity(64);
        let mut flush = |batch: &mut Vec<PathNo>, marks: &mut [u64]| {
            for commit in self.history.commits() {
                let Some(before) = self.history.parents(commit).next() else {
                    continue;
                };
                let mut went = marks[before.0 as usize] & !marks[commit.0 as usize];
                while went != 0 {
                    let path = batch[went.trailing_zeros() as usize];
                    gone.entry(commit).or_default().push(path);
                    went &= went - 1;
                }
            }
            batch.clear();
            marks.fill(0);
        };
        let mut note = |path: PathNo, set: &CommitSet| {
            let bit = 1 << batch.len();
            set.iter().for_each(|c| marks[c.0 as usize] |= bit);
            batch.push(path);
            if batch.len() == 64 {
                flush(&mut batch, &mut marks);
            }
        };
        self.history.holders_of_paths(&paths, &mut note);
        flush(&mut batch, &mut marks);
        let trees = self.audit.trees;
        let tree_of = |commit: CommitNo| {
            let commit = trees.repo().commit(&self.history.commit_id(commit))?;
            Some(commit.tree)
        };
        let gone: Vec<(CommitNo, Vec<PathNo>)> = gone.into_iter().collect();
        // Branches that were rebased hold the same many times.
        let known: Mutex<HashSet<(Oid, Vec<Oid>)>> = Mutex::default();
        let found: Vec<Vec<(VersionNo, Vec<VersionNo>)>> = gone
            .par_iter()
            .map(|(commit, paths)| {
                let parents = self.history.parents(*commit);
                let before: Vec<Oid> = parents.filter_map(tree_of).collect();
                let (Some(tree), Some(parent)) = (tree_of(*commit), before.first().copied()) else {
                    return Vec::new();
                };
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                if !known.insert((tree, before.clone())) {
                    return Vec::new();
                }
                drop(known);
                let known_as = |path: &PathNo| {
                    let path = self.path(*path);
                    let (id, _) = trees.look(parent, path.as_bytes()).ok()??;
                    let version = self.version(path, &id)?;
                    first.envelopes.contains_key(&version).then_some(version)
                };
                let went: Vec<VersionNo> = paths.iter().filter_map(known_as).collect();
                if went.is_empty() {
                    return Vec::new();
                }
                let difference = trees.difference(tree, &before);
                // What only moved is what it was.
                let moved: HashSet<Oid> = (difference.removed.iter())
                    .filter_map(|path| Some(trees.look(parent, path.as_bytes()).ok()??.0))
                    .collect();
                let new = difference.changed.into_iter();
                // It would be another path, and hold leaves.
                let absent = |path: &RepoPath| {
                    let mut trees_before = before.iter();
                    trees_before.all(|tree| matches!(trees.look(*tree, path.as_bytes()), Ok(None)))
                };
                let new = new.filter(|(path, id, kind)| {
                    *kind == FileKind::Regular
                        && !moved.contains(id)
                        && !standing::is_prose_or_code(&standing::file_name(path))
                        && absent(path)
                });
                let known = new.filter_map(|(path, id, _)| self.version(&path, &id));
                let plain = known.filter(|v| !first.envelopes.contains_key(v));
                plain.map(|v| (v, went.clone())).collect()
            })
            .collect();
        // Branches that were rebased tell the same many times.
        let mut pairs: BTreeMap<VersionNo, BTreeSet<VersionNo>> = BTreeMap::new();
        for (plain, went) in found.into_iter().flatten() {
            pairs.entry(plain).or_default().extend(went);
        }
        let pairs: Vec<(VersionNo, BTreeSet<VersionNo>)> = pairs.into_iter().collect();
        let resembling = pairs.par_iter().filter(|(plain, went)| {
            let bytes = self.bytes_of(*plain).unwrap_or_default();
            let envelopes: Vec<&Envelope> =
                went.iter().filter_map(|v| first.envelopes.get(v)).collect();
            Envelope::resembled(&envelopes, self.path_of(*plain), &bytes)
        });
        resembling.map(|(plain, _)| *plain).collect()
    }
}

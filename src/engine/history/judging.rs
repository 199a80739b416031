//! Judging for good: a version in the commits that brought it, with their files, parents and rules, and by today's.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rayon::prelude::*;

use super::values::Value;
use super::{Auditor, Leak, VersionNo, attribution, values};
use crate::engine::around::Around;
use crate::engine::versions::Further;
use crate::engine::{hidden, versions};
use crate::git::Oid;
use crate::model::{BlindCode, BlindSpot, Finding, Origin, OriginKind, RepoPath, ValueChanged};
use crate::packs::CommitNo;
use crate::say;
use crate::source::{BaseState, CommitView, CommitsBase, OneFile, View};
use crate::subject::configs::CONFIG_NAME;

/// A finding in a blob, its value, and the public half of a key.
type OfBlob = (Finding, Option<Value>, Option<String>);

/// Commits that brought a version in which it is judged, whatever their rules are.
const BROUGHT: usize = 8;
/// Most of the further ones whose rules are compared.
const COMPARED: usize = 1024;

impl Auditor<'_> {
    /// Judges versions where they were introduced.
    pub(super) fn judge(
        &self,
        candidates: &[VersionNo],
        suspicious: &[VersionNo],
        further: &Further<'_>,
    ) -> (Vec<Leak>, Vec<BlindSpot>) {
        let mut by_commit: BTreeMap<CommitNo, Vec<VersionNo>> = BTreeMap::new();
        let mut loose = Vec::new();
        for chunk in candidates.chunks(2048) {
            let sets = self.holders(chunk);
            let brought: Vec<Option<Vec<CommitNo>>> = (chunk.par_iter().zip(&sets))
                .map(|(version, holders)| {
                    let all = attribution::introductions(self.history, &self.tips, holders);
                    (!all.is_empty()).then(|| self.worth_judging(*version, all))
                })
                .collect();
            for (version, brought) in chunk.iter().zip(brought) {
                let Some(brought) = brought else {
                    loose.push(*version);
                    continue;
                };
                for commit in brought {
                    by_commit.entry(commit).or_default().push(*version);
                }
            }
        }
        let commits: Vec<(CommitNo, Vec<VersionNo>)> = by_commit.into_iter().collect();
        let mut judged: Vec<(Vec<Leak>, Vec<BlindSpot>)> = commits
            .par_iter()
            .with_max_len(4)
            .map(|(commit, versions)| self.judge_commit(*commit, versions, false, further))
            .collect();
        judged.push(self.judge_alone(&loose, OriginKind::Unreachable, further));
        let told: HashSet<VersionNo> = (judged.iter().flat_map(|(leaks, _)| leaks))
            .map(|leak| leak.version)
            .collect();
        let quiet = candidates
            .iter()
            .filter(|v| suspicious.binary_search(v).is_ok());
        let quiet: Vec<VersionNo> = quiet.filter(|v| !told.contains(v)).copied().collect();
        judged.extend(self.judge_by_later_rules(&quiet, further));
        let (mut leaks, mut spots) = (Vec::<Leak>::new(), Vec::new());
        let mut known: HashMap<(VersionNo, String), usize> = HashMap::new();
        for (l, s) in judged {
            for leak in l {
                let key = (leak.version, leak.finding.fingerprint());
                match known.get(&key) {
                    // One that counts, and the worst of those.
                    Some(&at) => {
                        let rank = |l: &Leak| (l.finding.is_active(), l.finding.severity);
                        if rank(&leak) > rank(&leaks[at]) {
                            leaks[at] = leak;
                        }
                    }
                    None => {
                        known.insert(key, leaks.len());
                        leaks.push(leak);
                    }
                }
            }
            spots.extend(s);
        }
        (leaks, spots)
    }

    /// Judges versions that some rule makes a leak, and none of those where they were introduced: a config that came while
    /// they stood could.
    fn judge_by_later_rules(
        &self,
        versions: &[VersionNo],
        further: &Further<'_>,
    ) -> Vec<(Vec<Leak>, Vec<BlindSpot>)> {
        if versions.is_empty() {
            return Vec::new();
        }
        let named = self.options.settings.sops_config.as_ref().map(|(p, _)| p);
        let is_config = |v: &VersionNo| {
            let path = self.path_of(*v);
            (path.file_name() == CONFIG_NAME || named == Some(path)) && !self.is_twin(*v)
        };
        let all = 0..self.history.versions().len();
        let configs: Vec<VersionNo> = all.filter(is_config).collect();
        let mut changes: BTreeSet<CommitNo> = BTreeSet::new();
        for chunk in configs.chunks(256) {
            let sets = self.holders(chunk);
            let brought = sets
                .par_iter()
                .flat_map_iter(|set| attribution::introductions(self.history, &self.tips, set));
            changes.extend(brought.collect::<Vec<_>>());
        }
        let mut by_commit: BTreeMap<CommitNo, Vec<VersionNo>> = BTreeMap::new();
        for chunk in versions.chunks(256) {
            for (version, set) in chunk.iter().zip(self.holders(chunk)) {
                let mut known: HashSet<Vec<Option<Oid>>> = HashSet::new();
                let held = changes
                    .iter()
                    .filter(|c| set.contains(**c) && !self.known.contains(**c));
                for commit in held.take(COMPARED) {
                    if known.insert(self.rules_for(self.path_of(*version), *commit)) {
                        by_commit.entry(*commit).or_default().push(*version);
                    }
                }
            }
        }
        by_commit
            .par_iter()
            .map(|(commit, versions)| self.judge_commit(*commit, versions, true, further))
            .collect()
    }

    /// Of the commits that brought a version those in which it is judged. Other rules may have stood where it came once more.
    fn worth_judging(&self, version: VersionNo, mut brought: Vec<CommitNo>) -> Vec<CommitNo> {
        brought.retain(|c| !self.known.contains(*c));
        if brought.len() <= BROUGHT + 1 {
            return brought;
        }
        // The last is that of today's branches.
        let further = brought.split_off(BROUGHT);
        brought.extend(further.last());
        let rules = |commit: &CommitNo| self.rules_for(self.path_of(version), *commit);
        let mut known: HashSet<Vec<Option<Oid>>> = brought.iter().map(rules).collect();
        let others = further.iter().take(COMPARED.min(further.len() - 1));
        let others: Vec<CommitNo> = others.filter(|c| known.insert(rules(c))).copied().collect();
        brought.extend(others);
        brought
    }

    /// The configs that could govern a path in a commit.
    fn rules_for(&self, path: &RepoPath, commit: CommitNo) -> Vec<Option<Oid>> {
        let trees = self.audit.trees;
        let Some(commit) = trees.repo().commit(&self.history.commit_id(commit)) else {
            return Vec::new();
        };
        let named = self.options.settings.sops_config.as_ref();
        let mut paths: Vec<Vec<u8>> = named.iter().map(|(p, _)| p.as_bytes().to_vec()).collect();
        let mut dir = path.parent();
        loop {
            let slash: &[u8] = if dir.is_empty() { b"" } else { b"/" };
            paths.push([dir, slash, CONFIG_NAME].concat());
            if dir.is_empty() {
                break;
            }
            dir = &dir[..memchr::memrchr(b'/', dir).unwrap_or(0)];
        }
        let look = |path: Vec<u8>| trees.look(commit.tree, &path).ok().flatten().map(|e| e.0);
        paths.into_iter().map(look).collect()
    }

    /// Judges versions that stand for themselves: no commit holds them, or not as their path says.
    fn judge_alone(
        &self,
        versions: &[VersionNo],
        kind: OriginKind,
        further: &Further<'_>,
    ) -> (Vec<Leak>, Vec<BlindSpot>) {
        let (mut leaks, mut spots) = (Vec::new(), Vec::new());
        for version in versions {
            let (path, id) = (self.path_of(*version).clone(), self.blob_of(*version));
            let (found, of_blob) = self.judge_blob(path, id, kind, further);
            spots.extend(of_blob);
            leaks.extend(found.into_iter().map(|(finding, value, recipient)| Leak {
                version: *version,
                finding,
                value,
                recipient,
                changed: ValueChanged::Unknown,
            }));
        }
        (leaks, spots)
    }

    /// Blobs that a ref names, and those that nothing names if they were asked for.
    pub(super) fn pathless(
        &self,
        further: &Further<'_>,
        spots: &mut Vec<BlindSpot>,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for blob in self.history.pathless() {
            let id = self.history.blob_id(*blob);
            let named = self.audit.objects.iter().find(|(_, named)| *named == id);
            let (path, kind) = match named {
                Some((name, _)) => (name.clone(), OriginKind::Commit),
                None => (RepoPath::new(format!("blob {id}")), OriginKind::Unreachable),
            };
            let (found, of_blob) = self.judge_blob(path, id, kind, further);
            spots.extend(of_blob);
            findings.extend(found.into_iter().map(|(mut finding, ..)| {
                finding.origins = vec![Origin {
                    kind,
                    commit: None,
                    blob: Some(id.to_string()),
                    reference: named.map(|(name, _)| name.clone()),
                }];
                finding.origins_total = 1;
                finding
            }));
        }
        findings
    }

    fn judge_blob(
        &self,
        path: RepoPath,
        id: Oid,
        kind: OriginKind,
        further: &Further<'_>,
    ) -> (Vec<OfBlob>, Vec<BlindSpot>) {
        let view = OneFile::new(self.audit.trees, path, id);
        let around = Around::new(&view, None, further.configs, self.options);
        let (mut out, mut spots) = (Vec::new(), Vec::new());
        for entry in view.entries() {
            let mut s = crate::engine::judge_entry(entry, &around);
            versions::keep_leaks(&mut s, self.options);
            let bytes = self.audit.trees.repo().blob(&id);
            let mut recipients: HashMap<usize, String> = s.judged.sink.leaked.into_iter().collect();
            for (i, mut finding) in s.judged.sink.findings.into_iter().enumerate() {
                finding.blob = Some(id.to_string());
                let mut list = [finding];
                hidden::mark_version(
                    &mut list,
                    &entry.path,
                    &s.ignores,
                    None,
                    &around,
                    self.options,
                );
                let [finding] = list;
                let value = bytes.as_ref().map(|b| values::of(&finding, b));
                out.push((finding, value, recipients.remove(&i)));
            }
            for mut spot in s.judged.sink.blind_spots {
                spot.origin = Some(Origin {
                    kind,
                    commit: None,
                    blob: Some(id.to_string()),
                    reference: None,
                });
                spots.push(spot);
            }
        }
        (out, spots)
    }

    /// `alone`: as if the commit had no parents, for what it did not bring.
    fn judge_commit(
        &self,
        commit: CommitNo,
        versions: &[VersionNo],
        alone: bool,
        further: &Further<'_>,
    ) -> (Vec<Leak>, Vec<BlindSpot>) {
        let trees = self.audit.trees;
        let id = self.history.commit_id(commit);
        let origin = Origin {
            kind: OriginKind::Commit,
            commit: Some(id.to_string()),
            blob: None,
            reference: None,
        };
        let repo = trees.repo();
        let tree_of = |id: &Oid| repo.commit(id).map(|c| c.tree);
        let Some(own) = repo.commit(&id) else {
            let reason = say!["a commit cannot be read"];
            let mut spot = BlindSpot::new(
                &RepoPath::new(""),
                None,
                BlindCode::MissingObject,
                reason,
                true,
            );
            spot.origin = Some(origin);
            return (Vec::new(), vec![spot]);
        };
        let before: Vec<Oid> = match alone {
            true => Vec::new(),
            false => own.parents.iter().filter_map(tree_of).collect(),
        };
        let by_path: HashMap<&RepoPath, VersionNo> =
            versions.iter().map(|v| (self.path_of(*v), *v)).collect();
        let paths: Vec<RepoPath> = by_path.keys().map(|p| (*p).clone()).collect();
        let view = CommitView::some(trees, own.tree, before.clone(), &paths);
        // In a tree that Git would not write a path can stand for something else.
        let fits = |v: &VersionNo| {
            let id = view.id(self.path_of(*v));
            id == Some(self.blob_of(*v).to_string())
        };
        let unfit: Vec<VersionNo> = versions.iter().copied().filter(|v| !fits(v)).collect();
        // Only where something new stands can something else have been moved from.
        let new = view.selected().iter().any(|e| e.base == BaseState::Absent);
        let removed = match new && !before.is_empty() {
            true => trees.difference(own.tree, &before[..1]).removed,
            false => Vec::new(),
        };
        let base = CommitsBase::new(trees, before, removed);
        let seen = versions::judge(
            &view,
            &base,
            &self.configs,
            std::slice::from_ref(further),
            self.options,
        );
        let around = Around::new(&view, Some(&base), further.configs, self.options);
        let (mut leaks, mut spots) = self.judge_alone(&unfit, OriginKind::Commit, further);
        for s in seen {
            let fitting = by_path.get(&s.entry.path).filter(|v| !unfit.contains(v));
            let Some(&version) = fitting else {
                continue;
            };
            let sink = s.judged.sink;
            let mut recipients: HashMap<usize, String> = sink.leaked.into_iter().collect();
            let mut found: Vec<(Finding, Option<String>)> = (sink.findings.into_iter())
                .enumerate()
                .map(|(i, f)| (f, recipients.remove(&i)))
                .collect();
            found.sort_by(|a, b| crate::engine::order(&a.0, &b.0));
            let (mut list, recipients): (Vec<Finding>, Vec<Option<String>>) =
                found.into_iter().unzip();
            crate::engine::sort(&mut list);
            let path = &s.entry.path;
            hidden::mark_version(&mut list, path, &s.ignores, None, &around, self.options);
            let bytes = (!list.is_empty()).then(|| self.bytes_of(version)).flatten();
            for (finding, recipient) in list.into_iter().zip(recipients) {
                let value = bytes.as_ref().map(|b| values::of(&finding, b));
                leaks.push(Leak {
                    version,
                    finding,
                    value,
                    recipient,
                    changed: ValueChanged::Unknown,
                });
            }
            for mut spot in sink.blind_spots {
                spot.origin = Some(Origin {
                    blob: Some(self.blob_of(version).to_string()),
                    ..origin.clone()
                });
                spots.push(spot);
            }
        }
        (leaks, spots)
    }
}

//! What stood plain and was encrypted later: each leaf of it is a leak of its own.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::opened::Opened;
use super::reading::FirstPass;
use super::{Auditor, Leak, VersionNo, attribution, leaked};
use crate::checks;
use crate::checks::private_key;
use crate::git::OidKind;
use crate::model::{Finding, Status, ValueChanged};
use crate::packs::{CommitNo, CommitSet, PathNo};

/// What comparing with the decrypted value tells.
fn known(same_as_now: Option<bool>) -> Option<ValueChanged> {
    same_as_now.map(|same| match same {
        true => ValueChanged::No,
        false => ValueChanged::Proven,
    })
}

impl Auditor<'_> {
    /// What stood plain in a version and is encrypted in a later one of the same path.
    pub(super) fn encrypted_later(
        &self,
        leaks: &mut Vec<Leak>,
        first: &FirstPass,
        opened: Option<&Opened>,
    ) {
        let versions = self.history.versions();
        let mut encrypted: HashMap<PathNo, Vec<VersionNo>> = HashMap::new();
        for v in first.envelopes.keys() {
            encrypted.entry(versions[*v].path).or_default().push(*v);
        }
        encrypted.values_mut().for_each(|list| list.sort_unstable());
        let with_findings: HashSet<VersionNo> = leaks.iter().map(|l| l.version).collect();
        let affected: BTreeSet<VersionNo> = (versions.iter().enumerate())
            .filter(|(i, v)| {
                encrypted.contains_key(&v.path)
                    && v.kind != OidKind::Link
                    && !self.is_twin(*i)
                    && (with_findings.contains(i) || !first.envelopes.contains_key(i))
            })
            .map(|(i, _)| i)
            .collect();
        if affected.is_empty() {
            return;
        }
        let affected: Vec<VersionNo> = affected.into_iter().collect();
        let paths: BTreeSet<PathNo> = affected.iter().map(|v| versions[*v].path).collect();
        let mut wanted: BTreeSet<VersionNo> = affected.iter().copied().collect();
        for path in &paths {
            wanted.extend(encrypted.get(path).into_iter().flatten());
        }
        let wanted: Vec<VersionNo> = wanted.into_iter().collect();
        let mut sets: HashMap<VersionNo, Arc<CommitSet>> = HashMap::new();
        for chunk in wanted.chunks(2048) {
            sets.extend(chunk.iter().copied().zip(self.holders(chunk)));
        }
        let brought_by: HashMap<VersionNo, Vec<CommitNo>> = wanted
            .par_iter()
            .filter(|v| first.envelopes.contains_key(v))
            .filter_map(|v| {
                let set = sets.get(v)?;
                Some((
                    *v,
                    attribution::introductions(self.history, &self.tips, set),
                ))
            })
            .collect();
        let mut own: HashMap<VersionNo, Vec<Leak>> = HashMap::new();
        let mut others = Vec::new();
        for leak in leaks.drain(..) {
            match affected.binary_search(&leak.version) {
                Ok(_) => own.entry(leak.version).or_default().push(leak),
                Err(_) => others.push(leak),
            }
        }
        let own = Mutex::new(own);
        let settled: Vec<Vec<Leak>> = affected
            .par_iter()
            .map(|version| {
                let mut of_version = (own.lock().unwrap_or_else(PoisonError::into_inner))
                    .remove(version)
                    .unwrap_or_default();
                let path = versions[*version].path;
                let all = encrypted.get(&path).map_or(&[][..], Vec::as_slice);
                let all = all.iter().copied().filter(|v| v != version);
                let later = self.first_after(*version, all, &sets, &brought_by);
                if let Some(later) = later {
                    self.replace(*version, later, &mut of_version, first, opened);
                }
                of_version
            })
            .collect();
        leaks.append(&mut others);
        leaks.extend(settled.into_iter().flatten());
    }

    /// The version of `all` that came first after `version`.
    pub(super) fn first_after(
        &self,
        version: VersionNo,
        all: impl Iterator<Item = VersionNo>,
        sets: &HashMap<VersionNo, Arc<CommitSet>>,
        brought_by: &HashMap<VersionNo, Vec<CommitNo>>,
    ) -> Option<VersionNo> {
        // After a rebase the first of them leads nowhere.
        let brought = attribution::introductions(self.history, &self.tips, sets.get(&version)?);
        let after = attribution::descendants(self.history, &brought);
        let order =
            |commit: CommitNo, v: VersionNo| (self.history.time(commit), self.blob_of(v), v);
        // Nearly always one of them was introduced after it; only else is every commit asked.
        let all: Vec<VersionNo> = all.collect();
        let introduced = |v: &VersionNo| {
            let commits = brought_by.get(v)?.iter().filter(|c| after.contains(**c));
            let first = commits.min_by_key(|c| (self.history.time(**c), **c))?;
            Some(order(*first, *v))
        };
        let came = |v: &VersionNo| {
            let commits = sets.get(v)?.iter().filter(|c| after.contains(*c));
            let first = commits.min_by_key(|c| (self.history.time(*c), *c))?;
            Some(order(first, *v))
        };
        let first = all.iter().filter_map(introduced).min();
        let first = first.or_else(|| all.iter().filter_map(came).min());
        first.map(|(_, _, v)| v)
    }

    /// Puts what leaked leaf by leaf in the place of what the checks said of the version.
    pub(super) fn replace(
        &self,
        version: VersionNo,
        later: VersionNo,
        found: &mut Vec<Leak>,
        first: &FirstPass,
        opened: Option<&Opened>,
    ) {
        let (Some(bytes), Some(envelope)) = (self.bytes_of(version), first.envelopes.get(&later))
        else {
            return;
        };
        let path = self.path_of(version);
        let policy = &self.options.settings.policy;
        let findings: Vec<Finding> = found.iter().map(|l| l.finding.clone()).collect();
        let (leaked, covers) = leaked::leaves(path, &bytes, envelope, &findings, policy);
        if leaked.is_empty() {
            return;
        }
        let at_head = self.at_head.get(&self.history.versions()[version].path);
        let now = at_head.and_then(|at| first.envelopes.get(at));
        let place = |f: &Finding| (f.place.document, f.place.pointer.clone());
        let mut by_place = HashMap::new();
        for (i, leak) in found.iter().enumerate() {
            by_place.entry(place(&leak.finding)).or_insert(i);
        }
        // Who accepted the file accepted its leaves.
        let accepted = found
            .iter()
            .map(|l| &l.finding)
            .find(|f| f.place.pointer.is_none() && matches!(f.status, Status::Baseline { .. }))
            .map(|f| f.status.clone());
        let mut new: Vec<Leak> = Vec::new();
        for leaf in leaked {
            let mut finding = leaf.finding;
            finding.blob = Some(self.blob_of(version).to_string());
            let same_as_now = (at_head.zip(opened))
                .and_then(|(at, opened)| opened.compare(*at, leaf.path, leaf.value.bytes()));
            if let Some(accepted) = &accepted {
                finding.status = accepted.clone();
            }
            if let Some(own) = by_place
                .get(&place(&finding))
                .and_then(|i| found.get_mut(*i))
            {
                finding.status = own.finding.status.clone();
                finding.governed_by.clone_from(&own.finding.governed_by);
                // A key is a key, wherever it stands.
                if own.finding.check == &private_key::INFO {
                    own.changed = known(same_as_now).unwrap_or(own.changed);
                    continue;
                }
            }
            finding = match same_as_now {
                Some(true) => checks::never_rotated(finding),
                Some(false) => checks::replaced(finding),
                None => finding,
            };
            let length = now.and_then(|now| match now.opaque {
                true => now.leaves.first().map(|l| l.length),
                false => now.length(leaf.path),
            });
            let likely = length.map(|length| leaked::changed(leaf.value.bytes(), length));
            let changed = known(same_as_now).or(likely);
            new.push(Leak {
                version,
                finding,
                value: Some(leaf.value),
                recipient: None,
                changed: changed.unwrap_or(ValueChanged::Unknown),
            });
        }
        let about_file = ["unencrypted-file", "decrypted-file", "decrypted-copy"];
        let places: HashSet<_> = new.iter().map(|l| place(&l.finding)).collect();
        found.retain(|l| {
            let replaced = places.contains(&place(&l.finding));
            let of_content = l.finding.check != &private_key::INFO;
            // What was never encrypted later leaked as well, and is told as before.
            let whole = about_file.contains(&l.finding.check.id) && !new.is_empty() && covers;
            !(whole || (replaced && of_content && l.finding.place.pointer.is_some()))
        });
        new.sort_by(|a, b| crate::engine::order(&a.finding, &b.finding));
        let mut list: Vec<Finding> = new.iter().map(|l| l.finding.clone()).collect();
        crate::engine::sort(&mut list);
        crate::triage::severities(&mut list, &self.options.settings);
        let settled = new.into_iter().zip(list);
        found.extend(settled.map(|(old, finding)| Leak { finding, ..old }));
    }
}

//! Who could read a file once and still can: recipients that left while the ciphertexts stayed.

use std::collections::{BTreeSet, HashMap};

use super::{Auditor, FirstPass, VersionNo};
use crate::checks;
use crate::model::Finding;
use crate::packs::PathNo;
use crate::sops::recipients::KeyEntry;

/// One finding for each file of HEAD whose former recipients know values of today.
pub(super) fn stale(auditor: &Auditor<'_>, first: &FirstPass) -> Vec<Finding> {
    let versions = auditor.history.versions();
    let mut by_path: HashMap<PathNo, Vec<VersionNo>> = HashMap::new();
    for v in first.envelopes.keys() {
        by_path.entry(versions[*v].path).or_default().push(*v);
    }
    let mut found = Vec::new();
    for (path, all) in by_path {
        let Some(now) = auditor
            .at_head
            .get(&path)
            .and_then(|v| first.envelopes.get(v))
        else {
            continue;
        };
        let present: BTreeSet<&KeyEntry> = now.recipients.iter().collect();
        let values: BTreeSet<(u64, u64)> = now.leaves.iter().map(|l| (l.path, l.iv)).collect();
        let mut left: BTreeSet<&KeyEntry> = BTreeSet::new();
        for version in all {
            let Some(then) = first.envelopes.get(&version) else {
                continue;
            };
            let gone: Vec<&KeyEntry> = (then.recipients.iter())
                .filter(|r| !present.contains(r))
                .collect();
            let same = || then.leaves.iter().any(|l| values.contains(&(l.path, l.iv)));
            if !gone.is_empty() && same() {
                left.extend(gone);
            }
        }
        if !left.is_empty() {
            let left: Vec<KeyEntry> = left.into_iter().cloned().collect();
            let mut finding = checks::stale_recipient(auditor.path(path), &left);
            let version = auditor.at_head.get(&path);
            finding.blob = version.map(|v| auditor.blob_of(*v).to_string());
            found.push(finding);
        }
    }
    found.sort_by(crate::engine::order);
    found
}

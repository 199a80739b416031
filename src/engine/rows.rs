//! One row for a leaked thing, however many versions and commits hold it.
//!
//! A row is what has one fingerprint: check, path, document, key path and occurrence. It shows the version that came last,
//! and counts as hidden only if every version is.

use std::collections::HashMap;

use crate::model::{Finding, Origin, Status};

/// Most places of a finding that are listed.
pub(crate) const ORIGINS: usize = 50;

/// A finding in one version of a file.
pub(crate) struct OfVersion {
    /// The finding.
    pub(crate) finding: Finding,
    /// Where that version was seen.
    pub(crate) origins: Vec<Origin>,
    /// The larger, the later.
    pub(crate) rank: u64,
}

/// Rows in the order in which they are first met; each with the numbers of its findings, the latest first.
pub(crate) fn join(found: &[OfVersion]) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let mut at: HashMap<String, usize> = HashMap::new();
    for (i, of) in found.iter().enumerate() {
        let row = *at.entry(of.finding.fingerprint()).or_insert_with(|| {
            rows.push(Vec::new());
            rows.len() - 1
        });
        rows[row].push(i);
    }
    for row in &mut rows {
        row.sort_by_key(|i| std::cmp::Reverse((found[*i].rank, found[*i].finding.blob.clone())));
    }
    rows
}

/// The finding that a row shows.
pub(crate) fn shown(row: &[usize], found: &[OfVersion]) -> Option<Finding> {
    let active = |i: &&usize| found[**i].finding.status == Status::Active;
    let first = row.iter().find(active).or(row.first())?;
    let mut finding = found[*first].finding.clone();
    for i in row {
        let other = &found[*i].finding;
        // The worst of its versions, of those that count.
        if other.status == finding.status && other.severity > finding.severity {
            finding.severity = other.severity;
            finding.lenient = other.lenient;
            finding.configured = other.configured;
            finding.message.clone_from(&other.message);
            finding.help.clone_from(&other.help);
        }
    }
    let mut origins: Vec<&Origin> = Vec::new();
    for i in row {
        for origin in &found[*i].origins {
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
    }
    finding.origins_total = origins.len() as u64;
    finding.origins = origins.into_iter().take(ORIGINS).cloned().collect();
    Some(finding)
}

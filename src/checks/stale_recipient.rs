//! A recipient was taken off a file whose ciphertexts stayed: the former holder can still read the values of today.

use super::recipient_missing::names;
use crate::model::{Argument, CheckInfo, Finding, Place, RepoPath, Severity};
use crate::say;
use crate::sops::recipients::KeyEntry;

/// See `docs/checks/stale-recipient.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "stale-recipient",
    summary: "A former recipient can still read values of today",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/stale-recipient.md"),
    softened_in_lenient_places: false,
};

pub(super) fn finding(path: &RepoPath, left: &[KeyEntry]) -> Finding {
    let message = say![
        names(left),
        " was taken off this file, and values that they could read are still in it"
    ];
    Finding::new(&INFO, path, Place::default(), message)
        .help("draw a new data key, and replace at their issuers the values that still matter")
        .fix(say!["sops rotate -i ", Argument(path)])
}

//! A value that stood plain in a version of history and is encrypted in a later one.

use crate::model::{CheckInfo, Finding, Place, RepoPath, Severity};
use crate::say;

/// See `docs/checks/leaked-value.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "leaked-value",
    summary: "A value was plaintext before it was encrypted, and history still has it",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/leaked-value.md"),
    softened_in_lenient_places: true,
};

pub(super) fn finding(path: &RepoPath, place: Place, severity: Severity) -> Finding {
    let message = match place.trail.last() {
        Some(step) => say![
            "the value of ",
            step.key,
            " stood in plaintext before it was encrypted"
        ],
        None => say!["this file stood in plaintext before it was encrypted"],
    };
    Finding::new(&INFO, path, place, message).at(severity).help(
        "replace the value at its issuer: encrypting it later took nothing out of the history",
    )
}

/// Says that today's value is another one.
pub(super) fn replaced(mut leaked: Finding) -> Finding {
    leaked.severity = Severity::Warning.min(leaked.severity);
    leaked.message = match leaked.place.trail.last() {
        Some(step) => say![
            "the value of ",
            step.key,
            " stood in plaintext before it was encrypted; today's is another one"
        ],
        None => say![
            "this file stood in plaintext before it was encrypted; today's content is another one"
        ],
    };
    leaked.help = say![
        "make sure that the old value was revoked at its issuer: changed here is not revoked there"
    ];
    leaked
}

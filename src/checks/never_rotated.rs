//! A leaked value that is still in use: what is encrypted today is what once stood plain.

use crate::model::{CheckInfo, Finding, Message, RepoPath, Severity};
use crate::say;

/// See `docs/checks/never-rotated.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "never-rotated",
    summary: "The encrypted value of today is one that leaked",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/never-rotated.md"),
    softened_in_lenient_places: true,
};

/// Says of a `leaked-value` that today's value is still the same.
pub(super) fn of(mut leaked: Finding) -> Finding {
    leaked.check = &INFO;
    leaked.message = match leaked.place.trail.last() {
        Some(step) => say![
            "the value of ",
            step.key,
            " leaked in plaintext and is still in use"
        ],
        None => say!["what this file holds leaked in plaintext and is still in use"],
    };
    leaked.help = say!["replace it at its issuer today: everybody who can read the history has it"];
    leaked
}

/// A value of today that stands plain in another file of history.
pub(super) fn elsewhere(mut at: Finding, path: &RepoPath, key: &Message) -> Finding {
    at.check = &INFO;
    at.message = match key.is_empty() {
        true => say![
            "what ",
            *path,
            " holds encrypted today stands here in plaintext"
        ],
        false => say![
            "what ",
            *key,
            " of ",
            *path,
            " holds encrypted today stands here in plaintext"
        ],
    };
    at.help = say!["replace it at its issuer today: everybody who can read the history has it"];
    at
}

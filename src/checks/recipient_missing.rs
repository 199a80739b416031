//! Recipients of the governing rule that an encrypted file lacks (step 1, sops' comparison).

use super::Sink;
use super::repair;
use crate::model::{CheckInfo, Finding, Label, Message, Severity};
use crate::say;
use crate::sops::recipients::{Drift, KeyEntry};
use crate::subject::{FoundEnvelope, Subject};

/// See `docs/checks/recipient-missing.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "recipient-missing",
    summary: "A recipient of the rule cannot decrypt the file",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/recipient-missing.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(s: &Subject<'_>, found: &FoundEnvelope, drift: &Drift, sink: &mut Sink) {
    if drift.missing.is_empty() {
        return;
    }
    let names = names(&drift.missing);
    let place = s.places.span(found.envelope.span, found.document);
    let mut finding = Finding::new(
        &INFO,
        s.path,
        place,
        say![
            "the file is not encrypted to ",
            names,
            ", which its rule names"
        ],
    )
    .help("bring the file in line with its rule")
    .governed(s.decision.governed_by());
    repair::update_keys(s, &mut finding);
    sink.push(finding);
}

/// The first five recipients, and how many more there are.
pub(super) fn names(keys: &[KeyEntry]) -> Message {
    const SHOWN: usize = 5;
    let mut names = Message::default();
    for (i, key) in keys.iter().take(SHOWN).enumerate() {
        if i > 0 {
            names.push(&", ");
        }
        names.push(&key.kind.as_str());
        names.push(&" ");
        names.push(&Label::identity(&key.identity));
    }
    if keys.len() > SHOWN {
        names.push(&" and ");
        names.push(&(keys.len() - SHOWN));
        names.push(&" more");
    }
    names
}

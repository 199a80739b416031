//! Recipients of an encrypted file that its rule does not name (step 1, sops' comparison).

use super::repair;
use super::{Sink, recipient_missing};
use crate::model::{CheckInfo, Finding, Severity};
use crate::say;
use crate::sops::recipients::Drift;
use crate::subject::{FoundEnvelope, Subject};

/// See `docs/checks/recipient-extra.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "recipient-extra",
    summary: "A recipient of the file is not in its rule",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/recipient-extra.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(s: &Subject<'_>, found: &FoundEnvelope, drift: &Drift, sink: &mut Sink) {
    if drift.extra.is_empty() {
        return;
    }
    let names = recipient_missing::names(&drift.extra);
    let place = s.places.span(found.envelope.span, found.document);
    let mut finding = Finding::new(
        &INFO,
        s.path,
        place,
        say![
            "the file is encrypted to ",
            names,
            ", which its rule does not name"
        ],
    )
    .help("bring the file in line with its rule; whoever leaves keeps what was readable, so rotate the values")
    .governed(s.decision.governed_by());
    repair::update_keys(s, &mut finding);
    sink.push(finding);
}

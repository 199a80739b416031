//! Recipients of an encrypted file that its rule does not name (step 1, sops' comparison).

use super::{Sink, recipient_missing};
use crate::model::{Argument, CheckInfo, Finding, Severity};
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
    let finding = Finding::new(
        &INFO,
        s.path,
        place,
        say![
            "the file is encrypted to ",
            names,
            ", which its rule does not name"
        ],
    )
    .help(say![
        "bring the file in line with its rule: sops updatekeys ",
        Argument(s.path),
        "; whoever leaves keeps what was readable, so rotate the values"
    ])
    .fix(say!["sops updatekeys ", Argument(s.path)])
    .governed(s.decision.governed_by());
    sink.push(finding);
}

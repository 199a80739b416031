//! Metadata around a file in which nothing is encrypted (step 1).

use super::Sink;
use crate::model::{CheckInfo, Finding, Label, Severity};
use crate::say;
use crate::subject::{FoundEnvelope, Subject, Survey};

/// See `docs/checks/hollow-envelope.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "hollow-envelope",
    summary: "SOPS metadata around a file in which nothing is encrypted",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/hollow-envelope.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(s: &Subject<'_>, found: &FoundEnvelope, own: &Survey, sink: &mut Sink) {
    let forged = own
        .plain
        .iter()
        .any(|l| l.judged != crate::sops::value::Judged::Plain);
    if own.encrypted > 0 || own.non_empty == 0 || forged || found.document > 0 || !s.is_whole() {
        return;
    }
    let options = &found.envelope.options;
    // Everything that had to be encrypted is empty: there was nothing to do.
    if own.selected == 0 && own.selected_inert > 0 {
        return;
    }
    // Options that spare things were written to spare these.
    if own.selected == 0 && !options.has_positive_selector() {
        return;
    }
    let mut message =
        say!["the file carries SOPS metadata, and not one of its values is encrypted"];
    if own.selected == 0 {
        for (name, value) in options.described() {
            message = say![
                "the file carries SOPS metadata, and not one of its values is encrypted: ",
                name,
                " '",
                Label::new(value),
                "' matches no key"
            ];
        }
    }
    let finding = Finding::new(
        &INFO,
        s.path,
        s.places.span(found.envelope.span, found.document),
        message,
    )
    .help(say![
        "mend the selection in the creation rule, take the sops block out, and encrypt again"
    ])
    .governed(s.decision.governed_by());
    sink.push(finding);
}

//! Selection options or MAC mode of a file differ from its rule (step 1); sops never brings them in line.

use super::Sink;
use crate::model::{CheckInfo, Finding, Label, Message, Severity};
use crate::say;
use crate::sops::config::CreationRule;
use crate::sops::options::SelectionOptions;
use crate::subject::{FoundEnvelope, Subject};
use crate::syntax::Format;

/// See `docs/checks/scope-drift.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "scope-drift",
    summary: "Selection options of file and rule differ",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/scope-drift.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(s: &Subject<'_>, found: &FoundEnvelope, rule: &CreationRule, sink: &mut Sink) {
    // sops gives binary files no options, whatever the rule says.
    if Format::of_name(&s.name) == Format::Binary {
        return;
    }
    let wanted = rule.effective_options(s.format);
    let own = &found.envelope.options;
    let same_options = wanted.described() == own.described();
    if same_options && rule.mac_only_encrypted == found.envelope.mac_only_encrypted {
        return;
    }
    let message = if same_options {
        say!["file and rule differ in mac_only_encrypted"]
    } else {
        say![
            "the file was encrypted with ",
            describe(own),
            ", its rule says ",
            describe(&wanted)
        ]
    };
    let place = s.places.span(found.envelope.span, found.document);
    let finding = Finding::new(&INFO, s.path, place, message)
        .help("sops keeps the options of the file for good: decrypt it and encrypt it again to follow the rule")
        .governed(s.decision.governed_by());
    sink.push(finding);
}

fn describe(options: &SelectionOptions) -> Message {
    let mut out = Message::default();
    for (i, (name, value)) in options.described().into_iter().enumerate() {
        if i > 0 {
            out.push(&" and ");
        }
        out.push(&name);
        out.push(&" '");
        out.push(&Label::new(value));
        out.push(&"'");
    }
    if out.is_empty() {
        out.push(&"no selection option");
    }
    out
}

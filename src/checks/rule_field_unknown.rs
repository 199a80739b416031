//! A field that sops ignores, with the near miss named.

use super::{ConfigFacts, Sink};
use crate::model::{CheckInfo, Finding, SafeKey, Severity};
use crate::say;

/// See `docs/checks/rule-field-unknown.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "rule-field-unknown",
    summary: "A field that sops ignores",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/rule-field-unknown.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(c: &ConfigFacts<'_>, sink: &mut Sink) {
    let of_rules = c
        .loaded
        .config
        .rules()
        .iter()
        .flat_map(|r| &r.unknown_fields);
    for (name, span, near) in of_rules.chain(&c.loaded.config.unknown_fields) {
        let mut message = say!["sops ignores the field ", SafeKey::new(name)];
        if let Some(near) = near {
            message.push(&"; did you mean ");
            message.push(near);
            message.push(&"?");
        }
        sink.push(
            Finding::new(&INFO, &c.loaded.path, c.places.span(*span, 0), message)
                .help("a misspelt field leaves the rule without what it was to say"),
        );
    }
}

//! A creation rule without any recipient.

use super::{ConfigFacts, Sink};
use crate::model::{CheckInfo, Finding, Severity};
use crate::say;

/// See `docs/checks/rule-without-keys.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "rule-without-keys",
    summary: "A creation rule names no recipient",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/rule-without-keys.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(c: &ConfigFacts<'_>, sink: &mut Sink) {
    for rule in c.loaded.config.rules().iter().filter(|r| !r.has_keys()) {
        sink.push(
            Finding::new(
                &INFO,
                &c.loaded.path,
                c.places.span(rule.span, 0),
                say![
                    "rule ",
                    rule.index + 1,
                    " names no recipient; sops has nothing to encrypt to"
                ],
            )
            .help(
                "add age, pgp, kms or another key field; a stray dash may have cut the rule in two",
            ),
        );
    }
}

//! A selection regex that Go rejects: sops takes it for "matches nothing", without a word.

use super::{ConfigFacts, Sink};
use crate::model::{CheckInfo, Finding, Severity};
use crate::say;

/// See `docs/checks/scope-regex-invalid.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "scope-regex-invalid",
    summary: "A selection regex that Go rejects, so that sops encrypts nothing or everything",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/scope-regex-invalid.md"),
    softened_in_lenient_places: true,
};

pub(super) fn run(c: &ConfigFacts<'_>, sink: &mut Sink) {
    for rule in c.loaded.config.rules() {
        for (name, pattern) in rule
            .options
            .patterns()
            .filter(|(_, p)| p.regex.is_none() && !p.own_limit)
        {
            let effect = if name.starts_with("encrypted") {
                "sops encrypts nothing, and says nothing"
            } else {
                "sops encrypts everything, and says nothing"
            };
            sink.push(
                Finding::new(
                    &INFO,
                    &c.loaded.path,
                    c.places.span(pattern.span, 0),
                    say![
                        "Go rejects the ",
                        name,
                        " of rule ",
                        rule.index + 1,
                        ": ",
                        effect
                    ],
                )
                .help(
                    "write it as a Go regular expression (RE2): no look-around, no back-references",
                ),
            );
        }
    }
}

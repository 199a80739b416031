//! A creation rule that matches no file of the view.

use super::{ConfigFacts, Sink};
use crate::model::{CheckInfo, Finding, Severity};
use crate::say;

/// See `docs/checks/rule-unused.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "rule-unused",
    summary: "A creation rule that matches no file",
    severity: Severity::Note,
    page: include_str!("../../docs/checks/rule-unused.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(c: &ConfigFacts<'_>, sink: &mut Sink) {
    let hidden = super::rule_unreachable::hidden(c);
    let outside = super::rule_outside::outside(c);
    for rule in c.loaded.config.rules() {
        // A stronger finding about the same rule is enough.
        let told = hidden.iter().any(|(r, _)| *r == rule.index)
            || outside.contains(&rule.index)
            || rule.path_regex.as_ref().is_some_and(|p| p.regex.is_err());
        if c.reached[rule.index] == 0 && !told {
            sink.push(
                Finding::new(
                    &INFO,
                    &c.loaded.path,
                    c.places.span(rule.span, 0),
                    say!["rule ", rule.index + 1, " governs no file"],
                )
                .help("take it out, or check its path_regex if it was meant to match something"),
            );
        }
    }
}

//! A rule that an earlier one always hides.

use super::{ConfigFacts, Sink};
use crate::model::{CheckInfo, Finding, Severity};
use crate::say;
use crate::sops::config::CreationRule;

/// See `docs/checks/rule-unreachable.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "rule-unreachable",
    summary: "An earlier rule always wins",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/rule-unreachable.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(c: &ConfigFacts<'_>, sink: &mut Sink) {
    for (rule, earlier) in hidden(c) {
        sink.push(
            Finding::new(&INFO, &c.loaded.path, c.places.span(c.loaded.config.rules()[rule].span, 0), say!["rule ", rule + 1, " is never used: rule ", earlier + 1, " matches first"])
                .help("the first matching rule wins: put the specific rule first"),
        );
    }
}

/// Rules that cannot win, each with the rule that hides it: one without pattern, one that matches all, or the same pattern.
pub(super) fn hidden(c: &ConfigFacts<'_>) -> Vec<(usize, usize)> {
    let rules = c.loaded.config.rules();
    let catches_all = |r: &CreationRule| match &r.path_regex {
        None => true,
        Some(p) => matches!(p.source.as_str(), ".*" | "^.*" | ".*$" | "^.*$" | ".+" | "^.+$" | "." | "(.*)" | "" | "^"),
    };
    let mut out = Vec::new();
    for (i, rule) in rules.iter().enumerate() {
        let same = |e: &&CreationRule| match (&e.path_regex, &rule.path_regex) {
            (Some(a), Some(b)) => a.source == b.source,
            _ => false,
        };
        if let Some(earlier) = rules[..i].iter().find(|e| catches_all(e) || same(e)) {
            out.push((i, earlier.index));
        }
    }
    out
}

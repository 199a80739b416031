//! A config that sops cannot load, or a rule that it refuses and some file reaches.

use super::{ConfigFacts, Sink};
use crate::model::{CheckInfo, Finding, Label, Severity};
use crate::say;
use crate::sops::config::{KeyError, Refusal};

/// See `docs/checks/config-invalid.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "config-invalid",
    summary: "A .sops.yaml that sops refuses",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/config-invalid.md"),
    softened_in_lenient_places: true,
};

pub(super) fn run(c: &ConfigFacts<'_>, sink: &mut Sink) {
    if let Some((why, span)) = &c.loaded.config.broken {
        sink.push(
            Finding::new(
                &INFO,
                &c.loaded.path,
                c.places.span(*span, 0),
                say!["sops cannot load this config: ", why.as_str()],
            )
            .help("every sops command fails below this directory until it is mended"),
        );
        return;
    }
    for rule in c.loaded.config.rules() {
        if c.bad_pattern_reached == Some(rule.index)
            && let Some(pattern) = &rule.path_regex
            && !pattern.own_limit
        {
            let why = pattern
                .regex
                .as_ref()
                .err()
                .map(String::as_str)
                .unwrap_or_default();
            sink.push(
                Finding::new(
                    &INFO,
                    &c.loaded.path,
                    c.places.span(pattern.span, 0),
                    say![
                        "Go rejects the path_regex of rule ",
                        rule.index + 1,
                        " (",
                        Label::new(why),
                        "), so sops fails for every path that reaches it"
                    ],
                )
                .help("path_regex is a Go regular expression (RE2): no globs, no look-around"),
            );
        }
        if c.reached[rule.index] == 0 {
            continue;
        }
        let message = match rule.refused() {
            Some(Refusal::ScopeConflict) => say![
                "rule ",
                rule.index + 1,
                " sets more than one selection option; sops refuses it"
            ],
            Some(Refusal::BadKey)
                if rule
                    .bad_keys
                    .iter()
                    .any(|k| !matches!(k.error, KeyError::Malformed | KeyError::Suspect)) =>
            {
                say![
                    "a recipient field of rule ",
                    rule.index + 1,
                    " is neither text nor a list of texts; sops refuses it"
                ]
            }
            _ => continue,
        };
        sink.push(
            Finding::new(&INFO, &c.loaded.path, c.places.span(rule.span, 0), message)
                .help("mend the rule: nothing that it governs can be encrypted"),
        );
    }
}

//! A recipient that sops cannot use: a placeholder, or malformed.

use super::{ConfigFacts, Sink};
use crate::model::{CheckInfo, Finding, Severity};
use crate::say;
use crate::sops::config::KeyError;

/// See `docs/checks/recipient-invalid.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "recipient-invalid",
    summary: "A recipient that sops cannot use",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/recipient-invalid.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(c: &ConfigFacts<'_>, sink: &mut Sink) {
    for rule in c.loaded.config.rules() {
        for key in rule
            .bad_keys
            .iter()
            .filter(|k| matches!(k.error, KeyError::Malformed | KeyError::Suspect))
        {
            sink.push(
                Finding::new(
                    &INFO,
                    &c.loaded.path,
                    c.places.span(key.span, 0),
                    say![
                        "a recipient of rule ",
                        rule.index + 1,
                        " is no ",
                        key.kind.as_str(),
                        " key that sops can use"
                    ],
                )
                .help("put the real recipient there; sops refuses the rule until then"),
            );
        }
    }
}

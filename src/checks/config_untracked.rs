//! A config that exists only on this disk: nobody else has its rules.

use super::{ConfigFacts, Sink};
use crate::model::{Argument, CheckInfo, Finding, Severity};
use crate::say;

/// See `docs/checks/config-untracked.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "config-untracked",
    summary: "A config that exists only on this disk",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/config-untracked.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(c: &ConfigFacts<'_>, sink: &mut Sink) {
    if !c.loaded.tracked && c.in_repository {
        sink.push(
            Finding::new(
                &INFO,
                &c.loaded.path,
                c.places.file(),
                say!["this config is not tracked by Git: its rules hold on this disk only"],
            )
            .help(say!["add it: git add ", Argument(&c.loaded.path)])
            .fix(say!["git add ", Argument(&c.loaded.path)]),
        );
    }
}

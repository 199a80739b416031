//! A nested config whose verdict differs from that of an outer one: sops looks from the current directory.

use super::{ConfigFacts, Sink};
use crate::model::{CheckInfo, Finding, Severity};
use crate::say;

/// See `docs/checks/config-ambiguous.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "config-ambiguous",
    summary: "The verdict depends on the directory sops is run from",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/config-ambiguous.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(c: &ConfigFacts<'_>, sink: &mut Sink) {
    let Some((path, outer)) = &c.ambiguous else {
        return;
    };
    sink.push(
        Finding::new(
            &INFO,
            &c.loaded.path,
            c.places.file(),
            say![
                "the verdict on ",
                path,
                " differs between this config and ",
                outer,
                ": sops takes the one it finds from the current directory"
            ],
        )
        .help("run sops with --config, or keep one config for both directories")
        .related(outer, None, say!["the outer config"]),
    );
}

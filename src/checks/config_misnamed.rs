//! A config that sops does not find by this name.

use super::Sink;
use crate::model::{CheckInfo, Finding, Place, RepoPath, Severity};
use crate::say;

/// See `docs/checks/config-misnamed.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "config-misnamed",
    summary: "A config that sops does not find by this name",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/config-misnamed.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(path: &RepoPath, sink: &mut Sink) {
    sink.push(
        Finding::new(
            &INFO,
            path,
            Place::default(),
            say!["sops reads .sops.yaml only; this file is ignored"],
        )
        .help("rename it to .sops.yaml"),
    );
}

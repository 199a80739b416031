//! A Flux Kustomization that reaches encrypted files and has no `spec.decryption`.

use super::Sink;
use crate::model::{CheckInfo, Finding, Place, RepoPath, Severity};
use crate::say;

/// See `docs/checks/decryption-missing.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "decryption-missing",
    summary: "A Flux Kustomization reaches encrypted files and does not decrypt",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/decryption-missing.md"),
    softened_in_lenient_places: false,
};

/// `first`: an encrypted file that the Kustomization at `path` reaches.
pub(super) fn run(path: &RepoPath, place: Place, first: &RepoPath, sink: &mut Sink) {
    sink.push(
        Finding::new(
            &INFO,
            path,
            place,
            say!["this Flux Kustomization reaches encrypted files and has no spec.decryption"],
        )
        .help("add spec.decryption with provider: sops and the secretRef of the key")
        .related(first, None, say!["an encrypted file that it reaches"]),
    );
}

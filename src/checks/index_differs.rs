//! The staged copy is plain, the one on disk is encrypted.

use super::Sink;
use crate::model::{Argument, CheckInfo, Finding, Place, RepoPath, Severity};
use crate::say;

/// See `docs/checks/index-differs.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "index-differs",
    summary: "Encrypted on disk, but what is staged is plaintext",
    severity: Severity::Note,
    page: include_str!("../../docs/checks/index-differs.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(path: &RepoPath, sink: &mut Sink) {
    sink.push(
        Finding::new(
            &INFO,
            path,
            Place::default(),
            say!["the copy on disk is encrypted, but the plaintext is still what is staged"],
        )
        .help("stage the encrypted copy")
        .fix(say!["git add ", Argument(path)]),
    );
}

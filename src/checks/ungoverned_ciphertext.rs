//! An encrypted file that no creation rule matches: sops cannot re-key it by rule.

use super::Sink;
use crate::model::{CheckInfo, Finding, Severity};
use crate::say;
use crate::subject::{FoundEnvelope, Subject};

/// See `docs/checks/ungoverned-ciphertext.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "ungoverned-ciphertext",
    summary: "An encrypted file that no creation rule matches",
    severity: Severity::Note,
    page: include_str!("../../docs/checks/ungoverned-ciphertext.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(s: &Subject<'_>, found: &FoundEnvelope, sink: &mut Sink) {
    let place = s.places.span(found.envelope.span, found.document);
    sink.push(
        Finding::new(&INFO, s.path, place, say!["no creation rule matches this encrypted file, so sops updatekeys cannot bring it in line"])
            .help("add a creation rule for it to .sops.yaml"),
    );
}

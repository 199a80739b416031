//! The last-applied annotation holding the data of a Secret (step 3).

use super::{Sink, embedded_secret};
use crate::kube::last_applied;
use crate::model::{CheckInfo, Finding, SafeKey, Severity};
use crate::say;
use crate::subject::{Subject, standing};

/// See `docs/checks/last-applied-secret.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "last-applied-secret",
    summary: "The last-applied annotation holds the plaintext data of a Secret",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/last-applied-secret.md"),
    softened_in_lenient_places: true,
};

pub(super) fn run(s: &Subject<'_>, sink: &mut Sink) {
    if s.parsed.is_none() || standing::is_prose_or_code(&s.name) {
        return;
    }
    let mentioned =
        memchr::memmem::find(s.text.as_bytes(), b"last-applied").is_some() || s.hints.escape;
    if !mentioned {
        return;
    }
    for (n, doc) in s.documents().iter().enumerate() {
        for found in last_applied(doc) {
            let Some((severity, key)) = embedded_secret::worst(s, &found) else {
                continue;
            };
            let place = s.places.node(doc, n, &found.path, found.node);
            let finding = Finding::new(&INFO, s.path, place, say!["kubectl left the plaintext of ", SafeKey::new(key), " in the last-applied annotation"])
                .at(severity)
                .help("delete the annotation, encrypt the file again, and rotate the value if it was pushed")
                .governed(s.decision.governed_by());
            sink.push(finding);
        }
    }
}

//! Object ids for a rewrite of history: one a line, sorted, each once, and nothing else.
//!
//! `git filter-repo --strip-blobs-with-ids` splits its file at white space and takes every word for an id, so that there
//! is no room for a comment. Listed are the versions that leaked: those of active errors. Errors that are no leak, such as
//! a config that sops cannot load, are left out: stripping their files would do harm.

use std::collections::BTreeSet;

use crate::model::{Finding, OriginKind, Outcome, Severity};

/// Checks whose errors tell of something broken in a file that need not hold plaintext.
pub(super) const NO_LEAK: [&str; 6] = [
    "broken-envelope",
    "config-invalid",
    "double-encrypted",
    "forged-ciphertext",
    "rule-outside",
    "scope-regex-invalid",
];

/// The whole report.
pub(super) fn text(outcome: &Outcome) -> String {
    let leaks = outcome
        .active()
        .filter(|f| f.severity == Severity::Error && !NO_LEAK.contains(&f.check.id));
    let ids: BTreeSet<&str> = leaks.flat_map(leaked).filter(|id| is_id(id)).collect();
    ids.into_iter().flat_map(|id| [id, "\n"]).collect()
}

/// Blobs that hold what the finding is about.
fn leaked(f: &Finding) -> Vec<&str> {
    // The message of a commit or tag is no blob.
    if f.origins.iter().any(|o| o.kind == OriginKind::Message) {
        return Vec::new();
    }
    if let Some(exposure) = f.exposure.as_ref().filter(|e| !e.versions.is_empty()) {
        return exposure.versions.iter().map(|v| v.blob.as_str()).collect();
    }
    let seen = f.origins.iter().filter_map(|o| o.blob.as_deref());
    seen.chain(f.blob.as_deref()).collect()
}

/// An object id under SHA-1 or SHA-256.
fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

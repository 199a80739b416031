//! A Secret inside a string: a ConfigMap value, an inline patch, a post-renderer (step 3).

use super::Sink;
use crate::kube::{EmbeddedSecret, embedded_secrets};
use crate::model::{CheckInfo, Finding, SafeKey, Severity};
use crate::say;
use crate::subject::leaves::class_of_secret;
use crate::subject::{Subject, standing};
use crate::values::ValueClass;

/// See `docs/checks/embedded-secret.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "embedded-secret",
    summary: "A string holds a Kubernetes Secret with plaintext values",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/embedded-secret.md"),
    softened_in_lenient_places: true,
};

pub(super) fn run(s: &Subject<'_>, sink: &mut Sink) {
    if s.parsed.is_none() || standing::is_prose_or_code(&s.name) {
        return;
    }
    for (n, doc) in s.documents().iter().enumerate() {
        for found in embedded_secrets(doc) {
            let Some((severity, key)) = worst(s, &found) else {
                continue;
            };
            let place = s.places.node(doc, n, &found.path, found.node);
            let finding = Finding::new(&INFO, s.path, place, say!["a Secret stands inside this string, with ", SafeKey::new(key), " in plaintext"])
                .at(severity)
                .help("move the Secret into a file of its own, encrypt that with sops, and rotate the value if it was pushed")
                .governed(s.decision.governed_by());
            sink.push(finding);
        }
    }
}

/// The worst value speaks for the string: its key, and how bad it is. `None` where nothing gives anything away.
pub(super) fn worst<'f>(s: &Subject<'_>, found: &'f EmbeddedSecret) -> Option<(Severity, &'f str)> {
    let in_template = s.template || found.by_lines;
    let (class, key) = found
        .values
        .iter()
        .map(|(key, value, base64)| (class_of_secret(key, value, *base64, in_template), key))
        .max_by_key(|(class, _)| *class)?;
    let severity = match class {
        ValueClass::Literal if !in_template => Severity::Error,
        ValueClass::Literal | ValueClass::Configuration | ValueClass::Placeholder => {
            Severity::Warning
        }
        ValueClass::Harmless(_) | ValueClass::Reference | ValueClass::Substitution => return None,
    };
    Some((severity, key))
}

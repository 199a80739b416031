//! A v1 Secret with a value that is neither encrypted nor harmless (step 3).

use super::Sink;
use super::repair;
use crate::kube::{SecretValue, open_patches, secret_values, sops_secret_values};
use crate::model::{CheckInfo, Finding, Place, SafeKey, Severity};
use crate::say;
use crate::subject::leaves::class_of_secret;
use crate::subject::{Neighbourhood, Subject, standing};
use crate::syntax::{Document, Format, Kind, ScalarType, lines, parse_values};
use crate::values::ValueClass;

/// See `docs/checks/plaintext-secret.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "plaintext-secret",
    summary: "A Kubernetes Secret holds a plaintext value",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/plaintext-secret.md"),
    softened_in_lenient_places: true,
};

pub(super) fn run(s: &Subject<'_>, around: &dyn Neighbourhood, sink: &mut Sink) {
    if s.parsed.is_none() || standing::is_prose_or_code(&s.name) {
        return;
    }
    let mut told = std::collections::HashSet::new();
    for (n, doc) in s.documents().iter().enumerate() {
        let mut values = secret_values(doc, &around.policy().kinds);
        values.extend(sops_secret_values(doc));
        for value in values {
            let Some(class) = class(s, doc, &value) else {
                continue;
            };
            if is_silent(class) && s.is_whole() {
                // Most values; their places would cost more than all the rest.
                continue;
            }
            let place = s.places.node(doc, n, &value.path, value.site);
            told.extend(place.position.map(|p| p.line));
            report(s, doc.text(value.key).unwrap_or(""), class, place, sink);
        }
    }
    // A JSON-6902 patch of a Secret that stands open in the file; one in a string is an embedded Secret.
    for (n, doc) in s.documents().iter().enumerate() {
        for found in open_patches(doc) {
            for (key, value, base64) in &found.values {
                let place = s.places.node(doc, n, &found.path, found.node);
                report(
                    s,
                    key,
                    class_of_secret(key, value, *base64, s.template),
                    place,
                    sink,
                );
            }
        }
    }
    if !s.is_whole()
        && let Some(closed) = lines::close_brackets(s.text)
    {
        // JSON that was cut off: its beginning can still be read.
        for doc in &parse_values(&closed, Format::Yaml).documents {
            for value in secret_values(doc, &around.policy().kinds) {
                let (Some(key), Some(text)) = (doc.text(value.key), doc.text(value.node)) else {
                    continue;
                };
                let place = s.places.span(doc.node(value.site).span, 0);
                let class = class_of_secret(key, text, value.base64, s.template);
                report(s, key, class, place, sink);
            }
        }
    } else if !s.is_whole() {
        for line in lines::secret_lines(s.text) {
            let place = s.places.span(line.span, 0);
            if place.position.is_some_and(|p| told.contains(&p.line)) {
                continue;
            }
            let class = class_of_secret(&line.key, &line.value, line.base64, s.template);
            report(s, &line.key, class, place, sink);
        }
    }
}

/// `None` for what is no value at all.
fn class(s: &Subject<'_>, doc: &Document<'_>, value: &SecretValue) -> Option<ValueClass> {
    let key = doc.text(value.key).unwrap_or("");
    match &doc.node(value.node).kind {
        Kind::Scalar(scalar) => {
            if scalar.ty == ScalarType::Null || scalar.ty == ScalarType::Bool {
                return None;
            }
            // A forged or surrounded value of an encrypted file has its own finding.
            if s.envelope.is_some() && scalar.text.contains("ENC[") {
                return None;
            }
            let base64 = value.base64 && scalar.ty != ScalarType::Binary;
            Some(class_of_secret(key, &scalar.text, base64, s.template))
        }
        Kind::Mapping(_) => {
            let source = s.text.get(doc.node(value.node).span.range())?;
            // `{{ x }}` without quotes is a template expression to people and a mapping to YAML.
            if source.starts_with("{{") {
                return Some(class_of_secret(key, source, false, s.template))
                    .filter(|c| *c != ValueClass::Literal);
            }
            None
        }
        _ => None,
    }
}

/// Whether nothing is said about a value of this class.
fn is_silent(class: ValueClass) -> bool {
    matches!(
        class,
        ValueClass::Harmless(_) | ValueClass::Reference | ValueClass::Substitution
    )
}

fn report(s: &Subject<'_>, key: &str, class: ValueClass, place: Place, sink: &mut Sink) {
    let key = SafeKey::new(key);
    let (severity, message) = match class {
        ValueClass::Literal => (
            Severity::Error,
            say!["the Secret holds ", key, " in plaintext"],
        ),
        ValueClass::Configuration => (
            Severity::Warning,
            say!["the Secret holds ", key, " as readable configuration text"],
        ),
        ValueClass::Placeholder => (
            Severity::Warning,
            say!["the Secret holds a placeholder in ", key],
        ),
        ValueClass::Harmless(_) | ValueClass::Reference | ValueClass::Substitution => return,
    };
    let severity = if s.template {
        severity.min(Severity::Warning)
    } else {
        severity
    };
    let mut finding = Finding::new(&INFO, s.path, place, message)
        .at(severity)
        .governed(s.decision.governed_by());
    finding.help = if s.decision.rule().is_some() {
        say!["encrypt the file before it is committed, and rotate the value if it was pushed"]
    } else {
        say![
            "no creation rule covers this file: add one to .sops.yaml with encrypted_regex '^(data|stringData)$', then encrypt it"
        ]
    };
    if s.envelope.is_none() {
        repair::encrypt(s, &mut finding);
    }
    sink.push(finding);
}

//! kustomize `secretGenerator.literals` (step 3).

use super::Sink;
use crate::kube::{GeneratorEntry, generators};
use crate::model::{CheckInfo, Finding, SafeKey, Severity};
use crate::say;
use crate::subject::leaves::class_of_text;
use crate::subject::{Subject, standing};
use crate::values::{ValueClass, credential};

/// See `docs/checks/generator-literal.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "generator-literal",
    summary: "A secretGenerator has a plaintext literal",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/generator-literal.md"),
    softened_in_lenient_places: true,
};

pub(super) fn run(s: &Subject<'_>, sink: &mut Sink) {
    if s.parsed.is_none() || standing::is_prose_or_code(&s.name) {
        return;
    }
    for (n, doc) in s.documents().iter().enumerate() {
        for generator in generators(doc) {
            let GeneratorEntry::Literal(key, value) = &generator.entry else {
                continue;
            };
            if value.trim().is_empty() {
                continue;
            }
            let severity = match class_of_text(key, value, s.template) {
                ValueClass::Literal
                    if credential::is_credential_key(key)
                        || credential::has_credential_form(value) =>
                {
                    Severity::Error
                }
                // What stands here ends in a Secret, whatever its name.
                ValueClass::Literal
                | ValueClass::Configuration
                | ValueClass::Placeholder
                | ValueClass::Harmless(_) => Severity::Warning,
                ValueClass::Reference | ValueClass::Substitution => continue,
            };
            let severity = if s.template {
                severity.min(Severity::Warning)
            } else {
                severity
            };
            let place = s.places.node(doc, n, &generator.path, generator.node);
            let finding = Finding::new(&INFO, s.path, place, say!["the secretGenerator has the value of ", SafeKey::new(key), " as a literal"])
                .at(severity)
                .help("put the value into a file that sops encrypts, and name that file under envs or files");
            sink.push(finding);
        }
    }
}

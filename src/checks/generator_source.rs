//! kustomize `secretGenerator.files` and `envs` that name a plaintext file of the view (step 3).

use super::{Sink, repair};
use crate::kube::{GeneratorEntry, generators};
use crate::model::{CheckInfo, Finding, RepoPath, Severity};
use crate::say;
use crate::sops::metadata;
use crate::subject::leaves::class_of_text;
use crate::subject::{Neighbourhood, Source, Subject, standing};
use crate::syntax::{Format, decode, parse_values};
use crate::values::{ValueClass, credential};

/// See `docs/checks/generator-source.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "generator-source",
    summary: "A secretGenerator reads a plaintext file",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/generator-source.md"),
    softened_in_lenient_places: true,
};

pub(super) fn run(s: &Subject<'_>, around: &dyn Neighbourhood, sink: &mut Sink) {
    if s.parsed.is_none() || standing::is_prose_or_code(&s.name) {
        return;
    }
    for (n, doc) in s.documents().iter().enumerate() {
        for generator in generators(doc) {
            let (key, source) = match &generator.entry {
                GeneratorEntry::File(key, source) => (key.as_str(), source),
                GeneratorEntry::Env(source) => ("", source),
                GeneratorEntry::Literal(..) => continue,
            };
            // A path out of the repository, or one that is not in it, is not ours to read.
            let Some(path) = s.path.resolve(source) else {
                continue;
            };
            let Some(bytes) = around.read(&path) else {
                continue;
            };
            let severity = match class(
                key,
                &path,
                &bytes,
                matches!(generator.entry, GeneratorEntry::Env(_)),
            ) {
                ValueClass::Literal => Severity::Error,
                ValueClass::Configuration | ValueClass::Placeholder => Severity::Warning,
                ValueClass::Harmless(_) | ValueClass::Reference | ValueClass::Substitution => {
                    continue;
                }
            };
            let severity = if s.template {
                severity.min(Severity::Warning)
            } else {
                severity
            };
            let place = s.places.node(doc, n, &generator.path, generator.node);
            let mut finding = Finding::new(
                &INFO,
                s.path,
                place,
                say![
                    "the secretGenerator makes a Secret from ",
                    path,
                    ", which is plaintext"
                ],
            )
            .at(severity)
            .help(say![
                "encrypt the source with sops (",
                path,
                "), with a creation rule that has no encrypted_regex"
            ])
            .related(&path, None, say!["the plaintext source"]);
            // The source is what has to be encrypted, if a rule covers it.
            let source = Source::new(&bytes);
            repair::encrypt(&Subject::new(&path, &source, around), &mut finding);
            sink.push(finding);
        }
    }
}

fn class(key: &str, path: &RepoPath, bytes: &[u8], env: bool) -> ValueClass {
    let decoded = decode(bytes);
    let text: &str = &decoded.text;
    let name = standing::file_name(path);
    let carries_metadata = [
        Format::of_name(&name),
        Format::Json,
        Format::Yaml,
        Format::Dotenv,
        Format::Ini,
    ]
    .into_iter()
    .any(|f| {
        f != Format::Binary
            && text.contains("sops")
            && parse_values(text, f)
                .documents
                .iter()
                .any(|d| metadata::find(d, f).is_some_and(|m| metadata::is_metadata(&m, f)))
    });
    // An encrypted source is judged as the file it is; prose and program text are passed over.
    // Prose is passed over, but a password file is often called password.txt.
    let prose = standing::is_prose_or_code(&name) && !name.to_ascii_lowercase().ends_with(".txt");
    if prose
        || carries_metadata
        || text.trim().is_empty()
        || standing::is_sealed_elsewhere(text, bytes)
        || standing::is_public_material(text)
    {
        return ValueClass::Harmless("encrypted or public");
    }
    if standing::is_template_name(&name) {
        return class_of_text(key, text, true);
    }
    if decoded.lossy || text.contains('\0') {
        return ValueClass::Literal;
    }
    if env {
        let parsed = parse_values(text, Format::Dotenv);
        let doc = parsed.documents.first();
        let leaves = doc.into_iter().flat_map(|d| {
            d.root().into_iter().flat_map(|r| {
                d.entries(r)
                    .filter_map(|(k, v)| Some((d.text(k)?, d.text(v)?)))
            })
        });
        return leaves
            .filter(|(_, v)| !v.trim().is_empty())
            .map(|(k, v)| match class_of_text(k, v, false) {
                ValueClass::Literal
                    if !credential::is_credential_key(k) && !credential::has_credential_form(v) =>
                {
                    ValueClass::Configuration
                }
                class => class,
            })
            .fold(ValueClass::Harmless("no leaf of it is a secret"), Ord::max);
    }
    class_of_text(
        if text.trim_end().contains('\n') {
            ""
        } else {
            key
        },
        text,
        false,
    )
}

//! Plaintext where sops never looks: around a value, under `sops`, behind the JSON object, in comments (step 1).

use super::Sink;
use crate::model::{CheckInfo, Finding, Label, Message, Place, Severity, Span};
use crate::say;
use crate::sops::metadata;
use crate::sops::scope::{CommentAt, LeafAt, Visitor, walk};
use crate::sops::value::{self, Judged};
use crate::subject::{FoundEnvelope, Subject, Survey};
use crate::syntax::{Child, Document, Format, ProblemKind, ScalarType};
use crate::values::{ValueClass, ValueContext, classify, credential};

/// See `docs/checks/hidden-plaintext.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "hidden-plaintext",
    summary: "Plaintext where sops never looks",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/hidden-plaintext.md"),
    softened_in_lenient_places: false,
};

fn report(s: &Subject<'_>, place: Place, severity: Severity, message: Message, sink: &mut Sink) {
    let finding = Finding::new(&INFO, s.path, place, message)
        .at(severity)
        .help("take it out, or move it into a value that sops encrypts; if it was secret, treat it as leaked")
        .governed(s.decision.governed_by());
    sink.push(finding);
}

pub(super) fn run(s: &Subject<'_>, found: &FoundEnvelope, own: &Survey, sink: &mut Sink) {
    for leaf in own
        .plain
        .iter()
        .filter(|l| l.selected && l.judged == Judged::Surrounded)
    {
        let doc = &s.documents()[leaf.document];
        let place = s.places.node(doc, leaf.document, &leaf.path, leaf.site);
        report(
            s,
            place,
            Severity::Error,
            say!["text stands around an encrypted value; sops throws it away unseen"],
            sink,
        );
    }
    if let Some(span) = found.envelope.mac_surrounded {
        report(
            s,
            s.places.span(span, found.document),
            Severity::Error,
            say!["text stands around the MAC; sops throws it away unseen"],
            sink,
        );
    }
    for problem in s
        .parsed
        .iter()
        .flat_map(|p| &p.problems)
        .filter(|p| p.kind == ProblemKind::TrailingContent)
    {
        let place = s.places.span(problem.span, 0);
        report(
            s,
            place,
            Severity::Error,
            say!["content stands behind the end of the JSON object, where sops stops reading"],
            sink,
        );
    }
    unknown_fields(s, &found.envelope.unknown, found.document, sink);
    later_documents(s, found, sink);
    comments(s, found, sink);
}

fn unknown_fields(
    s: &Subject<'_>,
    fields: &[metadata::UnknownField],
    document: usize,
    sink: &mut Sink,
) {
    for field in fields.iter().filter(|f| !f.legacy && !f.empty) {
        let severity = if field.in_key_entry || field.large {
            Severity::Error
        } else {
            Severity::Warning
        };
        let place = s.places.span(field.span, document);
        report(
            s,
            place,
            severity,
            say![
                "the field ",
                Label::new(&field.name),
                " in the metadata means nothing to sops, which ignores it whatever it holds"
            ],
            sink,
        );
    }
}

/// sops drops the `sops` key of later documents unseen.
fn later_documents(s: &Subject<'_>, found: &FoundEnvelope, sink: &mut Sink) {
    if s.format != Format::Yaml {
        return;
    }
    for (n, doc) in s.documents().iter().enumerate().skip(found.document + 1) {
        let bare = doc.root().filter(|r| {
            doc.scalar(*r)
                .is_some_and(|v| v.ty != ScalarType::Null && !v.text.is_empty())
        });
        if let Some(root) = bare
            && !matches!(value::judge(doc.text(root).unwrap_or("")), Judged::Sound(_))
            && found.envelope.options.has_positive_selector()
        {
            let place = s.places.span(doc.node(root).span, n);
            report(
                s,
                place,
                Severity::Error,
                say!["a later document is a bare text, which sops never encrypts"],
                sink,
            );
        }
        let Some(meta) = metadata::find(doc, Format::Yaml) else {
            continue;
        };
        if metadata::is_metadata(&meta, Format::Yaml) {
            let copy = metadata::read(&meta, Format::Yaml);
            unknown_fields(s, &copy.unknown, n, sink);
        } else if !matches!(&meta, metadata::Meta::Map(m, _) if m.is_empty()) {
            let place = s.places.span(meta.span(), n);
            report(
                s,
                place,
                Severity::Error,
                say![
                    "sops drops what stands under the key sops of a later document, whatever it holds"
                ],
                sink,
            );
        }
    }
}

/// Comments in scope with their weight.
#[derive(Default)]
struct PlainComments(Vec<(Span, Option<bool>)>);

impl<'t> Visitor<'t> for PlainComments {
    fn leaf(&mut self, _leaf: LeafAt<'_>) {}

    fn comment(&mut self, c: CommentAt<'_, 't>) {
        if c.must_be_encrypted {
            self.0.push((c.comment.span, weight(&c.comment.text)));
        }
    }
}

fn comments(s: &Subject<'_>, found: &FoundEnvelope, sink: &mut Sink) {
    let options = &found.envelope.options;
    for (n, doc) in s.documents().iter().enumerate() {
        let mut visitor = PlainComments::default();
        walk(doc, Some(options), s.metadata_key(), &mut visitor);
        let mut seen = visitor.0;
        seen.extend(metadata_comments(doc));
        if !options.has_positive_selector() {
            seen.extend(doc.outer_comments.iter().map(|c| (c.span, weight(&c.text))));
        }
        for (span, weight) in seen {
            let Some(heavy) = weight else { continue };
            let place = s.places.span(span, n);
            if heavy {
                report(
                    s,
                    place,
                    Severity::Error,
                    say!["a plaintext comment looks like a value; sops would have encrypted it"],
                    sink,
                );
            } else {
                report(
                    s,
                    place,
                    Severity::Warning,
                    say!["a plaintext comment stands where sops would have encrypted it"],
                    sink,
                );
            }
        }
    }
}

/// Comments inside the metadata block, which sops never looks at.
fn metadata_comments(doc: &Document<'_>) -> Vec<(Span, Option<bool>)> {
    let block = doc.root().and_then(|r| doc.get(r, "sops"));
    let Some(span) = block.map(|b| doc.node(b).span) else {
        return Vec::new();
    };
    let inside = |id: &u32| {
        let node = doc.node(*id).span;
        span.start <= node.start && node.end <= span.end
    };
    (0..u32::try_from(doc.len()).unwrap_or(u32::MAX))
        .filter(inside)
        .flat_map(|id| doc.children(id))
        .filter_map(|child| match child {
            Child::Comment(c) => Some((c.span, weight(&c.text))),
            _ => None,
        })
        .collect()
}

/// `None`: nothing to say of it. `Some(true)`: it looks like a value.
fn weight(text: &str) -> Option<bool> {
    let text = text.trim_start_matches(['#', '!', ';']).trim();
    if text.is_empty() || matches!(value::judge(text), Judged::Sound(_)) || is_directive(text) {
        return None;
    }
    if credential::url_with_credentials(text) || credential::has_credential_form(text) {
        return Some(true);
    }
    // A credential anywhere in prose: `until spring: psk=…`
    let spelled = text
        .split_whitespace()
        .filter_map(|w| w.split_once('='))
        .any(|(k, v)| {
            credential::is_credential_key(k)
                && classify(
                    &ValueContext {
                        key: k,
                        in_template: false,
                    },
                    v,
                    &|_| None,
                ) == ValueClass::Literal
        });
    if spelled {
        return Some(true);
    }
    let pair = text
        .split_once(['=', ':'])
        .map(|(k, v)| (k.trim(), v.trim().trim_matches(['"', '\''])));
    let heavy = pair.is_some_and(|(k, v)| {
        let key_like = !k.is_empty()
            && k.chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
        let one_word = !v.is_empty() && !v.contains(char::is_whitespace) && !v.starts_with("//");
        let credential = credential::is_credential_key(k);
        key_like && (one_word || credential) && {
            let class = classify(
                &ValueContext {
                    key: k,
                    in_template: false,
                },
                v,
                &|_| None,
            );
            class == ValueClass::Literal
        }
    });
    Some(heavy)
}

/// Comments that tools read and write: licences, linters, editors, updaters, scanners, this program.
fn is_directive(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    [
        "spdx-",
        "copyright",
        "yamllint",
        "yaml-language-server",
        "vim:",
        "vi:",
        "-*-",
        "ex:",
        "code:",
        "prettier-ignore",
        "eslint",
        "markdownlint",
        "renovate:",
        "dependabot",
        "checkov:",
        "kics-",
        "trivy:",
        "tfsec:",
        "nosec",
        "gitleaks:",
        "pragma: allowlist",
        "trufflehog:",
        "kube-linter",
        "kubeconform",
        "datree",
        "$schema",
        "jsonschema",
        "sopsguard:",
        "noqa",
        "ansible-lint",
        "shellcheck",
        "semgrep",
        "snyk",
        "x-release-please",
        "{\"$imagepolicy\"",
        "@schema",
        "---",
        "==",
    ]
    .iter()
    .any(|d| lower.starts_with(d))
}

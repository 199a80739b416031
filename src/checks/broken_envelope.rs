//! Metadata that sops cannot use, and ciphertext without any (steps 1 and 2).

use super::Sink;
use crate::model::{CheckInfo, Finding, Message, Place, Severity};
use crate::say;
use crate::sops::scope::{LeafAt, walk};
use crate::sops::value::{self, Judged};
use crate::subject::{FoundEnvelope, Subject};
use crate::syntax::Format;

/// See `docs/checks/broken-envelope.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "broken-envelope",
    summary: "SOPS metadata that sops cannot use",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/broken-envelope.md"),
    softened_in_lenient_places: true,
};

fn report(s: &Subject<'_>, place: Place, message: Message, sink: &mut Sink) -> Finding {
    let _ = &sink;
    Finding::new(&INFO, s.path, place, message)
        .help(
            "restore the file from its last good version, or encrypt the plaintext again with sops",
        )
        .governed(s.decision.governed_by())
}

/// Problems of metadata that is there (step 1).
pub(super) fn metadata(s: &Subject<'_>, found: &FoundEnvelope, sink: &mut Sink) {
    let mut kinds: Vec<_> = found.envelope.problems.clone();
    kinds.sort_unstable();
    kinds.dedup_by_key(|p| p.0);
    for (problem, span) in kinds {
        let f = report(
            s,
            s.places.span(span, found.document),
            say![problem.as_str()],
            sink,
        );
        sink.push(f);
    }
    if found.document > 0 {
        let f = report(
            s,
            s.places.span(found.envelope.span, found.document),
            say![
                "the metadata stands in a later document; sops looks for it in the first one only"
            ],
            sink,
        );
        sink.push(f);
    }
    for doc in s.documents() {
        let twice = doc.root().and_then(|root| doc.get_all(root, "sops").nth(1));
        if let (Some((key, _)), false) = (twice, s.format == Format::Dotenv) {
            let f = report(
                s,
                s.places.span(doc.node(key).span, 0),
                say!["the metadata stands twice"],
                sink,
            );
            sink.push(f);
        }
    }
    if let Some(span) = s.conflict() {
        let f = report(
            s,
            s.places.span(span, 0),
            say!["conflict markers stand inside an encrypted file; sops cannot read it"],
            sink,
        );
        sink.push(f);
    } else if !s.is_whole()
        && let Some(p) = s
            .parsed
            .iter()
            .flat_map(|p| &p.problems)
            .find(|p| p.is_fatal())
    {
        let f = report(
            s,
            s.places.span(p.span, p.document),
            say!["the encrypted file does not parse here; sops cannot read it"],
            sink,
        );
        sink.push(f);
    }
}

/// In a template an envelope without substance is an example.
pub(super) fn example(s: &Subject<'_>, found: &FoundEnvelope, sink: &mut Sink) {
    let f = report(
        s,
        s.places.span(found.envelope.span, found.document),
        say![
            "the SOPS metadata of this template is an example: no value is encrypted and no key is wrapped"
        ],
        sink,
    );
    sink.push(f.at(Severity::Warning));
}

/// A `sops` key without metadata in a file that had to be encrypted.
pub(super) fn stub(s: &Subject<'_>, sink: &mut Sink) {
    if let Some((document, span)) = s.stub {
        let f = report(
            s,
            s.places.span(span, document),
            say!["the key sops stands here without metadata: the file only looks encrypted"],
            sink,
        );
        sink.push(f);
    }
}

/// Sound ciphertext without metadata (step 2).
pub(super) fn without_metadata(s: &Subject<'_>, sink: &mut Sink) {
    if !s.hints.ciphertext
        || s.exempt_from_content()
        || !s.format.is_structured()
        || (!s.is_whole() && s.hints.metadata)
    {
        return;
    }
    for (n, doc) in s.documents().iter().enumerate() {
        let mut place = None;
        let mut visit = |leaf: LeafAt<'_>| {
            let Some(text) = doc.text(leaf.node) else {
                return;
            };
            if place.is_none() && matches!(value::judge(text), Judged::Sound(_)) {
                place = Some(s.places.node(doc, n, leaf.path, leaf.site));
            }
        };
        walk(doc, None, None, &mut visit);
        if let Some(place) = place {
            let f = report(
                s,
                place,
                say!["encrypted values without SOPS metadata: nobody can decrypt them"],
                sink,
            );
            sink.push(f);
            return;
        }
    }
}

/// Ciphertext in a file that does not parse, under a narrow rule or a promise.
pub(super) fn unparsable(s: &Subject<'_>, sink: &mut Sink) {
    let fatal = s
        .parsed
        .iter()
        .flat_map(|p| &p.problems)
        .find(|p| p.is_fatal());
    let (span, document, message) = match (s.conflict(), fatal) {
        (Some(span), _) => (
            span,
            0,
            say!["conflict markers stand inside an encrypted file; sops cannot read it"],
        ),
        (None, Some(p)) => (
            p.span,
            p.document,
            say!["the file holds ciphertext and does not parse; sops cannot read it"],
        ),
        (None, None) => return,
    };
    let f = report(s, s.places.span(span, document), message, sink);
    sink.push(f);
}

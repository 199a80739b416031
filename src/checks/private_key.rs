//! Private key material in any text (step 4).

use super::{Sink, repair};
use crate::keys::{self, KeyHit, KeyKind, Strength};
use crate::model::{CheckInfo, Finding, Message, Place, RepoPath, Severity, Span};
use crate::say;
use crate::sops::scope::{LeafAt, walk};
use crate::subject::{Asked, Subject};

/// See `docs/checks/private-key.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "private-key",
    summary: "Private key material",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/private-key.md"),
    softened_in_lenient_places: true,
};

/// How many hits of one file are told.
const MAX_HITS: usize = 200;

pub(super) fn run(s: &Subject<'_>, sink: &mut Sink) {
    if s.hints.key {
        for hit in keys::find(s.text).into_iter().take(MAX_HITS) {
            let place =
                leaf_at(s, &hit).unwrap_or_else(|| s.places.span(Span::from(hit.span.clone()), 0));
            report(s, &hit, place, sink);
        }
    }
    if s.hints.escape {
        escaped(s, sink);
    }
}

/// Keys whose letters are spelled by escapes show only in the parsed value.
fn escaped(s: &Subject<'_>, sink: &mut Sink) {
    for (n, doc) in s.documents().iter().enumerate() {
        let mut visit = |leaf: LeafAt<'_>| {
            let Some(text) = doc.text(leaf.node) else {
                return;
            };
            let raw = s.text.get(doc.node(leaf.node).span.range()).unwrap_or("");
            if !raw.contains('\\')
                || !keys::may_contain_key(text.as_bytes())
                || keys::may_contain_key(raw.as_bytes())
            {
                return;
            }
            for hit in keys::find(text).into_iter().take(MAX_HITS) {
                report(s, &hit, s.places.node(doc, n, leaf.path, leaf.site), sink);
            }
        };
        walk(doc, None, None, &mut visit);
    }
}

/// The leaf that holds the key, so that one leaf has one finding.
fn leaf_at(s: &Subject<'_>, hit: &KeyHit) -> Option<Place> {
    for (n, doc) in s.documents().iter().enumerate() {
        let mut place = None;
        let mut visit = |leaf: LeafAt<'_>| {
            let span = doc.node(leaf.site).span;
            if place.is_none()
                && span.start <= hit.span.start
                && hit.span.end <= span.end
                && !leaf.path.is_empty()
            {
                let mut at = s.places.node(doc, n, leaf.path, leaf.site);
                let own = s.places.span(Span::from(hit.span.clone()), n);
                at.position = own.position;
                at.span = own.span;
                place = Some(at);
            }
        };
        if s.format.is_structured() {
            walk(doc, None, None, &mut visit);
        }
        if place.is_some() {
            return place;
        }
    }
    None
}

/// A key in a file that was read as a stream: it has no place.
pub(super) fn in_large_file(path: &RepoPath, hit: &KeyHit, place: Place, sink: &mut Sink) {
    let finding = finding(
        path,
        hit,
        Place {
            position: None,
            span: None,
            ..place
        },
    );
    sink.push_key(finding, hit.age_recipient.clone());
}

/// A key in the message of a commit or tag.
pub(super) fn in_message(path: &RepoPath, hit: &KeyHit) -> Finding {
    let mut finding = finding(path, hit, Place::default());
    finding.help = say![
        "replace the key: a message is read by everybody who can read the history, and only a rewrite changes it"
    ];
    finding
}

fn report(s: &Subject<'_>, hit: &KeyHit, place: Place, sink: &mut Sink) {
    let mut finding = finding(s.path, hit, place).governed(s.decision.governed_by());
    if is_asked_for(s, hit, &finding) {
        repair::encrypt(s, &mut finding);
        if finding.fix.is_some() {
            finding.help =
                say!["encrypt it before it is committed; if it was pushed, replace the key"];
        }
    }
    sink.push_key(finding, hit.age_recipient.clone());
}

/// Whether a rule is there to have this very key encrypted: the key of a server, in a file that a narrow rule names, or
/// that or a key of SSH in the data of a Secret. What decrypts for somebody belongs in no repository.
fn is_asked_for(s: &Subject<'_>, hit: &KeyHit, finding: &Finding) -> bool {
    // An identity of age or PGP is made to decrypt; a key of SSH can be a recipient, and as a file of its own is taken for one.
    let (alone, in_secret) = match hit.kind {
        KeyKind::Rsa | KeyKind::Ec | KeyKind::Dsa | KeyKind::Pkcs8 => (true, true),
        KeyKind::OpenSsh | KeyKind::Pem(_) => (false, true),
        _ => return false,
    };
    if s.envelope.is_some() || s.decision.rule().is_none() {
        return false;
    }
    let pointer = finding.place.pointer.as_ref().map_or("", |p| p.as_str());
    let in_data = pointer.starts_with("/data/") || pointer.starts_with("/stringData/");
    (alone && s.asked() != Asked::No) || (in_secret && s.hints.secret && in_data)
}

fn finding(path: &RepoPath, hit: &KeyHit, place: Place) -> Finding {
    let kind = Kind(hit.kind);
    let (severity, message): (Severity, Message) = match hit.strength {
        Strength::Open => (
            Severity::Error,
            say!["private key material lies open here: ", kind],
        ),
        Strength::Passphrase => (
            Severity::Warning,
            say!["private key material behind a passphrase: ", kind],
        ),
        Strength::PluginHandle => (
            Severity::Note,
            say!["a handle of a key that lies elsewhere: ", kind],
        ),
    };
    Finding::new(&INFO, path, place, message).at(severity).help(
        "take it out of the repository and replace the key: whoever can read the history has it",
    )
}

struct Kind(keys::KeyKind);

impl crate::model::Shown for Kind {
    fn show(&self, out: &mut String) {
        // Names of a closed list.
        out.push_str(&self.0.to_string());
    }
}

//! Plain once, encrypted later: which leaves of a version stood plain that a later version has encrypted.

use std::collections::HashMap;

use super::values::Value;
use crate::checks;
use crate::model::{Finding, Place, RepoPath, Severity, ValueChanged};
use crate::settings::Policy;
use crate::sops::scope::{LeafAt, walk};
use crate::sops::value::{self, Judged};
use crate::subject::{ConfigSet, Source, Subject, leaves, standing};
use crate::values::{self, ValueClass};

use super::first_look::{Alone, Envelope, key_path};

/// A leaf that leaked.
pub(super) struct LeakedLeaf {
    /// What is told.
    pub(super) finding: Finding,
    /// Its value.
    pub(super) value: Value,
    /// Its key path.
    pub(super) path: u64,
}

/// The leaves of a version that `later` has encrypted, and whether no other in it could be a secret. `found` are the findings that the version has by itself: leaves they
/// speak of leaked whatever their values look like.
pub(super) fn leaves(
    path: &RepoPath,
    bytes: &[u8],
    later: &Envelope,
    found: &[Finding],
    policy: &Policy,
) -> (Vec<LeakedLeaf>, bool) {
    let configs = ConfigSet::default();
    let around = Alone {
        configs: &configs,
        policy,
        prefilter: false,
    };
    let source = Source::new(bytes);
    let s = Subject::new(path, &source, &around);
    if later.opaque {
        return (whole_file(&s, found), true);
    }
    // What says that the file as a whole had to be encrypted, or was.
    let about_file = found.iter().filter(|f| f.place.pointer.is_none());
    let of_file = about_file.map(|f| f.severity).max();
    let with_leaf = found.iter().filter(|f| f.place.pointer.is_some());
    let by_place: HashMap<_, &Finding> = (with_leaf.rev())
        .map(|f| ((f.place.document, f.place.pointer.as_ref()), f))
        .collect();
    let (mut out, mut covers) = (Vec::new(), true);
    for (n, doc) in s.documents().iter().enumerate() {
        let mut visit = |leaf: LeafAt<'_>| {
            let Some(text) = doc.text(leaf.node).filter(|_| !leaf.inert) else {
                return;
            };
            let at = key_path(doc, n, leaf.path);
            if !matches!(value::judge(text), Judged::Plain) {
                return;
            }
            if later.length(at).is_none() {
                let key = leaves::key_of(doc, leaf.path);
                let class = leaves::class_of(doc, key, leaf.node, s.template);
                covers &= class != ValueClass::Literal;
                return;
            }
            let place = s.places.node(doc, n, leaf.path, leaf.site);
            let own = by_place
                .get(&(place.document, place.pointer.as_ref()))
                .copied();
            let severity = match own {
                Some(own) => own.severity,
                None => match severity(&s, doc, &leaf, of_file) {
                    Some(severity) => severity,
                    None => return,
                },
            };
            out.push(LeakedLeaf {
                value: Value::new(decoded(text, &place)),
                finding: checks::leaked_value(path, place, severity),
                path: at,
            });
        };
        walk(doc, None, s.metadata_key(), &mut visit);
    }
    (out, covers)
}

/// How bad a leaf is that no check spoke of; `None` for what gives nothing away.
fn severity(
    s: &Subject<'_>,
    doc: &crate::syntax::Document<'_>,
    leaf: &LeafAt<'_>,
    of_file: Option<Severity>,
) -> Option<Severity> {
    let key = leaves::key_of(doc, leaf.path);
    let class = leaves::class_of(doc, key, leaf.node, s.template);
    // What an envelope leaves readable was meant to be, unless its name says otherwise.
    let meant = s.envelope.is_some() && !values::is_credential_key(key);
    if meant || leaves::names_object(doc, leaf.path) {
        return None;
    }
    match class {
        ValueClass::Literal if of_file.is_some() => of_file,
        ValueClass::Literal if s.softens() => Some(Severity::Warning),
        // A team that encrypts all of a file encrypts names of images, too.
        ValueClass::Literal => {
            let text = doc.text(leaf.node).unwrap_or("");
            let credential = values::is_credential_key(key) || values::has_credential_form(text);
            Some(if credential {
                Severity::Error
            } else {
                Severity::Warning
            })
        }
        ValueClass::Configuration => Some(Severity::Warning),
        _ => None,
    }
}

/// A file that is one value.
fn whole_file(s: &Subject<'_>, found: &[Finding]) -> Vec<LeakedLeaf> {
    let about_file = |f: &&Finding| f.place.pointer.is_none();
    let own = found.iter().find(about_file);
    let gives_nothing_away = s.is_blank()
        || s.is_lfs_pointer()
        || standing::is_sealed_elsewhere(s.text, s.bytes)
        || standing::is_public_material(s.text);
    let severity = match own {
        Some(own) => own.severity,
        None if s.envelope.is_some() || gives_nothing_away => return Vec::new(),
        None if s.softens() => Severity::Warning,
        None => Severity::Error,
    };
    let place = Place {
        document: own.map_or(0, |own| own.place.document),
        ..s.places.file()
    };
    vec![LeakedLeaf {
        finding: checks::leaked_value(s.path, place, severity),
        value: Value::new(s.bytes.to_vec()),
        path: 0,
    }]
}

/// The value behind a text: under `data` of a Secret it is base64.
fn decoded(text: &str, place: &Place) -> Vec<u8> {
    super::values::decoded(text, place.pointer.as_ref().map(|p| p.as_str()))
}

/// What lengths tell, without a key: a ciphertext is as long as its value.
pub(super) fn changed(value: &[u8], now: u32) -> ValueChanged {
    use base64::Engine as _;
    let now = now as usize;
    let text = std::str::from_utf8(value).unwrap_or("");
    let number = text.trim().parse::<f64>().is_ok();
    let boolean = matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "false");
    if number || boolean || text.is_empty() {
        return ValueChanged::Unknown;
    }
    let bare = text.trim_end_matches(['\n', '\r']);
    let mut lengths = vec![value.len(), bare.len()];
    for text in [text, bare] {
        for end in 0..=2 {
            lengths.push(text.len() + end);
            // With a line end in base64, too.
            lengths.push((text.len() + end).div_ceil(3) * 4);
        }
        let unquoted = text.trim_matches(['"', '\'']);
        lengths.push(unquoted.len());
        lengths.push(text.trim().len());
        // Quotes or backslashes may be escaped in one and not in the other.
        let marks = text.bytes().filter(|b| b"\"'\\\n".contains(b)).count();
        lengths.extend((0..=marks).map(|n| text.len() + n));
        let engine = base64::engine::general_purpose::STANDARD;
        if let Ok(inner) = engine.decode(text.trim().as_bytes()) {
            lengths.extend([inner.len(), inner.len().saturating_sub(1)]);
        }
        // Base64 without its padding, and broken into lines.
        lengths.push((text.len() * 4).div_ceil(3));
        let encoded = text.len().div_ceil(3) * 4;
        lengths.extend([encoded + encoded / 64, encoded + encoded / 76]);
        lengths.extend([encoded + encoded / 64 + 1, encoded + encoded / 76 + 1]);
    }
    match lengths.contains(&now) {
        true => ValueChanged::Unknown,
        false => ValueChanged::Likely,
    }
}

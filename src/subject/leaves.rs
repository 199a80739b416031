//! Judging the scalars of a document: what a value is, with base64, nested envelopes and structure taken into account.

use base64::Engine as _;

use crate::sops::{metadata, value};
use crate::syntax::{Document, Format, Kind, NodeId, ProblemKind, ScalarType, parse_values};
use crate::values::{self, InnerLeaf, ValueClass, ValueContext};

/// Class of a scalar node under a key, as step 5c asks: plain text, no base64.
pub fn class_of(doc: &Document<'_>, key: &str, node: NodeId, in_template: bool) -> ValueClass {
    match doc.kind(node) {
        Kind::Scalar(s) if s.ty == ScalarType::Null || s.text.trim().is_empty() => {
            ValueClass::Harmless("empty")
        }
        Kind::Scalar(s) if s.ty == ScalarType::Bool => ValueClass::Harmless("a boolean"),
        Kind::Scalar(s) => class_of_text(key, &s.text, in_template),
        _ => ValueClass::Harmless("no value"),
    }
}

/// Class of a text under a key.
pub fn class_of_text(key: &str, text: &str, in_template: bool) -> ValueClass {
    if is_sound_envelope(text) {
        return ValueClass::Harmless("a SOPS envelope");
    }
    if matches!(value::judge(text), value::Judged::Sound(_)) {
        return ValueClass::Harmless("encrypted");
    }
    values::classify(&ValueContext { key, in_template }, text, &structure)
}

/// Class of a value of a Secret. `raw` is the text as it stands; under `data` it is decoded first.
pub fn class_of_secret(key: &str, raw: &str, base64: bool, in_template: bool) -> ValueClass {
    if raw.trim().is_empty() {
        return ValueClass::Harmless("empty");
    }
    if matches!(value::judge(raw.trim()), value::Judged::Sound(_)) {
        return ValueClass::Harmless("encrypted");
    }
    if !base64 {
        return class_of_text(key, raw, in_template);
    }
    let compact: String = raw.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(compact.as_bytes())
        .ok();
    let text = decoded
        .as_deref()
        .and_then(|d| std::str::from_utf8(d).ok())
        .filter(|t| t.chars().all(|c| !c.is_control() || c.is_whitespace()));
    match (text, decoded.as_deref()) {
        (Some(text), _) if text.trim().is_empty() => ValueClass::Harmless("empty"),
        (Some(text), _) => {
            // A word may be base64 by accident; what it decodes to is then no placeholder, but the word itself is.
            let inner = class_of_text(key, text, in_template);
            if inner == ValueClass::Literal && values::placeholder::is_placeholder(key, raw.trim())
            {
                ValueClass::Placeholder
            } else {
                inner
            }
        }
        // UTF-16 and other texts with a mark, and DER certificates.
        (None, Some(bytes)) => match class_of_text(key, raw, in_template) {
            ValueClass::Placeholder => ValueClass::Placeholder,
            ValueClass::Reference => ValueClass::Reference,
            ValueClass::Substitution => ValueClass::Substitution,
            _ if is_public_der(bytes) => ValueClass::Harmless("a certificate"),
            _ => ValueClass::Literal,
        },
        (None, None) => class_of_text(key, raw, in_template),
    }
}

/// A DER certificate: SEQUENCE of SEQUENCE that begins with an explicit version or a serial number of a certificate.
fn is_public_der(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(&[0x30, 0x82]) else {
        return false;
    };
    rest.len() > 6 && rest[2] == 0x30 && rest[3] == 0x82 && rest[6] == 0xa0
}

/// Whether a text is a sound SOPS envelope by itself: Flux decrypts those inside Secrets.
pub fn is_sound_envelope(text: &str) -> bool {
    if memchr::memmem::find(text.as_bytes(), b"ENC[AES256_GCM,").is_none()
        || memchr::memmem::find(text.as_bytes(), b"sops").is_none()
    {
        return false;
    }
    for format in [Format::Json, Format::Yaml, Format::Dotenv, Format::Ini] {
        let parsed = parse_values(text, format);
        if !parsed.is_whole() {
            continue;
        }
        let Some(doc) = parsed.documents.first() else {
            continue;
        };
        let Some(meta) = metadata::find(doc, format) else {
            continue;
        };
        if !metadata::is_metadata(&meta, format) {
            continue;
        }
        let envelope = metadata::read(&meta, format);
        return envelope.problems.is_empty()
            && envelope.mac_forged.is_none()
            && envelope.mac_surrounded.is_none();
    }
    false
}

/// Inner leaves of a text that is a document of its own: YAML or JSON mapping or list, dotenv, INI.
pub fn structure(text: &str) -> Option<Vec<InnerLeaf>> {
    let trimmed = text.trim_start();
    let json = trimmed.starts_with(['{', '[']);
    if json {
        let parsed = parse_values(text, Format::Json);
        if parsed.is_whole()
            && parsed
                .problems
                .iter()
                .all(|p| p.kind != ProblemKind::TrailingContent)
        {
            return leaves(parsed.documents.first()?);
        }
    }
    let env_like = trimmed
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .all(is_env_line);
    if env_like {
        return leaves(parse_values(text, Format::Dotenv).documents.first()?);
    }
    let ini_like = trimmed
        .lines()
        .map(str::trim)
        .find(|l| !l.is_empty() && !l.starts_with(['#', ';']))
        .is_some_and(|l| l.starts_with('[') && l.ends_with(']'));
    if ini_like {
        let parsed = parse_values(text, Format::Ini);
        if parsed.is_whole() {
            return leaves(parsed.documents.first()?);
        }
    }
    let parsed = parse_values(text, Format::Yaml);
    if !parsed.is_whole() {
        return None;
    }
    let mut all = Vec::new();
    for doc in &parsed.documents {
        let root = doc.root()?;
        if !doc.is_mapping(root) && !doc.is_sequence(root) {
            return None;
        }
        all.extend(leaves(doc)?);
    }
    (!parsed.documents.is_empty()).then_some(all)
}

fn is_env_line(line: &str) -> bool {
    let line = line.strip_prefix("export ").unwrap_or(line);
    line.split_once('=').is_some_and(|(k, _)| {
        !k.is_empty()
            && k.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
    })
}

fn leaves(doc: &Document<'_>) -> Option<Vec<InnerLeaf>> {
    let mut out = Vec::new();
    let mut visit = |leaf: crate::sops::scope::LeafAt<'_>| {
        let Some(s) = doc.scalar(leaf.node) else {
            return;
        };
        if leaf.inert
            || s.ty == ScalarType::Bool
            || matches!(value::judge(&s.text), value::Judged::Sound(_))
        {
            return;
        }
        let key = leaf.path.iter().rev().find_map(|p| match p {
            crate::sops::scope::PathPart::Key(k) => doc.text(*k),
            crate::sops::scope::PathPart::Index(_) => None,
        });
        out.push(InnerLeaf {
            key: key.unwrap_or("").trim_start_matches("export ").to_owned(),
            value: s.text.to_string(),
        });
    };
    let walk = crate::sops::scope::walk(doc, None, None, &mut visit);
    (walk == crate::sops::scope::Walk::Whole).then_some(out)
}

/// The key of a leaf: the nearest mapping key on its path.
pub fn key_of<'d>(doc: &'d Document<'_>, path: &[crate::sops::scope::PathPart]) -> &'d str {
    path.iter()
        .rev()
        .find_map(|p| match p {
            crate::sops::scope::PathPart::Key(k) => doc.text(*k),
            crate::sops::scope::PathPart::Index(_) => None,
        })
        .unwrap_or("")
}

/// Whether a path is that of an object's identity: `apiVersion`, `kind`, `type`, or below `metadata`.
pub fn names_object(doc: &Document<'_>, path: &[crate::sops::scope::PathPart]) -> bool {
    let Some(crate::sops::scope::PathPart::Key(first)) = path.first() else {
        return false;
    };
    let is_object = crate::kube::looks_like_object(doc);
    is_object
        && matches!(
            doc.text(*first),
            Some("apiVersion" | "kind" | "type" | "metadata" | "immutable")
        )
}

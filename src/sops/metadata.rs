//! The metadata block of an encrypted file: reading it, whatever format it stands in, and what is wrong with it.
//!
//! YAML and JSON nest it under `sops`; dotenv flattens it into `sops_…` lines and INI into a section `[sops]`
//! (`stores/flatten.go`: `__map_` joins mapping levels, `__list_N` list levels). All become one [`Meta`] tree, and that
//! an [`Envelope`]. Files of sops 3.3 to 3.13 are read; what only the lenient decoding of 3.13 takes is told.

use std::collections::BTreeMap;

use super::options::{SELECTION_OPTIONS, SelectionOptions};
use super::recipients::{KeyEntry, KeyType};
use super::value::{self, Forgery, Judged};
use crate::model::Span;
use crate::syntax::{Document, Format, Kind, NodeId, ScalarType};

/// A metadata value, whatever format it stands in.
pub enum Meta {
    /// Names and values in order.
    Map(Vec<(String, Meta)>, Span),
    /// A list.
    List(Vec<Meta>, Span),
    /// A scalar.
    Scalar {
        /// Its text, line ends restored.
        text: String,
        /// What it resolves to.
        ty: ScalarType,
        /// Where it stands.
        span: Span,
    },
}

impl Meta {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Map(_, s) | Self::List(_, s) | Self::Scalar { span: s, .. } => *s,
        }
    }

    fn get(&self, key: &str) -> Option<&Meta> {
        match self {
            Self::Map(entries, _) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar { text, ty, .. } if *ty != ScalarType::Null => Some(text),
            _ => None,
        }
    }

    /// The text of a field of a mapping.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    /// The texts of a mapping below a field.
    pub(super) fn texts(&self, name: &str) -> Option<BTreeMap<&str, &str>> {
        match self.get(name)? {
            Self::Map(entries, _) => (entries.iter())
                .map(|(key, value)| Some((key.as_str(), value.text()?)))
                .collect(),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(
            self,
            Self::Scalar {
                ty: ScalarType::Null,
                ..
            }
        )
    }
}

/// What is wrong with metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EnvelopeProblem {
    /// `sops` is no mapping, or holds none of what makes metadata.
    Stub,
    /// No `mac`.
    NoMac,
    /// A `mac` that is no encrypted value.
    BadMac,
    /// No `lastmodified`.
    NoLastModified,
    /// `lastmodified` is no RFC 3339 time.
    BadLastModified,
    /// No `version`, or one that is no version.
    BadVersion,
    /// No recipient at all.
    NoRecipient,
    /// A key entry without its identity.
    NoIdentity,
    /// A key entry whose `enc` is empty or missing.
    EmptyEnc,
    /// A key entry whose `enc` has not the form of its type.
    UnreadableEnc,
    /// `created_at` missing or no time.
    BadCreatedAt,
    /// A threshold below one or above the number of groups.
    BadThreshold,
    /// A key group without keys.
    EmptyGroup,
    /// More than one selection option.
    TwoSelectors,
    /// A list where a list is due is something else.
    WrongShape,
    /// The block stands twice.
    Duplicate,
}

impl EnvelopeProblem {
    /// In words, for a message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stub => "the sops block holds no metadata",
            Self::NoMac => "the metadata has no mac",
            Self::BadMac => "the mac is not an encrypted value",
            Self::NoLastModified => "the metadata has no lastmodified",
            Self::BadLastModified => "lastmodified is not an RFC 3339 time",
            Self::BadVersion => "the metadata has no usable version",
            Self::NoRecipient => "the metadata names no recipient, so nobody can decrypt the file",
            Self::NoIdentity => "a key entry does not say whose it is",
            Self::EmptyEnc => "a key entry has no encrypted data key",
            Self::UnreadableEnc => "the encrypted data key of an entry is malformed",
            Self::BadCreatedAt => "created_at of a key entry is not an RFC 3339 time",
            Self::BadThreshold => "shamir_threshold cannot be met",
            Self::EmptyGroup => "a key group is empty",
            Self::TwoSelectors => "more than one selection option is set",
            Self::WrongShape => "a metadata field has the wrong shape",
            Self::Duplicate => "the metadata stands twice",
        }
    }
}

/// A field that sops does not know: it ignores it, whatever it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// Name of the field.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// Whether it stands inside a key entry.
    pub in_key_entry: bool,
    /// Whether it is long or has several lines.
    pub large: bool,
    /// Whether it is empty.
    pub empty: bool,
    /// Whether its name belongs to old or other versions of sops (`attention`, `unencrypted_suffix` …).
    pub legacy: bool,
}

/// The metadata of one file.
#[derive(Default)]
pub struct Envelope {
    /// Where the block stands.
    pub span: Span,
    /// The options in force, the default included.
    pub options: SelectionOptions,
    /// Whether the options were written, or are the default.
    pub options_written: bool,
    /// Whether the MAC covers encrypted values only.
    pub mac_only_encrypted: bool,
    /// The noted version of sops.
    pub version: Option<String>,
    /// Key groups; one for flat lists.
    pub groups: Vec<Vec<KeyEntry>>,
    /// The noted threshold, 0 when absent.
    pub shamir_threshold: i64,
    /// What is wrong, with places.
    pub problems: Vec<(EnvelopeProblem, Span)>,
    /// What the MAC is, if it cannot be one.
    pub mac_forged: Option<(Forgery, Span)>,
    /// Whether text surrounds the MAC.
    pub mac_surrounded: Option<Span>,
    /// Fields that sops ignores.
    pub unknown: Vec<UnknownField>,
    /// Metadata fields that are encrypted values themselves.
    pub encrypted_fields: Vec<Span>,
    /// Whether some `enc` is longer than 100 characters: only a real one is.
    pub has_long_enc: bool,
}

impl Envelope {
    /// All key entries.
    pub fn entries(&self) -> impl Iterator<Item = &KeyEntry> {
        self.groups.iter().flatten()
    }

    /// Age recipients, for telling which files an identity opens.
    pub fn age_recipients(&self) -> impl Iterator<Item = &str> {
        self.entries()
            .filter(|k| k.kind == KeyType::Age)
            .map(|k| k.identity.as_str())
    }
}

/// The metadata block of a document, if its `sops` is there at all.
pub fn find(doc: &Document<'_>, format: Format) -> Option<Meta> {
    let root = doc.root()?;
    match format {
        Format::Yaml | Format::Json | Format::Binary => doc
            .get_all(root, "sops")
            .next()
            .map(|(_, v)| convert(doc, v, 0)),
        Format::Dotenv => unflatten(doc.entries(root).filter_map(|(k, v)| {
            Some((
                doc.text(k)?.strip_prefix("sops_")?,
                doc.text(v)?,
                doc.node(v).span,
            ))
        })),
        Format::Ini => {
            let section = doc.get(root, "sops")?;
            unflatten(
                doc.entries(section)
                    .filter_map(|(k, v)| Some((doc.text(k)?, doc.text(v)?, doc.node(v).span))),
            )
            .or_else(|| Some(Meta::Map(Vec::new(), doc.node(section).span)))
        }
    }
}

fn convert(doc: &Document<'_>, id: NodeId, depth: usize) -> Meta {
    let span = doc.node(id).span;
    if depth > 8 {
        return Meta::Scalar {
            text: String::new(),
            ty: ScalarType::Null,
            span,
        };
    }
    match doc.kind(id) {
        Kind::Mapping(_) => Meta::Map(
            doc.entries(id)
                .filter_map(|(k, v)| Some((doc.text(k)?.to_owned(), convert(doc, v, depth + 1))))
                .collect(),
            span,
        ),
        Kind::Sequence(_) => Meta::List(
            doc.items(id).map(|v| convert(doc, v, depth + 1)).collect(),
            span,
        ),
        Kind::Scalar(s) => Meta::Scalar {
            text: s.text.to_string(),
            ty: s.ty,
            span,
        },
        Kind::Alias(_) => Meta::Scalar {
            text: String::new(),
            ty: ScalarType::Null,
            span,
        },
    }
}

/// Rebuilds the nested form from flattened names; `None` without any field.
fn unflatten<'a>(fields: impl Iterator<Item = (&'a str, &'a str, Span)>) -> Option<Meta> {
    let mut root = Meta::Map(Vec::new(), Span::default());
    let mut any = false;
    let mut names = std::collections::HashSet::new();
    for (name, text, span) in fields {
        any = true;
        if !names.insert(name) {
            // sops refuses a name twice: kept beside the first, so that it is told.
            let head = name.split("__").next().unwrap_or(name);
            if let Meta::Map(entries, _) = &mut root {
                entries.push((
                    head.to_owned(),
                    Meta::Scalar {
                        ty: ScalarType::Str,
                        text: text.to_owned(),
                        span,
                    },
                ));
            }
            continue;
        }
        let mut at = &mut root;
        let mut rest = name;
        loop {
            // The next separator, whichever comes first.
            let map = rest.find("__map_");
            let list = rest.find("__list_");
            let cut = match (map, list) {
                (Some(m), Some(l)) => Some(m.min(l)),
                (m, l) => m.or(l),
            };
            let head = &rest[..cut.unwrap_or(rest.len())];
            at = child(at, head, span);
            let Some(cut) = cut else { break };
            let tail = &rest[cut..];
            if let Some(next) = tail.strip_prefix("__map_") {
                rest = next;
            } else if let Some(next) = tail.strip_prefix("__list_") {
                let digits =
                    next.len() - next.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                at = item(at, next[..digits].parse().unwrap_or(0), span);
                let next = &next[digits..];
                match next.strip_prefix("__map_") {
                    Some(next) => rest = next,
                    None => break,
                }
            } else {
                break;
            }
        }
        let text = text.replace("\\n", "\n");
        *at = Meta::Scalar {
            ty: ScalarType::Str,
            text,
            span,
        };
    }
    any.then_some(root)
}

fn child<'m>(at: &'m mut Meta, name: &str, span: Span) -> &'m mut Meta {
    if !matches!(at, Meta::Map(..)) {
        *at = Meta::Map(Vec::new(), span);
    }
    match at {
        Meta::Map(entries, _) => {
            let found = entries.iter().position(|(k, _)| k == name);
            let index = found.unwrap_or_else(|| {
                entries.push((
                    name.to_owned(),
                    Meta::Scalar {
                        text: String::new(),
                        ty: ScalarType::Null,
                        span,
                    },
                ));
                entries.len() - 1
            });
            &mut entries[index].1
        }
        other => other,
    }
}

fn item(at: &mut Meta, index: usize, span: Span) -> &mut Meta {
    if !matches!(at, Meta::List(..)) {
        *at = Meta::List(Vec::new(), span);
    }
    match at {
        Meta::List(items, _) => {
            // Indexes come without gaps from sops; a gap is closed, and a wild number cannot allocate.
            let index = index.min(items.len()).min(10_000);
            if index == items.len() {
                items.push(Meta::Scalar {
                    text: String::new(),
                    ty: ScalarType::Null,
                    span,
                });
            }
            &mut items[index]
        }
        other => other,
    }
}

/// Whether this is metadata by content (step 1 of the decision): a `mac` or `lastmodified`, or a key entry with `enc`.
/// In dotenv and INI only the first two count.
pub fn is_metadata(meta: &Meta, format: Format) -> bool {
    let Meta::Map(entries, _) = meta else {
        return false;
    };
    let flat = matches!(format, Format::Dotenv | Format::Ini);
    entries.iter().any(|(k, v)| match k.as_str() {
        "mac" | "lastmodified" => !v.is_null(),
        "key_groups" if !flat => list_of(v).iter().any(|g| match g {
            Meta::Map(lists, _) => lists
                .iter()
                .any(|(k, v)| KeyType::from_metadata_field(k).is_some() && has_enc(v)),
            _ => false,
        }),
        name if !flat => KeyType::from_metadata_field(name).is_some() && has_enc(v),
        _ => false,
    })
}

fn has_enc(v: &Meta) -> bool {
    list_of(v)
        .iter()
        .any(|e| e.get("enc").is_some_and(|e| !e.is_null()))
}

fn list_of(v: &Meta) -> &[Meta] {
    match v {
        Meta::List(items, _) => items,
        _ => &[],
    }
}

/// A key entry as it stands.
pub(super) type RawKey<'m> = (KeyType, &'m Meta);

/// The key entries by group, and the noted threshold. Flat lists are one group, and groups beside them are ignored.
pub(super) fn key_groups(meta: &Meta) -> (Vec<Vec<RawKey<'_>>>, Option<usize>) {
    let flat = of_known_types(meta);
    let groups = match flat.is_empty() {
        false => vec![flat],
        true => (meta.get("key_groups").map_or(&[][..], list_of).iter())
            .map(of_known_types)
            .collect(),
    };
    let threshold = meta.field("shamir_threshold");
    (groups, threshold.and_then(|text| text.parse().ok()))
}

fn of_known_types(of: &Meta) -> Vec<RawKey<'_>> {
    let Meta::Map(lists, _) = of else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for (name, list) in lists {
        if let Some(kind) = KeyType::from_metadata_field(name) {
            let maps = list_of(list).iter().filter(|e| matches!(e, Meta::Map(..)));
            out.extend(maps.map(|entry| (kind, entry)));
        }
    }
    out
}

/// Reads an envelope and notes everything that is wrong with it.
pub fn read(meta: &Meta, format: Format) -> Envelope {
    let mut e = Envelope {
        span: meta.span(),
        ..Envelope::default()
    };
    let Meta::Map(fields, whole) = meta else {
        e.problems.push((EnvelopeProblem::Stub, meta.span()));
        return e;
    };
    // dotenv and INI have no block: the first field is the best place to point at.
    let whole = if whole.end == 0 {
        fields.first().map_or(*whole, |(_, v)| v.span())
    } else {
        *whole
    };
    e.span = whole;
    let mut flat: Vec<KeyEntry> = Vec::new();
    let mut any_flat = false;
    let mut has_mac = false;
    let mut has_modified = false;
    let mut seen: Vec<&str> = Vec::new();
    for (name, v) in fields {
        if let Some(text) = v.text()
            && name != "mac"
            && value::looks_encrypted(text)
        {
            e.encrypted_fields.push(v.span());
        }
        if seen.contains(&name.as_str()) {
            e.problems.push((EnvelopeProblem::Duplicate, v.span()));
            continue;
        }
        seen.push(name);
        match name.as_str() {
            "mac" => match v.text() {
                Some(text) if !text.is_empty() => {
                    has_mac = true;
                    match value::judge_mac(text) {
                        Judged::Sound(_) => {}
                        Judged::Surrounded => e.mac_surrounded = Some(v.span()),
                        Judged::Forged(f) => e.mac_forged = Some((f, v.span())),
                        Judged::Plain => e.problems.push((EnvelopeProblem::BadMac, v.span())),
                    }
                }
                _ => {}
            },
            "lastmodified" => match v.text() {
                Some(text) if !text.is_empty() => {
                    has_modified = true;
                    if !is_rfc3339(text) && !value::looks_encrypted(text) {
                        e.problems
                            .push((EnvelopeProblem::BadLastModified, v.span()));
                    }
                }
                _ => {}
            },
            "version" => e.version = v.text().filter(|t| !t.is_empty()).map(str::to_owned),
            "shamir_threshold" => {
                if !v.is_null() {
                    match v.text().and_then(|t| t.parse().ok()) {
                        Some(n) => e.shamir_threshold = n,
                        None => e.problems.push((EnvelopeProblem::BadThreshold, v.span())),
                    }
                }
            }
            "mac_only_encrypted" => e.mac_only_encrypted = v.text() == Some("true"),
            "key_groups" => read_groups(&mut e, v, format),
            name if SELECTION_OPTIONS.contains(&name) => {
                if let Some(text) = v.text() {
                    e.options.set(name, text, v.span());
                }
            }
            name => match KeyType::from_metadata_field(name) {
                Some(kind) => {
                    let list = key_list(&mut e, v, format);
                    any_flat |= !list.is_empty();
                    for entry in list {
                        flat.extend(read_key(&mut e, kind, entry));
                    }
                }
                None => unknown_field(&mut e, name, v, false),
            },
        }
    }
    if !has_mac {
        e.problems.push((EnvelopeProblem::NoMac, whole));
    }
    if !has_modified {
        e.problems.push((EnvelopeProblem::NoLastModified, whole));
    }
    if e.version.as_deref().is_none_or(|v| !is_version(v)) && e.encrypted_fields.is_empty() {
        e.problems.push((EnvelopeProblem::BadVersion, whole));
    }
    if any_flat {
        // sops: if any flat list has a key, key_groups is ignored.
        e.groups = vec![flat];
    }
    if e.groups.iter().all(Vec::is_empty) {
        e.problems.push((EnvelopeProblem::NoRecipient, whole));
    } else if e.groups.iter().any(Vec::is_empty) {
        e.problems.push((EnvelopeProblem::EmptyGroup, whole));
    }
    let groups = i64::try_from(e.groups.len()).unwrap_or(i64::MAX);
    if e.shamir_threshold < 0 || (groups > 0 && e.shamir_threshold > groups) {
        e.problems.push((EnvelopeProblem::BadThreshold, whole));
    }
    if e.options.count() > 1 {
        e.problems.push((EnvelopeProblem::TwoSelectors, whole));
    }
    e.options_written = e.options.count() > 0;
    e.options = std::mem::take(&mut e.options);
    if format != Format::Binary {
        e.options = std::mem::take(&mut e.options).with_default();
    }
    e
}

/// Items of a key list. 3.13 also takes a single mapping, older versions do not.
fn key_list<'m>(e: &mut Envelope, v: &'m Meta, _format: Format) -> &'m [Meta] {
    match v {
        Meta::List(items, _) => items,
        Meta::Map(_, span) => {
            e.problems.push((EnvelopeProblem::WrongShape, *span));
            std::slice::from_ref(v)
        }
        Meta::Scalar {
            ty: ScalarType::Null,
            ..
        } => &[],
        Meta::Scalar { text, span, .. } => {
            // `age: []` in dotenv and INI never occurs, yet an empty text says the same.
            if !text.is_empty() && text != "[]" && text != "null" {
                e.problems.push((EnvelopeProblem::WrongShape, *span));
            }
            &[]
        }
    }
}

fn read_groups(e: &mut Envelope, v: &Meta, format: Format) {
    let Meta::List(groups, _) = v else {
        if !v.is_null() {
            e.problems.push((EnvelopeProblem::WrongShape, v.span()));
        }
        return;
    };
    for group in groups {
        let Meta::Map(lists, _) = group else {
            e.problems.push((EnvelopeProblem::WrongShape, group.span()));
            continue;
        };
        let mut keys = Vec::new();
        for (name, list) in lists {
            match KeyType::from_metadata_field(name) {
                Some(kind) => {
                    for entry in key_list(e, list, format) {
                        keys.extend(read_key(e, kind, entry));
                    }
                }
                None => unknown_field(e, name, list, true),
            }
        }
        e.groups.push(keys);
    }
}

fn read_key(e: &mut Envelope, kind: KeyType, entry: &Meta) -> Option<KeyEntry> {
    let Meta::Map(fields, span) = entry else {
        e.problems.push((EnvelopeProblem::WrongShape, entry.span()));
        return None;
    };
    let span = if span.end == 0 {
        fields.first().map_or(*span, |(_, v)| v.span())
    } else {
        *span
    };
    let field = |name: &str| entry.get(name).and_then(Meta::text).unwrap_or("");
    for (name, v) in fields {
        if let Some(text) = v.text()
            && value::looks_encrypted(text)
        {
            e.encrypted_fields.push(v.span());
        }
        if !kind.metadata_fields().contains(&name.as_str()) {
            unknown_field(e, name, v, true);
        }
    }
    let identity = kind.identity(
        &field,
        entry
            .get("context")
            .map(context)
            .unwrap_or_default()
            .as_str(),
    );
    if identity.is_empty() {
        e.problems.push((EnvelopeProblem::NoIdentity, span));
    }
    let enc = field("enc");
    e.has_long_enc |= enc.len() > 100;
    if enc.trim().is_empty() {
        e.problems.push((EnvelopeProblem::EmptyEnc, span));
    } else if !kind.enc_fits(enc) && !value::looks_encrypted(enc) {
        e.problems.push((EnvelopeProblem::UnreadableEnc, span));
    }
    if kind.has_created_at()
        && !is_rfc3339(field("created_at"))
        && !value::looks_encrypted(field("created_at"))
    {
        e.problems.push((EnvelopeProblem::BadCreatedAt, span));
    }
    Some(KeyEntry { kind, identity })
}

/// A KMS encryption context as sops compares it: sorted `k:v`, joined by commas.
fn context(v: &Meta) -> String {
    let Meta::Map(entries, _) = v else {
        return String::new();
    };
    let mut parts: Vec<String> = entries
        .iter()
        .map(|(k, v)| format!("{k}:{}", v.text().unwrap_or("")))
        .collect();
    parts.sort_unstable();
    parts.join(",")
}

/// Fields that versions of sops before 3.0 wrote.
const LEGACY_FIELDS: [&str; 1] = ["attention"];

fn unknown_field(e: &mut Envelope, name: &str, v: &Meta, in_key_entry: bool) {
    let (large, empty) = match v {
        Meta::Scalar { text, ty, .. } => (
            text.len() > 60 || text.trim_end().contains('\n'),
            *ty == ScalarType::Null || text.trim().is_empty(),
        ),
        Meta::Map(m, _) => (!m.is_empty(), m.is_empty()),
        Meta::List(l, _) => (!l.is_empty(), l.is_empty()),
    };
    let legacy = LEGACY_FIELDS.contains(&name);
    e.unknown.push(UnknownField {
        name: name.to_owned(),
        span: v.span(),
        in_key_entry,
        large,
        empty,
        legacy,
    });
}

/// RFC 3339 as Go's `time.Parse` takes it: capital T and Z, an offset, a fraction; hours may have one digit.
pub fn is_rfc3339(text: &str) -> bool {
    let Some((date, rest)) = text.split_once('T') else {
        return false;
    };
    let d: Vec<&str> = date.split('-').collect();
    let number = |s: &str, len: usize, least: u32, most: u32| {
        s.len() == len
            && s.bytes().all(|b| b.is_ascii_digit())
            && s.parse::<u32>().is_ok_and(|n| (least..=most).contains(&n))
    };
    if d.len() != 3
        || !number(d[0], 4, 0, 9999)
        || !number(d[1], 2, 1, 12)
        || !number(d[2], 2, 1, 31)
    {
        return false;
    }
    let Some(cut) = rest.find(['Z', '+', '-']) else {
        return false;
    };
    let (clock, zone) = rest.split_at(cut);
    let zone_fits = zone == "Z"
        || (zone.len() == 6
            && zone.as_bytes()[3] == b':'
            && number(&zone[1..3], 2, 0, 24)
            && number(&zone[4..6], 2, 0, 60));
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let c: Vec<&str> = clock.split(':').collect();
    zone_fits
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit())
        && c.len() == 3
        && (number(c[0], 2, 0, 23) || number(c[0], 1, 0, 9))
        && number(c[1], 2, 0, 59)
        && number(c[2], 2, 0, 59)
}

/// A version sops can compare: digits and dots, perhaps a `v` before and a suffix behind.
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let core = text.split(['-', '+']).next().unwrap_or("");
    let parts: Vec<&str> = core.split('.').collect();
    // 1.x files have two-part versions that sops lets through.
    let enough = parts.len() == 3 || text.starts_with("1.");
    enough
        && parts
            .iter()
            .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_go_does() {
        for good in [
            "2026-05-04T09:12:33Z",
            "2023-02-11T10:22:03+01:00",
            "2023-02-11T1:22:03Z",
            "2023-02-11T10:22:03.123Z",
        ] {
            assert!(is_rfc3339(good), "{good}");
        }
        for bad in [
            "",
            "yesterday",
            "2026-05-04 09:12:33Z",
            "2026-05-04t09:12:33z",
            "2026-13-04T09:12:33Z",
            "2026-05-04T09:12:33",
        ] {
            assert!(!is_rfc3339(bad), "{bad}");
        }
    }

    #[test]
    fn versions_are_told_from_words() {
        for good in ["3.13.3", "v3.7.0", "3.7.1-rc.1", "1.2"] {
            assert!(is_version(good), "{good}");
        }
        for bad in ["", "3.8", "new", "3.x.1"] {
            assert!(!is_version(bad), "{bad}");
        }
    }

    #[test]
    fn flattened_names_become_the_nested_form() {
        let text = "A=x\nsops_age__list_0__map_enc=E\nsops_age__list_0__map_recipient=age1x\nsops_kms__list_0__map_context__map_App=y\nsops_mac=m\n";
        let p = crate::syntax::parse(text, Format::Dotenv);
        let meta = find(&p.documents[0], Format::Dotenv).unwrap();
        assert!(is_metadata(&meta, Format::Dotenv));
        let e = read(&meta, Format::Dotenv);
        assert_eq!(e.groups[0].len(), 2);
        assert_eq!(e.age_recipients().next(), Some("age1x"));
    }

    #[test]
    fn a_sops_key_without_substance_is_data() {
        for text in [
            "sops: {}\n",
            "sops:\n  version: 3\n",
            "sops: yes\n",
            "sops: [a]\n",
        ] {
            let p = crate::syntax::parse(text, Format::Yaml);
            let meta = find(&p.documents[0], Format::Yaml).unwrap();
            assert!(!is_metadata(&meta, Format::Yaml), "{text}");
        }
    }
}

//! What sops cannot keep, found before it is asked: it reads a document into values and writes those, so that a number
//! beyond its types, a tag or a key that is no text comes back as something else, or not at all.
//!
//! What comes back equal but spelled otherwise (`0x1F`, `1.10`, a date) is counted and told. `docs/fix.md` has the table,
//! which was made by asking sops 3.13.3.

use super::number::{self, Number};
use crate::model::{Message, Pointer, SafeKey};
use crate::say;
use crate::syntax::{
    Child, Document, Format, Kind, NodeId, Parsed, Scalar, ScalarStyle, ScalarType,
};

/// How many values sops spells in another way, or why it must not have the file.
pub(super) fn respelled(
    parsed: &Parsed<'_>,
    text: &str,
    format: Format,
    encrypted: bool,
) -> Result<usize, Message> {
    if !matches!(format, Format::Yaml | Format::Json) {
        return Ok(0);
    }
    let mut count = 0;
    for doc in &parsed.documents {
        let Some(root) = doc.root() else { continue };
        let mut todo: Vec<(NodeId, Pointer)> = vec![(root, Pointer::default())];
        while let Some((id, at)) = todo.pop() {
            if doc.foreign_tags.binary_search(&id).is_ok() {
                return Err(say![
                    "sops would drop the tag of ",
                    at,
                    ": such values cannot be kept in an encrypted file"
                ]);
            }
            match &doc.node(id).kind {
                Kind::Alias(_) => {}
                Kind::Scalar(scalar) => {
                    let raw = doc.node(id).span;
                    let raw = text.get(raw.start..raw.end).unwrap_or("");
                    count += usize::from(value(scalar, raw, format, &at)?);
                }
                Kind::Mapping(_) => {
                    for (key, value) in doc.entries(id) {
                        if encrypted && id == root && doc.text(key) == Some("sops") {
                            continue;
                        }
                        self::key(doc, key, format, &at)?;
                        let mut next = at.clone();
                        next.push(&SafeKey::new(doc.text(key).unwrap_or("")));
                        todo.push((value, next));
                    }
                }
                Kind::Sequence(children) => {
                    let items = children.iter().filter_map(|child| match child {
                        Child::Item(id) => Some(*id),
                        _ => None,
                    });
                    for (i, item) in items.enumerate() {
                        let mut next = at.clone();
                        next.push(&SafeKey::index(i));
                        todo.push((item, next));
                    }
                }
            }
        }
    }
    Ok(count)
}

fn key(doc: &Document<'_>, key: NodeId, format: Format, at: &Pointer) -> Result<(), Message> {
    let name = doc.scalar(doc.resolve(key));
    let Some(name) = name.filter(|_| doc.foreign_tags.binary_search(&key).is_err()) else {
        return Err(say![
            "in ",
            at,
            " a key is no plain text: sops refuses it, or reads it as another one"
        ]);
    };
    let merge = name.text == "<<";
    let plain = name.style == ScalarStyle::Plain;
    if format == Format::Yaml && merge != plain && merge {
        return Err(say![
            "in ",
            at,
            " a key is \"<<\" in quotes: sops would write it as a merge"
        ]);
    }
    match name.ty {
        ScalarType::Str => Ok(()),
        _ if merge => Ok(()),
        _ => Err(say![
            "in ",
            at,
            " a key is no text, which sops refuses: put it in quotes"
        ]),
    }
}

fn value(scalar: &Scalar<'_>, raw: &str, format: Format, at: &Pointer) -> Result<bool, Message> {
    match scalar.ty {
        ScalarType::Binary => Err(say![
            "sops would write ",
            at,
            " without its tag !!binary: take the tag away, so that the base64 is kept as text"
        ]),
        ScalarType::Int | ScalarType::Float => {
            let number = number::read(&scalar.text);
            match number.filter(|n| n.is_kept()) {
                Some(n) => Ok(!n.is_spelled_as_sops(&scalar.text, format)),
                None => Err(say![
                    "sops would write ",
                    at,
                    " as another number: put it in quotes"
                ]),
            }
        }
        ScalarType::Time => match number::instant(&scalar.text) {
            Some((_, fraction)) if fraction.len() > 9 => Err(say![
                "sops would cut ",
                at,
                " to billionths of a second: put it in quotes"
            ]),
            Some(_) => Ok(!(scalar.text.contains('T') && scalar.text.len() >= 20)),
            None => Ok(false),
        },
        ScalarType::Bool => Ok(!matches!(&*scalar.text, "true" | "false")),
        ScalarType::Str
            if format == Format::Json
                && scalar.text.contains('\u{fffd}')
                && raw.to_ascii_lowercase().contains("\\ud") =>
        {
            Err(say![
                "half of a surrogate pair stands in ",
                at,
                ": sops would write another character"
            ])
        }
        ScalarType::Str if format == Format::Yaml && scalar.text == "<<" => {
            Err(say!["sops would write ", at, " as a merge key"])
        }
        // A number that no type of Go holds.
        ScalarType::Str if format == Format::Json && scalar.style == ScalarStyle::Plain => {
            Err(say![
                "sops would write ",
                at,
                " as another number: put it in quotes"
            ])
        }
        ScalarType::Str | ScalarType::Null => Ok(false),
    }
}

/// Numbers are compared as [`Number`]s.
pub(super) fn same_number(one: &Scalar<'_>, other: &Scalar<'_>) -> bool {
    let read = |s: &Scalar<'_>| number::read(&s.text);
    one.text == other.text
        || match (read(one), read(other)) {
            (Some(a), Some(b)) => Number::same(&a, &b),
            _ => false,
        }
}

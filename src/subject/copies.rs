//! Comparing a plaintext file with an encrypted one: do the same key paths stand plain in it (step 7)?

use std::collections::HashMap;

use super::{Subject, format_meant, leaves};
use crate::model::Place;
use crate::sops::metadata;
use crate::sops::scope::{LeafAt, PathPart, walk};
use crate::sops::value::{self, Judged};
use crate::syntax::{Document, Format, decode, parse_values};
use crate::values::ValueClass;

/// The encrypted leaves of a file: key path to length of the ciphertext.
pub struct EncryptedLeaves {
    leaves: HashMap<String, usize>,
    format: Format,
}

/// What of an encrypted file stands plain in another.
pub struct Copy {
    /// The first such leaf.
    pub place: Place,
    /// How many.
    pub count: usize,
    /// Whether one of them is a value that nobody could call harmless.
    literal: bool,
    /// Whether one of them is a value at all.
    soft: bool,
}

impl EncryptedLeaves {
    /// Reads a file, if it carries metadata and encrypted leaves.
    pub fn read(bytes: &[u8], name: &str) -> Option<Self> {
        let decoded = decode(bytes);
        let text: &str = &decoded.text;
        memchr::memmem::find(text.as_bytes(), b"ENC[AES256_GCM,")?;
        let own = format_meant(name);
        let by_content = if text.trim_start().starts_with('{') {
            Format::Json
        } else {
            Format::Yaml
        };
        for format in [own, by_content, Format::Dotenv, Format::Ini] {
            if format == Format::Binary {
                continue;
            }
            let parsed = parse_values(text, format);
            let carries = parsed.documents.iter().any(|d| {
                metadata::find(d, format).is_some_and(|m| metadata::is_metadata(&m, format))
            });
            if !carries {
                continue;
            }
            let mut leaves = HashMap::new();
            for (n, doc) in parsed.documents.iter().enumerate() {
                let skip = (format != Format::Dotenv).then_some("sops");
                let mut visit = |leaf: LeafAt<'_>| {
                    if let Some(Judged::Sound(v)) = doc.text(leaf.node).map(value::judge) {
                        let path = key_path(doc, n, leaf.path);
                        if !(format == Format::Dotenv && path.starts_with("0/sops_")) {
                            leaves.insert(path, v.data_len);
                        }
                    }
                };
                walk(doc, None, skip, &mut visit);
            }
            return (!leaves.is_empty()).then_some(Self { leaves, format });
        }
        None
    }

    /// How many leaves.
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// Length of the binary store's single leaf, where this is one.
    pub fn whole_file(&self) -> Option<usize> {
        (self.format == Format::Json && self.leaves.len() == 1)
            .then(|| self.leaves.get("0/data").copied())
            .flatten()
    }
}

fn key_path(doc: &Document<'_>, document: usize, path: &[PathPart]) -> String {
    let mut out = document.to_string();
    for part in path {
        out.push('/');
        match part {
            PathPart::Key(k) => out.push_str(doc.text(*k).unwrap_or("")),
            PathPart::Index(i) => out.push_str(&i.to_string()),
        }
    }
    out
}

/// Leaves that were encrypted and now stand plain and non-empty.
pub fn plain_at(s: &Subject<'_>, leaves: &EncryptedLeaves) -> Option<(Place, usize)> {
    compare(s, leaves, |_, _| true)
        .filter(|c| c.literal || c.soft)
        .map(|c| (c.place, c.count))
}

/// A copy: at least half of the encrypted leaves stand plain, with lengths that fit.
pub fn matching(s: &Subject<'_>, leaves: &EncryptedLeaves) -> Option<Copy> {
    compare(s, leaves, |text, len| text.len() == len)
        .filter(|c| c.literal && c.count * 2 >= leaves.len())
}

fn compare(
    s: &Subject<'_>,
    leaves: &EncryptedLeaves,
    fits: impl Fn(&str, usize) -> bool,
) -> Option<Copy> {
    if let Some(len) = leaves.whole_file() {
        let plain = !s.text.trim().is_empty() && fits(s.text, len);
        return plain.then(|| Copy {
            place: s.places.file(),
            count: 1,
            literal: true,
            soft: true,
        });
    }
    // The subject may have been judged in another format than the encrypted file.
    let format = if s.format == Format::Binary {
        leaves.format
    } else {
        s.format
    };
    let parsed = parse_values(s.text, format);
    let mut first = None;
    let mut count = 0;
    let (mut literal, mut soft) = (false, false);
    for (n, doc) in parsed.documents.iter().enumerate() {
        let mut visit = |leaf: LeafAt<'_>| {
            let Some(text) = doc.text(leaf.node).filter(|_| !leaf.inert) else {
                return;
            };
            let Some(len) = leaves.leaves.get(&key_path(doc, n, leaf.path)) else {
                return;
            };
            if matches!(value::judge(text), Judged::Plain) && fits(text, *len) {
                // What merely names the object, or is filled in from elsewhere, gives nothing away.
                let key = leaves::key_of(doc, leaf.path);
                let class = leaves::class_of(doc, key, leaf.node, false);
                let base64 = leaves::class_of_secret(key, text, true, false);
                let kubernetes = super::leaves::names_object(doc, leaf.path);
                match class {
                    ValueClass::Reference | ValueClass::Substitution => return,
                    _ if matches!(base64, ValueClass::Reference | ValueClass::Substitution) => {
                        return;
                    }
                    ValueClass::Literal | ValueClass::Configuration if !kubernetes => {
                        literal = true
                    }
                    ValueClass::Harmless(_) | ValueClass::Placeholder if !kubernetes => soft = true,
                    _ => {}
                }
                count += 1;
                if first.is_none() {
                    let mut place = s.places.node(doc, n, leaf.path, leaf.site);
                    place.pointer = None;
                    first = Some(place);
                }
            }
        };
        walk(doc, None, None, &mut visit);
    }
    first.map(|place| Copy {
        place,
        count,
        literal,
        soft,
    })
}

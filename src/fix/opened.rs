//! The plaintext of a file that is encrypted in part, in memory: each ciphertext replaced where it stands by what sops made of
//! it, the metadata cut out. Comments, order and everything plain stay as they are.
//!
//! What is handed to sops is a copy that was written anew (`sops/sealed.rs`), and each value is authenticated by its keys.
//! The MAC of the file is not asked: with plain values in it, it does not hold.

use std::ops::Range;

use zeroize::{Zeroize, Zeroizing};

use super::seal::Failed;
use super::{Flaw, tree};
use crate::decrypt::{Plain, Sops, Why};
use crate::model::Span;
use crate::sops::metadata;
use crate::sops::scope::{self, CommentAt, LeafAt, PathPart, Visitor};
use crate::sops::sealed::{Allowed, Refusal, Sealed, SealedLeaf};
use crate::sops::value::{self, EncType, Judged};
use crate::syntax::{Document, Format, NodeId, decode, parse};

/// A ciphertext in the text.
struct Place {
    span: Span,
    ty: EncType,
    comment: bool,
}

struct Finder<'d, 't> {
    doc: &'d Document<'t>,
    format: Format,
    leaves: &'d mut Vec<SealedLeaf>,
    places: &'d mut Vec<Place>,
}

impl Finder<'_, '_> {
    fn keys(&self, path: &[PathPart]) -> Vec<String> {
        let key = |part: &PathPart| match part {
            PathPart::Key(k) => self.doc.text(*k).map(str::to_owned),
            PathPart::Index(_) => None,
        };
        path.iter().filter_map(key).collect()
    }

    fn add(&mut self, path: &[PathPart], text: &str, span: Span, comment: bool) {
        let Judged::Sound(v) = value::judge(text.trim()) else {
            return;
        };
        let mut keys = self.keys(path);
        if keys.is_empty() {
            // What stands above all keys is authenticated by none, as an empty key would.
            keys.push(String::new());
        }
        let comment = comment || v.ty == EncType::Comment;
        // The type is no part of what is authenticated, and a comment would get lost in a document without comments.
        let text = match comment {
            true => text.trim().replace(",type:comment]", ",type:str]"),
            false => text.trim().to_owned(),
        };
        self.leaves.push(SealedLeaf { keys, text });
        self.places.push(Place {
            span,
            ty: v.ty,
            comment,
        });
    }
}

impl<'t> Visitor<'t> for Finder<'_, 't> {
    fn leaf(&mut self, leaf: LeafAt<'_>) {
        let of_sops = self.format == Format::Dotenv
            && matches!(leaf.path, [PathPart::Key(k)] if self.doc.text(*k).is_some_and(|k| k.starts_with("sops_")));
        if let (Some(text), false) = (self.doc.text(leaf.node), of_sops) {
            let text = text.to_owned();
            self.add(leaf.path, &text, self.doc.node(leaf.node).span, false);
        }
    }

    fn comment(&mut self, comment: CommentAt<'_, 't>) {
        let text = comment.comment.text.to_string();
        self.add(comment.path, &text, comment.comment.span, true);
    }
}

/// Opens a file.
pub(super) fn open(
    sops: &Sops,
    bytes: &[u8],
    format: Format,
    allowed: &Allowed,
) -> Result<Plain, Failed> {
    let decoded = decode(bytes);
    let text: &str = &decoded.text;
    let inner = tree::inner(format);
    let parsed = parse(text, inner);
    if decoded.lossy || !parsed.is_whole() || !parsed.problems.is_empty() {
        return Err(Flaw::Unreadable.into());
    }
    let first = parsed.documents.first().ok_or(Flaw::Unreadable)?;
    let meta = metadata::find(first, inner).ok_or(Flaw::NoMetadata)?;
    if format == Format::Binary {
        return opaque(first);
    }
    let (mut leaves, mut places) = (Vec::new(), Vec::new());
    let skip = (format != Format::Dotenv).then_some("sops");
    for doc in &parsed.documents {
        let mut finder = Finder {
            doc,
            format,
            leaves: &mut leaves,
            places: &mut places,
        };
        scope::walk(doc, None, skip, &mut finder);
    }
    let values = match leaves.is_empty() {
        true => Vec::new(),
        false => ask(sops, &meta, leaves, allowed)?,
    };
    let mut edits: Vec<(Range<usize>, Zeroizing<String>)> = Vec::new();
    for (place, value) in places.iter().zip(&values) {
        let value = value.as_ref().ok_or(Failed::NoKey)?;
        edits.push(written(place, value, text, format)?);
    }
    for doc in &parsed.documents {
        edits.extend(metadata_edits(doc, text, format).map(|range| (range, Zeroizing::default())));
    }
    let plain = spliced(text, edits)?;
    // What was put in must stand there as a value, and nothing else may have moved.
    let whole = std::str::from_utf8(plain.bytes()).map_err(|_| Flaw::OtherTree)?;
    let again = tree::read(whole, format);
    let left = again
        .documents
        .iter()
        .any(|doc| metadata::find(doc, format).is_some());
    if !again.is_whole()
        || left
        || memchr::memmem::find(plain.bytes(), b"ENC[AES256_GCM,").is_some()
    {
        return Err(Flaw::OtherTree.into());
    }
    tree::same_shape(text, whole, format)?;
    Ok(plain)
}

fn ask(
    sops: &Sops,
    meta: &metadata::Meta,
    leaves: Vec<SealedLeaf>,
    allowed: &Allowed,
) -> Result<Vec<Option<Plain>>, Failed> {
    let sealed = Sealed::new(meta, leaves, false, allowed).map_err(|why| match why {
        Refusal::Services(_) | Refusal::Plugins => Failed::NotAllowed,
        Refusal::NoValues | Refusal::NoKeys => Failed::NoKey,
    })?;
    sops.open(&sealed).map_err(|why| match why {
        Why::NoKey => Failed::NoKey,
        Why::Plugin => Failed::NotAllowed,
        Why::Tampered => Failed::Tampered,
        Why::TimedOut => Failed::TimedOut,
        Why::CannotStart => Failed::CannotStart,
        Why::Answer | Why::Failed => Failed::Other,
    })
}

/// An opaque file whose one value is plain.
fn opaque(doc: &Document<'_>) -> Result<Plain, Failed> {
    let data = doc.root().and_then(|root| doc.get(root, "data"));
    let text = data.and_then(|d| doc.text(d)).ok_or(Flaw::OtherTree)?;
    match value::looks_encrypted(text) {
        true => Err(Flaw::OtherTree.into()),
        false => Ok(Plain::new(text.as_bytes().to_vec())),
    }
}

/// How a value is written in its place.
fn written(
    place: &Place,
    value: &Plain,
    text: &str,
    format: Format,
) -> Result<(Range<usize>, Zeroizing<String>), Failed> {
    let plain = std::str::from_utf8(value.bytes()).map_err(|_| Failed::Recipient)?;
    let range = place.span.start..place.span.end;
    if place.comment {
        return comment(place, plain, text, format);
    }
    let out = match (format, place.ty) {
        (Format::Yaml | Format::Json, EncType::Str) => quoted(plain),
        (Format::Yaml | Format::Json, EncType::Bool) => Zeroizing::new(plain.to_ascii_lowercase()),
        (Format::Dotenv, _) => Zeroizing::new(plain.replace('\n', "\\n")),
        (Format::Ini, _) if plain.contains(['\n', '\r', '`']) => return Err(Flaw::OtherTree.into()),
        (Format::Ini, _)
            if plain.contains(['#', ';', '"', '\'', '\\']) || plain.trim() != plain =>
        {
            Zeroizing::new(format!("`{plain}`"))
        }
        _ => Zeroizing::new(plain.to_owned()),
    };
    Ok((range, out))
}

fn comment(
    place: &Place,
    plain: &str,
    text: &str,
    format: Format,
) -> Result<(Range<usize>, Zeroizing<String>), Failed> {
    let mut start = place.span.start;
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let mark = text[start..].chars().next();
    let mark = match mark {
        Some(c @ ('#' | ';')) => c,
        // A comment of a list is an item: its dash goes.
        _ if format == Format::Yaml => {
            let head = text[line..start].trim_end_matches(['"', '\'', ' ']);
            start = line + head.strip_suffix('-').ok_or(Flaw::OtherTree)?.len();
            '#'
        }
        _ => return Err(Flaw::OtherTree.into()),
    };
    let indent = &text[line..start];
    let own_line = indent.trim().is_empty();
    if !own_line && plain.contains('\n') {
        return Err(Flaw::OtherTree.into());
    }
    let mut out = Zeroizing::new(String::with_capacity(plain.len() * 2));
    for (i, part) in plain.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
            out.push_str(indent);
        }
        out.push(mark);
        out.push_str(part);
    }
    Ok((start..place.span.end, out))
}

/// In double quotes, which YAML and JSON read alike if what either would fold or refuse is escaped.
fn quoted(plain: &str) -> Zeroizing<String> {
    use std::fmt::Write as _;
    let mut out = Zeroizing::new(String::with_capacity(plain.len() * 6 + 2));
    out.push('"');
    for c in plain.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if (c as u32) < 0x20
                || matches!(c as u32, 0x7f..=0x9f | 0x2028 | 0x2029 | 0xfeff) =>
            {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What of the text is metadata.
fn metadata_edits(
    doc: &Document<'_>,
    text: &str,
    format: Format,
) -> impl Iterator<Item = Range<usize>> {
    let mut out = Vec::new();
    let Some(root) = doc.root() else {
        return out.into_iter();
    };
    let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |n| n + 1);
    let line_end = |at: usize| text[at..].find('\n').map_or(text.len(), |n| at + n + 1);
    let span = |id: NodeId| doc.node(id).span;
    let entries: Vec<(NodeId, NodeId)> = doc.entries(root).collect();
    for (i, (key, value)) in entries.iter().enumerate() {
        let name = doc.text(*key).unwrap_or("");
        match format {
            Format::Dotenv if name.starts_with("sops_") => {
                out.push(
                    line_start(span(*key).start)..line_end(span(*value).end.max(span(*key).end)),
                );
            }
            Format::Yaml if name == "sops" => {
                let from = line_start(span(*key).start);
                // Up to the next key, or to where the document ends.
                let to = match entries.get(i + 1) {
                    Some((next, _)) => line_start(span(*next).start),
                    None => yaml_end(text, span(*key).end),
                };
                out.push(from..to);
            }
            Format::Json if name == "sops" => {
                let comma = text[..span(*key).start].rfind([',', '{']);
                let (from, last) = (comma.unwrap_or(span(*key).start), i + 1 == entries.len());
                match text.as_bytes().get(from) {
                    Some(b',') => out.push(from..span(*value).end),
                    _ if last => out.push(span(*key).start..span(*value).end),
                    _ => {
                        let next = text[span(*value).end..].find(',').map_or(0, |n| n + 1);
                        out.push(span(*key).start..span(*value).end + next);
                    }
                }
            }
            Format::Ini if name == "sops" => {
                let header = text
                    .find("\n[sops]")
                    .map_or(line_start(span(*key).start), |n| n + 1);
                let rest = text[header..]
                    .find("\n[")
                    .map_or(text.len(), |n| header + n + 1);
                out.push(header..rest);
            }
            _ => {}
        }
    }
    out.into_iter()
}

/// Where the block that begins before `from` ends: at the next line that is not indented.
fn yaml_end(text: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(next) = text[at..].find('\n').map(|n| at + n + 1) {
        let inside = text[next..].starts_with([' ', '\t', '\n', '\r']);
        // A list may stand as far left as its key.
        if !inside && (!text[next..].starts_with('-') || text[next..].starts_with("---")) {
            return next;
        }
        at = next;
    }
    text.len()
}

fn spliced(text: &str, mut edits: Vec<(Range<usize>, Zeroizing<String>)>) -> Result<Plain, Failed> {
    edits.sort_by_key(|(range, _)| range.start);
    let size: usize = edits.iter().map(|(_, new)| new.len()).sum();
    // Never grown, so that nothing is left behind.
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() + size));
    let mut at = 0;
    for (range, new) in &mut edits {
        if range.start < at || range.end > text.len() {
            return Err(Flaw::OtherTree.into());
        }
        out.extend_from_slice(&text.as_bytes()[at..range.start]);
        out.extend_from_slice(new.as_bytes());
        new.zeroize();
        at = range.end;
    }
    out.extend_from_slice(&text.as_bytes()[at..]);
    Ok(Plain::new(std::mem::take(&mut *out)))
}

//! What sops will do to a document, and whether that is what it did.
//!
//! Both are asked of the same walk, so that a plan tells what is then demanded of the result: value by value the same tree,
//! what is selected replaced by a ciphertext of fitting type and length, everything else as it was. That is all that can be
//! told without a key, and enough to notice a program that writes half, or garbage, or leaves a value out.

use super::events::{Event, events};
use super::{Flaw, keeps, number};
use crate::model::{Pointer, SafeKey, Span};
use crate::sops::config::CreationRule;
use crate::sops::metadata::{self, Envelope, UnknownField};
use crate::sops::options::SelectionOptions;
use crate::sops::recipients::drift;
use crate::sops::scope::{self, LeafAt, PathPart, Walk};
use crate::sops::value::{self, EncType, Judged};
use crate::syntax::{
    Child, Comment, Document, Format, Kind, NodeId, Parsed, Scalar, ScalarType, decode, parse,
};
use std::collections::HashSet;

/// One scalar of a document.
pub struct Leaf {
    /// The document, from 0.
    pub document: u32,
    /// Its keys, masked where they have to be.
    pub pointer: Pointer,
    /// Whether sops encrypts it.
    pub encrypted: bool,
}

/// What is known of a document before sops sees it.
pub struct Survey {
    /// Its scalars that are not empty.
    pub leaves: Vec<Leaf>,
    /// Most bytes that sops can make of it, its metadata apart.
    pub most: usize,
    /// How many documents there are.
    pub documents: usize,
    /// Whether anchors, merge keys or comments stand in it, which sops does not keep as they are.
    pub reshaped: bool,
    /// Whether a comment stands in a list.
    pub comment_in_list: bool,
    /// How many values sops spells in another way.
    pub respelled: usize,
}

/// Reads a text as sops does, by the name's format.
pub fn read(text: &str, format: Format) -> Parsed<'_> {
    match format {
        Format::Binary => Parsed {
            documents: vec![Document::opaque(text)],
            problems: Vec::new(),
        },
        format => parse(text, format),
    }
}

/// Looks at a document that is to be encrypted.
pub fn survey(
    parsed: &Parsed<'_>,
    text: &str,
    options: &SelectionOptions,
    encrypted: bool,
) -> Result<Survey, Flaw> {
    let mut out = Survey {
        leaves: Vec::new(),
        most: text.len() * 6 + 65_536,
        documents: parsed.documents.len(),
        reshaped: false,
        comment_in_list: false,
        respelled: 0,
    };
    for (n, doc) in parsed.documents.iter().enumerate() {
        let mut visit = |leaf: LeafAt<'_>| {
            let Some(scalar) = doc.scalar(leaf.node) else {
                return;
            };
            out.most += scalar.text.len() * 2 + 256 + leaf.path.len() * 64;
            let of_sops = |part: &PathPart| matches!(part, PathPart::Key(k) if doc.text(*k).is_some_and(|k| k == "sops" || k.starts_with("sops_")));
            if encrypted && leaf.path.first().is_some_and(of_sops) {
                return;
            }
            out.reshaped |= leaf.node != leaf.site;
            if leaf.inert {
                return;
            }
            out.leaves.push(Leaf {
                document: u32::try_from(n).unwrap_or(u32::MAX),
                pointer: pointer(doc, leaf.path),
                encrypted: leaf.must_be_encrypted(),
            });
        };
        if scope::walk(doc, Some(options), None, &mut visit) == Walk::Limit {
            return Err(Flaw::TooLarge);
        }
        let ids = (0..doc.len()).filter_map(|id| NodeId::try_from(id).ok());
        for id in ids {
            let comment = |child: &Child<'_>| matches!(child, Child::Comment(_));
            match &doc.node(id).kind {
                Kind::Alias(_) => out.reshaped = true,
                Kind::Mapping(children) => out.reshaped |= children.iter().any(comment),
                Kind::Sequence(children) if children.iter().any(comment) => {
                    out.comment_in_list = true;
                    out.reshaped = true;
                }
                _ => {}
            }
        }
        out.reshaped |= !doc.outer_comments.is_empty();
    }
    Ok(out)
}

fn pointer(doc: &Document<'_>, path: &[PathPart]) -> Pointer {
    let mut pointer = Pointer::default();
    for part in path {
        pointer.push(&match part {
            PathPart::Key(k) => SafeKey::new(doc.text(*k).unwrap_or("")),
            PathPart::Index(i) => SafeKey::index(*i),
        });
    }
    pointer
}

/// Whether `after` is `before`, encrypted by `rule`.
pub fn check(before: &[u8], after: &[u8], format: Format, rule: &CreationRule) -> Result<(), Flaw> {
    let options = rule.effective_options(format);
    let decoded = decode(after);
    if decoded.lossy {
        return Err(Flaw::Garbage);
    }
    let inner = inner(format);
    let result = parse(&decoded.text, inner);
    if !result.is_whole() || result.documents.is_empty() {
        return Err(Flaw::Garbage);
    }
    for doc in &result.documents {
        metadata_fits(doc, format, rule, &|span| {
            echoes(&decoded.text, span, before)
        })?;
    }
    if format == Format::Binary {
        return opaque_fits(before, &result);
    }
    let source = decode(before);
    let original = read(&source.text, format);
    if source.lossy || !original.is_whole() {
        return Err(Flaw::Unreadable);
    }
    let (old, new) = (&original.documents, &result.documents);
    if old.len() != new.len() {
        return Err(Flaw::OtherTree);
    }
    for (old, new) in old.iter().zip(new) {
        let decisions = decisions(old, &options)?;
        let left = events(old, format, false)?;
        let right = events(new, format, true)?;
        same_tree(&left, &right, &decisions, format)?;
        if comments(new) < comments(old) {
            return Err(Flaw::Comments);
        }
    }
    // A comment of its own could hold what was encrypted.
    let known: HashSet<String> = old.iter().flat_map(plain_comments).collect();
    match new
        .iter()
        .flat_map(plain_comments)
        .all(|text| known.contains(&text))
    {
        true => Ok(()),
        false => Err(Flaw::Comments),
    }
}

/// The lines of comments that are no ciphertext.
fn plain_comments(doc: &Document<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let mut take = |comment: &Comment<'_>| {
        let lines = comment
            .text
            .lines()
            .map(|l| l.trim_matches(['#', ';', ' ', '\t']));
        let plain = lines.filter(|l| !l.is_empty() && !matches!(value::judge(l), Judged::Sound(_)));
        out.extend(plain.map(str::to_owned));
    };
    doc.outer_comments.iter().for_each(&mut take);
    for id in (0..doc.len()).filter_map(|id| NodeId::try_from(id).ok()) {
        if let Kind::Mapping(children) | Kind::Sequence(children) = &doc.node(id).kind {
            for child in children {
                if let Child::Comment(comment) = child {
                    take(comment);
                }
            }
        }
    }
    out
}

/// Comments that say something, encrypted or not; in lists sops makes items of them.
fn comments(doc: &Document<'_>) -> usize {
    let says = |comment: &Comment<'_>| usize::from(!comment.text.trim().is_empty());
    let within = |id: NodeId| match &doc.node(id).kind {
        Kind::Mapping(children) | Kind::Sequence(children) => children
            .iter()
            .map(|child| match child {
                Child::Comment(comment) => says(comment),
                _ => 0,
            })
            .sum(),
        Kind::Scalar(scalar) => match value::judge(&scalar.text) {
            Judged::Sound(v) => usize::from(v.ty == EncType::Comment),
            _ => 0,
        },
        Kind::Alias(_) => 0,
    };
    let ids = (0..doc.len()).filter_map(|id| NodeId::try_from(id).ok());
    doc.outer_comments.iter().map(says).sum::<usize>() + ids.map(within).sum::<usize>()
}

/// Whether a file whose recipients changed holds the same values, encrypted and plain, as before.
pub fn same_values(before: &[u8], after: &[u8], format: Format) -> Result<(), Flaw> {
    let (old, new) = (decode(before), decode(after));
    let inner = inner(format);
    let (old, new) = (parse(&old.text, inner), parse(&new.text, inner));
    if !new.is_whole() || old.documents.len() != new.documents.len() {
        return Err(Flaw::Garbage);
    }
    for (old, new) in old.documents.iter().zip(&new.documents) {
        let (left, right) = (events(old, format, true)?, events(new, format, true)?);
        if left.len() != right.len() {
            return Err(Flaw::OtherTree);
        }
        for (old, new) in left.iter().zip(&right) {
            match (old, new) {
                (Event::Leaf(old), Event::Leaf(new)) if kept(old, new) => {}
                (Event::Leaf(_), Event::Leaf(_)) => return Err(Flaw::Changed),
                (old, new) if old.same_shape(new) => {}
                _ => return Err(Flaw::OtherTree),
            }
        }
        let mac = |doc: &Document<'_>| {
            metadata::find(doc, inner).and_then(|m| m.field("mac").map(str::to_owned))
        };
        if mac(old) != mac(new) {
            return Err(Flaw::Changed);
        }
    }
    Ok(())
}

/// The format in which sops writes a file of a format.
pub fn inner(format: Format) -> Format {
    match format {
        Format::Binary => Format::Json,
        format => format,
    }
}

/// Whether a file names the recipients of the rule and nobody else.
pub fn recipients_fit(after: &[u8], format: Format, rule: &CreationRule) -> Result<(), Flaw> {
    let decoded = decode(after);
    let inner = inner(format);
    let parsed = parse(&decoded.text, inner);
    for doc in &parsed.documents {
        let meta = metadata::find(doc, inner).ok_or(Flaw::NoMetadata)?;
        same_recipients(&metadata::read(&meta, inner), rule)?;
    }
    match parsed.documents.is_empty() {
        true => Err(Flaw::Garbage),
        false => Ok(()),
    }
}

fn same_recipients(of: &Envelope, rule: &CreationRule) -> Result<(), Flaw> {
    let asked: Vec<_> = (rule.groups.iter().filter(|g| !g.is_empty()).cloned()).collect();
    let drift = drift(&of.groups, &asked);
    let same = drift.missing.is_empty() && drift.extra.is_empty() && of.groups.len() == asked.len();
    same.then_some(()).ok_or(Flaw::OtherRecipients)
}

/// Whether every value and as many comments as were encrypted in `before` are so in `after`.
pub fn nothing_opened(before: &[u8], after: &[u8], format: Format) -> Result<(), Flaw> {
    let (old, new) = (decode(before), decode(after));
    let comments =
        |text: &str| memchr::memmem::find_iter(text.as_bytes(), b",type:comment]").count();
    if comments(&new.text) < comments(&old.text) {
        return Err(Flaw::Opened);
    }
    let (old, new) = (
        parse(&old.text, inner(format)),
        parse(&new.text, inner(format)),
    );
    for (old, new) in old.documents.iter().zip(&new.documents) {
        let (left, right) = (events(old, format, true)?, events(new, format, true)?);
        for (old, new) in left.iter().zip(&right) {
            if let (Event::Leaf(old), Event::Leaf(new)) = (old, new)
                && matches!(value::judge(&old.text), Judged::Sound(_))
                && !matches!(value::judge(&new.text), Judged::Sound(_))
            {
                return Err(Flaw::Opened);
            }
        }
    }
    Ok(())
}

/// Whether `plain` has the keys of `sealed`, and the values that were plain already.
pub fn same_shape(sealed: &str, plain: &str, format: Format) -> Result<(), Flaw> {
    let (old, new) = (parse(sealed, format), parse(plain, format));
    if old.documents.len() != new.documents.len() {
        return Err(Flaw::OtherTree);
    }
    for (old, new) in old.documents.iter().zip(&new.documents) {
        let (left, right) = (events(old, format, true)?, events(new, format, true)?);
        if left.len() != right.len() {
            return Err(Flaw::OtherTree);
        }
        for (old, new) in left.iter().zip(&right) {
            match (old, new) {
                (Event::Leaf(old), Event::Leaf(new)) => match value::judge(&old.text) {
                    Judged::Sound(_) if fits(new, old, format) => {}
                    Judged::Plain if kept(old, new) => {}
                    _ => return Err(Flaw::Changed),
                },
                (old, new) if old.same_shape(new) => {}
                _ => return Err(Flaw::OtherTree),
            }
        }
    }
    Ok(())
}

/// The metadata names the recipients of the rule and nobody else, and selects what the rule selects.
fn metadata_fits(
    doc: &Document<'_>,
    format: Format,
    rule: &CreationRule,
    echoes: &dyn Fn(Span) -> bool,
) -> Result<(), Flaw> {
    let inner = inner(format);
    let meta = metadata::find(doc, inner).ok_or(Flaw::NoMetadata)?;
    if !metadata::is_metadata(&meta, inner) {
        return Err(Flaw::NoMetadata);
    }
    let of = metadata::read(&meta, inner);
    let sound = of.problems.is_empty()
        && of.mac_forged.is_none()
        && of.mac_surrounded.is_none()
        && of.encrypted_fields.is_empty();
    // A later sops may write fields that are unknown here; none of them may hold what the file held.
    let smuggles = |f: &UnknownField| f.large || f.in_key_entry || echoes(f.span);
    let sound = sound && !of.unknown.iter().any(smuggles);
    if !sound {
        return Err(Flaw::NoMetadata);
    }
    same_recipients(&of, rule)?;
    let threshold = match (of.groups.len(), rule.shamir_threshold) {
        (0 | 1, _) => None,
        (n, 0) => i64::try_from(n).ok(),
        (_, t) => Some(t),
    };
    if threshold.is_some_and(|t| of.shamir_threshold != t && of.shamir_threshold != 0)
        || (rule.shamir_threshold != 0 && threshold.is_some() && of.shamir_threshold == 0)
    {
        return Err(Flaw::OtherRecipients);
    }
    let options = rule.effective_options(format);
    let same = of.options.described() == options.described() || format == Format::Binary;
    match same && of.mac_only_encrypted == rule.mac_only_encrypted {
        true => Ok(()),
        false => Err(Flaw::OtherScope),
    }
}

/// Whether a piece of the result stands in the original.
fn echoes(result: &str, span: Span, before: &[u8]) -> bool {
    let piece = result.get(span.start..span.end).unwrap_or("");
    let piece = piece.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    piece.contains('\n')
        || (piece.len() >= 4 && memchr::memmem::find(before, piece.as_bytes()).is_some())
}

fn opaque_fits(before: &[u8], result: &Parsed<'_>) -> Result<(), Flaw> {
    let doc = result.documents.first().ok_or(Flaw::Garbage)?;
    let root = doc.root().ok_or(Flaw::Garbage)?;
    let mut entries = doc
        .entries(root)
        .filter(|(k, _)| doc.text(*k) != Some("sops"));
    let (Some((key, data)), None) = (entries.next(), entries.next()) else {
        return Err(Flaw::OtherTree);
    };
    match (doc.text(key), doc.text(data).map(value::judge)) {
        (Some("data"), Some(Judged::Sound(v)))
            if v.ty == EncType::Str && v.data_len == before.len() =>
        {
            Ok(())
        }
        (Some("data"), _) => Err(Flaw::StillPlain),
        _ => Err(Flaw::OtherTree),
    }
}

fn decisions(doc: &Document<'_>, options: &SelectionOptions) -> Result<Vec<bool>, Flaw> {
    let mut out = Vec::new();
    let mut visit = |leaf: LeafAt<'_>| out.push(leaf.must_be_encrypted());
    match scope::walk(doc, Some(options), None, &mut visit) {
        Walk::Limit => Err(Flaw::TooLarge),
        Walk::Whole => Ok(out),
    }
}

fn same_tree(
    old: &[Event<'_>],
    new: &[Event<'_>],
    decisions: &[bool],
    format: Format,
) -> Result<(), Flaw> {
    if old.len() != new.len() {
        return Err(Flaw::OtherTree);
    }
    let mut decisions = decisions.iter();
    for (old, new) in old.iter().zip(new) {
        match (old, new) {
            (Event::Leaf(old), Event::Leaf(new)) => match decisions.next() {
                Some(true) if !fits(old, new, format) => return Err(Flaw::StillPlain),
                Some(false) if !kept(old, new) => return Err(Flaw::Changed),
                Some(_) => {}
                None => return Err(Flaw::OtherTree),
            },
            (old, new) if old.same_shape(new) => {}
            _ => return Err(Flaw::OtherTree),
        }
    }
    Ok(())
}

/// Whether a ciphertext can be that of a scalar.
fn fits(old: &Scalar<'_>, new: &Scalar<'_>, format: Format) -> bool {
    let Judged::Sound(v) = value::judge(&new.text) else {
        return false;
    };
    let len = v.data_len;
    match old.ty {
        ScalarType::Str => {
            let own = length(old, format);
            // A carriage return before the end of the line is a part of the value to sops, and none here.
            let with_return = format == Format::Dotenv && len == own + 1;
            v.ty == EncType::Str && (len == own || with_return)
        }
        ScalarType::Bool => v.ty == EncType::Bool && len == old.text.len(),
        ScalarType::Int | ScalarType::Float => {
            let number = number::read(&old.text);
            let ty = match old.ty {
                ScalarType::Int => EncType::Int,
                _ => EncType::Float,
            };
            v.ty == ty && number.and_then(|n| n.length(&old.text)) == Some(len)
        }
        // What is no time to sops is text to it.
        ScalarType::Time => match number::instant(&old.text) {
            Some(_) => v.ty == EncType::Time && (20..=35).contains(&len),
            None => v.ty == EncType::Str && len == old.text.len(),
        },
        ScalarType::Binary => v.ty == EncType::Str && len == old.text.len(),
        ScalarType::Null => false,
    }
}

/// Whether a scalar that stays readable is the same.
fn kept(old: &Scalar<'_>, new: &Scalar<'_>) -> bool {
    match (old.ty, new.ty) {
        (ScalarType::Str, ScalarType::Str) => old.text == new.text,
        (ScalarType::Null, ScalarType::Null) => true,
        (ScalarType::Time, ScalarType::Time) => {
            old.text == new.text
                || match (number::instant(&old.text), number::instant(&new.text)) {
                    (Some(a), Some(b)) => a == b,
                    _ => false,
                }
        }
        (ScalarType::Bool, ScalarType::Bool) => old.text.eq_ignore_ascii_case(&new.text),
        (ScalarType::Int | ScalarType::Float, ScalarType::Int | ScalarType::Float) => {
            keeps::same_number(old, new)
        }
        (ScalarType::Binary, ScalarType::Str | ScalarType::Binary) => old.text == new.text,
        _ => false,
    }
}

/// Bytes of a text as sops counts them: in dotenv a backslash and `n` are a line break.
fn length(scalar: &Scalar<'_>, format: Format) -> usize {
    let text = scalar.text.as_bytes();
    match format {
        Format::Dotenv => text.len() - memchr::memmem::find_iter(text, b"\\n").count(),
        _ => text.len(),
    }
}

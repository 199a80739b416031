//! Bytes to documents with spans. Knows formats, not meaning.
//!
//! Parsing never fails: it returns documents and [`Problem`]s. What each format means follows the stores of sops 3.13
//! (go-yaml v3, encoding/json, its own dotenv reader, go-ini), because a file that sops reads in one way must not be
//! read in another way here. Every format becomes the same tree, a [`Document`], in which comments keep the place at
//! which sops' comment selectors see them.

mod document;
mod dotenv;
mod format;
mod ini;
mod json;
pub mod lines;
mod plain_block;
mod span;
mod strict_json;
mod text;
mod yaml;
mod yaml_comments;
mod yaml_scan;

pub use document::{
    Child, Comment, Document, Kind, Node, NodeId, PathPart, Scalar, ScalarStyle, ScalarType,
};
pub use format::Format;
pub use span::Span;
pub use text::{Decoded, Encoding, decode};
pub use yaml::resolve_plain;

/// Deepest nesting that is parsed. go-yaml takes 10,000 levels; no manifest has 20.
pub const MAX_DEPTH: usize = 1_000;

/// Why a text, or a part of it, is not what its format says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The parser stopped here; what follows up to the next document is not in the tree.
    Syntax,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// The same key twice in one mapping; both are in the tree.
    DuplicateKey,
    /// Content after the end of the JSON value.
    TrailingContent,
    /// A key that is no string, which sops refuses.
    NonStringKey,
    /// An alias without anchor.
    UnknownAlias,
    /// Git's conflict markers.
    ConflictMarker,
}

/// Something wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub kind: ProblemKind,
    /// Where.
    pub span: Span,
    /// In which document, from 0.
    pub document: usize,
}

impl Problem {
    /// Whether part of the text is missing from the tree.
    pub fn is_fatal(self) -> bool {
        matches!(self.kind, ProblemKind::Syntax | ProblemKind::TooDeep)
    }
}

/// A parsed text.
#[derive(Default)]
pub struct Parsed<'t> {
    /// The documents, in order; only YAML has more than one.
    pub documents: Vec<Document<'t>>,
    /// What is wrong with the text.
    pub problems: Vec<Problem>,
}

impl Parsed<'_> {
    /// Whether the whole text is in the tree.
    pub fn is_whole(&self) -> bool {
        !self.problems.iter().any(|p| p.is_fatal())
    }
}

/// Parses `text` as `format`.
pub fn parse(text: &str, format: Format) -> Parsed<'_> {
    match format {
        Format::Yaml => yaml::parse(text),
        Format::Json => json::parse(text),
        Format::Dotenv => dotenv::parse(text),
        Format::Ini => ini::parse(text),
        Format::Binary => {
            // The encrypted form is JSON with `data` and `sops`; anything else is one opaque leaf.
            if text.trim_start().starts_with('{') {
                let parsed = json::parse(text);
                if parsed.is_whole() {
                    return parsed;
                }
            }
            Parsed {
                documents: vec![Document::opaque(text)],
                problems: Vec::new(),
            }
        }
    }
}

/// Parses `text` as `format` for those who ask about values only: comments are left out, which is faster.
pub fn parse_values(text: &str, format: Format) -> Parsed<'_> {
    match format {
        Format::Yaml => yaml::parse_without_comments(text),
        other => parse(text, other),
    }
}

/// The same as [`parse_values`] for those who look only at documents of a YAML stream that `is_needed` asks for, given the
/// text of each: where that cannot change an answer the others are not built.
pub fn parse_needed<'t>(text: &'t str, is_needed: &dyn Fn(&str) -> bool) -> Parsed<'t> {
    yaml::parse_needed(text, is_needed).unwrap_or_else(|| yaml::parse_without_comments(text))
}

/// Spans of Git conflict marker lines.
pub fn conflict_markers(text: &str) -> Option<Span> {
    let bytes = text.as_bytes();
    let mut seen_start = None;
    for at in memchr::memmem::find_iter(bytes, b"<<<<<<< ") {
        if at == 0 || bytes[at - 1] == b'\n' {
            seen_start = Some(at);
            break;
        }
    }
    let start = seen_start?;
    let rest = &bytes[start..];
    let has = |marker: &[u8]| {
        memchr::memmem::find_iter(rest, marker).any(|i| i > 0 && rest[i - 1] == b'\n')
    };
    (has(b"=======") && has(b">>>>>>> ")).then(|| Span::new(start, start + 7))
}

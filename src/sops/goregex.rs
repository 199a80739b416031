//! Go regular expressions on top of the `regex` crate.
//!
//! sops compiles `path_regex` and the scope regexes with Go's `regexp` package. Its syntax (RE2) looks like that of the
//! `regex` crate and differs in dozens of places: ASCII `\w`, `\Q..\E`, literal braces, repeat limits, class operators.
//! So a pattern is never handed on as it is: it is parsed as Go parses it (`parse`, `class`), refused where Go refuses
//! it, and written anew in the dialect of the crate. The reference is `regexp/syntax` of Go 1.26 and the vectors in
//! `tests/data/goregex.json`, which real Go produced.
//!
//! Only "does it match somewhere" is offered; captures, positions and greediness are absent on purpose, which allows
//! dropping what cannot change that answer. This room knows nothing of rules or files.

use std::fmt;
use std::sync::Arc;

use memchr::memmem::Finder;

mod class;
mod emit;
mod parse;
mod pieces;
mod sample;
#[cfg(test)]
mod tests;

use pieces::Pieces;

/// Memory a compiled pattern may take. Far beyond anything a person writes; it bounds what a hostile config can cost.
const COMPILED_SIZE: usize = 64 << 20;

/// Longest pattern that is read; parsing is quadratic in the worst case.
const LONGEST: usize = 32 << 10;

/// A compiled Go regular expression, cheap to clone and to match.
#[derive(Clone)]
pub struct GoRegex {
    source: Arc<str>,
    matcher: Matcher,
}

/// How the question is answered; the plain shapes need no automaton and cover most patterns of real configs.
#[derive(Clone)]
enum Matcher {
    Always,
    Contains(Box<Finder<'static>>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Equals(Box<str>),
    Pieces(Pieces),
    Automaton(regex::Regex),
}

impl GoRegex {
    /// Compiles `pattern` with the meaning Go gives it.
    ///
    /// # Errors
    /// Every pattern that Go 1.26 refuses, and the few that Go accepts but that are too large to judge here
    /// (see [`GoRegexError::is_own_limit`]).
    pub fn new(pattern: &str) -> Result<Self, GoRegexError> {
        if pattern.len() > LONGEST {
            return Err(GoRegexError::TooCostly);
        }
        let node = emit::trim(parse::parse(pattern)?);
        let matcher = match emit::shape(&node) {
            Some(shape) => shape,
            None => regex::RegexBuilder::new(&emit::emit(&node))
                .size_limit(COMPILED_SIZE)
                // The parser has already bounded the depth.
                .nest_limit(16 * parse::MAX_DEPTH)
                .build()
                .map(Matcher::Automaton)
                .map_err(|_| GoRegexError::TooCostly)?,
        };
        Ok(Self {
            source: pattern.into(),
            matcher,
        })
    }

    /// Whether the pattern matches anywhere in `text`.
    ///
    /// Go reads a byte that is not UTF-8 as U+FFFD; a caller with such text replaces byte by byte before asking.
    pub fn is_match(&self, text: &str) -> bool {
        match &self.matcher {
            Matcher::Always => true,
            Matcher::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            Matcher::StartsWith(prefix) => text.starts_with(&**prefix),
            Matcher::EndsWith(suffix) => text.ends_with(&**suffix),
            Matcher::Equals(whole) => text == &**whole,
            Matcher::Pieces(pieces) => pieces.is_match(text),
            Matcher::Automaton(regex) => regex.is_match(text),
        }
    }

    /// A few texts that the pattern matches, with every alternative among them; none where it is too involved.
    pub fn samples(&self) -> Vec<String> {
        let Ok(node) = parse::parse(&self.source) else {
            return Vec::new();
        };
        let mut found = sample::samples(&node);
        found.retain(|text| self.is_match(text));
        found
    }

    /// The pattern as it was given.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for GoRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GoRegex").field(&self.source).finish()
    }
}

impl fmt::Display for GoRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

/// Why a pattern is refused. The quoted piece of the pattern is shortened to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GoRegexError {
    /// `(?=`, `(?!`, `(?<=`, `(?<!`.
    #[error("look-around `{0}` is not supported by Go")]
    LookAround(String),
    /// `(?>`, `(?#`, `(?P=`, an unknown flag, or a flag group that is not closed.
    #[error("`{0}` is no group or flag that Go knows (flags are i, m, s and U)")]
    UnknownGroup(String),
    /// A group name that is empty, unclosed, or holds other characters than letters, digits and `_`.
    #[error("`{0}` is no valid group name for Go")]
    GroupName(String),
    /// `\1` and its like.
    #[error("back-reference `{0}` is not supported by Go")]
    BackReference(String),
    /// An escape that Go does not know.
    #[error("escape `{0}` is not known to Go")]
    Escape(String),
    /// The pattern ends in a lone backslash.
    #[error("the pattern ends in a lone backslash")]
    TrailingBackslash,
    /// `[:name:]` or `\p{Name}` with a name that Go does not know.
    #[error("`{0}` is no character class that Go knows")]
    ClassName(String),
    /// A range that runs backwards.
    #[error("the range `{0}` in a character class runs backwards")]
    Range(String),
    /// `[` without `]`.
    #[error("the character class `{0}` is not closed by `]`")]
    UnclosedClass(String),
    /// `(` without `)`.
    #[error("a group is not closed by `)`")]
    UnclosedGroup,
    /// `)` without `(`.
    #[error("there is a `)` without its `(`")]
    UnopenedGroup,
    /// A repetition with nothing before it, such as `*.yaml`.
    #[error("`{0}` has nothing to repeat (is this a glob? it must be a regular expression)")]
    NothingToRepeat(String),
    /// `a**`, `a++`, `a{2}{3}`.
    #[error("`{0}` repeats a repetition, which Go does not allow")]
    StackedRepeat(String),
    /// A count over 1,000 (nested counts multiply), or a minimum over the maximum.
    #[error(
        "the repeat count `{0}` is too large or backwards (Go allows at most 1000, nested counts multiplied)"
    )]
    RepeatCount(String),
    /// Nested deeper than Go allows.
    #[error("the pattern is nested too deeply for Go")]
    NestedTooDeeply,
    /// Larger than Go allows.
    #[error("the pattern is too large for Go")]
    TooLarge,
    /// Go accepts the pattern, but it is too large or too deeply nested to be judged here.
    #[error("the pattern is too large to be judged")]
    TooCostly,
}

impl GoRegexError {
    /// Whether the limit is sopsguard's own: Go would have compiled the pattern, so sops works with it.
    pub fn is_own_limit(&self) -> bool {
        matches!(self, Self::TooCostly)
    }
}

/// A quotation for an error message.
fn quote(piece: &str) -> String {
    const LONGEST: usize = 40;
    match piece.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &piece[..end]),
        None => piece.to_owned(),
    }
}

//! The syntax of Go's `regexp/syntax` (flags `Perl`), parsed into a small tree.
//!
//! Works on an explicit stack of open groups, so depth of the input costs no call stack. The tree keeps no captures and
//! no greediness. Limits are those of Go: 1,000 copies by nested counts, height 1,000, 128 MB of compiled program; where
//! Go estimates lazily and so lets some patterns over the size limit through, this parser does not follow.

use super::{GoRegexError, class, quote};

/// Deepest tree that is handed to the `regex` crate, whose compiler is recursive: an unoptimised build takes some 8 KB of
/// stack a level, and a thread has 2 MB. Groups alone do not count, only repetitions, sequences and alternatives.
pub(super) const MAX_DEPTH: u32 = 150;

const MAX_COPIES: u32 = 1_000;
const MAX_HEIGHT: u32 = 1_000;
const MAX_SIZE: u64 = (128 << 20) / 40;

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Empty,
    /// Matches nothing: a surrogate, or a class without members.
    Never,
    Literal {
        c: char,
        fold: bool,
    },
    /// A class in the dialect of the crate, complete and atomic.
    Class(String),
    Assert(Assertion),
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
    Repeat {
        node: Box<Node>,
        min: u32,
        max: Option<u32>,
    },
}

/// A condition on a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assertion {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordEdge,
    NoWordEdge,
}

/// A node with what the limits need to know about it.
#[derive(Debug)]
struct Part {
    node: Node,
    /// As Go counts it: captures count, other groups do not.
    height: u32,
    /// Instructions of Go's program, as Go estimates them.
    size: u64,
    /// Largest product of nested counts.
    copies: u32,
    /// Real depth of `node`.
    depth: u32,
    /// Came out of a capturing group, which Go keeps as a node of its own.
    captured: bool,
}

/// What the flag groups switch; `U` changes only which match is preferred, so it is read and forgotten.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) fold: bool,
    dot_all: bool,
    multi_line: bool,
}

#[derive(Debug, Default)]
struct Group {
    capture: bool,
    /// Flags to return to at the closing parenthesis.
    outer: Flags,
    branches: Vec<Part>,
    sequence: Vec<Part>,
}

/// Parses a whole pattern.
pub(super) fn parse(pattern: &str) -> Result<Node, GoRegexError> {
    let mut parser = Parser {
        rest: pattern,
        flags: Flags::default(),
        open: Vec::new(),
        group: Group::default(),
    };
    let mut last_repeat = None;
    while let Some(c) = parser.rest.chars().next() {
        let before = parser.rest;
        let repeat = parser.step(c, last_repeat)?;
        last_repeat = repeat.then_some(before);
    }
    if !parser.open.is_empty() {
        return Err(GoRegexError::UnclosedGroup);
    }
    let whole = parser.group.finish()?;
    if whole.depth > MAX_DEPTH {
        Err(GoRegexError::TooCostly)
    } else {
        Ok(whole.node)
    }
}

struct Parser<'p> {
    rest: &'p str,
    flags: Flags,
    open: Vec<Group>,
    group: Group,
}

impl<'p> Parser<'p> {
    /// Reads one element that begins with `c`; true if it was a repetition.
    fn step(&mut self, c: char, last_repeat: Option<&'p str>) -> Result<bool, GoRegexError> {
        match c {
            '(' => self.open_group()?,
            ')' => self.close_group()?,
            '|' => {
                self.advance(1);
                self.group.end_branch()?;
            }
            '*' | '+' | '?' => {
                let (min, max) = match c {
                    '*' => (0, None),
                    '+' => (1, None),
                    _ => (0, Some(1)),
                };
                self.repeat(1, min, max, last_repeat)?;
                return Ok(true);
            }
            '{' => match counts(self.rest) {
                Some((length, counts)) => {
                    let Some((min, max)) = counts else {
                        return Err(GoRegexError::RepeatCount(quote(&self.rest[..length])));
                    };
                    self.repeat(length, min, max, last_repeat)?;
                    return Ok(true);
                }
                None => {
                    self.advance(1);
                    self.literal('{');
                }
            },
            '[' => {
                let (node, rest) = class::bracketed(self.rest, self.flags)?;
                self.rest = rest;
                self.group.sequence.push(Part::leaf(node));
            }
            '.' => {
                self.advance(1);
                let class = if self.flags.dot_all {
                    class::ANY
                } else {
                    class::ANY_BUT_NEWLINE
                };
                self.group
                    .sequence
                    .push(Part::leaf(Node::Class(class.to_owned())));
            }
            '^' if self.flags.multi_line => self.assertion(1, Assertion::LineStart),
            '^' => self.assertion(1, Assertion::TextStart),
            '$' if self.flags.multi_line => self.assertion(1, Assertion::LineEnd),
            '$' => self.assertion(1, Assertion::TextEnd),
            '\\' => self.escape()?,
            c => {
                self.advance(c.len_utf8());
                self.literal(c);
            }
        }
        Ok(false)
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn literal(&mut self, c: char) {
        let node = Node::Literal {
            c,
            fold: self.flags.fold && (c.is_ascii_alphabetic() || !c.is_ascii()),
        };
        self.group.sequence.push(Part::leaf(node));
    }

    fn assertion(&mut self, bytes: usize, assertion: Assertion) {
        self.advance(bytes);
        self.group
            .sequence
            .push(Part::leaf(Node::Assert(assertion)));
    }

    fn escape(&mut self) -> Result<(), GoRegexError> {
        match self.rest.as_bytes().get(1) {
            Some(b'A') => self.assertion(2, Assertion::TextStart),
            Some(b'z') => self.assertion(2, Assertion::TextEnd),
            Some(b'b') => self.assertion(2, Assertion::WordEdge),
            Some(b'B') => self.assertion(2, Assertion::NoWordEdge),
            Some(b'Q') => {
                self.advance(2);
                let quoted = self.rest;
                let (text, rest) = quoted.split_once("\\E").unwrap_or((quoted, ""));
                text.chars().for_each(|c| self.literal(c));
                self.rest = rest;
            }
            _ => {
                if let Some((class, rest)) = class::escaped(self.rest, self.flags)? {
                    self.rest = rest;
                    self.group.sequence.push(Part::leaf(class));
                } else {
                    let (code, rest) = class::character_escape(self.rest)?;
                    self.rest = rest;
                    match char::from_u32(code) {
                        Some(c) => self.literal(c),
                        // Surrogates are legal in a Go pattern and occur in no text.
                        None => self.group.sequence.push(Part::leaf(Node::Never)),
                    }
                }
            }
        }
        Ok(())
    }

    /// Repeats the last element of the sequence; the operator is the next `length` bytes, perhaps followed by `?`.
    fn repeat(
        &mut self,
        length: usize,
        min: u32,
        max: Option<u32>,
        last_repeat: Option<&'p str>,
    ) -> Result<(), GoRegexError> {
        let before = self.rest;
        self.advance(length);
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.rest = rest;
        }
        if let Some(last) = last_repeat {
            return Err(GoRegexError::StackedRepeat(quote(
                &last[..last.len() - self.rest.len()],
            )));
        }
        let operator = &before[..before.len() - self.rest.len()];
        let Some(sub) = self.group.sequence.pop() else {
            return Err(GoRegexError::NothingToRepeat(quote(operator)));
        };
        let part = sub.repeated(min, max)?;
        // Go looks only where the count itself makes copies.
        if part.copies > MAX_COPIES && (min >= 2 || max.is_some_and(|max| max >= 2)) {
            return Err(GoRegexError::RepeatCount(quote(operator)));
        }
        self.group.sequence.push(part);
        Ok(())
    }

    fn open_group(&mut self) -> Result<(), GoRegexError> {
        let mut inner = self.flags;
        let capture = match self.rest.strip_prefix("(?") {
            None => {
                self.advance(1);
                true
            }
            Some(special) if special.starts_with("P<") || special.starts_with('<') => {
                self.rest = after_group_name(self.rest)?;
                true
            }
            Some(special) => {
                let opens =
                    flag_group(special, &mut inner).ok_or_else(|| unknown_group(self.rest))?;
                self.rest = opens.rest;
                if !opens.group {
                    self.flags = inner;
                    return Ok(());
                }
                false
            }
        };
        let group = Group {
            capture,
            outer: self.flags,
            ..Group::default()
        };
        self.open.push(std::mem::replace(&mut self.group, group));
        self.flags = inner;
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), GoRegexError> {
        let outer = self.open.pop().ok_or(GoRegexError::UnopenedGroup)?;
        self.advance(1);
        let closed = std::mem::replace(&mut self.group, outer);
        self.flags = closed.outer;
        let capture = closed.capture;
        let mut part = closed.finish()?;
        if capture {
            part.height += 1;
            part.size += 2;
            part.captured = true;
            part.check()?;
        }
        self.group.sequence.push(part);
        Ok(())
    }
}

impl Group {
    fn end_branch(&mut self) -> Result<(), GoRegexError> {
        let branch = Part::concat(std::mem::take(&mut self.sequence))?;
        self.branches.push(branch);
        Ok(())
    }

    fn finish(mut self) -> Result<Part, GoRegexError> {
        self.end_branch()?;
        Part::alternate(self.branches)
    }
}

impl Part {
    fn leaf(node: Node) -> Self {
        Self {
            node,
            height: 1,
            size: 1,
            copies: 1,
            depth: 1,
            captured: false,
        }
    }

    fn check(&self) -> Result<(), GoRegexError> {
        if self.height > MAX_HEIGHT {
            Err(GoRegexError::NestedTooDeeply)
        } else if self.size > MAX_SIZE {
            Err(GoRegexError::TooLarge)
        } else if self.depth > 2 * MAX_HEIGHT {
            // Cannot happen while height bounds depth; dropping the tree is recursive, so do not rely on it.
            Err(GoRegexError::TooCostly)
        } else {
            Ok(())
        }
    }

    fn concat(parts: Vec<Part>) -> Result<Self, GoRegexError> {
        let string = parts
            .iter()
            .all(|part| part.height == 1 && matches!(part.node, Node::Literal { .. }));
        let whole = Self::join(parts, Node::Concat, |node| match node {
            Node::Concat(nodes) => Ok(nodes),
            other => Err(other),
        });
        // Go keeps a run of literals as one leaf.
        let whole = if string {
            Part { height: 1, ..whole }
        } else {
            whole
        };
        whole.check().map(|()| whole)
    }

    fn alternate(parts: Vec<Part>) -> Result<Self, GoRegexError> {
        let bars = parts.len().saturating_sub(1) as u64;
        let mut whole = Self::join(parts, Node::Alternate, |node| match node {
            Node::Alternate(nodes) => Ok(nodes),
            other => Err(other),
        });
        whole.size += bars;
        whole.check().map(|()| whole)
    }

    /// One node of several; children of the same kind are taken in, as Go does it.
    fn join(
        mut parts: Vec<Part>,
        make: impl Fn(Vec<Node>) -> Node,
        open: impl Fn(Node) -> Result<Vec<Node>, Node>,
    ) -> Self {
        if parts.len() == 1
            && let Some(part) = parts.pop()
        {
            return part;
        }
        let mut whole = Part::leaf(Node::Empty);
        if parts.is_empty() {
            return whole;
        }
        whole.size = 0;
        let mut nodes = Vec::with_capacity(parts.len());
        for part in parts {
            let joined = match open(part.node) {
                Ok(inner) => {
                    nodes.extend(inner);
                    true
                }
                Err(node) => {
                    nodes.push(node);
                    false
                }
            };
            whole.height = whole
                .height
                .max(part.height + u32::from(!joined || part.captured));
            whole.depth = whole.depth.max(part.depth + u32::from(!joined));
            whole.size = whole.size.saturating_add(part.size);
            whole.copies = whole.copies.max(part.copies);
        }
        whole.node = make(nodes);
        whole
    }

    fn repeated(self, min: u32, max: Option<u32>) -> Result<Self, GoRegexError> {
        let factor = max.unwrap_or(min);
        let size = match max {
            None if min == 0 => self.size + 2,
            None => (self.size * u64::from(min)).saturating_add(1),
            Some(max) => (self.size * u64::from(max))
                .saturating_add(u64::from(max - min))
                .max(1),
        };
        let (node, depth) = match self.node {
            // `(x+)?` is `x*`: of simple operators one level is enough.
            Node::Repeat {
                node,
                min: inner_min,
                max: inner_max,
            } if min <= 1
                && inner_min <= 1
                && [max, inner_max]
                    .iter()
                    .all(|max| matches!(max, None | Some(1))) =>
            {
                let max = if max.is_none() { max } else { inner_max };
                (
                    Node::Repeat {
                        node,
                        min: min * inner_min,
                        max,
                    },
                    self.depth,
                )
            }
            node => (
                Node::Repeat {
                    node: Box::new(node),
                    min,
                    max,
                },
                self.depth + 1,
            ),
        };
        let part = Part {
            height: self.height + 1,
            size,
            copies: if max == Some(0) {
                1
            } else {
                self.copies.saturating_mul(factor.max(1))
            },
            depth,
            captured: false,
            node,
        };
        part.check().map(|()| part)
    }
}

/// Reads `{2}`, `{2,}` or `{2,5}`: its length, and the counts unless Go refuses them. `None`: the brace is a literal.
#[expect(
    clippy::type_complexity,
    reason = "three states: literal brace, refused counts, counts"
)]
fn counts(text: &str) -> Option<(usize, Option<(u32, Option<u32>)>)> {
    let inner = &text[1..text.find('}')?];
    let length = inner.len() + 2;
    let number = |digits: &str| -> Option<u32> {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let zero_led = digits.len() > 1 && digits.starts_with('0');
        // A number that does not fit is far over the limit as well.
        (plain && !zero_led).then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let (min, max) = match inner.split_once(',') {
        None => {
            let count = number(inner)?;
            (count, Some(count))
        }
        Some((min, "")) => (number(min)?, None),
        Some((min, max)) => (number(min)?, Some(number(max)?)),
    };
    let legal = min <= MAX_COPIES && max.is_none_or(|max| max <= MAX_COPIES && min <= max);
    Some((length, legal.then_some((min, max))))
}

/// The pattern after `(?P<name>` or `(?<name>`.
fn after_group_name(text: &str) -> Result<&str, GoRegexError> {
    if text.starts_with("(?<=") || text.starts_with("(?<!") {
        return Err(GoRegexError::LookAround(quote(&text[..4])));
    }
    let name = text.trim_start_matches("(?P").trim_start_matches("(?");
    match name[1..].split_once('>') {
        Some((word, rest))
            if !word.is_empty() && word.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) =>
        {
            Ok(rest)
        }
        Some((_, rest)) => Err(GoRegexError::GroupName(quote(
            &text[..text.len() - rest.len()],
        ))),
        None => Err(GoRegexError::GroupName(quote(text))),
    }
}

struct FlagGroup<'p> {
    rest: &'p str,
    /// `(?i:` opens a group, `(?i)` does not.
    group: bool,
}

/// Reads flags up to `:` or `)`; `None` where Go refuses.
fn flag_group<'p>(special: &'p str, flags: &mut Flags) -> Option<FlagGroup<'p>> {
    let (mut on, mut seen) = (true, false);
    for (at, c) in special.char_indices() {
        match c {
            'i' => flags.fold = on,
            'm' => flags.multi_line = on,
            's' => flags.dot_all = on,
            'U' => {}
            '-' if on => {
                (on, seen) = (false, false);
                continue;
            }
            ':' | ')' if on || seen => {
                return Some(FlagGroup {
                    rest: &special[at + 1..],
                    group: c == ':',
                });
            }
            _ => return None,
        }
        seen = true;
    }
    None
}

fn unknown_group(text: &str) -> GoRegexError {
    let piece = |length: usize| quote(text.get(..length).unwrap_or(text));
    match text.as_bytes().get(2) {
        Some(b'=' | b'!') => GoRegexError::LookAround(piece(3)),
        _ => GoRegexError::UnknownGroup(match text.find([')', ':']) {
            Some(end) => piece(end + 1),
            None => quote(text),
        }),
    }
}

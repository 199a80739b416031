//! YAML, built from granit-parser's events; types resolve as in go-yaml v3, the library sops links.
//!
//! Aliases stay references, merge keys stay keys named `<<` (sops treats them so), both values of a repeated key stay in
//! the tree. After a syntax error the reader goes on at the next `---`, and what was read of the broken document is kept.
//! Comments are placed by [`super::yaml_comments`].

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use foldhash::fast::RandomState;
use granit_parser::{Event, Parser, ScalarStyle as Style, StructureStyle, Tag};

use super::Span;
use super::yaml_comments::{Comments, Spot};
use super::yaml_scan::{Leaf, Shape};
use super::{
    Child, Comment, Document, Kind, MAX_DEPTH, Node, NodeId, Parsed, Problem, ProblemKind,
    ScalarStyle, ScalarType,
};

/// Where the tags of YAML's own types live.
const YAML_TAGS: &str = "tag:yaml.org,2002:";

/// Parses a YAML stream.
pub(super) fn parse(text: &str) -> Parsed<'_> {
    run(text, false, true)
}

/// Parses a YAML stream and leaves comments out.
pub(super) fn parse_without_comments(text: &str) -> Parsed<'_> {
    run(text, false, false)
}

/// Parses only the documents of a stream that `is_needed` asks for, if that can be told apart from parsing them all by
/// nobody but a clock: the others must be certainly sound, and become documents without a root. Else `None`.
pub(super) fn parse_needed<'t>(
    text: &'t str,
    is_needed: &dyn Fn(&str) -> bool,
) -> Option<Parsed<'t>> {
    let bytes = text.as_bytes();
    // Directives speak for what follows; a carriage return ends lines, too.
    let odd = text.starts_with(['%', '\u{feff}'])
        || memchr::memchr(b'\r', bytes).is_some()
        || ["\n%", "\n..."].iter().any(|mark| text.contains(mark));
    if odd || !text.contains("\n---") {
        return None;
    }
    let mut starts = vec![0];
    starts.extend(memchr::memmem::find_iter(bytes, b"\n---").map(|at| at + 1));
    let mut parsed = Parsed::default();
    for (n, start) in starts.iter().enumerate() {
        let end = starts.get(n + 1).copied().unwrap_or(text.len());
        let part = &text[*start..end];
        let body = match part.strip_prefix("---\n") {
            Some(body) => body,
            None if n == 0 && !part.starts_with("---") => {
                // In front of the first mark there may be nothing but comments.
                let is_content = |l: &str| !l.is_empty() && !l.starts_with('#');
                if !part.lines().any(|l| is_content(l.trim_start_matches(' '))) {
                    continue;
                }
                part
            }
            None => return None,
        };
        if !is_needed(part) {
            if !super::plain_block::is_sound(body) {
                return None;
            }
            parsed.documents.push(Document::default());
            continue;
        }
        let mut builder = Builder::new(text);
        let before = parsed.documents.len();
        feed(part, *start, &mut builder, &mut parsed)?;
        if parsed.documents.len() != before + 1 || !parsed.is_whole() {
            return None;
        }
    }
    Some(parsed)
}

/// Parses one document of a stream, which stands at `from`; `None` at any error.
fn feed<'t>(
    part: &'t str,
    from: usize,
    builder: &mut Builder<'t>,
    parsed: &mut Parsed<'t>,
) -> Option<()> {
    let mut parser = Parser::new_from_str_with_options(part, options(false, false));
    loop {
        let (event, span) = parser.next_event()?.ok()?;
        let at = Spot {
            start: from + span.start.byte_offset()?,
            end: from + span.end.byte_offset()?,
        };
        match event {
            Event::StreamEnd => return Some(()),
            Event::DocumentStart(..) => builder.start(parsed.documents.len()),
            Event::DocumentEnd => builder.finish(parsed),
            other => builder.event(other, at),
        }
    }
}

/// Parses JSON: one document, keys of any length.
pub(super) fn parse_json(text: &str) -> Parsed<'_> {
    run(text, true, false)
}

fn run(text: &str, json: bool, comments: bool) -> Parsed<'_> {
    let comments = comments && memchr::memchr(b'#', text.as_bytes()).is_some();
    let mut parser = Parser::new_from_str_with_options(text, options(json, comments));
    let mut parsed = Parsed::default();
    let mut builder = Builder::new(text);
    loop {
        match parser.next_event() {
            None => break,
            Some(Ok((event, span))) => {
                let at = Spot {
                    start: span.start.byte_offset().unwrap_or(0),
                    end: span.end.byte_offset().unwrap_or(0),
                };
                match event {
                    Event::StreamEnd => break,
                    Event::DocumentStart(..) => builder.start(parsed.documents.len()),
                    Event::DocumentEnd => builder.finish(&mut parsed),
                    other => builder.event(other, at),
                }
            }
            Some(Err(error)) => {
                let offset = error
                    .marker()
                    .byte_offset()
                    .unwrap_or(text.len())
                    .min(text.len());
                let kind = if builder.stack.len() + 1 >= MAX_DEPTH {
                    ProblemKind::TooDeep
                } else {
                    ProblemKind::Syntax
                };
                let document = parsed.documents.len();
                parsed.problems.push(Problem {
                    kind,
                    span: Span::new(offset, offset),
                    document,
                });
                builder.finish(&mut parsed);
                if parsed.problems.len() > 1_000
                    || !matches!(parser.proceed_next_document(), Ok(true))
                {
                    break;
                }
            }
        }
    }
    builder.finish(&mut parsed);
    if comments {
        let whole = parsed.is_whole();
        builder.comments.place(text, &mut parsed.documents, whole);
    }
    parsed
}

fn options(json: bool, comments: bool) -> granit_parser::Options {
    granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_comments: comments,
        max_buffered_comment_events: usize::MAX,
        simple_key_max_lookahead: if json { usize::MAX / 2 } else { 4_096 },
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    }
}

/// An open mapping or list.
struct Open {
    id: NodeId,
    mapping: bool,
    key: Option<NodeId>,
}

struct Builder<'t> {
    text: &'t str,
    doc: Document<'t>,
    open: bool,
    index: usize,
    stack: Vec<Open>,
    anchors: HashMap<usize, NodeId>,
    comments: Comments<'t>,
    problems: Vec<Problem>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            doc: Document::default(),
            open: false,
            index: 0,
            stack: Vec::new(),
            anchors: HashMap::new(),
            comments: Comments::default(),
            problems: Vec::new(),
        }
    }

    fn start(&mut self, index: usize) {
        self.open = true;
        self.index = index;
    }

    fn finish(&mut self, parsed: &mut Parsed<'t>) {
        if !self.open {
            return;
        }
        while !self.stack.is_empty() {
            let end = self.text.len();
            self.close(end);
        }
        find_duplicates(&self.doc, self.index, &mut self.problems);
        parsed.problems.append(&mut self.problems);
        parsed.documents.push(std::mem::take(&mut self.doc));
        self.anchors.clear();
        self.open = false;
    }

    fn event(&mut self, event: Event<'t>, at: Spot) {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let shape = match style {
                    Style::Plain => Shape::Plain,
                    Style::Literal | Style::Folded => Shape::Block,
                    _ => Shape::Quoted,
                };
                self.comments.leaf(Leaf {
                    start: at.start,
                    end: at.end,
                    shape,
                });
                let id = self.scalar(text, style, tag.as_deref(), at);
                self.tagged(id, tag.as_deref());
                self.anchor(anchor, id);
                self.attach(id, at);
            }
            Event::Alias(target) => {
                let target = self.anchors.get(&target).copied();
                self.alias(target, at);
            }
            Event::UnresolvedAlias(_) => {
                self.problem(ProblemKind::UnknownAlias, Span::new(at.start, at.end));
                self.alias(None, at);
            }
            Event::MappingStart(style, anchor, tag) => {
                let id = self.begin(true, style, anchor, at);
                self.tagged(id, tag.as_deref());
            }
            Event::SequenceStart(style, anchor, tag) => {
                let id = self.begin(false, style, anchor, at);
                self.tagged(id, tag.as_deref());
            }
            Event::MappingEnd | Event::SequenceEnd => self.close(at.end),
            Event::Comment(text, _) => self.comments.comment(
                Comment {
                    text,
                    span: Span::new(at.start, at.end),
                },
                self.index,
            ),
            _ => {}
        }
    }

    fn problem(&mut self, kind: ProblemKind, span: Span) {
        self.problems.push(Problem {
            kind,
            span,
            document: self.index,
        });
    }

    fn anchor(&mut self, anchor: usize, id: NodeId) {
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
    }

    fn alias(&mut self, target: Option<NodeId>, at: Spot) {
        self.comments.leaf(Leaf {
            start: at.start,
            end: at.end,
            shape: Shape::Alias,
        });
        let id = self.doc.add(Node {
            span: Span::new(at.start, at.end),
            kind: Kind::Alias(target),
            flow: false,
        });
        self.attach(id, at);
    }

    fn tagged(&mut self, id: NodeId, tag: Option<&Tag>) {
        const OWN: [&str; 10] = [
            "str",
            "int",
            "float",
            "bool",
            "null",
            "timestamp",
            "binary",
            "map",
            "seq",
            "merge",
        ];
        let own = |tag: &Tag| {
            let kind = tag.suffix_in_namespace(YAML_TAGS);
            kind.is_some_and(|kind| OWN.contains(&&*kind))
        };
        if tag.is_some_and(|tag| !own(tag)) {
            self.doc.foreign_tags.push(id);
        }
    }

    fn begin(&mut self, mapping: bool, style: StructureStyle, anchor: usize, at: Spot) -> NodeId {
        let kind = if mapping {
            Kind::Mapping(Vec::new())
        } else {
            Kind::Sequence(Vec::new())
        };
        let flow = style == StructureStyle::Flow;
        let id = self.doc.add(Node {
            span: Span::new(at.start, at.end),
            kind,
            flow,
        });
        self.anchor(anchor, id);
        self.attach(id, at);
        self.stack.push(Open {
            id,
            mapping,
            key: None,
        });
        id
    }

    fn close(&mut self, end: usize) {
        if let Some(open) = self.stack.pop() {
            let dangling = open.key;
            if let Some(key) = dangling {
                // A syntax error cut the value off.
                let span = self.doc.node(key).span;
                let value = self.doc.add_scalar(
                    Cow::Borrowed(""),
                    ScalarStyle::Plain,
                    ScalarType::Null,
                    Span::new(span.end, span.end),
                );
                self.push_child(open.id, Child::Entry(key, value));
            }
            if let Some(node) = self.doc.node_mut(open.id) {
                node.span.end = end.max(node.span.start);
            }
        }
    }

    fn push_child(&mut self, container: NodeId, child: Child<'t>) {
        if let Some(node) = self.doc.node_mut(container)
            && let Kind::Mapping(children) | Kind::Sequence(children) = &mut node.kind
        {
            children.push(child);
        }
    }

    /// Puts a finished node where it belongs: as root, key, value or item.
    fn attach(&mut self, id: NodeId, at: Spot) {
        let Some(top) = self.stack.last_mut() else {
            if self.doc.root().is_none() {
                self.doc.set_root(id);
            }
            return;
        };
        let container = top.id;
        if !top.mapping {
            self.push_child(container, Child::Item(id));
            return;
        }
        match top.key.take() {
            None => {
                top.key = Some(id);
                if let Some(s) = self.doc.scalar(id)
                    && s.ty != ScalarType::Str
                    && !(s.text == "<<" && s.style == ScalarStyle::Plain)
                {
                    self.problem(ProblemKind::NonStringKey, Span::new(at.start, at.end));
                }
            }
            Some(key) => {
                self.push_child(container, Child::Entry(key, id));
            }
        }
    }

    fn scalar(&mut self, text: Cow<'t, str>, style: Style, tag: Option<&Tag>, at: Spot) -> NodeId {
        let style = match style {
            Style::Plain => ScalarStyle::Plain,
            Style::Literal | Style::Folded => ScalarStyle::Block,
            _ => ScalarStyle::Quoted,
        };
        let mut text = text;
        let mut ty = match style {
            ScalarStyle::Plain => resolve_plain(&text),
            _ => ScalarType::Str,
        };
        let kind = tag.and_then(|t| t.suffix_in_namespace(YAML_TAGS));
        let natural = kind.as_ref().map(|_| resolve_plain(&text));
        // A tag that the text does not bear out makes go-yaml refuse the document; here the value stays text, so that
        // nothing hides behind `!!null`.
        let only = |wanted: ScalarType| match natural {
            Some(found) if found == wanted => wanted,
            _ => ScalarType::Str,
        };
        match kind.as_deref() {
            Some("str") => ty = ScalarType::Str,
            Some("binary") => {
                let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
                if let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(compact) {
                    text = Cow::Owned(String::from_utf8_lossy(&bytes).into_owned());
                }
                ty = ScalarType::Binary;
            }
            Some("int") => ty = only(ScalarType::Int),
            Some("float") if natural == Some(ScalarType::Int) => ty = ScalarType::Float,
            Some("float") => ty = only(ScalarType::Float),
            Some("bool") => ty = only(ScalarType::Bool),
            Some("null") => ty = only(ScalarType::Null),
            Some("timestamp") => ty = only(ScalarType::Time),
            _ => {
                // A private tag on an unquoted empty node still is an empty string to go-yaml.
                if tag.is_some() && style == ScalarStyle::Plain && ty != ScalarType::Null {
                    ty = ScalarType::Str;
                }
            }
        }
        if at.start == at.end && ty == ScalarType::Null {
            text = Cow::Borrowed("");
        }
        self.doc
            .add_scalar(text, style, ty, Span::new(at.start, at.end))
    }
}

/// Tells of keys that stand twice in one mapping.
pub(super) fn find_duplicates(doc: &Document<'_>, document: usize, problems: &mut Vec<Problem>) {
    for id in 0..doc.len() {
        let id = id as NodeId;
        let Kind::Mapping(children) = &doc.node(id).kind else {
            continue;
        };
        if children.len() < 2 {
            continue;
        }
        if children.len() <= 8 {
            // Pairs are cheaper than hashes here, and nearly all mappings are small.
            let keys: Vec<(NodeId, &str)> = doc
                .entries(id)
                .filter_map(|(k, _)| Some((k, doc.text(k)?)))
                .collect();
            for (i, (k, text)) in keys.iter().enumerate() {
                if keys[..i].iter().any(|(_, t)| t == text) && problems.len() < 1_000 {
                    problems.push(Problem {
                        kind: ProblemKind::DuplicateKey,
                        span: doc.node(*k).span,
                        document,
                    });
                }
            }
            continue;
        }
        let mut seen = HashSet::with_capacity_and_hasher(children.len(), RandomState::default());
        for (k, _) in doc.entries(id) {
            if let Some(text) = doc.text(k)
                && !seen.insert(text)
                && problems.len() < 1_000
            {
                problems.push(Problem {
                    kind: ProblemKind::DuplicateKey,
                    span: doc.node(k).span,
                    document,
                });
            }
        }
    }
}

/// What an unquoted scalar is in go-yaml v3 (`resolve.go`): the YAML 1.2 core schema with octal, binary, underscores and
/// timestamps of YAML 1.1; `yes`, `no`, `on` and `off` are text.
pub fn resolve_plain(text: &str) -> ScalarType {
    let Some(first) = text.bytes().next() else {
        return ScalarType::Null;
    };
    match first {
        b'~' | b'n' | b'N' if matches!(text, "~" | "null" | "Null" | "NULL") => ScalarType::Null,
        b't' | b'T' | b'f' | b'F'
            if matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") =>
        {
            ScalarType::Bool
        }
        b'.' | b'+' | b'-' | b'0'..=b'9' => number_or_time(text),
        _ => ScalarType::Str,
    }
}

fn number_or_time(text: &str) -> ScalarType {
    if text.len() > 100 {
        return ScalarType::Str;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return ScalarType::Float;
    }
    if is_time(text) {
        return ScalarType::Time;
    }
    // Underscores may stand anywhere, except in a number that begins with its point.
    let plain = if text.starts_with('.') {
        unsigned.to_owned()
    } else {
        unsigned.replace('_', "")
    };
    if is_int(&plain) {
        ScalarType::Int
    } else if is_float(&plain) {
        ScalarType::Float
    } else {
        ScalarType::Str
    }
}

/// Digits, with the prefixes of Go: `0x`, `0o`, `0b`, and `0` for octal. `08` is none.
fn is_int(text: &str) -> bool {
    let b = text.as_bytes();
    let all = |digits: &[u8], ok: fn(&u8) -> bool| !digits.is_empty() && digits.iter().all(ok);
    match b {
        [b'0', b'x' | b'X', rest @ ..] => {
            all(rest, u8::is_ascii_hexdigit) && u64::from_str_radix(&text[2..], 16).is_ok()
        }
        [b'0', b'o' | b'O', rest @ ..] => all(rest, |b| (b'0'..=b'7').contains(b)),
        [b'0', b'b' | b'B', rest @ ..] => all(rest, |b| matches!(b, b'0' | b'1')),
        [b'0', rest @ ..] if !rest.is_empty() => all(rest, |b| (b'0'..=b'7').contains(b)),
        // Longer numbers are floats.
        _ => all(b, u8::is_ascii_digit) && text.parse::<u64>().is_ok(),
    }
}

/// `1`, `1.`, `1.5`, `.5`, each with an exponent or without, that is not out of range.
fn is_float(text: &str) -> bool {
    let b = text.as_bytes();
    let digits = |from: usize| b[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(0);
    let mut at = whole;
    if b.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if whole == 0 && fraction == 0 {
            return false;
        }
        at += 1 + fraction;
    } else if whole == 0 {
        return false;
    }
    if matches!(b.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(b.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        let exponent = digits(at);
        if exponent == 0 {
            return false;
        }
        at += exponent;
    }
    at == b.len() && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Dates and timestamps go-yaml takes: `2006-1-2`, with a time and a zone behind `T` or `t`, with a time without zone
/// behind blanks.
fn is_time(text: &str) -> bool {
    let b = text.as_bytes();
    if b.len() < 8 || !b.iter().take(4).all(u8::is_ascii_digit) || b[4] != b'-' {
        return false;
    }
    let Ok(year) = text[..4].parse::<u32>() else {
        return false;
    };
    let Some((month, rest)) = small_number(&text[5..]) else {
        return false;
    };
    let Some((day, rest)) = rest.strip_prefix('-').and_then(small_number) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=12).contains(&month) || !(1..=days).contains(&day) {
        return false;
    }
    if rest.is_empty() {
        return true;
    }
    let (clock, zoned) = match rest.strip_prefix(['T', 't']) {
        Some(clock) => (clock, true),
        None if rest.starts_with(' ') => (rest.trim_start_matches(' '), false),
        None => return false,
    };
    let Some((hour, rest)) = small_number(clock) else {
        return false;
    };
    let Some((minute, rest)) = rest.strip_prefix(':').and_then(small_number) else {
        return false;
    };
    let Some((second, mut rest)) = rest.strip_prefix(':').and_then(small_number) else {
        return false;
    };
    if hour > 23 || minute > 59 || second > 59 {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(['.', ','])
        && fraction.starts_with(|c: char| c.is_ascii_digit())
    {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    if !zoned {
        return rest.is_empty();
    }
    match rest.as_bytes() {
        b"Z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            let two = |a: u8, b: u8| {
                (a.is_ascii_digit() && b.is_ascii_digit()).then(|| (a - b'0') * 10 + (b - b'0'))
            };
            two(*h1, *h2).is_some_and(|h| h <= 24) && two(*m1, *m2).is_some_and(|m| m < 60)
        }
        _ => false,
    }
}

/// One or two digits and what follows.
fn small_number(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_resolve_as_in_go_yaml() {
        for (text, ty) in [
            ("", ScalarType::Null),
            ("~", ScalarType::Null),
            ("null", ScalarType::Null),
            ("nULL", ScalarType::Str),
            ("true", ScalarType::Bool),
            ("yes", ScalarType::Str),
            ("on", ScalarType::Str),
            ("12", ScalarType::Int),
            ("-1_000", ScalarType::Int),
            ("0x1F", ScalarType::Int),
            ("0o17", ScalarType::Int),
            ("1.5", ScalarType::Float),
            ("1e3", ScalarType::Float),
            (".inf", ScalarType::Float),
            ("1.2.3", ScalarType::Str),
            ("10.0.0.1", ScalarType::Str),
            ("2024-01-02", ScalarType::Time),
            ("2024-01-02T03:04:05Z", ScalarType::Time),
            ("2024-13-02", ScalarType::Str),
            ("abc", ScalarType::Str),
        ] {
            assert_eq!(resolve_plain(text), ty, "{text}");
        }
    }

    #[test]
    fn aliases_and_merges_are_followed_on_request_only() {
        let p = parse("base: &b {x: 1, y: 2}\nm:\n  <<: *b\n  y: 3\n");
        assert!(p.is_whole());
        let d = &p.documents[0];
        let m = d.get(d.root().unwrap(), "m").unwrap();
        assert_eq!(d.get(m, "x"), None);
        assert_eq!(d.text(d.get_merged(m, "x").unwrap()), Some("1"));
        assert_eq!(d.text(d.get_merged(m, "y").unwrap()), Some("3"));
    }

    #[test]
    fn reading_goes_on_after_a_broken_document() {
        let p = parse("a: [1, 2\n---\nb: 1\n");
        assert!(!p.is_whole());
        let last = p.documents.last().unwrap();
        assert!(last.get(last.root().unwrap(), "b").is_some());
    }

    #[test]
    fn depth_and_alias_bombs_stay_small() {
        let deep = "[".repeat(100_000);
        assert!(!parse(&deep).is_whole());
        let deep: String = (0..5_000)
            .map(|i| format!("{}a:\n", " ".repeat(i)))
            .collect();
        assert!(!parse(&deep).is_whole());
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for i in 1..30 {
            let p = i - 1;
            bomb.push_str(&format!(
                "a{i}: &a{i} [*a{p},*a{p},*a{p},*a{p},*a{p},*a{p},*a{p},*a{p},*a{p}]\n"
            ));
        }
        let p = parse(&bomb);
        assert!(p.is_whole());
        assert!(p.documents[0].len() < 1_000);
    }

    #[test]
    fn duplicate_keys_are_told_and_kept() {
        let p = parse("a: 1\na: 2\n");
        assert_eq!(p.problems[0].kind, ProblemKind::DuplicateKey);
        let d = &p.documents[0];
        assert_eq!(d.entries(d.root().unwrap()).count(), 2);
    }
}

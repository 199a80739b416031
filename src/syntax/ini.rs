//! INI as sops reads it (go-ini with non-unique sections).
//!
//! Keys before the first section live in `DEFAULT`; `=` or `:` splits; `;` and `#` start comments; quotes, back-quotes,
//! triple quotes and a trailing backslash make values that go-ini resolves. Tree: section → key → value. A comment above
//! a key is a child of the section behind that key, because sops stores it there.

use std::borrow::Cow;

use super::{Child, Comment, Document, Kind, Node, NodeId, Parsed, Problem, ProblemKind, ScalarStyle, ScalarType};
use crate::model::Span;

struct Section<'t> {
    key: NodeId,
    span: Span,
    children: Vec<Child<'t>>,
}

pub(super) fn parse(text: &str) -> Parsed<'_> {
    let mut doc = Document::default();
    let mut problems = Vec::new();
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut root = Vec::new();
    // Comments above a key wait for it and go behind it.
    let mut waiting: Vec<Comment<'_>> = Vec::new();
    let mut lines = Lines { text, at: 0 };
    while let Some((start, line)) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            continue;
        }
        let lead = start + (line.len() - line.trim_start().len());
        let span = Span::new(lead, lead + trimmed.len());
        if let Some(comment) = trimmed.strip_prefix([';', '#']) {
            waiting.push(Comment { text: Cow::Borrowed(comment.trim()), span });
            continue;
        }
        if trimmed.starts_with('[') {
            let Some(end) = trimmed.rfind(']') else {
                problems.push(Problem { kind: ProblemKind::Syntax, span, document: 0 });
                continue;
            };
            let name = trimmed[1..end].trim();
            let key = doc.add_scalar(Cow::Borrowed(name), ScalarStyle::Plain, ScalarType::Str, Span::new(lead + 1, lead + end));
            root.extend(waiting.drain(..).map(Child::Comment));
            sections.push(Section { key, span, children: Vec::new() });
            continue;
        }
        if sections.is_empty() {
            let key = doc.add_scalar("DEFAULT".into(), ScalarStyle::Plain, ScalarType::Str, Span::new(start, start));
            sections.push(Section { key, span: Span::new(start, start), children: Vec::new() });
        }
        let Some(at) = trimmed.find(['=', ':']) else {
            problems.push(Problem { kind: ProblemKind::Syntax, span, document: 0 });
            continue;
        };
        let name = trimmed[..at].trim().trim_matches(['"', '`', '\'']);
        let key = doc.add_scalar(Cow::Borrowed(name), ScalarStyle::Plain, ScalarType::Str, Span::new(lead, lead + at));
        let (value, inline, value_span) = lines.value(lead + at + 1, lead + trimmed.len());
        let value = doc.add_scalar(value, ScalarStyle::Plain, ScalarType::Str, value_span);
        if let Some(section) = sections.last_mut() {
            section.children.push(Child::Entry(key, value));
            section.span.end = value_span.end;
            section.children.extend(waiting.drain(..).map(Child::Comment));
            section.children.extend(inline.map(Child::Comment));
        }
    }
    for s in sections {
        let value = doc.add(Node { span: s.span, kind: Kind::Mapping(s.children), flow: false });
        root.push(Child::Entry(s.key, value));
    }
    doc.outer_comments = waiting;
    let id = doc.add(Node { span: Span::new(0, text.len()), kind: Kind::Mapping(root), flow: false });
    doc.set_root(id);
    Parsed { documents: vec![doc], problems }
}

/// Lines with their offsets; a value may take more than one.
struct Lines<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lines<'t> {
    fn next(&mut self) -> Option<(usize, &'t str)> {
        if self.at >= self.text.len() {
            return None;
        }
        let start = self.at;
        let rest = &self.text[start..];
        let len = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |i| i + 1);
        self.at += len;
        Some((start, rest[..len].trim_end_matches(['\n', '\r'])))
    }

    /// The value that begins at `start`; reads on for triple quotes, back-quotes and continued lines.
    fn value(&mut self, start: usize, end: usize) -> (Cow<'t, str>, Option<Comment<'t>>, Span) {
        let raw = &self.text[start..end];
        let lead = start + raw.len() - raw.trim_start().len();
        let raw = raw.trim();
        for quote in ["\"\"\"", "`"] {
            if let Some(rest) = raw.strip_prefix(quote) {
                let from = lead + quote.len();
                // On one line, or up to the closing quote on a later one.
                let close = self.text[from..].find(quote).map(|i| from + i);
                let Some(close) = close else { break };
                if rest.contains(quote) || quote == "\"\"\"" || quote == "`" {
                    let line_end = memchr::memchr(b'\n', &self.text.as_bytes()[close..]).map_or(self.text.len(), |i| close + i + 1);
                    self.at = self.at.max(line_end);
                    return (Cow::Borrowed(&self.text[from..close]), None, Span::new(lead, close + quote.len()));
                }
            }
        }
        let mut text = raw;
        let mut comment = None;
        // An inline comment begins at ` ;` or ` #`.
        if let Some(i) = inline_comment(raw) {
            let span = Span::new(lead + i, lead + raw.len());
            comment = Some(Comment { text: Cow::Borrowed(raw[i + 1..].trim()), span });
            text = raw[..i].trim_end();
        }
        let span = Span::new(lead, lead + text.len());
        if let Some(stem) = text.strip_suffix('\\') {
            let mut joined = stem.to_owned();
            while let Some((_, line)) = self.next() {
                let line = line.trim();
                match line.strip_suffix('\\') {
                    Some(stem) => joined.push_str(stem),
                    None => {
                        joined.push_str(line);
                        break;
                    }
                }
            }
            return (Cow::Owned(joined), comment, Span::new(lead, self.at.max(lead)));
        }
        for quote in ['"', '\''] {
            if text.len() >= 2 && text.starts_with(quote) && text.ends_with(quote) {
                text = &text[1..text.len() - 1];
                break;
            }
        }
        (Cow::Borrowed(text), comment, span)
    }
}

fn inline_comment(raw: &str) -> Option<usize> {
    let b = raw.as_bytes();
    (1..b.len()).find(|&i| matches!(b[i], b';' | b'#') && matches!(b[i - 1], b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(text: &str, section: &str, key: &str) -> Option<String> {
        let p = parse(text);
        let d = &p.documents[0];
        let s = d.get(d.root()?, section)?;
        Some(d.text(d.get(s, key)?)?.to_owned())
    }

    #[test]
    fn sections_keys_and_values() {
        let text = "top = 1\n[a]\n; note\nk = v ; tail\nq: \"x y\"\n[b]\nk=z\\\n  w\nm = \"\"\"one\ntwo\"\"\"\n";
        assert_eq!(get(text, "DEFAULT", "top").as_deref(), Some("1"));
        assert_eq!(get(text, "a", "k").as_deref(), Some("v"));
        assert_eq!(get(text, "a", "q").as_deref(), Some("x y"));
        assert_eq!(get(text, "b", "k").as_deref(), Some("zw"));
        assert_eq!(get(text, "b", "m").as_deref(), Some("one\ntwo"));
        assert!(!parse("[a]\nno value\n").is_whole());
    }
}

//! INI as sops reads it (go-ini 1.67 with non-unique sections).
//!
//! Keys before the first section live in `DEFAULT`; the first `=` or `:` splits; `#` and `;` start a comment wherever they
//! stand in a value, in quotes too, but not between back-quotes or triple quotes; those may span lines, and a backslash at
//! the end of a line continues it. A line without value is an error. Tree: section → key → value.
//!
//! go-ini gathers comment lines for the next section or key and adds the comment on its line; sops makes that one comment:
//! the first child of the section, or a child behind the key. Comments behind the last key are dropped.

use std::borrow::Cow;

use super::Span;
use super::{
    Child, Comment, Document, Kind, Node, NodeId, Parsed, Problem, ProblemKind, ScalarStyle,
    ScalarType,
};

struct Section<'t> {
    key: NodeId,
    span: Span,
    children: Vec<Child<'t>>,
}

pub(super) fn parse(text: &str) -> Parsed<'_> {
    let mut reader = Reader {
        text,
        at: 0,
        waiting: Vec::new(),
        doc: Document::default(),
        problems: Vec::new(),
    };
    let mut sections: Vec<Section<'_>> = Vec::new();
    while let Some((start, line)) = reader.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            continue;
        }
        let start = start + (line.len() - line.trim_start().len());
        let end = start + trimmed.len();
        if trimmed.starts_with(['#', ';']) {
            reader.waiting.push(Span::new(start, end));
        } else if trimmed.starts_with('[') {
            match trimmed.rfind(']') {
                Some(close) if close > 1 => sections.push(reader.section(start, close, end)),
                _ => reader.problem(start, end),
            }
        } else {
            if sections.is_empty() {
                let key = reader.doc.add_scalar(
                    "DEFAULT".into(),
                    ScalarStyle::Plain,
                    ScalarType::Str,
                    Span::new(start, start),
                );
                sections.push(Section {
                    key,
                    span: Span::new(start, start),
                    children: Vec::new(),
                });
            }
            match (name(trimmed), sections.last_mut()) {
                (Some((from, to, value_at)), Some(section)) => {
                    let key = Span::new(start + from, start + to);
                    let key = reader.doc.add_scalar(
                        Cow::Borrowed(&text[key.start..key.end]),
                        ScalarStyle::Plain,
                        ScalarType::Str,
                        key,
                    );
                    let (value, span) = reader.value(start + value_at, end);
                    let value =
                        reader
                            .doc
                            .add_scalar(value, ScalarStyle::Plain, ScalarType::Str, span);
                    section.children.push(Child::Entry(key, value));
                    section
                        .children
                        .extend(reader.comment().map(Child::Comment));
                    section.span.end = span.end;
                }
                _ => reader.problem(start, end),
            }
        }
    }
    let last = reader.comment();
    let Reader {
        mut doc, problems, ..
    } = reader;
    let mut root = Vec::new();
    for s in sections {
        let value = doc.add(Node {
            span: s.span,
            kind: Kind::Mapping(s.children),
            flow: false,
        });
        root.push(Child::Entry(s.key, value));
    }
    doc.outer_comments.extend(last);
    let id = doc.add(Node {
        span: Span::new(0, text.len()),
        kind: Kind::Mapping(root),
        flow: false,
    });
    doc.set_root(id);
    Parsed {
        documents: vec![doc],
        problems,
    }
}

/// Start and end of the key's name and start of its value, in a line without leading blanks.
fn name(line: &str) -> Option<(usize, usize, usize)> {
    let quote = match line.as_bytes().first() {
        Some(b'"') if line.len() > 6 && line.starts_with("\"\"\"") => "\"\"\"",
        Some(b'"') => "\"",
        Some(b'`') => "`",
        _ => "",
    };
    let from = quote.len();
    let (to, delimiter) = if quote.is_empty() {
        let at = line.find(['=', ':'])?;
        (at, at)
    } else {
        let close = from + line.get(from..)?.find(quote)?;
        let behind = close + from;
        (close, behind + line.get(behind..)?.find(['=', ':'])?)
    };
    let name = line.get(from..to)?;
    let lead = name.len() - name.trim_start().len();
    let name = name.trim();
    (!name.is_empty()).then_some((from + lead, from + lead + name.len(), delimiter + 1))
}

/// Whether text stands between two quotes of a kind, with none of that kind inside.
fn is_quoted(text: &str, quote: char) -> bool {
    text.len() >= 2 && text.starts_with(quote) && text[1..].find(quote) == Some(text.len() - 2)
}

/// Lines with their offsets, and the comments that wait for a section or key.
struct Reader<'t> {
    text: &'t str,
    at: usize,
    waiting: Vec<Span>,
    doc: Document<'t>,
    problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
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

    fn problem(&mut self, start: usize, end: usize) {
        self.problems.push(Problem {
            kind: ProblemKind::Syntax,
            span: Span::new(start, end),
            document: 0,
        });
    }

    fn section(&mut self, start: usize, close: usize, end: usize) -> Section<'t> {
        let span = Span::new(start + 1, start + close);
        let key = self.doc.add_scalar(
            Cow::Borrowed(&self.text[span.start..span.end]),
            ScalarStyle::Plain,
            ScalarType::Str,
            span,
        );
        self.inline(start + close + 1, end);
        let children = self.comment().map(Child::Comment).into_iter().collect();
        Section {
            key,
            span: Span::new(start, end),
            children,
        }
    }

    /// Notes a comment between two offsets, and returns where it begins.
    fn inline(&mut self, start: usize, end: usize) -> Option<usize> {
        let at = start + self.text[start..end].find(['#', ';'])?;
        self.waiting.push(Span::new(at, end));
        Some(at)
    }

    /// The comments that wait, as the one comment they are to sops: only the first mark is taken off.
    fn comment(&mut self) -> Option<Comment<'t>> {
        let waiting = std::mem::take(&mut self.waiting);
        let span = Span::new(waiting.first()?.start, waiting.last()?.end);
        let lines: Vec<&str> = waiting.iter().map(|s| &self.text[s.start..s.end]).collect();
        let strip =
            |t: &'t str| t.trim_start_matches([if t.starts_with(';') { ';' } else { '#' }, ' ']);
        let text = match lines.as_slice() {
            [only] => Cow::Borrowed(strip(only)),
            [first, others @ ..] => Cow::Owned(format!("{}\n{}", strip(first), others.join("\n"))),
            [] => return None,
        };
        Some(Comment { text, span })
    }

    /// The value between two offsets; reads on for quotes and continued lines.
    fn value(&mut self, start: usize, end: usize) -> (Cow<'t, str>, Span) {
        let text = self.text;
        let raw = &text[start..end];
        let start = start + raw.len() - raw.trim_start().len();
        let raw = raw.trim();
        let quote = if raw.len() >= 3 && raw.starts_with("\"\"\"") {
            "\"\"\""
        } else if raw.starts_with('`') {
            "`"
        } else {
            ""
        };
        if !quote.is_empty() {
            return self.quoted(start, end, quote);
        }
        if let Some(stem) = raw.strip_suffix('\\') {
            return self.continued(stem, start);
        }
        let end = self.inline(start, end).unwrap_or(end);
        let mut value = text[start..end].trim();
        let mut at = start;
        if is_quoted(value, '\'') || is_quoted(value, '"') {
            value = &value[1..value.len() - 1];
            at += 1;
        }
        (Cow::Borrowed(value), Span::new(at, at + value.len()))
    }

    fn quoted(&mut self, start: usize, end: usize, quote: &str) -> (Cow<'t, str>, Span) {
        let text = self.text;
        let from = start + quote.len();
        if let Some(close) = text[from..end].rfind(quote) {
            return (
                Cow::Borrowed(&text[from..from + close]),
                Span::new(from, from + close),
            );
        }
        while let Some((at, line)) = self.next() {
            let Some(close) = line.rfind(quote) else {
                continue;
            };
            if line[close + quote.len()..].trim().ends_with('\\') {
                continue;
            }
            self.inline(
                at + close + quote.len(),
                at + line.trim_end().len().max(close + quote.len()),
            );
            return (
                Cow::Borrowed(&text[from..at + close]),
                Span::new(from, at + close),
            );
        }
        self.problem(start, end);
        (Cow::Borrowed(&text[from..]), Span::new(from, text.len()))
    }

    fn continued(&mut self, stem: &str, start: usize) -> (Cow<'t, str>, Span) {
        let mut joined = stem.to_owned();
        let mut end = self.at;
        while let Some((_, line)) = self.next() {
            let line = line.trim();
            if line.is_empty() {
                break;
            }
            end = self.at;
            match line.strip_suffix('\\') {
                Some(stem) => joined.push_str(stem),
                None => {
                    joined.push_str(line);
                    break;
                }
            }
        }
        (Cow::Owned(joined), Span::new(start, end.max(start)))
    }
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

//! dotenv as sops reads it (`stores/dotenv`): no quotes, no `export`, no trimming.
//!
//! Lines end at LF; empty lines are dropped; `#` in the first column starts a comment; else the first `=` splits name and
//! value, and `\n` in a value stands for a line end. A line without `=` is an error. A CR stays in the value there; here it
//! is taken off, so that a CRLF checkout is judged alike.

use std::borrow::Cow;

use super::Span;
use super::{
    Child, Comment, Document, Kind, Node, Parsed, Problem, ProblemKind, ScalarStyle, ScalarType,
};

pub(super) fn parse(text: &str) -> Parsed<'_> {
    let mut doc = Document::default();
    let mut children = Vec::new();
    let mut problems = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let span = Span::new(start, start + line.len());
        if let Some(comment) = line.strip_prefix('#') {
            children.push(Child::Comment(Comment {
                text: Cow::Borrowed(comment),
                span,
            }));
        } else if let Some(eq) = line.find('=') {
            let key = doc.add_scalar(
                Cow::Borrowed(&line[..eq]),
                ScalarStyle::Plain,
                ScalarType::Str,
                Span::new(start, start + eq),
            );
            let raw = &line[eq + 1..];
            let value = if raw.contains("\\n") {
                Cow::Owned(raw.replace("\\n", "\n"))
            } else {
                Cow::Borrowed(raw)
            };
            let value = doc.add_scalar(
                value,
                ScalarStyle::Plain,
                ScalarType::Str,
                Span::new(start + eq + 1, span.end),
            );
            children.push(Child::Entry(key, value));
        } else if !line.trim().is_empty() {
            problems.push(Problem {
                kind: ProblemKind::Syntax,
                span,
                document: 0,
            });
        }
    }
    let root = doc.add(Node {
        span: Span::new(0, text.len()),
        kind: Kind::Mapping(children),
        flow: false,
    });
    doc.set_root(root);
    Parsed {
        documents: vec![doc],
        problems,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_split_at_the_first_equals_sign() {
        let p = parse("# c\nA=1=2\r\n\nB=x\\ny\nexport C=3\n");
        let d = &p.documents[0];
        let root = d.root().unwrap();
        assert_eq!(d.text(d.get(root, "A").unwrap()), Some("1=2"));
        assert_eq!(d.text(d.get(root, "B").unwrap()), Some("x\ny"));
        assert_eq!(d.text(d.get(root, "export C").unwrap()), Some("3"));
        assert!(p.is_whole());
        assert!(!parse("<<<<<<< HEAD\nA=1\n").is_whole());
    }
}

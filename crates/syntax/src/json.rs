//! JSON: by a reader of its own where it is strict, else through the YAML reader, which is a superset here.
//!
//! `serde_json` first finds where the value ends: sops 3.13 ignores bytes behind the closing brace, so they are cut off
//! and reported ([`ProblemKind::TrailingContent`]), never lost. Text that is no strict JSON (comments, trailing commas,
//! conflict markers) still goes through the YAML reader, so that as much as possible is judged.

use super::Span;
use super::{Parsed, Problem, ProblemKind, strict_json, yaml};

pub(super) fn parse(text: &str) -> Parsed<'_> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    let end = match stream.next() {
        Some(Ok(_)) => Some(stream.byte_offset()),
        _ => None,
    };
    let Some(end) = end else {
        let mut parsed = yaml::parse_json(text);
        // No strict JSON: whatever the lenient reader made of it, sops refuses the file.
        if parsed.is_whole() && !text.trim().is_empty() {
            parsed.problems.push(Problem {
                kind: ProblemKind::Syntax,
                span: Span::new(0, 0),
                document: 0,
            });
        }
        return parsed;
    };
    let value = &text[..end];
    let mut parsed = strict_json::read(value).unwrap_or_else(|| yaml::parse_json(value));
    let rest = &text[end..];
    if !rest.trim().is_empty() {
        let lead = rest.len() - rest.trim_start().len();
        parsed.problems.push(Problem {
            kind: ProblemKind::TrailingContent,
            span: Span::new(end + lead, text.len()),
            document: 0,
        });
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_behind_the_value_is_told() {
        let p = parse("{\"a\": 1}\nextra: x\n");
        assert!(p.is_whole());
        assert_eq!(p.problems[0].kind, ProblemKind::TrailingContent);
        let d = &p.documents[0];
        assert_eq!(d.text(d.get(d.root().unwrap(), "a").unwrap()), Some("1"));
    }

    #[test]
    fn json_with_comments_is_no_json() {
        assert!(!parse("{\n// c\n\"a\": 1}").is_whole());
        assert!(!parse("{\"a\": 1,}").is_whole());
    }

    #[test]
    fn surrogate_pairs_and_solidus_escapes_are_read() {
        let p = parse("{\"k\\u0069nd\": \"a\\/\\ud83d\\ude00\"}");
        let d = &p.documents[0];
        assert_eq!(
            d.text(d.get(d.root().unwrap(), "kind").unwrap()),
            Some("a/😀")
        );
    }
}

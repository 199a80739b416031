//! JSON whose soundness is known, read in one pass: generated files of megabytes are JSON, and a YAML reader takes twenty
//! times as long for them.
//!
//! The tree is the one that the YAML reader makes of the same text, place by place; a test compares them. Where the two
//! languages could read a text differently this says no, and the YAML reader decides.

use std::borrow::Cow;

use super::Span;
use super::yaml::{find_duplicates, resolve_plain};
use super::{Child, Document, Kind, Node, NodeId, Parsed, ScalarStyle, ScalarType};

/// Deeper nesting is left to the YAML reader, which knows the limit.
const DEEPEST: usize = 500;

/// Reads an object or list that `serde_json` accepted; `None` where the YAML reader has to.
pub(super) fn read(text: &str) -> Option<Parsed<'_>> {
    if !text.is_ascii() && text.chars().any(is_odd)
        || memchr::memchr(0x7f, text.as_bytes()).is_some()
    {
        return None;
    }
    let mut reader = Reader {
        text,
        at: 0,
        doc: Document::default(),
        open: Vec::new(),
    };
    reader.document()?;
    let mut parsed = Parsed::default();
    find_duplicates(&reader.doc, 0, &mut parsed.problems);
    parsed.documents.push(reader.doc);
    Some(parsed)
}

/// Characters that YAML refuses, takes for line ends or for a mark of the encoding, and JSON does not.
fn is_odd(c: char) -> bool {
    matches!(
        c,
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
    )
}

/// An open object or list.
struct Open {
    id: NodeId,
    mapping: bool,
    key: Option<NodeId>,
    children: Vec<Child<'static>>,
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    doc: Document<'t>,
    open: Vec<Open>,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Option<()> {
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => self.at += 1,
                b'{' | b'[' if self.open.len() == DEEPEST => return None,
                b'{' => self.begin(true),
                b'[' => self.begin(false),
                b'}' | b']' => {
                    self.at += 1;
                    self.end()?;
                    if self.open.is_empty() {
                        return Some(());
                    }
                }
                b'"' => self.string()?,
                _ => self.word()?,
            }
        }
    }

    fn begin(&mut self, mapping: bool) {
        let kind = match mapping {
            true => Kind::Mapping(Vec::new()),
            false => Kind::Sequence(Vec::new()),
        };
        let id = self.doc.add(Node {
            span: Span::new(self.at, self.at + 1),
            kind,
            flow: true,
        });
        self.at += 1;
        match self.open.is_empty() {
            true => self.doc.set_root(id),
            false => self.attach(id),
        }
        self.open.push(Open {
            id,
            mapping,
            key: None,
            children: Vec::new(),
        });
    }

    fn end(&mut self) -> Option<()> {
        let open = self.open.pop()?;
        let node = self.doc.node_mut(open.id)?;
        node.span.end = self.at;
        if let Kind::Mapping(children) | Kind::Sequence(children) = &mut node.kind {
            *children = open.children;
        }
        Some(())
    }

    fn attach(&mut self, id: NodeId) {
        let Some(top) = self.open.last_mut() else {
            return;
        };
        match (top.mapping, top.key.take()) {
            (false, _) => top.children.push(Child::Item(id)),
            (true, None) => top.key = Some(id),
            (true, Some(key)) => top.children.push(Child::Entry(key, id)),
        }
    }

    fn string(&mut self) -> Option<()> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        let mut escaped = false;
        loop {
            end += memchr::memchr2(b'"', b'\\', bytes.get(end..)?)?;
            if bytes[end] == b'"' {
                break;
            }
            escaped = true;
            end += 2;
        }
        let text = match escaped {
            false => Cow::Borrowed(self.text.get(start + 1..end)?),
            true => Cow::Owned(serde_json::from_str(self.text.get(start..=end)?).ok()?),
        };
        self.at = end + 1;
        self.scalar(text, ScalarStyle::Quoted, ScalarType::Str, start);
        Some(())
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Option<()> {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        let len = rest.iter().take_while(part).count();
        if len == 0 || self.open.is_empty() {
            return None;
        }
        self.at += len;
        let text = &self.text[start..self.at];
        self.scalar(
            Cow::Borrowed(text),
            ScalarStyle::Plain,
            resolve_plain(text),
            start,
        );
        Some(())
    }

    fn scalar(&mut self, text: Cow<'t, str>, style: ScalarStyle, ty: ScalarType, start: usize) {
        let id = self
            .doc
            .add_scalar(text, style, ty, Span::new(start, self.at));
        self.attach(id);
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    /// Both readings of a text that is strict JSON.
    fn compare(text: &str) -> bool {
        let Some(fast) = read(text) else {
            return false;
        };
        let slow = yaml::parse_json(text);
        let problems = |p: &Parsed<'_>| {
            let all = p.problems.iter();
            all.map(|p| (format!("{:?}", p.kind), p.span, p.document))
                .collect::<Vec<_>>()
        };
        assert_eq!(problems(&fast), problems(&slow), "{text}");
        assert!(fast.documents == slow.documents, "{text}");
        true
    }

    #[test]
    fn it_reads_what_the_yaml_reader_reads() {
        for text in [
            "{}",
            "[]",
            " {\"a\": 1}\n",
            "{\"a\":{\"b\":[1,-2.5e+3,true,false,null,\"x\",{},[]]},\"a\":2}",
            "{\n\t\"a\" :\t\"b\" ,\r\n \"c\": \"d\\n\\u00e9\\/\\\"\\\\\"\n}",
            "{\"<<\": {\"x\": 1}, \"y\": \"é 漢 😀\"}",
            "[\"\\ud83d\\ude00\", 1e400, 0, -0, 123456789012345678901234567890, 0.1]",
            "{\"\": \"\", \"# no comment\": \"- x: y\"}",
            "[[[[[[]]]]],{\"a\":[{}]}]",
            "{\"k\":\"v\"}",
            "{\"a\":\"2020-01-01\",\"b\":\"1\"}",
        ] {
            assert!(
                serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
                "{text}"
            );
            assert!(compare(text), "{text}");
        }
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(compare(&deep(500)) && read(&deep(501)).is_none());
        for text in [
            "1",
            "\"a\"",
            "{\"a\": \"\\ud800\"}",
            "{\"a\": \"\u{85}\"}",
            "{\"a\": \"\u{7f}\"}",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_thousand_made_up_texts() {
        let mut seed = 7u64;
        let mut random = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % most
        };
        fn value(random: &mut dyn FnMut(u64) -> u64, depth: u64) -> String {
            let blank = |random: &mut dyn FnMut(u64) -> u64| {
                ["", "", " ", "\n", "\n    ", "\t", "\r\n"][random(7) as usize].to_owned()
            };
            let text = |random: &mut dyn FnMut(u64) -> u64| {
                let parts = [
                    "a", "key", "é", "\\n", "\\u0041", "\\\"", ": ", "#", " ", "'", "-", "{", "*",
                    "&", "!", "%", "😀", "\\t", "|", ">", "?", "@", "`", ",",
                ];
                let count = random(5);
                let inner: String = (0..count)
                    .map(|_| parts[random(parts.len() as u64) as usize])
                    .collect();
                format!("\"{inner}\"")
            };
            match random(if depth > 4 { 4 } else { 8 }) {
                0 => ["1", "-7", "0.5", "1E9", "2e-3", "18446744073709551616"][random(6) as usize]
                    .to_owned(),
                1 => ["true", "false", "null"][random(3) as usize].to_owned(),
                2 | 3 => text(random),
                4 | 5 => {
                    let items: Vec<String> = (0..random(5))
                        .map(|_| {
                            format!(
                                "{}{}{}",
                                blank(random),
                                value(random, depth + 1),
                                blank(random)
                            )
                        })
                        .collect();
                    format!("[{}]", items.join(","))
                }
                _ => {
                    let items: Vec<String> = (0..random(5))
                        .map(|_| {
                            format!(
                                "{}{}{}:{}{}{}",
                                blank(random),
                                text(random),
                                blank(random),
                                blank(random),
                                value(random, depth + 1),
                                blank(random)
                            )
                        })
                        .collect();
                    format!("{{{}}}", items.join(","))
                }
            }
        }
        let mut read = 0;
        for _ in 0..20_000 {
            let text = format!("[{}]", value(&mut random, 0));
            assert!(
                serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(),
                "{text}"
            );
            read += usize::from(compare(&text));
        }
        assert!(read > 19_000, "{read}");
    }
}

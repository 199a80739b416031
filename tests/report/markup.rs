//! Whether a page is well-formed, and whether it keeps to what it may hold. Reads the subset of HTML that the report
//! writes: every element closed in order, every attribute quoted, every `&` an entity.

use std::collections::BTreeSet;

const ELEMENTS: &[&str] = &[
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "header",
    "main",
    "section",
    "footer",
    "p",
    "h1",
    "h2",
    "dl",
    "dt",
    "dd",
    "div",
    "ul",
    "ol",
    "li",
    "b",
    "strong",
    "span",
    "code",
    "bdi",
    "time",
    "a",
    "br",
    "details",
    "summary",
    "figure",
    "figcaption",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "svg",
    "defs",
    "pattern",
    "rect",
    "path",
    "circle",
    "line",
    "text",
    "tspan",
    "g",
    "wbr",
];
const VOID: &[&str] = &["meta", "br", "wbr"];
const ATTRIBUTES: &[&str] = &[
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "class",
    "id",
    "href",
    "datetime",
    "scope",
    "colspan",
    "data-label",
    "aria-labelledby",
    "aria-hidden",
    "role",
    "open",
    "width",
    "height",
    "x",
    "y",
    "x1",
    "x2",
    "y1",
    "y2",
    "rx",
    "r",
    "cx",
    "cy",
    "d",
    "patternUnits",
    "text-anchor",
];

/// Fails with what is wrong, or gives the text between the tags.
pub fn check(page: &str) -> String {
    let (mut open, mut ids, mut targets) = (Vec::<&str>::new(), BTreeSet::new(), BTreeSet::new());
    let mut text = String::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").expect("a doctype");
    while let Some(at) = rest.find('<') {
        text.push_str(entities(&rest[..at]).as_str());
        let tag = &rest[at + 1..];
        let end = tag.find('>').expect("a tag ends");
        let (tag, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed out of order");
            continue;
        }
        let (tag, closed) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(
            ELEMENTS.contains(&name),
            "<{name}> is no element of the report"
        );
        let mut seen = BTreeSet::new();
        while !attributes.is_empty() {
            let end = attributes.find(['=', ' ']).unwrap_or(attributes.len());
            let key = &attributes[..end];
            assert!(
                ATTRIBUTES.contains(&key),
                "{key} is no attribute of the report"
            );
            assert!(seen.insert(key), "{key} stands twice");
            let value = match attributes[end..].strip_prefix("=\"") {
                Some(value) => {
                    let (value, next) = value.split_once('"').expect("a value ends");
                    attributes = next.trim_start();
                    entities(value)
                }
                None => {
                    assert_eq!(key, "open", "only this one needs no value");
                    attributes = attributes[end..].trim_start();
                    String::new()
                }
            };
            match key {
                "id" => assert!(ids.insert(value.clone()), "the id {value} stands twice"),
                "href" => drop(
                    targets.insert(
                        value
                            .strip_prefix('#')
                            .expect("a link stays on the page")
                            .to_owned(),
                    ),
                ),
                "aria-labelledby" => drop(targets.insert(value)),
                _ => {}
            }
        }
        if name == "style" {
            let (sheet, after) = rest.split_once("</style>").expect("the style ends");
            assert!(
                !sheet.contains(['<', '&']) && !sheet.contains("@import"),
                "plain CSS"
            );
            for (at, _) in sheet.match_indices("url(") {
                assert!(sheet[at..].starts_with("url(#"), "the style loads nothing");
            }
            rest = after;
        } else if !(closed || VOID.contains(&name)) {
            open.push(name);
        }
    }
    assert_eq!(rest.trim(), "");
    assert_eq!(open, [""; 0], "everything is closed");
    let dead: Vec<_> = targets.difference(&ids).collect();
    assert!(dead.is_empty(), "nothing has the ids {dead:?}");
    text
}

/// Text with its entities read.
fn entities(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').expect("an entity ends");
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            _ => panic!("&{name}; is no entity of the report"),
        });
        out.push_str(rest);
    }
    out
}

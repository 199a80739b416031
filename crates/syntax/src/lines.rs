//! The line scanner: what can still be told of a text that does not parse.
//!
//! Reads `key: value`, `"key": "value",` and `key = value` lines with their indentation. It exists so that a broken file
//! is never skipped in silence; it finds less than a parser and says so ([`super::Parsed::is_whole`] is false then).

use super::Span;

/// A value below `data` or `stringData` of something that says it is a Secret.
pub struct SecretLine {
    /// The key.
    pub key: String,
    /// The value, quotes taken off; of a block scalar its lines.
    pub value: String,
    /// Whether it stands under `data`.
    pub base64: bool,
    /// Where the line stands.
    pub span: Span,
}

struct Line<'t> {
    start: usize,
    indent: usize,
    key: &'t str,
    value: &'t str,
    raw: &'t str,
}

fn split(start: usize, raw: &str) -> Line<'_> {
    let body = raw.trim_start();
    let indent = raw.len() - body.len();
    let body = body.trim_end();
    // A list dash belongs to the indentation of what follows.
    let (dash, body) = match body.strip_prefix("- ") {
        Some(rest) => (2, rest.trim_start()),
        None => (0, body),
    };
    let (key, value) = if let Some(rest) = body.strip_prefix('"') {
        match rest.find('"') {
            Some(end) => (
                &rest[..end],
                rest[end + 1..]
                    .trim_start()
                    .strip_prefix(':')
                    .unwrap_or("")
                    .trim(),
            ),
            None => ("", ""),
        }
    } else {
        match body
            .find(": ")
            .or_else(|| body.ends_with(':').then(|| body.len() - 1))
        {
            Some(at) => (body[..at].trim(), body[at + 1..].trim()),
            None => ("", ""),
        }
    };
    Line {
        start,
        indent: indent + dash,
        key,
        value,
        raw,
    }
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |raw| {
        let start = at;
        at += raw.len();
        split(start, raw.trim_end_matches(['\n', '\r']))
    })
}

fn unquote(value: &str) -> &str {
    let value = value.strip_suffix(',').unwrap_or(value).trim();
    for q in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(q).and_then(|v| v.strip_suffix(q)) {
            return inner;
        }
    }
    value
}

/// Direct children of `data` and `stringData` in documents that say `kind: Secret`. Values with a template expression are
/// left out.
pub fn secret_lines(text: &str) -> Vec<SecretLine> {
    let mut out = Vec::new();
    let mut document: Vec<Line<'_>> = Vec::new();
    for line in lines(text) {
        if line.raw.starts_with("---") {
            secret_document(&document, &mut out);
            document.clear();
        } else {
            document.push(line);
        }
    }
    secret_document(&document, &mut out);
    out
}

fn secret_document(document: &[Line<'_>], out: &mut Vec<SecretLine>) {
    let value_of = |key: &str| {
        document
            .iter()
            .filter(|l| l.key == key)
            .map(|l| unquote(strip_comment(l.value)))
            .collect::<Vec<_>>()
    };
    let apis = value_of("apiVersion");
    if !value_of("kind").contains(&"Secret") || !(apis.is_empty() || apis.contains(&"v1")) {
        return;
    }
    let mut i = 0;
    while i < document.len() {
        let head = &document[i];
        i += 1;
        let base64 = match head.key {
            "data" => true,
            "stringData" => false,
            _ => continue,
        };
        if !matches!(head.value, "" | "{" | "|" | ">") {
            continue;
        }
        let mut child_indent = None;
        while let Some(line) = document.get(i) {
            if line.raw.trim().is_empty()
                || line.raw.trim_start().starts_with('#')
                || is_control(line.raw)
            {
                i += 1;
                continue;
            }
            if line.indent <= head.indent {
                break;
            }
            let indent = *child_indent.get_or_insert(line.indent);
            i += 1;
            if line.indent != indent || line.key.is_empty() {
                continue;
            }
            let mut value = unquote(strip_comment(line.value)).to_owned();
            if value.starts_with(['|', '>']) && value.len() <= 3 {
                value.clear();
                while let Some(inner) = document
                    .get(i)
                    .filter(|l| l.raw.trim().is_empty() || l.indent > indent)
                {
                    value.push_str(inner.raw.trim());
                    value.push('\n');
                    i += 1;
                }
            }
            let expression = ["{{", "{%", "<%", "[[", "#{"]
                .iter()
                .any(|m| value.contains(m));
            if !expression && value.chars().any(char::is_alphanumeric) {
                let lead = line.raw.len() - line.raw.trim_start().len();
                let span = Span::new(line.start + lead, line.start + line.raw.len());
                out.push(SecretLine {
                    key: line.key.to_owned(),
                    value,
                    base64,
                    span,
                });
            }
        }
    }
}

fn strip_comment(value: &str) -> &str {
    if value.starts_with(['"', '\'']) {
        return value;
    }
    value.find(" #").map_or(value, |i| value[..i].trim_end())
}

/// Lines of a template engine between the lines of the document.
fn is_control(raw: &str) -> bool {
    let t = raw.trim();
    (t.starts_with("{{") && t.ends_with("}}"))
        || (t.starts_with("{%") && t.ends_with("%}"))
        || t.starts_with("<%")
}

/// Whether any line outside comments assigns something: `key: value`, `key=value`.
pub fn has_assignment(text: &str) -> bool {
    text.lines().any(|l| {
        let t = l.trim();
        if t.is_empty() || t.starts_with(['#', ';']) || t.starts_with("//") {
            return false;
        }
        let line = split(0, t);
        (!line.key.is_empty() && !line.value.is_empty())
            || t.split_once('=')
                .is_some_and(|(k, v)| !k.trim().is_empty() && !v.trim().is_empty())
    })
}

/// Whether a marker of a template engine stands outside comments and quotes.
pub fn has_template_marker(text: &str) -> bool {
    text.lines().any(|line| {
        let t = line.trim_start();
        (!t.starts_with('#') || t.starts_with("#{")) && marks_template(line.as_bytes())
    })
}

/// One pass: the marker must stand outside quotes and before any comment. `[[` alone is a list in a list, so it must be
/// closed on its line.
fn marks_template(line: &[u8]) -> bool {
    let closes = memchr::memmem::rfind(line, b"]]");
    let (mut single, mut double) = (false, false);
    for (at, pair) in line.windows(2).enumerate() {
        match pair[0] {
            b'\'' => single = !single,
            b'"' => double = !double,
            _ => {}
        }
        if pair == b" #" && !line[at + 2..].starts_with(b"{") {
            return false;
        }
        let marker = match pair {
            b"{{" | b"{%" | b"<%" | b"#{" => true,
            b"[[" => closes.is_some_and(|c| c > at + 1),
            _ => false,
        };
        if marker && !single && !double {
            return true;
        }
    }
    false
}

/// A text of brackets that ends too early, with the missing ones put behind it; spans in the original text stay right.
/// `None` where nothing is missing or the text is no bracketed one.
pub fn close_brackets(text: &str) -> Option<String> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let mut open = Vec::new();
    let mut quote = None;
    let mut escaped = false;
    for b in text.bytes() {
        match (quote, b) {
            (Some(_), _) if escaped => escaped = false,
            (Some(b'"'), b'\\') => escaped = true,
            (Some(q), b) if q == b => quote = None,
            (Some(_), _) => {}
            (None, b'"') => quote = Some(b),
            (None, b'{') => open.push('}'),
            (None, b'[') => open.push(']'),
            (None, b'}' | b']') => {
                open.pop();
            }
            _ => {}
        }
    }
    if open.is_empty() || open.len() > super::MAX_DEPTH {
        return None;
    }
    let mut out = text.trim_end().trim_end_matches(',').to_owned();
    if quote.is_some() {
        out.push('"');
    }
    out.extend(open.into_iter().rev());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_from_broken_yaml() {
        let text = "apiVersion: v1\nkind: Secret\n{{- if .x }}\nstringData:\n  a: {{ .Values.a }}\n  b: hunter2 # note\n  c: |\n    line\n{{- end }}\nmetadata: [\n";
        let found = secret_lines(text);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (
                found[0].key.as_str(),
                found[0].value.as_str(),
                found[0].base64
            ),
            ("b", "hunter2", false)
        );
        assert_eq!(found[1].value, "line\n");
        assert!(secret_lines("kind: ConfigMap\ndata:\n  a: b\n").is_empty());
    }

    #[test]
    fn template_markers_count_outside_comments_and_strings_only() {
        assert!(has_template_marker("a: {{ x }}\n"));
        assert!(has_template_marker("{% if x %}\n"));
        assert!(!has_template_marker("# {{ x }}\na: \"{{ x }}\"\n"));
        assert!(has_template_marker("a: [[ .x ]]\n"));
        assert!(!has_template_marker("a: [[\n  b ]]\n"));
    }

    #[test]
    fn cut_off_brackets_are_closed() {
        assert_eq!(
            close_brackets("{\"a\": [1, {\"b\": \"x\"},").as_deref(),
            Some("{\"a\": [1, {\"b\": \"x\"}]}")
        );
        assert_eq!(
            close_brackets("{\"a\": \"x}").as_deref(),
            Some("{\"a\": \"x}\"}")
        );
        assert_eq!(close_brackets("{\"a\": 1}"), None);
        assert_eq!(close_brackets("a: ["), None);
    }
}

//! Substitutions and template expressions: what is left of a text without them, and which literals stand inside.
//!
//! Known are `${X}` and `$(X)` with their defaults, and `{{…}} {%…%} #{…}# <%…%> [[…]]` as Helm, Jinja, Octopus, ERB and
//! Go templates with changed delimiters write them. One pass over the text, no recursion: nested substitutions live on a
//! bounded stack, and a search that failed once is never repeated. What an expression means is not asked, only which
//! literals it may yield (`expression.rs`).

use super::expression;

/// Stands where an expression was taken out, so that what stood before and after stays apart.
pub const HOLE: char = '\u{FFFC}';

/// Deeper substitutions are read as plain text.
const MAX_DEPTH: usize = 32;

/// A literal that an expression yields when nothing else is set.
pub struct Literal {
    variable: String,
    text: String,
}

impl Literal {
    /// The variable whose default this is; empty for a literal of a template expression.
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// The literal; a nested substitution is a [`HOLE`] in it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A text without its expressions.
pub struct Stripped {
    rest: String,
    literals: Vec<Literal>,
    expressions: usize,
}

impl Stripped {
    /// The remaining text, with a [`HOLE`] for each expression.
    pub fn rest(&self) -> &str {
        &self.rest
    }

    /// Literals of the expressions that hold a letter or digit.
    pub fn literals(&self) -> impl Iterator<Item = &Literal> {
        self.literals.iter()
    }

    /// How many expressions were taken out.
    pub fn expressions(&self) -> usize {
        self.expressions
    }

    /// Whether nothing but quotes and separators is left.
    pub fn is_bare(&self) -> bool {
        self.expressions > 0 && !self.rest.chars().any(char::is_alphanumeric)
    }
}

/// Whether the text holds a substitution or template expression.
pub fn has_expression(text: &str) -> bool {
    memchr::memchr3(b'$', b'{', b'[', text.as_bytes())
        .or_else(|| memchr::memchr2(b'<', b'#', text.as_bytes()))
        .is_some()
        && strip(text).expressions > 0
}

/// Takes substitutions and template expressions out of a text.
pub fn strip(text: &str) -> Stripped {
    let mut scan = Scan {
        text,
        out: Stripped {
            rest: String::with_capacity(text.len()),
            literals: Vec::new(),
            expressions: 0,
        },
        frames: Vec::new(),
        exhausted: [false; DELIMITERS.len()],
        wasted: 0,
    };
    scan.run();
    scan.out
}

/// Delimiters of template expressions: opening, closing.
const DELIMITERS: [(&str, &str); 5] = [
    ("{{", "}}"),
    ("{%", "%}"),
    ("#{", "}#"),
    ("<%", "%>"),
    ("[[", "]]"),
];

/// An open substitution: what it began with, its text so far, and how many brackets are open inside.
struct Frame {
    brace: bool,
    text: String,
    depth: usize,
}

impl Frame {
    fn brackets(&self) -> (u8, u8) {
        if self.brace {
            (b'{', b'}')
        } else {
            (b'(', b')')
        }
    }
}

struct Scan<'a> {
    text: &'a str,
    out: Stripped,
    frames: Vec<Frame>,
    /// Delimiters of which no closing one is left.
    exhausted: [bool; DELIMITERS.len()],
    /// Bytes read by searches that led nowhere; past a multiple of the text quotes are no longer honoured.
    wasted: usize,
}

impl Scan<'_> {
    fn run(&mut self) {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let plain = bytes[at..]
                .iter()
                .position(|b| b"${}#<[()\n".contains(b) || *b == 0xEF);
            let next = plain.map_or(bytes.len(), |n| at + n);
            self.push(&self.text[at..next]);
            at = next;
            if at < bytes.len() {
                at = self.special(at);
            }
        }
        self.unwind();
    }

    /// Handles the special byte at `at` and returns where to go on.
    fn special(&mut self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let byte = bytes[at];
        match (byte, bytes.get(at + 1)) {
            (b'$', Some(b'{')) => {
                if bytes.get(at + 2) == Some(&b'{')
                    && let Some(after) = self.expression(at + 1)
                {
                    return after;
                }
                return self.open(at, true);
            }
            (b'$', Some(b'(')) => return self.open(at, false),
            (b'\n', _) => self.unwind(),
            (b'{' | b'#' | b'<' | b'[', _) => {
                if let Some(after) = self.expression(at) {
                    return after;
                }
            }
            _ => {}
        }
        if let Some(frame) = self.frames.last_mut() {
            let (open, close) = frame.brackets();
            if byte == open {
                frame.depth += 1;
            } else if byte == close && frame.depth > 0 {
                frame.depth -= 1;
            } else if byte == close {
                self.close();
                return at + 1;
            }
        }
        // The object replacement character itself must not pass for a hole.
        let len = self.text[at..].chars().next().map_or(1, char::len_utf8);
        let piece = &self.text[at..at + len];
        self.push(if piece.starts_with(HOLE) { "?" } else { piece });
        at + len
    }

    fn push(&mut self, piece: &str) {
        match self.frames.last_mut() {
            Some(frame) => frame.text.push_str(piece),
            None => self.out.rest.push_str(piece),
        }
    }

    fn hole(&mut self) {
        self.out.expressions += 1;
        self.push("\u{FFFC}");
    }

    /// Opens a substitution at `$`.
    fn open(&mut self, at: usize, brace: bool) -> usize {
        if self.frames.len() < MAX_DEPTH {
            self.frames.push(Frame {
                brace,
                text: String::new(),
                depth: 0,
            });
        } else {
            self.push(&self.text[at..at + 2]);
            if let Some(frame) = self.frames.last_mut()
                && frame.brace == brace
            {
                frame.depth += 1;
            }
        }
        at + 2
    }

    /// Closes the innermost substitution.
    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        if frame.text.is_empty() {
            // `${}` and `$()` name nothing.
            self.push(if frame.brace { "${}" } else { "$()" });
            return;
        }
        if frame.brace {
            match default_of(&frame.text) {
                Some((variable, text)) => self.literal(variable, text.to_owned()),
                None if frame.text.contains(['"', '\'']) => {
                    for text in expression::literals(&frame.text) {
                        self.literal("", text);
                    }
                }
                None => {}
            }
        }
        self.hole();
    }

    fn literal(&mut self, variable: &str, text: String) {
        if text.chars().any(char::is_alphanumeric) {
            self.out.literals.push(Literal {
                variable: variable.to_owned(),
                text,
            });
        }
    }

    /// Open substitutions turn back into text, in the order in which they stand.
    fn unwind(&mut self) {
        for frame in self.frames.drain(..) {
            self.out
                .rest
                .push_str(if frame.brace { "${" } else { "$(" });
            self.out.rest.push_str(&frame.text);
        }
    }

    /// Takes out the template expression that begins at `at`, if one does.
    fn expression(&mut self, at: usize) -> Option<usize> {
        let after_open = self.text.get(at..)?;
        let which = DELIMITERS
            .iter()
            .position(|(open, _)| after_open.starts_with(open))?;
        let (open, close) = DELIMITERS[which];
        let start = at + open.len();
        // `[[1, 2], [3]]` is a list, not an expression.
        let first = self.text[start..].bytes().find(|b| *b != b' ');
        if open == "[[" && !first.is_some_and(|b| b.is_ascii_alphabetic() || b"._$-".contains(&b)) {
            return None;
        }
        let end = self.find_close(which, start, open, close)?;
        for text in expression::literals(&self.text[start..end]) {
            self.literal("", text);
        }
        self.hole();
        Some(end + close.len())
    }

    /// The closing delimiter outside of strings, or failing that the next one at all.
    fn find_close(&mut self, which: usize, start: usize, open: &str, close: &str) -> Option<usize> {
        if self.exhausted[which] {
            return None;
        }
        if self.wasted <= 2 * self.text.len() + 1024 {
            match outside_strings(self.text, start, open, close) {
                Ok(end) => return Some(end),
                Err(read) => self.wasted += read,
            }
        }
        let found = memchr::memmem::find(&self.text.as_bytes()[start..], close.as_bytes())
            .map(|n| start + n);
        self.exhausted[which] = found.is_none();
        found
    }
}

/// Finds `close` from `start` on, skipping quoted strings; on failure, how many bytes were read.
fn outside_strings(text: &str, start: usize, open: &str, close: &str) -> Result<usize, usize> {
    let bytes = text.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(close.as_bytes()) {
            return Ok(at);
        }
        if rest.starts_with(open.as_bytes()) {
            break;
        }
        at = match bytes[at] {
            quote @ (b'"' | b'\'' | b'`') => match end_of_string(bytes, at, quote) {
                Ok(end) => end,
                Err(read) => return Err(at + read - start),
            },
            _ => at + 1,
        };
    }
    Err(at - start)
}

/// The byte after the string that begins at `at`; on failure, how many bytes were read.
pub(super) fn end_of_string(bytes: &[u8], at: usize, quote: u8) -> Result<usize, usize> {
    let mut i = at + 1;
    while i < bytes.len() {
        match bytes[i] {
            b if b == quote => return Ok(i + 1),
            b'\\' if quote != b'`' => i += 2,
            b'\n' if quote != b'`' => break,
            _ => i += 1,
        }
    }
    Err(i.min(bytes.len()) - at)
}

/// The default in the text between `${` and `}`: `X:-literal`, `X:=literal`, `X=literal`, `X:+literal`, and `X:literal`
/// as Spring writes it (but not `env:X` and `file:/path`, where a lower-case word names a resolver).
fn default_of(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    for operator in [":-", ":=", ":+", "="] {
        if let Some(default) = rest.strip_prefix(operator) {
            return Some((name, default));
        }
    }
    let spring = rest.strip_prefix(':')?;
    let substring_or_message = spring.starts_with(['?', ':']) || is_substring(spring);
    let resolver = name.bytes().all(|b| b.is_ascii_lowercase());
    (!substring_or_message && !resolver).then_some((name, spring))
}

/// `0:5` of `${X:0:5}`.
fn is_substring(text: &str) -> bool {
    text.contains(':') && text.bytes().all(|b| b.is_ascii_digit() || b == b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, rest: &str, literals: &[&str]) {
        let stripped = strip(text);
        assert_eq!(stripped.rest().replace(HOLE, "~"), rest, "{text}");
        let found: Vec<_> = stripped
            .literals()
            .map(Literal::text)
            .map(|t| t.replace(HOLE, "~"))
            .collect();
        assert_eq!(found, literals, "{text}");
        assert_eq!(
            has_expression(text),
            rest.contains('~') && !text.contains('~'),
            "{text}"
        );
    }

    #[test]
    fn substitutions_and_their_defaults() {
        check("${X}", "~", &[]);
        check("a ${X} b $(Y)c", "a ~ b ~c", &[]);
        check("${X:-kumquat}", "~", &["kumquat"]);
        check("${X:=kumquat}", "~", &["kumquat"]);
        check("${X=kumquat}", "~", &["kumquat"]);
        check("${X:+kumquat}", "~", &["kumquat"]);
        check("${X:-}", "~", &[]);
        check("${X:=}", "~", &[]);
        check("${X:?say it}", "~", &[]);
        check("${X:0:5}", "~", &[]);
        check("${app.password:kumquat}", "~", &["kumquat"]);
        check("${env:X}", "~", &[]);
        check("${my-app.version}", "~", &[]);
        check("${A:-http://${B:-b}/x}", "~", &["b", "http://~/x"]);
        check("${a(\"{x}\")}", "~", &[]);
        check("${X", "${X", &[]);
        check("$X", "$X", &[]);
        check("${}", "${}", &[]);
        check("${A:-${B", "${A:-${B", &[]);
        check("${A\n}", "${A\n}", &[]);
        check("$(cat (x))y", "~y", &[]);
        check("${{ secrets.X }}", "~", &[]);
        check("${ env.X || 'kumquat' }", "~", &["kumquat"]);
        check("\u{FFFC}", "?", &[]);
        check("ï¼ ﻿x${Y}", "ï¼ ﻿x~", &[]);
    }

    #[test]
    fn template_expressions_and_their_literals() {
        check("{{ .Values.x }}", "~", &[]);
        check("{{- .Values.x -}}", "~", &[]);
        check("{{ .Values.x | default \"kumquat\" }}", "~", &["kumquat"]);
        check("{{ \"}}\" }}x", "~x", &[]);
        check("{{ don't }}x", "~x", &[]);
        check("{% if x %}a{% endif %}", "~a~", &[]);
        check("#{ TOKEN }#", "~", &[]);
        check("<%= ENV['X'] || 'kumquat' %>", "~", &["kumquat"]);
        check("[[ .x ]]", "~", &[]);
        check("[[1,2],[3]]", "[[1,2],[3]]", &[]);
        check("[[\"a\",\"b\"]]", "[[\"a\",\"b\"]]", &[]);
        check("{{ open", "{{ open", &[]);
        check("{\"a\": {\"b\": 1}}", "{\"a\": {\"b\": 1}}", &[]);
        check("#{x}", "#{x}", &[]);
        check("{{ a }}{{ b", "~{{ b", &[]);
    }

    #[test]
    fn hostile_texts_take_linear_time() {
        let start = std::time::Instant::now();
        for piece in [
            "{{ '",
            "{{ \"}}\" ",
            "${",
            "$(",
            "${A:-",
            "{{",
            "{{ ' }}",
            "{{ \\' }}",
            "[[ a",
            "<%",
            "#{",
            "${{",
            "{{ ' }} \" {{ \\' ",
            "}",
        ] {
            let text = piece.repeat(300_000 / piece.len());
            let stripped = strip(&text);
            assert!(stripped.rest().len() <= text.len() * 3);
        }
        assert!(start.elapsed().as_secs() < 20);
    }
}

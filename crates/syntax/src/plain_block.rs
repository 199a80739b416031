//! Telling at a glance that a YAML document is sound, without building it.
//!
//! A stream of manifests often has one document that matters and many that do not. Those may be passed over only if they
//! are certainly well-formed, because a syntax error is something to tell. This knows the small part of YAML in which most
//! manifests are written (block mappings and lists, plain one-line scalars, simple quotes, literal text) and says no to
//! everything else; a no costs a full parse, never a verdict. That it says yes to nothing that the parser refuses is tested
//! with hundreds of thousands of damaged documents.

/// Deepest nesting that is followed.
const DEEPEST: usize = 48;
/// Longest line, below what limits the parser's view of a key.
const LONGEST: usize = 800;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Mapping(usize),
    List(usize),
}

impl Level {
    fn indent(self) -> usize {
        match self {
            Self::Mapping(at) | Self::List(at) => at,
        }
    }
}

/// Whether `text`, one document without its `---` line, is certainly well-formed and in the small part known here.
pub(super) fn is_sound(text: &str) -> bool {
    if !text
        .bytes()
        .all(|b| b == b'\n' || (b' '..=b'~').contains(&b))
    {
        return false;
    }
    let mut reader = Reader {
        levels: Vec::new(),
        pending: None,
        begun: false,
    };
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.len() > LONGEST {
            return false;
        }
        let body = line.trim_start_matches(' ');
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        let after = match reader.line(line.len() - body.len(), body) {
            Some(after) => after,
            None => return false,
        };
        if let After::Text(parent) = after {
            let mut indent = None;
            while let Some(next) = lines.peek() {
                let content = next.trim_start_matches(' ');
                let at = next.len() - content.len();
                if content.is_empty() {
                    // Blanks in front of the first line could be too many.
                    if at > 0 {
                        return false;
                    }
                } else if at <= parent {
                    break;
                } else if at < *indent.get_or_insert(at) {
                    return false;
                }
                lines.next();
            }
        }
    }
    true
}

/// What comes behind a line.
enum After {
    /// Another line of the structure.
    Line,
    /// The lines of a literal text, indented deeper than this.
    Text(usize),
}

struct Reader {
    levels: Vec<Level>,
    /// The indent of a key whose value may follow on the next lines.
    pending: Option<usize>,
    begun: bool,
}

impl Reader {
    fn line(&mut self, mut at: usize, mut body: &str) -> Option<After> {
        let mut new_mapping = false;
        if let Some(item) = body.strip_prefix("- ") {
            match self.pending.take().filter(|key| at >= *key) {
                Some(_) => self.push(Level::List(at))?,
                None if !self.begun && at == 0 => self.push(Level::List(0))?,
                None => {
                    self.pop_deeper(at);
                    (self.levels.last() == Some(&Level::List(at))).then_some(())?;
                }
            }
            body = item.trim_start_matches(' ');
            at += 2 + (item.len() - body.len());
            if body.is_empty() || body.starts_with(['-', '#']) {
                return None;
            }
            new_mapping = true;
        }
        let Some((key, value)) = split(body) else {
            // A list of scalars; anywhere else it would continue something.
            self.begun = true;
            return (new_mapping && is_scalar(body)).then_some(After::Line);
        };
        if !is_key(key) {
            return None;
        }
        if new_mapping {
            self.push(Level::Mapping(at))?;
        } else {
            match self.pending.take().filter(|key| at > *key) {
                Some(_) => self.push(Level::Mapping(at))?,
                None if !self.begun && at == 0 => self.push(Level::Mapping(0))?,
                None => {
                    self.pop_deeper(at);
                    if self.levels.last() == Some(&Level::List(at)) {
                        self.levels.pop();
                    }
                    (self.levels.last() == Some(&Level::Mapping(at))).then_some(())?;
                }
            }
        }
        self.begun = true;
        match value.trim_matches(' ') {
            "" => {
                self.pending = Some(at);
                Some(After::Line)
            }
            "|" | "|-" | "|+" | ">" | ">-" | ">+" => Some(After::Text(at)),
            value if value.starts_with('#') => {
                self.pending = Some(at);
                Some(After::Line)
            }
            value => is_scalar(value).then_some(After::Line),
        }
    }

    fn push(&mut self, level: Level) -> Option<()> {
        self.levels.push(level);
        (self.levels.len() <= DEEPEST).then_some(())
    }

    fn pop_deeper(&mut self, at: usize) {
        while self.levels.pop_if(|level| level.indent() > at).is_some() {}
    }
}

/// A key and what stands behind its colon.
fn split(body: &str) -> Option<(&str, &str)> {
    let colon = body.find(':')?;
    let (key, rest) = (&body[..colon], &body[colon + 1..]);
    (rest.is_empty() || rest.starts_with(' ')).then_some((key, rest))
}

fn is_key(key: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b"_./-".contains(&b);
    key.bytes().all(word) && key.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

/// A scalar on one line, perhaps with a comment behind it.
fn is_scalar(value: &str) -> bool {
    let value = match value.find(" #") {
        // In quotes it is no comment: too much to ask here.
        Some(_) if value.starts_with(['"', '\'']) => return false,
        Some(at) => value[..at].trim_end_matches(' '),
        None => value.trim_end_matches(' '),
    };
    if matches!(value, "[]" | "{}") {
        return true;
    }
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            let inner = rest.strip_suffix(quote);
            return inner.is_some_and(|inner| !inner.contains([quote, '\\']));
        }
    }
    let bytes = value.as_bytes();
    let plain = |(at, b): (usize, &u8)| match b {
        b':' => bytes.get(at + 1).is_some_and(|next| *next != b' '),
        b => b.is_ascii_alphanumeric() || b" _-/.,=@+();".contains(b),
    };
    bytes
        .first()
        .is_some_and(|b| b.is_ascii_alphanumeric() || b"_/.+".contains(b))
        && bytes.iter().enumerate().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &[&str] = &[
        "",
        "# nothing\n\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels:\n    app.kubernetes.io/name: web # ours\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n        - name: web\n          image: example.org/web:1.2@sha256:abc\n          args: []\n          env:\n            - name: MODE\n              valueFrom:\n                configMapKeyRef:\n                  name: web\n                  key: mode\n          resources: {}\n",
        "data:\n  a: \"quoted text\"\n  b: 'single'\n  script: |\n    #!/bin/sh\n    if [ x ]; then\n      run: {}\n    fi\n\n    end\n  c: >-\n    folded\n    text\n  d:\n",
        "list:\n- one\n- two: 2\n  three:\n  - x\n  - y\nnext: 1\n",
        "- a: 1\n  b: 2\n- c\n",
        "a:\n    b: 1\n    c:\n        - d\n",
    ];

    const NOT: &[&str] = &[
        "a: b: c\n",
        "a: [1, 2]\n",
        "a: &x 1\nb: *x\n",
        "a: {{ x }}\n",
        "a:\n  b: 1\n c: 2\n",
        "a: 1\n  b: 2\n",
        "a: |\n    x\n  y\n",
        "a: \"open\n",
        "a: 1\n- b\n",
        "just text\n",
        "a: 1\nmore\n",
        "%YAML 1.2\n",
        "a:\tb\n",
        "? a\n: b\n",
        "a: !!str 1\n",
        "- - a\n",
        "a: - b\n",
        "a: ü\n",
    ];

    fn parser_agrees(text: &str) -> bool {
        let parsed = super::super::yaml::parse_without_comments(text);
        parsed.is_whole() && parsed.documents.len() <= 1
    }

    #[test]
    fn what_is_sound_is_sound_to_the_parser() {
        for text in SOUND {
            assert!(is_sound(text), "{text}");
            assert!(parser_agrees(text), "{text}");
        }
        for text in NOT {
            assert!(!is_sound(text), "{text}");
        }
    }

    #[test]
    fn damaged_documents_are_never_called_sound_against_the_parser() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        let pieces = [
            " ",
            "  ",
            "\n",
            ":",
            ": ",
            "- ",
            "-",
            "#",
            " #",
            "\"",
            "'",
            "|",
            ">",
            "a",
            "a: 1\n",
            "b:\n",
            "  c: d\n",
            "    - e\n",
            "- f: g\n",
            "{",
            "}",
            "[",
            "]",
            ",",
            "&",
            "*",
            "!",
            "%",
            "\\",
            "...",
            "---",
            "?",
            "@",
            "`",
            "~",
            "\n\n",
            "   \n",
        ];
        let mut yes = 0;
        for _ in 0..60_000 {
            let mut text = SOUND[2 + next(SOUND.len() - 2)].to_owned();
            for _ in 0..=next(3) {
                let at = next(text.len() + 1);
                match next(4) {
                    0 if at < text.len() => {
                        text.remove(at);
                    }
                    1 => {
                        let line = text[..at].rfind('\n').map_or(0, |i| i + 1);
                        text.insert_str(line, pieces[next(pieces.len())]);
                    }
                    2 => {
                        let end = (at + next(30)).min(text.len());
                        text.replace_range(at..end, "");
                    }
                    _ => text.insert_str(at, pieces[next(pieces.len())]),
                }
            }
            // The stream is cut at such lines before this is asked.
            if text
                .lines()
                .any(|l| l.starts_with("---") || l.starts_with("..."))
            {
                continue;
            }
            if is_sound(&text) {
                yes += 1;
                assert!(parser_agrees(&text), "{text}");
            }
        }
        assert!(yes > 5_000, "{yes}");
    }
}

//! `sopsguard: ignore[check] reason` in a comment.
//!
//! A comment on a line of its own speaks of that line and the next; one behind something speaks of its own line only, so
//! that it never hides what somebody writes below it later. One in the comments at the top of a file also speaks of the
//! file as a whole. What is a comment, the parser says where there is one: text in a scalar is none, and JSON has none.

use crate::model::{CheckInfo, Finding, RepoPath, Status};
use crate::syntax::{Child, Comment, Document, Format, Kind, Parsed, parse};

/// What every directive begins with; a text without it has none.
pub const MARK: &str = "sopsguard:";

/// How many directives of one file are read.
const MOST: usize = 1_000;

/// Checks that speak of a file and not of one place in it, even if they show one.
pub const OF_FILES: &[&str] = &[
    "unencrypted-file",
    "decrypted-file",
    "decrypted-copy",
    "hollow-envelope",
    "broken-envelope",
    "double-encrypted",
    "recipient-missing",
    "recipient-extra",
    "scope-drift",
    "ungoverned-ciphertext",
];

/// Whether a finding speaks of its file and not of one place in it.
pub fn is_about_file(f: &Finding) -> bool {
    f.place.position.is_none() || (f.place.pointer.is_none() && OF_FILES.contains(&f.check.id))
}

/// What a directive is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ignores these checks.
    Ignores(Vec<&'static str>),
    /// It holds not, because it is written wrongly.
    Malformed(Malformed),
}

/// What is wrong with a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It is no `ignore[…]`.
    Unknown,
    /// No check is named.
    NoCheck,
    /// No reason is given.
    NoReason,
    /// A check is named that does not exist; perhaps this one was meant.
    UnknownCheck(Option<&'static str>),
}

/// One directive of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    /// Its line, from 1.
    pub line: u32,
    /// Whether nothing stands before it on its line.
    own_line: bool,
    /// Whether only comments stand above it.
    leading: bool,
    /// What it is good for.
    pub verdict: Verdict,
}

impl Ignore {
    /// The checks that it ignores; none when it is malformed.
    pub fn checks(&self) -> impl Iterator<Item = &'static str> {
        let ids: &[&'static str] = match &self.verdict {
            Verdict::Ignores(ids) => ids,
            Verdict::Malformed(_) => &[],
        };
        ids.iter().copied()
    }

    /// Whether it speaks of the place of a finding.
    fn covers(&self, f: &Finding) -> bool {
        let line = f.place.position.map(|p| p.line);
        if self.leading && is_about_file(f) {
            return true;
        }
        let key = f.place.trail.last().map(|step| step.line);
        [line, key]
            .into_iter()
            .flatten()
            .any(|at| at == self.line || (self.own_line && at == self.line.saturating_add(1)))
    }
}

/// The directives of a text. `prose`: documentation, in which only `<!--` begins a comment.
pub fn find(text: &str, format: Format, prose: bool, checks: &[&'static CheckInfo]) -> Vec<Ignore> {
    let mut hits = memchr::memmem::find_iter(text.as_bytes(), MARK.as_bytes()).peekable();
    if hits.peek().is_none() || format == Format::Json {
        return Vec::new();
    }
    let comments = Comments::of(text, format, prose);
    let content = first_content(text, format, prose);
    let mut out: Vec<Ignore> = Vec::new();
    let (mut line, mut counted) = (1u32, 0);
    for at in hits {
        if out.len() == MOST {
            break;
        }
        let start = memchr::memrchr(b'\n', &text.as_bytes()[..at]).map_or(0, |i| i + 1);
        let end = memchr::memchr(b'\n', &text.as_bytes()[at..]).map_or(text.len(), |i| at + i);
        // A lone CR ends lines for YAML and not for our counting.
        if text[start..end].trim_end_matches('\r').contains('\r') {
            continue;
        }
        let Some(before) = comments.begins(text, start, at) else {
            continue;
        };
        line += u32::try_from(memchr::memchr_iter(b'\n', &text.as_bytes()[counted..start]).count())
            .unwrap_or(u32::MAX);
        counted = start;
        let told = text[at + MARK.len()..end].trim();
        let told = told.strip_suffix("-->").unwrap_or(told).trim_end();
        out.push(Ignore {
            line,
            own_line: before.trim().is_empty(),
            leading: start < content,
            verdict: verdict(told, checks),
        });
    }
    out
}

/// Marks what the directives of a file ignore, in findings sorted by path; returns for each directive and each of its checks whether it did.
pub fn apply(path: &RepoPath, ignores: &[Ignore], findings: &mut [Finding]) -> Vec<Vec<bool>> {
    let mut used: Vec<Vec<bool>> = ignores
        .iter()
        .map(|i| match &i.verdict {
            Verdict::Ignores(ids) => vec![false; ids.len()],
            Verdict::Malformed(_) => Vec::new(),
        })
        .collect();
    let from = findings.partition_point(|f| f.path < *path);
    for f in findings[from..].iter_mut().take_while(|f| f.path == *path) {
        // A change must not hide what it does to its own guard.
        if f.check.id == "guard-weakened" {
            continue;
        }
        for (ignore, used) in ignores.iter().zip(&mut used) {
            let Verdict::Ignores(ids) = &ignore.verdict else {
                continue;
            };
            let Some(at) = ids.iter().position(|id| *id == f.check.id) else {
                continue;
            };
            if ignore.covers(f) {
                used[at] = true;
                if f.is_active() {
                    f.status = Status::Inline { line: ignore.line };
                }
            }
        }
    }
    used
}

/// What stands behind the mark: `ignore[a, b] reason`.
fn verdict(told: &str, checks: &[&'static CheckInfo]) -> Verdict {
    let Some(rest) = told.strip_prefix("ignore") else {
        return Verdict::Malformed(Malformed::Unknown);
    };
    let Some((ids, reason)) = rest
        .trim_start()
        .strip_prefix('[')
        .and_then(|r| r.split_once(']'))
    else {
        return Verdict::Malformed(Malformed::NoCheck);
    };
    let mut known = Vec::new();
    for id in ids.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        match checks.iter().find(|c| c.id == id) {
            Some(check) if known.contains(&check.id) => {}
            Some(check) => known.push(check.id),
            None => {
                let near = crate::settings::nearest(id, checks.iter().map(|c| c.id));
                return Verdict::Malformed(Malformed::UnknownCheck(near));
            }
        }
    }
    if known.is_empty() {
        return Verdict::Malformed(Malformed::NoCheck);
    }
    if !reason.chars().any(char::is_alphanumeric) {
        return Verdict::Malformed(Malformed::NoReason);
    }
    Verdict::Ignores(known)
}

/// What begins a comment on a line of its own, where no parser tells.
const OPAQUE: &[&str] = &["#", "//", ";", "--", "<!--"];

fn line_marks(format: Format, prose: bool) -> &'static [&'static str] {
    match format {
        Format::Yaml | Format::Dotenv => &["#"],
        Format::Ini => &["#", ";"],
        Format::Json => &[],
        Format::Binary if prose => &["<!--"],
        Format::Binary => OPAQUE,
    }
}

/// The mark of a comment that a line begins with. Two dashes more are a PEM header or a document mark.
fn mark_of(line: &str, marks: &[&'static str]) -> Option<&'static str> {
    marks
        .iter()
        .find(|m| line.starts_with(**m) && !(**m == "--" && line.starts_with("---")))
        .copied()
}

/// Offset of the first line that is neither blank nor a comment.
fn first_content(text: &str, format: Format, prose: bool) -> usize {
    let marks = line_marks(format, prose);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let told = line.trim().trim_start_matches('\u{feff}');
        let begins = format == Format::Yaml && (told == "---" || told.starts_with('%'));
        if !(told.is_empty() || begins || mark_of(told, marks).is_some()) {
            return at;
        }
        at += line.len();
    }
    text.len()
}

/// Where comments are.
enum Comments {
    /// Their byte ranges, in order, from a parser; from `open` on it read nothing more, and whole lines decide.
    Parsed {
        spans: Vec<(usize, usize)>,
        open: usize,
        marks: &'static [&'static str],
    },
    /// Lines decide.
    Lines {
        marks: &'static [&'static str],
        trailing: bool,
    },
}

impl Comments {
    fn of(text: &str, format: Format, prose: bool) -> Self {
        let marks = line_marks(format, prose);
        if format == Format::Binary {
            return Self::Lines {
                marks,
                trailing: !prose,
            };
        }
        let parsed = parse(text, format);
        let mut spans = spans(&parsed);
        spans.sort_unstable();
        let open = parsed.problems.iter().filter(|p| p.is_fatal());
        Self::Parsed {
            spans,
            open: open.map(|p| p.span.start).min().unwrap_or(text.len()),
            marks,
        }
    }

    /// If a comment begins right before the mark at `at`, what stands before that comment on the line.
    fn begins<'t>(&self, text: &'t str, start: usize, at: usize) -> Option<&'t str> {
        let before = &text[start..at];
        match self {
            Self::Parsed { spans, open, marks } => {
                if at >= *open {
                    let told = before.trim_start();
                    let mark = mark_of(told, marks)?;
                    return told[mark.len()..].trim().is_empty().then_some("");
                }
                let index = spans.partition_point(|(s, _)| *s <= at).checked_sub(1)?;
                let (from, to) = spans[index];
                if at >= to {
                    return None;
                }
                // A comment of several lines begins anew on each.
                let from = from.max(start);
                let only_marks = |c: char| c.is_whitespace() || matches!(c, '#' | ';');
                if text[from..at].chars().all(only_marks) {
                    return Some(&text[start..from]);
                }
                // INI joins the comments around a line: one behind a value still begins with its own mark.
                if !marks.contains(&";") {
                    return None;
                }
                behind(before, &['#', ';'])
            }
            Self::Lines { marks, trailing } => {
                let told = before.trim_start();
                if let Some(mark) = mark_of(told, marks) {
                    let rest = told[mark.len()..].trim_start_matches(['#', '/', ';', '-', '!']);
                    return rest.trim().is_empty().then_some("");
                }
                if *trailing {
                    behind(before, &['#'])
                } else {
                    None
                }
            }
        }
    }
}

/// What stands before a comment that begins behind something else: after a blank, and in no quotes.
fn behind<'t>(before: &'t str, marks: &[char]) -> Option<&'t str> {
    let content = before.trim_end().strip_suffix(marks)?;
    let even = |c: char| content.matches(c).count() % 2 == 0;
    (content.ends_with(char::is_whitespace) && even('"') && even('\'') && even('`'))
        .then_some(content)
}

/// Byte ranges of all comments of a parsed text.
fn spans(parsed: &Parsed<'_>) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut add = |c: &Comment<'_>| out.push((c.span.start, c.span.end));
    for doc in &parsed.documents {
        doc.outer_comments.iter().for_each(&mut add);
        for node in 0..doc.len() {
            children(doc, node, &mut add);
        }
    }
    out
}

fn children(doc: &Document<'_>, node: usize, add: &mut impl FnMut(&Comment<'_>)) {
    let Ok(node) = u32::try_from(node) else {
        return;
    };
    if let Kind::Mapping(list) | Kind::Sequence(list) = doc.kind(node) {
        for child in list {
            if let Child::Comment(comment) = child {
                add(comment);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CheckInfo, Severity};

    static KEY: CheckInfo = CheckInfo {
        id: "private-key",
        summary: "",
        severity: Severity::Error,
        page: "",
        softened_in_lenient_places: true,
    };
    static FILE: CheckInfo = CheckInfo {
        id: "unencrypted-file",
        ..KEY_LIKE
    };
    const KEY_LIKE: CheckInfo = CheckInfo {
        id: "",
        summary: "",
        severity: Severity::Error,
        page: "",
        softened_in_lenient_places: true,
    };

    /// Line, whether it has the line for itself, whether it leads, and what it ignores.
    fn found(text: &str, format: Format, prose: bool) -> Vec<(u32, bool, bool, usize)> {
        find(text, format, prose, &[&KEY, &FILE])
            .into_iter()
            .map(|i| {
                let n = match i.verdict {
                    Verdict::Ignores(ids) => ids.len(),
                    Verdict::Malformed(_) => 0,
                };
                (i.line, i.own_line, i.leading, n)
            })
            .collect()
    }

    const OK: &str = "sopsguard: ignore[private-key] reason";

    #[test]
    fn only_comments_of_the_format_count() {
        use Format::*;
        for (format, text, expected) in [
            (Yaml, format!("# {OK}\na: 1\n"), vec![(1, true, true, 1)]),
            (
                Yaml,
                format!("---\n\n#{OK}\na: 1\n"),
                vec![(3, true, true, 1)],
            ),
            (Yaml, format!("a: 1 # {OK}\n"), vec![(1, false, false, 1)]),
            (Yaml, format!("a: 1\n# {OK}\n"), vec![(2, true, false, 1)]),
            (
                Yaml,
                format!("a:\n  - b\n  # {OK}\n  - c\n"),
                vec![(3, true, false, 1)],
            ),
            (
                Yaml,
                format!("a: [b, # {OK}\n  c]\n"),
                vec![(1, false, false, 1)],
            ),
            (Yaml, format!("a: |\n  # {OK}\n"), vec![]),
            (Yaml, format!("a: >-\n  x\n  # {OK}\n"), vec![]),
            (Yaml, format!("a: 'x\n  # {OK}'\n"), vec![]),
            (Yaml, format!("a: \"# {OK}\"\n"), vec![]),
            (Yaml, format!("a: b# {OK}\n"), vec![]),
            (Yaml, format!("# see {OK}\na: 1\n"), vec![]),
            (
                Yaml,
                format!("a: |\r\n  # {OK}\r\n# {OK}\r\n"),
                vec![(3, true, false, 1)],
            ),
            (
                Yaml,
                format!("a: 1\n---\n# {OK}\nb: 1\n"),
                vec![(3, true, false, 1)],
            ),
            (Dotenv, format!("#{OK}\nA=1\n"), vec![(1, true, true, 1)]),
            (Dotenv, format!("A=1 # {OK}\n"), vec![]),
            (
                Ini,
                format!("; {OK}\n[a]\nb = 1\n"),
                vec![(1, true, true, 1)],
            ),
            (
                Ini,
                format!("[a]\n# x\n# {OK}\nb = 1\n"),
                vec![(3, true, false, 1)],
            ),
            (
                Ini,
                format!("[a]\nb = 1 ; {OK}\n"),
                vec![(2, false, false, 1)],
            ),
            (Json, format!("{{\"a\": \"# {OK}\"}}"), vec![]),
            (Yaml, format!("a: 1\r# {OK}\rb: 1\n"), vec![]),
            (Binary, format!("// {OK}\n"), vec![(1, true, true, 1)]),
            (
                Binary,
                format!("-- {OK}\nx\n;; {OK}\n<!-- {OK} -->\n"),
                vec![(1, true, true, 1), (3, true, false, 1), (4, true, false, 1)],
            ),
            (Binary, format!("----- {OK}\n"), vec![]),
            (Binary, format!("x=1 # {OK}\n"), vec![(1, false, false, 1)]),
            (Binary, format!("x='1 # {OK}'\n"), vec![]),
            (Binary, format!("x#{OK}\n"), vec![]),
            (Binary, format!("x {OK}\n"), vec![]),
        ] {
            assert_eq!(found(&text, format, false), expected, "{text}");
        }
        assert_eq!(found(&format!("# {OK}\n"), Binary, true), []);
        assert_eq!(
            found(&format!("<!-- {OK} -->\n"), Binary, true),
            [(1, true, true, 1)]
        );
    }

    #[test]
    fn behind_a_syntax_error_only_whole_lines_count() {
        let text = format!("a: |\n  # {OK}\nb: [\n}}: x\n# {OK}\nc: 1 # {OK}\n");
        let lines: Vec<u32> = found(&text, Format::Yaml, false)
            .into_iter()
            .map(|f| f.0)
            .collect();
        assert_eq!(lines, [5]);
    }

    #[test]
    fn a_directive_names_checks_and_gives_a_reason() {
        use Malformed::*;
        for (told, expected) in [
            (
                "ignore[private-key] x",
                Verdict::Ignores(vec!["private-key"]),
            ),
            (
                "ignore [ private-key , unencrypted-file ]: OPS-1",
                Verdict::Ignores(vec!["private-key", "unencrypted-file"]),
            ),
            (
                "ignore[private-key,private-key,] x",
                Verdict::Ignores(vec!["private-key"]),
            ),
            ("ignore[private-key]", Verdict::Malformed(NoReason)),
            ("ignore[private-key] --", Verdict::Malformed(NoReason)),
            ("ignore[] x", Verdict::Malformed(NoCheck)),
            ("ignore private-key x", Verdict::Malformed(NoCheck)),
            ("ignore[private-key x", Verdict::Malformed(NoCheck)),
            (
                "ignore[privat-key] x",
                Verdict::Malformed(UnknownCheck(Some("private-key"))),
            ),
            ("ignore[*] x", Verdict::Malformed(UnknownCheck(None))),
            (
                "ignore[private-key, nope] x",
                Verdict::Malformed(UnknownCheck(None)),
            ),
            ("disable", Verdict::Malformed(Unknown)),
        ] {
            assert_eq!(verdict(told, &[&KEY, &FILE]), expected, "{told}");
        }
    }
}

//! A report in Markdown, for a ticket or the comment on a merge request.
//!
//! Whatever comes from the repository stands in code spans, where no host looks for mentions, links or references, and
//! the few characters that could end a span or a table's cell are written as their numbers. Sentences of findings mix both:
//! in them, each word that is not plainly a word goes into a code span. Hosts cut long comments, so lists end early and say so.

use super::Style;
use super::incident::{self, Incident, Row, person};
use super::phrases::{
    at, came_with, capital, counted, hidden, opened, origin, path_line, plural, ref_name, scope,
    short,
};
use crate::model::{Finding, Moment, Outcome, RepoPath, Severity, escape};

/// Bytes that one list may take, and the table: hosts allow some 65,000 in a comment.
const LIST: usize = 8_000;
const TABLE: usize = 20_000;
/// Entries of a list within a list.
const NESTED: usize = 20;

/// The whole report.
pub(super) fn text(outcome: &Outcome, style: &Style) -> String {
    let mut page = Page { out: String::new() };
    if incident::is_audit(outcome) {
        page.incident(outcome);
    } else {
        page.findings_only(outcome);
    }
    page.foot(outcome, style.now);
    page.out
}

struct Page {
    out: String,
}

impl Page {
    fn incident(&mut self, outcome: &Outcome) {
        let incident = Incident::of(outcome);
        self.heading(2, &capital(&incident.headline()));
        self.line(&incident.summary());
        let (complete, text) = incident.completeness();
        let text = if complete {
            text
        } else {
            format!("**{text}**")
        };
        self.line(&text);
        let mut facts = Vec::new();
        if let Some(head) = outcome.repository.as_ref().and_then(|r| r.head.as_deref()) {
            facts.push(format!("HEAD is {}", code(short(head))));
        }
        facts.extend(
            incident
                .dates()
                .map(|dates| format!("leaks were seen {dates}")),
        );
        if !facts.is_empty() {
            self.line(&format!("{}.", capital(&facts.join("; "))));
        }
        if !incident.is_empty() {
            self.line(incident::NOT_REVOKED);
        }
        if !incident.credentials.is_empty() {
            self.heading(3, "What to rotate");
            let entries = incident.credentials.iter().map(|c| {
                let mut text = format!("- [ ] **Credential {}**", c.number);
                if c.rows.len() > 1 {
                    text.push_str(&format!(": one value in {} places", c.rows.len()));
                }
                text.push('\n');
                for row in c.rows.iter().take(NESTED) {
                    text.push_str(&format!(
                        "  - R{} {} {}\n",
                        row.number,
                        code(row.finding.check.id),
                        place(row.finding)
                    ));
                }
                if c.rows.len() > NESTED {
                    text.push_str(&format!("  - and {} more\n", c.rows.len() - NESTED));
                }
                text
            });
            self.list(entries, incident.credentials.len(), LIST, "- and ");
        }
        if !incident.is_empty() {
            self.heading(3, "Where it was");
            self.out.push_str("| row | check | where | first committed | until | reached by | at HEAD | encrypted today | changed |\n|---|---|---|---|---|---|---|---|---|\n");
            let rows: Vec<&Row<'_>> = incident.rows().collect();
            let entries = rows.iter().map(|row| line(row));
            self.list(entries, rows.len(), TABLE, "\nand ");
        }
        let keys: Vec<&Row<'_>> = incident.keys().collect();
        if !keys.is_empty() {
            self.heading(3, "Keys, and what they open");
            let entries = keys.iter().map(|row| {
                let mut text = format!("- R{} {}\n", row.number, place(row.finding));
                let opens = &row.finding.opens;
                for file in opens.iter().take(NESTED) {
                    text.push_str(&format!("  - {}: {}\n", shown(&file.path), opened(file)));
                }
                if opens.len() > NESTED {
                    text.push_str(&format!("  - and {} more\n", opens.len() - NESTED));
                }
                text
            });
            self.list(entries, keys.len(), LIST, "- and ");
        }
        if !incident.others.is_empty() {
            self.heading(3, "Further findings");
            self.findings(&incident.others);
        }
        self.blind_spots(outcome);
        let steps = incident.steps();
        if !steps.is_empty() {
            self.heading(3, "Next steps");
            for (i, step) in steps.iter().enumerate() {
                let text = format!("{}. **{}.** {}\n", i + 1, step.title, step.text);
                self.out.push_str(&text);
            }
            self.out.push('\n');
        }
    }

    fn findings_only(&mut self, outcome: &Outcome) {
        let counts = outcome.counts();
        let counted = counted(&counts);
        let title = match (counted.is_empty(), outcome.complete()) {
            (false, _) => counted,
            (true, true) => "Nothing found".to_owned(),
            (true, false) => "Nothing found, but not everything could be judged".to_owned(),
        };
        self.heading(2, &title);
        let found: Vec<&Finding> = outcome.active().collect();
        if !found.is_empty() {
            self.findings(&found);
        }
        self.blind_spots(outcome);
    }

    /// A table of findings, the worst first.
    fn findings(&mut self, found: &[&Finding]) {
        let mut found: Vec<&Finding> = found.to_vec();
        found.sort_by_key(|f| std::cmp::Reverse(f.severity));
        self.out
            .push_str("| severity | check | where | what | to do |\n|---|---|---|---|---|\n");
        let entries = found.iter().map(|f| {
            let severity = match f.severity {
                Severity::Error => "**error**",
                other => other.as_str(),
            };
            let mut place = place(f);
            if let Some(came) = came_with(&f.origins, f.origins_total) {
                place.push_str(&format!(" in {}", prose(&came)));
            }
            let fix = f.fix.as_ref().filter(|m| !m.is_empty());
            let fix = fix.map_or_else(String::new, |m| format!(": {}", code(m.as_str())));
            format!(
                "| {severity} | {} | {place} | {} | {}{fix} |\n",
                code(f.check.id),
                prose(f.message.as_str()),
                prose(f.help.as_str())
            )
        });
        self.list(entries, found.len(), TABLE - LIST, "\nand ");
    }

    fn blind_spots(&mut self, outcome: &Outcome) {
        let all = incident::blind_spots(outcome);
        if all.is_empty() {
            return;
        }
        self.heading(3, "What could not be judged");
        let entries = all.iter().map(|spot| {
            let place = spot.origin.as_ref().and_then(origin);
            let place = place.map_or_else(String::new, |p| format!(", in {}", prose(&p)));
            format!(
                "- {}: {}{place} {}: {}\n",
                incident::weight(spot),
                code(&path_line(&spot.path, spot.line)),
                code(spot.code.as_str()),
                prose(spot.reason.as_str())
            )
        });
        self.list(entries, all.len(), LIST, "- and ");
    }

    /// What was read, by what, and when.
    fn foot(&mut self, outcome: &Outcome, now: Option<Moment>) {
        let when = now.map_or_else(String::new, |now| format!(", {}", now.date()));
        let text = format!(
            "{}{}; {} {}{when}. No value is shown.",
            scope(outcome),
            hidden(&outcome.counts()),
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
        );
        self.out.push_str(&format!("<sub>{text}</sub>\n"));
    }

    /// As many entries as fit; `more` stands before the number of those that do not.
    fn list(&mut self, entries: impl Iterator<Item = String>, all: usize, room: usize, more: &str) {
        let (mut used, mut listed) = (0, 0);
        for entry in entries {
            used += entry.len();
            if used > room && listed > 0 {
                break;
            }
            listed += 1;
            self.out.push_str(&entry);
        }
        if all > listed {
            let left = all - listed;
            self.out.push_str(&format!(
                "{more}{left} more; the HTML and JSON reports have them\n"
            ));
        }
        self.out.push('\n');
    }

    fn heading(&mut self, level: usize, text: &str) {
        self.line(&format!("{} {text}", "#".repeat(level)));
    }

    /// A paragraph.
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push_str("\n\n");
    }
}

/// A row of the table of an incident.
fn line(row: &Row<'_>) -> String {
    let e = row.exposure;
    let first = match &e.first_commit {
        Some(commit) => format!("{} {}", e.first_seen.date(), code(short(commit))),
        None => format!("{}, in no commit", e.first_seen.date()),
    };
    let author = e.author.as_ref();
    let author = author.map_or_else(String::new, |p| format!(" {}", code(&person(p))));
    let total = e.refs_total.max(e.refs.len() as u64);
    let mut refs: Vec<String> = e.refs.iter().take(3).map(|r| code(&ref_name(r))).collect();
    if total > refs.len() as u64 && !refs.is_empty() {
        refs.push("…".to_owned());
    }
    let reach = match total {
        0 => "no ref".to_owned(),
        n => format!("{}: {}", plural(n, "ref", "refs"), refs.join(" ")),
    };
    let weight = match row.finding.severity {
        Severity::Error => String::new(),
        other => format!(" ({})", other.as_str()),
    };
    format!(
        "| R{} | {}{weight} | {} | {first}{author} | {}; {} | {reach} | {} | {} | {} |\n",
        row.number,
        code(row.finding.check.id),
        place(row.finding),
        prose(&row.until()),
        row.held(),
        if e.at_head { "**yes**" } else { "no" },
        if e.encrypted_now { "yes" } else { "no" },
        e.value_changed.as_str(),
    )
}

/// Path, line and leaf.
fn place(f: &Finding) -> String {
    let mut text = code(&at(f));
    if let Some(pointer) = &f.place.pointer {
        text.push_str(&format!(" {}", code(pointer.as_str())));
    }
    text
}

fn shown(path: &RepoPath) -> String {
    code(&path.to_string())
}

/// A code span that also holds in the cell of a table.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('`');
    for c in escape(text).chars() {
        match c {
            '`' | '|' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    if out.len() == 1 {
        out.push(' ');
    }
    out.push('`');
    out
}

/// A sentence in which whatever is not plainly a word is code.
fn prose(text: &str) -> String {
    let (mut out, mut open) = (String::new(), Vec::<String>::new());
    // A word of a code span of ours: its backticks hold several words together.
    let mut inside = false;
    let flush = |open: &mut Vec<String>, lead: &str, out: &mut String| {
        if !open.is_empty() {
            out.push_str(if out.is_empty() { "" } else { " " });
            out.push_str(lead);
            out.push_str(&code(&open.join(" ")));
            open.clear();
        }
    };
    for word in text.split_whitespace() {
        let ticks = word.matches('`').count();
        let (lead, bare, tail) = parts(word);
        let is_code = inside || ticks > 0 || !is_word(bare);
        if ticks % 2 == 1 {
            inside = !inside;
        }
        if !is_code {
            flush(&mut open, "", &mut out);
            out.push_str(if out.is_empty() { "" } else { " " });
            out.push_str(word);
            continue;
        }
        if inside {
            open.extend(Some(word.replace('`', "")).filter(|w| !w.is_empty()));
            continue;
        }
        open.extend(Some(bare.replace('`', "")).filter(|w| !w.is_empty()));
        flush(&mut open, lead, &mut out);
        out.push_str(tail);
    }
    flush(&mut open, "", &mut out);
    out
}

/// What opens before a word, the word, and the punctuation that ends a part of the sentence behind it.
fn parts(word: &str) -> (&str, &str, &str) {
    let (lead, rest) = word.split_at(usize::from(word.starts_with('(')));
    let bare = rest.trim_end_matches([',', ';', ':', '.', ')']);
    // A parenthesis that opens in the word ends in it.
    let bare = if bare.contains('(') { rest } else { bare };
    (lead, bare, &rest[bare.len()..])
}

/// Letters, or a short number: nothing that Markdown or a host gives a meaning.
fn is_word(text: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphabetic() || c == '\'';
    let number = text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    let upper = text.bytes().filter(u8::is_ascii_uppercase).count() > 4;
    let hyphened = !upper && !text.contains("--") && text.chars().all(|c| letters(c) || c == '-');
    // Hosts link dates and long hexadecimal numbers to nothing, short ones to commits.
    let hex = text.len() >= 6 && text.bytes().all(|b| b.is_ascii_hexdigit());
    text.is_empty() || !hex && (number || text.chars().all(letters) || hyphened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_repository_leaves_its_code_span() {
        assert_eq!(code("a|b`c"), "`a\\u{7c}b\\u{60}c`");
        assert_eq!(code("a\n\u{202e}b"), "`a\\n\\u{202e}b`");
        assert_eq!(code(""), "` `");
        assert_eq!(code("<!-- @all -->"), "`<!-- @all -->`");
    }

    #[test]
    fn sentences_keep_their_words() {
        for (text, shown) in [
            (
                "the value of password is plaintext",
                "the value of password is plaintext",
            ),
            (
                "edit it with `sops edit`; rotate it",
                "edit it with `sops edit`; rotate it",
            ),
            (
                "ping @all, see #12 or !3.",
                "ping `@all`, see `#12` or `!3`.",
            ),
            (
                "www.example.com and https://x/y",
                "`www.example.com` and `https://x/y`",
            ),
            (
                "removed in c0ffee1, last seen 2024-05-01",
                "removed in `c0ffee1`, last seen `2024-05-01`",
            ),
            ("a <b>*c*</b> ~d &e", "a `<b>*c*</b>` `~d` `&e`"),
            ("an odd ` tick | here", "an odd `tick \\u{7c} here`"),
            ("sops (a/b.env), with `x`", "sops (`a/b.env`), with `x`"),
            ("rule 2 (line 7) of `a", "rule 2 (line 7) of `a`"),
        ] {
            assert_eq!(prose(text), shown);
        }
    }
}

//! From text to [`Settings`]. Every mistake is collected; no message holds a value of the file.
//!
//! The tree comes from the `toml` crate. Its own error texts quote the source, so only their places are used.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::globs::{Glob, Globs};
use super::{Accept, Configured, Mistake, Policy, Settings, SettingsError};
use crate::model::{CheckInfo, Date, LineIndex, Message, RepoPath, SafeKey, Severity};
use crate::say;

/// Keys of the top level.
pub(super) const TOP: &[&str] = &["policy", "checks", "limits", "sops", "accept"];
/// Keys of `[policy]`.
pub(super) const POLICY: &[&str] = &[
    "strict",
    "lenient",
    "lenient-defaults",
    "exempt",
    "require",
    "kinds",
];
/// Keys of `[limits]`.
pub(super) const LIMITS: &[&str] = &["max-file-size"];
/// Keys of `[sops]`.
pub(super) const SOPS: &[&str] = &["config"];
/// Keys of `[[accept]]`.
pub(super) const ACCEPT: &[&str] = &["path", "reason", "until"];

/// Words of keys that would name a program.
const PROGRAMS: &[&str] = &[
    "command",
    "commands",
    "cmd",
    "exec",
    "executable",
    "program",
    "binary",
    "bin",
    "script",
    "hook",
    "hooks",
];

/// A file of one GiB does not fit into the memory that judging may take.
const LARGEST: u64 = 1 << 30;

pub(super) fn read(
    path: &RepoPath,
    text: &str,
    checks: &[&'static CheckInfo],
) -> Result<Settings, SettingsError> {
    let mut reader = Reader {
        lines: LineIndex::new(text),
        mistakes: Vec::new(),
    };
    let mut settings = Settings {
        path: Some(path.clone()),
        ..Settings::default()
    };
    match DeTable::parse(text) {
        Ok(table) => reader.top(table.get_ref(), checks, &mut settings),
        Err(error) => {
            let at = error.span().map_or(0, |s| s.start);
            // Duplicate keys are the one mistake that is easy to make and hard to see.
            let message = if error.message().starts_with("duplicate key") {
                say!["this key or table stands here for the second time"]
            } else {
                say!["this is not valid TOML; is a quote or bracket missing?"]
            };
            reader.wrong(at, message);
        }
    }
    if reader.mistakes.is_empty() {
        return Ok(settings);
    }
    reader.mistakes.sort_by_key(|m| (m.line, m.column));
    Err(SettingsError::Mistakes(path.clone(), reader.mistakes))
}

type Value<'t> = Spanned<DeValue<'t>>;

struct Reader<'t> {
    lines: LineIndex<'t>,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn wrong(&mut self, at: usize, message: Message) {
        let (line, column) = self.lines.line_column(at);
        self.mistakes.push(Mistake {
            line,
            column,
            message,
        });
    }

    fn line(&self, at: usize) -> u32 {
        self.lines.line_column(at).0
    }

    fn top(&mut self, table: &DeTable<'_>, checks: &[&'static CheckInfo], settings: &mut Settings) {
        self.keys(table, "", TOP);
        if let Some(policy) = self.table(table, "policy") {
            settings.policy = self.policy(policy);
        }
        if let Some(table) = self.table(table, "checks") {
            self.checks(table, checks, settings);
        }
        if let Some(limits) = self.table(table, "limits") {
            self.keys(limits, "limits.", LIMITS);
            settings.max_file_size = limits.get("max-file-size").and_then(|v| self.size(v));
        }
        if let Some(sops) = self.table(table, "sops") {
            self.keys(sops, "sops.", SOPS);
            settings.sops_config = sops.get("config").and_then(|v| self.inside(v));
        }
        if let Some(list) = table.get("accept") {
            settings.accept = self.accept(list);
        }
    }

    /// Reports keys that are not known.
    fn keys(&mut self, table: &DeTable<'_>, prefix: &'static str, known: &[&'static str]) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let at = key.span().start;
            let mut message = say!["unknown key ", prefix, shown(name)];
            let words = name
                .split(|c: char| !c.is_ascii_alphabetic())
                .map(str::to_ascii_lowercase);
            if words.into_iter().any(|w| PROGRAMS.contains(&w.as_str())) {
                message.push(
                    &": nothing in a repository can name a program, because whoever can change a file would choose what runs",
                );
            } else if let Some(near) = nearest(name, known.iter().copied()) {
                message.push(&"; did you mean ");
                message.push(&near);
                message.push(&"?");
            } else {
                message.push(&"; known here: ");
                for (i, k) in known.iter().enumerate() {
                    message.push(if i > 0 { &", " } else { &"" });
                    message.push(k);
                }
            }
            self.wrong(at, message);
        }
    }

    fn table<'v, 't>(
        &mut self,
        table: &'v DeTable<'t>,
        key: &'static str,
    ) -> Option<&'v DeTable<'t>> {
        let value = table.get(key)?;
        let found = value.get_ref().as_table();
        if found.is_none() {
            self.expected(value, "a table");
        }
        found
    }

    fn expected(&mut self, value: &Value<'_>, what: &'static str) {
        let found = value.get_ref().type_str();
        self.wrong(
            value.span().start,
            say!["expected ", what, ", found ", article(found), found],
        );
    }

    fn boolean(&mut self, table: &DeTable<'_>, key: &str, default: bool) -> bool {
        let Some(value) = table.get(key) else {
            return default;
        };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.expected(value, "true or false");
            default
        })
    }

    fn policy(&mut self, table: &DeTable<'_>) -> Policy {
        self.keys(table, "policy.", POLICY);
        Policy {
            strict: self.boolean(table, "strict", false),
            lenient_defaults: self.boolean(table, "lenient-defaults", true),
            lenient: self.globs(table, "lenient"),
            exempt: self.globs(table, "exempt"),
            require: self.globs(table, "require"),
            kinds: self.kinds(table),
        }
    }

    /// A list of strings with their offsets.
    fn strings<'v>(&mut self, table: &'v DeTable<'_>, key: &str) -> Vec<(&'v str, usize)> {
        let Some(value) = table.get(key) else {
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            self.expected(value, "a list of strings");
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in list.iter() {
            match item.get_ref().as_str() {
                Some(text) => out.push((text, item.span().start)),
                None => self.expected(item, "a string"),
            }
        }
        out
    }

    fn globs(&mut self, table: &DeTable<'_>, key: &str) -> Globs {
        let strings = self.strings(table, key);
        self.compiled(&strings)
    }

    fn compiled(&mut self, strings: &[(&str, usize)]) -> Globs {
        let list = strings.iter().map(|(pattern, at)| Glob {
            pattern: (*pattern).to_owned(),
            line: self.line(*at),
        });
        match Globs::new(list.collect()) {
            Ok(globs) => globs,
            Err(bad) => {
                for (i, why) in bad {
                    self.wrong(strings.get(i).map_or(0, |s| s.1), why.as_str().into());
                }
                Globs::default()
            }
        }
    }

    fn kinds(&mut self, table: &DeTable<'_>) -> Vec<String> {
        let mut out = Vec::new();
        for (kind, at) in self.strings(table, "kinds") {
            let sound = !kind.is_empty()
                && kind.starts_with(|c: char| c.is_ascii_uppercase())
                && kind.bytes().all(|b| b.is_ascii_alphanumeric());
            if sound {
                out.push(kind.to_owned());
            } else {
                self.wrong(
                    at,
                    say!["expected the kind of a Kubernetes object, such as `SecretBundle`"],
                );
            }
        }
        out
    }

    fn checks(
        &mut self,
        table: &DeTable<'_>,
        checks: &[&'static CheckInfo],
        settings: &mut Settings,
    ) {
        for (key, value) in table.iter() {
            let name: &str = key.get_ref();
            let Some(check) = checks.iter().find(|c| c.id == name) else {
                let mut message = say!["unknown check ", shown(name)];
                if let Some(near) = nearest(name, checks.iter().map(|c| c.id)) {
                    message.push(&"; did you mean ");
                    message.push(&near);
                    message.push(&"?");
                } else {
                    message.push(&"; `sopsguard checks` lists them");
                }
                self.wrong(key.span().start, message);
                continue;
            };
            let severity = match value.get_ref().as_str() {
                Some("error") => Some(Severity::Error),
                Some("warning") => Some(Severity::Warning),
                Some("note") => Some(Severity::Note),
                Some("off") => None,
                _ => {
                    self.wrong(
                        value.span().start,
                        say!["expected \"error\", \"warning\", \"note\" or \"off\""],
                    );
                    continue;
                }
            };
            let configured = Configured {
                severity,
                default: check.severity,
                line: self.line(key.span().start),
            };
            settings.checks.insert(check.id, configured);
        }
    }

    /// Bytes, as a number or as text with a unit.
    fn size(&mut self, value: &Value<'_>) -> Option<u64> {
        let bytes = match value.get_ref() {
            DeValue::Integer(n) => u64::from_str_radix(n.as_str(), n.radix()).ok(),
            DeValue::String(text) => size(text),
            _ => None,
        };
        let size = bytes.filter(|b| (1..=LARGEST).contains(b));
        if size.is_none() {
            self.wrong(
                value.span().start,
                say!["expected a size up to 1 GiB: a number of bytes, or text such as \"64 MiB\""],
            );
        }
        size
    }

    /// A path of a file in the repository.
    fn inside(&mut self, value: &Value<'_>) -> Option<(RepoPath, u32)> {
        let Some(text) = value.get_ref().as_str() else {
            self.expected(value, "a string");
            return None;
        };
        let part = |p: &str| !p.is_empty() && !matches!(p, "." | "..") && p != ".git";
        if text.split('/').all(part) && !text.contains(['\\', '\0']) {
            return Some((RepoPath::new(text), self.line(value.span().start)));
        }
        self.wrong(
            value.span().start,
            say!["expected a path inside the repository, relative to its root"],
        );
        None
    }

    fn accept(&mut self, value: &Value<'_>) -> Vec<Accept> {
        let Some(list) = value.get_ref().as_array() else {
            self.expected(value, "a list of tables: write [[accept]]");
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in list.iter() {
            let Some(table) = item.get_ref().as_table() else {
                self.expected(item, "a table");
                continue;
            };
            self.keys(table, "accept.", ACCEPT);
            let at = item.span().start;
            let reason = table.get("reason");
            match reason.map(|r| (r, r.get_ref().as_str())) {
                None => self.wrong(at, say!["accept needs a reason"]),
                Some((r, Some(text))) if text.trim().is_empty() => {
                    self.wrong(r.span().start, say!["accept needs a reason"]);
                }
                Some((_, Some(_))) => {}
                Some((r, None)) => self.expected(r, "a string"),
            }
            let path = match table.get("path").map(|p| (p, p.get_ref().as_str())) {
                None => {
                    self.wrong(at, say!["accept needs a path"]);
                    Globs::default()
                }
                Some((p, Some(text))) => self.compiled(&[(text, p.span().start)]),
                Some((p, None)) => {
                    self.expected(p, "a string");
                    Globs::default()
                }
            };
            let until = table.get("until").and_then(|u| self.date(u));
            out.push(Accept {
                path,
                until,
                line: self.line(at),
            });
        }
        out
    }

    fn date(&mut self, value: &Value<'_>) -> Option<Date> {
        let date = match value.get_ref() {
            DeValue::String(text) => Date::parse(text),
            DeValue::Datetime(date) => Date::parse(&date.to_string()),
            _ => None,
        };
        if date.is_none() {
            self.wrong(
                value.span().start,
                say!["expected a day, written YYYY-MM-DD"],
            );
        }
        date
    }
}

/// A key that is not known: as it is if it can be a word, for a value may have got into its place.
fn shown(name: &str) -> SafeKey {
    let word = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_');
    if name.len() <= 40 && name.chars().all(word) {
        SafeKey::new(name)
    } else {
        SafeKey::masked()
    }
}

fn article(kind: &str) -> &'static str {
    if kind.starts_with(['a', 'i']) {
        "an "
    } else {
        "a "
    }
}

fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let unit: u64 = match text[end..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    text[..end].parse::<u64>().ok()?.checked_mul(unit)
}

/// The known name that was probably meant.
pub(crate) fn nearest(
    name: &str,
    known: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    if name.len() > 64 {
        return None;
    }
    let name = name.to_ascii_lowercase().replace('_', "-");
    known
        .map(|k| (distance(&name, k), k))
        .filter(|(d, k)| *d <= (k.len() / 3).clamp(1, 4))
        .min()
        .map(|(_, k)| k)
}

/// Letters to insert, delete, replace or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

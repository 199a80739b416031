//! The baseline: findings that were accepted as they are, so that only new ones block.
//!
//! `.sopsguard-baseline.json` has one entry a line, sorted. It holds no value and no hash of one: an entry names a finding
//! by its fingerprint and the version of the file by the id that Git gives it. Whether the value is still the one that was
//! accepted is told by reading that version again; who can do that is asked through [`History`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{Date, Finding, Message, RepoPath, Severity, Status};
use crate::say;

/// Version of the file.
const VERSION: u32 = 1;

/// One accepted finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The file, for readers.
    pub path: String,
    /// The check, for readers.
    pub check: String,
    /// The finding.
    pub fingerprint: String,
    /// Id of the file's bytes when it was accepted.
    pub blob: String,
    /// The day on which it was accepted.
    pub created: String,
    /// The last day on which it holds.
    pub until: Option<String>,
    /// Why it was accepted.
    pub reason: Option<String>,
    /// Whether it was accepted in an audit of history: then it may match nothing of today.
    #[serde(default, skip_serializing_if = "is_false")]
    pub history: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Entry {
    /// Whether its time is over. Dates were checked when the file was read.
    fn over(&self, today: Date) -> Option<Date> {
        let until = Date::parse(self.until.as_deref()?)?;
        (until < today).then_some(until)
    }
}

/// A baseline with its place.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// The file.
    pub path: RepoPath,
    /// Its entries with their lines.
    entries: Vec<(Entry, u32)>,
}

/// Why a file is no baseline. Nothing of its text is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// The file is a symbolic link.
    #[error("{0} is a symbolic link, which is not followed")]
    Link(RepoPath),
    /// The file cannot be read.
    #[error("{0} cannot be read")]
    Unreadable(RepoPath),
    /// The text is not what `baseline write` writes.
    #[error("{path}:{line}: this is no baseline: {what}; `sopsguard baseline write` makes one")]
    Malformed {
        /// The file.
        path: RepoPath,
        /// Line, from 1.
        line: u32,
        /// What is wrong.
        what: &'static str,
    },
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No finding has its fingerprint.
    Unmatched,
    /// Its time is over.
    Over,
    /// The value is another one, or the accepted version cannot be read.
    Changed,
    /// It holds.
    Holds,
}

/// Whether the value of a finding is that of the accepted version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    /// It is.
    Yes,
    /// It is another one.
    No,
    /// The accepted version is not in the object database.
    Unknown,
}

/// Who can compare a finding with an older version of its file.
pub trait History {
    /// Compares.
    fn same(&mut self, finding: &Finding, fingerprint: &str, blob: &str) -> Same;
    /// Id of the bytes that a finding is about.
    fn blob_now(&mut self, finding: &Finding) -> Option<String>;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    entries: Vec<serde_json::Value>,
}

impl Baseline {
    /// Reads a baseline.
    pub fn read(path: &RepoPath, text: &str) -> Result<Self, BaselineError> {
        let wrong = |line: usize, what| BaselineError::Malformed {
            path: path.clone(),
            line: u32::try_from(line).unwrap_or(u32::MAX).max(1),
            what,
        };
        let file: File = serde_json::from_str(text).map_err(|e| {
            let what = match e.classify() {
                serde_json::error::Category::Data => {
                    "it takes `version` and `entries` and nothing else"
                }
                _ => "it is not valid JSON",
            };
            wrong(e.line(), what)
        })?;
        if file.version != VERSION {
            return Err(wrong(1, "its version is unknown"));
        }
        // Each entry has a line of its own; where somebody formatted the file otherwise, lines are not told apart.
        let first = text
            .lines()
            .position(|l| l.contains("\"entries\""))
            .unwrap_or(0)
            + 2;
        let a_line_each = text
            .lines()
            .filter(|l| l.contains("\"fingerprint\""))
            .count()
            == file.entries.len();
        let mut entries = Vec::new();
        for (i, value) in file.entries.into_iter().enumerate() {
            let line = if a_line_each { first + i } else { 1 };
            let entry: Entry = serde_json::from_value(value)
                .map_err(|_| wrong(line, "an entry lacks a field or has one too many"))?;
            let hex = |s: &str, lengths: &[usize]| {
                lengths.contains(&s.len()) && s.bytes().all(|b| b.is_ascii_hexdigit())
            };
            if !hex(&entry.fingerprint, &[32]) || !hex(&entry.blob, &[40, 64]) {
                return Err(wrong(line, "a fingerprint or blob is no such id"));
            }
            let dates = [Some(&entry.created), entry.until.as_ref()];
            if dates
                .into_iter()
                .flatten()
                .any(|d| Date::parse(d).is_none())
            {
                return Err(wrong(line, "a date is not written YYYY-MM-DD"));
            }
            entries.push((entry, u32::try_from(line).unwrap_or(u32::MAX)));
        }
        Ok(Self {
            path: path.clone(),
            entries,
        })
    }

    /// The entries with their lines.
    pub fn entries(&self) -> impl Iterator<Item = (&Entry, u32)> {
        self.entries.iter().map(|(e, line)| (e, *line))
    }

    /// The text of a baseline with these entries.
    pub fn text(entries: impl IntoIterator<Item = Entry>) -> String {
        let entries: BTreeSet<Entry> = entries.into_iter().collect();
        let lines: Vec<String> = entries
            .iter()
            .map(|e| serde_json::to_string(e).unwrap_or_default())
            .collect();
        let gap = if lines.is_empty() { "" } else { "\n" };
        format!(
            "{{ \"version\": {VERSION}, \"entries\": [\n{}{gap}] }}\n",
            lines.join(",\n")
        )
    }

    /// Marks the findings that an entry accepts; returns what became of each entry. An entry that no longer holds is told
    /// in the help of its finding.
    pub fn apply(
        &self,
        findings: &mut [Finding],
        today: Date,
        history: &mut dyn History,
    ) -> Vec<State> {
        let mut states = vec![State::Unmatched; self.entries.len()];
        if self.entries.is_empty() {
            return states;
        }
        let mut by_fingerprint: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, (entry, _)) in self.entries.iter().enumerate() {
            by_fingerprint
                .entry(&entry.fingerprint)
                .or_default()
                .push(i);
        }
        for f in findings {
            let fingerprint = f.fingerprint();
            let Some(all) = by_fingerprint.get(fingerprint.as_str()) else {
                continue;
            };
            let mut note = None;
            for &i in all {
                let (entry, line) = &self.entries[i];
                if let Some(until) = entry.over(today) {
                    states[i] = State::Over;
                    note = note.or(Some(say!["accepted until ", until]));
                    continue;
                }
                match history.same(f, &fingerprint, &entry.blob) {
                    Same::Yes => {
                        states[i] = State::Holds;
                        if f.is_active() {
                            f.status = Status::Baseline {
                                path: self.path.clone(),
                                line: *line,
                            };
                        }
                    }
                    same => {
                        states[i] = State::Changed;
                        let why: &'static str = if same == Same::No {
                            "what was accepted has changed since"
                        } else {
                            "the version that was accepted is not in the object database, so it cannot be compared"
                        };
                        note = note.or(Some(say![why]));
                    }
                }
            }
            if let (true, Some(note)) = (f.is_active(), note) {
                if !f.help.is_empty() {
                    f.help.push(&"; ");
                }
                f.help.push(&say!["the baseline no longer holds: ", note]);
            }
        }
        states
    }
}

/// What is written with new entries.
#[derive(Clone, Debug, Default)]
pub struct Acceptance {
    /// The lowest severity that is accepted.
    pub least: Option<Severity>,
    /// The day.
    pub created: Date,
    /// The last day on which the new entries hold.
    pub until: Option<Date>,
    /// Why.
    pub reason: Option<String>,
    /// Whether history is audited.
    pub history: bool,
}

/// New entries for findings that count, and the findings that cannot be accepted because their file cannot be read.
pub fn accept<'f>(
    findings: impl Iterator<Item = &'f Finding>,
    acceptance: &Acceptance,
    history: &mut dyn History,
) -> (Vec<Entry>, Vec<Message>) {
    let (mut entries, mut refused) = (Vec::new(), Vec::new());
    for f in findings {
        let wanted = acceptance.least.is_some_and(|least| f.severity >= least);
        // An ignore that does nothing is taken away; a weakened guard is no state, it is over with the commit.
        let passing = ["ignore-unused", "guard-weakened"].contains(&f.check.id);
        if !f.is_active() || !wanted || passing {
            continue;
        }
        let Some(blob) = history.blob_now(f) else {
            refused.push(say![f.path, ": ", f.check.id]);
            continue;
        };
        entries.push(Entry {
            path: f.path.to_text().into_owned(),
            check: f.check.id.to_owned(),
            fingerprint: f.fingerprint(),
            blob,
            created: acceptance.created.to_string(),
            until: acceptance.until.map(|d| d.to_string()),
            reason: acceptance.reason.clone(),
            history: acceptance.history,
        });
    }
    (entries, refused)
}

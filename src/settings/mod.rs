//! The settings of a team: `sopsguard.toml` at the root of a view, from text to validated values.
//!
//! Reading is strict: an unknown key, a wrong type or a wrong value is a mistake with its place, all are told together,
//! and no value of the file is ever shown, because a secret may stand in the wrong place. Nothing here can name a program.
//! This room reads no file and no clock: text and known checks come in, [`Settings`] go out. What the settings ask of
//! judging is [`Policy`]; which of two settings files guards less is [`Settings::weakenings`].

mod globs;
mod policy;
mod read;
pub mod schema;
#[cfg(test)]
mod tests;
mod weakening;

pub use globs::{Glob, Globs};
pub use policy::Policy;
pub(crate) use read::nearest;
pub use weakening::Weakening;

use std::collections::BTreeMap;
use std::fmt;

use crate::model::{Accepted, CheckInfo, Date, Message, RepoPath, Severity};

/// Where a settings file may stand, relative to the root of the view.
pub const NAMES: [&str; 3] = [
    "sopsguard.toml",
    ".sopsguard.toml",
    ".config/sopsguard.toml",
];

/// Where the baseline stands unless the call names another.
pub const BASELINE_NAME: &str = ".sopsguard-baseline.json";

/// Files above this are searched for keys as a stream and not parsed, unless the settings say otherwise.
pub const MAX_FILE_SIZE: u64 = 32 * 1024 * 1024;

/// Whether a path is a file of sopsguard itself: no rule can ask for its encryption.
pub fn is_own_file(path: &RepoPath) -> bool {
    NAMES
        .iter()
        .chain([&BASELINE_NAME])
        .any(|name| path.as_bytes() == name.as_bytes())
}

/// What a team sets.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The file; `None` where there is none.
    pub path: Option<RepoPath>,
    /// What judging a file asks.
    pub policy: Policy,
    /// Severities by id of the check.
    pub checks: BTreeMap<&'static str, Configured>,
    /// Files above this are not parsed.
    pub max_file_size: Option<u64>,
    /// The one config that governs everything.
    pub sops_config: Option<(RepoPath, u32)>,
    /// Blind spots that are accepted.
    pub accept: Vec<Accept>,
}

/// What the settings make of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configured {
    /// The new severity; `None` for off.
    pub severity: Option<Severity>,
    /// The severity of the check itself.
    pub default: Severity,
    /// Line of the entry, from 1.
    pub line: u32,
}

/// An entry of `[[accept]]`.
#[derive(Clone, Debug)]
pub struct Accept {
    /// Which files.
    pub path: Globs,
    /// The last day on which it holds.
    pub until: Option<Date>,
    /// Line of the entry, from 1.
    pub line: u32,
}

impl Settings {
    /// Reads the text of a settings file. `checks` are the checks that it can name.
    pub fn read(
        path: &RepoPath,
        text: &str,
        checks: &[&'static CheckInfo],
    ) -> Result<Self, SettingsError> {
        read::read(path, text, checks)
    }

    /// Where the file of the settings stands, for findings about it.
    pub fn file(&self) -> RepoPath {
        self.path.clone().unwrap_or_else(|| RepoPath::new(NAMES[0]))
    }

    /// How an entry is named in a report.
    pub fn accepted(&self, entry: &Accept) -> Accepted {
        Accepted {
            path: self.file(),
            line: entry.line,
            until: entry.until,
        }
    }

    /// Globs that are to match files, with the name of their list.
    pub fn globs(&self) -> impl Iterator<Item = (&'static str, &Globs)> {
        [
            ("[policy] lenient", &self.policy.lenient),
            ("[policy] exempt", &self.policy.exempt),
            ("[policy] require", &self.policy.require),
        ]
        .into_iter()
    }
}

/// One mistake in a settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong, without any value of the file.
    pub message: Message,
}

/// Why there are no settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// Two files, of which each would be one.
    Two(RepoPath, RepoPath),
    /// The file is a symbolic link.
    Link(RepoPath),
    /// The file cannot be read.
    Unreadable(RepoPath),
    /// What stands in it is wrong.
    Mistakes(RepoPath, Vec<Mistake>),
}

impl SettingsError {
    /// One line for each thing that is wrong.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Two(a, b) => vec![format!("two settings files: {a} and {b}; keep one of them")],
            Self::Link(path) => vec![format!(
                "{path} is a symbolic link, which is not followed; put the settings themselves there"
            )],
            Self::Unreadable(path) => vec![format!("{path} cannot be read")],
            Self::Mistakes(path, mistakes) => mistakes
                .iter()
                .map(|m| format!("{path}:{}:{}: {}", m.line, m.column, m.message.as_str()))
                .collect(),
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("; "))
    }
}

impl std::error::Error for SettingsError {}

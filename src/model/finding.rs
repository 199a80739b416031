//! One thing that is wrong, where, and what to do about it. Never a secret value.

use super::{
    Argument, CheckInfo, Exposure, Message, Opened, Origin, Pointer, Position, RepoPath, SafeKey,
    Severity, Span,
};
use crate::say;

/// Which view's rules a finding follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum View {
    /// The view the file was read from.
    Own,
    /// The base view it is compared with.
    Base,
    /// Today's HEAD, for versions of history.
    Head,
}

/// The creation rule behind a finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GovernedBy {
    /// Path of the `.sops.yaml`.
    pub config: RepoPath,
    /// Index of the rule among the decoded rules, from 0.
    pub rule: u32,
    /// Line of the rule in the config, from 1.
    pub line: u32,
    /// The view whose config it is.
    pub at: View,
}

/// A further place that explains a finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Related {
    /// The file.
    pub path: RepoPath,
    /// Its line, from 1, when one is known.
    pub line: Option<u32>,
    /// What is there.
    pub message: Message,
}

/// One key on the way to a leaf, with the line it stands on: enough to draw an excerpt without the source text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// Line of the key, from 1.
    pub line: u32,
    /// The key, or the index of a list item.
    pub key: SafeKey,
    /// Whether this is a list item.
    pub item: bool,
}

/// How the keys of a trail are written in the file's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrailFormat {
    /// `key: value`
    #[default]
    Yaml,
    /// `"key": "value"`
    Json,
    /// `KEY=value`
    Dotenv,
    /// `[section]`, `key = value`
    Ini,
    /// No keys: the content is one opaque value.
    Opaque,
}

/// Where in a file a finding stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Lines and columns, when known.
    pub position: Option<Position>,
    /// Document number in a multi-document file, from 0.
    pub document: u32,
    /// The leaf, where there is one.
    pub pointer: Option<Pointer>,
    /// The keys on the way to the leaf.
    pub trail: Vec<Step>,
    /// How to draw the trail.
    pub format: TrailFormat,
    /// The bytes that the finding is about, in the decoded text; `None` for the whole file. Never reported: it is for
    /// telling whether they changed.
    pub span: Option<Span>,
}

/// Whether a finding counts, and if not, what hides it. Hidden findings stay in the report.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It counts.
    #[default]
    Active,
    /// The settings switch its check off.
    Settings {
        /// The settings file.
        path: RepoPath,
        /// Line of the entry, from 1.
        line: u32,
    },
    /// A comment in the file ignores it.
    Inline {
        /// Line of the comment, from 1.
        line: u32,
    },
    /// The base view has it as well, and only what is new is asked for.
    Known,
    /// The baseline accepts it.
    Baseline {
        /// The baseline.
        path: RepoPath,
        /// Line of the entry, from 1.
        line: u32,
    },
}

impl Place {
    /// A whole line, from 1.
    pub fn line(line: u32) -> Self {
        let position = Position {
            line,
            column: 1,
            end_line: line,
            end_column: 1,
        };
        Self {
            position: Some(position),
            format: TrailFormat::Opaque,
            ..Self::default()
        }
    }
}

/// What `sopsguard fix` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Encrypts a plaintext file.
    Encrypt,
    /// Encrypts a file as a whole that is encrypted in part.
    Reencrypt,
    /// Gives an encrypted file the recipients of its rule.
    UpdateKeys,
}

/// How encryption repairs a finding. The check that makes the finding says so, and nobody else knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What is done.
    pub how: How,
    /// To which file: mostly that of the finding.
    pub path: RepoPath,
}

impl Repair {
    /// The command for what is on disk, or for what is staged.
    pub fn command(&self, staged: bool) -> Message {
        let staged: &'static str = if staged { "--staged " } else { "" };
        let option: &'static str = match self.how {
            How::Encrypt => "",
            How::Reencrypt => "--reencrypt ",
            How::UpdateKeys => "--update-keys ",
        };
        say!["sopsguard fix ", staged, option, Argument(&self.path)]
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The check that fired.
    pub check: &'static CheckInfo,
    /// Severity after the nature of the value and the place were weighed.
    pub severity: Severity,
    /// Whether a lenient place softened it.
    pub lenient: bool,
    /// Whether the settings gave it another severity.
    pub configured: bool,
    /// Whether it counts.
    pub status: Status,
    /// The file.
    pub path: RepoPath,
    /// Where in the file.
    pub place: Place,
    /// What is wrong.
    pub message: Message,
    /// What to do, in one sentence.
    pub help: Message,
    /// The one command that repairs it, where there is one.
    pub fix: Option<Message>,
    /// How encryption repairs it, where it does. There is one without a command where a rule has to be added first.
    pub repair: Option<Repair>,
    /// Further places.
    pub related: Vec<Related>,
    /// The rules behind it.
    pub governed_by: Vec<GovernedBy>,
    /// `None`: unknown; else whether the base view did not have it.
    pub new: Option<bool>,
    /// Id of the object it was found in, in hex, where the view reads objects.
    pub blob: Option<String>,
    /// How many equal findings (check, path, document, pointer) stand before this one.
    pub occurrence: u32,
    /// Where in history the bytes were seen, at most 50; empty where no history is scanned.
    pub origins: Vec<Origin>,
    /// How many such places there are.
    pub origins_total: u64,
    /// How far it spread; only where all of history is scanned.
    pub exposure: Option<Box<Exposure>>,
    /// Files that a leaked key opens.
    pub opens: Vec<Opened>,
}

impl Finding {
    /// A finding of `check` at its default severity.
    pub fn new(check: &'static CheckInfo, path: &RepoPath, place: Place, message: Message) -> Self {
        Self {
            check,
            severity: check.severity,
            lenient: false,
            configured: false,
            status: Status::Active,
            path: path.clone(),
            place,
            message,
            help: Message::default(),
            fix: None,
            repair: None,
            related: Vec::new(),
            governed_by: Vec::new(),
            new: None,
            blob: None,
            occurrence: 0,
            origins: Vec::new(),
            origins_total: 0,
            exposure: None,
            opens: Vec::new(),
        }
    }

    /// With another severity than the check's own.
    #[must_use]
    pub fn at(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<Message>) -> Self {
        self.help = help.into();
        self
    }

    /// With the command that repairs it.
    #[must_use]
    pub fn fix(mut self, command: Message) -> Self {
        self.fix = Some(command);
        self
    }

    /// Whether its command is the one of its repair, on disk or in the index.
    pub fn is_fixable(&self) -> bool {
        let repair = self.repair.as_ref().zip(self.fix.as_ref());
        repair.is_some_and(|(r, fix)| *fix == r.command(false) || *fix == r.command(true))
    }

    /// With the rule behind it.
    #[must_use]
    pub fn governed(mut self, by: Option<GovernedBy>) -> Self {
        self.governed_by.extend(by);
        self
    }

    /// With a further place.
    #[must_use]
    pub fn related(mut self, path: &RepoPath, line: Option<u32>, message: Message) -> Self {
        self.related.push(Related {
            path: path.clone(),
            line,
            message,
        });
        self
    }

    /// Whether it counts.
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    /// Line from 1, or 0 for the whole file: the sort key.
    pub fn line(&self) -> u32 {
        self.place.position.map_or(0, |p| p.line)
    }

    /// The stable identity: check, path, document, key path and occurrence under SHA-256, 128 bits in hex. Holds no line
    /// and no value, so it survives edits above and tells nothing about the secret.
    pub fn fingerprint(&self) -> String {
        use sha2::{Digest, Sha256};
        let mut h = Sha256::new();
        h.update(b"sopsguard/v1\0");
        h.update(self.check.id.as_bytes());
        h.update(b"\0");
        h.update(self.path.as_bytes());
        h.update(b"\0");
        h.update(self.place.document.to_le_bytes());
        h.update(
            self.place
                .pointer
                .as_ref()
                .map_or("", |p| p.as_str())
                .as_bytes(),
        );
        h.update(b"\0");
        h.update(self.occurrence.to_le_bytes());
        h.finalize()
            .iter()
            .take(16)
            .map(|b| format!("{b:02x}"))
            .collect()
    }
}

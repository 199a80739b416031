//! Everything of a run, and what it amounts to.

use serde::Serialize;

use super::{BlindSpot, Finding, Severity, Status};

/// What was scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// What is on disk.
    Worktree,
    /// What `git commit` would record.
    Staged,
    /// Every version that a range of commits adds.
    Range,
    /// Every version that can be reached.
    History,
    /// Every version that a push would bring.
    PreReceive,
    /// One file from standard input.
    Stdin,
}

impl Mode {
    /// The stable name used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Worktree => "worktree",
            Self::Staged => "staged",
            Self::Range => "range",
            Self::History => "history",
            Self::PreReceive => "pre-receive",
            Self::Stdin => "stdin",
        }
    }

    /// Whether a change is judged, which must not switch off its own guard.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Staged | Self::Range | Self::PreReceive)
    }
}

/// The repository that was scanned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// Commit of HEAD, absent on an unborn branch.
    pub head: Option<String>,
    /// Commit of the base view.
    pub base: Option<String>,
    /// Whether the clone is shallow.
    pub shallow: bool,
}

/// What a run amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing blocking found and everything that matters was judged.
    Clean,
    /// Findings at or above the threshold.
    Found,
    /// Nothing blocking found, but something that matters could not be judged.
    Incomplete,
}

impl Verdict {
    /// The stable name used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Found => "found",
            Self::Incomplete => "incomplete",
        }
    }
}

/// The exit codes; the table is in `docs/exit-codes.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Nothing blocking.
    Clean = 0,
    /// Findings at or above `--fail-on`.
    Findings = 1,
    /// Usage, settings, or no repository.
    CannotRun = 2,
    /// Nothing blocking found, but something that matters could not be judged.
    Incomplete = 3,
    /// `fix` was interrupted (`SIGINT`).
    Interrupted = 130,
    /// `fix` was told to end (`SIGTERM`).
    Terminated = 143,
}

/// Figures of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Files of the view.
    pub files: u64,
    /// Files whose content was judged.
    pub judged: u64,
    /// Files that carry SOPS metadata.
    pub encrypted: u64,
    /// Commits that were looked at, where there are any.
    pub commits: Option<u64>,
    /// Blobs that were looked at, where commits are.
    pub blobs: Option<u64>,
    /// Bytes read.
    pub bytes: u64,
    /// Wall time in milliseconds.
    pub elapsed_ms: u64,
}

/// How many of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Active findings of severity error.
    pub error: u64,
    /// Active findings of severity warning.
    pub warning: u64,
    /// Active findings of severity note.
    pub note: u64,
    /// Active findings to which the settings gave a lower severity.
    pub softened: u64,
    /// Findings that a comment in the file ignores.
    pub inline: u64,
    /// Findings that the base view has as well, where only new ones are asked for.
    pub known: u64,
    /// Findings of checks that the settings switch off.
    pub off: u64,
    /// Findings that the baseline accepts.
    pub baseline: u64,
    /// Blind spots, blocking or not.
    pub blind_spots: u64,
    /// Blind spots that block.
    pub blocking: u64,
    /// Blind spots that the settings accept.
    pub accepted: u64,
}

/// The result of a run, sorted: the only thing a renderer gets.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was scanned.
    pub mode: Mode,
    /// The repository, when there is one.
    pub repository: Option<Repository>,
    /// Findings, sorted by path, position and check.
    pub findings: Vec<Finding>,
    /// Blind spots, sorted.
    pub blind_spots: Vec<BlindSpot>,
    /// Figures.
    pub stats: Stats,
    /// Lowest severity that fails the run; `None` for never.
    pub fail_on: Option<Severity>,
    /// Whether blocking blind spots are let pass.
    pub allow_incomplete: bool,
}

impl Outcome {
    /// How many of what.
    pub fn counts(&self) -> Counts {
        let mut c = Counts::default();
        for f in &self.findings {
            match f.status {
                Status::Active => {}
                Status::Settings { .. } => c.off += 1,
                Status::Inline { .. } => c.inline += 1,
                Status::Known => c.known += 1,
                Status::Baseline { .. } => c.baseline += 1,
            }
            if !f.is_active() {
                continue;
            }
            c.softened += u64::from(f.configured && f.severity < f.check.severity);
            match f.severity {
                Severity::Error => c.error += 1,
                Severity::Warning => c.warning += 1,
                Severity::Note => c.note += 1,
            }
        }
        c.blind_spots = self.blind_spots.len() as u64;
        c.blocking = self.blind_spots.iter().filter(|b| b.blocks()).count() as u64;
        c.accepted = self
            .blind_spots
            .iter()
            .filter(|b| b.accepted.is_some())
            .count() as u64;
        c
    }

    /// Findings that nothing hides.
    pub fn active(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.is_active())
    }

    /// Whether everything that matters was judged.
    pub fn complete(&self) -> bool {
        !self.blind_spots.iter().any(BlindSpot::blocks)
    }

    /// What the run amounts to.
    pub fn verdict(&self) -> Verdict {
        if self
            .fail_on
            .is_some_and(|least| self.active().any(|f| f.severity >= least))
        {
            Verdict::Found
        } else if !self.complete() && !self.allow_incomplete {
            Verdict::Incomplete
        } else {
            Verdict::Clean
        }
    }

    /// The exit code that follows from the verdict.
    pub fn exit_code(&self) -> ExitCode {
        match self.verdict() {
            Verdict::Clean => ExitCode::Clean,
            Verdict::Found => ExitCode::Findings,
            Verdict::Incomplete => ExitCode::Incomplete,
        }
    }
}

//! Something that could not be judged, and why. A scan with blocking blind spots is not clean.

use super::{Date, Message, Origin, RepoPath};

/// Kinds of blind spots; the names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlindCode {
    /// The file does not parse in its format.
    Unparsable,
    /// The file is over the size limit.
    TooLarge,
    /// An LFS pointer stands where ciphertext is due.
    LfsPointer,
    /// The bytes could not be read.
    Unreadable,
    /// The file expands or nests beyond the limits.
    LimitReached,
    /// Judging ended in a defect of this program.
    Internal,
    /// An object of the repository is missing or corrupt.
    MissingObject,
    /// The time that was allowed ran out.
    Timeout,
}

impl BlindCode {
    /// The stable name used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unparsable => "unparsable",
            Self::TooLarge => "too-large",
            Self::LfsPointer => "lfs-pointer",
            Self::Unreadable => "unreadable",
            Self::LimitReached => "limit-reached",
            Self::Internal => "internal",
            Self::MissingObject => "missing-object",
            Self::Timeout => "timeout",
        }
    }
}

/// The entry of the settings that accepts a blind spot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Accepted {
    /// The settings file.
    pub path: RepoPath,
    /// Line of the entry, from 1.
    pub line: u32,
    /// The last day on which it holds.
    pub until: Option<Date>,
}

/// Something that could not be judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlindSpot {
    /// The file.
    pub path: RepoPath,
    /// Line, where one is known, from 1.
    pub line: Option<u32>,
    /// What kind of obstacle.
    pub code: BlindCode,
    /// The obstacle in words.
    pub reason: Message,
    /// Whether it matters, so that the run cannot be called clean.
    pub blocking: bool,
    /// What accepts it.
    pub accepted: Option<Accepted>,
    /// Where in history it stands.
    pub origin: Option<Origin>,
}

impl BlindSpot {
    /// One that nothing accepts.
    pub fn new(
        path: &RepoPath,
        line: Option<u32>,
        code: BlindCode,
        reason: Message,
        blocking: bool,
    ) -> Self {
        Self {
            path: path.clone(),
            line,
            code,
            reason,
            blocking,
            accepted: None,
            origin: None,
        }
    }

    /// Whether the run cannot be called clean because of it.
    pub fn blocks(&self) -> bool {
        self.blocking && self.accepted.is_none()
    }
}

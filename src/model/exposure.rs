//! Where leaked bytes were seen, and how far they spread: what an audit of history adds to a finding.

use super::{Label, RepoPath};

/// Kinds of places where bytes are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OriginKind {
    /// In a commit that a branch, a tag or another ref reaches.
    Commit,
    /// In a commit that only a stash holds.
    Stash,
    /// In a commit that only a reflog holds.
    Reflog,
    /// In an object that nothing reaches.
    Unreachable,
    /// In the message of a commit or tag.
    Message,
}

/// One place where bytes were seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The kind of place.
    pub kind: OriginKind,
    /// The commit, in hex; of a tag message the tag.
    pub commit: Option<String>,
    /// The blob, in hex.
    pub blob: Option<String>,
    /// A ref that reaches it.
    pub reference: Option<RepoPath>,
}

/// A moment, in seconds since 1970, UTC: the committer's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

/// Who committed. Both texts come from the repository and are masked where they look like key material.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person {
    /// The name.
    pub name: Label,
    /// The address.
    pub email: Label,
}

/// What is known of whether a leaked value was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueChanged {
    /// The value of today was decrypted and is another one.
    Proven,
    /// Today's ciphertext has a length that the leaked value cannot have.
    Likely,
    /// Nothing can be told.
    Unknown,
    /// It is still the same.
    No,
}

impl ValueChanged {
    /// The stable name used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Likely => "likely",
            Self::Unknown => "unknown",
            Self::No => "no",
        }
    }
}

/// One plaintext version of a leaked thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeakedVersion {
    /// The blob, in hex.
    pub blob: String,
    /// The commit that holds it while no parent does; the oldest, if several. `None` for what no commit holds.
    pub first_commit: Option<String>,
    /// The first commit on that line of development without it; `None` while it is there.
    pub removed_commit: Option<String>,
}

/// A file that a leaked key opens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opened {
    /// The file.
    pub path: RepoPath,
    /// Whether HEAD has a version that it opens.
    pub at_head: bool,
    /// How many versions of history it opens.
    pub versions: u64,
}

/// How far a leaked thing spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The oldest commit that brought it; `None` for what no commit holds.
    pub first_commit: Option<String>,
    /// When that was.
    pub first_seen: Moment,
    /// The newest commit that holds it and that no other such commit follows; `None` while a tip holds it.
    pub last_commit: Option<String>,
    /// When it was seen last.
    pub last_seen: Moment,
    /// Who committed it first.
    pub author: Option<Person>,
    /// How many commits hold it.
    pub commits: u64,
    /// Refs, stashes and reflogs that still reach it, by full name, at most 50.
    pub refs: Vec<RepoPath>,
    /// How many there are.
    pub refs_total: u64,
    /// Whether HEAD holds it.
    pub at_head: bool,
    /// Whether HEAD has the path, encrypted.
    pub encrypted_now: bool,
    /// Whether the value was replaced.
    pub value_changed: ValueChanged,
    /// Number of the leaked value among those of the report, from 1: rows with equal values share it.
    pub value_group: Option<u32>,
    /// Its plaintext versions, oldest first.
    pub versions: Vec<LeakedVersion>,
}

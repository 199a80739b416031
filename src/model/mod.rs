//! The nouns every room shares: paths, positions, findings, blind spots, the outcome of a run.
//!
//! No I/O, no parsing, no command line, no rendering. Above all: nothing in this room can carry a secret value. A
//! [`Message`] is put together from text of the program and from types that were made safe when they were built
//! ([`SafeKey`], [`Label`], [`RepoPath`]); there is no way in for a plain string of a scanned file.

mod blind_spot;
mod check_info;
mod date;
mod exposure;
mod finding;
mod outcome;
mod path;
mod safe;
mod span;

pub use blind_spot::{Accepted, BlindCode, BlindSpot};
pub use check_info::{CheckInfo, Severity};
pub use date::Date;
pub use exposure::{
    Exposure, LeakedVersion, Moment, Opened, Origin, OriginKind, Person, ValueChanged,
};
pub use finding::{
    Finding, GovernedBy, How, Place, Related, Repair, Status, Step, TrailFormat, View,
};
pub use outcome::{Counts, ExitCode, Mode, Outcome, Repository, Stats, Verdict};
pub use path::RepoPath;
pub use safe::{Argument, Label, Message, Pointer, SafeKey, Shown, escape_for_terminal as escape};
pub use span::{LineIndex, Position, Span};

/// Puts a [`Message`] together from parts that implement [`Shown`].
#[macro_export]
macro_rules! say {
    ($($part:expr),* $(,)?) => {{
        let mut message = $crate::model::Message::default();
        $(message.push(&$part);)*
        message
    }};
}

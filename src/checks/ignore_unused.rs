//! Something that hides findings and hides none, or is written so that it cannot.

use super::Sink;
use crate::model::{CheckInfo, Finding, Message, Place, RepoPath, Severity};
use crate::say;

/// See `docs/checks/ignore-unused.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "ignore-unused",
    summary: "An ignore, exemption or baseline entry that does nothing",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/ignore-unused.md"),
    softened_in_lenient_places: false,
};

/// What does nothing.
#[derive(Clone, Debug)]
pub enum Idle {
    /// An ignore of this check in a comment.
    Ignore(&'static str),
    /// An entry of the baseline.
    Baseline,
    /// An entry of `[[accept]]`.
    Accept,
    /// A glob of this list of the settings.
    Glob(&'static str),
    /// A comment that was meant as an ignore, and why it is none.
    Malformed(Message),
}

pub(super) fn run(path: &RepoPath, line: u32, idle: &Idle, sink: &mut Sink) {
    let (message, help): (Message, &'static str) = match idle {
        Idle::Ignore(id) => (
            say!["this ignore of ", *id, " hides no finding"],
            "take it away, or put it on the line of the finding or the line before",
        ),
        Idle::Baseline => (
            say!["this entry of the baseline matches no finding"],
            "sopsguard baseline prune",
        ),
        Idle::Accept => (
            say!["this entry of [[accept]] matches no blind spot"],
            "take it away",
        ),
        Idle::Glob(list) => (
            say!["this glob of ", *list, " matches no file"],
            "take it away or correct it; `**/` in front makes it match in every directory",
        ),
        Idle::Malformed(why) => (
            say!["this ignore does not hold: ", why],
            "write `sopsguard: ignore[check-id] reason`",
        ),
    };
    let place = Place::line(line);
    sink.push(Finding::new(&INFO, path, place, message).help(help));
}

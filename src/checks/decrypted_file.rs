//! A path that carried metadata in the base view and carries none now (step 7).

use super::Sink;
use super::repair;
use crate::model::{CheckInfo, Finding, RepoPath, Severity};
use crate::say;
use crate::subject::copies::{self, EncryptedLeaves};
use crate::subject::{Neighbourhood, Subject, control, standing};

/// See `docs/checks/decrypted-file.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "decrypted-file",
    summary: "A file that was encrypted is plaintext now",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/decrypted-file.md"),
    softened_in_lenient_places: false,
};

/// Whether it fired.
pub(super) fn run(s: &Subject<'_>, around: &dyn Neighbourhood, sink: &mut Sink) -> bool {
    let Some(before) = around.base_if_changed(s.path) else {
        return false;
    };
    if gives_nothing_away(s) {
        return false;
    }
    if let Some(leaves) = EncryptedLeaves::read(&before, &s.name) {
        let plain = copies::plain_at(s, &leaves);
        if let Some((place, count)) = plain {
            report(s, None, place, count, sink);
            return true;
        }
    }
    false
}

fn gives_nothing_away(s: &Subject<'_>) -> bool {
    s.is_blank() || s.is_lfs_pointer() || standing::is_sealed_elsewhere(s.text, s.bytes)
}

/// A file that is new and holds what a removed one held encrypted.
pub(super) fn renamed(s: &Subject<'_>, around: &dyn Neighbourhood, sink: &mut Sink) {
    let sources = around.rename_sources(s.path);
    if sources.is_empty() || gives_nothing_away(s) {
        return;
    }
    for source in sources {
        let Some(before) = around.base(&source) else {
            continue;
        };
        let Some(leaves) = EncryptedLeaves::read(&before, &standing::file_name(&source)) else {
            continue;
        };
        // Of one opaque value only the length can be compared, and many files are as long.
        if leaves.whole_file().is_some() && !are_named_alike(s.path, &source) {
            continue;
        }
        if let Some(copy) = copies::matching(s, &leaves) {
            report(s, Some(&source), copy.place, copy.count, sink);
            return;
        }
    }
}

/// Whether two names share what stands before their first dot, or behind their last.
fn are_named_alike(one: &RepoPath, other: &RepoPath) -> bool {
    let parts = |path: &RepoPath| {
        let name = standing::file_name(path).to_ascii_lowercase();
        let stem = name
            .trim_start_matches('.')
            .split('.')
            .next()
            .map(str::to_owned);
        let extension = name.rsplit_once('.').map(|(_, e)| e.to_owned());
        (stem, extension)
    };
    let (one, other) = (parts(one), parts(other));
    one.0 == other.0 || (one.1.is_some() && one.1 == other.1)
}

fn report(
    s: &Subject<'_>,
    source: Option<&RepoPath>,
    place: crate::model::Place,
    count: usize,
    sink: &mut Sink,
) {
    let mut message = say![
        "this file was encrypted and is plaintext now (",
        count,
        if count == 1 { " value)" } else { " values)" }
    ];
    if let Some(source) = source {
        message = say![
            "this file holds in plaintext what ",
            source,
            " held encrypted"
        ];
    }
    let mut finding = Finding::new(&INFO, s.path, place, message)
        .help("encrypt it again before it is committed; if it was pushed, rotate what it holds")
        .governed(s.decision.governed_by());
    if !control::only_steers(s) {
        repair::encrypt(s, &mut finding);
    }
    sink.push(finding);
}

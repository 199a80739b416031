//! After all checks: one leaf has one finding, and lenient places soften.

use super::{Sink, decrypted_file, double_encrypted, embedded_secret, generator_literal, last_applied_secret, plaintext_secret, private_key, unencrypted_file, unencrypted_value};
use crate::model::{CheckInfo, Finding, RepoPath, Severity};
use crate::subject::{Subject, standing};
use crate::syntax::Format;

/// Rank of the checks that can speak of the same leaf; the highest stays.
fn rank(check: &CheckInfo) -> u8 {
    match check.id {
        id if id == private_key::INFO.id => 6,
        id if id == double_encrypted::INFO.id => 5,
        id if id == unencrypted_value::INFO.id => 4,
        id if id == last_applied_secret::INFO.id => 3,
        id if id == plaintext_secret::INFO.id => 2,
        id if id == generator_literal::INFO.id || id == embedded_secret::INFO.id => 1,
        _ => 0,
    }
}

/// Settles the findings of one file.
pub(super) fn settle(s: &Subject<'_>, sink: &mut Sink) {
    let keep: Vec<bool> = (0..sink.findings.len()).map(|i| stays(s, &sink.findings, i)).collect();
    let mut new_index = Vec::with_capacity(keep.len());
    let mut next = 0;
    for k in &keep {
        new_index.push(next);
        next += usize::from(*k);
    }
    let mut i = 0;
    sink.findings.retain(|_| {
        i += 1;
        keep[i - 1]
    });
    sink.leaked.retain(|(at, _)| keep[*at]);
    for (at, _) in &mut sink.leaked {
        *at = new_index[*at];
    }
    for finding in &mut sink.findings {
        soften(s, finding);
    }
}

fn stays(s: &Subject<'_>, all: &[Finding], i: usize) -> bool {
    let f = &all[i];
    if f.check == &unencrypted_file::INFO {
        let opaque = s.format == Format::Binary;
        return !all.iter().any(|o| {
            (o.check == &plaintext_secret::INFO && o.severity >= f.severity)
                || o.check == &decrypted_file::INFO
                || (opaque && o.check == &private_key::INFO && o.severity == Severity::Error)
        });
    }
    let (Some(pointer), own) = (&f.place.pointer, rank(f.check)) else { return true };
    if own == 0 {
        return true;
    }
    !all.iter().enumerate().any(|(j, o)| {
        j != i
            && o.place.document == f.place.document
            && o.place.pointer.as_ref() == Some(pointer)
            && o.place.position.map(|p| p.line) >= f.place.position.map(|p| p.line)
            && (rank(o.check) > own || (o.check == f.check && j < i && o.place.position == f.place.position))
    })
}

/// Step 8: an error of a content check in a lenient place is a warning, unless the file carries metadata.
fn soften(s: &Subject<'_>, f: &mut Finding) {
    if f.severity != Severity::Error || !f.check.softened_in_lenient_places || !s.softens() {
        return;
    }
    if f.check == &unencrypted_file::INFO && s.decision.rule().is_some() && s.decision.is_narrow() {
        // Step 5 is softened only where the governing config itself stands in a lenient place.
        let config_lenient = s.decision.config.is_some_and(|c| standing::is_lenient(&c.path));
        if !config_lenient {
            return;
        }
    }
    f.severity = Severity::Warning;
    f.lenient = true;
}

/// Config checks soften by the place of the config.
pub(super) fn soften_config(path: &RepoPath, sink: &mut Sink) {
    if !standing::is_lenient(path) {
        return;
    }
    for f in &mut sink.findings {
        if f.severity == Severity::Error && f.check.softened_in_lenient_places {
            f.severity = Severity::Warning;
            f.lenient = true;
        }
    }
}

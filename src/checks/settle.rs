//! After all checks: one leaf has one finding, and lenient places soften.

use std::collections::{BTreeSet, HashMap};

use super::{
    Sink, decrypted_copy, decrypted_file, double_encrypted, embedded_secret, generator_literal,
    last_applied_secret, plaintext_secret, private_key, unencrypted_file, unencrypted_value,
};
use crate::model::{CheckInfo, Finding, Pointer, RepoPath, Severity};
use crate::settings::Policy;
use crate::subject::{Asked, Subject, standing};
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
    let keep = staying(s, &sink.findings);
    sink.keep(&keep);
    // A copy is deleted; encrypted it would be a second place to keep up.
    if (sink.findings.iter()).any(|f| f.check == &decrypted_copy::INFO) {
        for finding in &mut sink.findings {
            finding.repair = None;
            finding.fix = None;
        }
    }
    for finding in &mut sink.findings {
        soften(s, finding);
    }
}

/// Where findings can meet: document and pointer.
type Leaf<'f> = (u32, &'f Pointer);

/// Which findings stay. One pass collects what each leaf has, so that a file with many findings costs no more for each.
fn staying(s: &Subject<'_>, all: &[Finding]) -> Vec<bool> {
    let mut leaves: HashMap<Leaf<'_>, Vec<usize>> = HashMap::new();
    for (i, f) in all.iter().enumerate() {
        if let Some(pointer) = &f.place.pointer {
            leaves
                .entry((f.place.document, pointer))
                .or_default()
                .push(i);
        }
    }
    // Masked keys and repeated ones give many leaves one pointer: by check and position, and the lowest line of each rank.
    let mut drop = vec![false; all.len()];
    for found in leaves.values().filter(|f| f.len() > 1) {
        let mut last_line: [Option<Option<u32>>; 8] = [None; 8];
        for &i in found {
            let line = all[i].place.position.map(|p| p.line);
            let best = &mut last_line[usize::from(rank(all[i].check))];
            *best = Some(best.map_or(line, |b| b.max(line)));
        }
        let mut seen = BTreeSet::new();
        for &i in found {
            let f = &all[i];
            let own = rank(f.check);
            if own == 0 {
                continue;
            }
            let line = f.place.position.map(|p| p.line);
            let outranked = last_line[usize::from(own) + 1..]
                .iter()
                .flatten()
                .any(|l| *l >= line);
            drop[i] = outranked || !seen.insert((f.check.id, f.place.position));
        }
    }
    let opaque = s.format == Format::Binary;
    let worst_secret = all
        .iter()
        .filter(|f| f.check == &plaintext_secret::INFO)
        .map(|f| f.severity)
        .max();
    let replaced = all.iter().any(|f| {
        f.check == &decrypted_file::INFO
            || (opaque && f.check == &private_key::INFO && f.severity == Severity::Error)
    });
    all.iter()
        .zip(drop)
        .map(|(f, drop)| {
            if f.check == &unencrypted_file::INFO {
                !replaced && worst_secret.is_none_or(|w| w < f.severity)
            } else {
                !drop
            }
        })
        .collect()
}

/// Step 8: an error of a content check in a lenient place is a warning, unless the file carries metadata.
fn soften(s: &Subject<'_>, f: &mut Finding) {
    if f.severity != Severity::Error || !f.check.softened_in_lenient_places || !s.softens() {
        return;
    }
    let about_file = f.check == &unencrypted_file::INFO;
    // A file that the settings name is meant wherever it stands.
    if about_file && s.required {
        return;
    }
    if about_file && s.asked() != Asked::No {
        // Step 5 is softened only where the governing config itself stands in a lenient place.
        let config_lenient = s
            .decision
            .config
            .is_some_and(|c| standing::is_lenient(&c.path, s.policy));
        if !config_lenient {
            return;
        }
    }
    f.severity = Severity::Warning;
    f.lenient = true;
}

/// Config checks soften by the place of the config.
pub(super) fn soften_config(path: &RepoPath, policy: &Policy, sink: &mut Sink) {
    if !standing::is_lenient(path, policy) {
        return;
    }
    for f in &mut sink.findings {
        if f.severity == Severity::Error && f.check.softened_in_lenient_places {
            f.severity = Severity::Warning;
            f.lenient = true;
        }
    }
}

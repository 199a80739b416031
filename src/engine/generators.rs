//! Generators that a change does not touch, and whose sources it does: a `secretGenerator` makes a Secret of a file that came
//! or changed later.
//!
//! Looked for where kustomize lets sources stand: in the directory of the kustomization and below it.

use super::{Around, Seen, Status, judge_bytes};
use crate::checks::{Sink, generator_source};
use crate::model::{Finding, RepoPath};
use crate::source::FileKind;
use crate::subject::Neighbourhood;

/// Names of kustomizations.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What kustomizations that are not judged themselves make of the judged files, by the place of the file in `seen`.
pub(super) fn of_changed(seen: &[Seen<'_>], around: &Around<'_>) -> Vec<(usize, Finding)> {
    let mut found = Vec::new();
    let mut known = std::collections::HashMap::new();
    let plain = |s: &&Seen<'_>| s.status != Status::Encrypted && s.read && s.entry.touched;
    let sources = seen.iter().enumerate().filter(|(_, s)| plain(s));
    for (at, s) in sources.filter(|(_, s)| s.entry.kind == FileKind::Regular) {
        let mut dir = Some(s.entry.path.parent());
        while let Some(here) = dir {
            for path in NAMES.map(|name| within(here, name)) {
                let told = known
                    .entry(path.clone())
                    .or_insert_with(|| told_by(&path, around));
                let of_source = told
                    .iter()
                    .filter(|f| f.related.iter().any(|r| r.path == s.entry.path));
                found.extend(of_source.map(|f| (at, f.clone())));
            }
            dir = match memchr::memrchr(b'/', here) {
                Some(slash) => Some(&here[..slash]),
                None => (!here.is_empty()).then_some(b"".as_slice()),
            };
        }
    }
    found
}

/// The same as findings of nobody's file.
pub(super) fn sink(seen: &[Seen<'_>], around: &Around<'_>) -> Sink {
    let mut sink = Sink::default();
    for (_, finding) in of_changed(seen, around) {
        if !sink
            .findings
            .iter()
            .any(|f| f.fingerprint() == finding.fingerprint())
        {
            sink.findings.push(finding);
        }
    }
    sink
}

fn within(dir: &[u8], name: &str) -> RepoPath {
    match dir {
        b"" => RepoPath::new(name),
        _ => RepoPath::new([dir, b"/", name.as_bytes()].concat()),
    }
}

/// What a kustomization says of its sources; nothing where it is judged itself.
fn told_by(path: &RepoPath, around: &Around<'_>) -> Vec<Finding> {
    let Some(known) = around.view().find(path).filter(|k| !k.selected) else {
        return Vec::new();
    };
    if known.kind != FileKind::Regular {
        return Vec::new();
    }
    let Some(bytes) = around.read(path) else {
        return Vec::new();
    };
    if memchr::memmem::find(&bytes, b"secretGenerator").is_none() {
        return Vec::new();
    }
    let Ok((judged, ..)) = judge_bytes(path, known.kind, &bytes, around) else {
        return Vec::new();
    };
    let mut findings = judged.sink.findings;
    super::sort(&mut findings);
    findings.retain(|f| f.check == &generator_source::INFO);
    findings
}

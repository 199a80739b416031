//! A rule that begins with its own directory: it matches nothing here, but files relative to the parent.

use super::{ConfigFacts, Sink};
use crate::model::{CheckInfo, Finding, RepoPath, Severity};
use crate::say;

/// See `docs/checks/rule-outside.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "rule-outside",
    summary: "A creation rule that begins with its own directory and so matches nothing",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/rule-outside.md"),
    softened_in_lenient_places: true,
};

pub(super) fn run(c: &ConfigFacts<'_>, sink: &mut Sink) {
    for rule in outside(c) {
        let rule = &c.loaded.config.rules()[rule];
        sink.push(
            Finding::new(&INFO, &c.loaded.path, c.places.span(rule.path_regex.as_ref().map_or(rule.span, |p| p.span), 0), say!["rule ", rule.index + 1, " matches no file here, but it would if path_regex were relative to a directory above"])
                .help("path_regex is matched against the path relative to this config's directory: take the directory out of the pattern"),
        );
    }
}

/// Rules that match no file below their config, and some file relative to a directory above it.
pub(super) fn outside(c: &ConfigFacts<'_>) -> Vec<usize> {
    let dir = c.loaded.dir();
    let mut out = Vec::new();
    if dir.is_empty() {
        return out;
    }
    for rule in c.loaded.config.rules() {
        if rule.path_regex.is_none() {
            continue;
        }
        let mut above = false;
        let mut here = false;
        for path in &c.below {
            if rule.matches(&c.loaded.subject(path).unwrap_or_default()) {
                here = true;
                break;
            }
            let mut at = dir;
            while !above && !at.is_empty() {
                at = memchr::memrchr(b'/', at).map_or(&b""[..], |i| &at[..i]);
                above = path
                    .relative_to(at)
                    .is_some_and(|p| rule.matches(&RepoPath::new(p).to_text()));
            }
        }
        if above && !here {
            out.push(rule.index);
        }
    }
    out
}

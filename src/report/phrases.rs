//! Phrases that several formats share, so that one thing is called by one name. Plain text: each format escapes it in
//! its own way.

use crate::model::{
    Counts, Finding, GovernedBy, Mode, Opened, Origin, OriginKind, Outcome, RepoPath, View,
};

/// Digits of an object id that people are shown.
const SHORT: usize = 10;

/// A number and its noun.
pub(super) fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A number with its thousands set apart.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A sentence begins with a capital letter.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// `path:line`, as far as known.
pub(super) fn path_line(path: &RepoPath, line: Option<u32>) -> String {
    match line {
        Some(line) => format!("{path}:{line}"),
        None => path.to_string(),
    }
}

/// `path:line:column`, as far as known.
pub(super) fn at(finding: &Finding) -> String {
    match finding.place.position {
        Some(p) => format!("{}:{}:{}", finding.path, p.line, p.column),
        None => finding.path.to_string(),
    }
}

/// Rules are counted from 1 here, as people do.
pub(super) fn rule_text(rule: &GovernedBy) -> String {
    let view = match rule.at {
        View::Own => "",
        View::Base => ", in the base view",
        View::Head => ", at HEAD",
    };
    format!(
        "{} rule {} (line {}{view})",
        rule.config,
        u64::from(rule.rule) + 1,
        rule.line
    )
}

/// How many are hidden or softened, and by what.
pub(super) fn hidden(counts: &Counts) -> String {
    [
        (counts.inline, "ignored inline"),
        (counts.off, "switched off by settings"),
        (counts.known, "not new"),
        (counts.baseline, "in the baseline"),
        (counts.softened, "softened by settings"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, by)| format!(", {count} {by}"))
    .collect()
}

/// What was looked at.
pub(super) fn scope(outcome: &Outcome) -> String {
    let stats = outcome.stats;
    match outcome.mode {
        Mode::Staged => plural(stats.files, "staged file", "staged files"),
        Mode::Worktree | Mode::Stdin => plural(stats.files, "file", "files"),
        Mode::Range | Mode::History | Mode::PreReceive => {
            let versions = plural(stats.files, "file version", "file versions");
            let commits = plural(stats.commits.unwrap_or(0), "commit", "commits");
            format!("{versions} of {commits}")
        }
    }
}

/// Errors, warnings and notes; empty when there are none.
pub(super) fn counted(counts: &Counts) -> String {
    [
        (counts.error, "error", "errors"),
        (counts.warning, "warning", "warnings"),
        (counts.note, "note", "notes"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| plural(count, one, many))
    .collect::<Vec<_>>()
    .join(", ")
}

/// The beginning of an object id.
pub(super) fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

/// A ref as people call it.
pub(super) fn ref_name(name: &RepoPath) -> String {
    let text = name.to_string();
    match text.strip_prefix("refs/") {
        Some("stash") => "the stash".to_owned(),
        Some(rest) => match rest.split_once('/') {
            Some(("heads" | "remotes", name)) => name.to_owned(),
            Some(("tags", name)) => format!("tag {name}"),
            _ => text,
        },
        None => text,
    }
}

/// Where in history something stands; `None` where nothing is known of it.
pub(super) fn origin(origin: &Origin) -> Option<String> {
    let id = origin
        .commit
        .as_deref()
        .or(origin.blob.as_deref())
        .map(short);
    let id = id.unwrap_or_default();
    let text = match origin.kind {
        OriginKind::Commit => format!("commit {id}"),
        OriginKind::Stash => format!("stashed commit {id}"),
        OriginKind::Reflog => format!("commit {id}, which only a reflog holds"),
        OriginKind::Unreachable => format!("object {id}, which nothing reaches"),
        OriginKind::Message => format!("the message of {id}"),
    };
    (!id.is_empty()).then_some(text)
}

/// Where in history a finding came from, the first place and how many more.
pub(super) fn came_with(origins: &[Origin], total: u64) -> Option<String> {
    let first = origin(origins.first()?)?;
    match total.max(origins.len() as u64) {
        0 | 1 => Some(first),
        many => Some(format!("{first}, and {} more", many - 1)),
    }
}

/// What a leaked key opens of one file.
pub(super) fn opened(file: &Opened) -> String {
    match (file.at_head, file.versions) {
        (true, 0 | 1) => "this key opens it, at HEAD".to_owned(),
        (true, n) => format!("this key opens it, at HEAD; {n} versions in all"),
        (false, n) => format!(
            "this key opens {}",
            plural(n, "earlier version", "earlier versions")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(n), text);
        }
    }

    #[test]
    fn refs_have_short_names() {
        for (name, short) in [
            ("refs/heads/main", "main"),
            ("refs/remotes/origin/a", "origin/a"),
            ("refs/tags/v1", "tag v1"),
            ("refs/stash", "the stash"),
            ("refs/notes/x", "refs/notes/x"),
            ("HEAD@{2}", "HEAD@{2}"),
        ] {
            assert_eq!(ref_name(&RepoPath::new(name)), short);
        }
    }
}

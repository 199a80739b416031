//! A rule that an earlier one always hides.

use super::{ConfigFacts, Sink};
use crate::model::{CheckInfo, Finding, Severity};
use crate::say;
use crate::sops::config::CreationRule;

/// See `docs/checks/rule-unreachable.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "rule-unreachable",
    summary: "An earlier rule always wins",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/rule-unreachable.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(c: &ConfigFacts<'_>, sink: &mut Sink) {
    for (rule, earlier) in hidden(c) {
        sink.push(
            Finding::new(
                &INFO,
                &c.loaded.path,
                c.places.span(c.loaded.config.rules()[rule].span, 0),
                say![
                    "rule ",
                    rule + 1,
                    " is never used: rule ",
                    earlier + 1,
                    " matches first"
                ],
            )
            .help("the first matching rule wins: put the specific rule first"),
        );
    }
}

/// Rules that cannot win, each with the rule that hides it. Shown by the patterns alone: the earlier rule has none or
/// matches everything, or what it asks of a path is part of what the later one asks.
pub(super) fn hidden(c: &ConfigFacts<'_>) -> Vec<(usize, usize)> {
    let rules = c.loaded.config.rules();
    let mut out = Vec::new();
    for (i, rule) in rules.iter().enumerate() {
        let hides = |e: &&CreationRule| match (&e.path_regex, &rule.path_regex) {
            (None, _) => true,
            (Some(a), None) => asks_nothing(&a.source),
            (Some(a), Some(b)) => {
                a.regex.is_ok() && (a.source == b.source || implied(&a.source, &b.source))
            }
        };
        if let Some(earlier) = rules[..i].iter().find(hides) {
            out.push((i, earlier.index));
        }
    }
    out
}

fn asks_nothing(source: &str) -> bool {
    matches!(source, "" | "." | "^" | ".+" | "^.+" | "^.+$" | ".+$") || core(source).is_empty()
}

/// The pattern without what stands for "anything" at its ends.
fn core(source: &str) -> &str {
    let mut s = source;
    s = s
        .strip_prefix("^.*")
        .or_else(|| s.strip_prefix("^(.*)"))
        .or_else(|| s.strip_prefix("(.*)"))
        .or_else(|| s.strip_prefix(".*"))
        .unwrap_or(s);
    s.strip_suffix(".*$")
        .or_else(|| s.strip_suffix(".*"))
        .unwrap_or(s)
}

/// Whether every path that matches `later` matches `earlier`: its core stands in `later`, outside groups, classes and
/// alternatives, so that nothing of it is optional.
fn implied(earlier: &str, later: &str) -> bool {
    let core = core(earlier);
    if core.is_empty() {
        return true;
    }
    let simple = |p: &str| !p.contains(['|', '(', '[', '{', '?']);
    if !simple(core) || later.contains('|') || core.starts_with(['*', '+', '^']) {
        return false;
    }
    let Some(at) = later.rfind(core) else {
        return false;
    };
    let (before, behind) = (&later[..at], &later[at + core.len()..]);
    let closed = simple(before.trim_start_matches("(?i)"))
        && !before.ends_with('\\')
        && !before.contains("(?i)");
    // A core that ends in `$` must end the later one, too; one that does not must not be made optional.
    let ends = if core.ends_with('$') {
        behind.is_empty()
    } else {
        !behind.starts_with(['*', '?', '+', '{'])
    };
    closed && ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_pattern_that_asks_more_is_hidden() {
        for (earlier, later) in [
            (r".*\.enc\.yaml$", r"prod/.*\.enc\.yaml$"),
            (r"\.yaml$", r"secrets/x\.yaml$"),
            (".*", "x"),
            ("secrets/", "^apps/secrets/prod"),
        ] {
            assert!(
                implied(earlier, later) || asks_nothing(earlier),
                "{earlier} {later}"
            );
        }
        for (earlier, later) in [
            (r"prod/.*\.enc\.yaml$", r".*\.enc\.yaml$"),
            (r"\.yaml$", r"\.yaml"),
            (r"^secrets/", r"apps/secrets/"),
            (r"\.enc\.yaml$", r"a|b\.enc\.yaml$"),
            (r"x\.yaml$", r"(x\.yaml$)?"),
            (r"a/", r"b(a/)?c"),
            (r"\.ya?ml$", r"a\.ya?ml$"),
        ] {
            assert!(!implied(earlier, later), "{earlier} {later}");
        }
    }
}

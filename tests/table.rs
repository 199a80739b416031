//! The table of checks against what stands around it: pages, files, cases, README.
//!
//! A check is a file in `src/checks/`, a line in the table, a page in `docs/checks/` and cases that fire and do not. Each
//! of these can be forgotten, and each can be left over.
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot be set up has failed"
)]

#[path = "cases/lab.rs"]
mod lab;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sopsguard::checks::TABLE;

/// Files of `src/checks/` that are no checks.
const NO_CHECKS: &[&str] = &["mod", "settle", "repair"];

/// The headings of a page below its title, in order.
const HEADINGS: &[&str] = &[
    "## What it finds",
    "## Why it matters",
    "## Example",
    "## How to fix",
    "## References",
];

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Names in a folder that end so, without that end.
fn names(dir: PathBuf, end: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter_map(|n| n.strip_suffix(end).map(str::to_owned))
        .collect()
}

#[test]
fn ids_are_unique_and_kebab_case() {
    let mut seen = BTreeSet::new();
    for check in TABLE {
        assert!(
            seen.insert(check.id),
            "{} stands twice in the table",
            check.id
        );
        let kebab = check
            .id
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()));
        assert!(kebab, "{} is not in kebab case", check.id);
        assert!(
            !check.summary.is_empty() && !check.summary.ends_with('.'),
            "{}: the summary is a line without a full stop",
            check.id
        );
    }
}

#[test]
fn every_check_has_its_file_and_every_file_its_check() {
    let mut files = names(home().join("src/checks"), ".rs");
    for name in NO_CHECKS {
        files.remove(*name);
    }
    let ids: BTreeSet<String> = TABLE.iter().map(|c| c.id.replace('-', "_")).collect();
    assert_eq!(files, ids, "src/checks and the table differ");
}

#[test]
fn every_check_has_its_page_and_every_page_its_check() {
    let pages = names(home().join("docs/checks"), ".md");
    let ids: BTreeSet<String> = TABLE.iter().map(|c| c.id.to_owned()).collect();
    assert_eq!(pages, ids, "docs/checks and the table differ");
}

#[test]
fn pages_have_their_headings_in_order_and_tell_the_severity_of_the_check() {
    for check in TABLE {
        let on_disk =
            std::fs::read_to_string(home().join("docs/checks").join(format!("{}.md", check.id)))
                .unwrap();
        assert!(
            on_disk == check.page,
            "{}: the page of the table is not docs/checks/{}.md",
            check.id,
            check.id
        );
        let mut lines = check.page.lines();
        assert_eq!(
            lines.next(),
            Some(format!("# {}", check.id).as_str()),
            "{}: title",
            check.id
        );
        assert_eq!(
            lines.next(),
            Some(""),
            "{}: a blank line under the title",
            check.id
        );
        let severity = lines
            .next()
            .and_then(|l| l.strip_prefix("Severity: "))
            .unwrap_or_else(|| panic!("{}: no severity under the title", check.id));
        let word = severity.split(' ').next().unwrap_or("");
        assert_eq!(
            word,
            check.severity.as_str(),
            "{}: the page tells another severity than the table",
            check.id
        );
        let mut in_block = false;
        let headings: Vec<&str> = lines
            .filter(|l| {
                in_block ^= l.starts_with("```");
                !in_block && l.starts_with('#')
            })
            .collect();
        assert_eq!(headings, HEADINGS, "{}: headings", check.id);
    }
}

/// Whether `expected.txt` has a finding of the check.
fn fires(expected: &str, id: &str) -> bool {
    expected
        .lines()
        .any(|l| !l.starts_with("blind ") && l.split(' ').nth(1) == Some(id))
}

#[test]
fn every_check_has_a_case_that_fires_and_one_that_does_not() {
    let cases = lab::cases();
    // What only a key can tell stands in `tests/decrypt.rs`.
    for check in TABLE.iter().filter(|c| c.id != "never-rotated") {
        let (fire, silent): (Vec<_>, Vec<_>) = cases
            .iter()
            .filter(|c| c.check == check.id && !c.is_pending())
            .partition(|c| fires(&c.expected(), check.id));
        assert!(!fire.is_empty(), "{}: no case fires", check.id);
        assert!(!silent.is_empty(), "{}: no near miss", check.id);
    }
}

#[test]
fn the_readme_lists_every_check() {
    let readme = std::fs::read_to_string(home().join("README.md")).unwrap_or_default();
    let listed: BTreeSet<&str> = TABLE
        .iter()
        .map(|c| c.id)
        .filter(|id| readme.contains(&format!("`{id}`")) || readme.contains(&format!("[{id}]")))
        .collect();
    // A few ids in prose are no table.
    let table = readme
        .lines()
        .filter(|l| l.starts_with('|') && TABLE.iter().any(|c| l.contains(c.id)))
        .count();
    if table < 3 {
        eprintln!("SKIPPED: README.md has no table of checks");
        return;
    }
    let missing: Vec<&str> = TABLE
        .iter()
        .map(|c| c.id)
        .filter(|id| !listed.contains(id))
        .collect();
    assert!(missing.is_empty(), "README.md does not list {missing:?}");
}

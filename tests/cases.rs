//! Cases: each folder below `tests/cases/<check>/` is a small repository and what `sopsguard scan` must say of it.
//!
//! `expected.txt` has one line a finding (`severity check path[:pointer][@document]`, and `ignored` or `baseline` behind it
//! where it is hidden), one a blind spot (`blind code path blocking|listed|accepted`), sorted, and last the exit code. Labels are written from the contract first; `UPDATE=1` rewrites
//! them from what the program says, so read the diff. A folder `pending-…` is a contradiction that is not settled yet: it
//! is skipped, and said to be. How the folders become repositories: `tests/cases/lab.rs`; how the ciphertext in them was
//! made: `tests/cases/make.sh`.
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot be set up has failed"
)]

#[path = "cases/lab.rs"]
mod lab;

use std::fmt::Write as _;

use lab::{Built, Case};
use serde_json::Value;

/// What the program says, in the words of `expected.txt`.
fn told(case: &Case) -> String {
    let built = Built::of(case);
    let mut command = built.scrubbed(env!("CARGO_BIN_EXE_sopsguard"));
    let out = command
        .args(["scan", "--format", "json"])
        .args(case.args())
        .output()
        .expect("the program runs");
    let code = out
        .status
        .code()
        .map_or("none".to_owned(), |c| c.to_string());
    let report: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|e| {
        let errors = String::from_utf8_lossy(&out.stderr);
        panic!("{}: exit {code}, no report ({e}): {errors}", case.id())
    });
    assert_eq!(
        report["exit_code"].to_string(),
        code,
        "{}: the report says another exit code",
        case.id()
    );
    let mut lines: Vec<String> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(finding)
        .collect();
    lines.extend(report["blind_spots"].as_array().unwrap().iter().map(blind));
    lines.sort();
    lines.push(format!("exit {code}"));
    lines.join("\n") + "\n"
}

fn finding(f: &Value) -> String {
    let text = |name: &str| f[name].as_str().unwrap_or("?").to_owned();
    let mut line = format!("{} {} {}", text("severity"), text("check"), text("path"));
    if let Some(pointer) = f["pointer"].as_str() {
        let _ = write!(line, ":{pointer}");
    }
    if let Some(document) = f["document"].as_u64().filter(|d| *d > 0) {
        let _ = write!(line, "@{document}");
    }
    if f["status"] != "active" {
        let _ = write!(line, " {}", text("status"));
    }
    line
}

fn blind(b: &Value) -> String {
    let weight = if !b["accepted_by"].is_null() {
        "accepted"
    } else if b["blocking"] == true {
        "blocking"
    } else {
        "listed"
    };
    format!(
        "blind {} {} {weight}",
        b["code"].as_str().unwrap_or("?"),
        b["path"].as_str().unwrap_or("?")
    )
}

/// All cases of one check.
fn check(id: &str) {
    let cases: Vec<Case> = lab::cases().into_iter().filter(|c| c.check == id).collect();
    assert!(!cases.is_empty(), "there is no case below tests/cases/{id}");
    for case in cases.iter().filter(|c| c.is_pending()) {
        eprintln!(
            "SKIPPED {}: contract and program differ, see the folder",
            case.id()
        );
    }
    let live: Vec<Case> = cases.into_iter().filter(|c| !c.is_pending()).collect();
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = String::new();
    for (case, got) in live.iter().zip(lab::in_parallel(&live, told)) {
        let expected = case.expected();
        if expected == got {
            continue;
        }
        if update {
            std::fs::write(case.dir.join("expected.txt"), got).unwrap();
            continue;
        }
        let _ = writeln!(wrong, "{}", case.id());
        for line in expected.lines().filter(|l| !got.lines().any(|g| g == *l)) {
            let _ = writeln!(wrong, "  - {line}");
        }
        for line in got.lines().filter(|l| !expected.lines().any(|e| e == *l)) {
            let _ = writeln!(wrong, "  + {line}");
        }
        if expected.lines().collect::<std::collections::BTreeSet<_>>() == got.lines().collect() {
            let _ = writeln!(
                wrong,
                "  (the same lines, in other numbers or another order)"
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "- expected, + told; UPDATE=1 rewrites expected.txt\n{wrong}"
    );
}

macro_rules! checks {
    ($($test:ident $id:literal)*) => {
        $(#[test]
        fn $test() {
            check($id);
        })*

        const IDS: &[&str] = &[$($id),*];
    };
}

checks! {
    unencrypted_file "unencrypted-file"
    unencrypted_value "unencrypted-value"
    plaintext_secret "plaintext-secret"
    embedded_secret "embedded-secret"
    last_applied_secret "last-applied-secret"
    generator_source "generator-source"
    generator_literal "generator-literal"
    private_key "private-key"
    decrypted_file "decrypted-file"
    decrypted_copy "decrypted-copy"
    hollow_envelope "hollow-envelope"
    forged_ciphertext "forged-ciphertext"
    hidden_plaintext "hidden-plaintext"
    broken_envelope "broken-envelope"
    double_encrypted "double-encrypted"
    scope_regex_invalid "scope-regex-invalid"
    config_invalid "config-invalid"
    rule_outside "rule-outside"
    recipient_missing "recipient-missing"
    recipient_extra "recipient-extra"
    scope_drift "scope-drift"
    guard_weakened "guard-weakened"
    rule_unreachable "rule-unreachable"
    rule_without_keys "rule-without-keys"
    recipient_invalid "recipient-invalid"
    rule_field_unknown "rule-field-unknown"
    config_misnamed "config-misnamed"
    config_untracked "config-untracked"
    config_ambiguous "config-ambiguous"
    encrypted_identity "encrypted-identity"
    decryption_missing "decryption-missing"
    index_differs "index-differs"
    rule_unused "rule-unused"
    ungoverned_ciphertext "ungoverned-ciphertext"
    ignore_unused "ignore-unused"
    leaked_value "leaked-value"
    stale_recipient "stale-recipient"
}

/// What only a key can tell: `tests/decrypt.rs`.
const WITH_A_KEY: [&str; 1] = ["never-rotated"];

#[test]
fn every_folder_of_cases_belongs_to_a_test() {
    let folders: Vec<String> = lab::cases().iter().map(|c| c.check.clone()).collect();
    let unknown: Vec<&String> = folders
        .iter()
        .filter(|f| !IDS.contains(&f.as_str()))
        .collect();
    assert!(unknown.is_empty(), "no test runs {unknown:?}");
    let table: Vec<&str> = sopsguard::checks::TABLE.iter().map(|c| c.id).collect();
    let here = |id: &&&str| !IDS.contains(id) && !WITH_A_KEY.contains(id);
    let untested: Vec<&&str> = table.iter().filter(here).collect();
    assert!(untested.is_empty(), "no test for the cases of {untested:?}");
}

#[test]
fn every_case_is_whole() {
    for case in lab::cases() {
        assert!(case.dir.join("repo").is_dir(), "{}: no repo/", case.id());
        assert!(
            case.expected()
                .lines()
                .last()
                .is_some_and(|l| l.starts_with("exit ")),
            "{}: expected.txt ends without an exit code",
            case.id()
        );
    }
}

//! The same input gives the same report: for any number of threads, and with the prefilter on or off.
//!
//! The first is asked of the program, byte by byte, the second of the library, for the repositories of all cases.
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

use std::path::Path;

use lab::{Built, Case};
use sopsguard::engine::{self, Options};
use sopsguard::git::GitEnv;
use sopsguard::source::open_worktree;

const CONFIG: &str = "\
creation_rules:
  - path_regex: ^clusters/secrets/.*
    age: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
  - path_regex: \\.ya?ml$
    encrypted_regex: ^(data|stringData)$
    age: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
";

fn write(top: &Path, path: &str, text: &str) {
    let to = top.join(path);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::write(to, text).unwrap();
}

/// Some three hundred files of all formats, with findings of many checks and blind spots in between.
fn many_files() -> Built {
    let built = Built::new();
    let top = built.top();
    write(&top, ".sops.yaml", CONFIG);
    for n in 0..50 {
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s{n}}}\nstringData:\n  a_password: kumquat-{n}-8f3kQ\n  host: db{n}.example.org\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}}}\ndata: {{k: v}}\n"
        );
        write(&top, &format!("apps/a{}/secret-{n}.yaml", n % 7), &text);
        write(
            &top,
            &format!("apps/a{}/values-{n}.yaml", n % 7),
            &format!("replicas: {n}\nimage: {{tag: v{n}}}\n"),
        );
        write(
            &top,
            &format!("clusters/secrets/c{n}.json"),
            &format!("{{\"token\": \"kumquat-{n}-8f3kQ\"}}\n"),
        );
        write(
            &top,
            &format!("clusters/secrets/e{n}.env"),
            &format!("# {n}\nTOKEN=kumquat-{n}-8f3kQ\n"),
        );
        write(
            &top,
            &format!("env/e{n}.sops.env"),
            &format!("A={n}\nPASSWORD=kumquat-{n}-8f3kQ\n"),
        );
        write(&top, &format!("docs/d{n}.md"), "kind: Secret\n");
    }
    for n in 0..4 {
        write(
            &top,
            &format!("clusters/secrets/broken{n}.yaml"),
            "password: kumquat\n  : [unclosed\n",
        );
    }
    built.commit();
    built
}

/// The report without the time that the run took.
fn report(built: &Built, jobs: &str) -> String {
    let mut command = built.scrubbed(env!("CARGO_BIN_EXE_sopsguard"));
    let out = command
        .args(["scan", "--format", "json", "--jobs", jobs])
        .output()
        .expect("the program runs");
    assert_eq!(
        out.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let text = String::from_utf8(out.stdout).unwrap();
    let at = text
        .find("\"elapsed_ms\":")
        .expect("the report tells the time");
    let from = at + "\"elapsed_ms\":".len();
    let rest = text[from..].trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit());
    format!("{}0{rest}", &text[..from])
}

#[test]
fn the_report_does_not_depend_on_the_number_of_threads() {
    let built = many_files();
    let one = report(&built, "1");
    let parsed: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert!(
        parsed["findings"].as_array().unwrap().len() >= 200,
        "the repository has findings"
    );
    for jobs in ["2", "8", "8", "0"] {
        assert!(
            report(&built, jobs) == one,
            "--jobs {jobs} gives another report than --jobs 1"
        );
    }
}

/// Findings and blind spots, whole, one a line.
fn outcome(built: &Built, prefilter: bool) -> Vec<String> {
    let opened = open_worktree(&built.top(), &[], &GitEnv::default()).unwrap();
    let options = Options {
        prefilter,
        jobs: 1,
        ..Options::default()
    };
    let outcome = engine::run(
        &*opened.view,
        opened.base.as_deref(),
        opened.repository.clone(),
        &options,
    );
    // The page of a check says nothing of a finding.
    let findings = outcome
        .findings
        .iter()
        .map(|f| format!("{f:?}").replace(&format!("{:?}", f.check), f.check.id));
    findings
        .chain(outcome.blind_spots.iter().map(|b| format!("{b:?}")))
        .collect()
}

fn with_and_without_prefilter(built: &Built, name: &str) -> Option<String> {
    let (with, without) = (outcome(built, true), outcome(built, false));
    let short = |line: &String| line.chars().take(400).collect::<String>();
    let lost: Vec<String> = without
        .iter()
        .filter(|l| !with.contains(l))
        .map(short)
        .collect();
    let more: Vec<String> = with
        .iter()
        .filter(|l| !without.contains(l))
        .map(short)
        .collect();
    (with != without).then(|| {
        format!("{name}\n  only without the prefilter: {lost:#?}\n  only with it: {more:#?}")
    })
}

#[test]
fn the_prefilter_decides_nothing() {
    let (pending, cases): (Vec<Case>, Vec<Case>) =
        lab::cases().into_iter().partition(Case::is_pending);
    for case in pending {
        eprintln!(
            "SKIPPED {}: contract and program differ, see the folder",
            case.id()
        );
    }
    let wrong: Vec<String> = lab::in_parallel(&cases, |case| {
        with_and_without_prefilter(&Built::of(case), &case.id())
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_prefilter_decides_nothing_among_many_files() {
    assert_eq!(
        with_and_without_prefilter(&many_files(), "many files"),
        None
    );
}

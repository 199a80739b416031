//! Findings of an audit against those of scans of each commit for itself, and with the prefilter on against off.
//!
//! The audit looks at a version once, as it passes by, by shortcuts: words that were found in its delta base, documents
//! that were seen before, rules that could have governed it. Here each commit is checked out and scanned as if it were the
//! present, which takes none of them.
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "cases/lab.rs"]
mod lab;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lab::{Built, Case};
use sopsguard::engine::history::{self, Audit, KeyNeedles};
use sopsguard::engine::{self, Options, Progress};
use sopsguard::git::GitEnv;
use sopsguard::model::{Finding, Mode, Outcome};
use sopsguard::source::{Depth, open_history, open_repository, open_worktree};

/// What says something of one version alone, and of the past: an envelope that was once broken gave nothing away by that.
const OF_CONTENT: [&str; 10] = [
    "embedded-secret",
    "forged-ciphertext",
    "generator-literal",
    "hidden-plaintext",
    "hollow-envelope",
    "last-applied-secret",
    "plaintext-secret",
    "private-key",
    "unencrypted-file",
    "unencrypted-value",
];

/// Path and object of a version, check and key path of what was found there.
type Found = (String, String, String, String);

fn audit(built: &Built, prefilter: bool) -> Outcome {
    let trees = open_repository(&built.top(), &GitEnv::default()).unwrap();
    let past = open_history(&trees, &Depth::default(), &KeyNeedles);
    let audit = Audit {
        history: &past.history,
        trees: &past.trees,
        tips: &past.tips,
        head: past.head,
        objects: &past.objects,
        blind_spots: past.blind_spots,
        sops: None,
    };
    let options = Options {
        mode: Mode::History,
        prefilter,
        ..Options::default()
    };
    history::run(
        &audit,
        Some(past.repository),
        &options,
        None,
        &Progress::default(),
    )
    .0
}

fn place(finding: &Finding) -> (String, String) {
    let pointer = finding.place.pointer.as_ref();
    let pointer = pointer.map_or(String::new(), |p| {
        format!("{} {p:?}", finding.place.document)
    });
    (finding.check.id.to_owned(), pointer)
}

/// What an audit tells of each version.
fn told(outcome: &Outcome) -> BTreeSet<Found> {
    let mut all = BTreeSet::new();
    for finding in &outcome.findings {
        let (check, pointer) = place(finding);
        let versions = finding.exposure.iter().flat_map(|e| &e.versions);
        for version in versions {
            let path = finding.path.to_string();
            all.insert((path, version.blob.clone(), check.clone(), pointer.clone()));
        }
    }
    all
}

/// What a scan of the checked out commit tells.
fn seen(built: &Built, all: &mut BTreeSet<Found>) {
    let out = built
        .scrubbed("git")
        .args(["ls-tree", "-r", "-z", "HEAD"])
        .output()
        .unwrap();
    let listed = String::from_utf8(out.stdout).unwrap();
    let blobs: BTreeMap<&str, &str> = (listed.split('\0').filter(|l| !l.is_empty()))
        .map(|line| {
            let (head, path) = line.split_once('\t').unwrap();
            (path, head.rsplit(' ').next().unwrap())
        })
        .collect();
    let opened = open_worktree(&built.top(), &[], &GitEnv::default()).unwrap();
    let (view, base) = (&*opened.view, opened.base.as_deref());
    let outcome = engine::run(view, base, opened.repository.clone(), &Options::default());
    for finding in &outcome.findings {
        let (check, pointer) = place(finding);
        let path = finding.path.to_string();
        if let Some(blob) = blobs
            .get(path.as_str())
            .filter(|_| OF_CONTENT.contains(&finding.check.id))
        {
            all.insert((path, (*blob).to_owned(), check, pointer));
        }
    }
}

/// Holds an audit against the scans of its commits, and against itself without the prefilter.
fn compare(built: &Built, seen: &BTreeSet<Found>, at_least: usize) {
    let with = audit(built, true);
    let told = told(&with);
    let leaked: BTreeSet<(&str, &str)> = (told.iter())
        .filter(|f| f.2 == "leaked-value")
        .map(|f| (f.0.as_str(), f.1.as_str()))
        .collect();
    let missed: Vec<&Found> = (seen.iter())
        .filter(|f| !told.contains(f) && !leaked.contains(&(f.0.as_str(), f.1.as_str())))
        .collect();
    assert!(missed.is_empty(), "{} missed: {missed:#?}", missed.len());
    let known: BTreeSet<(&str, &str)> = seen.iter().map(|f| (f.0.as_str(), f.1.as_str())).collect();
    let of_content = |f: &&Found| OF_CONTENT.contains(&f.2.as_str());
    let more: Vec<&Found> = (told.iter().filter(of_content))
        .filter(|f| !known.contains(&(f.0.as_str(), f.1.as_str())))
        .collect();
    assert!(more.is_empty(), "{} made up: {more:#?}", more.len());
    assert!(seen.len() >= at_least, "{} were seen", seen.len());

    let text = |outcome: &Outcome| -> Vec<String> {
        let findings = outcome.findings.iter();
        let findings =
            findings.map(|f| format!("{f:?}").replace(&format!("{:?}", f.check), f.check.id));
        let blind = outcome.blind_spots.iter().map(|b| format!("{b:?}"));
        findings.chain(blind).collect()
    };
    let (with, without) = (text(&with), text(&audit(built, false)));
    let only = |a: &[String], b: &[String]| -> Vec<String> {
        let short = |line: &String| line.chars().take(300).collect();
        a.iter().filter(|l| !b.contains(l)).map(short).collect()
    };
    assert!(
        with == without,
        "only without the prefilter: {:#?}\nonly with it: {:#?}",
        only(&without, &with),
        only(&with, &without)
    );
}

#[test]
fn every_case_as_a_commit() {
    let is_plain = |case: &Case| {
        let has = |name: &str| case.dir.join(name).exists();
        let settings = [
            ".sopsguard.toml",
            "dot_sopsguard.toml",
            "sopsguard.toml",
            "dot_sopsguard-baseline.json",
            "dot_config",
        ];
        // What a habit asks for is told of the present only.
        !case.is_pending()
            && !case.name.starts_with("habit-")
            && !has("head")
            && !has("past")
            && case.args().is_empty()
            && !settings.iter().any(|name| has(&format!("repo/{name}")))
    };
    let cases: Vec<Case> = lab::cases().into_iter().filter(is_plain).collect();
    assert!(cases.len() > 200, "{}", cases.len());
    // Some hundred cases a history: each is a past of the others.
    let histories: Vec<&[Case]> = cases.chunks(cases.len().div_ceil(4)).collect();
    lab::in_parallel(&histories, |cases| {
        let built = Built::new();
        let (mut before, mut all) = (BTreeSet::new(), BTreeSet::new());
        for case in *cases {
            before = built.replace(&case.dir.join("repo"), &before);
            seen(&built, &mut all);
        }
        // None of their rules and files is of today.
        let last = tempfile::tempdir().unwrap();
        std::fs::write(last.path().join("README.md"), "# The end\n").unwrap();
        built.replace(last.path(), &before);
        compare(&built, &all, 10);
    });
}

/// A text of many documents, of which few change from one version to the next.
fn stream(version: usize) -> String {
    let mut text = String::from("# Generated by a program.\n");
    for n in 0..40 {
        let changes = if n % 13 == version % 13 { version } else { 0 };
        text.push_str(&format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d{n}\n  labels: {{v: \"{changes}\"}}\nspec:\n  template:\n    spec:\n      containers:\n        - name: c\n          env:\n            - name: P\n              valueFrom:\n                secretKeyRef: {{name: s, key: k}}\n          # The kinds are ConfigMap and Secret.\n          args: [\"{}\"]\n",
            "x".repeat(200)
        ));
        // What is looked for comes, changes and goes, now here, now there.
        match (version + n) % 11 {
            0 if version.is_multiple_of(3) => text.push_str(&format!(
                "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s{n}}}\nstringData:\n  password: kumquat-{version}-8f3kQ\n"
            )),
            1 if version % 4 == 1 => text.push_str(&format!(
                "---\napiVersion: v1\nkind: \"\\x53ecret\"\nmetadata: {{name: s{n}}}\nstringData:\n  token: kumquat-{version}-9f3kQ\n"
            )),
            2 if version % 5 == 2 => text.push_str("---\napiVersion: v1\nkind: Secret\nmetadata: {name: empty}\ndata: {}\n"),
            3 if version % 7 == 3 => text.push_str(&format!(
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{n}}}\ndata:\n  inner: |\n    apiVersion: v1\n    kind: Secret\n    stringData:\n      password: kumquat-{version}-7f3kQ\n"
            )),
            4 if version % 8 == 4 => text.push_str("---\nkind: [Secret, ConfigMap]\nenum:\n- sops\n- 'Secret'\ndata: {a: b}\n"),
            5 if version % 9 == 5 => text.push_str("---\napiVersion: v1\nkind: &k Secret\nstringData: {password: kumquat-5f3kQ8}\n---\na: [unclosed\n"),
            6 if version % 10 == 6 => text.push_str("---\napiVersion: v1\nkind:\n  # in between,\n  Secret\nstringData: {password: kumquat-6f3kQ8}\n"),
            _ => {}
        }
    }
    text
}

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
fn streams_that_change_little() {
    let built = Built::new();
    let mut all = BTreeSet::new();
    let write = |path: &str, bytes: &[u8]| {
        let to = built.top().join(path);
        std::fs::create_dir_all(Path::new(&to).parent().unwrap()).unwrap();
        std::fs::write(to, bytes).unwrap();
    };
    for version in 0..60 {
        let text = stream(version);
        write("a/install.yaml", text.as_bytes());
        if version % 5 == 0 {
            write("b/other.yml", stream(version / 5).as_bytes());
            write("wide.yaml", &utf16(&stream(version + 1)));
            write(
                "crlf.yaml",
                stream(version + 2).replace('\n', "\r\n").as_bytes(),
            );
            write("noname", stream(version + 3).as_bytes());
            write("t/x.yaml.tmpl", stream(version + 4).as_bytes());
            let binary = [&b"\0\0\\x41\xff\xfe"[..], stream(version + 5).as_bytes()].concat();
            write("image.bin", &binary);
            let inner = serde_json::json!({"kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret", "data": {"k": format!("a3VtcXVhdDhm{version}")}}], "html": "<b>&amp;</b>"});
            let json = inner.to_string().replace('<', "\\u003c");
            write("list.json", json.as_bytes());
        }
        built.commit();
        seen(&built, &mut all);
        if version == 30 {
            // Later versions become deltas of others, loose objects beside a pack.
            built.git(&[
                "repack",
                "-q",
                "-a",
                "-d",
                "-f",
                "--depth=50",
                "--window=50",
            ]);
        }
    }
    compare(&built, &all, 100);
    built.git(&[
        "repack",
        "-q",
        "-a",
        "-d",
        "-f",
        "--depth=50",
        "--window=50",
    ]);
    compare(&built, &all, 100);
}

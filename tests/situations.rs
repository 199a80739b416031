//! What is in HEAD, in the index and on disk, and what `sopsguard scan --staged` says of it: a table, row by row, in real
//! repositories. Printed as Markdown with `--nocapture`.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot be set up has failed"
)]

#[path = "source/lab.rs"]
mod lab;

use lab::Lab;
use serde_json::Value;

/// An envelope of the real sops, and what was in it.
const SEALED: &str = include_str!("cases/decrypted-copy/yaml-dec/repo/app.sops.yaml");
const OPEN: &str = include_str!("cases/decrypted-copy/yaml-dec/repo/app.yaml.dec");
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: k\nstringData:\n  password: kumquat-8f3kQ-1\n";
const HARMLESS: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: k\ndata:\n  mode: dark\n";
const RULE: &str = "creation_rules:\n  - path_regex: credentials/\n    age: age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r\n";
const LAX: &str = "creation_rules:\n  - path_regex: nothing-here/\n    age: age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r\n";
const PLAIN: &str = "token: kumquat-8f3kQ-2\n";
const EXEMPT: &str = "[policy]\nexempt = [\"credentials/**\"]\n";
const KEY: &str = "AGE-SECRET-KEY-1";

struct Row {
    /// HEAD · index · disk, in words.
    situation: [&'static str; 3],
    make: fn(&Lab),
    /// `severity check path`, active ones only, sorted; then the exit code.
    expected: &'static [&'static str],
    exit: i64,
}

fn put(lab: &Lab, path: &str, text: &str) {
    let _ = std::fs::remove_file(lab.top().join(path));
    lab.write(path, text);
}

fn add(lab: &Lab, path: &str, text: &str) {
    put(lab, path, text);
    lab.git(&["add", "-f", path]);
}

fn head(lab: &Lab, files: &[(&str, &str)]) {
    for (path, text) in files {
        add(lab, path, text);
    }
    lab.git(&["commit", "-q", "--allow-empty", "-m", "base"]);
}

fn gone(lab: &Lab, path: &str) {
    std::fs::remove_file(lab.top().join(path)).unwrap();
}

fn link(lab: &Lab, path: &str, target: &str) {
    let _ = std::fs::remove_file(lab.top().join(path));
    std::os::unix::fs::symlink(target, lab.top().join(path)).unwrap();
    lab.git(&["add", path]);
}

/// An identity whose checksum is right, made here so that no file holds one.
fn identity() -> String {
    // The test vector of BIP 173's alphabet: 32 zero bytes under the prefix of age.
    let data = [0u8; 32];
    let hrp = bech32::Hrp::parse("age-secret-key-").unwrap();
    let text = bech32::encode::<bech32::Bech32>(hrp, &data)
        .unwrap()
        .to_uppercase();
    assert!(text.starts_with(KEY));
    text
}

const ROWS: &[Row] = &[
    Row {
        situation: ["—", "plain Secret", "the same"],
        make: |lab| {
            head(lab, &[]);
            add(lab, "s.yaml", SECRET);
        },
        expected: &["error plaintext-secret s.yaml"],
        exit: 1,
    },
    Row {
        situation: ["unborn", "plain Secret", "the same"],
        make: |lab| add(lab, "s.yaml", SECRET),
        expected: &["error plaintext-secret s.yaml"],
        exit: 1,
    },
    Row {
        situation: ["—", "plain Secret", "deleted"],
        make: |lab| {
            head(lab, &[]);
            add(lab, "s.yaml", SECRET);
            gone(lab, "s.yaml");
        },
        expected: &["error plaintext-secret s.yaml"],
        exit: 1,
    },
    Row {
        situation: ["—", "—", "plain Secret, not added"],
        make: |lab| {
            head(lab, &[("a.yaml", HARMLESS)]);
            put(lab, "s.yaml", SECRET);
        },
        expected: &[],
        exit: 0,
    },
    Row {
        situation: ["—", "plain Secret, intent to add", "the same"],
        make: |lab| {
            head(lab, &[("a.yaml", HARMLESS)]);
            put(lab, "s.yaml", SECRET);
            lab.git(&["add", "-N", "s.yaml"]);
        },
        expected: &[],
        exit: 0,
    },
    Row {
        situation: ["—", "plaintext under a promising name", "encrypted"],
        make: |lab| {
            head(lab, &[]);
            add(lab, "app.sops.yaml", OPEN);
            put(lab, "app.sops.yaml", SEALED);
        },
        expected: &[
            "error unencrypted-file app.sops.yaml",
            "note index-differs app.sops.yaml",
        ],
        exit: 1,
    },
    Row {
        situation: ["—", "encrypted", "decrypted for editing"],
        make: |lab| {
            head(lab, &[]);
            add(lab, "app.sops.yaml", SEALED);
            put(lab, "app.sops.yaml", OPEN);
        },
        expected: &[],
        exit: 0,
    },
    Row {
        situation: ["encrypted", "decrypted", "decrypted"],
        make: |lab| {
            head(lab, &[("app.yaml", SEALED)]);
            add(lab, "app.yaml", OPEN);
        },
        expected: &["error decrypted-file app.yaml"],
        exit: 1,
    },
    Row {
        situation: ["encrypted", "encrypted", "decrypted"],
        make: |lab| {
            head(lab, &[("app.yaml", SEALED)]);
            put(lab, "app.yaml", OPEN);
        },
        expected: &[],
        exit: 0,
    },
    Row {
        situation: ["encrypted", "decrypted and renamed", "the same"],
        make: |lab| {
            head(lab, &[("app.yaml", SEALED)]);
            lab.git(&["mv", "app.yaml", "renamed.yaml"]);
            add(lab, "renamed.yaml", OPEN);
        },
        expected: &["error decrypted-file renamed.yaml"],
        exit: 1,
    },
    Row {
        situation: ["encrypted", "and a decrypted copy beside it", "the same"],
        make: |lab| {
            head(lab, &[("app.sops.yaml", SEALED)]);
            add(lab, "app.yaml", OPEN);
        },
        expected: &["error decrypted-copy app.yaml"],
        exit: 1,
    },
    Row {
        situation: ["plain Secret", "untouched; another file", "the same"],
        make: |lab| {
            head(lab, &[("old.yaml", SECRET)]);
            add(lab, "a.yaml", HARMLESS);
        },
        expected: &[],
        exit: 0,
    },
    Row {
        situation: ["plain Secret", "deleted", "deleted"],
        make: |lab| {
            head(lab, &[("old.yaml", SECRET)]);
            lab.git(&["rm", "-q", "old.yaml"]);
        },
        expected: &[],
        exit: 0,
    },
    Row {
        situation: ["plain Secret", "renamed and edited", "the same"],
        make: |lab| {
            head(lab, &[("old.yaml", SECRET)]);
            lab.git(&["mv", "old.yaml", "new.yaml"]);
            add(lab, "new.yaml", &format!("# moved\n{SECRET}"));
        },
        expected: &["error plaintext-secret new.yaml"],
        exit: 1,
    },
    Row {
        situation: ["plain Secret", "executable bit only", "the same"],
        make: |lab| {
            head(lab, &[("old.yaml", SECRET)]);
            lab.git(&["update-index", "--chmod=+x", "old.yaml"]);
        },
        expected: &["error plaintext-secret old.yaml"],
        exit: 1,
    },
    Row {
        situation: ["harmless", "plain Secret", "harmless again"],
        make: |lab| {
            head(lab, &[("s.yaml", HARMLESS)]);
            add(lab, "s.yaml", SECRET);
            put(lab, "s.yaml", HARMLESS);
        },
        expected: &["error plaintext-secret s.yaml"],
        exit: 1,
    },
    Row {
        situation: ["harmless", "another harmless version", "plain Secret"],
        make: |lab| {
            head(lab, &[("s.yaml", HARMLESS)]);
            add(lab, "s.yaml", &format!("# two\n{HARMLESS}"));
            put(lab, "s.yaml", SECRET);
        },
        expected: &[],
        exit: 0,
    },
    Row {
        situation: ["harmless", "conflict, theirs is a plain Secret", "either"],
        make: |lab| {
            head(lab, &[("s.yaml", HARMLESS)]);
            lab.git(&["checkout", "-q", "-b", "side"]);
            add(lab, "s.yaml", SECRET);
            lab.git(&["commit", "-q", "-m", "side"]);
            lab.git(&["checkout", "-q", "main"]);
            add(lab, "s.yaml", &HARMLESS.replace("dark", "light"));
            lab.git(&["commit", "-q", "-m", "main"]);
            assert!(!lab.git_try(&["merge", "-q", "side"]));
        },
        expected: &["error plaintext-secret s.yaml"],
        exit: 1,
    },
    Row {
        situation: ["harmless", "a link instead", "a link"],
        make: |lab| {
            head(lab, &[("s.yaml", HARMLESS)]);
            link(lab, "s.yaml", "/etc/hostname");
        },
        expected: &[],
        exit: 0,
    },
    Row {
        situation: ["—", "a link whose target is an age identity", "a link"],
        make: |lab| {
            head(lab, &[]);
            link(lab, "s.yaml", &identity());
        },
        expected: &["error private-key s.yaml"],
        exit: 1,
    },
    Row {
        situation: [
            "harmless, left out of a sparse checkout",
            "plain Secret",
            "—",
        ],
        make: |lab| {
            head(lab, &[("far/s.yaml", HARMLESS), ("a.yaml", HARMLESS)]);
            put(lab, "blob", SECRET);
            let id = lab.git(&["hash-object", "-w", "blob"]);
            gone(lab, "blob");
            let id = String::from_utf8(id).unwrap();
            let info = format!("100644,{},far/s.yaml", id.trim());
            lab.git(&["update-index", "--cacheinfo", &info]);
            lab.git(&["update-index", "--skip-worktree", "far/s.yaml"]);
            gone(lab, "far/s.yaml");
        },
        expected: &["error plaintext-secret far/s.yaml"],
        exit: 1,
    },
    Row {
        situation: ["—", "a rule, and plaintext that it governs", "the same"],
        make: |lab| {
            head(lab, &[]);
            add(lab, ".sops.yaml", RULE);
            add(lab, "credentials/a.yaml", PLAIN);
        },
        expected: &["error unencrypted-file credentials/a.yaml"],
        exit: 1,
    },
    Row {
        situation: [
            "a rule",
            "the rule is gone, the plaintext comes",
            "the same",
        ],
        make: |lab| {
            head(lab, &[(".sops.yaml", RULE)]);
            add(lab, ".sops.yaml", LAX);
            add(lab, "credentials/a.yaml", PLAIN);
        },
        expected: &[
            "error unencrypted-file credentials/a.yaml",
            "warning guard-weakened .sops.yaml",
        ],
        exit: 1,
    },
    Row {
        situation: [
            "a rule",
            "the config is deleted, the plaintext comes",
            "the same",
        ],
        make: |lab| {
            head(lab, &[(".sops.yaml", RULE)]);
            lab.git(&["rm", "-q", ".sops.yaml"]);
            add(lab, "credentials/a.yaml", PLAIN);
        },
        expected: &[
            "error unencrypted-file credentials/a.yaml",
            "warning guard-weakened .sops.yaml",
        ],
        exit: 1,
    },
    Row {
        situation: ["—", "plaintext", "and a rule that was never added"],
        make: |lab| {
            head(lab, &[]);
            put(lab, ".sops.yaml", RULE);
            add(lab, "credentials/a.yaml", PLAIN);
        },
        expected: &[
            "error unencrypted-file credentials/a.yaml",
            "warning config-untracked .sops.yaml",
        ],
        exit: 1,
    },
    Row {
        situation: [
            "another rule",
            "a rule and plaintext that it governs",
            "the other rule again",
        ],
        make: |lab| {
            head(lab, &[(".sops.yaml", LAX)]);
            add(
                lab,
                ".sops.yaml",
                &format!("{LAX}{}", RULE.trim_start_matches("creation_rules:\n")),
            );
            add(lab, "credentials/a.yaml", PLAIN);
            put(lab, ".sops.yaml", LAX);
        },
        expected: &["error unencrypted-file credentials/a.yaml"],
        exit: 1,
    },
    Row {
        situation: [
            "plaintext without a rule",
            "a rule for it; the file is untouched",
            "the same",
        ],
        make: |lab| {
            head(lab, &[("credentials/a.yaml", PLAIN)]);
            add(lab, ".sops.yaml", RULE);
        },
        expected: &["warning unencrypted-file credentials/a.yaml"],
        exit: 0,
    },
    Row {
        situation: [
            "a rule",
            "settings that exempt the new plaintext",
            "the same",
        ],
        make: |lab| {
            head(lab, &[(".sops.yaml", RULE)]);
            add(lab, "sopsguard.toml", EXEMPT);
            add(lab, "credentials/a.yaml", PLAIN);
        },
        expected: &["warning guard-weakened sopsguard.toml"],
        exit: 0,
    },
    Row {
        situation: [
            "a rule",
            "plaintext",
            "and settings that exempt it, not added",
        ],
        make: |lab| {
            head(lab, &[(".sops.yaml", RULE)]);
            put(lab, "sopsguard.toml", EXEMPT);
            add(lab, "credentials/a.yaml", PLAIN);
        },
        expected: &["error unencrypted-file credentials/a.yaml"],
        exit: 1,
    },
    Row {
        situation: [
            "harmless",
            "plain Secret with an ignore and its reason",
            "the same",
        ],
        make: |lab| {
            head(lab, &[("s.yaml", HARMLESS)]);
            let text = SECRET.replace(
                "  password",
                "  # sopsguard: ignore[plaintext-secret] of the test bed\n  password",
            );
            add(lab, "s.yaml", &text);
        },
        expected: &["warning guard-weakened s.yaml"],
        exit: 0,
    },
];

fn seen(lab: &Lab) -> (Vec<String>, i64) {
    let out = lab.scan(&["scan", "--staged", "--format", "json"]);
    let report: Value = serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out.stderr)));
    let text = |f: &Value, key: &str| f[key].as_str().unwrap().to_owned();
    let mut lines: Vec<String> = (report["findings"].as_array().unwrap().iter())
        .filter(|f| f["status"] == "active" && f["check"] != "rule-unused")
        .map(|f| {
            format!(
                "{} {} {}",
                text(f, "severity"),
                text(f, "check"),
                text(f, "path")
            )
        })
        .collect();
    lines.sort();
    lines.dedup();
    assert_eq!(report["mode"], "staged");
    (lines, i64::from(out.status.code().unwrap()))
}

#[test]
fn staging_situations() {
    println!("| # | HEAD | index | disk | expected = seen | exit |\n|---|---|---|---|---|---|");
    for (n, row) in ROWS.iter().enumerate() {
        let lab = Lab::new();
        (row.make)(&lab);
        let (lines, exit) = seen(&lab);
        let [head, index, disk] = row.situation;
        let name = format!("row {}: {head} | {index} | {disk}", n + 1);
        assert_eq!(lines, row.expected, "{name}");
        assert_eq!(exit, row.exit, "{name}");
        let told = if lines.is_empty() {
            "clean".to_owned()
        } else {
            lines.join("; ")
        };
        println!(
            "| {} | {head} | {index} | {disk} | {told} | {exit} |",
            n + 1
        );
    }
}

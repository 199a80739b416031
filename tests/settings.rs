//! Settings, inline ignores and the baseline, each on a small repository with the program itself, and beside each a near
//! miss. Mistakes are refused, and nothing of a wrong file is echoed.
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

use std::path::Path;

use lab::Built;
use serde_json::Value;
use sopsguard::{checks, settings};

const RULE: &str = "age: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: kumquat-8f3kQ\n";

struct Repo(Built);

impl Repo {
    fn new(files: &[(&str, &str)]) -> Self {
        let repo = Self(Built::new());
        for (path, text) in files {
            repo.put(path, text);
        }
        repo
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.top().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.0.top().join(path)).unwrap()
    }

    /// Exit code, stdout, stderr.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        self.run_on("2026-11-22", args)
    }

    fn run_on(&self, day: &str, args: &[&str]) -> (i32, String, String) {
        let out = self
            .0
            .scrubbed(env!("CARGO_BIN_EXE_sopsguard"))
            .args(args)
            .args(["--today", day])
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let code = out.status.code().unwrap();
        (code, text(&out.stdout), text(&out.stderr))
    }

    /// The report for people without line breaks.
    fn told(&self, day: &str) -> (i32, String) {
        let (code, out, _) = self.run_on(day, &["scan"]);
        (code, out.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn report(&self, args: &[&str]) -> Value {
        let (_, out, err) = self.run(&[&["scan", "--format", "json"], args].concat());
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {err}"))
    }

    /// `severity check path status`, sorted.
    fn findings(&self, args: &[&str]) -> Vec<String> {
        let report = self.report(args);
        let mut out: Vec<String> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| {
                ["severity", "check", "path", "status"]
                    .map(|k| f[k].as_str().unwrap())
                    .join(" ")
            })
            // Nothing is committed where that does not matter; that something hides more has cases of its own.
            .filter(|line| {
                !line.contains(" config-untracked ") && !line.contains(" guard-weakened ")
            })
            .collect();
        out.sort();
        out
    }
}

fn rules(pattern: &str) -> String {
    format!("creation_rules:\n  - path_regex: {pattern}\n    {RULE}\n")
}

#[test]
fn the_schema_file_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema/settings.schema.json");
    let schema = settings::schema::schema(&checks::TABLE);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &schema).unwrap();
    }
    assert!(
        std::fs::read_to_string(&file).unwrap_or_default() == schema,
        "rewrite docs/schema/settings.schema.json with UPDATE=1"
    );
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let good = serde_json::json!({
        "policy": {"strict": true, "exempt": ["a"], "lenient-defaults": false},
        "checks": {"plaintext-secret": "off"},
        "limits": {"max-file-size": "64 MiB"},
        "sops": {"config": "a.yaml"},
        "accept": [{"path": "a", "reason": "b", "until": "2027-01-01"}],
    });
    let errors: Vec<String> = validator
        .iter_errors(&good)
        .map(|e| e.to_string())
        .collect();
    assert_eq!(errors, [""; 0]);
    for bad in [
        serde_json::json!({"polcy": {}}),
        serde_json::json!({"policy": {"strict": "yes"}}),
        serde_json::json!({"checks": {"plaintext-secrets": "off"}}),
        serde_json::json!({"checks": {"plaintext-secret": "fatal"}}),
        serde_json::json!({"limits": {"max-file-size": "2 TB"}}),
        serde_json::json!({"accept": [{"path": "a"}]}),
        serde_json::json!({"sops": {"command": "x"}}),
    ] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}

#[test]
fn the_documented_settings_are_valid() {
    let page = include_str!("../docs/settings.md");
    let mut all = String::new();
    for block in page.split("```toml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let path = sopsguard::model::RepoPath::new("sopsguard.toml");
        settings::Settings::read(&path, block, &checks::TABLE).unwrap_or_else(|e| panic!("{e}"));
        all.push_str(block);
    }
    for key in [
        "strict",
        "require",
        "exempt",
        "lenient ",
        "lenient-defaults",
        "kinds",
        "[checks]",
        "max-file-size",
        "config",
        "until",
        "reason",
    ] {
        assert!(all.contains(key), "no example of {key}");
    }
}

#[test]
fn settings_stand_in_one_of_three_places() {
    for name in settings::NAMES {
        let repo = Repo::new(&[
            (name, "[checks]\nplaintext-secret = \"off\"\n"),
            ("a.yaml", SECRET),
        ]);
        assert_eq!(
            repo.findings(&[]),
            ["error plaintext-secret a.yaml ignored"],
            "{name}"
        );
        assert_eq!(repo.run(&["scan"]).0, 0);
        assert_eq!(repo.run(&["scan", "--no-config"]).0, 1);
        // From below the root and for some paths they are the same.
        repo.put("d/b.yaml", SECRET);
        assert_eq!(repo.run(&["scan", "d/b.yaml"]).0, 0);
        assert_eq!(repo.run(&["-C", "d", "scan", "b.yaml"]).0, 0);
    }
    let near = Repo::new(&[
        ("d/sopsguard.toml", "[checks]\nplaintext-secret = \"off\"\n"),
        ("a.yaml", SECRET),
    ]);
    assert_eq!(near.run(&["scan"]).0, 1, "only at the root");
    let two = Repo::new(&[("sopsguard.toml", ""), (".config/sopsguard.toml", "")]);
    let (code, _, err) = two.run(&["scan"]);
    assert_eq!(code, 2);
    assert!(err.contains("two settings files"), "{err}");
    assert_eq!(two.run(&["scan", "--no-config"]).0, 0);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    for name in ["sopsguard.toml", ".sopsguard-baseline.json"] {
        let repo = Repo::new(&[("x", "[checks]\n"), ("a.yaml", SECRET)]);
        std::os::unix::fs::symlink("x", repo.0.top().join(name)).unwrap();
        let (code, _, err) = repo.run(&["scan"]);
        assert_eq!(code, 2);
        assert!(err.contains("symbolic link"), "{err}");
        let (code, ..) = repo.run(&["baseline", "write", "--no-config"]);
        assert_eq!(code, if name == "sopsguard.toml" { 0 } else { 2 });
        assert_eq!(repo.text("x"), "[checks]\n");
    }
}

#[test]
fn a_settings_file_can_be_named() {
    let repo = Repo::new(&[
        ("sopsguard.toml", "[checks]\nplaintext-secret = \"off\"\n"),
        ("other.toml", "[checks]\nplaintext-secret = \"note\"\n"),
        ("a.yaml", SECRET),
    ]);
    assert_eq!(
        repo.findings(&["--config", "other.toml"]),
        ["note plaintext-secret a.yaml active"]
    );
    assert_eq!(repo.run(&["scan", "--config", "nowhere.toml"]).0, 2);
    assert_eq!(
        repo.run(&["scan", "--config", "other.toml", "--no-config"])
            .0,
        2
    );
}

#[test]
fn strict_makes_broad_rules_narrow() {
    let files = [
        (".sops.yaml", &*rules(r"\.yaml$")),
        ("values.yaml", "password: kumquat-8f3kQ\n"),
        ("values.yaml.j2", "password: kumquat-8f3kQ\n"),
        ("values.json", "{\"password\": \"kumquat-8f3kQ\"}\n"),
    ];
    let repo = Repo::new(&files);
    assert_eq!(repo.findings(&[]), [""; 0]);
    repo.put("sopsguard.toml", "[policy]\nstrict = true\n");
    assert_eq!(
        repo.findings(&[]),
        ["error unencrypted-file values.yaml active"]
    );
    let (_, told, _) = repo.run(&["explain", "values.yaml"]);
    assert!(told.contains("by [policy] strict"), "{told}");
    // Its own files are none of the rule's.
    repo.put(".sops.yaml", &rules(".*"));
    assert_eq!(
        repo.findings(&[]),
        [
            "error unencrypted-file values.json active",
            "error unencrypted-file values.yaml active",
            "error unencrypted-file values.yaml.j2 active",
        ][..2]
    );
}

#[test]
fn required_files_must_be_encrypted_whatever_the_rules_say() {
    let repo = Repo::new(&[
        (
            "sopsguard.toml",
            "[policy]\nrequire = [\"vars/*.yml\", \"bin/*.sh\", \"docs/\"]\n",
        ),
        ("vars/a.yml", "password: kumquat-8f3kQ\n"),
        ("vars/b.yml", "password: ${PASSWORD}\n"),
        ("vars/b.yml.j2", "password: kumquat-8f3kQ\n"),
        ("vars/deep/a.yml", "password: kumquat-8f3kQ\n"),
        ("bin/a.sh", "PASSWORD=kumquat-8f3kQ\n"),
        ("docs/a.md", "prose\n"),
        ("docs/a.yaml", "password: kumquat-8f3kQ\n"),
    ]);
    let expected = [
        "error unencrypted-file bin/a.sh active",
        "error unencrypted-file docs/a.yaml active",
        "error unencrypted-file vars/a.yml active",
    ];
    assert_eq!(repo.findings(&[]), expected);
    let (_, told, _) = repo.run(&["explain", "vars/a.yml"]);
    assert!(told.contains("[policy] require"), "{told}");
    // Named files are meant wherever they stand, a narrow rule from there or not.
    repo.put("docs/.sops.yaml", &rules("secrets/.*"));
    repo.put("docs/secrets/a.yaml", "password: kumquat-8f3kQ\n");
    assert!(repo.findings(&["docs/secrets"])[0].starts_with("error unencrypted-file"));
    for gone in ["docs/.sops.yaml", "docs/secrets/a.yaml"] {
        std::fs::remove_file(repo.0.top().join(gone)).unwrap();
    }
    // A broad rule with a selector says which values.
    repo.put(
        ".sops.yaml",
        &format!("{}    encrypted_regex: ^password$\n", rules(r"\.ya?ml$")),
    );
    repo.put("vars/c.yml", "user: quince\n");
    assert_eq!(repo.findings(&[]), expected);
    // An exemption is the more exact word.
    repo.put(
        "sopsguard.toml",
        "[policy]\nrequire = [\"vars/*.yml\"]\nexempt = [\"vars/a.*\"]\n",
    );
    assert_eq!(repo.findings(&[]), [""; 0]);
    let (_, told, _) = repo.run(&["explain", "vars/a.yml"]);
    assert!(told.contains("prevails over"), "{told}");
}

#[test]
fn exempt_files_are_passed_over_by_rules_and_names_only() {
    let key = private_key();
    let repo = Repo::new(&[
        (".sops.yaml", &rules("secrets/.*")),
        ("secrets/a.yaml", "password: kumquat-8f3kQ\n"),
        ("secrets/b.yaml", "password: kumquat-8f3kQ\n"),
        ("secrets/b.enc.yaml", "password: kumquat-8f3kQ\n"),
        ("secrets/c-manifest.yaml", SECRET),
        ("secrets/d-key.txt", &key),
    ]);
    repo.put(
        "sopsguard.toml",
        "[policy]\nexempt = [\"secrets/b*\", \"secrets/?-*\"]\n",
    );
    assert_eq!(
        repo.findings(&[]),
        [
            "error plaintext-secret secrets/c-manifest.yaml active",
            "error private-key secrets/d-key.txt active",
            "error unencrypted-file secrets/a.yaml active",
        ]
    );
    let (_, told, _) = repo.run(&["explain", "secrets/b.yaml"]);
    assert!(told.contains("[policy] exempt"), "{told}");
}

/// An age identity made for the cases.
fn private_key() -> String {
    let file = lab::root().join("private-key/age/repo/keys.txt");
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn what_was_encrypted_before_is_never_exempt() {
    let envelope = lab::root();
    let found = std::fs::read_dir(envelope.join("decrypted-file")).unwrap();
    let mut tried = 0;
    for case in found.map(|e| e.unwrap().file_name().into_string().unwrap()) {
        let case = lab::Case {
            check: "decrypted-file".into(),
            name: case.clone(),
            dir: envelope.join("decrypted-file").join(case),
        };
        if !case.expected().contains("error decrypted-file") {
            continue;
        }
        let repo = Repo(Built::of(&case));
        repo.put(
            "sopsguard.toml",
            "[policy]\nexempt = [\"**\"]\nlenient = [\"**\"]\n",
        );
        let told = repo.findings(&[]);
        assert!(
            told.iter().any(|l| l.starts_with("error decrypted-file")),
            "{}: {told:?}",
            case.name
        );
        tried += 1;
    }
    assert!(tried > 0);
}

#[test]
fn lenient_places_can_be_added_and_taken_away() {
    let repo = Repo::new(&[
        ("demo/a.yaml", SECRET),
        ("examples/a.yaml", SECRET),
        ("prod/a.yaml", SECRET),
    ]);
    let severities = |demo: &str, examples: &str, prod: &str| {
        let mut all = vec![
            format!("{demo} plaintext-secret demo/a.yaml active"),
            format!("{examples} plaintext-secret examples/a.yaml active"),
            format!("{prod} plaintext-secret prod/a.yaml active"),
        ];
        all.sort();
        all
    };
    for (text, demo, examples, prod) in [
        ("", "error", "warning", "error"),
        (
            "[policy]\nlenient = [\"demo/\"]\n",
            "warning",
            "warning",
            "error",
        ),
        (
            "[policy]\nlenient-defaults = false\n",
            "error",
            "error",
            "error",
        ),
        (
            "[policy]\nlenient-defaults = false\nlenient = [\"demo/**\"]\n",
            "warning",
            "error",
            "error",
        ),
    ] {
        repo.put("sopsguard.toml", text);
        assert_eq!(
            repo.findings(&[]),
            severities(demo, examples, prod),
            "{text}"
        );
    }
    let (_, told, _) = repo.run(&["explain", "demo/a.yaml"]);
    assert!(told.contains("[policy] lenient"), "{told}");
}

#[test]
fn further_kinds_are_secrets() {
    let bundle = |kind: &str| SECRET.replace("kind: Secret", &format!("kind: {kind}"));
    let repo = Repo::new(&[
        ("a.yaml", &bundle("SecretBundle")),
        ("b.yaml", &bundle("OtherBundle")),
    ]);
    assert_eq!(repo.findings(&[]), [""; 0]);
    repo.put("sopsguard.toml", "[policy]\nkinds = [\"SecretBundle\"]\n");
    assert_eq!(repo.findings(&[]), ["error plaintext-secret a.yaml active"]);
}

#[test]
fn severities_take_the_place_of_the_checks_own() {
    let placeholder = SECRET.replace("kumquat-8f3kQ", "changeme");
    let repo = Repo::new(&[
        ("a.yaml", SECRET),
        ("b.yaml", &placeholder),
        ("tests/c.yaml", SECRET),
    ]);
    for (level, literal, milder) in [
        ("error", "error", "warning"),
        ("warning", "warning", "warning"),
        ("note", "note", "note"),
    ] {
        repo.put(
            "sopsguard.toml",
            &format!("[checks]\nplaintext-secret = \"{level}\"\n"),
        );
        assert_eq!(
            repo.findings(&[]),
            {
                let mut all = vec![
                    format!("{literal} plaintext-secret a.yaml active"),
                    format!("{milder} plaintext-secret b.yaml active"),
                    format!("{milder} plaintext-secret tests/c.yaml active"),
                ];
                all.sort();
                all
            },
            "{level}"
        );
    }
    let report = repo.report(&[]);
    assert_eq!(report["findings"][0]["default_severity"], "error");
    assert_eq!(report["findings"][0]["configured"], true);
    let (_, told, _) = repo.run(&["scan"]);
    assert!(told.contains("3 softened by settings"), "{told}");
    repo.put("sopsguard.toml", "[checks]\nplaintext-secret = \"off\"\n");
    let report = repo.report(&[]);
    assert_eq!(report["counts"]["ignored"], 3);
    let ignored = report["findings"].as_array().unwrap().iter();
    let mut ignored = ignored.filter(|f| f["status"] == "ignored");
    assert_eq!(
        ignored.next().unwrap()["ignored_by"],
        serde_json::json!({"kind": "settings", "path": "sopsguard.toml", "line": 2})
    );
    let (code, told, _) = repo.run(&["scan"]);
    assert_eq!(code, 0);
    assert!(told.contains("3 switched off by settings"), "{told}");
    // A milder check can be made to block.
    let note = Repo::new(&[(".sops.yaml", &rules("nowhere/.*")), ("a.yaml", "x: 1\n")]);
    assert_eq!(note.run(&["scan"]).0, 0);
    note.put("sopsguard.toml", "[checks]\nrule-unused = \"error\"\n");
    assert_eq!(note.run(&["scan"]).0, 1);
    assert_eq!(note.run(&["config", "check"]).0, 1);
}

#[test]
fn the_size_limit_can_be_set_and_its_blind_spots_accepted() {
    let large = format!("{SECRET}  note: {}\n", "x ".repeat(600));
    let repo = Repo::new(&[
        (".sops.yaml", &rules("secrets/.*")),
        ("secrets/a.yaml", &large),
    ]);
    assert_eq!(repo.run(&["scan"]).0, 1);
    let limit = "[limits]\nmax-file-size = \"1 KiB\"\n";
    repo.put("sopsguard.toml", limit);
    let (code, told, _) = repo.run(&["scan"]);
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("larger than 1 KiB"), "{told}");
    let accept = |path: &str| {
        format!(
            "{limit}\n[[accept]]\npath = \"{path}\"\nreason = \"generated\"\nuntil = 2027-01-31\n"
        )
    };
    repo.put("sopsguard.toml", &accept("secrets/*"));
    let report = repo.report(&[]);
    assert_eq!(report["exit_code"], 0);
    assert_eq!(report["complete"], true);
    let spot = &report["blind_spots"][0];
    assert_eq!(spot["blocking"], true);
    assert_eq!(
        spot["accepted_by"],
        serde_json::json!({"path": "sopsguard.toml", "line": 4, "until": "2027-01-31"})
    );
    let (_, told, _) = repo.run(&["scan"]);
    assert!(told.contains("1 blind spot (1 accepted)"), "{told}");
    let (code, told) = repo.told("2027-06-01");
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("it was accepted until 2027-01-31"), "{told}");
    repo.put("sopsguard.toml", &accept("other/*"));
    assert_eq!(repo.run(&["scan"]).0, 3);
    assert_eq!(
        repo.findings(&[]),
        ["warning ignore-unused sopsguard.toml active"]
    );
}

#[test]
fn one_config_can_govern_everything() {
    let repo = Repo::new(&[
        (".sops.yaml", &rules("nowhere/.*")),
        ("config/main.yaml", &rules("secrets/.*")),
        ("secrets/a.yaml", "password: kumquat-8f3kQ\n"),
    ]);
    assert_eq!(repo.run(&["scan"]).0, 0);
    repo.put("sopsguard.toml", "[sops]\nconfig = \"config/main.yaml\"\n");
    assert_eq!(
        repo.findings(&[]),
        ["error unencrypted-file secrets/a.yaml active"]
    );
    assert_eq!(repo.run(&["scan", "--sops-config", ".sops.yaml"]).0, 0);
    repo.put("sopsguard.toml", "[sops]\nconfig = \"config/other.yaml\"\n");
    let (code, _, err) = repo.run(&["scan"]);
    assert_eq!(code, 2);
    assert!(err.contains("names no file of the repository"), "{err}");
}

#[test]
fn wrong_settings_end_the_run_and_echo_nothing() {
    let canary = "kumquat-8f3kQ-vb6Xm2Lp9";
    for text in [
        format!("password = \"{canary}\"\n"),
        format!("[policy]\nstrict = \"{canary}\"\n"),
        format!("[policy]\nexempt = [\"/{canary}\"]\n"),
        format!("[checks]\nscope-drift = \"{canary}\"\n"),
        canary.to_owned(),
        format!("a = \"{canary}\n"),
    ] {
        let repo = Repo::new(&[("sopsguard.toml", &text)]);
        for args in [
            &["scan"][..],
            &["explain", "sopsguard.toml"],
            &["baseline", "write"],
            &["config", "check"],
        ] {
            let (code, out, err) = repo.run(args);
            assert_eq!(code, 2, "{args:?}");
            assert!(out.is_empty());
            assert!(err.contains("sopsguard.toml:"), "{err}");
            assert!(!err.contains("kumquat") && !err.contains("8f3kQ"), "{err}");
        }
    }
    let two = Repo::new(&[("sopsguard.toml", "[polcy]\n[limits]\nthreads = 1\n")]);
    assert_eq!(two.run(&["scan"]).2.lines().count(), 2, "all are told");
}

#[test]
fn a_wrong_baseline_ends_the_run_and_echoes_nothing() {
    let canary = "kumquat-8f3kQ-vb6Xm2Lp9";
    let entry = |field: &str, value: &str| {
        let mut entry = serde_json::json!({
            "path": "a", "check": "b", "fingerprint": "0".repeat(32), "blob": "0".repeat(40),
            "created": "2026-01-01", "until": null, "reason": null,
        });
        entry[field] = value.into();
        serde_json::json!({"version": 1, "entries": [entry]}).to_string()
    };
    for text in [
        canary.to_owned(),
        format!("{{\"version\": \"{canary}\"}}"),
        format!("{{\"version\": 1, \"entries\": [], \"{canary}\": 1}}"),
        format!("{{\"version\": 1, \"entries\": [\"{canary}\"]}}"),
        entry("fingerprint", canary),
        entry("blob", canary),
        entry("until", canary),
        entry("created", canary),
        entry("value", canary),
    ] {
        let repo = Repo::new(&[(".sopsguard-baseline.json", &text), ("a.yaml", SECRET)]);
        for args in [
            &["scan"][..],
            &["baseline", "write"],
            &["baseline", "prune"],
        ] {
            let (code, out, err) = repo.run(args);
            assert_eq!(code, 2, "{text}");
            assert!(out.is_empty());
            assert!(err.contains("this is no baseline"), "{err}");
            assert!(!err.contains("kumquat") && !err.contains("8f3kQ"), "{err}");
        }
        assert_eq!(
            repo.text(".sopsguard-baseline.json"),
            text,
            "never overwritten"
        );
    }
}

#[test]
fn ignores_are_counted_and_can_be_switched_off() {
    let text = SECRET.replace(
        "  password",
        "  # sopsguard: ignore[plaintext-secret] demo account kumquat-8f3kQ\n  password",
    );
    let repo = Repo::new(&[("a.yaml", &text)]);
    let (code, told, _) = repo.run(&["scan"]);
    assert_eq!(code, 0);
    assert!(told.contains("1 ignored inline"), "{told}");
    assert!(
        repo.run(&["scan", "--quiet"])
            .1
            .contains("1 ignored inline")
    );
    let report = repo.report(&[]);
    assert_eq!(report["counts"]["ignored"], 1);
    assert_eq!(report["counts"]["error"], 0);
    let ignored = report["findings"].as_array().unwrap().iter();
    let mut ignored = ignored.filter(|f| f["status"] == "ignored");
    assert_eq!(
        ignored.next().unwrap()["ignored_by"],
        serde_json::json!({"kind": "inline", "path": "a.yaml", "line": 6})
    );
    assert!(
        !report.to_string().contains("demo account"),
        "a comment can hold anything"
    );
    assert_eq!(repo.run(&["scan", "--no-inline-ignores"]).0, 1);
    // What is left is that the ignore is new.
    assert_eq!(repo.findings(&["--fail-on", "note"]).len(), 1);
}

#[test]
fn a_finding_in_an_envelope_can_be_ignored_and_a_private_key_too() {
    let key = private_key();
    let line = key.lines().find(|l| l.starts_with("AGE-SECRET")).unwrap();
    let repo = Repo::new(&[(
        "a.yaml",
        &format!("# sopsguard: ignore[private-key] a key of the test suite\nkey: {line}\n"),
    )]);
    assert_eq!(repo.findings(&[]), ["error private-key a.yaml ignored"]);
    repo.put(
        "a.yaml",
        &format!("# sopsguard: ignore[private-key] a key of the test suite\n\nkey: {line}\n"),
    );
    assert_eq!(
        repo.findings(&[]),
        [
            "error private-key a.yaml active",
            "warning ignore-unused a.yaml active"
        ],
        "a key is a place, not the file"
    );
}

fn baseline(repo: &Repo) -> Value {
    serde_json::from_str(&repo.text(".sopsguard-baseline.json")).unwrap()
}

#[test]
fn a_baseline_accepts_values_and_not_places() {
    let repo = Repo::new(&[("a.yaml", SECRET)]);
    repo.0.commit();
    let (code, told, err) = repo.run(&[
        "baseline",
        "write",
        "--reason",
        "before SOPS",
        "--until",
        "2027-01-31",
    ]);
    assert_eq!((code, &*err), (0, ""));
    assert_eq!(told, ".sopsguard-baseline.json: 1 new, 0 kept, 0 dropped\n");
    let text = repo.text(".sopsguard-baseline.json");
    assert!(!text.contains("kumquat"), "{text}");
    let entry = baseline(&repo)["entries"][0].clone();
    assert_eq!(entry["created"], "2026-11-22");
    assert_eq!(entry["until"], "2027-01-31");
    assert_eq!(entry["reason"], "before SOPS");
    assert_eq!(
        repo.findings(&[]),
        ["error plaintext-secret a.yaml baseline"]
    );
    let report = repo.report(&[]);
    assert_eq!(report["exit_code"], 0);
    assert_eq!(report["counts"]["baseline"], 1);
    let ignored = report["findings"].as_array().unwrap().iter();
    let mut ignored = ignored.filter(|f| f["status"] == "baseline");
    assert_eq!(
        ignored.next().unwrap()["ignored_by"],
        serde_json::json!({"kind": "baseline", "path": ".sopsguard-baseline.json", "line": 2})
    );
    assert!(repo.run(&["scan"]).1.contains("1 in the baseline"));
    // Elsewhere in the file may be changed, and another value is another finding.
    repo.put(
        "a.yaml",
        &format!("# a comment\n{SECRET}  token: quince-8f3kQ\n"),
    );
    assert_eq!(
        repo.findings(&[]),
        [
            "error plaintext-secret a.yaml active",
            "error plaintext-secret a.yaml baseline"
        ]
    );
    repo.put("a.yaml", &SECRET.replace("8f3kQ", "9f3kQ"));
    let (code, told) = repo.told("2026-11-22");
    assert_eq!(code, 1);
    assert!(
        told.contains("what was accepted has changed since"),
        "{told}"
    );
    // Pruning is not forgetting: the value may come back.
    assert_eq!(
        repo.run(&["baseline", "prune"]).1,
        ".sopsguard-baseline.json: 0 new, 1 kept, 0 dropped\n"
    );
    repo.put("a.yaml", SECRET);
    assert_eq!(repo.run(&["scan"]).0, 0);
    // Its time runs out.
    let (code, told) = repo.told("2027-06-01");
    assert_eq!(code, 1);
    assert!(told.contains("accepted until 2027-01-31"), "{told}");
    assert_eq!(
        repo.run_on("2027-06-01", &["baseline", "prune"]).1,
        ".sopsguard-baseline.json: 0 new, 0 kept, 1 dropped\n"
    );
    assert_eq!(
        repo.text(".sopsguard-baseline.json"),
        "{ \"version\": 1, \"entries\": [\n] }\n"
    );
}

#[test]
fn the_value_behind_an_alias_is_the_value() {
    let text = |value: &str| {
        format!(
            "x: &p {value}\n---\n{}",
            SECRET.replace("kumquat-8f3kQ", "*p")
        )
        .replace("---\n", "")
        .replace("x: &p", "x-password: &p")
    };
    let repo = Repo::new(&[("a.yaml", &text("kumquat-8f3kQ"))]);
    repo.0.commit();
    repo.run(&["baseline", "write"]);
    assert_eq!(repo.run(&["scan"]).0, 0);
    repo.put("a.yaml", &text("kumquat-9f3kQ"));
    assert_eq!(repo.run(&["scan"]).0, 1);
}

#[test]
fn a_version_that_git_does_not_have_cannot_be_compared() {
    let repo = Repo::new(&[("a.yaml", SECRET)]);
    let (_, told, _) = repo.run(&["baseline", "write"]);
    assert!(
        told.contains("1 of the new ones are in versions that Git has not stored"),
        "{told}"
    );
    assert_eq!(repo.run(&["scan"]).0, 0, "the file is as it was");
    repo.put("a.yaml", &format!("# a comment\n{SECRET}"));
    let (code, told) = repo.told("2026-11-22");
    assert_eq!(code, 1);
    assert!(told.contains("not in the object database"), "{told}");
}

#[test]
fn findings_about_a_whole_file_hold_until_it_changes() {
    let repo = Repo::new(&[
        (".sops.yaml", &rules("secrets/.*")),
        (
            "secrets/a.yaml",
            "user: quince-8f3kQ\npassword: kumquat-8f3kQ\n",
        ),
    ]);
    repo.0.commit();
    repo.run(&["baseline", "write"]);
    assert_eq!(
        repo.findings(&[]),
        ["error unencrypted-file secrets/a.yaml baseline"]
    );
    repo.put(
        "secrets/a.yaml",
        "user: quince-8f3kQ\npassword: kumquat-9f3kQ\n",
    );
    assert_eq!(
        repo.findings(&[]),
        ["error unencrypted-file secrets/a.yaml active"]
    );
}

#[test]
fn write_takes_what_would_block_and_keeps_what_holds() {
    let placeholder = SECRET.replace("kumquat-8f3kQ", "changeme");
    let repo = Repo::new(&[
        ("a.yaml", SECRET),
        ("b.yaml", &placeholder),
        ("c.yaml", SECRET),
    ]);
    repo.0.commit();
    assert!(
        repo.run(&["baseline", "write"])
            .1
            .contains(": 2 new, 0 kept, 0 dropped")
    );
    let first = repo.text(".sopsguard-baseline.json");
    assert!(
        repo.run(&["baseline", "write", "--reason", "later"])
            .1
            .contains(": 0 new, 2 kept, 0 dropped")
    );
    assert_eq!(repo.text(".sopsguard-baseline.json"), first);
    std::fs::remove_file(repo.0.top().join("c.yaml")).unwrap();
    assert_eq!(
        repo.findings(&[]),
        [
            "error plaintext-secret a.yaml baseline",
            "warning ignore-unused .sopsguard-baseline.json active",
            "warning plaintext-secret b.yaml active",
        ]
    );
    assert!(
        repo.run(&["baseline", "write", "--fail-on", "note"])
            .1
            .contains(": 1 new, 1 kept, 1 dropped")
    );
    assert!(repo.findings(&[]).iter().all(|f| f.ends_with(" baseline")));
    let lines: Vec<String> = repo
        .text(".sopsguard-baseline.json")
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(lines.len(), 4, "one entry a line");
    assert!(
        lines[1].contains("a.yaml") && lines[2].contains("b.yaml"),
        "sorted"
    );
    assert_eq!(repo.run(&["baseline", "write", "--fail-on", "never"]).0, 2);
    assert_eq!(repo.run(&["baseline", "write", "--until", "soon"]).0, 2);
}

#[test]
fn a_baseline_can_stand_elsewhere() {
    let repo = Repo::new(&[("a.yaml", SECRET)]);
    repo.0.commit();
    assert_eq!(repo.run(&["baseline", "prune"]).0, 2, "there is none");
    let clean = Repo::new(&[("a.yaml", "x: 1\n")]);
    assert!(
        clean
            .run(&["baseline", "write"])
            .1
            .starts_with("nothing to accept")
    );
    assert!(!clean.0.top().join(".sopsguard-baseline.json").exists());
    assert_eq!(
        repo.run(&["scan", "--baseline", "old.json"]).0,
        2,
        "there is none"
    );
    repo.run(&["baseline", "write", "--baseline", "old.json"]);
    assert!(!repo.0.top().join(".sopsguard-baseline.json").exists());
    assert_eq!(repo.run(&["scan"]).0, 1);
    assert_eq!(repo.run(&["scan", "--baseline", "old.json"]).0, 0);
    let names: Vec<String> = std::fs::read_dir(repo.0.top())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n != ".git")
        .collect();
    assert_eq!(names.len(), 2, "nothing is left beside it: {names:?}");
}

#[test]
fn outside_of_a_repository_ids_are_those_of_sha1() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.yaml"), SECRET).unwrap();
    let run = |args: &[&str]| {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_sopsguard"))
            .args(["-C", dir.path().to_str().unwrap()])
            .args(args)
            .output()
            .unwrap();
        out.status.code().unwrap()
    };
    assert_eq!(run(&["scan"]), 1);
    assert_eq!(run(&["baseline", "write"]), 0);
    let text = std::fs::read_to_string(dir.path().join(".sopsguard-baseline.json")).unwrap();
    assert!(
        text.contains("\"10d3d07e0abdf3fe0afc9856d27202a379c0f4a8\""),
        "{text}"
    );
    assert_eq!(run(&["scan"]), 0);
    std::fs::write(dir.path().join("a.yaml"), format!("# x\n{SECRET}")).unwrap();
    assert_eq!(run(&["scan"]), 1, "there is nothing to compare with");
}

#[test]
fn repositories_with_sha256_have_longer_ids() {
    let repo = Repo(Built::new());
    std::fs::remove_dir_all(repo.0.top().join(".git")).unwrap();
    repo.0.git(&[
        "init",
        "-q",
        "--object-format=sha256",
        "--template=",
        "-b",
        "main",
    ]);
    repo.put("a.yaml", SECRET);
    repo.0.commit();
    repo.run(&["baseline", "write"]);
    let blob = baseline(&repo)["entries"][0]["blob"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(blob.len(), 64);
    repo.put("a.yaml", &format!("# a comment\n{SECRET}"));
    assert_eq!(repo.run(&["scan"]).0, 0);
}

#[test]
fn checks_about_files_exist() {
    for id in sopsguard::triage::inline::OF_FILES {
        assert!(checks::by_id(id).is_some(), "{id}");
    }
}

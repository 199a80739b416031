//! Bad input: judged as far as possible or a blind spot, with the right exit code, and never a crash.
//!
//! The rows are those of the contract's table of bad input, as far as they concern the worktree and standard input; each
//! is put to the program itself. Time and memory are not asserted: they differ from machine to machine.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot be set up has failed; the doors are those of the program"
)]

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const AGE: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

struct Lab {
    top: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let lab = Self {
            top: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(lab.dir()).unwrap();
        lab.write(
            ".sops.yaml",
            format!("creation_rules:\n  - path_regex: secrets/\n    age: {AGE}\n"),
        );
        lab
    }

    fn with_git() -> Self {
        let lab = Self::new();
        lab.git(&["init", "-q", "-b", "main"]);
        lab
    }

    fn dir(&self) -> PathBuf {
        self.top.path().join("fleet")
    }

    fn write(&self, path: impl AsRef<OsStr>, bytes: impl AsRef<[u8]>) {
        let path = self.dir().join(Path::new(path.as_ref()));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn git(&self, args: &[&str]) {
        let mut command = Command::new("git");
        self.scrub(command.args(args));
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), "A")
                .env(format!("GIT_{who}_EMAIL"), "a@example.org");
        }
        let out = command.output().unwrap();
        assert!(
            out.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    }

    fn scrub<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.dir())
            .env("HOME", self.top.path())
            .env("XDG_CONFIG_HOME", self.top.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CEILING_DIRECTORIES", self.top.path())
    }

    fn run(&self, args: &[&str], stdin: Option<&[u8]>) -> Seen {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sopsguard"));
        self.scrub(command.args(args));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let bytes = stdin.unwrap_or_default().to_vec();
        // The program may end before it has read everything.
        let writer = std::thread::spawn(move || drop(input.write_all(&bytes)));
        let out = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Seen(out)
    }

    /// `scan --format json` of everything.
    fn scan(&self) -> Seen {
        self.run(&["scan", "--format", "json"], None)
    }
}

struct Seen(Output);

impl Seen {
    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.0.stdout).unwrap_or_else(|e| {
            panic!(
                "{e}: {:?} {}",
                self.0.status,
                String::from_utf8_lossy(&self.0.stderr)
            )
        })
    }

    /// One line for each finding and blind spot, then the exit code.
    fn lines(&self) -> Vec<String> {
        let json = self.json();
        let text = |v: &serde_json::Value| v.as_str().unwrap_or("-").to_owned();
        let mut out: Vec<String> = json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| {
                format!(
                    "{} {} {}",
                    text(&f["severity"]),
                    text(&f["check"]),
                    text(&f["path"])
                )
            })
            .collect();
        // What is said of the config alone is no matter of these tests.
        out.retain(|l| !l.ends_with(" .sops.yaml"));
        out.dedup();
        let blind = |b: &serde_json::Value| {
            format!(
                "{} {} {}",
                if b["blocking"] == true {
                    "blocked"
                } else {
                    "unseen"
                },
                text(&b["code"]),
                text(&b["path"])
            )
        };
        out.extend(json["blind_spots"].as_array().unwrap().iter().map(blind));
        out.push(format!("exit {}", self.code()));
        assert_eq!(json["exit_code"].as_i64(), Some(self.code().into()));
        out
    }

    #[track_caller]
    fn code(&self) -> i32 {
        let code = self.0.status.code();
        code.unwrap_or_else(|| panic!("ended by {:?}: {}", self.0.status, self.stderr()))
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    #[track_caller]
    fn is(&self, expected: &[&str]) {
        assert_eq!(self.lines(), expected, "{}", self.stderr());
    }

    /// Exit code 2, nothing on stdout, one message with the words.
    #[track_caller]
    fn cannot_run(&self, words: &[&str]) {
        assert_eq!(self.code(), 2, "{}", self.stderr());
        assert!(self.0.stdout.is_empty());
        let said = self.stderr();
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}

const MIB: usize = 1024 * 1024;

fn secret(value: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nstringData:\n  password: {value}\n")
}

/// A valid file of sops around what stands in front of its metadata.
fn encrypted(front: &str) -> String {
    let file = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples/01-flux-fleet/apps/production/orchard-api/database.sops.yaml"),
    )
    .unwrap();
    let (value, sops) = (
        file.lines()
            .find(|l| l.contains("ENC["))
            .unwrap()
            .trim()
            .to_owned(),
        &file[file.find("\nsops:\n").unwrap() + 1..],
    );
    let sops: String = sops
        .lines()
        .filter(|l| !l.contains("encrypted_regex"))
        .map(|l| format!("{l}\n"))
        .collect();
    format!("{front}{value}\n{sops}")
}

#[test]
fn alias_bombs_are_judged_or_a_blind_spot() {
    let bomb = |open: &str, close: &str| {
        let mut text = format!("a0: &a0 {open}x{close}\n");
        for i in 1..12 {
            let many = vec![format!("*a{}", i - 1); 9].join(", ");
            text.push_str(&format!("a{i}: &a{i} [{many}]\n"));
        }
        text
    };
    let lab = Lab::new();
    lab.write("secrets/a.yaml", bomb("[", "]"));
    lab.scan()
        .is(&["error unencrypted-file secrets/a.yaml", "exit 1"]);

    // Every alias of a merge brings in the mapping before it, nine times.
    let mut merges = String::from("a0: &a0 {x: y}\n");
    for i in 1..30 {
        merges.push_str(&format!(
            "a{i}: &a{i} {{<<: [{}]}}\n",
            vec![format!("*a{}", i - 1); 9].join(", ")
        ));
    }
    let lab = Lab::new();
    lab.write("app/a.yaml", format!("{merges}secret:\n  <<: *a29\n  kind: Secret\n  apiVersion: v1\n  stringData: {{password: kumquat7x, <<: *a29}}\n"));
    lab.scan()
        .is(&["error plaintext-secret app/a.yaml", "exit 1"]);

    let lab = Lab::new();
    lab.write("app/a.yaml", encrypted(&bomb("[", "]")));
    let seen = lab.scan().lines();
    assert!(
        seen.contains(&"blocked limit-reached app/a.yaml".to_owned())
            && seen.contains(&"error unencrypted-value app/a.yaml".to_owned()),
        "{seen:?}"
    );
}

#[test]
fn a_hundred_thousand_levels() {
    let n = 100_000;
    for (name, text, expected) in [
        (
            "secrets/a.yaml",
            "- ".repeat(n) + "kumquat7x\n",
            vec!["blocked limit-reached secrets/a.yaml", "exit 3"],
        ),
        (
            "secrets/a.json",
            format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n)),
            vec!["blocked unparsable secrets/a.json", "exit 3"],
        ),
        (
            "app/a.yaml",
            format!(
                "{}---\na: {}x{}\n",
                secret("kumquat7x"),
                "{a: ".repeat(n),
                "}".repeat(n)
            ),
            vec![
                "error plaintext-secret app/a.yaml",
                "unseen limit-reached app/a.yaml",
                "exit 1",
            ],
        ),
        ("app/a.yaml", "? ".repeat(n) + "x\n", vec!["exit 0"]),
        (
            "app/a.json",
            format!("{}1{}", "[".repeat(n), "]".repeat(n)),
            vec!["exit 0"],
        ),
    ] {
        let lab = Lab::new();
        lab.write(name, text);
        lab.scan().is(&expected);
    }
}

#[test]
fn two_hundred_thousand_keys() {
    let n = 200_000;
    let lab = Lab::new();
    lab.write(
        "secrets/a.env",
        (0..n).map(|i| format!("K{i}=\n")).collect::<String>() + "PASSWORD=kumquat7x\n",
    );
    lab.scan()
        .is(&["error unencrypted-file secrets/a.env", "exit 1"]);
    // Each of these keys has a finding of its own: as many as the debug build bears.
    let lab = Lab::new();
    let keys: Vec<String> = (0..5_000)
        .map(|i| format!("\"password{i}\":\"kumquat{i}x\""))
        .collect();
    lab.write(
        "app/a.json",
        format!(
            "{{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"stringData\":{{{}}}}}",
            keys.join(",")
        ),
    );
    let seen = lab.scan();
    assert_eq!(
        seen.json()["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|f| f["check"] == "plaintext-secret")
            .count(),
        5_000
    );
    seen.is(&["error plaintext-secret app/a.json", "exit 1"]);
}

#[test]
fn one_line_of_sixteen_megabytes() {
    let lab = Lab::new();
    lab.write("secrets/a", "x ".repeat(8 * MIB));
    lab.write(
        "app/a.yaml",
        secret("kumquat7x") + "---\na: " + &"x".repeat(16 * MIB) + "\n",
    );
    lab.scan().is(&[
        "error plaintext-secret app/a.yaml",
        "error unencrypted-file secrets/a",
        "exit 1",
    ]);
}

#[test]
fn a_key_of_two_megabytes() {
    let lab = Lab::new();
    let key = "k".repeat(2 * MIB);
    lab.write("secrets/a.json", format!("{{\"{key}\":\"kumquat7x\"}}"));
    lab.write("secrets/b.env", format!("{key}=kumquat7x\n"));
    let seen = lab.scan();
    seen.is(&[
        "error unencrypted-file secrets/a.json",
        "error unencrypted-file secrets/b.env",
        "exit 1",
    ]);
    assert!(seen.0.stdout.len() < 20_000, "the key is not repeated");
}

const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIFPp6xJ6gIWBJkF7jZ1kqsYh8mJxK2d4k5v8E1g4Tq7c\n-----END PRIVATE KEY-----\n";

#[test]
fn files_over_the_limit_are_searched_for_keys_as_a_stream() {
    let line = format!("{}\n", "x".repeat(99));
    // Chunks are 4 MiB and overlap: the key lies across the border of the first, of the second, and at the very end.
    let border = 4 * MIB + 64 * 1024;
    for at in [
        border - 40,
        border - 100,
        8 * MIB + 64 * 1024 - 60,
        34 * MIB,
    ] {
        let lab = Lab::new();
        let mut text = line.repeat(at / 100 + 1);
        text.truncate(at);
        text.push('\n');
        text.push_str(PEM);
        text.push_str(&line.repeat((35 * MIB).saturating_sub(text.len()) / 100));
        lab.write("app/a.log", &text);
        lab.scan().is(&["error private-key app/a.log", "exit 1"]);
    }
    let lab = Lab::with_git();
    let big = line.repeat(35 * MIB / 100);
    lab.write("app/a.log", &big);
    lab.write("app/a.yaml", &big);
    lab.write("secrets/a", &big);
    lab.write("app/b.sops.json", &big);
    lab.scan().is(&[
        "unseen too-large app/a.yaml",
        "blocked too-large app/b.sops.json",
        "blocked too-large secrets/a",
        "exit 3",
    ]);
    let seen = lab.run(
        &[
            "scan",
            "--format",
            "json",
            "--stdin",
            "--stdin-path",
            "secrets/x",
        ],
        Some(big.as_bytes()),
    );
    seen.is(&["blocked too-large secrets/x", "exit 3"]);
    assert_eq!(lab.run(&["scan", "--allow-incomplete"], None).code(), 0);
}

#[test]
fn bytes_that_are_no_text() {
    let lab = Lab::new();
    lab.write(
        "app/a.yaml",
        secret("kumquat7x")
            .replace("stringData", "# \u{0}\nstringData")
            .as_bytes(),
    );
    lab.write(
        "app/b.yaml",
        [secret("kumquat7x").as_bytes(), b"  x: \"\xff\xfe\xc3\"\n"].concat(),
    );
    lab.write("app/c.yaml", secret("\"kumquat7x\u{1b}[31m\""));
    lab.write("secrets/d.yaml", b"a: \xff\n");
    lab.write("secrets/e", b"\xff\x00\x01\x02kumquat7x");
    lab.write("secrets/f.env", b"A=\x00\xff\n");
    let lines = lab.scan().lines();
    for expected in [
        "error plaintext-secret app/a.yaml",
        "error plaintext-secret app/b.yaml",
        "error plaintext-secret app/c.yaml",
        "error unencrypted-file secrets/d.yaml",
        "error unencrypted-file secrets/e",
        "error unencrypted-file secrets/f.env",
        "exit 1",
    ] {
        assert!(lines.iter().any(|l| l == expected), "{expected}: {lines:?}");
    }
    let human = lab.run(&["scan", "--color", "never"], None);
    assert!(!human.0.stdout.contains(&0x1b) && !human.0.stdout.contains(&0));
}

#[test]
fn duplicate_keys_and_conflict_markers() {
    let lab = Lab::new();
    lab.write("app/a.yaml", secret("kumquat7x") + "  password: ''\n");
    lab.write("app/b.yaml", secret("''") + "  password: kumquat7x\n");
    lab.write("app/c.sops.json", "{\"a\": \"kumquat7x\", \"a\": \"\"}");
    lab.write(
        "secrets/d.yaml",
        "<<<<<<< HEAD\npassword: kumquat7x\n=======\npassword: pear7x9\n>>>>>>> other\n",
    );
    lab.write(
        "app/e.sops.yaml",
        encrypted("<<<<<<< HEAD\n").replacen("sops:\n", "=======\n>>>>>>> other\nsops:\n", 1),
    );
    let lines = lab.scan().lines();
    for expected in [
        "error plaintext-secret app/a.yaml",
        "error plaintext-secret app/b.yaml",
        "error unencrypted-file app/c.sops.json",
        "error unencrypted-file secrets/d.yaml",
        "blocked unparsable secrets/d.yaml",
        "error broken-envelope app/e.sops.yaml",
        "exit 1",
    ] {
        assert!(lines.iter().any(|l| l == expected), "{expected}: {lines:?}");
    }
}

#[test]
fn mistakes_in_the_call_end_with_2_and_one_message() {
    let lab = Lab::new();
    for args in [
        &["scan", "--no-such-option"][..],
        &["no-such-command"],
        &["scan", "--format", "no"],
        &["scan", "--fail-on", "no"],
        &["scan", "--stdin"],
        &["scan", "--jobs", "x"],
        &[],
        &["scan", "--stdin-path", "a"],
        &["scan", "--report", "json"],
        &["scan", "--report", "no=x"],
        &["scan", "--timeout", "30"],
        &["scan", "--staged", "--stdin", "--stdin-path", "a"],
    ] {
        let seen = lab.run(args, None);
        assert_eq!(seen.code(), 2, "{args:?} {}", seen.stderr());
        assert!(
            seen.0.stdout.is_empty() && !seen.stderr().is_empty(),
            "{args:?}"
        );
    }
    lab.run(&["scan", "no/such/file"], None)
        .cannot_run(&["no/such/file"]);
    lab.run(&["scan", "--sops-config", "no/such/file"], None)
        .cannot_run(&["no/such/file"]);
    let seen = lab.run(&["scan", "--report", "json=no/such/dir/file"], None);
    assert!(seen.0.stdout.is_empty(), "it fails before it judges");
    seen.cannot_run(&["no/such/dir/file"]);
    // Time that runs out is not a mistake, and not clean.
    lab.write("app/a.yaml", secret("kumquat7x"));
    lab.run(&["scan", "--format", "json", "--timeout", "0s", "."], None)
        .is(&[
            "blocked timeout .sops.yaml",
            "blocked timeout app/a.yaml",
            "exit 3",
        ]);
    lab.run(&["scan", "--format", "json", "--timeout", "1h", "."], None)
        .is(&["error plaintext-secret app/a.yaml", "exit 1"]);
    lab.run(&["explain", "no/such/file"], None)
        .cannot_run(&["no/such/file"]);
    lab.run(&["-C", "no/such/dir", "scan"], None)
        .cannot_run(&["no/such/dir"]);
}

#[test]
fn without_a_repository_the_tree_is_walked_only_if_it_is_named() {
    let lab = Lab::new();
    lab.write("app/a.yaml", secret("kumquat7x"));
    lab.run(&["scan", "--format", "json", "."], None)
        .is(&["error plaintext-secret app/a.yaml", "exit 1"]);
    lab.run(
        &[
            "scan",
            "--format",
            "json",
            "--stdin",
            "--stdin-path",
            "secrets/b.yaml",
        ],
        Some(b"a: kumquat7x\n"),
    )
    .code();
}

#[test]
fn a_damaged_repository_ends_with_2_or_is_judged() {
    for (file, bytes) in [
        ("config", &b"[core\n"[..]),
        ("HEAD", b"nothing\n"),
        ("index", b"DIRC\0\0\0\x02\xff\xff\xff\xff"),
        ("index", b"no index"),
        ("packed-refs", b"\xff\xff\n"),
        ("objects/info/alternates", b"../../../no/such\n"),
        ("shallow", b"x\n"),
        ("info/exclude", b"[\n\\\n\xff\n!\n"),
        ("config", b"[core]\n\trepositoryformatversion = 99\n"),
        ("config", b"[extensions]\n\tobjectformat = x\n"),
    ] {
        let lab = Lab::with_git();
        lab.write("app/a.yaml", secret("kumquat7x"));
        lab.git(&["add", "."]);
        lab.git(&["commit", "-q", "-m", "m"]);
        let path = lab.dir().join(".git").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        let seen = lab.scan();
        match seen.code() {
            2 => seen.cannot_run(&["sopsguard: "]),
            code => assert!(
                code == 1
                    && seen
                        .lines()
                        .contains(&"error plaintext-secret app/a.yaml".to_owned()),
                "{file}: {:?}",
                seen.lines()
            ),
        }
    }
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn paths_of_any_bytes_are_judged_and_shown_escaped() {
        let lab = Lab::with_git();
        for name in [
            &b"secrets/a\nb.yaml"[..],
            b"secrets/q\"uo'te.yaml",
            b"secrets/\xff\xfe.yaml",
            b"secrets/\x1b[31m.yaml",
            b"secrets/ ",
            b"secrets/-x",
            "secrets/\u{202e}lmay".as_bytes(),
            b"secrets/\\n.yaml",
            b"secrets/a:b.yaml",
        ] {
            lab.write(OsStr::from_bytes(name), "a: kumquat7x\n");
        }
        lab.git(&["add", "."]);
        let seen = lab.scan();
        let json = seen.json();
        let findings = json["findings"].as_array().unwrap();
        assert_eq!(findings.len(), 9, "{:?}", seen.lines());
        let bytes: Vec<_> = findings
            .iter()
            .filter(|f| !f["path_bytes"].is_null())
            .collect();
        assert_eq!(bytes.len(), 1, "one path is no UTF-8");
        for format in ["human", "jsonl", "json", "markdown", "html"] {
            let out = lab
                .run(&["scan", "--format", format, "--color", "never"], None)
                .0
                .stdout;
            let text = String::from_utf8(out).unwrap();
            assert!(
                !text.contains('\u{1b}') && !text.contains('\u{202e}'),
                "{format}"
            );
            assert!(!text.contains("secrets/a\nb"), "{format}");
        }
        let seen = lab.run(&["explain", "secrets/a\nb.yaml"], None);
        assert_eq!(seen.code(), 0, "{}", seen.stderr());
    }

    /// Whatever a repository can make Git run writes this file.
    fn trap(lab: &Lab) -> (PathBuf, String) {
        let sprung = lab.top.path().join("sprung");
        let script = lab.top.path().join("trap.sh");
        std::fs::write(
            &script,
            format!("#!/bin/sh\necho sprung >> '{}'\ncat\n", sprung.display()),
        )
        .unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        (sprung, script.display().to_string())
    }

    #[test]
    fn nothing_of_a_hostile_repository_is_executed() {
        let lab = Lab::with_git();
        let (sprung, script) = trap(&lab);
        lab.write("app/a.yaml", secret("kumquat7x"));
        lab.git(&["add", "."]);
        lab.git(&["commit", "-q", "-m", "m"]);
        lab.write("app/a.yaml", secret("kumquat7y"));
        lab.write(
            ".gitattributes",
            "* filter=trap diff=trap merge=trap working-tree-encoding=trap\n",
        );
        for (key, value) in [
            ("core.fsmonitor", script.as_str()),
            ("core.hooksPath", lab.top.path().to_str().unwrap()),
            ("core.pager", &script),
            ("core.editor", &script),
            ("core.sshCommand", &script),
            ("core.askPass", &script),
            ("core.alternateRefsCommand", &script),
            ("credential.helper", &script),
            ("filter.trap.clean", &script),
            ("filter.trap.smudge", &script),
            ("filter.trap.process", &script),
            ("filter.trap.required", "true"),
            ("diff.trap.command", &script),
            ("diff.trap.textconv", &script),
            ("diff.external", &script),
            ("gpg.program", &script),
            ("uploadpack.packObjectsHook", &script),
            ("alias.status", &format!("!{script}")),
            ("include.path", "../../outside.config"),
        ] {
            std::fs::OpenOptions::new()
                .append(true)
                .open(lab.dir().join(".git/config"))
                .unwrap()
                .write_all(config_line(key, value).as_bytes())
                .unwrap();
        }
        for hook in [
            "pre-commit",
            "post-index-change",
            "reference-transaction",
            "fsmonitor-watchman",
        ] {
            let path = lab.dir().join(".git/hooks").join(hook);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::copy(&script, path).unwrap();
        }
        // Programs that a scan could want, in front of the real ones.
        let bin = lab.dir().join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for program in ["git", "sops", "age", "less"] {
            std::fs::copy(&script, bin.join(program)).unwrap();
        }
        for args in [
            &["scan", "--format", "json"][..],
            &["config", "check"],
            &["explain", "app/a.yaml"],
            &["scan", "--stdin", "--stdin-path", "app/a.yaml"],
        ] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_sopsguard"));
            lab.scrub(command.args(args))
                .env("PATH", format!("{}:bin:.", bin.display()))
                .stdin(Stdio::null());
            let out = command.output().unwrap();
            assert!(
                out.status.code().is_some_and(|c| c < 2),
                "{args:?}: {:?} {}",
                out.status,
                String::from_utf8_lossy(&out.stderr)
            );
        }
        assert!(!sprung.exists(), "something of the repository was executed");
        let lines = lab.scan().lines();
        assert!(
            lines.contains(&"error plaintext-secret app/a.yaml".to_owned()),
            "{lines:?}"
        );
    }

    fn config_line(key: &str, value: &str) -> String {
        let (section, name) = key.rsplit_once('.').unwrap();
        match section.split_once('.') {
            Some((section, sub)) => format!("[{section} \"{sub}\"]\n\t{name} = \"{value}\"\n"),
            None => format!("[{section}]\n\t{name} = \"{value}\"\n"),
        }
    }

    #[test]
    fn a_missing_version_of_head_is_not_clean() {
        let lab = Lab::with_git();
        lab.write("x.yaml", "a: b\n");
        lab.git(&["add", "."]);
        lab.git(&["commit", "-q", "-m", "x"]);
        // The blob of HEAD goes; the file changes, so that the two would be compared.
        let trees = lab.dir().join(".git/objects");
        let blob = std::process::Command::new("git")
            .args(["rev-parse", "HEAD:x.yaml"])
            .current_dir(lab.dir())
            .output()
            .unwrap();
        let id = String::from_utf8(blob.stdout).unwrap();
        let id = id.trim();
        std::fs::remove_file(trees.join(&id[..2]).join(&id[2..])).unwrap();
        lab.write("x.yaml", "a: c\nb: d\n");
        lab.scan().is(&["blocked missing-object x.yaml", "exit 3"]);
    }

    #[test]
    fn nothing_outside_of_the_tree_is_read() {
        let lab = Lab::with_git();
        let outside = lab.top.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("a.yaml"), secret("kumquat7x")).unwrap();
        std::fs::write(outside.join("key.pem"), PEM).unwrap();
        std::fs::write(
            outside.join(".sops.yaml"),
            "creation_rules:\n  - path_regex: (\n",
        )
        .unwrap();
        std::fs::write(outside.join("prod.env"), "PASSWORD=kumquat7x\n").unwrap();
        symlink(&outside, lab.dir().join("dir")).unwrap();
        symlink(outside.join("a.yaml"), lab.dir().join("link.yaml")).unwrap();
        symlink(outside.join("key.pem"), lab.dir().join("key.pem")).unwrap();
        symlink("/dev/zero", lab.dir().join("zero.yaml")).unwrap();
        symlink("loop", lab.dir().join("loop")).unwrap();
        symlink(outside.join("prod.env"), lab.dir().join("prod.env")).unwrap();
        std::fs::create_dir(lab.dir().join("nested")).unwrap();
        symlink(
            outside.join(".sops.yaml"),
            lab.dir().join("nested/.sops.yaml"),
        )
        .unwrap();
        lab.write("kustomization.yaml", "secretGenerator:\n- name: a\n  envs: [prod.env, ../outside/prod.env, dir/prod.env, /etc/passwd]\n  files: [../outside/key.pem]\n");
        lab.git(&["add", "."]);
        // Nothing of them is judged; a config that is a link leaves its rules unknown, which is not clean.
        lab.scan()
            .is(&["blocked unreadable nested/.sops.yaml", "exit 3"]);
        // A directory of the index that became a link: what is tracked below it is not there.
        let lab = Lab::with_git();
        lab.write("dir/a.yaml", "a: b\n");
        lab.git(&["add", "."]);
        std::fs::remove_dir_all(lab.dir().join("dir")).unwrap();
        symlink(&outside, lab.dir().join("dir")).unwrap();
        lab.scan().is(&["exit 0"]);
        // A worktree that the repository says is elsewhere.
        let lab = Lab::with_git();
        lab.git(&["config", "core.worktree", outside.to_str().unwrap()]);
        lab.scan().cannot_run(&["core.worktree"]);
    }

    #[test]
    fn configs_that_are_no_files() {
        // A directory.
        let lab = Lab::with_git();
        std::fs::remove_file(lab.dir().join(".sops.yaml")).unwrap();
        std::fs::create_dir(lab.dir().join(".sops.yaml")).unwrap();
        lab.write("secrets/a.yaml", "a: kumquat7x\n");
        lab.write("app/b.yaml", secret("kumquat7x"));
        lab.scan()
            .is(&["error plaintext-secret app/b.yaml", "exit 1"]);
        // Pipes, which would never end.
        let lab = Lab::with_git();
        lab.write("app/b.yaml", secret("kumquat7x"));
        std::fs::create_dir(lab.dir().join("nested")).unwrap();
        for name in ["nested/.sops.yaml", "pipe.yaml", "nested/.gitignore"] {
            assert!(
                Command::new("mkfifo")
                    .arg(lab.dir().join(name))
                    .status()
                    .unwrap()
                    .success()
            );
        }
        lab.scan()
            .is(&["error plaintext-secret app/b.yaml", "exit 1"]);
    }

    #[test]
    fn what_may_not_be_read_is_a_blind_spot() {
        let lab = Lab::with_git();
        lab.write("secrets/a.yaml", "a: kumquat7x\n");
        lab.write("shut/b.yaml", secret("kumquat7x"));
        lab.git(&["add", "."]);
        let mode = |path: &str, mode: u32| {
            std::fs::set_permissions(lab.dir().join(path), std::fs::Permissions::from_mode(mode))
                .unwrap()
        };
        mode("secrets/a.yaml", 0);
        mode("shut", 0);
        // Who may read everything (root in a container) sees both.
        let open = std::fs::read(lab.dir().join("secrets/a.yaml")).is_ok();
        let seen = lab.scan();
        mode("secrets/a.yaml", 0o644);
        mode("shut", 0o755);
        if open {
            seen.is(&[
                "error unencrypted-file secrets/a.yaml",
                "error plaintext-secret shut/b.yaml",
                "exit 1",
            ]);
        } else {
            assert_eq!(seen.code(), 3, "{:?}", seen.lines());
        }
    }
}

//! Pushes through real hooks: what a receiving repository refuses, and what is refused before it leaves.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "source/lab.rs"]
mod lab;

use std::path::{Path, PathBuf};

use lab::Lab;

const SEALED: &str = include_str!("cases/decrypted-copy/yaml-dec/repo/app.sops.yaml");
const OPEN: &str = include_str!("cases/decrypted-copy/yaml-dec/repo/app.yaml.dec");
const RULE: &str = "creation_rules:\n  - path_regex: sealed/.*\\.sops\\.yaml$\n    age: age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r\n";
const KEYS: &str = include_str!("cases/private-key/lenient-opens-live-file/repo/tests/keys.txt");

fn secret(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: k\nstringData:\n  password: {value}\n"
    )
}

/// A clone, and the bare repository that it pushes to.
struct Gate {
    lab: Lab,
    server: PathBuf,
}

impl Gate {
    /// A first commit is there on both sides; then the hook of one side is installed.
    fn new(on_server: bool) -> Self {
        let lab = Lab::new();
        let server = lab.dir.path().join("server.git");
        lab.git_in(
            lab.dir.path(),
            &["init", "-q", "--bare", "-b", "main", "server.git"],
        );
        lab.git(&["remote", "add", "origin", server.to_str().unwrap()]);
        lab.write(".sops.yaml", RULE);
        lab.write("README.md", "# ops\n");
        lab.commit("first");
        let gate = Self { lab, server };
        assert!(gate.push(&["-u", "origin", "main"]).0);
        let at = if on_server {
            &gate.server
        } else {
            &gate.lab.top()
        };
        let side: &[&str] = if on_server { &["--server"] } else { &[] };
        let args = [&["-C", at.to_str().unwrap(), "hook", "install"], side].concat();
        let out = gate.lab.scan(&args);
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        gate
    }

    fn commit(&self, files: &[(&str, Option<&str>)]) {
        for (path, text) in files {
            match text {
                Some(text) => self.lab.write(path, text),
                None => std::fs::remove_file(self.lab.top().join(path)).unwrap(),
            }
        }
        self.lab.git(&["add", "-A"]);
        // The hook in front of the commit is not what is tested.
        self.lab
            .git(&["commit", "-q", "--no-verify", "-m", "a change"]);
    }

    /// Whether a push goes through, and what was said.
    fn push(&self, args: &[&str]) -> (bool, String) {
        let program = Path::new(env!("CARGO_BIN_EXE_sopsguard")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let all = [program.to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&path));
        let out = self
            .lab
            .command(&self.lab.top())
            .env("PATH", std::env::join_paths(all).unwrap())
            .arg("push")
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned()
            + &String::from_utf8_lossy(&out.stdout);
        (out.status.success(), said)
    }

    fn refused(&self, args: &[&str], because: &str) {
        let (passed, said) = self.push(args);
        assert!(
            !passed && said.contains(because),
            "passed: {passed}; {said}"
        );
        assert!(!said.contains("kumquat-8f3kQ"), "{said}");
    }

    fn passes(&self, args: &[&str]) {
        let (passed, said) = self.push(args);
        assert!(passed, "{said}");
    }

    fn back(&self) {
        self.lab.git(&["reset", "-q", "--hard", "origin/main"]);
    }
}

fn a_gate_holds(gate: &Gate) {
    // What is clean passes, also a new branch, a tag, and a deletion.
    gate.commit(&[
        ("sealed/a.sops.yaml", Some(SEALED)),
        ("README.md", Some("# ops 2\n")),
    ]);
    gate.passes(&["origin", "main"]);
    gate.passes(&["origin", "main:refs/heads/other"]);
    gate.lab.git(&["tag", "-a", "v1", "-m", "first"]);
    gate.passes(&["origin", "v1"]);
    gate.passes(&["origin", ":refs/heads/other"]);
    // A leak that the last commit takes back.
    gate.commit(&[("apps/a.yaml", Some(&secret("kumquat-8f3kQ-1")))]);
    gate.commit(&[("apps/a.yaml", None)]);
    gate.refused(&["origin", "main"], "plaintext-secret");
    gate.refused(&["origin", "main:refs/heads/new"], "plaintext-secret");
    gate.back();
    // It takes its rule away.
    gate.commit(&[(".sops.yaml", None), ("sealed/b.sops.yaml", Some(OPEN))]);
    gate.refused(&["origin", "main"], "unencrypted-file");
    gate.back();
    // It brings its own ignore.
    let ignored = secret("kumquat-8f3kQ-2 # sopsguard: ignore[plaintext-secret] because");
    gate.commit(&[("apps/i.yaml", Some(&ignored))]);
    gate.refused(&["origin", "main"], "plaintext-secret");
    gate.back();
    // It brings settings that switch the check off.
    gate.commit(&[
        (
            "sopsguard.toml",
            Some("[checks]\nplaintext-secret = \"off\"\n"),
        ),
        ("apps/s.yaml", Some(&secret("kumquat-8f3kQ-3"))),
    ]);
    gate.refused(&["origin", "main"], "plaintext-secret");
    gate.back();
    // Forced, with another history.
    gate.lab.git(&["reset", "-q", "--hard", "HEAD~1"]);
    gate.commit(&[("apps/f.yaml", Some(&secret("kumquat-8f3kQ-4")))]);
    gate.refused(&["--force", "origin", "main"], "plaintext-secret");
    gate.lab.git(&["reset", "-q", "--hard", "origin/main"]);
    // Born in a merge.
    gate.lab.git(&["checkout", "-q", "-b", "side"]);
    gate.commit(&[("side.md", Some("side\n"))]);
    gate.lab.git(&["checkout", "-q", "main"]);
    gate.commit(&[("main.md", Some("main\n"))]);
    gate.lab
        .git(&["merge", "-q", "--no-commit", "--no-ff", "side"]);
    gate.commit(&[("apps/m.yaml", Some(&secret("kumquat-8f3kQ-5")))]);
    gate.refused(&["origin", "main"], "plaintext-secret");
    gate.back();
    // Keys in messages, and a tag on a file.
    let key = KEYS
        .lines()
        .find(|l| l.starts_with("AGE-SECRET-KEY-1"))
        .unwrap();
    gate.lab
        .git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", key]);
    gate.refused(&["origin", "main"], "private-key");
    gate.back();
    gate.lab.git(&["tag", "-a", "v2", "-m", key]);
    gate.refused(&["origin", "v2"], "private-key");
    gate.lab.write("keys.txt", KEYS);
    let blob = gate.lab.git(&["hash-object", "-w", "keys.txt"]);
    let blob = String::from_utf8(blob).unwrap();
    gate.lab.git(&["update-ref", "refs/tags/file", blob.trim()]);
    gate.refused(&["origin", "refs/tags/file"], "private-key");
    std::fs::remove_file(gate.lab.top().join("keys.txt")).unwrap();
    // Several at once: one leaks.
    gate.commit(&[("ok.md", Some("ok\n"))]);
    gate.lab.git(&["checkout", "-q", "-b", "leaky"]);
    gate.commit(&[("apps/l.yaml", Some(&secret("kumquat-8f3kQ-6")))]);
    gate.lab.git(&["checkout", "-q", "main"]);
    gate.refused(&["origin", "main", "leaky"], "plaintext-secret");
    gate.passes(&["origin", "main"]);
    // What the other side has already is not judged again.
    gate.commit(&[("README.md", Some("# ops 3\n"))]);
    gate.passes(&["origin", "main"]);
}

#[test]
fn a_server_refuses_what_leaks() {
    a_gate_holds(&Gate::new(true));
}

#[test]
fn a_push_is_refused_before_it_leaves() {
    a_gate_holds(&Gate::new(false));
}

#[test]
fn an_empty_repository_is_guarded_too() {
    let lab = Lab::new();
    lab.git_in(
        lab.dir.path(),
        &["init", "-q", "--bare", "-b", "main", "server.git"],
    );
    let server = lab.dir.path().join("server.git");
    lab.git(&["remote", "add", "origin", server.to_str().unwrap()]);
    let out = lab.scan(&[
        "-C",
        server.to_str().unwrap(),
        "hook",
        "install",
        "--server",
    ]);
    assert!(out.status.success());
    let gate = Gate { lab, server };
    gate.commit(&[("apps/a.yaml", Some(&secret("kumquat-8f3kQ-1")))]);
    gate.refused(&["origin", "main"], "plaintext-secret");
    gate.commit(&[("apps/a.yaml", None), ("README.md", Some("# ops\n"))]);
    gate.refused(&["origin", "main"], "plaintext-secret");
    gate.lab.git(&["checkout", "-q", "--orphan", "clean"]);
    gate.commit(&[("README.md", Some("# ops\n"))]);
    gate.passes(&["origin", "clean:main"]);
}

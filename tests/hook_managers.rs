//! The recipes of `docs/hooks.md`, run by the hook managers themselves.
//!
//! pre-commit, prek, lefthook and husky are taken from `.tools/`, where `.ci/test` puts pinned versions, or from PATH; what
//! is not there is skipped with a line that says so. Each must refuse a commit that leaks, pass a clean one, and run the
//! guard for a commit that only deletes. A wrapper around the program writes down how it was called.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Past the capture of the test program, or nobody would read it.
fn skipped(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{what}");
}

const LEAK: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  password: kumquat-8f3kQ-zz81\n";
const CLEAN: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  colour: blue\n";

/// A configuration that does not speak of sopsguard.
const OTHER: &str = "repos:\n- repo: local\n  hooks:\n  - {id: a, name: a, language: system, entry: echo, always_run: true}\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where a tool is.
fn tool(name: &str) -> Option<PathBuf> {
    let husky = root().join(".tools/husky/node_modules/husky/bin.js");
    let found = match name {
        "husky" => Some(husky).filter(|p| p.is_file() && on_path("node").is_some()),
        _ => Some(root().join(".tools/venv/bin").join(name))
            .filter(|p| p.is_file())
            .or_else(|| on_path(name)),
    };
    if found.is_none() {
        skipped(format_args!(
            "SKIPPED: {name} (neither in .tools nor on PATH)"
        ));
    }
    found
}

fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let lab = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for dir in ["bin", "home", "top"] {
            fs::create_dir(lab.base().join(dir)).unwrap();
        }
        let wrapper = lab.base().join("bin/sopsguard");
        let script = format!(
            "#!/bin/sh\necho \"$@\" >> '{}'\nexec '{}' \"$@\"\n",
            lab.log().display(),
            env!("CARGO_BIN_EXE_sopsguard")
        );
        fs::write(&wrapper, script).unwrap();
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
        lab.ok("git", &["init", "-q", "-b", "main"]);
        lab
    }

    fn base(&self) -> PathBuf {
        fs::canonicalize(self.dir.path()).unwrap()
    }

    fn top(&self) -> PathBuf {
        self.base().join("top")
    }

    fn log(&self) -> PathBuf {
        self.base().join("log")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.top().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, program: impl AsRef<Path>, args: &[&str]) -> (bool, String) {
        let path = std::env::var("PATH").unwrap();
        let home = self.base().join("home");
        let output = Command::new(program.as_ref())
            .args(args)
            .env_clear()
            .current_dir(self.top())
            .env("PATH", format!("{}/bin:{path}", self.base().display()))
            .env("HOME", &home)
            .env("PRE_COMMIT_HOME", home.join("pre-commit"))
            .env("PREK_HOME", home.join("prek"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C.UTF-8")
            .envs([
                ("GIT_AUTHOR_NAME", "A"),
                ("GIT_AUTHOR_EMAIL", "a@example.org"),
                ("GIT_COMMITTER_NAME", "A"),
                ("GIT_COMMITTER_EMAIL", "a@example.org"),
            ])
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    #[track_caller]
    fn ok(&self, program: impl AsRef<Path>, args: &[&str]) -> String {
        let (ok, text) = self.run(&program, args);
        assert!(ok, "{} {args:?}: {text}", program.as_ref().display());
        text
    }

    /// How the guard was called since the last question.
    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        let _ = fs::remove_file(self.log());
        text.lines().map(str::to_owned).collect()
    }

    fn commit(&self) -> (bool, String) {
        self.ok("git", &["add", "-A"]);
        self.run("git", &["commit", "-m", "a change"])
    }

    /// What every manager must do.
    #[track_caller]
    fn guards(&self) {
        let (ok, text) = self.commit();
        assert!(ok, "{text}");
        self.calls();
        self.write("leak.yaml", LEAK);
        let (ok, text) = self.commit();
        assert!(!ok && text.contains("plaintext-secret"), "{text}");
        assert!(!text.contains("8f3kQ"), "{text}");
        self.write("leak.yaml", CLEAN);
        self.write(".sops.yaml", "creation_rules: []\n");
        let (ok, text) = self.commit();
        assert!(ok, "{text}");
        let calls = self.calls();
        assert!(calls.len() >= 2, "{calls:?}");
        fs::remove_file(self.top().join(".sops.yaml")).unwrap();
        let (ok, text) = self.commit();
        assert!(ok, "{text}");
        assert!(
            !self.calls().is_empty(),
            "a commit that only deletes was not looked at: {text}"
        );
        // Ours is not in the way, and knows that it is guarded.
        let status = self.ok("sopsguard", &["hook", "status"]);
        assert!(status.contains("is told to run sopsguard"), "{status}");
        self.ok("sopsguard", &["hook", "install"]);
        self.calls();
    }

    /// A repository that offers the hooks of this one; returns the lines of a configuration.
    fn pre_commit_config(&self) {
        let hooks = self.base().join("hooks");
        fs::create_dir(&hooks).unwrap();
        fs::copy(
            root().join(".pre-commit-hooks.yaml"),
            hooks.join(".pre-commit-hooks.yaml"),
        )
        .unwrap();
        let at = hooks.to_str().unwrap();
        self.ok("git", &["-C", at, "init", "-q"]);
        self.ok("git", &["-C", at, "add", "-A"]);
        self.ok("git", &["-C", at, "commit", "-q", "-m", "hooks"]);
        let rev = self.ok("git", &["-C", at, "rev-parse", "HEAD"]);
        let rev = rev.trim();
        self.write(
            ".pre-commit-config.yaml",
            &format!("repos:\n- repo: {at}\n  rev: {rev}\n  hooks:\n  - id: sopsguard-system\n"),
        );
    }

    /// In CI nothing is staged and every file is named.
    #[track_caller]
    fn all_files(&self, manager: &Path) {
        self.write("old.yaml", LEAK);
        self.ok("git", &["add", "-A"]);
        self.ok("git", &["commit", "-q", "--no-verify", "-m", "leak"]);
        self.calls();
        let (ok, text) = self.run(manager, &["run", "--all-files"]);
        assert!(!ok && text.contains("plaintext-secret"), "{text}");
        let calls = self.calls().join("\n");
        assert!(
            calls.contains(" -- ") && calls.contains("old.yaml"),
            "{calls}"
        );
    }
}

#[test]
fn the_scripts_have_no_faults_of_the_shell() {
    let Some(tool) = tool("shellcheck") else {
        return;
    };
    for entry in fs::read_dir(root().join("hooks")).unwrap() {
        let path = entry.unwrap().path();
        let output = Command::new(&tool).arg(&path).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
        assert_ne!(path.metadata().unwrap().permissions().mode() & 0o111, 0);
    }
}

#[test]
fn pre_commit_refuses_a_leak() {
    let Some(tool) = tool("pre-commit") else {
        return;
    };
    let lab = Lab::new();
    lab.pre_commit_config();
    lab.ok(
        &tool,
        &[
            "validate-manifest",
            root().join(".pre-commit-hooks.yaml").to_str().unwrap(),
        ],
    );
    lab.ok(&tool, &["install"]);
    lab.guards();
    lab.all_files(&tool);
}

#[test]
fn prek_refuses_a_leak() {
    let Some(tool) = tool("prek") else {
        return;
    };
    let lab = Lab::new();
    lab.pre_commit_config();
    lab.ok(&tool, &["install"]);
    lab.guards();
    lab.all_files(&tool);
}

/// `sopsguard-fix`: files change, the framework fails, and the next try is clean. What is not staged is put back.
#[track_caller]
fn fixes(manager: &Path) {
    let named = std::env::var_os("SOPSGUARD_TEST_SOPS").map(PathBuf::from);
    let Some(sops) = named.filter(|path| path.is_file()) else {
        return skipped(format_args!(
            "SKIPPED: sops (SOPSGUARD_TEST_SOPS does not name it)"
        ));
    };
    let lab = Lab::new();
    std::os::unix::fs::symlink(sops, lab.base().join("bin/sops")).unwrap();
    lab.pre_commit_config();
    let config = fs::read_to_string(lab.top().join(".pre-commit-config.yaml")).unwrap();
    lab.write(
        ".pre-commit-config.yaml",
        &config.replace("id: sopsguard-system", "id: sopsguard-fix-system"),
    );
    lab.write(
        ".sops.yaml",
        "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n    age: age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r\n",
    );
    lab.write("other", "one\n");
    lab.ok("git", &["add", "-A"]);
    lab.ok("git", &["commit", "-q", "-m", "config"]);
    lab.ok(manager, &["install"]);
    lab.write("secrets/a.yaml", LEAK);
    lab.ok("git", &["add", "-A"]);
    lab.write("other", "two\n");
    let (ok, text) = lab.run("git", &["commit", "-m", "leak"]);
    assert!(!ok && text.contains("files were modified"), "{text}");
    assert!(!text.contains("8f3kQ"), "{text}");
    let now = fs::read_to_string(lab.top().join("secrets/a.yaml")).unwrap();
    assert!(now.contains("ENC[AES256_GCM"), "{now}");
    assert_eq!(
        fs::read_to_string(lab.top().join("other")).unwrap(),
        "two\n"
    );
    lab.ok("git", &["add", "secrets"]);
    lab.ok("git", &["commit", "-m", "clean"]);
}

#[test]
fn pre_commit_encrypts() {
    if let Some(tool) = tool("pre-commit") {
        fixes(&tool);
    }
}

#[test]
fn prek_encrypts() {
    if let Some(tool) = tool("prek") {
        fixes(&tool);
    }
}

#[test]
fn lefthook_refuses_a_leak() {
    let Some(tool) = tool("lefthook") else {
        return;
    };
    let lab = Lab::new();
    lab.write(
        "lefthook.yml",
        "pre-commit:\n  jobs:\n    - name: sopsguard\n      run: sopsguard hook run pre-commit\n",
    );
    lab.ok(&tool, &["install"]);
    lab.guards();
}

#[test]
fn husky_refuses_a_leak() {
    let Some(tool) = tool("husky") else {
        return;
    };
    let lab = Lab::new();
    let text = lab.ok("node", &[tool.to_str().unwrap()]);
    assert_eq!(text.trim(), "");
    lab.write(".husky/pre-commit", "sopsguard hook run pre-commit\n");
    lab.guards();
}

#[test]
fn a_hook_that_was_installed_before_the_manager_is_kept_or_missed() {
    for (name, config, keeps) in [
        ("pre-commit", (".pre-commit-config.yaml", OTHER), true),
        ("prek", (".pre-commit-config.yaml", OTHER), true),
        (
            "lefthook",
            (
                "lefthook.yml",
                "pre-commit:\n  jobs:\n    - run: echo other\n",
            ),
            false,
        ),
    ] {
        let Some(tool) = tool(name) else { continue };
        let lab = Lab::new();
        lab.ok("sopsguard", &["hook", "install"]);
        lab.write(config.0, config.1);
        lab.ok(&tool, &["install"]);
        let (ok, text) = lab.commit();
        assert!(ok, "{name}: {text}");
        // The status tells what then happens.
        assert_eq!(lab.run("sopsguard", &["hook", "status"]).0, keeps, "{name}");
        lab.write("leak.yaml", LEAK);
        let (ok, text) = lab.commit();
        assert_eq!(
            !ok && text.contains("plaintext-secret"),
            keeps,
            "{name}: {text}"
        );
    }
}

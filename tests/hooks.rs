//! Hooks in real repositories: installed, run by a real `git commit`, taken away again.
//!
//! Every repository lives in a directory of its own, without the machine's Git configuration; the program is a copy in
//! that directory, so that it can be moved and lost.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Past the capture of the test program, or nobody would read it.
fn skipped(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{what}");
}

const LEAK: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  password: kumquat-8f3kQ-zz81\n";
const CLEAN: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  colour: blue\n";

struct Lab {
    dir: tempfile::TempDir,
}

struct Ran {
    code: i32,
    text: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            text: format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }

    #[track_caller]
    fn is(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}", self.text);
        for word in words {
            assert!(self.text.contains(word), "no {word:?} in:\n{}", self.text);
        }
    }
}

impl Lab {
    fn new() -> Self {
        let lab = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(lab.base().join("bin")).unwrap();
        fs::create_dir(lab.base().join("home")).unwrap();
        // A hard link where the file system has one: the binary is large.
        let built = env!("CARGO_BIN_EXE_sopsguard");
        if fs::hard_link(built, lab.program()).is_err() {
            fs::copy(built, lab.program()).unwrap();
        }
        lab.git_at(
            &lab.base(),
            &["init", "-q", "-b", "main", "--template=", "top"],
        );
        lab
    }

    fn base(&self) -> PathBuf {
        fs::canonicalize(self.dir.path()).unwrap()
    }

    fn top(&self) -> PathBuf {
        self.base().join("top")
    }

    fn program(&self) -> PathBuf {
        self.base().join("bin").join("sopsguard")
    }

    fn hook(&self) -> PathBuf {
        self.top().join(".git/hooks/pre-commit")
    }

    fn command(&self, program: &Path, at: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .current_dir(at)
            .env("HOME", self.base().join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C")
            .envs([
                ("GIT_AUTHOR_NAME", "A"),
                ("GIT_AUTHOR_EMAIL", "a@example.org"),
                ("GIT_COMMITTER_NAME", "A"),
                ("GIT_COMMITTER_EMAIL", "a@example.org"),
            ]);
        command
    }

    #[track_caller]
    fn git_at(&self, at: &Path, args: &[&str]) -> String {
        let output = self.command(Path::new("git"), at).args(args).output();
        let ran = Ran::of(&output.unwrap());
        assert_eq!(ran.code, 0, "git {args:?}: {}", ran.text);
        ran.text
    }

    #[track_caller]
    fn git(&self, args: &[&str]) -> String {
        self.git_at(&self.top(), args)
    }

    fn run_at(&self, at: &Path, args: &[&str]) -> Ran {
        let output = self.command(&self.program(), at).args(args).output();
        Ran::of(&output.unwrap())
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.run_at(&self.top(), args)
    }

    fn write(&self, path: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.top().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// Stages a file and tries to commit.
    fn commit_at(&self, top: &Path, name: &str, text: &str) -> Ran {
        fs::write(top.join(name), text).unwrap();
        self.git_at(top, &["add", name]);
        let output = self
            .command(Path::new("git"), top)
            .args(["commit", "-m", "a change"])
            .output();
        Ran::of(&output.unwrap())
    }

    fn commit(&self, name: &str, text: &str) -> Ran {
        self.commit_at(&self.top(), name, text)
    }

    /// A leak is refused, and without it the commit passes.
    #[track_caller]
    fn guards(&self, top: &Path) {
        let refused = self.commit_at(top, "leak.yaml", LEAK);
        refused.is(1, &["plaintext-secret", "leak.yaml"]);
        assert!(!refused.text.contains("8f3kQ"), "{}", refused.text);
        self.git_at(top, &["rm", "-q", "--cached", "leak.yaml"]);
        fs::remove_file(top.join("leak.yaml")).unwrap();
        self.commit_at(top, "clean.yaml", CLEAN).is(0, &[]);
        self.git_at(top, &["rm", "-q", "clean.yaml"]);
        self.git_at(top, &["commit", "-q", "--no-verify", "-m", "back"]);
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

/// Entries of a directory, by name.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_leaking_commit_is_refused_and_a_clean_one_passes() {
    let lab = Lab::new();
    lab.run(&["hook", "status"])
        .is(1, &["pre-commit: no hook file", "git runs: nothing"]);
    lab.run(&["hook", "install"])
        .is(0, &["installed ", "hooks/pre-commit"]);
    assert_eq!(mode(&lab.hook()), 0o755);
    let dir = lab.hook().parent().unwrap().to_owned();
    assert_eq!(names(&dir), ["pre-commit", "pre-push"]);
    assert_eq!(mode(&dir.join("pre-push")), 0o755);
    lab.run(&["hook", "status"]).is(
        0,
        &[
            "pre-commit: installed by sopsguard (version 1, up to date)",
            "pre-push: installed by sopsguard (version 1, up to date)",
        ],
    );
    lab.guards(&lab.top());
    lab.run(&["hook", "uninstall"]).is(0, &["removed "]);
    assert_eq!(names(&dir), [""; 0]);
    lab.commit("leak.yaml", LEAK).is(0, &[]);
}

#[test]
fn from_a_subdirectory_and_with_git_dir_it_is_the_same_hook() {
    let lab = Lab::new();
    lab.write("apps/a/b.yaml", CLEAN, 0o644);
    lab.run_at(&lab.top().join("apps/a"), &["hook", "install"])
        .is(0, &[]);
    assert!(lab.hook().is_file());
    let status = lab
        .command(&lab.program(), &lab.base())
        .args(["hook", "status"])
        .env("GIT_DIR", "top/.git")
        .env("GIT_WORK_TREE", "top")
        .output();
    Ran::of(&status.unwrap()).is(0, &["up to date"]);
    lab.run_at(&lab.base(), &["-C", "top/apps", "hook", "status"])
        .is(0, &["up to date"]);
}

#[test]
fn installing_twice_changes_nothing_and_an_older_or_moved_hook_is_renewed() {
    let lab = Lab::new();
    lab.run(&["hook", "install"]).is(0, &[]);
    let first = fs::read(lab.hook()).unwrap();
    lab.run(&["hook", "install"]).is(0, &["installed already"]);
    assert_eq!(fs::read(lab.hook()).unwrap(), first);
    // The program has moved: the hook finds it on PATH, the status tells, install repairs.
    let elsewhere = String::from_utf8(first.clone())
        .unwrap()
        .replace(&lab.base().join("bin").display().to_string(), "/nowhere");
    fs::write(lab.hook(), &elsewhere).unwrap();
    lab.run(&["hook", "status"])
        .is(0, &["names another program"]);
    lab.run(&["hook", "install"]).is(0, &["updated "]);
    assert_eq!(fs::read(lab.hook()).unwrap(), first);
    let older = elsewhere.replace("pre-commit 1\n", "pre-commit 0\n") + "# as it was\n";
    fs::write(lab.hook(), older).unwrap();
    lab.run(&["hook", "status"]).is(0, &["older version"]);
    lab.run(&["hook", "install"]).is(0, &["updated "]);
    assert_eq!(fs::read(lab.hook()).unwrap(), first);
    // Git ignores what is not executable.
    fs::set_permissions(lab.hook(), fs::Permissions::from_mode(0o644)).unwrap();
    lab.run(&["hook", "status"])
        .is(1, &["not executable", "git runs: nothing"]);
    lab.run(&["hook", "install"]).is(0, &["updated "]);
    assert_eq!(mode(&lab.hook()), 0o755);
}

#[test]
fn our_hook_with_lines_of_the_user_is_not_lost() {
    let lab = Lab::new();
    lab.run(&["hook", "install"]).is(0, &[]);
    let mine = fs::read_to_string(lab.hook()).unwrap() + "echo mine\n";
    fs::write(lab.hook(), &mine).unwrap();
    lab.run(&["hook", "status"]).is(1, &["changed by hand"]);
    lab.run(&["hook", "install"])
        .is(2, &["changed by hand", "--force"]);
    lab.run(&["hook", "uninstall"])
        .is(2, &["changed by hand", "--force"]);
    assert_eq!(fs::read_to_string(lab.hook()).unwrap(), mine);
    lab.run(&["hook", "install", "--force"])
        .is(0, &["updated "]);
    assert!(!fs::read_to_string(lab.hook()).unwrap().contains("mine"));
}

#[test]
fn a_hook_of_the_user_is_refused_then_chained_then_restored_byte_for_byte() {
    let lab = Lab::new();
    let mine = "#!/bin/sh\n# no newline at the end\necho \"mine: $#\"\n[ ! -e veto ] || exit 7";
    lab.write(".git/hooks/pre-commit", mine, 0o750);
    lab.run(&["hook", "install"]).is(
        2,
        &[
            "never overwritten",
            "--chain",
            "sopsguard hook run pre-commit || exit",
        ],
    );
    assert_eq!(names(lab.hook().parent().unwrap()), ["pre-commit"]);
    lab.run(&["hook", "status"])
        .is(1, &["does not call sopsguard"]);
    lab.run(&["hook", "uninstall"])
        .is(0, &["not sopsguard's and stays"]);

    lab.run(&["hook", "install", "--chain"])
        .is(0, &["runs first"]);
    lab.run(&["hook", "status"])
        .is(0, &["before-sopsguard, then "]);
    lab.guards(&lab.top());
    lab.commit("clean.yaml", CLEAN).is(0, &["mine: 0"]);
    let veto = lab.write("veto", "", 0o644);
    lab.commit("clean.yaml", "a: 1\n").is(1, &["mine: 0"]);
    // Its own exit status and arguments are passed through.
    let direct = lab
        .command(&lab.hook(), &lab.top())
        .args(["x", "y z"])
        .output();
    Ran::of(&direct.unwrap()).is(7, &["mine: 2"]);
    fs::remove_file(veto).unwrap();
    lab.run(&["hook", "install", "--chain"])
        .is(0, &["installed already"]);

    lab.run(&["hook", "uninstall"]).is(0, &["is back"]);
    assert_eq!(fs::read_to_string(lab.hook()).unwrap(), mine);
    assert_eq!(mode(&lab.hook()), 0o750);
    assert_eq!(names(lab.hook().parent().unwrap()), ["pre-commit"]);
}

#[test]
fn a_second_chain_is_refused_and_one_that_git_ignored_stays_ignored() {
    let lab = Lab::new();
    lab.write(
        ".git/hooks/pre-commit",
        "#!/bin/sh\necho sleeping\nexit 9\n",
        0o644,
    );
    lab.run(&["hook", "install", "--chain"])
        .is(0, &["not executable"]);
    lab.guards(&lab.top());
    lab.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n", 0o755);
    lab.run(&["hook", "install", "--chain"])
        .is(2, &["exists already"]);
    assert_eq!(
        fs::read_to_string(lab.hook()).unwrap(),
        "#!/bin/sh\nexit 0\n"
    );
}

#[test]
fn a_hook_of_the_user_that_calls_the_guard_is_enough() {
    let lab = Lab::new();
    let program = lab.program();
    let script = format!(
        "#!/bin/sh\n# sopsguard hook run pre-commit\n'{}' hook run pre-commit || exit\n",
        program.display()
    );
    lab.write(".git/hooks/pre-commit", &script, 0o755);
    lab.run(&["hook", "status"])
        .is(0, &["a hook of your own that calls sopsguard"]);
    lab.run(&["hook", "install"])
        .is(0, &["calls sopsguard already"]);
    lab.run(&["hook", "uninstall"])
        .is(0, &["take that line out by hand"]);
    assert_eq!(fs::read_to_string(lab.hook()).unwrap(), script);
    lab.guards(&lab.top());
    lab.write(
        ".git/hooks/pre-commit",
        "#!/bin/sh\n# sopsguard hook run pre-commit\n",
        0o755,
    );
    lab.run(&["hook", "status"]).is(1, &["does not call"]);
}

#[test]
fn a_symbolic_link_is_never_written_through() {
    let lab = Lab::new();
    let target = lab.write("scripts/check", "#!/bin/sh\nexit 0\n", 0o755);
    fs::create_dir_all(lab.hook().parent().unwrap()).unwrap();
    symlink("../../scripts/check", lab.hook()).unwrap();
    lab.run(&["hook", "install"])
        .is(2, &["symbolic link to ../../scripts/check"]);
    lab.run(&["hook", "install", "--force"])
        .is(2, &["never overwritten"]);
    lab.run(&["hook", "status"]).is(1, &["symbolic link"]);
    lab.run(&["hook", "uninstall"]).is(0, &["stays"]);
    lab.run(&["hook", "install", "--chain"])
        .is(0, &["runs first"]);
    assert_eq!(fs::read_to_string(&target).unwrap(), "#!/bin/sh\nexit 0\n");
    lab.guards(&lab.top());
    lab.run(&["hook", "uninstall"]).is(0, &["is back"]);
    assert_eq!(
        fs::read_link(lab.hook()).unwrap(),
        Path::new("../../scripts/check")
    );
    // A link to nothing and a link to our own script are links all the same.
    for target in ["nothing-there", "real"] {
        fs::remove_file(lab.hook()).unwrap();
        lab.write(
            ".git/hooks/real",
            include_str!("../hooks/pre-commit"),
            0o755,
        );
        symlink(target, lab.hook()).unwrap();
        lab.run(&["hook", "install", "--force"]);
        assert_eq!(fs::read_link(lab.hook()).unwrap(), Path::new(target));
    }
    assert_eq!(
        fs::read_to_string(lab.top().join(".git/hooks/real")).unwrap(),
        include_str!("../hooks/pre-commit")
    );
}

#[test]
fn without_the_program_the_hook_refuses_and_says_how_to_get_it() {
    let lab = Lab::new();
    lab.run(&["hook", "install"]).is(0, &[]);
    fs::remove_file(lab.program()).unwrap();
    let refused = lab.commit("clean.yaml", CLEAN);
    refused.is(
        1,
        &["sopsguard itself was not found", "cargo install --locked"],
    );
    let direct = lab.command(&lab.hook(), &lab.top()).output().unwrap();
    Ran::of(&direct).is(2, &["nor on PATH"]);
    // A program that a relative entry of PATH would find is not taken.
    let evil = lab.write("sopsguard", "#!/bin/sh\ntouch ran\n", 0o755);
    let path = format!(":.:{}", std::env::var("PATH").unwrap());
    for shell in ["sh", "dash", "bash", "busybox"] {
        let mut command = lab.command(Path::new(shell), &lab.top());
        if shell == "busybox" {
            command.arg("sh");
        }
        match command.arg(lab.hook()).env("PATH", &path).output() {
            Ok(output) => Ran::of(&output).is(2, &["not found"]),
            Err(_) => skipped(format_args!("SKIPPED: {shell}")),
        }
        assert!(!lab.top().join("ran").exists(), "{shell}");
    }
    fs::remove_file(evil).unwrap();
}

#[test]
fn the_copied_script_works_from_core_hooks_path() {
    let lab = Lab::new();
    lab.write(
        "hooks/pre-commit",
        include_str!("../hooks/pre-commit"),
        0o755,
    );
    lab.git(&["config", "core.hooksPath", "hooks"]);
    lab.run(&["hook", "status"])
        .is(0, &["(core.hooksPath, local configuration)", "up to date"]);
    let path = format!(
        "{}:{}",
        lab.base().join("bin").display(),
        std::env::var("PATH").unwrap()
    );
    fs::write(lab.top().join("leak.yaml"), LEAK).unwrap();
    lab.git(&["add", "leak.yaml"]);
    let refused = lab
        .command(Path::new("git"), &lab.top())
        .env("PATH", path)
        .args(["commit", "-m", "x"])
        .output();
    Ran::of(&refused.unwrap()).is(1, &["plaintext-secret"]);
}

#[test]
fn a_relative_hooks_path_counts_from_the_top_and_names_no_path_of_this_machine() {
    let lab = Lab::new();
    lab.write("sub/x.yaml", CLEAN, 0o644);
    lab.git(&["config", "core.hooksPath", ".githooks"]);
    lab.run_at(&lab.top().join("sub"), &["hook", "install"])
        .is(0, &["part of the worktree: commit the hook"]);
    let hook = lab.top().join(".githooks/pre-commit");
    assert_eq!(
        fs::read_to_string(&hook).unwrap(),
        include_str!("../hooks/pre-commit")
    );
    assert!(!lab.hook().exists());
    lab.run(&["hook", "uninstall"]).is(0, &[]);
    assert!(!hook.exists());
}

#[test]
fn a_hooks_path_outside_needs_consent_and_one_for_all_repositories_says_so() {
    let lab = Lab::new();
    let outside = lab.base().join("outside");
    lab.git(&["config", "core.hooksPath", outside.to_str().unwrap()]);
    lab.run(&["hook", "install"])
        .is(2, &["outside of this repository", "--force"]);
    assert!(!outside.exists());
    lab.run(&["hook", "install", "--force"]).is(0, &[]);
    lab.guards(&lab.top());
    lab.run(&["hook", "uninstall"]).is(2, &["--force"]);
    lab.run(&["hook", "uninstall", "--force"])
        .is(0, &["removed"]);

    lab.git(&["config", "--unset", "core.hooksPath"]);
    lab.git(&["config", "--global", "core.hooksPath", "~/my hooks"]);
    lab.run(&["hook", "install"]).is(
        2,
        &["for every repository (set in the global configuration)"],
    );
    lab.run(&["hook", "install", "--force"])
        .is(0, &["home/my hooks/pre-commit"]);
    lab.run(&["hook", "status"])
        .is(0, &["(core.hooksPath, global configuration)"]);
    lab.guards(&lab.top());
    // Inside of this repository, and still everybody's.
    lab.git(&[
        "config",
        "--global",
        "core.hooksPath",
        lab.top().join("h").to_str().unwrap(),
    ]);
    lab.run(&["hook", "install"])
        .is(2, &["for every repository"]);
}

#[test]
fn switched_off_hooks_are_not_switched_on() {
    let lab = Lab::new();
    for (value, words) in [("/dev/null", "no directory"), ("", "set to nothing")] {
        lab.git(&["config", "core.hooksPath", value]);
        lab.run(&["hook", "install", "--force"]).is(2, &[words]);
        lab.run(&["hook", "status"])
            .is(1, &[words, "git runs: nothing"]);
        lab.commit("leak.yaml", LEAK).is(0, &[]);
        lab.git(&["reset", "-q"]);
        lab.git(&["update-ref", "-d", "HEAD"]);
    }
}

#[test]
fn all_worktrees_share_one_hook() {
    let lab = Lab::new();
    lab.commit("a.yaml", CLEAN).is(0, &[]);
    lab.git(&["worktree", "add", "-q", "../second"]);
    let second = lab.base().join("second");
    lab.run_at(&second, &["hook", "install"])
        .is(0, &["top/.git/hooks/pre-commit"]);
    lab.run(&["hook", "status"]).is(0, &["up to date"]);
    lab.guards(&second);
    lab.guards(&lab.top());
    // A setting of one worktree only.
    lab.git(&["config", "extensions.worktreeConfig", "true"]);
    lab.git_at(&second, &["config", "--worktree", "core.hooksPath", ".own"]);
    lab.run(&["hook", "status"]).is(0, &["up to date"]);
    lab.run_at(&second, &["hook", "status"]).is(
        1,
        &["(core.hooksPath, worktree configuration)", "no hook file"],
    );
}

#[test]
fn a_submodule_has_hooks_of_its_own() {
    let lab = Lab::new();
    lab.commit("a.yaml", CLEAN).is(0, &[]);
    lab.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "add",
        "-q",
        "./",
        "inner",
    ]);
    let inner = lab.top().join("inner");
    lab.run_at(&inner, &["hook", "install"])
        .is(0, &[".git/modules/inner/hooks/pre-commit"]);
    lab.run(&["hook", "status"]).is(1, &[]);
    lab.guards(&inner);
}

#[test]
fn a_bare_repository_and_no_repository_are_refused() {
    let lab = Lab::new();
    lab.git_at(&lab.base(), &["init", "-q", "--bare", "bare.git"]);
    let bare = lab.base().join("bare.git");
    lab.run_at(&bare, &["hook", "install"])
        .is(2, &["no worktree"]);
    lab.run_at(&bare, &["hook", "install", "--force", "--chain"])
        .is(2, &["no worktree"]);
    assert!(!bare.join("hooks/pre-commit").exists());
    lab.run_at(&lab.base(), &["hook", "install"])
        .is(2, &["no Git repository"]);
    lab.run_at(&lab.base(), &["hook", "status"])
        .is(2, &["no Git repository"]);
}

#[test]
fn a_hostile_repository_cannot_say_where_to_write() {
    let lab = Lab::new();
    let outside = lab.base().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, lab.top().join(".git/hooks")).unwrap();
    lab.run(&["hook", "install"])
        .is(2, &["leads out of this repository"]);
    // By a directory on the way, by dots, and by a link that leads nowhere.
    for (link, value) in [
        ("way", "way/deeper"),
        ("", "x/../../outside/y"),
        ("gap", "gap/z"),
    ] {
        if !link.is_empty() {
            let to = if link == "gap" {
                outside.join("missing")
            } else {
                outside.clone()
            };
            symlink(to, lab.top().join(link)).unwrap();
        }
        lab.git(&["config", "core.hooksPath", value]);
        assert_eq!(lab.run(&["hook", "install"]).code, 2, "{value}");
        assert_eq!(lab.run(&["hook", "install", "--chain"]).code, 2, "{value}");
    }
    assert_eq!(names(&outside), [""; 0]);
    assert!(!lab.base().join("outside/y").exists());
    // A directory where the hook should be.
    lab.git(&["config", "--unset", "core.hooksPath"]);
    fs::remove_file(lab.top().join(".git/hooks")).unwrap();
    fs::create_dir_all(lab.hook()).unwrap();
    lab.run(&["hook", "install", "--chain", "--force"])
        .is(2, &["is no file"]);
    lab.run(&["hook", "status"]).is(1, &["is no file"]);
}

#[test]
fn names_cannot_speak_to_the_terminal() {
    let lab = Lab::new();
    lab.git(&["config", "core.hooksPath", "a\u{1b}[2Jb"]);
    for args in [
        ["hook", "status"],
        ["hook", "install"],
        ["hook", "uninstall"],
    ] {
        let ran = lab.run(&args);
        assert!(!ran.text.contains('\u{1b}'), "{:?}", ran.text);
    }
}

#[test]
fn hook_managers_are_told_apart_and_left_alone() {
    for (files, hook, manager, line) in [
        (
            vec![(".pre-commit-config.yaml", "repos: []\n")],
            "# File generated by pre-commit: https://pre-commit.com\n",
            "pre-commit",
            "hooks: [{id: sopsguard}]",
        ),
        (
            vec![(".pre-commit-config.yaml", "repos: []\n")],
            "# File generated by prek: https://github.com/j178/prek\n",
            "prek",
            "hooks: [{id: sopsguard}]",
        ),
        (
            vec![("lefthook.yml", "pre-push: {}\n")],
            "call_lefthook run \"pre-commit\" \"$@\"\n",
            "lefthook",
            "- run: sopsguard hook run pre-commit",
        ),
    ] {
        let lab = Lab::new();
        for (name, text) in &files {
            lab.write(name, text, 0o644);
        }
        // Set up, but not installed.
        let named = if manager == "prek" {
            "pre-commit"
        } else {
            manager
        };
        lab.run(&["hook", "install"])
            .is(2, &[named, line, "--force"]);
        lab.run(&["hook", "status"])
            .is(1, &["is set up in this repository"]);
        // Installed: its file stays as it is, whatever is asked.
        let script = format!("#!/bin/sh\n{hook}");
        lab.write(".git/hooks/pre-commit", &script, 0o755);
        lab.run(&["hook", "install"])
            .is(2, &["manages the hooks", line]);
        lab.run(&["hook", "install", "--chain", "--force"])
            .is(2, &[manager]);
        lab.run(&["hook", "uninstall"]).is(0, &["stays"]);
        lab.run(&["hook", "status"]).is(
            1,
            &[&format!("managed by {manager}"), "not told to run", line],
        );
        assert_eq!(fs::read_to_string(lab.hook()).unwrap(), script);
        assert_eq!(names(lab.hook().parent().unwrap()), ["pre-commit"]);
        lab.write(
            files[0].0,
            "pre-commit:\n  jobs:\n    - run: sopsguard hook run pre-commit\n",
            0o644,
        );
        lab.run(&["hook", "status"])
            .is(0, &["is told to run sopsguard"]);
        lab.write(files[0].0, "# sopsguard hook run pre-commit\n", 0o644);
        lab.run(&["hook", "status"]).is(1, &["not told to run"]);
    }
}

#[test]
fn a_generated_directory_of_husky_is_left_alone() {
    let lab = Lab::new();
    lab.write(
        ".husky/_/pre-commit",
        "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\"\n",
        0o755,
    );
    lab.git(&["config", "core.hooksPath", ".husky/_"]);
    lab.run(&["hook", "install", "--force", "--chain"]).is(
        2,
        &[
            "husky manages",
            "echo 'sopsguard hook run pre-commit' >> .husky/pre-commit",
        ],
    );
    lab.run(&["hook", "status"]).is(1, &["not told"]);
    lab.write(
        ".husky/pre-commit",
        "sopsguard hook run pre-commit\n",
        0o644,
    );
    lab.run(&["hook", "status"])
        .is(0, &["managed by husky, which is told to run sopsguard"]);
    assert_eq!(names(&lab.top().join(".husky/_")), ["pre-commit"]);
}

/// A hook that is told of a push.
fn told(lab: &Lab, at: &Path, args: &[&str], env: &[(&str, &str)], text: &str) -> Ran {
    let mut child = lab
        .command(&lab.program(), at)
        .args(args)
        .envs(env.iter().copied())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Who refuses at once does not read.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    Ran::of(&child.wait_with_output().unwrap())
}

#[test]
fn what_is_told_wrongly_of_a_push_refuses() {
    let lab = Lab::new();
    lab.commit("a.yaml", CLEAN).is(0, &[]);
    let top = lab.top();
    let head = lab.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let zero = "0".repeat(40);
    let push = ["hook", "run", "pre-push", "origin", "url"];
    let receive = ["hook", "run", "pre-receive"];
    // Nothing, and what is only taken away.
    told(&lab, &top, &push, &[], "").is(0, &[]);
    told(&lab, &top, &receive, &[], "").is(0, &[]);
    let gone = format!("(delete) {zero} refs/heads/x {head}\n");
    told(&lab, &top, &push, &[], &gone).is(0, &[]);
    let gone = format!("{head} {zero} refs/heads/x\n");
    told(&lab, &top, &receive, &[], &gone).is(0, &[]);
    for line in ["x\n", "\n\n", "a b c\n", &format!("{head} {zero}\n")] {
        told(&lab, &top, &push, &[], line).is(2, &["is not understood"]);
        told(&lab, &top, &receive, &[], line).is(2, &["is not understood"]);
    }
    let alone = ["hook", "run", "pre-push"];
    told(&lab, &top, &alone, &[], "").is(2, &["told nothing of the push"]);
    let nowhere = [("PRE_COMMIT_TO_REF", "nowhere")];
    told(&lab, &top, &alone, &nowhere, "").is(2, &["no revision `nowhere`"]);
    told(&lab, &top, &[&push[..], &["more"]].concat(), &[], "").is(2, &["name of a remote"]);
    told(&lab, &top, &[&receive[..], &["a"]].concat(), &[], "").is(2, &["takes no paths"]);
    told(&lab, &top, &[&push[..], &["--staged"]].concat(), &[], "").is(2, &["no meaning"]);
    lab.run(&["hook", "run"]).is(2, &[]);
    lab.run(&["hook", "run", "pre-commit", "--stdin", "--stdin-path", "x"])
        .is(2, &[]);
    told(&lab, &lab.base(), &push, &[], &gone).is(2, &["not in a Git repository"]);
}

/// A hook of a push that says what it was told, and refuses if there is a file `veto`.
const LISTENER: &str =
    "#!/bin/sh\nwhile read -r line; do echo \"heard $1: $line\"; done\n[ ! -e veto ] || exit 7\n";

#[test]
fn a_chained_hook_of_a_push_and_the_guard_are_told_the_same() {
    let lab = Lab::new();
    lab.commit("a.yaml", CLEAN).is(0, &[]);
    let listener = lab.write(".git/hooks/pre-push", LISTENER, 0o755);
    lab.run(&["hook", "install"]).is(
        2,
        &[
            "pre-push exists",
            "--chain",
            "sopsguard hook run pre-push \"$@\" || exit",
        ],
    );
    // One that is refused keeps the other from being written.
    assert_eq!(names(lab.hook().parent().unwrap()), ["pre-push"]);
    lab.run(&["hook", "install", "--chain"])
        .is(0, &["runs first"]);
    // A program in place of the guard, which says what it is told.
    fs::remove_file(lab.program()).unwrap();
    fs::write(
        lab.program(),
        "#!/bin/sh\necho \"guard: $*\"\ncat\nexit 3\n",
    )
    .unwrap();
    fs::set_permissions(lab.program(), fs::Permissions::from_mode(0o755)).unwrap();
    let run = |text: &str| {
        let mut child = lab
            .command(&listener, &lab.top())
            .args(["origin", "a url"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        Ran::of(&child.wait_with_output().unwrap())
    };
    let both = run("one 1\ntwo 2\n");
    both.is(3, &[]);
    assert_eq!(
        both.text,
        "heard origin: one 1\nheard origin: two 2\nguard: hook run pre-push origin a url\none 1\ntwo 2\n"
    );
    assert_eq!(run("").text, "guard: hook run pre-push origin a url\n");
    lab.write("veto", "", 0o644);
    run("one 1\n").is(7, &["heard origin: one 1"]);
    fs::remove_file(lab.program()).unwrap();
    fs::remove_file(lab.top().join("veto")).unwrap();
    run("one 1\n").is(2, &["heard", "sopsguard itself was not found"]);
}

#[test]
fn a_push_without_the_program_is_refused() {
    let lab = Lab::new();
    lab.commit("a.yaml", CLEAN).is(0, &[]);
    lab.git_at(
        &lab.base(),
        &["init", "-q", "--bare", "--template=", "bare.git"],
    );
    lab.run(&["hook", "install"]).is(0, &[]);
    fs::rename(lab.program(), lab.base().join("bin/gone")).unwrap();
    let push = |args: &[&str]| {
        let output = lab
            .command(Path::new("git"), &lab.top())
            .arg("push")
            .args(args)
            .output();
        Ran::of(&output.unwrap())
    };
    push(&["../bare.git", "main"]).is(
        1,
        &["sopsguard itself was not found", "git push --no-verify"],
    );
    push(&["--no-verify", "../bare.git", "main"]).is(0, &[]);
    // The same on the server.
    fs::rename(lab.base().join("bin/gone"), lab.program()).unwrap();
    let bare = lab.base().join("bare.git");
    lab.run_at(&bare, &["hook", "install", "--server"])
        .is(0, &["installed "]);
    fs::rename(lab.program(), lab.base().join("bin/gone")).unwrap();
    push(&["--no-verify", "../bare.git", "main:new"]).is(
        1,
        &[
            "not found",
            "PATH of the server",
            "pre-receive hook declined",
        ],
    );
}

#[test]
fn a_server_has_a_hook_of_its_own() {
    let lab = Lab::new();
    lab.git_at(
        &lab.base(),
        &["init", "-q", "--bare", "--template=", "bare.git"],
    );
    let bare = lab.base().join("bare.git");
    lab.run_at(&bare, &["hook", "status"]).is(
        1,
        &[
            "pre-receive: no hook file",
            "git runs: nothing at pre-receive",
        ],
    );
    lab.run_at(&bare, &["hook", "install"])
        .is(2, &["no worktree", "hook install --server"]);
    for _ in 0..2 {
        lab.run_at(&bare, &["hook", "install", "--server"])
            .is(0, &["installed "]);
    }
    assert_eq!(names(&bare.join("hooks")), ["pre-receive"]);
    assert_eq!(mode(&bare.join("hooks/pre-receive")), 0o755);
    let status = lab.run_at(&bare, &["hook", "status"]);
    status.is(
        0,
        &["pre-receive: installed by sopsguard (version 1, up to date)"],
    );
    assert!(!status.text.contains("pre-commit"), "{}", status.text);
    lab.run_at(&bare, &["hook", "uninstall"]).is(
        0,
        &["pre-commit is not installed", "pre-push is not installed"],
    );
    lab.run_at(&bare, &["hook", "uninstall", "--server"])
        .is(0, &["removed "]);
    assert_eq!(names(&bare.join("hooks")), [""; 0]);
    // In a repository with files it stands beside the others.
    lab.run(&["hook", "install"]).is(0, &[]);
    lab.run(&["hook", "status", "--server"])
        .is(1, &["pre-receive: no hook file"]);
    lab.run(&["hook", "install", "--server"])
        .is(0, &["installed "]);
    lab.run(&["hook", "status"]).is(
        0,
        &[
            "pre-commit: installed",
            "pre-push: installed",
            "pre-receive: installed",
        ],
    );
    lab.run(&["hook", "uninstall"]).is(0, &["removed"]);
    assert_eq!(names(lab.hook().parent().unwrap()), ["pre-receive"]);
    // A foreign one is chained.
    let mine = lab.write(".git/hooks/pre-receive", LISTENER, 0o755);
    lab.run(&["hook", "install", "--server"])
        .is(2, &["never overwritten", "hook install --server --chain"]);
    lab.run(&["hook", "install", "--server", "--chain"])
        .is(0, &["runs first"]);
    lab.run(&["hook", "uninstall", "--server"])
        .is(0, &["is back"]);
    assert_eq!(fs::read_to_string(mine).unwrap(), LISTENER);
}

#[test]
fn a_missing_hook_of_pushes_is_told_and_a_broken_one_counts() {
    let lab = Lab::new();
    lab.run(&["hook", "install"]).is(0, &[]);
    let push = lab.top().join(".git/hooks/pre-push");
    let script = fs::read_to_string(&push).unwrap();
    fs::write(&push, script + "echo mine\n").unwrap();
    lab.run(&["hook", "status"]).is(
        1,
        &["pre-push: installed by sopsguard (version 1, changed by hand)"],
    );
    lab.run(&["hook", "install"]).is(2, &["changed by hand"]);
    fs::remove_file(&push).unwrap();
    lab.run(&["hook", "status"]).is(
        0,
        &["pre-push: no hook file", "git runs: nothing at pre-push"],
    );
    lab.run(&["hook", "install"])
        .is(0, &["pre-commit is installed already", "hooks/pre-push"]);
}

#[test]
fn a_manager_that_is_only_told_of_commits_keeps_nothing_from_them() {
    let lab = Lab::new();
    lab.write(
        "lefthook.yml",
        "pre-commit:\n  jobs:\n    - run: sopsguard hook run pre-commit\n",
        0o644,
    );
    lab.write(
        ".git/hooks/pre-commit",
        "#!/bin/sh\ncall_lefthook run \"pre-commit\" \"$@\"\n",
        0o755,
    );
    let said = [
        "lefthook is told to run sopsguard already",
        "pre-push: not installed",
        "- run: sopsguard hook run pre-push {1} {2}",
        "use_stdin: true",
    ];
    lab.run(&["hook", "install"]).is(0, &said);
    lab.run(&["hook", "status"])
        .is(0, &["pre-push: no hook file"]);
    lab.write(
        ".git/hooks/pre-push",
        "#!/bin/sh\ncall_lefthook run \"pre-push\" \"$@\"\n",
        0o755,
    );
    let config = "pre-commit:\n  jobs:\n    - run: sopsguard hook run pre-commit\npre-push:\n  jobs:\n    - run: sopsguard hook run pre-push {1} {2}\n";
    lab.write("lefthook.yml", config, 0o644);
    lab.run(&["hook", "status"])
        .is(0, &["pre-push: managed by lefthook, which is not told"]);
    lab.write(
        "lefthook.yml",
        &format!("{config}      use_stdin: true\n"),
        0o644,
    );
    lab.run(&["hook", "status"]).is(
        0,
        &["pre-push: managed by lefthook, which is told to run sopsguard"],
    );
    // pre-commit has another id for pushes.
    let lab = Lab::new();
    lab.write(
        ".git/hooks/pre-commit",
        "#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\n",
        0o755,
    );
    lab.write(
        ".pre-commit-config.yaml",
        "hooks: [{id: sopsguard}]\n",
        0o644,
    );
    lab.run(&["hook", "install"]).is(
        0,
        &[
            "hooks: [{id: sopsguard-push}]",
            "pre-commit install --hook-type pre-push",
        ],
    );
    lab.write(
        ".pre-commit-config.yaml",
        "hooks: [{id: sopsguard}, {id: sopsguard-push}]\n",
        0o644,
    );
    lab.run(&["hook", "install", "--chain"]).is(
        0,
        &[
            "its own hook is not in place",
            "install --hook-type pre-push",
        ],
    );
}

#[test]
fn what_could_not_be_judged_refuses_as_well() {
    let lab = Lab::new();
    lab.run(&["hook", "install"]).is(0, &[]);
    lab.write(
        ".sops.yaml",
        "creation_rules:\n  - path_regex: ^secrets/.*\\.yaml$\n    age: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n",
        0o644,
    );
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    lab.write("secrets/a.yaml", pointer, 0o644);
    lab.git(&["add", "-A"]);
    let direct = lab.command(&lab.hook(), &lab.top()).output();
    Ran::of(&direct.unwrap()).is(3, &["secrets/a.yaml"]);
    lab.commit("clean.yaml", CLEAN).is(1, &["secrets/a.yaml"]);
}

#[test]
fn hook_run_takes_the_options_of_scan_and_only_reports_on_stdout() {
    let lab = Lab::new();
    lab.write("a.yaml", LEAK, 0o644);
    lab.write("b.yaml", CLEAN, 0o644);
    lab.git(&["add", "-A"]);
    lab.run(&["hook", "run", "pre-commit"])
        .is(1, &["plaintext-secret"]);
    lab.run(&["hook", "run", "pre-commit", "--", "b.yaml"])
        .is(0, &[]);
    lab.run(&["hook", "run", "pre-commit", "--fail-on", "never"])
        .is(0, &["plaintext-secret"]);
    let json = lab
        .command(&lab.program(), &lab.top())
        .args(["hook", "run", "pre-commit", "--format", "json"])
        .output()
        .unwrap();
    assert_eq!(json.status.code(), Some(1));
    assert!(json.stderr.is_empty());
    serde_json::from_slice::<serde_json::Value>(&json.stdout).unwrap();
}

/// A `git` that has hooks in its configuration: the one on PATH, or `SOPSGUARD_TEST_GIT`.
fn git_with_configuration_hooks() -> Option<PathBuf> {
    // By its whole path: the name alone would find the script that stands in for it.
    let git = match std::env::var_os("SOPSGUARD_TEST_GIT") {
        Some(git) => PathBuf::from(git),
        None => std::env::split_paths(&std::env::var_os("PATH")?)
            .map(|dir| dir.join("git"))
            .find(|path| path.is_file())?,
    };
    let text = Command::new(&git).arg("version").output().ok()?.stdout;
    let text = String::from_utf8(text).ok()?;
    let mut parts = text.strip_prefix("git version ")?.split('.');
    let version: (u32, u32) = (
        parts.next()?.parse().ok()?,
        parts.next()?.trim().parse().ok()?,
    );
    (version >= (2, 54)).then_some(git)
}

/// Puts a program called `git` at the front of `PATH`.
fn path_with(lab: &Lab, git: &str) -> String {
    let dir = lab.base().join("git-bin");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("git"), git).unwrap();
    fs::set_permissions(dir.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", dir.display(), std::env::var("PATH").unwrap())
}

#[test]
fn an_old_git_gets_no_hooks_in_its_configuration() {
    let lab = Lab::new();
    let path = path_with(
        &lab,
        "#!/bin/sh\necho git version 2.39.5\ntouch \"$0.$1\"\n",
    );
    let run = |args: &[&str]| {
        Ran::of(
            &lab.command(&lab.program(), &lab.top())
                .env("PATH", &path)
                .args(args)
                .output()
                .unwrap(),
        )
    };
    run(&["hook", "install", "--git-config"]).is(2, &["git 2.39 ignores", "2.54"]);
    assert!(!lab.base().join("git-bin/git.config").exists());
    lab.git(&[
        "config",
        "hook.sopsguard-pre-commit.command",
        "sopsguard hook run pre-commit",
    ]);
    lab.git(&["config", "hook.sopsguard-pre-commit.event", "pre-commit"]);
    run(&["hook", "status"]).is(1, &["which git 2.39 ignores"]);
    run(&["hook", "install", "--global"]).is(2, &["--git-config"]);
}

#[test]
fn a_git_of_the_repository_is_not_run() {
    let lab = Lab::new();
    let evil = lab.write(
        "bin/git",
        "#!/bin/sh\ntouch ran\necho git version 2.60.0\n",
        0o755,
    );
    let path = format!(".:bin:{}", evil.parent().unwrap().display());
    let output = lab
        .command(&lab.program(), &lab.top())
        .env("PATH", path)
        .args(["hook", "install", "--git-config"])
        .output();
    Ran::of(&output.unwrap()).is(2, &["no git was found"]);
    assert!(!lab.top().join("ran").exists());
}

#[test]
fn a_new_git_runs_the_hook_from_its_configuration() {
    let Some(git) = git_with_configuration_hooks() else {
        skipped(format_args!(
            "SKIPPED: git 2.54 or newer (SOPSGUARD_TEST_GIT names one)"
        ));
        return;
    };
    let lab = Lab::new();
    let path = path_with(
        &lab,
        &format!("#!/bin/sh\nexec '{}' \"$@\"\n", git.display()),
    );
    let run = |program: &Path, args: &[&str]| {
        Ran::of(
            &lab.command(program, &lab.top())
                .env("PATH", &path)
                .args(args)
                .output()
                .unwrap(),
        )
    };
    let ours = |args: &[&str]| run(&lab.program(), args);
    let new = |args: &[&str]| run(&git, args);
    for scope in [&[][..], &["--global"][..]] {
        for _ in 0..2 {
            ours(&[&["hook", "install", "--git-config"], scope].concat())
                .is(0, &["installed hook.sopsguard-pre-commit"]);
        }
        assert_eq!(
            new(&["config", "--get-all", "hook.sopsguard-pre-commit.event"]).text,
            "pre-commit\n"
        );
        ours(&["hook", "status"]).is(
            0,
            &[
                "installed in the configuration",
                "\"sopsguard-pre-commit\" of the configuration",
            ],
        );
        fs::write(lab.top().join("leak.yaml"), LEAK).unwrap();
        lab.git(&["add", "-A"]);
        new(&["commit", "-m", "x"]).is(1, &["plaintext-secret"]);
        lab.write("leak.yaml", CLEAN, 0o644);
        lab.git(&["add", "-A"]);
        new(&["commit", "--allow-empty", "-m", "x"]).is(0, &[]);
        for off in [
            "hook.pre-commit.enabled",
            "hook.sopsguard-pre-commit.enabled",
        ] {
            lab.git(&["config", off, "false"]);
            ours(&["hook", "status"]).is(1, &["git runs: nothing"]);
            lab.git(&["config", "--unset", off]);
        }
        assert_eq!(
            new(&["config", "--get-all", "hook.sopsguard-pre-push.event"]).text,
            "pre-push\n"
        );
        ours(&["hook", "install"]).is(0, &["run sopsguard twice"]);
        ours(&["hook", "uninstall"]).is(0, &["still has the hook"]);
        ours(&[&["hook", "uninstall", "--git-config"], scope].concat())
            .is(0, &["removed hook.sopsguard-pre-commit"]);
        ours(&[&["hook", "uninstall", "--git-config"], scope].concat()).is(0, &["is not in the"]);
        ours(&["hook", "status"]).is(1, &[]);
    }
    // Without a repository there is only the user's own.
    let at = lab.base().join("home");
    let output = lab
        .command(&lab.program(), &at)
        .env("PATH", &path)
        .args(["hook", "install", "--git-config"])
        .output();
    Ran::of(&output.unwrap()).is(2, &["--global"]);
}

#[test]
fn every_command_that_help_shows_has_a_manual_page() {
    let lab = Lab::new();
    lab.run(&["man", "--dir", "pages"]).is(0, &[]);
    let pages = lab.top().join("pages");
    fn walk(lab: &Lab, words: &[&str], pages: &Path, seen: &mut Vec<String>) {
        let name = format!(
            "sopsguard{}.1",
            words.iter().map(|w| format!("-{w}")).collect::<String>()
        );
        let page = fs::read_to_string(pages.join(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(
            page.starts_with(".ie") && page.contains("EXIT STATUS"),
            "{name}"
        );
        seen.push(name);
        let help = lab.run(&[words, &["--help"]].concat());
        let below = help.text.split_once("\nCommands:\n").map(|(_, rest)| rest);
        let below = below
            .into_iter()
            .flat_map(|rest| rest.lines().take_while(|l| !l.is_empty()));
        for line in below.filter(|l| l.starts_with("  ") && !l.starts_with("   ")) {
            let word = line.split_whitespace().next().unwrap();
            walk(lab, &[words, &[word]].concat(), pages, seen);
        }
    }
    let mut seen = Vec::new();
    walk(&lab, &[], &pages, &mut seen);
    assert!(seen.len() > 10, "{seen:?}");
    seen.sort();
    assert_eq!(
        names(&pages),
        seen,
        "pages without a command that help shows"
    );
    lab.run(&["man"]).is(0, &[".TH SOPSGUARD 1"]);
}

#[test]
fn explain_says_when_there_is_no_such_file_or_check() {
    let lab = Lab::new();
    lab.run(&["explain", "plaintext-secrets"]).is(
        2,
        &[
            "no such file or check: plaintext-secrets",
            "did you mean `plaintext-secret`?",
        ],
    );
    lab.run(&["explain", "Plaintext_Secret"])
        .is(2, &["did you mean `plaintext-secret`?"]);
    lab.run(&["explain", "apps/prod/x.yaml"]).is(
        2,
        &["no such file or check: apps/prod/x.yaml; `sopsguard checks`"],
    );
}

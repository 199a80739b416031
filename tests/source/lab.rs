//! Repositories made by git, for the tests that read them; without the machine's configuration, with a pinned identity.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Repositories below a directory of their own.
pub(crate) struct Lab {
    pub(crate) dir: tempfile::TempDir,
}

impl Lab {
    /// A directory without a repository.
    pub(crate) fn bare_ground() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(init: &[&str]) -> Self {
        let lab = Self::bare_ground();
        std::fs::create_dir(lab.top()).unwrap();
        lab.git(&[&["init", "-q", "-b", "main"], init].concat());
        lab
    }

    pub(crate) fn top(&self) -> PathBuf {
        self.dir.path().join("top")
    }

    pub(crate) fn command(&self, at: &Path) -> Command {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.as_bytes().starts_with(b"GIT_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(at)
            .env("HOME", self.dir.path())
            .env("XDG_CONFIG_HOME", self.dir.path().join("xdg"));
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("LC_ALL", "C");
        command.envs([
            ("GIT_AUTHOR_NAME", "A"),
            ("GIT_AUTHOR_EMAIL", "a@example.org"),
        ]);
        command.envs([
            ("GIT_COMMITTER_NAME", "A"),
            ("GIT_COMMITTER_EMAIL", "a@example.org"),
        ]);
        command
            .env("GIT_AUTHOR_DATE", "@1700000000 +0000")
            .env("GIT_COMMITTER_DATE", "@1700000000 +0000");
        command.args(["-c", "protocol.file.allow=always", "-c", "gc.auto=0"]);
        command
    }

    pub(crate) fn git_in(&self, at: &Path, args: &[&str]) -> Vec<u8> {
        let output = self.command(at).args(args).output().unwrap();
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    pub(crate) fn git(&self, args: &[&str]) -> Vec<u8> {
        self.git_in(&self.top(), args)
    }

    /// For commands that may fail, like a merge with conflicts.
    pub(crate) fn git_try(&self, args: &[&str]) -> bool {
        self.command(&self.top())
            .args(args)
            .output()
            .unwrap()
            .status
            .success()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        self.write_bytes(path.as_bytes(), text.as_bytes());
    }

    pub(crate) fn write_bytes(&self, path: &[u8], bytes: &[u8]) {
        let path = self.top().join(OsStr::from_bytes(path));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    /// Runs the program at the top, with Git's surroundings of these tests.
    pub(crate) fn scan(&self, args: &[&str]) -> std::process::Output {
        let git = self.command(&self.top());
        let mut command = Command::new(env!("CARGO_BIN_EXE_sopsguard"));
        command.current_dir(self.top()).args(args);
        for (name, value) in git.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.output().unwrap()
    }
}

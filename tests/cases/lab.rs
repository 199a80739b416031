//! Builds the repositories of `tests/cases/`; shared by the tests that walk them.
//!
//! A case is `<check>/<name>/` with `repo/` (the files as committed), perhaps `head/` (what HEAD holds where that differs:
//! `repo/` is then what lies on disk), `past/1/`, `past/2/`… (what earlier commits held) and `index/` (what is staged, where that differs from HEAD), `args` (further arguments, one a line) and `expected.txt`. A part of a path that
//! begins with `dot_` is built with a dot in its place, so that neither Git, nor sops, nor an editor takes a fixture for
//! its own file. Nothing of the machine is seen: no configuration of Git, no variable of Git or sops.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

/// One folder.
#[derive(Clone, Debug)]
pub struct Case {
    /// The check it is about.
    pub check: String,
    /// Its own name.
    pub name: String,
    /// Where it stands.
    pub dir: PathBuf,
}

impl Case {
    /// `check/name`
    pub fn id(&self) -> String {
        format!("{}/{}", self.check, self.name)
    }

    /// Whether it waits for a decision or a repair.
    pub fn is_pending(&self) -> bool {
        self.name.starts_with("pending-")
    }

    /// Further arguments.
    pub fn args(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.dir.join("args")).unwrap_or_default();
        text.lines()
            .filter(|l| !l.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// What is expected, as it stands.
    pub fn expected(&self) -> String {
        std::fs::read_to_string(self.dir.join("expected.txt")).unwrap_or_default()
    }
}

/// The folder of all cases.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Folders in a folder, in order.
pub fn folders(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap())
        .filter(|e| e.file_type().unwrap().is_dir())
        .map(|e| e.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// All cases, in order.
pub fn cases() -> Vec<Case> {
    let root = root();
    let mut out = Vec::new();
    for check in folders(&root) {
        for name in folders(&root.join(&check)) {
            let dir = root.join(&check).join(&name);
            out.push(Case {
                check: check.clone(),
                name,
                dir,
            });
        }
    }
    out
}

/// A repository on disk, removed when dropped.
pub struct Built {
    ground: TempDir,
}

impl Built {
    /// An empty repository.
    pub fn new() -> Self {
        let built = Self {
            ground: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(built.top()).unwrap();
        built.git(&["init", "-q", "--template=", "-b", "main"]);
        built
    }

    /// The repository of a case.
    pub fn of(case: &Case) -> Self {
        let built = Self::new();
        let (repo, head) = (case.dir.join("repo"), case.dir.join("head"));
        let past = case.dir.join("past");
        let mut before = BTreeSet::new();
        if past.is_dir() {
            for version in folders(&past) {
                before = built.replace(&past.join(version), &before);
            }
        }
        if head.is_dir() {
            let mut committed = built.lay(&head);
            built.commit();
            let index = case.dir.join("index");
            if index.is_dir() {
                let staged = built.lay(&index);
                for gone in committed.difference(&staged) {
                    std::fs::remove_file(built.top().join(gone)).unwrap();
                }
                built.git(&["add", "-A", "-f"]);
                committed = staged;
            }
            let on_disk = built.lay(&repo);
            for gone in committed.difference(&on_disk) {
                std::fs::remove_file(built.top().join(gone)).unwrap();
            }
        } else {
            built.replace(&repo, &before);
        }
        built
    }

    /// Puts the files of a folder in the place of those that were there before, commits, and tells their names.
    pub fn replace(&self, from: &Path, before: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        let now = self.lay(from);
        self.remove(before, &now);
        self.commit();
        now
    }

    /// Takes away what was there and is no more.
    fn remove(&self, before: &BTreeSet<PathBuf>, now: &BTreeSet<PathBuf>) {
        for gone in before.difference(now) {
            std::fs::remove_file(self.top().join(gone)).unwrap();
        }
    }

    /// The top of the worktree.
    pub fn top(&self) -> PathBuf {
        self.ground.path().join("top")
    }

    /// Puts the files of a folder there and tells their names.
    fn lay(&self, from: &Path) -> BTreeSet<PathBuf> {
        let mut names = BTreeSet::new();
        let mut open = vec![(from.to_owned(), PathBuf::new())];
        while let Some((dir, to)) = open.pop() {
            let entries =
                std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
            for entry in entries.map(|e| e.unwrap()) {
                let name = entry.file_name().into_string().unwrap();
                let real = name
                    .strip_prefix("dot_")
                    .map_or(name.clone(), |rest| format!(".{rest}"));
                let to = to.join(real);
                if entry.file_type().unwrap().is_dir() {
                    open.push((entry.path(), to));
                } else {
                    let target = self.top().join(&to);
                    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
                    std::fs::write(target, std::fs::read(entry.path()).unwrap()).unwrap();
                    names.insert(to);
                }
            }
        }
        names
    }

    /// Commits all there is.
    pub fn commit(&self) {
        self.git(&["add", "-A", "-f"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "kumquat"]);
    }

    /// Runs git.
    pub fn git(&self, args: &[&str]) {
        let mut command = self.scrubbed("git");
        command
            .args([
                "-c",
                "gc.auto=0",
                "-c",
                "core.autocrlf=false",
                "-c",
                "core.fsync=none",
            ])
            .args(args);
        let out = command.output().expect("git runs");
        assert!(
            out.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    }

    /// A program that starts at the top and sees nothing of this machine.
    pub fn scrubbed(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        for name in ["PATH", "SystemRoot", "TEMP", "TMP", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.current_dir(self.top()).envs([
            ("HOME", self.ground.path().to_str().unwrap()),
            ("LC_ALL", "C"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            (
                "GIT_CONFIG_GLOBAL",
                self.ground.path().join("no-config").to_str().unwrap(),
            ),
            ("GIT_AUTHOR_NAME", "A"),
            ("GIT_AUTHOR_EMAIL", "a@example.org"),
            ("GIT_AUTHOR_DATE", "@1700000000 +0000"),
            ("GIT_COMMITTER_NAME", "A"),
            ("GIT_COMMITTER_EMAIL", "a@example.org"),
            ("GIT_COMMITTER_DATE", "@1700000000 +0000"),
        ]);
        command
    }
}

/// Does something for each item, in as many threads as there are cores.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism()
        .map_or(2, |n| n.get())
        .min(items.len().max(1));
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let worker = || {
            let mut mine = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(at) else {
                    return mine;
                };
                mine.push((at, work(item)));
            }
        };
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        handles
            .into_iter()
            .flat_map(|h| h.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
            .collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, r)| r).collect()
}

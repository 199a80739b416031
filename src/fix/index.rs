//! The index: what is staged is replaced by its encrypted form, entry by entry and all at once.
//!
//! Git's own plumbing writes it, so that an index of any kind (split, sparse, of a commit that is being made) stays what it
//! is: `hash-object` without filters, `update-index --index-info`. Hooks, filters and watchers of the repository do not
//! run, and nothing is fetched. Modes stay; nothing is added that was not staged. See `git help update-index`.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use crate::exec::{Call, Program};
use crate::git::{GitEnv, OidKind, Repo};
use crate::model::RepoPath;

/// An entry of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: RepoPath,
    /// The object, in hex.
    pub id: String,
    executable: bool,
    bits: Bits,
}

/// Marks of an entry that replacing it takes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bits {
    skip_worktree: bool,
    assume_unchanged: bool,
}

/// Why the index is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// There is no git.
    NoGit,
    /// Another process holds it.
    Locked,
    /// An entry is not what was judged any more.
    Changed,
    /// Git failed.
    Failed,
}

impl Left {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoGit => "git is needed to write the index, and there is none in PATH",
            Self::Locked => "the index is locked by another process",
            Self::Changed => "the index was changed meanwhile; run `sopsguard fix --staged` again",
            Self::Failed => "git could not write the index",
        }
    }
}

/// Git, for one index.
pub struct Index {
    git: Program,
    env: Vec<(OsString, OsString)>,
    root: std::path::PathBuf,
}

/// Switched off for each call.
const QUIET: [&str; 6] = [
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "protocol.allow=never",
];

/// Longest time that git may take.
const LIMIT: Duration = Duration::from_secs(60);

impl Index {
    /// Finds git, in `search` and outside of the repository.
    pub fn new(
        repo: &Repo,
        env: &GitEnv,
        search: &[std::path::PathBuf],
        home: Option<OsString>,
    ) -> Result<Self, Left> {
        let [own, common] = repo.git_dirs();
        let git = Program::find("git", search, &[repo.root(), own, common]).ok_or(Left::NoGit)?;
        let mut all: Vec<(OsString, OsString)> = vec![
            ("GIT_DIR".into(), own.into()),
            ("GIT_WORK_TREE".into(), repo.root().into()),
            ("GIT_INDEX_FILE".into(), repo.index_path().into()),
            ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
            ("GIT_CONFIG_GLOBAL".into(), null().into()),
            ("GIT_NO_LAZY_FETCH".into(), "1".into()),
            ("GIT_TERMINAL_PROMPT".into(), "0".into()),
            ("LC_ALL".into(), "C".into()),
        ];
        if let Some(dir) = &env.object_directory {
            all.push(("GIT_OBJECT_DIRECTORY".into(), dir.into()));
        }
        all.extend(home.map(|home| ("HOME".into(), home)));
        let mut index = Self {
            git,
            env: all,
            root: repo.root().to_owned(),
        };
        index.without_filters()?;
        Ok(index)
    }

    /// Git compares files that changed in the moment in which the index is written, and runs the filters of the repository
    /// for it. Each that is configured is switched off by name.
    fn without_filters(&mut self) -> Result<(), Left> {
        let args = ["config", "-z", "--name-only", "--get-regexp", "^filter\\."];
        let names = match self.answer(&args, b"")? {
            (Some(0), out) => out,
            // None is configured.
            (Some(1), _) => return Ok(()),
            _ => return Err(Left::Failed),
        };
        let names = names.split(|b| *b == 0).filter(|name| !name.is_empty());
        let mut count = 0;
        let mut more: Vec<(OsString, OsString)> = Vec::new();
        for name in names {
            let name = std::str::from_utf8(name).map_err(|_| Left::Failed)?;
            let value = if name.ends_with(".required") {
                "false"
            } else {
                ""
            };
            more.push((format!("GIT_CONFIG_KEY_{count}").into(), name.into()));
            more.push((format!("GIT_CONFIG_VALUE_{count}").into(), value.into()));
            count += 1;
        }
        more.push(("GIT_CONFIG_COUNT".into(), count.to_string().into()));
        self.env.extend(more);
        Ok(())
    }

    fn ask(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>, Left> {
        match self.answer(args, input)? {
            (Some(0), out) => Ok(out),
            _ => Err(Left::Failed),
        }
    }

    fn answer(&self, args: &[&str], input: &[u8]) -> Result<(Option<i32>, Vec<u8>), Left> {
        let args: Vec<&str> = QUIET.iter().chain(args).copied().collect();
        let call = Call {
            args: &args,
            env: &self.env,
            dir: &self.root,
            input,
            most: 1 << 20,
            limit: LIMIT,
            // The index is written in a moment, and is whole before and after.
            stop: None,
        };
        let answer = self.git.pipe(&call).map_err(|_| Left::Failed)?;
        match answer.code {
            Some(0) => Ok((answer.code, answer.out.to_vec())),
            _ if memchr::memmem::find(&answer.err, b".lock").is_some() => Err(Left::Locked),
            code => Ok((code, answer.out.to_vec())),
        }
    }

    /// Writes an object; gives its id.
    pub fn write(&self, bytes: &[u8]) -> Result<String, Left> {
        let out = self.ask(
            &["hash-object", "-t", "blob", "-w", "--no-filters", "--stdin"],
            bytes,
        )?;
        let id = String::from_utf8_lossy(&out).trim().to_owned();
        let sound = id.len() >= 40 && id.bytes().all(|b| b.is_ascii_hexdigit());
        sound.then_some(id).ok_or(Left::Failed)
    }

    /// Gives entries other objects, all or none.
    pub fn update(&self, entries: &[(&Entry, &str)]) -> Result<(), Left> {
        let mut input = Vec::new();
        for (entry, id) in entries {
            let mode = if entry.executable { "100755" } else { "100644" };
            input.extend_from_slice(format!("{mode} {id} 0\t").as_bytes());
            input.extend_from_slice(entry.path.as_bytes());
            input.push(0);
        }
        self.ask(&["update-index", "-z", "--index-info"], &input)?;
        // A file that a sparse checkout leaves out would else read as deleted.
        self.mark("--skip-worktree", entries, |bits| bits.skip_worktree)?;
        self.mark("--assume-unchanged", entries, |bits| bits.assume_unchanged)
    }

    fn mark(
        &self,
        option: &str,
        entries: &[(&Entry, &str)],
        is: fn(&Bits) -> bool,
    ) -> Result<(), Left> {
        let mut input = Vec::new();
        for (entry, _) in entries.iter().filter(|(entry, _)| is(&entry.bits)) {
            input.extend_from_slice(entry.path.as_bytes());
            input.push(0);
        }
        if input.is_empty() {
            return Ok(());
        }
        self.ask(&["update-index", option, "-z", "--stdin"], &input)
            .map(drop)
    }
}

fn null() -> &'static Path {
    Path::new(if cfg!(windows) { "NUL" } else { "/dev/null" })
}

/// The staged entry of a path: a regular file, not in conflict.
pub fn entry(repo: &Repo, path: &RepoPath) -> Option<Entry> {
    let index = repo.staged_index().ok()?;
    let at = index.find(path.as_bytes())?;
    let executable = match index.kind(at) {
        OidKind::Blob => false,
        OidKind::Executable => true,
        _ => return None,
    };
    if index.stage(at) != 0 || index.intent_to_add(at) {
        return None;
    }
    Some(Entry {
        path: path.clone(),
        id: index.id(at).to_string(),
        executable,
        bits: bits(repo, path),
    })
}

/// Those whose staged entries still are these blobs.
pub fn holding(repo: &Repo, files: &[(&RepoPath, &str)]) -> Vec<RepoPath> {
    let Ok(index) = repo.staged_index() else {
        return Vec::new();
    };
    let holds = |(path, id): &&(&RepoPath, &str)| {
        let at = index.find(path.as_bytes());
        let now = at.map(|at| index.id(at).to_string());
        now.as_deref() == Some(*id)
    };
    let held = files.iter().filter(holds);
    held.map(|(path, _)| (*path).clone()).collect()
}

fn bits(repo: &Repo, path: &RepoPath) -> Bits {
    let Ok(index) = repo.index() else {
        return Bits::default();
    };
    let found = index.find(path.as_bytes(), 0..index.len());
    found.map_or_else(Bits::default, |at| {
        let entry = index.entry(at);
        Bits {
            skip_worktree: entry.skip_worktree,
            assume_unchanged: entry.assume_unchanged,
        }
    })
}

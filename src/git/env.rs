//! Git's own environment variables, as data.
//!
//! The only place of this room that reads the environment; `git help git`, "Environment Variables", says what each means.
//! Hooks and CI set them, so they must be followed; tests build a [`GitEnv`] by hand and so see nothing of the machine
//! they run on. Not here: variables that change objects (`GIT_OBJECT_DIRECTORY`) or name programs.

use std::ffi::OsString;
use std::path::PathBuf;

/// Which repository the environment asks for, and whether the user's own Git configuration counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitEnv {
    /// `GIT_DIR`: the repository, instead of looking for one.
    pub git_dir: Option<PathBuf>,
    /// `GIT_WORK_TREE`: the top of the worktree.
    pub work_tree: Option<PathBuf>,
    /// `GIT_INDEX_FILE`: the index, relative to the top of the worktree.
    pub index_file: Option<PathBuf>,
    /// `GIT_CEILING_DIRECTORIES`: looking for a repository stops below these.
    pub ceiling_directories: Vec<PathBuf>,
    /// `GIT_DISCOVERY_ACROSS_FILESYSTEM`: looking for a repository may leave the file system.
    pub across_filesystems: bool,
    /// Whether system and user configuration of Git is read (for `core.excludesFile` and the like).
    pub user_config: bool,
    /// The ignore file that holds when `core.excludesFile` is not set: `git/ignore` in the configuration directory.
    pub default_excludes: Option<PathBuf>,
}

impl GitEnv {
    /// What the environment of this process says.
    pub fn from_env() -> Self {
        let config_home =
            path("XDG_CONFIG_HOME").or_else(|| path("HOME").map(|home| home.join(".config")));
        Self {
            git_dir: path("GIT_DIR"),
            work_tree: path("GIT_WORK_TREE"),
            index_file: path("GIT_INDEX_FILE"),
            ceiling_directories: value("GIT_CEILING_DIRECTORIES")
                .map(|list| {
                    std::env::split_paths(&list)
                        .filter(|p| p.is_absolute())
                        .collect()
                })
                .unwrap_or_default(),
            across_filesystems: value("GIT_DISCOVERY_ACROSS_FILESYSTEM")
                .is_some_and(|v| is_true(&v)),
            user_config: true,
            default_excludes: config_home.map(|dir| dir.join("git").join("ignore")),
        }
    }
}

fn value(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn path(name: &str) -> Option<PathBuf> {
    value(name).map(PathBuf::from)
}

fn is_true(value: &OsString) -> bool {
    value
        .to_str()
        .is_some_and(|v| matches!(v.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on"))
}

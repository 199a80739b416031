//! Git's own environment variables, as data.
//!
//! The only place of this room that reads the environment; `git help git`, "Environment Variables", says what each means.
//! Hooks and CI set them, so they must be followed; tests build a [`GitEnv`] by hand and so see nothing of the machine
//! they run on. Not here: variables that name programs.

use std::ffi::OsString;
use std::path::PathBuf;

use gix::bstr::{BStr, ByteSlice};

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
    /// `GIT_OBJECT_DIRECTORY`: where objects are, instead of in the repository. A receiving server sets it to what a push
    /// brought and what is not yet accepted.
    pub object_directory: Option<PathBuf>,
    /// `GIT_ALTERNATE_OBJECT_DIRECTORIES`: where else objects are.
    pub alternate_object_directories: Vec<PathBuf>,
    /// `GIT_QUARANTINE_PATH`: set while the objects of a push are not yet accepted. Nothing depends on it.
    pub quarantine: Option<PathBuf>,
    /// `GIT_NAMESPACE`: the part of the references that a server shows. Nothing depends on it: all references are read,
    /// as by `git rev-list --all`.
    pub namespace: Option<OsString>,
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
            object_directory: path("GIT_OBJECT_DIRECTORY"),
            alternate_object_directories: value("GIT_ALTERNATE_OBJECT_DIRECTORIES")
                .map(|list| path_list(&list))
                .unwrap_or_default(),
            quarantine: path("GIT_QUARANTINE_PATH"),
            namespace: value("GIT_NAMESPACE"),
            across_filesystems: value("GIT_DISCOVERY_ACROSS_FILESYSTEM")
                .is_some_and(|v| is_true(&v)),
            user_config: true,
            default_excludes: config_home.map(|dir| dir.join("git").join("ignore")),
        }
    }

    /// Whether the index is one that Git makes for a single commit: of `git commit -a` the lock of the usual one, of
    /// `git commit PATH` one with a name of its own. After a commit that was refused it is gone.
    pub fn has_temporary_index(&self) -> bool {
        let name = self.index_file.as_deref().and_then(|p| p.file_name());
        name.is_some_and(|n| {
            let name = n.to_string_lossy();
            name == "index.lock" || name.starts_with("next-index-")
        })
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

/// Paths between separators; one in double quotes is written as Git writes a string in C.
fn path_list(list: &OsString) -> Vec<PathBuf> {
    const SEPARATOR: u8 = if cfg!(windows) { b';' } else { b':' };
    let Some(mut rest) = super::name_bytes(list).map(|bytes| bytes.into_owned()) else {
        return std::env::split_paths(list).collect();
    };
    let mut out = Vec::new();
    while !rest.is_empty() {
        let quoted = (rest.first() == Some(&b'"'))
            .then(|| gix::quote::ansi_c::undo(BStr::new(&rest)).ok())
            .flatten()
            .map(|(path, used)| (path.to_vec(), used));
        let (path, used) = quoted.unwrap_or_else(|| {
            let end = rest.iter().position(|b| *b == SEPARATOR);
            let end = end.unwrap_or(rest.len());
            (rest[..end].to_vec(), end)
        });
        if !path.is_empty()
            && let Ok(path) = path.to_path()
        {
            out.push(path.to_owned());
        }
        // Behind a quote there may only be the separator.
        let next = rest[used..].iter().position(|b| *b == SEPARATOR);
        let next = next.map_or(rest.len(), |at| used + at + 1);
        rest.drain(..next);
    }
    out
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_paths_may_be_quoted() {
        let list = |text: &str| path_list(&OsString::from(text));
        assert_eq!(list(""), [""; 0].map(PathBuf::from));
        assert_eq!(
            list("/a:/b c::relative:"),
            ["/a", "/b c", "relative"].map(PathBuf::from)
        );
        assert_eq!(
            list(r#""/with:colon\t\"":/b:"unclosed:/c"#),
            ["/with:colon\t\"", "/b", "\"unclosed", "/c"].map(PathBuf::from)
        );
    }
}

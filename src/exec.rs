//! The only place that starts a program.
//!
//! A program is found once, by name, in absolute entries of a search path, and never inside a repository that is being
//! looked at; it is started by that absolute path with an explicit list of arguments and without a shell, without standard
//! input (`ask`) or through pipes (`piped`). Which programs there are is in the callers: `git`, for configuration hooks,
//! `hook status` and the index that `fix` writes, and `sops`, for decrypting and encrypting.

mod piped;

pub use piped::{Call, NoAnswer, Piped};

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
}

/// What a program answered.
#[derive(Debug)]
pub struct Answer {
    /// Its exit status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Program {
    /// The first `name` in `search` that is a file and may be executed. Relative entries are passed over, and so is what
    /// lies below one of `repositories` once links are followed: a repository must not bring its own programs.
    pub fn find(name: &str, search: &[PathBuf], repositories: &[&Path]) -> Option<Self> {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        search
            .iter()
            .filter(|dir| dir.is_absolute())
            .find_map(|dir| Self::at(&dir.join(&name), repositories))
    }

    /// The program at an absolute path, under the same terms.
    pub fn at(path: &Path, repositories: &[&Path]) -> Option<Self> {
        let real = std::fs::canonicalize(path).ok()?;
        let ours = path.is_absolute() && is_executable(&real) && !is_within(path, repositories);
        ours.then(|| Self {
            path: path.to_owned(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs it in `dir` and waits for its answer.
    pub fn ask<S: AsRef<OsStr>>(&self, dir: &Path, args: &[S]) -> std::io::Result<Answer> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the door to other programs"
        )]
        let mut command = Command::new(&self.path);
        let output = command
            .args(args)
            .current_dir(dir)
            .stdin(Stdio::null())
            .output()?;
        Ok(Answer {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

/// Whether a path lies below one of `repositories`, as it is written or once links are followed.
pub fn is_within(path: &Path, repositories: &[&Path]) -> bool {
    let real = std::fs::canonicalize(path);
    repositories.iter().any(|top| {
        let real_top = std::fs::canonicalize(top);
        let tops = [Some(*top), real_top.as_deref().ok()];
        tops.into_iter().flatten().any(|top| {
            path.starts_with(top) || real.as_ref().is_ok_and(|real| real.starts_with(top))
        })
    })
}

/// The entries of a search path that a program may be handed: absolute, outside of `repositories`, and without programs
/// whose names begin with `without`.
pub fn search_without(
    search: &[PathBuf],
    repositories: &[&Path],
    without: Option<&str>,
) -> Vec<PathBuf> {
    let has = |dir: &Path, prefix: &str| {
        std::fs::read_dir(dir).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|e| e.file_name().to_string_lossy().starts_with(prefix))
            })
        })
    };
    (search.iter())
        .filter(|dir| dir.is_absolute() && !is_within(dir, repositories))
        .filter(|dir| without.is_none_or(|prefix| !has(dir, prefix)))
        .cloned()
        .collect()
}

/// Whether the system would execute a file.
pub fn is_executable(path: &Path) -> bool {
    let Ok(meta) = std::fs::metadata(path) else {
        return false;
    };
    #[cfg(unix)]
    let allowed = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let allowed = true;
    meta.is_file() && allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_entries_and_repositories_give_no_program() {
        let top = tempfile::tempdir().unwrap();
        let top = std::fs::canonicalize(top.path()).unwrap();
        let inside = top.join("repository").join("bin");
        let outside = top.join("bin");
        for dir in [&inside, &outside] {
            std::fs::create_dir_all(dir).unwrap();
            let file = dir.join(format!("tool{}", std::env::consts::EXE_SUFFIX));
            std::fs::write(&file, "#!/bin/sh\n").unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        let repository = top.join("repository");
        let search = [PathBuf::from("bin"), inside.clone(), outside.clone()];
        let found = Program::find("tool", &search, &[&repository]).unwrap();
        assert_eq!(found.path().parent(), Some(outside.as_path()));
        assert_eq!(Program::find("tool", &search[..2], &[&repository]), None);
    }
}

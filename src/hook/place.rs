//! The hooks directory: where it really is, who else uses it, and whether it may be written.
//!
//! A repository cannot be trusted to say where to write: an unpacked archive may bring a `.git` whose `hooks` is a link, or
//! whose `core.hooksPath` points anywhere. What lies outside, and what a user's own configuration gives to all
//! repositories, needs consent.

use std::path::{Component, Path, PathBuf};

use super::{HookError, Manager};
use crate::git::{Hooks, Scope};

/// A hooks directory.
#[derive(Debug)]
pub(super) struct Place {
    /// Where it is, links followed; it need not exist.
    pub(super) dir: PathBuf,
    /// Whose it is.
    pub(super) reach: Reach,
    /// Who generates the files in it.
    pub(super) manager: Option<Manager>,
    said: PathBuf,
    shared: Option<Scope>,
}

/// Whose a hooks directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Git's own directory of this repository.
    Repository,
    /// Files of the worktree.
    Worktree,
    /// Somewhere else.
    Outside,
}

impl Place {
    /// The hooks directory of a repository.
    pub(super) fn of(hooks: &Hooks) -> Result<Self, HookError> {
        if hooks
            .path
            .as_ref()
            .is_some_and(|path| path.value.is_empty())
        {
            return Err(HookError::new(
                "core.hooksPath is set to nothing, so that Git runs no hook files",
            )
            .advise("git config --unset core.hooksPath"));
        }
        let dir = real(&hooks.dir).ok_or_else(|| {
            HookError::new(format!(
                "the hooks directory {} cannot be used",
                hooks.dir.display()
            ))
        })?;
        if dir.exists() && !dir.is_dir() {
            return Err(HookError::new(format!(
                "core.hooksPath is {}, which is no directory: Git runs no hook files",
                hooks.dir.display()
            )));
        }
        let reach = match &hooks.root {
            _ if dir.starts_with(&hooks.common_dir) => Reach::Repository,
            Some(root) if dir.starts_with(root) => Reach::Worktree,
            _ => Reach::Outside,
        };
        let shared = hooks
            .path
            .as_ref()
            .filter(|path| path.absolute && matches!(path.scope, Scope::System | Scope::Global));
        Ok(Self {
            manager: Manager::of_directory(&dir),
            reach,
            said: hooks.dir.clone(),
            shared: shared.map(|path| path.scope),
            dir,
        })
    }

    /// Refuses what other repositories use as well, or what lies elsewhere.
    pub(super) fn refuse_shared(&self) -> Result<(), HookError> {
        let dir = self.dir.display();
        let error = match self.shared {
            Some(scope) => HookError::new(format!(
                "core.hooksPath is {dir} for every repository (set in the {} configuration)",
                scope.as_str()
            )),
            None if self.reach == Reach::Outside && self.said != self.dir => {
                HookError::new(format!(
                    "the hooks directory {} leads out of this repository, to {dir}",
                    self.said.display()
                ))
            }
            None if self.reach == Reach::Outside => HookError::new(format!(
                "the hooks directory {dir} is outside of this repository"
            )),
            None => return Ok(()),
        };
        Err(error.advise("to write there all the same: --force"))
    }
}

/// Where the directory comes from, for the status.
pub(super) fn origin(hooks: &Hooks) -> String {
    match &hooks.path {
        Some(path) => format!(" (core.hooksPath, {} configuration)", path.scope.as_str()),
        None => String::new(),
    }
}

/// The path with links followed as far as it exists; what does not exist yet must go straight down.
fn real(path: &Path) -> Option<PathBuf> {
    let mut rest: Vec<Component<'_>> = Vec::new();
    let mut at = path;
    loop {
        if let Ok(found) = std::fs::canonicalize(at) {
            let mut out = found;
            out.extend(rest.iter().rev());
            return Some(out);
        }
        // A link that leads nowhere is not a directory to be made.
        if at.symlink_metadata().is_ok() {
            return None;
        }
        match at.components().next_back()? {
            part @ Component::Normal(_) => rest.push(part),
            _ => return None,
        }
        at = at.parent()?;
    }
}

//! One hook file: what stands there, and the few ways to change it.
//!
//! Nothing is written in place. A new script is written beside its place and moved there; a place that must be empty is
//! taken by a hard link, which fails if somebody else was faster. A symbolic link is moved as a link or not at all.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::shim::Shim;
use super::{Event, HookError, Manager, stops};

/// The place of a hook.
#[derive(Debug)]
pub(super) struct Slot {
    /// The hook.
    pub(super) path: PathBuf,
    /// Where a chained hook is kept.
    pub(super) before: PathBuf,
    /// What stands there.
    pub(super) found: Found,
    /// Whether Git would run it.
    pub(super) executable: bool,
}

/// What stands in the place of a hook.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A script of sopsguard.
    Ours(Shim),
    /// A script of somebody else.
    Foreign {
        /// Whether it calls sopsguard.
        calls: bool,
        /// Who generated it.
        manager: Option<Manager>,
    },
    /// A symbolic link.
    Link {
        /// Where it points, as it says.
        target: PathBuf,
        /// Whether it leads to a script beside it that calls sopsguard.
        calls: bool,
    },
    /// A directory, a device, or unreadable.
    Other,
}

/// No hook is longer; more is not read.
const LIMIT: u64 = 1 << 20;

impl Slot {
    /// Looks at the place of an event.
    pub(super) fn of(dir: &Path, event: &Event) -> Self {
        let path = dir.join(event.name);
        Self {
            found: look(&path, event),
            executable: crate::exec::is_executable(&path),
            before: dir.join(format!("{}.before-sopsguard", event.name)),
            path,
        }
    }

    /// Who generated what stands there.
    pub(super) fn manager(&self) -> Option<Manager> {
        match self.found {
            Found::Foreign { manager, .. } => manager,
            _ => None,
        }
    }

    /// Whether the manager runs a hook that stood here before it, and that one calls sopsguard. pre-commit and prek do.
    pub(super) fn kept_by_manager(&self, event: &Event) -> Option<PathBuf> {
        let keeps = matches!(self.manager(), Some(Manager::PreCommit | Manager::Prek));
        let kept = self.path.with_file_name(format!("{}.legacy", event.name));
        let ours = keeps
            && kept.symlink_metadata().is_ok_and(|meta| meta.is_file())
            && crate::exec::is_executable(&kept)
            && read(&kept).is_some_and(|bytes| said(&bytes, event));
        ours.then_some(kept)
    }

    /// Whether there is a chained hook.
    pub(super) fn is_chained(&self) -> bool {
        self.before.symlink_metadata().is_ok()
    }

    /// Writes the script into an empty place.
    pub(super) fn create(&self, script: &[u8]) -> Result<(), HookError> {
        let temporary = self.write(script)?;
        let linked = fs::hard_link(temporary.path(), &self.path);
        match linked {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(HookError::file(&self.path, &error))
            }
            Ok(()) => Ok(()),
            // No hard links here.
            Err(_) => temporary.move_to(&self.path),
        }
    }

    /// Replaces our own script.
    pub(super) fn replace(&self, script: &[u8]) -> Result<(), HookError> {
        self.write(script)?.move_to(&self.path)
    }

    /// Refuses where a hook is kept already.
    pub(super) fn refuse_second_chain(&self) -> Result<(), HookError> {
        if self.is_chained() {
            return Err(HookError::new(format!(
                "{} exists already, so that {} cannot be kept there",
                self.before.display(),
                self.path.display()
            ))
            .advise("join the two by hand, then install again"));
        }
        Ok(())
    }

    /// Keeps what stands there as `before` and writes the script into its place.
    pub(super) fn chain(&self, script: &[u8]) -> Result<(), HookError> {
        self.refuse_second_chain()?;
        let temporary = self.write(script)?;
        let kept = match self.found {
            // A hard link may follow the link.
            Found::Link { .. } => fs::rename(&self.path, &self.before),
            _ => fs::hard_link(&self.path, &self.before)
                .or_else(|_| fs::rename(&self.path, &self.before)),
        };
        kept.map_err(|error| HookError::file(&self.before, &error))?;
        temporary.move_to(&self.path).inspect_err(|_| {
            let _ = fs::rename(&self.before, &self.path);
        })
    }

    /// Takes our script away; whether a chained hook came back.
    pub(super) fn remove(&self) -> Result<bool, HookError> {
        let chained = self.is_chained();
        let done = match chained {
            true => fs::rename(&self.before, &self.path),
            false => fs::remove_file(&self.path),
        };
        done.map(|()| chained)
            .map_err(|error| HookError::file(&self.path, &error))
    }

    fn write(&self, script: &[u8]) -> Result<Temporary, HookError> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir).map_err(|error| HookError::file(dir, &error))?;
        let path = dir.join(format!(".sopsguard-{}.tmp", std::process::id()));
        let failed = |error: std::io::Error| HookError::file(&path, &error);
        let mut file = fs::File::create_new(&path).map_err(failed)?;
        let temporary = Temporary { path: path.clone() };
        file.write_all(script).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.set_permissions(fs::Permissions::from_mode(0o755))
                .map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        Ok(temporary)
    }
}

/// A file that is gone when it is not wanted any more.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    fn path(&self) -> &Path {
        &self.path
    }

    fn move_to(self, to: &Path) -> Result<(), HookError> {
        fs::rename(&self.path, to).map_err(|error| HookError::file(to, &error))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn look(path: &Path, event: &Event) -> Found {
    let Ok(meta) = path.symlink_metadata() else {
        return Found::Nothing;
    };
    if meta.is_symlink() {
        let target = fs::read_link(path).unwrap_or_default();
        // Only a link to a neighbour is looked through: elsewhere nothing is read.
        let mut parts = target.components();
        let beside = match (parts.next(), parts.next()) {
            (Some(std::path::Component::Normal(name)), None) => Some(path.with_file_name(name)),
            _ => None,
        };
        let calls = beside
            .filter(|p| p.symlink_metadata().is_ok_and(|m| m.is_file()))
            .and_then(|p| read(&p))
            .is_some_and(|text| said(&text, event));
        return Found::Link { target, calls };
    }
    if !meta.is_file() {
        return Found::Other;
    }
    let Some(bytes) = read(path) else {
        return Found::Other;
    };
    match Shim::read(bytes, event) {
        Ok(shim) => Found::Ours(shim),
        Err(bytes) => Found::Foreign {
            calls: said(&bytes, event),
            manager: Manager::generated(&bytes),
        },
    }
}

fn said(bytes: &[u8], event: &Event) -> bool {
    stops(&String::from_utf8_lossy(bytes), event) || Shim::read(bytes.to_vec(), event).is_ok()
}

/// The start of a regular file.
pub(super) fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

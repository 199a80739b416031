//! Where Git looks for hooks, and which hooks its configuration names. Read only; nothing of it is run.
//!
//! Follows `git help githooks`, `core.hooksPath` in `git help config`, and `git help hook` of Git 2.55 for the hooks that
//! stand in the configuration. A relative `core.hooksPath` counts from where the hook runs: the top of the worktree, or
//! the repository itself when it is bare. Without it, hooks are in the directory that all worktrees share.

use std::path::{Path, PathBuf};

use gix::config::Source;

use super::env::GitEnv;
use super::repo::{self, GitError};

/// The hooks of a repository, as Git sees them.
#[derive(Clone, Debug)]
pub struct Hooks {
    /// The top of the worktree, without symbolic links; `None` when there is none.
    pub root: Option<PathBuf>,
    /// The repository's own directory, which all its worktrees share.
    pub common_dir: PathBuf,
    /// Where Git looks for hook files; it need not exist.
    pub dir: PathBuf,
    /// What `core.hooksPath` says, where it is set.
    pub path: Option<HooksPath>,
    /// Hooks of the configuration, in the order in which Git runs them.
    pub named: Vec<NamedHook>,
}

/// A `core.hooksPath`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HooksPath {
    /// As it stands in the configuration.
    pub value: String,
    /// Whether it is the same directory for every repository that reads it.
    pub absolute: bool,
    /// Where it is set.
    pub scope: Scope,
}

/// Where a part of the configuration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All users of the machine.
    System,
    /// All repositories of the user.
    Global,
    /// This repository.
    Local,
    /// This worktree.
    Worktree,
    /// The environment, or an option of the command.
    Command,
}

impl Scope {
    /// As `git config --show-scope` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Global => "global",
            Self::Local => "local",
            Self::Worktree => "worktree",
            Self::Command => "command",
        }
    }

    fn of(source: Source) -> Self {
        match source {
            Source::GitInstallation | Source::System => Self::System,
            Source::Git | Source::User => Self::Global,
            Source::Local => Self::Local,
            Source::Worktree => Self::Worktree,
            Source::Env | Source::Cli | Source::Api | Source::EnvOverride => Self::Command,
        }
    }
}

/// A hook of the configuration: `hook.<name>.*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedHook {
    /// Its name.
    pub name: String,
    /// What Git hands to the shell.
    pub command: Option<String>,
    /// When it runs.
    pub events: Vec<String>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Where its command is set.
    pub scope: Scope,
}

impl Hooks {
    /// The hooks of the repository that the environment names or that `dir` lies in; `None` when there is none.
    pub fn discover(dir: &Path, env: &GitEnv) -> Result<Option<Self>, GitError> {
        let Some(found) = repo::found(dir, env)? else {
            return Ok(None);
        };
        let repository = repo::open(&found, env)?.to_thread_local();
        let root = match repo::worktree(&repository, &found, dir, env) {
            Ok(root) => Some(root),
            Err(GitError::Bare(_)) => None,
            Err(error) => return Err(error),
        };
        let common_dir = repo::absolute(repository.common_dir());
        let config = repository.config_snapshot();
        let path = hooks_path(config.plumbing());
        let named_dir = match path {
            None => None,
            Some(_) => config
                .trusted_path("core.hooksPath")
                .map_err(|error| GitError::Open {
                    path: common_dir.clone(),
                    reason: format!("core.hooksPath: {error}"),
                })?,
        };
        let start = root.as_deref().unwrap_or(&common_dir);
        let path = path.map(|(value, scope)| HooksPath {
            value,
            absolute: named_dir.as_ref().is_some_and(|dir| dir.is_absolute()),
            scope,
        });
        Ok(Some(Self {
            dir: match (&path, named_dir) {
                (None, _) => common_dir.join("hooks"),
                // Git puts a slash and the name of the hook behind the value, so an empty one is the root of all.
                (Some(path), _) if path.value.is_empty() => PathBuf::from("/"),
                (Some(_), named) => start.join(named.unwrap_or_default()),
            },
            named: named(config.plumbing()),
            path,
            root,
            common_dir,
        }))
    }

    /// Hooks of the configuration that Git runs for an event.
    pub fn named_for<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a NamedHook> {
        // `hook.<event>.enabled` switches off all hooks of the event that stand in the configuration.
        let all = self
            .named
            .iter()
            .find(|hook| hook.name == event)
            .is_none_or(|hook| hook.enabled);
        self.named
            .iter()
            .filter(move |hook| all && hook.enabled && hook.events.iter().any(|e| e == event))
    }
}

fn hooks_path(config: &gix::config::File) -> Option<(String, Scope)> {
    let mut last = None;
    for section in config.sections_by_name("core").into_iter().flatten() {
        if section.header().subsection_name().is_none()
            && let Some(value) = section.value("hooksPath")
        {
            last = Some((value.to_string(), Scope::of(section.meta().source)));
        }
    }
    last
}

fn named(config: &gix::config::File) -> Vec<NamedHook> {
    let mut out: Vec<NamedHook> = Vec::new();
    for section in config.sections_by_name("hook").into_iter().flatten() {
        let Some(name) = section.header().subsection_name() else {
            continue;
        };
        let name = name.to_string();
        let at = out.iter().position(|hook| hook.name == name);
        let at = at.unwrap_or_else(|| {
            out.push(NamedHook {
                name,
                command: None,
                events: Vec::new(),
                enabled: true,
                scope: Scope::of(section.meta().source),
            });
            out.len() - 1
        });
        let hook = &mut out[at];
        if let Some(command) = section.value("command") {
            hook.command = Some(command.to_string());
            hook.scope = Scope::of(section.meta().source);
        }
        for event in section.values("event") {
            if event.is_empty() {
                hook.events.clear();
            } else {
                hook.events.push(event.to_string());
            }
        }
        if let Some(enabled) = section.value("enabled") {
            let off = ["false", "no", "off", "0", ""];
            hook.enabled = !off.contains(&enabled.to_string().to_ascii_lowercase().as_str());
        }
    }
    out
}

//! Hooks that stand in Git's configuration: `hook.<name>.command` and `hook.<name>.event`, since Git 2.54.
//!
//! Older versions pass such a section over without a word, so for them it is refused. The configuration is edited by the
//! user's own `git config`, which knows locks, links and includes. Each event has a name of its own, because Git does not
//! tell the command for which event it runs; a command without an event does nothing, an event without a command stops
//! every commit, and so the command is written first.

use std::path::Path;

use super::{HookError, Machine, Report, Side, events, quoted, worktree_for};
use crate::exec::{Answer, Program};
use crate::git::{Hooks, Scope};

/// The first version of Git that runs them.
pub(super) const SINCE: (u32, u32) = (2, 54);

/// Writes the hooks into the configuration of the repository, or of the user when there is none given.
pub fn config_install(
    hooks: Option<&Hooks>,
    side: Side,
    global: bool,
    machine: &Machine,
    dir: &Path,
) -> Result<Report, HookError> {
    let git = git(hooks, machine)?;
    let (major, minor) = version(&git)?;
    if (major, minor) < SINCE {
        return Err(HookError::new(format!(
            "git {major}.{minor} ignores hooks in its configuration: they need 2.54 or newer"
        ))
        .advise("install a hook file instead: sopsguard hook install"));
    }
    let scope = scope(hooks, global)?;
    let mut report = Report {
        guarded: true,
        ..Report::default()
    };
    for event in events(side) {
        if let Some(hooks) = hooks.filter(|_| !global) {
            worktree_for(hooks, event)?;
        }
        let name = format!("hook.sopsguard-{}", event.name);
        let program = machine.program.as_deref().and_then(quoted);
        let command = match program.as_ref().and_then(|p| p.to_str()) {
            // Git puts its arguments behind the command.
            Some(program) => format!("{program} hook run {}", event.name),
            None => format!("sopsguard hook run {}", event.name),
        };
        for (key, value) in [("command", command.as_str()), ("event", event.name)] {
            let key = format!("{name}.{key}");
            let answer = ask(&git, dir, &["config", scope, "--replace-all", &key, value])?;
            if answer.code != Some(0) {
                return Err(HookError::new(format!(
                    "git config failed: {}",
                    answer.err.trim()
                )));
            }
        }
        report.say(format!(
            "installed {name} in the {} configuration",
            &scope[2..]
        ));
        if hooks.is_some_and(|h| h.named.iter().any(|n| n.name == event.name && !n.enabled)) {
            report.say(format!(
                "hook.{}.enabled is false: Git runs none of these hooks",
                event.name
            ));
            report.guarded = false;
        }
    }
    Ok(report)
}

/// Takes the hooks out of the configuration.
pub fn config_uninstall(
    hooks: Option<&Hooks>,
    side: Side,
    global: bool,
    machine: &Machine,
    dir: &Path,
) -> Result<Report, HookError> {
    let git = git(hooks, machine)?;
    let scope = scope(hooks, global)?;
    let mut report = Report::default();
    for event in events(side) {
        let name = format!("hook.sopsguard-{}", event.name);
        let key = format!("{name}.command");
        if ask(&git, dir, &["config", scope, "--get-all", &key])?.code != Some(0) {
            report.say(format!(
                "{name} is not in the {} configuration",
                &scope[2..]
            ));
            continue;
        }
        let answer = ask(&git, dir, &["config", scope, "--remove-section", &name])?;
        if answer.code != Some(0) {
            return Err(HookError::new(format!(
                "git config failed: {}",
                answer.err.trim()
            )));
        }
        report.say(format!(
            "removed {name} from the {} configuration",
            &scope[2..]
        ));
        let elsewhere = hooks.into_iter().flat_map(|h| &h.named).find(|h| {
            name.ends_with(&h.name) && h.scope != if global { Scope::Global } else { Scope::Local }
        });
        if let Some(hook) = elsewhere {
            report.say(format!(
                "it is in the {} configuration as well",
                hook.scope.as_str()
            ));
        }
    }
    Ok(report)
}

/// The version of a `git`.
pub(super) fn version(git: &Program) -> Result<(u32, u32), HookError> {
    let answer = ask(git, Path::new("/"), &["version"])?;
    parse(&answer.out).ok_or_else(|| {
        HookError::new(format!(
            "{} does not tell its version",
            git.path().display()
        ))
    })
}

/// `git version 2.39.5 (Apple Git-154)`
fn parse(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("git version ")?.split('.');
    Some((
        parts.next()?.parse().ok()?,
        parts.next()?.trim().parse().ok()?,
    ))
}

fn git(hooks: Option<&Hooks>, machine: &Machine) -> Result<Program, HookError> {
    machine.git(hooks).ok_or_else(|| {
        HookError::new("no git was found on PATH, which edits its own configuration")
    })
}

fn scope(hooks: Option<&Hooks>, global: bool) -> Result<&'static str, HookError> {
    match (hooks, global) {
        (_, true) => Ok("--global"),
        (Some(_), false) => Ok("--local"),
        (None, false) => Err(HookError::new("there is no Git repository here")
            .advise("for all repositories of this user: --git-config --global")),
    }
}

fn ask(git: &Program, dir: &Path, args: &[&str]) -> Result<Answer, HookError> {
    git.ask(dir, args)
        .map_err(|error| HookError::new(format!("cannot run {}: {error}", git.path().display())))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn versions_of_all_makers_are_read() {
        for (text, version) in [
            ("git version 2.39.5\n", Some((2, 39))),
            ("git version 2.50.1 (Apple Git-155)\n", Some((2, 50))),
            ("git version 2.54.0.windows.1\n", Some((2, 54))),
            ("git version 2.55.GIT\n", Some((2, 55))),
            ("git version 3.0\n", Some((3, 0))),
            ("hub version 2\n", None),
        ] {
            assert_eq!(parse(text), version, "{text}");
        }
    }
}

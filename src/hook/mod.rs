//! Puts the guard into Git's hooks, takes it away, and tells whether it is there.
//!
//! What stands in a hooks directory belongs to the user: a hook that exists is refused or chained, never overwritten, a
//! symbolic link is never written through, files that a hook manager generated are left to it. Facts about the repository
//! come from `git`; what the hook does when it runs is `cli`'s. Nothing that a repository names is executed: the only
//! program is the user's own `git`, for hooks in the configuration. `docs/hooks.md` says the same for users.

mod config;
mod manager;
mod place;
mod shim;
mod slot;

pub use config::{config_install, config_uninstall};
pub use manager::Manager;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::exec::Program;
use crate::git::Hooks;
use place::{Place, Reach};
use shim::Shim;
use slot::{Found, Slot};

/// A hook that can be installed. A new one is a template in `hooks/` and a line in [`EVENTS`].
#[derive(Debug)]
pub struct Event {
    /// As Git calls it.
    pub name: &'static str,
    /// The script, as it stands in `hooks/`.
    template: &'static str,
    /// Whether it looks at files of a worktree.
    needs_worktree: bool,
    /// Where it runs.
    side: Side,
    /// Whether a repository without it is not guarded. What no hook manager was told does not keep one from the rest.
    needed: bool,
}

/// Where a hook runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// Where commits are made and pushed from.
    #[default]
    Client,
    /// Where pushes arrive.
    Server,
}

/// What `hook run` can do, and so what `install` installs.
pub static EVENTS: [Event; 3] = [
    Event {
        name: "pre-commit",
        template: include_str!("../../hooks/pre-commit"),
        needs_worktree: true,
        side: Side::Client,
        needed: true,
    },
    Event {
        name: "pre-push",
        template: include_str!("../../hooks/pre-push"),
        needs_worktree: false,
        side: Side::Client,
        needed: false,
    },
    Event {
        name: "pre-receive",
        template: include_str!("../../hooks/pre-receive"),
        needs_worktree: false,
        side: Side::Server,
        needed: true,
    },
];

/// The hooks of a side.
fn events(side: Side) -> impl Iterator<Item = &'static Event> {
    EVENTS.iter().filter(move |event| event.side == side)
}

/// What the machine has, found by the caller.
#[derive(Debug, Default)]
pub struct Machine {
    /// Where this program is and will stay, for the hook to name it.
    pub program: Option<PathBuf>,
    /// The entries of `PATH`.
    pub search: Vec<PathBuf>,
}

impl Machine {
    fn git(&self, hooks: Option<&Hooks>) -> Option<Program> {
        let tops: Vec<&Path> = hooks
            .iter()
            .flat_map(|h| h.root.as_deref().into_iter().chain([&*h.common_dir]))
            .collect();
        Program::find("git", &self.search, &tops)
    }
}

/// What `install` may do beyond the plain case.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consent {
    /// Keep a foreign hook and call it first.
    pub chain: bool,
    /// Write into directories outside of the repository, beside a hook manager, and over our own edited hook.
    pub force: bool,
}

/// Why a hook cannot be installed or taken away.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct HookError {
    message: String,
    /// What to do, line by line.
    pub advice: Vec<String>,
}

impl HookError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            advice: Vec::new(),
        }
    }

    fn advise(mut self, line: impl Into<String>) -> Self {
        self.advice.push(line.into());
        self
    }

    fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::new(format!("cannot change {}: {error}", path.display()))
    }
}

/// What was done, or what there is: lines for the user.
#[derive(Debug, Default)]
pub struct Report {
    /// To be shown.
    pub lines: Vec<String>,
    /// Whether every hook guards that must: all but a `pre-push` that is not there.
    pub guarded: bool,
}

impl Report {
    fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }
}

/// Installs the hook files of a side: all of them, or none if one is refused.
pub fn install(
    hooks: &Hooks,
    side: Side,
    machine: &Machine,
    consent: Consent,
) -> Result<Report, HookError> {
    let place = Place::of(hooks)?;
    let mut report = Report::default();
    let mut planned = Vec::new();
    for event in events(side) {
        planned.push(plan(hooks, &place, event, machine, consent)?);
    }
    let written = planned.iter().any(|plan| plan.step != Step::Leave);
    for plan in planned {
        plan.carry_out(hooks, &mut report)?;
    }
    if written && place.reach == Reach::Worktree {
        report.say("the directory is part of the worktree: commit the hook, and its users find sopsguard on their PATH");
        report.say("each clone needs core.hooksPath to be set; other worktrees of this clone have a directory of their own");
    }
    report.guarded = true;
    Ok(report)
}

/// What is to be done for one event.
struct Plan {
    event: &'static Event,
    slot: Slot,
    step: Step,
    new: Vec<u8>,
    /// What to say if nothing is written.
    lines: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Leave,
    Create,
    Replace,
    Chain,
}

impl Plan {
    fn carry_out(self, hooks: &Hooks, report: &mut Report) -> Result<(), HookError> {
        let (slot, path) = (&self.slot, self.slot.path.display());
        match self.step {
            Step::Leave => {
                report.lines.extend(self.lines);
                return Ok(());
            }
            Step::Replace => {
                slot.replace(&self.new)?;
                report.say(format!("updated {path}"));
            }
            Step::Create => {
                slot.create(&self.new)?;
                report.say(format!("installed {path}"));
            }
            Step::Chain => {
                slot.chain(&self.new)?;
                report.say(format!("installed {path}"));
                report.say(format!(
                    "the hook that stood there is now {} and runs first",
                    slot.before.display()
                ));
                if !slot.executable {
                    report.say("it is not executable, so that Git ignored it; that stays so");
                }
            }
        }
        if let Some(named) = guarding(hooks, self.event).next() {
            report.say(format!(
                "the configuration has the hook {:?} too, so that Git 2.54 and newer run sopsguard twice",
                named.name
            ));
        }
        Ok(())
    }
}

fn plan(
    hooks: &Hooks,
    place: &Place,
    event: &'static Event,
    machine: &Machine,
    consent: Consent,
) -> Result<Plan, HookError> {
    worktree_for(hooks, event)?;
    let slot = Slot::of(&place.dir, event);
    let leave = |slot, lines| {
        Ok(Plan {
            event,
            slot,
            step: Step::Leave,
            new: Vec::new(),
            lines,
        })
    };
    // A manager stands in the way.
    let refuse = |slot, error: HookError| match event.needed {
        true => Err(error),
        false => {
            let mut lines = vec![format!("{}: not installed: {error}", event.name)];
            lines.extend(error.advice.iter().map(|line| format!("  {line}")));
            leave(slot, lines)
        }
    };
    if let Some(manager) = place.manager.or(slot.manager()) {
        let told = hooks
            .root
            .as_deref()
            .is_some_and(|root| manager.calls(root, event));
        return match told {
            true => {
                let line = format!("{manager} is told to run sopsguard already");
                leave(slot, vec![line])
            }
            false => refuse(slot, manager.refusal(event)),
        };
    }
    if !consent.force {
        place.refuse_shared()?;
        if !matches!(slot.found, Found::Ours(_))
            && let Some(error) = beside_a_manager(hooks, event)
        {
            return refuse(slot, error);
        }
    }
    // A path of this machine has no place in a file that is committed.
    let program = match place.reach {
        Reach::Worktree => None,
        Reach::Repository | Reach::Outside => machine.program.as_deref(),
    };
    let new = Shim::render(event, program);
    let step = match &slot.found {
        Found::Ours(shim) if shim.bytes == new && slot.executable => {
            let line = format!(
                "{} is installed already: {}",
                event.name,
                slot.path.display()
            );
            return leave(slot, vec![line]);
        }
        Found::Ours(shim) if shim.edited(event) && !consent.force => {
            return Err(HookError::new(format!(
                "{} was written by sopsguard and changed by hand since",
                slot.path.display()
            ))
            .advise("move your lines to another hook file, or give up the changes with --force"));
        }
        Found::Ours(_) => Step::Replace,
        Found::Nothing => Step::Create,
        Found::Foreign { .. } | Found::Link { .. } if consent.chain => {
            slot.refuse_second_chain()?;
            Step::Chain
        }
        Found::Foreign { calls: true, .. } | Found::Link { calls: true, .. } if slot.executable => {
            let line = format!("{} calls sopsguard already", slot.path.display());
            return leave(slot, vec![line]);
        }
        Found::Foreign { .. } | Found::Link { .. } => {
            let what = match &slot.found {
                Found::Link { target, .. } => format!("a symbolic link to {}", target.display()),
                _ => "a hook of your own".to_owned(),
            };
            return Err(HookError::new(format!(
                "{} exists ({what}) and is never overwritten",
                slot.path.display()
            ))
            .advise("either keep it and let it run first:")
            .advise(match event.side {
                Side::Client => "  sopsguard hook install --chain",
                Side::Server => "  sopsguard hook install --server --chain",
            })
            .advise("or add this line to it, before anything that ends it:")
            .advise(format!("  {} || exit", call(event))));
        }
        Found::Other => {
            return Err(HookError::new(format!(
                "{} exists and is no file",
                slot.path.display()
            )));
        }
    };
    Ok(Plan {
        event,
        slot,
        step,
        new,
        lines: Vec::new(),
    })
}

/// Takes the hook files of a side away, and brings back what stood there before.
pub fn uninstall(hooks: &Hooks, side: Side, consent: Consent) -> Result<Report, HookError> {
    let place = Place::of(hooks)?;
    let mut report = Report::default();
    for event in events(side) {
        let slot = Slot::of(&place.dir, event);
        let path = slot.path.display();
        match &slot.found {
            Found::Ours(shim) => {
                if !consent.force {
                    place.refuse_shared()?;
                    if shim.edited(event) {
                        return Err(HookError::new(format!(
                            "{path} was written by sopsguard and changed by hand since"
                        ))
                        .advise("save your lines, then remove it with --force"));
                    }
                }
                match slot.remove()? {
                    true => report.say(format!(
                        "removed {path}; the hook that stood there before is back"
                    )),
                    false => report.say(format!("removed {path}")),
                }
            }
            Found::Nothing => report.say(format!("{} is not installed", event.name)),
            Found::Foreign { calls: true, .. } | Found::Link { calls: true, .. } => {
                report.say(format!("{path} is not sopsguard's and stays; it calls sopsguard: take that line out by hand"));
            }
            _ => report.say(format!("{path} is not sopsguard's and stays")),
        }
        if let Some(named) = guarding(hooks, event).next() {
            report.say(format!(
                "the configuration ({}) still has the hook {:?}: sopsguard hook uninstall --git-config{}{}",
                named.scope.as_str(),
                named.name,
                if named.scope == crate::git::Scope::Global { " --global" } else { "" },
                if side == Side::Server { " --server" } else { "" },
            ));
        }
    }
    Ok(report)
}

/// Tells what is installed and what Git would run. A repository without a worktree has only a server's side; one that has
/// a hook of sopsguard for it has both.
pub fn status(hooks: &Hooks, side: Option<Side>, machine: &Machine) -> Report {
    let mut report = Report {
        guarded: true,
        ..Report::default()
    };
    let place = Place::of(hooks);
    report.say(format!(
        "hooks directory: {}{}",
        hooks.dir.display(),
        place::origin(hooks)
    ));
    for event in &EVENTS {
        let slot = place.as_ref().ok().map(|p| Slot::of(&p.dir, event));
        let ours = slot.is_some_and(|slot| matches!(slot.found, Found::Ours(_)))
            || guarding(hooks, event).next().is_some();
        let usual = match hooks.root {
            Some(_) => Side::Client,
            None => Side::Server,
        };
        if !(event.side == side.unwrap_or(usual) || side.is_none() && ours) {
            continue;
        }
        let mut runs = Vec::new();
        let mut guarded = config_status(hooks, machine, event, &mut report, &mut runs);
        guarded |= match &place {
            Ok(place) => file_status(hooks, place, event, machine, &mut report, &mut runs),
            Err(error) => {
                report.say(format!("{}: not installed: {error}", event.name));
                false
            }
        };
        report.say(match runs.as_slice() {
            [] => format!("git runs: nothing at {}", event.name),
            runs => format!("git runs: {}", runs.join(", then ")),
        });
        report.guarded &= guarded || !(event.needed || ours);
    }
    report
}

fn config_status(
    hooks: &Hooks,
    machine: &Machine,
    event: &Event,
    report: &mut Report,
    runs: &mut Vec<String>,
) -> bool {
    let named: Vec<_> = hooks.named_for(event.name).collect();
    if named.is_empty() {
        return false;
    }
    let version = machine
        .git(Some(hooks))
        .and_then(|git| config::version(&git).ok());
    let known = version.is_some_and(|v| v >= config::SINCE);
    if known {
        runs.extend(
            named
                .iter()
                .map(|h| format!("{:?} of the configuration", h.name)),
        );
    }
    let ours = named.iter().find(|h| guards(h.command.as_deref(), event));
    let Some(ours) = ours else { return false };
    let mut line = format!(
        "{}: installed in the configuration ({}) as {:?}",
        event.name,
        ours.scope.as_str(),
        ours.name
    );
    match version {
        Some((major, minor)) if !known => {
            let _ = write!(line, ", which git {major}.{minor} ignores: it needs 2.54");
        }
        None => line.push_str("; no git was found that could run it"),
        _ => {}
    }
    report.say(line);
    known
}

fn file_status(
    hooks: &Hooks,
    place: &Place,
    event: &Event,
    machine: &Machine,
    report: &mut Report,
    runs: &mut Vec<String>,
) -> bool {
    let slot = Slot::of(&place.dir, event);
    let name = event.name;
    let (manager, by_file) = match (&slot.found, place.manager) {
        (_, Some(manager)) => (Some(manager), true),
        _ if slot.manager().is_some() => (slot.manager(), true),
        _ => (hooks.root.as_deref().and_then(Manager::configured), false),
    };
    let present = !matches!(slot.found, Found::Nothing | Found::Other);
    let live = present && slot.executable;
    if live {
        if slot.is_chained() && matches!(slot.found, Found::Ours(_)) {
            runs.push(slot.before.display().to_string());
        }
        runs.push(slot.path.display().to_string());
    }
    let kept = slot.kept_by_manager(event);
    let guarded = match (&slot.found, manager) {
        (_, Some(manager)) if kept.is_some() && live => {
            let kept = kept.unwrap_or_default();
            report.say(format!(
                "{name}: managed by {manager}, which runs {} first",
                kept.display()
            ));
            true
        }
        (_, Some(manager)) if by_file => {
            let called = hooks
                .root
                .as_deref()
                .is_some_and(|root| manager.calls(root, event));
            report.say(match (called, live) {
                (true, true) => {
                    format!("{name}: managed by {manager}, which is told to run sopsguard")
                }
                (true, false) => {
                    format!("{name}: managed by {manager}, but its own hook is not in place")
                }
                (false, _) => format!(
                    "{name}: managed by {manager}, which is not told to run sopsguard; add:"
                ),
            });
            if !called {
                report.lines.extend(manager.recipe(event));
            }
            called && live
        }
        (Found::Ours(shim), _) => {
            let wanted = Shim::render(event, machine.program.as_deref());
            let state = match () {
                () if shim.edited(event) => "changed by hand",
                () if shim.version < Shim::version_of(event) => {
                    "of an older version; sopsguard hook install updates it"
                }
                () if place.reach != Reach::Worktree && shim.bytes != wanted => {
                    "it names another program than this one; sopsguard hook install updates it"
                }
                () => "up to date",
            };
            report.say(format!(
                "{name}: installed by sopsguard (version {}, {state})",
                shim.version
            ));
            // What was written into it may keep it from refusing.
            live && !shim.edited(event)
        }
        (Found::Foreign { calls, .. }, _) => {
            report.say(match calls {
                true => format!("{name}: a hook of your own that calls sopsguard"),
                false => format!(
                    "{name}: a hook of your own that does not call sopsguard, or not so that its refusal counts"
                ),
            });
            *calls && live
        }
        (Found::Link { target, calls }, _) => {
            report.say(format!(
                "{name}: a symbolic link to {} {}",
                target.display(),
                if *calls {
                    "that calls sopsguard"
                } else {
                    "that is not known to call sopsguard"
                }
            ));
            *calls && live
        }
        (Found::Other, _) => {
            report.say(format!("{name}: {} is no file", slot.path.display()));
            false
        }
        (Found::Nothing, _) => {
            report.say(format!("{name}: no hook file"));
            false
        }
    };
    if let Some(manager) = manager.filter(|_| !by_file) {
        report.say(format!(
            "  {manager} is set up in this repository, but its hook is not in place"
        ));
    }
    if present && !slot.executable {
        report.say("  it is not executable: Git ignores it");
    }
    guarded
}

fn guarding<'a>(
    hooks: &'a Hooks,
    event: &'a Event,
) -> impl Iterator<Item = &'a crate::git::NamedHook> {
    hooks
        .named_for(event.name)
        .filter(|hook| guards(hook.command.as_deref(), event))
}

fn guards(command: Option<&str>, event: &Event) -> bool {
    command.is_some_and(|command| calls(command, event))
}

fn worktree_for(hooks: &Hooks, event: &Event) -> Result<(), HookError> {
    if event.needs_worktree && hooks.root.is_none() {
        return Err(HookError::new(format!(
            "{} has no worktree here (a bare repository?), and {} looks at files about to be committed",
            hooks.common_dir.display(),
            event.name
        ))
        .advise("to judge what is pushed to it: sopsguard hook install --server"));
    }
    Ok(())
}

/// Why nothing is put beside a manager that is set up in the worktree and whose hook is not in place.
fn beside_a_manager(hooks: &Hooks, event: &Event) -> Option<HookError> {
    let root = hooks
        .root
        .as_deref()
        .filter(|_| event.side == Side::Client)?;
    let manager = Manager::configured(root)?;
    let error = match manager.calls(root, event) {
        true => HookError::new(format!(
            "{manager} is told to run sopsguard, but its own hook is not in place"
        ))
        .advise(format!("install that one: {}", manager.installer(event))),
        false => manager.refusal(event),
    };
    Some(error.advise("to have a hook file beside it all the same: --force"))
}

/// What to write into a script.
fn call(event: &Event) -> String {
    match event.needs_worktree {
        true => format!("sopsguard hook run {}", event.name),
        // Git says on the command line to where it pushes.
        false => format!("sopsguard hook run {} \"$@\"", event.name),
    }
}

/// Whether a script calls the guard, comments left out.
fn calls(text: &str, event: &Event) -> bool {
    let run = format!("hook run {}", event.name);
    text.lines().any(|line| {
        let line = line.trim_start();
        !line.starts_with('#') && line.contains("sopsguard") && line.contains(&run)
    })
}

/// Whether a script calls the guard so that its refusal is the script's: at the end, with `|| exit`, by `exec`, or under
/// `set -e`. Not a shell: what it does not understand does not count.
fn stops(text: &str, event: &Event) -> bool {
    let lines: Vec<&str> = (text.lines().map(str::trim))
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .collect();
    let Some(at) = lines.iter().position(|l| calls(l, event)) else {
        return false;
    };
    let (before, line) = (&lines[..at], lines[at]);
    let lost = ["|| true", "|| :", "|| echo", "| "]
        .iter()
        .any(|end| line.contains(end))
        && !line.contains("|| exit");
    let over = before
        .iter()
        .any(|l| *l == "exit" || l.starts_with("exit ") || l.starts_with("exec "));
    let strict = before.iter().any(|l| {
        let flags = l.strip_prefix("set -").and_then(|l| l.split(' ').next());
        flags.is_some_and(|flags| flags.contains('e'))
    });
    let counts = line.contains("|| exit")
        || line.starts_with("exec ")
        || line.starts_with("if ")
        || strict
        || at + 1 == lines.len();
    counts && !lost && !line.ends_with('&') && !over
}

/// A path as one word of a POSIX shell; `None` where that would take more than a line.
fn quoted(path: &Path) -> Option<OsString> {
    let text = path.to_str()?;
    if text.chars().any(char::is_control) {
        return None;
    }
    Some(format!("'{}'", text.replace('\'', r"'\''")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_only_if_its_refusal_does() {
        let event = EVENTS.iter().find(|e| e.name == "pre-commit");
        let Some(event) = event else {
            panic!("pre-commit is a hook");
        };
        for text in [
            "#!/bin/sh\nsopsguard hook run pre-commit\n",
            "#!/bin/sh\nsopsguard hook run pre-commit || exit\nmake lint\n",
            "sopsguard hook run pre-commit || exit $?\necho done\n",
            "#!/bin/sh\nset -eu\nsopsguard hook run pre-commit\necho done\n",
            "if ! sopsguard hook run pre-commit; then exit 1; fi\nmake\n",
            "make lint || exit\nexec sopsguard hook run pre-commit \"$@\"\n",
        ] {
            assert!(stops(text, event), "{text}");
        }
        for text in [
            "#!/bin/sh\necho nothing\n",
            "# sopsguard hook run pre-commit\n",
            "sopsguard hook run pre-commit\necho done\n",
            "sopsguard hook run pre-commit || true\n",
            "sopsguard hook run pre-commit | tee log\n",
            "sopsguard hook run pre-commit &\n",
            "exit 0\nsopsguard hook run pre-commit\n",
        ] {
            assert!(!stops(text, event), "{text}");
        }
    }
}

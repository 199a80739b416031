//! `sopsguard hook`

use std::io::Write;
use std::path::PathBuf;

use super::args::{Args, HookCommand, HookEvent, ScanArgs};
use super::{CliError, env, scan, shown};
use crate::git::{GitEnv, Hooks};
use crate::hook::{self, Consent, Report};
use crate::model::ExitCode;

pub(crate) fn run(args: &Args, command: &HookCommand) -> Result<ExitCode, CliError> {
    let dir = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let found = || Hooks::discover(&dir, &GitEnv::from_env());
    let needed =
        || found()?.ok_or_else(|| CliError::Usage("there is no Git repository here".to_owned()));
    match command {
        HookCommand::Install(install) => {
            let machine = env::machine();
            let report = match install.git_config {
                true => hook::config_install(found()?.as_ref(), install.global, &machine, &dir)?,
                false => {
                    let consent = Consent {
                        chain: install.chain,
                        force: install.force,
                    };
                    hook::install(&needed()?, &machine, consent)?
                }
            };
            show(&report)?;
            Ok(ExitCode::Clean)
        }
        HookCommand::Uninstall(uninstall) => {
            let machine = env::machine();
            let report = match uninstall.git_config {
                true => {
                    hook::config_uninstall(found()?.as_ref(), uninstall.global, &machine, &dir)?
                }
                false => {
                    let consent = Consent {
                        chain: false,
                        force: uninstall.force,
                    };
                    hook::uninstall(&needed()?, consent)?
                }
            };
            show(&report)?;
            Ok(ExitCode::Clean)
        }
        HookCommand::Status => {
            let report = hook::status(&needed()?, &env::machine());
            show(&report)?;
            Ok(match report.guarded {
                true => ExitCode::Clean,
                false => ExitCode::Findings,
            })
        }
        HookCommand::Run { event } => event_run(args, event),
    }
}

fn event_run(args: &Args, event: &HookEvent) -> Result<ExitCode, CliError> {
    match event {
        HookEvent::Commit(given) if given.stdin => Err(CliError::Usage(
            "hook run pre-commit judges staged files, not standard input".to_owned(),
        )),
        HookEvent::Commit(given) => {
            let staged = ScanArgs {
                staged: true,
                unstaged_from_disk: true,
                ..given.clone()
            };
            scan::run(args, &staged, false)
        }
        HookEvent::Push(_) => Err(not_yet("pre-push")),
        HookEvent::Receive(_) => Err(not_yet("pre-receive")),
    }
}

/// A hook that cannot judge must not let pass.
fn not_yet(event: &str) -> CliError {
    CliError::Usage(format!(
        "{event} is not available yet, so that nothing was judged"
    ))
}

fn show(report: &Report) -> Result<(), CliError> {
    let mut text = Vec::new();
    for line in &report.lines {
        let _ = writeln!(text, "{}", crate::model::escape(line));
    }
    shown::print(&String::from_utf8_lossy(&text))
}

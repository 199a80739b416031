//! `sopsguard hook`

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::args::{Args, HookCommand, HookEvent, ScanArgs};
use super::passed::{Push, Update};
use super::pushed::{Remote, Selection};
use super::{CliError, env, past, scan, shown};
use crate::git::{GitEnv, Hooks, Repo};
use crate::hook::{self, Consent, Report, Side};
use crate::model::ExitCode;
use crate::source::{self, Trees};

pub(crate) fn run(args: &Args, command: &HookCommand) -> Result<ExitCode, CliError> {
    let dir = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let dir = std::fs::canonicalize(&dir).unwrap_or(dir);
    let found = || Hooks::discover(&dir, &GitEnv::from_env());
    let needed =
        || found()?.ok_or_else(|| CliError::Usage("there is no Git repository here".to_owned()));
    match command {
        HookCommand::Install(install) => {
            let machine = env::machine();
            let report = match install.git_config {
                true => {
                    let side = side(install.server);
                    hook::config_install(found()?.as_ref(), side, install.global, &machine, &dir)?
                }
                false => {
                    let consent = Consent {
                        chain: install.chain,
                        force: install.force,
                    };
                    hook::install(&needed()?, side(install.server), &machine, consent)?
                }
            };
            show(&report)?;
            Ok(ExitCode::Clean)
        }
        HookCommand::Uninstall(uninstall) => {
            let machine = env::machine();
            let report = match uninstall.git_config {
                true => {
                    let (side, global) = (side(uninstall.server), uninstall.global);
                    hook::config_uninstall(found()?.as_ref(), side, global, &machine, &dir)?
                }
                false => {
                    let consent = Consent {
                        chain: false,
                        force: uninstall.force,
                    };
                    hook::uninstall(&needed()?, side(uninstall.server), consent)?
                }
            };
            show(&report)?;
            Ok(ExitCode::Clean)
        }
        HookCommand::Status { server } => {
            let side = server.then_some(Side::Server);
            let report = hook::status(&needed()?, side, &env::machine());
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
        HookEvent::Push(given) | HookEvent::Receive(given) if given.stdin || given.staged => {
            let why = "this hook judges what is pushed: --stdin and --staged have no meaning here";
            Err(CliError::Usage(why.to_owned()))
        }
        HookEvent::Commit(given) => {
            let staged = ScanArgs {
                staged: true,
                unstaged_from_disk: true,
                ..(**given).clone()
            };
            scan::run(args, &staged, false)
        }
        HookEvent::Push(given) => {
            let trees = repository(args)?;
            let repo = trees.repo();
            let (push, remote) = push_told(repo, given)?;
            let selection = Selection::before_push(repo, &push, &remote);
            judge(args, given, &trees, &selection)
        }
        HookEvent::Receive(given) if !given.paths.is_empty() => Err(CliError::Usage(
            "hook run pre-receive takes no paths: it judges all that is pushed".to_owned(),
        )),
        HookEvent::Receive(given) => {
            let push = Push::pre_receive(&told()?).map_err(|e| CliError::Usage(e.to_string()))?;
            let trees = repository(args)?;
            let selection = Selection::received(trees.repo(), &push);
            judge(args, given, &trees, &selection)
        }
    }
}

/// Judges what a push brings.
fn judge(
    args: &Args,
    given: &ScanArgs,
    trees: &Arc<Trees>,
    selection: &Selection,
) -> Result<ExitCode, CliError> {
    if selection.is_empty() {
        return Ok(ExitCode::Clean);
    }
    let scan = ScanArgs {
        // They named the remote.
        paths: Vec::new(),
        // Which commits are judged, and on whose terms, is not for the call to say.
        range: None,
        history: false,
        trust_head: false,
        ..given.clone()
    };
    let dir = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let reports = scan::reports(&dir, &scan)?;
    let judge = || past::judge_push(&dir, &scan, trees, selection);
    let outcome = crate::engine::on_threads(scan.jobs, usize::MAX, judge)?;
    scan::show(args, &scan, &outcome, &reports)
}

fn repository(args: &Args) -> Result<Arc<Trees>, CliError> {
    let dir = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    Ok(source::open_repository(&dir, &GitEnv::from_env())?)
}

/// What a push to which remote brings. Git names the remote and its URL, and where a remote has no name the URL twice;
/// pre-commit and prek keep both and the standard input to themselves, and set variables.
fn push_told(repo: &Repo, given: &ScanArgs) -> Result<(Push, Remote), CliError> {
    let bytes = |path: &PathBuf| path.as_os_str().as_encoded_bytes().to_vec();
    let remote = match given.paths.as_slice() {
        [] => match env::pre_commit() {
            Some(passed) => return by_variables(repo, passed),
            None => Remote::Unnamed,
        },
        [name, url] if name == url => Remote::Unnamed,
        [name] | [name, _] => Remote::Named(bytes(name)),
        _ => {
            let why =
                "hook run pre-push takes the name of a remote and its URL, as Git passes them";
            return Err(CliError::Usage(why.to_owned()));
        }
    };
    let told = told()?;
    if told.is_empty() && given.paths.is_empty() {
        let why = "Git told nothing of the push, neither by arguments nor on standard input: pass both on";
        return Err(CliError::Usage(why.to_owned()));
    }
    let push = Push::pre_push(&told).map_err(|e| CliError::Usage(e.to_string()))?;
    Ok((push, remote))
}

fn by_variables(repo: &Repo, passed: env::PreCommit) -> Result<(Push, Remote), CliError> {
    let commit = |text: &String| {
        let found = repo.revision(text);
        found.map_err(|e| CliError::Usage(e.to_string()))
    };
    let remote = match passed.remote {
        Some(name) if passed.url.as_ref() == Some(&name) => Remote::Unnamed,
        Some(name) => Remote::Named(name.into_bytes()),
        None => Remote::Unknown,
    };
    let old = match passed.from {
        // What the remote has need not be here; what somebody names must.
        Some(from) if remote != Remote::Unknown => repo.revision(&from).ok(),
        from => from.as_ref().map(commit).transpose()?,
    };
    let push = Push {
        updates: vec![Update {
            old,
            new: Some(commit(&passed.to)?),
            ref_name: passed.remote_branch.unwrap_or_default().into_bytes(),
            local_ref: None,
        }],
    };
    Ok((push, remote))
}

/// What Git tells a hook on standard input.
fn told() -> Result<Vec<u8>, CliError> {
    let mut stdin = std::io::stdin().lock();
    if stdin.is_terminal() {
        let why = "this is a hook: it reads on standard input what Git tells of a push";
        return Err(CliError::Usage(why.to_owned()));
    }
    let mut told = Vec::new();
    let read = stdin.read_to_end(&mut told);
    read.map_err(|error| CliError::File {
        path: "standard input".into(),
        error: error.kind(),
    })?;
    Ok(told)
}

fn side(server: bool) -> Side {
    match server {
        true => Side::Server,
        false => Side::Client,
    }
}

fn show(report: &Report) -> Result<(), CliError> {
    let mut text = Vec::new();
    for line in &report.lines {
        let _ = writeln!(text, "{}", crate::model::escape(line));
    }
    shown::print(&String::from_utf8_lossy(&text))
}

//! `sopsguard baseline write | prune`
//!
//! Writes one file of the repository: beside it first, then renamed, so that it is whole at any time. A link in its place is refused.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::args::{Args, BaselineArgs, BaselineCommand, ScanArgs, WriteArgs};
use super::{CliError, env, past, scan, shown};
use crate::engine;
use crate::model::{Date, ExitCode, RepoPath, escape};
use crate::settings::BASELINE_NAME;
use crate::source::Opened;
use crate::triage::baseline::{Acceptance, Baseline, BaselineError, Entry, State};

pub(crate) fn run(args: &Args, command: &BaselineCommand) -> Result<ExitCode, CliError> {
    let (BaselineCommand::Write(WriteArgs { common, .. }) | BaselineCommand::Prune(common)) =
        command;
    let dir = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let named = ScanArgs {
        settings: common.settings.clone(),
        sops_config: common.sops_config.clone(),
        jobs: common.jobs,
        ..ScanArgs::default()
    };
    let opened = scan::open(&dir, &named)?;
    let (target, path) = target(&dir, common, &opened);
    let before = read(&target, &path)?;
    let acceptance = match command {
        BaselineCommand::Write(write) => Some(acceptance(write)?),
        BaselineCommand::Prune(_) => None,
    };
    if acceptance.is_none() && before.is_none() {
        return Err(CliError::Usage(format!("there is no baseline {path}")));
    }
    let told = match common.history {
        true => {
            let scan = ScanArgs {
                history: true,
                baseline: before.is_some().then(|| absolute(&target)),
                ..named.clone()
            };
            let started = std::time::Instant::now();
            past::judge_history(&dir, &scan, acceptance.as_ref(), started, None)?.1
        }
        false => {
            let mut options = scan::options(&dir, &named, &opened, false)?;
            options.baseline = before.clone();
            let (view, base) = (&*opened.view, opened.base.as_deref());
            let repository = opened.repository.clone();
            engine::run_for_baseline(view, base, repository, &options, acceptance.as_ref()).1
        }
    };
    let stays = |entry: &Entry, state: &State| match state {
        State::Holds => true,
        // To prune is not to forget what was accepted before a change; to write is.
        State::Changed => acceptance.is_none(),
        // A look at today finds nothing of the past, and an audit of the past nothing that was never committed.
        State::Unmatched => entry.history != common.history,
        State::Over => false,
    };
    let old = before.as_ref().into_iter().flat_map(Baseline::entries);
    let kept: Vec<Entry> = old
        .zip(&told.states)
        .filter(|((entry, _), state)| stays(entry, state))
        .map(|((entry, _), _)| entry.clone())
        .collect();
    let (stay, gone) = (kept.len(), told.states.len() - kept.len());
    let new = told.accepted.len();
    let unstored = told
        .accepted
        .iter()
        .filter(|e| {
            opened
                .base
                .as_ref()
                .is_none_or(|b| b.blob(&e.blob).is_none())
        })
        .count();
    if before.is_none() && new == 0 && told.refused.is_empty() {
        shown::print("nothing to accept: no baseline is needed\n")?;
        return Ok(ExitCode::Clean);
    }
    let text = Baseline::text(kept.into_iter().chain(told.accepted));
    write(&target, &text).map_err(|error| CliError::File {
        path: path.to_string(),
        error,
    })?;
    let mut out = format!("{path}: {new} new, {stay} kept, {gone} dropped\n");
    if unstored > 0 {
        out.push_str(&format!(
            "{unstored} of the new ones are in versions that Git has not stored: add the files, or any change of them makes the findings active again\n"
        ));
    }
    shown::print(&out)?;
    for what in &told.refused {
        let line = escape(what.as_str());
        let _ = writeln!(
            std::io::stderr(),
            "sopsguard: not accepted, because the file cannot be read whole: {line}"
        );
    }
    Ok(ExitCode::Clean)
}

fn acceptance(write: &WriteArgs) -> Result<Acceptance, CliError> {
    let Some(least) = write.fail_on.severity() else {
        return Err(CliError::Usage(
            "with --fail-on never no finding blocks, so there is nothing to accept".into(),
        ));
    };
    let until = match write.until.as_deref() {
        None => None,
        Some(text) => match Date::parse(text) {
            Some(date) => Some(date),
            None => {
                return Err(CliError::Usage("--until takes a day, YYYY-MM-DD".into()));
            }
        },
    };
    let today = write.common.settings.today.unwrap_or_else(env::today);
    if until.is_some_and(|until| until < today) {
        return Err(CliError::Usage("--until is over already".into()));
    }
    Ok(Acceptance {
        least: Some(least),
        created: today,
        until,
        reason: write.reason.clone(),
        history: write.common.history,
    })
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The file on disk, and how it is called.
fn target(dir: &Path, common: &BaselineArgs, opened: &Opened) -> (PathBuf, RepoPath) {
    match &common.baseline {
        Some(file) => (dir.join(file), scan::shown_path(file)),
        None => (
            opened.root.join(BASELINE_NAME),
            RepoPath::new(BASELINE_NAME),
        ),
    }
}

fn read(target: &Path, path: &RepoPath) -> Result<Option<Baseline>, CliError> {
    match target.symlink_metadata() {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Ok(m) if m.is_file() => {}
        Ok(m) if m.is_symlink() => return Err(BaselineError::Link(path.clone()).into()),
        _ => return Err(BaselineError::Unreadable(path.clone()).into()),
    }
    let bytes = fs::read(target).map_err(|_| BaselineError::Unreadable(path.clone()))?;
    let text = crate::syntax::decode(&bytes).text.into_owned();
    Ok(Some(Baseline::read(path, &text)?))
}

fn write(target: &Path, text: &str) -> Result<(), ErrorKind> {
    let mut name = target
        .file_name()
        .ok_or(ErrorKind::InvalidInput)?
        .to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = target.with_file_name(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, target));
    written.map_err(|error| {
        if error.kind() != ErrorKind::AlreadyExists {
            let _ = fs::remove_file(&beside);
        }
        error.kind()
    })
}

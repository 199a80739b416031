//! `sopsguard scan`

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::args::{Args, FormatChoice, ScanArgs, SettingsArgs};
use super::progress::Bar;
use super::{CliError, env, past};
use crate::checks;
use crate::engine::{self, Options, setup};
use crate::git::GitEnv;
use crate::model::{BlindCode, BlindSpot, ExitCode, Mode, Outcome, RepoPath};
use crate::report::{self, Format, Style};
use crate::say;
use crate::settings::Settings;
use crate::source::{self, Opened, Unstaged, View};
use crate::triage::baseline::Baseline;

pub(crate) fn run(args: &Args, scan: &ScanArgs, config_only: bool) -> Result<ExitCode, CliError> {
    let dir = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let started = Instant::now();
    let reports = reports(&dir, scan)?;
    // What is staged or piped in is a handful of files, and often a hook asks.
    let watched = !(scan.staged || scan.stdin || args.quiet);
    let terminal = watched.then(env::watched).flatten();
    let progress = terminal.map(|_| Arc::default());
    let bar = terminal
        .zip(progress.clone())
        .map(|(terminal, progress)| Bar::start(progress, terminal));
    let judge = || -> Result<Outcome, CliError> {
        let mut opened = open(&dir, scan)?;
        let options = Options {
            deadline: scan.timeout.and_then(|limit| started.checked_add(limit)),
            progress: progress.clone(),
            ..options(&dir, scan, &opened, config_only)?
        };
        for (_, path) in &reports {
            can_write(path)?;
        }
        if let Some(base) = opened.base.as_deref()
            && engine::changes_named_config(&*opened.view, base, &options)
        {
            opened.view.widen();
        }
        let base = opened.base.as_deref();
        let repository = opened.repository.clone();
        let mut outcome = engine::run(&*opened.view, base, repository, &options);
        if scan.staged && GitEnv::from_env().has_temporary_index() {
            on_disk(&mut outcome);
        }
        as_seen_from(&mut outcome, &standing(&opened));
        Ok(outcome)
    };
    let past = || -> Result<Outcome, CliError> {
        for (_, path) in &reports {
            can_write(path)?;
        }
        match &scan.range {
            Some(range) => past::judge_range(&dir, scan, range, started, progress.clone()),
            None => past::judge_history(&dir, scan, None, started, progress.clone())
                .map(|(outcome, _)| outcome),
        }
    };
    let outcome = match scan.staged || scan.stdin {
        // A handful of files: how many threads are worth it is known when they are.
        true => judge(),
        false if scan.history || scan.range.is_some() => {
            engine::on_threads(scan.jobs, usize::MAX, past)
        }
        false => engine::on_threads(scan.jobs, usize::MAX, judge),
    };
    drop(bar);
    let outcome = outcome?;
    show(args, scan, &outcome, &reports)
}

/// Writes all reports.
pub(crate) fn show(
    args: &Args,
    scan: &ScanArgs,
    outcome: &Outcome,
    reports: &[(Format, PathBuf)],
) -> Result<ExitCode, CliError> {
    let style = env::style(args.color, args.quiet);
    let mut buffer = Vec::new();
    let failed = |e: std::io::Error| CliError::Output(e.kind());
    report::render(
        outcome,
        &checks::TABLE,
        format(scan.format),
        &style,
        &mut buffer,
    )
    .map_err(failed)?;
    let mut out = std::io::stdout().lock();
    out.write_all(&buffer)
        .and_then(|()| out.flush())
        .map_err(failed)?;
    for (format, path) in reports {
        write_report(outcome, *format, path)?;
    }
    Ok(outcome.exit_code())
}

/// The reports that the call asks for besides the one on standard output.
pub(crate) fn reports(dir: &Path, scan: &ScanArgs) -> Result<Vec<(Format, PathBuf)>, CliError> {
    let asked = scan.report.iter().map(|r| parse_report(dir, r));
    asked.collect()
}

/// The directory of the repository in which the user stands: a hook runs at the top, wherever `git commit` was called.
fn standing(opened: &Opened) -> RepoPath {
    match opened.prefix.as_bytes() {
        b"" => env::git_prefix().map_or_else(|| opened.prefix.clone(), RepoPath::new),
        _ => opened.prefix.clone(),
    }
}

/// `git commit -a` and `git commit PATH` have an index of their own, which is gone when the commit is refused. What they
/// would record stands on disk, and there it is to be repaired.
fn on_disk(outcome: &mut Outcome) {
    for f in &mut outcome.findings {
        if let Some(repair) = f.repair.as_ref().filter(|_| f.is_fixable()) {
            f.fix = Some(repair.command(false));
        }
    }
}

/// Writes commands so that they can be run where the user stands.
fn as_seen_from(outcome: &mut Outcome, dir: &RepoPath) {
    if dir.as_bytes().is_empty() {
        return;
    }
    for f in &mut outcome.findings {
        let mut paths = vec![f.path.clone()];
        paths.extend(f.repair.as_ref().map(|r| r.path.clone()));
        paths.extend(f.governed_by.iter().map(|by| by.config.clone()));
        paths.dedup();
        for path in paths {
            let seen = path.seen_from(dir);
            // A name without either could be a word of the sentence.
            if path.as_bytes().iter().any(|b| b"/.".contains(b)) {
                f.help.retarget(&path, &seen);
            }
            if let Some(fix) = &mut f.fix {
                fix.retarget(&path, &seen);
            }
        }
        if let Some(repair) = &mut f.repair {
            repair.path = repair.path.seen_from(dir);
        }
    }
}

/// How to run on what was opened.
pub(crate) fn options(
    dir: &Path,
    scan: &ScanArgs,
    opened: &Opened,
    config_only: bool,
) -> Result<Options, CliError> {
    let unreadable = |path: &RepoPath| {
        let reason = say!["the directory could not be listed"];
        BlindSpot::new(path, None, BlindCode::Unreadable, reason, true)
    };
    Ok(Options {
        mode: match scan {
            ScanArgs { stdin: true, .. } => Mode::Stdin,
            ScanArgs { staged: true, .. } => Mode::Staged,
            _ => Mode::Worktree,
        },
        sops_config: sops_config(dir, scan.sops_config.as_deref())?,
        jobs: scan.jobs,
        fail_on: scan.fail_on.severity(),
        allow_incomplete: scan.allow_incomplete,
        whole_view: scan.paths.is_empty()
            && !(scan.stdin || scan.staged)
            && !opened.view.entries().is_empty(),
        config_only,
        settings: settings(dir, &scan.settings, &*opened.view)?,
        baseline: baseline(dir, scan.baseline.as_deref(), &*opened.view)?,
        inline_ignores: !scan.no_inline_ignores,
        new_only: scan.new_only,
        today: scan.settings.today.unwrap_or_else(env::today),
        blind_spots: opened
            .unreadable
            .iter()
            .map(|(p, _)| unreadable(p))
            .collect(),
        ..Options::default()
    })
}

/// The settings that the call names, or those of the view.
pub(crate) fn settings(
    dir: &Path,
    args: &SettingsArgs,
    view: &dyn View,
) -> Result<Settings, CliError> {
    match &args.config {
        _ if args.no_config => Ok(Settings::default()),
        Some(file) => {
            let bytes = read(dir, file)?;
            Ok(setup::settings_from(view, &shown_path(file), &bytes)?)
        }
        None => Ok(setup::settings(view)?),
    }
}

/// The baseline that the call names, or that of the view.
pub(crate) fn baseline(
    dir: &Path,
    file: Option<&Path>,
    view: &dyn View,
) -> Result<Option<Baseline>, CliError> {
    let Some(file) = file else {
        return Ok(setup::baseline(view)?);
    };
    let bytes = read(dir, file)?;
    let text = crate::syntax::decode(&bytes).text.into_owned();
    Ok(Some(Baseline::read(&shown_path(file), &text)?))
}

fn read(dir: &Path, path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(dir.join(path)).map_err(|e| CliError::File {
        path: path.display().to_string(),
        error: e.kind(),
    })
}

/// How a file that the call names is called in reports.
pub(crate) fn shown_path(path: &Path) -> RepoPath {
    RepoPath::new(path.to_string_lossy().into_owned())
}

pub(crate) fn open(dir: &Path, scan: &ScanArgs) -> Result<Opened, CliError> {
    let git = GitEnv::from_env();
    match &scan.stdin_path {
        Some(path) if scan.stdin => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(|e| CliError::File {
                    path: "standard input".into(),
                    error: e.kind(),
                })?;
            Ok(source::open_stdin(path, bytes, dir, &git)?)
        }
        _ if scan.staged => Ok(source::open_staged(
            dir,
            &scan.paths,
            &git,
            match scan.unstaged_from_disk {
                true => Unstaged::FromDisk,
                false => Unstaged::Leave,
            },
            &engine::STEERING,
        )?),
        _ => Ok(source::open_worktree(dir, &scan.paths, &git)?),
    }
}

/// Reads the config that `--sops-config` names.
pub(crate) fn sops_config(
    dir: &Path,
    path: Option<&Path>,
) -> Result<Option<(RepoPath, String)>, CliError> {
    let Some(path) = path else { return Ok(None) };
    let text = crate::syntax::decode(&read(dir, path)?).text.into_owned();
    Ok(Some((shown_path(path), text)))
}

fn format(choice: FormatChoice) -> Format {
    match choice {
        FormatChoice::Human => Format::Human,
        FormatChoice::Json => Format::Json,
        FormatChoice::Jsonl => Format::Jsonl,
        FormatChoice::Markdown => Format::Markdown,
        FormatChoice::Html => Format::Html,
        FormatChoice::Blobs => Format::Blobs,
    }
}

fn parse_report(dir: &Path, text: &str) -> Result<(Format, PathBuf), CliError> {
    let usage = || {
        CliError::Usage(format!(
            "--report takes FORMAT=FILE with one of {}",
            Format::ALL.map(Format::as_str).join(", ")
        ))
    };
    let (name, path) = text.split_once('=').ok_or_else(usage)?;
    let format = name.parse().map_err(|_| usage())?;
    if path.is_empty() {
        return Err(usage());
    }
    Ok((format, dir.join(path)))
}

/// Fails before the work is done instead of after it.
fn can_write(path: &Path) -> Result<(), CliError> {
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path);
    opened.map(drop).map_err(|e| CliError::File {
        path: path.display().to_string(),
        error: e.kind(),
    })
}

fn write_report(outcome: &Outcome, format: Format, path: &Path) -> Result<(), CliError> {
    let style = Style {
        color: false,
        width: 100,
        unicode: true,
        quiet: false,
        now: Some(env::now()),
    };
    let mut buffer = Vec::new();
    report::render(outcome, &checks::TABLE, format, &style, &mut buffer)
        .map_err(|e| CliError::Output(e.kind()))?;
    std::fs::write(path, buffer).map_err(|e| CliError::File {
        path: path.display().to_string(),
        error: e.kind(),
    })
}

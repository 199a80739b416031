//! `sopsguard explain PATH | CHECK-ID`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::args::{Args, ExplainArgs, ScanArgs};
use super::{CliError, scan, shown};
use crate::checks;
use crate::engine::{self, Options};
use crate::model::{ExitCode, RepoPath};
use crate::source::SourceError;

pub(crate) fn run(args: &Args, explain: &ExplainArgs) -> Result<ExitCode, CliError> {
    if let Some(info) = explain.what.to_str().and_then(checks::by_id) {
        shown::print(info.page)?;
        return Ok(ExitCode::Clean);
    }
    let dir = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let named = ScanArgs {
        paths: vec![explain.what.clone()],
        settings: explain.settings.clone(),
        ..ScanArgs::default()
    };
    let opened = scan::open(&dir, &named).map_err(|error| match error {
        CliError::Source(SourceError::NoSuchPath(_)) => neither(&explain.what),
        error => error,
    })?;
    let selected: Vec<RepoPath> = opened
        .view
        .entries()
        .iter()
        .filter(|e| e.selected)
        .map(|e| e.path.clone())
        .collect();
    let [path] = selected.as_slice() else {
        let what = explain.what.display();
        return Err(CliError::Usage(format!(
            "{what} names {} files and no check; explain takes one file or the id of a check (sopsguard checks)",
            selected.len()
        )));
    };
    let options = Options {
        sops_config: scan::sops_config(&dir, explain.sops_config.as_deref())?,
        settings: scan::settings(&dir, &explain.settings, &*opened.view)?,
        ..Options::default()
    };
    let text = engine::explain(
        &*opened.view,
        opened.base.as_deref(),
        &options,
        path,
        |subject, judged, around| {
            let mut out = String::new();
            for line in crate::explain::trace(subject, judged, around) {
                let _ = writeln!(out, "{}", line.as_str());
            }
            out
        },
    )
    .map_err(|e| CliError::Usage(format!("{path}: {e}")))?;
    shown::print(&text)?;
    Ok(ExitCode::Clean)
}

/// For what is no path and no check.
fn neither(what: &Path) -> CliError {
    let mut text = format!("no such file or check: {}", what.display());
    match what.to_str().and_then(checks::nearest) {
        Some(near) => {
            let _ = write!(text, "; did you mean `{}`?", near.id);
        }
        None => text.push_str("; `sopsguard checks` lists the checks"),
    }
    CliError::Usage(text)
}

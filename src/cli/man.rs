//! `sopsguard man`: manual pages from the arguments, one for each command that is shown.

use std::path::{Path, PathBuf};

use clap::CommandFactory;

use super::args::Args;
use super::{CliError, shown};
use crate::model::ExitCode;

pub(crate) fn run(dir: Option<&Path>) -> Result<ExitCode, CliError> {
    let mut command = Args::command();
    command.build();
    match dir {
        None => shown::print(&String::from_utf8_lossy(&page(&command)?))?,
        Some(dir) => write(&command, dir)?,
    }
    Ok(ExitCode::Clean)
}

fn write(command: &clap::Command, dir: &Path) -> Result<(), CliError> {
    let failed = |path: &Path, error: &std::io::Error| CliError::File {
        path: path.display().to_string(),
        error: error.kind(),
    };
    std::fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
    for command in visible(command) {
        let path: PathBuf = dir.join(format!("{}.1", name(command)));
        std::fs::write(&path, page(command)?).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

/// A command and all below it that help shows.
fn visible(command: &clap::Command) -> Vec<&clap::Command> {
    let mut out = vec![command];
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        out.extend(visible(below));
    }
    out
}

/// `sopsguard-hook-install`, which is also how `man` asks for it.
fn name(command: &clap::Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

fn page(command: &clap::Command) -> Result<Vec<u8>, CliError> {
    let mut out = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name(command).to_uppercase())
        .source(concat!("sopsguard ", env!("CARGO_PKG_VERSION")))
        .manual("sopsguard")
        .render(&mut out)
        .map_err(|error| CliError::Output(error.kind()))?;
    out.extend_from_slice(EXIT_STATUS.as_bytes());
    Ok(out)
}

/// `docs/exit-codes.md` in short.
const EXIT_STATUS: &str = "\
.SH \"EXIT STATUS\"
.TP
\\fB0\\fR
clean
.TP
\\fB1\\fR
findings at or above \\-\\-fail\\-on; for hook status: not guarded
.TP
\\fB2\\fR
cannot run: usage, no such file, no repository
.TP
\\fB3\\fR
nothing blocking found, but something that matters could not be judged
";

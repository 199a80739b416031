//! The command line: arguments in, one command run, an exit code out.
//!
//! Only this room holds stdout and stderr, and only it shows errors. What a command needs from the environment is read
//! here and walks inward as data.

mod args;
mod baseline;
#[expect(
    clippy::disallowed_methods,
    reason = "this is the door to the environment"
)]
mod env;
mod explain;
mod fix;
mod hook;
mod man;
mod passed;
mod past;
mod progress;
mod pushed;
mod scan;
mod shown;

use std::ffi::OsString;
use std::io::Write;

use clap::{CommandFactory, Parser};

use crate::checks;
use crate::model::ExitCode;
use args::{Args, Command, ConfigCommand};

/// Why a command cannot run: one message and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The source cannot be opened.
    #[error(transparent)]
    Source(#[from] crate::source::SourceError),
    /// A hook cannot be installed or taken away.
    #[error(transparent)]
    Hook(#[from] crate::hook::HookError),
    /// The repository cannot be used.
    #[error(transparent)]
    Git(#[from] crate::git::GitError),
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] crate::settings::SettingsError),
    /// The baseline is wrong.
    #[error(transparent)]
    Baseline(#[from] crate::triage::baseline::BaselineError),
    /// A mistake in the call.
    #[error("{0}")]
    Usage(String),
    /// A file that the call names cannot be read or written.
    #[error("cannot read or write {path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::ErrorKind,
    },
    /// The report cannot be written.
    #[error("cannot write the report: {0}")]
    Output(std::io::ErrorKind),
}

/// Runs the program.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    quiet_panics();
    let args = match Args::try_parse_from(argv) {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::CannotRun
            } else {
                ExitCode::Clean
            };
        }
    };
    match command(&args) {
        Ok(code) => code,
        // Nobody reads on: not a mistake of this program.
        Err(CliError::Output(std::io::ErrorKind::BrokenPipe)) => ExitCode::CannotRun,
        Err(CliError::Settings(error)) => {
            for line in error.lines() {
                let text = crate::model::escape(&line);
                let _ = writeln!(std::io::stderr(), "sopsguard: {text}");
            }
            ExitCode::CannotRun
        }
        Err(error) => {
            let text = crate::model::escape(&error.to_string());
            let mut err = std::io::stderr().lock();
            let _ = writeln!(err, "sopsguard: {text}");
            if let CliError::Hook(hook) = &error {
                for line in &hook.advice {
                    let _ = writeln!(err, "  {}", crate::model::escape(line));
                }
            }
            ExitCode::CannotRun
        }
    }
}

fn command(args: &Args) -> Result<ExitCode, CliError> {
    match &args.command {
        Command::Scan(scan) => scan::run(args, scan, false),
        Command::Config {
            command: ConfigCommand::Check(scan),
        } => scan::run(args, scan, true),
        Command::Baseline { command } => baseline::run(args, command),
        Command::Fix(fix) => fix::run(args, fix),
        Command::Explain(explain) => explain::run(args, explain),
        Command::Hook { command } => hook::run(args, command),
        Command::Man { dir } => man::run(dir.as_deref()),
        Command::Checks => {
            shown::print(&shown::checks_table(&checks::TABLE))?;
            Ok(ExitCode::Clean)
        }
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "sopsguard", &mut out);
            shown::print(&String::from_utf8_lossy(&out))?;
            Ok(ExitCode::Clean)
        }
    }
}

/// A panic message could hold a value: the place alone is told.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map_or(String::from("an unknown place"), |l| {
                format!("{}:{}", l.file(), l.line())
            });
        let _ = writeln!(
            std::io::stderr(),
            "sopsguard: a defect at {place}; please report it"
        );
    }));
}

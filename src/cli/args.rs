//! The arguments, as clap reads them. Help texts are the documentation of the command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::model::Severity;

/// Keeps plaintext secrets out of Git histories that use SOPS.
#[derive(Debug, Parser)]
#[command(name = "sopsguard", version, about, long_about = None, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Args {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Run as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,

    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub(crate) color: ColorChoice,

    /// Show only what must be acted on
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge what is on disk: tracked files, and untracked ones that Git does not ignore
    Scan(ScanArgs),
    /// Tell how the verdict on a file comes about, or show the page of a check
    Explain(ExplainArgs),
    /// Commands about .sops.yaml files
    Config {
        /// What to do
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print the table of checks
    Checks,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Commands about configs.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report only the findings about .sops.yaml files
    Check(ScanArgs),
}

/// Arguments of `scan`.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct ScanArgs {
    /// Files and directories to judge, even if ignored; default: everything
    pub(crate) paths: Vec<PathBuf>,

    /// Judge what `git commit` would record: the index against HEAD
    #[arg(long, conflicts_with = "stdin")]
    pub(crate) staged: bool,

    /// Judge one file from standard input
    #[arg(long, requires = "stdin_path", conflicts_with = "paths")]
    pub(crate) stdin: bool,

    /// The path at which the file from standard input is taken to stand
    #[arg(long, value_name = "PATH", requires = "stdin")]
    pub(crate) stdin_path: Option<PathBuf>,

    /// Format of the report on standard output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: FormatChoice,

    /// Write a further report; repeatable
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(crate) report: Vec<String>,

    /// Lowest severity that makes the run fail
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub(crate) fail_on: FailOn,

    /// Let pass what could not be judged, instead of exit code 3
    #[arg(long)]
    pub(crate) allow_incomplete: bool,

    /// Judge by this config instead of the nearest .sops.yaml
    #[arg(long, value_name = "FILE")]
    pub(crate) sops_config: Option<PathBuf>,

    /// Threads; default: one per core
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) jobs: usize,
}

/// Arguments of `explain`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainArgs {
    /// A path, or the id of a check
    pub(crate) what: PathBuf,

    /// Judge by this config instead of the nearest .sops.yaml
    #[arg(long, value_name = "FILE")]
    pub(crate) sops_config: Option<PathBuf>,
}

/// Formats of `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatChoice {
    /// For people
    #[default]
    Human,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
}

/// `--fail-on`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Errors
    #[default]
    Error,
    /// Warnings and errors
    Warning,
    /// Any finding
    Note,
    /// No finding
    Never,
}

impl FailOn {
    /// The lowest severity that fails the run.
    pub(crate) fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Note => Some(Severity::Note),
            Self::Never => None,
        }
    }
}

/// `--color`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

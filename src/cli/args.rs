//! The arguments, as clap reads them. Help texts are the documentation of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::model::{Date, Severity};

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
    /// Judge what is on disk: tracked files, and untracked ones that Git does not ignore; with --staged what a commit would record
    Scan(ScanArgs),
    /// Encrypt what must be encrypted, with the real sops
    ///
    /// Shows a plan, and then carries it out: each file is encrypted into memory, the result is compared with the original
    /// and judged, and only then takes its place. Whatever fails, the original stays as it was.
    Fix(Box<FixArgs>),
    /// Tell how the verdict on a file comes about, or show the page of a check
    Explain(ExplainArgs),
    /// Commands about .sops.yaml files
    Config {
        /// What to do
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Put the guard into Git's hooks, take it away, or be what the hooks call
    Hook {
        /// What to do
        #[command(subcommand)]
        command: HookCommand,
    },
    /// Accept the findings of today, so that only new ones block
    Baseline {
        /// What to do
        #[command(subcommand)]
        command: BaselineCommand,
    },
    /// Print the table of checks
    Checks,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one page a command
    #[command(hide = true)]
    Man {
        /// Write all pages into this directory
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// Commands about configs.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report only the findings about .sops.yaml files
    Check(ScanArgs),
}

/// Commands about hooks.
#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// Install the pre-commit hook of this repository
    ///
    /// Writes a short script where Git looks for hooks (core.hooksPath is honoured). A hook that exists is never
    /// overwritten: without --chain it stays, and the line to add to it is shown. Where husky, lefthook, pre-commit or
    /// prek manage the hooks, the lines for their configuration are shown instead.
    Install(HookInstallArgs),
    /// Take the hook away, and bring back the one that was chained
    ///
    /// Only what sopsguard wrote is removed. A hook that --chain had moved aside is put back as it was.
    Uninstall(HookUninstallArgs),
    /// Tell what is installed and what Git would run
    ///
    /// Ends with 0 if commits are guarded, 1 if they are not.
    Status {
        /// Only the hook of a repository that is pushed to: pre-receive
        #[arg(long)]
        server: bool,
    },
    /// Do what a hook is for; hooks and hook managers call this
    Run {
        /// The hook
        #[command(subcommand)]
        event: HookEvent,
    },
}

/// Arguments of `hook install`.
#[derive(Debug, ClapArgs)]
pub(crate) struct HookInstallArgs {
    /// The hook of a repository that is pushed to: pre-receive
    #[arg(long)]
    pub(crate) server: bool,

    /// Keep a hook that exists as pre-commit.before-sopsguard (pre-push likewise), and run it first
    #[arg(long, conflicts_with = "git_config")]
    pub(crate) chain: bool,

    /// Write also into a hooks directory outside of the repository, beside a hook manager, or over a changed hook of ours
    ///
    /// Hooks of others are not overwritten even so.
    #[arg(long, conflicts_with = "git_config")]
    pub(crate) force: bool,

    /// Put the hook into Git's configuration instead of a file (Git 2.54 or newer)
    #[arg(long)]
    pub(crate) git_config: bool,

    /// With --git-config: for all repositories of this user
    #[arg(long, requires = "git_config")]
    pub(crate) global: bool,
}

/// Arguments of `hook uninstall`.
#[derive(Debug, ClapArgs)]
pub(crate) struct HookUninstallArgs {
    /// The hook of a repository that is pushed to: pre-receive
    #[arg(long)]
    pub(crate) server: bool,

    /// Remove also from a hooks directory outside of the repository, and a hook of ours that was changed by hand
    #[arg(long, conflicts_with = "git_config")]
    pub(crate) force: bool,

    /// Take the hook out of Git's configuration
    #[arg(long)]
    pub(crate) git_config: bool,

    /// With --git-config: for all repositories of this user
    #[arg(long, requires = "git_config")]
    pub(crate) global: bool,
}

/// Hooks that Git knows.
#[derive(Debug, Subcommand)]
pub(crate) enum HookEvent {
    /// Judge what is about to be committed
    ///
    /// The same as `scan --staged`: the bytes of the index, by the rules of the index and of HEAD. PATHs, as hook
    /// managers pass them, restrict it. Every exit code but 0 makes Git refuse the commit, also 3 (could not judge).
    #[command(
        name = "pre-commit",
        mut_arg("staged", |arg| arg.hide(true)),
        mut_arg("stdin", |arg| arg.hide(true)),
        mut_arg("stdin_path", |arg| arg.hide(true)),
        mut_arg("paths", |arg| arg.help("Judge only these of the staged files; default: all")),
    )]
    Commit(Box<ScanArgs>),
    /// Judge what a push brings to the remote: every commit that it does not have yet
    ///
    /// Reads on standard input what Git tells; of pre-commit's variables where there are no arguments. Every exit code but
    /// 0 makes Git refuse the push, also 3 (could not judge).
    #[command(
        name = "pre-push",
        mut_arg("staged", |arg| arg.hide(true)),
        mut_arg("stdin", |arg| arg.hide(true)),
        mut_arg("stdin_path", |arg| arg.hide(true)),
        mut_arg("paths", |arg| arg.value_name("REMOTE_AND_URL").help("What Git passes: the name of the remote, and its URL")),
    )]
    Push(Box<ScanArgs>),
    /// Judge what a push brings to this repository: every commit that none of its references reaches
    ///
    /// Reads on standard input what Git tells. Every exit code but 0 makes Git refuse the push, also 3 (could not judge).
    #[command(
        name = "pre-receive",
        mut_arg("staged", |arg| arg.hide(true)),
        mut_arg("stdin", |arg| arg.hide(true)),
        mut_arg("stdin_path", |arg| arg.hide(true)),
        mut_arg("paths", |arg| arg.hide(true)),
    )]
    Receive(Box<ScanArgs>),
}

/// Commands about the baseline.
#[derive(Debug, Subcommand)]
pub(crate) enum BaselineCommand {
    /// Accept what blocks today, and keep the entries that still hold
    Write(WriteArgs),
    /// Drop the entries that match nothing or have run out
    Prune(BaselineArgs),
}

/// Arguments of `baseline write`.
#[derive(Debug, ClapArgs)]
pub(crate) struct WriteArgs {
    /// Why the findings are accepted; written into each new entry
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,

    /// The last day on which the new entries hold, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<String>,

    /// Lowest severity that is accepted; note takes all findings
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub(crate) fail_on: FailOn,

    #[command(flatten)]
    pub(crate) common: BaselineArgs,
}

/// Arguments of all commands about the baseline.
#[derive(Debug, ClapArgs)]
pub(crate) struct BaselineArgs {
    /// The baseline, instead of .sopsguard-baseline.json at the root
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Of an audit of history, as `scan --history` does it, instead of the files on disk
    #[arg(long)]
    pub(crate) history: bool,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,

    /// Judge by this config instead of the nearest .sops.yaml
    #[arg(long, value_name = "FILE")]
    pub(crate) sops_config: Option<PathBuf>,

    /// Threads; default: one per core
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) jobs: usize,
}

/// Which settings hold.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct SettingsArgs {
    /// The settings, instead of sopsguard.toml at the root
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub(crate) config: Option<PathBuf>,

    /// Use no settings file
    #[arg(long)]
    pub(crate) no_config: bool,

    /// The day on which this is run, for tests of what holds until a day
    #[arg(long, value_name = "DATE", hide = true, value_parser = date)]
    pub(crate) today: Option<Date>,
}

/// Arguments of `scan`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct ScanArgs {
    /// Files and directories to judge, even if ignored; default: everything
    pub(crate) paths: Vec<PathBuf>,

    /// Judge what `git commit` would record: the index against HEAD
    #[arg(long, conflicts_with = "stdin")]
    pub(crate) staged: bool,

    /// Judge every version that a push or merge request adds: A..B, or A...B from where they part
    ///
    /// Settings, rules, baseline and ignores are those of the base: what the range itself adds of them silences nothing.
    #[arg(long, value_name = "BASE..HEAD", conflicts_with_all = ["staged", "stdin", "paths"])]
    pub(crate) range: Option<String>,

    /// Audit every version that any ref, stash or reflog reaches
    #[arg(long, conflicts_with_all = ["staged", "stdin", "range", "paths"])]
    pub(crate) history: bool,

    /// Only what came with commits that this revision does not have
    #[arg(long, value_name = "REV", requires = "history")]
    pub(crate) since: Option<String>,

    /// Also commits, trees and files that nothing reaches any more
    #[arg(long, requires = "history")]
    pub(crate) unreachable: bool,

    /// Decrypt the files of HEAD in memory, to tell which leaked values are still in use
    ///
    /// Asks the real sops with your own keys. Needs no network: key services and plugins are asked only if allowed.
    #[arg(long, requires = "history")]
    pub(crate) decrypt: bool,

    /// With --decrypt: the sops to ask; default: SOPSGUARD_SOPS, then sops in PATH
    #[arg(long, value_name = "PATH", requires = "decrypt")]
    pub(crate) sops_command: Option<PathBuf>,

    /// With --decrypt: let sops ask the key service on HOST, or on every host (all); repeatable
    #[arg(long, value_name = "HOST", requires = "decrypt")]
    pub(crate) allow_key_service: Vec<String>,

    /// With --decrypt: let sops run plugins of age
    #[arg(long, requires = "decrypt")]
    pub(crate) allow_plugins: bool,

    /// How long sops may take for a file, for tests
    #[arg(long, value_name = "DURATION", hide = true, requires = "decrypt", value_parser = duration)]
    pub(crate) sops_timeout: Option<Duration>,

    /// Let settings, baseline and ignores of the range itself count
    #[arg(long, requires = "range")]
    pub(crate) trust_head: bool,

    /// Whether named files that are not staged are read from the disk: what hook managers mean by naming all files
    #[arg(skip)]
    pub(crate) unstaged_from_disk: bool,

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

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,

    /// The baseline, instead of .sopsguard-baseline.json at the root
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Let no comment in a file ignore findings
    #[arg(long)]
    pub(crate) no_inline_ignores: bool,

    /// Count only findings that the base view (HEAD) does not have
    #[arg(long)]
    pub(crate) new_only: bool,

    /// Judge by this config instead of the nearest .sops.yaml
    #[arg(long, value_name = "FILE")]
    pub(crate) sops_config: Option<PathBuf>,

    /// Judge no longer than this, such as 30s or 5m; what is left then could not be judged (exit code 3)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,

    /// Threads; default: one per core
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) jobs: usize,
}

/// Formats of `fix --format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FixFormat {
    /// For people
    #[default]
    Human,
    /// One JSON document
    Json,
}

/// Arguments of `fix`.
#[derive(Debug, ClapArgs)]
pub(crate) struct FixArgs {
    /// Files and directories to mend; default: everything
    pub(crate) paths: Vec<PathBuf>,

    /// Mend what `git commit` would record: encrypt the staged bytes into the index
    ///
    /// The copy on disk is replaced only where it is what is staged; unstaged edits stay.
    #[arg(long)]
    pub(crate) staged: bool,

    /// Print the plan and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Leave warnings alone, also in files that are named; for hooks, which name every file of a commit
    #[arg(long)]
    pub(crate) only_errors: bool,

    /// Do not ask before --update-keys and --reencrypt change a file
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Encrypt also to recipients who by the rules at HEAD could not open the file; --yes does not cover them
    #[arg(long)]
    pub(crate) accept_new_recipients: bool,

    /// Give encrypted files the recipients of their rules; needs one of your keys
    #[arg(long)]
    pub(crate) update_keys: bool,

    /// Encrypt files as a whole that carry metadata and hold plain values; needs one of your keys
    #[arg(long)]
    pub(crate) reencrypt: bool,

    /// The sops to ask; default: SOPSGUARD_SOPS, then sops in PATH
    #[arg(long, value_name = "PATH")]
    pub(crate) sops_command: Option<PathBuf>,

    /// Let sops ask the key service on HOST, or on every host (all); repeatable
    #[arg(long, value_name = "HOST")]
    pub(crate) allow_key_service: Vec<String>,

    /// Let sops run plugins of age
    #[arg(long)]
    pub(crate) allow_plugins: bool,

    /// For people, or one JSON document of the plan and of what became of it; nothing is asked then
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: FixFormat,

    /// How long sops may take for a file, such as 30s or 2m; default: 30s
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) sops_timeout: Option<Duration>,

    /// Let pass what could not be judged, instead of exit code 3
    #[arg(long)]
    pub(crate) allow_incomplete: bool,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,

    /// The baseline, instead of .sopsguard-baseline.json at the root
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Let no comment in a file ignore findings
    #[arg(long)]
    pub(crate) no_inline_ignores: bool,

    /// Encrypt by this config instead of the nearest .sops.yaml
    #[arg(long, value_name = "FILE")]
    pub(crate) sops_config: Option<PathBuf>,

    /// Threads for judging; default: one per core
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) jobs: usize,
}

/// Arguments of `explain`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainArgs {
    /// One file, or the id of a check (sopsguard checks lists them)
    #[arg(value_name = "PATH | CHECK-ID")]
    pub(crate) what: PathBuf,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,

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
    /// For a ticket or the comment on a merge request
    Markdown,
    /// A page for a browser
    Html,
    /// Object ids for a rewrite of history
    Blobs,
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

fn date(text: &str) -> Result<Date, String> {
    Date::parse(text).ok_or_else(|| "write YYYY-MM-DD".to_owned())
}

/// A number and its unit: `500ms`, `30s`, `5m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a number and ms, s, m or h, such as 30s".to_owned()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "this is no whole number".to_owned())?;
    number
        .checked_mul(milliseconds)
        .map(Duration::from_millis)
        .ok_or_else(|| "this is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3_600)));
        for text in [
            "",
            "5",
            "s",
            "1.5s",
            "-1s",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}

//! What the program reads from its environment, Git's own variables apart (`git/env.rs`).

use std::io::IsTerminal;
use std::path::PathBuf;

use super::args::ColorChoice;
use super::progress::Terminal;
use crate::hook::Machine;
use crate::model::{Date, Moment};
use crate::report::Style;

/// Where programs are: the entries of `PATH`, and this program itself.
pub(crate) fn machine() -> Machine {
    let search: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    let own = std::env::current_exe().ok();
    let real = own.as_ref().and_then(|p| std::fs::canonicalize(p).ok());
    // A package manager's link stays when the version behind it goes.
    let name = format!("sopsguard{}", std::env::consts::EXE_SUFFIX);
    let link = search
        .iter()
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(&name))
        .find(|path| real.is_some() && std::fs::canonicalize(path).ok() == real);
    Machine {
        program: link.or(own),
        search,
    }
}

/// What sops is looked for with, and what it may be told: all variables, of which `decrypt` passes on few.
pub(crate) fn for_sops() -> crate::decrypt::Machine {
    crate::decrypt::Machine {
        search: machine().search,
        variables: std::env::vars_os().collect(),
        dir: std::env::current_dir().unwrap_or_default(),
    }
}

/// Where temporary files go.
pub(crate) fn temporary() -> PathBuf {
    std::env::temp_dir()
}

/// The user's home.
pub(crate) fn home() -> Option<std::ffi::OsString> {
    std::env::var_os("HOME").filter(|home| !home.is_empty())
}

/// Whether somebody can be asked.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// `GIT_PREFIX`, which Git sets for hooks: the directory below the top in which `git commit` was called.
pub(crate) fn git_prefix() -> Option<Vec<u8>> {
    let prefix = std::env::var_os("GIT_PREFIX")?.into_encoded_bytes();
    let prefix = prefix.strip_suffix(b"/").unwrap_or(&prefix);
    let plain = !prefix.starts_with(b"/") && !prefix.split(|b| *b == b'/').any(|p| p == b"..");
    (plain && !prefix.is_empty()).then(|| prefix.to_vec())
}

/// What pre-commit and prek tell a hook of a push.
#[derive(Debug)]
pub(crate) struct PreCommit {
    /// What the remote has.
    pub(crate) from: Option<String>,
    /// What is pushed.
    pub(crate) to: String,
    /// The remote, by name or URL.
    pub(crate) remote: Option<String>,
    /// Its URL.
    pub(crate) url: Option<String>,
    /// The reference that changes there.
    pub(crate) remote_branch: Option<String>,
}

/// The variables of pre-commit and prek; `None` unless they speak of a push. For a history without a commit that the remote
/// has they name only the branch.
pub(crate) fn pre_commit() -> Option<PreCommit> {
    let value = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let remote = value("PRE_COMMIT_REMOTE_NAME");
    let local = || value("PRE_COMMIT_LOCAL_BRANCH").filter(|_| remote.is_some());
    Some(PreCommit {
        from: value("PRE_COMMIT_FROM_REF"),
        to: value("PRE_COMMIT_TO_REF").or_else(local)?,
        url: value("PRE_COMMIT_REMOTE_URL"),
        remote_branch: value("PRE_COMMIT_REMOTE_BRANCH"),
        remote,
    })
}

/// Today, in UTC. Not from a variable: what held until a day must not come back by setting one.
pub(crate) fn today() -> Date {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Date::of_unix(now.map_or(0, |d| d.as_secs()))
}

/// What reports give as their date: now, or what `SOURCE_DATE_EPOCH` says
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
pub(crate) fn now() -> Moment {
    let told = std::env::var("SOURCE_DATE_EPOCH").ok();
    let told = told.and_then(|text| text.trim().parse().ok());
    Moment(told.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
    }))
}

/// How to draw on standard output.
pub(crate) fn style(color: ColorChoice, quiet: bool) -> Style {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0");
    let terminal = std::io::stdout().is_terminal();
    let color = match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        // https://no-color.org, https://bixense.com/clicolors, and FORCE_COLOR, which CI systems set.
        ColorChoice::Auto => {
            if std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()) {
                false
            } else if set("CLICOLOR_FORCE") || set("FORCE_COLOR") {
                true
            } else {
                terminal && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
            }
        }
    };
    let width = columns().or_else(|| {
        terminal
            .then(|| terminal_size::terminal_size().map(|(w, _)| usize::from(w.0)))
            .flatten()
    });
    Style {
        color,
        width: width.unwrap_or(100),
        unicode: unicode(),
        quiet,
        now: Some(now()),
    }
}

/// The terminal to draw progress on. None in a hook and in CI: there, nobody watches a bar move.
pub(crate) fn watched() -> Option<Terminal> {
    let set = |name: &str| {
        std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0" && v != "false")
    };
    // Git gives hooks this one, empty at the top of the repository.
    let hook = std::env::var_os("GIT_PREFIX").is_some();
    let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
    if hook || dumb || set("CI") || !std::io::stderr().is_terminal() {
        return None;
    }
    let size = terminal_size::terminal_size_of(std::io::stderr());
    let width = size.map(|(w, _)| usize::from(w.0)).or_else(columns);
    Some(Terminal {
        width: width.unwrap_or(80),
        unicode: unicode(),
    })
}

/// `COLUMNS`, where it makes sense.
fn columns() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok()?.parse().ok()?;
    (20..=1000).contains(&columns).then_some(columns)
}

/// Whether the locale is one of UTF-8.
fn unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()));
    locale.is_some_and(|l| l.to_ascii_lowercase().replace('-', "").contains("utf8"))
}

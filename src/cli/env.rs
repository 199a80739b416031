//! What the program reads from its environment, Git's own variables apart (`git/env.rs`).

use std::io::IsTerminal;
use std::path::PathBuf;

use super::args::ColorChoice;
use crate::hook::Machine;
use crate::model::Date;
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

/// Today, in UTC; `SOURCE_DATE_EPOCH` says it for runs that are to be repeated.
pub(crate) fn today() -> Date {
    let told = std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|s| s.parse().ok());
    let now = || {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs())
    };
    Date::of_unix(told.unwrap_or_else(now))
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
    let width = std::env::var("COLUMNS")
        .ok()
        .and_then(|c| c.parse().ok())
        .filter(|c| (20..=1000).contains(c));
    let width = width
        .or_else(|| {
            terminal
                .then(|| terminal_size::terminal_size().map(|(w, _)| usize::from(w.0)))
                .flatten()
        })
        .unwrap_or(100);
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()));
    let unicode = locale.is_some_and(|l| l.to_ascii_lowercase().replace('-', "").contains("utf8"));
    Style {
        color,
        width,
        unicode,
        quiet,
    }
}

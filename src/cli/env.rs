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

/// `GIT_PREFIX`, which Git sets for hooks: the directory below the top in which `git commit` was called.
pub(crate) fn git_prefix() -> Option<Vec<u8>> {
    let prefix = std::env::var_os("GIT_PREFIX")?.into_encoded_bytes();
    let prefix = prefix.strip_suffix(b"/").unwrap_or(&prefix);
    let plain = !prefix.starts_with(b"/") && !prefix.split(|b| *b == b'/').any(|p| p == b"..");
    (plain && !prefix.is_empty()).then(|| prefix.to_vec())
}

/// Today, in UTC. Not from a variable: what held until a day must not come back by setting one.
pub(crate) fn today() -> Date {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Date::of_unix(now.map_or(0, |d| d.as_secs()))
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

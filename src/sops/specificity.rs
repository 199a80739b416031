//! How specific a creation rule is about a path: does it speak of this file, or does it merely supply keys?
//!
//! A rule that matches is no proof that a file must be encrypted; `.*\.yaml$` matches everything. So the pattern is probed:
//! parts of the path are replaced by neutral words, and a part whose removal stops the match is one the rule needs.
//! Follows step 5b of the decision procedure; which words mark a secret is data (`crate::words`).
//!
//! Nothing is parsed here and no pattern is looked into: a pattern is a function from path to yes or no.

use std::fmt;

use crate::words;

/// Words that no pattern means, one of small letters, one with a digit and a dash. A part counts as needed only if both
/// fail in its place, so `[a-z]+` and `\w*\d+` need nothing.
const NEUTRAL: [&str; 2] = ["zq", "q7-zq"];

/// What a rule needs of a path, from the most to the least specific.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Specificity {
    /// The file name itself (`secrets.yaml`).
    Name,
    /// The end of the name, which holds a mark (`.sops.yaml`).
    NameMark,
    /// Directories, one of which holds a mark (`secrets/`).
    DirMark,
    /// Directories without a mark (`kubernetes/`).
    Dir,
    /// Only the extension (`.yaml`).
    Ext,
    /// Nothing: a catch-all.
    All,
}

impl Specificity {
    /// Whether the rule speaks of this file, so that plaintext there is an error by itself.
    pub fn is_narrow(self) -> bool {
        match self {
            Self::Name | Self::NameMark | Self::DirMark => true,
            Self::Dir | Self::Ext | Self::All => false,
        }
    }
}

impl Specificity {
    /// The name users see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::NameMark => "name+mark",
            Self::DirMark => "dir+mark",
            Self::Dir => "dir",
            Self::Ext => "ext",
            Self::All => "all",
        }
    }
}

impl fmt::Display for Specificity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Probes a rule that governs `subject`.
///
/// * `is_match`: the rule's `path_regex`; always true for a rule without one.
/// * `subject`: the path relative to the directory of the config, as the pattern sees it.
/// * `config_dir`: the directory of the config relative to the root of the repository, empty for the root. A rule can
///   reach nothing outside of it, so it counts as needed.
///
/// If the pattern does not match `subject` at all the answer means nothing.
pub fn probe(is_match: &dyn Fn(&str) -> bool, subject: &str, config_dir: &str) -> Specificity {
    let own_directory = Needed::of_config(config_dir);
    if NEUTRAL
        .iter()
        .any(|word| is_match(word) && is_match(&format!("{word}/{word}")))
    {
        return own_directory.class().unwrap_or(Specificity::All);
    }
    let (directories, name) = match subject.rsplit_once('/') {
        Some((directories, name)) => (directories.split('/').collect(), name),
        None => (Vec::new(), subject),
    };
    let probe = Probe {
        is_match,
        directories,
    };
    let by_extension = || Some((probe.by_extension(name)?, "."));
    let Some((neutral_name, tail)) = probe.without_stem(name).or_else(by_extension) else {
        return Specificity::Name;
    };
    if has_mark(tail, Place::Name) {
        return Specificity::NameMark;
    }
    let broad = if tail.is_empty() {
        Specificity::All
    } else {
        Specificity::Ext
    };
    probe
        .needed_directories(&neutral_name)
        .and(own_directory)
        .class()
        .unwrap_or(broad)
}

/// What is needed of the directories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Needed {
    any: bool,
    marked: bool,
}

impl Needed {
    fn of_config(config_dir: &str) -> Self {
        let parts = || {
            config_dir
                .split('/')
                .filter(|part| !matches!(*part, "" | "."))
        };
        Self {
            any: parts().next().is_some(),
            marked: parts().any(|part| has_mark(part, Place::ConfigDirectory)),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            any: self.any || other.any,
            marked: self.marked || other.marked,
        }
    }

    fn class(self) -> Option<Specificity> {
        match self {
            Self { marked: true, .. } => Some(Specificity::DirMark),
            Self { any: true, .. } => Some(Specificity::Dir),
            Self { .. } => None,
        }
    }
}

struct Probe<'a> {
    is_match: &'a dyn Fn(&str) -> bool,
    directories: Vec<&'a str>,
}

impl Probe<'_> {
    /// The shortest neutral name that still matches, and the end of the real name it had to keep.
    /// `None`: the pattern needs the stem.
    fn without_stem<'n>(&self, name: &'n str) -> Option<(String, &'n str)> {
        // The dot of a dot file opens no extension.
        let stem = name
            .char_indices()
            .skip(1)
            .find(|(_, c)| *c == '.')
            .map_or(name.len(), |(at, _)| at);
        let all = &name[stem..];
        let last = all.rfind('.').map_or(all, |at| &all[at..]);
        ["", last, all].into_iter().find_map(|tail| {
            NEUTRAL.iter().find_map(|word| {
                let name = format!("{word}{tail}");
                self.matches(&self.directories, &name)
                    .then_some((name, tail))
            })
        })
    }

    /// A pattern for an extension can match the beginning of a dot file's name by accident (`.*.yaml` and `.yamllint`): the
    /// rest of the name may be another, and something may stand in front of it. A marked beginning is no accident.
    fn by_extension(&self, name: &str) -> Option<String> {
        let longer = NEUTRAL
            .iter()
            .map(|word| format!("{word}{name}"))
            .find(|longer| self.matches(&self.directories, longer))?;
        let ends = name.char_indices().map(|(at, _)| at).skip(2);
        let needed = ends.map(|at| &name[..at]).find(|start| {
            let with = |word: &&str| self.matches(&self.directories, &format!("{start}{word}"));
            NEUTRAL.iter().all(with)
        })?;
        (name.starts_with('.') && !has_mark(needed, Place::Name)).then_some(longer)
    }

    /// Which directories the pattern cannot do without, the file being called `name`.
    fn needed_directories(&self, name: &str) -> Needed {
        let mut needed = Needed::default();
        let everywhere = 0..self.directories.len();
        for (at, directory) in self.directories.iter().enumerate() {
            // `secrets/a/secrets` matches `secrets/` when either one is gone: equal names go together first.
            let equal = |other: usize| self.directories[other] == *directory;
            if self.stops_without(equal, name) || self.stops_without(|other| other == at, name) {
                needed = needed.and(Needed {
                    any: true,
                    marked: has_mark(directory, Place::Directory),
                });
            }
        }
        // Two names that serve the same pattern (`secrets/prod-secrets`): neither is needed, and yet one of them is.
        if !needed.any && self.stops_without(|_| true, name) {
            let enough = |at: usize| !self.stops_without(|other| other != at, name);
            let marked = |at: &usize| has_mark(self.directories[*at], Place::Directory);
            needed = Needed {
                any: true,
                marked: everywhere.filter(marked).any(enough),
            };
        }
        needed
    }

    /// Whether no neutral word can stand for the chosen directories.
    fn stops_without(&self, chosen: impl Fn(usize) -> bool, name: &str) -> bool {
        NEUTRAL.iter().all(|word| {
            let replaced: Vec<_> = (0..self.directories.len())
                .map(|at| {
                    if chosen(at) {
                        *word
                    } else {
                        self.directories[at]
                    }
                })
                .collect();
            !self.matches(&replaced, name)
        })
    }

    fn matches(&self, directories: &[&str], name: &str) -> bool {
        let mut path = String::new();
        for part in directories {
            path.push_str(part);
            path.push('/');
        }
        path.push_str(name);
        (self.is_match)(&path)
    }
}

/// Where a word stands; not every mark means something everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Name,
    Directory,
    /// Here `sops` names the tool whose config lies there.
    ConfigDirectory,
}

/// Whether a token of `text` marks a secret. Tokens are runs of letters, compared in lower case; a neighbour can spoil a
/// mark (`external-secrets`, `secret-store`).
fn has_mark(text: &str, place: Place) -> bool {
    let lower = text.to_lowercase();
    let tokens: Vec<&str> = lower
        .split(|c: char| !c.is_alphabetic())
        .filter(|token| !token.is_empty())
        .collect();
    tokens.iter().enumerate().any(|(at, token)| {
        let before = at.checked_sub(1).map_or("", |before| tokens[before]);
        let after = tokens.get(at + 1).copied().unwrap_or("");
        let silent = match place {
            Place::Name => false,
            Place::Directory => words::NO_DIRECTORY_MARKS.contains(token),
            Place::ConfigDirectory => *token == "sops" || words::NO_DIRECTORY_MARKS.contains(token),
        };
        let spoiled = words::MARK_SPOILERS_BEFORE.contains(before)
            || words::MARK_SPOILERS_AFTER.contains(after);
        words::MARKS.contains(token) && !silent && !spoiled
    })
}

#[cfg(test)]
mod tests;

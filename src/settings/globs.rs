//! Globs over paths, relative to the root of the repository.
//!
//! `*` and `?` stay within a part of the path, `**` crosses parts, `[a-z]` and `{a,b}` are as usual, `\` escapes. A glob
//! that ends in `/` means everything below. The whole path must match: `*.yaml` is a file at the root.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::model::RepoPath;

/// One glob of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    /// As it is written.
    pub pattern: String,
    /// Its line in the settings, from 1.
    pub line: u32,
}

/// A list of globs.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    list: Vec<Glob>,
    set: Option<GlobSet>,
}

/// Why a text is no glob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadGlob {
    Empty,
    Absolute,
    Upwards,
    Syntax,
}

impl BadGlob {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "an empty glob matches nothing",
            Self::Absolute => {
                "globs are relative to the root of the repository: no `/` or `./` in front"
            }
            Self::Upwards => "`..` cannot stand in a glob: paths do not leave the repository",
            Self::Syntax => "this is not a valid glob",
        }
    }
}

impl Globs {
    /// Puts a list together; the mistakes are those of the glob with the given index.
    pub(super) fn new(list: Vec<Glob>) -> Result<Self, Vec<(usize, BadGlob)>> {
        let mut builder = GlobSetBuilder::new();
        let mut bad = Vec::new();
        for (i, glob) in list.iter().enumerate() {
            match compile(&glob.pattern) {
                Ok(glob) => {
                    builder.add(glob);
                }
                Err(why) => bad.push((i, why)),
            }
        }
        if !bad.is_empty() {
            return Err(bad);
        }
        if list.is_empty() {
            return Ok(Self::default());
        }
        match builder.build() {
            Ok(set) => Ok(Self {
                list,
                set: Some(set),
            }),
            Err(_) => Err(vec![(0, BadGlob::Syntax)]),
        }
    }

    /// The globs, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Glob> {
        self.list.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether one of them matches.
    pub fn matches(&self, path: &RepoPath) -> bool {
        self.set.is_some() && self.matches_text(&path.to_text())
    }

    /// Whether one of them matches a path given as text.
    pub fn matches_text(&self, path: &str) -> bool {
        self.set
            .as_ref()
            .is_some_and(|set| set.is_match(Path::new(path)))
    }

    /// The globs that match none of the paths.
    pub fn unused<'p>(&self, paths: impl Iterator<Item = &'p RepoPath>) -> Vec<&Glob> {
        let Some(set) = &self.set else {
            return Vec::new();
        };
        let mut used = vec![false; self.list.len()];
        let mut hits = Vec::new();
        for path in paths {
            set.matches_into(Path::new(&*path.to_text()), &mut hits);
            for hit in &hits {
                used[*hit] = true;
            }
        }
        self.list
            .iter()
            .zip(used)
            .filter(|(_, used)| !used)
            .map(|(glob, _)| glob)
            .collect()
    }
}

fn compile(pattern: &str) -> Result<globset::Glob, BadGlob> {
    if pattern.is_empty() {
        return Err(BadGlob::Empty);
    }
    if pattern.starts_with('/') || pattern.starts_with("./") {
        return Err(BadGlob::Absolute);
    }
    if pattern.split('/').any(|part| part == "..") {
        return Err(BadGlob::Upwards);
    }
    let below = if pattern.ends_with('/') { "**" } else { "" };
    GlobBuilder::new(&format!("{pattern}{below}"))
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|_| BadGlob::Syntax)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(patterns: &[&str]) -> Globs {
        let list = patterns.iter().map(|p| Glob {
            pattern: (*p).to_owned(),
            line: 1,
        });
        Globs::new(list.collect()).expect("valid")
    }

    #[test]
    fn a_star_stays_within_a_part_and_two_cross_parts() {
        for (pattern, path, expected) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "d/a.yaml", false),
            ("**/*.yaml", "a.yaml", true),
            ("**/*.yaml", "d/e/a.yaml", true),
            ("d/*/a.yaml", "d/e/a.yaml", true),
            ("d/*/a.yaml", "d/e/f/a.yaml", false),
            ("d/", "d/e/f/a.yaml", true),
            ("d/", "d", false),
            ("d/**", "d/a", true),
            ("d", "d/a", false),
            ("{a,b}/x", "b/x", true),
            ("a?", "a/", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("A.yaml", "a.yaml", false),
            (".env*", ".env.prod", true),
            ("**/.*", "a/.env", true),
        ] {
            assert_eq!(
                globs(&[pattern]).matches_text(path),
                expected,
                "{pattern} on {path}"
            );
        }
    }

    #[test]
    fn what_cannot_match_is_no_glob() {
        for (pattern, why) in [
            ("", BadGlob::Empty),
            ("/a", BadGlob::Absolute),
            ("./a", BadGlob::Absolute),
            ("a/../b", BadGlob::Upwards),
            ("a[", BadGlob::Syntax),
            ("{a", BadGlob::Syntax),
        ] {
            let list = vec![Glob {
                pattern: pattern.to_owned(),
                line: 1,
            }];
            assert_eq!(
                Globs::new(list).map(|_| ()),
                Err(vec![(0, why)]),
                "{pattern}"
            );
        }
    }

    #[test]
    fn each_glob_is_told_apart_when_unused() {
        let set = globs(&["a/*", "b/*"]);
        let paths = [RepoPath::new("a/x")];
        let unused = set.unused(paths.iter());
        assert_eq!(unused.len(), 1);
        assert_eq!(unused[0].pattern, "b/*");
    }
}

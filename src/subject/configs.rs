//! The configs of a view, and which rule governs a path, with the trace that `explain` prints.
//!
//! The nearest `.sops.yaml` at or above the file governs, up to the root of the repository: what sops does when it is run
//! from the file's own directory. sops itself starts at the current directory; where that would change the verdict, the
//! check `config-ambiguous` says so.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::model::{GovernedBy, LineIndex, RepoPath, View};
use crate::settings::Policy;
use crate::sops::config::{Choice, CreationRule, SopsConfig};
use crate::sops::specificity::{self, Specificity};

/// Name of the config file.
pub const CONFIG_NAME: &[u8] = b".sops.yaml";

/// A config with its place.
#[derive(Clone)]
pub struct LoadedConfig {
    /// Path of the file.
    pub path: RepoPath,
    /// What it says.
    pub config: SopsConfig,
    /// Whether Git tracks it.
    pub tracked: bool,
    /// Whether it governs as if it stood at the root.
    rooted: bool,
    /// Line of each rule, from 1.
    rule_lines: Vec<u32>,
}

impl LoadedConfig {
    /// Reads the text of a config.
    pub fn new(path: RepoPath, text: &str, tracked: bool) -> Self {
        let config = SopsConfig::read(text);
        let lines = LineIndex::new(text);
        let rule_lines = config
            .rules()
            .iter()
            .map(|r| lines.line_column(r.span.start).0)
            .collect();
        Self {
            path,
            config,
            tracked,
            rooted: false,
            rule_lines,
        }
    }

    /// Directory of the config, or the one it is taken to stand in.
    pub fn dir(&self) -> &[u8] {
        if self.rooted { b"" } else { self.path.parent() }
    }

    /// Whether it was named for every path, and so is read as if it stood at the root.
    pub fn is_rooted(&self) -> bool {
        self.rooted
    }

    /// Line of a rule, from 1.
    pub fn rule_line(&self, index: usize) -> u32 {
        self.rule_lines.get(index).copied().unwrap_or(1)
    }

    /// What sops would match for a path below this config.
    pub fn subject(&self, path: &RepoPath) -> Option<String> {
        path.relative_to(self.dir())
            .map(|b| RepoPath::new(b).to_text().into_owned())
    }
}

/// All configs of a view.
#[derive(Default)]
pub struct ConfigSet {
    list: Vec<LoadedConfig>,
    by_dir: HashMap<Box<[u8]>, usize, RandomState>,
    /// Set by `--sops-config`: this config governs everything.
    only: bool,
}

impl ConfigSet {
    /// From the configs of a view.
    pub fn new(mut list: Vec<LoadedConfig>) -> Self {
        list.sort_by(|a, b| a.path.cmp(&b.path));
        let by_dir = list
            .iter()
            .enumerate()
            .map(|(i, c)| (c.dir().into(), i))
            .collect();
        Self {
            list,
            by_dir,
            only: false,
        }
    }

    /// One config for every path, as if it stood at the root.
    pub fn only(config: LoadedConfig) -> Self {
        let rooted = LoadedConfig {
            rooted: true,
            ..config
        };
        Self {
            list: vec![rooted],
            by_dir: HashMap::default(),
            only: true,
        }
    }

    /// The configs, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = &LoadedConfig> {
        self.list.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Configs at or above a directory, nearest first.
    pub fn above<'s>(&'s self, dir: &[u8]) -> impl Iterator<Item = &'s LoadedConfig> + use<'s> {
        // Lazily, because most callers want the first one only.
        let mut next = (!self.only && !self.list.is_empty()).then_some(dir.len());
        let mut only = self.only.then_some(0);
        let dir = dir.to_vec();
        std::iter::from_fn(move || {
            if let Some(first) = only.take() {
                return self.list.get(first);
            }
            while let Some(at) = next {
                let here = &dir[..at];
                next = (at > 0).then(|| memchr::memrchr(b'/', here).unwrap_or(0));
                if let Some(i) = self.by_dir.get(here) {
                    return self.list.get(*i);
                }
            }
            None
        })
    }

    /// What governs a path.
    pub fn decide(&self, path: &RepoPath) -> Decision<'_> {
        let Some(config) = self.above(path.parent()).next() else {
            return Decision::none();
        };
        let subject = if self.only {
            Some(path.to_text().into_owned())
        } else {
            config.subject(path)
        };
        let Some(subject) = subject else {
            return Decision::none();
        };
        let choice = config.config.choose(&subject);
        Decision {
            config: Some(config),
            choice,
            subject,
            specificity: std::cell::OnceCell::new(),
        }
    }
}

/// Why a file must be encrypted as a whole, its name apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing asks for it.
    No,
    /// A narrow rule.
    Narrow,
    /// A broad rule, under `[policy] strict`.
    Strict,
    /// `[policy] require`.
    Required,
}

/// What governs a path.
pub struct Decision<'c> {
    /// The nearest config.
    pub config: Option<&'c LoadedConfig>,
    /// The rule it gives the path.
    pub choice: Choice,
    /// What the patterns were matched against.
    pub subject: String,
    specificity: std::cell::OnceCell<Option<Specificity>>,
}

impl<'c> Decision<'c> {
    fn none() -> Self {
        Self {
            config: None,
            choice: Choice::NoCreationRules,
            subject: String::new(),
            specificity: std::cell::OnceCell::new(),
        }
    }

    /// The governing rule.
    pub fn rule(&self) -> Option<&'c CreationRule> {
        match (self.config, self.choice) {
            (Some(c), Choice::Rule(i)) => c.config.rules().get(i),
            _ => None,
        }
    }

    /// How specific the governing rule is about the path (step 5b).
    pub fn specificity(&self) -> Option<Specificity> {
        *self.specificity.get_or_init(|| {
            let rule = self.rule()?;
            let dir = RepoPath::new(self.config?.dir());
            Some(specificity::probe(
                &|s| rule.matches(s),
                &self.subject,
                &dir.to_text(),
            ))
        })
    }

    /// Whether a narrow rule governs the path.
    pub fn is_narrow(&self) -> bool {
        self.specificity().is_some_and(Specificity::is_narrow)
    }

    /// Whether the rule asks for encryption, or the settings do.
    pub fn asked(&self, policy: &Policy, required: bool) -> Asked {
        if self.rule().is_some() && self.is_narrow() {
            Asked::Narrow
        } else if required {
            Asked::Required
        } else if policy.strict && self.rule().is_some() {
            Asked::Strict
        } else {
            Asked::No
        }
    }

    /// For a finding: the rule with its place.
    pub fn governed_by(&self) -> Option<GovernedBy> {
        let (config, rule) = (self.config?, self.rule()?);
        Some(GovernedBy {
            config: config.path.clone(),
            rule: u32::try_from(rule.index).unwrap_or(u32::MAX),
            line: config.rule_line(rule.index),
            at: View::Own,
        })
    }
}

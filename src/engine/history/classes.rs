//! Which rules could ever have governed a path.
//!
//! Every version of every config counts, each as if it stood alone, beside the configs of today. Versions that differ only
//! in their recipients are one. A version of a file is looked at under each rule that any of them gives its path: more than
//! the commits ever asked, never less; what is found so is judged again in its own commit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::RepoPath;
use crate::settings::Policy;
use crate::sops::config::{Choice, CreationRule};
use crate::sops::goregex::GoRegex;
use crate::sops::options::SelectionOptions;
use crate::subject::{Asked, ConfigSet, Decision, LoadedConfig, standing};

/// Sets of configs, and which of their rules are the same.
pub(super) struct Classes {
    /// Those of today, then each config that there ever was.
    sets: Vec<ConfigSet>,
    /// The number of each rule of today, by config and index; rules of one number ask the same.
    today: HashMap<(RepoPath, usize), usize>,
    /// The same for the others, in order of their rules.
    ever: Vec<Ever>,
    /// The patterns of them all, each once.
    patterns: Vec<Arc<GoRegex>>,
}

/// A config that there was.
struct Ever {
    dir: Vec<u8>,
    rules: Vec<(Pattern, usize)>,
}

/// When a rule is taken.
enum Pattern {
    Always,
    Rejected,
    /// A pattern, by its number.
    Matches(usize),
}

/// What rules make of a path.
#[derive(Clone, Debug, Default)]
pub(super) struct OfPath {
    /// The sets that differ on it; at least one.
    pub(super) sets: Vec<usize>,
    /// Whether one of them, the settings or the name ask for encryption.
    pub(super) asked: bool,
}

impl Classes {
    /// From today's configs and all that there ever were.
    pub(super) fn new(today: ConfigSet, ever: Vec<LoadedConfig>, named: Option<&RepoPath>) -> Self {
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut number = |text: String| {
            let next = numbers.len() + 2;
            *numbers.entry(text).or_insert(next)
        };
        let mut of_today = HashMap::new();
        for config in today.iter() {
            for rule in config.config.rules() {
                let key = (config.path.clone(), rule.index);
                of_today.insert(key, number(asks(config, rule)));
            }
        }
        let mut known: HashSet<(Vec<u8>, Vec<usize>)> = HashSet::new();
        let mut by_text: HashMap<(Vec<u8>, String), usize> = HashMap::new();
        let (mut sets, mut list, mut patterns) = (vec![today], Vec::new(), Vec::new());
        for config in ever {
            let of_rules = config.config.rules().iter();
            let asked: Vec<usize> = of_rules.map(|r| number(asks(&config, r))).collect();
            // One that the settings name governs everything.
            let rooted = named == Some(&config.path);
            let dir = match rooted {
                true => Vec::new(),
                false => config.dir().to_vec(),
            };
            if config.config.broken.is_some() || !known.insert((dir.clone(), asked.clone())) {
                continue;
            }
            let mut pattern = |rule: &CreationRule| match &rule.path_regex {
                None => Pattern::Always,
                Some(p) => match &p.regex {
                    Err(_) => Pattern::Rejected,
                    Ok(regex) => {
                        let next = patterns.len();
                        let key = (dir.clone(), p.source.clone());
                        let at = *by_text.entry(key).or_insert(next);
                        if at == next {
                            patterns.push(Arc::clone(regex));
                        }
                        Pattern::Matches(at)
                    }
                },
            };
            let rules = config.config.rules().iter().zip(asked);
            let rules = rules.map(|(r, n)| (pattern(r), n)).collect();
            list.push(Ever { dir, rules });
            sets.push(match rooted {
                true => ConfigSet::only(config),
                false => ConfigSet::new(vec![config]),
            });
        }
        Self {
            sets,
            today: of_today,
            ever: list,
            patterns,
        }
    }

    /// A set of configs.
    pub(super) fn set(&self, at: usize) -> &ConfigSet {
        &self.sets[at]
    }

    /// What they make of a path.
    pub(super) fn of(&self, path: &RepoPath, policy: &Policy) -> OfPath {
        let name = standing::file_name(path);
        let required = policy.requires(path);
        let mut out = OfPath {
            sets: Vec::new(),
            asked: required || standing::name_promises(&name),
        };
        let mut seen: Vec<usize> = Vec::new();
        let mut note = |at: usize, number: usize, out: &mut OfPath| {
            if seen.contains(&number) {
                return;
            }
            seen.push(number);
            let decision = self.sets[at].decide(path);
            let asked = decision.asked(policy, required) != Asked::No;
            // A rule that asks for nothing changes nothing, unless it names the extension of prose or program text.
            if number > 1 && !asked && !names_extension(&decision, &name) {
                if seen.contains(&0) {
                    return;
                }
                seen.push(0);
            }
            out.sets.push(at);
            out.asked |= asked;
        };
        let decision = self.sets[0].decide(path);
        let number = match (decision.config, decision.choice) {
            (Some(config), Choice::Rule(i)) => {
                let key = (config.path.clone(), i);
                self.today.get(&key).copied().unwrap_or(0)
            }
            (Some(_), Choice::BadPattern(_)) => 1,
            _ => 0,
        };
        note(0, number, &mut out);
        let mut matched: Vec<Option<bool>> = vec![None; self.patterns.len()];
        let mut subject: Option<(&[u8], String)> = None;
        for (at, ever) in self.ever.iter().enumerate() {
            let number = match path.relative_to(&ever.dir) {
                None => 0,
                Some(relative) => {
                    if subject.as_ref().is_none_or(|(dir, _)| *dir != ever.dir) {
                        let text = RepoPath::new(relative).to_text().into_owned();
                        subject = Some((&ever.dir, text));
                    }
                    let text = subject.as_ref().map_or("", |(_, text)| text);
                    let taken = ever.rules.iter().find(|(pattern, _)| match pattern {
                        Pattern::Always | Pattern::Rejected => true,
                        Pattern::Matches(n) => {
                            *matched[*n].get_or_insert_with(|| self.patterns[*n].is_match(text))
                        }
                    });
                    match taken {
                        None => 0,
                        Some((Pattern::Rejected, _)) => 1,
                        Some((_, number)) => *number,
                    }
                }
            };
            note(at + 1, number, &mut out);
        }
        out
    }
}

/// What a rule asks, its recipients left out.
fn asks(config: &LoadedConfig, rule: &CreationRule) -> String {
    let pattern = rule.path_regex.as_ref().map(|p| p.source.as_str());
    let SelectionOptions {
        unencrypted_suffix,
        encrypted_suffix,
        unencrypted_regex,
        encrypted_regex,
        unencrypted_comment_regex,
        encrypted_comment_regex,
    } = &rule.options;
    let patterns = [
        unencrypted_regex,
        encrypted_regex,
        unencrypted_comment_regex,
        encrypted_comment_regex,
    ]
    .map(|p| p.as_ref().map(|p| p.source.as_str()));
    let dir = config.dir();
    let keys = rule.has_keys();
    format!("{dir:?} {pattern:?} {unencrypted_suffix:?} {encrypted_suffix:?} {patterns:?} {keys}")
}

/// Whether a rule ends in the very extension of prose or program text, which is then no longer exempt.
fn names_extension(decision: &Decision<'_>, name: &str) -> bool {
    let Some(rule) = decision.rule() else {
        return false;
    };
    standing::is_prose_or_code(name)
        && standing::rule_names_extension(&|s| rule.matches(s), &decision.subject)
}

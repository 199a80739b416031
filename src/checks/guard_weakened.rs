//! A change of the rules that asks for less than before, or lets one more read.
//!
//! Rules are compared by what they do, not by how they are written: for files of the view, and for paths made from each
//! old pattern, the new rules are asked. So moving, splitting, widening or commenting rules is silent.

use std::collections::BTreeSet;

use super::Sink;
use super::recipient_missing::names;
use crate::model::{
    CheckInfo, Finding, GovernedBy, Message, Place, RepoPath, SafeKey, Severity, View,
};
use crate::say;
use crate::sops::config::CreationRule;
use crate::sops::options::{Pattern, SelectionOptions};
use crate::sops::recipients::{KeyEntry, drift};
use crate::subject::place::Places;
use crate::subject::{ConfigSet, LoadedConfig};
use crate::syntax::Format;

/// See `docs/checks/guard-weakened.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "guard-weakened",
    summary: "A change asks for less encryption than before, or adds a recipient",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/guard-weakened.md"),
    softened_in_lenient_places: false,
};

/// Most files of the view that a rule is tried on.
const FILES: usize = 2_000;

/// What a rule lost.
#[derive(Default)]
struct Lost {
    /// A path that no rule governs any more; a file of the view if there is one.
    uncovered: Option<(String, bool)>,
    /// How it encrypts less, and the new rule.
    selection: Option<(Message, GovernedBy)>,
    added: BTreeSet<KeyEntry>,
    added_in: Option<GovernedBy>,
    threshold: Option<(usize, usize, GovernedBy)>,
}

/// Compares the configs of a view with those of its base view. `texts` are the configs of the view, `files` its paths.
pub(super) fn run(
    base: &ConfigSet,
    own: &ConfigSet,
    texts: &[(RepoPath, String)],
    files: &[&RepoPath],
    sink: &mut Sink,
) {
    for old in base.iter().filter(|c| c.config.broken.is_none()) {
        let mut governed: Vec<Vec<String>> = vec![Vec::new(); old.config.rules().len()];
        for path in files.iter().filter(|p| p.is_within(old.dir())) {
            let decision = base.decide(path);
            if let (Some(config), Some(rule)) = (decision.config, decision.rule())
                && config.path == old.path
                && governed[rule.index].len() < FILES
            {
                governed[rule.index].push(decision.subject);
            }
        }
        for (rule, real) in old.config.rules().iter().zip(governed) {
            let lost = lost(old, rule, &real, own);
            report(old, rule, lost, own, texts, sink);
        }
    }
    for new in own.iter().filter(|c| c.config.broken.is_none()) {
        for rule in new.config.rules() {
            carved_out(new, rule, base, own, texts, sink);
        }
    }
}

/// A new rule that takes paths from an old one and spares what no manifest wants spared. Of keys only those of a Secret are
/// asked: rules for manifests in front of a catch-all are everyday work.
fn carved_out(
    config: &LoadedConfig,
    rule: &CreationRule,
    base: &ConfigSet,
    own: &ConfigSet,
    texts: &[(RepoPath, String)],
    sink: &mut Sink,
) {
    let told = |f: &Finding| f.check == &INFO && f.path == config.path;
    if sink.findings.iter().any(told) {
        return;
    }
    for subject in made_paths(config, rule) {
        let path = in_directory(config, &subject);
        let decision = base.decide(&path);
        let Some(old) = decision
            .rule()
            .filter(|r| r.has_keys() && r.refused().is_none())
        else {
            continue;
        };
        let (was, is) = (
            old.options.clone().with_default(),
            rule.options.clone().with_default(),
        );
        let spares = |key: &&&str| encrypts(&was, key) && !encrypts(&is, key);
        if let (Some(key), Some(by)) = (
            ["data", "stringData"].iter().find(spares),
            own.decide(&path).governed_by(),
        ) {
            let message = say![
                "this rule takes paths from rule ",
                old.index + 1,
                " of HEAD and leaves ",
                *key,
                " plain there"
            ];
            sink.push(
                Finding::new(&INFO, &config.path, place(&by, own, texts), message)
                    .help("if that is meant, let someone else look at it; the rules of HEAD judge this commit as well")
                    .governed(Some(by)),
            );
            return;
        }
    }
}

fn in_directory(config: &LoadedConfig, subject: &str) -> RepoPath {
    match config.dir() {
        b"" => RepoPath::new(subject.as_bytes()),
        dir => RepoPath::new([dir, b"/", subject.as_bytes()].concat()),
    }
}

/// Settings, baseline or a comment hide more than before.
pub(super) fn hidden(path: &RepoPath, line: Option<u32>, message: Message, sink: &mut Sink) {
    let place = line.map_or_else(Place::default, Place::line);
    sink.push(
        Finding::new(&INFO, path, place, message)
            .help("if that is meant, let someone else look at it"),
    );
}

fn lost(old: &LoadedConfig, rule: &CreationRule, real: &[String], own: &ConfigSet) -> Lost {
    let mut lost = Lost::default();
    if rule.refused().is_some() || !rule.has_keys() {
        return lost;
    }
    let made = made_paths(old, rule);
    let paths = (real.iter().map(|p| (p, true))).chain(made.iter().map(|p| (p, false)));
    for (subject, is_file) in paths {
        let path = in_directory(old, subject);
        let decision = own.decide(&path);
        let (Some(new), Some(by)) = (decision.rule(), decision.governed_by()) else {
            lost.uncovered.get_or_insert((subject.clone(), is_file));
            continue;
        };
        if lost.selection.is_none()
            && let Some(how) = encrypts_less(&rule.options, &new.options)
        {
            lost.selection = Some((how, by.clone()));
        }
        for key in drift(&new.groups, &rule.groups).extra {
            lost.added.insert(key);
            lost.added_in.get_or_insert_with(|| by.clone());
        }
        let (before, now) = (needed(rule), needed(new));
        if now < before && lost.threshold.is_none() {
            lost.threshold = Some((before, now, by));
        }
    }
    lost
}

/// Paths that the rule got, made from its pattern.
fn made_paths(old: &LoadedConfig, rule: &CreationRule) -> Vec<String> {
    let samples = match &rule.path_regex {
        None => vec!["zq".to_owned()],
        Some(pattern) => match &pattern.regex {
            Ok(regex) => regex.samples(),
            Err(_) => Vec::new(),
        },
    };
    let mut paths = Vec::new();
    for sample in &samples {
        // As it is, deeper, with a longer name; a pattern that is not anchored takes them all.
        paths.push(sample.clone());
        paths.push(sample.to_uppercase());
        paths.push(format!("zq/{sample}"));
        paths.push(format!("zq{sample}"));
        paths.push(format!("{sample}zq"));
        paths.push(format!("{sample}/zq.yaml"));
    }
    let mine = |path: &String| {
        let plain = !path.is_empty() && !path.starts_with('/') && !path.contains("//");
        plain
            && matches!(old.config.choose(path), crate::sops::config::Choice::Rule(i) if i == rule.index)
    };
    paths.retain(mine);
    // What is in small letters is the better example.
    paths.sort_by_cached_key(|path| (path.contains(char::is_uppercase), path.clone()));
    paths.dedup();
    paths
}

/// How many groups must agree to decrypt (sops: the threshold, or all of them).
fn needed(rule: &CreationRule) -> usize {
    match (rule.groups.len(), usize::try_from(rule.shamir_threshold)) {
        (groups @ 0..=1, _) => groups,
        (groups, Ok(0) | Err(_)) => groups,
        (groups, Ok(threshold)) => threshold.min(groups),
    }
}

/// How the new selection spares a leaf that the old one encrypts.
fn encrypts_less(old: &SelectionOptions, new: &SelectionOptions) -> Option<Message> {
    let source = |p: &Option<Pattern>| p.as_ref().map(|p| p.source.clone());
    if let Some(new) = &new.unencrypted_comment_regex
        && source(&old.unencrypted_comment_regex) != Some(new.source.clone())
    {
        return Some(say!["unencrypted_comment_regex spares what it names"]);
    }
    if let Some(pattern) = &old.encrypted_comment_regex
        && source(&new.encrypted_comment_regex) != Some(pattern.source.clone())
        && new.count() > 0
    {
        return Some(say!["encrypted_comment_regex is not what it was"]);
    }
    let (old, new) = (old.clone().with_default(), new.clone().with_default());
    let spared = keys(&old, &new)
        .into_iter()
        .find(|key| encrypts(&old, key) && !encrypts(&new, key))?;
    let by = new.described().first().map_or("", |(name, _)| *name);
    Some(say![
        "a key such as ",
        SafeKey::new(&spared),
        " would stay plain now (",
        by,
        ")"
    ])
}

/// Whether a single leaf under `key` is encrypted (sops' order of the options).
fn encrypts(options: &SelectionOptions, key: &str) -> bool {
    let mut encrypted = true;
    if let Some(suffix) = &options.unencrypted_suffix {
        encrypted = !key.ends_with(suffix.as_str());
    }
    if let Some(suffix) = &options.encrypted_suffix {
        encrypted = key.ends_with(suffix.as_str());
    }
    if let Some(pattern) = &options.unencrypted_regex {
        encrypted = !pattern.is_match(key);
    }
    if let Some(pattern) = &options.encrypted_regex {
        encrypted = pattern.is_match(key);
    }
    encrypted
}

/// Keys on which two selections can differ.
fn keys(old: &SelectionOptions, new: &SelectionOptions) -> Vec<String> {
    let mut keys: Vec<String> = ["zq", "password", "data", "stringData"]
        .map(String::from)
        .into();
    for options in [old, new] {
        for suffix in [&options.unencrypted_suffix, &options.encrypted_suffix] {
            keys.extend(suffix.iter().map(|suffix| format!("zq{suffix}")));
        }
        for pattern in [&options.unencrypted_regex, &options.encrypted_regex] {
            let regex = pattern.as_ref().and_then(|p| p.regex.as_ref());
            for sample in regex.iter().flat_map(|r| r.samples()) {
                let upper = sample.to_uppercase();
                keys.extend([format!("zq{sample}"), format!("{sample}zq"), sample, upper]);
            }
        }
    }
    keys.retain(|key| !key.is_empty());
    keys
}

fn report(
    old: &LoadedConfig,
    rule: &CreationRule,
    lost: Lost,
    own: &ConfigSet,
    texts: &[(RepoPath, String)],
    sink: &mut Sink,
) {
    let number = rule.index + 1;
    let mut push = |by: Option<&GovernedBy>, message: Message, help: &'static str| {
        let (path, place) = match by {
            Some(by) => (&by.config, place(by, own, texts)),
            None => (&old.path, Place::default()),
        };
        let before = GovernedBy {
            config: old.path.clone(),
            rule: u32::try_from(rule.index).unwrap_or(u32::MAX),
            line: old.rule_line(rule.index),
            at: View::Base,
        };
        sink.push(
            Finding::new(&INFO, path, place, message)
                .help(help)
                .governed(Some(before))
                .governed(by.cloned()),
        );
    };
    if let Some((path, is_file)) = &lost.uncovered {
        let what = if *is_file {
            "files such as "
        } else {
            "paths such as "
        };
        push(
            None,
            say![
                "rule ",
                number,
                " of HEAD is gone or matches less: no rule governs ",
                what,
                SafeKey::new(path),
                " any more"
            ],
            "if that is meant, let someone else look at it; the rules of HEAD judge this commit as well",
        );
    }
    if let Some((how, by)) = &lost.selection {
        push(
            Some(by),
            say![
                "what rule ",
                number,
                " of HEAD encrypted is encrypted in part only: ",
                how.clone()
            ],
            "if that is meant, let someone else look at it; the rules of HEAD judge this commit as well",
        );
    }
    if !lost.added.is_empty() {
        let added: Vec<KeyEntry> = lost.added.into_iter().collect();
        push(
            lost.added_in.as_ref(),
            say![
                "who holds ",
                names(&added),
                " can read what is encrypted from now on under rule ",
                number,
                " of HEAD"
            ],
            "make sure that the new recipient is known and wanted",
        );
    }
    if let Some((before, now, by)) = &lost.threshold {
        push(
            Some(by),
            say![
                "decrypting needs ",
                *now,
                " key groups now, and needed ",
                *before
            ],
            "if that is meant, let someone else look at it",
        );
    }
}

/// Where a rule of the view stands.
fn place(by: &GovernedBy, own: &ConfigSet, texts: &[(RepoPath, String)]) -> Place {
    let text = texts.iter().find(|(path, _)| *path == by.config);
    let config = own.iter().find(|c| c.path == by.config);
    match (text, config) {
        (Some((_, text)), Some(config)) => {
            let rule = config.config.rules().get(by.rule as usize);
            rule.map_or_else(Place::default, |rule| {
                Places::new(text, Format::Yaml).span(rule.span, 0)
            })
        }
        _ => Place::default(),
    }
}

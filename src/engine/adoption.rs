//! Adoption: what the habit of a group says of a plain file under a broad rule (step 5d).
//!
//! Worked out after the first pass, from what it learned of every file, so that no file is read twice for it. A file that
//! differs from the base view counts as it is there. Plain members are parsed only while they could still tip the scale.

use std::collections::HashMap;

use super::{Around, Seen, Status, judge_entry};
use crate::kube::{head, is_control_object, is_kustomization_name};
use crate::model::RepoPath;
use crate::sops::specificity::Specificity;
use crate::source::BaseState;
use crate::subject::{Adoption, Neighbourhood, format_meant, standing};
use crate::syntax::{decode, parse_values};
use crate::words;

/// What makes files belong together.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Group {
    /// Files of one rule: config and index.
    Rule(RepoPath, usize),
    /// Files below a directory called `secret` or `secrets`.
    Directory(Vec<u8>),
    /// Files whose names share a marked token.
    Token(String),
}

/// Judges the candidates again that the habit of their group makes outliers.
pub(super) fn resolve(seen: &mut [Seen<'_>], around: &Around<'_>) {
    // A rule with a content selector has no habit; without any other rule there is nothing to weigh.
    let may_have_habit = |r: &crate::sops::config::CreationRule| r.options.count() == 0;
    if !around
        .configs()
        .iter()
        .any(|c| c.config.rules().iter().any(may_have_habit))
    {
        return;
    }
    let mut candidates: Vec<(usize, Group)> = Vec::new();
    for (i, s) in seen.iter().enumerate() {
        if s.status == Status::Plain
            && let Some(group) = group(&s.entry.path, around)
        {
            candidates.push((i, group));
        }
    }
    if candidates.is_empty() {
        return;
    }
    let mut members: HashMap<Group, Vec<usize>> = HashMap::new();
    for (i, s) in seen.iter().enumerate() {
        if s.status == Status::Other {
            continue;
        }
        for group in groups_of(&s.entry.path, around) {
            members.entry(group).or_default().push(i);
        }
    }
    let mut countable: HashMap<usize, bool> = HashMap::new();
    let mut adoption = HashMap::new();
    for (i, group) in &candidates {
        let Some(all) = members.get(group) else {
            continue;
        };
        let state = weigh(*i, all, seen, around, &mut countable);
        if state != Adoption::None {
            adoption.insert(seen[*i].entry.path.clone(), state);
        }
    }
    if adoption.is_empty() {
        return;
    }
    let around = around.with_adoption(adoption);
    for (i, _) in candidates {
        if around.may_be_outlier(&seen[i].entry.path) {
            seen[i] = judge_entry(seen[i].entry, &around);
        }
    }
}

/// The group of a candidate: `None` where its rule has a content selector or is narrow.
fn group(path: &RepoPath, around: &Around<'_>) -> Option<Group> {
    let decision = around.configs().decide(path);
    let rule = decision.rule()?;
    if rule.options.count() > 0 {
        return None;
    }
    let class = decision.specificity()?;
    if class.is_narrow() {
        return None;
    }
    if class == Specificity::Dir {
        return Some(Group::Rule(decision.config?.path.clone(), rule.index));
    }
    if let Some(dir) = secrets_directory(path) {
        return Some(Group::Directory(dir));
    }
    marked_tokens(path).into_iter().next().map(Group::Token)
}

/// Every group a file can be counted in.
fn groups_of(path: &RepoPath, around: &Around<'_>) -> Vec<Group> {
    let mut out: Vec<Group> = marked_tokens(path).into_iter().map(Group::Token).collect();
    out.extend(secrets_directory(path).map(Group::Directory));
    let decision = around.configs().decide(path);
    if let (Some(config), Some(rule)) = (decision.config, decision.rule()) {
        out.push(Group::Rule(config.path.clone(), rule.index));
    }
    out
}

fn secrets_directory(path: &RepoPath) -> Option<Vec<u8>> {
    let parent = path.parent();
    let mut at = parent.len();
    loop {
        let dir = &parent[..at];
        let name = memchr::memrchr(b'/', dir).map_or(dir, |i| &dir[i + 1..]);
        if matches!(name, b"secret" | b"secrets") {
            return Some(dir.to_vec());
        }
        at = memchr::memrchr(b'/', dir)?;
    }
}

fn marked_tokens(path: &RepoPath) -> Vec<String> {
    let name = standing::file_name(path).to_ascii_lowercase();
    name.split(|c: char| !c.is_ascii_alphabetic())
        .filter(|t| words::MARKS.contains(t) && *t != "env")
        .map(str::to_owned)
        .collect()
}

fn weigh(
    candidate: usize,
    members: &[usize],
    seen: &[Seen<'_>],
    around: &Around<'_>,
    countable: &mut HashMap<usize, bool>,
) -> Adoption {
    let encrypted = members
        .iter()
        .filter(|i| **i != candidate && status_in_base(&seen[**i], around) == Status::Encrypted)
        .count();
    if encrypted == 0 {
        return Adoption::None;
    }
    let mut plain = 0;
    for i in members.iter().filter(|i| **i != candidate) {
        if status_in_base(&seen[*i], around) != Status::Plain {
            continue;
        }
        let counts = *countable
            .entry(*i)
            .or_insert_with(|| counts_as_plain(&seen[*i].entry.path, around));
        plain += usize::from(counts);
        // Under 80 % whatever comes.
        if encrypted * 5 < (encrypted + plain) * 4 {
            return Adoption::None;
        }
    }
    if encrypted >= 3 {
        Adoption::Outlier {
            encrypted,
            all: encrypted + plain,
        }
    } else {
        Adoption::Lone
    }
}

/// A file that differs from the base view counts as it is there.
fn status_in_base(s: &Seen<'_>, around: &Around<'_>) -> Status {
    match s.entry.base {
        BaseState::Same | BaseState::NoBase => s.status,
        BaseState::Absent => Status::Other,
        BaseState::Maybe => match around.base(&s.entry.path) {
            Some(bytes) if memchr::memmem::find(&bytes, b"ENC[AES256_GCM,").is_some() => {
                Status::Encrypted
            }
            Some(_) => Status::Plain,
            None => Status::Other,
        },
    }
}

/// Plain files count if they parse and steer nothing.
fn counts_as_plain(path: &RepoPath, around: &Around<'_>) -> bool {
    let name = standing::file_name(path);
    if is_kustomization_name(&name) || name == "Chart.yaml" {
        return false;
    }
    let Some(bytes) = around.read(path) else {
        return false;
    };
    let decoded = decode(&bytes);
    let parsed = parse_values(&decoded.text, format_meant(&name));
    let control = parsed.documents.iter().any(|d| {
        d.root()
            .and_then(|r| head(d, r))
            .is_some_and(|h| is_control_object(&h))
    });
    parsed.is_whole() && !control
}

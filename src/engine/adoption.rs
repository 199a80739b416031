//! Adoption: what the habit of a group says of a plain file under a broad rule (step 5d).
//!
//! Worked out after the first pass, from what it learned of every file, so that no file is read twice for it. A file that
//! differs from the base view counts as it is there. Files that were not judged (a commit of few files, named paths) are
//! looked at only if they belong to the group of a candidate. Plain members are parsed only while they could still tip the
//! scale.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::{Around, Seen, Status, judge_entry};
use crate::kube::{head, is_control_object, is_kustomization_name};
use crate::model::RepoPath;
use crate::sops::specificity::Specificity;
use crate::source::{BaseState, FileKind};
use crate::subject::{Adoption, Neighbourhood, Source, Subject, format_meant, standing};
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
    let mut members: HashMap<Group, Vec<Member<'_>>> = HashMap::new();
    for (i, s) in seen.iter().enumerate() {
        if s.status == Status::Other {
            continue;
        }
        for group in groups_of(&s.entry.path, around) {
            members.entry(group).or_default().push(Member::Seen(i));
        }
    }
    for (group, path) in not_judged(seen, &candidates, around) {
        members.entry(group).or_default().push(Member::Other(path));
    }
    let mut weigher = Weigher {
        seen,
        around,
        status: HashMap::new(),
        countable: HashMap::new(),
    };
    let mut adoption = HashMap::new();
    for (i, group) in &candidates {
        let Some(all) = members.get(group) else {
            continue;
        };
        let state = weigher.weigh(*i, all);
        if state != Adoption::None {
            adoption.insert(seen[*i].entry.path.clone(), state);
        }
    }
    drop(members);
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

/// A file that is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Member<'v> {
    /// It was judged: its place in the list.
    Seen(usize),
    /// It was not.
    Other(&'v RepoPath),
}

/// Files beside the judged ones that belong to the group of a candidate.
fn not_judged<'v>(
    seen: &[Seen<'_>],
    candidates: &[(usize, Group)],
    around: &Around<'v>,
) -> Vec<(Group, &'v RepoPath)> {
    if around.view().is_whole() {
        return Vec::new();
    }
    let judged: HashSet<&RepoPath> = seen.iter().map(|s| &s.entry.path).collect();
    let wanted: HashSet<&Group> = candidates.iter().map(|(_, group)| group).collect();
    let others = around
        .view()
        .entries()
        .par_iter()
        .filter(|e| !e.selected && e.kind == FileKind::Regular && !judged.contains(&e.path));
    others
        .flat_map_iter(|e| {
            let groups = groups_of(&e.path, around).into_iter();
            groups
                .filter(|group| wanted.contains(group))
                .map(|group| (group, &e.path))
        })
        .collect()
}

struct Weigher<'w, 'v> {
    seen: &'w [Seen<'v>],
    around: &'w Around<'v>,
    status: HashMap<&'w RepoPath, Status>,
    countable: HashMap<Member<'w>, bool>,
}

impl<'w> Weigher<'w, '_> {
    fn weigh(&mut self, candidate: usize, members: &[Member<'w>]) -> Adoption {
        let others = || {
            let all = members.iter().copied();
            all.filter(move |m| *m != Member::Seen(candidate))
        };
        let mut encrypted = 0;
        for member in others() {
            encrypted += usize::from(self.status_in_base(member) == Status::Encrypted);
        }
        if encrypted == 0 {
            return Adoption::None;
        }
        let mut plain = 0;
        for member in others() {
            if self.status_in_base(member) != Status::Plain {
                continue;
            }
            let (path, around) = (self.path(member), self.around);
            let counts = *self
                .countable
                .entry(member)
                .or_insert_with(|| counts_as_plain(path, around));
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

    fn path(&self, member: Member<'w>) -> &'w RepoPath {
        match member {
            Member::Seen(i) => &self.seen[i].entry.path,
            Member::Other(path) => path,
        }
    }

    /// A file that differs from the base view counts as it is there.
    fn status_in_base(&mut self, member: Member<'w>) -> Status {
        let around = self.around;
        let path = match member {
            Member::Seen(i) => {
                let s = &self.seen[i];
                match s.entry.base {
                    BaseState::Same | BaseState::NoBase => return s.status,
                    BaseState::Absent => return Status::Other,
                    BaseState::Maybe => &s.entry.path,
                }
            }
            Member::Other(path) => path,
        };
        *self.status.entry(path).or_insert_with(|| {
            let bytes = match around.view().find(path).map(|known| known.base) {
                Some(BaseState::Absent) | None => return Status::Other,
                Some(BaseState::NoBase) => around.read(path),
                Some(_) => around.base(path),
            };
            let Some(bytes) = bytes else {
                return Status::Other;
            };
            if memchr::memmem::find(&bytes, b"ENC[AES256_GCM,").is_some() {
                return Status::Encrypted;
            }
            let source = Source::new(&bytes);
            super::status(&Subject::new(path, &source, around))
        })
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

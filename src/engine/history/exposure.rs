//! Rows: one for each leaked thing, with how far it spread.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::attribution::{self, Spread};
use super::{Auditor, FirstPass, Leak, VersionNo, rows};
use crate::git::{Oid, Tip, TipKind};
use crate::model::{
    Exposure, Finding, Label, LeakedVersion, Moment, Origin, OriginKind, Person, RepoPath,
    ValueChanged,
};
use crate::packs::{CommitNo, CommitSet};

use super::values::Value;

/// Most refs of a row that are listed.
const REFS: usize = 50;

/// A row, and what only the audit knows of it.
pub(super) struct Row {
    /// What is reported.
    pub(super) finding: Finding,
    /// Public halves of the age identities in it.
    pub(super) recipients: Vec<String>,
}

/// Joins leaks to rows and tells how far each spread.
pub(super) fn rows(auditor: &Auditor<'_>, leaks: Vec<Leak>, first: &FirstPass) -> Vec<Row> {
    let (history, tips) = (auditor.history, &auditor.tips);
    let mut versions: Vec<VersionNo> = leaks.iter().map(|l| l.version).collect();
    versions.sort_unstable();
    versions.dedup();
    let mut sets: Vec<Arc<CommitSet>> = Vec::with_capacity(versions.len());
    for chunk in versions.chunks(2048) {
        sets.extend(auditor.holders(chunk));
    }
    let spreads: Vec<Option<Spread>> = sets
        .par_iter()
        .map(|set| attribution::spread(history, tips, set))
        .collect();
    let at = |v: VersionNo| versions.binary_search(&v).unwrap_or(0);
    // Of what came before `--since` only what came again.
    let came = |v: VersionNo| {
        auditor.options.since.is_none() || {
            let brought = attribution::introductions(history, tips, &sets[at(v)]);
            brought.is_empty() || brought.iter().any(|c| !auditor.known.contains(*c))
        }
    };
    let leaks: Vec<Leak> = leaks.into_iter().filter(|l| came(l.version)).collect();
    let mut found = Vec::with_capacity(leaks.len());
    let (mut values, mut recipients) = (Vec::new(), Vec::new());
    let (mut changes, mut of) = (Vec::new(), Vec::new());
    for leak in leaks {
        let spread = spreads[at(leak.version)].as_ref();
        let rank = spread.map_or(0, |s| {
            let newest = u64::try_from(s.last_time.max(0)).unwrap_or(0);
            newest + if s.at_head { 1 << 62 } else { 0 }
        });
        values.push(leak.value);
        recipients.push(leak.recipient);
        of.push(leak.version);
        changes.push(leak.changed);
        found.push(rows::OfVersion {
            finding: leak.finding,
            origins: Vec::new(),
            rank,
        });
    }
    let joined = rows::join(&found);
    let unions: Vec<CommitSet> = joined
        .par_iter()
        .map(|row| {
            let mut all = CommitSet::new(history.commit_count());
            for i in row {
                all.unite(&sets[at(of[*i])]);
            }
            all
        })
        .collect();
    let wholes: Vec<Option<Spread>> = unions
        .par_iter()
        .map(|set| attribution::spread(history, tips, set))
        .collect();
    let named: Vec<(CommitNo, &Tip)> = (auditor.audit.tips.iter())
        .filter_map(|tip| Some((history.find_commit(&tip.target)?, tip)))
        .collect();
    let commits: Vec<CommitNo> = named.iter().map(|(c, _)| *c).collect();
    let reached = attribution::reaching(history, &unions.iter().collect::<Vec<_>>(), &commits);
    let mut people: HashMap<CommitNo, Option<Person>> = HashMap::new();
    let mut out = Vec::with_capacity(joined.len());
    let mut row_values = Vec::with_capacity(joined.len());
    for ((row, whole), reached) in joined.iter().zip(&wholes).zip(reached) {
        let Some(mut finding) = rows::shown(row, &found) else {
            continue;
        };
        let path = finding.path.clone();
        let shown_at = (row.iter().copied())
            .find(|i| found[*i].finding.blob == finding.blob)
            .or(row.first().copied());
        let mut own: Vec<VersionNo> = row.iter().map(|i| of[*i]).collect();
        own.sort_unstable();
        own.dedup();
        let mut leaked: Vec<(Option<CommitNo>, LeakedVersion)> = own
            .iter()
            .map(|v| {
                let spread = spreads[at(*v)].as_ref();
                let id = |c: CommitNo| history.commit_id(c).to_string();
                let version = LeakedVersion {
                    blob: auditor.blob_of(*v).to_string(),
                    first_commit: spread.map(|s| id(s.first)),
                    removed_commit: spread.and_then(|s| s.removed).map(id),
                };
                (spread.map(|s| s.first), version)
            })
            .collect();
        leaked.sort_by_key(|(first, v)| {
            (
                first.map(|c| (history.time(c), history.commit_id(c))),
                v.blob.clone(),
            )
        });
        let mut refs: Vec<(&Tip, u8)> = named
            .iter()
            .zip(&reached)
            .filter(|(_, reaches)| **reaches)
            .map(|((_, tip), _)| (*tip, order(tip.kind)))
            .collect();
        refs.sort_by(|a, b| (a.1, &a.0.name).cmp(&(b.1, &b.0.name)));
        refs.dedup_by(|a, b| a.0.name == b.0.name);
        let kind = match refs.iter().map(|r| r.0.kind).min_by_key(|k| order(*k)) {
            None => OriginKind::Unreachable,
            Some(TipKind::Stash) => OriginKind::Stash,
            Some(TipKind::Pseudo | TipKind::Reflog) => OriginKind::Reflog,
            Some(_) => OriginKind::Commit,
        };
        let reference = refs.first().map(|r| RepoPath::of_ref(&r.0.name));
        finding.origins_total = leaked.len() as u64;
        finding.origins = (leaked.iter().take(rows::ORIGINS))
            .map(|(_, v)| Origin {
                kind,
                commit: v.first_commit.clone(),
                blob: Some(v.blob.clone()),
                reference: reference.clone(),
            })
            .collect();
        let now = auditor.version_at_head(&path);
        let encrypted_now = now.is_some_and(|v| first.envelopes.contains_key(&v));
        let at_head = whole.as_ref().is_some_and(|s| s.at_head);
        let value_changed = match at_head {
            true => ValueChanged::No,
            false => shown_at.map_or(ValueChanged::Unknown, |i| changes[i]),
        };
        let id = |c: CommitNo| history.commit_id(c).to_string();
        let author = whole.as_ref().and_then(|s| {
            let person = || person(auditor, &history.commit_id(s.first));
            people.entry(s.first).or_insert_with(person).clone()
        });
        finding.exposure = Some(Box::new(Exposure {
            first_commit: whole.as_ref().map(|s| id(s.first)),
            first_seen: Moment(whole.as_ref().map_or(0, |s| history.time(s.first))),
            last_commit: whole.as_ref().and_then(|s| s.last).map(id),
            last_seen: Moment(whole.as_ref().map_or(0, |s| s.last_time)),
            author,
            commits: whole.as_ref().map_or(0, |s| s.commits),
            refs_total: refs.len() as u64,
            refs: refs
                .iter()
                .take(REFS)
                .map(|r| RepoPath::of_ref(&r.0.name))
                .collect(),
            at_head,
            encrypted_now,
            value_changed,
            value_group: None,
            versions: leaked.into_iter().map(|(_, v)| v).collect(),
        }));
        let mut opens: Vec<String> = row.iter().filter_map(|i| recipients[*i].clone()).collect();
        opens.sort_unstable();
        opens.dedup();
        row_values.push(shown_at.and_then(|i| values[i].clone()));
        out.push(Row {
            finding,
            recipients: opens,
        });
    }
    group(&mut out, row_values);
    out
}

/// Numbers the values in the order of the report; equal ones share a number.
fn group(rows: &mut [Row], values: Vec<Option<Value>>) {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| crate::engine::order(&rows[*a].finding, &rows[*b].finding));
    let mut numbers: HashMap<&Value, u32> = HashMap::new();
    for i in order {
        let Some(value) = &values[i] else { continue };
        let next = numbers.len() as u32 + 1;
        let number = *numbers.entry(value).or_insert(next);
        if let Some(exposure) = &mut rows[i].finding.exposure {
            exposure.value_group = Some(number);
        }
    }
}

/// What counts most comes first.
fn order(kind: TipKind) -> u8 {
    match kind {
        TipKind::Head | TipKind::Ref => 0,
        TipKind::Tag => 1,
        TipKind::Stash => 2,
        TipKind::Pseudo | TipKind::Reflog => 3,
    }
}

fn person(auditor: &Auditor<'_>, commit: &Oid) -> Option<Person> {
    let commit = auditor.audit.trees.repo().commit(commit)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(Person {
        name: Label::identity(&text(&commit.author_name)),
        email: Label::identity(&text(&commit.author_email)),
    })
}

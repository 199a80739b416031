//! What a push or a merge request brings: the change as a whole, and every version on the way.
//!
//! The change as a whole (its last commit against the base) is judged as a commit is, with everything a scan asks. Each
//! version that a commit of the range adds is judged where it was added; of what the end of the range no longer has, leaks
//! alone are told. Settings, baseline and ignores are those of the base: a range must not switch off its own guard.

use std::time::Instant;

use rayon::prelude::*;

use super::around::Around;
use super::guard::Rules;
use super::history::keys_of_message;
use super::rows::{self, OfVersion};
use super::versions::{self, Further, KnownConfigs};
use super::{After, Options, hidden, judge_all, on_threads, sort};
use crate::git::Oid;
use crate::model::{BlindSpot, Finding, Origin, OriginKind, Outcome, Repository, Stats};
use crate::source::{CommitView, CommitsBase, View};
use crate::triage;

/// One commit of a range.
pub struct Step {
    /// Its id, in hex.
    pub commit: String,
    /// What it adds.
    pub view: CommitView,
    /// Its parents, and behind them the base of the range.
    pub base: CommitsBase,
}

/// The end of a range against its base.
pub struct Whole {
    /// The tree of the last commit; what differs from the base is selected.
    pub view: CommitView,
    /// The base.
    pub base: CommitsBase,
    /// The base as a view, asked for the configs of what the commits add.
    pub configs: CommitView,
    /// The end as a view that knows the configs above everything that is added.
    pub end: CommitView,
    /// Another commit whose rules hold as well.
    pub also: Option<CommitView>,
}

/// Judges a range; `steps` are its commits, the newest first.
pub fn run(
    whole: &Whole,
    steps: &[Step],
    repository: Option<Repository>,
    options: &Options,
) -> Outcome {
    let started = Instant::now();
    let useful = (whole.view.selected().len().div_ceil(16) + steps.len()).max(1);
    let (findings, blind_spots, mut stats) =
        on_threads(options.jobs, useful, || judge(whole, steps, options));
    stats.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut outcome = Outcome {
        mode: options.mode,
        repository,
        findings,
        blind_spots,
        stats,
        fail_on: options.fail_on,
        allow_incomplete: options.allow_incomplete,
    };
    outcome.blind_spots.sort_unstable();
    outcome.blind_spots.dedup();
    outcome
}

fn judge(
    whole: &Whole,
    steps: &[Step],
    options: &Options,
) -> (Vec<Finding>, Vec<BlindSpot>, Stats) {
    let (after, mut stats) = judge_all(&whole.view, Some(&whole.base), true, options, None);
    let After {
        findings,
        mut blind_spots,
        ..
    } = after;
    let known = KnownConfigs::default();
    let (files, of_base) = known.of(&whole.configs, options);
    let also = whole.also.as_ref().map(|view| known.of(view, options));
    let mut further = vec![Further {
        configs: &of_base,
        files: &files,
        rules: Rules::Base,
    }];
    let end = known.of(&whole.end, options);
    further.push(Further {
        configs: &end.1,
        files: &end.0,
        rules: Rules::End,
    });
    further.extend(also.as_ref().map(|(files, configs)| Further {
        configs,
        files,
        rules: Rules::Today,
    }));
    let asked = [&whole.configs, &whole.end].into_iter().chain(&whole.also);
    blind_spots.extend(asked.flat_map(versions::lost_configs));
    let judged: Vec<_> = steps
        .par_iter()
        .map(|step| {
            let seen = versions::judge(&step.view, &step.base, &known, &further, options);
            let around = Around::new(&step.view, Some(&whole.base), &of_base, options);
            let mut found = Vec::new();
            let mut spots = Vec::new();
            let origin = |blob: Option<String>| Origin {
                kind: OriginKind::Commit,
                commit: Some(step.commit.clone()),
                blob,
                reference: None,
            };
            let mut read = (0, 0);
            for s in seen {
                read.0 += u64::from(s.read);
                read.1 += s.bytes;
                let mut list = s.judged.sink.findings;
                sort(&mut list);
                hidden::mark_version(
                    &mut list,
                    &s.entry.path,
                    &s.ignores,
                    Some(&whole.base),
                    &around,
                    options,
                );
                found.extend(list);
                let blob = step.view.object(s.entry);
                for mut spot in s.judged.sink.blind_spots {
                    spot.origin = Some(origin(blob.clone()));
                    spots.push(spot);
                }
            }
            if let Ok(id) = Oid::from_hex(step.commit.as_bytes()) {
                let mut said = Vec::new();
                keys_of_message(step.view.trees(), &id, false, &mut said);
                triage::severities(&mut said, &options.settings);
                found.append(&mut said);
            }
            hidden::accept_versions(&mut found, &whole.base, &around, options, None);
            let found: Vec<(Finding, Origin)> = found
                .into_iter()
                .map(|f| {
                    let at = match f.origins.first() {
                        Some(known) => known.clone(),
                        None => origin(f.blob.clone()),
                    };
                    (f, at)
                })
                .collect();
            (found, spots, read)
        })
        .collect();
    let mut all: Vec<OfVersion> = Vec::new();
    // What the end has comes first: it is shown, and the commits say where it came from.
    for finding in findings {
        all.push(OfVersion {
            origins: Vec::new(),
            rank: u64::MAX,
            finding,
        });
    }
    let tip_spots = blind_spots.clone();
    for (i, (found, spots, (read, bytes))) in judged.into_iter().enumerate() {
        let rank = (steps.len() - i) as u64;
        for (finding, origin) in found {
            all.push(OfVersion {
                finding,
                origins: vec![origin],
                rank,
            });
        }
        let told = |spot: &BlindSpot| {
            let same = |t: &BlindSpot| {
                t.path == spot.path && t.code == spot.code && t.blocks() == spot.blocks()
            };
            tip_spots.iter().any(same)
        };
        blind_spots.extend(spots.into_iter().filter(|s| !told(s)));
        stats.judged += read;
        stats.bytes += bytes;
    }
    stats.files = steps.iter().map(|s| s.view.selected().len() as u64).sum();
    stats.commits = Some(steps.len() as u64);
    let mut findings: Vec<Finding> = rows::join(&all)
        .iter()
        .filter_map(|row| rows::shown(row, &all))
        .collect();
    // Occurrences were counted within each version.
    findings.sort_by(super::order);
    (findings, blind_spots, stats)
}

/// One outcome of several, which may tell the same things.
pub fn join(outcomes: Vec<Outcome>, mode: crate::model::Mode) -> Outcome {
    let mut joined = Outcome {
        mode,
        repository: None,
        findings: Vec::new(),
        blind_spots: Vec::new(),
        stats: Stats::default(),
        fail_on: None,
        allow_incomplete: false,
    };
    let mut all = Vec::new();
    let count = outcomes.len() as u64;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        joined.repository = joined.repository.or(outcome.repository);
        joined.fail_on = outcome.fail_on;
        joined.allow_incomplete = outcome.allow_incomplete;
        joined.blind_spots.extend(outcome.blind_spots);
        let (sum, own) = (&mut joined.stats, outcome.stats);
        sum.files += own.files;
        sum.judged += own.judged;
        sum.encrypted += own.encrypted;
        sum.bytes += own.bytes;
        sum.elapsed_ms += own.elapsed_ms;
        sum.commits = Some(sum.commits.unwrap_or(0) + own.commits.unwrap_or(0));
        for finding in outcome.findings {
            all.push(OfVersion {
                origins: finding.origins.clone(),
                rank: count - n as u64,
                finding,
            });
        }
    }
    joined.findings = (rows::join(&all).iter())
        .filter_map(|row| rows::shown(row, &all))
        .collect();
    joined.findings.sort_by(super::order);
    joined.blind_spots.sort_unstable();
    joined.blind_spots.dedup();
    joined
}

//! The audit of a history: every version that any ref, stash or reflog reaches, one row for each leaked thing.
//!
//! Three passes. Every version is looked at as it passes by in the pack (`reading`, `first_look`), under every rule that
//! could ever have governed it (`classes`). What that finds, and what only a commit can tell (`candidates`), is judged again
//! where it was introduced, with the files around it, its parents and the rules of that commit and of today (`judging`). What
//! is left becomes rows: who brought it, who took it away, which refs reach it (`holding`, `attribution`, `exposure`),
//! whether it was encrypted later (`later`, `leaked`), who can still read it (`recipients`).

mod attribution;
mod candidates;
mod classes;
mod exposure;
mod first_look;
mod holding;
mod judging;
mod keys_open;
mod later;
mod leaked;
mod messages;
mod opened;
mod reading;
mod recipients;
mod reused;
mod streams;
mod values;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rayon::prelude::*;

use super::around::Around;
use super::guard::Rules;
use super::rows;
use super::versions::{Further, KnownConfigs, is_of_leaks};
use super::{Options, Progress, Told, configs, hidden, judge_all, on_threads};
use crate::checks::private_key;
use crate::decrypt::Sops;
use crate::git::{Oid, OidKind, Tip, TipKind};
use crate::model::{
    BlindCode, BlindSpot, Finding, Mode, Origin, OriginKind, Outcome, RepoPath, Repository, Stats,
    ValueChanged,
};
use crate::packs::{CommitNo, CommitSet, History, PathNo, Problem, Trouble};
use crate::say;
use crate::source::{BaseView, CommitView, CommitsBase, Trees, View};
use crate::subject::ConfigSet;
use crate::subject::configs::CONFIG_NAME;
use crate::triage::baseline::Acceptance;
use attribution::{Graph, Tips};
use classes::{Classes, OfPath};
use reading::FirstPass;
use values::Value;

pub use messages::{KeyNeedles, Needles, of_message as keys_of_message};

/// What is audited.
pub struct Audit<'a> {
    /// Every version.
    pub history: &'a History,
    /// The objects.
    pub trees: &'a Arc<Trees>,
    /// What names commits.
    pub tips: &'a [Tip],
    /// The commit of HEAD and its tree.
    pub head: Option<(Oid, Oid)>,
    /// Refs that name blobs.
    pub objects: &'a [(RepoPath, Oid)],
    /// What keeps the history from being whole.
    pub blind_spots: Vec<BlindSpot>,
    /// What decrypts the files of HEAD, if they are to be.
    pub sops: Option<&'a Sops>,
}

/// Judges a history.
pub fn run(
    audit: &Audit<'_>,
    repository: Option<Repository>,
    options: &Options,
    acceptance: Option<&Acceptance>,
    progress: &Progress,
) -> (Outcome, Told) {
    let started = Instant::now();
    let judge = || Auditor::new(audit, options, progress).run(acceptance);
    let (findings, mut blind_spots, mut stats, told) = on_threads(options.jobs, usize::MAX, judge);
    blind_spots.sort_unstable();
    blind_spots.dedup();
    stats.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let outcome = Outcome {
        mode: Mode::History,
        repository,
        findings,
        blind_spots,
        stats,
        fail_on: options.fail_on,
        allow_incomplete: options.allow_incomplete,
    };
    (outcome, told)
}

impl Graph for History {
    fn len(&self) -> usize {
        self.commit_count()
    }
    fn parents(&self, commit: CommitNo) -> impl Iterator<Item = CommitNo> {
        History::parents(self, commit)
    }
    fn time(&self, commit: CommitNo) -> i64 {
        History::time(self, commit)
    }
    fn id(&self, commit: CommitNo) -> Oid {
        self.commit_id(commit)
    }
}

fn tips(audit: &Audit<'_>) -> Tips {
    let history = audit.history;
    let mut all = CommitSet::new(history.commit_count());
    // A reflog names every commit that was ever made here: that is no tip.
    let named = (audit.tips.iter())
        .filter(|tip| !matches!(tip.kind, TipKind::Reflog | TipKind::Pseudo))
        .filter_map(|tip| history.find_commit(&tip.target));
    named.for_each(|commit| all.insert(commit));
    let head = (audit.head).and_then(|(id, _)| history.find_commit(&id));
    head.into_iter().for_each(|head| all.insert(head));
    Tips::new(history, head, all)
}

/// A version by its place in the list of the history.
type VersionNo = usize;

/// A finding in a version, and what only the audit knows of it.
struct Leak {
    version: VersionNo,
    finding: Finding,
    value: Option<Value>,
    /// The public half, of an age identity.
    recipient: Option<String>,
    /// Whether today's value is another one.
    changed: ValueChanged,
}

struct Auditor<'a> {
    audit: &'a Audit<'a>,
    history: &'a History,
    options: &'a Options,
    progress: &'a Progress,
    /// The versions of each blob.
    of_blob: Vec<Vec<u32>>,
    /// The versions at HEAD, by path.
    at_head: HashMap<PathNo, VersionNo>,
    paths: Vec<RepoPath>,
    configs: KnownConfigs,
    /// Commits that `--since` leaves out.
    known: CommitSet,
    tips: Tips,
    /// Commits that hold versions, asked before.
    held: Mutex<HashMap<VersionNo, Arc<CommitSet>>>,
    /// Versions that are the next one with another executable bit.
    twins: HashMap<VersionNo, VersionNo>,
}

impl<'a> Auditor<'a> {
    fn new(audit: &'a Audit<'a>, options: &'a Options, progress: &'a Progress) -> Self {
        let history = audit.history;
        let paths =
            (0..history.path_count()).map(|p| RepoPath::new(history.path(PathNo(p as u32))));
        let blobs = history.versions().iter().map(|v| v.blob.0 as usize + 1);
        let blobs = blobs.max().unwrap_or(0);
        let mut of_blob: Vec<Vec<u32>> = vec![Vec::new(); blobs];
        // An executable bit makes no other version.
        let mut twins = HashMap::new();
        for (i, v) in history.versions().iter().enumerate() {
            let before = i.checked_sub(1).and_then(|i| history.versions().get(i));
            let same = before.filter(|b| (b.path, b.blob) == (v.path, v.blob));
            if same.is_some_and(|b| b.kind != OidKind::Link && v.kind != OidKind::Link) {
                twins.insert(i - 1, i);
                continue;
            }
            of_blob[v.blob.0 as usize].push(i as u32);
        }
        let mut auditor = Self {
            audit,
            history,
            options,
            progress,
            of_blob,
            at_head: HashMap::new(),
            paths: paths.collect(),
            configs: KnownConfigs::default(),
            known: match options.since.and_then(|id| history.find_commit(&id)) {
                Some(since) => attribution::ancestors(history, since),
                None => CommitSet::default(),
            },
            tips: tips(audit),
            held: Mutex::default(),
            twins,
        };
        auditor.at_head = auditor.versions_at_head();
        auditor
    }

    fn versions_at_head(&self) -> HashMap<PathNo, VersionNo> {
        let Some((_, tree)) = self.audit.head else {
            return HashMap::new();
        };
        let files = self.audit.trees.repo().files_of(&tree);
        let ids: HashMap<&[u8], Oid> = files.items().map(|i| (i.path, *i.id)).collect();
        let versions = self.history.versions().iter().enumerate();
        versions
            .filter(|(_, v)| {
                let path = self.path(v.path).as_bytes();
                ids.get(path) == Some(&self.history.blob_id(v.blob))
            })
            .map(|(i, v)| (v.path, if self.is_twin(i) { i - 1 } else { i }))
            .collect()
    }

    fn path(&self, path: PathNo) -> &RepoPath {
        &self.paths[path.0 as usize]
    }

    fn path_of(&self, version: VersionNo) -> &RepoPath {
        self.path(self.history.versions()[version].path)
    }

    fn blob_of(&self, version: VersionNo) -> Oid {
        self.history.blob_id(self.history.versions()[version].blob)
    }

    /// Whether a version is another with an executable bit, which stands for both.
    fn is_twin(&self, version: VersionNo) -> bool {
        version
            .checked_sub(1)
            .is_some_and(|v| self.twins.contains_key(&v))
    }

    fn bytes_of(&self, version: VersionNo) -> Option<Vec<u8>> {
        let repo = self.audit.trees.repo();
        repo.blob(&self.blob_of(version))
    }

    fn run(&self, acceptance: Option<&Acceptance>) -> (Vec<Finding>, Vec<BlindSpot>, Stats, Told) {
        let options = self.options;
        let head_view =
            (self.audit.head).map(|(_, tree)| CommitView::whole(self.audit.trees, tree));
        // What can be said of the present only, and what needs all of its files.
        let present = head_view.as_ref().map(|view| {
            let options = Options {
                whole_view: false,
                baseline: None,
                ..options.clone()
            };
            judge_all(view, None, true, &options, None)
        });
        let (today, today_files) = match &head_view {
            Some(view) => {
                let files = view.called(CONFIG_NAME).into_iter().map(|(path, _)| path);
                let named = options
                    .settings
                    .sops_config
                    .as_ref()
                    .map(|(p, _)| p.clone());
                let files = files.chain(named);
                let files = files.filter_map(|path| view.id(&path).map(|id| (path, id)));
                (configs(view, options).0, files.collect())
            }
            None => (ConfigSet::default(), Vec::new()),
        };
        self.progress.begin("reading versions", 0);
        let named = options.settings.sops_config.as_ref().map(|(path, _)| path);
        let classes = Classes::new(today, self.configs_ever(), named);
        let facts: Vec<OfPath> = (self.paths.par_iter())
            .map(|path| classes.of(path, &options.settings.policy))
            .collect();
        let first = self.first_pass(&classes, &facts);
        let mut blind_spots = self.audit.blind_spots.clone();
        blind_spots.extend(self.lost(&first.lost));
        if options.is_late() {
            let reason = say!["the time that --timeout allows ran out before all was looked at"];
            let path = RepoPath::new("");
            blind_spots.push(BlindSpot::new(
                &path,
                None,
                BlindCode::Timeout,
                reason,
                true,
            ));
        }
        let candidates = self.candidates(&first);
        self.progress.begin("judging", candidates.len() as u64);
        let further = Further {
            configs: classes.set(0),
            files: &today_files,
            rules: Rules::Today,
        };
        let (mut leaks, spots) = self.judge(&candidates, &first.suspicious, &further);
        blind_spots.extend(spots);
        let mut rest: Vec<Finding> = self.pathless(&further, &mut blind_spots);
        if let Some((after, _)) = present {
            for finding in after.findings {
                // Keys are told with what they open, in all of history.
                let version = self.version_at_head(&finding.path);
                match version.filter(|_| is_of_leaks(finding.check)) {
                    Some(_) if finding.check == &private_key::INFO => {}
                    Some(version) => {
                        let value = self.bytes_of(version).map(|b| values::of(&finding, &b));
                        let blob = Some(self.blob_of(version).to_string());
                        leaks.push(Leak {
                            version,
                            finding: Finding { blob, ..finding },
                            value,
                            recipient: None,
                            changed: ValueChanged::Unknown,
                        });
                    }
                    None => rest.push(finding),
                }
            }
            blind_spots.extend(after.blind_spots);
        }
        let opened =
            (self.audit.sops).map(|sops| opened::open(self, &first, sops, &mut blind_spots));
        let base = CommitsBase::new(self.audit.trees, Vec::new(), Vec::new());
        // What was accepted before it was encrypted stays accepted.
        self.accept(&mut leaks, &mut [], &base, &classes, None);
        self.encrypted_later(&mut leaks, &first, opened.as_ref());
        if let Some(opened) = &opened {
            rest.extend(reused::find(self, opened, &mut leaks, &mut blind_spots));
        }
        rest.extend(recipients::stale(self, &first));
        rest.extend(messages::findings(self));
        crate::triage::severities(&mut rest, &options.settings);
        let told = self.accept(&mut leaks, &mut rest, &base, &classes, acceptance);
        let mut findings = exposure::rows(self, leaks, &first);
        keys_open::tell(self, &mut findings, &first);
        let mut findings: Vec<Finding> = findings.into_iter().map(|row| row.finding).collect();
        findings.append(&mut rest);
        findings.sort_by(super::order);
        let stats = Stats {
            files: self.history.versions().len() as u64,
            judged: first.read,
            encrypted: first.envelopes.len() as u64,
            commits: Some(self.history.commit_count() as u64),
            blobs: Some(self.of_blob.iter().filter(|v| !v.is_empty()).count() as u64),
            bytes: first.bytes,
            elapsed_ms: 0,
        };
        let _ = crate::triage::accept(&mut blind_spots, &options.settings, options.today);
        (findings, blind_spots, stats, told)
    }

    fn version_at_head(&self, path: &RepoPath) -> Option<VersionNo> {
        let at = self.paths.binary_search(path).ok()?;
        self.at_head.get(&PathNo(at as u32)).copied()
    }

    /// The version of a blob at a path.
    fn version(&self, path: &RepoPath, id: &Oid) -> Option<VersionNo> {
        let path = PathNo(self.paths.binary_search(path).ok()? as u32);
        let versions = self.history.versions();
        let from = versions.partition_point(|v| v.path < path);
        let own = versions[from..].iter().take_while(|v| v.path == path);
        let at = from
            + own
                .into_iter()
                .position(|v| self.history.blob_id(v.blob) == *id)?;
        Some(if self.is_twin(at) { at - 1 } else { at })
    }

    /// Marks what the baseline accepts.
    fn accept(
        &self,
        leaks: &mut [Leak],
        rest: &mut [Finding],
        base: &dyn BaseView,
        classes: &Classes,
        acceptance: Option<&Acceptance>,
    ) -> Told {
        if self.options.baseline.is_none() && acceptance.is_none() {
            return Told::default();
        }
        let repo = self.audit.trees.repo();
        let tree = (self.audit.head).map_or(Oid::empty_tree(repo.hash()), |(_, tree)| tree);
        let view = CommitView::some(self.audit.trees, tree, Vec::new(), &[]);
        let around = Around::new(&view, Some(base), classes.set(0), self.options);
        let of_leaks = leaks.iter().map(|l| &l.finding);
        let mut findings: Vec<Finding> = of_leaks.chain(rest.iter()).cloned().collect();
        let told = hidden::accept_versions(&mut findings, base, &around, self.options, acceptance);
        let all = (leaks.iter_mut().map(|l| &mut l.finding)).chain(rest.iter_mut());
        for (old, marked) in all.zip(findings) {
            *old = marked;
        }
        told
    }

    /// What could not be read.
    fn lost(&self, unread: &[Problem]) -> Vec<BlindSpot> {
        let problems = self.history.problems().iter().chain(unread);
        problems
            .map(|p| {
                let path = RepoPath::new(p.path.as_deref().unwrap_or(b""));
                let reason = match p.what {
                    Trouble::Missing => say![
                        "an object of the history is missing; `git fetch --unshallow` or `git fetch --refetch` brings it"
                    ],
                    Trouble::Corrupt => say!["an object of the history is corrupt"],
                    Trouble::WrongKind => say!["an object of the history is of another kind"],
                    Trouble::TooLarge => say!["an object of the history is too large to be read"],
                };
                let mut spot =
                    BlindSpot::new(&path, None, BlindCode::MissingObject, reason, true);
                spot.origin = Some(Origin {
                    kind: OriginKind::Commit,
                    commit: p.commit.map(|c| c.to_string()),
                    blob: Some(p.id.to_string()),
                    reference: None,
                });
                spot
            })
            .collect()
    }
}

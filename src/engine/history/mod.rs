//! The audit of a history: every version that any ref, stash or reflog reaches, one row for each leaked thing.
//!
//! Three passes. Every version is looked at as it passes by in the pack (`first_look`), under every rule that could ever have
//! governed it (`classes`). What that finds is judged again where it was introduced, with the files around it, its parents
//! and the rules of that commit and of today. What is left becomes rows: who brought it, who took it away, which refs reach
//! it (`attribution`, `exposure`), whether it was encrypted later (`leaked`), who can still read it (`recipients`).

mod attribution;
mod classes;
mod exposure;
mod first_look;
mod keys_open;
mod leaked;
mod messages;
mod opened;
mod recipients;
mod reused;
mod streams;
mod values;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rayon::prelude::*;

use super::around::Around;
use super::guard::Rules;
use super::rows;
use super::versions::{self, Further, KnownConfigs, is_of_leaks};
use super::{Options, Progress, Told, configs, hidden, judge_all, on_threads, sort};
use crate::checks::{self, private_key};
use crate::decrypt::Sops;
use crate::git::{Oid, OidKind, Tip, TipKind};
use crate::kube::GeneratorEntry;
use crate::model::{
    BlindCode, BlindSpot, Finding, Mode, Origin, OriginKind, Outcome, RepoPath, Repository, Stats,
    Status, ValueChanged,
};
use crate::packs::{
    BlobNo, CommitNo, CommitSet, History, Hit, PathNo, Problem, Seen, Trouble, Version,
};
use crate::say;
use crate::source::{BaseState, BaseView, CommitView, CommitsBase, FileKind, OneFile, Trees, View};
use crate::subject::configs::CONFIG_NAME;
use crate::subject::{ConfigSet, Hints, LoadedConfig, format_meant, standing};
use crate::syntax::{Format, decode, parse_values};
use crate::triage::baseline::Acceptance;
use attribution::{Graph, Tips};
use classes::{Classes, OfPath};
use first_look::{Envelope, Looked};
use opened::Opened;
use streams::Streams;
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
    blind_spots.sort();
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

/// What comparing with the decrypted value tells.
fn known(same_as_now: Option<bool>) -> Option<ValueChanged> {
    same_as_now.map(|same| match same {
        true => ValueChanged::No,
        false => ValueChanged::Proven,
    })
}

/// A finding in a blob, its value, and the public half of a key.
type OfBlob = (Finding, Option<Value>, Option<String>);

/// Commits that brought a version in which it is judged.
const BROUGHT: usize = 8;

/// What the first pass learned.
#[derive(Default)]
struct FirstPass {
    suspicious: Vec<VersionNo>,
    generating: Vec<VersionNo>,
    envelopes: HashMap<VersionNo, Envelope>,
    read: u64,
    bytes: u64,
    lost: Vec<Problem>,
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

/// Bytes that answers about commits may take.
const HELD: usize = 48 << 20;

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

    /// The commits that hold each of these versions, which are in order.
    fn holders(&self, versions: &[VersionNo]) -> Vec<Arc<CommitSet>> {
        let lock = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sets: Vec<Option<Arc<CommitSet>>> =
            versions.iter().map(|v| lock().get(v).cloned()).collect();
        let unknown: Vec<VersionNo> = (versions.iter().zip(&sets))
            .filter(|(_, set)| set.is_none())
            .map(|(v, _)| *v)
            .collect();
        if !unknown.is_empty() {
            // As many as fit into a share of the memory that a scan may take.
            let most = HELD / (self.history.commit_count() / 8 + 1);
            let mut keep = |version: usize, set: &CommitSet| {
                if let Ok(at) = versions.binary_search(&version) {
                    let set = Arc::new(set.clone());
                    let mut held = lock();
                    if held.len() < most {
                        held.insert(version, Arc::clone(&set));
                    }
                    sets[at] = Some(set);
                }
            };
            self.history.holders(&unknown, &mut keep);
            let twins: Vec<VersionNo> = unknown
                .iter()
                .filter_map(|v| self.twins.get(v))
                .copied()
                .collect();
            if !twins.is_empty() {
                let mut unite = |twin: usize, more: &CommitSet| {
                    let Ok(at) = versions.binary_search(&(twin - 1)) else {
                        return;
                    };
                    let mut all = sets[at].as_deref().cloned().unwrap_or_default();
                    all.unite(more);
                    let all = Arc::new(all);
                    if let Some(held) = lock().get_mut(&(twin - 1)) {
                        *held = Arc::clone(&all);
                    }
                    sets[at] = Some(all);
                };
                self.history.holders(&twins, &mut unite);
            }
        }
        sets.into_iter().map(Option::unwrap_or_default).collect()
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
        let plain: HashSet<PathNo> = (candidates.iter())
            .map(|v| self.history.versions()[*v].path)
            .collect();
        let later = first.envelopes.keys().copied();
        let later = later.filter(|v| plain.contains(&self.history.versions()[*v].path));
        let (mut leaks, spots) = self.judge(&candidates, later, &further);
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

    /// All versions of all configs.
    fn configs_ever(&self) -> Vec<LoadedConfig> {
        let named = self.options.settings.sops_config.as_ref().map(|(p, _)| p);
        let mut out = Vec::new();
        for (i, v) in self.history.versions().iter().enumerate() {
            let path = self.path(v.path);
            let is_config = path.file_name() == CONFIG_NAME || named == Some(path);
            if !is_config || v.kind == OidKind::Link {
                continue;
            }
            if let Some(bytes) = self.bytes_of(i) {
                let text = decode(&bytes).text;
                if !super::is_skeleton(path, &text) {
                    out.push(LoadedConfig::new(path.clone(), &text, true));
                }
            }
        }
        out
    }

    /// Looks at every version as it passes by.
    fn first_pass(&self, classes: &Classes, facts: &[OfPath]) -> FirstPass {
        let first = Mutex::new(FirstPass::default());
        let limit = self.options.max_file_size();
        let versions = self.history.versions();
        let policy = &self.options.settings.policy;
        let streams = Streams::default();
        let blobs = self.of_blob.iter().filter(|v| !v.is_empty()).count();
        self.progress.begin("reading versions", blobs as u64);
        let visit = |blob: BlobNo, seen: Seen<'_>| {
            self.progress.advance(1);
            let bytes = seen.bytes;
            let counts =
                |h: &&Hit| Hints::counts(bytes, h.at as usize, usize::from(h.len), h.needle);
            let hits: Vec<Hit> = seen.hits.iter().filter(counts).copied().collect();
            let marked = bytes.starts_with(&[0xff, 0xfe])
                || bytes.starts_with(&[0xfe, 0xff])
                || bytes.starts_with(&[0, 0, 0xfe, 0xff])
                || !self.options.prefilter
                || (policy.kinds.iter())
                    .any(|k| memchr::memmem::find(bytes, k.as_bytes()).is_some());
            let mut suspicious = Vec::new();
            let mut generating = Vec::new();
            let mut envelopes = Vec::new();
            for &version in &self.of_blob[blob.0 as usize] {
                let version = version as VersionNo;
                let v = versions[version];
                let fact = &facts[v.path.0 as usize];
                // Links that could hold a key, and what is too large to be held, are judged for good at once.
                let large = bytes.len() as u64 > limit;
                if !large && hits.is_empty() && !marked && !fact.asked {
                    continue;
                }
                if v.kind == OidKind::Link || large {
                    suspicious.push(version);
                    continue;
                }
                let sets = || fact.sets.iter().map(|at| classes.set(*at));
                let path = self.path(v.path);
                let prefilter = self.options.prefilter;
                // A stream can be divided where nothing asks about it as a whole.
                let divides = prefilter
                    && !marked
                    && !fact.asked
                    && format_meant(&standing::file_name(path)) == Format::Yaml;
                let odd = |document: &[u8]| {
                    let looked = first_look::look(path, document, sets(), policy, prefilter);
                    looked.suspicious || looked.generates || looked.envelope.is_some()
                };
                if divides && streams.is_clean(v.path, bytes, &hits, odd) == Some(true) {
                    continue;
                }
                let Looked {
                    suspicious: odd,
                    generates,
                    envelope,
                } = first_look::look(path, bytes, sets(), policy, prefilter);
                if odd {
                    suspicious.push(version);
                }
                if generates {
                    generating.push(version);
                }
                envelopes.extend(envelope.map(|e| (version, e)));
            }
            let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
            first.read += 1;
            first.bytes += bytes.len() as u64;
            first.suspicious.append(&mut suspicious);
            first.generating.append(&mut generating);
            first.envelopes.extend(envelopes);
        };
        let wanted = |blob: BlobNo| {
            !self.options.is_late()
                && self
                    .of_blob
                    .get(blob.0 as usize)
                    .is_some_and(|v| !v.is_empty())
        };
        let lost = self.history.read_blobs(&wanted, &Needles, &visit);
        let mut first = first.into_inner().unwrap_or_else(PoisonError::into_inner);
        first.suspicious.sort_unstable();
        first.generating.sort_unstable();
        first.lost = lost;
        first
    }

    /// What is judged for good: what looked suspicious, and what only its commit can tell.
    fn candidates(&self, first: &FirstPass) -> Vec<VersionNo> {
        let versions = self.history.versions();
        let mut chosen: BTreeSet<VersionNo> = first.suspicious.iter().copied().collect();
        chosen.extend(first.generating.iter().copied());
        let encrypted: HashSet<PathNo> = (first.envelopes.keys())
            .map(|v| versions[*v].path)
            .collect();
        // Plain versions of what was ever encrypted, and copies of it.
        let mut copies: HashMap<PathNo, bool> = HashMap::new();
        for (i, v) in versions.iter().enumerate() {
            if first.envelopes.contains_key(&i) || v.kind == OidKind::Link || self.is_twin(i) {
                continue;
            }
            let is_copy = || {
                let path = self.path(v.path);
                let known = |p: &RepoPath| {
                    let at = self.paths.binary_search(p).ok();
                    at.is_some_and(|at| encrypted.contains(&PathNo(at as u32)))
                };
                !encrypted.is_empty() && checks::encrypted_siblings(path).iter().any(known)
            };
            if encrypted.contains(&v.path) || *copies.entry(v.path).or_insert_with(is_copy) {
                chosen.insert(i);
            }
        }
        chosen.extend(self.sources(first));
        chosen.extend(self.moved(&encrypted, first));
        chosen.into_iter().collect()
    }

    /// Judges versions where they were introduced.
    fn judge(
        &self,
        candidates: &[VersionNo],
        later: impl Iterator<Item = VersionNo>,
        further: &Further<'_>,
    ) -> (Vec<Leak>, Vec<BlindSpot>) {
        let mut by_commit: BTreeMap<CommitNo, Vec<VersionNo>> = BTreeMap::new();
        // All that will be asked, at once: the way through the trees is the same.
        let mut asked: Vec<VersionNo> = candidates.iter().copied().chain(later).collect();
        asked.sort_unstable();
        asked.dedup();
        asked.truncate(2048);
        self.holders(&asked);
        let mut loose = Vec::new();
        for chunk in candidates.chunks(2048) {
            let brought: Vec<Vec<CommitNo>> = self
                .holders(chunk)
                .par_iter()
                .map(|h| attribution::introductions(self.history, &self.tips, h))
                .collect();
            for (version, brought) in chunk.iter().zip(brought) {
                if brought.is_empty() {
                    loose.push(*version);
                }
                // Other rules may have stood where it came a second time; the last is that of today's branches.
                let some = brought.iter().take(BROUGHT).chain(brought.last());
                for commit in some.filter(|c| !self.known.contains(**c)) {
                    let of_commit = by_commit.entry(*commit).or_default();
                    if of_commit.last() != Some(version) {
                        of_commit.push(*version);
                    }
                }
            }
        }
        let commits: Vec<(CommitNo, Vec<VersionNo>)> = by_commit.into_iter().collect();
        let mut judged: Vec<(Vec<Leak>, Vec<BlindSpot>)> = commits
            .par_iter()
            .with_max_len(4)
            .map(|(commit, versions)| self.judge_commit(*commit, versions, further))
            .collect();
        judged.push(self.judge_alone(&loose, OriginKind::Unreachable, further));
        let (mut leaks, mut spots) = (Vec::<Leak>::new(), Vec::new());
        let mut known: HashMap<(VersionNo, String), usize> = HashMap::new();
        for (l, s) in judged {
            for leak in l {
                let key = (leak.version, leak.finding.fingerprint());
                match known.get(&key) {
                    // One that counts, and the worst of those.
                    Some(&at) => {
                        let rank = |l: &Leak| (l.finding.is_active(), l.finding.severity);
                        if rank(&leak) > rank(&leaks[at]) {
                            leaks[at] = leak;
                        }
                    }
                    None => {
                        known.insert(key, leaks.len());
                        leaks.push(leak);
                    }
                }
            }
            spots.extend(s);
        }
        (leaks, spots)
    }

    /// Judges versions that stand for themselves: no commit holds them, or not as their path says.
    fn judge_alone(
        &self,
        versions: &[VersionNo],
        kind: OriginKind,
        further: &Further<'_>,
    ) -> (Vec<Leak>, Vec<BlindSpot>) {
        let (mut leaks, mut spots) = (Vec::new(), Vec::new());
        for version in versions {
            let (path, id) = (self.path_of(*version).clone(), self.blob_of(*version));
            let (found, of_blob) = self.judge_blob(path, id, kind, further);
            spots.extend(of_blob);
            leaks.extend(found.into_iter().map(|(finding, value, recipient)| Leak {
                version: *version,
                finding,
                value,
                recipient,
                changed: ValueChanged::Unknown,
            }));
        }
        (leaks, spots)
    }

    /// Blobs that a ref names, and those that nothing names if they were asked for.
    fn pathless(&self, further: &Further<'_>, spots: &mut Vec<BlindSpot>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for blob in self.history.pathless() {
            let id = self.history.blob_id(*blob);
            let named = self.audit.objects.iter().find(|(_, named)| *named == id);
            let (path, kind) = match named {
                Some((name, _)) => (name.clone(), OriginKind::Commit),
                None => (RepoPath::new(format!("blob {id}")), OriginKind::Unreachable),
            };
            let (found, of_blob) = self.judge_blob(path, id, kind, further);
            spots.extend(of_blob);
            findings.extend(found.into_iter().map(|(mut finding, ..)| {
                finding.origins = vec![Origin {
                    kind,
                    commit: None,
                    blob: Some(id.to_string()),
                    reference: named.map(|(name, _)| name.clone()),
                }];
                finding.origins_total = 1;
                finding
            }));
        }
        findings
    }

    fn judge_blob(
        &self,
        path: RepoPath,
        id: Oid,
        kind: OriginKind,
        further: &Further<'_>,
    ) -> (Vec<OfBlob>, Vec<BlindSpot>) {
        let view = OneFile::new(self.audit.trees, path, id);
        let around = Around::new(&view, None, further.configs, self.options);
        let (mut out, mut spots) = (Vec::new(), Vec::new());
        for entry in view.entries() {
            let mut s = super::judge_entry(entry, &around);
            versions::keep_leaks(&mut s, self.options);
            let bytes = self.audit.trees.repo().blob(&id);
            let mut recipients: HashMap<usize, String> = s.judged.sink.leaked.into_iter().collect();
            for (i, mut finding) in s.judged.sink.findings.into_iter().enumerate() {
                finding.blob = Some(id.to_string());
                let mut list = [finding];
                hidden::mark_version(
                    &mut list,
                    &entry.path,
                    &s.ignores,
                    None,
                    &around,
                    self.options,
                );
                let [finding] = list;
                let value = bytes.as_ref().map(|b| values::of(&finding, b));
                out.push((finding, value, recipients.remove(&i)));
            }
            for mut spot in s.judged.sink.blind_spots {
                spot.origin = Some(Origin {
                    kind,
                    commit: None,
                    blob: Some(id.to_string()),
                    reference: None,
                });
                spots.push(spot);
            }
        }
        (out, spots)
    }

    /// Plain versions of files that a generator ever named.
    fn sources(&self, first: &FirstPass) -> Vec<VersionNo> {
        let versions = self.history.versions();
        let mut named: HashSet<PathNo> = HashSet::new();
        for version in &first.generating {
            let path = self.path_of(*version);
            let bytes = self.bytes_of(*version).unwrap_or_default();
            let decoded = decode(&bytes);
            let parsed = parse_values(&decoded.text, Format::Yaml);
            let sources = parsed.documents.iter().flat_map(crate::kube::generators);
            for generator in sources {
                let (GeneratorEntry::File(_, source) | GeneratorEntry::Env(source)) =
                    &generator.entry
                else {
                    continue;
                };
                let path = path.resolve(source);
                let at = path.and_then(|path| self.paths.binary_search(&path).ok());
                named.extend(at.map(|at| PathNo(at as u32)));
            }
        }
        let plain = |(i, v): &(usize, &Version)| {
            named.contains(&v.path)
                && v.kind != OidKind::Link
                && !self.is_twin(*i)
                && !first.envelopes.contains_key(i)
        };
        let all = versions.iter().enumerate();
        all.filter(plain).map(|(i, _)| i).collect()
    }

    /// Versions that came with a commit in which an encrypted file went: it could have been moved and decrypted.
    fn moved(&self, encrypted: &HashSet<PathNo>, first: &FirstPass) -> Vec<VersionNo> {
        let versions = self.history.versions();
        let of_paths: Vec<VersionNo> = (versions.iter().enumerate())
            .filter(|(i, v)| encrypted.contains(&v.path) && !self.is_twin(*i))
            .map(|(i, _)| i)
            .collect();
        let mut there: HashMap<PathNo, CommitSet> = HashMap::new();
        for chunk in of_paths.chunks(2048) {
            for (version, set) in chunk.iter().zip(self.holders(chunk)) {
                there
                    .entry(versions[*version].path)
                    .or_default()
                    .unite(&set);
            }
        }
        let mut gone: BTreeSet<CommitNo> = BTreeSet::new();
        let there: Vec<CommitSet> = there.into_values().collect();
        for batch in there.chunks(64) {
            let mut marks = vec![0u64; self.history.commit_count()];
            for (bit, set) in batch.iter().enumerate() {
                set.iter().for_each(|c| marks[c.0 as usize] |= 1 << bit);
            }
            for commit in self.history.commits() {
                let before = self.history.parents(commit);
                let before = before.fold(0, |all, parent| all | marks[parent.0 as usize]);
                if before & !marks[commit.0 as usize] != 0 {
                    gone.insert(commit);
                }
            }
        }
        let trees = self.audit.trees;
        let tree_of = |commit: CommitNo| {
            let commit = trees.repo().commit(&self.history.commit_id(commit))?;
            Some(commit.tree)
        };
        let gone: Vec<CommitNo> = gone.into_iter().collect();
        let found: Vec<Vec<(VersionNo, Vec<VersionNo>)>> = gone
            .par_iter()
            .map(|commit| {
                let parents = self.history.parents(*commit);
                let before: Vec<Oid> = parents.filter_map(tree_of).collect();
                let (Some(tree), Some(parent)) = (tree_of(*commit), before.first().copied()) else {
                    return Vec::new();
                };
                let difference = trees.difference(tree, &before);
                let known_as = |path: &RepoPath| {
                    let (id, _) = trees.look(parent, path.as_bytes()).ok()??;
                    let version = self.version(path, &id)?;
                    first.envelopes.contains_key(&version).then_some(version)
                };
                let went: Vec<VersionNo> = difference.removed.iter().filter_map(known_as).collect();
                if went.is_empty() {
                    return Vec::new();
                }
                // What only moved is what it was.
                let moved: HashSet<Oid> = (difference.removed.iter())
                    .filter_map(|path| Some(trees.look(parent, path.as_bytes()).ok()??.0))
                    .collect();
                let new = difference.changed.into_iter();
                // It would be another path, and hold leaves.
                let absent = |path: &RepoPath| {
                    let mut trees_before = before.iter();
                    trees_before.all(|tree| matches!(trees.look(*tree, path.as_bytes()), Ok(None)))
                };
                let new = new.filter(|(path, id, kind)| {
                    *kind == FileKind::Regular
                        && !moved.contains(id)
                        && !standing::is_prose_or_code(&standing::file_name(path))
                        && absent(path)
                });
                let known = new.filter_map(|(path, id, _)| self.version(&path, &id));
                let plain = known.filter(|v| !first.envelopes.contains_key(v));
                plain.map(|v| (v, went.clone())).collect()
            })
            .collect();
        // Branches that were rebased tell the same many times.
        let mut pairs: BTreeMap<VersionNo, BTreeSet<VersionNo>> = BTreeMap::new();
        for (plain, went) in found.into_iter().flatten() {
            pairs.entry(plain).or_default().extend(went);
        }
        let pairs: Vec<(VersionNo, BTreeSet<VersionNo>)> = pairs.into_iter().collect();
        let resembling = pairs.par_iter().filter(|(plain, went)| {
            let bytes = self.bytes_of(*plain).unwrap_or_default();
            let envelopes: Vec<&Envelope> =
                went.iter().filter_map(|v| first.envelopes.get(v)).collect();
            Envelope::resembled(&envelopes, self.path_of(*plain), &bytes)
        });
        resembling.map(|(plain, _)| *plain).collect()
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

    fn judge_commit(
        &self,
        commit: CommitNo,
        versions: &[VersionNo],
        further: &Further<'_>,
    ) -> (Vec<Leak>, Vec<BlindSpot>) {
        let trees = self.audit.trees;
        let id = self.history.commit_id(commit);
        let origin = Origin {
            kind: OriginKind::Commit,
            commit: Some(id.to_string()),
            blob: None,
            reference: None,
        };
        let repo = trees.repo();
        let tree_of = |id: &Oid| repo.commit(id).map(|c| c.tree);
        let Some(own) = repo.commit(&id) else {
            let reason = say!["a commit cannot be read"];
            let mut spot = BlindSpot::new(
                &RepoPath::new(""),
                None,
                BlindCode::MissingObject,
                reason,
                true,
            );
            spot.origin = Some(origin);
            return (Vec::new(), vec![spot]);
        };
        let before: Vec<Oid> = own.parents.iter().filter_map(tree_of).collect();
        let by_path: HashMap<&RepoPath, VersionNo> =
            versions.iter().map(|v| (self.path_of(*v), *v)).collect();
        let paths: Vec<RepoPath> = by_path.keys().map(|p| (*p).clone()).collect();
        let view = CommitView::some(trees, own.tree, before.clone(), &paths);
        // In a tree that Git would not write a path can stand for something else.
        let fits = |v: &VersionNo| {
            let id = view.id(self.path_of(*v));
            id == Some(self.blob_of(*v).to_string())
        };
        let unfit: Vec<VersionNo> = versions.iter().copied().filter(|v| !fits(v)).collect();
        // Only where something new stands can something else have been moved from.
        let new = view.selected().iter().any(|e| e.base == BaseState::Absent);
        let removed = match new && !before.is_empty() {
            true => trees.difference(own.tree, &before[..1]).removed,
            false => Vec::new(),
        };
        let base = CommitsBase::new(trees, before, removed);
        let seen = versions::judge(
            &view,
            &base,
            &self.configs,
            std::slice::from_ref(further),
            self.options,
        );
        let around = Around::new(&view, Some(&base), further.configs, self.options);
        let (mut leaks, mut spots) = self.judge_alone(&unfit, OriginKind::Commit, further);
        for s in seen {
            let fitting = by_path.get(&s.entry.path).filter(|v| !unfit.contains(v));
            let Some(&version) = fitting else {
                continue;
            };
            let sink = s.judged.sink;
            let mut recipients: HashMap<usize, String> = sink.leaked.into_iter().collect();
            let mut found: Vec<(Finding, Option<String>)> = (sink.findings.into_iter())
                .enumerate()
                .map(|(i, f)| (f, recipients.remove(&i)))
                .collect();
            found.sort_by(|a, b| super::order(&a.0, &b.0));
            let (mut list, recipients): (Vec<Finding>, Vec<Option<String>>) =
                found.into_iter().unzip();
            sort(&mut list);
            let path = &s.entry.path;
            hidden::mark_version(&mut list, path, &s.ignores, None, &around, self.options);
            let bytes = (!list.is_empty()).then(|| self.bytes_of(version)).flatten();
            for (finding, recipient) in list.into_iter().zip(recipients) {
                let value = bytes.as_ref().map(|b| values::of(&finding, b));
                leaks.push(Leak {
                    version,
                    finding,
                    value,
                    recipient,
                    changed: ValueChanged::Unknown,
                });
            }
            for mut spot in sink.blind_spots {
                spot.origin = Some(Origin {
                    blob: Some(self.blob_of(version).to_string()),
                    ..origin.clone()
                });
                spots.push(spot);
            }
        }
        (leaks, spots)
    }

    /// What stood plain in a version and is encrypted in a later one of the same path.
    fn encrypted_later(&self, leaks: &mut Vec<Leak>, first: &FirstPass, opened: Option<&Opened>) {
        let versions = self.history.versions();
        let mut encrypted: HashMap<PathNo, Vec<VersionNo>> = HashMap::new();
        for v in first.envelopes.keys() {
            encrypted.entry(versions[*v].path).or_default().push(*v);
        }
        encrypted.values_mut().for_each(|list| list.sort_unstable());
        let with_findings: HashSet<VersionNo> = leaks.iter().map(|l| l.version).collect();
        let affected: BTreeSet<VersionNo> = (versions.iter().enumerate())
            .filter(|(i, v)| {
                encrypted.contains_key(&v.path)
                    && v.kind != OidKind::Link
                    && !self.is_twin(*i)
                    && (with_findings.contains(i) || !first.envelopes.contains_key(i))
            })
            .map(|(i, _)| i)
            .collect();
        if affected.is_empty() {
            return;
        }
        let affected: Vec<VersionNo> = affected.into_iter().collect();
        let paths: BTreeSet<PathNo> = affected.iter().map(|v| versions[*v].path).collect();
        let mut wanted: BTreeSet<VersionNo> = affected.iter().copied().collect();
        for path in &paths {
            wanted.extend(encrypted.get(path).into_iter().flatten());
        }
        let wanted: Vec<VersionNo> = wanted.into_iter().collect();
        let mut sets: HashMap<VersionNo, Arc<CommitSet>> = HashMap::new();
        for chunk in wanted.chunks(2048) {
            sets.extend(chunk.iter().copied().zip(self.holders(chunk)));
        }
        let brought_by: HashMap<VersionNo, Vec<CommitNo>> = wanted
            .par_iter()
            .filter(|v| first.envelopes.contains_key(v))
            .filter_map(|v| {
                let set = sets.get(v)?;
                Some((
                    *v,
                    attribution::introductions(self.history, &self.tips, set),
                ))
            })
            .collect();
        let mut own: HashMap<VersionNo, Vec<Leak>> = HashMap::new();
        let mut others = Vec::new();
        for leak in leaks.drain(..) {
            match affected.binary_search(&leak.version) {
                Ok(_) => own.entry(leak.version).or_default().push(leak),
                Err(_) => others.push(leak),
            }
        }
        let own = Mutex::new(own);
        let settled: Vec<Vec<Leak>> = affected
            .par_iter()
            .map(|version| {
                let mut of_version = (own.lock().unwrap_or_else(PoisonError::into_inner))
                    .remove(version)
                    .unwrap_or_default();
                let path = versions[*version].path;
                let all = encrypted.get(&path).map_or(&[][..], Vec::as_slice);
                let all = all.iter().copied().filter(|v| v != version);
                let later = self.first_after(*version, all, &sets, &brought_by);
                if let Some(later) = later {
                    self.replace(*version, later, &mut of_version, first, opened);
                }
                of_version
            })
            .collect();
        leaks.append(&mut others);
        leaks.extend(settled.into_iter().flatten());
    }

    /// The version of `all` that came first after `version`.
    fn first_after(
        &self,
        version: VersionNo,
        all: impl Iterator<Item = VersionNo>,
        sets: &HashMap<VersionNo, Arc<CommitSet>>,
        brought_by: &HashMap<VersionNo, Vec<CommitNo>>,
    ) -> Option<VersionNo> {
        // After a rebase the first of them leads nowhere.
        let brought = attribution::introductions(self.history, &self.tips, sets.get(&version)?);
        let after = attribution::descendants(self.history, &brought);
        let order =
            |commit: CommitNo, v: VersionNo| (self.history.time(commit), self.blob_of(v), v);
        // Nearly always one of them was introduced after it; only else is every commit asked.
        let all: Vec<VersionNo> = all.collect();
        let introduced = |v: &VersionNo| {
            let commits = brought_by.get(v)?.iter().filter(|c| after.contains(**c));
            let first = commits.min_by_key(|c| (self.history.time(**c), **c))?;
            Some(order(*first, *v))
        };
        let came = |v: &VersionNo| {
            let commits = sets.get(v)?.iter().filter(|c| after.contains(*c));
            let first = commits.min_by_key(|c| (self.history.time(*c), *c))?;
            Some(order(first, *v))
        };
        let first = all.iter().filter_map(introduced).min();
        let first = first.or_else(|| all.iter().filter_map(came).min());
        first.map(|(_, _, v)| v)
    }

    /// Puts what leaked leaf by leaf in the place of what the checks said of the version.
    fn replace(
        &self,
        version: VersionNo,
        later: VersionNo,
        found: &mut Vec<Leak>,
        first: &FirstPass,
        opened: Option<&Opened>,
    ) {
        let (Some(bytes), Some(envelope)) = (self.bytes_of(version), first.envelopes.get(&later))
        else {
            return;
        };
        let path = self.path_of(version);
        let policy = &self.options.settings.policy;
        let findings: Vec<Finding> = found.iter().map(|l| l.finding.clone()).collect();
        let (leaked, covers) = leaked::leaves(path, &bytes, envelope, &findings, policy);
        if leaked.is_empty() {
            return;
        }
        let at_head = self.at_head.get(&self.history.versions()[version].path);
        let now = at_head.and_then(|at| first.envelopes.get(at));
        let place = |f: &Finding| (f.place.document, f.place.pointer.clone());
        let mut by_place = HashMap::new();
        for (i, leak) in found.iter().enumerate() {
            by_place.entry(place(&leak.finding)).or_insert(i);
        }
        // Who accepted the file accepted its leaves.
        let accepted = found
            .iter()
            .map(|l| &l.finding)
            .find(|f| f.place.pointer.is_none() && matches!(f.status, Status::Baseline { .. }))
            .map(|f| f.status.clone());
        let mut new: Vec<Leak> = Vec::new();
        for leaf in leaked {
            let mut finding = leaf.finding;
            finding.blob = Some(self.blob_of(version).to_string());
            let same_as_now = (at_head.zip(opened))
                .and_then(|(at, opened)| opened.compare(*at, leaf.path, &leaf.value));
            if let Some(accepted) = &accepted {
                finding.status = accepted.clone();
            }
            if let Some(own) = by_place
                .get(&place(&finding))
                .and_then(|i| found.get_mut(*i))
            {
                finding.status = own.finding.status.clone();
                finding.governed_by.clone_from(&own.finding.governed_by);
                // A key is a key, wherever it stands.
                if own.finding.check == &private_key::INFO {
                    own.changed = known(same_as_now).unwrap_or(own.changed);
                    continue;
                }
            }
            finding = match same_as_now {
                Some(true) => checks::never_rotated(finding),
                Some(false) => checks::replaced(finding),
                None => finding,
            };
            let length = now.and_then(|now| match now.opaque {
                true => now.leaves.first().map(|l| l.length),
                false => now.length(leaf.path),
            });
            let likely = length.map(|length| leaked::changed(&leaf.value, length));
            let changed = known(same_as_now).or(likely);
            new.push(Leak {
                version,
                finding,
                value: Some(Value::new(leaf.value)),
                recipient: None,
                changed: changed.unwrap_or(ValueChanged::Unknown),
            });
        }
        let about_file = ["unencrypted-file", "decrypted-file", "decrypted-copy"];
        let places: HashSet<_> = new.iter().map(|l| place(&l.finding)).collect();
        found.retain(|l| {
            let replaced = places.contains(&place(&l.finding));
            let of_content = l.finding.check != &private_key::INFO;
            // What was never encrypted later leaked as well, and is told as before.
            let whole = about_file.contains(&l.finding.check.id) && !new.is_empty() && covers;
            !(whole || (replaced && of_content && l.finding.place.pointer.is_some()))
        });
        new.sort_by(|a, b| super::order(&a.finding, &b.finding));
        let mut list: Vec<Finding> = new.iter().map(|l| l.finding.clone()).collect();
        sort(&mut list);
        crate::triage::severities(&mut list, &self.options.settings);
        let settled = new.into_iter().zip(list);
        found.extend(settled.map(|(old, finding)| Leak { finding, ..old }));
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

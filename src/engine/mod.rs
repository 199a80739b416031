//! The line: view → subjects → checks → outcome.
//!
//! Files are judged in parallel and share nothing mutable; a defect in judging one file becomes a blind spot of that file.
//! What one file cannot tell comes after the first pass: habits of groups (`adoption`), which files a leaked identity
//! opens, config checks, Flux paths. The outcome is sorted, so the number of threads does not show.

mod adoption;
mod around;
mod flux;
mod generators;
mod guard;
mod hidden;
pub mod history;
mod progress;
pub mod range;
mod rows;
pub mod setup;
mod unruled;
pub(crate) mod versions;
mod whole;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use crate::checks::{self, Judged, Sink};
use crate::keys;
use crate::model::{
    BlindCode, BlindSpot, Date, Finding, Message, Mode, Outcome, RepoPath, Repository, Severity,
    Stats,
};
use crate::say;
use crate::settings::{self, Settings};
use crate::source::{BaseState, BaseView, Entry, FileKind, ReadError, Steering, View};
use crate::subject::configs::CONFIG_NAME;
use crate::subject::{ConfigSet, LoadedConfig, Neighbourhood, Source, Subject};
use crate::triage::baseline::{Acceptance, Baseline, Entry as Accepted, State};
use crate::triage::inline::Ignore;
use around::Around;
use guard::Rules;

pub use crate::settings::MAX_FILE_SIZE;
pub use progress::Progress;

/// What changes the verdict on other files: a commit that touches one of these has the whole index judged.
pub const STEERING: Steering<'static> = Steering {
    anywhere: &[CONFIG_NAME],
    at_the_top: &settings::NAMES,
};

/// Stack of a judging thread: the parser allows a thousand levels.
const STACK: usize = 32 * 1024 * 1024;

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is scanned.
    pub mode: Mode,
    /// Path and text of a config that governs everything, instead of discovery.
    pub sops_config: Option<(RepoPath, String)>,
    /// Threads; 0 for one per core.
    pub jobs: usize,
    /// Lowest severity that fails the run.
    pub fail_on: Option<Severity>,
    /// Whether blocking blind spots are let pass.
    pub allow_incomplete: bool,
    /// Whether the whole view is scanned, so that unused rules can be told.
    pub whole_view: bool,
    /// Whether files that cannot matter are left unparsed; off only to test that it changes nothing.
    pub prefilter: bool,
    /// Only findings about configs are wanted.
    pub config_only: bool,
    /// What the team sets.
    pub settings: Settings,
    /// Findings that are accepted.
    pub baseline: Option<Baseline>,
    /// Of a history only what came with commits that this one does not have.
    pub since: Option<crate::git::Oid>,
    /// Whether comments that a range adds may ignore findings.
    pub trust_head: bool,
    /// What the view itself sets, where it is judged by what its base view sets.
    pub own: Option<Box<OwnSettings>>,
    /// Whether comments in files can ignore findings.
    pub inline_ignores: bool,
    /// What today is, for what holds only for a time.
    pub today: Date,
    /// What could not be judged before judging began.
    pub blind_spots: Vec<BlindSpot>,
    /// Whether only what the base view does not have counts.
    pub new_only: bool,
    /// When judging ends; what was not judged by then is a blind spot.
    pub deadline: Option<Instant>,
    /// Where to count what is done, for somebody who watches.
    pub progress: Option<Arc<Progress>>,
}

/// Settings and baseline of a view that is judged by those of its base view.
#[derive(Clone, Debug, Default)]
pub struct OwnSettings {
    /// The settings; `None` if they cannot be understood.
    pub settings: Option<Settings>,
    /// The baseline.
    pub baseline: Option<Baseline>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Worktree,
            sops_config: None,
            jobs: 0,
            fail_on: Some(Severity::Error),
            allow_incomplete: false,
            whole_view: true,
            prefilter: true,
            config_only: false,
            settings: Settings::default(),
            baseline: None,
            since: None,
            trust_head: false,
            own: None,
            inline_ignores: true,
            today: Date::default(),
            blind_spots: Vec::new(),
            new_only: false,
            deadline: None,
            progress: None,
        }
    }
}

impl Options {
    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|end| Instant::now() >= end)
    }

    fn max_file_size(&self) -> u64 {
        self.settings.max_file_size.unwrap_or(MAX_FILE_SIZE)
    }
}

/// What the first pass keeps of a file.
pub(crate) struct Seen<'v> {
    pub(crate) entry: &'v Entry,
    pub(crate) judged: Judged,
    pub(crate) status: Status,
    pub(crate) bytes: u64,
    pub(crate) read: bool,
    pub(crate) ignores: Vec<Ignore>,
}

impl<'v> Seen<'v> {
    fn unread(entry: &'v Entry) -> Self {
        Self {
            entry,
            judged: Judged::default(),
            status: Status::Other,
            bytes: 0,
            read: false,
            ignores: Vec::new(),
        }
    }
}

/// What a file is to the habit of its group (step 5d).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Carries metadata.
    Encrypted,
    /// Plain, and neither exempt nor template nor blank: counts if it parses and is no control object.
    Plain,
    /// Not counted.
    Other,
}

/// A finding about a config of the base view, as far as it can be told from another: two rules can have one check.
pub(crate) type KnownOfConfig = (&'static str, RepoPath, Message);

/// What judging found, before it is known what hides it.
pub(crate) struct Found<'v> {
    pub(crate) findings: Vec<Finding>,
    pub(crate) blind_spots: Vec<BlindSpot>,
    /// Comments that ignore, by file.
    pub(crate) ignores: Vec<(&'v RepoPath, Vec<Ignore>)>,
    /// Files that were judged although the commit does not touch them.
    pub(crate) untouched: HashSet<&'v RepoPath>,
    /// What the config checks said of the configs of the base view: check, path and words.
    pub(crate) known_of_configs: HashSet<KnownOfConfig>,
}

/// The same, marked.
pub(crate) struct After {
    findings: Vec<Finding>,
    blind_spots: Vec<BlindSpot>,
    told: Told,
}

/// What a run tells about its baseline.
#[derive(Debug, Default)]
pub struct Told {
    /// What became of each entry.
    pub states: Vec<State>,
    /// Entries for what counts, where they were asked for.
    pub accepted: Vec<Accepted>,
    /// What cannot be accepted, because its file cannot be read.
    pub refused: Vec<Message>,
}

/// Runs `work` on up to `useful` threads whose stacks are enough for judging, `jobs` of them at most (0: one a core). Within
/// `work` it changes nothing, so that opening a view and judging it can share their threads.
pub fn on_threads<R: Send>(jobs: usize, useful: usize, work: impl FnOnce() -> R + Send) -> R {
    if rayon::current_thread_index().is_some() {
        return work();
    }
    let threads = match (useful, jobs) {
        (1, _) => 1,
        (_, 0) => std::thread::available_parallelism()
            .map_or(1, |n| n.get())
            .min(useful),
        (_, jobs) => jobs.min(useful),
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .build();
    match pool {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

/// Whether a change touches the config that settings name for every path: then every file is to be judged.
pub fn changes_named_config(view: &dyn View, base: &dyn BaseView, options: &Options) -> bool {
    guard::changes_named_config(view, base, options)
}

/// Judges a view.
pub fn run(
    view: &dyn View,
    base: Option<&dyn BaseView>,
    repository: Option<Repository>,
    options: &Options,
) -> Outcome {
    run_for_baseline(view, base, repository, options, None).0
}

/// Judges a view, and tells what became of the entries of its baseline and which entries would accept what is left.
pub fn run_for_baseline(
    view: &dyn View,
    base: Option<&dyn BaseView>,
    repository: Option<Repository>,
    options: &Options,
    acceptance: Option<&Acceptance>,
) -> (Outcome, Told) {
    let started = Instant::now();
    // More threads than this cost more than they save, and so does asking how many cores there are.
    let useful = view.selected().len().div_ceil(16).max(1);
    let run = || judge_all(view, base, repository.is_some(), options, acceptance);
    let (after, mut stats) = on_threads(options.jobs, useful, run);
    let After {
        mut findings,
        mut blind_spots,
        told,
    } = after;
    sort(&mut findings);
    blind_spots.sort_unstable();
    blind_spots.dedup();
    stats.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let outcome = Outcome {
        mode: options.mode,
        repository,
        findings,
        blind_spots,
        stats,
        fail_on: options.fail_on,
        allow_incomplete: options.allow_incomplete,
    };
    (outcome, told)
}

/// Reads the configs of a view.
pub fn configs(view: &dyn View, options: &Options) -> (ConfigSet, Vec<(RepoPath, String)>) {
    if let Some((path, text)) = &options.sops_config {
        let set = ConfigSet::only(LoadedConfig::new(path.clone(), text, true));
        return (set, vec![(path.clone(), text.clone())]);
    }
    if let Some((path, _)) = &options.settings.sops_config
        && let Ok(bytes) = view.read_limited(path, MAX_FILE_SIZE)
    {
        let text = crate::syntax::decode(&bytes).text.into_owned();
        let tracked = view.find(path).is_some_and(|e| e.tracked);
        let set = ConfigSet::only(LoadedConfig::new(path.clone(), &text, tracked));
        return (set, vec![(path.clone(), text)]);
    }
    let mut list = Vec::new();
    let mut texts = Vec::new();
    for (path, known) in view.called(CONFIG_NAME) {
        if known.kind != FileKind::Regular {
            continue;
        }
        let Ok(bytes) = view.read_limited(&path, MAX_FILE_SIZE) else {
            continue;
        };
        let text = crate::syntax::decode(&bytes).text.into_owned();
        if is_skeleton(&path, &text) {
            continue;
        }
        list.push(LoadedConfig::new(path.clone(), &text, known.tracked));
        texts.push((path, text));
    }
    (ConfigSet::new(list), texts)
}

/// Whether a config is that of a project skeleton, which is filled in later.
fn is_skeleton(path: &RepoPath, text: &str) -> bool {
    crate::subject::standing::in_template_directory(path)
        && crate::subject::standing::has_expression(text)
}

/// A config that is a symbolic link: sops would follow it; without its rules nothing below can be called clean.
fn linked_config(path: &RepoPath) -> BlindSpot {
    BlindSpot {
        path: path.clone(),
        line: None,
        code: BlindCode::Unreadable,
        reason: say![
            "this config is a symbolic link, which is not followed: its rules are unknown"
        ],
        blocking: true,
        accepted: None,
        origin: None,
    }
}

fn judge_all(
    view: &dyn View,
    base: Option<&dyn BaseView>,
    in_repository: bool,
    options: &Options,
    acceptance: Option<&Acceptance>,
) -> (After, Stats) {
    let (configs, texts) = configs(view, options);
    let around = Around::new(view, base, &configs, options);
    let selected: Vec<&Entry> = view
        .selected()
        .into_iter()
        .filter(|e| e.kind != FileKind::Submodule)
        .collect();
    let base_configs = base
        .filter(|_| options.sops_config.is_none())
        .and_then(|base| guard::base_configs(view, base, options));
    let by_base = base_configs
        .as_ref()
        .filter(|_| options.mode.is_change() && !options.config_only)
        .map(|of_base| Around::new(view, base, of_base, options));
    let (mut seen, mut under_base) = (Vec::<Seen<'_>>::new(), Vec::<Option<Sink>>::new());
    if let Some(progress) = &options.progress {
        progress.begin("judging files", selected.len() as u64);
    }
    selected
        .par_iter()
        // Small shares, so that no thread sits idle while another finishes a long one.
        .with_max_len(16)
        .map(|entry| {
            if let Some(progress) = &options.progress {
                progress.advance(1);
            }
            if options.is_late() {
                return (out_of_time(entry), None);
            }
            // Read once, by however many rules it is judged.
            let read = view.read_entry(entry, around.max_file_size());
            let by_base = by_base.as_ref().filter(|_| entry.kind == FileKind::Regular);
            let under_base = by_base.map(|by_base| judge_read(entry, &read, by_base).judged.sink);
            (judge_read(entry, &read, &around), under_base)
        })
        .unzip_into_vecs(&mut seen, &mut under_base);
    if !options.config_only {
        adoption::resolve(&mut seen, &around);
    }
    let mut stats = Stats {
        files: seen.len() as u64,
        ..Stats::default()
    };
    for s in &seen {
        stats.judged += u64::from(s.read);
        stats.encrypted += u64::from(s.judged.encrypted);
        stats.bytes += s.bytes;
    }
    let rules = match options.mode {
        Mode::Staged => Rules::Head,
        _ => Rules::Base,
    };
    guard::stricter(&mut seen, under_base, rules);
    if options.mode == Mode::Staged {
        guard::join_stages(&mut seen);
        guard::index_differs(&mut seen, &around);
        guard::staged_details(&mut seen, view);
    }
    whole::identities(&mut seen, &around);
    let mut findings = Vec::new();
    let mut blind_spots = Vec::new();
    // What HEAD held cannot be compared where its object is gone.
    if let Some(base) = base {
        let changed = selected.par_iter().filter(|e| e.base == BaseState::Maybe);
        let lost = changed.filter(|e| matches!(base.read(&e.path), Err(ReadError::Object)));
        blind_spots.par_extend(lost.map(|e| unruled::missing_in_head(&e.path)));
    }
    let unruled = match options.sops_config.is_none() && !options.config_only {
        true => {
            let named = options.settings.sops_config.as_ref().map(|(path, _)| path);
            let told = unruled::touched(&selected);
            unruled::unknown_rules(&seen, named, &told, &around)
        }
        false => Vec::new(),
    };
    let mut sinks = whole::config_checks(&seen, &around, &texts, in_repository, options);
    let mut known_of_configs = HashSet::new();
    if let (Some(of_base), Some(base)) = (&base_configs, base) {
        let texts = guard::texts_of(of_base, base);
        let by_base = Around::new(view, Some(base), of_base, options);
        let before = whole::config_checks(&seen, &by_base, &texts, in_repository, options);
        let findings = before.into_iter().flat_map(|sink| sink.findings);
        known_of_configs.extend(findings.map(|f| (f.check.id, f.path, f.message)));
    }
    if let Some(of_base) = &base_configs {
        let files: Vec<&RepoPath> = view.entries().iter().map(|e| &e.path).collect();
        sinks.push(checks::judge_change(
            of_base,
            around.configs(),
            &texts,
            &files,
        ));
    }
    if let Some(base) = base.filter(|_| !options.config_only) {
        for (path, line, message) in guard::hidden_more(&seen, &around, base, options) {
            sinks.push(checks::judge_hidden(&path, line, message));
        }
    }
    sinks.extend(flux::decryption_missing(&seen, &around));
    if options.mode.is_change() && !options.config_only {
        sinks.push(generators::sink(&seen, &around));
    }
    let mut ignores = Vec::new();
    for s in seen {
        if !s.ignores.is_empty() {
            ignores.push((&s.entry.path, s.ignores));
        }
        sinks.push(s.judged.sink);
    }
    for sink in sinks {
        findings.extend(sink.findings);
        blind_spots.extend(sink.blind_spots);
    }
    if options.config_only {
        findings.retain(|f| {
            texts.iter().any(|(p, _)| *p == f.path)
                || ["config-misnamed", "guard-weakened"].contains(&f.check.id)
        });
        blind_spots.retain(|b| texts.iter().any(|(p, _)| *p == b.path));
    }
    let untouched = guard::untouched(&selected);
    for spot in &mut blind_spots {
        spot.blocking &= !untouched.contains(&spot.path);
    }
    // What an untouched config leaves unknown of a touched file is not softened.
    blind_spots.retain(|b| b.blocking || unruled.iter().all(|u| u.path != b.path));
    blind_spots.extend(unruled);
    if options.mode.is_change() {
        blind_spots.extend(base.into_iter().flat_map(unruled::lost_in_base));
    }
    blind_spots.extend(options.blind_spots.iter().cloned());
    if options.mode != Mode::Worktree && options.mode != Mode::Stdin {
        guard::name_objects(&mut findings, &selected, view);
    }
    sort(&mut findings);
    let found = Found {
        untouched,
        known_of_configs,
        findings,
        blind_spots,
        ignores,
    };
    let after = hidden::apply(found, base, &around, options, acceptance);
    (after, stats)
}

fn out_of_time(entry: &Entry) -> Seen<'_> {
    let mut seen = Seen::unread(entry);
    let reason = say!["the time that --timeout allows ran out before it was judged"];
    let spot = BlindSpot::new(&entry.path, None, BlindCode::Timeout, reason, true);
    seen.judged.sink.blind_spots.push(spot);
    seen
}

/// Judges one file of the view. Used again when more is known of its group.
pub(crate) fn judge_entry<'v>(entry: &'v Entry, around: &Around<'_>) -> Seen<'v> {
    let read = around.view().read_entry(entry, around.max_file_size());
    judge_read(entry, &read, around)
}

/// The same with what reading it gave.
fn judge_read<'v>(
    entry: &'v Entry,
    read: &Result<Vec<u8>, ReadError>,
    around: &Around<'_>,
) -> Seen<'v> {
    let mut seen = Seen::unread(entry);
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(ReadError::Missing) => return seen,
        Err(ReadError::TooLarge(_)) => {
            whole::too_large(&mut seen, around);
            return seen;
        }
        Err(error) => {
            let (code, reason) = match error {
                ReadError::Object => (
                    BlindCode::MissingObject,
                    say!["its object is missing or corrupt"],
                ),
                _ => (BlindCode::Unreadable, say!["it could not be read"]),
            };
            seen.judged.sink.blind_spots.push(BlindSpot {
                path: entry.path.clone(),
                line: None,
                code,
                reason,
                blocking: true,
                accepted: None,
                origin: None,
            });
            return seen;
        }
    };
    seen.bytes = bytes.len() as u64;
    seen.read = true;
    if entry.kind == FileKind::Symlink && entry.path.file_name() == CONFIG_NAME {
        seen.judged
            .sink
            .blind_spots
            .push(linked_config(&entry.path));
        return seen;
    }
    if entry.kind == FileKind::Symlink && !keys::may_contain_key(bytes) {
        return seen;
    }
    match judge_bytes(&entry.path, entry.kind, bytes, around) {
        Ok((judged, status, ignores)) => {
            seen.judged = judged;
            seen.status = status;
            seen.ignores = ignores;
        }
        Err(Defect) => seen.judged.sink.blind_spots.push(BlindSpot {
            path: entry.path.clone(),
            line: None,
            code: BlindCode::Internal,
            reason: say!["judging it ended in a defect of sopsguard; please report it"],
            blocking: true,
            accepted: None,
            origin: None,
        }),
    }
    seen
}

fn status(subject: &Subject<'_>) -> Status {
    if subject.envelope.is_some() {
        Status::Encrypted
    } else if subject.exempt.is_none() && !subject.template && !subject.is_blank() {
        Status::Plain
    } else {
        Status::Other
    }
}

/// Judging ended in a panic.
pub(crate) struct Defect;

/// Judges bytes as if they stood at a path of the view.
pub(crate) fn judge_bytes(
    path: &RepoPath,
    kind: FileKind,
    bytes: &[u8],
    around: &Around<'_>,
) -> Result<(Judged, Status, Vec<Ignore>), Defect> {
    catch_unwind(AssertUnwindSafe(|| {
        let source = Source::new(bytes);
        let subject = Subject::new(path, &source, around);
        if kind == FileKind::Symlink {
            return (checks::judge_link(&subject), Status::Other, Vec::new());
        }
        let status = status(&subject);
        let ignores = around.ignores(&subject);
        (checks::judge(&subject, around), status, ignores)
    }))
    .map_err(|_| Defect)
}

/// The order of findings in every report: path, place, check.
pub(crate) fn order(a: &Finding, b: &Finding) -> std::cmp::Ordering {
    let key = |f: &Finding| {
        (
            f.line(),
            f.place.position.map_or(0, |p| p.column),
            f.check.id,
            f.place.document,
        )
    };
    a.path
        .cmp(&b.path)
        .then_with(|| key(a).cmp(&key(b)))
        .then_with(|| a.place.pointer.cmp(&b.place.pointer))
        .then_with(|| a.message.cmp(&b.message))
}

/// Sorts by path, place and check, and counts equal ones.
fn sort(findings: &mut [Finding]) {
    findings.sort_by(order);
    let mut counts = std::collections::HashMap::new();
    for f in findings.iter_mut() {
        let n = counts
            .entry((
                f.check.id,
                f.path.clone(),
                f.place.document,
                f.place.pointer.clone(),
            ))
            .or_insert(0u32);
        f.occurrence = *n;
        *n += 1;
    }
}

/// For `explain`: judges one path and hands the subject to `tell`.
pub fn explain<R>(
    view: &dyn View,
    base: Option<&dyn BaseView>,
    options: &Options,
    path: &RepoPath,
    tell: impl FnOnce(&Subject<'_>, &Judged, &dyn Neighbourhood) -> R,
) -> Result<R, ReadError> {
    let (configs, _) = configs(view, options);
    let options = Options {
        prefilter: false,
        whole_view: true,
        ..options.clone()
    };
    let around = Around::new(view, base, &configs, &options);
    let bytes = view.read_limited(path, around.max_file_size())?;
    let source = Source::new(&bytes);
    let subject = Subject::new(path, &source, &around);
    let judged = checks::judge(&subject, &around);
    Ok(tell(&subject, &judged, &around))
}

/// For those who mend: hands the subject of each path to `tell`, in order.
pub fn subjects<R>(
    view: &dyn View,
    base: Option<&dyn BaseView>,
    options: &Options,
    paths: &[RepoPath],
    mut tell: impl FnMut(&Subject<'_>) -> R,
) -> Vec<Result<R, ReadError>> {
    let (configs, _) = configs(view, options);
    let around = Around::new(view, base, &configs, options);
    let one = |path: &RepoPath| {
        let bytes = zeroize::Zeroizing::new(view.read_limited(path, around.max_file_size())?);
        let source = Source::new(&bytes);
        let subject = Subject::new(path, &source, &around);
        Ok(tell(&subject))
    };
    paths.iter().map(one).collect()
}

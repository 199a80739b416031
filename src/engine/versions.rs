//! Judging some files of one commit: by its own rules, and by those of another view.
//!
//! History and ranges are many such commits. What only the present can be asked (drift of recipients, the state of configs)
//! is left out: a version of years ago lacks today's recipients, and nobody can do anything about it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::generators;
use super::guard::{self, Rules};
use super::{Around, Options, Seen, configs, judge_read, unruled};
use crate::checks;
use crate::model::{BlindCode, BlindSpot, CheckInfo, Finding, Mode, RepoPath};
use crate::source::{BaseState, BaseView, CommitView, FileKind, ReadError, View};
use crate::subject::ConfigSet;
use crate::subject::configs::CONFIG_NAME;

/// Checks that tell of plaintext, or of ciphertext that is none: what leaks, whenever it was.
static OF_LEAKS: [&CheckInfo; 15] = [
    &checks::unencrypted_file::INFO,
    &checks::unencrypted_value::INFO,
    &checks::plaintext_secret::INFO,
    &checks::embedded_secret::INFO,
    &checks::last_applied_secret::INFO,
    &checks::generator_source::INFO,
    &checks::generator_literal::INFO,
    &checks::private_key::INFO,
    &checks::decrypted_file::INFO,
    &checks::decrypted_copy::INFO,
    &checks::hollow_envelope::INFO,
    &checks::forged_ciphertext::INFO,
    &checks::hidden_plaintext::INFO,
    &checks::broken_envelope::INFO,
    &checks::double_encrypted::INFO,
];

/// Whether a check tells of a leak.
pub(crate) fn is_of_leaks(check: &CheckInfo) -> bool {
    OF_LEAKS.iter().any(|c| c.id == check.id)
}

/// Files by path and object.
type Files = Vec<(RepoPath, String)>;

/// Configs of commits, read once for as many commits as share them.
#[derive(Default)]
pub(crate) struct KnownConfigs {
    sets: Mutex<HashMap<Files, Arc<ConfigSet>>>,
}

impl KnownConfigs {
    /// The configs in the directories of the selected files and above them.
    pub(crate) fn of(
        &self,
        view: &CommitView,
        options: &Options,
    ) -> (Vec<(RepoPath, String)>, Arc<ConfigSet>) {
        let named = options.settings.sops_config.as_ref().map(|(path, _)| path);
        let mut paths: Vec<RepoPath> = view
            .called(CONFIG_NAME)
            .into_iter()
            .map(|(p, _)| p)
            .collect();
        paths.extend(named.cloned());
        let key: Vec<(RepoPath, String)> = paths
            .into_iter()
            .filter_map(|path| view.id(&path).map(|id| (path, id)))
            .collect();
        let lock = || self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return (key, Arc::clone(known));
        }
        let (set, _) = configs(view, options);
        let set = Arc::new(set);
        lock().insert(key.clone(), Arc::clone(&set));
        (key, set)
    }
}

/// Configs that versions are judged by besides their own.
pub(crate) struct Further<'c> {
    /// The configs.
    pub(crate) configs: &'c ConfigSet,
    /// Which files they are, by path and object, to tell whether they are the version's own.
    pub(crate) files: &'c [(RepoPath, String)],
    /// Whose they are.
    pub(crate) rules: Rules,
}

/// Judges the selected files of a commit. Keeps what tells of leaks.
pub(crate) fn judge<'v>(
    view: &'v CommitView,
    base: &dyn BaseView,
    known: &KnownConfigs,
    further: &[Further<'_>],
    options: &Options,
) -> Vec<Seen<'v>> {
    let (files, own) = known.of(view, options);
    let around = Around::new(view, Some(base), &own, options);
    let further = further
        .iter()
        .filter(|f| !is_governed_alike(view, &files, f));
    let by_further: Vec<_> = further
        .map(|f| (Around::new(view, Some(base), f.configs, options), f.rules))
        .collect();
    let mut seen: Vec<Seen<'v>> = Vec::new();
    for entry in view.selected() {
        if entry.kind == FileKind::Submodule {
            continue;
        }
        if options.is_late() {
            seen.push(super::out_of_time(entry));
            continue;
        }
        let read = view.read_entry(entry, around.max_file_size());
        let mut s = judge_read(entry, &read, &around);
        if entry.kind == FileKind::Regular {
            for (by_further, rules) in &by_further {
                let other = judge_read(entry, &read, by_further);
                guard::add(&mut s.judged.sink, other.judged.sink, *rules);
            }
        }
        keep_leaks(&mut s, options);
        let id = view.object(entry);
        for f in &mut s.judged.sink.findings {
            f.blob.clone_from(&id);
        }
        seen.push(s);
    }
    if options.mode.is_change() {
        unknown(&mut seen, base, &around, options);
    }
    let told = generators::of_changed(&seen, &around);
    for (at, mut finding) in told {
        // The leak came with the source, whoever makes a Secret of it.
        let s = &mut seen[at];
        finding.blob = view.object(s.entry);
        finding.fix = None;
        finding.repair = None;
        s.judged.sink.findings.push(finding);
    }
    seen
}

/// Adds what keeps a commit of a range from being judged: rules that nobody knows, parents that are not here. In history the
/// engine has told every object that is missing.
fn unknown(seen: &mut [Seen<'_>], base: &dyn BaseView, around: &Around<'_>, options: &Options) {
    let named = options.settings.sops_config.as_ref().map(|(path, _)| path);
    let mut spots = match options.sops_config {
        Some(_) => Vec::new(),
        None => unruled::unknown_rules(seen, named, &HashSet::new(), around),
    };
    let changed = seen
        .iter()
        .map(|s| s.entry)
        .filter(|e| e.base == BaseState::Maybe);
    let lost = changed.filter(|e| matches!(base.read(&e.path), Err(ReadError::Object)));
    spots.extend(lost.map(|e| unruled::missing_in_base(&e.path)));
    if let Some(s) = seen.first_mut() {
        s.judged.sink.blind_spots.extend(spots);
    }
}

/// Configs that are there and whose objects are not: their rules are unknown.
pub(crate) fn lost_configs(view: &CommitView) -> Vec<BlindSpot> {
    let configs = view.called(CONFIG_NAME).into_iter().map(|(path, _)| path);
    let lost = configs.filter(|path| matches!(view.read(path), Err(ReadError::Object)));
    lost.map(|path| unruled::missing_in_base(&path)).collect()
}

/// Whether the configs of a commit are those that would be asked as well.
fn is_governed_alike(view: &CommitView, own: &[(RepoPath, String)], further: &Further<'_>) -> bool {
    let selected = view.selected();
    let reaches = |(path, _): &&(RepoPath, String)| {
        let dir = path.parent();
        selected.iter().any(|e| e.path.is_within(dir))
    };
    own.iter()
        .filter(reaches)
        .eq(further.files.iter().filter(reaches))
}

/// Drops what tells of the present only.
pub(crate) fn keep_leaks(s: &mut Seen<'_>, options: &Options) {
    let sink = &mut s.judged.sink;
    // An envelope that was damaged once, as by a conflict, gave nothing away by that.
    let past = options.mode == Mode::History;
    let keeps = |f: &Finding| {
        is_of_leaks(f.check) && !(past && f.check.id == checks::broken_envelope::INFO.id)
    };
    let keep: Vec<bool> = sink.findings.iter().map(keeps).collect();
    sink.keep(&keep);
    // What a repair on disk would need is not to be had for a version of the past.
    for f in &mut sink.findings {
        f.fix = None;
        f.repair = None;
    }
    for spot in &mut sink.blind_spots {
        // It was read line by line, and nobody can mend it any more.
        spot.blocking &= !(past && spot.code == BlindCode::Unparsable);
    }
    sink.blind_spots.retain(|b| {
        b.blocking
            || matches!(
                b.code,
                BlindCode::MissingObject | BlindCode::Unparsable | BlindCode::TooLarge
            )
    });
}

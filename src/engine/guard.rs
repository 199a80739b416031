//! A change must not switch off its own guard: what a commit would record is judged by the rules of HEAD as well.
//!
//! Only configs are taken from the base view here; the files are those of the view. Errors alone count, and where both
//! sets of rules see the same thing the finding is one. What a commit does not touch cannot stop it.

use std::collections::{HashMap, HashSet};

use super::{Around, MAX_FILE_SIZE, Options, Seen};
use crate::checks::{self, Sink};
use crate::model::{Argument, Finding, Message, RepoPath, Severity, View as RulesOf};
use crate::say;
use crate::settings::{self, Settings};
use crate::source::{BaseState, BaseView, Entry, View};
use crate::subject::configs::CONFIG_NAME;
use crate::subject::{ConfigSet, LoadedConfig, Source, Subject};
use crate::syntax::decode;
use crate::triage::baseline::Baseline;
use crate::triage::inline::Ignore;

/// The configs of the base view; `None` where they are those of the view.
pub(super) fn base_configs(view: &dyn View, base: &dyn BaseView) -> Option<ConfigSet> {
    let own = view.called(CONFIG_NAME);
    let removed = base.removed().iter();
    let differ = own.iter().any(|(_, known)| known.base != BaseState::Same)
        || removed.clone().any(|path| path.file_name() == CONFIG_NAME);
    if !differ {
        return None;
    }
    let mut list = Vec::new();
    for path in base.called(CONFIG_NAME) {
        let Ok(Some(bytes)) = base.read(&path) else {
            continue;
        };
        let text = decode(&bytes).text.into_owned();
        list.push(LoadedConfig::new(path, &text, true));
    }
    Some(ConfigSet::new(list))
}

/// How settings, baseline and comments of the view hide more than those of the base view.
pub(super) fn hidden_more(
    seen: &[Seen<'_>],
    around: &Around<'_>,
    base: &dyn BaseView,
    options: &Options,
) -> Vec<(RepoPath, Option<u32>, Message)> {
    let view = around.view();
    let mut told = Vec::new();
    let text = |path: &RepoPath| -> Option<String> {
        let bytes = base.read(path).ok().flatten()?;
        Some(decode(&bytes).text.into_owned())
    };
    // Whether a file of the root is another one than in the base view.
    let changed = |path: &RepoPath| match view.find(path) {
        Some(known) => known.base != BaseState::Same,
        None => base.removed().binary_search(path).is_ok(),
    };
    let names = settings::NAMES.map(RepoPath::new);
    let own = &options.settings;
    let of_view = own.path.as_ref().is_none_or(|path| names.contains(path));
    if of_view && names.iter().any(changed) {
        let found = names.iter().find_map(|path| Some((path, text(path)?)));
        let before = match &found {
            Some((path, text)) => Settings::read(path, text, &checks::TABLE).ok(),
            None => Some(Settings::default()),
        };
        let place = match (&own.path, &found) {
            (None, Some((path, _))) => (*path).clone(),
            _ => own.file(),
        };
        for weaker in before.iter().flat_map(|before| own.weakenings(before)) {
            told.push((place.clone(), weaker.line, weaker.message));
        }
    }
    let path = RepoPath::new(settings::BASELINE_NAME);
    if let Some(accepted) = options.baseline.as_ref().filter(|b| b.path == path)
        && changed(&path)
    {
        let before = text(&path).and_then(|text| Baseline::read(&path, &text).ok());
        let known: HashSet<(&str, &str)> = (before.iter().flat_map(|b| b.entries()))
            .map(|(e, _)| (e.fingerprint.as_str(), e.blob.as_str()))
            .collect();
        let new: Vec<u32> = accepted
            .entries()
            .filter(|(e, _)| !known.contains(&(e.fingerprint.as_str(), e.blob.as_str())))
            .map(|(_, line)| line)
            .collect();
        if let Some(first) = new.first() {
            let entries = if new.len() == 1 { " entry" } else { " entries" };
            let message = say!["the baseline has ", new.len(), " new", entries];
            told.push((path, Some(*first), message));
        }
    }
    for s in seen.iter().filter(|s| !s.ignores.is_empty()) {
        if s.entry.base == BaseState::Same {
            continue;
        }
        let before = match base.read(&s.entry.path) {
            Ok(Some(bytes)) => {
                let source = Source::new(&bytes);
                let subject = Subject::new(&s.entry.path, &source, around);
                around.ignores(&subject)
            }
            _ => Vec::new(),
        };
        let mut left: Vec<&'static str> = before.iter().flat_map(Ignore::checks).collect();
        for ignore in &s.ignores {
            for id in ignore.checks() {
                match left.iter().position(|known| *known == id) {
                    Some(at) => {
                        left.swap_remove(at);
                    }
                    None => told.push((
                        s.entry.path.clone(),
                        Some(ignore.line),
                        say!["a new comment ignores ", id],
                    )),
                }
            }
        }
    }
    told
}

/// Adds what the rules of the base view find beyond those of the view.
pub(super) fn stricter(seen: &mut [Seen<'_>], under_base: Vec<Option<Sink>>) {
    for (s, base) in seen.iter_mut().zip(under_base) {
        if let Some(base) = base {
            add(&mut s.judged.sink, base);
        }
    }
}

fn add(own: &mut Sink, base: Sink) {
    for mut finding in base.findings {
        if finding.severity != Severity::Error {
            continue;
        }
        let same = |f: &&mut Finding| {
            f.check == finding.check
                && f.place.document == finding.place.document
                && f.place.pointer == finding.place.pointer
                && f.place.position == finding.place.position
        };
        for by in &mut finding.governed_by {
            by.at = RulesOf::Base;
        }
        match own.findings.iter_mut().find(same) {
            Some(known) if known.severity == Severity::Error => {}
            Some(known) => {
                known.severity = Severity::Error;
                known.lenient = false;
                known.governed_by.append(&mut finding.governed_by);
            }
            None => {
                finding
                    .message
                    .push(&" (by the rules of HEAD, which this change replaces)");
                own.findings.push(finding);
            }
        }
    }
    for spot in base.blind_spots.into_iter().filter(|b| b.blocking) {
        if !own
            .blind_spots
            .iter()
            .any(|b| b.code == spot.code && b.blocking)
        {
            own.blind_spots.push(spot);
        }
    }
}

/// What a commit does not touch is told and does not stop it.
pub(super) fn soften_untouched(
    selected: &[&Entry],
    findings: &mut [Finding],
    blind_spots: &mut [crate::model::BlindSpot],
) {
    let untouched: HashSet<&RepoPath> = (selected.iter())
        .filter(|e| !e.touched)
        .map(|e| &e.path)
        .collect();
    if untouched.is_empty() {
        return;
    }
    for f in findings {
        if f.severity == Severity::Error && untouched.contains(&f.path) {
            f.severity = Severity::Warning;
        }
    }
    for b in blind_spots {
        b.blocking &= !untouched.contains(&b.path);
    }
}

/// The stages of a conflict tell the same thing once.
pub(super) fn join_stages(seen: &mut [Seen<'_>]) {
    let mut known: HashMap<RepoPath, Vec<Finding>> = HashMap::new();
    let staged = seen.iter_mut().filter(|s| s.entry.stage != 0);
    let mut conflicts: Vec<&mut Seen<'_>> = staged.collect();
    // Ours first, then theirs, then what both came from.
    conflicts.sort_by_key(|s| [3, 2, 0, 1][usize::from(s.entry.stage & 3)]);
    for s in conflicts {
        let before = known.entry(s.entry.path.clone()).or_default();
        s.judged.sink.findings.retain(|f| {
            let told = before.iter().any(|b| {
                (b.check, b.severity, b.place.document) == (f.check, f.severity, f.place.document)
                    && b.place.pointer == f.place.pointer
            });
            !told
        });
        before.extend(s.judged.sink.findings.iter().cloned());
        for f in &mut s.judged.sink.findings {
            f.message.push(&" (in stage ");
            f.message.push(&u64::from(s.entry.stage));
            f.message.push(&" of the conflict)");
        }
        s.judged.sink.leaked.clear();
    }
}

/// Where the staged copy is plain and the one on disk is encrypted, `git add` was forgotten.
pub(super) fn index_differs(seen: &mut [Seen<'_>], around: &Around<'_>) {
    for s in seen.iter_mut().filter(|s| !s.judged.encrypted) {
        let error = |f: &Finding| f.severity == Severity::Error;
        if s.entry.stage != 0 || !s.judged.sink.findings.iter().any(error) {
            continue;
        }
        let Some(bytes) = around.view().disk_copy(&s.entry.path, MAX_FILE_SIZE) else {
            continue;
        };
        let source = Source::new(&bytes);
        let on_disk = Subject::new(&s.entry.path, &source, around);
        if on_disk.envelope.is_none() {
            continue;
        }
        // It is encrypted already: to encrypt it again would fail.
        let errors = s.judged.sink.findings.iter_mut();
        for f in errors.filter(|f| f.severity == Severity::Error && f.fix.is_some()) {
            f.fix = Some(say!["git add ", Argument(&s.entry.path)]);
            f.help = say!["the copy on disk is encrypted: stage it"];
        }
        checks::judge_index_differs(&s.entry.path, &mut s.judged.sink);
    }
}

/// Notes from which object each finding comes, and that what is repaired on disk must be staged again.
pub(super) fn staged_details(seen: &mut [Seen<'_>], view: &dyn View) {
    let found = |s: &&mut Seen<'_>| !s.judged.sink.findings.is_empty();
    for s in seen.iter_mut().filter(found) {
        let id = view.object(s.entry);
        let path = &s.entry.path;
        let mut disk = None;
        for f in &mut s.judged.sink.findings {
            f.blob.clone_from(&id);
            let by_sops = |fix: &&mut Message| fix.as_str().starts_with("sops ");
            let Some(fix) = f.fix.as_mut().filter(by_sops) else {
                continue;
            };
            match *disk.get_or_insert_with(|| on_disk(s.entry, view)) {
                OnDisk::Gone => {
                    f.fix = Some(say!["git rm --cached ", Argument(path)]);
                    f.help.push(&"; it is not on disk any more");
                }
                state => {
                    fix.push(&" && git add ");
                    fix.push(&Argument(path));
                    if state == OnDisk::Edited {
                        f.help
                            .push(&"; the copy on disk has further changes, which would be staged as well");
                    }
                }
            }
        }
    }
}

/// The same for findings about configs, which are not made file by file.
pub(super) fn name_objects(findings: &mut [Finding], selected: &[&Entry], view: &dyn View) {
    for f in findings.iter_mut().filter(|f| f.blob.is_none()) {
        let at = selected.partition_point(|e| e.path < f.path);
        if let Some(entry) = selected.get(at).filter(|e| e.path == f.path) {
            f.blob = view.object(entry);
        }
    }
}

/// The copy on disk of a staged file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnDisk {
    Gone,
    Edited,
    Same,
}

fn on_disk(entry: &Entry, view: &dyn View) -> OnDisk {
    let disk = view.disk_copy(&entry.path, MAX_FILE_SIZE);
    match (disk, view.read_entry(entry, MAX_FILE_SIZE)) {
        (None, _) => OnDisk::Gone,
        (Some(disk), Ok(staged)) if disk == staged => OnDisk::Same,
        _ => OnDisk::Edited,
    }
}

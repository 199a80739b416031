//! A change must not switch off its own guard: what a commit would record is judged by the rules of HEAD as well.
//!
//! Only configs are taken from the base view here; the files are those of the view. Errors alone count, and where both
//! sets of rules see the same thing the finding is one. What a commit does not touch cannot stop it.

use std::collections::{HashMap, HashSet};

use super::{Around, MAX_FILE_SIZE, Options, Seen, hidden};
use crate::checks::{self, Sink};
use crate::model::{Argument, Finding, Message, RepoPath, Severity, View as RulesOf};
use crate::say;
use crate::settings::{self, Settings};
use crate::source::{BaseState, BaseView, Entry, View};
use crate::subject::configs::CONFIG_NAME;
use crate::subject::{ConfigSet, LoadedConfig, Source, Subject};
use crate::syntax::decode;
use crate::triage::baseline::{self, Baseline};
use crate::triage::inline::Ignore;

/// Whether the config that settings name for every path, now or in the base view, is another one than it was.
pub(super) fn changes_named_config(
    view: &dyn View,
    base: &dyn BaseView,
    options: &Options,
) -> bool {
    let named = |settings: &Settings| settings.sops_config.as_ref().map(|(path, _)| path.clone());
    let before = base_settings(view, base, &options.settings)
        .and_then(|before| before.settings)
        .and_then(|before| named(&before));
    [named(&options.settings), before]
        .iter()
        .flatten()
        .any(|path| is_changed(path, view, base))
}

/// Whether a file is another one than in the base view.
fn is_changed(path: &RepoPath, view: &dyn View, base: &dyn BaseView) -> bool {
    match view.find(path) {
        Some(known) => known.base != BaseState::Same,
        None => base.removed().binary_search(path).is_ok(),
    }
}

/// The text of a file of the base view.
fn text_in(base: &dyn BaseView, path: &RepoPath) -> Option<String> {
    let bytes = base.read(path).ok().flatten()?;
    Some(decode(&bytes).text.into_owned())
}

/// The configs of the base view; `None` where they are those of the view.
pub(super) fn base_configs(
    view: &dyn View,
    base: &dyn BaseView,
    options: &Options,
) -> Option<ConfigSet> {
    let own = options.settings.sops_config.as_ref().map(|(path, _)| path);
    // The settings of HEAD say which config was the only one, unless the call names settings.
    let before = match base_settings(view, base, &options.settings) {
        Some(before) => before.settings.and_then(|s| s.sops_config).map(|c| c.0),
        None => own.cloned(),
    };
    if let Some(path) = &before {
        let same = own == Some(path)
            && (view.find(path)).is_some_and(|known| known.base == BaseState::Same);
        if same {
            return None;
        }
        if let Some(text) = text_in(base, path) {
            return Some(ConfigSet::only(LoadedConfig::new(
                path.clone(),
                &text,
                true,
            )));
        }
        // Settings of the call name a config that HEAD does not have.
        if own == Some(path) {
            return None;
        }
    }
    let configs = view.called(CONFIG_NAME);
    let removed = base.removed().iter();
    let differ = own.is_some()
        || configs
            .iter()
            .any(|(_, known)| known.base != BaseState::Same)
        || removed.clone().any(|path| path.file_name() == CONFIG_NAME);
    if !differ {
        return None;
    }
    let mut list = Vec::new();
    for path in base.called(CONFIG_NAME) {
        let Some(text) = text_in(base, &path) else {
            continue;
        };
        if super::is_skeleton(&path, &text) {
            continue;
        }
        list.push(LoadedConfig::new(path, &text, true));
    }
    Some(ConfigSet::new(list))
}

/// The settings of the base view.
pub(super) struct BaseSettings {
    /// Their file, if there is one.
    path: Option<RepoPath>,
    /// What it says; `None` if it cannot be understood.
    pub(super) settings: Option<Settings>,
}

/// The settings of the base view; `None` where they are those of the view, or the call names others.
pub(super) fn base_settings(
    view: &dyn View,
    base: &dyn BaseView,
    own: &Settings,
) -> Option<BaseSettings> {
    let names = settings::NAMES.map(RepoPath::new);
    let of_view = own.path.as_ref().is_none_or(|path| names.contains(path));
    if !(of_view && names.iter().any(|path| is_changed(path, view, base))) {
        return None;
    }
    let found = names
        .iter()
        .find_map(|path| Some((path, text_in(base, path)?)));
    Some(match found {
        Some((path, text)) => BaseSettings {
            path: Some(path.clone()),
            settings: Settings::read(path, &text, &checks::TABLE).ok(),
        },
        None => BaseSettings {
            path: None,
            settings: Some(Settings::default()),
        },
    })
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
    let own = match &options.own {
        Some(own) => own.settings.as_ref(),
        None => Some(&options.settings),
    };
    if let Some(own) = own
        && let Some(before) = base_settings(view, base, own)
    {
        let place = match (&own.path, &before.path) {
            (None, Some(path)) => path.clone(),
            _ => own.file(),
        };
        for weaker in before.settings.iter().flat_map(|b| own.weakenings(b)) {
            told.push((place.clone(), weaker.line, weaker.message));
        }
    }
    let path = RepoPath::new(settings::BASELINE_NAME);
    let accepted = match &options.own {
        Some(own) => own.baseline.as_ref(),
        None => options.baseline.as_ref(),
    };
    if let Some(accepted) = accepted.filter(|b| b.path == path)
        && is_changed(&path, view, base)
    {
        let before = text_in(base, &path).and_then(|text| Baseline::read(&path, &text).ok());
        let known: Vec<_> = before.iter().flat_map(|b| b.entries()).collect();
        let known: HashMap<(&str, &str), &Option<String>> = (known.iter())
            .map(|(e, _)| ((e.fingerprint.as_str(), e.blob.as_str()), &e.until))
            .collect();
        // Dates are written so that they sort; an entry that holds longer is a new one.
        let held = |e: &baseline::Entry| match known.get(&(e.fingerprint.as_str(), e.blob.as_str()))
        {
            Some(None) => true,
            Some(until) => e.until.is_some() && e.until <= **until,
            None => false,
        };
        let new: Vec<u32> = accepted
            .entries()
            .filter(|(e, _)| !held(e))
            .map(|(_, line)| line)
            .collect();
        if let Some(first) = new.first() {
            let entries = if new.len() == 1 { " entry" } else { " entries" };
            let message = say!["the baseline has ", new.len(), " new or longer", entries];
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

/// Whose rules a file is judged by besides those of its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Those that a commit replaces.
    Head,
    /// Those that a push or a merge request replaces.
    Base,
    /// Those of today, for a version of history.
    Today,
    /// Those with which a push or a merge request ends.
    End,
}

impl Rules {
    fn at(self) -> RulesOf {
        match self {
            Self::Head | Self::Base => RulesOf::Base,
            Self::Today | Self::End => RulesOf::Head,
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Head => " (by the rules of HEAD, which this change replaces)",
            Self::Base => " (by the rules of the base, which this change replaces)",
            Self::Today => " (by the rules of today)",
            Self::End => " (by the rules at the end of the range)",
        }
    }
}

/// Adds what the rules of the base view find beyond those of the view.
pub(super) fn stricter(seen: &mut [Seen<'_>], under_base: Vec<Option<Sink>>, rules: Rules) {
    for (s, base) in seen.iter_mut().zip(under_base) {
        if let Some(base) = base {
            add(&mut s.judged.sink, base, rules);
        }
    }
}

/// Adds what other rules find beyond the file's own.
pub(super) fn add(own: &mut Sink, base: Sink, rules: Rules) {
    for mut finding in base.findings {
        if finding.severity != Severity::Error {
            continue;
        }
        // Of a file as a whole it is told once, whatever places other rules would show of it.
        let about_file = hidden::OF_CONTENT.contains(&finding.check.id);
        let same = |f: &&mut Finding| {
            f.check == finding.check
                && f.place.document == finding.place.document
                && f.place.pointer == finding.place.pointer
                && (about_file || f.place.position == finding.place.position)
        };
        for by in &mut finding.governed_by {
            by.at = rules.at();
        }
        match own.findings.iter_mut().find(same) {
            Some(known) if known.severity == Severity::Error => {}
            Some(known) => {
                known.severity = Severity::Error;
                known.lenient = false;
                known.governed_by.append(&mut finding.governed_by);
            }
            None => {
                finding.message.push(&rules.told());
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

/// The files that are judged although the commit does not touch them.
pub(super) fn untouched<'v>(selected: &[&'v Entry]) -> HashSet<&'v RepoPath> {
    let untouched = selected.iter().filter(|e| !e.touched);
    untouched.map(|e| &e.path).collect()
}

/// What a commit does not touch is told and does not stop it.
pub(super) fn soften_untouched(untouched: &HashSet<&RepoPath>, findings: &mut [Finding]) {
    for f in findings {
        if f.severity == Severity::Error && untouched.contains(&f.path) {
            f.severity = Severity::Warning;
        }
    }
}

/// The texts of configs of the base view.
pub(super) fn texts_of(configs: &ConfigSet, base: &dyn BaseView) -> Vec<(RepoPath, String)> {
    let text = |config: &LoadedConfig| Some((config.path.clone(), text_in(base, &config.path)?));
    configs.iter().filter_map(text).collect()
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

/// Notes from which object each finding comes, and that what is staged is to be repaired.
pub(super) fn staged_details(seen: &mut [Seen<'_>], view: &dyn View) {
    let found = |s: &&mut Seen<'_>| !s.judged.sink.findings.is_empty();
    for s in seen.iter_mut().filter(found) {
        let id = view.object(s.entry);
        let path = &s.entry.path;
        let mut disk = None;
        for f in &mut s.judged.sink.findings {
            f.blob.clone_from(&id);
            let Some(repair) = f.repair.as_ref().filter(|_| f.is_fixable()) else {
                continue;
            };
            let state = *disk.get_or_insert_with(|| on_disk(s.entry, view));
            if repair.path == *path && state == OnDisk::Gone {
                f.fix = Some(say!["git rm --cached ", Argument(path)]);
                f.help.push(&"; it is not on disk any more");
                continue;
            }
            if repair.path != *path {
                // Another file, which need not be staged.
                let other = view.entries().iter().find(|e| e.path == repair.path);
                let staged = other.is_some_and(|e| e.touched && e.stage == 0);
                f.fix = Some(repair.command(staged));
                continue;
            }
            // A change of rules can ask for a file that is not staged.
            f.fix = Some(repair.command(s.entry.touched));
            if state == OnDisk::Edited {
                f.help
                    .push(&"; the copy on disk has further changes, which stay as they are");
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

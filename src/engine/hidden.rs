//! After judging: what the settings, comments and the baseline hide, and what of them does nothing.
//!
//! The marking itself is `triage`'s. Here stands what it needs of the line: the bytes of files now and when they were
//! accepted, and the files that globs are to match.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::{After, Found, KnownOfConfig, Options, Told, guard, judge_bytes, sort};
use crate::checks::{self, ignore_unused::Idle};
use crate::engine::around::Around;
use crate::model::{Finding, Message, Mode, RepoPath, Span, Status};
use crate::say;
use crate::settings::{Configured, Settings};
use crate::source::{BaseState, BaseView, FileKind, blob_id_outside};
use crate::subject::{Source, Subject};
use crate::syntax::decode;
use crate::triage;
use crate::triage::baseline::{self, Acceptance, History, Same, State};
use crate::triage::inline::{self, Ignore, Malformed, Verdict, is_about_file};

/// Marks findings, which are sorted, and blind spots.
pub(super) fn apply(
    found: Found<'_>,
    base: Option<&dyn BaseView>,
    around: &Around<'_>,
    options: &Options,
    acceptance: Option<&Acceptance>,
) -> After {
    let Found {
        mut findings,
        mut blind_spots,
        ignores,
        untouched,
        known_of_configs,
    } = found;
    let settings = &options.settings;
    tell_new(
        &mut findings,
        &known_of_configs,
        base,
        around,
        options.new_only,
    );
    triage::severities(&mut findings, &no_milder(settings, base, around));
    guard::soften_untouched(&untouched, &mut findings);
    let accepts = triage::accept(&mut blind_spots, settings, options.today);
    let mut idle: Vec<(RepoPath, u32, Idle)> = Vec::new();
    let whole = options.whole_view && !options.config_only;
    for (path, ignores) in &ignores {
        let of_base = base.filter(|_| in_range(options));
        let kept = of_base.map(|base| known_ignores(path, ignores, base, around));
        let ignores = kept.as_ref().unwrap_or(ignores);
        let used = inline::apply(path, ignores, &mut findings);
        for (ignore, used) in ignores.iter().zip(used) {
            tell(path, ignore, &used, whole, &mut idle);
        }
    }
    let mut told = Told::default();
    if options.baseline.is_some() || acceptance.is_some() {
        let mut history = Versions {
            base,
            around,
            now: HashMap::new(),
            then: HashMap::new(),
        };
        if let Some(accepted) = &options.baseline {
            told.states = accepted.apply(&mut findings, options.today, &mut history);
        }
        if let Some(acceptance) = acceptance {
            (told.accepted, told.refused) =
                baseline::accept(findings.iter(), acceptance, &mut history);
        }
    }
    if whole {
        if let Some(accepted) = &options.baseline {
            for ((entry, line), state) in accepted.entries().zip(&told.states) {
                if *state == State::Unmatched && !entry.history {
                    idle.push((accepted.path.clone(), line, Idle::Baseline));
                }
            }
        }
        for (entry, used) in settings.accept.iter().zip(accepts) {
            if !used {
                idle.push((settings.file(), entry.line, Idle::Accept));
            }
        }
        for (list, globs) in settings.globs() {
            for glob in globs.unused(around.view().entries().iter().map(|e| &e.path)) {
                idle.push((settings.file(), glob.line, Idle::Glob(list)));
            }
        }
    }
    if !options.config_only {
        let mut more: Vec<Finding> = idle
            .iter()
            .flat_map(|(path, line, idle)| checks::judge_idle(path, *line, idle).findings)
            .collect();
        triage::severities(&mut more, settings);
        findings.extend(more);
    }
    After {
        findings,
        blind_spots,
        told,
    }
}

/// Whether somebody else's commits are judged, whose comments silence nothing.
fn in_range(options: &Options) -> bool {
    matches!(options.mode, Mode::Range | Mode::PreReceive) && !options.trust_head
}

/// The settings, in which what speaks of the change itself is no milder than in the base view.
fn no_milder<'s>(
    settings: &'s Settings,
    base: Option<&dyn BaseView>,
    around: &Around<'_>,
) -> Cow<'s, Settings> {
    let id = checks::guard_weakened::INFO.id;
    let before = base
        .and_then(|base| guard::base_settings(around.view(), base, settings))
        .and_then(|before| before.settings);
    let Some(before) = before else {
        return Cow::Borrowed(settings);
    };
    let (then, now) = (before.checks.get(id).copied(), settings.checks.get(id));
    let default = checks::guard_weakened::INFO.severity;
    // `None` is off, and less than any severity.
    let level = |c: Option<&Configured>| c.map_or(Some(default), |c| c.severity);
    if level(now) >= level(then.as_ref()) {
        return Cow::Borrowed(settings);
    }
    let mut stricter = settings.clone();
    match then {
        Some(then) => stricter.checks.insert(id, then),
        None => stricter.checks.remove(id),
    };
    Cow::Owned(stricter)
}

/// Tells of each finding whether the base view has it as well, and hides those where only what is new counts.
fn tell_new(
    findings: &mut [Finding],
    known_of_configs: &HashSet<KnownOfConfig>,
    base: Option<&dyn BaseView>,
    around: &Around<'_>,
    new_only: bool,
) {
    let Some(base) = base.filter(|_| !findings.is_empty()) else {
        return;
    };
    let mut before: HashMap<RepoPath, Option<Then>> = HashMap::new();
    let mut now: HashMap<RepoPath, Option<String>> = HashMap::new();
    for finding in findings {
        let path = &finding.path;
        let state = around.view().find(path).map(|known| known.base);
        finding.new = match state {
            // What speaks of the change itself.
            _ if finding.check == &checks::guard_weakened::INFO => Some(true),
            Some(BaseState::Same) => Some(false),
            _ if known_of_configs.contains(&(
                finding.check.id,
                path.clone(),
                finding.message.clone(),
            )) =>
            {
                Some(false)
            }
            Some(BaseState::Absent) => Some(true),
            Some(BaseState::NoBase) | None => None,
            Some(BaseState::Maybe) => {
                let then = before.entry(path.clone()).or_insert_with(|| {
                    let bytes = base.read(path).ok().flatten()?;
                    judged_before(path, &bytes, around)
                });
                let now = now.entry(path.clone()).or_insert_with(|| {
                    let limit = around.max_file_size();
                    let bytes = around.view().read_limited(path, limit).ok()?;
                    Some(decode(&bytes).text.into_owned())
                });
                match (then, now) {
                    (Some(then), Some(now)) => Some(is_new(finding, then, now)),
                    _ => None,
                }
            }
        };
        if new_only && finding.new == Some(false) {
            finding.status = Status::Known;
        }
    }
}

/// Checks about a whole file whose content is what leaked.
pub(super) const OF_CONTENT: [&str; 3] = ["unencrypted-file", "decrypted-file", "decrypted-copy"];

/// Whether the older version of the file has no such finding, or one about another value.
fn is_new(finding: &Finding, then: &Then, now: &str) -> bool {
    if then.text == now {
        return false;
    }
    let Some(old) = then.leaves.get(&finding.fingerprint()) else {
        return true;
    };
    let leaf = finding.place.span.filter(|_| !is_about_file(finding));
    match (leaf, old) {
        (Some(leaf), Some(old)) => now.get(leaf.range()) != then.text.get(old.range()),
        // A plain file holds what it holds; the state of an envelope is what it was.
        _ => OF_CONTENT.contains(&finding.check.id),
    }
}

fn judged_before(path: &RepoPath, bytes: &[u8], around: &Around<'_>) -> Option<Then> {
    if bytes.len() as u64 > around.max_file_size() {
        return None;
    }
    let (judged, ..) = judge_bytes(path, FileKind::Regular, bytes, around).ok()?;
    let mut findings = judged.sink.findings;
    sort(&mut findings);
    Some(Then {
        text: decode(bytes).text.into_owned(),
        leaves: (findings.iter())
            .map(|f| (f.fingerprint(), f.place.span))
            .collect(),
    })
}

/// Marks the findings of one version of a file, sorted: by the settings, and by the comments in it that may ignore. Where
/// the comments of a base view alone may, only checks count that its version of the file ignores as well.
pub(super) fn mark_version(
    findings: &mut [Finding],
    path: &RepoPath,
    ignores: &[Ignore],
    base: Option<&dyn BaseView>,
    around: &Around<'_>,
    options: &Options,
) {
    if let (Some(base), true) = (base, options.new_only) {
        let before = base.read(path).ok().flatten();
        let then = before.and_then(|bytes| judged_before(path, &bytes, around));
        let text = findings.first().and_then(|f| base.blob(f.blob.as_ref()?));
        let now = text.map(|bytes| decode(&bytes).text.into_owned());
        for f in findings.iter_mut() {
            f.new = match (&then, &now) {
                (Some(then), Some(now)) => Some(is_new(f, then, now)),
                (None, _) => Some(true),
                _ => None,
            };
            if f.new == Some(false) {
                f.status = Status::Known;
            }
        }
    }
    triage::severities(findings, &options.settings);
    if ignores.is_empty() {
        return;
    }
    match base.filter(|_| in_range(options)) {
        Some(base) => {
            let kept = known_ignores(path, ignores, base, around);
            inline::apply(path, &kept, findings);
        }
        None => {
            inline::apply(path, ignores, findings);
        }
    }
}

/// The comments that the base view's version of a file has as well, check by check.
fn known_ignores(
    path: &RepoPath,
    ignores: &[Ignore],
    base: &dyn BaseView,
    around: &Around<'_>,
) -> Vec<Ignore> {
    let Some(bytes) = base.read(path).ok().flatten() else {
        return Vec::new();
    };
    let source = Source::new(&bytes);
    let subject = Subject::new(path, &source, around);
    let before = around.ignores(&subject);
    let mut left: Vec<&'static str> = before.iter().flat_map(Ignore::checks).collect();
    let mut kept = Vec::new();
    for ignore in ignores {
        let known = ignore.checks().collect::<Vec<_>>();
        let all = known.iter().all(|id| left.contains(id));
        if all && !known.is_empty() {
            for id in known {
                if let Some(at) = left.iter().position(|l| *l == id) {
                    left.swap_remove(at);
                }
            }
            kept.push(ignore.clone());
        }
    }
    kept
}

/// What the baseline accepts of versions, and entries that would accept the rest. `base` reads their objects.
pub(super) fn accept_versions(
    findings: &mut [Finding],
    base: &dyn BaseView,
    around: &Around<'_>,
    options: &Options,
    acceptance: Option<&Acceptance>,
) -> Told {
    let mut told = Told::default();
    if options.baseline.is_none() && acceptance.is_none() {
        return told;
    }
    let mut history = Versions {
        base: Some(base),
        around,
        now: HashMap::new(),
        then: HashMap::new(),
    };
    if let Some(accepted) = &options.baseline {
        told.states = accepted.apply(findings, options.today, &mut history);
    }
    if let Some(acceptance) = acceptance {
        (told.accepted, told.refused) = baseline::accept(findings.iter(), acceptance, &mut history);
    }
    told
}

/// What a directive did not do.
fn tell(
    path: &RepoPath,
    ignore: &Ignore,
    used: &[bool],
    whole: bool,
    idle: &mut Vec<(RepoPath, u32, Idle)>,
) {
    match &ignore.verdict {
        Verdict::Ignores(ids) if whole => {
            for (id, used) in ids.iter().zip(used) {
                if !used {
                    idle.push((path.clone(), ignore.line, Idle::Ignore(id)));
                }
            }
        }
        Verdict::Ignores(_) => {}
        Verdict::Malformed(why) => {
            idle.push((path.clone(), ignore.line, Idle::Malformed(words(*why))));
        }
    }
}

fn words(why: Malformed) -> Message {
    match why {
        Malformed::Unknown => say!["only `ignore[…]` can follow"],
        Malformed::NoCheck => say!["it names no check"],
        Malformed::NoReason => say!["it gives no reason"],
        Malformed::UnknownCheck(None) => say!["it names a check that does not exist"],
        Malformed::UnknownCheck(Some(near)) => {
            say![
                "it names a check that does not exist; did you mean ",
                near,
                "?"
            ]
        }
    }
}

/// A file as it is.
struct Now {
    text: String,
    blob: Option<String>,
}

/// A file as it was accepted: its text, and the bytes of each finding by fingerprint.
struct Then {
    text: String,
    leaves: HashMap<String, Option<Span>>,
}

/// Files of the view beside older versions, each read and judged once.
struct Versions<'a> {
    base: Option<&'a dyn BaseView>,
    around: &'a Around<'a>,
    now: HashMap<(RepoPath, Option<String>), Option<Now>>,
    then: HashMap<(RepoPath, String), Option<Then>>,
}

impl Versions<'_> {
    /// The bytes a finding is about: the object it names, else the file of the view.
    fn now(&mut self, finding: &Finding) -> Option<&Now> {
        let (base, around) = (self.base, self.around);
        let (path, blob) = (&finding.path, &finding.blob);
        self.now
            .entry((path.clone(), blob.clone()))
            .or_insert_with(|| {
                let limit = around.max_file_size();
                let object = blob.as_ref().and_then(|id| base?.blob(id));
                let bytes = match object {
                    Some(bytes) => bytes,
                    None => around.view().read_limited(path, limit).ok()?,
                };
                Some(Now {
                    blob: base.map_or_else(|| blob_id_outside(&bytes), |b| b.blob_id(&bytes)),
                    text: decode(&bytes).text.into_owned(),
                })
            })
            .as_ref()
    }

    fn then(&mut self, path: &RepoPath, blob: &str) -> Option<&Then> {
        let (base, around) = (self.base, self.around);
        self.then
            .entry((path.clone(), blob.to_owned()))
            .or_insert_with(|| judged_before(path, &base?.blob(blob)?, around))
            .as_ref()
    }
}

impl History for Versions<'_> {
    fn same(&mut self, finding: &Finding, fingerprint: &str, blob: &str) -> Same {
        if finding.blob.as_deref() == Some(blob) {
            return Same::Yes;
        }
        let Some(now) = self.now(finding) else {
            return Same::No;
        };
        if now.blob.as_deref() == Some(blob) {
            return Same::Yes;
        }
        // What is about the whole file changes with it.
        let span = finding.place.span.filter(|_| !is_about_file(finding));
        let Some(span) = span else {
            return Same::No;
        };
        let Some(leaf) = now.text.get(span.range()).map(str::to_owned) else {
            return Same::No;
        };
        let Some(then) = self.then(&finding.path, blob) else {
            return Same::Unknown;
        };
        let old = then.leaves.get(fingerprint).copied().flatten();
        match old.and_then(|span| then.text.get(span.range())) {
            Some(old) if *old == *leaf => Same::Yes,
            _ => Same::No,
        }
    }

    fn blob_now(&mut self, finding: &Finding) -> Option<String> {
        match &finding.blob {
            Some(blob) => Some(blob.clone()),
            None => self.now(finding)?.blob.clone(),
        }
    }
}

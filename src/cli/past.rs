//! `sopsguard scan --history` and `sopsguard scan --range`

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::args::{ScanArgs, SettingsArgs};
use super::pushed::{Bare, Selection as Push};
use super::{CliError, env, scan};
use crate::decrypt::{Allowed, Sops};
use crate::engine::history::{self, Audit, KeyNeedles};
use crate::engine::range::{Step, Whole};
use crate::engine::{self, Options, OwnSettings, Progress, Told, setup};
use crate::git::{GitEnv, ObjectKind, Oid};
use crate::model::{BlindCode, BlindSpot, Mode, Outcome, RepoPath, Repository};
use crate::say;
use crate::settings;
use crate::source::{self, CommitView, Depth, Front, OneFile, Stretch, Trees, View};
use crate::triage::baseline::Acceptance;

/// Audits all of history.
pub(crate) fn judge_history(
    dir: &Path,
    scan: &ScanArgs,
    acceptance: Option<&Acceptance>,
    started: Instant,
    progress: Option<Arc<Progress>>,
) -> Result<(Outcome, Told), CliError> {
    let trees = source::open_repository(dir, &GitEnv::from_env())?;
    let since = match &scan.since {
        Some(text) => Some(trees.repo().revision(text).map_err(revision)?),
        None => None,
    };
    let names: Vec<&str> = (settings::NAMES.iter().copied())
        .chain([settings::BASELINE_NAME])
        .collect();
    let front = Front::new(&trees, &names);
    let options = Options {
        mode: Mode::History,
        since,
        ..options(dir, scan, &front, started)?
    };
    let sops = sops(&trees, scan)?;
    let depth = Depth {
        unreachable: scan.unreachable,
        threads: scan.jobs,
    };
    let progress = progress.unwrap_or_default();
    progress.begin("reading packs", 0);
    let past = source::open_history(&trees, &depth, &KeyNeedles);
    let audit = Audit {
        history: &past.history,
        trees: &past.trees,
        tips: &past.tips,
        head: past.head,
        objects: &past.objects,
        blind_spots: past.blind_spots,
        sops: sops.as_ref(),
    };
    let repository = Some(past.repository);
    Ok(history::run(
        &audit, repository, &options, acceptance, &progress,
    ))
}

/// Longest time that sops may take for a file.
pub(crate) const SOPS_LIMIT: Duration = Duration::from_secs(30);

/// What decrypts, if that is asked for. Looked for before anything is read.
fn sops(trees: &Trees, scan: &ScanArgs) -> Result<Option<Sops>, CliError> {
    if !scan.decrypt {
        return Ok(None);
    }
    let allowed = allowed(&scan.allow_key_service, scan.allow_plugins)?;
    let repo = trees.repo();
    let [own, common] = repo.git_dirs();
    let repositories = [repo.root(), own, common];
    let limit = scan.sops_timeout.unwrap_or(SOPS_LIMIT);
    let command = scan.sops_command.as_deref();
    let machine = env::for_sops();
    Sops::find(command, &machine, &repositories, allowed, limit)
        .map(Some)
        .map_err(|e| CliError::Usage(e.to_string()))
}

/// What sops may reach.
pub(crate) fn allowed(services: &[String], plugins: bool) -> Result<Allowed, CliError> {
    let hosts: Vec<String> = (services.iter())
        .map(|host| host.trim().to_ascii_lowercase())
        .collect();
    if let Some(host) = hosts.iter().find(|h| h.is_empty() || h.contains('/')) {
        let text = format!("--allow-key-service takes a host name, or all: not {host:?}");
        return Err(CliError::Usage(text));
    }
    Ok(Allowed {
        any_host: hosts.iter().any(|h| h == "all"),
        hosts,
        plugins,
    })
}

/// What of a range is judged, and against what.
pub(crate) struct Selection {
    /// Range, or what a push brings.
    pub(crate) mode: Mode,
    /// The end.
    pub(crate) tip: Oid,
    /// What is known already.
    pub(crate) not: Vec<Oid>,
    /// What the end is compared with.
    pub(crate) base: Option<Oid>,
    /// A commit whose rules hold as well.
    pub(crate) also: Option<Oid>,
}

/// Judges a range that the user names.
pub(crate) fn judge_range(
    dir: &Path,
    scan: &ScanArgs,
    text: &str,
    started: Instant,
    progress: Option<Arc<Progress>>,
) -> Result<Outcome, CliError> {
    let trees = source::open_repository(dir, &GitEnv::from_env())?;
    let range = trees.repo().range(text).map_err(revision)?;
    let selection = Selection {
        mode: Mode::Range,
        tip: range.tip,
        not: range.not,
        base: range.base,
        also: None,
    };
    let progress = progress.unwrap_or_default();
    progress.begin("reading commits", 0);
    judge_selection(dir, scan, &trees, &selection, started, Some(progress))
}

/// Judges what a push brings.
pub(crate) fn judge_push(
    dir: &Path,
    scan: &ScanArgs,
    trees: &Arc<Trees>,
    push: &Push,
) -> Result<Outcome, CliError> {
    let started = Instant::now();
    let mut outcomes = Vec::new();
    // What was judged against one base need not be judged against it again.
    let mut judged: Vec<(Option<Oid>, Oid)> = Vec::new();
    for update in &push.updates {
        let mut not = push.not.clone();
        not.extend(
            judged
                .iter()
                .filter(|(base, _)| *base == update.base)
                .map(|(_, tip)| *tip),
        );
        judged.push((update.base, update.tip));
        let selection = Selection {
            mode: push.mode,
            tip: update.tip,
            not,
            base: update.base,
            // A branch can begin before there were any rules.
            also: source::head_of(trees)
                .map(|(id, _)| id)
                .filter(|_| push.mode == Mode::PreReceive),
        };
        outcomes.push(judge_selection(
            dir, scan, trees, &selection, started, None,
        )?);
    }
    for object in &push.objects {
        outcomes.push(judge_object(dir, scan, trees, push.mode, object, started)?);
    }
    let mut outcome = engine::range::join(outcomes, push.mode);
    for tag in &push.tags {
        engine::history::keys_of_message(trees, tag, true, &mut outcome.findings);
    }
    for (name, _) in &push.missing {
        let path = RepoPath::of_ref(name);
        let reason = say!["this ref is pushed, and what it names is not here"];
        let spot = BlindSpot::new(&path, None, BlindCode::MissingObject, reason, true);
        outcome.blind_spots.push(spot);
    }
    outcome.blind_spots.sort_unstable();
    Ok(outcome)
}

/// Judges a ref that names a file or a directory.
fn judge_object(
    dir: &Path,
    scan: &ScanArgs,
    trees: &Arc<Trees>,
    mode: Mode,
    object: &Bare,
    started: Instant,
) -> Result<Outcome, CliError> {
    let terms = Front::new(trees, &[]);
    let options = Options {
        mode,
        // Nothing is there that could have accepted a comment.
        inline_ignores: false,
        ..options(dir, scan, &terms, started)?
    };
    let repository = Some(Repository {
        head: None,
        base: None,
        shallow: trees.repo().shallow(),
    });
    Ok(match object.kind {
        ObjectKind::Tree => {
            let view = CommitView::whole(trees, object.id);
            engine::run(&view, None, repository, &options)
        }
        _ => {
            let name = RepoPath::of_ref(&object.ref_name);
            let view = OneFile::new(trees, name, object.id);
            engine::run(&view, None, repository, &options)
        }
    })
}

/// Judges some commits.
pub(crate) fn judge_selection(
    dir: &Path,
    scan: &ScanArgs,
    trees: &Arc<Trees>,
    selection: &Selection,
    started: Instant,
    progress: Option<Arc<Progress>>,
) -> Result<Outcome, CliError> {
    let stretch = source::open_stretch(
        trees,
        selection.tip,
        &selection.not,
        selection.base,
        selection.also,
    );
    let Stretch {
        steps,
        whole: (mut view, base),
        configs,
        end,
        also,
        blind_spots,
    } = stretch;
    let (own_settings, own_baseline) = (setup::settings(&view), setup::baseline(&view));
    let mut unusable = Vec::new();
    // Whoever accepts this locks everybody out: the next change is judged on these terms.
    if own_settings.is_err() {
        unusable.push(say!["the settings at the end of the range cannot be used"]);
    }
    if own_baseline.is_err() {
        unusable.push(say!["the baseline at the end of the range cannot be used"]);
    }
    let mends = unusable.is_empty();
    let own = OwnSettings {
        settings: own_settings.ok(),
        baseline: own_baseline.ok().flatten(),
    };
    // A range must not set its own terms.
    let terms: &dyn View = match scan.trust_head {
        true => &view,
        false => &configs,
    };
    let mut options = Options {
        mode: selection.mode,
        own: (!scan.trust_head).then(|| Box::new(own)),
        trust_head: scan.trust_head,
        progress,
        ..match options(dir, scan, terms, started) {
            // The base is broken and the change mends it: without settings everything counts.
            Err(CliError::Settings(_) | CliError::Baseline(_)) if mends => {
                options(dir, &without_terms(scan), &Front::empty(trees), started)?
            }
            other => other?,
        }
    };
    for reason in unusable {
        let path = RepoPath::new(settings::NAMES[0]);
        let spot = BlindSpot::new(&path, None, BlindCode::Unreadable, reason, true);
        options.blind_spots.push(spot);
    }
    options.blind_spots.extend(blind_spots);
    widen(&mut view, &base, &options);
    let steps: Vec<Step> = steps
        .into_iter()
        .map(|(id, view, base)| Step {
            commit: id.to_string(),
            view,
            base,
        })
        .collect();
    let whole = Whole {
        view,
        base,
        configs,
        end,
        also,
    };
    let repository = Repository {
        head: Some(selection.tip.to_string()),
        base: selection.base.map(|id| id.to_string()),
        shallow: trees.repo().shallow(),
    };
    Ok(engine::range::run(
        &whole,
        &steps,
        Some(repository),
        &options,
    ))
}

/// A config or settings file that changes can change the verdict on every file.
fn widen(view: &mut CommitView, base: &source::CommitsBase, options: &Options) {
    use crate::source::BaseView;
    let steers = |path: &RepoPath| engine::STEERING.names(path.as_bytes());
    let steered = view.selected().iter().any(|e| steers(&e.path))
        || base.removed().iter().any(steers)
        || engine::changes_named_config(view, base, options);
    if steered {
        view.widen();
    }
}

fn options(
    dir: &Path,
    scan: &ScanArgs,
    terms: &dyn View,
    started: Instant,
) -> Result<Options, CliError> {
    Ok(Options {
        sops_config: scan::sops_config(dir, scan.sops_config.as_deref())?,
        jobs: scan.jobs,
        fail_on: scan.fail_on.severity(),
        allow_incomplete: scan.allow_incomplete,
        whole_view: false,
        settings: scan::settings(dir, &scan.settings, terms)?,
        baseline: scan::baseline(dir, scan.baseline.as_deref(), terms)?,
        inline_ignores: !scan.no_inline_ignores,
        new_only: scan.new_only,
        today: scan.settings.today.unwrap_or_else(env::today),
        deadline: scan.timeout.and_then(|limit| started.checked_add(limit)),
        blind_spots: Vec::<BlindSpot>::new(),
        ..Options::default()
    })
}

/// The same call without settings of its own.
fn without_terms(scan: &ScanArgs) -> ScanArgs {
    ScanArgs {
        baseline: None,
        settings: SettingsArgs {
            config: None,
            no_config: true,
            today: scan.settings.today,
        },
        ..scan.clone()
    }
}

fn revision(error: crate::git::RevisionError) -> CliError {
    CliError::Usage(error.to_string())
}

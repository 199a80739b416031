//! `sopsguard fix`: judge, plan, carry out, judge again.
//!
//! The one loop of the program. What is asked and what is told is here; how a file is encrypted and replaced is `fix`'s.

mod apply;
mod consent;
mod told;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::args::{Args, FixArgs, FixFormat, ScanArgs};
use super::{CliError, env, past, scan};
use crate::decrypt::{Plain, Sops};
use crate::engine::{self, Options};
use crate::fix::replace::Target;
use crate::fix::seal::{self, Sealer};
use crate::fix::stop::{Signal, Stop};
use crate::fix::{self, Action, Form, Plan, Step, index, plan, seen};
use crate::git::{GitEnv, Repo};
use crate::model::{Argument, ExitCode, Outcome, RepoPath, Severity, escape};
use crate::say;
use crate::source::{self, FileKind, Opened};
use apply::Work;
use told::Told;

pub(crate) fn run(args: &Args, fix: &FixArgs) -> Result<ExitCode, CliError> {
    let dir = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let terms = plan::Terms {
        update_keys: fix.update_keys,
        reencrypt: fix.reencrypt,
        allowed: past::allowed(&fix.allow_key_service, fix.allow_plugins)?,
    };
    let scan = as_scan(fix);
    let site = Site::open(&dir, &scan)?;
    let repo = Repo::discover(&dir, &GitEnv::from_env()).ok().flatten();
    let named = site.named(&dir, fix);
    let mut plan = site.plan(&terms, &named, fix.staged);
    if !fix.staged {
        site.look_at_disk(&mut plan);
    }
    if let Some(repo) = &repo {
        let id = |path: &RepoPath| repo.blob_id(site.bytes(path)?.bytes());
        seen::look(&mut plan, repo, &id);
    }
    consent::mark(&mut plan, fix);
    let told = Told {
        json: fix.format == FixFormat::Json,
        dry_run: fix.dry_run,
        quiet: args.quiet,
        staged: fix.staged,
        prefix: &site.opened.prefix,
    };
    let base = site.base_id();
    let others = match args.quiet {
        true => String::new(),
        false => not_mended(&site.outcome, &plan, &named),
    };
    if fix.dry_run {
        let code = left_by(&plan, &site.outcome);
        told.dry_run(&plan, base)?;
        told.print(&others)?;
        return told.report(&plan, base, &[], code);
    }
    if plan.steps.is_empty() && plan.refused.is_empty() {
        told.print(&others)?;
        told.print("nothing to mend\n")?;
        return told.report(&plan, base, &[], left_by(&plan, &site.outcome));
    }
    // Nobody is asked about what was not shown.
    if !args.quiet || plan.steps.iter().any(consent::is_asked) {
        told.print(&fix::plan_text(&plan, base, Form::Short))?;
    }
    told.print(&others)?;
    consent::ask(&mut plan, fix)?;
    if plan.steps.is_empty() {
        told.ends(&plan, &[])?;
        let code = told.counts(&plan, &[], &site.outcome)?;
        return told.report(&plan, base, &[], code);
    }
    let sops = site.sops(&dir, fix, &terms)?;
    let stop =
        Stop::listen().map_err(|e| CliError::Usage(format!("cannot listen to signals: {e}")))?;
    let temporary = temporary(&site.opened.root);
    let sealer = Sealer::new(&sops, &temporary, &stop).map_err(failed)?;
    check_version(&sealer, &sops, &mut plan)?;
    let work = Work {
        site: &site,
        sealer: &sealer,
        stop: &stop,
        terms: &terms,
        staged: fix.staged,
        dir: &dir,
        repo: repo.as_ref(),
        dead: Default::default(),
    };
    let done = work.apply(&plan, &|path, done| {
        // Who reads this no more does not stop what was begun.
        let _ = told.print(&done.line(path));
    });
    let partial = work.is_partial_commit();
    drop(sealer);
    told.ends(&plan, &done)?;
    if partial {
        for (path, _) in done.iter().filter(|(_, done)| done.is_done()) {
            let line = say![
                "this commit is made from an index of its own; after it, run: git reset -q -- ",
                Argument(path)
            ];
            warn(line.as_str());
        }
    } else if fix.staged {
        if done.iter().any(|(_, done)| done.is_done()) {
            told.print(
                "what was staged stays in .git/objects, where no name leads to it, until `git gc` removes it\n",
            )?;
        }
    } else if let Some(repo) = &repo {
        told.still_staged(&index::holding(repo, &apply::were(&done)))?;
    }
    if let Some(signal) = stop.signal() {
        told.stopped(&plan, &done)?;
        let code = match signal {
            Signal::Interrupt => ExitCode::Interrupted,
            Signal::Terminate => ExitCode::Terminated,
        };
        return told.report(&plan, base, &done, code);
    }
    let after = Site::open(&dir, &scan)?;
    let code = told.counts(&plan, &done, &after.outcome)?;
    told.report(&plan, base, &done, code)
}

/// What is judged, for those who mend.
pub(super) struct Site {
    pub(super) opened: Opened,
    pub(super) options: Options,
    pub(super) outcome: Outcome,
}

impl Site {
    fn open(dir: &Path, scan: &ScanArgs) -> Result<Self, CliError> {
        let mut opened = scan::open(dir, scan)?;
        let options = scan::options(dir, scan, &opened, false)?;
        if let Some(base) = opened.base.as_deref()
            && engine::changes_named_config(&*opened.view, base, &options)
        {
            opened.view.widen();
        }
        let judge = || {
            let (base, repository) = (opened.base.as_deref(), opened.repository.clone());
            engine::run(&*opened.view, base, repository, &options)
        };
        let outcome = match scan.staged {
            true => judge(),
            false => engine::on_threads(scan.jobs, usize::MAX, judge),
        };
        Ok(Self {
            opened,
            options,
            outcome,
        })
    }

    fn base_id(&self) -> Option<&str> {
        let head = self.outcome.repository.as_ref()?.head.as_deref()?;
        head.get(..10)
    }

    /// Makes the plan. Of a directory or a set of paths only what is selected is mended.
    fn plan(&self, terms: &plan::Terms, named: &BTreeSet<RepoPath>, staged: bool) -> Plan {
        let view = &*self.opened.view;
        let wanted = plan::wanted(&self.outcome, terms, &|path| named.contains(path));
        let (configs, _) = engine::configs(view, &self.options);
        let base = self.opened.base.as_deref();
        let text = |config: &RepoPath| {
            let bytes = base?.read(config).ok().flatten()?;
            Some(crate::syntax::decode(&bytes).text.into_owned())
        };
        let known = |path: &RepoPath, config: &RepoPath| plan::known(&text, path, config);
        let around = plan::Around {
            configs: &configs,
            known: &known,
            keeps_identity: self.warns_of_identity(),
        };
        let unmendable = plan::unmendable(&self.outcome);
        let mut plan = Plan::default();
        let mut paths = Vec::new();
        for path in wanted.keys() {
            let mut entries = view.entries().iter().filter(|e| e.path == *path);
            match entries.next() {
                None => plan.refuse(path, say!["it is not there any more"]),
                Some(e) if e.stage != 0 => {
                    plan.refuse(path, say!["it is in conflict: resolve that first"])
                }
                Some(e) if e.kind != FileKind::Regular => {
                    plan.refuse(path, say!["it is a symbolic link, which is not followed"]);
                }
                // It is wanted for another file, or because a config changed that governs it.
                Some(e) if staged && !e.touched => {
                    plan.refuse(path, say!["not staged: sopsguard fix ", Argument(path)]);
                }
                Some(e) if !e.selected => {
                    let option: &'static str = if staged { "--staged " } else { "" };
                    plan.refuse(
                        path,
                        say!["not named: sopsguard fix ", option, Argument(path)],
                    );
                }
                Some(_) => paths.push(path.clone()),
            }
        }
        let base = self.opened.base.as_deref();
        let about = engine::subjects(view, base, &self.options, &paths, plan::about);
        for (path, about) in paths.iter().zip(about) {
            match (about, wanted.get(path)) {
                (Ok(about), Some(wanted)) => plan.add(path, wanted, about, terms, &around),
                _ => plan.refuse(path, say!["it could not be read, or is too large"]),
            }
        }
        // What has to be taken out is not to be sealed in.
        let in_the_way = |path: &RepoPath| {
            let found = unmendable.get(path)?.iter();
            let mut content = found.filter(|f| f.check.softened_in_lenient_places);
            content.find(|f| f.severity == Severity::Error || f.lenient)
        };
        for step in std::mem::take(&mut plan.steps) {
            match in_the_way(&step.path).filter(|_| step.action == Action::Encrypt) {
                Some(finding) => plan.refuse(&step.path, plan::advice(finding)),
                None => plan.steps.push(step),
            }
        }
        // Somebody asked for it, and is told what to do instead.
        for (path, findings) in &unmendable {
            if let Some(first) = findings.first()
                && named.contains(*path)
                && !wanted.contains_key(*path)
            {
                plan.refuse(path, plan::advice(first));
            }
        }
        plan.steps.sort_by(|a, b| a.path.cmp(&b.path));
        plan.refused.sort_by(|a, b| a.path.cmp(&b.path));
        plan
    }

    /// The files that the call names themselves, not by a directory.
    fn named(&self, dir: &Path, fix: &FixArgs) -> BTreeSet<RepoPath> {
        let paths = fix.paths.iter().filter(|_| !fix.only_errors);
        let root = &self.opened.root;
        paths
            .filter_map(|path| source::of_name(root, dir, path))
            .collect()
    }

    /// Whether a manifest would be told of whose identity is encrypted; the settings can switch that off.
    fn warns_of_identity(&self) -> bool {
        let configured = self.options.settings.checks.get("encrypted-identity");
        configured.is_none_or(|c| c.severity.is_some_and(|s| s >= Severity::Warning))
    }

    /// What cannot be replaced on disk is known before anything is begun.
    fn look_at_disk(&self, plan: &mut Plan) {
        for step in std::mem::take(&mut plan.steps) {
            match Target::look(&self.opened.root, step.path.as_bytes()) {
                Ok(_) => plan.steps.push(step),
                Err(why) => plan.refuse(&step.path, say![why.as_str()]),
            }
        }
        plan.refused.sort_by(|a, b| a.path.cmp(&b.path));
    }

    fn sops(&self, dir: &Path, fix: &FixArgs, terms: &plan::Terms) -> Result<Sops, CliError> {
        let repo = Repo::discover(dir, &GitEnv::from_env())?;
        let mut places: Vec<&Path> = vec![&self.opened.root];
        if let Some(repo) = &repo {
            places.extend(repo.git_dirs());
        }
        // A passphrase or a touch takes a human's time.
        let usual = match terms.reencrypt || terms.update_keys {
            true => past::SOPS_LIMIT * 10,
            false => past::SOPS_LIMIT,
        };
        let limit = fix.sops_timeout.unwrap_or(usual);
        let machine = env::for_sops();
        let command = fix.sops_command.as_deref();
        Sops::find(command, &machine, &places, terms.allowed.clone(), limit)
            .map_err(|e| CliError::Usage(e.to_string()))
    }

    /// What of a file remains if these bytes take its place: ids of checks.
    pub(super) fn remains(&self, step: &Step, bytes: &[u8]) -> Vec<&'static str> {
        let view = crate::source::Overlay::new(&*self.opened.view, &step.path, bytes, &step.also);
        let options = Options {
            whole_view: false,
            blind_spots: Vec::new(),
            ..self.options.clone()
        };
        let (base, repository) = (self.opened.base.as_deref(), self.opened.repository.clone());
        let outcome = engine::run(&view, base, repository, &options);
        // What is mended may not be bought with something else.
        let before = |id| {
            let mut known = self.outcome.active();
            known.any(|f| f.path == step.path && f.check.id == id)
        };
        let counts = |f: &&crate::model::Finding| match f.severity {
            Severity::Error => true,
            Severity::Warning => step.checks.contains(&f.check.id) || !before(f.check.id),
            Severity::Note => false,
        };
        let mut remains: Vec<&'static str> = outcome
            .active()
            .filter(counts)
            .filter(|f| f.path == step.path || plan::target(f) == Some(&step.path))
            .map(|f| f.check.id)
            .collect();
        let blind = outcome
            .blind_spots
            .iter()
            .any(|b| b.blocks() && b.path == step.path);
        if blind {
            remains.push("a blind spot");
        }
        remains.dedup();
        remains
    }

    /// No larger file is read.
    pub(super) fn limit(&self) -> u64 {
        let named = self.options.settings.max_file_size;
        named.unwrap_or(engine::MAX_FILE_SIZE)
    }

    /// The bytes of a file of the view.
    pub(super) fn bytes(&self, path: &RepoPath) -> Option<Plain> {
        self.opened
            .view
            .read_limited(path, self.limit())
            .ok()
            .map(Plain::new)
    }
}

fn as_scan(fix: &FixArgs) -> ScanArgs {
    ScanArgs {
        paths: fix.paths.clone(),
        staged: fix.staged,
        settings: fix.settings.clone(),
        baseline: fix.baseline.clone(),
        no_inline_ignores: fix.no_inline_ignores,
        sops_config: fix.sops_config.clone(),
        jobs: fix.jobs,
        allow_incomplete: fix.allow_incomplete,
        ..ScanArgs::default()
    }
}

fn errors(outcome: &Outcome) -> usize {
    let error = |f: &&crate::model::Finding| f.severity == Severity::Error;
    outcome.active().filter(error).count()
}

/// What is found and stays for another reason than one of the plan.
fn not_mended(outcome: &Outcome, plan: &Plan, named: &BTreeSet<RepoPath>) -> String {
    let planned = |path: &RepoPath| {
        plan.steps.iter().any(|s| s.path == *path) || plan.refused.iter().any(|r| r.path == *path)
    };
    let mut out = String::new();
    let errors = |f: &&&crate::model::Finding| f.severity == Severity::Error && !planned(&f.path);
    let unmendable = plan::unmendable(outcome);
    match unmendable.values().flatten().filter(errors).count() {
        0 => {}
        1 => out.push_str(
            "1 finding cannot be mended by encryption; `sopsguard scan` tells what to do\n",
        ),
        n => out.push_str(&format!(
            "{n} findings cannot be mended by encryption; `sopsguard scan` tells what to do\n"
        )),
    }
    let warning = |f: &&crate::model::Finding| {
        f.severity == Severity::Warning
            && f.is_fixable()
            && plan::target(f).is_some_and(|path| !named.contains(path) && !planned(path))
    };
    match outcome.active().filter(warning).count() {
        0 => {}
        1 => out.push_str("1 warning can be mended, too: name the file\n"),
        n => out.push_str(&format!(
            "{n} warnings can be mended, too: name the files\n"
        )),
    }
    out
}

/// What would remain if the plan succeeded.
fn left_by(plan: &Plan, outcome: &Outcome) -> ExitCode {
    let mended = |f: &crate::model::Finding| {
        let is = |path: &RepoPath| {
            let mut steps = plan.steps.iter();
            steps.any(|s| s.path == *path && s.unagreed.is_none())
        };
        is(&f.path) || plan::target(f).is_some_and(is)
    };
    let error = |f: &crate::model::Finding| f.severity == Severity::Error && !mended(f);
    let unagreed = plan.steps.iter().any(|s| s.unagreed.is_some());
    if !plan.refused.is_empty() || unagreed || outcome.active().any(error) {
        ExitCode::Findings
    } else if !outcome.complete() && !outcome.allow_incomplete {
        ExitCode::Incomplete
    } else {
        ExitCode::Clean
    }
}

/// Not below the repository: what is put there could be read by whoever wrote it.
fn temporary(root: &Path) -> PathBuf {
    let own = env::temporary();
    let real = std::fs::canonicalize(&own).unwrap_or(own);
    match real.starts_with(root) && cfg!(unix) {
        true => PathBuf::from("/tmp"),
        false => real,
    }
}

fn check_version(sealer: &Sealer<'_>, sops: &Sops, plan: &mut Plan) -> Result<(), CliError> {
    let Some(version) = sealer.version().map_err(failed)? else {
        let text = format!(
            "{} does not tell its version: fix needs sops 3.10 or newer. Where a version manager stands in its place, name the program itself, with --sops-command \"$(mise which sops)\" or \"$(asdf which sops)\"",
            escape(&sops.path().to_string_lossy())
        );
        return Err(CliError::Usage(text));
    };
    if version < seal::OLDEST {
        let seal::Version(a, b, c) = version;
        let text = format!(
            "sops {a}.{b}.{c} is too old: fix needs 3.10 or newer, which reads standard input ({})",
            escape(&sops.path().to_string_lossy())
        );
        return Err(CliError::Usage(text));
    }
    if version == seal::FORGETS_COMMENTS {
        let lists = plan.steps.iter().filter(|s| s.survey.comment_in_list);
        let paths: Vec<RepoPath> = lists.map(|s| s.path.clone()).collect();
        plan.steps.retain(|s| !s.survey.comment_in_list);
        for path in paths {
            let why = say![
                "comments stand in lists, and sops 3.13.2 cannot decrypt such files again: use another sops, or take the comments out of the lists"
            ];
            plan.refuse(&path, why);
        }
    }
    Ok(())
}

/// Tells something beside the report.
pub(super) fn warn(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "sopsguard: {}", escape(text));
}

fn failed(why: seal::Failed) -> CliError {
    CliError::Usage(why.as_str().to_owned())
}

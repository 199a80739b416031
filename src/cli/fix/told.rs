//! What is told at the end: what was left and why, what remains to be done, and the count.

use super::super::{CliError, shown};
use super::apply::Done;
use crate::fix::json::{self, Became};
use crate::fix::{self, Form, Plan, Step};
use crate::model::{Argument, ExitCode, Outcome, RepoPath};
use crate::say;

/// Paths that a command names.
const NAMED: usize = 12;

pub(super) struct Told<'a> {
    pub(super) json: bool,
    pub(super) dry_run: bool,
    pub(super) quiet: bool,
    pub(super) staged: bool,
    /// Where the user stands.
    pub(super) prefix: &'a RepoPath,
}

type Results = [(RepoPath, Done)];

impl Told<'_> {
    /// For people; where a program reads, nothing but its report.
    pub(super) fn print(&self, text: &str) -> Result<(), CliError> {
        match self.json {
            true => Ok(()),
            false => shown::print(text),
        }
    }

    /// The report for a program, if one reads.
    pub(super) fn report(
        &self,
        plan: &Plan,
        base: Option<&str>,
        done: &Results,
        code: ExitCode,
    ) -> Result<ExitCode, CliError> {
        if self.json {
            let became = |step: &Step| {
                let mut here = done.iter().filter(|(path, _)| *path == step.path);
                here.next()
                    .map_or(Became::Planned, |(_, done)| done.became())
            };
            let text = json::report(plan, base, self.dry_run, code as u8, &became);
            shown::print(&text)?;
            shown::print("\n")?;
        }
        Ok(code)
    }

    /// What was left, last of all.
    pub(super) fn ends(&self, plan: &Plan, done: &Results) -> Result<(), CliError> {
        let mut text = String::new();
        if self.quiet {
            for refused in &plan.refused {
                let line = say!["left    ", refused.path, ": ", refused.reason];
                text.push_str(line.as_str());
                text.push('\n');
            }
        } else if !plan.refused.is_empty() {
            text.push('\n');
            text.push_str(&fix::refused_text(plan, Form::Short));
        }
        for (path, done) in done.iter().filter(|(_, d)| matches!(d, Done::Left(_))) {
            text.push_str(&done.line(path));
        }
        self.print(&text)
    }

    /// Files that are encrypted on disk, and staged as they were.
    pub(super) fn still_staged(&self, paths: &[RepoPath]) -> Result<(), CliError> {
        if paths.is_empty() {
            return Ok(());
        }
        let mut line = say!["the index still holds the plaintext; to stage what is encrypted:"];
        if paths.len() > NAMED {
            line.push(&" sopsguard fix --staged");
        } else {
            line.push(&" git add");
            for path in paths {
                line.push(&" ");
                line.push(&Argument(&path.seen_from(self.prefix)));
            }
        }
        self.print(&format!("{}\n", line.as_str()))
    }

    /// What a run would do and leave.
    pub(super) fn dry_run(&self, plan: &Plan, base: Option<&str>) -> Result<(), CliError> {
        if !self.quiet {
            self.print(&fix::plan_text(plan, base, Form::Full))?;
            self.print(&fix::refused_text(plan, Form::Full))?;
        }
        let unagreed = plan.steps.iter().filter(|s| s.unagreed.is_some()).count();
        let (steps, left) = (plan.steps.len() - unagreed, plan.refused.len() + unagreed);
        self.print(&format!(
            "dry run: {steps} to mend, {left} left as they are, nothing was changed\n"
        ))
    }

    /// After a signal.
    pub(super) fn stopped(&self, plan: &Plan, done: &Results) -> Result<(), CliError> {
        let (mended, left) = count(plan, done);
        let paths = done.iter().filter(|(_, d)| matches!(d, Done::Stopped));
        let paths: Vec<&RepoPath> = paths.map(|(path, _)| path).collect();
        let mut line = say!["stopped: what is not listed as mended is as it was"];
        for (i, path) in paths.iter().take(NAMED).enumerate() {
            line.push(if i == 0 {
                &"; not begun or not finished: "
            } else {
                &", "
            });
            line.push(*path);
        }
        if paths.len() > NAMED {
            line.push(&" and ");
            line.push(&(paths.len() - NAMED));
            line.push(&" more");
        }
        let line = line.as_str();
        self.print(&format!(
            "{line}\n{mended} mended, {left} left as they were\n"
        ))
    }

    /// The count, and the exit code that follows from it and from what stands there now.
    pub(super) fn counts(
        &self,
        plan: &Plan,
        done: &Results,
        after: &Outcome,
    ) -> Result<ExitCode, CliError> {
        let (mended, left) = count(plan, done);
        let errors = super::errors(after);
        let mut line = format!("{mended} mended, {left} left as they were");
        if errors > 0 {
            line.push_str(&format!(
                "; {errors} error{} remain{}: `sopsguard scan{}` shows what",
                if errors == 1 { "" } else { "s" },
                if errors == 1 { "s" } else { "" },
                if self.staged { " --staged" } else { "" },
            ));
        }
        line.push('\n');
        self.print(&line)?;
        Ok(match after.exit_code() {
            _ if left > 0 => ExitCode::Findings,
            code => code,
        })
    }
}

fn count(plan: &Plan, done: &Results) -> (usize, usize) {
    let mended = done.iter().filter(|(_, d)| d.is_done()).count();
    (mended, plan.refused.len() + done.len() - mended)
}

//! What is asked before anything is done.
//!
//! Encrypting plaintext to recipients that the config at HEAD names needs no question: that is what was asked for. Recipients
//! that came with a change do, and `--yes` does not answer it: whoever adds them to a config would read every secret that is
//! encrypted from then on. What changes files that are encrypted already is asked for, too.

use std::io::{BufRead as _, Write as _};

use super::super::args::{FixArgs, FixFormat};
use super::super::{CliError, env};
use crate::fix::{Action, Plan, Step};
use crate::model::Message;
use crate::say;

/// Whether somebody has to agree to it, whatever was agreed to on the command line.
pub(super) fn is_asked(step: &Step) -> bool {
    step.has_new() || step.action != Action::Encrypt
}

fn new_is_missing(step: &Step, fix: &FixArgs) -> bool {
    step.has_new() && !fix.accept_new_recipients
}

fn change_is_missing(step: &Step, fix: &FixArgs) -> bool {
    step.action != Action::Encrypt && !fix.yes
}

fn without_new() -> Message {
    say![
        "its rule names recipients that the config at HEAD does not; --accept-new-recipients encrypts to them"
    ]
}

fn without_change() -> Message {
    say!["it is encrypted already, and nobody agreed to change it; --yes does"]
}

/// Where nobody can be asked, and in a dry run, what was not agreed to on the command line is left: the plan says so.
pub(super) fn mark(plan: &mut Plan, fix: &FixArgs) {
    if env::can_ask() && !fix.dry_run && fix.format == FixFormat::Human {
        return;
    }
    for step in &mut plan.steps {
        let (new, change) = (new_is_missing(step, fix), change_is_missing(step, fix));
        step.unagreed = match (new, change) {
            (true, true) => Some(say![without_new(), "; ", without_change()]),
            (true, false) => Some(without_new()),
            (false, true) => Some(without_change()),
            (false, false) => None,
        };
    }
}

/// Asks, and takes out of the plan what was not agreed to.
pub(super) fn ask(plan: &mut Plan, fix: &FixArgs) -> Result<(), CliError> {
    take_out(plan, &|step| step.unagreed.clone());
    let new = |step: &Step| new_is_missing(step, fix).then(without_new);
    if plan.steps.iter().any(|s| new(s).is_some()) {
        let text = "Recipients marked NEW will be able to read what is encrypted. Type `accept` to encrypt to them: ";
        if answer(text)? != "accept" {
            take_out(plan, &new);
        }
    }
    let change = |step: &Step| change_is_missing(step, fix).then(without_change);
    if plan.steps.iter().any(|s| change(s).is_some()) {
        let answer = answer("Change the files that are encrypted already? [y/N] ")?;
        if !matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes") {
            take_out(plan, &change);
        }
    }
    Ok(())
}

fn take_out(plan: &mut Plan, which: &dyn Fn(&Step) -> Option<Message>) {
    for step in std::mem::take(&mut plan.steps) {
        match which(&step) {
            Some(reason) => plan.refuse(&step.path, reason),
            None => plan.steps.push(step),
        }
    }
    plan.refused.sort_by(|a, b| a.path.cmp(&b.path));
}

fn answer(question: &str) -> Result<String, CliError> {
    let failed = |e: std::io::Error| CliError::Output(e.kind());
    let mut err = std::io::stderr().lock();
    err.write_all(question.as_bytes())
        .and_then(|()| err.flush())
        .map_err(failed)?;
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(failed)?;
    Ok(line.trim().to_owned())
}

//! What is asked before anything is done.
//!
//! Encrypting plaintext to recipients that the config at HEAD names needs no question: that is what was asked for. Recipients
//! that came with a change do, and `--yes` does not answer it: whoever adds them to a config would read every secret that is
//! encrypted from then on. What changes files that are encrypted already is asked for, too.

use std::io::{BufRead as _, Write as _};

use super::super::args::FixArgs;
use super::super::{CliError, env};
use crate::fix::{Action, Plan, Step};
use crate::model::Message;
use crate::say;

/// Asks, and takes out of the plan what was not agreed to.
pub(super) fn ask(plan: &mut Plan, fix: &FixArgs) -> Result<(), CliError> {
    let new = |step: &Step| step.has_new();
    if plan.steps.iter().any(new) && !fix.accept_new_recipients {
        let agreed = match env::can_ask() {
            true => {
                let text = "Recipients marked NEW will be able to read what is encrypted. Type `accept` to encrypt to them: ";
                answer(text)? == "accept"
            }
            false => false,
        };
        if !agreed {
            take_out(
                plan,
                &new,
                &say![
                    "its rule names recipients that the config at HEAD does not; --accept-new-recipients encrypts to them"
                ],
            );
        }
    }
    let changes = |step: &Step| step.action != Action::Encrypt;
    if plan.steps.iter().any(changes) && !fix.yes {
        let agreed = match env::can_ask() {
            true => {
                let answer = answer("Change the files that are encrypted already? [y/N] ")?;
                matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes")
            }
            false => false,
        };
        if !agreed {
            take_out(
                plan,
                &changes,
                &say!["it is encrypted already, and nobody agreed to change it; --yes does"],
            );
        }
    }
    Ok(())
}

fn take_out(plan: &mut Plan, which: &dyn Fn(&Step) -> bool, reason: &Message) {
    let steps = std::mem::take(&mut plan.steps);
    let (out, kept): (Vec<Step>, Vec<Step>) = steps.into_iter().partition(|s| which(s));
    plan.steps = kept;
    for step in out {
        super::warn(&format!("{}: left: {}", step.path, reason.as_str()));
        plan.refuse(&step.path, reason.clone());
    }
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

//! The one command that repairs a finding: `fix`, which chooses the rule as judging does, wherever it is run.
//!
//! A config that the call names for everything is read as if it stood at the root, and `fix` would not know of it: there
//! is no command, unless it does stand there. Whether what is staged is to be repaired is added by whoever knows it.

use crate::model::{Argument, Message};
use crate::say;
use crate::subject::Subject;

/// Encrypts the file by its governing rule; `None` where there is none.
pub(super) fn encrypt(s: &Subject<'_>) -> Option<Message> {
    by_rule(s, "")
}

/// Gives the file the recipients of its governing rule.
pub(super) fn update_keys(s: &Subject<'_>) -> Option<Message> {
    by_rule(s, "--update-keys ")
}

/// Encrypts the file as a whole that is encrypted in part.
pub(super) fn reencrypt(s: &Subject<'_>) -> Option<Message> {
    by_rule(s, "--reencrypt ")
}

fn by_rule(s: &Subject<'_>, option: &'static str) -> Option<Message> {
    s.decision.rule()?;
    let config = s.decision.config?;
    let found = !config.is_rooted() || config.path.parent().is_empty();
    found.then(|| say!["sopsguard fix ", option, Argument(s.path)])
}

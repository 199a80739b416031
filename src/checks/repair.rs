//! The one command that repairs a finding: sops as it must be called so that it chooses the governing rule.
//!
//! sops looks for its config from the current directory upwards, not from the file. So a config that is not the one at the
//! root is named. One that settings or the call name for everything is read as if it stood at the root, which sops can
//! only be told where it does stand there; else there is no command.

use crate::model::{Argument, Message};
use crate::say;
use crate::subject::Subject;
use crate::subject::configs::CONFIG_NAME;

/// Encrypts the file by its governing rule; `None` where there is none.
pub(super) fn encrypt(s: &Subject<'_>) -> Option<Message> {
    by_rule(s, "encrypt -i ")
}

/// Gives the file the recipients of its governing rule.
pub(super) fn update_keys(s: &Subject<'_>) -> Option<Message> {
    by_rule(s, "updatekeys ")
}

fn by_rule(s: &Subject<'_>, command: &'static str) -> Option<Message> {
    s.decision.rule()?;
    let config = s.decision.config?;
    if config.path.as_bytes() == CONFIG_NAME {
        return Some(say!["sops ", command, Argument(s.path)]);
    }
    let found_by_sops = !config.is_rooted() || config.path.parent().is_empty();
    found_by_sops.then(|| {
        say![
            "sops --config ",
            Argument(&config.path),
            " ",
            command,
            Argument(s.path)
        ]
    })
}

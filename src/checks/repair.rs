//! How a finding is repaired by `fix`, and the one command for it.
//!
//! Only what a check says here is ever encrypted, and the command is made of it. `fix` chooses the rule as judging does,
//! wherever it is run. A config that the call names for everything is read as if it stood at the root, and `fix` would not
//! know of it: there is no command, unless it does stand there. Whether what is staged is to be repaired is added by
//! whoever knows it.

use crate::model::{Finding, How, Repair};
use crate::subject::{Subject, control};

/// The file is encrypted by its governing rule. Without one there is no command, and `fix` tells which rule to add.
pub(super) fn encrypt(s: &Subject<'_>, finding: &mut Finding) {
    by_rule(s, How::Encrypt, finding);
}

/// The file gets the recipients of its governing rule.
pub(super) fn update_keys(s: &Subject<'_>, finding: &mut Finding) {
    by_rule(s, How::UpdateKeys, finding);
}

/// The file is encrypted as a whole that is encrypted in part.
pub(super) fn reencrypt(s: &Subject<'_>, finding: &mut Finding) {
    by_rule(s, How::Reencrypt, finding);
}

/// `s` is the file to be repaired; the finding may be another's.
fn by_rule(s: &Subject<'_>, how: How, finding: &mut Finding) {
    if how == How::Encrypt && control::never_encrypted(s).is_some() {
        return;
    }
    let repair = Repair {
        how,
        path: s.path.clone(),
    };
    let found = |c: &crate::subject::LoadedConfig| !c.is_rooted() || c.path.parent().is_empty();
    if s.decision.rule().is_some() && s.decision.config.is_some_and(found) {
        finding.fix = Some(repair.command(false));
    }
    finding.repair = Some(repair);
}

//! How one settings file guards less than another: what a change of the settings takes away.

use std::collections::BTreeSet;

use super::{Globs, MAX_FILE_SIZE, Settings};
use crate::model::{Message, Severity};
use crate::say;

/// One way in which the settings became weaker. Messages name keys and checks, never globs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weakening {
    /// Line of what is new, from 1; `None` where something is gone.
    pub line: Option<u32>,
    /// What became weaker.
    pub message: Message,
}

impl Settings {
    /// How these settings guard less than `base`. No settings at all are `Settings::default()`.
    pub fn weakenings(&self, base: &Self) -> Vec<Weakening> {
        let mut out = Vec::new();
        let mut gone = |message: Message| {
            out.push(Weakening {
                line: None,
                message,
            });
        };
        if base.policy.strict && !self.policy.strict {
            gone(say!["[policy] strict is no longer on"]);
        }
        if !base.policy.lenient_defaults && self.policy.lenient_defaults {
            gone(say!["the built-in lenient places are lenient again"]);
        }
        for _ in added(&self.policy.require, &base.policy.require) {
            gone(say!["an entry of [policy] require is gone"]);
        }
        let lost = |kind: &&String| !self.policy.kinds.contains(kind);
        for _ in base.policy.kinds.iter().filter(lost) {
            gone(say!["an entry of [policy] kinds is gone"]);
        }
        self.weaker_checks(base, &mut out);
        for (name, new, old) in [
            ("exempt", &self.policy.exempt, &base.policy.exempt),
            ("lenient", &self.policy.lenient, &base.policy.lenient),
        ] {
            for line in added(old, new) {
                out.push(Weakening {
                    line: Some(line),
                    message: say!["[policy] ", name, " has a new entry"],
                });
            }
        }
        let limit = |s: &Self| s.max_file_size.unwrap_or(MAX_FILE_SIZE);
        if limit(self) < limit(base) {
            out.push(Weakening {
                line: None,
                message: say!["[limits] max-file-size is lower, so that less is judged"],
            });
        }
        let config = |s: &Self| s.sops_config.as_ref().map(|c| c.0.clone());
        if config(self) != config(base) {
            out.push(Weakening {
                line: self.sops_config.as_ref().map(|c| c.1),
                message: say!["[sops] config names another config"],
            });
        }
        for entry in &self.accept {
            let held = base.accept.iter().any(|old| {
                old.path
                    .iter()
                    .map(|g| &g.pattern)
                    .eq(entry.path.iter().map(|g| &g.pattern))
                    && (old.until.is_none() || (entry.until.is_some() && entry.until <= old.until))
            });
            if !held {
                out.push(Weakening {
                    line: Some(entry.line),
                    message: say!["[[accept]] has a new or longer entry"],
                });
            }
        }
        out
    }

    fn weaker_checks(&self, base: &Self, out: &mut Vec<Weakening>) {
        let ids: BTreeSet<&'static str> = self
            .checks
            .keys()
            .chain(base.checks.keys())
            .copied()
            .collect();
        for id in ids {
            let (new, old) = (self.checks.get(id), base.checks.get(id));
            let Some(default) = new.or(old).map(|c| c.default) else {
                continue;
            };
            // `None` is off, and less than any severity.
            let level = |c: Option<&super::Configured>| -> Option<Severity> {
                c.map_or(Some(default), |c| c.severity)
            };
            if level(new) < level(old) {
                let to = level(new).map_or("off", Severity::as_str);
                out.push(Weakening {
                    line: new.map(|c| c.line),
                    message: say!["the severity of ", id, " is lowered to ", to],
                });
            }
        }
    }
}

/// Lines of the globs of `new` that `old` has not.
fn added<'g>(old: &'g Globs, new: &'g Globs) -> impl Iterator<Item = u32> + 'g {
    new.iter()
        .filter(|g| !old.iter().any(|o| o.pattern == g.pattern))
        .map(|g| g.line)
}

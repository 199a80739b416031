//! What a leaked age identity opens, at HEAD and in all of history.

use std::collections::{BTreeMap, HashMap};

use super::exposure::Row;
use super::{Auditor, FirstPass};
use crate::model::{Opened, RepoPath, Severity};
use crate::subject::standing;

/// Adds to each row of a key the files that it opens. One that opens files in use is never lenient.
pub(super) fn tell(auditor: &Auditor<'_>, rows: &mut [Row], first: &FirstPass) {
    if rows.iter().all(|r| r.recipients.is_empty()) {
        return;
    }
    let versions = auditor.history.versions();
    let mut opened: HashMap<&str, BTreeMap<&RepoPath, Opened>> = HashMap::new();
    for (version, envelope) in &first.envelopes {
        let path = auditor.path_of(*version);
        let at_head = auditor.at_head.get(&versions[*version].path) == Some(version);
        for r in &envelope.recipients {
            let of_key = opened.entry(r.identity.as_str()).or_default();
            let entry = of_key.entry(path).or_insert_with(|| Opened {
                path: path.clone(),
                at_head: false,
                versions: 0,
            });
            entry.at_head |= at_head;
            entry.versions += 1;
        }
    }
    let policy = &auditor.options.settings.policy;
    for row in rows {
        let mut files: BTreeMap<&RepoPath, Opened> = BTreeMap::new();
        for recipient in &row.recipients {
            for (path, opens) in opened.get(recipient.as_str()).into_iter().flatten() {
                let known = files.entry(path).or_insert_with(|| Opened {
                    versions: 0,
                    ..opens.clone()
                });
                known.versions = known.versions.max(opens.versions);
                known.at_head |= opens.at_head;
            }
        }
        if files.is_empty() {
            continue;
        }
        let f = &mut row.finding;
        let now = files.values().filter(|o| o.at_head).count();
        f.message.push(&"; it opens ");
        f.message.push(&now);
        f.message.push(&" of today's files and ");
        f.message
            .push(&files.values().map(|o| o.versions).sum::<u64>());
        f.message.push(&" versions of history");
        let in_use = |o: &Opened| !standing::is_lenient(&o.path, policy);
        if f.lenient && files.values().any(in_use) {
            f.severity = Severity::Error;
            f.lenient = false;
        }
        f.opens = files.into_values().collect();
    }
}

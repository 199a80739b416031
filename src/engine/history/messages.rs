//! Private keys in the messages of commits and tags; and the search that the pack engine runs over every text.

use std::ops::Range;

use super::Auditor;
use crate::checks;
use crate::git::Oid;
use crate::keys;
use crate::model::{Finding, Origin, OriginKind, RepoPath};
use crate::packs::{Hit, Search};
use crate::source::Trees;
use crate::subject::Hints;
use crate::subject::prefilter::{KIND_KEY, MARGIN};

/// Finds what could matter to any check.
#[derive(Clone, Copy, Debug)]
pub struct Needles;

impl Search for Needles {
    fn margin(&self) -> usize {
        MARGIN
    }

    fn search(&self, bytes: &[u8], range: Range<usize>, out: &mut Vec<Hit>) {
        Hints::notable(bytes, range, &mut |at, len, needle| {
            out.push(Hit {
                at: u32::try_from(at).unwrap_or(u32::MAX),
                len: u16::try_from(len).unwrap_or(u16::MAX),
                needle,
            });
        });
    }
}

/// Finds what could be a private key, for messages.
#[derive(Clone, Copy, Debug)]
pub struct KeyNeedles;

impl Search for KeyNeedles {
    fn margin(&self) -> usize {
        MARGIN
    }

    fn search(&self, bytes: &[u8], range: Range<usize>, out: &mut Vec<Hit>) {
        let from = out.len();
        Needles.search(bytes, range, out);
        let mut at = 0;
        out.retain(|hit| {
            at += 1;
            at <= from || hit.needle == KIND_KEY
        });
    }
}

/// Keys in messages.
pub(super) fn findings(auditor: &Auditor<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for message in auditor.history.messages() {
        let commit = auditor.history.find_commit(&message.id);
        if commit.is_some_and(|c| auditor.known.contains(c)) {
            continue;
        }
        of_message(auditor.audit.trees, &message.id, message.is_tag, &mut found);
    }
    found.sort_by(crate::engine::order);
    found
}

/// Adds the keys in the message of a commit or tag.
pub fn of_message(trees: &Trees, id: &Oid, is_tag: bool, found: &mut Vec<Finding>) {
    let Some(bytes) = trees.repo().message(id) else {
        return;
    };
    if !keys::may_contain_key(&bytes) {
        return;
    }
    let text = String::from_utf8_lossy(&bytes);
    let id = id.to_string();
    let what = if is_tag { "tag" } else { "commit" };
    let path = RepoPath::new(format!("message of {what} {id}"));
    for (n, hit) in keys::find(&text).into_iter().enumerate() {
        let mut finding = checks::key_in_message(&path, &hit);
        finding.occurrence = u32::try_from(n).unwrap_or(u32::MAX);
        finding.blob = Some(id.clone());
        finding.origins_total = 1;
        finding.origins = vec![Origin {
            kind: OriginKind::Message,
            commit: Some(id.clone()),
            blob: None,
            reference: None,
        }];
        found.push(finding);
    }
}

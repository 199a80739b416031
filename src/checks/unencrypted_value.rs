//! A leaf in scope of an encrypted file is plaintext (step 1).
//!
//! In scope by the file's own options, or because a positive selector of a narrow governing rule names it.

use super::{Sink, repair};
use crate::model::{Argument, CheckInfo, Finding, Severity};
use crate::say;
use crate::sops::value::Judged;
use crate::subject::leaves::key_of;
use crate::subject::{PlainLeaf, Subject, Survey};

/// See `docs/checks/unencrypted-value.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "unencrypted-value",
    summary: "A value inside an encrypted file is plaintext",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/unencrypted-value.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(s: &Subject<'_>, own: &Survey, by_rule: &[PlainLeaf], sink: &mut Sink) {
    let mut report = |leaf: &PlainLeaf, by_rule: bool| {
        let doc = &s.documents()[leaf.document];
        let place = s.places.node(doc, leaf.document, &leaf.path, leaf.site);
        let key = crate::model::SafeKey::new(key_of(doc, &leaf.path));
        let message = if by_rule {
            say![
                "the value of ",
                key,
                " is plaintext: the creation rule selects it, the file's own options spare it"
            ]
        } else {
            say![
                "the value of ",
                key,
                " is plaintext in a file that sops encrypted"
            ]
        };
        let mut finding = Finding::new(&INFO, s.path, place, message)
            .help(say!["sops refuses the file as it is: take the value out and add it again with sops edit ", Argument(s.path), "; rotate it if it was pushed"])
            .governed(s.decision.governed_by());
        repair::reencrypt(s, &mut finding);
        sink.push(finding);
    };
    for leaf in own
        .plain
        .iter()
        .filter(|l| l.selected && l.judged == Judged::Plain)
    {
        report(leaf, false);
    }
    let own: std::collections::HashSet<_> = own
        .plain
        .iter()
        .filter(|l| l.selected)
        .map(|l| (l.document, l.node))
        .collect();
    for leaf in by_rule {
        if !own.contains(&(leaf.document, leaf.node)) {
            report(leaf, true);
        }
    }
}

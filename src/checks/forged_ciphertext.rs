//! Something looks like an encrypted value and cannot be one (step 1).

use super::Sink;
use crate::model::{CheckInfo, Finding, Place, Severity};
use crate::say;
use crate::sops::value::{Forgery, Judged};
use crate::subject::{FoundEnvelope, Subject, Survey};

/// See `docs/checks/forged-ciphertext.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "forged-ciphertext",
    summary: "Something looks like an encrypted value and cannot be one",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/forged-ciphertext.md"),
    softened_in_lenient_places: false,
};

fn report(s: &Subject<'_>, place: Place, why: Forgery, sink: &mut Sink) {
    let finding = Finding::new(&INFO, s.path, place, say!["this looks like a value encrypted by sops, but ", why.as_str()])
        .help("put the real value there and encrypt the file again; if it was readable, treat it as leaked")
        .governed(s.decision.governed_by());
    sink.push(finding);
}

pub(super) fn run(s: &Subject<'_>, found: &FoundEnvelope, own: &Survey, sink: &mut Sink) {
    for leaf in &own.plain {
        if let Judged::Forged(why) = leaf.judged {
            let doc = &s.documents()[leaf.document];
            report(
                s,
                s.places.node(doc, leaf.document, &leaf.path, leaf.site),
                why,
                sink,
            );
        }
    }
    for (document, path, site) in &own.shared_iv {
        let doc = &s.documents()[*document];
        report(
            s,
            s.places.node(doc, *document, path, *site),
            Forgery::SharedIv,
            sink,
        );
    }
    if let Some((why, span)) = found.envelope.mac_forged {
        report(s, s.places.span(span, found.document), why, sink);
    }
}

//! Metadata fields that are encrypted themselves, and envelopes inside plain leaves of an encrypted file (step 1).

use super::Sink;
use crate::model::{CheckInfo, Finding, Severity};
use crate::say;
use crate::sops::value::Judged;
use crate::subject::copies::EncryptedLeaves;
use crate::subject::{FoundEnvelope, Neighbourhood, Subject, Survey, leaves};
use crate::syntax::Format;

/// See `docs/checks/double-encrypted.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "double-encrypted",
    summary: "Encrypted twice",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/double-encrypted.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(
    s: &Subject<'_>,
    found: &FoundEnvelope,
    own: &Survey,
    around: &dyn Neighbourhood,
    sink: &mut Sink,
) {
    if let Some(span) = found.envelope.encrypted_fields.first() {
        let finding = Finding::new(&INFO, s.path, s.places.span(*span, found.document), say!["fields of the SOPS metadata are encrypted values themselves: the file was encrypted twice"])
            .help("decrypt it twice with the sops version that wrote it, and encrypt the result once")
            .governed(s.decision.governed_by());
        sink.push(finding);
    }
    // sops encrypts a binary file again without a word: the new data is then as long as the whole old file.
    if s.format == Format::Json
        && let Some(before) = around.base_if_changed(s.path)
        && let Some(len) = EncryptedLeaves::read(s.bytes, &s.name).and_then(|l| l.whole_file())
        && before.len() == len
        && EncryptedLeaves::read(&before, &s.name).is_some_and(|l| l.whole_file().is_some())
    {
        let finding = Finding::new(
            &INFO,
            s.path,
            s.places.span(found.envelope.span, found.document),
            say![
                "the file was encrypted again: its data is as long as the whole encrypted file was"
            ],
        )
        .help("restore the version before, or decrypt it twice and encrypt the result once")
        .governed(s.decision.governed_by());
        sink.push(finding);
    }
    for leaf in own
        .plain
        .iter()
        .filter(|l| l.selected && l.judged == Judged::Plain)
    {
        let doc = &s.documents()[leaf.document];
        if doc.text(leaf.node).is_some_and(leaves::is_sound_envelope) {
            let place = s.places.node(doc, leaf.document, &leaf.path, leaf.site);
            let finding = Finding::new(
                &INFO,
                s.path,
                place,
                say!["a value of this encrypted file is a SOPS envelope of its own"],
            )
            .help("decrypt the inner file and encrypt the outer one once")
            .governed(s.decision.governed_by());
            sink.push(finding);
        }
    }
}

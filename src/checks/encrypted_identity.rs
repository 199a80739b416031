//! Kind, API version or name of a manifest is encrypted: the API server and Flux cannot read it.

use super::Sink;
use crate::kube::looks_like_object;
use crate::model::{CheckInfo, Finding, Severity};
use crate::say;
use crate::sops::scope::PathPart;
use crate::sops::value::{self, Judged};
use crate::subject::Subject;
use crate::syntax::{Document, NodeId};

/// See `docs/checks/encrypted-identity.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "encrypted-identity",
    summary: "Kind, API version or name of a manifest is encrypted",
    severity: Severity::Warning,
    page: include_str!("../../docs/checks/encrypted-identity.md"),
    softened_in_lenient_places: false,
};

pub(super) fn run(s: &Subject<'_>, sink: &mut Sink) {
    for (n, doc) in s.documents().iter().enumerate() {
        let Some(root) = doc.root().filter(|_| looks_like_object(doc)) else {
            continue;
        };
        let encrypted = |node: NodeId| {
            doc.text(node)
                .is_some_and(|t| matches!(value::judge(t), Judged::Sound(_)))
        };
        let mut fields: Vec<(Vec<PathPart>, NodeId)> = Vec::new();
        for name in ["apiVersion", "kind"] {
            fields.extend(
                doc.get_all(root, name)
                    .map(|(k, v)| (vec![PathPart::Key(k)], v)),
            );
        }
        for (m, metadata) in doc.get_all(root, "metadata") {
            fields.extend(named(doc, m, metadata));
        }
        if let Some((path, node)) = fields.into_iter().find(|(_, v)| encrypted(*v)) {
            let place = s.places.node(doc, n, &path, node);
            let finding = Finding::new(
                &INFO,
                s.path,
                place,
                say!["this manifest cannot be built: its identity is encrypted"],
            )
            .help("encrypt manifests with encrypted_regex: ^(data|stringData)$")
            .governed(s.decision.governed_by());
            sink.push(finding);
            return;
        }
    }
}

fn named(doc: &Document<'_>, key: NodeId, metadata: NodeId) -> Vec<(Vec<PathPart>, NodeId)> {
    doc.get_all(metadata, "name")
        .map(|(k, v)| (vec![PathPart::Key(key), PathPart::Key(k)], v))
        .collect()
}

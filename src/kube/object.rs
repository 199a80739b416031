//! One Kubernetes object: kind, API version, name.

use crate::syntax::{Document, NodeId};
use crate::words;

/// What an object says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectHead {
    /// `kind`
    pub kind: String,
    /// `apiVersion`
    pub api_version: String,
}

impl ObjectHead {
    /// The API group; empty for core.
    pub fn group(&self) -> &str {
        self.api_version.rsplit_once('/').map_or("", |(g, _)| g)
    }
}

/// The head of the object that a mapping is, if it has a kind and an API version.
pub fn head(doc: &Document<'_>, mapping: NodeId) -> Option<ObjectHead> {
    if !doc.is_mapping(mapping) {
        return None;
    }
    let kind = doc
        .text(doc.get_merged(mapping, "kind")?)?
        .trim()
        .to_owned();
    let api_version = doc
        .text(doc.get_merged(mapping, "apiVersion")?)?
        .trim()
        .to_owned();
    Some(ObjectHead { kind, api_version })
}

/// Whether the root of a document has the keys of a Kubernetes object.
pub fn looks_like_object(doc: &Document<'_>) -> bool {
    doc.root()
        .is_some_and(|r| doc.get(r, "apiVersion").is_some() && doc.get(r, "kind").is_some())
}

/// Whether an object steers other objects, so that it must stay readable: kustomizations, Flux and Argo CD objects, the
/// ExternalSecret family. The list is `data/words/control-kinds.txt`.
pub fn is_control_object(head: &ObjectHead) -> bool {
    words::CONTROL_KINDS
        .iter()
        .any(|entry| match entry.split_once(": ") {
            Some((kind, group)) => head.kind == kind && head.group().starts_with(group),
            None => head.kind == entry,
        })
        || head.kind.ends_with("SecretGenerator") && head.group().starts_with("generators.")
        || head.group().contains("external-secrets.io")
        || head.group().ends_with("fluxcd.io")
}

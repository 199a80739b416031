//! Flux Kustomizations (kustomize.toolkit.fluxcd.io): which path they build and whether they decrypt.

use crate::model::Span;
use crate::syntax::Document;

/// A Flux Kustomization.
pub struct FluxKustomization {
    /// `spec.path`, as written.
    pub path: String,
    /// Whether `spec.decryption` is there.
    pub decrypts: bool,
    /// Where `spec` stands.
    pub span: Span,
}

/// The Flux Kustomization that a document is.
pub fn flux_kustomization(doc: &Document<'_>) -> Option<FluxKustomization> {
    let root = doc.root()?;
    let head = super::head(doc, root)?;
    if head.kind != "Kustomization" || head.group() != "kustomize.toolkit.fluxcd.io" {
        return None;
    }
    let spec = doc.get(root, "spec")?;
    let path = doc
        .get(spec, "path")
        .and_then(|p| doc.text(p))
        .unwrap_or("")
        .to_owned();
    let span = doc
        .get_all(root, "spec")
        .last()
        .map(|(k, _)| doc.node(k).span)
        .unwrap_or_default();
    Some(FluxKustomization {
        path,
        decrypts: doc.get(spec, "decryption").is_some(),
        span,
    })
}

/// Whether the `spec.patches` of a Kustomization put `decryption` into others, as fleets do once at the top for all.
pub fn patches_add_decryption(doc: &Document<'_>) -> bool {
    let patches = doc
        .root()
        .and_then(|r| doc.get(doc.get(r, "spec")?, "patches"));
    patches.is_some_and(|p| {
        doc.items(p).any(|i| {
            doc.get(i, "patch")
                .and_then(|t| doc.text(t))
                .is_some_and(|t| t.contains("decryption"))
        })
    })
}

//! v1 Secrets: where they stand and which values they hold.
//!
//! A Secret is any mapping, at any depth, with `kind: Secret`, `apiVersion: v1` and `data` or `stringData`, merge keys
//! and aliases followed; and any item of a `SecretList`. Of a value under `data` that is no scalar only an inner `data` or
//! `stringData` counts (Kyverno's `generate` has that form).

use crate::syntax::PathPart;
use crate::syntax::{Child, Document, Kind, NodeId};

/// One value of a Secret.
pub struct SecretValue {
    /// Keys from the root to the value.
    pub path: Vec<PathPart>,
    /// The node of the value, aliases resolved.
    pub node: NodeId,
    /// The node as it stands.
    pub site: NodeId,
    /// The key it stands under.
    pub key: NodeId,
    /// Whether it is base64 (`data`), else text (`stringData`).
    pub base64: bool,
}

const MAX_NODES: usize = 4_000_000;

/// All values of all Secrets of a document.
pub fn secret_values(doc: &Document<'_>, extra_kinds: &[String]) -> Vec<SecretValue> {
    let mut out = Vec::new();
    walk_mappings(doc, &mut |path, id, in_secret_list| {
        let kind = doc
            .get_merged(id, "kind")
            .and_then(|k| doc.text(k))
            .map(str::trim);
        let is_v1 = || {
            let api = doc.get_merged(id, "apiVersion").and_then(|k| doc.text(k));
            api.map(str::trim) == Some("v1")
        };
        let core = kind == Some("Secret") && is_v1();
        let named = kind.is_some_and(|k| extra_kinds.iter().any(|e| e == k));
        if core || named || (in_secret_list && kind.is_none_or(|k| k == "Secret")) {
            collect(doc, path, id, &mut out);
        }
    });
    out
}

/// Values of the `secretTemplates` of a SopsSecret (isindir.github.com): Secrets that the operator will make.
pub fn sops_secret_values(doc: &Document<'_>) -> Vec<SecretValue> {
    let mut out = Vec::new();
    let Some(root) = doc.root() else { return out };
    let is_sops_secret = super::head(doc, root).is_some_and(|h| h.kind == "SopsSecret");
    let spec = doc.get_all(root, "spec").last();
    let (Some((spec_key, spec)), true) = (spec, is_sops_secret) else {
        return out;
    };
    for (key, templates) in doc.get_all(spec, "secretTemplates") {
        for (i, item) in doc.items(templates).enumerate() {
            let path = [
                PathPart::Key(spec_key),
                PathPart::Key(key),
                PathPart::Index(i),
            ];
            if doc.is_mapping(item) {
                collect(doc, &path, item, &mut out);
            }
        }
    }
    out
}

/// Values under `data` and `stringData` of one mapping, merge keys followed.
pub(super) fn collect(
    doc: &Document<'_>,
    path: &[PathPart],
    object: NodeId,
    out: &mut Vec<SecretValue>,
) {
    collect_within(doc, path, object, out, 4);
}

fn collect_within(
    doc: &Document<'_>,
    path: &[PathPart],
    object: NodeId,
    out: &mut Vec<SecretValue>,
    depth: usize,
) {
    let mut holders = vec![object];
    holders.extend(doc.all_merge_sources(object));
    for holder in holders {
        for (key, section) in doc.entries(holder) {
            let base64 = match doc.text(key) {
                Some("data") => true,
                Some("stringData") => false,
                _ => continue,
            };
            let path = below(path, PathPart::Key(key));
            values(doc, &path, section, base64, out, depth);
        }
    }
}

/// A path with one part more.
fn below(path: &[PathPart], part: PathPart) -> Vec<PathPart> {
    [path, &[part]].concat()
}

fn values(
    doc: &Document<'_>,
    path: &[PathPart],
    section: NodeId,
    base64: bool,
    out: &mut Vec<SecretValue>,
    depth: usize,
) {
    let mut sections = vec![section];
    sections.extend(doc.all_merge_sources(section));
    for section in sections {
        for (k, v) in doc.entries(section) {
            if doc.text(k) == Some("<<") {
                continue;
            }
            let path = below(path, PathPart::Key(k));
            match doc.kind(v) {
                Kind::Scalar(_) => out.push(SecretValue {
                    path,
                    node: doc.resolve(v),
                    site: v,
                    key: k,
                    base64,
                }),
                // `{{ x }}` without quotes reads as nested mappings: the caller sees it by its source text.
                Kind::Mapping(_) if doc.node(v).flow => out.push(SecretValue {
                    path,
                    node: doc.resolve(v),
                    site: v,
                    key: k,
                    base64,
                }),
                Kind::Mapping(_)
                    if base64
                        && matches!(doc.text(k), Some("data" | "stringData"))
                        && depth > 0 =>
                {
                    let inner = doc.text(k) == Some("data");
                    values(doc, &path, v, inner, out, depth - 1);
                }
                Kind::Mapping(_) if !base64 && depth > 0 => {
                    values(doc, &path, v, base64, out, depth - 1)
                }
                Kind::Sequence(_) if !base64 => {
                    for (i, item) in doc.items(v).enumerate() {
                        if doc.scalar(item).is_some() {
                            out.push(SecretValue {
                                path: below(&path, PathPart::Index(i)),
                                node: doc.resolve(item),
                                site: item,
                                key: k,
                                base64,
                            });
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// Calls `visit` for every mapping of the document with its path; anchored nodes are visited where they stand.
pub(super) fn walk_mappings(doc: &Document<'_>, visit: &mut dyn FnMut(&[PathPart], NodeId, bool)) {
    let Some(root) = doc.root() else { return };
    let mut seen = vec![false; doc.len()];
    let mut visits = 0;
    // Depth is bounded by the parser, so a stack of frames is enough: (node, next child, item of a SecretList).
    let mut path: Vec<PathPart> = Vec::new();
    let mut stack: Vec<(NodeId, usize, usize, bool)> = Vec::new();
    let enter = |id: NodeId,
                 path: &[PathPart],
                 in_list: bool,
                 visit: &mut dyn FnMut(&[PathPart], NodeId, bool)| {
        if doc.is_mapping(id) {
            visit(path, id, in_list);
        }
    };
    enter(root, &path, false, visit);
    stack.push((root, 0, 0, false));
    while let Some((id, next, index, lists_secrets)) = stack.last_mut() {
        visits += 1;
        if visits > MAX_NODES {
            return;
        }
        let children = match &doc.node(*id).kind {
            Kind::Mapping(c) | Kind::Sequence(c) => c.as_slice(),
            _ => &[],
        };
        let Some(child) = children.get(*next) else {
            stack.pop();
            path.pop();
            continue;
        };
        *next += 1;
        let parent = *id;
        let (part, value, in_list) = match child {
            Child::Entry(k, v) => (PathPart::Key(*k), *v, false),
            Child::Item(v) => {
                *index += 1;
                (PathPart::Index(*index - 1), *v, *lists_secrets)
            }
            Child::Comment(_) => continue,
        };
        if in_list && matches!(doc.node(value).kind, Kind::Alias(Some(_))) {
            // An aliased item of a SecretList: where its anchor stands it may say nothing of itself.
            path.push(part);
            enter(doc.resolve(value), &path, true, visit);
            path.pop();
            continue;
        }
        if matches!(doc.node(value).kind, Kind::Scalar(_) | Kind::Alias(_))
            || std::mem::replace(&mut seen[value as usize], true)
        {
            continue;
        }
        // The items of a SecretList need not say what they are.
        let items_of_secrets = matches!(child, Child::Entry(k, _) if doc.text(*k) == Some("items"))
            && doc.get_merged(parent, "kind").and_then(|k| doc.text(k)) == Some("SecretList");
        path.push(part);
        enter(value, &path, in_list, visit);
        stack.push((value, 0, 0, items_of_secrets));
    }
}

//! Secrets inside strings: manifests in ConfigMap values, inline patches, post-renderers, the last-applied annotation.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::secret;
use crate::syntax::PathPart;
use crate::syntax::{Document, Format, Kind, NodeId, Parsed, parse_values};

/// A Secret inside a string.
pub struct EmbeddedSecret {
    /// Keys from the root to the string.
    pub path: Vec<PathPart>,
    /// The node of the string.
    pub node: NodeId,
    /// Keys and values of the Secret: key, text, whether it is base64.
    pub values: Vec<(String, String, bool)>,
    /// Whether the string could not be parsed, so that it was read by lines.
    pub by_lines: bool,
}

/// Annotation in which `kubectl apply` keeps the object it was given.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// JSON-6902 patches of Secrets that stand open in the document, as lists; those in strings are embedded.
pub fn open_patches(doc: &Document<'_>) -> Vec<EmbeddedSecret> {
    let mut out = Vec::new();
    secret::walk_mappings(doc, &mut |path, id, _| {
        if !targets_secret(doc, id) {
            return;
        }
        for (k, v) in doc.get_all(id, "patch") {
            let values = match doc.kind(v) {
                Kind::Sequence(_) => operations(doc, v),
                _ => continue,
            };
            if !values.is_empty() {
                out.push(EmbeddedSecret {
                    path: [path, &[PathPart::Key(k)]].concat(),
                    node: v,
                    values,
                    by_lines: false,
                });
            }
        }
    });
    out
}

/// Whether a mapping is a patch of Secrets.
fn targets_secret(doc: &Document<'_>, mapping: NodeId) -> bool {
    doc.get(mapping, "target").is_some_and(|target| {
        let kind = doc.get(target, "kind").and_then(|k| doc.text(k));
        let group = doc.get(target, "group").and_then(|g| doc.text(g));
        kind == Some("Secret") && group.unwrap_or("").is_empty()
    })
}

/// Secrets in strings of the document, the last-applied annotation apart.
pub fn embedded_secrets(doc: &Document<'_>) -> Vec<EmbeddedSecret> {
    let mut out = Vec::new();
    secret::walk_mappings(doc, &mut |path, id, _| {
        let target_is_secret = targets_secret(doc, id);
        for (k, v) in doc.entries(id) {
            let key = doc.text(k).unwrap_or("");
            if key == LAST_APPLIED {
                continue;
            }
            let here = || {
                let mut here = path.to_vec();
                here.push(PathPart::Key(k));
                here
            };
            match doc.kind(v) {
                Kind::Scalar(s) => {
                    let patch = target_is_secret && key == "patch";
                    if !patch && !may_hold_secret(&s.text) {
                        continue;
                    }
                    string(&here(), doc.resolve(v), &s.text, patch, &mut out);
                }
                Kind::Sequence(_) => {
                    if target_is_secret && key == "patch" {
                        continue;
                    }
                    for (i, item) in doc.items(v).enumerate() {
                        if let Some(s) = doc.scalar(item).filter(|s| may_hold_secret(&s.text)) {
                            let mut here = here();
                            here.push(PathPart::Index(i));
                            string(&here, doc.resolve(item), &s.text, false, &mut out);
                        }
                    }
                }
                _ => {}
            }
        }
    });
    out
}

/// Every string of a document is asked for this first.
static SECRET: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"Secret"));

/// Whether a string can hold a Secret at all.
fn may_hold_secret(text: &str) -> bool {
    text.len() > 20
        && SECRET.find(text.as_bytes()).is_some()
        && memchr::memmem::find(text.as_bytes(), b"kind").is_some()
        && memchr::memmem::find(text.as_bytes(), b"ata").is_some()
}

fn string(path: &[PathPart], node: NodeId, text: &str, patch: bool, out: &mut Vec<EmbeddedSecret>) {
    if !patch && !may_hold_secret(text) {
        return;
    }
    let format = if text.trim_start().starts_with('{') {
        Format::Json
    } else {
        Format::Yaml
    };
    let parsed = parse_values(text, format);
    let mut values = secrets_of(&parsed);
    if patch {
        for doc in &parsed.documents {
            let Some(root) = doc.root() else { continue };
            values.extend(operations(doc, root));
            if doc.is_mapping(root) && values.is_empty() {
                let mut found = Vec::new();
                secret::collect(doc, &[], root, &mut found);
                values.extend(found.iter().filter_map(|v| texts(doc, v)));
            }
        }
    }
    let by_lines = !parsed.is_whole();
    if by_lines && values.is_empty() && may_hold_secret(text) {
        values = crate::syntax::lines::secret_lines(text)
            .into_iter()
            .map(|l| (l.key, l.value, l.base64))
            .collect();
    }
    if !values.is_empty() {
        out.push(EmbeddedSecret {
            path: path.to_vec(),
            node,
            values,
            by_lines,
        });
    }
}

fn texts(doc: &Document<'_>, v: &secret::SecretValue) -> Option<(String, String, bool)> {
    Some((
        doc.text(v.key)?.to_owned(),
        doc.text(v.node)?.to_owned(),
        v.base64,
    ))
}

fn secrets_of(parsed: &Parsed<'_>) -> Vec<(String, String, bool)> {
    let mut out = Vec::new();
    for doc in &parsed.documents {
        out.extend(
            secret::secret_values(doc, &[])
                .iter()
                .filter_map(|v| texts(doc, v)),
        );
    }
    out
}

/// Values that the operations of a JSON-6902 patch put under `data` or `stringData`.
fn operations(doc: &Document<'_>, list: NodeId) -> Vec<(String, String, bool)> {
    let mut out = Vec::new();
    for op in doc.items(list) {
        let field = |name: &str| doc.get(op, name).and_then(|v| doc.text(v)).unwrap_or("");
        let path = field("path");
        let base64 = path == "/data" || path.starts_with("/data/");
        if !(base64 || path == "/stringData" || path.starts_with("/stringData/"))
            || !matches!(field("op"), "add" | "replace")
        {
            continue;
        }
        let Some(value) = doc.get(op, "value") else {
            continue;
        };
        match doc.kind(value) {
            Kind::Scalar(s) => {
                let key = path
                    .rsplit('/')
                    .next()
                    .unwrap_or("")
                    .replace("~1", "/")
                    .replace("~0", "~");
                out.push((key, s.text.to_string(), base64));
            }
            Kind::Mapping(_) => {
                out.extend(doc.entries(value).filter_map(|(k, v)| {
                    Some((doc.text(k)?.to_owned(), doc.text(v)?.to_owned(), base64))
                }));
            }
            _ => {}
        }
    }
    out
}

/// The last-applied annotation of any object, if it holds the data of a Secret: path, node and values.
pub fn last_applied(doc: &Document<'_>) -> Vec<EmbeddedSecret> {
    let mut out = Vec::new();
    secret::walk_mappings(doc, &mut |path, id, _| {
        for (k, v) in doc.get_all(id, LAST_APPLIED) {
            let Some(text) = doc.text(v) else { continue };
            let parsed = parse_values(text, Format::Json);
            let values = secrets_of(&parsed);
            if !values.is_empty() {
                let mut path = path.to_vec();
                path.push(PathPart::Key(k));
                out.push(EmbeddedSecret {
                    path,
                    node: doc.resolve(v),
                    values,
                    by_lines: !parsed.is_whole(),
                });
            }
        }
    });
    out
}

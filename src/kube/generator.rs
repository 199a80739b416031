//! kustomize: `secretGenerator` and what a kustomization takes in.

use crate::syntax::PathPart;
use crate::syntax::{Document, NodeId};

/// One source of a generated Secret.
pub enum GeneratorEntry {
    /// `literals`: key and value.
    Literal(String, String),
    /// `files`: the key the file gets, and its path.
    File(String, String),
    /// `envs`: the path of a dotenv file.
    Env(String),
}

/// An entry with its place.
pub struct Generator {
    /// Keys from the root to the entry.
    pub path: Vec<PathPart>,
    /// The node of the entry.
    pub node: NodeId,
    /// What it names.
    pub entry: GeneratorEntry,
}

/// Whether kustomize reads a file of this name by itself.
pub fn is_kustomization_name(name: &str) -> bool {
    matches!(
        name,
        "kustomization.yaml" | "kustomization.yml" | "Kustomization"
    )
}

/// Entries of the `secretGenerator`s of a kustomization.
pub fn generators(doc: &Document<'_>) -> Vec<Generator> {
    let mut out = Vec::new();
    let Some(root) = doc.root() else { return out };
    for (top, list) in doc.get_all(root, "secretGenerator") {
        for (i, generator) in doc.items(list).enumerate() {
            let base = [PathPart::Key(top), PathPart::Index(i)];
            for (field, values) in doc.entries(generator) {
                let name = doc.text(field).unwrap_or("");
                if !matches!(name, "literals" | "files" | "envs" | "env") {
                    continue;
                }
                let mut add = |node: NodeId, index: Option<usize>| {
                    let Some(text) = doc.text(node) else { return };
                    let mut path = base.to_vec();
                    path.push(PathPart::Key(field));
                    path.extend(index.map(PathPart::Index));
                    let entry = match name {
                        "literals" => {
                            let (key, value) = text.split_once('=').unwrap_or((text, ""));
                            // kustomize takes one pair of quotes off.
                            let value = ['"', '\'']
                                .iter()
                                .find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q))
                                .unwrap_or(value);
                            GeneratorEntry::Literal(key.to_owned(), value.to_owned())
                        }
                        "files" => {
                            let (key, path) = text
                                .split_once('=')
                                .unwrap_or((text.rsplit('/').next().unwrap_or(text), text));
                            GeneratorEntry::File(key.to_owned(), path.to_owned())
                        }
                        _ => GeneratorEntry::Env(text.to_owned()),
                    };
                    out.push(Generator {
                        path,
                        node: doc.resolve(node),
                        entry,
                    });
                };
                if doc.is_sequence(values) {
                    for (n, v) in doc.items(values).enumerate() {
                        add(v, Some(n));
                    }
                } else {
                    add(values, None);
                }
            }
        }
    }
    out
}

/// Files and directories a kustomization takes in: resources, components, bases, patches, generator inputs.
pub fn kustomization_sources(doc: &Document<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let Some(root) = doc.root() else { return out };
    for field in [
        "resources",
        "components",
        "bases",
        "patchesStrategicMerge",
        "crds",
        "generators",
    ] {
        if let Some(list) = doc.get(root, field) {
            out.extend(
                doc.items(list)
                    .filter_map(|i| doc.text(i))
                    .map(str::to_owned),
            );
        }
    }
    if let Some(list) = doc.get(root, "patches") {
        out.extend(
            doc.items(list)
                .filter_map(|i| doc.text(doc.get(i, "path")?))
                .map(str::to_owned),
        );
    }
    out.extend(generators(doc).into_iter().filter_map(|g| match g.entry {
        GeneratorEntry::File(_, p) | GeneratorEntry::Env(p) => Some(p),
        GeneratorEntry::Literal(..) => None,
    }));
    out
}

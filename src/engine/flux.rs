//! Which Flux Kustomizations reach encrypted files without decrypting them.
//!
//! Follows what kustomize-controller builds: `spec.path` relative to the root of the repository; a `kustomization.yaml`
//! there names what is taken in, else every manifest below. A Kustomization whose path is not in this repository says
//! nothing, and one fleet-wide patch that adds `decryption` speaks for all.

use std::collections::{BTreeSet, HashMap};

use super::{Around, Seen};
use crate::checks::{Sink, judge_kustomization};
use crate::kube::{is_kustomization_name, kustomization_sources};
use crate::model::RepoPath;
use crate::subject::{Neighbourhood, standing};
use crate::syntax::{Format, decode, parse_values};

pub(super) fn decryption_missing(seen: &[Seen<'_>], around: &Around<'_>) -> Vec<Sink> {
    let any = seen
        .iter()
        .any(|s| s.judged.kustomizations.iter().any(|(k, _)| !k.decrypts));
    if !any || seen.iter().any(|s| s.judged.patches_decryption) {
        return Vec::new();
    }
    let encrypted: BTreeSet<&RepoPath> = seen
        .iter()
        .filter(|s| s.judged.encrypted)
        .map(|s| &s.entry.path)
        .collect();
    let mut by_dir: HashMap<&[u8], Vec<&RepoPath>> = HashMap::new();
    let mut dirs: BTreeSet<&[u8]> = BTreeSet::new();
    for e in around.view().entries() {
        by_dir.entry(e.path.parent()).or_default().push(&e.path);
        dirs.insert(e.path.parent());
    }
    let reach = Reach {
        around,
        encrypted: &encrypted,
        by_dir: &by_dir,
        dirs: &dirs,
    };
    let mut sinks = Vec::new();
    for s in seen {
        for (k, place) in s.judged.kustomizations.iter().filter(|(k, _)| !k.decrypts) {
            let path = k.path.trim_start_matches("./").trim_matches('/');
            if path.is_empty() || path.contains('$') || path.contains("..") {
                continue;
            }
            let mut visited = BTreeSet::new();
            if let Some(first) = reach.directory(path.as_bytes(), &mut visited) {
                sinks.push(judge_kustomization(&s.entry.path, place.clone(), &first));
            }
        }
    }
    sinks
}

struct Reach<'r, 'a> {
    around: &'r Around<'a>,
    encrypted: &'r BTreeSet<&'r RepoPath>,
    by_dir: &'r HashMap<&'r [u8], Vec<&'r RepoPath>>,
    dirs: &'r BTreeSet<&'r [u8]>,
}

impl Reach<'_, '_> {
    /// The first encrypted manifest that building a directory takes in.
    fn directory(&self, dir: &[u8], visited: &mut BTreeSet<Vec<u8>>) -> Option<RepoPath> {
        if visited.len() > 2_000 || !visited.insert(dir.to_vec()) {
            return None;
        }
        let none = Vec::new();
        let files = self.by_dir.get(dir).unwrap_or(&none);
        if let Some(kustomization) = files
            .iter()
            .find(|p| is_kustomization_name(&standing::file_name(p)))
        {
            let bytes = self.around.read(kustomization)?;
            let decoded = decode(&bytes);
            let parsed = parse_values(&decoded.text, Format::Yaml);
            for source in parsed.documents.iter().flat_map(kustomization_sources) {
                let Some(path) = kustomization.resolve(&source) else {
                    continue;
                };
                if self.encrypted.contains(&path) {
                    return Some(path);
                }
                if self.around.view().find(&path).is_none()
                    && let Some(found) = self.directory(path.as_bytes(), visited)
                {
                    return Some(found);
                }
            }
            return None;
        }
        let manifest = |p: &&&RepoPath| {
            matches!(
                Format::of_name(&standing::file_name(p)),
                Format::Yaml | Format::Json
            )
        };
        if let Some(found) = files
            .iter()
            .filter(manifest)
            .find(|p| self.encrypted.contains(**p))
        {
            return Some((*found).clone());
        }
        let mut prefix = dir.to_vec();
        prefix.push(b'/');
        for child in self
            .dirs
            .range(prefix.as_slice()..)
            .take_while(|d| d.starts_with(&prefix))
        {
            let direct = memchr::memchr(b'/', &child[prefix.len()..]).is_none();
            if direct && let Some(found) = self.directory(child, visited) {
                return Some(found);
            }
        }
        None
    }
}

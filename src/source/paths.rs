//! Paths from the command line, as places in the repository.
//!
//! A path is relative to the directory the user stands in. Symbolic links on the way are resolved, the last part is not: a
//! link named by the user is judged as a link. Everything that is not a file of this repository is refused by name.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::SourceError;
use crate::git;

/// Where `path` is, with all links but the last part resolved; it must exist.
pub(super) fn real(dir: &Path, path: &Path) -> Result<PathBuf, SourceError> {
    let missing = || SourceError::NoSuchPath(path.to_owned());
    let full = dir.join(path);
    full.symlink_metadata().map_err(|_| missing())?;
    let ends_in_slash = path
        .as_os_str()
        .as_encoded_bytes()
        .last()
        .is_some_and(|b| std::path::is_separator(*b as char));
    match (full.components().next_back(), full.parent()) {
        (Some(Component::Normal(name)), Some(parent)) if !ends_in_slash => {
            Ok(parent.canonicalize().map_err(|_| missing())?.join(name))
        }
        _ => full.canonicalize().map_err(|_| missing()),
    }
}

/// Where `path` would be; only its parents that exist are resolved.
pub(super) fn would_be(dir: &Path, path: &Path) -> Result<PathBuf, SourceError> {
    if let Ok(found) = real(dir, path) {
        return Ok(found);
    }
    let refuse = || SourceError::NoSuchPath(path.to_owned());
    let full = dir.join(path);
    let mut rest: Vec<&OsStr> = Vec::new();
    let mut at = full.as_path();
    loop {
        match at.components().next_back() {
            Some(Component::Normal(name)) => rest.push(name),
            _ => return Err(refuse()),
        }
        at = at.parent().ok_or_else(refuse)?;
        if let Ok(found) = at.canonicalize() {
            return Ok(rest.iter().rev().fold(found, |path, part| path.join(part)));
        }
    }
}

/// The bytes of `real` relative to `root`, without a slash at the end; empty for the root itself.
pub(super) fn relative(root: &Path, real: &Path, shown: &Path) -> Result<Vec<u8>, SourceError> {
    let outside = || SourceError::Outside {
        path: shown.to_owned(),
        root: root.to_owned(),
    };
    let rest = real.strip_prefix(root).map_err(|_| outside())?;
    let mut bytes = Vec::new();
    for part in rest.components() {
        let Component::Normal(name) = part else {
            return Err(outside());
        };
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(&git::name_bytes(name).ok_or_else(outside)?);
    }
    Ok(bytes)
}

/// The path below `root` that a name given in `dir` stands for.
pub fn of_name(root: &Path, dir: &Path, name: &Path) -> Option<crate::model::RepoPath> {
    let bytes = relative(root, &would_be(dir, name).ok()?, name).ok()?;
    Some(crate::model::RepoPath::new(bytes))
}

/// Paths that the user named, in order; none stands for everything.
#[derive(Debug, Default)]
pub(super) struct Named(Vec<Vec<u8>>);

impl Named {
    pub(super) fn new(mut paths: Vec<Vec<u8>>) -> Self {
        paths.sort_unstable();
        paths.dedup();
        Self(paths)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an entry is to be judged.
    pub(super) fn selects(&self, path: &[u8]) -> bool {
        self.is_empty()
            || self.is_exact(b"")
            || self.is_exact(path)
            || parents(path).any(|dir| self.is_exact(dir))
    }

    /// Whether exactly this was named.
    pub(super) fn is_exact(&self, path: &[u8]) -> bool {
        self.0
            .binary_search_by(|named| named.as_slice().cmp(path))
            .is_ok()
    }

    /// The paths as they were named.
    pub(super) fn exact(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// Whether something below `dir` was named; `dir` ends in a slash.
    pub(super) fn is_below(&self, dir: &[u8]) -> bool {
        let at = self.0.partition_point(|named| named.as_slice() < dir);
        self.0.get(at).is_some_and(|named| named.starts_with(dir))
    }
}

fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter()
        .enumerate()
        .filter(|(_, b)| **b == b'/')
        .map(|(at, _)| &path[..at])
}

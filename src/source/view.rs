//! The worktree as a [`View`].
//!
//! Entries were listed once; reading looks at the disk again. A file that disappeared meanwhile is `Missing`. One file can
//! be given by its bytes instead (standard input): it stands in front of what the disk has there.

use std::io::{Cursor, Read};
use std::path::PathBuf;

use super::disk::{self, Identity};
use super::{Entry, FileKind, ReadError, View};
use crate::git;
use crate::model::RepoPath;

pub(super) struct DiskView {
    pub(super) root: PathBuf,
    pub(super) entries: Vec<Entry>,
    /// What each entry was when it was listed.
    pub(super) identities: Vec<Identity>,
    pub(super) given: Option<Given>,
}

/// A file by its bytes.
pub(super) struct Given {
    pub(super) path: RepoPath,
    pub(super) bytes: Vec<u8>,
}

impl DiskView {
    fn locate(&self, path: &RepoPath) -> Result<(FileKind, PathBuf, Identity), ReadError> {
        let at = self
            .entries
            .binary_search_by(|entry| entry.path.cmp(path))
            .map_err(|_| ReadError::Missing)?;
        let on_disk = git::disk_path(&self.root, path.as_bytes()).ok_or(ReadError::Missing)?;
        Ok((self.entries[at].kind, on_disk, self.identities[at]))
    }

    fn given(&self, path: &RepoPath) -> Option<&Given> {
        self.given.as_ref().filter(|given| given.path == *path)
    }
}

impl View for DiskView {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read_limited(&self, path: &RepoPath, limit: u64) -> Result<Vec<u8>, ReadError> {
        let within = |bytes: Vec<u8>| match bytes.len() as u64 {
            size if size > limit => Err(ReadError::TooLarge(size)),
            _ => Ok(bytes),
        };
        if let Some(given) = self.given(path) {
            let size = given.bytes.len() as u64;
            return if size > limit {
                Err(ReadError::TooLarge(size))
            } else {
                Ok(given.bytes.clone())
            };
        }
        match self.locate(path)? {
            (FileKind::Regular, on_disk, known) => disk::read(&on_disk, known, limit),
            (FileKind::Symlink, on_disk, _) => within(disk::read_link(&on_disk)?),
            (FileKind::Submodule, ..) => Err(ReadError::Missing),
        }
    }

    fn open_stream(&self, path: &RepoPath) -> Result<Box<dyn Read>, ReadError> {
        if let Some(given) = self.given(path) {
            return Ok(Box::new(Cursor::new(given.bytes.clone())));
        }
        match self.locate(path)? {
            (FileKind::Regular, on_disk, known) => Ok(Box::new(disk::open(&on_disk, known)?.0)),
            (FileKind::Symlink, on_disk, _) => {
                Ok(Box::new(Cursor::new(disk::read_link(&on_disk)?)))
            }
            (FileKind::Submodule, ..) => Err(ReadError::Missing),
        }
    }
}

//! Ids and objects of a repository.
//!
//! An object that is missing, corrupt or of another kind is [`None`] here: what that means for a scan is the caller's
//! business. Handles are pooled because gix's are not shared between threads and each keeps the packs it has opened.

use std::sync::{Mutex, PoisonError};

/// Id of an object, of either hash.
pub type Oid = gix::ObjectId;

/// The id that Git gives to bytes as a file; SHA-256 where the repository uses it.
pub(super) fn blob_id(hash: gix::hash::Kind, bytes: &[u8]) -> Option<String> {
    gix::objs::compute_hash(hash, gix::object::Kind::Blob, bytes)
        .ok()
        .map(|id| id.to_string())
}

/// The id that a repository with SHA-1 would give to bytes as a file.
pub fn blob_id_outside(bytes: &[u8]) -> Option<String> {
    blob_id(gix::hash::Kind::Sha1, bytes)
}

/// What an entry of a tree or of the index names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OidKind {
    /// A regular file.
    Blob,
    /// A regular file with the executable bit.
    Executable,
    /// A symbolic link; the blob is its target.
    Link,
    /// A commit of another repository.
    Submodule,
    /// A directory; in an index only when it is sparse.
    Tree,
}

pub(super) struct Objects {
    repository: gix::ThreadSafeRepository,
    idle: Mutex<Vec<gix::Repository>>,
}

impl Objects {
    pub(super) fn new(repository: gix::ThreadSafeRepository) -> Self {
        Self {
            repository,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Runs `work` with a handle that no other thread uses meanwhile.
    pub(super) fn with<T>(&self, work: impl FnOnce(&gix::Repository) -> T) -> T {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let handle = idle.unwrap_or_else(|| self.repository.to_thread_local());
        let result = work(&handle);
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(handle);
        result
    }

    pub(super) fn blob(&self, id: &Oid) -> Option<Vec<u8>> {
        self.read(id, gix::object::Kind::Blob)
    }

    pub(super) fn blob_size(&self, id: &Oid) -> Option<u64> {
        self.with(|repository| {
            let header = repository.find_header(*id).ok()?;
            (header.kind() == gix::object::Kind::Blob).then(|| header.size())
        })
    }

    /// Whether a blob surely is no larger than `limit`, told from the length of its file. Then its size need not be asked
    /// first, for which gix opens a loose object a time more.
    pub(super) fn is_surely_within(&self, id: &Oid, limit: u64) -> bool {
        /// What one byte of deflate can become.
        const MOST_GAIN: u64 = 1032;
        let hex = id.to_string();
        let (dir, name) = hex.split_at(2);
        let file = self.repository.objects_dir().join(dir).join(name);
        file.metadata()
            .is_ok_and(|m| m.len().saturating_mul(MOST_GAIN) <= limit)
    }

    pub(super) fn tree(&self, id: &Oid) -> Option<Vec<u8>> {
        self.read(id, gix::object::Kind::Tree)
    }

    fn read(&self, id: &Oid, kind: gix::object::Kind) -> Option<Vec<u8>> {
        self.with(|repository| {
            let mut object = repository.find_object(*id).ok()?;
            (object.kind == kind).then(|| std::mem::take(&mut object.data))
        })
    }
}

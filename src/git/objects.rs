//! Ids and objects of a repository.
//!
//! An object that is missing, corrupt or of another kind is [`None`] here: what that means for a scan is the caller's
//! business. Objects may be in several places, as while a push is received: they are asked in turn, and each may name further
//! ones in its `info/alternates`. Handles are pooled because gix's are not shared between threads and each keeps the packs it has opened.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::packs::Oid;
use gix::objs::Find as _;

use super::repo::absolute;

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

/// Kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A commit.
    Commit,
    /// A directory.
    Tree,
    /// A file.
    Blob,
    /// An annotated tag.
    Tag,
}

impl From<gix::object::Kind> for ObjectKind {
    fn from(kind: gix::object::Kind) -> Self {
        match kind {
            gix::object::Kind::Commit => Self::Commit,
            gix::object::Kind::Tree => Self::Tree,
            gix::object::Kind::Blob => Self::Blob,
            gix::object::Kind::Tag => Self::Tag,
        }
    }
}

/// What is found when annotated tags are followed to what they name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peeled {
    /// The tags on the way, the outermost first; none if the object was no tag.
    pub tags: Vec<Oid>,
    /// The object at the end.
    pub id: Oid,
    /// What it is; never a tag. `None` when it is missing, corrupt, or a tag that cannot be read.
    pub kind: Option<ObjectKind>,
}

/// As many tags of tags are followed.
const MAX_TAGS: usize = 64;

pub(super) struct Objects {
    repository: gix::ThreadSafeRepository,
    /// Where else objects are, in the order in which they are asked.
    more: Vec<Arc<gix::odb::Store>>,
    dirs: Vec<PathBuf>,
    idle: Mutex<Vec<Handle>>,
}

/// What one thread reads with.
pub(super) struct Handle {
    /// Its first place of objects, and all else that gix knows.
    pub(super) repository: gix::Repository,
    more: Vec<gix::odb::Handle>,
}

impl Handle {
    fn read(&self, id: &Oid) -> Option<(ObjectKind, Vec<u8>)> {
        if let Ok(mut object) = self.repository.find_object(*id) {
            return Some((object.kind.into(), std::mem::take(&mut object.data)));
        }
        self.more.iter().find_map(|store| {
            let mut bytes = Vec::new();
            let kind = store.try_find(id, &mut bytes).ok()??.kind.into();
            Some((kind, bytes))
        })
    }

    fn header(&self, id: &Oid) -> Option<(ObjectKind, u64)> {
        if let Ok(header) = self.repository.find_header(*id) {
            return Some((header.kind().into(), header.size()));
        }
        self.more.iter().find_map(|store| {
            let header = gix::odb::Header::try_header(store, id).ok()??;
            Some((header.kind().into(), header.size()))
        })
    }
}

impl Objects {
    /// `first` is where objects are instead of in the repository's own directory, `more` where else; those that do not
    /// exist are passed over, as Git does.
    pub(super) fn new(
        mut repository: gix::ThreadSafeRepository,
        first: Option<PathBuf>,
        more: Vec<PathBuf>,
        allocation_limit: usize,
    ) -> std::io::Result<Self> {
        let hash = repository.objects.object_hash();
        let open = |dir: &Path| {
            let options = gix::odb::store::init::Options {
                alloc_limit_bytes: Some(allocation_limit),
                ..Default::default()
            };
            gix::odb::Store::at_opts(dir.to_owned(), hash, &mut None.into_iter(), options)
        };
        let own = first.as_deref().unwrap_or(repository.objects_dir());
        let mut dirs = vec![absolute(own)];
        if let Some(dir) = &first {
            repository.objects = open(dir)?.into();
        }
        let mut stores = Vec::new();
        for dir in more.iter().filter(|dir| dir.is_dir()) {
            let dir = absolute(dir);
            if !dirs.contains(&dir) {
                stores.push(open(&dir)?.into());
                dirs.push(dir);
            }
        }
        Ok(Self {
            repository,
            more: stores,
            dirs,
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Where objects are.
    pub(super) fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    /// Runs `work` with a handle that no other thread uses meanwhile.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Handle) -> T) -> T {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let handle = idle.unwrap_or_else(|| self.handle());
        let result = work(&handle);
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(handle);
        result
    }

    fn handle(&self) -> Handle {
        let mut repository = self.repository.to_thread_local();
        let mut more: Vec<gix::odb::Handle> = self.more.iter().map(|s| s.to_cache()).collect();
        // What is not in one place is often in the next. Only the last is looked through again for what has just come.
        if let Some((_, others)) = more.split_last_mut() {
            repository.objects.refresh_never();
            others.iter_mut().for_each(|store| store.refresh_never());
        }
        Handle { repository, more }
    }

    /// Any object.
    pub(super) fn object(&self, id: &Oid) -> Option<(ObjectKind, Vec<u8>)> {
        self.with(|handle| handle.read(id))
    }

    /// Kind and size of any object.
    pub(super) fn header(&self, id: &Oid) -> Option<(ObjectKind, u64)> {
        self.with(|handle| handle.header(id))
    }

    /// The objects whose ids begin so, in order.
    pub(super) fn with_prefix(&self, hex: &str) -> Vec<Oid> {
        let Ok(prefix) = gix::hash::Prefix::from_hex(hex) else {
            return Vec::new();
        };
        let mut found = std::collections::HashSet::new();
        self.with(|handle| {
            let _ = (handle.repository.objects).lookup_prefix(prefix, Some(&mut found));
            for store in &handle.more {
                let _ = store.lookup_prefix(prefix, Some(&mut found));
            }
        });
        let mut found: Vec<Oid> = found.into_iter().collect();
        found.sort_unstable();
        found
    }

    pub(super) fn blob(&self, id: &Oid) -> Option<Vec<u8>> {
        self.read(id, ObjectKind::Blob)
    }

    pub(super) fn blob_size(&self, id: &Oid) -> Option<u64> {
        let (kind, size) = self.header(id)?;
        (kind == ObjectKind::Blob).then_some(size)
    }

    /// Whether a blob surely is no larger than `limit`, told from the length of its file. Then its size need not be asked
    /// first, for which gix opens a loose object a time more.
    pub(super) fn is_surely_within(&self, id: &Oid, limit: u64) -> bool {
        /// What one byte of deflate can become.
        const MOST_GAIN: u64 = 1032;
        let hex = id.to_string();
        let (dir, name) = hex.split_at(2);
        let file = self.dirs.iter().find_map(|objects| {
            let file = objects.join(dir).join(name);
            file.metadata().ok()
        });
        file.is_some_and(|m| m.len().saturating_mul(MOST_GAIN) <= limit)
    }

    pub(super) fn tree(&self, id: &Oid) -> Option<Vec<u8>> {
        self.read(id, ObjectKind::Tree)
    }

    /// Follows tags.
    pub(super) fn peel(&self, id: &Oid) -> Peeled {
        let mut out = Peeled {
            tags: Vec::new(),
            id: *id,
            kind: None,
        };
        while out.tags.len() < MAX_TAGS {
            match self.header(&out.id).map(|(kind, _)| kind) {
                Some(ObjectKind::Tag) => {}
                kind => {
                    out.kind = kind;
                    return out;
                }
            }
            let target = self
                .read(&out.id, ObjectKind::Tag)
                .and_then(|bytes| tagged(&bytes));
            let Some(target) = target else { return out };
            out.tags.push(out.id);
            out.id = target;
        }
        out
    }

    fn read(&self, id: &Oid, kind: ObjectKind) -> Option<Vec<u8>> {
        let (found, bytes) = self.object(id)?;
        (found == kind).then_some(bytes)
    }
}

/// What a tag names, from its first line.
fn tagged(bytes: &[u8]) -> Option<Oid> {
    let line = bytes.split(|b| *b == b'\n').next()?;
    Oid::from_hex(line.strip_prefix(b"object ")?).ok()
}

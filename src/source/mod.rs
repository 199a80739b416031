//! Gives what is judged: a view, the base view it is compared with, and the bytes of both.
//!
//! A [`View`] is one consistent list of files, read by path; nobody else touches the disk or the object database. Which
//! files a worktree has is Git's decision (`git help ls-files`): what is tracked and exists, and what is neither tracked nor
//! ignored. A restriction to paths selects entries, it hides none: configuration above and beside them stays readable.
//! Symbolic links are never followed, not as files and not as directories; devices and pipes are never opened.

mod base;
mod commit;
mod disk;
mod open;
mod overlay;
mod past;
mod paths;
mod staged;
mod view;
mod walk;

pub use commit::{CommitView, CommitsBase, Difference, Trees};
pub use open::{Opened, open_stdin, open_worktree};
pub use overlay::Overlay;
pub use past::{
    Depth, Front, OneFile, Past, Stretch, head_of, open_history, open_repository, open_stretch,
};
pub use paths::of_name;
pub use staged::{Steering, Unstaged, open_staged};

use std::path::PathBuf;

use crate::git::GitError;
pub use crate::git::blob_id_outside;
use crate::model::RepoPath;

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A symbolic link; its bytes are its target.
    Symlink,
    /// Another repository, tracked by the id of its commit. It has no bytes.
    Submodule,
}

/// How an entry stands to the base view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BaseState {
    /// Not in the base view.
    Absent,
    /// Unchanged, by the word of the index: the same object as in the base view, and the file has not been touched since.
    /// With filters (line endings, LFS) the bytes on disk may still not be those of the base view.
    Same,
    /// In the base view, and perhaps different.
    Maybe,
    /// There is no base view.
    NoBase,
}

/// A file of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: RepoPath,
    /// What it is.
    pub kind: FileKind,
    /// Whether the index knows it.
    pub tracked: bool,
    /// Whether it is to be judged; all entries can be read.
    pub selected: bool,
    /// Whether it belongs to what is being done: false for files of an index that the commit does not change.
    pub touched: bool,
    /// 0, or the stage of a conflict in the index; then several entries share a path.
    pub stage: u8,
    /// How it stands to the base view.
    pub base: BaseState,
    /// Size in bytes, where known without reading.
    pub size: Option<u64>,
}

impl Entry {
    /// What is known without reading.
    pub fn known(&self) -> Known {
        Known {
            kind: self.kind,
            tracked: self.tracked,
            selected: self.selected,
            base: self.base,
        }
    }
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// What it is.
    pub kind: FileKind,
    /// Whether the index knows it.
    pub tracked: bool,
    /// Whether it is to be judged.
    pub selected: bool,
    /// How it stands to the base view.
    pub base: BaseState,
}

/// Why bytes could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("no such file")]
    Missing,
    /// The file is larger than allowed; its size.
    #[error("too large: {0} bytes")]
    TooLarge(u64),
    /// The system refused.
    #[error("{0}")]
    Io(std::io::ErrorKind),
    /// The object is missing or corrupt.
    #[error("the object is missing or corrupt")]
    Object,
}

/// The files to be judged, and those that are needed for it.
pub trait View: Send + Sync {
    /// All files, in order of the bytes of their paths, each once (a conflict once for each stage). A view of a large
    /// repository makes this list on demand.
    fn entries(&self) -> &[Entry];

    /// The files to be judged, in order.
    fn selected(&self) -> Vec<&Entry> {
        self.entries().iter().filter(|e| e.selected).collect()
    }

    /// Selects every file, because something changed that steers the verdict on all of them.
    fn widen(&mut self) {}

    /// Whether every file is selected.
    fn is_whole(&self) -> bool {
        self.entries().iter().all(|e| e.selected)
    }

    /// What is known of a path; `None` when it is not in the view.
    fn find(&self, path: &RepoPath) -> Option<Known> {
        let entries = self.entries();
        let at = entries
            .binary_search_by(|entry| entry.path.cmp(path))
            .ok()?;
        entries.get(at).map(Entry::known)
    }

    /// The files of this name in the directories of the selected files and above them, in order; more may be given.
    fn called(&self, name: &[u8]) -> Vec<(RepoPath, Known)> {
        let same = self.entries().iter().filter(|e| e.path.file_name() == name);
        same.map(|e| (e.path.clone(), e.known())).collect()
    }

    /// Paths of the files in the directories of the selected ones; more may be given.
    fn neighbours(&self) -> Vec<&[u8]> {
        self.entries().iter().map(|e| e.path.as_bytes()).collect()
    }

    /// The whole file of an entry, or [`ReadError::TooLarge`]; of a conflict the stage that the entry stands for.
    fn read_entry(&self, entry: &Entry, limit: u64) -> Result<Vec<u8>, ReadError> {
        self.read_limited(&entry.path, limit)
    }

    /// The copy on disk of a file that this view reads elsewhere; `None` when there is no such file.
    fn disk_copy(&self, path: &RepoPath, limit: u64) -> Option<Vec<u8>> {
        let _ = (path, limit);
        None
    }

    /// Id of the object that an entry is read from, in hex.
    fn object(&self, entry: &Entry) -> Option<String> {
        let _ = entry;
        None
    }

    /// The whole file; of a symbolic link the text of its target.
    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, ReadError> {
        self.read_limited(path, u64::MAX)
    }

    /// The whole file, or [`ReadError::TooLarge`] when it has more than `limit` bytes.
    fn read_limited(&self, path: &RepoPath, limit: u64) -> Result<Vec<u8>, ReadError>;

    /// The file as a stream, for what is too large to be held.
    fn open_stream(&self, path: &RepoPath) -> Result<Box<dyn std::io::Read>, ReadError>;
}

/// What a view is compared with.
pub trait BaseView: Send + Sync {
    /// The bytes of a path; `None` when it is not there, or a submodule.
    fn read(&self, path: &RepoPath) -> Result<Option<Vec<u8>>, ReadError>;

    /// Files of the base view that the view no longer has, in order: possible sources of renames. Files that a sparse
    /// checkout leaves out are not removed.
    fn removed(&self) -> &[RepoPath];

    /// The files of this name in any directory, in order.
    fn called(&self, name: &[u8]) -> Vec<RepoPath>;

    /// All files of the base view, in order; no submodules.
    fn paths(&self) -> Vec<RepoPath>;

    /// The id that Git gives to bytes as a file.
    fn blob_id(&self, bytes: &[u8]) -> Option<String> {
        blob_id_outside(bytes)
    }

    /// The bytes of any blob of the object database behind the base view, by its id; `None` where it has none such.
    fn blob(&self, _id: &str) -> Option<Vec<u8>> {
        None
    }
}

/// Why a source cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The repository cannot be used.
    #[error(transparent)]
    Git(#[from] GitError),
    /// There is no repository, and what was asked needs one.
    #[error("{} is not in a Git repository; this needs one", .0.display())]
    NoRepository(PathBuf),
    /// A path that was named does not exist.
    #[error("no such file or directory: {}", .0.display())]
    NoSuchPath(PathBuf),
    /// A path that was named lies elsewhere.
    #[error("{} is outside {}", .path.display(), .root.display())]
    Outside {
        /// The path.
        path: PathBuf,
        /// The top of what is scanned.
        root: PathBuf,
    },
    /// A path that was named belongs to Git itself.
    #[error("{} is inside Git's own directory", .0.display())]
    GitDirectory(PathBuf),
    /// A path that was named belongs to a repository inside this one.
    #[error("{} belongs to another repository; scan it there, with `-C`", .0.display())]
    OtherRepository(PathBuf),
    /// The directory cannot be read.
    #[error("cannot read {}: {reason}", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
}

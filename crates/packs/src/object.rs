//! Names of objects, and what an entry of a tree names.

/// Id of an object, of either hash.
pub type Oid = gix::ObjectId;

/// Which hash makes the ids of a repository.
pub type HashKind = gix::hash::Kind;

/// What an entry of a tree or of the index names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

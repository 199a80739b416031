//! Finding and opening a repository.
//!
//! Follows `git help config` and git's setup: `GIT_DIR` and `GIT_WORK_TREE` first, else upwards from a directory. One
//! rule is stricter: a repository that was *found* may not name a worktree elsewhere (`core.worktree`), or an unpacked
//! archive could point the scan at any directory of the machine. Who owns the repository does not matter, see the room.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use gix::sec::Trust;

use super::Oid;
use super::env::GitEnv;
use super::index::Index;
use super::objects::{ObjectKind, Objects, Peeled};
use super::reftable::{self, Tip};
use super::staged::StagedIndex;

/// Why a repository cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The repository has no worktree.
    #[error("{} has no worktree here (a bare repository?): scanning files needs one", .0.display())]
    Bare(PathBuf),
    /// References are stored in a way that is not supported.
    #[error("this repository stores its references as `{0}`, which sopsguard cannot read yet")]
    RefStorage(String),
    /// The repository's configuration points the worktree somewhere else.
    #[error("core.worktree of this repository points to {}, outside {}; set GIT_WORK_TREE if that is meant", .named.display(), .found.display())]
    ForeignWorktree {
        /// Where the configuration points.
        named: PathBuf,
        /// Where the repository was found.
        found: PathBuf,
    },
    /// The worktree does not exist.
    #[error("the worktree {} cannot be read: {reason}", .path.display())]
    Worktree {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The repository is damaged or of an unknown format.
    #[error("cannot open the repository at {}: {reason}", .path.display())]
    Open {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The index is damaged.
    #[error("cannot read the index {}: {reason}", .path.display())]
    Index {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// What HEAD names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A branch without a commit.
    Unborn,
    /// A commit.
    Commit {
        /// Its id.
        id: Oid,
        /// The id of its tree.
        tree: Oid,
    },
    /// A reference or a commit that cannot be read; the id when it is known.
    Broken(Option<Oid>),
}

/// An open repository.
pub struct Repo {
    pub(super) objects: Objects,
    pub(super) storage: RefStorage,
    root: PathBuf,
    bare: bool,
    git_dir: PathBuf,
    common_dir: PathBuf,
    index_path: PathBuf,
    excludes_file: Option<PathBuf>,
    ignore_case: bool,
    head: Head,
    shallow: bool,
    hash: gix::hash::Kind,
}

/// How references are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefStorage {
    /// Files below `refs/`, and `packed-refs`.
    Files,
    /// Tables below `reftable/`.
    Reftable,
}

/// No single allocation for one object beyond this: a header can claim any size.
const ALLOCATION_LIMIT: usize = 1 << 30;

impl Repo {
    /// The repository with a worktree that the environment names or that `dir` lies in; `None` when there is none.
    pub fn discover(dir: &Path, env: &GitEnv) -> Result<Option<Self>, GitError> {
        let Some(found) = found(dir, env)? else {
            return Ok(None);
        };
        let repository = open(&found, env)?.to_thread_local();
        let root = files(&repository, &found, dir, env)?;
        Self::build(repository, Some(root), dir, env).map(Some)
    }

    /// Like [`Self::discover`], for what needs no files on disk: also a bare repository, and from inside of the
    /// repository's own directory, where hooks of a server run.
    pub fn discover_any(dir: &Path, env: &GitEnv) -> Result<Option<Self>, GitError> {
        let Some(found) = found(dir, env)? else {
            return Ok(None);
        };
        let repository = open(&found, env)?.to_thread_local();
        let root = match files(&repository, &found, dir, env) {
            Ok(root) => Some(root),
            Err(
                GitError::Bare(_) | GitError::ForeignWorktree { .. } | GitError::Worktree { .. },
            ) => None,
            Err(error) => return Err(error),
        };
        Self::build(repository, root, dir, env).map(Some)
    }

    fn build(
        mut repository: gix::Repository,
        root: Option<PathBuf>,
        dir: &Path,
        env: &GitEnv,
    ) -> Result<Self, GitError> {
        let storage = repository.config_snapshot().string("extensions.refStorage");
        let storage = match storage.as_ref().map(|s| s.to_ascii_lowercase()).as_deref() {
            None | Some(b"files") => RefStorage::Files,
            Some(b"reftable") => RefStorage::Reftable,
            Some(other) => {
                let name = String::from_utf8_lossy(other).into_owned();
                return Err(GitError::RefStorage(name));
            }
        };
        // All references count, whatever a server shows.
        repository.clear_namespace();
        repository.object_cache_size_if_unset(0);
        let tip = match storage {
            RefStorage::Files => head(&repository),
            RefStorage::Reftable => {
                reftable::head(repository.git_dir(), repository.common_dir()).ok_or(None)
            }
        };
        let git_dir = absolute(repository.git_dir());
        let bare = root.is_none();
        let root = root.unwrap_or_else(|| git_dir.clone());
        let config = repository.config_snapshot();
        let excludes_file = match config.trusted_path("core.excludesFile") {
            Ok(Some(path)) => Some(root.join(path)),
            _ => env.default_excludes.clone(),
        };
        let ignore_case = config.boolean("core.ignoreCase").unwrap_or(false);
        let common_dir = absolute(repository.common_dir());
        let shallow = repository.is_shallow().unwrap_or(false);
        let hash = repository.object_hash();
        let more = env.alternate_object_directories.iter();
        let objects = Objects::new(
            repository.into_sync(),
            env.object_directory.as_ref().map(|path| dir.join(path)),
            more.map(|path| dir.join(path)).collect(),
            ALLOCATION_LIMIT,
        )
        .map_err(|error| GitError::Open {
            path: git_dir.clone(),
            reason: error.to_string(),
        })?;
        let head = match tip {
            Ok(Tip::Unborn) => Head::Unborn,
            Ok(Tip::Object(id)) => commit(&objects, id),
            Err(id) => Head::Broken(id),
        };
        Ok(Self {
            index_path: match &env.index_file {
                Some(path) => root.join(path),
                None => git_dir.join("index"),
            },
            common_dir,
            git_dir,
            excludes_file,
            ignore_case,
            head,
            shallow,
            hash,
            root,
            bare,
            storage,
            objects,
        })
    }

    /// Whether it was opened without a worktree.
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// Every directory in which objects are, in the order in which they are asked. Those that these name in their
    /// `info/alternates` are not among them.
    pub fn object_dirs(&self) -> Vec<PathBuf> {
        self.objects.dirs().to_vec()
    }

    /// The top of the worktree, without symbolic links in it; without a worktree the repository's own directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The repository's own directory (of this worktree) and the one that all its worktrees share.
    pub fn git_dirs(&self) -> [&Path; 2] {
        [&self.git_dir, &self.common_dir]
    }

    /// The index that is read, which the environment may name.
    pub fn index_path(&self) -> &Path {
        &self.index_path
    }

    /// What HEAD named when the repository was opened.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Whether history was cut off when cloning.
    pub fn shallow(&self) -> bool {
        self.shallow
    }

    /// The commits at which a shallow clone ends.
    pub(super) fn shallow_boundary(&self) -> HashSet<Oid> {
        let read = |handle: &super::objects::Handle| match handle.repository.shallow_commits() {
            Ok(Some(commits)) => commits.iter().copied().collect(),
            _ => HashSet::new(),
        };
        self.objects.with(read)
    }

    /// Whether names that differ only in case are the same file here (`core.ignoreCase`).
    pub fn ignore_case(&self) -> bool {
        self.ignore_case
    }

    /// Files with ignore rules for the whole repository, the weaker first: `core.excludesFile`, then `info/exclude`.
    pub fn exclude_files(&self) -> impl Iterator<Item = PathBuf> {
        self.excludes_file
            .clone()
            .into_iter()
            .chain([self.common_dir.join("info").join("exclude")])
    }

    /// The index as it is on disk now; empty when there is none.
    pub fn index(&self) -> Result<Index, GitError> {
        Index::read(self, &self.index_path, self.hash, ALLOCATION_LIMIT)
    }

    /// The index, to be compared with HEAD; empty when there is none.
    pub fn staged_index(&self) -> Result<StagedIndex, GitError> {
        // A pipe in place of the index would never answer.
        let regular = self.index_path.metadata().is_ok_and(|m| m.is_file());
        let file = regular.then(|| std::fs::File::open(&self.index_path));
        match file.transpose() {
            Ok(file) => StagedIndex::new(self, file),
            Err(error) => Err(self.index_error(&error.to_string())),
        }
    }

    pub(super) fn index_error(&self, reason: &str) -> GitError {
        GitError::Index {
            path: self.index_path.clone(),
            reason: reason.to_owned(),
        }
    }

    /// Kind of any object; `None` when it is missing or corrupt.
    pub fn object_kind(&self, id: &Oid) -> Option<ObjectKind> {
        self.objects.header(id).map(|(kind, _)| kind)
    }

    /// Follows annotated tags to what they name.
    pub fn peel(&self, id: &Oid) -> Peeled {
        self.objects.peel(id)
    }

    /// Any object whole; `None` when it is missing or corrupt.
    pub fn object(&self, id: &Oid) -> Option<(ObjectKind, Vec<u8>)> {
        self.objects.object(id)
    }

    /// Which hash makes the ids.
    pub fn hash(&self) -> gix::hash::Kind {
        self.hash
    }

    /// Whether a blob surely has no more than `limit` bytes; a cheap question, and only a yes tells something.
    pub fn is_surely_within(&self, id: &Oid, limit: u64) -> bool {
        self.objects.is_surely_within(id, limit)
    }

    /// Size of a blob in bytes; `None` when it is missing, corrupt or no blob.
    pub fn blob_size(&self, id: &Oid) -> Option<u64> {
        self.objects.blob_size(id)
    }

    /// The id that this repository gives to bytes as a file.
    pub fn blob_id(&self, bytes: &[u8]) -> Option<String> {
        super::objects::blob_id(self.hash, bytes)
    }

    /// Bytes of a blob by its id in hexadecimal.
    pub fn blob_named(&self, id: &str) -> Option<Vec<u8>> {
        self.blob(&Oid::from_hex(id.as_bytes()).ok()?)
    }

    /// Bytes of a blob; `None` when it is missing, corrupt or no blob.
    pub fn blob(&self, id: &Oid) -> Option<Vec<u8>> {
        self.objects.blob(id)
    }
}

/// Where a repository is.
pub(super) struct Found {
    /// What gix opens: a directory with `.git` in it, or the repository's directory itself.
    open: PathBuf,
    /// The directory that holds `.git`.
    worktree: Option<PathBuf>,
    /// Whether the environment named it.
    explicit: bool,
}

/// The repository that the environment names, else the one that `dir` lies in.
pub(super) fn found(dir: &Path, env: &GitEnv) -> Result<Option<Found>, GitError> {
    match &env.git_dir {
        Some(git_dir) => Ok(Some(Found {
            open: dir.join(git_dir),
            worktree: None,
            explicit: true,
        })),
        None => find(dir, env),
    }
}

fn find(dir: &Path, env: &GitEnv) -> Result<Option<Found>, GitError> {
    use gix::discover::{repository::Path as Place, upwards};
    let options = upwards::Options {
        trust: upwards::TrustPolicy::Assume(Trust::Full),
        cross_fs: env.across_filesystems,
        ..Default::default()
    };
    let place = match gix::discover::upwards_opts(dir, options) {
        Ok((place, _)) => place,
        Err(error) => {
            return match error.downcast_any_ref::<upwards::Error>() {
                Some(_) => Ok(None),
                None => Err(GitError::Open {
                    path: dir.to_owned(),
                    reason: error.to_string(),
                }),
            };
        }
    };
    let found = match place {
        Place::WorkTree(dir) | Place::LinkedWorkTree { work_dir: dir, .. } => Found {
            open: dir.clone(),
            worktree: Some(dir),
            explicit: false,
        },
        Place::Repository(git_dir) => Found {
            open: git_dir,
            worktree: None,
            explicit: false,
        },
    };
    Ok((!above_ceiling(dir, &found.open, &env.ceiling_directories)).then_some(found))
}

/// Git does not go up *into* a ceiling directory; gix would.
fn above_ceiling(dir: &Path, found: &Path, ceilings: &[PathBuf]) -> bool {
    let (dir, found) = (absolute(dir), absolute(found));
    ceilings
        .iter()
        .map(|ceiling| absolute(ceiling))
        .any(|ceiling| dir != ceiling && dir.starts_with(&ceiling) && ceiling.starts_with(&found))
}

pub(super) fn open(found: &Found, env: &GitEnv) -> Result<gix::ThreadSafeRepository, GitError> {
    let permissions = match env.user_config {
        true => gix::open::Permissions::all(),
        false => gix::open::Permissions::isolated(),
    };
    gix::open::Options::default()
        .permissions(permissions)
        .with(Trust::Full)
        .open_path_as_is(found.worktree.is_none())
        .config_overrides([
            "core.useReplaceRefs=false".to_owned(),
            format!("gitoxide.objects.allocLimit={ALLOCATION_LIMIT}"),
        ])
        .open(found.open.clone())
        .map_err(|error| GitError::Open {
            path: found.open.clone(),
            reason: error.to_string(),
        })
}

/// Where the worktree is; the order is git's.
pub(super) fn worktree(
    repository: &gix::Repository,
    found: &Found,
    dir: &Path,
    env: &GitEnv,
) -> Result<PathBuf, GitError> {
    if let Some(named) = &env.work_tree {
        return canonical(dir.join(named));
    }
    let config = repository.config_snapshot();
    let bare = config.boolean("core.bare").unwrap_or(false);
    let linked = found.worktree.is_some() && repository.git_dir() != repository.common_dir();
    if bare && !linked {
        return Err(GitError::Bare(found.open.clone()));
    }
    let named = match linked {
        true => None,
        false => config.string("core.worktree"),
    };
    let named = named
        .and_then(|path| super::disk_path(repository.git_dir(), &path))
        .map(canonical);
    match (named, &found.worktree) {
        (Some(named), None) if found.explicit => named,
        (None, None) if found.explicit => canonical(dir.to_owned()),
        (Some(named), Some(at)) => {
            let (named, at) = (named?, canonical(at.clone())?);
            if named == at {
                Ok(at)
            } else {
                Err(GitError::ForeignWorktree { named, found: at })
            }
        }
        (None, Some(at)) => canonical(at.clone()),
        // Found from inside the repository's own directory: that is no worktree.
        (_, None) => Err(GitError::Bare(found.open.clone())),
    }
}

/// Where the files of a repository are.
fn files(
    repository: &gix::Repository,
    found: &Found,
    dir: &Path,
    env: &GitEnv,
) -> Result<PathBuf, GitError> {
    let root = worktree(repository, found, dir, env)?;
    let git_dir = absolute(repository.git_dir());
    // Inside the repository's own directory, as in a hook of the server, there are no files to judge.
    if root.starts_with(&git_dir)
        || (env.work_tree.is_none() && absolute(dir).starts_with(&git_dir))
    {
        return Err(GitError::Bare(git_dir));
    }
    Ok(root)
}

/// Where HEAD leads; if that cannot be read, what is known of it.
fn head(repository: &gix::Repository) -> Result<Tip, Option<Oid>> {
    let mut head = repository.head().map_err(|_| None)?;
    if head.is_unborn() {
        return Ok(Tip::Unborn);
    }
    match head.id() {
        Some(id) => Ok(Tip::Object(id.detach())),
        None => match head.try_peel_to_id() {
            Ok(Some(id)) => Ok(Tip::Object(id.detach())),
            _ => Err(None),
        },
    }
}

fn commit(objects: &Objects, id: Oid) -> Head {
    // Nearly always the reference names the commit itself; peeling would open it a time more.
    let tree = match objects.object(&id) {
        Some((ObjectKind::Commit, bytes)) => super::commits::tree(&bytes),
        Some((ObjectKind::Tag, _)) => {
            let peeled = objects.peel(&id);
            if !peeled.tags.is_empty() && peeled.kind == Some(ObjectKind::Commit) {
                return commit(objects, peeled.id);
            }
            None
        }
        _ => None,
    };
    match tree {
        Some(tree) => Head::Commit { id, tree },
        None => Head::Broken(Some(id)),
    }
}

fn canonical(path: PathBuf) -> Result<PathBuf, GitError> {
    std::fs::canonicalize(&path).map_err(|reason| GitError::Worktree { path, reason })
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

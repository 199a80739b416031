//! Opens a source: finds the repository, lists its files, sets them beside the base view.
//!
//! Three lists in the same order are merged: the index, the untracked files, the base view. Inside a repository the view
//! is always the whole worktree, whatever was named. Outside, only what was named is walked, below the directory that holds
//! all of it, and files on the way there are listed too, because configuration stands there.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::base::CommitBase;
use super::disk::{self, DiskKind, Stat};
use super::paths::{self, Named};
use super::view::{DiskView, Given};
use super::walk::{Found, Walk};
use super::{BaseState, BaseView, Entry, FileKind, SourceError, View};
use crate::git::{BaseList, GitEnv, Head, Index, OidKind, Repo, flatten, is_repository};
use crate::model::{RepoPath, Repository};

/// An open source.
pub struct Opened {
    /// What is judged.
    pub view: Box<dyn View>,
    /// What it is compared with; `None` outside a repository.
    pub base: Option<Box<dyn BaseView>>,
    /// The repository, when there is one.
    pub repository: Option<Repository>,
    /// The top directory, which all paths are relative to; without symbolic links in it.
    pub root: PathBuf,
    /// The directory the user stands in, relative to the top; empty at the top or outside of it.
    pub prefix: RepoPath,
    /// Directories whose files are unknown, because they could not be listed.
    pub unreadable: Vec<(RepoPath, ErrorKind)>,
}

/// The files on disk around `dir`: the worktree of the repository that `dir` lies in, compared with HEAD; a plain
/// directory when there is none. `paths` (relative to `dir`, which must exist) select what is to be judged; none selects
/// everything, also when `dir` is not the top.
pub fn open_worktree(dir: &Path, paths: &[PathBuf], env: &GitEnv) -> Result<Opened, SourceError> {
    let dir = real_dir(dir)?;
    let places = paths
        .iter()
        .map(|path| paths::real(&dir, path))
        .collect::<Result<Vec<_>, _>>()?;
    let Some(repo) = Repo::discover(&dir, env)? else {
        return plain(&dir, paths, &places);
    };
    let mut named = Vec::with_capacity(places.len());
    for (place, shown) in places.iter().zip(paths) {
        named.push(inside(&repo, place, shown)?);
    }
    worktree(&dir, repo, Named::new(named), None)
}

/// One file as if it stood at `path` (relative to `dir`; it need not exist): alone selected, in front of the worktree
/// around it. Outside a repository it is the only file.
pub fn open_stdin(
    path: &Path,
    bytes: Vec<u8>,
    dir: &Path,
    env: &GitEnv,
) -> Result<Opened, SourceError> {
    let dir = real_dir(dir)?;
    let place = paths::would_be(&dir, path)?;
    if let Some(repo) = Repo::discover(&dir, env)? {
        let relative = inside(&repo, &place, path)?;
        let given = Given {
            path: RepoPath::new(relative),
            bytes,
        };
        return worktree(&dir, repo, Named::default(), Some(given));
    }
    let root = match (place.starts_with(&dir), place.parent()) {
        (false, Some(parent)) => parent.to_owned(),
        _ => dir.clone(),
    };
    let given = Given {
        path: RepoPath::new(paths::relative(&root, &place, path)?),
        bytes,
    };
    let mut view = DiskView {
        root: root.clone(),
        entries: Vec::new(),
        identities: Vec::new(),
        given: None,
    };
    put_given(&mut view, given, None);
    Ok(Opened {
        view: Box::new(view),
        base: None,
        repository: None,
        prefix: prefix(&root, &dir),
        root,
        unreadable: Vec::new(),
    })
}

pub(super) fn real_dir(dir: &Path) -> Result<PathBuf, SourceError> {
    dir.canonicalize().map_err(|reason| SourceError::Directory {
        path: dir.to_owned(),
        reason,
    })
}

pub(super) fn prefix(root: &Path, dir: &Path) -> RepoPath {
    RepoPath::new(paths::relative(root, dir, dir).unwrap_or_default())
}

/// A named path, which must be a file of this repository and of no other.
pub(super) fn inside(repo: &Repo, place: &Path, shown: &Path) -> Result<Vec<u8>, SourceError> {
    let in_git = |git_dir: &Path| git_dir.starts_with(repo.root()) && place.starts_with(git_dir);
    let in_git = repo.git_dirs().into_iter().any(in_git);
    let relative = paths::relative(repo.root(), place, shown)?;
    if in_git
        || relative
            .split(|b| *b == b'/')
            .any(|part| part.eq_ignore_ascii_case(b".git"))
    {
        return Err(SourceError::GitDirectory(shown.to_owned()));
    }
    let within = place.ancestors().take_while(|at| *at != repo.root());
    let is_dir = |at: &Path| at.symlink_metadata().is_ok_and(|m| m.is_dir());
    if within
        .into_iter()
        .any(|at| is_dir(at) && is_repository(&at.join(".git")))
    {
        return Err(SourceError::OtherRepository(shown.to_owned()));
    }
    Ok(relative)
}

fn worktree(
    dir: &Path,
    repo: Repo,
    named: Named,
    given: Option<Given>,
) -> Result<Opened, SourceError> {
    let repo = Arc::new(repo);
    let index = repo.index()?;
    let walk = Walk {
        root: repo.root(),
        repository: Some((&repo, &index)),
        named: &named,
        only_named: false,
    };
    let (mut found, list) = rayon::join(|| walk.run(), || base(&repo, &index));
    find_the_rest(&repo, &index, &mut found);
    let (mut view, removed) = merge(&repo, &index, &found, &list, &named);
    let base = CommitBase {
        repo: Arc::clone(&repo),
        list,
        removed,
    };
    if let Some(given) = given {
        view.entries
            .iter_mut()
            .for_each(|entry| entry.selected = false);
        put_given(&mut view, given, Some((&index, &base.list)));
    }
    let root = repo.root().to_owned();
    Ok(Opened {
        view: Box::new(view),
        base: Some(Box::new(base)),
        repository: Some(describe(&repo)),
        prefix: prefix(&root, dir),
        root,
        unreadable: in_order(found.unreadable),
    })
}

pub(super) fn describe(repo: &Repo) -> Repository {
    let head = match repo.head() {
        Head::Unborn => None,
        Head::Commit { id, .. } => Some(id.to_string()),
        Head::Broken(id) => id.map(|id| id.to_string()),
    };
    Repository {
        base: head.clone(),
        head,
        shallow: repo.shallow(),
    }
}

fn base(repo: &Repo, index: &Index) -> BaseList {
    match repo.head() {
        Head::Unborn => BaseList::default(),
        Head::Commit { tree, .. } => flatten(repo, *tree, index),
        Head::Broken(_) => BaseList::broken(),
    }
}

/// Entries of the index that the walk did not meet: deleted, or spelt differently where the file system does not tell
/// spellings apart, or in a directory that could not be listed.
fn find_the_rest(repo: &Repo, index: &Index, found: &mut Found) {
    found.tracked.sort_unstable_by_key(|(at, _)| *at);
    found.untracked.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut seen = found.tracked.iter().map(|(at, _)| *at).peekable();
    let mut late = Vec::new();
    for at in 0..index.len() {
        if seen.next_if_eq(&at).is_some() || (at > 0 && index.path(at) == index.path(at - 1)) {
            continue;
        }
        let entry = index.entry(at);
        if !entry.skip_worktree
            && entry.kind != OidKind::Tree
            && let Some(stat) = disk::look(repo.root(), entry.path)
        {
            late.push((at, stat));
        }
    }
    if late.is_empty() {
        return;
    }
    if repo.ignore_case() {
        let spelt: std::collections::HashSet<Vec<u8>> = late
            .iter()
            .map(|(at, _)| index.path(*at).to_ascii_lowercase())
            .collect();
        found
            .untracked
            .retain(|(path, _)| !spelt.contains(&path.to_ascii_lowercase()));
    }
    found.tracked.append(&mut late);
    found.tracked.sort_unstable_by_key(|(at, _)| *at);
}

/// One list from index, untracked files and base; and what the base has beyond it.
fn merge(
    repo: &Repo,
    index: &Index,
    found: &Found,
    base: &BaseList,
    named: &Named,
) -> (DiskView, Vec<RepoPath>) {
    let count = found.tracked.len() + found.untracked.len();
    let mut merger = Merger {
        index,
        base,
        at: 0,
        removed: Vec::new(),
    };
    let mut entries = Vec::with_capacity(count);
    let mut identities = Vec::with_capacity(count);
    let mut untracked = found
        .untracked
        .iter()
        .map(|(path, stat)| (path.as_slice(), None, stat))
        .peekable();
    let mut tracked = found
        .tracked
        .iter()
        .map(|(at, stat)| (index.path(*at), Some(*at), stat))
        .peekable();
    loop {
        let next = match (tracked.peek(), untracked.peek()) {
            (Some(a), Some(b)) if b.0 < a.0 => untracked.next(),
            (Some(_), _) => tracked.next(),
            (None, _) => untracked.next(),
        };
        let Some((path, at, stat)) = next else { break };
        let Some(kind) = file_kind(index, at, stat) else {
            continue;
        };
        entries.push(Entry {
            path: RepoPath::new(path),
            kind,
            tracked: at.is_some(),
            selected: named.selects(path),
            touched: true,
            stage: 0,
            base: merger.state(path, at, stat),
            size: (kind == FileKind::Regular && stat.kind == DiskKind::File)
                .then_some(stat.stamp.size),
        });
        identities.push(stat.identity);
    }
    merger.skip_to(None);
    let removed = merger.removed;
    (
        DiskView {
            root: repo.root().to_owned(),
            entries,
            identities,
            given: None,
        },
        removed,
    )
}

/// What the view shows for what stands on disk; `None` for what is no file.
fn file_kind(index: &Index, at: Option<usize>, stat: &Stat) -> Option<FileKind> {
    let indexed = at.map(|at| index.entry(at).kind);
    match stat.kind {
        DiskKind::File => Some(FileKind::Regular),
        DiskKind::Link => Some(FileKind::Symlink),
        DiskKind::Dir => (indexed == Some(OidKind::Submodule)).then_some(FileKind::Submodule),
        DiskKind::Hidden if indexed == Some(OidKind::Submodule) => Some(FileKind::Submodule),
        DiskKind::Hidden => Some(FileKind::Regular),
        DiskKind::Other => None,
    }
}

/// Walks the base view beside the files of the view.
struct Merger<'a> {
    index: &'a Index,
    base: &'a BaseList,
    at: usize,
    removed: Vec<RepoPath>,
}

impl Merger<'_> {
    /// Passes what comes before `path`: the view does not have it.
    fn skip_to(&mut self, path: Option<&[u8]>) {
        while let Some(item) = self
            .base
            .get(self.at)
            .filter(|item| path.is_none_or(|path| item.path < path))
        {
            self.at += 1;
            if item.kind != OidKind::Submodule && !self.is_left_out(item.path) {
                self.removed.push(RepoPath::new(item.path));
            }
        }
    }

    fn state(&mut self, path: &[u8], at: Option<usize>, stat: &Stat) -> BaseState {
        self.skip_to(Some(path));
        let Some(item) = self.base.get(self.at).filter(|item| item.path == path) else {
            return if self.base.is_unknown(path) {
                BaseState::Maybe
            } else {
                BaseState::Absent
            };
        };
        self.at += 1;
        let Some(entry) = at.map(|at| self.index.entry(at)) else {
            return BaseState::Maybe;
        };
        let expected = match entry.kind {
            OidKind::Link => DiskKind::Link,
            OidKind::Submodule => DiskKind::Dir,
            _ => DiskKind::File,
        };
        let same = entry.stage == 0
            && !entry.intent_to_add
            && entry.kind == item.kind
            && entry.id == item.id
            && stat.kind == expected
            && (entry.kind == OidKind::Submodule || self.index.is_unchanged(&entry, &stat.stamp));
        if same {
            BaseState::Same
        } else {
            BaseState::Maybe
        }
    }

    /// Whether a sparse checkout leaves `path` out.
    fn is_left_out(&self, path: &[u8]) -> bool {
        let all = 0..self.index.len();
        if let Some(at) = self.index.find(path, all.clone()) {
            return self.index.entry(at).skip_worktree;
        }
        let mut slashes = path.iter().enumerate().filter(|(_, b)| **b == b'/');
        slashes.any(|(at, _)| self.index.find(&path[..=at], all.clone()).is_some())
    }
}

/// Puts the file from standard input into the view.
fn put_given(view: &mut DiskView, given: Given, around: Option<(&Index, &BaseList)>) {
    let path = given.path.as_bytes();
    let base = match around {
        None => BaseState::NoBase,
        Some((_, list)) if list.find(path).is_some() || list.is_unknown(path) => BaseState::Maybe,
        Some(_) => BaseState::Absent,
    };
    let entry = Entry {
        path: given.path.clone(),
        kind: FileKind::Regular,
        tracked: around.is_some_and(|(index, _)| index.find(path, 0..index.len()).is_some()),
        selected: true,
        touched: true,
        stage: 0,
        base,
        size: Some(given.bytes.len() as u64),
    };
    match view
        .entries
        .binary_search_by(|other| other.path.cmp(&given.path))
    {
        Ok(at) => view.entries[at] = entry,
        Err(at) => {
            view.entries.insert(at, entry);
            view.identities.insert(at, (0, 0));
        }
    }
    view.given = Some(given);
}

fn in_order(unreadable: Vec<(Vec<u8>, ErrorKind)>) -> Vec<(RepoPath, ErrorKind)> {
    let strip = |path: Vec<u8>| RepoPath::new(path.strip_suffix(b"/").unwrap_or(&path));
    let mut list: Vec<_> = unreadable
        .into_iter()
        .map(|(path, kind)| (strip(path), kind))
        .collect();
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list
}

/// Files outside any repository.
fn plain(dir: &Path, shown: &[PathBuf], places: &[PathBuf]) -> Result<Opened, SourceError> {
    let root = match places.iter().all(|place| place.starts_with(dir)) {
        true => dir.to_owned(),
        false => around(places).unwrap_or_else(|| dir.to_owned()),
    };
    std::fs::read_dir(&root).map_err(|reason| SourceError::Directory {
        path: root.clone(),
        reason,
    })?;
    let named = places
        .iter()
        .zip(shown)
        .map(|(place, shown)| paths::relative(&root, place, shown));
    let named = Named::new(named.collect::<Result<Vec<_>, _>>()?);
    let mut found = Walk {
        root: &root,
        repository: None,
        named: &named,
        only_named: !named.is_empty(),
    }
    .run();
    found.untracked.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut view = DiskView {
        root: root.clone(),
        entries: Vec::new(),
        identities: Vec::new(),
        given: None,
    };
    for (path, stat) in &found.untracked {
        let kind = if stat.kind == DiskKind::Link {
            FileKind::Symlink
        } else {
            FileKind::Regular
        };
        view.entries.push(Entry {
            selected: named.selects(path),
            touched: true,
            stage: 0,
            path: RepoPath::new(path.as_slice()),
            kind,
            tracked: false,
            base: BaseState::NoBase,
            size: (stat.kind == DiskKind::File).then_some(stat.stamp.size),
        });
        view.identities.push(stat.identity);
    }
    Ok(Opened {
        view: Box::new(view),
        base: None,
        repository: None,
        prefix: prefix(&root, dir),
        root,
        unreadable: in_order(found.unreadable),
    })
}

/// The directory that holds all of `places`.
fn around(places: &[PathBuf]) -> Option<PathBuf> {
    let mut root = match places {
        [only] if only.symlink_metadata().is_ok_and(|m| m.is_dir()) => only.clone(),
        [first, ..] => first.parent()?.to_owned(),
        [] => return None,
    };
    while !places.iter().all(|place| place.starts_with(&root)) {
        root = root.parent()?.to_owned();
    }
    Some(root)
}

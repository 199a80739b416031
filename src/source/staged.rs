//! The index as a [`View`], compared with HEAD: what `git commit` would record.
//!
//! Bytes come from the object database, never from the disk, with two exceptions that the user must be told of: a config
//! that was never added, where the index has none for a file, and files that were named but are not staged (a hook manager
//! that checks all files). Only changed files are selected, unless a config or a settings file is among them: a rule that
//! changes can change the verdict on every file. The list of all files is made only when somebody asks for it.

use std::collections::{BTreeSet, HashSet};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::disk::{self, DiskKind};
use super::open::{describe, inside, prefix, real_dir};
use super::paths::{self, Named};
use super::{BaseState, BaseView, Entry, FileKind, Known, Opened, ReadError, SourceError, View};
use crate::git::{self, Before, Changes, GitEnv, Oid, OidKind, Repo, StagedIndex};
use crate::model::RepoPath;

/// What becomes of paths that are named and have nothing staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unstaged {
    /// They are left alone: the paths only narrow what is judged.
    Leave,
    /// They are judged as they are on disk, and a config or settings file that changes makes everything judged.
    FromDisk,
}

/// File names whose change makes the whole index judged.
pub struct Steering<'n> {
    /// Configs, wherever they stand.
    pub anywhere: &'n [&'n [u8]],
    /// Settings, at the top.
    pub at_the_top: &'n [&'n str],
}

impl Steering<'_> {
    /// Whether a path is one of them.
    pub fn names(&self, path: &[u8]) -> bool {
        let name = memchr::memrchr(b'/', path).map_or(path, |at| &path[at + 1..]);
        let top = || self.at_the_top.iter().any(|top| top.as_bytes() == path);
        self.anywhere.contains(&name) || top()
    }
}

/// What a commit would record, for the repository that `dir` lies in. `paths` (relative to `dir`) narrow it; none stands for
/// everything, also when `dir` is not the top.
pub fn open_staged(
    dir: &Path,
    paths: &[PathBuf],
    env: &GitEnv,
    unstaged: Unstaged,
    steering: &Steering<'_>,
) -> Result<Opened, SourceError> {
    let dir = real_dir(dir)?;
    let repo = Repo::discover(&dir, env)?.ok_or_else(|| SourceError::NoRepository(dir.clone()))?;
    let index = repo.staged_index()?;
    let changes = index.changes(&repo);
    let mut named = Vec::with_capacity(paths.len());
    for path in paths {
        let place = paths::would_be(&dir, path)?;
        let relative = match paths::relative(repo.root(), &place, path) {
            // A submodule is a directory of another repository, and yet an entry of this one.
            Ok(bytes) if index.find(&bytes).is_some() => bytes,
            _ => inside(&repo, &place, path)?,
        };
        let known = || {
            let mut below = relative.clone();
            below.push(b'/');
            relative.is_empty()
                || index.find(&relative).is_some()
                || !index.below(&below).is_empty()
                || (changes.removed.iter()).any(|r| r.0 == relative || r.0.starts_with(&below))
        };
        if !known() && place.symlink_metadata().is_err() {
            return Err(SourceError::NoSuchPath(path.clone()));
        }
        named.push(relative);
    }
    let root = repo.root().to_owned();
    let repository = describe(&repo);
    let shared = Arc::new(Shared {
        repo,
        index,
        changes,
    });
    let view = StagedView::new(Arc::clone(&shared), Named::new(named), unstaged, steering);
    let removed = (shared.changes.removed.iter())
        .filter(|(_, _, kind)| *kind != OidKind::Submodule)
        .map(|(path, ..)| RepoPath::new(path.as_slice()))
        .collect();
    let lost = (shared.changes.lost.iter()).map(|dir| {
        let path = dir.strip_suffix(b"/").unwrap_or(dir);
        (RepoPath::new(path), std::io::ErrorKind::InvalidData)
    });
    let lost = lost.collect();
    Ok(Opened {
        view: Box::new(view),
        base: Some(Box::new(StagedBase { shared, removed })),
        repository: Some(repository),
        prefix: prefix(&root, &dir),
        root,
        unreadable: lost,
    })
}

struct Shared {
    repo: Repo,
    index: StagedIndex,
    changes: Changes,
}

impl Shared {
    fn change(&self, path: &[u8]) -> Option<&git::Change> {
        let all = &self.changes.changed;
        let at = all.partition_point(|c| c.path.as_slice() < path);
        all.get(at).filter(|c| c.path == path)
    }

    /// The entry that a commit would record at a path; of a conflict, "ours".
    fn recorded(&self, path: &[u8]) -> Option<usize> {
        let first = self.index.find(path)?;
        let same = (first..self.index.len())
            .take_while(|at| self.index.path(*at) == path)
            .filter(|at| !self.index.intent_to_add(*at));
        same.min_by_key(|at| match self.index.stage(*at) {
            0 => 0,
            2 => 1,
            3 => 2,
            _ => 3,
        })
    }

    fn known(&self, path: &[u8]) -> Option<Known> {
        // A sparse directory hides its files from the index, not from the changes.
        let kind = match self.change(path) {
            Some(change) => change.kind,
            None => self.index.kind(self.recorded(path)?),
        };
        Some(Known {
            kind: file_kind(kind)?,
            tracked: true,
            selected: false,
            base: self.base_state(path),
        })
    }

    fn base_state(&self, path: &[u8]) -> BaseState {
        match self.change(path).map(|c| c.before) {
            None => BaseState::Same,
            Some(Before::Absent) => BaseState::Absent,
            Some(Before::Had(..) | Before::Unknown) => BaseState::Maybe,
        }
    }

    fn object(&self, path: &[u8]) -> Option<Oid> {
        if let Some(at) = self.recorded(path) {
            return Some(self.index.id(at));
        }
        self.change(path).map(|c| c.id)
    }
}

fn file_kind(kind: OidKind) -> Option<FileKind> {
    match kind {
        OidKind::Blob | OidKind::Executable => Some(FileKind::Regular),
        OidKind::Link => Some(FileKind::Symlink),
        OidKind::Submodule => Some(FileKind::Submodule),
        OidKind::Tree => None,
    }
}

struct StagedView {
    shared: Arc<Shared>,
    /// What is judged, in order; a conflict once for each of its stages.
    selected: Vec<Entry>,
    /// Files that are read from the disk, in order.
    from_disk: BTreeSet<RepoPath>,
    /// Configs that were never added and govern files for which the index has none.
    untracked_configs: BTreeSet<RepoPath>,
    /// Whether the whole index is judged.
    whole: bool,
    /// What narrows the whole index.
    named: Named,
    all: OnceLock<Vec<Entry>>,
}

impl StagedView {
    fn new(shared: Arc<Shared>, named: Named, unstaged: Unstaged, steering: &Steering<'_>) -> Self {
        let mut selected: Vec<Entry> = (shared.changes.changed.iter())
            .filter(|change| named.selects(&change.path))
            .filter_map(|change| entry_of_change(&shared, change))
            .collect();
        let mut from_disk = BTreeSet::new();
        if unstaged == Unstaged::FromDisk && !named.is_empty() {
            for path in unstaged_files(&shared, &named) {
                if let Some(entry) = entry_on_disk(&shared, &path) {
                    selected.push(entry);
                    from_disk.insert(path);
                }
            }
        }
        let touched = (shared.changes.changed.iter().map(|c| &c.path))
            .chain(shared.changes.removed.iter().map(|r| &r.0));
        let whole = touched.map(Vec::as_slice).any(|path| steering.names(path));
        selected.iter_mut().for_each(|e| e.selected = true);
        selected.sort_by(|a, b| (&a.path, a.stage).cmp(&(&b.path, b.stage)));
        let mut view = Self {
            shared,
            selected,
            from_disk,
            untracked_configs: BTreeSet::new(),
            whole: false,
            // A hook manager names the staged files that exist, and means the commit.
            named: match unstaged {
                Unstaged::FromDisk => Named::default(),
                Unstaged::Leave => named,
            },
            all: OnceLock::new(),
        };
        if whole {
            view.select_all();
        }
        for name in steering.anywhere {
            view.find_untracked(name);
        }
        view
    }

    /// Selects the whole index.
    fn select_all(&mut self) {
        if std::mem::replace(&mut self.whole, true) {
            return;
        }
        let have: HashSet<RepoPath> = self.selected.iter().map(|e| e.path.clone()).collect();
        let rest = all_entries(&self.shared)
            .filter(|e| !have.contains(&e.path) && self.named.selects(e.path.as_bytes()));
        let mut rest: Vec<Entry> = rest.collect();
        rest.iter_mut().for_each(|e| e.selected = true);
        self.selected.append(&mut rest);
        self.selected
            .sort_by(|a, b| (&a.path, a.stage).cmp(&(&b.path, b.stage)));
        self.all = OnceLock::new();
    }

    /// Looks on disk for a config above each selected file that has none in the index.
    fn find_untracked(&mut self, name: &[u8]) {
        let mut seen: HashSet<Vec<u8>> = HashSet::new();
        for entry in &self.selected {
            let dirs: Vec<&[u8]> = above(entry.path.parent()).collect();
            if !seen.insert(entry.path.parent().to_vec()) {
                continue;
            }
            let governed = |dir: &&&[u8]| self.shared.recorded(&join(dir, name)).is_some();
            if dirs.iter().any(|dir| governed(&dir)) {
                continue;
            }
            let found = dirs.iter().map(|dir| join(dir, name)).find(|path| {
                disk::look(self.shared.repo.root(), path)
                    .is_some_and(|stat| stat.kind == DiskKind::File)
            });
            self.untracked_configs.extend(found.map(RepoPath::new));
        }
    }

    fn is_on_disk(&self, path: &RepoPath) -> bool {
        self.from_disk.contains(path) || self.untracked_configs.contains(path)
    }

    fn read_disk(&self, path: &RepoPath, limit: u64) -> Result<Vec<u8>, ReadError> {
        let root = self.shared.repo.root();
        let stat = disk::look(root, path.as_bytes()).ok_or(ReadError::Missing)?;
        let on_disk = git::disk_path(root, path.as_bytes()).ok_or(ReadError::Missing)?;
        match stat.kind {
            DiskKind::File => disk::read(&on_disk, stat.identity, limit),
            DiskKind::Link => disk::read_link(&on_disk),
            _ => Err(ReadError::Missing),
        }
    }

    fn blob(&self, id: &Oid, limit: u64) -> Result<Vec<u8>, ReadError> {
        let repo = &self.shared.repo;
        if repo.is_surely_within(id, limit) {
            return repo.blob(id).ok_or(ReadError::Object);
        }
        // The header tells the size before anything is inflated.
        match repo.blob_size(id) {
            Some(size) if size > limit => Err(ReadError::TooLarge(size)),
            Some(_) => repo.blob(id).ok_or(ReadError::Object),
            None => Err(ReadError::Object),
        }
    }
}

/// A directory and those above it, the nearest first, down to the empty one of the top.
fn above(dir: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(dir), |dir| match memchr::memrchr(b'/', dir) {
        Some(at) => Some(&dir[..at]),
        None => (!dir.is_empty()).then_some(b"".as_slice()),
    })
}

fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    match dir {
        b"" => name.to_vec(),
        _ => [dir, b"/", name].concat(),
    }
}

fn is_called(path: &[u8], name: &[u8]) -> bool {
    path.strip_suffix(name)
        .is_some_and(|dir| dir.is_empty() || dir.ends_with(b"/"))
}

fn entry_of_change(shared: &Shared, change: &git::Change) -> Option<Entry> {
    Some(Entry {
        path: RepoPath::new(change.path.as_slice()),
        kind: file_kind(change.kind)?,
        tracked: true,
        selected: false,
        touched: true,
        stage: change.stage,
        base: shared.base_state(&change.path),
        size: None,
    })
}

fn all_entries(shared: &Shared) -> impl Iterator<Item = Entry> {
    (0..shared.index.len()).filter_map(move |at| {
        let index = &shared.index;
        let path = index.path(at);
        let first = at == 0 || index.path(at - 1) != path;
        if index.intent_to_add(at) || !first {
            return None;
        }
        Some(Entry {
            path: RepoPath::new(path),
            kind: file_kind(index.kind(at))?,
            tracked: true,
            selected: false,
            touched: shared.change(path).is_some(),
            stage: 0,
            base: shared.base_state(path),
            size: None,
        })
    })
}

/// Tracked files that were named and have nothing staged.
fn unstaged_files(shared: &Shared, named: &Named) -> Vec<RepoPath> {
    let index = &shared.index;
    let mut files = Vec::new();
    for at in 0..index.len() {
        let path = index.path(at);
        let other = shared.change(path).is_some() || index.kind(at) == OidKind::Submodule;
        if !other && named.selects(path) {
            files.push(RepoPath::new(path));
        }
    }
    // A framework can name what Git does not know yet.
    for path in named.exact().filter(|path| index.find(path).is_none()) {
        files.push(RepoPath::new(path));
    }
    files
}

fn entry_on_disk(shared: &Shared, path: &RepoPath) -> Option<Entry> {
    let stat = disk::look(shared.repo.root(), path.as_bytes())?;
    let tracked = shared.recorded(path.as_bytes()).is_some();
    Some(Entry {
        path: path.clone(),
        kind: match stat.kind {
            DiskKind::File => FileKind::Regular,
            DiskKind::Link => FileKind::Symlink,
            _ => return None,
        },
        tracked,
        selected: true,
        touched: true,
        stage: 0,
        base: if tracked {
            BaseState::Maybe
        } else {
            BaseState::Absent
        },
        size: None,
    })
}

impl View for StagedView {
    fn entries(&self) -> &[Entry] {
        self.all.get_or_init(|| {
            let mut all: Vec<Entry> = self.selected.clone();
            let have: HashSet<&RepoPath> = self.selected.iter().map(|e| &e.path).collect();
            all.extend(all_entries(&self.shared).filter(|e| !have.contains(&e.path)));
            all.sort_by(|a, b| (&a.path, a.stage).cmp(&(&b.path, b.stage)));
            all
        })
    }

    fn selected(&self) -> Vec<&Entry> {
        self.selected.iter().collect()
    }

    fn widen(&mut self) {
        self.select_all();
    }

    fn is_whole(&self) -> bool {
        self.whole && self.named.is_empty()
    }

    fn find(&self, path: &RepoPath) -> Option<Known> {
        let at = self.selected.partition_point(|e| e.path < *path);
        match self.selected.get(at).filter(|e| e.path == *path) {
            Some(entry) => Some(entry.known()),
            None => self.shared.known(path.as_bytes()),
        }
    }

    fn called(&self, name: &[u8]) -> Vec<(RepoPath, Known)> {
        let index = &self.shared.index;
        let mut paths: BTreeSet<RepoPath> = BTreeSet::new();
        if self.whole {
            let all = (0..index.len()).map(|at| index.path(at));
            paths.extend(all.filter(|path| is_called(path, name)).map(RepoPath::new));
        }
        let changed = self.shared.changes.changed.iter();
        paths.extend(
            changed
                .filter(|c| is_called(&c.path, name))
                .map(|c| RepoPath::new(c.path.as_slice())),
        );
        let mut dirs: HashSet<&[u8]> = HashSet::new();
        for entry in &self.selected {
            // Once a directory was seen, all above it were.
            let new = above(entry.path.parent()).take_while(|dir| dirs.insert(dir));
            paths.extend(new.map(|dir| RepoPath::new(join(dir, name))));
        }
        let mut found: Vec<(RepoPath, Known)> = paths
            .into_iter()
            .filter_map(|path| self.find(&path).map(|known| (path, known)))
            .collect();
        let ends = |path: &[u8]| is_called(path, name);
        for path in (self.untracked_configs.iter()).filter(|p| ends(p.as_bytes())) {
            let known = Known {
                kind: FileKind::Regular,
                tracked: false,
                selected: true,
                base: BaseState::Absent,
            };
            found.push((path.clone(), known));
        }
        found
    }

    fn neighbours(&self) -> Vec<&[u8]> {
        let index = &self.shared.index;
        let dirs: BTreeSet<&[u8]> = self.selected.iter().map(|e| e.path.parent()).collect();
        let mut paths: Vec<&[u8]> = self.selected.iter().map(|e| e.path.as_bytes()).collect();
        for dir in dirs {
            let prefix = if dir.is_empty() {
                Vec::new()
            } else {
                join(dir, b"")
            };
            let range = index.below(&prefix);
            let mut at = range.start;
            while at < range.end {
                let path = index.path(at);
                at = match memchr::memchr(b'/', &path[prefix.len()..]) {
                    // Over the whole directory at once.
                    Some(slash) => index.below(&path[..=prefix.len() + slash]).end.max(at + 1),
                    None => {
                        paths.push(path);
                        at + 1
                    }
                };
            }
        }
        paths
    }

    fn read_entry(&self, entry: &Entry, limit: u64) -> Result<Vec<u8>, ReadError> {
        if entry.stage == 0 {
            return self.read_limited(&entry.path, limit);
        }
        let stage = (self.shared.changes.changed.iter())
            .find(|c| c.path == entry.path.as_bytes() && c.stage == entry.stage);
        self.blob(&stage.ok_or(ReadError::Missing)?.id, limit)
    }

    fn read_limited(&self, path: &RepoPath, limit: u64) -> Result<Vec<u8>, ReadError> {
        if self.is_on_disk(path) {
            return self.read_disk(path, limit);
        }
        let id = self
            .shared
            .object(path.as_bytes())
            .ok_or(ReadError::Missing)?;
        self.blob(&id, limit)
    }

    fn open_stream(&self, path: &RepoPath) -> Result<Box<dyn Read>, ReadError> {
        if self.is_on_disk(path) {
            return Ok(Box::new(Cursor::new(self.read_disk(path, u64::MAX)?)));
        }
        // Git stores a blob whole or as a difference: there is no stream to be had.
        Ok(Box::new(Cursor::new(self.read_limited(path, u64::MAX)?)))
    }

    fn disk_copy(&self, path: &RepoPath, limit: u64) -> Option<Vec<u8>> {
        let stat = disk::look(self.shared.repo.root(), path.as_bytes())?;
        (stat.kind == DiskKind::File)
            .then(|| self.read_disk(path, limit).ok())
            .flatten()
    }

    fn object(&self, entry: &Entry) -> Option<String> {
        if self.is_on_disk(&entry.path) {
            return None;
        }
        let id = match entry.stage {
            0 => self.shared.object(entry.path.as_bytes())?,
            stage => {
                let all = &self.shared.changes.changed;
                let found = all
                    .iter()
                    .find(|c| c.path == entry.path.as_bytes() && c.stage == stage);
                found?.id
            }
        };
        Some(id.to_string())
    }
}

struct StagedBase {
    shared: Arc<Shared>,
    removed: Vec<RepoPath>,
}

impl StagedBase {
    fn object(&self, path: &[u8]) -> Result<Option<Oid>, ReadError> {
        let shared = &*self.shared;
        let file = |(id, kind): (Oid, OidKind)| file_kind(kind).map(|_| id);
        match shared.change(path).map(|c| c.before) {
            Some(Before::Absent) => return Ok(None),
            Some(Before::Had(_, OidKind::Submodule)) => return Ok(None),
            Some(Before::Had(id, kind)) => return Ok(file((id, kind))),
            Some(Before::Unknown) => return Err(ReadError::Object),
            None => {}
        }
        let removed = &shared.changes.removed;
        if let Ok(at) = removed.binary_search_by(|r| r.0.as_slice().cmp(path)) {
            let (_, id, kind) = removed[at];
            return Ok((kind != OidKind::Submodule).then_some(id));
        }
        if let Some(at) = shared.recorded(path) {
            let kind = shared.index.kind(at);
            return Ok((kind != OidKind::Submodule).then(|| shared.index.id(at)));
        }
        let lost = (shared.changes.unreadable.iter()).any(|dir| path.starts_with(dir));
        if lost {
            Err(ReadError::Object)
        } else {
            Ok(None)
        }
    }
}

impl BaseView for StagedBase {
    fn read(&self, path: &RepoPath) -> Result<Option<Vec<u8>>, ReadError> {
        match self.object(path.as_bytes())? {
            Some(id) => self
                .shared
                .repo
                .blob(&id)
                .map(Some)
                .ok_or(ReadError::Object),
            None => Ok(None),
        }
    }

    fn blob_id(&self, bytes: &[u8]) -> Option<String> {
        self.shared.repo.blob_id(bytes)
    }

    fn blob(&self, id: &str) -> Option<Vec<u8>> {
        self.shared.repo.blob_named(id)
    }

    fn removed(&self) -> &[RepoPath] {
        &self.removed
    }

    fn called(&self, name: &[u8]) -> Vec<RepoPath> {
        let index = &self.shared.index;
        let mut found: Vec<RepoPath> = (0..index.len())
            .map(|at| index.path(at))
            .filter(|path| is_called(path, name))
            .map(RepoPath::new)
            .filter(|path| matches!(self.object(path.as_bytes()), Ok(Some(_))))
            .chain(
                (self.removed.iter())
                    .filter(|p| p.file_name() == name)
                    .cloned(),
            )
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn paths(&self) -> Vec<RepoPath> {
        let index = &self.shared.index;
        let mut paths: Vec<RepoPath> = (0..index.len())
            .filter(|at| index.kind(*at) != OidKind::Submodule)
            .map(|at| RepoPath::new(index.path(at)))
            .filter(|path| matches!(self.object(path.as_bytes()), Ok(Some(_))))
            .chain(self.removed.iter().cloned())
            .collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

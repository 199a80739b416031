//! The tree of a commit as a [`View`] or [`BaseView`], read only where somebody asks.
//!
//! A scan of history opens thousands of these, each for a handful of files: nothing is listed that nobody needs, and trees
//! that were read are kept for the next one. What a commit is compared with can be several trees (the parents of a merge); a
//! file counts as changed only if none of them has it so.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{BaseState, BaseView, Entry, FileKind, Known, ReadError, View};
use crate::git::{Oid, OidKind, Repo, TreeEntry};
use crate::model::RepoPath;

/// Entries of trees that are kept.
const KEPT: usize = 1_500_000;
/// Longer paths can be checked out nowhere, and make work that grows with their square.
const MAX_PATH: usize = 4096;
/// More changed files than this are no commit but a trap.
const MAX_CHANGES: usize = 4_000_000;
/// More directories in which trees differ are one, too: a few small trees can name each other to no end.
const MAX_DIRS: usize = 300_000;

/// A tree that was read; `None` where it cannot be.
type ReadTree = Option<Arc<Vec<TreeEntry>>>;

/// The trees of a repository.
pub struct Trees {
    repo: Arc<Repo>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    trees: HashMap<Oid, ReadTree>,
    entries: usize,
}

/// An object that could not be read.
#[derive(Clone, Copy, Debug)]
pub struct Lost;

/// How a tree differs from others.
#[derive(Debug, Default)]
pub struct Difference {
    /// Files that none of the others has so, in order of paths; no submodules.
    pub changed: Vec<(RepoPath, Oid, FileKind)>,
    /// Files of the first of the others that are gone, in order.
    pub removed: Vec<RepoPath>,
    /// Directories that could not be read, with a slash at the end; empty for the top.
    pub unreadable: Vec<Vec<u8>>,
}

impl Trees {
    /// The trees of a repository.
    pub fn new(repo: Arc<Repo>) -> Self {
        Self {
            repo,
            kept: Mutex::default(),
        }
    }

    /// The repository.
    pub fn repo(&self) -> &Arc<Repo> {
        &self.repo
    }

    fn read(&self, id: &Oid) -> ReadTree {
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().trees.get(id) {
            return known.clone();
        }
        let read = match *id == Oid::empty_tree(id.kind()) {
            true => Some(Arc::default()),
            false => self.repo.tree(id).map(Arc::new),
        };
        let mut kept = lock();
        let more = read.as_ref().map_or(1, |tree| tree.len() + 1);
        if kept.entries + more > KEPT {
            *kept = Kept::default();
        }
        kept.entries += more;
        kept.trees.insert(*id, read.clone());
        read
    }

    /// What stands at a path below a tree.
    pub fn look(&self, root: Oid, path: &[u8]) -> Result<Option<(Oid, OidKind)>, Lost> {
        let (mut id, mut kind) = (root, OidKind::Tree);
        for part in path.split(|b| *b == b'/') {
            if kind != OidKind::Tree {
                return Ok(None);
            }
            let tree = self.read(&id).ok_or(Lost)?;
            let Some(entry) = find(&tree, part) else {
                return Ok(None);
            };
            (id, kind) = (entry.id, entry.kind);
        }
        Ok(Some((id, kind)))
    }

    /// How the tree `root` differs from all of `others`; without any, everything in it is changed.
    pub fn difference(&self, root: Oid, others: &[Oid]) -> Difference {
        let mut out = Difference::default();
        let mut open = vec![(
            Vec::new(),
            Some(root),
            others.iter().map(|id| Some(*id)).collect::<Vec<_>>(),
        )];
        let mut removed = Vec::new();
        let mut dirs = 0;
        while let Some((prefix, own, others)) = open.pop() {
            dirs += 1;
            if dirs > MAX_DIRS {
                out.unreadable.push(prefix);
                break;
            }
            let own_tree = match own.map(|id| self.read(&id)) {
                Some(None) => {
                    out.unreadable.push(prefix);
                    continue;
                }
                Some(Some(tree)) => tree,
                None => Arc::default(),
            };
            // What an unreadable tree held is unknown: everything counts as changed then.
            let other_trees: Vec<Arc<Vec<TreeEntry>>> = others
                .iter()
                .map(|id| id.and_then(|id| self.read(&id)).unwrap_or_default())
                .collect();
            if prefix.len() > MAX_PATH || out.changed.len() + removed.len() > MAX_CHANGES {
                out.unreadable.push(prefix);
                continue;
            }
            let below = |name: &[u8]| [&prefix[..], name, b"/"].concat();
            for entry in own_tree.iter() {
                let before: Vec<Option<&TreeEntry>> =
                    other_trees.iter().map(|t| find(t, &entry.name)).collect();
                let same = |b: &Option<&TreeEntry>| {
                    b.is_some_and(|b| b.id == entry.id && b.kind == entry.kind)
                };
                if before.iter().any(same) {
                    // Of the first of the others something may yet be gone.
                    let first = before.first().copied().flatten();
                    let first = first.filter(|b| b.kind == OidKind::Tree && b.id != entry.id);
                    if let (Some(first), OidKind::Tree) = (first, entry.kind) {
                        self.gone(below(&entry.name), first.id, Some(entry.id), &mut removed);
                    }
                    continue;
                }
                if entry.kind == OidKind::Tree {
                    let tree = |b: &Option<&TreeEntry>| {
                        b.filter(|b| b.kind == OidKind::Tree).map(|b| b.id)
                    };
                    open.push((
                        below(&entry.name),
                        Some(entry.id),
                        before.iter().map(tree).collect(),
                    ));
                } else if let Some(kind) = file_kind(entry.kind)
                    && kind != FileKind::Submodule
                {
                    let path = RepoPath::new([&prefix[..], &entry.name].concat());
                    out.changed.push((path, entry.id, kind));
                }
            }
            for entry in other_trees.first().iter().flat_map(|t| t.iter()) {
                let now = find(&own_tree, &entry.name).map(|e| e.kind);
                match entry.kind {
                    OidKind::Submodule => {}
                    OidKind::Tree if now != Some(OidKind::Tree) => {
                        self.gone(below(&entry.name), entry.id, None, &mut removed);
                    }
                    OidKind::Tree => {}
                    _ if now.is_none_or(|kind| !is_file(kind)) => {
                        removed.push(RepoPath::new([&prefix[..], &entry.name].concat()));
                    }
                    _ => {}
                }
            }
        }
        out.changed.sort_by(|a, b| a.0.cmp(&b.0));
        removed.sort_unstable();
        removed.dedup();
        out.removed = removed;
        out
    }

    /// Files of the tree `before` that `now` does not have.
    fn gone(&self, prefix: Vec<u8>, before: Oid, now: Option<Oid>, removed: &mut Vec<RepoPath>) {
        let mut open = vec![(prefix, before, now)];
        let mut dirs = 0;
        while let Some((prefix, before, now)) = open.pop() {
            dirs += 1;
            if prefix.len() > MAX_PATH || removed.len() > MAX_CHANGES || dirs > MAX_DIRS {
                continue;
            }
            let Some(tree) = self.read(&before) else {
                continue;
            };
            let now = now.and_then(|id| self.read(&id)).unwrap_or_default();
            for entry in tree.iter() {
                let left =
                    find(&now, &entry.name).filter(|e| e.id != entry.id || e.kind != entry.kind);
                let is_there = find(&now, &entry.name).is_some();
                match entry.kind {
                    OidKind::Submodule => {}
                    OidKind::Tree if is_there && left.is_none() => {}
                    OidKind::Tree => {
                        let now = left.filter(|e| e.kind == OidKind::Tree).map(|e| e.id);
                        open.push(([&prefix[..], &entry.name, b"/"].concat(), entry.id, now));
                    }
                    _ if find(&now, &entry.name).is_none_or(|e| !is_file(e.kind)) => {
                        removed.push(RepoPath::new([&prefix[..], &entry.name].concat()));
                    }
                    _ => {}
                }
            }
        }
    }

    pub(super) fn blob(&self, id: &Oid, limit: u64) -> Result<Vec<u8>, ReadError> {
        if limit != u64::MAX && !self.repo.is_surely_within(id, limit) {
            match self.repo.blob_size(id) {
                Some(size) if size > limit => return Err(ReadError::TooLarge(size)),
                Some(_) => {}
                None => return Err(ReadError::Object),
            }
        }
        self.repo.blob(id).ok_or(ReadError::Object)
    }
}

/// Whether an entry holds bytes of its own.
fn is_file(kind: OidKind) -> bool {
    !matches!(kind, OidKind::Tree | OidKind::Submodule)
}

fn find<'t>(tree: &'t [TreeEntry], name: &[u8]) -> Option<&'t TreeEntry> {
    let at = tree
        .binary_search_by(|e| e.name.as_slice().cmp(name))
        .ok()?;
    tree.get(at)
}

fn file_kind(kind: OidKind) -> Option<FileKind> {
    match kind {
        OidKind::Blob | OidKind::Executable => Some(FileKind::Regular),
        OidKind::Link => Some(FileKind::Symlink),
        OidKind::Submodule => Some(FileKind::Submodule),
        OidKind::Tree => None,
    }
}

fn join(dir: &[u8], name: &[u8]) -> RepoPath {
    match dir {
        b"" => RepoPath::new(name),
        _ => RepoPath::new([dir, b"/", name].concat()),
    }
}

/// The files of a commit.
pub struct CommitView {
    trees: Arc<Trees>,
    root: Oid,
    /// What it is compared with; `None` for nothing at all.
    before: Option<Vec<Oid>>,
    selected: Vec<Entry>,
    /// Directories that were asked for: configs are looked for in them and above.
    dirs: BTreeSet<Vec<u8>>,
    whole: bool,
    all: OnceLock<Vec<Entry>>,
    neighbours: OnceLock<Vec<Vec<u8>>>,
}

impl CommitView {
    /// The whole tree `root`, compared with nothing.
    pub fn whole(trees: &Arc<Trees>, root: Oid) -> Self {
        let mut view = Self::of(trees, root, None, Vec::new());
        view.widen();
        for entry in &mut view.selected {
            entry.touched = true;
        }
        view
    }

    /// Some files of the tree `root`, compared with the trees `before`.
    pub fn some(trees: &Arc<Trees>, root: Oid, before: Vec<Oid>, paths: &[RepoPath]) -> Self {
        let mut view = Self::of(trees, root, Some(before), Vec::new());
        view.dirs = paths.iter().map(|p| p.parent().to_vec()).collect();
        let mut selected: Vec<Entry> = paths.iter().filter_map(|p| view.entry(p, true)).collect();
        selected.sort_by(|a, b| a.path.cmp(&b.path));
        selected.dedup_by(|a, b| a.path == b.path);
        view.selected = selected;
        view
    }

    fn of(trees: &Arc<Trees>, root: Oid, before: Option<Vec<Oid>>, selected: Vec<Entry>) -> Self {
        Self {
            trees: Arc::clone(trees),
            root,
            before,
            selected,
            dirs: BTreeSet::new(),
            whole: false,
            all: OnceLock::new(),
            neighbours: OnceLock::new(),
        }
    }

    /// The trees it is read from.
    pub fn trees(&self) -> &Trees {
        &self.trees
    }

    /// Id of the object at a path, in hex.
    pub fn id(&self, path: &RepoPath) -> Option<String> {
        let found = self.trees.look(self.root, path.as_bytes());
        found.ok()?.map(|(id, _)| id.to_string())
    }

    fn entry(&self, path: &RepoPath, selected: bool) -> Option<Entry> {
        let (id, kind) = self.trees.look(self.root, path.as_bytes()).ok()??;
        Some(Entry {
            path: path.clone(),
            kind: file_kind(kind)?,
            tracked: true,
            selected,
            touched: selected,
            stage: 0,
            base: self.state(path.as_bytes(), &id, kind),
            size: None,
        })
    }

    fn state(&self, path: &[u8], id: &Oid, kind: OidKind) -> BaseState {
        let Some(before) = &self.before else {
            return BaseState::NoBase;
        };
        let mut state = BaseState::Absent;
        for root in before {
            match self.trees.look(*root, path) {
                Ok(Some((other, as_kind))) if other == *id && as_kind == kind => {
                    return BaseState::Same;
                }
                Ok(Some((_, OidKind::Tree | OidKind::Submodule)) | None) => {}
                Ok(Some(_)) | Err(Lost) => state = BaseState::Maybe,
            }
        }
        state
    }

    fn list(&self) -> Vec<Entry> {
        let list = self.trees.repo.files_of(&self.root);
        let chosen: HashSet<&RepoPath> = self.selected.iter().map(|e| &e.path).collect();
        let items = list.items().filter_map(|item| {
            let path = RepoPath::new(item.path);
            let touched = chosen.contains(&path);
            Some(Entry {
                base: self.state(item.path, item.id, item.kind),
                kind: file_kind(item.kind)?,
                tracked: true,
                selected: touched,
                touched,
                stage: 0,
                size: None,
                path,
            })
        });
        items.collect()
    }
}

impl View for CommitView {
    fn entries(&self) -> &[Entry] {
        if self.whole {
            return &self.selected;
        }
        self.all.get_or_init(|| self.list())
    }

    fn selected(&self) -> Vec<&Entry> {
        self.selected.iter().collect()
    }

    fn widen(&mut self) {
        if !std::mem::replace(&mut self.whole, true) {
            let mut all = self.list();
            all.iter_mut().for_each(|e| e.selected = true);
            self.selected = all;
        }
    }

    fn is_whole(&self) -> bool {
        self.whole
    }

    fn find(&self, path: &RepoPath) -> Option<Known> {
        if let Ok(at) = self.selected.binary_search_by(|e| e.path.cmp(path)) {
            return self.selected.get(at).map(Entry::known);
        }
        if self.whole {
            return None;
        }
        self.entry(path, false).map(|e| e.known())
    }

    fn called(&self, name: &[u8]) -> Vec<(RepoPath, Known)> {
        if self.whole {
            let same = self.selected.iter().filter(|e| e.path.file_name() == name);
            return same.map(|e| (e.path.clone(), e.known())).collect();
        }
        let mut seen: HashSet<&[u8]> = HashSet::new();
        let mut paths: BTreeSet<RepoPath> = BTreeSet::new();
        let own = self.selected.iter().map(|e| &e.path);
        paths.extend(own.filter(|p| p.file_name() == name).cloned());
        for dir in &self.dirs {
            let mut dir = Some(dir.as_slice());
            while let Some(at) = dir.filter(|dir| seen.insert(dir)) {
                paths.insert(join(at, name));
                dir = match memchr::memrchr(b'/', at) {
                    Some(slash) => Some(&at[..slash]),
                    None => (!at.is_empty()).then_some(b"".as_slice()),
                };
            }
        }
        let found = paths.into_iter();
        found
            .filter_map(|path| self.find(&path).map(|known| (path, known)))
            .collect()
    }

    fn neighbours(&self) -> Vec<&[u8]> {
        let paths = self.neighbours.get_or_init(|| {
            let dirs: BTreeSet<&[u8]> = self.selected.iter().map(|e| e.path.parent()).collect();
            let mut paths = Vec::new();
            for dir in dirs {
                let tree = match dir {
                    b"" => Some(self.root),
                    _ => match self.trees.look(self.root, dir) {
                        Ok(Some((id, OidKind::Tree))) => Some(id),
                        _ => None,
                    },
                };
                let tree = tree.and_then(|id| self.trees.read(&id)).unwrap_or_default();
                let files = tree.iter().filter(|e| file_kind(e.kind).is_some());
                paths.extend(files.map(|e| join(dir, &e.name).as_bytes().to_vec()));
            }
            paths
        });
        paths.iter().map(Vec::as_slice).collect()
    }

    fn object(&self, entry: &Entry) -> Option<String> {
        self.id(&entry.path)
    }

    fn read_limited(&self, path: &RepoPath, limit: u64) -> Result<Vec<u8>, ReadError> {
        match self.trees.look(self.root, path.as_bytes()) {
            Ok(Some((_, OidKind::Tree | OidKind::Submodule)) | None) => Err(ReadError::Missing),
            Ok(Some((id, _))) => self.trees.blob(&id, limit),
            Err(Lost) => Err(ReadError::Object),
        }
    }

    fn open_stream(&self, path: &RepoPath) -> Result<Box<dyn Read>, ReadError> {
        // Git stores a blob whole or as a difference: there is no stream to be had.
        Ok(Box::new(Cursor::new(self.read_limited(path, u64::MAX)?)))
    }
}

/// What a commit is compared with: one tree or several.
pub struct CommitsBase {
    trees: Arc<Trees>,
    roots: Vec<Oid>,
    removed: Vec<RepoPath>,
}

impl CommitsBase {
    /// The trees `roots`; `removed` are files of them that the view no longer has.
    pub fn new(trees: &Arc<Trees>, roots: Vec<Oid>, removed: Vec<RepoPath>) -> Self {
        Self {
            trees: Arc::clone(trees),
            roots,
            removed,
        }
    }
}

impl BaseView for CommitsBase {
    /// Of several versions one that is encrypted, else the first: what one parent had encrypted was encrypted.
    fn read(&self, path: &RepoPath) -> Result<Option<Vec<u8>>, ReadError> {
        let mut first = None;
        let mut lost = false;
        let mut seen = HashSet::new();
        for root in &self.roots {
            match self.trees.look(*root, path.as_bytes()) {
                Ok(Some((_, OidKind::Tree | OidKind::Submodule)) | None) => {}
                Ok(Some((id, _))) if seen.insert(id) => match self.trees.blob(&id, u64::MAX) {
                    Ok(bytes) => {
                        if memchr::memmem::find(&bytes, b"ENC[AES256_GCM,").is_some() {
                            return Ok(Some(bytes));
                        }
                        first = first.or(Some(bytes));
                    }
                    Err(_) => lost = true,
                },
                Ok(Some(_)) => {}
                Err(Lost) => lost = true,
            }
        }
        if lost && first.is_none() {
            return Err(ReadError::Object);
        }
        Ok(first)
    }

    fn removed(&self) -> &[RepoPath] {
        &self.removed
    }

    fn called(&self, name: &[u8]) -> Vec<RepoPath> {
        let mut paths = self.paths();
        paths.retain(|path| path.file_name() == name);
        paths
    }

    fn paths(&self) -> Vec<RepoPath> {
        let mut paths: Vec<RepoPath> = Vec::new();
        for root in &self.roots {
            let list = self.trees.repo.files_of(root);
            let files = list.items().filter(|i| i.kind != OidKind::Submodule);
            paths.extend(files.map(|item| RepoPath::new(item.path)));
        }
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    fn blob_id(&self, bytes: &[u8]) -> Option<String> {
        self.trees.repo.blob_id(bytes)
    }

    fn blob(&self, id: &str) -> Option<Vec<u8>> {
        self.trees.repo.blob_named(id)
    }
}

//! A repository's past: every version of every file, and ranges of commits.
//!
//! What reads packs is `packs`; here stands what a scan needs around it: where history can be reached from, what keeps it
//! from being whole, and the settings files, which are read from the disk where there is one.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::commit::{CommitView, CommitsBase, Trees};
use super::disk::{self, DiskKind};
use super::open::{describe, real_dir};
use super::{Entry, FileKind, Known, ReadError, SourceError, View};
use crate::git::{GitEnv, Head, ObjectKind, Oid, Repo, Tip, TipKind};
use crate::model::{BlindCode, BlindSpot, Message, Origin, OriginKind, RepoPath, Repository};
use crate::packs::{self, History, Search, Stores};
use crate::say;

/// What a clone that was cut off lacks, and how to get it.
const REMEDY: &str = "fetch the rest with `git fetch --unshallow` (in CI: `fetch-depth: 0`)";

/// A repository with all of its versions.
pub struct Past {
    /// Its objects.
    pub trees: Arc<Trees>,
    /// Every version.
    pub history: History,
    /// What names commits.
    pub tips: Vec<Tip>,
    /// The commit of HEAD and its tree.
    pub head: Option<(Oid, Oid)>,
    /// Refs that name blobs.
    pub objects: Vec<(RepoPath, Oid)>,
    /// The repository.
    pub repository: Repository,
    /// What keeps the history from being whole.
    pub blind_spots: Vec<BlindSpot>,
}

/// How much of the past is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Depth {
    /// Also what nothing reaches.
    pub unreachable: bool,
    /// Threads; 0 for one per core.
    pub threads: usize,
}

/// The repository that `dir` lies in; it needs no worktree.
pub fn open_repository(dir: &Path, env: &GitEnv) -> Result<Arc<Trees>, SourceError> {
    let dir = real_dir(dir)?;
    let repo =
        Repo::discover_any(&dir, env)?.ok_or_else(|| SourceError::NoRepository(dir.clone()))?;
    Ok(Arc::new(Trees::new(Arc::new(repo))))
}

/// The tree and commit of HEAD.
pub fn head_of(trees: &Trees) -> Option<(Oid, Oid)> {
    match trees.repo().head() {
        Head::Commit { id, tree } => Some((*id, *tree)),
        Head::Unborn | Head::Broken(_) => None,
    }
}

/// Reads all versions. `search_messages` looks through the texts of commits and tags.
pub fn open_history(trees: &Arc<Trees>, depth: &Depth, search_messages: &dyn Search) -> Past {
    let repo = trees.repo();
    let tips = repo.tips();
    let mut blind_spots = Vec::new();
    if !tips.complete {
        let reason = say!["not every ref could be listed, so that history may be missing"];
        blind_spots.push(lost(reason, true, None));
    }
    if let Head::Broken(_) = repo.head() {
        let reason = say!["HEAD cannot be read, so that today's rules and files are unknown"];
        blind_spots.push(lost(reason, true, None));
    }
    for broken in &tips.broken {
        // Reflogs may name what was cleaned away; nothing reaches it any more.
        if !matches!(broken.kind, TipKind::Reflog | TipKind::Pseudo) {
            let name = RepoPath::of_ref(&broken.name);
            let reason = say!["the ref ", name, " names nothing that can be read"];
            blind_spots.push(lost(reason, true, None));
        }
    }
    let mut ids: Vec<Oid> = Vec::new();
    for tip in &tips.tips {
        ids.push(tip.id);
        ids.push(tip.target);
    }
    ids.sort_unstable();
    ids.dedup();
    let threads = match depth.threads {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n,
    };
    let request = packs::Request {
        tips: &ids,
        unreachable: depth.unreachable,
        threads,
        plain: false,
    };
    let history = packs::read(&stores(repo), &request, search_messages);
    let cut = history.commits().find(|c| history.is_cut(*c));
    if let Some(cut) = cut {
        let reason = match repo.shallow() {
            true => say![
                "this clone is shallow: what came before is not here; ",
                REMEDY
            ],
            false => say!["commits of the history are missing; ", REMEDY],
        };
        let origin = Origin {
            kind: OriginKind::Commit,
            commit: Some(history.commit_id(cut).to_string()),
            blob: None,
            reference: None,
        };
        blind_spots.push(lost(reason, true, Some(origin)));
    }
    for pack in history.unusable_packs() {
        let name = pack.file_name().map(|n| n.to_string_lossy().into_owned());
        let reason = say![
            "the pack ",
            RepoPath::new(name.unwrap_or_default()),
            " cannot be opened"
        ];
        blind_spots.push(lost(reason, true, None));
    }
    let blobs = tips
        .tips
        .iter()
        .filter(|tip| tip.target_kind == ObjectKind::Blob);
    let objects = blobs.map(|tip| (RepoPath::of_ref(&tip.name), tip.target));
    Past {
        objects: objects.collect(),
        trees: Arc::clone(trees),
        tips: (tips.tips.into_iter())
            .filter(|tip| tip.target_kind == ObjectKind::Commit)
            .collect(),
        head: head_of(trees),
        repository: describe(repo),
        history,
        blind_spots,
    }
}

fn stores(repo: &Repo) -> Stores {
    let dirs = repo.object_dirs();
    let common = repo.git_dirs()[1];
    let own = common.join("objects");
    let (first, rest) = match dirs.split_first() {
        Some((first, rest)) => (first.as_path(), rest),
        None => (own.as_path(), &[][..]),
    };
    Stores::new(first, rest, repo.hash()).with_shallow(&common.join("shallow"))
}

fn lost(reason: Message, blocking: bool, origin: Option<Origin>) -> BlindSpot {
    let path = RepoPath::new("");
    let mut spot = BlindSpot::new(&path, None, BlindCode::MissingObject, reason, blocking);
    spot.origin = origin;
    spot
}

/// Some commits, one after the other.
pub struct Stretch {
    /// The commits, the newest first; what each adds is selected, compared with its parents.
    pub steps: Vec<(Oid, CommitView, CommitsBase)>,
    /// The end against the base.
    pub whole: (CommitView, CommitsBase),
    /// The base as a view that knows the configs above everything that is added.
    pub configs: CommitView,
    /// The same of the end.
    pub end: CommitView,
    /// The same of another commit whose rules hold as well.
    pub also: Option<CommitView>,
    /// What keeps it from being whole.
    pub blind_spots: Vec<BlindSpot>,
}

/// The commits that are reachable from `tip` and not from `not`. `base` is what they are compared with; nothing if absent.
/// The rules of `also` hold besides those of the base.
pub fn open_stretch(
    trees: &Arc<Trees>,
    tip: Oid,
    not: &[Oid],
    base: Option<Oid>,
    also: Option<Oid>,
) -> Stretch {
    let repo = trees.repo();
    let between = repo.commits_between(&[tip], not);
    let mut blind_spots = Vec::new();
    if between.cut || !between.missing.is_empty() {
        let reason = say!["the range reaches into history that is not here; ", REMEDY];
        blind_spots.push(lost(reason, true, None));
    }
    let empty = empty_tree(repo);
    let tree_of = |id: &Oid| repo.commit(id).map(|c| c.tree);
    let base_tree = base.as_ref().and_then(tree_of);
    if base.is_some() && base_tree.is_none() {
        let reason = say!["the base of the range cannot be read; ", REMEDY];
        blind_spots.push(lost(reason, true, None));
    }
    let also_tree = also.as_ref().and_then(tree_of);
    if also.is_some() && also_tree.is_none() {
        let reason = say!["HEAD cannot be read, so that its rules are unknown"];
        blind_spots.push(lost(reason, true, None));
    }
    let mut lose = |unreadable: &[Vec<u8>], commit: &Oid| {
        for dir in unreadable {
            let path = RepoPath::new(dir.strip_suffix(b"/").unwrap_or(dir));
            let reason = say!["a directory of a commit cannot be read"];
            let mut spot = BlindSpot::new(&path, None, BlindCode::MissingObject, reason, true);
            spot.origin = Some(Origin {
                kind: OriginKind::Commit,
                commit: Some(commit.to_string()),
                blob: None,
                reference: None,
            });
            blind_spots.push(spot);
        }
    };
    let mut steps = Vec::with_capacity(between.commits.len());
    let mut added: Vec<RepoPath> = Vec::new();
    // What the commits themselves bring: what they merge was there.
    let mut brought: HashSet<(RepoPath, Oid)> = HashSet::new();
    let mut taken: HashSet<RepoPath> = HashSet::new();
    for id in &between.commits {
        let Some(commit) = repo.commit(id) else {
            lose(&[Vec::new()], id);
            continue;
        };
        let parents: Vec<Oid> = commit.parents.iter().filter_map(tree_of).collect();
        let difference = trees.difference(commit.tree, &parents);
        lose(&difference.unreadable, id);
        brought.extend(difference.changed.iter().map(|c| (c.0.clone(), c.1)));
        taken.extend(difference.removed.iter().cloned());
        let paths: Vec<RepoPath> = difference.changed.into_iter().map(|c| c.0).collect();
        added.extend(paths.iter().cloned());
        let view = CommitView::some(trees, commit.tree, parents.clone(), &paths);
        // What the base had encrypted was encrypted, whatever a commit in between made of it.
        let roots = parents.into_iter().chain(base_tree).collect();
        steps.push((
            *id,
            view,
            CommitsBase::new(trees, roots, difference.removed),
        ));
    }
    let tip_tree = tree_of(&tip).unwrap_or(empty);
    let before: Vec<Oid> = base_tree.into_iter().collect();
    let difference = trees.difference(tip_tree, &before);
    lose(&difference.unreadable, &tip);
    let own = difference.changed.into_iter().map(|c| (c.0, c.1));
    let own = own.filter(|c| brought.contains(c));
    let paths: Vec<RepoPath> = own.map(|c| c.0).collect();
    let removed = difference.removed.into_iter();
    let removed = removed.filter(|path| taken.contains(path)).collect();
    added.sort_unstable();
    added.dedup();
    let view = CommitView::some(trees, tip_tree, before.clone(), &paths);
    let base_view = CommitsBase::new(trees, before, removed);
    Stretch {
        steps,
        whole: (view, base_view),
        configs: CommitView::some(trees, base_tree.unwrap_or(empty), Vec::new(), &added),
        end: CommitView::some(trees, tip_tree, Vec::new(), &added),
        also: also_tree.map(|tree| CommitView::some(trees, tree, Vec::new(), &added)),
        blind_spots,
    }
}

/// The tree without entries; Git knows it without having it.
fn empty_tree(repo: &Repo) -> Oid {
    Oid::empty_tree(repo.hash())
}

/// The files at the top that steer a scan, as they are on disk; everything else as it is at HEAD.
pub struct Front {
    files: Vec<(RepoPath, FileKind, Result<Vec<u8>, ReadError>)>,
    names: Vec<RepoPath>,
    behind: CommitView,
}

impl Front {
    /// Of a repository; `names` are the files that are read from the disk, where there is one.
    pub fn new(trees: &Arc<Trees>, names: &[&str]) -> Self {
        let repo = trees.repo();
        let tree = head_of(trees).map_or_else(|| empty_tree(repo), |(_, tree)| tree);
        let behind = CommitView::some(trees, tree, Vec::new(), &[]);
        if repo.is_bare() {
            return Self {
                files: Vec::new(),
                names: Vec::new(),
                behind,
            };
        }
        const LARGEST: u64 = 16 * 1024 * 1024;
        let root = repo.root();
        let files = names.iter().filter_map(|name| {
            let stat = disk::look(root, name.as_bytes())?;
            let (kind, bytes) = match stat.kind {
                DiskKind::File => {
                    let read = disk::read(&root.join(name), stat.identity, LARGEST);
                    (FileKind::Regular, read)
                }
                DiskKind::Link => (FileKind::Symlink, Err(ReadError::Missing)),
                _ => return None,
            };
            Some((RepoPath::new(*name), kind, bytes))
        });
        Self {
            files: files.collect(),
            names: names.iter().map(|name| RepoPath::new(*name)).collect(),
            behind,
        }
    }

    /// Without any file.
    pub fn empty(trees: &Arc<Trees>) -> Self {
        let tree = empty_tree(trees.repo());
        Self {
            files: Vec::new(),
            names: Vec::new(),
            behind: CommitView::some(trees, tree, Vec::new(), &[]),
        }
    }
}

impl View for Front {
    fn entries(&self) -> &[Entry] {
        self.behind.entries()
    }

    fn find(&self, path: &RepoPath) -> Option<Known> {
        if !self.names.contains(path) {
            return self.behind.find(path);
        }
        let found = self.files.iter().find(|(p, ..)| p == path);
        found.map(|(_, kind, _)| Known {
            kind: *kind,
            tracked: true,
            selected: false,
            base: super::BaseState::NoBase,
        })
    }

    fn read_limited(&self, path: &RepoPath, limit: u64) -> Result<Vec<u8>, ReadError> {
        if !self.names.contains(path) {
            return self.behind.read_limited(path, limit);
        }
        let found = self.files.iter().find(|(p, ..)| p == path);
        found.map_or(Err(ReadError::Missing), |(_, _, bytes)| bytes.clone())
    }

    fn open_stream(&self, path: &RepoPath) -> Result<Box<dyn std::io::Read>, ReadError> {
        Ok(Box::new(std::io::Cursor::new(self.read(path)?)))
    }
}

/// One blob as the only file.
pub struct OneFile {
    trees: Arc<Trees>,
    id: Oid,
    entry: [Entry; 1],
}

impl OneFile {
    /// A blob as if it stood at a path.
    pub fn new(trees: &Arc<Trees>, path: RepoPath, id: Oid) -> Self {
        let entry = Entry {
            path,
            kind: FileKind::Regular,
            tracked: true,
            selected: true,
            touched: true,
            stage: 0,
            base: super::BaseState::NoBase,
            size: None,
        };
        Self {
            trees: Arc::clone(trees),
            id,
            entry: [entry],
        }
    }
}

impl View for OneFile {
    fn entries(&self) -> &[Entry] {
        &self.entry
    }

    fn object(&self, _: &Entry) -> Option<String> {
        Some(self.id.to_string())
    }

    fn read_limited(&self, path: &RepoPath, limit: u64) -> Result<Vec<u8>, ReadError> {
        if *path != self.entry[0].path {
            return Err(ReadError::Missing);
        }
        self.trees.blob(&self.id, limit)
    }

    fn open_stream(&self, path: &RepoPath) -> Result<Box<dyn std::io::Read>, ReadError> {
        Ok(Box::new(std::io::Cursor::new(self.read(path)?)))
    }
}

//! A history as it was read: commits, versions of files, and what could not be used.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Mutex;

use super::blobs::BlobReader;
use super::catalog::{Catalog, Kind, NONE, Reader};
use super::family::Families;
use super::graph::{Child, Commits, Damage, Lost, Trees, damage};
use super::holders::{self, CommitSet, Wanted};
use super::object::{Oid, OidKind};
use super::parse::Mode;
use super::plain::{PlainState, PlainTrees};
use super::reach::{self, Flood, Reached, Tips};
use super::recipes::Recipes;
use super::walk::Walk;
use super::{
    BlobNo, CommitNo, Message, PathNo, Problem, Request, Search, Seen, Stores, Trouble, Version,
};

/// All commits that were asked for and every version of every file in them.
pub struct History {
    catalog: Catalog,
    /// Ids of numbers beyond the catalog.
    lost: Vec<Oid>,
    trees: TreeStore,
    reached: Reached,
    walk: Walk,
    families: Option<Families>,
    paths: Paths,
    versions: Vec<Version>,
    pathless: Vec<BlobNo>,
    messages: Vec<Message>,
    problems: Vec<Problem>,
    threads: usize,
}

enum TreeStore {
    Recipes(Box<Recipes>),
    Plain(Box<Mutex<PlainState>>),
}

/// Paths of files, sorted.
#[derive(Default)]
struct Paths {
    bytes: Vec<u8>,
    /// Where each starts; one more than there are paths.
    first: Vec<usize>,
    /// The nodes that spell each path, as runs of `nodes`; one more than there are paths.
    first_node: Vec<u32>,
    nodes: Vec<u32>,
}

impl TreeStore {
    fn with<T>(&self, catalog: &Catalog, work: impl FnOnce(&dyn Trees) -> T) -> T {
        match self {
            Self::Recipes(recipes) => work(recipes.as_ref()),
            Self::Plain(state) => work(&PlainTrees { catalog, state }),
        }
    }
}

impl History {
    pub(super) fn read(stores: &Stores, request: &Request<'_>, search: &dyn Search) -> Self {
        let threads = request.threads.clamp(1, 256);
        let catalog = Catalog::new(stores, threads);
        let objects = 0..catalog.ids.count() as u32;
        let all = |kind: Kind| {
            let catalog = &catalog;
            objects.clone().filter(move |o| catalog.kind(*o) == kind)
        };
        let tags = request.unreachable.then(|| all(Kind::Tag));
        let tips = Tips::new(&catalog, request.tips, tags.into_iter().flatten(), search);

        let families = (!request.plain).then(|| Families::new(&catalog));
        let recipes = families
            .as_ref()
            .and_then(|families| Recipes::read(&catalog, families, search, threads));
        let all_commits = || -> Vec<u32> {
            match request.unreachable {
                true => all(Kind::Commit).collect(),
                false => Vec::new(),
            }
        };
        let mut flood = Flood::new(&catalog, stores);
        let (reached, trees, lost) = match recipes {
            Some((mut recipes, lost)) => {
                let mut commits = std::mem::take(&mut recipes.commits);
                let mut load = |object: u32, _: &mut Commits| recipes.commit(object);
                flood.run(&tips.commits, &mut commits, &mut load);
                flood.run(&all_commits(), &mut commits, &mut load);
                let reached = flood.in_order(&commits);
                (reached, TreeStore::Recipes(Box::new(recipes)), lost.ids)
            }
            None => {
                let (mut commits, mut lost) = (Commits::default(), Lost::default());
                let (mut reader, mut text) = (Reader::new(), Vec::new());
                let mut load = |object: u32, commits: &mut Commits| {
                    let kind = catalog.read(object, &mut reader, &mut text)?;
                    (kind == Kind::Commit)
                        .then(|| {
                            let text = text.as_slice();
                            reach::read_commit(&catalog, object, text, &mut lost, search, commits)
                        })
                        .flatten()
                        .ok_or(Damage::Corrupt)
                };
                flood.run(&tips.commits, &mut commits, &mut load);
                flood.run(&all_commits(), &mut commits, &mut load);
                let reached = flood.in_order(&commits);
                let state = PlainState::new(lost);
                (
                    reached,
                    TreeStore::Plain(Box::new(Mutex::new(state))),
                    Vec::new(),
                )
            }
        };

        let mut roots: Vec<u32> = reached.trees.clone();
        roots.extend(&tips.trees);
        if request.unreachable {
            let all: Vec<u32> = all(Kind::Tree).collect();
            trees.with(&catalog, |trees| {
                add_dangling(&catalog, trees, &all, &mut roots)
            });
        }
        let walk = trees.with(&catalog, |trees| {
            Walk::new(&catalog, trees, roots, catalog.ids.count(), threads)
        });
        let lost = trees.lost().unwrap_or(lost);
        let mut history = Self {
            lost,
            trees,
            reached,
            walk,
            families,
            paths: Paths::default(),
            versions: Vec::new(),
            pathless: Vec::new(),
            messages: Vec::new(),
            problems: Vec::new(),
            threads,
            catalog,
        };
        history.find_versions();
        history.find_pathless(&tips, request.unreachable);
        history.find_messages(&tips);
        history.find_problems(&tips);
        history
    }

    /// How many commits were reached.
    pub fn commit_count(&self) -> usize {
        self.reached.objects.len()
    }

    /// All commits, children before their parents.
    pub fn commits(&self) -> impl Iterator<Item = CommitNo> + use<> {
        (0..self.reached.objects.len() as u32).map(CommitNo)
    }

    /// The id of a commit.
    pub fn commit_id(&self, commit: CommitNo) -> Oid {
        self.catalog
            .ids
            .oid(self.reached.objects[commit.0 as usize])
    }

    /// Parents of a commit that were reached, in its order.
    pub fn parents(&self, commit: CommitNo) -> impl Iterator<Item = CommitNo> + '_ {
        let at = commit.0 as usize;
        let range = self.reached.first_parent[at]..self.reached.first_parent[at + 1];
        let own = &self.reached.parents[range.start as usize..range.end as usize];
        own.iter().copied().map(CommitNo)
    }

    /// When it was committed, in seconds since 1970.
    pub fn time(&self, commit: CommitNo) -> i64 {
        self.reached.times[commit.0 as usize]
    }

    /// The commit with this id, if it was reached.
    pub fn find_commit(&self, id: &Oid) -> Option<CommitNo> {
        let object = self.catalog.ids.find(id.as_bytes())?;
        let places = &self.reached.places;
        let at = places.binary_search_by_key(&object, |(o, _)| *o).ok()?;
        Some(CommitNo(places[at].1))
    }

    /// Whether a commit names a parent that is not here, for being missing or beyond a shallow boundary.
    pub fn is_cut(&self, commit: CommitNo) -> bool {
        self.reached.flags[commit.0 as usize].cut
    }

    /// Whether no tip reaches it.
    pub fn is_unreachable(&self, commit: CommitNo) -> bool {
        self.reached.flags[commit.0 as usize].unreachable
    }

    /// Every distinct file of every tree, by path, then id.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// How many paths there are.
    pub fn path_count(&self) -> usize {
        self.paths.first.len() - 1
    }

    /// The bytes of a path.
    pub fn path(&self, path: PathNo) -> &[u8] {
        let at = path.0 as usize;
        &self.paths.bytes[self.paths.first[at]..self.paths.first[at + 1]]
    }

    /// The id of a blob.
    pub fn blob_id(&self, blob: BlobNo) -> Oid {
        self.oid(blob.0)
    }

    /// The size of a blob, where that is known without reading it.
    pub fn blob_size(&self, blob: BlobNo) -> Option<u64> {
        let entry = *self.catalog.entry_of.get(blob.0 as usize)?;
        let entry = &self.catalog.entries[entry as usize];
        (entry.base == NONE && entry.kind == Kind::Blob).then_some(entry.size)
    }

    /// Blobs without a path: tips that are blobs, and those that nothing names when the unreachable was asked for.
    pub fn pathless(&self) -> &[BlobNo] {
        &self.pathless
    }

    /// Commits and tags in whose text something was found: tags first, then commits in their order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Objects that could not be used, each once, by path; those without one first.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Packs that are there and could not be opened.
    pub fn unusable_packs(&self) -> &[PathBuf] {
        &self.catalog.unusable
    }

    /// Decodes each wanted blob once and hands it to `visit`, from several threads. Returns blobs that could not be read.
    pub fn read_blobs(
        &self,
        wanted: &(dyn Fn(BlobNo) -> bool + Sync),
        search: &dyn Search,
        visit: &(dyn Fn(BlobNo, Seen<'_>) + Sync),
    ) -> Vec<Problem> {
        let mut blobs: Vec<u32> = self.versions.iter().map(|v| v.blob.0).collect();
        blobs.extend(self.pathless.iter().map(|blob| blob.0));
        blobs.sort_unstable();
        blobs.dedup();
        // What is missing or no blob was told before.
        blobs.retain(|b| wanted(BlobNo(*b)) && damage(&self.catalog, *b, Kind::Blob).is_none());
        let failed = match &self.families {
            Some(families) => {
                let rest = self.read_families(families, &blobs, search, visit);
                self.read_each(&rest, search, visit)
            }
            None => self.read_each(&blobs, search, visit),
        };
        let mut problems: Vec<Problem> = failed
            .into_iter()
            .map(|(number, what)| Problem {
                path: None,
                id: self.oid(number),
                what: what.into(),
                commit: None,
            })
            .collect();
        let ids: HashMap<Oid, usize> = problems
            .iter()
            .enumerate()
            .map(|(n, p)| (p.id, n))
            .collect();
        for version in self.versions.iter().rev().filter(|_| !ids.is_empty()) {
            if let Some(at) = ids.get(&self.blob_id(version.blob)) {
                problems[*at].path = Some(self.path(version.path).to_vec());
            }
        }
        problems.sort_unstable();
        problems
    }

    /// Reads what packs hold; gives what is left to be read for itself.
    fn read_families(
        &self,
        families: &Families,
        blobs: &[u32],
        search: &dyn Search,
        visit: &(dyn Fn(BlobNo, Seen<'_>) + Sync),
    ) -> Vec<u32> {
        let catalog = &self.catalog;
        let (mut wanted, mut rest) = (vec![false; catalog.ids.count()], Vec::new());
        for blob in blobs {
            let entry = catalog.entry_of[*blob as usize];
            if catalog.is_loose(entry) || catalog.entries[entry as usize].kind == Kind::Unknown {
                rest.push(*blob);
            } else {
                wanted[*blob as usize] = true;
            }
        }
        let is_wanted = |entry: u32| {
            let object = catalog.object_of[entry as usize];
            object != NONE && wanted[object as usize] && catalog.entry_of[object as usize] == entry
        };
        let need = families.need(catalog, is_wanted);
        let readers = families.walk(catalog, &need, self.threads, || BlobReader {
            catalog,
            wanted: &wanted,
            search,
            visit,
            failed: Vec::new(),
            fresh: Vec::new(),
        });
        let failed = readers.into_iter().flat_map(|reader| reader.failed);
        let failed = failed.filter(|entry| is_wanted(*entry));
        rest.extend(failed.map(|entry| catalog.object_of[entry as usize]));
        rest.sort_unstable();
        rest
    }

    fn read_each(
        &self,
        blobs: &[u32],
        search: &dyn Search,
        visit: &(dyn Fn(BlobNo, Seen<'_>) + Sync),
    ) -> Vec<(u32, Damage)> {
        let failed =
            super::threads::chunks(blobs.len(), 64, self.threads, |range: Range<usize>| {
                let (mut reader, mut bytes) = (Reader::new(), Vec::new());
                let (mut hits, mut failed) = (Vec::new(), Vec::new());
                for blob in &blobs[range] {
                    match self.catalog.read(*blob, &mut reader, &mut bytes) {
                        Ok(Kind::Blob) => {
                            hits.clear();
                            search.search(&bytes, 0..bytes.len(), &mut hits);
                            hits.sort_unstable();
                            let whole = 0..bytes.len();
                            let seen = Seen {
                                bytes: &bytes,
                                hits: &hits,
                                fresh: std::slice::from_ref(&whole),
                                base: None,
                            };
                            visit(BlobNo(*blob), seen);
                        }
                        Ok(_) => failed.push((*blob, Damage::WrongKind)),
                        Err(why) => failed.push((*blob, why.into())),
                    }
                }
                failed
            });
        failed.into_iter().flatten().collect()
    }

    /// Tells for each of these versions, in ascending order, which commits hold it: all whose tree has it at that path.
    pub fn holders(&self, versions: &[usize], visit: &mut dyn FnMut(usize, &CommitSet)) {
        let mut versions = versions.to_vec();
        versions.sort_unstable();
        versions.dedup();
        let wanted = versions.into_iter().filter_map(|number| {
            let version = self.versions.get(number)?;
            let places = self.places(version).collect();
            Some(Wanted { number, places })
        });
        self.ask(&wanted.collect::<Vec<_>>(), visit);
    }

    /// The commits that hold each of these paths, whatever stands there.
    pub fn holders_of_paths(&self, paths: &[PathNo], visit: &mut dyn FnMut(PathNo, &CommitSet)) {
        let mut paths = paths.to_vec();
        paths.sort_unstable();
        paths.dedup();
        let wanted = paths.into_iter().map(|path| {
            let first = self.versions.partition_point(|v| v.path < path);
            let versions = self.versions[first..].iter().take_while(|v| v.path == path);
            Wanted {
                number: path.0 as usize,
                places: versions.flat_map(|v| self.places(v)).collect(),
            }
        });
        let mut visit = |path: usize, set: &CommitSet| visit(PathNo(path as u32), set);
        self.ask(&wanted.collect::<Vec<_>>(), &mut visit);
    }

    /// Where a version stands.
    fn places(&self, version: &Version) -> impl Iterator<Item = (u32, Child)> + '_ {
        let child = Child::new(version.blob.0, mode(version.kind));
        let nodes = self.paths.nodes_of(version.path).iter();
        nodes.map(move |node| (*node, child))
    }

    fn ask(&self, wanted: &[Wanted], visit: &mut dyn FnMut(usize, &CommitSet)) {
        let (catalog, walk, reached) = (&self.catalog, &self.walk, &self.reached);
        self.trees.with(catalog, |trees| {
            holders::holders(catalog, walk, trees, reached, wanted, self.threads, visit);
        });
    }

    fn oid(&self, number: u32) -> Oid {
        let known = self.catalog.ids.count();
        match (number as usize).checked_sub(known) {
            None => self.catalog.ids.oid(number),
            Some(lost) => self.lost[lost],
        }
    }

    fn find_versions(&mut self) {
        let runs: Vec<&[(u32, Child)]> = self.walk.files.chunk_by(|a, b| a.0 == b.0).collect();
        let mut spelled = Vec::new();
        let mut first = vec![0];
        self.trees.with(&self.catalog, |trees| {
            for run in &runs {
                self.walk.path(trees, run[0].0, &mut spelled);
                first.push(spelled.len());
            }
        });
        let path = |at: usize| &spelled[first[at]..first[at + 1]];
        let mut order: Vec<u32> = (0..runs.len() as u32).collect();
        order.sort_unstable_by(|a, b| path(*a as usize).cmp(path(*b as usize)).then(a.cmp(b)));
        let mut paths = Paths {
            first: vec![0],
            first_node: vec![0],
            ..Paths::default()
        };
        let mut versions = Vec::with_capacity(self.walk.files.len());
        let mut children = Vec::new();
        let known = self.catalog.ids.count() as u32;
        // Names with a slash in them can spell one path in several ways.
        for same in order.chunk_by(|a, b| path(*a as usize) == path(*b as usize)) {
            let number = PathNo(paths.first.len() as u32 - 1);
            paths.bytes.extend_from_slice(path(same[0] as usize));
            paths.first.push(paths.bytes.len());
            children.clear();
            for run in same {
                paths.nodes.push(runs[*run as usize][0].0);
                children.extend(runs[*run as usize].iter().map(|(_, child)| *child));
            }
            paths.first_node.push(paths.nodes.len() as u32);
            if same.len() > 1 {
                children.sort_unstable();
                children.dedup();
            }
            // Numbers of the catalog are in order of ids; those beyond are not.
            if children.last().is_some_and(|child| child.number() >= known) {
                children.sort_by_key(|child| self.oid(child.number()));
            }
            versions.extend(children.iter().map(|child| Version {
                path: number,
                blob: BlobNo(child.number()),
                kind: match child.mode() {
                    Mode::Executable => OidKind::Executable,
                    Mode::Link => OidKind::Link,
                    _ => OidKind::Blob,
                },
            }));
        }
        self.paths = paths;
        self.versions = versions;
    }

    fn find_pathless(&mut self, tips: &Tips, unreachable: bool) {
        let known = self.catalog.ids.count();
        let mut seen = vec![false; known];
        for version in &self.versions {
            if let Some(seen) = seen.get_mut(version.blob.0 as usize) {
                *seen = true;
            }
        }
        let mut blobs = tips.blobs.clone();
        if unreachable {
            blobs.extend((0..known as u32).filter(|o| self.catalog.kind(*o) == Kind::Blob));
        }
        blobs.sort_unstable();
        blobs.dedup();
        blobs.retain(|blob| !seen[*blob as usize]);
        self.pathless = blobs.into_iter().map(BlobNo).collect();
    }

    fn find_messages(&mut self, tips: &Tips) {
        let tags = tips.tag_hits.iter().map(|object| (*object, true));
        let commits = self.reached.objects.iter().zip(&self.reached.flags);
        let commits = commits
            .filter(|(_, flags)| flags.hit)
            .map(|(object, _)| (*object, false));
        self.messages = tags
            .chain(commits)
            .map(|(object, is_tag)| Message {
                id: self.catalog.ids.oid(object),
                is_tag,
            })
            .collect();
    }

    fn find_problems(&mut self, tips: &Tips) {
        let mut problems = Vec::new();
        for (id, what) in &tips.damaged {
            problems.push((None, *id, *what, None));
        }
        for (number, what, child) in &self.reached.damaged {
            let child = child.map(|object| self.catalog.ids.oid(object));
            problems.push((None, self.oid(*number), *what, child));
        }
        self.trees.with(&self.catalog, |trees| {
            for (number, what, node) in &self.walk.damaged {
                let mut path = Vec::new();
                self.walk.path(trees, *node, &mut path);
                let commit = match node {
                    0 => self.reached.trees.iter().position(|tree| tree == number),
                    _ => None,
                };
                let commit = commit.map(|at| self.commit_id(CommitNo(at as u32)));
                problems.push((Some(path), self.oid(*number), *what, commit));
            }
        });
        let mut told = HashSet::new();
        for version in &self.versions {
            let number = version.blob.0;
            if let Some(what) = damage(&self.catalog, number, Kind::Blob)
                && told.insert(number)
            {
                let path = self.path(version.path).to_vec();
                problems.push((Some(path), self.oid(number), what, None));
            }
        }
        let mut problems: Vec<Problem> = problems
            .into_iter()
            .map(|(path, id, what, commit)| Problem {
                path,
                id,
                what: what.into(),
                commit,
            })
            .collect();
        problems.sort_unstable();
        let mut told = HashSet::new();
        problems.retain(|problem| told.insert((problem.id, problem.what)));
        self.problems = problems;
    }
}

impl TreeStore {
    /// Ids that became known while trees were read.
    fn lost(&self) -> Option<Vec<Oid>> {
        match self {
            Self::Recipes(_) => None,
            Self::Plain(state) => {
                let state = state
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                Some(state.lost.ids.clone())
            }
        }
    }
}

impl Paths {
    fn nodes_of(&self, path: PathNo) -> &[u32] {
        let at = path.0 as usize;
        &self.nodes[self.first_node[at] as usize..self.first_node[at + 1] as usize]
    }
}

fn mode(kind: OidKind) -> Mode {
    match kind {
        OidKind::Blob => Mode::Blob,
        OidKind::Executable => Mode::Executable,
        OidKind::Link => Mode::Link,
        OidKind::Submodule => Mode::Commit,
        OidKind::Tree => Mode::Tree,
    }
}

impl From<Damage> for Trouble {
    fn from(damage: Damage) -> Self {
        match damage {
            Damage::Missing => Self::Missing,
            Damage::Corrupt => Self::Corrupt,
            Damage::WrongKind => Self::WrongKind,
            Damage::TooLarge => Self::TooLarge,
        }
    }
}

/// Adds to `roots` the trees that no tree below them names.
fn add_dangling(catalog: &Catalog, trees: &dyn Trees, all: &[u32], roots: &mut Vec<u32>) {
    let mut marked = vec![false; catalog.ids.count()];
    mark(catalog, trees, roots, &mut marked);
    let (mut named, mut items) = (vec![false; marked.len()], Vec::new());
    for tree in all.iter().filter(|tree| !marked[**tree as usize]) {
        items.clear();
        trees.all(*tree, &mut items);
        let below = items.iter().map(|item| item.child());
        for child in below.filter(|child| child.mode() == Mode::Tree) {
            if let Some(named) = named.get_mut(child.number() as usize) {
                *named = true;
            }
        }
    }
    // The second turn is for circles, which only forged ids can make.
    for anyway in [false, true] {
        for tree in all {
            if !marked[*tree as usize] && (anyway || !named[*tree as usize]) {
                roots.push(*tree);
                mark(catalog, trees, &[*tree], &mut marked);
            }
        }
    }
}

/// Marks all trees below some.
fn mark(catalog: &Catalog, trees: &dyn Trees, from: &[u32], marked: &mut [bool]) {
    let mut open = from.to_vec();
    let mut items = Vec::new();
    while let Some(tree) = open.pop() {
        if damage(catalog, tree, Kind::Tree).is_some()
            || std::mem::replace(&mut marked[tree as usize], true)
        {
            continue;
        }
        items.clear();
        // What the base names is marked with the base.
        match trees.base(tree).is_some_and(|base| marked[base as usize]) {
            true => trees.added(tree, &mut items),
            false => trees.all(tree, &mut items),
        };
        let below = items.iter().map(|item| item.child());
        open.extend(
            below
                .filter(|child| child.mode() == Mode::Tree)
                .map(Child::number),
        );
    }
}

//! All commits and trees of the stores, read in the order of the packs; trees kept as what they add to their base.
//!
//! A recipe is a list of steps: entries that are copied from the base, and entries of its own. An entry of the base that
//! lies whole in a part that the delta copied is not looked at. In histories of manifests nineteen entries of twenty are of
//! that kind. After a number of steps down a chain a tree is kept whole, so that putting one together stays cheap.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Search;
use super::catalog::{Catalog, Kind, NONE, Reader};
use super::delta::Copied;
use super::family::{Decoded, Families, Worker};
use super::graph::{Commits, Damage, Item, Lost, Selected, Trees};
use super::names::Names;
use super::parse::{self, Mode};
use super::reach;
use super::threads;

/// A tree is kept whole after this many steps from one that is.
const MAX_DEPTH: u32 = 48;
/// Steps of all trees together; beyond, trees are read again when they are needed.
const MAX_STEPS: usize = 20_000_000;
/// How many ids are looked up at once.
const AT_ONCE: usize = 1024;

/// One step: an entry of its own, or a run of entries of the base.
#[derive(Clone, Copy)]
struct Step(u64);

enum Part {
    Own(Item),
    /// From where, and how many.
    Base(usize, usize),
}

const BASE: u64 = 1 << 63;
/// An entry without a name has all bits there; no tree has so many entries that a run could look like one.
const NAMELESS: u64 = (NONE as u64) << 32;

impl Step {
    fn part(self) -> Part {
        if self.0 & BASE == 0 || self.0 & NAMELESS == NAMELESS {
            return Part::Own(Item::from_bits(self.0));
        }
        let from = (self.0 & !BASE) >> 32;
        Part::Base(from as usize, self.0 as u32 as usize)
    }

    fn base(from: usize, len: usize) -> Self {
        Self(BASE | (from as u64) << 32 | len as u64)
    }
}

/// How to put one tree together.
#[derive(Clone, Copy)]
struct Recipe {
    /// The recipe of the base.
    base: u32,
    first: u32,
    len: u32,
    /// The object, when this is its first entry.
    object: u32,
    /// The object of the base, when that is its first entry.
    base_object: u32,
    damage: Option<Damage>,
}

/// What was read.
pub(super) struct Recipes {
    pub(super) commits: Commits,
    names: Names,
    recipes: Vec<Recipe>,
    steps: Vec<Step>,
    /// By object: its commit or its recipe.
    place: Vec<u32>,
    broken: HashMap<u32, Damage>,
}

impl Recipes {
    /// Reads all commits and trees; `None` when they would not fit.
    pub(super) fn read(
        catalog: &Catalog,
        families: &Families,
        search: &dyn Search,
        threads: usize,
    ) -> Option<(Self, Lost)> {
        let is_first = |entry: u32| {
            let object = catalog.object_of[entry as usize];
            object != NONE && catalog.entry_of[object as usize] == entry
        };
        let wanted = |entry: u32| {
            let kind = catalog.entries[entry as usize].kind;
            matches!(kind, Kind::Commit | Kind::Tree) && is_first(entry)
        };
        let need = families.need(catalog, wanted);
        let total = AtomicUsize::new(0);
        let mut readers = families.walk(catalog, &need, threads, || {
            TreeReader::new(catalog, search, &total)
        });
        // What has no family, and what failed in it.
        let mut single: Vec<u32> = readers
            .iter_mut()
            .flat_map(|r| r.failed.drain(..))
            .collect();
        let of_kind = |kind: Kind| matches!(kind, Kind::Commit | Kind::Tree);
        let entries = 0..catalog.entries.len() as u32;
        single.extend(entries.filter(|e| catalog.is_loose(*e) && wanted(*e)));
        let mut single: Vec<u32> = single
            .into_iter()
            .filter(|entry| is_first(*entry))
            .map(|entry| catalog.object_of[entry as usize])
            .chain(catalog.odd_objects())
            .filter(|object| of_kind(catalog.kind(*object)))
            .collect();
        single.sort_unstable();
        single.dedup();
        let counter = AtomicUsize::new(0);
        if !single.is_empty() {
            readers.extend(threads::each(threads.min(single.len()), || {
                let mut own = TreeReader::new(catalog, search, &total);
                let (mut reader, mut bytes) = (Reader::new(), Vec::new());
                while let Some(range) = threads::next(&counter, 32, single.len()) {
                    for object in &single[range] {
                        own.read_alone(*object, &mut reader, &mut bytes);
                    }
                }
                own
            }));
        }
        if readers.iter_mut().any(Worker::stop) {
            return None;
        }
        readers.iter_mut().for_each(TreeReader::number);
        Some(merge(catalog, readers))
    }

    /// The commit of an object.
    pub(super) fn commit(&self, object: u32) -> Result<u32, Damage> {
        match self.place[object as usize] {
            NONE => Err(self.damage(object)),
            place => Ok(place),
        }
    }

    fn damage(&self, object: u32) -> Damage {
        self.broken.get(&object).copied().unwrap_or(Damage::Corrupt)
    }

    fn recipe(&self, tree: u32) -> Option<&Recipe> {
        self.recipes.get(self.place[tree as usize] as usize)
    }

    fn steps(&self, recipe: &Recipe) -> &[Step] {
        &self.steps[recipe.first as usize..][..recipe.len as usize]
    }
}

impl Trees for Recipes {
    fn base(&self, tree: u32) -> Option<u32> {
        let base = self.recipe(tree)?.base_object;
        (base != NONE).then_some(base)
    }

    fn added(&self, tree: u32, out: &mut Vec<Item>) -> Option<Damage> {
        let Some(recipe) = self.recipe(tree) else {
            return Some(self.damage(tree));
        };
        out.extend(
            self.steps(recipe)
                .iter()
                .filter_map(|step| match step.part() {
                    Part::Own(item) => Some(item),
                    Part::Base(..) => None,
                }),
        );
        recipe.damage
    }

    fn all(&self, tree: u32, out: &mut Vec<Item>) -> Option<Damage> {
        let Some(recipe) = self.recipe(tree) else {
            return Some(self.damage(tree));
        };
        let mut chain = vec![recipe];
        let mut now = recipe;
        while let Some(base) = self.recipes.get(now.base as usize) {
            chain.push(base);
            now = base;
        }
        let (mut whole, mut base) = (Vec::new(), Vec::new());
        while let Some(recipe) = chain.pop() {
            std::mem::swap(&mut whole, &mut base);
            whole.clear();
            for step in self.steps(recipe) {
                match step.part() {
                    Part::Own(item) => whole.push(item),
                    Part::Base(from, len) => whole.extend_from_slice(&base[from..from + len]),
                }
            }
        }
        out.append(&mut whole);
        recipe.damage
    }

    /// A run of the base holds what is marked in that part of the base: few steps tell of trees with many entries.
    fn select(&self, trees: &[u32], names: &[bool]) -> Selected {
        let recipe = |tree: &u32| self.place.get(*tree as usize).map_or(NONE, |at| *at) as usize;
        let mut needed = vec![false; self.recipes.len()];
        for tree in trees {
            let mut at = recipe(tree);
            while needed.get(at) == Some(&false) {
                needed[at] = true;
                at = self.recipes[at].base as usize;
            }
        }
        let mut selected = Selected::default();
        // By recipe its part of the list, which holds where in the tree each entry stands.
        let mut parts = vec![(0u32, 0u32); self.recipes.len()];
        let mut at: Vec<u32> = Vec::new();
        for (number, recipe) in self.recipes.iter().enumerate() {
            if !needed[number] {
                continue;
            }
            let first = at.len();
            // A base is read before what is rebuilt from it.
            let base = parts.get(recipe.base as usize).copied().unwrap_or_default();
            let mut next = 0;
            for step in self.steps(recipe) {
                match step.part() {
                    Part::Own(item) => {
                        if names.get(item.name() as usize) == Some(&true) {
                            at.push(next);
                            selected.items.push(item);
                        }
                        next += 1;
                    }
                    Part::Base(from, len) => {
                        let all = base.0 as usize..base.1 as usize;
                        let of_base = &at[all.clone()];
                        let low = of_base.partition_point(|at| (*at as usize) < from);
                        let high = of_base.partition_point(|at| (*at as usize) < from + len);
                        for i in all.start + low..all.start + high {
                            at.push(at[i] - from as u32 + next);
                            selected.items.push(selected.items[i]);
                        }
                        next += len as u32;
                    }
                }
            }
            parts[number] = (first as u32, at.len() as u32);
        }
        let of_tree = |tree: &u32| parts.get(recipe(tree)).copied().unwrap_or_default();
        selected.place = trees.iter().map(of_tree).collect();
        selected
    }

    fn name(&self, name: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(self.names.get(name));
    }
}

/// Makes one of what the threads read: names and ids that are not there get common numbers.
fn merge(catalog: &Catalog, readers: Vec<TreeReader<'_>>) -> (Recipes, Lost) {
    let known = catalog.ids.count() as u32;
    let mut lost = Lost::default();
    let mut all: Vec<_> = readers
        .iter()
        .flat_map(|r| r.lost.ids.iter().copied())
        .collect();
    all.sort_unstable();
    for id in all {
        lost.number(catalog, id.as_bytes());
    }
    let mut out = Recipes {
        commits: Commits::default(),
        names: Names::new(),
        recipes: Vec::new(),
        steps: Vec::new(),
        place: vec![NONE; known as usize],
        broken: HashMap::new(),
    };
    for reader in readers {
        let names: Vec<u32> = (0..reader.names.count())
            .map(|name| out.names.number(reader.names.get(name)).unwrap_or(NONE))
            .collect();
        let own = &reader.lost.ids;
        let own: Vec<u32> = own
            .iter()
            .map(|id| lost.number(catalog, id.as_bytes()))
            .collect();
        let number = |number: u32| match number.checked_sub(known) {
            None => number,
            Some(lost) => own[lost as usize],
        };
        let first_commit = out.commits.list.len() as u32;
        let first_parent = out.commits.parents.len() as u32;
        for (at, mut commit) in reader.commits.list.into_iter().enumerate() {
            commit.tree = number(commit.tree);
            commit.first_parent += first_parent;
            out.place[commit.object as usize] = first_commit + at as u32;
            out.commits.list.push(commit);
        }
        let parents = reader.commits.parents.into_iter();
        out.commits.parents.extend(parents.map(number));
        let (first_recipe, first_step) = (out.recipes.len() as u32, out.steps.len() as u32);
        for (at, mut recipe) in reader.recipes.into_iter().enumerate() {
            if recipe.base != NONE {
                recipe.base += first_recipe;
            }
            recipe.first += first_step;
            if recipe.object != NONE {
                out.place[recipe.object as usize] = first_recipe + at as u32;
            }
            out.recipes.push(recipe);
        }
        out.steps
            .extend(reader.steps.into_iter().map(|step| match step.part() {
                Part::Own(item) => {
                    let name = names.get(item.name() as usize).copied().unwrap_or(NONE);
                    let child = item.child();
                    Step(Item::new(name, number(child.number()), child.mode()).bits())
                }
                Part::Base(..) => step,
            }));
        out.broken.extend(reader.broken);
    }
    (out, lost)
}

/// Reads commits and trees on one thread. Numbers of names and of ids that are not there are its own.
struct TreeReader<'a> {
    catalog: &'a Catalog,
    search: &'a dyn Search,
    /// Steps of all threads, as far as they were counted.
    total: &'a AtomicUsize,
    counted: usize,
    commits: Commits,
    names: Names,
    lost: Lost,
    recipes: Vec<Recipe>,
    steps: Vec<Step>,
    /// Steps whose ids were not looked up yet, and these ids.
    open: Vec<u32>,
    open_ids: Vec<u8>,
    runs: Vec<(u32, u32)>,
    failed: Vec<u32>,
    broken: Vec<(u32, Damage)>,
}

/// What a tree leaves to those that are rebuilt from it.
#[derive(Default)]
struct Shape {
    /// Where its entries start, and where the last ends.
    starts: Vec<u32>,
    recipe: u32,
    object: u32,
    depth: u32,
}

impl<'a> TreeReader<'a> {
    fn new(catalog: &'a Catalog, search: &'a dyn Search, total: &'a AtomicUsize) -> Self {
        Self {
            catalog,
            search,
            total,
            counted: 0,
            commits: Commits::default(),
            names: Names::new(),
            lost: Lost::default(),
            recipes: Vec::new(),
            steps: Vec::new(),
            open: Vec::new(),
            open_ids: Vec::new(),
            runs: Vec::new(),
            failed: Vec::new(),
            broken: Vec::new(),
        }
    }

    fn read_alone(&mut self, object: u32, reader: &mut Reader, bytes: &mut Vec<u8>) {
        match self.catalog.read(object, reader, bytes) {
            Ok(Kind::Commit) => self.commit(object, bytes),
            Ok(Kind::Tree) => {
                self.tree(object, bytes, None, &[], &mut Shape::default());
            }
            Ok(_) => self.broken.push((object, Damage::WrongKind)),
            Err(why) => self.broken.push((object, why.into())),
        }
    }

    fn commit(&mut self, object: u32, text: &[u8]) {
        let read = reach::read_commit(
            self.catalog,
            object,
            text,
            &mut self.lost,
            self.search,
            &mut self.commits,
        );
        if read.is_none() {
            self.broken.push((object, Damage::Corrupt));
        }
    }

    fn tree(
        &mut self,
        object: u32,
        bytes: &[u8],
        base: Option<&Shape>,
        copied: &[Copied],
        shape: &mut Shape,
    ) {
        let base = base.filter(|base| base.depth < MAX_DEPTH);
        shape.starts.clear();
        shape.depth = base.map_or(0, |base| base.depth + 1);
        shape.object = object;
        shape.recipe = self.recipes.len() as u32;
        let first = self.steps.len();
        let damage = match base {
            Some(base) => self.steps_from(base, bytes, copied, &mut shape.starts),
            None => self.steps_of(bytes, 0, bytes.len(), &mut shape.starts),
        };
        let end = match damage {
            Ok(()) => bytes.len(),
            Err(at) => at,
        };
        shape.starts.push(end as u32);
        self.recipes.push(Recipe {
            base: base.map_or(NONE, |base| base.recipe),
            first: first as u32,
            len: (self.steps.len() - first) as u32,
            object,
            base_object: base.map_or(NONE, |base| base.object),
            damage: damage.is_err().then_some(Damage::Corrupt),
        });
    }

    /// Reads the entries that start in `at..end`; tells where it had to stop.
    fn steps_of(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        end: usize,
        starts: &mut Vec<u32>,
    ) -> Result<(), usize> {
        while at < end {
            at = self.own(bytes, at, starts).ok_or(at)?;
        }
        Ok(())
    }

    /// Gives open steps the numbers of their ids.
    fn number(&mut self) {
        let ids = self.open_ids.chunks_exact(self.catalog.hash.len_in_bytes());
        let found = self.catalog.ids.find_all(&self.open_ids, &mut self.runs);
        for ((step, id), found) in self.open.drain(..).zip(ids).zip(found) {
            let number = found.unwrap_or_else(|| self.lost.number(self.catalog, id));
            let step = &mut self.steps[step as usize];
            let item = Item::from_bits(step.0);
            *step = Step(Item::new(item.name(), number, item.child().mode()).bits());
        }
        self.open_ids.clear();
    }

    /// One entry; where it ends.
    fn own(&mut self, bytes: &[u8], at: usize, starts: &mut Vec<u32>) -> Option<usize> {
        let entry = parse::entry(bytes, at, self.catalog.hash.len_in_bytes())?;
        let name = self.names.number(entry.name).unwrap_or(NONE);
        if entry.mode != Mode::Commit {
            self.open.push(self.steps.len() as u32);
            self.open_ids.extend_from_slice(entry.id);
        }
        self.steps.push(Step(Item::new(name, 0, entry.mode).bits()));
        if self.open.len() >= AT_ONCE {
            self.number();
        }
        starts.push(at as u32);
        Some(entry.end)
    }

    fn steps_from(
        &mut self,
        base: &Shape,
        bytes: &[u8],
        copied: &[Copied],
        starts: &mut Vec<u32>,
    ) -> Result<(), usize> {
        let first = self.steps.len();
        let (mut at, mut copies) = (0, copied.iter().peekable());
        while at < bytes.len() {
            while copies.next_if(|c| c.to + c.len <= at).is_some() {}
            let run = copies
                .peek()
                .filter(|c| c.to <= at)
                .and_then(|c| whole_entries(&base.starts, c.from + (at - c.to), c.from + c.len));
            let Some((from, to)) = run else {
                at = self.own(bytes, at, starts).ok_or(at)?;
                continue;
            };
            let start = base.starts[from] as usize;
            let moved = base.starts[from..to].iter();
            starts.extend(moved.map(|s| (*s as usize - start + at) as u32));
            at += base.starts[to] as usize - start;
            let before = self.steps[first..].last_mut();
            match before.map(|step| (step.part(), step)) {
                Some((Part::Base(other, len), step)) if other + len == from => {
                    *step = Step::base(other, len + to - from);
                }
                _ => self.steps.push(Step::base(from, to - from)),
            }
        }
        Ok(())
    }
}

/// Entries of the base, as numbers, that fill `from..` and end at `to` or before.
fn whole_entries(starts: &[u32], from: usize, to: usize) -> Option<(usize, usize)> {
    let first = starts.binary_search(&(from as u32)).ok()?;
    let last = first + starts[first..].partition_point(|s| *s as usize <= to) - 1;
    (last > first).then_some((first, last))
}

impl Worker for TreeReader<'_> {
    type State = Shape;

    fn visit(&mut self, entry: u32, object: &Decoded<'_, Shape>, shape: &mut Shape) {
        let number = self.catalog.object_of[entry as usize];
        let is_first = number != NONE && self.catalog.entry_of[number as usize] == entry;
        match self.catalog.entries[entry as usize].kind {
            Kind::Tree => {
                let number = if is_first { number } else { NONE };
                self.tree(number, object.bytes, object.base, object.copied, shape);
            }
            _ if is_first => self.commit(number, object.bytes),
            _ => {}
        }
    }

    fn fail(&mut self, entry: u32) {
        self.failed.push(entry);
    }

    fn stop(&mut self) -> bool {
        let new = self.steps.len() - std::mem::replace(&mut self.counted, self.steps.len());
        self.total.fetch_add(new, Ordering::Relaxed) + new > MAX_STEPS
    }
}

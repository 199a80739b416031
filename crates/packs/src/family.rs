//! Objects in the order of their deltas: each base is decoded once, and all that is told by it while it is at hand.
//!
//! A family is an object that stands for itself with all that is rebuilt from it. It is walked depth first with the heaviest
//! child last: by then nothing else needs the parent, whose buffer is given on. What is held at a time is so at most the
//! logarithm of the family's size in objects, however deep its chains are. Threads take families from a counter.

use std::sync::atomic::AtomicUsize;

use super::catalog::{Catalog, Kind, NONE, Unread};
use super::delta::{self, Copied, Inflater, MAX_OBJECT};
use super::threads;

/// What is done with the objects of one thread.
pub(super) trait Worker: Send {
    /// What is kept of an object for those that are rebuilt from it.
    type State: Default;

    fn visit(&mut self, entry: u32, object: &Decoded<'_, Self::State>, state: &mut Self::State);

    /// An entry that could not be decoded, also for its base.
    fn fail(&mut self, entry: u32);

    /// Asked before each family.
    fn stop(&mut self) -> bool {
        false
    }
}

/// An object as it passes by.
pub(super) struct Decoded<'a, S> {
    pub(super) bytes: &'a [u8],
    /// What was kept of the base.
    pub(super) base: Option<&'a S>,
    /// What was copied from it, in order.
    pub(super) copied: &'a [Copied],
}

/// Which entries are rebuilt from which.
pub(super) struct Families {
    /// By entry: the last entry that is rebuilt from it.
    child: Vec<u32>,
    /// By entry: the one before it that is rebuilt from the same.
    sibling: Vec<u32>,
    /// An order in which bases come first; `None` where that of the packs is one.
    order: Option<Vec<u32>>,
}

/// Which entries a walk needs.
pub(super) struct Need {
    /// By entry: how many needed ones hang on it, itself included.
    weight: Vec<u32>,
    heavy: Vec<u32>,
    light: Vec<u32>,
}

/// A family from this size on is taken for itself, the largest first, so that no thread is left with one at the end.
const HEAVY: u32 = 256;
/// How many small families are taken at once.
const STEP: usize = 64;
/// Bytes that one thread may hold in buffers of a family.
const MAX_HELD: usize = 2 * MAX_OBJECT;
/// A buffer beyond this is given back after its family.
const MAX_KEPT: usize = 16 << 20;

impl Families {
    pub(super) fn new(catalog: &Catalog) -> Self {
        let count = catalog.entries.len();
        let (mut child, mut sibling) = (vec![NONE; count], vec![NONE; count]);
        let mut in_order = true;
        for (at, entry) in catalog.entries.iter().enumerate() {
            if entry.base != NONE && entry.kind != Kind::Unknown {
                let last = &mut child[entry.base as usize];
                sibling[at] = std::mem::replace(last, at as u32);
                in_order &= (entry.base as usize) < at;
            }
        }
        let mut families = Self {
            child,
            sibling,
            order: None,
        };
        families.order = (!in_order).then(|| families.bases_first(catalog));
        families
    }

    fn bases_first(&self, catalog: &Catalog) -> Vec<u32> {
        let all = 0..catalog.entries.len() as u32;
        let mut order: Vec<u32> = all
            .filter(|at| catalog.entries[*at as usize].base == NONE)
            .collect();
        let mut at = 0;
        while at < order.len() {
            order.extend(self.children(order[at]));
            at += 1;
        }
        order
    }

    fn children(&self, entry: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.child[entry as usize];
        std::iter::successors((first != NONE).then_some(first), |at| {
            let next = self.sibling[*at as usize];
            (next != NONE).then_some(next)
        })
    }

    /// The families that some entries need. Loose ones have none.
    pub(super) fn need(&self, catalog: &Catalog, wanted: impl Fn(u32) -> bool) -> Need {
        let count = catalog.entries.len() as u32;
        let mut weight: Vec<u32> = (0..count)
            .map(|at| u32::from(!catalog.is_loose(at) && wanted(at)))
            .collect();
        let up = |weight: &mut Vec<u32>, at: u32| {
            let (own, base) = (weight[at as usize], catalog.entries[at as usize].base);
            if own > 0 && base != NONE {
                let base = &mut weight[base as usize];
                *base = base.saturating_add(own);
            }
        };
        match &self.order {
            Some(order) => order.iter().rev().for_each(|at| up(&mut weight, *at)),
            None => (0..count).rev().for_each(|at| up(&mut weight, at)),
        }
        let (mut heavy, mut light) = (Vec::new(), Vec::new());
        for at in 0..count {
            if weight[at as usize] > 0 && catalog.entries[at as usize].base == NONE {
                match weight[at as usize] >= HEAVY {
                    true => heavy.push(at),
                    false => light.push(at),
                }
            }
        }
        heavy.sort_by_key(|at| std::cmp::Reverse(weight[*at as usize]));
        Need {
            weight,
            heavy,
            light,
        }
    }

    /// Decodes all needed entries; gives the workers back.
    pub(super) fn walk<W: Worker>(
        &self,
        catalog: &Catalog,
        need: &Need,
        threads: usize,
        make: impl Fn() -> W + Sync,
    ) -> Vec<W> {
        let (heavy, light) = (AtomicUsize::new(0), AtomicUsize::new(0));
        threads::each(threads, || {
            let mut line = Line::new(catalog, self, need);
            let mut worker = make();
            while let Some(range) = threads::next(&heavy, 1, need.heavy.len()) {
                line.family(need.heavy[range.start], &mut worker);
            }
            while let Some(range) = threads::next(&light, STEP, need.light.len()) {
                for root in &need.light[range] {
                    line.family(*root, &mut worker);
                }
            }
            worker
        })
    }
}

struct Slot<S> {
    bytes: Vec<u8>,
    state: S,
}

/// An entry that is to be decoded.
#[derive(Clone, Copy)]
struct Todo {
    entry: u32,
    /// Where its base is held.
    base: u32,
    /// Whether nothing else needs the base.
    last: bool,
}

/// The buffers of one thread.
struct Line<'a, S> {
    catalog: &'a Catalog,
    families: &'a Families,
    need: &'a Need,
    inflater: Inflater,
    slots: Vec<Slot<S>>,
    delta: Vec<u8>,
    copied: Vec<Copied>,
    todo: Vec<Todo>,
    /// The object that is being decoded.
    bytes: Vec<u8>,
    state: S,
}

impl<'a, S: Default> Line<'a, S> {
    fn new(catalog: &'a Catalog, families: &'a Families, need: &'a Need) -> Self {
        Self {
            catalog,
            families,
            need,
            inflater: Inflater::new(),
            slots: Vec::new(),
            delta: Vec::new(),
            copied: Vec::new(),
            todo: Vec::new(),
            bytes: Vec::new(),
            state: S::default(),
        }
    }

    fn family<W: Worker<State = S>>(&mut self, root: u32, worker: &mut W) {
        if worker.stop() {
            return;
        }
        self.todo.push(Todo {
            entry: root,
            base: NONE,
            last: true,
        });
        while let Some(todo) = self.todo.pop() {
            if self.decode(todo).is_err() {
                self.give_up(todo.entry, worker);
                continue;
            }
            let decoded = Decoded {
                bytes: &self.bytes,
                base: self.slots.get(todo.base as usize).map(|slot| &slot.state),
                copied: &self.copied,
            };
            worker.visit(todo.entry, &decoded, &mut self.state);
            self.hold(todo);
        }
        for slot in &mut self.slots {
            if slot.bytes.capacity() > MAX_KEPT {
                slot.bytes = Vec::new();
            }
        }
    }

    fn decode(&mut self, todo: Todo) -> Result<(), Unread> {
        let entry = &self.catalog.entries[todo.entry as usize];
        let size = usize::try_from(entry.size).map_err(|_| Unread::TooLarge)?;
        if size > MAX_OBJECT {
            return Err(Unread::TooLarge);
        }
        let stream = self.catalog.stream(todo.entry);
        self.copied.clear();
        let fits = match self.slots.get(todo.base as usize) {
            None => self.inflater.inflate(stream, size, &mut self.bytes),
            Some(base) => {
                self.inflater.inflate(stream, size, &mut self.delta)
                    && delta::apply(&base.bytes, &self.delta, &mut self.bytes, &mut self.copied)
            }
        };
        // Only a few objects near the limit fit at once; the others are read for themselves.
        let held = self.slots.iter().map(|slot| slot.bytes.len());
        if self.bytes.len() > MAX_KEPT && held.sum::<usize>() > MAX_HELD {
            return Err(Unread::TooLarge);
        }
        fits.then_some(()).ok_or(Unread::Corrupt)
    }

    /// Keeps what was decoded for those that are rebuilt from it, and lines these up.
    fn hold(&mut self, todo: Todo) {
        let weight = |entry: &u32| self.need.weight[*entry as usize];
        let children = || {
            let all = self.families.children(todo.entry);
            all.filter(|child| weight(child) > 0)
        };
        // The heaviest of all, the first of these if there are several.
        let Some(heaviest) =
            children().max_by_key(|child| (weight(child), std::cmp::Reverse(*child)))
        else {
            return;
        };
        let slot = match todo.base {
            NONE => 0,
            base if todo.last => base as usize,
            base => base as usize + 1,
        };
        if slot == self.slots.len() {
            self.slots.push(Slot {
                bytes: Vec::new(),
                state: S::default(),
            });
        }
        self.todo.push(Todo {
            entry: heaviest,
            base: slot as u32,
            last: true,
        });
        // The last comes first here, so the first is done first.
        let others = children().filter(|child| *child != heaviest);
        self.todo.extend(others.map(|entry| Todo {
            entry,
            base: slot as u32,
            last: false,
        }));
        std::mem::swap(&mut self.slots[slot].bytes, &mut self.bytes);
        std::mem::swap(&mut self.slots[slot].state, &mut self.state);
    }

    /// Tells the worker of all needed entries below one that could not be decoded.
    fn give_up<W: Worker<State = S>>(&mut self, entry: u32, worker: &mut W) {
        let mut open = vec![entry];
        while let Some(entry) = open.pop() {
            worker.fail(entry);
            let children = self.families.children(entry);
            open.extend(children.filter(|child| self.need.weight[*child as usize] > 0));
        }
    }
}

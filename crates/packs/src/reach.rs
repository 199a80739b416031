//! Which commits are reached, and in which order they are told.

use std::collections::HashMap;

use super::Search;
use super::catalog::{Catalog, Kind, NONE, Reader};
use super::graph::{Commits, Damage, Lost, damage};
use super::object::Oid;
use super::parse;
use super::stores::Stores;

/// Where reading starts, tags peeled.
#[derive(Default)]
pub(super) struct Tips {
    pub(super) commits: Vec<u32>,
    pub(super) trees: Vec<u32>,
    pub(super) blobs: Vec<u32>,
    /// Tags on the way whose text matched.
    pub(super) tag_hits: Vec<u32>,
    /// Tips and targets of tags that are of no use.
    pub(super) damaged: Vec<(Oid, Damage)>,
}

/// Longer chains of tags than this mean nothing.
const MAX_TAGS: usize = 64;

impl Tips {
    pub(super) fn new(
        catalog: &Catalog,
        ids: &[Oid],
        tags: impl Iterator<Item = u32>,
        search: &dyn Search,
    ) -> Self {
        let mut tips = Self::default();
        let (mut seen, mut hits) = (std::collections::HashSet::new(), Vec::new());
        let (mut reader, mut bytes) = (Reader::new(), Vec::new());
        let tags = tags.map(|object| catalog.ids.oid(object));
        for mut id in ids.iter().copied().chain(tags) {
            for _ in 0..MAX_TAGS {
                let Some(object) = catalog.ids.find(id.as_bytes()) else {
                    tips.damaged.push((id, Damage::Missing));
                    break;
                };
                match catalog.kind(object) {
                    Kind::Commit => tips.commits.push(object),
                    Kind::Tree => tips.trees.push(object),
                    Kind::Blob => tips.blobs.push(object),
                    Kind::Unknown => tips.damaged.push((id, Damage::Corrupt)),
                    Kind::Tag if !seen.insert(object) => {}
                    Kind::Tag => match catalog.read(object, &mut reader, &mut bytes) {
                        Ok(_) => {
                            hits.clear();
                            search.search(&bytes, 0..bytes.len(), &mut hits);
                            if !hits.is_empty() {
                                tips.tag_hits.push(object);
                            }
                            if let Some(next) = parse::tag(&bytes, catalog.hash.len_in_hex()) {
                                id = next;
                                continue;
                            }
                            tips.damaged.push((id, Damage::Corrupt));
                        }
                        Err(why) => tips.damaged.push((id, why.into())),
                    },
                }
                break;
            }
        }
        for list in [
            &mut tips.commits,
            &mut tips.trees,
            &mut tips.blobs,
            &mut tips.tag_hits,
        ] {
            list.sort_unstable();
            list.dedup();
        }
        tips
    }
}

/// Reads a commit into the table; `None` when there is none.
pub(super) fn read_commit(
    catalog: &Catalog,
    object: u32,
    text: &[u8],
    lost: &mut Lost,
    search: &dyn Search,
    commits: &mut Commits,
) -> Option<u32> {
    let parsed = parse::commit(text, catalog.hash.len_in_hex())?;
    let mut hits = Vec::new();
    search.search(text, 0..text.len(), &mut hits);
    let first_parent = commits.parents.len() as u32;
    for id in &parsed.parents {
        commits.parents.push(lost.number(catalog, id.as_bytes()));
    }
    commits.list.push(super::graph::Commit {
        object,
        tree: lost.number(catalog, parsed.tree.as_bytes()),
        first_parent,
        parent_count: parsed.parents.len() as u32,
        time: parsed.time,
        hit: !hits.is_empty(),
    });
    Some(commits.list.len() as u32 - 1)
}

/// Commits in their final order.
#[derive(Default)]
pub(super) struct Reached {
    pub(super) objects: Vec<u32>,
    pub(super) trees: Vec<u32>,
    pub(super) times: Vec<i64>,
    pub(super) flags: Vec<Flags>,
    /// Where the parents of each start; one more than there are commits.
    pub(super) first_parent: Vec<u32>,
    /// Numbers in this order.
    pub(super) parents: Vec<u32>,
    /// Sorted objects and their place in this order.
    pub(super) places: Vec<(u32, u32)>,
    /// Commits that are named and not there, and the commit that names them.
    pub(super) damaged: Vec<(u32, Damage, Option<u32>)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) cut: bool,
    pub(super) unreachable: bool,
    pub(super) hit: bool,
}

/// What a flood found, before it is put in order.
pub(super) struct Flood<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) stores: &'a Stores,
    /// Places in the table of commits, in the order of discovery.
    found: Vec<u32>,
    /// By object of a commit: its place in `found`.
    known: HashMap<u32, u32, foldhash::fast::RandomState>,
    damaged: Vec<(u32, Damage, Option<u32>)>,
    reachable: usize,
}

/// The place of a commit in the table, or what is wrong with it.
pub(super) type Load<'a> = dyn FnMut(u32, &mut Commits) -> Result<u32, Damage> + 'a;

impl<'a> Flood<'a> {
    pub(super) fn new(catalog: &'a Catalog, stores: &'a Stores) -> Self {
        Self {
            catalog,
            stores,
            found: Vec::new(),
            known: HashMap::default(),
            damaged: Vec::new(),
            reachable: 0,
        }
    }

    /// Follows parents from `tips`. What a second call finds is not reachable.
    pub(super) fn run(&mut self, tips: &[u32], commits: &mut Commits, load: &mut Load<'_>) {
        let mut at = self.found.len();
        let first = at == 0;
        for tip in tips {
            self.visit(*tip, None, commits, load);
        }
        let mut parents = Vec::new();
        while at < self.found.len() {
            let commit = commits.list[self.found[at] as usize];
            at += 1;
            if self.is_shallow(commit.object) {
                continue;
            }
            parents.clear();
            parents.extend_from_slice(commits.parents(&commit));
            for parent in &parents {
                self.visit(*parent, Some(commit.object), commits, load);
            }
        }
        if first {
            self.reachable = self.found.len();
        }
    }

    fn is_shallow(&self, object: u32) -> bool {
        self.stores.has_shallow() && self.stores.is_shallow(&self.catalog.ids.oid(object))
    }

    fn visit(
        &mut self,
        number: u32,
        child: Option<u32>,
        commits: &mut Commits,
        load: &mut Load<'_>,
    ) {
        if self.known.contains_key(&number) {
            return;
        }
        let loaded = match damage(self.catalog, number, Kind::Commit) {
            Some(what) => Err(what),
            None => load(number, commits),
        };
        match loaded {
            Ok(place) => {
                self.known.insert(number, self.found.len() as u32);
                self.found.push(place);
            }
            Err(what) => {
                self.known.insert(number, NONE);
                self.damaged.push((number, what, child));
            }
        }
    }

    /// Children before parents: first what has no child, the youngest first, then whatever this sets free, in turn.
    pub(super) fn in_order(self, commits: &Commits) -> Reached {
        let count = self.found.len();
        let of = |at: u32| &commits.list[self.found[at as usize] as usize];
        // Parents by their place in `found`.
        let mut first = Vec::with_capacity(count + 1);
        let (mut parents, mut cut) = (Vec::new(), vec![false; count]);
        let mut children = vec![0u32; count];
        for at in 0..count as u32 {
            first.push(parents.len());
            let commit = of(at);
            if self.is_shallow(commit.object) {
                cut[at as usize] = commit.parent_count > 0;
                continue;
            }
            for number in commits.parents(commit) {
                match self.known.get(number) {
                    Some(parent) if *parent != NONE => {
                        parents.push(*parent);
                        children[*parent as usize] += 1;
                    }
                    _ => cut[at as usize] = true,
                }
            }
        }
        first.push(parents.len());
        let key = |at: u32| {
            let commit = of(at);
            (std::cmp::Reverse(commit.time), commit.object)
        };
        let mut order: Vec<u32> = (0..count as u32)
            .filter(|at| children[*at as usize] == 0)
            .collect();
        order.sort_unstable_by_key(|at| key(*at));
        let mut placed = vec![NONE; count];
        let mut next = 0;
        loop {
            while next < order.len() {
                let at = order[next] as usize;
                placed[at] = next as u32;
                next += 1;
                for parent in &parents[first[at]..first[at + 1]] {
                    let left = &mut children[*parent as usize];
                    *left = left.saturating_sub(1);
                    if *left == 0 && placed[*parent as usize] == NONE {
                        order.push(*parent);
                    }
                }
            }
            if order.len() == count {
                break;
            }
            // Only forged ids can make a circle. It is opened at its youngest commit.
            let open = (0..count as u32).filter(|at| placed[*at as usize] == NONE);
            let Some(youngest) = open.min_by_key(|at| key(*at)) else {
                break;
            };
            children[youngest as usize] = 0;
            order.push(youngest);
        }
        let mut reached = Reached::default();
        for at in &order {
            let commit = of(*at);
            reached.objects.push(commit.object);
            reached.trees.push(commit.tree);
            reached.times.push(commit.time);
            reached.flags.push(Flags {
                cut: cut[*at as usize],
                unreachable: *at as usize >= self.reachable,
                hit: commit.hit,
            });
            reached.first_parent.push(reached.parents.len() as u32);
            let own = &parents[first[*at as usize]..first[*at as usize + 1]];
            reached
                .parents
                .extend(own.iter().map(|p| placed[*p as usize]));
        }
        reached.first_parent.push(reached.parents.len() as u32);
        reached.places = reached.objects.iter().copied().zip(0..).collect();
        reached.places.sort_unstable();
        reached.damaged = self.damaged;
        reached
    }
}

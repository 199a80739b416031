//! Every object of the stores, numbered, and how it is stored.
//!
//! Two kinds of numbers: an *object* is an id, by its place among all ids; an *entry* is one stored copy, in order of packs
//! and of offsets, the loose ones after them. An object can have several entries; the first is the one that is read, the
//! others when that fails. Nothing is inflated here: kinds and sizes follow from the headers, and the kind of a delta from
//! its base.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use gix::odb::{loose, pack};

use super::delta::{self, Inflater, MAX_OBJECT};
use super::ids::Ids;
use super::object::HashKind;
use super::stores::{OpenPack, Opened, Stores};
use super::threads;

/// No number.
pub(super) const NONE: u32 = u32::MAX;

/// More entries than this are not read; numbers keep three bits for other things.
const MAX_ENTRIES: usize = 1 << 28;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    Commit,
    Tree,
    Blob,
    Tag,
    /// A delta without a base, or nothing that can be read.
    #[default]
    Unknown,
}

/// Why an object is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    Corrupt,
    TooLarge,
}

/// How an entry is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Where its stream starts in the pack.
    pub(super) start: u64,
    /// Size of the inflated stream; that of the delta when there is a base.
    pub(super) size: u64,
    /// The entry of the delta base, in the same pack.
    pub(super) base: u32,
    pub(super) kind: Kind,
}

pub(super) struct Catalog {
    pub(super) hash: HashKind,
    pub(super) ids: Ids,
    pub(super) entries: Vec<Entry>,
    /// By entry; [`NONE`] for an entry that no index names.
    pub(super) object_of: Vec<u32>,
    /// By object: its first entry.
    pub(super) entry_of: Vec<u32>,
    pub(super) unusable: Vec<PathBuf>,
    /// Further entries of an object, sorted.
    copies: Vec<(u32, u32)>,
    /// Entries whose base is an object that their own pack lacks, sorted.
    far: Vec<(u32, u32)>,
    /// By object; unknown when it cannot be read.
    kinds: Vec<Kind>,
    /// Objects whose kind no header tells.
    odd: Vec<u32>,
    packs: Vec<Pack>,
    loose: Vec<loose::Store>,
    /// By loose entry: in which of the stores it is.
    loose_in: Vec<u32>,
}

struct Pack {
    data: pack::data::File,
    /// Its first entry.
    first: u32,
}

/// What a header says of the base.
#[derive(Clone, Copy)]
enum Base {
    None,
    Offset(u64),
    Id([u8; 32]),
}

impl Catalog {
    pub(super) fn new(stores: &Stores, threads: usize) -> Self {
        let hash = stores.hash();
        let mut opened = stores.open();
        opened.refuse_too_many();
        let Opened {
            packs,
            loose,
            unusable,
        } = opened;
        let mut catalog = Self {
            hash,
            ids: Ids::new(Vec::new(), hash),
            entries: Vec::new(),
            object_of: Vec::new(),
            entry_of: Vec::new(),
            unusable,
            copies: Vec::new(),
            far: Vec::new(),
            kinds: Vec::new(),
            odd: Vec::new(),
            packs: Vec::new(),
            loose,
            loose_in: Vec::new(),
        };
        let mut sources = Vec::new();
        let mut offsets = Vec::new();
        for pack in packs {
            let (in_order, by_offset) = by_offset(&pack);
            // By place in the index: the entry.
            let mut entry = vec![0; by_offset.len()];
            let first = offsets.len() as u32;
            for (rank, at) in by_offset.iter().enumerate() {
                entry[*at as usize] = first + rank as u32;
            }
            offsets.extend(in_order);
            sources.push((pack.ids, entry));
            catalog.packs.push(Pack {
                data: pack.data,
                first,
            });
        }
        let (loose_ids, loose_in) = catalog.list_loose();
        let first_loose = offsets.len() as u32;
        let entry = (0..loose_in.len() as u32)
            .map(|n| first_loose + n)
            .collect();
        catalog.loose_in = loose_in;
        sources.push((loose_ids, entry));
        catalog.number(sources);
        catalog.read_headers(&offsets, threads);
        catalog
    }

    /// Loose objects of all stores in order of their ids, each once, and the store of each.
    fn list_loose(&self) -> (Vec<u8>, Vec<u32>) {
        let mut found: Vec<(gix::ObjectId, u32)> = Vec::new();
        for (at, store) in self.loose.iter().enumerate() {
            found.extend(store.iter().flatten().map(|id| (id, at as u32)));
        }
        found.retain(|(id, _)| id.kind() == self.hash);
        found.truncate(MAX_ENTRIES);
        found.sort_unstable();
        found.dedup_by_key(|(id, _)| *id);
        let mut ids = Vec::with_capacity(found.len() * self.hash.len_in_bytes());
        for (id, _) in &found {
            ids.extend_from_slice(id.as_bytes());
        }
        (ids, found.into_iter().map(|(_, at)| at).collect())
    }

    /// Numbers the objects of all sources; what comes first is an object's first entry.
    fn number(&mut self, mut sources: Vec<(Vec<u8>, Vec<u32>)>) {
        let len = self.hash.len_in_bytes();
        sources.retain(|(_, entries)| !entries.is_empty());
        let total = sources.iter().map(|(_, entries)| entries.len()).sum();
        self.object_of = vec![NONE; total];
        if let [(ids, entries)] = sources.as_mut_slice()
            && ids.chunks_exact(len).is_sorted_by(|a, b| a < b)
        {
            for (object, entry) in entries.iter().enumerate() {
                self.object_of[*entry as usize] = object as u32;
            }
            self.entry_of = std::mem::take(entries);
            self.ids = Ids::new(std::mem::take(ids), self.hash);
            return;
        }
        let mut all: Vec<(&[u8], u32)> = Vec::with_capacity(total);
        for (ids, entries) in &sources {
            all.extend(ids.chunks_exact(len).zip(entries.iter().copied()));
        }
        // Sorted runs one after the other: the stable sort only merges them.
        all.sort_unstable();
        let mut ids = Vec::with_capacity(total * len);
        for (id, entry) in all {
            if self.entry_of.is_empty() || ids[ids.len() - len..] != *id {
                ids.extend_from_slice(id);
                self.entry_of.push(entry);
            } else {
                self.copies.push((self.entry_of.len() as u32 - 1, entry));
            }
            self.object_of[entry as usize] = self.entry_of.len() as u32 - 1;
        }
        self.ids = Ids::new(ids, self.hash);
    }

    fn read_headers(&mut self, offsets: &[u64], threads: usize) {
        let mut entries = Vec::with_capacity(self.object_of.len());
        let mut far = Vec::new();
        for (at, pack) in self.packs.iter().enumerate() {
            let end = self
                .packs
                .get(at + 1)
                .map_or(offsets.len(), |p| p.first as usize);
            let own = Offsets::new(pack.first, &offsets[pack.first as usize..end]);
            let chunks = threads::chunks(own.offsets.len(), 4096, threads, |range| {
                self.headers_of(pack, &own, range)
            });
            for (some, some_far) in chunks {
                entries.extend(some);
                far.extend(some_far);
            }
        }
        let loose = threads::chunks(self.loose_in.len(), 64, threads, |range| {
            range.map(|n| self.loose_header(n)).collect::<Vec<_>>()
        });
        entries.extend(loose.into_iter().flatten());
        self.entries = entries;
        self.far = far;
        self.spread_kinds();
        self.settle_unknown();
    }

    fn headers_of(
        &self,
        pack: &Pack,
        own: &Offsets<'_>,
        range: std::ops::Range<usize>,
    ) -> (Vec<Entry>, Vec<(u32, u32)>) {
        let mut out = Vec::with_capacity(range.len());
        let mut far = Vec::new();
        let end = pack.data.pack_end() as u64;
        let bytes = pack.data.entry_slice(0..end).unwrap_or_default();
        for at in range {
            let number = pack.first + at as u32;
            let offset = own.offsets[at];
            let header = usize::try_from(offset)
                .ok()
                .and_then(|from| Some((from, bytes.get(from..)?)))
                .and_then(|(from, rest)| header(rest, from as u64, self.hash.len_in_bytes()));
            let Some((mut entry, base)) = header else {
                out.push(Entry::lost());
                continue;
            };
            match base {
                Base::None => {}
                Base::Offset(offset) => match own.find(offset) {
                    Some(base) => entry.base = base,
                    None => entry = Entry::lost(),
                },
                Base::Id(id) => {
                    let object = self.ids.find(&id[..self.hash.len_in_bytes()]);
                    let near = object.and_then(|object| {
                        self.entries_of(object).find(|e| {
                            (pack.first..pack.first + own.offsets.len() as u32).contains(e)
                        })
                    });
                    match (near, object) {
                        (Some(base), _) => entry.base = base,
                        (None, Some(object)) => far.push((number, object)),
                        (None, None) => entry = Entry::lost(),
                    }
                }
            }
            out.push(entry);
        }
        (out, far)
    }

    fn loose_header(&self, number: usize) -> Entry {
        let entry = self.object_of.len() - self.loose_in.len() + number;
        let id = self.ids.oid(self.object_of[entry]);
        match self.loose[self.loose_in[number] as usize].try_header(&id) {
            Ok(Some((size, kind))) => Entry {
                start: 0,
                size,
                base: NONE,
                kind: match kind {
                    gix::object::Kind::Commit => Kind::Commit,
                    gix::object::Kind::Tree => Kind::Tree,
                    gix::object::Kind::Blob => Kind::Blob,
                    gix::object::Kind::Tag => Kind::Tag,
                },
            },
            _ => Entry::lost(),
        }
    }

    /// Gives every delta the kind of its base. Circles of deltas are cut and stay of an unknown kind.
    fn spread_kinds(&mut self) {
        let mut late = Vec::new();
        for at in 0..self.entries.len() {
            let base = self.entries[at].base;
            if base == NONE {
                continue;
            }
            if (base as usize) < at {
                self.entries[at].kind = self.entries[base as usize].kind;
            }
            if self.entries[at].kind == Kind::Unknown {
                late.push(at as u32);
            }
        }
        // Bases that stand behind their deltas: each chain is followed to an end that is known.
        let mut walked: HashMap<u32, u32> = HashMap::new();
        let mut chain = Vec::new();
        for start in late {
            let mut now = start;
            while self.entries[now as usize].base != NONE
                && self.entries[now as usize].kind == Kind::Unknown
                && !walked.contains_key(&now)
            {
                walked.insert(now, start);
                chain.push(now);
                now = self.entries[now as usize].base;
            }
            let circle = walked.get(&now) == Some(&start);
            let kind = self.entries[now as usize].kind;
            for link in chain.drain(..) {
                let entry = &mut self.entries[link as usize];
                entry.kind = kind;
                if circle {
                    entry.base = NONE;
                }
            }
        }
    }

    /// An object whose first entry is of no use is read from another one; what is left is asked for its kind.
    fn settle_unknown(&mut self) {
        for at in 0..self.copies.len() {
            let (object, copy) = self.copies[at];
            let first = self.entry_of[object as usize];
            if self.entries[first as usize].kind == Kind::Unknown
                && self.entries[copy as usize].kind != Kind::Unknown
            {
                self.entry_of[object as usize] = copy;
                self.copies[at].1 = first;
            }
        }
        let entries = self.entry_of.iter();
        self.kinds = entries.map(|e| self.entries[*e as usize].kind).collect();
        let (mut reader, mut out) = (Reader::new(), Vec::new());
        for object in 0..self.kinds.len() {
            if self.kinds[object] == Kind::Unknown
                && let Ok(kind) = self.read(object as u32, &mut reader, &mut out)
            {
                self.kinds[object] = kind;
                self.odd.push(object as u32);
            }
        }
    }

    /// All entries of an object.
    fn entries_of(&self, object: u32) -> impl Iterator<Item = u32> + '_ {
        let from = self.copies.partition_point(|(o, _)| *o < object);
        let more = self.copies[from..]
            .iter()
            .take_while(move |(o, _)| *o == object);
        std::iter::once(self.entry_of[object as usize]).chain(more.map(|(_, e)| *e))
    }

    /// The kind of an object; unknown when it cannot be read.
    pub(super) fn kind(&self, object: u32) -> Kind {
        self.kinds[object as usize]
    }

    /// Objects whose kind no header tells and that can be read nevertheless.
    pub(super) fn odd_objects(&self) -> impl Iterator<Item = u32> + '_ {
        self.odd.iter().copied()
    }

    pub(super) fn is_loose(&self, entry: u32) -> bool {
        entry as usize >= self.entries.len() - self.loose_in.len()
    }

    /// The rest of the pack from where the stream of an entry starts.
    pub(super) fn stream(&self, entry: u32) -> &[u8] {
        let at = self.packs.partition_point(|p| p.first <= entry);
        let Some(pack) = at.checked_sub(1).and_then(|at| self.packs.get(at)) else {
            return &[];
        };
        let start = self.entries[entry as usize].start;
        let end = pack.data.pack_end() as u64;
        pack.data
            .entry_slice(start.min(end)..end)
            .unwrap_or_default()
    }

    /// Reads one object for itself, from whichever of its entries can be read.
    pub(super) fn read(
        &self,
        object: u32,
        reader: &mut Reader,
        out: &mut Vec<u8>,
    ) -> Result<Kind, Unread> {
        let mut why = Unread::Corrupt;
        for entry in self.entries_of(object) {
            match self.read_entry(entry, reader, out) {
                Ok(kind) => return Ok(kind),
                Err(Unread::TooLarge) => why = Unread::TooLarge,
                Err(Unread::Corrupt) => {}
            }
        }
        Err(why)
    }

    fn read_entry(
        &self,
        entry: u32,
        reader: &mut Reader,
        out: &mut Vec<u8>,
    ) -> Result<Kind, Unread> {
        reader.chain.clear();
        let mut now = entry;
        loop {
            // A circle can go through bases in other packs.
            if reader.bad.contains(&now) || reader.chain.len() > self.entries.len() {
                return Err(Unread::Corrupt);
            }
            let base = self.base(now);
            if base == NONE {
                break;
            }
            reader.chain.push(now);
            now = base;
        }
        let kind = self.read_root(now, reader, out)?;
        while let Some(delta) = reader.chain.pop() {
            if let Err(why) = self.rebuild(delta, reader, out) {
                if why == Unread::Corrupt {
                    reader.bad.insert(delta);
                }
                return Err(why);
            }
        }
        Ok(kind)
    }

    /// Makes of the base in `out` the object of one delta.
    fn rebuild(&self, entry: u32, reader: &mut Reader, out: &mut Vec<u8>) -> Result<(), Unread> {
        let size = usize::try_from(self.entries[entry as usize].size);
        let size = size.map_err(|_| Unread::TooLarge)?;
        if size > MAX_OBJECT {
            return Err(Unread::TooLarge);
        }
        let stream = self.stream(entry);
        if !reader.inflater.inflate(stream, size, &mut reader.delta) {
            return Err(Unread::Corrupt);
        }
        if delta::result_size(&reader.delta).is_some_and(|size| size > MAX_OBJECT) {
            return Err(Unread::TooLarge);
        }
        std::mem::swap(out, &mut reader.base);
        delta::apply(&reader.base, &reader.delta, out, &mut reader.copied)
            .then_some(())
            .ok_or(Unread::Corrupt)
    }

    /// The base of an entry, wherever it is.
    fn base(&self, entry: u32) -> u32 {
        let base = self.entries[entry as usize].base;
        if base != NONE || self.far.is_empty() {
            return base;
        }
        match self.far.binary_search_by_key(&entry, |(e, _)| *e) {
            Ok(at) => self.entry_of[self.far[at].1 as usize],
            Err(_) => NONE,
        }
    }

    fn read_root(
        &self,
        entry: u32,
        reader: &mut Reader,
        out: &mut Vec<u8>,
    ) -> Result<Kind, Unread> {
        let Entry { size, kind, .. } = self.entries[entry as usize];
        if kind == Kind::Unknown {
            return Err(Unread::Corrupt);
        }
        let size = match usize::try_from(size) {
            Ok(size) if size <= MAX_OBJECT => size,
            _ => return Err(Unread::TooLarge),
        };
        if self.is_loose(entry) {
            let number = entry as usize - (self.entries.len() - self.loose_in.len());
            let id = self.ids.oid(self.object_of[entry as usize]);
            let store = &self.loose[self.loose_in[number] as usize];
            let read = matches!(store.try_find(&id, out), Ok(Some(_)));
            return if read { Ok(kind) } else { Err(Unread::Corrupt) };
        }
        match reader.inflater.inflate(self.stream(entry), size, out) {
            true => Ok(kind),
            false => Err(Unread::Corrupt),
        }
    }
}

impl Entry {
    fn lost() -> Self {
        Self {
            start: 0,
            size: 0,
            base: NONE,
            kind: Kind::Unknown,
        }
    }
}

impl Opened {
    fn refuse_too_many(&mut self) {
        let mut total = 0;
        let unusable = &mut self.unusable;
        self.packs.retain(|pack| {
            total += pack.offsets.len();
            if total > MAX_ENTRIES {
                unusable.push(pack.data.path().to_owned());
            }
            total <= MAX_ENTRIES
        });
    }
}

/// What reading single objects needs, to be used again.
pub(super) struct Reader {
    inflater: Inflater,
    chain: Vec<u32>,
    /// Entries that could not be decoded: what hangs on them need not be tried.
    bad: HashSet<u32>,
    delta: Vec<u8>,
    base: Vec<u8>,
    copied: Vec<delta::Copied>,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self {
            inflater: Inflater::new(),
            chain: Vec::new(),
            bad: HashSet::new(),
            delta: Vec::new(),
            base: Vec::new(),
            copied: Vec::new(),
        }
    }
}

/// Offsets in order, and the places in the index that they come from.
fn by_offset(pack: &OpenPack) -> (Vec<u64>, Vec<u32>) {
    if let Some(order) = &pack.order {
        let offsets: Option<Vec<u64>> = order
            .iter()
            .map(|at| pack.offsets.get(*at as usize).copied())
            .collect();
        // Rising offsets from as many places: each place came once.
        if let Some(offsets) = offsets
            && offsets.is_sorted_by(|a, b| a < b)
        {
            return (offsets, order.clone());
        }
    }
    let places = 0..pack.offsets.len() as u32;
    let mut pairs: Vec<(u64, u32)> = pack.offsets.iter().copied().zip(places).collect();
    pairs.sort_unstable();
    pairs.into_iter().unzip()
}

/// Offsets of one pack, with a directory by their upper bits.
struct Offsets<'a> {
    first_entry: u32,
    offsets: &'a [u64],
    first: Vec<u32>,
    shift: u32,
}

impl<'a> Offsets<'a> {
    fn new(first_entry: u32, offsets: &'a [u64]) -> Self {
        let end = offsets.last().copied().unwrap_or(0);
        let slots = offsets.len().next_power_of_two() as u64;
        let mut shift = 0;
        while end >> shift > slots {
            shift += 1;
        }
        let mut first = Vec::with_capacity((end >> shift) as usize + 2);
        for (at, offset) in offsets.iter().enumerate() {
            while first.len() as u64 <= offset >> shift {
                first.push(at as u32);
            }
        }
        first.push(offsets.len() as u32);
        Self {
            first_entry,
            offsets,
            first,
            shift,
        }
    }

    fn find(&self, offset: u64) -> Option<u32> {
        let slot = usize::try_from(offset >> self.shift).ok()?;
        let (from, to) = (*self.first.get(slot)?, *self.first.get(slot + 1)?);
        let run = &self.offsets[from as usize..to as usize];
        let at = run.binary_search(&offset).ok()?;
        Some(self.first_entry + from + at as u32)
    }
}

/// The header of an entry at `offset`.
fn header(bytes: &[u8], offset: u64, id_len: usize) -> Option<(Entry, Base)> {
    let mut byte = *bytes.first()?;
    let mut at = 1;
    let code = (byte >> 4) & 7;
    let (mut size, mut shift) = (u64::from(byte & 15), 4);
    while byte & 0x80 != 0 {
        byte = *bytes.get(at)?;
        at += 1;
        if shift > 56 {
            return None;
        }
        size |= u64::from(byte & 0x7f) << shift;
        shift += 7;
    }
    let (kind, base) = match code {
        1 => (Kind::Commit, Base::None),
        2 => (Kind::Tree, Base::None),
        3 => (Kind::Blob, Base::None),
        4 => (Kind::Tag, Base::None),
        6 => {
            let (distance, len) = distance(&bytes[at..])?;
            at += len;
            (Kind::Unknown, Base::Offset(offset.checked_sub(distance)?))
        }
        7 => {
            let mut id = [0; 32];
            id[..id_len].copy_from_slice(bytes.get(at..at + id_len)?);
            at += id_len;
            (Kind::Unknown, Base::Id(id))
        }
        _ => return None,
    };
    let start = offset + at as u64;
    let entry = Entry {
        start,
        size,
        base: NONE,
        kind,
    };
    Some((entry, base))
}

/// How far before an entry its base starts, and how many bytes said so.
fn distance(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut byte = *bytes.first()?;
    let (mut value, mut at) = (u64::from(byte & 0x7f), 1);
    while byte & 0x80 != 0 {
        byte = *bytes.get(at)?;
        at += 1;
        value = value.checked_add(1)?.checked_mul(128)? | u64::from(byte & 0x7f);
    }
    (value != 0).then_some((value, at))
}

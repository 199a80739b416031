//! Where objects are kept: the directories, and what in them can be opened.
//!
//! Follows gitrepository-layout ("objects/info/alternates", "shallow"). Alternates are followed through any number of
//! directories, each once, so that circles end; relative ones start at the directory that names them. A pack is opened by
//! its `.idx`; where that is gone, a multi-pack-index that covers the pack serves.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use gix::odb::{loose, pack};

use super::object::{HashKind, Oid};

/// The object directories of a repository, alternates resolved, and where its history was cut off.
#[derive(Clone, Debug)]
pub struct Stores {
    dirs: Vec<PathBuf>,
    hash: HashKind,
    shallow: HashSet<Oid>,
}

/// No honest `alternates` or `shallow` file is longer.
const MAX_TEXT: u64 = 64 << 20;

impl Stores {
    /// The directory `objects` (the repository's own, or `GIT_OBJECT_DIRECTORY`), further ones
    /// (`GIT_ALTERNATE_OBJECT_DIRECTORIES`, a quarantine), and all that these name as alternates.
    pub fn new(objects: &Path, extra: &[PathBuf], hash: HashKind) -> Self {
        let mut open: Vec<PathBuf> = extra.iter().rev().cloned().collect();
        open.push(objects.to_owned());
        let (mut dirs, mut seen) = (Vec::new(), HashSet::new());
        while let Some(dir) = open.pop() {
            let real = std::fs::canonicalize(&dir).unwrap_or_else(|_| dir.clone());
            if !seen.insert(real) {
                continue;
            }
            let text = text(&dir.join("info").join("alternates")).unwrap_or_default();
            let named = gix::odb::alternate::parse(&text).unwrap_or_default();
            open.extend(named.into_iter().rev().map(|path| dir.join(path)));
            dirs.push(dir);
        }
        Self {
            dirs,
            hash,
            shallow: HashSet::new(),
        }
    }

    /// Takes the commits listed in a `shallow` file as those whose parents are not here.
    pub fn with_shallow(mut self, file: &Path) -> Self {
        let text = text(file).unwrap_or_default();
        let ids = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
        self.shallow
            .extend(ids.filter_map(|line| Oid::from_hex(line).ok()));
        self
    }

    /// The directories, in the order in which they are asked.
    pub fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    pub(super) fn hash(&self) -> HashKind {
        self.hash
    }

    pub(super) fn has_shallow(&self) -> bool {
        !self.shallow.is_empty()
    }

    pub(super) fn is_shallow(&self, id: &Oid) -> bool {
        self.shallow.contains(id)
    }

    pub(super) fn open(&self) -> Opened {
        let mut opened = Opened::default();
        for dir in &self.dirs {
            opened.loose.push(loose::Store::at(dir.clone(), self.hash));
            opened.add_packs(&dir.join("pack"), self.hash);
        }
        opened
    }
}

fn text(path: &Path) -> Option<Vec<u8>> {
    // A pipe in place of the file would never answer.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut out = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(MAX_TEXT).read_to_end(&mut out).ok()?;
    Some(out)
}

/// What could be opened.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) packs: Vec<OpenPack>,
    pub(super) loose: Vec<loose::Store>,
    /// Packs that are there and cannot be used.
    pub(super) unusable: Vec<PathBuf>,
}

/// A pack and what it holds, in order of ids.
pub(super) struct OpenPack {
    pub(super) data: pack::data::File,
    pub(super) ids: Vec<u8>,
    pub(super) offsets: Vec<u64>,
    /// Positions in `offsets` in order of offsets, when a `.rev` file tells them.
    pub(super) order: Option<Vec<u32>>,
}

impl Opened {
    fn add_packs(&mut self, dir: &Path, hash: HashKind) {
        let Ok(entries) = std::fs::read_dir(dir) else {
            return;
        };
        let mut packs: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|e| e == "pack") && path.is_file())
            .collect();
        packs.sort_unstable();
        let mut shared = None;
        for path in packs {
            let index = path.with_extension("idx");
            let listed = if index.is_file() {
                by_index(&index, hash)
            } else {
                let shared = shared.get_or_insert_with(|| multi_index(dir, hash));
                match shared.as_ref().map(|shared| by_multi_index(shared, &index)) {
                    Some(Some(listed)) => Some(listed),
                    // Git does not see a pack without an index either: it is being written.
                    _ => continue,
                }
            };
            let data = pack::data::File::at(&path, hash).ok();
            match listed.zip(data) {
                Some(((ids, offsets), data)) => self.packs.push(OpenPack {
                    order: reverse_index(&path.with_extension("rev"), offsets.len()),
                    data,
                    ids,
                    offsets,
                }),
                None => self.unusable.push(path),
            }
        }
    }
}

/// Ids one after the other, and the offset of each.
type Listed = (Vec<u8>, Vec<u64>);

fn by_index(path: &Path, hash: HashKind) -> Option<Listed> {
    let index = pack::index::File::at(path, hash).ok()?;
    let count = index.num_objects();
    let mut ids = Vec::with_capacity(count as usize * hash.len_in_bytes());
    for at in 0..count {
        ids.extend_from_slice(index.oid_at_index(at).as_bytes());
    }
    let offsets = (0..count).map(|at| index.pack_offset_at_index(at));
    Some((ids, offsets.collect()))
}

fn multi_index(dir: &Path, hash: HashKind) -> Option<pack::multi_index::File> {
    let file = pack::multi_index::File::at(dir.join("multi-pack-index"), None).ok()?;
    (file.object_hash() == hash).then_some(file)
}

fn by_multi_index(shared: &pack::multi_index::File, index: &Path) -> Option<Listed> {
    let name = index.file_name()?;
    let pack = shared
        .index_names()
        .iter()
        .position(|n| n.as_os_str() == name)?;
    let (mut ids, mut offsets) = (Vec::new(), Vec::new());
    for at in 0..shared.num_objects() {
        let (of, offset) = shared.pack_id_and_pack_offset_at_index(at).ok()?;
        if of as usize == pack {
            ids.extend_from_slice(shared.oid_at_index(at).as_bytes());
            offsets.push(offset);
        }
    }
    Some((ids, offsets))
}

/// The `.rev` file (gitformat-pack): spares sorting. Whether it tells the truth is for the reader to see.
fn reverse_index(path: &Path, count: usize) -> Option<Vec<u32>> {
    const HEADER: usize = 12;
    let file = std::fs::File::open(path).ok()?;
    let mut bytes = Vec::new();
    let most = (HEADER + count * 4) as u64;
    file.take(most).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 != most || &bytes[..8] != b"RIDX\0\0\0\x01" {
        return None;
    }
    let words = bytes[HEADER..].chunks_exact(4);
    Some(
        words
            .map(|w| u32::from_be_bytes([w[0], w[1], w[2], w[3]]))
            .collect(),
    )
}

//! Every reference of a repository, and every other place from which a commit can be reached.
//!
//! Read by hand instead of through gix, because nothing may be missing: references of all worktrees, those whose names Git
//! would warn about, reflogs, both ways of storing them. Follows `git help gitrepository-layout`. What is broken is told,
//! and is no error: the rest of the repository can still be judged. A symbolic reference to a branch that does not exist
//! is not broken: that is how a new repository begins.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::Oid;
use super::objects::{ObjectKind, Peeled};
use super::repo::{RefStorage, Repo};
use super::{reflog, reftable};

/// What a [`Tip`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TipKind {
    /// HEAD of a worktree.
    Head,
    /// A branch, a remote branch, a note, or anything else below `refs/`.
    Ref,
    /// Something below `refs/tags/`.
    Tag,
    /// An entry of the stash.
    Stash,
    /// What a command left behind: `ORIG_HEAD`, `FETCH_HEAD`, `MERGE_HEAD` and their like.
    Pseudo,
    /// What a reference named before, or names no longer.
    Reflog,
}

/// A place from which history can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// As Git writes it: `refs/heads/main`, `HEAD`, `worktrees/x/HEAD`, `refs/stash@{1}`; `refs/heads/main@{reflog}` for all
    /// entries of a reflog.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: TipKind,
    /// The object that it names.
    pub id: Oid,
    /// The annotated tags on the way, `id` among them; the outermost first.
    pub tags: Vec<Oid>,
    /// What is named in the end.
    pub target: Oid,
    /// What that is; never a tag.
    pub target_kind: ObjectKind,
    /// The reference through which it names the object, if it is symbolic.
    pub through: Option<Vec<u8>>,
}

/// A reference that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenTip {
    /// Its name, as in [`Tip`].
    pub name: Vec<u8>,
    /// What it is.
    pub kind: TipKind,
    /// The object that is missing or corrupt; `None` if what the reference holds is no id, or cannot be read.
    pub id: Option<Oid>,
}

/// All that history can be reached from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tips {
    /// In order of kind and name.
    pub tips: Vec<Tip>,
    /// What could not be followed, in the same order. Entries of reflogs may well name what is gone.
    pub broken: Vec<BrokenTip>,
    /// Whether everything could be listed.
    pub complete: bool,
}

/// The references below `refs/`, as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefList {
    /// Name and object, in order of names.
    pub refs: Vec<(Vec<u8>, Oid)>,
    /// What HEAD of every worktree names, where it names something.
    pub heads: Vec<Oid>,
    /// Whether everything could be listed and read.
    pub complete: bool,
}

/// As deep as Git follows references that name others.
const MAX_DEPTH: usize = 5;
/// No directory of references nests deeper.
const MAX_DIRS: usize = 128;

/// What a reference holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Id(Oid),
    Name(Vec<u8>),
    Broken,
}

/// The references of one directory: the common one, or that of a linked worktree.
struct Place {
    /// What Git puts in front of names of another worktree.
    prefix: Vec<u8>,
    dir: PathBuf,
    refs: BTreeMap<Vec<u8>, Value>,
}

/// What commands leave behind.
const PSEUDO: [&str; 9] = [
    "ORIG_HEAD",
    "FETCH_HEAD",
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "REBASE_HEAD",
    "BISECT_HEAD",
    "BISECT_EXPECTED_REV",
    "AUTO_MERGE",
];

impl Repo {
    /// All that history can be reached from: references of every kind, HEAD and leftovers of every worktree, reflogs.
    pub fn tips(&self) -> Tips {
        let (places, complete) = places(self);
        let mut found = Finder {
            repo: self,
            known: HashMap::new(),
            out: Tips {
                complete,
                ..Tips::default()
            },
        };
        for place in &places {
            for (name, value) in &place.refs {
                let kind = kind(name);
                let name = [&place.prefix, name.as_slice()].concat();
                match resolve(&places, place, value) {
                    Resolved::Object(id, through) => found.tip(name, kind, id, through),
                    Resolved::Unborn => {}
                    // A leftover that is no id is not what is looked for here.
                    Resolved::Broken if kind == TipKind::Pseudo => {}
                    Resolved::Broken => found.broken(name, kind, None),
                }
            }
            found.left_behind(place);
            found.logs(place);
        }
        let mut out = found.out;
        out.tips
            .sort_by(|a, b| (a.kind, &a.name, a.id).cmp(&(b.kind, &b.name, b.id)));
        out.tips.dedup();
        out.broken
            .sort_by(|a, b| (a.kind, &a.name, a.id).cmp(&(b.kind, &b.name, b.id)));
        out.broken.dedup();
        out
    }

    /// The references below `refs/` and what HEADs name, without a look at the objects.
    pub fn refs(&self) -> RefList {
        let (places, complete) = places(self);
        let mut out = RefList {
            complete,
            ..RefList::default()
        };
        for place in &places {
            for (name, value) in &place.refs {
                let is_head = name == b"HEAD";
                if !is_head && !name.starts_with(b"refs/") {
                    continue;
                }
                match resolve(&places, place, value) {
                    Resolved::Object(id, _) if is_head => out.heads.push(id),
                    Resolved::Object(id, _) => {
                        out.refs.push(([&place.prefix, &name[..]].concat(), id))
                    }
                    Resolved::Unborn => {}
                    Resolved::Broken => out.complete = false,
                }
            }
        }
        out.refs.sort_unstable();
        out
    }

    /// The object that a reference names, by its full name; and the reference that it is in the end, if it is symbolic.
    pub(super) fn find_ref(&self, name: &[u8]) -> Option<(Oid, Vec<u8>)> {
        let mut name = name.to_vec();
        for _ in 0..=MAX_DEPTH {
            match read_one(self, &name)? {
                Value::Id(id) => return Some((id, name)),
                Value::Name(next) => name = next,
                Value::Broken => return None,
            }
        }
        None
    }
}

fn kind(name: &[u8]) -> TipKind {
    match name {
        b"HEAD" => TipKind::Head,
        b"refs/stash" => TipKind::Stash,
        _ if name.starts_with(b"refs/tags/") => TipKind::Tag,
        _ if name.starts_with(b"refs/") => TipKind::Ref,
        _ => TipKind::Pseudo,
    }
}

struct Finder<'a> {
    repo: &'a Repo,
    /// Thousands of references and entries name few objects.
    known: HashMap<Oid, Peeled>,
    out: Tips,
}

impl Finder<'_> {
    fn peel(&mut self, id: Oid) -> &Peeled {
        let repo = self.repo;
        self.known.entry(id).or_insert_with(|| repo.peel(&id))
    }

    fn tip(&mut self, name: Vec<u8>, kind: TipKind, id: Oid, through: Option<Vec<u8>>) {
        let peeled = self.peel(id);
        let target = peeled.id;
        match peeled.kind {
            Some(target_kind) => {
                let tags = peeled.tags.clone();
                self.out.tips.push(Tip {
                    name,
                    kind,
                    id,
                    tags,
                    target,
                    target_kind,
                    through,
                });
            }
            // What commands leave behind does not keep objects alive.
            None if kind == TipKind::Pseudo => {}
            None => self.broken(name, kind, Some(target)),
        }
    }

    fn broken(&mut self, name: Vec<u8>, kind: TipKind, id: Option<Oid>) {
        self.out.broken.push(BrokenTip { name, kind, id });
    }

    /// Files that are no references: some have several lines.
    fn left_behind(&mut self, place: &Place) {
        let hex_len = self.repo.hash().len_in_hex();
        for name in PSEUDO {
            let path = place.dir.join(name);
            if !path.symlink_metadata().is_ok_and(|m| m.is_file()) {
                continue;
            }
            let Ok(bytes) = std::fs::read(path) else {
                self.out.complete = false;
                continue;
            };
            for line in bytes.split(|b| *b == b'\n') {
                if let Some((id, _)) = hex(line).filter(|(id, _)| id.kind().len_in_hex() == hex_len)
                {
                    let name = [&place.prefix, name.as_bytes()].concat();
                    self.tip(name, TipKind::Pseudo, id, None);
                }
            }
        }
    }

    fn logs(&mut self, place: &Place) {
        let (logs, complete) = reflog::all(self.repo, &place.dir);
        self.out.complete &= complete;
        for (name, lines) in logs {
            let full = [&place.prefix, name.as_slice()].concat();
            let mut seen = BTreeSet::new();
            if name == b"refs/stash" {
                for (n, line) in lines.iter().rev().enumerate() {
                    if !line.new.is_null() && seen.insert(line.new) {
                        let name = [&full[..], format!("@{{{n}}}").as_bytes()].concat();
                        self.tip(name, TipKind::Stash, line.new, None);
                    }
                }
            }
            let name = [&full[..], b"@{reflog}"].concat();
            for id in lines.iter().flat_map(|line| [line.new, line.old]) {
                if !id.is_null() && seen.insert(id) {
                    self.tip(name.clone(), TipKind::Reflog, id, None);
                }
            }
        }
    }
}

enum Resolved {
    /// An object; and the last reference on the way.
    Object(Oid, Option<Vec<u8>>),
    Unborn,
    Broken,
}

fn resolve(places: &[Place], own: &Place, value: &Value) -> Resolved {
    let mut value = value;
    let mut through: Option<&Vec<u8>> = None;
    for _ in 0..=MAX_DEPTH {
        match value {
            Value::Id(id) => return Resolved::Object(*id, through.cloned()),
            Value::Broken => return Resolved::Broken,
            Value::Name(name) => {
                through = Some(name);
                let common = places.first().and_then(|place| place.refs.get(name));
                match own.refs.get(name).or(common) {
                    Some(next) => value = next,
                    None => return Resolved::Unborn,
                }
            }
        }
    }
    Resolved::Broken
}

/// The common directory first, then those of linked worktrees; and whether all could be listed.
fn places(repo: &Repo) -> (Vec<Place>, bool) {
    let [git_dir, common_dir] = repo.git_dirs();
    let mut dirs = vec![(Vec::new(), common_dir.to_owned())];
    let mut complete = true;
    match std::fs::read_dir(common_dir.join("worktrees")) {
        Ok(entries) => {
            for entry in entries {
                let Ok(entry) = entry else {
                    complete = false;
                    continue;
                };
                let name = entry.file_name();
                if let Some(name) = super::name_bytes(&name)
                    && entry.path().is_dir()
                {
                    dirs.push(([b"worktrees/", &*name, b"/"].concat(), entry.path()));
                }
            }
        }
        Err(error) => complete &= error.kind() == std::io::ErrorKind::NotFound,
    }
    dirs.sort_unstable();
    // A worktree whose directory stands elsewhere.
    if !dirs
        .iter()
        .any(|(_, dir)| super::repo::absolute(dir) == git_dir)
    {
        dirs.push((b"worktrees/-/".to_vec(), git_dir.to_owned()));
    }
    let mut out = Vec::new();
    for (prefix, dir) in dirs {
        let (refs, whole) = match repo.storage {
            RefStorage::Files => files(repo, &dir, prefix.is_empty()),
            RefStorage::Reftable => tables(&dir, prefix.is_empty()),
        };
        complete &= whole;
        out.push(Place { prefix, dir, refs });
    }
    (out, complete)
}

fn tables(dir: &Path, main: bool) -> (BTreeMap<Vec<u8>, Value>, bool) {
    // A linked worktree has a stack of its own only once something was written there.
    let Some(list) = reftable::list(dir) else {
        return (BTreeMap::new(), !main && !dir.join("reftable").exists());
    };
    let refs = list
        .into_iter()
        .filter_map(|(name, value)| {
            let value = match value {
                reftable::Value::Object(id) => Value::Id(id),
                reftable::Value::Other(name) => Value::Name(name),
                reftable::Value::Deleted => return None,
            };
            Some((name, value))
        })
        .collect();
    (refs, true)
}

fn files(repo: &Repo, dir: &Path, main: bool) -> (BTreeMap<Vec<u8>, Value>, bool) {
    let mut refs = BTreeMap::new();
    let mut complete = true;
    if main {
        match packed(dir) {
            Ok(bytes) => each_packed(repo, &bytes, &mut |name, value| {
                refs.insert(name.to_vec(), value);
                true
            }),
            Err(()) => complete = false,
        }
    }
    // What stands in a file of its own is newer.
    walk(&dir.join("refs"), &mut |name, file| {
        let name = [b"refs/", name].concat();
        let value = match file {
            Some(path) => loose(repo, path).unwrap_or(Value::Broken),
            None => Value::Broken,
        };
        refs.insert(name, value);
    });
    if let Some(head) = loose(repo, &dir.join("HEAD")) {
        refs.insert(b"HEAD".to_vec(), head);
    }
    (refs, complete)
}

/// Every file below a directory, by its path in it; without a file where something cannot be read or is a link to a
/// directory. Names with a dot in front and locks are no references.
pub(super) fn walk(dir: &Path, see: &mut dyn FnMut(&[u8], Option<&Path>)) {
    let mut open = vec![(Vec::new(), dir.to_owned(), 0)];
    while let Some((prefix, dir, depth)) = open.pop() {
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    see(&prefix, None);
                }
                continue;
            }
        };
        for entry in entries {
            let Ok(entry) = entry else {
                see(&prefix, None);
                continue;
            };
            let file_name = entry.file_name();
            let Some(name) = super::name_bytes(&file_name) else {
                continue;
            };
            if name.starts_with(b".") || name.ends_with(b".lock") {
                continue;
            }
            let path = entry.path();
            let full = [prefix.as_slice(), &name].concat();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < MAX_DIRS => {
                    open.push(([&full[..], b"/"].concat(), path, depth + 1));
                }
                Ok(kind) if kind.is_file() => see(&full, Some(&path)),
                // Old versions of Git wrote symbolic references so.
                Ok(kind) if kind.is_symlink() && !path.is_dir() => see(&full, Some(&path)),
                _ => see(&full, None),
            }
        }
    }
}

/// What a file holds; `None` when there is none.
fn loose(repo: &Repo, path: &Path) -> Option<Value> {
    /// A name has at most a few thousand bytes.
    const LIMIT: u64 = 1 << 16;
    let meta = path.symlink_metadata().ok()?;
    if meta.is_symlink() {
        let target = std::fs::read_link(path).ok();
        let target = target
            .as_ref()
            .and_then(|t| super::name_bytes(t.as_os_str()))
            .filter(|target| target.starts_with(b"refs/"));
        return Some(target.map_or(Value::Broken, |name| Value::Name(name.into_owned())));
    }
    if meta.is_dir() {
        return None;
    }
    if !meta.is_file() || meta.len() > LIMIT {
        return Some(Value::Broken);
    }
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(_) => return Some(Value::Broken),
    };
    Some(value(repo, &bytes))
}

fn value(repo: &Repo, bytes: &[u8]) -> Value {
    if let Some(name) = bytes.strip_prefix(b"ref:") {
        let name = name.trim_ascii();
        return match name.is_empty() {
            true => Value::Broken,
            false => Value::Name(name.to_vec()),
        };
    }
    match hex(bytes) {
        Some((id, rest))
            if id.kind() == repo.hash()
                && !id.is_null()
                && rest.first().is_none_or(u8::is_ascii_whitespace) =>
        {
            Value::Id(id)
        }
        _ => Value::Broken,
    }
}

fn packed(dir: &Path) -> Result<Vec<u8>, ()> {
    let path = dir.join("packed-refs");
    match std::fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(_) => Err(()),
    }
}

/// The lines of `packed-refs`, until `see` says that it is enough.
fn each_packed(repo: &Repo, bytes: &[u8], see: &mut dyn FnMut(&[u8], Value) -> bool) {
    for line in bytes.split(|b| *b == b'\n') {
        // Comments, and what the tag before names.
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b"^") {
            continue;
        }
        let (name, value) = match hex(line) {
            Some((id, rest)) if id.kind() == repo.hash() && rest.first() == Some(&b' ') => {
                (rest.trim_ascii(), Value::Id(id))
            }
            _ => (line, Value::Broken),
        };
        if !see(name, value) {
            return;
        }
    }
}

/// One reference by its full name.
fn read_one(repo: &Repo, name: &[u8]) -> Option<Value> {
    let (dir, name) = place(repo, name)?;
    // These two have more than a reference can hold.
    let file = name == b"FETCH_HEAD" || name == b"MERGE_HEAD";
    if repo.storage == RefStorage::Reftable && !file {
        return match reftable::find(&dir, &name)?? {
            reftable::Value::Object(id) => Some(Value::Id(id)),
            reftable::Value::Other(name) => Some(Value::Name(name)),
            reftable::Value::Deleted => None,
        };
    }
    if let Some(found) = super::disk_path(&dir, &name).and_then(|path| loose(repo, &path)) {
        return Some(found);
    }
    let mut found = None;
    each_packed(repo, &packed(&dir).ok()?, &mut |at, value| {
        if at == name {
            found = Some(value);
        }
        found.is_none()
    });
    found
}

/// Where a reference is kept, and its name there; `None` for what is no name.
pub(super) fn place(repo: &Repo, name: &[u8]) -> Option<(PathBuf, Vec<u8>)> {
    let [git_dir, common_dir] = repo.git_dirs();
    if !is_name(name) {
        return None;
    }
    if let Some(rest) = name.strip_prefix(b"main-worktree/") {
        return Some((common_dir.to_owned(), rest.to_vec()));
    }
    if let Some(rest) = name.strip_prefix(b"worktrees/") {
        let slash = memchr::memchr(b'/', rest)?;
        let dir = super::disk_path(&common_dir.join("worktrees"), &rest[..slash])?;
        return Some((dir, rest[slash + 1..].to_vec()));
    }
    let own = !name.contains(&b'/')
        || [&b"refs/bisect/"[..], b"refs/worktree/", b"refs/rewritten/"]
            .iter()
            .any(|own| name.starts_with(own));
    let dir = if own { git_dir } else { common_dir };
    Some((dir.to_owned(), name.to_vec()))
}

/// Whether a text may be the name of a reference. What has no slash is one of Git's own, in capitals: other files of the
/// directory are none.
fn is_name(name: &[u8]) -> bool {
    let bad = |b: &u8| *b < 0x20 || b" ~^:?*[\\\x7f".contains(b);
    let parts = || name.split(|b| *b == b'/');
    if name.iter().any(bad)
        || parts().any(|p| p.is_empty() || p.starts_with(b".") || p.ends_with(b".lock"))
        || name.windows(2).any(|w| w == b".." || w == b"@{")
    {
        return false;
    }
    name.contains(&b'/') || name.iter().all(|b| b.is_ascii_uppercase() || *b == b'_')
}

/// An id at the start of a text, and what follows it.
pub(super) fn hex(text: &[u8]) -> Option<(Oid, &[u8])> {
    let len = text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let id = matches!(len, 40 | 64).then(|| Oid::from_hex(&text[..len]).ok());
    Some((id??, &text[len..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for good in [
            "HEAD",
            "FETCH_HEAD",
            "refs/heads/a.b",
            "refs/x/@",
            "worktrees/a/HEAD",
        ] {
            assert!(is_name(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "config",
            "/etc/passwd",
            "refs/../config",
            "refs/heads/",
            "refs//x",
            "refs/.x",
            "refs/x.lock",
            "refs/a b",
            "refs/a\\b",
            "refs/a@{1}",
            "refs/a\0",
        ] {
            assert!(!is_name(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn an_id_has_one_of_two_lengths() {
        let one = "a".repeat(40);
        assert!(hex(one.as_bytes()).is_some_and(|(_, rest)| rest.is_empty()));
        assert!(hex(format!("{one} x").as_bytes()).is_some_and(|(_, rest)| rest == b" x"));
        assert!(hex(&one.as_bytes()[1..]).is_none());
        assert!(hex(format!("{one}b").as_bytes()).is_none());
    }
}

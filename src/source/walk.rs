//! One walk over the worktree that finds both kinds of files.
//!
//! Follows what `git ls-files --cached --others --exclude-standard` does (git's `dir.c`): an ignored directory is entered
//! only for the tracked files in it, another repository not at all. Directories are listed in parallel; what is tracked is
//! looked up in the part of the index below the directory, so a file is found, classified and measured in one go. `gix`'s
//! own walk was not used because it opens whatever is called `.gitignore`, a pipe too.

use std::ffi::OsString;
use std::fs::{DirEntry, FileType};
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::Scope;

use super::disk::Stat;
use super::paths::Named;
use crate::git::{self, Index, OidKind, Repo, Rules};

/// What to walk.
pub(super) struct Walk<'a> {
    pub(super) root: &'a Path,
    /// `None` in a directory that is no repository.
    pub(super) repository: Option<(&'a Repo, &'a Index)>,
    pub(super) named: &'a Named,
    /// Enter only what was named, and list the files on the way to it.
    pub(super) only_named: bool,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    /// Entries of the index that are there, by their place in the index.
    pub(super) tracked: Vec<(usize, Stat)>,
    /// Other files, in no order.
    pub(super) untracked: Vec<(Vec<u8>, Stat)>,
    /// Directories that could not be listed.
    pub(super) unreadable: Vec<(Vec<u8>, ErrorKind)>,
}

/// Which untracked files of a directory count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Take {
    /// Those that are not ignored.
    Kept,
    /// All: the user named an ignored directory.
    All,
    /// Those that the user named: the directory is ignored.
    Named,
}

/// A directory to list.
struct Dir {
    /// Ends in a slash, or is empty.
    path: Vec<u8>,
    range: Range<usize>,
    rules: Option<Arc<Rules>>,
    take: Take,
    /// Leads to something that the user named: its files may hold configuration.
    on_the_way: bool,
}

/// An ignore file beyond this size holds no rules.
const MAX_IGNORE_FILE: u64 = 16 << 20;

impl Walk<'_> {
    pub(super) fn run(&self) -> Found {
        let mut rules = None;
        let mut range = 0..0;
        if let Some((repo, index)) = self.repository {
            range = 0..index.len();
            for file in repo.exclude_files() {
                if let Some(patterns) = std::fs::metadata(&file)
                    .ok()
                    .filter(|m| m.is_file())
                    .and_then(|_| patterns(&file))
                {
                    rules = Rules::add(rules, &patterns, b"", repo.ignore_case());
                }
            }
        }
        let found = Mutex::new(Found::default());
        let dir = Dir {
            path: Vec::new(),
            range,
            rules,
            take: Take::Kept,
            on_the_way: false,
        };
        rayon::scope(|scope| self.list(dir, &found, scope));
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn list<'s>(&'s self, dir: Dir, all: &'s Mutex<Found>, scope: &Scope<'s>) {
        let mut found = Found::default();
        match self.children(&dir) {
            Ok(children) => self.sort_out(dir, children, &mut found, all, scope),
            Err(ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(kind) => found.unreadable.push((dir.path, kind)),
        }
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        all.tracked.append(&mut found.tracked);
        all.untracked.append(&mut found.untracked);
        all.unreadable.append(&mut found.unreadable);
    }

    fn children(&self, dir: &Dir) -> Result<Vec<Child>, ErrorKind> {
        let place = git::disk_path(self.root, &dir.path).ok_or(ErrorKind::InvalidFilename)?;
        let mut children = Vec::new();
        for entry in std::fs::read_dir(place).map_err(|e| e.kind())? {
            let entry = entry.map_err(|e| e.kind())?;
            match entry.file_type() {
                Ok(kind) => children.push(Child {
                    name: entry.file_name(),
                    kind,
                    entry,
                }),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.kind()),
            }
        }
        Ok(children)
    }

    fn sort_out<'s>(
        &'s self,
        mut dir: Dir,
        children: Vec<Child>,
        found: &mut Found,
        all: &'s Mutex<Found>,
        scope: &Scope<'s>,
    ) {
        if self.is_other_repository(&dir, &children) {
            return;
        }
        if dir.take == Take::Kept {
            dir.rules = self.rules(&dir, &children);
        }
        let mut path = dir.path.clone();
        for child in &children {
            let Some(name) = git::name_bytes(&child.name) else {
                continue;
            };
            if self.is_dot_git(&name) {
                continue;
            }
            path.truncate(dir.path.len());
            path.extend_from_slice(&name);
            if child.kind.is_dir() {
                if let Some(dir) = self.subdirectory(&dir, &mut path, child, found) {
                    scope.spawn(move |scope| self.list(dir, all, scope));
                }
            } else {
                self.file(&dir, &path, child, found);
            }
        }
    }

    /// A directory below `dir`, when it is to be listed. `path` is its path.
    fn subdirectory(
        &self,
        dir: &Dir,
        path: &mut Vec<u8>,
        child: &Child,
        found: &mut Found,
    ) -> Option<Dir> {
        let mut range = 0..0;
        if let Some((_, index)) = self.repository {
            if let Some(at) = index.find(path, dir.range.clone())
                && index.entry(at).kind == OidKind::Submodule
            {
                found.tracked.push((at, child.stat()?));
                return None;
            }
            path.push(b'/');
            range = index.below(path, dir.range.clone());
            path.pop();
        }
        let take = match dir.take {
            Take::All => Take::All,
            _ if self.named.is_exact(path) && self.is_ignored(dir, path, true) => Take::All,
            Take::Kept if !self.is_ignored(dir, path, true) => Take::Kept,
            _ => Take::Named,
        };
        let selected = self.only_named && !self.named.is_empty() && self.named.selects(path);
        path.push(b'/');
        let on_the_way = !self.named.is_empty() && self.named.is_below(path);
        let enter = match self.only_named {
            true => selected || on_the_way,
            false => take != Take::Named || !range.is_empty() || on_the_way,
        };
        enter.then(|| Dir {
            path: path.clone(),
            range,
            rules: dir.rules.clone(),
            take,
            on_the_way,
        })
    }

    fn file(&self, dir: &Dir, path: &[u8], child: &Child, found: &mut Found) {
        if let Some((_, index)) = self.repository
            && let Some(at) = index.find(path, dir.range.clone())
        {
            found.tracked.extend(child.stat().map(|stat| (at, stat)));
            return;
        }
        if !child.kind.is_file() && !child.kind.is_symlink() {
            return;
        }
        let wanted = match dir.take {
            Take::All => true,
            Take::Named => dir.on_the_way || self.named.is_exact(path),
            // sops reads an ignored config like any other.
            Take::Kept => {
                !self.is_ignored(dir, path, false)
                    || path.rsplit(|b| *b == b'/').next() == Some(b".sops.yaml")
                    || self.named.is_exact(path)
            }
        };
        if wanted && let Some(stat) = child.stat() {
            found.untracked.push((path.to_vec(), stat));
        }
    }

    fn is_ignored(&self, dir: &Dir, path: &[u8], is_dir: bool) -> bool {
        dir.take == Take::Named
            || dir
                .rules
                .as_ref()
                .is_some_and(|rules| rules.excludes(path, is_dir))
    }

    fn is_dot_git(&self, name: &[u8]) -> bool {
        match self.repository {
            Some((repo, _)) if !repo.ignore_case() => name == b".git",
            _ => name.eq_ignore_ascii_case(b".git"),
        }
    }

    fn is_other_repository(&self, dir: &Dir, children: &[Child]) -> bool {
        let inside = self.repository.is_some() && !dir.path.is_empty() && dir.range.is_empty();
        inside
            && children
                .iter()
                .any(|child| child.name == ".git" && git::is_repository(&child.entry.path()))
    }

    /// The rules that hold in `dir`.
    fn rules(&self, dir: &Dir, children: &[Child]) -> Option<Arc<Rules>> {
        let fold = self.repository.is_some_and(|(repo, _)| repo.ignore_case());
        let own = match children.iter().find(|child| child.name == ".gitignore") {
            Some(child) if child.kind.is_file() => patterns(&child.entry.path()),
            Some(_) => None,
            None => self.skipped_ignore_file(dir),
        };
        match own {
            Some(own) => Rules::add(
                dir.rules.clone(),
                &own,
                dir.path.strip_suffix(b"/").unwrap_or(b""),
                fold,
            ),
            None => dir.rules.clone(),
        }
    }

    /// An ignore file that a sparse checkout left out counts as it is in the index.
    fn skipped_ignore_file(&self, dir: &Dir) -> Option<Vec<u8>> {
        let (repo, index) = self.repository?;
        let path = [dir.path.as_slice(), b".gitignore"].concat();
        let entry = index.entry(index.find(&path, dir.range.clone())?);
        if entry.skip_worktree {
            repo.blob(entry.id)
        } else {
            None
        }
    }
}

/// A name in a directory.
struct Child {
    name: OsString,
    kind: FileType,
    entry: DirEntry,
}

impl Child {
    /// `None` when it is gone.
    fn stat(&self) -> Option<Stat> {
        match self.entry.metadata() {
            Ok(metadata) => Some(Stat::new(&metadata)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(_) => Some(Stat::hidden()),
        }
    }
}

fn patterns(file: &Path) -> Option<Vec<u8>> {
    let file = std::fs::File::open(file).ok()?;
    let size = file
        .metadata()
        .ok()
        .filter(|m| m.is_file() && m.len() <= MAX_IGNORE_FILE)?
        .len();
    let mut bytes = Vec::with_capacity(size as usize);
    file.take(MAX_IGNORE_FILE).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

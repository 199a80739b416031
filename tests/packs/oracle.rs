//! What git says a history holds: commits by `rev-list`, trees by `cat-file --batch`, each (path, tree) looked into once.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use sopsguard::git::{Oid, OidKind};

use super::lab::Lab;

/// A path, a blob and a kind as one letter.
pub(crate) type Place = (Vec<u8>, Oid, char);

pub(crate) fn letter(kind: OidKind) -> char {
    match kind {
        OidKind::Blob => 'f',
        OidKind::Executable => 'x',
        OidKind::Link => 'l',
        OidKind::Submodule | OidKind::Tree => '?',
    }
}

/// A running `git cat-file --batch`.
pub(crate) struct CatFile {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl CatFile {
    pub(crate) fn new(lab: &Lab, at: &Path) -> Self {
        let mut child = lab
            .command(at)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Kind and bytes; `None` when it is missing.
    pub(crate) fn read(&mut self, id: &Oid) -> Option<(String, Vec<u8>)> {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{id}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, kind, size] = fields.as_slice() else {
            return None;
        };
        let mut bytes = vec![0; size.parse::<usize>().unwrap() + 1];
        self.stdout.read_exact(&mut bytes).unwrap();
        bytes.pop();
        Some(((*kind).to_owned(), bytes))
    }
}

impl Drop for CatFile {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.child.wait().unwrap();
    }
}

pub(crate) fn ids(text: &[u8]) -> Vec<Oid> {
    text.split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| Oid::from_hex(line).unwrap())
        .collect()
}

/// All tips of a repository.
pub(crate) fn tips(lab: &Lab, at: &Path) -> Vec<Oid> {
    ids(&lab.git_in(at, &["for-each-ref", "--format=%(objectname)"]))
}

pub(crate) fn commits(lab: &Lab, at: &Path) -> BTreeSet<Oid> {
    ids(&lab.git_in(at, &["rev-list", "--all"]))
        .into_iter()
        .collect()
}

/// Entries of a tree: mode, name, id.
pub(crate) fn entries(tree: &[u8], id_len: usize) -> Vec<(String, Vec<u8>, Oid)> {
    let (mut rest, mut out) = (tree, Vec::new());
    while !rest.is_empty() {
        let space = rest.iter().position(|b| *b == b' ').unwrap();
        let nul = rest.iter().position(|b| *b == 0).unwrap();
        let mode = String::from_utf8(rest[..space].to_vec()).unwrap();
        let id = Oid::try_from(&rest[nul + 1..nul + 1 + id_len]).unwrap();
        out.push((mode, rest[space + 1..nul].to_vec(), id));
        rest = &rest[nul + 1 + id_len..];
    }
    out
}

/// Every file of these root trees.
pub(crate) fn places(cat: &mut CatFile, roots: impl IntoIterator<Item = Oid>) -> BTreeSet<Place> {
    let (mut seen, mut out) = (HashSet::new(), BTreeSet::new());
    let mut trees: BTreeMap<Oid, Vec<u8>> = BTreeMap::new();
    let mut open: Vec<(Vec<u8>, Oid)> = roots.into_iter().map(|id| (Vec::new(), id)).collect();
    while let Some((prefix, id)) = open.pop() {
        if !seen.insert((prefix.clone(), id)) {
            continue;
        }
        let tree = match trees.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => match cat.read(&id) {
                Some((kind, bytes)) if kind == "tree" => free.insert(bytes),
                _ => continue,
            },
        };
        for (mode, name, child) in entries(tree, id.as_bytes().len()) {
            let mut path = prefix.clone();
            path.extend(name);
            let kind = match mode.as_str() {
                "40000" => {
                    path.push(b'/');
                    open.push((path, child));
                    continue;
                }
                "120000" => 'l',
                "160000" => continue,
                "100755" => 'x',
                _ => 'f',
            };
            out.insert((path, child, kind));
        }
    }
    out
}

/// The root tree of a commit.
pub(crate) fn root(cat: &mut CatFile, commit: &Oid) -> Oid {
    let (kind, text) = cat.read(commit).unwrap();
    assert_eq!(kind, "commit");
    let line = text.split(|b| *b == b'\n').next().unwrap();
    Oid::from_hex(&line[b"tree ".len()..]).unwrap()
}

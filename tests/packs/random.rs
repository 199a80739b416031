//! Random histories, written as a stream for `git fast-import`: merges, several roots, renames, copies of directories (so
//! that one tree stands at several paths), changes of mode, links, commits of other repositories, large files that change
//! a little. The same seed makes the same ids.

use std::collections::BTreeMap;
use std::io::Write;

pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

#[derive(Clone, Default)]
struct Branch {
    tip: Option<usize>,
    /// Files and their text; links and commits of others have none.
    files: BTreeMap<String, Option<Vec<u8>>>,
}

const DIRS: [&str; 7] = [
    "",
    "apps/",
    "apps/web/",
    "apps/db/",
    "clusters/eu/base/",
    "a.b/",
    "a/",
];
const NAMES: [&str; 6] = [
    "app.yaml",
    "secret.yaml",
    "x",
    "values.json",
    ".env",
    "list-0",
];
const BRANCHES: usize = 4;

/// A stream of `commits` commits; `hash_len` is that of an id in hexadecimal.
pub(crate) fn history(seed: u64, commits: usize, hash_len: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut out = Vec::new();
    let mut branches = vec![Branch::default(); BRANCHES];
    for mark in 1..=commits {
        let at = rng.below(BRANCHES);
        let from_other = branches[at].tip.is_none() && mark > 1 && !rng.one_in(3);
        if from_other {
            let other = rng.below(BRANCHES);
            branches[at] = branches[other].clone();
        }
        let merged = (branches[at].tip.is_some() && rng.one_in(5))
            .then(|| branches[rng.below(BRANCHES)].tip)
            .flatten()
            .filter(|tip| Some(*tip) != branches[at].tip);
        let time = 1_700_000_000 + mark * 60 + rng.below(50);
        writeln!(out, "commit refs/heads/b{at}\nmark :{mark}").unwrap();
        writeln!(out, "committer A <a@example.org> {time} +0100").unwrap();
        let word = if rng.one_in(7) { "SECRET" } else { "change" };
        data(&mut out, format!("{word} {mark}\n").as_bytes());
        if let Some(tip) = branches[at].tip {
            writeln!(out, "from :{tip}").unwrap();
        }
        if let Some(tip) = merged {
            writeln!(out, "merge :{tip}").unwrap();
        }
        for _ in 0..1 + rng.below(3) {
            change(&mut rng, &mut out, &mut branches[at].files, hash_len);
        }
        out.push(b'\n');
        branches[at].tip = Some(mark);
    }
    out
}

fn data(out: &mut Vec<u8>, bytes: &[u8]) {
    writeln!(out, "data {}", bytes.len()).unwrap();
    out.extend_from_slice(bytes);
    out.push(b'\n');
}

fn change(
    rng: &mut Rng,
    out: &mut Vec<u8>,
    files: &mut BTreeMap<String, Option<Vec<u8>>>,
    hash_len: usize,
) {
    let path = format!(
        "{}{}",
        DIRS[rng.below(DIRS.len())],
        NAMES[rng.below(NAMES.len())]
    );
    let known: Vec<String> = files.keys().cloned().collect();
    let clash = known
        .iter()
        .any(|k| k.starts_with(&format!("{path}/")) || path.starts_with(&format!("{k}/")));
    match rng.below(12) {
        0 if !known.is_empty() => {
            let path = &known[rng.below(known.len())];
            writeln!(out, "D {path}").unwrap();
            files.remove(path);
        }
        1 if !clash => {
            writeln!(out, "M 120000 inline {path}").unwrap();
            data(out, b"../target");
            files.insert(path, None);
        }
        2 if !clash => {
            let id = format!("{:0>hash_len$x}", rng.next());
            writeln!(out, "M 160000 {id} {path}").unwrap();
            files.insert(path, None);
        }
        3 => copy(rng, out, files, "C"),
        4 => copy(rng, out, files, "R"),
        _ if !clash => {
            let mut text = match files.get(&path) {
                Some(Some(text)) => text.clone(),
                _ => Vec::new(),
            };
            edit(rng, &mut text);
            let mode = if rng.one_in(6) { "100755" } else { "100644" };
            writeln!(out, "M {mode} inline {path}").unwrap();
            data(out, &text);
            files.insert(path, Some(text));
        }
        _ => {}
    }
}

/// Copies or renames a directory to a place of its own.
fn copy(
    rng: &mut Rng,
    out: &mut Vec<u8>,
    files: &mut BTreeMap<String, Option<Vec<u8>>>,
    verb: &str,
) {
    let dirs: Vec<&str> = DIRS[1..]
        .iter()
        .copied()
        .filter(|d| files.keys().any(|f| f.starts_with(d)))
        .collect();
    if dirs.is_empty() {
        return;
    }
    let from = dirs[rng.below(dirs.len())];
    let to = format!("copies/{}/", rng.below(5));
    let moved: Vec<(String, Option<Vec<u8>>)> = files
        .iter()
        .filter(|(f, _)| f.starts_with(from))
        .map(|(f, text)| (format!("{to}{}", &f[from.len()..]), text.clone()))
        .collect();
    writeln!(
        out,
        "{verb} {} {}",
        from.trim_end_matches('/'),
        to.trim_end_matches('/')
    )
    .unwrap();
    files.retain(|f, _| !(f.starts_with(&to) || verb == "R" && f.starts_with(from)));
    files.extend(moved);
}

fn edit(rng: &mut Rng, text: &mut Vec<u8>) {
    if text.is_empty() {
        let lines = if rng.one_in(2) { 5 } else { 900 };
        for line in 0..lines {
            text.extend(format!("line{line}: {:x}\n", rng.next()).as_bytes());
        }
    }
    for _ in 0..1 + rng.below(3) {
        let at = rng.below(text.len() + 1);
        match rng.below(4) {
            0 => text.truncate(text.len().min(at + text.len() / 2)),
            1 => drop(text.splice(at..at, *b"\npassword: hunter2\n")),
            2 => drop(text.splice(at..at, *b"SECRET")),
            _ => {
                let end = text.len().min(at + rng.below(3000));
                let part = text[at..end].to_vec();
                let to = rng.below(text.len() + 1);
                text.splice(to..to, part);
            }
        }
    }
    text.truncate(60_000);
}

//! Histories read from packs, compared as sets with what git says of the same repository.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot be set up has failed"
)]

#[path = "packs/forge.rs"]
mod forge;
#[path = "source/lab.rs"]
mod lab;
#[path = "packs/oracle.rs"]
mod oracle;
#[path = "packs/random.rs"]
mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

use forge::{BLOB, Forge, TREE, append, entry, id, stored};
use lab::Lab;
use oracle::{CatFile, Place, letter};
use sopsguard::git::{HashKind, Oid};
use sopsguard::packs::{
    BlobNo, CommitNo, History, Hit, NoSearch, Problem, Request, Search, Seen, Stores, Trouble, read,
};

/// Finds three words, one of which is the start of another.
struct Words;

const WORDS: [&[u8]; 3] = [b"SECRET", b"password: hunter2", b"pass"];

impl Search for Words {
    fn margin(&self) -> usize {
        WORDS[1].len() - 1
    }

    fn search(&self, bytes: &[u8], range: Range<usize>, out: &mut Vec<Hit>) {
        for (needle, word) in WORDS.iter().enumerate() {
            for at in range.start..range.end.saturating_sub(word.len() - 1) {
                if bytes[at..].starts_with(word) {
                    out.push(Hit {
                        at: at as u32,
                        len: word.len() as u16,
                        needle: needle as u8,
                    });
                }
            }
        }
    }
}

fn import(lab: &Lab, at: &Path, stream: &[u8]) {
    let mut child = lab
        .command(at)
        .args(["fast-import", "--quiet", "--force", "--depth=0"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stream).unwrap();
    assert!(child.wait().unwrap().success());
}

/// A repository with a random history, in one pack as `git fast-import` leaves it.
fn random(seed: u64, commits: usize) -> Lab {
    let lab = Lab::new();
    import(&lab, &lab.top(), &random::history(seed, commits, 40));
    lab
}

fn stores_at(git_dir: &Path, hash: HashKind) -> Stores {
    Stores::new(&git_dir.join("objects"), &[], hash).with_shallow(&git_dir.join("shallow"))
}

fn stores(lab: &Lab) -> Stores {
    stores_at(&lab.top().join(".git"), HashKind::Sha1)
}

fn request(tips: &[Oid]) -> Request<'_> {
    Request {
        tips,
        unreachable: false,
        threads: 3,
        plain: false,
    }
}

/// The fast answer with three threads and with one, and the plain one.
fn all_ways<'a>(tips: &'a [Oid]) -> [Request<'a>; 3] {
    let fast = request(tips);
    [
        fast,
        Request { threads: 1, ..fast },
        Request {
            plain: true,
            ..fast
        },
    ]
}

fn commit_ids(history: &History) -> BTreeSet<Oid> {
    let ids: BTreeSet<Oid> = history.commits().map(|c| history.commit_id(c)).collect();
    assert_eq!(ids.len(), history.commit_count());
    ids
}

fn places(history: &History) -> BTreeSet<Place> {
    let list: Vec<Place> = history
        .versions()
        .iter()
        .map(|v| {
            let path = history.path(v.path).to_vec();
            (path, history.blob_id(v.blob), letter(v.kind))
        })
        .collect();
    assert!(
        list.is_sorted_by(|a, b| (&a.0, a.1) <= (&b.0, b.1) && a != b),
        "versions are sorted and distinct"
    );
    list.into_iter().collect()
}

/// Everything that callers can see, for comparing two ways of reading.
fn told(history: &History) -> String {
    let mut out = String::new();
    for commit in history.commits() {
        let parents: Vec<u32> = history.parents(commit).map(|p| p.0).collect();
        assert!(parents.iter().all(|p| *p > commit.0), "children first");
        let id = history.commit_id(commit);
        assert_eq!(history.find_commit(&id), Some(commit));
        out += &format!(
            "{id} {parents:?} {} {} {}\n",
            history.time(commit),
            history.is_cut(commit),
            history.is_unreachable(commit)
        );
    }
    out += &format!("{:#?}\n{:#?}\n", places(history), history.problems());
    let pathless = history.pathless().iter().map(|b| history.blob_id(*b));
    out += &format!("{:?}\n", pathless.collect::<Vec<_>>());
    out += &format!("{:?}\n", history.messages());
    out
}

fn same(one: &str, other: &str, what: &str) {
    if let Some((a, b)) = one.lines().zip(other.lines()).find(|(a, b)| a != b) {
        panic!("{what}: {a} is not {b}");
    }
    assert_eq!(one.len(), other.len(), "{what}");
}

/// Reads in all ways, compares with each other and with git, and gives the fast one.
fn check(lab: &Lab, at: &Path, stores: &Stores) -> History {
    let tips = oracle::tips(lab, at);
    let mut histories: Vec<History> = all_ways(&tips)
        .iter()
        .map(|request| read(stores, request, &Words))
        .collect();
    let fast = told(&histories[0]);
    same(&fast, &told(&histories[1]), "one thread");
    same(&fast, &told(&histories[2]), "plain");
    let history = histories.swap_remove(0);
    let commits = oracle::commits(lab, at);
    assert_eq!(commit_ids(&history), commits);
    let mut cat = CatFile::new(lab, at);
    let roots: Vec<Oid> = commits.iter().map(|c| oracle::root(&mut cat, c)).collect();
    assert_eq!(places(&history), oracle::places(&mut cat, roots));
    check_blobs(&history, &mut cat);
    check_blobs(&histories[0], &mut cat);
    check_blobs(&histories[1], &mut cat);
    history
}

/// Every blob passes by once, with the bytes that git has and the matches that a search of the whole finds.
fn check_blobs(history: &History, cat: &mut CatFile) {
    let seen: Mutex<BTreeMap<BlobNo, Vec<u8>>> = Mutex::new(BTreeMap::new());
    let failed = history.read_blobs(&|_| true, &Words, &|blob, passed: Seen<'_>| {
        let mut hits = Vec::new();
        Words.search(passed.bytes, 0..passed.bytes.len(), &mut hits);
        hits.sort();
        assert_eq!(hits, passed.hits, "{}", history.blob_id(blob));
        let mut end = 0;
        for fresh in passed.fresh {
            assert!(fresh.start >= end && fresh.end >= fresh.start);
            end = fresh.end;
        }
        assert!(end <= passed.bytes.len());
        if passed.base.is_none() {
            let whole = 0..passed.bytes.len();
            assert_eq!(passed.fresh, std::slice::from_ref(&whole));
        }
        let before = seen.lock().unwrap().insert(blob, passed.bytes.to_vec());
        assert!(before.is_none(), "a blob passed by twice");
    });
    let seen = seen.into_inner().unwrap();
    let unread: BTreeSet<Oid> = failed.iter().map(|p| p.id).collect();
    let versions = history.versions().iter().map(|v| v.blob);
    let all: BTreeSet<BlobNo> = versions.chain(history.pathless().iter().copied()).collect();
    for blob in all {
        let id = history.blob_id(blob);
        match seen.get(&blob) {
            Some(bytes) => assert_eq!(cat.read(&id).unwrap(), ("blob".to_owned(), bytes.clone())),
            None => assert!(
                unread.contains(&id) || history.problems().iter().any(|p| p.id == id),
                "{id} was left out"
            ),
        }
    }
}

#[test]
fn one_pack_as_imported_and_repacked_in_several_ways() {
    for seed in 1..4 {
        let lab = random(seed, 150);
        check(&lab, &lab.top(), &stores(&lab));
        lab.git(&["repack", "-adfq", "--depth=50", "--window=20"]);
        check(&lab, &lab.top(), &stores(&lab));
    }
}

#[test]
fn deltas_that_name_their_base_by_id() {
    let lab = random(5, 150);
    lab.git(&["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq"]);
    check(&lab, &lab.top(), &stores(&lab));
}

#[test]
fn loose_objects_alone_and_beside_packs() {
    let lab = random(6, 40);
    let packs = lab.top().join(".git/objects/pack");
    let aside = lab.dir.path().join("aside");
    std::fs::create_dir(&aside).unwrap();
    for entry in std::fs::read_dir(&packs).unwrap() {
        let path = entry.unwrap().path();
        std::fs::rename(&path, aside.join(path.file_name().unwrap())).unwrap();
    }
    for entry in std::fs::read_dir(&aside).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "pack") {
            let mut child = lab.command(&lab.top());
            let file = std::fs::File::open(path).unwrap();
            assert!(
                child
                    .args(["unpack-objects", "-q"])
                    .stdin(file)
                    .status()
                    .unwrap()
                    .success()
            );
        }
    }
    check(&lab, &lab.top(), &stores(&lab));
    lab.git(&["repack", "-q", "-d"]);
    lab.git(&["checkout", "-q", "-f", "b0"]);
    lab.write("apps/new.yaml", "a: 1\n");
    lab.commit("loose");
    check(&lab, &lab.top(), &stores(&lab));
}

#[test]
fn several_packs_with_duplicates_and_a_shared_index() {
    let lab = random(7, 120);
    lab.git(&["repack", "-adfq"]);
    // A second pack with everything, a third with what came later.
    let all = lab.git(&["rev-list", "--objects", "--all"]);
    let mut child = lab
        .command(&lab.top())
        .args(["pack-objects", "-q", "--window=3", ".git/objects/pack/pack"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&all).unwrap();
    assert!(child.wait().unwrap().success());
    let more = random::history(8, 60, 40);
    let more = String::from_utf8_lossy(&more).replace("refs/heads/", "refs/heads/more-");
    import(&lab, &lab.top(), more.as_bytes());
    assert!(packs(&lab).len() > 2);
    check(&lab, &lab.top(), &stores(&lab));
    lab.git(&["multi-pack-index", "write"]);
    check(&lab, &lab.top(), &stores(&lab));
}

fn packs(lab: &Lab) -> Vec<PathBuf> {
    let dir = lab.top().join(".git/objects/pack");
    let mut packs: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "pack"))
        .collect();
    packs.sort();
    packs
}

#[test]
fn a_pack_that_only_the_shared_index_covers() {
    let lab = random(9, 80);
    lab.git(&["repack", "-adfq"]);
    lab.git(&["multi-pack-index", "write"]);
    let tips = oracle::tips(&lab, &lab.top());
    let before = told(&read(&stores(&lab), &request(&tips), &Words));
    std::fs::remove_file(packs(&lab)[0].with_extension("idx")).unwrap();
    for request in all_ways(&tips) {
        let history = read(&stores(&lab), &request, &Words);
        same(&before, &told(&history), "without .idx");
        assert_eq!(history.read_blobs(&|_| true, &Words, &|_, _| {}), []);
    }
}

#[test]
fn alternates_of_alternates_in_a_circle() {
    let lab = random(10, 60);
    lab.git(&["repack", "-adfq"]);
    let top = lab.top().to_str().unwrap().to_owned();
    let ground = lab.dir.path();
    lab.git_in(
        ground,
        &["clone", "-q", "--shared", "--bare", &top, "second"],
    );
    lab.git_in(ground, &["clone", "-q", "--shared", "second", "third"]);
    let third = ground.join("third");
    std::fs::write(third.join("new.yaml"), "a: 1\n").unwrap();
    lab.git_in(&third, &["add", "-A"]);
    lab.git_in(&third, &["commit", "-qm", "more"]);
    let stores = stores_at(&third.join(".git"), HashKind::Sha1);
    assert_eq!(stores.dirs().len(), 3);
    check(&lab, &third, &stores);
    // Relative to the directory that names it, with a comment, and back to the start.
    let alternates = ground.join("top/.git/objects/info/alternates");
    std::fs::write(alternates, "# back\n../../../third/.git/objects\n").unwrap();
    let again = stores_at(&third.join(".git"), HashKind::Sha1);
    assert_eq!(again.dirs().len(), 3);
    let tips = oracle::tips(&lab, &third);
    let history = read(&again, &request(&tips), &NoSearch);
    assert_eq!(history.problems(), []);
    // As extra directories, without any alternates file.
    let extra = [ground.join("top/.git/objects")];
    let objects = ground.join("third/.git/objects");
    std::fs::remove_file(objects.join("info/alternates")).unwrap();
    let quarantine = Stores::new(&objects, &extra, HashKind::Sha1);
    let other = read(&quarantine, &request(&tips), &NoSearch);
    same(&told(&history), &told(&other), "extra directories");
}

#[test]
fn sha256() {
    let lab = Lab::with(&["--object-format=sha256"]);
    import(&lab, &lab.top(), &random::history(11, 100, 64));
    lab.git(&["repack", "-adfq"]);
    lab.git(&["checkout", "-q", "-f", "b0"]);
    lab.write("apps/new.yaml", "a: 1\n");
    lab.commit("loose");
    let stores = stores_at(&lab.top().join(".git"), HashKind::Sha256);
    check(&lab, &lab.top(), &stores);
}

#[test]
fn a_shallow_clone_is_cut_where_git_says() {
    let lab = random(12, 80);
    let url = format!("file://{}", lab.top().display());
    let ground = lab.dir.path();
    lab.git_in(
        ground,
        &[
            "clone",
            "-q",
            "--depth=4",
            "--no-single-branch",
            &url,
            "shallow",
        ],
    );
    let at = ground.join("shallow");
    let history = check(&lab, &at, &stores_at(&at.join(".git"), HashKind::Sha1));
    let file = std::fs::read(at.join(".git/shallow")).unwrap();
    let cut: BTreeSet<Oid> = history
        .commits()
        .filter(|c| history.is_cut(*c))
        .map(|c| history.commit_id(c))
        .collect();
    assert_eq!(cut, oracle::ids(&file).into_iter().collect());
    assert_eq!(history.problems(), []);
}

#[test]
fn the_same_tree_at_two_paths_has_two_paths() {
    let lab = Lab::new();
    lab.write("one/deep/secret.yaml", "a: 1\n");
    lab.write("two/deep/secret.yaml", "a: 1\n");
    lab.write("deep/secret.yaml", "a: 1\n");
    lab.commit("three times the same tree");
    let history = check(&lab, &lab.top(), &stores(&lab));
    let paths: Vec<&[u8]> = history
        .versions()
        .iter()
        .map(|v| history.path(v.path))
        .collect();
    let expected: [&[u8]; 3] = [
        b"deep/secret.yaml",
        b"one/deep/secret.yaml",
        b"two/deep/secret.yaml",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn tags_of_tags_and_of_anything() {
    let lab = random(13, 20);
    lab.git(&["tag", "-a", "-m", "SECRET", "inner", "b0"]);
    lab.git(&["tag", "-a", "-m", "fine", "outer", "inner"]);
    lab.git(&["update-ref", "-d", "refs/heads/b0"]);
    lab.git(&["update-ref", "-d", "refs/tags/inner"]);
    let history = check(&lab, &lab.top(), &stores(&lab));
    let tags = history.messages().iter().filter(|m| m.is_tag).count();
    assert_eq!(tags, 1);
    let commits = String::from_utf8(lab.git(&["log", "--all", "--format=%H %s"])).unwrap();
    let mut expected: Vec<&str> = commits
        .lines()
        .filter(|l| l.contains("SECRET"))
        .map(|l| l.split(' ').next().unwrap())
        .collect();
    expected.sort_unstable();
    let mut found: Vec<String> = history
        .messages()
        .iter()
        .filter(|m| !m.is_tag)
        .map(|m| m.id.to_string())
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected);

    let lab = Lab::new();
    lab.write("kept", "kept\n");
    lab.commit("one");
    lab.write("only/here", "in a tagged tree\n");
    lab.git(&["add", "-A"]);
    let tree = String::from_utf8(lab.git(&["write-tree"])).unwrap();
    lab.git(&["tag", "-a", "-m", "tree", "tree", tree.trim()]);
    lab.write("alone", "a tagged blob\n");
    let blob = String::from_utf8(lab.git(&["hash-object", "-w", "alone"])).unwrap();
    lab.git(&["tag", "blob", blob.trim()]);
    let tips = oracle::tips(&lab, &lab.top());
    for request in all_ways(&tips) {
        let history = read(&stores(&lab), &request, &NoSearch);
        assert_eq!(history.commit_count(), 1);
        let paths: Vec<&[u8]> = history
            .versions()
            .iter()
            .map(|v| history.path(v.path))
            .collect();
        assert_eq!(paths, [b"kept".as_slice(), b"only/here"]);
        let blobs: Vec<String> = history
            .pathless()
            .iter()
            .map(|b| history.blob_id(*b).to_string())
            .collect();
        assert_eq!(blobs, [blob.trim()]);
    }
}

#[test]
fn what_no_tip_reaches_is_found_when_asked_for() {
    let lab = random(14, 90);
    lab.git(&["repack", "-adfq"]);
    lab.git(&["checkout", "-q", "-f", "b1"]);
    lab.write("dangling/tree/leaf", "leaf of a dangling tree\n");
    lab.git(&["add", "-A"]);
    lab.git(&["write-tree"]);
    lab.git(&["reset", "-q", "--hard"]);
    lab.write("alone", "a dangling blob\n");
    let blob = String::from_utf8(lab.git(&["hash-object", "-w", "alone"])).unwrap();
    let everything = oracle::commits(&lab, &lab.top());
    for branch in ["b0", "b2"] {
        lab.git(&["update-ref", "-d", &format!("refs/heads/{branch}")]);
    }
    let reachable = oracle::commits(&lab, &lab.top());
    assert!(reachable.len() < everything.len());
    let tips = oracle::tips(&lab, &lab.top());
    let mut first = None;
    for request in all_ways(&tips) {
        let request = Request {
            unreachable: true,
            ..request
        };
        let history = read(&stores(&lab), &request, &NoSearch);
        assert_eq!(commit_ids(&history), everything);
        for commit in history.commits() {
            let known = reachable.contains(&history.commit_id(commit));
            assert_eq!(history.is_unreachable(commit), !known);
        }
        let mut cat = CatFile::new(&lab, &lab.top());
        let roots: Vec<Oid> = everything
            .iter()
            .map(|c| oracle::root(&mut cat, c))
            .collect();
        let expected = oracle::places(&mut cat, roots);
        let found = places(&history);
        assert!(found.is_superset(&expected));
        assert!(
            found
                .iter()
                .any(|(path, _, _)| path == b"dangling/tree/leaf")
        );
        let pathless = history.pathless().iter().map(|b| history.blob_id(*b));
        assert_eq!(
            pathless.map(|id| id.to_string()).collect::<Vec<_>>(),
            [blob.trim()]
        );
        check_blobs(&history, &mut cat);
        same(
            first.get_or_insert_with(|| told(&history)),
            &told(&history),
            "ways",
        );
    }
}

#[test]
fn holders_are_all_commits_whose_tree_has_it_there() {
    for seed in [20, 21] {
        let lab = random(seed, 120);
        lab.git(&["repack", "-adfq", "--depth=20"]);
        let tips = oracle::tips(&lab, &lab.top());
        // By commit: what `git ls-tree -r` lists.
        let mut held: BTreeMap<Place, BTreeSet<Oid>> = BTreeMap::new();
        for commit in oracle::commits(&lab, &lab.top()) {
            let out = lab.git(&["ls-tree", "-r", "-z", &commit.to_string()]);
            for line in out.split(|b| *b == 0).filter(|l| !l.is_empty()) {
                let tab = line.iter().position(|b| *b == b'\t').unwrap();
                let fields = String::from_utf8(line[..tab].to_vec()).unwrap();
                let fields: Vec<&str> = fields.split(' ').collect();
                let kind = match fields[0] {
                    "160000" => continue,
                    "120000" => 'l',
                    "100755" => 'x',
                    _ => 'f',
                };
                let id = Oid::from_hex(fields[2].as_bytes()).unwrap();
                let place = (line[tab + 1..].to_vec(), id, kind);
                held.entry(place).or_default().insert(commit);
            }
        }
        for request in all_ways(&tips) {
            let history = read(&stores(&lab), &request, &NoSearch);
            assert_eq!(history.versions().len(), held.len());
            let all: Vec<usize> = (0..history.versions().len()).collect();
            let few: Vec<usize> = all.iter().copied().step_by(17).collect();
            for asked in [all, few] {
                let mut told = Vec::new();
                history.holders(&asked, &mut |at, set| {
                    let version = history.versions()[at];
                    let path = history.path(version.path).to_vec();
                    let place = (path, history.blob_id(version.blob), letter(version.kind));
                    let commits: BTreeSet<Oid> = set.iter().map(|c| history.commit_id(c)).collect();
                    assert_eq!(commits, held[&place], "{place:?}");
                    assert_eq!(set.len(), commits.len());
                    assert!(!set.is_empty());
                    let first = set.iter().next().unwrap();
                    assert!(set.contains(first) && !set.contains(CommitNo(u32::MAX)));
                    told.push(at);
                });
                assert_eq!(told, asked);
            }
        }
    }
}

/// Where the entry of an object stands in the only pack.
fn offset(lab: &Lab, id: &Oid) -> u64 {
    let index = std::fs::File::open(packs(lab)[0].with_extension("idx")).unwrap();
    let mut command = lab.command(&lab.top());
    let out = command.arg("show-index").stdin(index).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let line = text.lines().find(|l| l.contains(&id.to_string())).unwrap();
    line.split(' ').next().unwrap().parse().unwrap()
}

fn overwrite(lab: &Lab, offset: u64, bytes: &[u8]) {
    use std::os::unix::fs::{FileExt, PermissionsExt};
    let pack = packs(lab).remove(0);
    std::fs::set_permissions(&pack, std::fs::Permissions::from_mode(0o644)).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(pack).unwrap();
    file.write_all_at(bytes, offset).unwrap();
}

#[test]
fn damage_in_a_pack_is_told_and_the_rest_is_there() {
    let lab = Lab::new();
    for n in 0..30 {
        lab.write("fine/a.yaml", &format!("n: {n}\n"));
        lab.write("bad/b.yaml", &format!("m: {n}\n"));
        lab.commit(&format!("{n}"));
    }
    lab.git(&["repack", "-adfq", "--depth=0"]);
    let of = |spec: &str| {
        let out = lab.git(&["rev-parse", spec]);
        oracle::ids(&out)[0]
    };
    let (blob, tree) = (of("main:fine/a.yaml"), of("main~3:bad"));
    for id in [blob, tree] {
        overwrite(&lab, offset(&lab, &id) + 3, &[0xff; 6]);
    }
    let tips = oracle::tips(&lab, &lab.top());
    for request in all_ways(&tips) {
        let history = read(&stores(&lab), &request, &NoSearch);
        assert_eq!(history.commit_count(), 30);
        let [problem] = history.problems() else {
            panic!("{:?}", history.problems());
        };
        assert_eq!((problem.id, problem.what), (tree, Trouble::Corrupt));
        assert_eq!(problem.path.as_deref(), Some(b"bad".as_slice()));
        assert_eq!(history.versions().len(), 59);
        let failed = history.read_blobs(&|_| true, &NoSearch, &|_, _| {});
        let [problem] = failed.as_slice() else {
            panic!("{failed:?}");
        };
        assert_eq!((problem.id, problem.what), (blob, Trouble::Corrupt));
        assert_eq!(problem.path.as_deref(), Some(b"fine/a.yaml".as_slice()));
    }
    // A good copy elsewhere serves.
    let bytes = b"n: 29\n";
    lab.write_bytes(b"copy", bytes);
    let file = lab.top().join(".git/objects").join(&blob.to_string()[..2]);
    let other = Lab::new();
    other.write_bytes(b"copy", bytes);
    other.git(&["hash-object", "-w", "copy"]);
    std::fs::create_dir_all(&file).unwrap();
    let from = other
        .top()
        .join(".git/objects")
        .join(&blob.to_string()[..2]);
    let name = &blob.to_string()[2..];
    std::fs::copy(from.join(name), file.join(name)).unwrap();
    let history = read(&stores(&lab), &request(&tips), &NoSearch);
    assert_eq!(history.read_blobs(&|_| true, &NoSearch, &|_, _| {}), []);
}

#[test]
fn damage_in_the_middle_of_a_chain_of_deltas() {
    let lab = random(30, 100);
    lab.git(&["repack", "-adfq", "--depth=50"]);
    let tips = oracle::tips(&lab, &lab.top());
    let pack = std::fs::read(&packs(&lab)[0]).unwrap();
    let mut rng = random::Rng::new(3);
    for _ in 0..6 {
        let at = 12 + rng.below(pack.len() - 40);
        overwrite(&lab, at as u64, &[rng.next() as u8, rng.next() as u8]);
        let mut first = None;
        for request in all_ways(&tips) {
            let history = read(&stores(&lab), &request, &Words);
            let failed = history.read_blobs(&|_| true, &Words, &|_, _| {});
            let all = format!("{}{failed:#?}", told(&history));
            same(first.get_or_insert_with(|| all.clone()), &all, "ways");
        }
    }
}

#[test]
fn missing_objects_are_told() {
    let lab = Lab::new();
    lab.write("dir/a.yaml", "a: 1\n");
    lab.write("dir/sub/b.yaml", "a: 2\n");
    lab.commit("one");
    lab.write("dir/a.yaml", "a: 3\n");
    lab.commit("two");
    lab.write("c.yaml", "a: 3\n");
    lab.commit("three");
    let mut gone = Vec::new();
    for spec in [
        "main~1:dir/a.yaml",
        "main:dir/sub",
        "main~1^{tree}",
        "main~2",
    ] {
        let id = oracle::ids(&lab.git(&["rev-parse", spec]))[0];
        gone.push(id);
    }
    let three = oracle::ids(&lab.git(&["rev-parse", "main~1"]))[0];
    for id in &gone {
        let hex = id.to_string();
        let objects = lab.top().join(".git/objects");
        std::fs::remove_file(objects.join(&hex[..2]).join(&hex[2..])).unwrap();
    }
    let tips = oracle::tips(&lab, &lab.top());
    let mut first = None;
    for request in all_ways(&tips) {
        let history = read(&stores(&lab), &request, &NoSearch);
        assert_eq!(history.commit_count(), 2);
        assert!(history.is_cut(CommitNo(1)) && !history.is_cut(CommitNo(0)));
        let problems: BTreeMap<Oid, (Option<&[u8]>, Option<Oid>)> = history
            .problems()
            .iter()
            .map(|p| {
                assert_eq!(p.what, Trouble::Missing);
                (p.id, (p.path.as_deref(), p.commit))
            })
            .collect();
        assert_eq!(
            problems.keys().copied().collect::<BTreeSet<_>>(),
            gone.iter().copied().collect()
        );
        assert_eq!(problems[&gone[0]].0, Some(b"c.yaml".as_slice()));
        assert_eq!(problems[&gone[1]].0, Some(b"dir/sub".as_slice()));
        assert_eq!(problems[&gone[2]], (Some(b"".as_slice()), Some(three)));
        assert_eq!(problems[&gone[3]], (None, Some(three)));
        assert_eq!(history.read_blobs(&|_| true, &NoSearch, &|_, _| {}), []);
        same(
            first.get_or_insert_with(|| told(&history)),
            &told(&history),
            "ways",
        );
    }
}

/// Reads what was forged in all ways, which must agree, and gives the answer and the blobs that could not be read.
fn read_forged(forge: Forge, tips: &[Oid]) -> (History, Vec<Problem>) {
    let dir = tempfile::tempdir().unwrap();
    let objects = dir.path().join("objects");
    forge.write(&objects);
    let stores = Stores::new(&objects, &[], HashKind::Sha1);
    let mut all: Vec<(History, Vec<Problem>)> = all_ways(tips)
        .iter()
        .map(|request| {
            let history = read(&stores, request, &Words);
            let failed = history.read_blobs(&|_| true, &Words, &|_, _| {});
            (history, failed)
        })
        .collect();
    let (first, failed) = (told(&all[0].0), all[0].1.clone());
    for (other, other_failed) in &all[1..] {
        same(&first, &told(other), "ways");
        assert_eq!(&failed, other_failed);
    }
    all.swap_remove(0)
}

fn trouble(problems: &[Problem]) -> BTreeSet<(Oid, Trouble)> {
    problems.iter().map(|p| (p.id, p.what)).collect()
}

#[test]
fn circles_and_lies_in_a_pack_are_told() {
    let mut forge = Forge::new();
    let good = forge.whole(1, BLOB, b"good");
    let circle = [id(2), id(3)];
    forge.delta(2, &circle[1], &append(4, 4, b"x"));
    forge.delta(3, &circle[0], &append(5, 4, b""));
    let own = id(4);
    forge.delta(4, &own, &append(4, 4, b"x"));
    let hangs = forge.delta(5, &circle[0], &append(4, 4, b"x"));
    let alone = forge.delta(6, &id(999), &append(4, 4, b"x"));
    let huge = id(7);
    forge.raw(huge, BLOB, 1 << 40, b"", &stored(b"small"));
    let large = id(8);
    forge.raw(large, BLOB, 500 << 20, b"", &stored(b"small"));
    let longer = id(9);
    forge.raw(longer, BLOB, 3, b"", &stored(b"longer"));
    let grown = forge.delta(10, &good, b"\x04\xff\xff\xff\xff\x7f\x90\x04");
    let beyond = forge.delta(11, &good, b"\x04\x08\x91\x02\x08");
    let other_base = forge.delta(12, &good, &append(5, 4, b"x"));
    let nothing = forge.delta(13, &good, b"\x04\x05\x90\x04\x00");
    let far = id(14);
    forge.raw(far, 6, 4, &[0xff, 0xff, 0xff, 0x7f], &stored(b"far"));
    let kind = id(15);
    forge.raw(kind, 5, 4, b"", &stored(b"kind"));
    let fine = forge.delta(16, &good, &append(4, 4, b" SECRET"));
    let all = [
        good, circle[0], circle[1], own, hangs, alone, huge, large, longer, grown, beyond,
        other_base, nothing, far, kind, fine,
    ];
    let tree: Vec<u8> = all
        .iter()
        .enumerate()
        .flat_map(|(n, id)| entry("100644", format!("{n:02}").as_bytes(), id))
        .collect();
    let tree = forge.whole(100, TREE, &tree);
    let tip = forge.commit(101, &tree, &[]);
    let (history, failed) = read_forged(forge, &[tip]);
    assert_eq!(history.versions().len(), all.len());
    let mut told = trouble(history.problems());
    told.extend(trouble(&failed));
    let expected = all
        .iter()
        .filter(|id| **id != good && **id != fine)
        .map(|id| {
            let too_large = *id == huge || *id == grown;
            let what = if too_large {
                Trouble::TooLarge
            } else {
                Trouble::Corrupt
            };
            (*id, what)
        });
    assert_eq!(told, expected.collect());
}

#[test]
fn names_modes_and_order_of_a_tree_may_be_anything() {
    let mut forge = Forge::new();
    let (a, b) = (forge.whole(1, BLOB, b"a"), forge.whole(2, BLOB, b"b"));
    let below = forge.whole(3, TREE, &entry("100644", b"c", &b));
    let odd = [
        entry("100644", b"z", &a),
        entry("40000", b"a", &below),
        entry("100644", b"a/c", &a),
        entry("100644", b"a/c", &b),
        entry("100664", b"..", &a),
        entry("0100755", b".git", &a),
        entry("100644", b"z", &b),
        entry("120777", b"\xff\n\x1b", &a),
        entry("60000", b"device", &a),
        entry("7777777777777777", b"mode", &a),
        entry("100644", b"tree", &below),
        entry("40000", b"blob", &a),
    ]
    .concat();
    let cut = [entry("100644", b"kept", &a), b"100644 rest\0short".to_vec()].concat();
    let unnamed = [entry("100644", b"", &a), entry("100644", b"after", &a)].concat();
    let odd = forge.whole(10, TREE, &odd);
    let cut = forge.whole(11, TREE, &cut);
    let unnamed = forge.whole(12, TREE, &unnamed);
    let root = [
        entry("40000", b"cut", &cut),
        entry("40000", b"odd", &odd),
        entry("40000", b"unnamed", &unnamed),
    ];
    let root = forge.whole(13, TREE, &root.concat());
    let tip = forge.commit(14, &root, &[]);
    let (history, _) = read_forged(forge, &[tip]);
    let found = places(&history);
    let expected: BTreeSet<Place> = [
        ("cut/kept", a, 'f'),
        ("odd/..", a, 'f'),
        ("odd/.git", a, 'x'),
        ("odd/a/c", a, 'f'),
        ("odd/a/c", b, 'f'),
        ("odd/tree", below, 'f'),
        ("odd/z", a, 'f'),
        ("odd/z", b, 'f'),
        ("unnamed/", a, 'f'),
        ("unnamed/after", a, 'f'),
    ]
    .into_iter()
    .map(|(path, id, kind)| (path.as_bytes().to_vec(), id, kind))
    .chain([(b"odd/\xff\n\x1b".to_vec(), a, 'l')])
    .collect();
    assert_eq!(found, expected);
    let expected = [
        (cut, Trouble::Corrupt),
        (unnamed, Trouble::Corrupt),
        (below, Trouble::WrongKind),
        (a, Trouble::WrongKind),
    ];
    assert_eq!(trouble(history.problems()), expected.into());
    let all: Vec<usize> = (0..history.versions().len()).collect();
    history.holders(&all, &mut |_, set| assert_eq!(set.len(), 1));
}

#[test]
fn a_tree_in_itself_and_a_commit_that_is_its_own_parent_come_to_an_end() {
    let mut forge = Forge::new();
    let blob = forge.whole(1, BLOB, b"a");
    let name = [b'n'; 500];
    let own = id(2);
    let tree = [entry("40000", &name, &own), entry("100644", b"f", &blob)];
    forge.whole(2, TREE, &tree.concat());
    let tip = id(3);
    let second = forge.commit(4, &own, &[tip]);
    forge.commit(3, &own, &[second, tip]);
    let dir = tempfile::tempdir().unwrap();
    let objects = dir.path().join("objects");
    forge.write(&objects);
    let stores = Stores::new(&objects, &[], HashKind::Sha1);
    for request in all_ways(&[tip]) {
        for unreachable in [false, true] {
            let request = Request {
                unreachable,
                ..request
            };
            let history = read(&stores, &request, &NoSearch);
            assert_eq!(commit_ids(&history), [tip, second].into());
            assert_eq!(history.versions().len(), (1 << 16) / 501 + 1);
            assert_eq!(
                trouble(history.problems()),
                [(own, Trouble::TooLarge)].into()
            );
            history.holders(&[0, 130], &mut |_, set| assert_eq!(set.len(), 2));
        }
    }
}

/// A chain of blobs, and one of trees that together name them all; the ids of the trees.
fn chains(links: u32) -> (Forge, Vec<Oid>) {
    let mut forge = Forge::new();
    let mut blob = forge.whole(1, BLOB, b"");
    let mut tree_bytes = entry("100644", b"00000", &blob);
    let mut trees = vec![forge.whole(links + 1, TREE, &tree_bytes)];
    for n in 1..links {
        let size = (n as usize - 1).min(300);
        blob = forge.delta(n + 1, &blob, &append(size, size.min(299), b"x"));
        let more = entry("100644", format!("{n:05}").as_bytes(), &blob);
        let keep = tree_bytes.len() % (more.len() * 20);
        let delta = append(tree_bytes.len(), keep, &more);
        trees.push(forge.delta(links + 1 + n, &trees[n as usize - 1], &delta));
        tree_bytes.truncate(keep);
        tree_bytes.extend(more);
    }
    (forge, trees)
}

#[test]
fn chains_of_ten_thousand_deltas() {
    const LINKS: u32 = 10_000;
    let (forge, trees) = chains(LINKS);
    let dir = tempfile::tempdir().unwrap();
    let objects = dir.path().join("objects");
    forge.write(&objects);
    let stores = Stores::new(&objects, &[], HashKind::Sha1);
    let history = read(&stores, &request(&trees), &NoSearch);
    assert_eq!(history.problems(), []);
    assert_eq!(history.versions().len(), LINKS as usize);
    assert_eq!(history.read_blobs(&|_| true, &NoSearch, &|_, _| {}), []);
    // Each for itself they are read from the start of the chain, so this one is shorter.
    let (forge, trees) = chains(400);
    let (history, failed) = read_forged(forge, &trees);
    assert_eq!((history.versions().len(), failed.len()), (400, 0));
}

//! What a commit would record, in repositories made by git and compared with what `git diff --cached` says.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot be set up has failed"
)]

#[path = "source/lab.rs"]
mod lab;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use lab::Lab;
use sopsguard::engine::STEERING;
use sopsguard::git::{GitEnv, GitError};
use sopsguard::model::RepoPath;
use sopsguard::source::{
    BaseState, FileKind, Opened, ReadError, SourceError, Unstaged, open_staged,
};

fn path(text: &str) -> RepoPath {
    RepoPath::new(text)
}

fn open(at: &Path, env: &GitEnv) -> Opened {
    open_staged(at, &[], env, Unstaged::Leave, &STEERING).unwrap()
}

/// Kind of change and path, as git tells them; renames are an added and a removed file.
fn listed(lab: &Lab, at: &Path, env: &[(&str, &OsStr)]) -> BTreeSet<(char, Vec<u8>)> {
    let mut command = lab.command(at);
    command.envs(env.iter().copied()).args([
        "diff",
        "--cached",
        "--name-status",
        "--no-renames",
        "-z",
        "--ignore-submodules=none",
    ]);
    let out = command.output().unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let mut fields = out.stdout.split(|b| *b == 0).filter(|f| !f.is_empty());
    let mut all = BTreeSet::new();
    while let (Some(status), Some(path)) = (fields.next(), fields.next()) {
        all.insert((status[0] as char, path.to_vec()));
    }
    // A path in conflict is listed twice: as unmerged, and as its difference.
    let unmerged: BTreeSet<Vec<u8>> = (all.iter().filter(|c| c.0 == 'U'))
        .map(|c| c.1.clone())
        .collect();
    all.retain(|c| c.0 == 'U' || !unmerged.contains(&c.1));
    all
}

fn ours(opened: &Opened) -> BTreeSet<(char, Vec<u8>)> {
    let view = &opened.view;
    let mut all = BTreeSet::new();
    for entry in view.selected().iter().filter(|e| e.touched) {
        let status = match (entry.stage, entry.base) {
            (0, BaseState::Absent) => 'A',
            (0, _) => 'M',
            _ => 'U',
        };
        all.insert((status, entry.path.as_bytes().to_vec()));
    }
    for path in opened.base.as_ref().unwrap().removed() {
        if !all.iter().any(|(_, p)| p == path.as_bytes()) {
            all.insert(('D', path.as_bytes().to_vec()));
        }
    }
    all
}

/// A change of type is a modification to us.
fn plain(set: BTreeSet<(char, Vec<u8>)>) -> Vec<String> {
    let kind = |c| if c == 'T' { 'M' } else { c };
    let mut list: Vec<String> = set
        .into_iter()
        .map(|(c, p)| format!("{} {}", kind(c), p.escape_ascii()))
        .collect();
    list.sort();
    list
}

fn agree(lab: &Lab) -> Opened {
    agree_at(lab, &lab.top(), &GitEnv::default(), &[])
}

fn agree_at(lab: &Lab, at: &Path, env: &GitEnv, git_env: &[(&str, &OsStr)]) -> Opened {
    let opened = open(at, env);
    assert_eq!(plain(ours(&opened)), plain(listed(lab, at, git_env)));
    // Whoever asks for everything gets the same, and every file can be read.
    let view = &opened.view;
    assert!(
        view.entries()
            .is_sorted_by(|a, b| (&a.path, a.stage) < (&b.path, b.stage))
    );
    for entry in view.selected() {
        assert!(entry.selected);
        if entry.kind != FileKind::Submodule {
            let stage = entry.stage;
            let name = String::from_utf8(entry.path.as_bytes().to_vec()).unwrap();
            let mut show = lab.command(at);
            show.envs(git_env.iter().copied());
            let out = show.args(["cat-file", "blob", &format!(":{stage}:{name}")]);
            let theirs = out.output().unwrap().stdout;
            assert_eq!(view.read_entry(entry, u64::MAX).unwrap(), theirs, "{name}");
        }
    }
    opened
}

fn told(set: &Opened) -> Vec<String> {
    plain(ours(set))
}

fn start() -> Lab {
    start_with(&[])
}

/// Files in several directories, committed.
fn start_with(init: &[&str]) -> Lab {
    let lab = Lab::with(init);
    lab.write("a.yaml", "a: 1\n");
    lab.write("dir/b.yaml", "b: 1\n");
    lab.write("dir/deep/er/c.env", "C=1\n");
    lab.write("dir.yaml", "sorts between dir and dir/\n");
    lab.write("dir-x/d.yaml", "sorts before dir/\n");
    lab.write("other/one.yaml", "1\n");
    lab.write("other/two.yaml", "2\n");
    lab.commit("one");
    lab
}

/// Adds, changes and removes something in every place.
fn stage(lab: &Lab) {
    lab.write("dir/b.yaml", "b: 2\n");
    lab.write("dir/deep/new.yaml", "n: 1\n");
    lab.write("fresh/er/x.yaml", "x: 1\n");
    lab.write("zz.yaml", "z: 1\n");
    lab.git(&["rm", "-q", "other/one.yaml", "other/two.yaml", "dir.yaml"]);
    lab.git(&["add", "-A"]);
    lab.write("a.yaml", "a: unstaged\n");
}

const STAGED: [&str; 7] = [
    "A dir/deep/new.yaml",
    "A fresh/er/x.yaml",
    "A zz.yaml",
    "D dir.yaml",
    "D other/one.yaml",
    "D other/two.yaml",
    "M dir/b.yaml",
];

#[test]
fn what_is_staged_is_what_git_would_record() {
    let lab = start();
    assert!(told(&agree(&lab)).is_empty());
    stage(&lab);
    let opened = agree(&lab);
    assert_eq!(told(&opened), STAGED);
    let view = &opened.view;
    let read = |name: &str| {
        view.read(&path(name))
            .map(|b| String::from_utf8(b).unwrap())
    };
    assert_eq!(read("a.yaml").unwrap(), "a: 1\n");
    assert_eq!(read("dir/b.yaml").unwrap(), "b: 2\n");
    assert_eq!(read("other/one.yaml"), Err(ReadError::Missing));
    assert_eq!(read("nowhere"), Err(ReadError::Missing));
    let base = opened.base.as_ref().unwrap();
    let before = |name: &str| base.read(&path(name)).unwrap();
    assert_eq!(before("dir/b.yaml").unwrap(), b"b: 1\n");
    assert_eq!(before("a.yaml").unwrap(), b"a: 1\n");
    assert_eq!(before("other/two.yaml").unwrap(), b"2\n");
    assert_eq!(before("zz.yaml"), None);
    assert_eq!(before("nowhere"), None);
    let paths: Vec<String> = base.paths().iter().map(ToString::to_string).collect();
    let tree = lab.git(&["ls-tree", "-r", "--name-only", "HEAD"]);
    let mut tree: Vec<String> = String::from_utf8(tree)
        .unwrap()
        .lines()
        .map(String::from)
        .collect();
    tree.sort();
    assert_eq!(paths, tree);
    assert_eq!(view.entries().len(), 4 + 3);
    assert_eq!(
        view.read_limited(&path("zz.yaml"), 3),
        Err(ReadError::TooLarge(5))
    );
}

#[test]
fn from_a_subdirectory_nothing_outside_it_is_missed() {
    let lab = start();
    stage(&lab);
    let at = lab.top().join("dir/deep");
    let opened = open(&at, &GitEnv::default());
    assert_eq!(told(&opened), STAGED);
    assert_eq!(opened.prefix, path("dir/deep"));
}

#[test]
fn paths_narrow_what_is_judged() {
    let lab = start();
    stage(&lab);
    let only = |paths: &[&str]| {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let opened = open_staged(
            &lab.top(),
            &paths,
            &GitEnv::default(),
            Unstaged::Leave,
            &STEERING,
        );
        opened.map(|o| {
            let selected = o.view.selected();
            selected
                .iter()
                .map(|e| e.path.to_string())
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(only(&["dir"]).unwrap(), ["dir/b.yaml", "dir/deep/new.yaml"]);
    assert_eq!(
        only(&["dir/b.yaml", "zz.yaml"]).unwrap(),
        ["dir/b.yaml", "zz.yaml"]
    );
    // Nothing is staged there, or it is going away: nothing to judge, and no mistake.
    assert!(only(&["a.yaml"]).unwrap().is_empty());
    assert!(only(&["other/one.yaml"]).unwrap().is_empty());
    assert!(matches!(
        only(&["nowhere.yaml"]),
        Err(SourceError::NoSuchPath(_))
    ));
    assert!(matches!(
        only(&["../elsewhere"]),
        Err(SourceError::NoSuchPath(_) | SourceError::Outside { .. })
    ));
}

#[test]
fn a_hook_manager_that_names_all_files_gets_them_from_the_disk() {
    let lab = start();
    lab.write("zz.yaml", "z: staged\n");
    lab.git(&["add", "zz.yaml"]);
    lab.write("zz.yaml", "z: disk\n");
    lab.write("a.yaml", "a: disk\n");
    lab.write("untracked.yaml", "u: disk\n");
    let paths = ["a.yaml", "zz.yaml", "dir", "untracked.yaml"].map(PathBuf::from);
    let opened = open_staged(
        &lab.top(),
        &paths,
        &GitEnv::default(),
        Unstaged::FromDisk,
        &STEERING,
    )
    .unwrap();
    let text = |e: &sopsguard::source::Entry| {
        let bytes = opened.view.read_entry(e, u64::MAX).unwrap();
        format!("{}: {}", e.path, String::from_utf8(bytes).unwrap().trim())
    };
    let all: Vec<String> = opened.view.selected().into_iter().map(text).collect();
    assert_eq!(
        all,
        [
            "a.yaml: a: disk",
            "dir/b.yaml: b: 1",
            "dir/deep/er/c.env: C=1",
            "untracked.yaml: u: disk",
            "zz.yaml: z: staged",
        ]
    );
}

#[test]
fn an_unborn_branch_compares_with_nothing() {
    let lab = Lab::new();
    assert!(told(&agree(&lab)).is_empty());
    lab.write("a.yaml", "a: 1\n");
    lab.write("dir/b.yaml", "b: 1\n");
    lab.git(&["add", "-A"]);
    assert_eq!(told(&agree(&lab)), ["A a.yaml", "A dir/b.yaml"]);
}

#[test]
fn the_hook_sees_the_index_that_git_commits_from() {
    // Each way of calling `git commit` names another index; the hook writes down what it is told.
    let lab = start();
    let hook = lab.top().join(".git/hooks/pre-commit");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let script = format!(
        "#!/bin/sh\n{{ echo \"$PWD\"; echo \"$GIT_DIR\"; echo \"$GIT_INDEX_FILE\"; git diff --cached --name-status --no-renames; }} > told\n\
         {} scan --staged --format json > ours\nexit 0\n",
        env!("CARGO_BIN_EXE_sopsguard")
    );
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let leak = |name: &str| {
        lab.write(
            name,
            "apiVersion: v1\nkind: Secret\nmetadata: {name: k}\nstringData:\n  password: kumquat-of-the-day\n",
        );
    };
    // The hook does not refuse here: what it said is compared.
    let check = |args: &[&str], at: &Path, expected: &[&str]| {
        lab.git_in(at, args);
        let told = std::fs::read_to_string(lab.top().join("told")).unwrap();
        let report = std::fs::read(lab.top().join("ours")).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
        let found: BTreeSet<&str> = (report["findings"].as_array().unwrap().iter())
            .map(|f| f["path"].as_str().unwrap())
            .collect();
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            expected,
            "{args:?}: {told}"
        );
        for name in expected {
            assert!(told.contains(name), "{args:?}: {told}");
        }
        let files = report["stats"]["files"].as_u64().unwrap();
        let lines = told.lines().skip(3).filter(|l| !l.starts_with('D')).count();
        assert_eq!(files, lines as u64, "{args:?}: {told}");
        told
    };
    let top = lab.top();
    std::fs::write(top.join(".git/info/exclude"), "told\nours\n").unwrap();
    leak("s1.yaml");
    lab.git(&["add", "s1.yaml"]);
    leak("a.yaml");
    check(&["commit", "-q", "-m", "plain"], &top, &["s1.yaml"]);
    let told = check(&["commit", "-q", "-a", "-m", "all"], &top, &["a.yaml"]);
    assert!(
        told.lines().nth(2).unwrap().contains("index.lock"),
        "{told}"
    );
    leak("dir/b.yaml");
    leak("other/one.yaml");
    lab.git(&["add", "other/one.yaml"]);
    let told = check(
        &["commit", "-q", "-m", "path", "dir/b.yaml"],
        &top,
        &["dir/b.yaml"],
    );
    assert!(
        told.lines().nth(2).unwrap().contains("next-index"),
        "{told}"
    );
    check(
        &["commit", "-q", "-m", "below"],
        &top.join("dir/deep"),
        &["other/one.yaml"],
    );
    // In a linked worktree the hook is the same and the index another.
    let linked = lab.dir.path().join("linked");
    lab.git(&[
        "worktree",
        "add",
        "-q",
        linked.to_str().unwrap(),
        "-b",
        "side",
    ]);
    std::fs::write(
        linked.join("s2.yaml"),
        std::fs::read(top.join("s1.yaml")).unwrap(),
    )
    .unwrap();
    lab.git_in(&linked, &["add", "s2.yaml"]);
    lab.git_in(&linked, &["commit", "-q", "-m", "linked"]);
    let told = std::fs::read_to_string(linked.join("told")).unwrap();
    let report = std::fs::read_to_string(linked.join("ours")).unwrap();
    assert!(
        report.contains("s2.yaml") && !report.contains("s1.yaml"),
        "{told}"
    );
}

#[test]
fn a_conflict_is_judged_in_each_of_its_stages() {
    let lab = start();
    lab.git(&["checkout", "-q", "-b", "side"]);
    lab.write("dir/b.yaml", "b: side\n");
    lab.commit("side");
    lab.git(&["checkout", "-q", "main"]);
    lab.write("dir/b.yaml", "b: main\n");
    lab.commit("main");
    assert!(!lab.git_try(&["merge", "-q", "side"]));
    let opened = agree(&lab);
    let stages: Vec<u8> = opened.view.selected().iter().map(|e| e.stage).collect();
    assert_eq!(stages, [1, 2, 3]);
    let read = |at: usize| {
        let entries = opened.view.selected();
        opened.view.read_entry(entries[at], u64::MAX).unwrap()
    };
    assert_eq!(
        (read(0), read(1), read(2)),
        (
            b"b: 1\n".to_vec(),
            b"b: main\n".to_vec(),
            b"b: side\n".to_vec()
        )
    );
    assert_eq!(opened.view.read(&path("dir/b.yaml")).unwrap(), b"b: main\n");
}

#[test]
fn an_intent_to_add_is_not_recorded() {
    let lab = start();
    lab.write("later.yaml", "l: 1\n");
    lab.write("other/later.yaml", "l: 1\n");
    lab.git(&["add", "-N", "later.yaml", "other/later.yaml"]);
    lab.write("now.yaml", "n: 1\n");
    lab.git(&["add", "now.yaml"]);
    let opened = open(&lab.top(), &GitEnv::default());
    assert_eq!(told(&opened), ["A now.yaml"]);
    assert!(opened.view.find(&path("later.yaml")).is_none());
    lab.git(&["rm", "-q", "--cached", "a.yaml"]);
    lab.git(&["add", "-N", "a.yaml"]);
    assert_eq!(
        told(&open(&lab.top(), &GitEnv::default())),
        ["A now.yaml", "D a.yaml"]
    );
    lab.git(&["commit", "-q", "-m", "two"]);
    assert!(told(&open(&lab.top(), &GitEnv::default())).is_empty());
}

#[test]
fn renames_modes_and_types_are_changes() {
    let lab = start();
    lab.git(&["mv", "dir/b.yaml", "dir/renamed.yaml"]);
    lab.write("dir/renamed.yaml", "b: 1\nmore: 2\n");
    lab.git(&["add", "-A"]);
    lab.git(&["update-index", "--chmod=+x", "other/one.yaml"]);
    std::fs::remove_file(lab.top().join("other/two.yaml")).unwrap();
    std::os::unix::fs::symlink("one.yaml", lab.top().join("other/two.yaml")).unwrap();
    lab.git(&["add", "other/two.yaml"]);
    let opened = agree(&lab);
    assert_eq!(
        told(&opened),
        [
            "A dir/renamed.yaml",
            "D dir/b.yaml",
            "M other/one.yaml",
            "M other/two.yaml"
        ]
    );
    let link = opened.view.find(&path("other/two.yaml")).unwrap();
    assert_eq!(link.kind, FileKind::Symlink);
    assert_eq!(
        opened.view.read(&path("other/two.yaml")).unwrap(),
        b"one.yaml"
    );
}

#[test]
fn a_directory_becomes_a_file_and_a_file_a_directory() {
    let lab = start();
    lab.git(&["rm", "-rq", "other"]);
    lab.write("other", "a file now\n");
    lab.git(&["rm", "-q", "a.yaml"]);
    lab.write("a.yaml/b.yaml", "b: 1\n");
    lab.git(&["add", "-A"]);
    let opened = agree(&lab);
    assert_eq!(
        told(&opened),
        [
            "A a.yaml/b.yaml",
            "A other",
            "D a.yaml",
            "D other/one.yaml",
            "D other/two.yaml"
        ]
    );
}

#[test]
fn every_kind_of_index_gives_the_same() {
    type Setup = fn(&Lab);
    let kinds: [(&str, &[&str], Setup); 7] = [
        ("version 2", &[], |lab| {
            lab.git(&["update-index", "--index-version", "2"]);
        }),
        ("version 3", &[], |lab| {
            lab.write("skip.yaml", "s: 1\n");
            lab.git(&["add", "skip.yaml"]);
            lab.git(&["commit", "-q", "-m", "skip"]);
            lab.git(&["update-index", "--skip-worktree", "skip.yaml"]);
        }),
        ("version 4", &[], |lab| {
            lab.git(&["update-index", "--index-version", "4"]);
        }),
        ("many files", &[], |lab| {
            lab.git(&["config", "feature.manyFiles", "true"]);
            lab.git(&["update-index", "--force-write-index"]);
        }),
        ("split", &[], |lab| {
            lab.git(&["config", "core.splitIndex", "true"]);
            lab.git(&["update-index", "--split-index"]);
        }),
        ("without cache-tree", &[], |lab| {
            lab.git(&["read-tree", "--empty"]);
            lab.git(&["add", "-A"]);
        }),
        ("threads", &[], |lab| {
            lab.git(&["config", "index.threads", "4"]);
            lab.git(&["update-index", "--force-write-index"]);
        }),
    ];
    for (kind, init, setup) in kinds {
        for format in [&[][..], &["--object-format=sha256"]] {
            let lab = start_with(&[init, format].concat());
            setup(&lab);
            agree(&lab);
            stage(&lab);
            assert_eq!(told(&agree(&lab)), STAGED, "{kind} {format:?}");
        }
    }
}

#[test]
fn a_large_index_is_read_in_pieces() {
    for version in ["2", "4"] {
        let lab = Lab::new();
        for n in 0..1500 {
            let dir = format!("d{}/e{}/f{}", n % 7, n % 11, n % 3);
            lab.write(&format!("{dir}/file-{n}.yaml"), &format!("n: {n}\n"));
        }
        lab.write(&format!("long/{}.yaml", "x".repeat(200)), "l: 1\n");
        let deep = "deep/".repeat(100);
        lab.write(&format!("{deep}x.yaml"), "d: 1\n");
        lab.commit("one");
        lab.git(&["update-index", "--index-version", version]);
        assert!(told(&agree(&lab)).is_empty());
        for n in [0, 63, 64, 700, 1499] {
            let dir = format!("d{}/e{}/f{}", n % 7, n % 11, n % 3);
            lab.write(&format!("{dir}/file-{n}.yaml"), "changed\n");
        }
        lab.write(&format!("{deep}x.yaml"), "changed\n");
        lab.write("d3/e2/new.yaml", "n: 1\n");
        lab.git(&["rm", "-rq", "--cached", "d5/e4"]);
        lab.git(&["add", "d0", "d1", "d2", "d3", "d4", "d6", "deep"]);
        assert!(told(&agree(&lab)).len() > 20);
    }
}

#[test]
fn a_sparse_index_hides_no_change() {
    let lab = start();
    lab.git(&["sparse-checkout", "init", "--cone", "--sparse-index"]);
    lab.git(&["sparse-checkout", "set", "dir"]);
    let listing = String::from_utf8(lab.git(&["ls-files", "--sparse", "-s"])).unwrap();
    assert!(listing.contains("040000"), "no sparse directory: {listing}");
    assert!(told(&agree(&lab)).is_empty());
    lab.write("dir/b.yaml", "b: 2\n");
    lab.git(&["add", "dir/b.yaml"]);
    assert_eq!(told(&agree(&lab)), ["M dir/b.yaml"]);
    // HEAD moves under the sparse directory: the index differs there without a file of its own.
    lab.git(&["stash", "-q"]);
    lab.git(&["sparse-checkout", "disable"]);
    lab.write("other/one.yaml", "changed\n");
    lab.write("other/three.yaml", "3\n");
    lab.git(&["rm", "-q", "other/two.yaml"]);
    lab.commit("two");
    lab.git(&["sparse-checkout", "init", "--cone", "--sparse-index"]);
    lab.git(&["sparse-checkout", "set", "dir"]);
    lab.git(&["update-ref", "HEAD", "HEAD~1"]);
    let opened = open(&lab.top(), &GitEnv::default());
    assert_eq!(
        told(&opened),
        ["A other/three.yaml", "D other/two.yaml", "M other/one.yaml"]
    );
    assert_eq!(plain(listed(&lab, &lab.top(), &[])), told(&opened));
    assert_eq!(
        opened.view.read(&path("other/one.yaml")).unwrap(),
        b"changed\n"
    );
}

#[test]
fn a_sparse_directory_that_cannot_be_read_is_said() {
    for nested in [false, true] {
        let lab = start();
        let base = lab.git(&["rev-parse", "HEAD"]);
        lab.write("other/deep/x.yaml", "x: 1\n");
        lab.commit("two");
        lab.git(&["sparse-checkout", "init", "--cone", "--sparse-index"]);
        lab.git(&["sparse-checkout", "set", "dir"]);
        let of = if nested {
            "HEAD:other/deep"
        } else {
            "HEAD:other"
        };
        let tree = String::from_utf8(lab.git(&["rev-parse", of])).unwrap();
        let tree = tree.trim();
        lab.git(&[
            "update-ref",
            "HEAD",
            String::from_utf8(base).unwrap().trim(),
        ]);
        let opened = open(&lab.top(), &GitEnv::default());
        assert!(opened.unreadable.is_empty());
        let object = lab.top().join(".git/objects").join(&tree[..2]);
        std::fs::remove_file(object.join(&tree[2..])).unwrap();
        let opened = open(&lab.top(), &GitEnv::default());
        let dir = if nested { "other/deep" } else { "other" };
        let lost: Vec<_> = opened.unreadable.iter().map(|(path, _)| path).collect();
        assert_eq!(lost, [&path(dir)]);
    }
}

#[test]
fn submodules_are_entries_without_bytes() {
    let lab = start();
    let other = lab.dir.path().join("library");
    std::fs::create_dir(&other).unwrap();
    lab.git_in(&other, &["init", "-q", "-b", "main"]);
    lab.git_in(&other, &["commit", "-q", "--allow-empty", "-m", "x"]);
    lab.git(&[
        "submodule",
        "--quiet",
        "add",
        other.to_str().unwrap(),
        "lib",
    ]);
    let opened = agree(&lab);
    assert_eq!(told(&opened), ["A .gitmodules", "A lib"]);
    let known = opened.view.find(&path("lib")).unwrap();
    assert_eq!(known.kind, FileKind::Submodule);
    let named = ["lib".into()];
    let named = open_staged(
        &lab.top(),
        &named,
        &GitEnv::default(),
        Unstaged::FromDisk,
        &STEERING,
    );
    assert!(named.is_ok());
}

#[test]
fn the_environment_names_repository_index_and_worktree() {
    let lab = start();
    stage(&lab);
    let top = lab.top();
    let elsewhere = lab.dir.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let env = GitEnv {
        git_dir: Some(top.join(".git")),
        work_tree: Some(top.clone()),
        ..GitEnv::default()
    };
    let git_dir = top.join(".git");
    let vars = [
        ("GIT_DIR", git_dir.as_os_str()),
        ("GIT_WORK_TREE", top.as_os_str()),
    ];
    assert_eq!(told(&agree_at(&lab, &elsewhere, &env, &vars)), STAGED);
    // Another index for the same repository.
    std::fs::copy(top.join(".git/index"), top.join(".git/other-index")).unwrap();
    lab.git(&["reset", "-q"]);
    assert!(told(&agree(&lab)).is_empty());
    let env = GitEnv {
        index_file: Some(".git/other-index".into()),
        ..GitEnv::default()
    };
    let index = top.join(".git/other-index");
    let vars = [("GIT_INDEX_FILE", index.as_os_str())];
    assert_eq!(told(&agree_at(&lab, &top, &env, &vars)), STAGED);
}

#[test]
fn linked_worktrees_have_their_own_index() {
    let lab = start();
    let linked = lab.dir.path().join("linked");
    lab.git(&[
        "worktree",
        "add",
        "-q",
        linked.to_str().unwrap(),
        "-b",
        "side",
    ]);
    stage(&lab);
    assert!(told(&open(&linked, &GitEnv::default())).is_empty());
    std::fs::write(linked.join("w.yaml"), "w: 1\n").unwrap();
    lab.git_in(&linked, &["add", "w.yaml"]);
    let opened = agree_at(&lab, &linked, &GitEnv::default(), &[]);
    assert_eq!(told(&opened), ["A w.yaml"]);
    assert_eq!(told(&agree(&lab)), STAGED);
}

#[test]
fn replaced_objects_are_seen_as_they_are_stored() {
    let lab = start();
    lab.write("leak.yaml", "password: kumquat\n");
    lab.git(&["add", "leak.yaml"]);
    let text = |args: &[&str]| String::from_utf8(lab.git(args)).unwrap().trim().to_owned();
    let stored = text(&["rev-parse", ":leak.yaml"]);
    lab.write("harmless", "nothing: here\n");
    let other = text(&["hash-object", "-w", "harmless"]);
    lab.git(&["replace", &stored, &other]);
    let opened = open(&lab.top(), &GitEnv::default());
    assert_eq!(told(&opened), ["A leak.yaml"]);
    assert_eq!(
        opened.view.read(&path("leak.yaml")).unwrap(),
        b"password: kumquat\n"
    );
}

#[test]
fn what_a_partial_clone_lacks_is_said() {
    let lab = start();
    let clone = lab.dir.path().join("clone");
    lab.git(&["config", "uploadpack.allowFilter", "true"]);
    let from = format!("file://{}", lab.top().display());
    lab.git(&[
        "clone",
        "-q",
        "--no-checkout",
        "--filter=blob:none",
        &from,
        clone.to_str().unwrap(),
    ]);
    // The index is that of HEAD and no blob is here: nothing changed, nothing is needed.
    lab.git_in(&clone, &["read-tree", "HEAD"]);
    let opened = open(&clone, &GitEnv::default());
    assert!(told(&opened).is_empty());
    // An old blob under a new name was never fetched.
    let id = String::from_utf8(lab.git(&["rev-parse", "HEAD:dir/b.yaml"])).unwrap();
    let info = format!("100644,{},back.yaml", id.trim());
    lab.git_in(&clone, &["update-index", "--add", "--cacheinfo", &info]);
    let opened = open(&clone, &GitEnv::default());
    assert_eq!(told(&opened), ["A back.yaml"]);
    assert_eq!(opened.view.read(&path("back.yaml")), Err(ReadError::Object));
    let out = lab.command(&clone).args(["--version"]).output().unwrap();
    assert!(out.status.success());
    let scan = std::process::Command::new(env!("CARGO_BIN_EXE_sopsguard"))
        .current_dir(&clone)
        .env_remove("GIT_DIR")
        .args(["scan", "--staged"])
        .output()
        .unwrap();
    assert_eq!(
        scan.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&scan.stdout)
    );
}

#[test]
fn a_tree_of_head_that_cannot_be_read_makes_everything_suspect() {
    let lab = start();
    let tree = String::from_utf8(lab.git(&["rev-parse", "HEAD:dir"])).unwrap();
    let (head, tail) = tree.trim().split_at(2);
    stage(&lab);
    let object = lab.top().join(".git/objects").join(head).join(tail);
    std::fs::remove_file(object).unwrap();
    let opened = open(&lab.top(), &GitEnv::default());
    let told = told(&opened);
    for name in [
        "M dir/b.yaml",
        "M dir/deep/er/c.env",
        "M dir/deep/new.yaml",
        "A zz.yaml",
    ] {
        assert!(told.contains(&name.to_owned()), "{told:?}");
    }
    let base = opened.base.as_ref().unwrap();
    assert_eq!(base.read(&path("dir/b.yaml")), Err(ReadError::Object));
}

#[test]
fn no_repository_is_no_clean_answer() {
    let lab = Lab::bare_ground();
    let none = open_staged(
        lab.dir.path(),
        &[],
        &GitEnv::default(),
        Unstaged::Leave,
        &STEERING,
    );
    assert!(matches!(none.err(), Some(SourceError::NoRepository(_))));
    let bare = lab.dir.path().join("bare.git");
    lab.git_in(
        lab.dir.path(),
        &["init", "-q", "--bare", bare.to_str().unwrap()],
    );
    let refused = open_staged(&bare, &[], &GitEnv::default(), Unstaged::Leave, &STEERING);
    assert!(matches!(
        refused.err(),
        Some(SourceError::Git(GitError::Bare(_)))
    ));
}

#[test]
fn a_damaged_index_is_refused_and_never_a_panic() {
    let lab = start();
    stage(&lab);
    let index = lab.top().join(".git/index");
    let sound = std::fs::read(&index).unwrap();
    let expected = told(&open(&lab.top(), &GitEnv::default()));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut refused = 0;
    for round in 0..600 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let mut bytes = sound.clone();
        let at = (state >> 33) as usize % bytes.len();
        if round % 3 == 0 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << (state & 7);
        }
        std::fs::write(&index, &bytes).unwrap();
        match open_staged(
            &lab.top(),
            &[],
            &GitEnv::default(),
            Unstaged::Leave,
            &STEERING,
        ) {
            // A flipped bit can change a name or an id; then it is another index, and read as one.
            Ok(opened) => drop(opened.view.entries()),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 50, "{refused}");
    std::fs::write(&index, &sound).unwrap();
    assert_eq!(told(&open(&lab.top(), &GitEnv::default())), expected);
}

#[test]
fn random_changes_agree_with_git() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for round in 0..25 {
        let lab = Lab::with(if round % 5 == 0 {
            &["--object-format=sha256"]
        } else {
            &[]
        });
        let names = ["a", "b", "a-b", "a.b", "a0", "z"];
        let name = |next: &mut dyn FnMut(u64) -> u64| {
            let depth = 1 + next(3);
            let parts: Vec<&str> = (0..depth).map(|_| names[next(6) as usize]).collect();
            format!("{}.yaml", parts.join("/"))
        };
        for _ in 0..30 {
            let name = name(&mut next);
            lab.write(&name, &format!("v: {}\n", next(3)));
        }
        lab.commit("one");
        if round % 4 == 1 {
            lab.git(&["update-index", "--index-version", "4"]);
        }
        for _ in 0..12 {
            let name = name(&mut next);
            match next(4) {
                0 => {
                    lab.git_try(&["rm", "-rq", "--cached", "--ignore-unmatch", &name]);
                }
                1 => {
                    lab.git_try(&[
                        "rm",
                        "-rqf",
                        "--ignore-unmatch",
                        name.split('/').next().unwrap(),
                    ]);
                }
                _ => {
                    lab.write(&name, &format!("v: {}\n", next(5)));
                    lab.git(&["add", "-A"]);
                }
            }
        }
        agree(&lab);
    }
}

#[test]
fn odd_names_are_names() {
    let lab = start();
    for name in [
        &b"new\nline.yaml"[..],
        b"quo\"te.yaml",
        b"\xff\xfe.yaml",
        b"-dash.yaml",
        b":colon.yaml",
    ] {
        lab.write_bytes(name, b"x: 1\n");
    }
    lab.git(&["add", "-A"]);
    let opened = open(&lab.top(), &GitEnv::default());
    assert_eq!(plain(ours(&opened)), plain(listed(&lab, &lab.top(), &[])));
    assert_eq!(ours(&opened).len(), 5);
    let odd = OsStr::from_bytes(b"\xff\xfe.yaml");
    assert_eq!(
        opened.view.read(&RepoPath::new(odd.as_bytes())).unwrap(),
        b"x: 1\n"
    );
}

#[test]
fn references_in_a_reftable_are_read() {
    let lab = Lab::bare_ground();
    let tar = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/reftable/repository.tar");
    let out = std::process::Command::new("tar")
        .args([
            "xf",
            tar.to_str().unwrap(),
            "-C",
            lab.dir.path().to_str().unwrap(),
        ])
        .output();
    if !out.is_ok_and(|out| out.status.success()) {
        eprintln!("SKIPPED: tar");
        return;
    }
    let top = lab.dir.path().join("repository");
    let opened = open(&top, &GitEnv::default());
    assert_eq!(told(&opened), ["A leak.yaml"]);
    let head = opened.repository.as_ref().unwrap().head.as_deref();
    assert_eq!(head, Some("ebe5ca5174c986900120687d43aa357fa41f0177"));
    let base = opened.base.as_ref().unwrap();
    assert!(base.read(&path("config.yaml")).unwrap().is_some());
    // Without its tables nothing is known of HEAD: everything is suspect, and nothing is called clean.
    std::fs::remove_file(top.join(".git/reftable/tables.list")).unwrap();
    let opened = open(&top, &GitEnv::default());
    assert_eq!(opened.view.selected().len(), 3);
    let base = opened.base.as_ref().unwrap();
    assert_eq!(base.read(&path("config.yaml")), Err(ReadError::Object));
}

#[test]
fn a_repository_of_somebody_else_is_read() {
    // Git refuses it for fear of its configuration; nothing of it is executed here.
    let lab = start();
    stage(&lab);
    let owned = std::process::Command::new("chown")
        .args(["-R", "65534:65534", lab.top().to_str().unwrap()])
        .output();
    if !owned.is_ok_and(|out| out.status.success()) {
        eprintln!("SKIPPED: a repository of another owner (needs root)");
        return;
    }
    let refused = lab.command(&lab.top()).args(["status"]).output().unwrap();
    assert!(!refused.status.success(), "git trusts it");
    assert_eq!(told(&open(&lab.top(), &GitEnv::default())), STAGED);
}

#[test]
#[cfg(unix)]
fn below_a_config_that_is_a_link_nothing_is_called_clean() {
    let lab = start();
    lab.write(
        "cfg/rules.yaml",
        "creation_rules:\n  - path_regex: secrets/\n    age: age1x\n",
    );
    std::fs::create_dir(lab.top().join("sub")).unwrap();
    std::os::unix::fs::symlink("../cfg/rules.yaml", lab.top().join("sub/.sops.yaml")).unwrap();
    lab.commit("link");
    let scan = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sopsguard"));
        command.arg("-C").arg(lab.top()).args(["scan", "--staged"]);
        command.output().unwrap().status.code()
    };
    lab.write("elsewhere.yaml", "a: 1\n");
    lab.git(&["add", "elsewhere.yaml"]);
    assert_eq!(scan(), Some(0));
    lab.write("sub/secrets/p.yaml", "password: kumquat-9Xq2\n");
    lab.git(&["add", "sub/secrets/p.yaml"]);
    assert_eq!(scan(), Some(3));
}

#[test]
fn what_a_sparse_index_keeps_as_a_directory_is_judged_like_the_rest() {
    let lab = start();
    let rule = "creation_rules:\n  - path_regex: secrets/\n    age: age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r\n";
    lab.write("team/.sops.yaml", rule);
    lab.write("team/secrets/a.yaml", "token: kumquat-8f3kQ\n");
    lab.commit("leak");
    lab.git(&["sparse-checkout", "init", "--cone", "--sparse-index"]);
    lab.git(&["sparse-checkout", "set", "dir"]);
    let listing = String::from_utf8(lab.git(&["ls-files", "--sparse", "-s"])).unwrap();
    assert!(
        listing.contains("\tteam/\n"),
        "no sparse directory: {listing}"
    );
    // Back to before: the index still holds the commit, and its directory as a tree.
    lab.git(&["reset", "-q", "--soft", "HEAD~1"]);
    let opened = agree(&lab);
    assert_eq!(
        told(&opened),
        ["A team/.sops.yaml", "A team/secrets/a.yaml"]
    );
    assert!(opened.view.find(&path("team/.sops.yaml")).is_some());
    assert!(
        opened
            .view
            .entries()
            .iter()
            .any(|e| e.path == path("other/one.yaml"))
    );
    let out = lab.scan(&["scan", "--staged"]);
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(1), "{told}");
    assert!(told.contains("team/secrets/a.yaml"), "{told}");
}

/// Commits `config`, stages one file, and tells the exit code of `scan --staged`.
fn judged_below(config: impl Fn(&Lab), then: impl Fn(&Lab), path: &str, text: &str) -> Option<i32> {
    let lab = start();
    config(&lab);
    lab.commit("config");
    then(&lab);
    lab.write(path, text);
    lab.git(&["add", path]);
    let out = lab.scan(&["scan", "--staged"]);
    eprintln!("{}", String::from_utf8_lossy(&out.stdout));
    out.status.code()
}

#[test]
fn a_file_whose_rules_nobody_knows_is_not_clean() {
    const PLAIN: &str = "token: kumquat-8f3kQ\n";
    const SOUND: &str = "creation_rules:\n  - path_regex: nothing/\n    age: age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r\n";
    let nothing = |_: &Lab| {};
    let root = |text: &'static str| move |lab: &Lab| lab.write(".sops.yaml", text);
    let broken = "creation_rules:\n  - path_regex: [\n";
    let rejected = "creation_rules:\n  - path_regex: (?=x)\n    age: age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r\n";
    let settings = |lab: &Lab| {
        lab.write("sopsguard.toml", "[policy]\nstrict = false\n");
        lab.git(&["add", "sopsguard.toml"]);
    };
    // The config is no part of the commit: it cannot speak for itself.
    for text in [broken, rejected] {
        assert_eq!(
            judged_below(root(text), nothing, "secrets/p.yaml", PLAIN),
            Some(3)
        );
        // Nor where the whole index is judged, and what is untouched is softened.
        assert_eq!(
            judged_below(root(text), settings, "secrets/p.yaml", PLAIN),
            Some(3)
        );
        // What no rule could ask anything of, is clean.
        assert_eq!(
            judged_below(root(text), nothing, "notes.md", "kumquat\n"),
            Some(0)
        );
    }
    let missing = |lab: &Lab| {
        let id = String::from_utf8(lab.git(&["rev-parse", "HEAD:.sops.yaml"])).unwrap();
        let (head, tail) = id.trim().split_at(2);
        std::fs::remove_file(lab.top().join(".git/objects").join(head).join(tail)).unwrap();
    };
    assert_eq!(
        judged_below(root(SOUND), missing, "secrets/p.yaml", PLAIN),
        Some(3)
    );
    let named = |lab: &Lab| {
        lab.write("sopsguard.toml", "[sops]\nconfig = \"rules.yaml\"\n");
        lab.write("rules.yaml", "creation_rules:\n  - path_regex: [\n");
    };
    assert_eq!(
        judged_below(named, nothing, "secrets/p.yaml", PLAIN),
        Some(3)
    );
    let link = |lab: &Lab| {
        lab.write("sub/readme", "x\n");
        std::os::unix::fs::symlink("../a.yaml", lab.top().join("sub/.sops.yaml")).unwrap();
    };
    assert_eq!(
        judged_below(link, settings, "sub/secrets/p.yaml", PLAIN),
        Some(3)
    );
    assert_eq!(
        judged_below(link, settings, "elsewhere/p.yaml", PLAIN),
        Some(0)
    );
    // A nearer config that is sound decides; a broken one elsewhere does not matter.
    let nearer = |lab: &Lab| {
        lab.write(".sops.yaml", "creation_rules:\n  - path_regex: [\n");
        lab.write("sub/.sops.yaml", SOUND);
    };
    assert_eq!(judged_below(nearer, nothing, "sub/p.yaml", PLAIN), Some(0));
    assert_eq!(judged_below(nearer, nothing, "p.yaml", PLAIN), Some(3));
}

#[test]
fn named_files_below_a_config_that_is_not_named_are_not_clean_either() {
    let lab = start();
    lab.write(".sops.yaml", "creation_rules:\n  - path_regex: [\n");
    lab.write("secrets/p.yaml", "token: kumquat-8f3kQ\n");
    lab.commit("both");
    assert_eq!(lab.scan(&["scan", "secrets"]).status.code(), Some(3));
    assert_eq!(lab.scan(&["scan"]).status.code(), Some(1));
}

#[test]
fn a_config_that_goes_and_cannot_be_read_leaves_the_change_unjudged() {
    let lab = start();
    lab.write(".sops.yaml", "creation_rules:\n  - path_regex: secrets/\n    age: age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r\n");
    lab.commit("config");
    let id = String::from_utf8(lab.git(&["rev-parse", "HEAD:.sops.yaml"])).unwrap();
    lab.git(&["rm", "-q", ".sops.yaml"]);
    lab.write("secrets/p.yaml", "token: kumquat-8f3kQ\n");
    lab.git(&["add", "secrets"]);
    assert_eq!(lab.scan(&["scan", "--staged"]).status.code(), Some(1));
    let (head, tail) = id.trim().split_at(2);
    std::fs::remove_file(lab.top().join(".git/objects").join(head).join(tail)).unwrap();
    assert_eq!(lab.scan(&["scan", "--staged"]).status.code(), Some(3));
}

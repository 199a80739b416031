//! References, revisions, commits and their changes, in repositories made by git and compared with what git says.
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

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use lab::Lab;
use sopsguard::git::{
    Commit, GitEnv, GitError, Head, ObjectKind, Oid, Repo, RevisionProblem, TipKind, Tips,
};
use sopsguard::source::{Difference, FileKind, Trees};

fn repo_at(at: &Path) -> Repo {
    Repo::discover_any(at, &GitEnv::default()).unwrap().unwrap()
}

fn repo(lab: &Lab) -> Repo {
    repo_at(&lab.top())
}

/// What a commit adds and takes away, as scans of history and ranges ask it.
fn added_by(repo: &Arc<Repo>, commit: &Commit) -> Difference {
    let parents = commit.parents.iter().filter_map(|id| repo.commit(id));
    let parents: Vec<Oid> = parents.map(|c| c.tree).collect();
    Trees::new(Arc::clone(repo)).difference(commit.tree, &parents)
}

fn oid(text: &[u8]) -> Oid {
    Oid::from_hex(text.trim_ascii()).unwrap()
}

fn ask(lab: &Lab, args: &[&str]) -> Vec<Oid> {
    let out = lab.git(&[&["--no-replace-objects"], args].concat());
    let lines = out.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    lines.map(oid).collect()
}

fn one(lab: &Lab, rev: &str) -> Oid {
    ask(lab, &["rev-parse", "--verify", rev])[0]
}

fn named(tips: &Tips) -> BTreeSet<(TipKind, String)> {
    let name = |n: &[u8]| String::from_utf8_lossy(n).into_owned();
    tips.tips.iter().map(|t| (t.kind, name(&t.name))).collect()
}

fn has(tips: &Tips, kind: TipKind, name: &str) -> bool {
    named(tips).contains(&(kind, name.to_owned()))
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A history of `count` commits with merges, several roots, and clocks that are wrong; the n-th is the branch `bN`.
fn history(lab: &Lab, seed: u64, count: u64) {
    let mut dice = Dice(seed);
    let mut stream = String::new();
    let files = ["a", "b", "d/a", "d/b", "d/e/x", "d/e/y", "f/g", "a/q"];
    for n in 1..=count {
        let time = match dice.roll(4) {
            0 => 1_000_000_000 + dice.roll(900_000_000),
            1 => 1_500_000_000,
            _ => 1_500_000_000 + n * 60,
        };
        writeln!(stream, "commit refs/heads/b{n}\nmark :{n}").unwrap();
        writeln!(
            stream,
            "committer C <c@example.org> {time} +0000\ndata 1\nm"
        )
        .unwrap();
        let mut parents = BTreeSet::new();
        if n > 1 && dice.roll(12) > 0 {
            let reach = n.min(6);
            for _ in 0..=dice.roll(3) {
                parents.insert(n - 1 - dice.roll(reach).min(n - 2));
            }
        }
        for (at, parent) in parents.iter().enumerate() {
            let word = if at == 0 { "from" } else { "merge" };
            writeln!(stream, "{word} :{parent}").unwrap();
        }
        for _ in 0..dice.roll(4) {
            let file = files[dice.roll(files.len() as u64) as usize];
            match dice.roll(6) {
                0 => writeln!(stream, "D {file}").unwrap(),
                1 => writeln!(stream, "M 120000 inline {file}\ndata 1\n{}", dice.roll(3)).unwrap(),
                2 => writeln!(stream, "M 100755 inline {file}\ndata 1\n{}", dice.roll(3)).unwrap(),
                3 => writeln!(stream, "M 160000 {} {file}", "1".repeat(40)).unwrap(),
                _ => writeln!(stream, "M 100644 inline {file}\ndata 1\n{}", dice.roll(3)).unwrap(),
            }
        }
        writeln!(stream).unwrap();
    }
    let mut import = lab.command(&lab.top());
    let mut child = import
        .args(["fast-import", "--quiet", "--force"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(stream.as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

fn branches(lab: &Lab, count: u64) -> Vec<Oid> {
    let out = lab.git(&[
        "for-each-ref",
        "--format=%(refname) %(objectname)",
        "refs/heads/b*",
    ]);
    let text = String::from_utf8(out).unwrap();
    let all: BTreeMap<u64, Oid> = text
        .lines()
        .map(|line| {
            let (name, id) = line.split_once(' ').unwrap();
            let number = name.strip_prefix("refs/heads/b").unwrap();
            (number.parse().unwrap(), oid(id.as_bytes()))
        })
        .collect();
    assert_eq!(all.len() as u64, count);
    all.into_values().collect()
}

#[test]
fn commits_between_are_exact_whatever_the_clocks_say() {
    for seed in 1..=6 {
        let lab = Lab::new();
        history(&lab, seed, 60);
        let all = branches(&lab, 60);
        if seed % 2 == 0 {
            lab.git(&["commit-graph", "write", "--reachable"]);
        }
        let repo = repo(&lab);
        let mut dice = Dice(seed + 100);
        for _ in 0..25 {
            let mut some = |most: u64| -> Vec<Oid> {
                let count = dice.roll(most + 1);
                (0..count).map(|_| all[dice.roll(60) as usize]).collect()
            };
            let (tips, not) = (some(3), some(3));
            let list = |ids: &[Oid]| -> BTreeSet<Oid> {
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                let mut args = vec!["rev-list", "--ignore-missing"];
                args.extend(ids.iter().map(String::as_str));
                if ids.is_empty() {
                    return BTreeSet::new();
                }
                ask(&lab, &args).into_iter().collect()
            };
            // Not `rev-list tips --not not`: git itself is misled by dates.
            let expected: BTreeSet<Oid> = list(&tips).difference(&list(&not)).copied().collect();
            let between = repo.commits_between(&tips, &not);
            let found: BTreeSet<Oid> = between.commits.iter().copied().collect();
            assert_eq!(found, expected, "seed {seed}");
            assert_eq!(found.len(), between.commits.len());
            assert!(!between.cut && between.missing.is_empty());
            let place: BTreeMap<Oid, usize> = between
                .commits
                .iter()
                .enumerate()
                .map(|(n, id)| (*id, n))
                .collect();
            for id in &between.commits {
                for parent in repo.commit(id).unwrap().parents {
                    assert!(place.get(&parent).is_none_or(|at| *at > place[id]));
                }
            }
            assert_eq!(repo.commits_between(&tips, &not), between);
        }
    }
}

#[test]
fn the_merge_base_is_that_of_git() {
    for seed in 1..=6 {
        let lab = Lab::new();
        history(&lab, seed, 60);
        let all = branches(&lab, 60);
        if seed % 2 == 0 {
            lab.git(&["commit-graph", "write", "--reachable"]);
        }
        let repo = repo(&lab);
        let mut dice = Dice(seed);
        let mut several = 0;
        for _ in 0..60 {
            let (one, two) = (all[dice.roll(60) as usize], all[dice.roll(60) as usize]);
            let args = ["merge-base", &one.to_string(), &two.to_string()];
            let out = lab.command(&lab.top()).args(args).output().unwrap();
            let expected = out.status.success().then(|| oid(&out.stdout));
            assert_eq!(repo.merge_base(&one, &two), expected, "{seed}: {one} {two}");
            let args = ["merge-base", "--all", args[1], args[2]];
            let out = lab.command(&lab.top()).args(args).output().unwrap();
            several += usize::from(out.stdout.iter().filter(|b| **b == b'\n').count() > 1);
        }
        eprintln!("seed {seed}: {several} with several");
    }
}

/// Status, mode and id of what git says that a tree changes in another.
fn differences(lab: &Lab, from: Option<&Oid>, to: &Oid) -> Vec<(String, String, Oid, Vec<u8>)> {
    let (from, to) = (from.map(ToString::to_string), to.to_string());
    let mut args = vec![
        "diff-tree",
        "-r",
        "-z",
        "--raw",
        "--no-renames",
        "--no-abbrev",
        "--no-commit-id",
    ];
    match &from {
        Some(from) => args.push(from),
        None => args.push("--root"),
    }
    args.push(&to);
    let out = lab.git(&args);
    let mut fields = out.split(|b| *b == 0).filter(|f| !f.is_empty());
    let mut all = Vec::new();
    while let (Some(head), Some(path)) = (fields.next(), fields.next()) {
        let head = String::from_utf8(head.to_vec()).unwrap();
        let words: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
        let id = oid(words[3].as_bytes());
        all.push((words[0].to_owned(), words[1].to_owned(), id, path.to_vec()));
    }
    all
}

#[test]
fn a_commit_adds_what_no_parent_has() {
    for seed in 1..=4 {
        let lab = Lab::new();
        history(&lab, seed * 77, 50);
        let repo = Arc::new(repo(&lab));
        for id in branches(&lab, 50) {
            let commit = repo.commit(&id).unwrap();
            let mut expected: Option<BTreeSet<(Vec<u8>, Oid, String)>> = None;
            let mut gone = BTreeSet::new();
            let parents: Vec<Option<&Oid>> = match commit.parents.is_empty() {
                true => vec![None],
                false => commit.parents.iter().map(Some).collect(),
            };
            for (n, parent) in parents.into_iter().enumerate() {
                let changes = differences(&lab, parent, &id);
                let files = |mode: &str| mode != "000000" && mode != "160000";
                if n == 0 {
                    let lost = changes.iter().filter(|c| files(&c.0) && !files(&c.1));
                    gone = lost.map(|c| c.3.clone()).collect();
                }
                let set: BTreeSet<_> = (changes.into_iter().filter(|c| files(&c.1)))
                    .map(|c| (c.3, c.2, c.1))
                    .collect();
                expected = Some(match expected {
                    Some(before) => before.intersection(&set).cloned().collect(),
                    None => set,
                });
            }
            let added = added_by(&repo, &commit);
            let found: BTreeSet<_> = (added.changed.iter())
                .map(|(path, id, kind)| (path.as_bytes().to_vec(), *id, *kind == FileKind::Symlink))
                .collect();
            let expected = expected.unwrap().into_iter();
            let expected: BTreeSet<_> = expected
                .map(|(path, id, mode)| (path, id, mode == "120000"))
                .collect();
            assert_eq!(found, expected, "{id}");
            assert!(added.changed.is_sorted_by_key(|c| &c.0) && found.len() == added.changed.len());
            let removed: BTreeSet<_> = added
                .removed
                .iter()
                .map(|p| p.as_bytes().to_vec())
                .collect();
            assert_eq!(removed, gone, "{id}");
            assert!(added.unreadable.is_empty());
        }
    }
}

#[test]
fn a_damaged_tree_is_told_and_the_rest_is_read() {
    let lab = Lab::new();
    lab.write("a/x.yaml", "1\n");
    lab.write("b/y.yaml", "1\n");
    lab.commit("one");
    lab.write("a/x.yaml", "2\n");
    lab.write("b/y.yaml", "2\n");
    lab.commit("two");
    let tree = one(&lab, "HEAD:a").to_string();
    std::fs::remove_file(
        lab.top()
            .join(format!(".git/objects/{}/{}", &tree[..2], &tree[2..])),
    )
    .unwrap();
    let repo = Arc::new(repo(&lab));
    let commit = repo.commit(&one(&lab, "HEAD")).unwrap();
    let added = added_by(&repo, &commit);
    assert_eq!(added.unreadable, [b"a/"]);
    assert_eq!(added.changed.len(), 1);
    assert_eq!(added.changed[0].0.as_bytes(), b"b/y.yaml");
    assert!(added.removed.is_empty());
}

#[test]
fn a_commit_tells_who_and_when() {
    let lab = Lab::new();
    lab.write("a", "1\n");
    lab.commit("title\n\nbody");
    let repo = repo(&lab);
    let id = one(&lab, "HEAD");
    let commit = repo.commit(&id).unwrap();
    assert_eq!(commit.id, id);
    assert_eq!(commit.tree, one(&lab, "HEAD^{tree}"));
    assert_eq!(commit.time, 1_700_000_000);
    assert_eq!(commit.author_name, b"A");
    assert_eq!(commit.author_email, b"a@example.org");
    assert_eq!(commit.message, b"title\n\nbody\n");
    assert!(repo.commit(&commit.tree).is_none());
    assert!(repo.commit(&oid("1".repeat(40).as_bytes())).is_none());
}

/// A repository with one of everything that keeps history alive.
fn everything() -> Lab {
    let lab = Lab::new();
    for n in 1..=4 {
        lab.write("a", &format!("{n}\n"));
        lab.commit(&format!("c{n}"));
        lab.git(&["branch", &format!("b{n}")]);
    }
    lab.git(&["tag", "-m", "x", "v1", "b1"]);
    lab.git(&["tag", "-m", "x", "nested", "v1"]);
    lab.git(&["tag", "light", "b2"]);
    lab.git(&["tag", "-m", "x", "of-tree", "b1^{tree}"]);
    lab.git(&["update-ref", "refs/remotes/origin/main", "b3"]);
    lab.git(&[
        "symbolic-ref",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/main",
    ]);
    lab.git(&[
        "symbolic-ref",
        "refs/remotes/gone/HEAD",
        "refs/remotes/gone/main",
    ]);
    lab.git(&["update-ref", "refs/pull/7/head", "b2"]);
    lab.git(&["notes", "add", "-m", "a note", "b1"]);
    lab.git(&["pack-refs", "--all"]);
    lab.git(&["update-ref", "refs/heads/after-pack", "b4"]);
    lab.git(&["worktree", "add", "-q", "--detach", "../second", "b2"]);
    let second = lab.dir.path().join("second");
    lab.git_in(
        &second,
        &["commit", "-q", "--allow-empty", "-m", "only here"],
    );
    lab.git_in(&second, &["update-ref", "refs/worktree/mine", "HEAD"]);
    lab.git_in(&second, &["update-ref", "refs/bisect/bad", "HEAD"]);
    for n in 1..=2 {
        lab.write("a", &format!("stashed {n}\n"));
        lab.git(&["stash", "-q"]);
    }
    lab.git(&["checkout", "-q", "-b", "brief"]);
    lab.git(&["commit", "-q", "--allow-empty", "-m", "lost"]);
    lab.git(&["reset", "-q", "--hard", "HEAD~1"]);
    lab.git(&["checkout", "-q", "main"]);
    lab.git(&["fetch", "-q", ".", "b1", "b2"]);
    lab
}

#[test]
fn every_tip_is_found() {
    let lab = everything();
    let tips = repo(&lab).tips();
    assert!(tips.complete);
    assert_eq!(tips.broken, []);
    for (kind, name) in [
        (TipKind::Head, "HEAD"),
        (TipKind::Head, "worktrees/second/HEAD"),
        (TipKind::Ref, "refs/heads/b1"),
        (TipKind::Ref, "refs/heads/after-pack"),
        (TipKind::Ref, "refs/remotes/origin/main"),
        (TipKind::Ref, "refs/remotes/origin/HEAD"),
        (TipKind::Ref, "refs/pull/7/head"),
        (TipKind::Ref, "refs/notes/commits"),
        (TipKind::Ref, "worktrees/second/refs/worktree/mine"),
        (TipKind::Ref, "worktrees/second/refs/bisect/bad"),
        (TipKind::Tag, "refs/tags/nested"),
        (TipKind::Tag, "refs/tags/light"),
        (TipKind::Tag, "refs/tags/of-tree"),
        (TipKind::Stash, "refs/stash"),
        (TipKind::Stash, "refs/stash@{0}"),
        (TipKind::Stash, "refs/stash@{1}"),
        (TipKind::Pseudo, "FETCH_HEAD"),
        (TipKind::Pseudo, "ORIG_HEAD"),
        (TipKind::Reflog, "HEAD@{reflog}"),
        (TipKind::Reflog, "refs/heads/brief@{reflog}"),
        (TipKind::Reflog, "worktrees/second/HEAD@{reflog}"),
    ] {
        assert!(has(&tips, kind, name), "{name}: {:?}", named(&tips));
    }
    let tip = |name: &str| {
        tips.tips
            .iter()
            .find(|t| t.name == name.as_bytes())
            .unwrap()
    };
    let nested = tip("refs/tags/nested");
    assert_eq!(nested.tags, [one(&lab, "nested"), one(&lab, "v1")]);
    assert_eq!(nested.target, one(&lab, "b1"));
    assert_eq!(tip("refs/tags/of-tree").target_kind, ObjectKind::Tree);
    assert_eq!(
        tip("HEAD").through.as_deref(),
        Some(&b"refs/heads/main"[..])
    );
    assert_eq!(tip("worktrees/second/HEAD").through, None);
    // From a linked worktree it is the same.
    assert_eq!(repo_at(&lab.dir.path().join("second")).tips(), tips);
}

/// Commits that git reaches, against what can be reached from our tips.
fn reached(lab: &Lab, tips: &Tips, kinds: &[TipKind], args: &[&str]) {
    let expected: BTreeSet<Oid> = ask(lab, &[&["rev-list"], args].concat())
        .into_iter()
        .collect();
    let ids: Vec<Oid> = (tips.tips.iter())
        .filter(|t| kinds.contains(&t.kind) && t.target_kind == ObjectKind::Commit)
        .map(|t| t.target)
        .collect();
    let found = repo(lab).commits_between(&ids, &[]);
    assert!(!found.cut && found.missing.is_empty());
    let found: BTreeSet<Oid> = found.commits.into_iter().collect();
    // `--all` takes refs/stash, not what is below it in its log.
    assert!(expected.is_subset(&found), "{args:?}");
    if !kinds.contains(&TipKind::Stash) {
        assert_eq!(found, expected, "{args:?}");
    }
}

#[test]
fn what_the_tips_reach_is_what_git_reaches() {
    let lab = everything();
    let tips = repo(&lab).tips();
    use TipKind::{Head, Ref, Reflog, Stash, Tag};
    reached(&lab, &tips, &[Head, Ref, Tag, Stash], &["--all"]);
    reached(
        &lab,
        &tips,
        &[Head, Ref, Tag, Stash, Reflog],
        &["--all", "--reflog"],
    );
    lab.git(&["stash", "clear"]);
    let tips = repo(&lab).tips();
    // The references of other worktrees: git takes only their HEAD.
    let own: Vec<_> = tips
        .tips
        .into_iter()
        .filter(|t| !t.name.starts_with(b"worktrees/second/refs/"))
        .collect();
    let tips = Tips {
        tips: own,
        ..Tips::default()
    };
    reached(&lab, &tips, &[Head, Ref, Tag], &["--all"]);
    reached(
        &lab,
        &tips,
        &[Head, Ref, Tag, Reflog],
        &["--all", "--reflog"],
    );
}

#[test]
fn broken_references_are_told_and_the_rest_is_found() {
    let lab = everything();
    let git = lab.top().join(".git");
    let nowhere = "7".repeat(40);
    std::fs::write(git.join("refs/heads/gone"), format!("{nowhere}\n")).unwrap();
    std::fs::write(git.join("refs/heads/garbage"), "what\n").unwrap();
    std::fs::write(git.join("refs/heads/empty"), "").unwrap();
    std::fs::write(git.join("refs/heads/x.lock"), "").unwrap();
    std::fs::write(git.join("refs/heads/loop"), "ref: refs/heads/loop\n").unwrap();
    std::os::unix::fs::symlink("/etc", git.join("refs/heads/elsewhere")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", git.join("refs/heads/file")).unwrap();
    std::os::unix::fs::symlink("refs/heads/b1", git.join("refs/heads/link")).unwrap();
    std::fs::write(git.join("ORIG_HEAD"), format!("{nowhere}\n")).unwrap();
    let log = git.join("logs/refs/heads/b1");
    let line = format!("{nowhere} {nowhere} A <a> 17 +0000\tx\n");
    std::fs::write(
        &log,
        [std::fs::read(&log).unwrap(), line.into_bytes()].concat(),
    )
    .unwrap();
    let tips = repo(&lab).tips();
    let broken: BTreeMap<String, Option<String>> = (tips.broken.iter())
        .map(|b| {
            (
                String::from_utf8(b.name.clone()).unwrap(),
                b.id.map(|id| id.to_string()),
            )
        })
        .collect();
    let expected: BTreeMap<String, Option<String>> = [
        ("refs/heads/gone", Some(nowhere.clone())),
        ("refs/heads/garbage", None),
        ("refs/heads/empty", None),
        ("refs/heads/loop", None),
        ("refs/heads/elsewhere", None),
        ("refs/heads/file", None),
        ("refs/heads/b1@{reflog}", Some(nowhere)),
    ]
    .map(|(name, id)| (name.to_owned(), id))
    .into();
    assert_eq!(broken, expected);
    assert!(has(&tips, TipKind::Ref, "refs/heads/link"));
    assert!(has(&tips, TipKind::Ref, "refs/heads/b1"));
    // A worktree whose HEAD is garbage.
    std::fs::write(git.join("worktrees/second/HEAD"), "x\n").unwrap();
    let tips = repo(&lab).tips();
    assert!(
        tips.broken
            .iter()
            .any(|b| b.name == b"worktrees/second/HEAD" && b.kind == TipKind::Head)
    );
}

#[test]
fn an_empty_repository_has_no_tips_and_is_not_broken() {
    let lab = Lab::new();
    let repo = repo(&lab);
    let tips = repo.tips();
    assert_eq!(
        (tips.tips.len(), tips.broken.len(), tips.complete),
        (0, 0, true)
    );
    assert!(repo.revision("HEAD").is_err());
    assert!(repo.commits_between(&[], &[]).commits.is_empty());
}

/// A git that can make reftables: the one on PATH, or `SOPSGUARD_TEST_GIT`.
fn reftable_git() -> Option<PathBuf> {
    let git =
        std::env::var_os("SOPSGUARD_TEST_GIT").map_or_else(|| PathBuf::from("git"), PathBuf::from);
    let dir = tempfile::tempdir().unwrap();
    let made = std::process::Command::new(&git)
        .args(["init", "-q", "--ref-format=reftable"])
        .arg(dir.path())
        .stderr(Stdio::null())
        .status();
    match made {
        Ok(status) if status.success() => Some(git),
        _ => {
            let _ = writeln!(
                std::io::stderr().lock(),
                "SKIPPED: a git with reftables (SOPSGUARD_TEST_GIT names one)"
            );
            None
        }
    }
}

#[test]
fn tips_of_a_reftable_are_those_of_files() {
    let Some(git) = reftable_git() else { return };
    let files = everything();
    let expected = repo(&files).tips();
    // The same repository again, brought over by the newer git.
    let run = |at: &Path, args: &[&str]| {
        let old = files.command(at);
        let mut command = std::process::Command::new(&git);
        for (name, value) in old.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let out = command.current_dir(at).args(args).output().unwrap();
        assert!(
            out.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    };
    // Git does not migrate repositories with worktrees.
    run(
        &files.top(),
        &["worktree", "remove", "--force", "../second"],
    );
    let expected: Tips = {
        let without = repo(&files).tips();
        assert!(without.tips.len() < expected.tips.len());
        without
    };
    run(&files.top(), &["refs", "migrate", "--ref-format=reftable"]);
    let repo = repo(&files);
    let tips = repo.tips();
    assert!(tips.complete);
    assert_eq!(named(&tips), named(&expected));
    assert_eq!(tips, expected);
    assert_eq!(
        repo.revision("b1").unwrap(),
        repo.revision("main~3").unwrap()
    );
    assert_eq!(
        repo.revision("HEAD@{0}").unwrap(),
        repo.revision("HEAD").unwrap()
    );
    // New entries, in further tables, and a linked worktree with a table of its own.
    run(
        &files.top(),
        &["worktree", "add", "-q", "--detach", "../third", "b2"],
    );
    let third = files.dir.path().join("third");
    run(
        &third,
        &["commit", "-q", "--allow-empty", "-m", "only here"],
    );
    run(&files.top(), &["branch", "-D", "b3"]);
    let tips = repo_at(&files.top()).tips();
    assert!(tips.complete && tips.broken.is_empty(), "{:?}", tips.broken);
    assert!(has(&tips, TipKind::Head, "worktrees/third/HEAD"));
    assert!(has(&tips, TipKind::Reflog, "worktrees/third/HEAD@{reflog}"));
    assert!(!has(&tips, TipKind::Ref, "refs/heads/b3"));
    assert_eq!(repo_at(&third).tips(), tips);
    std::fs::remove_file(files.top().join(".git/reftable/tables.list")).unwrap();
    assert!(
        !Repo::discover_any(&files.top(), &GitEnv::default())
            .unwrap()
            .unwrap()
            .tips()
            .complete
    );
}

#[test]
fn revisions_are_those_of_git() {
    let lab = everything();
    lab.git(&["config", "remote.origin.url", "x"]);
    lab.git(&[
        "config",
        "remote.origin.fetch",
        "+refs/heads/*:refs/remotes/origin/*",
    ]);
    lab.git(&["config", "branch.main.remote", "origin"]);
    lab.git(&["config", "branch.main.merge", "refs/heads/main"]);
    lab.git(&["merge", "-q", "--no-ff", "-m", "merge", "brief"]);
    lab.git(&["checkout", "-q", "--detach", "b2"]);
    lab.git(&["commit", "-q", "--allow-empty", "-m", "side"]);
    lab.git(&["branch", "side"]);
    lab.git(&["checkout", "-q", "main"]);
    lab.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    // A branch that is called like the abbreviated id of another commit.
    let short = one(&lab, "b1").to_string()[..8].to_owned();
    lab.git(&["branch", &short, "b3"]);
    lab.git(&[
        "branch",
        &format!("{}-code", one(&lab, "b1").to_hex_with_len(4)),
        "b4",
    ]);
    let full = one(&lab, "b2").to_string();
    let repo = repo(&lab);
    for text in [
        "HEAD",
        "@",
        "main",
        "heads/main",
        "refs/heads/main",
        "origin/main",
        "origin",
        "v1",
        "nested",
        "light",
        "b1",
        "HEAD~3",
        "HEAD^",
        "HEAD^2",
        "HEAD^2~1",
        "HEAD~2^0",
        "@~1",
        "v1^{}",
        "v1^{commit}",
        "nested^0",
        "@{u}",
        "main@{u}",
        "main@{upstream}",
        "HEAD@{1}",
        "@{1}",
        "main@{0}",
        "HEAD@{3}",
        "@{-1}",
        "@{-2}",
        "@{-1}~1",
        "refs/pull/7/head",
        "notes/commits",
        "stash",
        "stash@{1}",
        "stash^2",
        "FETCH_HEAD",
        "ORIG_HEAD",
        "worktrees/second/HEAD",
        "main-worktree/HEAD",
        "HEAD@{2023-12-24}",
        "HEAD^{object}",
        &full,
        &full[..7],
        &full.to_uppercase()[..9],
        &format!("v1-3-g{}", &full[..9]),
        &short,
        &format!("{}-code", &one(&lab, "b1").to_string()[..4]),
    ] {
        let expected = one(&lab, &format!("{text}^{{commit}}"));
        assert_eq!(repo.revision(text), Ok(expected), "{text}");
    }
    let problem = |text: &str| repo.revision(text).unwrap_err().problem;
    for text in [
        "nowhere",
        "HEAD~99",
        "HEAD^3",
        "v1^{tag}^{x",
        "--all",
        "-q",
        "",
        "../../config",
        "config",
        "index",
        "@{-99}",
        "b1@{u}",
        "HEAD@{99}",
        "ffffffff",
        "HEAD@{",
        "~1",
    ] {
        assert!(
            matches!(
                problem(text),
                RevisionProblem::Unknown(_) | RevisionProblem::Unsupported(_)
            ),
            "{text}: {:?}",
            problem(text)
        );
    }
    assert!(matches!(
        problem("of-tree"),
        RevisionProblem::NotCommit(_, ObjectKind::Tree)
    ));
    assert!(matches!(problem("HEAD:a"), RevisionProblem::Unsupported(_)));
    assert!(matches!(problem(":/lost"), RevisionProblem::Unsupported(_)));
    assert!(matches!(
        problem(&"1".repeat(40)),
        RevisionProblem::Missing(..)
    ));
    assert_eq!(
        repo.revision("nowhere").unwrap_err().to_string(),
        "there is no revision `nowhere`"
    );
}

#[test]
fn an_id_that_is_too_short_is_told_with_its_commits() {
    let lab = Lab::new();
    history(&lab, 9, 1200);
    let all = branches(&lab, 1200);
    let mut by: BTreeMap<String, Vec<Oid>> = BTreeMap::new();
    for id in all {
        by.entry(id.to_hex_with_len(4).to_string())
            .or_default()
            .push(id);
    }
    let Some((short, ids)) = by.into_iter().find(|(_, ids)| ids.len() > 1) else {
        return;
    };
    let error = repo(&lab).revision(&short).unwrap_err();
    assert!(
        matches!(&error.problem, RevisionProblem::Ambiguous(_, found) if found.len() == ids.len())
    );
    assert!(error.to_string().contains("is short for"), "{error}");
    assert_eq!(repo(&lab).revision(&ids[0].to_string()[..12]), Ok(ids[0]));
}

#[test]
fn ranges_name_a_tip_what_is_left_out_and_the_base() {
    let lab = Lab::new();
    lab.commit("base");
    lab.git(&["branch", "old"]);
    lab.git(&["checkout", "-q", "-b", "topic"]);
    lab.commit("one");
    lab.commit("two");
    lab.git(&["checkout", "-q", "main"]);
    lab.git(&["commit", "-q", "--allow-empty", "-m", "main goes on"]);
    lab.git(&["checkout", "-q", "topic"]);
    lab.git(&["checkout", "-q", "--orphan", "island"]);
    lab.commit("alone");
    lab.git(&["checkout", "-q", "topic"]);
    let repo = repo(&lab);
    for text in [
        "main..topic",
        "main..",
        "main...topic",
        "main...HEAD",
        "main..@",
    ] {
        let range = repo.range(text).unwrap();
        assert_eq!(range.tip, one(&lab, "topic"), "{text}");
        assert_eq!(range.not, [one(&lab, "main")]);
        assert_eq!(range.base, Some(one(&lab, "old")));
        let between = repo.commits_between(&[range.tip], &range.not);
        assert_eq!(between.commits, ask(&lab, &["rev-list", "main..topic"]));
    }
    assert_eq!(repo.range("..main").unwrap().not, [one(&lab, "topic")]);
    assert_eq!(repo.range("island..topic").unwrap().base, None);
    let said = |text: &str| repo.range(text).unwrap_err().to_string();
    assert_eq!(said("main"), "`main` is no range: write main..HEAD");
    assert_eq!(said("main^!"), "`main^!` is no range: write BASE..HEAD");
    assert_eq!(
        said("island...topic"),
        "`island` and `topic` have no commit in common"
    );
    assert_eq!(said("x..topic"), "there is no revision `x`");
    assert_eq!(said("--all..topic"), "there is no revision `--all`");
}

#[test]
fn a_shallow_clone_says_where_it_ends() {
    let lab = Lab::new();
    for n in 1..=8 {
        lab.commit(&format!("c{n}"));
        lab.git(&["tag", &format!("c{n}")]);
    }
    let from = format!("file://{}", lab.top().display());
    lab.git(&["clone", "-q", "--depth=3", &from, "../shallow"]);
    let shallow = repo_at(&lab.dir.path().join("shallow"));
    assert!(shallow.shallow());
    let error = shallow.range("c2..HEAD").unwrap_err().to_string();
    assert!(
        error.contains("no revision `c2`") && error.contains("fetch-depth: 0"),
        "{error}"
    );
    let error = shallow
        .revision(&one(&lab, "c2").to_string())
        .unwrap_err()
        .to_string();
    assert!(error.contains("git fetch --unshallow"), "{error}");
    let id = |rev: &str| one(&lab, rev);
    let all = shallow.commits_between(&[id("c8")], &[]);
    assert_eq!(all.commits, [id("c8"), id("c7"), id("c6")]);
    assert!(all.cut);
    let some = shallow.commits_between(&[id("c8")], &[id("c7")]);
    assert_eq!(
        (some.commits.as_slice(), some.cut),
        (&[id("c8")][..], false)
    );
    let none = shallow.commits_between(&[id("c8")], &[id("c2")]);
    assert_eq!(none.missing, [id("c2")]);
    assert!(none.cut);
}

#[test]
fn replacements_and_grafts_are_not_honoured() {
    let lab = Lab::new();
    lab.commit("one");
    lab.commit("two");
    lab.commit("three");
    let (head, root) = (
        one(&lab, "HEAD").to_string(),
        one(&lab, "HEAD~2").to_string(),
    );
    lab.git(&["replace", "--graft", "HEAD"]);
    std::fs::create_dir_all(lab.top().join(".git/info")).unwrap();
    std::fs::write(
        lab.top().join(".git/info/grafts"),
        format!("{head} {root}\n"),
    )
    .unwrap();
    let found = repo(&lab).commits_between(&[one(&lab, "HEAD")], &[]);
    assert_eq!(found.commits.len(), 3);
}

#[test]
fn a_bare_repository_is_opened_where_no_files_are_needed() {
    let lab = Lab::new();
    lab.write("a", "1\n");
    lab.commit("one");
    lab.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = lab.dir.path().join("bare.git").canonicalize().unwrap();
    for dir in [bare.clone(), bare.join("objects")] {
        assert!(matches!(
            Repo::discover(&dir, &GitEnv::default()),
            Err(GitError::Bare(_))
        ));
        let repo = repo_at(&dir);
        assert!(repo.is_bare());
        assert_eq!(repo.root(), bare);
        assert_eq!(repo.tips().tips.len(), 2);
    }
    // As hooks of a server run: inside of the repository, which GIT_DIR names.
    for dir in [bare, lab.top().join(".git")] {
        let env = GitEnv {
            git_dir: Some(PathBuf::from(".")),
            ..GitEnv::default()
        };
        assert!(matches!(Repo::discover(&dir, &env), Err(GitError::Bare(_))));
        let repo = Repo::discover_any(&dir, &env).unwrap().unwrap();
        assert!(repo.is_bare());
        assert!(matches!(repo.head(), Head::Commit { .. }));
    }
    let plain = repo(&lab);
    assert!(!plain.is_bare());
    assert_eq!(plain.root(), lab.top().canonicalize().unwrap());
    assert!(
        Repo::discover_any(lab.dir.path(), &GitEnv::default())
            .unwrap()
            .is_none()
    );
}

#[test]
fn objects_of_a_quarantine_are_read_beside_those_of_the_repository() {
    let lab = Lab::new();
    lab.write("a", "1\n");
    lab.write("dir/old", "old\n");
    lab.commit("one");
    let objects = lab.top().join(".git/objects").canonicalize().unwrap();
    let quarantine = lab.dir.path().join("incoming");
    std::fs::create_dir(&quarantine).unwrap();
    let commit = |args: &[&str]| {
        let out = lab
            .command(&lab.top())
            .env("GIT_OBJECT_DIRECTORY", &quarantine)
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &objects)
            .args(args)
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        out.stdout
    };
    let before = one(&lab, "HEAD");
    lab.write("dir/new", "new\n");
    commit(&["add", "-A"]);
    let tree = oid(&commit(&["write-tree"]));
    let new = oid(&commit(&[
        "commit-tree",
        "-p",
        &before.to_string(),
        "-m",
        "two",
        &tree.to_string(),
    ]));
    let env = GitEnv {
        object_directory: Some(quarantine.clone()),
        alternate_object_directories: vec![lab.dir.path().join("missing"), objects.clone()],
        ..GitEnv::default()
    };
    let repo = Repo::discover_any(&lab.top(), &env).unwrap().unwrap();
    assert_eq!(repo.object_dirs(), [quarantine, objects]);
    assert!(matches!(repo.head(), Head::Commit { id, .. } if *id == before));
    let found = repo.commit(&new).unwrap();
    let repo = Arc::new(repo);
    let added = added_by(&repo, &found);
    assert_eq!(added.changed.len(), 1);
    let (path, blob, _) = &added.changed[0];
    assert_eq!(path.as_bytes(), b"dir/new");
    assert_eq!(repo.blob(blob).unwrap(), b"new\n");
    assert_eq!(repo.blob_size(blob), Some(4));
    assert_eq!(repo.commits_between(&[new], &[before]).commits, [new]);
    assert_eq!(repo.revision(&new.to_string()[..10]), Ok(new));
    // Without the variables they are not there.
    assert!(self::repo(&lab).commit(&new).is_none());
    // The repository's own directory counts only if it is named.
    let alone = GitEnv {
        object_directory: env.object_directory.clone(),
        ..GitEnv::default()
    };
    let repo = Repo::discover_any(&lab.top(), &alone).unwrap().unwrap();
    assert!(matches!(repo.head(), Head::Broken(Some(_))));
}

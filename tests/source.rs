//! Views of real worktrees, made by git and compared with what git says about them.
//!
//! Every repository lives in a directory of its own with a pinned identity and without the machine's Git configuration.
//! The question is put to `git ls-files` as well, wherever the two are meant to agree.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "source/lab.rs"]
mod lab;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::Lab;
use sopsguard::git::{GitEnv, GitError};
use sopsguard::model::RepoPath;
use sopsguard::source::{
    BaseState, Entry, FileKind, Opened, ReadError, SourceError, open_stdin, open_worktree,
};

impl Lab {
    fn open(&self) -> Opened {
        open_worktree(&self.top(), &[], &GitEnv::default()).unwrap()
    }

    fn open_paths(&self, at: &Path, paths: &[&str]) -> Result<Opened, SourceError> {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        open_worktree(at, &paths, &GitEnv::default())
    }

    /// What git says there is, without what is deleted and without other repositories, which end in a slash.
    fn listed(&self, top: &Path) -> BTreeSet<Vec<u8>> {
        let set = |args: &[&str]| -> BTreeSet<Vec<u8>> {
            let out = self.git_in(top, args);
            out.split(|b| *b == 0)
                .filter(|p| !p.is_empty())
                .map(<[u8]>::to_vec)
                .collect()
        };
        let all = set(&["ls-files", "-z", "-co", "--exclude-standard"]);
        let there = |path: &[u8]| top.join(OsStr::from_bytes(path)).symlink_metadata().is_ok();
        let deleted = set(&["ls-files", "-z", "-d"]);
        all.into_iter()
            .filter(|p| !p.ends_with(b"/") && there(p) && !deleted.contains(p))
            .collect()
    }

    /// The view must be what git lists.
    fn agree(&self) -> Opened {
        self.agree_in(&self.top())
    }

    fn agree_in(&self, top: &Path) -> Opened {
        let opened = open_worktree(top, &[], &GitEnv::default()).unwrap();
        assert_order(&opened);
        let ours: BTreeSet<Vec<u8>> = opened
            .view
            .entries()
            .iter()
            .map(|e| e.path.as_bytes().to_vec())
            .collect();
        let theirs = self.listed(top);
        assert_eq!(show(&ours), show(&theirs));
        let tracked = self.git_in(top, &["ls-files", "-z"]);
        let tracked: BTreeSet<&[u8]> = tracked.split(|b| *b == 0).collect();
        for entry in opened.view.entries() {
            assert_eq!(
                entry.tracked,
                tracked.contains(entry.path.as_bytes()),
                "{}",
                entry.path
            );
            assert!(entry.selected);
        }
        opened
    }
}

fn show(set: &BTreeSet<Vec<u8>>) -> Vec<String> {
    set.iter().map(|p| p.escape_ascii().to_string()).collect()
}

fn assert_order(opened: &Opened) {
    assert!(opened.view.entries().is_sorted_by(|a, b| a.path < b.path));
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text)
}

fn entry<'a>(opened: &'a Opened, name: &str) -> &'a Entry {
    let name = path(name);
    let found = opened.view.entries().iter().find(|e| e.path == name);
    found.unwrap_or_else(|| panic!("no {name}"))
}

fn text(opened: &Opened, name: &str) -> String {
    String::from_utf8(opened.view.read(&path(name)).unwrap()).unwrap()
}

fn base_text(opened: &Opened, name: &str) -> Option<String> {
    let bytes = opened.base.as_ref().unwrap().read(&path(name)).unwrap();
    bytes.map(|b| String::from_utf8(b).unwrap())
}

/// Makes the index certainly newer than the files: git's own answer to "racily clean" files.
fn settle(lab: &Lab) {
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
    for file in lab
        .git(&["ls-files", "-z"])
        .split(|b| *b == 0)
        .filter(|p| !p.is_empty())
    {
        let file = lab.top().join(OsStr::from_bytes(file));
        if file.symlink_metadata().is_ok_and(|m| m.is_file()) {
            std::fs::File::options()
                .write(true)
                .open(file)
                .unwrap()
                .set_modified(old)
                .unwrap();
        }
    }
    lab.git(&["update-index", "-q", "--refresh"]);
}

fn symlink(target: &str, at: PathBuf) {
    std::os::unix::fs::symlink(target, at).unwrap();
}

#[test]
fn tracked_and_untracked_files_are_listed() {
    let lab = Lab::new();
    lab.write("a.yaml", "a: 1\n");
    lab.write("dir/b.yaml", "b: 1\n");
    lab.write("dir/deep/er/c.env", "C=1\n");
    lab.write("dir.yaml", "sorts between dir and dir/\n");
    lab.commit("one");
    lab.write("new.yaml", "n: 1\n");
    lab.write("other/new.yaml", "n: 1\n");
    std::fs::create_dir_all(lab.top().join("empty/dir")).unwrap();
    let opened = lab.agree();
    assert_eq!(text(&opened, "dir/b.yaml"), "b: 1\n");
    assert_eq!(text(&opened, "other/new.yaml"), "n: 1\n");
    assert_eq!(entry(&opened, "a.yaml").size, Some(5));
    assert_eq!(entry(&opened, "a.yaml").kind, FileKind::Regular);
    assert!(opened.view.find(&path("dir")).is_none());
    assert_eq!(opened.view.read(&path("nowhere")), Err(ReadError::Missing));
    assert_eq!(
        opened.view.read(&path("../outside")),
        Err(ReadError::Missing)
    );
    let head = String::from_utf8(lab.git(&["rev-parse", "HEAD"])).unwrap();
    let repository = opened.repository.unwrap();
    assert_eq!(repository.head.as_deref(), Some(head.trim()));
    assert_eq!(repository.base, repository.head);
    assert!(!repository.shallow);
    assert_eq!(opened.root, lab.top().canonicalize().unwrap());
    assert_eq!(opened.prefix, path(""));
    assert!(opened.unreadable.is_empty());
}

#[test]
fn ignored_files_count_when_they_are_tracked() {
    let lab = Lab::new();
    lab.write("vendor/kept/tracked.yaml", "t: 1\n");
    lab.write("vendor/loose.yaml", "l: 1\n");
    lab.write("app.log", "tracked\n");
    lab.git(&["add", "-f", "vendor/kept/tracked.yaml", "app.log"]);
    lab.git(&["commit", "-q", "-m", "one"]);
    lab.write(
        ".gitignore",
        "vendor/\n*.log\n!keep.log\n/only-top\nsub/*.tmp\n\\#hash\ntrail\\ \n**/deep/x\nabc/**\n",
    );
    lab.write("other.log", "ignored\n");
    lab.write("keep.log", "kept\n");
    lab.write("only-top", "ignored\n");
    lab.write("dir/only-top", "kept\n");
    lab.write("sub/a.tmp", "ignored\n");
    lab.write("sub/sub/a.tmp", "kept\n");
    lab.write("#hash", "ignored\n");
    lab.write("trail ", "ignored\n");
    lab.write("p/q/deep/x", "ignored\n");
    lab.write("abc/d/e", "ignored\n");
    lab.write("nest/.gitignore", "*\n!.gitignore\n!wanted.yaml\n");
    lab.write("nest/wanted.yaml", "kept\n");
    lab.write("nest/unwanted.yaml", "ignored\n");
    lab.write("nest/inner/wanted.yaml", "below an ignored directory\n");
    let opened = lab.agree();
    assert!(entry(&opened, "vendor/kept/tracked.yaml").tracked);
    assert!(entry(&opened, "app.log").tracked);
    assert!(opened.view.find(&path("vendor/loose.yaml")).is_none());
}

#[test]
fn ignore_rules_of_the_repository_and_of_the_user_hold() {
    let lab = Lab::new();
    lab.write(".git/info/exclude", "from-info\n!twice\n");
    std::fs::write(lab.dir.path().join("excludes"), "from-config\ntwice\n").unwrap();
    let excludes = lab.dir.path().join("excludes");
    lab.git(&["config", "core.excludesFile", excludes.to_str().unwrap()]);
    for name in ["from-info", "from-config", "twice", "kept"] {
        lab.write(name, "x\n");
    }
    let opened = lab.agree();
    assert!(opened.view.find(&path("from-info")).is_none());
    assert!(opened.view.find(&path("from-config")).is_none());
    assert!(opened.view.find(&path("twice")).is_some());
}

#[test]
fn the_default_ignore_file_of_the_user_holds_when_none_is_configured() {
    let lab = Lab::new();
    lab.write("secret.tmp", "x\n");
    lab.write("kept", "x\n");
    std::fs::create_dir_all(lab.dir.path().join("xdg/git")).unwrap();
    let file = lab.dir.path().join("xdg/git/ignore");
    std::fs::write(&file, "*.tmp\n").unwrap();
    let env = GitEnv {
        default_excludes: Some(file),
        ..GitEnv::default()
    };
    let opened = open_worktree(&lab.top(), &[], &env).unwrap();
    let ours: BTreeSet<Vec<u8>> = opened
        .view
        .entries()
        .iter()
        .map(|e| e.path.as_bytes().to_vec())
        .collect();
    assert_eq!(show(&ours), show(&lab.listed(&lab.top())));
}

#[test]
fn repositories_inside_are_not_entered() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.commit("one");
    lab.write("nested/inner.yaml", "i\n");
    lab.git_in(&lab.top().join("nested"), &["init", "-q"]);
    lab.write("broken/.git/not-a-repository", "x\n");
    lab.write("broken/file.yaml", "x\n");
    lab.write("file/.git", "gitdir: nowhere\n");
    lab.write("file/file.yaml", "x\n");
    let opened = lab.agree();
    assert!(opened.view.find(&path("nested/inner.yaml")).is_none());
    let error = lab
        .open_paths(&lab.top(), &["nested/inner.yaml"])
        .err()
        .unwrap();
    assert!(matches!(error, SourceError::OtherRepository(_)), "{error}");
}

#[test]
fn submodules_are_single_entries() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.commit("one");
    let other = lab.dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    lab.git_in(&other, &["init", "-q"]);
    std::fs::write(other.join("x.yaml"), "x\n").unwrap();
    lab.git_in(&other, &["add", "-A"]);
    lab.git_in(&other, &["commit", "-q", "-m", "x"]);
    lab.git(&[
        "submodule",
        "add",
        "-q",
        other.to_str().unwrap(),
        "sub/module",
    ]);
    lab.git(&["commit", "-q", "-m", "sub"]);
    let opened = lab.agree();
    let module = entry(&opened, "sub/module");
    assert_eq!(
        (module.kind, module.tracked, module.base),
        (FileKind::Submodule, true, BaseState::Same)
    );
    assert_eq!(
        opened.view.read(&path("sub/module")),
        Err(ReadError::Missing)
    );
    assert!(opened.view.find(&path("sub/module/x.yaml")).is_none());
    let inside = lab.agree_in(&lab.top().join("sub/module"));
    assert!(inside.view.find(&path("x.yaml")).is_some());
    assert!(!opened.base.unwrap().paths().contains(&path("sub/module")));
}

#[test]
fn links_are_never_followed() {
    let lab = Lab::new();
    std::fs::write(lab.dir.path().join("outside.yaml"), "outside\n").unwrap();
    lab.write("real/a.yaml", "a\n");
    lab.write("swapped/a.yaml", "a\n");
    symlink("../outside.yaml", lab.top().join("leak.yaml"));
    symlink("real", lab.top().join("dirlink"));
    symlink("nowhere", lab.top().join("dangling"));
    lab.commit("one");
    std::fs::rename(lab.top().join("swapped"), lab.dir.path().join("moved")).unwrap();
    symlink("../moved", lab.top().join("swapped"));
    symlink("/etc", lab.top().join("new-link"));
    lab.write(".gitignore", "dirlink/\n");
    let opened = lab.open();
    assert_order(&opened);
    for (name, target) in [
        ("leak.yaml", "../outside.yaml"),
        ("dirlink", "real"),
        ("dangling", "nowhere"),
        ("new-link", "/etc"),
    ] {
        assert_eq!(entry(&opened, name).kind, FileKind::Symlink);
        assert_eq!(text(&opened, name), target);
    }
    assert!(opened.view.find(&path("swapped/a.yaml")).is_none());
    assert_eq!(
        opened.view.read(&path("swapped/a.yaml")),
        Err(ReadError::Missing)
    );
    assert_eq!(entry(&opened, "swapped").kind, FileKind::Symlink);
    assert_eq!(
        opened.base.as_ref().unwrap().removed(),
        [path("swapped/a.yaml")]
    );
    assert_eq!(
        base_text(&opened, "leak.yaml").as_deref(),
        Some("../outside.yaml")
    );
    let ours: BTreeSet<Vec<u8>> = opened
        .view
        .entries()
        .iter()
        .map(|e| e.path.as_bytes().to_vec())
        .collect();
    assert_eq!(
        show(&ours),
        show(
            &lab.listed(&lab.top())
                .into_iter()
                .filter(|p| !p.starts_with(b"swapped/"))
                .collect()
        )
    );
}

#[test]
fn a_link_that_appears_after_listing_is_not_followed() {
    let lab = Lab::new();
    std::fs::write(lab.dir.path().join("outside.yaml"), "outside\n").unwrap();
    lab.write("a.yaml", "a\n");
    lab.write("b.yaml", "b\n");
    let opened = lab.open();
    std::fs::remove_file(lab.top().join("a.yaml")).unwrap();
    symlink("../outside.yaml", lab.top().join("a.yaml"));
    assert_eq!(opened.view.read(&path("a.yaml")), Err(ReadError::Missing));
    // An editor replaces files: that is still the file.
    std::fs::write(lab.top().join("b.new"), "new\n").unwrap();
    std::fs::rename(lab.top().join("b.new"), lab.top().join("b.yaml")).unwrap();
    assert_eq!(text(&opened, "b.yaml"), "new\n");
}

#[test]
fn an_unborn_branch_has_an_empty_base() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.write("b.yaml", "b\n");
    lab.git(&["add", "a.yaml"]);
    let opened = lab.agree();
    assert_eq!(entry(&opened, "a.yaml").base, BaseState::Absent);
    assert_eq!(entry(&opened, "b.yaml").base, BaseState::Absent);
    assert!(opened.base.as_ref().unwrap().paths().is_empty());
    assert_eq!(base_text(&opened, "a.yaml"), None);
    assert_eq!(opened.repository.unwrap().head, None);
}

#[test]
fn a_repository_without_any_file_is_empty() {
    let opened = Lab::new().agree();
    assert!(opened.view.entries().is_empty());
}

#[test]
fn paths_select_and_hide_nothing() {
    let lab = Lab::new();
    lab.write(".sops.yaml", "creation_rules: []\n");
    lab.write("apps/a.yaml", "a\n");
    lab.write("apps/b/c.yaml", "c\n");
    lab.write("apps.yaml", "x\n");
    lab.commit("one");
    lab.write(".gitignore", "out/\n*.tmp\n");
    lab.write("out/made.yaml", "m\n");
    lab.write("out/deep/made.yaml", "m\n");
    lab.write("out/deep/.sops.yaml", "s\n");
    lab.write("apps/x.tmp", "t\n");
    lab.write("apps/y.tmp", "t\n");
    let selected = |at: &str, paths: &[&str]| -> Vec<String> {
        let opened = lab.open_paths(&lab.top().join(at), paths).unwrap();
        assert_order(&opened);
        assert!(opened.view.find(&path(".sops.yaml")).is_some());
        assert_eq!(opened.prefix, path(at));
        opened
            .view
            .entries()
            .iter()
            .filter(|e| e.selected)
            .map(|e| e.path.to_string())
            .collect()
    };
    let everything = [
        ".gitignore",
        ".sops.yaml",
        "apps.yaml",
        "apps/a.yaml",
        "apps/b/c.yaml",
    ];
    assert_eq!(selected("", &[]), everything);
    assert_eq!(selected("apps", &[]), everything);
    assert_eq!(selected("", &["."]), everything);
    assert_eq!(selected("", &["apps"]), ["apps/a.yaml", "apps/b/c.yaml"]);
    assert_eq!(selected("", &["apps/"]), ["apps/a.yaml", "apps/b/c.yaml"]);
    assert_eq!(
        selected("apps", &["b", "../apps.yaml"]),
        ["apps.yaml", "apps/b/c.yaml"]
    );
    assert_eq!(
        selected("apps/b", &[".."]),
        ["apps/a.yaml", "apps/b/c.yaml"]
    );
    assert_eq!(selected("", &["apps/x.tmp"]), ["apps/x.tmp"]);
    assert_eq!(
        selected("", &["out"]),
        ["out/deep/.sops.yaml", "out/deep/made.yaml", "out/made.yaml"]
    );
    assert_eq!(
        selected("", &["out/deep/made.yaml"]),
        ["out/deep/made.yaml"]
    );
    let absolute = lab.top().join("apps/a.yaml");
    assert_eq!(selected("", &[absolute.to_str().unwrap()]), ["apps/a.yaml"]);
    let opened = lab.open_paths(&lab.top(), &["out/deep/made.yaml"]).unwrap();
    assert!(opened.view.find(&path("out/deep/.sops.yaml")).is_some());
    assert!(opened.view.find(&path("apps/x.tmp")).is_none());
}

#[test]
fn paths_that_cannot_be_judged_are_refused() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.commit("one");
    std::fs::write(lab.dir.path().join("outside.yaml"), "o\n").unwrap();
    std::fs::create_dir(lab.dir.path().join("beside")).unwrap();
    std::fs::write(lab.dir.path().join("beside/x.yaml"), "o\n").unwrap();
    symlink("../beside", lab.top().join("out"));
    let refuse = |name: &str| {
        lab.open_paths(&lab.top(), &[name])
            .err()
            .unwrap_or_else(|| panic!("{name} taken"))
    };
    assert!(matches!(refuse("missing.yaml"), SourceError::NoSuchPath(_)));
    assert!(matches!(
        refuse("../outside.yaml"),
        SourceError::Outside { .. }
    ));
    assert!(matches!(refuse("/etc/passwd"), SourceError::Outside { .. }));
    assert!(matches!(refuse("out/x.yaml"), SourceError::Outside { .. }));
    assert!(matches!(
        refuse(".git/config"),
        SourceError::GitDirectory(_)
    ));
    let linked = lab.open_paths(&lab.top(), &["out"]).unwrap();
    assert_eq!(entry(&linked, "out").kind, FileKind::Symlink);
    assert!(entry(&linked, "out").selected && !entry(&linked, "a.yaml").selected);
    lab.git_in(&lab.dir.path().join("beside"), &["init", "-q"]);
    assert!(entry(&lab.open_paths(&lab.top(), &["out"]).unwrap(), "out").selected);
}

#[test]
fn a_conflict_is_one_file() {
    let lab = Lab::new();
    lab.write("c.yaml", "v: 0\n");
    lab.write("gone.yaml", "v: 0\n");
    lab.commit("base");
    lab.git(&["checkout", "-q", "-b", "side"]);
    lab.write("c.yaml", "v: 1\n");
    lab.write("gone.yaml", "v: 1\n");
    lab.commit("side");
    lab.git(&["checkout", "-q", "main"]);
    lab.write("c.yaml", "v: 2\n");
    lab.git(&["rm", "-q", "gone.yaml"]);
    lab.commit("main");
    assert!(!lab.git_try(&["merge", "-q", "side"]));
    let opened = lab.agree();
    assert!(text(&opened, "c.yaml").contains("<<<<<<<"));
    assert_eq!(entry(&opened, "c.yaml").base, BaseState::Maybe);
    assert_eq!(entry(&opened, "gone.yaml").base, BaseState::Absent);
    assert_eq!(base_text(&opened, "c.yaml").as_deref(), Some("v: 2\n"));
}

#[test]
fn files_announced_by_intent_to_add_are_tracked_and_new() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.commit("one");
    lab.write("soon.yaml", "s\n");
    lab.git(&["add", "-N", "soon.yaml"]);
    let opened = lab.agree();
    assert!(entry(&opened, "soon.yaml").tracked);
    assert_eq!(entry(&opened, "soon.yaml").base, BaseState::Absent);
}

fn sparse(index: &[&str]) {
    let lab = Lab::new();
    for dir in ["in", "out", "out/deep", "also"] {
        lab.write(&format!("{dir}/a.yaml"), "a\n");
        lab.write(&format!("{dir}/b.yaml"), "b\n");
    }
    lab.write("top.yaml", "t\n");
    lab.write("out/.gitignore", "*.tmp\nforced.yaml\n");
    lab.write("out/forced.yaml", "f\n");
    lab.git(&["add", "-f", "out/forced.yaml"]);
    lab.commit("one");
    lab.git(&[&["sparse-checkout", "init", "--cone"], index].concat());
    lab.git(&["sparse-checkout", "set", "in"]);
    let opened = lab.agree();
    assert!(opened.view.find(&path("out/a.yaml")).is_none());
    assert!(opened.view.find(&path("in/a.yaml")).is_some());
    assert_eq!(opened.base.as_ref().unwrap().removed(), []);
    assert!(
        opened
            .base
            .as_ref()
            .unwrap()
            .paths()
            .contains(&path("out/deep/b.yaml"))
    );
    assert_eq!(
        base_text(&opened, "out/deep/b.yaml").as_deref(),
        Some("b\n")
    );
    // Files that stand there nevertheless are tracked, ignored or not; the rules come from the index.
    lab.write("out/forced.yaml", "changed\n");
    lab.write("out/x.tmp", "t\n");
    lab.write("out/new.yaml", "n\n");
    let opened = lab.agree();
    assert!(entry(&opened, "out/forced.yaml").tracked);
    assert_eq!(entry(&opened, "out/forced.yaml").base, BaseState::Maybe);
    assert_eq!(opened.base.as_ref().unwrap().removed(), []);
}

#[test]
fn what_a_sparse_checkout_leaves_out_is_no_entry() {
    sparse(&["--no-sparse-index"]);
}

#[test]
fn a_sparse_index_is_read() {
    sparse(&["--sparse-index"]);
}

#[test]
fn skipped_and_assumed_files_count_when_they_are_there() {
    let lab = Lab::new();
    for name in ["skipped", "skipped-there", "assumed", "deleted"] {
        lab.write(name, "x\n");
    }
    lab.commit("one");
    lab.git(&[
        "update-index",
        "--skip-worktree",
        "skipped",
        "skipped-there",
    ]);
    lab.git(&["update-index", "--assume-unchanged", "assumed"]);
    std::fs::remove_file(lab.top().join("skipped")).unwrap();
    std::fs::remove_file(lab.top().join("deleted")).unwrap();
    lab.write("assumed", "y\n");
    let opened = lab.agree();
    assert!(opened.view.find(&path("skipped")).is_none());
    assert!(opened.view.find(&path("skipped-there")).is_some());
    assert_eq!(entry(&opened, "assumed").base, BaseState::Maybe);
    assert_eq!(opened.base.unwrap().removed(), [path("deleted")]);
}

/// The same things in repositories of every format.
fn format(init: &[&str], configure: impl Fn(&Lab)) {
    let lab = Lab::with(init);
    for dir in ["a", "a/b", "c/d/e"] {
        for file in 0..30 {
            lab.write(
                &format!("{dir}/file{file}.yaml"),
                &format!("{dir}: {file}\n"),
            );
        }
    }
    configure(&lab);
    lab.commit("one");
    settle(&lab);
    let opened = lab.agree();
    assert!(
        opened
            .view
            .entries()
            .iter()
            .all(|e| e.base == BaseState::Same),
        "{:?}",
        opened.view.entries()
    );
    lab.write("a/b/file3.yaml", "changed\n");
    lab.write("a/b/new.yaml", "new\n");
    lab.git(&["add", "a/b/new.yaml"]);
    lab.git(&["rm", "-q", "c/d/e/file7.yaml"]);
    let opened = lab.agree();
    assert_eq!(entry(&opened, "a/b/file3.yaml").base, BaseState::Maybe);
    assert_eq!(entry(&opened, "a/b/new.yaml").base, BaseState::Absent);
    assert_eq!(entry(&opened, "a/b/file4.yaml").base, BaseState::Same);
    assert_eq!(
        opened.base.as_ref().unwrap().removed(),
        [path("c/d/e/file7.yaml")]
    );
    assert_eq!(opened.base.as_ref().unwrap().paths().len(), 90);
    assert_eq!(
        base_text(&opened, "a/b/file3.yaml").as_deref(),
        Some("a/b: 3\n")
    );
    let head = String::from_utf8(lab.git(&["rev-parse", "HEAD"])).unwrap();
    assert_eq!(
        opened.repository.unwrap().head.as_deref(),
        Some(head.trim())
    );
}

#[test]
fn index_version_2_is_read() {
    format(&[], |lab| drop(lab.git(&["config", "index.version", "2"])));
}

#[test]
fn index_version_4_is_read() {
    format(&[], |lab| drop(lab.git(&["config", "index.version", "4"])));
}

#[test]
fn a_split_index_is_read() {
    format(&[], |lab| {
        lab.git(&["config", "core.splitIndex", "true"]);
        lab.git(&["config", "splitIndex.maxPercentChange", "100"]);
        lab.git(&["add", "-A"]);
        lab.git(&["update-index", "--split-index"]);
    });
}

#[test]
fn an_index_with_untracked_cache_is_read() {
    format(&[], |lab| {
        drop(lab.git(&["config", "core.untrackedCache", "true"]))
    });
}

#[test]
fn sha256_repositories_are_read() {
    format(&["--object-format=sha256"], |_| {});
}

#[test]
fn packed_repositories_are_read() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.commit("one");
    lab.git(&["gc", "-q"]);
    lab.git(&["pack-refs", "--all"]);
    lab.write("a.yaml", "b\n");
    assert_eq!(base_text(&lab.agree(), "a.yaml").as_deref(), Some("a\n"));
}

#[test]
fn a_linked_worktree_is_its_own_place() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.commit("one");
    lab.git(&["worktree", "add", "-q", "-b", "side", "../linked"]);
    let linked = lab.dir.path().join("linked");
    std::fs::write(linked.join("b.yaml"), "b\n").unwrap();
    lab.git_in(&linked, &["add", "b.yaml"]);
    lab.git_in(&linked, &["commit", "-q", "-m", "two"]);
    let opened = lab.agree_in(&linked);
    assert_eq!(base_text(&opened, "b.yaml").as_deref(), Some("b\n"));
    assert!(lab.agree().view.find(&path("b.yaml")).is_none());
    lab.git(&["worktree", "add", "-q", "-b", "within", "inside"]);
    assert!(lab.agree().view.find(&path("inside/a.yaml")).is_none());
}

#[test]
fn a_worktree_of_a_bare_repository_is_read() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.commit("one");
    lab.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = lab.dir.path().join("bare.git");
    lab.git_in(&bare, &["worktree", "add", "-q", "../linked", "main"]);
    assert!(
        lab.agree_in(&lab.dir.path().join("linked"))
            .view
            .find(&path("a.yaml"))
            .is_some()
    );
    let error = open_worktree(&bare, &[], &GitEnv::default()).err().unwrap();
    assert!(
        matches!(error, SourceError::Git(GitError::Bare(_))),
        "{error}"
    );
    let error = open_worktree(&lab.top().join(".git"), &[], &GitEnv::default())
        .err()
        .unwrap();
    assert!(
        matches!(error, SourceError::Git(GitError::Bare(_))),
        "{error}"
    );
}

#[test]
fn the_environment_names_the_repository() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.commit("one");
    let elsewhere = lab.dir.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("b.yaml"), "b\n").unwrap();
    let names = |opened: Opened| -> Vec<String> {
        opened
            .view
            .entries()
            .iter()
            .map(|e| e.path.to_string())
            .collect()
    };
    let git_dir = Some(lab.top().join(".git"));
    let env = GitEnv {
        git_dir: git_dir.clone(),
        work_tree: Some(elsewhere.clone()),
        ..GitEnv::default()
    };
    assert_eq!(
        names(open_worktree(lab.dir.path(), &[], &env).unwrap()),
        ["b.yaml"]
    );
    let env = GitEnv {
        git_dir,
        ..GitEnv::default()
    };
    let opened = open_worktree(&elsewhere, &[], &env).unwrap();
    assert_eq!(opened.base.as_ref().unwrap().removed(), [path("a.yaml")]);
    assert_eq!(names(opened), ["b.yaml"]);
    let env = GitEnv {
        git_dir: Some(".git".into()),
        work_tree: Some(".".into()),
        ..GitEnv::default()
    };
    assert_eq!(
        names(open_worktree(&lab.top(), &[], &env).unwrap()),
        ["a.yaml"]
    );
    lab.write("c.yaml", "c\n");
    std::fs::copy(
        lab.top().join(".git/index"),
        lab.top().join(".git/next-index"),
    )
    .unwrap();
    lab.git(&["add", "c.yaml"]);
    let env = GitEnv {
        index_file: Some(".git/next-index".into()),
        ..GitEnv::default()
    };
    assert!(!entry(&open_worktree(&lab.top(), &[], &env).unwrap(), "c.yaml").tracked);
    let env = GitEnv {
        ceiling_directories: vec![lab.top().canonicalize().unwrap()],
        ..GitEnv::default()
    };
    std::fs::create_dir(lab.top().join("sub")).unwrap();
    assert!(
        open_worktree(&lab.top().join("sub"), &[], &env)
            .unwrap()
            .repository
            .is_none()
    );
}

#[test]
fn odd_names_are_names() {
    let lab = Lab::new();
    let names: [&[u8]; 8] = [
        b"new\nline.yaml",
        b"\xff\xfe.yaml",
        b"dir\xe9/a.yaml",
        b"quote\"'.yaml",
        b"-dash",
        b" space ",
        b"tab\t",
        b"*glob?[x]",
    ];
    for (at, name) in names.iter().enumerate() {
        lab.write_bytes(name, b"x\n");
        if at % 2 == 0 {
            lab.command(&lab.top())
                .arg("add")
                .arg("--")
                .arg(OsStr::from_bytes(&[b":(literal)", *name].concat()))
                .output()
                .unwrap();
        }
    }
    lab.write_bytes(b"ign\xf8re/x", b"x\n");
    lab.write_bytes(b".gitignore", b"ign\xf8re\nline\n");
    let opened = lab.agree();
    for name in names {
        assert_eq!(opened.view.read(&RepoPath::new(name)), Ok(b"x\n".to_vec()));
    }
}

#[test]
fn nothing_of_a_hostile_repository_is_executed() {
    let lab = Lab::new();
    lab.write(
        ".gitattributes",
        "* filter=evil diff=evil merge=evil text=auto\n",
    );
    lab.write("a.yaml", "a\n");
    lab.write("b.yaml", "b\n");
    lab.commit("one");
    lab.write("a.yaml", "c\n");
    let proof = lab.dir.path().join("executed");
    let evil = format!("touch {} #", proof.display());
    let script = lab.dir.path().join("evil.sh");
    std::fs::write(&script, format!("#!/bin/sh\ntouch {}\n", proof.display())).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let hooks = lab.dir.path().join("hooks");
    std::fs::create_dir(&hooks).unwrap();
    for hook in [
        "post-index-change",
        "fsmonitor-watchman",
        "pre-commit",
        "reference-transaction",
    ] {
        std::fs::copy(&script, hooks.join(hook)).unwrap();
    }
    let mut config = String::new();
    config += &format!(
        "[core]\n\thooksPath = {}\n\tfsmonitor = {}\n",
        hooks.display(),
        script.display()
    );
    config += &format!(
        "\tsshCommand = {evil}\n\tpager = {evil}\n\teditor = {evil}\n\taskPass = {evil}\n\tgitProxy = {evil}\n"
    );
    for kind in ["clean", "smudge", "process"] {
        config += &format!("[filter \"evil\"]\n\t{kind} = \"{evil}\"\n\trequired = true\n");
    }
    config += &format!(
        "[diff \"evil\"]\n\ttextconv = \"{evil}\"\n\tcommand = \"{evil}\"\n[diff]\n\texternal = \"{evil}\"\n"
    );
    config += &format!(
        "[credential]\n\thelper = \"!{evil}\"\n[alias]\n\tls-files = \"!{evil}\"\n[uploadpack]\n\tpackObjectsHook = \"{evil}\"\n"
    );
    config += &format!(
        "[gpg]\n\tprogram = {}\n[extensions]\n\tpartialClone = origin\n[remote \"origin\"]\n\tpromisor = true\n\turl = \"ext::{}\"\n",
        script.display(),
        script.display()
    );
    let file = lab.top().join(".git/config");
    let plain = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, plain + &config).unwrap();
    let opened = lab.open();
    for entry in opened.view.entries() {
        opened.view.read(&entry.path).unwrap();
        opened.base.as_ref().unwrap().read(&entry.path).unwrap();
    }
    assert_eq!(base_text(&opened, "a.yaml").as_deref(), Some("a\n"));
    assert!(!proof.exists());
}

#[test]
fn a_found_repository_cannot_send_the_scan_elsewhere() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.commit("one");
    lab.git(&["config", "core.worktree", lab.dir.path().to_str().unwrap()]);
    let error = open_worktree(&lab.top(), &[], &GitEnv::default())
        .err()
        .unwrap();
    assert!(
        matches!(error, SourceError::Git(GitError::ForeignWorktree { .. })),
        "{error}"
    );
}

#[test]
fn pipes_are_no_files() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.write("tracked", "t\n");
    lab.commit("one");
    std::fs::remove_file(lab.top().join("tracked")).unwrap();
    for name in [
        "tracked",
        "pipe.yaml",
        ".gitignore",
        "sub/.gitignore",
        ".git/info/exclude",
    ] {
        let at = lab.top().join(name);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        let _ = std::fs::remove_file(&at);
        assert!(Command::new("mkfifo").arg(&at).status().unwrap().success());
    }
    lab.write("sub/x.yaml", "x\n");
    let opened = lab.open();
    let names: Vec<String> = opened
        .view
        .entries()
        .iter()
        .map(|e| e.path.to_string())
        .collect();
    assert_eq!(names, ["a.yaml", "sub/x.yaml"]);
    assert_eq!(
        opened.view.read(&path("pipe.yaml")),
        Err(ReadError::Missing)
    );
}

#[test]
fn the_base_state_follows_the_file() {
    let lab = Lab::new();
    for name in [
        "clean",
        "modified",
        "same-size",
        "touched",
        "staged",
        "staged-and-back",
        "removed",
        "untracked-now",
        "mode",
        "typed",
    ] {
        lab.write(name, "one\n");
    }
    lab.commit("one");
    settle(&lab);
    lab.write("modified", "longer than one\n");
    lab.write("same-size", "two\n");
    lab.write("touched", "one\n");
    lab.write("staged", "two\n");
    lab.git(&["add", "staged"]);
    lab.write("staged-and-back", "two\n");
    lab.git(&["add", "staged-and-back"]);
    lab.write("staged-and-back", "one\n");
    std::fs::remove_file(lab.top().join("removed")).unwrap();
    lab.git(&["rm", "-q", "--cached", "untracked-now"]);
    lab.git(&["update-index", "--chmod=+x", "mode"]);
    std::fs::remove_file(lab.top().join("typed")).unwrap();
    symlink("one", lab.top().join("typed"));
    lab.write("added", "one\n");
    lab.git(&["add", "added"]);
    lab.write("new", "one\n");
    let opened = lab.agree();
    for (name, expected) in [
        ("clean", BaseState::Same),
        ("modified", BaseState::Maybe),
        ("same-size", BaseState::Maybe),
        ("touched", BaseState::Maybe),
        ("staged", BaseState::Maybe),
        ("staged-and-back", BaseState::Maybe),
        ("untracked-now", BaseState::Maybe),
        ("mode", BaseState::Maybe),
        ("typed", BaseState::Maybe),
        ("added", BaseState::Absent),
        ("new", BaseState::Absent),
    ] {
        assert_eq!(entry(&opened, name).base, expected, "{name}");
    }
    assert_eq!(opened.base.as_ref().unwrap().removed(), [path("removed")]);
    assert_eq!(base_text(&opened, "same-size").as_deref(), Some("one\n"));
    assert_eq!(base_text(&opened, "removed").as_deref(), Some("one\n"));
    assert_eq!(base_text(&opened, "added"), None);
}

#[test]
fn a_file_changed_right_after_it_was_added_is_never_called_same() {
    let lab = Lab::new();
    lab.write("a.yaml", "v: 0\n");
    lab.commit("one");
    for round in 1..40 {
        lab.write("a.yaml", &format!("v: {}\n", round % 10));
        lab.git(&["commit", "-q", "-a", "--allow-empty", "-m", "x"]);
        lab.write("a.yaml", &format!("v: {}\n", (round + 1) % 10));
        let opened = lab.open();
        assert_eq!(entry(&opened, "a.yaml").base, BaseState::Maybe);
    }
}

#[test]
fn reading_respects_limits_and_streams() {
    let lab = Lab::new();
    lab.write("big", &"x".repeat(1000));
    symlink(&"t".repeat(50), lab.top().join("link"));
    let opened = lab.open();
    assert_eq!(
        opened.view.read_limited(&path("big"), 999),
        Err(ReadError::TooLarge(1000))
    );
    assert_eq!(
        opened
            .view
            .read_limited(&path("big"), 1000)
            .map(|b| b.len()),
        Ok(1000)
    );
    assert_eq!(
        opened.view.read_limited(&path("link"), 10),
        Err(ReadError::TooLarge(50))
    );
    let mut streamed = String::new();
    opened
        .view
        .open_stream(&path("big"))
        .unwrap()
        .read_to_string(&mut streamed)
        .unwrap();
    assert_eq!(streamed.len(), 1000);
    std::fs::remove_file(lab.top().join("big")).unwrap();
    assert_eq!(opened.view.read(&path("big")), Err(ReadError::Missing));
}

#[test]
fn standard_input_stands_in_front_of_the_disk() {
    let lab = Lab::new();
    lab.write(".sops.yaml", "rules\n");
    lab.write("apps/a.yaml", "disk\n");
    lab.commit("one");
    let env = GitEnv::default();
    let given = |path: &str, at: &str| {
        open_stdin(
            Path::new(path),
            b"given\n".to_vec(),
            &lab.top().join(at),
            &env,
        )
    };
    let opened = given("a.yaml", "apps").unwrap();
    assert_order(&opened);
    assert_eq!(text(&opened, "apps/a.yaml"), "given\n");
    assert_eq!(text(&opened, ".sops.yaml"), "rules\n");
    assert_eq!(base_text(&opened, "apps/a.yaml").as_deref(), Some("disk\n"));
    let judged = entry(&opened, "apps/a.yaml");
    assert!(
        judged.selected
            && judged.tracked
            && judged.size == Some(6)
            && judged.base == BaseState::Maybe
    );
    assert_eq!(
        opened.view.entries().iter().filter(|e| e.selected).count(),
        1
    );
    let opened = given("../new/dir/b.yaml", "apps").unwrap();
    assert_order(&opened);
    assert_eq!(text(&opened, "new/dir/b.yaml"), "given\n");
    assert_eq!(text(&opened, "apps/a.yaml"), "disk\n");
    assert_eq!(entry(&opened, "new/dir/b.yaml").base, BaseState::Absent);
    assert!(matches!(
        given("../../x.yaml", "apps"),
        Err(SourceError::Outside { .. })
    ));
    let ground = Lab::bare_ground();
    let opened = open_stdin(
        Path::new("x/y.yaml"),
        b"given\n".to_vec(),
        ground.dir.path(),
        &env,
    )
    .unwrap();
    assert_eq!(text(&opened, "x/y.yaml"), "given\n");
    assert!(opened.base.is_none() && opened.repository.is_none());
    assert_eq!(entry(&opened, "x/y.yaml").base, BaseState::NoBase);
}

#[test]
fn a_plain_directory_is_walked() {
    let ground = Lab::bare_ground();
    let at = ground.top();
    ground.write(".gitignore", "*.tmp\nout/\n");
    ground.write("a.yaml", "a\n");
    ground.write("x.tmp", "t\n");
    ground.write("out/b.yaml", "b\n");
    ground.write("sub/c.yaml", "c\n");
    ground.write("sub/.sops.yaml", "s\n");
    ground.write("sub/deep/d.yaml", "d\n");
    ground.write("sub/.git/config", "x\n");
    let env = GitEnv {
        ceiling_directories: vec![ground.dir.path().canonicalize().unwrap()],
        ..GitEnv::default()
    };
    let names = |opened: &Opened, selected: bool| -> Vec<String> {
        opened
            .view
            .entries()
            .iter()
            .filter(|e| !selected || e.selected)
            .map(|e| e.path.to_string())
            .collect()
    };
    let opened = open_worktree(&at, &[], &env).unwrap();
    assert_eq!(
        names(&opened, true),
        [
            ".gitignore",
            "a.yaml",
            "sub/.sops.yaml",
            "sub/c.yaml",
            "sub/deep/d.yaml"
        ]
    );
    assert!(opened.base.is_none() && opened.repository.is_none());
    assert!(
        opened
            .view
            .entries()
            .iter()
            .all(|e| e.base == BaseState::NoBase && !e.tracked)
    );
    let opened = open_worktree(&at, &["sub/deep/d.yaml".into(), "x.tmp".into()], &env).unwrap();
    assert_eq!(names(&opened, true), ["sub/deep/d.yaml", "x.tmp"]);
    assert!(names(&opened, false).contains(&"sub/.sops.yaml".to_owned()));
    let opened = open_worktree(&at.join("out"), &["../sub".into()], &env).unwrap();
    assert_eq!(
        names(&opened, true),
        [".sops.yaml", "c.yaml", "deep/d.yaml"]
    );
    assert!(matches!(
        open_worktree(&at, &["nope".into()], &env),
        Err(SourceError::NoSuchPath(_))
    ));
}

#[test]
fn damaged_objects_are_told_and_the_rest_stands() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.write("b.yaml", "b\n");
    lab.write("dir/c.yaml", "c\n");
    lab.commit("one");
    let object = |revision: &str| -> PathBuf {
        let id = String::from_utf8(lab.git(&["rev-parse", revision])).unwrap();
        lab.top()
            .join(".git/objects")
            .join(&id[..2])
            .join(id[2..].trim())
    };
    let (blob, tree, commit) = (object("HEAD:a.yaml"), object("HEAD:dir"), object("HEAD"));
    let set = |at: &Path, bytes: Option<&[u8]>| {
        std::fs::remove_file(at).unwrap();
        if let Some(bytes) = bytes {
            std::fs::write(at, bytes).unwrap();
        }
    };
    set(&blob, Some(b"rubbish"));
    let opened = lab.agree();
    let base = opened.base.unwrap();
    assert_eq!(base.read(&path("a.yaml")), Err(ReadError::Object));
    assert_eq!(base.read(&path("b.yaml")), Ok(Some(b"b\n".to_vec())));
    set(&tree, None);
    lab.git(&["update-index", "--force-remove", "dir/c.yaml"]);
    let opened = lab.agree();
    assert_eq!(entry(&opened, "dir/c.yaml").base, BaseState::Maybe);
    let base = opened.base.unwrap();
    assert_eq!(base.read(&path("dir/c.yaml")), Err(ReadError::Object));
    assert_eq!(base.read(&path("b.yaml")), Ok(Some(b"b\n".to_vec())));
    set(&commit, None);
    let opened = lab.agree();
    assert!(opened.repository.unwrap().head.is_some());
    assert_eq!(
        opened.base.unwrap().read(&path("b.yaml")),
        Err(ReadError::Object)
    );
    lab.write(".git/refs/heads/main", "rubbish\n");
    let opened = lab.open();
    assert_eq!(
        opened.base.unwrap().read(&path("b.yaml")),
        Err(ReadError::Object)
    );
    assert_eq!(opened.view.entries().len(), 3);
    std::fs::remove_file(lab.top().join(".git/index")).unwrap();
    assert!(lab.open().view.entries().iter().all(|e| !e.tracked));
    assert!(
        Command::new("mkfifo")
            .arg(lab.top().join(".git/index"))
            .status()
            .unwrap()
            .success()
    );
    let error = lab.open_paths(&lab.top(), &[]).err().unwrap();
    assert!(
        matches!(error, SourceError::Git(GitError::Index { .. })),
        "{error}"
    );
}

#[test]
fn a_damaged_index_is_an_error_and_never_a_panic() {
    let lab = Lab::new();
    for file in 0..20 {
        lab.write(&format!("dir{}/file{file}.yaml", file % 3), "x\n");
    }
    lab.commit("one");
    let at = lab.top().join(".git/index");
    let whole = std::fs::read(&at).unwrap();
    for cut in (0..whole.len()).step_by(7) {
        std::fs::write(&at, &whole[..cut]).unwrap();
        let _ = open_worktree(&lab.top(), &[], &GitEnv::default());
    }
    for (flip, bit) in (0..whole.len()).flat_map(|at| [(at, 0x01), (at, 0x80), (at, 0xff)]) {
        let mut bytes = whole.clone();
        bytes[flip] ^= bit;
        std::fs::write(&at, &bytes).unwrap();
        let _ = open_worktree(&lab.top(), &[], &GitEnv::default());
    }
    std::fs::write(&at, b"rubbish").unwrap();
    let error = open_worktree(&lab.top(), &[], &GitEnv::default())
        .err()
        .unwrap();
    assert!(
        matches!(error, SourceError::Git(GitError::Index { .. })),
        "{error}"
    );
}

#[test]
fn references_in_another_format_are_named() {
    let lab = Lab::new();
    lab.git(&["config", "core.repositoryFormatVersion", "1"]);
    lab.git(&["config", "extensions.refStorage", "kumquat"]);
    let error = open_worktree(&lab.top(), &[], &GitEnv::default())
        .err()
        .unwrap();
    assert!(error.to_string().contains("kumquat"), "{error}");
}

#[test]
fn a_shallow_clone_says_so() {
    let lab = Lab::new();
    lab.write("a.yaml", "a\n");
    lab.commit("one");
    lab.commit("two");
    let from = format!("file://{}", lab.top().display());
    lab.git_in(
        lab.dir.path(),
        &["clone", "-q", "--depth", "1", &from, "shallow"],
    );
    let opened = lab.agree_in(&lab.dir.path().join("shallow"));
    assert!(opened.repository.unwrap().shallow);
}

#[test]
fn replacement_objects_do_not_hide_what_is_stored() {
    let lab = Lab::new();
    lab.write("a.yaml", "stored\n");
    lab.write("b.yaml", "shown\n");
    lab.commit("one");
    lab.git(&["replace", "HEAD:a.yaml", "HEAD:b.yaml"]);
    assert_eq!(
        base_text(&lab.open(), "a.yaml").as_deref(),
        Some("stored\n")
    );
}

#[test]
fn file_and_directory_may_trade_places() {
    let lab = Lab::new();
    lab.write("was-file", "x\n");
    lab.write("was-dir/a", "x\n");
    lab.commit("one");
    std::fs::remove_file(lab.top().join("was-file")).unwrap();
    lab.write("was-file/b", "x\n");
    std::fs::remove_dir_all(lab.top().join("was-dir")).unwrap();
    lab.write("was-dir", "x\n");
    let opened = lab.open();
    let names: Vec<String> = opened
        .view
        .entries()
        .iter()
        .map(|e| e.path.to_string())
        .collect();
    assert_eq!(names, ["was-dir", "was-file/b"]);
    assert_eq!(
        opened.base.unwrap().removed(),
        [path("was-dir/a"), path("was-file")]
    );
}

/// Trees and ignore files at random, from a fixed seed.
#[test]
fn random_trees_and_rules_agree_with_git() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let names = [
        "a", "b", "ab", "a.log", "b.yaml", "x y", "Z", ".dot", "c[d]", "e!",
    ];
    let rules = [
        "a",
        "/a",
        "a/",
        "*.log",
        "!a.log",
        "b*",
        "!b.yaml",
        "**/ab",
        "ab/**",
        "a/*/b",
        "/*/a",
        "?",
        "[a-b]",
        "x\\ y",
        "!/b/",
        "# no rule",
        "*",
        "!*/",
        "!.gitignore",
        "c\\[d\\]",
        "[!a]",
        "**",
        "a/**/b",
        "\\!e",
        ".dot/",
        "[[:upper:]]",
        "x y ",
        "*/b",
    ];
    for _ in 0..60 {
        let lab = Lab::new();
        let mut files = BTreeSet::new();
        for _ in 0..40 {
            let depth = 1 + next(4);
            let parts: Vec<&str> = (0..depth).map(|_| names[next(names.len())]).collect();
            let full = lab.top().join(parts.join("/"));
            if std::fs::create_dir_all(full.parent().unwrap()).is_ok()
                && std::fs::write(&full, "x\n").is_ok()
            {
                files.insert(parts.join("/"));
            }
        }
        let files: Vec<String> = files.into_iter().collect();
        let mut add = vec!["add", "-f", "--"];
        add.extend(files.iter().filter(|_| next(4) == 0).map(String::as_str));
        lab.git(&["config", "core.autocrlf", "false"]);
        if add.len() > 3 {
            lab.command(&lab.top())
                .env("GIT_LITERAL_PATHSPECS", "1")
                .args(&add)
                .output()
                .unwrap();
        }
        for _ in 0..1 + next(4) {
            let file = &files[next(files.len())];
            let dir = file.rsplit_once('/').map_or("", |(dir, _)| dir);
            let text: String = (0..1 + next(5))
                .map(|_| format!("{}\n", rules[next(rules.len())]))
                .collect();
            let at = if next(3) == 0 {
                ".gitignore".to_owned()
            } else {
                format!("{dir}/.gitignore")
            };
            lab.write(at.trim_start_matches('/'), &text);
        }
        lab.agree();
    }
}

//! `fix --staged`: what is staged is encrypted in the index; on disk only what was the same is replaced; nothing is added.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "fix/site.rs"]
mod site;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use site::{CANARY, Site, script, secret};

const CONFIG: &str = "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n    age: AGE\n";

/// What a file is: absent, the plaintext it began as, another plaintext, or ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Absent,
    First,
    Edited,
    Sealed,
}
use Is::{Absent, Edited, First, Sealed};

fn first() -> String {
    secret(CANARY)
}

fn edited() -> String {
    format!("{}  more: {CANARY}-2\n", first())
}

fn told(text: Option<String>) -> Is {
    match text {
        None => Absent,
        Some(t) if t.replace("\r\n", "\n") == first() => First,
        Some(t) if t == edited() => Edited,
        Some(t) if t.contains("ENC[AES256_GCM") && !t.contains(CANARY) => Sealed,
        Some(t) => panic!("neither: {t}"),
    }
}

fn on_disk(site: &Site, path: &str) -> Is {
    let bytes = std::fs::read(site.lab.top().join(path)).ok();
    told(bytes.map(|b| String::from_utf8(b).unwrap()))
}

/// Modes and stages of the index, and whether the object is plain.
fn index(site: &Site) -> BTreeMap<String, (String, Is)> {
    let list = String::from_utf8(site.lab.git(&["ls-files", "-s"])).unwrap();
    let entries = list.lines().filter_map(|line| {
        let (head, path) = line.split_once('\t')?;
        let mut words = head.split(' ');
        let (mode, id, stage) = (words.next()?, words.next()?, words.next()?);
        if path == ".sops.yaml" || !path.ends_with(".yaml") {
            return None;
        }
        let blob = String::from_utf8(site.lab.git(&["cat-file", "blob", id])).unwrap();
        let is = if blob.is_empty() {
            Absent
        } else {
            told(Some(blob))
        };
        Some((path.to_owned(), (format!("{mode} {stage}"), is)))
    });
    entries.collect()
}

fn entry(mode: &str, is: Is) -> (String, Is) {
    (mode.to_owned(), is)
}

/// One situation: how it comes about, exit code, what the index and the disk hold afterwards.
struct Row {
    name: &'static str,
    make: fn(&Site),
    args: &'static [&'static str],
    code: i32,
    index: &'static [(&'static str, &'static str, Is)],
    disk: &'static [(&'static str, Is)],
    says: &'static str,
}

const A: &str = "secrets/a.yaml";

fn add(site: &Site, path: &str) {
    site.lab.write(path, &first());
    site.lab.git(&["add", path]);
}

const TABLE: &[Row] = &[
    Row {
        name: "staged, and the same on disk",
        make: |s| add(s, A),
        args: &[],
        code: 0,
        index: &[(A, "100644 0", Sealed)],
        disk: &[(A, Sealed)],
        says: "(index and disk)",
    },
    Row {
        name: "edited after it was staged",
        make: |s| {
            add(s, A);
            s.lab.write(A, &edited());
        },
        args: &[],
        code: 0,
        index: &[(A, "100644 0", Sealed)],
        disk: &[(A, Edited)],
        says: "further changes",
    },
    Row {
        name: "gone from disk after it was staged",
        make: |s| {
            add(s, A);
            std::fs::remove_file(s.lab.top().join(A)).unwrap();
        },
        args: &[],
        code: 0,
        index: &[(A, "100644 0", Sealed)],
        disk: &[(A, Absent)],
        says: "no such file on disk",
    },
    Row {
        name: "renamed to where a rule governs",
        make: |s| {
            s.lab.write("old/a.yaml", &first());
            s.lab.write(".sopsguard-none", "");
            s.lab.commit("plain elsewhere");
            std::fs::create_dir_all(s.lab.top().join("secrets")).unwrap();
            s.lab.git(&["mv", "old/a.yaml", A]);
        },
        args: &[],
        code: 0,
        index: &[(A, "100644 0", Sealed)],
        disk: &[(A, Sealed), ("old/a.yaml", Absent)],
        says: "mended  secrets/a.yaml",
    },
    Row {
        name: "executable",
        make: |s| {
            s.lab.write(A, &first());
            let path = s.lab.top().join(A);
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
            s.lab.git(&["add", A]);
        },
        args: &[],
        code: 0,
        index: &[(A, "100755 0", Sealed)],
        disk: &[(A, Sealed)],
        says: "(index and disk)",
    },
    Row {
        name: "intended to be added only",
        make: |s| {
            s.lab.write(A, &first());
            s.lab.git(&["add", "-N", A]);
        },
        args: &[],
        code: 0,
        index: &[(A, "100644 0", Absent)],
        disk: &[(A, First)],
        says: "nothing to mend",
    },
    Row {
        name: "in conflict",
        make: |s| {
            add(s, A);
            let id = String::from_utf8(s.lab.git(&["rev-parse", &format!(":{A}")])).unwrap();
            let id = id.trim();
            s.lab.git(&["rm", "-q", "--cached", A]);
            let info = format!("100644 {id} 2\t{A}\n100644 {id} 3\t{A}\n");
            let file = s.lab.dir.path().join("info");
            std::fs::write(&file, info).unwrap();
            let mut command = s.lab.command(&s.lab.top());
            command.args(["update-index", "--index-info"]);
            command.stdin(std::fs::File::open(file).unwrap());
            assert!(command.status().unwrap().success());
        },
        args: &[],
        code: 1,
        index: &[(A, "100644 3", First)],
        disk: &[(A, First)],
        says: "it is in conflict",
    },
    Row {
        name: "others untracked and unstaged",
        make: |s| {
            add(s, A);
            s.lab.write("secrets/untracked.yaml", &first());
        },
        args: &[],
        code: 0,
        index: &[(A, "100644 0", Sealed)],
        disk: &[(A, Sealed), ("secrets/untracked.yaml", First)],
        says: "1 mended, 0 left",
    },
    Row {
        name: "only what is named",
        make: |s| {
            add(s, A);
            add(s, "secrets/b.yaml");
        },
        args: &[A],
        code: 0,
        index: &[
            (A, "100644 0", Sealed),
            ("secrets/b.yaml", "100644 0", First),
        ],
        disk: &[(A, Sealed), ("secrets/b.yaml", First)],
        says: "1 mended, 0 left",
    },
    Row {
        name: "with line ends of Windows on disk",
        make: |s| {
            s.lab.git(&["config", "core.autocrlf", "true"]);
            s.lab.write(A, &first().replace('\n', "\r\n"));
            s.lab.git(&["add", A]);
        },
        args: &[],
        code: 0,
        index: &[(A, "100644 0", Sealed)],
        disk: &[(A, Sealed)],
        says: "(index and disk)",
    },
    Row {
        name: "encrypted on disk, and never added",
        make: |s| {
            add(s, A);
            assert_eq!(s.fix(&[]).0, 0);
        },
        args: &[],
        code: 0,
        index: &[(A, "100644 0", Sealed)],
        disk: &[(A, Sealed)],
        says: "is encrypted already",
    },
    Row {
        name: "in a split index",
        make: |s| {
            s.lab.git(&["update-index", "--split-index"]);
            add(s, A);
        },
        args: &[],
        code: 0,
        index: &[(A, "100644 0", Sealed)],
        disk: &[(A, Sealed)],
        says: "(index and disk)",
    },
];

#[test]
fn situations() {
    for row in TABLE {
        let Some(site) = Site::new(CONFIG) else {
            return;
        };
        (row.make)(&site);
        let dry = index(&site);
        let (_, plan) = site.fix(&[&["--staged", "--dry-run"], row.args].concat());
        assert_eq!(index(&site), dry, "{}: a dry run changes nothing", row.name);
        let (code, text) = site.fix(&[&["--staged"], row.args].concat());
        assert_eq!(code, row.code, "{}: {plan}{text}", row.name);
        assert!(text.contains(row.says), "{}: {text}", row.name);
        let want: BTreeMap<String, (String, Is)> = (row.index.iter())
            .map(|(path, mode, is)| ((*path).to_owned(), entry(mode, *is)))
            .collect();
        assert_eq!(index(&site), want, "{}", row.name);
        for (path, is) in row.disk {
            assert_eq!(on_disk(&site, path), *is, "{}: {path}", row.name);
        }
        // Once is enough.
        let (_, again) = site.fix(&[&["--staged"], row.args].concat());
        assert!(!again.contains("mended  "), "{}: {again}", row.name);
    }
}

fn hook(site: &Site) {
    let path = site.lab.top().join(".git/hooks/pre-commit");
    let body = format!(
        "#!/bin/sh\nexec '{}' fix --staged\n",
        env!("CARGO_BIN_EXE_sopsguard")
    );
    script(&path, &body);
}

fn commit(site: &Site, args: &[&str]) -> String {
    let mut command = site.lab.command(&site.lab.top());
    command
        .env("SOPSGUARD_SOPS", &site.sops)
        .args(["commit", "-q", "-m", "x"])
        .args(args);
    let out = command.output().unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    assert!(out.status.success(), "{text}");
    text
}

/// Git makes some commits from an index of their own, and says which.
#[test]
fn as_a_hook_of_commits_of_every_kind() {
    for (args, tells) in [(&["-a"][..], false), (&[A][..], true), (&[][..], false)] {
        let Some(site) = Site::new(CONFIG) else {
            return;
        };
        hook(&site);
        site.lab.write(A, "a: b\n");
        site.lab.git(&["add", A]);
        site.lab
            .git(&["commit", "-q", "--no-verify", "-m", "plain"]);
        site.lab.write(A, &first());
        if args.is_empty() {
            site.lab.git(&["add", A]);
        }
        let text = commit(&site, args);
        let head = site.lab.git(&["show", &format!("HEAD:{A}")]);
        assert_eq!(
            told(Some(String::from_utf8(head).unwrap())),
            Sealed,
            "{args:?}"
        );
        assert_eq!(on_disk(&site, A), Sealed, "{args:?}");
        let own = text.contains(&format!("git reset -q -- {A}"));
        assert_eq!(own, tells, "{text}");
        if tells {
            site.lab.git(&["reset", "-q", "--", A]);
        }
        let status = String::from_utf8(site.lab.git(&["status", "--porcelain"])).unwrap();
        assert_eq!(status, "", "{args:?}");
    }
}

/// From a refused commit to a clean one: the report names the command, and it works as it stands.
#[test]
fn from_a_refused_commit_to_a_clean_one() {
    let Some(site) = Site::new(CONFIG) else {
        return;
    };
    add(&site, A);
    let out = site.run(&["scan", "--staged"]);
    assert_eq!(out.status.code(), Some(1));
    let report = String::from_utf8(out.stdout).unwrap();
    let line = report
        .lines()
        .find_map(|l| l.trim().strip_prefix("fix:  "))
        .unwrap();
    assert_eq!(line, format!("sopsguard fix --staged {A}"));
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_sopsguard"))
        .parent()
        .unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut git = site.command(&[]);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", &format!("{line} && git commit -q -m x")])
        .current_dir(site.lab.top());
    for (name, value) in git.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    let out = shell.env("PATH", path).output().unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let head = site.lab.git(&["show", &format!("HEAD:{A}")]);
    assert_eq!(told(Some(String::from_utf8(head).unwrap())), Sealed);
    let _ = git.arg("checks");
    site.assert_clean(&["--history"]);
}

/// A worktree of its own, below a directory, with another index.
#[test]
fn from_another_worktree_and_from_below() {
    let Some(site) = Site::new(CONFIG) else {
        return;
    };
    let other = site.lab.dir.path().join("other");
    site.lab
        .git(&["worktree", "add", "-q", "-b", "b", other.to_str().unwrap()]);
    std::fs::create_dir_all(other.join("secrets/deep")).unwrap();
    std::fs::write(other.join(A), first()).unwrap();
    site.lab.git_in(&other, &["add", "-A"]);
    let below = other.join("secrets/deep");
    let out = site.run(&["fix", "--staged", "-C", below.to_str().unwrap()]);
    assert_eq!(
        out.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&out.stdout)
    );
    let staged = site.lab.git_in(&other, &["show", &format!(":{A}")]);
    assert_eq!(told(Some(String::from_utf8(staged).unwrap())), Sealed);
}

/// Hooks, watchers and filters that a repository's own configuration names are not run.
#[test]
fn nothing_that_the_repository_names_is_run() {
    let Some(site) = Site::new(CONFIG) else {
        return;
    };
    add(&site, A);
    let mark = site.lab.dir.path().join("mark");
    let program = script(
        &site.lab.dir.path().join("bin/evil"),
        &format!("#!/bin/sh\ntouch '{}'\ncat\n", mark.display()),
    );
    let program = program.display().to_string();
    site.lab.write(".gitattributes", "* filter=evil\n");
    for (name, value) in [
        ("core.fsmonitor", program.as_str()),
        ("filter.evil.clean", &program),
        ("filter.evil.smudge", &program),
        ("core.hooksPath", ".evil"),
    ] {
        site.lab.git(&["config", name, value]);
    }
    script(
        &site.lab.top().join(".evil/post-index-change"),
        &format!("#!/bin/sh\n'{program}'\n"),
    );
    let (code, text) = site.fix(&["--staged"]);
    assert_eq!(code, 0, "{text}");
    assert!(!mark.exists(), "a program of the repository was run");
}

/// Files that are encrypted already, in the index.
#[test]
fn what_is_encrypted_in_part_or_to_others() {
    let Some(site) = Site::new(CONFIG) else {
        return;
    };
    add(&site, A);
    add(&site, "secrets/b.yaml");
    assert_eq!(site.fix(&["--staged"]).0, 0);
    let other = site::age(9).1;
    let both = CONFIG.replace("AGE", &format!("{},{other}", site.recipient));
    site.lab.write(".sops.yaml", &both);
    site.lab.commit("another");
    let part = site.read("secrets/b.yaml");
    let part = part.replace(
        "stringData:\n",
        &format!("stringData:\n    added: {CANARY}\n"),
    );
    site.lab.write("secrets/b.yaml", &part);
    site.lab.write(A, &format!("{}# touched\n", site.read(A)));
    site.lab.git(&["add", "-A"]);
    site.lab.write("secrets/c.yaml", "x: unstaged\n");
    let (code, text) = site.fix(&["--staged", "--update-keys", "--reencrypt", "--yes"]);
    assert_eq!(code, 0, "{text}");
    for path in [A, "secrets/b.yaml"] {
        let now = site.staged(path);
        assert!(
            now.contains(&other) && !now.contains(CANARY),
            "{path}: {now}"
        );
        assert_eq!(site.read(path), now);
    }
    site.assert_clean(&["--staged"]);
}

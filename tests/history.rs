//! `scan --history` and `scan --range` on repositories whose leaks are known: who brought them, who took them away, which
//! refs still reach them. The same history as loose objects, packed, split over alternates, bare, and in both hashes.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "source/lab.rs"]
mod lab;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use lab::Lab;
use serde_json::Value;

const RECIPIENT: &str = "age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r";
/// An envelope of the real sops, and what was in it.
const SEALED: &str = include_str!("cases/decrypted-copy/yaml-dec/repo/app.sops.yaml");
const OPEN: &str = include_str!("cases/decrypted-copy/yaml-dec/repo/app.yaml.dec");
const RULE: &str = "creation_rules:\n  - path_regex: sealed/.*\\.sops\\.yaml$\n    age: age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r\n";
const KEYS: &str = include_str!("cases/private-key/lenient-opens-live-file/repo/tests/keys.txt");
const OPENED: &str = include_str!("cases/private-key/lenient-opens-live-file/repo/app.yaml");

fn secret(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: k\nstringData:\n  password: {value}\n"
    )
}

/// A repository whose commits have times of their own.
struct Past {
    lab: Lab,
    clock: u64,
}

impl Past {
    fn new(init: &[&str]) -> Self {
        Self {
            lab: Lab::with(init),
            clock: 1_600_000_000,
        }
    }

    fn git(&self, args: &[&str]) -> String {
        let text = String::from_utf8(self.lab.git(args)).unwrap();
        text.trim_end().to_owned()
    }

    /// Runs git with something to read.
    fn feed(&self, args: &[&str], input: &[u8]) {
        let mut command = self.lab.command(&self.lab.top());
        let piped = command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut child = piped.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        assert!(child.wait().unwrap().success(), "git {args:?}");
    }

    /// Writes files (`None` deletes) and commits them; the id.
    fn commit(&mut self, files: &[(&str, Option<&str>)]) -> String {
        self.commit_with("a change", files)
    }

    fn commit_with(&mut self, message: &str, files: &[(&str, Option<&str>)]) -> String {
        for (path, text) in files {
            match text {
                Some(text) => self.lab.write(path, text),
                None => std::fs::remove_file(self.lab.top().join(path)).unwrap(),
            }
        }
        self.clock += 3600;
        let date = format!("@{} +0000", self.clock);
        self.lab.git(&["add", "-A"]);
        let mut command = self.lab.command(&self.lab.top());
        command
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date);
        let out = command
            .args(["commit", "-q", "--allow-empty", "-m", message])
            .output();
        assert!(out.unwrap().status.success());
        self.git(&["rev-parse", "HEAD"])
    }

    fn merge(&mut self, args: &[&str]) -> String {
        self.clock += 3600;
        let date = format!("@{} +0000", self.clock);
        let mut command = self.lab.command(&self.lab.top());
        command
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date);
        let args = [&["merge", "-q", "--no-ff", "-m", "merge"], args].concat();
        assert!(command.args(args).output().unwrap().status.success());
        self.git(&["rev-parse", "HEAD"])
    }

    fn blob(&self, commit: &str, path: &str) -> String {
        self.git(&["rev-parse", &format!("{commit}:{path}")])
    }

    fn scan(&self, args: &[&str]) -> Report {
        self.scan_at(&self.lab.top(), args)
    }

    fn scan_at(&self, at: &Path, args: &[&str]) -> Report {
        let at = at.to_str().unwrap();
        let out = self
            .lab
            .scan(&[&["-C", at, "scan", "--format", "json"], args].concat());
        Report::of(&out)
    }

    fn history(&self) -> Report {
        self.scan(&["--history"])
    }
}

struct Report {
    json: Value,
    exit: Option<i32>,
}

impl Report {
    fn of(out: &Output) -> Self {
        let json = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| {
            panic!("no report: {}", String::from_utf8_lossy(&out.stderr));
        });
        Self {
            json,
            exit: out.status.code(),
        }
    }

    fn findings(&self) -> &[Value] {
        self.json["findings"].as_array().unwrap()
    }

    /// `severity check path pointer`, active ones.
    fn told(&self) -> Vec<String> {
        let active = self.findings().iter().filter(|f| f["status"] == "active");
        let told = active.map(|f| {
            let text = |key: &str| f[key].as_str().unwrap_or("").to_owned();
            format!(
                "{} {} {} {}",
                text("severity"),
                text("check"),
                text("path"),
                text("pointer")
            )
            .trim_end()
            .to_owned()
        });
        told.collect()
    }

    fn finding(&self, check: &str, path: &str) -> &Value {
        let same = |f: &&Value| f["check"] == check && f["path"] == path;
        self.findings().iter().find(same).unwrap_or_else(|| {
            panic!("no {check} for {path}: {:?}", self.told());
        })
    }

    /// Path, blob, first and removing commit of every leaked version.
    fn versions(&self) -> BTreeSet<[String; 4]> {
        let text = |v: &Value| v.as_str().unwrap_or("-").to_owned();
        let mut all = BTreeSet::new();
        for f in self.findings().iter().filter(|f| f["severity"] == "error") {
            for v in f["exposure"]["versions"].as_array().into_iter().flatten() {
                let path = text(&f["path"]);
                let commits = [text(&v["first_commit"]), text(&v["removed_commit"])];
                let [first, removed] = commits;
                all.insert([path, text(&v["blob"]), first, removed]);
            }
        }
        all
    }

    fn blind(&self) -> Vec<String> {
        let spots = self.json["blind_spots"].as_array().unwrap().iter();
        spots
            .map(|b| b["reason"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// A history with every kind of leak, and the truth about it.
fn planted(init: &[&str]) -> (Past, BTreeSet<[String; 4]>) {
    let mut past = Past::new(init);
    let mut truth = BTreeSet::new();
    let mut note = |past: &Past, path: &str, first: &str, removed: &str| {
        let blob = past.blob(first, path);
        truth.insert([path.to_owned(), blob, first.to_owned(), removed.to_owned()]);
    };
    past.commit(&[(".sops.yaml", Some(RULE)), ("README.md", Some("# ops\n"))]);
    // Encrypted from the beginning: no leak.
    past.commit(&[("sealed/good.sops.yaml", Some(SEALED))]);
    // New in plaintext, encrypted later.
    let first = past.commit(&[("sealed/new.sops.yaml", Some(OPEN))]);
    past.commit(&[("README.md", Some("# ops 2\n"))]);
    let fixed = past.commit(&[("sealed/new.sops.yaml", Some(SEALED))]);
    note(&past, "sealed/new.sops.yaml", &first, &fixed);
    // Decrypted by an edit, then encrypted again.
    let first = past.commit(&[("sealed/good.sops.yaml", Some(OPEN))]);
    let fixed = past.commit(&[("sealed/good.sops.yaml", Some(SEALED))]);
    note(&past, "sealed/good.sops.yaml", &first, &fixed);
    // Added and deleted; no rule, a Secret by its kind.
    let first = past.commit(&[("apps/a.yaml", Some(&secret("kumquat-8f3kQ-aaa1")))]);
    let fixed = past.commit(&[("apps/a.yaml", None)]);
    note(&past, "apps/a.yaml", &first, &fixed);
    // Two versions of one leak.
    let one = past.commit(&[("apps/b.yaml", Some(&secret("kumquat-8f3kQ-bbb1")))]);
    let two = past.commit(&[("apps/b.yaml", Some(&secret("kumquat-8f3kQ-bbb2")))]);
    let fixed = past.commit(&[("apps/b.yaml", None)]);
    note(&past, "apps/b.yaml", &one, &two);
    note(&past, "apps/b.yaml", &two, &fixed);
    // Only on a branch that was mended before it was merged.
    past.git(&["checkout", "-q", "-b", "side"]);
    let first = past.commit(&[("apps/side.yaml", Some(&secret("kumquat-8f3kQ-ccc1")))]);
    let fixed = past.commit(&[("apps/side.yaml", None)]);
    note(&past, "apps/side.yaml", &first, &fixed);
    past.git(&["checkout", "-q", "main"]);
    past.commit(&[("README.md", Some("# ops 3\n"))]);
    past.merge(&["side"]);
    past.git(&["branch", "-q", "-D", "side"]);
    // Born in a merge.
    past.git(&["checkout", "-q", "-b", "other"]);
    past.commit(&[("other.md", Some("other\n"))]);
    past.git(&["checkout", "-q", "main"]);
    past.commit(&[("main.md", Some("main\n"))]);
    past.git(&["merge", "-q", "--no-commit", "--no-ff", "other"]);
    let born = past.commit(&[("apps/born.yaml", Some(&secret("kumquat-8f3kQ-ddd1")))]);
    assert!(past.git(&["rev-parse", &format!("{born}^2")]).len() >= 40);
    let fixed = past.commit(&[("apps/born.yaml", None)]);
    note(&past, "apps/born.yaml", &born, &fixed);
    // An age identity that no rule matches.
    let first = past.commit(&[("hack/keys.txt", Some(KEYS))]);
    let fixed = past.commit(&[("hack/keys.txt", None)]);
    note(&past, "hack/keys.txt", &first, &fixed);
    // Moved without a change: another path, so another leak to find, still there.
    let first = past.commit(&[("apps/here.yaml", Some(&secret("kumquat-8f3kQ-eee1")))]);
    past.git(&["mv", "apps/here.yaml", "apps/there.yaml"]);
    let moved = past.commit(&[]);
    note(&past, "apps/here.yaml", &first, &moved);
    let blob = past.blob(&moved, "apps/there.yaml");
    truth.insert(["apps/there.yaml".to_owned(), blob, moved, "-".to_owned()]);
    past.commit(&[("README.md", Some("# ops 4\n"))]);
    (past, truth)
}

#[test]
fn every_planted_leak_has_its_commits() {
    for init in [&[][..], &["--object-format=sha256"]] {
        let (past, truth) = planted(init);
        let loose = past.history();
        assert_eq!(loose.versions(), truth, "{:?}", loose.told());
        assert_eq!((loose.exit, loose.blind()), (Some(1), Vec::new()));
        past.git(&["repack", "-adfq", "--depth=50"]);
        let packed = past.history();
        assert_eq!(packed.versions(), truth);
        // The way the objects are stored shows nowhere else either.
        assert_eq!(without_time(&loose), without_time(&packed));
        // Half of them loose again: the pack has what the older commits need.
        let packs = past.lab.top().join(".git/objects/pack");
        let aside = past.lab.dir.path().join("aside");
        std::fs::rename(&packs, &aside).unwrap();
        let is_pack = |f: &PathBuf| f.extension().is_some_and(|e| e == "pack");
        let mut files = std::fs::read_dir(&aside)
            .unwrap()
            .map(|f| f.unwrap().path());
        let pack = std::fs::read(files.find(is_pack).unwrap()).unwrap();
        past.feed(&["unpack-objects", "-q"], &pack);
        let commits = past.git(&["rev-list", "--all"]);
        let older: Vec<&str> = commits.lines().skip(commits.lines().count() / 2).collect();
        std::fs::create_dir_all(&packs).unwrap();
        let name = packs.join("pack");
        let name = name.to_str().unwrap();
        let older = older.join("\n");
        past.feed(&["pack-objects", "-q", "--revs", name], older.as_bytes());
        past.git(&["prune-packed", "-q"]);
        let counts = past.git(&["count-objects", "-v"]);
        let count = |key: &str| -> usize {
            let line = counts.lines().find_map(|l| l.strip_prefix(key));
            line.unwrap().trim_start_matches(": ").parse().unwrap()
        };
        assert!(count("count") > 10 && count("in-pack") > 10, "{counts}");
        assert_eq!(without_time(&past.history()), without_time(&packed));
        let clone = past.lab.dir.path().join("shared");
        let (from, to) = (past.lab.top(), clone.to_str().unwrap().to_owned());
        let from = from.to_str().unwrap();
        past.lab
            .git_in(past.lab.dir.path(), &["clone", "-q", "--shared", from, &to]);
        assert_eq!(past.scan_at(&clone, &["--history"]).versions(), truth);
        let bare = past.lab.dir.path().join("bare.git");
        past.lab.git_in(
            past.lab.dir.path(),
            &["clone", "-q", "--bare", from, bare.to_str().unwrap()],
        );
        assert_eq!(past.scan_at(&bare, &["--history"]).versions(), truth);
        for jobs in ["1", "3"] {
            let again = past.scan(&["--history", "--jobs", jobs]);
            assert_eq!(without_time(&again), without_time(&packed));
        }
    }
}

fn without_time(report: &Report) -> Value {
    let mut json = report.json.clone();
    json["stats"]["elapsed_ms"] = Value::Null;
    json
}

#[test]
fn what_was_encrypted_later_is_one_row_for_each_leaf() {
    let (past, _) = planted(&[]);
    let report = past.history();
    let leaked = report.finding("leaked-value", "sealed/new.sops.yaml");
    assert_eq!(leaked["pointer"], "/db_password");
    assert_eq!(leaked["severity"], "error");
    let exposure = &leaked["exposure"];
    assert_eq!(exposure["encrypted_now"], true);
    assert_eq!(exposure["at_head"], false);
    assert_eq!(exposure["value_changed"], "unknown");
    assert_eq!(exposure["commits"], 2);
    assert_eq!(exposure["author"]["email"], "a@example.org");
    assert_eq!(exposure["first_seen"], "2020-09-13T15:26:40Z");
    // The same value at another path, in the same group.
    let other = report.finding("leaked-value", "sealed/good.sops.yaml");
    assert_eq!(other["exposure"]["value_group"], exposure["value_group"]);
    let apart = report.finding("plaintext-secret", "apps/a.yaml");
    assert_ne!(apart["exposure"]["value_group"], exposure["value_group"]);
    // No other check speaks of the leaf, and hosts and counts give nothing away.
    let of_file = |path: &str| {
        let same = report.findings().iter().filter(|f| f["path"] == path);
        same.map(|f| f["check"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of_file("sealed/new.sops.yaml"), ["leaked-value"]);
}

#[test]
fn one_row_however_many_versions_and_refs() {
    let (past, _) = planted(&[]);
    past.git(&["tag", "v1", "main~2"]);
    let report = past.history();
    let rows = |path: &str| {
        report
            .findings()
            .iter()
            .filter(|f| f["path"] == path)
            .count()
    };
    assert_eq!(rows("apps/b.yaml"), 1);
    let row = report.finding("plaintext-secret", "apps/b.yaml");
    assert_eq!(row["exposure"]["versions"].as_array().unwrap().len(), 2);
    assert_eq!(row["origins_total"], 2);
    let refs: Vec<&str> = row["exposure"]["refs"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(Value::as_str)
        .collect();
    for name in ["HEAD", "refs/heads/main", "refs/tags/v1"] {
        assert!(refs.contains(&name), "{refs:?}");
    }
}

#[test]
fn stash_reflog_and_other_worktrees_are_reached() {
    let mut past = Past::new(&[]);
    past.commit(&[("README.md", Some("# ops\n"))]);
    past.lab
        .write("stashed.yaml", &secret("kumquat-8f3kQ-sss1"));
    past.git(&["add", "-A"]);
    past.git(&["stash", "-q"]);
    past.commit(&[("amended.yaml", Some(&secret("kumquat-8f3kQ-rrr1")))]);
    past.git(&["reset", "-q", "--hard", "HEAD~1"]);
    past.git(&["worktree", "add", "-q", "--detach", "../elsewhere"]);
    let there = past.lab.dir.path().join("elsewhere");
    std::fs::write(there.join("apart.yaml"), secret("kumquat-8f3kQ-www1")).unwrap();
    past.lab.git_in(&there, &["add", "-A"]);
    past.lab.git_in(&there, &["commit", "-q", "-m", "apart"]);
    let report = past.history();
    let kinds: BTreeMap<&str, &str> = report
        .findings()
        .iter()
        .map(|f| {
            (
                f["path"].as_str().unwrap(),
                f["origins"][0]["kind"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("stashed.yaml", "stash"),
            ("amended.yaml", "reflog"),
            ("apart.yaml", "commit")
        ]
        .into()
    );
    // Without the reflog nothing reaches it, and only who asks is told.
    past.git(&["reflog", "expire", "--expire=now", "--all"]);
    past.git(&["update-ref", "-d", "ORIG_HEAD"]);
    assert!(!past.history().told().iter().any(|t| t.contains("amended")));
    let all = past.scan(&["--history", "--unreachable"]);
    let row = all.finding("plaintext-secret", "amended.yaml");
    assert_eq!(row["origins"][0]["kind"], "unreachable");
}

#[test]
fn keys_in_messages_and_what_a_key_opens() {
    let mut past = Past::new(&[]);
    let key = KEYS
        .lines()
        .find(|l| l.starts_with("AGE-SECRET-KEY-1"))
        .unwrap();
    past.commit(&[
        ("app.sops.yaml", Some(OPENED)),
        ("old.sops.yaml", Some(OPENED)),
    ]);
    past.commit(&[("old.sops.yaml", None), ("keys.txt", Some(KEYS))]);
    let said = past.commit_with(&format!("use {key}"), &[("keys.txt", None)]);
    past.git(&["tag", "-a", "v1", "-m", &format!("with {key}")]);
    let tag = past.git(&["rev-parse", "v1"]);
    let report = past.history();
    for path in [
        format!("message of commit {said}"),
        format!("message of tag {tag}"),
    ] {
        let row = report.finding("private-key", &path);
        assert_eq!(row["origins"][0]["kind"], "message");
    }
    let row = report.finding("private-key", "keys.txt");
    let opened: Vec<&str> = row["related"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|r| r["path"].as_str())
        .collect();
    assert_eq!(opened, ["app.sops.yaml", "old.sops.yaml"]);
    assert!(!report.json.to_string().contains(key));
}

#[test]
fn a_recipient_who_left_still_reads_what_stayed() {
    let mut past = Past::new(&[]);
    let (_, entry) = SEALED.split_once("    age:\n").unwrap();
    let (entry, _) = entry.split_once("    lastmodified").unwrap();
    let other = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let second = entry.replace(RECIPIENT, other);
    let two = SEALED.replace("    lastmodified", &format!("{second}    lastmodified"));
    assert_ne!(two, SEALED);
    past.commit(&[("a.sops.yaml", Some(&two)), ("b.sops.yaml", Some(SEALED))]);
    past.commit(&[("a.sops.yaml", Some(SEALED))]);
    let report = past.history();
    assert_eq!(report.told(), ["warning stale-recipient a.sops.yaml"]);
    // New ciphertexts throughout: nothing to tell.
    past.commit(&[("a.sops.yaml", Some(OPENED))]);
    assert!(past.history().told().is_empty());
}

#[test]
fn rules_of_then_and_of_today() {
    let mut past = Past::new(&[]);
    let rule =
        "creation_rules:\n  - path_regex: credentials/\n    age: ".to_owned() + RECIPIENT + "\n";
    past.commit(&[
        (".sops.yaml", Some(&rule)),
        ("credentials/then.yaml", Some("token: kumquat-8f3kQ-2\n")),
    ]);
    past.commit(&[("credentials/then.yaml", None), (".sops.yaml", None)]);
    // The repository left SOPS; at that time the rule stood.
    let report = past.history();
    assert_eq!(
        report.told(),
        ["error unencrypted-file credentials/then.yaml"]
    );
    assert_eq!(report.findings()[0]["governed_by"][0]["at"], "own");
    // A rule of today speaks of what was there before it.
    past.commit(&[("kumquat/old.yaml", Some("token: kumquat-8f3kQ-3\n"))]);
    past.commit(&[("kumquat/old.yaml", None)]);
    assert_eq!(past.history().told().len(), 1);
    let today = rule.replace("credentials/", "kumquat/.*\\.yaml$|secrets/kumquat/");
    let today = today.replace("kumquat/.*\\.yaml$|secrets/kumquat/", "kumquat/old\\.yaml$");
    past.commit(&[(".sops.yaml", Some(&today))]);
    let report = past.history();
    let row = report.finding("unencrypted-file", "kumquat/old.yaml");
    assert_eq!(row["governed_by"][0]["at"], "head");
    assert_eq!(report.told().len(), 2);
}

#[test]
fn fingerprints_stay_when_history_grows_and_a_baseline_holds() {
    let (mut past, _) = planted(&[]);
    let prints = |report: &Report| -> BTreeSet<String> {
        let all = report.findings().iter();
        all.map(|f| f["fingerprint"].as_str().unwrap().to_owned())
            .collect()
    };
    let before = past.history();
    let out = past.lab.scan(&[
        "baseline",
        "write",
        "--history",
        "--reason",
        "known",
        "--fail-on",
        "note",
    ]);
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let held = past.history();
    assert_eq!((held.told(), held.exit), (Vec::new(), Some(0)));
    past.commit(&[("README.md", Some("# more\n"))]);
    past.commit(&[("apps/late.yaml", Some(&secret("kumquat-8f3kQ-zzz1")))]);
    let after = past.history();
    assert!(prints(&after).is_superset(&prints(&before)));
    assert_eq!(
        after.told(),
        ["error plaintext-secret apps/late.yaml /stringData/password"]
    );
    // Another value at an accepted place counts.
    past.commit(&[("apps/a.yaml", Some(&secret("kumquat-8f3kQ-yyy1")))]);
    let told = past.history().told();
    assert!(
        told.contains(&"error plaintext-secret apps/a.yaml /stringData/password".to_owned()),
        "{told:?}"
    );
}

#[test]
fn since_leaves_out_what_was_there_before() {
    let (mut past, _) = planted(&[]);
    let then = past.git(&["rev-parse", "HEAD"]);
    assert!(
        past.scan(&["--history", "--since", &then])
            .told()
            .is_empty()
    );
    past.commit(&[("apps/late.yaml", Some(&secret("kumquat-8f3kQ-zzz1")))]);
    let told = past.scan(&["--history", "--since", &then]).told();
    assert_eq!(
        told,
        ["error plaintext-secret apps/late.yaml /stringData/password"]
    );
}

fn clone(past: &Past, name: &str, args: &[&str]) -> PathBuf {
    let to = past.lab.dir.path().join(name);
    let from = format!("file://{}", past.lab.top().display());
    let all = [&["clone", "-q"], args, &[&from, to.to_str().unwrap()]].concat();
    past.lab.git_in(past.lab.dir.path(), &all);
    to
}

#[test]
fn what_is_not_here_is_not_clean() {
    let mut past = Past::new(&[]);
    for n in 0..5 {
        past.commit(&[("README.md", Some(&format!("# ops {n}\n")))]);
    }
    assert_eq!(past.history().exit, Some(0));
    let shallow = clone(&past, "shallow", &["--depth=2"]);
    let report = past.scan_at(&shallow, &["--history"]);
    assert_eq!(
        (report.exit, report.json["verdict"].as_str()),
        (Some(3), Some("incomplete"))
    );
    assert!(
        report.blind()[0].contains("--unshallow"),
        "{:?}",
        report.blind()
    );
    let allowed = past.scan_at(&shallow, &["--history", "--allow-incomplete"]);
    assert_eq!(allowed.exit, Some(0));
    // A range inside of what is here is judged; one that reaches out is not.
    assert_eq!(
        past.scan_at(&shallow, &["--range", "HEAD~1..HEAD"]).exit,
        Some(0)
    );
    let out = past.lab.scan(&[
        "-C",
        shallow.to_str().unwrap(),
        "scan",
        "--range",
        "HEAD~3..HEAD",
    ]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("unshallow"));
    past.git(&["config", "uploadpack.allowFilter", "true"]);
    let partial = clone(&past, "partial", &["--filter=blob:none", "--no-checkout"]);
    let report = past.scan_at(&partial, &["--history"]);
    assert_eq!(report.exit, Some(3), "{:?}", report.told());
}

#[test]
fn a_range_is_judged_commit_by_commit() {
    let mut past = Past::new(&[]);
    past.commit(&[("README.md", Some("# ops\n")), (".sops.yaml", Some(RULE))]);
    let base = past.git(&["rev-parse", "HEAD"]);
    let middle = past.commit(&[("apps/a.yaml", Some(&secret("kumquat-8f3kQ-aaa1")))]);
    past.commit(&[("apps/a.yaml", None)]);
    let report = past.scan(&["--range", &format!("{base}..HEAD")]);
    assert_eq!(
        report.told(),
        ["error plaintext-secret apps/a.yaml /stringData/password"]
    );
    assert_eq!(
        report.findings()[0]["origins"][0]["commit"],
        middle.as_str()
    );
    assert_eq!(report.json["mode"], "range");
    assert_eq!(report.exit, Some(1));
    assert_eq!(past.scan(&["--range", "HEAD~1..HEAD"]).exit, Some(0));
    // What was there before is not new.
    past.commit(&[("README.md", Some("# ops 2\n"))]);
    assert_eq!(past.scan(&["--range", "HEAD~1..HEAD"]).exit, Some(0));
}

#[test]
fn a_range_cannot_switch_off_its_guard() {
    let mut past = Past::new(&[]);
    past.commit(&[("README.md", Some("# ops\n")), (".sops.yaml", Some(RULE))]);
    let base = past.git(&["rev-parse", "HEAD"]);
    let range = format!("{base}..HEAD");
    let reset = |past: &Past| past.git(&["reset", "-q", "--hard", &base]);
    // It takes its own rule away.
    let loose = RULE.replace("sealed/", "nothing/");
    past.commit(&[
        (".sops.yaml", Some(&loose)),
        ("sealed/x.sops.yaml", Some(OPEN)),
    ]);
    let told = past.scan(&["--range", &range]).told();
    assert!(
        told.contains(&"error unencrypted-file sealed/x.sops.yaml".to_owned()),
        "{told:?}"
    );
    assert!(
        told.iter().any(|t| t.starts_with("warning guard-weakened")),
        "{told:?}"
    );
    reset(&past);
    // It takes the rule away and brings it back, with the leak in between.
    past.commit(&[
        (".sops.yaml", Some(&loose)),
        ("sealed/plain.yaml", Some("a: b\n")),
    ]);
    past.commit(&[("sealed/x.sops.yaml", Some(OPEN))]);
    past.commit(&[(".sops.yaml", Some(RULE)), ("sealed/x.sops.yaml", None)]);
    let told = past.scan(&["--range", &range]).told();
    assert!(
        told.contains(&"error unencrypted-file sealed/x.sops.yaml".to_owned()),
        "{told:?}"
    );
    reset(&past);
    // It adds an ignore of its own.
    let ignored = secret("kumquat-8f3kQ-iii1 # sopsguard: ignore[plaintext-secret] because");
    past.commit(&[("apps/i.yaml", Some(&ignored))]);
    let report = past.scan(&["--range", &range]);
    assert_eq!(report.exit, Some(1), "{:?}", report.told());
    assert_eq!(
        past.scan(&["--range", &range, "--trust-head"]).exit,
        Some(0)
    );
    reset(&past);
    // It adds settings that exempt the leak.
    past.commit(&[
        (
            "sopsguard.toml",
            Some("[checks]\nplaintext-secret = \"off\"\n"),
        ),
        ("apps/i.yaml", Some(&secret("kumquat-8f3kQ-iii2"))),
    ]);
    let report = past.scan(&["--range", &range]);
    assert_eq!(report.exit, Some(1), "{:?}", report.told());
    assert!(
        report
            .told()
            .iter()
            .any(|t| t.starts_with("warning guard-weakened sopsguard.toml"))
    );
    reset(&past);
    // It decrypts a file, and encrypts it again before the end.
    past.commit(&[("seal.yaml", Some(SEALED))]);
    let base = past.git(&["rev-parse", "HEAD"]);
    past.commit(&[("seal.yaml", Some(OPEN))]);
    past.commit(&[("seal.yaml", Some(SEALED))]);
    let told = past.scan(&["--range", &format!("{base}..HEAD")]).told();
    assert_eq!(told, ["error decrypted-file seal.yaml"]);
}

#[test]
fn three_dots_begin_where_the_branches_part() {
    let mut past = Past::new(&[]);
    past.commit(&[("README.md", Some("# ops\n"))]);
    past.git(&["checkout", "-q", "-b", "topic"]);
    past.commit(&[("ok.md", Some("ok\n"))]);
    past.git(&["checkout", "-q", "main"]);
    past.commit(&[("apps/main.yaml", Some(&secret("kumquat-8f3kQ-mmm1")))]);
    assert_eq!(past.scan(&["--range", "main...topic"]).exit, Some(0));
    assert_eq!(past.scan(&["--range", "topic...main"]).exit, Some(1));
}

#[test]
fn a_version_that_came_twice_is_judged_twice() {
    let mut past = Past::new(&[]);
    let rule = format!("creation_rules:\n  - path_regex: credentials/\n    age: {RECIPIENT}\n");
    let token = "token: kumquat-8f3kQ-2\n";
    past.commit(&[("credentials/a.yaml", Some(token))]);
    past.commit(&[("credentials/a.yaml", None)]);
    past.commit(&[(".sops.yaml", Some(&rule))]);
    past.commit(&[("credentials/a.yaml", Some(token))]);
    past.commit(&[("credentials/a.yaml", None), (".sops.yaml", None)]);
    let report = past.history();
    assert_eq!(report.told(), ["error unencrypted-file credentials/a.yaml"]);
}

#[test]
fn moved_and_decrypted_in_one_commit() {
    let mut past = Past::new(&[]);
    past.commit(&[
        ("secrets/a.yaml", Some(SEALED)),
        ("README.md", Some("# ops\n")),
    ]);
    past.commit(&[("secrets/a.yaml", None), ("config/b.yaml", Some(OPEN))]);
    past.commit(&[("config/b.yaml", None)]);
    assert_eq!(
        past.history().told(),
        ["error decrypted-file config/b.yaml"]
    );
}

#[test]
fn leaked_before_a_rebase() {
    let mut past = Past::new(&[]);
    past.commit(&[("README.md", Some("# ops\n"))]);
    past.commit(&[("a.yaml", Some(OPEN))]);
    past.git(&["commit", "-q", "--amend", "-m", "another message"]);
    past.commit(&[("a.yaml", Some(SEALED))]);
    let report = past.history();
    assert_eq!(report.told(), ["error leaked-value a.yaml /db_password"]);
    assert!(report.findings()[0]["exposure"]["last_commit"].is_string());
}

#[test]
fn kinds_of_the_settings_and_executables() {
    let mut past = Past::new(&[]);
    past.commit(&[("sopsguard.toml", Some("[policy]\nkinds = [\"Vault\"]\n"))]);
    let vault = secret("kumquat-8f3kQ-vvv1").replace("kind: Secret", "kind: Vault");
    let first = past.commit(&[("a.yaml", Some(&vault))]);
    past.git(&["update-index", "--chmod=+x", "a.yaml"]);
    past.git(&["checkout", "--", "a.yaml"]);
    past.commit(&[]);
    let last = past.commit(&[("a.yaml", None)]);
    let report = past.history();
    assert_eq!(
        report.told(),
        ["error plaintext-secret a.yaml /stringData/password"]
    );
    let versions = &report.findings()[0]["exposure"]["versions"];
    assert_eq!(versions.as_array().unwrap().len(), 1);
    assert_eq!(versions[0]["first_commit"], first.as_str());
    assert_eq!(versions[0]["removed_commit"], last.as_str());
}

#[test]
fn refs_that_name_files_and_directories() {
    let mut past = Past::new(&[]);
    past.commit(&[("README.md", Some("# ops\n"))]);
    past.lab.write("loose.yaml", &secret("kumquat-8f3kQ-lll1"));
    let blob = past.git(&["hash-object", "-w", "loose.yaml"]);
    std::fs::remove_file(past.lab.top().join("loose.yaml")).unwrap();
    past.git(&["tag", "-a", "-m", "a file", "file", &blob]);
    past.lab.write("d/q.yaml", &secret("kumquat-8f3kQ-qqq1"));
    past.git(&["add", "d"]);
    let tree = past.git(&["write-tree"]);
    past.git(&["rm", "-q", "-r", "-f", "d"]);
    past.git(&["update-ref", "refs/tags/tree", &tree]);
    past.lab.write("gone.yaml", &secret("kumquat-8f3kQ-ggg1"));
    past.git(&["hash-object", "-w", "gone.yaml"]);
    std::fs::remove_file(past.lab.top().join("gone.yaml")).unwrap();
    let told = past.history().told();
    assert_eq!(
        told,
        [
            "error plaintext-secret d/q.yaml /stringData/password",
            "error plaintext-secret refs/tags/file /stringData/password",
        ]
    );
    let told = past.scan(&["--history", "--unreachable"]).told();
    assert!(
        told.iter()
            .any(|t| t.starts_with("error plaintext-secret blob ")),
        "{told:?}"
    );
}

#[test]
fn what_a_merge_brings_along_was_there() {
    let mut past = Past::new(&[]);
    past.commit(&[("README.md", Some("# ops\n"))]);
    past.git(&["checkout", "-q", "-b", "feature"]);
    let base = past.commit(&[("feature.md", Some("feature\n"))]);
    past.git(&["checkout", "-q", "main"]);
    past.commit(&[("apps/old.yaml", Some(&secret("kumquat-8f3kQ-ooo1")))]);
    past.git(&["checkout", "-q", "feature"]);
    past.merge(&["main"]);
    let not_main = past.scan(&["--range", "main..feature"]);
    assert_eq!((not_main.told(), not_main.exit), (Vec::new(), Some(0)));
    let all = past.scan(&["--range", &format!("{base}..feature")]);
    assert_eq!(all.exit, Some(1));
}

#[test]
fn plaintext_that_the_end_of_a_range_encrypts() {
    let mut past = Past::new(&[]);
    past.commit(&[("README.md", Some("# ops\n"))]);
    let base = past.git(&["rev-parse", "HEAD"]);
    past.commit(&[("sealed/x.sops.yaml", Some(OPEN)), ("k.md", Some("k\n"))]);
    past.commit(&[
        ("sealed/x.sops.yaml", Some(SEALED)),
        (".sops.yaml", Some(RULE)),
    ]);
    let report = past.scan(&["--range", &format!("{base}..HEAD")]);
    assert_eq!(report.exit, Some(1), "{:?}", report.told());
}

#[test]
fn trees_that_git_would_not_write_are_not_clean() {
    let mut past = Past::new(&[]);
    past.commit(&[("README.md", Some("# ops\n"))]);
    let base = past.git(&["rev-parse", "HEAD"]);
    past.lab.write("s.yaml", &secret("kumquat-8f3kQ-ttt1"));
    let blob = past.git(&["hash-object", "-w", "s.yaml"]);
    std::fs::remove_file(past.lab.top().join("s.yaml")).unwrap();
    let harmless = past.blob("HEAD", "README.md");
    let raw = |id: &str| -> Vec<u8> {
        let digit = |c: u8| (c as char).to_digit(16).unwrap() as u8;
        id.as_bytes()
            .chunks(2)
            .map(|c| digit(c[0]) << 4 | digit(c[1]))
            .collect()
    };
    let entry = |name: &str, id: &str| [format!("100644 {name}\0").into_bytes(), raw(id)].concat();
    let trees = [
        [entry("s.yaml", &harmless), entry("s.yaml", &blob)].concat(),
        entry("d/s.yaml", &blob),
    ];
    for bytes in trees {
        past.lab.write_bytes(b"tree.bin", &bytes);
        let tree = past.git(&["hash-object", "-t", "tree", "--literally", "-w", "tree.bin"]);
        std::fs::remove_file(past.lab.top().join("tree.bin")).unwrap();
        let commit = past.git(&["commit-tree", "-p", &base, "-m", "odd", &tree]);
        past.git(&["update-ref", "refs/heads/odd", &commit]);
        let range = past.scan(&["--range", &format!("{base}..odd")]);
        assert_ne!(range.exit, Some(0), "{:?}", range.told());
        let all = past.history();
        assert_eq!(all.exit, Some(1), "{:?} {:?}", all.told(), all.blind());
    }
}

#[test]
fn what_was_not_encrypted_later_is_still_told() {
    let mut past = Past::new(&[]);
    past.commit(&[(".sops.yaml", Some(RULE))]);
    // Of two values one goes away before the other is encrypted.
    let two = format!("{OPEN}b_password: kumquat-8f3kQ-7\n");
    past.commit(&[("sealed/x.sops.yaml", Some(&two))]);
    past.commit(&[("sealed/x.sops.yaml", Some(SEALED))]);
    let told = past.history().told();
    assert!(
        told.contains(&"error unencrypted-file sealed/x.sops.yaml".to_owned()),
        "{told:?}"
    );
    assert!(
        told.contains(&"error leaked-value sealed/x.sops.yaml /db_password".to_owned()),
        "{told:?}"
    );
}

#[test]
fn running_out_of_time_is_not_clean() {
    let mut past = Past::new(&[]);
    past.commit(&[("apps/a.yaml", Some(&secret("kumquat-8f3kQ-aaa1")))]);
    past.commit(&[("apps/a.yaml", None)]);
    let report = past.scan(&["--history", "--timeout", "0ms"]);
    assert_eq!(report.exit, Some(3), "{:?}", report.told());
}

#[test]
fn a_config_that_the_settings_name_governed_then() {
    let mut past = Past::new(&[]);
    let rule = format!("creation_rules:\n  - path_regex: vault/.*\\.yaml$\n    age: {RECIPIENT}\n");
    past.commit(&[
        (
            "sopsguard.toml",
            Some("[sops]\nconfig = \"conf/sops.yaml\"\n"),
        ),
        (
            "conf/sops.yaml",
            Some(&rule.replace("vault/", "credentials/")),
        ),
        ("credentials/a.yaml", Some("token: kumquat-8f3kQ-2\n")),
    ]);
    past.commit(&[
        ("credentials/a.yaml", None),
        ("conf/sops.yaml", Some(&rule)),
    ]);
    assert_eq!(
        past.history().told(),
        ["error unencrypted-file credentials/a.yaml"]
    );
}

#[test]
fn a_source_that_came_after_its_generator() {
    let mut past = Past::new(&[]);
    let kustomization = "secretGenerator:\n  - name: k\n    files: [pw.txt]\n";
    past.commit(&[
        ("app/kustomization.yaml", Some(kustomization)),
        ("README.md", Some("# ops\n")),
    ]);
    let came = past.commit(&[("app/pw.txt", Some("kumquat-8f3kQ-ppp1\n"))]);
    let expected = "error generator-source app/kustomization.yaml /secretGenerator/0/files/0";
    let range = past.scan(&["--range", "HEAD~1..HEAD"]);
    assert_eq!(range.told(), [expected]);
    past.commit(&[("app/pw.txt", None)]);
    let report = past.history();
    assert_eq!(report.told(), [expected]);
    assert_eq!(
        report.findings()[0]["exposure"]["first_commit"],
        came.as_str()
    );
    // Staged, too; and what another change leaves alone is not told again.
    past.lab.write("app/pw.txt", "kumquat-8f3kQ-ppp2\n");
    past.git(&["add", "-A"]);
    assert_eq!(past.scan(&["--staged"]).told(), [expected]);
    past.git(&["commit", "-q", "-m", "a change"]);
    past.lab.write("app/other.txt", "other\n");
    past.git(&["add", "-A"]);
    assert!(past.scan(&["--staged"]).told().is_empty());
}

#[test]
fn settings_that_cannot_be_used_do_not_get_in() {
    let mut past = Past::new(&[]);
    past.commit(&[("README.md", Some("# ops\n"))]);
    past.commit(&[("sopsguard.toml", Some("[[[\n"))]);
    assert_eq!(past.scan(&["--range", "HEAD~1..HEAD"]).exit, Some(3));
    // Who takes them away again is let through.
    past.commit(&[("sopsguard.toml", None)]);
    assert_eq!(past.scan(&["--range", "HEAD~1..HEAD"]).exit, Some(0));
}

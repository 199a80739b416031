//! `fix` when things go wrong: the original or the verified result stands, and no file with plaintext is new.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "fix/site.rs"]
mod site;

#[path = "fix/rng.rs"]
mod rng;

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use site::{CANARY, Site, script, secret};

const ALL: &str = "creation_rules:\n  - path_regex: secrets/\n    unencrypted_regex: ^(apiVersion|kind|metadata)$\n    age: AGE\n";

fn start() -> Option<(Site, String)> {
    let site = Site::new(ALL)?;
    let text = secret(CANARY);
    site.lab.write("secrets/a.yaml", &text);
    Some((site, text))
}

/// A program in the place of sops: says its version, and else does `body`. `$SOPS` is the real one.
fn stand_in(site: &Site, body: &str) -> PathBuf {
    let text = format!(
        "#!/bin/sh\nSOPS='{}'\ncase \"$*\" in *--version*) echo 'sops 3.13.3'; exit 0;; esac\n{body}\n",
        site.sops.display()
    );
    script(&site.lab.dir.path().join("bin/sops"), &text)
}

/// Nothing changed, nothing is new, and the reason is told.
fn refused(site: &mut Site, text: &str, body: &str, why: &str) {
    site.sops = site::sops().unwrap();
    let program = stand_in(site, body);
    site.sops = program;
    for args in [
        &["--sops-timeout", "2s"][..],
        &["--staged", "--sops-timeout", "2s"],
    ] {
        if args.contains(&"--staged") {
            site.lab.git(&["add", "-A"]);
        }
        let before = site.files();
        let (code, told) = site.fix(args);
        assert_eq!(code, 1, "{body}: {told}");
        assert!(told.contains(why), "{body}: {told}");
        assert_eq!(site.files(), before, "{body}");
        assert_eq!(site.read("secrets/a.yaml"), text);
        if args.contains(&"--staged") {
            assert_eq!(site.staged("secrets/a.yaml"), text);
            site.lab.git(&["reset", "-q"]);
        }
    }
}

#[test]
fn a_sops_that_misbehaves_changes_nothing() {
    let Some((mut site, text)) = start() else {
        return;
    };
    let real = "out=$(\"$SOPS\" \"$@\") || exit 9\n";
    let cases = [
        ("cat >/dev/null; exit 1", "sops failed"),
        ("cat >&2; exit 1", "sops failed"),
        ("cat; exit 0", "left"),
        ("cat >/dev/null; exit 0", "left"),
        ("exit 0", "left"),
        ("sleep 60", "took too long"),
        ("(sleep 60) & cat > /dev/null; sleep 60", "took too long"),
        ("cat >/dev/null; kill -9 $$", "ended by a signal"),
        ("cat >/dev/null; yes", "wrote more than"),
        ("head -c 3000 /dev/urandom", "left"),
        ("echo 'a: b'", "left"),
    ];
    for (body, why) in cases {
        refused(&mut site, &text, body, why);
    }
    let shaped = [
        // Half of it.
        ("printf '%s' \"$out\" | head -c 700", "left"),
        ("printf '%s\\n' \"$out\" | head -n 8", "no sound metadata"),
        // Whole, with a value that is plain, changed, renamed, or gone.
        (
            "printf '%s\\n' \"$out\" | sed 's/password: ENC.*/password: kumquat-8f3kQ-zz81/'",
            "left a value readable",
        ),
        (
            "printf '%s\\n' \"$out\" | sed 's/password: ENC.*/password: x/'",
            "left a value readable",
        ),
        (
            "printf '%s\\n' \"$out\" | sed 's/password: E/passwort: E/'",
            "other keys",
        ),
        (
            "printf '%s\\n' \"$out\" | sed '/password: E/d'",
            "other keys",
        ),
        ("printf '%s\\n' \"$out\" | sed 's/data:..../data:/'", "left"),
        (
            "printf '%s\\n' \"$out\" | sed 's/^    mac:.*//'",
            "no sound metadata",
        ),
        // With the value in a place where sops never looks.
        (
            "printf '%s\\n' \"$out\" | sed 's/^sops:/sops:\\n    note: kumquat-8f3kQ-zz81/'",
            "no sound metadata",
        ),
        (
            "printf '%s\\n' \"$out\" | sed 's/^sops:/# password: kumquat-8f3kQ-zz81\\nsops:/'",
            "added one",
        ),
        // To somebody else.
        (
            "cat > /dev/null; printf '%s\\n' \"$out\" | sed 's/recipient: age1.*/recipient: age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r/'",
            "not encrypted to the recipients",
        ),
        (
            "printf '%s\\n' \"$out\"; cat /proc/$PPID/environ >/dev/null 2>&1; exit 3",
            "sops failed",
        ),
    ];
    for (body, why) in shaped {
        refused(&mut site, &text, &format!("{real}{body}"), why);
    }
}

#[test]
fn a_value_that_stays_readable_is_not_changed() {
    let config = "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^stringData$\n    age: AGE\n";
    let Some(mut site) = Site::new(config) else {
        return;
    };
    let text = secret(CANARY);
    site.lab.write("secrets/a.yaml", &text);
    refused(
        &mut site,
        &text,
        "out=$(\"$SOPS\" \"$@\")\nprintf '%s\\n' \"$out\" | sed 's/name: db/name: evil/'",
        "changed a value",
    );
    let text = format!(
        "# who\nwhen: 2024-01-01 # note\nhex: 0x1F\nbig: 1e3\nlist:\n- a\n# of b\n- b\nstringData:\n  # inner\n  password: {CANARY}\n"
    );
    site.lab.write("secrets/a.yaml", &text);
    for (edit, why) in [
        ("s/2024-01-01/2034-09-09/", "changed a value"),
        ("s/hex: 31/hex: 77/", "changed a value"),
        ("s/hex: 31/hex: 0x1E/", "changed a value"),
        ("s/big: 1000/big: 1001/", "changed a value"),
        ("s/ # note//", "dropped a comment"),
        ("/# who/d", "dropped a comment"),
        ("/# of b/d", "dropped a comment"),
        ("/type:comment/d", "dropped a comment"),
        ("1s/^/# kumquat-8f3kQ-zz81\\n/", "added one"),
        ("$s/$/\\n# kumquat-8f3kQ-zz81/", "added one"),
    ] {
        let body = format!("out=$(\"$SOPS\" \"$@\")\nprintf '%s\\n' \"$out\" | sed '{edit}'");
        refused(&mut site, &text, &body, why);
    }
    site.sops = site::sops().unwrap();
    assert_eq!(site.fix(&[]).0, 0);
}

#[test]
fn a_sops_that_kills_its_parent() {
    let Some((mut site, text)) = start() else {
        return;
    };
    for (when, signal) in [
        ("before", "KILL"),
        ("after", "KILL"),
        ("before", "TERM"),
        ("after", "INT"),
    ] {
        let body = match when {
            "before" => format!("kill -{signal} $PPID; sleep 0.2; exec \"$SOPS\" \"$@\""),
            _ => format!("\"$SOPS\" \"$@\"; kill -{signal} $PPID; sleep 0.2"),
        };
        site.sops = site::sops().unwrap();
        site.sops = stand_in(&site, &body);
        let out = site.run(&["fix"]);
        match signal {
            "KILL" => assert_eq!(out.status.code(), None),
            "TERM" => assert_eq!(out.status.code(), Some(143)),
            _ => assert_eq!(out.status.code(), Some(130)),
        }
        let now = site.read("secrets/a.yaml");
        assert_eq!(now, text);
        let plain: Vec<_> = site.files().into_iter().filter(|(_, has)| *has).collect();
        assert_eq!(plain.len(), 1, "{plain:?}");
    }
}

#[test]
fn versions() {
    let Some((mut site, text)) = start() else {
        return;
    };
    for (says, why) in [
        ("sops 3.9.4 (latest)", "sops 3.9.4 is too old"),
        ("hello", "does not tell its version"),
    ] {
        let path = site.lab.dir.path().join("bin/old");
        site.sops = script(&path, &format!("#!/bin/sh\necho '{says}'\n"));
        let (code, told) = site.fix(&[]);
        assert_eq!(code, 2, "{told}");
        assert!(told.contains(why), "{told}");
        assert_eq!(site.read("secrets/a.yaml"), text);
    }
    site.sops = PathBuf::from("/nowhere/sops");
    assert_eq!(site.fix(&[]).0, 2);
    // The plan needs none.
    assert_eq!(site.fix(&["--dry-run"]).0, 0);
}

#[test]
fn a_full_disk() {
    let Some((site, _)) = start() else { return };
    // Blocks of 512 or 1024 bytes: the encrypted file has more in either.
    let long = format!("{}  more: {}\n", secret(CANARY), "x-8f3kQ".repeat(2000));
    site.lab.write("secrets/a.yaml", &long);
    let before = site.files();
    let inner = site.command(&["fix"]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -f 8; exec \"$0\" fix"])
        .arg(inner.get_program())
        .current_dir(site.lab.top())
        .stdin(Stdio::null());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let out = shell.output().unwrap();
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(1), "{told}");
    assert!(told.contains("no room"), "{told}");
    assert_eq!(site.files(), before);
    assert_eq!(site.read("secrets/a.yaml"), long);
}

#[test]
fn files_that_are_not_replaced() {
    let Some((site, text)) = start() else { return };
    let at = |path: &str| site.lab.top().join(path);
    site.lab.write("secrets/hard.yaml", &text);
    std::fs::hard_link(at("secrets/hard.yaml"), site.lab.dir.path().join("other")).unwrap();
    site.lab.write("secrets/locked.yaml", &text);
    std::fs::set_permissions(
        at("secrets/locked.yaml"),
        std::fs::Permissions::from_mode(0o444),
    )
    .unwrap();
    std::os::unix::fs::symlink("a.yaml", at("secrets/link.yaml")).unwrap();
    // A dry run promises what the run does.
    let (code, told) = site.fix(&["--dry-run"]);
    assert_eq!(code, 1, "{told}");
    assert!(
        told.contains("dry run: 1 to mend, 2 left as they are"),
        "{told}"
    );
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("1 mended, 2 left"), "{told}");
    assert!(
        told.contains("secrets/hard.yaml\n  left      it has further hard links"),
        "{told}"
    );
    assert!(
        told.contains("secrets/locked.yaml\n  left      it is read-only"),
        "{told}"
    );
    assert!(told.contains("mended  secrets/a.yaml\n"), "{told}");
    assert_eq!(site.read("secrets/hard.yaml"), text);
    assert_eq!(site.read("secrets/locked.yaml"), text);
    assert!(
        at("secrets/link.yaml")
            .symlink_metadata()
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn a_file_that_changes_meanwhile() {
    let Some((mut site, _)) = start() else { return };
    let file = site.lab.top().join("secrets/a.yaml");
    let edits = [
        format!("echo '  more: {CANARY}' >> '{}'", file.display()),
        format!("cp '{0}' '{0}.new'; mv '{0}.new' '{0}'", file.display()),
        format!("chmod 640 '{}'", file.display()),
    ];
    for edit in edits {
        site.sops = site::sops().unwrap();
        site.sops = stand_in(&site, &format!("{edit}\nexec \"$SOPS\" \"$@\""));
        site.lab.write("secrets/a.yaml", &secret(CANARY));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let (code, told) = site.fix(&[]);
        assert_eq!(code, 1, "{edit}: {told}");
        assert!(told.contains("changed meanwhile"), "{edit}: {told}");
        assert!(site.read("secrets/a.yaml").contains(CANARY), "{edit}");
    }
}

#[test]
fn an_index_that_changes_meanwhile() {
    let Some((mut site, text)) = start() else {
        return;
    };
    site.lab.git(&["add", "-A"]);
    let other = secret("other-7Zt2w-1");
    let git = format!(
        "cd '{}' && printf '%s' '{other}' > secrets/a.yaml && git add secrets/a.yaml",
        site.lab.top().display()
    );
    site.sops = stand_in(
        &site,
        &format!("({git}) </dev/null >/dev/null 2>&1\nexec \"$SOPS\" \"$@\""),
    );
    let (code, told) = site.fix(&["--staged"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("index was changed meanwhile"), "{told}");
    assert_eq!(site.staged("secrets/a.yaml"), other);
    // Locked by somebody else.
    site.sops = site::sops().unwrap();
    site.lab.write("secrets/a.yaml", &text);
    site.lab.git(&["add", "-A"]);
    site.lab.write(".git/index.lock", "");
    let (code, told) = site.fix(&["--staged"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("locked by another process"), "{told}");
    assert_eq!(site.staged("secrets/a.yaml"), text);
}

/// How many kills: `SOPSGUARD_FIX_KILLS`.
fn kills() -> usize {
    let told = std::env::var("SOPSGUARD_FIX_KILLS").ok();
    told.and_then(|n| n.parse().ok()).unwrap_or(200)
}

/// Ended at a random moment, by any signal: every file is the original or the verified result, and what else is left holds
/// no plaintext.
#[test]
fn killed_at_random_points() {
    let Some(site) = Site::new(ALL) else { return };
    let mut rng = rng::Rng::new(20262);
    let text = secret(CANARY);
    let names: Vec<String> = (0..3).map(|i| format!("secrets/{i}.yaml")).collect();
    let reset = || {
        let _ = std::fs::remove_dir_all(site.lab.top().join("secrets"));
        let _ = std::fs::remove_file(site.lab.top().join(".git/index.lock"));
        for name in &names {
            site.lab.write(name, &text);
        }
        site.lab.git(&["add", "-A"]);
    };
    reset();
    let began = Instant::now();
    assert_eq!(site.run(&["fix", "--staged"]).status.code(), Some(0));
    let whole = began.elapsed().as_micros() as usize;
    let mut outcomes = [0usize; 2];
    for round in 0..kills() {
        reset();
        let staged = round % 2 == 0;
        let args: &[&str] = if staged {
            &["fix", "--staged"]
        } else {
            &["fix"]
        };
        let mut command = site.command(args);
        command
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let wait = rng.below(whole * 11 / 10) as u64;
        std::thread::sleep(Duration::from_micros(wait));
        let signal = ["KILL", "TERM", "INT"][round % 3];
        let pid = child.id().to_string();
        let _ = Command::new("kill")
            .args([&format!("-{signal}"), &pid])
            .stderr(Stdio::null())
            .status();
        child.wait().unwrap();
        let sound = |now: &str, what: &str| -> usize {
            if now == text {
                return 0;
            }
            let plain = site.decrypted_bytes("a.yaml", now.as_bytes(), None);
            let plain = String::from_utf8(plain).unwrap();
            assert!(plain.contains(CANARY) && !now.contains(CANARY), "{what}");
            1
        };
        for name in &names {
            outcomes[sound(&site.read(name), name)] += 1;
            let index = site.staged(name);
            outcomes[sound(&index, name)] += 1;
        }
        for (path, has) in site.files() {
            let ours = names.iter().any(|n| path == site.lab.top().join(n));
            assert!(ours || !has, "plaintext is left in {}", path.display());
        }
        // What a kill leaves is swept, so that the next round sees its own.
        let tmp = site.lab.dir.path().join("tmp");
        std::fs::remove_dir_all(&tmp).unwrap();
        std::fs::create_dir(&tmp).unwrap();
    }
    assert!(outcomes[0] > 0 && outcomes[1] > 0, "{outcomes:?}");
}

/// Told to stop in the middle: what is done is done and told, the rest is as it was.
#[test]
fn told_to_stop_while_sops_hangs() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 143)] {
        for staged in [false, true] {
            let Some((mut site, text)) = start() else {
                return;
            };
            site.lab.write("secrets/b.yaml", &text);
            site.lab.write("secrets/c.yaml", &text);
            site.lab.git(&["add", "-A"]);
            let count = site.lab.dir.path().join("count");
            // The second call hangs.
            site.sops = stand_in(
                &site,
                &format!(
                    "echo x >> '{0}'\n[ $(wc -l < '{0}') = 2 ] && {{ kill -{signal} $PPID; sleep 60; }}\nexec \"$SOPS\" \"$@\"",
                    count.display()
                ),
            );
            let args: &[&str] = if staged { &["--staged"] } else { &[] };
            let began = Instant::now();
            let (got, told) = site.fix(args);
            assert_eq!(got, code, "{told}");
            assert!(began.elapsed() < Duration::from_secs(10));
            let rest = match staged {
                true => {
                    "not begun or not finished: secrets/a.yaml, secrets/b.yaml, secrets/c.yaml\n0 mended, 3 left"
                }
                false => {
                    "not begun or not finished: secrets/b.yaml, secrets/c.yaml\n1 mended, 2 left"
                }
            };
            assert!(told.contains(rest), "{told}");
            assert!(
                told.contains("stopped: what is not listed as mended is as it was"),
                "{told}"
            );
            // The index changes as a whole or not at all.
            assert_eq!(told.contains("mended  secrets/a.yaml"), !staged, "{told}");
            for (name, mended) in [("a", !staged), ("b", false), ("c", false)] {
                let path = format!("secrets/{name}.yaml");
                assert_eq!(site.read(&path) != text, mended, "{path}");
                assert_eq!(site.staged(&path), text);
            }
            let tmp = site.lab.dir.path().join("tmp");
            assert!(std::fs::read_dir(tmp).unwrap().next().is_none());
        }
    }
}

/// 3.13.2 writes files with comments in lists that it cannot decrypt again.
#[test]
fn a_version_with_a_fault_gets_no_comments_in_lists() {
    let Some((mut site, _)) = start() else { return };
    site.lab.write(
        "secrets/a.yaml",
        &format!("{}list:\n- a\n# note\n- b\n", secret(CANARY)),
    );
    let real = site.sops.display().to_string();
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in *--version*) echo 'sops 3.13.2 (latest)'; exit 0;; esac\nexec '{real}' \"$@\"\n"
    );
    site.sops = script(&site.lab.dir.path().join("bin/sops"), &text);
    site.lab.write("secrets/b.yaml", &secret(CANARY));
    let before = site.read("secrets/a.yaml");
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 1, "{told}");
    assert!(
        told.contains("secrets/a.yaml\n  left      comments stand in lists, and sops 3.13.2"),
        "{told}"
    );
    assert!(told.contains("1 mended, 1 left"), "{told}");
    assert_eq!(site.read("secrets/a.yaml"), before);
    assert!(site.read("secrets/b.yaml").contains("ENC["));
}

/// What one file waited for in vain is not waited for again.
#[test]
fn a_sops_that_hangs_is_asked_once() {
    let Some((mut site, text)) = start() else {
        return;
    };
    for name in ["b", "c", "d"] {
        site.lab.write(&format!("secrets/{name}.yaml"), &text);
    }
    site.sops = stand_in(&site, "sleep 60");
    let begun = Instant::now();
    let (code, told) = site.fix(&["--sops-timeout", "2s"]);
    assert_eq!(code, 1, "{told}");
    assert!(begun.elapsed() < Duration::from_secs(6), "{told}");
    assert_eq!(told.matches("not tried: sops took too long").count(), 3);
}

/// Git, too, may fail at each of its steps: the index stays as a whole, and so does the disk.
#[test]
fn a_git_that_misbehaves_changes_nothing() {
    let Some((mut site, text)) = start() else {
        return;
    };
    site.lab.git(&["add", "-A"]);
    let real = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|dir| dir.join("git"))
        .find(|path| path.is_file())
        .unwrap();
    let bin = site.lab.dir.path().join("git-bin");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    site.env("PATH", path);
    for (step, body) in [
        ("config", "exit 7"),
        ("hash-object", "cat >/dev/null; exit 1"),
        (
            "hash-object",
            "cat >/dev/null; echo 0123456789012345678901234567890123456789",
        ),
        ("hash-object", "cat; exit 0"),
        ("hash-object", "cat >&2; exit 1"),
        ("update-index", "cat >/dev/null; exit 128"),
        ("update-index", "cat >/dev/null; exit 0"),
        ("update-index", "kill -9 $$"),
    ] {
        let program = format!(
            "#!/bin/sh\ncase \" $* \" in *' {step} '*) {body};; *) exec '{}' \"$@\";; esac\n",
            real.display()
        );
        script(&bin.join("git"), &program);
        let before = site.files();
        let (code, told) = site.fix(&["--staged"]);
        assert_eq!(code, 1, "{step} {body}: {told}");
        assert!(
            told.contains("left    secrets/a.yaml: git could not write"),
            "{body}: {told}"
        );
        assert_eq!(site.files(), before, "{step} {body}");
        assert_eq!(site.staged("secrets/a.yaml"), text);
    }
}

//! `fix --update-keys` and `fix --reencrypt`: files that carry metadata already, with a key and without, with a sops that
//! misbehaves, and with metadata of a stranger.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "fix/site.rs"]
mod site;

use std::net::TcpListener;

use site::{CANARY, Site, age, script, secret};

/// Manifests keep their identity, and of everything else all is encrypted.
const ALL: &str = "creation_rules:\n  - path_regex: secrets/\n    unencrypted_regex: ^(apiVersion|kind|metadata)$\n    age: AGE\n";

#[test]
fn recipients_are_made_those_of_the_rule() {
    for name in [
        "secrets/a.yaml",
        "secrets/a.json",
        "secrets/a.env",
        "secrets/a.ini",
        "secrets/token",
    ] {
        let Some(site) = Site::new(ALL) else { return };
        let text = match name {
            "secrets/a.json" => format!("{{\"password\": \"{CANARY}\"}}"),
            "secrets/a.env" => format!("PASSWORD={CANARY}\n"),
            "secrets/a.ini" => format!("[s]\npassword = {CANARY}\n"),
            _ => secret(CANARY),
        };
        site.lab.write(name, &text);
        assert_eq!(site.fix(&[]).0, 0);
        let other = age(9).1;
        site.lab.write(
            ".sops.yaml",
            &ALL.replace("AGE", &format!("{},{other}", site.recipient)),
        );
        site.lab.commit("another");
        let before = site.read(name);
        assert!(!before.contains(&other));
        // Not asked for, and then not agreed to.
        assert_eq!(site.fix(&[]).0, 0);
        let (code, told) = site.fix(&["--update-keys"]);
        assert_eq!(code, 1, "{told}");
        assert!(told.contains("--yes does"), "{told}");
        assert_eq!(site.read(name), before);
        // Without a key.
        let keys = site.lab.dir.path().join("keys.txt");
        let own = std::fs::read(&keys).unwrap();
        std::fs::write(&keys, age(3).0).unwrap();
        let (code, told) = site.fix(&["--update-keys", "--yes"]);
        assert_eq!(code, 1, "{told}");
        assert!(told.contains("none of your keys opens it"), "{told}");
        assert_eq!(site.read(name), before);
        std::fs::write(&keys, own).unwrap();
        let (code, told) = site.fix(&["--update-keys", "--yes"]);
        assert_eq!(code, 0, "{name}: {told}");
        let after = site.read(name);
        assert!(
            after.contains(&other) && after.contains(&site.recipient),
            "{name}"
        );
        std::fs::write(&keys, age(9).0).unwrap();
        assert!(String::from_utf8_lossy(&site.decrypted(name)).contains(CANARY));
        assert!(
            std::fs::read_dir(site.lab.dir.path().join("tmp"))
                .unwrap()
                .next()
                .is_none()
        );
        let (code, told) = site.fix(&["--update-keys", "--yes"]);
        assert_eq!((code, told.as_str()), (0, "nothing to mend\n"));
    }
}

/// A value is added by hand to a file that sops encrypted; `--reencrypt` takes all of it together again.
#[test]
fn files_that_are_encrypted_in_part() {
    let yaml = "# top\ndb:\n  # inner\n  password: first-8f3kQ-zz81\n  n: 5\n  f: 1.5\n  b: true\n  t: 2024-05-06\n  text: |\n    two\n      lines\n  odd: \"q\\\"\\\\ \\u2028 # x\"\n  list:\n  - a\n  # in a list\n  - b\n  empty: ''\n---\nsecond: value-8f3kQ\n";
    let json =
        "{\"password\": \"first-8f3kQ \\\"x\\n\", \"n\": 5, \"o\": {\"l\": [1, true, null]}}";
    let ini = "[s]\npassword = first-8f3kQ\nodd = a b\n";
    let env = "# c\nPASSWORD=first-8f3kQ=x\nMORE=a b\n";
    for (name, text, from, to) in [
        (
            "secrets/a.yaml",
            yaml,
            "    \"n\": ENC",
            "    added: kumquat-8f3kQ-zz81\n    \"n\": ENC",
        ),
        (
            "secrets/a.json",
            json,
            "\"n\": \"ENC",
            "\"added\": \"kumquat-8f3kQ-zz81\", \"n\": \"ENC",
        ),
        (
            "secrets/a.ini",
            ini,
            "[s]\n",
            "[s]\nadded = kumquat-8f3kQ-zz81\n",
        ),
        (
            "secrets/a.env",
            env,
            "PASSWORD=",
            "ADDED=kumquat-8f3kQ-zz81\nPASSWORD=",
        ),
    ] {
        let Some(site) = Site::new(ALL) else { return };
        site.lab.write(name, text);
        assert_eq!(site.fix(&[]).0, 0, "{name}");
        let before = String::from_utf8(site.decrypted(name)).unwrap();
        let sealed = site.read(name);
        let mixed = sealed.replacen(from, to, 1);
        assert_ne!(sealed, mixed, "{name}: {sealed}");
        site.lab.write(name, &mixed);
        let (code, told) = site.fix(&["--yes"]);
        assert_eq!(code, 1, "{told}");
        assert!(told.contains("--reencrypt decrypts it in memory"), "{told}");
        let (code, told) = site.fix(&["--reencrypt"]);
        assert_eq!((code, told.contains("--yes does")), (1, true), "{told}");
        // Without a key it stands.
        let keys = site.lab.dir.path().join("keys.txt");
        let own = std::fs::read(&keys).unwrap();
        std::fs::write(&keys, age(3).0).unwrap();
        let (code, told) = site.fix(&["--reencrypt", "--yes"]);
        assert_eq!(code, 1, "{told}");
        assert!(told.contains("none of your keys opens it"), "{told}");
        assert_eq!(site.read(name), mixed);
        std::fs::write(&keys, own).unwrap();
        let (code, told) = site.fix(&["--reencrypt", "--yes"]);
        assert_eq!(code, 0, "{name}: {told}");
        site.assert_clean(&[]);
        let plain = String::from_utf8(site.decrypted(name)).unwrap();
        assert!(plain.contains(CANARY), "{name}");
        let packed = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|l| !l.contains(CANARY));
            lines
                .map(|l| l.replace(' ', ""))
                .filter(|l| !l.is_empty())
                .collect()
        };
        assert_eq!(packed(&plain), packed(&before), "{name}");
    }
}

/// A rule that selects less must not take a cover away.
#[test]
fn encrypting_again_opens_nothing() {
    let Some(site) = Site::new(ALL) else { return };
    site.lab
        .write("secrets/a.yaml", &secret("first-8f3kQ-zz81"));
    assert_eq!(site.fix(&[]).0, 0);
    let narrow = ALL.replace(
        "unencrypted_regex: ^(apiVersion|kind|metadata)$",
        "encrypted_regex: ^added$",
    );
    site.lab
        .write(".sops.yaml", &narrow.replace("AGE", &site.recipient));
    site.lab.commit("narrower");
    let mixed = site
        .read("secrets/a.yaml")
        .replace("stringData:\n", "added: kumquat-8f3kQ-zz81\nstringData:\n");
    site.lab.write("secrets/a.yaml", &mixed);
    let (code, told) = site.fix(&["--reencrypt", "--yes"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("values would become readable"), "{told}");
    assert_eq!(site.read("secrets/a.yaml"), mixed);
}

/// What a stranger wrote into the metadata is not handed to sops unless all of it is understood and allowed.
#[test]
fn metadata_of_a_stranger_reaches_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let entry = |field: &str| {
        format!(
            "sops:\n    {field}:\n        - vault_address: http://127.0.0.1:{port}\n          engine_path: transit\n          key_name: k\n          created_at: \"2024-01-01T00:00:00Z\"\n          enc: vault:v1:aaaa\n"
        )
    };
    for field in ["hc_vault", "HC_VAULT"] {
        for (option, drift) in [("--update-keys", true), ("--reencrypt", false)] {
            let Some(mut site) = Site::new(ALL) else {
                return;
            };
            site.env("VAULT_TOKEN", "token-of-the-user");
            site.lab
                .write("secrets/a.yaml", &secret("first-8f3kQ-zz81"));
            assert_eq!(site.fix(&[]).0, 0);
            let mut text = site
                .read("secrets/a.yaml")
                .replace("sops:\n", &entry(field));
            if drift {
                let both = format!("{},{}", site.recipient, age(9).1);
                site.lab.write(".sops.yaml", &ALL.replace("AGE", &both));
            } else {
                text = text.replace(
                    "stringData:\n",
                    "stringData:\n    added: kumquat-8f3kQ-zz81\n",
                );
            }
            site.lab.write("secrets/a.yaml", &text);
            site.lab.commit("hostile");
            let (code, told) = site.fix(&[option, "--yes"]);
            assert_eq!(code, 1, "{field} {option}: {told}");
            assert_eq!(site.read("secrets/a.yaml"), text);
            assert!(
                listener.accept().is_err(),
                "{field} {option}: a connection was made"
            );
        }
    }
}

#[test]
fn a_sops_that_misbehaves_changes_nothing() {
    let Some(mut site) = Site::new(ALL) else {
        return;
    };
    site.lab
        .write("secrets/keys.yaml", &secret("first-8f3kQ-zz81"));
    site.lab
        .write("secrets/part.yaml", &secret("second-8f3kQ-zz81"));
    assert_eq!(site.fix(&[]).0, 0);
    let part = site.read("secrets/part.yaml");
    let part = part.replace(
        "stringData:\n",
        "stringData:\n    added: kumquat-8f3kQ-zz81\n",
    );
    site.lab.write("secrets/part.yaml", &part);
    let both = format!("{},{}", site.recipient, age(9).1);
    site.lab.write(".sops.yaml", &ALL.replace("AGE", &both));
    site.lab.commit("two");
    let real = site.sops.clone();
    // The last argument of updatekeys is the copy. Of other calls it is a file of the system: only what lies in the
    // laboratory is touched, whatever this runs as.
    let last = format!(
        "for f in \"$@\"; do :; done\ncase \"$f\" in '{}'/*) ;; *) cat >/dev/null; exit 1;; esac\n",
        std::fs::canonicalize(site.lab.dir.path())
            .unwrap()
            .join("tmp")
            .display()
    );
    for body in [
        "cat > /dev/null; exit 1",
        "sleep 60",
        "exit 0",
        &format!("{last}echo garbage > \"$f\"; echo garbage"),
        &format!(
            "{last}\"$SOPS\" \"$@\" && sed -i 's/ENC.AES256_GCM,data:..../ENC[AES256_GCM,data:AAAA/' \"$f\""
        ),
        &format!("{last}\"$SOPS\" \"$@\" && head -c 900 \"$f\" > \"$f.x\" && mv \"$f.x\" \"$f\""),
        &format!("{last}rm -f \"$f\"; kill -9 $$"),
        "cat; exit 0",
        "cat >&2; exit 128",
        "kill -INT $PPID; sleep 60",
    ] {
        let text = format!(
            "#!/bin/sh\nSOPS='{}'\ncase \"$*\" in *--version*) echo 'sops 3.13.3'; exit 0;; esac\n{body}\n",
            real.display()
        );
        site.sops = script(&site.lab.dir.path().join("bin/sops"), &text);
        let before = site.files();
        for args in [
            ["--update-keys", "secrets/keys.yaml"],
            ["--reencrypt", "secrets/part.yaml"],
        ] {
            let (code, told) = site.fix(&[&args[..], &["--yes", "--sops-timeout", "2s"]].concat());
            let stopped = body.contains("-INT");
            assert_eq!(
                code,
                if stopped { 130 } else { 1 },
                "{body} {args:?}: {told}"
            );
            assert!(told.contains("0 mended, 1 left as"), "{body}: {told}");
            assert_eq!(site.files(), before, "{body} {args:?}");
        }
    }
}

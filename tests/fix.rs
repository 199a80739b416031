//! `fix`: what it plans, what it asks, what it refuses, and whom it does not contact.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "fix/site.rs"]
mod site;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use site::{CANARY, Site, age, script, secret};

const ALL: &str = "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n    age: AGE\n";

/// The file stays as it is, and the reason is told.
fn stays(config: &str, text: &str, why: &str) {
    let Some(site) = Site::new(config) else {
        return;
    };
    site.lab.write("secrets/a.yaml", text);
    for args in [&["--dry-run"][..], &["--yes"]] {
        let (code, told) = site.fix(args);
        assert_eq!(code, 1, "{config}: {told}");
        assert!(told.contains(why), "{config}: {told}");
        assert_eq!(site.read("secrets/a.yaml"), text);
    }
}

#[test]
fn rules_that_would_not_do() {
    let text = secret(CANARY);
    let with = |options: &str| format!("creation_rules:\n  - path_regex: secrets/\n{options}");
    let age = "    age: AGE\n";
    stays(
        &with(&format!("    encrypted_regex: ^spec$\n{age}")),
        &text,
        "rule 1 of .sops.yaml encrypts nothing of it",
    );
    let two = format!("{text}  user: x-8f3kQ-7Zt2w-1\n");
    stays(
        &with(&format!("    encrypted_regex: ^user$\n{age}")),
        &two,
        "would not cover every flagged leaf: /stringData/password would stay readable",
    );
    stays(
        &with(&format!("    encrypted_regex: '(?=x)'\n{age}")),
        &text,
        "does not compile",
    );
    stays(&with("    pgp: ''\n"), &text, "names no recipient");
    stays(
        &with(&format!(
            "    encrypted_regex: a\n    unencrypted_regex: b\n{age}"
        )),
        &text,
        "more than one selection option",
    );
    stays(
        "creation_rules:\n  - path_regex: '('\n    age: AGE\n",
        &text,
        "pattern that Go rejects",
    );
    stays(
        &with(age),
        &format!("{text}sops: {{x: 1}}\n"),
        "a `sops` key",
    );
    stays(
        &with(age),
        "stringData:\n  password: [kumquat-8f3kQ-zz81\n",
        "does not parse",
    );
}

#[test]
fn a_rule_to_add_is_printed_and_never_a_guess() {
    let Some(site) = Site::new(ALL) else { return };
    site.lab.write("apps/d'b (1).yaml", &secret(CANARY));
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 1);
    let want = format!(
        "  left      no rule of .sops.yaml governs it\n  add       to .sops.yaml, before any broader rule:\n              - path_regex: '^apps/d''b \\(1\\)\\.yaml$'\n                encrypted_regex: ^(data|stringData)$\n                age: {}\n",
        site.recipient
    );
    assert!(told.contains(&want), "{told}");
    // What is printed works.
    let rule = "creation_rules:\n  - path_regex: '^apps/d''b \\(1\\)\\.yaml$'\n    encrypted_regex: ^(data|stringData)$\n    age: AGE\n";
    site.lab
        .write(".sops.yaml", &rule.replace("AGE", &site.recipient));
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 0, "{told}");
    // Two sets, and nobody can tell which is meant.
    let two = format!("{ALL}  - path_regex: other/\n    age: {}\n", age(9).1);
    let Some(site) = Site::new(&two) else { return };
    site.lab.write("apps/a.yaml", &secret(CANARY));
    let (_, told) = site.fix(&[]);
    assert!(
        told.contains("age: AGE-RECIPIENT   (a placeholder"),
        "{told}"
    );
}

#[test]
fn the_plan_shows_everything_and_no_value() {
    let Some(site) = Site::new(ALL) else { return };
    site.lab
        .write("secrets/a.yaml", &format!("# note\n{}", secret(CANARY)));
    site.lab.commit("leaked");
    let head = String::from_utf8(site.lab.git(&["rev-parse", "HEAD"])).unwrap();
    let (code, plan) = site.fix(&["--dry-run"]);
    assert_eq!(code, 0, "{plan}");
    for line in [
        "secrets/a.yaml\n",
        "  encrypt   as yaml, by .sops.yaml rule 1 (line 2)\n",
        "  contacts  nobody\n",
        "  encrypts  1 value: /stringData/password\n",
        "  readable  3 values: /apiVersion, /kind, /metadata/name\n",
        "  note      sops writes the file anew",
        &format!("already in {}", &head[..10]),
        "dry run: 1 to mend, 0 left as they are, nothing was changed\n",
    ] {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    assert!(site.read("secrets/a.yaml").contains(CANARY));
    assert_eq!(site.fix(&[]).0, 0);
}

#[test]
fn a_source_of_a_generator_is_what_is_encrypted() {
    let Some(site) = Site::new("creation_rules:\n  - path_regex: \\.env$\n    age: AGE\n") else {
        return;
    };
    site.lab.write(
        "k/kustomization.yaml",
        "secretGenerator:\n- name: a\n  envs: [db.env]\n",
    );
    site.lab.write("k/db.env", &format!("PASSWORD={CANARY}\n"));
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("mended  k/db.env\n"), "{told}");
    site.assert_clean(&[]);
}

/// Whoever adds a recipient to a config would read every secret from then on.
#[test]
fn new_recipients_are_not_covered_by_yes() {
    let Some(site) = Site::new(ALL) else { return };
    let other = age(9).1;
    let text = secret(CANARY);
    site.lab.write("secrets/a.yaml", &text);
    site.lab.write(
        ".sops.yaml",
        &ALL.replace("AGE", &format!("{},{other}", site.recipient)),
    );
    for (stage, args) in [(false, &["--yes"][..]), (true, &["--yes", "--staged"])] {
        if stage {
            site.lab.git(&["add", "-A"]);
        }
        let (code, told) = site.fix(args);
        assert_eq!(code, 1, "{told}");
        assert!(
            told.contains("NEW: by the rules at HEAD it could not open this file"),
            "{told}"
        );
        assert!(told.contains("--accept-new-recipients"), "{told}");
        assert_eq!(site.read("secrets/a.yaml"), text);
        assert_eq!(told.matches("   NEW").count(), 1, "{told}");
    }
    let (code, told) = site.fix(&["--accept-new-recipients"]);
    assert_eq!(code, 0, "{told}");
    assert!(site.read("secrets/a.yaml").contains(&other));
}

/// A key of another rule in the place of the rule's own, and a file that one of two may open alone from now on.
#[test]
fn recipients_that_move_are_new() {
    let Some(site) = Site::new(ALL) else { return };
    let other = age(9).1;
    let of = |rule: &str| {
        rule.replace("AGE", &site.recipient)
            .replace("OTHER", &other)
    };
    let selection = "    encrypted_regex: ^(data|stringData)$\n";
    let before = format!(
        "creation_rules:\n  - path_regex: secrets/\n{selection}    age: AGE\n  - path_regex: tests/\n    age: OTHER\n"
    );
    let moved = before.replace("AGE", "OTHER");
    let groups = format!(
        "creation_rules:\n  - path_regex: secrets/\n{selection}    shamir_threshold: 2\n    key_groups:\n    - age: [AGE]\n    - age: [OTHER]\n"
    );
    let flat =
        format!("creation_rules:\n  - path_regex: secrets/\n{selection}    age: AGE,OTHER\n");
    let text = secret(CANARY);
    for (head, now, new) in [
        (&before, &before, false),
        (&before, &moved, true),
        (&groups, &groups, false),
        (&groups, &flat, true),
    ] {
        site.lab.write(".sops.yaml", &of(head));
        site.lab.git(&["add", ".sops.yaml"]);
        site.lab
            .git(&["commit", "-q", "--allow-empty", "-m", "rules"]);
        site.lab.write(".sops.yaml", &of(now));
        site.lab.write("secrets/a.yaml", &text);
        let (code, told) = site.fix(&["--yes"]);
        assert_eq!(code, i32::from(new), "{told}");
        assert_eq!(told.contains("   NEW: "), new, "{told}");
        assert_eq!(site.read("secrets/a.yaml") == text, new, "{told}");
    }
}

#[test]
fn what_is_hidden_or_no_error_is_left_alone() {
    let Some(site) = Site::new(ALL) else { return };
    let ignored = format!(
        "apiVersion: v1\nkind: Secret\nstringData:\n  # sopsguard: ignore[plaintext-secret] test\n  password: {CANARY}\n"
    );
    site.lab.write("apps/a.yaml", &ignored);
    site.lab.write("docs/examples/b.yaml", &secret(CANARY));
    assert_eq!(site.fix(&[]), (0, "nothing to mend\n".to_owned()));
    assert_eq!(site.read("apps/a.yaml"), ignored);
}

/// A listener that counts who comes, and answers nothing.
fn listener() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            seen.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    (port, count)
}

/// A config of a stranger, settings that name a program, a sops of the repository's own.
#[test]
fn a_hostile_repository_reaches_nothing() {
    let Some(mut site) = Site::new(ALL) else {
        return;
    };
    let (port, count) = listener();
    site.env("VAULT_TOKEN", "token-of-the-user");
    site.env("SOPS_KEYSERVICE", format!("tcp://127.0.0.1:{port}"));
    let mark = site.lab.dir.path().join("mark");
    let evil = format!("#!/bin/sh\ntouch '{}'\n", mark.display());
    let bin = site.lab.dir.path().join("plugins");
    script(&bin.join("age-plugin-evil"), &evil);
    script(&site.lab.top().join("bin/sops"), &evil);
    script(&site.lab.top().join("bin/git"), &evil);
    let path = format!(
        "{}:{}:{}",
        site.lab.top().join("bin").display(),
        bin.display(),
        std::env::var("PATH").unwrap()
    );
    site.env("PATH", path);
    let plugin = plugin_recipient();
    let vault = format!("http://127.0.0.1:{port}/v1/transit/keys/k");
    let text = secret(CANARY);
    let configs = [
        format!("    hc_vault_transit_uri: {vault}\n"),
        format!("    age: AGE\n    hc_vault_transit_uri: {vault}\n"),
        format!("    key_groups:\n    - age: [AGE]\n    - hc_vault: ['{vault}']\n"),
        format!("    key_groups:\n    - merge:\n      - hc_vault: ['{vault}']\n      age: [AGE]\n"),
        format!("    age: AGE\n    <<: {{hc_vault_transit_uri: '{vault}'}}\n"),
        format!("    age: {plugin}\n"),
        format!("    age: AGE,{plugin}\n"),
    ];
    for keys in configs {
        let config = format!(
            "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n{keys}"
        );
        site.lab
            .write(".sops.yaml", &config.replace("AGE", &site.recipient));
        site.lab.write("secrets/a.yaml", &text);
        site.lab.commit("hostile");
        site.lab
            .write("secrets/a.yaml", &format!("{text}  x: {CANARY}\n"));
        for args in [
            &["--yes"][..],
            &[
                "--yes",
                "--accept-new-recipients",
                "--update-keys",
                "--reencrypt",
            ],
            &["--yes", "--allow-key-service", "vault.example.org"],
            &["--yes", "--staged"],
        ] {
            site.lab.git(&["add", "-A"]);
            let (code, told) = site.fix(args);
            assert_eq!(code, 1, "{keys}: {told}");
        }
        assert!(site.read("secrets/a.yaml").contains(CANARY));
    }
    // In words that our reader does not take and that of sops might.
    for keys in [
        format!("    age: AGE\n    HC_VAULT_TRANSIT_URI: {vault}\n"),
        format!("    age: AGE\n    hc_vault: ['{vault}']\n"),
    ] {
        let config = format!(
            "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n{keys}"
        );
        site.lab
            .write(".sops.yaml", &config.replace("AGE", &site.recipient));
        site.lab.write("secrets/a.yaml", &text);
        site.lab.commit("odd");
        let (code, told) = site.fix(&["--yes"]);
        assert_eq!(code, 0, "{told}");
    }
    // Settings cannot name a program at all.
    site.lab
        .write("sopsguard.toml", "[sops]\ncommand = \"./bin/sops\"\n");
    assert_eq!(site.fix(&["--yes"]).0, 2);
    std::fs::remove_file(site.lab.top().join("sopsguard.toml")).unwrap();
    // Nor can the repository be where sops is.
    let (code, _) = site.fix(&["--yes", "--sops-command", "bin/sops"]);
    assert!(code == 2 || code == 0);
    site.lab.write("secrets/a.yaml", &text);
    assert_eq!(site.fix(&["--yes", "--sops-command", "bin/sops"]).0, 2);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(count.load(Ordering::SeqCst), 0, "a connection was made");
    assert!(!mark.exists(), "a program of the repository was started");
}

/// A recipient of a plugin called `evil`.
fn plugin_recipient() -> String {
    let hrp = bech32::Hrp::parse("age1evil").unwrap();
    bech32::encode::<bech32::Bech32>(hrp, &[7; 32]).unwrap()
}

/// What a stand-in for Vault answers.
#[derive(Clone, Copy)]
enum Vault {
    Works,
    Forbids,
    Hangs,
}

/// A server of Vault's transit engine: it hides a data key in its own ciphertext text.
fn vault(kind: Vault) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || serve(stream, kind, &seen));
        }
    });
    (port, count)
}

fn serve(stream: std::net::TcpStream, kind: Vault, seen: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        seen.fetch_add(1, Ordering::SeqCst);
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let (status, answer) = match kind {
            Vault::Hangs => {
                std::thread::sleep(Duration::from_secs(60));
                return;
            }
            Vault::Forbids => (
                "403 Forbidden",
                serde_json::json!({"errors": ["permission denied"]}),
            ),
            Vault::Works if first.contains("/encrypt/") => (
                "200 OK",
                serde_json::json!({"data": {"ciphertext": format!("vault:v1:{}", json["plaintext"].as_str().unwrap())}}),
            ),
            Vault::Works => {
                let text = json["ciphertext"].as_str().unwrap_or_default();
                let plain = text.strip_prefix("vault:v1:").unwrap_or_default();
                ("200 OK", serde_json::json!({"data": {"plaintext": plain}}))
            }
        };
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        let stream = reader.get_mut();
        if stream.write_all(head.as_bytes()).is_err()
            || stream.write_all(answer.as_bytes()).is_err()
        {
            return;
        }
    }
}

#[test]
fn a_key_service_that_was_allowed() {
    for (kind, why) in [
        (Vault::Works, None),
        (
            Vault::Forbids,
            Some("a key service could not be asked, or refused"),
        ),
        (Vault::Hangs, Some("took too long")),
    ] {
        let (port, count) = vault(kind);
        let config = format!(
            "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n    hc_vault_transit_uri: http://127.0.0.1:{port}/v1/transit/keys/k\n"
        );
        let Some(mut site) = Site::new(&config) else {
            return;
        };
        site.env("VAULT_TOKEN", "token-of-the-user");
        let text = secret(CANARY);
        site.lab.write("secrets/a.yaml", &text);
        let (code, told) = site.fix(&["--yes"]);
        assert_eq!(code, 1);
        let ask = format!("allow --allow-key-service 127.0.0.1:{port}");
        assert!(told.contains(&ask), "{told}");
        assert_eq!(count.load(Ordering::SeqCst), 0);
        let (code, told) = site.fix(&["--allow-key-service", "127.0.0.1", "--sops-timeout", "3s"]);
        assert!(
            told.contains(&format!("  contacts  127.0.0.1:{port}\n")),
            "{told}"
        );
        match why {
            None => {
                assert_eq!(code, 0, "{told}");
                let plain = String::from_utf8(site.decrypted("secrets/a.yaml")).unwrap();
                assert!(plain.contains(CANARY));
            }
            Some(why) => {
                assert_eq!(code, 1, "{told}");
                assert!(told.contains(why), "{told}");
                assert_eq!(site.read("secrets/a.yaml"), text);
            }
        }
        assert!(count.load(Ordering::SeqCst) > 0);
    }
    // An endpoint where nobody is.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = format!(
        "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n    hc_vault_transit_uri: http://127.0.0.1:{free}/v1/transit/keys/k\n"
    );
    let Some(site) = Site::new(&config) else {
        return;
    };
    site.lab.write("secrets/a.yaml", &secret(CANARY));
    let (code, told) = site.fix(&["--allow-key-service", "all", "--sops-timeout", "3s"]);
    assert_eq!(code, 1, "{told}");
    assert!(site.read("secrets/a.yaml").contains(CANARY));
    let _ = base64::engine::general_purpose::STANDARD.encode("x");
}

/// What is typed on a terminal, which `script` pretends to be.
#[test]
fn questions_on_a_terminal() {
    let Some(site) = Site::new(ALL) else { return };
    let terminal = |args: &str, typed: &str| -> Option<(i32, String)> {
        let inner = site.command(&[]);
        let mut command = std::process::Command::new("script");
        let call = format!("'{}' fix {args}", env!("CARGO_BIN_EXE_sopsguard"));
        command
            .args(["-qec", &call, "/dev/null"])
            .current_dir(site.lab.top());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut child = command.spawn().ok()?;
        // Behind the question, or the terminal takes it for the next one.
        std::thread::sleep(Duration::from_millis(700));
        child
            .stdin
            .take()
            .unwrap()
            .write_all(typed.as_bytes())
            .unwrap();
        let out = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        Some((out.status.code().unwrap_or(-1), text))
    };
    let other = age(9).1;
    let text = secret(CANARY);
    site.lab.write("secrets/a.yaml", &text);
    site.lab.write(
        ".sops.yaml",
        &ALL.replace("AGE", &format!("{},{other}", site.recipient)),
    );
    let Some((code, told)) = terminal("--yes", "yes\n") else {
        return site::skipped("script");
    };
    assert!(told.contains("Type `accept`"), "{told}");
    assert_eq!((code, site.read("secrets/a.yaml")), (1, text), "{told}");
    let (code, told) = terminal("", "accept\n").unwrap();
    assert_eq!(code, 0, "{told}");
    assert!(site.read("secrets/a.yaml").contains(&other));
    // Recipients of a file that is encrypted already.
    site.lab
        .write(".sops.yaml", &ALL.replace("AGE", &site.recipient));
    site.lab.commit("one less");
    let (code, told) = terminal("--update-keys", "n\n").unwrap();
    assert!(told.contains("[y/N]"), "{told}");
    assert_eq!(
        (code, site.read("secrets/a.yaml").contains(&other)),
        (1, true)
    );
    let (code, told) = terminal("--update-keys", "y\n").unwrap();
    assert_eq!(
        (code, site.read("secrets/a.yaml").contains(&other)),
        (0, false),
        "{told}"
    );
}

//! `fix`: what is picked, what is left, and the commands that reports name.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "fix/site.rs"]
mod site;

use std::process::{Command, Output};

use site::{CANARY, Site, age, script, secret};

/// The most common config there is.
const CATCH_ALL: &str = "creation_rules:\n  - age: AGE\n";
const SECRETS: &str = "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n    age: AGE\n";
const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIFPp6xJ6gIWBJkF7jZ1kqsYh8mJxK2d4k5v8E1g4Tq7c\n-----END PRIVATE KEY-----\n";

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|l| format!("{by}{l}\n")).collect()
}

fn embedded() -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  s: |\n{}",
        indented(&secret(CANARY), "    ")
    )
}

/// Findings that no encryption repairs, in files that would be of no use encrypted.
#[test]
fn what_no_check_repairs_is_never_encrypted() {
    let Some(site) = Site::new(CATCH_ALL) else {
        return;
    };
    let files = [
        (
            "cmd/main.go",
            format!("package main\n\nconst k = `{PEM}`\n"),
        ),
        ("README.md", format!("# x\n\n{PEM}")),
        ("Dockerfile", format!("FROM x\n# {CANARY}\n{PEM}")),
        (
            ".github/workflows/ci.yml",
            format!("on: push\nenv:\n  K: |\n{}", indented(PEM, "    ")),
        ),
        ("id.txt", format!("{}\n", age(7).0)),
        ("k/embedded.yaml", embedded()),
        (
            "k/kustomization.yaml",
            format!("secretGenerator:\n- name: a\n  literals:\n  - PASSWORD={CANARY}\n"),
        ),
    ];
    for (path, text) in &files {
        site.lab.write(path, text);
    }
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 1, "{told}");
    assert!(
        told.contains(
            "7 findings cannot be mended by encryption; `sopsguard scan` tells what to do"
        ),
        "{told}"
    );
    for (path, text) in &files {
        let (code, told) = site.fix(&[path]);
        assert_eq!(code, 1, "{path}: {told}");
        assert!(told.contains("encryption does not mend "), "{path}: {told}");
        assert_eq!(site.read(path), *text, "{path}");
    }
    let (_, told) = site.fix(&["cmd/main.go"]);
    assert!(
        told.contains("encryption does not mend private-key: take it out of the repository"),
        "{told}"
    );
    site.lab.git(&["add", "-A"]);
    let (code, told) = site.fix(&["--staged"]);
    assert_eq!(code, 1, "{told}");
    for (path, text) in &files {
        assert_eq!(site.staged(path), *text, "{path}");
    }
}

/// A narrow rule asks for these, and they are what they are.
#[test]
fn what_is_exempt_or_steers_is_never_encrypted() {
    let config = "creation_rules:\n  - path_regex: ^flux/|\\.env$|\\.txt$\n    age: AGE\n";
    let Some(site) = Site::new(config) else {
        return;
    };
    // The source of a generator is documentation by its name.
    site.lab.write(
        "k/kustomization.yaml",
        "secretGenerator:\n- name: a\n  files: [README.md]\n- name: b\n  envs: [db.env]\n",
    );
    site.lab.write("k/db.env", &format!("PASSWORD={CANARY}\n"));
    let mixed = format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: a\nspec:\n  path: ./x\n---\n{}",
        secret(CANARY)
    );
    site.lab.write("flux/all.yaml", &mixed);
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("mended  k/db.env"), "{told}");
    assert_eq!(site.read("flux/all.yaml"), mixed);
    assert!(told.contains("encrypted-identity"), "{told}");
    // By a rule that spares the identity the object would still lose what it says.
    let spares = config.replace(
        "    age",
        "    unencrypted_regex: ^(apiVersion|kind|metadata)$\n    age",
    );
    site.lab
        .write(".sops.yaml", &spares.replace("AGE", &site.recipient));
    site.lab.commit("spares");
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 1, "{told}");
    assert!(
        told.contains("would encrypt /spec/path of an object that steers the cluster"),
        "{told}"
    );
    assert_eq!(site.read("flux/all.yaml"), mixed);
}

/// The key of a server is what Secrets are for; the key that opens them is not.
#[test]
fn keys_of_servers_are_encrypted_where_a_rule_asks() {
    let Some(site) = Site::new(SECRETS) else {
        return;
    };
    let of = |pem: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  tls.key: |\n{}",
            indented(pem, "    ")
        )
    };
    site.lab.write("secrets/tls.yaml", &of(PEM));
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 0, "{told}");
    assert!(site.read("secrets/tls.yaml").contains("ENC[AES256_GCM"));
    site.assert_clean(&[]);
    // An identity of age in the same place, also where the rule demands the whole file.
    let narrow = "creation_rules:\n  - path_regex: secrets/\n    unencrypted_regex: ^(apiVersion|kind|metadata)$\n    age: AGE\n";
    for config in [SECRETS, narrow] {
        site.lab
            .write(".sops.yaml", &config.replace("AGE", &site.recipient));
        let texts = [
            ("secrets/flux.yaml", of(&age(7).0)),
            (
                "secrets/plain.yaml",
                format!("flux_age_key: {}\n", age(7).0),
            ),
            ("secrets/keys.txt", format!("{}\n", age(7).0)),
        ];
        for (path, text) in &texts {
            site.lab.write(path, text);
            for args in [&[][..], &[*path]] {
                let (code, told) = site.fix(args);
                assert_eq!(code, 1, "{told}");
                assert_eq!(site.read(path), *text, "{told}");
            }
            let (_, told) = site.fix(&[path]);
            assert!(
                told.contains("encryption does not mend private-key: take it out")
                    || told.contains("it holds the key that would open it"),
                "{told}"
            );
        }
    }
}

/// Encrypted as a whole, a manifest is of no use to anybody.
#[test]
fn a_manifest_keeps_its_identity() {
    for (path, config) in [
        (
            "secrets/a.yaml",
            SECRETS.replace("    encrypted_regex: ^(data|stringData)$\n", ""),
        ),
        ("k8s/db.sops.yaml", CATCH_ALL.to_owned()),
    ] {
        let Some(site) = Site::new(&config) else {
            return;
        };
        let text = secret(CANARY);
        site.lab.write(path, &text);
        for args in [&["--dry-run"][..], &[], &[path]] {
            let (code, told) = site.fix(args);
            assert_eq!(code, 1, "{told}");
            let want = "rule 1 of .sops.yaml would encrypt /apiVersion of a manifest, which then cannot be built (encrypted-identity); add `encrypted_regex: ^(data|stringData)$` to that rule";
            assert!(told.contains(want), "{told}");
            assert_eq!(site.read(path), text);
        }
        let better = config.replace(
            "age: AGE",
            "encrypted_regex: ^(data|stringData)$\n    age: AGE",
        );
        site.lab
            .write(".sops.yaml", &better.replace("AGE", &site.recipient));
        let (code, told) = site.fix(&[]);
        assert_eq!(code, 0, "{told}");
        site.assert_clean(&[]);
        // A team that switches the warning off means it.
        site.lab
            .write(".sops.yaml", &config.replace("AGE", &site.recipient));
        site.lab
            .write("sopsguard.toml", "[checks]\nencrypted-identity = \"off\"\n");
        site.lab.write(path, &text);
        let (code, told) = site.fix(&[]);
        assert_eq!(code, 0, "{told}");
    }
}

/// The command that a report names.
fn named(report: &str) -> String {
    let mut lines = report.lines();
    let line = lines.find_map(|l| l.trim().strip_prefix("fix:  "));
    line.unwrap_or_else(|| panic!("{report}")).to_owned()
}

/// Runs a line as somebody would who copies it.
fn shell(site: &Site, line: &str) -> Output {
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_sopsguard"))
        .parent()
        .unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(site.lab.top());
    for (name, value) in site.command(&[]).get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env("PATH", path).output().unwrap()
}

fn text(out: &Output) -> String {
    let (a, b) = (&out.stdout, &out.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(a),
        String::from_utf8_lossy(b)
    )
}

#[test]
fn a_warning_is_mended_where_its_file_is_named() {
    let Some(site) = Site::new(CATCH_ALL) else {
        return;
    };
    let rule = "creation_rules:\n  - encrypted_regex: ^stringData$\n    age: AGE\n";
    site.lab
        .write(".sops.yaml", &rule.replace("AGE", &site.recipient));
    site.lab.commit("rule");
    let path = "tests/all.yaml";
    site.lab.write(path, &secret(CANARY));
    for args in [&[][..], &["tests"], &["--only-errors", path]] {
        let (code, told) = site.fix(args);
        assert_eq!(code, 0, "{told}");
        assert!(
            told.contains("1 warning can be mended, too: name the file\n"),
            "{told}"
        );
        assert_eq!(site.read(path), secret(CANARY));
    }
    let report = site.run(&["scan"]);
    let line = named(&text(&report));
    assert_eq!(line, format!("sopsguard fix {path}"));
    let out = shell(&site, &line);
    assert!(out.status.success(), "{}", text(&out));
    assert!(site.read(path).contains("ENC[AES256_GCM"));
    let (code, told) = site.fix(&[path]);
    assert_eq!((code, told.as_str()), (0, "nothing to mend\n"));
}

/// A refused commit, the command that it names, the same commit again.
#[test]
fn the_named_command_works_after_commits_of_every_kind() {
    let a = "secrets/a.yaml";
    for (args, line) in [
        ("-a", format!("sopsguard fix {a}")),
        (a, format!("sopsguard fix {a}")),
        ("", format!("sopsguard fix --staged {a}")),
    ] {
        let Some(site) = Site::new(SECRETS) else {
            return;
        };
        site.lab.write(a, "x: y\n");
        site.lab.git(&["add", a]);
        site.lab
            .git(&["commit", "-q", "--no-verify", "-m", "plain"]);
        script(
            &site.lab.top().join(".git/hooks/pre-commit"),
            &format!(
                "#!/bin/sh\nexec '{}' hook run pre-commit\n",
                env!("CARGO_BIN_EXE_sopsguard")
            ),
        );
        site.lab.write(a, &secret(CANARY));
        if args.is_empty() {
            site.lab.git(&["add", a]);
        }
        let commit = format!("git commit -q -m x {args}");
        let refused = shell(&site, &commit);
        assert!(!refused.status.success(), "{args}: {}", text(&refused));
        let report = text(&refused);
        assert_eq!(named(&report), line, "{report}");
        let last = report.trim_end().lines().last().unwrap();
        let want = match args {
            "" => "to encrypt it: sopsguard fix --staged && git commit".to_owned(),
            _ => format!("to encrypt it: {line}"),
        };
        assert_eq!(last, want, "{report}");
        let out = shell(&site, &format!("{line} && {commit}"));
        assert!(out.status.success(), "{args}: {}", text(&out));
        let head = site.lab.git(&["show", &format!("HEAD:{a}")]);
        let head = String::from_utf8(head).unwrap();
        assert!(head.contains("ENC[AES256_GCM") && !head.contains(CANARY));
        let status = String::from_utf8(site.lab.git(&["status", "--porcelain"])).unwrap();
        assert_eq!(status, "", "{args}");
    }
}

#[test]
fn the_last_line_tells_how_many_can_be_encrypted() {
    let Some(site) = Site::new(SECRETS) else {
        return;
    };
    site.lab.write("secrets/a.yaml", &secret(CANARY));
    site.lab.write("secrets/b.yaml", &secret(CANARY));
    site.lab.git(&["add", "-A"]);
    let last = |site: &Site| {
        let report = text(&site.run(&["scan", "--staged"]));
        report.trim_end().lines().last().unwrap().to_owned()
    };
    assert_eq!(
        last(&site),
        "to encrypt them: sopsguard fix --staged && git commit"
    );
    site.lab.write("id.txt", &format!("{}\n", age(8).0));
    site.lab.git(&["add", "-A"]);
    assert_eq!(
        last(&site),
        "2 of 3 can be encrypted: sopsguard fix --staged"
    );
    assert_eq!(site.fix(&["--staged"]).0, 1);
    assert!(last(&site).starts_with("1 error in "), "{}", last(&site));
    // What is on disk has no commit that waits.
    let report = text(&site.run(&["scan"]));
    assert!(!report.contains("can be encrypted"), "{report}");
}

/// Nothing is added that was not staged, and nothing changes that was not named.
#[test]
fn the_source_of_a_generator_is_left_where_nobody_asked() {
    let Some(site) = Site::new("creation_rules:\n  - age: AGE\n") else {
        return;
    };
    let plain = format!("PASSWORD={CANARY}\n");
    site.lab.write("app/db.env", &plain);
    site.lab.write("app/kustomization.yaml", "resources: []\n");
    site.lab.commit("plain");
    site.lab.write(
        "app/kustomization.yaml",
        "secretGenerator:\n- name: a\n  envs: [db.env]\n",
    );
    site.lab.git(&["add", "app/kustomization.yaml"]);
    let (code, told) = site.fix(&["--staged"]);
    assert_eq!(code, 1, "{told}");
    assert!(
        told.contains("not staged: sopsguard fix app/db.env"),
        "{told}"
    );
    assert_eq!(site.staged("app/db.env"), plain);
    assert_eq!(site.read("app/db.env"), plain);
    let (code, told) = site.fix(&["app/kustomization.yaml"]);
    assert_eq!(code, 1, "{told}");
    assert!(
        told.contains("not named: sopsguard fix app/db.env"),
        "{told}"
    );
    assert_eq!(site.read("app/db.env"), plain);
    let report = text(&site.run(&["scan", "--staged"]));
    assert_eq!(named(&report), "sopsguard fix app/db.env", "{report}");
    let out = shell(&site, "sopsguard fix app");
    assert!(out.status.success(), "{}", text(&out));
    assert!(site.read("app/db.env").contains("ENC[AES256_GCM"));
}

/// A staged config asks for files that are not staged: they are told of, and not added.
#[test]
fn a_change_of_rules_adds_no_file() {
    let Some(site) = Site::new("creation_rules:\n  - path_regex: other/\n    age: AGE\n") else {
        return;
    };
    let old = "a: quince\npassword: kumquat-8f3kQ-zz82\n";
    site.lab.write("secrets/old.yaml", old);
    site.lab.commit("plain");
    site.lab.write(
        ".sops.yaml",
        &SECRETS
            .replace("    encrypted_regex: ^(data|stringData)$\n", "")
            .replace("AGE", &site.recipient),
    );
    site.lab
        .write("secrets/new.yaml", &format!("a: {CANARY}\n"));
    site.lab.git(&["add", "-A"]);
    let report = text(&site.run(&["scan", "--staged"]));
    assert!(
        report.contains("sopsguard fix secrets/old.yaml"),
        "{report}"
    );
    let last = report.trim_end().lines().last().unwrap();
    assert_eq!(last, "to encrypt it: sopsguard fix --staged && git commit");
    let named = ["--staged", "--accept-new-recipients", "secrets/old.yaml"];
    let (code, told) = site.fix(&named);
    assert_eq!(code, 1, "{told}");
    assert!(
        told.contains("not staged: sopsguard fix secrets/old.yaml"),
        "{told}"
    );
    let (code, told) = site.fix(&named[..2]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(site.staged("secrets/old.yaml"), old);
    assert_eq!(site.read("secrets/old.yaml"), old);
    assert!(site.staged("secrets/new.yaml").contains("ENC[AES256_GCM"));
}

/// A copy of an encrypted file is deleted and not encrypted a second time, also where a narrow rule names it.
#[test]
fn a_copy_is_left() {
    let Some(site) = Site::new("creation_rules:\n  - path_regex: \\.env$\n    age: AGE\n") else {
        return;
    };
    let plain = format!("PASSWORD={CANARY}\nUSER=x-8f3kQ-7Zt2w-1\n");
    site.lab.write("prod.enc.env", &plain);
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 0, "{told}");
    site.lab.write("prod.env", &plain);
    for args in [&[][..], &["prod.env"]] {
        let (code, told) = site.fix(args);
        assert_eq!(code, 1, "{told}");
        assert_eq!(site.read("prod.env"), plain);
    }
    let (_, told) = site.fix(&["prod.env"]);
    assert!(
        told.contains("encryption does not mend decrypted-copy: delete the copy"),
        "{told}"
    );
}

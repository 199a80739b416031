//! `fix`: what its plan and its report tell, to whoever has to decide by them.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "fix/site.rs"]
mod site;

use site::{CANARY, Site, age, secret};

const ALL: &str = "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n    age: AGE\n";
const A: &str = "secrets/a.yaml";

fn short(site: &Site, name: &str) -> String {
    let id = String::from_utf8(site.lab.git(&["rev-parse", name])).unwrap();
    id[..10].to_owned()
}

#[test]
fn an_ssh_recipient_is_told_by_its_fingerprint_and_a_new_one_whole() {
    let ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZXsdJCk0kzvZEv8zQbAfNQwFwZ3mVQ0qcZsPqnW3dL";
    let print = "age ssh-ed25519 SHA256:tNUr8owrmor2EV88sr6OpN9o4wIDsvZDhVN5wbzSMN0";
    let config = format!(
        "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n    age: '{ssh}'\n"
    );
    let Some(site) = Site::new(&config) else {
        return;
    };
    site.lab.write(A, &secret(CANARY));
    let (_, told) = site.fix(&["--dry-run"]);
    assert!(told.contains(&format!("{print}\n")), "{told}");
    assert!(!told.contains(ssh), "{told}");
    // New: the key as well, and age keys uncut.
    let other = age(9).1;
    let config = format!(
        "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n    age: '{other}'\n"
    );
    let Some(site) = Site::new(&config) else {
        return;
    };
    let config = config.replace(&other, &format!("{ssh},{}", site.recipient));
    site.lab.write(".sops.yaml", &config);
    site.lab.write(A, &secret(CANARY));
    let (_, told) = site.fix(&["--dry-run"]);
    let new = "   NEW: by the rules at HEAD it could not open this file\n";
    assert!(told.contains(&format!("{print}{new}")), "{told}");
    assert!(told.contains(&format!("  {ssh}\n")), "{told}");
    assert!(
        told.contains(&format!("age {}{new}", site.recipient)),
        "{told}"
    );
}

/// The plaintext stands on another branch, in a remote branch, a tag, the stash: whoever can read those has it.
#[test]
fn what_stands_at_the_tip_of_a_ref_is_told() {
    let Some(site) = Site::new(ALL) else { return };
    let text = secret(CANARY);
    let (_, told) = {
        site.lab.write(A, &text);
        site.fix(&["--dry-run"])
    };
    assert!(!told.contains("rotate"), "{told}");
    assert!(told.contains("scan --history"), "{told}");
    site.lab.git(&["checkout", "-q", "-b", "other"]);
    site.lab.commit("leaked");
    let other = short(&site, "HEAD");
    site.lab.git(&["checkout", "-q", "-"]);
    for name in ["refs/heads/other", "refs/remotes/origin/x", "refs/tags/v1"] {
        if name != "refs/heads/other" {
            site.lab.git(&["update-ref", name, &other]);
            site.lab.git(&["for-each-ref"]);
            let old = if name.starts_with("refs/remotes") {
                "refs/heads/other"
            } else {
                "refs/remotes/origin/x"
            };
            site.lab.git(&["update-ref", "-d", old]);
        }
        site.lab.write(A, &text);
        let (code, told) = site.fix(&["--dry-run"]);
        let line = format!("  rotate    encrypted now, but already in {other} ({name}): whoever");
        assert!(code == 0 && told.contains(&line), "{told}");
    }
    // Under another name.
    std::fs::remove_file(site.lab.top().join(A)).unwrap();
    site.lab.write("secrets/b.yaml", &text);
    let (_, told) = site.fix(&["--dry-run"]);
    let line = format!("already in {other} (refs/tags/v1, as {A}): whoever");
    assert!(told.contains(&line), "{told}");
    // Stashed, and nowhere else.
    site.lab.git(&["tag", "-d", "v1"]);
    site.lab.git(&["stash", "push", "-q", "-u"]);
    site.lab.write("secrets/b.yaml", &text);
    let (_, told) = site.fix(&["--staged", "--dry-run"]);
    assert_eq!(
        told,
        "dry run: 0 to mend, 0 left as they are, nothing was changed\n"
    );
    let (_, told) = site.fix(&["--dry-run"]);
    assert!(told.contains("(refs/stash"), "{told}");
}

#[test]
fn a_value_that_changed_since_head_is_not_called_the_same() {
    let Some(site) = Site::new(ALL) else { return };
    site.lab.write(A, &secret("another-9kq2Zt-value"));
    site.lab.commit("leaked");
    site.lab.write(A, &secret(CANARY));
    let (_, told) = site.fix(&["--dry-run"]);
    assert!(!told.contains("already in"), "{told}");
    // The file is another one, and the value the same.
    site.lab.commit("leaked again");
    site.lab.write(A, &format!("{}  user: x\n", secret(CANARY)));
    let (_, told) = site.fix(&["--dry-run"]);
    let head = short(&site, "HEAD");
    let line = format!("already in {head} (HEAD), at least one of its values, in another version");
    assert!(told.contains(&line), "{told}");
}

/// A dry run promises nothing that the run does not do.
#[test]
fn what_nobody_agreed_to_is_left_in_the_plan() {
    let Some(site) = Site::new(ALL) else { return };
    let other = age(9).1;
    site.lab.write(
        ".sops.yaml",
        &ALL.replace("AGE", &format!("{},{other}", site.recipient)),
    );
    site.lab.write(A, &secret(CANARY));
    for (args, end) in [
        (&["--dry-run"][..], "dry run: 0 to mend, 1 left as they are"),
        (&[], "0 mended, 1 left as they were; 1 error remains"),
        (&["-q"], "0 mended, 1 left as they were; 1 error remains"),
    ] {
        let (code, told) = site.fix(args);
        assert_eq!(code, 1, "{told}");
        assert!(told.contains(end), "{told}");
        assert!(told.contains("--accept-new-recipients"), "{told}");
        assert!(
            args == ["-q"] || told.contains("  left      its rule names recipients"),
            "{told}"
        );
        // The question is never without what it is about.
        assert!(args == ["--dry-run"] || told.contains("NEW:"), "{told}");
    }
    let (code, told) = site.fix(&["--dry-run", "--accept-new-recipients"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("dry run: 1 to mend, 0 left"), "{told}");
}

#[test]
fn thirty_files_are_told_in_fifty_lines() {
    let Some(site) = Site::new(ALL) else { return };
    for i in 0..20 {
        site.lab
            .write(&format!("secrets/s{i}.yaml"), &secret(CANARY));
    }
    for i in 0..10 {
        site.lab.write(&format!("apps/s{i}.yaml"), &secret(CANARY));
    }
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 1, "{told}");
    assert!(told.lines().count() < 50, "{told}");
    assert_eq!(told.matches("sops writes the file anew").count(), 1);
    assert_eq!(told.matches("  to        age").count(), 1);
    assert!(
        told.contains("    and 14 more (--dry-run shows all)\n"),
        "{told}"
    );
    for i in 0..20 {
        let line = format!("mended  secrets/s{i}.yaml\n");
        assert!(told.contains(&line), "{told}");
    }
    // One rule for all of a directory, exactly for them, and it works.
    assert_eq!(told.matches("path_regex").count(), 1, "{told}");
    let pattern = r"'^apps/(s0\.yaml|s1\.yaml|s2\.yaml|";
    assert!(told.contains(pattern), "{told}");
    let at = |text: &str| told.find(text).unwrap();
    assert!(
        at("mended  secrets/s9") < at("  left      no rule"),
        "{told}"
    );
    let rule = told.lines().find(|l| l.contains("path_regex")).unwrap();
    let config = format!(
        "{ALL}  {}\n    encrypted_regex: ^(data|stringData)$\n    age: AGE\n",
        rule.trim_start()
    );
    site.lab
        .write(".sops.yaml", &config.replace("AGE", &site.recipient));
    let (code, told) = site.fix(&["--quiet"]);
    assert_eq!(code, 0, "{told}");
    // In a dry run each has everything.
    site.lab.write("secrets/s1.yaml", &secret(CANARY));
    site.lab.write("secrets/s2.yaml", &secret(CANARY));
    let (_, told) = site.fix(&["--dry-run"]);
    assert_eq!(told.matches("  to        age").count(), 2, "{told}");
}

#[test]
fn the_index_that_holds_the_plaintext_is_told() {
    let Some(site) = Site::new(ALL) else { return };
    site.lab.write(A, &secret(CANARY));
    site.lab.write("secrets/b.yaml", &secret(CANARY));
    site.lab.git(&["add", A]);
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 0, "{told}");
    assert!(
        told.contains("the index still holds the plaintext; to stage what is encrypted: git add secrets/a.yaml\n"),
        "{told}"
    );
    assert!(!told.contains(".git/objects"), "{told}");
    site.lab.git(&["reset", "-q"]);
    site.lab.write("secrets/c.yaml", &secret(CANARY));
    let (_, told) = site.fix(&[]);
    assert!(!told.contains("git add"), "{told}");
    site.lab.write(A, &secret(CANARY));
    site.lab.git(&["add", A]);
    let (_, told) = site.fix(&["--staged"]);
    assert!(told.contains("stays in .git/objects"), "{told}");
}

#[test]
fn marks_of_an_entry_stay() {
    for (mark, letter) in [("--skip-worktree", "S "), ("--assume-unchanged", "h ")] {
        let Some(site) = Site::new(ALL) else { return };
        site.lab.write(A, &secret(CANARY));
        site.lab.git(&["add", A]);
        site.lab.git(&["update-index", mark, A]);
        let (code, told) = site.fix(&["--staged"]);
        assert_eq!(code, 0, "{told}");
        assert!(site.staged(A).contains("ENC["));
        let list = String::from_utf8(site.lab.git(&["ls-files", "-v", A])).unwrap();
        assert_eq!(list, format!("{letter}{A}\n"));
    }
}

#[test]
fn a_program_reads_one_document() {
    let Some(site) = Site::new(ALL) else { return };
    site.lab.write(A, &secret(CANARY));
    site.lab.write("apps/b.yaml", &secret(CANARY));
    for (args, result) in [(&["--dry-run"][..], "planned"), (&[], "mended")] {
        let (code, told) = site.fix(&[&["--format", "json"], args].concat());
        assert_eq!(code, 1, "{told}");
        let report: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(report["version"], 1);
        assert_eq!(report["exit_code"], 1);
        assert_eq!(report["left"], 1);
        let files = &report["files"];
        assert_eq!(files[0]["path"], "apps/b.yaml");
        assert_eq!(files[0]["reason"], "no rule of .sops.yaml governs it");
        assert_eq!(files[1]["result"], result, "{told}");
        assert_eq!(files[1]["plan"]["action"], "encrypt");
        assert_eq!(
            files[1]["plan"]["encrypts"][0]["pointer"],
            "/stringData/password"
        );
    }
}

#[test]
fn what_could_not_be_judged_can_be_accepted() {
    let Some(site) = Site::new(ALL) else { return };
    site.lab.write("secrets/b.yaml", "a: [\n");
    let strict = site.fix(&[]).0;
    if strict == 3 {
        assert_eq!(site.fix(&["--allow-incomplete"]).0, 0);
        assert_eq!(site.fix(&["--allow-incomplete", "--dry-run"]).0, 0);
    }
}

//! `scan --history --decrypt`, with the real sops and with programs that pretend to be it.
//!
//! What was decrypted is compared and searched for; nothing in a repository makes sops reach a program, a service or a file;
//! no output holds a value.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot be set up has failed"
)]

#[path = "source/lab.rs"]
mod lab;

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use lab::Lab;
use serde_json::Value;

const OLD: &str = "kumquat-8f3kQ-old-41";
const NEW: &str = "persimmon-7Zt2w-new-92";

fn sops() -> Option<PathBuf> {
    let named = std::env::var_os("SOPSGUARD_TEST_SOPS").map(PathBuf::from);
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/bin/sops");
    let found = named.into_iter().chain([tools]).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: sops (SOPSGUARD_TEST_SOPS does not name it)");
    }
    found
}

/// An age identity and its recipient.
fn age(seed: u8) -> (String, String) {
    let secret = [seed; 32];
    let public = x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(secret));
    let encode = |hrp: &str, bytes: &[u8]| {
        bech32::encode::<bech32::Bech32>(bech32::Hrp::parse(hrp).unwrap(), bytes).unwrap()
    };
    (
        encode("age-secret-key-", &secret).to_uppercase(),
        encode("age", public.as_bytes()),
    )
}

/// A repository, a real sops, and a key that its files are encrypted to.
struct Site {
    lab: Lab,
    sops: PathBuf,
    recipient: String,
    /// Variables of the scan.
    env: Vec<(String, String)>,
}

impl Site {
    fn new() -> Option<Self> {
        let sops = sops()?;
        let lab = Lab::new();
        let (identity, recipient) = age(7);
        let keys = lab.dir.path().join("keys.txt");
        std::fs::write(&keys, identity).unwrap();
        let env = vec![("SOPS_AGE_KEY_FILE".to_owned(), keys.display().to_string())];
        Some(Self {
            lab,
            sops,
            recipient,
            env,
        })
    }

    fn env(&mut self, name: &str, value: impl AsRef<Path>) {
        let value = value.as_ref().display().to_string();
        self.env.push((name.to_owned(), value));
    }

    /// What sops makes of a text.
    fn encrypted(&self, name: &str, text: &[u8], further: &[&str]) -> Vec<u8> {
        let mut command = Command::new(&self.sops);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SOPS_") {
                command.env_remove(name);
            }
        }
        command.args(["--config", "/dev/null", "encrypt"]);
        if name.ends_with(".yaml") {
            command.args(["--encrypted-regex", "^(data|stringData)$"]);
        }
        match further {
            [] => command.args(["--age", &self.recipient]),
            _ => command.args(further),
        };
        command
            .args(["--filename-override", name])
            .current_dir(self.lab.dir.path())
            .env("HOME", self.lab.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in &self.env {
            command.env(name, value);
        }
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text).unwrap();
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{err}");
        output.stdout
    }

    fn encrypt(&self, path: &str, text: &str) {
        let bytes = self.encrypted(path, text.as_bytes(), &[]);
        self.lab.write_bytes(path.as_bytes(), &bytes);
    }

    /// Plain in one commit, encrypted in the next.
    fn mend(&self, path: &str, plain: &str, now: &str) {
        self.lab.write(path, plain);
        self.lab.commit("add");
        self.encrypt(path, now);
        self.lab.commit("encrypt");
    }

    fn run(&self, args: &[&str]) -> Output {
        let git = self.lab.command(&self.lab.top());
        let mut command = Command::new(env!("CARGO_BIN_EXE_sopsguard"));
        command.current_dir(self.lab.top());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("SOPS") || name.starts_with("GNUPG") {
                command.env_remove(name);
            }
        }
        command.args(["scan", "--history", "--decrypt"]).args(args);
        for (name, value) in git.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        for (name, value) in &self.env {
            command.env(name, value);
        }
        command.output().unwrap()
    }

    fn report_with(&self, args: &[&str]) -> Value {
        let sops = self.sops.display().to_string();
        let mut all = vec!["--format", "json"];
        if !args.contains(&"--sops-command") {
            all.extend(["--sops-command", &sops]);
        }
        all.extend(args);
        let out = self.run(&all);
        let text = String::from_utf8_lossy(&out.stdout);
        serde_json::from_str(&text)
            .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&out.stderr)))
    }

    fn report(&self) -> Value {
        self.report_with(&[])
    }
}

fn secret(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: {value}\n"
    )
}

/// `check severity path pointer changed` of each finding.
fn lines(report: &Value) -> Vec<String> {
    let text = |v: &Value| v.as_str().unwrap_or("-").to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|f| {
            [
                &f["check"],
                &f["severity"],
                &f["path"],
                &f["pointer"],
                &f["exposure"]["value_changed"],
            ]
            .map(text)
            .join(" ")
        })
        .collect()
}

fn reasons(report: &Value) -> Vec<String> {
    let spots = report["blind_spots"].as_array().unwrap().iter();
    spots
        .map(|b| {
            format!(
                "{} {} {}",
                b["path"].as_str().unwrap(),
                b["blocking"],
                b["reason"].as_str().unwrap()
            )
        })
        .collect()
}

fn script(path: &Path, text: &str) -> String {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

#[test]
fn a_value_that_leaked_and_is_still_in_use() {
    let Some(site) = Site::new() else { return };
    site.mend("a/db.yaml", &secret(OLD), &secret(OLD));
    let report = site.report();
    assert_eq!(
        lines(&report),
        ["never-rotated error a/db.yaml /stringData/password no"]
    );
    assert_eq!(report["exit_code"], 1);
    assert!(reasons(&report).is_empty(), "{report}");
}

#[test]
fn a_value_that_was_replaced() {
    let Some(site) = Site::new() else { return };
    site.mend("a/db.yaml", &secret(OLD), &secret(NEW));
    let report = site.report();
    assert_eq!(
        lines(&report),
        ["leaked-value warning a/db.yaml /stringData/password proven"]
    );
    let told = report["findings"][0]["message"].as_str().unwrap();
    assert!(told.contains("today's is another one"), "{told}");
    let help = report["findings"][0]["help"].as_str().unwrap();
    assert!(help.contains("not revoked there"), "{help}");
    assert_eq!(report["exit_code"], 0);
}

#[test]
fn an_old_value_and_that_of_today_both_leaked() {
    let Some(site) = Site::new() else { return };
    site.lab.write("db.yaml", &secret(OLD));
    site.lab.commit("one");
    site.mend("db.yaml", &secret(NEW), &secret(NEW));
    assert_eq!(
        lines(&site.report()),
        [
            "leaked-value warning db.yaml /stringData/password proven",
            "never-rotated error db.yaml /stringData/password no",
        ]
    );
}

#[test]
fn without_a_key_nothing_changes() {
    let Some(mut site) = Site::new() else { return };
    site.mend("a/db.yaml", &secret(OLD), &secret(OLD));
    site.env.clear();
    let report = site.report();
    assert_eq!(
        lines(&report),
        ["leaked-value error a/db.yaml /stringData/password unknown"]
    );
    assert_eq!(
        reasons(&report),
        ["a/db.yaml false could not be decrypted with the keys at hand: none of them opens it"]
    );
}

#[test]
fn every_format_and_base64() {
    let Some(site) = Site::new() else { return };
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let data = |value: &str| {
        let value = encode(value);
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  password: {value}\n")
    };
    let env = |v: &str| format!("DB_PASSWORD={v}\n");
    let json = |v: &str| format!("{{\"db\": {{\"password\": \"{v}\"}}}}\n");
    let ini = |v: &str| format!("[db]\npassword = {v}\n");
    site.mend("prod.env", &env(OLD), &env(OLD));
    site.mend(
        "x.json",
        &json("quince-5Hq1-json-77"),
        &json("quince-5Hq1-json-77"),
    );
    site.mend(
        "x.ini",
        &ini("medlar-3Wz8-ini-55"),
        &ini("medlar-3Wz8-ini-55"),
    );
    // A line end more is the same value.
    site.mend(
        "data.yaml",
        &data("damson-2Rk6-data-33"),
        &data("damson-2Rk6-data-33\n"),
    );
    let lines = lines(&site.report());
    for path in ["prod.env", "x.json", "x.ini", "data.yaml"] {
        let of: Vec<&String> = lines.iter().filter(|l| l.contains(path)).collect();
        assert_eq!(of.len(), 1, "{path}: {lines:?}");
        assert!(
            of[0].starts_with("never-rotated error"),
            "{path}: {lines:?}"
        );
    }
}

#[test]
fn every_shape_of_a_tree() {
    let Some(site) = Site::new() else { return };
    let yaml = "# a comment\na:\n    - password: {1}\n      \"x:y\": {2}\n    - [{3}, [{4}]]\n    - {3}\nn: 5\nf: 1.50\nb: true\ne: \"\"\nz: null\nt: 2001-01-01T00:00:00Z\n---\na: {5}\n\"1\": {6}\n";
    let ini = "token = {7}\n[a]\ntoken = {8}\n";
    let json = "{\"a\": [{\"token\": \"{9}\"}, \"{10}\"], \"s\": \"a\\\"b\\n\\u00e9\\u2028{11}\"}";
    let env = "# c\nA_TOKEN={12}\nexport B_TOKEN={13}\n";
    let fill = |text: &str| {
        (1..=13).fold(text.to_owned(), |text, n| {
            text.replace(&format!("{{{n}}}"), &format!("kumquat-8f3kQ-nr{n}x"))
        })
    };
    let mut count = 0;
    for (name, text) in [
        ("a.yml", yaml),
        ("a.ini", ini),
        ("a.json", json),
        ("a.env", env),
    ] {
        let text = fill(text);
        count += text.matches("kumquat").count();
        site.mend(name, &text, &text);
    }
    let report = site.report();
    assert!(reasons(&report).is_empty(), "{:?}", reasons(&report));
    let found = lines(&report);
    // The timestamp is one as well.
    let same = found.iter().filter(|l| l.starts_with("never-rotated "));
    assert_eq!(same.count(), count + 1, "{found:#?}");
    assert!(
        !found.iter().any(|l| l.starts_with("leaked-value")),
        "{found:#?}"
    );
}

#[test]
fn a_file_that_is_one_value() {
    let Some(site) = Site::new() else { return };
    let rule = format!(
        "creation_rules:\n  - path_regex: \\.bin$\n    age: {}\n",
        site.recipient
    );
    site.lab.write(".sops.yaml", &rule);
    let bytes = |seed: u8| -> Vec<u8> { (0..200u8).map(|n| n.wrapping_mul(37) ^ seed).collect() };
    for (name, now) in [("same.bin", 5), ("other.bin", 9)] {
        site.lab.write_bytes(name.as_bytes(), &bytes(5));
        site.lab.commit("add");
        let sealed = site.encrypted(name, &bytes(now), &[]);
        site.lab.write_bytes(name.as_bytes(), &sealed);
        site.lab.commit("encrypt");
    }
    let lines = lines(&site.report());
    assert!(
        lines.contains(&"never-rotated error same.bin - no".to_owned()),
        "{lines:?}"
    );
    // Its first content is what the other file holds today.
    let other: Vec<&String> = lines.iter().filter(|l| l.contains("other.bin")).collect();
    assert!(
        other.iter().any(|l| l.starts_with("never-rotated")),
        "{lines:?}"
    );
}

#[test]
fn a_value_of_today_in_other_places() {
    let Some(site) = Site::new() else { return };
    site.encrypt("db.yaml", &secret(NEW));
    site.lab.commit("begin");
    // In a file that is gone, that no check looks at.
    site.lab
        .write("notes.txt", &format!("first\ncall me with {NEW} please\n"));
    site.lab.commit("notes");
    site.lab.git(&["rm", "-q", "notes.txt"]);
    site.lab.commit("gone");
    // On another branch, as base64.
    site.lab.git(&["checkout", "-q", "-b", "side"]);
    let encoded = base64::engine::general_purpose::STANDARD.encode(NEW);
    site.lab
        .write("run.sh", &format!("echo {encoded} | base64 -d\n"));
    site.lab.commit("side");
    site.lab.git(&["checkout", "-q", "main"]);
    // In messages.
    site.lab.commit(&format!("use {NEW} for now"));
    site.lab
        .git(&["tag", "-a", "v1", "-m", &format!("with {NEW}")]);
    // Not a whole token, and what is no secret.
    site.lab.write("near.txt", &format!("x{NEW}y\npostgres\n"));
    site.lab.commit("near");
    let report = site.report();
    let found = lines(&report);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(
        found.iter().all(|l| l.starts_with("never-rotated error ")),
        "{found:?}"
    );
    let of = |path: &str| -> Value {
        let all = report["findings"].as_array().unwrap().iter();
        let mut of = all.filter(|f| f["path"].as_str().unwrap().starts_with(path));
        of.next()
            .unwrap_or_else(|| panic!("{path}: {found:?}"))
            .clone()
    };
    let notes = of("notes.txt");
    assert_eq!(
        (&notes["line"], &notes["column"]),
        (&2.into(), &14.into()),
        "{notes}"
    );
    assert_eq!(notes["exposure"]["at_head"], false);
    assert!(notes["exposure"]["removed_commit"].is_null());
    assert!(notes["exposure"]["versions"][0]["removed_commit"].is_string());
    assert_eq!(
        notes["message"],
        "what password of db.yaml holds encrypted today stands here in plaintext"
    );
    let side = of("run.sh");
    assert_eq!(side["exposure"]["refs"][0], "refs/heads/side");
    assert_eq!(
        side["exposure"]["value_group"],
        notes["exposure"]["value_group"]
    );
    of("message of commit ");
    of("message of tag ");
    let of_jobs = |jobs: &str| {
        let mut report = site.report_with(&["--jobs", jobs]);
        report["stats"]["elapsed_ms"] = Value::Null;
        report.to_string()
    };
    assert_eq!(of_jobs("1"), of_jobs("7"));
}

#[test]
fn a_value_that_stands_all_over_is_no_secret() {
    let Some(site) = Site::new() else { return };
    site.encrypt("db.yaml", &secret(NEW));
    for n in 0..201 {
        let text = format!("file {n}: {NEW}\n");
        site.lab.write(&format!("many/{n}.txt"), &text);
    }
    site.lab.commit("all");
    let report = site.report();
    assert_eq!(lines(&report), Vec::<String>::new());
    assert_eq!(
        reasons(&report),
        [
            "db.yaml false what password holds stands in 201 paths of history, too many to be a secret; they are not listed"
        ]
    );
}

#[test]
fn a_moved_secret_is_known_by_its_value() {
    let Some(site) = Site::new() else { return };
    site.lab.write("old/secret.yaml", &secret(OLD));
    site.lab.commit("plain");
    site.lab.git(&["rm", "-q", "old/secret.yaml"]);
    site.encrypt("new/db.yaml", &secret(OLD));
    site.lab.commit("moved and encrypted");
    let report = site.report();
    assert_eq!(
        lines(&report),
        ["never-rotated error old/secret.yaml /stringData/password no"]
    );
}

#[test]
fn plain_in_another_file_of_today() {
    let Some(site) = Site::new() else { return };
    site.lab.write("plain.yaml", &secret(OLD));
    site.encrypt("db.yaml", &secret(OLD));
    site.lab.commit("both");
    // The check that knows what to do about it speaks.
    let found = lines(&site.report());
    assert_eq!(
        found,
        ["plaintext-secret error plain.yaml /stringData/password no"]
    );
}

#[test]
fn a_config_of_the_repository_is_not_read() {
    let Some(site) = Site::new() else { return };
    site.lab.write(".sops.yaml", "creation_rules: [\n");
    site.mend("db.yaml", &secret(OLD), &secret(OLD));
    let found = lines(&site.report());
    assert!(
        found.contains(&"never-rotated error db.yaml /stringData/password no".into()),
        "{found:?}"
    );
}

/// Puts key entries into the metadata of a YAML file.
fn with_entry(text: &[u8], entry: &str) -> String {
    let text = String::from_utf8(text.to_vec()).unwrap();
    text.replacen("\nsops:\n", &format!("\nsops:\n{entry}"), 1)
}

fn vault(name: &str, port: u16) -> String {
    format!(
        "    {name}:\n        - vault_address: http://127.0.0.1:{port}\n          engine_path: transit\n          key_name: k\n          created_at: \"2026-01-01T00:00:00Z\"\n          enc: vault:v1:AAAA\n"
    )
}

/// Without the entries of age, so that the service alone is left.
fn without_age(text: &str) -> String {
    let (head, rest) = text.split_once("    age:\n").unwrap();
    let end = rest.find("    lastmodified:").unwrap();
    format!("{head}{}", &rest[end..])
}

#[test]
fn services_that_a_repository_names_are_not_asked() {
    let Some(mut site) = Site::new() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let proof = || listener.accept().is_ok();
    site.env("VAULT_TOKEN", "token-of-the-user");
    site.lab.write("both.yaml", &secret(OLD));
    site.lab.write("only.yaml", &secret(OLD));
    site.lab.write("odd.yaml", &secret(OLD));
    site.lab.commit("plain");
    let sealed = site.encrypted("a.yaml", secret(OLD).as_bytes(), &[]);
    let both = with_entry(&sealed, &vault("hc_vault", port));
    site.lab.write("both.yaml", &both);
    site.lab.write("only.yaml", &without_age(&both));
    // sops takes names of any case.
    let odd = with_entry(&sealed, &vault("HC_VAULT", port));
    site.lab.write("odd.yaml", &odd);
    site.lab.commit("encrypted");
    let report = site.report();
    assert!(!proof(), "a connection was made");
    let found = lines(&report);
    for path in ["both.yaml", "odd.yaml"] {
        assert!(
            found.contains(&format!(
                "never-rotated error {path} /stringData/password no"
            )),
            "{found:?}"
        );
    }
    let told = reasons(&report);
    let asked = format!(
        "only.yaml false could not be decrypted with the keys at hand: its keys are in services that --allow-key-service lets sops ask: 127.0.0.1:{port}"
    );
    assert!(told.contains(&asked), "{told:?}");
    // Consent for another host is none.
    site.report_with(&["--allow-key-service", "vault.example.org"]);
    assert!(!proof(), "a connection was made");
    // With consent it is asked: the test would see it.
    listener.set_nonblocking(false).unwrap();
    let waiting = std::thread::spawn(move || {
        listener.accept().is_ok_and(|(mut stream, _)| {
            let _ = stream.write_all(
                b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            );
            true
        })
    });
    let only = without_age(&both);
    site.lab.write("both.yaml", &only);
    site.lab.git(&["rm", "-q", "odd.yaml"]);
    site.lab.commit("one");
    site.report_with(&["--allow-key-service", "127.0.0.1", "--sops-timeout", "5s"]);
    let end = Instant::now() + Duration::from_secs(10);
    while !waiting.is_finished() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(waiting.is_finished(), "the service was not asked");
}

#[test]
fn of_several_groups_those_at_hand_are_enough() {
    let Some(site) = Site::new() else { return };
    let (second, third) = (age(8), age(9));
    std::fs::write(
        site.lab.dir.path().join("keys.txt"),
        format!("{}\n{}\n", age(7).0, second.0),
    )
    .unwrap();
    let config = site.lab.dir.path().join("groups.yaml");
    let groups: String = [&site.recipient, &second.1, &third.1]
        .map(|r| format!("      - age: [{r}]\n"))
        .concat();
    let text = format!(
        "creation_rules:\n  - shamir_threshold: 2\n    encrypted_regex: ^(data|stringData)$\n    key_groups:\n{groups}"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(&site.sops);
    let source = site.lab.dir.path().join("plain.yaml");
    std::fs::write(&source, secret(OLD)).unwrap();
    let output = command
        .args(["--config", &config.display().to_string(), "encrypt"])
        .arg(&source)
        .env("HOME", site.lab.dir.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    site.lab.write("db.yaml", &secret(OLD));
    site.lab.commit("plain");
    // The third group becomes one of a service.
    let text = String::from_utf8(output.stdout).unwrap();
    let at = text.rfind("recipient: ").unwrap();
    let text = format!("{}recipient: age1plug1{}", &text[..at], &text[at + 18..]);
    site.lab.write("db.yaml", &text);
    site.lab.commit("encrypted");
    let found = lines(&site.report());
    assert_eq!(
        found,
        ["never-rotated error db.yaml /stringData/password no"]
    );
}

#[test]
fn plugins_are_not_run() {
    let Some(mut site) = Site::new() else { return };
    let mark = site.lab.dir.path().join("mark");
    let plugins = site.lab.dir.path().join("plugins");
    script(
        &plugins.join("age-plugin-test"),
        &format!("#!/bin/sh\ntouch {}\n", mark.display()),
    );
    let path = std::env::var("PATH").unwrap();
    site.env("PATH", format!("{}:{path}", plugins.display()));
    // A recipient of the repository, and an identity of the user.
    let hrp = |text| bech32::Hrp::parse(text).unwrap();
    let of = |text| bech32::encode::<bech32::Bech32>(hrp(text), &[1, 2, 3, 4, 5]).unwrap();
    let identity = of("age-plugin-test-").to_uppercase();
    let sealed = site.encrypted("a.yaml", secret(OLD).as_bytes(), &[]);
    site.lab.write("db.yaml", &secret(OLD));
    site.lab.write("user.yaml", &secret(OLD));
    site.lab.commit("plain");
    let text = String::from_utf8(sealed).unwrap();
    let named = text.replace(&site.recipient, &of("age1test"));
    site.lab.write("db.yaml", &named);
    site.lab.write("user.yaml", &text);
    site.lab.commit("encrypted");
    std::fs::write(site.lab.dir.path().join("keys.txt"), identity).unwrap();
    let report = site.report();
    assert!(!mark.exists(), "the plugin was run");
    let told = reasons(&report);
    for path in ["db.yaml", "user.yaml"] {
        let of = told.iter().find(|r| r.starts_with(path)).unwrap();
        assert!(of.contains("--allow-plugins"), "{told:?}");
    }
    // With consent it is run: the test would see it.
    site.report_with(&["--allow-plugins"]);
    assert!(mark.exists(), "the plugin was not run");
}

#[test]
fn a_sops_of_the_repository_is_refused() {
    let Some(mut site) = Site::new() else { return };
    site.mend("db.yaml", &secret(OLD), &secret(OLD));
    let mark = site.lab.dir.path().join("mark");
    let text = format!("#!/bin/sh\ntouch {}\n", mark.display());
    let inside = script(&site.lab.top().join("bin/sops"), &text);
    let link = site.lab.dir.path().join("linked/sops");
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&inside, &link).unwrap();
    let refused = |out: Output| {
        let err = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(2), "{err}");
        assert!(err.contains("sops"), "{err}");
    };
    for named in [
        &*inside,
        "bin/sops",
        "./bin/sops",
        &link.display().to_string(),
    ] {
        refused(site.run(&["--sops-command", named]));
    }
    let git = site.lab.top().join(".git/sops");
    refused(site.run(&["--sops-command", &script(&git, &text)]));
    site.env("SOPSGUARD_SOPS", "bin/sops");
    refused(site.run(&[]));
    site.env.pop();
    let dirs = [
        site.lab.top().join("bin"),
        PathBuf::from("bin"),
        PathBuf::from("."),
    ];
    let dirs = dirs
        .iter()
        .chain(std::iter::once(&link.parent().unwrap().to_owned()))
        .cloned()
        .collect::<Vec<_>>();
    let path = std::env::join_paths(&dirs).unwrap();
    site.env("PATH", path.to_str().unwrap());
    refused(site.run(&[]));
    assert!(!mark.exists());
    // By its directory in PATH the real one is found.
    site.env.pop();
    let real = site.sops.parent().unwrap().to_owned();
    let path = std::env::join_paths([site.lab.top().join("bin"), real]).unwrap();
    site.env("PATH", path.to_str().unwrap());
    let out = site.run(&["--format", "json"]);
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(lines(&report).len(), 1, "{report}");
    assert!(lines(&report)[0].starts_with("never-rotated"), "{report}");
    assert!(!mark.exists());
}

#[test]
fn what_hangs_is_ended() {
    let Some(site) = Site::new() else { return };
    site.mend("db.yaml", &secret(OLD), &secret(OLD));
    let mark = site.lab.dir.path().join("mark");
    let text = format!(
        "#!/bin/sh\n(sleep 3; touch {}) &\nsleep 600\n",
        mark.display()
    );
    let program = script(&site.lab.dir.path().join("hangs/sops"), &text);
    let began = Instant::now();
    let report = site.report_with(&["--sops-command", &program, "--sops-timeout", "1s"]);
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(
        lines(&report),
        ["leaked-value error db.yaml /stringData/password unknown"]
    );
    assert!(
        reasons(&report)[0].ends_with("sops took too long and was ended"),
        "{report}"
    );
    std::thread::sleep(Duration::from_secs(4));
    assert!(!mark.exists(), "what it had started went on");
}

/// No output holds a value, or a piece of one.
#[test]
fn no_output_holds_what_was_decrypted() {
    let Some(site) = Site::new() else { return };
    site.mend("a/db.yaml", &secret(OLD), &secret(NEW));
    site.lab.write("notes.txt", &format!("{NEW}\n"));
    site.lab.commit("notes");
    // One that says more than it should, on both streams, and fails or not.
    let loud = |name: &str, end: &str| {
        let text = format!("#!/bin/sh\necho 'plain: {NEW}' >&2\n{end}\n");
        script(&site.lab.dir.path().join(name).join("sops"), &text)
    };
    let programs = [
        site.sops.display().to_string(),
        loud("fails", &format!("echo {NEW}\nexit 128")),
        loud(
            "answers",
            &format!("echo '{{\"stringData\": [{{\"password\": \"{NEW}\"}}]}}'"),
        ),
        loud(
            "breaks",
            &format!("echo '{{\"stringData\": [{{\"password\": \"{NEW}'"),
        ),
        loud("dies", "kill -9 $$"),
    ];
    let pieces = |value: &str| -> Vec<String> {
        let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(value);
        let letters: Vec<char> = value.chars().collect();
        let mut all: Vec<String> = letters.windows(8).map(|w| w.iter().collect()).collect();
        all.push(encoded[..encoded.len() - 2].to_owned());
        all
    };
    let held: Vec<String> = [OLD, NEW].iter().flat_map(|v| pieces(v)).collect();
    for program in &programs {
        for format in ["human", "json", "jsonl", "markdown", "html", "blobs"] {
            let out = site.run(&["--sops-command", program, "--format", format]);
            assert!(
                out.status.code().is_some_and(|c| c < 2),
                "{program} {format}"
            );
            for stream in [&out.stdout, &out.stderr] {
                let text = String::from_utf8_lossy(stream);
                let shown = held.iter().find(|piece| text.contains(piece.as_str()));
                assert_eq!(shown, None, "{program} {format}\n{text}");
            }
        }
    }
    // Nothing is left beside the repository either.
    let mut open = vec![site.lab.dir.path().to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
            let name = entry.file_name().unwrap().to_string_lossy().into_owned();
            if entry.is_dir() && name != "top" {
                open.push(entry);
            } else if entry.is_file() && name != "sops" {
                let text = std::fs::read(&entry).unwrap();
                let text = String::from_utf8_lossy(&text);
                assert!(!text.contains(NEW), "{}", entry.display());
            }
        }
    }
}

#[test]
fn with_an_ssh_key() {
    let Some(mut site) = Site::new() else { return };
    let key = site.lab.dir.path().join("id");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "x", "-f"])
        .arg(&key)
        .output();
    if !made.is_ok_and(|o| o.status.success()) {
        eprintln!("SKIPPED: ssh-keygen");
        return;
    }
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    site.recipient = public.trim().to_owned();
    site.mend("db.yaml", &secret(OLD), &secret(OLD));
    site.env.clear();
    assert!(lines(&site.report())[0].starts_with("leaked-value"));
    // Names are those of where the user stands.
    site.env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "../id");
    assert_eq!(
        lines(&site.report()),
        ["never-rotated error db.yaml /stringData/password no"]
    );
}

#[test]
fn with_a_pgp_key() {
    let Some(mut site) = Site::new() else { return };
    // A socket needs a short path.
    let home = tempfile::Builder::new()
        .prefix("g")
        .tempdir_in("/tmp")
        .unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let gpg = |args: &[&str]| {
        Command::new("gpg")
            .args(["--batch", "--pinentry-mode", "loopback", "--passphrase", ""])
            .args(args)
            .env("GNUPGHOME", home.path())
            .output()
    };
    let made = gpg(&[
        "--quick-gen-key",
        "test <test@example.org>",
        "default",
        "default",
        "never",
    ]);
    if !made.is_ok_and(|o| o.status.success()) {
        eprintln!("SKIPPED: gpg");
        return;
    }
    let list = gpg(&["--list-keys", "--with-colons"]).unwrap().stdout;
    let list = String::from_utf8(list).unwrap();
    let line = list.lines().find(|l| l.starts_with("fpr:")).unwrap();
    let print = line.split(':').nth(9).unwrap().to_owned();
    site.env.clear();
    site.env("GNUPGHOME", home.path());
    site.lab.write("db.yaml", &secret(OLD));
    site.lab.commit("plain");
    let sealed = site.encrypted("db.yaml", secret(OLD).as_bytes(), &["--pgp", &print]);
    site.lab.write_bytes(b"db.yaml", &sealed);
    site.lab.commit("encrypted");
    assert_eq!(
        lines(&site.report()),
        ["never-rotated error db.yaml /stringData/password no"]
    );
    let _ = Command::new("gpgconf")
        .args(["--kill", "all"])
        .env("GNUPGHOME", home.path())
        .output();
}

#[test]
fn usage() {
    let Some(site) = Site::new() else { return };
    site.lab.commit("empty");
    let out = site.run(&[
        "--allow-key-service",
        "https://x/",
        "--sops-command",
        "sops",
    ]);
    assert_eq!(out.status.code(), Some(2));
    let out = site.lab.scan(&["scan", "--decrypt"]);
    assert_eq!(out.status.code(), Some(2));
    let out = site.lab.scan(&["scan", "--history", "--allow-plugins"]);
    assert_eq!(out.status.code(), Some(2));
}

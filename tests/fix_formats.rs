//! `fix` with the real sops, in every format and with every kind of key: what was encrypted decrypts to what it was, value by
//! value; nothing is left to find; a second run does nothing.
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
use std::process::Command;

use serde_json::Value;
use site::{CANARY, Site, age, secret, skipped};

/// A narrow rule for everything below `secrets/`.
/// Manifests keep their identity, and of everything else all is encrypted.
const ALL: &str = "creation_rules:\n  - path_regex: secrets/\n    unencrypted_regex: ^(apiVersion|kind|metadata)$\n    age: AGE\n";

/// Fixes everything, and asks what a fixed repository must answer.
fn mend(site: &Site, paths: &[&str]) -> Vec<Vec<u8>> {
    let before: Vec<Vec<u8>> = paths
        .iter()
        .map(|p| std::fs::read(site.lab.top().join(p)).unwrap())
        .collect();
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 0, "{told}");
    for path in paths {
        assert!(told.contains(&format!("mended  {path}\n")), "{told}");
        assert!(site.read(path).contains("ENC[AES256_GCM"), "{path}");
    }
    site.assert_clean(&[]);
    let after: Vec<String> = paths.iter().map(|p| site.read(p)).collect();
    assert_eq!(site.fix(&[]), (0, "nothing to mend\n".to_owned()));
    for (path, text) in paths.iter().zip(after) {
        assert_eq!(site.read(path), text);
        assert!(!text.contains(CANARY), "{path}");
    }
    assert!(
        std::fs::read_dir(site.lab.dir.path().join("tmp"))
            .unwrap()
            .next()
            .is_none()
    );
    before
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

const YAML: &str = r#"# head
db:
  password: kumquat-8f3kQ-zz81
  port: 5432
  ratio: 1.50
  on: true
  none: ~
  empty: ""
  list:
    - kumquat-8f3kQ-zz81
    # in a list
    - {a: 1, b: [x, y]}
  block: |
    first kumquat-8f3kQ-zz81
      second
  folded: >-
    one
    two
  "quoted key": 'it''s'
  hex: 0x1F
  big: 123456789
  day: 2024-05-06
base: &base
  user: admin kumquat-8f3kQ-zz81
other: *base
merged:
  <<: *base
  more: 1
"#;

#[test]
fn yaml() {
    let Some(site) = Site::new(ALL) else { return };
    site.lab.write("secrets/a.yaml", YAML);
    mend(&site, &["secrets/a.yaml"]);
    let now = std::fs::read(site.lab.top().join("secrets/a.yaml")).unwrap();
    let got = json(&site.decrypted_bytes("a.yaml", &now, Some("json")));
    assert_eq!(got["db"]["password"], CANARY);
    assert_eq!(got["db"]["port"], 5432);
    assert_eq!(got["db"]["ratio"], 1.5);
    assert_eq!(got["db"]["on"], true);
    assert_eq!(got["db"]["none"], Value::Null);
    assert_eq!(got["db"]["empty"], "");
    assert_eq!(
        got["db"]["list"][1],
        serde_json::json!({"a": 1, "b": ["x", "y"]})
    );
    assert_eq!(got["db"]["block"], format!("first {CANARY}\n  second\n"));
    assert_eq!(got["db"]["folded"], "one two");
    assert_eq!(got["db"]["quoted key"], "it's");
    assert_eq!(got["db"]["hex"], 31);
    assert_eq!(got["other"], got["base"]);
    assert_eq!(got["base"]["user"], format!("admin {CANARY}"));
}

#[test]
fn yaml_of_several_documents_with_a_selection() {
    let config = "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n    mac_only_encrypted: true\n    age: AGE\nstores:\n  yaml:\n    indent: 2\n";
    let Some(site) = Site::new(config) else {
        return;
    };
    let text = format!(
        "{}---\n# second\n{}---\nkind: ConfigMap\n",
        secret(CANARY),
        secret("other-7Zt2w-1")
    );
    site.lab.write("secrets/a.yml", &text);
    mend(&site, &["secrets/a.yml"]);
    let now = site.read("secrets/a.yml");
    assert_eq!(now.matches("\nsops:\n").count(), 3, "{now}");
    assert!(
        now.contains("\n  name: db\n"),
        "the indent of the config: {now}"
    );
    let plain = String::from_utf8(site.decrypted("secrets/a.yml")).unwrap();
    for (want, got) in text.split("---\n").zip(plain.split("---\n")) {
        let values = |t: &str| -> Vec<String> {
            t.lines()
                .map(|l| l.trim().to_owned())
                .filter(|l| !l.is_empty())
                .collect()
        };
        assert_eq!(values(want), values(got));
    }
}

#[test]
fn json_dotenv_ini_and_opaque_files() {
    let Some(site) = Site::new(ALL) else { return };
    let object = format!(
        r#"{{"a":"{CANARY}","n":12,"f":1.25,"t":true,"z":null,"l":[1,"x\n\u00e9",{{}}],"o":{{"e":""}}}}"#
    );
    let env = format!("# comment\nA={CANARY}\n\nB=\"quo = ted\"\nC=\nD=line\\nbreak\n");
    let ini = format!("top = 1\n[s]\npassword = {CANARY}\n; note\nuser = me\n\n[t]\nx = 3\n");
    let opaque = [b"\x00\x01\xff", CANARY.as_bytes(), b"\n\n"].concat();
    site.lab.write("secrets/a.json", &object);
    site.lab.write("secrets/a.env", &env);
    site.lab.write("secrets/a.ini", &ini);
    site.lab.write_bytes(b"secrets/token", &opaque);
    let paths = [
        "secrets/a.env",
        "secrets/a.ini",
        "secrets/a.json",
        "secrets/token",
    ];
    mend(&site, &paths);
    assert_eq!(
        json(&site.decrypted("secrets/a.json")),
        json(object.as_bytes())
    );
    let lines = |bytes: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines()
            .filter(|l| !l.is_empty())
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(
        lines(&site.decrypted("secrets/a.env")),
        lines(env.as_bytes())
    );
    let got = String::from_utf8(site.decrypted("secrets/a.ini")).unwrap();
    let packed = |t: &str| t.replace(' ', "");
    for line in ["top = 1", &format!("password = {CANARY}"), "[t]", "x = 3"] {
        assert!(packed(&got).contains(&packed(line)), "{line}: {got}");
    }
    assert_eq!(site.decrypted("secrets/token"), opaque);
    // A binary file is the one that sops itself would encrypt twice.
    let (code, told) = site.fix(&["secrets/token"]);
    assert_eq!((code, told.as_str()), (0, "nothing to mend\n"));
}

/// Line ends of Windows, marks of Unicode, odd names, every way to write a value.
#[test]
fn odd_texts_and_names() {
    let Some(site) = Site::new(ALL) else { return };
    let files: &[(&[u8], String)] = &[
        (b"secrets/crlf.env", format!("A={CANARY}\r\nB=x\r\n")),
        (
            b"secrets/crlf.yaml",
            format!("a: {CANARY}\r\nb: |\r\n  x\r\n  y\r\n"),
        ),
        (b"secrets/bom.yaml", format!("\u{feff}a: {CANARY}\n")),
        (
            b"secrets/odd.ini",
            format!("[s]\na = {CANARY}\nx=q r\ny: 3\n[s]\nz=1\n"),
        ),
        (
            b"secrets/odd.json",
            format!(
                r#"{{"a":"{CANARY}","d":1,"d":2,"big":12345678901234567890123,"e":1e3,"s":"\ud83d\ude00 \/"}}"#
            ),
        ),
        (
            b"secrets/types.yaml",
            format!(
                "b: !!binary a3VtcXVhdA==\nt: 2024-05-06T07:08:09Z\nset: !foo {{a: {CANARY}}}\nyes: no\noct: 0o17\nold: 017\ninf: .inf\nexp: 1e3\nlong: 1_000\nneg: -0x1F\n"
            ),
        ),
        (
            b"secrets/fold.yaml",
            format!(
                "p: \"{CANARY} \\u2028 \\x85 end\"\nfold: >\n  a\n   b\n\n\n  c\nplain: a\n  b\n\n  c\nkeep: |+\n  z\n\n"
            ),
        ),
        (
            b"secrets/empty.yaml",
            format!("a: {CANARY}\n---\n---\n# only\n---\nx: 1\n"),
        ),
        (b"secrets/new\nline.yaml", format!("x: {CANARY}\n")),
        (b"secrets/b\xff.yaml", format!("x: {CANARY}\n")),
        (b"secrets/-rf '$(touch x).yaml", format!("x: {CANARY}\n")),
    ];
    for (path, text) in files {
        site.lab.write_bytes(path, text.as_bytes());
    }
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 0, "{told}");
    assert!(
        told.contains(&format!("{} mended, 0 left", files.len())),
        "{told}"
    );
    site.assert_clean(&[]);
    assert!(!site.lab.top().join("x").exists());
    let env = String::from_utf8(site.decrypted("secrets/crlf.env")).unwrap();
    assert_eq!(env, files[0].1);
}

/// What sops cannot read stays, and the reason is told without its words.
#[test]
fn what_sops_refuses_stays() {
    let Some(site) = Site::new(ALL) else { return };
    for text in [
        format!("a: {CANARY}\nbig: 18446744073709551615\n"),
        format!("a: {CANARY}\n1: x\n"),
        format!("%YAML 1.2\n---\na: {CANARY}\n"),
        format!("- {CANARY}\n"),
    ] {
        site.lab.write("secrets/a.yaml", &text);
        let (code, told) = site.fix(&[]);
        assert_eq!(code, 1, "{told}");
        assert_eq!(site.read("secrets/a.yaml"), text);
    }
}

#[test]
fn an_ssh_key() {
    let Some(mut site) = Site::new(ALL) else {
        return;
    };
    let key = site.lab.dir.path().join("id");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "x", "-f"])
        .arg(&key)
        .output();
    if !made.is_ok_and(|o| o.status.success()) {
        return skipped("ssh-keygen");
    }
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    site.lab.write(
        ".sops.yaml",
        &ALL.replace("AGE", &format!("'{}'", public.trim())),
    );
    site.lab.commit("ssh");
    site.env.retain(|(name, _)| name == "TMPDIR");
    site.lab.write("secrets/a.yaml", &secret(CANARY));
    mend(&site, &["secrets/a.yaml"]);
    assert!(site.read("secrets/a.yaml").contains("ssh-ed25519"));
    site.env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", &key);
    let plain = String::from_utf8(site.decrypted("secrets/a.yaml")).unwrap();
    assert!(plain.contains(CANARY));
}

/// A keyring with one key, and its fingerprint. The socket of its agent needs a short path.
fn pgp() -> Option<(tempfile::TempDir, String)> {
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
        skipped("gpg");
        return None;
    }
    let list = gpg(&["--list-keys", "--with-colons"]).unwrap().stdout;
    let list = String::from_utf8(list).unwrap();
    let line = list.lines().find(|l| l.starts_with("fpr:")).unwrap();
    let print = line.split(':').nth(9).unwrap().to_owned();
    Some((home, print))
}

fn kill_agent(home: &tempfile::TempDir) {
    let _ = Command::new("gpgconf")
        .args(["--kill", "all"])
        .env("GNUPGHOME", home.path())
        .output();
}

#[test]
fn pgp_keys_and_a_keyring_without_them() {
    let Some(mut site) = Site::new(ALL) else {
        return;
    };
    let Some((home, print)) = pgp() else { return };
    let config = ALL.replace("age: AGE", &format!("pgp: '{print}'"));
    site.lab.write(".sops.yaml", &config);
    site.lab.commit("pgp");
    site.env.retain(|(name, _)| name == "TMPDIR");
    let text = secret(CANARY);
    site.lab.write("secrets/a.yaml", &text);
    // Not in the keyring: told, and nothing changed.
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("not in your keyring"), "{told}");
    assert_eq!(site.read("secrets/a.yaml"), text);
    site.env("GNUPGHOME", home.path());
    mend(&site, &["secrets/a.yaml"]);
    let plain = String::from_utf8(site.decrypted("secrets/a.yaml")).unwrap();
    assert!(plain.contains(CANARY));
    kill_agent(&home);
}

#[test]
fn several_groups_of_which_some_are_needed() {
    let (second, third) = (age(8), age(9));
    let config = format!(
        "creation_rules:\n  - path_regex: secrets/\n    encrypted_regex: ^(data|stringData)$\n    shamir_threshold: 2\n    key_groups:\n    - age: [AGE]\n    - age: [{}]\n    - age: [{}]\n",
        second.1, third.1
    );
    let Some(site) = Site::new(&config) else {
        return;
    };
    site.lab.write("secrets/a.yaml", &secret(CANARY));
    let (_, plan) = site.fix(&["--dry-run"]);
    assert!(
        plan.contains("needs     2 of 3 groups to decrypt"),
        "{plan}"
    );
    mend(&site, &["secrets/a.yaml"]);
    assert!(site.read("secrets/a.yaml").contains("shamir_threshold: 2"));
    std::fs::write(
        site.lab.dir.path().join("keys.txt"),
        format!("{}\n{}\n", age(7).0, third.0),
    )
    .unwrap();
    let plain = String::from_utf8(site.decrypted("secrets/a.yaml")).unwrap();
    assert!(plain.contains(CANARY));
}

#[test]
fn variables_that_name_recipients_do_not_count() {
    let Some(mut site) = Site::new(ALL) else {
        return;
    };
    let other = age(9).1;
    site.env("SOPS_AGE_RECIPIENTS", &other);
    site.env("SOPS_PGP_FP", "85D77543B3D624B63CEA9E6DBC17301B491B3F21");
    site.env("SOPS_CONFIG", "/nowhere");
    site.lab.write("secrets/a.yaml", &secret(CANARY));
    mend(&site, &["secrets/a.yaml"]);
    let text = site.read("secrets/a.yaml");
    assert!(text.contains(&site.recipient) && !text.contains(&other));
}

/// How many generated documents go through the real sops: `SOPSGUARD_FIX_DOCUMENTS`.
fn documents() -> usize {
    let told = std::env::var("SOPSGUARD_FIX_DOCUMENTS").ok();
    told.and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

/// A mapping of a random shape; every value is one that no other has.
fn generated(rng: &mut rng::Rng, next: &mut u64, depth: usize, out: &mut String, indent: usize) {
    const KEYS: [&str; 12] = [
        "data",
        "stringData",
        "name",
        "password",
        "host_unencrypted",
        "enc_key",
        "a",
        "b-c",
        "\"q k\"",
        "list",
        "spec",
        "env",
    ];
    let n = 1 + rng.below(4);
    let from = rng.below(KEYS.len());
    for i in 0..n {
        let key = KEYS[(from + i) % KEYS.len()];
        let pad = " ".repeat(indent);
        *next += 1;
        match rng.below(if depth > 2 { 9 } else { 12 }) {
            0 => out.push_str(&format!("{pad}{key}: {next}\n")),
            1 => out.push_str(&format!(
                "{pad}{key}: {}\n",
                ["true", "false"][rng.below(2)]
            )),
            2 => out.push_str(&format!(
                "{pad}{key}: {}\n",
                ["~", "\"\"", "{}", "[]"][rng.below(4)]
            )),
            3 => out.push_str(&format!("{pad}{key}: {next}.25\n")),
            4 => out.push_str(&format!("{pad}{key}: \"v\\t{next} \\u00e9\"\n")),
            5 => out.push_str(&format!("{pad}{key}: |\n{pad}  v{next}\n{pad}   w\n")),
            6 => out.push_str(&format!("{pad}# c{next}\n{pad}{key}: v{next} # d\n")),
            7 | 8 => out.push_str(&format!("{pad}{key}: v{next}\n")),
            9 => {
                out.push_str(&format!("{pad}{key}:\n"));
                for _ in 0..=rng.below(3) {
                    *next += 1;
                    out.push_str(&format!("{pad}- v{next}\n"));
                }
            }
            _ => {
                out.push_str(&format!("{pad}{key}:\n"));
                generated(rng, next, depth + 1, out, indent + 2);
            }
        }
    }
}

/// What the plan says will be encrypted is what sops encrypts: the result is compared with the plan's own walk, leaf by
/// leaf, before it is taken; here it is counted, too, and decrypted.
#[test]
fn what_is_planned_is_what_sops_does() {
    let rules = [
        "",
        "    encrypted_regex: ^(data|stringData|password)$\n",
        "    unencrypted_regex: ^(name|spec)$\n",
        "    encrypted_suffix: _key\n",
        "    encrypted_comment_regex: c[0-9]*[02468]$\n",
        "    unencrypted_suffix: _unencrypted\n    mac_only_encrypted: true\n",
    ];
    let mut config = String::from("creation_rules:\n");
    for (i, options) in rules.iter().enumerate() {
        config.push_str(&format!(
            "  - path_regex: secrets/r{i}-\n{options}    age: AGE\n"
        ));
    }
    let Some(site) = Site::new(&config) else {
        return;
    };
    let (per_file, all) = (100, documents());
    let mut rng = rng::Rng::new(20261);
    let mut next = 0;
    let mut paths = Vec::new();
    let mut made = 0;
    while made < all {
        let rule = paths.len() % rules.len();
        let mut text = String::new();
        for i in 0..per_file.min(all - made) {
            if i > 0 {
                text.push_str("---\n");
            }
            generated(&mut rng, &mut next, 0, &mut text, 0);
            // One that every rule encrypts and that is a literal to every reader.
            next += 1;
            text.push_str(&format!(
                "zz:\n  data:\n    # c0\n    my_key: {CANARY}{next}\n"
            ));
        }
        made += per_file.min(all - made);
        let path = format!("secrets/r{rule}-{}.yaml", paths.len());
        site.lab.write(&path, &text);
        paths.push((path, text));
    }
    let (code, plan) = site.fix(&["--dry-run"]);
    assert_eq!(code, 0, "{plan}");
    let planned = |path: &str| -> usize {
        let at = plan.find(&format!("{path}\n")).unwrap();
        let line = plan[at..]
            .lines()
            .find_map(|l| l.strip_prefix("  encrypts  "))
            .unwrap();
        line.split(' ').next().unwrap().parse().unwrap()
    };
    let (code, told) = site.fix(&[]);
    let left: Vec<&str> = told.lines().filter(|l| l.starts_with("left ")).collect();
    assert_eq!((code, left), (0, vec![]));
    for (path, text) in &paths {
        let now = site.read(path);
        let is_value = |l: &&str| {
            // A comment behind a value is encrypted beside it.
            let value = l.split('#').next().unwrap_or("");
            value.contains("ENC[AES256_GCM,")
                && !value.contains("type:comment")
                && !l.starts_with("    mac:")
        };
        assert_eq!(
            now.lines().filter(is_value).count(),
            planned(path),
            "{path}"
        );
        assert!(!now.contains(CANARY));
        // Some thousand values are compared through sops' own eyes; all of them would take minutes.
        if path.ends_with("0.yaml") {
            let own = encrypted_by_sops(&site, text);
            let now = site.decrypted(path);
            for (now, own) in values(&now).zip(values(&own)) {
                assert_eq!(now, own, "{path} does not decrypt to what it was");
            }
            assert_eq!(values(&now).count(), values(&own).count(), "{path}");
        }
    }
    site.assert_clean(&[]);
}

/// The lines of a text without comments, of which sops moves some.
fn values(text: &[u8]) -> impl Iterator<Item = &str> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines()
        .map(|line| line.split(" #").next().unwrap_or("").trim_end())
        .filter(|line| !line.trim_start().starts_with('#') && !line.is_empty())
}

/// The text as sops writes it: encrypted by a rule without options, and decrypted.
fn encrypted_by_sops(site: &Site, text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut child = Command::new(&site.sops)
        .args([
            "--config",
            "/dev/null",
            "encrypt",
            "--age",
            &site.recipient,
            "--filename-override",
            "a.yaml",
        ])
        .current_dir("/")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = text.to_owned();
    let feed = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let out = child.wait_with_output().unwrap();
    let _ = feed.join();
    assert!(out.status.success());
    site.decrypted_bytes("a.yaml", &out.stdout, None)
}

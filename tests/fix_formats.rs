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

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;
use site::{CANARY, Site, age, secret, skipped};
use sopsguard::fix::tree;
use sopsguard::model::{Pointer, SafeKey};
use sopsguard::say;
use sopsguard::sops::config::SopsConfig;
use sopsguard::syntax::{Format, ScalarType, parse};

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
                r#"{{"a":"{CANARY}","d":1,"d":2,"big":9223372036854775807,"e":1e3,"s":"\ud83d\ude00 \/"}}"#
            ),
        ),
        (
            b"secrets/types.yaml",
            format!(
                "t: 2024-05-06T07:08:09Z\nset: {{a: {CANARY}}}\nyes: no\noct: 0o17\ninf: .inf\nexp: 1e3\nlong: 1_000\nneg: -0x1F\n"
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
    // Nor is the secret key encrypted to itself.
    let out = Command::new("gpg")
        .args(["--batch", "--pinentry-mode", "loopback", "--passphrase", ""])
        .args(["--armor", "--export-secret-keys"])
        .env("GNUPGHOME", home.path())
        .output()
        .unwrap();
    let key = String::from_utf8(out.stdout).unwrap();
    assert!(key.contains("BEGIN PGP PRIVATE KEY BLOCK"));
    site.lab.write("secrets/key.asc", &key);
    let (code, told) = site.fix(&["secrets/key.asc"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("does not mend private-key"), "{told}");
    assert_eq!(site.read("secrets/key.asc"), key);
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
            3 => {
                let value = match rng.below(10) {
                    0 => format!("{next}.25"),
                    1 => format!("{next}.50"),
                    2 => format!("0x{next:X}"),
                    3 => format!("0b{next:b}"),
                    4 => format!("{next}_000"),
                    5 => format!("{next}e3"),
                    6 => format!("-{next}.0"),
                    7 => format!(
                        "20{}-0{}-1{}",
                        rng.below(90) + 10,
                        rng.below(9) + 1,
                        rng.below(10)
                    ),
                    8 => [".inf", "-.inf", "+1", ".5", "yes", "1:30"][rng.below(6)].to_owned(),
                    _ => format!("\"{next}  \\n x \\0\""),
                };
                out.push_str(&format!("{pad}{key}: {value}\n"));
            }
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
        let (old, new) = (leaves(text), leaves(&now));
        let read = SopsConfig::read(&config);
        let rule = &read.rules()[rule_of(path)];
        let options = rule.effective_options(Format::Yaml);
        let survey = tree::survey(&parse(text, Format::Yaml), text, &options, false).unwrap();
        let named: BTreeSet<(u32, String)> = survey
            .leaves
            .iter()
            .filter(|l| l.encrypted)
            .map(|l| (l.document, say![l.pointer].as_str().to_owned()))
            .collect();
        let sealed: BTreeSet<(u32, String)> = new
            .iter()
            .filter(|(_, _, value)| value.starts_with("s:ENC[AES256_GCM,"))
            .map(|(n, at, _)| (*n, at.clone()))
            .collect();
        assert_eq!(named, sealed, "{path}");
        assert_eq!(named.len(), planned(path), "{path}");
        let back = site.decrypted(path);
        let back = leaves(std::str::from_utf8(&back).unwrap());
        assert_eq!(old.len(), back.len(), "{path}");
        for (old, back) in old.iter().zip(&back) {
            assert_eq!(old, back, "{path}");
        }
    }
    site.assert_clean(&[]);
}

fn rule_of(path: &str) -> usize {
    path.trim_start_matches("secrets/r")[..1].parse().unwrap()
}

/// Every scalar of a text with its document, its place and its value by type, read without sops. Metadata apart.
fn leaves(text: &str) -> Vec<(u32, String, String)> {
    let parsed = parse(text, Format::Yaml);
    assert!(parsed.is_whole());
    let mut out = Vec::new();
    for (n, doc) in parsed.documents.iter().enumerate() {
        let mut todo = vec![(doc.root().unwrap(), Pointer::default(), true)];
        while let Some((id, at, top)) = todo.pop() {
            let id = doc.resolve(id);
            let below = |key: &SafeKey| {
                let mut at = at.clone();
                at.push(key);
                at
            };
            if let Some(s) = doc.scalar(id) {
                let at = say![at].as_str().to_owned();
                let comment = s.text.starts_with("ENC[") && s.text.ends_with(",type:comment]");
                if !comment {
                    out.push((u32::try_from(n).unwrap(), at, canonical(&s.text, s.ty)));
                }
            } else if doc.is_mapping(id) {
                for (key, value) in doc.entries(id) {
                    let key = doc.text(key).unwrap();
                    if !(top && key == "sops") {
                        todo.push((value, below(&SafeKey::new(key)), false));
                    }
                }
            } else {
                for (i, item) in doc.items(id).enumerate() {
                    todo.push((item, below(&SafeKey::index(i)), false));
                }
            }
        }
    }
    out
}

/// A value in one form; numbers that are whole are so whatever their form.
fn canonical(text: &str, ty: ScalarType) -> String {
    match ty {
        ScalarType::Str => format!("s:{text}"),
        ScalarType::Bool => format!("b:{}", text.to_ascii_lowercase()),
        ScalarType::Null => "null".to_owned(),
        ScalarType::Binary => format!("binary:{text}"),
        ScalarType::Time if text.len() == 10 => format!("t:{text}T00:00:00Z"),
        ScalarType::Time => format!("t:{text}"),
        ScalarType::Int | ScalarType::Float => {
            let plain = text.replace('_', "");
            let body = plain.trim_start_matches(['+', '-']);
            let whole = match body.get(..2) {
                Some("0x") => i128::from_str_radix(&body[2..], 16).ok(),
                Some("0o") => i128::from_str_radix(&body[2..], 8).ok(),
                Some("0b") => i128::from_str_radix(&body[2..], 2).ok(),
                _ => body.parse().ok(),
            };
            let sign = if plain.starts_with('-') && whole != Some(0) {
                "-"
            } else {
                ""
            };
            match (whole, body.parse::<f64>()) {
                (Some(n), _) => format!("n:{sign}{n}"),
                (None, Ok(f)) => format!("n:{sign}{f}"),
                (None, Err(_)) => format!("n:{sign}{}", body.to_ascii_lowercase()),
            }
        }
    }
}

/// A file that holds the key of one of its recipients would be opened by nobody again.
#[test]
fn no_key_is_encrypted_to_itself() {
    let Some(site) = Site::new(ALL) else { return };
    let (own, recipient) = age(7);
    let (other, _) = age(9);
    let wrapped = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("# {CANARY}\n{own}\n"),
    );
    let files = [
        (
            "secrets/keys.txt",
            format!("# public key: {recipient}\n{own}\n"),
        ),
        ("secrets/flux.yaml", format!("flux_age_key: {own}\n")),
        ("secrets/comment.yaml", format!("a: {CANARY}\n# {own}\n")),
        (
            "secrets/secret.json",
            format!("{{\"data\": {{\"identity.agekey\": \"{wrapped}\"}}}}\n"),
        ),
        (
            "secrets/lines.json",
            format!("{{\"k\": \"x\\n{own}\\n\"}}\n"),
        ),
    ];
    for (path, text) in &files {
        site.lab.write(path, text);
    }
    site.lab
        .write("secrets/other.yaml", &format!("key: {other}\n"));
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 1, "{told}");
    for (path, text) in &files {
        assert_eq!(site.read(path), *text, "{told}");
    }
    assert!(told.contains("holds the key that would open it"), "{told}");
    assert!(told.contains("0 mended, 5 left"), "{told}");
    // The key of somebody else is none that a Secret is for, either.
    assert!(!site.read("secrets/other.yaml").contains("ENC["), "{told}");
}

#[test]
fn no_ssh_key_is_encrypted_to_itself() {
    for (kind, format) in [("ed25519", "OPENSSH"), ("rsa", "PEM"), ("rsa", "PKCS8")] {
        let Some(site) = Site::new(ALL) else { return };
        let key = |name: &str| {
            let key = site.lab.dir.path().join(name);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", kind, "-N", "", "-C", "x"])
                .args([
                    "-m",
                    if format == "OPENSSH" {
                        "RFC4716"
                    } else {
                        format
                    },
                ])
                .arg("-f")
                .arg(&key)
                .output();
            if !made.is_ok_and(|o| o.status.success()) {
                skipped("ssh-keygen");
                return None;
            }
            let read = |path| std::fs::read_to_string(path).unwrap();
            Some((read(key.clone()), read(key.with_extension("pub"))))
        };
        let (Some((own, public)), Some((other, _))) = (key("own"), key("other")) else {
            return;
        };
        let config = ALL.replace("AGE", &format!("'{}'", public.trim()));
        site.lab.write(".sops.yaml", &config);
        site.lab.commit("ssh");
        let quoted = serde_json::to_string(&own).unwrap();
        let files = [
            ("secrets/own", own.clone()),
            ("secrets/own.json", format!("{{\"key\": {quoted}}}\n")),
        ];
        for (path, text) in &files {
            site.lab.write(path, text);
        }
        site.lab.write("secrets/other", &other);
        let (code, told) = site.fix(&[]);
        assert_eq!(code, 1, "{told}");
        for (path, text) in &files {
            assert_eq!(site.read(path), *text, "{kind} {format}: {told}");
        }
        assert!(told.contains("holds the key that would open it"), "{told}");
        let other = site.read("secrets/other").contains("ENC[");
        assert_eq!(other, format != "OPENSSH", "{told}");
    }
}

/// What sops 3.13.3 would give back as something else is refused before it is asked, readable or not.
#[test]
fn what_sops_cannot_keep_is_refused() {
    let rules = "creation_rules:\n  - path_regex: secrets/s\n    age: AGE\n  - path_regex: secrets/r\n    encrypted_regex: ^zz$\n    age: AGE\n";
    let Some(site) = Site::new(rules) else { return };
    let yaml = [
        "123456789012345678901234567890",
        "9223372036854775808",
        "-9223372036854775809",
        "0xffffffffffffffff",
        "0123456",
        "089",
        "2024-01-01T00:00:00.1234567891Z",
        "0.1234567890123456789",
        "1e-400",
        "-0.0",
        "!Ref foo",
        "!Sub {a: 1}",
        "!GetAtt [a, b]",
        "!!set {a: null}",
        "!!binary aGVsbG8=",
        "'<<'",
        "{1: x}",
        "{true: x}",
        "{~: x}",
        "{2024-01-01: x}",
        "{\"<<\": {a: 1}}",
    ];
    let json = [
        "12345678901234567890123",
        "9223372036854775808",
        "9007199254740993.0",
        "100000000000000000000000",
        "0.1234567890123456789",
        "1e400",
        "-0.0",
        "\"\\ud800\"",
    ];
    let mut files = Vec::new();
    for (i, value) in yaml.iter().enumerate() {
        files.push((format!("{i}.yaml"), format!("zz: {CANARY}\nx: {value}\n")));
    }
    for (i, value) in json.iter().enumerate() {
        files.push((
            format!("{i}.json"),
            format!("{{\"zz\":\"{CANARY}\",\"x\":{value}}}\n"),
        ));
    }
    for (name, text) in &files {
        site.lab.write(&format!("secrets/s{name}"), text);
        site.lab.write(&format!("secrets/r{name}"), text);
    }
    let (code, told) = site.fix(&["--dry-run"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("dry run: 0 to mend"), "{told}");
    assert!(
        told.contains("sops would write /x as another number: put it in quotes"),
        "{told}"
    );
    let (_, told) = site.fix(&[]);
    for (name, text) in &files {
        assert_eq!(site.read(&format!("secrets/s{name}")), *text, "{told}");
        assert_eq!(site.read(&format!("secrets/r{name}")), *text, "{told}");
    }
}

/// What it gives back equal is encrypted, and what is spelled otherwise is counted.
#[test]
fn what_sops_keeps_is_encrypted() {
    let rules = "creation_rules:\n  - path_regex: secrets/s\n    age: AGE\n  - path_regex: secrets/r\n    encrypted_regex: ^zz$\n    age: AGE\n";
    let Some(site) = Site::new(rules) else { return };
    let plain = "a: 31\nb: 1.5\nc: 'yes'\nd: yes\ne: ~\nf: \"\"\ng: 2024-05-06T07:08:09Z\nh: \"0123\"\ni: \"x  \\n y \\n\"\nj: &x {p: 1}\nk: *x\nl: {<<: *x, q: 2}\nm: \"\\0\\ud7ff\"\nn: \u{1f600}\no: 1:30\np: !!str 5\nq: .inf\nr: 1e400x\n";
    let other = "a: 0x1F\nb: 1.10\nc: 0b11\nd: 1_000\ne: .5\nf: 1e3\ng: +1\nh: 2024-01-01\ni: TRUE\nj: 123456789.0\n";
    for of in ["s", "r"] {
        site.lab.write(
            &format!("secrets/{of}a.yaml"),
            &format!("zz: {CANARY}\n{plain}"),
        );
        site.lab.write(
            &format!("secrets/{of}b.yaml"),
            &format!("zz: {CANARY}\n{other}"),
        );
    }
    let (code, told) = site.fix(&[]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("sops spells 20 numbers or dates"), "{told}");
    assert_eq!(told.matches("sops spells").count(), 1, "{told}");
    for of in ["s", "r"] {
        for (name, text) in [("a", plain), ("b", other)] {
            let back = site.decrypted(&format!("secrets/{of}{name}.yaml"));
            let back = leaves(std::str::from_utf8(&back).unwrap());
            assert_eq!(back, leaves(&format!("zz: {CANARY}\n{text}")), "{of}{name}");
        }
    }
}

//! No output carries a secret: not a value, a piece of one, or another spelling of one.
//!
//! A marker is planted in every position of every format, by hand and at random, in files that are whole, cut off or
//! damaged; then every output is searched for it, for pieces of it, and for its base64 and URL spellings. Some thousand
//! files go through the library (engine and renderers); a repository with every position goes through the binary. The
//! seed is fixed; `SOPSGUARD_LEAK_SEEDS` asks for more files.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::unnecessary_literal_unwrap,
    reason = "a test that cannot be set up has failed; the doors are those of the program"
)]

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use sopsguard::checks;
use sopsguard::engine::{self, Options};
use sopsguard::model::{Exposure, Label, Mode, Moment, Outcome, Person, RepoPath, ValueChanged};
use sopsguard::report::{self, Format, Style};
use sopsguard::source::{BaseState, Entry, FileKind, ReadError, View};

/// SplitMix64: the same files on every machine.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A token that no one else would write: letters and digits in turn.
    fn token(&mut self) -> String {
        let mut out = String::from("kumquat");
        for _ in 0..6 {
            out.push(char::from(b'A' + self.below(26) as u8));
            out.push(char::from(b'0' + self.below(10) as u8));
            out.push(char::from(b'a' + self.below(26) as u8));
        }
        out
    }
}

/// Every spelling of a secret that an output is searched for.
struct Marker {
    text: String,
    pieces: Vec<String>,
}

impl Marker {
    fn new(text: &str) -> Self {
        let standard = base64::engine::general_purpose::STANDARD_NO_PAD;
        let mut pieces = vec![text.to_owned(), text.chars().rev().collect()];
        // A piece of a secret is a secret.
        let letters: Vec<char> = text.chars().collect();
        pieces.extend(letters.windows(10).map(|w| w.iter().collect()));
        for shift in 0..3 {
            let encoded = standard.encode([vec![b'x'; shift], text.as_bytes().to_vec()].concat());
            // Characters that mix with the neighbours are left out.
            pieces.push(encoded[4.min(encoded.len())..encoded.len() - 4].to_owned());
        }
        pieces.push(text.bytes().map(|b| format!("{b:02x}")).collect());
        pieces.push(text.bytes().map(|b| format!("%{b:02X}")).collect());
        Self {
            text: text.to_owned(),
            pieces,
        }
    }

    fn base64(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(&self.text)
    }

    #[track_caller]
    fn check(&self, output: &[u8], what: &dyn Fn() -> String) {
        let text = String::from_utf8_lossy(output);
        for piece in &self.pieces {
            assert!(
                !text.contains(piece.as_str()),
                "{piece} of {} is shown\n--- {}\n--- output\n{text}",
                self.text,
                what()
            );
        }
    }
}

/// Files in memory.
struct Memory {
    entries: Vec<Entry>,
    files: BTreeMap<RepoPath, Vec<u8>>,
}

impl Memory {
    fn new(files: Vec<(&str, Vec<u8>)>) -> Self {
        let files: BTreeMap<RepoPath, Vec<u8>> = files
            .into_iter()
            .map(|(p, b)| (RepoPath::new(p), b))
            .collect();
        let kind = |p: &RepoPath| {
            if p.file_name() == b"link" {
                FileKind::Symlink
            } else {
                FileKind::Regular
            }
        };
        let entry = |(p, b): (&RepoPath, &Vec<u8>)| Entry {
            path: p.clone(),
            kind: kind(p),
            tracked: true,
            selected: true,
            touched: true,
            stage: 0,
            base: BaseState::NoBase,
            size: Some(b.len() as u64),
        };
        Self {
            entries: files.iter().map(entry).collect(),
            files,
        }
    }
}

impl View for Memory {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read_limited(&self, path: &RepoPath, limit: u64) -> Result<Vec<u8>, ReadError> {
        let bytes = self.files.get(path).ok_or(ReadError::Missing)?;
        if bytes.len() as u64 > limit {
            Err(ReadError::TooLarge(bytes.len() as u64))
        } else {
            Ok(bytes.clone())
        }
    }

    fn open_stream(&self, path: &RepoPath) -> Result<Box<dyn Read>, ReadError> {
        Ok(Box::new(Cursor::new(self.read(path)?)))
    }
}

/// Judges the files and searches whatever is rendered.
fn judge(files: Vec<(&str, Vec<u8>)>, marker: &Marker) {
    let told = |f: &[(&str, Vec<u8>)]| {
        f.iter()
            .map(|(p, b)| format!("== {p}\n{}", String::from_utf8_lossy(b)))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let shown = told(&files);
    let what = || shown.clone();
    let view = Memory::new(files);
    let options = Options {
        mode: Mode::Worktree,
        jobs: 1,
        ..Options::default()
    };
    let outcome = engine::run(&view, None, None, &options);
    let incident = as_incident(&outcome, marker);
    let mut out = Vec::new();
    for (width, color, unicode) in [(80, false, true), (200, true, true), (30, false, false)] {
        let style = Style {
            color,
            width,
            unicode,
            ..Style::default()
        };
        report::render(&outcome, &checks::TABLE, Format::Human, &style, &mut out).unwrap();
    }
    for outcome in [&outcome, &incident] {
        for format in Format::ALL {
            let style = Style::default();
            report::render(outcome, &checks::TABLE, format, &style, &mut out).unwrap();
        }
    }
    let _ = write!(out, "{outcome:?}");
    for entry in view.entries() {
        let told = engine::explain(
            &view,
            None,
            &options,
            &entry.path,
            |subject, judged, around| {
                sopsguard::explain::trace(subject, judged, around)
                    .iter()
                    .map(|m| m.as_str().to_owned())
                    .collect::<Vec<_>>()
                    .join("\n")
            },
        );
        out.extend_from_slice(told.unwrap_or_default().as_bytes());
    }
    marker.check(&out, &what);
}

/// The same findings as an audit of history would have them, committed by somebody with a token for a name. Names that
/// are words are shown: they are names.
fn as_incident(outcome: &Outcome, marker: &Marker) -> Outcome {
    let mut outcome = outcome.clone();
    let is_token = marker.text.bytes().any(|b| b.is_ascii_digit());
    let name = if is_token {
        marker.text.as_str()
    } else {
        "Ada"
    };
    outcome.mode = Mode::History;
    for (n, f) in outcome.findings.iter_mut().enumerate() {
        f.exposure = Some(Box::new(Exposure {
            first_commit: Some("0123456789".repeat(4)),
            first_seen: Moment(1_700_000_000),
            last_commit: None,
            last_seen: Moment(1_710_000_000),
            author: Some(Person {
                name: Label::new(&format!("x {name}")),
                email: Label::new(&format!("{name}@host")),
            }),
            commits: 3,
            refs: vec![RepoPath::new("refs/heads/main")],
            refs_total: 1,
            at_head: true,
            encrypted_now: false,
            value_changed: ValueChanged::Unknown,
            value_group: Some(n as u32 / 2),
            versions: Vec::new(),
        }));
    }
    outcome
}

const AGE: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

fn example(path: &str) -> String {
    std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(path),
    )
    .unwrap()
}

/// An INI file as sops writes it, from parts of another encrypted file.
fn ini() -> String {
    let yaml = example("01-flux-fleet/apps/production/orchard-api/database.sops.yaml");
    let values: Vec<&str> = yaml
        .lines()
        .filter_map(|l| l.split_once(": ENC[").map(|(_, v)| v))
        .collect();
    format!(
        "[db]\n; note\nuser = ENC[{}\n\n[sops]\nage__list_0__map_recipient = {AGE}\nmac = ENC[{}\nlastmodified = 2024-01-01T00:00:00Z\nversion = 3.9.0\n",
        values[0],
        values[values.len() - 1]
    )
}

fn rules() -> String {
    format!(
        "stores:\n  yaml:\n    indent: 2\ncreation_rules:\n  - path_regex: secrets/.*\\.yaml$\n    encrypted_regex: ^(data|stringData)$\n    age: {AGE}\n  - path_regex: \\.(env|ini|json)$\n    key_groups:\n      - age: [{AGE}]\n        pgp: [85D77543B3D624B63CEA9E6DBC17301B491B3F21]\n    shamir_threshold: 1\n  - path_regex: .*\n    kms: arn:aws:kms:eu-west-1:111111111111:key/a\n    hc_vault_transit_uri: https://vault.example/v1/sops/keys/k\n    azure_keyvault: https://v.vault.azure.net/keys/k/1\n    gcp_kms: projects/p/locations/l/keyRings/r/cryptoKeys/k\n"
    )
}

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a # note\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n      {\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"stringData\":{\"password\":\"plum\"}}\ntype: Opaque\ndata:\n  token: cGx1bQ==\nstringData:\n  # above\n  password: &anchor !!str \"plum\"\n  again: *anchor\n  block: |\n    user=plum\n    password=plum\n  config.json: '{\"password\": \"plum\", \"list\": [\"plum\"]}'\n---\napiVersion: v1\nkind: List\nitems:\n  - {apiVersion: v1, kind: Secret, stringData: {token: plum}}\n";

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  inner.yaml: |\n    apiVersion: v1\n    kind: Secret\n    stringData:\n      password: plum\n";

const KUSTOMIZATION: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - secret.yaml\nsecretGenerator:\n  - name: a\n    literals:\n      - password=plum\n      - user=plum\n    files:\n      - key=plain.txt\n    envs:\n      - prod.env\npatches:\n  - target: {kind: Secret, name: a}\n    patch: |\n      - op: add\n        path: /stringData/password\n        value: plum\n";

/// Files into which the marker is planted: path, text.
fn hosts() -> Vec<(&'static str, String)> {
    vec![
        ("secrets/a.yaml", SECRET.to_owned()),
        ("app/secret.yaml", SECRET.to_owned()),
        ("app/cm.yaml", CONFIG_MAP.to_owned()),
        ("app/kustomization.yaml", KUSTOMIZATION.to_owned()),
        ("secrets/plain.yaml", "a: plum\nlist:\n  - plum\n  - b: plum\n? complex\n: plum\n".to_owned()),
        ("app/prod.env", "# note\nUSER=plum\nexport PASSWORD=plum\nCONFIG={\n\"password\": \"plum\"\n}\n".to_owned()),
        ("secrets/a.ini", "; note\ntop = plum\n[db]\npassword = \"plum\" ; tail\nlong = a\\\n  plum\n".to_owned()),
        ("secrets/a.json", "{\"password\": \"plum\", \"list\": [\"plum\", {\"a\": 1}], \"kind\": \"Secret\", \"apiVersion\": \"v1\", \"stringData\": {\"token\": \"plum\"}}\n".to_owned()),
        ("secrets/opaque", "plum\nplum plum\n".to_owned()),
        ("app/values.tmpl.yaml", "apiVersion: v1\nkind: Secret\nstringData:\n  a: {{ .plum }}\n  password: plum\n".to_owned()),
        ("app/tests/x.sops.yaml", "password: plum\n".to_owned()),
        ("app/x.yaml.bak", SECRET.to_owned()),
        ("app/hosts.sops.yaml", example("01-flux-fleet/apps/production/orchard-api/database.sops.yaml")),
        ("app/mail.sops.json", example("02-nixos/secrets/mail.json")),
        ("app/restic.sops.env", example("02-nixos/secrets/restic.env")),
        ("app/x.sops.ini", ini()),
        (".sops.yaml", rules()),
        ("app/.sops.yaml", rules()),
        (".sops.yml", rules()),
        ("app/key.pem", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIFPp6xJ6gIWBJkF7jZ1kqsYh8mJxK2d4k5v8E1g4Tq7c\n-----END PRIVATE KEY-----\n".to_owned()),
        ("app/identity.txt", example("test-keys/fleet-ops.txt")),
        ("app/link", "some/where".to_owned()),
        ("app/conflict.sops.yaml", "a: b\n<<<<<<< HEAD\npassword: plum\n=======\npassword: pear\n>>>>>>> other\n".to_owned()),
        ("app/flux.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\nspec:\n  path: ./app\n  sourceRef: {name: plum}\n".to_owned()),
    ]
}

/// Plants the marker somewhere in a text.
fn plant(rng: &mut Rng, host: &str, marker: &Marker) -> Vec<u8> {
    let m = marker.text.as_str();
    let b = marker.base64();
    let lines: Vec<&str> = host.lines().collect();
    let at = rng.below(lines.len());
    let line = lines[at];
    let indent = &line[..line.len() - line.trim_start().len()];
    let words: Vec<&str> = line
        .split([' ', ':', '=', '"', ','])
        .filter(|w| !w.is_empty())
        .collect();
    let new = match rng.below(26) {
        0 => format!("{line}\n{indent}{m}: x"),
        1 => format!("{line}\n{indent}x: {m}"),
        2 => format!("{line}\n{indent}# {m}"),
        3 => format!("{line} # {m}"),
        4 => format!("{indent}- {m}\n{line}"),
        5 => format!("{line}\n{m}"),
        6 => format!("{line}{m}"),
        7 => format!("{m}{line}"),
        8 => format!("{line}\n{indent}password: {b}"),
        9 => format!("{line}\n{indent}? {m}\n{indent}: {m}"),
        10 => format!("{line}\n{indent}password: |\n{indent}  {m}\n{indent}  token={m}"),
        11 => format!("{line}\n{indent}&{m} x: !{m} y"),
        12 => format!("{line}\n{indent}url: https://user:{m}@host.example/?q={m}"),
        13 => format!("{line}\n{m}={m}"),
        14 => format!("{line}\n\"password\": \"{m}==\""),
        15 => format!("{line}\n; {m}\n[{m}]\n{m} = {m}"),
        16 => format!("---\n{line}\n---\n{m}"),
        17 => format!("{line}\n{indent}{m}:\n{indent}  password: hunter2"),
        18 => format!("{line}\n{indent}x: *{m}"),
        19 => {
            format!("{line}\n{indent}{{\"kind\": \"Secret\", \"stringData\": {{\"{m}\": \"{m}\"}}")
        }
        20 => format!("{line}\n{indent}x: '{{{{ {m} }}}} ${{{m}:-{m}}}'"),
        21 => format!("{line}\n{indent}\"x: {m}"),
        // A word becomes the marker, or swallows it.
        22 | 23 if !words.is_empty() => line.replacen(words[rng.below(words.len())], m, 1),
        24 if !words.is_empty() => line.replacen(words[rng.below(words.len())], &b, 1),
        _ => match line.split_once([':', '=']) {
            Some((key, _)) => format!("{key}{}{m}", if line.contains(':') { ": " } else { "=" }),
            None => m.to_owned(),
        },
    };
    let mut text: Vec<u8> = lines
        .iter()
        .enumerate()
        .map(|(i, l)| if i == at { new.as_str() } else { l })
        .collect::<Vec<_>>()
        .join("\n")
        .into_bytes();
    text.push(b'\n');
    match rng.below(8) {
        // Cut off, but not inside the marker.
        0 => {
            let end = rng.below(text.len());
            let inside = memchr::memmem::rfind(&text, m.as_bytes())
                .is_some_and(|s| (s..s + m.len()).contains(&end));
            if !inside {
                text.truncate(end);
            }
        }
        1 => {
            let (at, byte) = (rng.below(text.len()), *rng.pick(b"\xff\0\"{}[]'\x1b"));
            let inside =
                (at.saturating_sub(m.len())..at).any(|i| text[i..].starts_with(m.as_bytes()));
            if !inside || !(0x20..0x80).contains(&byte) {
                text.insert(at, byte);
            }
        }
        2 => {
            text = text
                .iter()
                .flat_map(|c| {
                    if *c == b'\n' {
                        vec![b'\r', b'\n']
                    } else {
                        vec![*c]
                    }
                })
                .collect()
        }
        3 => {
            text = [
                b"\xff\xfe".to_vec(),
                String::from_utf8_lossy(&text)
                    .encode_utf16()
                    .flat_map(u16::to_le_bytes)
                    .collect(),
            ]
            .concat()
        }
        _ => {}
    }
    text
}

#[test]
fn no_output_of_the_library_shows_what_was_planted_at_random() {
    let seeds = std::env::var("SOPSGUARD_LEAK_SEEDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(2_000);
    std::thread::scope(|scope| {
        for part in 0..2 {
            // As much room as judging has.
            std::thread::Builder::new()
                .stack_size(32 << 20)
                .spawn_scoped(scope, move || plant_at_random((part..seeds).step_by(2)))
                .unwrap();
        }
    });
}

fn plant_at_random(seeds: impl Iterator<Item = u64>) {
    let hosts = hosts();
    for seed in seeds {
        let mut rng = Rng(seed);
        let token = rng.token();
        let marker = Marker::new(&token);
        let at = rng.below(hosts.len());
        let planted = plant(&mut rng, &hosts[at].1, &marker);
        let mut files = vec![
            (".sops.yaml", rules().into_bytes()),
            ("app/plain.txt", token.clone().into_bytes()),
        ];
        if rng.below(2) == 0 {
            // What else is there: a kustomization that names plain files, and an encrypted sibling.
            files.extend([
                ("app/kustomization.yaml", KUSTOMIZATION.as_bytes().to_vec()),
                (
                    "app/prod.enc.env",
                    example("02-nixos/secrets/restic.env").into_bytes(),
                ),
            ]);
        }
        files.retain(|(p, _)| *p != hosts[at].0);
        files.push((hosts[at].0, planted));
        judge(files, &marker);
    }
}

/// Secrets that are no tokens: where only a value can stand.
#[test]
fn words_keys_and_identities_are_not_shown_either() {
    let body = "MC4CAQAwBQYDK2VwBCIEIFPp6xJ6gIWBJkF7jZ1kqsYh8mJxK2d4k5v8E1g4Tq7c";
    let identity = example("test-keys/fleet-ops.txt")
        .lines()
        .find(|l| l.starts_with("AGE-SECRET-KEY-1"))
        .unwrap()
        .to_owned();
    for secret in [
        "zanzibarvelvet",
        "Velvet-Zanzibar!",
        "velvet zanzibar umbrella",
        body,
        &identity,
        "ÜberZanzibarÄpfel",
    ] {
        // That there is an identity may be said.
        let marker = Marker::new(secret.trim_start_matches("AGE-SECRET-KEY-1"));
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----");
        let escaped = pem.replace('\n', "\\n");
        let encoded = base64::engine::general_purpose::STANDARD.encode(&pem);
        let b = base64::engine::general_purpose::STANDARD.encode(secret);
        for (path, text) in [
            (
                "app/s.yaml",
                format!(
                    "apiVersion: v1\nkind: Secret\nstringData:\n  password: \"{secret}\"\n  pem: \"{escaped}\"\ndata:\n  k: {b}\n  p: {encoded}\n"
                ),
            ),
            (
                "app/s.yaml",
                format!(
                    "# password {secret}\napiVersion: v1\nkind: Secret\nstringData:\n  password: |\n    {secret}\n  x: [\n"
                ),
            ),
            (
                "secrets/s.yaml",
                format!("list:\n  - {secret}\n  - password={secret}\n# {secret}\n"),
            ),
            ("secrets/s.yaml", format!("{secret}\n")),
            (
                "secrets/s.json",
                format!("{{\"a\": \"{secret}\", \"b\": [\"{secret}\"]}} \"{secret}\""),
            ),
            (
                "app/s.env",
                format!("PASSWORD={secret}\n#{secret}\n\"password\": \"{secret}==\"\n"),
            ),
            (
                "app/s.sops.env",
                format!("PASSWORD={secret}\n\"password\": \"{secret}=\"\npassword: {secret} =\n"),
            ),
            (
                "secrets/s.ini",
                format!("; {secret}\n[a]\npassword = {secret}\n{secret}\n"),
            ),
            ("secrets/opaque", secret.to_owned()),
            ("app/key.pem", pem.clone()),
            (
                "app/kubeconfig",
                format!("users:\n- user:\n    client-key-data: {encoded}\n"),
            ),
            (
                "app/kustomization.yaml",
                format!(
                    "kind: Kustomization\nsecretGenerator:\n- literals:\n  - password={secret}\n  - {secret}\n"
                ),
            ),
            ("app/link", format!("x/{secret}")),
            (
                "app/cm.yaml",
                format!(
                    "kind: ConfigMap\ndata:\n  x: '{{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"stringData\":{{\"password\":\"{secret}\"}}}}'\n"
                ),
            ),
            (
                "app/r.sops.env",
                format!(
                    "A={secret}\nsops_note={secret}\n{}",
                    example("02-nixos/secrets/restic.env")
                ),
            ),
            (
                "app/h.sops.yaml",
                format!(
                    "# {secret}\nextra: {secret}\n{}---\n{secret}\n---\nsops:\n  x: {secret}\n",
                    example("01-flux-fleet/apps/production/orchard-api/database.sops.yaml")
                ),
            ),
            (
                "app/h.sops.yaml",
                example("01-flux-fleet/apps/production/orchard-api/database.sops.yaml")
                    .replace("sops:\n", &format!("sops:\n    note: '{secret}'\n")),
            ),
            (
                "app/h.sops.yaml",
                example("01-flux-fleet/apps/production/orchard-api/database.sops.yaml")
                    .replace("ENC[", &format!("{secret} ENC[")),
            ),
            (
                "app/h.sops.yaml",
                example("01-flux-fleet/apps/production/orchard-api/database.sops.yaml")
                    .replace("data:", &format!("data:{b}")),
            ),
        ] {
            judge(
                vec![
                    (".sops.yaml", rules().into_bytes()),
                    (path, text.into_bytes()),
                ],
                &marker,
            );
        }
        if secret == identity {
            for config in [
                rules().replace(AGE, secret),
                rules().replace("secrets/.*", secret),
                rules().replace("pgp:", &format!("{secret}: 1\n        pgp:")),
                rules().replace("111111111111", secret),
            ] {
                judge(
                    vec![
                        (".sops.yaml", config.into_bytes()),
                        ("secrets/a.yaml", b"a: b\n".to_vec()),
                        (
                            "app/h.sops.yaml",
                            example("01-flux-fleet/apps/production/orchard-api/database.sops.yaml")
                                .into_bytes(),
                        ),
                    ],
                    &marker,
                );
            }
        }
    }
}

fn run(dir: &Path, args: &[&str], vars: &[(&str, &str)], stdin: Option<&[u8]>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sopsguard"));
    command
        .args(args)
        .current_dir(dir)
        .env_clear()
        .envs(vars.iter().copied())
        .env("HOME", dir)
        .env("GIT_CEILING_DIRECTORIES", dir.parent().unwrap());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // The program may end before it has read everything.
    let _ = input.write_all(stdin.unwrap_or_default());
    drop(input);
    child.wait_with_output().unwrap()
}

#[test]
fn no_output_of_the_program_shows_what_was_planted() {
    let mut rng = Rng(7);
    for round in 0..6 {
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().join("fleet");
        let token = rng.token();
        let marker = Marker::new(&token);
        for (path, text) in hosts() {
            let file = dir.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            if !path.ends_with("link") {
                std::fs::write(&file, plant(&mut rng, &text, &marker)).unwrap();
            }
        }
        let outside = top.path().join("outside.yaml");
        std::fs::write(&outside, SECRET.replace("plum", &token)).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&outside, dir.join("app/link.yaml")).unwrap();
        std::fs::write(
            dir.join("app/huge.yaml"),
            format!("a: {token}\n{}", SECRET.replace("plum", &token)).repeat(3),
        )
        .unwrap();
        if round > 0 {
            let git = Command::new("git")
                .args(["init", "-q"])
                .current_dir(&dir)
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .status();
            assert!(git.unwrap().success());
        }
        if round == 4 {
            // A remote with a token in it, in a configuration that Git cannot read.
            std::fs::write(
                dir.join(".git/config"),
                format!("[remote \"o\"]\n  url = https://x:{token}@host/\n[{token}\n"),
            )
            .unwrap();
        }
        if round == 5 {
            std::fs::write(dir.join(".git/HEAD"), format!("{token}\n")).unwrap();
            std::fs::write(dir.join(".git/index"), format!("{token}\n")).unwrap();
        }
        let mut all = Vec::new();
        let mut add = |args: &[&str], vars: &[(&str, &str)], stdin: Option<&[u8]>| {
            let out = run(&dir, args, vars, stdin);
            assert!(
                matches!(out.status.code(), Some(0..=3)),
                "{args:?}: {:?}",
                out.status
            );
            let text = [out.stdout, out.stderr].concat();
            marker.check(&text, &|| format!("{args:?}"));
            all.push(out.status.code());
        };
        add(&["scan", "--color", "always"], &[("COLUMNS", "40")], None);
        add(
            &[
                "scan",
                "--color",
                "never",
                "--report",
                "json=out.json",
                "--report",
                "human=out.txt",
                "--report",
                "html=out.html",
                "--report",
                "markdown=out.md",
                "--report",
                "blobs=out.ids",
            ],
            &[("LANG", "C.UTF-8"), ("COLUMNS", "300")],
            None,
        );
        for format in Format::NAMES {
            add(
                &[
                    "scan",
                    "--format",
                    format,
                    "--fail-on",
                    "note",
                    "--jobs",
                    "2",
                ],
                &[],
                None,
            );
            add(&["config", "check", "--format", format], &[], None);
            add(
                &["scan", "--quiet", "--format", format, "app", "secrets"],
                &[],
                None,
            );
        }
        add(&["scan", "--sops-config", "app/.sops.yaml"], &[], None);
        add(&["scan", "--sops-config", "app/key.pem"], &[], None);
        for (path, text) in hosts() {
            if !path.ends_with("link") {
                add(&["explain", path], &[], None);
                let planted = plant(&mut rng, &text, &marker);
                add(
                    &["scan", "--stdin", "--stdin-path", path],
                    &[],
                    Some(&planted),
                );
            }
        }
        add(&["explain", "app"], &[], None);
        add(&["scan", "no/such/path"], &[], None);
        add(&["scan", "--report", "nothing"], &[], None);
        for report in ["out.json", "out.txt", "out.html", "out.md", "out.ids"] {
            if let Ok(bytes) = std::fs::read(dir.join(report)) {
                marker.check(&bytes, &|| report.to_owned());
            }
        }
    }
}

const CHILD: &str = "SOPSGUARD_TEST_PANIC";

/// Runs in a process of its own, started by the next test.
#[test]
fn a_panic_for_the_next_test() {
    let Ok(secret) = std::env::var(CHILD) else {
        return;
    };
    // The command line sets the hook before all else.
    let _ = sopsguard::cli::run(["sopsguard", "explain", "private-key"].map(Into::into));
    let _ = std::panic::catch_unwind(|| panic!("at the value {secret}"));
    let _ = std::thread::spawn(move || Result::<(), String>::Err(secret).expect("a value")).join();
}

#[test]
fn a_panic_tells_its_place_only() {
    let marker = Marker::new(&Rng(3).token());
    let out = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_panic_for_the_next_test", "--nocapture"])
        .env(CHILD, &marker.text)
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert_eq!(
        stderr.matches("sopsguard: a defect at ").count(),
        2,
        "{stderr}"
    );
    marker.check(&[out.stdout, out.stderr].concat(), &|| "a panic".to_owned());
}

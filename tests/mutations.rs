//! Bytes that nobody wrote: every parser, the Go regular expressions, the grammar of encrypted values, the metadata
//! reader, the key search, the value classes and the judging of a whole file survive mutated input without a panic, and
//! every span lies in its text, between characters.
//!
//! The seed is fixed. `cargo test` runs a part; `SOPSGUARD_MUTATIONS=500000 cargo test --profile checked --test mutations`
//! runs all, with overflow checks and debug assertions in optimised code.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot be set up has failed; the doors are those of the program"
)]

use std::io::{Cursor, Read};
use std::path::Path;

use sopsguard::engine::{self, Options};
use sopsguard::model::{Mode, RepoPath, Span};
use sopsguard::sops::goregex::GoRegex;
use sopsguard::sops::{config, metadata, specificity, value};
use sopsguard::source::{BaseState, Entry, FileKind, ReadError, View};
use sopsguard::subject::leaves;
use sopsguard::syntax::{Child, Document, Format, Kind, NodeId, Parsed, decode, lines, parse};
use sopsguard::values::{ValueContext, classify};
use sopsguard::{keys, report};

/// Optimised code does forty times as many in the same time.
const DEFAULT: u64 = 10_000;

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Pieces that mean something to one of the formats.
const PIECES: [&str; 72] = [
    ":",
    ": ",
    "- ",
    "? ",
    "#",
    " # ",
    "=",
    "\n",
    "\r",
    "\r\n",
    "\t",
    " ",
    "\"",
    "'",
    "`",
    "\"\"\"",
    "\\",
    "\\\n",
    "\\u00",
    "\\x4",
    "|",
    "|2-",
    ">+",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "!t ",
    "{",
    "}",
    "[",
    "]",
    "[[",
    "{{",
    "}}",
    "${",
    "$(",
    ":-",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "ü",
    "\u{1f511}",
    "\0",
    "\x1b",
    "sops:",
    "sops_mac=",
    "[sops]\n",
    "ENC[",
    "ENC[AES256_GCM,data:",
    ",iv:",
    ",type:str]",
    "kind: Secret\n",
    "apiVersion: v1\n",
    "stringData:\n",
    "data:\n",
    "items:\n",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "AGE-SECRET-KEY-1",
    "LS0tLS1CRUdJTi",
    "(?",
    "{1000}",
    "[^",
    "\\p{",
    "(?P<",
    "|",
    "9999999999999999999",
    "<<<<<<< ",
];

fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    let mut dirs = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")];
    while let Some(dir) = dirs.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                dirs.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                if bytes.len() < 8_000 {
                    out.push((
                        path.file_name().unwrap().to_string_lossy().into_owned(),
                        bytes,
                    ));
                }
            }
        }
    }
    out.sort();
    let own = [
        (
            "a.yaml",
            "apiVersion: v1\nkind: Secret\nstringData:\n  a: &x |-\n    b\n    c\n  d: *x\n  <<: {e: \"f\\x41\\\n    g\"}\ndata: {h: aWo=}\n---\n? [k]\n: - l # m\n  - !!binary bQ==\n",
        ),
        (
            "b.ini",
            "top: 1\n[a]\n; c\nk = \"v\" ; d\nl = x\\\n  y\nm = \"\"\"n\no\"\"\"\n[sops]\nmac = ENC[AES256_GCM,data:,iv:,tag:,type:str]\n",
        ),
        (
            ".env",
            "# a\nexport B=c\\nd\nE='f'\nsops_mac=x\nsops_age__list_0__map_enc=y\n",
        ),
        (
            "c.json",
            "{\"a\": [1, -2.5e3, \"\\u00e4\\ud83d\\udd11\\n\", null], \"sops\": {\"mac\": \"x\", \"age\": [{\"enc\": \"y\"}]}} x",
        ),
        (
            "kustomization.yaml",
            "secretGenerator:\n- name: a\n  literals: [b=c]\n  files: [d=e, ../f]\n  envs: [g.env]\npatches:\n- target: {kind: Secret}\n  patch: |\n    - {op: add, path: /data/x, value: eQ==}\n",
        ),
        (
            ".sops.yaml",
            "creation_rules:\n- path_regex: (?i)^a/[[:alpha:]]+\\.(ya?ml|json)$\n  encrypted_regex: ^(data|\\pL{1,3})$\n  key_groups:\n  - merge: [{age: [age1x]}]\n    kms: [{arn: b, context: {c: d}}]\n- kms: arn:aws:kms:e:1:key/f+arn:g|h:i\n",
        ),
        (
            "d.yaml.tmpl",
            "{{- if .a }}\nkind: Secret\nstringData:\n  b: {{ .c | default \"d\" }}\n  e: ${f:-g}\n{{ end }}\n",
        ),
        (
            "regex",
            "^(?P<n>a|b){2,3}?[^\\d\\x{1F}-\\Q]\\E]+(?is-m:\\bc*?$)\\z",
        ),
        (
            "enc",
            "ENC[AES256_GCM,data:B+PL1wih/w==,iv:98EKc4Wv9CKo7/2BRbOri+xkdnje20sm6RaGg9FeD48=,tag:guwd+Gck+F9jf8sa6Vgtxg==,type:str]",
        ),
    ];
    out.extend(own.map(|(n, t)| (n.to_owned(), t.as_bytes().to_vec())));
    out
}

fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>, seeds: &[(String, Vec<u8>)]) {
    for _ in 0..=rng.below(6) {
        let len = bytes.len();
        let at = rng.below(len + 1);
        let upto = (at + 1 + rng.below(40)).min(len);
        match rng.below(9) {
            0 if len > 0 => bytes[at.min(len - 1)] = rng.next() as u8,
            1 if len > 0 => bytes[at.min(len - 1)] ^= 1 << rng.below(8),
            2 => {
                bytes.drain(at..upto.max(at));
            }
            3 => {
                let piece = bytes[at..upto.max(at)].to_vec();
                let to = rng.below(len + 1);
                bytes.splice(to..to, piece);
            }
            4 => bytes.truncate(at),
            5 => {
                let other = &seeds[rng.below(seeds.len())].1;
                let from = rng.below(other.len());
                let to = (from + rng.below(200)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            6 => {
                let piece = PIECES[rng.below(PIECES.len())].repeat(1 + rng.below(30));
                bytes.splice(at..at, piece.bytes());
            }
            _ => {
                let piece = PIECES[rng.below(PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
        }
    }
    bytes.truncate(16_000);
}

fn in_text(text: &str, span: Span, what: &str) {
    assert!(
        span.start <= span.end && text.get(span.range()).is_some(),
        "{what} {span:?} of {} bytes",
        text.len()
    );
}

fn check_document(text: &str, doc: &Document<'_>) {
    for id in 0..doc.len() {
        let id = NodeId::try_from(id).unwrap();
        let node = doc.node(id);
        in_text(text, node.span, "node");
        assert!((doc.resolve(id) as usize) < doc.len());
        if let Kind::Mapping(children) | Kind::Sequence(children) = &node.kind {
            for child in children {
                match child {
                    Child::Entry(k, v) => {
                        assert!((*k as usize) < doc.len() && (*v as usize) < doc.len())
                    }
                    Child::Item(v) => assert!((*v as usize) < doc.len()),
                    Child::Comment(c) => in_text(text, c.span, "comment"),
                }
            }
        }
    }
    for comment in &doc.outer_comments {
        in_text(text, comment.span, "outer comment");
    }
}

fn check_parsed(text: &str, parsed: &Parsed<'_>, format: Format) {
    for problem in &parsed.problems {
        in_text(text, problem.span, "problem");
    }
    for doc in &parsed.documents {
        check_document(text, doc);
        if let Some(meta) = metadata::find(doc, format) {
            in_text(text, meta.span(), "metadata");
            let envelope = metadata::read(&meta, format);
            for (_, span) in &envelope.problems {
                in_text(text, *span, "problem of the metadata");
            }
        }
    }
}

struct One(Vec<Entry>, Vec<Vec<u8>>);

impl View for One {
    fn entries(&self) -> &[Entry] {
        &self.0
    }

    fn read_limited(&self, path: &RepoPath, _: u64) -> Result<Vec<u8>, ReadError> {
        let at = self
            .0
            .iter()
            .position(|e| e.path == *path)
            .ok_or(ReadError::Missing)?;
        Ok(self.1[at].clone())
    }

    fn open_stream(&self, path: &RepoPath) -> Result<Box<dyn Read>, ReadError> {
        Ok(Box::new(Cursor::new(self.read(path)?)))
    }
}

/// Judges one file under rules; a panic inside would be a blind spot, which is looked for.
fn judge(name: &str, bytes: &[u8]) {
    let rules = b"creation_rules:\n- path_regex: secrets/\n  age: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n- encrypted_regex: ^(data|stringData)$\n  age: age1x\n";
    let mut files = vec![(format!("secrets/{name}"), bytes.to_vec())];
    if name != ".sops.yaml" {
        files.push((".sops.yaml".to_owned(), rules.to_vec()));
    }
    files.sort();
    let entry = |p: &str, b: &Vec<u8>| Entry {
        path: RepoPath::new(p),
        kind: FileKind::Regular,
        tracked: true,
        selected: true,
        touched: true,
        stage: 0,
        base: BaseState::NoBase,
        size: Some(b.len() as u64),
    };
    let view = One(
        files.iter().map(|(p, b)| entry(p, b)).collect(),
        files.into_iter().map(|(_, b)| b).collect(),
    );
    let outcome = engine::run(
        &view,
        None,
        None,
        &Options {
            mode: Mode::Worktree,
            jobs: 1,
            ..Options::default()
        },
    );
    for blind in &outcome.blind_spots {
        assert_ne!(
            blind.code.as_str(),
            "internal",
            "judging {name} ended in a panic"
        );
    }
    let mut out = Vec::new();
    for format in report::Format::ALL {
        report::render(
            &outcome,
            &[],
            format,
            &report::Style {
                width: 60,
                ..Default::default()
            },
            &mut out,
        )
        .unwrap();
    }
}

fn rooms(bytes: &[u8]) {
    let decoded = decode(bytes);
    let text: &str = &decoded.text;
    for format in [
        Format::Yaml,
        Format::Json,
        Format::Dotenv,
        Format::Ini,
        Format::Binary,
    ] {
        check_parsed(text, &parse(text, format), format);
    }
    for line in lines::secret_lines(text) {
        in_text(text, line.span, "line");
    }
    for hit in keys::find(text) {
        in_text(text, Span::from(hit.span.clone()), "key");
        assert!(
            keys::may_contain_key(text.as_bytes()),
            "the prefilter misses a key"
        );
    }
}

fn small(rng: &mut Rng, text: &str) {
    let line = text
        .lines()
        .nth(rng.below(text.lines().count()))
        .unwrap_or("");
    let line: String = line.chars().take(300).collect();
    if let Ok(regex) = GoRegex::new(&line) {
        let _ = regex.is_match("a/b-ü.yaml");
        let _ = specificity::probe(&|s| regex.is_match(s), "secrets/a/b.yaml", "a");
    }
    let _ = value::judge(&line);
    let _ = value::judge_mac(&line);
    let config = config::SopsConfig::read(text);
    let _ = config.choose("secrets/a.yaml");
    let key = line.split([':', '=']).next().unwrap_or("");
    for in_template in [false, true] {
        let _ = classify(&ValueContext { key, in_template }, text, &leaves::structure);
        let _ = classify(
            &ValueContext {
                key: "password",
                in_template,
            },
            &line,
            &leaves::structure,
        );
        let _ = leaves::class_of_secret(key, &line, true, in_template);
    }
}

#[test]
fn nothing_panics_on_mutated_input() {
    let total = std::env::var("SOPSGUARD_MUTATIONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(DEFAULT);
    let seeds = seeds();
    let threads = std::thread::available_parallelism()
        .map_or(1, |n| n.get())
        .min(8) as u64;
    std::thread::scope(|scope| {
        for part in 0..threads {
            let seeds = &seeds;
            // Judging happens on threads with room for a thousand levels; so does this.
            let work = move || {
                for n in (part..total).step_by(threads as usize) {
                    let mut rng = Rng(0x5eed ^ (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                    let (name, seed) = &seeds[rng.below(seeds.len())];
                    let mut bytes = seed.clone();
                    mutate(&mut rng, &mut bytes, seeds);
                    let run = std::panic::catch_unwind(|| {
                        let mut rng = Rng(n + 1);
                        rooms(&bytes);
                        small(&mut rng, &decode(&bytes).text);
                        judge(name, &bytes);
                    });
                    assert!(
                        run.is_ok(),
                        "mutation {n} of {name}: {}",
                        bytes.escape_ascii()
                    );
                }
            };
            std::thread::Builder::new()
                .stack_size(32 << 20)
                .spawn_scoped(scope, work)
                .unwrap();
        }
    });
}

//! Generated `.sops.yaml` files: which rule does a path get, or which refusal?

use std::collections::BTreeSet;
use std::path::Path;

use sopsguard::sops::config::{Choice, Refusal, SopsConfig, match_subject};

use super::rng::Rng;
use super::sops::{Run, Sops};

/// Public recipients made for this test; encrypting needs no secret.
pub const RECIPIENTS: [&str; 12] = [
    "age1qz8ej6v3qe04yy8gqwa3dytwulzaemgrxrzdf85uvlneaytkegqslx8ah8",
    "age1p9l2kpat9e98w4600gxeej59df4hmz9e84cx35sgjuyz3dw7kyqs6hpdje",
    "age1l7u4tqnkxetdvleqk3k5pwcqn69dfsrk9h5wve5vzxswynd4dyqsztdqnk",
    "age1677m2g3u7eae07w056avwc55aqztsl9skvr93krffqlx7wufksqspxd94r",
    "age1glqza8dx2ztpx207078y249y8mwyjz74u6wr5fepvvdxw5pe9uqsgpkgp9",
    "age1pxgr4f3gvvdhjz2nk7npgsk6p6zydp794yxen7ygs87gznp6f5qs2l6qjy",
    "age105dfc9nlt36kepke8ae2tc5r7wlj3zan7jkdx8dvjjljzayvhqqsxgnjuh",
    "age1jp6vea8jqj4ezzktsft8xyp96jtg5aw5w7whsx2wkfzpd39l8vqsxlj0rt",
    "age14wrnc0v2cz5x82jfjvw6e66cdkvpfm6jd7ycdd3dvlj784c3q5qswqdvah",
    "age1gvll4jt03fkrt02qv3f7sc7teuhj2sqhw8wwvj248q5zp2z62vqsm9gp39",
    "age1dh2p5gpyhreqqm3k6fwl3fl9s0yyfqstwz6u5fcfcrdyrcqhryqskgm53a",
    "age138j8gvdlvmh9yg5kdn8h83khuxrmrcm09jeftpl76gpv02nvfvqsgtx8sd",
];

/// Pieces of patterns as people write them, and as they should not.
const PATTERNS: [&str; 66] = [
    r"\.yaml$",
    r"\.ya?ml$",
    r"^secrets/",
    r"secrets/",
    r"secrets/.*\.enc\.yaml$",
    r".*",
    r"",
    r"^apps/(dev|prod)/.*$",
    r"(^|/)prod/",
    r".*/prod/.*",
    r"prod",
    r"(?i)SECRET",
    r"(?i:App)s",
    r"^clusters/[^/]+/secrets\.yaml$",
    r"[^/]+/[^/]+$",
    r"^\w+\.yaml$",
    r"\bprod\b",
    r"\d+",
    r"^[[:alpha:]]+/",
    r"\p{L}+\.env",
    r"\pL",
    r"secret.yaml",
    r"*.yaml",
    r"secrets/*.yaml",
    r"**/secrets/**",
    r"a{1001}",
    r"a{,3}",
    r"x{2}{3}",
    r"a**",
    r"a++",
    r"\Qa.b\E",
    r"\Q.yaml",
    r"(?=x)",
    r"(?!x)",
    r"(?<=x)",
    r"(?P<n>dev)",
    r"(?<n>dev)",
    r"(?P<n>a)(?P<n>b)",
    r"(?U)a+",
    r"(?x)a b",
    r"[",
    r"[]a]",
    r"[[]",
    r"[a-]",
    r"[z-a]",
    r"(",
    r")",
    r"\1",
    r"\",
    r"\z",
    r"yaml\z",
    r"yaml\Z",
    r"^$",
    r"$^",
    r"^/",
    r"\C",
    r"ключ",
    r"[а-я]+",
    r"\x{44}",
    r"\101",
    r"{{ .* }}",
    r"{",
    r"[\w-.]",
    r"\-",
    r"[a&&b]",
    r"dev|stage",
];

/// Paths below the config, and one elsewhere.
const PATHS: [&str; 20] = [
    "a.yaml",
    "secrets.yaml",
    "secrets/db.yaml",
    "secrets/db.enc.yaml",
    "apps/dev/app.yml",
    "apps/prod/app.yaml",
    "prod/x.yaml",
    "clusters/one/secrets.yaml",
    "deep/er/prod/secret.yaml",
    "SECRETS/x.json",
    "ключ/п.yaml",
    "a b/c d.yaml",
    "10/20.yaml",
    ".env",
    "x",
    "prod.d/abc",
    "secretXyaml.txt",
    "dev.stage",
    "{{ x }}.yaml",
    "/elsewhere/prod/secrets.yaml",
];

/// Writes one config.
struct Writer<'r> {
    rng: &'r mut Rng,
    out: String,
    anchors: Vec<String>,
    /// Whether it holds what nobody would write on purpose.
    wild: bool,
}

/// A config as text.
pub fn generate(rng: &mut Rng) -> String {
    let wild = rng.chance(50);
    let mut w = Writer {
        rng,
        out: String::new(),
        anchors: Vec::new(),
        wild,
    };
    w.config();
    let mut out = w.out;
    if rng.chance(3) {
        out = out.replace('\n', "\r\n");
    }
    if rng.chance(2) {
        out.insert(0, '\u{feff}');
    }
    out
}

/// A path: absolute where it begins with a slash, else below the config.
pub fn path(rng: &mut Rng) -> &'static str {
    rng.pick(&PATHS)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Writer<'_> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn config(&mut self) {
        if self.rng.chance(10) {
            self.line("---");
        }
        if self.rng.chance(20) {
            self.line("# rules");
        }
        if self.wild && self.rng.chance(15) {
            let text = self.rng.pick(&[
                "stores:\n  yaml:\n    indent: 2",
                "stores: {}",
                "stores: null",
                "stores: [1]",
                "stores:\n  json: {indent: 2}",
                "stores:\n  yaml:\n    indent: x",
                "destination_rules: []",
                "destination_rules:\n  - s3_bucket: b\n    path_regex: x",
                "destination_rules: {a: b}",
                "version: 3",
                "creation_rule: []",
                "x-base: &base {path_regex: prod}",
                "Creation_Rules: []",
                "1: x",
                "'': x",
                "~: x",
                "true: x",
                "destination_rules:\n  - recreation_rule: {age: [1]}",
                "destination_rules:\n  - vault_kv_version: [1]",
                "stores:\n  ini: {x: y}",
                "stores:\n  dotenv: 5",
                "keys:\n  - &admin age1x\n  - &other [a, b]",
            ]);
            let text = text.to_owned();
            self.line(&text);
        }
        if self.wild && self.rng.chance(8) {
            let text = self.rng.pick(&[
                "creation_rules:",
                "creation_rules: []",
                "creation_rules: ~",
                "creation_rules: {}",
                "creation_rules: text",
                "creation_rules: 5",
                "",
                "[]",
                "text",
                "null",
                "- a",
                "a: [",
                "\tb: 1",
                "creation_rules: [~, null]",
                "creation_rules: ['']",
            ]);
            let text = text.to_owned();
            self.line(&text);
        } else {
            self.line("creation_rules:");
            let indent = self.rng.pick(&["  ", "", "    "]);
            for i in 0..1 + self.rng.below(5) {
                self.rule(indent, i);
            }
        }
        if self.wild && self.rng.chance(4) {
            let text = self.rng.pick(&[
                "creation_rules: []",
                "x: [",
                "...",
                "stores: {}\nstores: {}",
                "# end",
                "x: *nowhere",
                "x: &x [*x]",
            ]);
            let text = text.to_owned();
            self.line(&text);
        }
        if self.rng.chance(8) {
            let text = self.rng.pick(&[
                "---\na: [",
                "---\ncreation_rules: []",
                "---\nother: doc",
                "---\nx: 1\nx: 2",
                "---\n",
            ]);
            let text = text.to_owned();
            self.line(&text);
        }
    }

    fn rule(&mut self, indent: &str, number: usize) {
        if self.rng.chance(8) {
            let text = self.rng.pick(&[
                "-",
                "- ~",
                "- null",
                "- {}",
                "- text",
                "- []",
                "- # nothing",
                "- 5",
                "- ''",
            ]);
            let text = format!("{indent}{text}");
            self.line(&text);
            return;
        }
        if self.rng.chance(4) && !self.anchors.is_empty() {
            let name = self.anchors[self.rng.below(self.anchors.len())].clone();
            let text = format!("{indent}- *{name}");
            self.line(&text);
            return;
        }
        let mut fields: Vec<String> = Vec::new();
        if self.rng.chance(88) {
            let f = self.path_regex();
            fields.push(f);
        }
        if self.rng.chance(93) {
            let f = self.keys(number);
            fields.push(f);
        }
        for _ in 0..[0, 0, 0, 1, 1, 2][self.rng.below(6)] {
            let f = self.extra();
            fields.push(f);
        }
        if self.wild && self.rng.chance(3) && !fields.is_empty() {
            let again = fields[self.rng.below(fields.len())].clone();
            fields.push(again);
        }
        for i in (1..fields.len()).rev() {
            fields.swap(i, self.rng.below(i + 1));
        }
        if fields.is_empty() {
            fields.push("{}".to_owned());
        }
        let mut lead = format!("{indent}- ");
        if self.rng.chance(10) {
            let name = format!("r{number}");
            let text = format!("{indent}- &{name}");
            self.line(&text);
            self.anchors.push(name);
            lead = format!("{indent}  ");
        }
        if self.rng.chance(10) && !self.anchors.is_empty() && fields[0] != "{}" {
            let name = self.anchors[self.rng.below(self.anchors.len())].clone();
            let merge = if self.rng.chance(20) {
                format!("<<: [*{name}]")
            } else {
                format!("<<: *{name}")
            };
            fields.push(merge);
        }
        for field in fields {
            for (i, l) in field.lines().enumerate() {
                let text = if i == 0 {
                    format!("{lead}{l}")
                } else if l.is_empty() {
                    String::new()
                } else {
                    format!("{indent}  {l}")
                };
                self.line(&text);
            }
            lead = format!("{indent}  ");
        }
    }

    fn path_regex(&mut self) -> String {
        let known = if self.wild { PATTERNS.len() } else { 22 };
        let pattern = PATTERNS[self.rng.below(known)];
        let pattern = if self.wild && self.rng.chance(15) {
            format!("{pattern}{}", self.rng.pick(&PATTERNS))
        } else {
            pattern.to_owned()
        };
        match self.rng.below(if self.wild { 24 } else { 60 }) {
            0 => "path_regex:".to_owned(),
            1 => format!(
                "path_regex: {}",
                self.rng.pick(&[
                    "~",
                    "null",
                    "''",
                    "\"\"",
                    "5",
                    "1.5",
                    "true",
                    "2024-01-01",
                    "0x10",
                    "1_0",
                    "!!str 5",
                    "!!int 20",
                    ".inf",
                    "yes",
                    "010"
                ])
            ),
            2 => format!(
                "path_regex: {}",
                self.rng.pick(&[
                    "[a, b]",
                    "{a: b}",
                    "[]",
                    "{}",
                    "!!binary c2VjcmV0cw==",
                    "!custom prod",
                    "!!set {}"
                ])
            ),
            3 => format!(
                "path_regex: >\n  {}",
                if pattern.is_empty() { "x" } else { &pattern }
            ),
            4 => format!(
                "path_regex: >-\n  {}",
                if pattern.is_empty() { "x" } else { &pattern }
            ),
            5 => format!(
                "path_regex: |-\n  {}",
                if pattern.is_empty() { "x" } else { &pattern }
            ),
            6..=9 => format!("path_regex: {}", single(&pattern)),
            10..=12 => format!("path_regex: {} # why", quoted(&pattern)),
            _ if pattern.is_empty()
                || pattern.starts_with(|c: char| "*&[]{}!|>%@`'\"#,?-: ".contains(c))
                || pattern.contains(": ")
                || pattern.contains(" #") =>
            {
                format!("path_regex: {}", quoted(&pattern))
            }
            _ => format!("path_regex: {pattern}"),
        }
    }

    fn keys(&mut self, number: usize) -> String {
        let one = RECIPIENTS[(number * 2) % 12];
        let two = RECIPIENTS[(number * 2 + 1) % 12];
        let shapes = if self.wild { 44 } else { 20 };
        match self.rng.below(shapes) {
            0..=9 => format!("age: {one}"),
            10 => format!("age: {one},{two}"),
            11 => format!("age: \"{one} , {two},, \""),
            12 => format!("age: [{one}]"),
            13 => format!("age:\n  - {one}\n  - {two}"),
            14 => format!("age: >-\n  {one},\n  {two}"),
            15 => format!("age: >\n  {one},\n\n  {two}"),
            16 => format!("age: |\n  {one},\n  {two}"),
            17 => format!("age: ['{one},{two}']"),
            18 => format!("age: &k{number} {one}"),
            19 => format!("age: [&k{number} {one}, *k{number}]"),
            20 => format!(
                "age: {}",
                self.rng.pick(&[
                    "",
                    "~",
                    "''",
                    "[]",
                    "','",
                    "' '",
                    "[~]",
                    "['']",
                    "[' ']",
                    "{}",
                    "5",
                    "true",
                    "[5]",
                    "[[a]]",
                    "age1xx",
                    "[age1xx]",
                    "2024-01-01",
                    "1.5",
                    "!!str",
                    "!!str 5",
                    "[!!str 5]",
                    "AGE1XX",
                    "yes"
                ])
            ),
            21 => format!("age: {}", one.to_uppercase()),
            22 => format!(
                "age: {one}\naws_profile: {}",
                self.rng.pick(&["x", "~", "[a]", "5", ""])
            ),
            23 => format!(
                "pgp: {}",
                self.rng.pick(&[
                    "85D77543B3D624B63CEA9E6DBC17301B491B3F21",
                    "1234567890",
                    "''",
                    "~",
                    "[]",
                    "[85D77543B3D624B63CEA9E6DBC17301B491B3F21]",
                    "85d7 7543 b3d6, abc",
                    "{a: b}",
                    "0x1234567890abcdef",
                    "[1]"
                ])
            ),
            24 => format!(
                "age: {one}\npgp: {}",
                self.rng.pick(&["~", "''", "[]", "','", "[~]"])
            ),
            25 => format!(
                "age: {one}\nhckms: {}",
                self.rng
                    .pick(&["~", "[]", "''", "x", "[x]", "{}", "[a:b]", "[1]", "[~]"])
            ),
            26 => format!(
                "age: {one}\nkey_groups: {}",
                self.rng
                    .pick(&["~", "[]", "", "{}", "x", "[~]", "[{}]", "[[]]", "[5]"])
            ),
            27 => format!("key_groups:\n- age:\n  - {one}"),
            28 => format!("key_groups:\n  - age:\n      - {one}\n  - age: [{two}]"),
            29 => format!("key_groups:\n- age: ['{one},{two}']"),
            30 => format!("key_groups:\n- age: {one}"),
            31 => format!(
                "key_groups:\n- age: [{one}, {one}]\n- age: [{two}]\nshamir_threshold: {}",
                self.rng.pick(&[
                    "1", "2", "3", "0", "-1", "\"2\"", "2.0", "2.5", "~", "x", "0x2", "1_0", "[]",
                    "2e0", "true", "0b1", "0o2"
                ])
            ),
            32 => format!("key_groups:\n- merge:\n  - age: [{one}]\n  - age: [{two}]"),
            33 => format!(
                "key_groups:\n- merge:\n  - merge: [{{age: [{one}]}}]\n  age: [{two}, {one}]"
            ),
            34 => format!(
                "key_groups:\n- age: [{one}]\n- {}",
                self.rng.pick(&[
                    "{}",
                    "~",
                    "age: []",
                    "age: ~",
                    "merge: []",
                    "merge: ~",
                    "merge: [~]",
                    "pgp: []",
                    "unknown: x",
                    "merge: x",
                    "age: ['']",
                    "age: [age1xx]",
                    "hc_vault: [x]",
                    "age: [~]",
                    "kms: [x]",
                    "kms: {}",
                    "hckms: [{key_id: x}]",
                    "age: [5]"
                ])
            ),
            35 => format!("key_groups:\n- &g{number} {{age: [{one}]}}\n- *g{number}"),
            36 => format!("key_groups:\n- &h{number}\n  age: [{one}]\n- <<: *h{number}\n  pgp: []"),
            37 => format!(
                "age: {one}\nhc_vault_transit_uri: {}",
                self.rng.pick(&[
                    "''",
                    "~",
                    "x",
                    "[]",
                    "http://h:8200/v1",
                    "h:8200/v1/t/keys/k",
                    "{}",
                    "5",
                    "https://h/x/y",
                    "https://h/v1/keys/k"
                ])
            ),
            38 => format!(
                "age: {one}\nazure_keyvault: {}",
                self.rng.pick(&[
                    "''",
                    "~",
                    "x",
                    "[]",
                    "https://h/keys",
                    "{}",
                    "5",
                    "http://h.x/keys/k/v",
                    "https://h.x/k/k/v"
                ])
            ),
            39 => format!(
                "age: {one}\nkms: {}",
                self.rng.pick(&["''", "~", "[]", "{}", "5", "[5]", "','"])
            ),
            40 => format!(
                "age: {one}\ngcp_kms: {}",
                self.rng.pick(&["''", "~", "[]", "{}", "5", "[5]", "','"])
            ),
            41 => format!("age: {one}\nage: {two}"),
            42 => format!("Age: {one}"),
            _ => format!("age: \"{one}\""),
        }
    }

    fn extra(&mut self) -> String {
        if !self.wild {
            return self
                .rng
                .pick(&[
                    "encrypted_regex: ^(data|stringData)$",
                    "unencrypted_regex: ^kind$",
                    "mac_only_encrypted: true",
                    "encrypted_suffix: _enc",
                    "unknown: x",
                ])
                .to_owned();
        }
        self.rng
            .pick(&[
                "encrypted_regex: ^(data|stringData)$",
                "encrypted_regex: ''",
                "encrypted_regex: ~",
                "encrypted_regex: '['",
                "encrypted_regex: [a]",
                "encrypted_regex: 5",
                "encrypted_regex: true",
                "unencrypted_regex: ^kind$",
                "unencrypted_regex: ''",
                "encrypted_suffix: _enc",
                "encrypted_suffix: ''",
                "unencrypted_suffix: _plain",
                "unencrypted_suffix: ~",
                "unencrypted_suffix: 2024-01-01",
                "encrypted_comment_regex: enc",
                "unencrypted_comment_regex: keep",
                "unencrypted_comment_regex: {}",
                "mac_only_encrypted: true",
                "mac_only_encrypted: false",
                "mac_only_encrypted: yes",
                "mac_only_encrypted: on",
                "mac_only_encrypted: \"true\"",
                "mac_only_encrypted: 1",
                "mac_only_encrypted: ~",
                "mac_only_encrypted: []",
                "mac_only_encrypted: 'yes'",
                "mac_only_encrypted: y",
                "mac_only_encrypted: True",
                "mac_only_encrypted: !!str true",
                "encryted_regex: x",
                "filename_regex: x",
                "unknown: {deep: [1, 2]}",
                "shamir_threshold: 1",
                "shamir_threshold: 0",
                "shamir_threshold: '1'",
                "shamir_threshold: ~",
                "aws_profile: 5",
                "aws_profile: {}",
                "path_Regex: x",
                "1: 2",
                "~: x",
                "[a]: x",
                "{a: b}: c",
                "omit_extensions: true",
                "vault_path: x",
            ])
            .to_owned()
    }
}

/// What happens to a path: the rule it gets, told by its recipients, or why none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    NoCreationRules,
    NoMatch,
    BadPattern,
    Broken,
    ScopeConflict,
    BadKey,
    EmptyKeyGroup,
    /// A rule was taken, but a key of it cannot be used here (no network, no key ring).
    KeyUse,
    /// Recipients, group by group, and the settings that go into the metadata.
    Encrypts(Vec<BTreeSet<String>>, BTreeSet<String>),
    /// No other.
    Unknown(String),
}

/// What the real sops did.
pub fn fate_of_run(run: &Run) -> Fate {
    if run.code == 0 {
        let Ok(json) = serde_json::from_str::<serde_json::Value>(&run.out) else {
            return Fate::Unknown(run.out.clone());
        };
        let sops = &json["sops"];
        let group = |g: &serde_json::Value| -> BTreeSet<String> {
            g["age"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|a| a["recipient"].as_str())
                .map(str::to_owned)
                .collect()
        };
        let groups = match sops["key_groups"].as_array() {
            Some(groups) => groups.iter().map(group).collect(),
            None => vec![group(sops)],
        };
        let mut settings = BTreeSet::new();
        for name in sopsguard::sops::options::SELECTION_OPTIONS {
            if let Some(value) = sops[name].as_str() {
                settings.insert(format!("{name}={value}"));
            }
        }
        if sops["mac_only_encrypted"] == true {
            settings.insert("mac_only_encrypted".to_owned());
        }
        return Fate::Encrypts(groups, settings);
    }
    let has = |text: &str| run.err.contains(text);
    if has("panic:") {
        Fate::Unknown(run.err.clone())
    } else if has("no matching creation rules") {
        Fate::NoMatch
    } else if has("config file not found, or has no creation rules") {
        Fate::NoCreationRules
    } else if has("error parsing regexp") {
        Fate::BadPattern
    } else if has("cannot use more than one of") {
        Fate::ScopeConflict
    } else if has("Could not unmarshal config file") {
        Fate::Broken
    } else if has("empty key group provided") {
        Fate::EmptyKeyGroup
    } else if has("failed to encrypt new data key")
        || has("failed to split data key")
        || has("hreshold")
    {
        Fate::KeyUse
    } else if run.code == 1 {
        Fate::BadKey
    } else {
        Fate::Unknown(format!("{}: {}", run.code, run.err))
    }
}

/// What the library says.
pub fn fate_of_library(text: &str, path: &str, dir: &str) -> Fate {
    let decoded = sopsguard::syntax::decode(text.as_bytes());
    let config = SopsConfig::read(&decoded.text);
    match config.choose(match_subject(path, dir)) {
        Choice::NoCreationRules => Fate::NoCreationRules,
        Choice::NoMatch => Fate::NoMatch,
        Choice::BadPattern(_) => Fate::BadPattern,
        Choice::Broken => Fate::Broken,
        Choice::Rule(i) => {
            let rule = &config.rules()[i];
            match rule.refused() {
                Some(Refusal::ScopeConflict) => Fate::ScopeConflict,
                Some(Refusal::BadKey) => Fate::BadKey,
                None if rule.groups.iter().any(Vec::is_empty) => Fate::EmptyKeyGroup,
                None => {
                    let groups = rule
                        .groups
                        .iter()
                        .map(|g| g.iter().map(|k| k.identity.clone()).collect())
                        .collect();
                    let options = rule.options.clone().with_default();
                    let mut settings: BTreeSet<String> = options
                        .described()
                        .iter()
                        .map(|(n, v)| format!("{n}={v}"))
                        .collect();
                    if rule.mac_only_encrypted {
                        settings.insert("mac_only_encrypted".to_owned());
                    }
                    Fate::Encrypts(groups, settings)
                }
            }
        }
    }
}

/// Asks both. `None` where they agree.
pub fn compare(sops: &Sops, worker: usize, text: &str, path: &str) -> (Fate, Option<String>) {
    let dir = sops.dir.path().join(format!("repo-{worker}"));
    std::fs::create_dir_all(&dir).unwrap();
    let config = dir.join(".sops.yaml");
    std::fs::write(&config, text).unwrap();
    let full = if path.starts_with('/') {
        Path::new(path).to_owned()
    } else {
        dir.join(path)
    };
    let run = sops.encrypt(worker, &config, &full, ("yaml", "json"), b"k: v\n");
    let theirs = fate_of_run(&run);
    let ours = fate_of_library(text, &full.to_string_lossy(), &dir.to_string_lossy());
    let agree = match (&theirs, &ours) {
        // Which key failed cannot be told from here; the rule was accepted by both.
        (Fate::KeyUse, Fate::Encrypts(..) | Fate::BadKey) => true,
        // go-yaml takes no tab before a key, our reader does: laxer, and such a config has no rules for us either.
        (Fate::Broken, Fate::NoCreationRules) => text.lines().any(|l| l.starts_with('\t')),
        (a, b) => a == b,
    };
    let difference = (!agree).then(|| {
        format!(
            "{path}: sops says {theirs:?}, we say {ours:?}\n{}\n{text}",
            run.err.trim()
        )
    });
    (theirs, difference)
}

//! The outcomes that the tests of the renderers render.

use sopsguard::model::*;
use sopsguard::say;

pub static UNENCRYPTED_VALUE: CheckInfo = CheckInfo {
    id: "unencrypted-value",
    summary: "A value that belongs inside SOPS is readable",
    severity: Severity::Error,
    page: "",
    softened_in_lenient_places: false,
};
pub static PLAINTEXT_SECRET: CheckInfo = CheckInfo {
    id: "plaintext-secret",
    summary: "A Kubernetes Secret holds a literal value",
    severity: Severity::Error,
    page: "",
    softened_in_lenient_places: true,
};
pub static PRIVATE_KEY: CheckInfo = CheckInfo {
    id: "private-key",
    summary: "A private key is readable",
    severity: Severity::Error,
    page: "",
    softened_in_lenient_places: true,
};
pub static RECIPIENT_MISSING: CheckInfo = CheckInfo {
    id: "recipient-missing",
    summary: "A file lacks recipients of its rule",
    severity: Severity::Warning,
    page: "",
    softened_in_lenient_places: false,
};
pub static RULE_UNUSED: CheckInfo = CheckInfo {
    id: "rule-unused",
    summary: "A rule governs no file",
    severity: Severity::Note,
    page: "",
    softened_in_lenient_places: false,
};
pub static CHECKS: [&CheckInfo; 5] = [
    &UNENCRYPTED_VALUE,
    &PLAINTEXT_SECRET,
    &PRIVATE_KEY,
    &RECIPIENT_MISSING,
    &RULE_UNUSED,
];

pub fn empty() -> Outcome {
    Outcome {
        mode: Mode::Worktree,
        repository: None,
        findings: Vec::new(),
        blind_spots: Vec::new(),
        stats: Stats {
            files: 418,
            judged: 402,
            encrypted: 37,
            bytes: 2_093_117,
            commits: None,
            blobs: None,
            elapsed_ms: 43,
        },
        fail_on: Some(Severity::Error),
        allow_incomplete: false,
    }
}

pub fn rule(number: u32, line: u32) -> Option<GovernedBy> {
    Some(GovernedBy {
        config: RepoPath::new(".sops.yaml"),
        rule: number - 1,
        line,
        at: View::Own,
    })
}

/// A leaf: its keys with their lines; an item is written `#0`.
pub fn leaf(format: TrailFormat, column: u32, keys: &[(u32, &str)]) -> Place {
    let mut pointer = Pointer::default();
    let mut trail = Vec::new();
    for (line, key) in keys {
        let (key, item) = match key.strip_prefix('#') {
            Some(index) => (SafeKey::index(index.parse().unwrap()), true),
            None => (SafeKey::new(key), false),
        };
        pointer.push(&key);
        trail.push(Step {
            line: *line,
            key,
            item,
        });
    }
    let line = keys.last().unwrap().0;
    Place {
        position: Some(Position {
            line,
            column,
            end_line: line,
            end_column: column.saturating_add(20),
        }),
        document: 0,
        pointer: Some(pointer),
        trail,
        format,
        span: None,
    }
}

pub fn at_line(line: u32) -> Place {
    let position = Some(Position {
        line,
        column: 1,
        end_line: line,
        end_column: 1,
    });
    Place {
        position,
        format: TrailFormat::Opaque,
        ..Place::default()
    }
}

pub fn value(path: &str, place: Place) -> Finding {
    let path = RepoPath::new(path);
    let key = place.trail.last().unwrap().key.clone();
    let message = say!(
        "the value of ",
        key,
        " is plaintext in a file that sops encrypted"
    );
    Finding::new(&UNENCRYPTED_VALUE, &path, place, message)
        .help(
            "take the plain line out and add it again with `sops edit`; rotate it if it was pushed",
        )
        .fix(say!("sops edit ", &path))
        .governed(rule(2, 7))
}

fn literal(path: &str, place: Place) -> Finding {
    let key = place.trail.last().unwrap().key.clone();
    let message = say!("the Secret holds ", key, " in plaintext");
    Finding::new(&PLAINTEXT_SECRET, &RepoPath::new(path), place, message)
        .help("encrypt the file, and rotate the value if it was pushed")
}

fn lacks(path: &str) -> Finding {
    let path = RepoPath::new(path);
    let who = Label::identity("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p");
    let message = say!(&path, " lacks recipient ", &who, " of its rule");
    Finding::new(&RECIPIENT_MISSING, &path, at_line(31), message)
        .help("bring the file in line with its rule")
        .fix(say!("sops updatekeys --yes ", &path))
        .governed(rule(1, 3))
        .related(
            &RepoPath::new(".sops.yaml"),
            Some(4),
            "the recipient is listed here".into(),
        )
}

/// One leak, as a pre-commit hook shows it.
pub fn one_leak() -> Outcome {
    let mut outcome = empty();
    let place = leaf(
        TrailFormat::Yaml,
        13,
        &[(7, "stringData"), (12, "password")],
    );
    outcome
        .findings
        .push(value("apps/db/credentials.sops.yaml", place));
    outcome
}

/// Something of everything.
pub fn everything() -> Outcome {
    use TrailFormat::*;
    let mut outcome = empty();
    outcome.repository = Some(Repository {
        head: Some("0123456789abcdef0123456789abcdef01234567".into()),
        base: None,
        shallow: false,
    });
    let mut findings = Vec::new();
    for (occurrence, i) in [(0, 3), (1, 14)] {
        let message = say!("rule ", &i, " governs no file");
        let place = at_line(i * 4);
        let mut unused = Finding::new(&RULE_UNUSED, &RepoPath::new(".sops.yaml"), place, message);
        unused.occurrence = occurrence;
        findings.push(unused);
    }
    findings.push(value(
        "apps/api/api.sops.env",
        leaf(Dotenv, 11, &[(9, "API_TOKEN")]),
    ));
    findings.push(value(
        "apps/api/api.sops.ini",
        leaf(Ini, 12, &[(41, "database"), (58, "password")]),
    ));
    let json = leaf(Json, 20, &[(2, "users"), (3, "#0"), (5, "token")]);
    let mut in_json = value("apps/api/users.sops.json", json).related(
        &RepoPath::new("apps/api/users.json"),
        Some(5),
        "the same key is plaintext there too".into(),
    );
    in_json.new = Some(true);
    findings.push(in_json);
    for (n, key) in [
        "user",
        "password",
        "dsn",
        "token",
        "cookieKey",
        "signing.key",
        "ca.key",
        "webhook",
    ]
    .iter()
    .enumerate()
    {
        let line = 9 + u32::try_from(n).unwrap();
        findings.push(literal(
            "apps/db/secret.yaml",
            leaf(Yaml, 13, &[(8, "stringData"), (line, key)]),
        ));
    }
    let mut second = literal(
        "apps/web/all.yaml",
        leaf(
            Yaml,
            20,
            &[(90, "items"), (91, "#0"), (97, "data"), (98, "p.pem")],
        ),
    );
    second.place.document = 1;
    second.governed_by.push(GovernedBy {
        config: RepoPath::new("apps/.sops.yaml"),
        rule: 0,
        line: 2,
        at: View::Base,
    });
    findings.push(second);
    for n in 1..=28 {
        findings.push(lacks(&format!("clusters/prod/{n:02}.sops.yaml")));
    }
    let mut key = Finding::new(
        &PRIVATE_KEY,
        &RepoPath::new(b"keys/id\xff_rsa\x1b[2J".to_vec()),
        at_line(1),
        "an OpenSSH private key is readable".into(),
    )
    .help("take it out of the repository and replace the key: whoever can read the history has it");
    key.place.position = Some(Position {
        line: 1,
        column: 1,
        end_line: 27,
        end_column: 36,
    });
    findings.push(key);
    let mut lenient = Finding::new(
        &PRIVATE_KEY,
        &RepoPath::new("tests/fixtures/server.key"),
        Place::default(),
        "a PEM private key is readable".into(),
    )
    .at(Severity::Warning);
    lenient.lenient = true;
    findings.push(lenient);
    for (path, status) in [
        ("apps/hidden/a.yaml", Status::Inline { line: 8 }),
        (
            "apps/hidden/b.yaml",
            Status::Settings {
                path: RepoPath::new("sopsguard.toml"),
                line: 3,
            },
        ),
        (
            "apps/hidden/c.yaml",
            Status::Baseline {
                path: RepoPath::new(".sopsguard-baseline.json"),
                line: 2,
            },
        ),
    ] {
        let mut hidden = literal(path, leaf(Yaml, 13, &[(8, "stringData"), (9, "password")]));
        hidden.status = status;
        findings.push(hidden);
    }
    let mut milder = literal(
        "apps/milder.yaml",
        leaf(Yaml, 13, &[(8, "stringData"), (9, "password")]),
    )
    .at(Severity::Warning);
    milder.configured = true;
    findings.push(milder);
    outcome.findings = findings;
    outcome.blind_spots = vec![
        BlindSpot {
            path: RepoPath::new("apps/big.json"),
            line: None,
            code: BlindCode::TooLarge,
            reason: "over 32 MiB; searched for private keys only".into(),
            blocking: false,
            accepted: None,
            origin: None,
        },
        BlindSpot {
            path: RepoPath::new("apps/db/broken.sops.yaml"),
            line: Some(17),
            code: BlindCode::Unparsable,
            reason: "not valid YAML, and its name promises ciphertext".into(),
            blocking: true,
            accepted: None,
            origin: None,
        },
        BlindSpot {
            path: RepoPath::new("dumps/all.json"),
            line: None,
            code: BlindCode::TooLarge,
            reason: "over 32 MiB; searched for private keys only".into(),
            blocking: true,
            accepted: Some(Accepted {
                path: RepoPath::new("sopsguard.toml"),
                line: 12,
                until: Date::parse("2027-01-31"),
            }),
            origin: None,
        },
    ];
    outcome
}

//! Outcomes of a scan of history: an incident with something of everything, and what lies at its edges.

use sopsguard::model::*;
use sopsguard::say;

use super::golden;

pub static LEAKED_VALUE: CheckInfo = CheckInfo {
    id: "leaked-value",
    summary: "A value that is encrypted today stands in history in plaintext",
    severity: Severity::Error,
    page: "",
    softened_in_lenient_places: false,
};
pub static NEVER_ROTATED: CheckInfo = CheckInfo {
    id: "never-rotated",
    summary: "A value that leaked is in use unchanged",
    severity: Severity::Error,
    page: "",
    softened_in_lenient_places: false,
};
pub static STALE_RECIPIENT: CheckInfo = CheckInfo {
    id: "stale-recipient",
    summary: "Somebody who left a file can still read its values",
    severity: Severity::Warning,
    page: "",
    softened_in_lenient_places: false,
};

/// An object id that begins with a number.
pub fn id(n: u32) -> String {
    format!("{n:08x}{}", "0123456789abcdef".repeat(2))
}

/// A day at noon, UTC.
pub fn noon(day: &str) -> Moment {
    Moment(Date::parse(day).unwrap().start().0 + 43_200)
}

pub fn person(name: &str, email: &str) -> Option<Person> {
    Some(Person {
        name: Label::new(name),
        email: Label::new(email),
    })
}

/// Plain in one version, from one day to another; taken out again, reached by one branch.
pub fn exposure(n: u32, first: &str, last: &str) -> Exposure {
    Exposure {
        first_commit: Some(id(n)),
        first_seen: noon(first),
        last_commit: Some(id(n + 1)),
        last_seen: noon(last),
        author: person("Ada Lovelace", "ada@example.com"),
        commits: 14,
        refs: vec![RepoPath::new("refs/heads/main")],
        refs_total: 1,
        at_head: false,
        encrypted_now: true,
        value_changed: ValueChanged::Unknown,
        value_group: None,
        versions: vec![LeakedVersion {
            blob: id(n + 1000),
            first_commit: Some(id(n)),
            removed_commit: Some(id(n + 2)),
        }],
    }
}

pub fn leak(check: &'static CheckInfo, path: &RepoPath, key: &str, exposure: Exposure) -> Finding {
    let place = golden::leaf(TrailFormat::Yaml, 13, &[(8, "stringData"), (9, key)]);
    let key = place.trail.last().unwrap().key.clone();
    let message = say!("the value of ", key, " was committed in plaintext");
    let mut f = Finding::new(check, path, place, message).help("rotate it");
    f.origins = exposure
        .versions
        .iter()
        .map(|v| Origin {
            kind: OriginKind::Commit,
            commit: v.first_commit.clone(),
            blob: Some(v.blob.clone()),
            reference: exposure.refs.first().cloned(),
        })
        .collect();
    f.origins_total = f.origins.len() as u64;
    f.blob = exposure.versions.first().map(|v| v.blob.clone());
    f.exposure = Some(Box::new(exposure));
    f
}

fn key(path: &str, exposure: Exposure) -> Finding {
    let mut f = leak(&golden::PRIVATE_KEY, &RepoPath::new(path), "x", exposure);
    f.place = golden::at_line(2);
    f.message = "an age identity is readable".into();
    f
}

/// Nothing leaked.
pub fn clean() -> Outcome {
    let mut outcome = golden::empty();
    outcome.mode = Mode::History;
    outcome.repository = Some(Repository {
        head: Some("0123456789abcdef0123456789abcdef01234567".into()),
        base: None,
        shallow: false,
    });
    outcome.stats.files = 31_207;
    outcome.stats.commits = Some(4_812);
    outcome.stats.blobs = Some(9_377);
    outcome
}

/// One leak and nothing else.
pub fn one() -> Outcome {
    let mut outcome = clean();
    let path = RepoPath::new("apps/db/credentials.sops.yaml");
    let e = exposure(0x10, "2024-03-04", "2024-03-06");
    outcome
        .findings
        .push(leak(&LEAKED_VALUE, &path, "password", e));
    outcome
}

/// More than fits anywhere.
pub fn many(rows: u32) -> Outcome {
    let mut outcome = clean();
    for n in 0..rows {
        let mut e = exposure(n * 4, "2021-01-01", "2021-02-01");
        e.first_seen = Moment(e.first_seen.0 + i64::from(n % 1500) * 86_400);
        e.last_seen = Moment(e.first_seen.0 + i64::from(n % 90 + 1) * 86_400);
        e.value_group = (n % 3 == 0).then_some(n / 30);
        e.at_head = n % 40 == 7;
        if e.at_head {
            e.last_commit = None;
            e.encrypted_now = false;
        }
        e.author = person(
            &format!("Author {}", n % 37),
            &format!("a{}@example.com", n % 37),
        );
        let path = RepoPath::new(format!("clusters/prod/apps/{:03}/secret-{n}.yaml", n % 200));
        outcome
            .findings
            .push(leak(&golden::PLAINTEXT_SECRET, &path, "password", e));
    }
    outcome
}

/// Something of everything.
pub fn incident() -> Outcome {
    let mut outcome = clean();
    let path = |p: &str| RepoPath::new(p);
    let hostile = person(
        "<script>alert(1)</script> | @everyone `x` \u{1b}[31m\u{202e}gpj",
        "\"><img src=x>@evil.example",
    );
    // One value in three places, one of them at HEAD in plaintext, reached by more refs than are listed.
    let mut old = exposure(0x100, "2023-01-17", "2026-08-30");
    old.at_head = true;
    old.encrypted_now = false;
    old.last_commit = None;
    old.versions = vec![
        LeakedVersion {
            blob: id(0x777),
            first_commit: Some(id(0x100)),
            removed_commit: Some(id(0x104)),
        },
        LeakedVersion {
            blob: id(0x778),
            first_commit: Some(id(0x104)),
            removed_commit: None,
        },
    ];
    old.commits = 2_114;
    old.refs = (0..50)
        .map(|n| match n {
            0 => path("refs/heads/main"),
            1 => path("refs/tags/v1.0"),
            2 => path("refs/remotes/origin/feature|x"),
            n => RepoPath::new(format!("refs/tags/v1.{n}")),
        })
        .collect();
    old.refs_total = 63;
    old.value_group = Some(1);
    let mut sops = exposure(0x200, "2023-04-02", "2023-05-20");
    sops.value_group = Some(1);
    sops.value_changed = ValueChanged::Likely;
    sops.versions = vec![
        LeakedVersion {
            blob: id(0x777),
            first_commit: Some(id(0x200)),
            removed_commit: Some(id(0x203)),
        },
        LeakedVersion {
            blob: id(0x779),
            first_commit: Some(id(0x203)),
            removed_commit: Some(id(0x205)),
        },
        LeakedVersion {
            blob: id(0x779),
            first_commit: Some(id(0x207)),
            removed_commit: Some(id(0x209)),
        },
    ];
    let mut third = exposure(0x300, "2024-02-29", "2024-03-01");
    third.author = hostile.clone();
    third.value_group = Some(1);
    third.refs.push(path("refs/stash"));
    third.refs_total = 2;
    // A key that opens files.
    let mut age = exposure(0x400, "2022-11-03", "2023-08-14");
    age.encrypted_now = false;
    age.author = person("Grace Hopper", "grace@example.com");
    let mut identity = key("bootstrap/age.agekey", age);
    identity.opens = vec![
        Opened {
            path: path("apps/api/token.sops.yaml"),
            at_head: true,
            versions: 9,
        },
        Opened {
            path: path("apps/<b>/`old`|x.sops.yaml"),
            at_head: false,
            versions: 1,
        },
        Opened {
            path: path("infra/dns.sops.env"),
            at_head: true,
            versions: 1,
        },
    ];
    // At the tip of another branch, at a path that is not UTF-8.
    let mut branch = exposure(0x500, "2025-06-01", "2025-06-09");
    branch.last_commit = None;
    branch.encrypted_now = false;
    branch.refs = vec![path("refs/heads/spike/\u{202e}evil")];
    branch.author = person("Grace Hopper", "grace@example.com");
    for v in &mut branch.versions {
        v.removed_commit = None;
    }
    let odd = RepoPath::new(b"apps/caf\xe9\x1b[2J/<secret>|`env`.yaml".to_vec());
    // In no commit, and in the message of one.
    let mut loose = exposure(0x600, "2024-09-30", "2024-09-30");
    loose.first_commit = None;
    loose.last_commit = None;
    loose.author = None;
    loose.commits = 0;
    loose.encrypted_now = false;
    loose.refs.clear();
    loose.refs_total = 0;
    loose.versions = vec![LeakedVersion {
        blob: id(0x600),
        first_commit: None,
        removed_commit: None,
    }];
    let mut dangling = leak(
        &golden::PLAINTEXT_SECRET,
        &path("tmp/dump.yaml"),
        "token",
        loose,
    );
    dangling.origins[0].kind = OriginKind::Unreachable;
    dangling.origins[0].reference = None;
    let mut told = exposure(0x700, "2024-12-24", "2024-12-24");
    told.versions.clear();
    told.commits = 1;
    told.encrypted_now = false;
    told.last_commit = None;
    let mut message = key("(message)", told);
    message.place = Place::default();
    message.origins = vec![Origin {
        kind: OriginKind::Message,
        commit: Some(id(0x700)),
        blob: None,
        reference: Some(path("refs/heads/main")),
    }];
    message.blob = None;
    // Still in use; proven to be replaced.
    let mut same = exposure(0x800, "2025-01-07", "2025-01-08");
    same.value_changed = ValueChanged::No;
    same.value_group = Some(4);
    let mut proven = exposure(0x900, "2022-05-05", "2022-05-06");
    proven.value_changed = ValueChanged::Proven;
    proven.value_group = Some(1);
    outcome.findings = vec![
        leak(
            &LEAKED_VALUE,
            &path("apps/api/token.sops.yaml"),
            "token",
            same,
        ),
        leak(
            &LEAKED_VALUE,
            &path("apps/cache/redis.sops.yaml"),
            "password",
            proven,
        )
        .at(Severity::Warning),
        leak(&golden::PLAINTEXT_SECRET, &odd, "a|`b`", branch),
        leak(
            &LEAKED_VALUE,
            &path("apps/db/credentials.sops.yaml"),
            "password",
            sops,
        ),
        leak(
            &golden::PLAINTEXT_SECRET,
            &path("apps/old/secret.yaml"),
            "password",
            old,
        ),
        leak(
            &LEAKED_VALUE,
            &path("apps/web/env.sops.yaml"),
            "DATABASE_PASSWORD",
            third,
        ),
        identity,
        dangling,
        message,
    ];
    outcome.findings[0].check = &NEVER_ROTATED;
    let mut stale = Finding::new(
        &STALE_RECIPIENT,
        &path("apps/db/credentials.sops.yaml"),
        golden::at_line(31),
        say!(
            "recipient ",
            Label::identity("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"),
            " left the file, and its values stayed the same"
        ),
    )
    .help("run `sops rotate` and change the values");
    stale.origins = vec![Origin {
        kind: OriginKind::Commit,
        commit: Some(id(0xa00)),
        blob: Some(id(0xa01)),
        reference: None,
    }];
    stale.origins_total = 3;
    outcome.findings.push(stale);
    let hidden = exposure(0xb00, "2024-01-01", "2024-01-02");
    let mut hidden = leak(&LEAKED_VALUE, &path("apps/x.sops.yaml"), "password", hidden);
    hidden.status = Status::Baseline {
        path: path(".sopsguard-baseline.json"),
        line: 2,
    };
    outcome.findings.push(hidden);
    let mut gone = BlindSpot::new(
        &path("apps/db/secret.yaml"),
        None,
        BlindCode::MissingObject,
        "its object is missing or corrupt".into(),
        true,
    );
    gone.origin = Some(Origin {
        kind: OriginKind::Commit,
        commit: Some(id(0xc00)),
        blob: Some(id(0xc01)),
        reference: Some(path("refs/heads/main")),
    });
    let large = BlindSpot::new(
        &path("dumps/all.json"),
        None,
        BlindCode::TooLarge,
        "over 32 MiB; searched for private keys only".into(),
        false,
    );
    outcome.blind_spots = vec![gone, large];
    outcome
}

/// What a push would bring.
pub fn push() -> Outcome {
    let mut outcome = golden::one_leak();
    outcome.mode = Mode::PreReceive;
    outcome.stats.commits = Some(3);
    let origin = |n| Origin {
        kind: OriginKind::Commit,
        commit: Some(id(n)),
        blob: Some(id(n + 1)),
        reference: None,
    };
    outcome.findings[0].origins = vec![origin(0x20), origin(0x30)];
    outcome.findings[0].origins_total = 2;
    outcome
}

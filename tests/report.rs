//! Renderers: one golden outcome through every format, compared with `tests/data/report/`, the JSON also against its
//! schema, and the schema file against the types. Run with `UPDATE=1` to rewrite the files. Then what no terminal must
//! suffer: hostile keys, odd widths, colours that were not asked for.

#![allow(
    clippy::disallowed_methods,
    reason = "UPDATE=1 rewrites what is generated"
)]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "report/golden.rs"]
mod golden;
#[path = "report/history.rs"]
mod history;
#[path = "report/markup.rs"]
mod markup;

use std::path::Path;

use sopsguard::model::*;
use sopsguard::report::{Format, Style, json, render};

fn text(outcome: &Outcome, format: Format, style: &Style) -> String {
    let mut out = Vec::new();
    render(outcome, &golden::CHECKS, format, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Compares with a file below the root of the repository, or rewrites it.
fn check(file: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{file} is out of date; rewrite it with UPDATE=1. Now:\n{actual}"
    );
}

/// Without the version of the program, which changes with each release.
fn unversioned(text: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    text.replace(&format!("\"{version}\""), "\"[VERSION]\"")
        .replace(&format!("sopsguard {version}"), "sopsguard [VERSION]")
}

/// The name under which a format's snapshot ends.
fn ending(format: Format) -> &'static str {
    match format {
        Format::Human => "txt",
        Format::Json => "json",
        Format::Jsonl => "jsonl",
        Format::Markdown => "md",
        Format::Html => "html",
        Format::Blobs => "ids",
    }
}

#[test]
fn the_golden_outcome_in_every_format() {
    let outcome = golden::everything();
    let style = Style::default();
    for format in Format::ALL.into_iter().filter(|f| *f != Format::Human) {
        let file = format!("tests/data/report/everything.{}", ending(format));
        check(&file, &unversioned(&text(&outcome, format, &style)));
    }
    check(
        "tests/data/report/everything-80.txt",
        &text(&outcome, Format::Human, &style),
    );
    check(
        "tests/data/report/everything-200.txt",
        &text(
            &outcome,
            Format::Human,
            &Style {
                width: 200,
                ..style
            },
        ),
    );
    check(
        "tests/data/report/everything-color.txt",
        &text(
            &outcome,
            Format::Human,
            &Style {
                color: true,
                ..style
            },
        ),
    );
    check(
        "tests/data/report/everything-ascii.txt",
        &text(
            &outcome,
            Format::Human,
            &Style {
                unicode: false,
                ..style
            },
        ),
    );
    check(
        "tests/data/report/everything-quiet.txt",
        &text(
            &outcome,
            Format::Human,
            &Style {
                quiet: true,
                ..style
            },
        ),
    );
}

#[test]
fn the_schema_file_is_current_and_the_report_follows_it() {
    let schema = json::schema();
    check("docs/schema/report.schema.json", &schema);
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for outcome in [
        golden::everything(),
        golden::one_leak(),
        golden::empty(),
        history::incident(),
        history::clean(),
        history::push(),
    ] {
        let mut report: serde_json::Value =
            serde_json::from_str(&text(&outcome, Format::Json, &Style::default())).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert_eq!(errors, [""; 0]);
        report["version"] = 2.into();
        assert!(!validator.is_valid(&report), "another version is refused");
        report["version"] = 1.into();
        report.as_object_mut().unwrap().remove("repository");
        assert!(
            !validator.is_valid(&report),
            "absent values are null, not left out"
        );
    }
}

#[test]
fn jsonl_holds_the_same_as_json() {
    for outcome in [golden::everything(), history::incident()] {
        same_in_lines(&outcome);
    }
}

fn same_in_lines(outcome: &Outcome) {
    use serde_json::Value;
    let whole: Value =
        serde_json::from_str(&text(outcome, Format::Json, &Style::default())).unwrap();
    let lines: Vec<Value> = text(outcome, Format::Jsonl, &Style::default())
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let of = |kind: &str| -> Vec<Value> {
        let mut all: Vec<Value> = lines
            .iter()
            .filter(|l| l["type"] == kind)
            .cloned()
            .collect();
        for line in &mut all {
            line.as_object_mut().unwrap().remove("type");
        }
        all
    };
    assert_eq!(lines[0]["type"], "header");
    assert_eq!(lines[lines.len() - 1]["type"], "footer");
    assert_eq!(Value::from(of("finding")), whole["findings"]);
    assert_eq!(Value::from(of("blind_spot")), whole["blind_spots"]);
    for line in [&of("header")[0], &of("footer")[0]] {
        for (key, value) in line.as_object().unwrap() {
            assert_eq!(*value, whole[key], "{key}");
        }
    }
}

#[test]
fn a_path_that_is_not_utf8_keeps_its_bytes() {
    let report: serde_json::Value = serde_json::from_str(&text(
        &golden::everything(),
        Format::Json,
        &Style::default(),
    ))
    .unwrap();
    let odd = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| !f["path_bytes"].is_null())
        .unwrap();
    assert_eq!(odd["path_bytes"], "a2V5cy9pZP9fcnNhG1sySg==");
    assert_eq!(odd["path"], "keys/id\u{fffd}_rsa\u{1b}[2J");
}

#[test]
fn one_leak_fits_in_twenty_lines() {
    let shown = text(&golden::one_leak(), Format::Human, &Style::default());
    check("tests/data/report/one-leak.txt", &shown);
    assert!(
        shown.lines().all(|l| l.trim_end() == l),
        "no blanks at line ends"
    );
    assert!(shown.lines().count() <= 20, "{shown}");
    let page = include_str!("../docs/formats.md");
    assert!(
        page.contains(&shown),
        "docs/formats.md shows this report:\n{shown}"
    );
}

/// Without ANSI colours.
fn colourless(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push_str(part.split_once('m').unwrap().1);
    }
    out
}

/// Places that no sound file has, and texts that are hard to measure.
fn odd() -> Outcome {
    use TrailFormat::*;
    let mut outcome = golden::empty();
    let wide = "日本語の鍵".repeat(9);
    let combining = "a\u{301}".repeat(30);
    let long = "k".repeat(64);
    let keys: [&str; 8] = [
        "",
        " ",
        &wide,
        &combining,
        &long,
        "🔑",
        "مفتاح",
        "a: b\t\u{1b}[31m\u{202e}\n\u{200b}",
    ];
    let deep: Vec<(u32, &str)> = (1..5000).map(|line| (line, "k")).collect();
    let flat: Vec<(u32, &str)> = (1..5000)
        .map(|i| (7, if i % 2 == 0 { "#3" } else { "key" }))
        .collect();
    let mut places = vec![golden::leaf(Yaml, 1, &deep)];
    for format in [Yaml, Json, Dotenv, Ini, Opaque] {
        places.push(golden::leaf(format, 1, &flat));
        for key in keys {
            places.push(golden::leaf(
                format,
                3,
                &[(3, key), (9, "#0"), (9, key), (9, key), (u32::MAX, key)],
            ));
            places.push(golden::leaf(
                format,
                u32::MAX,
                &[(9, key), (4, key), (0, key)],
            ));
            let mut nowhere = golden::leaf(format, 3, &[(2, key)]);
            nowhere.position = None;
            places.push(nowhere.clone());
            nowhere.pointer = None;
            nowhere.trail.clear();
            places.push(nowhere);
        }
    }
    for (n, place) in places.into_iter().enumerate() {
        let mut path = format!("{}/{}/{n}.yaml", "深い".repeat(n % 20), "p".repeat(n * 40));
        if n % 7 == 0 {
            path = String::new();
        }
        let path = RepoPath::new(path);
        let message = place.pointer.as_ref().map_or_else(Message::default, |p| {
            sopsguard::say!(p, " — ", &path, " ", &n)
        });
        outcome.findings.push(Finding::new(
            &golden::UNENCRYPTED_VALUE,
            &path,
            place,
            message,
        ));
    }
    outcome
}

#[test]
fn every_style_shows_the_same_and_only_what_it_may() {
    for outcome in [
        golden::everything(),
        golden::one_leak(),
        golden::empty(),
        history::incident(),
        history::push(),
        odd(),
    ] {
        for width in [0, 57, 80, usize::MAX] {
            for unicode in [true, false] {
                for quiet in [true, false] {
                    let style = Style {
                        color: false,
                        width,
                        unicode,
                        quiet,
                        now: None,
                    };
                    let plain = text(&outcome, Format::Human, &style);
                    let coloured = text(
                        &outcome,
                        Format::Human,
                        &Style {
                            color: true,
                            ..style
                        },
                    );
                    let ends = |text: &str| -> Vec<String> {
                        text.lines().map(|l| l.trim_end().to_owned()).collect()
                    };
                    assert!(ends(&colourless(&coloured)) == ends(&plain), "{style:?}");
                    assert!(
                        plain.chars().all(|c| c == '\n' || !c.is_control()),
                        "no control characters"
                    );
                    assert!(unicode || plain.is_ascii());
                    assert!(
                        plain.lines().all(|l| l.chars().count() < 9000),
                        "nothing is endless"
                    );
                }
            }
        }
    }
}

#[test]
fn pictures_keep_to_the_width() {
    let outcome = odd();
    for width in [40, 80, 200] {
        let style = Style {
            width,
            unicode: false,
            ..Style::default()
        };
        let shown = text(&outcome, Format::Human, &style);
        let mut pictures = 0;
        for line in shown.lines().filter(|l| l.contains("********")) {
            assert!(line.len() <= width, "{width}: {line}");
            pictures += 1;
        }
        assert!(pictures > 50);
    }
}

#[test]
fn line_numbers_of_a_picture_are_the_real_ones() {
    let mut outcome = golden::empty();
    let place = golden::leaf(
        TrailFormat::Yaml,
        5,
        &[(9, "a"), (10, "b"), (98, "#2"), (98, "c"), (1000, "d")],
    );
    outcome.findings.push(golden::value("x.yaml", place));
    let shown = text(&outcome, Format::Human, &Style::default());
    let numbered: Vec<&str> = shown
        .lines()
        .filter(|l| l.contains('│'))
        .map(str::trim)
        .collect();
    let expected = [
        "9 │ a:",
        "10 │   b:",
        "98 │     - c:",
        "1000 │         d: ********",
    ];
    assert_eq!(numbered, expected);
}

#[test]
fn a_clean_run_says_so_and_nothing_when_quiet() {
    let outcome = golden::empty();
    let shown = text(&outcome, Format::Human, &Style::default());
    assert_eq!(shown, "clean: 418 files, 37 encrypted, 0.04 s\n");
    assert_eq!(
        text(
            &outcome,
            Format::Human,
            &Style {
                quiet: true,
                ..Style::default()
            }
        ),
        ""
    );
}

#[test]
fn three_files_are_told_apart_and_four_together() {
    for (files, titles) in [(3, 3), (4, 1)] {
        let mut outcome = golden::empty();
        for n in 0..files {
            for key in ["value", "token"] {
                let place = golden::leaf(TrailFormat::Yaml, 4, &[(n + 1, key)]);
                outcome
                    .findings
                    .push(golden::value(&format!("apps/{n}.yaml"), place));
            }
        }
        let shown = text(&outcome, Format::Human, &Style::default());
        assert_eq!(
            shown.matches("unencrypted-value").count(),
            titles,
            "{shown}"
        );
        assert_eq!(
            shown.contains("4 files below apps, 8 findings\n"),
            files == 4,
            "{shown}"
        );
    }
}

#[test]
fn many_findings_take_little_time() {
    let mut outcome = golden::empty();
    for n in 0..20_000_u32 {
        let place = golden::leaf(TrailFormat::Yaml, 4, &[(n + 1, "data"), (n + 2, "key")]);
        outcome
            .findings
            .push(golden::value(&format!("apps/{}.yaml", n / 4), place));
    }
    let shown = text(&outcome, Format::Human, &Style::default());
    assert!(shown.lines().count() < 40, "one cause is told once");
}

#[test]
fn formats_are_known_by_name() {
    for (format, name) in Format::ALL.into_iter().zip(Format::NAMES) {
        assert_eq!(name.parse(), Ok(format));
        assert_eq!(format.as_str(), name);
    }
    let error = "xml".parse::<Format>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown format; one of: human, json, jsonl, markdown, html, blobs"
    );
}

/// The day on which the reports of the tests are made.
fn dated() -> Style {
    Style {
        now: Some(history::noon("2026-09-21")),
        ..Style::default()
    }
}

#[test]
fn an_incident_in_every_format() {
    let outcome = history::incident();
    for format in Format::ALL {
        let file = format!("tests/data/report/history.{}", ending(format));
        check(&file, &unversioned(&text(&outcome, format, &dated())));
    }
    let one = text(&history::one(), Format::Human, &Style::default());
    let page = include_str!("../docs/formats.md");
    assert!(
        page.contains(&one),
        "docs/formats.md shows this report:\n{one}"
    );
    check(
        "tests/data/report/history-push.txt",
        &text(&history::push(), Format::Human, &dated()),
    );
    check(
        "tests/data/report/history-clean.txt",
        &text(&history::clean(), Format::Human, &dated()),
    );
}

/// All outcomes, with those that are at the edges.
fn outcomes() -> Vec<(&'static str, Outcome)> {
    let mut shallow = history::clean();
    shallow.repository.as_mut().unwrap().shallow = true;
    let mut clocks = history::incident();
    let odd = [i64::MIN, i64::MAX, 0, -1, 253_402_300_800, -62_167_219_201];
    for (f, n) in clocks.findings.iter_mut().zip(0..) {
        if let Some(e) = &mut f.exposure {
            e.first_seen = Moment(odd[n % odd.len()]);
            e.last_seen = Moment(odd[(n * 5 + 1) % odd.len()]);
        }
    }
    let mut settled = history::one();
    settled.findings[0].severity = Severity::Warning;
    vec![
        ("everything", golden::everything()),
        ("one leak", golden::one_leak()),
        ("empty", golden::empty()),
        ("odd", odd_places()),
        ("incident", history::incident()),
        ("clean history", history::clean()),
        ("shallow", shallow),
        ("one", history::one()),
        ("settled", settled),
        ("push", history::push()),
        ("clocks", clocks),
        ("many", history::many(300)),
    ]
}

fn odd_places() -> Outcome {
    let mut outcome = odd();
    outcome.mode = Mode::Range;
    outcome
}

#[test]
fn no_format_shows_a_control_or_bidirectional_character() {
    for (name, outcome) in outcomes() {
        for format in Format::ALL {
            for style in [Style::default(), dated()] {
                let shown = text(&outcome, format, &style);
                let hostile = |c: char| {
                    c != '\n'
                        && (c.is_control()
                            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
                };
                let found = shown.chars().find(|c| hostile(*c));
                assert_eq!(found, None, "{name} as {}", format.as_str());
            }
        }
    }
}

#[test]
fn every_page_is_well_formed_and_loads_nothing() {
    for (name, outcome) in outcomes() {
        for style in [Style::default(), dated()] {
            let page = text(&outcome, Format::Html, &style);
            let shown = markup::check(&page);
            assert!(
                !page.contains("http://") && !page.contains("https://"),
                "{name}"
            );
            assert_eq!(page.contains("2026-09-21"), style.now.is_some(), "{name}");
            let hostile = name == "incident" || name == "clocks";
            assert_eq!(
                shown.contains("<script>alert(1)</script>"),
                hostile,
                "{name}"
            );
        }
    }
}

#[test]
fn a_page_names_who_is_to_be_told_and_what_to_do() {
    let page = text(&history::incident(), Format::Html, &dated());
    let shown = markup::check(&page);
    for told in [
        "Rotate 6 credentials",
        "Grace Hopper <grace@example.com>",
        "one value in 3 places",
        "2026-08-30",
        "63 refs",
        "Do not count on a revert",
        "does not revoke it at its issuer",
        "Not complete",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
}

#[test]
fn an_incident_of_any_size_stays_readable() {
    let outcome = history::many(5_300);
    let page = text(&outcome, Format::Html, &dated());
    markup::check(&page);
    assert_eq!(page.matches("<rect class=\"bar ").count(), 60 + 4);
    assert_eq!(page.matches("<tr id=\"r").count(), 5_000);
    assert!(page.contains("Only the first 5,000 of 5,300 rows are listed"));
    assert!(page.contains("the worst 60 of 5,300 rows"));
    assert!(page.len() < 6_000_000, "{}", page.len());
    let comment = text(&outcome, Format::Markdown, &dated());
    assert!(comment.len() < 65_000, "{}", comment.len());
    let shown = text(&outcome, Format::Human, &dated());
    assert!(shown.lines().count() < 5_000);
}

#[test]
fn nothing_leaked_is_no_alarm() {
    for format in [Format::Human, Format::Markdown, Format::Html] {
        let shown = text(&history::clean(), format, &dated());
        assert!(
            !shown.contains("Rotate") && !shown.contains("revoke"),
            "{shown}"
        );
    }
    assert_eq!(text(&history::clean(), Format::Blobs, &dated()), "");
}

#[test]
fn credentials_are_counted_once_and_the_lead_is_the_first_line() {
    let shown = text(&history::incident(), Format::Human, &Style::default());
    assert!(shown.starts_with("rotate 6 credentials: "), "{shown}");
    assert_eq!(shown.matches("does not revoke").count(), 1);
    // The last line, as in every mode, is not wrapped.
    let lines: Vec<&str> = shown.trim_end().lines().collect();
    let (_, above) = lines.split_last().unwrap();
    assert!(above.iter().all(|l| l.chars().count() <= 80), "{shown}");
}

#[test]
fn a_push_tells_the_commit_of_a_finding() {
    let shown = text(&history::push(), Format::Human, &Style::default());
    assert!(
        shown.contains("in:   commit 0000002001, and 1 more"),
        "{shown}"
    );
}

#[test]
fn blobs_are_ids_and_nothing_else() {
    let shown = text(&history::incident(), Format::Blobs, &dated());
    let ids: Vec<&str> = shown.lines().collect();
    assert!(ids.is_sorted() && ids.len() == 8, "{shown}");
    for id in &ids {
        assert!(id.len() == 40 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    }
    // Neither what is only a warning nor what the baseline hides.
    for n in [0x900 + 1000, 0xb00 + 1000, 0xa01] {
        assert!(!shown.contains(&history::id(n)));
    }
    let twice = ids.windows(2).any(|w| w[0] == w[1]);
    assert!(!twice);
}

#[test]
fn a_broken_config_is_no_leak_to_strip() {
    let broken = sopsguard::checks::TABLE
        .into_iter()
        .find(|c| c.id == "config-invalid")
        .unwrap();
    let mut outcome = history::one();
    let mut f = Finding::new(
        broken,
        &RepoPath::new(".sops.yaml"),
        golden::at_line(1),
        "sops cannot load it".into(),
    );
    f.blob = Some(history::id(0xf00));
    outcome.findings.push(f);
    let shown = text(&outcome, Format::Blobs, &dated());
    assert_eq!(shown.lines().count(), 1);
    assert!(!shown.contains(&history::id(0xf00)));
}

#[test]
fn files_that_a_key_opens_are_related_places() {
    let report: serde_json::Value =
        serde_json::from_str(&text(&history::incident(), Format::Json, &dated())).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let related: Vec<&str> = findings
        .iter()
        .flat_map(|f| f["related"].as_array().unwrap())
        .map(|r| r["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        related,
        [
            "this key opens it, at HEAD; 9 versions in all",
            "this key opens 1 earlier version",
            "this key opens it, at HEAD",
        ]
    );
    assert_eq!(
        findings[4]["exposure"]["first_seen"],
        "2023-01-17T12:00:00Z"
    );
    assert_eq!(
        report["blind_spots"][0]["origin"]["commit"],
        history::id(0xc00)
    );
}

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
    text.replace(
        &format!("\"{}\"", env!("CARGO_PKG_VERSION")),
        "\"[VERSION]\"",
    )
}

#[test]
fn the_golden_outcome_in_every_format() {
    let outcome = golden::everything();
    let style = Style::default();
    check(
        "tests/data/report/everything.json",
        &unversioned(&text(&outcome, Format::Json, &style)),
    );
    check(
        "tests/data/report/everything.jsonl",
        &unversioned(&text(&outcome, Format::Jsonl, &style)),
    );
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
    for outcome in [golden::everything(), golden::one_leak(), golden::empty()] {
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
    use serde_json::Value;
    let outcome = golden::everything();
    let whole: Value =
        serde_json::from_str(&text(&outcome, Format::Json, &Style::default())).unwrap();
    let lines: Vec<Value> = text(&outcome, Format::Jsonl, &Style::default())
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
        "unknown format; one of: human, json, jsonl"
    );
}

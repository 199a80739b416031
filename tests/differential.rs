//! The real sops, asked the same questions as the library: which rule, which leaves, which comments, which texts.
//!
//! Our own code is never the expected value. Seeds are fixed; `SOPSGUARD_DIFFERENTIAL=N` takes N times as many cases.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test stops where it fails, and asks other programs"
)]

mod differential {
    pub mod configs;
    pub mod documents;
    pub mod rng;
    pub mod sops;
    pub mod vectors;
}

use differential::configs::{self, Fate};
use differential::documents::{OPTIONS, Source, Tally, compare_text, compare_yaml, damage};
use differential::rng::Rng;
use differential::sops::{Sops, factor, on_two};
use differential::vectors;
use sopsguard::syntax::Format;

#[test]
fn configs_are_read_as_sops_reads_them() {
    let Some(sops) = Sops::find() else { return };
    let count = 2_000 * factor();
    let results = on_two(count, |worker, i| {
        let mut rng = Rng::new(1 + i as u64);
        let text = configs::generate(&mut rng);
        let path = configs::path(&mut rng);
        configs::compare(&sops, worker, &text, path)
    });
    let encrypted = results
        .iter()
        .filter(|(fate, _)| matches!(fate, Fate::Encrypts(..)))
        .count();
    let differences: Vec<&String> = results.iter().filter_map(|(_, d)| d.as_ref()).collect();
    println!(
        "configs: {count} compared, {encrypted} encrypted, {} differences",
        differences.len()
    );
    assert!(
        differences.is_empty(),
        "{} of {count} differ:\n{}",
        differences.len(),
        differences
            .iter()
            .take(40)
            .map(|d| format!("=====\n{d}"))
            .collect::<String>()
    );
    assert!(
        encrypted * 4 > count,
        "too few configs are any good: {encrypted}"
    );
}

#[test]
fn yaml_is_read_and_selected_as_in_sops() {
    let Some(sops) = Sops::find() else { return };
    // Runs of sops, each over a stream of documents.
    let (runs, each) = (100 * factor(), 20);
    let mut all = Tally::default();
    for tally in on_two(runs, |worker, i| {
        let mut rng = Rng::new(1_000_000 + i as u64);
        let options = OPTIONS[i % OPTIONS.len()];
        let mac_only = rng.chance(20);
        let mut next = 10_000;
        let texts: Vec<String> = (0..each)
            .map(|_| {
                let mut source = Source::new(&mut rng, next);
                source.yaml();
                next = source.next();
                source.out
            })
            .collect();
        compare_yaml(&sops, worker, options, mac_only, &texts)
    }) {
        all.add(tally);
    }
    all.report("YAML documents", runs * each / 2);
}

#[test]
fn json_is_read_and_selected_as_in_sops() {
    let Some(sops) = Sops::find() else { return };
    // Objects of one run stand under keys that no option selects.
    let (runs, each) = (26 * factor(), 20);
    let mut all = Tally::default();
    for tally in on_two(runs, |worker, i| {
        let mut rng = Rng::new(2_000_000 + i as u64);
        let mut source = Source::new(&mut rng, 10_000);
        source.out.push('{');
        for n in 0..each {
            source
                .out
                .push_str(&format!("{}\"{n}\": ", if n > 0 { ",\n" } else { "" }));
            source.json_object(0);
        }
        source.out.push('}');
        compare_text(
            &sops,
            worker,
            OPTIONS[i % OPTIONS.len()],
            i % 5 == 0,
            Format::Json,
            &source.out,
            each,
        )
    }) {
        all.add(tally);
    }
    all.report("JSON objects", runs * each / 2);
}

#[test]
fn dotenv_is_read_and_selected_as_in_sops() {
    let Some(sops) = Sops::find() else { return };
    let runs = 150 * factor();
    let mut all = Tally::default();
    for tally in on_two(runs, |worker, i| {
        let mut rng = Rng::new(3_000_000 + i as u64);
        let mut source = Source::new(&mut rng, 10_000);
        source.dotenv();
        compare_text(
            &sops,
            worker,
            OPTIONS[i % OPTIONS.len()],
            i % 5 == 0,
            Format::Dotenv,
            &source.out,
            1,
        )
    }) {
        all.add(tally);
    }
    all.report("dotenv files", runs / 2);
}

#[test]
fn ini_is_read_and_selected_as_in_sops() {
    let Some(sops) = Sops::find() else { return };
    let runs = 250 * factor();
    let mut all = Tally::default();
    for tally in on_two(runs, |worker, i| {
        let mut rng = Rng::new(4_000_000 + i as u64);
        let mut source = Source::new(&mut rng, 10_000);
        source.ini(i % 2 == 1);
        compare_text(
            &sops,
            worker,
            OPTIONS[(i / 2) % OPTIONS.len()],
            i % 5 == 0,
            Format::Ini,
            &source.out,
            1,
        )
    }) {
        all.add(tally);
    }
    all.report("INI files", runs / 2);
}

#[test]
fn binary_files_are_one_leaf_as_in_sops() {
    let Some(sops) = Sops::find() else { return };
    let mut all = Tally::default();
    for (i, text) in [
        "",
        "text",
        "a: 1\n",
        "[1]",
        "\"x\"",
        "\n",
        "ü",
        "{\"data\": ",
        "ENC[x]",
        "# c\n",
    ]
    .iter()
    .enumerate()
    {
        all.add(compare_text(
            &sops,
            0,
            OPTIONS[i % OPTIONS.len()],
            false,
            Format::Binary,
            text,
            1,
        ));
    }
    all.report("binary files", 10);
}

#[test]
fn what_sops_loads_is_whole_for_us() {
    let Some(sops) = Sops::find() else { return };
    let runs = 600 * factor();
    let mut all = Tally::default();
    for tally in on_two(runs, |worker, i| {
        let mut rng = Rng::new(5_000_000 + i as u64);
        let mut source = Source::new(&mut rng, 10_000);
        let format = [
            Format::Yaml,
            Format::Yaml,
            Format::Yaml,
            Format::Json,
            Format::Dotenv,
            Format::Ini,
        ][i % 6];
        match format {
            Format::Yaml => source.yaml(),
            Format::Json => source.json_object(0),
            Format::Dotenv => source.dotenv(),
            _ => source.ini(false),
        }
        let text = source.out;
        let text = damage(&mut rng, &text);
        let options = OPTIONS[(i / 6) % OPTIONS.len()];
        match format {
            Format::Yaml => compare_yaml(&sops, worker, options, false, &[text]),
            _ => compare_text(&sops, worker, options, false, format, &text, 1),
        }
    }) {
        all.add(tally);
    }
    all.report("damaged texts", runs / 2);
    assert!(
        all.stricter * 50 < runs,
        "{} of {runs} are refused by us alone",
        all.stricter
    );
}

#[test]
fn vectors_hold_for_the_real_binary() {
    let Some(sops) = Sops::find() else { return };
    let (rules, mut wrong) = vectors::rules(&sops);
    let (scopes, more) = vectors::scopes(&sops);
    wrong.extend(more);
    println!(
        "vectors: {rules} rules and {scopes} scopes asked, {} differ",
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

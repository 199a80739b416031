//! The console blocks of the README and of the examples are run and compared.
//!
//! A block that begins with ```` ```console ```` holds commands behind `$ ` and what they print. They run in a copy of an
//! example with a Git repository of its own, `sopsguard` being the binary under test. Times are not compared. `UPDATE=1`
//! rewrites the blocks.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test stops where it fails, and asks other programs"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn shell(command: &str, cwd: &Path) -> String {
    let bin = Path::new(env!("CARGO_BIN_EXE_sopsguard")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut c = Command::new("sh");
    c.arg("-c")
        .arg(format!("{{ {command}\n}} 2>&1"))
        .current_dir(cwd)
        .env_clear()
        .env("PATH", path)
        .env("HOME", cwd)
        .env("COLUMNS", "100")
        .env("LC_ALL", "C.UTF-8");
    if let Some(sops) = std::env::var_os("SOPSGUARD_TEST_SOPS") {
        c.env("SOPSGUARD_SOPS", sops);
    }
    for (k, v) in [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "t"),
        ("GIT_AUTHOR_EMAIL", "t@example.invalid"),
        ("GIT_COMMITTER_NAME", "t"),
        ("GIT_COMMITTER_EMAIL", "t@example.invalid"),
    ] {
        c.env(k, v);
    }
    String::from_utf8(c.output().unwrap().stdout).unwrap()
}

/// The commit of the example is another one in each run.
fn without_commit(line: &str) -> String {
    let Some((head, tail)) = line.split_once("already in ") else {
        return line.to_owned();
    };
    let end = tail.find(' ').unwrap_or(tail.len());
    format!("{head}already in 2655e8498f{}", &tail[end..])
}

/// `0.04 s` at the end of the summary differs from run to run.
fn without_time(line: &str) -> String {
    match line.rsplit_once(", ") {
        Some((head, tail))
            if tail.ends_with(" s") && tail.trim_end_matches(" s").parse::<f64>().is_ok() =>
        {
            format!("{head}, 0.01 s")
        }
        _ => without_commit(line.trim_end()),
    }
}

/// Runs the blocks of a document in a copy of an example; returns the document as it should be.
fn run(document: &Path, example: &str) -> (String, String) {
    let text = std::fs::read_to_string(document).unwrap();
    let top = tempfile::tempdir().unwrap();
    let cwd = top.path().join("fleet");
    copy(&root().join("examples").join(example), &cwd);
    shell(
        "git init -q && git add -A && git commit -q -m example",
        &cwd,
    );
    let mut out = Vec::new();
    let mut lines = text.lines().peekable();
    let mut commands = 0;
    while let Some(line) = lines.next() {
        out.push(line.to_owned());
        if line != "```console" {
            continue;
        }
        while let Some(line) = lines.peek().copied().filter(|l| *l != "```") {
            let Some(command) = line.strip_prefix("$ ") else {
                lines.next();
                continue;
            };
            commands += 1;
            out.push(line.to_owned());
            lines.next();
            out.extend(shell(command, &cwd).lines().map(without_time));
            // Old output is left out.
            while lines
                .peek()
                .is_some_and(|l| *l != "```" && !l.starts_with("$ "))
            {
                lines.next();
            }
        }
    }
    assert!(commands > 0, "{} has no console block", document.display());
    (text, out.join("\n") + "\n")
}

fn check(document: &str, example: &str) {
    let document = root().join(document);
    let asks = std::fs::read_to_string(&document).unwrap();
    if asks.contains("$ sopsguard fix") && std::env::var_os("SOPSGUARD_TEST_SOPS").is_none() {
        use std::io::Write as _;
        let _ = writeln!(
            std::io::stderr().lock(),
            "SKIPPED: sops (SOPSGUARD_TEST_SOPS does not name it)"
        );
        return;
    }
    let (text, should) = run(&document, example);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&document, should).unwrap();
        return;
    }
    let differing = text.lines().zip(should.lines()).find(|(a, b)| a != b);
    assert!(
        text == should,
        "{} is not what a run prints; first difference: {differing:?} (UPDATE=1 rewrites it)",
        document.display()
    );
}

#[test]
fn the_readme_shows_what_a_run_prints() {
    check("README.md", "01-flux-fleet");
}

#[test]
fn the_flux_example_shows_what_a_run_prints() {
    check("examples/01-flux-fleet/README.md", "01-flux-fleet");
}

#[test]
fn the_nixos_example_shows_what_a_run_prints() {
    check("examples/02-nixos/README.md", "02-nixos");
}

#[test]
fn the_helm_example_shows_what_a_run_prints() {
    check("examples/03-helm-argo/README.md", "03-helm-argo");
}

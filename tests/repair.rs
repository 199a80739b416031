//! The command that a finding prints is run, as it stands and where the user stands, with the real sops; then nothing is
//! left to find.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot be set up has failed"
)]

#[path = "source/lab.rs"]
mod lab;

use std::path::{Path, PathBuf};
use std::process::Command;

use lab::Lab;
use serde_json::Value;

const FIRST: &str = "age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r";
const SECOND: &str = "age1efxz3c93z6ju2dmzcks82206wuxc8d0054nq8ntcng67g7qgwf4scncj5y";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: k\nstringData:\n  password: kumquat-8f3kQ-1\n";

fn sops() -> Option<PathBuf> {
    let found = std::env::var_os("SOPSGUARD_TEST_SOPS").map(PathBuf::from);
    let found = found.filter(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: sops (SOPSGUARD_TEST_SOPS does not name it)");
    }
    found
}

fn rule(pattern: &str, recipient: &str) -> String {
    format!(
        "creation_rules:\n  - path_regex: {pattern}\n    encrypted_regex: ^(data|stringData)$\n    age: {recipient}\n"
    )
}

/// Runs a program in the surroundings of the tests; `prefix` is what Git tells a hook.
fn run(lab: &Lab, at: &Path, prefix: Option<&str>, program: &mut Command) -> std::process::Output {
    let git = lab.command(at);
    program.current_dir(at);
    for (name, value) in git.get_envs() {
        match value {
            Some(value) => program.env(name, value),
            None => program.env_remove(name),
        };
    }
    if let Some(prefix) = prefix {
        program.env("GIT_PREFIX", prefix);
    }
    program.output().unwrap()
}

fn scan(lab: &Lab, at: &Path, prefix: Option<&str>) -> Value {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sopsguard"));
    program.args(["scan", "--staged", "--format", "json"]);
    serde_json::from_slice(&run(lab, at, prefix, &mut program).stdout).unwrap()
}

fn commands(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let mut all: Vec<String> = findings
        .filter(|f| f["severity"] == "error")
        .map(|f| f["fix"]["command"].as_str().unwrap_or("none").to_owned())
        .collect();
    all.dedup();
    all
}

/// Runs what was printed where the user stands, and scans again.
fn repaired(
    lab: &Lab,
    hook_at: &Path,
    user_at: &Path,
    prefix: Option<&str>,
    sops: &Path,
) -> String {
    let report = scan(lab, hook_at, prefix);
    let commands = commands(&report);
    assert_eq!(commands.len(), 1, "{commands:?}");
    let path = std::env::var("PATH").unwrap();
    let own = Path::new(env!("CARGO_BIN_EXE_sopsguard")).parent().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", &commands[0]]).env(
        "PATH",
        format!(
            "{}:{}:{path}",
            own.display(),
            sops.parent().unwrap().display()
        ),
    );
    let out = run(lab, user_at, None, &mut shell);
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{}: {told}", commands[0]);
    let after = scan(lab, hook_at, prefix);
    assert_eq!(after["exit_code"], 0, "{after}");
    assert_eq!(after["counts"]["warning"], 0, "{after}");
    commands[0].clone()
}

fn start(files: &[(&str, &str)]) -> Lab {
    let lab = Lab::new();
    for (path, text) in files {
        lab.write(path, text);
    }
    lab.commit("base");
    lab
}

fn staged(lab: &Lab, path: &str, text: &str) {
    lab.write(path, text);
    lab.git(&["add", path]);
}

#[test]
fn by_the_config_at_the_root() {
    let Some(sops) = sops() else { return };
    let lab = start(&[(".sops.yaml", &rule("secrets/", FIRST))]);
    staged(&lab, "apps/secrets/a b.yaml", SECRET);
    let top = lab.top();
    let command = repaired(&lab, &top, &top, None, &sops);
    assert_eq!(command, "sopsguard fix --staged 'apps/secrets/a b.yaml'");
}

#[test]
fn by_a_nested_config_and_its_recipients() {
    let Some(sops) = sops() else { return };
    let lab = start(&[
        (".sops.yaml", &rule(r".*\.yaml$", FIRST)),
        ("team/.sops.yaml", &rule("secrets/", SECOND)),
    ]);
    staged(&lab, "team/secrets/a.yaml", SECRET);
    let top = lab.top();
    let command = repaired(&lab, &top, &top, None, &sops);
    assert_eq!(command, "sopsguard fix --staged team/secrets/a.yaml");
    let text = std::fs::read_to_string(top.join("team/secrets/a.yaml")).unwrap();
    assert!(text.contains(SECOND) && !text.contains(FIRST));
}

#[test]
fn from_the_directory_in_which_the_user_stands() {
    let Some(sops) = sops() else { return };
    for (hook, prefix) in [(true, Some("team/deep/")), (false, None)] {
        let lab = start(&[
            ("team/.sops.yaml", &rule("secrets/", SECOND)),
            ("team/deep/readme", "x\n"),
        ]);
        staged(&lab, "team/secrets/a.yaml", SECRET);
        let below = lab.top().join("team/deep");
        // A hook runs at the top, whatever directory the commit is made from.
        let at = if hook { lab.top() } else { below.clone() };
        let command = repaired(&lab, &at, &below, prefix, &sops);
        assert_eq!(command, "sopsguard fix --staged ../secrets/a.yaml");
    }
}

#[test]
fn what_is_encrypted_on_disk_is_only_added() {
    let Some(sops) = sops() else { return };
    let lab = start(&[(".sops.yaml", &rule("secrets/", FIRST))]);
    staged(&lab, "secrets/a.yaml", SECRET);
    let top = lab.top();
    let mut program = Command::new(&sops);
    program.args(["encrypt", "-i", "secrets/a.yaml"]);
    assert!(run(&lab, &top, None, &mut program).status.success());
    let command = repaired(&lab, &top, &top, None, &sops);
    assert_eq!(command, "git add secrets/a.yaml");
}

#[test]
fn what_is_gone_from_disk_is_taken_out_of_the_index() {
    let Some(sops) = sops() else { return };
    let lab = start(&[(".sops.yaml", &rule("secrets/", FIRST))]);
    staged(&lab, "secrets/a.yaml", SECRET);
    let top = lab.top();
    std::fs::remove_file(top.join("secrets/a.yaml")).unwrap();
    let command = repaired(&lab, &top, &top, None, &sops);
    assert_eq!(command, "git rm --cached secrets/a.yaml");
}

#[test]
fn what_was_edited_since_is_said_to_stay() {
    let lab = start(&[(".sops.yaml", &rule("secrets/", FIRST))]);
    staged(&lab, "secrets/a.yaml", SECRET);
    lab.write(
        "secrets/a.yaml",
        &format!("{SECRET}  more: kumquat-8f3kQ-2\n"),
    );
    let report = scan(&lab, &lab.top(), None);
    let help = report["findings"][0]["help"].as_str().unwrap();
    assert!(help.contains("further changes"), "{help}");
}

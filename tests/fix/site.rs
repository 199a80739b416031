//! A repository, the real sops, and the keys that its files are encrypted to.
#![allow(dead_code, reason = "each test takes what it needs")]

#[path = "../source/lab.rs"]
mod lab;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) use lab::Lab;
use serde_json::Value;

/// What must never be seen where it was not before.
pub(crate) const CANARY: &str = "kumquat-8f3kQ-zz81";

pub(crate) fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED: {what}");
}

pub(crate) fn sops() -> Option<PathBuf> {
    let named = std::env::var_os("SOPSGUARD_TEST_SOPS").map(PathBuf::from);
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/bin/sops");
    let found = named.into_iter().chain([tools]).find(|path| path.is_file());
    if found.is_none() {
        skipped("sops (SOPSGUARD_TEST_SOPS does not name it)");
    }
    found
}

/// An age identity and its recipient.
pub(crate) fn age(seed: u8) -> (String, String) {
    let secret = [seed; 32];
    let public = x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(secret));
    let encode = |hrp: &str, bytes: &[u8]| {
        bech32::encode::<bech32::Bech32>(bech32::Hrp::parse(hrp).unwrap(), bytes).unwrap()
    };
    (
        encode("age-secret-key-", &secret).to_uppercase(),
        encode("age", public.as_bytes()),
    )
}

pub(crate) fn secret(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: {value}\n"
    )
}

pub(crate) struct Site {
    pub(crate) lab: Lab,
    pub(crate) sops: PathBuf,
    pub(crate) recipient: String,
    pub(crate) env: Vec<(String, String)>,
}

impl Site {
    /// A repository whose only commit has this config; `AGE` in it is the recipient.
    pub(crate) fn new(config: &str) -> Option<Self> {
        let site = Self::with_sops(sops()?);
        site.lab
            .write(".sops.yaml", &config.replace("AGE", &site.recipient));
        site.lab.commit("config");
        Some(site)
    }

    pub(crate) fn with_sops(sops: PathBuf) -> Self {
        let lab = Lab::new();
        let (identity, recipient) = age(7);
        let keys = lab.dir.path().join("keys.txt");
        std::fs::write(&keys, identity).unwrap();
        std::fs::create_dir(lab.dir.path().join("tmp")).unwrap();
        let env = vec![
            ("SOPS_AGE_KEY_FILE".to_owned(), keys.display().to_string()),
            (
                "TMPDIR".to_owned(),
                lab.dir.path().join("tmp").display().to_string(),
            ),
        ];
        Self {
            lab,
            sops,
            recipient,
            env,
        }
    }

    pub(crate) fn env(&mut self, name: &str, value: impl AsRef<Path>) {
        let value = value.as_ref().display().to_string();
        self.env.push((name.to_owned(), value));
    }

    /// The program in the surroundings of the tests.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let git = self.lab.command(&self.lab.top());
        let mut command = Command::new(env!("CARGO_BIN_EXE_sopsguard"));
        command
            .current_dir(self.lab.top())
            .args(args)
            .stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("SOPS") || name.starts_with("GNUPG") {
                command.env_remove(name);
            }
        }
        for (name, value) in git.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("SOPSGUARD_SOPS", &self.sops);
        for (name, value) in &self.env {
            command.env(name, value);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// `fix` with these arguments: its exit code and what it said.
    pub(crate) fn fix(&self, args: &[&str]) -> (i32, String) {
        let out = self.run(&[&["fix"], args].concat());
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
        assert!(!text.contains(CANARY), "{text}");
        (out.status.code().unwrap_or(-1), text)
    }

    /// Nothing is left to find.
    pub(crate) fn assert_clean(&self, args: &[&str]) {
        let out = self.run(&[&["scan", "--format", "json"], args].concat());
        let report: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(report["exit_code"], 0, "{report}");
        assert_eq!(report["counts"]["error"], 0, "{report}");
    }

    /// What sops decrypts, as bytes in the format of its own.
    pub(crate) fn decrypted(&self, path: &str) -> Vec<u8> {
        self.decrypted_bytes(
            path,
            &std::fs::read(self.lab.top().join(path)).unwrap(),
            None,
        )
    }

    pub(crate) fn decrypted_bytes(&self, name: &str, bytes: &[u8], to: Option<&str>) -> Vec<u8> {
        let mut command = Command::new(&self.sops);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SOPS_") {
                command.env_remove(name);
            }
        }
        command
            .args([
                "--config",
                "/dev/null",
                "decrypt",
                "--filename-override",
                name,
            ])
            .current_dir(self.lab.dir.path())
            .env("HOME", self.lab.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(to) = to {
            command.args(["--output-type", to]);
        }
        for (name, value) in &self.env {
            command.env(name, value);
        }
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = bytes.to_vec();
        let feed = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        let _ = feed.join();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{name}: {err}");
        output.stdout
    }

    pub(crate) fn read(&self, path: &str) -> String {
        let bytes = std::fs::read(self.lab.top().join(path)).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn staged(&self, path: &str) -> String {
        let out = self.lab.git(&["show", &format!(":{path}")]);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Every file below the laboratory, the object database apart, with whether the canary is in it.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, bool> {
        let mut out = BTreeMap::new();
        let mut open = vec![self.lab.dir.path().to_owned()];
        while let Some(dir) = open.pop() {
            let Ok(entries) = std::fs::read_dir(&dir) else {
                continue;
            };
            for entry in entries.map(|e| e.unwrap()) {
                let path = entry.path();
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    if !path.ends_with("top/.git") {
                        open.push(path);
                    }
                } else if kind.is_file() {
                    let bytes = std::fs::read(&path).unwrap();
                    let has = memchr::memmem::find(&bytes, CANARY.as_bytes()).is_some();
                    out.insert(path, has);
                }
            }
        }
        out
    }
}

pub(crate) fn script(path: &Path, text: &str) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    // Written by another process: a descriptor that a fork of another test holds would make it busy.
    let mut write = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    write
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(write.wait().unwrap().success());
    assert!(std::fs::metadata(path).unwrap().permissions().mode() & 0o111 != 0);
    path.to_owned()
}

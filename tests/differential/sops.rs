//! The real sops, run in a scrubbed environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A sops binary and a place to work in.
pub struct Sops {
    binary: PathBuf,
    /// Holds configs and inputs; also the home directory of sops.
    pub dir: tempfile::TempDir,
}

/// What a run of sops gave.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// The binary under test: `SOPSGUARD_TEST_SOPS`, else `.tools/bin/sops`, else `sops` on the path.
fn binary() -> Option<PathBuf> {
    let works = |p: &Path| {
        Command::new(p)
            .args(["--help"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    let name = if cfg!(windows) { "sops.exe" } else { "sops" };
    if let Some(named) = std::env::var_os("SOPSGUARD_TEST_SOPS") {
        let named = PathBuf::from(named);
        assert!(works(&named), "SOPSGUARD_TEST_SOPS does not run");
        return Some(named);
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".tools")
        .join("bin")
        .join(name);
    [own, PathBuf::from(name)].into_iter().find(|p| works(p))
}

impl Sops {
    /// `None`, said loudly, where there is no sops.
    pub fn find() -> Option<Self> {
        let Some(binary) = binary() else {
            println!("SKIPPED: sops");
            return None;
        };
        Some(Self {
            binary,
            dir: tempfile::tempdir().unwrap(),
        })
    }

    /// Encrypts `input` with the rules of `config`. `name` is the path that rules see.
    pub fn encrypt(
        &self,
        worker: usize,
        config: &Path,
        name: &Path,
        types: (&str, &str),
        input: &[u8],
    ) -> Run {
        let file = self.dir.path().join(format!("input-{worker}"));
        std::fs::write(&file, input).unwrap();
        let mut command = Command::new(&self.binary);
        command.env_clear();
        if let Some(root) = std::env::var_os("SYSTEMROOT") {
            command.env("SYSTEMROOT", root);
        }
        // One thread: two of these run at once already.
        command
            .env("HOME", self.dir.path())
            .env("GOMAXPROCS", "1")
            .current_dir(self.dir.path());
        command
            .arg("--config")
            .arg(config)
            .args(["encrypt", "--filename-override"])
            .arg(name);
        command
            .args(["--input-type", types.0, "--output-type", types.1])
            .arg(&file);
        let output = command.stdin(Stdio::null()).output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// How often the counts of the default run are taken: `SOPSGUARD_DIFFERENTIAL`, else 1.
pub fn factor() -> usize {
    std::env::var("SOPSGUARD_DIFFERENTIAL")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1)
        .max(1)
}

/// Does `work` for 0..count on two threads and collects what it returns.
pub fn on_two<T: Send>(count: usize, work: impl Fn(usize, usize) -> T + Sync) -> Vec<T> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (work, next) = (&work, &next);
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                scope.spawn(move || {
                    let mut done = Vec::new();
                    loop {
                        let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        if i >= count {
                            return done;
                        }
                        done.push((i, work(worker, i)));
                    }
                })
            })
            .collect();
        let mut all: Vec<(usize, T)> = workers
            .into_iter()
            .flat_map(|w| w.join().unwrap())
            .collect();
        all.sort_by_key(|(i, _)| *i);
        all.into_iter().map(|(_, t)| t).collect()
    })
}

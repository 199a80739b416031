//! The real sops, asked for what a file of HEAD holds; and what it answered, which only memory ever has.
//!
//! Nothing in a repository can name a program: sops comes from the command line or the environment, by an absolute path
//! outside of the repository, and finds there only programs that are outside of it, too. It is handed a copy of the file
//! with ciphertexts and keys and nothing else (`sops::sealed`), through a pipe; it runs in no directory of the repository,
//! with a config that is empty, and without the variables that would change what it does. Of its standard error, which can
//! hold plaintext, only the kind of failure is kept. Follows `docs/history.md`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use crate::exec::{self, Call, Program};
pub use crate::exec::{NoAnswer, Piped};
pub use crate::sops::sealed::Allowed;
use crate::sops::sealed::Sealed;

/// A decrypted value. It has no printed form, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain(Zeroizing<Vec<u8>>);

impl Plain {
    /// Takes what was read in another way.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The value.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Where sops is looked for, and what it may be told of the environment.
pub struct Machine {
    /// The entries of `PATH`.
    pub search: Vec<PathBuf>,
    /// All variables.
    pub variables: Vec<(OsString, OsString)>,
    /// Where the user stands: what their variables name may be relative to it.
    pub dir: PathBuf,
}

/// Why there is no sops.
#[derive(Debug, thiserror::Error)]
pub enum NoSops {
    /// None is found.
    #[error(
        "this needs sops, and there is none in PATH; name it with --sops-command or SOPSGUARD_SOPS"
    )]
    NotFound,
    /// The named one cannot be used.
    #[error(
        "{0} is not used as sops: it must be a program outside of the repository that is scanned"
    )]
    Refused(String),
}

/// sops.
pub struct Sops {
    program: Program,
    env: Vec<(OsString, OsString)>,
    encrypting: Encrypting,
    dir: PathBuf,
    allowed: Allowed,
    limit: Duration,
}

/// Why a file was not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// None of its keys is at hand.
    NoKey,
    /// A plugin of age would be needed.
    Plugin,
    /// A value does not fit the key.
    Tampered,
    /// sops took too long.
    TimedOut,
    /// sops could not be started.
    CannotStart,
    /// What sops wrote makes no sense.
    Answer,
    /// sops failed otherwise.
    Failed,
}

impl Why {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoKey => "none of them opens it",
            Self::Plugin => "a plugin of age is needed, which --allow-plugins lets sops run",
            Self::Tampered => "a value in it was not made with its data key",
            Self::TimedOut => "sops took too long and was ended",
            Self::CannotStart => "sops could not be started",
            Self::Answer => "what sops wrote could not be read",
            Self::Failed => "sops failed",
        }
    }
}

/// Variables of sops that stay: where the user's own keys are, and what makes it stricter.
const KEPT: [&str; 7] = [
    "SOPS_AGE_KEY",
    "SOPS_AGE_KEY_FILE",
    "SOPS_AGE_KEY_CMD",
    "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
    "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
    "SOPS_GPG_EXEC",
    "SOPS_HC_VAULT_ALLOWLIST",
];

impl Sops {
    /// Finds it: `command`, else `SOPSGUARD_SOPS`, else `sops` in `PATH`.
    pub fn find(
        command: Option<&Path>,
        machine: &Machine,
        repositories: &[&Path],
        allowed: Allowed,
        limit: Duration,
    ) -> Result<Self, NoSops> {
        let variable = |name: &str| {
            let of = machine.variables.iter().find(|(n, _)| n == name);
            of.map(|(_, value)| Path::new(value))
                .filter(|v| !v.as_os_str().is_empty())
        };
        let program = match command.or_else(|| variable("SOPSGUARD_SOPS")) {
            None => Program::find("sops", &machine.search, repositories).ok_or(NoSops::NotFound)?,
            Some(named) => {
                let bare =
                    named.components().count() == 1 && named.file_name() == Some(named.as_os_str());
                let found = match (bare, named.to_str()) {
                    (true, Some(name)) => Program::find(name, &machine.search, repositories),
                    _ => Program::at(&machine.dir.join(named), repositories),
                };
                found.ok_or_else(|| NoSops::Refused(named.display().to_string()))?
            }
        };
        // No directory of a repository, and one without a config above it.
        let dir = match cfg!(unix) {
            true => PathBuf::from("/"),
            false => program.path().parent().unwrap_or(Path::new("")).to_owned(),
        };
        let env = environment(machine, repositories, allowed.plugins);
        Ok(Self {
            encrypting: Encrypting::of(&env),
            env,
            program,
            dir,
            allowed,
            limit,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.program.path()
    }

    /// The keys that it may ask.
    pub fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// Decrypts; an answer for each leaf, `None` for what has no text.
    pub fn open(&self, sealed: &Sealed) -> Result<Vec<Option<Plain>>, Why> {
        let ty = match sealed.opaque {
            true => "binary",
            false => "json",
        };
        let (config, from) = match cfg!(unix) {
            true => ("/dev/null", "/dev/stdin"),
            false => ("NUL", ""),
        };
        // The oldest spelling, which all versions know; only 3.10 and later read standard input without a name for it.
        let flags = ["--input-type", ty, "--output-type", ty];
        let mut args = vec!["--config", config];
        match cfg!(unix) {
            true => args.extend(["--decrypt", "--ignore-mac"]),
            false => args.extend(["decrypt", "--ignore-mac"]),
        }
        args.extend(flags);
        if !from.is_empty() {
            args.push(from);
        }
        let call = Call {
            args: &args,
            env: &self.env,
            dir: &self.dir,
            input: &sealed.text,
            most: sealed.most(),
            limit: self.limit,
            stop: None,
        };
        let answer = self.program.pipe(&call).map_err(|e| match e {
            NoAnswer::CannotStart => Why::CannotStart,
            NoAnswer::TimedOut | NoAnswer::Stopped => Why::TimedOut,
            NoAnswer::TooMuch => Why::Answer,
        })?;
        match answer.code {
            Some(0) => {}
            code => return Err(failure(code, &answer.err)),
        }
        if sealed.opaque {
            return Ok(vec![Some(Plain(answer.out))]);
        }
        let mut parsed = Wiped(serde_json::from_slice(&answer.out).map_err(|_| Why::Answer)?);
        let take = |leaf: usize| match sealed.take(leaf, &mut parsed.0)? {
            Value::String(text) => plain(text),
            Value::Number(number) => plain(number.to_string()),
            Value::Bool(flag) => plain(flag.to_string()),
            _ => None,
        };
        Ok((0..sealed.leaf_count()).map(take).collect())
    }
}

/// What a call of sops is for, and so what it is told of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To encrypt to public keys: nothing of the user's is needed.
    Encrypt,
    /// To encrypt to a key service that was allowed: the user's credentials for it are needed.
    EncryptByService,
    /// To use the user's own keys.
    OpenKeys,
}

/// The environment of a call that encrypts.
struct Encrypting {
    plain: Vec<(OsString, OsString)>,
    with_services: Vec<(OsString, OsString)>,
}

/// What gpg and the system need. Nothing that names a recipient.
const NEEDED: [&str; 12] = [
    "HOME",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "SYSTEMROOT",
    "TMPDIR",
    "TEMP",
    "TMP",
    "GNUPGHOME",
    "SOPS_GPG_EXEC",
    "SOPS_DISABLE_VERSION_CHECK",
    "PATH",
];

/// What the libraries of key services read, by the beginning of its name.
const OF_SERVICES: [&str; 10] = [
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "GCLOUD_",
    "GCE_",
    "CLOUDSDK_",
    "VAULT_",
    "HUAWEICLOUD_",
    "SSL_CERT_",
    "SOPS_HC_VAULT_ALLOWLIST",
];

impl Encrypting {
    fn of(env: &[(OsString, OsString)]) -> Self {
        let name = |name: &OsString| name.to_string_lossy().to_ascii_uppercase();
        let needed = |known: &str| NEEDED.contains(&known);
        let of_service = |known: &str| {
            OF_SERVICES.iter().any(|start| known.starts_with(start)) || known.ends_with("_PROXY")
        };
        let keep = |services: bool| {
            let kept = env.iter().filter(|(n, _)| {
                let n = name(n);
                needed(&n) || (services && of_service(&n))
            });
            kept.cloned().collect()
        };
        Self {
            plain: keep(false),
            with_services: keep(true),
        }
    }
}

/// A call of sops by those who encrypt.
pub struct Asked<'a> {
    /// Its arguments.
    pub args: &'a [&'a str],
    /// What it reads.
    pub input: &'a [u8],
    /// Most bytes that it may write.
    pub most: usize,
    /// What for.
    pub purpose: Purpose,
    /// Set when nobody waits for the answer any more.
    pub stop: &'a AtomicBool,
}

impl Sops {
    /// Calls it in no directory of a repository. The answer may hold plaintext, its standard error above all.
    pub fn ask(&self, asked: &Asked<'_>) -> Result<Piped, NoAnswer> {
        let env = match asked.purpose {
            Purpose::Encrypt => &self.encrypting.plain,
            Purpose::EncryptByService => &self.encrypting.with_services,
            Purpose::OpenKeys => &self.env,
        };
        self.program.pipe(&Call {
            args: asked.args,
            env,
            dir: &self.dir,
            input: asked.input,
            most: asked.most,
            limit: self.limit,
            stop: Some(asked.stop),
        })
    }
}

/// A text of sops; `None` if bytes of it were no text and are lost.
fn plain(text: String) -> Option<Plain> {
    let plain = Plain(Zeroizing::new(text.into_bytes()));
    let replaced = memchr::memmem::find(plain.bytes(), "\u{fffd}".as_bytes());
    replaced.is_none().then_some(plain)
}

/// An answer of which not everything was taken.
struct Wiped(Value);

impl Drop for Wiped {
    fn drop(&mut self) {
        let mut open = vec![self.0.take()];
        while let Some(value) = open.pop() {
            match value {
                Value::String(mut text) => text.zeroize(),
                Value::Array(items) => open.extend(items),
                Value::Object(map) => open.extend(map.into_iter().map(|(_, value)| value)),
                _ => {}
            }
        }
    }
}

/// The kind of failure (`cmd/sops/codes` in sops).
fn failure(code: Option<i32>, err: &[u8]) -> Why {
    let says = |text: &str| memchr::memmem::find(err, text.as_bytes()).is_some();
    match code {
        Some(128) if says("age-plugin-") => Why::Plugin,
        Some(128) => Why::NoKey,
        Some(24 | 25 | 51 | 52) => Why::Tampered,
        _ => Why::Failed,
    }
}

/// What sops is told of the environment.
fn environment(
    machine: &Machine,
    repositories: &[&Path],
    plugins: bool,
) -> Vec<(OsString, OsString)> {
    let within = |path: &Path| exec::is_within(path, repositories);
    let absolute = |value: &OsStr| machine.dir.join(value).into_os_string();
    let mut out: Vec<(OsString, OsString)> = Vec::new();
    for (name, value) in &machine.variables {
        let Some(known) = name.to_str() else { continue };
        let of_sops = known.starts_with("SOPS_") || known.starts_with("SOPSGUARD_");
        if (of_sops && !KEPT.contains(&known)) || value.is_empty() {
            continue;
        }
        let value = match known {
            "PATH" | "PWD" | "OLDPWD" => continue,
            // They are read as data, wherever they are.
            "SOPS_AGE_KEY_FILE" | "SOPS_AGE_SSH_PRIVATE_KEY_FILE" => absolute(value),
            // It holds settings that name programs.
            "GNUPGHOME" => match absolute(value) {
                home if within(Path::new(&home)) => continue,
                home => home,
            },
            "SOPS_GPG_EXEC" => {
                let several = Path::new(value).components().count() > 1;
                let path = if several {
                    absolute(value)
                } else {
                    value.clone()
                };
                if several && within(Path::new(&path)) {
                    continue;
                }
                path
            }
            "SOPS_AGE_KEY_CMD" | "SOPS_AGE_SSH_PRIVATE_KEY_CMD" => {
                let words = value.to_string_lossy();
                let mut words = words.split(|c: char| c.is_whitespace() || c == '"' || c == '\'');
                if words.any(|w| Path::new(w).is_absolute() && within(Path::new(w))) {
                    continue;
                }
                value.clone()
            }
            _ => value.clone(),
        };
        out.push((name.clone(), value));
    }
    // age runs the plugin of any identity that the user has, whoever the file is for.
    let without = (!plugins).then_some("age-plugin-");
    let search = exec::search_without(&machine.search, repositories, without);
    if !out.iter().any(|(name, _)| name == "SOPS_GPG_EXEC")
        && let Some(gpg) = Program::find("gpg", &machine.search, repositories)
    {
        out.push(("SOPS_GPG_EXEC".into(), gpg.path().into()));
    }
    if let Ok(path) = std::env::join_paths(search) {
        out.push(("PATH".into(), path));
    }
    out.push(("SOPS_DISABLE_VERSION_CHECK".into(), "1".into()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_sops_is_taken_away() {
        let top = tempfile::tempdir().unwrap();
        let repository = std::fs::canonicalize(top.path()).unwrap();
        let inside = repository.join("bin");
        std::fs::create_dir(&inside).unwrap();
        let tool = inside.join("tool").display().to_string();
        let variables = [
            ("SOPS_AGE_KEY_FILE", "keys.txt"),
            ("SOPS_AGE_KEY", "k"),
            ("SOPS_KEYSERVICE", "tcp://x"),
            ("SOPS_CONFIG", "c"),
            ("SOPS_DECRYPTION_ORDER", "pgp"),
            ("SOPSGUARD_SOPS", "x"),
            ("SOPS_AGE_KEY_CMD", &format!("{tool} a")),
            ("SOPS_GPG_EXEC", &tool),
            ("GNUPGHOME", "bin"),
            ("PATH", "/somewhere"),
            ("HOME", "/home/user"),
        ];
        let machine = Machine {
            search: vec![inside, PathBuf::from("relative")],
            variables: (variables.iter())
                .map(|(n, v)| (OsString::from(n), OsString::from(v)))
                .collect(),
            dir: repository.clone(),
        };
        let env = environment(&machine, &[&repository], false);
        let names: Vec<&str> = env.iter().map(|(n, _)| n.to_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "SOPS_AGE_KEY_FILE",
                "SOPS_AGE_KEY",
                "HOME",
                "PATH",
                "SOPS_DISABLE_VERSION_CHECK"
            ]
        );
        assert_eq!(env[0].1, repository.join("keys.txt").into_os_string());
        assert_eq!(env[3].1, OsString::new());
    }

    #[test]
    fn who_encrypts_is_told_little() {
        let all = [
            "HOME",
            "AWS_PROFILE",
            "SOPS_AGE_KEY",
            "VAULT_TOKEN",
            "https_proxy",
            "EDITOR",
            "PATH",
        ];
        let all: Vec<_> = all.iter().map(|n| (n.into(), "x".into())).collect();
        let of = Encrypting::of(&all);
        let names = |env: &[(OsString, OsString)]| -> Vec<String> {
            env.iter()
                .map(|(n, _)| n.to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(names(&of.plain), ["HOME", "PATH"]);
        assert_eq!(
            names(&of.with_services),
            ["HOME", "AWS_PROFILE", "VAULT_TOKEN", "https_proxy", "PATH"]
        );
    }

    #[test]
    fn failures_are_told_by_kind() {
        assert_eq!(failure(Some(128), b"x"), Why::NoKey);
        assert_eq!(failure(Some(128), b"no age-plugin-x"), Why::Plugin);
        assert_eq!(failure(Some(25), b""), Why::Tampered);
        assert_eq!(failure(None, b""), Why::Failed);
    }
}

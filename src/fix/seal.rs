//! Asks sops to encrypt: plaintext in through a pipe, ciphertext out through another, in no directory of the repository.
//!
//! sops reads a config that was written anew for this one rule, is told the formats, and is not told the name of the file:
//! a name could only change what was decided already. What it says on standard error can hold plaintext; of that only the
//! kind of failure is kept. `docs/sops-behaviour.md` has the exit codes.

use std::path::Path;

use zeroize::Zeroizing;

use super::private::Private;
use super::stop::Stop;
use super::{Flaw, Step, tree};
use crate::decrypt::{Asked, NoAnswer, Purpose, Sops};
use crate::sops::recipients::KeyType;
use crate::sops::written;
use crate::syntax::Format;

/// A version of sops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

/// The oldest that reads standard input.
pub const OLDEST: Version = Version(3, 10, 0);

/// The one whose files with comments in lists it cannot decrypt itself.
pub const FORGETS_COMMENTS: Version = Version(3, 13, 2);

/// Why a file could not be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// sops could not be started.
    CannotStart,
    /// It took too long.
    TimedOut,
    /// The user stopped it.
    Stopped,
    /// It wrote more than could be.
    TooMuch,
    /// The private directory could not be written.
    NoPrivate,
    /// A recipient could not be handed on.
    Recipient,
    /// A key service did not answer, or not as it should.
    Service,
    /// A public key of PGP is not in the keyring.
    PgpKey,
    /// A plugin failed.
    Plugin,
    /// None of the user's keys opens it.
    NoKey,
    /// It took the file for one that is encrypted already.
    Encrypted,
    /// It could not read the file.
    Unreadable,
    /// It failed otherwise.
    Other,
    /// A signal ended it.
    Killed,
    /// A value in it was not made with its data key.
    Tampered,
    /// Its metadata holds what is not understood.
    Metadata,
    /// Its present keys are of services or plugins that were not allowed.
    NotAllowed,
    /// What it wrote is not what was asked for.
    Flaw(Flaw),
}

impl From<Flaw> for Failed {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

impl From<NoAnswer> for Failed {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::CannotStart => Self::CannotStart,
            NoAnswer::TimedOut => Self::TimedOut,
            NoAnswer::TooMuch => Self::TooMuch,
            NoAnswer::Stopped => Self::Stopped,
        }
    }
}

impl Failed {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CannotStart => "sops could not be started",
            Self::TimedOut => "sops took too long and was ended",
            Self::Stopped => "it was not begun or not finished when this was stopped",
            Self::TooMuch => "sops wrote more than the encrypted file can have",
            Self::NoPrivate => "no private directory could be made for what sops is to be told",
            Self::Recipient => "a recipient of its rule is not understood",
            Self::Service => "a key service could not be asked, or refused",
            Self::PgpKey => "a public key of PGP that its rule names is not in your keyring",
            Self::Plugin => "a plugin of age failed",
            Self::NoKey => "none of your keys opens it",
            Self::Encrypted => "sops takes it for a file that is encrypted already",
            Self::Unreadable => "sops cannot read it in the format of its name",
            Self::Other => "sops failed; what it said may hold values and is not shown",
            Self::Killed => "sops was ended by a signal",
            Self::Tampered => "a value in it was not made with its data key",
            Self::Metadata => {
                "its metadata holds what is not understood, and is not handed to sops"
            }
            Self::NotAllowed => {
                "its present keys are of services or plugins that were not allowed (--allow-key-service, --allow-plugins)"
            }
            Self::Flaw(flaw) => flaw.as_str(),
        }
    }
}

/// What asks sops.
pub struct Sealer<'s> {
    sops: &'s Sops,
    private: Private,
    stop: &'s Stop,
}

impl<'s> Sealer<'s> {
    /// Makes the private directory below `temporary`.
    pub fn new(sops: &'s Sops, temporary: &Path, stop: &'s Stop) -> Result<Self, Failed> {
        let private = Private::new(temporary).map_err(|_| Failed::NoPrivate)?;
        Ok(Self {
            sops,
            private,
            stop,
        })
    }

    /// The version of sops.
    pub fn version(&self) -> Result<Option<Version>, Failed> {
        let asked = Asked {
            args: &["--disable-version-check", "--version"],
            input: b"",
            most: 65_536,
            purpose: Purpose::Encrypt,
            stop: self.stop.flag(),
        };
        let answer = self.sops.ask(&asked)?;
        let text = String::from_utf8_lossy(&answer.out).into_owned();
        if let Some(version) = read_version(&text) {
            return Ok(Some(version));
        }
        // Old ones do not know the option.
        let asked = Asked {
            args: &["--version"],
            ..asked
        };
        let answer = self.sops.ask(&asked)?;
        Ok(read_version(&String::from_utf8_lossy(&answer.out)))
    }

    /// The encrypted form of a file, which is compared with it before it is given away.
    pub fn encrypt(&self, step: &Step, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let answer = self.ask(step, bytes)?;
        tree::check(bytes, &answer, step.format, &step.rule)?;
        Ok(answer)
    }

    fn ask(&self, step: &Step, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let config = self.config(step)?;
        let ty = step.format.as_str();
        let args = [
            "--config",
            &config,
            "encrypt",
            "--input-type",
            ty,
            "--output-type",
            ty,
            "--filename-override",
            neutral_name(step.format),
        ];
        let answer = self.sops.ask(&Asked {
            args: &args,
            input: bytes,
            most: self.most(step),
            purpose: match step.hosts().is_empty() {
                true => Purpose::Encrypt,
                false => Purpose::EncryptByService,
            },
            stop: self.stop.flag(),
        })?;
        match answer.code {
            Some(0) => Ok(answer.out),
            code => Err(failure(code, &answer.err, step)),
        }
    }

    /// The config for a rule, in a file; its path.
    pub(super) fn config(&self, step: &Step) -> Result<String, Failed> {
        let text = written::config(&step.rule, &step.stores).ok_or(Failed::Recipient)?;
        self.keep("sops.yaml", &text)
    }

    /// Writes into the private directory.
    pub(super) fn keep(&self, name: &str, bytes: &[u8]) -> Result<String, Failed> {
        let path = self.private.write(name, bytes);
        let path = path.map_err(|_| Failed::NoPrivate)?;
        path.to_str().map(str::to_owned).ok_or(Failed::NoPrivate)
    }

    pub(super) fn sops(&self) -> &Sops {
        self.sops
    }

    pub(super) fn stop(&self) -> &Stop {
        self.stop
    }

    fn most(&self, step: &Step) -> usize {
        let keys: usize = step.groups.iter().map(Vec::len).sum();
        step.survey.most + (keys * 8_192 + 8_192) * step.survey.documents.max(1)
    }
}

/// A name that tells the format and nothing else.
pub(super) fn neutral_name(format: Format) -> &'static str {
    match format {
        Format::Yaml => "file.yaml",
        Format::Json => "file.json",
        Format::Dotenv => "file.env",
        Format::Ini => "file.ini",
        Format::Binary => "file",
    }
}

fn read_version(text: &str) -> Option<Version> {
    let rest = text.lines().find_map(|line| line.strip_prefix("sops "))?;
    let word = rest.split_whitespace().next()?.trim_start_matches('v');
    let mut numbers = word.split(['.', '-', '+']).map(|n| n.parse().ok());
    Some(Version(
        numbers.next()??,
        numbers.next()??,
        numbers.next().flatten().unwrap_or(0),
    ))
}

/// The kind of failure.
pub(super) fn failure(code: Option<i32>, err: &[u8], step: &Step) -> Failed {
    let says = |text: &str| memchr::memmem::find(err, text.as_bytes()).is_some();
    let has = |kind: KeyType| step.rule.groups.iter().flatten().any(|k| k.kind == kind);
    match code {
        None => Failed::Killed,
        Some(203) => Failed::Encrypted,
        Some(2 | 92) => Failed::Unreadable,
        Some(128) => Failed::NoKey,
        _ if says("age-plugin-") => Failed::Plugin,
        _ if !step.hosts().is_empty() => Failed::Service,
        _ if has(KeyType::Pgp) && (says("gpg") || says("PGP") || says("pgp")) => Failed::PgpKey,
        _ => Failed::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_in_all_forms() {
        assert_eq!(
            read_version("sops 3.13.3 (latest)\n"),
            Some(Version(3, 13, 3))
        );
        assert_eq!(read_version("sops 3.9.0-rc.1\n"), Some(Version(3, 9, 0)));
        assert_eq!(read_version("x\nsops v3.10.2\n"), Some(Version(3, 10, 2)));
        assert_eq!(read_version("something else 1.2.3"), None);
        assert!(Version(3, 9, 4) < OLDEST && OLDEST < FORGETS_COMMENTS);
    }
}

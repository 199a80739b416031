//! Puts verified bytes in the place of a file: beside it, with its mode, on disk before they take its name.
//!
//! Refused is what a rename would not do justice to: links of both kinds, files that may not be written, files of others,
//! and what changed since it was read. What is written beside the file is ciphertext; it goes if anything fails.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::private::nonce;
use crate::git;

/// Why a file is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It, or a directory on the way to it, is a symbolic link.
    Symlink,
    /// It is no regular file, or gone.
    NotAFile,
    /// It has further names.
    HardLink,
    /// It may not be written.
    ReadOnly,
    /// It belongs to somebody else.
    Foreign,
    /// It is not what was judged any more.
    Changed,
    /// It was replaced, and is something else again.
    ChangedAfter,
    /// The system refused.
    Io(io::ErrorKind),
    /// There is no room.
    NoRoom,
}

impl Left {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Symlink => "it is reached through a symbolic link, which is not followed",
            Self::NotAFile => "it is no regular file any more",
            Self::HardLink => {
                "it has further hard links, which would go on holding the plaintext; break them first"
            }
            Self::ReadOnly => "it is read-only",
            Self::Foreign => "it belongs to another user or group",
            Self::Changed => "it was changed meanwhile; run `sopsguard fix` again",
            Self::ChangedAfter => {
                "it was encrypted, and somebody else changed it since: look at it"
            }
            Self::NoRoom => {
                "there is no room for the encrypted file (disk, quota or file size limit)"
            }
            Self::Io(io::ErrorKind::PermissionDenied) => "its directory may not be written",
            Self::Io(_) => "the system refused to write the encrypted file",
        }
    }
}

impl From<io::Error> for Left {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::NoRoom,
            kind => Self::Io(kind),
        }
    }
}

/// A file that may be replaced.
pub struct Target {
    path: PathBuf,
    known: Metadata,
}

impl Target {
    /// Looks at a file of the repository at `root`, and asks whether it may be replaced.
    pub fn look(root: &Path, path: &[u8]) -> Result<Self, Left> {
        for (at, _) in path.iter().enumerate().filter(|(_, b)| **b == b'/') {
            let dir = git::disk_path(root, &path[..at]).ok_or(Left::NotAFile)?;
            match dir.symlink_metadata() {
                Ok(meta) if meta.is_dir() => {}
                Ok(_) => return Err(Left::Symlink),
                Err(_) => return Err(Left::NotAFile),
            }
        }
        let path = git::disk_path(root, path).ok_or(Left::NotAFile)?;
        let known = path.symlink_metadata().map_err(|_| Left::NotAFile)?;
        if known.file_type().is_symlink() {
            return Err(Left::Symlink);
        }
        if !known.is_file() {
            return Err(Left::NotAFile);
        }
        if known.permissions().readonly() {
            return Err(Left::ReadOnly);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            if known.nlink() > 1 {
                return Err(Left::HardLink);
            }
            if known.uid() != rustix::process::geteuid().as_raw() {
                return Err(Left::Foreign);
            }
        }
        Ok(Self { path, known })
    }

    /// Whether the file still is the one that was looked at, and holds these bytes.
    fn is_still(&self, before: &[u8]) -> Result<bool, Left> {
        let file = File::open(&self.path)?;
        let meta = file.metadata()?;
        let now = self.path.symlink_metadata()?;
        if !(same(&meta, &self.known) && same(&now, &self.known)) {
            return Ok(false);
        }
        if meta.len() != before.len() as u64 {
            return Ok(false);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(before.len() + 1));
        let most = before.len() as u64 + 1;
        file.take(most).read_to_end(&mut bytes)?;
        Ok(*bytes == before)
    }

    /// Replaces it: `before` is what was judged, `after` what it becomes. `keep_on` is asked last.
    pub fn replace(
        &self,
        before: &[u8],
        after: &[u8],
        keep_on: &dyn Fn() -> bool,
    ) -> Result<(), Left> {
        if !self.is_still(before)? {
            return Err(Left::Changed);
        }
        let dir = self.path.parent().ok_or(Left::NotAFile)?;
        let mut beside = Beside::new(dir)?;
        beside.fill(after, &self.known)?;
        if !keep_on() {
            return Err(Left::Io(io::ErrorKind::Interrupted));
        }
        // Once more, as late as can be.
        if !self.is_still(before)? {
            return Err(Left::Changed);
        }
        std::fs::rename(&beside.path, &self.path)?;
        beside.gone = true;
        // The name is only safe when the directory is. Where the system cannot do that, the rename stands nevertheless.
        #[cfg(unix)]
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
        match std::fs::read(&self.path) {
            Ok(now) if now == after => Ok(()),
            _ => Err(Left::ChangedAfter),
        }
    }
}

fn same(one: &Metadata, other: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let of = |m: &Metadata| (m.dev(), m.ino(), m.mode(), m.nlink(), m.uid(), m.gid());
        of(one) == of(other)
    }
    #[cfg(not(unix))]
    {
        one.len() == other.len() && one.modified().ok() == other.modified().ok()
    }
}

/// A new file that nobody else can open yet.
pub(super) fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The file beside the target.
struct Beside {
    path: PathBuf,
    file: File,
    gone: bool,
}

impl Beside {
    fn new(dir: &Path) -> Result<Self, Left> {
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..16 {
            let path = dir.join(format!(".sopsguard-{}.tmp", nonce()));
            match new_file(&path) {
                Ok(file) => {
                    return Ok(Self {
                        path,
                        file,
                        gone: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.into())
    }

    fn fill(&mut self, bytes: &[u8], like: &Metadata) -> Result<(), Left> {
        self.file.write_all(bytes)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let own = self.file.metadata()?;
            if own.gid() != like.gid() {
                std::os::unix::fs::fchown(&self.file, None, Some(like.gid()))
                    .map_err(|_| Left::Foreign)?;
            }
        }
        self.file.set_permissions(like.permissions())?;
        self.file.sync_all()?;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.gone {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(all(test, unix))]
#[allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn it_takes_the_name_and_the_mode() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("a");
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o750)).unwrap();
        let target = Target::look(top.path(), b"a").unwrap();
        assert_eq!(target.replace(b"old", b"new", &|| true), Ok(()));
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o750);
        assert_eq!(names(top.path()), ["a"]);
    }

    #[test]
    fn what_is_another_file_by_now_stays() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("a");
        std::fs::write(&file, "old").unwrap();
        let target = Target::look(top.path(), b"a").unwrap();
        assert_eq!(
            target.replace(b"older", b"new", &|| true),
            Err(Left::Changed)
        );
        let other = top.path().join("b");
        std::fs::write(&other, "old").unwrap();
        std::fs::rename(&other, &file).unwrap();
        assert_eq!(target.replace(b"old", b"new", &|| true), Err(Left::Changed));
        let target = Target::look(top.path(), b"a").unwrap();
        assert!(target.replace(b"old", b"new", &|| false).is_err());
        assert_eq!(std::fs::read(&file).unwrap(), b"old");
        assert_eq!(names(top.path()), ["a"]);
    }

    #[test]
    fn links_and_locked_files_stay() {
        let top = tempfile::tempdir().unwrap();
        let at = |name: &str| top.path().join(name);
        std::fs::create_dir(at("dir")).unwrap();
        std::fs::write(at("dir/a"), "x").unwrap();
        std::os::unix::fs::symlink("dir", at("link")).unwrap();
        std::os::unix::fs::symlink("dir/a", at("to")).unwrap();
        let why = |path: &[u8]| Target::look(top.path(), path).err();
        assert_eq!(why(b"link/a"), Some(Left::Symlink));
        assert_eq!(why(b"to"), Some(Left::Symlink));
        assert_eq!(why(b"dir"), Some(Left::NotAFile));
        assert_eq!(why(b"none"), Some(Left::NotAFile));
        std::fs::hard_link(at("dir/a"), at("hard")).unwrap();
        assert_eq!(why(b"dir/a"), Some(Left::HardLink));
        std::fs::remove_file(at("hard")).unwrap();
        std::fs::set_permissions(at("dir/a"), std::fs::Permissions::from_mode(0o444)).unwrap();
        assert_eq!(why(b"dir/a"), Some(Left::ReadOnly));
    }
}

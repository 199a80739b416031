//! Files on disk: what they are and what is in them.
//!
//! Only what `lstat` calls a regular file is opened, and what was opened is compared with what was listed, so that a file
//! that turned into something else in between is not read. Parents are checked where a path does not come from a walk.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::ReadError;
use crate::git::{self, Stamp};

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiskKind {
    File,
    Link,
    Dir,
    /// A pipe, a socket, a device.
    Other,
    /// Something is there, but the system does not let us look.
    Hidden,
}

/// What `lstat` says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stat {
    pub(super) kind: DiskKind,
    pub(super) stamp: Stamp,
    pub(super) identity: Identity,
}

/// Device and inode, where the system has them.
pub(super) type Identity = (u64, u64);

impl Stat {
    pub(super) fn new(metadata: &Metadata) -> Self {
        let kind = match metadata.file_type() {
            t if t.is_file() => DiskKind::File,
            t if t.is_symlink() => DiskKind::Link,
            t if t.is_dir() => DiskKind::Dir,
            _ => DiskKind::Other,
        };
        Self {
            kind,
            stamp: stamp(metadata),
            identity: identity(metadata),
        }
    }

    /// For what could not be looked at.
    pub(super) fn hidden() -> Self {
        Self {
            kind: DiskKind::Hidden,
            stamp: Stamp::default(),
            identity: (0, 0),
        }
    }
}

#[cfg(unix)]
fn stamp(metadata: &Metadata) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    Stamp {
        size: metadata.len(),
        mtime: (metadata.mtime(), metadata.mtime_nsec() as u32),
        ctime: (metadata.ctime(), metadata.ctime_nsec() as u32),
    }
}

#[cfg(not(unix))]
fn stamp(metadata: &Metadata) -> Stamp {
    let since = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let mtime = since.map_or((0, 0), |since| {
        (since.as_secs() as i64, since.subsec_nanos())
    });
    Stamp {
        size: metadata.len(),
        mtime,
        ctime: (0, 0),
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    (0, 0)
}

/// `lstat` of a path of the repository whose parents are real directories; `None` when nothing is there.
pub(super) fn look(root: &Path, path: &[u8]) -> Option<Stat> {
    let plain =
        |part: &[u8]| !matches!(part, b"" | b"." | b"..") && !part.eq_ignore_ascii_case(b".git");
    if !path.split(|b| *b == b'/').all(plain) {
        return None;
    }
    for (at, _) in path.iter().enumerate().filter(|(_, b)| **b == b'/') {
        match git::disk_path(root, &path[..at])?.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return None,
            Err(error) => return refused(&error),
        }
    }
    match git::disk_path(root, path)?.symlink_metadata() {
        Ok(metadata) => Some(Stat::new(&metadata)),
        Err(error) => refused(&error),
    }
}

fn refused(error: &std::io::Error) -> Option<Stat> {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => None,
        _ => Some(Stat::hidden()),
    }
}

/// Opens the regular file that was listed as `known`; also gives its size now.
pub(super) fn open(path: &Path, known: Identity) -> Result<(File, u64), ReadError> {
    if cfg!(not(unix)) || known == (0, 0) {
        check(path)?;
    }
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(ReadError::Missing);
    }
    let opened = identity(&metadata);
    if opened != known && check(path)? != opened {
        return Err(ReadError::Missing);
    }
    Ok((file, metadata.len()))
}

fn check(path: &Path) -> Result<Identity, ReadError> {
    let metadata = path.symlink_metadata().map_err(failed)?;
    if metadata.is_file() {
        Ok(identity(&metadata))
    } else {
        Err(ReadError::Missing)
    }
}

/// The bytes of a regular file.
pub(super) fn read(path: &Path, known: Identity, limit: u64) -> Result<Vec<u8>, ReadError> {
    let (file, size) = open(path, known)?;
    if size > limit {
        return Err(ReadError::TooLarge(size));
    }
    let mut bytes = Vec::new();
    let room = usize::try_from(size).map_err(|_| ReadError::TooLarge(size))?;
    bytes
        .try_reserve_exact(room)
        .map_err(|_| ReadError::TooLarge(size))?;
    file.take(size).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The target of a symbolic link.
pub(super) fn read_link(path: &Path) -> Result<Vec<u8>, ReadError> {
    match std::fs::read_link(path) {
        Ok(target) => git::name_bytes(target.as_os_str())
            .map(|b| b.into_owned())
            .ok_or(ReadError::Missing),
        Err(error) if error.kind() == ErrorKind::InvalidInput => Err(ReadError::Missing),
        Err(error) => Err(failed(error)),
    }
}

pub(super) fn failed(error: std::io::Error) -> ReadError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => ReadError::Missing,
        kind => ReadError::Io(kind),
    }
}

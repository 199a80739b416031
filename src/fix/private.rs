//! A directory that only the user can enter, for what sops has to be told by a file: a config written anew, a copy that is
//! encrypted already. Never plaintext. It goes when it is dropped.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The directory.
pub struct Private {
    path: PathBuf,
}

impl Private {
    /// Makes one below `parent`.
    pub fn new(parent: &Path) -> io::Result<Self> {
        let parent = std::fs::canonicalize(parent)?;
        for _ in 0..16 {
            let path = parent.join(format!("sopsguard-{}", nonce()));
            let mut builder = std::fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file in it, over one of that name that is ours.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        let _ = std::fs::remove_file(&path);
        let mut file = super::replace::new_file(&path)?;
        file.write_all(bytes)?;
        Ok(path)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A name that nobody can have prepared.
pub(super) fn nonce() -> String {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_and_goes() {
        let top = tempfile::tempdir().unwrap();
        let private = Private::new(top.path()).unwrap();
        let file = private.write("a", b"x").unwrap();
        private.write("a", b"y").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"y");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(private.path()), mode(&file)), (0o700, 0o600));
        }
        drop(private);
        assert_eq!(std::fs::read_dir(top.path()).unwrap().count(), 0);
    }
}

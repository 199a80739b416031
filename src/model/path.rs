//! A path as Git knows it.
//!
//! Bytes, separated by `/`, relative to the root of the repository; never absolute, never with `..`. Shown with control,
//! bidirectional and escape characters made visible, because a path is text that a stranger chose.

use std::borrow::Cow;
use std::fmt;

use super::safe::escape_for_terminal;

/// A path relative to the root of a repository.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(Box<[u8]>);

impl RepoPath {
    /// From bytes that Git or a directory walk gave, with `/` as separator.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into().into_boxed_slice())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As text for matching: bad bytes become U+FFFD, as Go treats them.
    pub fn to_text(&self) -> Cow<'_, str> {
        if let Ok(text) = std::str::from_utf8(&self.0) {
            return Cow::Borrowed(text);
        }
        // One replacement for each bad byte: that is what Go's regexp sees, where the standard library merges some.
        let mut out = String::new();
        for chunk in self.0.utf8_chunks() {
            out.push_str(chunk.valid());
            out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        }
        Cow::Owned(out)
    }

    /// Whether the path is valid UTF-8.
    pub fn is_utf8(&self) -> bool {
        std::str::from_utf8(&self.0).is_ok()
    }

    /// Last part of the path.
    pub fn file_name(&self) -> &[u8] {
        match memchr::memrchr(b'/', &self.0) {
            Some(at) => &self.0[at + 1..],
            None => &self.0,
        }
    }

    /// The directory, without a trailing slash; empty at the root.
    pub fn parent(&self) -> &[u8] {
        match memchr::memrchr(b'/', &self.0) {
            Some(at) => &self.0[..at],
            None => b"",
        }
    }

    /// The path of a file called `name` in the same directory.
    pub fn sibling(&self, name: &[u8]) -> Self {
        join(self.parent(), name)
    }

    /// How the path is written from a directory of the repository; may begin with `../`, so it is for commands only.
    pub fn seen_from(&self, dir: &Self) -> Self {
        let mut from = dir
            .0
            .split(|b| *b == b'/')
            .filter(|p| !p.is_empty())
            .peekable();
        let mut to = self.0.split(|b| *b == b'/').peekable();
        while let (Some(a), Some(b)) = (from.peek(), to.peek()) {
            if a != b {
                break;
            }
            from.next();
            to.next();
        }
        let mut out: Vec<&[u8]> = from.map(|_| b"..".as_slice()).collect();
        out.extend(to);
        Self::new(out.join(&b'/'))
    }

    /// `relative` resolved against the directory of this path; `None` when it leaves the repository or is absolute.
    pub fn resolve(&self, relative: &str) -> Option<Self> {
        if relative.starts_with('/') || relative.contains('\0') {
            return None;
        }
        let mut parts: Vec<&[u8]> = self
            .parent()
            .split(|b| *b == b'/')
            .filter(|p| !p.is_empty())
            .collect();
        for part in relative.as_bytes().split(|b| *b == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    parts.pop()?;
                }
                _ => parts.push(part),
            }
        }
        Some(Self::new(parts.join(&b'/')))
    }

    /// The name of a ref, which is shown as a path is; one that spells a key or a password is masked.
    pub fn of_ref(name: &[u8]) -> Self {
        match super::safe::names_secret(&String::from_utf8_lossy(name)) {
            true => Self::new(super::safe::MASK),
            false => Self::new(name),
        }
    }

    /// Whether the path is `dir` itself or lies below it; the empty `dir` holds everything.
    pub fn is_within(&self, dir: &[u8]) -> bool {
        dir.is_empty()
            || self
                .0
                .strip_prefix(dir)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }

    /// The path relative to `dir`, when it lies below it.
    pub fn relative_to(&self, dir: &[u8]) -> Option<&[u8]> {
        if dir.is_empty() {
            return Some(&self.0);
        }
        self.0.strip_prefix(dir)?.strip_prefix(b"/")
    }
}

/// `dir/name`, or `name` at the root.
pub(crate) fn join(dir: &[u8], name: &[u8]) -> RepoPath {
    let mut out = Vec::with_capacity(dir.len() + name.len() + 1);
    out.extend_from_slice(dir);
    if !dir.is_empty() {
        out.push(b'/');
    }
    out.extend_from_slice(name);
    RepoPath::new(out)
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape_for_terminal(&self.to_text()))
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolving_stays_inside_the_repository() {
        let p = RepoPath::new("a/b/kustomization.yaml");
        assert_eq!(p.resolve("x.env"), Some(RepoPath::new("a/b/x.env")));
        assert_eq!(p.resolve("../x.env"), Some(RepoPath::new("a/x.env")));
        assert_eq!(p.resolve("../../x.env"), Some(RepoPath::new("x.env")));
        assert_eq!(p.resolve("../../../x.env"), None);
        assert_eq!(p.resolve("/etc/passwd"), None);
    }

    #[test]
    fn within_means_whole_parts() {
        assert!(RepoPath::new("a/b").is_within(b"a"));
        assert!(!RepoPath::new("ab/b").is_within(b"a"));
        assert_eq!(RepoPath::new("a/b").relative_to(b"a"), Some(&b"b"[..]));
        assert_eq!(RepoPath::new("ab").relative_to(b"a"), None);
    }

    #[test]
    fn hostile_names_are_escaped_when_shown() {
        assert_eq!(
            RepoPath::new("a\n\u{1b}[31m\u{202e}b").to_string(),
            "a\\n\\u{1b}[31m\\u{202e}b"
        );
    }
}

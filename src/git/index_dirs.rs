//! The directories of an index: which entries each holds, worked out from the names alone.

use std::ops::Range;

/// All directories, each in front of those below it.
#[derive(Default)]
pub(super) struct Dirs {
    list: Vec<Dir>,
    /// Places in the list of the directories that are still growing, the top first.
    open: Vec<usize>,
    /// The path of the last directory, without the slash at its end.
    last: Vec<u8>,
    /// All names, one behind the other.
    names: Vec<u8>,
}

struct Dir {
    /// Where its name begins in its path, and where its path ends.
    name: Range<usize>,
    /// Where its name begins among the names.
    at: usize,
    range: Range<usize>,
}

impl Dirs {
    /// Notes the entry `at`; entries come in order.
    pub(super) fn push(&mut self, at: usize, path: &[u8]) {
        let dir = memchr::memrchr(b'/', path).map_or(&path[..0], |slash| &path[..slash]);
        if dir == self.last.as_slice() {
            return;
        }
        let mut shared = 0;
        for (n, (a, b)) in dir.iter().zip(&self.last).enumerate() {
            if a != b {
                break;
            }
            shared = n + 1;
        }
        // Only whole names count.
        let ends = |path: &[u8], at: usize| path.get(at).is_none_or(|b| *b == b'/');
        while shared > 0 && !(ends(dir, shared) && ends(&self.last, shared)) {
            shared = memchr::memrchr(b'/', &dir[..shared]).unwrap_or(0);
        }
        while let Some(open) = self.open.pop_if(|open| self.list[*open].name.end > shared) {
            self.list[open].range.end = at;
        }
        let mut from = shared;
        while from < dir.len() {
            let begin = if from == 0 { 0 } else { from + 1 };
            let end = memchr::memchr(b'/', &dir[begin..]).map_or(dir.len(), |n| begin + n);
            self.open.push(self.list.len());
            self.list.push(Dir {
                name: begin..end,
                at: self.names.len(),
                range: at..at,
            });
            self.names.extend_from_slice(&dir[begin..end]);
            from = end.max(from + 1);
        }
        self.last.clear();
        self.last.extend_from_slice(dir);
    }

    /// No entry comes any more.
    pub(super) fn finish(&mut self, count: usize) {
        while let Some(open) = self.open.pop() {
            self.list[open].range.end = count;
        }
    }

    /// How far the directory whose path has `len` bytes and begins with the entry `start` reaches.
    pub(super) fn end(&self, start: usize, len: usize) -> Option<usize> {
        let mut from = self.starting(start);
        from.find(|dir| dir.name.end == len)
            .map(|dir| dir.range.end)
    }

    /// Name and end of the directory that begins with the entry `start` and lies in the one whose path, with its slash,
    /// has `prefix` bytes.
    pub(super) fn child(&self, start: usize, prefix: usize) -> Option<(&[u8], usize)> {
        let mut from = self.starting(start);
        let dir = from.find(|dir| dir.name.start == prefix)?;
        let name = &self.names[dir.at..dir.at + dir.name.len()];
        Some((name, dir.range.end))
    }

    fn starting(&self, start: usize) -> impl Iterator<Item = &Dir> {
        let at = self.list.partition_point(|d| d.range.start < start);
        let from = self.list[at..].iter();
        from.take_while(move |d| d.range.start == start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(paths: &[&str]) -> Vec<(String, Range<usize>)> {
        let mut dirs = Dirs::default();
        for (n, path) in paths.iter().enumerate() {
            dirs.push(n, path.as_bytes());
        }
        dirs.finish(paths.len());
        let name = |d: &Dir| paths[d.range.start][..d.name.end].to_owned();
        dirs.list
            .iter()
            .map(|d| (name(d), d.range.clone()))
            .collect()
    }

    #[test]
    fn directories_hold_what_their_names_say() {
        let paths = [
            "a", "b-x/c", "b/a/x", "b/a/y", "b/ab/z", "b/b", "b/c/d/e", "c", "d/e",
        ];
        let expected = [
            ("b-x", 1..2),
            ("b", 2..7),
            ("b/a", 2..4),
            ("b/ab", 4..5),
            ("b/c", 6..7),
            ("b/c/d", 6..7),
            ("d", 8..9),
        ];
        let expected: Vec<_> = expected.map(|(n, r)| (n.to_owned(), r)).into();
        assert_eq!(all(&paths), expected);
        assert!(all(&[]).is_empty());
        assert!(all(&["x"]).is_empty());
    }

    #[test]
    fn names_nobody_should_have_do_no_harm() {
        for paths in [
            &["/", "//", "/a"][..],
            &["a//b", "a//c", "a/b"],
            &["", "/x/"],
            &["b/a", "a/b"],
        ] {
            all(paths);
        }
    }
}

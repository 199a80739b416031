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
}

struct Dir {
    /// Length of its path; the path is that of its first entry, so far.
    len: usize,
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
        while let Some(open) = self.open.pop_if(|open| self.list[*open].len > shared) {
            self.list[open].range.end = at;
        }
        let mut from = shared;
        while from < dir.len() {
            let begin = if from == 0 { 0 } else { from + 1 };
            let end = memchr::memchr(b'/', &dir[begin..]).map_or(dir.len(), |n| begin + n);
            self.open.push(self.list.len());
            self.list.push(Dir {
                len: end,
                range: at..at,
            });
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
        let mut at = self.list.partition_point(|d| d.range.start < start);
        while let Some(dir) = self.list.get(at).filter(|d| d.range.start == start) {
            if dir.len == len {
                return Some(dir.range.end);
            }
            at += 1;
        }
        None
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
        let name = |d: &Dir| paths[d.range.start][..d.len].to_owned();
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

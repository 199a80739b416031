//! Ignore rules: `.gitignore` files, `info/exclude` and `core.excludesFile`.
//!
//! Follows `git help gitignore`. A chain, the innermost directory first; the first list with a matching pattern decides,
//! and within a list the last pattern. A file below an ignored directory cannot be brought back, so whoever walks must
//! not ask about anything below a directory that was ignored.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gix::bstr::ByteSlice;
use gix::glob::pattern::Case;
use gix::glob::search::pattern::List;
use gix::ignore::search::{Ignore, pattern_matching_relative_path};

/// The rules that hold in one directory.
#[derive(Debug)]
pub struct Rules {
    outer: Option<Arc<Rules>>,
    list: List<Ignore>,
    case: Case,
}

impl Rules {
    /// Adds the patterns of a file in `dir` (relative to the root, without a slash at the end) to those that hold
    /// around it. Patterns for the whole repository have the empty `dir`.
    pub fn add(
        outer: Option<Arc<Self>>,
        patterns: &[u8],
        dir: &[u8],
        ignore_case: bool,
    ) -> Option<Arc<Self>> {
        let file = dir
            .to_path()
            .ok()
            .map(|dir| dir.join(".gitignore"))
            .unwrap_or_else(|| PathBuf::from(".gitignore"));
        let list = List::from_bytes(patterns, file, Some(Path::new("")), Ignore::default()).ok();
        match list.filter(|list| !list.patterns.is_empty()) {
            Some(list) => {
                let case = if ignore_case {
                    Case::Fold
                } else {
                    Case::Sensitive
                };
                Some(Arc::new(Self { outer, list, case }))
            }
            None => outer,
        }
    }

    /// Whether `path`, in a directory that is not itself ignored, is ignored.
    pub fn excludes(&self, path: &[u8], is_dir: bool) -> bool {
        let name = path.rfind_byte(b'/').map(|at| at + 1);
        let mut rules = Some(self);
        while let Some(this) = rules {
            let hit = pattern_matching_relative_path(
                &this.list,
                path.as_bstr(),
                name,
                Some(is_dir),
                this.case,
            );
            if let Some(hit) = hit {
                return !hit.pattern.is_negative();
            }
            rules = this.outer.as_deref();
        }
        false
    }
}

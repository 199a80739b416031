//! The neighbourhood of a file: its view, the base view, the configs, and what is known of habits.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use crate::checks;
use crate::model::RepoPath;
use crate::settings::Policy;
use crate::source::{BaseState, BaseView, FileKind, View};
use crate::subject::{Adoption, ConfigSet, Neighbourhood, Subject, standing};
use crate::triage::inline;

/// Read-only access for judging.
pub(crate) struct Around<'a> {
    view: &'a dyn View,
    base: Option<&'a dyn BaseView>,
    configs: &'a ConfigSet,
    policy: &'a Policy,
    max_file_size: u64,
    inline_ignores: bool,
    prefilter: bool,
    whole_view: bool,
    adoption: HashMap<RepoPath, Adoption>,
    encrypted_removed: OnceLock<Vec<RepoPath>>,
    /// Directories with files whose names carry a promise.
    promising: OnceLock<HashSet<Box<[u8]>>>,
}

impl<'a> Around<'a> {
    pub(crate) fn new(
        view: &'a dyn View,
        base: Option<&'a dyn BaseView>,
        configs: &'a ConfigSet,
        options: &'a super::Options,
    ) -> Self {
        let (prefilter, whole_view) = (options.prefilter, options.whole_view);
        Self {
            view,
            base,
            configs,
            policy: &options.settings.policy,
            max_file_size: options.max_file_size(),
            inline_ignores: options.inline_ignores,
            prefilter,
            whole_view,
            adoption: HashMap::new(),
            encrypted_removed: OnceLock::new(),
            promising: OnceLock::new(),
        }
    }

    /// The same with what habits say of some files.
    pub(crate) fn with_adoption(&self, adoption: HashMap<RepoPath, Adoption>) -> Self {
        Self {
            view: self.view,
            base: self.base,
            configs: self.configs,
            policy: self.policy,
            max_file_size: self.max_file_size,
            inline_ignores: self.inline_ignores,
            prefilter: self.prefilter,
            whole_view: self.whole_view,
            adoption,
            encrypted_removed: OnceLock::new(),
            promising: OnceLock::new(),
        }
    }

    /// The same under other configs.
    pub(crate) fn with_configs<'b>(&'b self, configs: &'b ConfigSet) -> Around<'b> {
        Around {
            view: self.view,
            base: self.base,
            configs,
            policy: self.policy,
            max_file_size: self.max_file_size,
            inline_ignores: self.inline_ignores,
            prefilter: self.prefilter,
            whole_view: self.whole_view,
            adoption: HashMap::new(),
            encrypted_removed: OnceLock::new(),
            promising: OnceLock::new(),
        }
    }

    pub(crate) fn view(&self) -> &'a dyn View {
        self.view
    }

    /// Comments of a file that ignore findings.
    pub(crate) fn ignores(&self, s: &Subject<'_>) -> Vec<inline::Ignore> {
        if !self.inline_ignores || !s.hints.directive {
            return Vec::new();
        }
        inline::find(s.text, s.format, is_markup(&s.name), &checks::TABLE)
    }

    /// Files above this are not parsed.
    pub(crate) fn max_file_size(&self) -> u64 {
        self.max_file_size
    }
}

/// Where `#` begins a heading or nothing, and a comment is that of HTML.
fn is_markup(name: &str) -> bool {
    standing::extension(name)
        .is_some_and(|e| matches!(&*e, ".md" | ".markdown" | ".mdx" | ".html" | ".htm"))
}

impl Neighbourhood for Around<'_> {
    fn configs(&self) -> &ConfigSet {
        self.configs
    }

    fn exists(&self, path: &RepoPath) -> bool {
        self.view.find(path).is_some()
    }

    fn may_have_encrypted_sibling(&self, path: &RepoPath) -> bool {
        // Whether a part of the name behind a dot begins with a mark.
        let has = |name: &[u8], marks: &[&[u8]]| {
            let mut parts = name.split(|b| *b == b'.').skip(1);
            parts.any(|part| marks.iter().any(|mark| part.starts_with(mark)))
        };
        let promising = self.promising.get_or_init(|| {
            let near = self.view.neighbours();
            let split = near
                .into_iter()
                .map(|path| match memchr::memrchr(b'/', path) {
                    Some(at) => (&path[..at], &path[at + 1..]),
                    None => (&path[..0], path),
                });
            let marked = split.filter(|(_, name)| has(name, &[b"enc", b"sops", b"encrypted"]));
            marked.map(|(dir, _)| dir.into()).collect()
        });
        // A name that is a copy's by itself needs no promise beside it.
        let own = path.file_name().to_ascii_lowercase();
        has(&own, &[b"dec", b"plain", b"bak", b"old", b"orig"])
            || own.contains(&b'~')
            || promising.contains(path.parent())
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        // A link is not followed, and its target's path is not the file that it stands for.
        let regular = self
            .view
            .find(path)
            .is_some_and(|e| e.kind == FileKind::Regular);
        regular
            .then(|| self.view.read_limited(path, self.max_file_size).ok())
            .flatten()
    }

    fn base_if_changed(&self, path: &RepoPath) -> Option<Vec<u8>> {
        match self.view.find(path)?.base {
            BaseState::Maybe => self.base(path),
            BaseState::Absent | BaseState::Same | BaseState::NoBase => None,
        }
    }

    fn rename_sources(&self, path: &RepoPath) -> Vec<RepoPath> {
        let Some(base) = self.base.filter(|base| !base.removed().is_empty()) else {
            return Vec::new();
        };
        let Some(known) = self.view.find(path) else {
            return Vec::new();
        };
        if known.base != BaseState::Absent {
            return Vec::new();
        }
        let removed = self.encrypted_removed.get_or_init(|| {
            let encrypted = |p: &&RepoPath| {
                self.base(p)
                    .is_some_and(|b| memchr::memmem::find(&b, b"ENC[AES256_GCM,").is_some())
            };
            base.removed().iter().filter(encrypted).cloned().collect()
        });
        if removed.is_empty() {
            return Vec::new();
        }
        // A file that only moved held in the base view what it holds now.
        let moved = |from: &RepoPath| {
            from.file_name() == path.file_name()
                && (self.base(from)).is_some_and(|before| {
                    let limit = self.max_file_size;
                    (self.view.read_limited(path, limit)).is_ok_and(|now| now == before)
                })
        };
        if base.removed().iter().any(moved) {
            return Vec::new();
        }
        removed.clone()
    }

    fn base(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.base?
            .read(path)
            .ok()
            .flatten()
            .filter(|b| b.len() as u64 <= self.max_file_size)
    }

    fn adoption(&self, path: &RepoPath) -> Adoption {
        self.adoption.get(path).copied().unwrap_or(Adoption::None)
    }

    fn may_be_outlier(&self, path: &RepoPath) -> bool {
        self.adoption.contains_key(path)
    }

    fn policy(&self) -> &Policy {
        self.policy
    }

    fn whole_view(&self) -> bool {
        self.whole_view
    }

    fn prefilter(&self) -> bool {
        self.prefilter
    }
}

#[cfg(test)]
mod tests {
    use crate::subject::Hints;
    use crate::triage::inline;

    #[test]
    fn the_first_look_sees_directives() {
        assert!(Hints::of(inline::MARK).directive);
    }
}

//! The six selection options and the MAC mode, as they stand in a rule and in the metadata of a file.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::goregex::GoRegex;
use crate::model::Span;

/// The suffix that is in force when no option is set (`sops.DefaultUnencryptedSuffix`).
pub const DEFAULT_UNENCRYPTED_SUFFIX: &str = "_unencrypted";

/// Names of the six selection options.
pub const SELECTION_OPTIONS: [&str; 6] = [
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
];

/// A selection pattern; one that Go rejects matches nothing, silently, in sops.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The source text.
    pub source: String,
    /// The compiled form; `None` where Go rejects it.
    pub regex: Option<Arc<GoRegex>>,
    /// Whether Go would take it, but it is too costly to judge here.
    pub own_limit: bool,
    /// Where it stands.
    pub span: Span,
}

impl Pattern {
    /// Compiles a pattern.
    pub fn new(source: &str, span: Span) -> Self {
        let (regex, own_limit) = compiled(source);
        Self {
            source: source.to_owned(),
            regex,
            own_limit,
            span,
        }
    }

    /// Whether it matches; never, if Go rejects it.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.as_ref().is_some_and(|r| r.is_match(text))
    }
}

/// A compiled pattern, and whether only our own limit refused it.
type Compiled = (Option<Arc<GoRegex>>, bool);

/// Most files of a repository carry the same selection; each thread compiles a pattern once.
fn compiled(source: &str) -> Compiled {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, Compiled>> = RefCell::new(HashMap::new());
    }
    KNOWN.with_borrow_mut(|known| {
        if let Some(found) = known.get(source) {
            return found.clone();
        }
        let compiled = GoRegex::new(source);
        let own_limit = compiled.as_ref().is_err_and(|e| e.is_own_limit());
        let found = (compiled.ok().map(Arc::new), own_limit);
        if known.len() < 64 {
            known.insert(source.to_owned(), found.clone());
        }
        found
    })
}

/// Selection options of a rule or of a file's metadata. Empty strings count as not set.
#[derive(Clone, Debug, Default)]
pub struct SelectionOptions {
    /// Keys with this ending are not encrypted.
    pub unencrypted_suffix: Option<String>,
    /// Only keys with this ending are encrypted.
    pub encrypted_suffix: Option<String>,
    /// Matching keys are not encrypted.
    pub unencrypted_regex: Option<Pattern>,
    /// Only matching keys are encrypted.
    pub encrypted_regex: Option<Pattern>,
    /// What stands under a matching comment is not encrypted.
    pub unencrypted_comment_regex: Option<Pattern>,
    /// Only what stands under a matching comment is encrypted.
    pub encrypted_comment_regex: Option<Pattern>,
}

impl SelectionOptions {
    /// How many of the six are set; sops refuses more than one.
    pub fn count(&self) -> usize {
        usize::from(self.unencrypted_suffix.is_some())
            + usize::from(self.encrypted_suffix.is_some())
            + usize::from(self.unencrypted_regex.is_some())
            + usize::from(self.encrypted_regex.is_some())
            + usize::from(self.unencrypted_comment_regex.is_some())
            + usize::from(self.encrypted_comment_regex.is_some())
    }

    /// Whether an option picks what is encrypted, instead of sparing something.
    pub fn has_positive_selector(&self) -> bool {
        self.encrypted_regex.is_some()
            || self.encrypted_suffix.is_some()
            || self.encrypted_comment_regex.is_some()
    }

    /// With the default suffix where nothing is set, as sops does.
    #[must_use]
    pub fn with_default(mut self) -> Self {
        if self.count() == 0 {
            self.unencrypted_suffix = Some(DEFAULT_UNENCRYPTED_SUFFIX.to_owned());
        }
        self
    }

    /// Sets an option by its name. Empty text leaves it unset.
    pub fn set(&mut self, name: &str, value: &str, span: Span) -> bool {
        let text = (!value.is_empty()).then(|| value.to_owned());
        let pattern = |t: Option<String>| t.map(|t| Pattern::new(&t, span));
        match name {
            "unencrypted_suffix" => self.unencrypted_suffix = text,
            "encrypted_suffix" => self.encrypted_suffix = text,
            "unencrypted_regex" => self.unencrypted_regex = pattern(text),
            "encrypted_regex" => self.encrypted_regex = pattern(text),
            "unencrypted_comment_regex" => self.unencrypted_comment_regex = pattern(text),
            "encrypted_comment_regex" => self.encrypted_comment_regex = pattern(text),
            _ => return false,
        }
        true
    }

    /// The patterns with the names of their options.
    pub fn patterns(&self) -> impl Iterator<Item = (&'static str, &Pattern)> {
        [
            ("unencrypted_regex", &self.unencrypted_regex),
            ("encrypted_regex", &self.encrypted_regex),
            ("unencrypted_comment_regex", &self.unencrypted_comment_regex),
            ("encrypted_comment_regex", &self.encrypted_comment_regex),
        ]
        .into_iter()
        .filter_map(|(n, p)| p.as_ref().map(|p| (n, p)))
    }

    /// Name and value of the option that is set, for comparison and display.
    pub fn described(&self) -> Vec<(&'static str, &str)> {
        let mut out = Vec::new();
        if let Some(s) = &self.unencrypted_suffix {
            out.push(("unencrypted_suffix", s.as_str()));
        }
        if let Some(s) = &self.encrypted_suffix {
            out.push(("encrypted_suffix", s.as_str()));
        }
        out.extend(self.patterns().map(|(n, p)| (n, p.source.as_str())));
        out
    }
}

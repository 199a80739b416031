//! Word lists: the data behind the decision procedure, one file a list in `data/words/`.
//!
//! A list file holds one entry a line; `#` at the start of a line is a comment. Lists are read into the binary, parsed on
//! first use, and compared in lower case. This room knows no meaning: which list answers which question is the caller's
//! business (see `docs/word-lists.md`).

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use foldhash::fast::FixedState;

/// One word list, parsed on first use.
pub struct WordList {
    name: &'static str,
    set: LazyLock<HashSet<&'static str, FixedState>>,
    list: LazyLock<Vec<&'static str>>,
}

impl WordList {
    /// Name of the list: the stem of its file in `data/words/`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether `word`, already in lower case, is an entry.
    pub fn contains(&self, word: &str) -> bool {
        self.set.contains(word)
    }

    /// The entries in file order.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.list.iter().copied()
    }
}

/// The form in which words are compared. Most names have it already.
pub fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn entries(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
}

macro_rules! lists {
    ($($(#[$doc:meta])* $id:ident = $file:literal;)*) => {
        $($(#[$doc])*
        pub static $id: WordList = WordList {
            name: $file,
            set: LazyLock::new(|| entries(include_str!(concat!("../data/words/", $file, ".txt"))).collect()),
            list: LazyLock::new(|| entries(include_str!(concat!("../data/words/", $file, ".txt"))).collect()),
        };)*
        /// Every list, for documentation and tests.
        pub static ALL: &[&WordList] = &[$(&$id),*];
    };
}

lists! {
    /// Tokens of a path that mark it as secret.
    MARKS = "marks";
    /// Marks that say nothing in a directory name.
    NO_DIRECTORY_MARKS = "no-directory-marks";
    /// A mark that follows one of these is none (`external-secrets`).
    MARK_SPOILERS_BEFORE = "mark-spoilers-before";
    /// A mark that precedes one of these is none (`secret-store`).
    MARK_SPOILERS_AFTER = "mark-spoilers-after";
    /// Words of which a placeholder may consist.
    PLACEHOLDER_WORDS = "placeholder-words";
    /// Words that make a text of plain words a placeholder.
    PLACEHOLDER_MARKERS = "placeholder-markers";
    /// Keys whose value is harmless, whole name without separators.
    HARMLESS_KEYS_WHOLE = "harmless-keys-whole";
    /// Keys whose value is harmless, by the last word of the name.
    HARMLESS_KEYS_LAST_WORD = "harmless-keys-last-word";
    /// Words that make a key a credential key.
    CREDENTIAL_WORDS = "credential-words";
    /// Words that contain a credential word and are none.
    NOT_CREDENTIAL_WORDS = "not-credential-words";
    /// Words before `key` that make it no credential's.
    NOT_SECRET_KEY_QUALIFIERS = "not-secret-key-qualifiers";
    /// Last words that take a key out of the credential keys.
    CREDENTIAL_KEY_EXEMPT_ENDINGS = "credential-key-exempt-endings";
    /// Extensions of documentation, with the dot.
    DOCUMENTATION_EXTENSIONS = "documentation-extensions";
    /// Extensions of source code, with the dot.
    SOURCE_EXTENSIONS = "source-extensions";
    /// Extensions that are never source code, with the dot.
    NEVER_SOURCE_EXTENSIONS = "never-source-extensions";
    /// Extensions of media and archives, with the dot.
    MEDIA_EXTENSIONS = "media-extensions";
    /// Lock files and package manifests, whole names.
    LOCK_FILES = "lock-files";
    /// Files that are exempt by their whole name or stem.
    SPECIAL_NAMES = "special-names";
    /// Suffixes of templates, with the dot.
    TEMPLATE_SUFFIXES = "template-suffixes";
    /// Tokens that make a file name a template's.
    TEMPLATE_TOKENS = "template-tokens";
    /// Words of directories that hold templates.
    TEMPLATE_DIRECTORIES = "template-directories";
    /// Kinds of control objects, each with the start of its API group.
    CONTROL_KINDS = "control-kinds";
    /// Words of lenient directories.
    LENIENT_DIRECTORY_WORDS = "lenient-directory-words";
    /// Whole names of lenient directories.
    LENIENT_DIRECTORY_NAMES = "lenient-directory-names";
    /// Directories below which `test` is a stage.
    TEST_STAGE_DIRECTORIES = "test-stage-directories";
    /// Suffixes of backups and copies.
    BACKUP_SUFFIXES = "backup-suffixes";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_entries_in_lower_case_without_duplicates() {
        for list in ALL {
            let all: Vec<_> = list.iter().collect();
            assert!(!all.is_empty(), "{} is empty", list.name());
            let unique: HashSet<_> = all.iter().collect();
            assert_eq!(unique.len(), all.len(), "{} repeats an entry", list.name());
            if list.name() != "control-kinds" {
                assert!(
                    all.iter().all(|w| w.to_lowercase() == **w),
                    "{} is not in lower case",
                    list.name()
                );
            }
        }
    }
}

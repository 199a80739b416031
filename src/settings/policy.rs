//! What the settings ask of judging a file.

use super::Globs;
use crate::model::RepoPath;

/// The `[policy]` table.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Whether broad rules count as narrow ones.
    pub strict: bool,
    /// Whether the built-in lenient places are lenient.
    pub lenient_defaults: bool,
    /// Further lenient places.
    pub lenient: Globs,
    /// Files that rules and names ask nothing of.
    pub exempt: Globs,
    /// Files that must be encrypted, whatever rule governs them.
    pub require: Globs,
    /// Further kinds that are treated as Secrets.
    pub kinds: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            strict: false,
            lenient_defaults: true,
            lenient: Globs::default(),
            exempt: Globs::default(),
            require: Globs::default(),
            kinds: Vec::new(),
        }
    }
}

impl Policy {
    /// Whether the file must be encrypted. An exemption is the more exact word where both match.
    pub fn requires(&self, path: &RepoPath) -> bool {
        self.require.matches(path) && !self.exempt.matches(path)
    }
}

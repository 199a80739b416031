//! What judging one file may ask of the others.

use super::ConfigSet;
use crate::model::RepoPath;
use crate::settings::Policy;

/// What the team's habit says of a plain file under a broad rule (step 5d).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// Nothing.
    None,
    /// At least 80 % and three others of its group are encrypted.
    Outlier {
        /// Encrypted files of the group.
        encrypted: usize,
        /// All counted files of the group.
        all: usize,
    },
    /// The others of its group are encrypted, but they are fewer than three.
    Lone,
}

/// Read-only access to the view around a file and to its base view.
pub trait Neighbourhood: Sync {
    /// The configs of the view.
    fn configs(&self) -> &ConfigSet;
    /// Whether a path is in the view.
    fn exists(&self, path: &RepoPath) -> bool;
    /// A quick look whether the directory of a path, or its own name, could give it an encrypted sibling.
    fn may_have_encrypted_sibling(&self, path: &RepoPath) -> bool;
    /// Bytes of a file of the view; `None` when it is not there or over the limit.
    fn read(&self, path: &RepoPath) -> Option<Vec<u8>>;
    /// Bytes of the path in the base view, if they may differ from those of the view.
    fn base_if_changed(&self, path: &RepoPath) -> Option<Vec<u8>>;
    /// Files of the base view that are gone: possible sources of renames, when the path is new.
    fn rename_sources(&self, path: &RepoPath) -> Vec<RepoPath>;
    /// Bytes of any path in the base view.
    fn base(&self, path: &RepoPath) -> Option<Vec<u8>>;
    /// What the habit of its group says of a plain file.
    fn adoption(&self, path: &RepoPath) -> Adoption;
    /// A quick look whether [`Neighbourhood::adoption`] could say anything but `None`.
    fn may_be_outlier(&self, path: &RepoPath) -> bool;
    /// What the settings ask.
    fn policy(&self) -> &Policy;
    /// Whether the whole view is scanned, so that what is missing can be told.
    fn whole_view(&self) -> bool;
    /// Whether the prefilter is on.
    fn prefilter(&self) -> bool {
        true
    }
}

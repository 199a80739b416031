//! What is known of a check without running it.

use serde::{Deserialize, Serialize};

/// How bad a finding is. Only `error` blocks by default.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Should be looked at; does not block by default.
    Warning,
    /// Blocks.
    Error,
}

impl Severity {
    /// The lower-case name used in every report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Identity, severity and page of a check.
#[derive(Debug)]
pub struct CheckInfo {
    /// Stable name in kebab case.
    pub id: &'static str,
    /// One line: what a finding of this check means.
    pub summary: &'static str,
    /// Severity unless the place, the value or the settings say otherwise.
    pub severity: Severity,
    /// The page of `docs/checks/`, in Markdown.
    pub page: &'static str,
    /// Whether the check speaks of content, so that lenient places soften it (step 8).
    pub softened_in_lenient_places: bool,
}

impl PartialEq for CheckInfo {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl Eq for CheckInfo {}

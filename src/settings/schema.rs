//! The published schema of the settings file, from types, for editors that complete and check TOML.
//!
//! Reading does not go through these types, because every mistake needs its place; a test holds both to the same keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::CheckInfo;

/// Settings of sopsguard.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "sopsguard settings")]
pub struct File {
    /// What is asked of files.
    pub policy: Option<Policy>,
    /// Severity of checks, by their id.
    pub checks: Option<BTreeMap<String, Level>>,
    /// Limits of judging.
    pub limits: Option<Limits>,
    /// About sops.
    pub sops: Option<Sops>,
    /// Blind spots that are accepted.
    pub accept: Option<Vec<Accept>>,
}

/// What is asked of files. Globs are relative to the root of the repository; `*` stays within a directory, `**` does not.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// Broad rules ask for encryption as narrow ones do.
    pub strict: Option<bool>,
    /// Globs of further lenient places.
    pub lenient: Option<Vec<String>>,
    /// Whether tests, examples and documentation are lenient places.
    pub lenient_defaults: Option<bool>,
    /// Globs of files that no rule and no name asks to be encrypted.
    pub exempt: Option<Vec<String>>,
    /// Globs of files that must be encrypted, whatever rule governs them.
    pub require: Option<Vec<String>>,
    /// Further Kubernetes kinds that are treated as Secrets.
    pub kinds: Option<Vec<String>>,
}

/// A severity, or off.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Blocks.
    Error,
    /// Should be looked at.
    Warning,
    /// Worth knowing.
    Note,
    /// Hidden, and counted.
    Off,
}

/// Limits of judging.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Files above this are searched for private keys only.
    pub max_file_size: Option<Size>,
}

/// A size.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Size {
    /// Bytes.
    Bytes(#[schemars(range(min = 1, max = 1_073_741_824))] u64),
    /// A number with B, KiB, MiB or GiB.
    Text(#[schemars(regex(pattern = r"^\s*[0-9]+\s*(B|KiB|MiB|GiB)?\s*$"))] String),
}

/// About sops.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sops {
    /// Path of the one config that governs everything, inside the repository.
    pub config: Option<String>,
}

/// A blind spot that is accepted.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Accept {
    /// Glob of the files.
    pub path: String,
    /// Why it is accepted.
    pub reason: String,
    /// The last day on which it holds, YYYY-MM-DD.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub until: Option<String>,
}

/// The JSON schema of the settings (draft 2020-12), indented, with a newline at the end.
pub fn schema(checks: &[&CheckInfo]) -> String {
    let schema = schemars::generate::SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<File>();
    let mut value = schema.to_value();
    let properties: serde_json::Map<String, serde_json::Value> = checks
        .iter()
        .map(|c| {
            let level = serde_json::json!({
                "description": format!("{} (default: {})", c.summary, c.severity.as_str()),
                "$ref": "#/$defs/Level",
            });
            (c.id.to_owned(), level)
        })
        .collect();
    value["properties"]["checks"] = serde_json::json!({
        "description": "Severity of checks, by their id.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn schema_and_reader_know_the_same_keys() {
        let schema: serde_json::Value =
            serde_json::from_str(&super::schema(&[])).expect("valid JSON");
        let keys = |at: &serde_json::Value| -> Vec<String> {
            let mut keys: Vec<String> = at["properties"]
                .as_object()
                .expect("an object")
                .keys()
                .cloned()
                .collect();
            keys.sort_unstable();
            keys
        };
        let sorted = |known: &[&str]| -> Vec<String> {
            let mut known: Vec<String> = known.iter().map(|k| (*k).to_owned()).collect();
            known.sort_unstable();
            known
        };
        let defs = &schema["$defs"];
        assert_eq!(keys(&schema), sorted(read::TOP));
        assert_eq!(keys(&defs["Policy"]), sorted(read::POLICY));
        assert_eq!(keys(&defs["Limits"]), sorted(read::LIMITS));
        assert_eq!(keys(&defs["Sops"]), sorted(read::SOPS));
        assert_eq!(keys(&defs["Accept"]), sorted(read::ACCEPT));
    }
}

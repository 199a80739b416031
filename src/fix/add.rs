//! A rule for files that none governs, to be copied into a config. Never a guess about recipients.

use std::collections::BTreeSet;

use crate::model::{Message, RepoPath};
use crate::say;
use crate::sops::recipients::{KeyEntry, KeyType};
use crate::subject::configs::{CONFIG_NAME, ConfigSet};

/// A rule that could be added.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleToAdd {
    config: RepoPath,
    exists: bool,
    /// The directory of the file, and its name, as the config sees them.
    pub(super) dir: String,
    name: String,
    options: Vec<Message>,
}

/// Names that a pattern lists.
const NAMES: usize = 12;

impl RuleToAdd {
    /// What rules have in common that can be written as one.
    pub(super) fn kind(&self) -> (&RepoPath, &str, &[Message]) {
        (&self.config, &self.dir, &self.options)
    }

    /// Its lines, for this file and others of its kind.
    pub(super) fn lines(all: &[&Self]) -> Vec<Message> {
        let Some(first) = all.first() else {
            return Vec::new();
        };
        let mut out = vec![say![
            "  add       to ",
            first.config,
            ", before any broader rule:"
        ]];
        if !first.exists {
            out.push(say!["              creation_rules:"]);
        }
        for some in all.chunks(NAMES) {
            let names: Vec<String> = some.iter().map(|r| quoted(&r.name)).collect();
            let names = match names.as_slice() {
                [one] => one.clone(),
                several => format!("({})", several.join("|")),
            };
            out.push(say![
                "              - path_regex: '^",
                RepoPath::new(format!("{}{names}", quoted(&first.dir))),
                "$'"
            ]);
            out.extend(first.options.iter().cloned());
        }
        out
    }
}

/// A rule for a file that none governs. Recipients are those of the one set that the repository has; of several, nobody
/// could tell which is meant.
pub(super) fn rule_to_add(
    path: &RepoPath,
    config: Option<&RepoPath>,
    subject: &str,
    manifest: bool,
    configs: &ConfigSet,
) -> Vec<RuleToAdd> {
    let own = match config {
        Some(config) => config.clone(),
        None => RepoPath::new(CONFIG_NAME),
    };
    let subject = match config {
        Some(_) if !subject.is_empty() => subject.to_owned(),
        _ => path.to_text().into_owned(),
    };
    let mut out = Vec::new();
    if manifest {
        out.push(say!["                encrypted_regex: ^(data|stringData)$"]);
    }
    let sets: BTreeSet<Vec<KeyEntry>> = configs
        .iter()
        .flat_map(|c| c.config.rules())
        .filter(|r| r.has_keys() && r.refused().is_none())
        .map(|r| {
            let mut keys: Vec<KeyEntry> = r.groups.concat();
            keys.sort();
            match r.groups.len() {
                1 => keys,
                // A set of several groups cannot be written in a line each.
                _ => Vec::new(),
            }
        })
        .collect();
    let mut sets = sets.into_iter();
    match (sets.next(), sets.next()) {
        (Some(keys), None) if !keys.is_empty() && keys.iter().all(|k| field(k.kind).is_some()) => {
            let kinds: BTreeSet<KeyType> = keys.iter().map(|k| k.kind).collect();
            for kind in kinds {
                let of_kind = keys.iter().filter(|k| k.kind == kind);
                let list: Vec<&str> = of_kind.map(|k| k.identity.as_str()).collect();
                let name = field(kind).unwrap_or("age");
                // Public by their nature, and shown whole, to be copied.
                let list = RepoPath::new(list.join(","));
                out.push(say!["                ", name, ": ", list]);
            }
        }
        _ => out.push(say![
            "                age: AGE-RECIPIENT   (a placeholder: put in who is to decrypt it)"
        ]),
    }
    let (dir, name) = match subject.rfind('/') {
        Some(at) => subject.split_at(at + 1),
        None => ("", subject.as_str()),
    };
    vec![RuleToAdd {
        config: own,
        exists: config.is_some(),
        dir: dir.to_owned(),
        name: name.to_owned(),
        options: out,
    }]
}

fn field(kind: KeyType) -> Option<&'static str> {
    match kind {
        KeyType::Age => Some("age"),
        KeyType::Pgp => Some("pgp"),
        KeyType::GcpKms => Some("gcp_kms"),
        KeyType::AzureKv => Some("azure_keyvault"),
        KeyType::HcVault => Some("hc_vault_transit_uri"),
        KeyType::Kms | KeyType::HcKms => None,
    }
}

/// A path as a regular expression, in single quotes of YAML.
fn quoted(path: &str) -> String {
    let mut out = String::new();
    for c in path.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
        if c == '\'' {
            out.push('\'');
        }
    }
    out
}

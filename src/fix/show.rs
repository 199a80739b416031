//! The plan in words. Everything is put together from parts that cannot hold a value.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::plan::{Action, Plan, Recipient, Refused, Step};
use crate::model::{Message, Pointer, RepoPath};
use crate::say;
use crate::sops::recipients::{KeyEntry, KeyType};
use crate::subject::configs::{CONFIG_NAME, ConfigSet};

/// Leaves of one kind that are listed.
const LEAVES: usize = 8;

/// The whole plan. `base` is what the base view is called.
pub fn plan_text(plan: &Plan, base: Option<&str>) -> String {
    let mut out = String::new();
    for step in &plan.steps {
        for line in of_step(step, base) {
            let _ = writeln!(out, "{}", line.as_str());
        }
        out.push('\n');
    }
    for refused in &plan.refused {
        for line in of_refused(refused) {
            let _ = writeln!(out, "{}", line.as_str());
        }
        out.push('\n');
    }
    out
}

fn of_step(step: &Step, base: Option<&str>) -> Vec<Message> {
    let mut out = vec![say![step.path]];
    let what: &'static str = match step.action {
        Action::Encrypt => "encrypt   as ",
        Action::Reencrypt => "encrypt   again and as a whole, as ",
        Action::UpdateKeys => "recipients are made those of the rule, as ",
    };
    out.push(say![
        "  ",
        what,
        step.format.as_str(),
        ", by ",
        step.config,
        " rule ",
        step.rule.index + 1,
        " (line ",
        step.line,
        ")"
    ]);
    let several = step.groups.len() > 1;
    if several {
        let n = match usize::try_from(step.rule.shamir_threshold) {
            Ok(n) if n > 0 => n,
            _ => step.groups.len(),
        };
        out.push(say![
            "  needs     ",
            n,
            " of ",
            step.groups.len(),
            " groups to decrypt"
        ]);
    }
    for (i, group) in step.groups.iter().enumerate() {
        for (j, recipient) in group.iter().enumerate() {
            let lead: &'static str = if i + j == 0 {
                "  to        "
            } else {
                "            "
            };
            let mut line = say![lead];
            if several {
                line.push(&"group ");
                line.push(&(i + 1));
                line.push(&": ");
            }
            of_recipient(recipient, &mut line);
            out.push(line);
        }
    }
    let mut line = say!["  contacts  "];
    let hosts = step.hosts();
    if hosts.is_empty() {
        line.push(&"nobody");
    }
    for (i, host) in hosts.iter().enumerate() {
        line.push(if i == 0 { &"" } else { &", " });
        line.push(&crate::model::Label::identity(host));
    }
    out.push(line);
    let (encrypted, plain): (Vec<_>, Vec<_>) = step.survey.leaves.iter().partition(|l| l.encrypted);
    let pointers = |leaves: &[&super::tree::Leaf]| -> Vec<(u32, Pointer)> {
        leaves
            .iter()
            .map(|l| (l.document, l.pointer.clone()))
            .collect()
    };
    let many = step.survey.documents > 1;
    if step.action != Action::UpdateKeys {
        out.push(listed("  encrypts  ", &pointers(&encrypted), many));
        if !plain.is_empty() {
            out.push(listed("  readable  ", &pointers(&plain), many));
        }
    }
    out.push(match step.survey.reshaped {
        true => say!["  note      sops writes the file anew: indentation, quotes, blank lines, anchors and places of comments change"],
        false => say!["  note      sops writes the file anew: indentation, quotes and blank lines change"],
    });
    if step.action == Action::Reencrypt {
        out.push(say![
            "  note      with plain values in it its MAC does not hold and is not checked: look at what changed first"
        ]);
    }
    if step.in_base {
        let mut line = say!["  rotate    encrypted now, but already in "];
        match base {
            Some(id) => line.push(&RepoPath::new(id)),
            None => line.push(&"HEAD"),
        }
        line.push(&": whoever can read that has the values; rotate them where they were issued");
        out.push(line);
    }
    out
}

fn of_recipient(recipient: &Recipient, line: &mut Message) {
    line.push(&recipient.kind.as_str());
    line.push(&" ");
    line.push(&recipient.label);
    if recipient.new {
        line.push(&"   NEW: the config at HEAD does not name it");
    }
}

fn listed(lead: &'static str, pointers: &[(u32, Pointer)], many: bool) -> Message {
    let mut line = say![lead, pointers.len()];
    line.push(if pointers.len() == 1 {
        &" value: "
    } else {
        &" values: "
    });
    for (i, (document, pointer)) in pointers.iter().take(LEAVES).enumerate() {
        line.push(if i == 0 { &"" } else { &", " });
        if many {
            line.push(document);
            line.push(&"#");
        }
        line.push(pointer);
    }
    if pointers.len() > LEAVES {
        line.push(&" and ");
        line.push(&(pointers.len() - LEAVES));
        line.push(&" more");
    }
    line
}

/// A file that stays as it is, and what could be done.
pub(super) fn of_refused(refused: &Refused) -> Vec<Message> {
    let mut out = vec![say![refused.path], say!["  left      ", refused.reason]];
    out.extend(refused.rule.iter().cloned());
    out
}

/// A rule for a file that none governs. Recipients are those of the one set that the repository has; of several, nobody
/// could tell which is meant.
pub(super) fn rule_to_add(
    path: &RepoPath,
    config: Option<&RepoPath>,
    subject: &str,
    manifest: bool,
    configs: &ConfigSet,
) -> Vec<Message> {
    let own = match config {
        Some(config) => config.clone(),
        None => RepoPath::new(CONFIG_NAME),
    };
    let subject = match config {
        Some(_) if !subject.is_empty() => subject.to_owned(),
        _ => path.to_text().into_owned(),
    };
    let mut out = vec![
        say!["  add       to ", own, ", before any broader rule:"],
        say![
            "              - path_regex: '^",
            RepoPath::new(quoted(&subject)),
            "$'"
        ],
    ];
    if config.is_none() {
        out.insert(1, say!["              creation_rules:"]);
    }
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
    out
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

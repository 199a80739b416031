//! A config written anew from what was understood of a rule.
//!
//! sops is never handed the config of a repository as it is: what our reader and its decoder do not see alike could name
//! a key service. The one rule that is written has no pattern, so that it holds whatever the file is called.

use serde_json::{Map, Value, json};

use super::config::{CreationRule, Stores};
use super::hosts;
use super::recipients::{KeyEntry, KeyType};

/// The text of the config; `None` where a recipient is not understood.
pub fn config(rule: &CreationRule, stores: &Stores) -> Option<Vec<u8>> {
    let mut out = Map::new();
    let groups = rule.groups.iter().filter(|group| !group.is_empty());
    let groups: Option<Vec<Value>> = groups.map(|group| key_group(group)).collect();
    out.insert("key_groups".into(), Value::Array(groups?));
    if rule.shamir_threshold != 0 {
        out.insert("shamir_threshold".into(), json!(rule.shamir_threshold));
    }
    for (name, text) in rule.options.described() {
        out.insert(name.into(), json!(text));
    }
    if rule.mac_only_encrypted {
        out.insert("mac_only_encrypted".into(), json!(true));
    }
    let mut indents = Map::new();
    for (name, indent) in [
        ("yaml", stores.yaml),
        ("json", stores.json),
        ("json_binary", stores.json_binary),
    ] {
        if let Some(indent) = indent {
            indents.insert(name.into(), json!({ "indent": indent }));
        }
    }
    let mut config = Map::from_iter([("creation_rules".to_owned(), json!([out]))]);
    if !indents.is_empty() {
        config.insert("stores".into(), Value::Object(indents));
    }
    // JSON is YAML, and every text in it is quoted.
    serde_json::to_vec(&Value::Object(config)).ok()
}

fn key_group(keys: &[KeyEntry]) -> Option<Value> {
    let mut group: Map<String, Value> = Map::new();
    for key in keys {
        let of = hosts::fields(key)?;
        let (name, item) = match key.kind {
            KeyType::Age => ("age", json!(key.identity)),
            KeyType::Pgp => ("pgp", json!(key.identity)),
            KeyType::HcVault => ("hc_vault", json!(key.identity)),
            KeyType::GcpKms => ("gcp_kms", json!({ "resource_id": key.identity })),
            KeyType::HcKms => ("hckms", json!({ "key_id": key.identity })),
            KeyType::AzureKv => (
                "azure_keyvault",
                json!({
                    "vaultUrl": of.get("vault_url"),
                    "key": of.get("name"),
                    "version": of.get("version"),
                }),
            ),
            KeyType::Kms => {
                let mut item = Map::from_iter([("arn".to_owned(), json!(of.get("arn")))]);
                for name in ["role", "aws_profile"] {
                    if !of.get(name).is_empty() {
                        item.insert(name.to_owned(), json!(of.get(name)));
                    }
                }
                if !of.context.is_empty() {
                    let pairs = of.context.iter().map(|(k, v)| (k.clone(), json!(v)));
                    item.insert("context".to_owned(), Value::Object(pairs.collect()));
                }
                ("kms", Value::Object(item))
            }
        };
        let list = group.entry(name).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(item);
        }
    }
    Some(Value::Object(group))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sops::config::SopsConfig;

    #[test]
    fn what_is_written_reads_as_the_rule_does() {
        let text = "creation_rules:\n\
            - path_regex: x\n  shamir_threshold: 2\n  mac_only_encrypted: yes\n  encrypted_regex: '^a\"b$'\n  key_groups:\n\
            \x20 - pgp: [85D77543B3D624B63CEA9E6DBC17301B491B3F21]\n    kms: [{arn: 'arn:aws:kms:eu-west-1:1:key/a', role: 'arn:aws:iam::1:role/r', context: {App: x}}]\n\
            \x20 - age: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]\n    hc_vault: ['https://v:8200/v1/t/keys/k']\n    azure_keyvault: [{vaultUrl: 'https://v.vault.azure.net', key: k, version: ''}]\n\
            stores: {yaml: {indent: 2}}\n";
        let read = SopsConfig::read(text);
        let rule = &read.rules()[0];
        let written = config(rule, &read.stores).unwrap();
        let again = SopsConfig::read(std::str::from_utf8(&written).unwrap());
        let other = &again.rules()[0];
        assert_eq!(again.stores, read.stores);
        assert!(other.path_regex.is_none() && other.mac_only_encrypted);
        assert_eq!(other.shamir_threshold, 2);
        assert_eq!(other.options.described(), rule.options.described());
        let mut sorted = (rule.groups.clone(), other.groups.clone());
        sorted.0.iter_mut().for_each(|g| g.sort());
        sorted.1.iter_mut().for_each(|g| g.sort());
        assert_eq!(sorted.0, sorted.1);
    }
}

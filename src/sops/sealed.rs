//! A copy of an encrypted file that holds nothing but ciphertexts and the keys that may be asked.
//!
//! What a repository holds is never handed to sops as it is. sops reads metadata leniently (`AGE` is `age` to 3.13, JSON
//! names of any case to all), so that a key service could be named in words that a filter does not know. The copy is written
//! from what was understood instead: a JSON document with each ciphertext under its own keys, which are all that its
//! authentication covers (`Tree.Decrypt` in sops; list indexes are not among them), and key entries field by field. Plain
//! leaves, comments and options are left out, and so the MAC of the file cannot be checked: each value has its own.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::metadata::{Meta, is_rfc3339, key_groups};
use super::recipients::KeyType;

/// The keys that may be asked besides those at hand (age, SSH and PGP).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Hosts of key services, in lower case.
    pub hosts: Vec<String>,
    /// Every host.
    pub any_host: bool,
    /// Plugins of age.
    pub plugins: bool,
}

/// A ciphertext and the keys above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedLeaf {
    /// Keys from the root.
    pub keys: Vec<String>,
    /// The encrypted value as it stands.
    pub text: String,
}

/// What sops is handed.
pub struct Sealed {
    /// The document.
    pub text: Vec<u8>,
    /// Whether what comes back is one value.
    pub opaque: bool,
    /// For each leaf its keys, and its place in the list under the first of them; `None` if it was left out.
    places: Vec<Option<(Vec<String>, usize)>>,
}

/// Why a file is not handed to sops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing in it is encrypted.
    NoValues,
    /// No key entry could be understood.
    NoKeys,
    /// Its keys are in services that were not allowed; hosts that would be asked.
    Services(Vec<String>),
    /// Its keys need plugins, which were not allowed.
    Plugins,
}

/// Deepest nesting that is handed on.
const DEPTH: usize = 100;

/// A time for entries that have none that sops would read; nothing depends on it.
const SOME_TIME: &str = "2020-01-01T00:00:00Z";

impl Sealed {
    /// Makes the copy. `opaque` is for files that are one value.
    pub fn new(
        meta: &Meta,
        leaves: Vec<SealedLeaf>,
        opaque: bool,
        allowed: &Allowed,
    ) -> Result<Self, Refusal> {
        let mut data: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut places = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            places.push(place(leaf, &mut data));
        }
        if places.iter().all(Option::is_none) {
            return Err(Refusal::NoValues);
        }
        let mut document = Map::new();
        for (key, mut items) in data {
            // sops reads an opaque file as one text under `data`.
            let value = match opaque {
                true => items.pop().unwrap_or_default(),
                false => Value::Array(items),
            };
            document.insert(key, value);
        }
        document.insert("sops".into(), Value::Object(metadata(meta, allowed)?));
        let text = serde_json::to_vec(&Value::Object(document)).map_err(|_| Refusal::NoValues)?;
        Ok(Self {
            text,
            opaque,
            places,
        })
    }

    /// Most bytes that the answer can have: escapes, and the indentation of what is nested.
    pub fn most(&self) -> usize {
        let nested = |(keys, _): &(Vec<String>, usize)| 2 * (keys.len() + 4).pow(2);
        let indented: usize = self.places.iter().flatten().map(nested).sum();
        self.text.len() * 5 + indented + 4096
    }

    /// How many leaves there were.
    pub fn leaf_count(&self) -> usize {
        self.places.len()
    }

    /// Takes what a leaf became out of what sops answered.
    pub fn take(&self, leaf: usize, answer: &mut Value) -> Option<Value> {
        let (keys, at) = self.places.get(leaf)?.as_ref()?;
        let (first, rest) = keys.split_first()?;
        let mut value = answer.get_mut(first)?.get_mut(at)?;
        for key in rest {
            value = value.get_mut(key)?;
        }
        Some(value.take())
    }
}

/// Puts a leaf under the first of its keys, in a list: so two leaves can stand under the same keys, as they do in lists.
fn place(
    leaf: SealedLeaf,
    data: &mut BTreeMap<String, Vec<Value>>,
) -> Option<(Vec<String>, usize)> {
    let first = leaf.keys.first()?;
    if first == "sops" || leaf.keys.len() > DEPTH {
        return None;
    }
    let chain = (leaf.keys.iter().skip(1).rev()).fold(Value::String(leaf.text), |inner, key| {
        Value::Object(Map::from_iter([(key.clone(), inner)]))
    });
    let items = data.entry(first.clone()).or_default();
    items.push(chain);
    let at = items.len() - 1;
    Some((leaf.keys, at))
}

fn metadata(meta: &Meta, allowed: &Allowed) -> Result<Map<String, Value>, Refusal> {
    let (all, threshold) = key_groups(meta);
    let (mut hosts, mut plugins) = (Vec::new(), false);
    let mut groups: Vec<Map<String, Value>> = Vec::new();
    let in_all = all.len();
    for entries in all {
        let mut group: Map<String, Value> = Map::new();
        for (kind, entry) in entries {
            let field = |name: &str| entry.field(name).unwrap_or("");
            if kind == KeyType::Age && is_plugin(field("recipient")) && !allowed.plugins {
                plugins = true;
                continue;
            }
            if !matches!(kind, KeyType::Age | KeyType::Pgp) {
                // Without a host that is understood, nobody can have allowed it.
                let Some(asked) = hosts_of(kind, &field) else {
                    continue;
                };
                let may = |host: &String| allowed.any_host || is_allowed(host, &allowed.hosts);
                if !asked.iter().all(may) {
                    hosts.extend(asked.into_iter().filter(|h| !may(h)));
                    continue;
                }
            }
            let list = group.entry(kind.metadata_field()).or_insert(json!([]));
            if let Value::Array(list) = list {
                list.push(Value::Object(key_entry(kind, entry)));
            }
        }
        if !group.is_empty() {
            groups.push(group);
        }
    }
    // Of several groups, each holds a part of the data key.
    let needed = match (in_all, threshold) {
        (0 | 1, _) => 1,
        (n, Some(t)) if (2..=n).contains(&t) => t,
        (n, _) => n,
    };
    if groups.len() < needed {
        hosts.sort_unstable();
        hosts.dedup();
        return Err(match (hosts.is_empty(), plugins) {
            (false, _) => Refusal::Services(hosts),
            (true, true) => Refusal::Plugins,
            (true, false) => Refusal::NoKeys,
        });
    }
    let mut out = Map::new();
    if in_all > 1 {
        out.insert("shamir_threshold".into(), json!(needed));
        out.insert("key_groups".into(), json!(groups));
    } else if let Some(group) = groups.pop() {
        out = group;
    }
    let text = |name: &str| meta.field(name);
    let time = text("lastmodified").filter(|t| is_rfc3339(t));
    out.insert("lastmodified".into(), json!(time.unwrap_or(SOME_TIME)));
    out.insert("mac".into(), json!(text("mac").unwrap_or("")));
    let numbers = |t: &&str| {
        t.split('.').count() == 3
            && t.split('.')
                .all(|p| !p.is_empty() && p.len() < 5 && p.bytes().all(|b| b.is_ascii_digit()))
    };
    let version = text("version").filter(numbers).unwrap_or("3.7.3");
    out.insert("version".into(), json!(version));
    // All that stands in the copy is encrypted.
    out.insert("encrypted_regex".into(), json!("^"));
    Ok(out)
}

fn key_entry(kind: KeyType, entry: &Meta) -> Map<String, Value> {
    let mut out = Map::new();
    for name in kind.metadata_fields() {
        let value = match *name {
            "context" => match entry.texts("context") {
                Some(context) if !context.is_empty() => json!(context),
                _ => continue,
            },
            "created_at" => {
                let time = entry.field(name).filter(|t| is_rfc3339(t));
                json!(time.unwrap_or(SOME_TIME))
            }
            _ => json!(entry.field(name).unwrap_or("")),
        };
        out.insert((*name).to_owned(), value);
    }
    out
}

/// Whether sops would take a recipient to a plugin: `age1`, a name, another `1`. Post-quantum keys are age's own.
pub(super) fn is_plugin(recipient: &str) -> bool {
    let recipient = recipient.trim().to_ascii_lowercase();
    recipient.starts_with("age1")
        && recipient.bytes().filter(|b| *b == b'1').count() > 1
        && !recipient.starts_with("age1pq1")
}

pub(super) fn is_allowed(host: &str, allowed: &[String]) -> bool {
    let name = |host: &str| match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name.to_owned(),
        _ => host.to_owned(),
    };
    allowed.iter().any(|a| a == host || *a == name(host))
}

/// The hosts that sops would ask for the data key; `None` where that cannot be told for sure.
pub(super) fn hosts_of<'f>(kind: KeyType, field: &dyn Fn(&str) -> &'f str) -> Option<Vec<String>> {
    let plain = |text: &str| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (!text.is_empty() && text.bytes().all(fits)).then(|| text.to_owned())
    };
    Some(match kind {
        KeyType::Age | KeyType::Pgp => Vec::new(),
        KeyType::Kms => {
            let (at, suffix) = region_of(field("arn"))?;
            let at = plain(at)?;
            let mut hosts = vec![format!("kms.{at}.{suffix}")];
            // Taking on a role asks another service, with the same credentials.
            if !field("role").is_empty() {
                hosts.push(format!("sts.{at}.{suffix}"));
            }
            hosts
        }
        KeyType::GcpKms => vec!["cloudkms.googleapis.com".to_owned()],
        KeyType::HcKms => {
            let region = plain(field("key_id").split(':').next()?)?;
            vec![format!("kms.{region}.myhuaweicloud.com")]
        }
        KeyType::AzureKv => vec![host_of_url(field("vault_url"))?],
        KeyType::HcVault => vec![host_of_url(field("vault_address"))?],
    })
}

/// The region of an AWS key, and where the services of its partition are.
fn region_of(arn: &str) -> Option<(&str, &'static str)> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "kms", region, ..] = parts.as_slice() else {
        return None;
    };
    match *partition {
        "aws" | "aws-us-gov" => Some((*region, "amazonaws.com")),
        "aws-cn" => Some((*region, "amazonaws.com.cn")),
        _ => None,
    }
}

/// Host and port of a URL without anything that two readers could read in two ways.
fn host_of_url(url: &str) -> Option<String> {
    let rest = (url.strip_prefix("https://")).or_else(|| url.strip_prefix("http://"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path_fits = |b: u8| b.is_ascii_alphanumeric() || b"/-_.".contains(&b);
    let (name, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let name_fits = |b: u8| b.is_ascii_alphanumeric() || b"-.".contains(&b);
    let sound = !name.is_empty()
        && name.bytes().all(name_fits)
        && !port.is_empty()
        && port.bytes().all(|b| b.is_ascii_digit())
        && path.bytes().all(path_fits);
    sound.then(|| authority.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sops::metadata;
    use crate::syntax::{Format, parse};

    fn sealed(meta: &str, allowed: &Allowed) -> Result<Value, Refusal> {
        let parsed = parse(meta, Format::Yaml);
        let meta = metadata::find(&parsed.documents[0], Format::Yaml).unwrap();
        let leaf = |keys: &[&str], text: &str| SealedLeaf {
            keys: keys.iter().map(|k| (*k).to_owned()).collect(),
            text: text.to_owned(),
        };
        let leaves = vec![
            leaf(&["a", "b"], "ENC[1]"),
            leaf(&["a"], "ENC[2]"),
            leaf(&["sops", "x"], "ENC[3]"),
        ];
        let sealed = Sealed::new(&meta, leaves, false, allowed)?;
        let mut answer: Value = serde_json::from_slice(&sealed.text).unwrap();
        assert_eq!(sealed.take(1, &mut answer), Some(json!("ENC[2]")));
        assert_eq!(sealed.take(0, &mut answer), Some(json!("ENC[1]")));
        assert_eq!(sealed.take(2, &mut answer), None);
        Ok(answer["sops"].take())
    }

    const AGE: &str = "  age:\n  - recipient: age1qq\n    enc: E\n    more: x\n";
    const VAULT: &str = "  hc_vault:\n  - vault_address: http://127.0.0.1:8200\n    engine_path: t\n    key_name: k\n    enc: V\n";

    fn allowed(hosts: &[&str]) -> Allowed {
        Allowed {
            hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
            ..Allowed::default()
        }
    }

    #[test]
    fn only_what_is_known_is_handed_on() {
        let meta = format!("sops:\n{AGE}{VAULT}  HC_VAULT: [{{}}]\n  mac: M\n  sneaky: 1\n");
        let of = sealed(&meta, &Allowed::default()).unwrap();
        let names: Vec<&String> = of.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            ["age", "encrypted_regex", "lastmodified", "mac", "version"]
        );
        assert_eq!(of["age"], json!([{"recipient": "age1qq", "enc": "E"}]));
        let with = sealed(&meta, &allowed(&["127.0.0.1"])).unwrap();
        assert_eq!(
            with["hc_vault"][0]["vault_address"],
            "http://127.0.0.1:8200"
        );
    }

    #[test]
    fn services_need_consent() {
        let meta = format!("sops:\n{VAULT}");
        let asked = Refusal::Services(vec!["127.0.0.1:8200".into()]);
        assert_eq!(sealed(&meta, &Allowed::default()), Err(asked.clone()));
        assert_eq!(sealed(&meta, &allowed(&["127.0.0.2"])), Err(asked));
        for good in ["127.0.0.1", "127.0.0.1:8200"] {
            assert!(sealed(&meta, &allowed(&[good])).is_ok());
        }
        for bad in [
            "http://a@b/",
            "https://a\\b",
            "//x",
            "https://x?y",
            "https://",
        ] {
            assert_eq!(host_of_url(bad), None, "{bad}");
        }
        let odd = "sops:\n  kms:\n  - arn: \"arn:aws:kms:x.evil/:1:key/a\"\n    enc: E\n";
        let all = Allowed {
            any_host: true,
            ..Allowed::default()
        };
        assert_eq!(sealed(odd, &all), Err(Refusal::NoKeys));
        let role =
            "sops:\n  kms:\n  - arn: \"arn:aws:kms:eu-west-1:1:key/a\"\n    role: r\n    enc: E\n";
        assert_eq!(
            sealed(role, &allowed(&["kms.eu-west-1.amazonaws.com"])),
            Err(Refusal::Services(vec![
                "sts.eu-west-1.amazonaws.com".into()
            ]))
        );
    }

    #[test]
    fn plugins_need_consent() {
        let meta = "sops:\n  age:\n  - recipient: age1yubikey1qq\n    enc: E\n";
        assert_eq!(sealed(meta, &Allowed::default()), Err(Refusal::Plugins));
        let plugins = Allowed {
            plugins: true,
            ..Allowed::default()
        };
        assert!(sealed(meta, &plugins).is_ok());
        assert!(!is_plugin("age1pq1qq") && !is_plugin("ssh-ed25519 AAAA1 1"));
    }

    #[test]
    fn of_several_groups_enough_must_be_left() {
        let group = |keys: &str| format!("  - {}", keys.replace('\n', "\n  ").trim_start());
        let (a, v) = (group(AGE), group(VAULT));
        let groups = |list: &[&String], threshold: &str| {
            let all: String = list.iter().map(|g| format!("{}\n", g.trim_end())).collect();
            format!("sops:\n{threshold}  key_groups:\n{all}")
        };
        let two_of_three = groups(&[&a, &v, &a], "  shamir_threshold: 2\n");
        let of = sealed(&two_of_three, &Allowed::default()).unwrap();
        assert_eq!(of["key_groups"].as_array().unwrap().len(), 2);
        assert_eq!(of["shamir_threshold"], 2);
        let all = groups(&[&a, &v, &a], "");
        assert!(sealed(&all, &Allowed::default()).is_err());
        let one = groups(&[&a], "");
        assert!(sealed(&one, &Allowed::default()).unwrap()["age"].is_array());
    }
}

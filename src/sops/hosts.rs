//! What encrypting to a recipient, or opening what is encrypted to it, reaches: hosts of key services, plugins of age.
//!
//! A rule keeps a recipient as the one text that sops compares; here it is taken apart again. What cannot be put together
//! to the same text is not understood, and nobody can have allowed it.

use super::recipients::{KeyEntry, KeyType};
use super::sealed::{Allowed, hosts_of, is_allowed, is_plugin};

/// The fields of a key entry in metadata, as a recipient names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    values: Vec<(&'static str, String)>,
    /// Encryption context of AWS, as `key:value` in order.
    pub context: Vec<(String, String)>,
}

impl Fields {
    /// A field; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        let found = self.values.iter().find(|(n, _)| *n == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// Takes the identity of a recipient apart; `None` where that cannot be done without a doubt.
pub fn fields(key: &KeyEntry) -> Option<Fields> {
    let id = key.identity.as_str();
    let one = |name| vec![(name, id.to_owned())];
    let mut context = Vec::new();
    let mut context_text = "";
    let values = match key.kind {
        KeyType::Age => one("recipient"),
        KeyType::Pgp => one("fp"),
        KeyType::GcpKms => one("resource_id"),
        KeyType::HcKms => one("key_id"),
        KeyType::Kms => {
            let mut parts = id.splitn(3, '|');
            let head = parts.next()?;
            context_text = parts.next().unwrap_or("");
            let profile = parts.next().unwrap_or("");
            for pair in context_text.split(',').filter(|p| !p.is_empty()) {
                let (name, value) = pair.split_once(':')?;
                context.push((name.to_owned(), value.to_owned()));
            }
            let (arn, role) = head.split_once('+').unwrap_or((head, ""));
            vec![
                ("arn", arn.to_owned()),
                ("role", role.to_owned()),
                ("aws_profile", profile.to_owned()),
            ]
        }
        KeyType::AzureKv => {
            let (url, rest) = id.split_once("/keys/")?;
            let (name, version) = rest.split_once('/').unwrap_or((rest, ""));
            vec![
                ("vault_url", url.to_owned()),
                ("name", name.to_owned()),
                ("version", version.to_owned()),
            ]
        }
        KeyType::HcVault => {
            let (address, rest) = id.split_once("/v1/")?;
            let (engine, name) = rest.rsplit_once("/keys/")?;
            vec![
                ("vault_address", address.to_owned()),
                ("engine_path", engine.to_owned()),
                ("key_name", name.to_owned()),
            ]
        }
    };
    let fields = Fields { values, context };
    let same = key.kind.identity(&|name| fields.get(name), context_text) == id;
    same.then_some(fields)
}

/// The hosts that sops asks for a recipient, none for age, SSH and PGP; `None` where that cannot be told.
pub fn hosts(key: &KeyEntry) -> Option<Vec<String>> {
    let fields = fields(key)?;
    hosts_of(key.kind, &|name| fields.get(name))
}

/// Whether age takes the recipient to a plugin.
pub fn needs_plugin(key: &KeyEntry) -> bool {
    key.kind == KeyType::Age && is_plugin(&key.identity)
}

/// What keeps sops from being asked about some recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAllowed {
    /// Hosts that were not allowed.
    Hosts(Vec<String>),
    /// A plugin of age would run.
    Plugins,
    /// Which host would be asked is not sure.
    Unknown,
}

/// Whether everything that `keys` reach was allowed.
pub fn check<'k>(
    keys: impl Iterator<Item = &'k KeyEntry>,
    allowed: &Allowed,
) -> Result<(), NotAllowed> {
    let (mut refused, mut plugins) = (Vec::new(), false);
    for key in keys {
        plugins |= needs_plugin(key) && !allowed.plugins;
        let asked = hosts(key).ok_or(NotAllowed::Unknown)?;
        let may = |host: &String| allowed.any_host || is_allowed(host, &allowed.hosts);
        refused.extend(asked.into_iter().filter(|host| !may(host)));
    }
    refused.sort();
    refused.dedup();
    match (refused.is_empty(), plugins) {
        (false, _) => Err(NotAllowed::Hosts(refused)),
        (true, true) => Err(NotAllowed::Plugins),
        (true, false) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: KeyType, identity: &str) -> KeyEntry {
        KeyEntry {
            kind,
            identity: identity.to_owned(),
        }
    }

    #[test]
    fn recipients_are_taken_apart() {
        let kms = "arn:aws:kms:eu-west-1:1:key/a+arn:aws:iam::1:role/r|App:x|dev";
        let of = fields(&key(KeyType::Kms, kms)).unwrap();
        assert_eq!(of.get("arn"), "arn:aws:kms:eu-west-1:1:key/a");
        assert_eq!(of.get("role"), "arn:aws:iam::1:role/r");
        assert_eq!(of.get("aws_profile"), "dev");
        assert_eq!(of.context, [("App".to_owned(), "x".to_owned())]);
        assert_eq!(
            hosts(&key(KeyType::Kms, kms)).unwrap(),
            ["kms.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"]
        );
        let vault = key(KeyType::HcVault, "http://127.0.0.1:8200/v1/a/b/keys/k");
        assert_eq!(hosts(&vault).unwrap(), ["127.0.0.1:8200"]);
        let azure = key(KeyType::AzureKv, "https://v.vault.azure.net/keys/k/");
        assert_eq!(hosts(&azure).unwrap(), ["v.vault.azure.net"]);
        for odd in ["https://a@b/v1/t/keys/k", "no"] {
            assert_eq!(hosts(&key(KeyType::HcVault, odd)), None, "{odd}");
        }
    }

    #[test]
    fn nothing_is_reached_without_consent() {
        let keys = [
            key(
                KeyType::Age,
                "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
            ),
            key(KeyType::HcVault, "http://127.0.0.1:8200/v1/t/keys/k"),
        ];
        let none = Allowed::default();
        let refused = NotAllowed::Hosts(vec!["127.0.0.1:8200".to_owned()]);
        assert_eq!(check(keys.iter(), &none), Err(refused));
        assert_eq!(check(keys[..1].iter(), &none), Err(NotAllowed::Plugins));
        let all = Allowed {
            any_host: true,
            plugins: true,
            ..Allowed::default()
        };
        assert_eq!(check(keys.iter(), &all), Ok(()));
    }
}

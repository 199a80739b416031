//! Recipients: key types, their identity as `sops updatekeys` compares it, and the drift between a file and its rule.
//!
//! sops compares groups by position and keys within a group as sets of strings (`keyservice`/`updatekeys`); the strings
//! are those of `MasterKey.ToString`. Differences that only look like one (letter case of a fingerprint, a trailing
//! slash) are cosmetic and are not reported.

use std::collections::BTreeSet;

use base64::Engine as _;

/// The kinds of keys sops encrypts data keys to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyType {
    /// age, SSH and plugin recipients.
    Age,
    /// OpenPGP fingerprints.
    Pgp,
    /// AWS KMS.
    Kms,
    /// Google Cloud KMS.
    GcpKms,
    /// Huawei Cloud KMS.
    HcKms,
    /// Azure Key Vault.
    AzureKv,
    /// HashiCorp Vault transit.
    HcVault,
}

impl KeyType {
    /// By the field of the metadata.
    pub fn from_metadata_field(name: &str) -> Option<Self> {
        Some(match name {
            "age" => Self::Age,
            "pgp" => Self::Pgp,
            "kms" => Self::Kms,
            "gcp_kms" => Self::GcpKms,
            "hckms" => Self::HcKms,
            "azure_kv" => Self::AzureKv,
            "hc_vault" => Self::HcVault,
            _ => return None,
        })
    }

    /// The field of the metadata.
    pub fn metadata_field(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Pgp => "pgp",
            Self::Kms => "kms",
            Self::GcpKms => "gcp_kms",
            Self::HcKms => "hckms",
            Self::AzureKv => "azure_kv",
            Self::HcVault => "hc_vault",
        }
    }

    /// Name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Pgp => "PGP",
            Self::Kms => "AWS KMS",
            Self::GcpKms => "GCP KMS",
            Self::HcKms => "Huawei KMS",
            Self::AzureKv => "Azure Key Vault",
            Self::HcVault => "Vault",
        }
    }

    /// Fields of a key entry in the metadata.
    pub fn metadata_fields(self) -> &'static [&'static str] {
        match self {
            Self::Age => &["recipient", "enc"],
            Self::Pgp => &["fp", "created_at", "enc"],
            Self::Kms => &["arn", "role", "context", "aws_profile", "created_at", "enc"],
            Self::GcpKms => &["resource_id", "created_at", "enc"],
            Self::HcKms => &["key_id", "created_at", "enc"],
            Self::AzureKv => &["vault_url", "name", "version", "created_at", "enc"],
            Self::HcVault => &[
                "vault_address",
                "engine_path",
                "key_name",
                "created_at",
                "enc",
            ],
        }
    }

    /// Whether `created_at` must be there.
    pub fn has_created_at(self) -> bool {
        self != Self::Age
    }

    /// The identity of a key entry as sops compares it; empty when it has none.
    pub fn identity<'f>(self, field: &dyn Fn(&str) -> &'f str, context: &str) -> String {
        match self {
            Self::Age => field("recipient").to_owned(),
            Self::Pgp => field("fp").to_owned(),
            Self::Kms => kms_identity(field("arn"), field("role"), context, field("aws_profile")),
            Self::GcpKms => field("resource_id").to_owned(),
            Self::HcKms => field("key_id").to_owned(),
            Self::AzureKv => {
                if field("vault_url").is_empty() {
                    return String::new();
                }
                format!(
                    "{}/keys/{}/{}",
                    field("vault_url"),
                    field("name"),
                    field("version")
                )
            }
            Self::HcVault => {
                if field("vault_address").is_empty() {
                    return String::new();
                }
                format!(
                    "{}/v1/{}/keys/{}",
                    field("vault_address"),
                    field("engine_path"),
                    field("key_name")
                )
            }
        }
    }

    /// Whether an `enc` has the form that keys of this type produce.
    pub fn enc_fits(self, enc: &str) -> bool {
        use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
        let enc = enc.trim();
        match self {
            Self::Age => age_armor_fits(enc),
            Self::Pgp => {
                enc.starts_with("-----BEGIN PGP MESSAGE-----")
                    && enc.ends_with("-----END PGP MESSAGE-----")
            }
            Self::Kms | Self::GcpKms => STANDARD.decode(enc).is_ok(),
            Self::AzureKv => URL_SAFE_NO_PAD.decode(enc.trim_end_matches('=')).is_ok(),
            Self::HcVault => enc.starts_with("vault:v"),
            Self::HcKms => true,
        }
    }
}

/// An armored age file with its header, one stanza and a header MAC.
fn age_armor_fits(enc: &str) -> bool {
    let mut lines = enc.lines().map(str::trim);
    if lines.next() != Some("-----BEGIN AGE ENCRYPTED FILE-----")
        || !enc.ends_with("-----END AGE ENCRYPTED FILE-----")
    {
        return false;
    }
    let body: String = lines.take_while(|l| !l.starts_with("-----END")).collect();
    let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(body) else {
        return false;
    };
    bytes.starts_with(b"age-encryption.org/v1\n-> ")
        && memchr::memmem::find(&bytes, b"\n--- ").is_some()
}

/// The string sops 3.9.4 and newer compares for a KMS key.
pub fn kms_identity(arn: &str, role: &str, context: &str, profile: &str) -> String {
    let mut id = arn.to_owned();
    if !role.is_empty() {
        id.push('+');
        id.push_str(role);
    }
    if !profile.is_empty() {
        id.push('|');
        id.push_str(context);
        id.push('|');
        id.push_str(profile);
    } else if !context.is_empty() {
        id.push('|');
        id.push_str(context);
    }
    id
}

/// One recipient of a file or rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyEntry {
    /// What kind of key.
    pub kind: KeyType,
    /// Its identity as sops compares it.
    pub identity: String,
}

impl KeyEntry {
    /// The identity without cosmetic differences.
    fn normal(&self) -> String {
        match self.kind {
            KeyType::Pgp => {
                let t: String = self
                    .identity
                    .chars()
                    .filter(|c| !c.is_whitespace())
                    .collect();
                t.trim_start_matches("0x")
                    .trim_end_matches('!')
                    .to_ascii_uppercase()
            }
            // A comment behind an SSH recipient is no part of the key.
            KeyType::Age if self.identity.starts_with("ssh-") => self
                .identity
                .split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" "),
            KeyType::AzureKv | KeyType::HcVault => self
                .identity
                .replace("//", "/")
                .trim_end_matches('/')
                .to_owned(),
            _ => self.identity.trim().to_owned(),
        }
    }

    /// Whether two entries name the same key, cosmetic differences aside.
    fn same_key(&self, other: &Self) -> bool {
        if self.normal() == other.normal() {
            return true;
        }
        match (self.kind, other.kind) {
            // A rule may leave the version of an Azure key open; sops then asks Azure for the current one.
            (KeyType::AzureKv, KeyType::AzureKv) => {
                let open = |e: &Self| e.identity.ends_with('/');
                let stem = |e: &Self| {
                    e.identity
                        .rsplit_once('/')
                        .map(|(s, _)| s.replace("//", "/"))
                };
                (open(self) || open(other)) && stem(self) == stem(other)
            }
            // Short key ids name the same key as the fingerprint that ends in them.
            (KeyType::Pgp, KeyType::Pgp) => {
                let (a, b) = (self.normal(), other.normal());
                let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
                short.len() >= 8 && long.ends_with(&short)
            }
            // Files of sops up to 3.9.3 are compared by ARN alone.
            (KeyType::Kms, KeyType::Kms) => {
                let arn = |e: &Self| e.identity.split(['+', '|']).next().unwrap_or("").to_owned();
                arn(self) == arn(other)
            }
            _ => false,
        }
    }
}

/// Recipients that a file and its rule do not share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// The rule names them, the file lacks them.
    pub missing: Vec<KeyEntry>,
    /// The file has them, the rule does not name them.
    pub extra: Vec<KeyEntry>,
}

/// Compares the key groups of a file with those of its rule, group by group.
pub fn drift(file: &[Vec<KeyEntry>], rule: &[Vec<KeyEntry>]) -> Drift {
    let mut out = Drift::default();
    let none = Vec::new();
    for i in 0..file.len().max(rule.len()) {
        let f = file.get(i).unwrap_or(&none);
        let r = rule.get(i).unwrap_or(&none);
        let lacking = |from: &[KeyEntry], other: &[KeyEntry]| -> Vec<KeyEntry> {
            let unique: BTreeSet<&KeyEntry> = from.iter().collect();
            unique
                .into_iter()
                .filter(|k| !other.iter().any(|o| o.same_key(k)))
                .cloned()
                .collect()
        };
        out.missing.extend(lacking(r, f));
        out.extra.extend(lacking(f, r));
    }
    out
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
    fn drift_is_by_position_and_ignores_cosmetics() {
        let a = key(KeyType::Age, "age1a");
        let b = key(KeyType::Age, "age1b");
        let d = drift(&[vec![a.clone()]], &[vec![a.clone(), b.clone()]]);
        assert_eq!((d.missing, d.extra), (vec![b.clone()], vec![]));
        let d = drift(
            &[vec![b.clone()], vec![a.clone()]],
            &[vec![a.clone()], vec![b.clone()]],
        );
        assert_eq!((d.missing.len(), d.extra.len()), (2, 2));
        let lower = key(KeyType::Pgp, "85d77543b3d624b63cea9e6dbc17301b491b3f21");
        let upper = key(
            KeyType::Pgp,
            "85D7 7543 B3D6 24B6 3CEA 9E6D BC17 301B 491B 3F21",
        );
        assert_eq!(drift(&[vec![lower]], &[vec![upper]]), Drift::default());
        let open = key(KeyType::AzureKv, "https://v.vault.azure.net/keys/k/");
        let fixed = key(KeyType::AzureKv, "https://v.vault.azure.net/keys/k/abc");
        assert_eq!(drift(&[vec![fixed]], &[vec![open]]), Drift::default());
    }

    #[test]
    fn kms_identities_follow_sops() {
        assert_eq!(kms_identity("arn:a", "", "", ""), "arn:a");
        assert_eq!(kms_identity("arn:a", "arn:r", "k:v", ""), "arn:a+arn:r|k:v");
        assert_eq!(kms_identity("arn:a", "", "", "p"), "arn:a||p");
    }
}

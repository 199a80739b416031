//! Recipients as they are shown: so that a colleague can be told from a stranger.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::model::Label;
use crate::sops::recipients::{KeyEntry, KeyType};

/// What a recipient is called, and the whole key where that is its fingerprint and the key is new.
pub(super) fn of(key: &KeyEntry, new: bool) -> (Label, Option<Label>) {
    let whole = || Label::whole(&key.identity);
    match ssh(key) {
        Some(print) => (Label::whole(&print), new.then(whole)),
        None if new => (whole(), None),
        None => (Label::identity(&key.identity), None),
    }
}

/// Kind and fingerprint of an SSH key, as `ssh-keygen -l` prints it.
fn ssh(key: &KeyEntry) -> Option<String> {
    let mut words = key.identity.split_whitespace();
    let kind = words
        .next()
        .filter(|w| key.kind == KeyType::Age && w.starts_with("ssh-"))?;
    let blob = STANDARD.decode(words.next()?).ok()?;
    let print = STANDARD_NO_PAD.encode(Sha256::digest(blob));
    Some(format!("{kind} SHA256:{print}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: KeyType, identity: &str, new: bool) -> (String, Option<String>) {
        let identity = identity.to_owned();
        let (label, whole) = of(&KeyEntry { kind, identity }, new);
        let text = |l: Label| l.as_str().to_owned();
        (text(label), whole.map(text))
    }

    #[test]
    fn an_ssh_key_is_its_fingerprint_and_a_new_one_is_whole() {
        // The fingerprint is what `ssh-keygen -lf` says of it.
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZXsdJCk0kzvZEv8zQbAfNQwFwZ3mVQ0qcZsPqnW3dL me@host";
        let print = "ssh-ed25519 SHA256:tNUr8owrmor2EV88sr6OpN9o4wIDsvZDhVN5wbzSMN0".to_owned();
        assert_eq!(shown(KeyType::Age, key, false), (print.clone(), None));
        assert_eq!(
            shown(KeyType::Age, key, true),
            (print, Some(key.to_owned()))
        );
    }

    #[test]
    fn a_new_recipient_is_neither_cut_nor_masked() {
        let age = "age1prkutxta5xq0mlrmrzk4xsnylyzyhjfe7yj0yj7y0nqjwhgvcfdslhwrwz";
        assert_eq!(shown(KeyType::Age, age, true).0, age);
        assert!(shown(KeyType::Age, age, false).0.contains('…'));
        let long = format!(
            "https://vault.example.org/keys/{}/a1b2c3d4e5f6a7x8y9",
            "k".repeat(200)
        );
        assert_eq!(shown(KeyType::AzureKv, &long, true).0, long);
        let url = "https://user:hunter2hunter2@vault.example.org/v1/transit/keys/k";
        assert!(!shown(KeyType::HcVault, url, true).0.contains("hunter2"));
    }
}

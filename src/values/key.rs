//! Keys as words: how a key is taken apart, and which keys are harmless.
//!
//! A key is split at everything that is neither letter nor digit, between letters and digits, and where camel case starts a
//! new word, so `DB_PASSWORD2`, `dbPassword2` and `db.password.2` give the same words. Nothing here looks at values; what
//! makes a key a credential key stands in `credential.rs`.

use super::credential::is_credential_key;
use crate::words::{HARMLESS_KEYS_LAST_WORD, HARMLESS_KEYS_WHOLE};

/// The words of a key in lower case; a run of digits is a word of its own.
pub fn words_of(key: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut previous = Class::Other;
    let mut chars = key.chars().peekable();
    while let Some(c) = chars.next() {
        let class = Class::of(c);
        let next_is_lower = chars.peek().is_some_and(|n| n.is_lowercase());
        let starts_word = match (previous, class) {
            (_, Class::Other) => true,
            (Class::Lower, Class::Upper) => true,
            // `APIKey`: the last capital of a run begins the next word.
            (Class::Upper, Class::Upper) => next_is_lower && !word.is_empty(),
            (Class::Digit, Class::Lower | Class::Upper)
            | (Class::Lower | Class::Upper, Class::Digit) => true,
            _ => false,
        };
        if starts_word && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if class != Class::Other {
            word.extend(c.to_lowercase());
        }
        previous = class;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Other,
}

impl Class {
    fn of(c: char) -> Self {
        if c.is_numeric() {
            Self::Digit
        } else if c.is_uppercase() {
            Self::Upper
        } else if c.is_alphabetic() {
            Self::Lower
        } else {
            Self::Other
        }
    }
}

/// The last word that is not a number: `host` of `DB_HOST_2`.
pub(super) fn last_word(words: &[String]) -> Option<&str> {
    words
        .iter()
        .rev()
        .map(String::as_str)
        .find(|w| !w.chars().all(char::is_numeric))
}

/// Whether a short text under this key is harmless unless its form says otherwise. Never true of a credential key.
pub fn is_harmless_key(key: &str) -> bool {
    let words = words_of(key);
    let no_number = |w: &&String| !w.chars().all(char::is_numeric);
    let last_two: Vec<&String> = words.iter().filter(no_number).rev().take(2).collect();
    // `s3EndPoint`, `user_name`: two words that are one on the list.
    let joined = matches!(last_two.as_slice(), [b, a] if HARMLESS_KEYS_LAST_WORD.contains(format!("{a}{b}").as_str()));
    let listed = joined
        || last_word(&words).is_some_and(|w| HARMLESS_KEYS_LAST_WORD.contains(w))
        || HARMLESS_KEYS_WHOLE.contains(words.concat().as_str());
    listed && !is_credential_key(key)
}

/// Whether the key names an identifier, which may look like a random token and is none.
pub(super) fn names_identifier(key: &str) -> bool {
    let words = words_of(key);
    last_word(&words).is_some_and(|w| {
        matches!(w, "sub" | "fingerprint")
            || (w.ends_with("id") && HARMLESS_KEYS_LAST_WORD.contains(w))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_split_at_separators_case_and_digits() {
        for (key, words) in [
            ("DB_PASSWORD", "db password"),
            ("accessKeyId", "access key id"),
            ("accessKeyID", "access key id"),
            ("APIKey", "api key"),
            ("PGPASSWORD", "pgpassword"),
            ("tls.key", "tls key"),
            (".dockerconfigjson", "dockerconfigjson"),
            ("oauth2Token", "oauth 2 token"),
            ("", ""),
            ("--", ""),
            ("Größe-2", "größe 2"),
        ] {
            assert_eq!(words_of(key).join(" "), words, "{key}");
        }
    }

    #[test]
    fn harmless_keys_follow_the_last_word_and_never_cover_credentials() {
        for key in [
            "host",
            "DB_HOST",
            "dbHost2",
            "PGHOST",
            "port",
            "user",
            "username",
            "adminUser",
            "name",
            "DB_NAME",
            "db",
            "database",
            "bucket",
            "endpoint",
            "region",
            "zone",
            "domain",
            "email",
            "url",
            "baseUrl",
            "address",
            "id",
            "clientId",
            "type",
            "mode",
            "version",
            "githubAppID",
            "secretName",
            "tokenId",
            "private_key_id",
            "uuid",
            "sub",
            "fingerprint",
        ] {
            assert!(is_harmless_key(key), "{key}");
        }
        for key in [
            "password",
            "token_url",
            "AUTH_HOST",
            "access_key_id",
            "webhook_url",
            "hostess",
            "value",
            "k",
            "",
            "secret_user",
            "config",
            "ghost",
        ] {
            assert!(!is_harmless_key(key), "{key}");
        }
    }
}

//! Credentials by name and by form: is this a key that holds credentials, does this text look like one?
//!
//! Both questions come from the product contract (section 3, "Terms"). The words are data (`credential-words`,
//! `not-credential-words`, `credential-key-exempt-endings`); what counts as a form is code. A text's form says nothing
//! about whether it is real: placeholders are told apart elsewhere. Expressions are taken out before a text is looked at,
//! so `postgres://app:${PASSWORD}@db` has no credential form, while a default inside an expression is looked at as well.

use std::sync::LazyLock;

use super::key::{last_word, words_of};
use super::template::{self, HOLE};
use crate::words::{
    CREDENTIAL_KEY_EXEMPT_ENDINGS, CREDENTIAL_WORDS, NOT_CREDENTIAL_WORDS,
    NOT_SECRET_KEY_QUALIFIERS,
};

/// Lists that are walked for every key, parsed once.
static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| CREDENTIAL_WORDS.iter().collect());
static ENDINGS: LazyLock<Vec<&str>> =
    LazyLock::new(|| CREDENTIAL_KEY_EXEMPT_ENDINGS.iter().collect());

/// Whether the key has a credential word and does not merely name or locate a credential.
pub fn is_credential_key(key: &str) -> bool {
    let words = words_of(key);
    // An access key id is half of a pair of credentials, not a mere name.
    if words
        .concat()
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .ends_with("accesskeyid")
    {
        return true;
    }
    // `primaryKey` names a column, `publicKey` what everybody may have.
    let counts = |i: usize| {
        let qualified = i > 0
            && matches!(words[i].as_str(), "key" | "keys")
            && NOT_SECRET_KEY_QUALIFIERS.contains(&words[i - 1]);
        !qualified && has_credential_word(&words[i])
    };
    if !(0..words.len()).any(counts) {
        return false;
    }
    last_word(&words).is_some_and(|last| !is_exempt_ending(last))
}

/// Short words stand in too many others (`pin` in `shipping`), so they count only at the edge of a glued word.
fn has_credential_word(word: &str) -> bool {
    if NOT_CREDENTIAL_WORDS.contains(word) {
        return false;
    }
    let singular = word.strip_suffix('s').unwrap_or(word);
    if CREDENTIAL_WORDS.contains(word) || CREDENTIAL_WORDS.contains(singular) {
        return true;
    }
    if NOT_CREDENTIAL_WORDS.contains(singular) {
        return false;
    }
    WORDS.iter().any(|c| match c.len() {
        0..=3 => [word, singular]
            .iter()
            .any(|w| w.ends_with(c) && w.len() >= c.len() + 2),
        4 => word.starts_with(c) || word.ends_with(c) || singular.ends_with(c),
        _ => word.contains(c),
    })
}

/// `name`, but also `secretname`: an ending glued to a credential word.
fn is_exempt_ending(word: &str) -> bool {
    CREDENTIAL_KEY_EXEMPT_ENDINGS.contains(word)
        || ENDINGS.iter().any(|ending| {
            word.strip_suffix(ending)
                .is_some_and(|rest| WORDS.iter().any(|c| rest.ends_with(c)))
        })
}

/// Whether the text looks like a credential whatever its key: a private key, a random token, a URL with credentials, or a
/// quoted password in SQL.
pub fn has_credential_form(text: &str) -> bool {
    has_private_key_marker(text) || {
        let stripped = template::strip(text);
        std::iter::once(stripped.rest())
            .chain(stripped.literals().map(|l| l.text()))
            .any(|t| contains_random_token(t) || has_url_credentials(t) || has_sql_password(t))
    }
}

/// The forms but for random tokens, which identifiers may hold. The text has its expressions taken out already.
pub(super) fn has_form_beside_tokens(rest: &str) -> bool {
    has_private_key_marker(rest) || has_url_credentials(rest) || has_sql_password(rest)
}

/// Whether the text holds the beginning of a private key. Whether the key is sound is for the private-key check to say.
pub fn has_private_key_marker(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memmem::find_iter(bytes, b"-----BEGIN ").any(|at| {
        let label = &bytes[at + 11..bytes.len().min(at + 11 + 48)];
        let end = memchr::memmem::find(label, b"-----").unwrap_or(label.len());
        memchr::memmem::find(&label[..end], b"PRIVATE KEY").is_some()
    }) || memchr::memmem::find(bytes, b"AGE-SECRET-KEY-").is_some()
        || memchr::memmem::find(bytes, b"PuTTY-User-Key-File-").is_some()
}

/// Whether the text holds a random token: 16 or more letters and digits mixed without a separator, or a UUID.
///
/// Words with a number behind them (`elasticsearchmaster01`) are not mixed, and a digest that says so (`sha256:…`) is no
/// token.
pub fn contains_random_token(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && bytes[at].is_ascii_alphanumeric() {
            at += 1;
        }
        let run = &bytes[start..at];
        if (run.len() >= 16 && is_mixed(run) && !is_labelled_digest(&bytes[..start], run))
            || is_uuid_at(bytes, start, at)
        {
            return true;
        }
    }
    false
}

/// Letters and digits, but not one word in one case with a short number behind it.
fn is_mixed(run: &[u8]) -> bool {
    let digits = run.iter().filter(|b| b.is_ascii_digit()).count();
    if digits == 0 || digits == run.len() || is_counting(run) {
        return false;
    }
    let word = run.len() - run.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let word_then_number = digits == run.len() - word && digits <= 4;
    let (lower, upper) = (&run[1..word.max(1)], &run[..word]);
    !(word_then_number
        && (lower.iter().all(u8::is_ascii_lowercase) || upper.iter().all(u8::is_ascii_uppercase)))
}

/// `a1b2c3d4e5f6a7b8`: letters and digits that count upwards by turns, which only people who make up an example write.
fn is_counting(run: &[u8]) -> bool {
    let counts = |bytes: Vec<u8>, wraps: bool| {
        bytes.len() >= 5
            && bytes.windows(2).all(|w| {
                w[1] == w[0] + 1 || (wraps && w[1] < w[0]) || (w[0] == b'9' && w[1] == b'0')
            })
    };
    let lower = run.to_ascii_lowercase();
    let (digits, letters): (Vec<u8>, Vec<u8>) = lower.iter().partition(|b| b.is_ascii_digit());
    counts(digits, false) && counts(letters, true)
}

/// The text with UUIDs taken out.
pub(super) fn without_uuids(text: &str) -> std::borrow::Cow<'_, str> {
    let bytes = text.as_bytes();
    let Some(first) = (0..bytes.len().saturating_sub(35)).find(|i| is_uuid_at(bytes, *i, i + 8))
    else {
        return text.into();
    };
    let mut out = String::with_capacity(text.len());
    let (mut at, mut next) = (0, first);
    while next + 36 <= bytes.len() {
        if is_uuid_at(bytes, next, next + 8) {
            out.push_str(&text[at..next]);
            at = next + 36;
            next = at;
        } else {
            next += 1;
        }
    }
    out.push_str(&text[at..]);
    out.into()
}

fn is_labelled_digest(before: &[u8], run: &[u8]) -> bool {
    let lengths: [(&[u8], usize); 4] = [
        (b"sha256:", 64),
        (b"sha512:", 128),
        (b"sha1:", 40),
        (b"md5:", 32),
    ];
    run.iter().all(u8::is_ascii_hexdigit)
        && lengths.iter().any(|(label, len)| {
            run.len() == *len
                && before.len() >= label.len()
                && before[before.len() - label.len()..].eq_ignore_ascii_case(label)
        })
}

/// A UUID whose first group is the run `start..end`.
fn is_uuid_at(bytes: &[u8], start: usize, end: usize) -> bool {
    end - start == 8
        && bytes.get(start..start + 36).is_some_and(|b| {
            b.iter().enumerate().all(|(i, c)| match i {
                8 | 13 | 18 | 23 => *c == b'-',
                _ => c.is_ascii_hexdigit(),
            })
        })
        && bytes
            .get(start + 36)
            .is_none_or(|b| !b.is_ascii_alphanumeric())
}

/// Whether the text holds a URL with a password in it that is no substitution.
pub fn url_with_credentials(text: &str) -> bool {
    let stripped = template::strip(text);
    has_url_credentials(stripped.rest())
}

fn has_url_credentials(rest: &str) -> bool {
    memchr::memmem::find_iter(rest.as_bytes(), b"://").any(|at| {
        let scheme_before = rest[..at]
            .bytes()
            .next_back()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        let after = &rest[at + 3..];
        let end = after
            .find(|c: char| c.is_whitespace() || "/?#\"'`<>".contains(c))
            .unwrap_or(after.len());
        scheme_before && userinfo_password(&after[..end]).is_some_and(is_literal_password)
    })
}

/// The password of `user:password@host`.
pub(super) fn userinfo_password(authority: &str) -> Option<&str> {
    let (userinfo, _host) = authority.rsplit_once('@')?;
    userinfo.split_once(':').map(|(_, password)| password)
}

/// Whether a password part is written out: not a hole with at most short words around it, a shell variable, or mere stars.
fn is_literal_password(password: &str) -> bool {
    if password.contains(HOLE) {
        return password
            .split(|c: char| !c.is_alphanumeric())
            .any(|w| w.chars().count() > 6);
    }
    password.chars().any(char::is_alphanumeric) && !is_shell_variable(password)
}

/// `$NAME`, which a shell fills in.
pub(super) fn is_shell_variable(text: &str) -> bool {
    text.strip_prefix('$').is_some_and(|name| {
        name.bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// `IDENTIFIED BY '…'` and `PASSWORD '…'` with something written out between the quotes.
fn has_sql_password(rest: &str) -> bool {
    let bytes = rest.as_bytes();
    memchr::memchr2_iter(b'\'', b'"', bytes).any(|quote| {
        let before = rest[..quote].trim_end();
        before.len() < quote
            && (ends_with_word(before, "password")
                || (ends_with_word(before, "by")
                    && window(before, 80)
                        .to_ascii_lowercase()
                        .contains("identified")))
            && quoted(&rest[quote..]).is_some_and(is_literal_password)
    })
}

/// The text in the quotes with which `text` begins, looked for in a window so that many quotes stay cheap.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next()?;
    let inside = &text[1..];
    let mut end = inside.len().min(512);
    while !inside.is_char_boundary(end) {
        end -= 1;
    }
    inside[..end].split_once(quote).map(|(t, _)| t)
}

fn ends_with_word(text: &str, word: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= word.len() && {
        let (before, end) = bytes.split_at(bytes.len() - word.len());
        end.eq_ignore_ascii_case(word.as_bytes())
            && before.last().is_none_or(|b| !b.is_ascii_alphanumeric())
    }
}

/// The last `len` bytes or a little more, cut at a character.
fn window(text: &str, len: usize) -> &str {
    let mut start = text.len().saturating_sub(len);
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credential_keys_and_their_near_misses() {
        for key in [
            "password",
            "DB_PASSWORD",
            "PGPASSWORD",
            "userPasswd",
            "rootpass",
            "pwd",
            "dbpwd",
            "clientSecret",
            "secrets",
            "apikey",
            "api_key",
            "API-KEY",
            "apiKey2",
            "authtoken",
            "auth",
            "OAuth",
            "basicAuth",
            "authorization",
            "accessKeyId",
            "access_key_id",
            "AWS_ACCESS_KEY_ID",
            "awsaccesskeyid",
            "aws_secret_access_key",
            "tls.key",
            "ssh-privatekey",
            "cookie_secret",
            "sessionKey",
            "SEED",
            "pin",
            "userpin",
            "SENTRY_DSN",
            "license",
            "webhook_url",
            "signature",
            "jwt",
            "hmac",
            "otp",
            "totp",
            "psk",
            "mnemonic",
            "salt",
            "passphrase",
            "mysqlrootpassword",
            "sshkeys",
            "requirepass",
            "credentials",
            "htpasswd",
            ".pgpass",
            "token_url",
            "keystore_pass",
        ] {
            assert!(is_credential_key(key), "{key}");
        }
        for key in [
            "author",
            "authors",
            "passive",
            "keyboard",
            "keycloak",
            "monkey",
            "compass",
            "bypass",
            "shipping",
            "mapping",
            "spin",
            "credit",
            "authority",
            "secretName",
            "secretname",
            "secret_ref",
            "tokenFile",
            "TOKEN_FILE_2",
            "PASSWORD_PATH",
            "key_id",
            "tokenid",
            "private_key_id",
            "token_subject",
            "key_sha256",
            "key_tag",
            "passwordEnv",
            "host",
            "user",
            "",
            "_",
            "tokenizer",
            "passthrough",
            "secretary",
            "keyspace",
            "footprint",
        ] {
            assert!(!is_credential_key(key), "{key}");
        }
    }

    #[test]
    fn forms_of_credentials() {
        for text in [
            "-----BEGIN RSA PRIVATE KEY-----",
            "x -----BEGIN PRIVATE KEY-----",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----",
            "AGE-SECRET-KEY-1",
            "kqtkVbwvnyuaNq1N",
            "a/kqtkVbwvnyuaNq1N.b",
            "c6c9bb210d483af39d4a4a3a9d9bd531",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "https://u:p@a/b",
            "redis://:kumquat@cache:6379",
            "see postgres://app:kumquat@db/app",
            "postgres://app:kumquat-${X}@db/app",
            "ALTER USER app IDENTIFIED BY 'kumquat'",
            "identified with native by \"kumquat\"",
            "create role app login password 'kumquat'",
            "x=${A:-kqtkVbwvnyuaNq1N}",
        ] {
            assert!(has_credential_form(text), "{text}");
        }
        for text in [
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "kqtkVbwvnyuaNqN",
            "kqtkVbwvnyuaNqNkumquat",
            "1234567890123456",
            "elasticsearchmaster01",
            "Elasticsearchmaster01",
            "kqtk-Vbwv-nyua-Nq1N",
            "image@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "3f2504e0-4f89-11d3-9a0c",
            "https://a/b",
            "https://u@a/b",
            "https://a:8080/x@y",
            "postgres://app:${PASSWORD}@db/app",
            "postgres://app:$PASSWORD@db/app",
            "postgres://app:***@db/app",
            "postgres://app:{{ .Values.password }}@db/app",
            "://u:p@a",
            "IDENTIFIED BY '${PW}'",
            "identified by ''",
            "{{ .Values.abc123def456ghi789 }}",
            "password: 'x",
            "",
            "ééééééé://é:é",
        ] {
            assert!(!has_credential_form(text), "{text}");
        }
    }

    #[test]
    fn a_url_with_credentials_needs_a_written_password() {
        assert!(url_with_credentials("https://u:p@a/b"));
        assert!(!url_with_credentials("https://u:${P}@a/b"));
        assert!(!url_with_credentials("https://a/b"));
    }
}

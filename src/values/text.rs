//! Text of several lines inside one value, judged line by line.
//!
//! For settings files that no parser of the caller knows, scripts, and lists. A line with a key of its own is judged under
//! that key, one without under the key of the whole value. Expressions are taken out of each line on its own, public PEM
//! blocks before that. One pass, memory for one copy of the text.

use super::credential::{has_credential_form, is_credential_key};
use super::key::words_of;
use super::material::{is_nothing, is_public_line, without_public_blocks};
use super::pair::{has_credential_pair, is_filled_by_program, line_pair};
use super::template;
use super::{ValueClass, inner, scalar};
use crate::words::SOURCE_EXTENSIONS;

/// Extensions of settings files, whose lines have keys of their own.
const SETTINGS_EXTENSIONS: [&str; 9] = [
    ".yaml",
    ".yml",
    ".json",
    ".ini",
    ".env",
    ".toml",
    ".properties",
    ".xml",
    ".config",
];

/// The class of a text of several lines.
pub(super) fn classify(key: &str, text: &str) -> ValueClass {
    let mut without_pem = String::new();
    let text = if template_free_pem(text, &mut without_pem) {
        &without_pem
    } else {
        text
    };
    let lends_key = is_credential_key(key) && !names_settings_file(key);
    let mut worst = ValueClass::Harmless("nothing but comments, headings and public keys");
    for line in text.lines() {
        worst = worst.max(classify_line(key, lends_key, line.trim()));
        if worst == ValueClass::Literal {
            break;
        }
    }
    worst
}

fn template_free_pem(text: &str, rest: &mut String) -> bool {
    text.contains("-----BEGIN ") && without_public_blocks(text, rest)
}

/// `secret.sh` or `auth.json` says what the text is, not that each of its lines is a credential.
fn names_settings_file(key: &str) -> bool {
    key.rfind('.').filter(|at| *at > 0).is_some_and(|at| {
        let extension = key[at..].to_ascii_lowercase();
        SOURCE_EXTENSIONS.contains(&extension) || SETTINGS_EXTENSIONS.contains(&extension.as_str())
    })
}

fn classify_line(key: &str, lends_key: bool, line: &str) -> ValueClass {
    if is_nothing(line) || !line.chars().any(char::is_alphanumeric) {
        return ValueClass::Harmless("a line without letters and digits");
    }
    if is_public_line(line) {
        return ValueClass::Harmless("a public key");
    }
    if ["#", ";", "//", "--", "<!--"]
        .iter()
        .any(|c| line.starts_with(c))
        && !line.starts_with("#{")
    {
        return if has_credential_form(line) {
            ValueClass::Literal
        } else {
            ValueClass::Harmless("a comment")
        };
    }
    if line.starts_with('[')
        && line.ends_with(']')
        && !line.contains([',', '"', '\'', '='])
        && !has_credential_form(line)
    {
        return ValueClass::Harmless("a heading");
    }
    if let Some((own, value)) = line_pair(line) {
        return if is_filled_by_program(value) || is_prose(line, value) {
            ValueClass::Configuration
        } else {
            inner(own, value)
        };
    }
    let stripped = template::strip(line);
    if stripped.is_bare() && stripped.literals().next().is_none() {
        return ValueClass::Substitution;
    }
    if let Some(class) = logins(line) {
        return class;
    }
    if has_credential_form(line) || has_credential_pair(stripped.rest()) {
        return ValueClass::Literal;
    }
    if lends_key {
        scalar(key, line, 0)
    } else {
        ValueClass::Configuration
    }
}

/// `- Secrets: hardcoded credentials, API keys, tokens in code`: a sentence behind a colon, not a value. Quoted text is a
/// value whatever it says, and so are fewer words: a passphrase has four.
fn is_prose(line: &str, value: &str) -> bool {
    let words = value.split_ascii_whitespace().count();
    let plain = value
        .chars()
        .all(|c| c.is_alphabetic() || matches!(c, ' ' | ',' | '.' | '/' | '-' | '(' | ')' | '\''));
    let sentence = words >= 5 && (words >= 7 || value.contains(',') || value.ends_with('.'));
    sentence && plain && line.contains(": ") && !line.contains(['"', '='])
}

/// `machine x login y password z` of a netrc file.
fn logins(line: &str) -> Option<ValueClass> {
    let words = || line.split_ascii_whitespace();
    if !words()
        .next()
        .is_some_and(|w| matches!(w, "machine" | "default" | "login" | "password"))
    {
        return None;
    }
    let value = words().skip_while(|w| *w != "password").nth(1)?;
    Some(inner("password", value))
}

/// Whether a text of one line is a single pair with a key like a name: `LOG_LEVEL=info`, `level: info`.
pub(super) fn single_pair(value: &str) -> Option<(&str, &str)> {
    let (key, inner) = line_pair(value)?;
    let named = words_of(key).len() <= 6
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    // Padding of base64 is no pair, nor is the first part of `host=db user=app`.
    let simple =
        !inner.trim_matches('=').is_empty() && !inner.contains('=') && !inner.contains(": ");
    // With a sign of equality only a name as dotenv writes it: any other may be half of a password.
    let spaced = value.contains(": ");
    let dotenv = !inner.contains(char::is_whitespace)
        && key
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    (named && simple && (spaced || dotenv)).then_some((key, inner))
}

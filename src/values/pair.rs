//! `key=value` and `key: value` inside plain text: on a line of their own, and anywhere in a line or URL.
//!
//! No parser: settings files, shell scripts and connection strings all write pairs in one of these ways, and a Secret may
//! hold any of them. Works on text whose expressions were taken out, so a [`HOLE`] is a value that is not written out.

use super::credential::{is_credential_key, is_shell_variable};
use super::material::{is_boolean, is_nothing};
use super::template::HOLE;

/// Longest key that is looked at.
const MAX_KEY: usize = 96;

/// The pair that a line consists of: `key: value`, `export KEY=value`, `- "key": 'value',`, `key = value`, or
/// `requirepass value` where the key is a credential's.
pub(super) fn line_pair(line: &str) -> Option<(&str, &str)> {
    let mut line = line.trim();
    for prefix in [
        "- ", "export ", "set ", "SET ", "local ", "var ", "let ", "const ",
    ] {
        line = line.strip_prefix(prefix).unwrap_or(line).trim_start();
    }
    let (key, after) = key_at_start(line)?;
    let after = after.trim_start_matches([' ', '\t']);
    let value = if let Some(rest) = after
        .strip_prefix(":=")
        .or_else(|| after.strip_prefix("=>"))
    {
        rest
    } else if let Some(rest) = after
        .strip_prefix('=')
        .filter(|r| !r.starts_with(['=', '~']))
    {
        rest
    } else if let Some(rest) = after
        .strip_prefix(':')
        .filter(|r| r.is_empty() || r.starts_with([' ', '\t', '"']))
    {
        rest
    } else if after.len() < line.len() - key.len()
        && is_credential_key(key)
        && !after.contains(char::is_whitespace)
    {
        after
    } else {
        return None;
    };
    Some((key, unquoted(value)))
}

/// The key with which a line begins, and what follows it.
fn key_at_start(line: &str) -> Option<(&str, &str)> {
    if let Some(quote) = line.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (key, after) = line[1..].split_once(quote)?;
        return (!key.is_empty() && key.len() <= MAX_KEY).then_some((key, after));
    }
    let is_key_byte = |b: u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/' | b'$') || b >= 0x80
    };
    let end = line
        .bytes()
        .position(|b| !is_key_byte(b))
        .unwrap_or(line.len());
    // `User Id = app`: a key of several words needs its sign of equality.
    let spaced = line
        .bytes()
        .take(MAX_KEY)
        .position(|b| !(is_key_byte(b) || b == b' '));
    let end = match spaced {
        Some(n) if line.as_bytes()[n] == b'=' && line[..n].split(' ').count() <= 4 => {
            line[..n].trim_end().len()
        }
        _ => end,
    };
    (end > 0 && end <= MAX_KEY)
        .then(|| line.split_at_checked(end))
        .flatten()
}

/// The value without its quotes and without what follows it on the line.
fn unquoted(value: &str) -> &str {
    let value = value.trim().trim_end_matches([',', ';']).trim_end();
    match value.chars().next() {
        Some(quote @ ('"' | '\'' | '`')) => match value[1..].find(quote) {
            Some(end) => &value[1..=end],
            None => value,
        },
        _ => value,
    }
}

/// Whether anywhere in the text a credential key is given a value: `--password=x`, `?token=x`, `Pwd=x;`, `password: x`.
pub(super) fn has_credential_pair(rest: &str) -> bool {
    let bytes = rest.as_bytes();
    memchr::memchr2_iter(b'=', b':', bytes).any(|at| {
        let after = &rest[at + 1..];
        if bytes[at] == b':' && !after.starts_with([' ', '"']) || after.starts_with('=') {
            return false;
        }
        let key_bytes = bytes[at.saturating_sub(MAX_KEY)..at].iter().rev();
        let before = rest[..at].trim_end_matches([' ', '"', '\'']);
        let gap = at - before.len();
        let key_len = key_bytes
            .skip(gap)
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
            .count();
        key_len > 0
            && gap <= 3
            && is_credential_key(&before[before.len() - key_len..])
            && is_written_out(pair_value(after))
    })
}

/// The value behind a sign of equality, up to the next separator.
fn pair_value(after: &str) -> &str {
    let after = after.trim_start_matches([' ', '\t']);
    if let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return after[1..].split(quote).next().unwrap_or_default();
    }
    after
        .split(|c: char| c.is_whitespace() || "&;,\"'`".contains(c))
        .next()
        .unwrap_or_default()
}

/// Whether a value in a text is one: not nothing, a boolean, a hole, a variable of the shell, or a call in source code.
pub(super) fn is_written_out(value: &str) -> bool {
    !(is_nothing(value)
        || is_boolean(value)
        || is_path(value)
        || value.contains(HOLE)
        || !value.chars().any(char::is_alphanumeric)
        || is_filled_by_program(value))
}

/// `sslkey=/var/run/tls.key` names a file.
fn is_path(value: &str) -> bool {
    !super::credential::contains_random_token(value)
        && value.starts_with('/')
        && value[1..].contains('/')
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b))
}

/// `$NAME`, `"$NAME"` and `os.environ["NAME"]`, `getenv('NAME')`.
pub(super) fn is_filled_by_program(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'']);
    is_shell_variable(value) || is_call(value)
}

fn is_call(value: &str) -> bool {
    let end = value
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':')))
        .unwrap_or(value.len());
    // A value cut at its first quote ends with the bracket.
    end > 0
        && value.as_bytes()[0].is_ascii_alphabetic()
        && (matches!(&value[end..], "(" | "[")
            || (value[end..].starts_with('(') && value.ends_with(')'))
            || (value[end..].starts_with('[') && value.ends_with(']')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_pairs() {
        for (line, pair) in [
            ("key: value", Some(("key", "value"))),
            ("  KEY=value", Some(("KEY", "value"))),
            ("export KEY='value'", Some(("KEY", "value"))),
            ("- \"key\": \"value\",", Some(("key", "value"))),
            ("key = value", Some(("key", "value"))),
            ("User Id = app", Some(("User Id", "app"))),
            ("key := \"value\"", Some(("key", "value"))),
            ("'key' => 'value',", Some(("key", "value"))),
            ("requirepass kumquat", Some(("requirepass", "kumquat"))),
            ("key:", Some(("key", ""))),
            ("include kumquat", None),
            ("user:kumquat", None),
            ("https://a/b?c=d", None),
            ("if x == y", None),
            ("password is long", None),
            ("", None),
            ("é=ü", Some(("é", "ü"))),
            ("\"é", None),
        ] {
            assert_eq!(line_pair(line), pair, "{line}");
        }
    }

    #[test]
    fn credential_pairs_anywhere() {
        for text in [
            "mysql --password=kumquat",
            "https://a/b?x=1&token=kumquat",
            "Server=x;Pwd=kumquat;",
            "{\"password\": \"kumquat\"}",
            "say password: kumquat",
        ] {
            assert!(has_credential_pair(text), "{text}");
        }
        for text in [
            "mysql --password=$PASSWORD",
            "mysql --password=\"$PASSWORD\"",
            "a?token=\u{FFFC}&x=1",
            "password == x",
            "password=",
            "password: true",
            "password = getenv('PASSWORD')",
            "user=app",
            "secretName=app",
            "=x",
            ":::= é=é",
        ] {
            assert!(!has_credential_pair(text), "{text}");
        }
    }
}

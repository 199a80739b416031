//! What is harmless by its form alone: booleans, numbers, public keys and certificates, ciphertext of other tools, and
//! references to a secret store.
//!
//! Each question is asked of a whole value. A certificate may stand beside comments and other certificates, on one line
//! with `\n` escapes, or once more in base64; a private key beside it makes the value a secret, whatever else it holds.

use super::credential::{contains_random_token, has_private_key_marker};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A boolean as YAML 1.1 or 1.2 writes it.
pub(super) fn is_boolean(value: &str) -> bool {
    ["true", "false", "yes", "no", "on", "off"]
        .iter()
        .any(|b| value.eq_ignore_ascii_case(b))
}

/// Nothing: empty, an empty container, or a null that a surrounding parser left as text.
pub(super) fn is_nothing(value: &str) -> bool {
    matches!(value, "" | "{}" | "[]" | "~" | "null" | "\"\"" | "''")
}

/// A number, duration or size. Twenty digits are the most: longer ones are codes.
pub(super) fn is_quantity(value: &str) -> bool {
    let unsigned = value.strip_prefix(['-', '+']).unwrap_or(value);
    if value.len() > 40 || value.bytes().filter(u8::is_ascii_digit).count() > 20 {
        return false;
    }
    let starts = |text: &str| text.bytes().next().is_some_and(|b| b.is_ascii_digit());
    if (starts(unsigned) || unsigned.strip_prefix('.').is_some_and(starts))
        && unsigned.parse::<f64>().is_ok()
    {
        return true;
    }
    match unsigned.strip_prefix('P') {
        Some(iso) => has_units(&iso.replacen('T', "", 1)),
        None => has_units(unsigned),
    }
}

/// `1h30m`, `10Gi`, `50 %`.
fn has_units(mut text: &str) -> bool {
    const UNITS: [&str; 43] = [
        "ns", "us", "µs", "ms", "s", "m", "h", "d", "w", "y", "sec", "secs", "seconds", "min",
        "mins", "minutes", "hr", "hrs", "hours", "day", "days", "k", "g", "t", "p", "e", "b", "ki",
        "mi", "gi", "ti", "pi", "ei", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "%",
        "hour",
    ];
    let mut parts = 0;
    while !text.is_empty() {
        let number = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
            .unwrap_or(text.len());
        let after = text[number..].trim_start();
        let unit = after
            .find(|c: char| c.is_ascii_digit() || c == ' ')
            .unwrap_or(after.len());
        parts += 1;
        if number == 0 || parts > 5 || !UNITS.contains(&after[..unit].to_lowercase().as_str()) {
            return false;
        }
        text = after[unit..].trim_start();
    }
    parts > 0
}

/// Whether the whole value is public: certificates, public keys, SSH public keys and known hosts, age recipients.
pub(super) fn is_public(value: &str) -> bool {
    if has_private_key_marker(value) {
        return false;
    }
    if value.starts_with("LS0tLS1CRUdJTi") {
        return decoded(value).is_some_and(|text| !text.starts_with("LS0t") && is_public(&text));
    }
    if value.contains("-----BEGIN ") {
        let mut rest = String::new();
        let found = without_public_blocks(value, &mut rest);
        // Escaped line ends between blocks are all that one-line PEM leaves.
        return found
            && rest
                .replace("\\r", "")
                .replace("\\n", "\n")
                .lines()
                .all(is_blank_or_comment);
    }
    let mut lines = value.lines().filter(|l| !is_blank_or_comment(l)).peekable();
    lines.peek().is_some() && lines.all(is_public_line)
}

/// Base64 with line breaks, decoded to text.
fn decoded(value: &str) -> Option<String> {
    let compact: String = value.split_ascii_whitespace().collect();
    String::from_utf8(STANDARD.decode(compact).ok()?).ok()
}

fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim().trim_matches(['"', '\'', ',']);
    line.is_empty() || (line.starts_with('#') && !contains_random_token(line))
}

const PEM_BEGIN: &str = "-----BEGIN ";
const PEM_END: &str = "-----END ";

/// Copies the text without its public and sealed PEM blocks to `rest`; whether there were any.
pub(super) fn without_public_blocks(text: &str, rest: &mut String) -> bool {
    let mut found = false;
    let mut from = 0;
    while let Some(at) = text[from..].find(PEM_BEGIN).map(|n| from + n) {
        rest.push_str(&text[from..at]);
        let block = public_block(&text[at..]);
        found |= block.is_some();
        let end = at + block.unwrap_or(PEM_BEGIN.len());
        if block.is_none() {
            rest.push_str(&text[at..end]);
        }
        from = end;
    }
    rest.push_str(&text[from..]);
    found
}

/// Length of the public or sealed block with which `text` begins. Its body must be base64, so that nothing else hides.
fn public_block(text: &str) -> Option<usize> {
    let after = &text[PEM_BEGIN.len()..];
    let label = &after[..after.find("-----").filter(|n| *n <= 40)?];
    let public = label.ends_with("CERTIFICATE")
        || label.ends_with("PUBLIC KEY")
        || matches!(
            label,
            "CERTIFICATE REQUEST"
                | "NEW CERTIFICATE REQUEST"
                | "X509 CRL"
                | "PKCS7"
                | "DH PARAMETERS"
        )
        || matches!(
            label,
            "EC PARAMETERS"
                | "PGP PUBLIC KEY BLOCK"
                | "SSH2 PUBLIC KEY"
                | "AGE ENCRYPTED FILE"
                | "PGP MESSAGE"
        );
    if !public {
        return None;
    }
    let body_at = PEM_BEGIN.len() + label.len() + 5;
    let body_len = text[body_at..].find("-----")?;
    let tail = text[body_at + body_len..]
        .strip_prefix(PEM_END)?
        .strip_prefix(label)?
        .strip_prefix("-----")?;
    let body = &text[body_at..body_at + body_len];
    let base64ish =
        |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "+/=\\".contains(c);
    let plain = body
        .split(['\n', '\r'])
        .all(|l| l.chars().all(base64ish) || is_armor_header(l));
    plain.then_some(text.len() - tail.len())
}

fn is_armor_header(line: &str) -> bool {
    ["Version: ", "Comment: ", "Hash: ", "Charset: "]
        .iter()
        .any(|h| line.trim_start().starts_with(h))
        && !contains_random_token(line)
}

/// `ssh-ed25519 AAAA… comment`, the same after hosts or options, or age recipients.
pub(super) fn is_public_line(line: &str) -> bool {
    let line = line.trim().trim_matches(['"', '\'', ',']);
    if line
        .split([',', ' '])
        .filter(|w| !w.is_empty())
        .all(is_age_recipient)
        && !line.is_empty()
    {
        return true;
    }
    let mut before = true;
    let mut words = line.split_ascii_whitespace();
    while let Some(word) = words.next() {
        if is_ssh_key_type(word) {
            // The comment behind the key is free text.
            return before
                && words.next().is_some_and(is_ssh_blob)
                && words.all(|w| !contains_random_token(w));
        }
        // Hashed host names of known_hosts look random and are not secret.
        before &= word.starts_with("|1|") || !contains_random_token(word);
    }
    false
}

fn is_ssh_key_type(word: &str) -> bool {
    matches!(
        word,
        "ssh-rsa" | "ssh-dss" | "ssh-ed25519" | "ssh-ed448" | "rsa-sha2-256" | "rsa-sha2-512"
    ) || word.starts_with("ecdsa-sha2-nistp")
        || (word.starts_with("sk-") && word.ends_with("@openssh.com"))
}

fn is_ssh_blob(word: &str) -> bool {
    word.len() >= 60
        && word.starts_with("AAAA")
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
}

fn is_age_recipient(word: &str) -> bool {
    word.len() >= 59
        && word.starts_with("age1")
        && word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Ciphertext of another tool as the whole value.
pub(super) fn is_sealed_elsewhere(value: &str) -> bool {
    let wrapped = |start: &str| value.starts_with(start) && value.ends_with(']');
    (value.starts_with("$ANSIBLE_VAULT;1.")
        && value
            .lines()
            .skip(1)
            .all(|l| l.trim().bytes().all(|b| b.is_ascii_hexdigit())))
        || wrapped("ENC[PKCS7,")
        || wrapped("ENC[GPG,")
}

/// A reference to a secret store as the whole value.
pub(super) fn is_reference(value: &str) -> bool {
    if value.chars().any(char::is_control) {
        return false;
    }
    let blank = value.contains(char::is_whitespace);
    if let Some(rest) = value.strip_prefix("ref+") {
        // The echo provider of vals returns its own argument.
        return !blank
            && rest.starts_with(|c: char| c.is_ascii_alphabetic())
            && !rest.starts_with("echo:");
    }
    if let Some(rest) = value.strip_prefix("op://") {
        return rest.contains('/');
    }
    if let Some(rest) = value
        .strip_prefix(">>")
        .unwrap_or(value)
        .strip_prefix("vault:")
    {
        return !blank && rest.contains(['/', '#', ':']);
    }
    let Some(inside) = value.strip_prefix('<').and_then(|v| v.strip_suffix('>')) else {
        return false;
    };
    if inside.contains(['<', '>']) {
        return false;
    }
    inside.strip_prefix("path:").is_some_and(|p| !p.is_empty()) || is_words(inside)
}

/// `db-password`: words of letters, joined by a hyphen, underscore, dot or space.
fn is_words(text: &str) -> bool {
    let mut words = text.split(['-', '_', '.', ' ']).peekable();
    text.len() <= 80
        && words
            .peek()
            .is_some_and(|w| w.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()))
        && words.all(|w| {
            let letters = w.trim_end_matches(|c: char| c.is_ascii_digit());
            let digits = w.len() - letters.len();
            !w.is_empty()
                && letters.len() <= 20
                && digits <= 1 + 2 * usize::from(letters.is_empty())
                && letters.bytes().all(|b| b.is_ascii_alphabetic())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIKumquatKumquatKumquatKumquatKumquatKumqu";

    #[test]
    fn quantities() {
        for value in [
            "0", "5432", "-1", "+1.5", ".5", "1e5", "10m", "1h30m", "500ms", "10Gi", "100 MB",
            "50%", "PT10M", "P1D", "P1DT2H", "512k", "1T", "2TiB", "1_000k", "30 days", "5µs",
        ] {
            assert!(is_quantity(value), "{value}");
        }
        for value in [
            "",
            "-",
            "m",
            "1x",
            "10 kumquats",
            "0xdeadbeef",
            "1.2.3",
            "10.0.0.1",
            "123456789012345678901",
            "inf",
            "nan",
            "1h2x",
            "12ab",
            "1-2",
            "h1",
            "é",
            "1é",
        ] {
            assert!(!is_quantity(value), "{value}");
        }
    }

    #[test]
    fn public_material() {
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\nAA==\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
        let wrapped = STANDARD.encode(pem);
        for value in [
            pem.to_owned(),
            format!("# root\n{pem}\n{pem}"),
            pem.replace('\n', "\\n"),
            wrapped.clone(),
            "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----".to_owned(),
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: x\n\nmQEN\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----".to_owned(),
            "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----".to_owned(),
            format!("ssh-ed25519 {BLOB} me@host"),
            format!("git.example ssh-ed25519 {BLOB}\n# x\n|1|a1b2c3d4e5f6a7b8c9=|x= ssh-ed25519 {BLOB}\n"),
            format!("age1{}", "q".repeat(58)),
            format!("age1{0},age1{0}", "q".repeat(58)),
        ] {
            assert!(is_public(&value), "{value}");
        }
        for value in [
            String::new(),
            format!("{pem}{key}"),
            STANDARD.encode(key),
            format!("{pem}password: kumquat\n"),
            "-----BEGIN CERTIFICATE-----\nkumquat-1!\n-----END CERTIFICATE-----".to_owned(),
            "-----BEGIN CERTIFICATE-----\nMIIB\n".to_owned(),
            format!("ssh-ed25519 {BLOB} kqtkVbwvnyuaNq1N"),
            format!("kqtkVbwvnyuaNq1N ssh-ed25519 {BLOB}"),
            "ssh-ed25519".to_owned(),
            "ssh-ed25519 kumquat".to_owned(),
            "age1short".to_owned(),
            format!("AGE-SECRET-KEY-1{}", "Q".repeat(58)),
            "# only a comment".to_owned(),
            "-----BEGIN ".to_owned(),
        ] {
            assert!(!is_public(&value), "{value}");
        }
    }

    #[test]
    fn references_and_their_near_misses() {
        for value in [
            "ref+vault://kv/app#/password",
            "ref+awssecrets://app",
            "op://prod/db/password",
            "vault:kv/data/app#password",
            "vault:v1:Zm9v",
            ">>vault:kv/app#x",
            "<path:kv/data/app#password>",
            "<path:kv/app#x | base64encode>",
            "<db-password>",
            "<your-api-key>",
            "<TOKEN>",
            "<s3 secret>",
        ] {
            assert!(is_reference(value), "{value}");
        }
        for value in [
            "ref+",
            "ref+echo://kumquat",
            "ref+vault://a b",
            "op://kumquat",
            "vault:kumquat",
            "<kumquat99>",
            "<path:>",
            "<>",
            "<a><b>",
            "<a",
            "x <a-b>",
            "<-a>",
            "ref +x",
            "<kqtkVbwvnyuaNqNkumquatX>",
            "vault",
            "<a\nb>",
        ] {
            assert!(!is_reference(value), "{value}");
        }
    }

    #[test]
    fn sealed_elsewhere() {
        assert!(is_sealed_elsewhere(
            "$ANSIBLE_VAULT;1.1;AES256\n6162\n  6364\n"
        ));
        assert!(is_sealed_elsewhere("ENC[PKCS7,MIIB]"));
        assert!(!is_sealed_elsewhere("$ANSIBLE_VAULT;1.1;AES256\nkumquat"));
        assert!(!is_sealed_elsewhere("ENC[PKCS7,MIIB] kumquat"));
    }
}

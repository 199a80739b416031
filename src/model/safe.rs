//! Text that may be shown.
//!
//! A finding must be unable to carry a secret. So a [`Message`] is built only from parts that implement [`Shown`]: text
//! of the program itself, numbers, paths, and names out of scanned files that went through [`SafeKey`] or [`Label`], which
//! mask whatever looks like key material. `&str` of a shorter life than the program's does not implement it.

use std::fmt::Write as _;

use super::path::RepoPath;

/// What stands in the place of masked text.
pub(crate) const MASK: &str = "[masked]";

/// A part of a message that cannot hold a secret value.
pub trait Shown {
    /// Writes the part.
    fn show(&self, out: &mut String);
}

impl Shown for &'static str {
    fn show(&self, out: &mut String) {
        out.push_str(self);
    }
}

macro_rules! numbers {
    ($($t:ty),*) => {$(impl Shown for $t {
        fn show(&self, out: &mut String) {
            let _ = write!(out, "{self}");
        }
    })*};
}
numbers!(u32, u64, usize, i64);

impl Shown for RepoPath {
    fn show(&self, out: &mut String) {
        let _ = write!(out, "{self}");
    }
}

/// A path as an argument of a shell command: quoted where it needs to be.
pub struct Argument<'p>(pub &'p RepoPath);

impl Shown for Argument<'_> {
    fn show(&self, out: &mut String) {
        let text = self.0.to_string();
        let plain = !text.is_empty()
            && !text.starts_with('-')
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || "/._-+@%,:=".contains(c));
        if plain {
            out.push_str(&text);
            return;
        }
        // A leading dash would be an option.
        let lead = if text.starts_with('-') { "./" } else { "" };
        out.push('\'');
        out.push_str(lead);
        out.push_str(&text.replace('\'', "'\\''"));
        out.push('\'');
    }
}

impl<T: Shown> Shown for &T {
    fn show(&self, out: &mut String) {
        (*self).show(out);
    }
}

/// A sentence for people, built only from parts that may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message(String);

impl Message {
    /// Appends one part.
    pub fn push(&mut self, part: &dyn Shown) {
        part.show(&mut self.0);
    }

    /// Names a path of a command as it is seen from another directory.
    pub fn retarget(&mut self, from: &RepoPath, to: &RepoPath) {
        let shown = |path: &RepoPath| {
            let mut text = String::from(" ");
            Argument(path).show(&mut text);
            text
        };
        let (old, new) = (shown(from), shown(to));
        let mut out = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some(at) = rest.find(&old) {
            let (head, tail) = rest.split_at(at);
            let tail = &tail[old.len()..];
            out.push_str(head);
            // Not where it is the beginning of a longer one.
            let whole = tail.is_empty() || tail.starts_with([' ', ';']);
            out.push_str(if whole { &new } else { &old });
            rest = tail;
        }
        out.push_str(rest);
        self.0 = out;
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Shown for Message {
    fn show(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl From<&'static str> for Message {
    fn from(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

/// A mapping key of a scanned file, masked when it is long or looks like a key or token itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeKey(String);

impl SafeKey {
    /// Masks keys over 64 characters, those that look like key material, and those that are rather a piece of a value.
    pub fn new(key: &str) -> Self {
        let masked = key.chars().count() > 64 || looks_secret(key) || looks_like_value(key);
        if masked {
            Self(MASK.to_owned())
        } else {
            Self(escape_for_terminal(key))
        }
    }

    /// A key that is not shown.
    pub fn masked() -> Self {
        Self(MASK.to_owned())
    }

    /// An index of a list.
    pub fn index(i: usize) -> Self {
        Self(i.to_string())
    }

    /// The shown text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Shown for SafeKey {
    fn show(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

/// A name out of a configuration: a pattern, a recipient, a field. Cut at 120 characters, masked like a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

impl Label {
    /// For text that is public by its nature, such as a `path_regex`. Words that look like key material are masked.
    pub fn new(text: &str) -> Self {
        let mut out = String::new();
        for (i, word) in text.split(' ').enumerate() {
            if i > 0 {
                out.push(' ');
            }
            out.push_str(if looks_secret(word) { MASK } else { word });
        }
        Self::cut(&out)
    }

    fn cut(text: &str) -> Self {
        let mut out = escape_for_terminal(text);
        if out.chars().count() > 120 {
            out = out.chars().take(119).collect();
            out.push('…');
        }
        Self(out)
    }

    /// For public identities (recipients): shortened in the middle when long.
    pub fn identity(text: &str) -> Self {
        let words: Vec<&str> = text
            .split(' ')
            .map(|w| {
                if looks_secret(w) && !is_public_name(w) {
                    MASK
                } else {
                    w
                }
            })
            .collect();
        let whole = Self::cut(&words.join(" "));
        if whole.0.starts_with("age1") && whole.0.is_ascii() && whole.0.len() > 24 {
            return Self(format!(
                "{}…{}",
                &whole.0[..12],
                &whole.0[whole.0.len() - 6..]
            ));
        }
        whole
    }

    /// A public identity that somebody has to compare letter by letter: neither cut nor masked. Only a word that is a
    /// private key, or a URL with a password, is.
    pub fn whole(text: &str) -> Self {
        let word = |w| if names_secret(w) { MASK } else { w };
        let words: Vec<&str> = text.split(' ').map(word).collect();
        Self(escape_for_terminal(&words.join(" ")))
    }

    /// The shown text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Shown for Label {
    fn show(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

/// A JSON pointer (RFC 6901) to a leaf, made of masked keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pointer(String);

impl Pointer {
    /// Appends a key.
    pub fn push(&mut self, key: &SafeKey) {
        self.0.push('/');
        for c in key.0.chars() {
            match c {
                '~' => self.0.push_str("~0"),
                '/' => self.0.push_str("~1"),
                c => self.0.push(c),
            }
        }
    }

    /// The pointer text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Shown for Pointer {
    fn show(&self, out: &mut String) {
        out.push_str(if self.0.is_empty() {
            "the whole file"
        } else {
            &self.0
        });
    }
}

/// Whether a short text looks like key material: a private key, or a run of 16 or more letters and digits that change often.
fn looks_secret(text: &str) -> bool {
    names_secret(text) || text.split(|c: char| !c.is_alphanumeric()).any(is_random)
}

/// A private key, or a URL with a password.
pub(super) fn names_secret(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    if upper.contains("PRIVATE KEY")
        || upper.contains("AGE-SECRET-KEY")
        || upper.contains("AGE-PLUGIN-")
    {
        return true;
    }
    // scheme://user:password@host
    text.split_once("://").is_some_and(|(_, rest)| {
        rest.split('/').next().is_some_and(|host| {
            host.rsplit_once('@')
                .is_some_and(|(user, _)| user.contains(':'))
        })
    })
}

fn is_random(run: &str) -> bool {
    let (mut letters, mut digits, mut changes, mut last) = (0, 0, 0, None);
    for c in run.chars() {
        let digit = c.is_numeric();
        if digit {
            digits += 1;
        } else {
            letters += 1;
        }
        if last.is_some_and(|l| l != digit) {
            changes += 1;
        }
        last = Some(digit);
    }
    letters + digits >= 16 && letters >= 1 && digits >= 2 && changes >= 4
}

/// Whether a "key" is what a format made of a line of a value: dotenv and INI split anything at the first `=` or `:`, a
/// line of JSON or the last line of a base64 body as well.
fn looks_like_value(key: &str) -> bool {
    let pair = |c: char| {
        matches!(
            c,
            '"' | '\'' | '`' | '=' | ';' | char::REPLACEMENT_CHARACTER
        ) || c.is_control()
    };
    let base64 = key.len() >= 8
        && key.contains('+')
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
    let colon = key
        .split_once(": ")
        .is_some_and(|(name, value)| !name.trim().is_empty() && !value.trim().is_empty());
    let query = key.contains("://") && key.contains(['?', '@']);
    key.contains(pair) || base64 || colon || query
}

/// Public identities that look random: age recipients, fingerprints, and key ids in ARNs, resource names and key URLs,
/// which are hexadecimal.
fn is_public_name(word: &str) -> bool {
    let hex = |run: &str| run.bytes().all(|b| b.is_ascii_hexdigit());
    let fingerprint = word.trim_start_matches("0x");
    if names_secret(word) {
        return false;
    }
    if word.starts_with("age1") {
        return word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    }
    let resource = word.starts_with("arn:")
        || word.starts_with("projects/")
        || (word.starts_with("https://") && !word.contains('@') && !word.contains('?'));
    (resource
        && word
            .split(|c: char| !c.is_alphanumeric())
            .all(|run| hex(run) || !is_random(run)))
        || (matches!(fingerprint.len(), 16 | 40 | 64) && hex(fingerprint))
}

/// Makes control, bidirectional and invisible format characters visible.
pub fn escape_for_terminal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hostile = c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
        if hostile {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_keys_are_shown_and_key_like_ones_masked() {
        for key in [
            "password",
            "PGADMIN_DEFAULT_PASSWORD",
            "tls.crt",
            ".dockerconfigjson",
            "id_ed25519",
            "githubAppInstallationID",
            "s3_access_key_id",
            "oauth2ClientSecretV2",
        ] {
            assert_eq!(SafeKey::new(key).as_str(), key);
        }
        let long = "x".repeat(65);
        for key in [
            "kX93hfA81kfLs0Qm2",
            "AGE-SECRET-KEY-1ABC",
            "-----BEGIN PRIVATE KEY-----",
            long.as_str(),
            "https://a:b@c/",
            "\"password\": \"kumquat2",
            "Zm9v/YmFy+QUJD",
            "password: kumquat",
            "a\nkumquat",
        ] {
            assert_eq!(SafeKey::new(key).as_str(), MASK, "{}", key.len());
        }
    }

    #[test]
    fn arguments_are_quoted_where_a_shell_would_split_them() {
        let shown = |p: &str| {
            let mut out = String::new();
            Argument(&RepoPath::new(p)).show(&mut out);
            out
        };
        assert_eq!(shown("apps/a.sops.yaml"), "apps/a.sops.yaml");
        assert_eq!(
            shown("my apps/s ecret's.yaml"),
            "'my apps/s ecret'\\''s.yaml'"
        );
        assert_eq!(shown("-rf.yaml"), "'./-rf.yaml'");
        assert_eq!(shown("$(id).yaml"), "'$(id).yaml'");
    }

    #[test]
    fn recipients_are_shown_but_identities_are_not() {
        let age = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        assert_eq!(Label::identity(age).as_str(), "age1ql3z7hjy…mcac8p");
        assert_eq!(Label::new("AGE-SECRET-KEY-1QQQ").as_str(), MASK);
        for public in [
            "arn:aws:kms:eu-west-1:111111111111:key/mrk-0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            "https://v.vault.azure.net/keys/k/0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            "85D77543B3D624B63CEA9E6DBC17301B491B3F21",
        ] {
            assert_eq!(Label::identity(public).as_str(), public);
        }
        for secret in [
            "arn:aws:kms:eu-west-1:AGE-SECRET-KEY-1QQQ:key/a",
            "https://hooks.example/kX93hfA81kfLs0Qm2",
            "age1kX93hfA81kfLs0Qm2",
        ] {
            assert_eq!(Label::identity(secret).as_str(), MASK);
        }
        assert_eq!(
            Label::new(r"secrets/.*\.yaml$").as_str(),
            r"secrets/.*\.yaml$"
        );
    }

    #[test]
    fn pointers_escape_as_rfc_6901_says() {
        let mut p = Pointer::default();
        p.push(&SafeKey::new("a/b~c"));
        p.push(&SafeKey::index(3));
        assert_eq!(p.as_str(), "/a~1b~0c/3");
    }
}

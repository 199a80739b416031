//! A first look at the bytes: which checks could need the documents at all.
//!
//! One pass over the text for a handful of fixed strings. Sound by construction: every string is part of whatever the
//! check in question would find, and escapes (`\x`, `\u`), which could spell a string differently, ask for parsing.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::keys;

/// What the first look saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// A key that could be `sops`, or a dotenv or INI form of it.
    pub metadata: bool,
    /// The start of an encrypted value.
    pub ciphertext: bool,
    /// `Secret` or `SecretList` as a word.
    pub secret: bool,
    /// A generator, a template list, a Flux object.
    pub manifest: bool,
    /// A backslash escape that can spell any letter.
    pub escape: bool,
    /// Conflict markers.
    pub conflict: bool,
    /// A marker of private key material.
    pub key: bool,
    /// `SealedSecret`
    pub sealed: bool,
}

const NEEDLES: [&str; 13] = [
    "sops",
    "ENC[",
    "Secret",
    "secretGenerator",
    "secretTemplates",
    "kustomize.toolkit.fluxcd.io",
    "\\x",
    "\\u",
    "\\U",
    "<<<<<<< ",
    "!!binary",
    "\\\n",
    "\\\r",
];

/// No needle is part of another and none can overlap, so that leftmost matches, which vector instructions find, are all.
static MATCHER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build(NEEDLES)
        .ok()
});

impl Hints {
    /// Looks at a text.
    pub fn of(text: &str) -> Self {
        let mut h = Self::default();
        let bytes = text.as_bytes();
        let Some(matcher) = MATCHER.as_ref() else {
            // Without the matcher everything is parsed.
            return Self {
                metadata: true,
                ciphertext: true,
                secret: true,
                manifest: true,
                escape: true,
                conflict: true,
                key: true,
                sealed: true,
            };
        };
        h.key = keys::may_contain_key(bytes);
        for m in matcher.find_iter(bytes) {
            let before = m.start().checked_sub(1).and_then(|i| bytes.get(i));
            let after = bytes.get(m.end());
            let word = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
            match m.pattern().as_usize() {
                0 => {
                    let follows = after.is_none_or(|b| {
                        matches!(
                            b,
                            b':' | b' '
                                | b'"'
                                | b'\''
                                | b'_'
                                | b']'
                                | b'\t'
                                | b'\n'
                                | b'\r'
                                | b'}'
                                | b','
                                | b'='
                        )
                    });
                    h.metadata |= !word(before) && follows;
                }
                1 => h.ciphertext = true,
                2 => {
                    let list = bytes[m.end()..].starts_with(b"List");
                    h.secret |= !word(before) && (list || !word(after));
                    h.sealed |= bytes[..m.start()].ends_with(b"Sealed");
                }
                3..=5 => h.manifest = true,
                6..=8 => h.escape = true,
                9 => h.conflict = true,
                10 => h.escape = true,
                // In double quotes a backslash joins lines: `Sec\` and `ret`. Shell scripts put a blank before it.
                _ => {
                    let next = bytes[m.end()..].iter().find(|b| !b.is_ascii_whitespace());
                    h.escape |= word(before)
                        && (word(next) || next.is_some_and(|b| matches!(b, b'[' | b'\\')));
                }
            }
            if h.metadata && h.ciphertext && h.secret && h.manifest && h.escape && h.conflict {
                break;
            }
        }
        h
    }

    /// Whether the text can carry SOPS metadata.
    pub fn may_carry_metadata(self) -> bool {
        self.metadata || self.escape
    }

    /// Whether the text can hold a manifest that matters.
    pub fn may_hold_manifest(self) -> bool {
        self.secret || self.manifest || self.escape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_needle_hides_another() {
        // Where two could overlap, the second would begin inside a word, and then it is no key and no kind.
        for a in NEEDLES {
            for b in NEEDLES {
                assert!(a == b || !a.contains(b), "{b} is part of {a}");
                for cut in 1..a.len() {
                    let inside_word = a.as_bytes()[cut - 1].is_ascii_alphanumeric()
                        && b.as_bytes()[0].is_ascii_alphanumeric();
                    assert!(
                        !b.starts_with(&a[cut..]) || inside_word,
                        "{a} and {b} overlap"
                    );
                }
            }
        }
    }

    #[test]
    fn words_count_and_parts_of_words_do_not() {
        assert!(Hints::of("kind: Secret\n").secret);
        assert!(Hints::of("{\\\"kind\\\":\\\"Secret\\\"}").secret);
        assert!(Hints::of("kind: SecretList\n").secret);
        assert!(!Hints::of("kind: ExternalSecret\n").secret);
        assert!(!Hints::of("SecretStoreRef\n").secret);
        assert!(Hints::of("kind: \"\\x53ecret\"").escape);
        assert!(Hints::of("kind: \"Sec\\\n  ret\"").escape);
        assert!(!Hints::of("run: |\n  a \\\n  b").escape);
        assert!(Hints::of("sops:\n").metadata);
        assert!(Hints::of("\"sops\": {").metadata);
        assert!(Hints::of("[sops]").metadata);
        assert!(Hints::of("sops_mac=x").metadata);
        assert!(!Hints::of("getsops/sops-nix\n").metadata);
    }
}

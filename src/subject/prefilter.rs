//! A first look at the bytes: which checks could need the documents at all.
//!
//! One pass over the text for a handful of fixed strings. Sound by construction: every string is part of whatever the
//! check in question would find, and escapes (`\x`, `\u`), which could spell a string differently, ask for parsing.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, Match, MatchKind, packed};

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
    /// `sopsguard:`, which begins what a comment tells this program.
    pub directive: bool,
}

/// Four letters at least, which the vectorised search needs to be fast; escapes are shorter and sought apart.
const WORDS: [&str; 8] = [
    "sops",
    "ENC[",
    "Secret",
    "secretGenerator",
    "secretTemplates",
    "kustomize.toolkit.fluxcd.io",
    "<<<<<<< ",
    "!!binary",
];

/// The words, then the needles of private keys, in one pass over the text.
static MATCHER: LazyLock<Option<Matcher>> = LazyLock::new(Matcher::new);

/// Finds the first needle of a text. At each place at most one needle begins (a test holds that).
enum Matcher {
    /// Vector instructions alone; made in a quarter of the time of an automaton that would call them, and a hook run pays
    /// for that.
    Packed(packed::Searcher),
    /// Where the machine has none.
    Automaton(AhoCorasick),
}

impl Matcher {
    fn new() -> Option<Self> {
        let needles = || {
            let words = WORDS.iter().map(|word| word.as_bytes());
            words.chain(keys::needles())
        };
        if let Some(searcher) = packed::Searcher::new(needles()) {
            return Some(Self::Packed(searcher));
        }
        // As in the keys' own search: leftmost matches are found by vector instructions, and this kind is quick to build.
        AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(needles())
            .ok()
            .map(Self::Automaton)
    }

    fn find(&self, bytes: &[u8], from: usize) -> Option<Match> {
        match self {
            Self::Packed(searcher) => searcher.find_in(bytes, (from..bytes.len()).into()),
            Self::Automaton(automaton) => automaton.find(Input::new(bytes).range(from..)),
        }
    }
}

impl Hints {
    /// Everything may be there.
    const ALL: Self = Self {
        metadata: true,
        ciphertext: true,
        secret: true,
        manifest: true,
        escape: true,
        conflict: true,
        key: true,
        sealed: true,
        directive: true,
    };

    /// Looks at a text.
    pub fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let Some(matcher) = MATCHER.as_ref() else {
            // Without the matcher everything is parsed.
            return Self::ALL;
        };
        let mut h = Self {
            escape: has_escape(bytes),
            ..Self::default()
        };
        let mut from = 0;
        while let Some(m) = matcher.find(bytes, from) {
            h.note(m.pattern().as_usize(), m.range(), bytes);
            if h == Self::ALL {
                break;
            }
            // The next match may overlap this one.
            from = m.start() + 1;
        }
        h
    }

    /// Notes the match of a needle.
    fn note(&mut self, needle: usize, at: Range<usize>, bytes: &[u8]) {
        let before = at.start.checked_sub(1).and_then(|i| bytes.get(i));
        let after = bytes.get(at.end);
        match needle {
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
                self.metadata |= !is_word(before) && follows;
                self.directive |= bytes[at.end..].starts_with(b"guard:");
            }
            1 => self.ciphertext = true,
            2 => {
                let list = bytes[at.end..].starts_with(b"List");
                self.secret |= !is_word(before) && (list || !is_word(after));
                self.sealed |= bytes[..at.start].ends_with(b"Sealed");
            }
            3..=5 => self.manifest = true,
            6 => self.conflict = true,
            7 => self.escape = true,
            _ => self.key = true,
        }
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

fn is_word(b: Option<&u8>) -> bool {
    b.is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether a backslash could make the text spell something else than it shows.
fn has_escape(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\\', bytes).any(|at| match bytes.get(at + 1) {
        Some(b'x' | b'u' | b'U') => true,
        // In double quotes a backslash joins lines: `Sec\` and `ret`. Shell scripts put a blank before it.
        Some(b'\n' | b'\r') => {
            let before = at.checked_sub(1).and_then(|i| bytes.get(i));
            let next = bytes[at + 2..].iter().find(|b| !b.is_ascii_whitespace());
            is_word(before) && (is_word(next) || next.is_some_and(|b| matches!(b, b'[' | b'\\')))
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_needle_hides_another() {
        // At each place one needle is told: none may be the start of another.
        let words = WORDS.iter().map(|word| word.as_bytes());
        let all: Vec<&[u8]> = words.chain(keys::needles()).collect();
        for (i, a) in all.iter().enumerate() {
            assert!(a.len() >= 4, "{} is too short", a.escape_ascii());
            for b in all.iter().skip(i + 1) {
                assert!(
                    !a.starts_with(b) && !b.starts_with(a),
                    "{} and {} start alike",
                    a.escape_ascii(),
                    b.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn needles_that_overlap_are_all_seen() {
        let overlap = Hints::of("Secretsops: x");
        assert!(!overlap.secret && !overlap.metadata && !overlap.key);
        let marker = Hints::of("<<<<<<< sops:");
        assert!(marker.conflict && marker.metadata);
        assert!(Hints::of("AGE-SECRET-KEY-1").key);
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
        assert!(Hints::of("a: b # sopsguard: ignore[x] y").directive);
        assert!(!Hints::of("sopsguard is there, sops too:").directive);
    }
}

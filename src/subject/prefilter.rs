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
    /// That, and a word that only metadata of sops or a block that holds some needs.
    pub envelope: bool,
    /// The start of an encrypted value.
    pub ciphertext: bool,
    /// `Secret` or `SecretList` as a word, where a key `data` or `stringData` can be.
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
        envelope: true,
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
        h.envelope = h.metadata && (h.ciphertext || has_metadata_word(bytes));
        h.secret &= has_data_key(bytes);
        h
    }

    /// Notes the match of a needle.
    fn note(&mut self, needle: usize, at: Range<usize>, bytes: &[u8]) {
        match needle {
            0 => {
                self.metadata |= is_sops_word(bytes, &at) && may_be_key(bytes, &at);
                self.directive |= bytes[at.end..].starts_with(b"guard:");
            }
            1 => self.ciphertext = true,
            2 => {
                self.secret |= may_be_kind(bytes, &at);
                self.sealed |= bytes[..at.start].ends_with(b"Sealed");
            }
            3..=5 => self.manifest = true,
            6 => self.conflict = true,
            7 => self.escape = true,
            _ => self.key = true,
        }
    }

    /// Finds what could matter in a part of a text, for a search that looks at a text piece by piece: start, length (with
    /// all that the answer depends on), and which kind of hint it is. More may be told than [`Hints::of`] would note.
    pub fn notable(bytes: &[u8], range: Range<usize>, found: &mut dyn FnMut(usize, usize, u8)) {
        let Some(matcher) = MATCHER.as_ref() else {
            found(range.start, 1, KIND_ESCAPE);
            return;
        };
        let mut from = range.start;
        let window = bytes.get(..range.end).unwrap_or(bytes);
        while let Some(m) = matcher.find(window, from) {
            from = m.start() + 1;
            let mut hints = Self::default();
            let needle = m.pattern().as_usize();
            // Whether the word stands alone depends on its whole line: whoever has the text asks that.
            match needle {
                0 => hints.metadata = is_sops_word(bytes, &m.range()),
                2 => hints.secret = is_secret_word(bytes, &m.range()),
                _ => hints.note(needle, m.range(), bytes),
            }
            let kind = match needle {
                _ if hints.key => KIND_KEY,
                0 if hints.metadata => KIND_METADATA,
                1 => KIND_CIPHERTEXT,
                2 if hints.secret => KIND_SECRET,
                // A Flux object leaks nothing by itself.
                3 | 4 => KIND_MANIFEST,
                6 => KIND_CONFLICT,
                7 => KIND_ESCAPE,
                _ => continue,
            };
            let start = m.start().saturating_sub(CONTEXT);
            let end = m.end().saturating_add(CONTEXT).min(bytes.len());
            if start >= range.start && end <= range.end {
                found(start, end - start, kind);
            }
        }
        for at in memchr::memchr_iter(b'\\', &window[range.start.min(window.len())..]) {
            let at = range.start + at;
            let word = |i: Option<usize>| is_word(i.and_then(|i| bytes.get(i)));
            let spells = match bytes.get(at + 1) {
                Some(b'x' | b'u' | b'U') => spells_letter(&bytes[at + 1..]),
                Some(b'\n' | b'\r') => word(at.checked_sub(1)),
                _ => false,
            };
            let (start, end) = (at.saturating_sub(1), (at + 10).min(bytes.len()));
            if spells && start >= range.start && end <= range.end {
                found(start, end - start, KIND_ESCAPE);
            }
        }
    }

    /// Whether what [`Hints::notable`] told of a part still counts when the whole text is seen.
    pub fn counts(bytes: &[u8], at: usize, len: usize, kind: u8) -> bool {
        let end = at.saturating_add(len).min(bytes.len());
        let part = bytes.get(at..end).unwrap_or_default();
        let any = |word: &[u8], counts: fn(&[u8], &Range<usize>) -> bool| {
            memchr::memmem::find_iter(part, word)
                .any(|i| counts(bytes, &(at + i..at + i + word.len())))
        };
        match kind {
            KIND_SECRET => any(b"Secret", may_be_kind),
            KIND_METADATA => any(b"sops", may_be_key),
            _ => true,
        }
    }

    /// Whether the text can carry SOPS metadata.
    pub fn may_carry_metadata(self) -> bool {
        self.envelope || self.escape
    }

    /// Whether the text can hold a manifest that matters.
    pub fn may_hold_manifest(self) -> bool {
        self.secret || self.manifest || self.escape
    }
}

/// Kinds of [`Hints::notable`].
pub const KIND_METADATA: u8 = 0;
/// The start of an encrypted value.
pub const KIND_CIPHERTEXT: u8 = 1;
/// `Secret` as a word.
pub const KIND_SECRET: u8 = 2;
/// A generator, a template list, a Flux object.
pub const KIND_MANIFEST: u8 = 3;
/// Conflict markers.
pub const KIND_CONFLICT: u8 = 4;
/// An escape that can spell any letter.
pub const KIND_ESCAPE: u8 = 5;
/// A marker of private key material.
pub const KIND_KEY: u8 = 6;

/// Bytes around a needle that decide whether it counts.
const CONTEXT: usize = 6;
/// What [`Hints::notable`] needs on both sides of a part: its longest answer, less one.
pub const MARGIN: usize = 64;

fn is_word(b: Option<&u8>) -> bool {
    b.is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether `sops` is a word there, or begins a name of dotenv.
fn is_sops_word(bytes: &[u8], at: &Range<usize>) -> bool {
    let before = at.start.checked_sub(1).and_then(|i| bytes.get(i));
    let after = bytes.get(at.end);
    let ends = after.is_none_or(|b| b.is_ascii_whitespace() || b":\"'_]},=".contains(b));
    may_begin_key(before) && ends
}

/// Whether a word can be a key: what makes it one follows, or it has an anchor, so that an alias can make it one.
fn may_be_key(bytes: &[u8], at: &Range<usize>) -> bool {
    let rest = &bytes[at.end..];
    let unquoted = match rest.first() {
        Some(b'"' | b'\'') => &rest[1..],
        _ => rest,
    };
    match unquoted.trim_ascii_start().first() {
        Some(b':' | b'=' | b'_' | b']' | b'#') => true,
        _ => {
            let line = &bytes[..at.start];
            let start = memchr::memrchr(b'\n', line).map_or(0, |i| i + 1);
            memchr::memchr2(b'&', b'!', &line[start..]).is_some()
        }
    }
}

/// Whether a key can begin behind a byte: not inside a word, a path, an option or a file name.
fn may_begin_key(before: Option<&u8>) -> bool {
    !before.is_some_and(|b| b.is_ascii_alphanumeric() || b"/-._@$~+=(\\".contains(b))
}

/// Whether `Secret` or `SecretList` is a word there.
fn is_secret_word(bytes: &[u8], at: &Range<usize>) -> bool {
    let before = at.start.checked_sub(1).and_then(|i| bytes.get(i));
    let list = bytes[at.end..].starts_with(b"List");
    !is_word(before) && (list || !is_word(bytes.get(at.end)))
}

/// Whether the word can be a value of its own, and so a kind: in prose other words stand beside it.
fn may_be_kind(bytes: &[u8], at: &Range<usize>) -> bool {
    if !is_secret_word(bytes, at) {
        return false;
    }
    let rest = &bytes[at.end..];
    let rest = rest.strip_prefix(b"List").unwrap_or(rest);
    let blank = |b: &&u8| matches!(b, b' ' | b'\t');
    let spaces = rest.iter().take_while(blank).count();
    let ends = match rest.get(spaces) {
        None
        | Some(b'\n' | b'\r' | b'"' | b'\'' | b',' | b'}' | b']' | b'\\' | b'`' | b'{' | b'<') => {
            true
        }
        Some(b'#') => spaces > 0,
        // A colon behind it would make it a key; template text may follow without a blank.
        Some(b) => spaces == 0 && !b.is_ascii_alphanumeric() && !b"_-.:;)/|".contains(b),
    };
    ends && may_begin_value(&bytes[..at.start])
}

/// Whether the value of a key can begin behind a text. In prose words stand in front, and an item of a list is no kind, but
/// for one that an alias names.
fn may_begin_value(text: &[u8]) -> bool {
    let blank = |b: &&u8| matches!(b, b' ' | b'\t');
    let trim = |text: &[u8]| text.len() - text.iter().rev().take_while(blank).count();
    let line = &text[..trim(text)];
    match line.last() {
        Some(b) if b.is_ascii_alphanumeric() || b"_-.;()/|".contains(b) => {
            // An anchor or a tag may stand before it.
            let start = memchr::memrchr3(b' ', b'\n', b'\t', line).map_or(0, |i| i + 1);
            let word = &line[start..];
            return memchr::memchr2(b'&', b'!', word).is_some();
        }
        _ => {}
    }
    let unquoted = match line.last() {
        Some(b'"' | b'\'') => &line[..line.len() - 1],
        _ => line,
    };
    let before = &unquoted[..trim(unquoted)];
    match before.last() {
        Some(b',' | b'[' | b'(') => false,
        Some(b'-') => {
            let start = memchr::memrchr(b'\n', before).map_or(0, |i| i + 1);
            !before[start..].iter().all(|b| matches!(b, b' ' | b'-'))
        }
        // The line before ends in the middle of a list; a comment may end in anything.
        Some(b'\n') => {
            let before = before.trim_ascii_end();
            let start = memchr::memrchr(b'\n', before).map_or(0, |i| i + 1);
            !matches!(before.last(), Some(b',' | b'['))
                || memchr::memchr(b'#', &before[start..]).is_some()
        }
        _ => true,
    }
}

/// Whether a text can have a key `data` or `stringData`, or a path to one: without it no Secret holds anything.
fn has_data_key(bytes: &[u8]) -> bool {
    let is_key = |at: usize| {
        let meta = bytes[..at].ends_with(b"meta");
        let string = bytes[..at].ends_with(b"string");
        let before = at.checked_sub(1).and_then(|i| bytes.get(i));
        let alone = !before.is_some_and(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b));
        let after = bytes.get(at + 4);
        let goes_on = after.is_some_and(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b));
        !meta && (alone || string) && !goes_on
    };
    let mut found = memchr::memmem::find_iter(bytes, b"ata");
    found.any(|at| {
        let start = at.checked_sub(1);
        start.is_some_and(|start| matches!(bytes[start], b'd' | b'D') && is_key(start))
    })
}

/// Whether a text has a key that makes a block metadata: `mac`, `lastmodified`, or the `enc` of a key entry.
fn has_metadata_word(bytes: &[u8]) -> bool {
    let is_key = |word: &[u8]| {
        memchr::memmem::find_iter(bytes, word).any(|at| {
            let before = at.checked_sub(1).and_then(|i| bytes.get(i));
            let after = bytes.get(at + word.len());
            let ends = after.is_none_or(|b| !(b.is_ascii_alphanumeric() || *b == b'_'));
            !is_word(before) && ends
        })
    };
    memchr::memmem::find(bytes, b"lastmodified").is_some() || is_key(b"mac") || is_key(b"enc")
}

/// Whether what follows a backslash is the number of a printable character of ASCII: all that is sought is made of them, but
/// not of `&`, `<` and `>`, which JSON writers escape for the sake of HTML.
fn spells_letter(escape: &[u8]) -> bool {
    let zeros: &[u8] = match escape.first() {
        Some(b'x') => b"",
        Some(b'u') => b"00",
        _ => b"000000",
    };
    let digits = escape.get(1..).unwrap_or_default();
    let rest = digits.strip_prefix(zeros).unwrap_or_default();
    let of_html = matches!(
        rest,
        [b'2', b'6', ..] | [b'3', b'c' | b'C' | b'e' | b'E', ..]
    );
    rest.first().is_some_and(|d| (b'2'..=b'7').contains(d)) && !of_html
}

/// Whether a backslash could make the text spell something else than it shows.
fn has_escape(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\\', bytes).any(|at| match bytes.get(at + 1) {
        Some(b'x' | b'u' | b'U') => spells_letter(&bytes[at + 1..]),
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
        assert!(Hints::of("kind: Secret\ndata:").secret);
        assert!(Hints::of("{\\\"kind\\\":\\\"Secret\\\",data:}").secret);
        assert!(Hints::of("kind: SecretList\ndata:").secret);
        assert!(!Hints::of("kind: ExternalSecret\n").secret);
        for kind in [
            "kind: Secret",
            "kind:   Secret  # why",
            "kind: 'Secret'",
            "{kind: Secret, data: {}}",
            "[&k Secret]",
            "kind: # in front,\n  Secret",
            "kind:\n\n  'Secret'",
            "kind: &k Secret",
            "kind: !!str Secret",
            "kind: >-\n  Secret",
            "- &k Secret",
            "kind: Secret\r",
            "\\\"kind\\\":\\\"Secret\\\"",
            "kind: Secret\\ndata:",
            "? kind\n: Secret",
            "kind: Secret\t",
        ] {
            assert!(Hints::of(&format!("{kind}\ndata:\n")).secret, "{kind}");
        }
        for prose in [
            "enum:\n- ConfigMap\n- Secret",
            "- - 'Secret'",
            "enum: [ConfigMap, Secret]",
            "\"enum\": [\"Secret\", \"x\"]",
            "\"enum\": [\n  \"ConfigMap\",\n\n  \"Secret\"\n]",
            "valid values are ('Secret', 'ConfigMap')",
            "the Secret is",
            "a Secret",
            "Secret key of",
            "use a Secret.\n",
            "kind: My-Secret",
        ] {
            assert!(!Hints::of(&format!("{prose} x\ndata:\n")).secret, "{prose}");
        }
        assert!(!Hints::of("kind: Secret\nmetadata:\n  database: x\n").secret);
        assert!(Hints::of("kind: Secret\n\"stringData\": {}").secret);
        assert!(!Hints::of("SecretStoreRef\n").secret);
        assert!(Hints::of("kind: \"\\x53ecret\"").escape);
        assert!(Hints::of("kind: \"\\u0053ecret\"").escape);
        assert!(Hints::of("kind: \"\\U00000053ecret\"").escape);
        assert!(Hints::of("kind: \\u0022Secret\\u0022").escape);
        assert!(!Hints::of("{\"a\": \"\\u003cb\\u003E \\u0026 \\x3c\"}").escape);
        assert!(!Hints::of("text: \"it\\u2019s \\x1b[0m \\uFEFF\"").escape);
        assert!(Hints::of("kind: \"Sec\\\n  ret\"").escape);
        assert!(!Hints::of("run: |\n  a \\\n  b").escape);
        assert!(Hints::of("sops:\n").metadata);
        assert!(Hints::of("\"sops\": {").metadata);
        assert!(Hints::of("[sops]").metadata);
        assert!(Hints::of("sops_mac=x").metadata);
        for prose in [
            "getsops/sops-nix\n",
            "install /usr/bin/sops \n",
            "(sops in CI)",
            "age-sops: x",
            "see x.sops: y",
            "enum:\n- sops\n- x",
            "provider: sops\n",
            "[a, 'sops', b]",
        ] {
            assert!(!Hints::of(prose).metadata, "{prose}");
        }
        for key in [
            "{sops: {}}",
            "? sops\n: x",
            "? sops # why\n: x",
            "{\"sops\"\n  : {}}",
            "{'sops' : {}}",
            "sops_mac=x",
            "[sops]\n",
            "[&a sops]",
            "a: &k sops\n",
            "!!str sops: x",
            "\u{feff}sops: x",
            "a: 1\r\nsops: x",
            "{{ end }}sops:\n",
        ] {
            assert!(Hints::of(key).metadata, "{key}");
        }
        assert!(Hints::of("a: b # sopsguard: ignore[x] y").directive);
        assert!(!Hints::of("sopsguard is there, sops too:").directive);
    }
}

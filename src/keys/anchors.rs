//! The needles: what a text must contain before a key can be in it.
//!
//! The prefilter takes the same needles into its own pass. Base64 has three alignments, so a word has three needles; each
//! keeps only the characters that the word alone decides. Words are short and come in pairs (`PRIVATE`, `KEY-----`) so
//! that base64 broken over lines cannot split every one of them. Certificates are the commonest base64 in a GitOps
//! repository and must not wake the search, hence no needle for `-----BEGIN` itself; only in base64 of base64, where
//! needles for every word would be many, does it serve.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What a needle announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// `PRIVATE KEY`, perhaps of a marker line.
    Pem,
    /// The start of an age identity or plugin handle.
    Age,
    /// A word in base64; `lead` is the place of its first needle character in its group of four.
    Base64 {
        /// 0 to 3.
        lead: usize,
    },
}

const PLAIN: [(&str, Anchor); 4] = [
    ("PRIVATE KEY", Anchor::Pem),
    ("AGE-SECRET-KEY-", Anchor::Age),
    ("age-secret-key-", Anchor::Age),
    ("AGE-PLUGIN-", Anchor::Age),
];

/// Words looked for in base64. The last is itself the base64 of `-----B`.
const WRAPPED: [&str; 6] = [
    "PRIVATE", "KEY-----", "AGE-SECR", "ET-KEY-", "AGE-PLUG", "LS0tLS1C",
];

static NEEDLES: LazyLock<Vec<(Vec<u8>, Anchor)>> = LazyLock::new(|| {
    let plain = PLAIN
        .iter()
        .map(|(word, anchor)| (word.as_bytes().to_vec(), *anchor));
    let wrapped = WRAPPED
        .iter()
        .flat_map(|word| (0..3).map(|shift| in_base64(word, shift)));
    plain.chain(wrapped).collect()
});

/// `None` cannot happen with these few short needles; if it did, everything would count as a candidate.
static AUTOMATON: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let needles = NEEDLES.iter().map(|(needle, _)| needle);
    // Leftmost matching lets the crate search with vector instructions (20 times the speed); this kind is the quickest
    // to build, and a hook run pays for that.
    let builder = &mut AhoCorasick::builder();
    builder
        .match_kind(MatchKind::LeftmostFirst)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(needles)
        .ok()
});

/// The needles themselves, for a search that looks for other strings in the same pass.
pub(super) fn needles() -> impl Iterator<Item = &'static [u8]> {
    NEEDLES.iter().map(|(needle, _)| needle.as_slice())
}

/// Whether any needle occurs.
pub(super) fn any(bytes: &[u8]) -> bool {
    AUTOMATON
        .as_ref()
        .is_none_or(|automaton| automaton.is_match(bytes))
}

/// All needles with the place where they start, in order.
pub(super) fn all(bytes: &[u8]) -> impl Iterator<Item = (usize, Anchor)> + '_ {
    let matches = AUTOMATON
        .as_ref()
        .map(|automaton| automaton.find_iter(bytes));
    matches.into_iter().flatten().filter_map(|found| {
        let (_, anchor) = NEEDLES.get(found.pattern().as_usize())?;
        Some((found.start(), *anchor))
    })
}

/// The characters of base64 text that `word` decides when `shift` bytes (modulo 3) stand before it.
fn in_base64(word: &str, shift: usize) -> (Vec<u8>, Anchor) {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(word.as_bytes());
    let text = STANDARD_NO_PAD.encode(&bytes).into_bytes();
    let lead = (shift * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    let needle = text.into_iter().take(end).skip(lead).collect();
    (needle, Anchor::Base64 { lead })
}

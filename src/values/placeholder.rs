//! Placeholders: values that somebody was meant to replace.
//!
//! Three ways to be one (product contract, step 3): nothing but words of the list, the key's own words and short numbers; a
//! marker among ordinary words; or one word put together of list words, one of them a marker. What looks generated is none:
//! `changeme` is a placeholder, `changeme-8f3kQ` a literal. A Secret's own name gives no words, only the key does.

use super::key::words_of;
use crate::words::{PLACEHOLDER_MARKERS, PLACEHOLDER_WORDS};

/// Longer texts are no placeholders, whatever their words.
const MAX_LEN: usize = 300;
/// Longest ordinary word beside a marker.
const MAX_WORD: usize = 14;
/// Longest number in digits.
const MAX_NUMBER: usize = 3;
/// Most list words in one glued word.
const MAX_PARTS: usize = 5;

/// Whether the whole value is a placeholder under this key.
pub fn is_placeholder(key: &str, value: &str) -> bool {
    if value.is_empty() || value.len() > MAX_LEN {
        return false;
    }
    let pieces = split(value);
    is_dashes(value) || is_listed(key, &pieces) || has_marker(value, &pieces) || is_glued(value)
}

enum Piece {
    /// In lower case.
    Word(String),
    /// Count of digits.
    Number(usize),
}

/// Splits at everything that is no letter and where a small letter is followed by a capital.
fn split(value: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut was_lower = false;
    let mut apart = true;
    for c in value.chars() {
        if c.is_alphabetic() {
            match pieces.last_mut() {
                Some(Piece::Word(word)) if !(apart || was_lower && c.is_uppercase()) => {
                    word.extend(c.to_lowercase())
                }
                _ => pieces.push(Piece::Word(c.to_lowercase().collect())),
            }
            apart = false;
        } else if c.is_numeric() {
            match pieces.last_mut() {
                Some(Piece::Number(digits)) if !apart => *digits += 1,
                _ => pieces.push(Piece::Number(1)),
            }
            apart = false;
        } else {
            apart = true;
        }
        was_lower = c.is_lowercase();
    }
    pieces
}

/// `********`, `...`: one sign over and over.
fn is_dashes(value: &str) -> bool {
    let mut chars = value.chars();
    value.chars().count() >= 3
        && chars
            .next()
            .is_some_and(|first| "*.-_•?#".contains(first) && chars.all(|c| c == first))
}

/// Words of the list, the key's words, and short numbers. Numbers alone are one only if there is just one: `123-456` is a
/// code.
fn is_listed(key: &str, pieces: &[Piece]) -> bool {
    let key_words = words_of(key);
    let words = pieces
        .iter()
        .filter(|p| matches!(p, Piece::Word(_)))
        .count();
    (words > 0 || pieces.len() == 1)
        && pieces.iter().all(|piece| match piece {
            Piece::Word(word) => is_list_word(word) || key_words.contains(word),
            Piece::Number(digits) => *digits <= MAX_NUMBER,
        })
}

/// Markers count as list words; `xxx` stands for any longer row of it.
fn is_list_word(word: &str) -> bool {
    PLACEHOLDER_WORDS.contains(word) || is_marker(word)
}

fn is_marker(word: &str) -> bool {
    PLACEHOLDER_MARKERS.contains(word) || (word.len() > 3 && word.bytes().all(|b| b == b'x'))
}

/// A marker, and otherwise words as people write them.
fn has_marker(value: &str, pieces: &[Piece]) -> bool {
    !value.contains(['=', ';', '@', '/', '\\'])
        && !digit_touches_letter(value)
        && pieces
            .iter()
            .any(|p| matches!(p, Piece::Word(w) if is_marker(w)))
        && pieces.iter().all(|piece| match piece {
            Piece::Word(word) => word.chars().count() <= MAX_WORD,
            Piece::Number(digits) => *digits <= MAX_NUMBER,
        })
}

fn digit_touches_letter(value: &str) -> bool {
    let mut previous = ' ';
    value.chars().any(|c| {
        let touches = (c.is_alphabetic() && previous.is_numeric())
            || (c.is_numeric() && previous.is_alphabetic());
        previous = c;
        touches
    })
}

/// One word put together of at most five list words, one a marker: `REPLACEME`, `yourpassword`.
fn is_glued(value: &str) -> bool {
    let word = value
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_ascii_lowercase();
    if word.is_empty()
        || word.len() > MAX_PARTS * MAX_WORD
        || !word.bytes().all(|b| b.is_ascii_lowercase())
    {
        return false;
    }
    // Fewest words that reach each place, without and with a marker among them.
    let mut plain = vec![usize::MAX; word.len() + 1];
    let mut marked = plain.clone();
    plain[0] = 0;
    for start in 0..word.len() {
        for end in start + 1..=word.len().min(start + MAX_WORD) {
            let part = &word[start..end];
            if is_marker(part) {
                let fewest = plain[start].min(marked[start]).saturating_add(1);
                marked[end] = marked[end].min(fewest);
            } else if PLACEHOLDER_WORDS.contains(part) {
                plain[end] = plain[end].min(plain[start].saturating_add(1));
                marked[end] = marked[end].min(marked[start].saturating_add(1));
            }
        }
    }
    marked[word.len()] <= MAX_PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders() {
        for (key, value) in [
            ("password", "changeme"),
            ("password", "changeme-123"),
            ("password", "ChangeMe"),
            ("password", "changeme123"),
            ("token", "your-token"),
            ("token", "REPLACE_ME"),
            ("token", "REPLACEME"),
            ("token", "replacemewithpassword"),
            ("key", "<your-api-key>"),
            ("password", "password"),
            ("kumquat_password", "kumquat"),
            ("kumquatPassword", "Kumquat-Password"),
            ("password", "replace with the real kumquat secret"),
            ("password", "TODO: insert kumquat"),
            ("password", "xxxxxxxx"),
            ("password", "XXXX-XXXX"),
            ("password", "********"),
            ("password", "..."),
            ("pin", "123"),
            ("password", "admin"),
            ("password", "test 1"),
            ("url", "https://user:pass@example.com"),
            ("password", "\"changeme\""),
            ("password", "<REDACTED>"),
            ("password", "dummy.kumquat"),
        ] {
            assert!(is_placeholder(key, value), "{key}: {value}");
        }
    }

    #[test]
    fn near_misses_differ_in_one_token() {
        for (key, value) in [
            ("password", "changeme-8f3kQ"),
            ("password", "changeme-1234"),
            ("password", "changeme-kumquats2"),
            ("password", "changeme=kumquat"),
            ("password", "changeme/kumquat"),
            ("password", "changeme@kumquat"),
            ("password", "changeme;kumquat"),
            ("password", "changeme\\kumquat"),
            ("password", "changeme-kumquatkumquatk"),
            ("token", "example99e5RQBW7Xv7be"),
            ("password", "kumquat"),
            ("password", "mykumquat"),
            ("token", "REPLACEMEX"),
            (
                "token",
                "replacemereplacemereplacemereplacemereplacemereplaceme",
            ),
            ("pin", "1234"),
            ("otp", "123-456"),
            ("password", "123 456"),
            ("password", ""),
            ("password", "--"),
            ("password", "-*-"),
            ("password", "p4ssw0rd"),
            ("password", "changemé"),
            ("username", "kumquat"),
        ] {
            assert!(!is_placeholder(key, value), "{key}: {value}");
        }
    }

    #[test]
    fn long_texts_are_no_placeholders() {
        assert!(!is_placeholder("password", &"changeme ".repeat(100)));
    }
}

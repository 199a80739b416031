//! Character classes and escapes of Go's syntax, written in the dialect of the `regex` crate.
//!
//! `\d \w \s` and the POSIX names are ASCII in Go and become explicit ranges; Unicode properties keep their tables (the
//! two sides may differ by one version of Unicode). Under `(?i)` both fold first and negate afterwards, so folding is left
//! to the crate. Surrogates, legal in a Go pattern, drop out of ranges.

use std::fmt::Write as _;

use super::emit::push_char;
use super::parse::{Flags, Node};
use super::{GoRegexError, quote};

/// `.` under `(?s)`.
pub(super) const ANY: &str = r"(?s:.)";
/// `.` otherwise.
pub(super) const ANY_BUT_NEWLINE: &str = r"[^\n]";

/// POSIX names with their members; `\d`, `\s` and `\w` are spelled like three of them (Go's `\s` has no vertical tab).
const ASCII_CLASSES: &[(&str, &str)] = &[
    ("alnum", "0-9A-Za-z"),
    ("alpha", "A-Za-z"),
    ("ascii", r"\x00-\x7F"),
    ("blank", r"\t\x20"),
    ("cntrl", r"\x00-\x1F\x7F"),
    ("digit", "0-9"),
    ("graph", r"\x21-\x7E"),
    ("lower", "a-z"),
    ("print", r"\x20-\x7E"),
    ("punct", r"\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E"),
    ("space", r"\t\n\x0B\x0C\r\x20"),
    ("upper", "A-Z"),
    ("word", "0-9A-Z_a-z"),
    ("xdigit", "0-9A-Fa-f"),
];
const PERL_SPACE: &str = r"\t\n\x0C\r\x20";

/// General categories by their short names, as Go 1.26 knows them.
const CATEGORIES: &[&str] = &[
    "C", "Cc", "Cf", "Cn", "Co", "Cs", "L", "Lc", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me",
    "Mn", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk",
    "Sm", "So", "Z", "Zl", "Zp", "Zs",
];

/// Long names of categories, folded as [`canonical`] folds.
const CATEGORY_ALIASES: &[(&str, &str)] = &[
    ("Casedletter", "Lc"),
    ("Closepunctuation", "Pe"),
    ("Cntrl", "Cc"),
    ("Combiningmark", "M"),
    ("Connectorpunctuation", "Pc"),
    ("Control", "Cc"),
    ("Currencysymbol", "Sc"),
    ("Dashpunctuation", "Pd"),
    ("Decimalnumber", "Nd"),
    ("Digit", "Nd"),
    ("Enclosingmark", "Me"),
    ("Finalpunctuation", "Pf"),
    ("Format", "Cf"),
    ("Initialpunctuation", "Pi"),
    ("Letter", "L"),
    ("Letternumber", "Nl"),
    ("Lineseparator", "Zl"),
    ("Lowercaseletter", "Ll"),
    ("Mark", "M"),
    ("Mathsymbol", "Sm"),
    ("Modifierletter", "Lm"),
    ("Modifiersymbol", "Sk"),
    ("Nonspacingmark", "Mn"),
    ("Number", "N"),
    ("Openpunctuation", "Ps"),
    ("Other", "C"),
    ("Otherletter", "Lo"),
    ("Othernumber", "No"),
    ("Otherpunctuation", "Po"),
    ("Othersymbol", "So"),
    ("Paragraphseparator", "Zp"),
    ("Privateuse", "Co"),
    ("Punct", "P"),
    ("Punctuation", "P"),
    ("Separator", "Z"),
    ("Spaceseparator", "Zs"),
    ("Spacingmark", "Mc"),
    ("Surrogate", "Cs"),
    ("Symbol", "S"),
    ("Titlecaseletter", "Lt"),
    ("Unassigned", "Cn"),
    ("Uppercaseletter", "Lu"),
];

/// Scripts that Go 1.26 finds. Names of several words (`Old_Italic`) are missing because Go folds the underscore away
/// and then finds nothing; it refuses them.
const SCRIPTS: &[&str] = &[
    "Adlam",
    "Ahom",
    "Arabic",
    "Armenian",
    "Avestan",
    "Balinese",
    "Bamum",
    "Batak",
    "Bengali",
    "Bhaiksuki",
    "Bopomofo",
    "Brahmi",
    "Braille",
    "Buginese",
    "Buhid",
    "Carian",
    "Chakma",
    "Cham",
    "Cherokee",
    "Chorasmian",
    "Common",
    "Coptic",
    "Cuneiform",
    "Cypriot",
    "Cyrillic",
    "Deseret",
    "Devanagari",
    "Dogra",
    "Duployan",
    "Elbasan",
    "Elymaic",
    "Ethiopic",
    "Georgian",
    "Glagolitic",
    "Gothic",
    "Grantha",
    "Greek",
    "Gujarati",
    "Gurmukhi",
    "Han",
    "Hangul",
    "Hanunoo",
    "Hatran",
    "Hebrew",
    "Hiragana",
    "Inherited",
    "Javanese",
    "Kaithi",
    "Kannada",
    "Katakana",
    "Kawi",
    "Kharoshthi",
    "Khmer",
    "Khojki",
    "Khudawadi",
    "Lao",
    "Latin",
    "Lepcha",
    "Limbu",
    "Lisu",
    "Lycian",
    "Lydian",
    "Mahajani",
    "Makasar",
    "Malayalam",
    "Mandaic",
    "Manichaean",
    "Marchen",
    "Medefaidrin",
    "Miao",
    "Modi",
    "Mongolian",
    "Mro",
    "Multani",
    "Myanmar",
    "Nabataean",
    "Nandinagari",
    "Newa",
    "Nko",
    "Nushu",
    "Ogham",
    "Oriya",
    "Osage",
    "Osmanya",
    "Palmyrene",
    "Phoenician",
    "Rejang",
    "Runic",
    "Samaritan",
    "Saurashtra",
    "Sharada",
    "Shavian",
    "Siddham",
    "Sinhala",
    "Sogdian",
    "Soyombo",
    "Sundanese",
    "Syriac",
    "Tagalog",
    "Tagbanwa",
    "Takri",
    "Tamil",
    "Tangsa",
    "Tangut",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
    "Tifinagh",
    "Tirhuta",
    "Toto",
    "Ugaritic",
    "Vai",
    "Vithkuqi",
    "Wancho",
    "Yezidi",
    "Yi",
];

/// Reads `[...]` at the start of `text`; gives the class and what follows it.
pub(super) fn bracketed(text: &str, flags: Flags) -> Result<(Node, &str), GoRegexError> {
    let (negated, mut rest) = match text[1..].strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, &text[1..]),
    };
    let mut items = String::new();
    let mut first = true;
    loop {
        if !first && let Some(rest) = rest.strip_prefix(']') {
            return Ok((finish(&items, negated, flags), rest));
        }
        first = false;
        if let Some((item, after)) = posix(rest)? {
            items.push_str(&item);
            rest = after;
            continue;
        }
        if let Some((item, after)) = set_escape(rest)? {
            items.push_str(&item);
            rest = after;
            continue;
        }
        let begin = rest;
        let (low, after) = member(rest, text)?;
        let mut high = low;
        rest = after;
        // A dash before the closing bracket, or at the end of the pattern, is a member of its own.
        if let Some(after) = rest.strip_prefix('-')
            && !after.is_empty()
            && !after.starts_with(']')
        {
            (high, rest) = member(after, text)?;
            if high < low {
                return Err(GoRegexError::Range(quote(
                    &begin[..begin.len() - rest.len()],
                )));
            }
        }
        push_range(low, high, &mut items);
    }
}

/// Reads `\d`, `\W`, `\pL`, `\P{Greek}` ... outside of brackets; `None` for every other escape.
pub(super) fn escaped(text: &str, flags: Flags) -> Result<Option<(Node, &str)>, GoRegexError> {
    Ok(set_escape(text)?.map(|(item, rest)| (finish(&item, false, flags), rest)))
}

/// Reads an escape that stands for one code point (perhaps a surrogate).
pub(super) fn character_escape(text: &str) -> Result<(u32, &str), GoRegexError> {
    let mut chars = text[1..].chars();
    let Some(c) = chars.next() else {
        return Err(GoRegexError::TrailingBackslash);
    };
    let after = chars.as_str();
    let upto = |rest: &str| quote(&text[..text.len() - rest.len()]);
    let octal = |digits: usize| {
        let digits = &text[1..=digits];
        (
            u32::from_str_radix(digits, 8).unwrap_or_default(),
            &text[1 + digits.len()..],
        )
    };
    let octal_digits = text[1..]
        .bytes()
        .take(3)
        .take_while(|b| matches!(b, b'0'..=b'7'))
        .count();
    match c {
        '0' => Ok(octal(octal_digits)),
        '1'..='7' if octal_digits >= 2 => Ok(octal(octal_digits)),
        '1'..='9' => Err(GoRegexError::BackReference(upto(after))),
        'x' => hexadecimal(after).ok_or_else(|| {
            let end = after
                .char_indices()
                .nth(2)
                .map_or(after.len(), |(at, _)| at);
            GoRegexError::Escape(upto(&after[end..]))
        }),
        'a' => Ok((0x07, after)),
        'f' => Ok((0x0C, after)),
        'n' => Ok((0x0A, after)),
        'r' => Ok((0x0D, after)),
        't' => Ok((0x09, after)),
        'v' => Ok((0x0B, after)),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok((u32::from(c), after)),
        _ => Err(GoRegexError::Escape(upto(after))),
    }
}

/// What follows `\x`: two digits, or any number of them in braces.
fn hexadecimal(text: &str) -> Option<(u32, &str)> {
    let hex = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let digits = digits.trim_start_matches('0');
        let code = if digits.is_empty() {
            Some(0)
        } else {
            u32::from_str_radix(digits, 16).ok()
        };
        code.filter(|code| plain && *code <= u32::from(char::MAX))
    };
    match text.strip_prefix('{') {
        Some(braced) => {
            let (digits, rest) = braced.split_once('}')?;
            Some((hex(digits)?, rest))
        }
        None => Some((hex(text.get(..2)?)?, &text[2..])),
    }
}

/// One member of a class: a character or an escape of one.
fn member<'p>(text: &'p str, whole: &str) -> Result<(u32, &'p str), GoRegexError> {
    let mut chars = text.chars();
    match chars.next() {
        None => Err(GoRegexError::UnclosedClass(quote(whole))),
        Some('\\') => character_escape(text),
        Some(c) => Ok((u32::from(c), chars.as_str())),
    }
}

/// Reads `[:alpha:]` or `[:^alpha:]`. Without a `:]` anywhere behind, the bracket is a member like any other.
fn posix(text: &str) -> Result<Option<(String, &str)>, GoRegexError> {
    let Some((name, rest)) = text
        .strip_prefix("[:")
        .and_then(|inner| inner.split_once(":]"))
    else {
        return Ok(None);
    };
    let (negated, word) = match name.strip_prefix('^') {
        Some(word) => (true, word),
        None => (false, name),
    };
    let known = ASCII_CLASSES.iter().find(|(known, _)| *known == word);
    let (_, members) =
        known.ok_or_else(|| GoRegexError::ClassName(quote(&text[..text.len() - rest.len()])))?;
    Ok(Some((nested(members, negated), rest)))
}

/// Reads an escape that stands for a set, as an item of a class.
fn set_escape(text: &str) -> Result<Option<(String, &str)>, GoRegexError> {
    let set = |members, negated| Ok(Some((nested(members, negated), &text[2..])));
    match text.as_bytes() {
        [b'\\', b'd', ..] => set("0-9", false),
        [b'\\', b'D', ..] => set("0-9", true),
        [b'\\', b's', ..] => set(PERL_SPACE, false),
        [b'\\', b'S', ..] => set(PERL_SPACE, true),
        [b'\\', b'w', ..] => set("0-9A-Z_a-z", false),
        [b'\\', b'W', ..] => set("0-9A-Z_a-z", true),
        [b'\\', b'p', ..] => property(text, false).map(Some),
        [b'\\', b'P', ..] => property(text, true).map(Some),
        _ => Ok(None),
    }
}

/// Reads `\pL`, `\p{Greek}`, `\p{^Lu}`.
fn property(text: &str, mut negated: bool) -> Result<(String, &str), GoRegexError> {
    let unknown = |rest: &str| GoRegexError::ClassName(quote(&text[..text.len() - rest.len()]));
    let inner = &text[2..];
    let (mut name, rest) = match inner.strip_prefix('{') {
        Some(braced) => braced.split_once('}').ok_or_else(|| unknown(""))?,
        None => inner.split_at(inner.chars().next().map_or(0, char::len_utf8)),
    };
    if let Some(positive) = name.strip_prefix('^') {
        (negated, name) = (!negated, positive);
    }
    let name = canonical(name);
    let name = name.as_str();
    let item = match name {
        "Any" => nested(r"\x{0}-\x{10FFFF}", negated),
        "Ascii" => nested(r"\x00-\x7F", negated),
        "Assigned" => categories("Cn", !negated),
        _ => {
            let alias = CATEGORY_ALIASES.iter().find(|(alias, _)| *alias == name);
            let category = alias.map_or(name, |(_, category)| category);
            if CATEGORIES.contains(&category) {
                categories(category, negated)
            } else if SCRIPTS.contains(&name) {
                format!("\\{}{{sc={name}}}", if negated { 'P' } else { 'p' })
            } else {
                return Err(unknown(rest));
            }
        }
    };
    Ok((item, rest))
}

fn categories(category: &str, negated: bool) -> String {
    match category {
        // Surrogates occur in no text, and the crate has no table of them.
        "Cs" if negated => nested(r"\x{0}-\x{10FFFF}", false),
        "Cs" => String::new(),
        _ => format!("\\{}{{gc={category}}}", if negated { 'P' } else { 'p' }),
    }
}

/// Go's folding of property names: without spaces, dashes and underscores, first letter large, the others small.
fn canonical(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')) {
        out.push(if out.is_empty() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        });
    }
    out
}

/// Members as an item of a class.
fn nested(members: &str, negated: bool) -> String {
    format!("[{}{members}]", if negated { "^" } else { "" })
}

fn push_range(low: u32, high: u32, items: &mut String) {
    // `char` ranges step over the surrogates by themselves, only the ends must be characters.
    let low = char::from_u32(low).or(char::from_u32(0xE000));
    let high = char::from_u32(high).or(char::from_u32(0xD7FF));
    if let (Some(low), Some(high)) = (low, high)
        && low <= high
    {
        push_char(low, items);
        if low < high {
            let _ = items.write_char('-');
            push_char(high, items);
        }
    }
}

/// The whole class from its items.
fn finish(items: &str, negated: bool, flags: Flags) -> Node {
    match (items.is_empty(), negated) {
        (true, false) => Node::Never,
        (true, true) => Node::Class(ANY.to_owned()),
        (false, _) => {
            let class = nested(items, negated);
            Node::Class(if flags.fold {
                format!("(?i:{class})")
            } else {
                class
            })
        }
    }
}

//! The encrypted value, `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.
//!
//! sops anchors only the start when it reads one and throws away what follows the bracket (`aes/cipher.go`); here both
//! ends are anchored, every part is decoded, and lengths must fit the type. What looks like a value and cannot be one is
//! told apart from plaintext around a real one. A well-made fake with random bytes cannot be recognised without a key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The type sops notes in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EncType {
    /// Text.
    Str,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Float,
    /// True or False.
    Bool,
    /// A comment.
    Comment,
    /// A timestamp, since 3.10.
    Time,
    /// Read by sops, never written.
    Bytes,
}

/// A sound encrypted value.
#[derive(Clone, PartialEq, Eq)]
pub struct EncValue {
    /// Bytes of ciphertext, equal to those of the plaintext.
    pub data_len: usize,
    /// The nonce.
    pub iv: [u8; 32],
    /// First bytes of the ciphertext: enough to tell two values apart.
    pub data_head: [u8; 16],
    /// The noted type.
    pub ty: EncType,
}

/// Why something that looks like an encrypted value cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Not the grammar sops writes.
    Grammar,
    /// A part is no padded standard base64.
    Base64,
    /// The IV has not 32 bytes.
    IvLength,
    /// The tag has not 16 bytes.
    TagLength,
    /// No data.
    EmptyData,
    /// A data length that the type cannot have.
    Length,
    /// A MAC that has not 128 bytes.
    MacLength,
    /// IV or tag are one repeated byte or printable text.
    PlaceholderBytes,
    /// The data is printable text.
    ReadableData,
    /// One IV for two different leaves.
    SharedIv,
}

impl Forgery {
    /// In words, for a message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grammar => "it does not have the form that sops writes",
            Self::Base64 => "a part of it is not base64",
            Self::IvLength => "its IV does not have 32 bytes",
            Self::TagLength => "its tag does not have 16 bytes",
            Self::EmptyData => "it has no data",
            Self::Length => "its data length is impossible for its type",
            Self::MacLength => "the MAC does not have 128 bytes",
            Self::PlaceholderBytes => "its IV or tag is a placeholder",
            Self::ReadableData => "its data is readable text",
            Self::SharedIv => "it shares its IV with another value, which sops never does",
        }
    }
}

/// What a scalar is to sops.
#[derive(Clone, PartialEq, Eq)]
pub enum Judged {
    /// No encrypted value.
    Plain,
    /// A sound one.
    Sound(EncValue),
    /// Looks like one and cannot be.
    Forged(Forgery),
    /// A whole one with other text before or behind it.
    Surrounded,
}

const START: &str = "ENC[AES256_GCM,data:";

/// Whether the text begins like an encrypted value of sops.
pub fn looks_encrypted(text: &str) -> bool {
    text.starts_with("ENC[AES256_GCM,")
}

/// Judges one scalar.
pub fn judge(text: &str) -> Judged {
    if !text.starts_with("ENC[") {
        // Plaintext in front of a real value stays readable.
        return match find_start(text) {
            // A text of several lines, or one in which the value is quoted, is a document of its own.
            Some(at)
                if !text.contains('\n')
                    && !text[..at].ends_with(['"', '\''])
                    && matches!(
                        judge_at_start(&text[at..]),
                        Judged::Sound(_) | Judged::Surrounded
                    ) =>
            {
                Judged::Surrounded
            }
            _ if text.trim_start().starts_with("ENC[AES256_GCM,") => {
                Judged::Forged(Forgery::Grammar)
            }
            _ => Judged::Plain,
        };
    }
    // Values of other tools: hiera-eyaml writes ENC[PKCS7,…] and ENC[GPG,…].
    if text.starts_with("ENC[PKCS7,") || text.starts_with("ENC[GPG,") {
        return Judged::Plain;
    }
    judge_at_start(text)
}

/// Where a value of sops first begins in a text; by its bracket, which is rare.
fn find_start(text: &str) -> Option<usize> {
    let begins = |at: &usize| text.get(*at..).is_some_and(|rest| rest.starts_with(START));
    memchr::memchr_iter(b'[', text.as_bytes())
        .filter_map(|bracket| bracket.checked_sub("ENC".len()))
        .find(begins)
}

/// Splits at the first `mark`, which begins with a comma.
fn split<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    memchr::memchr_iter(b',', text.as_bytes())
        .find_map(|at| Some((&text[..at], text[at..].strip_prefix(mark)?)))
}

fn judge_at_start(text: &str) -> Judged {
    let Some(end) = memchr::memchr(b']', text.as_bytes()) else {
        return Judged::Forged(Forgery::Grammar);
    };
    let inner = &text[..end];
    let Some(rest) = inner.strip_prefix(START) else {
        return Judged::Forged(Forgery::Grammar);
    };
    let Some((data, rest)) = split(rest, ",iv:") else {
        return Judged::Forged(Forgery::Grammar);
    };
    let Some((iv, rest)) = split(rest, ",tag:") else {
        return Judged::Forged(Forgery::Grammar);
    };
    let Some((tag, ty)) = split(rest, ",type:") else {
        return Judged::Forged(Forgery::Grammar);
    };
    let ty = match ty {
        "str" => EncType::Str,
        "int" => EncType::Int,
        "float" => EncType::Float,
        "bool" => EncType::Bool,
        "comment" => EncType::Comment,
        "time" => EncType::Time,
        "bytes" => EncType::Bytes,
        _ => return Judged::Forged(Forgery::Grammar),
    };
    match parts(data, iv, tag, ty) {
        Err(forgery) => Judged::Forged(forgery),
        Ok(value) if end + 1 == text.len() => Judged::Sound(value),
        Ok(_) => Judged::Surrounded,
    }
}

fn parts(data: &str, iv: &str, tag: &str, ty: EncType) -> Result<EncValue, Forgery> {
    if data.is_empty() {
        return Err(Forgery::EmptyData);
    }
    let mut iv_bytes = [0u8; 66];
    let mut tag_bytes = [0u8; 66];
    let iv_len = decode_short(iv, &mut iv_bytes)?.ok_or(Forgery::IvLength)?;
    let tag_len = decode_short(tag, &mut tag_bytes)?.ok_or(Forgery::TagLength)?;
    if iv_len != 32 {
        return Err(Forgery::IvLength);
    }
    if tag_len != 16 {
        return Err(Forgery::TagLength);
    }
    let (iv_bytes, tag_bytes) = (&iv_bytes[..32], &tag_bytes[..16]);
    if is_placeholder(iv_bytes) || is_placeholder(tag_bytes) {
        return Err(Forgery::PlaceholderBytes);
    }
    let (data_len, data_head, readable) = decode_data(data)?;
    let fits = match ty {
        EncType::Bool => (4..=5).contains(&data_len),
        EncType::Int => (1..=20).contains(&data_len),
        EncType::Time => (20..=35).contains(&data_len),
        EncType::Str | EncType::Float | EncType::Comment | EncType::Bytes => data_len >= 1,
    };
    if data_len == 0 {
        return Err(Forgery::EmptyData);
    }
    if !fits {
        return Err(Forgery::Length);
    }
    if readable {
        return Err(Forgery::ReadableData);
    }
    let mut fixed = [0u8; 32];
    fixed.copy_from_slice(iv_bytes);
    Ok(EncValue {
        data_len,
        iv: fixed,
        data_head,
        ty,
    })
}

/// Decodes up to 66 bytes; `None` when the text is longer than that.
fn decode_short(text: &str, into: &mut [u8; 66]) -> Result<Option<usize>, Forgery> {
    if text.len() > 88 {
        return Ok(None);
    }
    STANDARD
        .decode_slice(text, into)
        .map(Some)
        .map_err(|_| Forgery::Base64)
}

/// Length, first bytes, and whether all of it is text.
fn decode_data(text: &str) -> Result<(usize, [u8; 16], bool), Forgery> {
    let mut head = [0u8; 16];
    let mut len = 0;
    let (mut readable, mut words) = (true, true);
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(4) {
        return Err(Forgery::Base64);
    }
    // Most values are short; a large buffer would cost more to clear than to fill.
    let (mut small, mut large) = ([0u8; 192], Vec::new());
    let buffer: &mut [u8] = if bytes.len() <= 256 {
        &mut small
    } else {
        large.resize(3072, 0);
        &mut large
    };
    let chunks = bytes.len().div_ceil(4096).max(1);
    for (i, chunk) in bytes.chunks(4096).enumerate() {
        let n = STANDARD
            .decode_slice(chunk, buffer)
            .map_err(|_| Forgery::Base64)?;
        if i + 1 < chunks && n != 3072 {
            return Err(Forgery::Base64);
        }
        if i == 0 {
            let take = n.min(16);
            head[..take].copy_from_slice(&buffer[..take]);
        }
        readable = readable && buffer[..n].iter().all(|b| printable(*b));
        words = words && buffer[..n].iter().all(|b| of_words(*b));
        len += n;
    }
    Ok((len, head, is_text(len, readable, words)))
}

/// Printable bytes that chance cannot be behind. Of sixteen random bytes all are printable once in five million times, and a
/// repository of some size has as many values in its history: short ones must be made of letters, digits and little else.
fn is_text(len: usize, readable: bool, words: bool) -> bool {
    match len {
        0..16 => false,
        16..26 => words,
        _ => readable,
    }
}

fn of_words(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b" _-.+/=".contains(&b)
}

fn printable(b: u8) -> bool {
    (0x20..0x7f).contains(&b) || matches!(b, b'\n' | b'\r' | b'\t')
}

fn is_placeholder(bytes: &[u8]) -> bool {
    let all = |of: fn(u8) -> bool| bytes.iter().all(|b| of(*b));
    bytes.iter().all(|b| *b == bytes[0]) || is_text(bytes.len(), all(printable), all(of_words))
}

/// Judges the `mac` of the metadata: a value of type str with the 128 hex digits of a SHA-512.
pub fn judge_mac(text: &str) -> Judged {
    match judge(text) {
        Judged::Sound(v) if v.ty != EncType::Str => Judged::Forged(Forgery::Grammar),
        Judged::Sound(v) if v.data_len != 128 => Judged::Forged(Forgery::MacLength),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "ENC[AES256_GCM,data:AZzUX5g4yce+sfzsJ0hcAZg0Fgk=,iv:Ir2Xw3/kMgXP3JdWPakUo0eU0tnNBpEJ+v+R0QTap5U=,tag:QDN3JBQFCWz4SBotl5RhxA==,type:str]";

    #[test]
    fn a_value_of_sops_is_sound_and_every_damage_is_named() {
        assert!(matches!(judge(GOOD), Judged::Sound(ref v) if v.data_len == 20));
        let with = |from: &str, to: &str| judge(&GOOD.replace(from, to));
        let forged = |f| Judged::Forged(f);
        assert!(with("type:str", "type:list") == forged(Forgery::Grammar));
        assert!(with("type:str", "type:bool") == forged(Forgery::Length));
        assert!(with("AZzUX5g4yce+sfzsJ0hcAZg0Fgk=", "") == forged(Forgery::EmptyData));
        assert!(with("AZzUX5g4yce+sfzsJ0hcAZg0Fgk=", "not base64!") == forged(Forgery::Base64));
        assert!(
            with(
                "AZzUX5g4yce+sfzsJ0hcAZg0Fgk=",
                "AZzUX5g4yce+sfzsJ0hcAZg0Fgk"
            ) == forged(Forgery::Base64)
        );
        assert!(with("QDN3JBQFCWz4SBotl5RhxA==", "QDN3JBQFCWw=") == forged(Forgery::TagLength));
        assert!(
            with(
                "Ir2Xw3/kMgXP3JdWPakUo0eU0tnNBpEJ+v+R0QTap5U=",
                "Ir2Xw3/kMgXP3JdW"
            ) == forged(Forgery::IvLength)
        );
        assert!(
            with("QDN3JBQFCWz4SBotl5RhxA==", "AAAAAAAAAAAAAAAAAAAAAA==")
                == forged(Forgery::PlaceholderBytes)
        );
        // "this is readable text" in base64
        assert!(
            with(
                "AZzUX5g4yce+sfzsJ0hcAZg0Fgk=",
                "dGhpcyBpcyByZWFkYWJsZSB0ZXh0"
            ) == forged(Forgery::ReadableData)
        );
        assert!(with("ENC[AES256_GCM", "ENC[AES128_GCM") == forged(Forgery::Grammar));
    }

    #[test]
    fn chance_makes_no_forgery() {
        // A tag that the real sops wrote: sixteen printable bytes.
        let tag = GOOD.replace("QDN3JBQFCWz4SBotl5RhxA==", "eUtBalRUQSN9XT4gPDFFJA==");
        assert!(matches!(judge(&tag), Judged::Sound(_)));
        let words = GOOD.replace("QDN3JBQFCWz4SBotl5RhxA==", "cGxhY2Vob2xkZXItdGFnLQ==");
        assert!(judge(&words) == Judged::Forged(Forgery::PlaceholderBytes));
        let data = |text: &[u8]| {
            let data = base64::engine::general_purpose::STANDARD.encode(text);
            judge(&GOOD.replace("AZzUX5g4yce+sfzsJ0hcAZg0Fgk=", &data))
        };
        assert!(matches!(data(b"yKAjTTA#}]> <1E$"), Judged::Sound(_)));
        assert!(data(b"hunter2 hunter2-") == Judged::Forged(Forgery::ReadableData));
        assert!(data(b"yKAjTTA#}]> <1E$ and so on") == Judged::Forged(Forgery::ReadableData));
    }

    #[test]
    fn text_around_a_value_is_no_part_of_it() {
        assert!(judge(&format!("{GOOD} hunter2")) == Judged::Surrounded);
        assert!(judge(&format!("hunter2 {GOOD}")) == Judged::Surrounded);
        assert!(judge("ENC[hunter2]") == Judged::Forged(Forgery::Grammar));
        assert!(judge("hunter2") == Judged::Plain);
        assert!(judge("ENC[PKCS7,MIIB]") == Judged::Plain);
    }

    #[test]
    fn a_mac_has_128_bytes() {
        assert!(judge_mac(GOOD) == Judged::Forged(Forgery::MacLength));
    }
}

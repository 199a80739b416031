//! Bytes to text: UTF-8, with or without a byte order mark, and UTF-16 with one.
//!
//! PowerShell's redirection writes UTF-16; go-yaml reads it, so sops does. Bytes that are no UTF-8 become U+FFFD, so that
//! the rest can still be judged, and the loss is told.

use std::borrow::Cow;

/// How the text was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 without a mark.
    Utf8,
    /// UTF-8 with a byte order mark.
    Utf8Bom,
    /// UTF-16, little or big endian, with a byte order mark.
    Utf16,
}

/// Decoded text, without its byte order mark.
pub struct Decoded<'b> {
    /// The text.
    pub text: Cow<'b, str>,
    /// How it was encoded.
    pub encoding: Encoding,
    /// Whether some bytes were no text, so that characters were replaced.
    pub lossy: bool,
}

/// Decodes the bytes of a file.
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    let utf16 = |rest: &[u8], read: fn([u8; 2]) -> u16| {
        let odd = rest.len() % 2 == 1;
        let units = rest.chunks_exact(2).map(|c| read([c[0], c[1]]));
        let mut lossy = odd;
        let text: String = char::decode_utf16(units)
            .map(|c| {
                c.unwrap_or_else(|_| {
                    lossy = true;
                    char::REPLACEMENT_CHARACTER
                })
            })
            .collect();
        Decoded {
            text: Cow::Owned(text),
            encoding: Encoding::Utf16,
            lossy,
        }
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest, Encoding::Utf8Bom),
        _ => utf8(bytes, Encoding::Utf8),
    }
}

/// The check alone is much faster than the replacement, and most files are text.
fn utf8(bytes: &[u8], encoding: Encoding) -> Decoded<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Decoded {
            text: Cow::Borrowed(text),
            encoding,
            lossy: false,
        },
        Err(_) => Decoded {
            text: Cow::Owned(replaced(bytes)),
            encoding,
            lossy: true,
        },
    }
}

/// Programs and pictures are megabytes of what is no text: of those only ASCII is kept, which takes a tenth of the time.
fn replaced(bytes: &[u8]) -> String {
    let is_binary = memchr::memchr(0, &bytes[..bytes.len().min(8000)]).is_some();
    let lossy = || String::from_utf8_lossy(bytes).into_owned();
    if !is_binary {
        return lossy();
    }
    let ascii = bytes.iter().map(|b| if b.is_ascii() { *b } else { b'?' });
    String::from_utf8(ascii.collect()).unwrap_or_else(|_| lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_off_and_utf16_is_read() {
        assert_eq!(decode(b"\xef\xbb\xbfa: 1").text, "a: 1");
        assert_eq!(decode(b"\xff\xfea\0:\0").text, "a:");
        assert_eq!(decode(b"\xfe\xff\0a\0:").text, "a:");
        assert!(decode(b"\xff\xfea\0:").lossy, "an odd byte is a loss");
        assert!(decode(b"a\xff").lossy);
        assert_eq!(decode(b"a\0\xff\xfeb").text, "a\0??b");
        assert_eq!(decode(b"a\xffb").text, "a\u{fffd}b");
    }
}

//! What stands between BEGIN and END: base64 characters, and everything that may stand between them.
//!
//! A key that was pasted into JSON, YAML, dotenv, a comment or source code is broken up by indentation, `\n` escapes
//! (however often escaped), quotes, commas, comment signs or string concatenation. All of that is passed over; the
//! first character that fits nowhere ends the body. Judging the result is the business of `structure`.

/// Characters kept for decoding: a 16384-bit RSA key has twelve thousand.
const KEPT: usize = 64 * 1024;

/// A run this long is no word of prose.
const LONG_RUN: usize = 20;

/// The base64 text of a would-be key.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// The characters without what stood between them, at most [`KEPT`].
    pub(super) chars: Vec<u8>,
    /// How many characters stood in runs too long for words.
    pub(super) dense: usize,
    /// Place after the last base64 or padding character.
    pub(super) end: usize,
    /// Place after what may follow, where an END marker is looked for.
    pub(super) next: usize,
}

impl Body {
    /// Reads a body from `at` on.
    pub(super) fn read(text: &[u8], at: usize) -> Body {
        let mut body = Body {
            end: at,
            next: at,
            ..Body::default()
        };
        let (mut run, mut after_padding) = (0, None);
        while let Some((token, len)) = token_at(text, body.next) {
            match (token, &mut after_padding) {
                (Token::Char(b), None) => {
                    run += 1;
                    if body.chars.len() < KEPT {
                        body.chars.push(b);
                    }
                    body.end = body.next + len;
                }
                // PGP's checksum line: `=` and four characters after the padding.
                (Token::Char(_), Some(left)) if *left > 0 => {
                    *left -= 1;
                    body.end = body.next + len;
                }
                (Token::Char(_), Some(_)) => break,
                (Token::Padding, _) => {
                    after_padding.get_or_insert(4);
                    body.end = body.next + len;
                }
                (Token::Between, _) => {
                    body.close(&mut run);
                }
                (Token::Ignored, _) => {}
            }
            body.next += len;
        }
        body.close(&mut run);
        body
    }

    fn close(&mut self, run: &mut usize) {
        if *run >= LONG_RUN {
            self.dense += *run;
        }
        *run = 0;
    }
}

/// The place after all that may stand between base64 characters.
pub(super) fn after_gap(text: &[u8], mut at: usize) -> usize {
    while let Some((Token::Between | Token::Ignored, len)) = token_at(text, at) {
        at += len;
    }
    at
}

enum Token {
    Char(u8),
    Padding,
    /// Ends a run.
    Between,
    /// Does not: the backslash of JSON's `\/`.
    Ignored,
}

fn token_at(text: &[u8], at: usize) -> Option<(Token, usize)> {
    match *text.get(at)? {
        b'\\' => Some(escape_at(text, at)),
        b'=' => Some((Token::Padding, 1)),
        b if is_between(b) => Some((Token::Between, 1)),
        b if is_base64(b) => match lone_sign(text, at) {
            0 => Some((Token::Char(b), 1)),
            len => Some((Token::Between, len)),
        },
        _ => None,
    }
}

/// One escape, with all backslashes before it (`\\n` of JSON in JSON).
fn escape_at(text: &[u8], at: usize) -> (Token, usize) {
    let slashes = text[at..].iter().take_while(|&&b| b == b'\\').count();
    let rest = &text[at + slashes..];
    match rest {
        [b'n' | b'r' | b't', ..] => (Token::Between, slashes + 1),
        [b'/', ..] => (Token::Ignored, slashes),
        [b'u' | b'U', b'0', b'0', code @ ..] => {
            coded(code).map_or((Token::Between, slashes), |t| (t, slashes + 5))
        }
        [b'x' | b'X', code @ ..] => {
            coded(code).map_or((Token::Between, slashes), |t| (t, slashes + 3))
        }
        _ => (Token::Between, slashes),
    }
}

/// Characters that some JSON writers never write as they are.
fn coded(code: &[u8]) -> Option<Token> {
    match code.get(..2)?.to_ascii_lowercase().as_slice() {
        b"0a" | b"0d" | b"09" | b"20" => Some(Token::Between),
        b"2b" => Some(Token::Char(b'+')),
        b"2f" => Some(Token::Char(b'/')),
        b"3d" => Some(Token::Padding),
        _ => None,
    }
}

/// Length of a `+` (string concatenation) or `//` (comment) that stands alone, else 0.
fn lone_sign(text: &[u8], at: usize) -> usize {
    let len = match &text[at..] {
        [b'+', ..] => 1,
        [b'/', b'/', ..] => 2,
        _ => return 0,
    };
    let alone = |b: Option<&u8>| b.is_none_or(|&b| is_between(b));
    let before = at.checked_sub(1).and_then(|i| text.get(i));
    // Only white space or a quote on both sides: a line of a body may well begin or end with a plus.
    if alone(before) && text.get(at + len).is_some_and(|&b| is_between(b)) {
        len
    } else {
        0
    }
}

fn is_between(b: u8) -> bool {
    b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b',' | b'#' | b'>' | b'|' | b'*')
}

/// The base64 alphabet, padding not included.
pub(super) fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')
}

//! Literals in a template expression that may become the value.
//!
//! The inside of `{{ … }}` is split into tokens and read once from left to right. Counted are literal arguments of
//! `default`, `coalesce`, `ternary`, `or` and `||`, the branches of `a if b else c`, and a literal that is the whole
//! expression, also where it only passes through filters (`"x" | b64enc`, `b64enc "x"`). Arguments of anything else
//! (`index .data "db-password"`, `eq .x "a"`, `required "message" .x`) are names and messages, not values.

use super::template::end_of_string;

/// Functions whose literal arguments may become the value.
const CHOOSERS: [&str; 7] = [
    "default",
    "default_if_none",
    "coalesce",
    "ternary",
    "or",
    "else",
    "d",
];

/// Functions that give back their argument in another form.
const WRAPPERS: [&str; 12] = [
    "b64enc",
    "b64encode",
    "quote",
    "squote",
    "toString",
    "print",
    "trim",
    "upper",
    "lower",
    "nospace",
    "toJson",
    "sha256sum",
];

#[derive(Clone, Copy, PartialEq)]
enum Token<'a> {
    /// A quoted string without its quotes, or a number.
    Literal(&'a str),
    Word(&'a str),
    /// `.Values.x`, `$x`.
    Field,
    Pipe,
    OrOr,
    Open,
    Close,
    Comma,
    Other,
}

/// Longer ones are no expressions that anybody wrote; reading them would cost memory for nothing.
const MAX_LEN: usize = 1 << 16;

/// The literals that the expression may yield.
pub(super) fn literals(inner: &str) -> Vec<String> {
    if inner.len() > MAX_LEN {
        return Vec::new();
    }
    let inner = inner.trim_matches(|c: char| c.is_whitespace() || "-~+=".contains(c));
    if inner.starts_with("/*") || inner.starts_with('#') {
        return Vec::new();
    }
    let tokens = tokens(inner);
    let mut found = whole_literal(&tokens)
        .map(str::to_owned)
        .into_iter()
        .collect::<Vec<_>>();
    if found.is_empty() {
        chosen(&tokens, &mut found);
    }
    found
}

fn whole_literal<'a>(tokens: &[Token<'a>]) -> Option<&'a str> {
    let ends = |token: Option<&Token<'_>>| matches!(token, None | Some(Token::Pipe));
    match tokens {
        [Token::Literal(text), rest @ ..] if ends(rest.first()) => Some(text),
        [Token::Word(name), Token::Literal(text), rest @ ..]
            if WRAPPERS.contains(name) && ends(rest.first()) =>
        {
            Some(text)
        }
        _ => None,
    }
}

/// Literals at the places that a chooser reads; a group in brackets inherits its place unless it calls something else.
fn chosen(tokens: &[Token<'_>], found: &mut Vec<String>) {
    let mut places = vec![false];
    for (i, token) in tokens.iter().enumerate() {
        let previous = i.checked_sub(1).map(|p| tokens[p]);
        let next = tokens.get(i + 1);
        let Some(place) = places.last_mut() else {
            return;
        };
        match token {
            Token::Word("if") => *place = false,
            Token::Word("d") if previous != Some(Token::Pipe) => {}
            Token::Word(name) if CHOOSERS.contains(name) => *place = true,
            Token::Word(_) => {
                let begins_group = previous == Some(Token::Open);
                let is_argument = matches!(
                    next,
                    None | Some(Token::Comma | Token::Close | Token::Pipe | Token::OrOr)
                );
                if begins_group && !is_argument {
                    *place = false;
                }
            }
            Token::OrOr => *place = true,
            Token::Pipe => *place = false,
            Token::Open => {
                let calls_other =
                    matches!(previous, Some(Token::Word(name)) if !CHOOSERS.contains(&name));
                let inherited = *place && !calls_other;
                places.push(inherited);
            }
            Token::Close => {
                if places.len() > 1 {
                    places.pop();
                }
            }
            Token::Literal(text) => {
                if *place || next == Some(&Token::Word("if")) {
                    found.push((*text).to_owned());
                }
            }
            Token::Field | Token::Comma | Token::Other => {}
        }
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    // An unclosed quote would be searched for again and again.
    let mut unclosed = false;
    while at < bytes.len() {
        let start = at;
        let byte = bytes[at];
        at += 1;
        let word_end = |from: usize| {
            from + bytes[from..]
                .iter()
                .take_while(|b| is_word_byte(**b))
                .count()
        };
        let token = match byte {
            b'"' | b'\'' | b'`' if !unclosed => match end_of_string(bytes, start, byte) {
                Ok(end) => {
                    at = end;
                    Token::Literal(text.get(start + 1..end - 1).unwrap_or_default())
                }
                Err(_) => {
                    unclosed = true;
                    Token::Other
                }
            },
            b'|' if bytes.get(at) == Some(&b'|') => {
                at += 1;
                Token::OrOr
            }
            b'|' => Token::Pipe,
            b'(' => Token::Open,
            b')' => Token::Close,
            b',' => Token::Comma,
            b'.' | b'$' => {
                at = word_end(at);
                Token::Field
            }
            b if b.is_ascii_digit() => {
                at = word_end(start);
                Token::Literal(text.get(start..at).unwrap_or_default())
            }
            b if is_word_byte(b) => {
                at = word_end(start);
                Token::Word(text.get(start..at).unwrap_or_default())
            }
            b if b.is_ascii_whitespace() => continue,
            _ => Token::Other,
        };
        tokens.push(token);
    }
    tokens
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_that_may_become_the_value() {
        for (inner, expected) in [
            (" .Values.x | default \"a1\" ", &["a1"][..]),
            ("default \"a1\" .Values.x", &["a1"]),
            ("x | default('a1')", &["a1"]),
            ("x | default('a1', true)", &["a1"]),
            ("x|default:\"a1\"", &["a1"]),
            ("x | d('a1')", &["a1"]),
            ("coalesce .a .b \"a1\"", &["a1"]),
            ("ternary \"a1\" \"b2\" .x", &["a1", "b2"]),
            (".x | ternary \"a1\" \"b2\"", &["a1", "b2"]),
            ("env.X || 'a1'", &["a1"]),
            ("or .x \"a1\"", &["a1"]),
            ("'a1' if x else 'b2'", &["a1", "b2"]),
            ("default (\"a1\") .x", &["a1"]),
            ("default (default \"a1\" .y) .x", &["a1"]),
            ("\"a1\"", &["a1"]),
            ("\"a1\" | b64enc", &["a1"]),
            ("b64enc \"a1\" | quote", &["a1"]),
            ("- `a1` -", &["a1"]),
            ("default 1234 .x", &["1234"]),
            ("x or 'a1'", &["a1"]),
        ] {
            assert_eq!(literals(inner), expected, "{inner}");
        }
    }

    #[test]
    fn names_and_messages_are_no_values() {
        for inner in [
            ".Values.x",
            "index .data \"db-password\"",
            "index .data \"db-password\" | b64dec",
            "lookup('x')",
            "required \"say it\" .Values.x",
            "default (index .Values \"db-password\") .x",
            "default (printf \"%s-x\" .y) .x",
            "default(lookup('x'))",
            "if eq .x \"production\"",
            "else if eq .x \"production\"",
            "/* \"a1\" */",
            "# default \"a1\"",
            "include \"app.name\" .",
            ".x | replace \"a\" \"b\"",
            "'a1' ~ x",
            "d 'x'",
            "",
            "'",
            "é \"",
        ] {
            assert_eq!(literals(inner), [""; 0], "{inner}");
        }
    }
}

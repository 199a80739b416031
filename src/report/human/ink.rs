//! Colour, width and the choice between Unicode and ASCII: everything about a terminal that is not meaning.
//!
//! Text that comes in is free of control and escape characters already; here it only gets colours, line breaks and,
//! where asked, an ASCII form. Widths follow East Asian Width closely enough for cutting and wrapping; a wrong guess
//! costs a ragged edge and nothing else.

use std::borrow::Cow;

use super::super::Style;
use crate::model::Severity;

/// ANSI codes.
pub(super) const BOLD: &str = "1";
pub(super) const DIM: &str = "2";
pub(super) const GREEN: &str = "1;32";
pub(super) const CYAN: &str = "36";

/// The colour of a severity.
pub(super) fn severity_code(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
        Severity::Note => "1;36",
    }
}

/// Words of messages are cut at this width: a pointer into thousands of levels helps nobody.
pub(super) const WORD: usize = 300;

/// How to draw on one terminal.
#[derive(Clone, Copy)]
pub(super) struct Ink {
    pub(super) color: bool,
    pub(super) unicode: bool,
    pub(super) width: usize,
}

impl Ink {
    /// Widths that are no terminal's are brought into bounds.
    pub(super) fn new(style: &Style) -> Self {
        Self {
            color: style.color,
            unicode: style.unicode,
            width: style.width.clamp(40, 240),
        }
    }

    /// `text` in a colour, when there are colours.
    pub(super) fn paint(self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// The form of `text` that the terminal can show.
    pub(super) fn plain(self, text: &str) -> Cow<'_, str> {
        if self.unicode || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len() + 8);
        for c in text.chars() {
            match c {
                c if c.is_ascii() => out.push(c),
                '…' => out.push_str("..."),
                '–' | '—' => out.push('-'),
                '‘' | '’' => out.push('\''),
                '“' | '”' => out.push('"'),
                '\u{a0}' => out.push(' '),
                c => out.extend(c.escape_unicode()),
            }
        }
        Cow::Owned(out)
    }

    /// What stands for text that was cut.
    pub(super) fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// The beginning of `text`, at most `max` columns wide.
    pub(super) fn cut_end(self, text: &str, max: usize) -> Cow<'_, str> {
        if width(text) <= max {
            return Cow::Borrowed(text);
        }
        let room = max.saturating_sub(width(self.ellipsis()));
        let mut used = 0;
        let kept = text.chars().take_while(|c| {
            used += char_width(*c);
            used <= room
        });
        let mut out: String = kept.collect();
        out.push_str(self.ellipsis());
        Cow::Owned(out)
    }

    /// The end of `text`, at most `max` columns wide.
    pub(super) fn cut_start(self, text: &str, max: usize) -> Cow<'_, str> {
        if width(text) <= max {
            return Cow::Borrowed(text);
        }
        let room = max.saturating_sub(width(self.ellipsis()));
        let (mut used, mut from) = (0, text.len());
        for (at, c) in text.char_indices().rev() {
            used += char_width(c);
            if used > room {
                break;
            }
            from = at;
        }
        Cow::Owned(format!("{}{}", self.ellipsis(), &text[from..]))
    }

    /// Appends `lead` and `text`, wrapped between words; further lines start at column `indent`. Words that are wider
    /// than a line stay whole, so that paths and commands can be copied.
    pub(super) fn paragraph(self, out: &mut String, lead: &Lead, text: &str, indent: usize) {
        out.push_str(&lead.painted);
        let mut column = lead.width;
        let mut fresh = true;
        for word in self.plain(text).split_whitespace() {
            let word = &*self.cut_end(word, WORD);
            let wide = width(word);
            if !fresh && column + 1 + wide > self.width {
                out.push('\n');
                out.push_str(&" ".repeat(indent));
                column = indent;
                fresh = true;
            }
            if !fresh {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += wide;
            fresh = false;
        }
        out.push('\n');
    }
}

/// What stands before a paragraph: coloured text and the columns it takes.
#[derive(Default)]
pub(super) struct Lead {
    painted: String,
    width: usize,
}

impl Lead {
    /// Columns that are taken already.
    pub(super) fn taken(width: usize) -> Self {
        Self {
            painted: String::new(),
            width,
        }
    }

    /// Adds text in a colour.
    pub(super) fn with(mut self, ink: Ink, code: &str, text: &str) -> Self {
        let text = ink.plain(text);
        self.width += width(&text);
        self.painted.push_str(&ink.paint(code, &text));
        self
    }

    /// Adds text without a colour.
    pub(super) fn plain(mut self, ink: Ink, text: &str) -> Self {
        let text = ink.plain(text);
        self.width += width(&text);
        self.painted.push_str(&text);
        self
    }
}

/// Columns of a text.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    match u32::from(c) {
        0x20..=0x7e => 1,
        0..=0x1f | 0x7f..=0x9f => 0,
        0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5bd | 0x610..=0x61a | 0x64b..=0x65f => 0,
        0x200b..=0x200f
        | 0x202a..=0x202e
        | 0x2060..=0x206f
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f => 0,
        0xe0000..=0xe0fff => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => {
            2
        }
        0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INK: Ink = Ink {
        color: false,
        unicode: true,
        width: 40,
    };

    #[test]
    fn cutting_keeps_to_the_width_whatever_the_characters() {
        for text in [
            "",
            "abc",
            "日本語日本語日本語",
            "a\u{301}a\u{301}a\u{301}a\u{301}a\u{301}",
            &"x".repeat(100_000),
        ] {
            for max in 0..12 {
                assert!(width(&INK.cut_end(text, max)) <= max.max(1), "{max}");
                assert!(width(&INK.cut_start(text, max)) <= max.max(1), "{max}");
            }
        }
        assert_eq!(INK.cut_end("password", 5), "pass…");
        assert_eq!(INK.cut_start("apps/db.yaml", 8), "…db.yaml");
    }

    #[test]
    fn ascii_is_ascii() {
        let ink = Ink {
            unicode: false,
            ..INK
        };
        assert_eq!(ink.plain("age1…x — müller"), "age1...x - m\\u{fc}ller");
    }

    #[test]
    fn paragraphs_wrap_between_words_only() {
        let mut out = String::new();
        let lead = Lead::default().plain(INK, "  help: ");
        INK.paragraph(
            &mut out,
            &lead,
            "one two three four five six seven eight nine",
            8,
        );
        INK.paragraph(&mut out, &Lead::default(), &"y".repeat(60), 8);
        assert_eq!(
            out,
            format!(
                "  help: one two three four five six\n        seven eight nine\n{}\n",
                "y".repeat(60)
            )
        );
    }
}

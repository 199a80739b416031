//! Base64 text around a needle: the whole PEM or keys file encoded once more, perhaps broken over lines.
//!
//! Kubeconfig `client-key-data`, Talos `key`, Secret `data`. The needle tells the alignment, so words that happen to
//! stand before the base64 text do no harm: they decode to noise. Lines of a broken text are joined over white space
//! and `\n` escapes as long as they are too long for words; a shorter one can only be the last.

use std::ops::Range;

use base64::Engine as _;

use super::body::is_base64;
use super::pem::LENIENT;

/// Shorter lines are joined at the end only.
const MIN_LINE: usize = 16;

/// The base64 characters around a needle.
pub(super) struct Run {
    lines: Vec<Line>,
    /// Characters before the first whole group of four.
    phase: usize,
    chars: Vec<u8>,
}

struct Line {
    /// Place in the text.
    source: Range<usize>,
    /// Index of its first character among all.
    index: usize,
}

impl Run {
    /// Collects the run around the needle at `at`, not going back before `floor`. `lead` as in the anchor.
    pub(super) fn around(text: &[u8], floor: usize, at: usize, lead: usize) -> Run {
        let mut start = backward(text, floor, at).start;
        let needle_line = start..forward(text, at);
        let mut ranges = Vec::from([needle_line]);
        while let Some(line) = line_before(text, floor, start) {
            start = line.start;
            ranges.push(line);
        }
        ranges.reverse();
        let mut end = ranges.last().map_or(at, |line| line.end);
        while let Some(line) = line_after(text, end, ranges.last()) {
            end = line.end;
            ranges.push(line);
        }
        let mut run = Run {
            lines: Vec::with_capacity(ranges.len()),
            phase: 0,
            chars: Vec::new(),
        };
        for source in ranges {
            let index = run.chars.len();
            if source.contains(&at) {
                run.phase = (index + at - source.start + 4 - lead % 4) % 4;
            }
            run.chars.extend_from_slice(&text[source.clone()]);
            run.lines.push(Line { source, index });
        }
        run
    }

    /// The bytes it stands for.
    pub(super) fn decode(&self) -> Vec<u8> {
        let chars = self.chars.get(self.phase..).unwrap_or_default();
        let whole = chars.len() - usize::from(chars.len() % 4 == 1);
        LENIENT.decode(&chars[..whole]).unwrap_or_default()
    }

    /// Where in the text a range of the decoded bytes stands.
    pub(super) fn source_of(&self, decoded: &Range<usize>) -> Range<usize> {
        let start = self.place(self.phase + decoded.start * 4 / 3);
        let last = decoded.end.saturating_sub(1).max(decoded.start);
        let end = self.place(self.phase + (last * 8 + 7) / 6) + 1;
        start..end
    }

    /// Where the run ends in the text.
    pub(super) fn end(&self) -> usize {
        self.lines.last().map_or(0, |line| line.source.end)
    }

    fn place(&self, index: usize) -> usize {
        let line = self
            .lines
            .partition_point(|line| line.index <= index)
            .saturating_sub(1);
        self.lines.get(line).map_or(0, |line| {
            (line.source.start + (index - line.index)).min(line.source.end.saturating_sub(1))
        })
    }
}

/// The unbroken run that ends before `end`, without the letter of an escape (`\n`) at its start.
fn backward(text: &[u8], floor: usize, end: usize) -> Range<usize> {
    let len = text[floor..end]
        .iter()
        .rev()
        .take_while(|b| is_base64(**b))
        .count();
    let start = end - len;
    let escaped = start > floor
        && text[start - 1] == b'\\'
        && matches!(text.get(start), Some(b'n' | b'r' | b't'));
    start + usize::from(escaped && len > 0)..end
}

fn forward(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take_while(|b| is_base64(**b)).count()
}

/// The line that the one starting at `start` continues.
fn line_before(text: &[u8], floor: usize, start: usize) -> Option<Range<usize>> {
    let mut end = start;
    while end > floor {
        match text[end - 1] {
            b'n' | b'r' | b't' if end - floor >= 2 && text[end - 2] == b'\\' => end -= 2,
            b if b.is_ascii_whitespace() || b == b'\\' => end -= 1,
            _ => break,
        }
    }
    let line = backward(text, floor, end);
    (end < start && line.len() >= MIN_LINE).then_some(line)
}

/// The line that continues the one ending at `end`.
fn line_after(text: &[u8], end: usize, last: Option<&Range<usize>>) -> Option<Range<usize>> {
    if last.is_none_or(|line| line.len() < MIN_LINE) {
        return None;
    }
    let mut start = end;
    while let Some(&b) = text.get(start) {
        match b {
            b'\\' if matches!(text.get(start + 1), Some(b'n' | b'r' | b't')) => start += 2,
            b if b.is_ascii_whitespace() || b == b'\\' => start += 1,
            _ => break,
        }
    }
    let line = start..forward(text, start);
    (start > end && !line.is_empty()).then_some(line)
}

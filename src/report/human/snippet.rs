//! A picture of the place: the keys on the way to a leaf, with their real line numbers and a mask of fixed width where
//! the value stands.
//!
//! It is drawn from the trail of a place, in the manner of the file's format. The text of the file is not at hand here,
//! so no value, comment or length can show through. Lines between the keys are left out and marked as left out; only
//! the innermost lines of a deep trail are drawn. miette draws the frame; it is given consecutive line numbers, which
//! are then replaced by the real ones, because it cannot leave lines out within one frame.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, SourceCode, SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};

use super::ink::{Ink, width};
use crate::model::{Finding, Severity, Step, TrailFormat};

/// What stands in the place of a value, whatever its length.
const MASK: &str = "********";
/// Lines of keys that are drawn.
const LINES: usize = 6;
/// Keys that are drawn in one line.
const STEPS: usize = 4;
/// Columns that the report puts before each line of a snippet.
const MARGIN: usize = 2;

/// A drawn place.
pub(super) struct Snippet {
    /// Lines, each with a line break.
    pub(super) text: String,
    /// Whether the pointer of the leaf is part of it.
    pub(super) labelled: bool,
}

/// Draws the place of a finding; `None` where the format has no keys or they are not known.
pub(super) fn draw(finding: &Finding, ink: Ink) -> Option<Snippet> {
    let place = &finding.place;
    let lines = shown_lines(&place.trail, place.format)?;
    let last = lines.last()?.number;
    let digits = last.to_string().len();
    // Line number, frame and blanks of miette: ` 12 │ `.
    let gutter = digits + 4;
    let room = ink
        .width
        .saturating_sub(MARGIN + gutter)
        .max(MASK.len() + 4);

    let mut window = Window {
        text: String::new(),
        name: String::new(),
        first: 0,
        mark: 0..0,
    };
    let mut numbers: Vec<Option<u32>> = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        if i > 0 {
            window.text.push('\n');
            if numbers
                .last()
                .copied()
                .flatten()
                .is_some_and(|before| line.number > before.saturating_add(1))
            {
                window.text.push('\n');
                numbers.push(None);
            }
        }
        numbers.push(Some(line.number));
        let before = ink.plain(&line.before);
        if i + 1 < lines.len() {
            window.text.push_str(&ink.cut_end(&before, room));
            continue;
        }
        let start = room.saturating_sub(MASK.len() + width(&line.after));
        window.text.push_str(&ink.cut_end(&before, start));
        let from = window.text.len();
        window.text.push_str(MASK);
        window.mark = from..window.text.len();
        window
            .text
            .push_str(&ink.cut_end(&line.after, room.saturating_sub(MASK.len())));
    }
    let count = u32::try_from(numbers.len()).ok()?;
    // Consecutive numbers that end with the real last one, so that miette keeps the right room for them.
    window.first = last.checked_sub(count - 1)?;

    let position = match place.position {
        Some(p) => format!(":{}:{}", p.line, p.column),
        None => format!(":{last}"),
    };
    let path = finding.path.to_string();
    let path_room = room.saturating_sub(position.len() + 2).max(8);
    window.name = format!("{}{position}", ink.cut_start(&ink.plain(&path), path_room));

    let column = window.text[..window.mark.start]
        .rsplit('\n')
        .next()
        .map_or(0, width);
    let label = place
        .pointer
        .as_ref()
        .map(|p| label_text(p.as_str(), place.document))
        .map(|l| ink.plain(&l).into_owned());
    let label = label.filter(|l| column + MASK.len() / 2 + 4 + width(l) <= room);
    let labelled = label.is_some();
    let picture = Picture {
        window,
        label,
        severity: finding.severity,
    };
    let text = renumber(
        &frame(&picture, ink)?,
        &numbers,
        picture.window.first,
        digits,
        ink,
    )?;
    Some(Snippet { text, labelled })
}

/// A pointer as shown, with its document where the file has several.
pub(super) fn label_text(pointer: &str, document: u32) -> String {
    let pointer = if pointer.is_empty() { "/" } else { pointer };
    if document == 0 {
        pointer.to_owned()
    } else {
        format!("{pointer} (document {})", u64::from(document) + 1)
    }
}

/// One line to draw: text before the value and, in the last line, after it.
struct Line {
    number: u32,
    before: String,
    after: String,
}

/// The lines of a trail from the outside in; `None` when there is nothing to draw.
fn shown_lines(trail: &[Step], format: TrailFormat) -> Option<Vec<Line>> {
    // Aliases and merge keys may lead back up in the file; such outer keys would only confuse.
    let mut lowest = u32::MAX;
    let mut groups: Vec<(u32, Vec<&Step>)> = Vec::new();
    for step in trail.iter().rev().filter(|s| s.line > 0) {
        if step.line > lowest {
            continue;
        }
        let full = groups.len() == LINES;
        match groups.last_mut() {
            Some((line, steps)) if *line == step.line => steps.push(step),
            _ if full => break,
            _ => groups.push((step.line, vec![step])),
        }
        lowest = step.line;
    }
    if groups.is_empty() {
        return None;
    }
    groups.reverse();
    let mut depth = 0;
    let mut lines = Vec::with_capacity(groups.len());
    for (_, steps) in &mut groups {
        steps.reverse();
    }
    for (i, (number, steps)) in groups.iter().enumerate() {
        let next = groups
            .get(i + 1)
            .and_then(|(_, steps)| steps.first().copied());
        let leaf = next.is_none();
        let (before, after) = match format {
            TrailFormat::Opaque => return None,
            TrailFormat::Yaml => yaml(steps, depth, leaf),
            TrailFormat::Json => json(steps, depth, next),
            TrailFormat::Dotenv => (format!("{}=", name(steps)), String::new()),
            TrailFormat::Ini if leaf => (format!("{} = ", name(steps)), String::new()),
            TrailFormat::Ini => (format!("[{}]", name(steps)), String::new()),
        };
        depth += steps.len();
        lines.push(Line {
            number: *number,
            before,
            after,
        });
    }
    Some(lines)
}

fn name<'s>(steps: &[&'s Step]) -> &'s str {
    steps.last().map_or("", |s| s.key.as_str())
}

/// The steps of one line that are drawn, and whether some were left out before them.
fn last_steps<'a, 's>(steps: &'a [&'s Step]) -> (&'a [&'s Step], bool) {
    let from = steps.len().saturating_sub(STEPS);
    (&steps[from..], from > 0)
}

fn yaml(steps: &[&Step], depth: usize, leaf: bool) -> (String, String) {
    let (steps, cut) = last_steps(steps);
    let mut before = "  ".repeat(depth);
    let mut after = String::new();
    if cut {
        before.push_str("… ");
    }
    // Block style goes on in one line only behind `- `.
    let mut block = true;
    for (i, step) in steps.iter().enumerate() {
        if step.item && block {
            before.push_str("- ");
        } else if step.item {
            before.push('[');
            after.insert(0, ']');
        } else {
            if !block {
                before.push('{');
                after.insert(0, '}');
            }
            before.push_str(step.key.as_str());
            before.push_str(": ");
            block = false;
        }
        let last = i + 1 == steps.len();
        if last && !leaf {
            if step.item {
                before.push('…');
            } else {
                before.truncate(before.trim_end().len());
            }
        }
    }
    (before, after)
}

fn json(steps: &[&Step], depth: usize, next: Option<&Step>) -> (String, String) {
    let (steps, cut) = last_steps(steps);
    let mut before = "  ".repeat(depth);
    let mut after = String::new();
    if cut {
        before.push_str("… ");
    }
    for (i, step) in steps.iter().enumerate() {
        if i > 0 || cut {
            before.push(if step.item { '[' } else { '{' });
            after.insert(0, if step.item { ']' } else { '}' });
        }
        if !step.item {
            before.push('"');
            before.push_str(step.key.as_str());
            before.push_str("\": ");
        }
    }
    match next {
        None => {
            before.push('"');
            after.insert(0, '"');
        }
        Some(next) => before.push(if next.item { '[' } else { '{' }),
    }
    (before, after)
}

/// The drawn lines as a source of miette. What it calls a file is only this window.
struct Window {
    text: String,
    name: String,
    first: u32,
    mark: std::ops::Range<usize>,
}

impl SourceCode for Window {
    fn read_span<'a>(
        &'a self,
        _: &SourceSpan,
        _: usize,
        _: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let all = SourceSpan::from((0, self.text.len()));
        let line = usize::try_from(self.first).unwrap_or(1).saturating_sub(1);
        let lines = self.text.split('\n').count();
        let contents = MietteSpanContents::new_named(
            self.name.clone(),
            self.text.as_bytes(),
            all,
            line,
            0,
            lines,
        );
        Ok(Box::new(contents))
    }
}

/// A window with its mark, as miette wants it. The message is empty: the report has its own headline.
struct Picture {
    window: Window,
    label: Option<String>,
    severity: Severity,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Picture")
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Picture {}

impl Diagnostic for Picture {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.window)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let mark = &self.window.mark;
        let label =
            LabeledSpan::new_primary_with_span(self.label.clone(), (mark.start, mark.len()));
        Some(Box::new(std::iter::once(label)))
    }
}

/// The frame that miette draws, without its headline.
fn frame(picture: &Picture, ink: Ink) -> Option<String> {
    let mut styles = if ink.color {
        ThemeStyles::ansi()
    } else {
        ThemeStyles::none()
    };
    let mark = match picture.severity {
        Severity::Error => styles.error,
        Severity::Warning => styles.warning,
        Severity::Note => styles.advice,
    };
    styles.highlights = vec![mark];
    let theme = GraphicalTheme {
        characters: characters(ink),
        styles,
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(ink.width)
        .with_links(false)
        .without_cause_chain()
        .without_primary_span_start();
    let mut drawn = String::new();
    handler.render_report(&mut drawn, picture).ok()?;
    let (_, drawn) = drawn.split_once('\n')?;
    Some(drawn.to_owned())
}

fn characters(ink: Ink) -> ThemeCharacters {
    if ink.unicode {
        ThemeCharacters::unicode()
    } else {
        ThemeCharacters::ascii()
    }
}

/// Puts the real line numbers in the place of the consecutive ones. `None` if the drawing is not as expected: then no
/// picture is better than one with wrong numbers.
fn renumber(
    drawn: &str,
    numbers: &[Option<u32>],
    first: u32,
    digits: usize,
    ink: Ink,
) -> Option<String> {
    let characters = characters(ink);
    let mut out = String::with_capacity(drawn.len());
    let mut next = 0;
    for line in drawn.lines() {
        let number = first.checked_add(u32::try_from(next).ok()?)?;
        let drawn_lead = lead(&format!("{number:digits$}"), characters.vbar, ink);
        out.push_str(&" ".repeat(MARGIN));
        match (line.strip_prefix(&drawn_lead), numbers.get(next)) {
            (Some(rest), Some(Some(real))) => {
                out.push_str(&lead(&format!("{real:digits$}"), characters.vbar, ink));
                out.push_str(rest);
                next += 1;
            }
            (Some(_), Some(None)) => {
                out.push_str(&format!(" {:digits$} {}", "", characters.vbar_break));
                next += 1;
            }
            _ => out.push_str(line),
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
    (next == numbers.len()).then_some(out)
}

/// How miette begins a numbered line.
fn lead(number: &str, bar: char, ink: Ink) -> String {
    format!(" {} {bar} ", ink.paint(super::ink::DIM, number))
}

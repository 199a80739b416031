//! The picture of an incident: one bar for each leaked thing, from the day it was first seen to the day it was last seen,
//! or to the right edge while it is still there.
//!
//! Places across are in hundredths of a percent and nothing is scaled, so that text keeps its size on any screen. Each
//! state has its own pattern beside its colour, and its name stands beside the bar.

use std::fmt::Write as _;

use super::super::incident::{Incident, Presence, Row};
use super::super::phrases::{at, grouped, plural};
use super::esc;
use crate::model::{Date, Moment};

/// Bars that are drawn: more cannot be taken in.
const BARS: usize = 60;
/// Where the last day stands; beyond it goes what is still there.
const TODAY: i64 = 9_600;
/// The right edge.
const EDGE: i64 = 10_000;
/// Least length of a bar.
const LEAST: i64 = 90;
/// Heights of the axis, of a title, and of a row.
const AXIS: usize = 30;
const TITLE: usize = 26;
const ROW: usize = 42;
/// Height of one picture at most: a printed page.
const PAGE: usize = 880;
/// Characters of a label on a wide and on a narrow screen.
const LABEL: (usize, usize) = (78, 42);
const DAY: i64 = 86_400;

/// The figure: one picture, or several where one would not fit on a printed page.
pub(super) fn draw(incident: &Incident<'_>, now: Option<Moment>) -> String {
    let all = incident.rows().count();
    let shown: Vec<&Row<'_>> = incident.rows().take(BARS).collect();
    let span = Span::of(&shown, now);
    let mut pictures = Pictures::new(&span);
    for credential in &incident.credentials {
        let name = match credential.rows.len() as u64 {
            1 => format!("Credential {}", credential.number),
            n => format!(
                "Credential {}, one value in {}",
                credential.number,
                plural(n, "place", "places")
            ),
        };
        pictures.group(&name, &credential.rows);
    }
    pictures.group("Leaked as well, and no error", &incident.settled);
    pictures.end();
    let mut out = format!("<figure>\n{}<figcaption>\n", pictures.out);
    out.push_str("<ul class=\"legend\">\n");
    for (presence, text) in [
        (Presence::Head, "still at HEAD"),
        (Presence::Tip, "still at the tip of another ref"),
        (Presence::Past, "only in older commits that refs reach"),
        (Presence::Loose, "no ref reaches it"),
    ] {
        let _ = writeln!(
            out,
            "<li><svg width=\"28\" height=\"14\" aria-hidden=\"true\"><rect class=\"bar {}\" x=\"1\" y=\"1\" width=\"26\" height=\"12\" rx=\"2\"/></svg> {text}</li>",
            class(presence)
        );
    }
    out.push_str("</ul>\n<p>Each bar begins with the first commit that held it; one that reaches the right edge is still there. Days are those of committers’ clocks.");
    if span.clipped {
        out.push_str(" Some lie outside of what can be drawn and stand at the edge.");
    }
    out.push_str("</p>\n");
    if all > BARS {
        let _ = writeln!(
            out,
            "<p class=\"note warn\">The picture shows the worst {BARS} of {} rows; the table has more.</p>",
            grouped(all as u64)
        );
    }
    out.push_str("</figcaption>\n</figure>\n");
    out
}

/// Pictures under way.
struct Pictures<'s> {
    span: &'s Span,
    out: String,
    /// The one that is being drawn, the first row in it, and the last one drawn.
    body: String,
    first: usize,
    last: usize,
    y: usize,
}

impl<'s> Pictures<'s> {
    fn new(span: &'s Span) -> Self {
        Self {
            span,
            out: String::new(),
            body: String::new(),
            first: 1,
            last: 0,
            y: AXIS,
        }
    }

    /// Rows under a title.
    fn group(&mut self, name: &str, rows: &[Row<'_>]) {
        let rows = rows.iter().filter(|r| r.number <= BARS);
        for (i, row) in rows.enumerate() {
            if self.y + TITLE + ROW > PAGE {
                self.end();
            }
            let again = self.body.is_empty() && i > 0;
            if again {
                let number = name.split(',').next().unwrap_or(name);
                self.title(&format!("{number} (continued)"));
            } else if i == 0 {
                self.title(name);
            }
            bar(&mut self.body, row, self.y, self.span);
            self.y += ROW;
            self.last = row.number;
        }
    }

    fn title(&mut self, name: &str) {
        if !self.body.is_empty() {
            let y = self.y + 2;
            let _ = writeln!(
                self.body,
                "<line class=\"rule\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>"
            );
        }
        self.y += TITLE;
        let _ = writeln!(
            self.body,
            "<text class=\"group\" x=\"0\" y=\"{}\">{}</text>",
            self.y - 6,
            esc(name)
        );
    }

    /// Ends the picture; the next row begins another one.
    fn end(&mut self) {
        if self.body.is_empty() {
            return;
        }
        let Self { first, last, y, .. } = *self;
        let _ = write!(
            self.out,
            "<svg class=\"timeline\" role=\"img\" aria-labelledby=\"picture-{first}\" width=\"100%\" height=\"{}\">\n<title id=\"picture-{first}\">Timeline of R{first} to R{last}, from {} to {}. The table below says the same in words.</title>\n{}",
            y + 6,
            self.span.from.date(),
            self.span.to.date(),
            if first == 1 { PATTERNS } else { "" }
        );
        axis(&mut self.out, self.span, y);
        self.out.push_str(&self.body);
        self.out.push_str("</svg>\n");
        self.body.clear();
        self.first = last + 1;
        self.y = AXIS;
    }
}

/// Fills: plain, crossed, hatched, dotted.
const PATTERNS: &str = "<defs>\n\
<pattern id=\"p-tip\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect class=\"tip-ground\" width=\"8\" height=\"8\"/><path class=\"tip-mark\" d=\"M0 0L8 8M8 0L0 8\"/></pattern>\n\
<pattern id=\"p-past\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect class=\"past-ground\" width=\"8\" height=\"8\"/><path class=\"past-mark\" d=\"M-2 2L2 -2M0 8L8 0M6 10L10 6\"/></pattern>\n\
<pattern id=\"p-loose\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><rect class=\"loose-ground\" width=\"6\" height=\"6\"/><circle class=\"loose-mark\" cx=\"3\" cy=\"3\" r=\"1.3\"/></pattern>\n\
</defs>\n";

fn class(presence: Presence) -> &'static str {
    match presence {
        Presence::Head => "head",
        Presence::Tip => "tip",
        Presence::Past => "past",
        Presence::Loose => "loose",
    }
}

fn bar(out: &mut String, row: &Row<'_>, y: usize, span: &Span) {
    let presence = row.presence();
    let open = presence <= Presence::Tip;
    let from = span.place(row.exposure.first_seen).min(TODAY - LEAST);
    let to = match open {
        true => EDGE,
        false => span.place(row.exposure.last_seen).max(from + LEAST),
    };
    let state = row.until();
    let whole = format!("{} {}", at(row.finding), row.leaf());
    let (wide, narrow) = (middle(whole.trim(), LABEL.0), middle(whole.trim(), LABEL.1));
    let _ = write!(
        out,
        "<g>\n<title>R{n}: {} to {}, {}</title>\n\
         <text class=\"label wide\" x=\"0\" y=\"{text}\"><tspan class=\"number\">R{n}</tspan> {}</text>\n\
         <text class=\"label narrow\" x=\"0\" y=\"{text}\"><tspan class=\"number\">R{n}</tspan> {}</text>\n\
         <text class=\"state wide\" x=\"{}\" y=\"{text}\">{}</text>\n\
         <rect class=\"bar {class}\" x=\"{}\" y=\"{top}\" width=\"{}\" height=\"13\" rx=\"2\"/>\n</g>\n",
        row.exposure.first_seen.date(),
        row.exposure.last_seen.date(),
        esc(&state),
        esc(&wide),
        esc(&narrow),
        percent(TODAY - 60),
        esc(&state),
        percent(from),
        percent(to - from),
        n = row.number,
        text = y + 14,
        top = y + 20,
        class = class(presence),
    );
}

fn axis(out: &mut String, span: &Span, bottom: usize) {
    for (i, (place, label)) in span.ticks().into_iter().enumerate() {
        let x = percent(place);
        let anchor = match place {
            ..400 => "start",
            8_600.. => "end",
            _ => "middle",
        };
        // Left out on a narrow screen: each other one, and what would run into the last day.
        let minor = if i % 2 == 1 || place > 7_000 {
            " minor"
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{x}\" x2=\"{x}\" y1=\"20\" y2=\"{bottom}\"/><text class=\"tick{minor}\" x=\"{x}\" y=\"14\" text-anchor=\"{anchor}\">{label}</text>"
        );
    }
    let x = percent(TODAY);
    let _ = writeln!(
        out,
        "<line class=\"today\" x1=\"{x}\" x2=\"{x}\" y1=\"20\" y2=\"{bottom}\"/><text class=\"tick last\" x=\"100%\" y=\"14\">{}</text>",
        span.to.date()
    );
}

/// The days that the picture spans.
struct Span {
    from: Moment,
    to: Moment,
    clipped: bool,
}

impl Span {
    /// From the first day of all to today, or to the last. Clocks may say anything: what is not within the years of Git
    /// and its forerunners goes to the edge.
    fn of(rows: &[&Row<'_>], now: Option<Moment>) -> Self {
        let (least, most) = (Moment(631_152_000), now.unwrap_or(Moment(4_102_444_800)));
        let most = most.max(Moment(least.0 + DAY));
        let all = || {
            rows.iter()
                .flat_map(|r| [r.exposure.first_seen, r.exposure.last_seen])
        };
        let within = |m: &Moment| (least..=most).contains(m);
        let from = all().filter(within).min().unwrap_or(least);
        let to = now.unwrap_or_else(|| all().filter(within).max().unwrap_or(most));
        let clipped = !all().all(|m| within(&m));
        // A single day is given some room.
        let room = (DAY - (to.0 - from.0)).max(0);
        Self {
            from: Moment(from.0 - room),
            to: Moment(to.0.max(from.0)),
            clipped,
        }
    }

    /// Where a moment stands, in hundredths of a percent.
    fn place(&self, moment: Moment) -> i64 {
        let within = moment.0.clamp(self.from.0, self.to.0) - self.from.0;
        let whole = (self.to.0 - self.from.0).max(1);
        i64::try_from(i128::from(within) * i128::from(TODAY) / i128::from(whole)).unwrap_or(0)
    }

    /// Round days, as many as fit: years, months, or days.
    fn ticks(&self) -> Vec<(i64, String)> {
        let (first, last) = (self.from.date(), self.to.date());
        let month = |d: Date| u32::from(d.year()) * 12 + u32::from(d.month()) - 1;
        let months = month(last) - month(first);
        let mut out = Vec::new();
        let mut tick = |moment: Moment, label: String| {
            // The label of the last day needs room.
            let place = self.place(moment);
            if moment >= self.from && place <= TODAY - 900 {
                out.push((place, label));
            }
        };
        if months < 3 {
            let days = (self.to.0 - self.from.0) / DAY;
            let step = [1, 2, 7, 14]
                .into_iter()
                .find(|s| days / s <= 6)
                .unwrap_or(28);
            let start = first.start().0 + DAY;
            for day in (start..self.to.0).step_by((step * DAY) as usize) {
                tick(Moment(day), Moment(day).date().to_string());
            }
            return out;
        }
        let step = [1, 2, 3, 6, 12, 24, 60, 120]
            .into_iter()
            .find(|s| months / s <= 6)
            .unwrap_or(240);
        let start = month(first).div_ceil(step) * step;
        for at in (start..=month(last)).step_by(step as usize) {
            let (year, month) = (at / 12, at % 12 + 1);
            if let Some(day) = Date::new(year as u16, month as u8, 1) {
                let label = match step {
                    12.. => format!("{year}"),
                    _ => format!("{year}-{month:02}"),
                };
                tick(day.start(), label);
            }
        }
        out
    }
}

fn percent(hundredths: i64) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// The two ends of a text, at most `max` characters: of a path and its leaf the end tells more.
fn middle(text: &str, max: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= max {
        return text.to_owned();
    }
    let head = max / 6;
    let tail = letters.len() - (max - head - 1);
    let head: String = letters.iter().take(head).collect();
    let tail: String = letters.iter().skip(tail).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: &str, to: &str) -> Span {
        let start = |day: &str| Date::parse(day).map_or(Moment(0), Date::start);
        Span {
            from: start(from),
            to: start(to),
            clipped: false,
        }
    }

    #[test]
    fn ticks_are_round_days_and_few() {
        for (from, to, first, count) in [
            ("2024-05-01", "2024-05-04", "2024-05-02", 2),
            ("2024-05-01", "2024-06-20", "2024-05-02", 4),
            ("2024-01-10", "2024-12-31", "2024-03", 5),
            ("2019-03-05", "2026-07-01", "2020", 3),
            ("1990-01-01", "2099-12-31", "2000", 5),
        ] {
            let ticks = span(from, to).ticks();
            assert_eq!(
                ticks.first().map(|t| t.1.as_str()),
                Some(first),
                "{ticks:?}"
            );
            assert_eq!(ticks.len(), count, "{ticks:?}");
            assert!(ticks.is_sorted());
        }
    }

    #[test]
    fn long_labels_keep_both_ends() {
        assert_eq!(middle("abcdefghij", 10), "abcdefghij");
        assert_eq!(middle("abcdefghijklmno", 13), "ab…fghijklmno");
    }
}

//! Reports: one renderer per format, each a function of a finished [`Outcome`] and a writer.
//!
//! A renderer cannot ask questions back, holds no text of a scanned file and never prints: it writes where it is told.
//! What it shows is safe by type (`Message`, `SafeKey`, `Label`, `Pointer`, and paths through `Display`). The same
//! outcome gives the same bytes. This room knows only `model`; which formats exist is documented in `docs/formats.md`.

use std::io::{self, Write};
use std::str::FromStr;

use crate::model::{CheckInfo, Moment, Outcome};

mod blobs;
mod html;
mod human;
mod incident;
pub mod json;
mod jsonl;
mod markdown;
mod phrases;

/// The formats a report can be written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Text for people.
    #[default]
    Human,
    /// One JSON object.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Text for a ticket or the comment on a merge request.
    Markdown,
    /// A page for a browser.
    Html,
    /// Object ids for a rewrite of history.
    Blobs,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Human,
        Self::Json,
        Self::Jsonl,
        Self::Markdown,
        Self::Html,
        Self::Blobs,
    ];

    /// The names that [`Format::from_str`] takes, in the order of [`Format::ALL`].
    pub const NAMES: [&'static str; 6] = [
        Self::Human.as_str(),
        Self::Json.as_str(),
        Self::Jsonl.as_str(),
        Self::Markdown.as_str(),
        Self::Html.as_str(),
        Self::Blobs.as_str(),
    ];

    /// The stable name, as on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Blobs => "blobs",
        }
    }
}

/// No format has the name that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format; one of: {}", Format::NAMES.join(", "))]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|f| f.as_str() == name)
            .ok_or(UnknownFormat)
    }
}

/// How reports look. All but `now` is for the human report; formats for scripts take no notice of any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours are written.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether characters outside ASCII are written.
    pub unicode: bool,
    /// Whether only what must be acted on is shown: no notes, no blind spots that let pass, nothing for a clean run.
    pub quiet: bool,
    /// When the report is made, where it may say so; `None` leaves the date out.
    pub now: Option<Moment>,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            color: false,
            width: 80,
            unicode: true,
            quiet: false,
            now: None,
        }
    }
}

/// Writes the report. `checks` are the checks that ran, for formats that list them even when nothing was found; none of
/// the present ones does.
pub fn render(
    outcome: &Outcome,
    checks: &[&'static CheckInfo],
    format: Format,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let _ = checks;
    match format {
        Format::Human => out.write_all(human::text(outcome, style).as_bytes()),
        Format::Json => json::render(outcome, out),
        Format::Jsonl => jsonl::render(outcome, out),
        Format::Markdown => out.write_all(markdown::text(outcome, style).as_bytes()),
        Format::Html => out.write_all(html::text(outcome, style).as_bytes()),
        Format::Blobs => out.write_all(blobs::text(outcome).as_bytes()),
    }
}

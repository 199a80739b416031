//! Reports: one renderer per format, each a function of a finished [`Outcome`] and a writer.
//!
//! A renderer cannot ask questions back, holds no text of a scanned file and never prints: it writes where it is told.
//! What it shows is safe by type (`Message`, `SafeKey`, `Label`, `Pointer`, and paths through `Display`). The same
//! outcome gives the same bytes. This room knows only `model`; which formats exist is documented in `docs/formats.md`.

use std::io::{self, Write};
use std::str::FromStr;

use crate::model::{CheckInfo, Outcome};

mod human;
pub mod json;
mod jsonl;

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
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Human, Self::Json, Self::Jsonl];

    /// The names that [`Format::from_str`] takes, in the order of [`Format::ALL`].
    pub const NAMES: [&'static str; 3] = [
        Self::Human.as_str(),
        Self::Json.as_str(),
        Self::Jsonl.as_str(),
    ];

    /// The stable name, as on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
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

/// How the human report looks. The other formats take no notice.
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
}

impl Default for Style {
    fn default() -> Self {
        Self {
            color: false,
            width: 80,
            unicode: true,
            quiet: false,
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
    }
}

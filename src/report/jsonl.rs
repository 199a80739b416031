//! The JSON Lines report: the same structs as the JSON report, one object a line, told apart by `type`.
//!
//! A header, a line per finding, a line per blind spot, and a footer. The footer is how a reader knows that the report
//! is whole: without it the run was cut short. Line breaks inside values are always escaped.

use std::io::{self, Write};

use serde::Serialize;

use super::json::{self, BlindSpot, Counts, Finding, Mode, Repository, Stats, Tool, Verdict};
use crate::model::Outcome;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Header {
        version: u32,
        tool: Tool,
        mode: Mode,
        repository: Option<Repository>,
    },
    Finding(Box<Finding>),
    BlindSpot(BlindSpot),
    Footer {
        complete: bool,
        verdict: Verdict,
        exit_code: u8,
        counts: Counts,
        stats: Stats,
    },
}

/// Writes the report.
pub(super) fn render(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let header = Line::Header {
        version: json::VERSION,
        tool: Tool::this(),
        mode: Mode::of(outcome),
        repository: Repository::of(outcome),
    };
    write(out, &header)?;
    for finding in &outcome.findings {
        write(
            out,
            &Line::Finding(Box::new(Finding::of(finding, outcome.mode))),
        )?;
    }
    for blind_spot in &outcome.blind_spots {
        write(
            out,
            &Line::BlindSpot(BlindSpot::of(blind_spot, outcome.mode)),
        )?;
    }
    let footer = Line::Footer {
        complete: outcome.complete(),
        verdict: Verdict::of(outcome),
        exit_code: outcome.exit_code() as u8,
        counts: Counts::of(outcome),
        stats: Stats::of(outcome),
    };
    write(out, &footer)
}

fn write(out: &mut dyn Write, line: &Line) -> io::Result<()> {
    let text = serde_json::to_string(line)?;
    out.write_all(json::terminal_safe(&text).as_bytes())?;
    out.write_all(b"\n")
}

//! What hides findings: the settings, comments in the files, the baseline; and what accepts blind spots.
//!
//! Marks findings and drops none. Reads nothing: bytes, entries and today's date come in. Each part tells which of its
//! entries did something, so that what does nothing can be reported.

pub mod baseline;
pub mod inline;

use crate::model::{BlindSpot, Date, Finding, Severity, Status};
use crate::say;
use crate::settings::{Configured, Settings};

/// Gives findings the severities of the settings. The severity of a check is replaced; what judging had already found
/// milder than the check's own severity is never made worse by it.
pub fn severities(findings: &mut [Finding], settings: &Settings) {
    if settings.checks.is_empty() {
        return;
    }
    for f in findings {
        let Some(configured) = settings.checks.get(f.check.id) else {
            continue;
        };
        match configured.severity {
            None => {
                f.status = Status::Settings {
                    path: settings.file(),
                    line: configured.line,
                };
            }
            Some(_) => {
                let severity = severity(f.severity, configured);
                f.configured = severity != f.severity;
                f.severity = severity;
            }
        }
    }
}

fn severity(judged: Severity, configured: &Configured) -> Severity {
    let Some(new) = configured.severity else {
        return judged;
    };
    if judged >= configured.default {
        new
    } else {
        judged.min(new)
    }
}

/// Accepts blind spots; returns which entries match one.
pub fn accept(blind_spots: &mut [BlindSpot], settings: &Settings, today: Date) -> Vec<bool> {
    let mut used = vec![false; settings.accept.len()];
    for spot in blind_spots {
        let mut over = None;
        for (entry, used) in settings.accept.iter().zip(&mut used) {
            if !entry.path.matches(&spot.path) {
                continue;
            }
            *used = true;
            if entry.until.is_some_and(|until| until < today) {
                over = over.or(Some(entry));
            } else if spot.accepted.is_none() {
                spot.accepted = Some(settings.accepted(entry));
            }
        }
        if let (None, Some(entry)) = (&spot.accepted, over)
            && let Some(until) = entry.until
        {
            spot.reason.push(&say![
                "; it was accepted until ",
                until,
                " (",
                settings.file(),
                ":",
                entry.line,
                ")"
            ]);
        }
    }
    used
}

//! What an audit of history found: what to rotate first, then a few lines for each leaked thing.
//!
//! Rows of one value stand under one title. No picture is drawn: the text of a version that is long gone helps nobody,
//! its commit does.

use super::super::incident::{Credential, Incident, NOT_REVOKED, Row};
use super::super::phrases::{at, opened, plural};
use super::Page;
use super::ink::{BOLD, GREEN, Lead, WORD, severity_code};
use crate::model::Severity;

/// Credentials that are listed.
const CREDENTIALS: usize = 200;
/// Rows of one credential that are listed, and rows that are no errors.
const ROWS: usize = 20;
/// Refs that are named.
const REFS: usize = 3;
/// Files that a key opens which are listed.
const OPENED: usize = 5;

impl Page {
    /// The incident.
    pub(super) fn leaks(&mut self, incident: &Incident<'_>) {
        let code = match incident.credentials.is_empty() {
            true => GREEN,
            false => severity_code(Severity::Error),
        };
        let lead = Lead::default()
            .with(self.ink, code, &incident.headline())
            .plain(self.ink, ": ");
        self.ink
            .paragraph(&mut self.out, &lead, &incident.summary(), 0);
        self.out.push('\n');
        for credential in incident.credentials.iter().take(CREDENTIALS) {
            self.credential(credential);
        }
        let (all, shown) = (incident.credentials.len(), CREDENTIALS);
        if all > shown {
            self.more(all, shown, 0);
            self.out.push('\n');
        }
        self.rows(&incident.settled, true);
    }

    /// Says what no change in the repository can do.
    pub(super) fn not_revoked(&mut self) {
        self.ink
            .paragraph(&mut self.out, &Lead::default(), NOT_REVOKED, 0);
        self.out.push('\n');
    }

    fn credential(&mut self, credential: &Credential<'_>) {
        let title = match credential.rows.len() as u64 {
            1 => format!("credential {}", credential.number),
            n => format!(
                "credential {}: one value in {}",
                credential.number,
                plural(n, "place", "places")
            ),
        };
        self.title(&title);
        self.rows(&credential.rows, false);
    }

    fn rows(&mut self, rows: &[Row<'_>], settled: bool) {
        if rows.is_empty() {
            return;
        }
        if settled {
            self.title("leaked as well, and no error");
        }
        for row in rows.iter().take(ROWS) {
            self.row(row);
        }
        self.more(rows.len(), ROWS, 2);
        self.out.push('\n');
    }

    fn row(&mut self, row: &Row<'_>) {
        let f = row.finding;
        let lead = Lead::default()
            .plain(self.ink, "  ")
            .with(self.ink, severity_code(f.severity), f.severity.as_str())
            .plain(self.ink, " ")
            .with(self.ink, BOLD, f.check.id)
            .plain(self.ink, ": ");
        let leaf = self.ink.cut_end(row.leaf(), WORD).into_owned();
        let place = format!("{} {leaf}", at(f));
        self.ink.paragraph(&mut self.out, &lead, &place, 4);
        self.field("from", &row.first());
        self.field("to", &format!("{}; {}", row.until(), row.held()));
        let mut now = row.today().to_owned();
        if let Some(changed) = row.changed() {
            now.push_str(&format!("; {changed}"));
        }
        now.push_str(&format!("; {}", row.reach(REFS)));
        self.field("now", &now);
        if let Some(sharing) = row.sharing() {
            self.field("same", &sharing);
        }
        for file in f.opens.iter().take(OPENED) {
            self.field("see", &format!("{}: {}", file.path, opened(file)));
        }
        self.more(f.opens.len(), OPENED, 10);
    }
}

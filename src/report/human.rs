//! The report for people: by file, worst things with a picture of the place, one cause told once, a summary last.
//!
//! `group` decides what is told together, `snippet` draws the place out of keys and line numbers, `ink` knows the
//! terminal. Notes come after everything else and in one line each, then what could not be judged, then the summary, so
//! that the end of a long report is what matters most.

mod group;
mod ink;
mod leaks;
mod snippet;

use std::collections::BTreeSet;

use self::group::{Block, Section, common, common_directory};
use self::ink::{BOLD, CYAN, DIM, GREEN, Ink, Lead, severity_code};
use super::Style;
use super::incident::{self, Incident};
use super::phrases::{at, came_with, hidden, origin, path_line, plural, rule_text, scope};
use crate::model::{Argument, BlindSpot, Finding, How, Mode, Origin, Outcome, RepoPath, Severity};
use crate::say;

/// Further places of one block that are listed.
const PLACES: usize = 4;
/// Files of one cause that are listed.
const FILES: usize = 10;
/// Notes that are listed.
const NOTES: usize = 10;
/// Blind spots of one kind (blocking or not) that are listed.
const BLIND_SPOTS: usize = 20;
/// Related places of one block that are listed.
const RELATED: usize = 3;

/// Files that a command names; of more it names none.
const NAMED: usize = 20;

/// The whole report.
pub(super) fn text(outcome: &Outcome, style: &Style) -> String {
    let mut page = Page {
        ink: Ink::new(style),
        out: String::new(),
    };
    let (notes, findings): (Vec<&Finding>, Vec<&Finding>) =
        outcome.active().partition(|f| f.severity == Severity::Note);
    let incident = incident::is_audit(outcome).then(|| Incident::of(outcome));
    let (leaks, findings): (Vec<&Finding>, Vec<&Finding>) = findings
        .into_iter()
        .partition(|f| incident.is_some() && f.exposure.is_some());
    let incident = incident.filter(|_| !leaks.is_empty());
    if let Some(incident) = &incident {
        page.leaks(incident);
    }
    for section in group::sections(findings.into_iter()) {
        page.section(&section);
    }
    if !style.quiet {
        page.notes(&notes);
    }
    page.blind_spots(&outcome.blind_spots, style.quiet);
    if incident.is_some() {
        page.not_revoked();
    }
    if !(style.quiet && outcome.findings.is_empty() && outcome.blind_spots.is_empty()) {
        page.summary(outcome);
        page.what_encrypts(outcome);
    }
    page.out
}

struct Page {
    ink: Ink,
    out: String,
}

impl Page {
    fn section(&mut self, section: &Section<'_>) {
        match section {
            Section::File { path, blocks } => {
                self.title(&path.to_string());
                for (i, block) in blocks.iter().enumerate() {
                    if i > 0 {
                        self.out.push('\n');
                    }
                    self.block(block);
                }
            }
            Section::Cause(blocks) => self.cause(blocks),
        }
        self.out.push('\n');
    }

    fn title(&mut self, text: &str) {
        let text = self.ink.paint(BOLD, &self.ink.plain(text));
        self.line(&text);
    }

    /// Findings of one check and one wording in one file.
    fn block(&mut self, block: &Block<'_>) {
        let first = block.first;
        let mut message = first.message.as_str().to_owned();
        if !block.rest.is_empty() {
            message.push_str(&format!(" (and {} more like it)", block.rest.len()));
        }
        self.headline(first, &message);
        let picture = snippet::draw(first, self.ink);
        if let Some(picture) = &picture {
            self.out.push_str(&picture.text);
        }
        if !picture.is_some_and(|p| p.labelled || first.place.pointer.is_none()) {
            self.place("at", first);
        }
        for (i, finding) in block.rest.iter().take(PLACES).enumerate() {
            self.place(if i == 0 { "also" } else { "" }, finding);
        }
        self.more(block.rest.len(), PLACES, 10);
        self.commits(block.all());
        self.advice(
            first,
            first.help.as_str(),
            first.fix.as_ref().map_or("", |m| m.as_str()),
        );
        self.related(block.all());
    }

    /// One cause in many files.
    fn cause(&mut self, blocks: &[Block<'_>]) {
        let Some(first) = blocks.first().map(|b| b.first) else {
            return;
        };
        let below = common_directory(blocks);
        let mut title = format!("{} files", blocks.len());
        if !below.is_empty() {
            title.push_str(&format!(" below {}", RepoPath::new(below)));
        }
        let findings: usize = blocks.iter().map(Block::len).sum();
        if findings > blocks.len() {
            title.push_str(&format!(", {findings} findings"));
        }
        self.title(&title);
        self.headline(first, &common(blocks, |f| f.message.as_str()));
        for block in blocks.iter().take(FILES) {
            let mut line = format!("    {}", at(block.first));
            if block.len() > 1 {
                line.push_str(&format!(" ({} places)", block.len()));
            }
            let line = self.ink.plain(&line);
            self.line(&line);
        }
        self.more(blocks.len(), FILES, 4);
        self.commits(blocks.iter().flat_map(Block::all));
        let fix = common(blocks, |f| f.fix.as_ref().map_or("", |m| m.as_str()));
        self.advice(first, &common(blocks, |f| f.help.as_str()), &fix);
        self.related(blocks.iter().flat_map(Block::all));
    }

    /// Severity, check and message.
    fn headline(&mut self, finding: &Finding, message: &str) {
        let lead = Lead::default()
            .plain(self.ink, "  ")
            .with(
                self.ink,
                severity_code(finding.severity),
                finding.severity.as_str(),
            )
            .plain(self.ink, " ")
            .with(self.ink, BOLD, finding.check.id)
            .plain(self.ink, ": ");
        let softened = match (finding.lenient, finding.configured) {
            (true, _) => " (softened: lenient place)",
            (false, true) => " (severity: settings)",
            (false, false) => "",
        };
        self.ink
            .paragraph(&mut self.out, &lead, &format!("{message}{softened}"), 4);
    }

    /// Help, command and rules.
    fn advice(&mut self, finding: &Finding, help: &str, fix: &str) {
        if !help.is_empty() {
            self.field("help", help);
        }
        if !fix.is_empty() {
            // Never wrapped: it is there to be copied.
            let line = format!("{}{}", self.label("fix").0, self.ink.plain(fix));
            self.line(&line);
        }
        for (i, rule) in finding.governed_by.iter().enumerate() {
            let text = format!(
                "{}governed by {}",
                if i == 0 { "" } else { "also " },
                rule_text(rule)
            );
            let lead = Lead::default().plain(self.ink, "    ");
            self.ink.paragraph(&mut self.out, &lead, &text, 4);
        }
    }

    /// The commits that findings came with, where commits are scanned.
    fn commits<'o>(&mut self, findings: impl Iterator<Item = &'o Finding>) {
        let (mut seen, mut listed, mut total) = (BTreeSet::new(), Vec::new(), 0);
        for finding in findings {
            for origin in &finding.origins {
                if seen.insert((origin.kind, &origin.commit)) {
                    listed.push(Origin::clone(origin));
                }
            }
            total = total.max(finding.origins_total);
        }
        if let Some(text) = came_with(&listed, total) {
            self.field("in", &text);
        }
    }

    /// Further places, each told once.
    fn related<'o>(&mut self, findings: impl Iterator<Item = &'o Finding>) {
        let mut told = BTreeSet::new();
        for related in findings.flat_map(|f| &f.related) {
            if !told.insert(related) || told.len() > RELATED {
                continue;
            }
            let text = format!(
                "{}: {}",
                path_line(&related.path, related.line),
                related.message.as_str()
            );
            self.field("see", &text);
        }
        self.more(told.len(), RELATED, 10);
    }

    /// A line `name  path:line:column  pointer`.
    fn place(&mut self, name: &str, finding: &Finding) {
        let mut text = at(finding);
        if let Some(pointer) = &finding.place.pointer {
            text.push_str("  ");
            let pointer = snippet::label_text(pointer.as_str(), finding.place.document);
            text.push_str(&self.ink.cut_end(&pointer, ink::WORD));
        } else if finding.place.position.is_none() {
            return;
        }
        let line = format!("{}{}", self.label(name).0, self.ink.plain(&text));
        self.line(&line);
    }

    fn field(&mut self, name: &str, text: &str) {
        let (painted, indent) = self.label(name);
        self.out.push_str(&painted);
        let lead = Lead::taken(indent);
        self.ink.paragraph(&mut self.out, &lead, text, indent);
    }

    /// The name of a field, coloured and filled up to the column where all fields begin.
    fn label(&self, name: &str) -> (String, usize) {
        let colon = if name.is_empty() { " " } else { ":" };
        let blank = " ".repeat(5_usize.saturating_sub(name.len()));
        (
            format!(
                "    {}{blank}",
                self.ink.paint(CYAN, &format!("{name}{colon}"))
            ),
            10,
        )
    }

    fn more(&mut self, all: usize, shown: usize, indent: usize) {
        if all > shown {
            let text = format!("{}and {} more", " ".repeat(indent), all - shown);
            self.line(&text);
        }
    }

    fn notes(&mut self, notes: &[&Finding]) {
        if notes.is_empty() {
            return;
        }
        self.title("notes");
        for note in notes.iter().take(NOTES) {
            let lead = Lead::default()
                .plain(
                    self.ink,
                    &format!(
                        "  {}  ",
                        path_line(&note.path, note.place.position.map(|p| p.line))
                    ),
                )
                .with(self.ink, BOLD, note.check.id)
                .plain(self.ink, ": ");
            self.ink
                .paragraph(&mut self.out, &lead, note.message.as_str(), 4);
        }
        self.more(notes.len(), NOTES, 2);
        self.out.push('\n');
    }

    fn blind_spots(&mut self, all: &[BlindSpot], quiet: bool) {
        let (blocking, others): (Vec<&BlindSpot>, Vec<&BlindSpot>) =
            all.iter().partition(|b| b.blocks());
        let others = if quiet { Vec::new() } else { others };
        let (accepted, listed): (Vec<&BlindSpot>, Vec<&BlindSpot>) =
            others.into_iter().partition(|b| b.accepted.is_some());
        if blocking.is_empty() && listed.is_empty() && accepted.is_empty() {
            return;
        }
        self.title("could not be judged");
        for (spots, word, code) in [
            (blocking, "blocks", severity_code(Severity::Error)),
            (listed, "listed", DIM),
            (accepted, "accepted", DIM),
        ] {
            for spot in spots.iter().take(BLIND_SPOTS) {
                let lead = Lead::default()
                    .plain(self.ink, "  ")
                    .with(self.ink, code, word)
                    .plain(
                        self.ink,
                        &format!(" {}  ", path_line(&spot.path, spot.line)),
                    )
                    .with(self.ink, BOLD, spot.code.as_str())
                    .plain(self.ink, ": ");
                let place = spot.origin.as_ref().and_then(origin);
                let place = place.map_or_else(String::new, |p| format!(" (in {p})"));
                let reason = format!("{}{place}", spot.reason.as_str());
                self.ink.paragraph(&mut self.out, &lead, &reason, 4);
            }
            self.more(spots.len(), BLIND_SPOTS, 2);
        }
        self.out.push('\n');
    }

    fn summary(&mut self, outcome: &Outcome) {
        let counts = outcome.counts();
        let stats = outcome.stats;
        let seconds = format!(
            "{}.{:02} s",
            stats.elapsed_ms / 1000,
            stats.elapsed_ms % 1000 / 10
        );
        let ink = self.ink;
        let mut parts = Vec::new();
        for (count, one, many, code) in [
            (
                counts.error,
                "error",
                "errors",
                severity_code(Severity::Error),
            ),
            (
                counts.warning,
                "warning",
                "warnings",
                severity_code(Severity::Warning),
            ),
            (counts.note, "note", "notes", severity_code(Severity::Note)),
            (counts.blind_spots, "blind spot", "blind spots", BOLD),
        ] {
            if count > 0 {
                parts.push(ink.paint(code, &plural(count, one, many)));
            }
        }
        if let (Some(last), true) = (parts.last_mut(), counts.accepted > 0) {
            // Blind spots come last, and there is one where one is accepted.
            last.push_str(&format!(" ({} accepted)", counts.accepted));
        }
        let hidden = hidden(&counts);
        let files = scope(outcome);
        let line = if parts.is_empty() {
            format!(
                "{}: {files}, {} encrypted{hidden}, {seconds}",
                ink.paint(GREEN, "clean"),
                stats.encrypted
            )
        } else {
            format!(
                "{} in {files} ({} encrypted){hidden}, {seconds}",
                parts.join(", "),
                stats.encrypted
            )
        };
        self.line(&line);
    }

    /// After a refused commit: the one command that encrypts what it would record.
    fn what_encrypts(&mut self, outcome: &Outcome) {
        if outcome.mode != Mode::Staged {
            return;
        }
        let errors = || outcome.active().filter(|f| f.severity == Severity::Error);
        let plaintext = |f: &'_ Finding| {
            let repair = f.repair.clone().filter(|r| r.how == How::Encrypt)?;
            let staged = f.fix.as_ref() == Some(&repair.command(true));
            f.is_fixable().then_some((staged, repair.path))
        };
        let found: Vec<(bool, RepoPath)> = errors().filter_map(plaintext).collect();
        let staged = found.iter().any(|(staged, _)| *staged);
        let meant: Vec<&RepoPath> = (found.iter().filter(|(s, _)| *s == staged))
            .map(|(_, path)| path)
            .collect();
        let (some, all) = (meant.len(), errors().count());
        if some == 0 {
            return;
        }
        let mut text = match some == all {
            true if some == 1 => "to encrypt it: sopsguard fix".to_owned(),
            true => "to encrypt them: sopsguard fix".to_owned(),
            false => format!("{some} of {all} can be encrypted: sopsguard fix"),
        };
        if staged {
            text.push_str(" --staged");
        } else {
            // What was staged is gone after the refusal; of very many files everything on disk is meant.
            let paths: BTreeSet<&RepoPath> = meant.into_iter().collect();
            for path in paths.iter().filter(|_| paths.len() <= NAMED) {
                text.push_str(&format!(" {}", say![Argument(path)].as_str()));
            }
        }
        if some == all && staged {
            text.push_str(" && git commit");
        }
        // Never wrapped: it is there to be copied.
        let line = self.ink.plain(&text);
        self.line(&line);
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }
}

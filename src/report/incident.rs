//! The incident behind a scan of history: what must be rotated, what leaked where, who is to be told and what comes next.
//!
//! Grouping, order and sentences stand here, so that every format for people tells the same story. A *row* is a finding
//! with an exposure; rows of one value are one *credential*. Errors are to be rotated; rows that are only warnings (their
//! value is proven to be another one today) are told after them. All text is plain: each format escapes it in its own way.
//! In sentences of the program itself, code stands between backticks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::phrases::{grouped, plural, ref_name, scope, short};
use crate::model::{
    BlindSpot, Exposure, Finding, Mode, Moment, OriginKind, Outcome, Person, Severity, ValueChanged,
};

/// What every report of an incident says once.
pub(super) const NOT_REVOKED: &str =
    "Changing a value here does not revoke it at its issuer: whoever has it can go on using it.";

/// One leaked thing.
pub(super) struct Row<'o> {
    /// Its number in the report, from 1.
    pub(super) number: usize,
    /// The finding.
    pub(super) finding: &'o Finding,
    /// Its exposure.
    pub(super) exposure: &'o Exposure,
    /// How many other rows have the same value.
    pub(super) twins: usize,
}

/// Rows of one value, the worst first; never empty.
pub(super) struct Credential<'o> {
    /// Its number in the report, from 1.
    pub(super) number: usize,
    /// Its rows.
    pub(super) rows: Vec<Row<'o>>,
}

/// Where a leaked thing is today, from worst to mildest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Presence {
    /// HEAD holds it.
    Head,
    /// The tip of another ref holds it.
    Tip,
    /// Older commits hold it, which refs reach.
    Past,
    /// No ref reaches it.
    Loose,
}

/// Somebody who committed leaked things first.
pub(super) struct Committer<'o> {
    /// Who.
    pub(super) person: &'o Person,
    /// Numbers of the rows.
    pub(super) rows: Vec<usize>,
    /// The first and the last time.
    pub(super) seen: (Moment, Moment),
}

/// Something to do.
pub(super) struct Step {
    /// In a few words.
    pub(super) title: &'static str,
    /// Why and how.
    pub(super) text: String,
}

/// The whole of it.
pub(super) struct Incident<'o> {
    outcome: &'o Outcome,
    /// What must be rotated, the worst first.
    pub(super) credentials: Vec<Credential<'o>>,
    /// Rows that are no errors.
    pub(super) settled: Vec<Row<'o>>,
    /// Active findings without an exposure.
    pub(super) others: Vec<&'o Finding>,
}

impl<'o> Incident<'o> {
    /// Sorts the findings of an outcome.
    pub(super) fn of(outcome: &'o Outcome) -> Self {
        let mut others = Vec::new();
        let mut groups: BTreeMap<u32, Vec<Row<'o>>> = BTreeMap::new();
        let mut credentials: Vec<Credential<'o>> = Vec::new();
        let mut settled = Vec::new();
        let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
        for finding in outcome.active() {
            if let Some(group) = finding.exposure.as_ref().and_then(|e| e.value_group) {
                *sizes.entry(group).or_default() += 1;
            }
        }
        for finding in outcome.active() {
            let Some(exposure) = finding.exposure.as_deref() else {
                others.push(finding);
                continue;
            };
            let size = exposure.value_group.and_then(|g| sizes.get(&g));
            let row = Row {
                number: 0,
                finding,
                exposure,
                twins: size.map_or(0, |n| n - 1),
            };
            match (finding.severity, exposure.value_group) {
                (Severity::Error, Some(group)) => groups.entry(group).or_default().push(row),
                (Severity::Error, None) => credentials.push(Credential {
                    number: 0,
                    rows: vec![row],
                }),
                _ => settled.push(row),
            }
        }
        credentials.extend(
            groups
                .into_values()
                .map(|rows| Credential { number: 0, rows }),
        );
        // Sorting is stable, so that what ranks alike keeps the order of the outcome.
        for credential in &mut credentials {
            credential.rows.sort_by_key(Row::rank);
        }
        credentials.sort_by_cached_key(|c| {
            let place = c
                .rows
                .first()
                .map(|r| (r.finding.path.clone(), r.finding.line()));
            (c.rows.first().map(Row::rank), place)
        });
        settled.sort_by_key(Row::rank);
        let mut number = 0;
        let mut count = |row: &mut Row<'o>| {
            number += 1;
            row.number = number;
        };
        for (i, credential) in credentials.iter_mut().enumerate() {
            credential.number = i + 1;
            credential.rows.iter_mut().for_each(&mut count);
        }
        settled.iter_mut().for_each(&mut count);
        Self {
            outcome,
            credentials,
            settled,
            others,
        }
    }

    /// All rows, in the order of their numbers.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row<'o>> {
        self.urgent().chain(&self.settled)
    }

    /// Rows of what must be rotated.
    pub(super) fn urgent(&self) -> impl Iterator<Item = &Row<'o>> {
        self.credentials.iter().flat_map(|c| &c.rows)
    }

    /// Whether anything leaked.
    pub(super) fn is_empty(&self) -> bool {
        self.credentials.is_empty() && self.settled.is_empty()
    }

    /// What it comes to, without a full stop.
    pub(super) fn headline(&self) -> String {
        match self.credentials.len() as u64 {
            0 if self.is_empty() => "no leaked secret was found".to_owned(),
            0 => "no credential is left to rotate".to_owned(),
            n => format!("rotate {}", plural(n, "credential", "credentials")),
        }
    }

    /// The same in a sentence or two.
    pub(super) fn summary(&self) -> String {
        let read = scope(self.outcome);
        if self.is_empty() {
            return format!("{read} were judged.");
        }
        let rows = self.urgent().count() as u64;
        if rows == 0 {
            let settled = plural(self.settled.len() as u64, "place", "places");
            return format!(
                "{settled} in {read} held secrets in plaintext, and none counts as an error: see the table for why."
            );
        }
        let still = |what: Presence| self.urgent().filter(|r| r.presence() == what).count() as u64;
        let (head, tip) = (still(Presence::Head), still(Presence::Tip));
        let (past, loose) = (still(Presence::Past), still(Presence::Loose));
        let parts: Vec<String> = [
            (head, "still at HEAD"),
            (tip, "at the tip of another ref"),
            (past, "in older commits that refs reach"),
            (loose, "where no ref reaches"),
        ]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| match rows {
            1 => what.to_owned(),
            _ => format!("{} {what}", grouped(n)),
        })
        .collect();
        let them = match self.credentials.len() {
            1 => "it",
            _ => "them",
        };
        format!(
            "{} in {read} held {them} in plaintext: {}.",
            plural(rows, "place", "places"),
            parts.join(", ")
        )
    }

    /// Whether everything was judged, in a sentence; and whether it was.
    pub(super) fn completeness(&self) -> (bool, String) {
        let blocking = self.outcome.blind_spots.iter().filter(|b| b.blocks());
        let blocking = blocking.count() as u64;
        let shallow = self.outcome.repository.as_ref().is_some_and(|r| r.shallow);
        let mut text = match blocking {
            0 => "Complete: everything that matters was judged.".to_owned(),
            n => format!(
                "Not complete: {} could not be judged, so that more may have leaked.",
                plural(n, "thing that matters", "things that matter")
            ),
        };
        if shallow {
            text.push_str(" The clone is shallow: what lies before its first commits was not there to be judged.");
        }
        (blocking == 0 && !shallow, text)
    }

    /// When leaks were seen; empty when there are none.
    pub(super) fn dates(&self) -> Option<String> {
        let first = self.rows().map(|r| r.exposure.first_seen).min()?;
        let last = self.rows().map(|r| r.exposure.last_seen).max()?;
        Some(match self.rows().any(|r| r.presence() <= Presence::Tip) {
            true => format!("from {} on, and still there", first.date()),
            false => format!("from {} to {}", first.date(), last.max(first).date()),
        })
    }

    /// Rows of keys that open files.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Row<'o>> {
        self.rows().filter(|r| !r.finding.opens.is_empty())
    }

    /// Who committed leaked things first; those with most rows first.
    pub(super) fn committers(&self) -> Vec<Committer<'o>> {
        let mut all: BTreeMap<&Person, Committer<'o>> = BTreeMap::new();
        for row in self.rows() {
            let Some(person) = &row.exposure.author else {
                continue;
            };
            let when = row.exposure.first_seen;
            let committer = all.entry(person).or_insert_with(|| Committer {
                person,
                rows: Vec::new(),
                seen: (when, when),
            });
            committer.rows.push(row.number);
            committer.seen = (committer.seen.0.min(when), committer.seen.1.max(when));
        }
        let mut all: Vec<Committer<'o>> = all.into_values().collect();
        all.sort_by_key(|c| Reverse(c.rows.len()));
        all
    }

    /// What is to be done, in order.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut step = |title, text: String| steps.push(Step { title, text });
        if !self.credentials.is_empty() {
            step(
                "Revoke and replace",
                format!(
                    "Do this first, for each credential above, at whoever issued it. {NOT_REVOKED}"
                ),
            );
            if self.keys().next().is_some() {
                step(
                    "Replace leaked keys, and what they open",
                    "A leaked private key opens every version that was encrypted to it, in every clone. Make a new key, take the old one out of `.sops.yaml`, run `sops updatekeys` and `sops rotate` on each file, and rotate the values in those files as well.".to_owned(),
                );
            }
            if let Some(first) = self.urgent().map(|r| r.exposure.first_seen).min() {
                step(
                    "Look for use",
                    format!(
                        "Search the access logs of what each credential opens, from the day it was committed on (the earliest: {}).",
                        first.date()
                    ),
                );
            }
        }
        if self.urgent().any(|r| r.presence() <= Presence::Tip) {
            step(
                "Encrypt what is still in plaintext",
                "Put the new values in with `sops edit`, never the old ones, at HEAD and at the tip of each branch that has them.".to_owned(),
            );
        }
        if !self.is_empty() {
            step(
                "Do not count on a revert",
                "A revert, or a commit that encrypts or deletes the file, leaves the old version in history: every clone, fork, mirror and build cache keeps it, and anyone who can read the repository can read it.".to_owned(),
            );
            step(
                "Rewrite history only after that, if at all",
                "`sopsguard scan --history --report blobs=FILE` lists the objects, `git filter-repo --strip-blobs-with-ids FILE` takes them out. Encrypt first what HEAD still has, because those files go too. Copies elsewhere stay, and the host must drop its own caches and the refs of merge requests: a rewrite tidies up and rotates nothing.".to_owned(),
            );
        }
        if !self.completeness().0 {
            step(
                "Judge the rest",
                "See what could not be judged, make it readable (`git fetch --unshallow` for a shallow clone), and scan again.".to_owned(),
            );
        }
        if !self.is_empty() {
            step(
                "Keep the next one out",
                "`sopsguard hook install` guards commits; the same scan in CI guards merges."
                    .to_owned(),
            );
        }
        steps
    }
}

impl Row<'_> {
    /// Smaller is worse.
    fn rank(&self) -> impl Ord + use<> {
        let e = self.exposure;
        let opens_today = self.finding.opens.iter().any(|o| o.at_head);
        let changed = match e.value_changed {
            ValueChanged::No => 0,
            ValueChanged::Unknown => 1,
            ValueChanged::Likely => 2,
            ValueChanged::Proven => 3,
        };
        (
            Reverse(self.finding.severity),
            !opens_today,
            self.presence(),
            changed,
            e.first_seen,
        )
    }

    /// Where it is today.
    pub(super) fn presence(&self) -> Presence {
        let e = self.exposure;
        if e.at_head {
            Presence::Head
        } else if e.first_commit.is_none() || e.refs_total == 0 {
            Presence::Loose
        } else if e.last_commit.is_none() && !self.is_message() {
            Presence::Tip
        } else {
            Presence::Past
        }
    }

    /// Whether a message of a commit or tag holds it, not a file.
    fn is_message(&self) -> bool {
        let origins = &self.finding.origins;
        origins.iter().any(|o| o.kind == OriginKind::Message)
    }

    /// The key path of the leaf; empty where the whole file is meant.
    pub(super) fn leaf(&self) -> &str {
        self.finding
            .place
            .pointer
            .as_ref()
            .map_or("", |p| p.as_str())
    }

    /// How many files it is in, where it is one of several rows with one value.
    pub(super) fn sharing(&self) -> Option<String> {
        let twins = plural(self.twins as u64, "other row", "other rows");
        (self.twins > 0).then(|| format!("one credential with {twins}"))
    }

    /// With which commit it came, when, and from whom.
    pub(super) fn first(&self) -> String {
        let e = self.exposure;
        let by = e
            .author
            .as_ref()
            .map_or_else(String::new, |p| format!(", {}", person(p)));
        match &e.first_commit {
            Some(commit) => format!("{}, {}{by}", short(commit), e.first_seen.date()),
            None => format!("no commit, {}{by}", e.first_seen.date()),
        }
    }

    /// Until when it was there, in a few words.
    pub(super) fn until(&self) -> String {
        let e = self.exposure;
        if let (true, Some(commit)) = (self.is_message(), &e.first_commit) {
            return format!("in the message of {}", short(commit));
        }
        match self.presence() {
            Presence::Head => "still at HEAD".to_owned(),
            Presence::Tip => match (e.refs.first(), e.refs_total) {
                (Some(only), 0 | 1) => format!("still in {}", ref_name(only)),
                (_, n) => format!("still at the tip of one of {n} refs"),
            },
            Presence::Past | Presence::Loose => {
                let seen = e.last_seen.date();
                let removed = self.removed();
                match (removed.first(), &e.last_commit) {
                    (Some(commit), _) => {
                        let more = match removed.len() {
                            1 => String::new(),
                            n => format!(" and {} more", n - 1),
                        };
                        format!("removed in {}{more}, last seen {seen}", short(commit))
                    }
                    (None, Some(commit)) => format!("last held by {}, {seen}", short(commit)),
                    (None, None) => format!("in no commit, last seen {seen}"),
                }
            }
        }
    }

    /// Commits that took it out: those that follow a version and do not bring another one.
    fn removed(&self) -> Vec<&str> {
        let versions = &self.exposure.versions;
        let brought: BTreeSet<&str> = versions
            .iter()
            .filter_map(|v| v.first_commit.as_deref())
            .collect();
        let mut out: Vec<&str> = Vec::new();
        // The last version is the one that people ask about.
        for version in versions.iter().rev() {
            if let Some(commit) = version.removed_commit.as_deref()
                && !brought.contains(commit)
                && !out.contains(&commit)
            {
                out.push(commit);
            }
        }
        out
    }

    /// How many commits hold it.
    pub(super) fn held(&self) -> String {
        match self.exposure.commits {
            0 => "no commit holds it".to_owned(),
            n => plural(n, "commit holds it", "commits hold it"),
        }
    }

    /// What HEAD has of it.
    pub(super) fn today(&self) -> &'static str {
        if self.is_message() {
            return "a message stays as it is";
        }
        match (self.exposure.at_head, self.exposure.encrypted_now) {
            (true, false) => "HEAD has it in plaintext",
            (true, true) => "HEAD has it in plaintext, in an encrypted file",
            (false, true) => "HEAD has the file encrypted",
            (false, false) => "HEAD does not have it, nor the file encrypted",
        }
    }

    /// Whether the value was replaced, where anything is known.
    pub(super) fn changed(&self) -> Option<&'static str> {
        match self.exposure.value_changed {
            ValueChanged::Proven => Some("another value today (proven)"),
            ValueChanged::Likely => Some("probably another value today"),
            ValueChanged::Unknown => None,
            ValueChanged::No => Some("the same value today"),
        }
    }

    /// How many refs reach it, and the names of some.
    pub(super) fn reach(&self, names: usize) -> String {
        let e = self.exposure;
        let total = e.refs_total.max(e.refs.len() as u64);
        if total == 0 {
            return "no ref reaches it".to_owned();
        }
        let mut shown: Vec<String> = e.refs.iter().take(names).map(ref_name).collect();
        let more = total - shown.len() as u64;
        if more > 0 && !shown.is_empty() {
            shown.push(format!("{more} more"));
        }
        let verb = if total == 1 { "reaches" } else { "reach" };
        let refs = plural(total, "ref", "refs");
        match shown.is_empty() {
            true => format!("{refs} still {verb} it"),
            false => format!("{refs} still {verb} it: {}", shown.join(", ")),
        }
    }
}

/// A name and an address in one text.
pub(super) fn person(person: &Person) -> String {
    match (person.name.as_str(), person.email.as_str()) {
        ("", "") => "unknown".to_owned(),
        (name, "") => name.to_owned(),
        ("", email) => format!("<{email}>"),
        (name, email) => format!("{name} <{email}>"),
    }
}

/// Whether the outcome is that of an audit of history.
pub(super) fn is_audit(outcome: &Outcome) -> bool {
    outcome.mode == Mode::History
}

/// Blind spots, those that block first.
pub(super) fn blind_spots(outcome: &Outcome) -> Vec<&BlindSpot> {
    let mut all: Vec<&BlindSpot> = outcome.blind_spots.iter().collect();
    all.sort_by_key(|b| (!b.blocks(), b.accepted.is_some()));
    all
}

/// What a blind spot leads to.
pub(super) fn weight(spot: &BlindSpot) -> &'static str {
    match (spot.blocks(), &spot.accepted) {
        (true, _) => "blocks",
        (false, Some(_)) => "accepted",
        (false, None) => "listed",
    }
}

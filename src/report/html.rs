//! One page for a browser: what leaked, when, where it still is, what to rotate and whom to tell.
//!
//! Self-contained: no script, no image, no font, no link to anywhere; a content security policy forbids them all, should
//! anything slip through. Whatever comes from the repository goes through [`esc`]. The page prints, has a dark form,
//! folds its tables up on a narrow screen, and says in words what the picture says in colours.

mod timeline;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Style;
use super::incident::{self, Incident, Row, person};
use super::phrases::{
    at, came_with, capital, counted, grouped, hidden, opened, origin, path_line, plural, ref_name,
    scope, short,
};
use crate::model::{Finding, Moment, Outcome, Severity, ValueChanged, escape};

const STYLE_SHEET: &str = include_str!("html/style.css");
/// Rows of a table.
const ROWS: usize = 5_000;
/// Rows whose refs are all listed.
const WITH_REFS: usize = 200;
/// Refs that are named beside a row.
const REFS: usize = 3;
/// Files that one key opens which are listed.
const OPENED: usize = 100;
/// People that are listed.
const PEOPLE: usize = 200;

/// The whole report.
pub(super) fn text(outcome: &Outcome, style: &Style) -> String {
    let mut page = Page { out: String::new() };
    if incident::is_audit(outcome) {
        page.audit(outcome, style.now);
    } else {
        page.findings_only(outcome, style.now);
    }
    page.out
}

struct Page {
    out: String,
}

impl Page {
    /// An audit of history.
    fn audit(&mut self, outcome: &Outcome, now: Option<Moment>) {
        let incident = Incident::of(outcome);
        let (complete, completeness) = incident.completeness();
        let dates = incident.dates();
        let mut title = vec![incident.headline()];
        title.extend(head(outcome).map(|h| format!("HEAD {h}")));
        title.extend(dates.clone());
        let alarm = match (incident.credentials.is_empty(), complete) {
            (false, _) => "bad",
            (true, false) => "warn",
            (true, true) => "good",
        };
        self.open(
            outcome,
            now,
            &Opening {
                title: &title.join(", "),
                kicker: "Audit of history",
                headline: &capital(&incident.headline()),
                lead: &incident.summary(),
                alarm,
                dates,
            },
        );
        self.tiles(&incident, outcome);
        self.completeness(complete, &completeness);
        if !incident.is_empty() {
            let _ = writeln!(
                self.out,
                "<p class=\"note\">{}</p>",
                esc(incident::NOT_REVOKED)
            );
            self.section("timeline", "Timeline");
            self.out.push_str(&timeline::draw(&incident, now));
            self.close();
            self.leaks(&incident);
            self.keys(&incident);
            self.people(&incident);
        }
        if !incident.others.is_empty() {
            self.section("further", "Further findings");
            self.findings(&incident.others);
            self.close();
        }
        self.blind_spots(outcome);
        let steps = incident.steps();
        if !steps.is_empty() {
            self.section("steps", "Next steps");
            self.out.push_str("<ol class=\"steps\">\n");
            for step in &steps {
                let (title, text) = (esc(step.title), prose(&step.text));
                let _ = writeln!(self.out, "<li><strong>{title}.</strong> {text}</li>");
            }
            self.out.push_str("</ol>\n");
            self.close();
        }
        self.names(outcome);
        self.end(outcome, now);
    }

    /// Any other mode: a table.
    fn findings_only(&mut self, outcome: &Outcome, now: Option<Moment>) {
        let counts = outcome.counts();
        let counted = counted(&counts);
        let complete = outcome.complete();
        let (headline, alarm) = match (counted.is_empty(), complete) {
            (false, _) if counts.error > 0 => (counted, "bad"),
            (false, _) => (counted, "warn"),
            (true, true) => ("Nothing found".to_owned(), "good"),
            (true, false) => (
                "Nothing found, but not everything was judged".to_owned(),
                "warn",
            ),
        };
        let mut title = vec![headline.clone()];
        title.extend(head(outcome).map(|h| format!("HEAD {h}")));
        self.open(
            outcome,
            now,
            &Opening {
                title: &title.join(", "),
                kicker: outcome.mode.as_str(),
                headline: &headline,
                lead: &format!("{} were judged.", scope(outcome)),
                alarm,
                dates: None,
            },
        );
        let text = match outcome.counts().blocking {
            0 => "Complete: everything that matters was judged.".to_owned(),
            n => format!(
                "Not complete: {} could not be judged.",
                plural(n, "thing that matters", "things that matter")
            ),
        };
        self.completeness(complete, &text);
        let found: Vec<&Finding> = outcome.active().collect();
        if !found.is_empty() {
            self.section("findings", "Findings");
            self.findings(&found);
            self.close();
        }
        self.blind_spots(outcome);
        self.names(outcome);
        self.end(outcome, now);
    }

    fn open(&mut self, outcome: &Outcome, now: Option<Moment>, opening: &Opening<'_>) {
        let Opening {
            title,
            kicker,
            headline,
            lead,
            alarm,
            dates,
        } = opening;
        let _ = write!(
            self.out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta name=\"robots\" content=\"noindex, nofollow\">\n\
             <title>sopsguard: {}</title>\n<style>\n{STYLE_SHEET}</style>\n</head>\n<body>\n\
             <header class=\"{alarm}\">\n<p class=\"kicker\">sopsguard · {}</p>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n",
            esc(title),
            esc(kicker),
            esc(headline),
            esc(lead),
        );
        let mut facts = Vec::new();
        if let Some(head) = outcome.repository.as_ref().and_then(|r| r.head.as_deref()) {
            facts.push(("HEAD", format!("<code>{}</code>", esc(head))));
        }
        if let Some(base) = outcome.repository.as_ref().and_then(|r| r.base.as_deref()) {
            facts.push(("Base", format!("<code>{}</code>", esc(base))));
        }
        if let Some(dates) = dates {
            facts.push(("Leaks seen", esc(dates)));
        }
        if let Some(now) = now {
            facts.push(("Report of", time(now)));
        }
        if !facts.is_empty() {
            self.out.push_str("<dl class=\"facts\">\n");
            for (name, value) in facts {
                let _ = writeln!(self.out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
            }
            self.out.push_str("</dl>\n");
        }
        self.out.push_str("</header>\n<main>\n");
    }

    /// The figures that people ask for first.
    fn tiles(&mut self, incident: &Incident<'_>, outcome: &Outcome) {
        if incident.is_empty() {
            return;
        }
        let count = |what: incident::Presence| {
            let rows = incident.urgent().filter(|r| r.presence() == what);
            rows.count()
        };
        let tiles = [
            (incident.credentials.len(), "credentials to rotate", "bad"),
            (incident.urgent().count(), "places that held them", ""),
            (count(incident::Presence::Head), "still at HEAD", "bad"),
            (
                count(incident::Presence::Tip),
                "at the tip of another ref",
                "warn",
            ),
            (
                count(incident::Presence::Past),
                "only in older commits",
                "warn",
            ),
            (count(incident::Presence::Loose), "where no ref reaches", ""),
            (incident.keys().count(), "keys that open files", "bad"),
            (
                outcome.counts().blocking as usize,
                "blind spots that matter",
                "warn",
            ),
        ];
        self.out.push_str("<ul class=\"tiles\">\n");
        for (n, what, alarm) in tiles {
            let alarm = if n > 0 { alarm } else { "" };
            let n = grouped(n as u64);
            let _ = writeln!(
                self.out,
                "<li class=\"{alarm}\"><b>{n}</b> <span>{what}</span></li>"
            );
        }
        self.out.push_str("</ul>\n");
    }

    fn completeness(&mut self, complete: bool, text: &str) {
        let class = if complete { "note" } else { "note warn" };
        let _ = writeln!(self.out, "<p class=\"{class}\">{}</p>", esc(text));
    }

    /// A row for each leaked thing, by credential.
    fn leaks(&mut self, incident: &Incident<'_>) {
        self.section("leaks", "What leaked, and where");
        let columns = [
            "Row",
            "Leak",
            "First committed",
            "Until",
            "Reached by",
            "At HEAD",
            "Encrypted today",
            "Changed",
        ];
        self.table("leaks", "Leaked secrets by credential", &columns);
        let mut left = ROWS;
        for credential in &incident.credentials {
            let shown = credential.rows.len().min(left);
            if shown == 0 {
                break;
            }
            left -= shown;
            let title = match credential.rows.len() as u64 {
                1 => String::new(),
                n => format!(": one value in {}", plural(n, "place", "places")),
            };
            let title = format!("Credential {}{title}", credential.number);
            self.leak_group(&title, columns.len(), &credential.rows[..shown]);
        }
        let settled = &incident.settled[..incident.settled.len().min(left)];
        if !settled.is_empty() {
            self.leak_group("Leaked as well, and no error", columns.len(), settled);
        }
        self.out.push_str("</table></div>\n");
        self.cut(incident.rows().count(), ROWS, "rows");
        self.close();
    }

    fn leak_group(&mut self, title: &str, columns: usize, rows: &[Row<'_>]) {
        let _ = writeln!(
            self.out,
            "<tbody>\n<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"{columns}\">{}</th></tr>",
            esc(title)
        );
        for row in rows {
            self.leak(row);
        }
        self.out.push_str("</tbody>\n");
    }

    fn leak(&mut self, row: &Row<'_>) {
        let (e, f) = (row.exposure, row.finding);
        let first = match &e.first_commit {
            Some(commit) => format!("{} <code>{}</code>", time(e.first_seen), esc(short(commit))),
            None => format!("{}, in no commit", time(e.first_seen)),
        };
        let author = e.author.as_ref().map_or_else(
            || "<span class=\"dim\">author unknown</span>".to_owned(),
            |p| format!("<bdi>{}</bdi>", esc(&person(p))),
        );
        let commits = row.held();
        let (changed, alarm) = match e.value_changed {
            ValueChanged::Proven => ("yes, proven", "good"),
            ValueChanged::Likely => ("probably", ""),
            ValueChanged::Unknown => ("unknown", "dim"),
            ValueChanged::No => ("no", "bad"),
        };
        let twins = row.sharing().filter(|_| f.severity != Severity::Error);
        let twins = twins.map_or_else(String::new, |t| format!("<br>{}", esc(&t)));
        let cells = [
            ("Leak", format!("{}<br>{}{twins}", badge(f), place(f))),
            ("First committed", format!("{first}<br>{author}")),
            (
                "Until",
                format!(
                    "{}<br><span class=\"dim\">{commits}</span>",
                    esc(&row.until())
                ),
            ),
            ("Reached by", refs(row)),
            ("At HEAD", answer(e.at_head, "bad", "")),
            (
                "Encrypted today",
                answer(e.encrypted_now, "", if e.at_head { "bad" } else { "" }),
            ),
            (
                "Changed",
                format!("<span class=\"{alarm}\">{changed}</span>"),
            ),
        ];
        let _ = write!(
            self.out,
            "<tr id=\"r{n}\"><th scope=\"row\" data-label=\"Row\">R{n}</th>",
            n = row.number
        );
        self.cells(&cells);
    }

    /// Keys, and the files that they open.
    fn keys(&mut self, incident: &Incident<'_>) {
        if incident.keys().next().is_none() {
            return;
        }
        self.section("keys", "Keys, and what they open");
        self.out.push_str("<p>Whoever has one of these keys can read these files, also in clones that are never updated: the values in them count as leaked.</p>\n");
        for row in incident.keys().take(OPENED) {
            let opens = &row.finding.opens;
            let head = opens.iter().filter(|o| o.at_head).count();
            let _ = writeln!(
                self.out,
                "<details{}>\n<summary><a href=\"#r{n}\">R{n}</a> {} opens {}, {head} of them at HEAD</summary>\n<ul class=\"files\">",
                if opens.len() <= 20 { " open" } else { "" },
                place(row.finding),
                plural(opens.len() as u64, "file", "files"),
                n = row.number,
            );
            for file in opens.iter().take(OPENED) {
                let path = path(&file.path.to_string());
                let _ = writeln!(self.out, "<li>{path} {}</li>", esc(&opened(file)));
            }
            self.out.push_str("</ul>\n");
            self.cut(opens.len(), OPENED, "files");
            self.out.push_str("</details>\n");
        }
        self.cut(incident.keys().count(), OPENED, "keys");
        self.close();
    }

    fn people(&mut self, incident: &Incident<'_>) {
        let all = incident.committers();
        self.section("people", "Whom to tell");
        if all.is_empty() {
            self.out.push_str(
                "<p>No commit that brought a leak was found, so that nobody is known.</p>\n",
            );
            self.close();
            return;
        }
        self.out.push_str("<p>They committed it first, and are likely to know what it opens. This is as Git recorded it: anyone can write any name.</p>\n");
        let columns = ["Person", "Rows", "First", "Last"];
        self.table(
            "people",
            "People who committed leaked secrets first",
            &columns,
        );
        self.out.push_str("<tbody>\n");
        for committer in all.iter().take(PEOPLE) {
            let mut rows: Vec<String> = committer
                .rows
                .iter()
                .take(20)
                .map(|n| format!("<a href=\"#r{n}\">R{n}</a>"))
                .collect();
            if committer.rows.len() > rows.len() {
                rows.push(format!("and {} more", committer.rows.len() - rows.len()));
            }
            let who = esc(&person(committer.person));
            let _ = write!(
                self.out,
                "<tr><th scope=\"row\" data-label=\"Person\"><bdi>{who}</bdi></th>"
            );
            self.cells(&[
                ("Rows", rows.join(" ")),
                ("First", time(committer.seen.0)),
                ("Last", time(committer.seen.1)),
            ]);
        }
        self.out.push_str("</tbody>\n</table></div>\n");
        self.cut(all.len(), PEOPLE, "people");
        self.close();
    }

    /// A table of findings, the worst first.
    fn findings(&mut self, found: &[&Finding]) {
        let mut found: Vec<&Finding> = found.to_vec();
        found.sort_by_key(|f| std::cmp::Reverse(f.severity));
        self.table("findings", "Findings", &["Check", "Where", "What", "To do"]);
        self.out.push_str("<tbody>\n");
        for f in found.iter().take(ROWS) {
            let came = came_with(&f.origins, f.origins_total);
            let came = came.map_or_else(String::new, |c| format!("<br>in {}", esc(&c)));
            let fix = f.fix.as_ref().filter(|m| !m.is_empty());
            let fix = fix.map_or_else(String::new, |m| {
                format!("<br><code>{}</code>", esc(m.as_str()))
            });
            let _ = write!(
                self.out,
                "<tr><th scope=\"row\" data-label=\"Check\">{}</th>",
                badge(f)
            );
            self.cells(&[
                ("Where", format!("{}{came}", place(f))),
                ("What", prose(f.message.as_str())),
                ("To do", format!("{}{fix}", prose(f.help.as_str()))),
            ]);
        }
        self.out.push_str("</tbody>\n</table></div>\n");
        self.cut(found.len(), ROWS, "findings");
    }

    fn blind_spots(&mut self, outcome: &Outcome) {
        let all = incident::blind_spots(outcome);
        if all.is_empty() {
            return;
        }
        self.section("blind", "What could not be judged");
        self.table(
            "blind",
            "What could not be judged",
            &["Weight", "Where", "Why"],
        );
        self.out.push_str("<tbody>\n");
        for spot in all.iter().take(ROWS) {
            let class = if spot.blocks() { "bad" } else { "dim" };
            let weight = incident::weight(spot);
            let place = spot.origin.as_ref().and_then(origin);
            let place = place.map_or_else(String::new, |p| format!("<br>in {}", esc(&p)));
            let _ = write!(
                self.out,
                "<tr><th scope=\"row\" data-label=\"Weight\"><span class=\"{class}\">{weight}</span></th>"
            );
            self.cells(&[
                (
                    "Where",
                    format!(
                        "<code>{}</code>{place}",
                        esc(&path_line(&spot.path, spot.line))
                    ),
                ),
                (
                    "Why",
                    format!(
                        "<code>{}</code> {}",
                        spot.code.as_str(),
                        prose(spot.reason.as_str())
                    ),
                ),
            ]);
        }
        self.out.push_str("</tbody>\n</table></div>\n");
        self.cut(all.len(), ROWS, "blind spots");
        self.close();
    }

    /// What the checks that fired mean.
    fn names(&mut self, outcome: &Outcome) {
        let fired: BTreeMap<&str, &str> = outcome
            .active()
            .map(|f| (f.check.id, f.check.summary))
            .collect();
        if fired.is_empty() {
            return;
        }
        self.section("names", "What the names mean");
        self.out.push_str("<dl class=\"names\">\n");
        for (id, summary) in fired {
            let _ = writeln!(
                self.out,
                "<div><dt><code>{}</code></dt><dd>{}</dd></div>",
                esc(id),
                prose(summary)
            );
        }
        self.out.push_str("</dl>\n");
        self.close();
    }

    fn end(&mut self, outcome: &Outcome, now: Option<Moment>) {
        let when = now.map_or_else(String::new, |now| format!(", {}", time(now)));
        let _ = write!(
            self.out,
            "</main>\n<footer><p>{}{}. {} {}{when}. No secret value is on this page; it loads nothing and runs nothing.</p></footer>\n</body>\n</html>\n",
            esc(&scope(outcome)),
            esc(&hidden(&outcome.counts())),
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
        );
    }

    fn section(&mut self, id: &str, title: &str) {
        let _ = writeln!(
            self.out,
            "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{}</h2>",
            esc(title)
        );
    }

    fn close(&mut self) {
        self.out.push_str("</section>\n");
    }

    fn table(&mut self, class: &str, caption: &str, columns: &[&str]) {
        let _ = write!(
            self.out,
            "<div class=\"table\"><table class=\"{class}\">\n<caption>{}</caption>\n<thead><tr>",
            esc(caption)
        );
        for column in columns {
            let _ = write!(self.out, "<th scope=\"col\">{column}</th>");
        }
        self.out.push_str("</tr></thead>\n");
    }

    /// The cells of a row, whose first one stands there already; each has its heading for screens that are too narrow.
    fn cells(&mut self, cells: &[(&str, String)]) {
        for (label, text) in cells {
            let _ = write!(
                self.out,
                "<td data-label=\"{label}\"><div>{text}</div></td>"
            );
        }
        self.out.push_str("</tr>\n");
    }

    /// Says that a list ends early.
    fn cut(&mut self, all: usize, shown: usize, what: &str) {
        if all > shown {
            let _ = writeln!(
                self.out,
                "<p class=\"note warn\">Only the first {} of {} {what} are listed; the JSON report has all of them.</p>",
                grouped(shown as u64),
                grouped(all as u64)
            );
        }
    }
}

/// The top of a page.
struct Opening<'t> {
    title: &'t str,
    kicker: &'t str,
    headline: &'t str,
    lead: &'t str,
    alarm: &'t str,
    dates: Option<String>,
}

/// The refs that reach a row: some at once, the others behind a fold.
fn refs(row: &Row<'_>) -> String {
    let e = row.exposure;
    let total = e.refs_total.max(e.refs.len() as u64);
    if total == 0 {
        return "<span class=\"dim\">no ref</span>".to_owned();
    }
    let name = |r| format!("<code>{}</code>", esc(&ref_name(r)));
    let mut out = format!("<b>{}</b> ", plural(total, "ref", "refs"));
    let first: Vec<String> = e.refs.iter().take(REFS).map(name).collect();
    out.push_str(&first.join(" "));
    let more = total - first.len() as u64;
    let folded: Vec<String> = e.refs.iter().skip(REFS).map(name).collect();
    if more > 0 && (folded.is_empty() || row.number > WITH_REFS) {
        let _ = write!(out, " and {more} more");
    } else if more > 0 {
        let unnamed = more - folded.len() as u64;
        let rest = match unnamed {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let _ = write!(
            out,
            "<details><summary>{more} more</summary>{}{rest}</details>",
            folded.join(" ")
        );
    }
    out
}

fn answer(yes: bool, when: &str, otherwise: &str) -> String {
    let (word, class) = if yes {
        ("yes", when)
    } else {
        ("no", otherwise)
    };
    format!("<span class=\"{class}\">{word}</span>")
}

/// Severity and check.
fn badge(f: &Finding) -> String {
    let severity = f.severity.as_str();
    let softened = match (f.lenient, f.configured) {
        (true, _) => " <span class=\"dim\">lenient place</span>",
        (false, true) => " <span class=\"dim\">by settings</span>",
        (false, false) => "",
    };
    format!(
        "<span class=\"badge {severity}\">{severity}</span> <b class=\"id\">{}</b>{softened}",
        esc(f.check.id)
    )
}

/// A path, which breaks behind its slashes where it does not fit.
fn path(text: &str) -> String {
    format!("<code>{}</code>", esc(text).replace('/', "/<wbr>"))
}

/// Path, line and leaf.
fn place(f: &Finding) -> String {
    let mut text = path(&at(f));
    if let Some(pointer) = &f.place.pointer {
        let _ = write!(
            text,
            " <code class=\"leaf\">{}</code>",
            esc(pointer.as_str())
        );
    }
    text
}

/// A day; the whole moment for machines.
fn time(moment: Moment) -> String {
    format!("<time datetime=\"{moment}\">{}</time>", moment.date())
}

fn head(outcome: &Outcome) -> Option<&str> {
    let head = outcome.repository.as_ref()?.head.as_deref()?;
    Some(short(head))
}

/// A sentence, with code where it has backticks.
fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let paired = parts.len() % 2 == 1;
    if !paired {
        return esc(text);
    }
    let part = |(i, part): (usize, &&str)| match i % 2 {
        0 => esc(part),
        _ => format!("<code>{}</code>", esc(part)),
    };
    parts.iter().enumerate().map(part).collect()
}

/// Text that is nothing but text, in an element and in an attribute.
fn esc(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in escape(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_repository_is_only_text() {
        assert_eq!(
            esc("<a href='x' b=\"y\">&\n\u{202e}"),
            "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;\\n\\u{202e}"
        );
        assert_eq!(prose("run `a <b>`."), "run <code>a &lt;b&gt;</code>.");
        assert_eq!(prose("an odd ` tick"), "an odd ` tick");
    }
}

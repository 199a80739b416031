//! The plan in words. Everything is put together from parts that cannot hold a value.
//!
//! One file has everything that is known of it. Several that go the same way (action, format, rule, recipients) stand below
//! one head, in a line each.

use std::fmt::Write as _;

use super::add::RuleToAdd;
use super::plan::{Action, Plan, Recipient, Refused, Step};
use super::seen::Looked;
use crate::model::{Label, Message, Pointer, RepoPath};
use crate::say;

/// Leaves of one kind that are listed, of one file and in a line among others.
const LEAVES: usize = 8;
const LEAVES_IN_LINE: usize = 4;
/// Files that are listed below one head.
const FILES: usize = 6;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Everything of every file.
    Full,
    /// Files that go the same way together.
    Short,
}

/// What is to be done. `base` is what the base view is called.
pub fn plan_text(plan: &Plan, base: Option<&str>, form: Form) -> String {
    let mut groups: Vec<Vec<&Step>> = Vec::new();
    for step in &plan.steps {
        let like = |group: &&mut Vec<&Step>| alike(group[0], step);
        match groups.iter_mut().find(like) {
            Some(group) if form == Form::Short => group.push(step),
            _ => groups.push(vec![step]),
        }
    }
    let mut lines = Vec::new();
    let several = plan.steps.len() > 1;
    for group in &groups {
        match group.as_slice() {
            [step] => of_step(step, base, several, &mut lines),
            all => of_group(all, base, &mut lines),
        }
        lines.push(Message::default());
    }
    if several {
        let reshaped = plan.steps.iter().any(|s| s.survey.reshaped);
        lines.push(say!["note        ", anew(reshaped)]);
        let values = plan.steps.iter().map(|s| s.survey.respelled).sum();
        if values > 0 {
            lines.push(say!["note        ", respelled(values)]);
        }
    }
    match plan.tips {
        Some(Looked::AtAll) => lines.push(say![
            "note        only the tips of refs were looked at for the plaintext: `sopsguard scan --history` knows what lies behind them"
        ]),
        Some(Looked::AtSome) => lines.push(say![
            "note        not all tips of refs could be looked at for the plaintext (too many, or broken): `sopsguard scan --history` knows all"
        ]),
        None => {}
    }
    if several || plan.tips.is_some() {
        lines.push(Message::default());
    }
    text(&lines)
}

/// What stays as it is.
pub fn refused_text(plan: &Plan, form: Form) -> String {
    let mut groups: Vec<Vec<&Refused>> = Vec::new();
    for refused in &plan.refused {
        let kind = |r: &Refused| {
            let rule = r.rule.first().map(RuleToAdd::kind);
            rule.map(|(c, d, o)| (c.clone(), d.to_owned(), o.to_vec()))
        };
        let like = |group: &&mut Vec<&Refused>| {
            group[0].reason == refused.reason && kind(group[0]) == kind(refused)
        };
        match groups.iter_mut().find(like) {
            Some(group) if form == Form::Short => group.push(refused),
            _ => groups.push(vec![refused]),
        }
    }
    let mut lines = Vec::new();
    for group in &groups {
        let shown = match group.len() {
            n if n > FILES => FILES - 1,
            n => n,
        };
        for refused in group.iter().take(shown) {
            lines.push(say![refused.path]);
        }
        if group.len() > shown {
            lines.push(say!["and ", group.len() - shown, " more"]);
        }
        lines.push(say!["  left      ", group[0].reason]);
        let rules: Vec<&RuleToAdd> = group.iter().flat_map(|r| r.rule.first()).collect();
        lines.extend(RuleToAdd::lines(&rules));
        lines.push(Message::default());
    }
    text(&lines)
}

fn text(lines: &[Message]) -> String {
    let mut out = String::new();
    for line in lines {
        let _ = writeln!(out, "{}", line.as_str());
    }
    out
}

/// Whether two files go the same way.
fn alike(one: &Step, other: &Step) -> bool {
    let way = |s: &Step| {
        let left = s.unagreed.clone();
        (s.action, s.format, s.rule.index, s.config.clone(), left)
    };
    way(one) == way(other)
}

/// What happens to numbers and dates.
fn respelled(values: usize) -> Message {
    let what: &'static str = match values {
        1 => " number or date",
        _ => " numbers or dates",
    };
    say![
        "sops spells ",
        values,
        what,
        " in another way, of the same value (0x1F is 31, 1.10 is 1.1, a date is its midnight)"
    ]
}

fn anew(reshaped: bool) -> &'static str {
    match reshaped {
        true => {
            "sops writes the file anew: indentation, quotes, blank lines, anchors and places of comments change"
        }
        false => "sops writes the file anew: indentation, quotes and blank lines change",
    }
}

fn of_group(steps: &[&Step], base: Option<&str>, out: &mut Vec<Message>) {
    let first = steps[0];
    out.push(say![steps.len(), " files"]);
    head(first, base, out);
    for step in steps.iter().take(FILES) {
        let mut line = say!["    ", step.path];
        if step.action != Action::UpdateKeys {
            let leaves = pointers(step, true);
            line.push(&listed(
                "  ",
                &leaves,
                step.survey.documents > 1,
                LEAVES_IN_LINE,
            ));
        }
        if let Some(seen) = rotate(step, base) {
            line.push(&"; rotate: ");
            line.push(&seen);
        }
        out.push(line);
    }
    if steps.len() > FILES {
        let more = steps.len() - FILES;
        out.push(say!["    and ", more, " more (--dry-run shows all)"]);
        let again = steps
            .iter()
            .skip(FILES)
            .filter(|s| rotate(s, base).is_some());
        let again = again.count();
        if again > 0 {
            out.push(say![
                "  rotate    ",
                again,
                " of these, which stand in commits already"
            ]);
        }
    }
}

fn of_step(step: &Step, base: Option<&str>, several: bool, out: &mut Vec<Message>) {
    out.push(say![step.path]);
    head(step, base, out);
    let many = step.survey.documents > 1;
    if step.action != Action::UpdateKeys {
        out.push(listed("  encrypts  ", &pointers(step, true), many, LEAVES));
        let plain = pointers(step, false);
        if !plain.is_empty() {
            out.push(listed("  readable  ", &plain, many, LEAVES));
        }
    }
    if !several {
        out.push(say!["  note      ", anew(step.survey.reshaped)]);
    }
    if !several && step.survey.respelled > 0 {
        out.push(say!["  note      ", respelled(step.survey.respelled)]);
    }
    if let Some(seen) = rotate(step, base) {
        out.push(say![
            "  rotate    encrypted now, but ",
            seen,
            ": whoever can read that has the values; rotate them where they were issued"
        ]);
    }
}

/// What is done, by which rule and to whom.
fn head(step: &Step, base: Option<&str>, out: &mut Vec<Message>) {
    let what: &'static str = match step.action {
        Action::Encrypt => "encrypt   as ",
        Action::Reencrypt => "encrypt   again and as a whole, as ",
        Action::UpdateKeys => "recipients are made those of the rule, as ",
    };
    out.push(say![
        "  ",
        what,
        step.format.as_str(),
        ", by ",
        step.config,
        " rule ",
        step.rule.index + 1,
        " (line ",
        step.line,
        ")"
    ]);
    recipients(step, base, out);
    let mut line = say!["  contacts  "];
    let hosts = step.hosts();
    if hosts.is_empty() {
        line.push(&"nobody");
    }
    for (i, host) in hosts.iter().enumerate() {
        line.push(if i == 0 { &"" } else { &", " });
        line.push(&Label::identity(host));
    }
    out.push(line);
    if let Some(why) = &step.unagreed {
        out.push(say!["  left      ", why]);
    }
    if step.action == Action::Reencrypt {
        out.push(say![
            "  note      with plain values in it its MAC does not hold and is not checked: look at what changed first"
        ]);
    }
}

fn recipients(step: &Step, base: Option<&str>, out: &mut Vec<Message>) {
    let several = step.groups.len() > 1;
    if several {
        let n = match usize::try_from(step.rule.shamir_threshold) {
            Ok(n) if n > 0 => n,
            _ => step.groups.len(),
        };
        out.push(say![
            "  needs     ",
            n,
            " of ",
            step.groups.len(),
            " groups to decrypt"
        ]);
    }
    for (i, group) in step.groups.iter().enumerate() {
        for (j, recipient) in group.iter().enumerate() {
            let lead: &'static str = if i + j == 0 {
                "  to        "
            } else {
                "            "
            };
            let mut line = say![lead];
            if several {
                line.push(&"group ");
                line.push(&(i + 1));
                line.push(&": ");
            }
            of_recipient(recipient, base, &mut line);
            out.push(line);
            if let Some(whole) = &recipient.whole {
                out.push(say!["              ", whole]);
            }
        }
    }
}

fn of_recipient(recipient: &Recipient, base: Option<&str>, line: &mut Message) {
    line.push(&recipient.kind.as_str());
    line.push(&" ");
    line.push(&recipient.label);
    if recipient.new {
        line.push(match base {
            Some(_) => &"   NEW: by the rules at HEAD it could not open this file",
            None => &"   NEW: no commit names it yet",
        });
    }
}

/// Where the plaintext is known already.
fn rotate(step: &Step, base: Option<&str>) -> Option<Message> {
    if let Some(seen) = &step.seen {
        let mut line = say![
            "already in ",
            RepoPath::new(seen.commit.as_str()),
            " (",
            seen.name
        ];
        if let Some(path) = &seen.path {
            line.push(&", as ");
            line.push(path);
        }
        line.push(&")");
        return Some(line);
    }
    let base = base.filter(|_| step.in_base)?;
    Some(say![
        "already in ",
        RepoPath::new(base),
        " (HEAD), at least one of its values, in another version of the file"
    ])
}

fn pointers(step: &Step, encrypted: bool) -> Vec<(u32, &Pointer)> {
    let leaves = step.survey.leaves.iter();
    let leaves = leaves.filter(|l| l.encrypted == encrypted);
    leaves.map(|l| (l.document, &l.pointer)).collect()
}

fn listed(lead: &'static str, pointers: &[(u32, &Pointer)], many: bool, most: usize) -> Message {
    let mut line = say![lead, pointers.len()];
    line.push(if pointers.len() == 1 {
        &" value: "
    } else {
        &" values: "
    });
    for (i, (document, pointer)) in pointers.iter().take(most).enumerate() {
        line.push(if i == 0 { &"" } else { &", " });
        if many {
            line.push(document);
            line.push(&"#");
        }
        line.push(*pointer);
    }
    if pointers.len() > most {
        line.push(&" and ");
        line.push(&(pointers.len() - most));
        line.push(&" more");
    }
    line
}

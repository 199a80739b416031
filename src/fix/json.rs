//! The plan and what became of it as JSON, version 1: its own structs, put together from parts that cannot hold a value.
//!
//! Fields are never left out: what is absent is `null`.

use serde::Serialize;

use super::plan::{Action, Plan, Refused, Step};
use super::seen::Looked;

/// Version of the format. It grows when a field changes its meaning or goes away, not when one is added.
const VERSION: u32 = 1;

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// Nothing was done yet: a dry run.
    Planned,
    /// It is mended; where, and why not everywhere.
    Mended(&'static str, Option<&'static str>),
    /// It is as it was, and why.
    Left(String),
}

/// A run.
#[derive(Debug, Serialize)]
struct Report<'a> {
    version: u32,
    tool: Tool,
    dry_run: bool,
    /// The commit of the base view.
    base: Option<&'a str>,
    /// Whether the tips of all refs were searched for the plaintext; `null` where none was.
    all_tips: Option<bool>,
    exit_code: u8,
    mended: usize,
    left: usize,
    files: Vec<File<'a>>,
}

#[derive(Debug, Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// One file.
#[derive(Debug, Serialize)]
struct File<'a> {
    path: String,
    /// `planned`, `mended` or `left`.
    result: &'static str,
    /// `disk`, `index`, or `index and disk`.
    place: Option<&'static str>,
    /// Why it was left, or why its copy on disk was.
    reason: Option<String>,
    plan: Option<Planned<'a>>,
    /// Lines of a rule that could be added to a config.
    add: Vec<String>,
}

/// What was to be done.
#[derive(Debug, Serialize)]
struct Planned<'a> {
    action: &'static str,
    format: &'static str,
    config: String,
    rule: usize,
    line: u32,
    groups: Vec<Vec<Who<'a>>>,
    contacts: Vec<&'a str>,
    encrypts: Vec<Leaf<'a>>,
    readable: Vec<Leaf<'a>>,
    /// Where the plaintext is known already.
    rotate: Option<Rotate<'a>>,
}

#[derive(Debug, Serialize)]
struct Who<'a> {
    kind: &'static str,
    key: &'a str,
    new: bool,
}

#[derive(Debug, Serialize)]
struct Leaf<'a> {
    document: u32,
    pointer: &'a str,
}

#[derive(Debug, Serialize)]
struct Rotate<'a> {
    commit: Option<&'a str>,
    r#ref: String,
    path: Option<String>,
}

/// The whole run; `of` tells what became of a step.
pub fn report(
    plan: &Plan,
    base: Option<&str>,
    dry_run: bool,
    exit_code: u8,
    of: &dyn Fn(&Step) -> Became,
) -> String {
    let mut files: Vec<File<'_>> = plan.refused.iter().map(refused).collect();
    files.extend(plan.steps.iter().map(|s| file(s, base, of(s))));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let count = |what| files.iter().filter(|f| f.result == what).count();
    let report = Report {
        version: VERSION,
        tool: Tool {
            name: "sopsguard",
            version: env!("CARGO_PKG_VERSION"),
        },
        dry_run,
        base,
        all_tips: plan.tips.map(|t| t == Looked::AtAll),
        exit_code,
        mended: count("mended"),
        left: count("left"),
        files,
    };
    serde_json::to_string_pretty(&report).unwrap_or_default()
}

fn refused(refused: &Refused) -> File<'_> {
    let rules: Vec<_> = refused.rule.iter().collect();
    let add = super::add::RuleToAdd::lines(&rules);
    File {
        path: refused.path.to_string(),
        result: "left",
        place: None,
        reason: Some(refused.reason.as_str().to_owned()),
        plan: None,
        add: add.iter().map(|l| l.as_str().to_owned()).collect(),
    }
}

fn file<'a>(step: &'a Step, base: Option<&'a str>, result: Became) -> File<'a> {
    let left = step.unagreed.as_ref().map(|m| m.as_str().to_owned());
    let (result, place, reason) = match (result, left) {
        (Became::Planned, Some(why)) => ("left", None, Some(why)),
        (Became::Planned, None) => ("planned", None, None),
        (Became::Mended(place, why), _) => ("mended", Some(place), why.map(str::to_owned)),
        (Became::Left(why), _) => ("left", None, Some(why)),
    };
    File {
        path: step.path.to_string(),
        result,
        place,
        reason,
        plan: Some(planned(step, base)),
        add: Vec::new(),
    }
}

fn planned<'a>(step: &'a Step, base: Option<&'a str>) -> Planned<'a> {
    let leaves = |encrypted| {
        let leaves = step.survey.leaves.iter();
        let leaves = leaves.filter(|l| l.encrypted == encrypted);
        let leaf = |l: &'a super::tree::Leaf| Leaf {
            document: l.document,
            pointer: l.pointer.as_str(),
        };
        leaves.map(leaf).collect()
    };
    let who = |r: &'a super::plan::Recipient| Who {
        kind: r.kind.as_str(),
        key: r.whole.as_ref().unwrap_or(&r.label).as_str(),
        new: r.new,
    };
    let head = || Rotate {
        commit: base,
        r#ref: "HEAD".to_owned(),
        path: None,
    };
    let seen = step.seen.as_ref().map(|seen| Rotate {
        commit: Some(&seen.commit),
        r#ref: seen.name.to_string(),
        path: seen.path.as_ref().map(ToString::to_string),
    });
    Planned {
        action: match step.action {
            Action::Encrypt => "encrypt",
            Action::Reencrypt => "reencrypt",
            Action::UpdateKeys => "update-keys",
        },
        format: step.format.as_str(),
        config: step.config.to_string(),
        rule: step.rule.index + 1,
        line: step.line,
        groups: (step.groups.iter())
            .map(|group| group.iter().map(who).collect())
            .collect(),
        contacts: step.hosts(),
        encrypts: leaves(true),
        readable: leaves(false),
        rotate: seen.or_else(|| step.in_base.then(head)),
    }
}

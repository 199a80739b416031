//! The trace that the decision already carries, in words: which config, which rule, which class, which leaves.

use crate::checks::Judged;
use crate::model::{Label, Message, RepoPath, SafeKey};
use crate::say;
use crate::settings::is_own_file;
use crate::sops::config::Choice;
use crate::sops::options::SelectionOptions;
use crate::sops::scope::PathPart;
use crate::subject::standing::Exempt;
use crate::subject::{Neighbourhood, Subject};
use crate::syntax::Document;

/// How many leaves are listed.
const MAX_LEAVES: usize = 20;

/// The lines of the trace.
pub fn trace(s: &Subject<'_>, judged: &Judged, around: &dyn Neighbourhood) -> Vec<Message> {
    let mut out = vec![say!["file      ", s.path]];
    let mut format = say!["format    ", s.format.as_str()];
    if let Some(parsed) = &s.parsed {
        format.push(&", ");
        format.push(&parsed.documents.len());
        format.push(if parsed.documents.len() == 1 {
            &" document"
        } else {
            &" documents"
        });
        if !parsed.is_whole() {
            format.push(&", does not parse as a whole");
        }
    }
    out.push(format);
    standing(s, &mut out);
    governing(s, around, &mut out);
    envelope(s, &mut out);
    scope(s, &mut out);
    verdict(judged, &mut out);
    out
}

fn standing(s: &Subject<'_>, out: &mut Vec<Message>) {
    if s.required {
        out.push(say![
            "settings  [policy] require: it must be encrypted, whatever rule governs it"
        ]);
    }
    if s.exempt == Some(Exempt::Settings) {
        let by: &'static str = if is_own_file(s.path) {
            "a file of sopsguard"
        } else if s.policy.require.matches(s.path) {
            "[policy] exempt, which prevails over [policy] require"
        } else {
            "[policy] exempt"
        };
        out.push(say![
            "exempt    ",
            by,
            ": rules and its name ask nothing of it, Secrets and keys are still sought"
        ]);
    } else if let Some(exempt) = s.exempt {
        out.push(say![
            "exempt    ",
            exempt.as_str(),
            ": rules pass it over (step 5a)"
        ]);
    }
    if s.template {
        out.push(say![
            "template  exempt from rules, still searched for Secrets and keys (step 5a)"
        ]);
    }
    if s.promised {
        out.push(say!["name      promises an encrypted file (step 6)"]);
    }
    if s.lenient && s.policy.lenient.matches(s.path) {
        out.push(say!["settings  [policy] lenient: this place is lenient"]);
    }
    if s.lenient {
        out.push(say!["place     lenient: errors about content are warnings, unless the file carries metadata (step 8)"]);
    }
}

fn governing(s: &Subject<'_>, around: &dyn Neighbourhood, out: &mut Vec<Message>) {
    let Some(config) = s.decision.config else {
        out.push(say!["config    none at or above the file"]);
        return;
    };
    out.push(say!["config    ", config.path]);
    for other in around.configs().above(s.path.parent()).skip(1) {
        out.push(say![
            "          not consulted: ",
            other.path,
            " (the nearest one decides)"
        ]);
    }
    out.push(say![
        "subject   ",
        RepoPath::new(s.decision.subject.as_bytes())
    ]);
    for rule in config.config.rules() {
        let pattern = match &rule.path_regex {
            None => say!["(no path_regex)"],
            Some(p) => say![Label::new(&p.source)],
        };
        let line = config.rule_line(rule.index);
        let state: &'static str = match s.decision.choice {
            Choice::Rule(won) if won == rule.index => "matches: this rule governs",
            Choice::Rule(won) if rule.index > won => "not tried: an earlier rule matched",
            Choice::BadPattern(bad) if bad == rule.index => {
                "Go rejects this pattern: sops fails here"
            }
            Choice::BadPattern(bad) if rule.index > bad => "not tried: sops failed before",
            _ => "does not match",
        };
        out.push(say![
            "rule ",
            rule.index + 1,
            "    line ",
            line,
            "  ",
            pattern,
            "  ",
            state
        ]);
    }
    match s.decision.choice {
        Choice::NoCreationRules => out.push(say![
            "rule      the config has no creation rules: as if it did not exist"
        ]),
        Choice::NoMatch => out.push(say!["rule      none matches: the file is not covered"]),
        Choice::Broken => out.push(say!["rule      sops cannot load this config"]),
        Choice::Rule(_) | Choice::BadPattern(_) => {}
    }
    if let Some(class) = s.decision.specificity() {
        let (name, meaning): (&'static str, &'static str) = if class.is_narrow() {
            ("narrow", "the rule asks for its encryption")
        } else if s.policy.strict {
            (
                "broad",
                "the rule asks for its encryption by [policy] strict",
            )
        } else {
            ("broad", "the rule alone demands nothing")
        };
        out.push(say![
            "class     ",
            class.as_str(),
            ", ",
            name,
            ": ",
            meaning,
            " (step 5b)"
        ]);
    }
}

fn options_text(options: &SelectionOptions) -> Message {
    let mut text = Message::default();
    for (i, (name, value)) in options.described().into_iter().enumerate() {
        if i > 0 {
            text.push(&", ");
        }
        text.push(&name);
        text.push(&" ");
        text.push(&Label::new(value));
    }
    if text.is_empty() {
        text.push(&"none: everything is selected");
    }
    text
}

fn envelope(s: &Subject<'_>, out: &mut Vec<Message>) {
    let Some(found) = &s.envelope else {
        out.push(say!["metadata  none"]);
        return;
    };
    let keys = found.envelope.entries().count();
    out.push(say![
        "metadata  SOPS, ",
        keys,
        if keys == 1 {
            " recipient"
        } else {
            " recipients"
        },
        " in ",
        found.envelope.groups.len(),
        if found.envelope.groups.len() == 1 {
            " group"
        } else {
            " groups"
        }
    ]);
}

fn pointer(doc: &Document<'_>, path: &[PathPart]) -> Message {
    let mut out = Message::default();
    for part in path {
        out.push(&"/");
        match part {
            PathPart::Key(k) => out.push(&SafeKey::new(doc.text(*k).unwrap_or("?"))),
            PathPart::Index(i) => out.push(i),
        }
    }
    out
}

fn scope(s: &Subject<'_>, out: &mut Vec<Message>) {
    let options = match (&s.envelope, s.decision.rule()) {
        (Some(found), _) => found.envelope.options.clone(),
        (None, Some(rule)) => rule.effective_options(s.format),
        (None, None) => return,
    };
    out.push(say![
        "selection ",
        options_text(&options),
        if s.envelope.is_some() {
            " (the file's own)"
        } else {
            " (the rule's)"
        }
    ]);
    if s.parsed.is_none() {
        return;
    }
    let survey = s.survey(Some(&options));
    out.push(say![
        "leaves    ",
        survey.non_empty,
        " not empty, ",
        survey.selected,
        " selected, ",
        survey.encrypted,
        " encrypted"
    ]);
    let plain: Vec<_> = survey.plain.iter().filter(|l| l.selected).collect();
    for leaf in plain.iter().take(MAX_LEAVES) {
        out.push(say![
            "          plaintext: ",
            pointer(&s.documents()[leaf.document], &leaf.path)
        ]);
    }
    if plain.len() > MAX_LEAVES {
        out.push(say!["          and ", plain.len() - MAX_LEAVES, " more"]);
    }
}

fn verdict(judged: &Judged, out: &mut Vec<Message>) {
    if judged.sink.findings.is_empty() && judged.sink.blind_spots.is_empty() {
        out.push(say!["verdict   nothing to report"]);
    }
    for f in &judged.sink.findings {
        let mut line = say!["verdict   ", f.severity.as_str(), " ", f.check.id];
        if let Some(p) = &f.place.pointer {
            line.push(&" at ");
            line.push(p);
        }
        line.push(&": ");
        line.push(&f.message);
        out.push(line);
    }
    for b in &judged.sink.blind_spots {
        out.push(say![
            "verdict   ",
            if b.blocking {
                "blocking blind spot: "
            } else {
                "blind spot: "
            },
            b.reason
        ]);
    }
}

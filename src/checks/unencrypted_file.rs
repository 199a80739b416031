//! A file that must be encrypted is plaintext (steps 5 and 6).

use super::repair;
use super::{Sink, broken_envelope};
use crate::kube::head;
use crate::model::{BlindCode, CheckInfo, Finding, Message, Place, Severity};
use crate::say;
use crate::sops::options::SelectionOptions;
use crate::sops::specificity::Specificity;
use crate::subject::leaves::{class_of, key_of};
use crate::subject::{Adoption, Asked, Neighbourhood, Subject, control, standing};
use crate::syntax::{Document, Format, lines};
use crate::values::ValueClass;
use crate::values::tally::{LeafTally, LeafVerdict};

/// See `docs/checks/unencrypted-file.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "unencrypted-file",
    summary: "A file that must be encrypted is plaintext",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/unencrypted-file.md"),
    softened_in_lenient_places: true,
};

/// Why the file must be encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// A narrow rule (5c).
    Narrow,
    /// A broad rule, under `[policy] strict` (5d).
    Strict,
    /// `[policy] require` (5d).
    Required,
    /// The habit of its group (5d).
    Habit { encrypted: usize, all: usize },
    /// A lone neighbour is encrypted (5d).
    Lone,
    /// The name (6).
    Name,
}

pub(super) fn run(s: &Subject<'_>, around: &dyn Neighbourhood, sink: &mut Sink) {
    if s.exempt.is_some() || s.template {
        return;
    }
    let asked = match s.asked() {
        Asked::Narrow => Some(Demand::Narrow),
        Asked::Strict => Some(Demand::Strict),
        Asked::Required => Some(Demand::Required),
        Asked::No => None,
    };
    let demand = if let Some(demand) = asked {
        demand
    } else if s.promised {
        Demand::Name
    } else if s
        .decision
        .rule()
        .is_some_and(|r| !r.options.has_positive_selector())
    {
        match around.adoption(s.path) {
            Adoption::Outlier { encrypted, all } => Demand::Habit { encrypted, all },
            Adoption::Lone => Demand::Lone,
            Adoption::None => return,
        }
    } else {
        return;
    };
    if s.is_lfs_pointer() {
        sink.blind(
            s,
            BlindCode::LfsPointer,
            None,
            say!["an LFS pointer stands where ciphertext is due; its content is not here"],
            true,
        );
        return;
    }
    if !s.is_whole() {
        unparsable(s, demand, sink);
        return;
    }
    let options = s.decision.rule().map_or_else(
        || SelectionOptions::default().with_default(),
        |r| r.effective_options(s.format),
    );
    let Some(verdict) = judge(s, &options, demand) else {
        return;
    };
    broken_envelope::stub(s, sink);
    let severity = if verdict.warning || demand == Demand::Lone {
        Severity::Warning
    } else {
        Severity::Error
    };
    report(s, demand, severity, verdict.place, verdict.count, sink);
}

struct Verdict {
    warning: bool,
    count: usize,
    place: Place,
}

/// What of the file had to be encrypted; `None` for nothing.
fn judge(s: &Subject<'_>, options: &SelectionOptions, demand: Demand) -> Option<Verdict> {
    if !s.format.is_structured() {
        return (!s.text.trim().is_empty()).then(|| Verdict {
            warning: false,
            count: 1,
            place: s.places.file(),
        });
    }
    let survey = s.survey(Some(options));
    let positive = options.has_positive_selector();
    let excused: Vec<bool> = s
        .documents()
        .iter()
        .map(|d| is_excused(s, d, demand))
        .collect();
    let mut tally = LeafTally::default();
    let mut first = None;
    let mut count = 0;
    for leaf in survey.plain.iter().filter(|l| l.selected) {
        // An object that is excused as a whole is so unless a positive selector names one of its leaves.
        let control = excused.get(leaf.document).copied().unwrap_or(false);
        if control && (!positive || control::is_control_document(s, &s.documents()[leaf.document]))
        {
            continue;
        }
        let doc = &s.documents()[leaf.document];
        let class = class_of(doc, key_of(doc, &leaf.path), leaf.node, false);
        // Sealed inline by another tool is encrypted, only not by sops.
        let sealed = doc
            .text(leaf.node)
            .is_some_and(|t| standing::is_sealed_elsewhere(t, t.as_bytes()));
        tally.add(if sealed { ValueClass::Reference } else { class });
        count += 1;
        if first.is_none() {
            first = Some(s.places.node(doc, leaf.document, &leaf.path, leaf.site));
        }
    }
    let mut place = first?;
    place.pointer = None;
    // It is about the file; the place is where its first value stands.
    place.span = None;
    match tally.verdict() {
        LeafVerdict::Exempt => None,
        LeafVerdict::Warning => Some(Verdict {
            warning: true,
            count,
            place,
        }),
        LeafVerdict::Counts => Some(Verdict {
            warning: false,
            count,
            place,
        }),
    }
}

/// Documents that must stay readable under this demand (5c).
fn is_excused(s: &Subject<'_>, doc: &Document<'_>, demand: Demand) -> bool {
    if standing::name_carries_promise(&s.name) || demand == Demand::Name {
        return false;
    }
    if control::is_control_document(s, doc) || is_secret_without_data(doc) {
        return true;
    }
    // Under a directory mark an object other than a Secret is the Secret's neighbour.
    s.decision.specificity() == Some(Specificity::DirMark)
        && doc
            .root()
            .and_then(|r| head(doc, r))
            .is_some_and(|h| h.kind != "Secret" && h.kind != "SecretList" && h.kind != "List")
}

/// A v1 Secret that the cluster fills in, or a patch that deletes one: there is no value in it.
fn is_secret_without_data(doc: &Document<'_>) -> bool {
    doc.root().is_some_and(|r| {
        head(doc, r).is_some_and(|h| h.kind == "Secret" && h.api_version == "v1")
            && doc.get_merged(r, "data").is_none()
            && doc.get_merged(r, "stringData").is_none()
    })
}

/// A file that does not parse is judged as far as its lines go, and said to be unseen beyond.
fn unparsable(s: &Subject<'_>, demand: Demand, sink: &mut Sink) {
    if s.hints.ciphertext && demand != Demand::Lone {
        // A conflict was told already.
        if s.conflict().is_none() {
            broken_envelope::unparsable(s, sink);
        }
        return;
    }
    if !matches!(demand, Demand::Habit { .. } | Demand::Lone) && lines::has_assignment(s.text) {
        report(s, demand, Severity::Error, s.places.file(), 0, sink);
    }
}

fn report(
    s: &Subject<'_>,
    demand: Demand,
    severity: Severity,
    place: Place,
    count: usize,
    sink: &mut Sink,
) {
    let mut message: Message = match demand {
        Demand::Narrow => {
            say!["the creation rule for this file asks for encryption, and it is plaintext"]
        }
        Demand::Strict => {
            say!["a creation rule covers this file, the settings are strict, and it is plaintext"]
        }
        Demand::Required => {
            say!["the settings require this file to be encrypted, and it is plaintext"]
        }
        Demand::Name => say!["the name promises an encrypted file, and it is plaintext"],
        Demand::Habit { encrypted, all } => say![
            "this file is plaintext where ",
            encrypted,
            " of ",
            all,
            " files of its group are encrypted"
        ],
        Demand::Lone => say!["this file is plaintext beside encrypted ones"],
    };
    if count > 1 && s.format != Format::Binary {
        message.push(&" (");
        message.push(&count);
        message.push(&" values)");
    }
    let mut finding = Finding::new(&INFO, s.path, place, message)
        .at(severity)
        .governed(s.decision.governed_by());
    if s.decision.rule().is_some() {
        finding.help =
            say!["encrypt it before it is committed; if it was pushed, rotate what it holds"];
    } else if demand == Demand::Required {
        finding.help = say!["add a creation rule for it to .sops.yaml and encrypt it"];
    } else {
        finding.help =
            say!["add a creation rule for it to .sops.yaml and encrypt it, or rename the file"];
    }
    repair::encrypt(s, &mut finding);
    sink.push(finding);
}

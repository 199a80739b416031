//! What only the whole view can tell: which files a leaked identity opens, and what is wrong with configs.

use std::collections::HashMap;
use std::io::Read;

use rayon::prelude::*;

use super::{Around, Options, Seen, Status, judge_entry};
use crate::checks::{self, ConfigFacts, Sink, unencrypted_file};
use crate::keys;
use crate::model::{BlindCode, BlindSpot, Message, RepoPath, Severity, Span};
use crate::say;
use crate::sops::config::Choice;
use crate::source::FileKind;
use crate::subject::place::Places;
use crate::subject::standing::Exempt;
use crate::subject::{Asked, ConfigSet, LoadedConfig, Neighbourhood, Source, Subject, standing};
use crate::syntax::Format;

/// Adds to each leaked age identity how many files it opens; one that opens live files is never lenient.
pub(super) fn identities(seen: &mut [Seen<'_>], around: &Around<'_>) {
    if seen.iter().all(|s| s.judged.sink.leaked.is_empty()) {
        return;
    }
    let mut opened: HashMap<String, Vec<RepoPath>> = HashMap::new();
    for s in seen.iter() {
        for r in &s.judged.age_recipients {
            opened
                .entry(r.clone())
                .or_default()
                .push(s.entry.path.clone());
        }
    }
    // Files that were not judged are opened by it as well.
    if !around.view().is_whole() {
        let wanted: Vec<String> = (seen.iter())
            .flat_map(|s| s.judged.sink.leaked.iter().map(|(_, r)| r.clone()))
            .collect();
        for (recipient, path) in encrypted_elsewhere(&wanted, around) {
            opened.entry(recipient).or_default().push(path);
        }
        opened.values_mut().for_each(|paths| paths.sort());
    }
    for s in seen.iter_mut() {
        let leaked = std::mem::take(&mut s.judged.sink.leaked);
        for (at, recipient) in leaked {
            let (Some(finding), Some(paths)) =
                (s.judged.sink.findings.get_mut(at), opened.get(&recipient))
            else {
                continue;
            };
            finding.message.push(&"; it opens ");
            finding.message.push(&paths.len());
            finding.message.push(if paths.len() == 1 {
                &" encrypted file"
            } else {
                &" encrypted files"
            });
            for path in paths.iter().take(5) {
                finding.related.push(crate::model::Related {
                    path: path.clone(),
                    line: None,
                    message: say!["opened by this identity"],
                });
            }
            if finding.lenient
                && paths
                    .iter()
                    .any(|p| !standing::is_lenient(p, around.policy()))
            {
                finding.severity = Severity::Error;
                finding.lenient = false;
            }
        }
    }
}

/// Files beside the judged ones that are encrypted to one of the recipients.
fn encrypted_elsewhere(recipients: &[String], around: &Around<'_>) -> Vec<(String, RepoPath)> {
    let entries = around.view().entries().par_iter();
    let others = entries.filter(|e| !e.selected && e.kind == FileKind::Regular);
    others
        .flat_map_iter(|e| {
            let bytes = around.read(&e.path).unwrap_or_default();
            let named = |r: &&String| memchr::memmem::find(&bytes, r.as_bytes()).is_some();
            let hits: Vec<String> = recipients.iter().filter(named).cloned().collect();
            let envelope = !hits.is_empty() && {
                let source = Source::new(&bytes);
                let subject = Subject::new(&e.path, &source, around);
                subject.envelope.is_some()
            };
            hits.into_iter()
                .filter(move |_| envelope)
                .map(|r| (r, e.path.clone()))
        })
        .collect()
}

/// Checks of every config, and of files that only look like one.
pub(super) fn config_checks(
    seen: &[Seen<'_>],
    around: &Around<'_>,
    texts: &[(RepoPath, String)],
    in_repository: bool,
    options: &Options,
) -> Vec<Sink> {
    let mut sinks = Vec::new();
    for s in seen
        .iter()
        .filter(|s| s.entry.path.file_name() == b".sops.yml")
    {
        sinks.push(checks::judge_misnamed(&s.entry.path));
    }
    let configs: Vec<&LoadedConfig> = around.configs().iter().collect();
    let selected = |path: &RepoPath| around.view().find(path).is_none_or(|e| e.selected);
    if !configs.iter().any(|c| selected(&c.path)) {
        return sinks;
    }
    let index: HashMap<&RepoPath, usize> = configs
        .iter()
        .enumerate()
        .map(|(i, c)| (&c.path, i))
        .collect();
    let mut facts: Vec<ConfigFacts<'_>> = configs
        .iter()
        .map(|c| ConfigFacts {
            loaded: c,
            places: Places::new(
                texts
                    .iter()
                    .find(|(p, _)| *p == c.path)
                    .map_or("", |(_, t)| t),
                Format::Yaml,
            ),
            policy: around.policy(),
            reached: vec![0; c.config.rules().len()],
            bad_pattern_reached: None,
            below: Vec::new(),
            whole_view: options.whole_view,
            in_repository,
            ambiguous: None,
        })
        .collect();
    // Every file of the view counts, not only the selected ones.
    let choices: Vec<Option<(usize, Choice)>> = around
        .view()
        .entries()
        .par_iter()
        .map(|entry| {
            if index.contains_key(&entry.path) {
                return None;
            }
            let decision = around.configs().decide(&entry.path);
            Some((*index.get(&decision.config?.path)?, decision.choice))
        })
        .collect();
    for (entry, choice) in around.view().entries().iter().zip(choices) {
        let Some((at, choice)) = choice else {
            continue;
        };
        let f = &mut facts[at];
        f.below.push(&entry.path);
        match choice {
            Choice::Rule(i) => f.reached[i] += 1,
            Choice::BadPattern(i) => f.bad_pattern_reached = Some(i),
            _ => {}
        }
    }
    for f in &mut facts {
        f.ambiguous = ambiguous(f.loaded, seen, around);
    }
    sinks.extend(
        facts
            .iter()
            .filter(|f| selected(&f.loaded.path))
            .map(checks::judge_config),
    );
    sinks
}

/// A plain file below a nested config on which an outer config decides otherwise.
fn ambiguous(
    nested: &LoadedConfig,
    seen: &[Seen<'_>],
    around: &Around<'_>,
) -> Option<(RepoPath, RepoPath)> {
    if nested.dir().is_empty() {
        return None;
    }
    let outer = around
        .configs()
        .above(nested.dir())
        .find(|c| c.path != nested.path)?;
    let outer_set = ConfigSet::new(vec![outer.clone()]);
    let demands = |s: &Seen<'_>| {
        s.judged
            .sink
            .findings
            .iter()
            .any(|f| f.check == &unencrypted_file::INFO && f.severity == Severity::Error)
    };
    for s in seen
        .iter()
        .filter(|s| s.status == Status::Plain && s.entry.path.is_within(nested.dir()))
    {
        let decision = around.configs().decide(&s.entry.path);
        if decision.config.is_none_or(|c| c.path != nested.path) {
            continue;
        }
        let other = outer_set.decide(&s.entry.path);
        let narrow = |d: &crate::subject::Decision<'_>| d.rule().is_some() && d.is_narrow();
        if narrow(&decision) == narrow(&other) {
            continue;
        }
        let under_outer = judge_entry(s.entry, &around.with_configs(&outer_set));
        if demands(s) != demands(&under_outer) {
            return Some((s.entry.path.clone(), outer.path.clone()));
        }
    }
    None
}

/// A limit in the largest unit that needs no fraction.
fn size(bytes: u64) -> Message {
    let units: [(u64, &'static str); 3] = [(1 << 20, " MiB"), (1 << 10, " KiB"), (1, " bytes")];
    let (unit, name) = units
        .into_iter()
        .find(|(unit, _)| bytes.is_multiple_of(*unit))
        .unwrap_or((1, " bytes"));
    say![bytes / unit, name]
}

/// A file over the limit is searched for keys as a stream; the rest of it stays unseen.
pub(super) fn too_large(seen: &mut Seen<'_>, around: &Around<'_>) {
    let path = &seen.entry.path;
    let name = standing::file_name(path);
    let format = crate::subject::format_meant(&name);
    let decision = around.configs().decide(path);
    let policy = around.policy();
    let exempt = standing::exempt(path, "", b"", None, false);
    let exempt = standing::exempt_by_settings(path, "", policy, exempt);
    let asked = decision.asked(policy, policy.requires(path)) != Asked::No;
    let promised = standing::name_promises(&name) && exempt != Some(Exempt::Settings);
    let matters = promised || (asked && exempt.is_none());
    if format.is_structured() || matters {
        seen.judged.sink.blind_spots.push(BlindSpot {
            path: path.clone(),
            line: None,
            code: BlindCode::TooLarge,
            reason: say![
                "it is larger than ",
                size(around.max_file_size()),
                "; only private keys were sought in it"
            ],
            blocking: matters,
            accepted: None,
            origin: None,
        });
    }
    let Ok(mut stream) = around.view().open_stream(path) else {
        return;
    };
    const CHUNK: usize = 4 * 1024 * 1024;
    const OVERLAP: usize = 64 * 1024;
    let mut buffer = vec![0; CHUNK + OVERLAP];
    let mut kept = 0;
    loop {
        let mut filled = kept;
        while filled < buffer.len() {
            match stream.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => {
                    seen.judged.sink.blind_spots.push(BlindSpot {
                        path: path.clone(),
                        line: None,
                        code: BlindCode::Unreadable,
                        reason: say!["it could not be read to its end"],
                        blocking: true,
                        accepted: None,
                        origin: None,
                    });
                    return;
                }
            }
        }
        if keys::may_contain_key(&buffer[..filled]) {
            let text = String::from_utf8_lossy(&buffer[..filled]);
            if let Some(hit) = keys::find(&text).into_iter().next() {
                let places = Places::new("", format);
                seen.judged.sink.findings.extend(checks::key_in_large_file(
                    path,
                    &hit,
                    places.span(Span::default(), 0),
                ));
                return;
            }
        }
        if filled < buffer.len() {
            return;
        }
        // A key that the end of the chunk cuts begins again in the next.
        kept = OVERLAP.min(filled);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

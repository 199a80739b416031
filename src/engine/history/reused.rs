//! Values of today that stand plain somewhere in history: in another file, in a version of their own that no check spoke of,
//! in a message of a commit or tag.
//!
//! Only values that are hardly anything else are looked for (`is_worth_it`), whole, in the spellings of `Needles`. What is
//! found in ciphertext or in the metadata of an encrypted file is no leak, and what stands in too many places is no secret.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::first_look::Alone;
use super::opened::{OpenLeaf, Opened};
use super::{Auditor, Leak, Value, VersionNo, attribution};
use crate::checks::{self, leaked_value, never_rotated, private_key};
use crate::git::{Oid, OidKind};
use crate::model::{
    BlindCode, BlindSpot, Finding, Message, Origin, OriginKind, Place, RepoPath, Severity, Span,
    Status, ValueChanged,
};
use crate::packs::{BlobNo, Hit, PathNo, Search, Seen};
use crate::say;
use crate::sops::scope::{LeafAt, PathPart, walk};
use crate::subject::standing;
use crate::subject::{ConfigSet, Source, Subject, leaves};
use crate::syntax::Format;
use crate::values::ValueClass;
use crate::values::credential;

/// The shortest value that is looked for.
const SHORTEST: usize = 8;
/// The longest, but for its beginning.
const LONGEST: usize = 256 * 1024;
/// So much of a spelling is sought; the rest is compared where that is found.
const SOUGHT: usize = 200;
/// So many places of a value in a blob are kept.
const PLACES: usize = 8;
/// A value that stands in more paths is no secret, or nobody's any more.
const PATHS: usize = 200;

/// A value of today.
struct Current {
    /// The files that hold it encrypted.
    owners: Vec<PathNo>,
    /// The key in the first of them.
    key: Message,
    /// Whether all of them stand in lenient places.
    lenient: bool,
    value: Value,
}

/// One spelling of a value.
struct Needle {
    of: usize,
    form: Form,
}

enum Form {
    /// These bytes; what is not sought of them.
    Exact(Zeroizing<Vec<u8>>),
    /// The same in base64, perhaps broken into lines.
    Base64(Zeroizing<Vec<u8>>),
    /// Lines, perhaps indented; which of them is sought.
    Lines(Vec<Zeroizing<Vec<u8>>>, usize),
}

/// A search for all of them.
struct Needles {
    automaton: AhoCorasick,
    needles: Vec<Needle>,
    longest: usize,
}

/// A value in a blob.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Met {
    blob: u32,
    value: usize,
    at: (usize, usize),
}

/// Looks for every value of today. Adds to `leaks`, and returns what stands in messages.
pub(super) fn find(
    auditor: &Auditor<'_>,
    opened: &Opened,
    leaks: &mut Vec<Leak>,
    spots: &mut Vec<BlindSpot>,
) -> Vec<Finding> {
    let values = current(auditor, opened);
    let Some(needles) = Needles::new(&values) else {
        return Vec::new();
    };
    let met = in_blobs(auditor, &needles);
    if auditor.options.is_late() {
        let reason = say!["time ran out before all of history was searched for values of today"];
        let path = RepoPath::new("");
        spots.push(BlindSpot::new(
            &path,
            None,
            BlindCode::Timeout,
            reason,
            true,
        ));
    }
    let mut by_version: BTreeMap<VersionNo, Vec<(usize, Range<usize>)>> = BTreeMap::new();
    let mut paths: HashMap<usize, BTreeSet<PathNo>> = HashMap::new();
    for m in met {
        for version in &auditor.of_blob[m.blob as usize] {
            let version = *version as VersionNo;
            let v = auditor.history.versions()[version];
            if v.kind == OidKind::Link {
                continue;
            }
            paths.entry(m.value).or_default().insert(v.path);
            let list = by_version.entry(version).or_default();
            list.push((m.value, m.at.0..m.at.1));
        }
    }
    let common: BTreeSet<usize> = (paths.iter())
        .filter(|(_, paths)| paths.len() > PATHS)
        .map(|(value, _)| *value)
        .collect();
    for value in &common {
        let current = &values[*value];
        let reason = say![
            "what ",
            current.key,
            " holds stands in ",
            paths[value].len(),
            " paths of history, too many to be a secret; they are not listed"
        ];
        let path = auditor.path(current.owners[0]);
        let spot = BlindSpot::new(path, None, BlindCode::LimitReached, reason, false);
        spots.push(spot);
    }
    let versions: Vec<VersionNo> = new_ones(auditor, by_version.keys().copied().collect());
    let placed: Vec<(VersionNo, Vec<(usize, Place)>)> = versions
        .par_iter()
        .map(|version| {
            let found = by_version.get(version).map_or(&[][..], Vec::as_slice);
            let found = found.iter().filter(|(value, _)| !common.contains(value));
            (*version, places(auditor, *version, found))
        })
        .collect();
    tell(auditor, &values, placed, leaks);
    in_messages(auditor, &values, &needles)
}

/// The values that are looked for, each once, in the order of their files.
fn current(auditor: &Auditor<'_>, opened: &Opened) -> Vec<Current> {
    let mut files: Vec<(&RepoPath, PathNo, &Vec<OpenLeaf>)> = (opened.files.iter())
        .map(|(version, leaves)| {
            let path = auditor.history.versions()[*version].path;
            (auditor.path(path), path, leaves)
        })
        .collect();
    files.sort_by_key(|f| f.0);
    let mut known: HashMap<Value, usize> = HashMap::new();
    let mut out: Vec<Current> = Vec::new();
    for (path, number, leaves) in files {
        let lenient = standing::is_lenient(path, &auditor.options.settings.policy);
        for leaf in leaves {
            let value = leaf.normal();
            if !is_worth_it(&leaf.key, value.bytes()) {
                continue;
            }
            match known.get(&value) {
                Some(at) => {
                    let of = &mut out[*at];
                    if !of.owners.contains(&number) {
                        of.owners.push(number);
                    }
                    of.lenient &= lenient;
                }
                None => {
                    known.insert(value.clone(), out.len());
                    out.push(Current {
                        owners: vec![number],
                        key: leaf.shown.as_ref().map_or(say![""], |key| say![key]),
                        lenient,
                        value,
                    });
                }
            }
        }
    }
    out
}

/// Whether a value can be told from others: a literal, and none that is written all over.
fn is_worth_it(key: &str, bytes: &[u8]) -> bool {
    if bytes.len() < SHORTEST || bytes.len() > LONGEST {
        return false;
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        // What is no text is a file of keys.
        return bytes.len() >= 2 * SHORTEST;
    };
    if leaves::class_of_text(key, text, false) != ValueClass::Literal {
        return false;
    }
    let text = text.trim();
    if credential::has_credential_form(text) {
        return true;
    }
    let has = |of: fn(&char) -> bool| text.chars().any(|c| of(&c));
    let letters = has(|c| c.is_alphabetic());
    let digits = has(|c| c.is_ascii_digit());
    if credential::is_credential_key(key) {
        let one_word = text.bytes().all(|b| b.is_ascii_lowercase());
        return letters && !(one_word && text.len() < 12);
    }
    // Names, addresses and paths are written in lower case with marks between.
    let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-:/@".contains(c);
    let is_name = text.chars().all(name) && has(|c| "._-:/@".contains(*c));
    let whole = !text.contains(char::is_whitespace) && !text.contains("://");
    whole && !is_name && letters && digits && text.len() >= 12
}

impl Needles {
    fn new(values: &[Current]) -> Option<Self> {
        let (mut patterns, mut needles) = (Vec::new(), Vec::new());
        for (of, current) in values.iter().enumerate() {
            for (sought, form) in spellings(current.value.bytes()) {
                patterns.push(sought);
                needles.push(Needle { of, form });
            }
        }
        let longest = patterns.iter().map(|p| p.len()).max()?;
        let automaton = AhoCorasick::new(patterns.iter().map(|p| p.as_slice())).ok()?;
        Some(Self {
            automaton,
            needles,
            longest,
        })
    }

    /// The values that stand in `bytes` at a place where something was found.
    fn at<'n>(
        &'n self,
        bytes: &'n [u8],
        at: usize,
        len: usize,
    ) -> impl Iterator<Item = (usize, Range<usize>)> + 'n {
        let piece = bytes.get(at..at + len).unwrap_or_default();
        (self.automaton.find_overlapping_iter(piece))
            .filter(move |m| m.start() == 0 && m.end() == len)
            .filter_map(move |m| {
                let needle = &self.needles[m.pattern().as_usize()];
                let found = needle.form.confirm(bytes, at, len)?;
                (!in_ciphertext(bytes, at)).then_some((needle.of, found))
            })
    }
}

impl Search for Needles {
    fn margin(&self) -> usize {
        self.longest - 1
    }

    fn search(&self, bytes: &[u8], range: Range<usize>, out: &mut Vec<Hit>) {
        let text = bytes.get(range.clone()).unwrap_or_default();
        for m in self.automaton.find_overlapping_iter(text) {
            out.push(Hit {
                at: u32::try_from(range.start + m.start()).unwrap_or(u32::MAX),
                len: u16::try_from(m.len()).unwrap_or(u16::MAX),
                needle: 0,
            });
        }
    }
}

/// How a value can be written: what is sought, and what is asked where that is found.
fn spellings(value: &[u8]) -> Vec<(Zeroizing<Vec<u8>>, Form)> {
    let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
    let mut all: Vec<(Zeroizing<Vec<u8>>, Form)> = Vec::new();
    let mut add = |text: Zeroizing<Vec<u8>>, form: fn(Zeroizing<Vec<u8>>) -> Form| {
        let cut = text.len().min(SOUGHT);
        let (sought, rest) = text.split_at(cut);
        if sought.len() >= SHORTEST {
            let sought = Zeroizing::new(sought.to_vec());
            all.push((sought, form(Zeroizing::new(rest.to_vec()))));
        }
    };
    let bare = value.trim_ascii();
    let lines: Vec<&[u8]> = bare
        .split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii)
        .collect();
    let text = std::str::from_utf8(bare);
    if lines.len() == 1 || text.is_err() {
        add(Zeroizing::new(bare.to_vec()), Form::Exact);
    }
    // As JSON and double quotes write it.
    if let Ok(text) = text
        && let Ok(json) = serde_json::to_string(text)
    {
        let json = Zeroizing::new(json.into_bytes());
        let inner = &json[1..json.len() - 1];
        if inner != bare {
            add(Zeroizing::new(inner.to_vec()), Form::Exact);
        }
        if bare.contains(&b'\'') && lines.len() == 1 {
            let quoted = text.replace('\'', "''").into_bytes();
            add(Zeroizing::new(quoted), Form::Exact);
        }
    }
    let mut spelled = vec![Zeroizing::new(bare.to_vec())];
    spelled.push(Zeroizing::new([bare, b"\n"].concat()));
    if value != bare {
        spelled.push(Zeroizing::new(value.to_vec()));
    }
    spelled.dedup();
    for bytes in spelled {
        add(
            Zeroizing::new(engine.encode(&bytes[..]).into_bytes()),
            Form::Base64,
        );
    }
    if lines.len() > 1 && text.is_ok() {
        let anchor = (0..lines.len()).max_by_key(|n| (lines[*n].len().min(SOUGHT), usize::MAX - n));
        if let Some(anchor) = anchor.filter(|n| lines[*n].len() >= SHORTEST) {
            let sought = &lines[anchor][..lines[anchor].len().min(SOUGHT)];
            let sought = Zeroizing::new(sought.to_vec());
            let lines = lines.iter().map(|l| Zeroizing::new(l.to_vec())).collect();
            all.push((sought, Form::Lines(lines, anchor)));
        }
    }
    all
}

impl Form {
    /// Whether all of the value stands there, and nothing that would make it a part of something else.
    fn confirm(&self, bytes: &[u8], at: usize, len: usize) -> Option<Range<usize>> {
        let end = at + len;
        match self {
            Self::Exact(rest) => {
                let after = bytes.get(end..)?;
                let range = at..end + rest.len();
                (after.starts_with(rest) && is_whole(bytes, &range)).then_some(range)
            }
            Self::Base64(rest) => {
                let mut to = end;
                for wanted in rest.iter() {
                    while bytes.get(to).is_some_and(u8::is_ascii_whitespace) {
                        to += 1;
                    }
                    if bytes.get(to) != Some(wanted) {
                        return None;
                    }
                    to += 1;
                }
                let more = |b: &u8| b.is_ascii_alphanumeric() || b"+/".contains(b);
                let before = at.checked_sub(1).and_then(|i| bytes.get(i));
                let alone = !before.is_some_and(more) && !bytes.get(to).is_some_and(more);
                alone.then_some(at..to)
            }
            Self::Lines(lines, anchor) => {
                let line_end = |from: usize| {
                    memchr::memchr(b'\n', bytes.get(from..).unwrap_or_default())
                        .map_or(bytes.len(), |n| from + n)
                };
                let last = lines.len() - 1;
                let fits = |n: usize, line: &[u8]| {
                    let (line, wanted) = (line.trim_ascii(), &lines[n][..]);
                    // A key may stand before the first, a mark behind the last.
                    line == wanted
                        || (n == 0 && line.ends_with(wanted))
                        || (n == last && line.starts_with(wanted))
                };
                let mut start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |n| n + 1);
                let mut stop = line_end(at);
                if !fits(*anchor, &bytes[start..stop]) {
                    return None;
                }
                for n in (0..*anchor).rev() {
                    let before = start.checked_sub(1)?;
                    start = memchr::memrchr(b'\n', &bytes[..before]).map_or(0, |n| n + 1);
                    if !fits(n, &bytes[start..before]) {
                        return None;
                    }
                }
                for n in anchor + 1..lines.len() {
                    let from = stop + 1;
                    if from > bytes.len() {
                        return None;
                    }
                    stop = line_end(from);
                    if !fits(n, &bytes[from..stop]) {
                        return None;
                    }
                }
                Some(at..end)
            }
        }
    }
}

/// Whether no letter or digit goes on before or behind.
fn is_whole(bytes: &[u8], range: &Range<usize>) -> bool {
    let goes_on = |a: Option<&u8>, b: Option<&u8>| {
        a.is_some_and(u8::is_ascii_alphanumeric) && b.is_some_and(u8::is_ascii_alphanumeric)
    };
    let before = range.start.checked_sub(1).and_then(|i| bytes.get(i));
    let last = range.end.checked_sub(1).and_then(|i| bytes.get(i));
    !goes_on(before, bytes.get(range.start)) && !goes_on(last, bytes.get(range.end))
}

/// Whether a place lies in `ENC[…]`.
fn in_ciphertext(bytes: &[u8], at: usize) -> bool {
    let line = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |n| n + 1);
    let before = &bytes[line..at];
    memchr::memmem::rfind(before, b"ENC[").is_some_and(|open| !before[open..].contains(&b']'))
}

fn in_blobs(auditor: &Auditor<'_>, needles: &Needles) -> Vec<Met> {
    let wanted = |blob: BlobNo| {
        let versions = auditor.of_blob.get(blob.0 as usize);
        !auditor.options.is_late() && versions.is_some_and(|v| !v.is_empty())
    };
    let blobs = auditor.of_blob.iter().filter(|v| !v.is_empty()).count();
    let phase = "looking for values of today";
    auditor.progress.begin(phase, blobs as u64);
    let met: Mutex<BTreeSet<Met>> = Mutex::default();
    let visit = |blob: BlobNo, seen: Seen<'_>| {
        auditor.progress.advance(1);
        let mut places: Vec<(usize, usize)> = (seen.hits.iter())
            .map(|hit| (hit.at as usize, usize::from(hit.len)))
            .collect();
        places.dedup();
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for (at, len) in places {
            for (value, range) in needles.at(seen.bytes, at, len) {
                let count = counts.entry(value).or_default();
                *count += 1;
                if *count <= PLACES {
                    let at = (range.start, range.end);
                    let blob = blob.0;
                    let mut met = met.lock().unwrap_or_else(PoisonError::into_inner);
                    met.insert(Met { blob, value, at });
                }
            }
        }
    };
    // What cannot be read was told by the first pass.
    let _ = auditor.history.read_blobs(&wanted, needles, &visit);
    let met = met.into_inner().unwrap_or_else(PoisonError::into_inner);
    met.into_iter().collect()
}

/// Those that `--since` does not leave out.
fn new_ones(auditor: &Auditor<'_>, versions: Vec<VersionNo>) -> Vec<VersionNo> {
    let mut out = Vec::with_capacity(versions.len());
    for chunk in versions.chunks(2048) {
        for (version, holders) in chunk.iter().zip(auditor.holders(chunk)) {
            let first = attribution::introductions(auditor.history, &auditor.tips, &holders);
            if !(first.first()).is_some_and(|c| auditor.known.contains(*c)) {
                out.push(*version);
            }
        }
    }
    out
}

/// Where in a version values stand; those in metadata are left out.
fn places<'m>(
    auditor: &Auditor<'_>,
    version: VersionNo,
    found: impl Iterator<Item = &'m (usize, Range<usize>)>,
) -> Vec<(usize, Place)> {
    let found: Vec<&(usize, Range<usize>)> = found.collect();
    let Some(bytes) = (!found.is_empty())
        .then(|| auditor.bytes_of(version))
        .flatten()
    else {
        return Vec::new();
    };
    let configs = ConfigSet::default();
    let around = Alone {
        configs: &configs,
        policy: &auditor.options.settings.policy,
        prefilter: false,
    };
    let source = Source::new(&bytes);
    let s = Subject::new(auditor.path_of(version), &source, &around);
    // Text without its mark; where bytes were replaced, only the line can be told.
    let shift = (bytes.ends_with(s.text.as_bytes())).then(|| bytes.len() - s.text.len());
    let place = |range: &Range<usize>| {
        let Some(shift) = shift else {
            let line = memchr::memchr_iter(b'\n', &bytes[..range.start]).count() + 1;
            return Some(Place::line(u32::try_from(line).unwrap_or(u32::MAX)));
        };
        let span = Span {
            start: range.start.checked_sub(shift)?,
            end: range.end.checked_sub(shift)?,
        };
        in_text(&s, span)
    };
    (found.into_iter())
        .filter_map(|(value, range)| Some((*value, place(range)?)))
        .collect()
}

/// The leaf at a span, or the span itself; `None` in metadata.
fn in_text(s: &Subject<'_>, span: Span) -> Option<Place> {
    let in_metadata = |span: Span| {
        let of = s.envelope.as_ref().map(|e| e.envelope.span);
        of.is_some_and(|of| of.start <= span.start && span.end <= of.end)
    };
    let (mut place, mut hidden) = (None, in_metadata(span));
    // A text without keys is told by its lines.
    let documents = match s.format {
        Format::Binary => &[],
        _ => s.documents(),
    };
    for (n, doc) in documents.iter().enumerate() {
        let mut visit = |leaf: LeafAt<'_>| {
            let of = doc.node(leaf.site).span;
            if place.is_some() || of.start > span.start || span.end > of.end {
                return;
            }
            let first = leaf.path.first().and_then(|part| match part {
                PathPart::Key(key) => doc.text(*key),
                PathPart::Index(_) => None,
            });
            hidden |= s.envelope.is_some()
                && first.is_some_and(|key| key == "sops" || key.starts_with("sops_"));
            place = Some(s.places.node(doc, n, leaf.path, leaf.site));
        };
        walk(doc, None, None, &mut visit);
    }
    (!hidden).then(|| place.unwrap_or_else(|| s.places.span(span, 0)))
}

/// Turns what was found into leaks, and what was told already into what it is.
fn tell(
    auditor: &Auditor<'_>,
    values: &[Current],
    placed: Vec<(VersionNo, Vec<(usize, Place)>)>,
    leaks: &mut Vec<Leak>,
) {
    let mut told: HashMap<VersionNo, Vec<usize>> = HashMap::new();
    for (i, leak) in leaks.iter().enumerate() {
        told.entry(leak.version).or_default().push(i);
    }
    // Without a key path, values of one path are told apart by their order.
    let mut without: BTreeMap<PathNo, BTreeSet<usize>> = BTreeMap::new();
    for (version, found) in &placed {
        let path = auditor.history.versions()[*version].path;
        let found = found.iter().filter(|(_, place)| place.pointer.is_none());
        without
            .entry(path)
            .or_default()
            .extend(found.map(|(value, _)| *value));
    }
    let mut new: Vec<Leak> = Vec::new();
    let mut seen = HashSet::new();
    for (version, found) in placed {
        let v = auditor.history.versions()[version];
        let path = auditor.path(v.path);
        let at_head = auditor.at_head.get(&v.path) == Some(&version);
        let in_lenient = standing::is_lenient(path, &auditor.options.settings.policy);
        for (value, place) in found {
            let current = &values[value];
            let owner = auditor.path(current.owners[0]);
            let elsewhere = |finding: Finding| {
                let mut told = checks::never_rotated_elsewhere(finding, owner, &current.key);
                told.lenient = in_lenient && current.lenient;
                told.severity = match told.lenient {
                    true => Severity::Warning,
                    false => Severity::Error,
                };
                told
            };
            let known = told.get(&version).map_or(&[][..], Vec::as_slice);
            let known: Vec<usize> = (known.iter().copied())
                .filter(|i| covers(&leaks[*i].finding, &place))
                .collect();
            for i in &known {
                let leak = &mut leaks[*i];
                leak.changed = ValueChanged::No;
                let check = leak.finding.check;
                let own = check == &private_key::INFO || check == &never_rotated::INFO;
                // At HEAD the check knows best what to do about it.
                if !own && !at_head {
                    leak.finding = elsewhere(leak.finding.clone());
                    // What the settings say of the other check is not about this one.
                    leak.finding.configured = false;
                    if matches!(leak.finding.status, Status::Settings { .. }) {
                        leak.finding.status = Status::Active;
                    }
                    let one = std::slice::from_mut(&mut leak.finding);
                    crate::triage::severities(one, &auditor.options.settings);
                    leak.value = Some(current.value.clone());
                }
            }
            if !known.is_empty() {
                continue;
            }
            // One leaf is told once, and so is a value that stands in none.
            let once = (version, place.document, place.pointer.clone());
            if !seen.insert((once, place.pointer.is_none().then_some(value))) {
                continue;
            }
            let occurrence = match (&place.pointer, without.get(&v.path)) {
                (None, Some(all)) => all.iter().position(|x| *x == value).unwrap_or(0),
                _ => 0,
            };
            let mut finding = elsewhere(Finding::new(
                &never_rotated::INFO,
                path,
                place,
                Message::default(),
            ));
            finding.occurrence = u32::try_from(occurrence).unwrap_or(u32::MAX);
            finding.blob = Some(auditor.blob_of(version).to_string());
            new.push(Leak {
                version,
                finding,
                value: Some(current.value.clone()),
                recipient: None,
                changed: ValueChanged::No,
            });
        }
    }
    for leak in &mut new {
        let one = std::slice::from_mut(&mut leak.finding);
        crate::triage::severities(one, &auditor.options.settings);
    }
    leaks.append(&mut new);
}

/// Whether a finding speaks of what stands at a place.
fn covers(finding: &Finding, place: &Place) -> bool {
    if finding.place.pointer.is_some() || place.pointer.is_some() {
        let same = finding.place.pointer == place.pointer;
        return same && finding.place.document == place.document;
    }
    match (finding.place.span, place.span) {
        (Some(of), Some(at)) => of.start <= at.start && at.end <= of.end,
        // All of the file is what leaked.
        (None, _) => [&never_rotated::INFO, &leaked_value::INFO].contains(&finding.check),
        _ => false,
    }
}

/// Values in the messages of commits and tags.
fn in_messages(auditor: &Auditor<'_>, values: &[Current], needles: &Needles) -> Vec<Finding> {
    let history = auditor.history;
    let commits = (history.commits())
        .filter(|c| !auditor.known.contains(*c))
        .map(|c| (history.commit_id(c), false));
    let tags = auditor.audit.tips.iter().flat_map(|tip| tip.tags.clone());
    let mut all: Vec<(Oid, bool)> = commits.collect();
    let tags: BTreeSet<Oid> = tags.collect();
    all.extend(tags.into_iter().map(|tag| (tag, true)));
    let repo = auditor.audit.trees.repo();
    let found: Vec<Vec<Finding>> = all
        .par_iter()
        .map(|(id, is_tag)| {
            let Some(text) = repo.message(id).filter(|_| !auditor.options.is_late()) else {
                return Vec::new();
            };
            let body = memchr::memmem::find(&text, b"\n\n").map_or(0, |n| n + 2);
            let mut hits = Vec::new();
            needles.search(&text, body..text.len(), &mut hits);
            let met: BTreeSet<usize> = (hits.iter())
                .flat_map(|hit| needles.at(&text, hit.at as usize, usize::from(hit.len)))
                .map(|(value, _)| value)
                .collect();
            let of =
                |(n, value): (usize, usize)| in_message(auditor, &values[value], *id, *is_tag, n);
            met.into_iter().enumerate().map(of).collect()
        })
        .collect();
    found.into_iter().flatten().collect()
}

fn in_message(auditor: &Auditor<'_>, of: &Current, id: Oid, is_tag: bool, n: usize) -> Finding {
    let id = id.to_string();
    let what = if is_tag { "tag" } else { "commit" };
    let path = RepoPath::new(format!("message of {what} {id}"));
    let at = Finding::new(
        &never_rotated::INFO,
        &path,
        Place::default(),
        Message::default(),
    );
    let owner = auditor.path(of.owners[0]);
    let mut finding = checks::never_rotated_elsewhere(at, owner, &of.key);
    if of.lenient {
        finding.severity = Severity::Warning;
        finding.lenient = true;
    }
    finding.occurrence = u32::try_from(n).unwrap_or(u32::MAX);
    finding.origins_total = 1;
    finding.origins = vec![Origin {
        kind: OriginKind::Message,
        commit: Some(id),
        blob: None,
        reference: None,
    }];
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: &str, text: &str) -> bool {
        let current = Current {
            owners: Vec::new(),
            key: say![""],
            lenient: false,
            value: Value::new(value.as_bytes().to_vec()),
        };
        let needles = Needles::new(&[current]).unwrap();
        let mut hits = Vec::new();
        needles.search(text.as_bytes(), 0..text.len(), &mut hits);
        let at = |hit: &Hit| {
            needles
                .at(text.as_bytes(), hit.at as usize, usize::from(hit.len))
                .next()
                .is_some()
        };
        hits.iter().any(at)
    }

    #[test]
    fn values_are_found_whole() {
        let value = "kumquat-8f3kQ";
        for text in [
            "a: kumquat-8f3kQ\n",
            "postgres://u:kumquat-8f3kQ@h/db",
            "kumquat-8f3kQ",
            "x: a3VtcXVhdC04ZjNrUQ==\n",
            "x: a3VtcXVhdC04ZjNrUQo=\n",
        ] {
            assert!(found(value, text), "{text}");
        }
        for text in [
            "akumquat-8f3kQ",
            "kumquat-8f3kQ9",
            "a: ENC[AES256_GCM,data:kumquat-8f3kQ,iv:]",
            "a3VtcXVhdC04ZjNrUQxx",
            "kumquat-8f3k",
        ] {
            assert!(!found(value, text), "{text}");
        }
    }

    #[test]
    fn spellings_of_marks_and_lines() {
        assert!(found("it's \"kumquat\"", r#"{"a": "it's \"kumquat\""}"#));
        assert!(found("it's-kumquat-1", "a: 'it''s-kumquat-1'\n"));
        let lines = "first line\nsecond longer line 12\nthird\n";
        assert!(found(
            lines,
            "a: |\n    first line\n    second longer line 12\n    third\nb: 1\n"
        ));
        assert!(found(
            lines,
            r#"{"a": "first line\nsecond longer line 12\nthird\n"}"#
        ));
        assert!(!found(
            lines,
            "a: |\n    first line\n    second longer line 12\n    fourth\n"
        ));
        let long = "kumquat8f3kQ-".repeat(40);
        let encoded = base64::engine::general_purpose::STANDARD.encode(&long);
        let (a, b) = encoded.split_at(300);
        assert!(found(&long, &format!("x: |\n  {a}\n  {b}\n")));
        assert!(found(&long, &format!("x: {long}\n")));
        assert!(!found(&long, &format!("x: {}\n", &long[..500])));
    }

    #[test]
    fn common_values_are_not_looked_for() {
        for (key, value) in [
            ("password", "postgres"),
            ("password", "short"),
            ("host", "db-01.prod.example.internal"),
            ("url", "https://example.org/a/b"),
            ("replicas", "12345678"),
            ("enabled", "true"),
            ("username", "grafana-admin"),
            ("title", "A sentence with 12 words"),
            ("password", "<insert-password-here>"),
        ] {
            assert!(!is_worth_it(key, value.as_bytes()), "{key}: {value}");
        }
        for (key, value) in [
            ("password", "kumquat-8f3kQ"),
            ("password", "correcthorsebattery"),
            ("x", "Kumquat8f3kQ7Z"),
            ("url", "postgres://u:kumquat8f3kQ@h/db"),
        ] {
            assert!(is_worth_it(key, value.as_bytes()), "{key}: {value}");
        }
    }
}

//! Generated documents: which leaves and comments does sops encrypt, and which texts does it load?
//!
//! Every text value holds a marker such as `v10001x`, every comment one such as `c10002x`. After encryption a marker is
//! either still to be seen or not; that, and the number of encrypted values of each type, is compared document by
//! document. So the output of sops is read without any parser of ours.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sopsguard::sops::options::SelectionOptions;
use sopsguard::sops::scope::{CommentAt, LeafAt, PathPart, Visitor, Walk, walk};
use sopsguard::syntax::{Child, Document, Format, NodeId, ScalarType, parse};

use super::rng::Rng;
use super::sops::{Run, Sops, factor};

/// Selection options put to the test, as lines of a rule.
pub const OPTIONS: [&[(&str, &str)]; 13] = [
    &[],
    &[("encrypted_regex", "^(data|stringData)$")],
    &[("encrypted_regex", "^(pass.*|a/b|über)$")],
    &[("encrypted_suffix", "_secret")],
    &[("unencrypted_suffix", "_plain")],
    &[("unencrypted_regex", "^(kind|metadata|list)$")],
    &[("unencrypted_regex", "(?i)^KIND$|\\.")],
    &[("encrypted_comment_regex", "c[0-9]{4}[0-3]x")],
    &[("unencrypted_comment_regex", "c[0-9]{4}[0-3]x")],
    &[("encrypted_comment_regex", "c[0-9]{4}[4-9]x$")],
    &[("unencrypted_comment_regex", "^ ?c[0-9]{4}[4-9]x")],
    &[("encrypted_regex", "[")],
    &[("unencrypted_regex", "(?=x)")],
];

const KEYS: [&str; 26] = [
    "data",
    "stringData",
    "kind",
    "metadata",
    "list",
    "user",
    "password",
    "db_secret",
    "note_plain",
    "x_unencrypted",
    "a",
    "b",
    "c",
    "a/b",
    "dotted.key",
    "über",
    "\"quoted key\"",
    "'single: quoted'",
    "\"\"",
    "\"esc\\u0061ped\"",
    "yes",
    "on",
    "with space",
    "-dash",
    "?mark",
    "ключ",
];

/// What a document generator keeps count of.
pub struct Source<'r> {
    pub rng: &'r mut Rng,
    pub out: String,
    next: usize,
    anchors: Vec<(String, bool)>,
    /// In percent, how often a comment stands where one may.
    comments: usize,
}

impl<'r> Source<'r> {
    pub fn new(rng: &'r mut Rng, first: usize) -> Self {
        Self {
            rng,
            out: String::new(),
            next: first,
            anchors: Vec::new(),
            comments: 0,
        }
    }

    /// The next free marker number.
    pub fn next(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn marker(&mut self) -> String {
        format!("v{}x", self.next())
    }

    fn comment(&mut self) -> String {
        let n = self.next();
        let lead = self.rng.pick(&["# ", "#", "# ", "#  "]);
        let tail = self.rng.pick(&["", "", "", " ", " and more", ": x", " #"]);
        format!("{lead}c{n}x{tail}")
    }

    /// Comment lines, blank lines, or neither.
    fn between(&mut self, indent: usize) {
        if self.rng.chance(self.comments) {
            for _ in 0..1 + self.rng.below(3) {
                if self.rng.chance(25) {
                    self.out.push('\n');
                }
                let indent = match self.rng.below(10) {
                    0 => indent + 2,
                    1 => indent.saturating_sub(2),
                    2 => 0,
                    3 => indent + 1,
                    _ => indent,
                };
                let c = self.comment();
                let _ = writeln!(self.out, "{:indent$}{c}", "");
            }
        }
        if self.rng.chance(self.comments / 2) {
            for _ in 0..1 + self.rng.below(2) {
                self.out.push_str(self.rng.pick(&["\n", "\n", "  \n"]));
            }
        }
    }

    /// A comment behind something on its line, and the end of the line.
    fn tail(&mut self) {
        if self.rng.chance(self.comments) {
            let c = self.comment();
            self.out.push_str(self.rng.pick(&[" ", "  ", "\t", " "]));
            self.out.push_str(&c);
        } else if self.rng.chance(5) {
            self.out.push(' ');
        }
        self.out.push('\n');
    }

    /// One YAML document without its markers `---`.
    pub fn yaml(&mut self) {
        self.anchors.clear();
        self.comments = *self.rng.pick(&[&0, &10, &25, &40]);
        self.between(0);
        if self.rng.chance(2) {
            let m = self.marker();
            let _ = writeln!(self.out, "{{data: {m}, user: [1, 2]}}");
        } else {
            self.mapping(0, 0);
        }
        self.between(0);
    }

    fn keys(&mut self, count: usize) -> Vec<&'static str> {
        let mut keys: Vec<&'static str> = Vec::new();
        while keys.len() < count {
            let key = self.rng.pick(&KEYS);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// Entries at this indentation; the first one begins where the text stands.
    fn mapping(&mut self, indent: usize, depth: usize) {
        let count = 1 + self.rng.below(if depth == 0 { 5 } else { 3 });
        let keys = self.keys(count);
        for (i, key) in keys.iter().enumerate() {
            if i > 0 {
                self.between(indent);
                let _ = write!(self.out, "{:indent$}", "");
            }
            if depth > 0 && i > 0 && self.rng.chance(3) && self.anchors.iter().any(|(_, m)| *m) {
                let names: Vec<String> = self
                    .anchors
                    .iter()
                    .filter(|(_, m)| *m)
                    .map(|(n, _)| n.clone())
                    .collect();
                let name = &names[self.rng.below(names.len())];
                let _ = write!(self.out, "<<: *{name}");
                self.tail();
                let _ = write!(self.out, "{:indent$}", "");
            }
            if self.rng.chance(2) {
                let _ = write!(self.out, "? {key}");
                self.tail();
                let _ = write!(self.out, "{:indent$}:", "");
            } else {
                let _ = write!(self.out, "{key}:");
            }
            self.value(indent, depth, false);
        }
    }

    /// A value behind `key:` or `-`; ends its line.
    fn value(&mut self, indent: usize, depth: usize, in_list: bool) {
        let kind = self.rng.below(if depth >= 4 { 12 } else { 20 });
        match kind {
            0..=11 => {
                self.out.push(' ');
                self.scalar(indent);
            }
            12 | 13 => self.flow_line(indent),
            14..=16 => {
                if in_list {
                    // `- key: value` or the mapping on the next line.
                    if self.rng.chance(80) {
                        self.out.push(' ');
                        self.mapping(indent + 2, depth + 1);
                        return;
                    }
                }
                let anchor = self.anchor(true);
                self.tail();
                let deeper = indent + 1 + self.rng.below(4);
                self.between(deeper);
                let _ = write!(self.out, "{:deeper$}", "");
                self.mapping(deeper, depth + 1);
                self.anchors.extend(anchor);
            }
            _ => {
                if in_list && self.rng.chance(50) {
                    self.out.push(' ');
                    self.list(indent + 2, depth + 1, true);
                    return;
                }
                let anchor = self.anchor(false);
                self.tail();
                let deeper = if in_list || self.rng.chance(60) {
                    indent + 2
                } else {
                    indent
                };
                self.between(deeper);
                self.list(deeper, depth + 1, false);
                self.anchors.extend(anchor);
            }
        }
    }

    /// An anchor or tag in front of a mapping or list. It may be referred to once that is complete.
    fn anchor(&mut self, mapping: bool) -> Option<(String, bool)> {
        if self.rng.chance(12) {
            let name = format!("n{}", self.next());
            let _ = write!(self.out, " &{name}");
            return Some((name, mapping));
        }
        if self.rng.chance(2) {
            self.out.push_str(if mapping { " !!map" } else { " !!seq" });
        }
        None
    }

    fn list(&mut self, indent: usize, depth: usize, first_is_placed: bool) {
        for i in 0..1 + self.rng.below(3) {
            if i > 0 {
                self.between(indent);
            }
            if i > 0 || !first_is_placed {
                let _ = write!(self.out, "{:indent$}", "");
            }
            self.out.push('-');
            self.value(indent, depth, true);
        }
    }

    fn flow_line(&mut self, indent: usize) {
        self.out.push(' ');
        let many = self.rng.chance(30);
        self.flow(indent + 4, many, 0);
        self.tail();
    }

    fn flow(&mut self, indent: usize, lines: bool, depth: usize) {
        let mapping = self.rng.chance(50);
        self.out.push(if mapping { '{' } else { '[' });
        let count = self.rng.below(4);
        let keys = self.keys(count);
        for (i, key) in keys.iter().enumerate() {
            if lines {
                self.tail();
                self.between(indent);
                let _ = write!(self.out, "{:indent$}", "");
            }
            if mapping {
                let key = key.trim_start_matches(['-', '?']);
                let _ = write!(self.out, "{key}: ");
            }
            match self.rng.below(if depth < 2 { 8 } else { 6 }) {
                0 => self.out.push_str("null"),
                1 => {
                    let n = self.next();
                    let _ = write!(self.out, "9{n}");
                }
                2 => {
                    let m = self.marker();
                    let _ = write!(self.out, "\"{m} text\"");
                }
                3 if !self.anchors.is_empty() && self.rng.chance(20) => self.alias(),
                6 | 7 => self.flow(indent + 2, lines, depth + 1),
                _ => {
                    let m = self.marker();
                    self.out.push_str(&m);
                }
            }
            if i + 1 < keys.len() || self.rng.chance(15) {
                self.out.push_str(self.rng.pick(&[", ", ",", " , "]));
            }
        }
        if lines && !keys.is_empty() {
            self.tail();
            self.between(indent);
            let _ = write!(self.out, "{:indent$}", "");
        }
        self.out.push(if mapping { '}' } else { ']' });
    }

    fn alias(&mut self) {
        let open = self.anchors.len();
        if open == 0 {
            let m = self.marker();
            self.out.push_str(&m);
            return;
        }
        let name = self.anchors[self.rng.below(open)].0.clone();
        let _ = write!(self.out, "*{name} ");
    }

    fn scalar(&mut self, indent: usize) {
        if self.rng.chance(6) {
            let name = format!("n{}", self.next());
            let _ = write!(self.out, "&{name} ");
            let m = self.marker();
            self.out.push_str(&m);
            self.anchors.push((name, false));
            self.tail();
            return;
        }
        match self.rng.below(24) {
            0 => {
                let text = self.rng.pick(&[
                    "null",
                    "~",
                    "",
                    "\"\"",
                    "''",
                    "!!str",
                    "!!str null",
                    "!!null ''",
                ]);
                self.out.push_str(text);
            }
            1 => {
                let n = self.next();
                let _ = write!(self.out, "9{n}");
            }
            2 => {
                let text = self.rng.pick(&[
                    "true", "false", "True", "FALSE", "yes", "no", "on", "Off", "y", "n", "tRue",
                ]);
                self.out.push_str(text);
            }
            3 => {
                let text = self.rng.pick(&[
                    "1.5",
                    "-0.25",
                    "1e3",
                    ".5",
                    "5.",
                    "1_000.5",
                    ".inf",
                    "-.Inf",
                    ".nan",
                    "0x1F",
                    "0o17",
                    "017",
                    "0b101",
                    "-12",
                    "+3",
                    "1_000",
                    "0",
                    "-0",
                    "08",
                    "1e",
                    "0x",
                    "._",
                    "1.2.3",
                    "1:30",
                    "12e03",
                    "0.0",
                    "+.5",
                    "1E+2",
                    "0b2",
                    "-0x1",
                    "- 5",
                    "1__2",
                    "_1",
                    "1_",
                    "9223372036854775807",
                    "-9223372036854775808",
                    "0o8",
                    "09.5",
                    "1e400",
                    "0x1p3",
                    "infinity",
                    "NaN",
                ]);
                self.out.push_str(text);
            }
            4 => {
                let text = self.rng.pick(&[
                    "2024-01-02",
                    "2024-1-2",
                    "2024-01-02T03:04:05Z",
                    "2024-01-02 03:04:05",
                    "2024-01-02t03:04:05.678+01:00",
                    "2024-13-02",
                    "2024-02-30",
                    "2024-01-02T3:04:05Z",
                    "2024-01-02 03:04:05 -5",
                    "2024-01-02 03:04:05 +01:00",
                    "20240102",
                    "2024-01",
                    "2024-01-02T03:04Z",
                    "2024-01-02T03:04:05",
                    "24-01-02",
                    "2024-01-02T25:04:05Z",
                    "2024-01-02T03:04:05.Z",
                    "2024-01-02  03:04:05",
                    "2024-01-02T03:04:05+0100",
                    "2024-01-02T03:04:05+01",
                    "2024-01-02 03:04:05Z",
                    "2024-01-02 03:04:05.5 Z",
                ]);
                self.out.push_str(text);
            }
            5 => {
                let m = self.marker();
                let _ = write!(self.out, "\"{m} # no comment\\n \\u00e9\"");
            }
            6 => {
                let m = self.marker();
                let _ = write!(self.out, "'{m} it''s: x'");
            }
            7 | 8 => {
                let head = self.rng.pick(&["|", "|-", "|+", ">", ">-", ">+", "|2"]);
                self.out.push_str(head);
                self.tail();
                let deeper = indent + 2;
                for _ in 0..1 + self.rng.below(3) {
                    let m = self.marker();
                    let lead = self.rng.pick(&["", "", "# no comment ", "- ", "k: "]);
                    let _ = writeln!(self.out, "{:deeper$}{lead}{m}", "");
                    if self.rng.chance(20) {
                        self.out.push('\n');
                    }
                }
                return;
            }
            9 => {
                // Plain text over several lines.
                let m = self.marker();
                let deeper = indent + 2;
                let _ = write!(self.out, "{m}\n{:deeper$}and {m}", "");
            }
            10 if !self.anchors.is_empty() => self.alias(),
            11 => {
                let m = self.marker();
                let tag = self.rng.pick(&[
                    "!!str",
                    "!custom",
                    "!",
                    "!!binary",
                    "!<tag:yaml.org,2002:str>",
                ]);
                if tag == "!!binary" {
                    let _ = write!(self.out, "{tag} aGVsbG8=");
                } else {
                    let _ = write!(self.out, "{tag} {m}");
                }
            }
            12 => {
                let m = self.marker();
                let deeper = indent + 2;
                let _ = write!(self.out, "\"{m}\n{:deeper$}more {m} # still text\"", "");
            }
            _ => {
                let m = self.marker();
                let more = self.rng.pick(&[
                    "", "", "", " word", "#hash", ":colon", " - dash", "/ü", " {x}", "'s",
                ]);
                let _ = write!(self.out, "{m}{more}");
            }
        }
        self.tail();
    }
}

/// What is to be seen of one document after encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// How often each marker stands in the clear: values and comments.
    pub clear: BTreeMap<String, usize>,
    /// How many encrypted values there are of each type.
    pub encrypted: BTreeMap<String, usize>,
}

/// Markers of a text: `v` or `c`, digits, `x`. Five digits at least, so that no ciphertext looks like one by chance.
pub fn markers(text: &str, into: &mut BTreeMap<String, usize>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if matches!(bytes[at], b'v' | b'c') {
            let digits = bytes[at + 1..]
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count();
            if digits >= 5 && bytes.get(at + 1 + digits) == Some(&b'x') {
                *into
                    .entry(text[at..at + digits + 2].to_owned())
                    .or_default() += 1;
                at += digits + 2;
                continue;
            }
        }
        at += 1;
    }
}

/// Reads the output of sops: values by their form, without a parser.
pub fn sight_of_output(text: &str) -> Sight {
    let mut sight = Sight::default();
    let mut rest = text;
    let mut clear = String::new();
    while let Some(start) = rest.find("ENC[AES256_GCM,") {
        clear.push_str(&rest[..start]);
        let end = rest[start..].find(']').map_or(rest.len(), |e| start + e);
        let value = &rest[start..end];
        let ty = value.rsplit_once("type:").map_or("?", |(_, t)| t);
        *sight.encrypted.entry(ty.to_owned()).or_default() += 1;
        rest = &rest[end..];
        clear.push(' ');
    }
    clear.push_str(rest);
    markers(&clear, &mut sight.clear);
    sight
}

/// Whether sops, which has this comment in its tree, may lose it when it writes the file: a comment before the first item
/// of a list that is empty, or whose first item is a mapping or list that begins with a comment itself, and one on the line
/// of, or below, an item that is a mapping or list.
fn may_vanish(doc: &Document<'_>, at: &CommentAt<'_, '_>) -> bool {
    let Some(mut list) = doc.root() else {
        return false;
    };
    for part in at.path {
        let next = match part {
            PathPart::Key(key) => doc.entries(list).find(|(k, _)| k == key).map(|(_, v)| v),
            PathPart::Index(i) => doc.items(list).nth(*i),
        };
        let Some(next) = next else { return false };
        list = next;
    }
    if !doc.is_sequence(list) {
        return false;
    }
    // The inline comment of an item that is a mapping or list itself.
    let next = doc
        .children(list)
        .iter()
        .skip_while(|c| !matches!(c, Child::Comment(c) if c.span == at.comment.span))
        .find_map(|c| match c {
            Child::Item(item) => Some(*item),
            _ => None,
        });
    if next.is_some_and(|item| {
        at.comment.span.start > doc.node(item).span.start && doc.scalar(item).is_none()
    }) {
        return true;
    }
    // One behind the last item, where that is a mapping or list.
    let container = |item: NodeId| doc.scalar(item).is_none();
    if next.is_none() && doc.items(list).last().is_some_and(container) {
        return true;
    }
    let leads = doc
        .children(list)
        .iter()
        .take_while(|c| !matches!(c, Child::Item(_)))
        .any(|c| matches!(c, Child::Comment(c) if c.span == at.comment.span));
    leads
        && doc
            .items(list)
            .next()
            .is_none_or(|first| matches!(doc.children(first).first(), Some(Child::Comment(_))))
}

/// What the library says of one document; `theirs` only tells which comments sops lost while writing.
pub fn sight_of_library(
    doc: &Document<'_>,
    options: Option<&SelectionOptions>,
    theirs: &Sight,
) -> Sight {
    struct Look<'d, 't> {
        doc: &'d Document<'t>,
        sight: Sight,
        may_vanish: BTreeMap<String, usize>,
    }
    impl<'t> Visitor<'t> for Look<'_, 't> {
        fn leaf(&mut self, leaf: LeafAt<'_>) {
            let Some(scalar) = self.doc.scalar(leaf.node) else {
                return;
            };
            if leaf.must_be_encrypted() {
                let ty = match scalar.ty {
                    ScalarType::Str | ScalarType::Binary => "str",
                    ScalarType::Int => "int",
                    ScalarType::Float => "float",
                    ScalarType::Bool => "bool",
                    ScalarType::Time => "time",
                    ScalarType::Null => "null",
                };
                *self.sight.encrypted.entry(ty.to_owned()).or_default() += 1;
            } else if !leaf.inert {
                markers(&scalar.text, &mut self.sight.clear);
            }
        }

        fn comment(&mut self, c: CommentAt<'_, 't>) {
            if !c.must_be_encrypted && may_vanish(self.doc, &c) {
                markers(&c.comment.text, &mut self.may_vanish);
            }
            if c.must_be_encrypted {
                *self
                    .sight
                    .encrypted
                    .entry("comment".to_owned())
                    .or_default() += 1;
            } else {
                markers(&c.comment.text, &mut self.sight.clear);
            }
        }
    }
    let mut look = Look {
        doc,
        sight: Sight::default(),
        may_vanish: BTreeMap::new(),
    };
    assert_eq!(walk(doc, options, None, &mut look), Walk::Whole);
    // A damaged text may have a marker in a key, which stands in the clear whatever the options.
    for id in 0..doc.len() {
        for (key, _) in doc.entries(id as NodeId) {
            let mut own = BTreeMap::new();
            markers(doc.text(key).unwrap_or(""), &mut own);
            for marker in own.into_keys() {
                if let Some(n) = theirs.clear.get(&marker) {
                    look.sight.clear.insert(marker, *n);
                }
            }
        }
    }
    for marker in look
        .may_vanish
        .keys()
        .filter(|m| !theirs.clear.contains_key(*m))
    {
        look.sight.clear.remove(marker);
    }
    look.sight
}

/// The options of a rule, as the library holds them.
pub fn selection(options: &[(&str, &str)]) -> SelectionOptions {
    let mut out = SelectionOptions::default();
    for (name, value) in options {
        assert!(out.set(name, value, Default::default()), "{name}");
    }
    out.with_default()
}

/// A config with one rule.
pub fn config(options: &[(&str, &str)], mac_only: bool) -> String {
    let mut out = format!(
        "creation_rules:\n  - age: {}\n",
        super::configs::RECIPIENTS[0]
    );
    for (name, value) in options {
        let _ = writeln!(out, "    {name}: '{value}'");
    }
    if mac_only {
        out.push_str("    mac_only_encrypted: true\n");
    }
    out
}

/// How a comparison went.
#[derive(Default)]
pub struct Tally {
    pub documents: usize,
    /// Both refuse, or sops alone does.
    pub refused: usize,
    /// Known: sops loads it, we tell a problem (see [`stricter`]).
    pub stricter: usize,
    pub laxer: usize,
    pub differences: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.documents += other.documents;
        self.refused += other.refused;
        self.laxer += other.laxer;
        self.stricter += other.stricter;
        self.differences.extend(other.differences);
    }

    pub fn report(&self, what: &str, at_least: usize) {
        println!(
            "{what}: {} compared, {} refused by sops, of these {} whole for us; {} known to be refused by us alone, {} differences",
            self.documents,
            self.refused,
            self.laxer,
            self.stricter,
            self.differences.len()
        );
        let shown: String = self
            .differences
            .iter()
            .take(if factor() > 1 { 400 } else { 25 })
            .map(|d| format!("=====\n{d}\n"))
            .collect();
        assert!(
            self.differences.is_empty(),
            "{what}: {} of {} differ:\n{shown}",
            self.differences.len(),
            self.documents
        );
        assert!(
            self.documents >= at_least,
            "{what}: only {} compared",
            self.documents
        );
    }
}

/// Encrypts with the given options; the extension of the file is that of the format.
pub fn run(
    sops: &Sops,
    worker: usize,
    options: &[(&str, &str)],
    mac_only: bool,
    format: Format,
    text: &str,
) -> Run {
    let path = sops.dir.path().join(format!("rules-{worker}.yaml"));
    std::fs::write(&path, config(options, mac_only)).unwrap();
    let name = sops.dir.path().join("file");
    sops.encrypt(
        worker,
        &path,
        &name,
        (format.as_str(), format.as_str()),
        text.as_bytes(),
    )
}

/// Compares YAML documents, all in one run where sops takes them all.
pub fn compare_yaml(
    sops: &Sops,
    worker: usize,
    options: &[(&str, &str)],
    mac_only: bool,
    texts: &[String],
) -> Tally {
    let mut tally = Tally::default();
    let stream = texts.join("---\n");
    let run = run(sops, worker, options, mac_only, Format::Yaml, &stream);
    let parsed = parse(&stream, Format::Yaml);
    if run.code != 0 {
        if texts.len() > 1 {
            for text in texts {
                tally.add(compare_yaml(
                    sops,
                    worker,
                    options,
                    mac_only,
                    std::slice::from_ref(text),
                ));
            }
            return tally;
        }
        tally.refused += 1;
        tally.documents += 1;
        if run.err.contains("panic:") {
            tally
                .differences
                .push(format!("sops panics: {}\n{stream}", run.err));
        }
        if parsed.is_whole() {
            tally.laxer += 1;
        }
        return tally;
    }
    let outputs: Vec<&str> = run
        .out
        .split_inclusive('\n')
        .fold(vec![(0, 0)], |mut parts: Vec<(usize, usize)>, line| {
            let end = parts.last().map_or(0, |p| p.1);
            if line == "---\n" {
                parts.push((end + 4, end + 4))
            } else {
                parts.last_mut().unwrap().1 = end + line.len()
            }
            parts
        })
        .into_iter()
        .map(|(a, b)| &run.out[a..b])
        .collect();
    let options = selection(options);
    if !parsed.is_whole() || parsed.documents.len() != outputs.len() {
        if texts.len() > 1 {
            for text in texts {
                tally.add(compare_yaml(
                    sops,
                    worker,
                    &options_as_lines(&options),
                    mac_only,
                    std::slice::from_ref(text),
                ));
            }
            if tally.differences.is_empty() {
                tally.differences.push(format!(
                    "together: {:?}, {} documents instead of {}\n{stream}",
                    parsed.problems,
                    parsed.documents.len(),
                    outputs.len()
                ));
            }
            return tally;
        }
        tally.documents += 1;
        if stricter(
            Format::Yaml,
            &stream,
            parsed.problems.first().map(|p| p.span.start),
        ) {
            tally.stricter += 1;
            return tally;
        }
        tally.differences.push(format!(
            "sops loads it, we do not: {:?}, {} documents instead of {}\n{stream}",
            parsed.problems,
            parsed.documents.len(),
            outputs.len()
        ));
        return tally;
    }
    for (i, (doc, output)) in parsed.documents.iter().zip(&outputs).enumerate() {
        tally.documents += 1;
        let output = &without_metadata(output);
        let theirs = sight_of_output(output);
        let ours = sight_of_library(doc, Some(&options), &theirs);
        if theirs != ours && odd_characters(&stream) {
            // The line ends of YAML 1.1 make other keys and values for go-yaml.
            tally.stricter += 1;
        } else if theirs != ours {
            let input = texts
                .get(i)
                .filter(|_| texts.len() == outputs.len())
                .unwrap_or(&stream);
            tally.differences.push(format!(
                "{:?}\n{}--- input\n{input}--- output\n{output}",
                options.described(),
                difference(&theirs, &ours)
            ));
        }
    }
    tally
}

/// Texts that sops loads and we report as broken, which is the safe side. None of them is written by a tool:
///
/// * JSON that ends in the middle (sops takes what is there), or with half of a surrogate pair or a DEL character;
/// * YAML with line ends of YAML 1.1 (U+0085, U+2028, U+2029), a lone CR, a byte order mark inside, or DEL;
/// * YAML with quoted text or flow brackets that go on left of their parent, or `#` right behind a bracket or quote.
fn stricter(format: Format, text: &str, problem: Option<usize>) -> bool {
    if odd_characters(text) {
        return true;
    }
    match format {
        Format::Json => match serde_json::from_str::<serde_json::Value>(text) {
            Err(e) => {
                e.is_eof()
                    || e.to_string().contains("surrogate")
                    || e.to_string().contains("hex escape")
            }
            Ok(_) => false,
        },
        Format::Yaml => {
            let Some((before, after)) = problem.and_then(|at| text.split_at_checked(at)) else {
                return false;
            };
            let line = format!(
                "{}{}",
                before.rsplit('\n').next().unwrap_or(""),
                after.split('\n').next().unwrap_or("")
            );
            let left = before.contains(['"', '\'', '[', '{']);
            let hash = ["]#", "}#", "\"#", "'#", ",#", "[#", "{#"]
                .iter()
                .any(|p| line.contains(p));
            left || hash
        }
        _ => false,
    }
}

fn repeats_a_key(doc: &Document<'_>) -> bool {
    (0..doc.len()).any(|id| {
        let mut seen = std::collections::BTreeSet::new();
        doc.root() != Some(id as NodeId)
            && doc
                .entries(id as NodeId)
                .any(|(k, _)| !seen.insert(doc.text(k)))
    })
}

fn odd_characters(text: &str) -> bool {
    text.contains(['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}', '\u{7f}'])
        || text.replace("\r\n", "").contains('\r')
}

/// The metadata is the last entry; a comment that sops moved behind its key, on the line or under it, is kept.
fn without_metadata(output: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for line in output.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("sops:") {
            inside = true;
            out.push_str(rest);
        } else if !inside || !line.starts_with(' ') || line.trim_start().starts_with('#') {
            out.push_str(line);
        }
    }
    out
}

fn options_as_lines(options: &SelectionOptions) -> Vec<(&str, &str)> {
    options.described()
}

fn difference(theirs: &Sight, ours: &Sight) -> String {
    let mut out = String::new();
    let mut side = |what: &str, a: &BTreeMap<String, usize>, b: &BTreeMap<String, usize>| {
        for (key, n) in a {
            let m = b.get(key).copied().unwrap_or(0);
            if *n != m {
                let _ = writeln!(out, "{what} {key}: sops {n}, we {m}");
            }
        }
        for (key, m) in b.iter().filter(|(k, _)| !a.contains_key(*k)) {
            let _ = writeln!(out, "{what} {key}: sops 0, we {m}");
        }
    };
    side("clear", &theirs.clear, &ours.clear);
    side("encrypted", &theirs.encrypted, &ours.encrypted);
    out
}

/// Runs one text of a format other than YAML and compares the whole.
pub fn compare_text(
    sops: &Sops,
    worker: usize,
    options: &[(&str, &str)],
    mac_only: bool,
    format: Format,
    text: &str,
    documents: usize,
) -> Tally {
    let mut tally = Tally {
        documents,
        ..Tally::default()
    };
    let run = run(sops, worker, options, mac_only, format, text);
    let parsed = parse(text, format);
    if run.code != 0 {
        tally.refused += documents;
        tally.laxer += usize::from(parsed.is_whole());
        if run.err.contains("panic:") {
            tally
                .differences
                .push(format!("sops panics: {}\n{text}", run.err));
        }
        return tally;
    }
    if !parsed.is_whole() {
        if stricter(format, text, None) {
            tally.stricter += 1;
            return tally;
        }
        tally.differences.push(format!(
            "sops loads it, we do not: {:?}\n{text}",
            parsed.problems
        ));
        return tally;
    }
    let selection = selection(options);
    let (output, keep) = match format {
        Format::Ini => (
            run.out.split("[sops]").next().unwrap_or("").to_owned(),
            true,
        ),
        Format::Dotenv => (
            run.out
                .lines()
                .filter(|l| !l.starts_with("sops_"))
                .map(|l| format!("{l}\n"))
                .collect(),
            true,
        ),
        _ => (String::new(), false),
    };
    if keep {
        let theirs = sight_of_output(&output);
        let ours = sight_of_library(&parsed.documents[0], Some(&selection), &theirs);
        if theirs != ours && format == Format::Ini && repeats_a_key(&parsed.documents[0]) {
            // go-ini keeps the last value only, at the place of the first; we judge both.
            tally.stricter += 1;
        } else if theirs != ours {
            tally.differences.push(format!(
                "{options:?}\n{}--- input\n{text}--- output\n{output}",
                difference(&theirs, &ours)
            ));
        }
        return tally;
    }
    // JSON and binary: an independent reader, leaf by leaf.
    let Ok(serde_json::Value::Object(mut map)) = serde_json::from_str(&run.out) else {
        tally
            .differences
            .push(format!("no JSON object: {}", run.out));
        return tally;
    };
    map.remove("sops");
    let mut theirs = BTreeMap::new();
    leaves(&serde_json::Value::Object(map), String::new(), &mut theirs);
    let doc = if format == Format::Binary {
        Document::opaque(text)
    } else {
        parsed.documents.into_iter().next().unwrap_or_default()
    };
    let mut ours = BTreeMap::new();
    let selection = if format == Format::Binary {
        SelectionOptions::default()
    } else {
        selection
    };
    walk(&doc, Some(&selection), None, &mut |leaf: LeafAt<'_>| {
        let mut pointer = String::new();
        for part in leaf.path {
            match part {
                PathPart::Key(k) => pointer.push_str(&format!(
                    "/{}",
                    doc.text(*k)
                        .unwrap_or("?")
                        .replace('~', "~0")
                        .replace('/', "~1")
                )),
                PathPart::Index(i) => pointer.push_str(&format!("/{i}")),
            }
        }
        ours.insert(pointer, leaf.must_be_encrypted());
    });
    if theirs != ours {
        let only: Vec<_> = theirs
            .iter()
            .filter(|(k, v)| ours.get(*k) != Some(v))
            .chain(ours.iter().filter(|(k, v)| theirs.get(*k) != Some(v)))
            .take(20)
            .collect();
        tally
            .differences
            .push(format!("{options:?}: {only:?}\n{text}"));
    }
    tally
}

/// Pointers of all scalars, and whether each is encrypted.
pub fn leaves(value: &serde_json::Value, at: String, into: &mut BTreeMap<String, bool>) {
    match value {
        serde_json::Value::Object(map) => map.iter().for_each(|(k, v)| {
            leaves(
                v,
                format!("{at}/{}", k.replace('~', "~0").replace('/', "~1")),
                into,
            )
        }),
        serde_json::Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(i, v)| leaves(v, format!("{at}/{i}"), into)),
        other => {
            into.insert(
                at,
                other
                    .as_str()
                    .is_some_and(|s| s.starts_with("ENC[AES256_GCM,")),
            );
        }
    }
}

const JSON_KEYS: [&str; 17] = [
    "data",
    "stringData",
    "kind",
    "metadata",
    "list",
    "user",
    "password",
    "db_secret",
    "note_plain",
    "x_unencrypted",
    "a/b",
    "dotted.key",
    "über",
    "",
    "q\\\"uote",
    "\\u0064ata",
    "<<",
];

impl Source<'_> {
    /// A JSON object; all keys of one object differ.
    pub fn json_object(&mut self, depth: usize) {
        let pretty = self.rng.chance(50);
        self.out.push('{');
        let mut used: Vec<&str> = Vec::new();
        for _ in 0..self.rng.below(5) {
            let key = self.rng.pick(&JSON_KEYS);
            // The escaped key is `data` too.
            if used.contains(&key)
                || (key.ends_with("ata") && used.iter().any(|u| *u == "data" || *u == "\\u0064ata"))
            {
                continue;
            }
            self.out.push_str(if used.is_empty() { "" } else { "," });
            self.out.push_str(if pretty { "\n\t" } else { "" });
            used.push(key);
            let _ = write!(
                self.out,
                "\"{key}\"{}",
                self.rng.pick(&[":", ": ", " :\n "])
            );
            self.json_value(depth + 1);
        }
        self.out.push_str(self.rng.pick(&["}", "\n}", " }"]));
    }

    fn json_value(&mut self, depth: usize) {
        match self.rng.below(if depth > 4 { 10 } else { 15 }) {
            0 => self
                .out
                .push_str(self.rng.pick(&["null", "\"\"", "[]", "{}"])),
            1 => self.out.push_str(self.rng.pick(&["true", "false"])),
            2 | 3 => self.out.push_str(self.rng.pick(&[
                "1",
                "-5",
                "0",
                "1.5",
                "1e3",
                "-2.5E-3",
                "9223372036854775807",
                "123456789012345678901234567890",
                "-0",
                "0.1e1",
            ])),
            10..=12 => self.json_object(depth),
            13 | 14 => {
                self.out.push('[');
                for i in 0..self.rng.below(4) {
                    self.out.push_str(if i > 0 { ", " } else { "" });
                    self.json_value(depth + 1);
                }
                self.out.push(']');
            }
            _ => {
                let m = self.marker();
                let more = self.rng.pick(&[
                    "",
                    " text",
                    "\\n",
                    "\\u00e9",
                    "\\ud83d\\ude00",
                    "\\/",
                    "\\\"",
                    "# no comment",
                    ": x",
                    "ü",
                    "\\\\",
                ]);
                let _ = write!(self.out, "\"{m}{more}\"");
            }
        }
    }

    /// A dotenv file.
    pub fn dotenv(&mut self) {
        for _ in 0..self.rng.below(12) {
            match self.rng.below(8) {
                0 | 1 => {
                    let c = self.comment();
                    let _ = writeln!(self.out, "{c}");
                }
                2 => self.out.push_str(if self.rng.chance(3) {
                    "no value\n"
                } else {
                    "\n"
                }),
                _ => {
                    let n = self.next();
                    let key = self.rng.pick(&[
                        "data",
                        "password",
                        "db_secret",
                        "note_plain",
                        "KEY",
                        "export A",
                        " lead",
                        "a.b",
                        "x_unencrypted",
                        "kind",
                        "",
                        "über",
                        "K ",
                    ]);
                    let unique = if self.rng.chance(40) {
                        format!("{n}")
                    } else {
                        String::new()
                    };
                    let m = self.marker();
                    let value = self
                        .rng
                        .pick(&[
                            "", "M", "M", "\"M\"", "'M'", "M # M", "M=M", " M ", "M\\nM", "\"M",
                            "#M", "M\r", "\t",
                        ])
                        .replace('M', &m);
                    let _ = writeln!(self.out, "{unique}{key}={value}");
                }
            }
        }
    }

    /// An INI file.
    pub fn ini(&mut self, wild: bool) {
        for s in 0..self.rng.below(5) {
            if s > 0 || self.rng.chance(50) {
                self.ini_comments();
                let n = self.next();
                let name = self.rng.pick(&[
                    "data", "kind", "metadata", " padded ", "a.b", "a]b", "S", "über", "DEFAULT",
                    "list",
                ]);
                let name = if self.rng.chance(50) {
                    format!("{name}{n}")
                } else {
                    name.to_owned()
                };
                let _ = write!(self.out, "{}[{name}]", self.rng.pick(&["", "", " "]));
                self.ini_tail();
            }
            for _ in 0..self.rng.below(5) {
                self.ini_comments();
                self.ini_entry(wild);
            }
        }
        self.ini_comments();
    }

    fn ini_comments(&mut self) {
        for _ in 0..[0, 0, 0, 1, 1, 2][self.rng.below(6)] {
            let c = self.comment();
            let c = if self.rng.chance(40) {
                c.replace('#', ";")
            } else {
                c
            };
            let _ = writeln!(self.out, "{}{c}", self.rng.pick(&["", "", "  "]));
        }
        if self.rng.chance(20) {
            self.out.push('\n');
        }
    }

    fn ini_tail(&mut self) {
        if self.rng.chance(20) {
            let c = self.comment();
            let _ = write!(self.out, "{}{c}", self.rng.pick(&[" ", "", "\t"]));
        }
        self.out
            .push_str(self.rng.pick(&["\n", "\n", "\n", " \n", "\r\n"]));
    }

    fn ini_entry(&mut self, wild: bool) {
        let n = self.next();
        let m = self.marker();
        let key = self.rng.pick(&[
            "data",
            "password",
            "db_secret",
            "note_plain",
            "key",
            "a.b",
            "x_unencrypted",
            "kind",
            "with space",
            "über",
        ]);
        // A name twice in a section is another question: go-ini keeps the last value only.
        let key =
            if key.ends_with("secret") || key.ends_with("plain") || key.ends_with("unencrypted") {
                format!("k{n}{key}")
            } else {
                format!("{key}{n}")
            };
        let key = match self.rng.below(12) {
            0 => format!("\"{key}\""),
            1 => format!("`{key}`"),
            2 => format!("  {key}"),
            3 if wild => format!("\"\"\"{key}\"\"\""),
            4 if wild => self
                .rng
                .pick(&["-", "", "\"", "[", "'q'", "\"a\"b", "`"])
                .to_owned(),
            _ => key,
        };
        let split = self.rng.pick(&["=", " = ", ":", " : ", " =", "= "]);
        let values: &[&str] = if wild {
            &[
                "M",
                "M\\\nM",
                "M\\\n\n",
                "\"\"\"M\nM\"\"\"",
                "\"\"\"M\"\"\" ; M",
                "`M\nM` # M",
                "`M`",
                "\"\"\"",
                "\"\"\"M",
                "`M",
                "M\\",
                "'M'M'",
                "\"M",
                "\"\"\"M\n M\"\"\" \\\nM\"\"\"",
                "\"\"\"\"\"\"",
                "``",
                "%(M)s",
                "\\",
            ]
        } else {
            &[
                "M",
                "M",
                "M",
                "\"M\"",
                "'M'",
                "\"M\" M",
                "M M",
                "M;M",
                "M # M",
                "",
                "\"\"",
                "`M # M`",
                "\"\"\"M ; M\"\"\"",
                "M=M",
                "M:M",
                "http://M/x",
                "\"M;M\"",
                "\\M",
            ]
        };
        let value = self.rng.pick(values).replace('M', &m);
        let _ = write!(self.out, "{key}{split}{value}");
        if value.contains('\n') || value.ends_with('\\') {
            self.out.push('\n')
        } else {
            self.ini_tail()
        }
    }
}

/// A text with a few characters changed, so that it may be none of its format any more.
pub fn damage(rng: &mut Rng, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..1 + rng.below(3) {
        let at = rng.below(chars.len().max(1)).min(chars.len());
        match rng.below(4) {
            0 if at < chars.len() => {
                chars.remove(at);
            }
            1 if at < chars.len() => {
                chars[at] = *rng.pick(&[&' ', &':', &'#', &'-', &'"', &'\n', &','])
            }
            2 => {
                // A line twice, or one less.
                let line: Vec<char> = chars[at..]
                    .iter()
                    .take_while(|c| **c != '\n')
                    .copied()
                    .collect();
                if rng.chance(50) {
                    chars.splice(at..at, line.into_iter().chain(['\n']));
                } else {
                    chars.drain(at..at + line.len());
                }
            }
            _ => chars.insert(
                at,
                *rng.pick(&[
                    &' ',
                    &'\t',
                    &'#',
                    &'-',
                    &':',
                    &'"',
                    &'\'',
                    &'[',
                    &']',
                    &'{',
                    &'}',
                    &',',
                    &'&',
                    &'*',
                    &'!',
                    &'|',
                    &'>',
                    &'%',
                    &'@',
                    &'\n',
                    &'\r',
                    &'=',
                    &'\\',
                    &'?',
                    &'<',
                    &'x',
                    &'0',
                    &'\u{85}',
                    &'\u{2028}',
                    &'\u{feff}',
                    &'\u{7f}',
                ]),
            ),
        }
    }
    chars.into_iter().collect()
}

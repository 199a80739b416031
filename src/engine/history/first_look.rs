//! The first look at a version: could it leak, and is it an envelope?
//!
//! Judged without its commit, under every rule that could have governed it: nothing stands beside it and nothing before it.
//! What this finds is judged again where it was introduced; what it does not find cannot be found there, but for what only a
//! commit can tell (a file that was encrypted before, a copy of an encrypted one, a generator), which the caller adds.

use std::hash::{BuildHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use foldhash::quality::RandomState;

use crate::checks;
use crate::engine::versions::is_of_leaks;
use crate::model::RepoPath;
use crate::settings::Policy;
use crate::sops::options::{Pattern, SelectionOptions};
use crate::sops::recipients::KeyEntry;
use crate::sops::scope::{LeafAt, PathPart, walk};
use crate::sops::value::{self, Judged};
use crate::subject::{Adoption, ConfigSet, Neighbourhood, Source, Subject, format_meant, standing};
use crate::syntax::{Document, Format, decode, parse_values};

/// What a first look tells.
#[derive(Default)]
pub(super) struct Looked {
    /// Whether something was found, or it could not be judged.
    pub(super) suspicious: bool,
    /// Whether a generator in it names files.
    pub(super) generates: bool,
    /// What it is if it carries metadata.
    pub(super) envelope: Option<Envelope>,
}

/// An encrypted version.
pub(super) struct Envelope {
    /// Who can read it.
    pub(super) recipients: Vec<KeyEntry>,
    /// Its encrypted leaves, in order.
    pub(super) leaves: Vec<Leaf>,
    /// Whether the whole file is one encrypted value.
    pub(super) opaque: bool,
    /// Which leaves it says to encrypt.
    selection: [Option<String>; 6],
}

impl Envelope {
    /// Whether a plain file has at least half of the leaves of one of them, with values as long as they are there.
    pub(super) fn resembled(envelopes: &[&Self], path: &RepoPath, bytes: &[u8]) -> bool {
        let opaque = |e: &&&Self| e.opaque;
        let as_long =
            |e: &&Self| (e.leaves.first()).is_some_and(|l| l.length as usize == bytes.len());
        if envelopes.iter().filter(opaque).any(as_long) {
            return true;
        }
        let decoded = decode(bytes);
        let format = match format_meant(&standing::file_name(path)) {
            Format::Binary if decoded.text.trim_start().starts_with('{') => Format::Json,
            Format::Binary => Format::Yaml,
            format => format,
        };
        let parsed = parse_values(&decoded.text, format);
        let mut counts = vec![0; envelopes.len()];
        for (n, doc) in parsed.documents.iter().enumerate() {
            let mut visit = |leaf: LeafAt<'_>| {
                let Some(length) = doc.text(leaf.node).map(|t| t.len() as u32) else {
                    return;
                };
                let path = key_path(doc, n, leaf.path);
                for (e, count) in envelopes.iter().zip(&mut counts) {
                    *count += usize::from(e.length(path) == Some(length));
                }
            };
            walk(doc, None, None, &mut visit);
        }
        let mut all = envelopes.iter().zip(counts);
        all.any(|(e, count)| !e.leaves.is_empty() && count * 2 >= e.leaves.len())
    }
}

/// Selection options by their texts.
fn selection(options: &SelectionOptions) -> [Option<String>; 6] {
    let text = |pattern: &Option<Pattern>| pattern.as_ref().map(|p| p.source.clone());
    if !options.has_positive_selector() {
        return Default::default();
    }
    [
        options.unencrypted_suffix.clone(),
        options.encrypted_suffix.clone(),
        text(&options.unencrypted_regex),
        text(&options.encrypted_regex),
        text(&options.unencrypted_comment_regex),
        text(&options.encrypted_comment_regex),
    ]
}

impl Envelope {
    /// Length of the value at a key path.
    pub(super) fn length(&self, path: u64) -> Option<u32> {
        let at = self.leaves.partition_point(|l| l.path < path);
        let leaf = self.leaves.get(at).filter(|l| l.path == path)?;
        Some(leaf.length)
    }
}

/// An encrypted leaf: enough to tell it from others in the same run, no more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Leaf {
    /// Its key path, hashed.
    pub(super) path: u64,
    /// Its nonce, hashed: two ciphertexts that share it are the same.
    pub(super) iv: u64,
    /// Length of the value.
    pub(super) length: u32,
}

/// The hash of a run.
static HASH: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// A file that stands alone.
pub(super) struct Alone<'a> {
    pub(super) configs: &'a ConfigSet,
    pub(super) policy: &'a Policy,
    pub(super) prefilter: bool,
}

impl Neighbourhood for Alone<'_> {
    fn configs(&self) -> &ConfigSet {
        self.configs
    }
    fn exists(&self, _: &RepoPath) -> bool {
        false
    }
    fn may_have_encrypted_sibling(&self, _: &RepoPath) -> bool {
        false
    }
    fn read(&self, _: &RepoPath) -> Option<Vec<u8>> {
        None
    }
    fn base_if_changed(&self, _: &RepoPath) -> Option<Vec<u8>> {
        None
    }
    fn rename_sources(&self, _: &RepoPath) -> Vec<RepoPath> {
        Vec::new()
    }
    fn base(&self, _: &RepoPath) -> Option<Vec<u8>> {
        None
    }
    fn adoption(&self, _: &RepoPath) -> Adoption {
        Adoption::None
    }
    fn may_be_outlier(&self, _: &RepoPath) -> bool {
        false
    }
    fn policy(&self) -> &Policy {
        self.policy
    }
    fn whole_view(&self) -> bool {
        false
    }
    fn prefilter(&self) -> bool {
        self.prefilter
    }
}

/// Looks at bytes as if they stood at a path, under each of the sets of configs.
pub(super) fn look<'c>(
    path: &RepoPath,
    bytes: &[u8],
    sets: impl Iterator<Item = &'c ConfigSet>,
    policy: &Policy,
    prefilter: bool,
) -> Looked {
    let mut looked = Looked::default();
    let all = catch_unwind(AssertUnwindSafe(|| {
        let source = Source::new(bytes);
        let mut selections: Vec<[Option<String>; 6]> = Vec::new();
        for (n, configs) in sets.enumerate() {
            let around = Alone {
                configs,
                policy,
                prefilter,
            };
            // Of an envelope that encrypts something a rule asks no more than its selection.
            if let Some(envelope) = looked.envelope.as_ref().filter(|e| !e.leaves.is_empty()) {
                let decision = configs.decide(path);
                let selection = decision.rule().map(|r| selection(&r.options));
                let selection = selection.unwrap_or_default();
                if selection == envelope.selection || selections.contains(&selection) {
                    continue;
                }
                selections.push(selection);
            }
            let subject = Subject::new(path, &source, &around);
            if n == 0 {
                looked.envelope = envelope(&subject);
                looked.generates = subject.hints.manifest && subject.text.contains("Generator");
            }
            let judged = checks::judge(&subject, &around);
            let sink = &judged.sink;
            looked.suspicious |= sink.findings.iter().any(|f| is_of_leaks(f.check));
            looked.suspicious |= sink.blind_spots.iter().any(|b| b.blocking);
            if looked.suspicious {
                break;
            }
        }
    }));
    // A defect shows again where the version is judged for good.
    looked.suspicious |= all.is_err();
    looked
}

/// What a file is if it carries metadata.
fn envelope(s: &Subject<'_>) -> Option<Envelope> {
    let found = s.envelope.as_ref()?;
    let recipients = found.envelope.entries().cloned();
    let mut leaves = Vec::new();
    for (n, doc) in s.documents().iter().enumerate() {
        let mut visit = |leaf: LeafAt<'_>| {
            if let Some(Judged::Sound(v)) = doc.text(leaf.node).map(value::judge) {
                leaves.push(Leaf {
                    path: key_path(doc, n, leaf.path),
                    iv: HASH.hash_one(v.iv),
                    length: u32::try_from(v.data_len).unwrap_or(u32::MAX),
                });
            }
        };
        walk(doc, None, s.metadata_key(), &mut visit);
    }
    leaves.sort_unstable();
    Some(Envelope {
        recipients: recipients.collect(),
        selection: selection(&found.envelope.options),
        opaque: format_meant(&s.name) == Format::Binary && leaves.len() == 1,
        leaves,
    })
}

/// Document and keys of a leaf, hashed, for comparing versions.
pub(super) fn key_path(doc: &Document<'_>, document: usize, path: &[PathPart]) -> u64 {
    let mut hasher = HASH.build_hasher();
    document.hash(&mut hasher);
    for part in path {
        match part {
            PathPart::Key(k) => doc.text(*k).unwrap_or("").hash(&mut hasher),
            PathPart::Index(i) => i.hash(&mut hasher),
        }
    }
    hasher.finish()
}

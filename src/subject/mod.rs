//! All that is known of one file, worked out once: text, format, documents, metadata, governing rule, standing.
//!
//! A subject is built from bytes and a [`Neighbourhood`]; it decides nothing. Parsing is skipped where the prefilter shows
//! that no check could need it, which is an optimisation and never changes a verdict (`prefilter: false` parses all).

pub mod configs;
pub mod control;
pub mod copies;
pub mod leaves;
mod naming;
mod neighbourhood;
pub mod place;
pub mod prefilter;
pub mod standing;

pub use configs::{Asked, ConfigSet, Decision, LoadedConfig};
pub use naming::{format_meant, strip_backup_suffix};
pub use neighbourhood::{Adoption, Neighbourhood};
pub use prefilter::Hints;

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use crate::model::{RepoPath, Span};
use crate::settings::Policy;
use crate::sops::metadata::{self, Envelope};
use crate::sops::scope::{self, LeafAt, PathPart, Walk};
use crate::sops::value::{self, Judged};
use crate::syntax::{
    Decoded, Document, Format, NodeId, Parsed, conflict_markers, decode, parse, parse_needed,
    parse_values,
};
use place::Places;
use standing::Exempt;

/// Metadata that was found in a file.
pub struct FoundEnvelope {
    /// What it says.
    pub envelope: Envelope,
    /// The document it stands in; sops looks at the first only.
    pub document: usize,
}

/// One scalar of an encrypted or governed file that is not encrypted.
pub struct PlainLeaf {
    /// The document.
    pub document: usize,
    /// Keys from the root.
    pub path: Vec<PathPart>,
    /// The node, aliases resolved.
    pub node: NodeId,
    /// The node as it stands.
    pub site: NodeId,
    /// What it is to sops.
    pub judged: Judged,
    /// Whether the options asked with select it.
    pub selected: bool,
}

/// What a walk over all documents found.
#[derive(Default)]
pub struct Survey {
    /// Leaves that are neither sound ciphertext nor null or empty.
    pub plain: Vec<PlainLeaf>,
    /// How many leaves are sound ciphertext.
    pub encrypted: usize,
    /// Pairs of leaves that share an IV and are not equal.
    pub shared_iv: Vec<(usize, Vec<PathPart>, NodeId)>,
    /// How many non-empty leaves the options select.
    pub selected: usize,
    /// How many leaves there are that are not null and not empty.
    pub non_empty: usize,
    /// How many selected leaves are null or empty.
    pub selected_inert: usize,
    /// Whether a document expands beyond the limits.
    pub limit: bool,
}

/// All that is known of one file.
pub struct Subject<'s> {
    /// Where it stands.
    pub path: &'s RepoPath,
    /// Last part of the path.
    pub name: String,
    /// Its bytes.
    pub bytes: &'s [u8],
    /// Its text.
    pub text: &'s str,
    /// Whether some bytes were no text.
    pub lossy: bool,
    /// What the prefilter saw.
    pub hints: Hints,
    /// The format it was read in.
    pub format: Format,
    /// The documents; `None` where no check could need them.
    pub parsed: Option<Parsed<'s>>,
    /// Which rule governs it.
    pub decision: Decision<'s>,
    /// What the settings ask.
    pub policy: &'s Policy,
    /// Whether the settings require its encryption.
    pub required: bool,
    /// Why rules pass it over.
    pub exempt: Option<Exempt>,
    /// Whether it is a template.
    pub template: bool,
    /// Whether it stands in a lenient place.
    pub lenient: bool,
    /// Whether the name promises ciphertext.
    pub promised: bool,
    /// Its metadata.
    pub envelope: Option<FoundEnvelope>,
    /// A `sops` key that holds no metadata.
    pub stub: Option<(usize, Span)>,
    /// Places in the text.
    pub places: Places<'s>,
}

/// Text of a file that is judged; keeps what [`Subject`] borrows from.
pub struct Source<'b> {
    bytes: &'b [u8],
    decoded: Decoded<'b>,
}

impl<'b> Source<'b> {
    /// Decodes the bytes.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self {
            bytes,
            decoded: decode(bytes),
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.decoded.text
    }
}

impl<'s> Subject<'s> {
    /// Works out what is known of a file.
    pub fn new(path: &'s RepoPath, source: &'s Source<'_>, around: &'s dyn Neighbourhood) -> Self {
        let text = source.text();
        let name = standing::file_name(path);
        let format = format_meant(&name);
        let decision = around.configs().decide(path);
        let hints = Hints::of(text);
        let policy = around.policy();
        let lenient = standing::is_lenient(path, policy);
        let promised = standing::name_promises(&name);
        let mut subject = Self {
            path,
            bytes: source.bytes,
            text,
            lossy: source.decoded.lossy,
            hints,
            format,
            parsed: None,
            decision,
            policy,
            required: policy.requires(path),
            exempt: None,
            template: false,
            lenient,
            promised,
            envelope: None,
            stub: None,
            places: Places::new(text, format),
            name,
        };
        subject.template = standing::is_template_name(&subject.name)
            || (standing::in_template_directory(path) && standing::has_expression(text))
            || standing::chart_files(path).iter().any(|c| around.exists(c));
        if subject.is_machine_code() {
            subject.hints.escape = false;
        }
        let whole = |s: &Self| !around.prefilter() || s.needs_all_documents(around);
        // Without a name that tells the format a block that is no metadata is sought in each.
        let block = |s: &Self| {
            s.hints.metadata && s.format == Format::Binary && (whole(s) || s.may_hold_manifest())
        };
        if subject.hints.may_carry_metadata() || !around.prefilter() || block(&subject) {
            subject.find_envelope();
        }
        if subject.envelope.is_none() {
            if whole(&subject) {
                subject.parse_as_meant(true);
            } else if subject.may_hold_manifest() {
                subject.parse_as_meant(false);
            }
            subject.find_stub();
        }
        if !subject.template
            && let Some(parsed) = &subject.parsed
            && !parsed.is_whole()
            && standing::has_bare_marker(text)
        {
            subject.template = true;
        }
        let rule = subject.decision.rule().map(|r| move |s: &str| r.matches(s));
        subject.exempt = match &rule {
            Some(matches) => standing::exempt(
                path,
                text,
                source.bytes,
                Some((matches, &subject.decision.subject)),
                hints.sealed,
            ),
            None => standing::exempt(path, text, source.bytes, None, hints.sealed),
        };
        subject.exempt = standing::exempt_by_settings(path, text, policy, subject.exempt);
        subject
    }

    /// Whether nothing reads it as text: what looks like an escape in it is none.
    fn is_machine_code(&self) -> bool {
        self.format == Format::Binary && !self.template && is_machine_code(self.bytes)
    }

    fn may_hold_manifest(&self) -> bool {
        self.hints.may_hold_manifest() && !standing::is_prose_or_code(&self.name)
    }

    /// Whether a check looks at every document, and not only at those with hints of their own.
    fn needs_all_documents(&self, around: &dyn Neighbourhood) -> bool {
        self.hints.ciphertext
            || self.hints.key
            || self.promised
            || self.asked() != Asked::No
            || self
                .policy
                .kinds
                .iter()
                .any(|k| self.text.contains(k.as_str()))
            || (self
                .decision
                .rule()
                .is_some_and(|r| !r.options.has_positive_selector())
                && around.may_be_outlier(self.path))
    }

    /// Tries the format of the name first, then those the content could have.
    fn find_envelope(&mut self) {
        let mut formats = vec![self.format];
        let trimmed = self.text.trim_start();
        let by_content = if trimmed.starts_with('{') {
            [Format::Json, Format::Yaml, Format::Dotenv, Format::Ini]
        } else if self.text.contains("[sops]") {
            [Format::Ini, Format::Yaml, Format::Dotenv, Format::Json]
        } else if self.text.contains("sops_") {
            [Format::Dotenv, Format::Yaml, Format::Ini, Format::Json]
        } else {
            [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini]
        };
        formats.extend(by_content.into_iter().filter(|f| *f != self.format));
        let mut stub = None;
        for format in formats {
            if format == Format::Binary {
                continue;
            }
            let parsed = parse(self.text, format);
            let by_name = format == self.format;
            for (n, doc) in parsed.documents.iter().enumerate() {
                let Some(meta) = metadata::find(doc, format) else {
                    continue;
                };
                let certain = metadata::is_metadata(&meta, format)
                    || (matches!(meta, metadata::Meta::Map(..))
                        && self.hints.ciphertext
                        && has_ciphertext(doc));
                if !certain {
                    if by_name || self.format == Format::Binary {
                        stub = stub.or(Some((n, meta.span(), format)));
                    }
                    continue;
                }
                // A guess at the format must be a sound reading: JSON text is YAML, too.
                let guess = self.format.is_structured()
                    || standing::is_prose_or_code(&self.name)
                    || self.is_machine_code();
                if !by_name && guess && !parsed.is_whole() {
                    continue;
                }
                let envelope = metadata::read(&meta, format);
                self.envelope = Some(FoundEnvelope {
                    envelope,
                    document: n,
                });
                self.set_format(format);
                self.parsed = Some(parsed);
                return;
            }
            if by_name {
                self.parsed = Some(parsed);
            }
        }
        if let Some((document, span, format)) = stub {
            self.stub = Some((document, span));
            if format != self.format {
                self.set_format(format);
                self.parsed = Some(parse(self.text, format));
            }
        }
    }

    /// A `sops` key without metadata, where nobody looked for metadata because no word of it is there.
    fn find_stub(&mut self) {
        if self.stub.is_some() || !self.hints.metadata {
            return;
        }
        let format = self.format;
        let mut blocks = self.documents().iter().enumerate();
        let found = blocks.find_map(|(n, doc)| Some((n, metadata::find(doc, format)?.span())));
        self.stub = found;
    }

    fn set_format(&mut self, format: Format) {
        if format != self.format {
            self.format = format;
            self.places = Places::new(self.text, format);
        }
    }

    /// Parses the file in its format; `all`: every document of it, else those that hold hints.
    fn parse_as_meant(&mut self, all: bool) {
        if self.parsed.is_some() {
            return;
        }
        if self.format == Format::Binary
            && (self.hints.may_hold_manifest() || self.hints.ciphertext)
            && !standing::is_prose_or_code(&self.name)
        {
            // Without a telling name the content decides: JSON, or YAML with a mapping at the top.
            let format = if self.text.trim_start().starts_with('{') {
                Format::Json
            } else {
                Format::Yaml
            };
            let parsed = parse_values(self.text, format);
            let mapping = parsed
                .documents
                .iter()
                .any(|d| d.root().is_some_and(|r| d.is_mapping(r)));
            if mapping && (parsed.is_whole() || self.template) {
                self.set_format(format);
                self.parsed = Some(parsed);
                return;
            }
        }
        let options = self.decision.rule().map(|r| &r.options);
        let comments = options.is_some_and(|o| {
            o.encrypted_comment_regex.is_some() || o.unencrypted_comment_regex.is_some()
        });
        self.parsed = Some(if comments {
            parse(self.text, self.format)
        } else if all || self.format != Format::Yaml {
            parse_values(self.text, self.format)
        } else {
            parse_needed(self.text, &|part| Hints::of(part) != Hints::default())
        });
    }

    /// Whether the rule or the settings ask for its encryption.
    pub fn asked(&self) -> Asked {
        self.decision.asked(self.policy, self.required)
    }

    /// Whether what the file is makes rules pass it over, not the settings.
    pub fn exempt_by_nature(&self) -> bool {
        self.exempt.is_some_and(|e| e != Exempt::Settings)
    }

    /// Whether nothing but blanks and comments stands in the file.
    pub fn is_blank(&self) -> bool {
        let marks: &[char] = match self.format {
            Format::Yaml | Format::Dotenv => &['#'],
            Format::Ini => &['#', ';'],
            _ => &[],
        };
        self.text.lines().map(str::trim).all(|l| {
            l.is_empty()
                || l.starts_with(marks)
                || (self.format == Format::Yaml && matches!(l, "---" | "..." | "{}" | "[]"))
        })
    }

    /// A Git LFS pointer (version 1 of its specification).
    pub fn is_lfs_pointer(&self) -> bool {
        self.text.len() < 1024
            && self
                .text
                .starts_with("version https://git-lfs.github.com/spec/v1\n")
            && self.text.contains("\noid ")
    }

    /// Conflict markers of Git.
    pub fn conflict(&self) -> Option<Span> {
        conflict_markers(self.text)
    }

    /// Documents, none if the file was not parsed.
    pub fn documents(&self) -> &[Document<'s>] {
        self.parsed.as_ref().map_or(&[], |p| &p.documents)
    }

    /// The documents that are data: a document that only a parse error left is not.
    pub fn is_whole(&self) -> bool {
        self.parsed.as_ref().is_none_or(Parsed::is_whole)
    }

    /// Walks all documents with selection options and sorts the leaves.
    pub fn survey(&self, options: Option<&crate::sops::options::SelectionOptions>) -> Survey {
        let mut survey = Survey::default();
        let mut ivs: HashMap<[u8; 32], (Vec<PathPart>, usize, value::EncValue), RandomState> =
            HashMap::default();
        for (n, doc) in self.documents().iter().enumerate() {
            let skip = self.metadata_key();
            let format = self.format;
            // A leaf that aliases repeat is one leaf: an alias bomb has few of them.
            let mut known: HashSet<_, RandomState> = HashSet::default();
            let mut visit = |leaf: LeafAt<'_>| {
                if format == Format::Dotenv
                    && is_dotenv_metadata(doc, leaf.path)
                    && self.envelope.is_some()
                {
                    return;
                }
                if leaf.inert {
                    survey.selected_inert += usize::from(leaf.selected);
                    return;
                }
                let Some(scalar) = doc.scalar(leaf.node) else {
                    return;
                };
                survey.non_empty += 1;
                survey.selected += usize::from(leaf.selected);
                match value::judge(&scalar.text) {
                    Judged::Sound(v) => {
                        survey.encrypted += 1;
                        // Comments in lists are items; they share nothing that matters.
                        if let Some((path, document, first)) = ivs.get(&v.iv) {
                            let same_place =
                                keys_only(doc, path) == keys_only(doc, leaf.path) || *document != n;
                            if *first != v || !same_place {
                                survey.shared_iv.push((n, leaf.path.to_vec(), leaf.site));
                            }
                        } else {
                            ivs.insert(v.iv, (leaf.path.to_vec(), n, v));
                        }
                    }
                    _ if !known.insert((leaf.node, leaf.selected)) => {}
                    judged => survey.plain.push(PlainLeaf {
                        document: n,
                        path: leaf.path.to_vec(),
                        node: leaf.node,
                        site: leaf.site,
                        judged,
                        selected: leaf.selected,
                    }),
                }
            };
            if scope::walk(doc, options, skip, &mut visit) == Walk::Limit {
                survey.limit = true;
            }
        }
        survey
    }

    /// The plaintext of a survey that other options select, each leaf where they first do.
    pub fn selected_by(
        &self,
        options: &crate::sops::options::SelectionOptions,
        survey: &Survey,
    ) -> Vec<PlainLeaf> {
        let plain = survey.plain.iter().filter(|l| l.judged == Judged::Plain);
        let mut left: HashSet<_, RandomState> = plain.map(|l| (l.document, l.node)).collect();
        let mut found = Vec::new();
        for (n, doc) in self.documents().iter().enumerate() {
            let mut visit = |leaf: LeafAt<'_>| {
                if leaf.selected && left.remove(&(n, leaf.node)) {
                    found.push(PlainLeaf {
                        document: n,
                        path: leaf.path.to_vec(),
                        node: leaf.node,
                        site: leaf.site,
                        judged: Judged::Plain,
                        selected: true,
                    });
                }
            };
            scope::walk(doc, Some(options), self.metadata_key(), &mut visit);
        }
        found
    }

    /// The top-level key that holds metadata, left out of every walk.
    pub fn metadata_key(&self) -> Option<&'static str> {
        match self.format {
            Format::Dotenv => None,
            _ => self.envelope.as_ref().map(|_| "sops"),
        }
    }

    /// Whether its name says that it is prose, program text or a picture: content checks pass it over.
    pub fn exempt_from_content(&self) -> bool {
        matches!(
            self.exempt,
            Some(Exempt::Documentation | Exempt::SourceCode | Exempt::Media)
        )
    }

    /// Whether an error of a content check is softened here.
    pub fn softens(&self) -> bool {
        self.lenient && self.envelope.is_none()
    }
}

/// Whether bytes are no text in the eyes of Git (`buffer_is_binary`): a NUL near their start. Neither YAML nor JSON may hold
/// one. UTF-16 and UTF-32 with a mark are text.
pub fn is_machine_code(bytes: &[u8]) -> bool {
    let marked = [&[0xff, 0xfe][..], &[0xfe, 0xff], &[0, 0, 0xfe, 0xff]];
    !marked.iter().any(|mark| bytes.starts_with(mark))
        && memchr::memchr(0, &bytes[..bytes.len().min(8000)]).is_some()
}

/// The key path without list indexes, as sops authenticates it.
fn keys_only<'d>(doc: &'d Document<'_>, path: &[PathPart]) -> Vec<&'d str> {
    path.iter()
        .filter_map(|p| match p {
            PathPart::Key(k) => doc.text(*k),
            PathPart::Index(_) => None,
        })
        .collect()
}

/// Whether a dotenv leaf is one of sops' own lines.
fn is_dotenv_metadata(doc: &Document<'_>, path: &[PathPart]) -> bool {
    matches!(path, [PathPart::Key(k)] if doc.text(*k).is_some_and(|k| k.starts_with("sops_")))
}

fn has_ciphertext(doc: &Document<'_>) -> bool {
    let mut found = false;
    let mut visit = |leaf: LeafAt<'_>| {
        found = found
            || doc
                .text(leaf.node)
                .is_some_and(|t| matches!(value::judge(t), Judged::Sound(_)));
    };
    scope::walk(doc, None, Some("sops"), &mut visit);
    found
}

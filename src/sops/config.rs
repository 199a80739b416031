//! `.sops.yaml`: reading it as sops' Go decoder does, and choosing the creation rule of a path.
//!
//! Read over our own YAML tree instead of a typed decoder, because every field needs its place, merge keys must count,
//! null list items vanish, and mistakes are reported instead of ending the run. What sops refuses is kept as a problem:
//! some refuse the whole file ([`SopsConfig::broken`]), some only the rule, and only when a path reaches it.

use std::sync::Arc;

use super::goregex::GoRegex;
use super::options::{SELECTION_OPTIONS, SelectionOptions};
use super::recipients::{KeyEntry, KeyType, kms_identity};
use crate::model::Span;
use crate::syntax::{Document, Format, Kind, NodeId, Parsed, ProblemKind, ScalarType, parse};

/// Fields of a creation rule that sops 3.13 knows.
pub const RULE_FIELDS: [&str; 18] = [
    "path_regex",
    "age",
    "pgp",
    "kms",
    "gcp_kms",
    "hckms",
    "azure_keyvault",
    "hc_vault_transit_uri",
    "aws_profile",
    "key_groups",
    "shamir_threshold",
    "mac_only_encrypted",
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
];

/// Fields of a key group.
const GROUP_FIELDS: [&str; 8] = [
    "merge",
    "age",
    "pgp",
    "kms",
    "gcp_kms",
    "hckms",
    "azure_keyvault",
    "hc_vault",
];

/// Top-level fields.
const TOP_FIELDS: [&str; 3] = ["creation_rules", "destination_rules", "stores"];

/// Why sops cannot load a config at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// No YAML.
    NotYaml,
    /// A field has another shape than sops decodes.
    WrongShape,
    /// A key twice in one mapping.
    DuplicateKey,
    /// The config itself is encrypted by sops.
    Encrypted,
}

impl LoadError {
    /// In words, for a message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotYaml => "it is not valid YAML",
            Self::WrongShape => "a field has a shape that sops does not decode",
            Self::DuplicateKey => "a key stands twice in one mapping",
            Self::Encrypted => "it is encrypted itself",
        }
    }
}

/// Why sops refuses a key field of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Neither text nor a list of texts.
    Shape,
    /// An empty item in a list.
    EmptyItem,
    /// Not a recipient of its type.
    Malformed,
    /// sops takes it, but no key can have this form.
    Suspect,
}

/// A recipient field that sops refuses.
#[derive(Clone, Debug)]
pub struct BadKey {
    /// Why.
    pub error: KeyError,
    /// Which type of key.
    pub kind: KeyType,
    /// Where.
    pub span: Span,
}

/// The pattern of a rule.
#[derive(Clone, Debug)]
pub struct PathPattern {
    /// Source text.
    pub source: String,
    /// The compiled form, or why Go rejects it.
    pub regex: Result<Arc<GoRegex>, String>,
    /// Whether Go would take it, but it is too costly to judge here.
    pub own_limit: bool,
    /// Where it stands.
    pub span: Span,
}

/// One creation rule.
#[derive(Clone, Debug)]
pub struct CreationRule {
    /// Index among the decoded rules, from 0: null items do not count.
    pub index: usize,
    /// Where it stands.
    pub span: Span,
    /// `path_regex`; absent, null and empty match every path.
    pub path_regex: Option<PathPattern>,
    /// Selection options as written, without the default.
    pub options: SelectionOptions,
    /// `mac_only_encrypted`
    pub mac_only_encrypted: bool,
    /// `shamir_threshold`, 0 when absent.
    pub shamir_threshold: i64,
    /// Key groups; flat fields make one group.
    pub groups: Vec<Vec<KeyEntry>>,
    /// Recipients that sops refuses.
    pub bad_keys: Vec<BadKey>,
    /// Fields that sops ignores, with the near miss.
    pub unknown_fields: Vec<(String, Span, Option<&'static str>)>,
}

impl CreationRule {
    /// Whether the pattern alone matches a subject.
    pub fn matches(&self, subject: &str) -> bool {
        match &self.path_regex {
            None => true,
            Some(p) => p.regex.as_ref().is_ok_and(|r| r.is_match(subject)),
        }
    }

    /// Whether any key is named.
    pub fn has_keys(&self) -> bool {
        !self.bad_keys.is_empty() || self.groups.iter().any(|g| !g.is_empty())
    }

    /// The options in force for a file of this format: default applied; binary files ignore all.
    pub fn effective_options(&self, format: Format) -> SelectionOptions {
        if format == Format::Binary {
            SelectionOptions::default()
        } else {
            self.options.clone().with_default()
        }
    }

    /// What sops would say when the rule is taken, selection options first.
    pub fn refused(&self) -> Option<Refusal> {
        if self.options.count() > 1 {
            return Some(Refusal::ScopeConflict);
        }
        self.bad_keys
            .iter()
            .any(|k| k.error != KeyError::Suspect)
            .then_some(Refusal::BadKey)
    }
}

/// Why sops refuses a rule that a path reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// More than one selection option.
    ScopeConflict,
    /// A key that does not parse.
    BadKey,
}

/// Which rule a path gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The config has no creation rules: as if it did not exist.
    NoCreationRules,
    /// No rule matches: an error in sops, "not covered" here.
    NoMatch,
    /// This rule.
    Rule(usize),
    /// This rule's pattern does not compile, and it was reached.
    BadPattern(usize),
    /// The config cannot be loaded.
    Broken,
}

/// A `.sops.yaml`.
#[derive(Clone, Debug, Default)]
pub struct SopsConfig {
    /// The rules; `None` when there are none at all, which is not the same as an empty list.
    pub rules: Option<Vec<CreationRule>>,
    /// Why sops cannot load it.
    pub broken: Option<(LoadError, Span)>,
    /// Unknown fields at the top.
    pub unknown_fields: Vec<(String, Span, Option<&'static str>)>,
    /// How far sops indents what it writes.
    pub stores: Stores,
}

/// Indents of the formats, where they are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stores {
    /// Of YAML.
    pub yaml: Option<i64>,
    /// Of JSON.
    pub json: Option<i64>,
    /// Of the JSON around opaque files.
    pub json_binary: Option<i64>,
}

impl SopsConfig {
    /// Reads a config.
    pub fn read(text: &str) -> Self {
        let parsed = parse(text, Format::Yaml);
        Reader { parsed: &parsed }.config()
    }

    /// The rules, none for a config without.
    pub fn rules(&self) -> &[CreationRule] {
        self.rules.as_deref().unwrap_or_default()
    }

    /// The first rule whose pattern is empty or matches; a pattern that Go rejects ends the search when it is reached.
    pub fn choose(&self, subject: &str) -> Choice {
        if self.broken.is_some() {
            return Choice::Broken;
        }
        let Some(rules) = &self.rules else {
            return Choice::NoCreationRules;
        };
        for rule in rules {
            match &rule.path_regex {
                None => return Choice::Rule(rule.index),
                Some(p) => match &p.regex {
                    Err(_) => return Choice::BadPattern(rule.index),
                    Ok(r) if r.is_match(subject) => return Choice::Rule(rule.index),
                    Ok(_) => {}
                },
            }
        }
        Choice::NoMatch
    }
}

/// What sops matches: the path relative to the config's directory, or the absolute path when it lies elsewhere; both
/// absolute and lexically clean. A config in `/` strips nothing, because sops looks for two slashes then.
pub fn match_subject<'p>(path: &'p str, config_dir: &str) -> &'p str {
    path.strip_prefix(config_dir)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(path)
}

struct Reader<'r, 't> {
    parsed: &'r Parsed<'t>,
}

type Shape<T> = Result<T, Span>;

impl Reader<'_, '_> {
    fn config(&self) -> SopsConfig {
        let mut config = SopsConfig::default();
        // Go's Unmarshal reads the first document only.
        if let Some(p) = self
            .parsed
            .problems
            .iter()
            .find(|p| p.document == 0 && (p.is_fatal() || p.kind == ProblemKind::UnknownAlias))
        {
            config.broken = Some((LoadError::NotYaml, p.span));
            return config;
        }
        let Some(doc) = self.parsed.documents.first() else {
            return config;
        };
        let Some(root) = doc.root() else {
            return config;
        };
        if doc.scalar(root).is_some_and(|s| s.ty == ScalarType::Null) {
            return config;
        }
        if !doc.is_mapping(root) {
            config.broken = Some((LoadError::WrongShape, doc.node(root).span));
            return config;
        }
        if super::metadata::find(doc, Format::Yaml)
            .is_some_and(|m| super::metadata::is_metadata(&m, Format::Yaml))
        {
            config.broken = Some((LoadError::Encrypted, doc.node(root).span));
            return config;
        }
        config.unknown_fields = unknown(doc, root, &TOP_FIELDS)
            .into_iter()
            .filter(|(_, _, near)| near.is_some())
            .collect();
        match self.rules(doc, root, &mut config.stores) {
            Ok(rules) => config.rules = rules,
            Err(span) => {
                let duplicate = self
                    .parsed
                    .problems
                    .iter()
                    .any(|p| p.kind == ProblemKind::DuplicateKey && p.span == span);
                config.broken = Some((
                    if duplicate {
                        LoadError::DuplicateKey
                    } else {
                        LoadError::WrongShape
                    },
                    span,
                ));
            }
        }
        config
    }

    fn rules(
        &self,
        doc: &Document<'_>,
        root: NodeId,
        stores: &mut Stores,
    ) -> Shape<Option<Vec<CreationRule>>> {
        self.unique(doc, root)?;
        *stores = self.stores(doc, root)?;
        self.destinations(doc, root)?;
        let Some(list) = doc.get_merged(root, "creation_rules") else {
            return Ok(None);
        };
        if is_null(doc, list) {
            return Ok(None);
        }
        let mut rules = Vec::new();
        for item in list_items(doc, Some(list))? {
            if !doc.is_mapping(item) {
                return Err(doc.node(item).span);
            }
            rules.push(self.rule(doc, item, rules.len())?);
        }
        Ok(Some(rules))
    }

    /// Formatting options. A wrong shape makes the config unreadable.
    fn stores(&self, doc: &Document<'_>, root: NodeId) -> Shape<Stores> {
        let mut out = Stores::default();
        let Some(stores) = doc.get_merged(root, "stores").filter(|s| !is_null(doc, *s)) else {
            return Ok(out);
        };
        self.fields(doc, stores)?;
        for (name, has_indent) in [
            ("dotenv", false),
            ("ini", false),
            ("json", true),
            ("json_binary", true),
            ("yaml", true),
        ] {
            let Some(store) = doc.get_merged(stores, name).filter(|s| !is_null(doc, *s)) else {
                continue;
            };
            self.fields(doc, store)?;
            if !has_indent {
                continue;
            }
            let indent = int_field(doc, store, "indent")?;
            let set = doc.get_merged(store, "indent").map(|_| indent);
            match name {
                "yaml" => out.yaml = set,
                "json" => out.json = set,
                _ => out.json_binary = set,
            }
        }
        Ok(out)
    }

    /// Rules of `sops publish`: as [`Self::stores`].
    fn destinations(&self, doc: &Document<'_>, root: NodeId) -> Shape<()> {
        for rule in list_items(doc, doc.get_merged(root, "destination_rules"))? {
            self.fields(doc, rule)?;
            for name in [
                "path_regex",
                "s3_bucket",
                "s3_prefix",
                "gcs_bucket",
                "gcs_prefix",
                "vault_path",
                "vault_address",
                "vault_kv_mount_name",
            ] {
                text_field(doc, rule, name)?;
            }
            int_field(doc, rule, "vault_kv_version")?;
            bool_field(doc, rule, "omit_extensions")?;
            if let Some(inner) = doc
                .get_merged(rule, "recreation_rule")
                .filter(|r| !is_null(doc, *r))
            {
                self.fields(doc, inner)?;
                self.rule(doc, inner, 0)?;
            }
        }
        Ok(())
    }

    /// A mapping that Go decodes.
    fn fields(&self, doc: &Document<'_>, id: NodeId) -> Shape<()> {
        if !doc.is_mapping(id) {
            return Err(doc.node(id).span);
        }
        self.unique(doc, id)
    }

    /// Go refuses a mapping that it decodes with a key twice, with a key that is a mapping or list, or merged into itself.
    fn unique(&self, doc: &Document<'_>, mapping: NodeId) -> Shape<()> {
        let own = doc.resolve(mapping);
        for (k, v) in doc.entries(mapping) {
            let span = doc.node(k).span;
            let merged_into_itself = doc.text(k) == Some("<<")
                && (doc.resolve(v) == own || doc.items(v).any(|i| doc.resolve(i) == own));
            if merged_into_itself || doc.scalar(k).is_none() {
                return Err(span);
            }
            if self
                .parsed
                .problems
                .iter()
                .any(|p| p.kind == ProblemKind::DuplicateKey && p.document == 0 && p.span == span)
            {
                return Err(span);
            }
        }
        Ok(())
    }

    fn rule(&self, doc: &Document<'_>, id: NodeId, index: usize) -> Shape<CreationRule> {
        self.unique(doc, id)?;
        let text = |field: &str| text_field(doc, id, field);
        let path_regex =
            text("path_regex")?
                .filter(|(t, _)| !t.is_empty())
                .map(|(source, span)| {
                    let compiled = GoRegex::new(&source);
                    let own_limit = compiled.as_ref().is_err_and(|e| e.is_own_limit());
                    PathPattern {
                        regex: compiled.map(Arc::new).map_err(|e| e.to_string()),
                        own_limit,
                        source,
                        span,
                    }
                });
        let mut options = SelectionOptions::default();
        for name in SELECTION_OPTIONS {
            if let Some((value, span)) = text(name)? {
                options.set(name, &value, span);
            }
        }
        let mut rule = CreationRule {
            index,
            span: first_line(doc, id),
            path_regex,
            options,
            mac_only_encrypted: bool_field(doc, id, "mac_only_encrypted")?,
            shamir_threshold: int_field(doc, id, "shamir_threshold")?,
            groups: Vec::new(),
            bad_keys: Vec::new(),
            unknown_fields: unknown(doc, id, &RULE_FIELDS),
        };
        let profile = text("aws_profile")?.map(|(t, _)| t).unwrap_or_default();
        // Both forms are decoded, so a wrong shape in either is fatal; groups win when there are any.
        let hckms = string_list(doc, doc.get_merged(id, "hckms"))?;
        let mut groups = Vec::new();
        for g in list_items(doc, doc.get_merged(id, "key_groups"))? {
            let mut keys = Vec::new();
            self.group(doc, g, &mut keys, &mut rule.bad_keys, 0)?;
            let mut unique: Vec<KeyEntry> = Vec::new();
            for k in keys {
                if !unique.contains(&k) {
                    unique.push(k);
                }
            }
            groups.push(unique);
        }
        if groups.is_empty() {
            let mut keys = Vec::new();
            for (field, kind) in [
                ("age", KeyType::Age),
                ("pgp", KeyType::Pgp),
                ("kms", KeyType::Kms),
                ("gcp_kms", KeyType::GcpKms),
                ("azure_keyvault", KeyType::AzureKv),
                ("hc_vault_transit_uri", KeyType::HcVault),
            ] {
                if kind == KeyType::AzureKv {
                    for (item, span) in &hckms {
                        push_key(
                            KeyType::HcKms,
                            item.trim(),
                            "",
                            *span,
                            &mut keys,
                            &mut rule.bad_keys,
                        );
                    }
                }
                flat_keys(
                    doc,
                    doc.get_merged(id, field),
                    kind,
                    &profile,
                    &mut keys,
                    &mut rule.bad_keys,
                );
            }
            groups = vec![keys];
        }
        rule.groups = groups;
        Ok(rule)
    }

    fn group(
        &self,
        doc: &Document<'_>,
        id: NodeId,
        keys: &mut Vec<KeyEntry>,
        bad: &mut Vec<BadKey>,
        depth: usize,
    ) -> Shape<()> {
        if !doc.is_mapping(id) || depth > 50 {
            return Err(doc.node(id).span);
        }
        self.unique(doc, id)?;
        for merged in list_items(doc, doc.get_merged(id, "merge"))? {
            self.group(doc, merged, keys, bad, depth + 1)?;
        }
        for (item, span) in string_list(doc, doc.get_merged(id, "age"))? {
            for part in item.split(',') {
                push_key(KeyType::Age, part.trim(), "", span, keys, bad);
            }
        }
        for (item, span) in string_list(doc, doc.get_merged(id, "pgp"))? {
            push_key(KeyType::Pgp, &item, "", span, keys, bad);
        }
        for m in list_items(doc, doc.get_merged(id, "kms"))? {
            let f = |name: &str| {
                text_field(doc, m, name).map(|t| t.map(|(t, _)| t).unwrap_or_default())
            };
            let mut context: Vec<String> = Vec::new();
            if let Some(c) = doc.get_merged(m, "context").filter(|c| doc.is_mapping(*c)) {
                context.extend(doc.entries(c).map(|(k, v)| {
                    format!(
                        "{}:{}",
                        doc.text(k).unwrap_or(""),
                        doc.text(v).unwrap_or("")
                    )
                }));
            }
            context.sort_unstable();
            keys.push(KeyEntry {
                kind: KeyType::Kms,
                identity: kms_identity(
                    &f("arn")?,
                    &f("role")?,
                    &context.join(","),
                    &f("aws_profile")?,
                ),
            });
        }
        for m in list_items(doc, doc.get_merged(id, "gcp_kms"))? {
            if let Some((t, span)) = text_field(doc, m, "resource_id")? {
                push_key(KeyType::GcpKms, &t, "", span, keys, bad);
            }
        }
        for m in list_items(doc, doc.get_merged(id, "hckms"))? {
            if let Some((t, span)) = text_field(doc, m, "key_id")? {
                push_key(KeyType::HcKms, &t, "", span, keys, bad);
            }
        }
        for m in list_items(doc, doc.get_merged(id, "azure_keyvault"))? {
            let f = |name: &str| {
                text_field(doc, m, name).map(|t| t.map(|(t, _)| t).unwrap_or_default())
            };
            keys.push(KeyEntry {
                kind: KeyType::AzureKv,
                identity: format!("{}/keys/{}/{}", f("vaultUrl")?, f("key")?, f("version")?),
            });
        }
        for (item, span) in string_list(doc, doc.get_merged(id, "hc_vault"))? {
            push_key(KeyType::HcVault, &item, "", span, keys, bad);
        }
        Ok(())
    }
}

/// The place to point at for a rule: its first key.
fn first_line(doc: &Document<'_>, id: NodeId) -> Span {
    doc.entries(id)
        .next()
        .map_or(doc.node(id).span, |(k, _)| doc.node(k).span)
}

fn is_null(doc: &Document<'_>, id: NodeId) -> bool {
    matches!(doc.kind(id), Kind::Scalar(s) if s.ty == ScalarType::Null)
}

/// Any scalar decodes into a Go string, by its source text; null leaves it empty.
fn text_field(doc: &Document<'_>, id: NodeId, field: &str) -> Shape<Option<(String, Span)>> {
    if !doc.is_mapping(id) {
        return Err(doc.node(id).span);
    }
    let Some(v) = doc.get_merged(id, field) else {
        return Ok(None);
    };
    match doc.kind(v) {
        Kind::Scalar(s) if s.ty == ScalarType::Null => Ok(None),
        Kind::Scalar(s) => Ok(Some((s.text.to_string(), doc.node(v).span))),
        _ => Err(doc.node(v).span),
    }
}

fn bool_field(doc: &Document<'_>, id: NodeId, field: &str) -> Shape<bool> {
    let Some(v) = doc.get_merged(id, field) else {
        return Ok(false);
    };
    match doc.kind(v) {
        Kind::Scalar(s) if s.ty == ScalarType::Null => Ok(false),
        Kind::Scalar(s) if s.ty == ScalarType::Bool => Ok(s.text.eq_ignore_ascii_case("true")),
        // A Go bool still takes the words of YAML 1.1.
        Kind::Scalar(s) => match s.text.as_ref() {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Ok(true),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Ok(false),
            _ => Err(doc.node(v).span),
        },
        _ => Err(doc.node(v).span),
    }
}

fn int_field(doc: &Document<'_>, id: NodeId, field: &str) -> Shape<i64> {
    let Some(v) = doc.get_merged(id, field) else {
        return Ok(0);
    };
    match doc.kind(v) {
        Kind::Scalar(s) if s.ty == ScalarType::Null => Ok(0),
        Kind::Scalar(s) if s.ty == ScalarType::Int => Ok(int_value(&s.text)),
        // Go cuts the fraction off.
        Kind::Scalar(s) if s.ty == ScalarType::Float => {
            Ok(s.text.parse::<f64>().map_or(0, |f| f as i64))
        }
        _ => Err(doc.node(v).span),
    }
}

/// A whole number as go-yaml writes it; what does not fit counts as 0.
fn int_value(text: &str) -> i64 {
    let plain = text.replace('_', "");
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let (digits, radix) = match digits.get(..2) {
        Some("0x" | "0X") => (&digits[2..], 16),
        Some("0o" | "0O") => (&digits[2..], 8),
        Some("0b" | "0B") => (&digits[2..], 2),
        _ if digits.len() > 1
            && digits.starts_with('0')
            && digits.bytes().all(|b| (b'0'..=b'7').contains(&b)) =>
        {
            (&digits[1..], 8)
        }
        _ => (digits, 10),
    };
    let value = i64::from_str_radix(digits, radix).unwrap_or(0);
    if negative { -value } else { value }
}

fn list_items(doc: &Document<'_>, v: Option<NodeId>) -> Shape<Vec<NodeId>> {
    let Some(v) = v.filter(|v| !is_null(doc, *v)) else {
        return Ok(Vec::new());
    };
    if !doc.is_sequence(v) {
        return Err(doc.node(v).span);
    }
    // Go drops null items where it decodes into a list of something definite.
    Ok(doc.items(v).filter(|i| !is_null(doc, *i)).collect())
}

fn string_list(doc: &Document<'_>, v: Option<NodeId>) -> Shape<Vec<(String, Span)>> {
    let mut out = Vec::new();
    for item in list_items(doc, v)? {
        match doc.kind(item) {
            Kind::Scalar(s) => out.push((s.text.to_string(), doc.node(item).span)),
            _ => return Err(doc.node(item).span),
        }
    }
    Ok(out)
}

/// A flat key field: text with commas, or a list of texts, which are joined by commas and split again.
fn flat_keys(
    doc: &Document<'_>,
    v: Option<NodeId>,
    kind: KeyType,
    profile: &str,
    keys: &mut Vec<KeyEntry>,
    bad: &mut Vec<BadKey>,
) {
    let Some(v) = v else { return };
    let span = doc.node(v).span;
    match doc.kind(v) {
        Kind::Scalar(s) if s.ty == ScalarType::Null => {}
        Kind::Scalar(s) if s.ty == ScalarType::Str => {
            for part in s.text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
                push_key(kind, part, profile, span, keys, bad);
            }
        }
        Kind::Sequence(_) => {
            // The items are joined first, so one empty text alone is no key at all; an empty part is one that fails.
            let alone = doc.items(v).count() == 1;
            for item in doc.items(v) {
                let span = doc.node(item).span;
                match doc.scalar(item) {
                    Some(s) if s.ty == ScalarType::Str && s.text.is_empty() && alone => {}
                    Some(s) if s.ty == ScalarType::Str => {
                        for part in s.text.split(',').map(str::trim) {
                            if part.is_empty() {
                                bad.push(BadKey {
                                    error: KeyError::EmptyItem,
                                    kind,
                                    span,
                                });
                            } else {
                                push_key(kind, part, profile, span, keys, bad);
                            }
                        }
                    }
                    _ => bad.push(BadKey {
                        error: KeyError::Shape,
                        kind,
                        span,
                    }),
                }
            }
        }
        _ => bad.push(BadKey {
            error: KeyError::Shape,
            kind,
            span,
        }),
    }
}

fn push_key(
    kind: KeyType,
    text: &str,
    profile: &str,
    span: Span,
    keys: &mut Vec<KeyEntry>,
    bad: &mut Vec<BadKey>,
) {
    let no_blanks = || {
        text.chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
    };
    let identity = match kind {
        KeyType::Age => is_age_recipient(text).then(|| text.to_owned()),
        KeyType::Pgp => {
            let fp: String = text.chars().filter(|c| *c != ' ').collect();
            (!fp.is_empty()).then_some(fp)
        }
        KeyType::Kms => {
            let arn = no_blanks();
            Some(match arn.split_once("+arn:") {
                Some((arn, role)) => kms_identity(arn, &format!("arn:{role}"), "", profile),
                None => kms_identity(&arn, "", "", profile),
            })
        }
        KeyType::GcpKms => Some(no_blanks()),
        KeyType::HcKms => text.contains(':').then(|| text.to_owned()),
        KeyType::AzureKv => azure_identity(text),
        KeyType::HcVault => vault_identity(text),
    };
    let fits = match kind {
        KeyType::Pgp => is_fingerprint(text),
        KeyType::Kms => text.trim().starts_with("arn:") && text.split(':').count() >= 6,
        _ => true,
    };
    if !fits {
        bad.push(BadKey {
            error: KeyError::Suspect,
            kind,
            span,
        });
    }
    match identity {
        Some(identity) if !identity.is_empty() => keys.push(KeyEntry { kind, identity }),
        _ => bad.push(BadKey {
            error: KeyError::Malformed,
            kind,
            span,
        }),
    }
}

/// Whether sops takes a text for an age recipient: native, post-quantum, plugin or SSH.
pub fn is_age_recipient(text: &str) -> bool {
    if let Some(rest) = text
        .strip_prefix("ssh-ed25519 ")
        .or_else(|| text.strip_prefix("ssh-rsa "))
    {
        let body = rest.split_whitespace().next().unwrap_or("");
        use base64::Engine as _;
        return base64::engine::general_purpose::STANDARD
            .decode(body)
            .is_ok_and(|b| b.len() > 20);
    }
    if !text.starts_with("age1") || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return false;
    }
    let Ok(checked) =
        bech32::primitives::decode::CheckedHrpstring::new::<crate::bech::LongBech32>(text)
    else {
        return false;
    };
    let hrp = checked.hrp();
    let len = checked.byte_iter().len();
    match hrp.as_str() {
        "age" => len == 32,
        _ => true,
    }
}

/// A fingerprint or key id: hexadecimal, perhaps in groups, with `0x` before or `!` behind it.
fn is_fingerprint(text: &str) -> bool {
    let hex: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let hex = hex.trim_start_matches("0x").trim_end_matches('!');
    hex.len() >= 8 && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

fn azure_identity(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://")?;
    let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    match parts.as_slice() {
        [host, "keys", name] if !host.is_empty() && !name.is_empty() => {
            Some(format!("https://{host}/keys/{name}/"))
        }
        [host, "keys", name, version] if !host.is_empty() && !name.is_empty() => {
            Some(format!("https://{host}/keys/{name}/{version}"))
        }
        _ => None,
    }
}

/// `https://host/v1/engine/keys/name`: the engine may have several segments.
fn vault_identity(text: &str) -> Option<String> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let path = path.trim_end_matches('/').strip_prefix("v1/")?;
    let (engine, name) = path.rsplit_once("/keys/")?;
    if host.is_empty() || engine.is_empty() || name.is_empty() || name.contains('/') {
        return None;
    }
    Some(format!("{scheme}://{host}/v1/{engine}/keys/{name}"))
}

/// Fields sops does not know, with the known one they nearly are.
fn unknown(
    doc: &Document<'_>,
    id: NodeId,
    known: &'static [&'static str],
) -> Vec<(String, Span, Option<&'static str>)> {
    doc.entries(id)
        .filter_map(|(k, _)| {
            let name = doc.text(k)?;
            if known.contains(&name) || name == "<<" {
                return None;
            }
            let near = known.iter().find(|k| {
                distance(&name.to_ascii_lowercase(), k) <= 2
                    || k.replace('_', "") == name.to_ascii_lowercase().replace(['_', '-'], "")
            });
            Some((name.to_owned(), doc.node(k).span, near.copied()))
        })
        .collect()
}

/// Edit distance, for "did you mean"; names are short.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = if ca == *cb { diagonal } else { diagonal + 1 };
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Fields of key groups, for documentation and tests.
pub fn group_fields() -> &'static [&'static str] {
    &GROUP_FIELDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_named() {
        let c = SopsConfig::read(
            "creation_rules:\n  - encryted_regex: x\n    age: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n",
        );
        assert_eq!(c.rules()[0].unknown_fields[0].2, Some("encrypted_regex"));
    }

    #[test]
    fn recipients_of_all_kinds_are_told_from_placeholders() {
        assert!(is_age_recipient(
            "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
        ));
        assert!(!is_age_recipient(
            "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q"
        ));
        assert!(!is_age_recipient("age1..."));
        assert!(is_age_recipient(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZXsdJCk0kzvZEv8zQbAfNQwFwZ3mVQ0qcZsPqnW3dL me@host"
        ));
        assert_eq!(
            vault_identity("https://v:8200/v1/a/b/keys/k/").as_deref(),
            Some("https://v:8200/v1/a/b/keys/k")
        );
        assert_eq!(
            azure_identity("https://v.vault.azure.net/keys/k").as_deref(),
            Some("https://v.vault.azure.net/keys/k/")
        );
    }
}

//! What is to be done, and what cannot be: made of findings and rules alone, so that it can be shown before anything runs.
//!
//! A file is encrypted by the rule that governs it, or not at all. Which of its leaves sops will encrypt is worked out here,
//! with the walk that judging uses (`tree`), so that a rule that misses a flagged leaf is refused before sops is asked.

use std::collections::BTreeMap;

use super::Flaw;
use super::add::{self, RuleToAdd};
use super::lost;
use super::seen::{Looked, Seen};
use super::tree::{self, Survey};
use crate::model::{Finding, How, Label, Message, Outcome, Pointer, RepoPath, Severity};
use crate::say;
use crate::sops::config::{Choice, CreationRule, Refusal, SopsConfig, Stores};
use crate::sops::hosts::{self, NotAllowed};
use crate::sops::recipients::{KeyEntry, KeyType};
use crate::sops::sealed::Allowed;
use crate::subject::configs::{CONFIG_NAME, ConfigSet, LoadedConfig};
use crate::subject::{Subject, control};
use crate::syntax::{Document, Format};

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is plaintext, and is encrypted.
    Encrypt,
    /// It is encrypted in part: it is decrypted in memory and encrypted as a whole.
    Reencrypt,
    /// It is encrypted to others than its rule says.
    UpdateKeys,
}

/// Somebody who will be able to decrypt.
pub struct Recipient {
    /// Which kind of key.
    pub kind: KeyType,
    /// The key, as it may be shown; a new one whole.
    pub label: Label,
    /// The whole key, where the label is its fingerprint and the key is new.
    pub whole: Option<Label>,
    /// Hosts that sops asks for it.
    pub hosts: Vec<String>,
    /// Whether the config of the base view does not name it.
    pub new: bool,
}

/// One file.
pub struct Step {
    /// Where it is.
    pub path: RepoPath,
    /// What is done.
    pub action: Action,
    /// In which format sops reads and writes it.
    pub format: Format,
    /// The config that governs it.
    pub config: RepoPath,
    /// The rule.
    pub rule: CreationRule,
    /// Line of the rule, from 1.
    pub line: u32,
    /// How the config lets sops indent.
    pub stores: Stores,
    /// The recipients, by group.
    pub groups: Vec<Vec<Recipient>>,
    /// Its leaves.
    pub survey: Survey,
    /// Whether the base view has one of its values in plaintext at this place already.
    pub in_base: bool,
    /// The tip of a reference that holds these very bytes.
    pub seen: Option<Seen>,
    /// What the run would leave it for: nobody agreed to it yet.
    pub unagreed: Option<Message>,
    /// Checks that it repairs.
    pub checks: Vec<&'static str>,
    /// Files whose findings are about this one.
    pub also: Vec<RepoPath>,
}

impl Step {
    /// Every host that sops asks.
    pub fn hosts(&self) -> Vec<&str> {
        let recipients = self.groups.iter().flatten();
        let mut all: Vec<&str> = recipients
            .flat_map(|r| r.hosts.iter().map(String::as_str))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether it brings in a recipient that the base view's config does not name.
    pub fn has_new(&self) -> bool {
        self.groups.iter().flatten().any(|r| r.new)
    }
}

/// A file that stays as it is.
pub struct Refused {
    /// Where it is.
    pub path: RepoPath,
    /// Why.
    pub reason: Message,
    /// What could be added to a config; one or none.
    pub rule: Vec<RuleToAdd>,
}

/// The plan.
#[derive(Default)]
pub struct Plan {
    /// What is done.
    pub steps: Vec<Step>,
    /// What is not.
    pub refused: Vec<Refused>,
    /// What is known of the tips of references; `None` where there are none.
    pub tips: Option<Looked>,
}

/// What the user asked for and allowed.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Recipients of encrypted files are to be those of the rule.
    pub update_keys: bool,
    /// Files that are encrypted in part are to be encrypted as a whole.
    pub reencrypt: bool,
    /// Which key services and plugins may be asked.
    pub allowed: Allowed,
}

/// What was found about one file.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    checks: Vec<&'static str>,
    flagged: Vec<(u32, Pointer)>,
    also: Vec<RepoPath>,
    in_base: bool,
    keys: bool,
    content: bool,
}

/// The file that encryption would repair, where a finding has one.
pub fn target(finding: &Finding) -> Option<&RepoPath> {
    finding.repair.as_ref().map(|repair| &repair.path)
}

/// Sorts what counts by the file that is to be repaired: errors, and whatever was found in a file that is `named`.
pub fn wanted(
    outcome: &Outcome,
    terms: &Terms,
    named: &dyn Fn(&RepoPath) -> bool,
) -> BTreeMap<RepoPath, Wanted> {
    let mut files: BTreeMap<RepoPath, Wanted> = BTreeMap::new();
    for finding in outcome.active() {
        let Some(repair) = &finding.repair else {
            continue;
        };
        let path = &repair.path;
        let keys = repair.how == How::UpdateKeys;
        if !(finding.severity == Severity::Error || (keys && terms.update_keys) || named(path)) {
            continue;
        }
        let file = files.entry(path.clone()).or_default();
        if !file.checks.contains(&finding.check.id) {
            file.checks.push(finding.check.id);
        }
        if finding.path != *path {
            if !file.also.contains(&finding.path) {
                file.also.push(finding.path.clone());
            }
        } else if let Some(pointer) = &finding.place.pointer {
            file.flagged.push((finding.place.document, pointer.clone()));
        }
        file.in_base |= !keys && finding.new == Some(false);
        file.keys |= keys;
        file.content |= !keys;
    }
    files
}

/// What encryption does not mend, by file: the check, and what it advises.
pub fn unmendable(outcome: &Outcome) -> BTreeMap<&RepoPath, Vec<&Finding>> {
    let mut files: BTreeMap<&RepoPath, Vec<&Finding>> = BTreeMap::new();
    let counts = |f: &&Finding| f.repair.is_none() && f.severity >= Severity::Warning;
    for finding in outcome.active().filter(counts) {
        files.entry(&finding.path).or_default().push(finding);
    }
    files
}

/// Why a file stays in which this was found, and what to do with it.
pub fn advice(finding: &Finding) -> Message {
    let id = RepoPath::new(finding.check.id);
    let mut reason = say!["encryption does not mend ", id];
    if !finding.help.is_empty() {
        reason.push(&": ");
        reason.push(&finding.help);
    }
    reason
}

/// What a plan has to know of a file; nothing of it is a value.
pub struct About {
    format: Format,
    choice: Choice,
    config: Option<(RepoPath, Stores)>,
    rule: Option<(CreationRule, u32)>,
    encrypted: bool,
    stub: bool,
    lossy: bool,
    plain_in_scope: bool,
    subject: String,
    manifest: bool,
    never: Option<&'static str>,
    /// Documents that steer something, and those that are objects of a cluster.
    steering: Vec<u32>,
    objects: Vec<u32>,
    survey: Result<Survey, Flaw>,
    /// Why sops would not give it back as it is, or nobody could open it.
    unfit: Option<Message>,
    lost: Option<Message>,
}

/// Looks at a file.
pub fn about(s: &Subject<'_>) -> About {
    let format = Format::of_name(&s.name);
    let rule = s.decision.rule();
    let config = s.decision.config;
    let parsed = tree::read(s.text, format);
    let keys = rule
        .into_iter()
        .flat_map(|rule| rule.groups.iter().flatten());
    let own_key = super::own_key::held(s.text, &parsed, keys);
    let kept = super::keeps::respelled(&parsed, s.text, format, s.envelope.is_some());
    let survey = match (parsed.is_whole(), rule) {
        (false, _) => Err(Flaw::Unreadable),
        (true, rule) => {
            let options = rule.map(|r| r.effective_options(format));
            let encrypted = s.envelope.is_some();
            tree::survey(&parsed, s.text, &options.unwrap_or_default(), encrypted)
        }
    };
    let found = s.envelope.as_ref();
    let plain = |of: &crate::subject::FoundEnvelope| {
        let survey = s.survey(Some(&of.envelope.options));
        survey.plain.iter().any(|leaf| leaf.selected)
    };
    About {
        format,
        choice: s.decision.choice,
        config: config.map(|c| (c.path.clone(), c.config.stores)),
        rule: rule
            .zip(config)
            .map(|(r, c)| (r.clone(), c.rule_line(r.index))),
        encrypted: found.is_some(),
        stub: s.stub.is_some()
            || (format == Format::Dotenv && s.text.lines().any(|l| l.starts_with("sops_"))),
        lossy: s.lossy && format != Format::Binary,
        plain_in_scope: found.is_some_and(plain),
        subject: s.decision.subject.clone(),
        manifest: s.hints.secret && s.format == Format::Yaml,
        never: control::never_encrypted(s),
        steering: documents(&parsed.documents, &|doc| {
            control::is_control_document(s, doc)
        }),
        objects: documents(&parsed.documents, &control::is_object),
        lost: lost::by_sops(s.text, format, &parsed),
        unfit: match own_key {
            true => Some(say![
                "it holds the key that would open it: encrypted, nobody could; take it out of the repository and replace the key"
            ]),
            false => kept.as_ref().err().cloned(),
        },
        survey: survey.map(|survey| Survey {
            respelled: kept.unwrap_or_default(),
            ..survey
        }),
    }
}

/// Numbers of the documents that are such.
fn documents(all: &[Document<'_>], are: &dyn Fn(&Document<'_>) -> bool) -> Vec<u32> {
    let numbered = all.iter().zip(0..);
    numbered.filter(|(d, _)| are(d)).map(|(_, n)| n).collect()
}

/// What surrounds the files.
pub struct Around<'a> {
    /// The configs of the view.
    pub configs: &'a ConfigSet,
    /// Whom the base view would encrypt a file to, by path and by the config that governs it now; `None` where it has no
    /// such config.
    pub known: &'a dyn Fn(&RepoPath, &RepoPath) -> Option<Known>,
    /// Whether a manifest whose identity is encrypted would be told of.
    pub keeps_identity: bool,
}

/// Whom the base view would encrypt a file to.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Recipients.
    pub keys: Vec<KeyEntry>,
    /// How many groups had to come together.
    pub needed: usize,
}

/// How many groups have to come together to open what a rule encrypts.
pub fn needed(rule: &CreationRule) -> usize {
    let groups = rule.groups.iter().filter(|g| !g.is_empty()).count();
    match usize::try_from(rule.shamir_threshold) {
        Ok(n) if n > 0 => n.min(groups),
        _ => groups,
    }
}

/// Whom the base view, of which `text` reads files, would encrypt a file to: by the rule that governs it there, else anybody
/// whom its version of the config names that governs it now.
pub fn known(
    text: &dyn Fn(&RepoPath) -> Option<String>,
    path: &RepoPath,
    config: &RepoPath,
) -> Option<Known> {
    let mut dir = path.parent();
    loop {
        let slash: &[u8] = if dir.is_empty() { b"" } else { b"/" };
        let nearest = RepoPath::new([dir, slash, CONFIG_NAME].concat());
        if let Some(text) = text(&nearest) {
            let set = ConfigSet::new(vec![LoadedConfig::new(nearest, &text, true)]);
            if let Some(rule) = set.decide(path).rule() {
                return Some(Known {
                    keys: rule.groups.concat(),
                    needed: needed(rule),
                });
            }
            break;
        }
        if dir.is_empty() {
            break;
        }
        dir = &dir[..memchr::memrchr(b'/', dir).unwrap_or(0)];
    }
    let read = SopsConfig::read(&text(config)?);
    let keys = read.rules().iter().flat_map(|rule| rule.groups.concat());
    Some(Known {
        keys: keys.collect(),
        needed: 0,
    })
}

impl Plan {
    /// Adds a file, to what is done or to what is not.
    pub fn add(
        &mut self,
        path: &RepoPath,
        wanted: &Wanted,
        about: About,
        terms: &Terms,
        around: &Around<'_>,
    ) {
        match step(path, wanted, about, terms, around) {
            Ok(Some(step)) => self.steps.push(step),
            Ok(None) => {}
            Err(refused) => self.refused.push(*refused),
        }
    }

    /// Refuses a file.
    pub fn refuse(&mut self, path: &RepoPath, reason: Message) {
        self.refused.push(Refused {
            path: path.clone(),
            reason,
            rule: Vec::new(),
        });
    }
}

fn step(
    path: &RepoPath,
    wanted: &Wanted,
    about: About,
    terms: &Terms,
    around: &Around<'_>,
) -> Result<Option<Step>, Box<Refused>> {
    let refused = |reason: Message| {
        Box::new(Refused {
            path: path.clone(),
            reason,
            rule: Vec::new(),
        })
    };
    if path.file_name() == CONFIG_NAME {
        return Err(refused(say![
            "a config is never encrypted: take the secret out of it"
        ]));
    }
    let action = match (about.encrypted, wanted.content) {
        (false, true) => Action::Encrypt,
        (true, true) if terms.reencrypt => Action::Reencrypt,
        (true, true) => {
            return Err(refused(say![
                "it is encrypted in part; --reencrypt decrypts it in memory and encrypts it as a whole, for which one of your keys has to open it"
            ]));
        }
        (true, false) if about.plain_in_scope => {
            return Err(refused(say![
                "it holds plain values: repair those first (--reencrypt)"
            ]));
        }
        (true, false) => Action::UpdateKeys,
        (false, false) => return Ok(None),
    };
    let Some(((rule, line), (config, stores))) = about.rule.clone().zip(about.config.clone())
    else {
        return Err(Box::new(Refused {
            path: path.clone(),
            reason: without_rule(&about),
            rule: match about.choice {
                Choice::NoMatch | Choice::NoCreationRules => add::rule_to_add(
                    path,
                    about.config.as_ref().map(|(p, _)| p),
                    &about.subject,
                    about.manifest,
                    around.configs,
                ),
                _ => Vec::new(),
            },
        }));
    };
    usable(&rule, &about).map_err(&refused)?;
    if action == Action::Encrypt {
        readable(&about, &config, &rule, around.keeps_identity).map_err(&refused)?;
    }
    about.unfit.map_or(Ok(()), |why| Err(refused(why)))?;
    let survey = about.survey.map_err(|flaw| refused(say![flaw.as_str()]))?;
    if let (Action::Encrypt, Some(reason)) = (action, about.lost) {
        return Err(refused(reason));
    }
    if action == Action::Encrypt {
        covered(&survey, &wanted.flagged, &config, &rule).map_err(&refused)?;
    }
    reached(&rule, &terms.allowed).map_err(&refused)?;
    let known = (around.known)(path, &config);
    // Where fewer have to come together than before, each can do more than before.
    let weaker = known.as_ref().is_some_and(|k| needed(&rule) < k.needed);
    let recipient = |key: &KeyEntry| {
        let known = known.as_ref().is_some_and(|known| known.keys.contains(key));
        let new = weaker || !known;
        let (label, whole) = super::names::of(key, new);
        Recipient {
            kind: key.kind,
            label,
            whole,
            hosts: hosts::hosts(key).unwrap_or_default(),
            new,
        }
    };
    let groups = rule.groups.iter().filter(|group| !group.is_empty());
    Ok(Some(Step {
        path: path.clone(),
        action,
        format: about.format,
        groups: groups
            .map(|group| group.iter().map(recipient).collect())
            .collect(),
        config,
        rule,
        line,
        stores,
        survey,
        in_base: wanted.in_base,
        seen: None,
        unagreed: None,
        checks: wanted.checks.clone(),
        also: wanted.also.clone(),
    }))
}

fn without_rule(about: &About) -> Message {
    match (about.choice, &about.config) {
        (Choice::Broken, Some((config, _))) => say!["sops cannot load ", config],
        (Choice::BadPattern(_), Some((config, _))) => {
            say![
                "a rule of ",
                config,
                " has a pattern that Go rejects: sops fails there"
            ]
        }
        (_, Some((config, _))) => say!["no rule of ", config, " governs it"],
        (_, None) => say!["no .sops.yaml governs it"],
    }
}

/// Whether sops would take the rule, and for this file.
fn usable(rule: &CreationRule, about: &About) -> Result<(), Message> {
    match rule.refused() {
        Some(Refusal::ScopeConflict) => {
            return Err(say![
                "its rule sets more than one selection option: sops refuses that"
            ]);
        }
        Some(Refusal::BadKey) => return Err(say!["its rule names a recipient that sops refuses"]),
        None => {}
    }
    if rule.groups.iter().all(Vec::is_empty) {
        return Err(say!["its rule names no recipient"]);
    }
    if rule.options.patterns().any(|(_, p)| p.regex.is_none()) {
        return Err(say![
            "the selection of its rule does not compile: sops would encrypt nothing, or everything"
        ]);
    }
    if about.stub && !about.encrypted {
        return Err(say![
            "a `sops` key stands in it, which sops takes for metadata: remove it first"
        ]);
    }
    if about.lossy {
        return Err(say!["it holds bytes that are no UTF-8"]);
    }
    Ok(())
}

/// Whether what others have to read stays readable: never is encrypted what steers a cluster or names an object.
fn readable(
    about: &About,
    config: &RepoPath,
    rule: &CreationRule,
    keeps_identity: bool,
) -> Result<(), Message> {
    if let Some(what) = about.never {
        return Err(say![
            "it is ",
            what,
            ", which is never encrypted: take the secret out of it"
        ]);
    }
    let Ok(survey) = &about.survey else {
        return Ok(());
    };
    let encrypted = || survey.leaves.iter().filter(|l| l.encrypted);
    let n = rule.index + 1;
    let advice = "; add `encrypted_regex: ^(data|stringData)$` to that rule, or use another for it";
    for leaf in encrypted().filter(|_| keeps_identity) {
        let names = ["/apiVersion", "/kind", "/metadata/name"];
        if about.objects.contains(&leaf.document) && names.contains(&leaf.pointer.as_str()) {
            return Err(say![
                "rule ",
                n,
                " of ",
                config,
                " would encrypt ",
                leaf.pointer,
                " of a manifest, which then cannot be built (encrypted-identity)",
                advice
            ]);
        }
    }
    match encrypted().find(|leaf| about.steering.contains(&leaf.document)) {
        Some(leaf) => Err(say![
            "rule ",
            n,
            " of ",
            config,
            " would encrypt ",
            leaf.pointer,
            " of an object that steers the cluster",
            advice
        ]),
        None => Ok(()),
    }
}

/// Whether the rule selects anything, and all that was flagged.
fn covered(
    survey: &Survey,
    flagged: &[(u32, Pointer)],
    config: &RepoPath,
    rule: &CreationRule,
) -> Result<(), Message> {
    let n = rule.index + 1;
    if !survey.leaves.iter().any(|l| l.encrypted) {
        return Err(say!["rule ", n, " of ", config, " encrypts nothing of it"]);
    }
    for (document, pointer) in flagged {
        let mut here = survey
            .leaves
            .iter()
            .filter(|l| l.document == *document && l.pointer == *pointer);
        let spared = here.clone().next().is_some() && !here.any(|l| l.encrypted);
        if spared {
            return Err(say![
                "rule ",
                n,
                " of ",
                config,
                " would not cover every flagged leaf: ",
                pointer,
                " would stay readable"
            ]);
        }
    }
    Ok(())
}

/// Whether everything that the recipients reach was allowed.
fn reached(rule: &CreationRule, allowed: &Allowed) -> Result<(), Message> {
    hosts::check(rule.groups.iter().flatten(), allowed).map_err(|why| match why {
        NotAllowed::Hosts(list) => {
            let mut reason = say!["its recipients are keys of a service: allow"];
            for host in list {
                reason.push(&" --allow-key-service ");
                reason.push(&Label::identity(&host));
            }
            reason
        }
        NotAllowed::Plugins => {
            say!["a recipient needs a plugin of age: --allow-plugins lets sops run it"]
        }
        NotAllowed::Unknown => {
            say!["a recipient names a service in a way that is not understood"]
        }
    })
}

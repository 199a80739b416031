//! The checks: one file each, all in [`TABLE`]; and the order in which a file is judged, [`judge`].
//!
//! The order is that of the decision procedure (`docs/verdict.md`, steps 0 to 8). A check reports what it alone knows;
//! that one leaf has one finding, and that lenient places soften, is settled at the end. Judging is pure: a subject and its
//! neighbourhood in, findings and blind spots out.

pub mod broken_envelope;
pub mod config_ambiguous;
pub mod config_invalid;
pub mod config_misnamed;
pub mod config_untracked;
pub mod decrypted_copy;
pub mod decrypted_file;
pub mod decryption_missing;
pub mod double_encrypted;
pub mod embedded_secret;
pub mod encrypted_identity;
pub mod forged_ciphertext;
pub mod generator_literal;
pub mod generator_source;
pub mod guard_weakened;
pub mod hidden_plaintext;
pub mod hollow_envelope;
pub mod ignore_unused;
pub mod index_differs;
pub mod last_applied_secret;
pub mod leaked_value;
pub mod never_rotated;
pub mod plaintext_secret;
pub mod private_key;
pub mod recipient_extra;
pub mod recipient_invalid;
pub mod recipient_missing;
mod repair;
pub mod rule_field_unknown;
pub mod rule_outside;
pub mod rule_unreachable;
pub mod rule_unused;
pub mod rule_without_keys;
pub mod scope_drift;
pub mod scope_regex_invalid;
mod settle;
pub mod stale_recipient;
pub mod unencrypted_file;
pub mod unencrypted_value;
pub mod ungoverned_ciphertext;

use crate::model::{
    BlindCode, BlindSpot, CheckInfo, Finding, Message, Place, RepoPath, Severity, Span,
};
use crate::say;
use crate::settings::Policy;
use crate::sops::config::Choice;
use crate::sops::recipients::{self, KeyEntry};
use crate::subject::configs::CONFIG_NAME;
use crate::subject::place::Places;
use crate::subject::{Asked, ConfigSet, LoadedConfig, Neighbourhood, Subject};
use crate::syntax::Format;

/// Every check, in the order of the documentation.
pub static TABLE: [&CheckInfo; 38] = [
    &unencrypted_file::INFO,
    &unencrypted_value::INFO,
    &plaintext_secret::INFO,
    &embedded_secret::INFO,
    &last_applied_secret::INFO,
    &generator_source::INFO,
    &generator_literal::INFO,
    &private_key::INFO,
    &decrypted_file::INFO,
    &decrypted_copy::INFO,
    &hollow_envelope::INFO,
    &forged_ciphertext::INFO,
    &hidden_plaintext::INFO,
    &broken_envelope::INFO,
    &double_encrypted::INFO,
    &scope_regex_invalid::INFO,
    &config_invalid::INFO,
    &rule_outside::INFO,
    &recipient_missing::INFO,
    &recipient_extra::INFO,
    &scope_drift::INFO,
    &guard_weakened::INFO,
    &rule_unreachable::INFO,
    &rule_without_keys::INFO,
    &recipient_invalid::INFO,
    &rule_field_unknown::INFO,
    &config_misnamed::INFO,
    &config_untracked::INFO,
    &config_ambiguous::INFO,
    &encrypted_identity::INFO,
    &decryption_missing::INFO,
    &index_differs::INFO,
    &rule_unused::INFO,
    &ungoverned_ciphertext::INFO,
    &ignore_unused::INFO,
    &leaked_value::INFO,
    &never_rotated::INFO,
    &stale_recipient::INFO,
];

/// A check by its id.
pub fn by_id(id: &str) -> Option<&'static CheckInfo> {
    TABLE.iter().copied().find(|c| c.id == id)
}

/// The check whose id is most like a text, if one is.
pub fn nearest(text: &str) -> Option<&'static CheckInfo> {
    let text = text.to_ascii_lowercase().replace(['_', ' '], "-");
    let near = |id: &str| crate::sops::config::distance(&text, id);
    let check = TABLE.iter().copied().min_by_key(|c| near(c.id))?;
    // A third of the letters may differ.
    (near(check.id) * 3 <= check.id.len()).then_some(check)
}

/// Collects what checks report.
#[derive(Default)]
pub struct Sink {
    /// Findings in the order they were made.
    pub findings: Vec<Finding>,
    /// What could not be judged.
    pub blind_spots: Vec<BlindSpot>,
    /// Recipients of leaked age identities, by index into `findings`.
    pub leaked: Vec<(usize, String)>,
}

impl Sink {
    /// Keeps the findings that are marked; keys stay with theirs.
    pub(crate) fn keep(&mut self, keep: &[bool]) {
        let mut new_at = Vec::with_capacity(keep.len());
        let mut next = 0;
        for k in keep {
            new_at.push(next);
            next += usize::from(*k);
        }
        let mut kept = keep.iter();
        self.findings.retain(|_| kept.next().is_some_and(|k| *k));
        self.leaked.retain(|(at, _)| keep[*at]);
        for (at, _) in &mut self.leaked {
            *at = new_at[*at];
        }
    }

    fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn push_key(&mut self, finding: Finding, recipient: Option<String>) {
        if let Some(recipient) = recipient {
            self.leaked.push((self.findings.len(), recipient));
        }
        self.findings.push(finding);
    }

    fn blind(
        &mut self,
        s: &Subject<'_>,
        code: BlindCode,
        span: Option<Span>,
        reason: Message,
        blocking: bool,
    ) {
        let line = span.map(|span| s.places.line(span.start));
        self.blind_spots.push(BlindSpot {
            path: s.path.clone(),
            line,
            code,
            reason,
            blocking,
            accepted: None,
            origin: None,
        });
    }
}

/// What judging a file tells those who look at many.
#[derive(Default)]
pub struct Judged {
    /// Findings and blind spots.
    pub sink: Sink,
    /// Whether it carries metadata.
    pub encrypted: bool,
    /// Whether it had to be and is, wholly: it carries sound ciphertext and no finding of its own.
    pub age_recipients: Vec<String>,
    /// The Flux Kustomizations in it.
    pub kustomizations: Vec<(crate::kube::FluxKustomization, Place)>,
    /// Whether a patch in it adds `decryption` to Kustomizations.
    pub patches_decryption: bool,
}

/// Judges one file: steps 0 to 8 in order.
pub fn judge(s: &Subject<'_>, around: &dyn Neighbourhood) -> Judged {
    let mut out = Judged::default();
    let sink = &mut out.sink;
    private_key::run(s, sink);
    if s.path.file_name() == CONFIG_NAME {
        settle::settle(s, &mut out.sink);
        return out;
    }
    if s.is_blank() {
        // Comment-only files hold nothing to encrypt; keys in comments were sought.
        settle::settle(s, &mut out.sink);
        return out;
    }
    if let Some(found) = &s.envelope {
        out.encrypted = true;
        out.age_recipients = found.envelope.age_recipients().map(str::to_owned).collect();
        envelope(s, found, around, sink);
    } else {
        if !s.template {
            broken_envelope::without_metadata(s, sink);
            if s.hints.conflict && s.hints.ciphertext && s.hints.metadata && s.conflict().is_some()
            {
                broken_envelope::unparsable(s, sink);
            }
        }
        let decrypted = decrypted_file::run(s, around, sink);
        let copied = !decrypted
            && !s.exempt_by_nature()
            && !s.template
            && decrypted_copy::run(s, around, sink);
        if !decrypted && !copied {
            decrypted_file::renamed(s, around, sink);
        }
        unencrypted_file::run(s, around, sink);
    }
    if !s.exempt_from_content() {
        plaintext_secret::run(s, around, sink);
        embedded_secret::run(s, sink);
        last_applied_secret::run(s, sink);
        generator_literal::run(s, sink);
        generator_source::run(s, around, sink);
        if s.envelope.is_none()
            && s.stub.is_some()
            && sink
                .findings
                .iter()
                .any(|f| f.check == &plaintext_secret::INFO)
            && !s.template
        {
            broken_envelope::stub(s, sink);
        }
    }
    blind(s, sink);
    flux(s, &mut out);
    settle::settle(s, &mut out.sink);
    out
}

fn envelope(
    s: &Subject<'_>,
    found: &crate::subject::FoundEnvelope,
    around: &dyn Neighbourhood,
    sink: &mut Sink,
) {
    let own = s.survey(Some(&found.envelope.options));
    if s.template && own.encrypted == 0 && !found.envelope.has_long_enc {
        broken_envelope::example(s, found, sink);
        return;
    }
    if own.limit {
        sink.blind(
            s,
            BlindCode::LimitReached,
            None,
            say!["its aliases expand beyond the limit"],
            true,
        );
    }
    double_encrypted::run(s, found, &own, around, sink);
    if !found.envelope.encrypted_fields.is_empty() {
        // Everything else that could be said follows from that.
        return;
    }
    broken_envelope::metadata(s, found, sink);
    forged_ciphertext::run(s, found, &own, sink);
    hidden_plaintext::run(s, found, &own, sink);
    let rule = s.decision.rule();
    hollow_envelope::run(s, found, &own, sink);
    let by_rule = rule.filter(|r| {
        r.options.has_positive_selector()
            && Format::of_name(&s.name) != Format::Binary
            && matches!(s.asked(), Asked::Narrow | Asked::Strict)
    });
    let by_rule = by_rule.map(|r| s.selected_by(&r.effective_options(s.format), &own));
    unencrypted_value::run(s, &own, &by_rule.unwrap_or_default(), sink);
    encrypted_identity::run(s, sink);
    match rule {
        Some(rule) => {
            if rule.has_keys()
                && rule.refused().is_none()
                && !found.envelope.groups.iter().all(Vec::is_empty)
            {
                let drift = recipients::drift(&found.envelope.groups, &rule.groups);
                recipient_missing::run(s, found, &drift, sink);
                recipient_extra::run(s, found, &drift, sink);
            }
            scope_drift::run(s, found, rule, sink);
        }
        None if around.whole_view()
            && matches!(s.decision.choice, Choice::NoMatch | Choice::NoCreationRules) =>
        {
            ungoverned_ciphertext::run(s, found, sink)
        }
        None => {}
    }
}

/// Files that matter and do not parse are never passed over in silence.
fn blind(s: &Subject<'_>, sink: &mut Sink) {
    if s.template || (s.exempt_by_nature() && s.envelope.is_none()) {
        return;
    }
    // Ciphertext and a sops key say that this was an envelope, even if the block cannot be read any more.
    let was_envelope = s.hints.ciphertext && s.hints.metadata;
    let matters = s.envelope.is_some()
        || was_envelope
        || (s.exempt.is_none() && (s.promised || s.asked() != Asked::No));
    let fatal = s
        .parsed
        .iter()
        .flat_map(|p| &p.problems)
        .find(|p| p.is_fatal());
    if let Some(problem) = fatal
        && (matters || s.hints.secret || s.hints.ciphertext)
    {
        let code = if problem.kind == crate::syntax::ProblemKind::TooDeep {
            BlindCode::LimitReached
        } else {
            BlindCode::Unparsable
        };
        sink.blind(
            s,
            code,
            Some(problem.span),
            say![
                "it does not parse as ",
                s.format.as_str(),
                " and was read line by line"
            ],
            matters,
        );
    }
    if s.lossy && matters && s.format.is_structured() {
        sink.blind(
            s,
            BlindCode::Unparsable,
            None,
            say!["it is not valid UTF-8; bad bytes were replaced"],
            s.envelope.is_none(),
        );
    }
}

fn flux(s: &Subject<'_>, out: &mut Judged) {
    if !s.hints.manifest || s.template {
        return;
    }
    for (n, doc) in s.documents().iter().enumerate() {
        if let Some(k) = crate::kube::flux_kustomization(doc) {
            let place = s.places.span(k.span, n);
            out.kustomizations.push((k, place));
            out.patches_decryption |= crate::kube::patches_add_decryption(doc);
        }
    }
}

/// A symbolic link: its target text is searched for keys only.
pub fn judge_link(s: &Subject<'_>) -> Judged {
    let mut out = Judged::default();
    private_key::run(s, &mut out.sink);
    out
}

/// A private key in a file that is too large to be held.
pub fn key_in_large_file(path: &RepoPath, hit: &crate::keys::KeyHit, place: Place) -> Vec<Finding> {
    let mut sink = Sink::default();
    private_key::in_large_file(path, hit, place, &mut sink);
    sink.findings
}

/// What config checks are told.
pub struct ConfigFacts<'c> {
    /// The config.
    pub loaded: &'c LoadedConfig,
    /// Places in its text.
    pub places: Places<'c>,
    /// What the settings ask.
    pub policy: &'c Policy,
    /// How many files get each rule.
    pub reached: Vec<u64>,
    /// The rule whose broken pattern some file reached.
    pub bad_pattern_reached: Option<usize>,
    /// Files below the config that it governs.
    pub below: Vec<&'c RepoPath>,
    /// Whether the whole view was scanned.
    pub whole_view: bool,
    /// Whether the view belongs to a repository.
    pub in_repository: bool,
    /// A file whose verdict an outer config would change, and that config.
    pub ambiguous: Option<(RepoPath, RepoPath)>,
}

/// Judges one config.
pub fn judge_config(c: &ConfigFacts<'_>) -> Sink {
    let mut sink = Sink::default();
    config_invalid::run(c, &mut sink);
    config_untracked::run(c, &mut sink);
    if c.loaded.config.broken.is_none() {
        scope_regex_invalid::run(c, &mut sink);
        rule_outside::run(c, &mut sink);
        rule_unreachable::run(c, &mut sink);
        rule_without_keys::run(c, &mut sink);
        recipient_invalid::run(c, &mut sink);
        rule_field_unknown::run(c, &mut sink);
        config_ambiguous::run(c, &mut sink);
        if c.whole_view {
            rule_unused::run(c, &mut sink);
        }
        let costly = c.loaded.config.rules().iter().any(|r| {
            r.path_regex.as_ref().is_some_and(|p| p.own_limit)
                || r.options.patterns().any(|(_, p)| p.own_limit)
        });
        if costly {
            let reason = say!["a pattern of this config is too costly to judge"];
            sink.blind_spots.push(BlindSpot {
                path: c.loaded.path.clone(),
                line: None,
                code: BlindCode::LimitReached,
                reason,
                blocking: true,
                accepted: None,
                origin: None,
            });
        }
    }
    settle::soften_config(&c.loaded.path, c.policy, &mut sink);
    sink
}

/// A config that sops does not find by its name.
pub fn judge_misnamed(path: &RepoPath) -> Sink {
    let mut sink = Sink::default();
    config_misnamed::run(path, &mut sink);
    sink
}

/// Something that was to hide findings and does not.
pub fn judge_idle(path: &RepoPath, line: u32, idle: &ignore_unused::Idle) -> Sink {
    let mut sink = Sink::default();
    ignore_unused::run(path, line, idle, &mut sink);
    sink
}

/// A Flux Kustomization that reaches an encrypted file and does not decrypt.
pub fn judge_kustomization(path: &RepoPath, place: Place, first: &RepoPath) -> Sink {
    let mut sink = Sink::default();
    decryption_missing::run(path, place, first, &mut sink);
    sink
}

/// A file whose staged copy is plain while the one on disk is encrypted.
pub fn judge_index_differs(path: &RepoPath, sink: &mut Sink) {
    index_differs::run(path, sink);
}

/// The rules of a view against those of its base view. `texts` are the configs of the view, `files` its paths.
pub fn judge_change(
    base: &ConfigSet,
    own: &ConfigSet,
    texts: &[(RepoPath, String)],
    files: &[&RepoPath],
) -> Sink {
    let mut sink = Sink::default();
    guard_weakened::run(base, own, texts, files, &mut sink);
    sink
}

/// Settings, baseline or a comment that hide more than those of the base view.
pub fn judge_hidden(path: &RepoPath, line: Option<u32>, message: Message) -> Sink {
    let mut sink = Sink::default();
    guard_weakened::hidden(path, line, message, &mut sink);
    sink
}

/// A leaf that stood plain before it was encrypted.
pub fn leaked_value(path: &RepoPath, place: Place, severity: Severity) -> Finding {
    leaked_value::finding(path, place, severity)
}

/// The same where today's value was decrypted and is another one.
pub fn replaced(leaked: Finding) -> Finding {
    leaked_value::replaced(leaked)
}

/// The same where today's value is still that one.
pub fn never_rotated(leaked: Finding) -> Finding {
    never_rotated::of(leaked)
}

/// A value of today that stands plain in another file of history.
pub fn never_rotated_elsewhere(at: Finding, path: &RepoPath, key: &Message) -> Finding {
    never_rotated::elsewhere(at, path, key)
}

/// Former recipients of a file who can still read values of today.
pub fn stale_recipient(path: &RepoPath, left: &[KeyEntry]) -> Finding {
    stale_recipient::finding(path, left)
}

/// A private key in the message of a commit or tag.
pub fn key_in_message(path: &RepoPath, hit: &crate::keys::KeyHit) -> Finding {
    private_key::in_message(path, hit)
}

/// Names under which the encrypted file can stand of which a file would be a copy.
pub fn encrypted_siblings(path: &RepoPath) -> Vec<RepoPath> {
    decrypted_copy::siblings(path, &crate::subject::standing::file_name(path))
}

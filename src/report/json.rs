//! The JSON report, version 1: its own structs, so that a change of the model is not silently a change of the format.
//!
//! The schema in `docs/schema/report.schema.json` is generated from these types by `tests/report.rs`. Fields are never
//! left out: what is absent is `null`. Values that only other modes can have (`exposure`, `ignored_by`, `index`, …) are
//! part of the version from the start, so that they can be filled without a new one. Strings are written so that a
//! terminal cannot be attacked through them, without changing the value that a parser reads.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Serialize;

use super::phrases::opened;
use crate::model::{self, Message, Outcome, RepoPath, Severity};

/// Version of the format. It grows when a field changes its meaning or goes away, not when one is added.
pub const VERSION: u32 = 1;

/// Report of one run of sopsguard.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "sopsguard report")]
pub struct Report {
    /// Version of this format.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The program that wrote the report.
    pub tool: Tool,
    /// What was scanned.
    pub mode: Mode,
    /// The repository, `null` outside one.
    pub repository: Option<Repository>,
    /// What the run amounts to.
    pub verdict: Verdict,
    /// Whether everything that matters was judged: no blind spot blocks.
    pub complete: bool,
    /// Exit code of the run: 0 clean, 1 findings, 3 incomplete.
    pub exit_code: u8,
    /// How many of what.
    pub counts: Counts,
    /// Findings, sorted by path, position and check.
    pub findings: Vec<Finding>,
    /// What could not be judged, sorted.
    pub blind_spots: Vec<BlindSpot>,
    /// Figures of the run.
    pub stats: Stats,
}

/// The program that wrote the report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tool {
    /// Always `sopsguard`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// What was scanned.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// What is on disk.
    Worktree,
    /// What `git commit` would record.
    Staged,
    /// Every version that a range adds.
    Range,
    /// Every version that can be reached.
    History,
    /// What a push would bring.
    PreReceive,
    /// One file from standard input.
    Stdin,
}

/// The repository that was scanned.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Repository {
    /// Commit of HEAD, `null` on an unborn branch.
    pub head: Option<String>,
    /// Commit of the base view.
    pub base: Option<String>,
    /// Whether the clone is shallow.
    pub shallow: bool,
}

/// What a run amounts to.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing at or above the threshold, and everything that matters was judged (or `--allow-incomplete`).
    Clean,
    /// Findings at or above the threshold of `--fail-on`.
    Found,
    /// Nothing at or above the threshold, but something that matters could not be judged.
    Incomplete,
}

/// How many of what.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Counts {
    /// Active findings of severity error.
    pub error: u64,
    /// Active findings of severity warning.
    pub warning: u64,
    /// Active findings of severity note.
    pub note: u64,
    /// Findings that a comment in the file or the settings hide.
    pub ignored: u64,
    /// Findings that the baseline hides.
    pub baseline: u64,
    /// Blind spots, blocking or not, accepted or not.
    pub blind_spots: u64,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// Id of the check.
    pub check: &'static str,
    /// Severity after the value and the place were weighed.
    pub severity: Severity,
    /// Severity of the check itself.
    pub default_severity: Severity,
    /// Whether a lenient place (tests, examples, docs) softened it.
    pub lenient: bool,
    /// Whether the settings gave it another severity.
    pub configured: bool,
    /// Whether the finding counts.
    pub status: Status,
    /// What hides the finding, `null` while it is active.
    pub ignored_by: Option<IgnoredBy>,
    /// Whether the base view did not have it; `null` when that is unknown.
    pub new: Option<bool>,
    /// The file, relative to the root of the repository, with `/`. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub path: String,
    /// The exact bytes of the path in Base64, only where it is not UTF-8.
    pub path_bytes: Option<String>,
    /// First line, from 1.
    pub line: Option<u32>,
    /// First column, from 1, in characters.
    pub column: Option<u32>,
    /// Last line, from 1.
    pub end_line: Option<u32>,
    /// Column one past the end, from 1.
    pub end_column: Option<u32>,
    /// Index of the document in the file, from 0.
    pub document: u32,
    /// JSON pointer (RFC 6901) to the leaf. Keys that are long or look like key material are `[masked]`.
    pub pointer: Option<String>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do, in one sentence.
    pub help: Option<String>,
    /// The repair, where one command is enough.
    pub fix: Option<Fix>,
    /// Stable identity: holds no line and no value.
    pub fingerprint: String,
    /// Further places that explain the finding.
    pub related: Vec<Related>,
    /// The creation rules behind it.
    pub governed_by: Vec<GovernedBy>,
    /// Where the bytes were seen, at most 50.
    pub origins: Vec<Origin>,
    /// How many origins there are.
    pub origins_total: u64,
    /// How far a leaked value spread; `null` outside `--history`.
    pub exposure: Option<Exposure>,
}

/// Whether a finding counts.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It counts.
    Active,
    /// A comment in the file or the settings hide it.
    Ignored,
    /// The baseline hides it.
    Baseline,
}

/// What hides a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IgnoredBy {
    /// The kind of thing.
    pub kind: IgnoredKind,
    /// The file that holds it.
    pub path: String,
    /// Its line, from 1; `null` where no line says so.
    pub line: Option<u32>,
}

/// Kinds of things that hide findings.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IgnoredKind {
    /// A comment in the file.
    Inline,
    /// The settings: the check is off.
    Settings,
    /// An entry of the baseline.
    Baseline,
    /// The base view has it as well, and `--new-only` asks for what is new.
    Base,
}

/// The entry of the settings that accepts a blind spot.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AcceptedBy {
    /// The settings file.
    pub path: String,
    /// Line of the entry, from 1.
    pub line: u32,
    /// The last day on which it holds, `YYYY-MM-DD`; `null` for always.
    pub until: Option<String>,
}

/// A repair.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Fix {
    /// The command, for a POSIX shell at the root of the repository.
    pub command: String,
}

/// A further place that explains a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Related {
    /// The file.
    pub path: String,
    /// Its line, from 1.
    pub line: Option<u32>,
    /// What is there.
    pub message: String,
}

/// A creation rule behind a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GovernedBy {
    /// Path of the `.sops.yaml`.
    pub config: String,
    /// Index among its creation rules, from 0.
    pub rule: u32,
    /// Line of the rule, from 1.
    pub line: u32,
    /// The view whose config it is.
    pub at: At,
}

/// The view whose config was asked.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// The view the file was read from.
    Own,
    /// The base view.
    Base,
    /// Today's HEAD, in `--history`.
    Head,
}

/// Where bytes were seen.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Origin {
    /// The kind of place.
    pub kind: OriginKind,
    /// The commit.
    pub commit: Option<String>,
    /// The blob.
    pub blob: Option<String>,
    /// The ref that reaches it.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
}

/// Kinds of places where bytes are seen.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OriginKind {
    /// On disk.
    Worktree,
    /// In the index.
    Index,
    /// In a commit.
    Commit,
    /// In a stash.
    Stash,
    /// In a commit that only a reflog holds.
    Reflog,
    /// In an object that nothing reaches.
    Unreachable,
    /// In the message of a commit or tag.
    Message,
    /// On standard input.
    Stdin,
}

/// How far a leaked value spread. Times are those of committers' clocks.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Exposure {
    /// The oldest commit that brought it; `null` for what no commit holds.
    pub first_commit: Option<String>,
    /// When that was, in UTC (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub first_seen: String,
    /// The newest commit that holds it; `null` while the tip of a ref holds it.
    pub last_commit: Option<String>,
    /// When it was seen last, in UTC (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub last_seen: String,
    /// Who committed it first.
    pub author: Option<Person>,
    /// How many commits hold it.
    pub commits: u64,
    /// Refs, stashes and reflogs that still reach it, by full name, at most 50.
    pub refs: Vec<String>,
    /// How many there are.
    pub refs_total: u64,
    /// Whether HEAD holds it.
    pub at_head: bool,
    /// Whether HEAD has the file encrypted.
    pub encrypted_now: bool,
    /// Whether the value was replaced.
    pub value_changed: ValueChanged,
    /// Findings with equal values share this number; `null` where values were not compared.
    pub value_group: Option<u32>,
    /// Its plaintext versions, oldest first.
    pub versions: Vec<LeakedVersion>,
}

/// Who committed something. Words that look like key material are `[masked]`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// What is known of whether a leaked value was replaced.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValueChanged {
    /// The value of today was decrypted and is another one.
    Proven,
    /// The ciphertext of today has a length that the leaked value cannot have.
    Likely,
    /// Nothing can be told.
    Unknown,
    /// It is still the same.
    No,
}

/// One plaintext version of a leaked value.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LeakedVersion {
    /// The blob.
    pub blob: String,
    /// The commit that holds it while no parent does.
    pub first_commit: Option<String>,
    /// The first commit on that line of development without it; `null` while it is there.
    pub removed_commit: Option<String>,
}

/// Something that could not be judged.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BlindSpot {
    /// Kind of obstacle; the names are stable, and new ones may come.
    pub code: &'static str,
    /// The file.
    pub path: String,
    /// Its line, from 1.
    pub line: Option<u32>,
    /// The obstacle in words.
    pub reason: String,
    /// Whether it matters, so that the run cannot be called clean.
    pub blocking: bool,
    /// The `[[accept]]` entry that accepts it.
    pub accepted_by: Option<AcceptedBy>,
    /// Where the bytes are.
    pub origin: Option<Origin>,
}

/// Figures of a run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Stats {
    /// Files of the view.
    pub files: u64,
    /// Files whose content was judged.
    pub judged: u64,
    /// Files that carry SOPS metadata.
    pub encrypted: u64,
    /// Commits read; `null` where none are.
    pub commits: Option<u64>,
    /// Blobs read; `null` where none are.
    pub blobs: Option<u64>,
    /// Bytes read.
    pub bytes: u64,
    /// Wall time in milliseconds; the only figure that differs from run to run.
    pub elapsed_ms: u64,
}

/// Writes the report as one indented object and a newline.
pub(super) fn render(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(&Report::of(outcome))?;
    out.write_all(terminal_safe(&text).as_bytes())?;
    out.write_all(b"\n")
}

/// The JSON schema of [`Report`] (draft 2020-12), indented, with a newline at the end.
pub fn schema() -> String {
    let schema = schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Report>();
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

impl Report {
    fn of(outcome: &Outcome) -> Self {
        Self {
            version: VERSION,
            tool: Tool::this(),
            mode: Mode::of(outcome),
            repository: Repository::of(outcome),
            verdict: Verdict::of(outcome),
            complete: outcome.complete(),
            exit_code: outcome.exit_code() as u8,
            counts: Counts::of(outcome),
            findings: outcome
                .findings
                .iter()
                .map(|f| Finding::of(f, outcome.mode))
                .collect(),
            blind_spots: outcome
                .blind_spots
                .iter()
                .map(|b| BlindSpot::of(b, outcome.mode))
                .collect(),
            stats: Stats::of(outcome),
        }
    }
}

impl Tool {
    pub(super) fn this() -> Self {
        Self {
            name: "sopsguard",
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

impl Mode {
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome.mode {
            model::Mode::Worktree => Self::Worktree,
            model::Mode::Staged => Self::Staged,
            model::Mode::Range => Self::Range,
            model::Mode::History => Self::History,
            model::Mode::PreReceive => Self::PreReceive,
            model::Mode::Stdin => Self::Stdin,
        }
    }
}

impl Repository {
    pub(super) fn of(outcome: &Outcome) -> Option<Self> {
        let model::Repository {
            head,
            base,
            shallow,
        } = outcome.repository.clone()?;
        Some(Self {
            head,
            base,
            shallow,
        })
    }
}

impl Verdict {
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome.verdict() {
            model::Verdict::Clean => Self::Clean,
            model::Verdict::Found => Self::Found,
            model::Verdict::Incomplete => Self::Incomplete,
        }
    }
}

impl Counts {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let c = outcome.counts();
        Self {
            error: c.error,
            warning: c.warning,
            note: c.note,
            ignored: c.inline + c.off + c.known,
            baseline: c.baseline,
            blind_spots: c.blind_spots,
        }
    }
}

impl Finding {
    pub(super) fn of(f: &model::Finding, mode: model::Mode) -> Self {
        let position = f.place.position;
        Self {
            check: f.check.id,
            severity: f.severity,
            default_severity: f.check.severity,
            lenient: f.lenient,
            configured: f.configured,
            status: Status::of(&f.status),
            ignored_by: IgnoredBy::of(f),
            new: f.new,
            path: path_text(&f.path),
            path_bytes: (!f.path.is_utf8()).then(|| STANDARD.encode(f.path.as_bytes())),
            line: position.map(|p| p.line),
            column: position.map(|p| p.column),
            end_line: position.map(|p| p.end_line),
            end_column: position.map(|p| p.end_column),
            document: f.place.document,
            pointer: f.place.pointer.as_ref().map(|p| p.as_str().to_owned()),
            message: f.message.as_str().to_owned(),
            help: said(&f.help),
            fix: f.fix.as_ref().and_then(said).map(|command| Fix { command }),
            fingerprint: f.fingerprint(),
            related: f
                .related
                .iter()
                .map(Related::of)
                .chain(f.opens.iter().map(Related::opened))
                .collect(),
            governed_by: f.governed_by.iter().map(GovernedBy::of).collect(),
            origins: match f.origins.as_slice() {
                [] => vec![Origin::current(mode, f.blob.clone())],
                seen => seen.iter().map(Origin::of).collect(),
            },
            origins_total: f.origins_total.max(f.origins.len() as u64).max(1),
            exposure: f.exposure.as_deref().map(Exposure::of),
        }
    }
}

impl Status {
    fn of(status: &model::Status) -> Self {
        match status {
            model::Status::Active => Self::Active,
            model::Status::Settings { .. }
            | model::Status::Inline { .. }
            | model::Status::Known => Self::Ignored,
            model::Status::Baseline { .. } => Self::Baseline,
        }
    }
}

impl IgnoredBy {
    fn of(f: &model::Finding) -> Option<Self> {
        let (kind, path, line) = match &f.status {
            model::Status::Active => return None,
            model::Status::Settings { path, line } => (IgnoredKind::Settings, path, Some(*line)),
            model::Status::Inline { line } => (IgnoredKind::Inline, &f.path, Some(*line)),
            model::Status::Baseline { path, line } => (IgnoredKind::Baseline, path, Some(*line)),
            model::Status::Known => (IgnoredKind::Base, &f.path, None),
        };
        Some(Self {
            kind,
            path: path_text(path),
            line,
        })
    }
}

impl AcceptedBy {
    fn of(a: &model::Accepted) -> Self {
        Self {
            path: path_text(&a.path),
            line: a.line,
            until: a.until.map(|d| d.to_string()),
        }
    }
}

impl Related {
    fn of(r: &model::Related) -> Self {
        Self {
            path: path_text(&r.path),
            line: r.line,
            message: r.message.as_str().to_owned(),
        }
    }
}

impl Related {
    /// A file that a leaked key opens.
    fn opened(o: &model::Opened) -> Self {
        Self {
            path: path_text(&o.path),
            line: None,
            message: opened(o),
        }
    }
}

impl GovernedBy {
    fn of(g: &model::GovernedBy) -> Self {
        let at = match g.at {
            model::View::Own => At::Own,
            model::View::Base => At::Base,
            model::View::Head => At::Head,
        };
        Self {
            config: path_text(&g.config),
            rule: g.rule,
            line: g.line,
            at,
        }
    }
}

impl Exposure {
    fn of(e: &model::Exposure) -> Self {
        Self {
            first_commit: e.first_commit.clone(),
            first_seen: e.first_seen.to_string(),
            last_commit: e.last_commit.clone(),
            last_seen: e.last_seen.to_string(),
            author: e.author.as_ref().map(|p| Person {
                name: p.name.as_str().to_owned(),
                email: p.email.as_str().to_owned(),
            }),
            commits: e.commits,
            refs: e.refs.iter().map(path_text).collect(),
            refs_total: e.refs_total.max(e.refs.len() as u64),
            at_head: e.at_head,
            encrypted_now: e.encrypted_now,
            value_changed: match e.value_changed {
                model::ValueChanged::Proven => ValueChanged::Proven,
                model::ValueChanged::Likely => ValueChanged::Likely,
                model::ValueChanged::Unknown => ValueChanged::Unknown,
                model::ValueChanged::No => ValueChanged::No,
            },
            value_group: e.value_group,
            versions: e
                .versions
                .iter()
                .map(|v| LeakedVersion {
                    blob: v.blob.clone(),
                    first_commit: v.first_commit.clone(),
                    removed_commit: v.removed_commit.clone(),
                })
                .collect(),
        }
    }
}

impl Origin {
    /// A place in history.
    fn of(origin: &model::Origin) -> Self {
        Self {
            kind: match origin.kind {
                model::OriginKind::Commit => OriginKind::Commit,
                model::OriginKind::Stash => OriginKind::Stash,
                model::OriginKind::Reflog => OriginKind::Reflog,
                model::OriginKind::Unreachable => OriginKind::Unreachable,
                model::OriginKind::Message => OriginKind::Message,
            },
            commit: origin.commit.clone(),
            blob: origin.blob.clone(),
            reference: origin.reference.as_ref().map(path_text),
        }
    }

    /// The place that is scanned, where nothing more is known.
    fn current(mode: model::Mode, blob: Option<String>) -> Self {
        let kind = match mode {
            model::Mode::Worktree => OriginKind::Worktree,
            // What a hook manager names without staging it is read from the disk, and so is a config never added.
            model::Mode::Staged if blob.is_none() => OriginKind::Worktree,
            model::Mode::Staged => OriginKind::Index,
            model::Mode::Stdin => OriginKind::Stdin,
            model::Mode::Range | model::Mode::History | model::Mode::PreReceive => {
                OriginKind::Commit
            }
        };
        Self {
            kind,
            commit: None,
            blob,
            reference: None,
        }
    }
}

impl BlindSpot {
    pub(super) fn of(b: &model::BlindSpot, mode: model::Mode) -> Self {
        Self {
            code: b.code.as_str(),
            path: path_text(&b.path),
            line: b.line,
            reason: b.reason.as_str().to_owned(),
            blocking: b.blocking,
            accepted_by: b.accepted.as_ref().map(AcceptedBy::of),
            origin: Some(match &b.origin {
                Some(origin) => Origin::of(origin),
                None => Origin::current(mode, None),
            }),
        }
    }
}

impl Stats {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let model::Stats {
            files,
            judged,
            encrypted,
            commits,
            blobs,
            bytes,
            elapsed_ms,
        } = outcome.stats;
        Self {
            files,
            judged,
            encrypted,
            commits,
            blobs,
            bytes,
            elapsed_ms,
        }
    }
}

fn path_text(path: &RepoPath) -> String {
    path.to_text().into_owned()
}

fn said(message: &Message) -> Option<String> {
    (!message.is_empty()).then(|| message.as_str().to_owned())
}

/// JSON text with every character outside ASCII that is neither letter nor digit as `\uXXXX` (DEL too), so that no
/// bidirectional or control character of a path reaches a terminal. Such characters stand only inside JSON strings.
pub(super) fn terminal_safe(json: &str) -> Cow<'_, str> {
    let plain = |c: char| (c.is_ascii() && c != '\u{7f}') || c.is_alphanumeric() || c == '…';
    if json.chars().all(plain) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if plain(c) {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Cow::Owned(out)
}

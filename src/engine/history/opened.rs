//! What the encrypted files of HEAD hold, as far as the keys at hand open them.
//!
//! Held for the time of the audit, and only to be compared: with what leaked at the same place (`compare`), and with all of
//! history (`reused`).

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::first_look::{Alone, Envelope, key_path};
use super::{Auditor, FirstPass, Value, VersionNo, values};
use crate::decrypt::{Plain, Sops, Why};
use crate::model::{BlindCode, BlindSpot, Label, Message, SafeKey};
use crate::say;
use crate::sops::metadata;
use crate::sops::scope::{LeafAt, PathPart, walk};
use crate::sops::sealed::{Refusal, Sealed, SealedLeaf};
use crate::sops::value::{self, EncType, Judged};
use crate::subject::{ConfigSet, Source, Subject};
use crate::syntax::Format;

/// Most processes of sops at a time.
const PROCESSES: usize = 4;

/// After so many calls that took too long, none is made any more.
const PATIENCE: usize = 3;

/// What was decrypted, by version at HEAD.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) files: BTreeMap<VersionNo, Vec<OpenLeaf>>,
    /// Where in its file each leaf is.
    places: HashMap<(VersionNo, u64), usize>,
}

/// A leaf of ciphertext, and what it holds.
pub(super) struct OpenLeaf {
    /// Its key path, as envelopes number it; 0 where the file is one value.
    pub(super) path: u64,
    /// The last of its keys; empty where the file is one value.
    pub(super) key: Zeroizing<String>,
    /// The same, to be shown.
    pub(super) shown: Option<SafeKey>,
    /// Whether it stands under `data`, where Secrets hold base64.
    pub(super) in_data: bool,
    /// Its value.
    pub(super) value: Plain,
}

/// What is known of a leaf before it is decrypted.
struct About {
    path: u64,
    key: String,
    shown: Option<SafeKey>,
    in_data: bool,
}

impl Opened {
    /// Whether a value that leaked is that of today; `None` where today's is not known.
    pub(super) fn compare(&self, version: VersionNo, path: u64, leaked: &[u8]) -> Option<bool> {
        let at = *self.places.get(&(version, path))?;
        let leaf = self.files.get(&version)?.get(at)?;
        let now = spellings(leaf.value.bytes(), leaf.in_data);
        let then = spellings(leaked, leaf.in_data);
        Some(now.iter().any(|n| then.contains(n)))
    }
}

impl OpenLeaf {
    /// The value as the values of leaks are held.
    pub(super) fn normal(&self) -> Value {
        match std::str::from_utf8(self.value.bytes()) {
            Ok(text) if self.path != 0 => {
                Value::new(values::decoded(text, self.in_data.then_some("/data/")))
            }
            _ => Value::new(self.value.bytes().to_vec()),
        }
    }
}

/// A value without the blanks around it, and what it stands for under `data`.
fn spellings(bytes: &[u8], in_data: bool) -> Vec<Value> {
    let mut all = vec![Value::new(bytes.trim_ascii().to_vec())];
    if let (true, Ok(text)) = (in_data, std::str::from_utf8(bytes)) {
        all.push(Value::new(values::decoded(text, Some("/data/"))));
    }
    all
}

/// Decrypts every encrypted file of HEAD. What does not open is a blind spot that does not block.
pub(super) fn open(
    auditor: &Auditor<'_>,
    first: &FirstPass,
    sops: &Sops,
    spots: &mut Vec<BlindSpot>,
) -> Opened {
    let at_head = auditor.at_head.values().copied();
    let mut all: Vec<(VersionNo, &Envelope)> = at_head
        .filter_map(|v| Some((v, first.envelopes.get(&v)?)))
        .collect();
    all.sort_by(|a, b| auditor.path_of(a.0).cmp(auditor.path_of(b.0)));
    auditor.progress.begin("decrypting", all.len() as u64);
    let mut opened = Opened::default();
    let mut waited = 0;
    for some in all.chunks(PROCESSES) {
        let one = |(version, envelope): &(VersionNo, &Envelope)| {
            let leaves = match waited >= PATIENCE || auditor.options.is_late() {
                true => Err(NotOpened::NotTried),
                false => open_one(auditor, *version, envelope, sops),
            };
            auditor.progress.advance(1);
            (*version, leaves)
        };
        let answers: Vec<_> = some.par_iter().with_max_len(1).map(one).collect();
        for (version, leaves) in answers {
            match leaves {
                Ok(leaves) => {
                    let places = leaves.iter().enumerate();
                    let places = places.map(|(at, leaf)| ((version, leaf.path), at));
                    opened.places.extend(places);
                    opened.files.insert(version, leaves);
                }
                Err(why) => {
                    waited += usize::from(why == NotOpened::Failed(Why::TimedOut));
                    let path = auditor.path_of(version);
                    let reason = why.reason();
                    let spot = BlindSpot::new(path, None, BlindCode::Unreadable, reason, false);
                    spots.push(spot);
                }
            }
        }
    }
    opened
}

#[derive(PartialEq, Eq)]
enum NotOpened {
    /// The object cannot be read.
    Lost,
    /// It was not handed to sops.
    Refused(Refusal),
    /// sops did not open it.
    Failed(Why),
    /// There was no time for it.
    NotTried,
}

impl NotOpened {
    fn reason(&self) -> Message {
        let mut reason = say!["could not be decrypted with the keys at hand: "];
        match self {
            Self::Lost => reason.push(&"it cannot be read"),
            Self::Refused(Refusal::NoValues | Refusal::NoKeys) => {
                reason.push(&"its metadata names no key to ask");
            }
            Self::Refused(Refusal::Plugins) => reason.push(&Why::Plugin.as_str()),
            Self::Refused(Refusal::Services(hosts)) => {
                reason.push(&"its keys are in services that --allow-key-service lets sops ask: ");
                for (n, host) in hosts.iter().take(3).enumerate() {
                    if n > 0 {
                        reason.push(&", ");
                    }
                    reason.push(&Label::identity(host));
                }
            }
            Self::Failed(why) => reason.push(&why.as_str()),
            Self::NotTried => {
                reason.push(&"there was no time left, or sops had taken too long before")
            }
        }
        reason
    }
}

fn open_one(
    auditor: &Auditor<'_>,
    version: VersionNo,
    envelope: &Envelope,
    sops: &Sops,
) -> Result<Vec<OpenLeaf>, NotOpened> {
    let bytes = auditor.bytes_of(version).ok_or(NotOpened::Lost)?;
    let (sealed, about) = match seal(auditor, version, &bytes, envelope, sops) {
        // Other checks tell of an envelope without ciphertext.
        Err(NotOpened::Refused(Refusal::NoValues)) => return Ok(Vec::new()),
        sealed => sealed?,
    };
    let values = sops.open(&sealed).map_err(NotOpened::Failed)?;
    let leaf = |(about, value): (About, Option<Plain>)| {
        Some(OpenLeaf {
            path: about.path,
            key: Zeroizing::new(about.key),
            shown: about.shown,
            in_data: about.in_data,
            value: value?,
        })
    };
    Ok(about.into_iter().zip(values).filter_map(leaf).collect())
}

/// The copy for sops, and what its leaves are.
fn seal(
    auditor: &Auditor<'_>,
    version: VersionNo,
    bytes: &[u8],
    envelope: &Envelope,
    sops: &Sops,
) -> Result<(Sealed, Vec<About>), NotOpened> {
    let configs = ConfigSet::default();
    let around = Alone {
        configs: &configs,
        policy: &auditor.options.settings.policy,
        prefilter: false,
    };
    let source = Source::new(bytes);
    let s = Subject::new(auditor.path_of(version), &source, &around);
    let refused = |why: Refusal| NotOpened::Refused(why);
    let in_document = s.envelope.as_ref().map(|e| e.document);
    let doc = in_document.and_then(|n| s.documents().get(n));
    let meta = doc.and_then(|doc| metadata::find(doc, s.format));
    let meta = meta.ok_or(refused(Refusal::NoKeys))?;
    let (mut leaves, mut about) = (Vec::new(), Vec::new());
    for (n, doc) in s.documents().iter().enumerate() {
        let mut visit = |leaf: LeafAt<'_>| {
            let Some(text) = doc.text(leaf.node) else {
                return;
            };
            let sound = match value::judge(text) {
                Judged::Sound(v) => !matches!(v.ty, EncType::Comment | EncType::Bytes),
                _ => false,
            };
            if !sound {
                return;
            }
            let keys = leaf.path.iter().filter_map(|part| match part {
                PathPart::Key(key) => Some(doc.text(*key).unwrap_or("").to_owned()),
                PathPart::Index(_) => None,
            });
            let keys: Vec<String> = keys.collect();
            // The metadata of dotenv files stands among the values.
            let flat = s.format == Format::Dotenv;
            if flat && keys.first().is_some_and(|k| k.starts_with("sops_")) {
                return;
            }
            let key = keys.last().cloned().unwrap_or_default();
            about.push(match envelope.opaque {
                true => About {
                    path: 0,
                    key: String::new(),
                    shown: None,
                    in_data: false,
                },
                false => About {
                    path: key_path(doc, n, leaf.path),
                    shown: Some(SafeKey::new(&key)),
                    key,
                    in_data: keys.len() > 1 && keys[keys.len() - 2] == "data",
                },
            });
            leaves.push(SealedLeaf {
                keys,
                text: text.to_owned(),
            });
        };
        walk(doc, None, s.metadata_key(), &mut visit);
    }
    let sealed = Sealed::new(&meta, leaves, envelope.opaque, sops.allowed()).map_err(refused)?;
    Ok((sealed, about))
}

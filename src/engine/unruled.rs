//! Files whose rules are unknown: their config is a link, cannot be read, cannot be loaded, or has a pattern that Go rejects
//! in front of the rule that would decide.
//!
//! Where such a config is judged itself it says so. A commit and a call with paths judge a few files, and the config is
//! seldom among them: then a plain file below it is not clean, it could not be judged.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Around, Seen, Status, is_skeleton, linked_config};
use crate::model::{BlindCode, BlindSpot, RepoPath};
use crate::say;
use crate::settings;
use crate::sops::config::Choice;
use crate::source::{BaseView, Entry, FileKind, ReadError};
use crate::subject::Neighbourhood;
use crate::subject::configs::CONFIG_NAME;
use crate::syntax::decode;

/// One blind spot for each config that leaves a judged file without known rules. `named` governs everything, if it is there;
/// `told` are configs that are judged and speak for themselves.
pub(super) fn unknown_rules(
    seen: &[Seen<'_>],
    named: Option<&RepoPath>,
    told: &HashSet<&RepoPath>,
    around: &Around<'_>,
) -> Vec<BlindSpot> {
    let mut lost: BTreeMap<RepoPath, BlindSpot> = BTreeMap::new();
    let unusable = unusable(named, around);
    // Nearly always all is well, and no file has to be decided again.
    let rejected = around.configs().iter().any(|c| {
        let mut patterns = c.config.rules().iter().flat_map(|r| &r.path_regex);
        patterns.any(|p| p.regex.is_err())
    });
    if !rejected && unusable.is_empty() {
        return Vec::new();
    }
    let plain = |s: &&Seen<'_>| s.status == Status::Plain && s.entry.touched;
    for path in seen.iter().filter(plain).map(|s| &s.entry.path) {
        let spot = match unusable.nearest(path) {
            Some(spot) => spot.clone(),
            None => {
                let decision = around.configs().decide(path);
                let (Some(config), Choice::BadPattern(rule)) = (decision.config, decision.choice)
                else {
                    continue;
                };
                let reason = say![
                    "Go rejects the pattern of rule ",
                    rule + 1,
                    " of this config, so nobody knows which rule governs ",
                    *path
                ];
                BlindSpot::new(&config.path, None, BlindCode::Unparsable, reason, true)
            }
        };
        if !told.contains(&spot.path) {
            lost.entry(spot.path.clone()).or_insert(spot);
        }
    }
    lost.into_values().collect()
}

/// Configs by their directory: `None` for those that can be used.
struct Unusable {
    named: Option<BlindSpot>,
    by_dir: HashMap<Vec<u8>, Option<BlindSpot>>,
}

impl Unusable {
    fn is_empty(&self) -> bool {
        self.named.is_none() && self.by_dir.values().all(Option::is_none)
    }

    /// What keeps the config that governs a path from being used.
    fn nearest(&self, path: &RepoPath) -> Option<&BlindSpot> {
        if self.named.is_some() {
            return self.named.as_ref();
        }
        let mut dir = path.parent();
        loop {
            if let Some(state) = self.by_dir.get(dir) {
                return state.as_ref();
            }
            if dir.is_empty() {
                return None;
            }
            dir = memchr::memrchr(b'/', dir).map_or(&dir[..0], |at| &dir[..at]);
        }
    }
}

fn unusable(named: Option<&RepoPath>, around: &Around<'_>) -> Unusable {
    if let Some(path) = named {
        return Unusable {
            named: obstacle(path, FileKind::Regular, around).flatten(),
            by_dir: HashMap::new(),
        };
    }
    let configs = around.view().called(CONFIG_NAME).into_iter();
    let states = configs.filter_map(|(path, known)| {
        let state = obstacle(&path, known.kind, around)?;
        Some((path.parent().to_vec(), state))
    });
    Unusable {
        named: None,
        by_dir: states.collect(),
    }
}

/// Why a config cannot be used; `None` for one that governs nothing.
fn obstacle(path: &RepoPath, kind: FileKind, around: &Around<'_>) -> Option<Option<BlindSpot>> {
    if kind == FileKind::Symlink {
        return Some(Some(linked_config(path)));
    }
    let loaded = around.configs().iter().find(|c| c.path == *path);
    let reason = match loaded {
        Some(config) if config.config.broken.is_some() => {
            say!["sops cannot load this config: its rules are unknown"]
        }
        Some(_) => return Some(None),
        None => match around.view().read_limited(path, around.max_file_size()) {
            Ok(bytes) if is_skeleton(path, &decode(&bytes).text) => return None,
            _ => say!["this config cannot be read: its rules are unknown"],
        },
    };
    let spot = BlindSpot::new(path, None, BlindCode::Unreadable, reason, true);
    Some(Some(spot))
}

/// Configs and settings that a change takes away and whose version in HEAD cannot be read: what they asked is unknown.
pub(super) fn lost_in_base(base: &dyn BaseView) -> Vec<BlindSpot> {
    let steers = |path: &&RepoPath| {
        path.file_name() == CONFIG_NAME
            || settings::NAMES
                .iter()
                .any(|name| name.as_bytes() == path.as_bytes())
    };
    let unreadable = |path: &&RepoPath| matches!(base.read(path), Err(ReadError::Object));
    let removed = base.removed().iter().filter(steers).filter(unreadable);
    removed.map(missing_in_head).collect()
}

/// A file whose version in HEAD cannot be read.
pub(super) fn missing_in_head(path: &RepoPath) -> BlindSpot {
    let reason =
        say!["the version of HEAD is missing or corrupt, so the change could not be judged"];
    BlindSpot::new(path, None, BlindCode::MissingObject, reason, true)
}

/// A file whose version in a parent, or in the base of a range, cannot be read.
pub(super) fn missing_in_base(path: &RepoPath) -> BlindSpot {
    let reason =
        say!["its version in the base is missing or corrupt, so the change could not be judged"];
    BlindSpot::new(path, None, BlindCode::MissingObject, reason, true)
}

/// The files that speak for themselves: judged, and not softened.
pub(super) fn touched<'v>(selected: &[&'v Entry]) -> HashSet<&'v RepoPath> {
    let touched = selected.iter().filter(|e| e.touched);
    touched.map(|e| &e.path).collect()
}

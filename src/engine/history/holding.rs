//! Which commits hold a version; answers that may be asked again are kept.

use std::sync::{Arc, PoisonError};

use super::{Auditor, VersionNo};
use crate::packs::CommitSet;

/// Bytes that answers about commits may take.
const HELD: usize = 48 << 20;

impl Auditor<'_> {
    /// The commits that hold each of these versions, which are in order.
    pub(super) fn holders(&self, versions: &[VersionNo]) -> Vec<Arc<CommitSet>> {
        let lock = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sets: Vec<Option<Arc<CommitSet>>> =
            versions.iter().map(|v| lock().get(v).cloned()).collect();
        let unknown: Vec<VersionNo> = (versions.iter().zip(&sets))
            .filter(|(_, set)| set.is_none())
            .map(|(v, _)| *v)
            .collect();
        if !unknown.is_empty() {
            // As many as fit into a share of the memory that a scan may take.
            let most = HELD / (self.history.commit_count() / 8 + 1);
            let mut keep = |version: usize, set: &CommitSet| {
                if let Ok(at) = versions.binary_search(&version) {
                    let set = Arc::new(set.clone());
                    let mut held = lock();
                    if held.len() < most {
                        held.insert(version, Arc::clone(&set));
                    }
                    sets[at] = Some(set);
                }
            };
            self.history.holders(&unknown, &mut keep);
            let twins: Vec<VersionNo> = unknown
                .iter()
                .filter_map(|v| self.twins.get(v))
                .copied()
                .collect();
            if !twins.is_empty() {
                let mut unite = |twin: usize, more: &CommitSet| {
                    let Ok(at) = versions.binary_search(&(twin - 1)) else {
                        return;
                    };
                    let mut all = sets[at].as_deref().cloned().unwrap_or_default();
                    all.unite(more);
                    let all = Arc::new(all);
                    if let Some(held) = lock().get_mut(&(twin - 1)) {
                        *held = Arc::clone(&all);
                    }
                    sets[at] = Some(all);
                };
                self.history.holders(&twins, &mut unite);
            }
        }
        sets.into_iter().map(Option::unwrap_or_default).collect()
    }
}

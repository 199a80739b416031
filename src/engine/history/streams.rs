//! Large streams of documents that hardly change: what was looked at once is not looked at again.
//!
//! Manifests that a program writes hold hundreds of documents and have thousands of versions, and a search finds the same
//! words in each. Where only words of Kubernetes were found, a document can be looked at for itself, and if it is the same
//! as one of an earlier version, nothing new can be in it. What looks suspicious has the whole version looked at.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use foldhash::quality::RandomState;

use crate::packs::{Hit, PathNo};
use crate::subject::prefilter::{KIND_MANIFEST, KIND_METADATA, KIND_SECRET};

/// Below this a version is as quickly looked at as divided.
const LEAST: usize = 8 * 1024;
/// Most documents that are remembered.
const MOST: usize = 4_000_000;

/// What is known of documents.
#[derive(Default)]
pub(super) struct Streams {
    /// Two hashes with keys of their own: nobody can make two documents that share both.
    hashers: (RandomState, RandomState),
    known: Mutex<HashMap<(PathNo, u64, u64), bool>>,
}

impl Streams {
    /// Whether a text that was searched consists of documents none of which is suspicious; `None` where that cannot be told
    /// so. `look` tells of one document.
    pub(super) fn is_clean(
        &self,
        path: PathNo,
        bytes: &[u8],
        hits: &[Hit],
        look: impl Fn(&[u8]) -> bool,
    ) -> Option<bool> {
        let words = |h: &Hit| [KIND_SECRET, KIND_MANIFEST, KIND_METADATA].contains(&h.needle);
        if bytes.len() < LEAST || !hits.iter().all(words) {
            return None;
        }
        let mut end = 0;
        for hit in hits {
            let at = (hit.at as usize).min(bytes.len());
            // Context belongs to a hit, and so can the mark before its document.
            let inside = (at + usize::from(hit.len)).min(bytes.len());
            if inside <= end {
                continue;
            }
            let start = memchr::memmem::rfind(&bytes[..at], b"\n---").map_or(0, |i| i + 1);
            let after = memchr::memmem::find(&bytes[inside..], b"\n---");
            end = after.map_or(bytes.len(), |i| inside + i + 1);
            if self.is_suspicious(path, &bytes[start..end], &look) {
                return Some(false);
            }
        }
        Some(true)
    }

    fn is_suspicious(&self, path: PathNo, document: &[u8], look: impl Fn(&[u8]) -> bool) -> bool {
        let (one, two) = &self.hashers;
        let key = (path, one.hash_one(document), two.hash_one(document));
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return *known;
        }
        let suspicious = look(document);
        let mut known = lock();
        if known.len() < MOST {
            known.insert(key, suspicious);
        }
        suspicious
    }
}

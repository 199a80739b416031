//! Blobs in the order of their deltas, searched where they are new.
//!
//! A match that lies whole in a long copy was found in the base and is moved. Searched is what is not in such copies, with
//! as much around it as a match can reach out. Short copies are not worth it: many small windows cost more than one long
//! search (2 to 4 KiB was best where generated manifests of a megabyte change a thousand times).

use std::ops::Range;

use super::catalog::{Catalog, NONE};
use super::delta::Copied;
use super::family::{Decoded, Worker};
use super::{BlobNo, Hit, Search, Seen};

/// Matches in copies from this length on are taken over.
const LONG: usize = 2048;

pub(super) struct BlobReader<'a> {
    pub(super) catalog: &'a Catalog,
    /// By object.
    pub(super) wanted: &'a [bool],
    pub(super) search: &'a dyn Search,
    pub(super) visit: &'a (dyn Fn(BlobNo, Seen<'_>) + Sync),
    pub(super) failed: Vec<u32>,
    pub(super) fresh: Vec<Range<usize>>,
}

/// What a blob leaves to those that are rebuilt from it.
#[derive(Default)]
pub(super) struct Found {
    object: u32,
    hits: Vec<Hit>,
}

impl Worker for BlobReader<'_> {
    type State = Found;

    fn visit(&mut self, entry: u32, blob: &Decoded<'_, Found>, found: &mut Found) {
        let object = self.catalog.object_of[entry as usize];
        found.object = object;
        found.hits.clear();
        self.fresh.clear();
        match blob.base {
            None => {
                self.fresh.push(0..blob.bytes.len());
                self.search
                    .search(blob.bytes, 0..blob.bytes.len(), &mut found.hits);
            }
            Some(base) => {
                self.find_fresh(blob.bytes.len(), blob.copied);
                self.search_fresh(blob.bytes, &mut found.hits);
                for copy in blob.copied.iter().filter(|c| c.len >= LONG) {
                    take_over(&base.hits, copy, &mut found.hits);
                }
            }
        }
        if !found.hits.is_sorted_by(|a, b| a < b) {
            found.hits.sort_unstable();
            found.hits.dedup();
        }
        let is_first = object != NONE && self.catalog.entry_of[object as usize] == entry;
        if is_first && self.wanted[object as usize] {
            let base = blob.base.map(|base| base.object);
            let seen = Seen {
                bytes: blob.bytes,
                hits: &found.hits,
                fresh: &self.fresh,
                base: base.filter(|base| *base != NONE).map(BlobNo),
            };
            (self.visit)(BlobNo(object), seen);
        }
    }

    fn fail(&mut self, entry: u32) {
        self.failed.push(entry);
    }
}

impl BlobReader<'_> {
    /// What long copies leave. Between two of them that touch stays an empty range: a match can lie across the seam.
    fn find_fresh(&mut self, len: usize, copied: &[Copied]) {
        let mut end = 0;
        for copy in copied.iter().filter(|c| c.len >= LONG) {
            if copy.to > 0 {
                self.fresh.push(end..copy.to);
            }
            end = copy.to + copy.len;
        }
        if end < len || len == 0 {
            self.fresh.push(end..len);
        }
    }

    fn search_fresh(&self, bytes: &[u8], hits: &mut Vec<Hit>) {
        let margin = self.search.margin();
        let mut windows = self.fresh.iter().map(|fresh| {
            fresh.start.saturating_sub(margin)..bytes.len().min(fresh.end.saturating_add(margin))
        });
        let Some(mut window) = windows.next() else {
            return;
        };
        for next in windows {
            if next.start <= window.end {
                window.end = next.end;
            } else {
                self.search
                    .search(bytes, std::mem::replace(&mut window, next), hits);
            }
        }
        self.search.search(bytes, window, hits);
    }
}

/// Moves matches that lie whole in a copy.
fn take_over(hits: &[Hit], copy: &Copied, out: &mut Vec<Hit>) {
    let end = copy.from + copy.len;
    let first = hits.partition_point(|hit| (hit.at as usize) < copy.from);
    for hit in hits[first..]
        .iter()
        .take_while(|hit| (hit.at as usize) < end)
    {
        if hit.at as usize + usize::from(hit.len) <= end {
            out.push(Hit {
                at: (hit.at as usize - copy.from + copy.to) as u32,
                ..*hit
            });
        }
    }
}

//! The first pass: every version is looked at as it passes by in the pack.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::classes::{Classes, OfPath};
use super::first_look::{Envelope, Looked};
use super::streams::Streams;
use super::{Auditor, VersionNo, first_look};
use crate::git::OidKind;
use crate::packs::{BlobNo, Hit, Problem, Seen};
use crate::subject::configs::CONFIG_NAME;
use crate::subject::prefilter::KIND_ESCAPE;
use crate::subject::{Hints, LoadedConfig, format_meant, is_machine_code, standing};
use crate::syntax::{Format, decode};

/// What the first pass learned.
#[derive(Default)]
pub(super) struct FirstPass {
    pub(super) suspicious: Vec<VersionNo>,
    pub(super) generating: Vec<VersionNo>,
    pub(super) envelopes: HashMap<VersionNo, Envelope>,
    pub(super) read: u64,
    pub(super) bytes: u64,
    pub(super) lost: Vec<Problem>,
}

impl Auditor<'_> {
    /// All versions of all configs.
    pub(super) fn configs_ever(&self) -> Vec<LoadedConfig> {
        let named = self.options.settings.sops_config.as_ref().map(|(p, _)| p);
        let mut out = Vec::new();
        for (i, v) in self.history.versions().iter().enumerate() {
            let path = self.path(v.path);
            let is_config = path.file_name() == CONFIG_NAME || named == Some(path);
            if !is_config || v.kind == OidKind::Link {
                continue;
            }
            if let Some(bytes) = self.bytes_of(i) {
                let text = decode(&bytes).text;
                if !crate::engine::is_skeleton(path, &text) {
                    out.push(LoadedConfig::new(path.clone(), &text, true));
                }
            }
        }
        out
    }

    /// Looks at every version as it passes by.
    pub(super) fn first_pass(&self, classes: &Classes, facts: &[OfPath]) -> FirstPass {
        let first = Mutex::new(FirstPass::default());
        let limit = self.options.max_file_size();
        let versions = self.history.versions();
        let policy = &self.options.settings.policy;
        let streams = Streams::default();
        let blobs = self.of_blob.iter().filter(|v| !v.is_empty()).count();
        self.progress.begin("reading versions", blobs as u64);
        let visit = |blob: BlobNo, seen: Seen<'_>| {
            self.progress.advance(1);
            let bytes = seen.bytes;
            let counts =
                |h: &&Hit| Hints::counts(bytes, h.at as usize, usize::from(h.len), h.needle);
            let hits: Vec<Hit> = seen.hits.iter().filter(counts).copied().collect();
            let marked = bytes.starts_with(&[0xff, 0xfe])
                || bytes.starts_with(&[0xfe, 0xff])
                || bytes.starts_with(&[0, 0, 0xfe, 0xff])
                || !self.options.prefilter
                || (policy.kinds.iter())
                    .any(|k| memchr::memmem::find(bytes, k.as_bytes()).is_some());
            let mut suspicious = Vec::new();
            let mut generating = Vec::new();
            let mut envelopes = Vec::new();
            for &version in &self.of_blob[blob.0 as usize] {
                let version = version as VersionNo;
                let v = versions[version];
                let fact = &facts[v.path.0 as usize];
                // Links that could hold a key, and what is too large to be held, are judged for good at once.
                let large = bytes.len() as u64 > limit;
                if !large && hits.is_empty() && !marked && !fact.asked {
                    continue;
                }
                if v.kind == OidKind::Link || large {
                    suspicious.push(version);
                    continue;
                }
                // As a subject takes it, told before anything is decoded.
                let escapes = || hits.iter().all(|h| h.needle == KIND_ESCAPE);
                let name = || standing::file_name(self.path(v.path));
                if !marked
                    && !fact.asked
                    && escapes()
                    && is_machine_code(bytes)
                    && format_meant(&name()) == Format::Binary
                    && !standing::is_template(self.path(v.path))
                {
                    continue;
                }
                let sets = || fact.sets.iter().map(|at| classes.set(*at));
                let path = self.path(v.path);
                let prefilter = self.options.prefilter;
                // A stream can be divided where nothing asks about it as a whole.
                let divides = prefilter
                    && !marked
                    && !fact.asked
                    && format_meant(&standing::file_name(path)) == Format::Yaml;
                let odd = |document: &[u8]| {
                    let looked = first_look::look(path, document, sets(), policy, prefilter);
                    looked.suspicious || looked.generates || looked.envelope.is_some()
                };
                if divides && streams.is_clean(v.path, bytes, &hits, odd) == Some(true) {
                    continue;
                }
                let Looked {
                    suspicious: odd,
                    generates,
                    envelope,
                } = first_look::look(path, bytes, sets(), policy, prefilter);
                if odd {
                    suspicious.push(version);
                }
                if generates {
                    generating.push(version);
                }
                envelopes.extend(envelope.map(|e| (version, e)));
            }
            let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
            first.read += 1;
            first.bytes += bytes.len() as u64;
            first.suspicious.append(&mut suspicious);
            first.generating.append(&mut generating);
            first.envelopes.extend(envelopes);
        };
        let wanted = |blob: BlobNo| {
            !self.options.is_late()
                && self
                    .of_blob
                    .get(blob.0 as usize)
                    .is_some_and(|v| !v.is_empty())
        };
        let lost = self.history.read_blobs(&wanted, &super::Needles, &visit);
        let mut first = first.into_inner().unwrap_or_else(PoisonError::into_inner);
        first.suspicious.sort_unstable();
        first.generating.sort_unstable();
        first.lost = lost;
        first
    }
}

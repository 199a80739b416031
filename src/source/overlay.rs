//! A view in which one file holds other bytes: what would be judged if they stood there.
//!
//! Nothing is written for it. Only the files that are named are selected; everything else can be read as before.

use std::io::{Cursor, Read};

use super::{BaseState, Entry, Known, ReadError, View};
use crate::model::RepoPath;

/// The view.
pub struct Overlay<'v> {
    under: &'v dyn View,
    path: &'v RepoPath,
    bytes: &'v [u8],
    selected: Vec<Entry>,
}

impl<'v> Overlay<'v> {
    /// `path` holds `bytes`; it and `also` are selected.
    pub fn new(
        under: &'v dyn View,
        path: &'v RepoPath,
        bytes: &'v [u8],
        also: &[RepoPath],
    ) -> Self {
        let wanted = |e: &&Entry| e.path == *path || also.contains(&e.path);
        let mut selected: Vec<Entry> = under.entries().iter().filter(wanted).cloned().collect();
        for entry in &mut selected {
            entry.selected = true;
            if entry.path == *path {
                entry.size = None;
                if entry.base == BaseState::Same {
                    entry.base = BaseState::Maybe;
                }
            }
        }
        Self {
            under,
            path,
            bytes,
            selected,
        }
    }
}

impl View for Overlay<'_> {
    fn entries(&self) -> &[Entry] {
        self.under.entries()
    }

    fn selected(&self) -> Vec<&Entry> {
        self.selected.iter().collect()
    }

    fn is_whole(&self) -> bool {
        false
    }

    fn find(&self, path: &RepoPath) -> Option<Known> {
        let own = self.selected.iter().find(|e| e.path == *path);
        match own {
            Some(entry) => Some(entry.known()),
            None => {
                let mut known = self.under.find(path)?;
                known.selected = false;
                Some(known)
            }
        }
    }

    fn called(&self, name: &[u8]) -> Vec<(RepoPath, Known)> {
        self.under.called(name)
    }

    fn neighbours(&self) -> Vec<&[u8]> {
        self.under.neighbours()
    }

    fn read_entry(&self, entry: &Entry, limit: u64) -> Result<Vec<u8>, ReadError> {
        match entry.path == *self.path {
            true => self.read_limited(&entry.path, limit),
            false => self.under.read_entry(entry, limit),
        }
    }

    fn read_limited(&self, path: &RepoPath, limit: u64) -> Result<Vec<u8>, ReadError> {
        if path != self.path {
            return self.under.read_limited(path, limit);
        }
        match self.bytes.len() as u64 {
            size if size > limit => Err(ReadError::TooLarge(size)),
            _ => Ok(self.bytes.to_vec()),
        }
    }

    fn open_stream(&self, path: &RepoPath) -> Result<Box<dyn Read>, ReadError> {
        match path == self.path {
            true => Ok(Box::new(Cursor::new(self.bytes.to_vec()))),
            false => self.under.open_stream(path),
        }
    }
}

//! The scripts of `hooks/`: filled in, and recognised.
//!
//! The second line of a script names it and its version; the line `installed=` holds the path of the program. All other
//! bytes are the template's, so that whatever differs was written by somebody else.

use std::path::Path;

use super::{Event, quoted};

const MARK: &str = "# sopsguard-hook: ";
const SLOT: &str = "installed=";

/// A script that carries the mark.
#[derive(Debug)]
pub(super) struct Shim {
    /// Its version.
    pub(super) version: u32,
    /// As it stands on disk.
    pub(super) bytes: Vec<u8>,
}

impl Shim {
    /// The script of an event, naming the program.
    pub(super) fn render(event: &Event, program: Option<&Path>) -> Vec<u8> {
        let quoted = program.and_then(quoted);
        let path = quoted.as_ref().and_then(|p| p.to_str()).unwrap_or("''");
        let mut out = String::with_capacity(event.template.len() + path.len());
        for line in event.template.lines() {
            if line.starts_with(SLOT) {
                out.push_str(SLOT);
                out.push_str(path);
            } else {
                out.push_str(line);
            }
            out.push('\n');
        }
        out.into_bytes()
    }

    /// The version that would be written.
    pub(super) fn version_of(event: &Event) -> u32 {
        version(event.template, event).unwrap_or(0)
    }

    /// Recognises a script of the event.
    pub(super) fn read(bytes: Vec<u8>, event: &Event) -> Result<Self, Vec<u8>> {
        match std::str::from_utf8(&bytes)
            .ok()
            .and_then(|t| version(t, event))
        {
            Some(version) => Ok(Self { version, bytes }),
            None => Err(bytes),
        }
    }

    /// Whether somebody changed it. Of other versions that cannot be known.
    pub(super) fn edited(&self, event: &Event) -> bool {
        let same = |text: &[u8]| -> Vec<u8> {
            let mut out = Vec::new();
            for line in text.split_inclusive(|b| *b == b'\n') {
                if !line.starts_with(SLOT.as_bytes()) {
                    out.extend_from_slice(line);
                }
            }
            out
        };
        self.version == Self::version_of(event)
            && same(&self.bytes) != same(event.template.as_bytes())
    }
}

fn version(text: &str, event: &Event) -> Option<u32> {
    let (name, version) = text.lines().nth(1)?.strip_prefix(MARK)?.split_once(' ')?;
    (name == event.name).then(|| version.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::EVENTS;
    use super::*;

    #[test]
    fn every_template_has_its_mark_and_one_place_for_the_program() {
        for event in &EVENTS {
            assert!(Shim::version_of(event) > 0, "{}", event.name);
            let slots = event.template.lines().filter(|l| l.starts_with(SLOT));
            assert_eq!(slots.count(), 1, "{}", event.name);
            assert_eq!(Shim::render(event, None), event.template.as_bytes());
        }
    }

    #[test]
    fn a_path_is_one_word_and_no_path_is_an_empty_one() {
        let event = &EVENTS[0];
        let text = |program: Option<&str>| {
            String::from_utf8(Shim::render(event, program.map(Path::new))).unwrap()
        };
        assert!(
            text(Some("/opt/it's $(here)/sopsguard"))
                .contains("\ninstalled='/opt/it'\\''s $(here)/sopsguard'\n")
        );
        assert!(text(Some("/opt/a\nb")).contains("\ninstalled=''\n"));
        let read = Shim::read(text(Some("/opt/sopsguard")).into_bytes(), event).unwrap();
        assert!(!read.edited(event));
        let more = text(None) + "echo more\n";
        assert!(Shim::read(more.into_bytes(), event).unwrap().edited(event));
        assert!(Shim::read(b"#!/bin/sh\nexit 0\n".to_vec(), event).is_err());
    }
}

//! Findings with one cause told once.
//!
//! Two steps. Findings of one check and one wording in one file form a block. Blocks of more than three files with the
//! same check, wording and governing rule form a cause. Wording means the text without the path and the key it speaks
//! of. Nothing is dropped: every finding is in one block, and the order of first appearance is kept.

use std::collections::BTreeMap;

use crate::model::{Finding, GovernedBy, RepoPath, Severity};

/// Stands for the path of each file of a cause.
const FILE: &str = "FILE";
/// Stands for the key of each finding of a block.
const KEY: &str = "KEY";
/// More files than this with one cause are told once.
const FILES_APART: usize = 3;

/// Findings of one check and one wording in one file; never empty.
pub(super) struct Block<'o> {
    /// The first of them.
    pub(super) first: &'o Finding,
    /// The others.
    pub(super) rest: Vec<&'o Finding>,
}

/// A part of the report under its own title.
pub(super) enum Section<'o> {
    /// One file.
    File {
        path: &'o RepoPath,
        blocks: Vec<Block<'o>>,
    },
    /// One cause in many files, one block each.
    Cause(Vec<Block<'o>>),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cause<'o> {
    check: &'static str,
    severity: Severity,
    lenient: bool,
    configured: bool,
    message: String,
    help: String,
    fix: String,
    governed_by: &'o [GovernedBy],
}

impl<'o> Cause<'o> {
    fn of(f: &'o Finding) -> Self {
        Self {
            check: f.check.id,
            severity: f.severity,
            lenient: f.lenient,
            configured: f.configured,
            message: wording(f, f.message.as_str()),
            help: wording(f, f.help.as_str()),
            fix: wording(f, f.fix.as_ref().map_or("", |m| m.as_str())),
            governed_by: &f.governed_by,
        }
    }
}

/// Puts findings into sections.
pub(super) fn sections<'o>(findings: impl Iterator<Item = &'o Finding>) -> Vec<Section<'o>> {
    let mut blocks: Vec<Block<'o>> = Vec::new();
    let mut block_at: BTreeMap<(Cause<'o>, &'o RepoPath), usize> = BTreeMap::new();
    let mut causes: BTreeMap<Cause<'o>, Vec<usize>> = BTreeMap::new();
    for finding in findings {
        let cause = Cause::of(finding);
        let index = *block_at
            .entry((cause.clone(), &finding.path))
            .or_insert_with(|| {
                causes.entry(cause).or_default().push(blocks.len());
                blocks.push(Block {
                    first: finding,
                    rest: Vec::new(),
                });
                blocks.len() - 1
            });
        if let Some(block) = blocks.get_mut(index)
            && !std::ptr::eq(block.first, finding)
        {
            block.rest.push(finding);
        }
    }

    // For each block that belongs to a cause of many files: the first block of that cause.
    let mut leader: Vec<Option<usize>> = vec![None; blocks.len()];
    for members in causes.values().filter(|m| m.len() > FILES_APART) {
        for member in members {
            leader[*member] = members.first().copied();
        }
    }
    let mut sections: Vec<Section<'o>> = Vec::new();
    let mut section_of_cause: BTreeMap<usize, usize> = BTreeMap::new();
    let mut section_of_file: BTreeMap<&'o RepoPath, usize> = BTreeMap::new();
    for (block, leader) in blocks.into_iter().zip(leader) {
        let path = &block.first.path;
        let next = sections.len();
        let index = match leader {
            Some(leader) => *section_of_cause.entry(leader).or_insert(next),
            None => *section_of_file.entry(path).or_insert(next),
        };
        match sections.get_mut(index) {
            Some(Section::File { blocks, .. } | Section::Cause(blocks)) => blocks.push(block),
            None if leader.is_some() => sections.push(Section::Cause(vec![block])),
            None => sections.push(Section::File {
                path,
                blocks: vec![block],
            }),
        }
    }
    sections
}

impl<'o> Block<'o> {
    /// All findings of the block.
    pub(super) fn all(&self) -> impl Iterator<Item = &'o Finding> {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }

    /// How many findings.
    pub(super) fn len(&self) -> usize {
        1 + self.rest.len()
    }
}

/// One text for all findings of a cause: with `FILE` for the path where that is all they differ in, else with `KEY` for
/// the key as well.
pub(super) fn common(blocks: &[Block<'_>], text: impl Fn(&Finding) -> &str) -> String {
    let mut all = blocks.iter().flat_map(Block::all);
    let Some(first) = all.next() else {
        return String::new();
    };
    let shared = without_path(first, text(first));
    if all.all(|f| without_path(f, text(f)) == shared) {
        shared
    } else {
        wording(first, text(first))
    }
}

/// The deepest directory that holds all files of a cause; empty when that is the root.
pub(super) fn common_directory(blocks: &[Block<'_>]) -> Vec<u8> {
    let mut paths = blocks.iter().map(|b| b.first.path.parent());
    let mut shared: &[u8] = paths.next().unwrap_or_default();
    for path in paths {
        while !(shared.is_empty()
            || path
                .strip_prefix(shared)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")))
        {
            shared = &shared[..memchr::memrchr(b'/', shared).unwrap_or(0)];
        }
    }
    shared.to_vec()
}

fn without_path(f: &Finding, text: &str) -> String {
    replace(text, &f.path.to_string(), FILE)
}

fn wording(f: &Finding, text: &str) -> String {
    let mut text = without_path(f, text);
    if let Some(pointer) = &f.place.pointer {
        text = replace(&text, pointer.as_str(), KEY);
    }
    if let Some(leaf) = f.place.trail.last() {
        text = replace_last(&text, leaf.key.as_str(), KEY);
    }
    text
}

/// Replaces `what` wherever it stands as a whole word.
fn replace(text: &str, what: &str, by: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for at in whole_words(text, what) {
        out.push_str(&text[done..at]);
        out.push_str(by);
        done = at + what.len();
    }
    out.push_str(&text[done..]);
    out
}

/// Replaces the last `what` that stands as a whole word: a key may be called `value`, and "the value of value" names it
/// where a sentence names things, late.
fn replace_last(text: &str, what: &str, by: &str) -> String {
    match whole_words(text, what).last() {
        Some(at) => format!("{}{by}{}", &text[..at], &text[at + what.len()..]),
        None => text.to_owned(),
    }
}

/// Where `what` stands in `text`, not inside a longer name or path. A full stop behind it may end the sentence.
fn whole_words<'t>(text: &'t str, what: &'t str) -> impl Iterator<Item = usize> + 't {
    let edge = |c: char| !(c.is_alphanumeric() || matches!(c, '/' | '_' | '-' | '.'));
    let all = text.match_indices(what).map(|(at, _)| at);
    all.filter(move |at| {
        let (before, after) = (&text[..*at], &text[at + what.len()..]);
        let mut next = after.chars();
        let right = match next.next() {
            None => true,
            Some('.') => next.next().is_none_or(char::is_whitespace),
            Some(c) => edge(c),
        };
        !what.is_empty() && right && before.chars().next_back().is_none_or(edge)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_replaced() {
        assert_eq!(
            replace("a lacks a key. See a.", "a", "FILE"),
            "FILE lacks FILE key. See FILE."
        );
        assert_eq!(
            replace("x/a.yaml and a.yaml.bak", "a.yaml", "FILE"),
            "x/a.yaml and a.yaml.bak"
        );
        assert_eq!(
            replace("sops edit 'a b.yaml'", "a b.yaml", "FILE"),
            "sops edit 'FILE'"
        );
    }

    #[test]
    fn a_key_that_is_an_ordinary_word_is_found_where_it_is_named() {
        assert_eq!(
            replace_last("the value of value is plaintext", "value", "KEY"),
            "the value of KEY is plaintext"
        );
        assert_eq!(replace_last("nothing", "", "KEY"), "nothing");
    }
}

//! Where comments belong, as in go-yaml v3 and sops' YAML store.
//!
//! go-yaml hangs a comment on a node as head, line or foot comment; sops turns them into children of the mapping or list
//! (`stores/yaml/store.go`): head and line comments come before the entry, foot comments behind it. Which node a comment
//! hangs on is told here by lines and columns:
//!
//! * behind a key or value on its line: before that entry;
//! * on lines of its own, directly above an entry and in its column: before that entry;
//! * else: at the end of the innermost open mapping or list whose entries do not begin right of the comment.

use std::borrow::Cow;

use super::{Child, Comment, Document, Kind, NodeId};
use crate::model::Span;

/// Where an event stands; lines from 1, columns from 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spot {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end_line: usize,
}

/// A child of a container, with its place.
struct Slot {
    container: NodeId,
    index: usize,
    at: Spot,
}

/// Collects comments and children while a document is read, and puts the comments into the tree at its end.
#[derive(Default)]
pub(super) struct Comments<'t> {
    slots: Vec<Slot>,
    found: Vec<(Comment<'t>, Spot)>,
    root: Option<Spot>,
}

impl<'t> Comments<'t> {
    pub(super) fn comment(&mut self, text: Cow<'t, str>, at: Spot) {
        self.found.push((Comment { text, span: Span::new(at.start, at.end) }, at));
    }

    pub(super) fn child(&mut self, container: NodeId, index: usize, at: Spot) {
        self.slots.push(Slot { container, index, at });
    }

    pub(super) fn root(&mut self, at: Spot) {
        self.root = Some(at);
    }

    /// Moves the comments into `doc` and forgets the document.
    pub(super) fn place(&mut self, doc: &mut Document<'t>, text: &'t str) {
        let found = std::mem::take(&mut self.found);
        if found.is_empty() {
            self.slots.clear();
            self.root = None;
            return;
        }
        // Entries are finished after their children: order them by where they begin.
        self.slots.sort_by_key(|s| (s.at.start, s.container));
        let mut insertions: Vec<(NodeId, usize, Comment<'t>)> = Vec::new();
        for (comment, at) in found {
            match self.home(doc, text, at) {
                Some((container, index)) => insertions.push((container, index, comment)),
                None => doc.outer_comments.push(comment),
            }
        }
        // Behind one another in source order: insert from the last index down, keeping the order of equals.
        insertions.sort_by_key(|(c, i, comment)| (*c, *i, comment.span.start));
        for (container, index, comment) in insertions.into_iter().rev() {
            if let Some(node) = doc.node_mut(container)
                && let Kind::Mapping(children) | Kind::Sequence(children) = &mut node.kind
            {
                let index = index.min(children.len());
                children.insert(index, Child::Comment(comment));
            }
        }
        self.slots.clear();
        self.root = None;
    }

    /// The container and child index before which a comment goes.
    fn home(&self, doc: &Document<'t>, text: &'t str, at: Spot) -> Option<(NodeId, usize)> {
        let line_start = text[..at.start].rfind('\n').map_or(0, |i| i + 1);
        let own_line = text[line_start..at.start].bytes().all(|b| b == b' ' || b == b'\t');
        let next_at = self.slots.partition_point(|s| s.at.start < at.start);
        if !own_line {
            // The last child that begins on this line or, for a closing bracket, before it.
            let slot = self.slots[..next_at].last()?;
            return Some((slot.container, slot.index));
        }
        if let Some(next) = self.slots.get(next_at) {
            let between = &text[at.end..next.at.start.max(at.end)];
            let blank_line = between.split('\n').skip(1).any(|l| l.trim().is_empty() && between.contains("\n\n"));
            if !blank_line && next.at.column == at.column {
                return Some((next.container, next.index));
            }
        }
        // Innermost container still open here whose children do not begin right of the comment.
        let mut home = None;
        for slot in self.slots[..next_at].iter().rev() {
            let node = doc.node(slot.container);
            if slot.at.column <= at.column && node.span.end >= at.start.min(node.span.end) {
                home = Some((slot.container, slot.index + 1));
                break;
            }
        }
        match (home, self.slots.get(next_at)) {
            (Some(home), _) => Some(home),
            (None, Some(next)) => Some((next.container, next.index)),
            (None, None) => None,
        }
    }
}

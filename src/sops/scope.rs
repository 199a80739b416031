//! Which leaves sops encrypts.
//!
//! A port of the rules, not of the code, of `Tree.Encrypt` and `shouldBeEncrypted` in sops: each key on the path is
//! tested alone, list indexes are not on the path, comments seen since the last sibling (the open runs of every level)
//! decide for comment selectors, null and empty text are never encrypted. Aliases are expanded where they stand; the
//! walk is bounded so that an alias bomb ends as [`Walk::Limit`].

use super::options::{Pattern, SelectionOptions};
pub use crate::syntax::PathPart;
use crate::syntax::{Child, Comment, Document, Kind, NodeId, ScalarType};

/// Most nodes that one walk visits; aliases are expanded within it.
pub const MAX_VISITS: usize = 4_000_000;

/// A scalar on the walk.
pub struct LeafAt<'w> {
    /// Keys and indexes from the root.
    pub path: &'w [PathPart],
    /// The node of the scalar, aliases resolved.
    pub node: NodeId,
    /// The node as it stands: the alias, where there is one.
    pub site: NodeId,
    /// Whether the options select it.
    pub selected: bool,
    /// Whether it is null or empty, which sops leaves alone.
    pub inert: bool,
}

impl LeafAt<'_> {
    /// Whether sops would have encrypted it.
    pub fn must_be_encrypted(&self) -> bool {
        self.selected && !self.inert
    }
}

/// A comment on the walk.
pub struct CommentAt<'w, 't> {
    /// Path of the mapping or list that holds it.
    pub path: &'w [PathPart],
    /// The comment.
    pub comment: &'w Comment<'t>,
    /// Whether the options select it and it is not empty.
    pub must_be_encrypted: bool,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// Every leaf was seen.
    Whole,
    /// The document expands beyond [`MAX_VISITS`].
    Limit,
}

/// What a walk calls.
pub trait Visitor<'t> {
    /// A scalar.
    fn leaf(&mut self, leaf: LeafAt<'_>);
    /// A comment.
    fn comment(&mut self, _comment: CommentAt<'_, 't>) {}
}

impl<'t, F: FnMut(LeafAt<'_>)> Visitor<'t> for F {
    fn leaf(&mut self, leaf: LeafAt<'_>) {
        self(leaf);
    }
}

/// Walks one document, leaving out the top-level key `skip` (`sops`), and tells of every leaf whether `options` select
/// it. Without options (`None`) nothing is selected.
pub fn walk<'t>(
    doc: &Document<'t>,
    options: Option<&SelectionOptions>,
    skip: Option<&str>,
    visitor: &mut dyn Visitor<'t>,
) -> Walk {
    let Some(root) = doc.root() else {
        return Walk::Whole;
    };
    if doc.scalar(root).is_some_and(|s| s.ty == ScalarType::Null) {
        // An empty document holds no leaf.
        return Walk::Whole;
    }
    let mut walker = Walker {
        doc,
        options,
        skip,
        visitor,
        path: Vec::new(),
        keys: Keys::default(),
        runs: Vec::new(),
        visits: 0,
    };
    walker.node(root, root, 0);
    if walker.visits > MAX_VISITS {
        Walk::Limit
    } else {
        Walk::Whole
    }
}

/// Whether each option matched a key on the open path, counted so that leaving a key restores the state.
#[derive(Clone, Copy, Default)]
struct Keys {
    unencrypted_suffix: bool,
    encrypted_suffix: bool,
    unencrypted_regex: bool,
    encrypted_regex: bool,
}

/// The comments of one level since its last sibling, as far as selection asks.
#[derive(Clone, Copy, Default)]
struct Run {
    /// One matches `unencrypted_comment_regex`.
    spared: bool,
    /// How many match `encrypted_comment_regex`, and whether the newest does.
    picked: usize,
    newest_picked: bool,
}

struct Walker<'w, 't> {
    doc: &'w Document<'t>,
    options: Option<&'w SelectionOptions>,
    skip: Option<&'w str>,
    visitor: &'w mut dyn Visitor<'t>,
    path: Vec<PathPart>,
    keys: Keys,
    /// For each open level, what the comments since the last sibling say.
    runs: Vec<Run>,
    visits: usize,
}

impl<'t> Walker<'_, 't> {
    fn node(&mut self, site: NodeId, id: NodeId, depth: usize) {
        self.visits += 1;
        if self.visits > MAX_VISITS || depth > crate::syntax::MAX_DEPTH * 2 {
            self.visits = MAX_VISITS + 1;
            return;
        }
        let id = self.doc.resolve(id);
        let doc = self.doc;
        match &doc.node(id).kind {
            Kind::Mapping(children) => {
                self.runs.push(Run::default());
                for child in children {
                    match child {
                        Child::Comment(c) => self.comment(c),
                        Child::Entry(k, v) => {
                            if self.path.is_empty()
                                && self.skip.is_some_and(|s| doc.text(*k) == Some(s))
                            {
                                continue;
                            }
                            let before = self.keys;
                            self.enter(*k);
                            self.path.push(PathPart::Key(*k));
                            self.node(*v, *v, depth + 1);
                            self.path.pop();
                            self.keys = before;
                            self.clear_run();
                        }
                        Child::Item(_) => {}
                    }
                }
                self.runs.pop();
            }
            Kind::Sequence(children) => {
                self.runs.push(Run::default());
                let mut index = 0;
                for child in children {
                    match child {
                        Child::Comment(c) => self.comment(c),
                        Child::Item(v) => {
                            self.path.push(PathPart::Index(index));
                            self.node(*v, *v, depth + 1);
                            self.path.pop();
                            index += 1;
                            self.clear_run();
                        }
                        Child::Entry(..) => {}
                    }
                }
                self.runs.pop();
            }
            Kind::Scalar(s) => {
                let inert = s.ty == ScalarType::Null || s.text.is_empty();
                let selected = self.selected(false);
                self.visitor.leaf(LeafAt {
                    path: &self.path,
                    node: id,
                    site,
                    selected,
                    inert,
                });
            }
            Kind::Alias(_) => {}
        }
    }

    fn enter(&mut self, key: NodeId) {
        let (Some(o), Some(key)) = (self.options, self.doc.text(key)) else {
            return;
        };
        let suffix = |s: &Option<String>| s.as_ref().is_some_and(|s| key.ends_with(s.as_str()));
        let regex = |p: &Option<Pattern>| p.as_ref().is_some_and(|p| p.is_match(key));
        let k = self.keys;
        self.keys = Keys {
            unencrypted_suffix: k.unencrypted_suffix || suffix(&o.unencrypted_suffix),
            encrypted_suffix: k.encrypted_suffix || suffix(&o.encrypted_suffix),
            unencrypted_regex: k.unencrypted_regex || regex(&o.unencrypted_regex),
            encrypted_regex: k.encrypted_regex || regex(&o.encrypted_regex),
        };
    }

    fn clear_run(&mut self) {
        if let Some(run) = self.runs.last_mut() {
            *run = Run::default();
        }
    }

    fn selected(&self, judging_comment: bool) -> bool {
        let Some(o) = self.options else { return false };
        let mut s = true;
        if o.unencrypted_suffix.is_some() && self.keys.unencrypted_suffix {
            s = false;
        }
        if o.encrypted_suffix.is_some() {
            s = self.keys.encrypted_suffix;
        }
        if o.unencrypted_regex.is_some() && self.keys.unencrypted_regex {
            s = false;
        }
        if o.encrypted_regex.is_some() {
            s = self.keys.encrypted_regex;
        }
        if o.unencrypted_comment_regex.is_some() && self.runs.iter().any(|r| r.spared) {
            s = false;
        }
        if o.encrypted_comment_regex.is_some() {
            // The comment now being judged, the newest of the innermost run, does not count for itself.
            let innermost = self.runs.len();
            s = self.runs.iter().enumerate().any(|(level, r)| {
                let own = usize::from(judging_comment && level + 1 == innermost && r.newest_picked);
                r.picked > own
            });
        }
        s
    }
}

impl<'w, 't> Walker<'w, 't> {
    fn comment(&mut self, comment: &'w Comment<'t>) {
        self.visits += 1;
        if let (Some(run), Some(o)) = (self.runs.last_mut(), self.options) {
            let hit = |p: &Option<Pattern>| p.as_ref().is_some_and(|p| p.is_match(&comment.text));
            run.spared |= hit(&o.unencrypted_comment_regex);
            run.newest_picked = hit(&o.encrypted_comment_regex);
            run.picked += usize::from(run.newest_picked);
        }
        let must = self.selected(true) && !comment.text.is_empty();
        self.visitor.comment(CommentAt {
            path: &self.path,
            comment,
            must_be_encrypted: must,
        });
    }
}

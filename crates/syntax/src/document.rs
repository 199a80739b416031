//! The tree that every format becomes.
//!
//! Nodes live in one arena and refer to each other by [`NodeId`]; an alias refers to the node of its anchor and is never
//! copied, so an alias bomb stays small. Comments are children of the mapping or list that holds them, in the place
//! where sops' tree has them.

use std::borrow::Cow;

use super::Span;

/// Index of a node in its document.
pub type NodeId = u32;

/// One part of a path: a key, or an index of a list, which takes no part in selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// The node of a mapping key.
    Key(NodeId),
    /// The index of a list item, comments not counted.
    Index(usize),
}

/// What a scalar resolves to in go-yaml v3 (JSON: by its token; dotenv and INI: always a string).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarType {
    /// Text.
    Str,
    /// A whole number.
    Int,
    /// A number with fraction or exponent.
    Float,
    /// true or false.
    Bool,
    /// Nothing.
    Null,
    /// A date or timestamp.
    Time,
    /// `!!binary`
    Binary,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes.
    Plain,
    /// In quotes.
    Quoted,
    /// As a literal or folded block.
    Block,
}

/// A scalar value.
#[derive(Clone, PartialEq, Eq)]
pub struct Scalar<'t> {
    /// Its text after escapes are resolved.
    pub text: Cow<'t, str>,
    /// How it is written.
    pub style: ScalarStyle,
    /// What it resolves to.
    pub ty: ScalarType,
}

/// A comment without its mark.
#[derive(Clone, PartialEq, Eq)]
pub struct Comment<'t> {
    /// The text behind `#` or `;`.
    pub text: Cow<'t, str>,
    /// The comment with its mark.
    pub span: Span,
}

/// What a mapping or list holds, in order.
#[derive(Clone, PartialEq, Eq)]
pub enum Child<'t> {
    /// A key with its value.
    Entry(NodeId, NodeId),
    /// A list item.
    Item(NodeId),
    /// A comment.
    Comment(Comment<'t>),
}

/// What a node is.
#[derive(Clone, PartialEq, Eq)]
pub enum Kind<'t> {
    /// Keys and values.
    Mapping(Vec<Child<'t>>),
    /// A list.
    Sequence(Vec<Child<'t>>),
    /// A value.
    Scalar(Scalar<'t>),
    /// A reference to an anchored node; `None` where no such anchor stands before it.
    Alias(Option<NodeId>),
}

/// A node with its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Node<'t> {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: Kind<'t>,
    /// Whether it is written in flow style; JSON is.
    pub flow: bool,
}

/// One document of a file.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Document<'t> {
    nodes: Vec<Node<'t>>,
    root: Option<NodeId>,
    /// Comments before the first and after the last node of the document.
    pub outer_comments: Vec<Comment<'t>>,
    /// Nodes with a tag other than those of YAML's own scalars, mappings and lists, in ascending order.
    pub foreign_tags: Vec<NodeId>,
}

impl<'t> Document<'t> {
    /// A text without known structure as a single leaf, keyed `data` as in sops' binary store.
    pub fn opaque(text: &'t str) -> Self {
        let mut d = Self::default();
        let whole = Span::new(0, text.len());
        let key = d.add_scalar(
            "data".into(),
            ScalarStyle::Plain,
            ScalarType::Str,
            Span::new(0, 0),
        );
        let value = d.add_scalar(
            Cow::Borrowed(text),
            ScalarStyle::Block,
            ScalarType::Str,
            whole,
        );
        let root = d.add(Node {
            span: whole,
            kind: Kind::Mapping(vec![Child::Entry(key, value)]),
            flow: false,
        });
        d.root = Some(root);
        d
    }

    /// Adds a node.
    pub(crate) fn add(&mut self, node: Node<'t>) -> NodeId {
        let id = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
        self.nodes.push(node);
        id
    }

    /// Adds a scalar.
    pub(crate) fn add_scalar(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        ty: ScalarType,
        span: Span,
    ) -> NodeId {
        self.add(Node {
            span,
            kind: Kind::Scalar(Scalar { text, style, ty }),
            flow: false,
        })
    }

    /// Sets the root.
    pub(crate) fn set_root(&mut self, id: NodeId) {
        self.root = Some(id);
    }

    /// For builders: a node to change.
    pub(crate) fn node_mut(&mut self, id: NodeId) -> Option<&mut Node<'t>> {
        self.nodes.get_mut(id as usize)
    }

    /// The root node; `None` for an empty document.
    pub fn root(&self) -> Option<NodeId> {
        self.root
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node as written; an alias stays one.
    pub fn node(&self, id: NodeId) -> &Node<'t> {
        &self.nodes[id as usize]
    }

    /// The node behind any aliases.
    pub fn resolve(&self, id: NodeId) -> NodeId {
        let mut id = id;
        // Anchors stand before their aliases, so the chain is short; the bound is for hostile input.
        for _ in 0..16 {
            match self.nodes[id as usize].kind {
                Kind::Alias(Some(target)) if target != id => id = target,
                _ => return id,
            }
        }
        id
    }

    /// What a node is, behind aliases.
    #[inline]
    pub fn kind(&self, id: NodeId) -> &Kind<'t> {
        match &self.nodes[id as usize].kind {
            Kind::Alias(_) => &self.nodes[self.resolve(id) as usize].kind,
            kind => kind,
        }
    }

    /// The scalar behind a node.
    pub fn scalar(&self, id: NodeId) -> Option<&Scalar<'t>> {
        match self.kind(id) {
            Kind::Scalar(s) => Some(s),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub fn text(&self, id: NodeId) -> Option<&str> {
        self.scalar(id).map(|s| s.text.as_ref())
    }

    /// Children of a mapping or list, without comments: keys only for mappings.
    pub fn children(&self, id: NodeId) -> &[Child<'t>] {
        match self.kind(id) {
            Kind::Mapping(c) | Kind::Sequence(c) => c,
            _ => &[],
        }
    }

    /// Whether the node is a mapping.
    pub fn is_mapping(&self, id: NodeId) -> bool {
        matches!(self.kind(id), Kind::Mapping(_))
    }

    /// Whether the node is a list.
    pub fn is_sequence(&self, id: NodeId) -> bool {
        matches!(self.kind(id), Kind::Sequence(_))
    }

    /// Keys and values of a mapping as written: merge keys stay keys.
    pub fn entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let children: &[Child<'t>] = if self.is_mapping(id) {
            self.children(id)
        } else {
            &[]
        };
        children.iter().filter_map(|c| match c {
            Child::Entry(k, v) => Some((*k, *v)),
            _ => None,
        })
    }

    /// Items of a list.
    pub fn items(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let children: &[Child<'t>] = if self.is_sequence(id) {
            self.children(id)
        } else {
            &[]
        };
        children.iter().filter_map(|c| match c {
            Child::Item(v) => Some(*v),
            _ => None,
        })
    }

    /// The value of a key as written, the last if the key is repeated; merge keys are not followed.
    pub fn get(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        self.entries(mapping)
            .filter(|(k, _)| self.text(*k) == Some(key))
            .last()
            .map(|(_, v)| v)
    }

    /// All values of a key as written, in order.
    pub fn get_all<'d>(
        &'d self,
        mapping: NodeId,
        key: &'d str,
    ) -> impl Iterator<Item = (NodeId, NodeId)> + 'd {
        self.entries(mapping)
            .filter(move |(k, _)| self.text(*k) == Some(key))
    }

    /// The value of a key, merge keys followed (the mapping's own keys win, then earlier merges).
    pub fn get_merged(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        if let Some(v) = self.get(mapping, key) {
            return Some(v);
        }
        self.all_merge_sources(mapping)
            .into_iter()
            .find_map(|m| self.get(m, key))
    }

    /// Mappings that `<<` brings into this one, directly or through another; each once, in the order in which they win.
    pub fn all_merge_sources(&self, mapping: NodeId) -> Vec<NodeId> {
        let mut out = Vec::new();
        let mut next = self.merge_sources(mapping);
        if next.is_empty() {
            return out;
        }
        next.reverse();
        let mut seen = std::collections::HashSet::from([self.resolve(mapping)]);
        while let Some(source) = next.pop() {
            if seen.insert(source) {
                out.push(source);
                next.extend(self.merge_sources(source).into_iter().rev());
            }
        }
        out
    }

    /// Mappings that `<<` brings into this one.
    pub fn merge_sources(&self, mapping: NodeId) -> Vec<NodeId> {
        let mut out = Vec::new();
        for (k, v) in self.entries(mapping) {
            let plain_merge = self
                .scalar(k)
                .is_some_and(|s| s.text == "<<" && s.style == ScalarStyle::Plain);
            if plain_merge {
                if self.is_mapping(v) {
                    out.push(self.resolve(v));
                } else {
                    out.extend(
                        self.items(v)
                            .filter(|i| self.is_mapping(*i))
                            .map(|i| self.resolve(i)),
                    );
                }
            }
        }
        out
    }
}

//! From the tree to something that answers: trimmed, as a plain string test, or as a pattern of the `regex` crate.
//!
//! Everything here keeps one answer only, whether the pattern matches somewhere. Recursion is as deep as the tree, which
//! the parser bounds.

use std::fmt::Write as _;

use memchr::memmem::Finder;

use super::Matcher;
use super::parse::{Assertion, Node};
use super::pieces::Pieces;

/// Removes what an unanchored search does not need: at either end of the pattern, `x*` may as well match nothing and
/// `x{2,9}` twice. So `.*\.sops\.yaml` becomes a plain string.
pub(super) fn trim(node: Node) -> Node {
    let node = trim_edge(node, Edge::Start);
    trim_edge(node, Edge::End)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Start,
    End,
}

fn trim_edge(node: Node, edge: Edge) -> Node {
    match node {
        Node::Repeat { min: 0, .. } => Node::Empty,
        Node::Repeat { node, min: 1, .. } => trim_edge(*node, edge),
        Node::Repeat { node, min, .. } => Node::Repeat {
            node,
            min,
            max: Some(min),
        },
        Node::Alternate(branches) => {
            let branches: Vec<_> = branches
                .into_iter()
                .map(|branch| trim_edge(branch, edge))
                .collect();
            // One branch that is always content makes the others idle.
            if branches.contains(&Node::Empty) {
                Node::Empty
            } else {
                Node::Alternate(branches)
            }
        }
        Node::Concat(mut nodes) => {
            // The edge to work on becomes the end of the vector.
            if edge == Edge::Start {
                nodes.reverse();
            }
            while let Some(outer) = nodes.pop() {
                let kept = trim_edge(outer, edge);
                if kept != Node::Empty {
                    nodes.push(kept);
                    break;
                }
            }
            if edge == Edge::Start {
                nodes.reverse();
            }
            flatten(nodes)
        }
        other => other,
    }
}

/// A sequence without sequences in it, so that `shape` sees plain text as such.
fn flatten(nodes: Vec<Node>) -> Node {
    let mut flat = Vec::with_capacity(nodes.len());
    for node in nodes {
        match node {
            Node::Concat(inner) => flat.extend(inner),
            Node::Empty => {}
            other => flat.push(other),
        }
    }
    if flat.is_empty() {
        Node::Empty
    } else {
        Node::Concat(flat)
    }
}

/// The plain string test that says the same, if there is one.
pub(super) fn shape(node: &Node) -> Option<Matcher> {
    let mut nodes = match node {
        Node::Empty => return Some(Matcher::Always),
        Node::Concat(nodes) => nodes.as_slice(),
        single => std::slice::from_ref(single),
    };
    let (mut start, mut end) = (false, false);
    if let [Node::Assert(Assertion::TextStart), inner @ ..] = nodes {
        (start, nodes) = (true, inner);
    }
    if let [inner @ .., Node::Assert(Assertion::TextEnd)] = nodes {
        (end, nodes) = (true, inner);
    }
    let plain = nodes.iter().map(|node| match node {
        Node::Literal { c, fold: false } => Some(*c),
        _ => None,
    });
    let Some(text) = plain.collect::<Option<String>>() else {
        return Pieces::of(node).map(Matcher::Pieces);
    };
    Some(match (start, end) {
        (true, true) => Matcher::Equals(text.into()),
        (true, false) => Matcher::StartsWith(text.into()),
        (false, true) => Matcher::EndsWith(text.into()),
        (false, false) => Matcher::Contains(Box::new(Finder::new(&text).into_owned())),
    })
}

/// The pattern in the dialect of the `regex` crate.
pub(super) fn emit(node: &Node) -> String {
    let mut out = String::new();
    write_node(node, &mut out);
    out
}

fn write_node(node: &Node, out: &mut String) {
    match node {
        Node::Empty => out.push_str("(?:)"),
        Node::Never => out.push_str(r"[^\s\S]"),
        Node::Literal { c, fold: false } => push_char(*c, out),
        Node::Literal { c, fold: true } => {
            out.push_str("(?i:");
            push_char(*c, out);
            out.push(')');
        }
        Node::Class(class) => out.push_str(class),
        Node::Assert(assertion) => out.push_str(match assertion {
            Assertion::TextStart => r"\A",
            Assertion::TextEnd => r"\z",
            Assertion::LineStart => "(?m:^)",
            Assertion::LineEnd => "(?m:$)",
            Assertion::WordEdge => r"(?-u:\b)",
            Assertion::NoWordEdge => r"(?-u:\B)",
        }),
        Node::Concat(nodes) => nodes.iter().for_each(|node| write_grouped(node, out)),
        Node::Alternate(nodes) => {
            for (i, node) in nodes.iter().enumerate() {
                if i > 0 {
                    out.push('|');
                }
                write_node(node, out);
            }
        }
        Node::Repeat { node, min, max } => {
            if matches!(**node, Node::Literal { .. } | Node::Class(_) | Node::Never) {
                write_node(node, out);
            } else {
                out.push_str("(?:");
                write_node(node, out);
                out.push(')');
            }
            // Writing to a string does not fail.
            let _ = match (min, max) {
                (0, None) => out.write_char('*'),
                (1, None) => out.write_char('+'),
                (0, Some(1)) => out.write_char('?'),
                (min, None) => write!(out, "{{{min},}}"),
                (min, Some(max)) => write!(out, "{{{min},{max}}}"),
            };
        }
    }
}

/// An element of a sequence: only alternatives need a group there.
fn write_grouped(node: &Node, out: &mut String) {
    if matches!(node, Node::Alternate(_)) {
        out.push_str("(?:");
        write_node(node, out);
        out.push(')');
    } else {
        write_node(node, out);
    }
}

/// One character that stands for itself, inside and outside of classes.
pub(super) fn push_char(c: char, out: &mut String) {
    if c.is_ascii_alphanumeric() {
        out.push(c);
    } else {
        let _ = write!(out, "\\x{{{:X}}}", u32::from(c));
    }
}

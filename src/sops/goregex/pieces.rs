//! Patterns that are texts with `.*` between them: `^(apps|infra)/.*\.ya?ml$`.
//!
//! Nearly every pattern of a real config is one. Compiling an automaton for it takes longer than all else that is done for
//! a small commit, and asking it is several times dearer than comparing texts.

use super::class::ANY_BUT_NEWLINE;
use super::parse::{Assertion, Node};

/// Texts that one piece may be; more are left to the automaton.
const MOST: usize = 16;

/// Pieces in order, anything but a line break between them.
#[derive(Clone)]
pub(super) struct Pieces {
    /// The first begins the text.
    start: bool,
    /// Each is one of a few texts without line breaks; never empty.
    pieces: Vec<Vec<String>>,
    /// The last ends the text.
    end: bool,
}

impl Pieces {
    pub(super) fn of(node: &Node) -> Option<Self> {
        let mut nodes = match node {
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
        let pieces = nodes.split(is_gap).map(sequence);
        Some(Self {
            start,
            pieces: pieces.collect::<Option<_>>()?,
            end,
        })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        // No piece holds a line break and none may lie between them: a match is in one line.
        let mut lines = text.split('\n').peekable();
        let mut first = true;
        while let Some(line) = lines.next() {
            let last = lines.peek().is_none();
            if (first || !self.start) && (last || !self.end) && self.is_in(line) {
                return true;
            }
            first = false;
        }
        false
    }

    fn is_in(&self, line: &str) -> bool {
        let Some((last, before)) = self.pieces.split_last() else {
            return true;
        };
        let mut rest = line;
        for (i, piece) in before.iter().enumerate() {
            // The match that ends first leaves the most to those that follow.
            let ends = piece.iter().filter_map(|text| match self.start && i == 0 {
                true => rest.starts_with(text).then_some(text.len()),
                false => {
                    memchr::memmem::find(rest.as_bytes(), text.as_bytes()).map(|at| at + text.len())
                }
            });
            let Some(end) = ends.min() else {
                return false;
            };
            rest = &rest[end..];
        }
        let start = self.start && before.is_empty();
        last.iter().any(|text| match (start, self.end) {
            (true, true) => rest == text,
            (true, false) => rest.starts_with(text),
            (false, true) => rest.ends_with(text),
            (false, false) => memchr::memmem::find(rest.as_bytes(), text.as_bytes()).is_some(),
        })
    }
}

/// `.*`
fn is_gap(node: &Node) -> bool {
    let Node::Repeat {
        node,
        min: 0,
        max: None,
    } = node
    else {
        return false;
    };
    matches!(&**node, Node::Class(class) if class == ANY_BUT_NEWLINE)
}

/// The texts that a node stands for.
fn texts(node: &Node) -> Option<Vec<String>> {
    let found = match node {
        Node::Empty => vec![String::new()],
        Node::Literal { c, fold: false } if *c != '\n' => vec![String::from(*c)],
        Node::Concat(nodes) => sequence(nodes)?,
        Node::Alternate(branches) => {
            let all: Option<Vec<_>> = branches.iter().map(texts).collect();
            all?.concat()
        }
        Node::Repeat {
            node,
            min: 0,
            max: Some(1),
        } => {
            let mut all = texts(node)?;
            all.push(String::new());
            all
        }
        _ => return None,
    };
    (found.len() <= MOST).then_some(found)
}

fn sequence(nodes: &[Node]) -> Option<Vec<String>> {
    let mut all = vec![String::new()];
    for node in nodes {
        let next = texts(node)?;
        if all.len() * next.len() > MOST {
            return None;
        }
        all = (all.iter())
            .flat_map(|head| next.iter().map(move |tail| format!("{head}{tail}")))
            .collect();
    }
    Some(all)
}

//! A document as a line of steps, so that two can be compared without going through both by hand.

use super::Flaw;
use crate::sops::scope;
use crate::sops::value::{self, EncType, EncValue, Judged};
use crate::syntax::{Document, Format, Kind, NodeId, Scalar, ScalarType};

/// One step through a tree in the order of its text.
pub(super) enum Event<'d> {
    Mapping,
    List,
    Key(&'d str),
    Leaf(&'d Scalar<'d>),
    End,
}

impl Event<'_> {
    pub(super) fn same_shape(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mapping, Self::Mapping) | (Self::List, Self::List) | (Self::End, Self::End) => {
                true
            }
            (Self::Key(a), Self::Key(b)) => a == b,
            _ => false,
        }
    }
}

/// Aliases expanded, as sops expands them; metadata and encrypted comments of lists left out where they may be.
pub(super) fn events<'d>(
    doc: &'d Document<'d>,
    format: Format,
    encrypted: bool,
) -> Result<Vec<Event<'d>>, Flaw> {
    let mut out = Vec::new();
    let Some(root) = doc.root() else {
        out.extend([Event::Mapping, Event::End]);
        return Ok(out);
    };
    let root = doc.resolve(root);
    if doc.scalar(root).is_some_and(|s| s.ty == ScalarType::Null) {
        out.extend([Event::Mapping, Event::End]);
        return Ok(out);
    }
    enum Todo {
        Node(NodeId, bool),
        Key(NodeId),
        End,
    }
    let mut todo = vec![Todo::Node(root, true)];
    while let Some(next) = todo.pop() {
        if out.len() > scope::MAX_VISITS {
            return Err(Flaw::TooLarge);
        }
        let (id, top) = match next {
            Todo::End => {
                out.push(Event::End);
                continue;
            }
            Todo::Key(id) => {
                out.push(Event::Key(doc.text(id).unwrap_or("")));
                continue;
            }
            Todo::Node(id, top) => (doc.resolve(id), top),
        };
        match &doc.node(id).kind {
            Kind::Scalar(scalar) => out.push(Event::Leaf(scalar)),
            Kind::Alias(_) => return Err(Flaw::OtherTree),
            Kind::Mapping(_) => {
                out.push(Event::Mapping);
                todo.push(Todo::End);
                let entries: Vec<(NodeId, NodeId)> = doc.entries(id).collect();
                for (key, value) in entries.into_iter().rev() {
                    let name = doc.text(key).unwrap_or("");
                    let of_sops = match format {
                        Format::Dotenv => name.starts_with("sops_"),
                        _ => name == "sops",
                    };
                    if encrypted && top && of_sops {
                        continue;
                    }
                    todo.push(Todo::Node(value, false));
                    todo.push(Todo::Key(key));
                }
            }
            Kind::Sequence(_) => {
                out.push(Event::List);
                let comment = |id: NodeId| {
                    let text = doc.text(id).map(value::judge);
                    matches!(
                        text,
                        Some(Judged::Sound(EncValue {
                            ty: EncType::Comment,
                            ..
                        }))
                    )
                };
                let items: Vec<NodeId> = doc
                    .items(id)
                    .filter(|id| !(encrypted && comment(*id)))
                    .collect();
                todo.push(Todo::End);
                todo.extend(items.into_iter().rev().map(|id| Todo::Node(id, false)));
            }
        }
    }
    Ok(out)
}

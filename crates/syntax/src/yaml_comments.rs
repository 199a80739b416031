//! Where comments belong, as in go-yaml v3 and sops' YAML store.
//!
//! go-yaml hangs every comment on a node as its head, line or foot; sops turns them into children of a mapping or list
//! (`stores/yaml/store.go`): head and line comments come before an entry, foot comments behind it, those of a nested
//! mapping or list go inside. On which node a comment hangs depends on blank lines, indentation, the kind of token before
//! it and on how far go-yaml's scanner has read ahead, so no rule of thumb over the finished tree gives the same answer.
//! Therefore the marks of a text are read once more here, token by token, in the way of go-yaml's scanner
//! ([`scan`](super::yaml_scan)); scalars are not read again, their places are known. Only texts with comments are.
//!
//! What go-yaml drops (sops then drops it from the file) lands in [`Document::outer_comments`]. A text that go-yaml would
//! not read, or of which it would make another tree, has its comments in the innermost mapping or list around them.

use super::yaml_scan::{self, Leaf, Marks};
use super::{Child, Comment, Document, Kind, NodeId};

/// Where an event stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spot {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A comment to be put before the child `index` of a container.
struct Insertion {
    container: NodeId,
    index: usize,
    /// Comments of the container itself lie around those of its children.
    rank: Rank,
    comment: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Head,
    Child,
    Foot,
    Document,
}

/// What the reader notes for comments while it goes through a text.
#[derive(Default)]
pub(super) struct Comments<'t> {
    leaves: Vec<Leaf>,
    /// In order, with the document they were met in.
    found: Vec<(Comment<'t>, usize)>,
}

impl<'t> Comments<'t> {
    pub(super) fn comment(&mut self, comment: Comment<'t>, document: usize) {
        self.found.push((comment, document));
    }

    pub(super) fn leaf(&mut self, leaf: Leaf) {
        self.leaves.push(leaf);
    }

    /// Puts the comments into the trees. `whole`: the text had no syntax error.
    pub(super) fn place(mut self, text: &'t str, documents: &mut [Document<'t>], whole: bool) {
        if self.found.is_empty() || documents.is_empty() {
            return;
        }
        self.found.sort_by_key(|(c, _)| c.span.start);
        self.found.dedup_by_key(|(c, _)| c.span.start);
        let marks = if whole {
            yaml_scan::scan(text, &self.leaves)
        } else {
            None
        };
        let marks = marks.filter(|m| {
            m.len() == documents.len()
                && m.iter()
                    .zip(&*documents)
                    .all(|(m, d)| m.nodes.len() == d.len())
        });
        let mut todo: Vec<Vec<Insertion>> = documents.iter().map(|_| Vec::new()).collect();
        if let Some(marks) = marks {
            for ((doc, marks), todo) in documents.iter().zip(&marks).zip(&mut todo) {
                let mut seat = Seat {
                    found: &self.found,
                    todo,
                };
                seat.document(doc, marks);
            }
        } else {
            for (i, (comment, document)) in self.found.iter().enumerate() {
                let n = (*document).min(documents.len() - 1);
                if let Some((container, index)) = surrounding(&documents[n], comment.span.start) {
                    todo[n].push(Insertion {
                        container,
                        index,
                        rank: Rank::Child,
                        comment: i,
                    });
                }
            }
        }
        let mut placed = vec![false; self.found.len()];
        for (doc, todo) in documents.iter_mut().zip(todo) {
            insert(doc, todo, &self.found, &mut placed);
        }
        for ((comment, document), placed) in self.found.into_iter().zip(placed) {
            if !placed {
                let n = document.min(documents.len() - 1);
                documents[n].outer_comments.push(comment);
            }
        }
    }
}

/// Turns the comments of nodes into places among children, as sops' store does.
struct Seat<'s, 't> {
    found: &'s [(Comment<'t>, usize)],
    todo: &'s mut Vec<Insertion>,
}

impl<'t> Seat<'_, 't> {
    fn document(&mut self, doc: &Document<'t>, marks: &yaml_scan::DocumentMarks) {
        let Some(root) = doc.root() else { return };
        for id in 0..doc.len() {
            let id = id as NodeId;
            let own = &marks.nodes[id as usize];
            match &doc.node(id).kind {
                Kind::Mapping(children) => {
                    // An item of a list has its comments outside, see below; all others have them inside.
                    for (i, child) in children.iter().enumerate() {
                        let Child::Entry(k, v) = child else { continue };
                        let (key, value) = (&marks.nodes[*k as usize], &marks.nodes[*v as usize]);
                        self.put(id, i, &key.head);
                        self.put(id, i, &key.line);
                        if is_container(doc, *v) {
                            self.inside(doc, *v, value);
                        } else {
                            self.put(id, i, &value.head);
                            self.put(id, i, &value.line);
                            self.put(id, i + 1, &value.foot);
                        }
                        self.put(id, i + 1, &key.foot);
                    }
                    if id == root {
                        self.inside(doc, id, own);
                        self.put_as(Rank::Document, id, children.len(), &marks.foot);
                    }
                }
                Kind::Sequence(children) => {
                    for (i, child) in children.iter().enumerate() {
                        let Child::Item(v) = child else { continue };
                        let item = &marks.nodes[*v as usize];
                        self.put(id, i, &item.head);
                        self.put(id, i, &item.line);
                        self.put(id, i + 1, &item.foot);
                    }
                }
                _ => {}
            }
        }
    }

    fn inside(&mut self, doc: &Document<'t>, id: NodeId, own: &Marks) {
        let end = doc.children(id).len();
        self.put_as(Rank::Head, id, 0, &own.head);
        self.put_as(Rank::Head, id, 0, &own.line);
        self.put_as(Rank::Foot, id, end, &own.foot);
    }

    fn put(&mut self, container: NodeId, index: usize, starts: &[usize]) {
        self.put_as(Rank::Child, container, index, starts);
    }

    fn put_as(&mut self, rank: Rank, container: NodeId, index: usize, starts: &[usize]) {
        for start in starts {
            if let Ok(comment) = self
                .found
                .binary_search_by_key(start, |(c, _)| c.span.start)
            {
                self.todo.push(Insertion {
                    container,
                    index,
                    rank,
                    comment,
                });
            }
        }
    }
}

fn is_container(doc: &Document<'_>, id: NodeId) -> bool {
    matches!(doc.node(id).kind, Kind::Mapping(_) | Kind::Sequence(_))
}

/// The innermost mapping or list around an offset, and the child that follows there.
fn surrounding(doc: &Document<'_>, at: usize) -> Option<(NodeId, usize)> {
    let mut id = doc.root().filter(|r| is_container(doc, *r))?;
    loop {
        let (Kind::Mapping(children) | Kind::Sequence(children)) = &doc.node(id).kind else {
            return None;
        };
        let start = |c: &Child<'_>| match c {
            Child::Entry(k, _) => doc.node(*k).span.start,
            Child::Item(v) => doc.node(*v).span.start,
            Child::Comment(c) => c.span.start,
        };
        let next = children.partition_point(|c| start(c) <= at);
        let before = next.checked_sub(1).and_then(|i| children.get(i));
        let value = match before {
            Some(Child::Entry(_, v) | Child::Item(v)) => *v,
            _ => return Some((id, next)),
        };
        let span = doc.node(value).span;
        if is_container(doc, value) && span.start <= at && at < span.end {
            id = value;
        } else {
            return Some((id, next));
        }
    }
}

/// Rebuilds each container once, however many comments it gets.
fn insert<'t>(
    doc: &mut Document<'t>,
    mut todo: Vec<Insertion>,
    found: &[(Comment<'t>, usize)],
    placed: &mut [bool],
) {
    // Stable: comments for one place stay in the order in which they were put.
    todo.sort_by_key(|i| (i.container, i.index, i.rank));
    let mut rest = todo.as_slice();
    while let Some(first) = rest.first() {
        let count = rest
            .iter()
            .take_while(|i| i.container == first.container)
            .count();
        let (here, others) = rest.split_at(count);
        rest = others;
        let Some(node) = doc.node_mut(first.container) else {
            continue;
        };
        let (Kind::Mapping(children) | Kind::Sequence(children)) = &mut node.kind else {
            continue;
        };
        let old = std::mem::take(children);
        let mut here = here.iter().peekable();
        let end = old.len();
        children.reserve(end + count);
        for (i, child) in old.into_iter().map(Some).chain([None]).enumerate() {
            while let Some(insertion) = here.next_if(|n| n.index.min(end) == i) {
                if !std::mem::replace(&mut placed[insertion.comment], true) {
                    children.push(Child::Comment(found[insertion.comment].0.clone()));
                }
            }
            children.extend(child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, parse};
    use super::*;

    /// The tree in one line: keys, items, and comments in their places.
    fn outline(text: &str) -> String {
        fn walk(doc: &Document<'_>, id: NodeId, out: &mut String) {
            for child in doc.children(id) {
                match child {
                    Child::Comment(c) => out.push_str(&format!("#{} ", c.text.trim())),
                    Child::Entry(k, v) => {
                        out.push_str(&format!("{}:", doc.text(*k).unwrap_or("?")));
                        inner(doc, *v, out);
                    }
                    Child::Item(v) => {
                        out.push('-');
                        inner(doc, *v, out);
                    }
                }
            }
        }
        fn inner(doc: &Document<'_>, id: NodeId, out: &mut String) {
            if is_container(doc, id) {
                out.push_str("( ");
                walk(doc, id, out);
                out.push_str(") ");
            } else {
                out.push(' ');
            }
        }
        let parsed = parse(text, Format::Yaml);
        let mut out = String::new();
        for doc in &parsed.documents {
            if let Some(root) = doc.root() {
                walk(doc, root, &mut out);
            }
            for c in &doc.outer_comments {
                out.push_str(&format!("outer #{} ", c.text.trim()));
            }
            out.push_str("| ");
        }
        out
    }

    #[test]
    fn comments_stand_where_the_tree_of_sops_has_them() {
        for (text, tree) in [
            (
                "# top\n\n# head\na: 1 # line\n# foot\n\nb: 2\n",
                "#top #head #line a: #foot b: | ",
            ),
            (
                "b: # line\n  # in\n  c: 2\n  # foot\n# next\nd: 3\n",
                "#line b:( #in c: #foot ) #next d: | ",
            ),
            (
                "d:\n  - x # x\n  # y\n  - y\n  # last\n",
                "d:( #x - #y - #last ) | ",
            ),
            ("d:\n# y\n- y\n# end\n", "d:( #y - #end ) | "),
            ("e: {a: 1} # flow\n", "e:( #flow a: ) | "),
            ("k:\n- # a\n  x: v\n- y\n", "k:( -( #a x: ) - ) | "),
            ("a: |  # head\n  x # text\nb: 1\n", "#head a: b: | "),
            ("a: 1\n# one\n---\n# two\nb: 2\n", "a: #one | #two b: | "),
            (
                "a: !!str # late\nb: # next\n  c: 1\n",
                "a: #late #next b:( c: ) | ",
            ),
        ] {
            assert_eq!(outline(text), tree, "{text}");
        }
    }

    #[test]
    fn comments_of_a_broken_text_stand_in_what_is_around_them() {
        assert_eq!(
            outline("a:\n  b: 1\n  # in\n  c: 2\nd: [\n"),
            "a:( b: #in c: ) d:( ) | "
        );
    }

    #[test]
    fn many_comments_are_no_trouble() {
        let mut text = String::from("a:\n");
        for i in 0..100_000 {
            text.push_str(if i % 2 == 0 { "  # x\n" } else { "# ü\n" });
        }
        text.push_str("  b: 1\n");
        let parsed = parse(&text, Format::Yaml);
        assert!(parsed.is_whole());
        let deep: String = (0..900)
            .map(|i| format!("{:i$}a: # c\n", ""))
            .chain((0..20_000).map(|i| format!("{:1$}# c\n", "", i % 900)))
            .collect();
        assert!(parse(&deep, Format::Yaml).is_whole());
    }
}

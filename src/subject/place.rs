//! From nodes to places that may be shown: pointers and trails of masked keys.

use crate::model::{LineIndex, Place, Pointer, SafeKey, Span, Step, TrailFormat};
use crate::sops::scope::PathPart;
use crate::syntax::{Document, Format, NodeId};

/// How the keys of a format are drawn.
pub fn trail_format(format: Format) -> TrailFormat {
    match format {
        Format::Yaml => TrailFormat::Yaml,
        Format::Json => TrailFormat::Json,
        Format::Dotenv => TrailFormat::Dotenv,
        Format::Ini => TrailFormat::Ini,
        Format::Binary => TrailFormat::Opaque,
    }
}

/// Makes places in one text.
pub struct Places<'t> {
    text: &'t str,
    lines: std::cell::OnceCell<LineIndex<'t>>,
    format: Format,
}

impl<'t> Places<'t> {
    /// For a text of a format.
    pub fn new(text: &'t str, format: Format) -> Self {
        Self {
            text,
            lines: std::cell::OnceCell::new(),
            format,
        }
    }

    fn lines(&self) -> &LineIndex<'t> {
        self.lines.get_or_init(|| LineIndex::new(self.text))
    }

    /// Line of an offset, from 1.
    pub fn line(&self, offset: usize) -> u32 {
        self.lines().line_column(offset).0
    }

    /// A place without keys.
    pub fn span(&self, span: Span, document: usize) -> Place {
        Place {
            position: Some(self.lines().position(span)),
            document: u32::try_from(document).unwrap_or(u32::MAX),
            pointer: None,
            trail: Vec::new(),
            format: trail_format(self.format),
            span: Some(span),
        }
    }

    /// The whole file.
    pub fn file(&self) -> Place {
        Place {
            format: trail_format(self.format),
            ..Place::default()
        }
    }

    /// A node by its path.
    pub fn node(
        &self,
        doc: &Document<'_>,
        document: usize,
        path: &[PathPart],
        site: NodeId,
    ) -> Place {
        let mut place = self.span(doc.node(site).span, document);
        let mut pointer = Pointer::default();
        let mut last_line = 1;
        for part in path {
            let step = match part {
                PathPart::Key(k) => {
                    let key = SafeKey::new(doc.text(*k).unwrap_or("?"));
                    last_line = self.line(doc.node(*k).span.start);
                    Step {
                        line: last_line,
                        key,
                        item: false,
                    }
                }
                PathPart::Index(i) => Step {
                    line: last_line,
                    key: SafeKey::index(*i),
                    item: true,
                },
            };
            pointer.push(&step.key);
            place.trail.push(step);
        }
        // An item stands on its own line, not on that of its list.
        if let (Some(step), Some(position)) = (place.trail.last_mut(), place.position)
            && step.item
        {
            step.line = position.line;
        }
        place.pointer = Some(pointer);
        // Of an alias the value that it stands for.
        place.span = Some(doc.node(doc.resolve(site)).span);
        place
    }
}

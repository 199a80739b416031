//! The values behind findings: held only to tell which are equal, and never shown.

use base64::Engine as _;
use zeroize::Zeroize as _;

use crate::model::{Finding, Span};
use crate::syntax::{Format, decode, parse_values};

/// A value that leaked. It has no way out, neither text nor debug form, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Value(Vec<u8>);

impl Value {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The value that a finding is about, in the bytes of its version; the whole file where it is about that.
pub(super) fn of(finding: &Finding, bytes: &[u8]) -> Value {
    let text = decode(bytes).text;
    let pointer = finding.place.pointer.as_ref().map(|p| p.as_str());
    let span: Option<Span> = finding.place.span;
    let raw = match (span, pointer) {
        // The place is that of the generator, the bytes are those of its source.
        _ if finding.check.id == "generator-source" => None,
        (Some(span), Some(_)) => text.get(span.range()),
        (Some(span), None) if finding.check.id == "private-key" => text.get(span.range()),
        _ => None,
    };
    match raw {
        Some(raw) => Value(decoded(&plain(raw), pointer)),
        None => Value(bytes.to_vec()),
    }
}

/// A scalar without its quotes.
fn plain(raw: &str) -> String {
    let quoted = raw.starts_with(['"', '\'', '|', '>']);
    if quoted {
        let parsed = parse_values(raw, Format::Yaml);
        let scalar = parsed.documents.first().and_then(|d| d.text(d.root()?));
        if let Some(text) = scalar {
            return text.to_owned();
        }
    }
    raw.trim().to_owned()
}

/// Values of a Secret's `data` are base64; elsewhere a text is what it is.
pub(super) fn decoded(text: &str, pointer: Option<&str>) -> Vec<u8> {
    let in_data = pointer.is_some_and(|p| {
        let mut parts = p.rsplit('/').skip(1);
        parts.next() == Some("data")
    });
    let compact: String = text.split_ascii_whitespace().collect();
    let engine = base64::engine::general_purpose::STANDARD;
    match in_data.then(|| engine.decode(compact.as_bytes())) {
        Some(Ok(bytes)) => bytes.trim_ascii().to_vec(),
        _ => text.trim().as_bytes().to_vec(),
    }
}

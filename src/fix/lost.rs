//! What sops would drop from a text without a word, told before it is asked.
//!
//! Its JSON decoder reads one value and no further. Its INI reader (go-ini) takes `#` and `;` inside of a value for the start
//! of a comment, takes quotes away and joins continued lines, where other readers of INI keep them: the tail of a password
//! would stay readable in a comment that no rule selects.

use crate::model::Message;
use crate::say;
use crate::syntax::{Format, Parsed, ProblemKind};

/// Why a text would not come back as it is; `None` if nothing speaks against it.
pub(super) fn by_sops(text: &str, format: Format, parsed: &Parsed<'_>) -> Option<Message> {
    // Both values of a key that stands twice are kept, or sops refuses the file.
    let mut problems = parsed.problems.iter().map(|p| p.kind);
    let problem = problems.find(|kind| *kind != ProblemKind::DuplicateKey);
    let problem = problem.map(|kind| match kind {
        ProblemKind::TrailingContent => {
            say!["something stands behind the JSON value, which sops drops"]
        }
        ProblemKind::NonStringKey => {
            say!["a key in it is no text, which sops refuses: put the key in quotes"]
        }
        ProblemKind::ConflictMarker => say!["it has conflict markers"],
        ProblemKind::UnknownAlias
        | ProblemKind::Syntax
        | ProblemKind::TooDeep
        | ProblemKind::DuplicateKey => {
            say!["it does not parse, and sops would refuse it"]
        }
    });
    problem.or_else(|| (format == Format::Ini).then(|| ini(text)).flatten())
}

fn ini(text: &str) -> Option<Message> {
    let odd = |line: &str| {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            return false;
        }
        if line.starts_with('[') {
            return line.rfind(']').is_some_and(|end| end + 1 < line.len());
        }
        let value = line.find(['=', ':']).map_or("", |at| line[at + 1..].trim());
        value.contains(['#', ';', '`']) || value.starts_with(['"', '\'']) || value.ends_with('\\')
    };
    let at = text.lines().position(odd)? + 1;
    Some(say![
        "line ",
        at as u64,
        " of it has a comment mark, quotes or a backslash in a value: sops would cut or change that; encrypt it in another format"
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse;

    fn is_lost(text: &str, format: Format) -> bool {
        by_sops(text, format, &parse(text, format)).is_some()
    }

    #[test]
    fn what_sops_would_cut() {
        for text in [
            "{\"a\": 1}\n{\"b\": 2}\n",
            "{\"a\": 1} x",
            "{\"a\": 1}\n// x\n",
        ] {
            assert!(is_lost(text, Format::Json), "{text}");
        }
        for value in ["x#y", "x ; y", "\"x\"", "'x'", "`x`", "x\\"] {
            assert!(
                is_lost(&format!("[a]\nb = {value}\n"), Format::Ini),
                "{value}"
            );
        }
        assert!(is_lost("[a] ; x\nb = c\n", Format::Ini));
        assert!(is_lost("1: x\n", Format::Yaml));
        assert!(!is_lost("{\"a\": \"# ; x\"}\n", Format::Json));
        assert!(!is_lost("# c\n[a]\n; d\nb = c=d \"e\n", Format::Ini));
        assert!(!is_lost("a: 'x # y'\n", Format::Yaml));
    }
}

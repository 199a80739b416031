//! What the fuzz targets share: parsing with a look at every span, and judging one file under rules.

use std::io::{Cursor, Read};

use sopsguard::engine::{self, Options};
use sopsguard::model::{RepoPath, Span};
use sopsguard::report;
use sopsguard::sops::metadata;
use sopsguard::source::{BaseState, Entry, FileKind, ReadError, View};
use sopsguard::syntax::{self, Format, NodeId};

/// Parses, and looks whether every span lies in the text, between characters.
pub fn parse(text: &str, format: Format) {
    let parsed = syntax::parse(text, format);
    let check = |span: Span| assert!(text.get(span.range()).is_some(), "{span:?}");
    parsed.problems.iter().for_each(|p| check(p.span));
    for doc in &parsed.documents {
        for id in 0..doc.len() {
            check(doc.node(id as NodeId).span);
        }
        doc.outer_comments.iter().for_each(|c| check(c.span));
        if let Some(meta) = metadata::find(doc, format) {
            let _ = metadata::read(&meta, format);
        }
    }
}

struct Files(Vec<Entry>, Vec<Vec<u8>>);

impl View for Files {
    fn entries(&self) -> &[Entry] {
        &self.0
    }

    fn read_limited(&self, path: &RepoPath, _: u64) -> Result<Vec<u8>, ReadError> {
        let at = self.0.iter().position(|e| e.path == *path).ok_or(ReadError::Missing)?;
        Ok(self.1[at].clone())
    }

    fn open_stream(&self, path: &RepoPath) -> Result<Box<dyn Read>, ReadError> {
        Ok(Box::new(Cursor::new(self.read(path)?)))
    }
}

const RULES: &[u8] = b"creation_rules:\n- path_regex: secrets/\n  age: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n- encrypted_regex: ^(data|stringData)$\n  age: age1x\n";

/// Judges one file; a caught panic is one.
pub fn judge(path: &[u8], bytes: &[u8]) {
    let mut files = vec![(RepoPath::new(&b".sops.yaml"[..]), RULES.to_vec())];
    let path = RepoPath::new(path);
    files.retain(|(p, _)| *p != path);
    files.push((path, bytes.to_vec()));
    files.sort();
    let entry = |path: &RepoPath| Entry { path: path.clone(), kind: FileKind::Regular, tracked: true, selected: true, touched: true, stage: 0, base: BaseState::NoBase, size: None };
    let view = Files(files.iter().map(|(p, _)| entry(p)).collect(), files.into_iter().map(|(_, b)| b).collect());
    let outcome = engine::run(&view, None, None, &Options { jobs: 1, ..Options::default() });
    assert!(outcome.blind_spots.iter().all(|b| b.code.as_str() != "internal"));
    for format in report::Format::ALL {
        let _ = report::render(&outcome, &[], format, &report::Style::default(), &mut std::io::sink());
    }
}

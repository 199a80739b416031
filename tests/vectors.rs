//! The rule and scope vectors, made by running sops' own code, put to ours.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test stops where it fails, and asks other programs"
)]

use serde::Deserialize;
use sopsguard::sops::config::{Choice, Refusal, SopsConfig, match_subject};
use sopsguard::sops::options::SelectionOptions;
use sopsguard::sops::scope::{CommentAt, LeafAt, PathPart, Visitor, walk};
use sopsguard::syntax::{Document, Format, Parsed, parse};

#[derive(Deserialize)]
struct RuleVector {
    id: String,
    config: String,
    config_dir: String,
    path: String,
    match_subject: String,
    expect: serde_json::Value,
}

#[test]
fn rules_are_chosen_as_sops_chooses_them() {
    let vectors: Vec<RuleVector> =
        serde_json::from_str(include_str!("data/rule-match.json")).unwrap();
    assert!(vectors.len() >= 130);
    let mut wrong = Vec::new();
    for v in &vectors {
        assert_eq!(
            match_subject(&v.path, &v.config_dir),
            v.match_subject,
            "{}",
            v.id
        );
        let config = SopsConfig::read(&v.config);
        let seen = match config.choose(&v.match_subject) {
            Choice::NoCreationRules => {
                serde_json::json!({"rule_index": null, "reason": "no_creation_rules"})
            }
            Choice::NoMatch => serde_json::json!({"rule_index": null, "reason": "no_match"}),
            Choice::BadPattern(_) => serde_json::json!({"error": "path_regex_invalid"}),
            Choice::Broken => serde_json::json!({"error": "config_parse"}),
            Choice::Rule(i) => {
                let rule = &config.rules()[i];
                match rule.refused() {
                    Some(Refusal::ScopeConflict) => serde_json::json!({"error": "scope_conflict"}),
                    Some(Refusal::BadKey) => serde_json::json!({"error": "bad_key"}),
                    None if !rule.has_keys() => {
                        serde_json::json!({"rule_index": i, "encrypt_error": "empty_key_group"})
                    }
                    None => serde_json::json!({"rule_index": i}),
                }
            }
        };
        if seen != v.expect {
            wrong.push(format!("{}: {seen} instead of {}", v.id, v.expect));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} wrong:\n{}",
        wrong.len(),
        vectors.len(),
        wrong.join("\n")
    );
}

#[derive(Deserialize)]
struct ScopeVector {
    id: String,
    format: String,
    options: std::collections::BTreeMap<String, serde_json::Value>,
    document: String,
    must_encrypt: Vec<String>,
    must_stay_plain: Vec<String>,
    #[serde(default)]
    inert: Vec<String>,
    comments_encrypt: Option<Vec<String>>,
    comments_plain: Option<Vec<String>>,
    expect_error: Option<String>,
}

#[derive(Default)]
struct Seen {
    encrypt: Vec<String>,
    plain: Vec<String>,
    inert: Vec<String>,
    comments_encrypt: Vec<String>,
    comments_plain: Vec<String>,
}

struct Collect<'d, 't> {
    doc: &'d Document<'t>,
    prefix: String,
    seen: &'d mut Seen,
}

fn pointer(doc: &Document<'_>, path: &[PathPart], prefix: &str) -> String {
    let mut out = prefix.to_owned();
    for part in path {
        out.push('/');
        match part {
            PathPart::Key(k) => out.push_str(
                &doc.text(*k)
                    .unwrap_or("?")
                    .replace('~', "~0")
                    .replace('/', "~1"),
            ),
            PathPart::Index(i) => out.push_str(&i.to_string()),
        }
    }
    out
}

impl<'t> Visitor<'t> for Collect<'_, 't> {
    fn leaf(&mut self, leaf: LeafAt<'_>) {
        let p = pointer(self.doc, leaf.path, &self.prefix);
        if leaf.inert {
            self.seen.inert.push(p);
        } else if leaf.selected {
            self.seen.encrypt.push(p);
        } else {
            self.seen.plain.push(p);
        }
    }

    fn comment(&mut self, c: CommentAt<'_, 't>) {
        let text = c.comment.text.to_string();
        if c.must_be_encrypted {
            self.seen.comments_encrypt.push(text)
        } else {
            self.seen.comments_plain.push(text)
        }
    }
}

fn collect(parsed: &Parsed<'_>, options: &SelectionOptions) -> Seen {
    let mut seen = Seen::default();
    let many = parsed.documents.len() > 1;
    for (n, doc) in parsed.documents.iter().enumerate() {
        let prefix = if many { format!("{n}#") } else { String::new() };
        walk(
            doc,
            Some(options),
            None,
            &mut Collect {
                doc,
                prefix,
                seen: &mut seen,
            },
        );
    }
    seen
}

#[test]
fn leaves_are_selected_as_sops_selects_them() {
    let vectors: Vec<ScopeVector> =
        serde_json::from_str(include_str!("data/leaf-scope.json")).unwrap();
    assert!(vectors.len() >= 109);
    let mut wrong = Vec::new();
    let mut compared = 0;
    for v in &vectors {
        if v.expect_error.is_some() {
            continue;
        }
        compared += 1;
        let format = match v.format.as_str() {
            "yaml" => Format::Yaml,
            "json" => Format::Json,
            "dotenv" => Format::Dotenv,
            "ini" => Format::Ini,
            "binary" => Format::Binary,
            other => panic!("format {other}"),
        };
        let mut options = SelectionOptions::default();
        for (name, value) in &v.options {
            if let Some(value) = value.as_str() {
                assert!(
                    options.set(name, value, Default::default()),
                    "{}: option {name}",
                    v.id
                );
            }
        }
        let options = if format == Format::Binary {
            SelectionOptions::default()
        } else {
            options.with_default()
        };
        let parsed = if format == Format::Binary {
            Parsed {
                documents: vec![Document::opaque(&v.document)],
                problems: Vec::new(),
            }
        } else {
            parse(&v.document, format)
        };
        let mut seen = collect(&parsed, &options);
        let mut check = |what: &str, mut expected: Vec<String>, got: &mut Vec<String>| {
            expected.sort();
            got.sort();
            if expected != *got {
                wrong.push(format!("{} {what}: {got:?} instead of {expected:?}", v.id));
            }
        };
        check("encrypt", v.must_encrypt.clone(), &mut seen.encrypt);
        check("plain", v.must_stay_plain.clone(), &mut seen.plain);
        check("inert", v.inert.clone(), &mut seen.inert);
        if v.comments_encrypt.is_some() || v.comments_plain.is_some() {
            check(
                "comments encrypt",
                v.comments_encrypt.clone().unwrap_or_default(),
                &mut seen.comments_encrypt,
            );
            check(
                "comments plain",
                v.comments_plain.clone().unwrap_or_default(),
                &mut seen.comments_plain,
            );
        }
    }
    assert!(compared >= 90, "only {compared} compared");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

//! The vectors of `tests/data`, put to the real sops.

use std::collections::BTreeMap;

use serde::Deserialize;
use sopsguard::syntax::Format;

use super::configs::{Fate, fate_of_run};
use super::documents::{config, leaves};
use super::sops::Sops;

#[derive(Deserialize)]
struct RuleVector {
    id: String,
    config: String,
    config_dir: String,
    path: String,
    expect: serde_json::Value,
}

#[derive(Deserialize)]
struct ScopeVector {
    id: String,
    format: String,
    options: BTreeMap<String, serde_json::Value>,
    document: String,
    must_encrypt: Vec<String>,
    must_stay_plain: Vec<String>,
    #[serde(default)]
    inert: Vec<String>,
    comments_encrypt: Option<Vec<String>>,
    comments_plain: Option<Vec<String>>,
    expect_error: Option<String>,
}

/// Rule vectors that the binary does not bear out; how many were asked.
pub fn rules(sops: &Sops) -> (usize, Vec<String>) {
    let vectors: Vec<RuleVector> =
        serde_json::from_str(include_str!("../data/rule-match.json")).unwrap();
    let mut wrong = Vec::new();
    let mut asked = 0;
    for v in &vectors {
        // The root of the file system cannot be borrowed for a test.
        if v.config_dir == "/" {
            continue;
        }
        asked += 1;
        let root = sops.dir.path().join("rules").join(&v.id);
        let under = |path: &str| root.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(under(&v.config_dir)).unwrap();
        let file = under(&v.config_dir).join(".sops.yaml");
        std::fs::write(&file, &v.config).unwrap();
        // Paths outside the config's directory are taken as they are, where they cannot exist anyway.
        let path = if v.path.starts_with(&format!("{}/", v.config_dir)) {
            under(&v.path)
        } else {
            std::path::PathBuf::from(&v.path)
        };
        let run = sops.encrypt(0, &file, &path, ("yaml", "json"), b"k: v\n");
        let fate = fate_of_run(&run);
        let reason = v.expect["reason"]
            .as_str()
            .or(v.expect["error"].as_str())
            .or(v.expect["encrypt_error"].as_str());
        let fits = match reason {
            None => matches!(fate, Fate::Encrypts(..) | Fate::KeyUse),
            Some("no_match") => fate == Fate::NoMatch,
            Some("no_creation_rules") => fate == Fate::NoCreationRules,
            Some("path_regex_invalid") => fate == Fate::BadPattern,
            Some("config_parse") => fate == Fate::Broken,
            Some("bad_key") => fate == Fate::BadKey,
            Some("scope_conflict") => fate == Fate::ScopeConflict,
            Some("empty_key_group") => fate == Fate::EmptyKeyGroup,
            Some(_) => false,
        };
        if !fits {
            wrong.push(format!(
                "rule {}: {fate:?} instead of {}; {}",
                v.id,
                v.expect,
                run.err.trim()
            ));
        }
    }
    (asked, wrong)
}

/// Scope vectors that the binary does not bear out; how many were asked. Leaves are read from JSON output, comments from
/// output in the format itself.
pub fn scopes(sops: &Sops) -> (usize, Vec<String>) {
    let vectors: Vec<ScopeVector> =
        serde_json::from_str(include_str!("../data/leaf-scope.json")).unwrap();
    let mut wrong = Vec::new();
    for v in &vectors {
        let options: Vec<(&str, &str)> = v
            .options
            .iter()
            .filter_map(|(k, o)| o.as_str().map(|o| (k.as_str(), o)))
            .collect();
        let mac_only = v
            .options
            .get("mac_only_encrypted")
            .is_some_and(|m| m == true);
        let rules = sops.dir.path().join("scope.yaml");
        let quoted: Vec<(&str, String)> = options
            .iter()
            .map(|(k, o)| (*k, o.replace('\'', "''")))
            .collect();
        let quoted: Vec<(&str, &str)> = quoted.iter().map(|(k, o)| (*k, o.as_str())).collect();
        std::fs::write(&rules, config(&quoted, mac_only)).unwrap();
        let name = sops.dir.path().join("file");
        let run =
            |out: &str| sops.encrypt(0, &rules, &name, (&v.format, out), v.document.as_bytes());
        let own = run(&v.format);
        let code = own.code;
        if let Some(error) = &v.expect_error {
            let fits = match error.as_str() {
                "load" => code == 2,
                "encrypt_tree" => code == 23,
                "emit" => code == 4,
                "already_encrypted_203" => code == 203,
                "empty_file_92" => code == 92,
                _ => false,
            };
            if !fits {
                wrong.push(format!(
                    "scope {}: exit {code} instead of {error}; {}",
                    v.id,
                    own.err.trim()
                ));
            }
            continue;
        }
        if code != 0 {
            wrong.push(format!("scope {}: exit {code}; {}", v.id, own.err.trim()));
            continue;
        }
        // Documents of one stream cannot be told apart in JSON output; comments in lists become items there.
        let many = v
            .must_encrypt
            .iter()
            .chain(&v.must_stay_plain)
            .chain(&v.inert)
            .any(|p| !p.is_empty() && !p.starts_with('/'));
        let comments = v.comments_encrypt.as_ref().is_some_and(|c| !c.is_empty());
        if !(many || comments && v.document.lines().any(|l| l.trim_start().starts_with("- "))) {
            let json = if v.format == Format::Binary.as_str() {
                own.out.clone()
            } else {
                run("json").out
            };
            let mut seen = BTreeMap::new();
            if let Ok(serde_json::Value::Object(mut map)) = serde_json::from_str(&json) {
                map.remove("sops");
                leaves(&serde_json::Value::Object(map), String::new(), &mut seen);
            }
            let mut expected: BTreeMap<String, bool> =
                v.must_encrypt.iter().map(|p| (p.clone(), true)).collect();
            expected.extend(
                v.must_stay_plain
                    .iter()
                    .chain(&v.inert)
                    .map(|p| (p.clone(), false)),
            );
            if seen != expected {
                wrong.push(format!("scope {}: {seen:?} instead of {expected:?}", v.id));
            }
        }
        for comment in v.comments_plain.iter().flatten().filter(|c| !c.is_empty()) {
            if !own.out.contains(comment.as_str()) {
                wrong.push(format!(
                    "scope {}: comment {comment:?} is not in the clear",
                    v.id
                ));
            }
        }
        if let Some(expected) = &v.comments_encrypt {
            let seen = own.out.matches(",type:comment]").count();
            if seen != expected.len() {
                wrong.push(format!(
                    "scope {}: {seen} comments encrypted instead of {}",
                    v.id,
                    expected.len()
                ));
            }
        }
    }
    (vectors.len(), wrong)
}

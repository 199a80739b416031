//! The map of rooms: who may import whom.
//!
//! The map is data. Each file below `src/<room>` is read for `crate::<room>`, in `use` lines and in paths, comments and
//! strings left out; what is not on the map fails, what is on the map and not used fails as well, so that the map is what
//! the code does. `say` is the macro of `model`. A new line here needs a reason in the commit.
#![allow(clippy::disallowed_methods, reason = "tests ask other programs")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A room and the rooms it may import. A room stands below all that import it.
const MAP: &[(&str, &[&str])] = &[
    ("syntax", &[]),
    ("model", &["syntax"]),
    ("words", &[]),
    ("bech", &[]),
    ("keys", &["bech"]),
    ("settings", &["model"]),
    ("packs", &[]),
    ("git", &["packs"]),
    ("exec", &[]),
    ("hook", &["git", "exec"]),
    ("source", &["model", "git", "packs"]),
    ("values", &["words"]),
    ("sops", &["model", "words", "bech", "syntax"]),
    ("decrypt", &["exec", "sops"]),
    ("kube", &["model", "words", "syntax"]),
    (
        "subject",
        &[
            "model", "words", "settings", "syntax", "values", "keys", "sops", "kube",
        ],
    ),
    (
        "checks",
        &[
            "model", "settings", "keys", "syntax", "values", "sops", "kube", "subject",
        ],
    ),
    ("triage", &["model", "settings", "syntax"]),
    (
        "engine",
        &[
            "model", "words", "settings", "keys", "git", "packs", "source", "syntax", "values",
            "sops", "decrypt", "kube", "subject", "checks", "triage",
        ],
    ),
    ("report", &["model"]),
    (
        "fix",
        &[
            "model", "keys", "git", "exec", "syntax", "sops", "decrypt", "subject",
        ],
    ),
    (
        "explain",
        &["model", "settings", "syntax", "sops", "subject", "checks"],
    ),
    (
        "cli",
        &[
            "model", "settings", "git", "source", "syntax", "decrypt", "checks", "triage",
            "engine", "fix", "report", "explain", "hook",
        ],
    ),
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Files of a room: `src/room.rs` and all below `src/room/`, or those of the crate that the room is.
fn files(room: &str) -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let mut out: Vec<PathBuf> = Some(src().join(format!("{room}.rs")))
        .into_iter()
        .filter(|f| f.is_file())
        .collect();
    let mut open: Vec<PathBuf> = [src().join(room), crates.join(room).join("src")]
        .into_iter()
        .filter(|d| d.is_dir())
        .collect();
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                open.push(entry);
            } else if entry.extension().is_some_and(|e| e == "rs") {
                out.push(entry);
            }
        }
    }
    out.sort();
    out
}

/// Rooms that a text names behind `crate::`, also in braces.
fn named(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .map(|l| {
            if l.trim_start().starts_with("//") {
                ""
            } else {
                l
            }
        })
        .collect::<Vec<_>>()
        .join("\n");
    let mut out = BTreeSet::new();
    for (at, found) in code.match_indices("crate::") {
        // `$crate::` stands in a macro and is the macro's own room.
        if code[..at].ends_with('$')
            || code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
        {
            continue;
        }
        let rest = &code[at + found.len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            None => vec![rest],
            Some(group) => top_level(group),
        };
        for name in names {
            let end = name
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(name.len());
            out.insert(if &name[..end] == "say" {
                "model".to_owned()
            } else {
                name[..end].to_owned()
            });
        }
    }
    out
}

/// Members of a group in braces, with what is inside of them.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut out) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                out.push(group[from..at].trim());
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                out.push(group[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    out.retain(|name| !name.is_empty());
    out
}

#[test]
fn the_reader_of_imports_sees_all_forms() {
    let text = "use crate::model::{A, B};\n// use crate::git::X;\nlet x = crate::say![1]; use crate::{kube::{a, b}, sops};\n$crate::cli::y";
    assert_eq!(
        named(text),
        ["kube", "model", "sops"].map(str::to_owned).into()
    );
}

#[test]
fn rooms_import_only_what_the_map_allows_and_the_map_allows_no_more() {
    let mut wrong = Vec::new();
    for (room, allowed) in MAP {
        let mut used = BTreeSet::new();
        let files = files(room);
        assert!(!files.is_empty(), "there is no room {room}");
        for file in files {
            for other in named(&std::fs::read_to_string(&file).unwrap()) {
                let known = MAP.iter().any(|(r, _)| *r == other);
                if other != *room && !allowed.contains(&other.as_str()) {
                    let file = file
                        .strip_prefix(env!("CARGO_MANIFEST_DIR"))
                        .unwrap()
                        .display()
                        .to_string();
                    wrong.push(format!(
                        "{file}: {room} must not import {other}{}",
                        if known { "" } else { ", which is no room" }
                    ));
                }
                used.insert(other);
            }
        }
        wrong.extend(
            allowed
                .iter()
                .filter(|a| !used.contains(**a))
                .map(|a| format!("the map lets {room} import {a}, and it does not")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_on_the_map() {
    let lib = std::fs::read_to_string(src().join("lib.rs")).unwrap();
    let declared: BTreeSet<&str> = lib
        .lines()
        .filter_map(|l| {
            let l = l.trim_start_matches("pub ");
            let room = l
                .strip_prefix("mod ")
                .or_else(|| l.strip_prefix("use sopsguard_packs as "))
                .or_else(|| l.strip_prefix("use sopsguard_syntax as "))?;
            room.strip_suffix(';')
        })
        .collect();
    let mapped: BTreeSet<&str> = MAP.iter().map(|(r, _)| *r).collect();
    assert_eq!(declared, mapped, "src/lib.rs and the map differ");
}

#[test]
fn the_map_has_no_circle() {
    let mut left: BTreeMap<&str, BTreeSet<&str>> = MAP
        .iter()
        .map(|(r, to)| (*r, to.iter().copied().collect()))
        .collect();
    assert_eq!(left.len(), MAP.len(), "a room stands twice on the map");
    // Rooms that import nothing that is left are taken away, again and again.
    while let Some(room) = left.iter().find(|(_, to)| to.is_empty()).map(|(r, _)| *r) {
        left.remove(room);
        for to in left.values_mut() {
            to.remove(room);
        }
    }
    assert!(
        left.is_empty(),
        "these rooms import each other in a circle: {left:?}"
    );
}

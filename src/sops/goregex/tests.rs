//! The translator against verdicts of real Go, and its own limits.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::Value;

use super::*;

fn regex(pattern: &str) -> GoRegex {
    GoRegex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

#[test]
fn agrees_with_go_on_every_vector() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../tests/data/goregex.json")).unwrap();
    let mut differences = Vec::new();
    let mut patterns = 0;
    for group in vectors["groups"].as_array().unwrap() {
        let inputs: Vec<&str> = group["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i.as_str().unwrap())
            .collect();
        for vector in group["patterns"].as_array().unwrap() {
            patterns += 1;
            let pattern = vector["pattern"].as_str().unwrap();
            match (GoRegex::new(pattern), vector["ok"].as_bool().unwrap()) {
                (Ok(regex), true) => {
                    let expected = vector["matches"].as_str().unwrap();
                    assert_eq!(expected.len(), inputs.len(), "{pattern}");
                    for (input, expected) in inputs.iter().zip(expected.bytes()) {
                        if regex.is_match(input) != (expected == b'1') {
                            differences.push(format!(
                                "{pattern:?} on {input:?}: Go says {}",
                                expected == b'1'
                            ));
                        }
                    }
                }
                (Err(_), false) => {}
                (Ok(_), false) => differences.push(format!("{pattern:?}: accepted, Go refuses")),
                (Err(error), true) => differences.push(format!("{pattern:?}: {error}, Go accepts")),
            }
        }
    }
    assert!(patterns >= 200, "only {patterns} vectors");
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[test]
fn says_in_words_why_a_pattern_is_refused() {
    let said = |pattern: &str| {
        GoRegex::new(pattern)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let long = "(".repeat(3) + &"a".repeat(100);
    for (pattern, words) in [
        ("^(?!.*test).*", "look-around `(?!` is not supported by Go"),
        (".*(?<=b)", "look-around `(?<=` is not supported by Go"),
        (r"(a)\1", r"back-reference `\1` is not supported by Go"),
        (
            "*.yaml",
            "`*` has nothing to repeat (is this a glob? it must be a regular expression)",
        ),
        (
            "secrets/**",
            "`**` repeats a repetition, which Go does not allow",
        ),
        (
            "(?x)a",
            "`(?x)` is no group or flag that Go knows (flags are i, m, s and U)",
        ),
        (
            "(?>a)",
            "`(?>a)` is no group or flag that Go knows (flags are i, m, s and U)",
        ),
        (r"\u0041", r"escape `\u` is not known to Go"),
        (r"a\xé", r"escape `\xé` is not known to Go"),
        ("[[:foo:]]", "`[:foo:]` is no character class that Go knows"),
        (
            r"\p{Script=Greek}",
            r"`\p{Script=Greek}` is no character class that Go knows",
        ),
        (
            "[z-a]",
            "the range `z-a` in a character class runs backwards",
        ),
        ("[ab", "the character class `[ab` is not closed by `]`"),
        (
            "a{1001}",
            "the repeat count `{1001}` is too large or backwards (Go allows at most 1000, nested counts multiplied)",
        ),
        ("a\\", "the pattern ends in a lone backslash"),
        ("a)", "there is a `)` without its `(`"),
        (&long, "a group is not closed by `)`"),
        ("(?P<a b>x)", "`(?P<a b>` is no valid group name for Go"),
    ] {
        assert_eq!(said(pattern), words, "{pattern}");
    }
    assert!(
        said(&format!("[{}", "a".repeat(200))).len() < 120,
        "quotations are shortened"
    );
}

#[test]
fn own_limits_are_told_apart_from_those_of_go() {
    let refusal = |pattern: &str| GoRegex::new(pattern).err();
    assert!(refusal(&"a".repeat(40_000)).is_some_and(|error| error.is_own_limit()));
    assert!(refusal(&r"(\pL{900}a)".repeat(20)).is_some_and(|error| error.is_own_limit()));
    let deep = format!("z{}a{}z", "(?:x|y".repeat(200), "b)*".repeat(200));
    assert!(refusal(&deep).is_some_and(|error| error.is_own_limit()));
    assert_eq!(
        refusal("a{1001}").map(|error| error.is_own_limit()),
        Some(false)
    );
    assert_eq!(
        refusal(&(r"(".repeat(1001) + &")".repeat(1001))),
        Some(GoRegexError::NestedTooDeeply)
    );
    assert_eq!(
        refusal(&"b{1000}".repeat(3_400)),
        Some(GoRegexError::TooLarge)
    );
}

#[test]
fn depth_within_the_limit_compiles_in_the_stack_of_a_thread() {
    let levels = parse::MAX_DEPTH as usize / 2 - 2;
    let deep = format!("q{}a{}q", "(?:x".repeat(levels), ")*y".repeat(levels));
    assert!(!regex(&deep).is_match("qxaq"));
    // Groups alone cost nothing.
    let groups = format!("{}a{}", "(?:".repeat(5_000), ")".repeat(5_000));
    assert!(regex(&groups).is_match("bab"));
}

#[test]
fn plain_shapes_need_no_automaton() {
    let shape = |pattern: &str| match regex(pattern).matcher {
        Matcher::Always => "always",
        Matcher::Contains(_) => "contains",
        Matcher::StartsWith(_) => "starts",
        Matcher::EndsWith(_) => "ends",
        Matcher::Equals(_) => "equals",
        Matcher::Pieces(_) => "pieces",
        Matcher::Automaton(_) => "automaton",
    };
    for (pattern, expected) in [
        ("", "always"),
        (".*", "always"),
        ("(.*/)?", "always"),
        ("(a|)", "always"),
        (r".*\.secret\.yaml", "contains"),
        (r"(.*)?\.secret\.yaml", "contains"),
        (r".*\.env$", "ends"),
        ("^secrets/.*", "starts"),
        (r"^\.env$", "equals"),
        ("^(data|stringData)$", "pieces"),
        ("^(apps|infra)/", "pieces"),
        (r".*/secrets/.*\.ya?ml$", "pieces"),
        ("^(?:a|b.d|c)$", "automaton"),
        ("(?s)a.*b", "automaton"),
        ("a[^/]*b", "automaton"),
        (r"(?i)\.1", "contains"),
        (".+", "automaton"),
        ("(?i)secret", "automaton"),
        (".*a.*b.*", "pieces"),
        ("^.*$", "pieces"),
    ] {
        assert_eq!(shape(pattern), expected, "{pattern}");
    }
}

#[test]
fn plain_shapes_say_what_the_automaton_says() {
    // Many patterns of up to five of these parts, on many texts of up to five of these letters.
    let parts = ["^", "$", "a", "(a|bb)", "b?", ".*", "(ab|a|)", "\u{e9}"];
    let letters = ["a", "b", "\n", "\u{e9}"];
    fn sequences(of: &[&str]) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..5 {
            last = (last.iter())
                .flat_map(|head| of.iter().map(move |tail| format!("{head}{tail}")))
                .collect();
            all.extend(last.iter().cloned());
        }
        all
    }
    let texts: Vec<String> = sequences(&letters).into_iter().step_by(5).collect();
    for pattern in sequences(&parts).into_iter().step_by(17) {
        let Ok(node) = parse::parse(&pattern) else {
            continue;
        };
        let fast = regex(&pattern);
        if matches!(fast.matcher, Matcher::Automaton(_)) {
            continue;
        }
        let slow = regex::Regex::new(&emit::emit(&node)).unwrap();
        for text in &texts {
            assert_eq!(
                fast.is_match(text),
                slow.is_match(text),
                "{pattern:?} on {text:?}"
            );
        }
    }
}

#[test]
fn trimming_keeps_the_answer() {
    for (pattern, yes, no) in [
        (".*a{2,5}", "baa", "ba"),
        ("a{2,5}.*", "aab", "ab"),
        ("(x*a|y+b)c*", "yb", "xy"),
        ("(a?)(b{2,})(c?)", "bb", "abc"),
        ("(?:a|b*)*c", "c", "ab"),
        ("a+$", "ba", "ab"),
        ("^a+", "ab", "ba"),
        ("(^a?)*b", "ab", "a"),
    ] {
        assert!(regex(pattern).is_match(yes), "{pattern} on {yes}");
        assert!(!regex(pattern).is_match(no), "{pattern} on {no}");
    }
}

#[test]
fn every_text_is_a_pattern_or_an_error() {
    // A small generator, so that the test needs nothing: pieces of syntax in arbitrary order.
    let pieces = [
        "(",
        "(?",
        "(?P<",
        "?",
        ">",
        ")",
        "[",
        "[^",
        "[:",
        ":]",
        "]",
        "\\",
        "\\Q",
        "\\E",
        "\\p",
        "{",
        "}",
        "^",
        "\\x",
        "-",
        ",",
        "1",
        "999",
        "é",
        "\u{10FFFF}",
        "i",
        ":",
        "|",
        "*",
        "a",
        "\n",
        "\0",
        "&&",
        "\\x{D800}",
    ];
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    for _ in 0..20_000 {
        let mut pattern = String::new();
        for _ in 0..8 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            pattern.push_str(pieces[(state % pieces.len() as u64) as usize]);
        }
        if let Ok(regex) = GoRegex::new(&pattern) {
            regex.is_match(&pattern);
            assert_eq!(regex.as_str(), pattern);
        }
    }
}

#[test]
fn samples_match_and_show_every_alternative() {
    let samples = |pattern: &str| GoRegex::new(pattern).unwrap().samples();
    assert_eq!(samples(r"^(data|stringData)$"), vec!["data", "stringData"]);
    assert_eq!(samples(r"\.ya?ml$"), vec![".yaml", ".yml"]);
    assert_eq!(samples(r"^[0-9]{3}$"), vec!["000"]);
    for pattern in [
        r"secrets/[^/]+\.(yaml|json)$",
        r"(?i)x|\d+\.\w",
        ".*",
        r"^$",
        r"a{70}b",
    ] {
        let regex = GoRegex::new(pattern).unwrap();
        assert!(!regex.samples().is_empty(), "{pattern}");
        assert!(
            regex.samples().iter().all(|s| regex.is_match(s)),
            "{pattern}"
        );
    }
}

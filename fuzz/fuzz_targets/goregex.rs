//! Go's regular expressions: the first line is the pattern, the rest is matched.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sopsguard::sops::goregex::GoRegex;
use sopsguard::sops::specificity;

fuzz_target!(|text: &str| {
    let (pattern, path) = text.split_once('\n').unwrap_or((text, "a/b.yaml"));
    if let Ok(regex) = GoRegex::new(pattern) {
        let _ = regex.is_match(path);
        let _ = specificity::probe(&|s| regex.is_match(s), path, "");
    }
});

//! The grammar of encrypted values and of the MAC.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sopsguard::sops::value;

fuzz_target!(|text: &str| {
    let _ = value::judge(text);
    let _ = value::judge_mac(text);
    let _ = value::looks_encrypted(text);
});

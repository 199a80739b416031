//! Judging one arbitrary file: the first line is its path, the rest its bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (path, bytes) = match bytes.iter().position(|b| *b == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (&b"secrets/a.yaml"[..], bytes),
    };
    sopsguard_fuzz::judge(path, bytes);
});

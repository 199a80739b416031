//! The ini reader: no panic, every span in its text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sopsguard::syntax::{Format, decode};

fuzz_target!(|bytes: &[u8]| sopsguard_fuzz::parse(&decode(bytes).text, Format::Ini));

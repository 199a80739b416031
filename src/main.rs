//! The `sopsguard` program: parses, runs, exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(sopsguard::cli::run(std::env::args_os()) as u8)
}

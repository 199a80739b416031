//! Writing to standard output, and the table of checks.

use std::io::Write;

use super::CliError;
use crate::model::CheckInfo;

/// Prints a text.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| CliError::Output(e.kind()))
}

/// The table that `sopsguard checks` prints.
pub(crate) fn checks_table(checks: &[&CheckInfo]) -> String {
    let wide = checks.iter().map(|c| c.id.len()).max().unwrap_or(0);
    checks
        .iter()
        .map(|c| format!("{:wide$}  {:7}  {}\n", c.id, c.severity.as_str(), c.summary))
        .collect()
}

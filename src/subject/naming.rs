//! The format that a name means to people.

use crate::syntax::Format;
use crate::words;

/// Template suffixes and backup suffixes are taken off first, letter case does not count, `.env.prod` and `.envrc` are dotenv.
pub fn format_meant(name: &str) -> Format {
    let format = meant_by(name);
    if format != Format::Binary {
        return format;
    }
    let lower = strip_backup_suffix(name).to_ascii_lowercase();
    for suffix in words::TEMPLATE_SUFFIXES.iter() {
        if let Some(stem) = lower.strip_suffix(suffix) {
            return meant_by(stem);
        }
    }
    Format::Binary
}

fn meant_by(name: &str) -> Format {
    let lower = words::lower_case(strip_backup_suffix(name));
    match Format::of_name(&lower) {
        Format::Binary if lower.starts_with(".env.") || lower == ".envrc" => Format::Dotenv,
        format => format,
    }
}

/// The name without suffixes of backups and copies (`.bak`, `.orig`, `~` …).
pub fn strip_backup_suffix(name: &str) -> &str {
    let mut name = name;
    while let Some(stem) = words::BACKUP_SUFFIXES
        .iter()
        .find_map(|suffix| strip_suffix_of_any_case(name, suffix))
    {
        name = stem;
    }
    name
}

/// What stands before `suffix`, unless that is nothing.
fn strip_suffix_of_any_case<'n>(name: &'n str, suffix: &str) -> Option<&'n str> {
    // Nearly every name is told apart by its last letter.
    let last = |text: &str| text.bytes().next_back().map(|b| b.to_ascii_lowercase());
    if last(name) != last(suffix) {
        return None;
    }
    let at = name.len().checked_sub(suffix.len()).filter(|at| *at > 0)?;
    let (stem, end) = name.split_at_checked(at)?;
    end.eq_ignore_ascii_case(suffix).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_and_templates_keep_their_format() {
        for (name, format) in [
            ("X.YAML.bak", Format::Yaml),
            ("ldap.yaml.plain", Format::Yaml),
            ("app.yaml.tmpl", Format::Yaml),
            (".env.production", Format::Dotenv),
            (".envrc", Format::Dotenv),
            ("main.go", Format::Binary),
        ] {
            assert_eq!(format_meant(name), format, "{name}");
        }
        assert_eq!(strip_backup_suffix("a.yaml.bak~"), "a.yaml");
        assert_eq!(strip_backup_suffix(".bak"), ".bak");
    }
}

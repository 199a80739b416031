//! Which format a file has, by name, as sops tells it.
//!
//! sops looks at the case-sensitive end of the name (`formats.FormatForPath`); backups and copies keep the format of the
//! name below their suffix. Files that sops would call binary may still be YAML, JSON, dotenv or INI by content: that is
//! for the caller to try.

use crate::words;

/// The formats of sops' stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// `.yaml`, `.yml`
    Yaml,
    /// `.json`
    Json,
    /// `.env`
    Dotenv,
    /// `.ini`
    Ini,
    /// All else.
    Binary,
}

impl Format {
    /// The format sops gives to a file of this name.
    pub fn of_name(name: &str) -> Self {
        if name.ends_with(".yaml") || name.ends_with(".yml") {
            Self::Yaml
        } else if name.ends_with(".json") {
            Self::Json
        } else if name.ends_with(".env") {
            Self::Dotenv
        } else if name.ends_with(".ini") {
            Self::Ini
        } else {
            Self::Binary
        }
    }

    /// The format people mean: backup suffixes and letter case aside, `.env.prod` and `.envrc` counted as dotenv.
    pub fn meant_by_name(name: &str) -> Self {
        let lower = words::lower_case(strip_backup_suffix(name));
        match Self::of_name(&lower) {
            Self::Binary if lower.starts_with(".env.") || lower == ".envrc" => Self::Dotenv,
            format => format,
        }
    }

    /// Whether the format has keys.
    pub fn is_structured(self) -> bool {
        self != Self::Binary
    }

    /// The name sops uses for `--input-type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Binary => "binary",
        }
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
    fn names_give_the_formats_of_sops() {
        for (name, format) in [
            ("a.yaml", Format::Yaml),
            ("a.yml", Format::Yaml),
            ("a.json", Format::Json),
            (".env", Format::Dotenv),
            ("prod.env", Format::Dotenv),
            ("a.ini", Format::Ini),
            (".env.prod", Format::Binary),
            ("x.yaml.enc", Format::Binary),
            ("X.YAML", Format::Binary),
            (".envrc", Format::Binary),
        ] {
            assert_eq!(Format::of_name(name), format, "{name}");
        }
        assert_eq!(Format::meant_by_name("X.YAML.bak"), Format::Yaml);
        assert_eq!(Format::meant_by_name("ldap.yaml.plain"), Format::Yaml);
        assert_eq!(Format::meant_by_name(".env.production"), Format::Dotenv);
        assert_eq!(strip_backup_suffix("a.yaml.bak~"), "a.yaml");
        assert_eq!(strip_backup_suffix(".bak"), ".bak");
    }
}

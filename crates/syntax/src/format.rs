//! Which format a file has, by name, as sops tells it.
//!
//! sops looks at the case-sensitive end of the name (`formats.FormatForPath`). Files that sops would call binary may still be YAML, JSON, dotenv or INI by content: that is
//! for the caller to try.

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
    }
}

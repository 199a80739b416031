//! Reading settings: what is taken, what is refused and where, and that nothing of a value is shown.

use super::*;
use crate::model::CheckInfo;

static SECRET: CheckInfo = CheckInfo {
    id: "plaintext-secret",
    summary: "",
    severity: Severity::Error,
    page: "",
    softened_in_lenient_places: true,
};
static DRIFT: CheckInfo = CheckInfo {
    id: "scope-drift",
    summary: "",
    severity: Severity::Warning,
    page: "",
    softened_in_lenient_places: false,
};

fn read(text: &str) -> Result<Settings, SettingsError> {
    Settings::read(&RepoPath::new("sopsguard.toml"), text, &[&SECRET, &DRIFT])
}

fn good(text: &str) -> Settings {
    read(text).unwrap_or_else(|e| panic!("{e}"))
}

/// The mistakes as lines without the name of the file.
fn mistakes(text: &str) -> Vec<String> {
    let error = read(text).expect_err("mistakes");
    let cut = |l: String| l.trim_start_matches("sopsguard.toml:").to_owned();
    error.lines().into_iter().map(cut).collect()
}

#[test]
fn everything_that_can_be_set() {
    let s = good(
        "#:schema https://example.invalid/settings.json\n\
         [policy]\n\
         strict = true\n\
         lenient = [\"demo/\"]\n\
         lenient-defaults = false\n\
         exempt = [\"vendor/**\"]\n\
         require = [\"a/*.yml\", \"b.yml\"]\n\
         kinds = [\"SecretBundle\"]\n\
         [checks]\n\
         plaintext-secret = \"warning\"\n\
         scope-drift = \"off\"\n\
         [limits]\n\
         max-file-size = \"64 MiB\"\n\
         [sops]\n\
         config = \"config/sops.yaml\"\n\
         [[accept]]\n\
         path = \"big/**\"\n\
         reason = \"generated\"\n\
         until = 2027-01-31\n\
         [[accept]]\n\
         path = \"x\"\n\
         reason = \"y\"\n\
         until = \"2027-02-01\"\n",
    );
    assert!(s.policy.strict && !s.policy.lenient_defaults);
    assert!(s.policy.lenient.matches(&RepoPath::new("demo/a/b")));
    assert!(s.policy.exempt.matches(&RepoPath::new("vendor/a")));
    assert!(s.policy.requires(&RepoPath::new("a/x.yml")));
    assert_eq!(s.policy.require.iter().nth(1).map(|g| g.line), Some(7));
    assert_eq!(s.policy.kinds, ["SecretBundle"]);
    assert_eq!(
        s.checks["plaintext-secret"].severity,
        Some(Severity::Warning)
    );
    assert_eq!(s.checks["scope-drift"].severity, None);
    assert_eq!(s.checks["scope-drift"].line, 11);
    assert_eq!(s.max_file_size, Some(64 << 20));
    assert_eq!(s.sops_config, Some((RepoPath::new("config/sops.yaml"), 15)));
    let until: Vec<_> = s.accept.iter().map(|a| (a.line, a.until)).collect();
    assert_eq!(
        until,
        [
            (16, Date::parse("2027-01-31")),
            (20, Date::parse("2027-02-01"))
        ]
    );
}

#[test]
fn nothing_set_is_the_default() {
    for text in [
        "",
        "# only a comment\n",
        "[policy]\n[checks]\n[limits]\n[sops]\n",
    ] {
        let s = good(text);
        assert!(s.policy.lenient_defaults && !s.policy.strict);
        assert!(s.weakenings(&Settings::default()).is_empty());
        assert!(Settings::default().weakenings(&s).is_empty());
    }
}

#[test]
fn an_exemption_prevails_over_a_requirement() {
    let s = good("[policy]\nrequire = [\"a/**\"]\nexempt = [\"a/b\"]\n");
    assert!(s.policy.requires(&RepoPath::new("a/c")));
    assert!(!s.policy.requires(&RepoPath::new("a/b")));
}

#[test]
fn unknown_keys_are_told_with_what_was_probably_meant() {
    for (text, expected) in [
        ("[polcy]\n", "1:2: unknown key polcy; did you mean policy?"),
        (
            "[policy]\nexcempt = []\n",
            "2:1: unknown key policy.excempt; did you mean exempt?",
        ),
        (
            "[policy]\n  lenient_defaults = true\n",
            "2:3: unknown key policy.lenient_defaults; did you mean lenient-defaults?",
        ),
        (
            "[limits]\nthreads = 3\n",
            "2:1: unknown key limits.threads; known here: max-file-size",
        ),
        (
            "[checks]\nplaintext-secrets = \"off\"\n",
            "2:1: unknown check plaintext-secrets; did you mean plaintext-secret?",
        ),
        (
            "[checks]\nquince = \"off\"\n",
            "2:1: unknown check quince; `sopsguard checks` lists them",
        ),
        (
            "[[accept]]\npath = \"a\"\nreason = \"b\"\nexpires = 2027-01-01\n",
            "4:1: unknown key accept.expires; known here: path, reason, until",
        ),
    ] {
        assert_eq!(mistakes(text), [expected]);
    }
}

#[test]
fn nothing_can_name_a_program() {
    for text in [
        "[sops]\ncommand = \"/tmp/x\"\n",
        "[sops]\nsops-command = \"/tmp/x\"\n",
        "sops_command = \"/tmp/x\"\n",
        "[hooks]\na = 1\n",
    ] {
        let told = mistakes(text);
        assert!(
            told[0].contains("nothing in a repository can name a program"),
            "{told:?}"
        );
    }
}

#[test]
fn wrong_values_are_told_together_and_by_place() {
    let text = "[policy]\n\
        strict = \"yes\"\n\
        exempt = \"vendor\"\n\
        require = [\"/a\", 3, \"b[\"]\n\
        kinds = [\"secret\", \"\"]\n\
        [checks]\n\
        scope-drift = \"fatal\"\n\
        [limits]\n\
        max-file-size = \"2 TB\"\n\
        [sops]\n\
        config = \"../x\"\n";
    assert_eq!(
        mistakes(text),
        [
            "2:10: expected true or false, found a string",
            "3:10: expected a list of strings, found a string",
            "4:12: globs are relative to the root of the repository: no `/` or `./` in front",
            "4:18: expected a string, found an integer",
            "4:21: this is not a valid glob",
            "5:10: expected the kind of a Kubernetes object, such as `SecretBundle`",
            "5:20: expected the kind of a Kubernetes object, such as `SecretBundle`",
            "7:15: expected \"error\", \"warning\", \"note\" or \"off\"",
            "9:17: expected a size up to 1 GiB: a number of bytes, or text such as \"64 MiB\"",
            "11:10: expected a path inside the repository, relative to its root",
        ]
    );
    for (text, expected) in [
        ("policy = 3\n", "1:10: expected a table, found an integer"),
        (
            "accept = true\n",
            "1:10: expected a list of tables: write [[accept]], found a boolean",
        ),
        ("[[accept]]\npath = \"a\"\n", "1:1: accept needs a reason"),
        (
            "[[accept]]\npath = \"a\"\nreason = \" \"\n",
            "3:10: accept needs a reason",
        ),
        ("[[accept]]\nreason = \"a\"\n", "1:1: accept needs a path"),
        (
            "[[accept]]\npath = \"a\"\nreason = \"b\"\nuntil = \"soon\"\n",
            "4:9: expected a day, written YYYY-MM-DD",
        ),
        (
            "[[accept]]\npath = \"a\"\nreason = \"b\"\nuntil = 2027-01-01T00:00:00Z\n",
            "4:9: expected a day, written YYYY-MM-DD",
        ),
        (
            "[policy]\nstrict = true\nstrict = true\n",
            "3:1: this key or table stands here for the second time",
        ),
        (
            "[policy\n",
            "1:8: this is not valid TOML; is a quote or bracket missing?",
        ),
    ] {
        assert_eq!(mistakes(text), [expected], "{text}");
    }
}

#[test]
fn sizes_have_units_and_an_end() {
    for (text, bytes) in [
        ("1", Some(1)),
        ("0x10", Some(16)),
        ("\"10\"", Some(10)),
        ("\"10 KiB\"", Some(10_240)),
        ("\"1GiB\"", Some(1 << 30)),
        ("0", None),
        ("-1", None),
        ("1.5", None),
        ("\"1 GB\"", None),
        ("\"2 GiB\"", None),
        ("\"99999999999999999999 GiB\"", None),
        ("\"\"", None),
    ] {
        let told = read(&format!("[limits]\nmax-file-size = {text}\n"));
        assert_eq!(told.ok().and_then(|s| s.max_file_size), bytes, "{text}");
    }
}

#[test]
fn no_value_is_shown_wherever_it_stands() {
    let canary = "kumquat-8f3kQ-vb6Xm2Lp9";
    for text in [
        canary.to_owned(),
        format!("{canary} = 1\n"),
        format!("\"{canary}\" = 1\n"),
        format!("[{canary}]\n"),
        format!("[policy]\nstrict = \"{canary}\"\n"),
        format!("[policy]\nstrict = {canary}\n"),
        format!("[policy]\nexempt = [\"{canary}[\"]\n"),
        format!("[policy]\nexempt = [\"{{{canary}\"]\n"),
        format!("[policy]\nkinds = [\"{canary}\"]\n"),
        format!("[policy]\nunknown = \"{canary}\"\n"),
        format!("[policy]\n\"{canary}\" = true\n"),
        format!("[checks]\nscope-drift = \"{canary}\"\n"),
        format!("[checks]\n{canary} = \"off\"\n"),
        format!("[limits]\nmax-file-size = \"{canary}\"\n"),
        format!("[sops]\nconfig = \"/{canary}\"\n"),
        format!("[[accept]]\npath = \"/{canary}\"\nreason = \"x\"\nuntil = \"{canary}\"\n"),
        format!("[[accept]]\npath = \"{canary}\n"),
        format!("a = '''{canary}\n"),
        format!("a = \"\\q{canary}\"\n"),
        format!("a = 1\na = \"{canary}\"\n"),
    ] {
        let told = mistakes(&text).join("\n");
        assert!(
            !told.contains("kumquat") && !told.contains("8f3kQ"),
            "{told}"
        );
    }
}

#[test]
fn every_way_of_guarding_less_is_told() {
    let base = "[policy]\n\
        strict = true\n\
        lenient-defaults = false\n\
        exempt = [\"a\"]\n\
        require = [\"b\", \"c\"]\n\
        kinds = [\"X\"]\n\
        [checks]\n\
        scope-drift = \"error\"\n\
        [[accept]]\n\
        path = \"z\"\n\
        reason = \"r\"\n\
        until = 2027-01-01\n";
    let told = |new: &str, old: &str| -> Vec<String> {
        good(new)
            .weakenings(&good(old))
            .into_iter()
            .map(|w| w.message.as_str().to_owned())
            .collect()
    };
    assert_eq!(told(base, base), [""; 0]);
    assert_eq!(
        told("", base),
        [
            "[policy] strict is no longer on",
            "the built-in lenient places are lenient again",
            "an entry of [policy] require is gone",
            "an entry of [policy] require is gone",
            "an entry of [policy] kinds is gone",
            "the severity of scope-drift is lowered to warning",
        ]
    );
    assert_eq!(
        told(base, ""),
        [
            "[policy] exempt has a new entry",
            "[[accept]] has a new or longer entry"
        ]
    );
    for (new, expected) in [
        (
            base.replace("\"a\"", "\"a\", \"d\""),
            "[policy] exempt has a new entry",
        ),
        (
            base.replace("2027-01-01", "2028-01-01"),
            "[[accept]] has a new or longer entry",
        ),
        (
            base.replace("until = 2027-01-01\n", ""),
            "[[accept]] has a new or longer entry",
        ),
        (
            base.replace("path = \"z\"", "path = \"y\""),
            "[[accept]] has a new or longer entry",
        ),
        (
            base.replace("\"error\"", "\"note\""),
            "the severity of scope-drift is lowered to note",
        ),
        (
            base.replace("\"error\"", "\"off\""),
            "the severity of scope-drift is lowered to off",
        ),
        (
            format!("{base}[limits]\nmax-file-size = 10\n"),
            "[limits] max-file-size is lower, so that less is judged",
        ),
        (
            format!("{base}[sops]\nconfig = \"x\"\n"),
            "[sops] config names another config",
        ),
    ] {
        assert_eq!(told(&new, base), [expected]);
    }
    for stronger in [
        base.replace("2027-01-01", "2026-01-01"),
        base.replace("\"b\", \"c\"", "\"b\", \"c\", \"d\""),
        base.replace("\"a\"", ""),
        format!("{base}[limits]\nmax-file-size = \"1 GiB\"\n"),
    ] {
        assert_eq!(told(&stronger, base), [""; 0]);
    }
    assert_eq!(
        told("[checks]\nplaintext-secret = \"error\"\n", ""),
        [""; 0]
    );
}

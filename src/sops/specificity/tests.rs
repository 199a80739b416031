//! Rules as people write them, each with the class that step 5b gives it.

use super::Specificity::{self, All, Dir, DirMark, Ext, Name, NameMark};
use super::*;
use crate::sops::goregex::GoRegex;

/// Pattern (empty: a rule without `path_regex`), subject, directory of the config, class, and why.
type Vector = (
    &'static str,
    &'static str,
    &'static str,
    Specificity,
    &'static str,
);

#[rustfmt::skip] // one vector a line
const VECTORS: &[Vector] = &[
    // Catch-alls.
    ("", "a/b.yaml", "", All, "no path_regex"),
    (".*", "a/b.yaml", "", All, "matches whatever there is"),
    ("^.*$", "secrets/b.yaml", "", All, "a marked directory that the rule does not ask for"),
    (".", "secret.yaml", "", All, "any character"),
    ("^[a-z/]+$", "a/b", "", All, "one neutral word is enough to show that nothing is needed"),
    ("^[^/]+$", "b.yaml", "", All, "needs a depth, no word"),
    ("^[^/]+/[^/]+$", "secrets/b.yaml", "", All, "needs a directory, not this one"),
    // Extensions.
    (r"\.yaml$", "a/b.yaml", "", Ext, "only the extension"),
    (r".*\.ya?ml$", "secrets/b.yml", "", Ext, "a marked directory that the rule does not ask for"),
    (r".*.yaml", "a/b.yaml", "", Ext, "the forgotten backslash changes nothing"),
    (r"\.tfvars$", "live/prod.tfvars", "", Ext, "tfvars is no mark"),
    (r"\.(yaml|json)$", "a/b.sops.json", "", Ext, "the last extension is enough, .sops is not needed"),
    (r"^\w+\.yaml$", "b.yaml", "", Ext, "q7-zq does not fit, zq does"),
    (r"\d.*\.yaml$", "app-1.yaml", "", Ext, "zq does not fit, q7-zq does"),
    (r"\.sealed-secret\.yaml$", "a/b.sealed-secret.yaml", "", Ext, "a sealed secret is sealed already"),
    (r".*.yaml", ".yamllint", "", Ext, "a pattern for an extension meets a dot file by accident"),
    (r".*.yaml", "a/.yamllint.yml", "", Ext, "the same below"),
    (r"^apps/.*.yaml", "apps/.yamllint", "", Dir, "the directory is still needed"),
    (r"\.env", ".env", "", Name, "the whole of a dot file's name is no accident"),
    (r"\.env", ".envrc", "", Name, "a marked beginning is none"),
    (r"^\.yaml", ".yamllint", "", Name, "nothing may stand in front: the name is meant"),
    // Names.
    ("secrets.yaml$", "hosts/amy/secrets.yaml", "", Name, "no other stem matches"),
    (r"^secrets\.yaml$", "secrets.yaml", "", Name, "one file"),
    (r"(^|/)secrets(\.sops)?\.ya?ml$", "flux/secrets.sops.yaml", "", Name, "stem with and without mark"),
    (r"\.env$", "web/.env", "", Name, "the name of a dot file is its stem"),
    (r"(^|/)\.env(\.[a-z]+)?$", "web/.env.production", "", Name, "the same with an extension"),
    (r"(^|/)\.env(\.[a-z]+)?$", ".env", "", Name, "the same at the root"),
    ("conf/.*secret.*\\.yaml$", "conf/my-secret.yaml", "", Name, "a word inside the stem"),
    (r"^group_vars/.*/vault\.yml$", "group_vars/all/vault.yml", "", Name, "directories besides the name"),
    (r"^prod\.yaml$", "prod.yaml", "apps/x", Name, "a name in a nested config"),
    (r"values\.yaml$", "chart/values.yaml", "", Name, "a name needs no mark"),
    (r"^\d+\.yaml$", "42.yaml", "", Name, "a kind of stem that both neutral words miss"),
    ("talsecret", "talos/talsecret.sops.yaml", "", Name, "an unanchored word"),
    // Marks at the end of the name.
    (r".*\.sops\.ya?ml$", "a/b.sops.yaml", "", NameMark, "the usual convention"),
    (r".*\.sops\.ya?ml$", "b.sops.yml", "", NameMark, "the same at the root"),
    (r"[^/]+\.sops\.yaml", "a/v1.2.sops.yaml", "", NameMark, "more dots in the name"),
    (r"(.*)?\.secret\.yaml", "a/db.secret.yaml", "", NameMark, "an optional everything"),
    (r".*\.env$", "services/api/prod.env", "", NameMark, "env is a mark in a name"),
    (r"\.enc\.", "a/b.enc.json", "", NameMark, "the mark is in the middle of the tail"),
    (r"kubernetes/.*\.sops\.ya?ml$", "kubernetes/a/b.sops.yaml", "", NameMark, "the mark outweighs the directory"),
    (r".*\.secret\.values\.ya?ml$", "envs/prod/db.secret.values.yaml", "", NameMark, "helm-secrets"),
    (r"\.key$", "tls/server.key", "", NameMark, "key is a mark in a name"),
    (r"(?i)\.SOPS\.yaml$", "a/b.Sops.YAML", "", NameMark, "marks have no case"),
    (r"\.secrets?2\.yaml$", "a/b.secret2.yaml", "", NameMark, "tokens end at a digit"),
    // Marked directories.
    ("secrets/.*", "secrets/x.yaml", "", DirMark, "the usual directory"),
    ("^secrets/", "secrets/a/b/c.ini", "", DirMark, "at any depth"),
    ("secrets/", "secrets/a/secrets/b.yaml", "", DirMark, "equal names are replaced together"),
    ("secrets/", "secrets/prod-secrets/b.yaml", "", DirMark, "two names that serve alike"),
    ("secrets/", "secrets/external-secrets/b.yaml", "", DirMark, "one of them is marked and enough"),
    (r"secrets/[^/]+\.(yaml|json)$", "secrets/a.json", "", DirMark, "directory and extension"),
    ("hosts/[^/]+/secrets/.*", "hosts/amy/secrets/wifi", "", DirMark, "one needed directory of two is marked"),
    (r"(?i)^secrets/.*\.ya?ml$", "Secrets/App.YAML", "", DirMark, "marks have no case"),
    (r"^\Qsecrets.d/\E[\w-.]+\.json$", "secrets.d/a-b.json", "", DirMark, "a token of the name"),
    ("my-secrets/", "apps/my-secrets/x.yaml", "", DirMark, "a token after a dash"),
    (".*secret.*", "apps/secret/x.yaml", "", DirMark, "an unanchored word that only the directory has"),
    ("secrets/prod/.*", "secrets/prod/db.yaml", "", DirMark, "both are needed, one is marked"),
    ("^sops/", "sops/db.yaml", "", DirMark, "in a rule, sops is a mark"),
    ("^secrets/.*", "secrets/htpasswd", "", DirMark, "a name without extension"),
    ("^creds/{env}/.*", "creds/{env}/a.yaml", "", DirMark, "a literal brace; env would be no mark, creds is one"),
    (r"^passwords/.*\.json$", "passwords/new.json", "", DirMark, "other words than secret"),
    ("^credentials/", "credentials/api.yaml", "", DirMark, "the same"),
    // Directories without a mark.
    (r"^kubernetes/.*\.yaml$", "kubernetes/apps/a.yaml", "", Dir, "a tree"),
    (r"^kubernetes/.*\.yaml$", "kubernetes/secrets/a.yaml", "", Dir, "the marked directory is not needed"),
    ("(dev|prod)/.*", "prod/x.yaml", "", Dir, "stages"),
    ("vault/", "vault/policy.yaml", "", Dir, "vault is a program"),
    (r"^envs?/[^/]+/.*\.yaml$", "env/live/app.yaml", "", Dir, "env is an environment"),
    ("^(keys|certs)/", "keys/deploy", "", Dir, "keys are often public"),
    ("external-secrets/", "external-secrets/values.yaml", "", Dir, "settings of an operator"),
    ("sealed-secrets/", "infra/sealed-secrets/values.yaml", "", Dir, "the same"),
    ("secrets?-store/", "secrets-store/values.yaml", "", Dir, "the same, spoiled from behind"),
    ("^secret-operator/", "secret-operator/values.yaml", "", Dir, "the same"),
    ("^(keycloak|storage)/", "keycloak/realm.yaml", "", Dir, "key and age are no tokens here"),
    ("^clusters/prod/values/", "clusters/prod/values/a.yaml", "", Dir, "three needed, none marked"),
    // The directory of the config counts.
    ("", "x.yaml", "secrets", DirMark, "a catch-all in secrets/.sops.yaml"),
    (r"\.yaml$", "a/x.yaml", "apps/secrets", DirMark, "an extension in apps/secrets/.sops.yaml"),
    ("^prod/", "prod/x.yaml", "secrets/eu", DirMark, "a mark above the config's own directory"),
    ("^secrets/.*", "secrets/dns.yaml", "infra", DirMark, "the mark is in the rule"),
    ("", "site.yml", "ansible", Dir, "a catch-all in ansible/.sops.yaml is no wider than ^ansible/ at the root"),
    (r"\.ya?ml$", "site.yml", "ansible", Dir, "the same with an extension"),
    ("", "x.yaml", "sops", Dir, "sops names the tool there"),
    ("", "x.yaml", "infra/sops/prod", Dir, "also further up"),
    ("", "x.yaml", "sops-secrets", DirMark, "but the other token still counts"),
    ("", "x.yaml", "external-secrets", Dir, "spoiled there as well"),
    ("", "x.yaml", "vault", Dir, "no mark in directories"),
];

#[test]
fn classes_of_rules_as_people_write_them() {
    let mut wrong = Vec::new();
    for (pattern, subject, config_dir, expected, why) in VECTORS {
        let regex = GoRegex::new(pattern).expect("vectors hold valid patterns");
        assert!(
            regex.is_match(subject),
            "{pattern} does not govern {subject}"
        );
        let class = probe(&|text| regex.is_match(text), subject, config_dir);
        if class != *expected {
            wrong.push(format!(
                "{pattern} on {subject} in {config_dir:?}: {class}, not {expected} ({why})"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn three_classes_are_narrow() {
    let narrow = |class: Specificity| class.is_narrow();
    assert!([Name, NameMark, DirMark].into_iter().all(narrow));
    assert!(![Dir, Ext, All].into_iter().any(narrow));
}

#[test]
fn classes_are_shown_as_the_documentation_names_them() {
    let shown: Vec<_> = [Name, NameMark, DirMark, Dir, Ext, All]
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        shown,
        ["name", "name+mark", "dir+mark", "dir", "ext", "all"]
    );
}

#[test]
fn odd_paths_do_no_harm() {
    for subject in [
        "",
        "/",
        "//",
        ".",
        "..",
        "a/",
        ".a",
        "a.",
        "..a..b",
        "é.ü/ñ.yaml",
        "a//b.yaml",
        "\n",
    ] {
        for pattern in ["", "x", r"\.yaml$", "^$", "(?i)Ñ"] {
            let regex = GoRegex::new(pattern).expect("valid");
            for config_dir in ["", "/", "secrets/", "é"] {
                probe(&|text| regex.is_match(text), subject, config_dir);
            }
        }
    }
}

#[test]
fn a_probe_asks_little() {
    let asked = std::cell::Cell::new(0);
    let regex = GoRegex::new(r"^secrets/.*\.yaml$").expect("valid");
    let count = |text: &str| {
        asked.set(asked.get() + 1);
        regex.is_match(text)
    };
    probe(&count, "secrets/a/b/c/d.yaml", "");
    assert!(asked.get() < 25, "{} questions", asked.get());
}

//! What a path and a first look at its text say: exempt, template, lenient place, promise in the name (steps 5a, 6, 8).

use std::borrow::Cow;

use super::strip_backup_suffix;
use crate::model::RepoPath;
use crate::settings::{self, Policy};
use crate::syntax::lines;
use crate::values::template;
use crate::words;

/// Why a file is passed over by rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exempt {
    /// Prose.
    Documentation,
    /// Program text.
    SourceCode,
    /// Pictures, archives, binaries.
    Media,
    /// Lock files and package manifests.
    LockFile,
    /// `.git*`, `.editorconfig`, licences and the like.
    Helper,
    /// Public keys and certificates.
    PublicMaterial,
    /// Sealed by another tool.
    SealedElsewhere,
    /// `[policy] exempt`, or a file of sopsguard itself.
    Settings,
}

impl Exempt {
    /// In words, for `explain`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Documentation => "documentation",
            Self::SourceCode => "source code",
            Self::Media => "media or an archive",
            Self::LockFile => "a lock file",
            Self::Helper => "a helper file of Git or an editor, or a licence",
            Self::PublicMaterial => "a public key or certificate",
            Self::SealedElsewhere => "sealed by another tool",
            Self::Settings => "by the settings",
        }
    }
}

/// File name without its directory, as text.
pub fn file_name(path: &RepoPath) -> String {
    String::from_utf8_lossy(path.file_name()).into_owned()
}

/// Last extension with its dot, in lower case; none for dot files without a second dot.
pub fn extension(name: &str) -> Option<Cow<'_, str>> {
    let at = name.rfind('.').filter(|at| *at > 0)?;
    Some(words::lower_case(&name[at..]))
}

/// Whether the name alone makes a file documentation or source code: Secrets inside strings are not sought there.
pub fn is_prose_or_code(name: &str) -> bool {
    matches!(
        by_name(name),
        Some(Exempt::Documentation | Exempt::SourceCode | Exempt::Media)
    )
}

fn by_name(name: &str) -> Option<Exempt> {
    let lower = words::lower_case(strip_backup_suffix(name));
    if lower.starts_with(".git") {
        return Some(Exempt::Helper);
    }
    if words::LOCK_FILES.contains(&lower) {
        return Some(Exempt::LockFile);
    }
    let ext = extension(&lower);
    let structured = matches!(
        ext.as_deref(),
        Some(".yaml" | ".yml" | ".json" | ".env" | ".ini")
    );
    let stem = lower
        .trim_start_matches('.')
        .split('.')
        .next()
        .unwrap_or("");
    if words::SPECIAL_NAMES.contains(&lower)
        || (!structured && !lower.starts_with('.') && words::SPECIAL_NAMES.contains(stem))
    {
        return Some(Exempt::Helper);
    }
    let ext = ext?;
    if words::NEVER_SOURCE_EXTENSIONS.contains(&ext) || lower.starts_with(".env") {
        return None;
    }
    if words::DOCUMENTATION_EXTENSIONS.contains(&ext) {
        Some(Exempt::Documentation)
    } else if words::SOURCE_EXTENSIONS.contains(&ext) {
        Some(Exempt::SourceCode)
    } else if words::MEDIA_EXTENSIONS.contains(&ext) {
        Some(Exempt::Media)
    } else {
        None
    }
}

/// Whether the pattern of a rule ends in the very extension of the path: replaced, it no longer matches.
pub fn rule_names_extension(matches: &dyn Fn(&str) -> bool, subject: &str) -> bool {
    let Some(at) = subject
        .rfind('.')
        .filter(|at| !subject[*at..].contains('/'))
    else {
        return false;
    };
    matches(subject) && !matches(&format!("{}.zq", &subject[..at]))
}

/// The governing rule's pattern, and the subject it is matched against.
pub type RuleOnPath<'r> = (&'r dyn Fn(&str) -> bool, &'r str);

/// Whether the file is exempt from steps 5 and 6. `rule` is the governing rule's pattern with its subject; `sealed_secret`
/// says whether the text speaks of a SealedSecret at all.
pub fn exempt(
    path: &RepoPath,
    text: &str,
    bytes: &[u8],
    rule: Option<RuleOnPath<'_>>,
    sealed_secret: bool,
) -> Option<Exempt> {
    if let Some(found) = by_name(&String::from_utf8_lossy(path.file_name())) {
        let named = rule.is_some_and(|(matches, subject)| rule_names_extension(matches, subject));
        if !named || found == Exempt::Helper || found == Exempt::LockFile {
            return Some(found);
        }
    }
    if has_sealed_form(text, bytes) || (sealed_secret && is_sealed_secret(text.trim())) {
        return Some(Exempt::SealedElsewhere);
    }
    is_public_material(text).then_some(Exempt::PublicMaterial)
}

/// What the settings make of that: an exemption is added, and a `require` glob that ends in the very extension of the file
/// takes the one away that prose and program text have.
pub fn exempt_by_settings(
    path: &RepoPath,
    text: &str,
    policy: &Policy,
    found: Option<Exempt>,
) -> Option<Exempt> {
    match found {
        Some(Exempt::Documentation | Exempt::SourceCode | Exempt::Media)
            if policy.requires(path)
                && rule_names_extension(&|p| policy.require.matches_text(p), &path.to_text()) =>
        {
            is_public_material(text).then_some(Exempt::PublicMaterial)
        }
        Some(found) => Some(found),
        None => {
            (policy.exempt.matches(path) || settings::is_own_file(path)).then_some(Exempt::Settings)
        }
    }
}

/// ansible-vault, age, PGP messages, git-crypt, SealedSecrets: the whole file, so that nothing hides behind a seal.
pub fn is_sealed_elsewhere(text: &str, bytes: &[u8]) -> bool {
    has_sealed_form(text, bytes) || is_sealed_secret(text.trim())
}

/// Sealed by the form of the whole text, a SealedSecret apart.
fn has_sealed_form(text: &str, bytes: &[u8]) -> bool {
    let t = text.trim();
    let armor = |begin: &str, end: &str| t.starts_with(begin) && t.ends_with(end);
    is_ansible_vault(t)
        || armor("-----BEGIN AGE ENCRYPTED FILE-----", "-----END AGE ENCRYPTED FILE-----")
        || armor("-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----")
        || (t.starts_with("age-encryption.org/v1\n-> ") && t.contains("\n--- "))
        || bytes.starts_with(b"\0GITCRYPT\0")
        // A binary OpenPGP message begins with a session key packet (tag 1 or 3, old or new format).
        || (bytes.len() > 16 && matches!(bytes[0], 0x84..=0x87 | 0x8c..=0x8f | 0xc1 | 0xc3) && !text.is_ascii())
}

/// The header, then nothing but hexadecimal lines.
fn is_ansible_vault(t: &str) -> bool {
    t.starts_with("$ANSIBLE_VAULT;")
        && t.lines()
            .skip(1)
            .all(|l| l.trim().bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Every object of the file is a SealedSecret.
fn is_sealed_secret(t: &str) -> bool {
    if memchr::memmem::find(t.as_bytes(), b"SealedSecret").is_none()
        || memchr::memmem::find(t.as_bytes(), b"bitnami.com/").is_none()
    {
        return false;
    }
    if t.starts_with('{') {
        return t.split("\"kind\"").skip(1).any(|rest| {
            rest.trim_start_matches([':', ' '])
                .starts_with("\"SealedSecret\"")
        });
    }
    let mut sealed = false;
    for document in t.split("\n---") {
        let mut kinds = document
            .lines()
            .filter_map(|l| l.strip_prefix("kind:"))
            .map(|k| {
                k.split('#')
                    .next()
                    .unwrap_or(k)
                    .trim()
                    .trim_matches(['"', '\''])
            });
        let blank = document
            .trim_start_matches('-')
            .lines()
            .all(|l| l.trim().is_empty() || l.trim_start().starts_with('#'));
        if blank {
            continue;
        }
        if kinds.next() != Some("SealedSecret") || kinds.next().is_some() {
            return false;
        }
        sealed = true;
    }
    sealed
}

/// Nothing but public keys, certificates, signatures and recipients, comments aside.
pub fn is_public_material(text: &str) -> bool {
    let mut inside = false;
    let mut pgp = false;
    let mut any = false;
    for line in text.lines() {
        let line = line.trim();
        if inside {
            if line.starts_with("-----END ") {
                inside = false;
            } else if !line
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
                && !pgp
            {
                return false;
            }
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(label) = line.strip_prefix("-----BEGIN ") {
            let public = [
                "CERTIFICATE",
                "PUBLIC KEY",
                "X509 CRL",
                "DH PARAMETERS",
                "EC PARAMETERS",
                "PGP SIGNATURE",
                "SSH2 PUBLIC KEY",
            ];
            if label.contains("PRIVATE") || !public.iter().any(|p| label.contains(p)) {
                return false;
            }
            inside = true;
            pgp = label.contains("PGP") || label.contains("SSH2");
            any = true;
        } else if is_ssh_public_key(line)
            || (line.starts_with("age1") && line.bytes().all(|b| b.is_ascii_alphanumeric()))
        {
            any = true;
        } else {
            return false;
        }
    }
    any && !inside
}

/// A line of `authorized_keys` or `known_hosts`: a key type, then its base64.
fn is_ssh_public_key(line: &str) -> bool {
    const TYPES: [&str; 7] = [
        "ssh-rsa",
        "ssh-dss",
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
    ];
    let words = || line.split_whitespace().take(16);
    words()
        .zip(words().skip(1))
        .any(|(ty, key)| key.starts_with("AAAA") && TYPES.contains(&ty))
}

/// Whether the name makes the file a template: a suffix, or a token in the name.
pub fn is_template_name(name: &str) -> bool {
    let name = words::lower_case(strip_backup_suffix(name));
    words::TEMPLATE_SUFFIXES
        .iter()
        .any(|s| name.len() > s.len() && name.ends_with(s))
        || name
            .split(|c: char| !c.is_alphanumeric())
            .any(|token| words::TEMPLATE_TOKENS.contains(token))
}

/// Whether a path can be that of a template, whatever stands in it.
pub fn is_template(path: &RepoPath) -> bool {
    is_template_name(&file_name(path)) || in_template_directory(path)
}

/// Whether a directory of the path holds templates.
pub fn in_template_directory(path: &RepoPath) -> bool {
    let parent = String::from_utf8_lossy(path.parent());
    path.parent().windows(2).any(|pair| pair == b"{{")
        || words::lower_case(&parent)
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| words::TEMPLATE_DIRECTORIES.contains(word))
}

/// The `Chart.yaml` that makes a `templates/` directory a chart's, for each such directory of the path.
pub fn chart_files(path: &RepoPath) -> Vec<RepoPath> {
    let text = path.parent();
    let mut out = Vec::new();
    let mut at = 0;
    for part in text.split(|b| *b == b'/') {
        if part == b"templates" {
            let above = if at == 0 { &b""[..] } else { &text[..at - 1] };
            let mut chart = above.to_vec();
            if !chart.is_empty() {
                chart.push(b'/');
            }
            chart.extend_from_slice(b"Chart.yaml");
            out.push(RepoPath::new(chart));
        }
        at += part.len() + 1;
    }
    out
}

/// Whether the text holds a template expression or a substitution.
pub fn has_expression(text: &str) -> bool {
    template::has_expression(text)
}

/// Whether a template marker stands outside comments and strings.
pub fn has_bare_marker(text: &str) -> bool {
    lines::has_template_marker(text)
}

/// A lenient place (step 8).
pub fn is_lenient(path: &RepoPath, policy: &Policy) -> bool {
    policy.lenient.matches(path) || (policy.lenient_defaults && is_lenient_by_default(path))
}

fn is_lenient_by_default(path: &RepoPath) -> bool {
    let parent = String::from_utf8_lossy(path.parent());
    let mut stage = false;
    for dir in words::lower_case(&parent)
        .split('/')
        .filter(|d| !d.is_empty())
    {
        if words::LENIENT_DIRECTORY_NAMES.contains(dir)
            || dir
                .split(|c: char| !c.is_alphanumeric())
                .any(|w| words::LENIENT_DIRECTORY_WORDS.contains(w))
        {
            return true;
        }
        if dir == "test" && !stage {
            return true;
        }
        stage |= words::TEST_STAGE_DIRECTORIES.contains(dir);
    }
    let name = String::from_utf8_lossy(path.file_name());
    let name = words::lower_case(&name);
    // What stands before the last extension: `login_test.yaml`, `b.test.json`.
    name.rsplit_once('.').is_some_and(|(parts, _)| {
        parts.split('.').any(|part| part.ends_with("_test"))
            || parts.split('.').skip(1).any(|part| part == "test")
    })
}

/// `.sops.`, `.enc.` or `.encrypted.` before a structured extension (step 6).
pub fn name_promises(name: &str) -> bool {
    let lower = words::lower_case(strip_backup_suffix(name));
    let Some((stem, ext)) = lower.rsplit_once('.') else {
        return false;
    };
    // sops' own config promises nothing.
    !matches!(&*lower, ".sops.yaml" | ".sops.yml")
        && matches!(ext, "yaml" | "yml" | "json" | "env" | "ini")
        && [".sops", ".enc", ".encrypted"]
            .iter()
            .any(|mark| stem.ends_with(mark))
}

/// Whether the name itself carries `.sops.`, `.enc.` or `.encrypted.` anywhere (step 5c).
pub fn name_carries_promise(name: &str) -> bool {
    let lower = words::lower_case(name);
    [".sops.", ".enc.", ".encrypted."]
        .iter()
        .any(|m| lower.contains(m))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(p: &str) -> RepoPath {
        RepoPath::new(p)
    }

    #[test]
    fn lenient_places_are_whole_names_or_words() {
        for p in [
            "tests/a.yaml",
            "functional-tests/a.yaml",
            "pkg/testdata/x",
            "docs/a.yaml",
            "examples/x/y.yaml",
            "test/a.yaml",
            "a/login_test.yaml",
            "a/b.test.json",
            "__tests__/a.json",
            "x/e2e/a.yaml",
        ] {
            assert!(is_lenient_by_default(&path(p)), "{p}");
        }
        for p in [
            "latest/a.yaml",
            "contest/a.yaml",
            "test-infra/a.yaml",
            "overlays/test/a.yaml",
            "clusters/test/x/a.yaml",
            "documents/a.yaml",
            "test.yaml",
            "a/protest.yaml",
        ] {
            assert!(!is_lenient_by_default(&path(p)), "{p}");
        }
    }

    #[test]
    fn templates_are_told_by_name() {
        for n in [
            "a.yaml.j2",
            ".env.example",
            "app.template.sops.yaml",
            "x.tmpl",
            "config.h.in",
            "secret.sample.yaml",
        ] {
            assert!(is_template_name(n), "{n}");
        }
        for n in [
            "a.yaml",
            "in.yaml",
            "built-in.yaml",
            "templates.yaml",
            "sampler.yaml",
        ] {
            assert!(!is_template_name(n), "{n}");
        }
    }

    #[test]
    fn promises_stand_before_a_structured_extension() {
        for n in [
            "a.sops.yaml",
            "a.enc.env",
            "x.encrypted.json",
            "A.SOPS.YAML.bak",
        ] {
            assert!(name_promises(n), "{n}");
        }
        for n in [
            "credentials.yml.enc",
            "a.sops.txt",
            "sops.yaml",
            ".sops.yaml",
            "encrypted.yaml",
        ] {
            assert!(!name_promises(n), "{n}");
        }
    }

    #[test]
    fn helpers_and_code_are_exempt_but_env_files_are_not() {
        let e = |p: &str| exempt(&path(p), "x=1", b"x=1", None, false);
        assert_eq!(e("a/README.md"), Some(Exempt::Documentation));
        assert_eq!(e("a/main.tf"), Some(Exempt::SourceCode));
        assert_eq!(e("a/.gitignore"), Some(Exempt::Helper));
        assert_eq!(e("LICENSE.txt"), Some(Exempt::Helper));
        assert_eq!(e("a/live.tfvars"), None);
        assert_eq!(e("a/.env.production"), None);
        assert_eq!(e("a/htpasswd"), None);
        let rule = |s: &str| s.ends_with(".sh");
        assert_eq!(
            exempt(&path("a/x.sh"), "x", b"x", Some((&rule, "a/x.sh")), false),
            None,
            "the rule names this very extension"
        );
    }
}

//! Tables of values and their classes. The first follows labelled cases (same shapes, own values, the
//! word kumquat where the shape allows); the others set every rule beside a near miss that differs in one token.

use super::ValueClass::{Configuration, Literal, Placeholder, Reference, Substitution};
use super::{InnerLeaf, ValueClass, ValueContext, classify};

const OK: ValueClass = ValueClass::Harmless("");

/// Stands in for the caller's parsers: flat `key: value`, `key = value`, JSON on one line, sections.
fn structure(text: &str) -> Option<Vec<InnerLeaf>> {
    let leaf = |key: &str, value: &str| InnerLeaf {
        key: key.trim().trim_matches(['"', '{']).to_owned(),
        value: value
            .trim()
            .trim_end_matches("\"}")
            .trim_matches(['"', '\''])
            .to_owned(),
    };
    if text.starts_with("{\"") {
        let flat = text.trim_end_matches('}').replace("{\"", "\"") + "}";
        return flat
            .split(", ")
            .filter(|p| !p.is_empty())
            .map(|p| {
                p.rsplit_once(": ")
                    .map(|(k, v)| leaf(k.rsplit(": ").next().unwrap_or(k), v))
            })
            .collect();
    }
    let mut leaves = Vec::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|l| !(l.is_empty() || l.starts_with(['#', '['])))
    {
        let (key, value) = line.split_once(": ").or_else(|| line.split_once('='))?;
        if key.trim().contains([' ', '/', '-']) {
            return None;
        }
        leaves.push(leaf(key, value));
    }
    (!leaves.is_empty()).then_some(leaves)
}

fn class(key: &str, value: &str, in_template: bool) -> ValueClass {
    match classify(&ValueContext { key, in_template }, value, &structure) {
        ValueClass::Harmless(_) => OK,
        other => other,
    }
}

fn check(table: &[(&str, &str, ValueClass)]) {
    let wrong: Vec<_> = table
        .iter()
        .map(|(key, value, expected)| (key, value, expected, class(key, value, false)))
        .filter(|(_, _, expected, got)| *expected != got)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const PRIVATE: &str = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN CERTIFICATE-----\nMIIC\nAA==\n-----END CERTIFICATE-----\n";

#[test]
fn values_as_in_the_benchmark() {
    check(&[
        // Kubernetes Secrets.
        (
            "rclone.conf",
            "[s3]\ntype = s3\nsecret_access_key = kqtVbwvnyuaNqHNXKgH8ZPJxNKrKSMx36\n",
            Literal,
        ),
        (
            "rclone.conf",
            "[s3]\ntype = s3\nprovider = kumquat\n",
            Configuration,
        ),
        ("rclone.conf", "[s3]\ntype = s3\nregion = eu-1\n", OK),
        ("REDIS_PASSWORD", "kumquat-cVcAJ-QWNcBN", Literal),
        ("REDIS_HOST", "${REDIS_HOST}", Substitution),
        ("SMTP_PASSWORD", "kumquat-aWLbg-yhE46t", Literal),
        ("type", "helm", OK),
        ("name", "bitnami", OK),
        ("url", "https://charts.kumquat.example/bitnami", OK),
        ("password", "", OK),
        ("token", "  \n", OK),
        ("PGADMIN_DEFAULT_PASSWORD", "KumquatMnD!g5Z", Literal),
        ("password", "${LOGIN}", Substitution),
        ("k", "kumquat-cedfW-j3KHqD", Literal),
        (
            ".dockerconfigjson",
            r#"{"auths": {"ghcr.io": {"username": "robot", "password": "kqtgzxHRMQYDyWHATWMta92D"}}}"#,
            Literal,
        ),
        (
            ".dockerconfigjson",
            r#"{"auths": {"ghcr.io": {"username": "robot", "password": "${GHCR}"}}}"#,
            Substitution,
        ),
        ("tls.crt", PUBLIC, OK),
        ("ca.crt", PUBLIC, OK),
        ("tls.key", PRIVATE, Literal),
        ("certificate", PRIVATE, Literal),
        // Templates and placeholders.
        ("a", "#{ TOKEN }#", Substitution),
        ("username", "{{ username }}", Substitution),
        ("password", "{{ password }}", Substitution),
        ("password", "${DB_PASSWORD:-kumquat-N9nEa-FfkDAM}", Literal),
        ("user", "${DB_USER}", Substitution),
        (
            "token",
            r#"{{ .token | default "kqtJ8eTuuE4QLXj3XmSb6WRcRspDjZ" }}"#,
            Literal,
        ),
        ("other", r#"{{ index .data "db-password" }}"#, Substitution),
        ("a", "${A:-changeme}", Placeholder),
        ("a", "${A:-}", Substitution),
        ("b", "${B:=}", Substitution),
        ("c", "$(C)", Substitution),
        ("k", "${TOKEN}", Substitution),
        ("password", "${DB_PASSWORD}", Substitution),
        ("url", "postgres://app:${DB_PASSWORD}@db/app", Substitution),
        ("d", "${TOKEN:=}", Substitution),
        ("key", "{{ .Values.key }}", Substitution),
        ("key", "{{ .Values.key | b64enc | quote }}", Substitution),
        ("password", "{{ .Values.password | quote }}", Substitution),
        ("password", "{{ lookup('x') }}", Substitution),
        ("password", "kumquat-V7Ks4-8frFem", Literal),
        ("password", "changeme-rgty5wG4S", Literal),
        ("token", "example99e5RQBW7Xv7bf", Literal),
        ("password", "changeme-123", Placeholder),
        ("token", "your-token", Placeholder),
        ("password", "changeme", Placeholder),
        ("token", "REPLACE_ME", Placeholder),
        ("key", "<your-api-key>", Reference),
        ("p", "changeme", Placeholder),
        ("a", "ref+vault://kv/app#/password", Reference),
        ("b", "op://prod/db/password", Reference),
        ("c", "<path:kv/data/app#password>", Reference),
        ("d", "vault:kv/data/app#password", Reference),
        ("e", "$(DB_PASSWORD)", Substitution),
        ("b", "ref+awssecrets://app=", Reference),
        // Argo CD, Helm, kustomize, embedded.
        ("type", "git", OK),
        ("url", "https://git.kumquat.internal/gitops.git", OK),
        ("username", "argocd", OK),
        ("password", "kqtX8DbHpkecRPaccAUcrabkxdtW9AwE", Literal),
        ("postgresPassword", "kumquat-dsRDe-47hz6B", Literal),
        ("license", "kqt6SzkjsuzhXUgvywn9jbv5CAdBfd", Literal),
        (
            "SESSION_KEY",
            "c6c9bb210d483af39d4a4a3a9d9bd5311b50818e",
            Literal,
        ),
        ("LOG_LEVEL", "info", OK),
        ("TZ", "UTC", OK),
        ("POSTGRES_PASSWORD", "kumquat-LNXYr-VEzzwN", Literal),
        ("password", "kumquat-buvb7-ZEGfgM\n", Literal),
        ("token", "kqtbKCS2N7rt2teqzZdTKMSqfLAm", Literal),
        (
            "password",
            "ENC[PKCS7,DzUbbB1yo61Eo2SmOV7pI4XTLEzeQWdTHpVsRUXCmlsU7]",
            OK,
        ),
        ("p", "kumquat-3hZwZ-HyQzQt", Literal),
        ("extra", "kumquat-jGZ3U-g3Jzgz", Literal),
    ]);
}

#[test]
fn harmless_keys_and_what_spoils_them() {
    check(&[
        ("enabled", "true", OK),
        ("password", "true", OK),
        ("retries", "3", OK),
        ("timeout", "1h30m", OK),
        ("pin", "3", Placeholder),
        ("pin", "3141", Literal),
        ("token", "5m", Literal),
        ("host", "db.prod.svc", OK),
        ("hostess", "db.prod.svc", Literal),
        ("url", "https://a/b", OK),
        ("url", "https://u:p@a/b", Literal),
        ("url", "https://a/b?c", Literal),
        ("url", "https://a/b#c", Literal),
        ("url", "https://a/hook/b", Literal),
        ("url", "https://a/services/b", Literal),
        ("url", "https://a/kqtVbwvnyuaNqHN1", Literal),
        ("host", "app:kumquat@db", Literal),
        ("host", "git@github.com:kumquat/x", OK),
        ("email", "mailto:a@b.example", OK),
        ("name", "Password=kumquat;Server=x", Literal),
        ("id", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", OK),
        ("clientId", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", OK),
        ("name", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", Literal),
        ("value", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", Literal),
        ("access_key_id", "kumquat", Literal),
        (
            "private_key_id",
            "c6c9bb210d483af39d4a4a3a9d9bd5311b50818e",
            OK,
        ),
        ("fingerprint", "SHA256:kqtVbwvnyuaNqHN1kqtVbwvn", OK),
        ("secretName", "kumquat", OK),
        ("token_url", "https://a/b", Literal),
        ("mode", "kumquat", OK),
        ("version", "1.2.3", OK),
        ("bucket", "kumquat", OK),
        (
            "key",
            "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
            OK,
        ),
        ("key", "AGE-SECRET-KEY-1QQQQQQ", Literal),
    ]);
    assert_eq!(class("name", &"kum ".repeat(50), false), OK);
    assert_eq!(class("name", &"kum ".repeat(51), false), Literal);
}

#[test]
fn expressions_and_what_remains() {
    check(&[
        ("password", "${X}", Substitution),
        ("password", "${X:-hunter2}", Literal),
        ("password", "${X:-${Y}}", Substitution),
        ("password", "${X:-${Y:-hunter2}}", Literal),
        ("password", "${X", Literal),
        ("password", "$X", Literal),
        ("password", "{{ .Values.x }}", Substitution),
        ("password", "{{ .Values.x | default \"hunter2\" }}", Literal),
        ("password", "{{ .Values.x | default \"\" }}", Substitution),
        (
            "password",
            "{{ .Values.x | default \"changeme\" }}",
            Placeholder,
        ),
        ("password", "{{ \"hunter2\" }}", Literal),
        ("password", "{{ \"hunter2\" | b64enc }}", Literal),
        ("password", "'${X}'", Substitution),
        ("password", "${X}-${Y}", Substitution),
        // Under a credential key at most six letters a word beside an expression.
        ("auth", "Bearer ${X}", Substitution),
        ("auth", "Bearers ${X}", Literal),
        ("note", "Bearers ${X}", Substitution),
        ("password", "changeme-${X}", Placeholder),
        ("note", "kqtVbwvnyuaNqHN1 ${X}", Literal),
        (
            "dsn",
            "postgres://${U}:${P}@database-primary.svc/orders",
            Substitution,
        ),
        ("dsn", "postgres://app:kumquat@${HOST}/orders", Literal),
        (
            "dsn",
            "application:${P}@tcp(database:3306)/orders",
            Substitution,
        ),
        ("dsn", "Server=database;Password=${P};", Substitution),
        ("dsn", "Server=${H};Password=kumquat;", Literal),
        ("url", "https://${H}/x?token=kumquat", Literal),
        ("url", "https://${H}/x?token=${T}", Substitution),
        (
            "url",
            "postgres://${U:-app}:${DB_PASSWORD:-hunter2}@${H:-db}/x",
            Literal,
        ),
        (
            "dsn",
            "postgres://${U:-app}:${DB_PASSWORD}@${H:-database}/x",
            Substitution,
        ),
        ("port", "${PORT:-5432}", Substitution),
        ("token", "${PORT:-5432}", Literal),
        ("password", "{{ a }}-{{ b }}", Substitution),
        ("password", "{{ a }}-kumquat-{{ b }}", Literal),
        ("password", "{{ .x\n | b64enc }}", Substitution),
        ("c", "[[ .x ]]", Substitution),
        ("c", "<%= x %>", Substitution),
        ("c", "{% x %}", Substitution),
    ]);
}

#[test]
fn several_leaves_or_lines() {
    check(&[
        ("config", "host: a\nport: 1\n", OK),
        ("config", "host: a\nlevels: kumquat\n", Configuration),
        ("config", "host: a\npassword: kumquat\n", Literal),
        ("config", "host: a\npassword: ${P}\n", Substitution),
        ("config", "host: a\npassword: changeme\n", Placeholder),
        ("config", "host: a\nvalue: kqtVbwvnyuaNqHN1\n", Literal),
        ("app.env", "LOG_LEVEL=info\nTOKEN=kumquat\n", Literal),
        ("app.env", "LOG_LEVEL=info", OK),
        ("app.env", "MODUS=info", Configuration),
        ("app.env", "TOKEN=kumquat", Literal),
        // A pair under a credential key, base64 padding and a DSN are no documents.
        ("password", "kum=quat", Literal),
        ("value", "kum=quat", Literal),
        ("value", "KUM=quat", Configuration),
        ("password", "{kumquat}", Literal),
        ("password", "{\"auths\": {}}", OK),
        ("value", "a3VtcXVhdA==", Literal),
        ("value", "host=db user=app password=kumquat", Literal),
        ("run.sh", "#!/bin/sh\nmysql --password=kumquat\n", Literal),
        (
            "run.sh",
            "#!/bin/sh\nmysql --password=\"$PASSWORD\"\n",
            Configuration,
        ),
        ("run.sh", "#!/bin/sh\n\n# nothing\n", OK),
        ("run.sh", "#!/bin/sh\n# kqtVbwvnyuaNqHN1\n", Literal),
        (
            "init.sql",
            "CREATE DATABASE x;\nALTER USER x IDENTIFIED BY 'kumquat';\n",
            Literal,
        ),
        (
            "init.sql",
            "CREATE DATABASE x;\nALTER USER x IDENTIFIED BY '${P}';\n",
            Configuration,
        ),
        (
            ".netrc",
            "machine a login b password kumquat\nmachine c login d\n",
            Literal,
        ),
        (
            ".netrc",
            "machine a login b password ${P}\nmachine c login d\n",
            Configuration,
        ),
        ("redis.conf", "requirepass kumquat\nport 6379\n", Literal),
        // Lines without keys of their own stand under the key of the value, unless that is a file's name.
        ("tokens", "kumquat one\nkumquat two\n", Literal),
        ("htpasswd", "admin:kumquat\nother:kumquat\n", Literal),
        ("secret.sh", "echo one\necho two\n", Configuration),
        ("notes", "kumquat one\nkumquat two\n", Configuration),
        (
            "authorized_keys",
            "# me\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKumquatKumquatKumquatKumquatKumquatKumqu me\n",
            OK,
        ),
        (
            "bundle",
            "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n-----BEGIN RSA PRIVATE KEY-----\n",
            Literal,
        ),
        (
            "bundle",
            "name: x y\n-----BEGIN CERTIFICATE-----\nkqtVbwvnyuaNqHN1\n-----END CERTIFICATE-----\n",
            OK,
        ),
        ("x", "{}", OK),
        ("x", "[]", OK),
        ("x", "[\"kumquat\"]", Literal),
    ]);
}

#[test]
fn in_a_template_only_credentials_count() {
    for (key, value, expected) in [
        ("password", "kumquat", Literal),
        ("note", "kumquat", OK),
        ("note", "kqtVbwvnyuaNqHN1", Literal),
        ("password", "changeme", OK),
        ("password", "{{ .x }}", Substitution),
        ("config", "level: a\nnote: kumquat\n", OK),
        ("config", "level: a\npassword: kumquat\n", Literal),
        ("tls.key", PRIVATE, Literal),
    ] {
        assert_eq!(class(key, value, true), expected, "{key}");
    }
}

#[test]
fn a_leaf_does_not_print_its_value() {
    let leaf = InnerLeaf {
        key: "kumquat-key".to_owned(),
        value: "kumquat-value".to_owned(),
    };
    assert!(!format!("{leaf:?}").contains("kumquat"));
}

#[test]
fn odd_texts_do_not_panic() {
    let pieces = [
        "é",
        "\u{FFFC}",
        "\u{FEFF}",
        "'",
        "\"",
        "`",
        "=",
        ":",
        ": ",
        "://",
        "@",
        "${",
        "}",
        "{{",
        "}}",
        "[[",
        "]]",
        "<%",
        "%>",
        "\\",
        "\n",
        "-----BEGIN ",
        "-----END ",
        "-----",
        "password",
        "IDENTIFIED BY ",
        "ssh-rsa ",
        "age1",
        "vault:",
        "<",
        ">",
        "#{",
        "}#",
        "1",
        " ",
        "LS0tLS1CRUdJTi",
        "P",
        "T",
        "µs",
        "$(",
        ")",
        "default ",
        "||",
        "x",
    ];
    let mut seed = 7_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        let mut key = String::new();
        for i in 0..12 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let piece = pieces[(seed >> 33) as usize % pieces.len()];
            if i < 2 {
                key.push_str(piece)
            } else {
                text.push_str(piece)
            }
        }
        let _ = classify(
            &ValueContext {
                key: &key,
                in_template: false,
            },
            &text,
            &structure,
        );
        let _ = classify(
            &ValueContext {
                key: "note",
                in_template: true,
            },
            &text,
            &|_| None,
        );
    }
}

#[test]
fn large_values_take_linear_time() {
    let start = std::time::Instant::now();
    for piece in [
        "a",
        "a=",
        "'",
        "\" by ",
        "password '",
        "://",
        "u:p@",
        "a: b\n",
        "-----BEGIN ",
        "-----BEGIN CERTIFICATE-----",
        "x \n",
        "{{ x",
        "${A",
        "kqt1",
        "#\n",
        "=é",
        ": é",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        for key in ["note", "password"] {
            let _ = classify(
                &ValueContext {
                    key,
                    in_template: false,
                },
                &text,
                &|_| None,
            );
        }
        let _ = super::credential::is_credential_key(&text);
        let _ = super::key::is_harmless_key(&text);
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

/// Values that were false errors in real repositories, rewritten.
#[test]
fn what_real_repositories_taught() {
    let class = |key: &str, value: &str| {
        classify(
            &ValueContext {
                key,
                in_template: false,
            },
            value,
            &|_| None,
        )
    };
    // A DSN whose query names files, with the near miss that holds a value.
    let dsn = |key: &str| {
        format!(
            "postgresql://${{OWNER:=${{APP}}}}@db.svc:5432/${{APP}}?sslmode=verify-full&sslkey={key}"
        )
    };
    assert_eq!(
        class("uri", &dsn("/var/run/certs/tls.key")),
        ValueClass::Substitution
    );
    assert_eq!(class("uri", &dsn("kumquat-pie")), ValueClass::Literal);
    // A key that names a column, and one that opens something.
    let script = |key: &str| {
        format!("module.exports = {{\n  ldap: {{\n    {key}: \"cnname\",\n  }},\n}};\n")
    };
    assert_eq!(
        class("config.js", &script("primaryKey")),
        ValueClass::Configuration
    );
    assert_eq!(
        class("config.js", &script("signingKey")),
        ValueClass::Literal
    );
    // Two words that are one on the list.
    let url = "https://s3.orchard.net";
    assert!(matches!(
        class("smaug-s3EndPoint", url),
        ValueClass::Harmless(_)
    ));
    assert_eq!(class("smaug-s3End", url), ValueClass::Literal);
    // In a text an identifier, a made-up example and a sentence are no credentials.
    let line = |line: &str| class("notes", &format!("first line\n{line}\nlast line\n"));
    assert_eq!(
        line("subject: pi:096e2ba1-0272-4fae-be5e-9f3d76c66a0d"),
        ValueClass::Configuration
    );
    assert_eq!(
        line("seen before: `a1b2c3d4e5f6a7b8`"),
        ValueClass::Configuration
    );
    assert_eq!(
        line("- Secrets: hardcoded credentials, API keys, tokens in code"),
        ValueClass::Configuration
    );
    assert_eq!(
        line("api-token: 096e2ba1-0272-4fae-be5e-9f3d76c66a0d"),
        ValueClass::Literal
    );
    assert_eq!(line("seen before: `k7Qp2mX9vB4nR8tL`"), ValueClass::Literal);
    assert_eq!(line("secret: kumquat pie"), ValueClass::Literal);
}

//! Behaviour of the room: every kind in every form it is pasted in, and near misses that differ in one thing.
//!
//! Keys are put together here from the bodies in `vectors`. `check` functions look at kind, strength, span and the
//! prefilter at once, so that each table line says all that matters.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::vectors as v;
use super::*;

/// A block with its markers.
fn pem(label: &str, body: &str) -> String {
    format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n")
}

const PRIVATE: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
const RSA: &str = "RSA PRIVATE KEY";
const EC: &str = "EC PRIVATE KEY";
const SSH: &str = "OPENSSH PRIVATE KEY";
const PGP: &str = "PGP PRIVATE KEY BLOCK";

fn kinds() -> Vec<(&'static str, &'static str, KeyKind, Strength)> {
    use KeyKind as K;
    use Strength::{Open, Passphrase};
    vec![
        (RSA, v::RSA, K::Rsa, Open),
        (RSA, v::RSA_SEALED, K::Rsa, Passphrase),
        (EC, v::EC, K::Ec, Open),
        (EC, v::EC_SEALED, K::Ec, Passphrase),
        ("DSA PRIVATE KEY", v::DSA, K::Dsa, Open),
        (PRIVATE, v::PKCS8_EC, K::Pkcs8, Open),
        (PRIVATE, v::PKCS8_ED25519, K::Pkcs8, Open),
        (PRIVATE, v::PKCS8_ED448, K::Pkcs8, Open),
        (ENCRYPTED, v::PKCS8_SEALED, K::Pkcs8, Passphrase),
        (
            "ED25519 PRIVATE KEY",
            v::PKCS8_ED25519,
            K::Pem("ED25519"),
            Open,
        ),
        ("KUMQUAT PRIVATE KEY", v::PKCS8_ED25519, K::Pem(""), Open),
        (
            "TSS2 PRIVATE KEY",
            v::PGP_RSA,
            K::Pem("TSS2"),
            Strength::PluginHandle,
        ),
        (
            "ENCRYPTED SIGSTORE PRIVATE KEY",
            v::PGP_RSA,
            K::Pem("SIGSTORE"),
            Passphrase,
        ),
        (SSH, v::SSH_ED25519, K::OpenSsh, Open),
        (SSH, v::SSH_ED25519_SEALED, K::OpenSsh, Passphrase),
        (SSH, v::SSH_ECDSA, K::OpenSsh, Open),
        (SSH, v::SSH_RSA, K::OpenSsh, Open),
        (PGP, v::PGP_OPEN, K::Pgp, Open),
        (PGP, v::PGP_SEALED, K::Pgp, Passphrase),
        (PGP, v::PGP_RSA, K::Pgp, Open),
        (PGP, v::PGP_SUBKEYS, K::Pgp, Open),
        // The content is surer than the label.
        (PRIVATE, v::RSA, K::Rsa, Open),
        (PRIVATE, v::EC, K::Ec, Open),
        (ENCRYPTED, v::PKCS8_ED25519, K::Pkcs8, Open),
        (PRIVATE, v::PKCS8_SEALED, K::Pkcs8, Passphrase),
    ]
}

/// Exactly one key, whose span holds `core`.
fn check_one(text: &str, kind: KeyKind, strength: Strength, core: &str, form: &str) {
    let hits = find(text);
    assert!(
        may_contain_key(text.as_bytes()),
        "prefilter: {form} of {kind}"
    );
    let [hit] = hits.as_slice() else {
        panic!("{} hits: {form} of {kind}\n{text}", hits.len())
    };
    assert_eq!((hit.kind, hit.strength), (kind, strength), "{form}\n{text}");
    let found = &text[hit.span.clone()];
    assert!(
        found.contains(core),
        "{form} of {kind}: span holds {found:?}"
    );
}

fn check_none(text: &str) {
    assert_eq!(find(text), [], "{text}");
}

#[test]
fn every_kind_in_every_plain_form() {
    for (label, body, kind, strength) in kinds() {
        let key = pem(label, body);
        let core = body.trim().lines().last().unwrap();
        let check = |form: &str, text: String| check_one(&text, kind, strength, core, form);
        check("file", key.clone());
        check("CRLF", key.replace('\n', "\r\n"));
        check(
            "YAML block",
            format!("tls:\n  key: |\n{}\n  x: y\n", indent(&key, "    ")),
        );
        check("tabs", indent(&key, "\t\t"));
        check("comment", indent(&key, "# "));
        check("slashes", indent(&key, "// "));
        check("quote", indent(&key, "> "));
        check("spaces", format!("KEY={}", key.trim().replace('\n', " ")));
        check(
            "concatenation",
            format!(
                "x = {};",
                key.lines()
                    .map(|l| format!("\"{l}\\n\""))
                    .collect::<Vec<_>>()
                    .join(" +\n    ")
            ),
        );
        check(
            "array",
            format!(
                "[{}]",
                key.lines()
                    .map(|l| format!("'{l}'"))
                    .collect::<Vec<_>>()
                    .join(",\n")
            ),
        );
        check("continued", key.replace('\n', "\\\n"));
        for escape in [
            "\\n",
            "\\\\n",
            "\\\\\\\\n",
            "\\r\\n",
            "\\u000a",
            "\\n\\\n    ",
        ] {
            check(
                escape,
                format!("{{\"private_key\": \"{}\"}}", key.replace('\n', escape)),
            );
        }
        check("no END", key[..key.find("-----END").unwrap()].to_owned());
        check("END cut", key[..key.rfind("----").unwrap()].to_owned());
    }
}

#[test]
fn slash_plus_and_equals_may_be_escaped() {
    for (label, body, kind, strength) in kinds() {
        let key = pem(label, body).replace('\n', "\\n");
        check_one(&key.replace('/', "\\/"), kind, strength, "", "JSON of PHP");
        let coded = key
            .replace('+', "\\u002b")
            .replace('/', "\\u002F")
            .replace('=', "\\u003d");
        check_one(&coded, kind, strength, "", "JSON with codes");
    }
}

#[test]
fn every_kind_in_base64() {
    let prefixes = ["", "#", "# ", "Bag Attributes\n    friendlyName: kumquat\n"];
    for (label, body, kind, strength) in kinds() {
        let key = pem(label, body);
        for (prefix, encoder) in prefixes
            .iter()
            .flat_map(|p| [(p, &STANDARD), (p, &STANDARD_NO_PAD)])
        {
            let once = encoder.encode(format!("{prefix}{key}"));
            for width in [64, 76] {
                let lines = once
                    .as_bytes()
                    .chunks(width)
                    .map(|l| std::str::from_utf8(l).unwrap())
                    .collect::<Vec<_>>();
                for (form, text) in [
                    (
                        "one line",
                        format!("client-key-data: {once}\nuser: kumquat\n"),
                    ),
                    (
                        "lines",
                        format!("  key: |\n    {}\n  user: kumquat\n", lines.join("\n    ")),
                    ),
                    ("escapes", format!("{{\"key\": \"{}\"}}", lines.join("\\n"))),
                    ("spaces", lines.join(" ")),
                ] {
                    check_one(&text, kind, strength, "", form);
                    let hit = &find(&text)[0];
                    assert!(hit.wrapped);
                    let span = &text[hit.span.clone()];
                    assert!(
                        once.starts_with(&span[..8]) || !prefix.is_empty(),
                        "{form}: {span}"
                    );
                    assert!(
                        span.len() > key.len() && !span.contains("user") && !span.contains("key"),
                        "{form}: {span}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_kubeconfig_in_a_secret_is_base64_twice() {
    for filler in ["", "a", "ab"] {
        let inner = format!(
            "x: {filler}\nclient-key-data: {}\n",
            STANDARD.encode(pem(EC, v::EC))
        );
        let outer = format!("data:\n  kubeconfig: {}\n", STANDARD.encode(&inner));
        check_one(&outer, KeyKind::Ec, Strength::Open, "", "twice");
        assert!(find(&outer)[0].span.start > outer.find(": ").unwrap());
    }
}

#[test]
fn age_identities_with_their_recipients() {
    for (identity, recipient) in v::AGE {
        assert_eq!(age_recipient_of(identity).as_deref(), Some(recipient));
        let file = format!("# created: 2026-01-02\n# public key: {recipient}\n{identity}\n");
        for text in [
            file.clone(),
            format!("k={identity}nothing"),
            identity.to_lowercase(),
            format!("\"a\\n{identity}\\n\""),
        ] {
            check_one(&text, KeyKind::AgeIdentity, Strength::Open, "", "age");
            let hit = &find(&text)[0];
            assert!(text[hit.span.clone()].eq_ignore_ascii_case(identity));
            assert_eq!(hit.age_recipient.as_deref(), Some(recipient));
        }
        let secret = format!("data:\n  age.agekey: {}\n", STANDARD.encode(&file));
        let hits = find(&secret);
        assert_eq!((hits.len(), hits[0].wrapped), (1, true));
        assert_eq!(hits[0].age_recipient.as_deref(), Some(recipient));
        // One token differs: the checksum, the case, a character, the length, the prefix.
        check_none(&identity.replace(
            &identity[70..],
            if identity.ends_with('9') {
                "QQQQ"
            } else {
                "9999"
            },
        ));
        check_none(&format!(
            "{}{}",
            &identity[..40],
            identity[40..].to_lowercase()
        ));
        check_none(&format!(
            "{}{}",
            &identity[..73],
            if identity.ends_with('P') { 'Q' } else { 'P' }
        ));
        check_none(&identity[..73]);
        check_none(&identity.replace("SECRET", "SECRETS"));
        check_none(recipient);
    }
    assert_eq!(age_recipient_of("kumquat"), None);
    assert_eq!(age_recipient_of(v::AGE_PQ), None);
    check_one(
        v::AGE_PQ,
        KeyKind::AgePostQuantumIdentity,
        Strength::Open,
        v::AGE_PQ,
        "pq",
    );
    check_none(&v::AGE_PQ.replace("PQ-1", "QP-1"));
    check_none(&v::AGE_PQ.replace("PQ-1Q", "PQ-1P"));
    check_one(
        v::HANDLE,
        KeyKind::AgePluginHandle,
        Strength::PluginHandle,
        v::HANDLE,
        "handle",
    );
    check_none(&v::HANDLE.replace("KUMQUAT", "KUMQUIT"));
    check_none(&v::HANDLE[..v::HANDLE.len() - 1]);
    check_none("AGE-SECRET-KEY-1[0-9A-Z]{58} and AGE-PLUGIN-YUBIKEY-1...");
}

#[test]
fn public_material_is_silent() {
    for (label, body) in [
        ("PUBLIC KEY", v::PUBLIC),
        ("RSA PUBLIC KEY", v::PUBLIC_RSA),
        ("CERTIFICATE", v::CERTIFICATE),
        ("CERTIFICATE REQUEST", v::REQUEST),
        ("PGP PUBLIC KEY BLOCK", v::PGP_PUBLIC),
        ("PGP MESSAGE", v::PGP_OPEN),
        ("PGP SIGNATURE", v::PGP_OPEN),
        ("AGE ENCRYPTED FILE", v::RSA),
        // A wrong label makes no private key of a public one.
        (PRIVATE, v::PUBLIC),
        (PRIVATE, v::PUBLIC_RSA),
        (PRIVATE, v::CERTIFICATE),
        (RSA, v::REQUEST),
        (PGP, v::PGP_PUBLIC),
    ] {
        let text = pem(label, body);
        check_none(&text);
        check_none(&STANDARD.encode(&text));
    }
    assert!(!may_contain_key(
        pem("CERTIFICATE", v::CERTIFICATE).as_bytes()
    ));
    assert!(!may_contain_key(
        STANDARD
            .encode(pem("CERTIFICATE", v::CERTIFICATE))
            .as_bytes()
    ));
}

#[test]
fn markers_without_a_key_are_silent() {
    for label in [PRIVATE, ENCRYPTED, RSA, SSH, PGP] {
        let filler = "x".repeat(64) + "\n";
        for body in [
            "",
            "...\n",
            "MIIE...\n",
            "{{ .Values.key }}\n",
            "your key goes here\n",
            "<redacted>\n",
            &filler.repeat(20),
        ] {
            check_none(&pem(label, body));
        }
        let prose = "and then come about twenty lines of base64 text that only the owner may see "
            .repeat(20);
        check_none(&format!(
            "starts with -----BEGIN {label}----- {prose} -----END {label}-----"
        ));
        check_none(&format!("-----BEGIN {label}----- {prose}"));
        check_none(&format!(
            "-----BEGIN {label}-----\n\n-----BEGIN CERTIFICATE-----\n{}",
            v::CERTIFICATE
        ));
        check_none(&format!("-----END {label}-----\n{}", v::PKCS8_ED25519));
        check_none(&format!("----BEGIN {label}----\n{}", v::PKCS8_ED25519));
    }
    check_none("RX = r'-----BEGIN (RSA |EC )?PRIVATE KEY-----'");
    check_none("-----BEGIN[A-Z ]+PRIVATE KEY-----");
}

#[test]
fn a_cut_body_counts_only_when_it_is_long() {
    let short = v::PKCS8_ED25519.trim();
    check_none(&format!(
        "-----BEGIN {PRIVATE}-----\n{}\n-----END {PRIVATE}-----",
        &short[..short.len() - 4]
    ));
    check_none(&format!("-----BEGIN {PRIVATE}-----\n{}...\n", &short[..40]));
    check_none(&format!("-----BEGIN {RSA}-----\n{}...\n", &v::RSA[..130]));
    check_one(
        &format!("-----BEGIN {RSA}-----\n{}...\n", &v::RSA[..400]),
        KeyKind::Rsa,
        Strength::Open,
        "",
        "cut",
    );
    let cut = format!(
        "-----BEGIN {SSH}-----\n{}...\n",
        &v::SSH_ED25519_SEALED[..300]
    );
    check_one(&cut, KeyKind::OpenSsh, Strength::Passphrase, "", "cut");
}

#[test]
fn several_keys_give_several_hits_in_order() {
    let text = kinds()
        .iter()
        .map(|(label, body, ..)| pem(label, body))
        .collect::<String>();
    let hits = find(&text);
    assert_eq!(hits.len(), kinds().len());
    assert!(
        hits.windows(2)
            .all(|two| two[0].span.end <= two[1].span.start)
    );
    let bundle =
        pem("CERTIFICATE", v::CERTIFICATE) + &pem(EC, v::EC) + &pem(PRIVATE, v::PKCS8_ED25519);
    assert_eq!(find(&STANDARD.encode(&bundle)).len(), 2);
    let lines = STANDARD
        .encode(&bundle)
        .as_bytes()
        .chunks(76)
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(find(&lines).len(), 2);
    // A marker in prose must not swallow the key after it.
    let after = format!(
        "-----BEGIN {PRIVATE}----- in one line:\n{}",
        STANDARD.encode(&bundle)
    );
    assert_eq!(find(&after).len(), 2);
}

#[test]
fn nothing_shows_the_key() {
    let text = pem(RSA, v::RSA) + v::AGE[0].0;
    let shown = format!("{:?}", find(&text))
        + &find(&text)
            .iter()
            .map(|h| h.kind.to_string())
            .collect::<String>();
    assert!(!shown.contains(&v::RSA[..12]) && !shown.contains(&v::AGE[0].0[20..30]));
}

#[test]
fn hostile_text_takes_linear_time() {
    let size = 256 << 10;
    let rsa = pem(RSA, v::RSA);
    for unit in [
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: ",
        "-----BEGIN RSA PRIVATE KEY-----a:",
        "PRIVATE KEY",
        "AGE-SECRET-KEY-1",
        "AGE-PLUGIN-",
        "AGE-PLUGIN-X-1QQQQQQ",
        "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t",
        "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t\n",
        "UFJJVkFUR \\n",
        "\\\\\\\\",
        "A",
        " ",
        rsa.as_str(),
        v::AGE[0].0,
    ] {
        for start in [
            "",
            "-----BEGIN PRIVATE KEY-----",
            "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t ",
        ] {
            let text = start.to_owned() + &unit.repeat(size / unit.len());
            let begin = Instant::now();
            let hits = find(&text);
            assert!(
                hits.iter()
                    .all(|hit| hit.span.start < hit.span.end && hit.span.end <= text.len())
            );
            let seconds = begin.elapsed().as_secs_f64();
            assert!(seconds < 4.0, "{seconds} s: {start} {unit}");
        }
    }
}

#[test]
fn any_cut_and_any_damage_is_survived() {
    let text = kinds()
        .iter()
        .map(|(label, body, ..)| pem(label, body))
        .collect::<String>();
    let text = text + v::AGE[0].0 + &STANDARD.encode(pem(RSA, v::RSA)) + v::HANDLE;
    for cut in (0..text.len()).step_by(7) {
        for part in [&text[..cut], &text[cut..]] {
            let hits = find(part);
            assert!(hits.iter().all(|hit| part.get(hit.span.clone()).is_some()));
            assert!(hits.is_empty() || may_contain_key(part.as_bytes()));
        }
    }
    let bytes = text.into_bytes();
    for step in 0..400 {
        let mut damaged = bytes.clone();
        for i in (step * 13 % 61..damaged.len()).step_by(61 + step) {
            damaged[i] = damaged[i].wrapping_mul(31).wrapping_add(step as u8);
        }
        let damaged = String::from_utf8_lossy(&damaged);
        assert!(
            find(&damaged)
                .iter()
                .all(|hit| damaged.get(hit.span.clone()).is_some())
        );
    }
}

fn indent(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}\n")).collect()
}

//! What a value is: nothing worth hiding, a reference, a substitution, a placeholder, or a literal that must not lie open.
//!
//! Answers step 3 of the product contract for one scalar under one key; every other step asks the same question here. The
//! room parses no documents and decodes nothing but a certificate in base64: the caller resolves YAML, decodes `data`, sets
//! aside nulls, ciphertext, envelopes and bytes, and hands in a parser for values that hold documents of their own. Text is
//! read in linear time and never kept: no type of this room that holds a value can be printed.

pub mod credential;
mod expression;
pub mod key;
mod material;
mod pair;
pub mod placeholder;
pub mod tally;
pub mod template;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;

use credential::{contains_random_token, has_form_beside_tokens, has_private_key_marker};
pub use credential::{has_credential_form, is_credential_key};
use template::{HOLE, Literal, Stripped};

/// What a value is, from harmless to harmful: the greater of two classes decides for a value of several parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueClass {
    /// Nothing to hide, with a short reason for `explain`.
    Harmless(&'static str),
    /// Points into a secret store.
    Reference,
    /// Filled in by another tool; nothing secret is left.
    Substitution,
    /// Meant to be replaced.
    Placeholder,
    /// Text of several leaves without a credential key or form.
    Configuration,
    /// Written out.
    Literal,
}

/// Where a value stands.
pub struct ValueContext<'a> {
    /// The key under which the value stands; of an item of a list, the key of the list.
    pub key: &'a str,
    /// Whether the file is a template: there only a credential's literal counts, and the rest is harmless.
    pub in_template: bool,
}

/// A leaf of a document inside a value.
pub struct InnerLeaf {
    /// The nearest key above the leaf; empty if there is none.
    pub key: String,
    /// The decoded text.
    pub value: String,
}

impl fmt::Debug for InnerLeaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InnerLeaf { .. }")
    }
}

/// The class of a value under its key. `structure` parses a value that is a mapping, list, dotenv or INI text.
pub fn classify(
    ctx: &ValueContext<'_>,
    value: &str,
    structure: &dyn Fn(&str) -> Option<Vec<InnerLeaf>>,
) -> ValueClass {
    let class = classify_whole(ctx.key, value.trim(), structure);
    if !ctx.in_template {
        return class;
    }
    match class {
        // Several leaves are a literal only if one of them is a credential's.
        ValueClass::Literal if !value.trim().contains('\n') && !counts_inside(ctx.key, value) => {
            ValueClass::Harmless("plain text of a template")
        }
        ValueClass::Placeholder => ValueClass::Harmless("a placeholder in a template"),
        ValueClass::Configuration => ValueClass::Harmless("settings in a template"),
        other => other,
    }
}

fn classify_whole(
    key: &str,
    value: &str,
    structure: &dyn Fn(&str) -> Option<Vec<InnerLeaf>>,
) -> ValueClass {
    if !is_several(value) {
        return match text::single_pair(value).filter(|_| !is_credential_key(key)) {
            Some((own, inside)) if scalar(key, value, 0) == ValueClass::Literal => {
                inner(own, inside)
            }
            _ => scalar(key, value, 0),
        };
    }
    if has_private_key_marker(value) {
        return ValueClass::Literal;
    }
    if material::is_public(value) || material::is_sealed_elsewhere(value) {
        return scalar(key, value, 0);
    }
    let stripped = template::strip(value);
    let begins_with_expression = ["{{", "{%", "[["]
        .iter()
        .any(|open| value.starts_with(open));
    if stripped.is_bare()
        || (stripped.expressions() > 0 && begins_with_expression && !value.contains('\n'))
    {
        return substituted(key, &stripped, 0);
    }
    // Text that parses to nothing may still say something: comments, or `{kumquat}` as a password.
    let is_json = value.starts_with(['{', '[']) && value.contains('"');
    let says_something = |leaves: &Vec<InnerLeaf>| {
        is_json
            || leaves
                .iter()
                .any(|leaf| leaf.value.chars().any(char::is_alphanumeric))
    };
    if let Some(leaves) = structure(value).filter(says_something) {
        let first = ValueClass::Harmless("no leaf of it is a secret");
        return leaves
            .iter()
            .map(|leaf| judge_leaf(key, leaf))
            .fold(first, Ord::max);
    }
    if value.contains('\n') {
        text::classify(key, value)
    } else {
        scalar(key, value, 0)
    }
}

/// Whether a value may hold several leaves: lines, or a mapping or list on one line.
fn is_several(value: &str) -> bool {
    let bracketed = (value.starts_with('{') && value.ends_with('}'))
        || (value.starts_with('[') && value.ends_with(']'));
    value.contains('\n') || (bracketed && value.len() > 2)
}

fn judge_leaf(outer: &str, leaf: &InnerLeaf) -> ValueClass {
    let key = if leaf.key.is_empty() {
        outer
    } else {
        &leaf.key
    };
    let value = leaf.value.trim();
    if value.contains('\n') && !material::is_public(value) {
        return if has_private_key_marker(value) {
            ValueClass::Literal
        } else {
            text::classify(key, value)
        };
    }
    inner(key, value)
}

/// The class of one leaf or line inside a value: there a literal counts for its key or form only.
fn inner(key: &str, value: &str) -> ValueClass {
    match scalar(key, value, 0) {
        ValueClass::Literal if !counts_inside(key, value) => ValueClass::Configuration,
        other => other,
    }
}

/// In a structured text a UUID is an identifier, unless its key says otherwise.
fn counts_inside(key: &str, value: &str) -> bool {
    is_credential_key(key)
        || has_credential_form(&credential::without_uuids(value))
        || pair::has_credential_pair(template::strip(value).rest())
}

/// The class of a value taken as one scalar. `depth` counts defaults inside defaults.
fn scalar(key: &str, value: &str, depth: usize) -> ValueClass {
    let value = value.trim();
    if material::is_nothing(value) {
        return ValueClass::Harmless("empty");
    }
    if has_private_key_marker(value) {
        return ValueClass::Literal;
    }
    if material::is_boolean(value) {
        return ValueClass::Harmless("a boolean");
    }
    if material::is_public(value) {
        return ValueClass::Harmless("a certificate or public key");
    }
    if material::is_sealed_elsewhere(value) {
        return ValueClass::Harmless("sealed by another tool");
    }
    if material::is_reference(value) {
        return ValueClass::Reference;
    }
    if material::is_quantity(value) && !is_credential_key(key) {
        return ValueClass::Harmless("a number, duration or size");
    }
    // Defaults may hold substitutions again; two levels are as deep as anybody writes.
    if depth < 2 {
        let stripped = template::strip(value);
        if stripped.expressions() > 0 {
            return substituted(key, &stripped, depth);
        }
    }
    if is_harmless_line(key, value) {
        return ValueClass::Harmless("a plain text under a harmless key");
    }
    if placeholder::is_placeholder(key, value) {
        ValueClass::Placeholder
    } else {
        ValueClass::Literal
    }
}

/// A short line under a harmless key that does not look like a credential for all that.
fn is_harmless_line(key: &str, value: &str) -> bool {
    let ordinary = |value: &str| {
        let lower = value.to_ascii_lowercase();
        let plain_url = !value.contains("://") || !value.contains(['?', '#']);
        plain_url && !lower.contains("hook") && !lower.contains("/services/")
    };
    value.len() <= 800
        && value.chars().count() <= 200
        && !value.contains('\n')
        && key::is_harmless_key(key)
        && ordinary(value)
        && !has_form_beside_tokens(value)
        && !has_bare_credentials(value)
        && !pair::has_credential_pair(value)
        && (key::names_identifier(key) || !contains_random_token(value))
}

/// `user:password@host` without a scheme; `mailto:` and image digests only look like it.
fn has_bare_credentials(value: &str) -> bool {
    !value.contains("://")
        && !value.contains(char::is_whitespace)
        && !value.starts_with("mailto:")
        && !value.contains("@sha256:")
        && credential::userinfo_password(value)
            .is_some_and(|p| p.chars().any(char::is_alphanumeric))
}

/// The class of a value that holds expressions: the worst of its literals and of what is left without them.
fn substituted(key: &str, stripped: &Stripped, depth: usize) -> ValueClass {
    let mut worst = remainder(key, stripped.rest());
    for literal in stripped.literals() {
        worst = worst.max(default_class(key, literal, stripped.is_bare(), depth));
        if worst == ValueClass::Literal {
            break;
        }
    }
    worst
}

/// What is left of a text beside its expressions.
fn remainder(key: &str, rest: &str) -> ValueClass {
    if !rest.chars().any(char::is_alphanumeric) {
        return ValueClass::Substitution;
    }
    let long_words = || {
        rest.split(|c: char| !c.is_alphanumeric())
            .any(|w| w.chars().count() > 6)
    };
    let counts = has_private_key_marker(rest)
        || has_form_beside_tokens(rest)
        || contains_random_token(rest)
        || pair::has_credential_pair(rest)
        || (is_credential_key(key) && !is_connection(rest) && long_words());
    match counts {
        false => ValueClass::Substitution,
        true if placeholder::is_placeholder(key, rest) => ValueClass::Placeholder,
        true => ValueClass::Literal,
    }
}

/// A URL or DSN: its names may be long, its credentials were looked for already.
fn is_connection(rest: &str) -> bool {
    let pairs = rest
        .split([';', ' ', '&'])
        .filter(|p| p.contains('='))
        .count();
    rest.contains("://") || rest.contains(&format!(":{HOLE}@")) || pairs >= 2
}

/// The class of a default. As the whole value it is judged under the value's key and the variable's; as a part of one, under
/// the variable's name, so that the database name in a DSN is no password.
fn default_class(key: &str, literal: &Literal, whole: bool, depth: usize) -> ValueClass {
    let judge = |key: &str| {
        if literal.text().contains(HOLE) {
            remainder(key, literal.text())
        } else {
            scalar(key, literal.text(), depth + 1)
        }
    };
    let variable = literal.variable();
    let class = if variable.is_empty() {
        judge(key)
    } else if whole {
        judge(key).max(if is_credential_key(variable) {
            judge(variable)
        } else {
            ValueClass::Substitution
        })
    } else {
        match judge(variable) {
            ValueClass::Literal if counts_inside(variable, literal.text()) => ValueClass::Literal,
            ValueClass::Placeholder if is_credential_key(variable) => ValueClass::Placeholder,
            _ => ValueClass::Substitution,
        }
    };
    class.max(ValueClass::Substitution)
}

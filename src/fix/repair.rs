//! For files that carry metadata: their recipients are made those of the rule, or they are encrypted again as a whole.
//!
//! Both need one of the user's keys. What the metadata says is only handed to sops where all of it is understood, so that
//! no key service can be named in words that were not read here.

use zeroize::Zeroizing;

use super::seal::{Failed, Sealer, failure, neutral_name};
use super::{Flaw, Step, opened, tree};
use crate::decrypt::{Asked, Purpose};
use crate::sops::hosts;
use crate::sops::metadata;
use crate::sops::sealed::Allowed;
use crate::syntax::{Format, decode, parse};

/// Gives a file the recipients of its rule. sops can do that to a file only, and not to a stream: it is a copy in the
/// private directory, of a file that is encrypted already.
pub fn update_keys(
    sealer: &Sealer<'_>,
    step: &Step,
    bytes: &[u8],
    allowed: &Allowed,
) -> Result<Zeroizing<Vec<u8>>, Failed> {
    understood(bytes, step.format, allowed)?;
    let config = sealer.config(step)?;
    let copy = sealer.keep(neutral_name(step.format), bytes)?;
    let args = [
        "--config",
        &config,
        "updatekeys",
        "--yes",
        "--input-type",
        step.format.as_str(),
        &copy,
    ];
    let answer = sealer.sops().ask(&Asked {
        args: &args,
        input: b"",
        most: 1 << 20,
        purpose: Purpose::OpenKeys,
        stop: sealer.stop().flag(),
    });
    let after = std::fs::read(&copy).map(Zeroizing::new);
    let _ = std::fs::remove_file(&copy);
    let answer = answer?;
    if answer.code != Some(0) {
        return Err(match failure(answer.code, &answer.err, step) {
            // updatekeys has one code for all failures; the usual one is that no key is at hand.
            Failed::Other => Failed::NoKey,
            why => why,
        });
    }
    let after = after.map_err(|_| Failed::NoPrivate)?;
    tree::same_values(bytes, &after, step.format)?;
    tree::recipients_fit(&after, step.format, &step.rule)?;
    Ok(after)
}

/// Whether sops would read the metadata as it was read here, and asks nobody for the data key who was not allowed.
fn understood(bytes: &[u8], format: Format, allowed: &Allowed) -> Result<(), Failed> {
    let decoded = decode(bytes);
    let inner = tree::inner(format);
    let parsed = parse(&decoded.text, inner);
    if !parsed.is_whole() || !parsed.problems.is_empty() {
        return Err(Flaw::Unreadable.into());
    }
    let meta = parsed
        .documents
        .first()
        .and_then(|doc| metadata::find(doc, inner));
    let of = metadata::read(&meta.ok_or(Flaw::NoMetadata)?, inner);
    if !(of.problems.is_empty() && of.unknown.is_empty() && of.encrypted_fields.is_empty()) {
        return Err(Failed::Metadata);
    }
    hosts::check(of.entries(), allowed).map_err(|_| Failed::NotAllowed)
}

/// Encrypts a file as a whole that is encrypted in part: with a new data key, by its rule.
pub fn reencrypt(
    sealer: &Sealer<'_>,
    step: &Step,
    bytes: &[u8],
    allowed: &Allowed,
) -> Result<Zeroizing<Vec<u8>>, Failed> {
    understood(bytes, step.format, allowed)?;
    let plain = opened::open(sealer.sops(), bytes, step.format, allowed)?;
    let after = sealer.encrypt(step, plain.bytes())?;
    // A rule that selects less than the file's own options do must not take a cover away.
    tree::nothing_opened(bytes, &after, step.format)?;
    Ok(after)
}

//! What Git passes to the hooks of a push: which references go where.
//!
//! Follows `git help githooks`. Lines are read to the letter: what is not understood is an error, and the push is refused,
//! because a line that is passed over could be the one that matters.

use crate::git::Oid;

/// A push, as a hook is told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Push {
    /// In the order of Git.
    pub(crate) updates: Vec<Update>,
}

/// One reference that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    /// What it names at the remote side before; `None` if it is new.
    pub(crate) old: Option<Oid>,
    /// What it will name; `None` if it is taken away.
    pub(crate) new: Option<Oid>,
    /// Its name at the remote side.
    pub(crate) ref_name: Vec<u8>,
    /// What the user called it; only `pre-push` knows.
    pub(crate) local_ref: Option<Vec<u8>>,
}

/// What is told cannot be understood: the number of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {0} of what Git passes on standard input is not understood, so that nothing was judged"
)]
pub(crate) struct PassedError(usize);

impl Push {
    /// `<local ref> <local id> <remote ref> <remote id>`, a line for each reference. The first part is what the user wrote
    /// and may hold spaces.
    pub(crate) fn pre_push(told: &[u8]) -> Result<Self, PassedError> {
        read(told, |line| {
            let mut fields = line.rsplitn(4, |b| *b == b' ');
            let old = id(fields.next()?)?;
            let ref_name = name(fields.next()?)?;
            let new = id(fields.next()?)?;
            let local_ref = fields.next().filter(|local| !local.is_empty())?;
            Some(Update {
                old,
                new,
                ref_name,
                local_ref: Some(local_ref.to_vec()),
            })
        })
    }

    /// `<old id> <new id> <ref>`, a line for each reference.
    pub(crate) fn pre_receive(told: &[u8]) -> Result<Self, PassedError> {
        read(told, |line| {
            let mut fields = line.splitn(3, |b| *b == b' ');
            Some(Update {
                old: id(fields.next()?)?,
                new: id(fields.next()?)?,
                ref_name: name(fields.next()?)?,
                local_ref: None,
            })
        })
    }
}

fn read(told: &[u8], line: impl Fn(&[u8]) -> Option<Update>) -> Result<Push, PassedError> {
    let told = told.strip_suffix(b"\n").unwrap_or(told);
    if told.is_empty() {
        return Ok(Push::default());
    }
    let lines = told.split(|b| *b == b'\n').enumerate();
    let updates = lines
        .map(|(n, text)| line(text).ok_or(PassedError(n + 1)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Push { updates })
}

/// An id in full; all zeros stand for nothing.
fn id(text: &[u8]) -> Option<Option<Oid>> {
    let id = Oid::from_hex(text).ok()?;
    Some((!id.is_null()).then_some(id))
}

fn name(text: &[u8]) -> Option<Vec<u8>> {
    let bad = |b: &u8| *b <= b' ' || *b == 0x7f;
    (!text.is_empty() && !text.iter().any(bad)).then(|| text.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn oid(text: &str) -> Option<Oid> {
        Some(Oid::from_hex(text.as_bytes()).unwrap())
    }

    fn update(local: Option<&str>, new: Option<Oid>, name: &str, old: Option<Oid>) -> Update {
        Update {
            old,
            new,
            ref_name: name.as_bytes().to_vec(),
            local_ref: local.map(|l| l.as_bytes().to_vec()),
        }
    }

    #[test]
    fn pre_push_tells_updates_new_references_and_deletions() {
        let told = format!(
            "refs/heads/main {ONE} refs/heads/main {TWO}\nrefs/heads/new {ONE} refs/heads/new {ZERO}\n(delete) {ZERO} refs/heads/old {TWO}\nmain@{{1 day ago}} {ONE} refs/heads/x {ZERO}\n"
        );
        let push = Push::pre_push(told.as_bytes()).unwrap();
        assert_eq!(
            push.updates,
            [
                update(
                    Some("refs/heads/main"),
                    oid(ONE),
                    "refs/heads/main",
                    oid(TWO)
                ),
                update(Some("refs/heads/new"), oid(ONE), "refs/heads/new", None),
                update(Some("(delete)"), None, "refs/heads/old", oid(TWO)),
                update(Some("main@{1 day ago}"), oid(ONE), "refs/heads/x", None),
            ]
        );
        assert_eq!(Push::pre_push(b""), Ok(Push::default()));
    }

    #[test]
    fn pre_receive_tells_old_and_new() {
        let long = "3".repeat(64);
        let told = format!("{ZERO} {ONE} refs/heads/new\n{ONE} {ZERO} refs/tags/v1\n");
        let push = Push::pre_receive(told.as_bytes()).unwrap();
        assert_eq!(
            push.updates,
            [
                update(None, oid(ONE), "refs/heads/new", None),
                update(None, None, "refs/tags/v1", oid(ONE)),
            ]
        );
        let told = format!("{long} {} refs/heads/x", "0".repeat(64));
        let push = Push::pre_receive(told.as_bytes()).unwrap();
        assert_eq!(
            push.updates[0],
            update(None, None, "refs/heads/x", oid(&long))
        );
    }

    #[test]
    fn what_is_not_understood_refuses() {
        for told in [
            "x\n".to_owned(),
            "\n".to_owned() + "x",
            format!("refs/heads/a {ONE} refs/heads/a\n"),
            format!("refs/heads/a {ONE} refs/heads/a {}\n", &TWO[1..]),
            format!("refs/heads/a {ONE}  {TWO}\n"),
            format!(" {ONE} refs/heads/a {TWO}\n"),
            format!("{ONE} refs/heads/a {TWO}\n"),
            format!("refs/heads/a {ONE} refs/heads/a {TWO}\r\n"),
        ] {
            assert!(Push::pre_push(told.as_bytes()).is_err(), "{told:?}");
        }
        for told in [
            format!("{ONE} {TWO}\n"),
            format!("{ONE} {TWO} \n"),
            format!("{ONE} {TWO} refs/heads/a b\n"),
            format!("{ONE} {TWO} refs/heads/a\r\n"),
            format!("{ONE} {TWO} refs/heads/a\n\n"),
            format!("HEAD {TWO} refs/heads/a\n"),
        ] {
            assert!(Push::pre_receive(told.as_bytes()).is_err(), "{told:?}");
        }
        let told = format!("{ONE} {TWO} refs/heads/a\nx\n");
        assert_eq!(Push::pre_receive(told.as_bytes()), Err(PassedError(2)));
    }
}

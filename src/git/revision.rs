//! Revisions and ranges as a user writes them.
//!
//! Follows `git help gitrevisions`: names before abbreviated ids, of which only commits count. Resolved here and not by
//! gix, which would take the first part of a branch like `dead-code` for an abbreviated id, and reads neither reftables nor
//! objects of a quarantine. Absent on purpose: searching messages (`:/text`), and whatever names a file. What begins with
//! `-` is a name like any other, and none has such a name.

use std::fmt;

use super::Oid;
use super::commits::merge_bases;
use super::objects::ObjectKind;
use super::reflog;
use super::repo::Repo;

/// Why a text names no commit, or no range: one line, with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}{}", if *.shallow { SHALLOW } else { "" })]
pub struct RevisionError {
    /// What is wrong.
    pub problem: RevisionProblem,
    /// Whether the reason may be that the clone is shallow.
    pub shallow: bool,
}

const SHALLOW: &str = "; this clone is shallow: get the rest with `git fetch --unshallow`, in CI with `fetch-depth: 0`";

/// What is wrong with a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevisionProblem {
    /// Nothing is called so.
    Unknown(String),
    /// What it names is not there.
    Missing(String, Oid),
    /// An abbreviated id of several commits.
    Ambiguous(String, Vec<Oid>),
    /// It names something else.
    NotCommit(String, ObjectKind),
    /// It names a file or searches messages.
    Unsupported(String),
    /// It is a revision where a range is wanted.
    NotRange(String),
    /// The two have no history in common.
    NoMergeBase(String, String),
}

impl fmt::Display for RevisionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) => write!(f, "there is no revision `{text}`"),
            Self::Missing(text, id) => {
                write!(f, "`{text}` names {id}, which is missing or damaged")
            }
            Self::Ambiguous(text, ids) => {
                write!(
                    f,
                    "`{text}` is short for {} commits: write more of ",
                    ids.len()
                )?;
                for (n, id) in ids.iter().take(4).enumerate() {
                    write!(
                        f,
                        "{}{}",
                        if n == 0 { "" } else { ", " },
                        id.to_hex_with_len(12)
                    )?;
                }
                if ids.len() > 4 {
                    f.write_str(", …")?;
                }
                Ok(())
            }
            Self::NotCommit(text, kind) => {
                let kind = match kind {
                    ObjectKind::Commit => "commit",
                    ObjectKind::Tree => "directory",
                    ObjectKind::Blob => "file",
                    ObjectKind::Tag => "tag that cannot be read",
                };
                write!(f, "`{text}` names a {kind}, not a commit")
            }
            Self::Unsupported(text) => write!(
                f,
                "`{text}` is not understood here: write the name of a branch or tag, or the id of a commit"
            ),
            Self::NotRange(text) if text.is_empty() || text.contains(['^', '.', ' ']) => {
                write!(f, "`{text}` is no range: write BASE..HEAD")
            }
            Self::NotRange(text) => write!(f, "`{text}` is no range: write {text}..HEAD"),
            Self::NoMergeBase(one, two) => {
                write!(f, "`{one}` and `{two}` have no commit in common")
            }
        }
    }
}

/// What a range means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The commit at its end.
    pub tip: Oid,
    /// The commits whose history is left out.
    pub not: Vec<Oid>,
    /// The merge base of both, with which the tip is to be compared: of several the one that `git merge-base` prints. `None`
    /// if they have no history in common, which only `A..B` allows.
    pub base: Option<Oid>,
}

impl Repo {
    /// The commit that a revision names; tags stand for what they name.
    pub fn revision(&self, text: &str) -> Result<Oid, RevisionError> {
        let fail = |problem| {
            // Other kinds of mistakes do not come from missing history.
            let cut = matches!(
                problem,
                RevisionProblem::Unknown(_) | RevisionProblem::Missing(..)
            );
            RevisionError {
                problem,
                shallow: cut && self.shallow(),
            }
        };
        let id = Resolver { repo: self, text }.run().map_err(fail)?;
        self.to_commit(text, id).map_err(fail)
    }

    /// The commits that a range names: `A..B`, or `A...B`, where a side that is left out is HEAD. Of both the commits of B
    /// that A does not have.
    pub fn range(&self, text: &str) -> Result<Range, RevisionError> {
        let Some((one, two, three_dots)) = split(text) else {
            return Err(RevisionError {
                problem: RevisionProblem::NotRange(text.to_owned()),
                shallow: false,
            });
        };
        let (from, tip) = (self.revision(one)?, self.revision(two)?);
        let base = merge_bases(self, from, tip).first().copied();
        if base.is_none() && (three_dots || self.shallow()) {
            return Err(RevisionError {
                problem: RevisionProblem::NoMergeBase(one.to_owned(), two.to_owned()),
                shallow: self.shallow(),
            });
        }
        Ok(Range {
            tip,
            not: vec![from],
            base,
        })
    }

    /// The best common ancestor of two commits: of several the one that `git merge-base` prints.
    pub fn merge_base(&self, one: &Oid, two: &Oid) -> Option<Oid> {
        merge_bases(self, *one, *two).first().copied()
    }

    fn to_commit(&self, text: &str, id: Oid) -> Result<Oid, RevisionProblem> {
        let peeled = self.peel(&id);
        match peeled.kind {
            Some(ObjectKind::Commit) => Ok(peeled.id),
            Some(kind) => Err(RevisionProblem::NotCommit(text.to_owned(), kind)),
            None => Err(RevisionProblem::Missing(text.to_owned(), peeled.id)),
        }
    }
}

/// Both sides of a range, and whether there are three dots between them.
fn split<'t>(text: &'t str) -> Option<(&'t str, &'t str, bool)> {
    let mut braces = 0_usize;
    let at = text.bytes().enumerate().position(|(at, byte)| {
        match byte {
            b'{' => braces += 1,
            b'}' => braces = braces.saturating_sub(1),
            _ => {}
        }
        braces == 0 && text.as_bytes()[at..].starts_with(b"..")
    })?;
    let (one, rest) = (&text[..at], &text[at + 2..]);
    let (two, three_dots) = match rest.strip_prefix('.') {
        Some(two) => (two, true),
        None => (rest, false),
    };
    // Two dots alone are a directory.
    if (one.is_empty() && two.is_empty()) || two.starts_with('.') || split(two).is_some() {
        return None;
    }
    let or_head = |side: &'t str| if side.is_empty() { "HEAD" } else { side };
    Some((or_head(one), or_head(two), three_dots))
}

/// Works one revision out, from left to right.
struct Resolver<'a> {
    repo: &'a Repo,
    text: &'a str,
}

/// What the part that was read names.
struct Named {
    id: Oid,
    /// The reference, as long as nothing was done with it.
    name: Option<Vec<u8>>,
}

type Resolved<T> = Result<T, RevisionProblem>;

impl Resolver<'_> {
    fn unknown(&self) -> RevisionProblem {
        RevisionProblem::Unknown(self.text.to_owned())
    }

    fn unsupported(&self) -> RevisionProblem {
        RevisionProblem::Unsupported(self.text.to_owned())
    }

    fn run(&self) -> Resolved<Oid> {
        let text = self.text;
        let end = text
            .char_indices()
            .find(|(at, c)| "~^:".contains(*c) || text[*at..].starts_with("@{"))
            .map_or(text.len(), |(at, _)| at);
        let (base, mut rest) = text.split_at(end);
        let mut named = match base {
            "" if rest.starts_with("@{-") => None,
            "" if rest.starts_with("@{") => Some(self.branch()?),
            "" => return Err(self.unsupported()),
            "@" => Some(self.base("HEAD")?),
            _ => Some(self.base(base)?),
        };
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix("@{") {
                let (inside, after) = inner.split_once('}').ok_or_else(|| self.unknown())?;
                named = Some(self.at(named, inside)?);
                rest = after;
                continue;
            }
            let now = named.as_ref().ok_or_else(|| self.unknown())?.id;
            let (id, after) = self.step(now, rest)?;
            named = Some(Named { id, name: None });
            rest = after;
        }
        named.map(|named| named.id).ok_or_else(|| self.unknown())
    }

    /// A name, a full or an abbreviated id.
    fn base(&self, text: &str) -> Resolved<Named> {
        let by_id = |id| Named { id, name: None };
        if text.len() == self.repo.hash().len_in_hex()
            && let Ok(id) = Oid::from_hex(text.as_bytes())
        {
            return Ok(by_id(id));
        }
        if let Some((id, name)) = self.reference(text) {
            return Ok(Named {
                id,
                name: Some(name),
            });
        }
        let short = |hex: &str| {
            let fits = (4..self.repo.hash().len_in_hex()).contains(&hex.len());
            fits && hex.bytes().all(|b| b.is_ascii_hexdigit())
        };
        // As `git describe` writes them: v1.2-14-gabcdef
        let described = text.rsplit_once("-g").map(|(_, hex)| hex);
        for hex in described.into_iter().chain([text]) {
            if short(hex) {
                return self.abbreviated(hex).map(by_id);
            }
        }
        Err(self.unknown())
    }

    /// A reference by one of the names that Git tries, in its order.
    fn reference(&self, text: &str) -> Option<(Oid, Vec<u8>)> {
        [
            text.to_owned(),
            format!("refs/{text}"),
            format!("refs/tags/{text}"),
            format!("refs/heads/{text}"),
            format!("refs/remotes/{text}"),
            format!("refs/remotes/{text}/HEAD"),
        ]
        .iter()
        .find_map(|name| {
            let (id, end) = self.repo.find_ref(name.as_bytes())?;
            // Only HEAD has a log of its own beside that of the branch.
            let name = if name == "HEAD" {
                name.as_bytes().to_vec()
            } else {
                end
            };
            Some((id, name))
        })
    }

    fn abbreviated(&self, hex: &str) -> Resolved<Oid> {
        let found = self.repo.objects.with_prefix(hex);
        let commits: Vec<Oid> = found
            .iter()
            .filter(|id| self.repo.peel(id).kind == Some(ObjectKind::Commit))
            .copied()
            .collect();
        match (commits.as_slice(), found.as_slice()) {
            ([one], _) | ([], [one]) => Ok(*one),
            ([], []) => Err(self.unknown()),
            ([], many) | (many, _) => Err(RevisionProblem::Ambiguous(
                self.text.to_owned(),
                many.to_vec(),
            )),
        }
    }

    /// The branch of HEAD.
    fn branch(&self) -> Resolved<Named> {
        let (id, name) = self.repo.find_ref(b"HEAD").ok_or_else(|| self.unknown())?;
        Ok(Named {
            id,
            name: Some(name),
        })
    }

    /// `@{…}`: an entry of the reflog, an upstream branch, a branch of before.
    fn at(&self, named: Option<Named>, inside: &str) -> Resolved<Named> {
        if let Some(n) = inside.strip_prefix('-') {
            let n: usize = n.parse().map_err(|_| self.unknown())?;
            return match named {
                None if n > 0 => self.before(n),
                _ => Err(self.unknown()),
            };
        }
        let name = named.and_then(|named| named.name);
        let name = name.ok_or_else(|| self.unknown())?;
        if let "u" | "upstream" | "push" = inside.to_ascii_lowercase().as_str() {
            return self.upstream(&name, inside.eq_ignore_ascii_case("push"));
        }
        let lines = reflog::of(self.repo, &name).unwrap_or_default();
        let number: Option<usize> = inside.parse().ok().filter(|n| *n < 100_000_000);
        let id = match number {
            Some(n) if n < lines.len() => Some(lines[lines.len() - 1 - n].new),
            Some(0) => self.repo.find_ref(&name).map(|(id, _)| id),
            Some(n) if n == lines.len() => lines.first().map(|line| line.old),
            Some(_) => None,
            None => {
                let now = gix::date::Zoned::now();
                let date = gix::date::parse(inside, Some(now)).map_err(|_| self.unsupported())?;
                let at = lines.iter().rev().find(|line| line.time <= date.seconds);
                let oldest = || {
                    lines
                        .first()
                        .map(|l| if l.old.is_null() { l.new } else { l.old })
                };
                at.map(|line| line.new).or_else(oldest)
            }
        };
        let id = id
            .filter(|id| !id.is_null())
            .ok_or_else(|| self.unknown())?;
        Ok(Named { id, name: None })
    }

    /// What was checked out before, counted from the last.
    fn before(&self, n: usize) -> Resolved<Named> {
        let lines = reflog::of(self.repo, b"HEAD").unwrap_or_default();
        let from = |message: &[u8]| -> Option<String> {
            let rest = message.strip_prefix(b"checkout: moving from ")?;
            let end = memchr::memmem::find(rest, b" to ")?;
            String::from_utf8(rest[..end].to_vec()).ok()
        };
        let mut moves = lines.iter().rev().filter_map(|line| from(&line.message));
        let text = moves.nth(n - 1).ok_or_else(|| self.unknown())?;
        let name = format!("refs/heads/{text}");
        match self.repo.find_ref(name.as_bytes()) {
            Some((id, name)) => Ok(Named {
                id,
                name: Some(name),
            }),
            None => self.base(&text),
        }
    }

    fn upstream(&self, name: &[u8], push: bool) -> Resolved<Named> {
        let direction = match push {
            true => gix::remote::Direction::Push,
            false => gix::remote::Direction::Fetch,
        };
        let upstream = gix::refs::FullName::try_from(gix::bstr::BStr::new(name))
            .ok()
            .and_then(|name| {
                self.repo.objects.with(|handle| {
                    let found = handle
                        .repository
                        .branch_remote_tracking_ref_name(name.as_ref(), direction);
                    Some(found?.ok()?.as_bstr().to_vec())
                })
            });
        let found = upstream.and_then(|name| self.repo.find_ref(&name));
        let (id, name) = found.ok_or_else(|| self.unknown())?;
        Ok(Named {
            id,
            name: Some(name),
        })
    }

    /// One step of `~3`, `^2`, `^{}`, `^{commit}`.
    fn step<'t>(&self, id: Oid, rest: &'t str) -> Resolved<(Oid, &'t str)> {
        if let Some(inner) = rest.strip_prefix("^{") {
            let (what, after) = inner.split_once('}').ok_or_else(|| self.unknown())?;
            let peeled = self.repo.peel(&id);
            let fits = match what {
                "" => true,
                "commit" => peeled.kind == Some(ObjectKind::Commit),
                "object" => return Ok((id, after)),
                "tag" if !peeled.tags.is_empty() => return Ok((id, after)),
                "tag" => false,
                _ => return Err(self.unsupported()),
            };
            return match (fits, peeled.kind) {
                (true, _) | (_, None) => Ok((peeled.id, after)),
                (false, Some(kind)) => Err(RevisionProblem::NotCommit(self.text.to_owned(), kind)),
            };
        }
        let (ancestor, digits) = match rest.split_at_checked(1) {
            Some(("~", digits)) => (true, digits),
            Some(("^", digits)) => (false, digits),
            _ => return Err(self.unsupported()),
        };
        let len = digits.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, after) = digits.split_at(len);
        let n: usize = match digits {
            "" => 1,
            digits => digits.parse().map_err(|_| self.unknown())?,
        };
        let mut id = self.repo.to_commit(self.text, id)?;
        let parent = |id: &Oid, n: usize| -> Resolved<Oid> {
            let missing = || RevisionProblem::Missing(self.text.to_owned(), *id);
            let commit = self.repo.commit(id).ok_or_else(missing)?;
            commit.parents.get(n).copied().ok_or_else(|| self.unknown())
        };
        match (ancestor, n) {
            (false, 0) => {}
            (false, n) => id = parent(&id, n - 1)?,
            (true, n) => {
                for _ in 0..n {
                    id = parent(&id, 0)?;
                }
            }
        }
        Ok((id, after))
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn ranges_have_two_or_three_dots_and_perhaps_one_side() {
        for (text, parts) in [
            ("a..b", Some(("a", "b", false))),
            ("a...b", Some(("a", "b", true))),
            ("a..", Some(("a", "HEAD", false))),
            ("..b", Some(("HEAD", "b", false))),
            ("...b", Some(("HEAD", "b", true))),
            ("v1.2..v1.3.1", Some(("v1.2", "v1.3.1", false))),
            ("a@{1..2}..b", Some(("a@{1..2}", "b", false))),
            ("a", None),
            ("", None),
            ("..", None),
            ("...", None),
            ("a....b", None),
            ("a..b..c", None),
        ] {
            assert_eq!(split(text), parts, "{text}");
        }
    }
}

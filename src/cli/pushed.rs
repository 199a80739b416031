//! What of a push is to be judged: the commits that the other side does not have yet.
//!
//! In front of a push that is everything reachable from what is pushed, and from no reference that is known of that remote
//! and from nothing that it says to have: `git rev-list NEW --not --remotes=NAME OLD`. In a receiving repository it is
//! everything that none of its references reaches, `NEW --not --all`: references change only after the hook. A reference to
//! a file or a directory is judged as well.

use super::passed::Push;
use crate::git::{Head, ObjectKind, Oid, Repo};
use crate::model::Mode;

/// To where a push goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remote {
    /// A remote of the configuration: what is known of it is not new.
    Named(Vec<u8>),
    /// A URL: what is known of any remote is not new.
    Unnamed,
    /// Nowhere, as when somebody names two commits: only what the references had before is not new.
    Unknown,
}

/// What is to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// `Range` in front of a push, `PreReceive` in the receiving repository.
    pub(crate) mode: Mode,
    /// The commits that are pushed, each once.
    pub(crate) tips: Vec<Oid>,
    /// The commits whose history the other side has.
    pub(crate) not: Vec<Oid>,
    /// The references that name these commits, with what each is compared with.
    pub(crate) updates: Vec<Pushed>,
    /// Annotated tags that are pushed, with those that they name; they have messages.
    pub(crate) tags: Vec<Oid>,
    /// References to files and directories.
    pub(crate) objects: Vec<Bare>,
    /// References to what is not there: name and object.
    pub(crate) missing: Vec<(Vec<u8>, Oid)>,
}

/// A reference that names a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// Its name at the remote side.
    pub(crate) ref_name: Vec<u8>,
    /// The commit.
    pub(crate) tip: Oid,
    /// The commit whose files are the base view; `None` if there is none.
    pub(crate) base: Option<Oid>,
}

/// A reference that names a file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bare {
    /// Its name at the remote side.
    pub(crate) ref_name: Vec<u8>,
    /// The object.
    pub(crate) id: Oid,
    /// What it is.
    pub(crate) kind: ObjectKind,
}

impl Selection {
    /// Whether nothing is brought: deletions only, or nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.tips.is_empty() && self.objects.is_empty() && self.missing.is_empty()
    }

    /// In front of a push.
    pub(crate) fn before_push(repo: &Repo, push: &Push, to: &Remote) -> Self {
        let prefix = match to {
            Remote::Named(name) => Some([b"refs/remotes/", name.as_slice(), b"/"].concat()),
            Remote::Unnamed => Some(b"refs/remotes/".to_vec()),
            Remote::Unknown => None,
        };
        let refs = match prefix {
            Some(_) => repo.refs().refs,
            None => Vec::new(),
        };
        let prefix = prefix.unwrap_or_default();
        let of_remote = refs.iter().filter(|(name, _)| name.starts_with(&prefix));
        let olds = push.updates.iter().filter_map(|update| update.old.as_ref());
        let not = commits(repo, of_remote.map(|(_, id)| id).chain(olds));
        let mut out = Self::of(repo, push, Mode::Range, not);
        for at in 0..out.updates.len() {
            let Pushed { ref_name, tip, .. } = &out.updates[at];
            let old = push.updates.iter().find(|u| u.ref_name == *ref_name);
            let old = old.and_then(|update| commit(repo, &update.old?));
            out.updates[at].base = match old {
                Some(old) => repo.merge_base(&old, tip),
                None => known_ancestor(repo, *tip, &out.not),
            };
        }
        out
    }

    /// In a receiving repository, in front of the change of its references.
    pub(crate) fn received(repo: &Repo, push: &Push) -> Self {
        let all = repo.refs();
        let not = commits(repo, all.refs.iter().map(|(_, id)| id).chain(&all.heads));
        let mut out = Self::of(repo, push, Mode::PreReceive, not);
        let head = match repo.head() {
            Head::Commit { id, .. } => Some(*id),
            Head::Unborn | Head::Broken(_) => None,
        };
        for update in &mut out.updates {
            let old = push.updates.iter().find(|u| u.ref_name == update.ref_name);
            let old = old.and_then(|update| commit(repo, &update.old?));
            // A new one began somewhere; what it changed since is what it changes.
            let began = || known_ancestor(repo, update.tip, &out.not);
            update.base = old.or_else(began).or(head);
        }
        out
    }

    fn of(repo: &Repo, push: &Push, mode: Mode, not: Vec<Oid>) -> Self {
        let mut out = Self {
            mode,
            tips: Vec::new(),
            not,
            updates: Vec::new(),
            tags: Vec::new(),
            objects: Vec::new(),
            missing: Vec::new(),
        };
        for update in &push.updates {
            let Some(new) = &update.new else { continue };
            let ref_name = update.ref_name.clone();
            let peeled = repo.peel(new);
            out.tags.extend(peeled.tags);
            match peeled.kind {
                Some(ObjectKind::Commit) => {
                    out.tips.push(peeled.id);
                    out.updates.push(Pushed {
                        ref_name,
                        tip: peeled.id,
                        base: None,
                    });
                }
                Some(kind) => out.objects.push(Bare {
                    ref_name,
                    id: peeled.id,
                    kind,
                }),
                None => out.missing.push((ref_name, peeled.id)),
            }
        }
        for list in [&mut out.tips, &mut out.tags] {
            list.sort_unstable();
            list.dedup();
        }
        out
    }
}

/// The commits that these ids lead to, as far as they are here.
fn commits<'a>(repo: &Repo, ids: impl Iterator<Item = &'a Oid>) -> Vec<Oid> {
    let mut ids: Vec<Oid> = ids.copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let mut out: Vec<Oid> = ids.iter().filter_map(|id| commit(repo, id)).collect();
    out.sort_unstable();
    out.dedup();
    out
}

fn commit(repo: &Repo, id: &Oid) -> Option<Oid> {
    let peeled = repo.peel(id);
    (peeled.kind == Some(ObjectKind::Commit)).then_some(peeled.id)
}

/// The first commit on the line of first parents that the other side has: where a new branch began.
fn known_ancestor(repo: &Repo, tip: Oid, not: &[Oid]) -> Option<Oid> {
    let new: std::collections::HashSet<Oid> = repo
        .commits_between(&[tip], not)
        .commits
        .into_iter()
        .collect();
    let mut at = tip;
    while new.contains(&at) {
        at = *repo.commit(&at)?.parents.first()?;
    }
    repo.object_kind(&at).is_some().then_some(at)
}

#[cfg(all(test, unix))]
#[allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests ask git, and one that cannot be set up has failed"
)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::super::passed::Update;
    use super::*;
    use crate::git::GitEnv;

    fn git(at: &Path, args: &[&str]) -> String {
        let out = Command::new("git")
            .current_dir(at)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", at)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", "@1700000000 +0000")
            .env("GIT_COMMITTER_DATE", "@1700000000 +0000")
            .args(["-c", "user.name=A", "-c", "user.email=a@b"])
            .args(args)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "git {args:?}: {text}");
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    struct Lab(tempfile::TempDir);

    impl Lab {
        /// A line of commits, each with a tag of its name.
        fn new(commits: &[&str]) -> Self {
            let lab = Self(tempfile::tempdir().unwrap());
            lab.git(&["init", "-q", "-b", "main", "--template="]);
            commits.iter().for_each(|name| lab.commit(name));
            lab
        }

        fn git(&self, args: &[&str]) -> String {
            git(self.0.path(), args)
        }

        fn commit(&self, name: &str) {
            self.git(&["commit", "-q", "--allow-empty", "-m", name]);
            self.git(&["tag", name]);
        }

        fn id(&self, name: &str) -> Oid {
            Oid::from_hex(self.git(&["rev-parse", name]).as_bytes()).unwrap()
        }

        fn repo(&self) -> Repo {
            let found = Repo::discover_any(self.0.path(), &GitEnv::default());
            found.unwrap().unwrap()
        }

        /// Updates of names to revisions; an empty one is none.
        fn push(&self, updates: &[(&str, &str, &str)]) -> Push {
            let id = |rev: &str| (!rev.is_empty()).then(|| self.id(rev));
            let update = |(name, old, new): &(&str, &str, &str)| Update {
                old: id(old),
                new: id(new),
                ref_name: name.as_bytes().to_vec(),
                local_ref: None,
            };
            Push {
                updates: updates.iter().map(update).collect(),
            }
        }

        /// The commits that are selected, by name.
        fn selected(&self, selection: &Selection) -> Vec<String> {
            let found = self.repo().commits_between(&selection.tips, &selection.not);
            assert_eq!(found.missing, Vec::<Oid>::new());
            let name = |id: &Oid| self.git(&["log", "-1", "--format=%s", &id.to_string()]);
            found.commits.iter().map(name).collect()
        }
    }

    fn named(name: &str) -> Remote {
        Remote::Named(name.as_bytes().to_vec())
    }

    #[test]
    fn a_push_brings_what_the_remote_does_not_have() {
        let lab = Lab::new(&["c1", "c2", "c3"]);
        lab.git(&["update-ref", "refs/remotes/origin/main", "c1"]);
        lab.git(&["update-ref", "refs/remotes/originals/main", "c2"]);
        let repo = lab.repo();
        let push = lab.push(&[("refs/heads/main", "c1", "c3")]);
        for (remote, expected) in [
            (named("origin"), &["c3", "c2"][..]),
            (named("originals"), &["c3"]),
            (named("elsewhere"), &["c3", "c2"]),
            (Remote::Unnamed, &["c3"]),
            (Remote::Unknown, &["c3", "c2"]),
        ] {
            let selection = Selection::before_push(&repo, &push, &remote);
            assert_eq!(lab.selected(&selection), expected, "{remote:?}");
            assert_eq!(selection.mode, Mode::Range);
            assert_eq!(selection.updates[0].base, Some(lab.id("c1")));
        }
        // A new branch: where its first parents meet what is known.
        let push = lab.push(&[("refs/heads/new", "", "c3")]);
        let selection = Selection::before_push(&repo, &push, &named("origin"));
        assert_eq!(lab.selected(&selection), ["c3", "c2"]);
        assert_eq!(selection.updates[0].base, Some(lab.id("c1")));
        let selection = Selection::before_push(&repo, &push, &named("elsewhere"));
        assert_eq!(lab.selected(&selection), ["c3", "c2", "c1"]);
        assert_eq!(selection.updates[0].base, None);
    }

    #[test]
    fn deletions_bring_nothing_and_unknown_ids_exclude_nothing() {
        let lab = Lab::new(&["c1", "c2"]);
        let repo = lab.repo();
        let push = lab.push(&[("refs/heads/old", "c1", "")]);
        let selection = Selection::before_push(&repo, &push, &named("origin"));
        assert!(selection.is_empty());
        assert!(Selection::received(&repo, &push).is_empty());
        let mut push = lab.push(&[("refs/heads/main", "c1", "c2")]);
        let nowhere = Oid::from_hex("7".repeat(40).as_bytes()).unwrap();
        push.updates[0].old = Some(nowhere);
        let selection = Selection::before_push(&repo, &push, &named("origin"));
        assert_eq!(lab.selected(&selection), ["c2", "c1"]);
        push.updates[0].new = Some(nowhere);
        let selection = Selection::before_push(&repo, &push, &named("origin"));
        assert!(!selection.is_empty());
        assert_eq!(selection.missing, [(b"refs/heads/main".to_vec(), nowhere)]);
    }

    #[test]
    fn a_forced_push_brings_what_was_rewritten() {
        let lab = Lab::new(&["c1", "c2"]);
        lab.git(&["reset", "-q", "--hard", "c1"]);
        lab.commit("other");
        let push = lab.push(&[("refs/heads/main", "c2", "other")]);
        let selection = Selection::before_push(&lab.repo(), &push, &named("origin"));
        assert_eq!(lab.selected(&selection), ["other"]);
        assert_eq!(selection.updates[0].base, Some(lab.id("c1")));
    }

    #[test]
    fn tags_are_followed_and_files_are_taken_as_they_are() {
        let lab = Lab::new(&["c1"]);
        lab.git(&["tag", "-m", "x", "inner"]);
        lab.git(&["tag", "-m", "x", "outer", "inner"]);
        std::fs::write(lab.0.path().join("f"), "text").unwrap();
        let blob = lab.git(&["hash-object", "-w", "f"]);
        lab.git(&["tag", "file", &blob]);
        lab.git(&["tag", "-m", "x", "of-file", &blob]);
        let push = lab.push(&[
            ("refs/tags/outer", "", "outer"),
            ("refs/heads/main", "", "c1"),
            ("refs/tags/file", "", "file"),
            ("refs/tags/of-file", "", "of-file"),
            ("refs/tags/tree", "", "c1^{tree}"),
        ]);
        let selection = Selection::before_push(&lab.repo(), &push, &named("origin"));
        assert_eq!(selection.tips, [lab.id("c1")]);
        assert_eq!(selection.updates.len(), 2);
        let mut tags = ["inner", "outer", "of-file"].map(|name| lab.id(name));
        tags.sort_unstable();
        assert_eq!(selection.tags, tags);
        let kinds: Vec<_> = selection.objects.iter().map(|o| o.kind).collect();
        assert_eq!(
            kinds,
            [ObjectKind::Blob, ObjectKind::Blob, ObjectKind::Tree]
        );
    }

    #[test]
    fn a_server_judges_what_none_of_its_references_reaches() {
        let lab = Lab::new(&["c1", "c2", "c3", "c4"]);
        for name in ["c2", "c3", "c4"] {
            lab.git(&["update-ref", &format!("refs/kept/{name}"), name]);
        }
        lab.git(&["reset", "-q", "--hard", "c1"]);
        let (c1, c4) = (lab.id("c1"), lab.id("c4"));
        let push = lab.push(&[
            ("refs/heads/main", "c1", "c4"),
            ("refs/heads/new", "", "c4"),
        ]);
        for name in ["c2", "c3", "c4"] {
            lab.git(&["tag", "-d", name]);
            lab.git(&["update-ref", "-d", &format!("refs/kept/{name}")]);
        }
        let selection = Selection::received(&lab.repo(), &push);
        assert_eq!(lab.selected(&selection), ["c4", "c3", "c2"]);
        assert_eq!(selection.mode, Mode::PreReceive);
        // The old commit, and for a new branch what HEAD of the repository names.
        let bases: Vec<_> = selection.updates.iter().map(|u| u.base).collect();
        assert_eq!(bases, [Some(c1), Some(c1)]);
        lab.git(&[
            "update-ref",
            "refs/pull/1/head",
            &lab.git(&["rev-parse", &format!("{c4}~1")]),
        ]);
        let selection = Selection::received(&lab.repo(), &push);
        assert_eq!(lab.selected(&selection), ["c4"]);
    }
}

//! Carries a plan out, file by file: encrypted, compared, judged, and only then in place.

use std::cell::RefCell;
use std::path::Path;

use zeroize::Zeroizing;

use super::super::env;
use super::Site;
use crate::decrypt::Plain;
use crate::fix::index::{self, Index};
use crate::fix::json::Became;
use crate::fix::replace::Target;
use crate::fix::seal::{Failed, Sealer};
use crate::fix::stop::Stop;
use crate::fix::{Action, Plan, Step, plan, repair};
use crate::git::{GitEnv, Repo};
use crate::model::RepoPath;

/// What became of a file.
pub(super) enum Done {
    /// It is mended on disk; the id of the blob that it was.
    OnDisk(Option<String>),
    /// It is mended in the index and on disk.
    Both,
    /// It is mended in the index; why the copy on disk stayed.
    InIndex(&'static str),
    /// It is as it was, and why.
    Left(String),
    /// It is as it was, because a signal came.
    Stopped,
}

/// What was mended on disk, with the ids of the blobs that they were.
pub(super) fn were(done: &[(RepoPath, Done)]) -> Vec<(&RepoPath, &str)> {
    let was = done.iter().filter_map(|(path, done)| match done {
        Done::OnDisk(Some(id)) => Some((path, id.as_str())),
        _ => None,
    });
    was.collect()
}

impl Done {
    /// Whether it is mended.
    pub(super) fn is_done(&self) -> bool {
        !matches!(self, Self::Left(_) | Self::Stopped)
    }

    /// For a program.
    pub(super) fn became(&self) -> Became {
        match self {
            Self::OnDisk(_) => Became::Mended("disk", None),
            Self::Both => Became::Mended("index and disk", None),
            Self::InIndex(why) => Became::Mended("index", Some(why)),
            Self::Left(why) => Became::Left(why.clone()),
            Self::Stopped => Became::Left(Failed::Stopped.as_str().to_owned()),
        }
    }

    /// In a line.
    pub(super) fn line(&self, path: &RepoPath) -> String {
        match self {
            Self::OnDisk(_) => format!("mended  {path}\n"),
            Self::Both => format!("mended  {path} (index and disk)\n"),
            Self::InIndex(why) => format!("mended  {path} (index only: {why})\n"),
            Self::Left(why) => format!("left    {path}: {why}\n"),
            Self::Stopped => format!("left    {path}\n"),
        }
    }
}

/// What carrying out needs.
pub(super) struct Work<'a> {
    pub(super) site: &'a Site,
    pub(super) sealer: &'a Sealer<'a>,
    pub(super) stop: &'a Stop,
    pub(super) terms: &'a plan::Terms,
    pub(super) staged: bool,
    pub(super) dir: &'a Path,
    pub(super) repo: Option<&'a Repo>,
    /// Sets of hosts with which sops could not work, and why.
    pub(super) dead: RefCell<Vec<(Vec<String>, Failed)>>,
}

/// What is told when a file is done.
type Tell<'t> = &'t dyn Fn(&RepoPath, &Done);

/// A file with what it becomes.
struct Ready<'p> {
    step: &'p Step,
    before: Plain,
    after: Zeroizing<Vec<u8>>,
}

impl Work<'_> {
    /// Does it, and tells what is mended at once; what became of each file, in order.
    pub(super) fn apply(&self, plan: &Plan, tell: Tell<'_>) -> Vec<(RepoPath, Done)> {
        match self.staged {
            true => {
                let all = self.in_index(plan);
                let done = all.iter().filter(|(_, done)| done.is_done());
                done.for_each(|(path, done)| tell(path, done));
                all
            }
            false => self.on_disk(plan, tell),
        }
    }

    fn left(&self, why: String) -> Done {
        match why == Failed::Stopped.as_str() {
            true => Done::Stopped,
            false => Done::Left(why),
        }
    }

    fn on_disk(&self, plan: &Plan, tell: Tell<'_>) -> Vec<(RepoPath, Done)> {
        let one = |step: &Step| {
            let done = self.replace(step).unwrap_or_else(|why| self.left(why));
            if done.is_done() {
                tell(&step.path, &done);
            }
            (step.path.clone(), done)
        };
        plan.steps.iter().map(one).collect()
    }

    fn replace(&self, step: &Step) -> Result<Done, String> {
        let target = Target::look(&self.site.opened.root, step.path.as_bytes())
            .map_err(|why| why.as_str().to_owned())?;
        let ready = self.make(step)?;
        let keep_on = || self.stop.signal().is_none();
        match target.replace(ready.before.bytes(), &ready.after, &keep_on) {
            Ok(()) => Ok(Done::OnDisk(
                self.repo
                    .and_then(|repo| repo.blob_id(ready.before.bytes())),
            )),
            Err(_) if !keep_on() => Err(Failed::Stopped.as_str().to_owned()),
            Err(why) => Err(why.as_str().to_owned()),
        }
    }

    /// The encrypted form of a file, which nothing is left to say against.
    fn make<'p>(&self, step: &'p Step) -> Result<Ready<'p>, String> {
        if self.stop.signal().is_some() {
            return Err(Failed::Stopped.as_str().to_owned());
        }
        let hosts: Vec<String> = step.hosts().into_iter().map(str::to_owned).collect();
        let dead = self.dead.borrow();
        if let Some((_, why)) = dead.iter().find(|(of, _)| *of == hosts) {
            return Err(format!("not tried: {}", why.as_str()));
        }
        drop(dead);
        let before = self.site.bytes(&step.path).ok_or("it could not be read")?;
        let after = match step.action {
            Action::Encrypt => self.sealer.encrypt(step, before.bytes()),
            Action::UpdateKeys => {
                repair::update_keys(self.sealer, step, before.bytes(), &self.terms.allowed)
            }
            Action::Reencrypt => {
                repair::reencrypt(self.sealer, step, before.bytes(), &self.terms.allowed)
            }
        };
        let after = after.map_err(|why| {
            // Others with the same hosts would wait as long, for the same.
            if matches!(
                why,
                Failed::CannotStart | Failed::TimedOut | Failed::Service
            ) {
                self.dead.borrow_mut().push((hosts, why));
            }
            why.as_str().to_owned()
        })?;
        let remains = self.site.remains(step, &after);
        if !remains.is_empty() {
            let list = remains.join(", ");
            return Err(format!(
                "encrypting it by its rule would not repair all of it: {list} would remain"
            ));
        }
        Ok(Ready {
            step,
            before,
            after,
        })
    }

    /// All entries at once, then the copies on disk.
    fn in_index(&self, plan: &Plan) -> Vec<(RepoPath, Done)> {
        let mut out = Vec::new();
        let mut ready: Vec<Ready<'_>> = Vec::new();
        for step in &plan.steps {
            match self.make(step) {
                Ok(one) => ready.push(one),
                Err(why) => out.push((step.path.clone(), self.left(why))),
            }
        }
        if self.stop.signal().is_some() {
            out.extend(ready.iter().map(|r| (r.step.path.clone(), Done::Stopped)));
        } else if !ready.is_empty() {
            out.extend(self.stage(&ready));
        }
        out.sort_by(|a, b| a.0.cmp(&b.0));
        out
    }

    fn stage(&self, ready: &[Ready<'_>]) -> Vec<(RepoPath, Done)> {
        let all = |why: index::Left| -> Vec<(RepoPath, Done)> {
            let left = |r: &Ready<'_>| (r.step.path.clone(), Done::Left(why.as_str().to_owned()));
            ready.iter().map(left).collect()
        };
        if let Err(why) = self.write_index(ready) {
            return all(why);
        }
        let one = |r: &Ready<'_>| {
            let done = match self.copy_on_disk(r) {
                Ok(()) => Done::Both,
                Err(why) => Done::InIndex(why),
            };
            (r.step.path.clone(), done)
        };
        ready.iter().map(one).collect()
    }

    fn write_index(&self, ready: &[Ready<'_>]) -> Result<(), index::Left> {
        let env = GitEnv::from_env();
        let open = || match Repo::discover(self.dir, &env) {
            Ok(Some(repo)) => Ok(repo),
            _ => Err(index::Left::Failed),
        };
        let repo = open()?;
        let search = env::for_sops().search;
        let index = Index::new(&repo, &env, &search, env::home())?;
        let mut ids = Vec::new();
        for r in ready {
            let id = index.write(&r.after)?;
            if repo.blob_id(&r.after).as_ref() != Some(&id) {
                return Err(index::Left::Failed);
            }
            ids.push(id);
        }
        // What is staged now is what was judged.
        let repo = open()?;
        let mut entries = Vec::new();
        for r in ready {
            let entry = index::entry(&repo, &r.step.path).ok_or(index::Left::Changed)?;
            if repo.blob_id(r.before.bytes()).as_deref() != Some(entry.id.as_str()) {
                return Err(index::Left::Changed);
            }
            entries.push(entry);
        }
        let pairs: Vec<(&index::Entry, &str)> =
            entries.iter().zip(ids.iter().map(String::as_str)).collect();
        index.update(&pairs)?;
        // Only what stands in the index is put on disk.
        let repo = open()?;
        let is_there = |(entry, id): &(&index::Entry, &str)| {
            index::entry(&repo, &entry.path).is_some_and(|now| now.id == *id)
        };
        match pairs.iter().all(is_there) {
            true => Ok(()),
            false => Err(index::Left::Failed),
        }
    }

    /// Whether Git makes a commit of some paths from an index of its own: the other one goes on holding what it held.
    pub(super) fn is_partial_commit(&self) -> bool {
        let named = GitEnv::from_env().index_file;
        let name = named.as_deref().and_then(Path::file_name);
        self.staged && name.is_some_and(|n| n.to_string_lossy().starts_with("next-index-"))
    }

    /// Replaces the copy on disk, where it is what was staged.
    fn copy_on_disk(&self, r: &Ready<'_>) -> Result<(), &'static str> {
        let path = &r.step.path;
        let disk = self.site.opened.view.disk_copy(path, self.site.limit());
        let Some(disk) = disk.map(Plain::new) else {
            return Err("there is no such file on disk, or none that can be read");
        };
        let staged = disk == r.before;
        if !staged && !only_line_ends(disk.bytes(), r.before.bytes()) {
            let sealed = memchr::memmem::find(disk.bytes(), b"ENC[AES256_GCM,").is_some();
            return Err(
                match sealed && self.site.remains(r.step, disk.bytes()).is_empty() {
                    true => "the copy on disk is encrypted already, and stays as it is",
                    false => {
                        "the copy on disk has further changes, and stays as it is, in plaintext"
                    }
                },
            );
        }
        let root = &self.site.opened.root;
        let target = Target::look(root, path.as_bytes()).map_err(|why| why.as_str())?;
        target
            .replace(disk.bytes(), &r.after, &|| true)
            .map_err(|why| why.as_str())
    }
}

/// Whether a copy is what Git checks out with line ends of Windows.
fn only_line_ends(disk: &[u8], staged: &[u8]) -> bool {
    if staged.contains(&b'\r') || !disk.contains(&b'\r') {
        return false;
    }
    let plain: Zeroizing<Vec<u8>> = {
        let mut out = Vec::with_capacity(disk.len());
        for (at, byte) in disk.iter().enumerate() {
            if !(*byte == b'\r' && disk.get(at + 1) == Some(&b'\n')) {
                out.push(*byte);
            }
        }
        Zeroizing::new(out)
    };
    // Of a mixture somebody's hand is the author.
    let ends = |bytes: &[u8]| bytes.iter().filter(|b| **b == b'\n').count();
    let pairs = disk.windows(2).filter(|w| *w == b"\r\n").count();
    *plain == staged && pairs == ends(disk)
}

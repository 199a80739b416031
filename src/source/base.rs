//! The commit at HEAD as a [`BaseView`].
//!
//! A commit or tree that cannot be read does not stop a scan: what lies in it answers [`ReadError::Object`].

use std::sync::Arc;

use super::{BaseView, ReadError};
use crate::git::{BaseList, OidKind, Repo};
use crate::model::RepoPath;

pub(super) struct CommitBase {
    pub(super) repo: Arc<Repo>,
    pub(super) list: BaseList,
    pub(super) removed: Vec<RepoPath>,
}

impl BaseView for CommitBase {
    fn read(&self, path: &RepoPath) -> Result<Option<Vec<u8>>, ReadError> {
        match self.list.find(path.as_bytes()) {
            Some(item) if item.kind == OidKind::Submodule => Ok(None),
            Some(item) => self.repo.blob(item.id).map(Some).ok_or(ReadError::Object),
            None if self.list.is_unknown(path.as_bytes()) => Err(ReadError::Object),
            None => Ok(None),
        }
    }

    fn blob_id(&self, bytes: &[u8]) -> Option<String> {
        self.repo.blob_id(bytes)
    }

    fn blob(&self, id: &str) -> Option<Vec<u8>> {
        self.repo.blob_named(id)
    }

    fn removed(&self) -> &[RepoPath] {
        &self.removed
    }

    fn called(&self, name: &[u8]) -> Vec<RepoPath> {
        let files = self.list.items().filter(|item| {
            let rest = item.path.strip_suffix(name);
            item.kind != OidKind::Submodule
                && rest.is_some_and(|dir| dir.is_empty() || dir.ends_with(b"/"))
        });
        files.map(|item| RepoPath::new(item.path)).collect()
    }

    fn paths(&self) -> Vec<RepoPath> {
        let files = self
            .list
            .items()
            .filter(|item| item.kind != OidKind::Submodule);
        files.map(|item| RepoPath::new(item.path)).collect()
    }
}

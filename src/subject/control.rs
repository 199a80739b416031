//! What machines read as it stands: objects that steer a cluster, files of CI systems, and all that is exempt by its
//! nature. Encrypted, it would be of no use to anybody.

use super::Subject;
use super::standing::Exempt;
use crate::kube::{head, is_control_object, is_kustomization_name, looks_like_object};
use crate::syntax::Document;

/// Why `fix` never encrypts a file, whatever is found in it.
pub fn never_encrypted(s: &Subject<'_>) -> Option<&'static str> {
    if let Some(
        exempt @ (Exempt::Documentation
        | Exempt::SourceCode
        | Exempt::Media
        | Exempt::LockFile
        | Exempt::Helper),
    ) = s.exempt
    {
        return Some(exempt.as_str());
    }
    if s.template {
        return Some("a template");
    }
    is_read_by_name(s).then_some("a file that others read as it stands")
}

/// Whether every document steers something.
pub fn only_steers(s: &Subject<'_>) -> bool {
    let documents = s.documents();
    !documents.is_empty() && documents.iter().all(|doc| is_control_document(s, doc))
}

fn is_read_by_name(s: &Subject<'_>) -> bool {
    is_kustomization_name(&s.name) || is_ci_file(s) || s.name == "Chart.yaml"
}

/// Whether a document steers something and holds no secret of its own.
pub fn is_control_document(s: &Subject<'_>, doc: &Document<'_>) -> bool {
    is_read_by_name(s)
        || doc
            .root()
            .and_then(|r| head(doc, r))
            .is_some_and(|h| is_control_object(&h))
}

/// Whether a document is an object of a cluster, which is known by its kind and name.
pub fn is_object(doc: &Document<'_>) -> bool {
    looks_like_object(doc)
}

/// Files that CI systems and task runners read by name.
fn is_ci_file(s: &Subject<'_>) -> bool {
    let lower = s.name.to_ascii_lowercase();
    let dir = String::from_utf8_lossy(s.path.parent()).into_owned();
    matches!(
        lower.as_str(),
        ".gitlab-ci.yml"
            | ".pre-commit-config.yaml"
            | ".pre-commit-hooks.yaml"
            | "taskfile.yml"
            | "taskfile.yaml"
            | ".travis.yml"
            | "azure-pipelines.yml"
            | "bitbucket-pipelines.yml"
            | ".drone.yml"
            | ".woodpecker.yml"
            | "codecov.yml"
            | "renovate.json"
            | "mkdocs.yml"
            | "helmfile.yaml"
            | "skaffold.yaml"
            | "action.yml"
    ) || dir.starts_with(".github")
        || dir.starts_with(".gitea/workflows")
        || dir.starts_with(".forgejo/workflows")
        || dir.starts_with(".circleci")
        || dir.starts_with(".tekton")
}

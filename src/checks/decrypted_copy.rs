//! A plaintext file that copies an encrypted sibling (step 7).

use super::Sink;
use crate::model::{CheckInfo, Finding, RepoPath, Severity};
use crate::say;
use crate::subject::copies::{self, EncryptedLeaves};
use crate::subject::strip_backup_suffix;
use crate::subject::{Neighbourhood, Subject, standing};

/// See `docs/checks/decrypted-copy.md`.
pub static INFO: CheckInfo = CheckInfo {
    id: "decrypted-copy",
    summary: "A plaintext copy of an encrypted file",
    severity: Severity::Error,
    page: include_str!("../../docs/checks/decrypted-copy.md"),
    softened_in_lenient_places: true,
};

/// Whether it fired.
pub(super) fn run(s: &Subject<'_>, around: &dyn Neighbourhood, sink: &mut Sink) -> bool {
    if !around.may_have_encrypted_sibling(s.path) {
        return false;
    }
    for sibling in siblings(s.path, &s.name) {
        if !around.exists(&sibling) {
            continue;
        }
        let Some(bytes) = around.read(&sibling) else {
            continue;
        };
        let Some(leaves) = EncryptedLeaves::read(&bytes, &standing::file_name(&sibling)) else {
            continue;
        };
        let Some(copy) = copies::matching(s, &leaves) else {
            continue;
        };
        let finding = Finding::new(
            &INFO,
            s.path,
            copy.place,
            say![
                "this is a plaintext copy of the encrypted ",
                sibling,
                ": ",
                copy.count,
                " of ",
                leaves.len(),
                " encrypted values stand in it"
            ],
        )
        .help("delete the copy; sops edit and sops exec-file need none")
        .related(&sibling, None, say!["the encrypted file"])
        .governed(s.decision.governed_by());
        sink.push(finding);
        return true;
    }
    false
}

/// Names an encrypted sibling may have.
pub(super) fn siblings(path: &RepoPath, name: &str) -> Vec<RepoPath> {
    let mut names = Vec::new();
    let stripped = strip_backup_suffix(name);
    if stripped != name {
        names.push(stripped.to_owned());
    }
    if let Some((stem, ext)) = stripped.rsplit_once('.') {
        for mark in ["enc", "sops", "encrypted"] {
            names.push(if stem.is_empty() {
                format!(".{mark}.{ext}")
            } else {
                format!("{stem}.{mark}.{ext}")
            });
            names.push(format!("{stripped}.{mark}"));
        }
        // prod.dec.env beside prod.env
        for mark in [".dec", ".decrypted", ".plain"] {
            if let Some(stem) = stem.strip_suffix(mark) {
                names.push(format!("{stem}.{ext}"));
                names.extend(
                    ["enc", "sops", "encrypted"]
                        .iter()
                        .map(|m| format!("{stem}.{m}.{ext}")),
                );
            }
        }
    }
    names.retain(|n| n != name);
    names
        .into_iter()
        .map(|n| path.sibling(n.as_bytes()))
        .collect()
}

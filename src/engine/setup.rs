//! What the root of a view says about judging it: the settings file and the baseline.
//!
//! Both are read from the view itself, so that staged settings judge staged files. No link is followed.

use crate::checks;
use crate::model::RepoPath;
use crate::settings::{self, Mistake, Settings, SettingsError};
use crate::source::{FileKind, View};
use crate::syntax::decode;
use crate::triage::baseline::{Baseline, BaselineError};

/// Neither file has a reason to be larger.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The settings of a view; those without any entry where there is no file.
pub fn settings(view: &dyn View) -> Result<Settings, SettingsError> {
    let mut found = settings::NAMES.iter().filter_map(|name| {
        let path = RepoPath::new(*name);
        let kind = view.find(&path)?.kind;
        Some((path, kind))
    });
    let Some((path, kind)) = found.next() else {
        return Ok(Settings::default());
    };
    if let Some((other, _)) = found.next() {
        return Err(SettingsError::Two(path, other));
    }
    match kind {
        FileKind::Regular => {}
        FileKind::Symlink => return Err(SettingsError::Link(path)),
        FileKind::Submodule => return Err(SettingsError::Unreadable(path)),
    }
    let bytes = view
        .read_limited(&path, LARGEST)
        .map_err(|_| SettingsError::Unreadable(path.clone()))?;
    settings_from(view, &path, &bytes)
}

/// The settings in a file that the call names, for judging a view.
pub fn settings_from(
    view: &dyn View,
    path: &RepoPath,
    bytes: &[u8],
) -> Result<Settings, SettingsError> {
    let settings = Settings::read(path, &decode(bytes).text, &checks::TABLE)?;
    if let Some((config, line)) = &settings.sops_config
        && view
            .find(config)
            .is_none_or(|e| e.kind != FileKind::Regular)
    {
        let mistake = Mistake {
            line: *line,
            column: 1,
            message: "[sops] config names no file of the repository (links do not count)".into(),
        };
        return Err(SettingsError::Mistakes(path.clone(), vec![mistake]));
    }
    Ok(settings)
}

/// The baseline of a view.
pub fn baseline(view: &dyn View) -> Result<Option<Baseline>, BaselineError> {
    let path = RepoPath::new(settings::BASELINE_NAME);
    let Some(entry) = view.find(&path) else {
        return Ok(None);
    };
    if entry.kind != FileKind::Regular {
        return Err(BaselineError::Link(path));
    }
    let bytes = view
        .read_limited(&path, LARGEST)
        .map_err(|_| BaselineError::Unreadable(path.clone()))?;
    Baseline::read(&path, &decode(&bytes).text).map(Some)
}

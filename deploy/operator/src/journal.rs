//! Which steps of `up` are done, so that a run that was killed is taken up where it stopped and a second one skips them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::installation::Installation;
use crate::layout;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Entries {
    /// Step to the fingerprint of what it was done from.
    done: BTreeMap<String, String>,
    /// The step that was begun and not ended.
    begun: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    checkout: PathBuf,
    entries: Entries,
}

impl Journal {
    /// An unreadable journal counts as an empty one: every step may be repeated.
    pub(crate) fn open(installation: &Installation) -> Self {
        let path = installation.layout.run.join("journal.json");
        let entries =
            std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { path, checkout: installation.layout.checkout.clone(), entries }
    }

    /// The step at which an earlier run was killed.
    pub(crate) fn interrupted(&self) -> Option<&str> {
        self.entries.begun.as_deref()
    }

    pub(crate) fn is_done(&self, step: &str, fingerprint: &str) -> bool {
        self.entries.done.get(step).is_some_and(|found| found == fingerprint)
    }

    pub(crate) fn begin(&mut self, step: &str) -> Result<()> {
        self.entries.begun = Some(step.to_owned());
        self.save()
    }

    pub(crate) fn finish(&mut self, step: &str, fingerprint: &str) -> Result<()> {
        self.entries.begun = None;
        self.entries.done.insert(step.to_owned(), fingerprint.to_owned());
        self.save()
    }

    fn save(&self) -> Result<()> {
        let unfinished = self.path.with_extension("new");
        std::fs::write(&unfinished, serde_json::to_vec_pretty(&self.entries)?)?;
        layout::give_to_owner_of(&self.checkout, &unfinished)?;
        std::fs::rename(&unfinished, &self.path)?;
        Ok(())
    }
}

/// A short name of what a step depends on.
pub(crate) fn fingerprint(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part.as_bytes());
    }
    hex::encode(&digest.finalize()[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(folder: &std::path::Path) -> Journal {
        Journal { path: folder.join("journal.json"), checkout: folder.to_owned(), entries: reread(folder) }
    }

    fn reread(folder: &std::path::Path) -> Entries {
        std::fs::read(folder.join("journal.json"))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    #[test]
    fn a_step_that_was_killed_is_known_and_not_taken_for_done() {
        let folder = tempfile::tempdir().unwrap();
        journal(folder.path()).begin("provision").unwrap();
        let later = journal(folder.path());
        assert_eq!(later.interrupted(), Some("provision"));
        assert!(!later.is_done("provision", "a"));
    }

    #[test]
    fn a_step_is_done_only_for_what_it_was_done_from() {
        let folder = tempfile::tempdir().unwrap();
        journal(folder.path()).finish("provision", &fingerprint(&["one"])).unwrap();
        let later = journal(folder.path());
        assert!(later.is_done("provision", &fingerprint(&["one"])));
        assert!(!later.is_done("provision", &fingerprint(&["two"])));
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
    }
}

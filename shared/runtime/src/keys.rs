//! Keys that are replaced while the service runs: their files are looked at again and again.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use shinkofa_identity::Keyring;

use crate::Environment;

/// A keyring and the file it was read from.
#[derive(Clone)]
pub(crate) struct KeyringFile {
    /// As `ctl keys rotate` calls it.
    ring: &'static str,
    path: PathBuf,
    keyring: Keyring,
    seen: Arc<Mutex<Option<Stamp>>>,
}

/// Another file, or the same one written anew. Operators replace it in one step, so a half-written one is not met.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl KeyringFile {
    /// `None` where the keys came in the variable itself: nothing replaces those.
    pub(crate) fn of(
        environment: &Environment,
        (ring, name): (&'static str, &str),
        keyring: Option<&Keyring>,
    ) -> Option<Self> {
        let path = environment.optional(&format!("{name}_FILE"))?;
        Some(Self { ring, path: path.into(), keyring: keyring?.clone(), seen: Arc::default() })
    }

    /// What the ring is called, and what its keys are: the one that signs, then the others that are accepted.
    pub(crate) fn in_force(&self) -> (&'static str, Vec<String>) {
        (self.ring, self.keyring.ids())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes in what the file says, if it is another one than before. What cannot be read changes nothing: the known keys hold.
    pub(crate) fn refresh(&self) -> anyhow::Result<()> {
        let metadata = std::fs::metadata(&self.path).context("the keyring is not there")?;
        let stamp = Stamp {
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == Some(stamp) {
            return Ok(());
        }
        let text = std::fs::read_to_string(&self.path).context("the keyring cannot be read")?;
        let next = Keyring::parse(&text)?;
        self.keyring.replace(&next);
        *seen = Some(stamp);
        tracing::info!(file = %self.path.display(), keys = ?self.keyring, "keys in force");
        Ok(())
    }
}

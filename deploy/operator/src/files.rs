//! Writing files that are either whole or not there, and private to the account.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::account::Account;

/// Replaces a file in one step; true when it was not the same before.
pub(crate) fn write_private(path: &Path, content: &[u8], account: &Account) -> Result<bool> {
    if std::fs::read(path).is_ok_and(|found| found == content) {
        return Ok(false);
    }
    let temporary = beside(path);
    let _ = std::fs::remove_file(&temporary);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .with_context(|| format!("writing {}", temporary.display()))?;
    file.write_all(content)?;
    file.sync_all()?;
    chown(&temporary, Some(account.uid), Some(account.gid))?;
    std::fs::rename(&temporary, path).with_context(|| format!("writing {}", path.display()))?;
    Ok(true)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_file_is_private_and_an_unchanged_one_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let account = Account::caller();
        assert!(write_private(&path, b"one", &account).unwrap());
        let before = std::fs::metadata(&path).unwrap();
        assert_eq!(before.mode() & 0o777, 0o600);
        assert!(!write_private(&path, b"one", &account).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().ino(), before.ino());
        assert!(write_private(&path, b"two", &account).unwrap());
    }
}

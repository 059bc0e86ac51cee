//! Logs of the processes: plain files of bounded size.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const LARGEST: u64 = 20 * 1024 * 1024;
const KEPT: u32 = 3;

/// Opened for appending, so that cutting it short moves the writers to its new end.
pub(crate) fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("opening {}", path.display()))
}

/// Keeps a log under its size: the processes hold the file itself (they outlive a killed daemon), so it is copied and cut.
pub(crate) fn rotate_in_place(path: &Path) -> Result<bool> {
    if !is_too_large(path) {
        return Ok(false);
    }
    // The older logs move only when the copy is whole: on a full disk they stay what they are.
    let copy = beside(path, "new");
    if let Err(fault) = std::fs::copy(path, &copy) {
        // A part of it would only take room; there may be none.
        let _ = std::fs::remove_file(&copy);
        return Err(fault).with_context(|| format!("copying to {}", copy.display()));
    }
    shift(path)?;
    std::fs::rename(&copy, numbered(path, 1))?;
    OpenOptions::new().write(true).open(path)?.set_len(0)?;
    Ok(true)
}

/// For processes that can open their log anew: nothing is lost between copy and cut.
pub(crate) fn rotate_by_rename(path: &Path) -> Result<bool> {
    if !is_too_large(path) {
        return Ok(false);
    }
    shift(path)?;
    std::fs::rename(path, numbered(path, 1))?;
    Ok(true)
}

fn is_too_large(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.len() > LARGEST)
}

fn shift(path: &Path) -> Result<()> {
    for number in (1..KEPT).rev() {
        let from = numbered(path, number);
        if from.exists() {
            std::fs::rename(from, numbered(path, number + 1))?;
        }
    }
    Ok(())
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    beside(path, &number.to_string())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_writer_goes_on_at_the_start_of_a_log_that_was_rotated_under_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let mut writer = open(&path).unwrap();
        writer.write_all(&vec![b'a'; usize::try_from(LARGEST).unwrap() + 1]).unwrap();
        assert!(rotate_in_place(&path).unwrap());
        writer.write_all(b"next").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"next");
        assert_eq!(std::fs::metadata(numbered(&path, 1)).unwrap().len(), LARGEST + 1);
    }

    #[test]
    fn a_log_that_cannot_be_copied_costs_no_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        open(&path).unwrap().write_all(&vec![b'a'; usize::try_from(LARGEST).unwrap() + 1]).unwrap();
        for number in 1..=KEPT {
            std::fs::write(numbered(&path, number), number.to_string()).unwrap();
        }
        // Nothing can be written where a folder is.
        std::fs::create_dir(beside(&path, "new")).unwrap();
        for _tick in 0..3 {
            rotate_in_place(&path).unwrap_err();
        }
        for number in 1..=KEPT {
            assert_eq!(std::fs::read_to_string(numbered(&path, number)).unwrap(), number.to_string());
        }
        assert_eq!(std::fs::metadata(&path).unwrap().len(), LARGEST + 1);
    }

    #[test]
    fn a_small_log_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        open(&path).unwrap().write_all(b"line").unwrap();
        assert!(!rotate_in_place(&path).unwrap());
        assert!(!rotate_by_rename(&path).unwrap());
    }
}

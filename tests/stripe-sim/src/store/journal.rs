//! The file that a killed process is rebuilt from: one line of JSON per commit.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::Durability;
use super::record::Record;
use super::world::World;

const FILE: &str = "journal.jsonl";

#[derive(Debug, thiserror::Error)]
pub enum JournalFault {
    #[error("the journal cannot be written or read")]
    Io(#[from] io::Error),
    #[error("line {line} of the journal is damaged")]
    Damaged {
        line: usize,
        #[source]
        source: serde_json::Error,
    },
    #[error("a change cannot be written as JSON")]
    Unwritable(#[source] serde_json::Error),
}

pub(super) struct Journal {
    /// Absent when nothing is to outlive the process.
    kept: Option<Kept>,
}

struct Kept {
    folder: PathBuf,
    file: File,
}

impl Journal {
    /// Replays what is there into `world`, then starts a new file that holds just that world, so
    /// that the journal does not grow from start to start.
    pub(super) fn open(folder: Option<&Path>, world: &mut World) -> Result<Self, JournalFault> {
        let Some(folder) = folder else {
            return Ok(Self { kept: None });
        };
        std::fs::create_dir_all(folder)?;
        match std::fs::read(folder.join(FILE)) {
            Ok(bytes) => replay(&bytes, world)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self { kept: Some(Kept { file: rewrite(folder, world)?, folder: folder.to_owned() }) })
    }

    pub(super) fn append(&mut self, writes: &[Record], durability: Durability) -> Result<(), JournalFault> {
        let Some(kept) = &mut self.kept else {
            return Ok(());
        };
        let length = kept.file.metadata()?.len();
        let mut line = serde_json::to_vec(writes).map_err(JournalFault::Unwritable)?;
        line.push(b'\n');
        let written = kept.file.write_all(&line).and_then(|()| match durability {
            Durability::Synced => kept.file.sync_data(),
            Durability::Lazy => Ok(()),
        });
        if let Err(error) = written {
            // Half a line must not stand before the next whole one.
            kept.file.set_len(length)?;
            return Err(error.into());
        }
        Ok(())
    }

    pub(super) fn clear(&mut self) -> Result<(), JournalFault> {
        if let Some(kept) = &mut self.kept {
            kept.file = rewrite(&kept.folder, &World::default())?;
        }
        Ok(())
    }
}

/// A last line without its end is what a kill cut off before anyone was answered; any other damage
/// is refused.
fn replay(bytes: &[u8], world: &mut World) -> Result<(), JournalFault> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines = bytes[..whole].split(|byte| *byte == b'\n');
    for (number, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
        let writes: Vec<Record> = serde_json::from_slice(line)
            .map_err(|source| JournalFault::Damaged { line: number + 1, source })?;
        writes.into_iter().for_each(|write| world.apply(write));
    }
    Ok(())
}

/// Writes the world beside the old file and puts it in its place in one step.
fn rewrite(folder: &Path, world: &World) -> Result<File, JournalFault> {
    let new = folder.join(format!("{FILE}.new"));
    let mut writer = BufWriter::new(File::create(&new)?);
    for record in world.records() {
        serde_json::to_writer(&mut writer, &[record]).map_err(JournalFault::Unwritable)?;
        writer.write_all(b"\n")?;
    }
    writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    let path = folder.join(FILE);
    std::fs::rename(&new, &path)?;
    File::open(folder)?.sync_all()?;
    Ok(OpenOptions::new().append(true).open(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cut_off_by_a_kill_is_dropped_and_other_damage_is_refused() {
        let mut world = World::default();
        let whole = br#"[{"kind":"advanced","value":{"seconds":7}}]"#;
        let mut bytes = whole.to_vec();
        bytes.extend_from_slice(b"\n[{\"kind\":\"adv");
        replay(&bytes, &mut world).unwrap();
        assert_eq!(world.advanced_seconds(), 7);

        bytes.extend_from_slice(b"\n");
        let fault = replay(&bytes, &mut World::default()).unwrap_err();
        assert!(matches!(fault, JournalFault::Damaged { line: 2, .. }));
    }
}

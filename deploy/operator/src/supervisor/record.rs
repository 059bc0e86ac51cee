//! Files that say which processes are ours, so that a later run can tell and clear what a killed daemon left behind.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};

use crate::procfs::{self, ProcessIdentity};
use crate::wait;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) key: String,
    pub(crate) process: ProcessIdentity,
    pub(crate) program: std::path::PathBuf,
    pub(crate) rank: u8,
}

impl Record {
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::write(folder.join(format!("{}.json", self.key)), serde_json::to_vec(self)?)?;
        Ok(())
    }

    pub(crate) fn remove(folder: &Path, key: &str) {
        // A record that is already gone says what removing it would say.
        let _ = std::fs::remove_file(folder.join(format!("{key}.json")));
    }

    /// The process and those it started, as far as they live: members of its group that run the same program.
    fn survivors(&self) -> Vec<u32> {
        procfs::group_members(self.process.pid)
            .into_iter()
            .filter(|pid| {
                let Some(identity) = ProcessIdentity::of(*pid) else { return false };
                identity == self.process
                    || (identity.start_time >= self.process.start_time
                        && procfs::program(*pid).is_some_and(|program| program == self.program))
            })
            .collect()
    }
}

fn read_all(folder: &Path) -> Vec<Record> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| serde_json::from_slice(&std::fs::read(entry.path()).ok()?).ok())
        .collect()
}

/// Pids that belong to this installation.
pub(crate) fn owned_processes(folder: &Path) -> Vec<u32> {
    read_all(folder).iter().flat_map(Record::survivors).collect()
}

/// Ends processes whose daemon is gone: the kernel has already told them to stop, so they get a moment first.
pub(crate) fn clear_leftovers(folder: &Path) -> Result<usize> {
    let mut records: Vec<Record> =
        read_all(folder).into_iter().filter(|record| !record.survivors().is_empty()).collect();
    records.sort_by_key(|record| std::cmp::Reverse(record.rank));
    for record in &records {
        let gone = |patience: u64| {
            wait::until(Duration::from_secs(patience), || record.survivors().is_empty().then_some(()))
                .is_some()
        };
        if gone(1) {
            continue;
        }
        end(record, Signal::TERM);
        if gone(10) {
            continue;
        }
        end(record, Signal::KILL);
        if !gone(10) {
            bail!("{} (pid {}) does not end", record.key, record.process.pid);
        }
    }
    for entry in std::fs::read_dir(folder)?.flatten() {
        std::fs::remove_file(entry.path())?;
    }
    Ok(records.len())
}

fn end(record: &Record, signal: Signal) {
    for pid in record.survivors() {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // It may have ended since it was listed; then there is nobody left to tell.
            let _ = kill_process(pid, signal);
        }
    }
}

/// Sends a signal to every process of the group that `leader` founded.
pub(crate) fn signal_group(leader: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        // An empty group is what we want to reach.
        let _ = kill_process_group(pid, signal);
    }
}

pub(crate) fn signal_process(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended meanwhile; its keeper notices by itself.
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_left_by_a_dead_daemon_is_ended_and_a_stranger_with_its_number_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let process = ProcessIdentity::of(child.id()).unwrap();
        let stranger = ProcessIdentity { start_time: process.start_time + 1, ..process };
        let record = |process| Record { key: "x.0".into(), process, program: "/nowhere".into(), rank: 1 };
        record(stranger).write(folder.path()).unwrap();
        assert_eq!(clear_leftovers(folder.path()).unwrap(), 0);
        assert_eq!(ProcessIdentity::of(child.id()), Some(process));
        record(process).write(folder.path()).unwrap();
        assert_eq!(clear_leftovers(folder.path()).unwrap(), 1);
        assert!(!child.wait().unwrap().success());
    }
}

//! What the kernel says about processes and listening ports, read from `/proc`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A process that cannot be mistaken for a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessIdentity {
    pub(crate) pid: u32,
    /// Clock ticks after boot at which it started.
    pub(crate) start_time: u64,
}

impl ProcessIdentity {
    /// None once it has ended, even if nobody has collected it yet.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = stat(pid).filter(|stat| stat.state != 'Z')?;
        Some(Self { pid, start_time: stat.start_time })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    parent: u32,
    group: u32,
    start_time: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The command name stands in brackets and may itself hold brackets and spaces: fields count from the last one.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        start_time: fields.get(19)?.parse().ok()?,
    })
}

pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// The program a process runs, without the mark the kernel adds when its file was replaced.
pub(crate) fn program(pid: u32) -> Option<PathBuf> {
    let path = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let text = path.to_string_lossy();
    Some(PathBuf::from(text.strip_suffix(" (deleted)").unwrap_or(&text)))
}

pub(crate) fn command_line(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<_> = bytes.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    words.join(" ").trim().to_owned()
}

fn pids() -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Resident memory in which a page that several processes share counts as a fraction for each.
pub(crate) fn proportional_bytes(pid: u32) -> Option<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    // Only the owner and root may read it.
    kib.map(|kib| kib * 1024).or_else(|| resident_bytes(pid))
}

/// Live members of a process group, whether or not its leader lives.
pub(crate) fn group_members(group: u32) -> Vec<u32> {
    pids()
        .into_iter()
        .filter(|pid| stat(*pid).is_some_and(|stat| stat.group == group && stat.state != 'Z'))
        .collect()
}

/// A server and the processes it forked, also those that left its group (PostgreSQL's do).
pub(crate) fn family(leader: u32) -> Vec<u32> {
    let belongs = |stat: Stat| stat.state != 'Z' && (stat.group == leader || stat.parent == leader);
    pids().into_iter().filter(|pid| stat(*pid).is_some_and(belongs)).collect()
}

/// A port somebody listens on, and who (unknown when the process belongs to somebody else and we are not root).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortOwner {
    pub(crate) pid: Option<u32>,
    pub(crate) command: String,
}

/// The owners of those of `ports` that are taken on a loopback or wildcard address.
pub(crate) fn port_owners(ports: &BTreeSet<u16>) -> BTreeMap<u16, PortOwner> {
    let mut sockets = BTreeMap::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        sockets.extend(listening_sockets(&text).into_iter().filter(|(_, port)| ports.contains(port)));
    }
    let mut owners: BTreeMap<u16, PortOwner> = sockets
        .values()
        .map(|port| (*port, PortOwner { pid: None, command: "a process of another user".to_owned() }))
        .collect();
    if sockets.is_empty() {
        return owners;
    }
    for pid in pids() {
        for inode in socket_inodes(Path::new(&format!("/proc/{pid}/fd"))) {
            if let Some(port) = sockets.get(&inode) {
                owners.insert(*port, PortOwner { pid: Some(pid), command: command_line(pid) });
            }
        }
    }
    owners
}

/// Inode to port of the sockets in state LISTEN (`0A`).
fn listening_sockets(table: &str) -> Vec<(u64, u16)> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            (fields.get(3)? == &"0A").then_some(())?;
            let port = u16::from_str_radix(fields.get(1)?.rsplit(':').next()?, 16).ok()?;
            Some((fields.get(9)?.parse().ok()?, port))
        })
        .collect()
}

fn socket_inodes(descriptors: &Path) -> Vec<u64> {
    let Ok(entries) = std::fs::read_dir(descriptors) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let target = std::fs::read_link(entry.path()).ok()?;
            target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_with_brackets_does_not_shift_the_fields() {
        let text = "42 (a) b) S 1 40 40 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 987654 0 0";
        assert_eq!(parse_stat(text), Some(Stat { state: 'S', parent: 1, group: 40, start_time: 987_654 }));
    }

    #[test]
    fn only_listening_sockets_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1\n\
             1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 222 1\n";
        assert_eq!(listening_sockets(table), [(111, 8080)]);
    }

    #[test]
    fn the_owner_of_a_taken_port_is_found_by_pid_and_command() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let owners = port_owners(&BTreeSet::from([port]));
        assert_eq!(owners[&port].pid, Some(std::process::id()));
        assert!(!owners[&port].command.is_empty());
    }

    #[test]
    fn an_ended_process_that_nobody_collected_has_no_identity() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let patience = std::time::Duration::from_secs(5);
        crate::wait::until(patience, || ProcessIdentity::of(child.id()).is_none().then_some(())).unwrap();
        child.wait().unwrap();
    }
}

//! What each process of the stack costs: processor time and memory, read from `/proc`.

use std::collections::BTreeMap;
use std::ops::Sub;

use anyhow::{Context, Result};

use crate::stack::Member;

pub const LOAD_GENERATOR: &str = "load generator";
pub const PGBENCH: &str = "pgbench";

/// Processor seconds used so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    pub by_process: BTreeMap<String, f64>,
    pub machine: Machine,
}

/// Processor seconds of the whole machine, over all processors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Machine {
    pub busy: f64,
    pub waiting_for_disk: f64,
    /// Taken by whoever shares the hardware.
    pub stolen: f64,
    pub total: f64,
}

/// The kernel's unit of time in `/proc` (`USER_HZ`), fixed on every architecture that Debian runs PostgreSQL on.
const TICKS_PER_SECOND: f64 = 100.0;

impl Usage {
    pub fn now(members: &[Member]) -> Result<Self> {
        let mut by_process = BTreeMap::new();
        for member in members {
            let Some(pid) = member.pid else { continue };
            *by_process.entry(member.name.clone()).or_default() += family_seconds(pid)?;
        }
        let own = Stat::of("self").context("reading /proc/self/stat")?;
        by_process.insert(LOAD_GENERATOR.to_owned(), own.own);
        by_process.insert(PGBENCH.to_owned(), own.ended_children);
        Ok(Self { by_process, machine: Machine::now()? })
    }
}

impl Sub for &Usage {
    type Output = Usage;

    fn sub(self, earlier: &Usage) -> Usage {
        let before = |name: &String| earlier.by_process.get(name).copied().unwrap_or_default();
        let (now, then) = (self.machine, earlier.machine);
        Usage {
            by_process: self
                .by_process
                .iter()
                .map(|(name, used)| (name.clone(), used - before(name)))
                .collect(),
            machine: Machine {
                busy: now.busy - then.busy,
                waiting_for_disk: now.waiting_for_disk - then.waiting_for_disk,
                stolen: now.stolen - then.stolen,
                total: now.total - then.total,
            },
        }
    }
}

impl Machine {
    fn now() -> Result<Self> {
        let text = std::fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
        let line = text.lines().next().unwrap_or_default();
        let ticks: Vec<f64> =
            line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
        let at = |index: usize| ticks.get(index).copied().unwrap_or_default() / TICKS_PER_SECOND;
        // user nice system idle iowait irq softirq steal; guest time is part of user.
        let total = (0..8).map(at).sum();
        Ok(Self { busy: total - at(3) - at(4) - at(7), waiting_for_disk: at(4), stolen: at(7), total })
    }
}

/// PostgreSQL and Nginx fork. Children that have ended are in the leader's account.
fn family_seconds(leader: u32) -> Result<f64> {
    let stat = Stat::of(&leader.to_string()).with_context(|| format!("process {leader} is gone"))?;
    let children = children(leader).into_iter().filter_map(|pid| Stat::of(&pid.to_string()));
    Ok(stat.own + stat.ended_children + children.map(|child| child.own).sum::<f64>())
}

struct Stat {
    parent: u32,
    own: f64,
    ended_children: f64,
}

impl Stat {
    fn of(process: &str) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    /// The command's name stands in brackets and may hold anything: fields count from the last bracket.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_whitespace().collect();
        let seconds = |index: usize| -> Option<f64> {
            Some(fields.get(index)?.parse::<f64>().ok()? / TICKS_PER_SECOND)
        };
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: seconds(11)? + seconds(12)?,
            ended_children: seconds(13)? + seconds(14)?,
        })
    }
}

fn children(leader: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| Stat::of(&pid.to_string()).is_some_and(|stat| stat.parent == leader)).collect()
}

/// A process and those it forked.
pub fn family(member: &Member) -> Vec<u32> {
    let forked = member.pid.map(children).unwrap_or_default();
    member.pid.into_iter().chain(forked).collect()
}

/// The memory of a process and of those it forked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    pub name: String,
    pub processes: usize,
    /// Resident bytes, shared pages counted in each process.
    pub resident: u64,
    /// Resident bytes, a page that n processes share counted as 1/n of itself in each.
    pub proportional: u64,
}

pub fn memory(members: &[Member]) -> Vec<Memory> {
    let of = |member: &Member| {
        let family = family(member);
        let sum = |field: &str| family.iter().filter_map(|pid| memory_field(*pid, field)).sum();
        let name = match member.replica {
            0 => member.name.clone(),
            replica => format!("{}.{replica}", member.name),
        };
        Memory { name, processes: family.len(), resident: sum("Rss:"), proportional: sum("Pss:") }
    };
    members.iter().map(of).collect()
}

/// Resident bytes of one process, read so cheaply that it may be asked many times a second.
pub fn resident(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn memory_field(pid: u32, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_behind_a_name_with_brackets() {
        let text = "42 (a) b) S 7 40 40 0 -1 4194560 0 0 0 0 150 50 300 100 20 0 1 0 987654 0 0";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(stat.parent, 7);
        assert!((stat.own - 2.0).abs() < 1e-9 && (stat.ended_children - 4.0).abs() < 1e-9);
    }

    #[test]
    fn this_very_process_has_memory() {
        let myself =
            Member { name: "test".to_owned(), replica: 0, pid: Some(std::process::id()), restarts: 0 };
        let found = memory(&[myself]);
        assert!(found[0].resident >= found[0].proportional && found[0].proportional > 0);
        assert!(resident(std::process::id()).is_some_and(|bytes| bytes > 0));
    }
}

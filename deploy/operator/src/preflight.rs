//! Looks at the machine before anything is started and lists everything that would go wrong, each with its remedy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Result, bail};

use crate::installation::{Installation, find_program};
use crate::procfs::{self, PortOwner};
use crate::supervisor;

const GIBIBYTE: u64 = 1 << 30;
const LEAST_DISK: u64 = 2 * GIBIBYTE;
const LEAST_MEMORY: u64 = 3 * GIBIBYTE / 2;
const LEAST_DESCRIPTORS: u64 = 4096;
const LONGEST_SOCKET_PATH: usize = 107;
/// Programs that run the platform, with the Debian package of each.
const PROGRAMS: [(&str, &str); 7] = [
    ("postgres", "postgresql-15"),
    ("psql", "postgresql-15"),
    ("redis-server", "redis-server"),
    ("nginx", "nginx"),
    ("ffmpeg", "ffmpeg"),
    ("setpriv", "util-linux"),
    ("openssl", "openssl"),
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) problem: String,
    pub(crate) remedy: String,
    pub(crate) severity: Severity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Nothing can be started.
    Fatal,
    /// It will run, but not as it should.
    Warning,
}

/// What was seen on the machine; judged apart from the looking.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    ports: Vec<(u16, String)>,
    owners: BTreeMap<u16, PortOwner>,
    ours: BTreeSet<u32>,
    free_disk: u64,
    memory: u64,
    descriptors: u64,
    missing_programs: Vec<(&'static str, &'static str)>,
    postgres_version: Option<u32>,
    longest_socket_path: usize,
    clock_behind_seconds: u64,
    unreachable_home: Option<String>,
}

impl Facts {
    pub(crate) fn gather(installation: &Installation) -> Self {
        let ports = needed_ports(installation);
        let numbers = ports.iter().map(|(port, _)| *port).collect();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
        Self {
            owners: procfs::port_owners(&numbers),
            ours: supervisor::owned_processes(&installation.layout.records()).into_iter().collect(),
            ports,
            free_disk: free_disk(&installation.layout.home),
            memory: memory(),
            descriptors: limit.unwrap_or(u64::MAX),
            missing_programs: PROGRAMS.into_iter().filter(|(name, _)| find_program(name).is_err()).collect(),
            postgres_version: postgres_version(),
            longest_socket_path: longest_socket_path(installation),
            clock_behind_seconds: clock_behind(&installation.layout.checkout),
            unreachable_home: unreachable(installation),
        }
    }

    pub(crate) fn judge(&self) -> Vec<Finding> {
        let mut findings = self.judge_ports();
        let mut add =
            |severity, problem: String, remedy: String| findings.push(Finding { problem, remedy, severity });
        let mut packages: Vec<&str> = self.missing_programs.iter().map(|(_, package)| *package).collect();
        packages.dedup();
        if !packages.is_empty() {
            let names: Vec<&str> = self.missing_programs.iter().map(|(name, _)| *name).collect();
            add(
                Severity::Fatal,
                format!("not installed: {}", names.join(", ")),
                format!("as root: apt-get install --no-install-recommends {}", packages.join(" ")),
            );
        }
        if let Some(version) = self.postgres_version
            && version < 15
        {
            add(
                Severity::Fatal,
                format!("PostgreSQL {version} is too old"),
                "install postgresql-15".to_owned(),
            );
        }
        if self.free_disk < LEAST_DISK {
            add(
                Severity::Fatal,
                format!("only {} MiB of disk are free for the data", self.free_disk >> 20),
                format!(
                    "free {} MiB, or set SHINKOFA_HOME to a larger disk",
                    (LEAST_DISK - self.free_disk) >> 20
                ),
            );
        }
        if self.memory < LEAST_MEMORY {
            add(
                Severity::Warning,
                format!("the machine has {} MiB of memory", self.memory >> 20),
                format!("{} MiB or more keep it from swapping", LEAST_MEMORY >> 20),
            );
        }
        if self.descriptors < LEAST_DESCRIPTORS {
            add(
                Severity::Warning,
                format!("a process may open {} files", self.descriptors),
                format!("raise the hard limit (ulimit -Hn) to {LEAST_DESCRIPTORS} or more"),
            );
        }
        if self.longest_socket_path > LONGEST_SOCKET_PATH {
            add(
                Severity::Fatal,
                format!("the path of a socket would be {} bytes long", self.longest_socket_path),
                format!("set XDG_RUNTIME_DIR or TMPDIR to a folder short enough for {LONGEST_SOCKET_PATH}"),
            );
        }
        if self.clock_behind_seconds > 300 {
            add(
                Severity::Fatal,
                format!("the clock is {} s behind the files of this checkout", self.clock_behind_seconds),
                "set the clock: tokens and certificates depend on it".to_owned(),
            );
        }
        if let Some(folder) = &self.unreachable_home {
            add(
                Severity::Fatal,
                format!("the account that runs the platform cannot enter {folder}"),
                "set SHINKOFA_HOME to a folder below /var/lib or /srv, or run without root".to_owned(),
            );
        }
        findings
    }

    fn judge_ports(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (port, process) in &self.ports {
            let Some(owner) = self.owners.get(port) else { continue };
            if owner.pid.is_some_and(|pid| self.ours.contains(&pid)) {
                continue;
            }
            let who = owner
                .pid
                .map_or_else(|| owner.command.clone(), |pid| format!("pid {pid} ({})", owner.command));
            findings.push(Finding {
                problem: format!("port {port}, which {process} needs, is taken by {who}"),
                remedy: "stop that process, set SHINKOFA_PORT_OFFSET, or call up with --auto-ports"
                    .to_owned(),
                severity: Severity::Fatal,
            });
        }
        findings
    }

    pub(crate) fn ports_are_free(&self) -> bool {
        self.judge_ports().is_empty()
    }
}

/// Moves the installation to the first offset at which every port is free.
pub(crate) fn with_free_ports(installation: Installation) -> Result<Installation> {
    let asked = installation.settings.port_offset;
    for step in 0..100_u16 {
        let offset = asked.saturating_add(step * 100);
        let Ok(moved) = installation.clone().with_offset(offset) else { break };
        if Facts::gather(&moved).ports_are_free() {
            return Ok(moved);
        }
    }
    bail!("no port offset from {asked} on is free")
}

/// Prints every finding; an error when one of them is fatal.
pub(crate) fn report(findings: &[Finding]) -> Result<()> {
    for finding in findings {
        let label = if finding.severity == Severity::Fatal { "problem" } else { "warning" };
        println!("{label}: {}\n    remedy: {}", finding.problem, finding.remedy);
    }
    match findings.iter().filter(|finding| finding.severity == Severity::Fatal).count() {
        0 => Ok(()),
        count => bail!("{count} of these must be mended first"),
    }
}

fn needed_ports(installation: &Installation) -> Vec<(u16, String)> {
    let running: BTreeSet<&str> = installation.services().map(|service| service.name.as_str()).collect();
    installation.ports.all(&installation.manifest, |service| {
        if running.contains(service.name.as_str()) { installation.replicas(service) } else { 0 }
    })
}

/// Of the nearest folder that exists.
fn free_disk(home: &Path) -> u64 {
    let found = home.ancestors().find_map(|folder| rustix::fs::statvfs(folder).ok());
    found.map_or(u64::MAX, |found| found.f_bavail * found.f_frsize)
}

fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .map_or(u64::MAX, |kib| kib * 1024)
}

fn postgres_version() -> Option<u32> {
    let output = std::process::Command::new(find_program("postgres").ok()?).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().nth(2)?.split('.').next()?.parse().ok()
}

fn longest_socket_path(installation: &Installation) -> usize {
    let socket = format!(".s.PGSQL.{}.lock", installation.ports.postgres());
    installation.layout.sockets.join(socket).as_os_str().len()
}

/// Files of the checkout cannot be from the future.
#[allow(clippy::disallowed_methods, reason = "the machine's own clock is what is being checked")]
fn clock_behind(checkout: &Path) -> u64 {
    let modified =
        std::fs::metadata(checkout.join("deploy/services.toml")).and_then(|found| found.modified());
    let ahead = modified.ok().and_then(|time| time.duration_since(SystemTime::now()).ok());
    ahead.map_or(0, |ahead| ahead.as_secs())
}

/// The folder above the data home that the service account cannot pass, if there is one.
fn unreachable(installation: &Installation) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    if !installation.account.switched {
        return None;
    }
    let closed = installation.layout.home.ancestors().skip(1).find(|folder| {
        std::fs::metadata(folder).is_ok_and(|found| {
            let owned = std::os::unix::fs::MetadataExt::uid(&found) == installation.account.uid;
            !owned && found.permissions().mode() & 0o001 == 0
        })
    });
    closed.map(|folder| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Facts {
        Facts {
            ports: vec![(8443, "gateway (https)".to_owned())],
            owners: BTreeMap::new(),
            ours: BTreeSet::new(),
            free_disk: 100 * GIBIBYTE,
            memory: 8 * GIBIBYTE,
            descriptors: 20_000,
            missing_programs: Vec::new(),
            postgres_version: Some(15),
            longest_socket_path: 40,
            clock_behind_seconds: 0,
            unreachable_home: None,
        }
    }

    fn taken(pid: Option<u32>) -> BTreeMap<u16, PortOwner> {
        BTreeMap::from([(8443, PortOwner { pid, command: "python3 -m http.server".to_owned() })])
    }

    #[test]
    fn a_sound_machine_has_no_findings() {
        assert_eq!(sound().judge(), []);
    }

    #[test]
    fn a_port_taken_by_a_stranger_is_refused_naming_pid_command_and_setting() {
        let findings = Facts { owners: taken(Some(77)), ..sound() }.judge();
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        for part in ["8443", "gateway", "77", "http.server"] {
            assert!(finding.problem.contains(part), "{finding:?}");
        }
        assert!(finding.remedy.contains("SHINKOFA_PORT_OFFSET") && finding.severity == Severity::Fatal);
    }

    #[test]
    fn a_port_taken_by_our_own_process_is_no_problem() {
        let facts = Facts { owners: taken(Some(77)), ours: BTreeSet::from([77]), ..sound() };
        assert!(facts.judge().is_empty() && facts.ports_are_free());
    }

    #[test]
    fn every_problem_is_listed_at_once_with_its_remedy() {
        let facts = Facts {
            owners: taken(None),
            free_disk: 1,
            memory: 1,
            descriptors: 1,
            missing_programs: vec![
                ("nginx", "nginx"),
                ("postgres", "postgresql-15"),
                ("psql", "postgresql-15"),
            ],
            postgres_version: Some(13),
            longest_socket_path: 200,
            clock_behind_seconds: 9999,
            unreachable_home: Some("/root".to_owned()),
            ..sound()
        };
        let findings = facts.judge();
        assert_eq!(findings.len(), 9);
        assert!(findings.iter().all(|finding| !finding.remedy.is_empty()));
        assert!(report(&findings).is_err());
        let install = findings.iter().find(|finding| finding.problem.contains("nginx")).unwrap();
        assert!(install.remedy.ends_with("nginx postgresql-15"), "{install:?}");
    }

    #[test]
    fn a_warning_alone_does_not_stop_the_start() {
        let findings = Facts { memory: GIBIBYTE, ..sound() }.judge();
        assert_eq!(findings.len(), 1);
        assert!(report(&findings).is_ok());
    }
}

//! What the operator asks of the daemon and what it hears back: one JSON document per line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::account::Account;

/// One process that shall run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessSpec {
    pub(crate) name: String,
    pub(crate) replica: u16,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) account: Account,
    pub(crate) ports: Vec<u16>,
    pub(crate) log: PathBuf,
    /// Log files that the process writes itself and opens anew on SIGUSR1.
    pub(crate) own_logs: Vec<PathBuf>,
    pub(crate) readiness: Readiness,
    /// Asks it to end; also sent by the kernel when the daemon dies.
    pub(crate) stop_signal: Signal,
    pub(crate) stop_within_seconds: u64,
    /// Higher ranks are stopped first.
    pub(crate) rank: u8,
}

impl ProcessSpec {
    pub(crate) fn key(&self) -> String {
        format!("{}.{}", self.name, self.replica)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Readiness {
    Postgres { pg_isready: PathBuf, sockets: PathBuf, port: u16 },
    Redis { port: u16, password_file: PathBuf },
    Http { port: u16, path: String },
    Tcp { port: u16 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Signal {
    Hangup,
    Interrupt,
    Terminate,
    ReopenLogs,
    Kill,
}

impl Signal {
    pub(crate) fn as_posix(self) -> rustix::process::Signal {
        match self {
            Self::Hangup => rustix::process::Signal::HUP,
            Self::Interrupt => rustix::process::Signal::INT,
            Self::Terminate => rustix::process::Signal::TERM,
            Self::ReopenLogs => rustix::process::Signal::USR1,
            Self::Kill => rustix::process::Signal::KILL,
        }
    }

    /// The name `setpriv --pdeathsig` knows it by.
    pub(crate) fn short_name(self) -> &'static str {
        match self {
            Self::Hangup => "HUP",
            Self::Interrupt => "INT",
            Self::Terminate => "TERM",
            Self::ReopenLogs => "USR1",
            Self::Kill => "KILL",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProcessState {
    Starting,
    Ready,
    Unready,
    BackingOff,
    Failed,
    Stopping,
    Stopped,
}

impl ProcessState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Unready => "unready",
            Self::BackingOff => "backing_off",
            Self::Failed => "failed",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProcessReport {
    pub(crate) name: String,
    pub(crate) replica: u16,
    pub(crate) pid: Option<u32>,
    pub(crate) ports: Vec<u16>,
    pub(crate) state: ProcessState,
    /// When it entered this state, RFC 3339.
    pub(crate) since: String,
    pub(crate) rss_bytes: Option<u64>,
    pub(crate) restarts: u32,
    /// Why it is not ready, if it is not.
    pub(crate) reason: Option<String>,
    pub(crate) log: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Request {
    Status,
    /// Starts what does not run, replaces what runs otherwise than asked, leaves the rest alone.
    Ensure {
        specs: Vec<ProcessSpec>,
    },
    /// Stops everything whose key is not listed.
    Retain {
        keys: Vec<String>,
    },
    Restart {
        key: String,
    },
    Stop {
        key: String,
    },
    Signal {
        key: String,
        signal: Signal,
    },
    /// Stops everything in order, then the daemon itself.
    Shutdown,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub(crate) enum Response {
    Done,
    Status { processes: Vec<ProcessReport> },
    Refused { reason: String },
}

//! The operator's side of the control socket.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::logfile;
use super::spec::{ProcessReport, ProcessSpec, ProcessState, Request, Response, Signal};
use crate::binaries;
use crate::layout::Layout;
use crate::procfs::ProcessIdentity;
use crate::wait;

/// A process that died more often since it was asked for will not come up by waiting.
pub(super) const RESTARTS_WORTH_WAITING_FOR: u32 = 3;

/// A running daemon of one installation.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor {
    socket: PathBuf,
    record: PathBuf,
}

impl Supervisor {
    /// The daemon, if one answers.
    pub(crate) fn running(layout: &Layout) -> Option<Self> {
        let supervisor = Self { socket: layout.control_socket(), record: layout.supervisor_record() };
        supervisor.status().is_ok().then_some(supervisor)
    }

    /// The daemon, started if need be. What a killed one left behind is ended first.
    pub(crate) fn start(layout: &Layout) -> Result<Self> {
        if let Some(supervisor) = Self::running(layout) {
            return Ok(supervisor);
        }
        let cleared = super::clear_leftovers(&layout.records())?;
        if cleared > 0 {
            println!("ended {cleared} processes that a killed supervisor had left");
        }
        let log = logfile::open(&layout.logs().join("supervisor.log"))?;
        let mut daemon = Command::new(binaries::operator()?)
            .args(["--stack", layout.stack.name(), "supervise"])
            .env("SHINKOFA_CHECKOUT", &layout.checkout)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("starting the supervisor")?;
        let answer = wait::until(Duration::from_secs(10), || match Self::running(layout) {
            Some(supervisor) => Some(Ok(supervisor)),
            None => daemon.try_wait().transpose().map(|ended| Err(format!("ended at once: {ended:?}"))),
        });
        let log = layout.logs().join("supervisor.log");
        match answer {
            Some(Ok(supervisor)) => Ok(supervisor),
            Some(Err(end)) => bail!("the supervisor {end}\n{}", tail(&log, 10)),
            None => bail!("the supervisor does not answer\n{}", tail(&log, 10)),
        }
    }

    /// Does the daemon live that last had this data, whether it answers or not?
    pub(crate) fn lives(layout: &Layout) -> bool {
        recorded(&layout.supervisor_record())
            .is_some_and(|daemon| ProcessIdentity::of(daemon.pid) == Some(daemon))
    }

    pub(crate) fn status(&self) -> Result<Vec<ProcessReport>> {
        match self.ask(&Request::Status)? {
            Response::Status { processes } => Ok(processes),
            other => bail!("unexpected answer {other:?}"),
        }
    }

    pub(crate) fn ensure(&self, specs: Vec<ProcessSpec>) -> Result<()> {
        self.command(&Request::Ensure { specs })
    }

    pub(crate) fn retain(&self, keys: Vec<String>) -> Result<()> {
        self.command(&Request::Retain { keys })
    }

    pub(crate) fn restart(&self, key: &str) -> Result<()> {
        self.command(&Request::Restart { key: key.to_owned() })
    }

    pub(crate) fn stop(&self, key: &str) -> Result<()> {
        self.command(&Request::Stop { key: key.to_owned() })
    }

    pub(crate) fn signal(&self, key: &str, signal: Signal) -> Result<()> {
        self.command(&Request::Signal { key: key.to_owned(), signal })
    }

    /// Returns when every process has ended and the daemon with them.
    pub(crate) fn shut_down(&self) -> Result<()> {
        let daemon = recorded(&self.record);
        self.command(&Request::Shutdown)?;
        let ended =
            || daemon.is_none_or(|daemon| ProcessIdentity::of(daemon.pid) != Some(daemon)).then_some(());
        wait::until(Duration::from_secs(10), ended)
            .context("the supervisor has stopped its processes but does not end")
    }

    /// Waits until all of `keys` are ready, or says which is not, why, and what it logged last.
    pub(crate) fn wait_until_ready(&self, keys: &[String], patience: Duration) -> Result<()> {
        let began = Instant::now();
        let answer = wait::until(patience, || self.judge(keys, began.elapsed() >= patience).transpose());
        match answer {
            Some(judgement) => judgement,
            None => self.judge(keys, true)?.context("not ready in time"),
        }
    }

    /// `None` while it is worth waiting.
    fn judge(&self, keys: &[String], out_of_time: bool) -> Result<Option<()>> {
        let reports = self.status()?;
        let waiting: Vec<&ProcessReport> = reports
            .iter()
            .filter(|report| keys.contains(&report.key()) && report.state != ProcessState::Ready)
            .collect();
        if waiting.is_empty() {
            return Ok(Some(()));
        }
        let hopeless = |report: &&&ProcessReport| {
            out_of_time
                || report.state == ProcessState::Failed
                || report.restarts > RESTARTS_WORTH_WAITING_FOR
        };
        let Some(report) = waiting.iter().find(hopeless) else { return Ok(None) };
        bail!(
            "{} is {} ({})\nthe end of {}:\n{}",
            report.key(),
            report.state.as_str(),
            report.reason.as_deref().unwrap_or("no reason given"),
            report.log.display(),
            tail(&report.log, 20)
        )
    }

    /// Waits until another process than `before` is ready in its place.
    pub(crate) fn wait_for_successor(
        &self,
        key: &str,
        before: Option<u32>,
        patience: Duration,
    ) -> Result<()> {
        let began = Instant::now();
        let replaced =
            |report: &ProcessReport| report.key() == key && report.pid.is_some() && report.pid != before;
        wait::until(patience, || self.status().is_ok_and(|all| all.iter().any(replaced)).then_some(()))
            .with_context(|| format!("{key} is not replaced"))?;
        self.wait_until_ready(&[key.to_owned()], patience.saturating_sub(began.elapsed()))
    }

    fn command(&self, request: &Request) -> Result<()> {
        match self.ask(request)? {
            Response::Done => Ok(()),
            Response::Refused { reason } => bail!("{reason}"),
            Response::Status { .. } => bail!("unexpected answer"),
        }
    }

    fn ask(&self, request: &Request) -> Result<Response> {
        let mut stream = UnixStream::connect(&self.socket)
            .with_context(|| format!("no supervisor answers on {}", self.socket.display()))?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut answer = String::new();
        match BufReader::new(stream).read_line(&mut answer) {
            // The daemon may end before its answer to a shutdown has been read.
            Ok(0) | Err(_) if matches!(request, Request::Shutdown) => return Ok(Response::Done),
            Err(fault) if fault.kind() != ErrorKind::UnexpectedEof => return Err(fault.into()),
            _ => {}
        }
        serde_json::from_str(&answer).context("the supervisor's answer is not understood")
    }
}

impl ProcessReport {
    pub(crate) fn key(&self) -> String {
        format!("{}.{}", self.name, self.replica)
    }
}

fn recorded(record: &Path) -> Option<ProcessIdentity> {
    serde_json::from_slice(&std::fs::read(record).ok()?).ok()
}

pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

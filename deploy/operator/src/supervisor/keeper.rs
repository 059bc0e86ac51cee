//! Keeps one process running: starts it, watches its readiness, restarts it with growing delays, and stops it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};

use super::client::RESTARTS_WORTH_WAITING_FOR;
use super::record::{Record, signal_group, signal_process};
use super::spec::{ProcessReport, ProcessSpec, ProcessState, Signal};
use super::{logfile, readiness, say};
use crate::account::plain_environment;
use crate::procfs::{self, ProcessIdentity};

/// Starts without ever becoming ready after which it counts as failed: for a person to look at.
const CRASH_LOOP_CAP: u32 = 8;
/// What failed is tried again all the same: a disk that was full may have room by now.
const PAUSE_WHEN_FAILED: Duration = Duration::from_secs(60);
const PROBE_WHILE_STARTING: Duration = Duration::from_millis(100);
const PROBE_WHEN_READY: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) enum Order {
    Restart,
    Stop,
    Send(Signal),
}

/// What others see of the process; the keeper alone writes it.
#[derive(Debug, Clone)]
pub(crate) struct View {
    state: ProcessState,
    since: String,
    pid: Option<u32>,
    restarts: u32,
    reason: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) spec: ProcessSpec,
    orders: mpsc::UnboundedSender<Order>,
    view: Arc<Mutex<View>>,
    ended: watch::Receiver<bool>,
}

impl Keeper {
    pub(crate) fn start(spec: ProcessSpec, records: PathBuf) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let (end, ended) = watch::channel(false);
        let view = Arc::new(Mutex::new(View {
            state: ProcessState::Starting,
            since: now(),
            pid: None,
            restarts: 0,
            reason: None,
        }));
        let task = Task { spec: spec.clone(), records, inbox, view: Arc::clone(&view) };
        tokio::spawn(async move {
            task.run().await;
            // Nobody may be waiting any more.
            let _ = end.send(true);
        });
        Self { spec, orders, view, ended }
    }

    pub(crate) fn give(&self, order: Order) {
        // A keeper that has ended has nothing left to obey.
        let _ = self.orders.send(order);
    }

    pub(crate) async fn stopped(&self) {
        // An error means the task is gone, which is what we wait for.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    pub(crate) fn state(&self) -> ProcessState {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).state
    }

    /// Did it fail so often that nobody who orders it now should be told of it?
    pub(crate) fn is_retrying(&self) -> bool {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        view.restarts > RESTARTS_WORTH_WAITING_FOR && view.state != ProcessState::Ready
    }

    pub(crate) fn report(&self) -> ProcessReport {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ProcessReport {
            name: self.spec.name.clone(),
            replica: self.spec.replica,
            rss_bytes: view.pid.and_then(tree_bytes),
            pid: view.pid,
            ports: self.spec.ports.clone(),
            state: view.state,
            since: view.since,
            restarts: view.restarts,
            reason: view.reason,
            log: self.spec.log.clone(),
        }
    }
}

/// A server that forks (PostgreSQL, Nginx) is as large as its whole family, whose shared pages count once.
fn tree_bytes(pid: u32) -> Option<u64> {
    let family: u64 = procfs::family(pid).into_iter().filter_map(procfs::proportional_bytes).sum();
    Some(family).filter(|bytes| *bytes > 0)
}

enum Outcome {
    Ended { was_ready_for: Option<Duration>, reason: String },
    Asked(Order),
}

struct Task {
    spec: ProcessSpec,
    records: PathBuf,
    inbox: mpsc::UnboundedReceiver<Order>,
    view: Arc<Mutex<View>>,
}

impl Task {
    async fn run(mut self) {
        let mut failures = 0_u32;
        loop {
            self.show(ProcessState::Starting, None, None);
            let outcome = match self.spawn() {
                Ok(child) => self.watch(child).await,
                Err(fault) => Outcome::Ended { was_ready_for: None, reason: format!("{fault:#}") },
            };
            Record::remove(&self.records, &self.spec.key());
            let (was_ready_for, reason) = match outcome {
                Outcome::Asked(Order::Stop) => break,
                Outcome::Asked(_) => {
                    failures = 0;
                    continue;
                }
                Outcome::Ended { was_ready_for, reason } => (was_ready_for, reason),
            };
            failures = if was_ready_for.is_some_and(|time| time > Duration::from_secs(10)) {
                0
            } else {
                failures + 1
            };
            let (state, delay) = after_an_end(failures, was_ready_for.is_some());
            let next = if state == ProcessState::Failed { next_try(delay) } else { String::new() };
            self.show(state, None, Some(reason + &next));
            let order = self.idle(delay).await;
            let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
            match order {
                Some(Order::Stop) => break,
                // Whoever asks for it waits for it: what came before is not held against it.
                Some(_) => (failures, view.restarts) = (0, 0),
                None => view.restarts += 1,
            }
        }
        self.show(ProcessState::Stopped, None, None);
    }

    /// Waits out a delay unless an order comes first.
    async fn idle(&mut self, delay: Duration) -> Option<Order> {
        let until = tokio::time::Instant::now() + delay;
        loop {
            match tokio::time::timeout_at(until, self.inbox.recv()).await.ok()? {
                Some(Order::Send(_)) => {}
                Some(order) => return Some(order),
                None => return Some(Order::Stop),
            }
        }
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let log = logfile::open(&self.spec.log)?;
        let prefix = self.spec.account.prefix(Some(self.spec.stop_signal.short_name()));
        let (first, rest) = prefix.split_first().ok_or_else(|| anyhow::anyhow!("nothing to start"))?;
        let child = Command::new(first)
            .args(rest)
            .arg(&self.spec.program)
            .args(&self.spec.arguments)
            .env_clear()
            .envs(plain_environment())
            .envs(&self.spec.environment)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        Ok(child)
    }

    async fn watch(&mut self, mut child: Child) -> Outcome {
        let Some(pid) = child.id() else {
            return Outcome::Ended { was_ready_for: None, reason: "ended at once".to_owned() };
        };
        self.remember(pid);
        self.show(ProcessState::Starting, Some(pid), None);
        let mut ready_since: Option<Instant> = None;
        loop {
            let pause = if ready_since.is_some() { PROBE_WHEN_READY } else { PROBE_WHILE_STARTING };
            let probe = async {
                tokio::time::sleep(pause).await;
                readiness::probe(&self.spec.readiness).await
            };
            tokio::select! {
                status = child.wait() => {
                    // Workers of a killed server must not hold its port against its successor.
                    signal_group(pid, rustix::process::Signal::KILL);
                    let reason = status.map_or_else(|fault| fault.to_string(), |status| format!("ended: {status}"));
                    return Outcome::Ended { was_ready_for: ready_since.map(|since| since.elapsed()), reason };
                }
                order = self.inbox.recv() => match order.unwrap_or(Order::Stop) {
                    Order::Send(signal) => signal_process(pid, signal.as_posix()),
                    order => {
                        self.show(ProcessState::Stopping, Some(pid), None);
                        stop(&self.spec, &mut child, pid).await;
                        return Outcome::Asked(order);
                    }
                },
                answer = probe => match answer {
                    Ok(()) => {
                        if ready_since.is_none() {
                            ready_since = Some(Instant::now());
                        }
                        self.show(ProcessState::Ready, Some(pid), None);
                    }
                    Err(reason) if ready_since.is_some() => self.show(ProcessState::Unready, Some(pid), Some(reason)),
                    Err(reason) => self.show(ProcessState::Starting, Some(pid), Some(reason)),
                },
            }
        }
    }

    fn remember(&self, pid: u32) {
        let Some(process) = ProcessIdentity::of(pid) else { return };
        let program = self.spec.program.canonicalize().unwrap_or_else(|_| self.spec.program.clone());
        let record = Record { key: self.spec.key(), process, program, rank: self.spec.rank };
        if let Err(fault) = record.write(&self.records) {
            say(&format!("{}: cannot record pid {pid}: {fault:#}", self.spec.key()));
        }
    }

    fn show(&self, state: ProcessState, pid: Option<u32>, reason: Option<String>) {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        if view.state != state {
            let (key, detail) = (self.spec.key(), detail(reason.as_deref()));
            say(&format!("{} {key} {}{detail}", now(), state.as_str()));
            view.since = now();
        }
        view.state = state;
        view.pid = pid;
        view.reason = reason;
    }
}

async fn stop(spec: &ProcessSpec, child: &mut Child, pid: u32) {
    signal_process(pid, spec.stop_signal.as_posix());
    let patience = Duration::from_secs(spec.stop_within_seconds);
    if tokio::time::timeout(patience, child.wait()).await.is_err() {
        signal_group(pid, rustix::process::Signal::KILL);
        // Killed: what is left is to collect it.
        let _ = child.wait().await;
    }
    signal_group(pid, rustix::process::Signal::KILL);
}

/// What a process counts as after an end, and for how long it stays down.
fn after_an_end(failures: u32, was_ready: bool) -> (ProcessState, Duration) {
    if !was_ready && failures >= CRASH_LOOP_CAP {
        return (ProcessState::Failed, PAUSE_WHEN_FAILED);
    }
    (ProcessState::BackingOff, delay_after(failures, was_ready))
}

/// A process that worked comes back at once; one that never did waits longer each time.
fn delay_after(failures: u32, was_ready: bool) -> Duration {
    let longest = if was_ready { Duration::from_secs(3) } else { Duration::from_secs(30) };
    let doubled = Duration::from_millis(100) * 2_u32.saturating_pow(failures.saturating_sub(1).min(10));
    doubled.min(longest)
}

fn detail(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

fn next_try(delay: Duration) -> String {
    format!("; next try at {}", time_in(delay))
}

pub(crate) fn now() -> String {
    time_in(Duration::ZERO)
}

/// The operator has no clock to inject: it reports what happens on this machine now.
#[allow(clippy::disallowed_methods, reason = "the operator reports wall-clock time of this machine")]
fn time_in(delay: Duration) -> String {
    (chrono::Utc::now() + delay).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Rotates the logs of one process.
pub(crate) fn rotate_logs(keeper: &Keeper) {
    let rotate = |path: &Path, by_rename: bool| {
        let rotated =
            if by_rename { logfile::rotate_by_rename(path) } else { logfile::rotate_in_place(path) };
        rotated.unwrap_or_else(|fault| {
            say(&format!("cannot rotate {}: {fault:#}", path.display()));
            false
        })
    };
    rotate(&keeper.spec.log, false);
    if keeper.spec.own_logs.iter().filter(|path| rotate(path, true)).count() > 0 {
        keeper.give(Order::Send(Signal::ReopenLogs));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_but_a_process_that_was_ready_comes_back_within_three_seconds() {
        assert_eq!(delay_after(0, true), Duration::from_millis(100));
        assert_eq!(delay_after(1, false), Duration::from_millis(100));
        assert_eq!(delay_after(4, false), Duration::from_millis(800));
        assert_eq!(delay_after(40, false), Duration::from_secs(30));
        assert_eq!(delay_after(40, true), Duration::from_secs(3));
    }

    #[test]
    fn what_never_becomes_ready_is_failed_after_eight_starts_and_is_tried_again_every_minute() {
        assert_eq!(after_an_end(7, false), (ProcessState::BackingOff, Duration::from_millis(6_400)));
        for failures in [8, 9, 40, u32::MAX] {
            assert_eq!(after_an_end(failures, false), (ProcessState::Failed, Duration::from_secs(60)));
        }
        assert_eq!(after_an_end(8, true).0, ProcessState::BackingOff);
    }
}

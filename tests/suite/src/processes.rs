//! The processes of the stack: who runs, who is ready, and putting an end to them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::process::Command;

use crate::{Stack, until_within};

/// What `ctl status --json` says about one process.
#[derive(Clone, Debug, Deserialize)]
pub struct Process {
    pub name: String,
    pub replica: u16,
    pub pid: Option<i32>,
    pub ports: Vec<u16>,
    pub state: String,
    pub restarts: u32,
}

/// A killed process is back within seconds; after a long crash loop the supervisor waits up to 30 s.
const BACK_WITHIN: Duration = Duration::from_secs(90);

impl Stack {
    pub async fn processes(&self) -> Vec<Process> {
        let output = self.operate(&["status", "--json"]).await;
        serde_json::from_slice(&output).unwrap_or_else(|error| {
            panic!("{error}: ctl status said {}", String::from_utf8_lossy(&output));
        })
    }

    /// The replicas of one service, or the one process of a store or of the gateway.
    pub async fn processes_of(&self, name: &str) -> Vec<Process> {
        self.processes().await.into_iter().filter(|process| process.name == name).collect()
    }

    pub async fn wait_until_ready(&self) {
        until_within(BACK_WITHIN, "every process is ready", async || {
            let processes = self.processes().await;
            let ready = !processes.is_empty() && processes.iter().all(|process| process.state == "ready");
            ready.then_some(())
        })
        .await;
    }

    /// `kill -9` of every replica of a service.
    pub async fn kill(&self, name: &str) {
        self.signal(name, Signal::KILL).await;
    }

    /// Stops every replica in its tracks: it holds its connections and answers nothing.
    pub async fn freeze(&self, name: &str) {
        self.signal(name, Signal::STOP).await;
    }

    /// Lets frozen replicas go on.
    pub async fn thaw(&self, name: &str) {
        self.signal(name, Signal::CONT).await;
    }

    /// Lets whatever is frozen go on.
    pub(crate) async fn thaw_all(&self) {
        for pid in self.processes().await.iter().filter_map(|process| Pid::from_raw(process.pid?)) {
            // It may have ended since it was listed, and then nothing keeps it from being started anew.
            let _ = kill_process(pid, Signal::CONT);
        }
    }

    async fn signal(&self, name: &str, signal: Signal) {
        let pids: Vec<i32> = self.processes_of(name).await.iter().filter_map(|process| process.pid).collect();
        assert!(!pids.is_empty(), "no process of {name} runs");
        for pid in pids {
            let pid = Pid::from_raw(pid).expect("a pid is positive");
            kill_process(pid, signal).unwrap_or_else(|error| panic!("{name} {pid:?}: {error}"));
        }
    }

    /// Waits until each of these processes has another pid and is ready, and everything else is too.
    pub async fn wait_for_successors(&self, before: &[Process]) {
        until_within(BACK_WITHIN, "killed processes are back", async || {
            let now = self.processes().await;
            let replaced = |old: &Process| {
                now.iter().any(|new| {
                    (&new.name, new.replica) == (&old.name, old.replica)
                        && new.pid.is_some()
                        && new.pid != old.pid
                })
            };
            before.iter().all(replaced).then_some(())
        })
        .await;
        self.wait_until_ready().await;
    }

    /// The program that a service of the stack runs, and with what environment.
    pub async fn program_of(&self, service: &str) -> (PathBuf, BTreeMap<String, String>) {
        let processes = self.processes_of(service).await;
        let pid = processes.iter().find_map(|process| process.pid);
        let folder = format!("/proc/{}", pid.unwrap_or_else(|| panic!("no process of {service} runs")));
        let program = std::fs::read_link(format!("{folder}/exe")).expect("a process has a program");
        let environment = std::fs::read(format!("{folder}/environ")).expect("a process has an environment");
        let variables = environment.split(|byte| *byte == 0).filter_map(|variable| {
            let (name, value) = std::str::from_utf8(variable).ok()?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        });
        (program, variables.collect())
    }

    /// The same, ready to be given one of its commands.
    pub async fn command_of(&self, service: &str) -> Command {
        let (program, environment) = self.program_of(service).await;
        let mut command = Command::new(program);
        command.env_clear().envs(environment);
        command
    }

    /// Runs a command of the operator on this stack and returns what it printed.
    pub async fn operate(&self, arguments: &[&str]) -> Vec<u8> {
        self.operate_to_the_end(arguments).await.stdout
    }

    /// The same, with how it ended.
    pub async fn operate_to_the_end(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.operator);
        command.args(["--stack", &self.name]).args(arguments).env("SHINKOFA_CHECKOUT", &self.checkout);
        let output = command.output().await;
        output.unwrap_or_else(|error| panic!("{}: {error}", self.operator.display()))
    }
}

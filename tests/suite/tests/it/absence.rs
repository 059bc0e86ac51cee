//! Services that are down for as long as a test wants, though the supervisor would bring them back at once.

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use suite::Stack;

/// A service whose every process was killed, while the supervisor holds still. Ends when dropped, also by a failed test.
#[must_use]
pub struct Absence {
    supervisor: Pid,
}

#[derive(Deserialize)]
struct Identity {
    pid: i32,
}

impl Absence {
    pub async fn of(stack: &Stack, service: &str) -> Self {
        let victims: Vec<i32> =
            stack.processes_of(service).await.iter().filter_map(|process| process.pid).collect();
        assert!(!victims.is_empty(), "no process of {service} runs");
        let record =
            std::fs::read(stack.home.join("supervisor.json")).expect("the supervisor says who it is");
        let identity: Identity = serde_json::from_slice(&record).expect("the supervisor's record");
        let absence = Self { supervisor: Pid::from_raw(identity.pid).expect("a pid is positive") };
        kill_process(absence.supervisor, Signal::STOP).expect("the supervisor holds still");
        for victim in victims {
            kill_process(Pid::from_raw(victim).expect("a pid is positive"), Signal::KILL).expect("killed");
        }
        absence
    }

    /// Lets the supervisor bring the service back, and waits until everything is ready.
    pub async fn end(self, stack: &Stack) {
        drop(self);
        stack.wait_until_ready().await;
    }
}

impl Drop for Absence {
    fn drop(&mut self) {
        if let Err(fault) = kill_process(self.supervisor, Signal::CONT) {
            eprintln!("the supervisor does not go on: {fault}");
        }
    }
}

//! The daemon that keeps processes running after `up` has ended, and the way to talk to it.
#![deny(clippy::print_stderr, reason = "it panics where nothing can be written: see `say`")]

use std::io::Write as _;

mod client;
mod daemon;
mod keeper;
mod logfile;
mod readiness;
mod record;
mod spec;

pub(crate) use client::{Supervisor, tail};
pub(crate) use daemon::run;
pub(crate) use keeper::now;
pub(crate) use record::{clear_leftovers, owned_processes};
pub(crate) use spec::{ProcessReport, ProcessSpec, ProcessState, Readiness, Signal};

/// Tells `supervisor.log`. On a full disk nobody hears it, and the processes are kept all the same.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

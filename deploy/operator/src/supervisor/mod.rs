//! The daemon that keeps processes running after `up` has ended, and the way to talk to it.

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

//! `ctl down`: stops everything in order and leaves no process.

use anyhow::{Result, bail};

use crate::installation::Installation;
use crate::layout::Stack;
use crate::supervisor::{self, Supervisor};

pub(crate) fn run(stack: Stack) -> Result<()> {
    let installation = Installation::attach(stack)?;
    stop(&installation)?;
    println!("nothing of {} runs any more", installation.layout.checkout.display());
    Ok(())
}

pub(crate) fn stop(installation: &Installation) -> Result<()> {
    let records = installation.layout.records();
    if let Some(supervisor) = Supervisor::running(&installation.layout) {
        supervisor.shut_down()?;
    }
    if records.is_dir() {
        supervisor::clear_leftovers(&records)?;
        if !supervisor::owned_processes(&records).is_empty() {
            bail!("some processes do not end: see `deploy/ctl status`");
        }
    }
    Ok(())
}

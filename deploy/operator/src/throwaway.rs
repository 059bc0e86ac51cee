//! Stacks that live for one run: they begin with empty data and are taken down however the run ends.

use anyhow::{Context, Result, bail};

use crate::bring_up::Lock;
use crate::commands::down;
use crate::installation::Installation;
use crate::preflight::{self, Facts};
use crate::seeds;
use crate::supervisor::Supervisor;

/// Gives up what a killed run left, and makes the place ready for another one, on ports that nobody else has.
pub(crate) fn start_over(installation: Installation) -> Result<(Installation, Lock)> {
    discard(&installation)?;
    let installation = preflight::with_free_ports(installation)?;
    for file in [seeds::people_file(&installation), installation.layout.run.join("journal.json")] {
        let _ = std::fs::remove_file(file);
    }
    installation.layout.create(&installation.account)?;
    let lock = Lock::take(&installation)?;
    preflight::report(&Facts::gather(&installation).judge())?;
    Ok((installation, lock))
}

/// Stops what still runs of it and gives its disk back.
pub(crate) fn discard(installation: &Installation) -> Result<()> {
    let layout = &installation.layout;
    if Supervisor::running(layout).is_none() && Supervisor::lives(layout) {
        bail!("{} is in use by a supervisor that does not answer here: end it first", layout.home.display());
    }
    down::stop(installation)?;
    if layout.home.is_dir() {
        std::fs::remove_dir_all(&layout.home)
            .with_context(|| format!("removing {}", layout.home.display()))?;
    }
    Ok(())
}

/// The same at the end of a green run, which stays green whatever becomes of it.
pub(crate) fn give_back(installation: &Installation) {
    if let Err(fault) = discard(installation) {
        eprintln!("the disk of the {} stack is not given back: {fault:#}", installation.layout.stack.name());
    }
}

/// Takes a stack down when it is dropped.
pub(crate) struct StopAtTheEnd<'a> {
    pub(crate) installation: &'a Installation,
    pub(crate) wanted: bool,
}

impl Drop for StopAtTheEnd<'_> {
    fn drop(&mut self) {
        if self.wanted
            && let Err(fault) = down::stop(self.installation)
        {
            eprintln!("the {} stack does not stop: {fault:#}", self.installation.layout.stack.name());
        }
    }
}

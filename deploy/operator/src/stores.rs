//! PostgreSQL and Redis together: what every installation starts first.

use std::time::Duration;

use anyhow::Result;

use crate::installation::Installation;
use crate::supervisor::Supervisor;
use crate::{postgres, redis, secrets};

const PATIENCE: Duration = Duration::from_secs(90);

/// Brings both up.
pub(crate) fn ensure(installation: &Installation, supervisor: &Supervisor) -> Result<()> {
    secrets::ensure(installation)?;
    let keys = [postgres::KEY.to_owned(), redis::KEY.to_owned()];
    let changed = [postgres::prepare(installation)?, redis::prepare(installation)?];
    let running = supervisor.status()?;
    supervisor.ensure(vec![postgres::process(installation)?, redis::process(installation)?])?;
    for (key, changed) in keys.iter().zip(changed) {
        if let Some(report) = running.iter().find(|report| changed && report.key() == *key) {
            supervisor.restart(key)?;
            supervisor.wait_for_successor(key, report.pid, PATIENCE)?;
        }
    }
    supervisor.wait_until_ready(&keys, PATIENCE)
}

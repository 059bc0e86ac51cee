//! `ctl test-env`: PostgreSQL and Redis for tests, and the variables by which tests find them.

use anyhow::Result;

use crate::commands::down;
use crate::installation::Installation;
use crate::layout::Stack;
use crate::supervisor::Supervisor;
use crate::{postgres, preflight, redis, stores};

pub(crate) fn run() -> Result<()> {
    let installation = start()?;
    for (name, value) in variables(&installation)? {
        println!("export {name}='{}'", value.replace('\'', "'\\''"));
    }
    Ok(())
}

pub(crate) fn start() -> Result<Installation> {
    let installation = installation()?;
    let was_running = Supervisor::running(&installation.layout).is_some();
    let started = bring_up(&installation);
    if started.is_err() && !was_running {
        // What does not come up is not left trying: the next run may have to take other ports.
        down::stop(&installation)?;
    }
    started.map(|()| installation)
}

fn bring_up(installation: &Installation) -> Result<()> {
    let supervisor = Supervisor::start(&installation.layout)?;
    stores::ensure(installation, &supervisor)?;
    postgres::provision(installation)
}

/// As it runs; else at the first offset that another checkout leaves free.
fn installation() -> Result<Installation> {
    let asked = Installation::open(Stack::TestStores)?;
    if Supervisor::running(&asked.layout).is_some() {
        return Installation::attach(Stack::TestStores);
    }
    asked.layout.create(&asked.account)?;
    let found = preflight::with_free_ports(asked)?;
    found.remember()?;
    Ok(found)
}

pub(crate) fn variables(installation: &Installation) -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("SHINKOFA_TEST_POSTGRES_SOCKET", installation.layout.sockets.display().to_string()),
        ("SHINKOFA_TEST_POSTGRES_PORT", installation.ports.postgres().to_string()),
        ("SHINKOFA_TEST_REDIS_URL", redis::url_with_password(installation)?),
    ])
}

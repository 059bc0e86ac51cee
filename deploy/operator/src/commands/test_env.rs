//! `ctl test-env`: PostgreSQL and Redis for tests, and the variables by which tests find them.

use anyhow::Result;

use crate::installation::Installation;
use crate::layout::Stack;
use crate::supervisor::Supervisor;
use crate::{postgres, redis, stores};

pub(crate) fn run() -> Result<()> {
    let installation = start()?;
    for (name, value) in variables(&installation)? {
        println!("export {name}='{}'", value.replace('\'', "'\\''"));
    }
    Ok(())
}

pub(crate) fn start() -> Result<Installation> {
    let installation = Installation::open(Stack::TestStores)?;
    installation.layout.create(&installation.account)?;
    let supervisor = Supervisor::start(&installation.layout)?;
    stores::ensure(&installation, &supervisor)?;
    postgres::provision(&installation)?;
    Ok(installation)
}

pub(crate) fn variables(installation: &Installation) -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("SHINKOFA_TEST_POSTGRES_SOCKET", installation.layout.sockets.display().to_string()),
        ("SHINKOFA_TEST_POSTGRES_PORT", installation.ports.postgres().to_string()),
        ("SHINKOFA_TEST_REDIS_URL", redis::url_with_password(installation)?),
    ])
}

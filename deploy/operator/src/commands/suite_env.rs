//! `ctl suite-env`: the variables by which the cross-service tests find the stack that `ctl --stack suite up` has brought up.

use anyhow::{Result, bail};

use crate::installation::Installation;
use crate::layout::Stack;
use crate::supervisor::Supervisor;
use crate::testing;

pub(crate) fn run() -> Result<()> {
    let installation = Installation::attach(Stack::Suite)?;
    if Supervisor::running(&installation.layout).is_none() {
        bail!("nothing runs: SHINKOFA_REPLICAS_BOOKING=2 ./deploy/ctl --stack suite up");
    }
    for (name, value) in testing::suite_variables(&installation)? {
        println!("export {name}='{}'", value.replace('\'', "'\\''"));
    }
    Ok(())
}

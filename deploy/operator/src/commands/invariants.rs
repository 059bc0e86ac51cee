//! `ctl invariants`: asks the running database whether everything that must be true is true.

use anyhow::{Result, bail};

use crate::installation::Installation;
use crate::invariants;
use crate::layout::Stack;

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct InvariantsArguments {
    /// Also judges what changed within the last minute and may still be on its way.
    #[arg(long)]
    settled: bool,
}

/// True when nothing breaks a promise.
pub(crate) fn run(stack: Stack, arguments: InvariantsArguments) -> Result<bool> {
    let installation = Installation::attach(stack)?;
    let invariants = invariants::read_all(&installation)?;
    if invariants.is_empty() {
        bail!("no service says what must be true");
    }
    let mut violated = 0;
    let violations = invariants::violations(&installation, &invariants, arguments.settled)?;
    for (invariant, rows) in invariants.iter().zip(&violations) {
        let verdict = if rows.is_empty() { "ok" } else { "violated" };
        println!("{verdict:<9} {:<8} {}", invariant.service, invariant.title);
        for row in rows {
            println!("          {row}");
        }
        violated += usize::from(!rows.is_empty());
    }
    println!("\n{} hold, {violated} violated", invariants.len() - violated);
    Ok(violated == 0)
}

//! `ctl seed --demo`: demo accounts, packages, classes and sessions, as `up` makes them in development.

use anyhow::{Result, bail};

use crate::binaries::{self, Build};
use crate::bring_up::Lock;
use crate::installation::Installation;
use crate::layout::Stack;
use crate::seeds;

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct SeedArguments {
    /// Says that demo data is wanted: there is no other kind.
    #[arg(long, required = true)]
    demo: bool,
}

pub(crate) async fn run(stack: Stack, _: SeedArguments) -> Result<()> {
    let installation = Installation::attach(stack)?;
    if !installation.settings.development() {
        bail!(
            "{} is not a development domain: demo accounts do not belong there",
            installation.settings.base_domain
        );
    }
    let _lock = Lock::take(&installation)?;
    let build = if stack == Stack::Suite { Build::Failpoints } else { Build::Release };
    let binaries = binaries::install(&installation, build)?;
    let people = seeds::people(&installation)?;
    seeds::create_accounts(&installation, &binaries, &people)?;
    seeds::create_offers(&installation, &people).await?;
    println!("seeded; accounts in {}", seeds::people_file(&installation).display());
    Ok(())
}

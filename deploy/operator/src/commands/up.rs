//! `ctl up`: brings the platform up, or finds it up and changes nothing.

use anyhow::Result;

use crate::binaries::Build;
use crate::bring_up::{self, Lock};
use crate::installation::Installation;
use crate::layout::Stack;
use crate::preflight::{self, Facts};
use crate::{certificates, seeds};

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct UpArguments {
    /// Shifts all ports to the next offset at which every one is free.
    #[arg(long)]
    auto_ports: bool,
}

pub(crate) async fn run(stack: Stack, arguments: UpArguments) -> Result<()> {
    let mut installation = Installation::open(stack)?;
    installation.layout.create(&installation.account)?;
    let _lock = Lock::take(&installation)?;
    if arguments.auto_ports {
        installation = preflight::with_free_ports(installation)?;
        println!("ports: offset {}", installation.settings.port_offset);
    }
    preflight::report(&Facts::gather(&installation).judge())?;
    let build = if stack == Stack::Suite { Build::Failpoints } else { Build::Release };
    bring_up::run(&installation, build).await?;
    tell(&installation);
    Ok(())
}

fn tell(installation: &Installation) {
    let run = &installation.layout.run;
    println!("\nShinkofa is up.");
    println!("  platform   {}", installation.url("app"));
    println!("  API pages  {}/api/docs", installation.url("app"));
    if installation.settings.development() {
        println!("  mailbox    {}", installation.url("mail"));
        println!("  accounts   {}", seeds::people_file(installation).display());
        println!("  authority  {}", certificates::authority_link(installation).display());
    }
    println!("  logs       {}", run.join("logs").display());
    println!("\n  ./deploy/ctl status   ./deploy/ctl demo   ./deploy/ctl down");
}

//! `ctl restart`: one service anew; with `--rolling` without a failed request.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::binaries::{self, Build};
use crate::bring_up::{Lock, start_gateway};
use crate::gateway::{self, Slots};
use crate::installation::Installation;
use crate::launch;
use crate::layout::Stack;
use crate::manifest::Service;
use crate::supervisor::{ProcessReport, Supervisor};
use crate::wait;

const PATIENCE: Duration = Duration::from_secs(60);
/// How long the gateway's old workers may take to finish what they began.
const DRAIN_PATIENCE: Duration = Duration::from_secs(35);

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RestartArguments {
    /// A process, as `ctl status` names it.
    name: String,
    /// Starts a spare beside it, moves requests there, and only then ends the old one.
    #[arg(long)]
    rolling: bool,
}

pub(crate) fn run(stack: Stack, arguments: &RestartArguments) -> Result<()> {
    let installation = Installation::attach(stack)?;
    let _lock = Lock::take(&installation)?;
    let supervisor =
        Supervisor::running(&installation.layout).context("nothing runs: ./deploy/up starts it")?;
    let running: Vec<ProcessReport> =
        supervisor.status()?.into_iter().filter(|report| report.name == arguments.name).collect();
    if running.is_empty() {
        bail!("there is no process {}", arguments.name);
    }
    if !arguments.rolling {
        for report in &running {
            replace(&supervisor, report)?;
        }
        println!("{} is ready", arguments.name);
        return Ok(());
    }
    let service = installation.manifest.service(&arguments.name);
    let service = service.with_context(|| format!("{} is not a service: it cannot roll", arguments.name))?;
    roll(&installation, &supervisor, service)?;
    println!("{} has rolled", arguments.name);
    Ok(())
}

fn replace(supervisor: &Supervisor, report: &ProcessReport) -> Result<()> {
    supervisor.restart(&report.key())?;
    supervisor.wait_for_successor(&report.key(), report.pid, PATIENCE)
}

/// A spare on the slot above the last takes the place of each replica in turn, so the end is as the beginning was.
fn roll(installation: &Installation, supervisor: &Supervisor, service: &Service) -> Result<()> {
    let build = if installation.layout.stack == Stack::Suite { Build::Failpoints } else { Build::Release };
    let binaries = binaries::install(installation, build)?;
    let count = installation.replicas(service);
    let spare = launch::process(installation, &binaries, service, count)?;
    let spare_key = spare.key();
    supervisor.ensure(vec![spare])?;
    supervisor.wait_until_ready(std::slice::from_ref(&spare_key), PATIENCE)?;
    for replica in 0..count {
        let others: Vec<u16> = (0..=count).filter(|slot| *slot != replica).collect();
        route(installation, supervisor, service, others)?;
        let key = format!("{}.{replica}", service.name);
        let before = supervisor.status()?.into_iter().find(|report| report.key() == key);
        let spec = launch::process(installation, &binaries, service, replica)?;
        supervisor.ensure(vec![spec])?;
        let same = supervisor.status()?.into_iter().find(|report| report.key() == key);
        match (before, same) {
            // The same program: it was not replaced for being another one, so it is asked to.
            (Some(before), Some(same)) if before.pid == same.pid => replace(supervisor, &before)?,
            _ => supervisor.wait_until_ready(&[key], PATIENCE)?,
        }
    }
    route(installation, supervisor, service, (0..count).collect())?;
    supervisor.stop(&spare_key)
}

/// Sends requests to these replicas only and waits until no request of before is under way.
fn route(
    installation: &Installation,
    supervisor: &Supervisor,
    service: &Service,
    slots: Vec<u16>,
) -> Result<()> {
    let workers = gateway_workers(supervisor)?;
    start_gateway(installation, supervisor, &Slots::from([(service.name.clone(), slots)]))?;
    let gone = || workers.iter().all(|pid| crate::procfs::program(*pid).is_none()).then_some(());
    wait::until(DRAIN_PATIENCE, gone).context("the gateway's old workers do not finish")
}

fn gateway_workers(supervisor: &Supervisor) -> Result<Vec<u32>> {
    let reports = supervisor.status()?;
    let master = reports.iter().find(|report| report.key() == gateway::KEY).and_then(|report| report.pid);
    let master = master.context("the gateway does not run")?;
    Ok(crate::procfs::group_members(master).into_iter().filter(|pid| *pid != master).collect())
}

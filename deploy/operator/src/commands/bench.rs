//! `ctl bench`: measures booking, or auth, beside what their work costs at the least, on a stack of its own.

use std::path::Path;

use anyhow::{Context, Result, bail};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::binaries::{self, Build};
use crate::bring_up;
use crate::installation::{Installation, find_program};
use crate::layout;
use crate::throwaway::{StopAtTheEnd, start_over};

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct BenchArguments {
    /// What is measured.
    #[arg(value_enum, default_value_t = Subject::Booking)]
    subject: Subject,
    /// How often everything is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// How many seconds each side runs in a round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Connections over HTTP, of each service to its database, of pgbench and to Redis.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(2..=64))]
    connections: u16,
    /// Tells of missed goals without failing.
    #[arg(long)]
    report_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Subject {
    /// Bookings over HTTP, beside pgbench running the same SQL.
    Booking,
    /// Sign-ins beside the bare hash, refreshes and introspection beside pgbench and Redis.
    Auth,
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Self::Booking => "booking",
            Self::Auth => "auth",
        }
    }
}

/// False when a goal was missed, or a measurement could not be trusted.
pub(crate) async fn run(arguments: BenchArguments) -> Result<bool> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Dropping the measurement ends it and takes its stack down.
    let reached = tokio::select! {
        result = measure(arguments) => result?,
        _ = terminate.recv() => bail!("terminated"),
        _ = interrupt.recv() => bail!("interrupted"),
    };
    if !reached {
        println!(
            "failed     bench {}: a goal was missed, or there is no score: see above",
            arguments.subject.name()
        );
    }
    Ok(reached)
}

async fn measure(arguments: BenchArguments) -> Result<bool> {
    let (installation, lock) = start_over(Installation::open_for_bench(arguments.connections)?)?;
    let _stop = StopAtTheEnd { installation: &installation, wanted: true };
    bring_up::run(&installation, Build::Release).await.context("bringing up the stack to be measured")?;
    // The measurement asks the operator, which takes the lock itself.
    drop(lock);
    let output = installation.layout.run.join("output");
    std::fs::create_dir_all(&output).with_context(|| format!("creating {}", output.display()))?;
    layout::give_to_owner_of(&installation.layout.checkout, &output)?;
    let status = Command::new(binaries::bench(&installation))
        .arg(arguments.subject.name())
        .args(["--rounds", &arguments.rounds.to_string(), "--seconds", &arguments.seconds.to_string()])
        .args(["--connections", &arguments.connections.to_string()])
        .args(arguments.report_only.then_some("--report-only"))
        .envs(variables(&installation, &output)?)
        .kill_on_drop(true)
        .status()
        .await
        .context("running the measurement")?;
    Ok(status.success())
}

/// How the measurement finds the stack.
fn variables(installation: &Installation, output: &Path) -> Result<Vec<(&'static str, String)>> {
    let layout = &installation.layout;
    let booking = installation.manifest.service("booking").context("the manifest has no booking")?;
    let auth = installation.manifest.service("auth").context("the manifest has no auth")?;
    let auth_internal = installation.ports.internal(auth, 0).context("auth has no internal listener")?;
    Ok(vec![
        ("SHINKOFA_BENCH_CHECKOUT", layout.checkout.display().to_string()),
        ("SHINKOFA_BENCH_CTL", binaries::operator()?.display().to_string()),
        ("SHINKOFA_BENCH_STACK", layout.stack.name().to_owned()),
        ("SHINKOFA_BENCH_HOME", layout.home.display().to_string()),
        ("SHINKOFA_BENCH_OUTPUT", output.display().to_string()),
        ("SHINKOFA_BENCH_POSTGRES_SOCKET", layout.sockets.display().to_string()),
        ("SHINKOFA_BENCH_POSTGRES_PORT", installation.ports.postgres().to_string()),
        ("SHINKOFA_BENCH_PGBENCH", find_program("pgbench")?.display().to_string()),
        ("SHINKOFA_BENCH_BOOKING_PORT", installation.ports.public(booking, 0).to_string()),
        ("SHINKOFA_BENCH_AUTH_PORT", installation.ports.public(auth, 0).to_string()),
        ("SHINKOFA_BENCH_AUTH_INTERNAL_PORT", auth_internal.to_string()),
        ("SHINKOFA_BENCH_REDIS_PORT", installation.ports.redis().to_string()),
        ("SHINKOFA_BENCH_DOMAIN", installation.settings.base_domain.clone()),
        ("SHINKOFA_BENCH_ISSUER", installation.url("app")),
    ])
}

//! `ctl test`: every check and test, and one closing line that counts them.

use anyhow::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::testing::mutants::Record;
use crate::testing::{self, Stage, Tally};

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct TestArguments {
    /// Runs one stage, for work on it.
    #[arg(long, value_enum)]
    only: Option<Stage>,
    /// Writes what the mutants showed into docs/security/defences.md.
    #[arg(long, requires = "only")]
    write: bool,
}

/// True when all of it is green.
pub(crate) async fn run(arguments: TestArguments) -> Result<bool> {
    let stages = match arguments.only {
        Some(stage) => vec![stage],
        None => vec![Stage::Checks, Stage::Crates, Stage::Suite],
    };
    let record = if arguments.write { Record::Write } else { Record::Print };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut total = Tally::default();
    for stage in stages {
        println!("\n== {stage:?}");
        // Dropping the stage ends what it runs and takes its stack down.
        let result = tokio::select! {
            result = testing::run(stage, record) => result,
            _ = terminate.recv() => bail!("terminated"),
            _ = interrupt.recv() => bail!("interrupted"),
        };
        match result {
            Ok(tally) => {
                println!("{stage:?}: {tally}");
                total += tally;
            }
            Err(fault) => {
                println!("{stage:?} could not be run: {fault:#}");
                total += Tally::failed();
            }
        }
    }
    println!("\n{total}");
    Ok(total.is_green())
}

//! Measures booking over HTTP beside pgbench, which runs the SQL that booking was seen to run, on a stack of their own.
#![allow(clippy::print_stdout, reason = "a command-line program speaks on standard output")]

mod capture;
mod crowd;
mod database;
mod load;
mod perf;
mod pgbench;
mod phase;
mod processes;
mod profile;
mod record;
mod report;
mod scenario;
mod script;
mod settled;
mod stack;
mod studio;
mod waits;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use shinkofa_kernel::Clock;

use crate::crowd::{Crowd, PEOPLE, SESSIONS};
use crate::database::Database;
use crate::phase::{Ground, Yardstick};
use crate::report::Pair;
use crate::scenario::{Scenario, Side};
use crate::stack::{Member, Stack};
use crate::studio::Studio;

#[derive(Debug, Clone, Copy, Parser)]
#[command(about = "Measures a stack that `deploy/bench` has started")]
struct Arguments {
    /// How often everything is measured; the medians are what counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// How long each side runs in a round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Connections over HTTP, of booking to its database, and of pgbench.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(2..=64))]
    connections: u16,
}

type Yardsticks = BTreeMap<Scenario, Yardstick>;

/// One thread: the load generator is to leave the processors to what is measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let stack = Stack::from_environment()?;
    let (database, lookout) = (Database::open(&stack).await?, Database::open(&stack).await?);
    let members = stack.members()?;
    settled::wait(&database).await.context("waiting for an idle platform")?;
    println!("\nidle memory");
    print!("{}", report::memory(&processes::memory(&members)));

    let clock = Clock::system();
    let ground = Ground {
        stack: &stack,
        database: &database,
        lookout: &lookout,
        crowd: Arc::new(Crowd::assemble(&stack, &clock)?),
        clock,
        members,
        connections: usize::from(arguments.connections),
        duration: Duration::from_secs(arguments.seconds),
    };
    database.run("CREATE SCHEMA bench; CREATE EXTENSION pg_stat_statements SCHEMA bench").await?;
    record::create_role(&ground).await?;
    let mut studio = Studio::open(&database).await?;
    let full = studio.full_sessions().await?;
    tell_conditions(&ground, arguments).await?;
    let yardsticks = prepare(&ground, &mut studio, full).await?;

    let mut rounds = Vec::new();
    for number in 1..=arguments.rounds {
        println!("\nround {number}\n{}", report::HEADING);
        let mut round = Vec::new();
        for scenario in Scenario::ALL {
            let pair = measure(&ground, &yardsticks, scenario, (&mut studio, full), number).await?;
            println!("{}", report::line(&pair));
            round.push(pair);
        }
        rounds.push(round);
    }
    let verdicts = report::verdicts(&rounds);
    let mut profiles = String::new();
    for verdict in verdicts.iter().filter(|verdict| !verdict.reached()) {
        profiles
            .push_str(&profile(&ground, &rounds, verdict.scenario, (&mut studio, full, &yardsticks)).await?);
    }
    // Also fails when a process had to be started again.
    stack.members()?;
    let given_up = settled::given_up(&database).await?;
    ensure!(given_up == 0, "there is no score: {given_up} jobs or events were given up");
    println!("\ninvariants: {}", stack.check_invariants().context("there is no score")?);
    println!("\nmedians\n{}", report::HEADING);
    print!("{}", report::medians(&rounds));
    println!("\ngoals");
    for verdict in &verdicts {
        println!("{}", verdict.line());
    }
    print!("{profiles}");
    Ok(())
}

/// Why a goal was missed: the figures of a round that was measured, and one more run over HTTP under perf.
async fn profile(
    ground: &Ground<'_>,
    rounds: &[Vec<Pair>],
    scenario: Scenario,
    (studio, full, yardsticks): (&mut Studio<'_>, u64, &Yardsticks),
) -> Result<String> {
    let pair = report::middle(rounds, scenario).context("a goal without rounds")?;
    let yardstick = yardsticks.get(&scenario).context("a scenario that was not recorded")?;
    let concerned = |member: &&Member| scenario.services().contains(&member.name.as_str());
    let members: Vec<&Member> = ground.members.iter().filter(concerned).collect();
    let (phase, seen) = tokio::join!(
        ground.run(scenario, Side::Http, yardstick, (studio, full)),
        perf::watch(ground.stack, &members, ground.duration),
    );
    phase?;
    let title = format!("\nprofile: {}, in the round of the middle ratio\n", scenario.name());
    Ok(title + &profile::describe(pair) + &seen)
}

/// Fills pools and caches, and records what each scenario asks of the database.
async fn prepare(ground: &Ground<'_>, studio: &mut Studio<'_>, full: u64) -> Result<Yardsticks> {
    let mut yardsticks = Yardsticks::new();
    for scenario in Scenario::ALL {
        let first_session = match scenario.price() {
            Some(price) => studio.fresh_sessions(price).await?,
            None => full,
        };
        load::run(load::Load {
            crowd: ground.crowd.clone(),
            address: ground.stack.booking,
            connections: ground.connections,
            duration: Duration::from_secs(1),
            first_session,
        })
        .await
        .with_context(|| format!("warming up for {}", scenario.name()))?;
        settled::wait(ground.database).await?;
        let yardstick = record::yardstick(ground, scenario, (studio, full)).await?;
        println!(
            "  {:<18} {} round trips in {} transactions as {}: {}",
            scenario.name(),
            yardstick.script.round_trips,
            yardstick.script.transactions,
            yardstick.role,
            yardstick.file.display()
        );
        settled::wait(ground.database).await?;
        yardsticks.insert(scenario, yardstick);
    }
    Ok(yardsticks)
}

/// Both sides after one another; who begins changes from round to round.
async fn measure(
    ground: &Ground<'_>,
    yardsticks: &Yardsticks,
    scenario: Scenario,
    (studio, full): (&mut Studio<'_>, u64),
    round: u32,
) -> Result<Pair> {
    let yardstick = yardsticks.get(&scenario).context("a scenario that was not recorded")?;
    let first = if round % 2 == 1 { Side::Http } else { Side::Pgbench };
    let second = if first == Side::Http { Side::Pgbench } else { Side::Http };
    let earlier = ground.run(scenario, first, yardstick, (&mut *studio, full)).await?;
    let later = ground.run(scenario, second, yardstick, (studio, full)).await?;
    let (http, pgbench) = if first == Side::Http { (earlier, later) } else { (later, earlier) };
    Ok(Pair { scenario, http, pgbench })
}

async fn tell_conditions(ground: &Ground<'_>, arguments: Arguments) -> Result<()> {
    let setting = async |name: &str| ground.database.text(&format!("SHOW {name}")).await;
    println!(
        "\n{} rounds of {} s a side, {} connections, {} people, {} sessions, {} processors",
        arguments.rounds,
        arguments.seconds,
        arguments.connections,
        PEOPLE,
        SESSIONS,
        std::thread::available_parallelism().map_or(0, usize::from),
    );
    println!(
        "PostgreSQL {}, fsync={}, synchronous_commit={}; pgbench -M prepared over the same socket runs what was captured:",
        setting("server_version").await?,
        setting("fsync").await?,
        setting("synchronous_commit").await?,
    );
    Ok(())
}

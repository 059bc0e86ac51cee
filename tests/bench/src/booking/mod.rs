//! Booking over HTTP beside pgbench, which runs the SQL that booking was seen to run.

mod crowd;
mod phase;
mod record;
mod report;
mod scenario;
mod studio;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use shinkofa_kernel::Clock;

use self::crowd::{Crowd, PEOPLE, SESSIONS};
use self::phase::Trial;
use self::report::Pair;
use self::scenario::{Scenario, Side};
use self::studio::Studio;
use crate::database::Database;
use crate::observe::{Ground, Yardstick};
use crate::profile::{self, Beside};
use crate::stack::{Member, Stack};
use crate::{Arguments, figures, perf, processes, settled};

const ROLES: &[&str] = &["booking_rt", "credits_rt", "bench_rt"];

type Yardsticks = BTreeMap<Scenario, Yardstick>;

/// Measures, and tells which goals were missed.
pub async fn run(arguments: Arguments) -> Result<Vec<String>> {
    let stack = Stack::from_environment()?;
    let (database, lookout) = (Database::open(&stack).await?, Database::open(&stack).await?);
    let members = stack.members()?;
    settled::wait(&database).await.context("waiting for an idle platform")?;
    println!("\nidle memory");
    print!("{}", figures::memory(&processes::memory(&members)));

    let clock = Clock::system();
    let crowd = Arc::new(Crowd::assemble(&stack, &clock)?);
    let ground = Ground {
        stack: &stack,
        database: &database,
        lookout: &lookout,
        clock,
        members,
        roles: ROLES,
        connections: usize::from(arguments.connections),
        duration: Duration::from_secs(arguments.seconds),
    };
    let mut trial = Trial { ground, crowd };
    database.run("CREATE SCHEMA bench; CREATE EXTENSION pg_stat_statements SCHEMA bench").await?;
    record::create_role(&trial.ground).await?;
    let mut studio = Studio::open(&database).await?;
    let full = studio.full_sessions().await?;
    tell_conditions(&trial.ground, arguments).await?;
    let yardsticks = prepare(&trial, &mut studio, full).await?;

    let mut rounds = Vec::new();
    for number in 1..=arguments.rounds {
        // Tokens live an hour, and many rounds last longer.
        trial.crowd = Arc::new(Crowd::assemble(&stack, &trial.ground.clock)?);
        println!("\nround {number}\n{}", report::HEADING);
        let mut round = Vec::new();
        for scenario in Scenario::ALL {
            let pair = measure(&trial, &yardsticks, scenario, (&mut studio, full), number).await?;
            println!("{}", report::line(&pair));
            round.push(pair);
        }
        rounds.push(round);
    }
    let verdicts = report::verdicts(&rounds);
    let mut profiles = String::new();
    for verdict in verdicts.iter().filter(|verdict| !verdict.reached()) {
        profiles
            .push_str(&profile(&trial, &rounds, verdict.scenario, (&mut studio, full, &yardsticks)).await?);
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
    Ok(verdicts.iter().filter(|verdict| !verdict.reached()).map(report::Verdict::line).collect())
}

/// Why a goal was missed: the figures of a round that was measured, and one more run over HTTP under perf.
async fn profile(
    trial: &Trial<'_>,
    rounds: &[Vec<Pair>],
    scenario: Scenario,
    (studio, full, yardsticks): (&mut Studio<'_>, u64, &Yardsticks),
) -> Result<String> {
    let pair = report::middle(rounds, scenario).context("a goal without rounds")?;
    let yardstick = yardsticks.get(&scenario).context("a scenario that was not recorded")?;
    let concerned = |member: &&Member| scenario.services().contains(&member.name.as_str());
    let ground = &trial.ground;
    let members: Vec<&Member> = ground.members.iter().filter(concerned).collect();
    let (phase, seen) = tokio::join!(
        trial.run(scenario, Side::Http, yardstick, (studio, full)),
        perf::watch(ground.stack, &members, ground.duration),
    );
    phase?;
    let title = format!("\nprofile: {}, in the round of the middle ratio\n", scenario.name());
    Ok(title + &profile::describe(&pair.http, Some(Beside::pgbench(&pair.pgbench))) + &seen)
}

/// Fills pools and caches, and records what each scenario asks of the database.
async fn prepare(trial: &Trial<'_>, studio: &mut Studio<'_>, full: u64) -> Result<Yardsticks> {
    let mut yardsticks = Yardsticks::new();
    for scenario in Scenario::ALL {
        let first_session = match scenario.price() {
            Some(price) => studio.fresh_sessions(price).await?,
            None => full,
        };
        trial
            .book(Duration::from_secs(1), first_session)
            .await
            .with_context(|| format!("warming up for {}", scenario.name()))?;
        settled::wait(trial.ground.database).await?;
        let yardstick = record::yardstick(trial, scenario, (studio, full)).await?;
        println!(
            "  {:<18} {} round trips in {} transactions as {}: {}",
            scenario.name(),
            yardstick.script.round_trips,
            yardstick.script.transactions,
            yardstick.role,
            yardstick.file.display()
        );
        settled::wait(trial.ground.database).await?;
        yardsticks.insert(scenario, yardstick);
    }
    Ok(yardsticks)
}

/// Both sides after one another; who begins changes from round to round.
async fn measure(
    trial: &Trial<'_>,
    yardsticks: &Yardsticks,
    scenario: Scenario,
    (studio, full): (&mut Studio<'_>, u64),
    round: u32,
) -> Result<Pair> {
    let yardstick = yardsticks.get(&scenario).context("a scenario that was not recorded")?;
    let first = if round % 2 == 1 { Side::Http } else { Side::Pgbench };
    let second = if first == Side::Http { Side::Pgbench } else { Side::Http };
    let earlier = trial.run(scenario, first, yardstick, (&mut *studio, full)).await?;
    let later = trial.run(scenario, second, yardstick, (studio, full)).await?;
    let (http, pgbench) = if first == Side::Http { (earlier, later) } else { (later, earlier) };
    Ok(Pair { scenario, http, pgbench })
}

async fn tell_conditions(ground: &Ground<'_>, arguments: Arguments) -> Result<()> {
    println!(
        "\n{} rounds of {} s a side, {} connections, {} people, {} sessions, {} processors",
        arguments.rounds,
        arguments.seconds,
        arguments.connections,
        PEOPLE,
        SESSIONS,
        std::thread::available_parallelism().map_or(0, usize::from),
    );
    println!("{}", ground.server().await?);
    Ok(())
}

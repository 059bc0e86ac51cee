//! Auth over HTTP beside what its work costs at the least: sign-ins beside the bare hash, refreshes and introspection beside
//! pgbench, which runs the SQL that auth was seen to run, and beside Redis alone.

mod hash;
mod introspection;
mod open_loop;
mod people;
mod purge;
mod redis;
mod refresh;
mod report;
mod sign_in;
mod verification;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use shinkofa_identity::UserTokens;
use shinkofa_kernel::{Clock, TenantId};

use self::introspection::Introspections;
use self::people::PEOPLE;
use self::report::{Part, Round, Trio};
use self::sign_in::{FLOOD, STEADY, Turns};
use crate::database::Database;
use crate::load::Measured;
use crate::observe::{Ground, Phase, Yardstick};
use crate::profile;
use crate::stack::{Member, Stack};
use crate::{Arguments, figures, perf, processes, settled};

const ROLE: &str = "auth_rt";

/// The ground, and whose turn it is to sign in.
pub struct Trial<'a> {
    pub ground: Ground<'a>,
    pub turns: Turns,
}

/// What is prepared once.
struct Tools {
    introspections: Introspections,
    tokens: UserTokens,
    refresh: Yardstick,
    introspection: Yardstick,
}

/// Measures, and tells which goals were missed.
pub async fn run(arguments: Arguments) -> Result<Vec<String>> {
    let stack = Stack::from_environment()?;
    let (database, lookout) = (Database::open(&stack).await?, Database::open(&stack).await?);
    let members = stack.members()?;
    settled::wait(&database).await.context("waiting for an idle platform")?;
    println!("\nidle memory");
    print!("{}", figures::memory(&processes::memory(&members)));

    let ground = Ground {
        stack: &stack,
        database: &database,
        lookout: &lookout,
        clock: Clock::system(),
        members,
        roles: &[ROLE],
        connections: usize::from(arguments.connections),
        duration: Duration::from_secs(arguments.seconds),
    };
    let trial = Trial { ground, turns: Turns::default() };
    database.run("CREATE SCHEMA bench; CREATE EXTENSION pg_stat_statements SCHEMA bench").await?;
    people::settle(&stack, &database).await?;
    tell_conditions(&trial.ground, arguments).await?;
    let mut tools = prepare(&trial).await?;

    let mut rounds = Vec::new();
    for number in 1..=arguments.rounds {
        // Tokens live an hour, and many rounds last longer.
        tools.introspections = Introspections::prepare(&stack, &trial.ground.clock)?;
        let round = measure(&trial, &tools, number).await?;
        println!("\nround {number}\n{}", report::round(&round));
        rounds.push(round);
    }
    // Once, and last: the other services are busy forgetting for a while.
    let purged = trial.purge().await.context("purging temporary accounts")?;
    let mut verdicts = report::verdicts(&rounds);
    verdicts.push(report::purge_verdict(purged));
    let mut profiles = String::new();
    for part in report::missed(&verdicts) {
        profiles.push_str(&profile(&trial, &tools, &rounds, part).await?);
    }
    // Also fails when a process had to be started again.
    stack.members()?;
    let given_up = settled::given_up(&database).await?;
    ensure!(given_up == 0, "there is no score: {given_up} jobs or events were given up");
    println!("\ninvariants: {}", stack.check_invariants().context("there is no score")?);
    println!("\nmedians\n{}", report::medians(&rounds));
    println!("goals");
    for verdict in &verdicts {
        println!("{}", verdict.line());
    }
    print!("{profiles}");
    Ok(report::missed_lines(&verdicts))
}

/// Fills pools and caches, and records what each request asks of the database.
async fn prepare(trial: &Trial<'_>) -> Result<Tools> {
    let (stack, clock) = (trial.ground.stack, &trial.ground.clock);
    let introspections = Introspections::prepare(stack, clock)?;
    trial.sign_in_for(Duration::from_secs(2)).await.context("warming up for signing in")?;
    trial.settle().await?;
    trial.refreshes().await.context("warming up for refreshing")?;
    trial.introspections(&introspections).await.context("warming up for introspection")?;
    let signing_in = trial.recorded_sign_in().await?;
    let round_trips: usize = signing_in.iter().map(|transaction| transaction.steps.len()).sum();
    println!("  {:<18} {round_trips} round trips in {} transactions", "sign-in", signing_in.len());
    let refresh = trial.refresh_yardstick().await?;
    let introspection = trial.introspection_yardstick(&introspections).await?;
    for (name, yardstick) in [("refresh", &refresh), ("introspection", &introspection)] {
        println!(
            "  {name:<18} {} round trips in {} transactions as {}: {}",
            yardstick.script.round_trips,
            yardstick.script.transactions,
            yardstick.role,
            yardstick.file.display()
        );
    }
    trial.settle().await?;
    Ok(Tools { introspections, tokens: people::user_tokens(stack, clock)?, refresh, introspection })
}

/// Everything once; who begins changes from round to round.
async fn measure(trial: &Trial<'_>, tools: &Tools, round: u32) -> Result<Round> {
    let (bare_hash, sign_ins) = middle_pair(trial, round).await?;
    let rate = sign_ins.measured.per_second();
    Ok(Round {
        bare_hash,
        sign_ins,
        refresh: trio(trial, tools, Both::Refresh, round).await?,
        introspection: trio(trial, tools, Both::Introspection, round).await?,
        steady: trial.steady(rate * STEADY, round).await?,
        flood: trial.flood(rate * FLOOD, round, &tools.introspections).await?,
        verification: verification::microseconds(&tools.tokens, &trial.ground.clock)?,
    })
}

/// A hash keeps to its processor and to the memory, which a machine shares with its neighbours: from one five seconds to the next it
/// takes a fifth longer. So these two are measured in turn so many times in a round, and the pair in the middle counts.
const PAIRS: u32 = 3;

async fn middle_pair(trial: &Trial<'_>, round: u32) -> Result<(Phase, Phase)> {
    let mut pairs = Vec::new();
    for turn in 0..PAIRS {
        pairs.push(if (round + turn) % 2 == 1 {
            let bare_hash = trial.bare_hash().await?;
            (bare_hash, trial.sign_ins().await?)
        } else {
            let sign_ins = trial.sign_ins().await?;
            (trial.bare_hash().await?, sign_ins)
        });
    }
    let ratio = |(bare_hash, sign_ins): &(Phase, Phase)| report::ratio(bare_hash, sign_ins);
    pairs.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    Ok(pairs.swap_remove(pairs.len() / 2))
}

/// What is measured in three ways.
#[derive(Clone, Copy)]
enum Both {
    Refresh,
    Introspection,
}

async fn trio(trial: &Trial<'_>, tools: &Tools, what: Both, round: u32) -> Result<Trio> {
    let (mut http, mut pgbench, mut redis): (Option<Phase>, Option<Phase>, Option<Measured>) =
        Default::default();
    for turn in 0..3 {
        match ((round + turn) % 3, what) {
            (0, Both::Refresh) => redis = Some(trial.refreshes_by_redis().await?),
            (1, Both::Refresh) => http = Some(trial.refreshes().await?),
            (_, Both::Refresh) => pgbench = Some(trial.refreshes_by_pgbench(&tools.refresh).await?),
            (0, Both::Introspection) => redis = Some(trial.introspections_by_redis().await?),
            (1, Both::Introspection) => http = Some(trial.introspections(&tools.introspections).await?),
            (_, Both::Introspection) => {
                pgbench = Some(trial.introspections_by_pgbench(&tools.introspection).await?);
            }
        }
    }
    match (http, pgbench, redis) {
        (Some(http), Some(pgbench), Some(redis)) => Ok(Trio { http, pgbench, redis }),
        _ => bail!("three turns are one of each"),
    }
}

/// Why a goal was missed: the figures of a round that was measured, and one more run under perf.
async fn profile(trial: &Trial<'_>, tools: &Tools, rounds: &[Round], part: Part) -> Result<String> {
    let Some((http, beside)) = report::middle(rounds, part) else { return Ok(String::new()) };
    let concerned = |member: &&Member| ["auth", "postgres"].contains(&member.name.as_str());
    let members: Vec<&Member> = trial.ground.members.iter().filter(concerned).collect();
    let rate = figures::median(rounds.iter().map(|round| round.sign_ins.measured.per_second()));
    let again = async {
        match part {
            Part::SignIn => trial.sign_ins().await.map(drop),
            Part::Refresh => trial.refreshes().await.map(drop),
            Part::Introspection => trial.introspections(&tools.introspections).await.map(drop),
            Part::Steady => trial.steady(rate * STEADY, 0).await.map(drop),
            Part::Flood => trial.flood(rate * FLOOD, 0, &tools.introspections).await.map(drop),
            Part::Verification | Part::Purge => Ok(()),
        }
    };
    let (ended, seen) = tokio::join!(again, perf::watch(trial.ground.stack, &members, trial.ground.duration));
    ended?;
    let title = format!("\nprofile: {}, in the middle round\n", part.name());
    Ok(title + &profile::describe(http, beside) + &seen)
}

/// A link of the audit trail takes some microseconds, and the job that makes them comes every five seconds.
const PATIENCE: Duration = Duration::from_secs(120);
const EVERY: Duration = Duration::from_millis(200);

impl Trial<'_> {
    /// Waits until no job is left, every feed is read and the whole audit trail is sealed.
    pub async fn settle(&self) -> Result<Duration> {
        let began = Instant::now();
        settled::wait(self.ground.database).await?;
        let tenant = TenantId::DEFAULT;
        let unsealed = format!(
            "SELECT count(*) FROM auth.audit_events WHERE tenant_id = '{tenant}' AND transaction > coalesce(
                (SELECT transaction FROM auth.audit_seals WHERE tenant_id = '{tenant}' ORDER BY seq DESC LIMIT 1), 0)"
        );
        loop {
            let left = self.ground.database.number(&unsealed).await?;
            if left == 0 {
                return Ok(began.elapsed());
            }
            if began.elapsed() > PATIENCE {
                bail!("{left} entries of the trail were not sealed after {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    pub fn member(&self, name: &str) -> Result<&Member> {
        let found = self.ground.members.iter().find(|member| member.name == name);
        found.with_context(|| format!("{name} does not run here"))
    }
}

async fn tell_conditions(ground: &Ground<'_>, arguments: Arguments) -> Result<()> {
    println!(
        "\n{} rounds of {} s a side, {} connections, {PEOPLE} people, {} processors",
        arguments.rounds,
        arguments.seconds,
        arguments.connections,
        std::thread::available_parallelism().map_or(0, usize::from),
    );
    println!("{}", ground.server().await?);
    Ok(())
}

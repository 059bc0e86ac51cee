//! Whether the platform has done everything that it took upon itself.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::database::Database;

const SERVICES: [&str; 4] = ["auth", "booking", "credits", "notify"];
/// A backlog of some seconds of load takes this long at the very most.
const PATIENCE: Duration = Duration::from_secs(240);
const EVERY: Duration = Duration::from_millis(200);

/// Waits until no job is left and every feed is read, so that one phase's work is not done in the next one's time.
pub async fn wait(database: &Database) -> Result<Duration> {
    let began = Instant::now();
    let question = backlog_query();
    loop {
        let backlog = database.number(&question).await?;
        if backlog == 0 {
            return Ok(began.elapsed());
        }
        if began.elapsed() > PATIENCE {
            bail!("{backlog} jobs and events were left after {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn backlog_query() -> String {
    let jobs = SERVICES.map(|service| {
        format!("(SELECT count(*) FROM {service}.jobs WHERE dead_at IS NULL AND repeat_seconds IS NULL)")
    });
    let unread = SERVICES.iter().flat_map(|reader| {
        SERVICES.iter().map(move |feed| {
            format!(
                "(SELECT count(*) FROM {reader}.feed_cursors cursor JOIN {feed}.events event
                    ON (event.transaction, event.number) > (cursor.transaction, cursor.number)
                  WHERE cursor.feed = '{feed}')"
            )
        })
    });
    let parts: Vec<String> = jobs.into_iter().chain(unread).collect();
    format!("SELECT {}", parts.join(" + "))
}

/// Work that was given up: dead jobs, and events that could not be applied. None is left by a run worth scoring.
pub async fn given_up(database: &Database) -> Result<i64> {
    let counts = SERVICES.map(|service| {
        format!(
            "(SELECT count(*) FROM {service}.jobs WHERE dead_at IS NOT NULL)
                + (SELECT count(*) FROM {service}.parked_events)"
        )
    });
    database.number(&format!("SELECT {}", counts.join(" + "))).await
}

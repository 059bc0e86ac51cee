//! Whether the platform has done everything that it promised, and whether what it promises is true.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

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

/// Runs every query of `services/*/invariants*.sql` and fails on the first row that one returns. Returns how many ran.
pub async fn check_invariants(database: &Database, checkout: &Path) -> Result<usize> {
    for service in SERVICES {
        let lost = database
            .number(&format!(
                "SELECT (SELECT count(*) FROM {service}.jobs WHERE dead_at IS NOT NULL)
                    + (SELECT count(*) FROM {service}.parked_events)"
            ))
            .await?;
        if lost > 0 {
            bail!("{service} has given up {lost} jobs or events");
        }
    }
    let mut checked = 0;
    for service in SERVICES {
        for file in ["invariants.sql", "invariants_cross.sql"] {
            let path = checkout.join("services").join(service).join(file);
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            // Everything has settled, so nothing has to be given time.
            database.run(&format!("SET search_path = {service}; SET invariants.lag = '0'")).await?;
            for (title, query) in invariants(&text) {
                let broken = database.rows(&query).await.with_context(|| format!("{}: {title}", path.display()))?;
                if let Some(row) = broken.first() {
                    bail!("{service}: {} rows break the promise that {title}: {row:?}", broken.len());
                }
                checked += 1;
            }
        }
    }
    database.run("RESET search_path").await?;
    if checked == 0 {
        bail!("{} holds no invariants", checkout.join("services").display());
    }
    Ok(checked)
}

/// Each query with the comment line before it.
fn invariants(file: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut title, mut query) = (String::new(), String::new());
    for line in file.lines() {
        if let Some(comment) = line.trim_start().strip_prefix("--") {
            if query.trim().is_empty() {
                comment.trim().clone_into(&mut title);
            }
            continue;
        }
        query.push_str(line);
        query.push('\n');
        if line.trim_end().ends_with(';') {
            found.push((title.clone(), std::mem::take(&mut query)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_comes_with_its_promise() {
        let file = "-- About.\n\n-- I1 one\nSELECT 1\nFROM a;\n\n-- I2 two\n-- I2 in short\nSELECT 2;\n";
        let found = invariants(file);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].0, "I1 one");
        assert!(found[1].1.contains("SELECT 2;") && found[1].0 == "I2 in short");
    }
}

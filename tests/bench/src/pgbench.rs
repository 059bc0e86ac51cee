//! pgbench, as the yardstick: the same SQL, prepared, over the same socket and as many connections.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::crowd::{PEOPLE, SESSIONS};
use crate::database;
use crate::load::Measured;
use crate::script::Script;
use crate::stack::Stack;

/// How a script is run.
pub struct Run<'a> {
    pub script: &'a Script,
    /// Where it was written.
    pub file: &'a Path,
    pub role: &'a str,
    pub password: &'a str,
    pub connections: usize,
    pub duration: Duration,
    pub first_session: u64,
    /// Milliseconds since 1970: what the ids of this run begin with.
    pub stamp: i64,
}

/// Threads of pgbench itself.
const THREADS: usize = 2;

pub async fn run(stack: &Stack, run: &Run<'_>) -> Result<Measured> {
    let prefix = stack.output.join("pgbench");
    let variables = [
        ("i", "-1".to_owned()),
        ("first", "0".to_owned()),
        ("clients", run.connections.to_string()),
        ("people", PEOPLE.to_string()),
        ("sessions", SESSIONS.to_string()),
        ("sessions_from", run.first_session.to_string()),
        ("stamp", format!("{:012x}", run.stamp)),
    ];
    let mut command = Command::new(&stack.pgbench);
    command.args(["--no-vacuum", "--protocol=prepared", "--log"]);
    command.arg(format!("--log-prefix={}", prefix.display()));
    command.arg(format!("--client={}", run.connections));
    command.arg(format!("--jobs={}", THREADS.min(run.connections)));
    command.arg(format!("--time={}", run.duration.as_secs()));
    command.arg(format!("--file={}", run.file.display()));
    for (name, value) in &variables {
        command.arg(format!("--define={name}={value}"));
    }
    for (name, value) in &run.script.constants {
        command.arg(format!("--define={name}={value}"));
    }
    command.arg("--host").arg(&stack.sockets).arg(format!("--port={}", stack.postgres_port));
    command.arg(format!("--username={}", run.role)).arg(database::NAME);
    let output = command.env("PGPASSWORD", run.password).kill_on_drop(true).output().await;
    let output = output.context("running pgbench")?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || said.contains("aborted") {
        bail!("pgbench failed:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    }
    let rate = read_rate(&said).with_context(|| format!("pgbench told no rate:\n{said}"))?;
    let microseconds = take_logs(&stack.output)?;
    if microseconds.is_empty() {
        bail!("pgbench completed no transaction:\n{said}");
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
    let elapsed = Duration::from_secs_f64(microseconds.len() as f64 / rate);
    Ok(Measured { elapsed, statuses: BTreeMap::new(), microseconds })
}

/// `tps = 1234.5 (without initial connection time)`
fn read_rate(said: &str) -> Option<f64> {
    let (_, after) = said.split_once("tps = ")?;
    after.split_whitespace().next()?.parse().ok().filter(|rate| *rate > 0.0)
}

/// Reads and removes what each of pgbench's threads wrote: one line per transaction, its time in the third field.
fn take_logs(folder: &Path) -> Result<Vec<u32>> {
    let mut times = Vec::new();
    for path in log_files(folder)? {
        let text = std::fs::read_to_string(&path)?;
        std::fs::remove_file(&path)?;
        let fields = text.lines().filter_map(|line| line.split_whitespace().nth(2));
        times.extend(fields.filter_map(|time| time.parse::<u32>().ok()));
    }
    Ok(times)
}

fn log_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let of_pgbench = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("pgbench.")
    };
    Ok(entries.flatten().map(|entry| entry.path()).filter(of_pgbench).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_leaves_out_the_time_of_connecting() {
        let said = "latency average = 2.5 ms\ninitial connection time = 7.1 ms\n\
            tps = 6212.400000 (without initial connection time)\n";
        assert_eq!(read_rate(said), Some(6212.4));
        assert_eq!(read_rate("nothing"), None);
    }
}

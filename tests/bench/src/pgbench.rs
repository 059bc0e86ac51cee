//! pgbench, as the yardstick: the same SQL, prepared, over the same socket and as many connections.
//!
//! Its connections are new in every run, while those of the services are warm: what it does in its first second, when it
//! prepares and plans, is left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

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
    /// What the preamble of the script's pattern uses.
    pub variables: &'a [(&'a str, u64)],
    /// Milliseconds since 1970: what the ids of this run begin with.
    pub stamp: i64,
}

/// Threads of pgbench itself.
const THREADS: usize = 2;
const WARM_UP: Duration = Duration::from_secs(1);

pub async fn run(stack: &Stack, run: &Run<'_>) -> Result<Measured> {
    let prefix = stack.output.join("pgbench");
    let mut variables = vec![
        ("i", "-1".to_owned()),
        ("clients", run.connections.to_string()),
        ("stamp", format!("{:012x}", run.stamp)),
    ];
    variables.extend(run.variables.iter().map(|(name, value)| (*name, value.to_string())));
    let mut command = Command::new(&stack.pgbench);
    command.args(["--no-vacuum", "--protocol=prepared", "--log"]);
    command.arg(format!("--log-prefix={}", prefix.display()));
    command.arg(format!("--client={}", run.connections));
    command.arg(format!("--jobs={}", THREADS.min(run.connections)));
    command.arg(format!("--time={}", (WARM_UP + run.duration).as_secs()));
    command.arg(format!("--file={}", run.file.display()));
    for (name, value) in &variables {
        command.arg(format!("--define={name}={value}"));
    }
    for (name, value) in &run.script.constants {
        command.arg(format!("--define={name}={value}"));
    }
    command.arg("--host").arg(&stack.sockets).arg(format!("--port={}", stack.postgres_port));
    command.arg(format!("--username={}", run.role)).arg(database::NAME);
    command.env("PGPASSWORD", run.password);
    // It ends by itself, so nobody has to end it should this be given up.
    let output = tokio::task::spawn_blocking(move || command.output()).await?.context("running pgbench")?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || said.contains("aborted") {
        bail!("pgbench failed:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    }
    let measured = measure(take_logs(&stack.output)?);
    if measured.microseconds.is_empty() {
        bail!("pgbench completed no transaction after its first second:\n{said}");
    }
    Ok(measured)
}

/// A transaction: when it ended and how long it took, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ended {
    at: u64,
    took: u32,
}

fn measure(all: Vec<Ended>) -> Measured {
    let instant = |ended: &Ended| ended.at;
    let warm = all.iter().map(instant).min().unwrap_or_default()
        + u64::try_from(WARM_UP.as_micros()).unwrap_or_default();
    let (warming_up, measured): (Vec<Ended>, Vec<Ended>) = all.into_iter().partition(|ended| ended.at < warm);
    let last = measured.iter().map(instant).max().unwrap_or(warm);
    Measured {
        elapsed: Duration::from_micros(last - warm),
        statuses: BTreeMap::new(),
        microseconds: measured.iter().map(|ended| ended.took).collect(),
        beforehand: warming_up.len() as u64,
    }
}

/// Reads and removes what each of pgbench's threads wrote.
fn take_logs(folder: &Path) -> Result<Vec<Ended>> {
    let mut ended = Vec::new();
    for path in log_files(folder)? {
        let text = std::fs::read_to_string(&path)?;
        std::fs::remove_file(&path)?;
        ended.extend(text.lines().filter_map(read_line));
    }
    Ok(ended)
}

/// Client, number, time taken, script, then seconds and microseconds of the end.
fn read_line(line: &str) -> Option<Ended> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Ended { at: number(4)? * 1_000_000 + number(5)?, took: u32::try_from(number(2)?).ok()? })
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
    fn the_first_second_is_left_out() {
        let lines = [
            "0 1 900 0 1700000000 500000",
            "1 1 800 0 1700000001 499999",
            "0 2 700 0 1700000001 500000",
            "1 2 600 0 1700000002 0",
        ];
        let measured = measure(lines.iter().filter_map(|line| read_line(line)).collect());
        assert_eq!((measured.beforehand, measured.microseconds.as_slice()), (2, [700, 600].as_slice()));
        assert_eq!(measured.elapsed, Duration::from_millis(500));
    }
}

//! Where in their code the measured processes spend their time, as `perf` (Debian: `linux-perf`) sees it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::processes;
use crate::stack::{Member, Stack};

/// Samples a second. The event is the kernel's own clock, which virtual machines have as well.
const FREQUENCY: &str = "--freq=499";
const MOST_LINES: usize = 16;

/// Watches each of `members` for `duration` and says which functions were on a processor. Without a perf that works here
/// it says why there is nothing to say.
pub async fn watch(stack: &Stack, members: &[&Member], duration: Duration) -> String {
    let mut watched = Vec::new();
    for member in members {
        let file = stack.output.join(format!("perf-{}.data", member.name));
        watched.push((member.name.as_str(), start(member, &file, duration), file));
    }
    let mut text = String::new();
    for (name, started, file) in watched {
        match finish(started, &file).await {
            Ok(lines) => text.push_str(&format!("  on a processor in {name}, by perf\n{lines}")),
            Err(fault) => text.push_str(&format!("  perf has nothing to say about {name}: {fault:#}\n")),
        }
    }
    text
}

fn start(member: &Member, file: &Path, duration: Duration) -> Result<Child> {
    let family: Vec<String> = processes::family(member).iter().map(ToString::to_string).collect();
    Command::new("perf")
        .args(["record", "--quiet", "--event=cpu-clock", FREQUENCY])
        .arg(format!("--output={}", file.display()))
        .arg(format!("--pid={}", family.join(",")))
        .args(["--", "sleep", &duration.as_secs().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting perf")
}

async fn finish(started: Result<Child>, file: &Path) -> Result<String> {
    let mut started = started?;
    let status = tokio::task::spawn_blocking(move || started.wait()).await??;
    anyhow::ensure!(status.success(), "perf record ended with {status}");
    let report = Command::new("perf")
        .args(["report", "--stdio", "--no-children", "--sort=dso,symbol", "--percent-limit=0.7"])
        .arg(format!("--input={}", file.display()))
        .output()?;
    let said = String::from_utf8_lossy(&report.stdout);
    Ok(essence(&said))
}

/// The lines with figures, shortened.
fn essence(report: &str) -> String {
    let figures = report.lines().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    let short = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let line: String = words.join(" ").chars().take(130).collect();
        format!("    {line}\n")
    };
    figures.take(MOST_LINES).map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_with_figures_are_told() {
        let report = "# Samples: 10\n#\n    44.53%  booking  [.] serde::parse\n\n     2.00%  [kernel.kallsyms]  [k] tcp_sendmsg\n";
        assert_eq!(
            essence(report),
            "    44.53% booking [.] serde::parse\n    2.00% [kernel.kallsyms] [k] tcp_sendmsg\n"
        );
    }
}

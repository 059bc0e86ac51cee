//! `ctl status`: what runs, where and how well.

use anyhow::Result;

use crate::installation::Installation;
use crate::layout::Stack;
use crate::supervisor::{ProcessReport, ProcessState, Supervisor};

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct StatusArguments {
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// True when everything that shall run is ready.
pub(crate) fn run(stack: Stack, arguments: StatusArguments) -> Result<bool> {
    let installation = Installation::attach(stack)?;
    let reports = match Supervisor::running(&installation.layout) {
        Some(supervisor) => supervisor.status()?,
        None => Vec::new(),
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&reports)?);
    } else if reports.is_empty() {
        println!("nothing runs: ./deploy/up starts it");
    } else {
        print_table(&reports);
    }
    Ok(!reports.is_empty() && reports.iter().all(|report| report.state == ProcessState::Ready))
}

fn print_table(reports: &[ProcessReport]) {
    println!(
        "{:<12} {:>7} {:>8}  {:<14} {:<12} {:<21} {:>9} {:>8}",
        "name", "replica", "pid", "ports", "state", "since", "rss", "restarts"
    );
    for report in reports {
        let ports: Vec<String> = report.ports.iter().map(ToString::to_string).collect();
        println!(
            "{:<12} {:>7} {:>8}  {:<14} {:<12} {:<21} {:>9} {:>8}{}",
            report.name,
            report.replica,
            report.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            ports.join(","),
            report.state.as_str(),
            report.since,
            report.rss_bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{} MiB", bytes >> 20)),
            report.restarts,
            report.reason.as_deref().map(|reason| format!("  {reason}")).unwrap_or_default(),
        );
    }
}

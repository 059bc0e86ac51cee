//! Runs cargo-nextest and reads its counts from the JUnit report.

use std::path::PathBuf;

use anyhow::{Context, Result};
use tokio::process::Command;

use super::tally::Tally;
use crate::binaries::{self, cargo};
use crate::installation::Installation;

/// Runs the tests that `filter` names. Ignored ones run too: a skipped test counts as failed, so none is skipped.
pub(crate) async fn run(
    installation: &Installation,
    filter: &str,
    environment: Vec<(String, String)>,
) -> Result<Tally> {
    let report = report_file(installation);
    // A report of an earlier run must not be taken for this one's.
    let _ = std::fs::remove_file(&report);
    let mut command = Command::from(cargo(&installation.layout.checkout));
    command.args([
        "nextest",
        "run",
        "--locked",
        "--profile",
        "ci",
        "--run-ignored",
        "all",
        "--no-tests=pass",
        "--filterset",
        filter,
    ]);
    let status =
        command.args(binaries::selection(installation)).envs(environment).kill_on_drop(true).status().await;
    let status = status.context("running cargo nextest")?;
    match std::fs::read_to_string(&report) {
        Ok(text) => {
            let tally = read_counts(&text).with_context(|| format!("reading {}", report.display()))?;
            // Whatever else made it fail must not look green.
            Ok(if status.success() || tally.failed > 0 { tally } else { Tally { failed: 1, ..tally } })
        }
        Err(_) if status.success() => Ok(Tally::default()),
        Err(_) => Ok(Tally::failed()),
    }
}

fn report_file(installation: &Installation) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    installation.layout.checkout.join(target).join("nextest/ci/junit.xml")
}

/// The root element counts the whole run.
fn read_counts(report: &str) -> Option<Tally> {
    let root = report.split_once("<testsuites ")?.1.split_once('>')?.0;
    let count = |name: &str| -> Option<u64> {
        let (_, after) = root.split_once(&format!("{name}=\""))?;
        after.split_once('"')?.0.parse().ok()
    };
    let failed = count("failures")? + count("errors")? + count("skipped").unwrap_or(0);
    Some(Tally { passed: count("tests")?.checked_sub(failed)?, failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_whole_run() {
        let report = r#"<?xml version="1.0"?>
            <testsuites name="nextest-run" tests="7" skipped="1" failures="1" errors="1" uuid="x" time="1.5">
            <testsuite name="a" tests="3" disabled="0" errors="0" failures="1"/></testsuites>"#;
        assert_eq!(read_counts(report), Some(Tally { passed: 4, failed: 3 }));
        assert_eq!(read_counts("<nothing/>"), None);
    }
}

//! Runs cargo-nextest and reads what became of it from the JUnit report.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
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
    let report = report_file(&installation.layout.checkout, "ci");
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

/// The test programs of the workspace, built once: each run after that goes without cargo.
#[derive(Debug)]
pub(crate) struct Built {
    checkout: PathBuf,
    programs: PathBuf,
    workspace: PathBuf,
}

/// What became of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// With the modules it is in.
    pub(crate) name: String,
    pub(crate) failure: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// As nextest calls it: a timeout is another kind.
    kind: String,
    /// Everything that the test said.
    output: String,
}

impl Case {
    /// One that failed by a panic in this file.
    #[cfg(test)]
    pub(crate) fn failed(name: &str, file: &str) -> Self {
        let output = format!("thread panicked at {file}:7:5");
        Self { name: name.to_owned(), failure: Some(Failure { kind: "test failure".to_owned(), output }) }
    }

    /// The function alone.
    pub(crate) fn function(&self) -> &str {
        self.name.rsplit("::").next().unwrap_or(&self.name)
    }
}

impl Failure {
    /// The files in which something panicked, where the test failed by that and by nothing else.
    pub(crate) fn panicked_in(&self) -> impl Iterator<Item = &str> {
        let places = self.output.split("panicked at ").skip(1).filter_map(|rest| rest.split(':').next());
        places.filter(|_| self.kind.starts_with("test failure"))
    }
}

impl Built {
    /// Builds with the selection of every other test.
    pub(crate) async fn new(installation: &Installation) -> Result<Self> {
        let checkout = installation.layout.checkout.clone();
        let folder = report_file(&checkout, "mutants").with_file_name("built");
        std::fs::create_dir_all(&folder)?;
        let mut list = Command::from(cargo(&checkout));
        list.args([
            "nextest",
            "list",
            "--locked",
            "--list-type",
            "binaries-only",
            "--message-format",
            "json",
        ]);
        let programs = kept(&folder, "programs.json", list.args(binaries::selection(installation))).await?;
        let mut metadata = Command::from(cargo(&checkout));
        metadata.args(["metadata", "--locked", "--format-version", "1"]);
        let workspace = kept(&folder, "workspace.json", &mut metadata).await?;
        Ok(Self { checkout, programs, workspace })
    }

    /// What became of each test that `filter` names.
    pub(crate) async fn run(&self, filter: &str, environment: &[(String, String)]) -> Result<Vec<Case>> {
        let report = report_file(&self.checkout, "mutants");
        let _ = std::fs::remove_file(&report);
        let mut command = Command::from(cargo(&self.checkout));
        command.args(["nextest", "run", "--profile", "mutants", "--run-ignored", "all", "--no-tests=pass"]);
        command.arg("--binaries-metadata").arg(&self.programs).arg("--cargo-metadata").arg(&self.workspace);
        command.args(["--filterset", filter]).envs(environment.iter().cloned());
        let output = command.kill_on_drop(true).output().await.context("running cargo nextest")?;
        match std::fs::read_to_string(&report) {
            Ok(text) => Ok(read_cases(&text)),
            Err(_) if output.status.success() => Ok(Vec::new()),
            Err(_) => bail!("nextest ran nothing: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}

/// Runs `command` and keeps what it prints; what it says beside stays to be read.
async fn kept(folder: &Path, name: &str, command: &mut Command) -> Result<PathBuf> {
    let file = folder.join(name);
    let output = std::fs::File::create(&file).with_context(|| format!("writing {}", file.display()))?;
    let status = command.stdout(output).kill_on_drop(true).status().await.context("running cargo")?;
    if !status.success() {
        bail!("the tests cannot be built ({status}): see above");
    }
    Ok(file)
}

fn report_file(checkout: &Path, profile: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    checkout.join(target).join("nextest").join(profile).join("junit.xml")
}

/// The root element counts the whole run.
fn read_counts(report: &str) -> Option<Tally> {
    let root = report.split_once("<testsuites ")?.1.split_once('>')?.0;
    let count = |name: &str| -> Option<u64> { attribute(root, name)?.parse().ok() };
    let failed = count("failures")? + count("errors")? + count("skipped").unwrap_or(0);
    Some(Tally { passed: count("tests")?.checked_sub(failed)?, failed })
}

fn read_cases(report: &str) -> Vec<Case> {
    let elements = report.split("<testcase ").skip(1);
    let cases = elements.filter_map(|element| {
        let name = attribute(element, "name")?.to_owned();
        let failure = element.split_once("<failure ").map(|(_, failure)| Failure {
            kind: attribute(failure, "type").unwrap_or_default().to_owned(),
            output: failure.to_owned(),
        });
        Some(Case { name, failure })
    });
    cases.collect()
}

fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = element.split_once(&format!("{name}=\""))?;
    after.split('"').next()
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

    #[test]
    fn a_test_that_fails_says_where_and_one_that_takes_too_long_says_nothing() {
        let report = r#"<testsuites tests="3"><testsuite name="auth::it">
            <testcase name="pages::v22_a" classname="auth::it" time="0.1"></testcase>
            <testcase name="pages::v22_b" classname="auth::it" time="0.1">
                <failure type="test failure with exit code 101" message="thread &apos;x&apos; panicked at a/b.rs:7:5">no</failure>
            </testcase>
            <testcase name="v22_c" classname="auth::it" time="60">
                <failure type="test timeout" message="thread panicked at a/b.rs:7:5"/>
            </testcase></testsuite></testsuites>"#;
        let cases = read_cases(report);
        let seen: Vec<_> = cases.iter().map(|case| (case.function(), case.failure.is_some())).collect();
        assert_eq!(seen, [("v22_a", false), ("v22_b", true), ("v22_c", true)]);
        let places =
            |case: &Case| case.failure.iter().flat_map(Failure::panicked_in).collect::<Vec<_>>().len();
        assert_eq!((places(&cases[1]), places(&cases[2])), (1, 0));
        assert_eq!(cases[1].failure.as_ref().unwrap().panicked_in().next(), Some("a/b.rs"));
    }
}

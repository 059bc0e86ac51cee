//! Takes one defence after the other away and demands that a test of its failure notices.

use std::path::PathBuf;

use anyhow::Result;

use super::defences::{LEFT_OUT, Source, number_of, numbers_of};
use super::failures::FAILURES;
use super::nextest::{Built, Case, Failure};
use super::tally::Tally;
use super::{checks, defence_table};
use crate::installation::Installation;
use crate::redis;

/// Read by `shinkofa_kernel::defence`.
const VARIABLE: &str = "SHINKOFA_DEFENCE_OFF";

/// Asserts for the tests that have it compare times: what it finds, they find.
const TIMING: &str = "shared/testing/src/timing.rs";

const REDIS: &str = "SHINKOFA_TEST_REDIS_URL";

/// What to do with what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    Print,
    /// Also into `docs/security/defences.md`.
    Write,
}

/// What the tests of a failure said with one defence off.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) defence: String,
    pub(crate) files: Vec<PathBuf>,
    /// How many of its tests pass with everything on.
    pub(crate) passing: usize,
    /// Those that fail without it, by what they assert.
    pub(crate) noticing: Vec<String>,
}

pub(crate) async fn run(
    installation: &Installation,
    environment: &[(String, String)],
    record: Record,
) -> Result<Tally> {
    let source = Source::read(&installation.layout.checkout)?;
    let built = Built::new(installation).await?;
    let mut tally = Tally::default();
    let all = filter(&source, 1..=FAILURES.len());
    let control = built.run(&all, &without(environment, ("", 1))).await?;
    for case in control.iter().filter(|case| case.failure.is_some()) {
        tally += said(false, &format!("{} fails with every defence on", case.name));
    }
    let mut verdicts = Vec::new();
    for (run, (defence, files)) in (2..).zip(&source.defences) {
        let number = number_of(defence)?;
        let off = without(environment, (defence, run));
        let cases = built.run(&filter(&source, number..=number), &off).await?;
        let passing: Vec<&str> = control
            .iter()
            .filter(|case| shows(case, number) && case.failure.is_none())
            .map(|case| case.name.as_str())
            .collect();
        let noticing = cases.iter().filter(|case| notices(&source, case)).map(|case| case.name.clone());
        let verdict = Verdict {
            defence: defence.clone(),
            files: files.iter().cloned().collect(),
            passing: passing.len(),
            noticing: noticing.filter(|name| passing.contains(&name.as_str())).collect(),
        };
        tally += said(!verdict.noticing.is_empty(), &sentence(&verdict));
        verdicts.push(verdict);
    }
    for number in (1..=FAILURES.len()).filter(|number| !has_defence(&source, *number)) {
        tally += said(false, &format!("V{number:02}: the source has no defence that can be taken away"));
    }
    let table = defence_table::render(&source, &verdicts);
    println!("\n{table}");
    if record == Record::Write {
        defence_table::write(&installation.layout.checkout, &table)?;
    }
    tally += checks::defence_table(&installation.layout.checkout);
    Ok(tally)
}

/// The environment of a run with `defence` off. Each has a database of its own in Redis, where attempts are counted by a clock
/// that stands still: what one run did must not be what another is refused for.
fn without(environment: &[(String, String)], (defence, run): (&str, usize)) -> Vec<(String, String)> {
    let place = |(name, value): &(String, String)| {
        let value = match value.strip_suffix("/0").filter(|_| name == REDIS) {
            Some(server) => format!("{server}/{}", run % redis::TEST_DATABASES),
            None => value.clone(),
        };
        (name.clone(), value)
    };
    // Empty where the caller's own shell takes one away.
    environment.iter().map(place).chain([(VARIABLE.to_owned(), defence.to_owned())]).collect()
}

/// The tests of these failures, in the packages that have any.
fn filter(source: &Source, numbers: impl Iterator<Item = usize>) -> String {
    let numbers: Vec<usize> = numbers.collect();
    let mut packages: Vec<String> = numbers
        .iter()
        .flat_map(|number| source.packages(*number))
        .map(|package| format!("package({package})"))
        .collect();
    packages.sort();
    packages.dedup();
    let numbers: Vec<String> = numbers.iter().map(|number| format!("{number:02}")).collect();
    let named = format!("(^|::)(v[0-9][0-9]_)*v({})_", numbers.join("|"));
    let packages = if packages.is_empty() { "none()".to_owned() } else { packages.join(" | ") };
    format!("({packages}) & test(/{named}/) & not test(/{}/)", LEFT_OUT.join("|"))
}

fn shows(case: &Case, number: usize) -> bool {
    numbers_of(case.function()).contains(&number)
}

/// Does the test fail in its own file, by an assertion or by an answer that it did not expect, or by a comparison of times? One
/// that fails in what it prepares with the help of others, or that waits for ever, shows nothing. What it prepares by itself is
/// not told from what it is about: its name says which is which.
fn notices(source: &Source, case: &Case) -> bool {
    let mut places = case.failure.iter().flat_map(Failure::panicked_in);
    places.any(|file| file == TIMING || source.is_in(case.function(), file))
}

fn has_defence(source: &Source, number: usize) -> bool {
    source.defences.keys().any(|name| number_of(name).is_ok_and(|found| found == number))
}

fn sentence(Verdict { defence, passing, noticing, .. }: &Verdict) -> String {
    match noticing.as_slice() {
        [] => format!("{defence}: none of its {passing} tests fails without it"),
        [first, ..] => {
            format!("{defence}: {} of its {passing} tests fail without it: {first}", noticing.len())
        }
    }
}

fn said(proven: bool, sentence: &str) -> Tally {
    println!("{:<10} {sentence}", if proven { "passed" } else { "failed" });
    if proven { Tally::passed() } else { Tally::failed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_notices_in_its_own_file_or_by_its_times_and_not_in_the_help_that_it_had() {
        let mut source = Source::default();
        let file = std::path::Path::new("services/auth/tests/it/v01.rs");
        source.read_text(file, "async fn v01_a() {}", || Ok("auth".to_owned())).unwrap();
        let noticed = |place: &str| notices(&source, &Case::failed("v01::v01_a", place));
        assert!(noticed("services/auth/tests/it/v01.rs") && noticed(TIMING));
        assert!(!noticed("services/auth/tests/it/people.rs"));
    }

    #[test]
    fn a_filter_names_the_tests_of_a_failure_and_no_others() {
        let source = Source::default();
        assert_eq!(
            filter(&source, 3..=3),
            "(none()) & test(/(^|::)(v[0-9][0-9]_)*v(03)_/) & not test(/thousand|node_middleware/)"
        );
    }

    #[test]
    fn a_run_takes_one_defence_away_and_counts_attempts_apart() {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let given = [(REDIS, "redis://:x@127.0.0.1:1/0"), ("SHINKOFA_TEST_POSTGRES_PORT", "2")].map(own);
        let expected =
            [(REDIS, "redis://:x@127.0.0.1:1/7"), ("SHINKOFA_TEST_POSTGRES_PORT", "2"), (VARIABLE, "V06")];
        assert_eq!(without(&given, ("V06", 7)), expected.map(own));
    }
}

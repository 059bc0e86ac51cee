//! `docs/security/defences.md`: every defence, the tests that pass with it, and those that were seen to fail without it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::defences::{Source, number_of};
use super::failures::FAILURES;
use super::mutants::Verdict;

const FILE: &str = "docs/security/defences.md";

const HEAD: &str = "# Every defence, and the tests that fail without it

Written by `./deploy/test --only mutants --write`; not by hand. V1 to V28 are failures that others had. What keeps one of them
out stands in the source as a condition, `defended!(\"V14-replay\")`, which is constantly true in every release. Builds for tests can
take one defence at a time away: then the same program makes the mistake of the precedent, and a test of that number has to
fail by what it asserts. With all defences on the same tests, of the same build, pass.

";

pub(crate) fn render(source: &Source, verdicts: &[Verdict]) -> String {
    let mut text = HEAD.to_owned();
    for (index, failure) in FAILURES.iter().enumerate() {
        let number = index + 1;
        let _ = writeln!(text, "## V{number}\n\n{failure}\n");
        let of_number = verdicts.iter().filter(|verdict| number_of(&verdict.defence).ok() == Some(number));
        let rows: Vec<String> = of_number.map(row).collect();
        if rows.is_empty() {
            text.push_str("Nothing in the source can be taken away.\n\n");
        } else {
            text.push_str("| defence | in | with it | without it |\n|---|---|---|---|\n");
            let _ = writeln!(text, "{}\n", rows.join("\n"));
        }
        let suite: Vec<String> = source.suite_tests(number).map(|test| format!("`{}`", test.name)).collect();
        if !suite.is_empty() {
            let _ = writeln!(text, "On the whole platform, by the suite: {}.\n", suite.join(", "));
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn row(verdict: &Verdict) -> String {
    let files: Vec<String> = verdict.files.iter().map(|file| format!("`{}`", file.display())).collect();
    let seen: Vec<String> = verdict.noticing.iter().map(|name| format!("`{name}`")).collect();
    let without =
        if seen.is_empty() { "**nothing fails**".to_owned() } else { format!("fails: {}", seen.join(", ")) };
    format!("| {} | {} | {} pass | {without} |", verdict.defence, files.join(", "), verdict.passing)
}

pub(crate) fn write(checkout: &Path, table: &str) -> Result<()> {
    let path = path(checkout);
    std::fs::create_dir_all(path.parent().unwrap_or(checkout))?;
    std::fs::write(&path, table).with_context(|| format!("writing {}", path.display()))?;
    println!("{FILE}");
    Ok(())
}

/// Fails where the file does not list the very defences that the source has.
pub(crate) fn check(checkout: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path(checkout)).with_context(|| format!("reading {FILE}"))?;
    let listed: BTreeSet<&str> = names(&text).collect();
    let source = Source::read(checkout)?;
    let there: BTreeSet<&str> = source.defences.keys().map(String::as_str).collect();
    let differing: Vec<&str> = listed.symmetric_difference(&there).copied().collect();
    if !differing.is_empty() {
        bail!(
            "{FILE} is not about this source ({}): ./deploy/test --only mutants --write",
            differing.join(", ")
        );
    }
    Ok(())
}

fn path(checkout: &Path) -> PathBuf {
    checkout.join(FILE)
}

fn names(table: &str) -> impl Iterator<Item = &str> {
    let cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    cells.filter(|cell| number_of(cell).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_each_defence_where_the_check_finds_it() {
        let verdict = |defence: &str, noticing: &[&str]| Verdict {
            defence: defence.to_owned(),
            files: vec![PathBuf::from("services/auth/src/claim.rs")],
            passing: 5,
            noticing: noticing.iter().map(|name| (*name).to_owned()).collect(),
        };
        let verdicts = [verdict("V06", &["magic_link::v06_a"]), verdict("V14-replay", &[])];
        let text = render(&Source::default(), &verdicts);
        assert!(
            text.contains("| V06 | `services/auth/src/claim.rs` | 5 pass | fails: `magic_link::v06_a` |")
        );
        assert_eq!(names(&text).collect::<Vec<_>>(), ["V06", "V14-replay"]);
    }
}

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
    let seen: Vec<String> = verdict.noticing.iter().map(|name| format!("`{name}`")).collect();
    let without =
        if seen.is_empty() { "**nothing fails**".to_owned() } else { format!("fails: {}", seen.join(", ")) };
    let (files, with) = (files_cell(&verdict.files), passing_cell(verdict.passing));
    format!("| {} | {files} | {with} | {without} |", verdict.defence)
}

fn passing_cell(tests: usize) -> String {
    format!("{tests} pass")
}

fn files_cell<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> String {
    let files: Vec<String> = files.into_iter().map(|file| format!("`{}`", file.display())).collect();
    files.join(", ")
}

pub(crate) fn write(checkout: &Path, table: &str) -> Result<()> {
    let path = path(checkout);
    std::fs::create_dir_all(path.parent().unwrap_or(checkout))?;
    std::fs::write(&path, table).with_context(|| format!("writing {}", path.display()))?;
    println!("{FILE}");
    Ok(())
}

/// Fails where the file is not what the stage would write of this source: another head, other defences or other places, a row
/// that nobody has run yet or that nothing fails for, more tests or fewer, or one that is there no more. With every defence on all of
/// them pass, or the stage fails: so how many they are is told by the source.
pub(crate) fn check(checkout: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path(checkout)).with_context(|| format!("reading {FILE}"))?;
    let faults = faults(&text, &Source::read(checkout)?);
    if !faults.is_empty() {
        bail!("{FILE} does not hold: {}. Run ./deploy/test --only mutants --write", faults.join("; "));
    }
    Ok(())
}

fn faults(text: &str, source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.starts_with(HEAD) {
        faults.push("it begins with another text than the stage writes".to_owned());
    }
    let mut listed = BTreeSet::new();
    for Row { defence, files, with, without } in rows(text) {
        match source.defences.get(defence) {
            Some(there) if files_cell(there) == files => {}
            Some(_) => faults.push(format!("{defence} stands elsewhere")),
            None => faults.push(format!("{defence} is in the source no more")),
        }
        let names: Vec<&str> = without.split('`').skip(1).step_by(2).collect();
        let tests = source.count_run(number_of(defence).unwrap_or_default());
        if !with.ends_with(" pass") || names.is_empty() {
            faults.push(format!("nothing is known to fail without {defence}"));
        } else if with != passing_cell(tests) {
            faults.push(format!("{defence}: {with}, and its number has {tests} tests"));
        }
        let gone = names.iter().filter(|name| !is_there(source, defence, name));
        faults.extend(gone.map(|name| format!("{defence}: there is no test {name}")));
        listed.insert(defence);
    }
    let missing = source.defences.keys().filter(|defence| !listed.contains(defence.as_str()));
    faults.extend(missing.map(|defence| format!("{defence} is not listed")));
    faults
}

/// Does a test of the defence's number have this name?
fn is_there(source: &Source, defence: &str, name: &str) -> bool {
    let function = name.rsplit("::").next().unwrap_or(name);
    let number = number_of(defence).ok();
    source
        .tests
        .iter()
        .any(|test| test.name == function && test.numbers.iter().any(|found| Some(*found) == number))
}

fn path(checkout: &Path) -> PathBuf {
    checkout.join(FILE)
}

/// One line of the table, as it was written.
struct Row<'a> {
    defence: &'a str,
    files: &'a str,
    with: &'a str,
    without: &'a str,
}

fn rows(table: &str) -> impl Iterator<Item = Row<'_>> {
    let lines = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = lines.filter_map(|line| match *line.split(" | ").collect::<Vec<_>>() {
        [defence, files, with, without] => Some(Row { defence, files, with, without }),
        _ => None,
    });
    rows.filter(|row| number_of(row.defence).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "services/auth/src/claim.rs";

    fn verdict(defence: &str, noticing: &[&str]) -> Verdict {
        Verdict {
            defence: defence.to_owned(),
            files: vec![PathBuf::from(PLACE)],
            passing: 1,
            noticing: noticing.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// A source with one defence and one test of its number.
    fn source() -> Source {
        let mut source = Source::default();
        for (file, text) in [
            (PLACE, "if defended!(\"V06\") { return; }"),
            ("services/auth/tests/it/magic_link.rs", "fn v06_a() {}"),
        ] {
            source.read_text(Path::new(file), text, || Ok("auth".to_owned())).unwrap();
        }
        source
    }

    #[test]
    fn the_table_lists_each_defence_where_the_check_finds_it() {
        let verdicts = [verdict("V06", &["magic_link::v06_a"]), verdict("V14-replay", &[])];
        let text = render(&Source::default(), &verdicts);
        assert!(
            text.contains("| V06 | `services/auth/src/claim.rs` | 1 pass | fails: `magic_link::v06_a` |")
        );
        assert_eq!(rows(&text).map(|row| row.defence).collect::<Vec<_>>(), ["V06", "V14-replay"]);
    }

    #[test]
    fn a_table_of_this_source_holds() {
        let text = render(&source(), &[verdict("V06", &["magic_link::v06_a"])]);
        assert_eq!(faults(&text, &source()), Vec::<String>::new());
    }

    #[test]
    fn a_table_that_says_more_than_was_seen_does_not_hold() {
        let seen = render(&source(), &[verdict("V06", &["magic_link::v06_a"])]);
        let faults = |text: &str| faults(text, &source());
        let not_run = seen.replace("1 pass | fails: `magic_link::v06_a`", "not run yet | not run yet");
        assert_eq!(faults(&not_run), ["nothing is known to fail without V06"]);
        let nothing = render(&source(), &[verdict("V06", &[])]);
        assert_eq!(faults(&nothing), ["nothing is known to fail without V06"]);
        assert_eq!(faults(&seen.replace("1 pass", "2 pass")), ["V06: 2 pass, and its number has 1 tests"]);
        assert_eq!(faults(&seen.replace("v06_a", "v06_b")), ["V06: there is no test magic_link::v06_b"]);
        assert_eq!(faults(&seen.replace("claim.rs", "other.rs")), ["V06 stands elsewhere"]);
        assert_eq!(
            faults(&seen.replace("not by hand", "or by hand")),
            ["it begins with another text than the stage writes"]
        );
        assert_eq!(
            faults(&seen.replace("| V06 |", "| V07 |")),
            [
                "V07 is in the source no more",
                "V07: 1 pass, and its number has 0 tests",
                "V07: there is no test magic_link::v06_a",
                "V06 is not listed",
            ]
        );
    }
}

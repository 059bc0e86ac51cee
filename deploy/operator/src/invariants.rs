//! What must always be true of the data, as the services write it down: `services/*/invariants*.sql`.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use crate::installation::Installation;
use crate::postgres;

/// One promise and the query that finds what breaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invariant {
    /// Whose schema its plain table names mean.
    pub(crate) service: String,
    /// `I5 every unit of a lot is somewhere`.
    pub(crate) title: String,
    query: String,
}

/// Enough to see what is wrong.
const ROWS_SHOWN: u32 = 5;

/// The first rows that break each of them, as JSON. `settled` also judges what a saga may still be working on.
pub(crate) fn violations(
    installation: &Installation,
    invariants: &[Invariant],
    settled: bool,
) -> Result<Vec<Vec<String>>> {
    let mut sql = String::new();
    if settled {
        sql.push_str("SET invariants.lag = '0 s';\n");
    }
    for (place, Invariant { service, query, .. }) in invariants.iter().enumerate() {
        // The row is text before its number stands in front of it: beside JSON the number would be read as JSON as well.
        let _ = writeln!(
            sql,
            "SET search_path = {service};\n\
             SELECT '{place} ' || to_jsonb(broken)::text FROM (\n{query}\n) broken LIMIT {ROWS_SHOWN};"
        );
    }
    let said =
        postgres::query(installation, postgres::DATABASE, &sql).context("asking for what is broken")?;
    let mut violations = vec![Vec::new(); invariants.len()];
    for line in said.lines() {
        let (place, row) = line.split_once(' ').with_context(|| format!("psql said {line:?}"))?;
        let place: usize = place.parse().with_context(|| format!("psql said {line:?}"))?;
        violations.get_mut(place).context("an answer to no question")?.push(row.to_owned());
    }
    Ok(violations)
}

/// Those of every service that runs here.
pub(crate) fn read_all(installation: &Installation) -> Result<Vec<Invariant>> {
    let mut invariants = Vec::new();
    for service in installation.services().filter(|service| service.database) {
        let folder = installation.layout.checkout.join("services").join(&service.name);
        let mut files: Vec<_> = std::fs::read_dir(&folder)
            .with_context(|| format!("reading {}", folder.display()))?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_invariant_file(path))
            .collect();
        files.sort();
        for file in files {
            let text =
                std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            invariants.extend(parse(&service.name, &text));
        }
    }
    Ok(invariants)
}

fn is_invariant_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("invariants") && name.ends_with(".sql")
}

/// A line `-- I5 what it says` begins a promise, a semicolon ends its query; other comments are prose.
fn parse(service: &str, text: &str) -> Vec<Invariant> {
    let mut invariants: Vec<Invariant> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("-- ").filter(|comment| is_title(comment)) {
            Some(title) => invariants.push(Invariant {
                service: service.to_owned(),
                title: title.to_owned(),
                query: String::new(),
            }),
            None if line.trim_start().starts_with("--") => {}
            None => {
                if let Some(current) = invariants.last_mut() {
                    current.query.push_str(line.trim_end().trim_end_matches(';'));
                    current.query.push('\n');
                }
            }
        }
    }
    invariants
}

/// A capital and a number.
fn is_title(comment: &str) -> bool {
    let mut letters = comment.chars();
    letters.next().is_some_and(|first| first.is_ascii_uppercase())
        && letters.next().is_some_and(|second| second.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installation::tests::installation;

    #[test]
    fn every_title_begins_a_query_and_prose_does_not() {
        let text = "-- The promises.\n\n-- I1 seats\nSELECT 1\nWHERE false;\n\n-- Prose.\n-- I4.paid paid\nSELECT 2;\n";
        let found = parse("booking", text);
        let pairs: Vec<_> = found.iter().map(|found| (found.title.as_str(), found.query.trim())).collect();
        assert_eq!(pairs, [("I1 seats", "SELECT 1\nWHERE false"), ("I4.paid paid", "SELECT 2")]);
    }

    #[test]
    fn the_promises_of_every_service_are_found() {
        let titles: Vec<String> =
            read_all(&installation(&[])).unwrap().into_iter().map(|found| found.title).collect();
        for number in
            ["A1 ", "A6.left ", "A12 ", "I1 ", "I3 ", "I4 ", "I5 ", "I6 ", "I7 ", "I8 ", "N1 ", "N5 "]
        {
            assert!(titles.iter().any(|title| title.starts_with(number)), "nothing asks {number}");
        }
    }
}

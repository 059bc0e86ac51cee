//! What must always be true, asked of the database after every test.
//!
//! The questions are the services' own: `services/*/invariants*.sql`. A line `-- I<number> what it says` begins one, a
//! semicolon ends it, and every row it returns breaks the promise.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::{Stack, Superuser, until_within};

/// One promise.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Invariant {
    /// Whose schema its plain table names mean.
    service: String,
    title: String,
    query: String,
}

/// By then every saga has settled, whatever was killed on the way.
const LAG: Duration = Duration::from_secs(60);

/// Waits until nothing is under way any more, and fails the test with the rows of every promise that is then broken.
pub async fn check(stack: &Stack) {
    stack.wait_until_ready().await;
    let invariants = read_all(&stack.checkout);
    for letter in ["I1 ", "I3 ", "I4 ", "I5 ", "I6 ", "I7 ", "I8 "] {
        assert!(
            invariants.iter().any(|invariant| invariant.title.starts_with(letter)),
            "nothing asks {letter}"
        );
    }
    let mut superuser = stack.superuser().await;
    superuser.run("SET invariants.lag = '0 s'").await;
    let started = Instant::now();
    until_within(LAG * 2, "the invariants hold", async || {
        let broken = broken(&mut superuser, &invariants).await;
        assert!(broken.is_empty() || started.elapsed() < LAG, "broken after {LAG:?}:\n{broken}");
        broken.is_empty().then_some(())
    })
    .await;
}

/// The promises that do not hold, with the first rows that say so.
async fn broken(superuser: &mut Superuser, invariants: &[Invariant]) -> String {
    let mut broken = String::new();
    for Invariant { service, title, query } in invariants {
        superuser.run(&format!("SET search_path = {service}")).await;
        let rows = superuser.rows(query).await;
        if !rows.is_empty() {
            let shown: Vec<String> = rows.iter().take(5).map(ToString::to_string).collect();
            let _ = writeln!(broken, "{service}: {title}: {} rows\n  {}", rows.len(), shown.join("\n  "));
        }
    }
    broken
}

fn read_all(checkout: &Path) -> Vec<Invariant> {
    let mut invariants = Vec::new();
    let services = std::fs::read_dir(checkout.join("services")).expect("the services' folder");
    for service in services.flatten() {
        let name = service.file_name().to_string_lossy().into_owned();
        let Ok(files) = std::fs::read_dir(service.path()) else { continue };
        for file in files.flatten() {
            let file_name = file.file_name().to_string_lossy().into_owned();
            if file_name.starts_with("invariants") && file_name.ends_with(".sql") {
                let text = std::fs::read_to_string(file.path()).expect("a readable file");
                invariants.extend(parse(&name, &text));
            }
        }
    }
    invariants
}

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

/// A capital and a number: `I4.paid what is confirmed ...`.
fn is_title(comment: &str) -> bool {
    let mut letters = comment.chars();
    letters.next().is_some_and(|first| first.is_ascii_uppercase())
        && letters.next().is_some_and(|second| second.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_title_begins_a_query_and_prose_does_not() {
        let text = "-- The promises.\n\n-- I1 seats\nSELECT 1\nWHERE false;\n\n-- Prose.\n-- I4.paid paid\nSELECT 2;\n";
        let found = parse("booking", text);
        let pairs: Vec<_> = found.iter().map(|found| (found.title.as_str(), found.query.trim())).collect();
        assert_eq!(pairs, [("I1 seats", "SELECT 1\nWHERE false"), ("I4.paid paid", "SELECT 2")]);
    }
}

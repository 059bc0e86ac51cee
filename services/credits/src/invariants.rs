//! The promises of the ledger as queries: whoever runs one and finds a row has found a fault.

/// Every query with its name; `credits.` stands before each table, so that anybody may run them.
pub const SQL: &str = include_str!("../invariants.sql");

/// One promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invariant {
    /// `I5`, as in the design page.
    pub name: String,
    /// What it says.
    pub says: String,
    /// Returns the offending rows.
    pub query: String,
}

/// Reads a file of invariants: a line `-- I5 what it says` begins a query, which ends with a semicolon.
pub fn parse(file: &str) -> Vec<Invariant> {
    let mut invariants: Vec<Invariant> = Vec::new();
    for line in file.lines() {
        let title = line.strip_prefix("-- I").and_then(|title| title.split_once(' '));
        match (title, invariants.last_mut()) {
            (Some((number, says)), _) => {
                invariants.push(Invariant {
                    name: format!("I{number}"),
                    says: says.to_owned(),
                    query: String::new(),
                });
            }
            (None, Some(invariant)) if !line.starts_with("--") => {
                invariant.query.push_str(line.trim_end_matches(';'));
                invariant.query.push('\n');
            }
            _ => {}
        }
    }
    invariants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_promise_of_the_design_page_that_lies_here_has_its_query() {
        let invariants = parse(SQL);
        for number in ["I4", "I5", "I6", "I7", "I8"] {
            assert!(invariants.iter().any(|invariant| invariant.name.starts_with(number)), "{number}");
        }
        for invariant in invariants {
            assert!(
                invariant.query.trim_start().starts_with("SELECT"),
                "{}: {}",
                invariant.name,
                invariant.query
            );
        }
    }
}

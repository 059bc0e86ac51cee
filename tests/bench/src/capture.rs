//! What PostgreSQL's log says that a request made it do: transactions with their statements and parameters.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};

/// One transaction as the server saw it, or what was asked without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Who connected: `booking_rt`.
    pub role: String,
    pub steps: Vec<Step>,
}

/// One message to the server, hence one round trip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Text without parameters, one or more statements.
    Simple(String),
    /// A prepared statement with its parameters; `None` is NULL.
    Prepared { sql: String, parameters: Vec<Option<String>> },
}

impl Transaction {
    /// Does any text of it hold `what`?
    pub fn mentions(&self, what: &str) -> bool {
        self.steps.iter().any(|step| match step {
            Step::Simple(sql) => sql.contains(what),
            Step::Prepared { sql, parameters } => {
                sql.contains(what) || parameters.iter().flatten().any(|value| value.contains(what))
            }
        })
    }
}

/// The whole lines that `path` has from `offset` on.
pub fn read_from(path: &Path, offset: u64) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    Ok(String::from_utf8_lossy(&bytes[..whole]).into_owned())
}

/// Reads a log written with `log_statement = all` and the prefix `%m [%p] %q%u@%d `. Transactions come in the order in
/// which they ended; those that had not ended are left out. What was asked without one is over when its connection is asked
/// for something else, or with the log.
pub fn transactions(log: &str) -> Vec<Transaction> {
    let mut open: BTreeMap<String, Transaction> = BTreeMap::new();
    let mut ended = Vec::new();
    for entry in entries(log) {
        let transaction = open.entry(entry.process.clone()).or_default();
        transaction.role.clone_from(&entry.role);
        if let Some(parameters) = entry.message.strip_prefix("DETAIL:  parameters: ") {
            if let Some(Step::Prepared { parameters: known, .. }) = transaction.steps.last_mut() {
                *known = read_parameters(parameters);
            }
        } else if let Some(step) = entry.message.strip_prefix("LOG:  ").and_then(read_step) {
            // Whatever stood alone before this was no part of the transaction that begins here.
            if begins(&step) || enters(&step) {
                ended.extend(is_glance(transaction).then(|| transaction.clone()));
                transaction.steps.clear();
            }
            transaction.steps.push(step);
        }
        if transaction.steps.last().is_some_and(ends) {
            ended.extend(open.remove(&entry.process));
        }
    }
    ended.extend(open.into_values().filter(is_glance));
    ended
}

struct Entry {
    process: String,
    role: String,
    message: String,
}

/// Lines that begin with a tab continue the message before them.
fn entries(log: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in log.lines() {
        if let Some(more) = line.strip_prefix('\t') {
            if let Some(entry) = entries.last_mut() {
                entry.message.push('\n');
                entry.message.push_str(more);
            }
        } else if let Some(entry) = read_entry(line) {
            entries.push(entry);
        }
    }
    entries
}

fn read_entry(line: &str) -> Option<Entry> {
    let (_, rest) = line.split_once(" [")?;
    let (process, rest) = rest.split_once("] ")?;
    let (who, message) = rest.split_once(' ')?;
    let (role, _) = who.split_once('@')?;
    let owned = str::to_owned;
    Some(Entry { process: owned(process), role: owned(role), message: owned(message) })
}

fn read_step(message: &str) -> Option<Step> {
    if let Some(sql) = message.strip_prefix("statement: ") {
        return Some(Step::Simple(sql.to_owned()));
    }
    let (_, sql) = message.strip_prefix("execute ")?.split_once(": ")?;
    Some(Step::Prepared { sql: sql.to_owned(), parameters: Vec::new() })
}

fn text(step: &Step) -> &str {
    match step {
        Step::Simple(sql) | Step::Prepared { sql, .. } => sql.trim(),
    }
}

fn begins(step: &Step) -> bool {
    text(step).get(..5).is_some_and(|start| start.eq_ignore_ascii_case("begin"))
}

/// Sets for whom it is asked, outside of a transaction.
fn enters(step: &Step) -> bool {
    matches!(step, Step::Simple(sql) if sql.trim_start().starts_with("SELECT set_config("))
}

fn is_glance(transaction: &Transaction) -> bool {
    transaction.steps.len() > 1 && transaction.steps.first().is_some_and(enters)
}

fn ends(step: &Step) -> bool {
    let text = text(step);
    ["commit", "rollback"].iter().any(|end| text.eq_ignore_ascii_case(end))
}

/// `$1 = 'it''s', $2 = NULL`
fn read_parameters(text: &str) -> Vec<Option<String>> {
    let mut parameters = Vec::new();
    let mut rest = text;
    while let Some((_, value)) = rest.split_once(" = ") {
        if let Some(quoted) = value.strip_prefix('\'') {
            let (value, after) = read_quoted(quoted);
            parameters.push(Some(value));
            rest = after;
        } else {
            parameters.push(None);
            rest = value.strip_prefix("NULL").unwrap_or_default();
        }
    }
    parameters
}

/// The value up to its closing quote, and what follows that.
fn read_quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\'') {
        value.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return (value, after),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "2026-11-21 01:00:00.000 UTC [10] booking_rt@shinkofa LOG:  statement: BEGIN; SELECT set_config('a', 'b', true)\n\
        2026-11-21 01:00:00.001 UTC [11] credits_rt@shinkofa LOG:  statement: BEGIN\n\
        2026-11-21 01:00:00.001 UTC [10] booking_rt@shinkofa LOG:  execute s1: WITH input AS (SELECT $1::text AS a)\n\
        \t SELECT a FROM input\n\
        2026-11-21 01:00:00.001 UTC [10] booking_rt@shinkofa DETAIL:  parameters: $1 = 'it''s, $2 = ''', $2 = NULL, $3 = '3'\n\
        2026-11-21 01:00:00.002 UTC [10] booking_rt@shinkofa LOG:  statement: ROLLBACK\n\
        2026-11-21 01:00:00.003 UTC [9] LOG:  checkpoint starting: time\n";

    #[test]
    fn transactions_of_interleaved_connections_are_told_apart() {
        let found = transactions(LOG);
        assert_eq!(found.len(), 1, "the other has not ended");
        assert_eq!(found[0].role, "booking_rt");
        assert_eq!(found[0].steps.len(), 3);
        assert!(found[0].mentions("it's") && !found[0].mentions("checkpoint"));
    }

    #[test]
    fn what_is_asked_without_a_transaction_is_over_with_the_next_one() {
        let line = |process: u32, message: &str| {
            format!("2026-11-21 01:00:00.000 UTC [{process}] auth_rt@shinkofa LOG:  {message}\n")
        };
        let log = [
            line(1, "statement: SELECT set_config('a', 'first', false)"),
            line(1, "execute s1: SELECT 1"),
            line(2, "statement: SELECT set_config('a', 'last', false)"),
            line(2, "execute s1: SELECT 1"),
            line(1, "statement: BEGIN; SELECT set_config('a', 'between', true)"),
            line(1, "statement: COMMIT"),
        ];
        let found = transactions(&log.concat());
        let steps: Vec<usize> = found.iter().map(|transaction| transaction.steps.len()).collect();
        assert_eq!(steps, [2, 2, 2]);
        for (transaction, text) in found.iter().zip(["first", "between", "last"]) {
            assert!(transaction.mentions(text), "{transaction:?}");
        }
    }

    #[test]
    fn a_statement_of_several_lines_keeps_its_parameters_quotes_and_nulls_included() {
        let Step::Prepared { sql, parameters } = &transactions(LOG)[0].steps[1] else {
            panic!("not prepared")
        };
        assert_eq!(sql, "WITH input AS (SELECT $1::text AS a)\n SELECT a FROM input");
        assert_eq!(*parameters, [Some("it's, $2 = '".to_owned()), None, Some("3".to_owned())]);
    }
}

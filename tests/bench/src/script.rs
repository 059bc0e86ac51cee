//! Turns captured transactions into a pgbench script: the same statements in the same round trips and transactions, with
//! fresh ids, keys and times in the place of those that the captured request happened to have.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::capture::{Step, Transaction};

/// The request whose transactions were captured, by the texts that stand for it in them.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// Lines of pgbench's own that make what `varying` uses out of `n`, the number of the run.
    pub preamble: &'static str,
    /// Texts that differ from request to request, and how the script makes their like. None of them holds another.
    pub varying: Vec<(String, String)>,
    /// Ids that the request made up.
    pub fresh: Vec<Uuid>,
    /// Ids that are the same in every request. Any other id counts as made up by the service.
    pub fixed: Vec<Uuid>,
    pub sent: DateTime<Utc>,
}

/// A variable of pgbench as the UUID with its decimal digits.
pub fn padded(variable: &str) -> String {
    format!("lpad(:{variable}, 32, '0')::uuid")
}

/// What pgbench is given.
#[derive(Clone, Debug)]
pub struct Script {
    pub text: String,
    /// Values for `--define`: what was the same in every request.
    pub constants: Vec<(String, String)>,
    /// Round trips of one run of the script.
    pub round_trips: usize,
    pub transactions: usize,
}

/// Who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    /// The one role that the captured transactions ran as.
    SameRole,
    /// One role that may do what several services may: it looks into the schema of each in turn. The schema is set in the
    /// statement that sets the tenant, so that it costs no round trip.
    OverSchemas,
}

pub fn write(transactions: &[Transaction], pattern: &Pattern, runner: Runner) -> Result<Script> {
    let mut writer = Writer::new(pattern);
    for transaction in transactions {
        let schema = transaction.role.trim_end_matches("_rt");
        for step in &transaction.steps {
            match step {
                Step::Simple(sql) => writer.simple(sql, (runner == Runner::OverSchemas).then_some(schema))?,
                Step::Prepared { sql, parameters } => writer.prepared(sql, parameters)?,
            }
        }
    }
    Ok(writer.finish(transactions.len()))
}

/// pgbench keeps variables from one run of the script to the next: `i` counts the runs of a client. `clients`, `stamp` and
/// what the pattern's preamble uses come from the command line.
const PREAMBLE: &str = "\\set i :i + 1\n\
    \\set n :i * :clients + :client_id\n";

/// What is planned ahead is planned so much later than by the platform, which would otherwise take over a run of the script
/// that takes its time, as it takes over from a process that died. The script, unlike a service, would not notice.
const LEFT_ALONE_SECONDS: i64 = 600;

struct Writer {
    preamble: &'static str,
    sent: DateTime<Utc>,
    /// Texts that differ from request to request, and how the script makes their like. Those that do not differ are made by
    /// nothing.
    varying: BTreeMap<String, String>,
    fresh: usize,
    constants: Vec<(String, String)>,
    body: String,
    round_trips: usize,
}

impl Writer {
    fn new(pattern: &Pattern) -> Self {
        let mut writer = Self {
            preamble: pattern.preamble,
            sent: pattern.sent,
            varying: pattern.varying.iter().cloned().collect(),
            fresh: 0,
            constants: Vec::new(),
            body: String::new(),
            round_trips: 0,
        };
        for id in &pattern.fresh {
            writer.name_fresh(&id.to_string());
        }
        writer.varying.extend(pattern.fixed.iter().map(|id| (id.to_string(), String::new())));
        writer
    }

    /// An id that the request made up. Like a UUIDv7 it begins with the time, so that indexes grow at their right edge.
    fn name_fresh(&mut self, id: &str) {
        self.fresh += 1;
        let expression = format!("(:stamp || lpad(:fresh{}, 20, '0'))::uuid", self.fresh);
        self.varying.insert(id.to_owned(), expression);
    }

    fn finish(self, transactions: usize) -> Script {
        let mut text = PREAMBLE.to_owned() + self.preamble;
        for number in 1..=self.fresh {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\\set fresh{number} {number}000000000000000 + :n");
        }
        text.push_str(&self.body);
        Script { text, constants: self.constants, round_trips: self.round_trips, transactions }
    }

    /// Several statements in one message are one round trip; pgbench cannot prepare them together, but it can send them
    /// together.
    fn simple(&mut self, sql: &str, schema: Option<&str>) -> Result<()> {
        let mut statements: Vec<String> = Vec::new();
        for statement in sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
            statements.push(self.with_literals_replaced(statement)?);
        }
        if let Some(schema) = schema
            && let Some(scope) = statements.iter_mut().find(|statement| statement.contains("set_config("))
        {
            let _ = write!(scope, ", set_config('search_path', '{schema}', true)");
        }
        self.round_trips += 1;
        let together = statements.len() > 1;
        if together {
            self.body.push_str("\\startpipeline\n");
        }
        for statement in &statements {
            let _ = writeln!(self.body, "{statement};");
        }
        if together {
            self.body.push_str("\\endpipeline\n");
        }
        Ok(())
    }

    /// A quoted id that varies becomes what makes its like.
    fn with_literals_replaced(&self, statement: &str) -> Result<String> {
        let mut replaced = statement.to_owned();
        for (id, expression) in self.varying.iter().filter(|(_, expression)| !expression.is_empty()) {
            replaced = replaced.replace(&format!("'{id}'"), &format!("({expression})::text"));
            if replaced.contains(id.as_str()) {
                bail!("an id stands unquoted in {statement}");
            }
        }
        Ok(replaced)
    }

    fn prepared(&mut self, sql: &str, parameters: &[Option<String>]) -> Result<()> {
        let mut statement = String::new();
        let mut rest = sql;
        while let Some((before, after)) = rest.split_once('$') {
            statement.push_str(before);
            let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let number: usize = after[..digits].parse().unwrap_or_default();
            match number.checked_sub(1).and_then(|index| parameters.get(index)) {
                Some(value) => {
                    let cast = cast(value.as_deref(), &after[digits..]);
                    let expression = self.expression(value.as_deref());
                    statement.push_str(&expression);
                    // What was taken as it is has no type yet and takes the one that is wanted.
                    statement.push_str(if expression.starts_with('(') { cast } else { "" });
                }
                None => bail!("${number} has no value in {sql}"),
            }
            rest = &after[digits..];
        }
        statement.push_str(rest);
        self.round_trips += 1;
        let _ = writeln!(self.body, "{};", statement.trim());
        Ok(())
    }

    /// How the script makes the like of a parameter.
    fn expression(&mut self, value: Option<&str>) -> String {
        let Some(value) = value else { return "NULL".to_owned() };
        if !self.varying.contains_key(value) && is_uuid(value) {
            self.name_fresh(value);
        }
        if let Some(expression) = self.varying.get(value).filter(|expression| !expression.is_empty()) {
            return format!("({expression})");
        }
        if let Some(at) = read_instant(value) {
            // The request took some milliseconds; what is planned ahead is planned in seconds.
            return match ((at - self.sent).num_milliseconds() + 500).div_euclid(1000) {
                ..=0 => "now()".to_owned(),
                later => format!("(now() + interval '{} seconds')", later + LEFT_ALONE_SECONDS),
            };
        }
        // A number of so many digits is a digest of the request, such as the number of its advisory lock.
        if value.len() > 11 && value.parse::<i64>().is_ok() {
            return ":n".to_owned();
        }
        self.concatenation(value)
    }

    /// Text in which ids stand, such as the key of a job or the body of an event.
    fn concatenation(&mut self, value: &str) -> String {
        let mut parts = Vec::new();
        let mut rest = value;
        while let Some((start, id, expression)) = self.next_varying(rest) {
            if start > 0 {
                let before = self.constant(&rest[..start]);
                parts.push(format!("{before}::text"));
            }
            parts.push(format!("({expression})::text"));
            rest = &rest[start + id..];
        }
        if parts.is_empty() {
            return self.constant(rest);
        }
        if !rest.is_empty() {
            let after = self.constant(rest);
            parts.push(format!("{after}::text"));
        }
        format!("({})", parts.join(" || "))
    }

    /// Where the first varying id stands in `text`, how long it is, and what makes its like.
    fn next_varying(&self, text: &str) -> Option<(usize, usize, String)> {
        self.varying
            .iter()
            .filter(|(_, expression)| !expression.is_empty())
            .filter_map(|(id, expression)| Some((text.find(id.as_str())?, id.len(), expression.clone())))
            .min_by_key(|(start, ..)| *start)
    }

    fn constant(&mut self, value: &str) -> String {
        // pgbench refuses a variable without a value.
        if value.is_empty() {
            return "''".to_owned();
        }
        let known = self.constants.iter().find(|(_, other)| other == value).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| {
            let name = format!("constant{}", self.constants.len() + 1);
            self.constants.push((name.clone(), value.to_owned()));
            name
        });
        format!(":{name}")
    }
}

/// The type that a parameter needs once it is put together from pieces of text, where the statement does not name one.
fn cast(value: Option<&str>, following: &str) -> &'static str {
    let is_object = |text| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok();
    if !following.starts_with("::") && value.is_some_and(is_object) { "::jsonb" } else { "" }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// As PostgreSQL writes an instant: `2026-11-21 01:35:57.123456+00`.
fn read_instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_str(&format!("{text}00"), "%Y-%m-%d %H:%M:%S%.f%z").ok().map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESERVATION: &str = "0199aaaa-0000-7000-8000-00000000000a";

    fn pattern() -> Pattern {
        let id = |number| Uuid::from_u128(number);
        Pattern {
            preamble: "\\set person 1 + :n % :people\n",
            varying: vec![
                (id(1).to_string(), padded("person")),
                (id(2).to_string(), padded("session")),
                ("914273650".to_owned(), ":generation".to_owned()),
            ],
            fresh: vec![id(3)],
            fixed: vec![id(4)],
            sent: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        }
    }

    fn transaction(parameters: &[&str]) -> Transaction {
        let names: Vec<String> = (1..=parameters.len()).map(|number| format!("${number}::text")).collect();
        let sql = format!("SELECT {}", names.join(", "));
        let parameters = parameters.iter().map(|value| Some((*value).to_owned())).collect();
        let begin = format!("BEGIN; SELECT set_config('app.user_id', '{}', true)", Uuid::from_u128(1));
        Transaction {
            role: "booking_rt".to_owned(),
            steps: vec![
                Step::Simple(begin),
                Step::Prepared { sql, parameters },
                Step::Simple("COMMIT".to_owned()),
            ],
        }
    }

    fn script(parameters: &[&str]) -> Script {
        write(&[transaction(parameters)], &pattern(), Runner::SameRole).unwrap()
    }

    #[test]
    fn a_fresh_id_is_the_same_wherever_it_stands_in_one_run() {
        let payload = format!("{{\"reservation\":\"{RESERVATION}\"}}");
        let script = script(&[RESERVATION, &payload]);
        assert_eq!(script.text.matches(":fresh2, 20").count(), 2, "{}", script.text);
        assert!(!script.text.contains(RESERVATION));
        assert!(script.constants.iter().any(|(_, value)| value == "{\"reservation\":\""));
    }

    #[test]
    fn times_follow_the_clock_and_digests_the_run() {
        let script =
            script(&["2027-01-15 08:00:03.1+00", "2027-01-15 08:00:00.25+00", "-8001234567890123456", "201"]);
        assert!(script.text.contains("SELECT (now() + interval '603 seconds')::text, now()::text, :n::text"));
        assert_eq!(script.constants, [("constant1".to_owned(), "201".to_owned())]);
    }

    #[test]
    fn an_id_of_the_deployment_stays_what_it_is() {
        let fixed = Uuid::from_u128(4).to_string();
        let script = script(&[&fixed]);
        assert_eq!(script.constants, [("constant1".to_owned(), fixed)]);
    }

    #[test]
    fn an_object_that_is_put_together_says_what_it_is_where_the_statement_does_not() {
        let details = "{\"generation\":914273650}";
        let untyped = Transaction {
            role: "auth_rt".to_owned(),
            steps: vec![Step::Prepared {
                sql: "INSERT INTO audit_events VALUES ($1, $2, $3, $4::jsonb)".to_owned(),
                parameters: ["914273650", details, "{}", details].map(|value| Some(value.to_owned())).into(),
            }],
        };
        let script = write(&[untyped], &pattern(), Runner::SameRole).unwrap();
        let object = "(:constant1::text || (:generation)::text || :constant2::text)";
        let whole = format!("VALUES ((:generation), {object}::jsonb, :constant3, {object}::jsonb);");
        assert!(script.text.contains(&whole), "{}", script.text);
    }

    #[test]
    fn what_was_one_round_trip_stays_one() {
        let script = script(&["x"]);
        assert_eq!((script.round_trips, script.transactions), (3, 1));
        assert!(script.text.starts_with("\\set i :i + 1\n\\set n :i * :clients + :client_id\n\\set person"));
        assert!(script.text.contains("\\startpipeline\nBEGIN;\nSELECT set_config('app.user_id', (lpad(:person, 32, '0')::uuid)::text, true);\n\\endpipeline\n"));
    }

    #[test]
    fn the_schema_is_chosen_in_the_statement_that_sets_the_tenant() {
        let script = write(&[transaction(&[])], &pattern(), Runner::OverSchemas).unwrap();
        assert!(script.text.contains("true), set_config('search_path', 'booking', true);"));
    }
}

//! Where the time of a missed goal went, and what the limit is.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::observe::Phase;
use crate::processes::{LOAD_GENERATOR, PGBENCH};
use crate::waits::Condition;

/// From here on there is no processor time left that anything else could use.
const ALL_BUSY: f64 = 0.85;
const CONDITIONS: [Condition; 6] = [
    Condition::Running,
    Condition::Log,
    Condition::Lock,
    Condition::Other,
    Condition::Client,
    Condition::Idle,
];

/// What the work over HTTP is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// `pgbench`
    pub name: &'a str,
    /// What it is of a request over HTTP: `its SQL from pgbench`.
    pub part: &'a str,
    pub phase: &'a Phase,
}

impl<'a> Beside<'a> {
    pub fn pgbench(phase: &'a Phase) -> Self {
        Self { name: "pgbench", part: "its SQL from pgbench", phase }
    }
}

pub fn describe(http: &Phase, beside: Option<Beside<'_>>) -> String {
    let mut text = String::new();
    let sides: Vec<(&str, &Phase)> =
        [("HTTP", http)].into_iter().chain(beside.map(|beside| (beside.name, beside.phase))).collect();
    let names: String = sides.iter().map(|(name, _)| format!(" {name:>9}")).collect();
    let _ = writeln!(text, "  {:<46}{names}", "");
    let mut row = |name: &str, figure: &dyn Fn(&Phase) -> f64| {
        let figures: String = sides.iter().map(|(_, phase)| format!(" {:>9.3}", figure(phase))).collect();
        let _ = writeln!(text, "  {name:<46}{figures}");
    };
    let phases: Vec<&Phase> = sides.iter().map(|(_, phase)| *phase).collect();
    for name in consumers(&phases) {
        row(&format!("processor ms of {name} per request"), &|phase| cost(phase, &name));
    }
    row("processor ms of the machine per request", &machine_cost);
    row("share of the processors that was busy", &busy);
    row("share idle while the disk was waited for", &|phase| {
        phase.usage.machine.waiting_for_disk / phase.usage.machine.total
    });
    for condition in CONDITIONS {
        row(&format!("connections {}", condition.describe()), &|phase| {
            phase.waits.average.get(&condition).copied().unwrap_or_default()
        });
    }
    row("ms in the server's executor per request", &|phase| {
        phase.statements.iter().map(|statement| statement.milliseconds).sum::<f64>() / requests(phase)
    });
    for (name, phase) in sides.iter().filter(|(_, phase)| !phase.statements.is_empty()) {
        let _ =
            writeln!(text, "  slowest statements of the {name} side, ms per request and calls per request");
        for statement in phase.statements.iter().take(6) {
            let (time, calls) = (statement.milliseconds / requests(phase), statement.calls / requests(phase));
            let _ = writeln!(text, "  {time:>9.3} {calls:>5.2}  {}", in_short(&statement.sql));
        }
    }
    let _ = writeln!(text, "  the limit: {}", limit(http, beside));
    text
}

/// Names what holds the HTTP side back.
fn limit(http: &Phase, beside: Option<Beside<'_>>) -> String {
    if busy(http) >= ALL_BUSY {
        return processors(http, beside);
    }
    let average = |condition| http.waits.average.get(&condition).copied().unwrap_or_default();
    let longest = [Condition::Log, Condition::Lock, Condition::Client, Condition::Idle, Condition::Other]
        .into_iter()
        .max_by(|a, b| average(*a).total_cmp(&average(*b)));
    match longest {
        Some(Condition::Log) => {
            "the disk: most connections wait for the write-ahead log to be flushed".to_owned()
        }
        Some(Condition::Lock) => "locks: most connections wait for one another's rows".to_owned(),
        Some(Condition::Client) => {
            "round trips: most connections are in a transaction whose next statement has not come yet"
                .to_owned()
        }
        _ => format!(
            "neither processors ({:.0} % busy) nor database: most connections have nothing to do",
            busy(http) * 100.0
        ),
    }
}

fn processors(http: &Phase, beside: Option<Beside<'_>>) -> String {
    let without = |figure: &dyn Fn(&Phase) -> f64| beside.map_or(0.0, |beside| figure(beside.phase));
    let beyond = machine_cost(http) - without(&machine_cost);
    let mut costs: Vec<(String, f64)> = consumers(&[http])
        .into_iter()
        .map(|name| {
            let more = cost(http, &name) - without(&|phase| cost(phase, &name));
            (name, more)
        })
        .collect();
    costs.sort_by(|a, b| b.1.total_cmp(&a.1));
    let parts: Vec<String> =
        costs.iter().take(4).map(|(name, more)| format!("{name} {more:+.3} ms")).collect();
    let compared = beside.map_or_else(String::new, |beside| format!(" more of them than {}", beside.part));
    format!(
        "the processors, {:.0} % busy. A request over HTTP costs {beyond:.3} ms{compared}: {}",
        busy(http) * 100.0,
        parts.join(", ")
    )
}

#[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
fn requests(phase: &Phase) -> f64 {
    (phase.measured.total() + phase.measured.beforehand).max(1) as f64
}

fn cost(phase: &Phase, name: &str) -> f64 {
    phase.usage.by_process.get(name).copied().unwrap_or_default() * 1000.0 / requests(phase)
}

fn machine_cost(phase: &Phase) -> f64 {
    phase.usage.machine.busy * 1000.0 / requests(phase)
}

fn busy(phase: &Phase) -> f64 {
    let machine = phase.usage.machine;
    machine.busy / (machine.total - machine.stolen).max(f64::EPSILON)
}

/// Whoever used at least a hundredth of a processor on one of the sides; the clients last.
fn consumers(sides: &[&Phase]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for phase in sides {
        let least = phase.measured.elapsed.as_secs_f64() / 100.0;
        let noticeable = phase.usage.by_process.iter().filter(|(_, used)| **used >= least);
        found.extend(noticeable.map(|(name, _)| name.clone()));
    }
    let (clients, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|name| [LOAD_GENERATOR, PGBENCH].contains(&name.as_str()));
    others.into_iter().chain(clients).collect()
}

/// What follows the list of inputs that every statement begins with.
fn in_short(sql: &str) -> String {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let whole = words.join(" ");
    let essence =
        whole.strip_prefix("WITH input AS (").map_or(whole.as_str(), |inputs| after_bracket(inputs));
    essence.trim_start_matches([',', ' ']).chars().take(110).collect()
}

/// What stands behind the bracket that closes one opened before `text`.
fn after_bracket(text: &str) -> &str {
    let mut depth = 1;
    for (index, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[index + 1..];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::load::Measured;
    use crate::processes::{Machine, Usage};
    use crate::waits::Waits;

    fn phase(busy: f64, booking: f64, waits: &[(Condition, f64)]) -> Phase {
        Phase {
            measured: Measured {
                elapsed: Duration::from_secs(1),
                statuses: BTreeMap::new(),
                microseconds: vec![1; 1000],
                beforehand: 0,
            },
            usage: Usage {
                by_process: BTreeMap::from([("booking".to_owned(), booking), ("auth".to_owned(), 0.001)]),
                machine: Machine { busy, total: 2.0, ..Machine::default() },
            },
            waits: Waits { average: waits.iter().copied().collect() },
            statements: Vec::new(),
            afterwards: Duration::ZERO,
        }
    }

    #[test]
    fn a_statement_is_told_by_what_follows_its_inputs() {
        let sql = "WITH input AS (SELECT $1::uuid AS a, (now() + $2) AS b), due AS\n  (SELECT 1) SELECT 2";
        assert_eq!(in_short(sql), "due AS (SELECT 1) SELECT 2");
        assert_eq!(in_short("SELECT  1"), "SELECT 1");
    }

    #[test]
    fn busy_processors_are_the_limit_and_who_uses_them_is_told() {
        let told = limit(&phase(1.9, 0.7, &[]), Some(Beside::pgbench(&phase(1.2, 0.0, &[]))));
        assert!(
            told.starts_with("the processors, 95 % busy") && told.contains("booking +0.700 ms"),
            "{told}"
        );
        assert!(told.contains("0.700 ms more of them than its SQL from pgbench") && !told.contains("auth"));
    }

    #[test]
    fn with_processors_to_spare_the_connections_tell_the_limit() {
        let waits = [(Condition::Log, 9.0), (Condition::Client, 4.0), (Condition::Running, 12.0)];
        let pgbench = phase(0.8, 0.0, &[]);
        assert!(limit(&phase(0.8, 0.2, &waits), Some(Beside::pgbench(&pgbench))).starts_with("the disk"));
        assert!(limit(&phase(0.8, 0.2, &waits), None).starts_with("the disk"));
    }
}

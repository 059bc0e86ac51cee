//! What is printed: the figures of every round, their medians, and beside them what was hoped for.

use std::fmt::Write as _;

use super::scenario::{SOLD_OUT_OVER_BOOKING, Scenario};
use crate::figures::median;
use crate::load::Measured;
use crate::observe::Phase;

/// The same thing from both sides, one after the other.
#[derive(Clone, Debug)]
pub struct Pair {
    pub scenario: Scenario,
    pub http: Phase,
    pub pgbench: Phase,
}

impl Pair {
    pub fn ratio(&self) -> f64 {
        self.http.measured.per_second() / self.pgbench.measured.per_second()
    }
}

/// Every round holds one pair of each scenario, in their order.
pub type Rounds = [Vec<Pair>];

pub fn of(rounds: &Rounds, scenario: Scenario) -> impl Iterator<Item = &Pair> {
    rounds.iter().flatten().filter(move |pair| pair.scenario == scenario)
}

/// The pair whose ratio lies in the middle.
pub fn middle(rounds: &Rounds, scenario: Scenario) -> Option<&Pair> {
    let mut pairs: Vec<&Pair> = of(rounds, scenario).collect();
    pairs.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
    pairs.get(pairs.len().checked_sub(1)? / 2).copied()
}

pub const HEADING: &str =
    "                         HTTP/s  p50 ms  p99 ms   pgbench/s  p50 ms  p99 ms    ratio   settled after";

pub fn line(pair: &Pair) -> String {
    let figures =
        |measured: &Measured| (measured.per_second(), measured.percentile(50), measured.percentile(99));
    let (http, pgbench) = (figures(&pair.http.measured), figures(&pair.pgbench.measured));
    let mut text = columns(pair.scenario.name(), http, pgbench, pair.ratio());
    let _ = write!(
        text,
        "  {:>5.1} s {:>5.1} s",
        pair.http.afterwards.as_secs_f64(),
        pair.pgbench.afterwards.as_secs_f64()
    );
    text
}

type Figures = (f64, f64, f64);

fn columns(name: &str, http: Figures, pgbench: Figures, ratio: f64) -> String {
    format!(
        "  {name:<18} {:>10.0} {:>7.2} {:>7.2}  {:>10.0} {:>7.2} {:>7.2}  {ratio:>7.2}",
        http.0, http.1, http.2, pgbench.0, pgbench.1, pgbench.2
    )
}

/// The middle of each figure by itself.
pub fn medians(rounds: &Rounds) -> String {
    let mut text = String::new();
    for scenario in Scenario::ALL {
        let over = |figure: &dyn Fn(&Pair) -> f64| median(of(rounds, scenario).map(figure));
        let http = (
            over(&|pair| pair.http.measured.per_second()),
            over(&|pair| pair.http.measured.percentile(50)),
            over(&|pair| pair.http.measured.percentile(99)),
        );
        let pgbench = (
            over(&|pair| pair.pgbench.measured.per_second()),
            over(&|pair| pair.pgbench.measured.percentile(50)),
            over(&|pair| pair.pgbench.measured.percentile(99)),
        );
        let _ = writeln!(text, "{}", columns(scenario.name(), http, pgbench, over(&Pair::ratio)));
    }
    text
}

/// What was hoped for and what was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub scenario: Scenario,
    pub what: String,
    pub goal: f64,
    pub seen: f64,
}

impl Verdict {
    pub fn reached(&self) -> bool {
        self.seen >= self.goal
    }

    pub fn line(&self) -> String {
        let outcome = if self.reached() { "reached" } else { "missed" };
        format!("  {outcome:<8} {:<48} {:>5.2}, goal {:.2}", self.what, self.seen, self.goal)
    }
}

pub fn verdicts(rounds: &Rounds) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for scenario in Scenario::ALL {
        if let Some(goal) = scenario.goal() {
            let seen = median(of(rounds, scenario).map(Pair::ratio));
            verdicts.push(Verdict {
                scenario,
                what: format!("{} over HTTP ÷ pgbench", scenario.name()),
                goal,
                seen,
            });
        } else {
            let what = format!("{} ÷ seat booking, both over HTTP", scenario.name());
            let seen = median(rounds.iter().filter_map(|round| over_booking(round)));
            verdicts.push(Verdict { scenario, what, goal: SOLD_OUT_OVER_BOOKING, seen });
        }
    }
    verdicts
}

fn over_booking(round: &[Pair]) -> Option<f64> {
    let rate = |scenario| {
        let pair = round.iter().find(|pair| pair.scenario == scenario)?;
        Some(pair.http.measured.per_second())
    };
    Some(rate(Scenario::SoldOut)? / rate(Scenario::SeatBooking)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_that_is_just_met_is_reached() {
        let verdict = Verdict { scenario: Scenario::Saga, what: String::new(), goal: 0.5, seen: 0.5 };
        assert!(verdict.reached() && verdict.line().contains("reached"));
    }
}

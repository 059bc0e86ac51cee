//! What is printed: the figures of every round, their medians, and beside them what was hoped for.

use std::fmt::Write as _;

use super::hash;
use super::open_loop::Arrivals;
use super::purge::ACCOUNTS;
use super::sign_in::{FLOOD, Flood, STEADY, Steady};
use crate::figures::{mebibytes, median};
use crate::load::Measured;
use crate::observe::Phase;
use crate::profile::Beside;

/// Everything that was measured, once.
pub struct Round {
    pub bare_hash: Phase,
    pub sign_ins: Phase,
    pub refresh: Trio,
    pub introspection: Trio,
    pub steady: Steady,
    pub flood: Flood,
    /// Microseconds a token.
    pub verification: f64,
}

/// The same thing from three sides.
pub struct Trio {
    pub http: Phase,
    pub pgbench: Phase,
    pub redis: Measured,
}

/// What a goal is about, and what is profiled when it is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    SignIn,
    Refresh,
    Introspection,
    Steady,
    Flood,
    Verification,
    Purge,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Refresh => "refresh",
            Self::Introspection => "introspection",
            Self::Steady => "sign-in at a part of what is possible",
            Self::Flood => "a flood of sign-ins",
            Self::Verification => "local verification",
            Self::Purge => "the purge of temporary accounts",
        }
    }
}

/// A line of figures, so that lines of several rounds have a median.
#[derive(Clone, Debug, PartialEq)]
struct Line<const N: usize> {
    name: &'static str,
    figures: [f64; N],
}

fn middle_line<const N: usize>(lines: &[Line<N>]) -> Line<N> {
    Line {
        name: lines.first().map_or("", |line| line.name),
        figures: std::array::from_fn(|column| median(lines.iter().map(|line| line.figures[column]))),
    }
}

const CLOSED: &str =
    "                            HTTP/s  p50 ms  p99 ms    beside it/s  p50 ms  p99 ms    ratio";
const OPEN: &str = "                         offered/s   200 %  p50 ms  p99 ms    503 %  p99 ms  dropped";

fn closed(name: &'static str, http: &Measured, beside: &Measured) -> Line<7> {
    let figures =
        |measured: &Measured| [measured.per_second(), measured.percentile(50), measured.percentile(99)];
    let ([a, b, c], [d, e, f]) = (figures(http), figures(beside));
    Line { name, figures: [a, b, c, d, e, f, a / d] }
}

fn open(name: &'static str, rate: f64, arrivals: &Arrivals) -> Line<7> {
    let figures = [
        rate,
        arrivals.share(200) * 100.0,
        arrivals.percentile(200, 50),
        arrivals.percentile(200, 99),
        arrivals.share(503) * 100.0,
        arrivals.percentile(503, 99),
        arrivals.dropped(),
    ];
    Line { name, figures }
}

/// Sign-ins for every bare hash.
pub fn ratio(bare_hash: &Phase, sign_ins: &Phase) -> f64 {
    sign_ins.measured.per_second() / bare_hash.measured.per_second()
}

impl Round {
    fn closed(&self) -> [Line<7>; 5] {
        let (refresh, asking) = (&self.refresh, &self.introspection);
        [
            closed("sign-in, bare hash", &self.sign_ins.measured, &self.bare_hash.measured),
            closed("refresh, pgbench", &refresh.http.measured, &refresh.pgbench.measured),
            closed("refresh, Redis", &refresh.http.measured, &refresh.redis),
            closed("introspection, pgbench", &asking.http.measured, &asking.pgbench.measured),
            closed("introspection, Redis", &asking.http.measured, &asking.redis),
        ]
    }

    fn open(&self) -> [Line<7>; 3] {
        [
            open("sign-in, steady", self.steady.rate, &self.steady.arrivals),
            open("sign-in, flood", self.flood.rate, &self.flood.arrivals),
            open(
                "introspection meanwhile",
                per_second(&self.flood.introspections),
                &self.flood.introspections,
            ),
        ]
    }

    /// Mebibytes before, at most and after; microseconds of a verification.
    #[expect(clippy::cast_precision_loss, reason = "mebibytes of one process")]
    fn rest(&self) -> Line<4> {
        let memory = self.flood.memory;
        let [before, most, after] =
            [memory.before, memory.most, memory.after].map(|bytes| mebibytes(bytes) as f64);
        Line { name: "rest", figures: [before, most, after, self.verification] }
    }

    /// Over all open streams.
    fn dropped(&self) -> f64 {
        let streams = [&self.steady.arrivals, &self.flood.arrivals, &self.flood.introspections];
        streams.into_iter().map(Arrivals::dropped).sum()
    }

    fn ratio(&self) -> f64 {
        ratio(&self.bare_hash, &self.sign_ins)
    }
}

impl Trio {
    fn ratio(&self) -> f64 {
        self.http.measured.per_second() / self.pgbench.measured.per_second()
    }

    fn compared(&self) -> Compared<'_> {
        (&self.http, Some(Beside::pgbench(&self.pgbench)))
    }
}

fn per_second(arrivals: &Arrivals) -> f64 {
    arrivals.measured().per_second()
}

pub fn round(round: &Round) -> String {
    lines(&round.closed(), &round.open(), &round.rest())
}

/// The middle of each figure by itself.
pub fn medians(rounds: &[Round]) -> String {
    let closed: Vec<_> = rounds.iter().map(Round::closed).collect();
    let open: Vec<_> = rounds.iter().map(Round::open).collect();
    let rest: Vec<_> = rounds.iter().map(Round::rest).collect();
    let closed = std::array::from_fn(|row| {
        middle_line(&closed.iter().map(|round| round[row].clone()).collect::<Vec<_>>())
    });
    let open = std::array::from_fn(|row| {
        middle_line(&open.iter().map(|round| round[row].clone()).collect::<Vec<_>>())
    });
    lines(&closed, &open, &middle_line(&rest))
}

fn lines(closed: &[Line<7>; 5], open: &[Line<7>; 3], rest: &Line<4>) -> String {
    let mut text = format!("{CLOSED}\n");
    for Line { name, figures: [a, b, c, d, e, f, ratio] } in closed {
        let _ = writeln!(
            text,
            "  {name:<22} {a:>9.0} {b:>7.2} {c:>7.2}  {d:>13.0} {e:>7.2} {f:>7.2}  {ratio:>7.2}"
        );
    }
    let _ = writeln!(text, "{OPEN}");
    for Line { name, figures: [rate, served, p50, p99, away, away_p99, dropped] } in open {
        let _ = writeln!(
            text,
            "  {name:<23} {rate:>8.0} {served:>7.1} {p50:>7.2} {p99:>7.2}  {away:>7.1} {away_p99:>7.2} {dropped:>8.0}"
        );
    }
    let [before, most, after, verification] = rest.figures;
    let _ = writeln!(
        text,
        "  auth's memory: {before:.0} MiB before the flood, {most:.0} MiB in it, {after:.0} MiB after it; \
         a token verified locally: {verification:.1} µs"
    );
    text
}

/// What was hoped for and what was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    part: Part,
    what: String,
    goal: Goal,
    seen: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Goal {
    AtLeast(f64),
    Below(f64),
}

impl Verdict {
    fn reached(&self) -> bool {
        match self.goal {
            Goal::AtLeast(least) => self.seen >= least,
            Goal::Below(most) => self.seen < most,
        }
    }

    pub fn line(&self) -> String {
        let outcome = if self.reached() { "reached" } else { "missed" };
        let goal = match self.goal {
            Goal::AtLeast(least) => format!("at least {least}"),
            Goal::Below(most) => format!("below {most}"),
        };
        format!("  {outcome:<8} {:<58} {:>8.2}, goal {goal}", self.what, self.seen)
    }
}

/// The goals that were missed, as they are told.
pub fn missed_lines(verdicts: &[Verdict]) -> Vec<String> {
    verdicts.iter().filter(|verdict| !verdict.reached()).map(Verdict::line).collect()
}

/// The parts with a missed goal, each once.
pub fn missed(verdicts: &[Verdict]) -> Vec<Part> {
    let missed = verdicts.iter().filter(|verdict| !verdict.reached()).map(|verdict| verdict.part);
    let mut parts: Vec<Part> = missed.collect();
    parts.sort_unstable();
    parts.dedup();
    parts
}

/// What auth holds beside the memory of its hashes.
const MEMORY_MIB: u64 = 150;

/// Milliseconds of auth's longest wait for a turn at hashing (`services/auth/src/hashing.rs`), and what a sign-in may take that had
/// its turn.
const LONGEST_WAIT: f64 = 2_000.0;
const AFTER_IT: f64 = 250.0;
/// Of those who come in a flood of twice what is possible about four in ten are too many. So many at the least are sent away, or
/// there was none.
const SENT_AWAY: f64 = 0.1;

/// Goals of the platform's door: absolute ones are for two processors.
pub fn verdicts(rounds: &[Round]) -> Vec<Verdict> {
    let over = |figure: &dyn Fn(&Round) -> f64| median(rounds.iter().map(figure));
    let steady = STEADY * 100.0;
    let goal = |part, what: &str, goal, seen| Verdict { part, what: what.to_owned(), goal, seen };
    use Goal::{AtLeast, Below};
    let mut verdicts = vec![
        goal(Part::SignIn, "sign-ins over HTTP ÷ bare hashes", AtLeast(0.85), over(&Round::ratio)),
        goal(
            Part::SignIn,
            "sign-ins a second",
            AtLeast(70.0),
            over(&|round| round.sign_ins.measured.per_second()),
        ),
        goal(
            Part::Steady,
            &format!("p99 ms of sign-ins at {steady:.0} % of that"),
            Below(250.0),
            over(&|round| round.steady.arrivals.percentile(200, 99)),
        ),
        goal(
            Part::Steady,
            "share of those that were let in",
            AtLeast(1.0),
            over(&|round| round.steady.arrivals.share(200)),
        ),
        goal(
            Part::Refresh,
            "refreshes a second",
            AtLeast(1_000.0),
            over(&|round| round.refresh.http.measured.per_second()),
        ),
        goal(
            Part::Refresh,
            "p99 ms of a refresh",
            Below(25.0),
            over(&|round| round.refresh.http.measured.percentile(99)),
        ),
        goal(
            Part::Introspection,
            "introspections a second",
            AtLeast(5_000.0),
            over(&|round| round.introspection.http.measured.per_second()),
        ),
        goal(
            Part::Introspection,
            "p99 ms of an introspection",
            Below(20.0),
            over(&|round| round.introspection.http.measured.percentile(99)),
        ),
        goal(
            Part::Verification,
            "µs of a local verification",
            Below(50.0),
            over(&|round| round.verification),
        ),
    ];
    verdicts.extend(flood_verdicts(rounds));
    verdicts
}

/// The purge is measured once: what it is about is how much there is of it.
pub fn purge_verdict(seconds: f64) -> Verdict {
    let what = format!("s for the purge of {ACCOUNTS} temporary accounts");
    Verdict { part: Part::Purge, what, goal: Goal::Below(10.0), seen: seconds }
}

/// What is asked of a flood: some are sent away and told when to come again, and it harms nobody who is let in, and no other
/// service.
#[expect(clippy::cast_precision_loss, reason = "mebibytes and processors")]
fn flood_verdicts(rounds: &[Round]) -> Vec<Verdict> {
    let over = |figure: &dyn Fn(&Round) -> f64| median(rounds.iter().map(figure));
    let least = |figure: &dyn Fn(&Round) -> f64| rounds.iter().map(figure).fold(f64::INFINITY, f64::min);
    let processors = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let memory = MEMORY_MIB + mebibytes(processors * hash::MEMORY_BYTES);
    let flood = FLOOD * 100.0;
    let goal = |what: &str, goal, seen| Verdict { part: Part::Flood, what: what.to_owned(), goal, seen };
    use Goal::{AtLeast, Below};
    vec![
        goal(
            &format!("share let in, or sent away with Retry-After, at {flood:.0} %"),
            AtLeast(1.0),
            least(&|round| round.flood.arrivals.orderly()),
        ),
        goal("share sent away by 503", AtLeast(SENT_AWAY), least(&|round| round.flood.arrivals.share(503))),
        goal(
            "p99 ms of those that were let in meanwhile",
            Below(LONGEST_WAIT + AFTER_IT),
            over(&|round| round.flood.arrivals.percentile(200, 99)),
        ),
        goal(
            "sign-ins a second in the flood ÷ without one",
            AtLeast(0.85),
            over(&|round| served_per_second(&round.flood) / round.sign_ins.measured.per_second()),
        ),
        goal(
            "p99 ms of introspection meanwhile",
            Below(50.0),
            over(&|round| round.flood.introspections.percentile(200, 99)),
        ),
        goal(
            "share of those introspections that were answered",
            AtLeast(1.0),
            over(&|round| round.flood.introspections.share(200)),
        ),
        goal(
            "MiB of auth in the flood, hashes included",
            Below(memory as f64),
            over(&|round| mebibytes(round.flood.memory.most) as f64),
        ),
        goal(
            "requests of all open streams without an answer",
            Below(1.0),
            rounds.iter().map(Round::dropped).sum(),
        ),
    ]
}

/// Sign-ins a second while people came: what was still waiting when the last one came is served after that.
#[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
fn served_per_second(flood: &Flood) -> f64 {
    flood.arrivals.of(200).count() as f64 / flood.arrivals.elapsed.as_secs_f64()
}

type Compared<'a> = (&'a Phase, Option<Beside<'a>>);

/// The phase of the middle round and what it is compared with; `None` where there is nothing to profile.
pub fn middle(rounds: &[Round], part: Part) -> Option<Compared<'_>> {
    let order = |round: &Round| match part {
        Part::SignIn => round.ratio(),
        Part::Refresh => round.refresh.ratio(),
        Part::Introspection => round.introspection.ratio(),
        Part::Steady => round.steady.arrivals.percentile(200, 99),
        Part::Flood => round.flood.introspections.percentile(200, 99),
        Part::Verification | Part::Purge => round.verification,
    };
    let mut sorted: Vec<&Round> = rounds.iter().collect();
    sorted.sort_by(|a, b| order(a).total_cmp(&order(b)));
    let round = sorted.get(sorted.len().checked_sub(1)? / 2)?;
    match part {
        Part::SignIn => {
            let hash = Beside { name: "hash", part: "its hash alone", phase: &round.bare_hash };
            Some((&round.sign_ins, Some(hash)))
        }
        Part::Refresh => Some(round.refresh.compared()),
        Part::Introspection => Some(round.introspection.compared()),
        Part::Steady => Some((&round.steady.phase, None)),
        Part::Flood => Some((&round.flood.phase, None)),
        Part::Verification | Part::Purge => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(part: Part, goal: Goal, seen: f64) -> Verdict {
        Verdict { part, what: "something".to_owned(), goal, seen }
    }

    #[test]
    fn a_goal_that_is_just_met_is_reached_and_one_to_stay_below_is_not() {
        assert!(verdict(Part::SignIn, Goal::AtLeast(0.85), 0.85).reached());
        assert!(!verdict(Part::Steady, Goal::Below(250.0), 250.0).reached());
        assert!(!verdict(Part::Steady, Goal::Below(250.0), f64::NAN).reached());
        let line = verdict(Part::Steady, Goal::Below(250.0), 251.0).line();
        assert!(line.contains("missed") && line.contains("goal below 250"), "{line}");
    }

    #[test]
    fn a_part_is_profiled_once_however_many_of_its_goals_are_missed() {
        let verdicts = [
            verdict(Part::Refresh, Goal::AtLeast(1.0), 0.0),
            verdict(Part::SignIn, Goal::AtLeast(1.0), 0.0),
            verdict(Part::Refresh, Goal::AtLeast(1.0), 0.0),
            verdict(Part::Flood, Goal::AtLeast(1.0), 1.0),
        ];
        assert_eq!(missed(&verdicts), [Part::SignIn, Part::Refresh]);
    }

    #[test]
    fn a_median_is_taken_of_each_figure_by_itself() {
        let line = |figures| Line { name: "line", figures };
        let middle = middle_line(&[line([1.0, 9.0]), line([3.0, 7.0]), line([2.0, 8.0])]);
        assert_eq!(middle, line([2.0, 8.0]));
    }
}

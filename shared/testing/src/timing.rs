//! Does the time of an answer tell what kind of request it was? An experiment on real requests, and its verdict.
//!
//! **Design.** Requests of several kinds are made one after the other, in rounds in which every kind follows every pair of
//! kinds equally often, itself included: whatever drifts (caches, a neighbour's build, the clock speed) falls on every kind
//! alike, and so does what one request leaves for the next (a queued job, a warm page). In each round the kinds change places
//! at random: else one that always comes at the same time of a round would meet, for many rounds together, what the service does
//! in a rhythm of its own, such as looking for jobs. The first requests are thrown away.
//!
//! **Criterion.** Two kinds are alike when the rank sum test over their times has p > 0.01 and their medians lie less than 2 ms
//! apart.
//!
//! **Verdict.** With six pairs, one of twenty runs would fail by chance alone at the first look, and on a busy machine the
//! median of a hundred times is not known to 2 ms. So more is measured until the criterion holds over everything measured so
//! far and the gap is known well enough to say so. What is not settled at the last look is a leak when chance does not explain
//! it: p at most 0.0001, or a gap of 2 ms and four errors. That favours a passing test by repeated looks and not a leaking
//! service: a difference that is there becomes surer with every look, and one of more than 2 ms hardly passes early, because
//! then its error is below 1 ms.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Instant;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use crate::rank_sum::{RankSum, median};

/// At or below it two samples are not from one distribution.
const SIGNIFICANT: f64 = 0.01;
/// At or below it chance is no explanation, however many pairs are looked at.
const SURE: f64 = 0.000_1;
/// Milliseconds that medians may lie apart.
const GAP: f64 = 2.0;
/// The gap has to be known at least so well, in milliseconds, before it is believed to be small.
const KNOWN_TO: f64 = 1.0;
const WARM_UP: usize = 12;
const LOOKS: usize = 8;

/// The times of every kind of request, in milliseconds.
struct Times {
    kinds: Vec<&'static str>,
    of_kind: Vec<Vec<f64>>,
}

/// One pair of kinds, compared.
struct Comparison {
    names: (&'static str, &'static str),
    p: f64,
    /// Of the medians, in milliseconds.
    gap: f64,
    /// One standard error of the gap.
    error: f64,
}

/// Asks, each kind at least so many `times` before the first look, and fails the test when a kind of request can be told from
/// another by its time. `ask` makes the request of the kind and number that it is told, and is timed as a whole; what prepares
/// it belongs into `prepare`.
pub async fn assert_times_tell_nothing(
    what: &str,
    kinds: &[&'static str],
    times: usize,
    mut prepare: impl AsyncFnMut(usize),
    mut ask: impl AsyncFnMut(usize, usize),
) {
    let mut rounds = Rounds::new(kinds.len());
    let each_look = rounds.order.len() * times.div_ceil(rounds.order.len() / kinds.len());
    let mut times = Times { kinds: kinds.to_vec(), of_kind: vec![Vec::new(); kinds.len()] };
    let mut number = 0;
    for look in 1..=LOOKS {
        while number < WARM_UP + look * each_look {
            let kind = rounds.next_kind();
            prepare(number).await;
            let began = Instant::now();
            ask(kind, number).await;
            if number >= WARM_UP {
                times.of_kind[kind].push(began.elapsed().as_secs_f64() * 1000.0);
            }
            number += 1;
        }
        let comparisons = times.comparisons();
        let said: Vec<String> = comparisons.iter().map(Comparison::to_string).collect();
        eprintln!("{what}, look {look}: medians {:?} ms; {}", times.medians(), said.join("; "));
        if comparisons.iter().all(|comparison| comparison.is_alike() && comparison.error < KNOWN_TO) {
            return;
        }
        if look == LOOKS {
            let apart = comparisons.iter().filter(|comparison| comparison.is_apart());
            let apart: Vec<String> = apart.map(Comparison::to_string).collect();
            assert!(apart.is_empty(), "{what}: the time of the answer tells what was asked: {apart:#?}");
        }
    }
}

impl Times {
    fn comparisons(&self) -> Vec<Comparison> {
        let mut comparisons = Vec::new();
        for one in 0..self.kinds.len() {
            for other in one + 1..self.kinds.len() {
                let (first, second) = (&self.of_kind[one], &self.of_kind[other]);
                let gap = (median(first) - median(second)).abs();
                let names = (self.kinds[one], self.kinds[other]);
                let p = RankSum::of(first, second).p;
                comparisons.push(Comparison { names, p, gap, error: error_of_gap(first, second) });
            }
        }
        comparisons
    }

    fn medians(&self) -> Vec<f64> {
        self.of_kind.iter().map(|times| (median(times) * 100.0).round() / 100.0).collect()
    }
}

impl Comparison {
    fn is_alike(&self) -> bool {
        self.p > SIGNIFICANT && self.gap < GAP
    }

    /// Not merely too noisy to be sure.
    fn is_apart(&self) -> bool {
        self.p <= SURE || self.gap - 4.0 * self.error >= GAP
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { names: (one, other), p, gap, error } = self;
        write!(f, "{one} / {other}: p {p:.3}, gap {gap:.2} ± {error:.2} ms")
    }
}

/// By the median deviations, of which a few slow requests make nothing. A median of n values of a normal distribution is 1.253
/// times as uncertain as their mean, and its standard deviation is 1.483 median deviations.
fn error_of_gap(first: &[f64], second: &[f64]) -> f64 {
    let variance = |sample: &[f64]| {
        let middle = median(sample);
        let deviations: Vec<f64> = sample.iter().map(|time| (time - middle).abs()).collect();
        #[expect(clippy::cast_precision_loss, reason = "samples are small")]
        let size = sample.len() as f64;
        (1.253 * 1.483 * median(&deviations)).powi(2) / size
    };
    (variance(first) + variance(second)).sqrt()
}

/// Which kind of request comes next: one balanced order again and again, the kinds in other places of it each time.
struct Rounds {
    order: Vec<usize>,
    at: usize,
    places: Vec<usize>,
    random: StdRng,
}

impl Rounds {
    /// The same order in every run of a test.
    fn new(kinds: usize) -> Self {
        let (order, places) = (balanced_order(kinds), (0..kinds).collect());
        Self { order, at: 0, places, random: StdRng::seed_from_u64(1) }
    }

    fn next_kind(&mut self) -> usize {
        if self.at == 0 {
            self.places.shuffle(&mut self.random);
        }
        let kind = self.places[self.order[self.at]];
        self.at = (self.at + 1) % self.order.len();
        kind
    }
}

/// A sequence of de Bruijn of the third order: read in a circle, it holds every triple of kinds once. Made greedily: the highest
/// kind that makes no triple that was there before.
fn balanced_order(kinds: usize) -> Vec<usize> {
    let mut order = vec![0, 0, 0];
    let mut seen = BTreeSet::from([[0, 0, 0]]);
    loop {
        let [.., one, two] = order[..] else { return order };
        let Some(next) = (0..kinds).rev().find(|next| seen.insert([one, two, *next])) else { break };
        order.push(next);
    }
    order.truncate(kinds.pow(3));
    order
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    #[test]
    fn every_kind_follows_every_pair_of_kinds_once() {
        for kinds in 2..=5 {
            let order = balanced_order(kinds);
            let around = |place: usize| order[place % order.len()];
            let triples: BTreeSet<_> =
                (0..order.len()).map(|place| [around(place), around(place + 1), around(place + 2)]).collect();
            assert_eq!((order.len(), triples.len()), (kinds.pow(3), kinds.pow(3)));
        }
    }

    #[test]
    fn every_kind_comes_at_every_time_of_a_round() {
        let mut rounds = Rounds::new(3);
        let mut seen = vec![BTreeSet::new(); 27];
        for _ in 0..30 {
            let round: Vec<usize> = (0..27).map(|_| rounds.next_kind()).collect();
            for kind in 0..3 {
                assert_eq!(round.iter().filter(|of_round| **of_round == kind).count(), 9);
            }
            for (at, kind) in round.into_iter().enumerate() {
                seen[at].insert(kind);
            }
        }
        assert!(seen.iter().all(|kinds| kinds.len() == 3), "{seen:?}");
    }

    fn times(of: [fn(usize) -> f64; 2]) -> Times {
        let sample = |time: fn(usize) -> f64| (0..100).map(time).collect();
        Times { kinds: vec!["known", "unknown"], of_kind: of.map(sample).into() }
    }

    fn noise(round: usize) -> f64 {
        f64::from(u32::try_from(round * 7919 % 97).unwrap_or_default()) / 20.0
    }

    #[test]
    fn a_small_difference_in_noise_is_alike_and_three_milliseconds_are_apart() {
        let alike = times([|round| 20.0 + noise(round), |round| 20.0 + noise(round + 50)]);
        assert!(alike.comparisons().iter().all(Comparison::is_alike));
        let apart = times([|round| 20.0 + noise(round), |round| 23.0 + noise(round + 50)]);
        assert!(apart.comparisons().iter().all(Comparison::is_apart));
    }

    #[tokio::test]
    async fn a_kind_that_takes_longer_fails_the_test_that_asks() {
        let experiment = async {
            let ask = async |kind, _| {
                tokio::time::sleep(Duration::from_millis(if kind == 0 { 1 } else { 6 })).await;
            };
            assert_times_tell_nothing("sleep", &["short", "long"], 10, async |_| {}, ask).await;
        };
        let told = LocalSet::new().run_until(async { spawn_local(experiment).await }).await;
        assert!(told.is_err());
    }
}

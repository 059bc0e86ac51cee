//! The ledger beside a small model of it: long random stories end with the same numbers.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shinkofa_contracts::ReservationId;
use shinkofa_kernel::{Role, UserId};

use crate::harness::Studio;

/// One step of a story. Numbers choose among the reservations so far.
#[derive(Clone, Debug)]
enum Step {
    Grant { credits: i32, days: Option<i64> },
    Hold { amount: i32 },
    Capture(usize),
    Release(usize),
    Refund(usize),
    Consume(usize),
    Wait { hours: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1..6_i32, proptest::option::of(1..8_i64)).prop_map(|(credits, days)| Step::Grant { credits, days }),
        5 => (1..5_i32).prop_map(|amount| Step::Hold { amount }),
        4 => any::<usize>().prop_map(Step::Capture),
        2 => any::<usize>().prop_map(Step::Release),
        2 => any::<usize>().prop_map(Step::Refund),
        2 => any::<usize>().prop_map(Step::Consume),
        3 => (1..40_i64).prop_map(|hours| Step::Wait { hours }),
    ]
}

#[derive(Debug)]
struct Lot {
    expires_at: Option<DateTime<Utc>>,
    remaining: i32,
}

#[derive(Debug, PartialEq)]
enum State {
    Held,
    Captured,
    Consumed,
    Released,
    Refunded,
}

#[derive(Debug)]
struct Hold {
    state: State,
    /// Lot and units, in the order they were taken.
    parts: Vec<(usize, i32)>,
}

/// What the ledger should be, in so few lines that one can see it.
#[derive(Debug, Default)]
struct Model {
    lots: Vec<Lot>,
    holds: BTreeMap<ReservationId, Hold>,
}

impl Model {
    fn usable(&self, lot: usize, now: DateTime<Utc>) -> i32 {
        let lot = &self.lots[lot];
        if lot.expires_at.is_none_or(|end| end > now) { lot.remaining } else { 0 }
    }

    fn available(&self, now: DateTime<Utc>) -> i32 {
        (0..self.lots.len()).map(|lot| self.usable(lot, now)).sum()
    }

    fn held(&self) -> i32 {
        let held = self.holds.values().filter(|hold| hold.state == State::Held);
        held.flat_map(|hold| &hold.parts).map(|(_, units)| units).sum()
    }

    /// The status that the service should answer.
    fn hold(&mut self, id: ReservationId, amount: i32, now: DateTime<Utc>) -> u16 {
        if self.available(now) < amount {
            return 402;
        }
        let mut order: Vec<_> = (0..self.lots.len()).collect();
        order.sort_by_key(|lot| (self.lots[*lot].expires_at.is_none(), self.lots[*lot].expires_at, *lot));
        let (mut missing, mut parts) = (amount, Vec::new());
        for lot in order {
            let units = self.usable(lot, now).min(missing);
            if units > 0 {
                self.lots[lot].remaining -= units;
                missing -= units;
                parts.push((lot, units));
            }
        }
        self.holds.insert(id, Hold { state: State::Held, parts });
        200
    }

    fn capture(&mut self, id: ReservationId) -> u16 {
        let hold = self.holds.get_mut(&id).expect("a hold of the story");
        match hold.state {
            State::Held => hold.state = State::Captured,
            State::Captured | State::Consumed | State::Refunded => {}
            State::Released => return 409,
        }
        200
    }

    fn consume(&mut self, id: ReservationId) -> u16 {
        let hold = self.holds.get_mut(&id).expect("a hold of the story");
        match hold.state {
            State::Held | State::Captured => hold.state = State::Consumed,
            State::Consumed => {}
            State::Released | State::Refunded => return 409,
        }
        200
    }

    fn give_back(&mut self, id: ReservationId, ending: State, now: DateTime<Utc>) -> u16 {
        let hold = self.holds.get_mut(&id).expect("a hold of the story");
        match hold.state {
            State::Consumed => return 409,
            State::Captured if ending == State::Released => return 409,
            State::Released | State::Refunded => return 200,
            State::Held | State::Captured => hold.state = ending,
        }
        for (lot, units) in std::mem::take(&mut hold.parts) {
            if self.lots[lot].expires_at.is_some_and(|end| end <= now) {
                self.lots.push(Lot { expires_at: Some(now + TimeDelta::days(7)), remaining: units });
            } else {
                self.lots[lot].remaining += units;
            }
        }
        200
    }
}

#[actix_web::test]
async fn long_random_stories_end_as_the_model_says() {
    let studio = Studio::open().await;
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[42; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for _ in 0..6 {
        let story = proptest::collection::vec(step(), 60).new_tree(&mut runner).unwrap().current();
        play(&studio, &story).await;
        studio.check_invariants().await;
    }
    studio.close().await;
}

async fn play(studio: &Studio, story: &[Step]) {
    let member = studio.app.user(Role::Member);
    let user: UserId = member.user_id;
    let (mut model, mut ids) = (Model::default(), Vec::new());
    for (number, step) in story.iter().enumerate() {
        // Every lot is younger than the one before it, so that equal expiries are taken in the model's order.
        studio.app.advance(TimeDelta::milliseconds(2));
        let now = studio.now();
        let chosen = |n: &usize| ids.get(n % ids.len().max(1)).copied();
        let (expected, answered) = match step {
            Step::Grant { credits, days } => {
                let expires_at = days.map(|days| now + TimeDelta::days(days));
                model.lots.push(Lot { expires_at, remaining: *credits });
                studio.grant(&member, *credits, *days).await;
                continue;
            }
            Step::Wait { hours } => {
                studio.app.advance(TimeDelta::hours(*hours));
                if hours % 2 == 0 {
                    studio.app.run_jobs().await;
                }
                continue;
            }
            Step::Hold { amount } => {
                let id = studio.reservation();
                let expected = model.hold(id, *amount, now);
                if expected == 200 {
                    ids.push(id);
                }
                (expected, studio.hold(id, user, *amount).await)
            }
            Step::Capture(n) => {
                let Some(id) = chosen(n) else { continue };
                (model.capture(id), studio.settle(id, "capture").await)
            }
            Step::Consume(n) => {
                let Some(id) = chosen(n) else { continue };
                (model.consume(id), studio.settle(id, "consume").await)
            }
            Step::Release(n) => {
                let Some(id) = chosen(n) else { continue };
                (model.give_back(id, State::Released, now), studio.settle(id, "release").await)
            }
            Step::Refund(n) => {
                let Some(id) = chosen(n) else { continue };
                (model.give_back(id, State::Refunded, now), studio.refund(id, "cancelled_in_time").await)
            }
        };
        assert_eq!(answered.status, expected, "step {number} {step:?}: {:#}", answered.body);
        let owner = studio.app.renewed(&member, Role::Member);
        let wallet = studio.wallet(&owner).await;
        let told = (&wallet["available"], &wallet["held"]);
        let expected = (&model.available(now).into(), &model.held().into());
        assert_eq!(told, expected, "after step {number} {step:?}");
    }
}

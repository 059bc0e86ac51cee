//! Work that goes through all tenants: as far as one run of its job comes, and from there on in the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shinkofa_kernel::{Clock, TenantId};

/// How far one run may go. A job takes a part of its lease: whoever is still at work when it lapses is joined by the next run.
#[derive(Debug)]
pub struct Turn {
    clock: Clock,
    ends: DateTime<Utc>,
    most: usize,
}

impl Turn {
    pub fn new(clock: &Clock, length: Duration) -> Self {
        let length = TimeDelta::from_std(length).unwrap_or_default();
        Self { clock: clock.clone(), ends: clock.now() + length, most: usize::MAX }
    }

    /// To so many tenants and no more, however much time there is.
    #[must_use]
    pub fn to_at_most(&self, most: usize) -> Self {
        Self { clock: self.clock.clone(), ends: self.ends, most }
    }

    pub fn is_over(&self) -> bool {
        self.clock.now() >= self.ends
    }
}

/// Whom each round of this process visited last. A new process begins with the first tenant.
#[derive(Clone, Debug, Default)]
pub struct Rounds(Arc<Mutex<HashMap<&'static str, TenantId>>>);

impl Rounds {
    /// Visits these tenants from behind the last one on, at least one and as many as the turn allows. One tenant's trouble does
    /// not leave out the others: it is told at the end.
    pub async fn visit<E>(
        &self,
        name: &'static str,
        tenants: Vec<TenantId>,
        turn: &Turn,
        visit: impl AsyncFn(TenantId) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut failure = None;
        for tenant in behind(self.last(name), tenants).into_iter().take(turn.most) {
            failure = visit(tenant).await.err().or(failure);
            self.note(name, tenant);
            if turn.is_over() {
                break;
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn last(&self, name: &'static str) -> Option<TenantId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    fn note(&self, name: &'static str, tenant: TenantId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, tenant);
    }
}

/// All of them in the order of their ids, those behind `last` first.
fn behind(last: Option<TenantId>, mut tenants: Vec<TenantId>) -> Vec<TenantId> {
    tenants.sort_unstable();
    let first = last.map_or(0, |last| tenants.partition_point(|tenant| *tenant <= last));
    tenants.rotate_left(first);
    tenants
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn tenants(numbers: impl IntoIterator<Item = u8>) -> Vec<TenantId> {
        let id = |number: u8| -> TenantId {
            format!("01920000-0000-7000-8000-0000000000{number:02x}").parse().unwrap()
        };
        numbers.into_iter().map(id).collect()
    }

    /// A clock, and visits that take a second each.
    struct Walk {
        clock: Clock,
        rounds: Rounds,
        seen: RefCell<Vec<TenantId>>,
    }

    impl Walk {
        fn new() -> Self {
            let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
            Self { clock, rounds: Rounds::default(), seen: RefCell::default() }
        }

        async fn go(&self, all: &[TenantId], turn: &Turn) -> Vec<TenantId> {
            let visit = async |tenant| {
                self.clock.advance(TimeDelta::seconds(1));
                self.seen.borrow_mut().push(tenant);
                Ok::<_, ()>(())
            };
            self.rounds.visit("walk", all.to_vec(), turn, visit).await.unwrap();
            self.seen.take()
        }
    }

    #[actix_web::test]
    async fn a_round_stops_when_its_turn_is_over_and_the_next_goes_on_from_there() {
        let (walk, all) = (Walk::new(), tenants(0..10));
        let turn = || Turn::new(&walk.clock, Duration::from_secs(4));
        assert_eq!(walk.go(&all, &turn()).await, tenants(0..4));
        assert_eq!(walk.go(&all, &turn()).await, tenants(4..8));
        assert_eq!(walk.go(&all, &turn()).await, tenants([8, 9, 0, 1]));
        // The one it stopped at is gone, and there is a new one: nobody is left out.
        let changed = tenants([0, 2, 3, 5, 11]);
        assert_eq!(walk.go(&changed, &turn()).await, tenants([2, 3, 5, 11]));
        assert_eq!(walk.go(&changed, &turn()).await, tenants([0, 2, 3, 5]));
    }

    #[actix_web::test]
    async fn every_turn_comes_to_one_tenant_and_no_round_to_one_twice() {
        let (walk, all) = (Walk::new(), tenants(0..3));
        let short = || Turn::new(&walk.clock, Duration::ZERO);
        assert_eq!(walk.go(&all, &short()).await, tenants([0]));
        assert_eq!(walk.go(&all, &short()).await, tenants([1]));
        let long = Turn::new(&walk.clock, Duration::from_secs(600));
        assert_eq!(walk.go(&all, &long).await, tenants([2, 0, 1]));
        assert_eq!(walk.go(&all, &long.to_at_most(2)).await, tenants([2, 0]));
        assert_eq!(walk.go(&[], &long).await, tenants([]));
    }

    #[actix_web::test]
    async fn one_tenants_trouble_is_told_and_leaves_out_nobody() {
        let (walk, all) = (Walk::new(), tenants(0..3));
        let turn = Turn::new(&walk.clock, Duration::from_secs(600));
        let visit = async |tenant| {
            walk.seen.borrow_mut().push(tenant);
            if tenant == all[1] { Err("trouble") } else { Ok(()) }
        };
        assert_eq!(walk.rounds.visit("walk", all.clone(), &turn, visit).await, Err("trouble"));
        assert_eq!(walk.seen.take(), all);
    }
}

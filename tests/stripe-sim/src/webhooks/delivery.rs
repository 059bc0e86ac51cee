//! How far the delivery of an event has come, and when it is tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::domain::ids::EventId;

/// Stripe gives up after three days.
const LIFETIME_MILLIS: i64 = 3 * 24 * 3600 * 1000;
/// Older attempts are only counted.
const ATTEMPTS_KEPT: usize = 50;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivery {
    pub event: EventId,
    pub state: DeliveryState,
    pub recorded_at_millis: i64,
    pub due_at_millis: i64,
    pub failures: u32,
    pub attempts: Vec<Attempt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    Pending,
    Delivered,
    /// Tried for three days without success.
    Abandoned,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attempt {
    pub at_millis: i64,
    #[serde(flatten)]
    pub answer: Answer,
}

/// What the endpoint did with an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Status(u16),
    /// No answer came; the text says why.
    Error(String),
    /// A test had the attempt lost on its way.
    Dropped,
}

impl Answer {
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Status(200..=299))
    }
}

/// The pause after a failure: `base`, doubled each time, and never more than `longest`.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pub base: Duration,
    pub longest: Duration,
}

impl Backoff {
    fn after(self, failures: u32) -> Duration {
        let doubled = self.base.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(30)));
        doubled.min(self.longest)
    }
}

impl Delivery {
    pub fn new(event: EventId, now: Instant) -> Self {
        Self {
            event,
            state: DeliveryState::Pending,
            recorded_at_millis: now.millis,
            due_at_millis: now.millis,
            failures: 0,
            attempts: Vec::new(),
        }
    }

    pub fn is_due(&self, now: Instant) -> bool {
        self.state == DeliveryState::Pending && self.due_at_millis <= now.millis
    }

    /// The delivery after an attempt. One that was taken stays taken, whatever a copy meets later.
    pub fn after(mut self, answer: Answer, now: Instant, backoff: Backoff) -> Self {
        let taken = answer.is_taken();
        self.attempts.push(Attempt { at_millis: now.millis, answer });
        if self.attempts.len() > ATTEMPTS_KEPT {
            self.attempts.remove(0);
        }
        if taken {
            self.state = DeliveryState::Delivered;
        } else if self.state == DeliveryState::Pending {
            self.failures += 1;
            let pause = i64::try_from(backoff.after(self.failures).as_millis()).unwrap_or(i64::MAX);
            self.due_at_millis = now.millis.saturating_add(pause);
            if self.due_at_millis > self.recorded_at_millis + LIFETIME_MILLIS {
                self.state = DeliveryState::Abandoned;
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::IdSource;

    const BACKOFF: Backoff = Backoff { base: Duration::from_millis(100), longest: Duration::from_secs(10) };

    fn at(millis: i64) -> Instant {
        Instant { millis }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<u128> =
            [1, 2, 3, 7, 8, 40].map(|failures| BACKOFF.after(failures).as_millis()).to_vec();
        assert_eq!(pauses, [100, 200, 400, 6_400, 10_000, 10_000]);
    }

    #[test]
    fn a_delivery_is_given_up_after_three_days() {
        let new = Delivery::new(IdSource::seeded(1).mint(), at(0));
        let failed = new.after(Answer::Status(500), at(5), BACKOFF);
        assert_eq!(failed.state, DeliveryState::Pending);
        assert_eq!(failed.due_at_millis, 105);
        let late = failed.after(Answer::Dropped, at(LIFETIME_MILLIS), BACKOFF);
        assert_eq!(late.state, DeliveryState::Abandoned);
    }

    #[test]
    fn a_taken_event_stays_taken_when_a_copy_is_refused() {
        let new = Delivery::new(IdSource::seeded(1).mint(), at(0));
        let taken = new.after(Answer::Status(204), at(1), BACKOFF);
        let copy = taken.after(Answer::Status(500), at(2), BACKOFF);
        assert_eq!(copy.state, DeliveryState::Delivered);
        assert_eq!(copy.attempts.len(), 2);
    }
}

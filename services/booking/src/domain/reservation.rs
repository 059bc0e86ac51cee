//! The life of a reservation: which change of status is allowed when, and what it does to seats and credits.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_contracts::booking::{ReservationDetails, ReservationStatus};
use shinkofa_contracts::{ClassSessionId, ReservationId};
use shinkofa_kernel::UserId;

/// Somebody's seats in a session, as last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub id: ReservationId,
    pub session_id: ClassSessionId,
    pub customer_id: UserId,
    pub seats: i32,
    /// What all seats cost together.
    pub credits: i32,
    pub status: ReservationStatus,
    pub version: i32,
    pub hold_expires_at: DateTime<Utc>,
    pub cancel_deadline: DateTime<Utc>,
    pub idempotency_key: String,
    pub credits_refunded: i32,
    pub created_at: DateTime<Utc>,
    pub class_title: String,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub location: Option<String>,
}

/// A change of status that the rules allow: carried out by compare-and-set on where it starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    pub from: ReservationStatus,
    pub to: ReservationStatus,
    pub at: DateTime<Utc>,
    pub credits_refunded: i32,
}

/// What credits must be told after a change of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowUp {
    /// The seats are the member's: the credits are taken.
    Capture,
    /// The booking came to nothing: the credits were never taken.
    Release,
    /// Cancelled in time: the credits go back to their lots.
    Refund,
    /// Cancelled late: the credits are spent.
    Consume,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reservation that is {from} cannot become {to}")]
pub struct InvalidTransition {
    pub from: ReservationStatus,
    pub to: ReservationStatus,
}

/// Why a member cannot cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CancelRefusal {
    /// It was cancelled before: the answer is the same as then.
    #[error("the reservation was cancelled before")]
    Already,
    #[error("the session has started")]
    Started,
    #[error(transparent)]
    Invalid(#[from] InvalidTransition),
}

/// Does a reservation of this status keep its seats from others?
pub fn is_active(status: ReservationStatus) -> bool {
    use ReservationStatus::{Attended, Confirmed, NoShow, Pending};
    matches!(status, Pending | Confirmed | Attended | NoShow)
}

/// The statuses that this service moves a reservation to, by where it stands. All others are ends.
fn successors(status: ReservationStatus) -> &'static [ReservationStatus] {
    use ReservationStatus::{Cancelled, Confirmed, Expired, LateCancelled, Pending, Rejected};
    match status {
        Pending => &[Confirmed, Rejected, Expired, Cancelled],
        Confirmed => &[Cancelled, LateCancelled],
        _ => &[],
    }
}

impl Reservation {
    /// The credits are set aside: the seats are the member's. From here on there is no way back but a cancellation.
    pub fn confirm(&self, now: DateTime<Utc>) -> Result<Transition, InvalidTransition> {
        self.become_status(ReservationStatus::Confirmed, now)
    }

    /// The credits cannot be set aside.
    pub fn reject(&self, now: DateTime<Utc>) -> Result<Transition, InvalidTransition> {
        self.become_status(ReservationStatus::Rejected, now)
    }

    /// The credits were not set aside in time.
    pub fn expire(&self, now: DateTime<Utc>) -> Result<Transition, InvalidTransition> {
        self.become_status(ReservationStatus::Expired, now)
    }

    /// The member gives the seats back: free until the deadline, and at the deadline itself already late.
    pub fn cancel(&self, now: DateTime<Utc>) -> Result<Transition, CancelRefusal> {
        use ReservationStatus::{Cancelled, Confirmed, LateCancelled};
        if matches!(self.status, Cancelled | LateCancelled) {
            return Err(CancelRefusal::Already);
        }
        let late = self.status == Confirmed && now >= self.cancel_deadline;
        let transition = self.become_status(if late { LateCancelled } else { Cancelled }, now)?;
        if now >= self.starts_at {
            return Err(CancelRefusal::Started);
        }
        Ok(transition)
    }

    /// Nobody asked again in time, so its seats may be given away.
    pub fn has_lapsed(&self, now: DateTime<Utc>) -> bool {
        self.status == ReservationStatus::Pending && self.hold_expires_at <= now
    }

    /// What the member has paid as it stands.
    pub fn credits_charged(&self) -> i32 {
        use ReservationStatus::{Cancelled, Expired, Pending, Rejected, StudioCancelled};
        match self.status {
            Pending | Rejected | Expired | Cancelled | StudioCancelled => 0,
            _ => self.credits,
        }
    }

    /// As it stands after `transition`.
    pub fn after(&self, transition: &Transition) -> Self {
        Self {
            status: transition.to,
            version: self.version + 1,
            credits_refunded: transition.credits_refunded,
            ..self.clone()
        }
    }

    /// What events tell about it.
    pub fn details(&self) -> ReservationDetails {
        ReservationDetails {
            reservation_id: self.id,
            user_id: self.customer_id,
            session_id: self.session_id,
            class_title: self.class_title.clone(),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            location: self.location.clone(),
            seats: self.seats,
            credits: self.credits,
            cancel_deadline: self.cancel_deadline,
        }
    }

    fn become_status(
        &self,
        to: ReservationStatus,
        at: DateTime<Utc>,
    ) -> Result<Transition, InvalidTransition> {
        if !successors(self.status).contains(&to) {
            return Err(InvalidTransition { from: self.status, to });
        }
        let refunds = self.status == ReservationStatus::Confirmed && to == ReservationStatus::Cancelled;
        Ok(Transition { from: self.status, to, at, credits_refunded: if refunds { self.credits } else { 0 } })
    }
}

impl Transition {
    /// Do the seats become free for others?
    pub fn frees_seats(&self) -> bool {
        is_active(self.from) && !is_active(self.to)
    }

    /// What credits must be told, when there was something to pay.
    pub fn follow_up(&self) -> FollowUp {
        use ReservationStatus::{Confirmed, LateCancelled};
        match (self.from, self.to) {
            (_, Confirmed) => FollowUp::Capture,
            (_, LateCancelled) => FollowUp::Consume,
            (Confirmed, _) => FollowUp::Refund,
            (_, _) => FollowUp::Release,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;
    use shinkofa_kernel::Clock;

    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn reservation(status: ReservationStatus) -> Reservation {
        let clock = Clock::manual(start());
        Reservation {
            id: ReservationId::new(&clock),
            session_id: ClassSessionId::new(&clock),
            customer_id: UserId::new(&clock),
            seats: 2,
            credits: 6,
            status,
            version: 1,
            hold_expires_at: start() + TimeDelta::minutes(5),
            cancel_deadline: start() + TimeDelta::hours(12),
            idempotency_key: "key".to_owned(),
            credits_refunded: 0,
            created_at: start(),
            class_title: "Yoga".to_owned(),
            starts_at: start() + TimeDelta::hours(24),
            ends_at: start() + TimeDelta::hours(25),
            location: None,
        }
    }

    #[test]
    fn a_cancellation_is_free_until_the_last_microsecond_before_the_deadline_and_late_at_it() {
        let confirmed = reservation(ReservationStatus::Confirmed);
        let cancel = |offset: i64| {
            confirmed.cancel(confirmed.cancel_deadline + TimeDelta::microseconds(offset)).unwrap()
        };
        assert_eq!((cancel(-1).to, cancel(-1).credits_refunded), (ReservationStatus::Cancelled, 6));
        assert_eq!((cancel(0).to, cancel(0).credits_refunded), (ReservationStatus::LateCancelled, 0));
        assert_eq!((cancel(1).to, cancel(1).credits_refunded), (ReservationStatus::LateCancelled, 0));
    }

    #[test]
    fn a_pending_reservation_is_cancelled_free_of_charge_at_any_time_before_the_start() {
        let pending = reservation(ReservationStatus::Pending);
        let transition = pending.cancel(pending.cancel_deadline + TimeDelta::hours(1)).unwrap();
        assert_eq!(
            (transition.to, transition.follow_up()),
            (ReservationStatus::Cancelled, FollowUp::Release)
        );
        assert_eq!(transition.credits_refunded, 0);
    }

    #[test]
    fn nothing_is_cancelled_once_the_session_has_started() {
        for status in [ReservationStatus::Pending, ReservationStatus::Confirmed] {
            let reservation = reservation(status);
            assert_eq!(reservation.cancel(reservation.starts_at), Err(CancelRefusal::Started));
            assert!(reservation.cancel(reservation.starts_at - TimeDelta::microseconds(1)).is_ok());
        }
    }

    #[test]
    fn a_pending_reservation_lapses_at_the_instant_its_hold_expires() {
        let pending = reservation(ReservationStatus::Pending);
        assert!(!pending.has_lapsed(pending.hold_expires_at - TimeDelta::microseconds(1)));
        assert!(pending.has_lapsed(pending.hold_expires_at));
        assert!(!reservation(ReservationStatus::Confirmed).has_lapsed(pending.hold_expires_at));
    }

    #[test]
    fn every_change_tells_credits_what_became_of_the_hold() {
        let pending = reservation(ReservationStatus::Pending);
        let confirmed = reservation(ReservationStatus::Confirmed);
        assert_eq!(pending.confirm(start()).unwrap().follow_up(), FollowUp::Capture);
        assert_eq!(pending.reject(start()).unwrap().follow_up(), FollowUp::Release);
        assert_eq!(pending.expire(start()).unwrap().follow_up(), FollowUp::Release);
        assert_eq!(confirmed.cancel(start()).unwrap().follow_up(), FollowUp::Refund);
        assert_eq!(confirmed.cancel(confirmed.cancel_deadline).unwrap().follow_up(), FollowUp::Consume);
    }

    #[derive(Clone, Copy, Debug)]
    enum Wish {
        Confirm,
        Reject,
        Expire,
        Cancel,
    }

    fn wishes() -> impl Strategy<Value = Vec<(Wish, i64)>> {
        let wish =
            prop_oneof![Just(Wish::Confirm), Just(Wish::Reject), Just(Wish::Expire), Just(Wish::Cancel)];
        prop::collection::vec((wish, 0..30_i64), 1..12)
    }

    proptest! {
        #[test]
        fn whatever_is_asked_in_whatever_order_seats_are_freed_once_and_credits_told_consistently(wishes in wishes()) {
            let mut reservation = reservation(ReservationStatus::Pending);
            let (mut freed, mut told) = (0, Vec::new());
            let mut now = start();
            for (wish, hours) in wishes {
                now += TimeDelta::hours(hours);
                let transition = match wish {
                    Wish::Confirm => reservation.confirm(now).ok(),
                    Wish::Reject => reservation.reject(now).ok(),
                    Wish::Expire => reservation.expire(now).ok(),
                    Wish::Cancel => reservation.cancel(now).ok(),
                };
                let Some(transition) = transition else { continue };
                prop_assert_eq!(transition.from, reservation.status);
                freed += u32::from(transition.frees_seats());
                told.push(transition.follow_up());
                reservation = reservation.after(&transition);
            }
            prop_assert_eq!(freed, u32::from(!is_active(reservation.status)));
            let lives: [&[FollowUp]; 5] = [
                &[],
                &[FollowUp::Capture],
                &[FollowUp::Release],
                &[FollowUp::Capture, FollowUp::Refund],
                &[FollowUp::Capture, FollowUp::Consume],
            ];
            prop_assert!(lives.contains(&told.as_slice()), "{:?}", told);
            prop_assert!(reservation.credits_charged() + reservation.credits_refunded <= reservation.credits);
        }
    }
}

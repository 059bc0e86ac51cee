//! How long credits can be spent.

use chrono::{DateTime, TimeDelta, Utc};
use shinkofa_contracts::credits::RefundReason;

/// When credits paid at `paid_at` expire. A day is 24 hours, so no clock change shortens what was sold.
pub(crate) fn expiry(paid_at: DateTime<Utc>, validity_days: Option<i32>) -> Option<DateTime<Utc>> {
    validity_days.map(|days| paid_at + TimeDelta::days(i64::from(days)))
}

/// Why units go back to a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReturnCause {
    /// The booking came to nothing before it was paid.
    NeverBooked,
    Refund(RefundReason),
}

/// How long units live on when their lot expired in the meantime: the member did not let them lapse.
pub(crate) fn grace(cause: ReturnCause) -> TimeDelta {
    match cause {
        ReturnCause::NeverBooked | ReturnCause::Refund(RefundReason::CancelledInTime) => TimeDelta::days(7),
        ReturnCause::Refund(RefundReason::CancelledByStudio) => TimeDelta::days(30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_validity_is_24_hours_across_a_clock_change() {
        // The night of 2027-03-28 has 23 hours in Paris.
        let paid: DateTime<Utc> = "2027-03-27T12:00:00Z".parse().unwrap();
        assert_eq!(expiry(paid, Some(2)), Some("2027-03-29T12:00:00Z".parse().unwrap()));
        assert_eq!(expiry(paid, None), None);
    }

    #[test]
    fn a_cancelling_studio_gives_more_grace_than_a_cancelling_member() {
        let in_time = grace(ReturnCause::Refund(RefundReason::CancelledInTime));
        assert_eq!(in_time, TimeDelta::days(7));
        assert_eq!(grace(ReturnCause::Refund(RefundReason::CancelledByStudio)), TimeDelta::days(30));
        assert_eq!(grace(ReturnCause::NeverBooked), in_time);
    }
}

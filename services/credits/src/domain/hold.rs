//! What becomes of a hold whose time is over, by what booking says about its reservation.

use shinkofa_contracts::booking::ReservationStatus;

/// What is to be done with an overdue hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The seats are the member's.
    Capture,
    /// The class is over for the member, and paid.
    Consume,
    /// The credits go back.
    Release,
    /// Nobody knows the reservation, and nobody ever will: the credits go back.
    Expire,
    /// Ask again later.
    Wait,
}

/// `None` when booking knows no such reservation.
pub(crate) fn verdict(reservation: Option<ReservationStatus>) -> Verdict {
    match reservation {
        None => Verdict::Expire,
        Some(ReservationStatus::Pending) => Verdict::Wait,
        Some(ReservationStatus::Confirmed) => Verdict::Capture,
        Some(ReservationStatus::Attended | ReservationStatus::NoShow | ReservationStatus::LateCancelled) => {
            Verdict::Consume
        }
        Some(
            ReservationStatus::Rejected
            | ReservationStatus::Expired
            | ReservationStatus::Cancelled
            | ReservationStatus::StudioCancelled,
        ) => Verdict::Release,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_are_kept_only_for_a_reservation_that_took_the_seats() {
        for status in ReservationStatus::ALL {
            let keeps = matches!(verdict(Some(*status)), Verdict::Capture | Verdict::Consume);
            let took_seats = matches!(
                status,
                ReservationStatus::Confirmed
                    | ReservationStatus::Attended
                    | ReservationStatus::NoShow
                    | ReservationStatus::LateCancelled
            );
            assert_eq!(keeps, took_seats, "{status}");
        }
        assert_eq!(verdict(None), Verdict::Expire);
        assert_eq!(verdict(Some(ReservationStatus::Pending)), Verdict::Wait);
    }
}

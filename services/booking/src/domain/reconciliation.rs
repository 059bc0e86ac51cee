//! What to do where a hold at credits and its reservation here do not agree.

use shinkofa_contracts::booking::ReservationStatus;
use shinkofa_contracts::credits::HoldState;

use super::FollowUp;

/// What credits must be told about a hold in `state` whose reservation is `status`, or `None` where they agree. A
/// reservation that does not exist never will: its seats were not taken.
pub fn repair(state: HoldState, status: Option<ReservationStatus>) -> Option<FollowUp> {
    use ReservationStatus::{
        Attended, Cancelled, Confirmed, Expired, LateCancelled, NoShow, Pending, Rejected, StudioCancelled,
    };
    match (state, status) {
        (HoldState::Held, Some(Confirmed | Attended | NoShow)) => Some(FollowUp::Capture),
        (HoldState::Held, Some(Rejected | Expired | Cancelled | StudioCancelled) | None) => {
            Some(FollowUp::Release)
        }
        (HoldState::Captured, Some(Cancelled | StudioCancelled)) => Some(FollowUp::Refund),
        (HoldState::Held | HoldState::Captured, Some(LateCancelled)) => Some(FollowUp::Consume),
        (HoldState::Held, Some(Pending)) => None,
        // Captured for what is not confirmed, or for nothing: no step of the saga leads here, so no step is taken.
        (HoldState::Captured, _) => None,
        (HoldState::Released | HoldState::Expired | HoldState::Refunded | HoldState::Consumed, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_follows_its_reservation_and_one_without_is_released() {
        assert_eq!(repair(HoldState::Held, None), Some(FollowUp::Release));
        assert_eq!(repair(HoldState::Held, Some(ReservationStatus::Confirmed)), Some(FollowUp::Capture));
        assert_eq!(repair(HoldState::Held, Some(ReservationStatus::Expired)), Some(FollowUp::Release));
        assert_eq!(repair(HoldState::Captured, Some(ReservationStatus::Cancelled)), Some(FollowUp::Refund));
        assert_eq!(
            repair(HoldState::Captured, Some(ReservationStatus::LateCancelled)),
            Some(FollowUp::Consume)
        );
    }

    #[test]
    fn what_agrees_or_is_still_moving_is_left_alone() {
        assert_eq!(repair(HoldState::Held, Some(ReservationStatus::Pending)), None);
        assert_eq!(repair(HoldState::Captured, Some(ReservationStatus::Confirmed)), None);
        for status in ReservationStatus::ALL {
            assert_eq!(repair(HoldState::Refunded, Some(*status)), None);
        }
    }
}

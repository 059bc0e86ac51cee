//! Which stretch of the calendar a list shows.

use chrono::{DateTime, Days, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::Instant;

/// `[from, to)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    #[error("must be later than `from`")]
    Empty,
    #[error("must be at most 92 days later than `from`")]
    TooLong,
}

const DEFAULT_DAYS: i64 = 7;
const MOST_DAYS: u16 = 92;

impl Window {
    /// The next seven days, unless the caller names another beginning or end.
    pub fn new(from: Option<Instant>, to: Option<Instant>, now: DateTime<Utc>) -> Result<Self, WindowError> {
        let from = from.map_or(now, Instant::get);
        let to = to.map_or(from + TimeDelta::days(DEFAULT_DAYS), Instant::get);
        if to > from { Ok(Self { from, to }) } else { Err(WindowError::Empty) }
    }

    /// Is it no longer than 92 times 24 hours?
    pub fn is_short(&self) -> bool {
        self.to - self.from <= TimeDelta::days(i64::from(MOST_DAYS))
    }

    /// From midnight to midnight 92 days later is an hour more than that when summer time ends in between, and still 92
    /// days to the people of that zone.
    pub fn check_in(&self, zone: Tz) -> Result<(), WindowError> {
        let local_end = zone
            .from_utc_datetime(&self.from.naive_utc())
            .naive_local()
            .checked_add_days(Days::new(u64::from(MOST_DAYS)))
            .and_then(|end| zone.from_local_datetime(&end).latest());
        let within = self.is_short() || local_end.is_some_and(|end| self.to <= end);
        if within { Ok(()) } else { Err(WindowError::TooLong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        serde_json::from_value(text.into()).unwrap()
    }

    fn window(from: &str, to: &str) -> Window {
        Window::new(Some(at(from)), Some(at(to)), at("2026-11-21T00:00:00Z").get()).unwrap()
    }

    #[test]
    fn without_bounds_it_is_the_next_seven_days() {
        let now = at("2026-12-01T09:00:00Z").get();
        let window = Window::new(None, None, now).unwrap();
        assert_eq!((window.from, window.to), (now, now + TimeDelta::days(7)));
    }

    #[test]
    fn an_end_at_or_before_the_beginning_is_refused() {
        let now = at("2026-12-01T09:00:00Z");
        assert_eq!(Window::new(Some(now), Some(now), now.get()), Err(WindowError::Empty));
        assert_eq!(Window::new(None, Some(at("2026-11-30T09:00:00Z")), now.get()), Err(WindowError::Empty));
    }

    #[test]
    fn ninety_two_days_pass_and_a_microsecond_more_does_not() {
        let zone = Tz::Europe__Paris;
        assert_eq!(window("2026-12-01T00:00:00Z", "2027-03-03T00:00:00Z").check_in(zone), Ok(()));
        let longer = window("2026-12-01T00:00:00Z", "2027-03-03T00:00:00.000001Z");
        assert_eq!(longer.check_in(zone), Err(WindowError::TooLong));
    }

    #[test]
    fn ninety_two_local_days_across_the_end_of_summer_time_pass() {
        let autumn = window("2026-09-01T00:00:00+02:00", "2026-12-02T00:00:00+01:00");
        assert!(!autumn.is_short());
        assert_eq!(autumn.check_in(Tz::Europe__Paris), Ok(()));
        assert_eq!(autumn.check_in(Tz::UTC), Err(WindowError::TooLong));
    }

    #[test]
    fn across_the_beginning_of_summer_time_the_lost_hour_is_not_taken_from_anybody() {
        assert_eq!(
            window("2027-01-01T00:00:00Z", "2027-04-03T00:00:00Z").check_in(Tz::Europe__Paris),
            Ok(())
        );
    }
}

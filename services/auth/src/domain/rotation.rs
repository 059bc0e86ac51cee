//! What a presented refresh token gets: the next one, the current one again, or the end of its session.

use chrono::{DateTime, TimeDelta, Utc};
use shinkofa_kernel::defended;

/// Where a session's tokens stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The generation of the current token.
    pub current: i32,
    pub rotated_at: DateTime<Utc>,
    /// How often the previous token was presented again, once the first moments were over.
    pub repeats: i32,
}

/// What to do with a token that auth wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the current one: give out the next.
    Rotate,
    /// A second tab raced the first: give out the current one again. `counted` when it came late enough to count.
    Repeat { counted: bool },
    /// It was used before, by somebody: nobody keeps the session.
    Reused,
}

/// The previous token still gets the current one this long, from the same device.
const GRACE: TimeDelta = TimeDelta::seconds(10);
/// However many tabs woke at once, their requests arrive within this.
const RACE: TimeDelta = TimeDelta::seconds(3);
/// After the race the previous token is presented at most this often.
const MOST_REPEATS: i32 = 10;

impl Rotation {
    pub fn judge(&self, presented: i32, same_device: SameDevice, now: DateTime<Utc>) -> Verdict {
        if presented == self.current || !defended!("V12") {
            return Verdict::Rotate;
        }
        let since = now - self.rotated_at;
        let counted = since > RACE;
        let previous = presented.checked_add(1) == Some(self.current);
        let in_time = since <= GRACE && !(counted && self.repeats >= MOST_REPEATS);
        if previous && in_time && same_device == SameDevice::Yes {
            Verdict::Repeat { counted }
        } else {
            Verdict::Reused
        }
    }
}

/// Does the token come from the device it was given to?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameDevice {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn judge(presented: i32, device: SameDevice, seconds: i64, repeats: i32) -> Verdict {
        let rotation = Rotation { current: 5, rotated_at: start(), repeats };
        rotation.judge(presented, device, start() + TimeDelta::seconds(seconds))
    }

    #[test]
    fn the_current_token_rotates_whenever_and_wherever_it_comes_from() {
        assert_eq!(judge(5, SameDevice::No, 100_000, 0), Verdict::Rotate);
    }

    #[test]
    fn the_previous_token_gets_the_current_one_for_ten_seconds_on_its_own_device() {
        assert_eq!(judge(4, SameDevice::Yes, 0, 0), Verdict::Repeat { counted: false });
        assert_eq!(judge(4, SameDevice::Yes, 10, 0), Verdict::Repeat { counted: true });
        assert_eq!(judge(4, SameDevice::Yes, 11, 0), Verdict::Reused);
        assert_eq!(judge(4, SameDevice::No, 0, 0), Verdict::Reused);
    }

    #[test]
    fn a_race_of_many_tabs_does_not_count_but_coming_back_ten_times_does() {
        assert_eq!(judge(4, SameDevice::Yes, 1, 10), Verdict::Repeat { counted: false });
        assert_eq!(judge(4, SameDevice::Yes, 5, 9), Verdict::Repeat { counted: true });
        assert_eq!(judge(4, SameDevice::Yes, 5, 10), Verdict::Reused);
    }

    #[test]
    fn anything_older_ends_the_session() {
        for presented in [3, 1, 0, -1, i32::MIN, 6, i32::MAX] {
            assert_eq!(judge(presented, SameDevice::Yes, 0, 0), Verdict::Reused, "{presented}");
        }
    }
}

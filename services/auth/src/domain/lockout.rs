//! How long an address waits after failed attempts: longer and longer, so that guessing is slow and mistyping is not.

use chrono::{DateTime, TimeDelta, Utc};
use shinkofa_kernel::UserId;

use crate::domain::device::{Digest, digest_of};

/// The failed attempts on one subject, counted for at most a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    pub count: i32,
    pub counting_since: DateTime<Utc>,
    pub locked_until: DateTime<Utc>,
}

/// NIST SP 800-63B section 3.2.2 allows 100 consecutive failures.
const MOST: i32 = 100;
const COUNTED_FOR: TimeDelta = TimeDelta::days(1);

impl Failures {
    /// The state after one more failure at `now`.
    pub fn after(previous: Option<Self>, now: DateTime<Utc>) -> Self {
        let counted = previous.filter(|failures| now - failures.counting_since < COUNTED_FOR);
        let count = counted.map_or(0, |failures| failures.count).saturating_add(1);
        let counting_since = counted.map_or(now, |failures| failures.counting_since);
        let locked_until = match count {
            ..=2 => now + TimeDelta::seconds(1),
            3..=8 => now + TimeDelta::seconds(3),
            9..=24 => now + TimeDelta::seconds(5),
            25..MOST => now + TimeDelta::seconds(10),
            MOST.. => counting_since + COUNTED_FOR,
        };
        Self { count, counting_since, locked_until }
    }

    /// The seconds still to wait, rounded up; `None` when an attempt may be made.
    pub fn wait(&self, now: DateTime<Utc>) -> Option<u64> {
        let left = (self.locked_until - now).num_milliseconds();
        u64::try_from(left).ok().filter(|left| *left > 0).map(|left| left.div_ceil(1000))
    }
}

/// Whose attempts are counted together: those on an address, and apart from them those from each device that its owner has
/// signed in on before. So a stranger can lock out strangers alone.
pub fn subject(email_canonical: &str, known_device: Option<&Digest>) -> Digest {
    match known_device {
        Some(device) => digest_of(&["failures", email_canonical, &hex::encode(device)]),
        None => digest_of(&["failures", email_canonical]),
    }
}

/// Whose attempts to show their password once more, while signed in, are counted together. Apart from those to sign in:
/// a stranger who guesses outside keeps nobody who is inside from changing their password.
pub fn reauthentication(user: UserId) -> Digest {
    digest_of(&["reauthentication", &user.to_string()])
}

/// Whose second factor is guessed at, from anywhere but a device that is counted apart. Who gets so far has shown the first factor, so no
/// stranger keeps anybody out by this; and choosing another password by letter, which forgets the attempts on the address, leaves it.
pub fn second_factor(user: UserId) -> Digest {
    digest_of(&["second_factor", &user.to_string()])
}

/// Whose attempts to show a key are counted together: those on one key's prefix from one network. A prefix is no secret, and
/// whoever knows it elsewhere must not be able to keep the key from working where it is at home.
pub fn api_key(prefix: &str, network: &str) -> Digest {
    digest_of(&["api_key", prefix, network])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn after(count: usize) -> Failures {
        (0..count).fold(None, |failures, _| Some(Failures::after(failures, start()))).unwrap()
    }

    #[test]
    fn the_wait_grows_and_the_hundredth_failure_waits_for_the_next_day() {
        for (count, seconds) in [
            (1, 1),
            (2, 1),
            (3, 3),
            (8, 3),
            (9, 5),
            (24, 5),
            (25, 10),
            (99, 10),
            (100, 86_400),
            (140, 86_400),
        ] {
            assert_eq!(after(count).wait(start()), Some(seconds), "after {count} failures");
        }
    }

    #[test]
    fn a_wait_ends_and_a_day_later_counting_starts_again() {
        let failures = after(3);
        assert_eq!(failures.wait(start() + TimeDelta::milliseconds(2_500)), Some(1));
        assert_eq!(failures.wait(start() + TimeDelta::seconds(3)), None);
        let next_day = start() + TimeDelta::days(1);
        assert_eq!(Failures::after(Some(after(100)), next_day).count, 1);
    }
}

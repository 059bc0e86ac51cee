//! Password spraying: a guess or two at each of very many addresses, so that no single address ever has to wait.

use chrono::TimeDelta;

/// How far back failed attempts are looked at together.
pub const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// More failures than this on one address are guesses at that address, which its own lock slows down.
pub const MOST_ON_EACH: i32 = 3;

/// So many addresses fail in ten minutes of an ordinary day in no studio.
const FEWEST: i64 = 100;

/// So many fail on no platform, however many people come in: of seventy sign-ins a second, 42,000 in ten minutes, one in twenty
/// mistyped is 2,100, and whoever comes in at the next attempt has failed at none.
const MOST: i64 = 3_000;

/// What happened within the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// Addresses on which a few attempts failed, and nobody came in since.
    pub failed_addresses: i64,
    /// Of people, by password: what guesses are hidden among.
    pub sign_ins: i64,
}

impl Attempts {
    /// People mistype now and then, but more of them come in than fail.
    pub fn look_like_spraying(self) -> bool {
        self.failed_addresses >= MOST
            || (self.failed_addresses >= FEWEST && self.failed_addresses > self.sign_ins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_failing_addresses_are_suspect_unless_more_people_come_in() {
        let attempts = |failed_addresses, sign_ins| Attempts { failed_addresses, sign_ins };
        assert!(!attempts(99, 0).look_like_spraying());
        assert!(attempts(100, 0).look_like_spraying() && attempts(10_000, 400).look_like_spraying());
        assert!(!attempts(150, 900).look_like_spraying());
    }

    #[test]
    fn very_many_are_suspect_however_many_people_come_in() {
        let beside_a_crowd = |failed_addresses| Attempts { failed_addresses, sign_ins: 42_000 };
        assert!(!beside_a_crowd(2_100).look_like_spraying() && !beside_a_crowd(2_999).look_like_spraying());
        assert!(beside_a_crowd(3_000).look_like_spraying() && beside_a_crowd(10_000).look_like_spraying());
    }
}

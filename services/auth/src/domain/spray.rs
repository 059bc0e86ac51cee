//! Password spraying: a guess or two at each of very many addresses, so that no single address ever has to wait.

use chrono::TimeDelta;

/// How far back failed attempts are looked at together.
pub const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// More failures than this on one address are guesses at that address, which its own lock slows down.
pub const MOST_ON_EACH: i32 = 3;

/// So many addresses fail in ten minutes of an ordinary day in no studio.
const FEWEST: i64 = 100;

/// What happened within the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// Addresses on which a few attempts failed.
    pub failed_addresses: i64,
    pub opened_sessions: i64,
}

impl Attempts {
    /// People mistype now and then, but more of them come in than fail.
    pub fn look_like_spraying(self) -> bool {
        self.failed_addresses >= FEWEST && self.failed_addresses > self.opened_sessions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_failing_addresses_are_suspect_unless_more_people_come_in() {
        let attempts = |failed_addresses, opened_sessions| Attempts { failed_addresses, opened_sessions };
        assert!(!attempts(99, 0).look_like_spraying());
        assert!(attempts(100, 0).look_like_spraying() && attempts(10_000, 400).look_like_spraying());
        assert!(!attempts(150, 900).look_like_spraying());
    }
}

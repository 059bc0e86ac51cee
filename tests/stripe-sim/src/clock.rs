//! Where the time comes from: a wall clock, and an offset that tests advance.

/// Gives the wall time in milliseconds since 1970.
pub type WallClock = fn() -> i64;

/// The machine's own clock.
#[allow(
    clippy::disallowed_methods,
    reason = "this is the one place of the stand-in that reads the machine's clock"
)]
pub fn system() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// An instant on the stand-in's clock: wall time plus what tests have advanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    pub millis: i64,
}

impl Instant {
    /// Seconds since 1970, as Stripe's objects carry them.
    pub fn seconds(self) -> i64 {
        self.millis.div_euclid(1000)
    }
}

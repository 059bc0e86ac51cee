//! What a job is.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shinkofa_kernel::TenantId;

/// What is claimed apart from the rest, so that much of the one holds up none of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    Main,
    /// What waits for receivers that strangers chose: half of a runner's hands, at most.
    Outbound,
}

impl Lane {
    pub(crate) const ALL: [Self; 2] = [Self::Main, Self::Outbound];

    /// As the queue has it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Main => "main".to_owned(),
            Self::Outbound => "outbound".to_owned(),
        }
    }
}

/// One kind of background work. Its fields are its payload.
pub trait Job: Serialize + DeserializeOwned + 'static {
    /// Stands in the queue: never change it while jobs of that name may wait.
    const NAME: &'static str;
    /// How often it is tried before it is given up and kept for the operator.
    const MOST_ATTEMPTS: i32 = 30;
    /// After this long without an end another worker may take it.
    const LEASE: Duration = Duration::from_secs(60);
    const LANE: Lane = Lane::Main;

    /// The service's state.
    type State;

    fn run(self, state: &Self::State, attempt: Attempt) -> impl Future<Output = Result<(), Failure>>;
}

/// What a job learns about its run.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// 1 for the first.
    pub number: i32,
    pub tenant: Option<TenantId>,
}

/// How a run ended badly.
#[derive(Debug)]
pub enum Failure {
    /// Try again later, with growing pauses.
    Retry(anyhow::Error),
    /// Try again after exactly this pause; it is waiting, not failing, and is never given up.
    Wait(Duration),
    /// Trying again cannot help: keep it for the operator.
    Abort(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Retry(error.into())
    }
}

/// Half a second, doubling, at most five minutes.
pub(crate) fn pause_after(attempts: i32) -> chrono::TimeDelta {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(10);
    chrono::TimeDelta::milliseconds((500_i64 << doublings).min(300_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_five_minutes_and_no_further() {
        assert_eq!(pause_after(1).num_milliseconds(), 500);
        assert_eq!(pause_after(4).num_seconds(), 4);
        assert_eq!(pause_after(30).num_seconds(), 300);
    }
}

//! Waiting for what happens by itself, without sleeping longer than it takes.

use std::time::{Duration, Instant};

/// What the platform promises to have settled by then, whatever was killed.
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Asks until `condition` gives a value, and fails the test when it has not within 60 s.
pub async fn until<T>(what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(DEADLINE, what, condition).await
}

/// The same with another deadline.
pub async fn until_within<T>(
    deadline: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(started.elapsed() < deadline, "still not so after {deadline:?}: {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

//! What must always be true, asked of the database after every test: the services' own `services/*/invariants*.sql`, as
//! the operator asks them of any stack.

use std::time::{Duration, Instant};

use crate::{Stack, until_within};

/// By then every saga has settled, whatever was killed on the way.
const LAG: Duration = Duration::from_secs(60);

/// Waits until nothing is under way any more, and fails the test with the rows of every promise that is then broken.
pub async fn check(stack: &Stack) {
    stack.wait_until_ready().await;
    let started = Instant::now();
    until_within(LAG * 2, "the invariants hold", async || {
        let said = stack.operate(&["invariants", "--settled"]).await;
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(" hold, "), "the operator cannot ask for the invariants: {said}");
        let hold = said.trim_end().ends_with(" hold, 0 violated");
        assert!(hold || started.elapsed() < LAG, "broken after {LAG:?}:\n{said}");
        hold.then_some(())
    })
    .await;
}

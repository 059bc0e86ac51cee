//! The one place where the operator waits for something that announces itself to nobody.

use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(25);

/// Asks again and again until there is an answer or the time is over.
pub(crate) fn until<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if began.elapsed() >= patience {
            return None;
        }
        #[allow(clippy::disallowed_methods, reason = "the step between two looks at a condition")]
        std::thread::sleep(STEP);
    }
}

/// The same for questions that are asked over the network.
pub(crate) async fn until_answered<T, F>(patience: Duration, mut ask: impl FnMut() -> F) -> Option<T>
where
    F: Future<Output = Option<T>>,
{
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        if began.elapsed() >= patience {
            return None;
        }
        tokio::time::sleep(STEP * 4).await;
    }
}

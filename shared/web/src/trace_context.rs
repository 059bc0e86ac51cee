//! The trace that the current task belongs to, for the calls it makes and the events it records.

use shinkofa_kernel::RequestId;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// Runs `work` as a part of the trace `id`.
pub async fn in_trace<F: Future>(id: RequestId, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// The `traceparent` header for whatever the current task calls or records next.
pub fn current_traceparent() -> Option<String> {
    CURRENT.try_with(RequestId::traceparent).ok()
}

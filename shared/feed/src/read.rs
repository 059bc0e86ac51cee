//! `GET /internal/v1/events`: this service's log, long-polled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::{get, web};
use serde::Deserialize;
use shinkofa_contracts::{Event, EventPage, FeedScope, Position};
use shinkofa_db::{Database, Scope, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_web::{Fault, Problem, ProblemDocument, Query};
use tokio::sync::Notify;

/// Wakes long polls of this process when a commit appended events. Those on other replicas look again soon anyway.
#[derive(Clone, Debug, Default)]
pub struct Appended(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    appended: Notify,
    closing: AtomicBool,
}

impl Appended {
    pub fn wake(&self) {
        self.0.appended.notify_waiters();
    }

    /// The process was told to stop: nobody may hold it up by waiting for an event.
    pub fn close(&self) {
        self.0.closing.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn is_closing(&self) -> bool {
        self.0.closing.load(Ordering::SeqCst)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedQuery {
    #[serde(default)]
    after: Position,
    #[serde(default = "default_limit")]
    limit: i32,
    /// Seconds to wait for an event when there is none yet.
    #[serde(default)]
    wait: u64,
}

const MOST_EVENTS: i32 = 500;
const LONGEST_WAIT: u64 = 25;
const LOOK_AGAIN: Duration = Duration::from_millis(250);

fn default_limit() -> i32 {
    100
}

/// Events after a position
///
/// In commit order and without gaps: an event appears once nothing can appear before it any more.
#[utoipa::path(
    tag = "feed",
    params(
        ("after" = Option<String>, Query, description = "The position of the last event you applied; absent = from the beginning"),
        ("limit" = Option<i32>, Query, minimum = 1, maximum = 500),
        ("wait" = Option<u64>, Query, description = "Seconds to wait for the first event, at most 25")
    ),
    responses(
        (status = 200, body = EventPage),
        (status = 503, body = ProblemDocument, description = "This process is going away; ask again"),
    ),
)]
#[get("/internal/v1/events")]
pub async fn read_feed(
    _caller: RequireScope<FeedScope>,
    query: Query<FeedQuery>,
    database: web::Data<Database>,
    appended: web::Data<Appended>,
) -> Result<web::Json<EventPage>, Problem> {
    let Query(query) = query;
    if !(1..=MOST_EVENTS).contains(&query.limit) {
        return Err(Problem::invalid_field("limit", format!("must be between 1 and {MOST_EVENTS}")));
    }
    let deadline = Instant::now() + Duration::from_secs(query.wait.min(LONGEST_WAIT));
    loop {
        let notified = appended.0.appended.notified();
        let items = events(&database, query.after, query.limit).await.map_err(|error| error.problem())?;
        let left = deadline.saturating_duration_since(Instant::now());
        if !items.is_empty() || left.is_zero() {
            return Ok(web::Json(EventPage { items }));
        }
        if appended.is_closing() {
            return Err(Problem::unavailable("draining").retry_after(1));
        }
        let _ = tokio::time::timeout(left.min(LOOK_AGAIN), notified).await;
    }
}

async fn events(database: &Database, after: Position, limit: i32) -> Result<Vec<Event>, Fault> {
    transaction(database, &Scope::infrastructure(), "read_feed", async |tx| {
        crate::store::events_after(tx, after, limit).await.map_err(shinkofa_db::Error::from)
    })
    .await
    .map_err(Fault::from)
}

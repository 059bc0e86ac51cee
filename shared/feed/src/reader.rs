//! Follows another service's feed: fetches, applies each event in one transaction with the cursor, goes on.

use std::time::Duration;

use shinkofa_contracts::{CallError, Event, EventPage, Peer, Position};
use shinkofa_db::{Database, Scope, transaction};
use shinkofa_kernel::{Clock, RequestId};

use crate::{ApplyError, Subscriber, store};

/// Reads one feed for one subscriber. Any number of replicas may run the same one: the cursor moves only for the
/// replica that applied the event from where the cursor stood.
pub struct FeedReader<S> {
    database: Database,
    clock: Clock,
    peer: Peer,
    subscriber: S,
    wait_seconds: u64,
}

/// What became of one fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// This many events are behind us now.
    Advanced(usize),
    /// Nothing new.
    Idle,
    /// Another replica is ahead: start again from its cursor.
    Overtaken,
}

/// Tries before an event that cannot be applied is put aside.
const POISON_TRIES: u32 = 3;
/// Tries before an event is put aside that the database refused, which may be the database's own trouble.
const DATABASE_TRIES: u32 = 10;
/// How often what was put aside is tried again: its cause may have been mended, here or in a newer build.
const RETRY_PARKED_EVERY: chrono::TimeDelta = chrono::TimeDelta::minutes(5);
const PAGE: usize = 200;
const WAIT_SECONDS: u64 = 20;

impl<S: Subscriber> FeedReader<S> {
    pub fn new(database: Database, clock: Clock, peer: Peer, subscriber: S) -> Self {
        let peer = peer.timeout(Duration::from_secs(WAIT_SECONDS + 10));
        Self { database, clock, peer, subscriber, wait_seconds: WAIT_SECONDS }
    }

    /// Follows the feed until `stop` resolves.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut pause = Duration::from_millis(100);
        let mut retry_parked_at = self.clock.now();
        loop {
            let now = self.clock.now();
            let retry_parked = now >= retry_parked_at;
            if retry_parked {
                retry_parked_at = now + RETRY_PARKED_EVERY;
            }
            let work = async {
                if retry_parked {
                    self.retry_parked().await.map_err(|error| error.to_string())?;
                }
                self.step(self.wait_seconds).await
            };
            let result = tokio::select! {
                () = &mut stop => return,
                result = work => result,
            };
            if let Err(reason) = result {
                tracing::info!(feed = self.subscriber.feed(), reason, "feed cannot be read; will try again");
                tokio::select! {
                    () = &mut stop => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(Duration::from_secs(2));
            } else {
                pause = Duration::from_millis(100);
            }
        }
    }

    /// Applies everything there is, what was put aside first, without waiting for more: for tests. Returns how many events
    /// were passed.
    pub async fn drain(&self) -> Result<usize, String> {
        let mut passed = self.retry_parked().await.map_err(|error| error.to_string())?;
        loop {
            match self.step(0).await? {
                Step::Advanced(count) => passed += count,
                Step::Idle => return Ok(passed),
                Step::Overtaken => {}
            }
        }
    }

    async fn step(&self, wait_seconds: u64) -> Result<Step, String> {
        let mut cursor = self.cursor().await.map_err(|error| error.to_string())?;
        let page = self.fetch(cursor, wait_seconds).await.map_err(|error| error.to_string())?;
        let Some(last) = page.items.last().map(|event| event.position) else { return Ok(Step::Idle) };
        // What lies between two events that concern the subscriber is left behind together with the later one.
        for event in page.items.iter().filter(|event| self.subscriber.concerns(event)) {
            if !self.pass(cursor, event).await.map_err(|error| error.to_string())? {
                return Ok(Step::Overtaken);
            }
            cursor = event.position;
        }
        if cursor != last && !self.leave_behind(cursor, last).await.map_err(|error| error.to_string())? {
            return Ok(Step::Overtaken);
        }
        Ok(Step::Advanced(page.items.len()))
    }

    /// Moves the cursor over events that are no concern of the subscriber.
    async fn leave_behind(&self, from: Position, to: Position) -> Result<bool, shinkofa_db::Error> {
        transaction(&self.database, &Scope::infrastructure(), "leave_events_behind", async |tx| {
            let moved = store::advance(tx, self.subscriber.name(), from, to, self.clock.now()).await?;
            Ok(moved)
        })
        .await
    }

    async fn cursor(&self) -> Result<Position, shinkofa_db::Error> {
        transaction(&self.database, &Scope::infrastructure(), "read_cursor", async |tx| {
            store::cursor(tx, self.subscriber.name()).await.map_err(shinkofa_db::Error::from)
        })
        .await
    }

    async fn fetch(&self, after: Position, wait: u64) -> Result<EventPage, CallError> {
        self.peer.get(&format!("/internal/v1/events?after={after}&limit={PAGE}&wait={wait}")).await
    }

    /// Brings one event behind us, applied or parked. False when another replica was faster.
    async fn pass(&self, from: Position, event: &Event) -> Result<bool, shinkofa_db::Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.apply(from, event).await {
                Ok(ours) => return Ok(ours),
                Err(ApplyError::Database(error @ shinkofa_db::Error::Unavailable(_))) => return Err(error),
                Err(error) => error,
            };
            let patience = match &error {
                ApplyError::Poison(_) => POISON_TRIES,
                ApplyError::Database(_) => DATABASE_TRIES,
            };
            if tries >= patience {
                return self.park(from, event, &error).await;
            }
            tracing::warn!(event = %event.id, kind = event.r#type, tries, ?error, "event not applied");
            tokio::time::sleep(Duration::from_millis(10 << tries)).await;
        }
    }

    /// Tries what was put aside again, oldest first. What follows an event that still fails stays behind it.
    async fn retry_parked(&self) -> Result<usize, shinkofa_db::Error> {
        let (mut applied, mut after) = (0, Position::START);
        let feed = self.subscriber.name();
        loop {
            let next = transaction(&self.database, &Scope::infrastructure(), "next_parked", async |tx| {
                store::next_parked(tx, feed, after).await.map_err(shinkofa_db::Error::from)
            })
            .await?;
            let Some(event) = next else { return Ok(applied) };
            after = event.position;
            match self.apply_parked(&event).await {
                Ok(ours) => applied += usize::from(ours),
                Err(ApplyError::Database(error @ shinkofa_db::Error::Unavailable(_))) => return Err(error),
                Err(error) => {
                    tracing::warn!(event = %event.id, kind = event.r#type, ?error, "event still not applied");
                }
            }
        }
    }

    async fn apply_parked(&self, event: &Event) -> Result<bool, ApplyError> {
        let scope = scope_of(event);
        let work = transaction(&self.database, &scope, "apply_parked_event", async |tx| {
            // Another replica may have been faster.
            if !store::unpark(tx, self.subscriber.name(), event.position).await? {
                return Ok(false);
            }
            self.subscriber.apply(tx, event).await?;
            Ok(true)
        });
        in_trace_of(event, work).await
    }

    async fn apply(&self, from: Position, event: &Event) -> Result<bool, ApplyError> {
        let scope = scope_of(event);
        let work = transaction(&self.database, &scope, "apply_event", async |tx| {
            let feed = self.subscriber.name();
            if !store::advance(tx, feed, from, event.position, self.clock.now()).await? {
                return Ok(false);
            }
            if store::is_behind_parked(tx, feed, event).await? {
                store::park(
                    tx,
                    feed,
                    event,
                    "an earlier event of the same aggregate is parked",
                    self.clock.now(),
                )
                .await?;
                return Ok(true);
            }
            self.subscriber.apply(tx, event).await?;
            Ok(true)
        });
        in_trace_of(event, work).await
    }

    async fn park(
        &self,
        from: Position,
        event: &Event,
        error: &ApplyError,
    ) -> Result<bool, shinkofa_db::Error> {
        let reason = match error {
            ApplyError::Database(error) => error.to_string(),
            ApplyError::Poison(error) => format!("{error:#}"),
        };
        tracing::error!(event = %event.id, kind = event.r#type, reason, "event parked");
        metrics::counter!("feed_parked_total", "feed" => self.subscriber.name()).increment(1);
        transaction(&self.database, &Scope::infrastructure(), "park_event", async |tx| {
            let feed = self.subscriber.name();
            if !store::advance(tx, feed, from, event.position, self.clock.now()).await? {
                return Ok(false);
            }
            store::park(tx, feed, event, &reason, self.clock.now()).await?;
            Ok(true)
        })
        .await
    }
}

fn scope_of(event: &Event) -> Scope {
    event.tenant_id.map_or_else(Scope::infrastructure, Scope::tenant)
}

async fn in_trace_of<T>(event: &Event, work: impl Future<Output = T>) -> T {
    match event.traceparent.as_deref().and_then(RequestId::from_traceparent) {
        Some(trace) => shinkofa_web::in_trace(trace, work).await,
        None => work.await,
    }
}

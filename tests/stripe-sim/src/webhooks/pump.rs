//! The loop that sends what is due, and lets sessions expire in time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::delivery::{Answer, Delivery};
use super::sender::Sender;
use crate::clock::Instant;
use crate::domain::event::Event;
use crate::stand_in::StandIn;
use crate::store::{Durability, JournalFault};

/// How long the loop rests at most, so that sessions expire within a second of their time.
const LONGEST_REST: Duration = Duration::from_secs(1);
/// How much is taken in hand at once; what comes meanwhile waits for the next round.
const BATCH: usize = 256;

pub async fn run(stand_in: Arc<StandIn>) {
    loop {
        let woken = stand_in.woken();
        let rest = match round(&stand_in).await {
            Ok(rest) => rest,
            Err(fault) => {
                tracing::error!(fault = format!("{fault:#}"), "a delivery could not be recorded");
                LONGEST_REST
            }
        };
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Sends what is due and says how long there is nothing more to do.
async fn round(stand_in: &Arc<StandIn>) -> Result<Duration, JournalFault> {
    // Reading lets sessions expire, also where no webhooks are sent.
    let (due, rest) = stand_in.store.read(|world, now| {
        let due: Vec<String> = world
            .undelivered()
            .filter(|delivery| delivery.is_due(now))
            .take(BATCH)
            .map(|delivery| delivery.event.to_string())
            .collect();
        let next = world.undelivered().map(|delivery| delivery.due_at_millis).min();
        (due, rest_until(next, now))
    })?;
    let Some(sender) = &stand_in.sender else {
        return Ok(LONGEST_REST);
    };
    let settings = stand_in.steering.settings();
    if settings.paused {
        return Ok(LONGEST_REST);
    }
    if due.is_empty() {
        return Ok(rest);
    }
    let arranged = stand_in.steering.arrange(due);
    let attempts: Vec<_> = stream::iter(arranged)
        .map(|event| attempt(stand_in, sender, event))
        .buffer_unordered(settings.parallel)
        .collect()
        .await;
    attempts.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(Duration::ZERO)
}

fn rest_until(next: Option<i64>, now: Instant) -> Duration {
    let millis = next.map_or(i64::MAX, |next| next - now.millis);
    Duration::from_millis(u64::try_from(millis).unwrap_or(0)).min(LONGEST_REST)
}

async fn attempt(stand_in: &Arc<StandIn>, sender: &Sender, event: String) -> Result<(), JournalFault> {
    // A pause that came in the middle of a round holds for what has not gone out.
    if stand_in.steering.settings().paused {
        return Ok(());
    }
    let answer =
        if stand_in.steering.drops_next() { Answer::Dropped } else { send(stand_in, sender, &event).await? };
    tracing::info!(event, ?answer, "attempted a delivery");
    stand_in.store.commit_with(Durability::Lazy, |draft| {
        if let Some(delivery) = draft.get::<Delivery>(&event) {
            let now = draft.now();
            draft.put(delivery.after(answer, now, sender.backoff()));
        }
        Ok(())
    })
}

/// Sends an event once, whatever the state of its delivery is.
pub async fn send(stand_in: &StandIn, sender: &Sender, event: &str) -> Result<Answer, JournalFault> {
    let shape =
        stand_in.store.read(|world, _| world.get::<Event>(event).map(|event| world.event_shape(event)))?;
    match shape {
        Some(shape) => Ok(sender.send(&shape, stand_in.store.wall_seconds()).await),
        // A reset has emptied the world since this was taken in hand.
        None => Ok(Answer::Error("the event is gone".to_owned())),
    }
}

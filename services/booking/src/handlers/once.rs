//! For requests that may carry an `Idempotency-Key` and whose whole effect is one transaction.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::Connection;
use shinkofa_web::idempotency::{self, Begin, Operation, Refusal, StoredAnswer};

use crate::error::Error;

/// What was made, now or by the same request before.
#[derive(Debug)]
pub enum Once<T> {
    Now(T),
    Before(StoredAnswer),
}

impl<T: Serialize> Once<T> {
    pub fn created(self) -> HttpResponse {
        match self {
            Self::Now(made) => HttpResponse::Created().json(made),
            Self::Before(answer) => answer.response(),
        }
    }
}

/// Runs `work` unless the request was carried out before, and keeps its answer in the same transaction.
pub async fn once<T: Serialize>(
    tx: &mut Connection,
    operation: Option<&Operation>,
    now: DateTime<Utc>,
    work: impl AsyncFnOnce(&mut Connection) -> Result<T, Error>,
) -> Result<Once<T>, Error> {
    let Some(operation) = operation else { return work(tx).await.map(Once::Now) };
    match idempotency::begin(tx, operation, now).await?? {
        Begin::Fresh => {}
        Begin::Replay(answer) => return Ok(Once::Before(answer)),
        Begin::Unfinished => return Err(Refusal::StillRunning.into()),
    }
    let made = work(tx).await?;
    idempotency::complete(tx, operation, StatusCode::CREATED, &made).await?;
    Ok(Once::Now(made))
}

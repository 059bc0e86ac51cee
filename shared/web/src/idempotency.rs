//! `Idempotency-Key`: the same request twice has one effect and one answer.
//!
//! A handler begins inside its transaction, and stores the answer with [`complete`] in the transaction that makes the
//! answer true. The same key with another body is refused with 422; one whose first request still runs, with 409.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Bytea, Integer, Jsonb, Nullable};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use sha2::{Digest, Sha256};
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::TenantId;

use crate::{Fault, Problem};

/// The `Idempotency-Key` header: required where it is extracted, optional as `Option<IdempotencyKey>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    const LONGEST: usize = 255;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let key = request.headers().get("idempotency-key").map(|value| value.to_str().unwrap_or_default());
        ready(match key {
            Some(key) if !key.is_empty() && key.len() <= Self::LONGEST => Ok(Self(key.to_owned())),
            Some(_) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "idempotency_key_invalid",
                "Idempotency-Key must be 1 to 255 visible ASCII characters.",
                "Idempotency-Key doit compter 1 à 255 caractères ASCII visibles.",
            )),
            None => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "idempotency_key_required",
                "Send an Idempotency-Key header, so that a repeated request is not carried out twice.",
                "Envoyez un en-tête Idempotency-Key, pour qu'une requête répétée ne soit pas exécutée deux fois.",
            )),
        })
    }
}

/// One request as its repetitions are recognised: who asked what, and with which body.
#[derive(Clone, Debug)]
pub struct Operation {
    tenant: TenantId,
    caller: String,
    name: &'static str,
    key: String,
    request_hash: Vec<u8>,
}

impl Operation {
    /// `caller` is a user id or a service name; `request` is everything that makes the request what it is.
    pub fn new(
        tenant: TenantId,
        caller: impl std::fmt::Display,
        name: &'static str,
        key: &str,
        request: &impl Serialize,
    ) -> Result<Self, Fault> {
        let canonical = serde_json::to_vec(request).map_err(Fault::unexpected)?;
        Ok(Self {
            tenant,
            caller: caller.to_string(),
            name,
            key: key.to_owned(),
            request_hash: Sha256::digest(&canonical).to_vec(),
        })
    }

    /// Where the advisory lock of this operation lies: the first eight bytes of a digest of its identity.
    fn lock(&self) -> i64 {
        let identity = format!("{}\n{}\n{}\n{}", self.tenant, self.caller, self.name, self.key);
        let digest = Sha256::digest(identity.as_bytes());
        i64::from_be_bytes(std::array::from_fn(|byte| digest[byte]))
    }
}

/// An answer given before.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredAnswer {
    pub status: StatusCode,
    pub body: serde_json::Value,
}

impl StoredAnswer {
    pub fn response(&self) -> HttpResponse {
        HttpResponse::build(self.status).insert_header(("idempotent-replayed", "true")).json(&self.body)
    }
}

/// What a request finds when it begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Begin {
    /// Nobody asked this before: carry it out.
    Fresh,
    /// It was answered: answer the same.
    Replay(StoredAnswer),
    /// It began in an earlier transaction and has no answer yet: the operation's own rows tell how far it is.
    Unfinished,
}

/// Why a request may not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the idempotency key was used for another request")]
    OtherRequest,
    #[error("the first request with this idempotency key is still running")]
    StillRunning,
}

impl Refusal {
    pub fn problem(&self) -> Problem {
        match self {
            Self::OtherRequest => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request. Use a new key for a new request.",
                "Cette Idempotency-Key a servi à une autre requête. Utilisez une nouvelle clé.",
            ),
            Self::StillRunning => Problem::new(
                StatusCode::CONFLICT,
                "request_in_progress",
                "The first request with this Idempotency-Key is still running. Ask again in a moment.",
                "La première requête portant cette Idempotency-Key est encore en cours. Réessayez dans un instant.",
            )
            .retry_after(1),
        }
    }
}

prepared_query! {
    struct Claim {
        for_tenant: TenantId as Uuid,
        caller: String as Text,
        operation: String as Text,
        key: String as Text,
        request_hash: Vec<u8> as Bytea,
        lock: i64 as BigInt,
        now: DateTime<Utc> as Timestamptz,
    }
    ", gate AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(input.lock) AS open FROM input),
    claimed AS (
        INSERT INTO idempotency_keys (for_tenant, caller, operation, key, request_hash, created_at)
        SELECT for_tenant, caller, operation, key, request_hash, now FROM input, gate WHERE gate.open
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT gate.open, EXISTS (SELECT FROM claimed) AS fresh, stored.request_hash, stored.status, stored.response
    FROM input CROSS JOIN gate
    LEFT JOIN idempotency_keys stored USING (for_tenant, caller, operation, key)"
}

#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = Bool)]
    open: bool,
    #[diesel(sql_type = Bool)]
    fresh: bool,
    #[diesel(sql_type = Nullable<Bytea>)]
    request_hash: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Integer>)]
    status: Option<i32>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    response: Option<serde_json::Value>,
}

/// Claims the key for this request, or says what became of the one that had it first. One round trip.
pub async fn begin(
    tx: &mut Connection,
    operation: &Operation,
    now: DateTime<Utc>,
) -> Result<Result<Begin, Refusal>, diesel::result::Error> {
    let claim = Claim {
        for_tenant: operation.tenant,
        caller: operation.caller.clone(),
        operation: operation.name.to_owned(),
        key: operation.key.clone(),
        request_hash: operation.request_hash.clone(),
        lock: operation.lock(),
        now,
    };
    let found: Claimed = claim.get_result(tx).await?;
    Ok(match found {
        Claimed { open: false, .. } => Err(Refusal::StillRunning),
        Claimed { fresh: true, .. } => Ok(Begin::Fresh),
        // The first request committed between this statement's snapshot and its insert.
        Claimed { request_hash: None, .. } => Err(Refusal::StillRunning),
        Claimed { request_hash: Some(hash), .. } if hash != operation.request_hash => {
            Err(Refusal::OtherRequest)
        }
        Claimed { status: Some(status), response: Some(body), .. } => Ok(Begin::Replay(StoredAnswer {
            status: u16::try_from(status)
                .ok()
                .and_then(|s| StatusCode::from_u16(s).ok())
                .unwrap_or(StatusCode::OK),
            body,
        })),
        Claimed { .. } => Ok(Begin::Unfinished),
    })
}

prepared_query! {
    struct Complete {
        for_tenant: TenantId as Uuid,
        caller: String as Text,
        operation: String as Text,
        key: String as Text,
        status: i32 as Integer,
        response: serde_json::Value as Jsonb,
    }
    " UPDATE idempotency_keys stored SET status = input.status, response = input.response FROM input
    WHERE stored.for_tenant = input.for_tenant AND stored.caller = input.caller
      AND stored.operation = input.operation AND stored.key = input.key AND stored.status IS NULL"
}

/// Stores the answer for the repetitions. The first stored answer stays.
pub async fn complete(
    tx: &mut Connection,
    operation: &Operation,
    status: StatusCode,
    body: &impl Serialize,
) -> Result<(), crate::Fault> {
    let response = serde_json::to_value(body).map_err(Fault::unexpected)?;
    Complete {
        for_tenant: operation.tenant,
        caller: operation.caller.clone(),
        operation: operation.name.to_owned(),
        key: operation.key.clone(),
        status: i32::from(status.as_u16()),
        response,
    }
    .execute(tx)
    .await
    .map_err(|error| Fault::Database(error.into()))?;
    Ok(())
}

prepared_query! {
    struct Forget { older_than: DateTime<Utc> as Timestamptz }
    " DELETE FROM idempotency_keys USING input WHERE created_at < input.older_than"
}

/// Removes keys that no client repeats any more.
pub async fn forget(tx: &mut Connection, older_than: DateTime<Utc>) -> Result<usize, diesel::result::Error> {
    Forget { older_than }.execute(tx).await
}

//! The queue's own reads and writes.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::TenantId;
use uuid::Uuid;

use crate::Lane;
use crate::lanes::Search;

#[derive(Clone, Debug, QueryableByName)]
pub(crate) struct Claimed {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) id: Uuid,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(crate) for_tenant: Option<TenantId>,
    #[diesel(sql_type = Jsonb)]
    pub(crate) payload: serde_json::Value,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(crate) repeat_seconds: Option<i64>,
    #[diesel(sql_type = Integer)]
    pub(crate) attempts: i32,
}

prepared_query! {
    struct Claim {
        lane: String as Text,
        now: DateTime<Utc> as Timestamptz,
        lease_seconds: serde_json::Value as Jsonb,
        most: i32 as Integer,
    }
    ", due AS (
        SELECT id FROM jobs
        WHERE dead_at IS NULL AND lane = (SELECT lane FROM input) AND run_at <= (SELECT now FROM input)
          AND (locked_until IS NULL OR locked_until < (SELECT now FROM input))
        ORDER BY run_at LIMIT (SELECT most FROM input) FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE jobs SET attempts = attempts + 1,
            locked_until = input.now + make_interval(secs => coalesce((input.lease_seconds ->> name)::float8, 60))
        FROM input WHERE jobs.id = ANY (ARRAY(SELECT id FROM due))
        RETURNING jobs.id, name, for_tenant, payload, repeat_seconds, attempts, run_at
    )
    SELECT id, name, for_tenant, payload, repeat_seconds, attempts FROM claimed ORDER BY run_at, id"
}

/// Takes due jobs of one lane, the longest due first; nobody else gets one before the lease of its kind (seconds by name) is over.
pub(crate) async fn claim(
    tx: &mut Connection,
    now: DateTime<Utc>,
    lease_seconds: serde_json::Value,
    Search { lane, most }: Search,
) -> QueryResult<Vec<Claimed>> {
    let most = i32::try_from(most).unwrap_or(i32::MAX);
    Claim { lane: lane.name(), now, lease_seconds, most }.load(tx).await
}

prepared_query! {
    struct Delete { id: Uuid as Uuid }
    " DELETE FROM jobs USING input WHERE jobs.id = input.id"
}

pub(crate) async fn delete(tx: &mut Connection, id: Uuid) -> QueryResult<()> {
    Delete { id }.execute(tx).await.map(drop)
}

prepared_query! {
    struct Postpone {
        id: Uuid as Uuid,
        run_at: DateTime<Utc> as Timestamptz,
        attempts: i32 as Integer,
        error: Option<String> as Nullable<Text>,
    }
    " UPDATE jobs SET run_at = input.run_at, attempts = input.attempts, locked_until = NULL, last_error = input.error
    FROM input WHERE jobs.id = input.id"
}

pub(crate) async fn postpone(
    tx: &mut Connection,
    id: Uuid,
    run_at: DateTime<Utc>,
    (attempts, error): (i32, Option<String>),
) -> QueryResult<()> {
    Postpone { id, run_at, attempts, error }.execute(tx).await.map(drop)
}

prepared_query! {
    struct Bury { id: Uuid as Uuid, now: DateTime<Utc> as Timestamptz, error: String as Text }
    " UPDATE jobs SET dead_at = input.now, locked_until = NULL, last_error = input.error FROM input WHERE jobs.id = input.id"
}

pub(crate) async fn bury(
    tx: &mut Connection,
    id: Uuid,
    now: DateTime<Utc>,
    error: String,
) -> QueryResult<()> {
    Bury { id, now, error }.execute(tx).await.map(drop)
}

prepared_query! {
    struct Schedule {
        id: Uuid as Uuid,
        name: String as Text,
        lane: String as Text,
        payload: serde_json::Value as Jsonb,
        repeat_seconds: i64 as BigInt,
        now: DateTime<Utc> as Timestamptz,
    }
    " INSERT INTO jobs (id, name, lane, payload, key, run_at, repeat_seconds, created_at)
    SELECT id, name, lane, payload, 'schedule', now, repeat_seconds, now FROM input
    ON CONFLICT (name, key) WHERE dead_at IS NULL DO UPDATE SET repeat_seconds = excluded.repeat_seconds, lane = excluded.lane"
}

pub(crate) async fn schedule(
    tx: &mut Connection,
    id: Uuid,
    (name, lane, payload): (&str, Lane, serde_json::Value),
    repeat_seconds: i64,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    Schedule { id, name: name.to_owned(), lane: lane.name(), payload, repeat_seconds, now }
        .execute(tx)
        .await
        .map(drop)
}

#[derive(QueryableByName)]
pub(crate) struct Backlog {
    #[diesel(sql_type = BigInt)]
    pub(crate) waiting: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) dead: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) oldest_seconds: i64,
}

prepared_query! {
    struct Measure { now: DateTime<Utc> as Timestamptz }
    " SELECT count(*) FILTER (WHERE dead_at IS NULL AND run_at <= input.now) AS waiting,
        count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead,
        coalesce(extract(epoch FROM max(input.now - run_at) FILTER (WHERE dead_at IS NULL)), 0)::int8 AS oldest_seconds
    FROM input LEFT JOIN jobs ON true"
}

pub(crate) async fn measure(tx: &mut Connection, now: DateTime<Utc>) -> QueryResult<Backlog> {
    Measure { now }.get_result(tx).await
}

//! Putting jobs into the queue, inside the transaction that makes them necessary.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{Clock, TenantId};
use uuid::Uuid;

use crate::Job;

prepared_query! {
    struct Insert {
        id: Uuid as Uuid,
        name: String as Text,
        lane: String as Text,
        for_tenant: Option<TenantId> as Nullable<Uuid>,
        payload: serde_json::Value as Jsonb,
        key: Option<String> as Nullable<Text>,
        run_at: DateTime<Utc> as Timestamptz,
        now: DateTime<Utc> as Timestamptz,
    }
    " INSERT INTO jobs (id, name, lane, for_tenant, payload, key, run_at, created_at)
    SELECT id, name, lane, for_tenant, payload, key, run_at, now FROM input
    ON CONFLICT (name, key) WHERE dead_at IS NULL DO NOTHING"
}

/// Enqueues `job` to run at `run_at`.
pub async fn enqueue<J: Job>(
    tx: &Connection,
    clock: &Clock,
    tenant: Option<TenantId>,
    run_at: DateTime<Utc>,
    job: &J,
) -> QueryResult<()> {
    insert(tx, clock, tenant, run_at, job, None).await
}

/// Enqueues `job` unless one of its name and key already waits.
pub async fn enqueue_keyed<J: Job>(
    tx: &Connection,
    clock: &Clock,
    tenant: Option<TenantId>,
    run_at: DateTime<Utc>,
    (key, job): (impl ToString, &J),
) -> QueryResult<()> {
    insert(tx, clock, tenant, run_at, job, Some(key.to_string())).await
}

async fn insert<J: Job>(
    mut tx: &Connection,
    clock: &Clock,
    tenant: Option<TenantId>,
    run_at: DateTime<Utc>,
    job: &J,
    key: Option<String>,
) -> QueryResult<()> {
    let payload =
        serde_json::to_value(job).map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
    Insert {
        id: clock.new_uuid(),
        name: J::NAME.to_owned(),
        lane: J::LANE.name(),
        for_tenant: tenant,
        payload,
        key,
        run_at,
        now: clock.now(),
    }
    .execute(&mut tx)
    .await
    .map(drop)
}

prepared_query! {
    struct InsertEach {
        ids: Vec<Uuid> as Array<Uuid>,
        name: String as Text,
        lane: String as Text,
        for_tenant: Option<TenantId> as Nullable<Uuid>,
        payloads: Vec<serde_json::Value> as Array<Jsonb>,
        run_at: DateTime<Utc> as Timestamptz,
        now: DateTime<Utc> as Timestamptz,
    }
    " INSERT INTO jobs (id, name, lane, for_tenant, payload, run_at, created_at)
    SELECT job.id, input.name, input.lane, input.for_tenant, job.payload, input.run_at, input.now
    FROM input, unnest(input.ids, input.payloads) AS job (id, payload)"
}

/// Enqueues all of these to run at `run_at`, in one statement.
pub async fn enqueue_each<J: Job>(
    tx: &mut Connection,
    clock: &Clock,
    tenant: Option<TenantId>,
    run_at: DateTime<Utc>,
    jobs: &[J],
) -> QueryResult<()> {
    let payloads: Result<Vec<_>, _> = jobs.iter().map(serde_json::to_value).collect();
    InsertEach {
        ids: jobs.iter().map(|_| clock.new_uuid()).collect(),
        name: J::NAME.to_owned(),
        lane: J::LANE.name(),
        for_tenant: tenant,
        payloads: payloads.map_err(|error| diesel::result::Error::SerializationError(error.into()))?,
        run_at,
        now: clock.now(),
    }
    .execute(tx)
    .await
    .map(drop)
}

prepared_query! {
    struct Cancel { name: String as Text, key: String as Text }
    " DELETE FROM jobs USING input WHERE jobs.name = input.name AND jobs.key = input.key AND dead_at IS NULL"
}

/// Removes the waiting job of this name and key: what it was for is done.
pub async fn cancel<J: Job>(tx: &mut Connection, key: impl ToString) -> QueryResult<()> {
    Cancel { name: J::NAME.to_owned(), key: key.to_string() }.execute(tx).await.map(drop)
}

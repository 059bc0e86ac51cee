//! What the gauges show.

use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::TenantId;

/// The seats of one tenant's sessions that are still to come.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub struct Seats {
    #[diesel(sql_type = BigInt)]
    pub capacity: i64,
    #[diesel(sql_type = BigInt)]
    pub taken: i64,
    /// Sessions whose active reservations are more than they have room for.
    #[diesel(sql_type = BigInt)]
    pub oversold: i64,
}

prepared_query! {
    struct Measure { tenant: TenantId as Uuid, now: DateTime<Utc> as Timestamptz }
    ", upcoming AS (
        SELECT s.capacity, s.taken, (
            SELECT coalesce(sum(r.seats), 0) FROM reservations r
            WHERE r.tenant_id = s.tenant_id AND r.session_id = s.id
              AND r.status IN ('pending', 'confirmed', 'attended', 'no_show')
        ) AS reserved
        FROM input JOIN sessions s ON s.tenant_id = input.tenant AND s.starts_at > input.now
    )
    SELECT coalesce(sum(capacity), 0)::int8 AS capacity, coalesce(sum(taken), 0)::int8 AS taken,
        count(*) FILTER (WHERE reserved > capacity) AS oversold
    FROM upcoming"
}

pub async fn upcoming_seats(tx: &mut Connection, tenant: TenantId, now: DateTime<Utc>) -> QueryResult<Seats> {
    Measure { tenant, now }.get_result(tx).await
}

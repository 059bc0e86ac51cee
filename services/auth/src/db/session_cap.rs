//! How many sessions one person may have.

use chrono::{DateTime, Utc};
use diesel::sql_types::Uuid as SqlUuid;
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{RealmId, SessionId, TenantId, UserId};

prepared_query! {
    struct EndBeyond {
        realm: RealmId as Uuid,
        tenant: TenantId as Uuid,
        person: UserId as Uuid,
        opened: SessionId as Uuid,
        others: i64 as BigInt,
        now: DateTime<Utc> as Timestamptz,
    }
    // Whether the session that is just opened is there already makes no difference.
    ", beyond AS (
        SELECT live.id FROM sessions live, input
        WHERE live.realm_id = input.realm AND live.user_id = input.person AND live.for_tenant = input.tenant
          AND live.id <> input.opened AND live.ended_at IS NULL
          AND live.sliding_expires_at > input.now AND live.absolute_expires_at > input.now
        ORDER BY live.id DESC OFFSET (SELECT others FROM input) LIMIT 100
    )
    UPDATE sessions SET ended_at = input.now FROM input, beyond
    WHERE sessions.realm_id = input.realm AND sessions.id = beyond.id AND sessions.ended_at IS NULL
    RETURNING sessions.id"
}

#[derive(QueryableByName)]
struct EndedSession {
    #[diesel(sql_type = SqlUuid)]
    id: SessionId,
}

/// Ends what somebody is signed in on in one tenant beside the session `opened` and the newest `others`: ids are in the order in which
/// they were given out. Returns what was ended, a hundred at most: whoever has very many more ends the rest with the next sign-ins.
pub async fn end_beyond(
    mut tx: &Connection,
    (realm, person, tenant): (RealmId, UserId, TenantId),
    (opened, others): (SessionId, i64),
    now: DateTime<Utc>,
) -> QueryResult<Vec<SessionId>> {
    let ended: Vec<EndedSession> =
        EndBeyond { realm, tenant, person, opened, others, now }.load(&mut tx).await?;
    Ok(ended.into_iter().map(|session| session.id).collect())
}

//! Where sessions that are over were used from.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{RealmId, SessionId, UserId};

use super::portions::delete_portion;
use super::schema::past_places;

/// What its person is shown of one.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = past_places)]
pub struct PastPlace {
    pub session_id: SessionId,
    pub opened_at: DateTime<Utc>,
    pub over_at: DateTime<Utc>,
    pub user_agent: Option<String>,
    pub ip_prefix: String,
    pub device_name: Option<String>,
}

/// Where somebody used these sessions of theirs from, as far as they are over and purged.
pub async fn of_sessions(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    ids: &[SessionId],
) -> QueryResult<Vec<PastPlace>> {
    past_places::table
        .filter(past_places::realm_id.eq(realm).and(past_places::user_id.eq(user)))
        .filter(past_places::session_id.eq_any(ids))
        .select(PastPlace::as_select())
        .load(tx)
        .await
}

/// Everything of that kind that is still known of somebody, oldest first.
pub async fn of_user(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<Vec<PastPlace>> {
    past_places::table
        .filter(past_places::realm_id.eq(realm).and(past_places::user_id.eq(user)))
        .order((past_places::opened_at, past_places::session_id))
        .select(PastPlace::as_select())
        .load(tx)
        .await
}

prepared_query! {
    struct RetireExpired { realm: RealmId as Uuid, before: DateTime<Utc> as Timestamptz, most: i64 as BigInt }
    // Nothing is waited for: whoever holds a session or its person has them purged the next time. So this takes no part in a
    // deadlock, though a place needs its person and those who end sessions take the person first. Programs read no timeline.
    ", ending AS (
        SELECT s.realm_id, s.id, s.user_id FROM sessions s, input
        WHERE s.realm_id = input.realm
          AND (s.absolute_expires_at < input.before OR s.sliding_expires_at < input.before)
        LIMIT (SELECT most FROM input)
        FOR UPDATE OF s SKIP LOCKED
    ), held AS (
        SELECT ending.realm_id, ending.id, users.kind FROM ending
        JOIN users ON users.realm_id = ending.realm_id AND users.id = ending.user_id
        FOR KEY SHARE OF users SKIP LOCKED
    ), gone AS (
        DELETE FROM sessions USING held WHERE sessions.realm_id = held.realm_id AND sessions.id = held.id
        RETURNING sessions.realm_id, sessions.user_id, sessions.id, sessions.surroundings_hash, sessions.amr, sessions.ended_at,
            least(sessions.ended_at, sessions.sliding_expires_at, sessions.absolute_expires_at) AS over_at, held.kind
    ), kept AS (
        INSERT INTO past_places (realm_id, user_id, session_id, opened_at, over_at, user_agent, ip_prefix, device_name,
            surroundings_hash)
        SELECT gone.realm_id, gone.user_id, gone.id, place.opened_at, gone.over_at, place.user_agent, place.ip_prefix,
            place.device_name, CASE WHEN gone.ended_at IS NULL AND gone.amr <> 'impersonation' THEN gone.surroundings_hash END
        FROM gone JOIN session_places place ON place.realm_id = gone.realm_id AND place.session_id = gone.id
        WHERE gone.kind <> 'service'
    )
    SELECT count(*) AS sessions FROM gone"
}

#[derive(QueryableByName)]
struct Retired {
    #[diesel(sql_type = BigInt)]
    sessions: i64,
}

/// Removes at most `most` of the sessions that were over before `before`, and keeps where each was used from.
pub async fn retire_sessions(
    tx: &mut Connection,
    realm: RealmId,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<usize> {
    let retired: Retired = RetireExpired { realm, before, most }.get_result(tx).await?;
    Ok(usize::try_from(retired.sessions).unwrap_or_default())
}

/// Removes at most `most`.
pub async fn delete_over_before(
    tx: &mut Connection,
    realm: RealmId,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<usize> {
    let old = past_places::realm_id.eq(realm).and(past_places::over_at.lt(before));
    delete_portion(tx, past_places::table, old, most).await
}

/// Knows nobody again by the network and program of these: one of them may be somebody else's.
pub async fn forget_surroundings(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<()> {
    let theirs = past_places::realm_id.eq(realm).and(past_places::user_id.eq(user));
    diesel::update(past_places::table.filter(theirs))
        .set(past_places::surroundings_hash.eq(None::<Vec<u8>>))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn delete_of_users(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = past_places::realm_id.eq(realm).and(past_places::user_id.eq_any(users));
    diesel::delete(past_places::table.filter(theirs)).execute(tx).await.map(drop)
}

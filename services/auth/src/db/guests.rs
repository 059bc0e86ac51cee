//! Accounts without anybody's name.

use chrono::{DateTime, Utc};
use diesel::sql_types::Uuid as SqlUuid;
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{RealmId, UserId};

prepared_query! {
    struct Gone { realm: RealmId as Uuid, now: DateTime<Utc> as Timestamptz, earlier: DateTime<Utc> as Timestamptz, most: i64 as BigInt }
    // Without a live session nobody can come back to a guest's account, unless the link that makes it a member's still waits. What they
    // were doing when a session of theirs was ended is over by `earlier`.
    " SELECT users.id FROM input, users
    WHERE users.realm_id = realm AND users.kind = 'anonymous' AND users.created_at < earlier
      AND NOT EXISTS (SELECT FROM sessions s WHERE s.realm_id = users.realm_id AND s.user_id = users.id
          AND (s.ended_at > earlier OR s.ended_at IS NULL AND s.sliding_expires_at > now AND s.absolute_expires_at > now))
      AND NOT EXISTS (SELECT FROM one_time_tokens t WHERE t.realm_id = users.realm_id AND t.user_id = users.id
          AND t.consumed_at IS NULL AND t.expires_at > now)
    ORDER BY users.created_at LIMIT (SELECT most FROM input)"
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: UserId,
}

/// The guests of a realm to whom nobody can come back, whatever they are a member of.
pub async fn gone(
    tx: &mut Connection,
    realm: RealmId,
    (now, earlier): (DateTime<Utc>, DateTime<Utc>),
    most: i64,
) -> QueryResult<Vec<UserId>> {
    let rows: Vec<Row> = Gone { realm, now, earlier, most }.load(tx).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

prepared_query! {
    struct Remove { realm: RealmId as Uuid, guest: UserId as Uuid }
    " DELETE FROM users USING input WHERE users.realm_id = realm AND users.id = guest AND users.kind = 'anonymous'"
}

/// Removes the account of a guest and whatever hangs on it in the realm.
pub async fn remove(tx: &mut Connection, realm: RealmId, guest: UserId) -> QueryResult<bool> {
    Ok(Remove { realm, guest }.execute(tx).await? == 1)
}

//! Accounts without anybody's name.

use chrono::{DateTime, Utc};
use diesel::sql_types::Uuid as SqlUuid;
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{RealmId, UserId};

prepared_query! {
    struct Gone { realm: RealmId as Uuid, now: DateTime<Utc> as Timestamptz, made_before: DateTime<Utc> as Timestamptz, most: i64 as BigInt }
    // Without a live session nobody can come back to a guest's account, unless the link that makes it a member's still waits.
    " SELECT users.id FROM input, users JOIN memberships ON memberships.user_id = users.id
    WHERE users.realm_id = realm AND users.kind = 'anonymous' AND users.created_at < made_before
      AND NOT EXISTS (SELECT FROM sessions s WHERE s.realm_id = users.realm_id AND s.user_id = users.id
          AND s.ended_at IS NULL AND s.sliding_expires_at > now AND s.absolute_expires_at > now)
      AND NOT EXISTS (SELECT FROM one_time_tokens t WHERE t.realm_id = users.realm_id AND t.user_id = users.id
          AND t.consumed_at IS NULL AND t.expires_at > now)
    ORDER BY users.created_at LIMIT (SELECT most FROM input)"
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: UserId,
}

/// The guests of the transaction's tenant to whom nobody can come back.
pub async fn gone(
    tx: &mut Connection,
    realm: RealmId,
    (now, made_before): (DateTime<Utc>, DateTime<Utc>),
    most: i64,
) -> QueryResult<Vec<UserId>> {
    let rows: Vec<Row> = Gone { realm, now, made_before, most }.load(tx).await?;
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

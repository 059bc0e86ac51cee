//! Devices that their owner signed in on.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{RealmId, UserId};

use super::portions::delete_portion;
use super::schema::{known_devices, users};
use crate::domain::device::Digest;

/// Did the owner of this address sign in on this device before?
pub async fn knows(
    mut tx: &Connection,
    realm: RealmId,
    email_canonical: &str,
    device: &Digest,
) -> QueryResult<bool> {
    let owner = users::table
        .filter(users::realm_id.eq(realm).and(users::email_canonical.eq(email_canonical)))
        .select(users::id);
    let known = known_devices::table
        .filter(known_devices::realm_id.eq(realm))
        .filter(known_devices::device_hash.eq(device.to_vec()))
        .filter(known_devices::user_id.eq_any(owner));
    diesel::select(exists(known)).get_result(&mut tx).await
}

/// When somebody was seen on each of their devices, first and last.
pub async fn of_user(
    tx: &mut Connection,
    realm: RealmId,
    user: UserId,
) -> QueryResult<Vec<(DateTime<Utc>, DateTime<Utc>)>> {
    known_devices::table
        .filter(known_devices::realm_id.eq(realm).and(known_devices::user_id.eq(user)))
        .order(known_devices::first_seen_at)
        .select((known_devices::first_seen_at, known_devices::last_seen_at))
        .load(tx)
        .await
}

pub async fn delete_of_users(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = known_devices::realm_id.eq(realm).and(known_devices::user_id.eq_any(users));
    diesel::delete(known_devices::table.filter(theirs)).execute(tx).await.map(drop)
}

/// Removes at most `most`.
pub async fn delete_unused_since(
    tx: &mut Connection,
    realm: RealmId,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<usize> {
    let unused = known_devices::realm_id.eq(realm).and(known_devices::last_seen_at.lt(before));
    delete_portion(tx, known_devices::table, unused, most).await
}

prepared_query! {
    struct DeleteBeyond { realm: RealmId as Uuid, kept: i64 as BigInt, most: i64 as BigInt }
    // One that is used at this moment is not the one that was found.
    ", crowded AS (
        SELECT d.user_id FROM known_devices d, input WHERE d.realm_id = input.realm
        GROUP BY d.user_id HAVING count(*) > (SELECT kept FROM input)
    ), beyond AS (
        SELECT older.user_id, older.device_hash, older.last_seen_at FROM crowded, LATERAL (
            SELECT d.user_id, d.device_hash, d.last_seen_at FROM known_devices d, input
            WHERE d.realm_id = input.realm AND d.user_id = crowded.user_id
            ORDER BY d.last_seen_at DESC, d.device_hash OFFSET (SELECT kept FROM input)
        ) older
        LIMIT (SELECT most FROM input)
    )
    DELETE FROM known_devices USING input, beyond
    WHERE known_devices.realm_id = input.realm AND known_devices.user_id = beyond.user_id
      AND known_devices.device_hash = beyond.device_hash AND known_devices.last_seen_at = beyond.last_seen_at"
}

/// Removes at most `most` of those that are not among the `kept` devices that their account used last.
pub async fn delete_beyond(tx: &mut Connection, realm: RealmId, kept: i64, most: i64) -> QueryResult<usize> {
    DeleteBeyond { realm, kept, most }.execute(tx).await
}

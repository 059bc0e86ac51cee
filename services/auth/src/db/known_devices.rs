//! Devices that their owner signed in on.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, UserId};

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

pub async fn delete_of_user(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<()> {
    let theirs = known_devices::realm_id.eq(realm).and(known_devices::user_id.eq(user));
    diesel::delete(known_devices::table.filter(theirs)).execute(tx).await.map(drop)
}

//! Bans, by keyed digests.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{RealmId, TenantId, UserId};

use super::schema::{bans, known_devices, sessions};

#[derive(Clone, Debug, Insertable, AsChangeset)]
#[diesel(table_name = bans, treat_none_as_null = true)]
pub struct Ban {
    pub tenant_id: TenantId,
    pub fingerprint: Vec<u8>,
    pub ban_id: Uuid,
    pub reason: String,
    pub banned_at: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

/// The newest ban of a fingerprint is the one that counts.
pub async fn save(tx: &mut Connection, ban: &Ban) -> QueryResult<()> {
    diesel::insert_into(bans::table)
        .values(ban)
        .on_conflict((bans::tenant_id, bans::fingerprint))
        .do_update()
        .set(ban)
        .execute(tx)
        .await
        .map(drop)
}

pub async fn any(
    mut tx: &Connection,
    tenant: TenantId,
    fingerprints: &[Vec<u8>],
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let standing = bans::until.is_null().or(bans::until.gt(now));
    let named = bans::table
        .filter(bans::tenant_id.eq(tenant).and(bans::fingerprint.eq_any(fingerprints.to_vec())))
        .filter(standing);
    diesel::select(exists(named)).get_result(&mut tx).await
}

/// Lifts a ban. False when there is none of this id.
pub async fn lift(tx: &mut Connection, tenant: TenantId, id: Uuid) -> QueryResult<bool> {
    let named = bans::tenant_id.eq(tenant).and(bans::ban_id.eq(id));
    Ok(diesel::delete(bans::table.filter(named)).execute(tx).await? > 0)
}

pub async fn delete_over_here(tx: &mut Connection, now: DateTime<Utc>) -> QueryResult<usize> {
    diesel::delete(bans::table.filter(bans::until.le(now))).execute(tx).await
}

/// Digests of the devices somebody is known on, and of where they were signed in from.
pub async fn traces_of(
    tx: &mut Connection,
    realm: RealmId,
    user: UserId,
) -> QueryResult<(Vec<Vec<u8>>, Vec<Vec<u8>>)> {
    let devices = known_devices::table
        .filter(known_devices::realm_id.eq(realm).and(known_devices::user_id.eq(user)))
        .select(known_devices::device_hash)
        .load(tx)
        .await?;
    let surroundings = sessions::table
        .filter(sessions::realm_id.eq(realm).and(sessions::user_id.eq(user)))
        .select(sessions::surroundings_hash)
        .distinct()
        .load(tx)
        .await?;
    Ok((devices, surroundings))
}

//! Devices that may leave out the second factor for a while.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, UserId, typed_id};

use super::portions::delete_portion;
use super::schema::remembered_devices;
use crate::domain::device::Digest;
use crate::domain::second_factor::RememberedFactor;

typed_id! {
    /// One remembered device.
    RememberedDeviceId
}

#[derive(Insertable)]
#[diesel(table_name = remembered_devices)]
pub struct NewRememberedDevice {
    pub realm_id: RealmId,
    pub user_id: UserId,
    pub id: RememberedDeviceId,
    pub token_hash: Vec<u8>,
    pub device_hash: Vec<u8>,
    pub token_version: i32,
    pub user_agent: Option<String>,
    pub remembered_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub factor: RememberedFactor,
}

/// What its owner is shown of one.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = remembered_devices)]
pub struct RememberedDevice {
    pub id: RememberedDeviceId,
    pub user_agent: Option<String>,
    pub remembered_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub factor: RememberedFactor,
}

/// Remembers a device in the place of what was remembered of it before.
pub async fn remember(tx: &mut Connection, device: &NewRememberedDevice) -> QueryResult<()> {
    let before = remembered_devices::realm_id
        .eq(device.realm_id)
        .and(remembered_devices::user_id.eq(device.user_id))
        .and(remembered_devices::device_hash.eq(&device.device_hash));
    diesel::delete(remembered_devices::table.filter(before)).execute(tx).await?;
    diesel::insert_into(remembered_devices::table).values(device).execute(tx).await.map(drop)
}

/// Is this the proof that was given to that device for one of these factors, and still good? Notes its use.
pub async fn recognise(
    tx: &mut Connection,
    (realm, user, token_version): (RealmId, UserId, i32),
    (token, device): (&Digest, &Digest),
    factors: &[RememberedFactor],
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let good = remembered_devices::table
        .filter(remembered_devices::realm_id.eq(realm).and(remembered_devices::user_id.eq(user)))
        .filter(remembered_devices::token_hash.eq(token.to_vec()))
        .filter(remembered_devices::device_hash.eq(device.to_vec()))
        .filter(remembered_devices::token_version.eq(token_version))
        .filter(remembered_devices::factor.eq_any(factors.iter().copied()))
        .filter(remembered_devices::expires_at.gt(now));
    let seen = diesel::update(good).set(remembered_devices::last_used_at.eq(now)).execute(tx).await?;
    Ok(seen > 0)
}

/// Those that are still good, the newest first.
pub async fn of_user(
    tx: &mut Connection,
    (realm, user, token_version): (RealmId, UserId, i32),
    now: DateTime<Utc>,
) -> QueryResult<Vec<RememberedDevice>> {
    remembered_devices::table
        .filter(remembered_devices::realm_id.eq(realm).and(remembered_devices::user_id.eq(user)))
        .filter(remembered_devices::token_version.eq(token_version))
        .filter(remembered_devices::expires_at.gt(now))
        .order((remembered_devices::remembered_at.desc(), remembered_devices::id.desc()))
        .select(RememberedDevice::as_select())
        .load(tx)
        .await
}

/// Forgets one. False when there was none.
pub async fn forget(
    tx: &mut Connection,
    (realm, user, id): (RealmId, UserId, RememberedDeviceId),
) -> QueryResult<bool> {
    let gone = diesel::delete(remembered_devices::table.find((realm, user, id))).execute(tx).await?;
    Ok(gone == 1)
}

pub async fn delete_of_users(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = remembered_devices::realm_id.eq(realm).and(remembered_devices::user_id.eq_any(users));
    diesel::delete(remembered_devices::table.filter(theirs)).execute(tx).await.map(drop)
}

/// Removes at most `most`.
pub async fn delete_expired(
    tx: &mut Connection,
    realm: RealmId,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<usize> {
    let expired = remembered_devices::realm_id.eq(realm).and(remembered_devices::expires_at.lt(before));
    delete_portion(tx, remembered_devices::table, expired, most).await
}

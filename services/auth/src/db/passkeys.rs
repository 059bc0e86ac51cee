//! Passkeys, and what authenticators know their owners by.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, UserId};

use super::factors::FactorId;
use super::schema::{passkey_handles, passkeys};
use crate::domain::webauthn::Asserted;

/// A passkey as its owner is shown it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = passkeys)]
pub struct Passkey {
    pub id: FactorId,
    pub name: String,
    pub discoverable: Option<bool>,
    pub backed_up: bool,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A passkey as a copy of its owner's data holds it. Its private half never left the authenticator.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = passkeys)]
pub struct PasskeyCopy {
    pub credential_id: Vec<u8>,
    pub public_key: Vec<u8>,
    pub transports: String,
    pub name: String,
    pub discoverable: Option<bool>,
    pub backed_up: bool,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What is needed to believe what a passkey signed.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = passkeys)]
pub struct Credential {
    pub user_id: UserId,
    pub id: FactorId,
    pub public_key: Vec<u8>,
    pub backup_eligible: bool,
}

/// What a browser is told, so that it finds a passkey or leaves it alone.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = passkeys)]
pub struct Descriptor {
    pub credential_id: Vec<u8>,
    pub transports: String,
}

#[derive(Insertable)]
#[diesel(table_name = passkeys)]
pub struct NewPasskey {
    pub realm_id: RealmId,
    pub user_id: UserId,
    pub id: FactorId,
    pub credential_id: Vec<u8>,
    pub public_key: Vec<u8>,
    pub sign_count: i64,
    pub backup_eligible: bool,
    pub backed_up: bool,
    pub discoverable: Option<bool>,
    pub transports: String,
    pub name: String,
    pub created_at: DateTime<Utc>,
}

/// False where the credential is registered already, whoever has it.
pub async fn insert(tx: &mut Connection, passkey: &NewPasskey) -> QueryResult<bool> {
    let inserted = diesel::insert_into(passkeys::table)
        .values(passkey)
        .on_conflict((passkeys::realm_id, passkeys::credential_id))
        .do_nothing()
        .execute(tx)
        .await?;
    Ok(inserted == 1)
}

pub async fn of_user(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<Vec<Passkey>> {
    passkeys::table
        .filter(passkeys::realm_id.eq(realm).and(passkeys::user_id.eq(user)))
        .order((passkeys::created_at, passkeys::id))
        .select(Passkey::as_select())
        .load(tx)
        .await
}

pub async fn copies_of_user(
    tx: &mut Connection,
    realm: RealmId,
    user: UserId,
) -> QueryResult<Vec<PasskeyCopy>> {
    passkeys::table
        .filter(passkeys::realm_id.eq(realm).and(passkeys::user_id.eq(user)))
        .order((passkeys::created_at, passkeys::id))
        .select(PasskeyCopy::as_select())
        .load(tx)
        .await
}

/// One of somebody's own.
pub async fn find(
    tx: &mut Connection,
    (realm, user, id): (RealmId, UserId, FactorId),
) -> QueryResult<Option<Passkey>> {
    passkeys::table.find((realm, user, id)).select(Passkey::as_select()).first(tx).await.optional()
}

pub async fn descriptors(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<Vec<Descriptor>> {
    passkeys::table
        .filter(passkeys::realm_id.eq(realm).and(passkeys::user_id.eq(user)))
        .order((passkeys::created_at, passkeys::id))
        .select(Descriptor::as_select())
        .load(tx)
        .await
}

/// The passkey of this name, if it is this person's.
pub async fn credential_of(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    credential_id: &[u8],
) -> QueryResult<Option<Credential>> {
    passkeys::table
        .filter(passkeys::realm_id.eq(realm).and(passkeys::credential_id.eq(credential_id)))
        .filter(passkeys::user_id.eq(user))
        .select(Credential::as_select())
        .first(tx)
        .await
        .optional()
}

/// The passkey of this name, if its owner is known to authenticators by `handle`.
pub async fn credential_of_handle(
    tx: &mut Connection,
    realm: RealmId,
    (credential_id, handle): (&[u8], &[u8]),
) -> QueryResult<Option<Credential>> {
    let owner = passkey_handles::table
        .filter(passkey_handles::realm_id.eq(realm).and(passkey_handles::handle.eq(handle)))
        .select(passkey_handles::user_id);
    passkeys::table
        .filter(passkeys::realm_id.eq(realm).and(passkeys::credential_id.eq(credential_id)))
        .filter(passkeys::user_id.eq_any(owner))
        .select(Credential::as_select())
        .first(tx)
        .await
        .optional()
}

/// What the counter of a passkey stands at, with the row locked: of two uses at once one looks at what the other left.
pub async fn lock_counter(
    tx: &mut Connection,
    (realm, user, id): (RealmId, UserId, FactorId),
) -> QueryResult<Option<i64>> {
    passkeys::table
        .find((realm, user, id))
        .select(passkeys::sign_count)
        .for_update()
        .first(tx)
        .await
        .optional()
}

/// Keeps what a passkey said when it was used.
pub async fn used(
    tx: &mut Connection,
    (realm, user, id): (RealmId, UserId, FactorId),
    asserted: &Asserted,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(passkeys::table.find((realm, user, id)))
        .set((
            passkeys::sign_count.eq(i64::from(asserted.counter)),
            passkeys::backed_up.eq(asserted.flags.backed_up()),
            passkeys::last_used_at.eq(now),
        ))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn rename(
    tx: &mut Connection,
    (realm, user, id): (RealmId, UserId, FactorId),
    name: &str,
) -> QueryResult<()> {
    diesel::update(passkeys::table.find((realm, user, id)))
        .set(passkeys::name.eq(name))
        .execute(tx)
        .await
        .map(drop)
}

/// What authenticators know this person by: `fresh`, where they had nothing yet.
pub async fn handle(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    fresh: &[u8],
) -> QueryResult<Vec<u8>> {
    diesel::insert_into(passkey_handles::table)
        .values((
            passkey_handles::realm_id.eq(realm),
            passkey_handles::user_id.eq(user),
            passkey_handles::handle.eq(fresh),
        ))
        .on_conflict((passkey_handles::realm_id, passkey_handles::user_id))
        .do_nothing()
        .execute(tx)
        .await?;
    passkey_handles::table.find((realm, user)).select(passkey_handles::handle).first(tx).await
}

/// What authenticators know this person by, where they know them.
pub async fn find_handle(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<Option<Vec<u8>>> {
    passkey_handles::table.find((realm, user)).select(passkey_handles::handle).first(tx).await.optional()
}

/// The passkeys themselves go with their factors.
pub async fn delete_handles(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = passkey_handles::realm_id.eq(realm).and(passkey_handles::user_id.eq_any(users));
    diesel::delete(passkey_handles::table.filter(theirs)).execute(tx).await.map(drop)
}

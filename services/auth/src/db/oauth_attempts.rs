//! Ways through a provider and back.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, SessionId, TenantId};
use shinkofa_web::Locale;

use super::portions::delete_portion;
use super::schema::{oauth_attempts, oauth_sessions};
use crate::domain::device::Digest;
use crate::domain::provider::Provider;

#[derive(Insertable)]
#[diesel(table_name = oauth_attempts)]
pub struct NewAttempt {
    pub realm_id: RealmId,
    pub state_hash: Vec<u8>,
    pub provider: Provider,
    pub for_tenant: TenantId,
    pub redirect_uri: String,
    pub code_challenge: String,
    pub device_hash: Option<Vec<u8>>,
    pub locale: Locale,
    pub secrets_sealed: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// One that came back from its provider.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = oauth_attempts)]
pub struct ReturnedAttempt {
    pub state_hash: Vec<u8>,
    pub redirect_uri: String,
    pub secrets_sealed: String,
}

/// One that its client redeems.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = oauth_attempts)]
pub struct RedeemedAttempt {
    pub state_hash: Vec<u8>,
    pub provider: Provider,
    pub for_tenant: TenantId,
    pub code_challenge: String,
    pub device_hash: Option<Vec<u8>>,
    pub locale: Locale,
    pub identity_sealed: Option<String>,
}

/// One that its client has redeemed.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = oauth_attempts)]
pub struct UsedAttempt {
    pub state_hash: Vec<u8>,
    pub for_tenant: TenantId,
    pub code_challenge: String,
    pub used_at: Option<DateTime<Utc>>,
}

pub async fn insert(tx: &mut Connection, attempt: &NewAttempt) -> QueryResult<()> {
    diesel::insert_into(oauth_attempts::table).values(attempt).execute(tx).await.map(drop)
}

/// Takes a `state` that came back. Of several at once exactly one does.
pub async fn take_state(
    tx: &mut Connection,
    realm: RealmId,
    (provider, state_hash): (Provider, &Digest),
    now: DateTime<Utc>,
) -> QueryResult<Option<ReturnedAttempt>> {
    let begun = oauth_attempts::table
        .find((realm, state_hash.to_vec()))
        .filter(oauth_attempts::provider.eq(provider).and(oauth_attempts::expires_at.gt(now)))
        .filter(oauth_attempts::returned_at.is_null());
    diesel::update(begun)
        .set(oauth_attempts::returned_at.eq(now))
        .returning(ReturnedAttempt::as_returning())
        .get_result(tx)
        .await
        .optional()
}

/// Keeps who the provider said it was, under the code that our client redeems.
pub async fn keep_identity(
    tx: &mut Connection,
    (realm, state_hash): (RealmId, &[u8]),
    (exchange_hash, identity_sealed): (&Digest, &str),
    expires_at: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(oauth_attempts::table.find((realm, state_hash.to_vec())))
        .set((
            oauth_attempts::exchange_hash.eq(exchange_hash.to_vec()),
            oauth_attempts::identity_sealed.eq(identity_sealed),
            oauth_attempts::expires_at.eq(expires_at),
        ))
        .execute(tx)
        .await
        .map(drop)
}

/// Counts one attempt to redeem a code; `None` when the code is not good or was tried too often.
pub async fn attempt_exchange(
    tx: &mut Connection,
    realm: RealmId,
    exchange_hash: &Digest,
    (most, now): (i32, DateTime<Utc>),
) -> QueryResult<Option<RedeemedAttempt>> {
    let live = oauth_attempts::table
        .filter(oauth_attempts::realm_id.eq(realm))
        .filter(oauth_attempts::exchange_hash.eq(exchange_hash.to_vec()))
        .filter(oauth_attempts::used_at.is_null().and(oauth_attempts::expires_at.gt(now)))
        .filter(oauth_attempts::attempts.lt(most));
    diesel::update(live)
        .set(oauth_attempts::attempts.eq(oauth_attempts::attempts + 1))
        .returning(RedeemedAttempt::as_returning())
        .get_result(tx)
        .await
        .optional()
}

/// Uses an attempt up and forgets who it was about. Of several at once exactly one does.
pub async fn finish(
    tx: &mut Connection,
    (realm, state_hash): (RealmId, &[u8]),
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let unused =
        oauth_attempts::table.find((realm, state_hash.to_vec())).filter(oauth_attempts::used_at.is_null());
    let used = diesel::update(unused)
        .set((oauth_attempts::used_at.eq(now), oauth_attempts::identity_sealed.eq(None::<String>)))
        .execute(tx)
        .await?;
    Ok(used == 1)
}

/// Notes which session the code was exchanged for.
pub async fn note_session(
    tx: &mut Connection,
    (realm, state_hash): (RealmId, &[u8]),
    session: SessionId,
) -> QueryResult<()> {
    diesel::insert_into(oauth_sessions::table)
        .values((
            oauth_sessions::realm_id.eq(realm),
            oauth_sessions::state_hash.eq(state_hash),
            oauth_sessions::session_id.eq(session),
        ))
        .execute(tx)
        .await
        .map(drop)
}

/// The session that an attempt's code was exchanged for.
pub async fn session_of(
    tx: &mut Connection,
    (realm, state_hash): (RealmId, &[u8]),
) -> QueryResult<Option<SessionId>> {
    oauth_sessions::table
        .find((realm, state_hash.to_vec()))
        .select(oauth_sessions::session_id)
        .first(tx)
        .await
        .optional()
}

/// One that was redeemed, by the code that it was redeemed with, while the code would still have been good.
pub async fn find_used(
    tx: &mut Connection,
    realm: RealmId,
    exchange_hash: &Digest,
    now: DateTime<Utc>,
) -> QueryResult<Option<UsedAttempt>> {
    oauth_attempts::table
        .filter(oauth_attempts::realm_id.eq(realm))
        .filter(oauth_attempts::exchange_hash.eq(exchange_hash.to_vec()))
        .filter(oauth_attempts::used_at.is_not_null().and(oauth_attempts::expires_at.gt(now)))
        .select(UsedAttempt::as_select())
        .first(tx)
        .await
        .optional()
}

/// Removes at most `most`.
pub async fn delete_expired(
    tx: &mut Connection,
    realm: RealmId,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<usize> {
    let expired = oauth_attempts::realm_id.eq(realm).and(oauth_attempts::expires_at.lt(before));
    delete_portion(tx, oauth_attempts::table, expired, most).await
}

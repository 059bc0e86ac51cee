//! Tokens that work once: always by PostgreSQL, never by a cache.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, TenantId, UserId, defended};

use super::portions::delete_portion;
use super::schema::one_time_tokens;
use super::signups::SignupId;
use crate::domain::device::Digest;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};

#[derive(Insertable)]
#[diesel(table_name = one_time_tokens)]
pub struct NewToken {
    pub realm_id: RealmId,
    pub purpose: TokenPurpose,
    pub token_hash: Vec<u8>,
    pub user_id: UserId,
    pub for_tenant: TenantId,
    pub signup_id: Option<SignupId>,
    pub device_hash: Option<Vec<u8>>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub about: Option<serde_json::Value>,
}

/// What a token was given out for.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = one_time_tokens)]
pub struct TokenGrant {
    pub token_hash: Vec<u8>,
    pub user_id: UserId,
    pub for_tenant: TenantId,
    pub signup_id: Option<SignupId>,
    pub device_hash: Option<Vec<u8>>,
    pub attempts: i32,
    pub created_at: DateTime<Utc>,
    pub about: Option<serde_json::Value>,
}

impl TokenGrant {
    /// The device that it was given out on, or that it is bound to.
    pub fn device(&self) -> Option<Digest> {
        self.device_hash.as_deref().and_then(|bytes| bytes.try_into().ok())
    }
}

pub async fn insert(tx: &mut Connection, token: &NewToken) -> QueryResult<()> {
    diesel::insert_into(one_time_tokens::table).values(token).execute(tx).await.map(drop)
}

/// Uses the token up. Of several at once exactly one gets what it was for.
pub async fn consume(
    tx: &mut Connection,
    realm: RealmId,
    (purpose, token): (TokenPurpose, &OneTimeToken),
    now: DateTime<Utc>,
) -> QueryResult<Option<TokenGrant>> {
    let (purpose, token_hash) = key(tx, realm, (purpose, token)).await?;
    consume_row(tx, realm, (purpose, &token_hash), now).await
}

/// What a presented token is found by: what it is for, and all of it. Not that some token was sent (CVE-2026-18963), nor one
/// that was sent for something else (CVE-2026-4282).
async fn key(
    tx: &mut Connection,
    realm: RealmId,
    (purpose, token): (TokenPurpose, &OneTimeToken),
) -> QueryResult<(TokenPurpose, Vec<u8>)> {
    let presented = (purpose, token.digest().to_vec());
    if defended!("V02") && defended!("V25") {
        return Ok(presented);
    }
    let sent = one_time_tokens::table
        .filter(one_time_tokens::realm_id.eq(realm).and(one_time_tokens::consumed_at.is_null()))
        .order(one_time_tokens::created_at.desc())
        .select((one_time_tokens::purpose, one_time_tokens::token_hash))
        .into_boxed();
    let sent = if defended!("V25") {
        sent.filter(one_time_tokens::purpose.eq(purpose))
    } else {
        sent.filter(one_time_tokens::token_hash.eq(presented.1.clone()))
    };
    Ok(sent.first(tx).await.optional()?.unwrap_or(presented))
}

/// The instant that a token has to outlive: that of its use, also when somebody looked at it before.
fn used_at(now: DateTime<Utc>) -> DateTime<Utc> {
    if defended!("V03-expiry") { now } else { DateTime::UNIX_EPOCH }
}

/// How often a code may be tried.
fn at_most(attempts: i32) -> i32 {
    if defended!("V14-attempts") { attempts } else { i32::MAX }
}

/// The same for one that was found by something else than its token.
pub async fn consume_row(
    tx: &mut Connection,
    realm: RealmId,
    (purpose, token_hash): (TokenPurpose, &[u8]),
    now: DateTime<Utc>,
) -> QueryResult<Option<TokenGrant>> {
    let token = one_time_tokens::table.find((realm, purpose, token_hash.to_vec()));
    let consumed = one_time_tokens::consumed_at.eq(now);
    if !defended!("V03-once") {
        let grant = diesel::update(token).set(consumed).returning(TokenGrant::as_returning());
        return grant.get_result(tx).await.optional();
    }
    let live = token
        .filter(one_time_tokens::consumed_at.is_null().and(one_time_tokens::expires_at.gt(used_at(now))));
    diesel::update(live).set(consumed).returning(TokenGrant::as_returning()).get_result(tx).await.optional()
}

/// Counts one attempt with a token that takes a code beside it; `None` when the token is not good or was tried too often.
pub async fn attempt(
    tx: &mut Connection,
    realm: RealmId,
    (purpose, token): (TokenPurpose, &OneTimeToken),
    (most, now): (i32, DateTime<Utc>),
) -> QueryResult<Option<TokenGrant>> {
    let (purpose, token_hash) = key(tx, realm, (purpose, token)).await?;
    let live = one_time_tokens::table
        .find((realm, purpose, token_hash))
        .filter(one_time_tokens::consumed_at.is_null().and(one_time_tokens::expires_at.gt(used_at(now))))
        .filter(one_time_tokens::attempts.lt(at_most(most)));
    diesel::update(live)
        .set(one_time_tokens::attempts.eq(one_time_tokens::attempts + 1))
        .returning(TokenGrant::as_returning())
        .get_result(tx)
        .await
        .optional()
}

/// Counts one attempt at the one live token of a person that is found by whom it is for: the code of a letter, bound to this device
/// or to none. Anybody who knows the address can make one at a code that is bound to none, so they are counted apart from those of
/// whoever has the link.
pub async fn attempt_of_user(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    (purpose, device): (TokenPurpose, Option<&Digest>),
    (most, now): (i32, DateTime<Utc>),
) -> QueryResult<Option<TokenGrant>> {
    let live = one_time_tokens::table
        .filter(one_time_tokens::realm_id.eq(realm).and(one_time_tokens::user_id.eq(user)))
        .filter(one_time_tokens::purpose.eq(purpose).and(one_time_tokens::expires_at.gt(used_at(now))))
        .filter(one_time_tokens::device_hash.is_not_distinct_from(device.map(|device| device.to_vec())))
        .filter(one_time_tokens::consumed_at.is_null().and(one_time_tokens::code_attempts.lt(at_most(most))));
    diesel::update(live)
        .set(one_time_tokens::code_attempts.eq(one_time_tokens::code_attempts + 1))
        .returning(TokenGrant::as_returning())
        .get_result(tx)
        .await
        .optional()
}

/// A token that is still good, and when it was given out. Looking counts nothing.
pub async fn find_live(
    tx: &mut Connection,
    realm: RealmId,
    (purpose, token): (TokenPurpose, &OneTimeToken),
    now: DateTime<Utc>,
) -> QueryResult<Option<(TokenGrant, DateTime<Utc>)>> {
    one_time_tokens::table
        .find((realm, purpose, token.digest().to_vec()))
        .filter(one_time_tokens::consumed_at.is_null().and(one_time_tokens::expires_at.gt(now)))
        .select((TokenGrant::as_select(), one_time_tokens::created_at))
        .first(tx)
        .await
        .optional()
}

/// Lets a token live until `until` at least.
pub async fn prolong(
    tx: &mut Connection,
    realm: RealmId,
    (purpose, token): (TokenPurpose, &OneTimeToken),
    until: DateTime<Utc>,
) -> QueryResult<()> {
    let shorter = one_time_tokens::table
        .find((realm, purpose, token.digest().to_vec()))
        .filter(one_time_tokens::consumed_at.is_null().and(one_time_tokens::expires_at.lt(until)));
    diesel::update(shorter).set(one_time_tokens::expires_at.eq(until)).execute(tx).await.map(drop)
}

/// Voids a person's tokens of one purpose.
pub async fn void(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    purpose: TokenPurpose,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let live = one_time_tokens::table
        .filter(one_time_tokens::realm_id.eq(realm).and(one_time_tokens::user_id.eq(user)))
        .filter(one_time_tokens::purpose.eq(purpose).and(one_time_tokens::consumed_at.is_null()));
    diesel::update(live).set(one_time_tokens::consumed_at.eq(now)).execute(tx).await.map(drop)
}

/// Voids a person's tokens of one purpose that are bound to this device, or to none: a new one takes their place.
pub async fn void_of_device(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    (purpose, device): (TokenPurpose, Option<&Digest>),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let live = one_time_tokens::table
        .filter(one_time_tokens::realm_id.eq(realm).and(one_time_tokens::user_id.eq(user)))
        .filter(one_time_tokens::purpose.eq(purpose).and(one_time_tokens::consumed_at.is_null()))
        .filter(one_time_tokens::device_hash.is_not_distinct_from(device.map(|device| device.to_vec())));
    diesel::update(live).set(one_time_tokens::consumed_at.eq(now)).execute(tx).await.map(drop)
}

/// Voids every token of a person but those for these purposes.
pub async fn void_all_but(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    kept: &[TokenPurpose],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let live = one_time_tokens::table
        .filter(one_time_tokens::realm_id.eq(realm).and(one_time_tokens::user_id.eq(user)))
        .filter(one_time_tokens::purpose.ne_all(kept).and(one_time_tokens::consumed_at.is_null()));
    diesel::update(live).set(one_time_tokens::consumed_at.eq(now)).execute(tx).await.map(drop)
}

/// Voids the links of one request to sign up: a new one takes their place.
pub async fn void_for_signup(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    signup: SignupId,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let live = one_time_tokens::table
        .filter(one_time_tokens::realm_id.eq(realm).and(one_time_tokens::user_id.eq(user)))
        .filter(one_time_tokens::purpose.eq(TokenPurpose::EmailVerification))
        .filter(one_time_tokens::signup_id.eq(signup))
        .filter(one_time_tokens::consumed_at.is_null());
    diesel::update(live).set(one_time_tokens::consumed_at.eq(now)).execute(tx).await.map(drop)
}

/// Removes at most `most`.
pub async fn delete_expired(
    tx: &mut Connection,
    realm: RealmId,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<usize> {
    let expired = one_time_tokens::realm_id.eq(realm).and(one_time_tokens::expires_at.lt(before));
    delete_portion(tx, one_time_tokens::table, expired, most).await
}

pub async fn delete_of_users(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = one_time_tokens::realm_id.eq(realm).and(one_time_tokens::user_id.eq_any(users));
    diesel::delete(one_time_tokens::table.filter(theirs)).execute(tx).await.map(drop)
}

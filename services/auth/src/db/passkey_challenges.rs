//! What authenticators have to sign: always by PostgreSQL, never by a cache.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, UserId};

use super::portions::delete_portion;
use super::schema::passkey_challenges;
use crate::domain::device::Digest;
use crate::domain::passkey::ChallengePurpose;

#[derive(Insertable)]
#[diesel(table_name = passkey_challenges)]
pub struct NewChallenge {
    pub realm_id: RealmId,
    pub purpose: ChallengePurpose,
    pub challenge_hash: Vec<u8>,
    pub bound_to: Vec<u8>,
    pub user_id: Option<UserId>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut Connection, challenge: &NewChallenge) -> QueryResult<()> {
    diesel::insert_into(passkey_challenges::table).values(challenge).execute(tx).await.map(drop)
}

/// Uses a challenge up: one that was given out for this purpose, in this place and to this person. Of several at once exactly
/// one does.
pub async fn consume(
    tx: &mut Connection,
    (realm, purpose, challenge): (RealmId, ChallengePurpose, &Digest),
    (bound_to, user): (&Digest, Option<UserId>),
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let live = passkey_challenges::table
        .find((realm, purpose, challenge.to_vec()))
        .filter(passkey_challenges::bound_to.eq(bound_to.to_vec()))
        .filter(passkey_challenges::user_id.is_not_distinct_from(user))
        .filter(passkey_challenges::consumed_at.is_null().and(passkey_challenges::expires_at.gt(now)));
    let consumed = diesel::update(live).set(passkey_challenges::consumed_at.eq(now)).execute(tx).await?;
    Ok(consumed == 1)
}

/// Removes at most `most`.
pub async fn delete_expired(
    tx: &mut Connection,
    realm: RealmId,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<usize> {
    let expired = passkey_challenges::realm_id.eq(realm).and(passkey_challenges::expires_at.lt(before));
    delete_portion(tx, passkey_challenges::table, expired, most).await
}

pub async fn delete_of_users(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = passkey_challenges::realm_id.eq(realm).and(passkey_challenges::user_id.eq_any(users));
    diesel::delete(passkey_challenges::table.filter(theirs)).execute(tx).await.map(drop)
}

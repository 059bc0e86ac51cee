//! Recovery codes: digests of those given out last.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, UserId};

use super::schema::recovery_codes;
use crate::domain::device::Digest;

/// Gives somebody exactly these codes.
pub async fn replace(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    digests: &[Digest],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    delete_of_users(tx, realm, &[user]).await?;
    let rows: Vec<_> = digests
        .iter()
        .map(|digest| {
            (
                recovery_codes::realm_id.eq(realm),
                recovery_codes::user_id.eq(user),
                recovery_codes::code_hash.eq(digest.to_vec()),
                recovery_codes::created_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(recovery_codes::table).values(rows).execute(tx).await.map(drop)
}

/// Uses a code up. Of several at once with one code exactly one does.
pub async fn consume(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    digest: &Digest,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let unused =
        recovery_codes::table.find((realm, user, digest.to_vec())).filter(recovery_codes::used_at.is_null());
    let used = diesel::update(unused).set(recovery_codes::used_at.eq(now)).execute(tx).await?;
    Ok(used == 1)
}

pub async fn left(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<i64> {
    recovery_codes::table
        .filter(recovery_codes::realm_id.eq(realm).and(recovery_codes::user_id.eq(user)))
        .filter(recovery_codes::used_at.is_null())
        .count()
        .get_result(tx)
        .await
}

/// Were any ever given out, and not taken back with the last factor?
pub async fn any(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<bool> {
    let theirs = recovery_codes::table
        .filter(recovery_codes::realm_id.eq(realm).and(recovery_codes::user_id.eq(user)));
    diesel::select(exists(theirs)).get_result(tx).await
}

pub async fn delete_made_since(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    since: DateTime<Utc>,
) -> QueryResult<()> {
    let theirs = recovery_codes::realm_id.eq(realm).and(recovery_codes::user_id.eq(user));
    let made = recovery_codes::table.filter(theirs).filter(recovery_codes::created_at.ge(since));
    diesel::delete(made).execute(tx).await.map(drop)
}

pub async fn delete_of_users(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = recovery_codes::realm_id.eq(realm).and(recovery_codes::user_id.eq_any(users));
    diesel::delete(recovery_codes::table.filter(theirs)).execute(tx).await.map(drop)
}

//! Who people are elsewhere.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, UserId};

use super::schema::identities;
use crate::domain::provider::{ExternalIdentity, Provider};

/// An identity of somebody's, as they are shown it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = identities)]
pub struct LinkedIdentity {
    pub provider: Provider,
    pub issuer: String,
    pub subject: String,
    pub linked_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
}

/// Whose identity is this? Notes that it was used.
pub async fn use_identity(
    tx: &mut Connection,
    realm: RealmId,
    identity: &ExternalIdentity,
    now: DateTime<Utc>,
) -> QueryResult<Option<UserId>> {
    diesel::update(identities::table.find((realm, &identity.issuer, &identity.subject)))
        .set(identities::last_used_at.eq(now))
        .returning(identities::user_id)
        .get_result(tx)
        .await
        .optional()
}

/// False where the identity is somebody's already, or the person has another one of this provider.
pub async fn link(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    identity: &ExternalIdentity,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let linked = diesel::insert_into(identities::table)
        .values((
            identities::realm_id.eq(realm),
            identities::issuer.eq(&identity.issuer),
            identities::subject.eq(&identity.subject),
            identities::user_id.eq(user),
            identities::provider.eq(identity.provider),
            identities::linked_at.eq(now),
            identities::last_used_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    Ok(linked == 1)
}

pub async fn of_user(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<Vec<LinkedIdentity>> {
    identities::table
        .filter(identities::realm_id.eq(realm).and(identities::user_id.eq(user)))
        .order((identities::linked_at, identities::provider))
        .select(LinkedIdentity::as_select())
        .load(tx)
        .await
}

pub async fn unlink(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    provider: Provider,
) -> QueryResult<bool> {
    let theirs = identities::realm_id.eq(realm).and(identities::user_id.eq(user));
    let one = identities::table.filter(theirs).filter(identities::provider.eq(provider));
    Ok(diesel::delete(one).execute(tx).await? == 1)
}

/// Unlinks those that were linked at this instant or later.
pub async fn unlink_made_since(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    since: DateTime<Utc>,
) -> QueryResult<usize> {
    let theirs = identities::realm_id.eq(realm).and(identities::user_id.eq(user));
    let made = identities::table.filter(theirs).filter(identities::linked_at.ge(since));
    diesel::delete(made).execute(tx).await
}

pub async fn delete_of_users(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = identities::realm_id.eq(realm).and(identities::user_id.eq_any(users));
    diesel::delete(identities::table.filter(theirs)).execute(tx).await.map(drop)
}

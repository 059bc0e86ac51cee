//! An account's way from one address to another, and back.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, SessionId, TenantId, UserId, typed_id};

use super::portions::delete_portion;
use super::schema::email_changes;

typed_id! {
    /// One request for another address.
    EmailChangeId
}

#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = email_changes)]
pub struct EmailChange {
    pub realm_id: RealmId,
    pub id: EmailChangeId,
    pub user_id: UserId,
    pub session_id: SessionId,
    pub for_tenant: TenantId,
    pub old_email: String,
    pub new_email: String,
    pub requested_at: DateTime<Utc>,
    pub confirmed_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub undone_at: Option<DateTime<Utc>>,
}

impl EmailChange {
    pub fn is_pending(&self) -> bool {
        self.confirmed_at.is_none() && self.cancelled_at.is_none()
    }

    /// It came about, and neither it nor an earlier one was taken back.
    pub fn stands(&self) -> bool {
        self.confirmed_at.is_some() && self.undone_at.is_none()
    }
}

pub async fn insert(tx: &mut Connection, change: &EmailChange) -> QueryResult<()> {
    diesel::insert_into(email_changes::table).values(change).execute(tx).await.map(drop)
}

pub async fn find(
    tx: &mut Connection,
    realm: RealmId,
    id: EmailChangeId,
) -> QueryResult<Option<EmailChange>> {
    email_changes::table.find((realm, id)).select(EmailChange::as_select()).first(tx).await.optional()
}

/// The first of somebody's changes that came about since then and stand.
pub async fn first_standing_since(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    since: DateTime<Utc>,
) -> QueryResult<Option<EmailChange>> {
    email_changes::table
        .filter(email_changes::realm_id.eq(realm).and(email_changes::user_id.eq(user)))
        .filter(email_changes::confirmed_at.ge(since).and(email_changes::undone_at.is_null()))
        .order((email_changes::confirmed_at, email_changes::id))
        .select(EmailChange::as_select())
        .first(tx)
        .await
        .optional()
}

pub async fn of_user(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<Vec<EmailChange>> {
    email_changes::table
        .filter(email_changes::realm_id.eq(realm).and(email_changes::user_id.eq(user)))
        .order((email_changes::requested_at, email_changes::id))
        .select(EmailChange::as_select())
        .load(tx)
        .await
}

/// Gives up whatever is pending of somebody but `kept`.
pub async fn cancel_pending(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    kept: Option<EmailChangeId>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let pending = email_changes::table
        .filter(email_changes::realm_id.eq(realm).and(email_changes::user_id.eq(user)))
        .filter(email_changes::confirmed_at.is_null().and(email_changes::cancelled_at.is_null()))
        .filter(email_changes::id.ne_all(kept.as_slice()));
    diesel::update(pending).set(email_changes::cancelled_at.eq(now)).execute(tx).await.map(drop)
}

/// Of several at once exactly one confirms it.
pub async fn confirm(
    tx: &mut Connection,
    (realm, id): (RealmId, EmailChangeId),
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let pending = email_changes::table
        .find((realm, id))
        .filter(email_changes::confirmed_at.is_null().and(email_changes::cancelled_at.is_null()));
    let confirmed = diesel::update(pending).set(email_changes::confirmed_at.eq(now)).execute(tx).await?;
    Ok(confirmed == 1)
}

/// Takes a change back, and with it all that came after it: whoever held the account since then keeps no way to return.
pub async fn undo_from(tx: &mut Connection, change: &EmailChange, now: DateTime<Utc>) -> QueryResult<()> {
    let since = email_changes::table
        .filter(email_changes::realm_id.eq(change.realm_id).and(email_changes::user_id.eq(change.user_id)))
        .filter(email_changes::confirmed_at.ge(change.confirmed_at).and(email_changes::undone_at.is_null()));
    diesel::update(since).set(email_changes::undone_at.eq(now)).execute(tx).await.map(drop)
}

pub async fn delete(tx: &mut Connection, realm: RealmId, id: EmailChangeId) -> QueryResult<()> {
    diesel::delete(email_changes::table.find((realm, id))).execute(tx).await.map(drop)
}

pub async fn delete_of_users(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = email_changes::realm_id.eq(realm).and(email_changes::user_id.eq_any(users));
    diesel::delete(email_changes::table.filter(theirs)).execute(tx).await.map(drop)
}

/// Removes at most `most`.
pub async fn delete_older_than(
    tx: &mut Connection,
    realm: RealmId,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<usize> {
    let old = email_changes::realm_id.eq(realm).and(email_changes::requested_at.lt(before));
    delete_portion(tx, email_changes::table, old, most).await
}

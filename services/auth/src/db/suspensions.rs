//! Why accounts are suspended.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, UserId};

use super::schema::account_suspensions;
use crate::domain::administration::Reason;

pub async fn note(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    reason: &Reason,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(account_suspensions::table)
        .values((
            account_suspensions::realm_id.eq(realm),
            account_suspensions::user_id.eq(user),
            account_suspensions::reason.eq(reason.as_str()),
            account_suspensions::suspended_at.eq(now),
        ))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn forget(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = account_suspensions::realm_id.eq(realm).and(account_suspensions::user_id.eq_any(users));
    diesel::delete(account_suspensions::table.filter(theirs)).execute(tx).await.map(drop)
}

pub async fn reason(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<Option<String>> {
    account_suspensions::table
        .find((realm, user))
        .select(account_suspensions::reason)
        .first(tx)
        .await
        .optional()
}

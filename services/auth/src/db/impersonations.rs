//! Sessions in which staff see the platform as a member does.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{SessionId, TenantId, UserId};

use super::schema::impersonations;

#[derive(Clone, Debug, Insertable, Queryable, Selectable)]
#[diesel(table_name = impersonations)]
pub struct Impersonation {
    pub tenant_id: TenantId,
    pub session_id: SessionId,
    pub user_id: UserId,
    pub impersonator_id: UserId,
    pub reason: String,
    pub opened_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut Connection, impersonation: &Impersonation) -> QueryResult<()> {
    diesel::insert_into(impersonations::table).values(impersonation).execute(tx).await.map(drop)
}

/// Who opened this session, while it may last.
pub async fn impersonator(
    mut tx: &Connection,
    tenant: TenantId,
    session: SessionId,
    now: DateTime<Utc>,
) -> QueryResult<Option<UserId>> {
    impersonations::table
        .find((tenant, session))
        .filter(impersonations::expires_at.gt(now))
        .select(impersonations::impersonator_id)
        .first(&mut tx)
        .await
        .optional()
}

/// What these opened and may still last, and in whose place.
pub async fn opened_by(
    tx: &mut Connection,
    (tenant, impersonators): (TenantId, &[UserId]),
    now: DateTime<Utc>,
) -> QueryResult<Vec<(SessionId, UserId)>> {
    impersonations::table
        .filter(
            impersonations::tenant_id.eq(tenant).and(impersonations::impersonator_id.eq_any(impersonators)),
        )
        .filter(impersonations::expires_at.gt(now))
        .order(impersonations::session_id)
        .select((impersonations::session_id, impersonations::user_id))
        .load(tx)
        .await
}

/// Every time somebody's place was taken, in whichever tenant the transaction sees.
pub async fn of_user_here(tx: &mut Connection, user: UserId) -> QueryResult<Vec<Impersonation>> {
    impersonations::table
        .filter(impersonations::user_id.eq(user))
        .order((impersonations::opened_at, impersonations::session_id))
        .select(Impersonation::as_select())
        .load(tx)
        .await
}

/// Forgets why, in whichever tenant the transaction sees. That it happened stands in the trail.
pub async fn delete_of_users_here(tx: &mut Connection, users: &[UserId]) -> QueryResult<()> {
    let theirs = impersonations::user_id.eq_any(users);
    diesel::delete(impersonations::table.filter(theirs)).execute(tx).await.map(drop)
}

pub async fn delete_older_than_here(tx: &mut Connection, instant: DateTime<Utc>) -> QueryResult<usize> {
    diesel::delete(impersonations::table.filter(impersonations::expires_at.lt(instant))).execute(tx).await
}

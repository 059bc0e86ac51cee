//! Families of sessions, which were opened from one another: the table calls them descents.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, SessionId, TenantId};

use super::schema::{session_descents, sessions};
use crate::domain::session_family::{Descent, Origin};

/// Every session of a family but its first, ended ones too.
pub async fn descents(
    tx: &mut Connection,
    (realm, family): (RealmId, SessionId),
) -> QueryResult<Vec<Descent>> {
    session_descents::table
        .filter(session_descents::realm_id.eq(realm).and(session_descents::family.eq(family)))
        .select((session_descents::session_id, session_descents::opened_from))
        .load(tx)
        .await
}

/// What is kept of a session by another that is opened from it.
pub async fn as_origin(tx: &mut Connection, realm: RealmId, session: SessionId) -> QueryResult<Origin> {
    let row = session_descents::table.find((realm, session)).select(session_descents::family);
    let family = row.first::<SessionId>(tx).await.optional()?;
    Ok(Origin { session, family: family.unwrap_or(session) })
}

/// Notes what a session was opened from.
pub async fn note(
    tx: &mut Connection,
    (realm, session): (RealmId, SessionId),
    origin: Origin,
) -> QueryResult<()> {
    diesel::insert_into(session_descents::table)
        .values((
            session_descents::realm_id.eq(realm),
            session_descents::session_id.eq(session),
            session_descents::opened_from.eq(origin.session),
            session_descents::family.eq(origin.family),
        ))
        .execute(tx)
        .await
        .map(drop)
}

/// Ends those of these sessions that live. Returns what was ended, and in which tenant that was.
pub async fn end(
    tx: &mut Connection,
    realm: RealmId,
    ids: &[SessionId],
    now: DateTime<Utc>,
) -> QueryResult<Vec<(SessionId, TenantId)>> {
    let live = sessions::table
        .filter(sessions::realm_id.eq(realm).and(sessions::id.eq_any(ids)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::sliding_expires_at.gt(now).and(sessions::absolute_expires_at.gt(now)));
    diesel::update(live)
        .set(sessions::ended_at.eq(now))
        .returning((sessions::id, sessions::for_tenant))
        .get_results(tx)
        .await
}

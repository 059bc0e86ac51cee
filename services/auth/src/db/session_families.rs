//! Sessions that were opened from one another.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, SessionId, TenantId};

use super::schema::sessions;
use crate::domain::lineage::Descent;

/// Every session of a family but its first, ended ones too.
pub async fn descents(
    tx: &mut Connection,
    (realm, family): (RealmId, SessionId),
) -> QueryResult<Vec<Descent>> {
    sessions::table
        .filter(sessions::realm_id.eq(realm).and(sessions::family.eq(family)))
        .filter(sessions::opened_from.is_not_null())
        .select((sessions::id, sessions::opened_from.assume_not_null()))
        .load(tx)
        .await
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

//! Sessions in the database.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_contracts::{ClassId, ClassSessionId};
use shinkofa_db::Connection;
use shinkofa_kernel::{TenantId, UserId};

use super::schema::{classes, sessions};
use crate::domain::Window;

#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
pub struct SessionRow {
    pub tenant_id: TenantId,
    pub id: ClassSessionId,
    pub class_id: ClassId,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub capacity: i32,
    pub taken: i32,
    pub credit_cost: i32,
    pub coach_id: Option<UserId>,
    pub location: Option<String>,
    pub created_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut Connection, session: &SessionRow) -> QueryResult<()> {
    diesel::insert_into(sessions::table).values(session).execute(tx).await.map(drop)
}

/// A session with the title of its class.
pub async fn find(
    tx: &mut Connection,
    tenant: TenantId,
    id: ClassSessionId,
) -> QueryResult<Option<(SessionRow, String)>> {
    sessions::table
        .inner_join(
            classes::table
                .on(classes::tenant_id.eq(sessions::tenant_id).and(classes::id.eq(sessions::class_id))),
        )
        .filter(sessions::tenant_id.eq(tenant).and(sessions::id.eq(id)))
        .select((SessionRow::as_select(), classes::title))
        .first(tx)
        .await
        .optional()
}

/// Sessions that start within `window`, by start, after the one that `after` names.
pub async fn list(
    tx: &mut Connection,
    tenant: TenantId,
    window: Window,
    after: Option<(DateTime<Utc>, ClassSessionId)>,
    most: i64,
) -> QueryResult<Vec<(SessionRow, String)>> {
    let mut query = sessions::table
        .inner_join(
            classes::table
                .on(classes::tenant_id.eq(sessions::tenant_id).and(classes::id.eq(sessions::class_id))),
        )
        .filter(sessions::tenant_id.eq(tenant))
        .filter(sessions::starts_at.ge(window.from).and(sessions::starts_at.lt(window.to)))
        .into_boxed();
    if let Some((start, id)) = after {
        let later = sessions::starts_at.gt(start).or(sessions::starts_at.eq(start).and(sessions::id.gt(id)));
        query = query.filter(sessions::starts_at.ge(start)).filter(later);
    }
    query
        .order((sessions::starts_at, sessions::id))
        .limit(most)
        .select((SessionRow::as_select(), classes::title))
        .load(tx)
        .await
}

/// The sessions that somebody gives, by start, with the titles of their classes.
pub async fn list_of_coach(
    tx: &mut Connection,
    tenant: TenantId,
    coach: UserId,
    most: i64,
) -> QueryResult<Vec<(SessionRow, String)>> {
    sessions::table
        .inner_join(
            classes::table
                .on(classes::tenant_id.eq(sessions::tenant_id).and(classes::id.eq(sessions::class_id))),
        )
        .filter(sessions::tenant_id.eq(tenant).and(sessions::coach_id.eq(coach)))
        .order((sessions::starts_at, sessions::id))
        .limit(most)
        .select((SessionRow::as_select(), classes::title))
        .load(tx)
        .await
}

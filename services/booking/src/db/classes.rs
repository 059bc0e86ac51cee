//! Classes in the database.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_contracts::ClassId;
use shinkofa_db::Connection;
use shinkofa_kernel::TenantId;

use super::schema::classes;

#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = classes)]
pub struct ClassRow {
    pub tenant_id: TenantId,
    pub id: ClassId,
    pub title: String,
    pub description: Option<String>,
    pub level: Option<String>,
    pub duration_minutes: i32,
    pub credit_cost: i32,
    pub created_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut Connection, class: &ClassRow) -> QueryResult<()> {
    diesel::insert_into(classes::table).values(class).execute(tx).await.map(drop)
}

pub async fn find(tx: &mut Connection, tenant: TenantId, id: ClassId) -> QueryResult<Option<ClassRow>> {
    classes::table.find((tenant, id)).select(ClassRow::as_select()).first(tx).await.optional()
}

/// Classes in the order of their making, after the one called `after`.
pub async fn list(
    tx: &mut Connection,
    tenant: TenantId,
    after: Option<ClassId>,
    most: i64,
) -> QueryResult<Vec<ClassRow>> {
    let mut query = classes::table.filter(classes::tenant_id.eq(tenant)).into_boxed();
    if let Some(after) = after {
        query = query.filter(classes::id.gt(after));
    }
    query.order(classes::id).limit(most).select(ClassRow::as_select()).load(tx).await
}

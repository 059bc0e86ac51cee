//! What is on sale.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_contracts::PackageId;
use shinkofa_db::Connection;
use shinkofa_kernel::{Currency, TenantId};

use crate::db::schema::packages;

#[derive(Clone, Debug, Insertable, Queryable, Selectable)]
#[diesel(table_name = packages)]
pub(crate) struct Package {
    pub(crate) tenant_id: TenantId,
    pub(crate) id: PackageId,
    pub(crate) name: String,
    pub(crate) credits: i32,
    pub(crate) price_minor: i64,
    pub(crate) currency: Currency,
    pub(crate) validity_days: Option<i32>,
    pub(crate) created_at: DateTime<Utc>,
}

pub(crate) async fn insert(tx: &mut Connection, package: &Package) -> QueryResult<()> {
    diesel::insert_into(packages::table).values(package).execute(tx).await.map(drop)
}

pub(crate) async fn find(
    tx: &mut Connection,
    tenant: TenantId,
    id: PackageId,
) -> QueryResult<Option<Package>> {
    packages::table.find((tenant, id)).select(Package::as_select()).first(tx).await.optional()
}

/// Up to `most` packages after `after`, oldest first.
pub(crate) async fn page(
    tx: &mut Connection,
    tenant: TenantId,
    after: Option<PackageId>,
    most: i64,
) -> QueryResult<Vec<Package>> {
    let mut query = packages::table
        .filter(packages::tenant_id.eq(tenant))
        .order(packages::id)
        .limit(most)
        .select(Package::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(packages::id.gt(after));
    }
    query.load(tx).await
}

//! This service's own list of tenants.

use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl as _;
use shinkofa_contracts::auth::TenantChanged;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::TenantId;

/// A tenant as auth last described it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Tenant {
    #[diesel(sql_type = SqlUuid)]
    pub id: TenantId,
    #[diesel(sql_type = Text)]
    pub slug: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub domain: Option<String>,
    #[diesel(sql_type = Text)]
    pub time_zone: String,
}

prepared_query! {
    struct ListTenants { unused: bool as Bool }
    " SELECT id, slug, name, domain, time_zone FROM tenants ORDER BY id"
}

/// Every tenant there is, for work that goes through all of them one by one.
pub async fn tenants(tx: &mut Connection) -> diesel::QueryResult<Vec<Tenant>> {
    ListTenants { unused: true }.load(tx).await
}

prepared_query! {
    struct SaveTenant {
        tenant: TenantId as Uuid,
        new_slug: String as Text,
        new_name: String as Text,
        new_domain: Option<String> as Nullable<Text>,
        new_time_zone: String as Text,
    }
    " INSERT INTO tenants (id, slug, name, domain, time_zone)
    SELECT tenant, new_slug, new_name, new_domain, new_time_zone FROM input
    ON CONFLICT (id) DO UPDATE SET slug = excluded.slug, name = excluded.name, domain = excluded.domain,
        time_zone = excluded.time_zone"
}

pub(crate) async fn save_tenant(tx: &mut Connection, tenant: TenantChanged) -> diesel::QueryResult<()> {
    SaveTenant {
        tenant: tenant.tenant_id,
        new_slug: tenant.slug,
        new_name: tenant.name,
        new_domain: tenant.domain,
        new_time_zone: tenant.time_zone,
    }
    .execute(tx)
    .await
    .map(drop)
}

//! This service's own list of tenants, and of the roles that they made.

use diesel::QueryableByName;
use diesel::sql_types::{Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl as _;
use shinkofa_contracts::auth::{RoleChanged, TenantChanged, TenantStatus};
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
    #[diesel(sql_type = Text)]
    pub status: TenantStatus,
}

impl Tenant {
    pub fn is_open(&self) -> bool {
        self.status == TenantStatus::Active
    }

    /// The host that it has without a domain of its own.
    pub fn platform_host(&self, base_domain: &str) -> String {
        format!("{}.{base_domain}", self.slug)
    }
}

prepared_query! {
    struct ListTenants { unused: bool as Bool }
    " SELECT id, slug, name, domain, time_zone, status FROM tenants ORDER BY id"
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
        new_status: TenantStatus as Text,
    }
    " INSERT INTO tenants (id, slug, name, domain, time_zone, status)
    SELECT tenant, new_slug, new_name, new_domain, new_time_zone, new_status FROM input
    ON CONFLICT (id) DO UPDATE SET slug = excluded.slug, name = excluded.name, domain = excluded.domain,
        time_zone = excluded.time_zone, status = excluded.status"
}

prepared_query! {
    struct GiveUpDomain { tenant: TenantId as Uuid, new_domain: Option<String> as Nullable<Text> }
    " UPDATE tenants SET domain = NULL FROM input WHERE tenants.domain = new_domain AND tenants.id <> tenant"
}

pub(crate) async fn save_tenant(tx: &mut Connection, tenant: TenantChanged) -> diesel::QueryResult<()> {
    // A domain that went from one tenant to another may be told of in any order: whoever has it now is right.
    GiveUpDomain { tenant: tenant.tenant_id, new_domain: tenant.domain.clone() }.execute(tx).await?;
    SaveTenant {
        tenant: tenant.tenant_id,
        new_slug: tenant.slug,
        new_name: tenant.name,
        new_domain: tenant.domain,
        new_time_zone: tenant.time_zone,
        new_status: tenant.status,
    }
    .execute(tx)
    .await
    .map(drop)
}

/// A role that a tenant made itself.
#[derive(Clone, Debug, QueryableByName)]
pub(crate) struct TenantRole {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) for_tenant: TenantId,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Jsonb)]
    pub(crate) permissions: Names,
}

/// A list of names in a column.
#[derive(Clone, Debug, diesel::deserialize::FromSqlRow)]
pub(crate) struct Names(pub(crate) Vec<String>);

impl diesel::deserialize::FromSql<Jsonb, diesel::pg::Pg> for Names {
    fn from_sql(value: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
        let names =
            <serde_json::Value as diesel::deserialize::FromSql<Jsonb, diesel::pg::Pg>>::from_sql(value)?;
        Ok(Self(serde_json::from_value(names)?))
    }
}

prepared_query! {
    struct ListRoles { unused: bool as Bool }
    " SELECT for_tenant, name, permissions FROM tenant_roles"
}

pub(crate) async fn roles(tx: &mut Connection) -> diesel::QueryResult<Vec<TenantRole>> {
    ListRoles { unused: true }.load(tx).await
}

prepared_query! {
    struct SaveRole { tenant: TenantId as Uuid, role: String as Text, allowed: serde_json::Value as Jsonb }
    " INSERT INTO tenant_roles (for_tenant, name, permissions) SELECT tenant, role, allowed FROM input
    ON CONFLICT (for_tenant, name) DO UPDATE SET permissions = excluded.permissions"
}

prepared_query! {
    struct RemoveRole { tenant: TenantId as Uuid, role: String as Text }
    " DELETE FROM tenant_roles USING input WHERE for_tenant = tenant AND name = role"
}

/// Takes in what became of a tenant's own role. Auth does it in the transaction of the change, the others as they hear of it.
pub async fn save_role(tx: &mut Connection, role: &RoleChanged) -> diesel::QueryResult<()> {
    let (tenant, name) = (role.tenant_id, role.role.clone());
    if role.removed {
        return RemoveRole { tenant, role: name }.execute(tx).await.map(drop);
    }
    let allowed = serde_json::Value::from(role.permissions.clone());
    SaveRole { tenant, role: name, allowed }.execute(tx).await.map(drop)
}

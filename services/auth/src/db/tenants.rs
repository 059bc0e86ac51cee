//! Tenants: what every service knows of one, and what it decides for itself.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::RunQueryDsl;
use shinkofa_contracts::auth::TenantStatus;
use shinkofa_db::Connection;
use shinkofa_identity::Permission;
use shinkofa_kernel::{RealmId, Role, TenantId};
use shinkofa_web::Locale;

use super::schema::{role_permissions, roles, tenant_realms, tenant_settings};
use super::shared_tables::tenants;

#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Tenant {
    pub id: TenantId,
    pub slug: String,
    pub name: String,
    pub domain: Option<String>,
    /// IANA name.
    pub time_zone: String,
    pub status: TenantStatus,
    pub default_locale: Locale,
    pub self_sign_up: bool,
    /// Which version of the terms whoever signs up has to agree to, if any.
    pub terms_version: Option<String>,
    pub version: i64,
}

impl Tenant {
    pub fn is_open(&self) -> bool {
        self.status == TenantStatus::Active
    }
}

#[diesel::dsl::auto_type]
fn described() -> _ {
    tenants::table.inner_join(tenant_settings::table.on(tenant_settings::tenant_id.eq(tenants::id))).select((
        tenants::id,
        tenants::slug,
        tenants::name,
        tenants::domain,
        tenants::time_zone,
        tenants::status,
        tenant_settings::default_locale,
        tenant_settings::self_sign_up,
        tenant_settings::terms_version,
        tenant_settings::version,
    ))
}

/// A tenant whose rows the transaction sees.
pub async fn find(tx: &mut Connection, tenant: TenantId) -> QueryResult<Option<Tenant>> {
    described().filter(tenants::id.eq(tenant)).first(tx).await.optional()
}

/// The same, and nobody else changes it or who its admins are until the transaction ends.
pub async fn lock(tx: &mut Connection, tenant: TenantId) -> QueryResult<Option<Tenant>> {
    hold(tx, tenant).await?;
    find(tx, tenant).await
}

/// Makes those who change a tenant, or who its admins are, do it one after the other. Nobody who signs in waits for them.
pub async fn hold(tx: &mut Connection, tenant: TenantId) -> QueryResult<()> {
    let held = tenants::table.find(tenant).select(tenants::id).for_no_key_update();
    held.first::<TenantId>(tx).await.optional().map(drop)
}

/// Keeps a tenant open, where it is, until the transaction ends, beside others that do the same: a session that is just opened is not
/// missed by whoever closes it.
pub async fn hold_open(tx: &mut Connection, tenant: TenantId) -> QueryResult<()> {
    let held = tenants::table.find(tenant).select(tenants::id).for_key_share();
    held.first::<TenantId>(tx).await.optional().map(drop)
}

/// Waits for everybody who is just opening a session, and has those who come after wait until the transaction ends.
pub async fn hold_alone(tx: &mut Connection, tenant: TenantId) -> QueryResult<()> {
    let held = tenants::table.find(tenant).select(tenants::id).for_update();
    held.first::<TenantId>(tx).await.optional().map(drop)
}

pub async fn find_by_slug(tx: &mut Connection, slug: &str) -> QueryResult<Option<TenantId>> {
    tenants::table.filter(tenants::slug.eq(slug)).select(tenants::id).first(tx).await.optional()
}

pub async fn find_by_domain(tx: &mut Connection, domain: &str) -> QueryResult<Option<TenantId>> {
    tenants::table.filter(tenants::domain.eq(domain)).select(tenants::id).first(tx).await.optional()
}

/// Makes a tenant with its settings and everything that every tenant has: the system's roles with what they allow. The
/// transaction sees the new tenant's rows. False where the slug is taken.
pub async fn found(
    tx: &mut Connection,
    tenant: &Tenant,
    realm: RealmId,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let row = (
        tenants::id.eq(tenant.id),
        tenants::slug.eq(&tenant.slug),
        tenants::name.eq(&tenant.name),
        tenants::time_zone.eq(&tenant.time_zone),
        tenants::status.eq(tenant.status),
    );
    let insert = diesel::insert_into(tenants::table).values(row).on_conflict_do_nothing();
    if insert.execute(tx).await? == 0 {
        return Ok(false);
    }
    diesel::insert_into(tenant_realms::table)
        .values((tenant_realms::tenant_id.eq(tenant.id), tenant_realms::realm_id.eq(realm)))
        .execute(tx)
        .await?;
    diesel::insert_into(tenant_settings::table)
        .values((
            tenant_settings::tenant_id.eq(tenant.id),
            tenant_settings::default_locale.eq(tenant.default_locale),
            tenant_settings::self_sign_up.eq(tenant.self_sign_up),
            tenant_settings::terms_version.eq(tenant.terms_version.as_deref()),
            tenant_settings::version.eq(tenant.version),
            tenant_settings::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    seed_roles(tx, tenant.id).await?;
    Ok(true)
}

async fn seed_roles(tx: &mut Connection, tenant: TenantId) -> QueryResult<()> {
    let system: Vec<_> = Role::ALL
        .iter()
        .map(|role| (roles::tenant_id.eq(tenant), roles::name.eq(role.as_str()), roles::system.eq(true)))
        .collect();
    diesel::insert_into(roles::table).values(system).execute(tx).await?;
    let held: Vec<_> = Permission::ALL
        .iter()
        .flat_map(|permission| permission.holders().iter().map(move |role| (role, permission)))
        .map(|(role, permission)| {
            (
                role_permissions::tenant_id.eq(tenant),
                role_permissions::role.eq(role.as_str()),
                role_permissions::permission.eq(permission.as_str()),
            )
        })
        .collect();
    diesel::insert_into(role_permissions::table).values(held).execute(tx).await.map(drop)
}

/// Writes a tenant that was locked, under its next version. False where another tenant has the domain.
pub async fn save(tx: &mut Connection, tenant: &Tenant, now: DateTime<Utc>) -> QueryResult<bool> {
    let saved = diesel::update(tenants::table.find(tenant.id))
        .set((
            tenants::name.eq(&tenant.name),
            tenants::domain.eq(tenant.domain.as_deref()),
            tenants::time_zone.eq(&tenant.time_zone),
            tenants::status.eq(tenant.status),
        ))
        .execute(tx)
        .await;
    match saved {
        // The transaction is of no use after it: the caller ends it with a refusal.
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => return Ok(false),
        saved => saved?,
    };
    diesel::update(tenant_settings::table.find(tenant.id))
        .set((
            tenant_settings::default_locale.eq(tenant.default_locale),
            tenant_settings::self_sign_up.eq(tenant.self_sign_up),
            tenant_settings::terms_version.eq(tenant.terms_version.as_deref()),
            tenant_settings::version.eq(tenant.version),
            tenant_settings::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(true)
}

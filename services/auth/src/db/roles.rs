//! A tenant's roles: the system's own, and those that it made.

use std::collections::BTreeMap;

use diesel::QueryResult;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_identity::Permission;
use shinkofa_kernel::TenantId;

use super::schema::{invitation_roles, invitations, role_permissions, roles};
use crate::domain::authority::allows_anything;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRole {
    pub name: String,
    pub system: bool,
    pub permissions: Vec<Permission>,
}

impl TenantRole {
    /// Does it allow anything that not everybody may?
    pub fn weighs(&self) -> bool {
        allows_anything(&self.name, &self.permissions)
    }
}

type Row = (String, bool, Option<String>);

#[diesel::dsl::auto_type]
fn permissions_of_role() -> _ {
    role_permissions::tenant_id.eq(roles::tenant_id).and(role_permissions::role.eq(roles::name))
}

/// Every role of a tenant in the order of their names.
pub async fn list(tx: &mut Connection, tenant: TenantId) -> QueryResult<Vec<TenantRole>> {
    let rows: Vec<Row> = roles::table
        .left_join(role_permissions::table.on(permissions_of_role()))
        .filter(roles::tenant_id.eq(tenant))
        .order((roles::name, role_permissions::permission))
        .select((roles::name, roles::system, role_permissions::permission.nullable()))
        .load(tx)
        .await?;
    Ok(grouped(rows))
}

/// Those of these roles that there are. None of them is removed until the transaction ends.
pub async fn hold(tx: &mut Connection, tenant: TenantId, names: &[String]) -> QueryResult<Vec<TenantRole>> {
    let held: Vec<String> = roles::table
        .filter(roles::tenant_id.eq(tenant).and(roles::name.eq_any(names)))
        .order(roles::name)
        .select(roles::name)
        .for_key_share()
        .load(tx)
        .await?;
    let all = list(tx, tenant).await?;
    Ok(all.into_iter().filter(|role| held.contains(&role.name)).collect())
}

/// One role, which nobody else changes until the transaction ends.
pub async fn lock(tx: &mut Connection, tenant: TenantId, name: &str) -> QueryResult<Option<TenantRole>> {
    let locked = roles::table.find((tenant, name)).select(roles::name).for_update();
    let Some(locked) = locked.first::<String>(tx).await.optional()? else { return Ok(None) };
    let all = list(tx, tenant).await?;
    Ok(all.into_iter().find(|role| role.name == locked))
}

fn grouped(rows: Vec<Row>) -> Vec<TenantRole> {
    let mut by_name: BTreeMap<String, TenantRole> = BTreeMap::new();
    for (name, system, permission) in rows {
        let role =
            by_name.entry(name.clone()).or_insert(TenantRole { name, system, permissions: Vec::new() });
        role.permissions.extend(permission.and_then(|permission| Permission::named(&permission)));
    }
    by_name.into_values().collect()
}

/// Makes a role that allows nothing yet. False where there is one of this name.
pub async fn insert(tx: &mut Connection, tenant: TenantId, name: &str) -> QueryResult<bool> {
    let inserted = diesel::insert_into(roles::table)
        .values((roles::tenant_id.eq(tenant), roles::name.eq(name), roles::system.eq(false)))
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    Ok(inserted == 1)
}

/// Lets a role allow exactly these.
pub async fn set_permissions(
    tx: &mut Connection,
    (tenant, name): (TenantId, &str),
    permissions: &[Permission],
) -> QueryResult<()> {
    let theirs = role_permissions::tenant_id.eq(tenant).and(role_permissions::role.eq(name));
    diesel::delete(role_permissions::table.filter(theirs)).execute(tx).await?;
    let rows: Vec<_> = permissions
        .iter()
        .map(|permission| {
            (
                role_permissions::tenant_id.eq(tenant),
                role_permissions::role.eq(name),
                role_permissions::permission.eq(permission.as_str()),
            )
        })
        .collect();
    diesel::insert_into(role_permissions::table).values(rows).execute(tx).await.map(drop)
}

/// Removes a role that was locked. False where somebody has it, or an open invitation promises it.
pub async fn delete(
    tx: &mut Connection,
    (tenant, name): (TenantId, &str),
    now: chrono::DateTime<chrono::Utc>,
) -> QueryResult<bool> {
    let over = invitations::table
        .filter(invitations::tenant_id.eq(tenant))
        .filter(
            invitations::revoked_at
                .is_not_null()
                .or(invitations::expires_at.le(now))
                .or(invitations::uses.ge(invitations::most_uses)),
        )
        .select(invitations::id);
    let promised_once = invitation_roles::tenant_id
        .eq(tenant)
        .and(invitation_roles::role.eq(name))
        .and(invitation_roles::invitation_id.eq_any(over));
    diesel::delete(invitation_roles::table.filter(promised_once)).execute(tx).await?;
    match diesel::delete(roles::table.find((tenant, name))).execute(tx).await {
        // The transaction is of no use after it: the caller ends it with a refusal.
        Err(DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => Ok(false),
        deleted => deleted.map(|_| true),
    }
}

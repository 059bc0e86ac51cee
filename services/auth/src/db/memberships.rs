//! Who is what in a tenant.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, Role, TenantId, Tier, UserId};

use super::schema::{membership_roles, memberships};
use crate::domain::account::MembershipStatus;

/// Somebody's place in a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub status: MembershipStatus,
    pub tier: Tier,
    /// In the order of the roles themselves.
    pub roles: Vec<Role>,
}

impl Membership {
    pub fn is_active(&self) -> bool {
        self.status == MembershipStatus::Active
    }
}

#[derive(Insertable)]
#[diesel(table_name = memberships)]
struct NewMembership {
    tenant_id: TenantId,
    user_id: UserId,
    realm_id: RealmId,
    status: MembershipStatus,
    tier: Tier,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

pub async fn find(tx: &mut Connection, tenant: TenantId, user: UserId) -> QueryResult<Option<Membership>> {
    let rows = memberships::table
        .left_join(membership_roles::table.on(roles_of_membership()))
        .filter(memberships::tenant_id.eq(tenant).and(memberships::user_id.eq(user)))
        .select((memberships::status, memberships::tier, membership_roles::role.nullable()))
        .load(tx)
        .await?;
    Ok(membership(rows))
}

/// The membership in whichever tenant the transaction sees.
pub async fn here(tx: &mut Connection, user: UserId) -> QueryResult<Option<Membership>> {
    let rows = memberships::table
        .left_join(membership_roles::table.on(roles_of_membership()))
        .filter(memberships::user_id.eq(user))
        .select((memberships::status, memberships::tier, membership_roles::role.nullable()))
        .load(tx)
        .await?;
    Ok(membership(rows))
}

#[diesel::dsl::auto_type]
fn roles_of_membership() -> _ {
    membership_roles::tenant_id
        .eq(memberships::tenant_id)
        .and(membership_roles::user_id.eq(memberships::user_id))
}

fn membership(rows: Vec<(MembershipStatus, Tier, Option<String>)>) -> Option<Membership> {
    let (status, tier, _) = rows.as_slice().first().cloned()?;
    // A tenant's own roles are not the system's: a token does not carry them.
    let mut roles: Vec<Role> = rows.into_iter().filter_map(|(_, _, role)| role?.parse().ok()).collect();
    roles.sort_unstable();
    Some(Membership { status, tier, roles })
}

/// Makes somebody an active member, unless they belong to the tenant already.
pub async fn join(
    tx: &mut Connection,
    (tenant, realm, user): (TenantId, RealmId, UserId),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let membership = NewMembership {
        tenant_id: tenant,
        user_id: user,
        realm_id: realm,
        status: MembershipStatus::Active,
        tier: Tier::Free,
        created_at: now,
        updated_at: now,
    };
    diesel::insert_into(memberships::table)
        .values(membership)
        .on_conflict_do_nothing()
        .execute(tx)
        .await
        .map(drop)
}

/// Gives a member exactly these roles.
pub async fn set_roles(
    tx: &mut Connection,
    tenant: TenantId,
    user: UserId,
    roles: &[Role],
) -> QueryResult<()> {
    let theirs = membership_roles::tenant_id.eq(tenant).and(membership_roles::user_id.eq(user));
    diesel::delete(membership_roles::table.filter(theirs)).execute(tx).await?;
    let rows: Vec<_> = roles
        .iter()
        .map(|role| {
            (
                membership_roles::tenant_id.eq(tenant),
                membership_roles::user_id.eq(user),
                membership_roles::role.eq(role.as_str()),
            )
        })
        .collect();
    diesel::insert_into(membership_roles::table).values(rows).execute(tx).await.map(drop)
}

/// Keeps these members as they are until the transaction ends. Always in one order, so that two who meet do not wait for
/// each other for ever.
pub async fn hold(tx: &mut Connection, tenant: TenantId, users: &[UserId]) -> QueryResult<()> {
    memberships::table
        .filter(memberships::tenant_id.eq(tenant).and(memberships::user_id.eq_any(users.iter().copied())))
        .order(memberships::user_id)
        .select(memberships::user_id)
        .for_update()
        .load::<UserId>(tx)
        .await
        .map(drop)
}

/// Is somebody else an active admin here?
pub async fn has_another_admin(tx: &mut Connection, tenant: TenantId, user: UserId) -> QueryResult<bool> {
    let others = memberships::table
        .inner_join(membership_roles::table.on(roles_of_membership()))
        .filter(memberships::tenant_id.eq(tenant).and(memberships::user_id.ne(user)))
        .filter(memberships::status.eq(MembershipStatus::Active))
        .filter(membership_roles::role.eq(Role::Admin.as_str()));
    diesel::select(diesel::dsl::exists(others)).get_result(tx).await
}

/// The active admins of a tenant.
pub async fn admins(tx: &mut Connection, tenant: TenantId) -> QueryResult<Vec<UserId>> {
    memberships::table
        .inner_join(membership_roles::table.on(roles_of_membership()))
        .filter(memberships::tenant_id.eq(tenant).and(memberships::status.eq(MembershipStatus::Active)))
        .filter(membership_roles::role.eq(Role::Admin.as_str()))
        .order(memberships::user_id)
        .select(memberships::user_id)
        .load(tx)
        .await
}

/// Moves a membership from one status to another, if it has the first.
pub async fn change_status(
    tx: &mut Connection,
    (tenant, user): (TenantId, UserId),
    (from, to): (MembershipStatus, MembershipStatus),
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let unmoved = memberships::table.find((tenant, user)).filter(memberships::status.eq(from));
    let moved = diesel::update(unmoved)
        .set((memberships::status.eq(to), memberships::updated_at.eq(now)))
        .execute(tx)
        .await?;
    Ok(moved == 1)
}

/// Ends the membership in whichever tenant the transaction sees.
pub async fn remove_here(tx: &mut Connection, user: UserId) -> QueryResult<()> {
    diesel::delete(memberships::table.filter(memberships::user_id.eq(user))).execute(tx).await.map(drop)
}

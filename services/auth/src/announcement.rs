//! What the other services hear about an account or a tenant, recorded in the transaction that makes it true.

use diesel::QueryResult;
use shinkofa_contracts::auth::{MembershipChanged, PersonalContact, RoleChanged, TenantChanged, UserChanged};
use shinkofa_db::Connection;
use shinkofa_feed::{Occurrence, append};
use shinkofa_identity::Permission;
use shinkofa_kernel::{Tier, UserId};
use shinkofa_runtime::save_role;

use crate::db::audit::Trail;
use crate::db::memberships::{self, Membership};
use crate::db::tenants::Tenant;
use crate::db::users::{self, Account};
use crate::domain::account::MembershipStatus;

impl Trail {
    /// The circumstances of an event are those of the entry beside it.
    pub fn occurrence(&self) -> Occurrence<'_> {
        Occurrence { clock: &self.clock, tenant: Some(self.tenant), actor: self.actor.clone() }
    }
}

impl Account {
    pub fn contact(&self) -> PersonalContact {
        PersonalContact { email: self.email.clone(), name: self.name.clone() }
    }
}

/// In the trail's tenant, and in every other that the person is anything in: each has an address book of its own, and none knows whom it
/// has no more than a place for.
pub async fn announce_account(tx: &mut Connection, trail: &Trail, account: &Account) -> QueryResult<()> {
    announce_account_here(tx, trail, account).await?;
    for belonging in memberships::everywhere(tx, account.id).await? {
        if belonging.tenant != trail.tenant && belonging.status != MembershipStatus::Invited {
            let there = Trail { tenant: belonging.tenant, ..trail.clone() };
            announce_account_here(tx, &there, account).await?;
        }
    }
    Ok(())
}

/// In the trail's tenant alone: for somebody who came into it.
pub async fn announce_account_here(tx: &mut Connection, trail: &Trail, account: &Account) -> QueryResult<()> {
    let changed = UserChanged {
        user_id: account.id,
        locale: account.locale,
        email_verified: account.email_verified_at.is_some(),
    };
    append(tx, &trail.occurrence(), account.id.as_uuid(), &changed, Some(&account.contact())).await.map(drop)
}

/// Nobody whose account is suspended is active anywhere, whatever the tenant thinks of them.
pub async fn announce_membership(
    tx: &mut Connection,
    trail: &Trail,
    user: UserId,
    membership: &Membership,
) -> QueryResult<()> {
    let changed = MembershipChanged {
        user_id: user,
        roles: membership.roles.clone(),
        tier: membership.tier,
        active: membership.belongs() && !users::is_suspended_here(tx, user).await?,
    };
    append(tx, &trail.occurrence(), user.as_uuid(), &changed, None).await.map(drop)
}

/// Somebody is no member any more.
pub async fn announce_departure(
    tx: &mut Connection,
    trail: &Trail,
    user: UserId,
    tier: Tier,
) -> QueryResult<()> {
    let changed = MembershipChanged { user_id: user, roles: Vec::new(), tier, active: false };
    append(tx, &trail.occurrence(), user.as_uuid(), &changed, None).await.map(drop)
}

/// What every service knows of the trail's tenant.
pub async fn announce_tenant(tx: &mut Connection, trail: &Trail, tenant: &Tenant) -> QueryResult<()> {
    let changed = TenantChanged {
        tenant_id: tenant.id,
        slug: tenant.slug.clone(),
        name: tenant.name.clone(),
        domain: tenant.domain.clone(),
        time_zone: tenant.time_zone.clone(),
        status: tenant.status,
    };
    append(tx, &trail.occurrence(), tenant.id.as_uuid(), &changed, None).await.map(drop)
}

/// What a role of the trail's tenant allows from now on, or that it is gone. This service's own list knows it in the same
/// transaction.
pub async fn announce_role(
    tx: &mut Connection,
    trail: &Trail,
    (role, permissions): (&str, &[Permission]),
    becomes: Becomes,
) -> QueryResult<()> {
    let changed = RoleChanged {
        tenant_id: trail.tenant,
        role: role.to_owned(),
        permissions: permissions.iter().map(|permission| permission.as_str().to_owned()).collect(),
        removed: becomes == Becomes::Removed,
    };
    save_role(tx, &changed).await?;
    append(tx, &trail.occurrence(), trail.tenant.as_uuid(), &changed, None).await.map(drop)
}

/// What has become of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    Defined,
    Removed,
}

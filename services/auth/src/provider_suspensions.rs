//! Whom an identity provider says to be inactive: suspensions of its own, beside those of the staff.
//!
//! Each ends their own alone. A suspension is the provider's where the moment of the lock is the one that it is remembered by.

use chrono::{DateTime, Utc};
use serde_json::json;
use shinkofa_db::Connection;
use shinkofa_identity::{CurrentActor, Permission};
use shinkofa_kernel::{Actor, TenantId, UserId};
use shinkofa_web::{Fault, Problem};

use crate::Auth;
use crate::announcement::announce_membership;
use crate::db::memberships::Membership;
use crate::db::{members, memberships, scim_users, service_accounts};
use crate::domain::account::MembershipStatus;
use crate::domain::administration::{Reason, may_manage};
use crate::domain::audit::AuditAction;
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::key_scopes::brought;
use crate::withdrawal::end_sessions;

/// What staff and the member are told of a suspension by the provider.
pub fn reason() -> Result<Reason, Error> {
    let reason = Reason::try_from("Deactivated by the studio's identity provider".to_owned());
    Ok(reason.map_err(Fault::unexpected)?)
}

/// Whoever was invited and became a member, by whichever way, is known to have. Whom the provider meanwhile wants inactive is
/// suspended at once.
pub async fn recognise(tx: &mut Connection, auth: &Auth, tenant: TenantId) -> Result<(), Error> {
    for known in scim_users::recognise(tx, (tenant, auth.realm)).await? {
        if let Some(by) = known.unwanted_by {
            suspend(tx, auth, (tenant, known.user_id), by).await?;
        }
    }
    Ok(())
}

/// Suspends somebody who has just joined. What they may be signed in on here ends everywhere with the feed of revocations.
async fn suspend(
    tx: &mut Connection,
    auth: &Auth,
    (tenant, user): (TenantId, UserId),
    by: UserId,
) -> Result<(), Error> {
    let member = memberships::find(tx, tenant, user).await?.ok_or_else(Problem::not_found)?;
    if !may_manage(&[], &member.authority().weight()) {
        // Whom staff made more than a plain member is no provider's to change, whatever it said before.
        return Ok(scim_users::set_standing(tx, (tenant, user), (None, None)).await?);
    }
    let now = auth.platform.clock.now();
    let (active, suspended) = (MembershipStatus::Active, MembershipStatus::Suspended);
    if !memberships::change_status(tx, (tenant, user), (active, suspended), now).await? {
        return Ok(());
    }
    members::note_lock(tx, (tenant, user), (&reason()?, by), now).await?;
    scim_users::set_standing(tx, (tenant, user), (Some(by), Some(now))).await?;
    let trail = auth.trail(tenant, Actor::service("auth"));
    let ended = end_sessions(tx, auth, &trail, user, SessionEnd::Locked).await?;
    trail.user(tx, AuditAction::MembershipLocked, user, json!({ "endedSessions": ended.len() })).await?;
    let membership = memberships::find(tx, tenant, user).await?.ok_or_else(Problem::not_found)?;
    announce_membership(tx, &trail, user, &membership).await?;
    Ok(())
}

/// Is somebody suspended, and by the provider, which did it at `deactivated_at`?
pub async fn is_own(
    tx: &mut Connection,
    auth: &Auth,
    (tenant, user): (TenantId, UserId),
    deactivated_at: Option<DateTime<Utc>>,
) -> Result<bool, Error> {
    let locked_at = locked_at(tx, auth, tenant, user).await?;
    Ok(deactivated_at.is_some() && locked_at == deactivated_at)
}

pub async fn locked_at(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    user: UserId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let member = members::find(tx, (tenant, auth.realm, user)).await?;
    Ok(member.and_then(|member| member.locked_at))
}

/// Makes a suspension by the provider the staff's, for a reason of theirs. [`Error::NotActive`] where there is none.
pub async fn take_over(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (user, reason): (UserId, &Reason),
) -> Result<(), Error> {
    let tenant = actor.tenant_id;
    let deactivated_at = scim_users::deactivated_at(tx, tenant, user).await?;
    if !is_own(tx, auth, (tenant, user), deactivated_at).await? {
        return Err(Error::NotActive);
    }
    members::forget_lock(tx, tenant, user).await?;
    members::note_lock(tx, (tenant, user), (reason, actor.user_id), auth.platform.clock.now()).await?;
    scim_users::forget_suspension(tx, tenant, user).await?;
    let trail = auth.trail(tenant, actor.actor());
    Ok(trail.user(tx, AuditAction::MembershipLocked, user, json!({ "endedSessions": 0 })).await?)
}

/// Whom the provider says to be inactive, it alone lets in again, or an admin in its place. What it said counts as long as there is
/// a program that could say otherwise, and not of whom staff have made more than a plain member: else it is forgotten.
pub async fn require_wanted(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    (user, member): (UserId, &Membership),
) -> Result<(), Error> {
    let is_its_own = may_manage(&[], &member.authority().weight());
    if is_its_own && scim_users::is_unwanted(tx, tenant, user).await? {
        for (scopes, maker) in service_accounts::keys_in_use(tx, tenant, auth.platform.clock.now()).await? {
            let brings = brought(tx, auth, tenant, (&scopes, maker)).await?;
            if brings.is_some_and(|scopes| scopes.holds(Permission::ManageProvisioning)) {
                return Err(Error::DeactivatedByProvider);
            }
        }
    }
    Ok(scim_users::set_standing(tx, (tenant, user), (None, None)).await?)
}

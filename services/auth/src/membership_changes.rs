//! What staff change of a membership, and how one ends.

use serde_json::json;
use shinkofa_db::Connection;
use shinkofa_identity::{CurrentActor, Grants, permissions::ManageMembers};
use shinkofa_kernel::{Role, SessionId, UserId};
use shinkofa_web::Problem;

use crate::Auth;
use crate::announcement::{announce_departure, announce_membership};
use crate::authority::require_recent_authority;
use crate::db::audit::Trail;
use crate::db::memberships::{self, Membership};
use crate::db::roles::TenantRole;
use crate::db::{roles, tenants, users};
use crate::domain::account::AccountKind;
use crate::domain::administration::may_manage;
use crate::domain::api_key::KeyEnd;
use crate::domain::audit::AuditAction;
use crate::domain::authority::Authority;
use crate::domain::session::SessionEnd;
use crate::domain::tenant::RoleNames;
use crate::error::Error;
use crate::key_revocation::{revoke_keys_made_by, revoke_keys_of_demoted};
use crate::withdrawal::end_sessions;

/// The caller, who showed lately who they are, and the member. Both stay as they are until the transaction ends: two admins who
/// lock each other out at the same moment do not both succeed.
pub async fn caller_and_member<P: Grants>(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    user: UserId,
) -> Result<(Membership, Membership), Error> {
    memberships::hold(tx, actor.tenant_id, &[actor.user_id, user]).await?;
    let (_, own) = require_recent_authority::<P>(tx, auth, actor).await?;
    let member = memberships::find(tx, actor.tenant_id, user).await?.ok_or_else(Problem::not_found)?;
    Ok((own, member))
}

/// The caller, who showed lately who they are, and the member whose roles they may change, their own among them. Who the
/// admins of a tenant are is changed one change after the other, so that two of them cannot each rely on the other and both go.
pub async fn changeable(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    user: UserId,
) -> Result<(Membership, Membership), Error> {
    tenants::hold(tx, actor.tenant_id).await?;
    let (own, member) = caller_and_member::<ManageMembers>(tx, auth, actor, user).await?;
    require_person(tx, auth, user).await?;
    require_manageable(&own, &member)?;
    Ok((own, member))
}

/// [`Error::CannotManage`] for a service account, which has operations and a permission of its own.
pub async fn require_person(tx: &mut Connection, auth: &Auth, user: UserId) -> Result<(), Error> {
    match users::find(tx, auth.realm, user).await? {
        Some(account) if account.kind == AccountKind::Service => Err(Error::CannotManage),
        _ => Ok(()),
    }
}

/// [`Error::CannotManage`] where the member weighs as much as the caller.
pub fn require_manageable(own: &Membership, member: &Membership) -> Result<(), Error> {
    let manages = may_manage(&own.authority().weight(), &member.authority().weight());
    if manages { Ok(()) } else { Err(Error::CannotManage) }
}

/// The roles of these names, which stay until the transaction ends; 422 where the tenant has no such role.
pub async fn named_roles(
    tx: &mut Connection,
    trail: &Trail,
    names: &RoleNames,
) -> Result<Vec<TenantRole>, Error> {
    let found = roles::hold(tx, trail.tenant, names.as_slice()).await?;
    if found.len() == names.as_slice().len() {
        Ok(found)
    } else {
        Err(Problem::invalid_field("/roles", "names a role that there is not").into())
    }
}

/// [`Error::RaisesAbove`] where one of these roles is more than somebody may give.
pub fn require_grantable<'a>(
    authority: Authority<'_>,
    roles: impl IntoIterator<Item = &'a TenantRole>,
) -> Result<(), Error> {
    let grantable = |role: &TenantRole| authority.may_grant(&role.name, &role.permissions);
    if roles.into_iter().all(grantable) { Ok(()) } else { Err(Error::RaisesAbove) }
}

/// Gives a member exactly these roles. Whoever loses one is signed out: their tokens say too much. Whoever may not make keys any
/// more knows none that is good.
pub async fn set_roles(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (user, member): (UserId, &Membership),
    roles: &[String],
) -> Result<Vec<SessionId>, Error> {
    let before = member.role_names();
    let loses = before.iter().any(|role| !roles.contains(role));
    if !loses && before.len() == roles.len() {
        return Ok(Vec::new());
    }
    let demoted =
        member.roles.contains(&Role::Admin) && !roles.iter().any(|role| role == Role::Admin.as_str());
    if demoted {
        require_another_admin(tx, trail, user).await?;
    }
    memberships::set_named_roles(tx, trail.tenant, user, roles).await?;
    let mut ended =
        if loses { end_sessions(tx, auth, trail, user, SessionEnd::RolesChanged).await? } else { Vec::new() };
    let details = json!({ "roles": roles, "endedSessions": ended.len() });
    trail.user(tx, AuditAction::RolesSet, user, details).await?;
    let membership = memberships::find(tx, trail.tenant, user).await?.ok_or_else(Problem::not_found)?;
    announce_membership(tx, trail, user, &membership).await?;
    ended.extend(revoke_keys_of_demoted(tx, auth, trail, (user, &membership)).await?);
    Ok(ended)
}

/// A tenant is never left without somebody who administers it.
pub async fn require_another_admin(tx: &mut Connection, trail: &Trail, user: UserId) -> Result<(), Error> {
    if memberships::has_another_admin(tx, trail.tenant, user).await? { Ok(()) } else { Err(Error::LastAdmin) }
}

/// Ends a membership, everything that the person is signed in on here, and the keys that they made.
pub async fn end_membership(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (user, member): (UserId, &Membership),
    action: AuditAction,
) -> Result<Vec<SessionId>, Error> {
    if member.roles.contains(&Role::Admin) {
        require_another_admin(tx, trail, user).await?;
    }
    let mut ended = end_sessions(tx, auth, trail, user, SessionEnd::MembershipEnded).await?;
    memberships::remove(tx, trail.tenant, user).await?;
    trail.user(tx, action, user, json!({ "endedSessions": ended.len() })).await?;
    announce_departure(tx, trail, user, member.tier).await?;
    ended.extend(revoke_keys_made_by(tx, auth, trail, &[user], KeyEnd::MakerLeft).await?);
    Ok(ended)
}

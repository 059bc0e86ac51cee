//! `POST /api/admin/users/{userId}/lock`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageUsers;
use shinkofa_identity::{CurrentActor, Grants, RequirePermission};
use shinkofa_kernel::{Role, SessionId, UserId};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, Problem, ProblemDocument, RateRefusal,
    Unavailability,
};
use utoipa::ToSchema;

use crate::announcement::announce_membership;
use crate::db::memberships::{self, Membership};
use crate::db::{members, tenants};
use crate::domain::account::MembershipStatus;
use crate::domain::administration::Reason;
use crate::domain::api_key::KeyEnd;
use crate::domain::audit::AuditAction;
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::key_revocation::revoke_keys_made_by;
use crate::membership_changes::{
    caller_and_member, require_another_admin, require_manageable, require_person,
};
use crate::provider_suspensions::take_over;
use crate::withdrawal::{end_sessions, forget_here};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockRequest {
    /// Shown to staff, and to the member in a copy of their data.
    #[schema(value_type = String, min_length = 3, max_length = 500, example = "Chargebacks under investigation")]
    pub reason: Reason,
}

/// Lock a member out
///
/// Suspends the membership in this tenant and ends what the member is signed in on here: no way of signing in works until it is
/// unlocked. The keys of service accounts that they made are revoked for good. What they are in other tenants is not touched. Only an
/// admin can lock an admin or a manager, and nobody themselves. A service account is disabled instead (`cannot_manage`). A suspension
/// by the studio's identity provider becomes the caller's, with their reason.
#[utoipa::path(
    tag = "administration",
    security(("bearer" = [])),
    params(("userId" = UserId, Path)),
    request_body = LockRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required` among others: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`not_active`, `own_account` or `last_admin`"),
    ),
)]
#[post("/api/admin/users/{userId}/lock")]
pub async fn lock_user(
    caller: RequirePermission<ManageUsers>,
    auth: web::Data<Auth>,
    user: Path<UserId>,
    body: Body<LockRequest>,
) -> Result<HttpResponse, Error> {
    let (actor, user, Body(LockRequest { reason })) = (caller.actor, user.0, body);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "lock_user", async |tx| {
        lock::<ManageUsers>(tx, &auth, &actor, user, &reason).await
    })
    .await?;
    forget_here(&auth, &ended);
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

/// The same for whoever may do it by the permission `P`.
pub async fn lock<P: Grants>(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    user: UserId,
    reason: &Reason,
) -> Result<Vec<SessionId>, Error> {
    let now = auth.platform.clock.now();
    let tenant = actor.tenant_id;
    // Who the admins are is changed one change after the other.
    tenants::hold(tx, tenant).await?;
    let (_, member) = manageable::<P>(tx, auth, actor, user).await?;
    let (active, suspended) = (MembershipStatus::Active, MembershipStatus::Suspended);
    if !memberships::change_status(tx, (tenant, user), (active, suspended), now).await? {
        take_over(tx, auth, actor, (user, reason)).await?;
        return Ok(Vec::new());
    }
    members::note_lock(tx, (tenant, user), (reason, actor.user_id), now).await?;
    let trail = auth.trail(tenant, actor.actor());
    // The caller may have asked to be forgotten.
    if member.roles.contains(&Role::Admin) {
        require_another_admin(tx, &trail, user).await?;
    }
    let mut ended = end_sessions(tx, auth, &trail, user, SessionEnd::Locked).await?;
    let details = json!({ "endedSessions": ended.len() });
    trail.user(tx, AuditAction::MembershipLocked, user, details).await?;
    let membership = memberships::find(tx, tenant, user).await?.ok_or_else(Problem::not_found)?;
    announce_membership(tx, &trail, user, &membership).await?;
    ended.extend(revoke_keys_made_by(tx, auth, &trail, &[user], KeyEnd::MakerLocked).await?);
    Ok(ended)
}

/// The caller and the member, a person whom the caller may manage. Both stay as they are until the transaction ends.
pub async fn manageable<P: Grants>(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    user: UserId,
) -> Result<(Membership, Membership), Error> {
    let (own, member) = caller_and_member::<P>(tx, auth, actor, user).await?;
    if user == actor.user_id {
        return Err(Error::OwnAccount);
    }
    require_person(tx, auth, user).await?;
    require_manageable(&own, &member)?;
    Ok((own, member))
}

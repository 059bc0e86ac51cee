//! `POST /api/admin/users/{userId}/unlock`

use actix_web::{HttpResponse, post, web};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageUsers;
use shinkofa_identity::{CurrentActor, Grants, RequirePermission};
use shinkofa_kernel::UserId;
use shinkofa_web::{
    CallerRefusals, NotFoundRefusal, Path, Problem, ProblemDocument, RateRefusal, Unavailability,
};

use super::lock_user::manageable;
use crate::announcement::announce_membership;
use crate::db::{members, memberships};
use crate::domain::account::MembershipStatus;
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::provider_suspensions::require_wanted;
use crate::{Auth, limits};

/// Unlock a member
///
/// The membership is active again, with the roles it had. They sign in anew. Whom the studio's identity provider deactivated is let in
/// again by it, and by staff once no service account with a good key may provision.
#[utoipa::path(
    tag = "administration",
    security(("bearer" = [])),
    params(("userId" = UserId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required` among others: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`not_locked`, `own_account` or `deactivated_by_provider`: it says that they are not to be active"),
    ),
)]
#[post("/api/admin/users/{userId}/unlock")]
pub async fn unlock_user(
    caller: RequirePermission<ManageUsers>,
    auth: web::Data<Auth>,
    user: Path<UserId>,
) -> Result<HttpResponse, Error> {
    let (actor, user) = (caller.actor, user.0);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "unlock_user", async |tx| {
        unlock::<ManageUsers>(tx, &auth, &actor, user).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

/// The same for whoever may do it by the permission `P`.
pub async fn unlock<P: Grants>(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    user: UserId,
) -> Result<(), Error> {
    let (_, member) = manageable::<P>(tx, auth, actor, user).await?;
    require_wanted(tx, auth, actor.tenant_id, (user, &member)).await?;
    end_suspension(tx, auth, actor, user).await
}

/// Ends the suspension of somebody whom the transaction holds, and whom the caller may manage.
pub async fn end_suspension(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    user: UserId,
) -> Result<(), Error> {
    let tenant = actor.tenant_id;
    let (suspended, active) = (MembershipStatus::Suspended, MembershipStatus::Active);
    let now = auth.platform.clock.now();
    if !memberships::change_status(tx, (tenant, user), (suspended, active), now).await? {
        return Err(Error::NotLocked);
    }
    members::forget_lock(tx, tenant, user).await?;
    let trail = auth.trail(tenant, actor.actor());
    trail.user(tx, AuditAction::MembershipUnlocked, user, json!({})).await?;
    let membership = memberships::find(tx, tenant, user).await?.ok_or_else(Problem::not_found)?;
    announce_membership(tx, &trail, user, &membership).await?;
    Ok(())
}

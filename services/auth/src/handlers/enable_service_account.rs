//! `POST /api/tenants/service-accounts/{id}/enable`

use actix_web::{HttpResponse, post, web};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageServiceAccounts;
use shinkofa_identity::{CurrentActor, RequirePermission, RequireStepUp};
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability};

use crate::announcement::announce_membership;
use crate::db::audit::Trail;
use crate::db::{members, memberships, service_accounts};
use crate::domain::account::MembershipStatus;
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::liveness::require_stepped_up;
use crate::service_account_view::{managed_alone, require_held};
use crate::{Auth, limits};

/// Enable a service account again
///
/// Its live keys bring tokens again. Repeating it changes nothing.
#[utoipa::path(
    tag = "service accounts",
    security(("bearer" = [])),
    params(("id" = UserId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`permission_denied`, `scope_not_held`, or `step_up_required`: see `www-authenticate`"),
    ),
)]
#[post("/api/tenants/service-accounts/{id}/enable")]
pub async fn enable_service_account(
    auth: web::Data<Auth>,
    _permission: RequirePermission<ManageServiceAccounts>,
    RequireStepUp { actor }: RequireStepUp,
    Path(id): Path<UserId>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::SERVICE_ACCOUNTS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "enable_service_account", async |tx| {
        enable(tx, &auth, &actor, id).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

async fn enable(tx: &mut Connection, auth: &Auth, actor: &CurrentActor, id: UserId) -> Result<(), Error> {
    require_stepped_up(tx, auth, actor, auth.platform.clock.now()).await?;
    let (account, membership) = managed_alone(tx, auth, actor, id).await?;
    let is_locked = account.membership == MembershipStatus::Suspended;
    if account.disabled_at.is_none() && !is_locked {
        return Ok(());
    }
    // Its keys may do again what it may: whoever says so has to be somebody who may as well.
    require_held(&membership, &account.scopes())?;
    service_accounts::set_disabled(tx, (actor.tenant_id, id), None).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    if is_locked {
        unlock(tx, &trail, id).await?;
    }
    Ok(trail.user(tx, AuditAction::ServiceAccountEnabled, id, json!({})).await?)
}

/// Programs could once be locked like members: nothing else gives such a one back.
async fn unlock(tx: &mut Connection, trail: &Trail, id: UserId) -> Result<(), Error> {
    let (suspended, active) = (MembershipStatus::Suspended, MembershipStatus::Active);
    memberships::change_status(tx, (trail.tenant, id), (suspended, active), trail.clock.now()).await?;
    members::forget_lock(tx, trail.tenant, id).await?;
    trail.user(tx, AuditAction::MembershipUnlocked, id, json!({})).await?;
    let membership = memberships::find(tx, trail.tenant, id).await?.ok_or(Error::NotFound)?;
    announce_membership(tx, trail, id, &membership).await?;
    Ok(())
}

//! `POST /api/tenants/service-accounts/{id}/enable`

use actix_web::{HttpResponse, post, web};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageServiceAccounts;
use shinkofa_identity::{CurrentActor, RequirePermission, RequireStepUp};
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability};

use crate::db::service_accounts;
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
    Ok(HttpResponse::NoContent().finish())
}

async fn enable(tx: &mut Connection, auth: &Auth, actor: &CurrentActor, id: UserId) -> Result<(), Error> {
    require_stepped_up(tx, auth, actor, auth.platform.clock.now()).await?;
    let (account, membership) = managed_alone(tx, auth, actor, id).await?;
    if account.disabled_at.is_none() {
        return Ok(());
    }
    // Its keys may do again what it may: whoever says so has to be somebody who may as well.
    require_held(&membership, &account.scopes())?;
    service_accounts::set_disabled(tx, (actor.tenant_id, id), None).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    Ok(trail.user(tx, AuditAction::ServiceAccountEnabled, id, json!({})).await?)
}

//! `POST /api/tenants/service-accounts/{id}/disable`

use actix_web::{HttpResponse, post, web};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageServiceAccounts;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_kernel::{SessionId, UserId};
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, RateRefusal, Unavailability};

use crate::db::service_accounts;
use crate::domain::audit::AuditAction;
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::service_account_view::managed_alone;
use crate::withdrawal::{end_sessions, forget_here};
use crate::{Auth, limits};

/// Disable a service account
///
/// No key of it brings a token any more, at once, and those that it has end everywhere within seconds. Repeating it changes nothing.
#[utoipa::path(
    tag = "service accounts",
    security(("bearer" = [])),
    params(("id" = UserId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
    ),
)]
#[post("/api/tenants/service-accounts/{id}/disable")]
pub async fn disable_service_account(
    caller: RequirePermission<ManageServiceAccounts>,
    auth: web::Data<Auth>,
    Path(id): Path<UserId>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    auth.platform.limiter.require(&limits::SERVICE_ACCOUNTS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "disable_service_account", async |tx| {
        disable(tx, &auth, &actor, id).await
    })
    .await?;
    forget_here(&auth, &ended);
    Ok(HttpResponse::NoContent().finish())
}

async fn disable(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: UserId,
) -> Result<Vec<SessionId>, Error> {
    let (account, _) = managed_alone(tx, auth, actor, id).await?;
    if account.disabled_at.is_some() {
        return Ok(Vec::new());
    }
    let now = auth.platform.clock.now();
    service_accounts::set_disabled(tx, (actor.tenant_id, id), Some(now)).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let ended = end_sessions(tx, auth, &trail, id, SessionEnd::ServiceAccountChanged).await?;
    let details = json!({ "endedSessions": ended.len() });
    trail.user(tx, AuditAction::ServiceAccountDisabled, id, details).await?;
    Ok(ended)
}

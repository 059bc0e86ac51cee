//! `DELETE /api/tenants/service-accounts/{id}`

use actix_web::{HttpResponse, delete, web};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageServiceAccounts;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_kernel::{SessionId, UserId};
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, RateRefusal, Unavailability};

use crate::db::{memberships, users};
use crate::domain::audit::AuditAction;
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::service_account_view::managed_alone;
use crate::withdrawal::{end_sessions, forget_here};
use crate::{Auth, limits};

/// Delete a service account
///
/// With its keys, for good. Its tokens end everywhere within seconds. What it did stays in the audit trail.
#[utoipa::path(
    tag = "service accounts",
    security(("bearer" = [])),
    params(("id" = UserId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
    ),
)]
#[delete("/api/tenants/service-accounts/{id}")]
pub async fn delete_service_account(
    caller: RequirePermission<ManageServiceAccounts>,
    auth: web::Data<Auth>,
    Path(id): Path<UserId>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    auth.platform.limiter.require(&limits::SERVICE_ACCOUNTS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "delete_service_account", async |tx| {
        delete(tx, &auth, &actor, id).await
    })
    .await?;
    forget_here(&auth, &ended);
    Ok(HttpResponse::NoContent().finish())
}

async fn delete(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: UserId,
) -> Result<Vec<SessionId>, Error> {
    managed_alone(tx, auth, actor, id).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let ended = end_sessions(tx, auth, &trail, id, SessionEnd::ServiceAccountChanged).await?;
    // It belongs to no other tenant. The keys go with the membership, the sessions with the account.
    memberships::remove_here(tx, &[id]).await?;
    users::delete(tx, auth.realm, &[id]).await?;
    let details = json!({ "endedSessions": ended.len() });
    trail.user(tx, AuditAction::ServiceAccountDeleted, id, details).await?;
    Ok(ended)
}

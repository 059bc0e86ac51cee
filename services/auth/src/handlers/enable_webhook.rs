//! `POST /api/tenants/webhooks/{id}/enable`

use actix_web::{HttpResponse, post, web};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageWebhooks;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, RateRefusal, Unavailability};

use crate::db::webhooks::{self, WebhookId};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::webhook_view::managed_alone;
use crate::{Auth, limits};

/// Enable a webhook again
///
/// What happens from now on is sent there again; what happened meanwhile is not. Repeating it changes nothing.
#[utoipa::path(
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
    ),
)]
#[post("/api/tenants/webhooks/{id}/enable")]
pub async fn enable_webhook(
    caller: RequirePermission<ManageWebhooks>,
    auth: web::Data<Auth>,
    Path(id): Path<WebhookId>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    auth.platform.limiter.require(&limits::WEBHOOKS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "enable_webhook", async |tx| {
        enable(tx, &auth, &actor, id).await
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn enable(tx: &mut Connection, auth: &Auth, actor: &CurrentActor, id: WebhookId) -> Result<(), Error> {
    if managed_alone(tx, auth, actor, id).await?.disabled_at.is_none() {
        return Ok(());
    }
    webhooks::set_disabled(tx, (actor.tenant_id, id), None).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    Ok(trail.webhook(tx, AuditAction::WebhookEnabled, id, json!({})).await?)
}

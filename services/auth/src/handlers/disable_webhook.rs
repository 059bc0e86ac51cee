//! `POST /api/tenants/webhooks/{id}/disable`

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

/// Disable a webhook
///
/// Nothing is sent there any more, not even what is on its way. Repeating it changes nothing.
#[utoipa::path(
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
    ),
)]
#[post("/api/tenants/webhooks/{id}/disable")]
pub async fn disable_webhook(
    caller: RequirePermission<ManageWebhooks>,
    auth: web::Data<Auth>,
    Path(id): Path<WebhookId>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    auth.platform.limiter.require(&limits::WEBHOOKS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "disable_webhook", async |tx| {
        disable(tx, &auth, &actor, id).await
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn disable(tx: &mut Connection, auth: &Auth, actor: &CurrentActor, id: WebhookId) -> Result<(), Error> {
    if managed_alone(tx, auth, actor, id).await?.disabled_at.is_some() {
        return Ok(());
    }
    webhooks::set_disabled(tx, (actor.tenant_id, id), Some(auth.platform.clock.now())).await?;
    // Also what waits to be tried again, and would be once it is enabled.
    webhooks::abandon_pending(tx, (actor.tenant_id, id)).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    Ok(trail.webhook(tx, AuditAction::WebhookDisabled, id, json!({ "reason": "by_staff" })).await?)
}

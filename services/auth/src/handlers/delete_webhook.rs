//! `DELETE /api/tenants/webhooks/{id}`

use actix_web::{HttpResponse, delete, web};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageWebhooks;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_jobs::enqueue;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, RateRefusal, Unavailability};

use crate::db::webhooks::{self, WebhookId};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::jobs::forget_deliveries::ForgetDeliveries;
use crate::webhook_view::managed_alone;
use crate::{Auth, limits};

/// Delete a webhook
///
/// With its deliveries, and what is on its way there.
#[utoipa::path(
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
    ),
)]
#[delete("/api/tenants/webhooks/{id}")]
pub async fn delete_webhook(
    caller: RequirePermission<ManageWebhooks>,
    auth: web::Data<Auth>,
    Path(id): Path<WebhookId>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    auth.platform.limiter.require(&limits::WEBHOOKS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "delete_webhook", async |tx| {
        delete(tx, &auth, &actor, id).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

async fn delete(tx: &mut Connection, auth: &Auth, actor: &CurrentActor, id: WebhookId) -> Result<(), Error> {
    managed_alone(tx, auth, actor, id).await?;
    webhooks::delete(tx, actor.tenant_id, id).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let job = ForgetDeliveries { webhook_id: id };
    enqueue(tx, &trail.clock, Some(trail.tenant), trail.clock.now(), &job).await?;
    Ok(trail.webhook(tx, AuditAction::WebhookDeleted, id, json!({})).await?)
}

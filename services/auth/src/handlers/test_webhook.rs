//! `POST /api/tenants/webhooks/{id}/test`

use actix_web::{HttpResponse, post, web};
use serde::Serialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageWebhooks;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::db::webhooks::{DeliveryId, WebhookId};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::webhook_events::try_endpoint;
use crate::webhook_view::managed_alone;
use crate::{Auth, limits};

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestDelivery {
    /// Look for it among the deliveries.
    delivery_id: DeliveryId,
}

/// Try a webhook
///
/// Sends an event of the kind `webhook.test` there, once. What became of it stands among the deliveries within seconds; an endpoint
/// is not disabled for it.
#[utoipa::path(
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 202, body = TestDelivery),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`webhook_disabled`"),
    ),
)]
#[post("/api/tenants/webhooks/{id}/test")]
pub async fn test_webhook(
    caller: RequirePermission<ManageWebhooks>,
    auth: web::Data<Auth>,
    Path(id): Path<WebhookId>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    auth.platform.limiter.require(&limits::WEBHOOK_TESTS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let delivery_id = transaction(&auth.platform.database, &scope, "test_webhook", async |tx| {
        test(tx, &auth, &actor, id).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Accepted()
        .insert_header(("cache-control", "no-store"))
        .json(TestDelivery { delivery_id }))
}

async fn test(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: WebhookId,
) -> Result<DeliveryId, Error> {
    if managed_alone(tx, auth, actor, id).await?.disabled_at.is_some() {
        return Err(Error::WebhookDisabled);
    }
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let delivery_id = try_endpoint(tx, &trail, id).await?;
    trail.webhook(tx, AuditAction::WebhookTested, id, json!({ "deliveryId": delivery_id })).await?;
    Ok(delivery_id)
}

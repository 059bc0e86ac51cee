//! `POST /api/tenants/webhooks/{id}/secret`

use actix_web::{HttpResponse, post, web};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageWebhooks;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, RateRefusal, Unavailability};

use crate::db::webhooks::{self, Endpoint, WebhookId};
use crate::domain::audit::AuditAction;
use crate::domain::webhook::{WebhookSecret, kept_of};
use crate::error::Error;
use crate::webhook_view::{WebhookView, WebhookWithSecret, managed_alone, seal};
use crate::{Auth, limits};

/// Give a webhook another secret
///
/// Shown once. For a day deliveries are signed with the secret before it as well, so that the receiver can change over; rotating
/// again ends that sooner. Within a minute it is taken for a repetition, for whoever had no answer: the secret before both stays good.
#[utoipa::path(
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = WebhookWithSecret),
    ),
)]
#[post("/api/tenants/webhooks/{id}/secret")]
pub async fn rotate_webhook_secret(
    caller: RequirePermission<ManageWebhooks>,
    auth: web::Data<Auth>,
    Path(id): Path<WebhookId>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    auth.platform.limiter.require(&limits::WEBHOOKS_BY_USER, &actor.user_id.to_string()).await?;
    let secret = WebhookSecret::new(auth.randomness.bytes()?);
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let endpoint = transaction(&auth.platform.database, &scope, "rotate_webhook_secret", async |tx| {
        rotate(tx, &auth, &actor, (id, &secret)).await
    })
    .await?;
    let answer = WebhookWithSecret { webhook: WebhookView::from(endpoint), secret: secret.to_text() };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(answer))
}

async fn rotate(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (id, secret): (WebhookId, &WebhookSecret),
) -> Result<Endpoint, Error> {
    let endpoint = managed_alone(tx, auth, actor, id).await?;
    let sealed = seal(auth, id, secret)?;
    let previous = endpoint.previous_sealed.as_deref().zip(endpoint.previous_until);
    let kept = kept_of(&endpoint.secret_sealed, previous, auth.platform.clock.now());
    webhooks::set_secrets(tx, (actor.tenant_id, id), (&sealed, Some(kept))).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    trail.webhook(tx, AuditAction::WebhookSecretRotated, id, json!({})).await?;
    Ok(endpoint)
}

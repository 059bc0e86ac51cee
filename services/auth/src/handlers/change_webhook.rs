//! `PATCH /api/tenants/webhooks/{id}`

use actix_web::{HttpResponse, patch, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageWebhooks;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_runtime::outbound::Target;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::db::webhooks::{self, Endpoint, WebhookId};
use crate::domain::audit::AuditAction;
use crate::domain::service_account::Description;
use crate::domain::webhook::{EventTypes, WebhookEventType};
use crate::error::Error;
use crate::webhook_view::{WebhookView, managed_alone, target};
use crate::{Auth, limits};

/// What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeWebhookRequest {
    /// https, on port 443 or 8443, at a public address.
    #[schema(
        format = "uri",
        min_length = 1,
        max_length = 1000,
        example = "https://hooks.example.org/shinkofa"
    )]
    url: Option<String>,
    #[schema(value_type = Option<String>, max_length = 500, example = "Tells the office of locked members")]
    description: Option<Description>,
    /// All of them, the old ones too.
    #[schema(value_type = Option<Vec<WebhookEventType>>, min_items = 1, max_items = 30, example = json!(["membership.locked"]))]
    event_types: Option<EventTypes>,
}

/// Change a webhook
///
/// What is on its way goes to the new address, signed with the same secret.
#[utoipa::path(
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path)),
    request_body = ChangeWebhookRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = WebhookView),
    ),
)]
#[patch("/api/tenants/webhooks/{id}")]
pub async fn change_webhook(
    caller: RequirePermission<ManageWebhooks>,
    auth: web::Data<Auth>,
    Path(id): Path<WebhookId>,
    body: Body<ChangeWebhookRequest>,
) -> Result<HttpResponse, Error> {
    let (actor, Body(request)) = (caller.actor, body);
    auth.platform.limiter.require(&limits::WEBHOOKS_BY_USER, &actor.user_id.to_string()).await?;
    let target = request.url.as_ref().map(|url| target(&auth, url)).transpose()?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let changed = transaction(&auth.platform.database, &scope, "change_webhook", async |tx| {
        change(tx, &auth, &actor, (id, &request, target.as_ref())).await
    })
    .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(WebhookView::from(changed)))
}

async fn change(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (id, request, target): (WebhookId, &ChangeWebhookRequest, Option<&Target>),
) -> Result<Endpoint, Error> {
    let known = managed_alone(tx, auth, actor, id).await?;
    let url = target.map_or(known.url.as_str(), Target::as_str);
    let description = request.description.as_ref().map_or(known.description.as_str(), Description::as_str);
    let event_types = request.event_types.clone().unwrap_or_else(|| known.event_types());
    if url == known.url && description == known.description && event_types == known.event_types() {
        return Ok(known);
    }
    webhooks::change(tx, (actor.tenant_id, id), (url, description, &event_types)).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let details = json!({ "otherUrl": url != known.url, "eventTypes": event_types.into_list() });
    trail.webhook(tx, AuditAction::WebhookChanged, id, details).await?;
    webhooks::find(tx, actor.tenant_id, id).await?.ok_or(Error::NotFound)
}

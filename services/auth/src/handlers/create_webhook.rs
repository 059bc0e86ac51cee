//! `POST /api/tenants/webhooks`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageWebhooks;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_runtime::outbound::Target;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::authority::require_authority;
use crate::db::tenants;
use crate::db::webhooks::{self, Endpoint, NewEndpoint, WebhookId};
use crate::domain::audit::AuditAction;
use crate::domain::service_account::Description;
use crate::domain::webhook::{EventTypes, MOST_ENDPOINTS, WebhookEventType, WebhookSecret};
use crate::error::Error;
use crate::webhook_view::{WebhookView, WebhookWithSecret, seal, target};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateWebhookRequest {
    /// https, on port 443 or 8443, at a public address.
    #[schema(
        format = "uri",
        min_length = 1,
        max_length = 1000,
        example = "https://hooks.example.org/shinkofa"
    )]
    url: String,
    #[serde(default)]
    #[schema(value_type = String, max_length = 500, example = "Tells the office of locked members")]
    description: Description,
    #[schema(value_type = Vec<WebhookEventType>, min_items = 1, max_items = 30, example = json!(["membership.locked", "session.ended"]))]
    event_types: EventTypes,
}

/// Have events sent to an address
///
/// Each is sent within seconds, signed as Standard Webhooks has it (`webhook-id`, `webhook-timestamp`, `webhook-signature`), at least
/// once and under the same id each time, with ids alone in it. What is not answered with 2xx within ten seconds is sent again, further
/// and further apart, eight times in a day and a half; an endpoint that takes nothing of five events in a row, answers 410, or has
/// more than a thousand events on their way to it is disabled. Redirects are not followed, and nothing but the status of an answer is kept.
#[utoipa::path(
    tag = "webhooks",
    security(("bearer" = [])),
    request_body = CreateWebhookRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 201, body = WebhookWithSecret),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`too_many_webhooks`"),
    ),
)]
#[post("/api/tenants/webhooks")]
pub async fn create_webhook(
    caller: RequirePermission<ManageWebhooks>,
    auth: web::Data<Auth>,
    body: Body<CreateWebhookRequest>,
) -> Result<HttpResponse, Error> {
    let (actor, Body(request)) = (caller.actor, body);
    auth.platform.limiter.require(&limits::WEBHOOKS_BY_USER, &actor.user_id.to_string()).await?;
    let target = target(&auth, &request.url)?;
    let secret = WebhookSecret::new(auth.randomness.bytes()?);
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let made = transaction(&auth.platform.database, &scope, "create_webhook", async |tx| {
        create(tx, &auth, &actor, (&request, &target, &secret)).await
    })
    .await?;
    let answer = WebhookWithSecret { webhook: WebhookView::from(made), secret: secret.to_text() };
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(answer))
}

async fn create(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (request, target, secret): (&CreateWebhookRequest, &Target, &WebhookSecret),
) -> Result<Endpoint, Error> {
    // They are counted, so they are made one after the other.
    tenants::hold(tx, actor.tenant_id).await?;
    require_authority::<ManageWebhooks>(tx, auth, actor).await?;
    if webhooks::count(tx, actor.tenant_id).await? >= MOST_ENDPOINTS {
        return Err(Error::TooManyWebhooks);
    }
    let id = WebhookId::new(&auth.platform.clock);
    let row = NewEndpoint {
        tenant_id: actor.tenant_id,
        id,
        url: target.as_str(),
        description: request.description.as_str(),
        event_types: request.event_types.to_text(),
        secret_sealed: seal(auth, id, secret)?,
        created_by: actor.user_id,
        created_at: auth.platform.clock.now(),
    };
    let made = webhooks::insert(tx, &row).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let details = json!({ "eventTypes": made.event_types().into_list() });
    trail.webhook(tx, AuditAction::WebhookCreated, id, details).await?;
    Ok(made)
}

//! `GET /api/tenants/webhooks/{id}/deliveries`

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageWebhooks;
use shinkofa_web::{
    CallerRefusals, Cursor, NotFoundRefusal, Page, PageLimit, ParameterRefusal, Path, Query, Unavailability,
};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::webhooks::{self, Delivery, DeliveryId, WebhookId};
use crate::domain::webhook::{DeliveryFailure, DeliveryState, message_id};
use crate::error::Error;
use crate::webhook_view::managed;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveriesQuery {
    #[serde(default)]
    limit: PageLimit,
    cursor: Option<Cursor<(DateTime<Utc>, DeliveryId)>>,
}

/// One event on its way to an endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    id: DeliveryId,
    /// What the receiver knows it by.
    #[schema(example = "msg_0192000000007000800000000000000a")]
    webhook_id: String,
    #[schema(example = "membership.locked")]
    event_type: String,
    state: DeliveryState,
    #[schema(example = 1)]
    attempts: i32,
    created_at: DateTime<Utc>,
    #[schema(required = true)]
    last_attempt_at: Option<DateTime<Utc>>,
    /// Of the last answer.
    #[schema(required = true, example = 200)]
    last_status: Option<i32>,
    #[schema(required = true)]
    last_failure: Option<DeliveryFailure>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            webhook_id: message_id(delivery.event_id),
            event_type: delivery.event_type,
            state: delivery.state,
            attempts: delivery.attempts,
            created_at: delivery.created_at,
            last_attempt_at: delivery.last_attempt_at,
            last_status: delivery.last_status,
            last_failure: delivery.last_failure,
        }
    }
}

/// What was sent to a webhook
///
/// The newest first, for thirty days. Of an answer nothing is known but its status.
#[utoipa::path(
    tag = "webhooks",
    security(("bearer" = [])),
    params(
        ("id" = WebhookId, Path),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200, description = "50 unless asked"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses(
        CallerRefusals, NotFoundRefusal, ParameterRefusal, Unavailability,
        (status = 200, body = Page<DeliveryView>),
    ),
)]
#[get("/api/tenants/webhooks/{id}/deliveries")]
pub async fn list_webhook_deliveries(
    caller: RequirePermission<ManageWebhooks>,
    auth: web::Data<Auth>,
    Path(id): Path<WebhookId>,
    query: Query<DeliveriesQuery>,
) -> Result<HttpResponse, Error> {
    let (actor, Query(DeliveriesQuery { limit, cursor })) = (caller.actor, query);
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let found = transaction(&auth.platform.database, &scope, "list_webhook_deliveries", async |tx| {
        managed(tx, &auth, &actor, id).await?;
        let page = (cursor.map(|Cursor(place)| place), limit.probe());
        Ok::<_, Error>(webhooks::deliveries(tx, (actor.tenant_id, id), page).await?)
    })
    .await?;
    let page = Page::new(found, limit, |delivery| (delivery.created_at, delivery.id), DeliveryView::from);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(page))
}

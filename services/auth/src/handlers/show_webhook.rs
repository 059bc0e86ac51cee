//! `GET /api/tenants/webhooks/{id}`

use actix_web::{HttpResponse, get, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageWebhooks;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Unavailability};

use crate::Auth;
use crate::db::webhooks::WebhookId;
use crate::error::Error;
use crate::webhook_view::{WebhookView, managed};

/// One webhook
#[utoipa::path(
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = WebhookId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = WebhookView),
    ),
)]
#[get("/api/tenants/webhooks/{id}")]
pub async fn show_webhook(
    caller: RequirePermission<ManageWebhooks>,
    auth: web::Data<Auth>,
    Path(id): Path<WebhookId>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let endpoint = transaction(&auth.platform.database, &scope, "show_webhook", async |tx| {
        managed(tx, &auth, &actor, id).await
    })
    .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(WebhookView::from(endpoint)))
}

//! `GET /api/tenants/webhooks`

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageWebhooks;
use shinkofa_web::{CallerRefusals, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::authority::require_authority;
use crate::db::webhooks;
use crate::error::Error;
use crate::webhook_view::WebhookView;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhooks {
    items: Vec<WebhookView>,
}

/// The webhooks of this tenant
///
/// In the order in which they were made: ten at most.
#[utoipa::path(
    tag = "webhooks",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 200, body = Webhooks),
    ),
)]
#[get("/api/tenants/webhooks")]
pub async fn list_webhooks(
    caller: RequirePermission<ManageWebhooks>,
    auth: web::Data<Auth>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let found = transaction(&auth.platform.database, &scope, "list_webhooks", async |tx| {
        require_authority::<ManageWebhooks>(tx, &auth, &actor).await?;
        Ok::<_, Error>(webhooks::list(tx, actor.tenant_id).await?)
    })
    .await?;
    let webhooks = Webhooks { items: found.into_iter().map(WebhookView::from).collect() };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(webhooks))
}

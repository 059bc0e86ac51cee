//! `GET /api/tenants/service-accounts/{id}/keys`

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageServiceAccounts;
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::api_keys;
use crate::error::Error;
use crate::service_account_view::{ApiKeyView, managed};

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeys {
    items: Vec<ApiKeyView>,
}

/// The keys of a service account
///
/// The newest first, without their secrets. Those that are over are still shown for ninety days.
#[utoipa::path(
    tag = "service accounts",
    security(("bearer" = [])),
    params(("id" = UserId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = ApiKeys),
    ),
)]
#[get("/api/tenants/service-accounts/{id}/keys")]
pub async fn list_api_keys(
    caller: RequirePermission<ManageServiceAccounts>,
    auth: web::Data<Auth>,
    Path(id): Path<UserId>,
) -> Result<HttpResponse, Error> {
    let (actor, now) = (caller.actor, auth.platform.clock.now());
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let keys = transaction(&auth.platform.database, &scope, "list_api_keys", async |tx| {
        managed(tx, &auth, &actor, id).await?;
        Ok::<_, Error>(api_keys::of_account(tx, actor.tenant_id, id).await?)
    })
    .await?;
    let keys = ApiKeys { items: keys.into_iter().map(|key| ApiKeyView::of(key, now)).collect() };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(keys))
}

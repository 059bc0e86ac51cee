//! `GET /api/tenants/service-accounts/{id}`

use actix_web::{HttpResponse, get, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageServiceAccounts;
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Unavailability};

use crate::Auth;
use crate::error::Error;
use crate::service_account_view::{ServiceAccountView, managed};

/// One service account
#[utoipa::path(
    tag = "service accounts",
    security(("bearer" = [])),
    params(("id" = UserId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = ServiceAccountView),
    ),
)]
#[get("/api/tenants/service-accounts/{id}")]
pub async fn show_service_account(
    caller: RequirePermission<ManageServiceAccounts>,
    auth: web::Data<Auth>,
    Path(id): Path<UserId>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let account = transaction(&auth.platform.database, &scope, "show_service_account", async |tx| {
        managed(tx, &auth, &actor, id).await
    })
    .await?;
    let view = ServiceAccountView::from(account);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(view))
}

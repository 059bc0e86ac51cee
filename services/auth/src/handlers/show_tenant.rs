//! `GET /api/tenants/current`

use actix_web::{HttpResponse, get, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, Problem, Unavailability};

use crate::Auth;
use crate::db::tenants;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};
use crate::tenant_view::{TenantView, respond};

/// The studio of this token
///
/// Its settings. The `ETag` is what a change of them names in `If-Match`.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 200, body = TenantView, headers(("ETag" = String, description = "The version of the settings"))),
    ),
)]
#[get("/api/tenants/current")]
pub async fn show_tenant(actor: CurrentActor, auth: web::Data<Auth>) -> Result<HttpResponse, Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let tenant = transaction(&auth.platform.database, &scope, "show_tenant", async |tx| {
        require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        Ok::<_, Error>(tenants::find(tx, actor.tenant_id).await?.ok_or_else(Problem::not_found)?)
    })
    .await?;
    Ok(respond(&auth, &tenant))
}

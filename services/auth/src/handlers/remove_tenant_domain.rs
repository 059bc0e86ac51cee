//! `DELETE /api/tenants/current/domain`

use actix_web::{HttpResponse, delete, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageTenant;
use shinkofa_web::{CallerRefusals, RateRefusal, Unavailability};

use super::set_tenant_domain::move_to;
use crate::error::Error;
use crate::{Auth, limits};

/// Take the studio's own host away
///
/// It is left with its name beneath the platform's. Nothing happens where it had no domain.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    responses(
        CallerRefusals, RateRefusal, Unavailability,
        (status = 204),
    ),
)]
#[delete("/api/tenants/current/domain")]
pub async fn remove_tenant_domain(
    caller: RequirePermission<ManageTenant>,
    auth: web::Data<Auth>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "remove_tenant_domain", async |tx| {
        move_to(tx, &auth, &actor, None).await
    })
    .await?;
    auth.tenants_changed().await;
    Ok(HttpResponse::NoContent().finish())
}

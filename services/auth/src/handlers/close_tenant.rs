//! `DELETE /api/tenants/current`

use actix_web::{HttpResponse, delete, web};
use shinkofa_contracts::auth::TenantStatus;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageTenant;
use shinkofa_kernel::TenantId;
use shinkofa_web::{CallerRefusals, ProblemDocument, RateRefusal, Unavailability};

use super::change_tenant::manageable_tenant;
use crate::error::Error;
use crate::liveness::require_stepped_up;
use crate::tenant_closing::set_status;
use crate::withdrawal::forget_here;
use crate::{Auth, limits};

/// Close the studio
///
/// At once nobody signs in to it any more, every session in it ends, and every token of it is refused, the caller's among them.
/// Nothing is erased; whoever runs the installation can open it again. Needs a step-up.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    responses(
        CallerRefusals, RateRefusal, Unavailability,
        (status = 204),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`default_tenant`"),
    ),
)]
#[delete("/api/tenants/current")]
pub async fn close_tenant(
    caller: RequirePermission<ManageTenant>,
    auth: web::Data<Auth>,
) -> Result<HttpResponse, Error> {
    let (actor, now) = (caller.actor, auth.platform.clock.now());
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "close_tenant", async |tx| {
        require_stepped_up(tx, &auth, &actor, now).await?;
        let tenant = manageable_tenant(tx, &auth, &actor).await?;
        if tenant.id == TenantId::DEFAULT {
            return Err(Error::DefaultTenant);
        }
        let trail = auth.trail(tenant.id, actor.actor());
        set_status(tx, &auth, &trail, (tenant, TenantStatus::Closed)).await
    })
    .await?;
    forget_here(&auth, &ended);
    auth.tenants_changed().await;
    Ok(HttpResponse::NoContent().finish())
}

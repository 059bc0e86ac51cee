//! `DELETE /api/tenants/scim/v2/Users/{id}`

use actix_web::{HttpResponse, delete, web};
use shinkofa_db::{Scope, transaction};

use crate::Auth;
use crate::db::scim_users::ScimUserId;
use crate::provisioner::Provisioner;
use crate::provisioning::deprovision;
use crate::scim_wire::{ScimCallerRefusals, ScimError, ScimId, ScimRefusal};
use crate::withdrawal::forget_here;

/// Take a person out of this studio
///
/// Their membership ends with everything that they are signed in on here, or their invitation is taken back. Their account and what
/// they are in other studios stays.
#[utoipa::path(
    tag = "provisioning",
    security(("bearer" = [])),
    params(("id" = ScimUserId, Path)),
    responses(
        ScimCallerRefusals,
        (status = 204),
        (status = 403, body = ScimError, content_type = "application/scim+json", description = "`cannot_manage` or `suspended_by_staff` among others"),
        (status = 404, body = ScimError, content_type = "application/scim+json", description = "`not_found`: there is nobody, or they are of another studio"),
        (status = 409, body = ScimError, content_type = "application/scim+json", description = "`own_account` or `last_admin`"),
    ),
)]
#[delete("/api/tenants/scim/v2/Users/{id}")]
pub async fn deprovision_user(
    caller: Provisioner,
    auth: web::Data<Auth>,
    id: ScimId,
) -> Result<HttpResponse, ScimRefusal> {
    let (actor, id) = (caller.0, id.known()?);
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "deprovision_user", async |tx| {
        deprovision(tx, &auth, &actor, id).await
    })
    .await?;
    forget_here(&auth, &ended);
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

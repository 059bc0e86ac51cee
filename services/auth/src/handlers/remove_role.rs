//! `DELETE /api/tenants/roles/{name}`

use actix_web::{HttpResponse, delete, web};
use serde_json::json;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageRoles;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability};

use super::replace_role::changeable_role;
use crate::announcement::{Becomes, announce_role};
use crate::db::roles;
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::{Auth, limits};

/// Remove a role
///
/// One of the studio's own that nobody has and no open invitation promises.
#[utoipa::path(
    tag = "roles",
    security(("bearer" = [])),
    params(("name" = String, Path, min_length = 2, max_length = 40, example = "front-desk")),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`permission_denied`, `raises_above`, or `step_up_required`: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`system_role` or `role_in_use`"),
    ),
)]
#[delete("/api/tenants/roles/{name}")]
pub async fn remove_role(
    caller: RequirePermission<ManageRoles>,
    auth: web::Data<Auth>,
    name: Path<String>,
) -> Result<HttpResponse, Error> {
    let (actor, name) = (caller.actor, name.0);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "remove_role", async |tx| {
        changeable_role(tx, &auth, &actor, (&name, &[])).await?;
        if !roles::delete(tx, (actor.tenant_id, &name), now).await? {
            return Err(Error::RoleInUse);
        }
        let trail = auth.trail(actor.tenant_id, actor.actor());
        announce_role(tx, &trail, (&name, &[]), Becomes::Removed).await?;
        Ok(trail.tenant(tx, AuditAction::RoleRemoved, json!({ "role": name })).await?)
    })
    .await?;
    auth.tenants_changed().await;
    Ok(HttpResponse::NoContent().finish())
}

//! `PUT /api/tenants/roles/{name}`

use actix_web::{HttpResponse, put, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageRoles;
use shinkofa_identity::{CurrentActor, Permission, RequirePermission};
use shinkofa_kernel::SessionId;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, Problem, ProblemDocument, RateRefusal,
    Unavailability,
};
use utoipa::ToSchema;

use super::list_roles::RoleView;
use crate::announcement::{Becomes, announce_role};
use crate::authority::require_recent_authority;
use crate::db::roles::{self, TenantRole};
use crate::db::tenants;
use crate::domain::audit::AuditAction;
use crate::domain::authority::PermissionNames;
use crate::error::Error;
use crate::key_revocation::revoke_keys_of_demoted_holders;
use crate::withdrawal::{end_sessions_of_one_factor, forget_here};
use crate::{Auth, limits};

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplaceRoleRequest {
    /// All that the role is to allow: names from `GET /api/tenants/permissions`, each once.
    #[schema(value_type = Vec<String>, max_items = 100, example = json!(["booking.sessions.manage", "booking.classes.manage"]))]
    permissions: PermissionNames,
}

/// Change what a role allows
///
/// One of the studio's own; the system's are the same everywhere. Whoever has it may do the other things within seconds, in every
/// service. Nobody changes a role that allows, or would allow, what they may not do themselves. Where a role that allowed nothing
/// begins to allow something, what its holders opened with one factor ends: they need a second one from now on. Where holders may
/// manage service accounts no longer, the keys that they made are revoked; where they may, those keys bring no more than they hold.
#[utoipa::path(
    tag = "roles",
    security(("bearer" = [])),
    params(("name" = String, Path, min_length = 2, max_length = 40, example = "front-desk")),
    request_body = ReplaceRoleRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = RoleView),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`permission_denied`, `raises_above`, or `step_up_required`: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`system_role`"),
    ),
)]
#[put("/api/tenants/roles/{name}")]
pub async fn replace_role(
    caller: RequirePermission<ManageRoles>,
    auth: web::Data<Auth>,
    name: Path<String>,
    body: Body<ReplaceRoleRequest>,
) -> Result<HttpResponse, Error> {
    let (actor, name, Body(ReplaceRoleRequest { permissions })) = (caller.actor, name.0, body);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let (role, ended) = transaction(&auth.platform.database, &scope, "replace_role", async |tx| {
        replace(tx, &auth, &actor, (&name, permissions.as_slice())).await
    })
    .await?;
    forget_here(&auth, &ended);
    auth.tenants_changed().await;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(RoleView::from(role)))
}

async fn replace(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (name, permissions): (&str, &[Permission]),
) -> Result<(TenantRole, Vec<SessionId>), Error> {
    let role = changeable_role(tx, auth, actor, (name, permissions)).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    roles::set_permissions(tx, (trail.tenant, name), permissions).await?;
    announce_role(tx, &trail, (name, permissions), Becomes::Defined).await?;
    let names: Vec<_> = permissions.iter().map(|permission| permission.as_str()).collect();
    trail.tenant(tx, AuditAction::RoleChanged, json!({ "role": name, "permissions": names })).await?;
    // Whoever has a role that allows anything needs a second factor from now on.
    let mut ended = if role.permissions.is_empty() && !permissions.is_empty() {
        end_sessions_of_one_factor(tx, auth, &trail, name).await?
    } else {
        Vec::new()
    };
    if role.permissions.iter().any(|permission| !permissions.contains(permission)) {
        ended.extend(revoke_keys_of_demoted_holders(tx, auth, &trail, name).await?);
    }
    Ok((TenantRole { permissions: permissions.to_vec(), ..role }, ended))
}

/// A role of the studio's own that the caller may change to allow `permissions`, which nobody else changes meanwhile.
pub async fn changeable_role(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (name, permissions): (&str, &[Permission]),
) -> Result<TenantRole, Error> {
    // In the order in which they are held where roles are given.
    tenants::hold(tx, actor.tenant_id).await?;
    let is_text = !name.contains('\0');
    let role = if is_text { roles::lock(tx, actor.tenant_id, name).await? } else { None };
    let (_, own) = require_recent_authority::<ManageRoles>(tx, auth, actor).await?;
    let role = role.ok_or_else(Problem::not_found)?;
    if role.system {
        return Err(Error::SystemRole);
    }
    let own = own.authority();
    if own.may_grant(name, &role.permissions) && own.may_grant(name, permissions) {
        Ok(role)
    } else {
        Err(Error::RaisesAbove)
    }
}

//! `POST /api/tenants/roles`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageRoles;
use shinkofa_identity::{CurrentActor, Permission, RequirePermission};
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use super::list_roles::RoleView;
use crate::announcement::{Becomes, announce_role};
use crate::authority::require_recent_authority;
use crate::db::{roles, tenants};
use crate::domain::audit::AuditAction;
use crate::domain::authority::PermissionNames;
use crate::domain::tenant::{CustomRoleName, MOST_CUSTOM_ROLES};
use crate::error::Error;
use crate::{Auth, limits};

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRoleRequest {
    /// For good: it stands in tokens.
    #[schema(value_type = String, min_length = 2, max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", example = "front-desk")]
    name: CustomRoleName,
    /// Names from `GET /api/tenants/permissions`, each once.
    #[schema(value_type = Vec<String>, max_items = 100, example = json!(["booking.sessions.manage"]))]
    permissions: PermissionNames,
}

/// Make a role
///
/// Of the studio's own, for members to be given. It works in every service within seconds. Nobody makes one that allows what they
/// may not do themselves. Whoever has a role that allows anything needs a second factor, as managers do.
#[utoipa::path(
    tag = "roles",
    security(("bearer" = [])),
    request_body = CreateRoleRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 201, body = RoleView),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`permission_denied`, `raises_above`, or `step_up_required`: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`role_exists` or `too_many_roles`"),
    ),
)]
#[post("/api/tenants/roles")]
pub async fn create_role(
    caller: RequirePermission<ManageRoles>,
    auth: web::Data<Auth>,
    body: Body<CreateRoleRequest>,
) -> Result<HttpResponse, Error> {
    let (actor, Body(CreateRoleRequest { name, permissions })) = (caller.actor, body);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "create_role", async |tx| {
        create(tx, &auth, &actor, (&name, permissions.as_slice())).await
    })
    .await?;
    auth.tenants_changed().await;
    let role = RoleView {
        name: name.as_str().to_owned(),
        system: false,
        permissions: permissions.as_slice().iter().map(|permission| permission.as_str()).collect(),
    };
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(role))
}

async fn create(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (name, permissions): (&CustomRoleName, &[Permission]),
) -> Result<(), Error> {
    let tenant = actor.tenant_id;
    // They are counted, so they are made one after the other.
    tenants::hold(tx, tenant).await?;
    let (_, own) = require_recent_authority::<ManageRoles>(tx, auth, actor).await?;
    if !own.authority().may_grant(name.as_str(), permissions) {
        return Err(Error::RaisesAbove);
    }
    let made = roles::list(tx, tenant).await?.into_iter().filter(|role| !role.system).count();
    if made >= MOST_CUSTOM_ROLES {
        return Err(Error::TooManyRoles);
    }
    if !roles::insert(tx, tenant, name.as_str()).await? {
        return Err(Error::RoleExists);
    }
    roles::set_permissions(tx, (tenant, name.as_str()), permissions).await?;
    let trail = auth.trail(tenant, actor.actor());
    announce_role(tx, &trail, (name.as_str(), permissions), Becomes::Defined).await?;
    let names: Vec<_> = permissions.iter().map(|permission| permission.as_str()).collect();
    let details = json!({ "role": name.as_str(), "permissions": names });
    Ok(trail.tenant(tx, AuditAction::RoleCreated, details).await?)
}

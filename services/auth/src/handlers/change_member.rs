//! `PATCH /api/tenants/members/{userId}`

use actix_web::{HttpResponse, patch, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageMembers;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_kernel::{SessionId, UserId};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability,
};
use utoipa::ToSchema;

use crate::domain::tenant::RoleNames;
use crate::error::Error;
use crate::member_view::{MemberView, view};
use crate::membership_changes::{changeable, named_roles, require_grantable, set_roles};
use crate::withdrawal::forget_here;
use crate::{Auth, limits};

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeMemberRequest {
    /// All that the member is to have, of the system and of the studio's own: 1 to 10, each once.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 10, example = json!(["member", "coach"]))]
    roles: RoleNames,
}

/// Change a member's roles
///
/// Only an admin changes an admin or a manager, or makes somebody one; nobody gives more than they hold. The last admin stays one.
/// Whoever loses a role is signed out here, so that no token says too much; new roles come with the next refresh. Where they may
/// manage service accounts no longer, the keys that they made are revoked; where they may, those keys bring no more than they hold.
#[utoipa::path(
    tag = "members",
    security(("bearer" = [])),
    params(("userId" = UserId, Path)),
    request_body = ChangeMemberRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = MemberView),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`last_admin`"),
    ),
)]
#[patch("/api/tenants/members/{userId}")]
pub async fn change_member(
    caller: RequirePermission<ManageMembers>,
    auth: web::Data<Auth>,
    user: Path<UserId>,
    body: Body<ChangeMemberRequest>,
) -> Result<HttpResponse, Error> {
    let (actor, user, Body(ChangeMemberRequest { roles })) = (caller.actor, user.0, body);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let (ended, view) = transaction(&auth.platform.database, &scope, "change_member", async |tx| {
        let ended = change(tx, &auth, &actor, (user, &roles)).await?;
        Ok::<_, Error>((ended, view(tx, &auth, &actor, user).await?))
    })
    .await?;
    forget_here(&auth, &ended);
    auth.platform.committed();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(view))
}

async fn change(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (user, names): (UserId, &RoleNames),
) -> Result<Vec<SessionId>, Error> {
    let (own, member) = changeable(tx, auth, actor, user).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let roles = named_roles(tx, &trail, names).await?;
    let before = member.role_names();
    require_grantable(own.authority(), roles.iter().filter(|role| !before.contains(&role.name)))?;
    set_roles(tx, auth, &trail, (user, &member), names.as_slice()).await
}

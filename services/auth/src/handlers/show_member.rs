//! `GET /api/tenants/members/{userId}`

use actix_web::{HttpResponse, get, web};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageMembers;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Problem, Unavailability};

use crate::Auth;
use crate::authority::require_authority;
use crate::db::members;
use crate::error::Error;
use crate::member_view::MemberView;

/// One member of this studio
#[utoipa::path(
    tag = "members",
    security(("bearer" = [])),
    params(("userId" = UserId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = MemberView),
    ),
)]
#[get("/api/tenants/members/{userId}")]
pub async fn show_member(
    caller: RequirePermission<ManageMembers>,
    auth: web::Data<Auth>,
    user: Path<UserId>,
) -> Result<HttpResponse, Error> {
    let (actor, user) = (caller.actor, user.0);
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let view = transaction(&auth.platform.database, &scope, "show_member", async |tx| {
        require_authority::<ManageMembers>(tx, &auth, &actor).await?;
        view(tx, &auth, &actor, user).await
    })
    .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(view))
}

/// A member as they are now.
pub async fn view(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    user: UserId,
) -> Result<MemberView, Error> {
    let member = members::find(tx, (actor.tenant_id, auth.realm, user)).await?;
    let member = member.ok_or_else(Problem::not_found)?;
    let roles = members::roles_of(tx, actor.tenant_id, &[user]).await?;
    Ok(MemberView::new(member, &roles))
}

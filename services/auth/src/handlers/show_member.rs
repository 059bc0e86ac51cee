//! `GET /api/tenants/members/{userId}`

use actix_web::{HttpResponse, get, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageMembers;
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Unavailability};

use crate::Auth;
use crate::authority::require_authority;
use crate::error::Error;
use crate::member_view::{MemberView, view};

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

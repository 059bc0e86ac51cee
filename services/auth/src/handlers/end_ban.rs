//! `DELETE /api/admin/bans/{banId}`

use actix_web::{HttpResponse, delete, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageUsers;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_web::{
    CallerRefusals, NotFoundRefusal, Path, Problem, ProblemDocument, RateRefusal, Unavailability,
};

use crate::authority::require_recent_authority;
use crate::banning::lift;
use crate::error::Error;
use crate::{Auth, limits};

/// Lift a ban
///
/// Whoever made it, staff or a service. What another ban names as well stays banned by that one.
#[utoipa::path(
    tag = "administration",
    security(("bearer" = [])),
    params(("banId" = Uuid, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required` among others: see `www-authenticate`"),
    ),
)]
#[delete("/api/admin/bans/{banId}")]
pub async fn end_ban(
    caller: RequirePermission<ManageUsers>,
    auth: web::Data<Auth>,
    ban: Path<Uuid>,
) -> Result<HttpResponse, Error> {
    let (actor, ban) = (caller.actor, ban.0);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "end_ban", async |tx| {
        require_recent_authority::<ManageUsers>(tx, &auth, &actor).await?;
        if lift(tx, &trail, ban).await? { Ok(()) } else { Err(Error::from(Problem::not_found())) }
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

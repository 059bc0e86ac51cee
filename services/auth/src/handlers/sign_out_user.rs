//! `POST /api/admin/users/{userId}/sign-out`

use actix_web::{HttpResponse, post, web};
use serde_json::json;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageUsers;
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability};

use super::lock_user::manageable;
use crate::domain::audit::AuditAction;
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::withdrawal::{end_sessions, forget_here};
use crate::{Auth, limits};

/// Sign a member out everywhere
///
/// Ends every session the member has in this tenant: refresh tokens are refused at once, access tokens within seconds.
#[utoipa::path(
    tag = "administration",
    security(("bearer" = [])),
    params(("userId" = UserId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required` among others: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`own_account`: sign out the ordinary way"),
    ),
)]
#[post("/api/admin/users/{userId}/sign-out")]
pub async fn sign_out_user(
    caller: RequirePermission<ManageUsers>,
    auth: web::Data<Auth>,
    user: Path<UserId>,
) -> Result<HttpResponse, Error> {
    let (actor, user) = (caller.actor, user.0);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "sign_out_user", async |tx| {
        manageable::<ManageUsers>(tx, &auth, &actor, user).await?;
        let trail = auth.trail(actor.tenant_id, actor.actor());
        let ended = end_sessions(tx, &auth, &trail, user, SessionEnd::SignedOutByStaff).await?;
        let details = json!({ "endedSessions": ended.len() });
        trail.user(tx, AuditAction::SignedOutByStaff, user, details).await?;
        Ok::<_, Error>(ended)
    })
    .await?;
    forget_here(&auth, &ended);
    Ok(HttpResponse::NoContent().finish())
}

//! `POST /api/tenants/members/{userId}/suspend`

use actix_web::{HttpResponse, post, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageMembers;
use shinkofa_kernel::UserId;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability,
};

use super::lock_user::{LockRequest, lock};
use crate::error::Error;
use crate::withdrawal::forget_here;
use crate::{Auth, limits};

/// Suspend a member
///
/// Ends what the member is signed in on here, and no way of signing in works until they are reactivated. What they are in other
/// studios is not touched. The keys of service accounts that they made are revoked for good. Only an admin suspends an admin or a
/// manager, and nobody themselves. A service account is disabled instead (`cannot_manage`). A suspension by the studio's identity
/// provider becomes the caller's, with their reason.
#[utoipa::path(
    tag = "members",
    security(("bearer" = [])),
    params(("userId" = UserId, Path)),
    request_body = LockRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`not_active`, `own_account` or `last_admin`"),
    ),
)]
#[post("/api/tenants/members/{userId}/suspend")]
pub async fn suspend_member(
    caller: RequirePermission<ManageMembers>,
    auth: web::Data<Auth>,
    user: Path<UserId>,
    body: Body<LockRequest>,
) -> Result<HttpResponse, Error> {
    let (actor, user, Body(LockRequest { reason })) = (caller.actor, user.0, body);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "suspend_member", async |tx| {
        lock::<ManageMembers>(tx, &auth, &actor, user, &reason).await
    })
    .await?;
    forget_here(&auth, &ended);
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

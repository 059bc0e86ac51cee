//! `POST /api/tenants/members/{userId}/reactivate`

use actix_web::{HttpResponse, post, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageMembers;
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability};

use super::unlock_user::unlock;
use crate::error::Error;
use crate::{Auth, limits};

/// Reactivate a suspended member
///
/// The membership is active again, with the roles it had. They sign in anew. Whom the studio's identity provider deactivated is let in
/// again by it, and by staff once no service account with a good key may provision.
#[utoipa::path(
    tag = "members",
    security(("bearer" = [])),
    params(("userId" = UserId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`not_locked`, `own_account` or `deactivated_by_provider`: it says that they are not to be active"),
    ),
)]
#[post("/api/tenants/members/{userId}/reactivate")]
pub async fn reactivate_member(
    caller: RequirePermission<ManageMembers>,
    auth: web::Data<Auth>,
    user: Path<UserId>,
) -> Result<HttpResponse, Error> {
    let (actor, user) = (caller.actor, user.0);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "reactivate_member", async |tx| {
        unlock::<ManageMembers>(tx, &auth, &actor, user).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

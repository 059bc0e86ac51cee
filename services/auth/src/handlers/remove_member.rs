//! `DELETE /api/tenants/members/{userId}`

use actix_web::{HttpResponse, delete, web};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageMembers;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_kernel::{SessionId, UserId};
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability};

use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::membership_changes::{changeable, end_membership};
use crate::withdrawal::forget_here;
use crate::{Auth, limits};

/// Remove a member
///
/// They are no member of this studio any more, everything that they are signed in on here ends, and the keys of service accounts
/// that they made are revoked. Their account and what they are in other studios stays. Only an admin removes an admin or a manager.
#[utoipa::path(
    tag = "members",
    security(("bearer" = [])),
    params(("userId" = UserId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`own_account`: leave instead"),
    ),
)]
#[delete("/api/tenants/members/{userId}")]
pub async fn remove_member(
    caller: RequirePermission<ManageMembers>,
    auth: web::Data<Auth>,
    user: Path<UserId>,
) -> Result<HttpResponse, Error> {
    let (actor, user) = (caller.actor, user.0);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "remove_member", async |tx| {
        remove(tx, &auth, &actor, user).await
    })
    .await?;
    forget_here(&auth, &ended);
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

async fn remove(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    user: UserId,
) -> Result<Vec<SessionId>, Error> {
    let (_, member) = changeable(tx, auth, actor, user).await?;
    if user == actor.user_id {
        return Err(Error::OwnAccount);
    }
    let trail = auth.trail(actor.tenant_id, actor.actor());
    end_membership(tx, auth, &trail, (user, &member), AuditAction::MembershipRemoved).await
}

//! `DELETE /api/tenants/members/me`

use actix_web::{HttpResponse, delete, web};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::SessionId;
use shinkofa_web::{CallerRefusals, ProblemDocument, RateRefusal, Unavailability};

use crate::db::{memberships, tenants};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};
use crate::membership_changes::end_membership;
use crate::withdrawal::forget_here;
use crate::{Auth, limits};

/// Leave the studio
///
/// I am no member of it any more, and everything that I am signed in on here ends, this token among it. My account and what I am
/// in other studios stays. The last admin cannot leave.
#[utoipa::path(
    tag = "members",
    security(("bearer" = [])),
    responses(
        CallerRefusals, RateRefusal, Unavailability,
        (status = 204),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`last_admin`"),
    ),
)]
#[delete("/api/tenants/members/me")]
pub async fn leave_tenant(actor: CurrentActor, auth: web::Data<Auth>) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "leave_tenant", async |tx| {
        leave(tx, &auth, &actor).await
    })
    .await?;
    forget_here(&auth, &ended);
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

/// Two admins who leave at the same moment leave one after the other: the second is the last.
async fn leave(tx: &mut Connection, auth: &Auth, actor: &CurrentActor) -> Result<Vec<SessionId>, Error> {
    let (tenant, now) = (actor.tenant_id, auth.platform.clock.now());
    tenants::hold(tx, tenant).await?;
    memberships::hold(tx, tenant, &[actor.user_id]).await?;
    let (_, membership) = require_live(tx, auth.realm, Claimed::from(actor), now).await?;
    let trail = auth.trail(tenant, actor.actor());
    end_membership(tx, auth, &trail, (actor.user_id, &membership), AuditAction::MembershipLeft).await
}

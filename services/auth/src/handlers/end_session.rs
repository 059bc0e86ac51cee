//! `DELETE /api/auth/sessions/{id}`

use actix_web::{HttpResponse, delete, web};
use serde_json::json;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::{CurrentActor, Revocation};
use shinkofa_kernel::{SessionId, defended};
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability};

use crate::db::{revocations, sessions, users};
use crate::domain::audit::AuditAction;
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::liveness::{Claimed, require_member, require_recent};
use crate::session_family::{Going, end_family};
use crate::withdrawal::forget_here;
use crate::{Auth, limits};

/// Sign one device out
///
/// Its refresh token is refused from now on, its access tokens within seconds. The session that asks may end itself;
/// any other takes somebody who showed lately who they are. What was opened from it by switching studios ends with it; what it was
/// opened from goes on.
/// Another person's session answers as one that does not exist.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path)),
    security(("bearer" = [])),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required`: see `www-authenticate`"),
    ),
)]
#[delete("/api/auth/sessions/{id}")]
pub async fn end_session(
    auth: web::Data<Auth>,
    actor: CurrentActor,
    id: Path<SessionId>,
) -> Result<HttpResponse, Error> {
    let Path(id) = id;
    auth.platform.limiter.require(&limits::SESSIONS_BY_USER, &actor.user_id.to_string()).await?;
    let now = auth.platform.clock.now();
    let revocation = Revocation::Session { session_id: id };
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "end_session", async |tx| {
        // Whoever switches studios meanwhile is waited for, so that nothing is missed that they open.
        users::lock(tx, auth.realm, actor.user_id).await?;
        let live = require_member(tx, auth.realm, Claimed::from(&actor), now).await?;
        if id != actor.session_id {
            require_recent(tx, &auth, &live, now).await?;
        }
        let theirs = sessions::live_place(tx, (auth.realm, actor.user_id, id), now).await?;
        let own = theirs.is_some() || !defended!("V24-person");
        if !own || !sessions::end(tx, (auth.realm, id), now).await? {
            return Err(Error::NotFound);
        }
        revocations::record(tx, &revocation, now).await?;
        let details = json!({ "reason": SessionEnd::EndedByOwner, "userId": actor.user_id });
        trail.session(tx, AuditAction::SessionEnded, id, details).await?;
        let session = sessions::find(tx, auth.realm, id).await?.ok_or(Error::NotFound)?;
        let mut ended = end_family(tx, &auth, &trail, (&session, Going::OpenedFromIt)).await?;
        ended.push(id);
        Ok(ended)
    })
    .await?;
    forget_here(&auth, &ended);
    Ok(HttpResponse::NoContent().finish())
}

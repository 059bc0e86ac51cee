//! `POST /api/auth/security-timeline/{eventId}/not-me`

use actix_web::{HttpResponse, post, web};
use serde_json::json;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, RateRefusal, Unavailability};

use crate::db::timeline::{self, AuditEventId};
use crate::db::users;
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};
use crate::securing::{Disowned, ToldBy, begun, secure};
use crate::{Auth, limits};

// No rule tells here whose an address is. That this session began before the address was changed says nothing: so did the one that
// changed it. Nor does a factor that is older than the change: whoever changed it had shown the account's factors. And whoever
// reports may be the stranger, who would put back the address that the owner had to leave. The letter to the former address knows.
/// This was not me
///
/// Ends every session, this one too, takes the password away, and sends a link to choose another one to the account's
/// address. An address is not put back here, as the session may be the stranger's own, however old it is: that is done by the link of
/// the letter that the former address was sent. A deletion that was asked for since that event is cancelled. In every studio the keys of
/// service accounts that I made since then are revoked, the open invitations that I made or sent anew taken back, and the webhooks that I
/// made, changed or enabled disabled: not an invitation that somebody else sent anew after, nor a webhook that somebody else enabled.
/// Where I manage nothing of the kind any more, what is older than thirty days stays. Any event of the timeline will do, whichever studio
/// it happened in. Another person's answers as one that does not exist.
#[utoipa::path(
    tag = "sessions",
    params(("eventId" = AuditEventId, Path)),
    security(("bearer" = [])),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
    ),
)]
#[post("/api/auth/security-timeline/{eventId}/not-me")]
pub async fn report_not_me(
    auth: web::Data<Auth>,
    actor: CurrentActor,
    event: Path<AuditEventId>,
) -> Result<HttpResponse, Error> {
    let Path(event) = event;
    auth.platform.limiter.require(&limits::NOT_ME_BY_USER, &actor.user_id.to_string()).await?;
    let now = auth.platform.clock.now();
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let secured = transaction(&auth.platform.database, &scope, "report_not_me", async |tx| {
        users::lock(tx, auth.realm, actor.user_id).await?;
        let (account, _) = require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        let entry = timeline::find(tx, actor.user_id, event).await?;
        let entry = entry.ok_or(Error::NotFound)?;
        // Not the studio of the event: what somebody is elsewhere is nothing for this one's trail.
        let details = json!({ "eventId": entry.id, "action": entry.action, "sessionId": actor.session_id });
        let (action, since) = (AuditAction::NotMeReported, begun(entry.occurred_at));
        let disowned = Disowned { action, details, since, told_by: ToldBy::Session };
        secure(tx, &auth, &trail, &account, disowned).await
    })
    .await?;
    auth.secured(&secured);
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

//! `POST /api/auth/logout`

use actix_web::http::header::SET_COOKIE;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde_json::json;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::{LeavingActor, Revocation};
use shinkofa_web::{CallerRefusals, Unavailability};

use crate::Auth;
use crate::browser::forget_refresh_token;
use crate::db::{revocations, sessions, users};
use crate::domain::audit::AuditAction;
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::liveness::{Claimed, require_signed_in};
use crate::session_family::{Going, end_family};
use crate::withdrawal::forget_here;

/// Sign out
///
/// Ends the session of the access token: its refresh token is refused from now on, its access tokens within seconds. In
/// cookie mode the browser forgets the cookie. What was opened from it by switching studios ends with it; what it was opened from
/// goes on.
#[utoipa::path(
    tag = "sign-in",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 204),
    ),
)]
#[post("/api/auth/logout")]
pub async fn sign_out(
    request: HttpRequest,
    auth: web::Data<Auth>,
    LeavingActor(actor): LeavingActor,
) -> Result<HttpResponse, Error> {
    let now = auth.platform.clock.now();
    let revocation = Revocation::Session { session_id: actor.session_id };
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "sign_out", async |tx| {
        // Whoever switches studios meanwhile is waited for, so that nothing is missed that they open.
        users::lock(tx, auth.realm, actor.user_id).await?;
        let live = require_signed_in(tx, auth.realm, Claimed::from(&actor), now).await?;
        let mut ended = vec![actor.session_id];
        if sessions::end(tx, (auth.realm, actor.session_id), now).await? {
            revocations::record(tx, &revocation, now).await?;
            let details = json!({ "reason": SessionEnd::SignedOut });
            let trail = auth.trail(actor.tenant_id, actor.actor());
            trail.session(tx, AuditAction::SessionEnded, actor.session_id, details).await?;
            ended.extend(end_family(tx, &auth, &trail, (&live.session, Going::OpenedFromIt)).await?);
        }
        Ok::<_, Error>(ended)
    })
    .await?;
    // This process knows at once; the others by the revocation feed.
    forget_here(&auth, &ended);
    let mut response = HttpResponse::NoContent();
    if let Some(cookie) = forget_refresh_token(&request, actor.session_id) {
        response.append_header((SET_COOKIE, cookie));
    }
    Ok(response.finish())
}

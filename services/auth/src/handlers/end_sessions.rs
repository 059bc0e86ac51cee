//! `DELETE /api/auth/sessions`

use actix_web::{HttpResponse, delete, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::{CurrentActor, Revocation};
use shinkofa_kernel::{SessionId, defended};
use shinkofa_web::{CallerRefusals, ParameterRefusal, ProblemDocument, Query, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::db::{revocations, sessions, users};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::liveness::{Claimed, require_member, require_recent};
use crate::{Auth, limits};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndSessionsQuery {
    except: Option<Spared>,
}

/// What is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spared {
    /// The session that asks.
    Current,
}

/// Sign out everywhere
///
/// With `?except=current` everywhere else. Takes somebody who showed lately who they are. Refresh tokens are refused from now on, access tokens within seconds.
#[utoipa::path(
    tag = "sessions",
    params(("except" = inline(Option<Spared>), Query, description = "`current`: this session goes on")),
    security(("bearer" = [])),
    responses(
        CallerRefusals, ParameterRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required`: see `www-authenticate`"),
    ),
)]
#[delete("/api/auth/sessions")]
pub async fn end_sessions(
    auth: web::Data<Auth>,
    actor: CurrentActor,
    query: Query<EndSessionsQuery>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::SESSIONS_BY_USER, &actor.user_id.to_string()).await?;
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let taken_back = transaction(&auth.platform.database, &scope, "end_sessions", async |tx| {
        users::lock(tx, auth.realm, actor.user_id).await?;
        let live = require_member(tx, auth.realm, Claimed::from(&actor), now).await?;
        require_recent(tx, &auth, &live, now).await?;
        match query.0.except {
            Some(Spared::Current) => end_others(tx, &auth, &actor).await,
            None => end_all(tx, &auth, &actor).await,
        }
    })
    .await?;
    for revocation in &taken_back {
        auth.revoked(revocation);
    }
    Ok(HttpResponse::NoContent().finish())
}

/// One by one: the token version would end this session's access token as well.
async fn end_others(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
) -> Result<Vec<Revocation>, Error> {
    let ended = end_all_but(tx, auth, actor, Some(actor.session_id)).await?;
    revocations::record_sessions(tx, &ended, auth.platform.clock.now()).await?;
    let taken_back: Vec<_> = ended.into_iter().map(|session_id| Revocation::Session { session_id }).collect();
    tell(tx, auth, actor, taken_back.len()).await?;
    Ok(taken_back)
}

async fn end_all(tx: &mut Connection, auth: &Auth, actor: &CurrentActor) -> Result<Vec<Revocation>, Error> {
    let now = auth.platform.clock.now();
    let who = (auth.realm, actor.user_id);
    let ended = end_all_but(tx, auth, actor, None).await?;
    let token_version = users::raise_token_version(tx, who, now).await?;
    let revocation = Revocation::User { user_id: actor.user_id, token_version };
    revocations::record(tx, &revocation, now).await?;
    tell(tx, auth, actor, ended.len()).await?;
    Ok(vec![revocation])
}

async fn end_all_but(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    kept: Option<SessionId>,
) -> Result<Vec<SessionId>, Error> {
    if !defended!("V13-sign-out") {
        return Ok(Vec::new());
    }
    let now = auth.platform.clock.now();
    Ok(sessions::end_all_but(tx, (auth.realm, actor.user_id), kept, now).await?)
}

async fn tell(tx: &mut Connection, auth: &Auth, actor: &CurrentActor, ended: usize) -> Result<(), Error> {
    if ended > 0 {
        let details = json!({ "endedSessions": ended, "sessionId": actor.session_id });
        let trail = auth.trail(actor.tenant_id, actor.actor());
        trail.user(tx, AuditAction::SessionsEnded, actor.user_id, details).await?;
    }
    Ok(())
}

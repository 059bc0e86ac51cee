//! `POST /api/tenants/switch`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, together, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::{SessionId, TenantId};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Problem, ProblemDocument, RateRefusal,
    RequestContext, Unavailability,
};
use utoipa::ToSchema;

use super::sign_in::surroundings;
use crate::banning::require_not_banned;
use crate::db::memberships::{self, Membership};
use crate::db::sessions::{self, Session};
use crate::db::users::{self, Account};
use crate::db::{scope, session_families};
use crate::domain::device::{DeviceBinding, DeviceId, Surroundings};
use crate::domain::proof::{Carried, Proof};
use crate::domain::refresh_token::RefreshToken;
use crate::domain::rotation::{SameDevice, Verdict};
use crate::domain::session::SessionMode;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};
use crate::reused_token::{end_reused, refuse_ended};
use crate::session_opening::{Newcomer, Opening, TokenAnswer, look_at, open, open_key};
use crate::{Auth, limits};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwitchRequest {
    /// Another than the one that this session is in.
    tenant_id: TenantId,
    /// The current one of this session: an access token alone, which lasts minutes, opens nothing that lasts longer. It is not used
    /// up. Any text that is no such token is refused with 401.
    #[schema(max_length = 512, example = "AQGSAAAAAABwAIAAAAAAAAAAAAAAAAABvEaS8Rq3LZ0")]
    refresh_token: String,
    /// The one that was sent at sign-in. Where it is absent and the network or the program is another one, this counts as a sign-in on
    /// a new device, which is told by letter.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "phone-7f3a")]
    device_id: Option<DeviceId>,
}

/// Sign in to another of my studios
///
/// Opens a session there beside this one, with what was shown for this one and until this one would end: nothing is asked again,
/// unless the role there asks for it more often (`sign_in_there`). It ends with this one, where its
/// owner ends that.
/// Where the role there needs a second factor that was not shown, the token opens enrolment alone. The tokens are good at the
/// hosts of that studio (`GET /api/tenants`). The refresh token is judged as by `POST /api/auth/refresh`: one that was used before ends
/// this session for whoever holds one, with all that were opened from one another, and its owner is told by letter. A studio that I am no active member of answers as one that does not exist. A session
/// of cookie mode stays where it is: the cookie of one host is of no use at another's.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    request_body = SwitchRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = TokenAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`sign_in_there`: a session of cookie mode, or one that began too long ago for the role there"),
    ),
)]
#[post("/api/tenants/switch")]
pub async fn switch_tenant(
    actor: CurrentActor,
    auth: web::Data<Auth>,
    request: HttpRequest,
    context: RequestContext,
    body: Body<SwitchRequest>,
) -> Result<HttpResponse, Error> {
    let surroundings = surroundings(&request, &context);
    auth.platform.limiter.require(&limits::SWITCH_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let outcome = transaction(&auth.platform.database, &scope, "switch_tenant", async |tx| {
        switch(tx, &auth, &actor, &body.0, &surroundings).await
    })
    .await?;
    match outcome {
        Outcome::Opened(answer) => {
            metrics::counter!("auth_logins_total", "outcome" => "switched").increment(1);
            auth.platform.committed();
            Ok(answer.respond(StatusCode::OK))
        }
        Outcome::Ended(with_it) => Err(refuse_ended(&auth, actor.session_id, &with_it)),
    }
}

/// A refusal may have ended the session, which has to be committed: so it is no error of the transaction.
enum Outcome {
    Opened(Box<TokenAnswer>),
    /// What went with it.
    Ended(Vec<SessionId>),
}

/// Looks again as long as somebody else moves the session in between, as a refresh does.
async fn switch(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    asked: &SwitchRequest,
    surroundings: &Surroundings,
) -> Result<Outcome, Error> {
    if asked.tenant_id == actor.tenant_id {
        return Err(Problem::invalid_field("/tenantId", "is the studio that you are signed in to").into());
    }
    let now = auth.platform.clock.now();
    // A factor that is being added ends all sessions: it must not miss this one. And locked, not held beside others: whoever shows an
    // old token ends all that a switch beside this one opens.
    users::lock(tx, auth.realm, actor.user_id).await?;
    let (account, _) = require_live(tx, auth.realm, Claimed::from(actor), now).await?;
    let shown = DeviceBinding::new(asked.device_id.as_ref(), surroundings);
    loop {
        let session = sessions::find(tx, auth.realm, actor.session_id).await?;
        let session = session.filter(|session| session.is_live(now)).ok_or(Error::Unauthenticated)?;
        match judge(auth, &asked.refresh_token, &session, (&shown, now))? {
            Verdict::Reused => {
                return Ok(Outcome::Ended(end_reused(tx, auth, &session, &account).await?));
            }
            Verdict::Repeat { counted: true }
                if !sessions::count_repeat(tx, (auth.realm, session.id), session.rotation()).await? => {}
            Verdict::Rotate | Verdict::Repeat { .. } => {
                let origin = (&account, &session);
                let answer = open_there(tx, auth, actor, (origin, asked.tenant_id), (&shown, surroundings));
                return Ok(Outcome::Opened(Box::new(answer.await?)));
            }
        }
    }
}

/// What the token of a session gets, by the rules of a refresh; the current one is not used up. Only somebody who held one of its
/// tokens can end a session.
fn judge(
    auth: &Auth,
    text: &str,
    session: &Session,
    (shown, now): (&DeviceBinding, DateTime<Utc>),
) -> Result<Verdict, Error> {
    let key = open_key(auth, session)?;
    // Nor does whoever has the access token of a browser's session get a refresh token out of it that scripts can read.
    if key.mode() == SessionMode::Cookie {
        return Err(Error::SignInThere);
    }
    let token = RefreshToken::try_from(text.to_owned()).map_err(|_| Error::RefreshRefused)?;
    if token.session != session.id || !token.is_authentic(&key) {
        return Err(Error::RefreshRefused);
    }
    let same_device = if session.binding().is(shown) { SameDevice::Yes } else { SameDevice::No };
    Ok(session.rotation().judge(token.generation, same_device, now))
}

async fn open_there(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    ((account, session), target): ((&Account, &Session), TenantId),
    (shown, surroundings): (&DeviceBinding, &Surroundings),
) -> Result<TokenAnswer, Error> {
    scope::enter_tenant(tx, target).await?;
    let membership = memberships::held(tx, target, actor.user_id).await?;
    let membership = membership.filter(Membership::is_active).ok_or_else(Problem::not_found)?;
    let carried = Carried {
        shown_at: session.authenticated_at,
        ends_at: session.absolute_expires_at,
        origin: session_families::as_origin(tx, auth.realm, session.id).await?,
    };
    let proof =
        Proof { methods: session.amr.clone(), assurance: session.assurance(), carried: Some(carried) };
    // Whoever has a copy of the tokens is not on the session's device: what is familiar is told by what the caller comes with.
    let newcomer = Newcomer { user: account.id, assurance: proof.assurance, binding: shown, surroundings };
    let device = shown.device.or(session.binding().device);
    let binding = DeviceBinding { device, surroundings: shown.surroundings };
    let accounts = [account.id];
    let (looked, ()) = together!(
        look_at(tx, auth, target, &newcomer),
        // Nor does a device that was banned come in by saying nothing of itself.
        require_not_banned(tx, auth, target, (&accounts, &binding, surroundings)),
    )?;
    let opening = Opening { account, membership: &membership, binding: &binding, surroundings, proof };
    open(tx, auth, &auth.trail(target, actor.actor()), (&opening, &looked)).await
}

//! `POST /api/auth/reauthenticate/passkey/verify`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, transaction};
use shinkofa_identity::{AssuranceLevel, CurrentActor, EnrollingActor};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use super::reauthenticate::{go_on, lock, scope};
use super::sign_in::surroundings;
use crate::attempts::require_unlocked;
use crate::db::passkeys::{self, Credential};
use crate::db::{failures, users};
use crate::domain::device::{Digest, Surroundings};
use crate::domain::lockout;
use crate::domain::webauthn::Asserted;
use crate::error::Error;
use crate::liveness::{Claimed, require_session};
use crate::passkey_ceremony::{Occasion, believe_after, note_refusal, take_challenge, use_passkey};
use crate::passkey_wire::AuthenticationCredential;
use crate::session_opening::TokenAnswer;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasskeyReauthenticationRequest {
    credential: AuthenticationCredential,
}

/// Show a passkey again
///
/// Opens what `step_up_required` refuses, for ten minutes. Takes what `toJSON()` of the browser's credential gives, and answers
/// the next tokens of the same session. What is wrong makes the next attempt wait.
#[utoipa::path(
    tag = "passkeys",
    security(("bearer" = [])),
    request_body = PasskeyReauthenticationRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = TokenAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`reauthentication_refused` or `passkey_cloned`"),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`challenge_gone`"),
    ),
)]
#[post("/api/auth/reauthenticate/passkey/verify")]
pub async fn reauthenticate_by_passkey(
    request: HttpRequest,
    auth: web::Data<Auth>,
    EnrollingActor(actor): EnrollingActor,
    context: RequestContext,
    body: Body<PasskeyReauthenticationRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::REAUTHENTICATE_BY_USER, &actor.user_id.to_string()).await?;
    let surroundings = surroundings(&request, &context);
    let answer = answer(&auth, &actor, &surroundings, &body.0.credential).await?;
    auth.platform.committed();
    Ok(answer.respond(StatusCode::OK))
}

/// A passkey that the owner of a session shows. Its challenge is used up.
struct Presented {
    stored: Option<Credential>,
    /// Whose failed attempts are counted.
    subject: Digest,
    /// What the session showed until now.
    methods: String,
}

async fn answer(
    auth: &Auth,
    actor: &CurrentActor,
    surroundings: &Surroundings,
    credential: &AuthenticationCredential,
) -> Result<TokenAnswer, Error> {
    let scope = scope(auth, actor);
    let presented =
        transaction(&auth.platform.database, &scope, "try_passkey_reauthentication", async |tx| {
            present(tx, auth, actor, credential).await
        })
        .await?;
    let Presented { stored, subject, methods } = &presented;
    let shown = stored
        .as_ref()
        .and_then(|stored| Some((stored, believe_after(auth, methods, (credential, stored))?)));
    let result = match &shown {
        Some((stored, asserted)) => {
            transaction(&auth.platform.database, &scope, "reauthenticate_by_passkey", async |tx| {
                accept(tx, auth, actor, (stored, asserted, subject), surroundings).await
            })
            .await
        }
        None => Err(Error::ReauthenticationRefused),
    };
    let trail = auth.trail(actor.tenant_id, actor.actor());
    note_refusal(auth, &trail, (stored.as_ref(), &[*subject]), result).await
}

async fn present(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    credential: &AuthenticationCredential,
) -> Result<Presented, Error> {
    let now = auth.platform.clock.now();
    let live = require_session(tx, auth.realm, Claimed::from(actor), now).await?;
    let (subject, methods) = (lockout::reauthentication(actor.user_id), live.session.amr);
    require_unlocked(tx, auth, &[subject]).await?;
    let Ok(challenge) = credential.challenge() else {
        return Ok(Presented { stored: None, subject, methods });
    };
    take_challenge(tx, auth, &Occasion::step_up(actor), &challenge).await?;
    let stored = passkeys::credential_of(tx, (auth.realm, actor.user_id), credential.id()).await?;
    Ok(Presented { stored, subject, methods })
}

async fn accept(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (stored, asserted, subject): (&Credential, &Asserted, &Digest),
    surroundings: &Surroundings,
) -> Result<TokenAnswer, Error> {
    // The account before its sessions, as a change of factors has them.
    users::hold(tx, auth.realm, actor.user_id).await?;
    let live = lock(tx, auth, actor).await?;
    let shown = use_passkey(tx, auth, stored, asserted).await?.ok_or(Error::ReauthenticationRefused)?;
    failures::clear(tx, auth.realm, subject).await?;
    let methods = shown.added_to(&live.session.amr);
    go_on(tx, auth, (live, surroundings), (&methods, AssuranceLevel::Aal2)).await
}

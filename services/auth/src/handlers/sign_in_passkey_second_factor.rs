//! `POST /api/auth/signin/mfa/passkey/verify`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::Actor;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::attempts::require_unlocked;
use crate::browser::{SessionModeHeader, SignInCaller};
use crate::db::passkeys::{self, Credential};
use crate::domain::device::Surroundings;
use crate::domain::one_time_token::OneTimeToken;
use crate::domain::webauthn::Asserted;
use crate::error::Error;
use crate::passkey_ceremony::{Occasion, believe_after, note_refusal, take_challenge, use_passkey};
use crate::passkey_wire::AuthenticationCredential;
use crate::second_step::{self, Finishing, HalfWay};
use crate::session_opening::TokenAnswer;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasskeySecondFactorRequest {
    /// From the answer of the first step.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k")]
    mfa_token: OneTimeToken,
    credential: AuthenticationCredential,
    /// Let this device leave out the second factor for 30 days. Needs the `deviceId` of the first step; where the role makes
    /// a second factor mandatory it does nothing.
    #[serde(default)]
    remember_device: bool,
}

/// Sign in, second step, with a passkey
///
/// Takes the token of the first step and what `toJSON()` of the browser's credential gives, for the challenge that was given
/// out in this step. Somebody else's passkey, one that was removed and one that is not to be believed have one answer, and
/// count as failed attempts to sign in.
#[utoipa::path(
    tag = "passkeys",
    params(SessionModeHeader),
    request_body = PasskeySecondFactorRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = TokenAnswer),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json", description = "`second_factor_refused`"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`passkey_cloned` or `banned`; `origin_refused` in cookie mode"),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`challenge_gone`"),
    ),
)]
#[post("/api/auth/signin/mfa/passkey/verify")]
pub async fn sign_in_passkey_second_factor(
    auth: web::Data<Auth>,
    SignInCaller(surroundings): SignInCaller,
    body: Body<PasskeySecondFactorRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::SIGN_IN_BY_NETWORK, surroundings.network()).await?;
    second_step::respond(&auth, answer(&auth, &surroundings, body.0).await)
}

async fn answer(
    auth: &Auth,
    surroundings: &Surroundings,
    body: PasskeySecondFactorRequest,
) -> Result<TokenAnswer, Error> {
    let PasskeySecondFactorRequest { mfa_token, credential, remember_device } = body;
    let finishing = Finishing { token: &mfa_token, surroundings, remember_device };
    let database = &auth.platform.database;
    // Attempt and challenge are used up before the signature is looked at: nothing that fails later takes them back.
    let tried = transaction(database, &Scope::realm(auth.realm), "try_passkey_second_factor", async |tx| {
        present(tx, auth, &mfa_token, &credential).await
    })
    .await?;
    let (half_way, stored) = tried.ok_or(Error::SecondFactorRefused)?;
    finishing.require_named_device(&half_way)?;
    let methods = &half_way.first.methods;
    let shown = stored
        .as_ref()
        .and_then(|stored| Some((stored, believe_after(auth, methods, (&credential, stored))?)));
    let result = match &shown {
        Some((stored, asserted)) => sign_in(auth, &half_way, (stored, asserted), &finishing).await,
        None => Err(Error::SecondFactorRefused),
    };
    let trail = auth.trail(half_way.grant.for_tenant, Actor::Anonymous);
    note_refusal(auth, &trail, (stored.as_ref(), &half_way.first.subjects), result).await
}

async fn present(
    tx: &mut Connection,
    auth: &Auth,
    token: &OneTimeToken,
    credential: &AuthenticationCredential,
) -> Result<Option<(HalfWay, Option<Credential>)>, Error> {
    let Some(half_way) = second_step::attempt(tx, auth, token).await? else { return Ok(None) };
    require_unlocked(tx, auth, &half_way.first.subjects).await?;
    let user = half_way.account.id;
    let Ok(challenge) = credential.challenge() else { return Ok(Some((half_way, None))) };
    take_challenge(tx, auth, &Occasion::second_factor(token.digest(), user), &challenge).await?;
    let stored = passkeys::credential_of(tx, (auth.realm, user), credential.id()).await?;
    Ok(Some((half_way, stored)))
}

async fn sign_in(
    auth: &Auth,
    half_way: &HalfWay,
    (stored, asserted): (&Credential, &Asserted),
    finishing: &Finishing<'_>,
) -> Result<TokenAnswer, Error> {
    let scope = half_way.scope(auth);
    transaction(&auth.platform.database, &scope, "sign_in_passkey_second_factor", async |tx| {
        let membership = second_step::membership_of(tx, half_way).await?;
        let shown = use_passkey(tx, auth, stored, asserted).await?.ok_or(Error::SecondFactorRefused)?;
        second_step::finish(tx, auth, (half_way, &membership), shown, finishing).await
    })
    .await
}

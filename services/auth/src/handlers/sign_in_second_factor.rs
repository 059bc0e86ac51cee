//! `POST /api/auth/signin/mfa`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::Actor;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::attempts::record_failure;
use crate::browser::{SessionModeHeader, SignInCaller};
use crate::domain::device::{Digest, Surroundings};
use crate::domain::one_time_token::OneTimeToken;
use crate::domain::totp::FactorCode;
use crate::error::Error;
use crate::factor_codes::{self, CountedGuess, Guess};
use crate::first_factor::asked;
use crate::second_step::{self, Finishing, HalfWay};
use crate::session_opening::TokenAnswer;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecondFactorRequest {
    /// From the answer of `POST /api/auth/signin`.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "Zm9yLW9uZS1zdGVwLWFuZC1ub3RoaW5nLWVsc2UtMDE")]
    mfa_token: OneTimeToken,
    /// What the authenticator app shows, what the letter says, or a recovery code.
    #[schema(value_type = String, min_length = 1, max_length = 64, example = "123456")]
    code: FactorCode,
    /// Let this device leave out the second factor for 30 days. Needs the `deviceId` of the first step, or cookie mode; where
    /// the role makes a second factor mandatory it does nothing.
    #[serde(default)]
    remember_device: bool,
}

/// Sign in, second step
///
/// Takes the token of the first step and a code of the second factor. A token that is unknown, older than five minutes or
/// tried too often answers as a wrong code does. Wrong codes count as failed attempts to sign in, and apart from them, so that another
/// password by letter takes none back; of one account no more than three are looked at in the thirty seconds that a code of an authenticator app is good for.
#[utoipa::path(
    tag = "sign-in",
    params(SessionModeHeader),
    request_body = SecondFactorRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = TokenAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`banned`; `origin_refused` in cookie mode"),
    ),
)]
#[post("/api/auth/signin/mfa")]
pub async fn sign_in_second_factor(
    auth: web::Data<Auth>,
    SignInCaller(surroundings): SignInCaller,
    body: Body<SecondFactorRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::SIGN_IN_BY_NETWORK, surroundings.network()).await?;
    second_step::respond(&auth, answer(&auth, &surroundings, body.0).await)
}

async fn answer(
    auth: &Auth,
    surroundings: &Surroundings,
    body: SecondFactorRequest,
) -> Result<TokenAnswer, Error> {
    let SecondFactorRequest { mfa_token, code, remember_device } = body;
    let (database, challenge) = (&auth.platform.database, mfa_token.digest());
    let finishing = Finishing { token: &mfa_token, surroundings, remember_device };
    // The count is committed before the code is looked at: nothing that fails later takes it back.
    let counted = transaction(database, &Scope::realm(auth.realm), "try_second_factor", async |tx| {
        count(tx, auth, (&mfa_token, &challenge), &code).await
    })
    .await?;
    let (half_way, counted) = counted.ok_or(Error::SecondFactorRefused)?;
    finishing.require_named_device(&half_way)?;
    let HalfWay { account, first, .. } = &half_way;
    let guess = Guess { user: account.id, code: &code, subjects: &first.subjects, challenge: &challenge };
    let result = transaction(database, &half_way.scope(auth), "sign_in_second_factor", async |tx| {
        finish(tx, auth, &half_way, (&guess, &counted), &finishing).await
    })
    .await;
    if matches!(result, Err(Error::SecondFactorRefused)) {
        record_failure(auth, &first.subjects).await?;
    }
    result
}

async fn count(
    tx: &mut Connection,
    auth: &Auth,
    (token, challenge): (&OneTimeToken, &Digest),
    code: &FactorCode,
) -> Result<Option<(HalfWay, CountedGuess)>, Error> {
    let Some(half_way) = second_step::attempt(tx, auth, token).await? else { return Ok(None) };
    let guess = Guess { user: half_way.account.id, code, subjects: &half_way.first.subjects, challenge };
    let counted = factor_codes::count(tx, auth, &guess).await?;
    Ok(Some((half_way, counted)))
}

async fn finish(
    tx: &mut Connection,
    auth: &Auth,
    half_way: &HalfWay,
    (guess, counted): (&Guess<'_>, &CountedGuess),
    finishing: &Finishing<'_>,
) -> Result<TokenAnswer, Error> {
    let HalfWay { grant, account, first } = half_way;
    let membership = second_step::membership_of(tx, half_way).await?;
    let asked = asked(tx, auth, account, &membership.authority().weight(), &first.methods).await?;
    let shown = factor_codes::accept(tx, auth, (guess, counted), &asked).await?;
    let shown = shown.ok_or(Error::SecondFactorRefused)?;
    let answer = second_step::finish(tx, auth, (half_way, &membership), shown, finishing).await?;
    let trail = auth.trail(grant.for_tenant, Actor::user(account.id));
    factor_codes::tell_of_recovery(tx, auth, &trail, account, shown).await?;
    Ok(answer)
}

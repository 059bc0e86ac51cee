//! `POST /api/auth/signin/mfa`

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::{Actor, UserId};
use shinkofa_web::{Body, Fault, ProblemDocument, RequestContext};
use utoipa::ToSchema;

use super::sign_in::surroundings;
use crate::attempts::record_failure;
use crate::db::factors::{self, CodeFactor};
use crate::db::failures;
use crate::db::memberships::{self, Membership};
use crate::db::one_time_tokens::{self, TokenGrant};
use crate::db::users::{self, Account};
use crate::domain::device::{DeviceBinding, Surroundings};
use crate::domain::lockout;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::domain::totp::FactorCode;
use crate::error::Error;
use crate::session_opening::{Opening, Proof, TokenAnswer, open_session};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecondFactorRequest {
    /// From the answer of `POST /api/auth/signin`.
    #[schema(value_type = String, min_length = 1, max_length = 512)]
    mfa_token: OneTimeToken,
    /// From the second factor.
    #[schema(value_type = String, min_length = 1, max_length = 64, example = "123456")]
    code: FactorCode,
}

/// A token takes so many codes, right or wrong.
const MOST_ATTEMPTS: i32 = 5;

/// Sign in, second step
///
/// Takes the token of the first step and a code of the second factor. A token that is unknown, older than five minutes or
/// tried too often answers as a wrong code does. Wrong codes count as failed attempts to sign in.
#[utoipa::path(
    tag = "sign-in",
    request_body = SecondFactorRequest,
    responses(
        (status = 200, body = TokenAnswer),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`banned`"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
#[post("/api/auth/signin/mfa")]
pub async fn sign_in_second_factor(
    request: HttpRequest,
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<SecondFactorRequest>,
) -> Result<HttpResponse, Error> {
    let Body(SecondFactorRequest { mfa_token, code }) = body;
    auth.platform.limiter.require(&limits::SIGN_IN_BY_NETWORK, context.client.as_str()).await?;
    let (database, now) = (&auth.platform.database, auth.platform.clock.now());
    // The count is committed before the code is looked at: nothing that fails later takes it back.
    let grant = transaction(database, &Scope::realm(auth.realm), "try_second_factor", async |tx| {
        let token = (TokenPurpose::SecondFactor, &mfa_token);
        let grant = one_time_tokens::attempt(tx, auth.realm, token, (MOST_ATTEMPTS, now)).await?;
        let Some(grant) = grant else { return Ok(None) };
        let account =
            users::find(tx, auth.realm, grant.user_id).await?.filter(|account| account.is_usable(now));
        Ok::<_, Error>(account.map(|account| (grant, account)))
    })
    .await?;
    let (grant, account) = grant.ok_or(Error::SecondFactorRefused)?;

    let surroundings = surroundings(&request, &context);
    let scope = Scope::realm(auth.realm).with_tenant(grant.for_tenant).with_user(grant.user_id);
    let result = transaction(database, &scope, "sign_in_second_factor", async |tx| {
        finish(tx, &auth, (&mfa_token, &code), (&grant, &account), &surroundings).await
    })
    .await;
    if matches!(result, Err(Error::SecondFactorRefused)) {
        record_failure(&auth, &lockout::subject(&account.email_canonical, None)).await?;
    }
    let outcome = match &result {
        Ok(_) => "signed_in",
        Err(Error::SecondFactorRefused) => "second_factor_refused",
        Err(_) => "fault",
    };
    metrics::counter!("auth_logins_total", "outcome" => outcome).increment(1);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(result?))
}

async fn finish(
    tx: &mut Connection,
    auth: &Auth,
    (token, code): (&OneTimeToken, &FactorCode),
    (grant, account): (&TokenGrant, &Account),
    surroundings: &Surroundings,
) -> Result<TokenAnswer, Error> {
    let now = auth.platform.clock.now();
    if !accept_code(tx, auth, account.id, code).await? {
        return Err(Error::SecondFactorRefused);
    }
    let used = one_time_tokens::consume(tx, auth.realm, (TokenPurpose::SecondFactor, token), now).await?;
    used.ok_or(Error::SecondFactorRefused)?;
    let membership = memberships::find(tx, grant.for_tenant, account.id).await?;
    let membership = membership.filter(Membership::is_active).ok_or(Error::SecondFactorRefused)?;
    failures::clear(tx, auth.realm, &lockout::subject(&account.email_canonical, None)).await?;

    let device = grant.device_hash.as_deref().and_then(|bytes| bytes.try_into().ok());
    let binding = DeviceBinding { device, surroundings: surroundings.digest() };
    let trail = auth.trail(grant.for_tenant, Actor::user(account.id));
    let opening = Opening {
        account,
        membership: &membership,
        binding: &binding,
        surroundings,
        proof: Proof::PASSWORD_AND_CODE,
    };
    open_session(tx, auth, &trail, &opening).await
}

async fn accept_code(
    tx: &mut Connection,
    auth: &Auth,
    user: UserId,
    code: &FactorCode,
) -> Result<bool, Error> {
    let now = auth.platform.clock.now();
    for factor in factors::confirmed_totp(tx, auth.realm, user).await? {
        let context = CodeFactor::sealed_for(factor.id);
        let secret = auth.sealing.open(&context, &factor.secret_sealed).map_err(Fault::unexpected)?;
        if let Some(step) = code.step_of(&secret, factor.last_step, now)
            && factors::use_step(tx, (auth.realm, user, factor.id), step).await?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

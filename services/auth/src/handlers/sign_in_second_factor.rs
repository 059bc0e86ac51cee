//! `POST /api/auth/signin/mfa`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_web::{Body, ProblemDocument, RequestContext};
use utoipa::ToSchema;

use crate::db::one_time_tokens;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::error::Error;
use crate::session_opening::TokenAnswer;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecondFactorRequest {
    /// From the answer of `POST /api/auth/signin`.
    #[schema(value_type = String, min_length = 1, max_length = 512)]
    mfa_token: OneTimeToken,
    /// From the second factor.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "123456")]
    code: OneTimeToken,
}

/// A token takes so many codes, right or wrong.
const MOST_ATTEMPTS: i32 = 5;

/// Sign in, second step
///
/// Takes the token of the first step and a code of the second factor. A token that is unknown, older than five minutes or
/// tried too often answers as a wrong code does.
#[utoipa::path(
    tag = "sign-in",
    request_body = SecondFactorRequest,
    responses(
        (status = 200, body = TokenAnswer),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
#[post("/api/auth/signin/mfa")]
pub async fn sign_in_second_factor(
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<SecondFactorRequest>,
) -> Result<HttpResponse, Error> {
    let Body(SecondFactorRequest { mfa_token, code }) = body;
    auth.platform.limiter.require(&limits::SIGN_IN_BY_NETWORK, context.client.as_str()).await?;
    let now = auth.platform.clock.now();
    // The count is committed before the code is looked at: nothing that fails later takes it back.
    let grant =
        transaction(&auth.platform.database, &Scope::realm(auth.realm), "try_second_factor", async |tx| {
            let token = (TokenPurpose::SecondFactor, &mfa_token);
            Ok::<_, Error>(one_time_tokens::attempt(tx, auth.realm, token, (MOST_ATTEMPTS, now)).await?)
        })
        .await?;
    let grant = grant.ok_or(Error::SecondFactorRefused)?;
    tracing::debug!(user = %grant.user_id, attempt = grant.attempts, length = code.as_str().len(), "second factor tried");
    // No kind of factor can be enrolled yet, so no code is right.
    Err(Error::SecondFactorRefused)
}

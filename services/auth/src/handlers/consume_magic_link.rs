//! `POST /api/auth/magic-link/consume`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_identity::HostTenant;
use shinkofa_kernel::TenantId;
use shinkofa_web::{Body, ParameterRefusal, Problem, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::browser::{SessionModeHeader, SignInCaller};
use crate::domain::device::{DeviceId, Surroundings};
use crate::domain::email::EmailAddress;
use crate::domain::mailed_code::MailedCode;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::domain::pkce::{CodeVerifier, PkceMissing};
use crate::error::Error;
use crate::first_factor::{self, SignInAnswer};
use crate::mailed_sign_in::{Presented, finish, present_code, present_token};
use crate::{Auth, limits};

/// Either `token`, or `email` and `code`; `codeVerifier` with both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsumeMagicLinkRequest {
    /// From the link in the letter, behind `#token=`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    token: Option<OneTimeToken>,
    #[schema(value_type = Option<String>, format = "email", max_length = 254, example = "anna@example.org")]
    email: Option<EmailAddress>,
    /// The short code of the letter.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 32, example = "7KQ4-XM2D")]
    code: Option<MailedCode>,
    /// What the challenge was made of. Missing, malformed, or the challenge itself: 400.
    #[schema(value_type = String, min_length = 43, max_length = 128, pattern = "^[A-Za-z0-9._~-]{43,128}$", example = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")]
    code_verifier: Option<String>,
    /// The one that was sent when the link was asked for; that one when absent. With `code` it has to be sent where the account knows
    /// the device: the code is good on that one alone.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "phone-7f3a")]
    device_id: Option<DeviceId>,
    /// What this device got when it was remembered: with it the second factor may be left out.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    device_token: Option<OneTimeToken>,
}

/// Sign in by link
///
/// Only a `POST` with the verifier of the browser that asked uses a link up: neither a link scanner nor another browser does.
/// A wrong verifier or code leaves the link as it is, five times, and counts as a failed attempt to sign in. A second factor
/// is asked for as after a password.
#[utoipa::path(
    tag = "sign-in",
    params(SessionModeHeader),
    request_body = ConsumeMagicLinkRequest,
    responses(
        ParameterRefusal, RateRefusal, Unavailability,
        (status = 200, body = SignInAnswer),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json", description = "`pkce_required` among others"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json", description = "`verifier_refused` or `code_refused`"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`account_suspended`, `not_a_member`, `banned` or `other_first_factor_needed`; `origin_refused` in cookie mode"),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`link_gone`: it was used, has expired, or a newer one took its place"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
#[post("/api/auth/magic-link/consume")]
pub async fn consume_magic_link(
    auth: web::Data<Auth>,
    host: HostTenant,
    SignInCaller(surroundings): SignInCaller,
    body: Body<ConsumeMagicLinkRequest>,
) -> Result<HttpResponse, Error> {
    first_factor::respond(answer(&auth, host.0, &surroundings, body.0).await)
}

async fn answer(
    auth: &Auth,
    tenant: TenantId,
    surroundings: &Surroundings,
    body: ConsumeMagicLinkRequest,
) -> Result<SignInAnswer, Error> {
    let ConsumeMagicLinkRequest { token, email, code, code_verifier, device_id, device_token } = body;
    let verifier = CodeVerifier::read(code_verifier.as_deref())?;
    auth.platform.limiter.require(&limits::SIGN_IN_BY_NETWORK, surroundings.network()).await?;
    let device = surroundings.device(device_id.as_ref());
    let shown = device.map(DeviceId::digest);
    let presented = match (token, email, code) {
        (Some(token), None, None) => {
            let presented = present_token(auth, tenant, TokenPurpose::MagicLink, (&token, shown)).await?;
            require_verifier(auth, &presented, &verifier).await?;
            presented
        }
        (None, Some(email), Some(code)) => {
            let limiter = &auth.platform.limiter;
            limiter.require(&limits::SIGN_IN_BY_ADDRESS, &limits::key_on(&email, device)).await?;
            let whose = (&email, shown.as_ref());
            let presented = present_code(auth, tenant, TokenPurpose::MagicLink, whose).await?;
            // One answer for a code that is wrong and a browser that did not ask: nobody learns that a link is on its way.
            let begun_here = presented.challenge().is_some_and(|challenge| challenge.is_met_by(&verifier));
            if !begun_here || !presented.is_right(auth, &code)? {
                return presented.refuse(auth, Error::CodeRefused).await;
            }
            presented
        }
        _ => {
            let only = Problem::invalid_field("/token", "send either `token`, or `email` and `code`");
            return Err(only.into());
        }
    };
    let device = shown.or_else(|| presented.device());
    finish(auth, &presented, (device, device_token.as_ref()), surroundings, || Error::LinkGone).await
}

async fn require_verifier(auth: &Auth, presented: &Presented, verifier: &CodeVerifier) -> Result<(), Error> {
    match presented.challenge() {
        Some(challenge) if challenge.is_met_by(verifier) => Ok(()),
        Some(challenge) if challenge.is_repeated_by(verifier) => {
            presented.refuse(auth, Error::from(PkceMissing)).await
        }
        _ => presented.refuse(auth, Error::VerifierRefused).await,
    }
}

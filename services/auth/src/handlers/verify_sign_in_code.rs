//! `POST /api/auth/otp/verify`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_identity::HostTenant;
use shinkofa_kernel::TenantId;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::browser::{SessionModeHeader, SignInCaller};
use crate::domain::device::{DeviceId, Surroundings};
use crate::domain::email::EmailAddress;
use crate::domain::mailed_code::MailedCode;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::error::Error;
use crate::first_factor::{self, SignInAnswer};
use crate::mailed_sign_in::{finish, present_code};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifySignInCodeRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "anna@example.org")]
    email: EmailAddress,
    /// From the letter.
    #[schema(value_type = String, min_length = 1, max_length = 32, example = "123456")]
    code: MailedCode,
    /// What the client calls its device: random, made once and kept. Send it again with every refresh.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "phone-7f3a")]
    device_id: Option<DeviceId>,
    /// What this device got when it was remembered: with it the second factor may be left out.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    device_token: Option<OneTimeToken>,
}

/// Sign in by code
///
/// A wrong code, an old one, one that is bound to another device, and an address that no code was sent to have one answer, and count
/// as failed attempts to sign in. A second factor is asked for as after a password.
#[utoipa::path(
    tag = "sign-in",
    params(SessionModeHeader),
    request_body = VerifySignInCodeRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = SignInAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`account_suspended`, `not_a_member`, `banned` or `other_first_factor_needed`, only after a right code; `origin_refused` in cookie mode"),
    ),
)]
#[post("/api/auth/otp/verify")]
pub async fn verify_sign_in_code(
    auth: web::Data<Auth>,
    host: HostTenant,
    SignInCaller(surroundings): SignInCaller,
    body: Body<VerifySignInCodeRequest>,
) -> Result<HttpResponse, Error> {
    first_factor::respond(answer(&auth, host.0, &surroundings, body.0).await)
}

async fn answer(
    auth: &Auth,
    tenant: TenantId,
    surroundings: &Surroundings,
    body: VerifySignInCodeRequest,
) -> Result<SignInAnswer, Error> {
    let VerifySignInCodeRequest { email, code, device_id, device_token } = body;
    let limiter = &auth.platform.limiter;
    let device = surroundings.device(device_id.as_ref());
    let of_network = (&limits::SIGN_IN_BY_NETWORK, surroundings.network());
    limiter.require_both(of_network, (&limits::SIGN_IN_BY_ADDRESS, &limits::key_on(&email, device))).await?;
    let device = device.map(DeviceId::digest);
    let presented = present_code(auth, tenant, TokenPurpose::SignInCode, (&email, device.as_ref())).await?;
    if !presented.is_right(auth, &code)? {
        return presented.refuse(auth, Error::CodeRefused).await;
    }
    finish(auth, &presented, (device, device_token.as_ref()), surroundings, || Error::CodeRefused).await
}

//! `POST /api/auth/otp/send`

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_jobs::enqueue;
use shinkofa_kernel::defended;
use shinkofa_web::{Body, BodyRefusals, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::attempts::require_letters_left;
use crate::browser::{SessionModeHeader, SignInCaller};
use crate::db::users;
use crate::domain::device::DeviceId;
use crate::domain::email::EmailAddress;
use crate::error::Error;
use crate::jobs::send_sign_in_code::SendSignInCode;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignInCodeRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "anna@example.org")]
    email: EmailAddress,
    /// What the client calls its device: random, made once and kept. Strangers who ask use up nothing of what one has that the account
    /// was signed in on.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "phone-7f3a")]
    device_id: Option<DeviceId>,
}

/// What became of a request that is answered alike for every address.
#[derive(Debug, Serialize, ToSchema)]
pub struct CodeSent {
    #[schema(example = "code_sent")]
    status: &'static str,
}

/// Ask for a code to sign in with
///
/// Six digits by email, good for ten minutes and five attempts. On a device that the account was signed in on before, the code is good
/// on that device alone: what is asked for and guessed elsewhere leaves it as it is, and a new code takes its place when it is asked
/// for there. Without a `deviceId`, or on another device, it is good on any, until the next one of that sort. The answer is the same
/// for an address without an account, which is sent nothing.
#[utoipa::path(
    tag = "sign-in",
    params(SessionModeHeader),
    request_body = SignInCodeRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 202, body = CodeSent),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`origin_refused` in cookie mode"),
    ),
)]
#[post("/api/auth/otp/send")]
pub async fn send_sign_in_code(
    auth: web::Data<Auth>,
    host: HostTenant,
    SignInCaller(surroundings): SignInCaller,
    body: Body<SignInCodeRequest>,
) -> Result<HttpResponse, Error> {
    let Body(SignInCodeRequest { email, device_id }) = body;
    let device = surroundings.device(device_id.as_ref());
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::SIGN_IN_CODE_BY_NETWORK, surroundings.network()).await?;
    require_letters_left(&auth, &limits::SIGN_IN_CODE_BY_ADDRESS, (&email, device)).await?;

    // The same two statements for every address; the job does the rest, or nothing.
    let clock = &auth.platform.clock;
    transaction(&auth.platform.database, &Scope::realm(auth.realm), "request_sign_in_code", async |tx| {
        let job = SendSignInCode {
            user_id: users::find_by_email(tx, auth.realm, &email).await?.map(|account| account.id),
            device_hash: device.map(|device| hex::encode(device.digest())),
        };
        if job.user_id.is_some() || defended!("V01-code") {
            enqueue(tx, clock, Some(host.0), clock.now(), &job).await?;
        }
        Ok::<_, Error>(())
    })
    .await?;
    // The queue is not woken: what the job does more for a known address is not done beside this answer.
    let answer = CodeSent { status: "code_sent" };
    Ok(HttpResponse::Accepted().insert_header(("cache-control", "no-store")).json(answer))
}

//! `POST /api/auth/password/forgot`

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
use crate::jobs::mail_password_reset::MailPasswordReset;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForgotPasswordRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "anna@example.org")]
    email: EmailAddress,
    /// What the client calls its device: random, made once and kept. Strangers who ask use up nothing of what one has that the account
    /// was signed in on.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "phone-7f3a")]
    device_id: Option<DeviceId>,
}

/// What became of a request that is answered alike for every address.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetSent {
    #[schema(example = "reset_sent")]
    status: &'static str,
}

/// Ask for a link to choose another password
///
/// The link works once, for half an hour, until the next one is asked for; that of a device that the account was signed in on before,
/// until the next one is asked for there. Choosing one confirms an address that is not confirmed yet. Nothing is sent to
/// an address without an account; the answer is the same.
#[utoipa::path(
    tag = "password",
    params(SessionModeHeader),
    request_body = ForgotPasswordRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 202, body = ResetSent),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`origin_refused` in cookie mode"),
    ),
)]
#[post("/api/auth/password/forgot")]
pub async fn forgot_password(
    auth: web::Data<Auth>,
    host: HostTenant,
    SignInCaller(surroundings): SignInCaller,
    body: Body<ForgotPasswordRequest>,
) -> Result<HttpResponse, Error> {
    let Body(ForgotPasswordRequest { email, device_id }) = body;
    let device = surroundings.device(device_id.as_ref());
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::FORGOT_BY_NETWORK, surroundings.network()).await?;
    require_letters_left(&auth, &limits::FORGOT_BY_ADDRESS, (&email, device)).await?;

    // The same two statements for every address; the job does the rest, or nothing.
    let clock = &auth.platform.clock;
    transaction(&auth.platform.database, &Scope::realm(auth.realm), "forgot_password", async |tx| {
        let job = MailPasswordReset {
            user_id: users::find_by_email(tx, auth.realm, &email).await?.map(|account| account.id),
            device_hash: device.map(|device| hex::encode(device.digest())),
        };
        if job.user_id.is_some() || defended!("V01-forgot") {
            enqueue(tx, clock, Some(host.0), clock.now(), &job).await?;
        }
        Ok::<_, Error>(())
    })
    .await?;
    // The queue is not woken: what the job does more for a known address is not done beside this answer.
    let answer = ResetSent { status: "reset_sent" };
    Ok(HttpResponse::Accepted().insert_header(("cache-control", "no-store")).json(answer))
}

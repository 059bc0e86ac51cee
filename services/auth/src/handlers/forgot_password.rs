//! `POST /api/auth/password/forgot`

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_jobs::enqueue;
use shinkofa_kernel::defended;
use shinkofa_web::{Body, BodyRefusals, RateRefusal, RequestContext, Unavailability};
use utoipa::ToSchema;

use crate::db::users;
use crate::domain::email::EmailAddress;
use crate::error::Error;
use crate::jobs::mail_password_reset::MailPasswordReset;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForgotPasswordRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "anna@example.org")]
    email: EmailAddress,
}

/// What became of a request that is answered alike for every address.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetSent {
    #[schema(example = "reset_sent")]
    status: &'static str,
}

/// Ask for a link to choose another password
///
/// The link works once, for half an hour, until the next one is asked for. An address that is not confirmed gets the link
/// that confirms it instead. Nothing is sent to an address without an account; the answer is the same.
#[utoipa::path(
    tag = "password",
    request_body = ForgotPasswordRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 202, body = ResetSent),
    ),
)]
#[post("/api/auth/password/forgot")]
pub async fn forgot_password(
    auth: web::Data<Auth>,
    host: HostTenant,
    context: RequestContext,
    body: Body<ForgotPasswordRequest>,
) -> Result<HttpResponse, Error> {
    let Body(ForgotPasswordRequest { email }) = body;
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::FORGOT_BY_NETWORK, context.client.as_str()).await?;
    limiter.require(&limits::FORGOT_BY_ADDRESS, &limits::key_of(&email)).await?;

    // The same two statements for every address; the job does the rest, or nothing.
    let clock = &auth.platform.clock;
    transaction(&auth.platform.database, &Scope::realm(auth.realm), "forgot_password", async |tx| {
        let user_id = users::find_by_email(tx, auth.realm, &email).await?.map(|account| account.id);
        if user_id.is_some() || defended!("V01-forgot") {
            enqueue(tx, clock, Some(host.0), clock.now(), &MailPasswordReset { user_id }).await?;
        }
        Ok::<_, Error>(())
    })
    .await?;
    // The queue is not woken: what the job does more for a known address is not done beside this answer.
    let answer = ResetSent { status: "reset_sent" };
    Ok(HttpResponse::Accepted().insert_header(("cache-control", "no-store")).json(answer))
}

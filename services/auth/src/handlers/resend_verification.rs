//! `POST /api/auth/email/resend`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_jobs::enqueue;
use shinkofa_kernel::defended;
use shinkofa_web::{Body, BodyRefusals, RateRefusal, RequestContext, Unavailability};
use utoipa::ToSchema;

use super::sign_up::VerificationSent;
use crate::db::users;
use crate::domain::email::EmailAddress;
use crate::error::Error;
use crate::jobs::resend_verification::ResendVerification;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResendRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "anna@example.org")]
    email: EmailAddress,
}

/// Ask for another confirmation link
///
/// The earlier link stops working. Where more than one request to sign up is known for the address, the letter has a link to choose a
/// password instead, which confirms it as well. Nothing is sent to an address without an account, or with one that is confirmed;
/// the answer is the same.
#[utoipa::path(
    tag = "sign-up",
    request_body = ResendRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 202, body = VerificationSent),
    ),
)]
#[post("/api/auth/email/resend")]
pub async fn resend_verification(
    auth: web::Data<Auth>,
    host: HostTenant,
    context: RequestContext,
    body: Body<ResendRequest>,
) -> Result<HttpResponse, Error> {
    let Body(ResendRequest { email }) = body;
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::RESEND_BY_NETWORK, context.client.as_str()).await?;
    limiter.require(&limits::RESEND_BY_ADDRESS, &limits::key_of(&email)).await?;

    // The same two statements for every address; the job does the rest, or nothing.
    let clock = &auth.platform.clock;
    transaction(&auth.platform.database, &Scope::realm(auth.realm), "resend_verification", async |tx| {
        let user = users::find_by_email(tx, auth.realm, &email).await?.map(|account| account.id);
        if user.is_some() || defended!("V01-resend") {
            enqueue(tx, clock, Some(host.0), clock.now(), &ResendVerification { user_id: user }).await?;
        }
        Ok::<_, Error>(())
    })
    .await?;
    // The queue is not woken: what the job does more for a known address is not done beside this answer.
    Ok(VerificationSent::response())
}

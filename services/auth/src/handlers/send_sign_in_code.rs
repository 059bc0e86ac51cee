//! `POST /api/auth/otp/send`

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
use crate::jobs::send_sign_in_code::SendSignInCode;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignInCodeRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "anna@example.org")]
    email: EmailAddress,
}

/// What became of a request that is answered alike for every address.
#[derive(Debug, Serialize, ToSchema)]
pub struct CodeSent {
    #[schema(example = "code_sent")]
    status: &'static str,
}

/// Ask for a code to sign in with
///
/// Six digits by email, good for ten minutes and five attempts. A new code takes the place of the old one. The answer is the
/// same for an address without an account, which is sent nothing.
#[utoipa::path(
    tag = "sign-in",
    request_body = SignInCodeRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 202, body = CodeSent),
    ),
)]
#[post("/api/auth/otp/send")]
pub async fn send_sign_in_code(
    auth: web::Data<Auth>,
    host: HostTenant,
    context: RequestContext,
    body: Body<SignInCodeRequest>,
) -> Result<HttpResponse, Error> {
    let Body(SignInCodeRequest { email }) = body;
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::SIGN_IN_CODE_BY_NETWORK, context.client.as_str()).await?;
    limiter.require(&limits::SIGN_IN_CODE_BY_ADDRESS, &limits::key_of(&email)).await?;

    // The same two statements for every address; the job does the rest, or nothing.
    let clock = &auth.platform.clock;
    transaction(&auth.platform.database, &Scope::realm(auth.realm), "request_sign_in_code", async |tx| {
        let user = users::find_by_email(tx, auth.realm, &email).await?.map(|account| account.id);
        if user.is_some() || defended!("V01-code") {
            enqueue(tx, clock, Some(host.0), clock.now(), &SendSignInCode { user_id: user }).await?;
        }
        Ok::<_, Error>(())
    })
    .await?;
    // The queue is not woken: what the job does more for a known address is not done beside this answer.
    let answer = CodeSent { status: "code_sent" };
    Ok(HttpResponse::Accepted().insert_header(("cache-control", "no-store")).json(answer))
}

//! `POST /api/auth/magic-link`

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_jobs::enqueue;
use shinkofa_kernel::defended;
use shinkofa_web::{Body, ParameterRefusal, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::attempts::require_letters_left;
use crate::browser::{SessionModeHeader, SignInCaller};
use crate::db::users;
use crate::domain::device::DeviceId;
use crate::domain::email::EmailAddress;
use crate::domain::pkce::CodeChallenge;
use crate::error::Error;
use crate::jobs::send_magic_link::SendMagicLink;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MagicLinkRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "anna@example.org")]
    email: EmailAddress,
    /// The SHA-256 of a random verifier that stays in this browser, as base64url (RFC 7636). Without one: 400.
    #[schema(value_type = String, min_length = 43, max_length = 43, pattern = "^[A-Za-z0-9_-]{43}$", example = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")]
    code_challenge: Option<String>,
    /// `S256`, also when absent: there is no other.
    #[schema(value_type = Option<String>, pattern = "^S256$", example = "S256")]
    code_challenge_method: Option<String>,
    /// What the client calls its device: random, made once and kept. Strangers who ask use up nothing of what one has that the account
    /// was signed in on.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "phone-7f3a")]
    device_id: Option<DeviceId>,
}

/// What became of a request that is answered alike for every address.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkSent {
    #[schema(example = "link_sent")]
    status: &'static str,
}

/// Ask for a link to sign in with
///
/// The letter holds a link and a short code; either works once, within ten minutes, and only together with the
/// verifier. A new link takes the place of the old one; that of a device that the account was signed in on before is replaced by one
/// that is asked for there alone, and its short code is good there alone. The answer is the same for an address without an account,
/// which is sent nothing.
#[utoipa::path(
    tag = "sign-in",
    params(SessionModeHeader),
    request_body = MagicLinkRequest,
    responses(
        ParameterRefusal, RateRefusal, Unavailability,
        (status = 202, body = LinkSent),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json", description = "`pkce_required` among others"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`origin_refused` in cookie mode"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
#[post("/api/auth/magic-link")]
pub async fn request_magic_link(
    auth: web::Data<Auth>,
    host: HostTenant,
    SignInCaller(surroundings): SignInCaller,
    body: Body<MagicLinkRequest>,
) -> Result<HttpResponse, Error> {
    let Body(MagicLinkRequest { email, code_challenge, code_challenge_method, device_id }) = body;
    let challenge = CodeChallenge::read(code_challenge.as_deref(), code_challenge_method.as_deref())?;
    let limiter = &auth.platform.limiter;
    let device = surroundings.device(device_id.as_ref());
    limiter.require(&limits::MAGIC_LINK_BY_NETWORK, surroundings.network()).await?;
    require_letters_left(&auth, &limits::MAGIC_LINK_BY_ADDRESS, (&email, device)).await?;

    // The same two statements for every address; the job does the rest, or nothing.
    let clock = &auth.platform.clock;
    transaction(&auth.platform.database, &Scope::realm(auth.realm), "request_magic_link", async |tx| {
        let job = SendMagicLink {
            user_id: users::find_by_email(tx, auth.realm, &email).await?.map(|account| account.id),
            code_challenge: challenge.as_str().to_owned(),
            device_hash: device.map(|device| hex::encode(device.digest())),
        };
        if job.user_id.is_some() || defended!("V01-link") {
            enqueue(tx, clock, Some(host.0), clock.now(), &job).await?;
        }
        Ok::<_, Error>(())
    })
    .await?;
    // The queue is not woken: what the job does more for a known address is not done beside this answer.
    let answer = LinkSent { status: "link_sent" };
    Ok(HttpResponse::Accepted().insert_header(("cache-control", "no-store")).json(answer))
}

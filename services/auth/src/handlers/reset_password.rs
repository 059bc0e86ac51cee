//! `POST /api/auth/password/reset`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::Revocation;
use shinkofa_kernel::Actor;
use shinkofa_web::{Body, BodyRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability};
use utoipa::ToSchema;

use crate::claim::claim_address;
use crate::db::{one_time_tokens, scope, users};
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::domain::password::NewPassword;
use crate::error::Error;
use crate::password_setting::{Occasion, set_password};
use crate::{Auth, attempts, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetPasswordRequest {
    /// From the link in the mail, behind `#token=`.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    token: OneTimeToken,
    /// At least 12 characters, at most 1024 bytes, not a common or leaked password.
    #[schema(value_type = String, format = "password", min_length = 12, max_length = 1024, example = "a long and private sentence")]
    new_password: NewPassword,
}

/// A link takes so many passwords, most of them refused as leaked: hashing is not to be had for nothing.
const MOST_ATTEMPTS: i32 = 10;

/// Choose another password with a link
///
/// Works once, within half an hour, and confirms an address that is not confirmed yet. It signs nobody in: whoever was signed in is
/// signed out, and a second factor is asked for as before; not a mailed code, though: the mailbox is shown already. A link
/// that was used, has expired or was replaced by a newer one answers 410.
#[utoipa::path(
    tag = "password",
    request_body = ResetPasswordRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 204),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`link_gone`: it was used, has expired, or a newer one took its place"),
    ),
)]
#[post("/api/auth/password/reset")]
pub async fn reset_password(
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<ResetPasswordRequest>,
) -> Result<HttpResponse, Error> {
    let Body(ResetPasswordRequest { token, new_password }) = body;
    auth.platform.limiter.require(&limits::LINK_BY_NETWORK, context.client.as_str()).await?;
    let (database, now) = (&auth.platform.database, auth.platform.clock.now());
    let realm = Scope::realm(auth.realm);
    let account = transaction(database, &realm, "try_password_reset", async |tx| {
        let shown = (TokenPurpose::PasswordReset, &token);
        let grant = one_time_tokens::attempt(tx, auth.realm, shown, (MOST_ATTEMPTS, now)).await?;
        users::find(tx, auth.realm, grant.ok_or(Error::LinkGone)?.user_id).await?.ok_or(Error::LinkGone)
    })
    .await?;
    auth.leaks.refuse(&new_password, [&account.name, &account.email], "/newPassword").await?;
    let turn = auth.hashing.turn().await?;
    let phc = attempts::hash(&auth, &turn, new_password.as_str()).await?;
    drop(turn);

    let revocation =
        transaction(database, &realm, "reset_password", async |tx| reset(tx, &auth, &token, &phc).await)
            .await?;
    auth.revoked(&revocation);
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

async fn reset(
    tx: &mut Connection,
    auth: &Auth,
    token: &OneTimeToken,
    phc: &str,
) -> Result<Revocation, Error> {
    let now = auth.platform.clock.now();
    let grant = one_time_tokens::consume(tx, auth.realm, (TokenPurpose::PasswordReset, token), now).await?;
    let grant = grant.ok_or(Error::LinkGone)?;
    scope::enter_tenant(tx, grant.for_tenant).await?;
    let account = users::lock(tx, auth.realm, grant.user_id).await?;
    let account = account.filter(|account| account.is_usable(now)).ok_or(Error::LinkGone)?;
    // Whoever holds a link that was mailed is taken for its reader, and is not signed in for it.
    let trail = auth.trail(grant.for_tenant, Actor::Anonymous);
    let account = claim_address(tx, auth, &trail, account).await?;
    set_password(tx, auth, &trail, &account, (phc, Occasion::Reset)).await
}

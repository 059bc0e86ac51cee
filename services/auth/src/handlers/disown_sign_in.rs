//! `POST /api/auth/signin/not-me`

use actix_web::{HttpResponse, post, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::Actor;
use shinkofa_web::{Body, BodyRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability};
use utoipa::ToSchema;

use crate::db::audit::Trail;
use crate::db::users::{self, Account};
use crate::db::{email_changes, one_time_tokens, scope};
use crate::domain::audit::AuditAction;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::email_change::{or_gone, put_back};
use crate::error::Error;
use crate::mailed_sign_in::digest_of_address;
use crate::securing::{Disowned, Secured, ToldBy, begun, secure};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DisownSignInRequest {
    /// From the link in the mail, behind `#token=`.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    token: OneTimeToken,
}

/// That sign-in was not me
///
/// With the link of the letter about a sign-in on a new device, or about a session that was ended because a token of it was used
/// a second time; works once, for a week. Puts back the address that the account had then, where it was changed since; ends every
/// session, takes away the password and every factor and identity that was added since that sign-in, and sends a link to choose
/// another password to the account's address. A deletion that was asked for since then is cancelled. In every studio of the account the
/// keys of service accounts that were made in its name since then are revoked, the open invitations that were made or sent anew taken
/// back, and the webhooks that were made, changed or enabled disabled. Where the address that it had then is another account's by now, it
/// answers 410.
#[utoipa::path(
    tag = "sessions",
    request_body = DisownSignInRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 204),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`link_gone`: it was used, has expired, or the address that the account had is another one's by now"),
    ),
)]
#[post("/api/auth/signin/not-me")]
pub async fn disown_sign_in(
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<DisownSignInRequest>,
) -> Result<HttpResponse, Error> {
    let Body(DisownSignInRequest { token }) = body;
    auth.platform.limiter.require(&limits::LINK_BY_NETWORK, context.client.as_str()).await?;
    let scope = Scope::realm(auth.realm);
    let disowned = transaction(&auth.platform.database, &scope, "disown_sign_in", async |tx| {
        disown(tx, &auth, &token).await
    })
    .await;
    auth.secured(&disowned.map_err(or_gone)?);
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

async fn disown(tx: &mut Connection, auth: &Auth, token: &OneTimeToken) -> Result<Secured, Error> {
    let now = auth.platform.clock.now();
    let grant = one_time_tokens::consume(tx, auth.realm, (TokenPurpose::NotMe, token), now).await?;
    let grant = grant.ok_or(Error::LinkGone)?;
    scope::enter_tenant(tx, grant.for_tenant).await?;
    let account = users::lock(tx, auth.realm, grant.user_id).await?;
    let account = account.filter(|account| account.is_usable(now)).ok_or(Error::LinkGone)?;
    let trail = auth.trail(grant.for_tenant, Actor::Anonymous);
    let about = grant.about.unwrap_or_default();
    let opened_at: Option<DateTime<Utc>> = about["openedAt"].as_str().and_then(|at| at.parse().ok());
    let told = if opened_at.is_some() { AuditAction::SessionEnded } else { AuditAction::SessionOpened };
    let details = json!({ "action": told, "sessionId": about["sessionId"] });
    // The link of a letter about a sign-in was made as the session was opened.
    let since = opened_at.unwrap_or(grant.created_at);
    let account = at_former_address(tx, auth, &trail, (account, since)).await?;
    // The letter to an address that a stranger had given the account serves nobody once its owner is back.
    let mailed_to = about["mailedTo"].as_str();
    if mailed_to.is_some_and(|address| address != digest_of_address(&account.email_canonical)) {
        return Err(Error::LinkGone);
    }
    // A sign-in may have linked an identity, before its letter was made. What opened a session that was copied later is the owner's.
    let told_by = ToldBy::Letter { linked_since: opened_at.unwrap_or_else(|| begun(grant.created_at)) };
    let disowned = Disowned { action: AuditAction::NotMeReported, details, since, told_by };
    secure(tx, auth, &trail, &account, disowned).await
}

/// Whoever was in since then may have given the account an address of their own, where the letter with the way back would go.
async fn at_former_address(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, since): (Account, DateTime<Utc>),
) -> Result<Account, Error> {
    let change = email_changes::first_standing_since(tx, (auth.realm, account.id), since).await?;
    let Some(change) = change else { return Ok(account) };
    let account = put_back(tx, auth, trail, (&account, &change)).await?;
    let details = json!({ "emailChangeId": change.id });
    trail.user(tx, AuditAction::EmailChangeUndone, account.id, details).await?;
    Ok(account)
}

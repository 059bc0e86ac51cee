//! `POST /api/auth/email/change/confirm`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_contracts::auth::{AccountLetter, PersonalContact};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::Revocation;
use shinkofa_kernel::{Actor, defended};
use shinkofa_web::{Body, BodyRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability};
use utoipa::ToSchema;

use crate::access_ending::end_access;
use crate::announcement::announce_account;
use crate::db::audit::Trail;
use crate::db::email_changes::EmailChange;
use crate::db::users::{self, Account};
use crate::db::{email_changes, one_time_tokens, scope, sessions};
use crate::domain::audit::AuditAction;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::email_change::{AboutEmailChange, change_of, or_gone, take_address};
use crate::error::Error;
use crate::letters::request_letter_to;
use crate::password_reset::give_out;
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmEmailChangeRequest {
    /// From the link in the mail, behind `#token=`.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    token: OneTimeToken,
}

/// Confirm my new address
///
/// Works once. Everybody is signed out; the former address is told, with a link that takes the account back for a week. A
/// link that was used, has expired or was replaced by a newer one, whose session has ended, or whose address was taken
/// meanwhile answers 410.
#[utoipa::path(
    tag = "email",
    request_body = ConfirmEmailChangeRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 204),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`link_gone`: it was used, has expired, or a newer one took its place"),
    ),
)]
#[post("/api/auth/email/change/confirm")]
pub async fn confirm_email_change(
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<ConfirmEmailChangeRequest>,
) -> Result<HttpResponse, Error> {
    let Body(ConfirmEmailChangeRequest { token }) = body;
    auth.platform.limiter.require(&limits::LINK_BY_NETWORK, context.client.as_str()).await?;
    let scope = Scope::realm(auth.realm);
    let confirmed = transaction(&auth.platform.database, &scope, "confirm_email_change", async |tx| {
        confirm(tx, &auth, &token).await
    })
    .await;
    auth.revoked(&confirmed.map_err(or_gone)?);
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

async fn confirm(tx: &mut Connection, auth: &Auth, token: &OneTimeToken) -> Result<Revocation, Error> {
    let now = auth.platform.clock.now();
    let grant = one_time_tokens::consume(tx, auth.realm, (TokenPurpose::EmailChange, token), now).await?;
    let grant = grant.ok_or(Error::LinkGone)?;
    scope::enter_tenant(tx, grant.for_tenant).await?;
    let account = users::lock(tx, auth.realm, grant.user_id).await?;
    let change = change_of(tx, auth, &grant).await?;
    let account = account
        .filter(|account| account.is_usable(now) && account.email == change.old_email)
        .ok_or(Error::LinkGone)?;
    // The proof is good for the session that asked for it, no longer than that lasts.
    let session = sessions::find(tx, auth.realm, change.session_id).await?;
    let asked_here = session.is_some_and(|session| session.user_id == account.id && session.is_live(now));
    let asked_here = asked_here || !defended!("V05-session");
    if !asked_here || !email_changes::confirm(tx, (auth.realm, change.id), now).await? {
        return Err(Error::LinkGone);
    }
    let trail = auth.trail(grant.for_tenant, Actor::user(account.id));
    move_account(tx, auth, &trail, (&account, &change)).await
}

async fn move_account(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (before, change): (&Account, &EmailChange),
) -> Result<Revocation, Error> {
    let now = trail.clock.now();
    let after = take_address(tx, auth, trail, before, &change.new_email).await?;
    let token_version = users::raise_token_version(tx, (auth.realm, after.id), now).await?;
    let ended = end_access(tx, auth, trail, (after.id, token_version), None).await?;
    let details = json!({ "endedSessions": ended.sessions, "sessionId": change.session_id });
    trail.user(tx, AuditAction::EmailChanged, after.id, details).await?;
    announce_account(tx, trail, &after).await?;
    tell_former_address(tx, auth, trail, (before, change)).await?;
    Ok(ended.revocation)
}

async fn tell_former_address(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (before, change): (&Account, &EmailChange),
) -> Result<(), Error> {
    let purpose = TokenPurpose::EmailChangeUndo;
    let about = AboutEmailChange { change_id: change.id }.to_json()?;
    let secret = give_out(tx, auth, trail, before, (purpose, Some(about))).await?;
    let letter = AccountLetter::EmailChanged { undo_until: trail.clock.now() + purpose.lifetime() };
    let to = PersonalContact { email: change.old_email.clone(), name: before.name.clone() };
    request_letter_to(tx, auth, trail, (before, to.into()), (letter, Some(secret))).await
}

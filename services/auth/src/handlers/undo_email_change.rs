//! `POST /api/auth/email/change/undo`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::Actor;
use shinkofa_web::{Body, BodyRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability};
use utoipa::ToSchema;

use crate::db::email_changes::EmailChange;
use crate::db::{one_time_tokens, scope, users};
use crate::domain::audit::AuditAction;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::email_change::{change_of, or_gone, put_back};
use crate::error::Error;
use crate::securing::{Disowned, Secured, ToldBy, secure};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UndoEmailChangeRequest {
    /// From the link in the mail, behind `#token=`.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    token: OneTimeToken,
}

/// Put my former address back
///
/// Works once, within a week of the change. Everybody is signed out, the password and every factor and identity that was added
/// since the change was asked for are taken away, as are keys of service accounts that were made in the account's name since then, open
/// invitations that were made or sent anew, and webhooks that were made, changed or enabled. A deletion that was asked for since then is
/// cancelled, and a link to choose another password goes to the address that is back. Changes that came after this one are taken back
/// with it. A link that was used or has expired, or whose address is another account's by now, answers 410.
#[utoipa::path(
    tag = "email",
    request_body = UndoEmailChangeRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 204),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`link_gone`: it was used, has expired, or a newer one took its place"),
    ),
)]
#[post("/api/auth/email/change/undo")]
pub async fn undo_email_change(
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<UndoEmailChangeRequest>,
) -> Result<HttpResponse, Error> {
    let Body(UndoEmailChangeRequest { token }) = body;
    auth.platform.limiter.require(&limits::LINK_BY_NETWORK, context.client.as_str()).await?;
    let scope = Scope::realm(auth.realm);
    let undone = transaction(&auth.platform.database, &scope, "undo_email_change", async |tx| {
        undo(tx, &auth, &token).await
    })
    .await;
    auth.secured(&undone.map_err(or_gone)?);
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

async fn undo(tx: &mut Connection, auth: &Auth, token: &OneTimeToken) -> Result<Secured, Error> {
    let now = auth.platform.clock.now();
    let grant = one_time_tokens::consume(tx, auth.realm, (TokenPurpose::EmailChangeUndo, token), now).await?;
    let grant = grant.ok_or(Error::LinkGone)?;
    scope::enter_tenant(tx, grant.for_tenant).await?;
    let account = users::lock(tx, auth.realm, grant.user_id).await?;
    let account = account.filter(|account| account.is_usable(now)).ok_or(Error::LinkGone)?;
    let change = change_of(tx, auth, &grant).await?;
    if !change.stands() {
        return Err(Error::LinkGone);
    }
    let trail = auth.trail(grant.for_tenant, Actor::Anonymous);
    let account = put_back(tx, auth, &trail, (&account, &change)).await?;
    let disowned = Disowned {
        action: AuditAction::EmailChangeUndone,
        details: told(&change),
        since: change.requested_at,
        told_by: ToldBy::Letter { linked_since: change.requested_at },
    };
    secure(tx, auth, &trail, &account, disowned).await
}

fn told(change: &EmailChange) -> serde_json::Value {
    json!({ "emailChangeId": change.id })
}

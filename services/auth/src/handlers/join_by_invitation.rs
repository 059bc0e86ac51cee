//! `POST /api/tenants/invitations/join`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_web::{Body, BodyRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability};
use utoipa::ToSchema;

use super::accept_invitation::JoinedTenant;
use crate::db::users;
use crate::domain::account::AccountKind;
use crate::domain::invitation::InvitationSecret;
use crate::domain::one_time_token::OneTimeToken;
use crate::error::Error;
use crate::invitations::{accept, digests, offer};
use crate::{Auth, limits};

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinRequest {
    /// From the link in the letter, behind `#token=`.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    token: OneTimeToken,
}

/// Accept the invitation of a letter
///
/// Without signing in: whoever reads the letter has the address, so the account of that address joins. It signs nobody in. Where
/// there is no confirmed account with the address, `sign_up_first` says so: sign up with the same token as `invitation.token`.
#[utoipa::path(
    tag = "invitations",
    request_body = JoinRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = JoinedTenant),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`membership_suspended`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`sign_up_first` or `already_member`"),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`invitation_gone`"),
    ),
)]
#[post("/api/tenants/invitations/join")]
pub async fn join_by_invitation(
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<JoinRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::ACCEPT_BY_NETWORK, context.client.as_str()).await?;
    let secret = InvitationSecret::Token(body.0.token);
    let scope = Scope::realm(auth.realm);
    let joined = transaction(&auth.platform.database, &scope, "join_by_invitation", async |tx| {
        join(tx, &auth, &secret).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(joined))
}

async fn join(tx: &mut Connection, auth: &Auth, secret: &InvitationSecret) -> Result<JoinedTenant, Error> {
    let offer = offer(tx, auth, &digests(auth, secret)).await?;
    let email = offer.invitation.email_canonical.as_deref().ok_or(Error::InvitationGone)?;
    let account = users::lock_by_email(tx, auth.realm, email).await?;
    let now = auth.platform.clock.now();
    let account = account.filter(|account| {
        account.kind == AccountKind::Member && account.is_usable(now) && account.email_verified_at.is_some()
    });
    let account = account.ok_or(Error::SignUpFirst)?;
    let membership = accept(tx, auth, &offer, &account).await?;
    Ok(JoinedTenant::new(auth, offer.tenant, &membership))
}

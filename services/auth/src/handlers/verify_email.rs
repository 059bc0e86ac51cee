//! `POST /api/auth/email/verify`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::Actor;
use shinkofa_web::{Body, BodyRefusals, ProblemDocument, RateRefusal, RequestContext, Unavailability};
use utoipa::ToSchema;

use crate::db::audit::Trail;
use crate::db::one_time_tokens::TokenGrant;
use crate::db::users::{Account, Choice};
use crate::db::{one_time_tokens, scope, signups, users};
use crate::domain::account::AccountKind;
use crate::domain::audit::AuditAction;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::error::Error;
use crate::provider_suspensions::recognise;
use crate::{Auth, consenting, guests, invitations, limits, unconfirmed};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyEmailRequest {
    /// From the link in the mail, behind `#token=`.
    #[schema(value_type = String, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")]
    token: OneTimeToken,
}

/// Confirm an address
///
/// Works once. A link that was used, has expired or was replaced by a newer one answers 410.
#[utoipa::path(
    tag = "sign-up",
    request_body = VerifyEmailRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 204),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`link_gone`: it was used, has expired, a newer one took its place, or the guest who asked is in the studio no longer"),
    ),
)]
#[post("/api/auth/email/verify")]
pub async fn verify_email(
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<VerifyEmailRequest>,
) -> Result<HttpResponse, Error> {
    let Body(VerifyEmailRequest { token }) = body;
    auth.platform.limiter.require(&limits::VERIFY_BY_NETWORK, context.client.as_str()).await?;
    confirm_with(&auth, &token).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn confirm_with(auth: &Auth, token: &OneTimeToken) -> Result<(), Error> {
    let now = auth.platform.clock.now();
    transaction(&auth.platform.database, &Scope::realm(auth.realm), "verify_email", async |tx| {
        let purpose = TokenPurpose::EmailVerification;
        let grant = one_time_tokens::consume(tx, auth.realm, (purpose, token), now).await?;
        confirm(tx, auth, &grant.ok_or(Error::LinkGone)?).await
    })
    .await?;
    auth.platform.committed();
    Ok(())
}

async fn confirm(tx: &mut Connection, auth: &Auth, grant: &TokenGrant) -> Result<(), Error> {
    let (realm, user, now) = (auth.realm, grant.user_id, auth.platform.clock.now());
    scope::enter_tenant(tx, grant.for_tenant).await?;
    let trail = auth.trail(grant.for_tenant, Actor::user(user));
    let before = users::find(tx, realm, user).await?.filter(|account| account.is_usable(now));
    let before = before.ok_or(Error::LinkGone)?;
    let id = grant.signup_id.ok_or(Error::LinkGone)?;
    let signup = signups::find(tx, realm, id).await?.ok_or(Error::LinkGone)?;
    if before.kind == AccountKind::Anonymous {
        guests::upgrade(tx, auth, &trail, (user, &signup)).await?;
        one_time_tokens::void(tx, (realm, user), TokenPurpose::EmailVerification, now).await?;
        return Ok(());
    }
    // The password becomes the one that was chosen with this very link: not that of somebody who signed up with the same
    // address and cannot read its mail.
    let choice = Choice { name: &signup.name, locale: signup.locale, password_phc: &signup.password_phc };
    users::set_choice(tx, (realm, user), choice, now).await?;
    users::set_email_verified(tx, realm, user, now).await?;
    let account = users::find(tx, realm, user)
        .await?
        .filter(|account| account.is_usable(now))
        .ok_or(Error::LinkGone)?;
    one_time_tokens::void(tx, (realm, user), TokenPurpose::EmailVerification, now).await?;
    signups::delete_for_addresses(tx, realm, &[account.email_canonical.as_str()]).await?;

    unconfirmed::leave_others(tx, &trail, user).await?;
    trail.user(tx, AuditAction::EmailVerified, user, json!({})).await?;
    consenting::record_of_signup(tx, &trail, (user, &signup)).await?;
    match signup.invitation_digest {
        Some(digest) => accept(tx, auth, &trail, (&account, digest)).await?,
        // It was open when they signed up.
        None => unconfirmed::join(tx, auth, &trail, &account).await?,
    }
    // An invitation is had before what is said of whoever was invited, as it is wherever one is accepted.
    recognise(tx, auth, trail.tenant).await
}

/// Accepts the invitation that the request to sign up came with. One that came to nothing meanwhile makes a member where anybody
/// may sign up, and leaves who came with it outside where not.
async fn accept(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, digest): (&Account, Vec<u8>),
) -> Result<(), Error> {
    match invitations::offer(tx, auth, &[digest]).await {
        Ok(offer) => match invitations::accept(tx, auth, &offer, account).await {
            Ok(_) => return Ok(()),
            Err(
                Error::InvitationGone
                | Error::OtherAddress
                | Error::AlreadyMember
                | Error::MembershipSuspended,
            ) => {}
            Err(error) => return Err(error),
        },
        Err(Error::InvitationGone) => scope::enter_tenant(tx, trail.tenant).await?,
        Err(error) => return Err(error),
    }
    unconfirmed::join_where_open(tx, auth, trail, account).await
}

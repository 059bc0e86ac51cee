//! `POST /api/auth/email/change`

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_jobs::enqueue;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::attempts::Aim;
use crate::db::email_changes::{self, EmailChange, EmailChangeId};
use crate::db::users::Account;
use crate::domain::account::AccountKind;
use crate::domain::email::{EmailAddress, ReachableAddress};
use crate::domain::password::PresentedPassword;
use crate::error::Error;
use crate::jobs::settle_email_change::SettleEmailChange;
use crate::liveness::{require_factor_shown, require_no_password};
use crate::{Auth, attempts, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeEmailRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "anna.martin@example.org")]
    new_email: ReachableAddress,
    /// Of an account that has one, and only there.
    #[schema(value_type = Option<String>, format = "password", max_length = 1024, example = "my present private sentence")]
    current_password: Option<PresentedPassword>,
}

/// What became of a request that is answered alike for every address.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfirmationSent {
    #[schema(example = "confirmation_sent")]
    status: &'static str,
}

/// Change my address
///
/// Asks for the password again; where the account has none, for a sign-in or a step-up in the last ten minutes. A link goes to the new
/// address: it works once, for a day, as long as this session lasts and the password stays. Nothing changes before. An address that
/// has an account is answered alike; its owner is told. A guest upgrades instead, and a temporary account takes no address.
#[utoipa::path(
    tag = "email",
    request_body = ChangeEmailRequest,
    security(("bearer" = [])),
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 202, body = ConfirmationSent),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`wrong_password`, `wrong_tenant`, `guest_account`, or `email_not_verified` for a temporary account, or `step_up_required` where the account has a second factor or no password: see `www-authenticate`"),
    ),
)]
#[post("/api/auth/email/change")]
pub async fn change_email(
    auth: web::Data<Auth>,
    actor: CurrentActor,
    body: Body<ChangeEmailRequest>,
) -> Result<HttpResponse, Error> {
    let Body(ChangeEmailRequest { new_email, current_password }) = body;
    let new_email = EmailAddress::from(new_email);
    let account = show_again(&auth, &actor, current_password.as_ref()).await?;
    require_mailbox(&account)?;
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::EMAIL_CHANGE_BY_USER, &actor.user_id.to_string()).await?;
    limiter.require(&limits::EMAIL_CHANGE_BY_ADDRESS, &limits::key_of(&new_email)).await?;

    // Whether the address is taken is looked at by the job, so that it cannot be told from the answer or its time.
    let clock = &auth.platform.clock;
    let change = EmailChange {
        realm_id: auth.realm,
        id: EmailChangeId::new(clock),
        user_id: actor.user_id,
        session_id: actor.session_id,
        for_tenant: actor.tenant_id,
        old_email: account.email,
        new_email: new_email.as_str().to_owned(),
        requested_at: clock.now(),
        confirmed_at: None,
        cancelled_at: None,
        undone_at: None,
    };
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "change_email", async |tx| {
        require_factor_shown(tx, &auth, &actor, change.requested_at).await?;
        email_changes::insert(tx, &change).await?;
        let job = SettleEmailChange { change_id: change.id };
        enqueue(tx, clock, Some(actor.tenant_id), clock.now(), &job).await?;
        Ok::<_, Error>(())
    })
    .await?;
    // The queue is not woken: what the job does more for a free address, or a taken one, is not done beside this answer.
    let answer = ConfirmationSent { status: "confirmation_sent" };
    Ok(HttpResponse::Accepted().insert_header(("cache-control", "no-store")).json(answer))
}

/// Whoever has a password shows that; everybody else has shown lately who they are.
async fn show_again(
    auth: &Auth,
    actor: &CurrentActor,
    password: Option<&PresentedPassword>,
) -> Result<Account, Error> {
    if let Some(password) = password {
        return attempts::reauthenticate(auth, actor, password, Aim::Change).await;
    }
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let live = transaction(&auth.platform.database, &scope, "look_up_signed_in", async |tx| {
        require_no_password(tx, auth, actor, "/currentPassword").await
    })
    .await?;
    Ok(live.account)
}

/// Another address is for whoever has one. A temporary account would stay what it is under somebody's real address, and never be
/// written to there.
fn require_mailbox(account: &Account) -> Result<(), Error> {
    match account.kind {
        AccountKind::Member => Ok(()),
        AccountKind::Anonymous => Err(Error::GuestAccount),
        AccountKind::Temporary | AccountKind::Service => Err(Error::EmailNotVerified),
    }
}

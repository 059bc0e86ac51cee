//! Sends another link that confirms an address, where there is something to confirm.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, UserId};

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::signups::SIGNUPS_KEPT;
use crate::db::{memberships, signups, users};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::mailed_sign_in::takes_mail;
use crate::password_reset::request_password_reset;
use crate::unconfirmed::record;
use crate::verification::request_verification;

/// Enqueued for every address that asks, so that all are answered alike.
#[derive(Debug, Serialize, Deserialize)]
pub struct ResendVerification {
    pub user_id: Option<UserId>,
}

impl Job for ResendVerification {
    const NAME: &'static str = "resend_verification";
    type State = Auth;

    async fn run(self, auth: &Auth, attempt: Attempt) -> Result<(), Failure> {
        let (Some(user), Some(tenant)) = (self.user_id, attempt.tenant) else { return Ok(()) };
        let scope = Scope::realm(auth.realm).with_tenant(tenant);
        let trail = auth.trail(tenant, Actor::Anonymous);
        transaction(&auth.platform.database, &scope, "resend_verification_link", async |tx| {
            resend(tx, auth, &trail, user).await
        })
        .await?;
        auth.platform.committed();
        Ok(())
    }
}

async fn resend(tx: &mut Connection, auth: &Auth, trail: &Trail, user: UserId) -> Result<(), Error> {
    let now = trail.clock.now();
    let account = users::lock(tx, auth.realm, user).await?;
    let unconfirmed =
        account.filter(|account| account.email_verified_at.is_none() && takes_mail(account, now));
    let Some(account) = unconfirmed else { return Ok(()) };
    // A letter is written in the name of a tenant, which learns by it that there is such an account.
    let membership = memberships::find(tx, trail.tenant, user).await?;
    if !membership.is_some_and(|membership| membership.is_written_to(&account)) {
        return Ok(());
    }
    let mut signups = signups::of_address(tx, auth.realm, &account.email_canonical).await?;
    // To whom the letter of an older one went is forgotten already.
    signups.retain(|signup| now < signup.created_at + SIGNUPS_KEPT);
    match signups.as_slice() {
        // Nobody else ever signed up with the address: the account was made by this very request.
        [only] if only.created_at == account.created_at => {
            request_verification(tx, auth, trail, (user, only)).await?;
            record(tx, trail, &account, (AuditAction::VerificationRequested, json!({}))).await
        }
        // Whose password a link confirms cannot be told. So its reader chooses one.
        _ => request_password_reset(tx, auth, trail, (&account, None)).await,
    }
}

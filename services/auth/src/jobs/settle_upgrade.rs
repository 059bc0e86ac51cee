//! Sends the link that makes a guest a member, or tells the owner of the address that somebody tried to take it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::SignupForKnownAddress;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_feed::append;
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, UserId};

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::signups::{self, SignupId};
use crate::db::users;
use crate::domain::account::AccountKind;
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::jobs::forget_signup::forget_later;
use crate::verification::request_verification;

#[derive(Debug, Serialize, Deserialize)]
pub struct SettleUpgrade {
    pub guest: UserId,
    pub signup_id: SignupId,
}

impl Job for SettleUpgrade {
    const NAME: &'static str = "settle_upgrade";
    type State = Auth;

    async fn run(self, auth: &Auth, attempt: Attempt) -> Result<(), Failure> {
        let tenant =
            attempt.tenant.ok_or_else(|| Failure::Abort(anyhow::anyhow!("the job has no tenant")))?;
        let scope = Scope::realm(auth.realm).with_tenant(tenant);
        let trail = auth.trail(tenant, Actor::user(self.guest));
        transaction(&auth.platform.database, &scope, "settle_upgrade", async |tx| {
            settle(tx, auth, &trail, &self).await
        })
        .await?;
        auth.platform.committed();
        Ok(())
    }
}

/// Settles a request once, however often the job runs.
async fn settle(tx: &mut Connection, auth: &Auth, trail: &Trail, asked: &SettleUpgrade) -> Result<(), Error> {
    let now = trail.clock.now();
    let Some(signup) = signups::settle(tx, auth.realm, asked.signup_id, now).await? else { return Ok(()) };
    let owner = users::lock_by_email(tx, auth.realm, &signup.email_canonical).await?;
    // The guest reads it in their timeline, whoever has the address.
    trail.user(tx, AuditAction::VerificationRequested, asked.guest, json!({})).await?;
    if owner.as_ref().is_some_and(|owner| !owner.has_mailbox()) {
        // Nothing of that account is touched.
        signups::delete(tx, auth.realm, signup.id).await?;
        return Ok(());
    }
    if let Some(owner) = owner.filter(|owner| owner.email_verified_at.is_some()) {
        let warning = SignupForKnownAddress { user_id: owner.id, locale: owner.locale };
        append(tx, &trail.occurrence(), owner.id.as_uuid(), &warning, Some(&owner.contact())).await?;
        signups::delete(tx, auth.realm, signup.id).await?;
        return Ok(());
    }
    let guest = users::find(tx, auth.realm, asked.guest).await?;
    let Some(guest) = guest.filter(|guest| guest.kind == AccountKind::Anonymous && guest.is_usable(now))
    else {
        return Ok(());
    };
    request_verification(tx, auth, trail, (guest.id, &signup)).await?;
    forget_later(tx, trail, &signup).await
}

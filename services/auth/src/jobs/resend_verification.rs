//! Sends another confirmation link, where there is something to confirm.

use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, UserId};

use crate::Auth;
use crate::db::{memberships, signups, users};
use crate::error::Error;
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
            let now = trail.clock.now();
            let account = users::find(tx, auth.realm, user).await?;
            let unconfirmed =
                account.filter(|account| account.email_verified_at.is_none() && account.is_usable(now));
            let Some(account) = unconfirmed else { return Ok(()) };
            // A letter is written in the name of a tenant, which learns by it that there is such an account.
            if memberships::find(tx, tenant, user).await?.is_none() {
                return Ok(());
            }
            let signup = signups::latest(tx, auth.realm, &account.email_canonical).await?;
            request_verification(tx, auth, &trail, &account, signup).await
        })
        .await
        .map_err(|error: Error| error)?;
        auth.platform.committed();
        Ok(())
    }
}

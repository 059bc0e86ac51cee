//! Sends a link to choose another password, where there is an account for it.

use serde::{Deserialize, Serialize};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, UserId};

use crate::Auth;
use crate::account_only::or_account_only;
use crate::attempts::known_device;
use crate::db::audit::Trail;
use crate::db::{memberships, users};
use crate::domain::account::AccountKind;
use crate::domain::device::{Digest, digest_from_hex};
use crate::error::Error;
use crate::password_reset::request_password_reset;

/// Enqueued for every address that asks, so that all are answered alike.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailPasswordReset {
    pub user_id: Option<UserId>,
    /// Of the device that asked, in hex.
    pub device_hash: Option<String>,
}

impl Job for MailPasswordReset {
    const NAME: &'static str = "mail_password_reset";
    type State = Auth;

    async fn run(self, auth: &Auth, attempt: Attempt) -> Result<(), Failure> {
        let (Some(user), Some(tenant)) = (self.user_id, attempt.tenant) else { return Ok(()) };
        let scope = Scope::realm(auth.realm).with_tenant(tenant);
        let trail = auth.trail(tenant, Actor::Anonymous);
        transaction(&auth.platform.database, &scope, "mail_password_reset", async |tx| {
            let device = self.device_hash.as_deref().and_then(digest_from_hex);
            mail(tx, auth, &trail, (user, device)).await
        })
        .await?;
        auth.platform.committed();
        Ok(())
    }
}

/// Whoever chooses a password with the link confirms the address with it, if nobody has: it is the mail's reader who chooses, and what
/// somebody else chose when they signed up with that address is forgotten.
async fn mail(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (user, device): (UserId, Option<Digest>),
) -> Result<(), Error> {
    let now = trail.clock.now();
    let account = users::lock(tx, auth.realm, user).await?;
    let usable = account.filter(|account| account.kind == AccountKind::Member && account.is_usable(now));
    let Some(account) = usable else { return Ok(()) };
    // A letter is written in the name of a tenant, which learns the address by it.
    let membership = memberships::find(tx, trail.tenant, user).await?;
    let membership = or_account_only(tx, trail.tenant, &account, membership).await?;
    if !membership.is_some_and(|membership| membership.is_written_to(&account)) {
        return Ok(());
    }
    let bound_to = match &device {
        Some(device) => known_device(tx, auth, &account.email_canonical, device).await?,
        None => None,
    };
    request_password_reset(tx, auth, trail, (&account, bound_to)).await
}

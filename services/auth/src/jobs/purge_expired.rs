//! Removes what time has made useless.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shinkofa_db::{Error, Scope, transaction};
use shinkofa_identity::totp;
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::TenantId;
use shinkofa_runtime::tenants;

use crate::Auth;
use crate::db::{
    api_keys, bans, email_changes, factor_guesses, factors, failures, impersonations, invitations,
    oauth_attempts, one_time_tokens, passkey_challenges, realms, remembered_devices, revocations, sessions,
    signups, webhooks,
};
use crate::domain::invitation;
use crate::domain::second_factor::CONFIRM_WITHIN;

/// Expired tokens, sessions and remembered devices, counts of a past day, requests and factors nobody confirmed, revocations
/// older than any access token, keys of service accounts that were over long ago.
#[derive(Debug, Serialize, Deserialize)]
pub struct PurgeExpired {}

/// No access token lives longer, so an older revocation has nothing left to revoke.
const REVOCATIONS_KEPT: TimeDelta = TimeDelta::hours(1);
const FAILURES_KEPT: TimeDelta = TimeDelta::days(1);
/// As long as somebody may reasonably ask for another link.
const SIGNUPS_KEPT: TimeDelta = TimeDelta::days(7);
/// Longer than an address may be taken back.
const EMAIL_CHANGES_KEPT: TimeDelta = TimeDelta::days(30);
/// Used tokens answer as used ones for a while, and ended sessions can be looked at.
const TOKENS_KEPT: TimeDelta = TimeDelta::days(1);
/// As long as the deliveries of a webhook are shown.
const DELIVERIES_KEPT: TimeDelta = TimeDelta::days(30);
/// As long as somebody may ask which key it was.
const KEYS_KEPT: TimeDelta = TimeDelta::days(90);
/// As long as somebody may ask why staff looked at their account.
const IMPERSONATIONS_KEPT: TimeDelta = TimeDelta::days(365);
const FORGOTTEN_AT_ONCE: i64 = 200;

impl Job for PurgeExpired {
    const NAME: &'static str = "purge_expired";
    type State = Auth;

    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        let (database, now) = (&auth.platform.database, auth.platform.clock.now());
        let realms = transaction(database, &Scope::infrastructure(), "purge_revocations", async |tx| {
            revocations::delete_older_than(tx, now - REVOCATIONS_KEPT).await?;
            Ok::<_, Error>(realms::all(tx).await?)
        })
        .await?;
        for realm in realms {
            let removed = transaction(database, &Scope::realm(realm), "purge_realm", async |tx| {
                let tokens = one_time_tokens::delete_expired(tx, realm, now - TOKENS_KEPT).await?;
                let sessions = sessions::delete_expired(tx, realm, now - TOKENS_KEPT).await?;
                let failures = failures::delete_older_than(tx, realm, now - FAILURES_KEPT).await?;
                let signups = signups::delete_older_than(tx, realm, now - SIGNUPS_KEPT).await?;
                let attempts = oauth_attempts::delete_expired(tx, realm, now).await?;
                let begun = factors::delete_unconfirmed_before(tx, realm, now - CONFIRM_WITHIN).await?;
                let guesses =
                    factor_guesses::delete_before(tx, realm, totp::step_at(now - FAILURES_KEPT)).await?;
                let devices = remembered_devices::delete_expired(tx, realm, now).await?;
                let changes = email_changes::delete_older_than(tx, realm, now - EMAIL_CHANGES_KEPT).await?;
                let challenges = passkey_challenges::delete_expired(tx, realm, now).await?;
                let accounts = tokens + sessions + failures + signups + attempts + changes;
                Ok::<_, Error>(accounts + begun + guesses + devices + challenges)
            })
            .await?;
            tracing::debug!(removed, "expired rows removed");
        }
        let tenants = transaction(database, &Scope::infrastructure(), "list_tenants", async |tx| {
            Ok::<_, Error>(tenants(tx).await?)
        })
        .await?;
        for tenant in tenants {
            transaction(database, &Scope::tenant(tenant.id), "purge_tenant", async |tx| {
                webhooks::delete_old_here(tx, now - DELIVERIES_KEPT).await?;
                api_keys::delete_over_here(tx, now - KEYS_KEPT).await?;
                impersonations::delete_older_than_here(tx, now - IMPERSONATIONS_KEPT).await?;
                Ok::<_, Error>(bans::delete_over_here(tx, now).await?)
            })
            .await?;
            forget_invitations(auth, tenant.id).await?;
        }
        Ok(())
    }
}

/// Whoever was invited is forgotten when it is long over, a few at a time.
async fn forget_invitations(auth: &Auth, tenant: TenantId) -> Result<(), Error> {
    let over = auth.platform.clock.now() - invitation::KEPT;
    let scope = Scope::realm(auth.realm).with_tenant(tenant);
    transaction(&auth.platform.database, &scope, "forget_invitations", async |tx| {
        let gone = invitations::over_here(tx, over, FORGOTTEN_AT_ONCE).await?;
        Ok::<_, Error>(crate::invitations::forget(tx, auth, &gone).await?)
    })
    .await
}

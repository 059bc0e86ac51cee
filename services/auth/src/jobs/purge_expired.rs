//! Removes what time has made useless.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shinkofa_db::{Error, Scope, transaction};
use shinkofa_identity::{LONGEST_TOKEN, totp};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{RealmId, TenantId};
use shinkofa_runtime::tenants;

use super::every_realm;
use crate::Auth;
use crate::db::signups::SIGNUPS_KEPT;
use crate::db::{
    api_keys, bans, email_changes, factor_guesses, factors, failures, impersonations, invitations,
    oauth_attempts, one_time_tokens, passkey_challenges, past_places, remembered_devices, revocations,
    signups, webhooks,
};
use crate::domain::invitation;
use crate::domain::second_factor::CONFIRM_WITHIN;
use crate::portions::Portions;
use crate::rounds::Turn;

/// Expired tokens, sessions and remembered devices, places of sessions that were over long ago, counts of a past day, requests and
/// factors nobody confirmed, revocations older than any access token, keys of service accounts that were over long ago.
#[derive(Debug, Serialize, Deserialize)]
pub struct PurgeExpired {}

const FAILURES_KEPT: TimeDelta = TimeDelta::days(1);
/// Longer than an address may be taken back.
const EMAIL_CHANGES_KEPT: TimeDelta = TimeDelta::days(30);
/// Used tokens answer as used ones for a while, and ended sessions can be looked at.
const TOKENS_KEPT: TimeDelta = TimeDelta::days(1);
/// As long as the timeline says where something was done from.
const PLACES_KEPT: TimeDelta = TimeDelta::days(90);
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

    /// Neither of both leaves the other without its time.
    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        let clock = &auth.platform.clock;
        let realms = purge_realms(auth, &Turn::new(clock, Self::LEASE / 4)).await;
        purge_tenants(auth, &Turn::new(clock, Self::LEASE / 4)).await.and(realms)?;
        Ok(())
    }
}

async fn purge_realms(auth: &Auth, turn: &Turn) -> Result<(), Error> {
    let before = auth.platform.clock.now() - LONGEST_TOKEN;
    let everywhere = Portions { auth, scope: Scope::infrastructure(), turn };
    everywhere
        .remove("purge_revocations", async |tx, most| revocations::delete_older_than(tx, before, most).await)
        .await?;
    for realm in every_realm(auth).await? {
        let here = Portions { auth, scope: Scope::realm(realm), turn };
        purge_ways_in(&here, realm).await?;
        purge_attempts(&here, realm).await?;
    }
    Ok(())
}

async fn purge_ways_in(here: &Portions<'_>, realm: RealmId) -> Result<(), Error> {
    let now = here.auth.platform.clock.now();
    here.remove("purge_one_time_tokens", async |tx, most| {
        one_time_tokens::delete_expired(tx, realm, now - TOKENS_KEPT, most).await
    })
    .await?;
    here.remove("purge_sessions", async |tx, most| {
        past_places::retire_sessions(tx, realm, now - TOKENS_KEPT, most).await
    })
    .await?;
    here.remove("purge_past_places", async |tx, most| {
        past_places::delete_over_before(tx, realm, now - PLACES_KEPT, most).await
    })
    .await?;
    here.remove("purge_remembered_devices", async |tx, most| {
        remembered_devices::delete_expired(tx, realm, now, most).await
    })
    .await?;
    here.remove("purge_passkey_challenges", async |tx, most| {
        passkey_challenges::delete_expired(tx, realm, now, most).await
    })
    .await?;
    here.remove("purge_unconfirmed_factors", async |tx, most| {
        factors::delete_unconfirmed_before(tx, realm, now - CONFIRM_WITHIN, most).await
    })
    .await?;
    Ok(())
}

async fn purge_attempts(here: &Portions<'_>, realm: RealmId) -> Result<(), Error> {
    let now = here.auth.platform.clock.now();
    here.remove("purge_failures", async |tx, most| {
        failures::delete_older_than(tx, realm, now - FAILURES_KEPT, most).await
    })
    .await?;
    here.remove("purge_factor_guesses", async |tx, most| {
        factor_guesses::delete_before(tx, realm, totp::step_at(now - FAILURES_KEPT), most).await
    })
    .await?;
    here.remove("purge_signups", async |tx, most| {
        signups::delete_older_than(tx, realm, now - SIGNUPS_KEPT, most).await
    })
    .await?;
    here.remove("purge_oauth_attempts", async |tx, most| {
        oauth_attempts::delete_expired(tx, realm, now, most).await
    })
    .await?;
    here.remove("purge_email_changes", async |tx, most| {
        email_changes::delete_older_than(tx, realm, now - EMAIL_CHANGES_KEPT, most).await
    })
    .await?;
    Ok(())
}

async fn purge_tenants(auth: &Auth, turn: &Turn) -> Result<(), Error> {
    let scope = Scope::infrastructure();
    let tenants = transaction(&auth.platform.database, &scope, "list_tenants", async |tx| {
        Ok::<_, Error>(tenants(tx).await?)
    })
    .await?;
    let tenants = tenants.into_iter().map(|tenant| tenant.id).collect();
    let visit = async |tenant| purge_tenant(auth, tenant, turn).await;
    auth.rounds.visit(PurgeExpired::NAME, tenants, turn, visit).await
}

async fn purge_tenant(auth: &Auth, tenant: TenantId, turn: &Turn) -> Result<(), Error> {
    let now = auth.platform.clock.now();
    let here = Portions { auth, scope: Scope::tenant(tenant), turn };
    here.remove("purge_tenant", async |tx, most| {
        // People made these by hand: they are few.
        api_keys::delete_over_here(tx, now - KEYS_KEPT).await?;
        impersonations::delete_older_than_here(tx, now - IMPERSONATIONS_KEPT).await?;
        bans::delete_over_here(tx, now).await?;
        webhooks::delete_old_here(tx, now - DELIVERIES_KEPT, most).await
    })
    .await?;
    forget_invitations(auth, tenant).await
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

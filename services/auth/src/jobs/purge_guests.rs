//! Removes guests to whom nobody can come back.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, RealmId, UserId};

use super::every_realm;
use crate::Auth;
use crate::db::{guests, memberships, scope, timeline, users};
use crate::domain::account::AccountKind;
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::jobs::repeat_erasure::tell_twice;
use crate::rounds::Turn;

/// Guests whose sessions are all over, and who wait for no confirmation. Whoever left the studio, or was removed from it, is among them.
#[derive(Debug, Serialize, Deserialize)]
pub struct PurgeGuests {}

/// A guest that is just being made has no session yet, and no token outlives its session by more.
const AT_LEAST: TimeDelta = TimeDelta::hours(1);
/// Removed in one transaction.
const PORTION: i64 = 200;

impl Job for PurgeGuests {
    const NAME: &'static str = "purge_guests";
    type State = Auth;

    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        let turn = Turn::new(&auth.platform.clock, Self::LEASE / 2);
        for realm in every_realm(auth).await? {
            while purge_some(auth, realm).await? >= PORTION && !turn.is_over() {}
        }
        auth.platform.committed();
        Ok(())
    }
}

/// Removes a portion of a realm's. Returns how many that were.
async fn purge_some(auth: &Auth, realm: RealmId) -> Result<i64, Error> {
    let now = auth.platform.clock.now();
    let removed = transaction(&auth.platform.database, &Scope::realm(realm), "purge_guests", async |tx| {
        let gone = guests::gone(tx, realm, (now, now - AT_LEAST), PORTION).await?;
        for guest in &gone {
            forget(tx, auth, (realm, *guest)).await?;
        }
        Ok::<_, Error>(gone.len())
    })
    .await?;
    if removed > 0 {
        tracing::info!(removed, "guests to whom nobody can come back were removed");
    }
    Ok(i64::try_from(removed).unwrap_or(i64::MAX))
}

/// Wherever they were anything: the trail of the studio that made them says so, when they are no member any more.
async fn forget(tx: &mut Connection, auth: &Auth, (realm, guest): (RealmId, UserId)) -> Result<(), Error> {
    // Perhaps they became a member in this very moment.
    let account = users::lock(tx, realm, guest).await?;
    if account.is_none_or(|account| account.kind != AccountKind::Anonymous) {
        return Ok(());
    }
    for tenant in timeline::tenants_of(tx, guest).await? {
        scope::enter_tenant(tx, tenant).await?;
        memberships::remove_here(tx, &[guest]).await?;
        let trail = auth.trail(tenant, Actor::service("auth"));
        trail.user(tx, AuditAction::GuestRemoved, guest, json!({})).await?;
        // Whatever another service noted under the id goes as well.
        tell_twice(tx, &trail, &[guest]).await?;
    }
    guests::remove(tx, realm, guest).await?;
    Ok(())
}

//! Removes guests to whom nobody can come back.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::UserErasureRequested;
use shinkofa_db::{Scope, transaction};
use shinkofa_feed::append;
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, RealmId, TenantId};
use shinkofa_runtime::tenants;

use crate::Auth;
use crate::db::{guests, memberships, realms};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::rounds::Turn;

/// Guests whose sessions are all over, and who wait for no confirmation.
#[derive(Debug, Serialize, Deserialize)]
pub struct PurgeGuests {}

/// A guest that is just being made has no session yet.
const AT_LEAST: TimeDelta = TimeDelta::hours(1);
/// Removed in one transaction.
const PORTION: usize = 200;

impl Job for PurgeGuests {
    const NAME: &'static str = "purge_guests";
    type State = Auth;

    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        let turn = Turn::new(&auth.platform.clock, Self::LEASE / 2);
        let scope = Scope::infrastructure();
        let everywhere = transaction(&auth.platform.database, &scope, "list_guest_tenants", async |tx| {
            Ok::<_, Error>((realms::all(tx).await?, tenants(tx).await?))
        });
        let (realms, tenants) = everywhere.await?;
        let tenants = tenants.into_iter().map(|tenant| tenant.id).collect();
        let visit = async |tenant| {
            for realm in &realms {
                while purge_some(auth, *realm, tenant).await? >= PORTION && !turn.is_over() {}
            }
            Ok::<_, Error>(())
        };
        let visited = auth.rounds.visit(Self::NAME, tenants, &turn, visit).await;
        auth.platform.committed();
        visited?;
        Ok(())
    }
}

/// Removes a portion of a tenant's. Returns how many that were.
async fn purge_some(auth: &Auth, realm: RealmId, tenant: TenantId) -> Result<usize, Error> {
    let now = auth.platform.clock.now();
    let trail = auth.trail(tenant, Actor::service("auth"));
    let scope = Scope::realm(realm).with_tenant(tenant);
    let most = i64::try_from(PORTION).unwrap_or(i64::MAX);
    let removed = transaction(&auth.platform.database, &scope, "purge_guests", async |tx| {
        let gone = guests::gone(tx, realm, (now, now - AT_LEAST), most).await?;
        for guest in &gone {
            memberships::remove_here(tx, *guest).await?;
            guests::remove(tx, realm, *guest).await?;
            trail.user(tx, AuditAction::GuestRemoved, *guest, json!({})).await?;
            // Whatever another service noted under the id goes as well.
            let erasure = UserErasureRequested { user_id: *guest };
            append(tx, &trail.occurrence(), guest.as_uuid(), &erasure, None).await?;
        }
        Ok::<_, Error>(gone.len())
    })
    .await?;
    if removed > 0 {
        tracing::info!(removed, %tenant, "guests to whom nobody can come back were removed");
    }
    Ok(removed)
}
